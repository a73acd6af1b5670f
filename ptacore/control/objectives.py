"""What agents are trained for: to bring a plant to rest, to imitate one that does, to follow a target."""

from __future__ import annotations

import hashlib
import math

import torch
from torch import Tensor

from ptacore.checks import flag, instance, integer, within
from ptacore.control.agents import Agent, EffectiveAgent
from ptacore.control.loop import ClosedLoop, Rollout, check_fit, rollout
from ptacore.control.plants import DoubleIntegrator, LinearPlant, Plant, PointMass
from ptacore.control.powers import response
from ptacore.control.theory import gains
from ptacore.networks.bptt import Readout, run
from ptacore.networks.registry import Tanh
from ptacore.training.objective import Objective


class Regulation(Objective):
    """Bring a plant to rest in the origin, by gradients through the loop.

    The cost of an episode is the mean square of the plant's states over steps and entries (`total`: summed over steps)
    plus `effort` times the summed squares of the controls; it is averaged over a batch of fresh starts.

    Parameters
    ----------
    plant : Plant, optional
        The double integrator if omitted.
    steps : int
        Episode length T.
    batch : int
        Starts for an update, one update an epoch.
    box : float
        Starts are uniform in [-box, box]^d.
    effort : float
    total : bool

    Notes
    -----
    Metrics are the cost of other starts, and the feedback gains of the first control from the first two entries of the
    state. ``probe`` gives the loop's eigenvalues at rest. In a linear loop a batch counts by its second moments alone,
    so that d starts with the same moments take its place: loss and gradient are the same.

    Examples
    --------
    >>> from ptacore.control import RankOneAgent, Regulation
    >>> from ptacore.training import Settings, train
    >>> settings = Settings(optimizer="sgd", lr=0.01, epochs=20, decay=1.0)
    >>> run = train(Regulation(), RankOneAgent.drawn(zm=0.1), settings)
    >>> run.history[-1]["validation_loss"] < 0.1 * run.history[0]["validation_loss"]
    True
    """

    name, metrics = "regulation", ("loss", "k1", "k2")

    def __init__(
        self,
        plant: Plant | None = None,
        *,
        steps: int = 50,
        batch: int = 100,
        box: float = 2.0,
        effort: float = 0.0,
        total: bool = False,
    ):
        self.plant = DoubleIntegrator() if plant is None else instance("plant", plant, Plant)
        if self.plant.dim < 2:
            raise ValueError(f"plant: expected two or more states, got {self.plant.dim}")
        self.steps, self.batch = integer("steps", steps, 1), integer("batch", batch, 1)
        self.box = within("box", box, 0, math.inf)
        self.effort = within("effort", effort, 0, math.inf, "[)")
        self.total = flag("total", total)

    def starts(self, agent, trials: int) -> Tensor:
        """Starts, (B, d), or d that take their place: to be averaged over, as they have been scaled."""
        dtype = next(agent.parameters()).dtype
        x0 = self.box * (2 * torch.rand(trials, self.plant.dim, dtype=dtype) - 1)
        if agent.linear and isinstance(self.plant, LinearPlant) and self.plant.bound is None:
            return equal_moments(x0)
        return x0

    def cost(self, found: Rollout) -> Tensor:
        """Cost of a batch of episodes; the states before each step count."""
        scale = len(found.u) if self.total else 1
        cost = scale * found.x[:-1].square().mean()
        return cost + self.effort * found.u.square().sum((0, 2)).mean() if self.effort else cost

    def losses(self, model, epoch):
        yield self.cost(rollout(model, self.plant, self.starts(model, self.batch), self.steps))

    def evaluate(self, model, split):
        found = rollout(model, self.plant, self.starts(model, self.batch), self.steps)
        k = gains(found.x[1:-1], found.u[1:])[0] if self.steps > 1 else torch.zeros(2)
        return {"loss": self.cost(found), "k1": k[0], "k2": k[1]}

    def probe(self, model, exponents):
        """Eigenvalues of the loop at rest, [real, imaginary], leading first; overlaps of an agent of rank one."""
        ranked = hasattr(model, "order")
        agent = EffectiveAgent(model.order().detach()) if ranked else model
        values = ClosedLoop(agent, self.plant).eigenvalues()[:exponents]
        found = {"eigenvalues": torch.view_as_real(values).tolist()}
        return found | ({"order": model.order().tolist()} if ranked else {})

    def config(self):
        names = ("steps", "batch", "box", "effort", "total")
        return self.plant.config() | {name: getattr(self, name) for name in names}

    def check(self, model, settings):
        if check_fit(model, self.plant):
            raise ValueError("model: expected an agent that sees the plant alone, got one with a reference")


