"""Sequences in one operation against the plain loop that torch records, and the kernels' own arithmetic."""

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference_systems import random

from ptacore.networks import bptt as fused
from ptacore.networks.published import LEM, Antisymmetric, CoRNN, Lipschitz
from ptacore.networks.torch_units import GRU, LSTM, Tanh

CELLS = {
    "tanh": (Tanh.cell, ()),
    "gru": (GRU.cell, ()),
    "lstm": (LSTM.cell, ()),
    "antisymmetric": (Antisymmetric.cells[0], (0.3,)),
    "antisymmetric, gated": (Antisymmetric.cells[1], (0.3,)),
    "cornn": (CoRNN.cell, (0.2, 0.7, 1.5)),
    "lipschitz": (Lipschitz.cell, (0.3,)),
    "lem": (LEM.cell, (0.6,)),
}
BACKENDS = ["torch", *(["compiled"] if fused.available() else [])]
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}


def problem(name, steps, batch, m, n, seed=0, dtype=torch.float64):
    """Random operands that ask for gradients: inputs, weight_in, bias, readout's weight and bias, weights, start."""
    cell, _ = CELLS[name]
    shapes = [(steps, batch, m), (cell.inputs * n, m), (cell.gates * n,), (3, n), (3,)]
    shapes += [(p.into * n, len(p.of) * n) for p in cell.products] + [(batch, n)] * cell.states
    scales = [1.0, 1.0, 0.5, 1.0, 1.0, *(1.2 / (len(p.of) * n) ** 0.5 for p in cell.products), *([0.7] * cell.states)]
    return [
        random(shape, 100 * seed + i, scale).to(dtype).requires_grad_()
        for i, (shape, scale) in enumerate(zip(shapes, scales, strict=True))
    ]


def run(name, tensors, backend, dropout=0.0):
    """outputs, *states"""
    cell, constants = CELLS[name]
    inputs, weight_in, bias, read_weight, read_bias, *rest = tensors
    weights, start = tuple(rest[: len(cell.products)]), tuple(rest[len(cell.products) :])
    readout = fused.Readout(read_weight, read_bias, dropout, seed=5)
    outputs, states = fused.run(cell, inputs, weight_in, bias, weights, start, constants, backend, readout)
    return outputs, *states


def loss(results, seed=7):
    scale = results[-1].numel() ** -0.5
    return scale * sum((x * random(x.shape, seed + i).to(x.dtype)).sum() for i, x in enumerate(results))


def distance(got, expected):
    got, expected = got.detach().double(), expected.detach().double()
    return float((got - expected).norm() / expected.norm().clamp_min(1e-300))


def rounded(tensor, dtype):
    """In double precision, each number off by a rounding of dtype: what depends on it cannot be known better."""
    noise = torch.randn(tensor.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return tensor.detach().double() * (1 + torch.finfo(dtype).eps / 2 * noise)


@settings(max_examples=150)
@given(
    name=st.sampled_from(sorted(CELLS)),
    backend=st.sampled_from(BACKENDS),
    dtype=st.sampled_from(list(TOLERANCE)),
    steps=st.integers(1, 12),
    batch=st.integers(1, 40),
    m=st.integers(1, 4),
    n=st.integers(1, 40),
    chunk=st.sampled_from([1, 3000, fused.CHUNK]),
    part=st.sampled_from(["outputs", "states", "all"]),
    dropout=st.sampled_from([0.0, 0.4]),
    seed=st.integers(0, 1000),
)
@example(
    "gru", BACKENDS[-1], torch.float32, 9, 37, 2, 65, 10000, "all", 0.4, 1
)  # partial blocks of rows, columns and chunks
@example("lem", BACKENDS[-1], torch.float64, 9, 37, 2, 65, 10000, "all", 0.4, 1)
@example("lem", BACKENDS[-1], torch.float32, 4, 29, 4, 1, 1, "states", 0.0, 4)  # a gradient that nearly cancels
def test_results_and_gradients_are_those_of_the_recorded_loop(
    name, backend, dtype, steps, batch, m, n, chunk, part, dropout, seed
):
    tensors = problem(name, steps, batch, m, n, seed, dtype)
    part = {"outputs": slice(0, 1), "states": slice(1, None), "all": slice(None)}[part]

    def results(tensors, backend):
        got = run(name, tensors, backend, dropout)
        gradients = torch.autograd.grad(loss(got[part]), tensors, materialize_grads=True)
        return *got, *gradients

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fused, "CHUNK", chunk)
        got, torchs_own = results(tensors, backend), results(tensors, "autograd")
        exact = results([t.detach().double().requires_grad_() for t in tensors], "autograd")
        nearby = results([rounded(t, dtype).requires_grad_() for t in tensors], "autograd")
    for ours, torchs, near, truth in zip(got, torchs_own, nearby, exact, strict=True):
        assert ours.shape == truth.shape
        unsure = max(distance(torchs, truth), distance(near, truth))  # of sums that cancel
        assert distance(ours, truth) < max(TOLERANCE[dtype], 5 * unsure)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", sorted(CELLS))
