"""Figure 3: five systems."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ptabook.claims.claim import Claim, show, with_width
from ptabook.claims.evidence import by_estimate


def _exponent(row: str, index: int, holds: tuple[float, float], cycle: bool = False):
    """Whether the 99% interval of an exponent of a row of Figure 3 lies in a range; of a cycle, which was closed."""

    def check(numbers):
        r = numbers[row]
        e, width = (r[key][index] for key in ("exponents", "tolerance"))
        values = with_width(r["exponents"][:4], r["standard_error"][:4], 2)
        text = f"{r['n_positive']} positive, {r['n_zero']} zero: {values}, …"
        if cycle and not (r["cycle"]["found"] and r["n_zero"] == 1):
            return text, False
        return by_estimate(text, e, (e - width, e + width), holds, "longer averages", confidence=0.99)

    return check


def _closed_form(row: str, tolerance: float):
    def check(numbers):
        r = numbers[row]
        error = np.abs(np.subtract(r["exponents"], r["closed_form"])).max()
        return f"{show(r['exponents'], 3)}; largest error {error:.0e}", bool(error < tolerance)

    return check


def _vanishes(row: str):
    def check(numbers):
        end = np.array(numbers[row]["adjoint_start"])
        return f"norm {end.max():.0e} at most, of 1 at the error", bool((end < 1e-2).all())

    return check


def _line_adjoint(numbers):
    zero = np.array(numbers["line_attractor"]["n_zero_by_trial"]) > 0
    norms = np.array(numbers["line_attractor"]["adjoint_start"])
    kept = int((norms > 0.1).sum())
    return f"{kept} of {len(norms)} trials; {int((~zero).sum())} rest at an end of the line and lose it", bool(
        kept == len(norms)
    )


def _explodes(numbers):
    norms = np.array(numbers["chaos"]["adjoint_start"])
    return f"norm {np.median(norms):.0e} (median of {len(norms)} trials) after 0.4 s", bool((norms > 10).all())


def _apart(numbers):
    start, end = numbers["chaos"]["spread_start"], numbers["chaos"]["spread_end"]
    return f"mean distance from {start:.0e} to {end:.0f} in 0.8 s", bool(end > 1000 * start)


def _cycle(test: Callable[[dict], tuple[str, bool]]):
    def check(numbers):
        cycle = numbers["limit_cycle"]["cycle"]
        return test(cycle) if cycle["found"] else ("no cycle found", False)

    return check


CLAIMS = [
    Claim(
        "fig3a-one-state",
        "Fig. 3A",
        "One fixed point: every start leads to the same state.",
        "one point",
        "one fixed point, stable",
        lambda d: (
            f"{d['one_fixed_point']['n_stable']} stable of {d['one_fixed_point']['n_fixed_points']}",
            d["one_fixed_point"]["n_stable"] == d["one_fixed_point"]["n_fixed_points"] == 1,
        ),
    ),
    Claim(
        "fig3a-all-negative",
        "Fig. 3A",
        "All six leading exponents are negative.",
        "all negative",
        "99% intervals below zero",
        _exponent("one_fixed_point", 0, (-np.inf, 0)),
    ),
    Claim(
        "fig3a-adjoint-vanishes",
        "Fig. 3A",
        "The adjoint vanishes in backward time.",
        "decays",
        "below 1% after 20 τ, all trials",
        _vanishes("one_fixed_point"),
    ),
    Claim(
        "fig3b-two-stable",
        "Fig. 3B, S1.1",
        "The printed weights give two stable fixed points.",
        "2",
        "exact: all 64 supports",
        lambda d: (
            f"{d['two_fixed_points']['n_stable']} stable, "
            f"{d['two_fixed_points']['n_fixed_points'] - d['two_fixed_points']['n_stable']} saddle",
            d["two_fixed_points"]["n_stable"] == 2,
        ),
    ),
    Claim(
        "fig3b-exponents-of-the-point",
        "Fig. 3B",
        "Within a basin, exponents are those of the fixed point: all negative.",
        "all negative",
        "eigenvalues −0.65, −1, −1.01, −1.01, −1.02, −1.03 to 0.001 (alignment of exponents 0.01 apart)",
        _closed_form("two_fixed_points", 1e-3),
    ),
    Claim(
        "fig3b-adjoint-vanishes",
        "Fig. 3B, Sec. 2.3",
        "The adjoint vanishes although one bit is remembered.",
        "decays to zero",
        "below 1% after 20 τ, all trials",
        _vanishes("two_fixed_points"),
    ),
    Claim(
        "fig3c-line",
        "Fig. 3C, S1.1",
        "The printed weights give a line of fixed points.",
        "a line",
        "exact: all 64 supports",
        lambda d: (f"{d['line_attractor']['n_lines']} segment", d["line_attractor"]["n_lines"] == 1),
    ),
    Claim(
        "fig3c-one-zero",
        "Fig. 3C, Sec. 2.5",
        "One exponent is zero, the others are negative.",
        "1 zero, n − 1 negative",
        "0, −2, −3, −3, −3, −3 to 1e-5 (error of the scheme)",
        _closed_form("line_attractor", 1e-5),
    ),
    Claim(
        "fig3c-adjoint-constant",
        "Fig. 3C",
        "The adjoint is constant and not zero, over several trials.",
        "all trials",
        "norm above 0.1 after 10 τ in all ten trials",
        _line_adjoint,
        note="not-every-start-ends-on-the-line",
    ),
    Claim(
        "fig3d-starts-part",
        "Fig. 3D",
        "Small differences between starts become large.",
        "very different trajectories",
        "a thousandfold in 0.8 s",
        _apart,
    ),
    Claim(
        "fig3d-adjoint-explodes",
        "Fig. 3D",
        "The adjoint explodes in backward time.",
        "gets out of hand",
        "tenfold in every trial",
        _explodes,
    ),
    Claim(
        "fig3d-chaotic",
        "Fig. 3D, Sec. 2.4",
        "The network is chaotic: at least one exponent is positive.",
        "≥ 1",
        "99% interval above zero",
        _exponent("chaos", 0, (0, np.inf)),
    ),
    Claim(
        "fig3e-six-neurons",
        "Fig. 3E",
        "At least six neurons take part in the limit cycle.",
        "≥ 6",
        "range over 5% of the largest",
        _cycle(lambda c: (str(c["participating"]), c["participating"] >= 6)),
    ),
    Claim(
        "fig3e-adjoint-periodic",
        "Fig. 3E, Sec. 2.7",
        "The adjoint becomes periodic.",
        "periodic",
        "changes by less than 1e-6 from one period to the next, ten periods back",
        _cycle(lambda c: (f"{c['adjoint_change_per_period']:.0e}", c["adjoint_change_per_period"] < 1e-6)),
    ),
    Claim(
        "fig3e-one-zero",
        "Fig. 3E, Sec. 2.7",
        "One exponent is zero, the others are negative.",
        "1 zero",
        "a cycle, closed by shooting; its leading exponent not told from zero, 99% interval of the second below zero",
        _exponent("limit_cycle", 1, (-np.inf, 0), cycle=True),
    ),
]
