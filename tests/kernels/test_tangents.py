"""The compiled kernels against the torch backend, which does the same arithmetic in another way."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_systems import lorenz, random, small_modules

from ptacore import lyapunov_spectrum, models, trajectory
from ptacore.dynamics.integrate import step, step_tangent
from ptacore.dynamics.orthonormal import orthonormalize
from ptacore.kernels import advance as shared
from ptacore.kernels import tangents as compiled

pytestmark = pytest.mark.skipif(not compiled.available(), reason="no C compiler on this machine")
NETWORKS = [models.TanhFlow, models.TanhRateFlow, models.ReLUFlow, models.TanhMap, models.GRUFlow, models.GRUMap]


def torch_steps(system, x, V, steps, dt, normalize):
    growth = 0.0
    for _ in range(steps):
        x, V = step_tangent(system, x, V, 0.0, dt)
        if normalize:
            V, g = orthonormalize(V)
            growth = growth + g
    return x, V, growth


@settings(max_examples=60)
@given(
    network=st.sampled_from(NETWORKS),
    n=st.integers(1, 21),
    k=st.integers(1, 21),
    batch=st.integers(1, 40),
    own_weights=st.booleans(),
    steps=st.integers(1, 12),
    seed=st.integers(0, 1000),
)
def test_state_and_tangents_agree_with_torch(network, n, k, batch, own_weights, steps, seed):
    k = min(k, n)
    W = random((batch, n, n) if own_weights else (n, n), seed, 1.5 / n**0.5)
    b = random((batch, n) if own_weights else (n,), seed + 1, 0.3)
    system = network(W, b)
    dt = 1.0 if system.kind == "map" else 0.05
    x, V = random((batch, n), seed + 2), torch.linalg.qr(random((batch, n, k), seed + 3))[0]
    got_x, got_V, growth, _ = system.kernel(dt)(x, V, steps)
    ref_x, ref_V, ref_growth = torch_steps(system, x, V, steps, dt, normalize=growth is not None)
    torch.testing.assert_close(got_x, ref_x, rtol=1e-11, atol=1e-12)
    if growth is None:
        torch.testing.assert_close(got_V, ref_V, rtol=1e-10, atol=1e-11)
    else:
        finite = ref_growth > -20  # below, directions are rounding error in both
        torch.testing.assert_close(growth[finite], ref_growth[finite], rtol=1e-6, atol=1e-6)


PLAIN = {
    "two states": (models.TanhMap(random((2, 2), 0)), 1.0),
    "their own weights": (models.TanhFlow(random((3, 3, 3), 0)), 0.05),
    "network": (models.TanhRateFlow(random((9, 9), 0)), 0.05),
    "function": (lorenz(), 0.01),
    "module": (models.ModuleMap(small_modules()["gru"]), 1.0),
    "driven module": (models.ModuleMap(small_modules()["rnn"], input=random((20, 3), 0)), 1.0),
}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_images_are_asked_for_and_told(name):
    """Of vectors that are not orthonormal, over more steps than kernels leave them alone by themselves."""
    system, dt = PLAIN[name]
    n, steps = system.dim, 14
    x, V = random((3, n), 1), random((3, n, n), 2)
    got = system.kernel(dt)(x, V, steps, 2.0, plain=True)
    for i in range(steps):
        x, V = step_tangent(system, x, V, 2.0 + i * dt, dt)
    assert got[2:] == (None, None)
    for mine, expected in zip(got, (x, V), strict=False):
        torch.testing.assert_close(mine, expected, rtol=1e-9, atol=1e-9 * expected.abs().max().item())


@settings(max_examples=60)
@given(
    network=st.sampled_from(NETWORKS),
    n=st.integers(1, 21),
    batch=st.sampled_from([(), (1,), (3,), (40,), (2, 3)]),
    own_weights=st.booleans(),
    dtype=st.sampled_from([torch.float64, torch.float32]),
    skipped=st.integers(0, 5),
    steps=st.integers(1, 12),
    seed=st.integers(0, 1000),
)
def test_orbits_are_those_of_torch(network, n, batch, own_weights, dtype, skipped, steps, seed):
    W = random((*batch, n, n) if own_weights else (n, n), seed, 1.5 / n**0.5)
    system, dt = network(W, random((n,), seed + 1, 0.3), dtype=dtype), 0.05
    dt = 1.0 if system.kind == "map" else dt
    x = random((*batch, n), seed + 2).to(dtype)
    given, got, expected = x.clone(), system.orbit(x, skipped, steps, dt), [x]
    for _ in range(skipped + steps):
        expected.append(step(system, expected[-1], 0.0, dt))
    eps = torch.finfo(dtype).eps
    torch.testing.assert_close(got, torch.stack(expected[skipped:]), rtol=1e4 * eps, atol=1e4 * eps)
    assert torch.equal(x, given)


@pytest.mark.parametrize("n", [2, 5])
@pytest.mark.parametrize("own_weights", [False, True])
def test_orbits_in_many_calls_change_no_bit(n, own_weights, monkeypatch):
    system, x = models.TanhFlow(random((3, n, n) if own_weights else (n, n), 0)), random((3, n), 1)
    whole = system.orbit(x, 17, 50, 0.1)
    monkeypatch.setattr(shared, "WORK", 1)
    assert torch.equal(system.orbit(x, 17, 50, 0.1), whole)


@pytest.mark.parametrize("n", [2, 5])
def test_orbits_end_soon_after_they_leave_the_finite_numbers(n, monkeypatch):
    system = models.TanhFlow(random((n, n), 0), b=[1e308] + [0.0] * (n - 1))
    x = random((3, n), 1)
    x[1] = 0.0
    whole, taken = system.orbit(x, 0, 50, 1e3), []
    assert not torch.isfinite(whole[-1, :, 0]).any()
    monkeypatch.setattr(shared, "WORK", 1)
    pieces = system.orbit(x, 0, 50, 1e3, taken.append)
    assert torch.equal(whole[: len(pieces)].nan_to_num(12.0), pieces.nan_to_num(12.0))
    assert torch.isfinite(pieces).flatten(1).all(1).tolist() == [True] * (len(pieces) - 1) + [False]
    assert sum(taken) == len(pieces) - 1
    assert len(pieces) == 2  # the bias overflows at once
    skipped = system.orbit(x, 7, 50, 1e3, taken.append)
    assert skipped.shape == (1, *x.shape)
    assert not torch.isfinite(skipped).all()


def test_orbits_are_left_to_torch_where_it_is_faster_or_has_to_follow():
    x, W = random((300, 20), 0), random((20, 20), 1)
    assert models.TanhMap(W).orbit(x, 0, 3, 1.0) is None
    assert models.TanhMap(W).orbit(x[:9], 0, 3, 1.0) is not None
    assert models.TanhMap(W.clone().requires_grad_()).orbit(x[:9], 0, 3, 1.0) is None
    assert models.TanhMap(W).orbit(x[:9].clone().requires_grad_(), 0, 3, 1.0) is None

    class Biased(models.TanhMap):
        def __call__(self, x):
            return super().__call__(x) + 1

    assert Biased(W).orbit(x[:9], 0, 3, 1.0) is None


def test_one_network_with_batch_axes_is_shared_without_copies():
    W, x = random((1, 20, 20), 0), random((300, 20), 1)
    assert models.TanhMap(W).orbit(x, 0, 3, 1.0) is None  # as without the axis
    shared, own = (models.TanhMap(weights).orbit(x[:9], 0, 3, 1.0) for weights in (W, W.expand(9, 20, 20)))
    assert torch.equal(shared, own)
    assert models.TanhMap(W).kernel(1.0).network.W.ndim == 2


@pytest.mark.parametrize("n", [3, 6])
def test_orbits_do_not_depend_on_where_torch_makes_tensors_by_default(n):
    system, x = models.TanhFlow(random((n, n), 0)), random((n,), 1)
    expected = system.orbit(x, 2, 9, 0.1)
    with torch.device("meta"):
        assert torch.equal(system.orbit(x, 2, 9, 0.1), expected)


def test_sparse_weights_that_were_set_later_are_left_to_torch():
    system, x = models.TanhFlow(random((6, 6), 0)), random((6,), 1)
    expected = trajectory(system, x, duration=1.0, dt=0.1).x
    system.W = system.W.to_sparse()
    torch.testing.assert_close(trajectory(system, x, duration=1.0, dt=0.1).x, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("n", [3, 6])
@pytest.mark.parametrize("bias", [0.5, torch.tensor(0.5), torch.tensor([0.5]), torch.full((6,), 0.5)])
def test_a_bias_that_was_set_later_is_taken_as_torch_takes_it(n, bias):
    system, expected = models.TanhFlow(random((n, n), 0)), models.TanhFlow(random((n, n), 0), b=0.5)
    system.b = bias[:n] if isinstance(bias, torch.Tensor) and bias.ndim else bias
    x = random((n,), 1)
    torch.testing.assert_close(system.orbit(x, 0, 9, 0.1), expected.orbit(x, 0, 9, 0.1), rtol=0, atol=0)


@pytest.mark.parametrize("n", [3, 6])
def test_time_constants_of_units_that_were_set_later_are_left_to_torch(n):
    system = models.TanhFlow(torch.zeros(n, n, dtype=torch.float64))
    system.tau = torch.arange(1.0, n + 1, dtype=torch.float64)
    x = trajectory(system, torch.ones(n, dtype=torch.float64), duration=1.0, dt=0.01).x
    torch.testing.assert_close(x[-1], (-1 / system.tau).exp(), rtol=1e-9, atol=0)


@pytest.mark.parametrize("network", [models.TanhFlow, models.TanhRateFlow, models.ReLUFlow, models.TanhMap])
@pytest.mark.parametrize(("n", "k"), [(7, 3), (35, 30), (40, 40), (1200, 40)])  # the last in many blocks of columns
def test_recorded_images_are_those_of_single_steps(network, n, k):
    system = network(random((n, n), 0, 1.5 / n**0.5), b=0.1)
    advance = system.kernel(1.0 if system.kind == "map" else 0.05)
    x, V = random((2, n), 1), random((2, n, k), 2)
    states, images = torch.empty(5, 2, n).double(), torch.empty(5, 2, n, k).double()
    end = advance.record(x, V, states, images)
    for state, image in zip(states, images, strict=True):
        x, V = advance(x, V, 1)[:2]
        torch.testing.assert_close(state, x, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(image, V, rtol=1e-12, atol=1e-12)
    assert torch.equal(end[0], states[-1])
    assert torch.equal(end[1], images[-1])


@pytest.mark.parametrize("network", [models.TanhFlow, models.TanhRateFlow, models.ReLUFlow, models.TanhMap])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_blocks_of_columns_and_stretches_of_steps_fit_together(network, dtype):
    """More columns than a block holds, more steps than it takes at a time; the calm network loses no digits."""
    n, k, steps = 301, 290, 19
    system = network(random((n, n), 0, 0.6 / n**0.5), random((n,), 1, 0.3), dtype=dtype)
    dt = 1.0 if system.kind == "map" else 0.1
    x, V = random((2, n), 2).to(dtype), torch.linalg.qr(random((2, n, k), 3))[0].to(dtype)
    got_x, got_V, _, _ = system.kernel(dt)(x, V, steps)
    ref_x, ref_V, _ = torch_steps(system.to(torch.float64), x.double(), V.double(), steps, dt, normalize=False)
    eps = torch.finfo(dtype).eps
    assert (got_x - ref_x).norm() <= 50 * eps * ref_x.norm()
    assert (got_V - ref_V).norm() <= 50 * eps * ref_V.norm()


@pytest.mark.parametrize("batched", [False, True])
def test_weights_changed_in_place_are_packed_anew(batched):
    x, V = random((3, 6), 0), random((3, 6, 2), 1)
    system = models.TanhMap(random((3, 6, 6) if batched else (6, 6), 2))
    advance = system.kernel(1.0)
    before = advance(x, V, 2)[0]
    system.W.mul_(2.0)
    after = advance(x, V, 2)[0]
    assert torch.equal(after, models.TanhMap(system.W).kernel(1.0)(x, V, 2)[0])
    assert not torch.equal(after, before)
    assert torch.equal(advance(x[None].expand(2, 3, 6), V[None].expand(2, 3, 6, 2), 2)[0][1], after)


def test_weights_made_in_inference_mode_are_taken_as_others():
    W, x, V = random((6, 6), 0), random((2, 6), 1), random((2, 6, 3), 2)
    expected = models.TanhMap(W).kernel(1.0)(x, V, 3)
    with torch.inference_mode():
        advance = models.TanhMap(W.clone()).kernel(1.0)
        assert torch.equal(advance(x, V, 3)[0], expected[0])
        advance.network.W.mul_(2.0)
        assert not torch.equal(advance(x, V, 3)[0], expected[0])


def test_single_precision_small_and_large_numbers():
    """tanh to two units in the last place of float32, its slope where it is saturated, NaN."""
    u = torch.cat((torch.linspace(-12, 12, 4001), torch.logspace(-30, 30, 601), torch.zeros(1)))
    system = models.TanhMap([[1.0]], dtype=torch.float32)
    image, slope = system.kernel(1.0)(u[:, None], torch.ones(len(u), 1, 1), 1)[:2]
    exact = u.double().tanh()
    assert ((image[:, 0] - exact).abs() <= 2.5e-7 * exact.abs()).all()
    exact = torch.cosh(u.double()).pow(-2)
    assert ((slope[:, 0, 0] - exact).abs() <= 5e-7 * exact + 1e-34).all()
    assert system.kernel(1.0)(torch.tensor([[torch.nan]]), torch.ones(1, 1, 1), 1)[0].isnan()


@settings(max_examples=40)
@given(
    network=st.sampled_from(NETWORKS),
    n=st.integers(5, 40),
    k=st.integers(1, 30),
    density=st.sampled_from([0.0, 0.05, 0.15, 0.25]),
    seed=st.integers(0, 1000),
)
def test_zeros_in_the_weights_are_skipped_and_no_bit_changes(network, n, k, density, seed):
    """Beside weights of order one, 1e-300 is lost in every sum, but is not zero, and is multiplied."""
    W = random((2, n, n), seed, 1.5)
    kept = random((2, n, n), seed + 1).abs() < torch.special.ndtri(torch.tensor((1 + density) / 2, dtype=torch.float64))
    x, V = random((2, n), seed + 2), torch.linalg.qr(random((2, n, min(k, n)), seed + 3))[0]
    found = []
    for filled in (0.0, 1e-300):
        system = network(W.where(kept, filled), random((2, n), seed + 4, 0.3))
        found.append(system.kernel(1.0 if system.kind == "map" else 0.05)(x, V, 9)[:2])
    (x_sparse, V_sparse), (x_full, V_full) = found
    assert torch.equal(x_sparse, x_full)
    torch.testing.assert_close(V_sparse, V_full, rtol=0, atol=1e-290)  # a map's basis may vanish
    ref_x, ref_V, _ = torch_steps(system, x, V, 9, 1.0 if system.kind == "map" else 0.05, normalize=False)
    torch.testing.assert_close(x_sparse, ref_x, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(V_sparse, ref_V, rtol=1e-10, atol=1e-11)


@settings(max_examples=40)
@given(
    network=st.sampled_from(NETWORKS),
    n=st.integers(1, 9),
    batch=st.integers(0, 70),
    gain=st.sampled_from([0.1, 1.5, 1e40]),  # lengths that leave the range of doubles within a stretch, too
    steps=st.integers(0, 60),
    work=st.sampled_from([1, 20_000, 10**6]),
    seed=st.integers(0, 1000),
)
def test_calls_that_are_cut_short_change_no_bit(network, n, batch, gain, steps, work, seed):
    system = network(random((n, n), seed, gain / n**0.5))
    advance = system.kernel(1.0 if system.kind == "map" else 0.05)
    x, V = random((batch, n), seed + 1), torch.linalg.qr(random((batch, n, min(n, 3)), seed + 2))[0]
    whole = advance(x, V, steps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared, "WORK", work)
        pieces = advance(x, V, steps)
    for expected, got in zip(whole, pieces, strict=True):
        assert (expected is None) == (got is None)
        assert expected is None or torch.equal(expected.nan_to_num(12.0), got.nan_to_num(12.0))


@pytest.mark.parametrize("n", [1, 4, 5, 60])
@pytest.mark.parametrize("batch", [1, 33, 10**5])
def test_a_call_takes_no_more_than_its_work(n, batch):
    for network in (models.TanhMap, models.TanhFlow):
        calls = list(compiled._calls(10**6, network.form, n, n, batch))
        assert sum(calls) == 10**6
        assert not any(steps % compiled.DELAY for steps in calls)
        stages = 1 if network is models.TanhMap else 4
        assert calls[0] == compiled.DELAY or calls[0] * batch * stages * n * n * n <= shared.WORK


HUGE = """
import os, signal, threading, torch
from ptacore import lyapunov_spectrum, models

