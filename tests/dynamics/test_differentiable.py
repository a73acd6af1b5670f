"""Gradients of exponents against closed forms and against differences of the ordinary spectrum."""

import math

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from ptacore import DivergenceError, System, lyapunov_spectrum, models, networks, trajectory
from ptacore.dynamics.differentiable import Recording, decompose
from ptacore.dynamics.tangents import TangentSystem


def tensor(value, requires_grad=True):
    return torch.tensor(value, dtype=torch.float64, requires_grad=requires_grad)


def draw(*shape, seed=0, scale=1.0):
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def henon(a, b):
    return System.from_function(
        lambda x: torch.stack((1 - a * x[..., 0] ** 2 + x[..., 1], b * x[..., 0]), -1), dim=2, kind="map"
    )


def agrees_with_differences(of_spectrum, parameters, h=1e-6, rtol=1e-6, atol=1e-9):
    """Along a random direction in all parameters together; of_spectrum(differentiable) -> exponents (..., k)."""
    exponents = of_spectrum(True)
    weights = draw(*exponents.shape, seed=5)
    gradients = torch.autograd.grad((weights * exponents).sum(), parameters)
    directions = [draw(*p.shape, seed=6 + i).to(p) for i, p in enumerate(parameters)]
    found = sum((g * d).sum().item() for g, d in zip(gradients, directions, strict=True))
    ends = []
    for s in (h, -2 * h, h):
        with torch.no_grad():
            for p, d in zip(parameters, directions, strict=True):
                p += s * d
            ends.append((weights * of_spectrum(False)).sum().item())
    assert found == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=rtol, abs=atol)
    assert any(g.abs().max() > 1e-3 for g in gradients)
    torch.testing.assert_close(exponents.detach(), of_spectrum(False), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_linear_flows_have_the_eigenvectors_outer_products(k):
    """d lambda / d A = l r^T with l^T r = 1; RK4 multiplies it by p'(z) / p(z), z = lambda dt, p its polynomial."""
    rates, V, dt = torch.tensor([0.1, -0.4, -1.0, -1.7], dtype=torch.float64), draw(4, 4), 0.1
    A = (V @ rates.diag() @ torch.linalg.inv(V)).requires_grad_()
    s = lyapunov_spectrum(
        models.LinearFlow(A), torch.ones(4), duration=30.0, transient=70.0, dt=dt, k=k, differentiable=True
    )
    left, z = torch.linalg.inv(V), rates * dt
    p, slope = (sum(z**j / math.factorial(j) for j in range(m)) for m in (5, 4))
    for i in range(k):
        (found,) = torch.autograd.grad(s.exponents[i], A, retain_graph=True)
        expected = torch.outer(left[i], V[:, i]) * slope[i] / p[i]
        torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("batch", [(), (3,), (2, 2)])
def test_the_sum_of_henon_s_exponents_is_log_b(batch):
    a, b = tensor(1.4), tensor(0.3)
    x0 = 0.1 * draw(*batch, 2)
    s = lyapunov_spectrum(henon(a, b), x0, duration=12, transient=3, differentiable=True)
    by_a, by_b = torch.autograd.grad(s.exponents.sum() / max(1, math.prod(batch)), (a, b))
    assert by_b.item() == pytest.approx(1 / 0.3, rel=1e-9)
    assert by_a.item() == pytest.approx(0.0, abs=1e-8)


def test_henon_s_fixed_point_has_the_gradient_of_its_eigenvalues():
    """Also through the transient, which carries the point's own dependence on the parameters."""
    a, b = tensor(0.2), tensor(0.3)
    s = lyapunov_spectrum(henon(a, b), [0.6, 0.2], duration=200, transient=200, differentiable=True)
    found = torch.autograd.grad(s.exponents[0], (a, b))
    x = (b - 1 + torch.sqrt((1 - b) ** 2 + 4 * a)) / (2 * a)
    eigenvalues = torch.stack([-a * x + torch.sqrt((a * x) ** 2 + b), -a * x - torch.sqrt((a * x) ** 2 + b)])
    expected = torch.autograd.grad(eigenvalues.abs().max().log(), (a, b))
    torch.testing.assert_close(torch.stack(found), torch.stack(expected), rtol=1e-8, atol=1e-10)


def test_a_driven_damped_pendulum_contracts_at_its_damping():
    """The divergence is -g everywhere: the exponents' sum is -g, whatever the drive does. RK4: to dt^4."""
    g, push, ends = tensor(0.5), tensor(1.2), []

    def pendulum(x, t):
        return torch.stack((x[..., 1], -torch.sin(x[..., 0]) - g * x[..., 1] + push * math.cos(2 * t / 3)), -1)

    system = System.from_function(pendulum, dim=2, kind="flow")
    for differentiable in (False, True):
        s = lyapunov_spectrum(
            system, [0.3, 0.1], duration=10.0, transient=2.0, dt=0.05, t0=1.0, differentiable=differentiable
        )
        ends.append(s.exponents)
    torch.testing.assert_close(ends[1].detach(), ends[0], rtol=1e-10, atol=1e-12)
    by_g, by_push = torch.autograd.grad(ends[1].sum(), (g, push))
    assert by_g.item() == pytest.approx(-1.0, abs=1e-5)
    assert by_push.item() == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("k", [2, 6])
@pytest.mark.parametrize("kind", ["TanhMap", "TanhFlow", "TanhRateFlow", "ReLUFlow", "GRUMap", "GRUFlow"])
def test_the_package_s_networks(kind, k):
    W, b, gate = draw(6, 6, scale=0.6).requires_grad_(), draw(6, seed=1).requires_grad_(), draw(6, 6, seed=2)
    gates = {"W_z": gate.requires_grad_(), "b_r": 0.3} if kind.startswith("GRU") else {}
    times = {"duration": 20, "transient": 5} if kind.endswith("Map") else {"duration": 3.0, "transient": 1.0, "dt": 0.1}

    def of_spectrum(differentiable):
        system = getattr(models, kind)(W, b, **gates)
        return lyapunov_spectrum(system, draw(2, 6, seed=3), k=k, differentiable=differentiable, **times).exponents

    agrees_with_differences(of_spectrum, [W, b, gate] if gates else [W, b])


@pytest.mark.parametrize("shapes", [((5, 5), (5,), (5,)), ((5, 5), (2, 5), (2, 5)), ((2, 5, 5), (5,), (3, 2, 5))])
@pytest.mark.parametrize("kind", ["TanhFlow", "TanhRateFlow", "TanhMap"])
def test_a_network_has_the_gradients_that_torch_finds_for_it(kind, shapes):
    """As for a subclass of the user's. Weights from a leaf, a bias and x0; one network, or many, with weights shared or
    their own."""
    gain, b, x0 = tensor(1.3), draw(*shapes[1], seed=1).requires_grad_(), draw(*shapes[2], seed=2).requires_grad_()
    J, gradients = draw(*shapes[0], scale=0.5).requires_grad_(), []
    times = {"duration": 20, "transient": 5} if kind == "TanhMap" else {"duration": 2.0, "transient": 0.5, "dt": 0.1}
    network = getattr(models, kind)
    for system in (network, type("Own", (network,), {"__module__": __name__})):
        s = lyapunov_spectrum(system(gain * J, b), x0, k=3, backend="torch", differentiable=True, **times)
        weights = draw(*s.exponents.shape, seed=3)
        gradients.append(torch.autograd.grad((weights * s.exponents).sum(), (gain, J, b, x0)))
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)


