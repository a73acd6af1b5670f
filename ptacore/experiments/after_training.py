"""What attracts a network while its input does not change, before training and after.

    python -m ptacore.experiments.after_training results/audit

makes what is missing beside the weights below a folder: ``attractors.json``, a minute or two of one core for a network
of 250 units. With ``--before`` the networks have their initial weights: ``attractors_before.json``.
"""

from __future__ import annotations

import copy
import json
import sys
from dataclasses import asdict, dataclass, replace
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
from ptacore.training.loop import weights_hash
from ptacore.training.probes import usual_input
from ptacore.training.records import RecordError, Run, read_run

KINDS = ("fixed point", "periodic orbit", "torus", "oscillation", "chaos", "slow", "unstable", "undecided")
INPUTS = ("blank", "none")
FILE, BEFORE = "attractors.json", "attractors_before.json"
SEQUENCES = 3  # whose ends are starts, beside the origin
SETTLE = 100_000  # steps before the first look
WINDOWS = (2_000, 20_000)  # steps behind the exponents, with a fifth as many before
EXPONENTS = 128
LEADING = 8  # exponents that are recorded
LOOK = 1_000  # steps in which an orbit rests or repeats, or not
AT_REST = 1e-9  # largest movement of a state, relative to 1 + its size
STEADY = 0.8  # of the movement before, or more: an orbit that has settled moves as far as it did ten times earlier
SURE = 1.81  # half-widths above zero: of `EXPONENTS` at zero one comes so far once in forty times (Bonferroni, normal)
TURNS = 3  # in `LOOK` steps, or more: what creeps, even if it leaps once, does not come back so often


