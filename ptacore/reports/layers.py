"""Recurrent layers among named arrays, recognised by names and shapes, as modules with torch's order of gates."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import nn

from ptacore.models import ModuleMap, System
from ptacore.reports.cells import ACTIVATIONS, DEFAULTS, GATES, Weights, recurrent, reordered
from ptacore.reports.formats import DIRECTIONS, Node

STEPS = {
    "RNN": "h' = φ(U u + W h + b)",
    "GRU": "h' = (1 − z) n + z h, n = tanh(U u + b + r (W h + d))",
    "GRU, reset first": "h' = (1 − z) n + z h, n = tanh(U u + b + W (r h))",
    "LSTM": "c' = f c + i g, h' = o tanh(c')",
}


class NotRecurrent(ValueError):
    """What is given has no layer that is a map of its state."""


@dataclass(frozen=True)
class Layer:
    """A recurrent layer that was found.

    Attributes
    ----------
    name : str
        Where it is in the file.
    library : str
        Whose cell it is.
    cell : str
        RNN, GRU or LSTM, and what is special about it; or what else the system is.
    units, inputs, depth : int
        Units of each of its layers, inputs, number of stacked layers.
    system : callable
        From an input, as `ModuleMap` takes it, to the map of the state.
    read : tuple of str
        How its weights were understood.
    assumed : tuple of str
        What the file does not tell.
    module : nn.Module, optional
        The layer as a module, where it is one.
    """

    name: str
    library: str
    cell: str
    units: int
    inputs: int
    depth: int
    system: Callable[..., System]
    read: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    module: nn.Module | None = None

    @property
    def step(self) -> str:
        """The equation of its step."""
        return STEPS.get(self.cell, STEPS.get(self.cell.partition(",")[0], ""))


@dataclass(frozen=True)
class Refusal:
    """A part that looks recurrent and cannot be taken, and why."""

    name: str
    reason: str


@dataclass
class Found:
    """What a file or an object has: layers, refused parts, and the names and shapes of all other arrays."""

    layers: list[Layer] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    rest: dict[str, tuple[int, ...]] = field(default_factory=dict)


def find_layers(node: Node) -> Found:
    """Recurrent layers among the arrays of a file.

    Parameters
    ----------
    node : Node
        What `formats.read` returns.

    Returns
    -------
    Found

    Examples
    --------
    >>> from ptacore.reports.formats import read
    >>> found = find_layers(read(nn.GRU(3, 5, 2).state_dict()))
    >>> [(layer.cell, layer.units, layer.inputs, layer.depth) for layer in found.layers]
    [('GRU', 5, 3, 2)]
    """
    found = Found()
    _search(node, found)
    squares = {key: shape for key, shape in found.rest.items() if len(shape) == 2 and shape[0] == shape[1] > 1}
    if not found.layers and not found.refused and len(squares) == 1:
        (key,) = squares
        place, _, name = key.rpartition("/")
        found.layers.append(_square(node.at(place).arrays[name], key))
        del found.rest[key]
    return found


def _search(node: Node, found: Found) -> None:
    try:
        for recognise in RECOGNISERS:
            if (layer := recognise(node)) is not None:
                found.layers.append(layer)
                return
    except NotRecurrent as refusal:
        found.refused.append(Refusal(node.path or "weights", str(refusal)))
        return
    found.rest |= {f"{node.path}/{key}".lstrip("/"): array.shape for key, array in node.arrays.items()}
    for inner in node.nodes.values():
        _search(inner, found)


def _layer(
    node: Node,
    library: str,
    kind: str,
    weights: Sequence[Weights],
    read: Sequence[str] = (),
    assumed: Sequence[str] = (),
    activations: Sequence[str] | None = None,
    reset_first: bool = False,
) -> Layer:
    """A layer of these weights, once their shapes fit together."""
    gates = len(GATES[kind])
    weights = [own._replace(b=_vector(own.b), d=_vector(own.d)) for own in weights]
    for own in weights:
        size = own.W.shape[0] // gates
        out = size if own.projection is None else own.projection.shape[0]
        wanted = {"W": (gates * size, out), "U": (gates * size, own.U.shape[-1]), "b": (gates * size,)}
        wanted |= {"d": wanted["b"], "projection": (out, size), "peepholes": (3, size)}
        for name, shape in wanted.items():
            value = getattr(own, name)
            if value is None:
                continue
            if value.shape != shape or not size:
                words = {"W": "recurrent weights", "U": "input weights", "b": "bias", "d": "recurrent bias"}
                raise NotRecurrent(f"{words.get(name, name)} of a {kind}: expected {shape}, got {value.shape}")
            if not np.isfinite(value).all():
                raise NotRecurrent("its weights must be finite, and hold NaN or infinity")
    module = recurrent(kind, weights, activations, reset_first)
    cell = kind + (", reset first" if reset_first else "")
    cell += ", peepholes" if weights[0].peepholes is not None else ""
    activations = tuple(activations or DEFAULTS[kind])
    if activations != DEFAULTS[kind]:
        cell += f", {' and '.join(dict.fromkeys(activations))}"
    units = weights[0].W.shape[0] // gates
    return Layer(
        node.path or "weights", library, cell, units, weights[0].U.shape[1], len(weights),
        lambda input: ModuleMap(module, input), tuple(read), tuple(assumed), module,
    )  # fmt: skip


def _vector(value: np.ndarray | None) -> np.ndarray | None:
    """A bias, which MATLAB keeps as a row or a column."""
    return value.ravel() if value is not None and value.ndim == 2 and 1 in value.shape else value


def _square(W: np.ndarray, name: str) -> Layer:
    size = len(W)
    assumed = (
        "a square matrix alone: taken as the recurrent weights of tanh units without input or bias",
        "row i holds the weights onto unit i (its transpose has another spectrum)",
    )
    if not np.isfinite(W).all():
        raise ValueError(f"{name}: entries must be finite, got NaN or infinity")
    module = recurrent("RNN", [Weights(np.zeros((size, 1)), W)])
    return Layer(name, "none", "RNN", size, 0, 1, lambda input: ModuleMap(module), (), assumed, module)


# ---- torch and Equinox: weight_ih, weight_hh


DERIVED = re.compile(r"weight_[ih]h(_l\d+(_reverse)?)?_(raw|orig|g|v|u|mask)")
KINDS = {1: "RNN", 3: "GRU", 4: "LSTM"}


def _torch(node: Node) -> Layer | None:
    names = [*node.arrays, *(node.nodes["parametrizations"].nodes if "parametrizations" in node.nodes else ())]
    made = [name for name in names if DERIVED.fullmatch(name) or (name not in node.arrays and "weight_hh" in name)]
    if made:
        raise NotRecurrent(
            f"{made[0]} is what a weight is made from ahead of each forward (pruning, a norm, a parametrization); pass "
            "the module itself to ptacore.report, or remove that before you save its state_dict"
        )
    ends = [
        name.removeprefix("weight_hh") for name in node.arrays if re.fullmatch(r"weight_hh(_l\d+(_reverse)?)?", name)
    ]
    if not ends:
        return None
    if any(end.endswith("_reverse") for end in ends):
        raise NotRecurrent("is bidirectional, and so not a dynamical system in time; take one direction")
    if missing := [f"weight_ih{end}" for end in ends if f"weight_ih{end}" not in node.arrays]:
        raise NotRecurrent(f"has recurrent weights, but no {missing[0]}")
    if "bias_n" in node.arrays or "bias" in node.arrays:
        return _equinox(node)
    own = node.arrays
    layers = [
        Weights(own[f"weight_ih{end}"], own[f"weight_hh{end}"], own.get(f"bias_ih{end}"), own.get(f"bias_hh{end}"),
                own.get(f"weight_hr{end}"))
        for end in sorted(ends, key=lambda end: int(end[2:] or 0))
    ]  # fmt: skip
    kind = _kind(layers[0])
    assumed = ["tanh (a state_dict does not tell it from ReLU; pass the module itself where it is ReLU)"]
    return _layer(node, "torch", kind, layers, [f"gates in torch's order, {', '.join(GATES[kind])}"] * (kind != "RNN"),
                  assumed if kind == "RNN" else [])  # fmt: skip


def _kind(weights: Weights) -> str:
    """By how many rows there are for each column; of an LSTM with a projection, which has fewer columns, by that."""
    rows, columns = weights.W.shape if weights.W.ndim == 2 else (0, 1)
    if weights.projection is not None:
        return "LSTM"
    if rows % columns or rows // columns not in KINDS:
        hint = "; they look transposed" if columns and rows and columns % rows == 0 else ""
        raise NotRecurrent(f"recurrent weights: expected n, 3 n or 4 n rows for n columns, got {weights.W.shape}{hint}")
    return KINDS[rows // columns]


def _equinox(node: Node) -> Layer:
    own = node.arrays
    U, W, b, n = own["weight_ih"], own["weight_hh"], own.get("bias"), own.get("bias_n")
    kind = _kind(Weights(U, W))
    d = None
    if n is not None:
        d = np.zeros(len(W))
        d[-len(n) :] = n
    return _layer(node, "Equinox", kind, [Weights(U, W, b, d)], [f"gates in Equinox' order, {', '.join(GATES[kind])}"])


# ---- Keras: kernel, recurrent_kernel, bias


def _keras(node: Node) -> Layer | None:
    if "recurrent_kernel" not in node.arrays or "kernel" not in node.arrays:
        return None
    if any(part.startswith(DIRECTIONS) for part in node.path.split("/")):
        raise NotRecurrent("is one direction of a bidirectional layer, which is not a dynamical system in time")
    settings, own = node.settings, node.arrays
    U, W, bias = own["kernel"].T, own["recurrent_kernel"].T, own.get("bias")
    if U.ndim != 2 or W.ndim != 2:
        raise NotRecurrent("is convolutional: its state is a picture, for which there is no map here")
    told = {"SimpleRNN": "RNN", "GRU": "GRU", "LSTM": "LSTM"}.get(settings.get("class", "").removesuffix("Cell"))
    if settings and not told:
        raise NotRecurrent(f"is a {settings['class']}, which is none of Keras' SimpleRNN, GRU and LSTM")
    kind = told or _kind(Weights(U, W))
    assumed = [] if settings else ["activations as Keras' defaults (the file has no configuration)"]
    names = [settings.get("activation", "tanh")]
    if kind != "RNN":
        names.insert(0, settings.get("recurrent_activation", "sigmoid"))
    activations = [_activation(name) for name in names] + ([_activation(names[-1])] if kind == "LSTM" else [])
    if settings.get("go_backwards"):
        assumed.append("the layer reads its input from the end: so give it reversed")
    if kind != "GRU":
        return _layer(node, "Keras", kind, [Weights(U, W, bias)], _columns("i, f, c, o") * (kind == "LSTM"), assumed,
                      activations)  # fmt: skip
    after = settings.get("reset_after", True) if bias is None or settings else bias.ndim == 2
    if bias is None and not settings:
        assumed.append("reset_after=True, Keras' default (without biases nothing tells)")
    b, d = (None, None) if bias is None else bias if bias.ndim == 2 else (bias, None)
    U, W, b, d = (None if rows is None else reordered(rows, "zrn", "GRU") for rows in (U, W, b, d))
    read = [*_columns("z, r, h"), f"reset_after={after}"]
    return _layer(node, "Keras", kind, [Weights(U, W, b, d)], read, assumed, activations, reset_first=not after)


def _columns(order: str) -> list[str]:
    return [f"gates in the order {order}, transposed, put into torch's order"]


def _activation(name) -> str:
    name = name.get("config", name.get("class_name")) if isinstance(name, dict) else name
    name = name.get("name", str(name)) if isinstance(name, dict) else name
    if name not in ACTIVATIONS:
        hint = " (its slope differs between versions)" if "hard" in str(name) else ""
        raise NotRecurrent(f"activation {name!r}{hint}: there are {', '.join(ACTIVATIONS)}")
    return name


# ---- ONNX: W, R, B, P


def _onnx(node: Node) -> Layer | None:
    settings, own = node.settings, node.arrays
    if settings.get("library") != "ONNX":
        return None
    if settings["computed"]:
        raise NotRecurrent(f"its {settings['computed'][0]} is computed in the graph; fold constants before you save it")
    direction = settings.get("direction", b"forward").decode()
    if direction == "bidirectional":
        raise NotRecurrent("is bidirectional, and so not a dynamical system in time; take one direction")
    for name, what in (("clip", "a clipped pre-activation"), ("input_forget", "coupled input and forget gates")):
        if settings.get(name):
            raise NotRecurrent(f"{name}={settings[name]}: {what} has no counterpart here")
    if settings.get("activation_alpha") or settings.get("activation_beta"):
        raise NotRecurrent("activation_alpha, activation_beta: activations with parameters have no counterpart here")
    kind = settings["class"]
    told = [name.decode().lower() for name in settings.get("activations", [])]
    activations = [_activation({"affine": "linear"}.get(name, name)) for name in told] or None
    order = {"RNN": "h", "GRU": "zrn", "LSTM": "iofg"}[kind]

    def gates(rows: np.ndarray) -> np.ndarray:
        return rows if kind == "RNN" else reordered(rows, order, kind)

    U, W = gates(own["W"][0]), gates(own["R"][0])
    b, d = (gates(half) for half in np.split(own["B"][0], 2)) if "B" in own else (None, None)
    peepholes = own["P"][0].reshape(3, -1)[[0, 2, 1]] if "P" in own else None  # i, o, f
    first = kind == "GRU" and not settings.get("linear_before_reset", 0)
    read = [f"gates in ONNX' order, {', '.join(order.replace('n', 'h').replace('g', 'c'))}, put into torch's order"]
    read = read * (kind != "RNN") + [f"linear_before_reset={int(not first)}"] * (kind == "GRU")
    assumed = ["the layer reads its input from the end: so give it reversed"] if direction == "reverse" else []
    weights = Weights(U, W, b, d, peepholes=peepholes)
    return _layer(node, "ONNX", kind, [weights], read, assumed, activations, reset_first=first)


# ---- Flax and Haiku


FLAX = {"GRU": ("r", "z", "n"), "LSTM": ("i", "f", "g", "o"), "MGU": ("f", "n"), "RNN": ("",)}


def _flax(node: Node) -> Layer | None:
    """A part for each gate, named by what it reads (i, h) and the gate; or, in nnx, one for all gates."""
    parts = {name.rstrip("_"): part.arrays for name, part in node.nodes.items() if "kernel" in part.arrays}
    if {"dense_i", "dense_h"} <= parts.keys():
        return _nnx(node, parts["dense_i"], parts["dense_h"])
    assumed = ["gates sigmoid, activation tanh, as Flax' defaults (a tree does not tell)"]
    kind = next(
        (kind for kind, gates in FLAX.items() if {side + gate for side in "ih" for gate in gates} <= parts.keys()), None
    )
    if kind is None:
        return None
    gates = FLAX[kind]
    if any(part["kernel"].ndim != 2 for part in parts.values()):
        raise NotRecurrent("is convolutional: its state is a picture, for which there is no map here")
    if kind == "MGU":  # a GRU whose two gates are one
        gates = ("f", "f", "n")
        assumed.append("reset_gate=True, Flax' default")
    size = parts["h" + gates[-1]]["kernel"].shape[1]
    U, W = (np.concatenate([parts[side + gate]["kernel"].T for gate in gates]) for side in "ih")
    b, d = (np.concatenate([parts[side + gate].get("bias", np.zeros(size)) for gate in gates]) for side in "ih")
    read = [f"a part for each gate, {', '.join(dict.fromkeys(gates))}"] * (kind != "RNN")
    return _layer(node, "Flax", "GRU" if kind == "MGU" else kind, [Weights(U, W, b, d)], read, assumed)


def _nnx(node: Node, of_input: dict, of_state: dict) -> Layer:
    U, W = of_input["kernel"].T, of_state["kernel"].T
    kind = _kind(Weights(U, W))
    read = [f"gates in nnx' order, {', '.join(GATES[kind])}, transposed"] * (kind != "RNN")
    assumed = ["gates sigmoid, activation tanh, as Flax' defaults (a tree does not tell)"]
    if kind == "RNN":
        assumed.append("residual=False, Flax' default")
    return _layer(node, "Flax", kind, [Weights(U, W, of_input.get("bias"), of_state.get("bias"))], read, assumed)


def _haiku(node: Node) -> Layer | None:
    own = node.arrays
    if {"w_i", "w_h", "b"} <= own.keys():
        U, W, b = (reordered(rows, "zrn", "GRU") for rows in (own["w_i"].T, own["w_h"].T, own["b"]))
        n = len(W) // 3
        for rows in (U, W, b):
            rows[n : 2 * n] *= -1  # Haiku's z is 1 - z
        read = ["gates in Haiku's order, z, r, a, put into torch's order, with 1 - z for z"]
        return _layer(node, "Haiku", "GRU", [Weights(U, W, b)], read, reset_first=True)
    linear = [part.arrays for name, part in node.nodes.items() if name.startswith("linear") and "w" in part.arrays]
    if len(linear) == 1 and "lstm" in node.path:
        w = linear[0]["w"].T
        n = len(w) // 4
        if len(w) % 4 or w.shape[1] <= n:
            return None
        b = linear[0].get("b", np.zeros(len(w))).copy()
        b[2 * n : 3 * n] += 1
        w, b = reordered(w, "igfo", "LSTM"), reordered(b, "igfo", "LSTM")
        read = ["gates in Haiku's order, i, g, f, o, put into torch's order, with 1 added to f"]
        return _layer(node, "Haiku", "LSTM", [Weights(w[:, :-n], w[:, -n:], b)], read)
    if len(linear) == 2 and "vanilla_rnn" in node.path:
        into, back = linear
        return _layer(node, "Haiku", "RNN", [Weights(into["w"].T, back["w"].T, into.get("b"), back.get("b"))],
                      ["linear reads the input, linear_1 the state"], activations=["relu"])  # fmt: skip
    return None


RECOGNISERS = (_onnx, _torch, _keras, _flax, _haiku)


# ---- objects


def layers_of(object) -> Found:
    """Recurrent layers of a module or a map.

    Parameters
    ----------
    object : torch.nn.Module or System
        A module is searched for torch's recurrent layers and cells; where it has none, it is taken as a whole.

    Returns
    -------
    Found

    Raises
    ------
    NotRecurrent
        If it is neither, or a system that is a flow or driven.
    """
    if isinstance(object, System):
        if object.kind != "map" or object.driven:
            raise NotRecurrent(f"object: expected a map that is not driven, got {object!r}")
        return Found([Layer("the system", "ptacore", type(object).__name__, object.dim, 0, 1, lambda input: object)])
    parts = [(name, part) for name, part in object.named_modules() if isinstance(part, (nn.RNNBase, nn.RNNCellBase))]
    found = Found()
    for name, part in parts or [("", object)]:
        try:
            found.layers.append(_of_module(name or type(part).__name__, part))
        except (ValueError, TypeError) as error:
            reason = f"cannot be followed: {str(error).removeprefix('module: ')}"
            found.refused.append(Refusal(name or type(part).__name__, reason))
    return found


def _of_module(name: str, module: nn.Module) -> Layer:
    map = ModuleMap(module)
    depth = getattr(module, "num_layers", 1)
    kind = type(module).__name__.removesuffix("Cell")
    if kind == "RNN" and "relu" in str(getattr(module, "nonlinearity", "")):
        kind = "RNN, relu"
    units = getattr(module, "hidden_size", map.dim)
    return Layer(name, "torch", kind, units, map.net.n_inputs, depth, lambda input: ModuleMap(module, input),
                 ("the module's own weights and forward, as in eval()",), (), module)  # fmt: skip
