"""Figure 3D and E: the recipes that random networks are drawn by."""

from __future__ import annotations

from ptabook.claims.claim import Claim, Found
from ptabook.claims.evidence import all_of, by_share, however_counted


def _both_ways(text: str, row: dict, least: int, most: int, holds: tuple[float, float]) -> Found:
    """A share of draws, some of which may not have come to their end: counted without them and with them."""
    found = (by_share(text, hits, row["draws"], holds, "more draws") for hits in (least, most))
    return however_counted(*found, reason="definition: whether chaos that ends counts")


def _positive_in_survey(numbers):
    row = numbers["product_100"]
    counts, unsettled = row["counts"], row["ending"]
    text = ", ".join(f"{counts[k]} with {k}" for k in ("0", "1", "2", "3", "4+"))
    text = f"of {row['draws']} draws {counts['rests']} rest, {text}; of {unsettled} chaos was just ending"
    return _both_ways(text, row, counts["4+"], counts["4+"] + unsettled, (0.5, 1))


def _printed_recipe(numbers):
    row = numbers["sparse_100"]
    text = f"{row['chaotic']} of {row['draws']} draws of Eq. S3 are chaotic in the end, {row['ever']} at any time"
    return _both_ways(text, row, row["chaotic"], row["ever"], (0.5, 1))


def _small_networks(numbers):
    row = numbers["product_20"]
    cycles, chaotic, ever = row["counts"]["0"], row["chaotic"], row["ever"]
    text = f"{cycles} of {row['draws']} draws have a zero and no positive exponent, {chaotic} a positive one"
    fewer = row | dict(draws=cycles + ever)
    return all_of(
        _both_ways(text, row, cycles, cycles, (0.1, 1)),
        _both_ways(f"{chaotic} of those that oscillate or ever were chaotic", fewer, chaotic, ever, (0, 0.5)),
    )


CLAIMS = [
    Claim(
        "fig3d-four-positive",
        "Fig. 3D",
        "The network has four positive exponents.",
        "4",
        "usual for the recipe: four or more in at least half of the draws (95% interval), by their last minute",
        _positive_in_survey,
        note="four-positive-exponents-or-two",
    ),
    Claim(
        "sparse-recipe-chaotic",
        "S3",
        "The printed sparse recipe makes a chaotic network at n = 100, g = 1.8.",
        "chaotic",
        "more than half of the draws (95% interval), counted by their last minute and by any",
        _printed_recipe,
        note="which-random-network",
    ),
    Claim(
        "small-networks-cycle",
        "S3",
        "Small random networks (n = 20) are often limit cycles and not chaotic.",
        "frequently",
        "more than a tenth of the draws oscillate, fewer are chaotic (95% intervals)",
        _small_networks,
    ),
]