def test_gradients_are_the_limits_of_difference_quotients(name, backend):
    tensors = problem(name, 4, 2, 2, 3)
    assert torch.autograd.gradcheck(lambda *x: run(name, x, backend), tensors, fast_mode=True)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", sorted(CELLS))
def test_two_runs_agree_to_the_last_bit(name, backend):
    tensors = problem(name, 30, 33, 3, 50, dtype=torch.float32)
    first, second = (torch.autograd.grad(loss(run(name, tensors, backend)), tensors) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("backend", BACKENDS)
def test_calls_do_not_share_memory_and_a_kept_graph_gives_the_same_gradients_again(backend):
    a = problem("gru", 10, 5, 3, 7, seed=1)
    b = problem("gru", 10, 5, 3, 7, seed=2)
    alone = torch.autograd.grad(loss(run("gru", a, backend)), a)
    of_a, of_b = loss(run("gru", a, backend)), loss(run("gru", b, backend))
    torch.autograd.grad(of_b, b)
    for _ in range(2):
        again = torch.autograd.grad(of_a, a, retain_graph=True)
        assert all(torch.equal(x, y) for x, y in zip(alone, again, strict=True))


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_of_a_part_of_the_outputs_for_a_part_of_the_operands(backend):
    tensors = problem("lstm", 10, 5, 3, 7)
    *_, c = run("lstm", tensors, backend)
    some = [tensors[1], tensors[-1]]
    got = torch.autograd.grad(c[-1].sum(), some)
    expected = torch.autograd.grad(run("lstm", tensors, "autograd")[-1][-1].sum(), some)
    assert all(distance(x, y) < 1e-10 for x, y in zip(got, expected, strict=True))
    fixed = [t.detach() for t in tensors]
    fixed[5].requires_grad_()  # the recurrent weight alone
    got = torch.autograd.grad(loss(run("lstm", fixed, backend)), fixed[5])[0]
    assert distance(got, torch.autograd.grad(loss(run("lstm", fixed, "autograd")), fixed[5])[0]) < 1e-10


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_second_derivative_is_refused_and_the_recorded_loop_has_it(backend):
    tensors = problem("tanh", 4, 2, 2, 3)
    with pytest.raises(RuntimeError, match='first derivatives only.*backend="autograd"'):
        torch.autograd.grad(loss(run("tanh", tensors, backend)), tensors[5], create_graph=True)
    slope = torch.autograd.grad(loss(run("tanh", tensors, "autograd")), tensors[5], create_graph=True)[0]
    assert torch.autograd.grad(slope.square().sum(), tensors[5])[0].norm() > 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_weights_changed_before_the_backward_pass_are_noticed(backend):
    tensors = problem("tanh", 4, 2, 2, 3)
    value = loss(run("tanh", tensors, backend))
    with torch.no_grad():
        tensors[5].mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        value.backward()


@pytest.mark.parametrize("backend", BACKENDS)
def test_only_the_states_are_stored(backend):
    """Of tanh: (T + 1) x B x n numbers and the operands; a recorded loop keeps several times as much."""
    tensors = problem("tanh", 50, 64, 2, 32)
    stored = {}

    def pack(x):
        stored[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes() // x.element_size()
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        run("tanh", tensors, backend, dropout=0.5)
    assert sum(stored.values()) < 51 * 64 * 32 + 2 * sum(t.numel() for t in tensors)


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_gradients_nothing_but_the_states_is_allocated(backend, monkeypatch):
    tensors = problem("gru", 200, 64, 2, 32)
    monkeypatch.setattr(fused, "CHUNK", 128 * 32)
    engine, shapes = {"torch": fused.Loop, "compiled": fused.Kernel}[backend], []
    empty = engine.empty
    monkeypatch.setattr(engine, "empty", staticmethod(lambda x, *shape: shapes.append(shape) or empty(x, *shape)))
    with torch.no_grad():
        run("gru", tensors, backend)
    assert sum(map(math.prod, shapes)) < 1.2 * 201 * 64 * 32


def test_dropout_takes_its_share_anew_at_every_step_and_keeps_the_mean():
    h = torch.ones(40, 100, 50)
    got = fused.drop(h, 0.2, seed=3)
    assert sorted(got.unique().tolist()) == pytest.approx([0.0, 1.25])
    assert got.mean().item() == pytest.approx(1.0, abs=0.01)
    assert got.mean((0, 1)).std() < 0.05
    assert len({tuple(step.flatten().tolist()) for step in got}) == 40
    assert torch.equal(fused.drop(h, 0.2, seed=3), got)
    assert not torch.equal(fused.drop(h, 0.2, seed=4), got)
    assert fused.drop(h, 0.0, seed=3) is h


def test_what_does_not_fit_is_refused():
    tensors = problem("gru", 4, 2, 2, 3)
    with pytest.raises(ValueError, match="^backend: expected one of auto, compiled, torch, autograd, got 'fast'"):
        run("gru", tensors, "fast")
    for i, name in enumerate(["weight_in", "bias", "readout", "readout", "weights", "state"], start=1):
        wrong = list(tensors)
        wrong[i] = wrong[i][:-1]
        with pytest.raises(ValueError, match=f"^{name}: expected shape"):
            run("gru", wrong, "auto")
        wrong[i] = tensors[i].float()
        with pytest.raises(ValueError, match=f"^{name}: torch.float32 on cpu, but the inputs are torch.float64"):
            run("gru", wrong, "auto")


@pytest.mark.parametrize("name", ["tanh", "gru", "lem"])
def test_other_precisions_take_torch(name):
    tensors = problem(name, 4, 2, 2, 3, dtype=torch.bfloat16)
    got, expected = run(name, tensors, "auto")[0], run(name, [t.double() for t in tensors], "autograd")[0]
    assert got.dtype == torch.bfloat16
    assert distance(got, expected) < 0.05
    with pytest.raises(ValueError, match="^backend: compiled needs .* but: torch.bfloat16 on cpu"):
        run(name, tensors, "compiled")


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("chunk", [3000, fused.CHUNK])
@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_read_out_late_is_the_end_of_what_is_read_out_throughout(backend, chunk, dropout, monkeypatch):
    """With the gradients of a loss that looks at nothing before: to the bit where each row is summed up by itself."""
    monkeypatch.setattr(fused, "CHUNK", chunk)
    cell, constants = CELLS["gru"]
    found = []
    for since in (0, 21):
        inputs, weight_in, bias, read_weight, read_bias, W, h = tensors = problem("gru", 30, 33, 2, 20)
        readout = fused.Readout(read_weight, read_bias, dropout, seed=5)
        outputs, _ = fused.run(cell, inputs, weight_in, bias, (W,), (h,), constants, backend, readout, since)
        late = outputs[21 - since :]
        found.append([late, *torch.autograd.grad(late.square().sum(), tensors)])
    for throughout, end in zip(*found, strict=True):
        if backend == "compiled":
            assert torch.equal(throughout, end)
        torch.testing.assert_close(throughout, end, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_that_torch_leaves_out_or_negates_later_arrive(backend):
    """sgn has a gradient without memory, and the way back through mH one whose sign is put off."""
    cell, constants = CELLS["gru"]
    inputs, weight_in, bias, read_weight, read_bias, W, h = tensors = problem("gru", 9, 5, 2, 20)
    readout = fused.Readout(read_weight, read_bias)

    def both():
        outputs, (states,) = fused.run(cell, inputs, weight_in, bias, (W,), (h,), constants, backend, readout)
        return outputs, states

    for i in range(2):
        gradients = torch.autograd.grad(both()[i].sgn().sum(), tensors, allow_unused=True)
        assert all(g is None or (g == 0).all() for g in gradients)
    for i in range(2):
        x = both()[i]
        turned = torch.complex(torch.zeros_like(x), x).mH.abs().pow(2).sum()
        found = torch.autograd.grad(turned, tensors, allow_unused=True)
        expected = torch.autograd.grad(both()[i].square().sum(), tensors, allow_unused=True)
        for a, b in zip(found, expected, strict=True):
            assert a is b is None or torch.allclose(a, b, rtol=1e-12, atol=1e-12)
