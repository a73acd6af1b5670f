"""Layers found among arrays step as their libraries define it: each definition is written out here once more."""

import numpy as np
import pytest
import torch
from torch import nn

import ptacore as pta
from ptacore.reports.formats import Node, read
from ptacore.reports.layers import NotRecurrent, find_layers, layers_of

M, N, T = 3, 4, 7


def drawn(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape) / 2


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def only(arrays, settings=None):
    node = read(arrays)
    if settings:
        for inner in node.walk():
            if inner.arrays:
                inner.settings = settings
    (layer,) = find_layers(node).layers
    return layer


def check(layer, step, states=1):
    """The layer's map takes the same path as a step (u, *state) -> (h, ...), written in numpy."""
    state = [drawn(layer.units, seed=s) for s in range(states)]
    x = torch.tensor(np.concatenate(state))
    for u in drawn(T, M, seed=9):
        x = layer.system(torch.tensor(u))(x)
        state = step(u, *state)
        state = list(state) if states > 1 else [state]
        np.testing.assert_allclose(x, np.concatenate(state), rtol=0, atol=1e-12)
    driven = layer.system(torch.tensor(drawn(T, M, seed=9)))
    start = torch.tensor(np.concatenate([drawn(layer.units, seed=s) for s in range(states)]))
    np.testing.assert_allclose(pta.trajectory(driven, start, duration=T).state, x, rtol=0, atol=1e-12)


# ---- Keras and ONNX


def keras(gates, bias=None):
    """Kernels, and a bias of one or two rows, or none."""
    arrays = {"gru/kernel": drawn(M, gates * N), "gru/recurrent_kernel": drawn(N, gates * N)}
    return arrays if bias is None else arrays | {"gru/bias": drawn(*bias, gates * N)}


def keras_gru(arrays, after, gate=sigmoid, act=np.tanh):
    K, R = arrays["gru/kernel"], arrays["gru/recurrent_kernel"]
    bias = np.broadcast_to(arrays.get("gru/bias", 0.0), (2, 3 * N)) if after else None

    def step(u, h):
        if after:
            xz, xr, xh = np.split(u @ K + bias[0], 3)
            hz, hr, hh = np.split(h @ R + bias[1], 3)
            z, r = gate(xz + hz), gate(xr + hr)
            return z * h + (1 - z) * act(xh + r * hh)
        xz, xr, xh = np.split(u @ K + arrays.get("gru/bias", 0.0), 3)
        Rz, Rr, Rh = np.split(R, 3, axis=1)
        z, r = gate(xz + h @ Rz), gate(xr + h @ Rr)
        return z * h + (1 - z) * act(xh + (r * h) @ Rh)

    return step


def test_keras_gru_with_its_bias_in_two_rows_resets_after_the_product():
    arrays = keras(3, (2,))
    layer = only(arrays)
    assert (layer.library, layer.cell, layer.units, layer.inputs) == ("Keras", "GRU", N, M)
    assert isinstance(layer.module, nn.GRU)
    check(layer, keras_gru(arrays, after=True))


def test_keras_gru_with_its_bias_in_one_row_resets_before_the_product():
    arrays = keras(3, ())
    layer = only(arrays)
    assert layer.cell == "GRU, reset first"
    check(layer, keras_gru(arrays, after=False))


@pytest.mark.parametrize("after", [True, False])
def test_keras_gru_without_bias_is_told_by_the_configuration(after):
    arrays = keras(3)
    check(only(arrays, {"class": "GRU", "reset_after": after}), keras_gru(arrays, after))


def test_keras_gru_without_bias_or_configuration_says_what_it_assumes():
    layer = only(keras(3))
    assert any("reset_after=True" in line for line in layer.assumed)


def test_keras_activations_other_than_the_defaults_are_computed():
    arrays = keras(3, (2,))
    settings = {"class": "GRU", "activation": "relu", "recurrent_activation": "softsign"}
    layer = only(arrays, settings)
    assert layer.cell == "GRU, softsign and relu"
    gate = lambda x: x / (1 + np.abs(x))  # noqa: E731
    check(layer, keras_gru(arrays, True, gate, lambda x: np.maximum(x, 0)))


@pytest.mark.parametrize("name", ["tanh", "relu", "linear", "sigmoid"])
def test_keras_simple_rnn(name):
    arrays = keras(1, ())
    phi = {"tanh": np.tanh, "relu": lambda x: np.maximum(x, 0), "linear": lambda x: x, "sigmoid": sigmoid}[name]
    step = lambda u, h: phi(u @ arrays["gru/kernel"] + h @ arrays["gru/recurrent_kernel"] + arrays["gru/bias"])  # noqa: E731
    check(only(arrays, {"class": "SimpleRNN", "activation": name}), step)


