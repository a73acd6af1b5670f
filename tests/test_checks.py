import math
import os

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from hypothesis import given
from hypothesis import strategies as st

from ptacore import models
from ptacore.checks import check_seed, integer, interval, of_step, to_array, to_tensor, within, workers

WHOLE = st.integers(-(10**6), 10**6)
NO_NUMBERS = st.sampled_from([None, "3", [3], True, False, 2.0, 2.5, math.nan, 3 + 0j, np.array([3]), torch.tensor([3]),
                              torch.tensor(True), np.True_, np.array(3.0), torch.empty((), device="meta")])  # fmt: skip


@given(WHOLE, WHOLE, st.none() | WHOLE)
def test_an_integer_is_taken_if_it_lies_in_the_range_whatever_its_type(value, least, most):
    inside = least <= value and (most is None or value <= most)
    for given_as in (value, np.int64(value), np.int32(value), np.array(value), torch.tensor(value)):
        if inside:
            taken = integer("size", given_as, least, most)
            assert (taken, type(taken)) == (value, int)  # JSON takes no other
        else:
            with pytest.raises(ValueError, match="^size: expected a whole number ") as refused:
                integer("size", given_as, least, most)
            assert str(refused.value).endswith(f"got {given_as!r}")


@given(NO_NUMBERS)
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(ValueError, match="^size: expected a whole number at least 0, got "):
        integer("size", value, 0)
    with pytest.raises(ValueError, match="^delay: expected a (pair|whole number) "):
        interval("delay", value if isinstance(value, list) else (0, value), 0)


@given(WHOLE, WHOLE, WHOLE)
def test_an_interval_is_a_pair_in_order(a, b, least):
    if least <= a <= b:
        assert interval("delay", [a, b], least) == (a, b)
    else:
        with pytest.raises(ValueError, match="^delay: expected "):
            interval("delay", [a, b], least)


@given(st.integers(-3, 3), st.integers(-2, 2), st.sampled_from(["()", "[]", "[)", "(]"]))
def test_the_ends_of_an_interval_belong_to_it_as_the_brackets_say(value, low, ends):
    high = low + 1
    belongs = {low: ends[0] == "[", high: ends[1] == "]"}.get(value, False)  # no whole number lies between
    if belongs:
        within("rate", value, low, high, ends)
    else:
        with pytest.raises(ValueError, match="^rate: expected a number in "):
            within("rate", value, low, high, ends)
    within("rate", low + 0.5, low, high, ends)


@pytest.mark.parametrize("value", [math.nan, None, "0.5"])
def test_what_is_no_number_is_in_no_interval(value):
    with pytest.raises(ValueError, match=r"^rate: expected a number in \[0, inf\], got "):
        within("rate", value, 0, math.inf, "[]")


VALUES = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
READ_ONLY = VALUES.copy()
READ_ONLY.flags.writeable = False
STRUCTURED = np.zeros(2, [("pad", "i1"), ("x", "f8", 3)])  # not aligned
STRUCTURED["x"] = VALUES


@pytest.mark.parametrize(
    "value",
    [
        VALUES,
        VALUES.tolist(),
        tuple(map(tuple, VALUES)),
        list(VALUES),
        VALUES[::-1][::-1],
        VALUES[:, ::-1].copy()[:, ::-1],
        VALUES.astype(">f8"),
        VALUES.astype(">i2"),
        VALUES.astype("f4"),
        VALUES.astype("f2"),
        VALUES.astype("g"),
        VALUES.astype("u8"),
        np.asfortranarray(VALUES),
        VALUES.T.copy().T,
        np.repeat(VALUES, 2, 1)[:, ::2],
        READ_ONLY,
        STRUCTURED["x"],
        np.matrix(VALUES),
        np.ma.array(VALUES),
        pd.DataFrame(VALUES),
        pd.DataFrame(VALUES.astype(int)),
        pd.DataFrame(VALUES).astype("Int64"),
        pd.DataFrame({"a": [0, 3], "b": [1.0, 4.0], "c": np.array([2, 5], np.uint8)}),
        [pd.Series(row) for row in VALUES],
        torch.tensor(VALUES),
        torch.tensor(VALUES, dtype=torch.int32),
        torch.tensor(VALUES, dtype=torch.bfloat16),
        torch.tensor(VALUES).T.contiguous().T,
        torch.tensor(VALUES, requires_grad=True),
        list(torch.tensor(VALUES)),
        [[torch.tensor(v) for v in row] for row in VALUES],
        [torch.tensor(row, requires_grad=True) for row in VALUES],
        [torch.tensor(VALUES[0]), VALUES[1].tolist()],
    ],
)
def test_real_numbers_are_taken_however_they_lie_in_memory(value):
    for dtype in (torch.float32, torch.float64):
        x = to_tensor(value, "x", dtype)
        assert x.dtype == dtype
        assert (x.detach().numpy() == VALUES).all()
    assert (to_array(value, "x") == VALUES).all()
    assert (models.LinearFlow(np.eye(3)).as_state(value).detach().numpy() == VALUES).all()


