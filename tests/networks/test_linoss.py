"""Blocks of linear oscillators: recurrence, exponents in closed form, initial values."""

import math

import pytest
import torch
from reference_systems import random

from ptacore import System, lyapunov_spectrum
from ptacore.kernels import linear_oscillators as compiled
from ptacore.models import ModuleMap
from ptacore.networks.linoss import DampedBlock, LinOSSBlock, oscillate
from ptacore.networks.registry import build

NAMES = ("linoss-im", "linoss-imex", "d-linoss")


def operands(T=9, B=3, N=6):
    a, c, d = (0.3 + 0.6 * torch.rand(N, generator=torch.Generator().manual_seed(i)).double() for i in range(3))
    v, x0, z0 = random((T, B, N), 4), random((B, N), 5), random((B, N), 6)
    return [part.requires_grad_() for part in (a, c, d, v, x0, z0)]


@pytest.mark.parametrize("backend", ["torch", *(["compiled"] if compiled.available() else [])])
@pytest.mark.parametrize(("T", "N"), [(1, 6), (2, 6), (9, 6), (9, 37)])
@pytest.mark.parametrize("read", [(1, 0), (0, 1), (1, 1)])
def test_it_is_its_recurrence_and_so_are_its_gradients(T, N, read, backend, monkeypatch):
    monkeypatch.setattr(compiled, "available", lambda: backend == "compiled")
    a, c, d, v, x, z = parts = operands(T, N=N)
    track = []
    for now in v.unbind(0):
        z = a * z - c * x + now
        x = x + d * z
        track.append((x, z))
    expected, got = [torch.stack(part) for part in zip(*track, strict=True)], oscillate(*parts)
    for ours, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    losses = [
        sum((random(p.shape, 7 + i) * p).sum() for i, p in enumerate(pair) if read[i]) for pair in (got, expected)
    ]
    ours, theirs = (torch.autograd.grad(loss, parts, materialize_grads=True) for loss in losses)
    for found, right in zip(ours, theirs, strict=True):
        torch.testing.assert_close(found, right, rtol=1e-11, atol=1e-11)


@pytest.mark.skipif(not compiled.available(), reason="no C compiler on this machine")
def test_single_precision_agrees_with_double(monkeypatch):
    model = build("d-linoss", 3, 2, 20, torch.Generator().manual_seed(0))
    inputs, results = random((200, 8, 3), 1), []
    for dtype in (torch.float32, torch.float64):
        model = model.to(dtype)
        model.zero_grad()
        model(inputs.to(dtype)).square().mean().backward()
        results.append([p.grad.double() for p in model.parameters()])
    for single, double in zip(*results, strict=True):
        torch.testing.assert_close(single, double, rtol=1e-3, atol=1e-4 * double.abs().max().item())


def test_a_second_derivative_is_refused():
    parts = operands()
    with pytest.raises(RuntimeError, match="first derivatives only"):
        torch.autograd.grad(oscillate(*parts)[0].square().sum(), parts[3], create_graph=True)


def moduli(block):
    """Of the eigenvalues of each unit's 2 x 2 matrix, by an independent route: (H, 2)."""
    A, dt, S = (part.detach() for part in block.rates())
    rows = torch.stack([torch.stack([1 / S, -dt * A / S], -1), torch.stack([dt / S, 1 - dt**2 * A / S], -1)], -2)
    return torch.linalg.eigvals(rows).abs()


@pytest.mark.parametrize(("name", "layers"), [*((name, 1) for name in NAMES), ("linoss-imex", 2)])
def test_the_lyapunov_exponents_are_in_closed_form(name, layers):
    """-ln(S) / 2, four times for each unit: q and z, real and imaginary. S = 1: all zero."""
    model = build(name, 2, 3, 2, torch.Generator().manual_seed(0), layers=layers).double()
    expected = sorted(
        (-math.log(v) / 2 for block in model.blocks for v in block.rates()[2].tolist() for _ in range(4)), reverse=True
    )
    of_matrices = torch.cat([moduli(block).log().flatten().repeat(2) for block in model.blocks])
    assert sorted(of_matrices.tolist(), reverse=True) == pytest.approx(expected, abs=1e-12)
    system = ModuleMap(model, random((2,), 1))
    s = lyapunov_spectrum(system, random((8 * layers,), 2), duration=1000, transient=200)
    assert s.exponents.tolist() == pytest.approx(expected, abs=5e-3)
    if layers == 1:  # two are coupled, and what one hands to the other swings for long
        assert s.smooth_exponents.tolist() == pytest.approx(expected, abs=2e-4)
    if name == "linoss-imex":
        assert s.n_zero == 8 * layers


