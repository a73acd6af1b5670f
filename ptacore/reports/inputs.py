"""What drives a layer: nothing, a constant, noise, or an array of a file."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from pathlib import Path

import torch
from torch import Tensor

from ptacore.checks import finite, scalar
from ptacore.models.weight_files import read_arrays, split_entry

SHORTEST = 50  # steps of an input that are worth an average


@dataclass(frozen=True)
class Input:
    """An input, in words and as numbers.

    Attributes
    ----------
    said : str
    make : callable
        From a number of steps and of inputs to None (zero), a constant (d,), or (T, d).
    """

    said: str
    make: Callable[[int, int], Tensor | None]


def input_of(given, seed: int = 0) -> Input:
    """The input that is meant by a word, a number, an array or a file.

    Parameters
    ----------
    given : {"zero", "noise"}, float, array (d,) or (T, d), or path
        Noise is white and Gaussian, of variance 1 for each input and step.
    seed : int
        Of the noise.

    Raises
    ------
    ValueError, TypeError, FileNotFoundError
        If it is none of these. `Input.make` raises ValueError where the numbers of inputs do not agree.

    Examples
    --------
    >>> input_of("0.5").make(100, 2)
    tensor([0.5000, 0.5000], dtype=torch.float64)
    >>> input_of("noise").make(100, 2).shape
    torch.Size([100, 2])
    """
    word = given if isinstance(given, str) else None
    if given is None or word == "zero":
        return Input("no input", lambda steps, d: None)
    if word == "noise":
        return Input("white noise of variance 1 in each input", lambda steps, d: _noise(steps, _some(d), seed))
    if (value := _number(given)) is not None:
        return Input(f"a constant input of {value:g}", lambda steps, d: torch.full((_some(d),), value).double())
    if isinstance(given, (str, os.PathLike)):
        return _from_file(given)
    return _from_array(finite(given, "input"), "the given input")


def _number(given) -> float | None:
    given = scalar(given)
    if isinstance(given, str):
        try:
            given = float(given)
        except ValueError:
            return None
    elif not isinstance(given, Real) or isinstance(given, bool):
        return None
    if not math.isfinite(given):
        raise ValueError(f"input: expected a finite number, got {given}")
    return float(given)


def _some(d: int) -> int:
    if d == 0:
        raise ValueError("input: expected 'zero', for the system takes none")
    return d


def _noise(steps: int, d: int, seed: int) -> Tensor:
    return torch.randn(steps, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _from_file(source: str | os.PathLike) -> Input:
    if not split_entry(source)[0].exists():
        raise FileNotFoundError(f"input: expected zero, noise, a number or a file, and there is no file {source}")
    arrays = read_arrays(source, "input")
    if len(arrays) != 1:
        held = "; ".join(f"{key} {value.shape}" for key, value in arrays.items()) or "none"
        raise ValueError(f"input: {source}: expected one array, name it as in 'FILE::NAME'; it holds {held}")
    (array,) = arrays.values()
    return _from_array(finite(array, "input"), Path(source).name)


def _from_array(array: Tensor, said: str) -> Input:
    if array.ndim == 2 and len(array) == 1:
        array = array[0]
    if array.ndim not in (1, 2) or not array.numel():
        raise ValueError(f"input: expected shape (d,) or (T, d), got {tuple(array.shape)}")

    def make(steps: int, d: int) -> Tensor:
        series = array[:, None] if array.ndim == 1 and d == 1 and len(array) > 1 else array
        if series.shape[-1] != _some(d):
            raise ValueError(f"input: expected ({d},) or (T, {d}) for this layer, got {tuple(array.shape)}")
        if series.ndim == 2 and len(series) < SHORTEST:
            raise ValueError(f"input: expected at least {SHORTEST} steps, or a constant ({d},), got {len(series)}")
        return series

    words = f"constant input, {said}" if array.ndim == 1 else f"{len(array):,} steps of input, {said}"
    return Input(words, make)