@pytest.mark.parametrize("name", ["tanh", "relu"])
def test_keras_lstm(name):
    arrays, phi = keras(4, ()), {"tanh": np.tanh, "relu": lambda x: np.maximum(x, 0)}[name]

    def step(u, h, c):
        i, f, g, o = np.split(u @ arrays["gru/kernel"] + h @ arrays["gru/recurrent_kernel"] + arrays["gru/bias"], 4)
        c = sigmoid(f) * c + sigmoid(i) * phi(g)
        return sigmoid(o) * phi(c), c

    check(only(arrays, {"class": "LSTM", "activation": name}), step, states=2)


def onnx_node(kind, **settings):
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[kind]
    node = Node()
    place = node.at("layer")
    place.settings = {"library": "ONNX", "class": kind, "computed": [], **settings}
    place.arrays |= {"W": drawn(1, gates * N, M), "R": drawn(1, gates * N, N), "B": drawn(1, 2 * gates * N)}
    return node, place.arrays


@pytest.mark.parametrize("before", [0, 1])
def test_onnx_gru(before):
    node, own = onnx_node("GRU", linear_before_reset=before)

    def step(u, h):
        (Wz, Wr, Wh), (Rz, Rr, Rh), B = np.split(own["W"][0], 3), np.split(own["R"][0], 3), np.split(own["B"][0], 6)
        z, r = sigmoid(Wz @ u + Rz @ h + B[0] + B[3]), sigmoid(Wr @ u + Rr @ h + B[1] + B[4])
        n = Wh @ u + B[2] + (r * (Rh @ h + B[5]) if before else Rh @ (r * h) + B[5])
        return (1 - z) * np.tanh(n) + z * h

    (layer,) = find_layers(node).layers
    assert layer.cell == ("GRU" if before else "GRU, reset first")
    check(layer, step)


@pytest.mark.parametrize("peepholes", [False, True])
def test_onnx_lstm(peepholes):
    node, own = onnx_node("LSTM")
    P = np.zeros(3 * N)
    if peepholes:
        P = own["P"] = drawn(1, 3 * N)
    Pi, Po, Pf = np.split(P.ravel(), 3)

    def step(u, h, c):
        B = own["B"][0]
        i, o, f, g = np.split(own["W"][0] @ u + own["R"][0] @ h + B[: 4 * N] + B[4 * N :], 4)
        new = sigmoid(f + Pf * c) * c + sigmoid(i + Pi * c) * np.tanh(g)
        return sigmoid(o + Po * new) * np.tanh(new), new

    (layer,) = find_layers(node).layers
    check(layer, step, states=2)


def test_onnx_rnn_with_relu():
    node, own = onnx_node("RNN", activations=[b"Relu"])
    step = lambda u, h: np.maximum(own["W"][0] @ u + own["R"][0] @ h + own["B"][0][:N] + own["B"][0][N:], 0)  # noqa: E731
    check(find_layers(node).layers[0], step)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"direction": b"bidirectional"}, "bidirectional"),
        ({"clip": 1.0}, "clip"),
        ({"input_forget": 1}, "input_forget"),
        ({"activations": [b"HardSigmoid", b"Tanh"]}, "hardsigmoid"),
        ({"activations": [b"Sigmoid", b"Tanh"], "activation_alpha": [1.0]}, "activation_alpha"),
        ({"computed": ["W"]}, "computed in the graph"),
    ],
)
def test_onnx_terms_without_counterpart_are_refused_by_name(settings, told):
    node, _ = onnx_node("GRU", **settings)
    found = find_layers(node)
    assert not found.layers
    assert told in found.refused[0].reason


# ---- Flax, Equinox, Haiku, in the separators in which trees are saved


def tree(separator, **arrays):
    return {name.replace("__", separator): value for name, value in arrays.items()}


@pytest.mark.parametrize("separator", ["/", "."])
@pytest.mark.parametrize("biased", ["linen", "nnx"])
def test_flax_gru(separator, biased):
    parts = {
        f"params__GRUCell_0__{s}{g}__kernel": drawn({"i": M, "h": N}[s], N, seed=ord(g)) for s in "ih" for g in "rzn"
    }
    parts |= {f"params__GRUCell_0__i{g}__bias": drawn(N, seed=ord(g)) for g in "rzn"}
    own = dict(parts)
    if biased == "linen":
        own["params__GRUCell_0__hn__bias"] = drawn(N, seed=5)
    at = lambda name: own.get(f"params__GRUCell_0__{name}", 0.0)  # noqa: E731

    def step(u, h):
        r, z = (sigmoid(u @ at(f"i{g}__kernel") + at(f"i{g}__bias") + h @ at(f"h{g}__kernel")) for g in "rz")
        n = np.tanh(u @ at("in__kernel") + at("in__bias") + r * (h @ at("hn__kernel") + at("hn__bias")))
        return (1 - z) * n + z * h

    layer = only(tree(separator, **own))
    assert (layer.library, layer.name) == ("Flax", "params/GRUCell_0")
    check(layer, step)


