"""S1.2: the printed scheme."""

from __future__ import annotations

import numpy as np

from ptabook.claims.claim import Claim, show, with_width


def _printed_scheme(numbers):
    r = numbers["row_D"]
    printed, true, width = (np.array(v) for v in (r["printed"][0], r["reference"], r["tolerance"]))
    text = f"at 0.4 τ: {show(printed[:4], 0)}; true: {with_width(true[:4], width[:4], 0)} (99%)"
    return text, bool((np.abs(printed - true) < width).all())


CLAIMS = [
    Claim(
        "printed-qr-scheme",
        "S1.2",
        "The printed QR scheme gives the network's exponents, at the authors' step.",
        "exact up to the step",
        "within our 99% intervals",
        _printed_scheme,
    ),
]
