"""Verdicts on what was sampled: seeds, shares of draws, two groups of runs; several parts; many rows of one page.

One rule holds for all: a statement is that a value lies in a range, and its verdict is read off a 95% interval. All
intervals of samples are made here, and come with a p. Rows with a p are judged again with the others of their page by
Holm's step-down rule, so that of all that a page supports or contradicts by samples something is wrong at most once in
twenty.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ptabook.claims.claim import CONTRADICTS, SUPPORTS, UNDECIDED, Found, by_interval

LEVEL = 0.05
SEEDS = 3  # the fewest runs of training that decide something
RULE = "the 95% interval over seeds lies in the range"
EPOCHS = 200  # half the paper's; shorter runs are complete only where they stopped by themselves


def by_tails(ours: str, below, above, interval: tuple[float, float], holds: tuple[float, float], reason: str) -> Found:
    """A verdict with its p from the chances that sampling alone put the value where it is.

    Parameters
    ----------
    ours, interval, holds, reason
        As for `by_interval`.
    below, above : callable
        Limit -> chance of a sample as low (high) as the one seen, or lower (higher), were the value at the limit.
    """
    found = by_interval(ours, interval, holds, reason)
    low, high = holds
    inside = max(above(low) if low > -math.inf else 0.0, below(high) if high < math.inf else 0.0)
    outside = min(below(low) if low > -math.inf else 1.0, above(high) if high < math.inf else 1.0)
    p = min(1.0, 2 * min(inside, outside))
    if p > LEVEL and found.verdict != UNDECIDED:  # equal values, at the limit itself
        found = Found(ours, UNDECIDED, reason)
    return replace(found, p=p)


def over_seeds(values: Sequence[float], confidence: float = 1 - LEVEL) -> tuple[float, float, float]:
    """Mean of independent values, and the ends of its confidence interval (Student's).

    Raises
    ------
    ValueError
        If there are fewer than two values or one is not finite.

    Examples
    --------
    >>> [round(v, 3) for v in over_seeds([1.0, 2.0, 3.0])]
    [2.0, -0.484, 4.484]
    """
    return _means([("values", values)], confidence)[:3]


def _means(groups: Sequence[tuple[str, Sequence[float]]], confidence: float = 1 - LEVEL, resolution: float = 0.0):
    """Mean of a group, or difference of the means of two: with its interval, standard error and degrees of freedom.

    These are Welch's, which are Student's for one group. What is counted in steps of a resolution is known to one:
    values that are equal may still differ by the variance of what is uniform over a step.
    """
    from scipy.special import stdtrit  # here, because the claims are read without it

    groups = [(name, np.asarray(values, float)) for name, values in groups]
    for name, values in groups:
        if len(values) < 2 or not np.isfinite(values).all():
            raise ValueError(f"{name}: expected two or more finite numbers, got {values.tolist()}")
    parts = np.array([(values.var(ddof=1) + resolution**2 / 12) / len(values) for _, values in groups])
    least = np.array([len(values) - 1 for _, values in groups])
    means = [values.mean() for _, values in groups]
    value, error = float(means[0] - sum(means[1:])), math.sqrt(parts.sum())
    degrees = float(parts.sum() ** 2 / (parts**2 / least).sum()) if error else float(least.min())
    half = float(stdtrit(degrees, (1 + confidence) / 2)) * error
    return value, value - half, value + half, error, degrees


def by_seeds(
    ours: str,
    values: Sequence[float],
    holds: tuple[float, float],
    reason: str = "more seeds",
    shown: Callable[[float], float] = float,
) -> Found:
    """Whether the mean of independent values lies in a range, by Student's interval.

    Parameters
    ----------
    ours : str
        The words, with {mean}, {low}, {high} and {n} where the mean, its interval and the number of values belong.
    values, holds, reason
        As for `by_difference`.
    shown : callable, optional
        From a value to the one in the words: `math.exp` where these are logarithms.

    Examples
    --------
    >>> by_seeds("two", [1.9, 2.0, 2.1], (1.5, 2.5)).verdict, by_seeds("two", [1.0, 2.0, 3.0], (1.5, 2.5)).verdict
    ('supports', 'undecided')
    >>> by_seeds("{mean:.1f} ({low:.1f} to {high:.1f})", [1.9, 2.0, 2.1], (1.5, 2.5)).ours
    '2.0 (1.8 to 2.2)'
    """
    mean, low, high = map(shown, over_seeds(values))
    words = ours.format(mean=mean, low=low, high=high, n=len(values))
    return by_difference(words, values, None, holds, reason=reason)


def mean_of(key: str, ours: str, holds: tuple[float, float], *, log: bool = False, missing: Found | None = None):
    """A check of a key by `by_seeds`, of logarithms where `log`; `missing` is found where there are fewer than two."""

    def scaled(values: Sequence[float]) -> list[float]:
        return [math.log(v) if v > 0 else -math.inf for v in values] if log else list(values)

    def check(numbers: dict) -> Found:
        values = [v for v in numbers.get(key) or [] if v is not None]
        if missing and len(values) < 2:
            return missing
        return by_seeds(ours, scaled(values), scaled(holds), f"{len(values)} seeds", math.exp if log else float)

    return check


def by_difference(
    ours: str,
    first: Sequence[float],
    second: Sequence[float] | None,
    holds: tuple[float, float],
    resolution: float = 0.0,
    reason: str = "more seeds",
) -> Found:
    """Whether the difference of two means lies in a range, by Welch's interval, widened by a resolution on both sides.

    Parameters
    ----------
    first, second : sequence of float
        Independent values, two or more each; without `second` the mean of `first` itself is judged.
    resolution : float
        The least difference of means that the measurement tells from none, and the step in which values are counted.

    Raises
    ------
    ValueError
        If there are fewer than two values or one is not finite.

    Examples
    --------
    >>> by_difference("epochs", [6, 7, 7], [1, 1, 1], (0, math.inf), resolution=1).verdict
    'supports'
    >>> by_difference("epochs", [2, 1, 2], [1, 1, 1], (0, math.inf), resolution=1).verdict
    'undecided'
    """
    groups = [("first", first)] + ([("second", second)] if second is not None else [])
    value, low, high, error, degrees = _means(groups, resolution=resolution)
    student, interval = _student(error, degrees), (low - resolution, high + resolution)

    def tail(distance: float) -> float:
        return student(distance - resolution)

    return by_tails(ours, lambda limit: tail(limit - value), lambda limit: tail(value - limit), interval, holds, reason)


def _student(error: float, degrees: float) -> Callable[[float], float]:
    """From a distance to the chance that an estimate with this standard error is so far off, to one side."""
    from scipy.special import stdtr

    return lambda distance: float(stdtr(degrees, -distance / error)) if error > 0 else float(distance <= 0)


def by_estimate(
    ours: str,
    value: float,
    interval: tuple[float, float],
    holds: tuple[float, float],
    reason: str = "",
    *,
    confidence: float = 1 - LEVEL,
    degrees: float = math.inf,
) -> Found:
    """Whether an estimate that comes with an interval (of a bootstrap, a fit, a time average) lies in a range.

    For its p each arm of the interval is taken for the standard errors that make it at its confidence: 1.96 at 95%.

    Parameters
    ----------
    ours, holds, reason
        As for `by_interval`.
    value : float
        The estimate.
    interval : (float, float)
        Its interval.
    confidence : float
        That of the interval, 0.95 or more.
    degrees : float
        Degrees of freedom, where the interval is Student's.

    Examples
    --------
    >>> found = by_estimate("-0.8", -0.8, (-1.0, -0.3), (-math.inf, 0))
    >>> found.verdict, round(found.p, 4)
    ('supports', 0.0017)
    """
    from scipy.special import stdtrit

    arm = float(stdtrit(degrees, (1 + confidence) / 2))
    below, above = (_student(width / arm, degrees) for width in (interval[1] - value, value - interval[0]))
    return by_tails(ours, lambda limit: below(limit - value), lambda limit: above(value - limit),
                    interval, holds, reason)  # fmt: skip


def share_of(hits: Sequence[float], of: Sequence[float]) -> tuple[float, float]:
    """Hits and draws as they would be, had all draws been independent.

    Draws that share weights or a seed are one cluster; independent draws are clusters of one. The variance between
    clusters gives the effective number of draws (Korn and Graubard 1998), which is at most the number of draws, and the
    number of clusters where all draws came out alike.

    Parameters
    ----------
    hits, of : sequence of float
        Of each cluster.

    Examples
    --------
    >>> share_of([1] * 55 + [0] * 5, [1] * 60)
    (55.0, 60.0)
    >>> [round(v, 1) for v in share_of([3, 3, 0, 3], [3, 3, 3, 3])]  # four systems, three changes of each
    [1.1, 1.4]
    """
    from scipy.special import stdtrit

    hits, of = np.asarray(hits, float), np.asarray(of, float)
    clusters, n = len(of), of.sum()
    if clusters == 0 or (of <= 0).any() or (hits < 0).any() or (hits > of).any():
        raise ValueError(f"hits: expected between none and all of each cluster, got {hits.tolist()} of {of.tolist()}")
    share = float(hits.sum() / n)
    if n == clusters:
        return float(hits.sum()), float(n)
    if share in (0.0, 1.0) or clusters == 1:
        return share * clusters, float(clusters)
    variance = clusters / (clusters - 1) * ((hits - share * of) ** 2).sum() / n**2
    students = float(stdtrit(n - 1, 0.975) / stdtrit(clusters - 1, 0.975)) ** 2
    effective = share * (1 - share) / variance * students if variance else n
    effective = float(round(min(max(effective, 1.0), n), 9))
    return share * effective, effective


def share_interval(hits: float, of: float) -> tuple[float, float]:
    """Clopper and Pearson's 95% interval of a share; the numbers need not be whole.

    Examples
    --------
    >>> [round(v, 3) for v in share_interval(55, 60)]
    [0.816, 0.972]
    """
    from scipy.special import betaincinv

    low = float(betaincinv(hits, of - hits + 1, LEVEL / 2)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, of - hits, 1 - LEVEL / 2)) if hits < of else 1.0
    return low, high


def by_share(ours: str, hits, of, holds: tuple[float, float], reason: str = "more independent draws") -> Found:
    """Whether a share of draws lies in a range; the interval and the clusters' size are added to the words.

    Parameters
    ----------
    hits, of : float or sequence of float
        Hits among draws: of all of them, if they are independent, else of each cluster.

    Examples
    --------
    >>> by_share("55 of 60", 55, 60, (0.95, 1))  # doctest: +ELLIPSIS
    Found(ours='55 of 60 (95% interval 82% to 97%)', verdict='undecided', reason='more independent draws', p=0.3...)
    """
    from scipy.special import betainc

    if np.ndim(of):
        k, n = share_of(hits, of)
        clusters = f", {len(of)} clusters" if np.sum(of) > len(of) else ""
    else:
        k, n, clusters = float(hits), float(of), ""
    low, high = share_interval(k, n)
    words = f"{ours} (95% interval {low:.0%} to {high:.0%}{clusters})"

    def below(limit: float) -> float:  # P(X <= k)
        return 1 - float(betainc(k + 1, n - k, limit)) if k < n else 1.0

    def above(limit: float) -> float:  # P(X >= k)
        return float(betainc(k, n - k + 1, limit)) if k > 0 else 1.0

    inner = (holds[0] if holds[0] > 0 else -math.inf, holds[1] if holds[1] < 1 else math.inf)
    return by_tails(words, below, above, (low, high), inner, reason)


def all_of(*parts: Found) -> Found:
    """A statement that holds if all its parts do: their words in order, and the reasons of those that are undecided.

    Its p is the largest of the parts' where all support it, and the smallest times their number where one contradicts.

    Examples
    --------
    >>> all_of(Found("a", SUPPORTS), Found("b", UNDECIDED, "seeds"))
    Found(ours='a; b', verdict='undecided', reason='seeds', p=None)
    """
    words = "; ".join(dict.fromkeys(part.ours for part in parts if part.ours))
    verdicts = [part.verdict for part in parts]
    verdict = CONTRADICTS if CONTRADICTS in verdicts else UNDECIDED if UNDECIDED in verdicts else SUPPORTS
    p = [part.p for part in parts if part.p is not None and part.verdict == verdict]
    exact = any(part.p is None for part in parts if part.verdict == verdict)
    if verdict == CONTRADICTS:
        return Found(words, verdict, p=None if exact else min(1.0, min(p) * len(parts)))
    reasons = (reason for part in parts if part.verdict == UNDECIDED for reason in part.reason.split("; "))
    return Found(words, verdict, "; ".join(dict.fromkeys(filter(None, reasons))), max(p, default=None))


def however_counted(*found: Found, reason: str, words: str = "") -> Found:
    """One statement, judged in several ways, such as with what is open counted or not: decided where all of them agree.

    Its words are those of the weakest unless given. Its p is the largest; 1 where two decide against each other.

    Examples
    --------
    >>> however_counted(Found("9 of 10", SUPPORTS, p=0.01), Found("9 of 10", UNDECIDED, "draws", 0.3), reason="longer")
    Found(ours='9 of 10', verdict='undecided', reason='longer', p=0.3)
    """
    weakest, verdicts = max(found, key=lambda one: one.p), {one.verdict for one in found}
    weakest = replace(weakest, ours=words or weakest.ours)
    if len(verdicts) == 1:
        return weakest
    p = 1.0 if {SUPPORTS, CONTRADICTS} <= verdicts else weakest.p
    return replace(weakest, verdict=UNDECIDED, reason=reason, p=p)


def shortfall(runs: dict | None, searched: bool, ended: bool = True) -> str:
    """What keeps runs of training from deciding a statement; empty where nothing does. The same for every row.

    Parameters
    ----------
    runs : dict or None
        An `experiments.outcome`, of runs that differ by the seed.
    searched : bool
        Whether the learning rate was searched on this task, and one was found that leaves chance.
    ended : bool
        Whether the statement is about where the runs end, so that a budget that ended them leaves it open. It does so
        whichever way the runs stand: a run that is ahead of its goal counts as one that is behind.

    Examples
    --------
    >>> shortfall(dict(seeds=[0], epochs=[40], status=["epoch limit"]), searched=False)
    'seeds: 1 of 3; budget: no rate found on this task; budget: limit of 40 epochs'
    """
    if not runs:
        return "no run has been recorded to its end"
    lacks = []
    if len(runs["seeds"]) < SEEDS:
        lacks.append(f"seeds: {len(runs['seeds'])} of {SEEDS}")
    if not searched:
        lacks.append("budget: no rate found on this task")
    pairs = zip(runs["epochs"], runs["status"], strict=True)
    cut = [epochs for epochs, status in pairs if status == "epoch limit" and epochs < EPOCHS]
    if ended and cut:
        lacks.append(f"budget: limit of {max(cut)} epochs")
    return "; ".join(lacks)


def holm(found: Sequence[Found]) -> list[Found]:
    """What remains decided when rows that were sampled are judged together, by Holm's step-down rule.

    Parameters
    ----------
    found : sequence of Found
        The rows of one family; those without p are left as they are.

    Examples
    --------
    >>> rows = [Found("a", SUPPORTS, p=0.001), Found("b", SUPPORTS, p=0.04), Found("c", UNDECIDED, "seeds", p=0.5)]
    >>> [row.verdict for row in holm(rows)]
    ['supports', 'undecided', 'undecided']
    """
    order = sorted((i for i, row in enumerate(found) if row.p is not None), key=lambda i: found[i].p)
    rows, still = list(found), True
    for place, i in enumerate(order):
        still = still and rows[i].p * (len(order) - place) <= LEVEL
        if not still and rows[i].verdict != UNDECIDED:
            reason = f"alone p = {rows[i].p:.2g}: not enough among the {len(order)} sampled rows of its page"
            rows[i] = replace(rows[i], verdict=UNDECIDED, reason=reason)
    return rows
