"""The kernels' own arithmetic, and what happens without them."""

import pytest
import torch

from ptacore.kernels import bptt as fused_kernel
from ptacore.networks import bptt as fused
from ptacore.networks.published import Antisymmetric
from ptacore.networks.registry import build
from ptacore.networks.torch_units import Tanh

pytestmark = pytest.mark.skipif(not fused_kernel.available(), reason="no C compiler on this machine")
EPSILON = {torch.float32: 2.0**-23, torch.float64: 2.0**-52}


def one_unit(cell, x, weight_in, bias, constants=()):
    """One step of one unit without recurrence, for many inputs x (B,): -> (B,)."""
    zero = [x.new_zeros(p.into, len(p.of)) for p in cell.products]
    operands = x[None, :, None], x.new_tensor(weight_in)[:, None], x.new_tensor(bias), zero
    return fused.run(cell, *operands, [x.new_zeros(len(x), 1)] * cell.states, constants, "compiled")[1][0][0, :, 0]


def everywhere(dtype):
    small = torch.logspace(-30, 0, 30_001, dtype=torch.float64)
    return torch.cat([torch.linspace(-100, 100, 200_001).double(), small, -small, torch.zeros(1)]).to(dtype)


@pytest.mark.parametrize("dtype", EPSILON)
def test_its_tanh_is_tanh(dtype):
    x = everywhere(dtype)
    got = one_unit(Tanh.cell, x, [1.0], [0.0]).double()
    torch.testing.assert_close(got, x.double().tanh(), rtol=3 * EPSILON[dtype], atol=0)


@pytest.mark.parametrize("dtype", EPSILON)
def test_its_sigmoid_is_the_logistic_function(dtype):
    """The gated step from h = 0 with a saturated candidate: h' = sigmoid(x)."""
    x = everywhere(dtype)
    x = x[x > -80]  # below, single precision ends
    got = one_unit(Antisymmetric.cells[1], x, [0.0, 1.0], [100.0, 0.0], (1.0,)).double()
    torch.testing.assert_close(got, x.double().sigmoid(), rtol=3 * EPSILON[dtype], atol=0)


def test_infinite_input_saturates_and_not_a_number_stays_in_its_row():
    x = torch.tensor([float("inf"), -float("inf"), float("nan"), 1e30, -1e30, 0.5])
    got = one_unit(Tanh.cell, x, [1.0], [0.0])
    assert got.tolist()[:2] == [1.0, -1.0]
    assert got.tolist()[3:5] == [1.0, -1.0]
    assert got[2].isnan()
    model = build("gru", 2, 3, 20, torch.Generator().manual_seed(0))
    model.backend = "compiled"
    inputs = torch.zeros(5, 40, 2)
    inputs[2, 7] = float("nan")
    bad = model.states(inputs).isnan().flatten(2).any(-1)
    assert bad[2:, 7].all()
    assert bad.sum() == 3


def test_adjoints_that_decay_to_nothing_are_zero():
    """Here 1e-40: no denormal numbers, which processors are slow with."""
    W = 0.1 * torch.eye(4)
    inputs, start = torch.zeros(40, 3, 1), torch.zeros(3, 4, requires_grad=True)
    _, (h,) = fused.run(Tanh.cell, inputs, torch.zeros(4, 1), torch.zeros(4), (W,), (start,), (), "compiled")
    assert torch.autograd.grad(h[-1].sum(), start)[0].count_nonzero() == 0


@pytest.fixture
def kernel():
    return fused_kernel.Kernel(Tanh.cell, (torch.zeros(3, 3),), (), 3)


@pytest.mark.parametrize("columns", [16, 32, 48, 80])
@pytest.mark.parametrize("outputs", [1, 8, 13])
@pytest.mark.parametrize("depth", [1, 128, 300])
def test_products_of_every_shape_and_layout(kernel, depth, outputs, columns):
    """Against torch in double precision, which numbers of this size leave no error of."""
    random = torch.Generator().manual_seed(depth)
    left, right, total = (
        torch.randint(-8, 9, shape, generator=random).float()
        for shape in ((depth, outputs), (depth, columns), (outputs, columns))
    )
    exact = (left.double().T @ right.double()).float()
    in_columns, spread = left.T.contiguous().T, torch.zeros(depth, 2 * outputs + 1)[:, 1::2]
    spread[:] = left
    for version in (left, in_columns, spread):
        after = total.clone()
        kernel.accumulate(after, version, right)
        assert torch.equal(after, total + exact)
    after = torch.full_like(total, float("nan"))
    kernel.accumulate(after, left, right, fresh=True)
    assert torch.equal(after, exact)
    kernel.accumulate(after, left[:1].expand(depth, -1), right, fresh=True)
    assert torch.equal(after, left[0, :, None] * right.sum(0))


