import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_systems import (
    henon,
    lorenz,
    oscillator_block,
    package_systems,
    random,
    rotated,
    small_modules,
    stuart_landau,
)
from scipy.integrate import simpson, solve_ivp

from ptacore import (
    DivergenceError,
    System,
    adjoint,
    covariant_vectors,
    fixed_points,
    lyapunov_spectrum,
    models,
    periodic_orbit,
    trajectory,
)
from ptacore.dynamics.tangents import TangentSystem

SYSTEMS = package_systems()
CLOSED_FORM = {
    "two_fixed_points": (models.two_fixed_points(), [-0.65, -1.0, -1.01, -1.01, -1.02, -1.03]),
    "line_attractor": (models.line_attractor(), [0.0, -2.0, -3.0, -3.0, -3.0, -3.0]),
}


@pytest.mark.parametrize("window", [20.0, 200.0])
@pytest.mark.parametrize("name", CLOSED_FORM)
def test_threshold_linear_networks_have_their_closed_form(name, window):
    """Also ten times longer: schemes that differ two trajectories, or adapt their step, drift to 0 here."""
    system, expected = CLOSED_FORM[name]
    x0 = torch.tensor([0.6, 0.3, 2.0, 0.3, 2.0, 0.0]).double()
    s = lyapunov_spectrum(system, x0, duration=window, transient=1500.0, dt=0.025)  # 0.01 apart: align for long
    np.testing.assert_allclose(s.exponents, expected, atol=1e-6)
    if window == 20.0:
        t = lyapunov_spectrum(system, x0, duration=window, transient=10.0, dt=0.1, backend="torch")
        c = lyapunov_spectrum(system, x0, duration=window, transient=10.0, dt=0.1, backend="compiled")
        np.testing.assert_allclose(t.exponents, c.exponents, rtol=1e-10, atol=1e-12)


def test_the_line_attractors_ends_have_no_zero_exponent():
    """With unit 2 silent, x1 - 1 = (u - x2(0) t) exp(-t): from x2(0) < 0 < u the state stays beyond the end."""
    middle, end = torch.tensor([[1.8, 0.5, 1, 1, 1, 1], [1.8, -0.2, 1, 1, 1, 1]]).double()
    s = lyapunov_spectrum(models.line_attractor(), torch.stack([middle, end]), duration=20.0, transient=100.0, dt=0.05)
    assert s.n_zero.tolist() == [1, 0]
    np.testing.assert_allclose(s.exponents[1, :2], [-1.0, -1.0], atol=1e-2)


@settings(max_examples=10)
@given(n=st.integers(1, 6), seed=st.integers(0, 10_000), gap=st.floats(0.4, 1.5), log_condition=st.floats(0, 2))
def test_linear_flows_have_the_real_parts_of_the_eigenvalues(n, seed, gap, log_condition):
    """Real spectrum with gaps, eigenvectors of any conditioning: exact once aligned, up to the RK4 error."""
    rng = np.random.default_rng(seed)
    V = np.linalg.qr(rng.normal(size=(n, n)))[0] * np.logspace(0, log_condition, n)
    rates = 0.3 - gap * np.arange(n)
    A = V @ np.diag(rates) @ np.linalg.inv(V)
    s = lyapunov_spectrum(models.LinearFlow(A), np.zeros(n), duration=2.0, transient=60.0 / gap, dt=0.02)
    discrete = [math.log(abs(sum((r * 0.02) ** j / math.factorial(j) for j in range(5)))) / 0.02 for r in rates]
    np.testing.assert_allclose(s.exponents, discrete, atol=1e-8)
    np.testing.assert_allclose(s.exponents, rates, atol=2e-6 * (1 + np.abs(rates).max()) ** 5)


def test_complex_pairs_share_their_real_part():
    system = models.one_fixed_point(seed=0)
    expected = torch.linalg.eigvals(system.A).real.sort(descending=True)[0]
    pair = 2 * math.pi / torch.linalg.eigvals(system.A).imag.max().item()  # whole turns of the fastest pair
    s = lyapunov_spectrum(system, torch.zeros(6), duration=10 * pair, transient=20 * pair, dt=pair / 500)
    assert s.exponents.sum().item() == pytest.approx(expected.sum().item(), abs=1e-6)
    assert (s.exponents - expected).abs().max() < 2e-2


def test_lorenz():
    x0 = random((64, 3), 0) + torch.tensor([0.0, 0.0, 25.0])
    s = lyapunov_spectrum(lorenz(), x0, duration=100.0, transient=20.0, dt=0.008)
    mean, error = s.exponents.mean(0), s.exponents.std(0) / 8  # 64 independent runs
    assert error.max() < 0.01
    assert ((mean - torch.tensor([0.9056, 0.0, -14.5723])).abs() < 3 * error + 1e-4).all()
    assert (s.exponents.sum(-1) + 41 / 3).abs().max() < 1e-4
    assert (s.standard_error.mean(0) > 0.7 * s.exponents.std(0)).all()  # one run's error bar is not too small


