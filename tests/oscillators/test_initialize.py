import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

from ptacore import certify, lyapunov_spectrum, models, pta_
from ptacore.models import critical_gain, saddle_node_angle, strong_tongues
from ptacore.models.oscillator import SYSTEMS


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def blocks_of(weight, m):
    return torch.stack([weight[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] for i in range(m)]).double()


@settings(max_examples=4)
@given(n=st.integers(2, 9), seed=st.integers(0, 1000), dtype=st.sampled_from([torch.float32, torch.float64]))
def test_weight_is_block_diagonal_of_the_rotations_drawn(n, seed, dtype):
    weight = nn.Parameter(torch.randn(n, n, dtype=dtype, generator=seeded(1)))
    drawn = pta_(weight, generator=seeded(seed))
    assert len(drawn) == n // 2
    expected = torch.zeros(n, n, dtype=torch.float64)
    for i, (alpha, theta) in enumerate(zip(drawn.alpha.tolist(), drawn.theta.tolist(), strict=True)):
        z = alpha * np.exp(1j * theta)
        expected[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = torch.tensor([[z.real, -z.imag], [z.imag, z.real]])
    torch.testing.assert_close(weight.detach(), expected.to(dtype))
    assert weight.requires_grad
    assert weight.grad_fn is None


@pytest.mark.parametrize(
    "system", ["tanh map", "GRU map", *(pytest.param(s, marks=pytest.mark.slow) for s in SYSTEMS if "flow" in s)]
)
def test_blocks_lie_in_the_oscillating_region_and_outside_all_tongues(system):
    drawn = pta_(torch.zeros(50, 50), system=system, generator=seeded(2))
    assert (drawn.alpha > critical_gain(system, drawn.theta)).all()
    for tongue in strong_tongues(system):
        assert not tongue.contains(drawn.alpha, drawn.theta).any()
    tolerance = math.log(10) / (5000 if system.endswith("map") else 500)
    assert (drawn.exponents[:, 0].abs() < 2 * tolerance).all()
    assert (drawn.exponents[:, 1] < 0).all()


@pytest.mark.slow
def test_draws_are_uniform_by_area():
    # At gains below 1.4 the strong tongues are nearly all that is cut out: the density of alpha is 1 - 4 LL / pi,
    # and given alpha the angle is uniform between the tongues.
    drawn = pta_(torch.zeros(1200, 1200), alpha=(1.0, 1.4), theta=(0, math.pi / 2), generator=seeded(3))
    gains = torch.linspace(1, 1.4, 401, dtype=torch.float64)
    cumulative = torch.cumsum(1 - 4 * saddle_node_angle(gains) / math.pi, 0).numpy()
    below = lambda a: np.interp(a, gains.numpy(), (cumulative - cumulative[0]) / (cumulative[-1] - cumulative[0]))  # noqa: E731
    assert kstest(drawn.alpha.numpy(), below).pvalue > 1e-3
    edge = saddle_node_angle(drawn.alpha)
    between = (drawn.theta - edge) / (math.pi / 2 - 2 * edge)
    assert kstest(between.numpy(), "uniform").pvalue > 1e-3


def test_given_ranges_are_kept():
    drawn = pta_(torch.zeros(20, 20), alpha=(1.1, 1.2), theta=(0.3, 0.5), generator=seeded(4))
    assert ((drawn.alpha >= 1.1) & (drawn.alpha <= 1.2) & (drawn.theta >= 0.3) & (drawn.theta <= 0.5)).all()
    single = pta_(torch.zeros(6, 6), alpha=1.25, generator=seeded(4))
    assert (single.alpha == 1.25).all()
    above = pta_(nn.GRU(2, 20), excess=(0.5, 0.6), generator=seeded(4))
    excess = above.alpha - critical_gain("GRU map", above.theta)
    assert ((excess > 0.5 - 1e-12) & (excess < 0.6 + 1e-12)).all()


def test_an_excess_of_zero_is_the_critical_gain_and_a_pair_may_be_an_array():
    for excess in (0, 0.0, (0, 0), np.zeros(2)):
        drawn = pta_(torch.zeros(6, 6), excess=excess, certified=False, generator=seeded(4))
        assert (drawn.alpha == 1).all()
    above = pta_(torch.zeros(6, 6), excess=torch.tensor([0.1, 0.2]), generator=seeded(4))
    assert ((above.alpha > 1.09) & (above.alpha < 1.21)).all()


def test_frequency_is_the_rate_at_which_the_block_turns():
    drawn = pta_(torch.zeros(12, 12), generator=seeded(5))
    network = models.oscillator("tanh map", drawn.alpha, drawn.theta)
    x = torch.tensor([[0.3, 0.1]], dtype=torch.float64).repeat(6, 1)
    turned = torch.zeros(6, dtype=torch.float64)
    for _ in range(4000):
        y = network(x)
        turned += torch.atan2(x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0], (x * y).sum(-1)).remainder(math.tau)
        x = y
    torch.testing.assert_close(turned / (4000 * math.tau), drawn.frequency, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    "module",
    [
        nn.RNN(3, 7),
        nn.RNN(3, 6, num_layers=2, bidirectional=True),
        nn.GRU(3, 7),
        nn.GRU(3, 6, num_layers=2, bidirectional=True),
        nn.RNNCell(3, 6),
        nn.GRUCell(3, 6, bias=False),
    ],
    ids=repr,
)
def test_modules_are_filled_as_documented(module):
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    drawn = pta_(module, generator=seeded(6))
    n, m, start = module.hidden_size, module.hidden_size // 2, 0
    weights = [name for name in before if name.startswith("weight_hh")]
    assert drawn.weight == [name for name in weights for _ in range(m)]
    for name, parameter in module.named_parameters():
        if name.startswith("bias"):
            assert (parameter == 0).all()
        elif name.startswith("weight_ih"):
            assert (parameter == before[name]).all()
        else:
            assert (parameter[:-n] == 0).all()  # the gates of a GRU
            expected = models.scaled_rotation(drawn.alpha[start : start + m], drawn.theta[start : start + m])
            torch.testing.assert_close(blocks_of(parameter[-n:].detach(), m), expected, rtol=1e-6, atol=1e-7)
            if n % 2:
                assert (parameter[-1] == 0).all()
                assert (parameter[:, -1] == 0).all()
            start += m
    assert start == len(drawn)
    assert len(set(drawn.alpha.tolist())) == len(drawn)  # each layer has its own draw


