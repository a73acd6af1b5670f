"""Section 2.8: what trained networks do."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ptabook.claims.claim import UNDECIDED, Claim, Found
from ptabook.claims.evidence import SEEDS, by_difference, by_share, however_counted

PTA = ("tanh-pta", "gru-pta")


def _of_networks(words: str, hits: list[tuple[dict, bool]], chaotic: list[dict], then: bool) -> Found:
    """Whether most of some networks are hits, those left out that are chaotic, and with them as hits or not (`then`).

    The paper does not say what chaos is to it. Networks that began with the same weights are one cluster.
    """
    found = []
    for counted in (hits, hits + [(row, then) for row in chaotic]):
        of: dict[str, list[bool]] = {}
        for row, hit in counted:
            of.setdefault(row["start"], []).append(hit)
        shares = [sum(group) for group in of.values()], [len(group) for group in of.values()]
        found.append(by_share(words, *shares, (0.5, 1), "seeds: few networks have been followed to their attractors"))
    return however_counted(*found, reason="definition: whether chaos is an oscillation", words=words)


def _chaotic(rows: list[dict]) -> list[dict]:
    return [row for row in rows if {end["kind"] for end in row["blank"]} == {"chaos"}]


def _ends_without_oscillation(numbers):
    found = [row for row in numbers["attractors"] if row["network"] in PTA]
    told = [(row, row["without_oscillation"]) for row in found if row["without_oscillation"] is not None]
    if not told:
        return Found("", UNDECIDED, "data: no attractor of a trained PTA network is known")
    chaotic, rest = _chaotic(found), sum(hit for _, hit in told)
    words = f"of {len(found)} trained PTA networks {rest} come to rest under the blank input, {len(told) - rest} "
    words += f"oscillate, {len(chaotic)} are chaotic, {len(found) - len(told) - len(chaotic)} are slow or not told"
    return _of_networks(words, told, chaotic, True)


def _zeros(row: dict) -> list[int] | None:
    """Zero exponents where the starts of a network lead, none of an orbit that repeats; None if one is not regular."""
    kinds = {end["kind"] for end in row["blank"]}
    if not kinds <= {"fixed point", "periodic orbit", "torus", "oscillation"}:
        return None
    return [end["zero"][1] if end["zero"] else 0 for end in row["blank"]]


def _oscillations_weaken(numbers):
    before = {row["start"]: _zeros(row) for row in numbers["attractors_before"]}
    pairs = [row for row in numbers["attractors"] if row["network"] in PTA and before.get(row["start"])]
    regular = [(row, max(after) < min(before[row["start"]])) for row in pairs if (after := _zeros(row))]
    if not regular:
        return Found("", UNDECIDED, "data: no network has been followed before and after training")
    chaotic = _chaotic(pairs)
    words = f"fewer zero exponents after training than before in {sum(hit for _, hit in regular)} of {len(regular)} "
    words += f"PTA networks that still oscillate, or rest; {len(chaotic)} more have become chaotic"
    return _of_networks(words, regular, chaotic, False)


def _lower(arm: str, base: str) -> Callable[[dict], Found]:
    """Whether one way to begin ends with a lower test loss than another, each at the best of its rates."""

    def check(numbers: dict) -> Found:
        losses = [numbers["ablation"].get(name, {}).get("test_loss", []) for name in (arm, base)]
        if (fewest := min(map(len, losses))) < SEEDS:
            return Found("", UNDECIDED, f"seeds: {fewest} of {SEEDS}")
        ours, theirs = (np.log(values) for values in losses)
        text = f"geometric means {math.exp(ours.mean()):.2g} and {math.exp(theirs.mean()):.2g}, {len(ours)} seeds each"
        if edge := [name for name in (arm, base) if numbers["ablation"][name]["at_edge"]]:
            text += f"; best rate at an edge of those tried: {', '.join(f'*{name}*' for name in edge)}"
        return by_difference(text, ours, theirs, (-math.inf, 0))

    return check


CLAIMS = [
    Claim(
        "solutions-without-oscillation",
        "Sec. 2.8",
        "PTA networks often learn solutions without oscillation.",
        "often",
        "of the trained networks that come to rest or oscillate regularly (on a cycle or torus) under the blank input, "
        "half or more come to rest, whether those that are chaotic are left out or count as without oscillation",
        _ends_without_oscillation,
    ),
    Claim(
        "oscillations-weaken",
        "Sec. 2.9, L4",
        "Learning long temporal dependencies may weaken the oscillations.",
        "fewer",
        "fewer zero exponents on what attracts, under the blank input, than before training, in half or more of the "
        "networks, whether those that become chaotic are left out or count as no weaker",
        _oscillations_weaken,
        section="what-attracts",
    ),
    Claim(
        "flossing-helps",
        "Abstract",
        "Gradient flossing before training makes a network better at a task with a long delay.",
        "improves",
        "test loss of flossed tanh networks below that of default ones on copy memory, k = 100, within 20 epochs, each "
        "at the best of the rates tried: 95% interval of the ratio, over seeds",
        _lower("default, flossed", "default"),
        work="Engelken 2023",
        section="the-recipe-taken-apart",
    ),
    Claim(
        "oscillators-beat-flossing",
        "Sec. on training (ours)",
        "A start with limit cycles learns more than one whose exponents descent has brought nearer to zero.",
        "ours",
        "the same, of networks with limit cycles (gains up to 1.3) below flossed ones",
        _lower("α in [1, 1.3]", "default, flossed"),
        work="beside Engelken 2023",
        section="the-recipe-taken-apart",
    ),
]
