"""Figure 1: discrete and continuous time."""

from __future__ import annotations

from ptabook.claims.claim import Claim, says

CLAIMS = [
    Claim(
        "discrete-is-euler",
        "Fig. 1, Sec. 2.2",
        "A discrete-time network is a numerical integration of a continuous-time one.",
        "approximation",
        "the distance falls at Euler's first order, within 0.1",
        says("order {order:.2f}", lambda d: abs(d["order"] - 1) < 0.1),
    ),
]