def test_draws_follow_the_generator_and_leave_the_global_one_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first, second = (pta_(nn.RNN(2, 10), generator=seeded(8)) for _ in range(2))
    torch.manual_seed(7)
    pta_(torch.zeros(4, 4), generator=seeded(9))
    assert (torch.rand(3) == expected).all()
    assert (first.alpha == second.alpha).all()
    assert (first.theta == second.theta).all()
    assert (pta_(nn.RNN(2, 10), generator=seeded(9)).alpha != first.alpha).all()


def count(module, duration, transient=None):
    n = module.hidden_size
    start = 0.5 * torch.randn(n, generator=seeded(11), dtype=torch.float64)
    return lyapunov_spectrum(module.double(), start, duration=duration, transient=transient)


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU])
def test_half_of_the_exponents_are_zero_and_none_is_positive(kind):
    module = kind(3, 20)
    pta_(module, generator=seeded(10))
    found = count(module, 3000)
    assert (found.n_zero, found.n_positive, found.n_negative) == (10, 0, 10)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU])
def test_125_exponents_of_250_units_are_zero_and_none_is_positive(kind):
    module = kind(10, 250)
    drawn = pta_(module, generator=seeded(0))
    found = count(module, 6000, 3000)  # exponents .001 apart: their directions take thousands of steps to part
    assert (found.n_zero, found.n_positive, found.n_negative) == (125, 0, 125)
    blocks = drawn.exponents.flatten().sort(descending=True).values
    torch.testing.assert_close(found.exponents[125:], blocks[125:], rtol=0.02, atol=2e-3)


def test_a_driven_network_still_learns():
    rnn = nn.RNN(2, 8)
    pta_(rnn, generator=seeded(12))
    rnn(torch.randn(5, 3, 2, generator=seeded(13)))[0].sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in rnn.parameters())


