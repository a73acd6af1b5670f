"""Arrays from a file of one of the usual formats: a square matrix of weights, or all that it holds."""

from __future__ import annotations

import contextlib
import csv
import os
import pickle
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from ptacore.checks import to_array

CONTAINERS = ("state_dict", "model_state_dict", "model")  # keys under which training programs keep a state_dict
NOT_FINITE = ("nan", "inf", "infinity")
HDF5 = b"\x89HDF\r\n\x1a\n"


def read_weights(source, name: str = "W") -> np.ndarray | None:
    """A square weight matrix from an array or from a file.

    Parameters
    ----------
    source : array (n, n), path, or None
        The file's suffix, in small or capital letters, says the format:

        - .csv, .tsv, .txt: columns separated by tabs, semicolons, commas or spaces, with a decimal point or a decimal
          comma. A line of names above and a column of names on the left are left out, also numbers counted
          from 0 or 1 where the matrix is square without them. A line that begins with # or % is a comment.
        - .npy and .npz of NumPy; .mat of MATLAB, where version 7.3 needs h5py.
        - .pt and .pth: a tensor or a ``state_dict``, also one kept under "state_dict", "model_state_dict" or "model".
          Nothing is unpickled but tensors.
        - .safetensors, which needs safetensors.

        In a file with several arrays the only square one is read. ``"file.npz::W"`` names one. A 1 x 1 array counts as
        square only where there is no larger one.
    name : str
        What error messages call it.

    Returns
    -------
    ndarray (n, n), float64, or None for None or an empty string.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file cannot be read, or the content is not one square matrix of finite real numbers. The message has the
        file and the fault, and where there is a choice the names and shapes.
    TypeError
        If an array does not consist of real numbers.
    ImportError
        If a package that reads the format is missing.

    Examples
    --------
    >>> read_weights([[0, 1], [1, 0]])
    array([[0., 1.],
           [1., 0.]])
    """
    if source is None or (isinstance(source, str) and not source):
        return None
    if not isinstance(source, (str, os.PathLike)):
        return _square(to_array(source, name), name)
    path, entry = split_entry(source)
    if not path.exists():
        raise FileNotFoundError(f"{name}: no file {path}")
    where = f"{name}: {path}"
    try:
        W = to_array(_chosen(_arrays(path, where), entry, where), where)
    except TypeError as error:
        raise ValueError(str(error)) from None
    return _square(W, where)


def read_arrays(source, name: str = "file") -> dict[str, np.ndarray]:
    """All arrays of real numbers in a file, by name, as float64.

    Parameters
    ----------
    source : path
        A file as `read_weights` takes it. ``"file.npz::W"`` asks for one array.
    name : str
        What error messages call it.

    Returns
    -------
    dict of ndarray
        One without a name, as in a .npy file, is called after the file. What is not an array of real numbers is left
        out.

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        As `read_weights`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/net.npz", W=np.eye(2), b=np.zeros(2))
    ...     {key: value.shape for key, value in read_arrays(f"{folder}/net.npz").items()}
    {'W': (2, 2), 'b': (2,)}
    """
    path, entry = split_entry(source)
    if not path.exists():
        raise FileNotFoundError(f"{name}: no file {path}")
    where, found = f"{name}: {path}", {}
    entries = _arrays(path, where)
    if entry is not None:
        entries = {entry: _chosen(entries, entry, where)}
    for key, value in entries.items():
        with contextlib.suppress(TypeError):  # text, complex numbers
            if not isinstance(value, str):
                found[path.stem if key is None else key] = to_array(value, where)
    return found


def split_entry(source: str | os.PathLike) -> tuple[Path, str | None]:
    """A file, and the name of the array in it that is meant.

    Examples
    --------
    >>> split_entry("net.npz::W")[1], split_entry("net.npz")[1]
    ('W', None)
    """
    path = Path(source)
    if "::" not in path.name or path.exists():
        return path, None
    file, _, entry = os.fspath(source).partition("::")
    return Path(file), entry


def _square(W: np.ndarray, name: str) -> np.ndarray:
    if W.ndim != 2 or W.shape[0] != W.shape[1] or W.size == 0:
        raise ValueError(f"{name}: expected a square matrix, got shape {W.shape}")
    if not np.isfinite(W).all():
        raise ValueError(f"{name}: entries must be finite, got NaN or infinity")
    return W


class _Fault(ValueError):
    """What is wrong with the content of a file."""


