"""Random networks followed until their chaos has ended or their time is over: the survey behind Figure 3D and E.

    python -m ptacore.experiments.recipes results/recipes

makes the records that are missing, one after the other (some 45 minutes of one core); `read` reads them.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from ptacore import provenance
from ptacore.dynamics.lyapunov import lyapunov_spectrum
from ptacore.models import TanhFlow, random_weights

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
        sums = (s.history[..., 0] * s.times[:, None])[9::10]  # growth up to the end of each window
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
        made = dict(commit=provenance.package_commit(), machine=provenance.machine(), versions=provenance.versions())
        draws = ",\n".join(json.dumps(draw) for draw in follow(survey))
        head = json.dumps(dict(config=asdict(survey), provenance=made))[:-1]
        part = file.with_suffix(".part")
        part.write_text(f'{head},\n"draws": [\n{draws}\n]}}\n')
        os.replace(part, file)
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