class _OpenLoop(Objective):
    """Imitate the controls of a `teacher`; `deployed` judges the student in the loop, where it is not trained."""

    teacher: Agent
    deployed: Objective

    def _loss(self, model) -> Tensor:
        raise NotImplementedError

    def losses(self, model, epoch):
        yield self._loss(model)

    def evaluate(self, model, split):
        found = self.deployed.evaluate(model, split)
        return {"loss": self._loss(model), "deployed": found.pop("loss"), **found}

    def probe(self, model, exponents):
        """As for what it is judged by."""
        return self.deployed.probe(model, exponents)

    def config(self):
        return {"deployed": self.deployed.config(), "teacher": digest(self.teacher)}

    def check(self, model, settings):
        self.deployed.check(model, settings)


class Imitation(_OpenLoop):
    """Open loop: imitate the controls of a trained agent on white noise.

    Parameters
    ----------
    teacher : Agent
        Of phi "tanh", without leak.
    deployed : Regulation
        By which the student is judged in the loop, where it is not trained.

    Notes
    -----
    The loss is the square of the difference of controls, summed over steps, averaged over a batch. Metrics: the loss,
    the cost in the loop ("deployed"), the gains there.

    Examples
    --------
    >>> from ptacore.control import Agent, Imitation, Regulation
    >>> teacher, student = Agent.regulator(8, seed=1), Agent.regulator(8, seed=2)
    >>> loss = next(Imitation(teacher, Regulation(batch=5)).losses(student, epoch=1))
    """

    name, metrics = "imitation", ("loss", "deployed", "k1", "k2")

    def __init__(self, teacher: Agent, deployed: Regulation):
        self.teacher = instance("teacher", teacher, Agent)
        self.deployed = instance("deployed", deployed, Regulation)
        check_fit(self.teacher, self.deployed.plant)

    def _loss(self, model) -> Tensor:
        z = next(model.parameters())
        y = torch.randn(self.deployed.steps, self.deployed.batch, self.deployed.plant.observations, dtype=z.dtype)
        with torch.no_grad():
            wanted = open_loop(self.teacher, y)
        return (open_loop(model, y) - wanted).square().mean((1, 2)).sum()


def open_loop(agent: Agent, y: Tensor) -> Tensor:
    """Controls of an agent that is shown observations (T, B, k) from h = 0: (T, B, p)."""
    W, m, z = agent.weights()
    if agent.linear:
        keep = torch.eye(len(W), dtype=W.dtype)
        return response(z, torch.lerp(keep, W, agent.leak), agent.leak * m, y.mT).mT
    if agent.leak != 1:
        raise ValueError(f"agent: expected one without leak or a linear one, got leak {agent.leak}")
    return run(
        Tanh.cell,
        y,
        m,
        m.new_zeros(len(W)),
        (W,),
        (y.new_zeros(y.shape[1], len(W)),),
        readout=Readout(z, z.new_zeros(len(z))),
    )[0]


