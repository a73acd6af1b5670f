"""Checks of arguments. Their errors begin with the argument's name, say what would be right, and end with what came."""

from __future__ import annotations

import os
from numbers import Integral, Real
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.autograd.forward_ad import unpack_dual

LARGEST_SEED = 2**64 - 1  # of torch; NumPy takes more


def shown(value) -> str:
    """repr(value), cut where it is long.

    Examples
    --------
    >>> shown(0.5), shown([0] * 100)
    ('0.5', 'list [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...')
    """
    text = repr(value)
    return text if len(text) <= 80 else f"{type(value).__name__} {' '.join(text.split())[:40]}..."


def integer(name: str, value, least: int, most: int | None = None) -> int:
    """The value as an int, if it is a whole number of the range.

    Examples
    --------
    >>> integer("k", np.int32(3), least=0), integer("k", torch.tensor(3), least=0)
    (3, 3)
    >>> integer("k", -1, least=0)
    Traceback (most recent call last):
    ValueError: k: expected a whole number at least 0, got -1
    """
    number = scalar(value)
    inside = isinstance(number, Integral) and not isinstance(number, (bool, np.bool_)) and least <= number
    if not inside or (most is not None and number > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name}: expected a whole number {bounds}, got {shown(value)}")
    return int(number)


def check_seed(value) -> int:
    """The value as an int, if it can be a seed.

    Examples
    --------
    >>> check_seed(2**70)
    Traceback (most recent call last):
    ValueError: seed: expected a whole number from 0 to 18446744073709551615, got 1180591620717411303424
    """
    return integer("seed", integer("seed", value, 0), 0, LARGEST_SEED)


def workers(name: str, value) -> int:
    """The value as an int, if so many threads or processes help here: from 1 to four for each core.

    Far more would end the process, since torch starts them all.

    Examples
    --------
    >>> workers("threads", 10**9)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: threads: expected a whole number from 1 to ..., got 1000000000
    """
    return integer(name, value, 1, 4 * (os.cpu_count() or 1))


def interval(name: str, value, least: int) -> tuple[int, int]:
    """The value as a pair of ints (lowest, highest), both at least `least`."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(f"{name}: expected a pair (lowest, highest), got {shown(value)}")
    low, high = (integer(name, v, least) for v in value)
    if low > high:
        raise ValueError(f"{name}: expected lowest <= highest, got {value!r}")
    return low, high


def within(name: str, value, low: float, high: float, ends: str = "()") -> float:
    """The value as a float, if it is a number of the interval; `ends` says which of its ends belong to it.

    Examples
    --------
    >>> within("dropout", 1.5, 0, 1, ends="[)")
    Traceback (most recent call last):
    ValueError: dropout: expected a number in [0, 1), got 1.5
    """
    number = scalar(value)
    inside = isinstance(number, Real) and not isinstance(number, (bool, np.bool_))
    if not inside or not (
        low < number < high or (number == low and ends[0] == "[") or (number == high and ends[1] == "]")
    ):
        raise ValueError(f"{name}: expected a number in {ends[0]}{low:g}, {high:g}{ends[1]}, got {shown(value)}")
    return float(number)


def choice(name: str, value, valid) -> str:
    """The value, if it is one of the valid texts.

    Examples
    --------
    >>> choice("kind", "flows", ("flow", "map"))
    Traceback (most recent call last):
    ValueError: kind: expected one of flow, map, got 'flows'
    """
    if not isinstance(value, str) or value not in valid:
        names = ", ".join(repr(v) if " " in v else v for v in valid)
        raise ValueError(f"{name}: expected one of {names}, got {shown(value)}")
    return value


def instance(name: str, value, kind: type | tuple[type, ...]):
    """The value, if it is an object of that class.

    Examples
    --------
    >>> instance("system", 3, torch.nn.Module)
    Traceback (most recent call last):
    TypeError: system: expected a Module, got 3
    """
    if not isinstance(value, kind):
        kinds = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
        raise TypeError(f"{name}: expected a {kinds}, got {shown(value)}")
    return value


def instances(name: str, value, kind: type) -> list:
    """The values as a list, if all are objects of that class."""
    try:
        items = None if isinstance(value, (str, Tensor)) else list(value)
    except (TypeError, ValueError):
        items = None
    if items is None or not all(isinstance(item, kind) for item in items):
        raise TypeError(f"{name}: expected a sequence of {kind.__name__}, got {shown(value)}")
    return items


def folder(name: str, value) -> Path:
    """The value as a path, if it is a text or a path."""
    return Path(instance(name, value, (str, os.PathLike)))


def flag(name: str, value) -> bool:
    """The value, if it is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name}: expected True or False, got {shown(value)}")
    return bool(value)