@pytest.mark.slow
def test_lorenz_in_one_long_run():
    s = lyapunov_spectrum(lorenz(), [1.0, 2.0, 20.0], duration=2000.0, transient=50.0, dt=0.01)
    assert s.standard_error.max() < 0.01
    assert ((s.exponents - torch.tensor([0.9056, 0.0, -14.5723])).abs() < 3 * s.standard_error).all()
    assert (s.n_positive, s.n_zero, s.n_negative) == (1, 1, 1)


def test_stable_lorenz_does_not_drift_to_zero():
    """rho = 20: the fixed points C+- attract; their linearization gives the exponents."""
    c = math.sqrt(8 / 3 * 19)
    expected = torch.linalg.eigvals(lorenz(rho=20.0).jacobian(torch.tensor([c, c, 19.0]).double())).real
    s = lyapunov_spectrum(lorenz(rho=20.0), [1.0, 5.0, 20.0], duration=100.0, transient=100.0, dt=0.01)
    assert s.exponents[2].item() == pytest.approx(expected.min().item(), abs=2e-3)
    assert s.exponents[:2].mean().item() == pytest.approx(expected.max().item(), abs=2e-3)
    assert s.n_negative == 3


def test_henon():
    s = lyapunov_spectrum(henon(), random((100, 2), 0, 0.01), duration=4000, transient=200)
    mean, error = s.exponents.mean(0), s.exponents.std(0) / 10
    assert error.max() < 0.01
    assert ((mean - torch.tensor([0.41922, -1.62319])).abs() < 3 * error + 1e-5).all()
    assert (s.exponents.sum(-1) - math.log(0.3)).abs().max() < 1e-10


@given(mu=st.floats(0.3, 1.5), omega=st.floats(0.5, 5.0))
@settings(max_examples=3)
def test_stuart_landau(mu, omega):
    s = lyapunov_spectrum(stuart_landau(mu, omega), [1.0, 0.0], duration=10.0, transient=12 / mu, dt=0.01)
    np.testing.assert_allclose(s.exponents, [0.0, -2 * mu], atol=1e-5)


@pytest.mark.parametrize("name", SYSTEMS)
def test_exponents_sum_to_the_mean_trace(name):
    """Liouville: for flows the mean trace of the Jacobian, for maps the mean log |det|."""
    system, dt = SYSTEMS[name]
    x0 = random((system.dim,), 3, 0.1)
    steps, skipped = 1000, 600
    s = lyapunov_spectrum(system, x0, duration=steps * dt, transient=skipped * dt, dt=dt)
    x = trajectory(system, x0, duration=steps * dt, dt=dt, transient=skipped * dt)[1]
    if system.kind == "flow":
        trace = system.jacobian(x).diagonal(dim1=-2, dim2=-1).sum(-1)
        expected = simpson(trace, dx=dt) / (steps * dt)
    else:
        expected = torch.linalg.slogdet(system.jacobian(x[:-1]))[1].mean().item()
    assert s.exponents.sum().item() == pytest.approx(expected, rel=2e-5, abs=1e-8)


def test_a_cycles_exponents_are_its_floquet_multipliers():
    system = models.limit_cycle()
    x0 = random((20,), 0)
    cycle = periodic_orbit(system, x0, dt=1e-3, transient=5.0, longest=1.0)
    periods = 100
    s = lyapunov_spectrum(system, cycle.x[0], duration=periods * cycle.period, transient=20 * cycle.period,
                          dt=cycle.period / (len(cycle.t) - 1))  # fmt: skip
    assert s.exponents[0].abs() < 1e-3 / system.tau
    assert s.n_zero == 1
    assert s.n_positive == 0
    leading = cycle.multipliers.abs() > 1e-8
    np.testing.assert_allclose(s.exponents[leading], cycle.exponents[leading], rtol=5e-3, atol=1e-3 / system.tau)


def test_invariant_under_orthogonal_change_of_coordinates():
    system = models.TanhRateFlow(random((5, 5), 1, 0.9), b=0.2)
    turned, Q = rotated(system)
    x0 = random((5,), 2)
    s = lyapunov_spectrum(system, x0, duration=400.0, transient=400.0, dt=0.1)
    r = lyapunov_spectrum(turned, Q @ x0, duration=400.0, transient=400.0, dt=0.1)
    np.testing.assert_allclose(r.exponents, s.exponents, atol=2e-3)
    assert r.exponents.sum().item() == pytest.approx(s.exponents.sum().item(), abs=1e-9)