@pytest.mark.parametrize(
    ("target", "arguments", "error", "words"),
    [
        (nn.LSTM(2, 4), {}, TypeError, "LSTM"),
        (nn.LSTMCell(2, 4), {}, TypeError, "LSTM"),
        (nn.Linear(4, 4), {}, TypeError, "got Linear"),
        ("weight", {}, TypeError, "got str"),
        (nn.RNN(2, 4, nonlinearity="relu"), {}, ValueError, 'nonlinearity="tanh"'),
        (torch.zeros(3, 4), {}, ValueError, "square"),
        (torch.zeros(4), {}, ValueError, "square"),
        (torch.zeros(4, 4, dtype=torch.int64), {}, TypeError, "floating-point"),
        (torch.zeros(1, 1), {}, ValueError, "two units"),
        (torch.zeros(4, 4), {"alpha": (2, 1)}, ValueError, "^alpha"),
        (torch.zeros(4, 4), {"alpha": "large"}, TypeError, "^alpha"),
        (torch.zeros(4, 4), {"alpha": (1, math.nan)}, ValueError, "^alpha"),
        (torch.zeros(4, 4), {"theta": (0, 4)}, ValueError, "^theta"),
        (torch.zeros(4, 4), {"excess": (-1, 1)}, ValueError, "^excess"),
        (torch.zeros(4, 4), {"excess": ()}, TypeError, "^excess"),
        (torch.zeros(4, 4), {"alpha": 1.2, "excess": (0, 1)}, ValueError, "^alpha, excess"),
        (torch.zeros(4, 4), {"alpha": (0.2, 0.9)}, ValueError, "none of .* oscillates"),
        (torch.zeros(4, 4), {"alpha": 1.2, "theta": (0.0, 0.05)}, ValueError, "none of .* oscillates"),
        (torch.zeros(4, 4), {"system": "LSTM"}, ValueError, "^system"),
        (nn.RNN(2, 4), {"system": "GRU map"}, ValueError, "^system"),
    ],
)
def test_wrong_arguments_are_named_and_nothing_is_changed(target, arguments, error, words):
    before = {k: v.clone() for k, v in target.state_dict().items()} if isinstance(target, nn.Module) else target
    with pytest.raises(error, match=words):
        pta_(target, **arguments)
    if isinstance(target, nn.Module):
        assert all((v == before[k]).all() for k, v in target.state_dict().items())


class Doubled(nn.Module):
    def forward(self, W):
        return 2 * W

    def right_inverse(self, W):
        return W / 2


class Symmetric(nn.Module):
    def forward(self, W):
        return W.triu() + W.triu(1).mT

    def right_inverse(self, W):
        return W.triu()


def doubled(module, name):
    parametrize.register_parametrization(module, name, Doubled())


def tied(module, name):
    module.weight_hh_l1 = module.weight_hh_l0


def tied_to_the_input(module, name):
    module.weight_ih_l1 = module.weight_hh_l1


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("weight_hh_l0", parametrizations.weight_norm),
        ("bias_ih_l0", doubled),
        pytest.param("weight_hh_l0", doubled, marks=pytest.mark.slow),
    ],
)
def test_weights_are_written_through_a_parametrization_that_can_hold_them(name, how):
    plain, module = nn.RNN(3, 6), nn.RNN(3, 6)
    how(module, name)
    drawn, expected = pta_(module, generator=seeded(15)), pta_(plain, generator=seeded(15))
    assert (drawn.alpha == expected.alpha).all()
    for key in ("weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
        torch.testing.assert_close(getattr(module, key), getattr(plain, key), rtol=1e-6, atol=1e-7)
    assert parametrize.is_parametrized(module, name)


@pytest.mark.filterwarnings("ignore:.*weight_norm")
@pytest.mark.parametrize("kind", [nn.RNN, pytest.param(nn.GRU, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("how", "words"),
    [
        (lambda m, name: prune.random_unstructured(m, name, 0.5), "^module: weight_hh_l0 is made .*pruning"),
        (lambda m, name: prune.l1_unstructured(m, "bias_hh_l0", 0.0), "^module: bias_hh_l0 is made .*pruning"),
        (nn.utils.weight_norm, "^module: weight_hh_l0 is made"),
        (nn.utils.spectral_norm, "^module: weight_hh_l0 is made"),
        (parametrizations.spectral_norm, "^module: weight_hh_l0 .*parametrization"),
        (parametrizations.orthogonal, "^module: weight_hh_l0"),
        (parametrizations.weight_norm, None),
        (tied, "^module: weight_hh_l0 .*tied"),
        (tied_to_the_input, "^module: weight_ih_l1 .*tied"),
    ],
)
def test_a_module_that_cannot_hold_the_weights_is_left_as_it_was(kind, how, words):
    if words is None:  # a weight norm cannot hold a row of zeros: the gates of a GRU, or an odd unit
        module, words = kind(5, 5), "^module: weight_hh_l0 .*parametrization"
        parametrizations.weight_norm(module, "weight_hh_l0")
    else:
        module = kind(4, 4, num_layers=2)
        how(module, "weight_hh_l0")
    before = copy.deepcopy(module.state_dict())
    with pytest.raises(ValueError, match=words):
        pta_(module, generator=seeded(16))
    after = module.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(value, before[name]) for name, value in after.items())


def test_what_else_is_pruned_stays():
    module = nn.RNN(3, 6)
    prune.random_unstructured(module, "weight_ih_l0", 0.5)
    mask = module.weight_ih_l0_mask.clone()
    pta_(module, generator=seeded(17))
    module(torch.zeros(2, 3))
    assert (module.weight_ih_l0[mask == 0] == 0).all()


class Halved(nn.GRU):
    def forward(self, input, h=None):
        return super().forward(input, h)


def hooked():
    gru = nn.GRU(2, 4)
    gru.register_forward_hook(lambda module, arguments, out: out)
    return gru


def test_networks_of_the_package_are_filled_where_they_are_torchs():
    network, plain = models.build("tanh", 3, 2, 6), nn.RNN(3, 6)
    drawn = pta_(network, generator=seeded(18))
    pta_(plain, generator=seeded(18))
    assert set(drawn.weight) == {"recurrent.weight_hh_l0"}
    assert torch.equal(network.recurrent.weight_hh_l0, plain.weight_hh_l0)


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        (Halved(2, 4), TypeError, "^module: Halved has a forward or a hook of its own"),
        (hooked(), TypeError, "^module: GRU has a forward or a hook"),
        (models.build("lstm", 3, 2, 4), TypeError, "^module: an LSTM"),
        (models.build("lem", 3, 2, 4), TypeError, "got LEM"),
        (nn.GRU(2, 4, device="meta"), ValueError, "^module: .*meta"),
        (torch.zeros(4, 4, device="meta"), TypeError, "^weight: .*meta"),
        (torch.eye(4).to_sparse(), TypeError, "^weight: .*sparse"),
        (torch.zeros(0, 0), ValueError, "two units, got 0"),
        (2 * nn.Parameter(torch.zeros(4, 4)), ValueError, "^weight: is computed"),
        (torch.ones(1, 4).expand(4, 4), ValueError, "^weight: cannot be filled"),
        (torch.arange(10.0).as_strided((4, 4), (1, 2)), ValueError, "^weight: its entries share memory"),
    ],
)
def test_what_would_not_be_certified_is_refused(target, error, words):
    before = target.clone() if isinstance(target, torch.Tensor) and target.layout == torch.strided else None
    with pytest.raises(error, match=words):
        pta_(target, generator=seeded(19))
    assert before is None or before.is_meta or torch.equal(before, target)