def _arrays(path: Path, where: str) -> Mapping:
    """The arrays in a file by name (one without a name under None), or a word for what is not an array."""
    if path.is_dir():
        raise ValueError(f"{where}: expected a file, got a folder")
    if (read := READERS.get(path.suffix.lower())) is None:
        raise ValueError(f"{where}: expected a file of type {', '.join(READERS)}")
    try:
        if not path.stat().st_size:
            raise _Fault("the file is empty")
        with warnings.catch_warnings(action="ignore"):  # of a reader, about a file that it then reads or refuses
            return read(path)
    except ImportError as error:
        raise ImportError(f"{where}: needs {error.name}: pip install 'ptacore[weights]'") from None
    except _Fault as fault:
        raise ValueError(f"{where}: {fault}") from None
    except Exception as error:  # readers raise all sorts of errors at damaged files
        fault = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"{where}: does not hold a matrix of numbers that can be read ({fault})") from None


def _chosen(entries: Mapping, entry: str | None, where: str):
    """The named array, or the only square one."""
    if entry is None and set(entries) == {None}:
        return entries[None]
    held = "; ".join(f"{key} {_shape(value)}" for key, value in entries.items()) or "no arrays"
    if None in entries:
        raise ValueError(f"{where}: holds one array without a name, but {entry!r} is asked for")
    if entry is not None:
        if entry not in entries or isinstance(entries[entry], str):
            raise ValueError(f"{where}: has no array of numbers {entry!r}; it holds {held}")
        return entries[entry]
    sizes = {key: value.shape[0] for key, value in entries.items() if _is_square(value)}
    square = [key for key, size in sizes.items() if size > 1] or list(sizes)
    if len(square) != 1:
        which = "no square matrix" if not square else f"{len(square)} square matrices"
        raise ValueError(f"{where}: has {which}; name one, as in 'FILE::NAME'. It holds {held}")
    return entries[square[0]]


def _shape(value) -> str:
    return value if isinstance(value, str) else str(tuple(value.shape))


def _is_square(value) -> bool:
    return not isinstance(value, str) and value.ndim == 2 and value.shape[0] == value.shape[1] > 0


# ---- tables of text


def _text(path: Path) -> dict:
    content = path.read_bytes()
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))  # what spreadsheets call Unicode text
    text = content.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    if "\0" in text:
        raise _Fault("is not text")
    lines = [line.strip(" ").rstrip("\t ") for line in text.splitlines()]
    lines = [line for line in lines if line.strip(",;\t ") and not line.startswith(("#", "%"))]
    if not lines:
        raise _Fault("holds no numbers")
    separators = [separator for separator in "\t;," if any(separator in line for line in lines)][:1]
    if separators in ([], [","]) and (not separators or any(" " in line for line in lines)):
        separators.append(None)  # spaces, and any comma is a decimal one
    faults = []
    for separator in separators:
        try:
            return {None: _numbers(_cells(lines, separator))}
        except _Fault as fault:
            faults.append(fault)
    raise faults[0]


def _cells(lines: list[str], separator: str | None) -> list[list[str]]:
    if separator:
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator)]
    else:
        rows = [[cell.strip('"') for cell in line.split()] for line in lines]
    while all(len(row) > 1 and row[-1] == "" for row in rows):  # a separator at the end of each line
        rows = [row[:-1] for row in rows]
    return rows


def _numbers(rows: list[list[str]]) -> np.ndarray:
    """The numbers of a table, without names above and to the left."""
    top, left = _borders(rows)
    body = [row[left:] for row in rows[top:]]
    comma = any("," in cell for row in body for cell in row)
    numbers = [[_number(cell, comma) for cell in row] for row in body]
    for i, row in enumerate(body):
        where = f"row {top + i + 1}"
        if len(row) != len(body[0]):
            raise _Fault(f"{where} has {len(row)} cells, the first {len(body[0])}: not a matrix of numbers")
        for j, cell in enumerate(row):
            if numbers[i][j] is None:
                raise _Fault(f"{where}, column {left + j + 1}: {cell[:40]!r} is not a real number")
    return np.array(numbers)


def _number(cell: str, comma: bool) -> float | None:
    if comma:
        cell = "" if "." in cell else cell.replace(",", ".")
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def _borders(rows: list[list[str]]) -> tuple[bool, bool]:
    """Whether a table has names in its first row, and in its first column.

    Numbers are names where they count from 0 or 1: after an empty corner; or where the table is square without them and
    its other cells are not all whole.
    """
    if len(rows) == 1:
        return False, False
    first, below = rows[0], [row[0] for row in rows[1:]]
    if len(first) == len(rows[1]) - 1:
        first = ["", *first]  # a corner is missing where spaces separate, and in R
    top, left = all(map(_is_name, first)), all(map(_is_name, below))
    if top:
        left = left or not first[0]
    elif not first[0] and _counts(first[1:]):
        top = left = left or first[1:] == below
    height, width = len(rows) - top, len(rows[1]) - left
    if height == width + 1 and not top and _counts(first) and _has_fractions(rows[1:], left):
        top = True
    if width == height + 1 and not left:
        left = _counts([row[0] for row in rows[top:]]) and _has_fractions(rows[top:], 1)
    return top, left


