"""Files of several libraries, and what is held in memory, as named arrays with what is known of their layers."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import Tensor

from ptacore.checks import to_array
from ptacore.models.weight_files import read_arrays, split_entry

SEPARATORS = re.compile(r"[/.\[\]'\"]+")  # of paths, of attributes, and of what jax.tree_util.keystr writes
KERAS_WEIGHTS = ("kernel", "recurrent_kernel", "bias")  # in the order of their numbers in a file
DIRECTIONS = ("forward_", "backward_")  # of a Bidirectional's two layers


@dataclass
class Node:
    """Arrays that a file holds in one place, and the places within it.

    Attributes
    ----------
    path : str
        Where it is, its parts joined by "/"; "" at the top.
    arrays : dict of ndarray
        By the last part of their names.
    nodes : dict of Node
        By the next part of their paths.
    settings : dict
        What the file says about the layer: its class, activations and the like; empty where it says nothing.
    """

    path: str = ""
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    settings: dict = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def put(self, name: str, value: np.ndarray) -> None:
        """Add an array under a name with the separators of any of the libraries."""
        *parents, last = [part for part in SEPARATORS.split(name) if part] or [name]
        if last == "value" and parents:  # which Flax puts below a parameter's name
            *parents, last = parents
        self.at("/".join(parents)).arrays[last] = value

    def at(self, path: str) -> Node:
        """The node at a path below this one, made where there is none."""
        node = self
        for part in filter(None, path.split("/")):
            node = node.nodes.setdefault(part, Node(f"{node.path}/{part}".lstrip("/")))
        return node

    def walk(self) -> Iterator[Node]:
        yield self
        for node in self.nodes.values():
            yield from node.walk()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of all arrays here and below, by path."""
        return {f"{node.path}/{key}".lstrip("/"): array.shape
                for node in self.walk() for key, array in node.arrays.items()}  # fmt: skip


def read(source) -> Node:
    """All arrays of a file, or of a nested mapping.

    Parameters
    ----------
    source : path or mapping
        A file of torch (.pt, .pth), safetensors, NumPy (.npz, .npy), MATLAB (.mat), Keras (.keras, .h5, .hdf5), ONNX
        (.onnx) or a table (.csv, .tsv, .txt); or a mapping such as a ``state_dict`` or the parameters of Flax.

    Returns
    -------
    Node

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        If there is no such file, it cannot be read, or a package that reads it is missing.

    Examples
    --------
    >>> node = read({"params": {"GRUCell_0": {"hr": {"kernel": np.zeros((2, 2))}}}})
    >>> node.shapes()
    {'params/GRUCell_0/hr/kernel': (2, 2)}
    """
    top = Node()
    if isinstance(source, Mapping):
        for name, value in _flat(source):
            top.put(name, to_array(value, f"object: {name}"))
        return top
    path = split_entry(source)[0]
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        for name, value in read_arrays(source, "object").items():
            top.put(name, value)
        return top
    if not path.exists():
        raise FileNotFoundError(f"object: no file {path}")
    if path.is_dir():
        raise ValueError(f"object: {path}: expected a file, got a folder")
    try:
        reader(path, top)
    except ImportError as error:
        raise ImportError(f"object: {path}: needs {error.name}: pip install 'ptacore[report]'") from None
    except ValueError as error:
        raise ValueError(f"object: {path}: {error}") from None
    except Exception as error:  # readers raise all sorts of errors at damaged files
        fault = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"object: {path}: cannot be read ({fault})") from None
    return top


def _flat(tree: Mapping, above: str = "") -> Iterator[tuple[str, object]]:
    for key, value in tree.items():
        name = f"{above}/{key}".lstrip("/")
        if isinstance(value, Mapping):
            yield from _flat(value, name)
        elif isinstance(value, Tensor) or hasattr(value, "shape"):
            yield name, value


# ---- Keras


def _keras_zip(path: Path, top: Node) -> None:
    with zipfile.ZipFile(path) as archive:
        config, weights = json.loads(archive.read("config.json")), io.BytesIO(archive.read("model.weights.h5"))
    _keras_hdf5(weights, top, config)


