"""Liquid time-constant networks: dx/dt = -(1/tau + f) x + f A with f >= 0 of the state (Hasani et al. 2021)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ptacore.checks import check_seed, floating, instance, integer, within
from ptacore.dynamics.adjoints import adjoint
from ptacore.dynamics.fixed_points import fixed_points
from ptacore.dynamics.integrate import trajectory
from ptacore.dynamics.lyapunov import lyapunov_spectrum
from ptacore.models.system import System
from ptacore.training.objective import Objective


class Liquid(nn.Module):
    """f = F sigmoid(W x + V I + b); time constants tau / (1 + tau f).

    Parameters
    ----------
    units : int
        n.
    gain : float
        W is drawn with standard deviation gain / sqrt(n).
    F : float
        The largest f.
    amplitude : float
        Of A, whose signs are drawn.
    tau : float
    seed : int
    dtype : torch.dtype

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range.

    Examples
    --------
    >>> network = Liquid(5, gain=2.0, F=1.0)
    >>> network.bounds().abs().unique()
    tensor([0.5000])
    """

    def __init__(
        self,
        units: int,
        gain: float,
        F: float,
        amplitude: float = 1.0,
        tau: float = 1.0,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
    ):
        super().__init__()
        n, generator = integer("units", units, 1), torch.Generator().manual_seed(check_seed(seed))
        for name, value in (("gain", gain), ("F", F), ("amplitude", amplitude), ("tau", tau)):
            within(name, value, 0, math.inf)
        self.F, self.tau = float(F), float(tau)

        def drawn(*shape, scale):
            return scale * torch.randn(*shape, generator=generator, dtype=floating("dtype", dtype))

        self.W = nn.Parameter(drawn(n, n, scale=gain / math.sqrt(n)))
        self.V = nn.Parameter(drawn(n, scale=1.0))
        self.b = nn.Parameter(torch.zeros(n, dtype=dtype))
        self.A = nn.Parameter(amplitude * drawn(n, scale=1.0).sign())
        self.R = nn.Parameter(drawn(n, scale=1 / math.sqrt(n)))

    def extra_repr(self) -> str:
        return f"{len(self.A)}, F={self.F:g}, tau={self.tau:g}"

    def gate(self, x: Tensor, pulse: Tensor | float = 0.0) -> Tensor:
        """f of states (..., n) and an input (..., 1) or a number."""
        return self.F * torch.sigmoid(x @ self.W.T + self.V * pulse + self.b)

    def step(self, x: Tensor, dt: float, pulse: Tensor | float = 0.0) -> Tensor:
        """The fused step, x' = (x + dt f A) / (1 + dt (1/tau + f)): (..., n) -> (..., n)."""
        within("dt", dt, 0, math.inf)
        f = self.gate(x, pulse)
        return (x + dt * f * self.A) / (1 + dt * (1 / self.tau + f))

    def bounds(self) -> Tensor:
        """Ends A tau F / (1 + tau F) of the interval from 0 that each state stays in: (n,)."""
        return self.A.detach() * self.tau * self.F / (1 + self.tau * self.F)

    def flow(self) -> System:
        """The flow without input, in double precision, with the weights as they are."""
        W, b, A = (w.detach().double() for w in (self.W, self.b, self.A))
        F, tau = self.F, self.tau

        def field(x):
            f = F * torch.sigmoid(x @ W.T + b)
            return -(1 / tau + f) * x + f * A

        return System.from_function(field, len(A), "flow")