def test_time_constant_scales_the_rates():
    W, x0 = random((8, 8), 3, 1.2), random((8,), 4)
    slow = lyapunov_spectrum(models.TanhFlow(W, tau=1.0), x0, duration=100.0, transient=100.0, dt=0.125)
    fast = lyapunov_spectrum(models.TanhFlow(W, tau=0.25), x0, duration=25.0, transient=25.0, dt=0.03125)
    np.testing.assert_allclose(fast.exponents, 4 * slow.exponents, rtol=1e-12)
    np.testing.assert_allclose(fast.standard_error, 4 * slow.standard_error, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("backend", ["auto", "torch"])
@pytest.mark.parametrize("system", [models.TanhMap(oscillator_block(1.2, 0.5)), models.two_fixed_points()])
def test_batches_equal_loops_and_seeds_repeat(system, backend):
    x0 = random((4, system.dim), 5)
    arguments = {
        "duration": 40.0,
        "transient": 10.0,
        "backend": backend,
        "dt": 1.0 if system.kind == "map" else 0.1,
    }
    together = lyapunov_spectrum(system, x0, **arguments)
    for i in range(4):
        alone = lyapunov_spectrum(system, x0[i], **arguments)
        np.testing.assert_allclose(together.exponents[i], alone.exponents, rtol=1e-11, atol=1e-12)
    assert (lyapunov_spectrum(system, x0, **arguments).exponents == together.exponents).all()
    assert (lyapunov_spectrum(system, x0, seed=1, **arguments).history[0] != together.history[0]).any()


def test_chaos_agrees_with_an_adaptive_integrator_over_a_short_window():
    """Fixed start and basis, five time constants: short enough for two integrators of a chaotic flow to agree."""
    system, T, k = models.chaos(), 0.05, 4
    x0 = trajectory(system, random((100,), 0), duration=1.0, dt=1e-3)[1][-1]
    Q = torch.linalg.qr(random((100, k), 1))[0]

    def field(t, y):
        y = torch.as_tensor(y).reshape(100, 1 + k)
        f, JV = system.jvp(y[:, 0], y[:, 1:])
        return torch.cat([f[:, None], JV], 1).flatten().numpy()

    def growth(y):
        V = torch.as_tensor(y).reshape(100, 1 + k)[:, 1:]
        return torch.linalg.qr(V)[1].diagonal().abs().log() / T

    start = torch.cat([x0[:, None], Q], 1).flatten().numpy()
    exact = growth(solve_ivp(field, (0, T), start, method="DOP853", rtol=1e-11, atol=1e-12).y[:, -1])
    for backend in ("compiled", "torch"):
        tangents = TangentSystem(system, x0, dt=5e-5, k=k, backend=backend)
        tangents.reinitialize(x0, Q)
        got = tangents.step(1000) / T
        np.testing.assert_allclose(got, exact, atol=3e-6)


def test_bursts_after_quiet_stretches_do_not_collapse_the_basis():
    """A relaxation oscillator: sum of exponents = mean trace, as everywhere."""

    def f(z):
        x, y = z.unbind(-1)
        return torch.stack((y, 10 * (1 - x * x) * y - x), -1)

    def J(z):
        x, y = z.unbind(-1)
        top = torch.stack((torch.zeros_like(x), torch.ones_like(x)), -1)
        return torch.stack((top, torch.stack((-20 * x * y - 1, 10 * (1 - x * x)), -1)), -2)

    oscillator = System.from_function(f, 2, "flow", J)
    s = lyapunov_spectrum(oscillator, [1.0, 1.0], duration=60.0, transient=40.0, dt=0.005)
    x = trajectory(oscillator, [1.0, 1.0], duration=60.0, transient=40.0, dt=0.005)[1][:, 0]
    assert s.exponents.sum().item() == pytest.approx(simpson(10 * (1 - x * x), dx=0.005) / 60.0, rel=1e-4)


def test_members_of_a_batch_can_be_taken_out():
    s = lyapunov_spectrum(henon(), random((2, 3, 2), 0, 0.01), duration=60, transient=10, samples=5)
    assert s[0, 1].history.shape == (5, 2)
    assert (s[0, 1].history[-1] == s.exponents[0, 1]).all()
    assert (s[1].n_zero == s.n_zero[1]).all()


def test_counts_follow_the_intervals():
    s = lyapunov_spectrum(models.line_attractor(), torch.ones(3, 6), duration=20.0, transient=20.0, dt=0.1)
    assert s.n_positive.tolist() == [0, 0, 0]
    assert s.n_zero.tolist() == [1, 1, 1]
    assert s.n_negative.tolist() == [5, 5, 5]
    assert s.resolution == pytest.approx(math.log(10) / 20)
    assert (s.tolerance >= s.resolution).all()
    barely = lyapunov_spectrum(models.LinearFlow([[0.02]]), [0.0], duration=20.0, dt=0.1)
    assert barely.n_zero == 1  # e^(0.02 * 20) < 10: not told from zero by this window
    longer = lyapunov_spectrum(models.LinearFlow([[0.02]]), [0.0], duration=200.0, dt=0.1)
    assert longer.n_positive == 1


def test_history_converges_to_the_result():
    s = lyapunov_spectrum(henon(), [0.1, 0.1], duration=1000, transient=100, samples=50)
    assert s.history.shape == (50, 2)
    assert (s.history[-1] == s.exponents).all()
    assert s.times[-1] == 1000
    early = lyapunov_spectrum(henon(), [0.1, 0.1], duration=20, transient=100, samples=1)
    np.testing.assert_allclose(s.history[0], early.exponents, rtol=1e-9)
    assert s.times[0] == 20
    assert early.standard_error.isinf().all()  # one sample tells nothing of the error
    assert early.n_zero == 2


@pytest.mark.parametrize("name", ["rnn", "gru"])
def test_a_users_module_driven_and_not(name):
    module = small_modules()[name]
    undriven = lyapunov_spectrum(module, torch.zeros(8), duration=300, transient=300)
    x = trajectory(models.ModuleMap(module), torch.zeros(8), duration=600)[1][-1]
    rho = torch.linalg.eigvals(models.ModuleMap(module).jacobian(x)).abs().max().log().item()
    assert undriven.exponents[0].item() == pytest.approx(rho, abs=5e-3)  # it rests: the fixed point decides
    driven = lyapunov_spectrum(
        models.ModuleMap(module, input=random((300, 3), 1)), torch.zeros(8), duration=200, transient=100
    )
    assert driven.n_zero == 0


@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_float32_and_float64_agree(backend):
    system, x0 = models.two_fixed_points(), torch.ones(6) * torch.tensor([1.5, 0, 1, 1, 1, 1])
    single = lyapunov_spectrum(system.to(torch.float32), x0, duration=50.0, transient=50.0, dt=0.1, backend=backend)
    double = lyapunov_spectrum(system, x0, duration=50.0, transient=50.0, dt=0.1)
    assert single.exponents.dtype == torch.float32
    assert single.backend == ("torch" if backend == "torch" else double.backend)
    np.testing.assert_allclose(single.exponents, double.exponents, atol=1e-4)


CUDA = {
    "map": lambda: (models.TanhMap(oscillator_block(1.2, 0.5)), random((1000, 2), 0), 1.0),
    "flow": lambda: (models.TanhFlow(random((60, 60), 1, 1.5 / 60**0.5)), random((8, 60), 0), 0.05),
    "module": lambda: (models.ModuleMap(torch.nn.GRU(3, 20, num_layers=2)), random((8, 40), 0), 1.0),
    "function": lambda: (lorenz(), random((8, 3), 0), 0.01),
}


@pytest.mark.cuda
@pytest.mark.parametrize("make", CUDA.values(), ids=CUDA)
def test_cuda_agrees_with_the_cpu(make):
    """Over a window in which chaos does not yet amplify rounding to what is seen."""
    system, x0, dt = make()
    cpu, gpu = (
        lyapunov_spectrum(moved, x0.to(device), duration=100 * dt, transient=20 * dt, dt=dt)
        for device, moved in (("cpu", system), ("cuda", system.to("cuda")))
    )
    np.testing.assert_allclose(gpu.exponents.cpu(), cpu.exponents, atol=1e-6)


def test_denormal_setting_is_restored():
    for setting in (True, False):
        torch.set_flush_denormal(setting)
        lyapunov_spectrum(henon(), [0.1, 0.1], duration=10)
        assert ((torch.tensor(1e-310, dtype=torch.float64) * 1).item() == 0) is setting


@pytest.mark.parametrize(
    ("bad", "named"),
    [({"k": 0}, "k"), ({"k": 4}, "k"), ({"k": 1.5}, "k"), ({"duration": 0.0}, "duration"),
     ({"duration": -1.0}, "duration"), ({"duration": math.nan}, "duration"), ({"dt": -0.1}, "dt"), ({"dt": 0.0}, "dt"),
     ({"transient": -1.0}, "transient"), ({"x0": [1.0]}, "x0"), ({"x0": [math.nan, 0.0, 0.0]}, "x0"),
     ({"confidence": 1.0}, "confidence"), ({"samples": 0}, "samples"), ({"backend": "gpu"}, "backend")],
)  # fmt: skip
def test_bad_arguments_are_named(bad, named):
    arguments = {"x0": [1.0, 2.0, 20.0], "duration": 1.0, "dt": 0.01} | bad
    with pytest.raises(ValueError, match=f"^{named}: "):
        lyapunov_spectrum(lorenz(), **arguments)


@pytest.mark.filterwarnings("ignore:`torch.jit")  # that torch gives itself
def test_a_forward_mode_tangent_is_not_dropped_in_silence():
    system, x0 = models.TanhMap(torch.eye(2)), torch.ones(2, dtype=torch.float64)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x0, x0)
        with pytest.raises(ValueError, match="^x0: .* forward-mode tangent"):
            lyapunov_spectrum(system, dual, duration=10)
        assert lyapunov_spectrum(system, x0, duration=10).exponents.isfinite().all()