def test_a_network_whose_parameters_are_tied_or_are_tensors_of_its_own():
    """b made from the network's own W counts once; a time constant that is a tensor has a gradient."""
    W, x0, tau = draw(4, 4, scale=0.9).requires_grad_(), draw(4, seed=1), tensor(0.5)
    network = models.TanhFlow(W)
    network.b, network.tau = network.W.mean(-1), tau
    formula = System.from_function(lambda x: (torch.tanh(x) @ W.T + W.mean(-1) - x) / tau, 4, "flow")
    times = {"duration": 2.0, "transient": 0.5, "dt": 0.1, "backend": "torch", "differentiable": True}
    for other in (tau, tau.item()):
        network.tau = other
        asked = (W, tau) if other is tau else (W,)
        found, expected = (
            torch.autograd.grad(lyapunov_spectrum(s, x0, **times).exponents.square().sum(), asked, retain_graph=True)
            for s in (network, formula)
        )
        for ours, theirs in zip(found, expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10)


def test_one_parameter_of_a_network_may_be_fixed():
    """Its gradient is left out, and those of the others stay."""
    W, b = draw(4, 4).requires_grad_(), draw(4, seed=1).requires_grad_()
    times = {"duration": 2.0, "transient": 0.5, "dt": 0.1, "differentiable": True}

    def gradient(W, b, of):
        return torch.autograd.grad(lyapunov_spectrum(models.TanhFlow(W, b), draw(4), **times).exponents[0], of)[0]

    assert torch.equal(gradient(W.detach(), b, b), gradient(W, b, b))
    assert torch.equal(gradient(W, b.detach(), W), gradient(W, b, W))