class CuedSign(Objective):
    """Say, D time constants after a pulse of five steps, what sign it had: (tanh(3 R x) - sign)^2.

    Pulses have sizes from 0.8 to 1.2. An epoch of the record is ``updates`` updates.

    Parameters
    ----------
    delay : float
        D.
    dt : float
        Of the fused step.
    batch, updates : int

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range.

    Examples
    --------
    >>> objective = CuedSign(3.0, updates=2)
    >>> [loss.shape for loss in objective.losses(Liquid(5, 2.0, 1.0), epoch=1)]
    [torch.Size([]), torch.Size([])]
    """

    name, metrics = "cued-sign", ("loss", "accuracy", "accuracy_2", "accuracy_10")
    PULSE = 5

    def __init__(self, delay: float, dt: float = 0.2, batch: int = 16, updates: int = 50):
        self.delay, self.dt = within("delay", delay, 0, 1000), within("dt", dt, 0, 100)
        self.batch, self.updates = integer("batch", batch, 1), integer("updates", updates, 1)

    def losses(self, model: nn.Module, epoch: int) -> Iterator[Tensor]:
        for _ in range(self.updates):
            pulse = self._pulses(self.batch)
            yield self._error(model, self._after(model, self.state(model, pulse), self.delay), pulse)

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        pulse = self._pulses(200)
        found, x, reached = {}, self.state(model, pulse), 0
        for times, name in ((1, ""), (2, "_2"), (10, "_10")):
            x, reached = self._after(model, x, self.delay * (times - reached)), times
            found[f"accuracy{name}"] = ((x @ model.R).sign() == pulse[:, 0].sign()).double().mean()
            if times == 1:
                found["loss"] = self._error(model, x, pulse)
        return found

    def state(self, model: Liquid, pulse: Tensor) -> Tensor:
        """State at the end of pulses (B, 1): (B, n)."""
        if instance("pulse", pulse, Tensor).ndim != 2 or pulse.shape[1] != 1:
            raise ValueError(f"pulse: expected shape (B, 1), got {tuple(pulse.shape)}")
        x = model.A.new_zeros(len(pulse), len(model.A))
        for _ in range(self.PULSE):
            x = model.step(x, self.dt, pulse)
        return x

    def _pulses(self, count: int) -> Tensor:
        sign = torch.randint(2, (count, 1)) * 2.0 - 1
        return sign * (0.8 + 0.4 * torch.rand(count, 1))

    def _after(self, model: Liquid, x: Tensor, time: float) -> Tensor:
        for _ in range(round(time / self.dt)):
            x = model.step(x, self.dt)
        return x

    def _error(self, model: Liquid, x: Tensor, pulse: Tensor) -> Tensor:
        return (torch.tanh(3 * (x @ model.R)) - pulse[:, 0].sign()).square().mean()

    def probe(self, model: Liquid, exponents: int | None) -> dict:
        """Exponents of the flow from both cues, and how many fixed points, all and stable, the flow has.

        ``reach`` is the logarithm of the adjoint's growth over the delay: of R, along the path after a pulse.
        """
        flow = model.flow()
        with torch.no_grad():
            cues = self.state(model, torch.tensor([[1.0], [-1.0]], dtype=model.A.dtype)).double()
        spectrum = lyapunov_spectrum(flow, cues, duration=200.0, transient=300.0, dt=0.05, k=exponents or 3)
        starts = torch.cat([spectrum.state, model.bounds().double() * torch.rand(20, len(model.A)).double()])
        points = fixed_points(flow, starts)
        return {
            "exponents": spectrum.exponents.tolist(),
            "errors": spectrum.standard_error.tolist(),
            "points": len(points),
            "stable": int(points.stable.sum()),
            "reach": self._reach(flow, cues, model.R.detach().double()),
        }

    def _reach(self, flow: System, cues: Tensor, R: Tensor) -> float:
        _, x = trajectory(flow, cues[0], duration=self.delay, dt=0.05)
        psi = adjoint(flow, x, dt=0.05, terminal=R)
        return float((psi[0].norm() / psi[-1].norm()).log())

    def config(self) -> dict:
        return {name: getattr(self, name) for name in ("delay", "dt", "batch", "updates")}

    def chance(self) -> dict[str, float]:
        return {"accuracy": 0.5}

    def check(self, model: nn.Module, settings) -> None:
        instance("model", model, Liquid)
