"""Five neighbouring works, each reproduced small; statements that are ours stand beside them and say so."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from ptabook.claims.claim import UNDECIDED, Claim, Found, by_interval
from ptabook.claims.evidence import by_share, mean_of

INF = math.inf
NOT_RECORDED = Found("no run", UNDECIDED, "runs are not recorded")
_mean = partial(mean_of, missing=NOT_RECORDED)
BORDELON, BRENNER, HESS = "Bordelon et al. 2025", "Brenner et al. 2024", "Hess et al. 2023"
LATE = "exponents after 50,000 steps; this wait was set when one network's chaos had been seen to end"
ROSSEM, WANG, STABLE, HASANI = "van Rossem & Saxe 2025", "Wang et al. 2024", "Wang & Li 2024", "Hasani et al. 2021"


def _range(key: str, text: str, holds: tuple[float, float]) -> Callable[[dict], Found]:
    """A check of all values at once, from the lowest to the highest; the text has {low}, {high}, {n}."""

    def check(numbers: dict) -> Found:
        values: Sequence[float] = numbers.get(key) or []
        if not values:
            return NOT_RECORDED
        low, high = min(values), max(values)
        return by_interval(text.format(low=low, high=high, n=len(values)), (low, high), holds)

    return check


def _share(key: str, holds: tuple[float, float]) -> Callable[[dict], Found]:
    """A check of a share, from (hits, tries) of networks, or of the sequences of each network."""

    def check(numbers: dict) -> Found:
        if not (found := numbers.get(key)):
            return NOT_RECORDED
        hits, tries = found
        return by_share(f"{np.sum(hits)} of {np.sum(tries)}", hits, tries, holds, "more seeds")

    return check


def _highest(key: str, digits: int, truth: str) -> Callable[[dict], Found]:
    """Open: the highest leading exponent of several networks beside the data's, which does not tell topology."""

    def check(numbers: dict) -> Found:
        if not (rows := numbers.get(key)):
            return NOT_RECORDED
        expected, (value, width) = numbers[truth], max(rows)
        ours = f"highest of {len(rows)}: {value:.{digits}f} ± {width:.{digits}f}; data {expected:.{digits}f}"
        return Found(ours, UNDECIDED, "definition: an exponent of the data's order does not tell topology")

    return check


def _own(work: str, claims: list[Claim]) -> list[Claim]:
    return [replace(claim, work=work) for claim in claims]


INTEGRATION = [
    Claim(
        "neighbours-integration-outlier",
        "Abstract",
        "From small random weights, learning to integrate is low-dimensional: one outlier eigenvalue is learned.",
        "one outlier (our setting: discrete time, aligned input and output)",
        "the 95% interval, over seeds, of the first singular value's share in the change of W above 0.95",
        _mean("rich_share", "{mean:.4f} ({low:.4f} to {high:.4f}), {n} seeds", (0.95, 1.01)),
    ),
    Claim(
        "neighbours-integration-lazy",
        "Sec. on lazy learning (read through notes)",
        "From large random weights learning is lazy: the recurrent weights change little.",
        "little",
        "the 95% interval, over seeds, of the change of W relative to its start below 0.5",
        _mean("lazy_change", "{mean:.2f} ({low:.2f} to {high:.2f}), {n} seeds", (0.0, 0.5)),
    ),
    Claim(
        "neighbours-integration-lazy-outlier",
        "Fig. (caption, read through notes)",
        "From large random weights the filter is learned without an outlier eigenvalue.",
        "no outlier",
        "the 95% interval, over seeds, of what the largest modulus has risen by within -0.05 to 0.05",
        _mean("lazy_rise", "{mean:.3f} ({low:.3f} to {high:.3f}), {n} seeds", (-0.05, 0.05)),
    ),
    Claim(
        "neighbours-integration-pair",
        "Abstract",
        "For a damped oscillation a conjugate pair of outlier eigenvalues is what is learned.",
        "a conjugate pair",
        "the 95% interval, over seeds, of the distance of the leading pair from r exp(±iω) below 0.001",
        _mean("pair_off", "{mean:.1e} ({low:.1e} to {high:.1e}), {n} seeds", (-INF, 1e-3)),
    ),
    Claim(
        "neighbours-integration-equations",
        "Sec. on the reduced dynamics (only the abstract could be read)",
        "In continuous time the outlier follows the paper's reduced equations.",
        "equations not at hand",
        "",
        None,
    ),
]

