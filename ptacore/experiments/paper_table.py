"""Table S1: the paper's numbers beside those of recorded runs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ptacore.checks import choice, instances, within
from ptacore.networks.registry import MODELS
from ptacore.tasks import make_task
from ptacore.training.records import Run

UNITS = 250
AT_CHANCE = 0.98  # of chance: a loss above it is that of a network that has learned nothing
COLUMNS = ("antisymmetric", "cornn", "gru", "gru-pta", "lstm", "lipschitz", "tanh", "tanh-pta", "tanh-orthogonal")
ROWS = {  # title: task, its settings, and what the paper has in the order of COLUMNS
    "temporal ordering": ("temporal-order", {}, (None, None, 0, 0, 1.11, None, 1.39, 1.22e-5, 0.31)),
    "copy memory, k = 100": ("copy-memory", {}, (0.30, 0.11, 0.29, 1.33e-4, 1.18, 0.03, 1.86, 1.58e-4, 1.35)),
    "copy memory, k = 2000": (
        "copy-memory",
        {"delay": 2000},
        (1.91, 1.87, 0.22, 0.35, 1.61, 1.91, 1.99, 0.05, 1.98),
    ),
    "random-delay copy memory": (
        "random-delay-copy",
        {},
        (0.74, 0.40, 0.72, 1.49e-7, 1.57, 0.02, 1.85, 0.33, 1.55),
    ),
    "permuted sequential MNIST": (
        "permuted-images",
        {"dataset": "mnist"},
        (95.9, 94.5, 94.8, 97.4, 91.6, 94.9, 88.8, 97.0, 94.7),
    ),
    "permuted sequential Fashion-MNIST": ("permuted-images", {"dataset": "fashion-mnist"}, ()),
    "permuted sequential digits (8 x 8)": ("permuted-images", {"dataset": "digits"}, ()),
}


@dataclass(frozen=True)
class Cell:
    """One task and one network: what the paper has and what was recorded.

    Attributes
    ----------
    row, model : str
        A key of `ROWS`, a key of `ptacore.networks.MODELS`.
    paper : float or None
        Cross-entropy in nats over the steps of the answer; accuracy in percent for images. Averaged over 5 networks.
    runs : list of Run
        Those of one arm (the same settings, other seeds): the one with the lowest mean validation loss among the arms
        with the most runs.
    arms : int
        How many there were to choose from.
    """

    row: str
    model: str
    paper: float | None
    runs: list[Run] = field(default_factory=list)
    arms: int = 0

    @property
    def in_percent(self) -> bool:
        return ROWS[self.row][0] == "permuted-images"

    @property
    def values(self) -> np.ndarray:
        """What is to be compared with the paper's number, one for each run that has one."""
        name, factor = ("test_accuracy", 100) if self.in_percent else ("test_loss", 1)
        return np.array([factor * run.summary[name] for run in self.runs if run.summary[name] is not None])


def table(runs: Iterable[Run]) -> list[Cell]:
    """Sort runs into the cells of Table S1.

    Parameters
    ----------
    runs : iterable of Run
        Those that have not ended, or are of other sizes than the paper's (250 units, full splits), are left out.

    Returns
    -------
    list of Cell
        For every row, the paper's networks first, then the others; cells without runs have none.
    """
    runs = instances("runs", runs, Run)
    by_cell: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if run.finished and (row := row_of(run)):
            by_cell.setdefault((row, run.config["model"]["name"]), []).append(run)
    models = [*COLUMNS, *(name for name in MODELS if name not in COLUMNS)]
    cells = []
    for row in ROWS:
        for model in models:
            chosen, arms = _best_arm(by_cell.get((row, model), []))
            cells.append(Cell(row, model, paper_value(row, model), chosen, arms))
    return cells


def row_of(run: Run) -> str | None:
    """The row of the table to which a run belongs, if any."""
    if run.config["model"]["n_hidden"] != UNITS:
        return None
    for row, (task, settings, _) in ROWS.items():
        theirs = run.config["task"]
        if theirs["task"] == task and theirs == make_task(task, **settings, seed=theirs["seed"]).config():
            return row
    return None


def paper_value(row: str, model: str) -> float | None:
    """What Table S1 has in a cell; None for a dash, or a network that it does not have.

    Examples
    --------
    >>> paper_value("copy memory, k = 100", "tanh-pta")
    0.000158
    """
    choice("row", row, ROWS)
    choice("model", model, MODELS)
    return dict(zip(COLUMNS, ROWS[row][2], strict=False)).get(model)