def floating(name: str, dtype) -> torch.dtype:
    """The dtype, if states can have it: single or double precision.

    Examples
    --------
    >>> floating("dtype", torch.int32)
    Traceback (most recent call last):
    TypeError: dtype: expected torch.float32 or torch.float64, got torch.int32
    """
    if not isinstance(dtype, torch.dtype) or dtype not in (torch.float32, torch.float64):
        raise TypeError(f"{name}: expected torch.float32 or torch.float64, got {shown(dtype)}")
    return dtype


def place(name: str, value) -> torch.dtype | torch.device:
    """A dtype that states can have, or a device that is there."""
    if isinstance(value, torch.dtype):
        return floating(name, value)
    if not isinstance(value, (str, torch.device)):
        raise TypeError(f"{name}: expected torch.float32, torch.float64 or a device, got {shown(value)}")
    try:
        device = torch.empty(0, device=value).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"{name}: no device {str(value)!r} ({str(error).splitlines()[0]})") from None
    if device.type == "meta":
        raise ValueError(f"{name}: expected a device that holds numbers, got {str(value)!r}")
    return device


def to_tensor(value, name: str, dtype: torch.dtype, device: torch.device | None = None) -> Tensor:
    """Real numbers as a tensor: from a tensor, an array, a data frame, a number, or nested lists of these.

    A tensor or array that has the dtype, and lies in memory as tensors do, is not copied.

    Raises
    ------
    TypeError
        If the value does not consist of real numbers: complex, text, objects, masked, sparse, quantized, without data
        (meta), or rows of different lengths.

    Examples
    --------
    >>> to_tensor(np.arange(3)[::-1], "x0", torch.float64)
    tensor([2., 1., 0.], dtype=torch.float64)
    >>> to_tensor([1, 2j], "x0", torch.float64)
    Traceback (most recent call last):
    TypeError: x0: expected real numbers, got complex ones; take .real if the imaginary part is zero
    """
    floating("dtype", dtype)
    if not isinstance(value, Tensor):
        value = _stacked(value, name, dtype) if _holds_tensors(value) else torch.from_numpy(_array(value, name))
    if fault := _fault(value):
        raise TypeError(f"{name}: expected real numbers, got {fault}")
    return value.to(dtype=dtype, device=device)


def to_array(value, name: str) -> np.ndarray:
    """Real numbers as an array in double precision; takes and refuses what `to_tensor` does.

    Examples
    --------
    >>> to_array(["a"], "t")
    Traceback (most recent call last):
    TypeError: t: expected numbers, got list "['a']"
    """
    return to_tensor(value, name, torch.float64).detach().cpu().numpy()


def finite(value, name: str) -> Tensor:
    """Finite real numbers as a tensor in double precision; a TypeError or ValueError for all else."""
    x = to_tensor(value, name, torch.float64)
    if not torch.isfinite(x).all():
        raise ValueError(f"{name}: expected finite numbers, got NaN or infinity")
    return x