def test_what_has_the_dtype_is_not_copied_and_gradients_are_kept():
    x = torch.ones(3, dtype=torch.float64, requires_grad=True)
    assert to_tensor(x, "x", torch.float64) is x
    assert to_tensor([x[0], 2.0], "x", torch.float64).requires_grad
    assert np.shares_memory(to_tensor(VALUES, "x", torch.float64).numpy(), VALUES)


@pytest.mark.parametrize(
    "value", [True, 3, 2.5, np.float32(2.5), np.int8(3), np.array(2.5), torch.tensor(3), pd.Series([1, 2])]
)
def test_numbers_and_series_are_arrays_too(value):
    assert to_array(value, "x").tolist() == np.asarray(value, float).tolist()


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (VALUES + 0j, "complex"),
        (torch.tensor(VALUES + 0j), "complex"),
        (1j, "complex"),
        ([1, 2j], "complex"),
        (np.complex64(1), "complex"),
        ([torch.tensor(1j), 1.0], "complex"),
        (VALUES.astype(object), "expected numbers"),
        (VALUES.astype(str), "expected numbers"),
        (VALUES.astype("S"), "expected numbers"),
        (["1", "2"], "expected numbers"),
        (None, "expected numbers"),
        ([None], "expected numbers"),
        ({1.0: 2.0}, "expected numbers"),
        ({1.0}, "expected numbers"),
        (object(), "expected numbers"),
        ([[1.0], [2.0, 3.0]], "one length"),
        ([torch.ones(2), torch.ones(3)], "one shape"),
        (np.array(["2020-01-01"], "M8[D]"), "expected numbers"),
        (STRUCTURED, "expected numbers"),
        (pd.DataFrame({"a": ["x"]}), "expected numbers"),
        (torch.tensor(VALUES).to_sparse(), "sparse"),
        (scipy.sparse.csr_array(VALUES), "sparse"),
        (torch.empty(2, device="meta"), "meta"),
        (np.ma.masked_greater(VALUES, 3), "masked"),
        (len, "expected numbers"),
    ],
)
def test_what_are_no_real_numbers_is_refused(value, fault):
    with pytest.raises(TypeError, match=rf"^x0: .*{fault}"):
        models.LinearFlow(np.eye(3)).as_state(value)


@pytest.mark.parametrize(
    "dtype", [torch.int32, torch.complex128, torch.float16, torch.bool, float, "float64", np.float64, None]
)
def test_states_have_single_or_double_precision(dtype):
    for make in (models.TanhMap, lambda W, dtype: models.System.from_function(torch.sin, 2, "map", dtype=dtype)):
        with pytest.raises(TypeError, match="^dtype: expected torch.float32 or torch.float64, got "):
            make(np.eye(2), dtype=dtype)
    with pytest.raises((TypeError, ValueError), match="^target: "):
        models.TanhMap(np.eye(2)).to(dtype)


@pytest.mark.parametrize("target", ["meta", "nowhere", torch.device("meta"), int, 3])
def test_a_system_goes_to_a_dtype_or_to_a_device_that_is_there(target):
    system = models.TanhMap(np.eye(2))
    assert system.to("cpu").to(torch.float32).W.dtype == torch.float32
    with pytest.raises((TypeError, ValueError), match="^target: "):
        system.to(target)


@pytest.mark.parametrize("seed", [3, np.int64(3), np.uint8(3), np.array(3), torch.tensor(3)])
def test_every_whole_number_is_a_seed_and_the_same_one(seed):
    assert check_seed(seed) == 3
    assert (models.random_weights(4, seed=seed) == models.random_weights(4, seed=3)).all()


@pytest.mark.parametrize("seed", [2**64, 2**70, -1, 0.0, True, None, "3", [3]])
def test_what_cannot_be_a_seed_is_refused(seed):
    with pytest.raises(ValueError, match="^seed: expected a whole number "):
        check_seed(seed)


def test_threads_and_processes_are_bounded_by_the_cores(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert [workers("--threads", n) for n in (1, 12)] == [1, 12]
    for bad in (0, -1, 13, 10**9, 2.0, True, "2", None):
        with pytest.raises(ValueError, match="^--threads: expected a whole number from 1 to 12, got "):
            workers("--threads", bad)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert workers("--threads", 4) == 4


def test_a_step_has_its_own_row_or_none():
    rows = torch.arange(3.0)
    assert [of_step("inputs", rows, t).item() for t in (0, 1.0, 2)] == [0, 1, 2]
    with pytest.raises(ValueError, match=r"^inputs: .*whole numbers, got 0\.5"):
        of_step("inputs", rows, 0.5)
    for t in (3, -1):
        with pytest.raises(ValueError, match="^inputs: has 3 steps, but step "):
            of_step("inputs", rows, t)