def _hdf5(path: Path, top: Node) -> None:
    _keras_hdf5(path, top, None)


def _keras_hdf5(file, top: Node, config: dict | None) -> None:
    """Weights as Keras 2 and 3 keep them: under their names, or numbered, beside a group that has the layer's name."""
    import h5py

    with h5py.File(file, "r") as held:
        if config is None and "model_config" in held.attrs:
            config = json.loads(held.attrs["model_config"])
        settings, arrays = dict(_keras_layers(config)), {}
        held.visititems(lambda key, item: arrays.update({key: item[()]}) if isinstance(item, h5py.Dataset) else None)
        for key, value in arrays.items():
            if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf":
                continue
            own = _keras_names(held, key)
            top.put("/".join(own), value.astype(float))
            known = next((settings[name] for name in reversed(own[:-1]) if name in settings), None)
            if known:
                top.at("/".join(own[:-1])).settings = known


def _keras_names(held, key: str) -> list[str]:
    """The path of a variable by the names that layers were given: layers/gru_1/cell/vars/0 -> mine/kernel."""
    *groups, last = key.split("/")
    if "vars" not in groups:
        if "model_weights" in groups:
            groups = groups[groups.index("model_weights") + 1 :]
            own = groups[:1]  # then the model's name or the layer's again, and the cell's
            groups = [*own, *(group for group in groups[2:] if group not in own)]
        return [*groups, last.partition(":")[0]]
    names = []
    for i, group in enumerate(groups[:-1]):
        if group not in ("layers", "cell", "cells"):
            own = held.get("/".join([*groups[: i + 1], "vars"]))
            told = own is not None and not group.startswith(DIRECTIONS)
            names.append(str(own.attrs.get("name", group)) if told else group)
    return [*names, KERAS_WEIGHTS[int(last)] if "cell" in groups and last in ("0", "1", "2") else last]


def _keras_layers(config) -> Iterator[tuple[str, dict]]:
    """Name and settings of each layer in a model's configuration; what a wrapper does is set on what it wraps."""
    if isinstance(config, list):
        for part in config:
            yield from _keras_layers(part)
    elif isinstance(config, dict):
        own = config.get("config")
        if isinstance(own, dict) and "name" in own and "class_name" in config:
            cell = own.get("cell")
            inner = cell if isinstance(cell, dict) else {}
            kind = inner.get("class_name", config["class_name"])
            yield own["name"], {"library": "Keras", "class": kind, **own, **(inner.get("config") or {})}
        for part in config.values():
            yield from _keras_layers(part)


# ---- ONNX


def _onnx(path: Path, top: Node) -> None:
    """The nodes RNN, GRU and LSTM with their weights, and all other initializers."""
    import onnx
    from onnx import helper, numpy_helper

    graph = onnx.load(path).graph
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    held |= {
        node.output[0]: numpy_helper.to_array(node.attribute[0].t)
        for node in graph.node
        if node.op_type == "Constant" and node.attribute[0].name == "value"
    }
    taken = set()
    for number, node in enumerate(graph.node):
        if node.op_type not in ("RNN", "GRU", "LSTM"):
            continue
        place = top.at("/".join(p for p in SEPARATORS.split(node.name or f"{node.op_type}_{number}") if p))
        place.settings = {"library": "ONNX", "class": node.op_type, "computed": []}
        place.settings |= {a.name: helper.get_attribute_value(a) for a in node.attribute}
        slots = {"W": 1, "R": 2, "B": 3, "P": 7}
        for key, slot in slots.items():
            name = node.input[slot] if slot < len(node.input) else ""
            if name in held:
                place.arrays[key] = held[name].astype(float)
                taken.add(name)
            elif name:
                place.settings["computed"].append(key)
    for tensor in graph.initializer:
        value = held[tensor.name]
        if tensor.name not in taken and value.dtype.kind == "f":
            top.put(tensor.name, value.astype(float))


READERS = {".keras": _keras_zip, ".h5": _hdf5, ".hdf5": _hdf5, ".onnx": _onnx}
