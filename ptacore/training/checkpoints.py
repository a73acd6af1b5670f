"""Checkpoints that are whole or absent: written atomically, sealed by a hash, the one before kept."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import warnings
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from ptacore import checks
from ptacore.checks import place

HEADER = b"ptacore checkpoint 1\n"
NEWEST, PREVIOUS = NAMES = ("checkpoint.pt", "checkpoint.previous.pt")
WEIGHTS = "weights.npz"  # of the best epoch, in half precision: small enough to be kept beside a record


class CheckpointError(RuntimeError):
    """No checkpoint of a folder can be used."""


@contextmanager
def alone_in(folder: Path, otherwise: str, timeout: float = 0):
    """Keep other processes from working in a folder; a RuntimeError, "`otherwise` FOLDER", if one already does."""
    from filelock import FileLock, Timeout  # slow to import, needed here only

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=timeout)
    except Timeout:
        raise RuntimeError(f"{otherwise} {folder}") from None
    try:
        yield
    finally:
        lock.release()


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that holds its old content or the new one, also after an interruption."""
    scratch = path.with_name(f".{path.name}.new")
    try:
        with open(scratch, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def save(folder: Path, run: str, state: dict) -> None:
    """Write a checkpoint of a run and keep the one before it.

    Parameters
    ----------
    folder : Path
        Folder of the run.
    run : str
        What tells this run from others.
    state : dict
        Made of tensors, numbers, texts, lists and dicts.
    """
    buffer = io.BytesIO()
    torch.save({"run": run, "state": state}, buffer)
    payload = buffer.getvalue()
    newest, previous = (folder / name for name in NAMES)
    if newest.exists():
        os.replace(newest, previous)
    write_atomically(newest, HEADER + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload)


def clear(folder: Path) -> None:
    """Remove what only a run that goes on needs."""
    for name in (*NAMES, ".lock"):
        (folder / name).unlink(missing_ok=True)


def cleared(folder: Path) -> bool:
    """Whether a run has ended and was then cleared: all that was to be kept of it is there."""
    return (folder / "summary.json").exists() and not any((folder / name).exists() for name in NAMES)


def can_hold(state) -> bool:
    """Whether a checkpoint gives this back: a dict of tensors, numbers, texts, lists and dicts."""
    try:
        torch.save(state, buffer := io.BytesIO())
        buffer.seek(0)
        torch.load(buffer, weights_only=True)
    except (pickle.PicklingError, pickle.UnpicklingError, AttributeError, TypeError):
        return False
    return isinstance(state, dict)


def load(folder: Path, run: str, device: torch.device | str = "cpu") -> dict | None:
    """The newest good checkpoint of a run; None where the folder has none at all.

    Warns of a checkpoint that had to be passed over, with the reason.

    Raises
    ------
    CheckpointError
        If there are checkpoints and none can be used; the message says why for each.
    """
    refused = []
    for path in (folder / name for name in NAMES):
        if path.exists():
            try:
                state = _read(path, run, device)
            except CheckpointError as error:
                refused.append(f"{path}: {error}")
                continue
            for reason in refused:
                warnings.warn(f"{reason}; {path.name} is used, the last good checkpoint", stacklevel=3)
            if refused:  # it would be put over the good one by `save`
                os.replace(folder / NEWEST, folder / "checkpoint.refused.pt")
            return state
    if refused:
        raise CheckpointError("; ".join(refused) + f". Remove them from {folder} to begin the run anew")
    return None


def load_weights(folder: str | Path, device: torch.device | str = "cpu") -> dict[str, torch.Tensor]:
    """The weights of a run's best epoch, for ``model.load_state_dict``.

    Warns of a damaged file that had to be passed over; an older checkpoint may have an earlier best epoch.

    Parameters
    ----------
    folder : str or Path
        Folder of a run, ended or not. Some recorded runs of the repository come with ``weights.npz``, most without.
    device : torch.device or str

    Returns
    -------
    dict of Tensor
        As they were trained where the folder has a checkpoint; where it has ``weights.npz`` only, rounded to half
        precision (one part in 2,000).

    Raises
    ------
    CheckpointError
        If there is neither a good checkpoint nor a good ``weights.npz``.
    """
    folder, device = checks.folder("folder", folder), place("device", device)
    refused = []
    for path in (folder / name for name in (*NAMES, WEIGHTS)):
        if path.exists():
            try:
                weights = _read_weights(path, device) if path.name == WEIGHTS else _read(path, None, device)["best"]
            except CheckpointError as error:
                refused.append(f"{path}: {error}")
                continue
            if refused:
                warnings.warn(f"{'; '.join(refused)}; {path.name} is used", stacklevel=2)
            return weights
    raise CheckpointError("; ".join(refused) or f"{folder}: has no checkpoint, and so no weights")


def save_weights(folder: Path, weights: dict[str, torch.Tensor], exact: bool = False) -> None:
    """Write the weights of a run's best epoch in half precision, beside its record; `exact`: as they are.

    A weight too large for half precision (65,504) makes the whole file single precision.
    """
    if not exact:
        floats = [w for w in weights.values() if w.is_floating_point()]
        fits = all(w.abs().max() <= torch.finfo(torch.half).max for w in floats if w.numel())
        dtype = torch.half if fits else torch.float
        weights = {name: w.to(dtype) if w.is_floating_point() else w for name, w in weights.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{name: w.cpu().numpy() for name, w in weights.items()})
    write_atomically(folder / WEIGHTS, buffer.getvalue())


def _read_weights(path: Path, device: torch.device | str) -> dict[str, torch.Tensor]:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            weights = {name: torch.from_numpy(file[name]).to(device) for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"cannot be read ({error})") from error
    return {name: w.float() if w.is_floating_point() else w for name, w in weights.items()}


def _read(path: Path, run: str | None, device: torch.device | str) -> dict:
    content = path.read_bytes()
    if not content.startswith(HEADER):
        if HEADER.startswith(content):
            raise CheckpointError("cut off in its first line")
        raise CheckpointError("not a checkpoint of ptacore")
    digest, _, payload = content[len(HEADER) :].partition(b"\n")
    if hashlib.sha256(payload).hexdigest().encode() != digest:
        raise CheckpointError("truncated or damaged: its content does not have the hash that was recorded")
    try:
        found = torch.load(io.BytesIO(payload), map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError("holds more than tensors, numbers and texts") from error
    if run is not None and found["run"] != run:
        raise CheckpointError("of another run: its task, network, settings or initial weights differ from these")
    return found["state"]