def _is_name(cell: str) -> bool:
    return not cell or (not cell[0].isdigit() and cell[0] not in "+-(.," and cell.lower() not in NOT_FINITE)


def _counts(cells: list[str]) -> bool:
    """Whether these are the numbers 0, 1, ... or 1, 2, ..."""
    return any(cells == [str(start + i) for i in range(len(cells))] for start in (0, 1))


def _has_fractions(rows: list[list[str]], left: int) -> bool:
    return any(not cell.lstrip("+-").isdigit() for row in rows for cell in row[left:])


# ---- binary formats


PICKLED = "Python objects, which are not unpickled"


def _numpy(path: Path) -> dict:
    with path.open("rb") as file:  # np.load leaves a damaged one open
        try:
            found = np.load(file, allow_pickle=False)
        except ValueError as error:
            raise _Fault(f"is damaged, or holds {PICKLED}") if "pickle" in str(error) else error from None
        if isinstance(found, np.ndarray):
            return {None: found}
        with found:
            return {key: _member(found, key) for key in found.files}


def _member(file, key: str):
    try:
        return file[key]
    except ValueError as error:
        if "pickle" in str(error):
            return PICKLED
        raise


def _matlab(path: Path) -> dict:
    with path.open("rb") as file:
        start = file.read(1024)
    if start.startswith(HDF5) or start[512:].startswith(HDF5):
        return _matlab_hdf5(path)
    from scipy.io import loadmat  # takes longer to import than this package

    found = loadmat(path, appendmat=False)
    return {key: _plain(value) for key, value in found.items() if not key.startswith("__")}


def _plain(value):
    """What SciPy makes of a MATLAB variable, as an array of numbers or as a word for what it is."""
    if hasattr(value, "toarray"):
        return value.toarray()
    return value if value.dtype.kind in "biufc" else "text" if value.dtype.kind in "US" else "a struct or cell"


def _matlab_hdf5(path: Path) -> dict:
    """Version 7.3 is HDF5, in which MATLAB's arrays have their axes in reversed order."""
    import h5py

    found = {}

    def take(key: str, item) -> None:
        kind = item.attrs.get("MATLAB_class", b"")
        if key.startswith("#"):  # what cells refer to
            return
        if "MATLAB_sparse" in item.attrs:
            found[key] = _hdf5_sparse(item)
        elif not isinstance(item, h5py.Dataset) or "MATLAB_sparse" in item.parent.attrs:
            return
        elif item.attrs.get("MATLAB_empty", 0) or kind in (b"char", "char") or item.dtype.kind not in "biufV":
            found[key] = "empty, text or a cell"
        else:
            value = item[()]
            found[key] = np.transpose(value["real"] + 1j * value["imag"] if value.dtype.names else value)

    with h5py.File(path, "r") as file:
        file.visititems(take)
    return found


def _hdf5_sparse(group) -> np.ndarray:
    from scipy.sparse import csc_matrix

    columns, rows = len(group["jc"]) - 1, int(group.attrs["MATLAB_sparse"])
    entries = (group["data"][()], group["ir"][()], group["jc"][()]) if "data" in group else None
    return csc_matrix(entries or (rows, columns), shape=(rows, columns)).toarray()


def _torch(path: Path) -> dict:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise _Fault("is damaged, or holds other Python objects than tensors; save module.state_dict()") from None
    if isinstance(found, torch.Tensor):
        return {None: found}
    while isinstance(found, Mapping) and (inner := [v for k in CONTAINERS if isinstance(v := found.get(k), Mapping)]):
        found = inner[0]
    if not isinstance(found, Mapping):
        raise _Fault(f"holds a {type(found).__name__}, not a tensor or a state_dict")
    return {str(key): value for key, value in found.items() if isinstance(value, torch.Tensor)}


def _safetensors(path: Path) -> dict:
    from safetensors.torch import load_file

    return load_file(path)


READERS: dict[str, Callable[[Path], dict]] = {
    ".csv": _text,
    ".tsv": _text,
    ".txt": _text,
    ".npy": _numpy,
    ".npz": _numpy,
    ".mat": _matlab,
    ".pt": _torch,
    ".pth": _torch,
    ".safetensors": _safetensors,
}
