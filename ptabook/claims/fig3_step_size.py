"""S1.2: the printed scheme."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ptabook.claims.claim import Claim, show, with_width
from ptabook.claims.evidence import all_of, by_estimate


def _printed_scheme(numbers):
    r = numbers["row_D"]
    printed, true, width = (np.array(v) for v in (r["printed"][0], r["reference"], r["tolerance"]))
    both = np.hypot(width, r["own_tolerance"])
    text = f"at 0.4 τ: {show(printed[:4], 0)}; true: {with_width(true[:4], both[:4], 0)} (99%, of both runs)"
    parts = [by_estimate("", off, (off - w, off + w), (0, 0), "longer runs", confidence=0.99)
             for off, w in zip((printed - true).tolist(), both.tolist(), strict=True)]  # fmt: skip
    return replace(all_of(*parts), ours=text)


CLAIMS = [
    Claim(
        "printed-qr-scheme",
        "S1.2",
        "The printed QR scheme gives the network's exponents, at the authors' step.",
        "exact up to the step",
        "none of five exponents off by more than the 99% intervals of both runs, the scheme's own being the shorter",
        _printed_scheme,
        note="the-recipe-for-the-exponents-s12",
    ),
]
