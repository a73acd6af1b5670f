"""What several seeds say of a mean: Student's interval."""

from __future__ import annotations

import math
from collections.abc import Sequence


def over_seeds(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean of independent values, and the ends of its confidence interval.

    Raises
    ------
    ValueError
        If there are fewer than two values or one is not finite.

    Examples
    --------
    >>> [round(v, 3) for v in over_seeds([1.0, 2.0, 3.0])]
    [2.0, -0.484, 4.484]
    """
    from scipy.special import stdtrit  # here, because the claims are read without it

    n = len(values)
    if n < 2 or not all(math.isfinite(v) for v in values):
        raise ValueError(f"values: expected two or more finite numbers, got {list(values)}")
    mean = sum(values) / n
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1))
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * deviation / math.sqrt(n)
    return mean, mean - half, mean + half
