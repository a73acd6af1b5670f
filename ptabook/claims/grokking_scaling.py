"""Li2 (Tian 2025): pairs, decay, the start of the upper layer, Muon."""

from __future__ import annotations

import math
from dataclasses import replace

from ptabook.claims.claim import UNDECIDED, Claim, Found, by_interval
from ptabook.claims.evidence import all_of, by_estimate, however_counted

WORK = "Tian 2025"


def _words(d: dict, key: str, form: str = "{:.2f} ({:.2f} to {:.2f})") -> str:
    return form.format(d[key], d[f"{key}_low"], d[f"{key}_high"])


def _estimate(
    d: dict, key: str, words: str, holds: tuple[float, float], reason: str = "more seeds", log=False
) -> Found:
    """An estimate with the interval of the page, a bootstrap's or Student's; `log`: of a ratio, by its logarithm."""
    scale = math.log if log else float
    value, *interval = (scale(d[key + end]) for end in ("", "_low", "_high"))
    limits = tuple(scale(limit) if not log or 0 < limit < math.inf else limit or -math.inf for limit in holds)
    return by_estimate(words, value, tuple(interval), limits, reason, degrees=d.get(f"{key}_degrees", math.inf))


def _constant(d: dict) -> Found:
    holds = (0.9 * d["paper_constant"], 1.1 * d["paper_constant"])
    return _estimate(d, "constant", _words(d, "constant"), holds, "more sizes")


def _exponent(d: dict) -> Found:
    expected = d["slope_expected"]
    words = f"{_words(d, 'slope')}; log M/M: {expected:.2f}"
    return _estimate(d, "slope", words, (expected - 0.1, expected + 0.1))


def _boundary_41(d: dict) -> Found:
    if "fails_41" not in d:
        return Found("no run", UNDECIDED, "runs are not recorded")
    between = (d["fails_41"], d["works_41"])
    return by_interval("between {:.3f} and {:.3f}".format(*between), between, (0.2, 0.255), "a coarse grid of shares")


def _landscape(d: dict) -> Found:
    ratios = [d[f"landscape_ratio_{M}"] for M in (23, 41, 71)]
    words = "{:.1f}, {:.1f} and {:.1f} times the boundary of training".format(*ratios)
    return by_interval(words, (min(ratios), max(ratios)), (0.8, 1.25))


def _time(d: dict) -> Found:
    return _estimate(d, "time_middle", _words(d, "time_middle"), (-1.2, -0.8))


def _zero(d: dict) -> Found:
    keys = ("zero", "zero_few", "zero_many")
    found = all_of(*(_estimate(d, key, _words(d, key), (1, math.inf), log=True) for key in keys))
    return replace(found, ours=f"{found.ours} times as fast")


def _muon(d: dict) -> Found:
    """Both sizes have to agree: which number of units is few, the paper does not say."""
    parts = [
        _estimate(d, f"muon_ratio_{K}", f"K = {K}: {_words(d, f'muon_ratio_{K}')}", (0, 1), log=True) for K in (32, 64)
    ]
    words = "; ".join(part.ours for part in parts)
    return however_counted(*parts, words=words, reason="the paper's sizes and rates are not known")


def _features(d: dict) -> Found:
    words = _words(d, "muon_gain", "{:+.1f} frequencies ({:+.1f} to {:+.1f})")
    return _estimate(d, "muon_gain", words, (0, math.inf), "more seeds, fewer units")


CLAIMS = [
    Claim(
        "li2-boundary-constant",
        "Thm. 4, Fig. 5",
        "Training generalizes above p = c log M/M with c = 2.75.",
        "2.7482",
        "the 95% interval of c over sizes within 10%",
        _constant,
    ),
    Claim(
        "li2-boundary-exponent",
        "Thm. 4, Fig. 5",
        "The share of pairs that training needs falls as log M/M.",
        "log M/M",
        "the 95% interval of its exponent in M within 0.1 of that of log M/M over the same sizes",
        _exponent,
    ),
    Claim(
        "li2-boundary-41",
        "Thm. 4, Fig. 5",
        "For M = 41 the boundary is at p = 0.249.",
        "0.249",
        "bracket of recorded runs within 0.2 to 0.255",
        _boundary_41,
    ),
    Claim(
        "li2-landscape-boundary",
        "Thm. 4, Sec. 4",
        "The maxima of the energy that generalize survive down to the share at which training stops generalizing.",
        "both c log M/M",
        "thresholds of both within a factor of 1.25, for M = 23, 41 and 71",
        _landscape,
    ),
    Claim(
        "li2-time-inverse-decay",
        "Sec. 3 (ours; with the numbers of a replication of Fig. 3)",
        "The time to generalize is inverse to the weight decay, between 5e-5 and 2e-4.",
        "ours; 312, 174 and 101 epochs at 5e-5, 1e-4 and 2e-4 (replication), an exponent of -0.81",
        "the 95% interval of the exponent within -1.2 to -0.8, M = 41",
        _time,
        work=f"beside {WORK}",
    ),
    Claim(
        "li2-signal-arrival",
        "Sec. 3",
        "Grokking waits for the signal to carry information about the targets.",
        "implied",
        "the share of the waiting time that is over when the signal arrives, at least half at every decay",
        lambda d: by_interval(
            f"arrives within {d['arrival_latest']} of {d['time_shortest']:.0f} to {d['time_longest']:.0f} steps",
            (0, d["arrival_latest"] / d["time_shortest"]),
            (0.5, 1),
        ),
    ),
    Claim(
        "li2-zero-start",
        "Sec. 3.2, Fig. 14",
        "Starting the upper layer at zero makes feature learning faster.",
        "faster",
        "the 95% intervals of default over zero, in steps, above 1 in all three settings",
        _zero,
    ),
    Claim(
        "li2-muon-loss",
        "Fig. 8",
        "With few hidden units Muon reaches a lower test loss than Adam.",
        "lower",
        "the 95% intervals of the ratio at 32 and 64 units below 1, each at the best of its rates",
        _muon,
    ),
    Claim(
        "li2-muon-features",
        "Thm. 8",
        "With few hidden units Muon covers more features than Adam.",
        "more",
        "the 95% interval of the difference in frequencies held at 32 units above 0; with 64 both hold all",
        _features,
    ),
]