signal.signal(signal.SIGINT, signal.default_int_handler)  # which a process that runs tests may have ignored

def interrupted(call):
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        call()
    except KeyboardInterrupt:
        print("interrupted", flush=True)

network = models.TanhMap([[0.0, 1.3], [-1.3, 0.0]])
interrupted(lambda: lyapunov_spectrum(network, [0.3, 0.1], duration=1e10, transient=0.0, samples=1))
advance, state = models.TanhMap(0.5 * torch.eye(5)).kernel(1.0), torch.zeros(5).double()
interrupted(lambda: advance(state, torch.eye(5).double(), 10**10))
"""


def test_ctrl_c_is_heard_in_a_call_that_would_take_hours():
    done = subprocess.run([sys.executable, "-c", HUGE], capture_output=True, text=True, timeout=100)
    assert done.stdout.split() == ["interrupted"] * 2, done.stderr


def test_its_tanh_is_tanh():
    u = torch.cat([torch.linspace(-30, 30, 100_001), torch.logspace(-300, 1, 1000), torch.tensor([0.0])]).double()
    image = models.TanhMap([[1.0]]).kernel(1.0)(u[:, None], torch.ones(len(u), 1, 1).double(), 1)[0]
    torch.testing.assert_close(image[:, 0], u.tanh(), rtol=1e-15, atol=0.0)


@pytest.mark.parametrize("batch", [1, 3])
def test_not_a_number_stays_not_a_number(batch):
    x = torch.zeros(batch, 3, dtype=torch.float64)
    x[0, 1] = float("nan")
    V = torch.eye(3, dtype=torch.float64).repeat(batch, 1, 1)
    for network in NETWORKS:
        advance = network(random((3, 3), 0)).kernel(1.0 if network is models.TanhMap else 0.1)
        x1, V1, *_ = advance(x, V, 2)
        assert x1[0].isnan().any()
        assert not x1[1:].isnan().any()
        V1 = network(random((3, 3), 0)).kernel(0.1)(x.nan_to_num(), V * x[0, 1], 1)[1]
        assert V1.isnan().all()


def test_singular_maps_have_exponents_of_minus_infinity_in_both_backends():
    W = torch.stack([torch.tensor([[1.2, 0.0], [0.0, 0.0]]), torch.tensor([[0.5, 0.0], [0.0, 0.2]])])
    x0 = torch.full((2, 2), 0.3)
    for backend in ("compiled", "torch"):
        s = lyapunov_spectrum(models.TanhMap(W), x0, duration=100, transient=100, backend=backend)
        assert s.exponents[0, 1] == -torch.inf
        assert s.standard_error[0, 1] == 0
        assert s.exponents[1].tolist() == pytest.approx([-0.6931471805599453, -1.6094379124341003])
        assert s.n_negative.tolist() == [2, 2]


def test_without_a_compiler_torch_takes_over_and_says_so(monkeypatch):
    compiled._library.cache_clear()
    monkeypatch.setenv("CC", "no-such-compiler")
    try:
        with pytest.warns(UserWarning, match="compiled backend not available.*no-such-compiler"):
            s = lyapunov_spectrum(models.line_attractor(), torch.ones(6), duration=5.0, dt=0.1)
        assert s.backend == "torch"
        with pytest.raises(ValueError, match="^backend: "):
            lyapunov_spectrum(models.line_attractor(), torch.ones(6), duration=5.0, dt=0.1, backend="compiled")
    finally:
        compiled._library.cache_clear()


def test_gates_that_depend_on_the_state_or_differ_take_torch():
    W, gate = random((3, 3), 0), random((3, 3), 1)
    for gru in (models.GRUMap, models.GRUFlow):
        assert gru(W, b_r=[0.0, 1.0, 2.0], b_z=0.3).kernel(1.0 if gru.kind == "map" else 0.1)
        assert gru(W, W_r=gate).kernel(1.0) is None
        assert gru(W, W_z=gate).kernel(1.0) is None
        assert gru(W, b_z=[0.0, 0.0, 1.0]).kernel(1.0) is None


@pytest.mark.parametrize("backend", ["compiled", "torch"])
@pytest.mark.parametrize("gain", [20.0, 60.0, 300.0])
def test_saturated_units_keep_the_digits_of_their_slope(backend, gain):
    # x <- tanh(g x) rests at x = 1 to rounding: exponent ln(g) - 2 ln cosh(g) = ln(4 g) - 2 g
    found = lyapunov_spectrum(models.TanhMap([[gain]]), [0.9], duration=20, transient=5, backend=backend)
    expected = torch.log(torch.tensor(4 * gain, dtype=torch.float64)) - 2 * gain
    torch.testing.assert_close(found.exponents[0], expected, rtol=1e-12, atol=0)
