import math

import numpy as np
import pytest

from ptabook.claims.seeds import over_seeds


def test_the_interval_covers_the_mean_as_often_as_it_says():
    draw = np.random.default_rng(0)
    inside = 0
    for values in draw.normal(3.0, 2.0, size=(4000, 5)):
        _, low, high = over_seeds(values.tolist(), confidence=0.9)
        inside += low <= 3.0 <= high
    assert inside / 4000 == pytest.approx(0.9, abs=3 * math.sqrt(0.09 / 4000))


def test_equal_values_leave_no_doubt_and_one_value_is_refused():
    assert over_seeds([2.0, 2.0, 2.0]) == (2.0, 2.0, 2.0)
    for wrong in ([1.0], [], [1.0, math.nan]):
        with pytest.raises(ValueError, match="values: expected two or more finite numbers"):
            over_seeds(wrong)
