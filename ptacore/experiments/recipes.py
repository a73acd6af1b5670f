"""Random networks followed until their chaos has ended or their time is over: the survey behind Figure 3D and E.

    python -m ptacore.experiments.recipes results/recipes

makes the records that are missing, one after the other (some 45 minutes of one core); `read` reads them.
"""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from ptacore import provenance
from ptacore.dynamics.lyapunov import lyapunov_spectrum
from ptacore.models import TanhFlow, random_weights
from ptacore.training.checkpoints import write_atomically

TAU = 0.01
STRETCH, WINDOW, ALIGN = 60.0, 10.0, 1.0  # s: of an average, of a look at its leading exponent, before an average
CHAOTIC = math.log(100) / WINDOW
"""A window is chaotic where neighbours part a hundredfold in it; along a cycle they swing by less. In 1/s."""

K = 6  # exponents


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Draws of one recipe, of `STRETCH` seconds at a time.

    Attributes
    ----------
    recipe, n, g
        As `models.random_weights` takes them; the seeds are 0, 1, ...
    draws : int
        How many.
    dt : float
        Time step, in s.
    least, most : int
        Stretches of every draw, and of one that is still chaotic.
    """

    recipe: str
    n: int
    g: float
    draws: int
    dt: float = 1e-3
    least: int = 2
    most: int = 5

    @property
    def name(self) -> str:
        """Of its record.

        Examples
        --------
        >>> Survey(recipe="product", n=100, g=1.8, draws=200).name
        'product-n100-g1.8'
        """
        return f"{self.recipe}-n{self.n}-g{self.g:.4g}"


def follow(survey: Survey, seeds: list[int] | None = None) -> list[dict]:
    """Follow draws, in stretches, until a stretch has no chaotic window or `Survey.most` are over.

    Parameters
    ----------
    survey : Survey
        What to draw; `draws` is not used where `seeds` are given.
    seeds : list of int, optional
        Of the draws.

    Returns
    -------
    list of dict
        For each draw its "seed"; "growth", the leading exponent in each window of 10 s (1/s); and of the last stretch
        the "exponents" and their "tolerance" (half-widths of 99% intervals), six each.

    Examples
    --------
    >>> (draw,) = follow(Survey(recipe="sparse", n=4, g=0.5, draws=1, least=1, dt=5e-3))
    >>> len(draw["growth"]), draw["exponents"][0] < 0  # all decays
    (6, True)
    """
    seeds = list(range(survey.draws)) if seeds is None else seeds
    found = {seed: dict(seed=seed, growth=[]) for seed in seeds}
    start = np.random.default_rng(0).normal(size=survey.n)
    state = torch.tensor(start).expand(len(seeds), -1)
    windows = round(STRETCH / WINDOW)
    for stretch in range(survey.most):
        if not seeds:
            break
        weights = [random_weights(survey.n, g=survey.g, recipe=survey.recipe, seed=seed) for seed in seeds]
        s = lyapunov_spectrum(TanhFlow(np.stack(weights), tau=TAU), state, duration=STRETCH, transient=ALIGN,
                              dt=survey.dt, k=min(K, survey.n), samples=10 * windows)  # fmt: skip
        sums = (s.history[..., 0] * s.times[:, None])[9::10]  # growth up to the tenth sample of each window, its end
        growth = sums.diff(dim=0, prepend=torch.zeros_like(sums[:1])) / WINDOW
        for i, seed in enumerate(seeds):
            draw = found[seed]
            draw["growth"] += [round(v, 3) for v in growth[:, i].tolist()]
            draw["exponents"] = [round(v, 4) for v in s.exponents[i].tolist()]
            draw["tolerance"] = [round(v, 4) for v in s.tolerance[i].tolist()]
        going = (growth > CHAOTIC).any(0) | torch.tensor(stretch + 1 < survey.least)
        seeds, state = [seed for seed, on in zip(seeds, going.tolist(), strict=True) if on], s.state[going]
    return list(found.values())


def lifetime(growth: list[float]) -> tuple[float, bool]:
    """How long a draw was chaotic, and whether an end was seen.

    Parameters
    ----------
    growth : list of float
        Leading exponents in successive windows, as `follow` returns them.

    Returns
    -------
    (float, bool)
        Seconds to the end of the last chaotic window (0 where there is none), and whether the two windows or more
        after it are quiet.

    Examples
    --------
    >>> lifetime([20.0, 18.0, 0.1, 0.0]), lifetime([20.0, 18.0, 21.0, 0.0]), lifetime([0.0, 0.0])
    ((20.0, True), (30.0, False), (0.0, True))
    """
    chaotic = np.flatnonzero(np.asarray(growth) > CHAOTIC)
    last = int(chaotic[-1]) + 1 if len(chaotic) else 0
    return last * WINDOW, len(growth) - last >= 2


KINDS = ("rests", "0", "1", "2", "3", "4+")
"""No exponent that is zero or positive; a zero and none positive; so many positive ones."""


def kind(draw: dict) -> str:
    """Of `KINDS`, by the exponents of a draw's last stretch; "ending" where its chaos ended within that.

    Examples
    --------
    >>> kind(dict(growth=[9.0] * 6, exponents=[9.0, 0.1, -3.0], tolerance=[1.0, 0.2, 1.0]))
    '1'
    >>> kind(dict(growth=[9.0, 9.0, 0.0, 0.0, 0.0, 0.0], exponents=[3.0, 0.1, -3.0], tolerance=[1.0, 0.2, 1.0]))
    'ending'
    """
    last = np.asarray(draw["growth"][-round(STRETCH / WINDOW) :]) > CHAOTIC
    exponents, tolerance = np.asarray(draw["exponents"]), np.asarray(draw["tolerance"])
    positive = int((exponents > tolerance).sum())
    if last[0] and not last[-1]:
        return "ending"
    if positive:
        return "4+" if positive > 3 else str(positive)
    return "0" if (abs(exponents) <= tolerance).any() else "rests"


def survival(draws: list[dict]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How many of the draws that were chaotic at first still are: Kaplan and Meier's estimate.

    Parameters
    ----------
    draws : list of dict
        As `follow` returns them; those whose first window is not chaotic are left out.

    Returns
    -------
    times : ndarray (T,)
        At which chaos ended in some draw, in s, after a first time of 0.
    share : ndarray (T,)
        Still chaotic after these times.
    interval : ndarray (T, 2)
        Its 95% interval (log-log); from the share itself where no end has been seen.

    Raises
    ------
    ValueError
        If no draw is chaotic at first.

    Examples
    --------
    >>> ends = [dict(growth=[9.0] * n + [0.0] * (6 - n)) for n in (1, 2, 6, 6)]
    >>> times, share, _ = survival(ends)
    >>> times.tolist(), share.tolist()
    ([0.0, 10.0, 20.0], [1.0, 0.75, 0.5])
    """
    from scipy.stats import CensoredData, ecdf

    lives = [lifetime(draw["growth"]) for draw in draws if draw["growth"][0] > CHAOTIC]
    if not lives:
        raise ValueError("draws: expected one at least that is chaotic at first, got none")
    ended, going = ([time for time, over in lives if over == which] for which in (True, False))
    if not ended:
        return np.zeros(1), np.ones(1), np.ones((1, 2))
    found = ecdf(CensoredData(uncensored=ended, right=going)).sf
    with warnings.catch_warnings():  # where nothing is left the formula gives none
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = found.confidence_interval(0.95, method="log-log")
    seen = np.isin(found.quantiles, ended)
    low, high = (arm.probabilities[seen] for arm in (interval.low, interval.high))
    low, high = np.nan_to_num(low, nan=0.0), np.fmin.accumulate(np.append(1.0, high))[1:]
    times, share = np.append(0.0, found.quantiles[seen]), np.append(1.0, found.probabilities[seen])
    return times, share, np.append([[1.0, 1.0]], np.stack([low, high], 1), axis=0)