class Tracking(Objective):
    """Follow a target that is a sum of sinusoids on the two axes, with random phases: the motor task.

    Parameters
    ----------
    frequencies : pair of sequences of float
        In hertz, of the x and of the y axis.
    amplitude : float
        Of each sinusoid.
    duration, ramp : float
        Seconds of a trial, and of the linear ramp at its beginning.
    batch : int
        Trials for an update, one update an epoch.
    plant : PointMass, optional

    Attributes
    ----------
    hertz : list of float
        All frequencies, ascending.

    Notes
    -----
    The loss is the mean over time of the squared distance from the target, times the plant's step. Metrics: the loss,
    and for each frequency, ascending ("f1", "f2", ...), that of trials with this sinusoid alone. In a linear loop the
    error is a sum of the responses to the cosine and the sine of each frequency; a batch counts by the second moments
    of their coefficients, so that few trials take its place. Where a trial would hit the walls, all are followed as
    they are. ``probe`` gives the eigenvalues of the agent by itself and of the loop, as rates 1/s in the discrete time
    of the plant: log(multiplier) / dt.

    Examples
    --------
    >>> from ptacore.control import Agent, Tracking
    >>> task = Tracking(frequencies=((0.1,), (0.2,)), duration=5.0, batch=4)
    >>> task.metrics, task.hertz
    (('loss', 'f1', 'f2'), [0.1, 0.2])
    >>> loss = next(task.losses(Agent.tracker(units=8), epoch=1))
    """

    name = "tracking"

    def __init__(
        self,
        frequencies=((0.1, 0.3), (0.2, 0.4)),
        *,
        amplitude: float = 2.31,
        duration: float = 30.0,
        ramp: float = 1.0,
        batch: int = 100,
        plant: PointMass | None = None,
    ):
        self.plant = PointMass() if plant is None else instance("plant", plant, PointMass)
        self.axes = _axes(frequencies, 0.5 / self.plant.dt)
        self.hertz = sorted(f for axis in self.axes for f in axis)
        self.metrics = ("loss", *(f"f{i + 1}" for i in range(len(self.hertz))))
        self.amplitude = within("amplitude", amplitude, 0, math.inf)
        self.duration, self.ramp = within("duration", duration, 0, math.inf), within("ramp", ramp, 0, math.inf, "[)")
        self.steps = integer("duration", round(self.duration / self.plant.dt), 1)
        self.batch = integer("batch", batch, 1)
        self._targets = self._unit_targets()

    def responses(self, dtype=torch.float32) -> Tensor:
        """Targets of unit coefficients, the cosine and the sine of each frequency: (T + 1, 2 K, 2)."""
        return self._targets.to(dtype)

    def _unit_targets(self) -> Tensor:
        t = self.plant.dt * torch.arange(self.steps + 1, dtype=torch.float64)
        size = self.amplitude * ((t / self.ramp).clamp(max=1.0) if self.ramp else torch.ones_like(t))
        found = torch.zeros(len(t), len(self.hertz), 2, 2, dtype=torch.float64)
        for k, f in enumerate(self.hertz):
            axis, angle = 0 if f in self.axes[0] else 1, 2 * math.pi * f * t
            found[:, k, 0, axis], found[:, k, 1, axis] = size * angle.cos(), -size * angle.sin()
        return found.flatten(1, 2)

    def coefficients(self, trials: int) -> Tensor:
        """Of random phases: (trials, 2 K)."""
        phases = 2 * math.pi * torch.rand(trials, len(self.hertz), dtype=torch.float64)
        return torch.stack([phases.cos(), phases.sin()], -1).flatten(1)

    def alone(self, agent: Agent) -> Tensor | None:
        """The plant's states (T + 1, 2 K, 4) for each cosine and sine, without walls; None if they do not add up."""
        if not agent.linear:
            return None
        return follow(agent, self.plant, self.steps, self.responses(agent.m.dtype), walls=False).x

    def errors(self, agent: Agent, coefficients: Tensor, alone: Tensor | None = None) -> Tensor:
        """Distances from the target (T, B, 2) in trials, or in at most 2 K with the same moments."""
        basis, c = self.responses(agent.m.dtype), coefficients.to(agent.m.dtype)
        alone = self.alone(agent) if alone is None else alone
        if alone is not None and (c @ alone.detach()).abs().max() <= (self.plant.bound or math.inf):
            return equal_moments(coefficients).to(c) @ (self.plant.observe(alone[1:]) - basis[:-1])
        x = follow(agent, self.plant, self.steps, c @ basis, walls=True).x
        return self.plant.observe(x[1:]) - c @ basis[:-1]

    def cost(self, errors: Tensor) -> Tensor:
        return self.plant.dt * errors.square().sum(-1).mean()

    def losses(self, model, epoch):
        yield self.cost(self.errors(model, self.coefficients(self.batch)))

    def evaluate(self, model, split):
        alone = self.alone(model)
        found = {"loss": self.cost(self.errors(model, self.coefficients(self.batch), alone))}
        pure = torch.eye(2 * len(self.hertz), dtype=torch.float64)
        squares = self.errors(model, pure, alone).square().sum(-1).mean(0)  # (2 K,)
        each = self.plant.dt * squares.unflatten(0, (-1, 2)).mean(1)  # as over all phases
        return found | dict(zip(self.metrics[1:], each, strict=True))

    def probe(self, model, exponents):
        """Rates [real, imaginary] per second, slowest decay first: "agent" by itself, and "loop"."""
        W = model.weights()[0].detach().double()
        mixed = torch.lerp(torch.eye(len(W), dtype=W.dtype), W, model.leak)
        loop = ClosedLoop(model, self.plant).eigenvalues()
        found = {"agent": torch.linalg.eigvals(mixed), "loop": loop}
        return {name: _rates(values, self.plant.dt, exponents) for name, values in found.items()}

    def config(self):
        names = ("amplitude", "duration", "ramp", "batch")
        own = {"frequencies": [list(axis) for axis in self.axes]} | {name: getattr(self, name) for name in names}
        return self.plant.config() | own

    def check(self, model, settings):
        instance("model", model, Agent)
        if check_fit(model, self.plant) != 2:
            raise ValueError(f"model: expected 4 inputs, place and target, got {model.m.shape[1]}")