def _stepping(W):
    """A module whose weights are no parameters."""
    cell = torch.nn.RNNCell(2, 2, dtype=torch.float64)
    del cell._parameters["weight_hh"]
    cell.weight_hh = W
    return cell


def _tanh_of(W):
    return System.from_function(lambda x: torch.tanh(x @ W.T), 2, "map")


DROPPED = {
    "system": lambda W: lyapunov_spectrum(models.TanhMap(W), [0.3, 0.4], duration=9),
    "function": lambda W: lyapunov_spectrum(_tanh_of(W), [0.3, 0.4], duration=9),
    "torch": lambda W: lyapunov_spectrum(_tanh_of(W), [0.3, 0.4], duration=9, backend="torch"),
    "at some times": lambda W: lyapunov_spectrum(
        System.from_function(lambda x, t: -x + (W[0] if t > 0.5 else 0), 2, "flow"), [0.3, 0.4], dt=0.1, duration=2.0
    ),
    "start": lambda W: lyapunov_spectrum(_tanh_of(torch.eye(2).double()), W[0], duration=9),
    "list": lambda W: lyapunov_spectrum(_tanh_of(torch.eye(2).double()), [W[0, 0], W[0, 1]], duration=9),
    "module": lambda W: lyapunov_spectrum(_stepping(W), [0.3, 0.4], duration=9),
    "differentiable": lambda W: lyapunov_spectrum(_stepping(W), [0.3, 0.4], duration=9, differentiable=True),
    "module's path": lambda W: trajectory(_stepping(W), [0.3, 0.4], duration=9),
    "vectors": lambda W: covariant_vectors(_tanh_of(W), [0.3, 0.4], duration=9),
    "points": lambda W: fixed_points(_tanh_of(W)),
    "starts": lambda W: fixed_points(models.TanhMap([[2.0, 0.0], [0.0, 2.0]]), W),
    "orbit": lambda W: periodic_orbit(models.TanhMap(W), [0.3, 0.4], transient=9, longest=9),
    "tangent": lambda W: adjoint(_tanh_of(torch.eye(2).double()), W),
}