def test_a_network_in_single_precision_and_its_changed_weights():
    W = draw(20, 20, scale=0.35).requires_grad_()
    by = []
    for dtype in (torch.float64, torch.float32):
        system = models.TanhFlow(W, dtype=dtype)
        s = lyapunov_spectrum(system, 0.1 * draw(20), duration=3.0, dt=0.1, k=5, differentiable=True)
        by.append(torch.autograd.grad(s.exponents.sum(), W)[0])
    torch.testing.assert_close(by[1], by[0], rtol=1e-3, atol=1e-4)
    s = lyapunov_spectrum(system, 0.1 * draw(20), duration=3.0, dt=0.1, k=5, differentiable=True)
    with torch.no_grad():
        system.W += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        s.exponents.sum().backward()


class Leaky(nn.Module):
    def __init__(self):
        super().__init__()
        self.W, self.rate, self.unused = nn.Linear(5, 5), nn.Parameter(torch.tensor(0.3)), nn.Linear(2, 2)

    def forward(self, input, h):
        return h + self.rate * (torch.tanh(self.W(h) + input) - h)


MODULES = {
    "RNN": (lambda: nn.RNN(2, 5), {}),
    "ReLU": (lambda: nn.RNN(2, 5, nonlinearity="relu"), {}),
    "GRU": (lambda: nn.GRU(2, 5, num_layers=2), {}),
    "LSTM": (lambda: nn.LSTM(2, 5), {}),
    "projected": (lambda: nn.LSTM(2, 5, proj_size=3), {}),
    "cell": (lambda: nn.GRUCell(2, 5), {}),
    "normed": (lambda: weight_norm(nn.GRU(2, 5), "weight_hh_l0"), {}),
    "own": (Leaky, {"dim": 5}),
    **{name: (lambda name=name: networks.build(name, 2, 3, 4), {}) for name in ("gru-pta", "cornn", "lem", "lru")},
}


@pytest.mark.parametrize("name", MODULES)
def test_modules(name):
    torch.manual_seed(0)
    make, options = MODULES[name]
    module = make().double()
    unused = ("readout", "norm.", "linear", "unused", "encoder", ".B", ".C", ".D", "gain")
    owned = {key: p for key, p in module.named_parameters() if not any(part in key for part in unused)}
    d = 5 if name == "own" else 2
    system = models.ModuleMap(module, torch.zeros(d), **options)
    input, x0 = draw(12, d), draw(system.dim, seed=1, scale=0.5)
    k = 1 if name == "ReLU" else system.dim // 2  # few of its units are on

    def of_spectrum(differentiable):
        system = models.ModuleMap(module, input, differentiable=differentiable, **options)
        return lyapunov_spectrum(system, x0, duration=9, transient=3, k=k, differentiable=differentiable).exponents

    agrees_with_differences(of_spectrum, list(owned.values()))


def test_a_module_alone_and_in_single_precision():
    torch.manual_seed(0)
    gru = nn.GRU(3, 8)
    s = lyapunov_spectrum(gru, draw(8), duration=30, k=4, differentiable=True)
    s.exponents.square().sum().backward()
    exact, gru.weight_hh_l0.grad = gru.weight_hh_l0.grad, None
    single = models.ModuleMap(gru, dtype=torch.float32, differentiable=True)
    lyapunov_spectrum(single, draw(8), duration=30, k=4, differentiable=True).exponents.square().sum().backward()
    assert exact.norm() > 0.01
    torch.testing.assert_close(gru.weight_hh_l0.grad, exact, rtol=1e-3, atol=1e-4)


