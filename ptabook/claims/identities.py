"""Equations 4 to 18, and the statements around them."""

from __future__ import annotations

from ptabook.claims.claim import Claim
from ptabook.claims.evidence import by_share

FIVE = ("one_fixed_point", "two_fixed_points", "line_attractor", "chaos", "limit_cycle")


def _identities(*keys: str, text: str = "{0:.0e}"):
    """Checks of notebooks/identities.ipynb that must all hold; the text shows their values."""

    def check(numbers):
        items = [numbers[key] for key in keys]
        return text.format(*(item["value"] for item in items)), all(item["reproduced"] for item in items)

    return check


def _largest_of_five(stem: str, text: str = "{:.0e} at most, five systems"):
    """The same check for the five systems of Figure 3."""

    def check(numbers):
        items = [numbers[f"{stem}_{name}"] for name in FIVE]
        return text.format(max(abs(i["value"]) for i in items)), all(i["reproduced"] for i in items)

    return check


def _share(key: str, least: float):
    """Share of random changes after which zeros are left; each is a draw of its own."""

    def check(numbers):
        share, draws = numbers[key]["value"], numbers["n_draws"]
        return by_share(f"in {share:.0%} of {draws:.0f} draws", round(share * draws), draws, (least, 1))

    return check


CLAIMS = [
    Claim(
        "gradient-through-adjoint",
        "Eq. 4",
        "A weight's gradient is the integral over all paths through the adjoint.",
        "identity",
        "relative difference to backpropagation below 1e-6, falling at the order of the quadrature",
        _identities(
            "eq4_relative_difference",
            "eq4_order_trapezoid",
            "eq4_order_simpson",
            text="difference {0:.0e}, orders {1:.2f} and {2:.2f}",
        ),
    ),
    Claim(
        "adjoint-sensitivity-product",
        "Eqs. 5-8",
        "The product of adjoint and sensitivity is constant along a trajectory.",
        "identity",
        "rounding of n terms and T steps",
        _largest_of_five("eq8_drift"),
        by_construction=True,
    ),
    Claim(
        "equal-norms-as-printed",
        "Eq. 9",
        "As printed: Δ v and Ψᵀ v have the same norm.",
        "identity",
        "rounding",
        _largest_of_five("eq9_as_printed"),
        by_construction=True,
        note="remarks-on-the-theory",
    ),
    Claim(
        "equal-rates-generic",
        "Eq. 9, Sec. 2.2",
        "Generic perturbations forward and generic errors backward grow at one rate.",
        "same fate",
        "0.05 / τ over 100 τ: the start's misalignment, spread over that time",
        _largest_of_five("eq9_rate_difference", "rates differ by {:.3f} / τ at most, five systems"),
    ),
    Claim(
        "equal-fate-every-vector",
        "Sec. 2.2",
        "Where the sensitivity of a direction decays, the adjoint in that direction decays too.",
        "for every v",
        "the two rates agree within 0.25 / τ, for one v",
        _identities("eq9_same_fate_of_every_vector", text="counterexample: rates differ by {0:.2f} / τ"),
        note="remarks-on-the-theory",
    ),
    Claim(
        "linear-normal-growth",
        "Eqs. 12-14",
        "Linear, normal: a perturbation along an eigenvector grows as exp(λ t).",
        "identity",
        "1e-5 in the logarithm (error of the scheme)",
        _identities("eq14_log_error"),
    ),
    Claim(
        "non-normal-growth",
        "Sec. 2.4",
        "The same rates hold for a matrix that is not normal.",
        "same rate",
        "0.001",
        _identities("nonnormal_rate", text="{0:.4f}, eigenvalue −0.3"),
    ),
    Claim(
        "generic-leading-exponent",
        "Eq. 15",
        "A generic direction grows at the leading exponent.",
        "largest λ",
        "0.05 / τ over 100 τ; chaos: and four standard errors",
        _largest_of_five("eq15_rate_error", "off by {:.3f} / τ at most, five systems"),
    ),
    Claim(
        "spectrum-same-in-basin",
        "Sec. 2.4",
        "The spectrum is the same for all starts in one basin.",
        "independent of the start",
        "statistical error of the averages",
        _identities(
            "oseledets_limit_cycle",
            "oseledets_two_basins",
            text="largest differences {0:.0e} (cycle), {1:.0e} (fixed points)",
        ),
    ),
    Claim(
        "spectrum-under-diffeomorphism",
        "Sec. 2.4",
        "The spectrum does not change under a diffeomorphism.",
        "invariant",
        "0.001 / τ",
        _identities("diffeomorphism_exponents"),
    ),
    Claim(
        "spectrum-topology-suffices",
        "Sec. 2.4",
        "Only the topological structure of the dynamics matters for the spectrum.",
        "topology suffices",
        "same exponent within 0.1 after a change of coordinates that is continuous but not smooth",
        _identities("homeomorphism_exponent", text="exponent changed by {0:.2f}"),
        note="remarks-on-the-theory",
    ),
    Claim(
        "line-keeps-along",
        "Sec. 2.5",
        "On a line attractor, a perturbation along the line is kept and across it is forgotten.",
        "kept; forgotten",
        "1e-12 (rounding)",
        _identities("line_attractor_kept", "line_attractor_forgotten", text="shares left {0:.6f} and {1:.0e}"),
    ),
    Claim(
        "line-zero-lost",
        "Sec. 2.6",
        "A line attractor's zero exponent is lost at the smallest change of the weights.",
        "lost",
        "proportional to the change: slope 1 ± 0.05 on logarithmic axes",
        _identities("line_attractor_change_slope", "line_attractor_first_order", text="slope {0:.3f}"),
    ),
    Claim(
        "zero-weights-destroyed",
        "Sec. 2.6",
        "All-zero weights make a continuous attractor that the first step of learning destroys.",
        "n zeros, then none",
        "counts",
        _identities("zero_weights_zeros", "zero_weights_zeros_after", text="{0:.0f} of 8, then {1:.0f}"),
    ),
    Claim(
        "cycle-zero-survives",
        "Sec. 2.6-2.7",
        "A limit cycle's zero exponent survives changes of the weights.",
        "survives",
        "in 98% of draws at 1% changes (95% interval)",
        _share("limit_cycle_change_small", 0.98),
    ),
    Claim(
        "velocity-solves-sensitivity",
        "Eqs. 16-18",
        "The velocity along a cycle solves the equation of the sensitivity.",
        "identity",
        "residual of the scheme's order, below 1e-5",
        _identities("eq18_residual", "eq18_order", text="residual {0:.0e}, order {1:.2f}"),
    ),
    Claim(
        "floquet-one-inside",
        "Sec. 2.7",
        "One Floquet multiplier is one, the others are inside the unit circle.",
        "1; inside",
        "1e-6",
        _identities("floquet_multiplier_one", "floquet_others", text="off by {0:.0e}; second {1:.3f}"),
    ),
    Claim(
        "phase-kept-amplitude-forgotten",
        "Sec. 2.7, Fig. 4A",
        "A phase difference is kept; an amplitude difference is forgotten.",
        "kept; forgotten",
        "drift below 1e-9 a period; less than 1% left after 50 periods",
        _identities("phase_drift_per_period", "amplitude_kick_forgotten", text="{0:.0e} a period; {1:.0e} left"),
    ),
    Claim(
        "oscillators-half-zeros",
        "Sec. 2.7",
        "m independent oscillators give m zero exponents of 2m, and none positive.",
        "n / 2",
        "counts for m = 1 to 5, frequencies different and equal",
        _identities(
            "pta_zeros_different",
            "pta_positive_different",
            "pta_zeros_equal",
            "pta_positive_equal",
            text="miscounts {0:.0f} and {2:.0f}",
        ),
        note="remarks-on-the-theory",
    ),
    Claim(
        "quasi-periodic-torus-keeps",
        "Sec. 2.7",
        "A quasi-periodic toroidal attractor keeps its zeros under changes of the weights.",
        "robust",
        "both zeros in 95% of draws at 0.1% changes (95% interval)",
        _share("pta_survives_different", 0.95),
        note="remarks-on-the-theory",
    ),
    Claim(
        "periodic-torus-keeps",
        "Sec. 2.7",
        "A periodic toroidal attractor (oscillators of equal frequency) keeps them, too.",
        "robust",
        "both zeros in 95% of draws at 0.1% changes (95% interval)",
        _share("pta_survives_equal", 0.95),
        note="remarks-on-the-theory",
    ),
    Claim(
        "rtrl-equals-bptt",
        "Sec. 3.4",
        "Real-time recurrent learning produces gradients equal to backpropagation's.",
        "identity",
        "1e-12 of the norm, rounding",
        _identities("rtrl"),
        by_construction=True,
    ),
]