@pytest.mark.filterwarnings("ignore:`torch.jit")  # that torch gives itself
@pytest.mark.parametrize("use", DROPPED.values(), ids=DROPPED)
def test_no_forward_mode_tangent_is_dropped_in_silence(use):
    W = torch.tensor([[0.5, 1.2], [-1.2, 0.7]], dtype=torch.float64)
    with torch.autograd.forward_ad.dual_level():
        with pytest.raises(ValueError, match="^(system|x0|x|module|starts): .* forward-mode tangents"):
            use(torch.autograd.forward_ad.make_dual(W, W))
        use(W) if use is not DROPPED["differentiable"] else None


def test_what_cannot_be_compiled_is_refused_with_the_reason():
    rare = System.from_function(lambda x: -x + torch.special.i0(x), 2, "flow")
    with pytest.raises(ValueError, match="^backend: nothing compiled for .*i0"):
        lyapunov_spectrum(rare, [1.0, 2.0], duration=1.0, dt=0.1, backend="compiled")


def test_numbers_of_any_kind_are_numbers():
    plain = lyapunov_spectrum(lorenz(), [1.0, 2.0, 20.0], duration=2.0, dt=0.01, k=2)
    kinds = lyapunov_spectrum(
        lorenz(), np.array([1, 2, 20]), duration=np.float32(2), dt=np.float64(0.01), k=np.int64(2)
    )
    assert (kinds.exponents == plain.exponents).all()
    W = torch.eye(2, requires_grad=True)
    assert lyapunov_spectrum(models.ReLUFlow(0.5 * W, b=1.0), [1, 1], duration=5, dt=0.1).n_negative == 2


