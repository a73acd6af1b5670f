import numpy as np
import pytest
import torch

import ptacore as pta
from ptacore.control import (
    Agent,
    ClosedLoop,
    DoubleIntegrator,
    EffectiveAgent,
    LinearPlant,
    Pendulum,
    PointMass,
    RankOneAgent,
    rollout,
)

DOUBLE = torch.float64


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def agent_for(plant, phi="tanh", leak=1.0, extra=0, units=7, dtype=DOUBLE):
    W, m, z = (
        0.3 * draw(units, units),
        draw(units, plant.observations + extra, seed=1),
        draw(plant.controls, units, seed=2),
    )
    return Agent(W, m, 0.2 * z, phi, leak, dtype=dtype)


PLANTS = {"integrator": DoubleIntegrator(), "walls": PointMass(0.1, 1.0), "pendulum": Pendulum(0.2)}
AGENTS = {"tanh": ("tanh", 1.0), "leaky": ("tanh", 0.3), "linear": ("identity", 0.1)}


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS)
@pytest.mark.parametrize("form", AGENTS.values(), ids=AGENTS)
def test_the_loop_goes_where_a_rollout_goes_and_its_jacobian_is_its_derivative(plant, form):
    agent = agent_for(plant, *form)
    loop, x0 = ClosedLoop(agent, plant), draw(3, plant.dim, seed=4)
    x, u = rollout(agent, plant, x0, 12)
    s = torch.cat([x0, torch.zeros(3, agent.units, dtype=DOUBLE)], -1)
    for t in range(12):
        assert torch.allclose(loop.control(s), u[t], atol=1e-12)
        s = loop(s)
        assert torch.allclose(s[:, : plant.dim], x[t + 1], atol=1e-12)
    numeric = torch.autograd.functional.jacobian(loop, s[0])
    assert torch.allclose(loop.jacobian(s)[0], numeric, atol=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_eigenvalues_of_the_large_loop_are_those_of_the_four_dimensional_one_and_zeros(seed):
    agent = RankOneAgent.drawn(100, seed)
    with torch.no_grad():
        agent.u.mul_(3), agent.v.mul_(3)
    large = ClosedLoop(agent, DoubleIntegrator()).eigenvalues()
    small = ClosedLoop(EffectiveAgent(agent.order().detach()), DoubleIntegrator()).eigenvalues()
    assert np.abs(np.sort_complex(large[:3].numpy()) - np.sort_complex(small[:3].numpy())).max() < 1e-5
    assert large[3:].abs().max() < 1e-5


def test_all_that_follows_a_system_takes_a_loop():
    """Linear and stable: the spectrum is the logarithm of the eigenvalues, the adjoint a power of the transpose, and
    the origin the only fixed point."""
    loop = ClosedLoop(EffectiveAgent([-0.5, 0.4, 1.0, 0.1]), DoubleIntegrator())
    moduli = loop.eigenvalues().abs()
    assert 0.5 < moduli[0] < 1
    spectrum = pta.lyapunov_spectrum(loop, torch.zeros(4), duration=2000, transient=200, k=3)
    assert (spectrum.exponents - moduli[:3].log()).abs().max() < 2e-3
    t, x = pta.trajectory(loop, [1.0, -1.0, 0.0, 0.0], duration=20)
    psi = pta.adjoint(loop, x, terminal=[1.0, 0.0, 0.0, 0.0])
    P = loop.jacobian(torch.zeros(4, dtype=DOUBLE))
    assert torch.allclose(psi[0], torch.linalg.matrix_power(P.mT, 20)[:, 0], atol=1e-12)
    assert len(t) == 21
    found = pta.fixed_points(loop, starts=draw(5, 4))
    assert found.points.shape == (1, 4)
    assert found.points.abs().max() < 1e-8
    assert bool(found.stable[0])


def test_a_reference_drives_the_loop():
    plant, reference = PointMass(bound=None), draw(9, 2)
    agent = agent_for(plant, "identity", 0.1, extra=2)
    driven = ClosedLoop(agent, plant, reference)
    assert driven.driven
    _, s = pta.trajectory(driven, torch.zeros(driven.dim), duration=9)
    x, _ = rollout(agent, plant, torch.zeros(1, 4), 9, reference[:, None])
    assert torch.allclose(s[:, :4], x[:, 0], atol=1e-12)
    with pytest.raises(ValueError, match="reference: has 9 steps, but step 9 is needed"):
        driven.at(9)


def test_the_loop_keeps_a_copy_of_the_reference():
    plant, reference = PointMass(), torch.zeros(2, dtype=DOUBLE)
    loop = ClosedLoop(agent_for(plant, extra=2), plant, reference)
    reference += 1
    assert loop.reference.tolist() == [0, 0]


def test_the_loop_keeps_a_copy_of_the_weights():
    agent = Agent.regulator(5)
    loop = ClosedLoop(agent, DoubleIntegrator())
    before = loop.eigenvalues()
    with torch.no_grad():
        agent.W.add_(1.0)
    assert torch.equal(loop.eigenvalues(), before)


# ---- the rollout's backward pass, written by hand


def gradients(agent, plant, backend, reference=None):
    x0 = draw(6, plant.dim, seed=5).to(agent.z.dtype).requires_grad_()
    x, u = rollout(agent, plant, x0, 50, reference, backend=backend)
    weights = torch.linspace(0.5, 2, x.numel(), dtype=x.dtype).view_as(x)
    ((weights * x).square().mean() + 0.1 * u.square().sum() + x[:, 0].sum()).backward()
    found = [x0.grad, *(p.grad.clone() for p in agent.parameters())]
    for p in agent.parameters():
        p.grad = None
    return found


@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
@pytest.mark.parametrize("phi", ["tanh", "identity"])
def test_gradients_by_hand_are_those_of_autograd(phi, dtype):
    """In double precision on a loop that multiplies rounding by thousands, in single precision on the paper's start."""
    double = dtype == DOUBLE
    agent = agent_for(DoubleIntegrator(), phi) if double else Agent(*Agent.regulator(40).weights(), phi)
    backends = ("scan", "autograd") if phi == "tanh" else ("scan", "powers", "autograd")
    *found, theirs = (gradients(agent, DoubleIntegrator(), backend) for backend in backends)
    for mine in found:
        for a, b in zip(mine, theirs, strict=True):
            assert (a - b).norm() < (1e-10 if double else 1e-5) * b.norm()


def test_gradients_with_a_reference_and_a_leak_are_those_of_autograd():
    plant, reference = PointMass(bound=None), draw(50, 6, 2, seed=7)
    agent = agent_for(plant, "identity", 0.1, extra=2)
    scanned, powered, theirs = (gradients(agent, plant, b, reference) for b in ("scan", "powers", "autograd"))
    for mine in (scanned, powered):
        for a, b in zip(mine, theirs, strict=True):
            assert (a - b).norm() < 1e-10 * b.norm()


@pytest.mark.parametrize("seed", range(3))
def test_the_four_dimensional_rollout_is_that_of_the_large_network(seed):
    agent, plant = RankOneAgent.drawn(100, seed), DoubleIntegrator()
    W, m, z = (w.detach() for w in agent.weights())
    large = rollout(Agent(W, m, z, "identity", dtype=DOUBLE), plant, draw(5, 2), 50)
    small = rollout(agent, plant, draw(5, 2), 50)
    assert torch.allclose(small.x, large.x, rtol=1e-4, atol=1e-4)
    assert torch.allclose(small.u, large.u, rtol=1e-4, atol=1e-4)
    small.x.square().mean().backward()  # and so is the gradient by the vectors
    by_vectors = agent.z.grad.clone()
    agent.z.grad = None
    _through_all(agent, plant).backward()
    assert torch.allclose(by_vectors, agent.z.grad, rtol=1e-8)


def _through_all(agent, plant):
    x, h, states = draw(5, 2), torch.zeros(5, agent.units, dtype=DOUBLE), [draw(5, 2)]
    for _ in range(50):
        x = plant(x, agent.act(h))
        h = agent.step(h, plant.observe(x))
        states.append(x)
    return torch.stack(states).square().mean()


INTEGRATOR = DoubleIntegrator()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: rollout(Agent.regulator(4), INTEGRATOR, torch.ones(3, 2), 0),
            "steps: expected a whole number at least 1",
        ),
        (lambda: rollout(Agent.regulator(4), INTEGRATOR, torch.ones(3, 2), 2.5), "steps: expected a whole number"),
        (
            lambda: rollout(Agent.regulator(4), INTEGRATOR, torch.ones(0, 2), 5),
            r"x0: expected shape \(B, 2\) with B >= 1",
        ),
        (lambda: rollout(Agent.regulator(4), INTEGRATOR, torch.ones(3, 3), 5), r"x0: expected shape \(B, 2\)"),
        (lambda: rollout(Agent.regulator(4), INTEGRATOR, torch.ones(2), 5), r"x0: expected shape \(B, 2\)"),
        (
            lambda: rollout(Agent.regulator(4), INTEGRATOR, torch.ones(3, 2), 5, torch.ones(5, 3, 1)),
            "reference: expected",
        ),
        (lambda: rollout(Agent.tracker(4), PointMass(), torch.ones(3, 4), 5), "reference: expected shape"),
        (
            lambda: rollout(Agent.tracker(4), PointMass(), torch.ones(3, 4), 5, torch.ones(4, 3, 2)),
            "reference: expected",
        ),
        (lambda: rollout(Agent.tracker(4), INTEGRATOR, torch.ones(3, 2), 5), "agent: expected 1 controls"),
        (lambda: rollout(Agent.regulator(4), PointMass(), torch.ones(3, 4), 5), "agent: expected 2 controls"),
        (lambda: rollout(torch.nn.Linear(2, 2), INTEGRATOR, torch.ones(3, 2), 5), "agent: expected a"),
        (lambda: rollout(Agent.regulator(4), 3, torch.ones(3, 2), 5), "plant: expected a Plant"),
        (
            lambda: rollout(Agent.regulator(4), INTEGRATOR, torch.ones(3, 2), 5, backend="fast"),
            "backend: expected one of",
        ),
        (
            lambda: rollout(agent_for(PLANTS["pendulum"]), PLANTS["pendulum"], draw(3, 2), 5, backend="scan"),
            "backend: ",
        ),
        (lambda: ClosedLoop(Agent.regulator(4), "plant"), "plant: expected a Plant"),
        (lambda: ClosedLoop(None, INTEGRATOR), "agent: expected a"),
        (lambda: ClosedLoop(Agent.tracker(4), PointMass(), torch.ones(3)), "reference: expected shape"),
        (lambda: ClosedLoop(Agent.regulator(4), INTEGRATOR, dtype=torch.int32), "dtype: expected"),
        (lambda: ClosedLoop(Agent.regulator(4), INTEGRATOR).eigenvalues([0.0]), "s: expected shape"),
        (
            lambda: ClosedLoop(Agent.regulator(4), LinearPlant(np.eye(2), np.ones((2, 1)), np.eye(2))),
            "agent: expected at least 2 inputs",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_there_is_no_second_derivative_by_hand():
    x0 = torch.ones(2, 2, requires_grad=True)
    x, _ = rollout(Agent.regulator(4), INTEGRATOR, x0, 3)  # a scan
    with pytest.raises(RuntimeError, match='backend="autograd"'):
        torch.autograd.grad(x.sum(), x0, create_graph=True)
