"""Lyapunov spectra with standard errors (Eq. 15): joint integration of state and tangent vectors, QR."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import Module
from tqdm import tqdm

from ptacore.checks import flag, integer, within
from ptacore.dynamics.differentiable import Recording, with_gradients
from ptacore.dynamics.integrate import step, step_count
from ptacore.dynamics.spectrum import LyapunovSpectrum
from ptacore.dynamics.tangents import TangentSystem, flushed_denormals
from ptacore.dynamics.time_average import error_and_drift
from ptacore.kernels.orthonormal import KEPT
from ptacore.memory import foretell
from ptacore.models.system import System

APART, LEAST = 10, 20  # steps between points of a history that costs as much, and points that errors are found from


def _length_of_cycle(tangents: TangentSystem, closed: Tensor) -> int:
    """Steps of the first of the orbits that have closed."""
    x, longest = tangents.x, int(tangents.closed.period[closed][0])
    for i in range(1, longest):
        x = step(tangents.system, x, 0.0, tangents.dt)
        if (x == tangents.x).all(-1)[closed][0]:
            return i
    return longest


def _on_a_kink(system: System, t: float, x: Tensor, Q: Tensor) -> Tensor:
    """Whether the derivative jumps at states x (..., n): the two sides differ by far more than their distance."""
    F = system.at(t)
    h = math.sqrt(torch.finfo(x.dtype).eps)
    aside = torch.randn(x.shape[-1], generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(x)
    aside = h * aside * torch.where(x == 0, 1.0, x).abs().amax(-1, keepdim=True)
    one, other = (F.jvp(x + s * aside, Q)[1] for s in (1, -1))
    size = torch.maximum(one.abs(), other.abs()).amax((-2, -1))
    if system.kind == "map":
        size = size.clamp_min(1.0)  # a slope that passes through zero has no size of its own
    return (one - other).abs().amax((-2, -1)) > math.sqrt(h) * size


def _without_lost_steps(growth: Tensor, lost: Tensor | None, steps: Tensor, tangents: TangentSystem, time: float):
    """Growth (M, ..., k) in which the steps (M,) that were lost count as the others do, and what that means.

    Also returns which columns vanish (..., k): lost in every quarter of the window, and not for a kink; and which
    orbits (...) stand on a kink.
    """
    system, kink = tangents.system, tangents.closed.period > 0
    if kink.any():
        kink = kink & _on_a_kink(system, time, tangents.x, tangents.Q)
    vanished = torch.zeros_like(tangents.lost, dtype=torch.bool)
    if lost is not None:
        vanished = torch.stack([part.any(0) for part in lost.tensor_split(min(4, len(lost)))]).all(0)
        missed = lost.any(0).any(-1)
        if tangents.singular:
            kink = kink | (missed & vanished.any(-1) & _on_a_kink(system, *tangents.singular))
        vanished = vanished & ~kink[..., None]
        kept = steps.reshape(-1, *[1] * (growth.ndim - 1)) - lost
        rate = growth.sum(0) / kept.sum(0)
        growth = torch.where(kept > 0, growth / kept, rate) * (kept + lost)
        growth = growth.masked_fill(vanished, 0.0)
        if (missed & ~vanished.any(-1) & ~kink).any():
            warnings.warn(
                "lyapunov_spectrum: the tangent map was singular, to rounding, at single steps, which are left out",
                stacklevel=4,
            )
    if kink.any():
        warnings.warn(
            "lyapunov_spectrum: an orbit stands on a kink, where the derivative jumps and automatic differentiation "
            f"takes one value for both sides (seen at t = {tangents.singular[0] if tangents.singular else time:g}): "
            "its exponents are not known, their standard errors are infinite",
            stacklevel=4,
        )
    return growth, vanished, kink


def _without_closed_orbits(found: LyapunovSpectrum, tangents: TangentSystem) -> LyapunovSpectrum:
    """The spectrum with infinite standard errors where rounding has closed an orbit whose neighbours part from it."""
    closed = tangents.closed.by_rounding & (found.n_positive > 0)
    if not closed.any():
        return found
    steps = _length_of_cycle(tangents, closed)
    dtype = str(found.state.dtype).removeprefix("torch.")
    advice = "take float64" if dtype != "float64" else "take another x0, or a shorter run"
    warnings.warn(
        f"lyapunov_spectrum: an orbit has closed on a cycle of {steps} steps, from which neighbours part: the rounding "
        f"of {dtype} has closed it, its exponents are not those of the system and their standard errors are infinite; "
        f"{advice}",
        stacklevel=4,
    )
    return replace(found, standard_error=found.standard_error.masked_fill(closed[..., None], math.inf))


@torch.no_grad()
def lyapunov_spectrum(
    system: System | Module,
    x0,
    *,
    duration: float,
    transient: float | None = None,
    dt: float | None = None,
    k: int | None = None,
    seed: int = 0,
    confidence: float = 0.99,
    samples: int = 200,
    backend: str = "auto",
    t0: float | None = None,
    progress: bool = False,
    differentiable: bool = False,
) -> LyapunovSpectrum:
    """The k leading Lyapunov exponents of the attractor that x0 leads to (Eq. 15, Section 2.4).

    State and tangent vectors are integrated together, the tangents through the stages of the same
    Runge-Kutta step (so they are its exact derivative, of fourth order), and re-orthonormalized by QR at
    intervals that keep them well conditioned [1]_. During the transient the state settles and the tangent
    vectors align; only what follows is averaged.

    Parameters
    ----------
    system : System or torch.nn.Module
        A flow or map; a module is taken as `models.ModuleMap` (undriven).
    x0 : array (..., n) or earlier result
        Initial states; leading axes are a batch (thousands of small systems in one call). A `Trajectory` or
        `LyapunovSpectrum` is continued from its last state and time, a `PeriodicOrbit` from its first.
    duration : float
        Averaging time, after the transient.
    transient : float, optional
        Time before it; by default a fifth of `duration`. Too short a transient leaves the decay of the state
        and of the alignment in the mean; `drift` shows it.
    dt : float
        Time step; may be left out for maps, where it is 1.
    k : int, optional
        Number of exponents; all n by default.
    seed : int
        Seed of the random orthonormal start basis. (The identity can be degenerate.)
    confidence : float
        Level of the intervals that decide the counts.
    samples : int
        Number M of points of the history, at most. Many exponents over few steps have fewer, some steps apart: the
        growth up to a point costs about as much as a step.
    backend : {"auto", "compiled", "torch"}
        "compiled" for the built-in tanh and ReLU networks and torch's recurrent layers, and in double precision for
        most functions (`System.from_function`), all on the CPU; "auto" takes it there. From where a compiled
        derivative is not finite, torch goes on.
    t0 : float, optional
        Time at x0, for driven systems; 0, or that of the earlier result.
    progress : bool
        Show a progress bar.
    differentiable : bool
        Put the exponents on the graph of the system's parameters that require gradients, and of x0 if it does: the
        parameters of a module, tensors that a function closes over, weights that a network was given. Backward, the
        steps are taken anew in torch; ``dynamics.differentiable`` says how, and what memory that needs. The gradient
        is that of these exponents, of this window. Where orbits are chaotic it grows with the window as the orbits
        part, exponentially, and is of no use once they have parted: take some tens of steps and many initial states.

    Returns
    -------
    LyapunovSpectrum
        Exponents, standard errors, history, counts.

    Raises
    ------
    ValueError
        If an argument is not valid; the message names it.
    DivergenceError
        If the state overflows, with the time at which it did.

    Warns
    -----
    UserWarning
        If an orbit stands on a kink, has been closed by rounding, or passed single points where the map is singular.

    References
    ----------
    .. [1] G. Benettin, L. Galgani, A. Giorgilli, J.-M. Strelcyn, Meccanica 15:9-20, 1980.

    Examples
    --------
    >>> from ptacore import models
    >>> s = lyapunov_spectrum(models.line_attractor(), torch.ones(6), duration=20.0, transient=20.0, dt=0.01)
    >>> [round(v, 3) + 0.0 for v in s.exponents.tolist()], s.n_zero.item()
    ([0.0, -2.0, -3.0, -3.0, -3.0, -3.0], 1)
    """
    if flag("differentiable", differentiable):
        system = with_gradients(system)
    tangents = TangentSystem(system, x0, dt=dt, k=k, seed=seed, backend=backend, t0=t0)
    dt, t0 = tangents.dt, tangents.t0
    steps = step_count(duration, dt, "duration")
    skipped = step_count(duration / 5 if transient is None else transient, dt, "transient", least=0)
    within("confidence", confidence, 0, 1)
    samples = min(
        integer("samples", samples, 1), steps if tangents.k <= KEPT else max(steps // APART, min(steps, LEAST))
    )
    foretell("samples", 4 * samples * tangents.Q[..., 0, :].numel() * tangents.x.element_size(),
             "take fewer samples or initial states")  # fmt: skip
    edges = torch.linspace(0, steps, samples + 1).round().long()
    followed = Recording(tangents, skipped + steps) if differentiable else tangents
    with flushed_denormals(), tqdm(total=skipped + steps, disable=not progress, desc="Lyapunov", unit="step") as bar:
        followed.stretches([skipped], bar.update)
        tangents.singular = None
        growth, lost = followed.stretches(edges.diff().tolist(), bar.update)  # (M, ..., k)
    lost = lost if lost.any() else None
    times = edges[1:].to(tangents.x) * dt
    time = t0 + (skipped + steps) * dt
    growth, vanished, doubtful = _without_lost_steps(growth, lost, edges.diff().to(tangents.x.device), tangents, time)
    shown = growth.masked_fill(vanished, -math.inf) if vanished.any() else growth
    history = shown.cumsum(0) / times.reshape(-1, *[1] * (growth.ndim - 1))
    error, drift = error_and_drift(growth, times.diff(prepend=times.new_zeros(1)), skipped * dt)
    if (drift != 0).any():  # columns that have not settled may have to change places yet
        late = growth[len(growth) // 2 :].sum(0).masked_fill(vanished, -math.inf) / (
            times[-1] - times[len(growth) // 2 - 1]
        )
        disorder = (late - late.sort(dim=-1, descending=True)[0]).abs()
        error = torch.where((drift != 0).any(-1, keepdim=True), torch.maximum(error, disorder), error)
    error = error.masked_fill(vanished, 0.0)
    found = LyapunovSpectrum(
        exponents=history[-1], standard_error=error.masked_fill(doubtful[..., None], math.inf), history=history,
        times=times, resolution=math.log(10) / (steps * dt), confidence=confidence, state=tangents.x,
        backend=tangents.backend, time=time, drift=drift.masked_fill(vanished, 0.0), transient=skipped * dt,
    )  # fmt: skip
    if differentiable:
        found = replace(found, exponents=followed.attached(found.exponents, x0, skipped))
    return _without_closed_orbits(found, tangents)