def test_symplectic_steps_keep_the_area_and_the_invariant_of_each_oscillator():
    """z^2 + A q^2 - dt A q z is constant without input, which is the symplectic Euler step's own energy."""
    model = build("linoss-imex", 2, 3, 5, torch.Generator().manual_seed(0)).double()
    block = model.blocks[0]
    with torch.no_grad():
        block.B.zero_()
        states = model.states(torch.zeros(500, 1, 2).double(), random((1, 20), 1))[:, 0]
        A, dt, _ = (part.repeat_interleave(2) for part in block.rates())
    q, z = states.chunk(2, -1)
    energy = z**2 + A * q**2 - dt * A * q * z
    torch.testing.assert_close(energy, energy[:1].expand_as(energy), rtol=1e-11, atol=0)


def test_initial_values_are_the_papers():
    H = 2000
    block = LinOSSBlock(H, torch.Generator().manual_seed(0))
    A, dt, S = block.rates()
    assert 0 <= A.min() < 0.01
    assert 0.99 < A.max() <= 1
    assert dt.min() >= 0.5
    assert dt.max() <= 1 / (1 + math.exp(-1))
    assert A.mean().item() == pytest.approx(0.5, rel=0.05)
    torch.testing.assert_close(S, 1 + dt**2 * A)
    for weight in (block.B, block.C):
        assert weight.abs().max().item() == pytest.approx(H**-0.5, rel=1e-3)
        assert weight.std().item() == pytest.approx((3 * H) ** -0.5, rel=0.01)


def test_damped_oscillators_start_on_their_ring_with_the_phases_asked_for():
    block = DampedBlock(500, torch.Generator().manual_seed(0), 0.5, 0.8, 1.0).double()
    A, dt, S = (part.detach() for part in block.rates())
    r, trace = S**-0.5, 1 / S + 1 - dt**2 * A / S
    assert r.min() >= 0.5 - 1e-6
    assert r.max() <= 0.8 + 1e-6
    assert r.square().mean().item() == pytest.approx((0.25 + 0.64) / 2, rel=0.03)
    phase = torch.arccos(trace / (2 * r))
    assert phase.max() <= 1 + 1e-5
    assert phase.mean().item() == pytest.approx(0.5, rel=0.1)


def test_stiffness_stays_where_damped_eigenvalues_are_complex():
    block = DampedBlock(50, torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        block.a.copy_(torch.linspace(-100, 100, 50))
    A, dt, S = block.rates()
    trace = 1 / S + 1 - dt**2 * A / S
    assert (trace.square() <= 4 / S * (1 + 1e-9)).all()
    torch.testing.assert_close(moduli(block), (S.detach() ** -0.5)[:, None].expand(-1, 2), rtol=1e-5, atol=0)


def test_an_unstable_step_grows():
    """The recurrence is exact for any stiffness: with dt^2 A > 4 the symplectic step has two real eigenvalues."""
    block = LinOSSBlock(1, torch.Generator().manual_seed(0), implicit=False).double()
    with torch.no_grad():
        block.a.fill_(20.0)
    A, dt, _ = block.rates()
    trace = (2 - dt**2 * A).item()
    expected = [math.log(abs(trace / 2 - s * math.sqrt(trace**2 / 4 - 1))) for s in (1, -1)]
    weights = [w.detach().repeat_interleave(2) for w in (torch.ones(1).double(), dt * A, dt)]

    def step(h):
        q, z = h.chunk(2, -1)
        return torch.cat([part[0] for part in oscillate(*weights, torch.zeros_like(q)[None], q, z)], -1)

    s = lyapunov_spectrum(System.from_function(step, 4, "map"), random((4,), 1), duration=50)
    assert s.exponents.tolist() == pytest.approx([expected[0]] * 2 + [expected[1]] * 2, abs=1e-6)