def plan() -> Iterator[Survey]:
    """What is recorded: recipes of the page, the product recipe over gains and sizes, and its costly variant."""
    g, printed = 1.8, 1.8 / math.sqrt(0.1)
    yield Survey(recipe="product", n=100, g=g, draws=200)
    yield Survey(recipe="product", n=20, g=g, draws=200)
    yield Survey(recipe="sparse", n=20, g=g, draws=200)
    yield Survey(recipe="sparse", n=100, g=g, draws=200)
    for n in (40, 60, 80, 100, 140):
        for gain in (1.4, g, 2.4):
            if (n, gain) != (100, g):
                yield Survey(recipe="product", n=n, g=gain, draws=24, least=1, most=4)
    yield Survey(recipe="product", n=20, g=printed, draws=200, dt=2.5e-4)
    yield Survey(recipe="product", n=100, g=printed, draws=30, dt=2.5e-4, most=3)


def record(root: str | Path, report=print) -> None:
    """Make what is missing of the plan, a JSON file for each survey."""
    torch.set_num_threads(1)
    Path(root).mkdir(parents=True, exist_ok=True)
    for survey in plan():
        file = Path(root) / f"{survey.name}.json"
        if file.exists():
            continue
        made = provenance.origin()  # before the run: the code that it began with
        draws = ",\n".join(json.dumps(draw) for draw in follow(survey))
        head = json.dumps(dict(config=asdict(survey), provenance=made))[:-1]
        write_atomically(file, f'{head},\n"draws": [\n{draws}\n]}}\n'.encode())
        report(f"{file}: {survey.draws} draws")


def read(root: str | Path) -> dict[str, tuple[Survey, list[dict]]]:
    """The records in a folder, by their names.

    Raises
    ------
    ValueError
        If a file is not such a record; the message names it.
    """
    found = {}
    for file in sorted(Path(root).glob("*.json")):
        try:
            content = json.loads(file.read_text())
            survey, draws = Survey(**content["config"]), content["draws"]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"root: {file} is not a record of a survey ({error})") from error
        found[survey.name] = survey, draws
    return found


if __name__ == "__main__":
    record(sys.argv[1])