def agrees(ours: float, paper: float, chance: float, in_percent: bool = False) -> bool:
    """Whether a value counts as the paper's, which gives no spread.

    Accuracies: within one point. Losses of 5% of chance or more: within 10% of chance and, unless the paper's is chance
    itself (to 2%), nearer to the paper's value than to chance. Smaller ones: within a factor of ten. A loss that the
    paper rounds to 0: below 0.005.

    Examples
    --------
    >>> agrees(1.9, 1.86, chance=2.08), agrees(1e-3, 1.6e-4, chance=2.08), agrees(3e-3, 1.6e-4, chance=2.08)
    (True, True, False)
    """
    ours = within("ours", ours, -math.inf, math.inf)
    low, high = agreement(paper, chance, in_percent)
    return low <= ours <= high


def agreement(paper: float, chance: float, in_percent: bool = False) -> tuple[float, float]:
    """The range of values that `agrees` takes for the paper's.

    Examples
    --------
    >>> [round(v, 3) for v in agreement(1.86, chance=2.08)], agreement(97.0, 2.3, in_percent=True)
    ([1.652, 1.97], (96.0, 98.0))
    """
    paper = within("paper", paper, -math.inf, math.inf)
    chance = within("chance", chance, 0, math.inf)
    if in_percent:
        return paper - 1, paper + 1
    if paper >= 0.05 * chance:
        nearer = (paper + chance) / 2 if paper < AT_CHANCE * chance else math.inf
        return paper - 0.1 * chance, min(paper + 0.1 * chance, nearer)
    return (0.0, 0.005) if paper == 0 else (paper / 10, 10 * paper)


def show(cells: list[Cell]) -> str:
    """The table as text; a row for each cell that the paper or a run fills."""
    cells = instances("cells", cells, Cell)
    lines = []
    for row in ROWS:
        filled = [cell for cell in cells if cell.row == row and (cell.paper is not None or cell.runs)]
        if not filled:
            continue
        measure = "test accuracy, %" if filled[0].in_percent else "test cross-entropy of the answers, nats"
        lines += [f"{row} ({measure})", f"  {'network':<16} {'paper':>9}  {'ours':>21}  runs  parameters   hours"]
        lines += [_line(cell) for cell in filled] + [""]
    notes = (
        "ours: mean ± standard deviation over seeds, of the settings with the most runs and, among them, the lowest",
        "mean validation loss.",
        "The paper's numbers are averages over 5 networks, each tuned; it gives no spread.",
    )
    return "\n".join([*lines, *notes])


def _line(cell: Cell) -> str:
    paper = "-" if cell.paper is None else f"{cell.paper:.3g}"
    start = f"  {cell.model:<16} {paper:>9}"
    if not cell.runs:
        return start
    values, failed = cell.values, sum(run.summary["status"] == "diverged" for run in cell.runs)
    mean = f"{values.mean():.3g}" if len(values) else "none"
    spread = f" ± {values.std(ddof=1):.2g}" if len(values) > 1 else ""
    hours = np.mean([run.provenance["seconds"] for run in cell.runs]) / 3600
    parameters = cell.runs[0].summary["parameters"]
    old = sum(run.outdated for run in cell.runs)
    note = f"  {failed} diverged" * bool(failed) + f"  {old} by an earlier engine" * bool(old)
    return f"{start}  {mean + spread:>21}  {len(cell.runs):>4}  {parameters:>10,}  {hours:>6.2f}{note}"


def _best_arm(runs: list[Run]) -> tuple[list[Run], int]:
    """The arm of lowest mean validation loss among those with the most runs, so that no single lucky one wins."""
    by_seed: dict[str, dict[int, Run]] = {}
    for run in runs:
        by_seed.setdefault(run.arm, {}).setdefault(run.seed, run)  # a copy of a run is not a second one
    arms = {arm: list(seeds.values()) for arm, seeds in by_seed.items()}
    most = max(map(len, arms.values()), default=0)
    return min((arm for arm in arms.values() if len(arm) == most), key=_validation_loss, default=[]), len(arms)


def _validation_loss(runs: list[Run]) -> float:
    return float(np.mean([run.best_loss for run in runs]))