@pytest.mark.parametrize("forget", ["if", "if_"])
def test_flax_lstm(forget):
    own = {f"{s}{g}": drawn({"i": M, "h": N}[s], N, seed=ord(g)) for s in "ih" for g in "ifgo"}
    bias = {g: drawn(N, seed=ord(g)) for g in "ifgo"}
    arrays = {f"cell/{forget if name == 'if' else name}/kernel": value for name, value in own.items()}
    arrays |= {f"cell/h{g}/bias": value for g, value in bias.items()}

    def step(u, h, c):
        i, f, g, o = (u @ own[f"i{x}"] + h @ own[f"h{x}"] + bias[x] for x in "ifgo")
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    check(only(arrays), step, states=2)


def test_flax_minimal_gated_unit():
    own = {f"{s}{g}": drawn({"i": M, "h": N}[s], N, seed=ord(g)) for s in "ih" for g in "fn"}
    bias = {name: drawn(N, seed=len(name) + ord(name[1])) for name in ("if", "in", "hn")}
    arrays = {f"{name}.kernel": value for name, value in own.items()} | {f"{k}.bias": v for k, v in bias.items()}

    def step(u, h):
        f = sigmoid(u @ own["if"] + bias["if"] + h @ own["hf"])
        return (1 - f) * np.tanh(u @ own["in"] + bias["in"] + f * (h @ own["hn"] + bias["hn"])) + f * h

    check(only(arrays), step)