class TrackingImitation(_OpenLoop):
    """Open loop of the motor task: imitate the controls of a trained agent on the trials that it sees.

    Parameters
    ----------
    teacher : Agent
        Linear, and good enough to stay off the walls.
    deployed : Tracking
        By which the student is judged in the loop.

    Examples
    --------
    >>> from ptacore.control import Agent, Tracking, TrackingImitation
    >>> task = Tracking(frequencies=((0.1,), (0.2,)), duration=5.0, batch=4)
    >>> TrackingImitation(Agent.tracker(units=8, seed=1), task).metrics
    ('loss', 'deployed', 'f1', 'f2')
    """

    name = "tracking imitation"

    def __init__(self, teacher: Agent, deployed: Tracking):
        self.teacher, self.deployed = instance("teacher", teacher, Agent), instance("deployed", deployed, Tracking)
        self.metrics = ("loss", "deployed", *deployed.metrics[1:])
        self.deployed.check(teacher, None)
        if not teacher.linear:
            raise ValueError("teacher: expected a linear agent, got one with tanh")
        with torch.no_grad():
            target = deployed.responses(teacher.m.dtype)
            x, self.controls = follow(teacher, deployed.plant, deployed.steps, target, walls=False)
        amplitude = x.unflatten(1, (-1, 2)).norm(dim=2).sum(1).max()
        if deployed.plant.bound is not None and not amplitude <= deployed.plant.bound:
            raise ValueError(f"teacher: expected one that stays off the walls, got states up to {amplitude:.3g}")
        self.inputs = torch.cat([deployed.plant.observe(x[1:]), target[1:]], -1)

    def _loss(self, model) -> Tensor:
        c = self.deployed.coefficients(self.deployed.batch)
        r = torch.linalg.qr(c / math.sqrt(len(c)), mode="r")[1].to(self.inputs)
        difference = open_loop(model, self.inputs[:-1]) - self.controls[1:]
        return (r @ difference).square().sum((1, 2)).mean() / difference.shape[-1]


def follow(agent: Agent, plant: PointMass, steps: int, targets: Tensor, walls: bool) -> Rollout:
    """A plant at rest and an agent that sees targets (T + 1, B, 2); without walls, as one linear map."""
    free = plant if walls else LinearPlant(plant.A, plant.B, plant.C)
    return rollout(agent, free, targets.new_zeros(targets.shape[1], plant.dim), steps, targets[1:])


def equal_moments(x: Tensor) -> Tensor:
    """At most d rows with the mean of x x^T of a batch: (B, d) -> (min(B, d), d).

    Examples
    --------
    >>> x = torch.randn(100, 2)
    >>> few = equal_moments(x)
    >>> few.shape, torch.allclose(few.T @ few / 2, x.T @ x / 100, atol=1e-6)
    (torch.Size([2, 2]), True)
    """
    r = torch.linalg.qr(x / math.sqrt(len(x)), mode="r")[1]
    return math.sqrt(len(r)) * r


def digest(agent: Agent) -> str:
    """What tells an agent's weights from others."""
    data = b"".join(w.detach().cpu().contiguous().numpy().tobytes() for w in agent.weights())
    return hashlib.sha256(data + repr(agent).encode()).hexdigest()[:16]


def _axes(frequencies, highest: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if not isinstance(frequencies, (tuple, list)) or len(frequencies) != 2:
        raise ValueError(f"frequencies: expected those of two axes, got {frequencies!r}")
    for axis in frequencies:
        if not isinstance(axis, (tuple, list)):
            raise ValueError(f"frequencies: expected those of two axes, got {frequencies!r}")
    axes = tuple(tuple(within("frequencies", f, 0, highest) for f in axis) for axis in frequencies)
    every = [f for axis in axes for f in axis]
    if not every or len(set(every)) != len(every):
        raise ValueError(f"frequencies: expected different ones, at least one, got {frequencies!r}")
    return axes


def _rates(multipliers: Tensor, dt: float, most: int | None) -> list[list[float]]:
    """Slowest decay first; a direction that is lost in one step is left out."""
    kept = multipliers[multipliers.abs() > 1e-12]
    rates = kept.log() / dt
    return torch.view_as_real(rates[rates.real.argsort(descending=True)][:most]).tolist()