@pytest.mark.parametrize("x0", ["abc", [[1.0], [1.0, 2.0]], None])
def test_what_is_no_number_is_named(x0):
    with pytest.raises(TypeError, match="^x0: expected numbers"):
        lyapunov_spectrum(lorenz(), x0, duration=1.0, dt=0.1)
    with pytest.raises(TypeError, match="^W: expected numbers"):
        models.TanhFlow("abc")
    with pytest.raises(ValueError, match="^x0: "):
        lyapunov_spectrum(lorenz(), torch.zeros(0, 3), duration=1.0, dt=0.1)


def test_divergence_is_raised_with_its_time():
    blow_up = System.from_function(lambda x: x * x, 1, "flow")
    with pytest.raises(DivergenceError) as caught:
        lyapunov_spectrum(blow_up, [1.0], duration=5.0, transient=0.0, dt=0.01)
    assert 1.0 <= caught.value.time < 2.0
    with pytest.raises(DivergenceError):  # compiled backend
        lyapunov_spectrum(models.ReLUFlow([[9.0]], b=1.0), [1.0], duration=200.0, dt=0.1)


def test_an_interruption_passes_through(monkeypatch):
    calls = iter(range(50))

    def field(x):
        if next(calls) == 40:
            raise KeyboardInterrupt
        return -x

    with pytest.raises(KeyboardInterrupt):
        lyapunov_spectrum(System.from_function(field, 1, "flow"), [1.0], duration=10.0, dt=0.1, backend="torch")


def test_smooth_average_of_a_quasi_periodic_orbit_converges_faster_than_the_plain_one():
    network = models.oscillator("tanh map", 1.2, 1.0)
    found = [lyapunov_spectrum(network, [0.3, 0.1], duration=n, transient=500) for n in (500, 2000)]
    smooth = [abs(s.smooth_exponents[0].item()) for s in found]
    plain = [abs(s.exponents[0].item()) for s in found]
    assert smooth[1] < 1e-9 < 1e-7 < plain[1]
    assert smooth[1] < smooth[0] / 100  # four times the window; the plain mean gains a factor of four


def test_smooth_average_of_constant_rates_is_their_value():
    found = lyapunov_spectrum(
        models.LinearFlow([[-1.0, 2.0], [0.0, -3.0]]), [1.0, 1.0], duration=3, transient=30, dt=0.01
    )
    torch.testing.assert_close(found.smooth_exponents, found.exponents, rtol=0, atol=1e-9)


WORKERS = """
import torch
from ptacore.dynamics.tangents import flushed_denormals

torch.set_num_threads(4)
with flushed_denormals():
    torch.ones(200_000, dtype=torch.float64).mul_(2)  # by all threads
    torch.linalg.qr(torch.eye(50, dtype=torch.float64))  # by fewer
tiny = torch.full((200_000,), 1e-310, dtype=torch.float64)
print(int((tiny * 1 == 0).sum()))
"""


