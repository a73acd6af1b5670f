import numpy as np
import pytest
import torch

from ptacore.reports.inputs import input_of


def test_words_numbers_and_arrays():
    assert input_of("zero").make(10, 3) is None
    assert input_of(None).make(10, 3) is None
    assert input_of("-1.5").make(10, 3).tolist() == [-1.5] * 3
    assert input_of(2).make(10, 1).tolist() == [2.0]
    noise = input_of("noise", seed=1).make(4000, 3)
    assert noise.shape == (4000, 3)
    assert noise.var(0).tolist() == pytest.approx([1.0] * 3, abs=0.1)
    assert torch.equal(noise, input_of("noise", seed=1).make(4000, 3))
    assert input_of(np.ones(3)).make(10, 3).shape == (3,)
    assert input_of(np.ones((1, 3))).make(10, 3).shape == (3,)
    assert input_of(np.ones(60)).make(10, 1).shape == (60, 1)


@pytest.mark.parametrize("suffix", [".npy", ".csv", ".npz"])
def test_files(suffix, tmp_path):
    series, path = np.random.default_rng(0).normal(size=(70, 2)), tmp_path / f"u{suffix}"
    if suffix == ".npy":
        np.save(path, series)
    elif suffix == ".npz":
        np.savez(path, u=series)
    else:
        np.savetxt(path, series, delimiter=",")
    given = input_of(path)
    np.testing.assert_allclose(given.make(10, 2), series)
    assert path.name in given.said


@pytest.mark.parametrize(
    ("given", "d", "told"),
    [
        (np.ones((60, 2)), 3, r"expected \(3,\) or \(T, 3\)"),
        (np.ones((10, 3)), 3, "at least 50 steps"),
        (np.ones((2, 60, 3)), 3, r"expected shape \(d,\) or \(T, d\)"),
        ("noise", 0, "expected 'zero'"),
        (1.0, 0, "expected 'zero'"),
        ("nan", 3, "finite"),
        (np.full(3, np.nan), 3, "finite"),
    ],
)
def test_what_does_not_fit_is_refused(given, d, told):
    with pytest.raises(ValueError, match=f"input: .*{told}"):
        input_of(given).make(100, d)


def test_two_arrays_are_one_too_many(tmp_path):
    np.savez(tmp_path / "u.npz", a=np.ones((60, 2)), b=np.zeros(2))
    with pytest.raises(ValueError, match="expected one array"):
        input_of(tmp_path / "u.npz")
    assert input_of(f"{tmp_path}/u.npz::b").make(1, 2).tolist() == [0, 0]
    with pytest.raises(FileNotFoundError, match="input: "):
        input_of("nosie")
