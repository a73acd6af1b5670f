"""Li2 (Tian 2025): the three stages, Propositions, energies and features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ptabook.claims.claim import CONTRADICTS, SUPPORTS, UNDECIDED, Claim, Found, as_found, by_interval, says
from ptabook.claims.evidence import SEEDS

WORK = "Tian 2025"


def one_start(check: Callable, of_all: bool = False) -> Callable[[dict], Found]:
    """A check of the two runs from one start: these decide nothing but, by a counterexample, what is said of all."""

    def judged(d: dict) -> Found:
        found = as_found(check(d))
        if of_all and found.verdict == CONTRADICTS:
            return found
        return replace(found, verdict=UNDECIDED, reason="; ".join(filter(None, (found.reason, f"seeds: 1 of {SEEDS}"))))

    return judged


def _signal_rises_and_falls(d: dict) -> Found:
    ratios = [
        d[f"{run}_signal_peak"] / d[f"{run}_signal_{end}"] for run in ("decay", "none") for end in ("first", "last")
    ]
    words = "peak over start and over end: {:.1f} and {:.1f} with decay, {:.1f} and {:.1f} without".format(*ratios)
    return by_interval(words, (min(ratios), max(ratios)), (1.5, float("inf")))


def _upper_layer_first(d: dict) -> Found:
    """The lag of the bursts, between the ends of the stretches in which they are within a tenth of their height."""
    (w_from, w_to), (v_from, v_to) = d["burst_W_range"], d["burst_V_range"]
    words = f"V at epoch {d['burst_V']} ({v_from} to {v_to}), W at {d['burst_W']} ({w_from} to {w_to})"
    return by_interval(words, (w_from - v_to, w_to - v_from), (1, float("inf")), "bursts overlap")


def _aligned_only_if_it_groks(d: dict) -> Found:
    most = d["none_aligned_most"]
    words = f"cosine up to {most:.2f} without decay, {d['decay_aligned_most']:.2f} with it"
    return by_interval(words, (most, most), (-1, 0.5))


def _units_apart(d: dict) -> Found:
    most = max(d["decay_units_most"], d["none_units_most"])
    return by_interval(f"at most {most:.1%}", (most, most), (0, 0.08))


def _identity(d: dict) -> Found:
    return Found(f"{d['opposite']:.0%} of {d['opposite_pairs']} pairs", SUPPORTS)


CLAIMS = [
    Claim(
        "li2-decay-generalizes",
        "Fig. 3",
        "With weight decay 2e-4 the network fits first and generalizes later; without decay it does not generalize.",
        "fits at epoch 25, half right at 101, 99% at 139 (replication); without decay 3%",
        "fits by epoch 30, half at 91 to 111, 99% at 125 to 153; without decay below 5% at the end",
        one_start(
            says(
                "fits at {decay_fitted}, half at {decay_half}, 99% at {decay_done}; without decay {none_test_last:.1%}",
                lambda d: (
                    d["decay_fitted"] <= 30
                    and d["decay_half"] != "never"
                    and 91 <= d["decay_half"] <= 111
                    and d["decay_done"] != "never"
                    and 125 <= d["decay_done"] <= 153
                    and d["none_test_last"] < 0.05
                ),
            )
        ),
    ),
    Claim(
        "li2-signal-rises-and-falls",
        "Sec. 3, Fig. 3",
        "The size of the backpropagated signal rises and then falls, whether or not grokking follows.",
        "71 at epoch 57; 64 at 49 without decay (replication)",
        "in both runs the peak is at least 1.5 times the start and the end",
        one_start(_signal_rises_and_falls),
    ),
    Claim(
        "li2-signal-of-targets-needs-decay",
        "Abstract",
        "It is thanks to weight decay that the signal carries information about the targets.",
        "implied",
        "without decay, the cosine with the targets' part stays below 0.5 throughout; one run is enough to contradict",
        one_start(_aligned_only_if_it_groks, of_all=True),
    ),
    Claim(
        "li2-signal-lasts-with-decay",
        "Sec. 3",
        "Without decay the signal is lost once all is fitted; with decay a part along the targets stays.",
        "exponentially to 0; to a limit of order eta",
        "at the end of the runs, cosine with the targets' part over 0.4 with decay and below 0.1 without",
        one_start(
            says(
                "{decay_aligned_last:.2f}, {none_aligned_last:.2f}; "
                "sizes {decay_signal_last:.0f}, {none_signal_last:.0f}",
                lambda d: d["decay_aligned_last"] > 0.4 and d["none_aligned_last"] < 0.1,
            )
        ),
    ),
    Claim(
        "li2-upper-layer-first",
        "Fig. 3",
        "A burst of changes in the upper layer's updates comes before one in the lower layer's.",
        "first V, then W",
        "the lag is at least one epoch, over the stretches in which each is within a tenth of its height",
        one_start(_upper_layer_first),
    ),
    Claim(
        "li2-units-orthogonal",
        "Sec. 3, Fig. 3",
        "The Gram matrix of hidden units stays diagonal, with an error of at most 8%.",
        "8%; 3.3% (replication)",
        "mean size off the diagonal over the mean on it, at all looks of both runs",
        one_start(_units_apart, of_all=True),
    ),
    Claim(
        "li2-samples-ideal",
        "Sec. 3, Fig. 3",
        "The Gram matrix of samples stays a multiple of the identity and of ones, with an error of at most 8%.",
        "8%; 5.8 to 14.5% (replication)",
        "relative Frobenius distance from the best a I + b 11^T, the largest at all looks of the run that generalizes",
        one_start(
            lambda d: by_interval(f"up to {d['decay_samples_most']:.1%}", (d["decay_samples_most"],) * 2, (0, 0.08)),
            of_all=True,
        ),
    ),
    Claim(
        "li2-signal-begins",
        "Prop. 1, Sec. 3",
        "With the lower layer fixed and a small start the signal grows as t times the targets' part.",
        "$t\\,\\tilde Y\\tilde Y^\\top\\tilde F$",
        "cosine over 0.99 early (the start is 1e-6)",
        says("{begin_cosine:.6f}", lambda d: d["begin_cosine"] > 0.99),
    ),
    Claim(
        "li2-signal-ends",
        "Prop. 1, Sec. 3",
        "With decay the signal converges to a closed form that is not zero.",
        "Prop. 1, of order $\\eta$",
        "relative distance below 1e-6, and at least 1% of the peak's size",
        says(
            "{end_distance:.0e}; {lasting_size:.1f} of {peak_size:.1f}",
            lambda d: d["end_distance"] < 1e-6 and d["lasting_size"] > 0.01 * d["peak_size"],
        ),
    ),
    Claim(
        "li2-signal-lost",
        "Sec. 3",
        "Without decay, and where all can be fitted, the signal is lost at the rate of the smallest squared singular "
        "value of the activities.",
        "$\\sigma_{\\min}^2$",
        "within 2%, where the second slowest direction is gone to that",
        lambda d: by_interval(f"{d['rate_lost']:.3f} times", (d["rate_lost"],) * 2, (0.98, 1.02)),
    ),
    Claim(
        "li2-maxima-pure",
        "Thm. 2, Sec. 4",
        "Local maxima of the energy are features of a single irreducible representation, and there are no others.",
        "single",
        "all ascents from random starts in four groups, impurity below 1e-6",
        says("impurity {impure:.0e}, {frequencies} of 11 frequencies", lambda d: d["impure"] < 1e-6),
    ),
    Claim(
        "li2-maxima-values",
        "Thm. 2, Sec. 4",
        "Their energies are M/8d (real representation) and M/16d (pair) with the square as activation.",
        "M/8d, M/16d",
        "within 1%; found over stated",
        lambda d: by_interval(f"{d['value_over_paper']:.3f} times that", (d["value_over_paper"],) * 2, (0.99, 1.01)),
    ),
    Claim(
        "li2-maxima-ratios",
        "Thm. 2, Sec. 4",
        "Energies of maxima are inverse to the dimension, and twice as high for real representations as for pairs.",
        "1 : 2 : 1/d",
        "M/2d and M/4d to 1e-6, in all four groups",
        says("off by {value_off:.0e}", lambda d: d["value_off"] < 1e-6),
    ),
    Claim(
        "li2-maxima-flat",
        "Thm. 2, Sec. 4",
        "Each maximum is flat in at least one direction.",
        "1 or more",
        "zeros of the sphere's Hessian at representations by signs, by pairs and by planes: the fewest",
        lambda d: by_interval(
            f"{d['flat_sign']}, {d['flat_pair']} and {d['flat_plane']}",
            (min(d["flat_sign"], d["flat_pair"], d["flat_plane"]),) * 2,
            (1, float("inf")),
        ),
    ),
    Claim(
        "li2-maxima-mirrored",
        "Thm. 2, Sec. 4",
        "The second half of each maximum is, up to its sign, the first one at inverse elements.",
        "|cos| = 1",
        "the lowest |cos| of the ascents over 0.99",
        lambda d: by_interval(
            f"from {d['mirror_least']:.3f}; below 1/2 for {d['mirror_half']:.0%}", (d["mirror_least"],) * 2, (0.99, 1)
        ),
    ),
    Claim(
        "li2-few-units",
        "Thm. 3, Sec. 4",
        "2M - 2 hidden units of pure features reconstruct the targets of an Abelian group.",
        "2M − 2",
        "M = 23, real weights: what is left of the targets below 1e-10",
        says("{few_units} units leave {few_left:.0e}", lambda d: d["few_left"] < 1e-10),
    ),
    Claim(
        "li2-missing-features",
        "Thm. 7, Sec. 5",
        "Once some features are learned, maxima of the energy that is left are the missing ones only.",
        "missing only",
        "no ascent ends at a learned frequency",
        says("{found_held:.1%} at learned ones", lambda d: d["found_held"] == 0),
    ),
    Claim(
        "li2-memorize-one",
        "Thm. 5, Sec. 4",
        "With the square, memorizing a single answer concentrates on the most frequent pair.",
        "one pair",
        "over 99% of the weight of the best of 64 ascents",
        says("{square_top:.1%}", lambda d: d["square_top"] > 0.99),
    ),
    Claim(
        "li2-memorize-all",
        "Thm. 5, Sec. 4",
        "With ReLU or SiLU memorizing spreads over the pairs.",
        "spread",
        "at least half of eight pairs share the weight (inverse participation)",
        says("{relu_spread:.1f} and {silu_spread:.1f} of 8", lambda d: min(d["relu_spread"], d["silu_spread"]) > 4),
    ),
    Claim(
        "li2-repulsion-identity",
        "Thm. 6, Sec. 5",
        "The mixing of two units has the sign opposite to their overlap beyond all others.",
        "opposite",
        "an identity; both sides computed apart",
        _identity,
        by_construction=True,
    ),
    Claim(
        "li2-alike-repel",
        "Thm. 6, Sec. 5",
        "Units that are alike repel each other.",
        "sign match 83% to 99.5% along training (replication)",
        "of the 200 most similar pairs, at least 80% at each look",
        one_start(lambda d: by_interval(f"{d['repelled_least']:.1%} or more", (d["repelled_least"], 1), (0.8, 1))),
    ),
]