@dataclass(frozen=True)
class Attractor:
    """Where one start of a map leads.

    Attributes
    ----------
    kind : str
        One of `KINDS`. "fixed point" and "periodic orbit": the orbit has come to one that Newton's method certifies and
        that is stable. "chaos": an exponent is positive over both windows, and surely so over the longer one, by `SURE`
        half-widths, since of many intervals some leave out zero by chance. "oscillation": the state moves as far as it
        did before and turns back again and again, and no exponent is surely positive, so that it is on a cycle or a
        torus, or still comes nearer to one; "torus": one whose angles are counted, for the exponents that are not told
        from zero are as many over both windows, one or more (one: a closed curve, as a limit cycle's when it is looked
        at in steps), and fewer than were computed. "slow": the state does not go on like that, no exponent is surely
        positive, and fewer are not told from zero over the longer window, so that some directions decay, but so slowly
        that it has not come to rest. "unstable": the start is held by a point or orbit that attracts nothing, for a
        multiplier is 1 or more. "undecided": none of these; the other numbers say why.
    zero, positive : tuple of int
        Exponents not told from zero, and above it, by the intervals of `lyapunov_spectrum`, over the two windows; none
        where an orbit rests or repeats.
    exponents, tolerance : tuple of float
        The `LEADING` first ones of the longer window, and the half-widths of their intervals.
    period : int
        Steps of a periodic orbit; 1 for a fixed point, 0 where the orbit does not repeat itself.
    multiplier : float or None
        The largest modulus of the eigenvalues once round: below 1 if it is stable.
    travel : tuple of float
        How far the state goes from where it ends in `LOOK` steps: after a tenth of the steps to settle, and after all.
    turns : float
        How often it has gone there and back in the later of these: the length of its path over twice the travel.
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
    turns: float = 0.0
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
    if repeats := _repeats(system, x, away, near):
        period, size = repeats
        return Attractor(_repeating(period, size), period=period, multiplier=size, travel=travel)
    length = late.diff(dim=0).abs().amax(-1).sum().item()
    turns = length / (2 * travel[1]) if travel[1] > 0 else 0.0
    spectra = [lyapunov_spectrum(system, x, duration=T, transient=T // 5, k=k) for T in windows]
    zero, positive = (tuple(int(getattr(s, name)) for s in spectra) for name in ("n_zero", "n_positive"))
    lead = [
        tuple(round(v, 9) for v in values[:LEADING].tolist()) for values in (spectra[1].exponents, spectra[1].tolerance)
    ]
    found = Attractor("undecided", zero, positive, *lead, travel=travel, turns=turns, computed=k)
    return replace(found, kind=_moving(found))


def _repeats(system: System, x: Tensor, away: Tensor, near: Tensor) -> tuple[int, float] | None:
    """Period and largest multiplier of the point or cycle on which an orbit ends; None if it is on none."""
    if away.max() < near:
        found = fixed_points(system, x[None])
        return (1, found.eigenvalues[0].abs().max().item()) if len(found.points) else None
    if away.min() < near:
        try:
            cycle = periodic_orbit(system, x, transient=0.0, longest=LOOK)
        except ConvergenceError:
            return None
        return round(cycle.period), cycle.multipliers.abs().max().item()
    return None


def _repeating(period: int, multiplier: float) -> str:
    """The kind of an orbit that rests or repeats."""
    if multiplier >= 1:
        return "unstable"
    return "fixed point" if period == 1 else "periodic orbit"


def _moving(found: Attractor) -> str:
    """The kind of an orbit that neither rests nor repeats."""
    zero, travel = found.zero, found.travel
    if any(value > SURE * width for value, width in zip(found.exponents, found.tolerance, strict=True)):
        return "chaos" if min(found.positive) else "undecided"
    if travel[1] > STEADY * travel[0] and found.turns >= TURNS:
        counted = 0 < zero[0] == zero[1] < found.computed and not max(found.positive)
        return "torus" if counted else "oscillation"  # where all are zeros, there may be more
    return "slow" if zero[1] < zero[0] else "undecided"


def trained_network(folder: str | Path) -> tuple[Recurrent, Split]:
    """The network of a recorded run with the weights of its best epoch.

    Parameters
    ----------
    folder : str or Path
        Folder of a run that has its weights (see `load_weights`).

    Returns
    -------
    network : Recurrent
    split : Split
        The validation sequences of its task.

    Raises
    ------
    CheckpointError
        If it has none.
    RecordError
        If it is not a run's folder.
    """
    network, split = _built(read_run(folder))
    network.load_state_dict(load_weights(folder))
    return network, split


def untrained_network(folder: str | Path) -> tuple[Recurrent, Split]:
    """The network of a recorded run with its initial weights, which its seed draws anew.

    Parameters
    ----------
    folder : str or Path
        Folder of a run; it need not have its weights.

    Returns
    -------
    network : Recurrent
    split : Split
        The validation sequences of its task.

    Raises
    ------
    RecordError
        If it is not a run's folder, or if the seed no longer draws the weights that the run began with.
    """
    run = read_run(folder)
    generator = torch.Generator().manual_seed(run.seed)
    network, split = _built(run, generator)
    dtype = getattr(torch, run.config["model"]["dtype"])
    if (drawn := weights_hash(network.to(dtype))) != (began := run.config["model"]["initial"]):
        raise RecordError(f"{folder}: began with weights {began}, but its seed draws {drawn} here")
    return network, split


def _built(run: Run, generator: torch.Generator | None = None) -> tuple[Recurrent, Split]:
    task, model = tasks.make_task(**run.config["task"]), run.config["model"]
    sizes = task.n_inputs, task.n_outputs, model["n_hidden"]
    return registry.build(model["name"], *sizes, generator, **model["options"]), task.split("validation")


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


def record(root: str | Path, before: bool = False, report=print) -> None:
    """Make what is missing below a folder, a file beside the weights of each run.

    Parameters
    ----------
    root : str or Path
    before : bool
        Whether the networks have their initial weights. Of runs that began with the same, the first gets the file.
    report : callable
        Is told what was found.
    """
    torch.set_num_threads(1)
    folders = [weights.parent for weights in sorted(Path(root).rglob(WEIGHTS))]
    known = {_initial(folder) for folder in folders if (folder / BEFORE).exists()}
    effort = dict(settle=SETTLE, windows=WINDOWS, exponents=EXPONENTS)
    for folder in folders:
        file = folder / (BEFORE if before else FILE)
        if file.exists() or (before and _initial(folder) in known):
            continue
        made = provenance.origin()  # before the run: the code that it began with
        found = attractors_of(*(untrained_network if before else trained_network)(folder), **effort)
        found = {name: [asdict(end) for end in ends] for name, ends in found.items()}
        content = json.dumps(dict(effort=effort, provenance=made, **found), indent=1)
        write_atomically(file, f"{content}\n".encode())
        known.add(_initial(folder))
        report(f"{file}: " + ", ".join(f"{name}: {[end['kind'] for end in ends]}" for name, ends in found.items()))


def _initial(folder: Path) -> str:
    return read_run(folder).config["model"]["initial"]


def _from_lists(end: dict) -> Attractor:
    """As it was recorded; the kind follows from the numbers, by the rule of today."""
    found = Attractor(**{name: tuple(value) if isinstance(value, list) else value for name, value in end.items()})
    kind = _repeating(found.period, found.multiplier) if found.period else _moving(found)
    return replace(found, kind=kind)


def read(root: str | Path, before: bool = False) -> list[tuple[Run, dict[str, list[Attractor]]]]:
    """The recorded attractors below a folder: for each run those under each of `INPUTS`.

    Parameters
    ----------
    root : str or Path
    before : bool
        Those with the initial weights, instead of the trained ones.

    Raises
    ------
    RecordError
        If a record cannot be read; the message names it.
    """
    found = []
    for file in sorted(Path(root).rglob(BEFORE if before else FILE)):
        try:
            content = json.loads(file.read_text())
            ends = {name: [_from_lists(end) for end in content[name]] for name in INPUTS}
        except (KeyError, TypeError, ValueError) as error:
            raise RecordError(f"{file}: not a record of attractors ({error})") from error
        found.append((read_run(file.parent), ends))
    return found


if __name__ == "__main__":
    record(sys.argv[1], before="--before" in sys.argv[2:])