INTEGRATION_OURS = [
    Claim(
        "neighbours-pair-from-real",
        "Sec. on oscillations (ours)",
        "The pair is born of one real eigenvalue: a tenfold smaller start delays it by ln(10)/(η|G|) steps.",
        "ours",
        "delay, known to the spacing of records, within 10% of the closed form",
        lambda d: by_interval(
            f"{d['delay']:.0f} steps; closed form {d['delay_expected']:.0f}",
            (d["delay"] - d["delay_spacing"], d["delay"] + d["delay_spacing"]),
            (0.9 * d["delay_expected"], 1.1 * d["delay_expected"]),
        ),
    )
]

ALMOST_LINEAR = [
    Claim(
        "neighbours-al-lorenz-two",
        "Abstract (and notes)",
        "Two rectified units suffice for the topology of Lorenz' attractor.",
        "two",
        f"the networks' topology that of the data; beside it the highest of their leading exponents ({LATE})",
        _highest("lorenz_P2", 3, "lorenz_leading"),
    ),
    Claim(
        "neighbours-al-roessler-one",
        "Abstract (and notes)",
        "One rectified unit suffices for the topology of Roessler's attractor.",
        "one",
        f"the networks' topology that of the data; beside it the highest of their leading exponents ({LATE})",
        _highest("roessler_P1", 4, "roessler_leading"),
    ),
]

ALMOST_LINEAR_OURS = [
    Claim(
        "neighbours-al-leading",
        "Sec. on exponents (ours)",
        "A network with five rectified units has the leading exponent of the Lorenz system that it was trained on.",
        "ours",
        f"the 95% interval, over five seeds, of the ratio to the data's within 0.95 to 1.05 ({LATE})",
        _mean("leading_ratio", "{mean:.2f} ({low:.2f} to {high:.2f}) of it, {n} seeds", (0.95, 1.05)),
    ),
    Claim(
        "neighbours-al-lasting",
        "Sec. on exponents (ours; asked when one network's chaos had ended)",
        "The chaos of such a network lasts.",
        "ours",
        "share of five networks that are chaotic from all of eight starts after 50,000 steps: above 0.9",
        _share("lasting", (0.9, 1.0)),
    ),
    Claim(
        "neighbours-al-leading-lasting",
        "Sec. on exponents (ours; asked when one network's chaos had ended)",
        "Where the chaos lasts, the network has the leading exponent of the Lorenz system.",
        "ours",
        "the 95% interval, over these networks, of the ratio to the data's within 0.95 to 1.05",
        _mean("lasting_ratio", "{mean:.3f} ({low:.3f} to {high:.3f}) of it, {n} seeds", (0.95, 1.05)),
    ),
    Claim(
        "neighbours-al-dimension",
        "Sec. on exponents (ours)",
        "Such a network has the Kaplan-Yorke dimension of the Lorenz system.",
        "ours",
        f"the 95% interval, over five seeds, of the difference within -0.03 to 0.03 ({LATE})",
        _mean("dimension_off", "{mean:+.3f} ({low:+.3f} to {high:+.3f}), {n} seeds", (-0.03, 0.03)),
    ),
    Claim(
        "neighbours-al-contraction",
        "Sec. on exponents (ours)",
        "Such a network contracts across the attractor as fast as the Lorenz system does.",
        "ours",
        f"the 95% interval, over five seeds, of the ratio of third exponents within 0.9 to 1.1 ({LATE})",
        _mean("contraction_ratio", "{mean:.2f} ({low:.2f} to {high:.2f}) of it, {n} seeds", (0.9, 1.1)),
    ),
]

FORCING = [
    Claim(
        "neighbours-gtf-bounded",
        "Abstract",
        "Generalized teacher forcing keeps the gradients of a chaotic network bounded for all times.",
        "bounded (with α = 1 - 1/σ, all units forced)",
        "largest norm of a product of Jacobians over up to 1,000 steps at most 1",
        lambda d: by_interval(f"{d['forced_norm']:.3f}", (0.0, d["forced_norm"]), (0.0, 1.0 + 1e-6)),
        by_construction=True,
    ),
    Claim(
        "neighbours-gtf-training",
        "Abstract",
        "With forcing a network reconstructs a chaotic system where it does not without.",
        "does, and does not",
        "the 95% interval, over three seeds, of the ratio of validation losses, without over with, above 10",
        _mean("forcing_gain", "{mean:.0f} ({low:.0f} to {high:.0f}) times lower, {n} seeds", (10.0, INF), log=True),
    ),
]