def test_denormal_numbers_are_left_alone_afterwards_by_all_threads():
    done = subprocess.run([sys.executable, "-c", WORKERS], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 0


def function_map(f, n, dtype=torch.float64):
    return System.from_function(f, n, "map", dtype=dtype)


@pytest.mark.parametrize("window", [100.0, 1000.0])
@pytest.mark.parametrize("n", [2, 3, 6])
def test_algebraic_growth_is_no_exponent(n, window):
    """A nilpotent Jordan block: the columns grow as t^(n-1), t^(n-3), ..., t^(1-n)."""
    block = models.LinearFlow(torch.diag(torch.ones(n - 1), 1))
    for transient in (window / 5, window):
        s = lyapunov_spectrum(block, np.zeros(n), duration=window, transient=transient, dt=window / 500)
        assert (s.n_positive, s.n_zero, s.n_negative) == (0, n, 0)
        assert s.exponents[0] == pytest.approx((n - 1) * math.log1p(window / transient) / window, rel=0.15)


@pytest.mark.parametrize("window", [30.0, 100.0])
@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_algebraic_growth_from_its_start_is_no_exponent(n, window):
    """Without a transient, where the growth is steep at first."""
    block = models.LinearFlow(torch.diag(torch.ones(n - 1), 1))
    for seed in range(3):
        s = lyapunov_spectrum(block, np.zeros(n), duration=window, transient=0.0, dt=window / 200, seed=seed)
        assert (s.n_positive, s.n_zero, s.n_negative) == (0, n, 0)


def test_a_small_exponent_beside_algebraic_growth_is_still_counted():
    s = lyapunov_spectrum(models.LinearFlow([[0.2, 1.0], [0.0, 0.2]]), [0.0, 0.0], duration=200.0, dt=0.1)
    assert s.n_positive == 2
    lone = lyapunov_spectrum(lorenz(), [1.0, 2.0, 20.0], duration=100.0, dt=0.02)
    assert (lone.n_positive, lone.n_zero, lone.n_negative) == (1, 1, 1)


@pytest.mark.slow
def test_shear_is_no_exponent():
    """Pendulum: neighbours of a regular orbit part as t."""

    def f(z):
        x, y = z.unbind(-1)
        return torch.stack((y, -x.sin()), -1)

    s = lyapunov_spectrum(System.from_function(f, 2, "flow"), [0.1, 0.0], duration=10_000.0, dt=0.1)
    assert s.n_zero == 2


@pytest.mark.parametrize("window", [100.0, 300.0, 1000.0])
def test_exponents_that_have_not_come_apart_say_so(window):
    system, expected = CLOSED_FORM["two_fixed_points"]
    x0 = torch.tensor([0.6, 0.3, 2.0, 0.3, 2.0, 0.0]).double()
    for seed in range(4):
        s = lyapunov_spectrum(system, x0, duration=window, transient=60.0, dt=0.1, seed=seed)
        assert ((s.exponents - torch.tensor(expected)).abs() <= s.tolerance).all()
    assert (s.drift != 0).any()
    aligned = lyapunov_spectrum(system, x0, duration=20.0, transient=1500.0, dt=0.1)
    assert aligned.standard_error.max() < 1e-6


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("n", "rank"), [(3, 1), (4, 2), (6, 3), (20, 2), pytest.param(60, 20, marks=pytest.mark.slow)])
def test_what_a_map_of_low_rank_takes_away_is_minus_infinity(n, rank, dtype):
    W = 0.8 * random((n, rank), 1) @ random((rank, n), 2) / n**0.5
    s = lyapunov_spectrum(models.TanhMap(W).to(dtype), random((n,), 3), duration=200)
    assert s.exponents[:rank].isfinite().all()
    assert s.exponents[rank:].isneginf().all()
    assert (s.standard_error[rank:] == 0).all()
    assert s.smooth_exponents.isneginf().tolist() == [False] * rank + [True] * (n - rank)
    # the same orbit in the coordinates of the image: x = A z, z <- B phi(A z)
    x, total = s.state.double(), 0.0
    V = torch.linalg.qr(random((n, rank), 4))[0]
    network = models.TanhMap(W)
    for _ in range(400):
        x, V = network.jvp(x, V)
        V, R = torch.linalg.qr(V)
        total = total + R.diagonal().abs().log()
    error = 6 * s.standard_error[:rank].sum() + 0.02
    assert abs(total.sum() / 400 - s.exponents[:rank].sum()) < error