@pytest.mark.parametrize(("gates", "cell"), [(1, "RNN"), (3, "GRU"), (4, "LSTM")])
def test_flax_nnx_cells_of_two_dense_parts(gates, cell):
    A, B, b = drawn(M, gates * N), drawn(N, gates * N), drawn(gates * N)
    where = "dense_h" if gates == 4 else "dense_i"
    arrays = {"0.cell.dense_i.kernel.value": A, "0.cell.dense_h.kernel.value": B, f"0.cell.{where}.bias.value": b}

    def step(u, h, c=None):
        if gates == 1:
            return np.tanh(u @ A + b + h @ B)
        if gates == 4:
            i, f, g, o = np.split(u @ A + h @ B + b, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            return sigmoid(o) * np.tanh(c), c
        (ar, az, an), (hr, hz, hn) = np.split(u @ A + b, 3), np.split(h @ B, 3)
        r, z = sigmoid(ar + hr), sigmoid(az + hz)
        return (1 - z) * np.tanh(an + r * hn) + z * h

    layer = only(arrays)
    assert layer.cell == cell
    check(layer, step, states=2 if gates == 4 else 1)


def test_equinox_gru_and_lstm_under_names_of_keystr():
    U, W, b, n = drawn(3 * N, M), drawn(3 * N, N), drawn(3 * N), drawn(N)

    def gru(u, h):
        (ir, iz, i_n), (hr, hz, hn) = np.split(U @ u + b, 3), np.split(W @ h, 3)
        r, z = sigmoid(ir + hr), sigmoid(iz + hz)
        new = np.tanh(i_n + r * (hn + n))
        return new + z * (h - new)

    layer = only({".cell.weight_ih": U, ".cell.weight_hh": W, ".cell.bias": b, ".cell.bias_n": n})
    assert (layer.library, layer.name) == ("Equinox", "cell")
    check(layer, gru)
    A, B, e = drawn(4 * N, M), drawn(4 * N, N), drawn(4 * N)

    def lstm(u, h, c):
        i, f, g, o = np.split(A @ u + B @ h + e, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    check(only({"['a'].weight_ih": A, "['a'].weight_hh": B, "['a'].bias": e}), lstm, states=2)


def test_haiku_gru_has_the_other_z_and_resets_first():
    own = {"gru/w_i": drawn(M, 3 * N), "gru/w_h": drawn(N, 3 * N), "gru/b": drawn(3 * N)}

    def step(u, h):
        x = u @ own["gru/w_i"] + own["gru/b"]
        z, r = np.split(sigmoid(x[: 2 * N] + h @ own["gru/w_h"][:, : 2 * N]), 2)
        return (1 - z) * h + z * np.tanh(x[2 * N :] + (r * h) @ own["gru/w_h"][:, 2 * N :])

    check(only(own), step)


def test_haiku_lstm_adds_one_to_the_forget_gate():
    w, b = drawn(M + N, 4 * N), drawn(4 * N)

    def step(u, h, c):
        i, g, f, o = np.split(np.concatenate([u, h]) @ w + b, 4)
        c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    layer = only({"lstm/linear": {"w": w, "b": b}})
    assert layer.library == "Haiku"
    check(layer, step, states=2)


def test_haiku_vanilla_rnn_is_rectified():
    own = {
        "vanilla_rnn/linear": {"w": drawn(M, N), "b": drawn(N)},
        "vanilla_rnn/linear_1": {"w": drawn(N, N), "b": drawn(N, seed=2)},
    }
    one, two = own.values()
    check(only(own), lambda u, h: np.maximum(u @ one["w"] + one["b"] + h @ two["w"] + two["b"], 0))


# ---- torch


@pytest.mark.parametrize(
    "module",
    [
        nn.RNN(M, N),
        nn.GRU(M, N, 2),
        nn.LSTM(M, N, 3, bias=False),
        nn.LSTM(M, N, proj_size=2),
        nn.GRUCell(M, N),
        nn.LSTMCell(M, N),
    ],
    ids=repr,
)
def test_a_state_dict_is_its_module(module):
    arrays = {f"encoder.rnn.{name}": value for name, value in module.double().state_dict().items()}
    layer = only(arrays | {"head.weight": torch.zeros(2, N)})
    own, u = pta.models.ModuleMap(module), torch.tensor(drawn(M))
    assert layer.name == "encoder/rnn"
    assert layer.units == N
    x = torch.tensor(drawn(own.dim))
    torch.testing.assert_close(layer.system(u)(x), pta.models.ModuleMap(module, u)(x), rtol=0, atol=1e-14)


def refused(arrays):
    found = find_layers(read(arrays))
    assert not found.layers
    return found.refused[0].reason


def test_what_cannot_be_a_map_is_refused_by_its_term():
    assert "bidirectional" in refused(nn.GRU(M, N, bidirectional=True).state_dict())
    normed = torch.nn.utils.parametrizations.weight_norm(nn.GRU(M, N), "weight_hh_l0")
    assert "weight_hh_l0" in refused(normed.state_dict())
    pruned = nn.GRU(M, N)
    torch.nn.utils.prune.l1_unstructured(pruned, "weight_hh_l0", 0.5)
    assert "weight_hh_l0_orig" in refused(pruned.state_dict())
    assert "transposed" in refused({"a.weight_hh": drawn(N, 3 * N), "a.weight_ih": drawn(3 * N, M)})
    assert "weight_ih" in refused({"a.weight_hh": drawn(3 * N, N)})
    assert "input weights" in refused({"a.weight_hh": drawn(3 * N, N), "a.weight_ih": drawn(2 * N, M)})
    assert "finite" in refused({"a.weight_hh": np.full((3 * N, N), np.nan), "a.weight_ih": drawn(3 * N, M)})
    assert "picture" in refused({"kernel": drawn(3, 3, 1, 4 * N), "recurrent_kernel": drawn(3, 3, N, 4 * N)})
    assert "bidirectional" in refused({f"b/forward_layer/{k.partition('/')[2]}": v for k, v in keras(4, ()).items()})


def test_what_is_not_recurrent_is_listed():
    found = find_layers(read(nn.Sequential(nn.Linear(3, 4), nn.Conv1d(2, 3, 2)).state_dict()))
    assert not found.layers
    assert not found.refused
    assert found.rest["1/weight"] == (3, 2, 2)


def test_a_square_matrix_alone_is_a_tanh_map():
    W = drawn(N, N)
    layer = only({"W": W, "readout": drawn(2, N)})
    x = torch.tensor(drawn(N, seed=3))
    torch.testing.assert_close(layer.system(None)(x), torch.tanh(torch.tensor(W) @ x), rtol=0, atol=1e-14)
    assert "tanh" in layer.assumed[0]


def test_modules_are_searched_for_their_recurrent_parts():
    net = nn.ModuleDict(
        {"a": nn.GRU(M, N), "b": nn.LSTM(N, 2, bidirectional=True), "c": nn.RNN(2, 2, nonlinearity="relu")}
    )
    found = layers_of(net)
    assert [(layer.name, layer.cell) for layer in found.layers] == [("a", "GRU"), ("c", "RNN, relu")]
    assert found.refused[0].name == "b"
    with pytest.raises(NotRecurrent, match="object: expected a map"):
        layers_of(pta.models.LinearFlow([[-1.0]]))
