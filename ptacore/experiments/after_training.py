"""What attracts a trained network while its input does not change.

    python -m ptacore.experiments.after_training results/audit

makes what is missing beside the weights below a folder: ``attractors.json``, some minutes of one core for a network of
250 units.
"""

from __future__ import annotations

import copy
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from ptacore import checks, provenance, tasks
from ptacore.dynamics.fixed_points import fixed_points
from ptacore.dynamics.integrate import trajectory
from ptacore.dynamics.lyapunov import lyapunov_spectrum
from ptacore.dynamics.periodic_orbit import ConvergenceError, periodic_orbit
from ptacore.models import System
from ptacore.models.module_map import as_system
from ptacore.networks import registry
from ptacore.networks.base import Recurrent
from ptacore.tasks.task import Split
from ptacore.training.checkpoints import WEIGHTS, load_weights, write_atomically
from ptacore.training.probes import usual_input
from ptacore.training.records import RecordError, Run, read_run

KINDS = ("fixed point", "periodic orbit", "torus", "chaos", "slow", "undecided")
INPUTS = ("blank", "none")
FILE = "attractors.json"
SEQUENCES = 3  # whose ends are starts, beside the origin
SETTLE = 100_000  # steps before the first look
WINDOWS = (2_000, 20_000)  # steps behind the exponents, with a fifth as many before
EXPONENTS = 128
LEADING = 8  # exponents that are recorded
LOOK = 1_000  # steps in which an orbit rests or repeats, or not
AT_REST = 1e-9  # largest movement of a state, relative to 1 + its size
STEADY = 0.8  # of the movement before, or more: an orbit that has settled moves as far as it did ten times earlier


@dataclass(frozen=True)
class Attractor:
    """Where one start of a map leads.

    Attributes
    ----------
    kind : str
        One of `KINDS`. "fixed point" and "periodic orbit": the orbit has come to one that Newton's method certifies and
        that is stable. "torus": it does neither, moves as far as it did before, no exponent is positive, and those that
        are not told from zero are as many over both windows, one or more (one: a closed curve, as a limit cycle's when
        it is looked at in steps), and fewer than were computed. "chaos": an exponent is positive over both windows.
        "slow": no exponent is positive, and fewer are not told from zero over the longer window, so that some
        directions decay, but so slowly that the state has not come to rest. "undecided": none of these; the counts and
        the travel say why.
    zero, positive : tuple of int
        Exponents not told from zero, and above it, by the intervals of `lyapunov_spectrum`, over the two windows; none
        where an orbit rests or repeats.
    exponents, tolerance : tuple of float
        The `LEADING` first ones of the longer window, and the half-widths of their intervals.
    period : int
        Steps of a periodic orbit; 1 for a fixed point, 0 for the others.
    multiplier : float or None
        The largest modulus of the eigenvalues once round: below 1, as it is stable.
    travel : tuple of float
        How far states are apart in `LOOK` steps, at most: after a tenth of the steps to settle, and after all.
    computed : int
        How many exponents were computed; where all are counted as zero or positive, there may be more.
    """

    kind: str
    zero: tuple[int, ...] = ()
    positive: tuple[int, ...] = ()
    exponents: tuple[float, ...] = ()
    tolerance: tuple[float, ...] = ()
    period: int = 0
    multiplier: float | None = None
    travel: tuple[float, ...] = ()
    computed: int = 0


