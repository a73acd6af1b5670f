"""The curse of memory: long memories fitted by sums of exponentials and by recurrent networks (Wang et al. 2024)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ptacore.checks import check_seed, choice, finite, instance, integer, of_step, within
from ptacore.dynamics.lyapunov import lyapunov_spectrum
from ptacore.models.system import System
from ptacore.networks.base import CellNetwork
from ptacore.networks.published import Antisymmetric
from ptacore.training.objective import Objective

RATES: dict[str, Callable[[Tensor], Tensor]] = {
    "direct": lambda w: w,
    "exp": torch.exp,
    "softplus": softplus,
    "best": lambda w: 1 / (w.square() + 0.5),
}
"""From a weight w to the decay rate a = f(w); "best" is 1 / (a w^2 + b) with a = 1, b = 0.5 (Wang & Li 2024)."""

_WEIGHTS: dict[str, Callable[[Tensor], Tensor]] = {
    "direct": lambda a: a,
    "exp": torch.log,
    "softplus": lambda a: a + torch.log(-torch.expm1(-a)),
    "best": lambda a: (1 / a - 0.5).sqrt(),
}

KERNELS: dict[str, Callable[[Tensor], Tensor]] = {
    "0.9^t": lambda t: 0.9**t,
    "(1+t)^-1.1": lambda t: (1 + t) ** -1.1,
    "e^-t": lambda t: torch.exp(-t),
    "(1+t)^-1.5": lambda t: (1 + t) ** -1.5,
}


class Exponentials(nn.Module):
    """k(t) = sum of c_i exp(-a_i t) in all parametrizations of the rates and from several seeds at once.

    Parameters
    ----------
    terms : int
        m.
    seeds : int
        Draws of the starts: rates even in 0.1 to 1, c with standard deviation 1/m; the same in each parametrization.

    Attributes
    ----------
    w, c : Parameter (parametrizations, seeds, m)

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range.

    Examples
    --------
    >>> sums = Exponentials(8, seeds=3)
    >>> sums(torch.arange(5.0)).shape, bool((sums.rates()[0] - sums.rates()[3]).abs().max() < 1e-9)
    (torch.Size([4, 3, 5]), True)
    """

    def __init__(self, terms: int = 8, seeds: int = 1):
        super().__init__()
        rates, c = [], []
        for seed in range(integer("seeds", seeds, 1)):
            generator = torch.Generator().manual_seed(seed)
            rates.append(0.1 + 0.9 * torch.rand(integer("terms", terms, 1), generator=generator, dtype=torch.float64))
            c.append(torch.randn(terms, generator=generator, dtype=torch.float64) / terms)
        rates = torch.stack(rates)
        self.w = nn.Parameter(torch.stack([inverse(rates) for inverse in _WEIGHTS.values()]))
        self.c = nn.Parameter(torch.stack(c).expand(len(RATES), -1, -1).clone())

    def rates(self, w: Tensor | None = None) -> Tensor:
        """a, of the weights as they are or of others (parametrizations, ...)."""
        w = self.w if w is None else w
        return torch.stack([f(x) for f, x in zip(RATES.values(), w.unbind(), strict=True)])

    def forward(self, t: Tensor) -> Tensor:
        """The kernels at times (n,): (parametrizations, seeds, n)."""
        return kernel(self.rates(), self.c, t)

    @torch.no_grad()
    def perturbed_error(self, size: float, times: Tensor, target: Tensor, draws: int = 20, seed: int = 0) -> Tensor:
        """E(b): the largest summed distance from the target over random perturbations of all weights, of norm b.

        Returns
        -------
        Tensor (parametrizations, seeds)
            inf where a kernel overflows.

        Raises
        ------
        TypeError, ValueError
            If size is negative, or times (n,) and target (n,) or (seeds, n) are not finite numbers.
        """
        within("size", size, 0, math.inf, "[)")
        times, target = finite(times, "times"), finite(target, "target")
        if times.ndim != 1 or target.shape not in (times.shape, (self.w.shape[1], *times.shape)):
            raise ValueError(f"target: expected the shape (n,) of times, or (seeds, n), got {tuple(target.shape)}")
        generator, worst = torch.Generator().manual_seed(check_seed(seed)), torch.zeros(self.w.shape[:2]).double()
        for _ in range(integer("draws", draws, 1)):
            step = torch.randn(2, *self.w.shape[1:], generator=generator, dtype=torch.float64)
            step = size * step / step.square().sum((0, 2), keepdim=True).sqrt()
            moved = kernel(self.rates(self.w + step[0]), self.c + step[1], times)
            error = (moved - target).abs().sum(-1)
            worst = torch.maximum(worst, error.nan_to_num(math.inf, math.inf))
        return worst


def kernel(rates: Tensor, c: Tensor, t: Tensor) -> Tensor:
    """Sums of exponentials (..., m) at times (n,): (..., n).

    Examples
    --------
    >>> kernel(torch.tensor([0.0, 1.0]), torch.tensor([2.0, 1.0]), torch.tensor([0.0]))
    tensor([3.])
    """
    return (c[..., None, :] @ torch.exp(-rates[..., None] * t))[..., 0, :]


class MemoryFit(Objective):
    """Mean squared distance of `Exponentials` from a kernel at t = 1, ..., T; all parametrizations and seeds summed.

    Parameters
    ----------
    target : {"0.9^t", "(1+t)^-1.1"}
        Or another of `KERNELS`.
    horizon : int
        T.
    updates : int
        In an epoch of the record.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range.

    Examples
    --------
    >>> objective = MemoryFit("0.9^t", 100, updates=1)
    >>> len(list(objective.losses(Exponentials(), epoch=1)))
    1
    """

    name, metrics = "memory-fit", ("loss",)

    def __init__(self, target: str, horizon: int, updates: int = 100):
        self.target, self.horizon = choice("target", target, tuple(KERNELS)), integer("horizon", horizon, 1)
        self.updates = integer("updates", updates, 1)
        self.times = torch.arange(1, horizon + 1, dtype=torch.float64)
        self.values = KERNELS[target](self.times)

    def losses(self, model: nn.Module, epoch: int) -> Iterator[Tensor]:
        for _ in range(self.updates):
            yield self.errors(model).sum()

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        return {"loss": self.errors(model).sum()}

    def errors(self, model: Exponentials) -> Tensor:
        """(parametrizations, seeds)"""
        return (model(self.times) - self.values).square().mean(-1)

    @torch.no_grad()
    def probe(self, model: Exponentials, exponents: int | None) -> dict:
        """Smallest rates and errors: (parametrizations, seeds), and E(0.1) up to ten horizons, its logarithm."""
        far = torch.arange(1, 10 * self.horizon + 1, dtype=torch.float64)
        worst = model.perturbed_error(0.1, far, KERNELS[self.target](far)).log10().clamp_max(400)
        return {
            "slowest": model.rates().amin(-1).tolist(),
            "errors": self.errors(model).tolist(),
            "perturbed": worst.tolist(),
        }

    def config(self) -> dict:
        return {"target": self.target, "horizon": self.horizon, "updates": self.updates}

    def check(self, model: nn.Module, settings) -> None:
        instance("model", model, Exponentials)


class Residual(CellNetwork):
    """h' = h + dt tanh(W h + U x + b) with one output, W = -1 + scale N(0, 1)/sqrt(H) at the start.

    Parameters
    ----------
    n_hidden : int
        H.
    dt : float
    scale : float
    seed : int

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range.

    Examples
    --------
    >>> network = Residual(16)
    >>> network(torch.zeros(5, 2, 1)).shape
    torch.Size([5, 2, 1])
    """

    cell = Antisymmetric.cells[0]

    def __init__(self, n_hidden: int = 16, dt: float = 0.1, scale: float = 0.1, seed: int = 0):
        super().__init__(1, 1, integer("n_hidden", n_hidden, 1))
        within("scale", scale, 0, math.inf, "[)")
        self.dt, generator = within("dt", dt, 0, math.inf), torch.Generator().manual_seed(check_seed(seed))
        self.constants = (float(dt),)
        noise = torch.randn(n_hidden, n_hidden, generator=generator)
        self.weight_hh = nn.Parameter(scale * noise / math.sqrt(n_hidden) - torch.eye(n_hidden))
        self.weight_ih = nn.Parameter(torch.randn(n_hidden, 1, generator=generator) / math.sqrt(n_hidden))
        self.bias = nn.Parameter(torch.zeros(n_hidden))
        with torch.no_grad():
            self.readout.weight.copy_(torch.randn(1, n_hidden, generator=generator) / math.sqrt(n_hidden))
            self.readout.bias.zero_()

    def operands(self):
        return self.weight_ih, self.bias, (self.weight_hh,)

    def driven(self, inputs: Tensor) -> System:
        """The map under inputs (T, 1), in double precision, with the weights as they are."""
        inputs = finite(inputs, "inputs")
        if inputs.ndim != 2 or inputs.shape[1] != 1 or not len(inputs):
            raise ValueError(f"inputs: expected shape (T, 1), got {tuple(inputs.shape)}")
        U, W, b = (w.detach().double() for w in (self.weight_ih, self.weight_hh, self.bias))
        drive, eye = inputs @ U.T + b, torch.eye(len(W), dtype=torch.float64)
        dt = self.dt

        def step(h, t):
            return h + dt * torch.tanh(h @ W.T + of_step("inputs", drive, t))

        def jacobian(h, t):
            slope = 1 - torch.tanh(h @ W.T + of_step("inputs", drive, t)).square()
            return eye + dt * slope[..., None] * W

        return System.from_function(step, len(W), "map", jacobian=jacobian)


class Functional(Objective):
    """Follow y(t), the sum over lags s of k(s) x(t - s) dt for white noise x; relative squared error over all steps.

    Parameters
    ----------
    target : {"e^-t", "(1+t)^-1.5"}
        k, or another of `KERNELS`.
    steps, batch, updates : int
        Of a sequence, sequences an update, updates an epoch of the record.
    dt : float
        Time of a step.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range.

    Examples
    --------
    >>> objective = Functional("e^-t", updates=1)
    >>> [loss.shape for loss in objective.losses(Residual(), epoch=1)]
    [torch.Size([])]
    """

    name, metrics = "functional", ("loss",)

    def __init__(self, target: str, steps: int = 100, dt: float = 0.1, batch: int = 64, updates: int = 100):
        self.target, self.dt = choice("target", target, tuple(KERNELS)), within("dt", dt, 0, math.inf)
        self.steps, self.batch = integer("steps", steps, 1), integer("batch", batch, 1)
        self.updates = integer("updates", updates, 1)
        lag = torch.arange(self.steps)[:, None] - torch.arange(self.steps)
        self.response = dt * torch.where(lag < 0, 0.0, KERNELS[target](dt * lag.clamp_min(0)))  # (T, T)
        self.size = self.response.square().sum(1).mean()

    def losses(self, model: nn.Module, epoch: int) -> Iterator[Tensor]:
        for _ in range(self.updates):
            yield self._error(model, self.batch)

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        return {"loss": self._error(model, 256)}

    def _error(self, model: nn.Module, batch: int) -> Tensor:
        x = torch.randn(self.steps, batch)
        return (model(x[..., None])[..., 0] - self.response.to(x) @ x).square().mean() / self.size

    def probe(self, model: Residual, exponents: int | None) -> dict:
        """Leading exponents per unit time under the noise, and the largest real part of W's eigenvalues."""
        inputs = torch.randn(5100, 1)
        start = torch.zeros(model.n_hidden, dtype=torch.float64)
        spectrum = lyapunov_spectrum(model.driven(inputs), start, duration=5000, transient=100, k=exponents or 1)
        return {
            "exponents": (spectrum.exponents / self.dt).tolist(),
            "errors": (spectrum.standard_error / self.dt).tolist(),
            "abscissa": float(torch.linalg.eigvals(model.weight_hh.detach()).real.max()),
        }

    def config(self) -> dict:
        return {name: getattr(self, name) for name in ("target", "steps", "dt", "batch", "updates")}

    def check(self, model: nn.Module, settings) -> None:
        instance("model", model, Residual)
