"""Figure 3D and E: the recipes that random networks are drawn by."""

from __future__ import annotations

from ptabook.claims.claim import Claim


def _positive_in_survey(numbers):
    counts, n = numbers["product_100"]["counts"], numbers["draws"]
    low, high = numbers["product_100"]["interval"]["4+"]
    text = ", ".join(f"{counts[k]} with {k}" for k in ("0", "1", "2", "3", "4+"))
    return f"of {n} draws {text} (95% interval for 4 or more: {low:.1%} to {high:.1%})", bool(high > 0.5)


def _printed_recipe(numbers):
    chaotic, n = numbers["sparse_100"]["chaotic"], numbers["draws"]
    return f"{chaotic} of {n} draws of Eq. S3 are chaotic", bool(chaotic > n / 2)


def _small_networks(numbers):
    r, n = numbers["product_20"], numbers["draws"]
    low, high = r["interval"]["0"]
    text = f"{r['oscillating']} of {n} draws have a zero and no positive exponent ({low:.0%} to {high:.0%}), "
    return text + f"{r['chaotic']} a positive one", bool(low > 0.1 and r["chaotic"] < r["oscillating"])


CLAIMS = [
    Claim(
        "fig3d-four-positive",
        "Fig. 3D",
        "The network has four positive exponents.",
        "4",
        "usual for the recipe: the 95% interval of the share of draws with four or more reaches one half",
        _positive_in_survey,
    ),
    Claim(
        "sparse-recipe-chaotic",
        "S3",
        "The printed sparse recipe makes a chaotic network at n = 100, g = 1.8.",
        "chaotic",
        "more than half of the draws",
        _printed_recipe,
    ),
    Claim(
        "small-networks-cycle",
        "S3",
        "Small random networks (n = 20) are often limit cycles and not chaotic.",
        "frequently",
        "more than a tenth of the draws oscillate (95%), fewer are chaotic",
        _small_networks,
    ),
]