def attractors(
    system: System,
    starts,
    settle: int = SETTLE,
    windows: tuple[int, int] = WINDOWS,
    exponents: int = EXPONENTS,
) -> list[Attractor]:
    """Where starts lead, one by one.

    Parameters
    ----------
    system : System
        A map.
    starts : array_like (S, n)
    settle : int
        Steps before the first look.
    windows : tuple of int
        Steps behind the exponents, a short and a long window.
    exponents : int
        How many leading ones.

    Returns
    -------
    list of Attractor
        One for each start.

    Raises
    ------
    TypeError, ValueError
        If the system is a flow, or the starts do not have its dimension.
    DivergenceError
        If a state leaves the finite numbers.

    Examples
    --------
    >>> logistic = System.from_function(lambda x: 3.2 * x * (1 - x), dim=1, kind="map")
    >>> found = attractors(logistic, [[0.3]], settle=1000)[0]
    >>> found.kind, found.period, round(found.multiplier, 9)  # 4 + 2 r - r^2
    ('periodic orbit', 2, 0.16)
    """
    checks.instance("system", system, System)
    if system.kind != "map":
        raise ValueError(f"system: expected a map, got a {system.kind}")
    checks.integer("settle", settle, 10)
    checks.integer("exponents", exponents, 1)
    windows = checks.interval("windows", windows, 10)
    starts = checks.finite(starts, "starts")
    if starts.ndim != 2 or starts.shape[1] != system.dim:
        raise ValueError(f"starts: expected an array (S, {system.dim}), got {tuple(starts.shape)}")
    early = trajectory(system, starts, duration=LOOK, transient=settle // 10).x
    late = trajectory(system, early[-1], duration=LOOK, transient=settle - settle // 10).x
    k = min(exponents, system.dim)
    return [_attractor(system, early[:, i], late[:, i], windows, k) for i in range(early.shape[1])]


def _away(path: Tensor) -> Tensor:
    return (path[:-1] - path[-1]).abs().amax(-1)


def _attractor(system: System, early: Tensor, late: Tensor, windows: tuple[int, int], k: int) -> Attractor:
    away, x = _away(late), late[-1]
    near, travel = AT_REST * (1 + x.abs().max()), (_away(early).max().item(), away.max().item())
    if away.max() < near:
        found = fixed_points(system, x[None])
        if len(found.points) and (size := found.eigenvalues[0].abs().max().item()) < 1:
            return Attractor("fixed point", period=1, multiplier=size, travel=travel)
    elif away.min() < near:
        try:
            cycle = periodic_orbit(system, x, transient=0.0, longest=LOOK)
        except ConvergenceError:
            cycle = None
        if cycle is not None and (size := cycle.multipliers.abs().max().item()) < 1:
            return Attractor("periodic orbit", period=round(cycle.period), multiplier=size, travel=travel)
    spectra = [lyapunov_spectrum(system, x, duration=T, transient=T // 5, k=k) for T in windows]
    zero, positive = (tuple(int(getattr(s, name)) for s in spectra) for name in ("n_zero", "n_positive"))
    kind = _moving(zero, positive, travel, k)
    lead = [
        tuple(round(v, 9) for v in values[:LEADING].tolist()) for values in (spectra[1].exponents, spectra[1].tolerance)
    ]
    return Attractor(kind, zero, positive, *lead, travel=travel, computed=k)


def _moving(zero: tuple[int, ...], positive: tuple[int, ...], travel: tuple[float, ...], computed: int) -> str:
    """The kind of an orbit that neither rests nor repeats."""
    if min(positive):
        return "chaos"
    if max(positive):
        return "undecided"
    if zero[1] < zero[0]:
        return "slow"
    counted = 0 < zero[0] == zero[1] < computed  # where all are zeros, there may be more
    return "torus" if counted and travel[1] > STEADY * travel[0] else "undecided"


def trained_network(folder: str | Path) -> tuple[Recurrent, Split]:
    """The network of a recorded run, with the weights of its best epoch, and the validation sequences of its task.

    Parameters
    ----------
    folder : str or Path
        Folder of a run that has its weights (see `load_weights`).

    Raises
    ------
    CheckpointError
        If it has none.
    RecordError
        If it is not a run's folder.
    """
    config = read_run(folder).config
    task, model = tasks.make_task(**config["task"]), config["model"]
    network = registry.build(model["name"], task.n_inputs, task.n_outputs, model["n_hidden"], **model["options"])
    network.load_state_dict(load_weights(folder))
    return network, task.split("validation")


def attractors_of(network: Recurrent, split: Split, **effort) -> dict[str, list[Attractor]]:
    """The attractors of a network, from the origin and from where sequences of its task leave it.

    Parameters
    ----------
    network : Recurrent
    split : Split
        Its first three sequences are used.
    **effort
        Arguments of `attractors`.

    Returns
    -------
    dict
        A list for each of `INPUTS`: under the most frequent input (see `usual_input`), and without any.
    """
    network = copy.deepcopy(checks.instance("network", network, Recurrent)).cpu().double().requires_grad_(False)
    checks.instance("split", split, Split)
    ends = network.states(split.batch(range(SEQUENCES), torch.float64).inputs)[-1]
    starts = torch.cat([torch.zeros_like(ends[:1]), ends])
    inputs = usual_input(split).double(), None
    return {name: attractors(as_system(network, u), starts, **effort) for name, u in zip(INPUTS, inputs, strict=True)}


def record(root: str | Path, report=print) -> None:
    """Make what is missing below a folder, a file beside the weights of each run."""
    torch.set_num_threads(1)
    for weights in sorted(Path(root).rglob(WEIGHTS)):
        file = weights.with_name(FILE)
        if file.exists():
            continue
        made = provenance.origin()  # before the run: the code that it began with
        effort = dict(settle=SETTLE, windows=WINDOWS, exponents=EXPONENTS)
        found = attractors_of(*trained_network(weights.parent), **effort)
        found = {name: [asdict(end) for end in ends] for name, ends in found.items()}
        content = json.dumps(dict(effort=effort, provenance=made, **found), indent=1)
        write_atomically(file, f"{content}\n".encode())
        report(f"{file}: " + ", ".join(f"{name}: {[end['kind'] for end in ends]}" for name, ends in found.items()))


def _from_lists(end: dict) -> Attractor:
    """As it was recorded; what moves gets its kind from the numbers, by the rule of today."""
    end = {name: tuple(value) if isinstance(value, list) else value for name, value in end.items()}
    if end["zero"]:
        end["kind"] = _moving(end["zero"], end["positive"], end["travel"], end["computed"])
    return Attractor(**end)


def read(root: str | Path) -> list[tuple[Run, dict[str, list[Attractor]]]]:
    """The recorded attractors below a folder: for each run those under each of `INPUTS`.

    Raises
    ------
    RecordError
        If a record cannot be read; the message names it.
    """
    found = []
    for file in sorted(Path(root).rglob(FILE)):
        try:
            content = json.loads(file.read_text())
            ends = {name: [_from_lists(end) for end in content[name]] for name in INPUTS}
        except (KeyError, TypeError, ValueError) as error:
            raise RecordError(f"{file}: not a record of attractors ({error})") from error
        found.append((read_run(file.parent), ends))
    return found


if __name__ == "__main__":
    record(sys.argv[1])
