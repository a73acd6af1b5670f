import json
import math

import numpy as np
import pytest

from ptacore.training import Settings


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("lr", (0, -1, math.nan, math.inf, "fast")),
        ("clip", (0, -1, math.nan, "no")),
        ("dropout", (-0.1, 1, math.nan)),
        ("decay", (0, 1.1, math.nan)),
        ("decay_wait", (0, 1.5)),
        ("patience", (0, 2.0)),
        ("epochs", (0, None)),
        ("batch_size", (0, True)),
        ("loss", ("all", None)),
        ("seed", (-1, 0.5)),
        ("probe_every", (-1,)),
        ("probe_exponents", (0, -1)),
    ],
)
def test_values_outside_their_range_are_named(name, values):
    for value in values:
        with pytest.raises(ValueError, match=f"^{name}: expected .*got"):
            Settings(**{name: value})


def test_ends_of_the_ranges():
    Settings(clip=None, dropout=0, decay=1, probe_exponents=None)
    assert Settings(**Settings(lr=0.1).config()) == Settings(lr=0.1)


def test_equal_numbers_are_the_same_setting():
    one, other = Settings(clip=1, dropout=0, batch_size=32), Settings(clip=1.0, batch_size=np.int64(32))
    assert json.dumps(one.config()) == json.dumps(other.config())
    assert Settings(lr=np.float32(0.5)).config()["lr"] == 0.5