@pytest.mark.parametrize("backend", ["torch", "compiled"])
@pytest.mark.parametrize("small", [1e-20, 1e-100, 1e-200, 1e-300])
def test_strong_contraction_is_resolved_as_far_as_doubles_go(small, backend):
    D = torch.tensor([0.9, small, 0.5, 0.25], dtype=torch.float64)
    for n in (3, 4):
        system = models.TanhMap(D[:n].diag())  # at rest at 0: linear
        s = lyapunov_spectrum(system, torch.zeros(n), duration=20, transient=60, backend=backend)
        torch.testing.assert_close(s.exponents, D[:n].log().sort(descending=True)[0], rtol=1e-9, atol=1e-9)
    more = torch.cat([D, torch.tensor([0.1, 0.04, 0.02]).double()])
    s = lyapunov_spectrum(function_map(lambda x: more * x, 7), torch.ones(7), duration=20, transient=60)
    torch.testing.assert_close(s.exponents, more.log().sort(descending=True)[0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("backend", ["torch", "compiled"])
def test_a_mixing_map_with_one_faint_row_keeps_its_determinant(backend):
    """x <- tanh(D W x) at rest: the exponents add up to log |det D W|, also where D is far below rounding."""
    D = torch.tensor([0.5, 1e-120, 0.3], dtype=torch.float64)
    W = torch.tensor([[1.0, 0.4, 0.2], [-0.3, 1.1, 0.5], [0.6, -0.2, 0.9]], dtype=torch.float64)
    s = lyapunov_spectrum(models.TanhMap(D[:, None] * W), torch.zeros(3), duration=200, backend=backend)
    assert s.exponents.sum().item() == pytest.approx(D.log().sum().item() + torch.linalg.det(W).log().item(), abs=1e-9)


@pytest.mark.parametrize("transient", [0, 200])
@pytest.mark.parametrize(
    ("f", "x0"),
    [(lambda x: 2 * x.relu() - 4 * (x - 0.5).relu(), 0.3), (lambda x: (2 * x).relu(), 0.0),
     (lambda x: torch.nn.functional.leaky_relu(2 * x), 0.0)],
)  # fmt: skip
def test_an_orbit_on_a_kink_is_not_minus_infinity(f, x0, transient):
    """In binary arithmetic the tent map's orbits end at 0 after some 50 steps, a kink where autograd's slope is 0."""
    with pytest.warns(UserWarning, match="stands on a kink"):
        s = lyapunov_spectrum(function_map(f, 1), [x0], duration=200, transient=transient)
    assert not s.exponents.isneginf().any()
    assert s.standard_error.isinf().all()
    assert s.n_negative == s.n_positive == 0


def test_a_resting_relu_network_without_bias_stands_on_all_its_kinks():
    torch.manual_seed(0)
    with pytest.warns(UserWarning, match="stands on a kink"):
        s = lyapunov_spectrum(torch.nn.RNN(2, 6, nonlinearity="relu", bias=False).double(), torch.zeros(6), duration=50)
    assert s.standard_error.isinf().all()


def test_one_singular_step_is_left_out():
    """|x| passes 0 once; every other slope is 2 or -2."""
    with pytest.warns(UserWarning, match="single steps"):
        s = lyapunov_spectrum(System.from_function(lambda x, t: 1 - 2 * x.abs() + 0 * t, 1, "map"), [0.0], duration=40,
                              transient=0)  # fmt: skip
    assert s.exponents[0].item() == pytest.approx(math.log(2), rel=1e-12)


def test_superstable_cycles_are_minus_infinity():
    logistic = lyapunov_spectrum(function_map(lambda x: 2 * x * (1 - x), 1), [0.5], duration=100, transient=0)
    constant = lyapunov_spectrum(function_map(lambda x: 0 * x + 1, 2), [0.3, 0.2], duration=50)
    units_off = lyapunov_spectrum(function_map(lambda x: (0.5 * x - 1).relu(), 1), [0.3], duration=50)
    for s in (logistic, constant, units_off):
        assert s.exponents.isneginf().all()
        assert (s.standard_error == 0).all()
        assert s.n_negative == len(s.exponents)


def test_float32_orbits_that_rounding_has_closed_say_so():
    logistic = System.from_function(lambda x: 3.9 * x * (1 - x), 1, "map", lambda x: (3.9 - 7.8 * x)[..., None],
                                    torch.float32)  # fmt: skip
    x0 = torch.linspace(0.1, 0.9, 20)[:, None]
    with pytest.warns(UserWarning, match=r"closed on a cycle of \d+ steps.*float64") as caught:
        s = lyapunov_spectrum(logistic, x0, duration=12_000)
    closed = s.standard_error[:, 0].isinf()
    assert closed.sum() > 10
    x, steps = s.state[closed][0], int(str(caught[0].message).split("cycle of ")[1].split()[0])
    y = x
    for i in range(steps):
        assert i == 0 or (y != x).any()
        y = logistic(y)
    assert (y == x).all()


def test_henon_in_float32_closes_and_says_so():
    """Three of the few starts that close within 12,000 steps (on a cycle of 2,063), and one that does not."""
    x0 = torch.stack((torch.linspace(-0.5, 0.5, 200)[[97, 41, 65, 0]], torch.zeros(4)), -1)
    slopes = torch.tensor([[0.0, 1.0], [0.3, 0.0]])

    def jacobian(x):
        return slopes - 2.8 * x[..., 0, None, None] * torch.tensor([[1.0, 0.0], [0.0, 0.0]])

    single = System.from_function(henon(), 2, "map", jacobian, torch.float32)
    with pytest.warns(UserWarning, match=r"closed on a cycle of \d+ steps.*float64"):
        s = lyapunov_spectrum(single, x0, duration=12_000, transient=0)
    assert s.standard_error.isinf().all(-1).tolist() == [True, True, True, False]
    assert s.n_positive.tolist() == [0, 0, 0, 1]


def test_stable_cycles_and_saddles_are_no_closed_orbits():
    cycle = lyapunov_spectrum(function_map(lambda x: 3.2 * x * (1 - x), 1), [0.3], duration=2000)
    assert cycle.exponents[0].item() == pytest.approx(math.log(0.16) / 2, abs=1e-9)  # slopes' product: 4 + 2 r - r^2
    saddle = function_map(lambda x: torch.stack((2 * x[..., 0], 0.5 * x[..., 1]), -1), 2)
    for x0 in ([0.0, 0.0], [0.0, 0.7]):  # on it, and on its stable manifold
        s = lyapunov_spectrum(saddle, x0, duration=3000)
        assert (s.n_positive, s.n_negative) == (1, 1)