def test_long_sums_keep_their_digits(kernel):
    left, right = (torch.rand(1 << 18, 16, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    total, exact = torch.zeros(16, 16), left.double().T @ right.double()
    kernel.accumulate(total, left, right)
    assert (total / exact - 1).abs().max() < 2e-6


@pytest.mark.parametrize("strides", [(20, 7, 1), (40, 20, 1), (20, 20, 1), (0, 0, 1), (1, 1, 5), (0, 0, 0)])
@pytest.mark.parametrize("batch", [1, 3])
def test_gradients_arrive_in_any_layout(batch, strides):
    model = build("gru", 2, 3, 20, torch.Generator().manual_seed(0))
    model.backend = "compiled"
    states = model.states(torch.ones(5, batch, 2))
    arriving = torch.randn(1000, generator=torch.Generator().manual_seed(1)).as_strided((5, batch, 20), strides)
    parameters = list(model.recurrent.parameters())
    got = torch.autograd.grad(states, parameters, arriving, retain_graph=True)
    expected = torch.autograd.grad(states, parameters, arriving.clone(memory_format=torch.contiguous_format))
    for g, e in zip(got, expected, strict=True):
        assert torch.equal(g, e)


def test_memory_in_another_order_gives_the_same():
    def random(*shape, seed):
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

    x, U, b, W, h = (
        random(9, 4, 3, seed=1),
        random(5, 3, seed=2),
        random(5, seed=3),
        random(5, 5, seed=4),
        random(4, 5, seed=5),
    )
    upstream, results = random(9, 4, 5, seed=6), []
    for order in (lambda t: t.clone(), lambda t: t.transpose(0, 1).contiguous().transpose(0, 1)):
        given = [order(t).requires_grad_() for t in (x, U, W, h)]
        _, (states,) = fused.run(Tanh.cell, given[0], given[1], b, (given[2],), (given[3],), (), "compiled")
        results.append([states, *torch.autograd.grad(states, given, order(upstream))])
    for first, second in zip(*results, strict=True):
        torch.testing.assert_close(first, second, rtol=1e-13, atol=1e-13)


def test_memory_is_used_again_but_never_while_somebody_uses_it():
    fused_kernel._idle.clear()
    model = build("gru", 3, 2, 64, torch.Generator().manual_seed(0))
    inputs = torch.randn(50, 16, 3, generator=torch.Generator().manual_seed(1))

    def addresses():
        kept = {}
        with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.setdefault(x.data_ptr(), x), lambda x: x):
            outputs = model(inputs)
        return outputs, {pointer for pointer, x in kept.items() if x.numel() >= 50 * 16 * 64}

    first, used = addresses()
    second, others = addresses()
    assert len(used) == 2  # states and pre-activations
    assert used.isdisjoint(others)
    first.sum().backward()
    del first
    third, again = addresses()
    assert again == used
    expected = [torch.autograd.grad(x.square().sum(), model.recurrent.weight_hh_l0)[0] for x in (second, third)]
    assert torch.equal(*expected)
    states = model.states(inputs)
    before = states.clone()
    for _ in range(3):
        model(2 * inputs).sum().backward()
    assert torch.equal(states, before)


def test_idle_memory_is_bounded():
    model = build("tanh", 3, 2, 16, torch.Generator().manual_seed(0))
    for T in (1, 10, 100, 1000, 3, 30, 300):
        model(torch.zeros(T, 4, 3)).sum().backward()
    assert len(fused_kernel._idle) <= 4


def test_without_a_compiler_torch_takes_over_and_says_so(monkeypatch):
    model = build("gru", 3, 2, 5, torch.Generator().manual_seed(0)).double()
    inputs = torch.ones(6, 2, 3, dtype=torch.float64)
    expected = model(inputs)
    fused_kernel._library.cache_clear()
    monkeypatch.setenv("CC", "no-such-compiler")
    try:
        with pytest.warns(UserWarning, match="compiled backend not available.*no-such-compiler"):
            torch.testing.assert_close(model(inputs), expected, rtol=1e-13, atol=1e-13)
        model.backend = "compiled"
        with pytest.raises(ValueError, match="^backend: compiled needs .* but: no C compiler"):
            model(inputs)
    finally:
        fused_kernel._library.cache_clear()
