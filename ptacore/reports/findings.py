"""What is measured of a recurrent layer: exponents, adjoints, attractors, and the start that `pta_` would give."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ptacore.dynamics.adjoints import adjoint
from ptacore.dynamics.fixed_points import FixedPoints, fixed_points
from ptacore.dynamics.integrate import trajectory
from ptacore.dynamics.lyapunov import LyapunovSpectrum, lyapunov_spectrum
from ptacore.dynamics.periodic_orbit import ConvergenceError, PeriodicOrbit, periodic_orbit
from ptacore.models import ModuleMap, System
from ptacore.oscillators.initialize import pta_
from ptacore.reports.cells import blank
from ptacore.reports.inputs import Input
from ptacore.reports.layers import Layer

FORMATS = {  # binary digits, and powers of two of the smallest normal number and of the first that is too large
    "float64": (53, -1022, 1024),
    "float32": (24, -126, 128),
    "bfloat16": (8, -126, 128),
    "float16": (11, -14, 16),
}
STARTS, WINDOWS, ERRORS = 32, 4, 4  # states that are followed; stretches and final gradients of the adjoints
ORDERS = 24 * math.log(2)  # of a gradient that is lost in float32: the adjoints are followed that far
ENTRIES = 3e7  # of the Jacobians at all starts of Newton's method
LOCAL = 20  # windows of the average, in each of which the leading exponent is taken
STAGES = ("attractors", "spectrum", "adjoints", "pta_")


@dataclass(frozen=True)
class Effort:
    """How much is computed: dim^2 k steps in all, between a least and a most number of steps."""

    work: float
    least: int
    most: int
    settle: int
    searched: int
    longest: int
    adjoints: int
    exponents: int

    def steps(self, dim: int, k: int) -> int:
        return int(min(max(self.work / (dim * dim * k), self.least), self.most))


QUICK = Effort(work=2e10, least=200, most=1000, settle=500, searched=16, longest=50, adjoints=200, exponents=128)
FULL = Effort(work=5e11, least=1000, most=10000, settle=3000, searched=128, longest=500, adjoints=1000, exponents=512)


@dataclass(frozen=True)
class Survival:
    """After how many steps a gradient is lost in a format of numbers: (least, most), as the exponent's interval has it.

    Attributes
    ----------
    format : str
    rounded : tuple of float
        Steps until a gradient of size one, summed with others of size one, is below half a unit in their last place.
        For a positive exponent: until those of size one are lost beside it.
    gone : tuple of float
        Steps until it is below the smallest normal number, or above the largest.
    """

    format: str
    rounded: tuple[float, float]
    gone: tuple[float, float]


def survival(exponent: float, tolerance: float, format: str) -> Survival:
    """How long a gradient lasts that changes by exp(exponent) a step.

    A gradient of size one is exp(exponent s) after s steps. With p binary digits it changes nothing in a sum with a
    number of size one once it is below 2^-p, so that it is lost after p ln 2 / |exponent| steps; it leaves the normal
    numbers, down to 2^e, after |e| ln 2 / |exponent|.

    Parameters
    ----------
    exponent, tolerance : float
        Leading Lyapunov exponent per step, and the half-width of its interval.
    format : str
        Key of `FORMATS`.

    Examples
    --------
    >>> lost = survival(-0.05, 0.01, "float32")
    >>> [round(steps) for steps in lost.rounded], [round(steps) for steps in lost.gone]
    ([277, 416], [1456, 2183])
    >>> survival(0.0, 0.001, "bfloat16").rounded[1]
    inf
    """
    digits, smallest, largest = FORMATS[format]
    rates = abs(exponent) + tolerance, max(abs(exponent) - tolerance, 0.0)

    def steps(binary: int) -> tuple[float, float]:
        least, most = (binary * math.log(2) / rate if rate else math.inf for rate in rates)
        return least, most

    return Survival(format, steps(digits), steps(largest if exponent > 0 else -smallest))


@dataclass(frozen=True)
class Adjoints:
    """Norm of the adjoint by the number of steps from the error, of unit gradients in random directions.

    Attributes
    ----------
    lag : ndarray (L + 1,)
    mean, least, most : ndarray (L + 1,)
        Geometric mean, smallest and largest norm over stretches of the orbit and directions; 0 where it has vanished.
    slope : float
        Change of the mean's logarithm per step, over the second half.
    """

    lag: np.ndarray
    mean: np.ndarray
    least: np.ndarray
    most: np.ndarray
    slope: float


@dataclass(frozen=True)
class Attractors:
    """Where states lead to under the constant input, or none.

    Attributes
    ----------
    ends : dict
        From "rests", "repeats", "goes on" to the number of starts that do.
    places : int
        Different resting states that were come to.
    points : FixedPoints or None
        Fixed points that Newton's method found from these orbits and around them.
    cycle : PeriodicOrbit or None
        The periodic orbit that one of them leads to.
    orbits : ndarray (T, starts, 2)
        Last parts of the orbits along their two principal directions.
    marks : ndarray (m, 2)
        The fixed points there.
    """

    ends: dict[str, int]
    places: int
    points: FixedPoints | None
    cycle: PeriodicOrbit | None
    orbits: np.ndarray
    marks: np.ndarray


@dataclass(frozen=True)
class Findings:
    """All that the page shows of one layer."""

    layer: Layer
    input: str
    driven: bool
    spectrum: LyapunovSpectrum
    adjoints: Adjoints
    attractors: Attractors
    pta: LyapunovSpectrum | None
    without_pta: str
    notes: tuple[str, ...] = ()

    @property
    def leading(self) -> tuple[float, float]:
        """The largest exponent, and the half-width of its interval."""
        i = int(self.spectrum.exponents.argmax())
        return self.spectrum.exponents[i].item(), self.spectrum.tolerance[i].item()

    @property
    def local(self) -> tuple[float, np.ndarray]:
        """The length of a window in steps, and the leading exponent in windows of that length, one after the other."""
        s = self.spectrum
        if math.isinf(self.leading[0]):  # in every window
            return float(s.times[-1]), np.array([self.leading[0]])
        ends = np.unique(np.linspace(0, len(s.times), min(LOCAL, len(s.times)) + 1).round().astype(int))
        times = np.append(0.0, s.times.double().numpy())[ends]
        growth = np.append(0.0, (s.times.double() * s.history[:, int(s.exponents.argmax())]).numpy())[ends]
        return float(np.diff(times).mean()), np.diff(growth) / np.diff(times)

    @property
    def survival(self) -> tuple[Survival, ...]:
        """How long a gradient lasts in each of the `FORMATS`."""
        return tuple(survival(*self.leading, name) for name in FORMATS)


def measure(
    layer: Layer, input: Input, effort: Effort, seed: int = 0, tell: Callable[[str], object] = lambda stage: None
) -> Findings:
    """All findings for one layer.

    Parameters
    ----------
    layer : Layer
    input : Input
    effort : Effort
    seed : int
    tell : callable
        Called with the name of each of the `STAGES` when it begins.

    Raises
    ------
    ValueError
        If the layer cannot be followed, or the input does not fit.
    DivergenceError
        If the state leaves the finite numbers.
    """
    rest = layer.system(None)
    k = min(rest.dim, effort.exponents)
    steps = effort.steps(rest.dim, k)
    u = input.make(steps + steps // 5, layer.inputs)
    driven = u is not None and u.ndim == 2
    transient = len(u) // 6 if driven else steps // 5
    steps = len(u) - transient if driven else steps
    system = rest if u is None else layer.system(u)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        tell("attractors")
        attractors, settled = _attractors(rest if driven else system, effort, seed)
        x0 = torch.zeros(rest.dim) if driven else settled

        def spectrum_of(system: System, x0: Tensor) -> LyapunovSpectrum:
            return lyapunov_spectrum(system, x0, duration=steps, transient=transient, k=min(k, system.dim), seed=seed)

        tell("spectrum")
        spectrum = spectrum_of(system, x0)
        tell("adjoints")
        adjoints = _adjoints(system, x0, transient, steps, spectrum.exponents.max().item(), effort, seed)
        tell("pta_")
        module, without = _oscillating(layer, seed)
        pta = None
        if module is not None:
            generator = torch.Generator().manual_seed(seed)
            x0 = torch.randn(layer.depth * layer.units, generator=generator, dtype=torch.float64) / 10
            pta = spectrum_of(ModuleMap(module, u), x0)
    notes = tuple(dict.fromkeys(str(warning.message) for warning in told))
    return Findings(layer, input.said, driven, spectrum, adjoints, attractors, pta, without, notes)


def _adjoints(system, x0, transient: int, steps: int, leading: float, effort: Effort, seed: int) -> Adjoints:
    reach = 1.2 * ORDERS / abs(leading) if leading and math.isfinite(leading) else math.inf  # a fifth more
    length = int(min(max(reach, 20), effort.adjoints, steps))
    stretches = min(WINDOWS, max(1, steps // length))
    path = trajectory(system, x0, duration=stretches * length, transient=transient)
    generator = torch.Generator().manual_seed(seed)
    logs = []
    for i in range(stretches):
        x = path.x[i * length : (i + 1) * length + 1]
        errors = torch.randn(ERRORS, system.dim, generator=generator, dtype=x.dtype)
        errors = errors / errors.norm(dim=-1, keepdim=True)
        x = x[:, None].expand(-1, ERRORS, -1)
        psi = adjoint(system, x, terminal=errors, t0=path.t[i * length].item())
        logs.append(psi.norm(dim=-1).flip(0).log())
    logs = torch.cat(logs, 1)  # (L + 1, stretches x errors)
    mean = logs.mean(1)
    half = length // 2
    slope = ((mean[-1] - mean[half]) / (length - half)).item()
    columns = (part.exp().numpy() for part in (mean, logs.amin(1), logs.amax(1)))
    return Adjoints(np.arange(length + 1), *columns, slope)


def _attractors(system: System, effort: Effort, seed: int) -> tuple[Attractors, Tensor]:
    """What starts lead to, and a settled state of the kind that most of them lead to."""
    generator = torch.Generator().manual_seed(seed)
    starts = torch.randn(STARTS, system.dim, generator=generator, dtype=torch.float64) / 2
    path = trajectory(system, starts, duration=effort.longest, transient=effort.settle).x
    kinds = [_kind(path[:, i]) for i in range(STARTS)]
    ends = {kind: kinds.count(kind) for kind in ("rests", "repeats", "goes on") if kind in kinds}
    common = max(ends, key=ends.get)
    settled = path[-1, kinds.index(common)]
    resting = [path[-1, i] for i, kind in enumerate(kinds) if kind == "rests"]
    places = len({tuple((1e4 * x).round().int().tolist()) for x in resting})  # equal to four decimals
    around = torch.randn(effort.searched, system.dim, generator=generator, dtype=path.dtype)
    near = torch.cat([torch.zeros(1, system.dim, dtype=path.dtype), path[-1], around])
    points = fixed_points(system, near[: max(4, int(ENTRIES / system.dim**2))], seed=seed)
    cycle = None
    moving = next((i for i, kind in enumerate(kinds) if kind == "repeats"), None)
    if moving is not None:
        try:
            cycle = periodic_orbit(system, path[-1, moving], transient=0.0, longest=effort.longest)
        except ConvergenceError:
            cycle = None
    orbits, marks = _projected(path, points.points)
    return Attractors(ends, places, points, cycle, orbits, marks), settled


def _kind(x: Tensor) -> str:
    """Whether the end (T, n) of an orbit rests, comes back to where it was within T steps, or goes on."""
    away = (x[:-1] - x[-1]).abs().amax(-1)
    near = 1e-6 * (1 + x[-1].abs().max())
    if away.max() < near:
        return "rests"
    return "repeats" if away.min() < near and away[-1] > near else "goes on"


def _projected(path: Tensor, points: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Orbits and fixed points along the two directions in which the orbits extend most."""
    flat = torch.cat([path.flatten(0, 1), points])
    middle = flat.mean(0)
    directions = torch.linalg.svd(flat[:: max(1, len(flat) // 500)] - middle, full_matrices=False).Vh[:2]
    directions = nn.functional.pad(directions, (0, 0, 0, 2 - len(directions)))
    return (((path - middle) @ directions.T).numpy(), ((points - middle) @ directions.T).numpy())


def _oscillating(layer: Layer, seed: int) -> tuple[nn.Module | None, str]:
    """Torch's layer of the same size and input weights, filled by `pta_`; or None, and why there is none."""
    kind = layer.cell.partition(",")[0]
    if layer.module is None or kind not in ("RNN", "GRU"):
        return None, f"No start by oscillators is known for this system ({layer.cell})."
    if layer.units < 2:
        return None, "An oscillator needs two units, and there is one."
    inputs = getattr(layer.module, "input_size", layer.inputs)
    module = blank(kind, inputs, layer.units, layer.depth)
    for name, value in module.named_parameters():
        if name.startswith("weight_ih"):
            found = [getattr(layer.module, own, None) for own in (name, "weight_ih", "U")]
            own = next((w for w in found if isinstance(w, Tensor) and w.shape == value.shape), None)
            if own is None:
                return None, f"The layer has no input weights of the shape that torch's {kind} has."
            value.data.copy_(own)
    pta_(module, generator=torch.Generator().manual_seed(seed))
    return module.requires_grad_(False), ""


def lost_after(adjoints: Adjoints, format: str) -> int | None:
    """The first lag at which the mean norm is below half a unit in the last place of 1; None if there is none."""
    below = np.flatnonzero(adjoints.mean <= 2.0 ** -FORMATS[format][0])
    return int(adjoints.lag[below[0]]) if len(below) else None