FORCING_OURS = [
    Claim(
        "neighbours-gtf-partial",
        "Sec. on forcing (ours)",
        "The bound holds where three of twenty units are forced.",
        "ours",
        "largest norm of a product of Jacobians over up to 1,000 steps at most 1, in all five networks",
        _range("partial_norms", "{low:.2g} to {high:.2g}, {n} networks", (0.0, 1.0)),
    ),
    Claim(
        "neighbours-gtf-exponents",
        "Sec. on forcing (ours)",
        "Along the data, forcing by α moves each exponent by ln(1 - α) a step.",
        "ours",
        "largest difference below 1e-6",
        lambda d: by_interval(f"{d['identity_off']:.0e}", (0.0, d["identity_off"]), (0.0, 1e-6)),
        by_construction=True,
    ),
]

PARITY = [
    Claim(
        "neighbours-parity-lengths",
        "Abstract",
        "After the transition the network is right at all lengths.",
        "validation loss at all lengths drops at once",
        "the 95% interval of the share of sequences of 1,000 bits that are right ten epochs behind it, above 0.95; "
        "three networks, gain 0.1",
        _share("parity_long", (0.95, 1.0)),
    ),
    Claim(
        "neighbours-parity-states",
        "Sec. on the dynamics of representations",
        "The number of states grows first, and collapses when the network generalizes.",
        "grows, collapses",
        "the 95% interval, over three seeds at gain 0.1, of the peak over the larger of both ends, above 2",
        _mean("states_peak", "{mean:.1f} ({low:.1f} to {high:.1f}), {n} seeds", (2.0, INF), log=True),
    ),
    Claim(
        "neighbours-parity-gain",
        "Fig. 9",
        "With large initial weights states do not merge and the network does not generalize.",
        "a sharp boundary in gain (their grid was not run: gain 1.3 alone)",
        "the 95% interval of the share of sequences of 1,000 bits that are right, three networks, below 0.75",
        _share("parity_large", (0.0, 0.75)),
    ),
    Claim(
        "neighbours-parity-data",
        "Fig. 9",
        "With too few training sequences the network memorizes and does not generalize.",
        "a sharp boundary in data",
        "the 95% interval of the share of sequences of 1,000 bits that are right, three networks, below 0.75",
        _share("parity_few", (0.0, 0.75)),
    ),
]

PARITY_OURS = [
    Claim(
        "neighbours-parity-peak",
        "Sec. on exponents (ours)",
        "The leading exponent is highest when the states are most, within 50 epochs.",
        "ours",
        "the 95% interval, over three seeds at gain 0.1, of the difference in epochs at most 50",
        _mean("peak_apart", "{mean:.0f} ({low:.0f} to {high:.0f}) epochs, {n} seeds", (-INF, 50.0)),
    ),
    Claim(
        "neighbours-parity-automaton",
        "Sec. on exponents (ours)",
        "Afterwards no neutral direction holds the memory: the leading exponent is below -0.46 a step, at which "
        "two sequences merge to a hundredth in ten steps.",
        "ours",
        "the 95% interval of the exponent at the end, over three seeds at gain 0.1, below -0.46",
        _mean("parity_after", "{mean:.2f} ({low:.2f} to {high:.2f}), {n} seeds", (-INF, -0.46)),
    ),
]

CURSE = [
    Claim(
        "neighbours-curse-edge",
        "Thm. on stable approximation (in our finite setting)",
        "A memory that decays as a power has no stable approximation: the slowest rate goes to zero with the horizon.",
        "not stably",
        "slowest rate times horizon, 100 to 1,000 steps, all starts and parametrizations, within 0.5 to 5",
        _range("edge", "{low:.2f} to {high:.2f}, {n} fits", (0.5, 5.0)),
    ),
    Claim(
        "neighbours-curse-exponential",
        "Sec. on experiments",
        "A memory that decays exponentially is approximated stably: the slowest rate stays away from zero.",
        "stably",
        "slowest rate within 0.100 to 0.107 (it is -ln 0.9 = 0.1054), all horizons, starts and parametrizations",
        _range("gap", "{low:.4f} to {high:.4f}, {n} fits", (0.100, 0.107)),
    ),
    Claim(
        "neighbours-curse-tanh",
        "Sec. on nonlinear networks",
        "A tanh network that learns a memory which decays as a power goes to the edge of stability.",
        "to the edge",
        "the 95% interval of its leading exponent times the horizon, over three seeds, within -5 to 0",
        _mean("tanh_edge", "{mean:.2f} ({low:.2f} to {high:.2f}), {n} seeds", (-5.0, 0.0)),
    ),
]