def test_what_was_made_from_another_parameter_counts_once():
    raw = tensor(0.5)
    rate = raw.exp()
    f = System.from_function(lambda x: -(rate + raw) * x, dim=1, kind="flow")
    s = lyapunov_spectrum(f, [1.0], duration=1.0, dt=0.01, differentiable=True)
    by_raw, by_rate = torch.autograd.grad(s.exponents.sum(), (raw, rate))
    assert by_rate.item() == pytest.approx(-1.0, rel=1e-6)
    assert by_raw.item() == pytest.approx(-1.0 - math.exp(0.5), rel=1e-6)


def test_the_initial_state_has_a_gradient_too():
    x0 = tensor([[0.2], [0.7]])
    cubic = System.from_function(lambda x: x - x**3, dim=1, kind="map")
    s = lyapunov_spectrum(cubic, x0, duration=4, transient=0, differentiable=True)
    path = trajectory(cubic, x0, duration=4)[1][:-1]
    expected = torch.autograd.grad((1 - 3 * path**2).abs().log().mean(0).sum(), x0)[0]
    torch.testing.assert_close(torch.autograd.grad(s.exponents.sum(), x0)[0], expected, rtol=1e-10, atol=0)


def test_parameters_that_act_late_are_found():
    late, on = tensor(0.7), tensor(0.9)
    f = System.from_function(lambda x, t: (late if t >= 7 else on) * x, dim=1, kind="map")
    s = lyapunov_spectrum(f, [1.0], duration=10, transient=0, differentiable=True)
    by_late, by_on = torch.autograd.grad(s.exponents.sum(), (late, on))
    assert by_late.item() == pytest.approx(0.3 / 0.7)
    assert by_on.item() == pytest.approx(0.7 / 0.9)


def test_gradients_ask_for_no_other_times_than_the_spectrum_did():
    """To the bit: rounding would turn a drive that starts at such a time on or off."""
    a, asked = tensor(0.3), set()

    def f(x, t):
        asked.add(t)
        return -x + torch.tanh(1.2 * x + a * (t > 1.45))

    system = System.from_function(f, 1, "flow")
    asked.clear()
    found = lyapunov_spectrum(system, [0.2], duration=2, dt=0.1, transient=0, differentiable=True).exponents
    before = asked.copy()
    found.sum().backward()
    assert asked == before


def test_a_burst_between_quiet_steps_shortens_the_way_to_the_next_decomposition():
    """exp(-25) at one step of 200: the first interval, from the mean growth, is too long for it."""
    rate, R = tensor([0.1, 0.2, 0.3]), torch.linalg.qr(draw(3, 3))[0]

    def f(x, t):
        factor = torch.exp(-rate * (120.0 if t % 100 == 57 else 1.0))
        return (x @ R * factor) @ R.T

    s = lyapunov_spectrum(System.from_function(f, 3, "map"), torch.ones(3), duration=200, transient=0,
                          differentiable=True)  # fmt: skip
    (found,) = torch.autograd.grad(s.exponents.sum(), rate)
    torch.testing.assert_close(found, torch.full_like(rate, -(198 + 240) / 200), rtol=1e-8, atol=0)


@pytest.mark.parametrize("make", [models.TanhMap, lambda W: System.from_function(lambda x: x @ W.T, 3, "map")])
def test_the_last_interval_of_a_stretch_may_be_shorter(make):
    """15 steps are 8 and 7 between decompositions. At the origin the exponents' sum is log |det W|."""
    V = draw(3, 3, seed=1)
    W = (V @ torch.exp(torch.tensor([-0.1, -0.7, -1.3])).double().diag() @ torch.linalg.inv(V)).requires_grad_()
    s = lyapunov_spectrum(make(W), torch.zeros(3), duration=200, transient=0, differentiable=True)
    (found,) = torch.autograd.grad(s.exponents.sum(), W)
    torch.testing.assert_close(found, torch.linalg.inv(W.detach()).T, rtol=1e-6, atol=1e-6)