def of_step(name: str, rows: Tensor, t: float) -> Tensor:
    """The row of step t, with a ValueError where there is none, or none between two: for what drives a system.

    Examples
    --------
    >>> of_step("inputs", torch.zeros(3, 1), 3.0)
    Traceback (most recent call last):
    ValueError: inputs: has 3 steps, but step 3 is needed
    """
    if not 0 <= t < len(rows):
        raise ValueError(f"{name}: has {len(rows)} steps, but step {int(t)} is needed")
    if t != int(t):
        raise ValueError(f"{name}: has an entry for each step, so that times are whole numbers, got {t:g} (see t0)")
    return rows[int(t)]


def finite_array(value, name: str) -> np.ndarray:
    """What `finite` returns, as an array."""
    return finite(value, name).detach().cpu().numpy()


def floats(name: str, value) -> Tensor:
    """The value, if it is a tensor of floating-point numbers that holds them; NaN and infinity may be among them.

    Examples
    --------
    >>> floats("x", torch.arange(3))
    Traceback (most recent call last):
    TypeError: x: expected a tensor of floating-point numbers, got tensor([0, 1, 2])
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: expected a tensor of floating-point numbers, got {shown(value)}")
    if fault := _fault(value):
        raise TypeError(f"{name}: expected a tensor of floating-point numbers, got {fault}")
    if not value.is_floating_point():
        raise TypeError(f"{name}: expected a tensor of floating-point numbers, got {shown(value)}")
    return value


def refuse_tangents(name: str, *tensors: Tensor) -> None:
    """A ValueError where a tensor has a forward-mode tangent, which what follows would drop."""
    if any(unpack_dual(t).tangent is not None for t in tensors):
        raise ValueError(
            f"{name}: expected tensors without forward-mode tangents, which only a trajectory carries along, got some; "
            "go backward, with differentiable=True"
        )


COMPLEX = "complex ones; take .real if the imaginary part is zero"


def _fault(x: Tensor) -> str | None:
    """Why a tensor cannot be taken as plain real numbers."""
    if x.is_complex():
        return COMPLEX
    if x.is_nested or x.layout != torch.strided:
        return "a sparse or nested tensor; take .to_dense()"
    if x.is_quantized:
        return "a quantized tensor; take .dequantize()"
    return "a meta tensor, which holds none" if x.is_meta else None


def _holds_tensors(value) -> bool:
    return isinstance(value, (list, tuple)) and any(isinstance(v, Tensor) or _holds_tensors(v) for v in value)


def _stacked(value, name: str, dtype: torch.dtype) -> Tensor:
    """Nested lists that hold tensors, which may have gradients."""
    parts = [to_tensor(v, name, dtype) for v in value]
    try:
        return torch.stack(parts)
    except RuntimeError:
        shapes = ", ".join(str(tuple(p.shape)) for p in parts[:4])
        raise TypeError(f"{name}: expected parts of one shape on one device, got shapes {shapes}") from None


def _array(value, name: str) -> np.ndarray:
    """What holds no tensors as an array in double precision that torch can take."""
    if hasattr(value, "toarray"):
        raise TypeError(f"{name}: expected real numbers, got a sparse {type(value).__name__}; take .toarray()")
    if np.ma.is_masked(value):
        raise TypeError(f"{name}: expected real numbers, got an array with masked entries")
    try:
        array = np.asarray(value.to_numpy() if hasattr(value, "to_numpy") else value)
        if array.dtype == object and hasattr(value, "to_numpy") and all(isinstance(v, Real) for v in array.flat):
            array = array.astype(float)  # columns of nullable numbers, without any that is missing
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name}: expected numbers in rows of one length, got {shown(value)}") from None
    if array.dtype.kind == "c":
        raise TypeError(f"{name}: expected real numbers, got {COMPLEX}")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected numbers, got {type(value).__name__} {str(value)[:40]!r}")
    return np.require(array, np.float64, ["C", "A", "W"])  # torch wants neither read-only nor backward arrays


def scalar(value):
    """The number in an array or tensor without axes; other values as they are."""
    if getattr(value, "ndim", None) == 0 and isinstance(value, (np.ndarray, np.generic, Tensor)):
        return None if isinstance(value, Tensor) and _fault(value) else value.item()
    return value