STABLE_CLAIMS = [
    Claim(
        "neighbours-stable-perturbed",
        "Abstract",
        "A stable reparametrization lifts the curse: errors under perturbed weights stay small.",
        "lifted",
        "error under perturbations of size 0.1 over that of direct rates, horizon 100: below 1e-5 for all starts",
        _range("perturbed_ratio", "{low:.1e} to {high:.1e}", (0.0, 1e-5)),
    ),
    Claim(
        "neighbours-stable-best",
        "Sec. on parametrizations (read through notes)",
        "Of the reparametrizations f = 1/(w^2 + 0.5) is the best.",
        "best",
        "the 95% interval, over three starts at horizon 1,000, of its perturbed error over that of exp below 1",
        _mean("best_ratio", "{mean:.2f} ({low:.2f} to {high:.2f}), {n} starts", (0.0, 1.0), log=True),
    ),
]

CURSE_OURS = [
    Claim(
        "neighbours-curse-spectrum",
        "Sec. on exponents (ours)",
        "The reparametrization does not change the spectrum that is reached.",
        "ours",
        "the 95% interval of the slowest rate, exp over direct, three starts at horizon 100, within 0.8 to 1.25",
        _mean("spectrum_ratio", "{mean:.2f} ({low:.2f} to {high:.2f}), {n} starts", (0.8, 1.25), log=True),
    )
]

LIQUID = [
    Claim(
        "neighbours-liquid-tau",
        "Thm. on time constants (read through notes)",
        "The system's time constants are between τ/(1 + τF) and τ.",
        "a bound",
        "all time constants met in trained networks, over both ends of the bound: within 0 to 1",
        _range("tau_place", "{low:.2f} to {high:.2f} of the way", (0.0, 1.0)),
        by_construction=True,
    ),
    Claim(
        "neighbours-liquid-state",
        "Thm. on states (read through notes)",
        "States stay between min(0, A) and max(0, A), for any step size of the fused solver.",
        "a bound",
        "largest state over |A| τF/(1 + τF), which is sharper, at steps of 0.1, 1 and 10: at most 1 up to rounding",
        _range("state_ratio", "{low:.6f} to {high:.6f}", (0.0, 1.0 + 1e-12)),
        by_construction=True,
    ),
    Claim(
        "neighbours-liquid-euler",
        "Sec. on solvers (read through notes)",
        "Explicit Euler steps do badly.",
        "badly",
        "largest state over the bound at steps of 1 and 10, above 1",
        _range("euler_ratio", "{low:.2g} to {high:.2g}", (1.0, INF)),
    ),
    Claim(
        "neighbours-liquid-long",
        "Sec. on limitations (read through notes)",
        "Long dependencies are limited by vanishing gradients.",
        "a limitation",
        "share of five networks with the weaker gates that hold a sign for ten time constants: below 0.6",
        _share("liquid_long", (0.0, 0.6)),
    ),
]

LIQUID_OURS = [
    Claim(
        "neighbours-liquid-exponents",
        "Thm. on time constants (what it does not say; ours)",
        "The bound on time constants bounds the exponents, too: the leading one is at most -1/τ.",
        "ours",
        "the 95% interval of the leading exponent after training, ten seeds, below -1",
        _mean("liquid_after", "{mean:.2f} ({low:.2f} to {high:.2f}), {n} seeds", (-INF, -1.0)),
    ),
    Claim(
        "neighbours-liquid-holds",
        "Sec. on memory (ours)",
        "A network that is right at the delay holds the sign for good.",
        "ours",
        "share of the networks right at the delay that are right at ten times the delay, above 0.9",
        _share("liquid_holds", (0.9, 1.0)),
    ),
]

CLAIMS = [
    *_own(BORDELON, INTEGRATION),
    *_own(f"beside {BORDELON}", INTEGRATION_OURS),
    *_own(BRENNER, ALMOST_LINEAR),
    *_own(f"beside {BRENNER}", ALMOST_LINEAR_OURS),
    *_own(HESS, FORCING),
    *_own(f"beside {HESS}", FORCING_OURS),
    *_own(ROSSEM, PARITY),
    *_own(f"beside {ROSSEM}", PARITY_OURS),
    *_own(WANG, CURSE),
    *_own(STABLE, STABLE_CLAIMS),
    *_own(f"beside {WANG}", CURSE_OURS),
    *_own(HASANI, LIQUID),
    *_own(f"beside {HASANI}", LIQUID_OURS),
]