def test_saturated_units_leave_gradients_finite():
    """cosh overflows at a pre-activation of 89 in single precision, and the slope's gradient with it."""
    W = torch.tensor([[0.5, 0.0], [0.0, 0.5]], requires_grad=True)
    system = models.TanhRateFlow(W, b=[0.0, 200.0], dtype=torch.float32)
    s = lyapunov_spectrum(system, [0.5, 0.9], duration=5.0, dt=0.1, differentiable=True)
    (found,) = torch.autograd.grad(s.exponents.sum(), W)
    assert torch.isfinite(found).all()
    assert found[0, 0] > 0.1


def test_the_decomposition_s_gradient_is_torch_s():
    V = draw(2, 6, 4).requires_grad_()
    of_Q, of_growth = draw(2, 6, 4, seed=1), draw(2, 4, seed=2)
    for n in (6, 4):
        part = V[:, :n]
        Q, R = torch.linalg.qr(part)
        theirs = (Q * of_Q[:, :n]).sum() + (R.diagonal(dim1=-2, dim2=-1).abs().log() * of_growth).sum()
        Q, growth = decompose(part)
        ours = (Q * of_Q[:, :n]).sum() + (growth * of_growth).sum()
        expected, found = (torch.autograd.grad(loss, V)[0] for loss in (theirs, ours))
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)


def test_what_is_kept_grows_as_the_square_root_of_the_steps():
    for steps in (100, 10_000):
        tangents = TangentSystem(models.TanhMap(draw(5, 5)), draw(5), k=2)
        recording = Recording(tangents, steps)
        recording.stretches([steps])
        assert len(recording.kept) + max(s.steps for s in recording.kept) <= 2.1 * math.sqrt(steps)
        assert sum(s.steps for s in recording.kept) == steps == tangents.done


def test_what_has_no_gradient_is_refused_by_name():
    run = {"duration": 10, "transient": 2, "differentiable": True}
    with pytest.raises(ValueError, match=r"^differentiable: expected a system with parameters that require gradients"):
        lyapunov_spectrum(models.TanhMap(draw(2, 2)), [0.1, 0.2], **run)
    with pytest.raises(ValueError, match=r"^differentiable: expected a system with parameters"):
        lyapunov_spectrum(models.ModuleMap(nn.GRU(2, 3)), draw(3), **run)
    b = tensor(0.5)
    flat = System.from_function(lambda x: torch.stack((b * x[..., 0], 0 * x[..., 1]), -1), dim=2, kind="map")
    with pytest.raises(ValueError, match=r"^k: expected exponents that have gradients"):
        lyapunov_spectrum(flat, [0.1, 0.2], **run)
    s = lyapunov_spectrum(flat, [0.1, 0.2], k=1, **run)
    assert torch.autograd.grad(s.exponents.sum(), b)[0].item() == pytest.approx(2.0)
    steep = System.from_function(lambda x: torch.stack((b * x[..., 0], 1e-13 * x[..., 1]), -1), dim=2, kind="map")
    s = lyapunov_spectrum(steep, [0.1, 0.2], **run)
    with pytest.raises(ValueError, match=r"^k: expected exponents that have gradients"):
        s.exponents.sum().backward()
    with pytest.raises(ValueError, match="^differentiable: expected True or False"):
        lyapunov_spectrum(flat, [0.1, 0.2], duration=10, differentiable=1)


def test_a_derivative_that_automatic_differentiation_does_not_find_is_refused():
    b = tensor(0.5)

    class Hidden(System):
        dim, kind = 1, "map"

        def __call__(self, x):
            return b * x.detach() + 0 * x

        def jacobian(self, x):
            return b.detach().expand(*x.shape, 1)

    with pytest.raises(ValueError, match="^differentiable: the jacobian of"):
        lyapunov_spectrum(Hidden(), [0.5], duration=5, differentiable=True)


def test_parameters_that_have_changed_since_are_refused_and_overflow_has_its_time():
    b = tensor(0.5)
    s = lyapunov_spectrum(System.from_function(lambda x: b * x, 1, "map"), [0.5], duration=5, differentiable=True)
    with torch.no_grad():
        b += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        s.exponents.sum().backward()
    a = tensor(4.0)
    logistic = System.from_function(lambda x: a * x * (1 - x), 1, "map")
    s = lyapunov_spectrum(logistic, [0.3], duration=2000, transient=0, differentiable=True)
    with pytest.raises(DivergenceError, match="gradient of the exponents"):
        s.exponents.sum().backward()