@pytest.mark.slow
def test_views_frozen_and_inference_weights_are_filled():
    whole = torch.zeros(8, 8)
    pta_(whole[::2, ::2], generator=seeded(20))
    assert (whole[1::2] == 0).all()
    assert (whole != 0).any()
    with torch.inference_mode():
        inference = nn.GRU(2, 4), torch.zeros(4, 4)
    for target in (nn.RNN(2, 4).requires_grad_(False), nn.GRU(2, 4).weight_hh_l0[-4:], *inference):
        assert len(pta_(target, generator=seeded(21))) == 2


def test_locked_blocks_are_left_out():
    # at gain 3 a part of this range about an eighth of a turn is locked, most of it to period 8
    near = (math.pi / 4 - 0.15, math.pi / 4 + 0.15)
    locked = certify("tanh map", 3.0, torch.linspace(*near, 41)).is_kind("locked orbit")
    assert 0.05 < locked.double().mean() < 0.95
    drawn = pta_(torch.zeros(40, 40), alpha=3.0, theta=near, generator=seeded(14))
    assert not certify("tanh map", 3.0, drawn.theta).is_kind("locked orbit").any()


def test_uncertified_draws_are_uniform_over_the_ranges_and_few_of_them_oscillate():
    drawn = pta_(nn.RNN(1, 4000), alpha=(1.001, 10), certified=False, generator=torch.Generator().manual_seed(0))
    assert kstest((drawn.alpha - 1.001) / 8.999, "uniform").pvalue > 1e-3
    assert kstest(drawn.theta / math.pi, "uniform").pvalue > 1e-3
    # the strong tongues alone take 4 LL(alpha) of the angles, on average over these gains 0.6 of pi
    share = float((drawn.exponents[:, 0].abs() < 1e-3).double().mean())
    assert 0.15 < share < 0.4


@pytest.mark.parametrize("module", [nn.RNN(3, 8), nn.GRU(3, 8)])
def test_what_is_not_zeroed_is_as_it_was(module):
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    pta_(module, zeroed=False)
    for name, p in module.named_parameters():
        changed = p[-8:] if name == "weight_hh_l0" else p[:0]
        assert torch.equal(p[: len(p) - len(changed)], before[name][: len(p) - len(changed)])
    w = module.weight_hh_l0[-8:]
    blocks = torch.block_diag(*torch.ones(4, 2, 2)) == 1
    assert (w[~blocks] == 0).all()
    assert (w[blocks] != 0).any()
