"""Weights as other libraries save them, against these libraries themselves: a sequence agrees to 1e-6."""

import os

import numpy as np
import pytest
import torch
from torch import nn

import ptacore as pta
from ptacore.reports.formats import read
from ptacore.reports.layers import find_layers

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of these libraries, among themselves

M, N, T = 3, 5, 12
os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("JAX_PLATFORMS", "cpu")


def inputs(m=M):
    return np.random.default_rng(1).normal(size=(T, m))


def states(layer, u=None):
    """h after each step, from zero."""
    u = inputs(layer.inputs) if u is None else u
    system = layer.system(torch.tensor(u))
    x = pta.trajectory(system, torch.zeros(system.dim), duration=len(u)).x[1:]
    return x[:, : layer.units].numpy()


def agree(layer, theirs, u=None):
    theirs = np.asarray(theirs, dtype=float)
    assert theirs.std() > 0.01
    np.testing.assert_allclose(states(layer, u), theirs, rtol=1e-6, atol=1e-6)


def flat(tree):
    jax = pytest.importorskip("jax")
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def shaken(tree):
    """Parameters with random biases: those that libraries start with are zero and would hide a fault."""
    jax, rng = pytest.importorskip("jax"), np.random.default_rng(2)
    return jax.tree.map(lambda leaf: leaf + 0.3 * rng.normal(size=leaf.shape).astype("f"), tree)


def saved(path, tree):
    np.savez(path, **flat(tree))
    (layer,) = find_layers(read(path)).layers
    return layer


# ---- Keras


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras")


KERAS = {
    "GRU": ("GRU", {}),
    "GRU, reset first": ("GRU", {"reset_after": False}),
    "GRU without bias": ("GRU", {"use_bias": False, "reset_after": False}),
    "GRU, relu": ("GRU", {"activation": "relu", "recurrent_activation": "softsign"}),
    "LSTM": ("LSTM", {}),
    "LSTM, softsign": ("LSTM", {"activation": "softsign"}),
    "SimpleRNN": ("SimpleRNN", {}),
    "SimpleRNN, relu": ("SimpleRNN", {"activation": "relu"}),
}


@pytest.mark.parametrize("case", KERAS)
@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5"])
def test_keras(keras, case, suffix, tmp_path):
    kind, options = KERAS[case]
    own = getattr(keras.layers, kind)(N, return_sequences=True, name="mine", **options)
    model = keras.Sequential([keras.Input((None, M)), own, keras.layers.Dense(2)])
    rng = np.random.default_rng(0)
    model.set_weights([0.5 * rng.normal(size=w.shape) for w in model.get_weights()])
    path = tmp_path / f"model{suffix}"
    (model.save_weights if suffix == ".weights.h5" else model.save)(path)
    (layer,) = find_layers(read(path)).layers
    if suffix == ".weights.h5" and ("relu" in case or "softsign" in case or "without" in case):
        assert any("default" in line for line in layer.assumed)  # weights alone do not tell
        return
    assert layer.name.split("/")[0] == "mine"
    agree(layer, keras.ops.convert_to_numpy(own(inputs()[None].astype("f"))[0]))


def test_keras_cells_in_a_wrapper_and_both_directions(keras, tmp_path):
    cell = keras.layers.RNN(keras.layers.GRUCell(N, reset_after=False), return_sequences=True, name="wrapped")
    both = keras.layers.Bidirectional(keras.layers.LSTM(2, return_sequences=True))
    model = keras.Sequential([keras.Input((None, M)), cell, both])
    for suffix in (".keras", ".h5"):
        model.save(tmp_path / f"model{suffix}")
        found = find_layers(read(tmp_path / f"model{suffix}"))
        (layer,) = found.layers
        agree(layer, keras.ops.convert_to_numpy(cell(inputs()[None].astype("f"))[0]))
        assert len(found.refused) == 2
        assert "direction" in found.refused[0].reason


# ---- ONNX


def run_onnx(tmp_path, kind, weights, **attributes):
    """Outputs of onnxruntime for one node, and the layer that is read from the same file."""
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper, numpy_helper

    names = ["X", "W", "R", "B", "", "", "", "P"][: 8 if "P" in weights else 4]
    if kind != "LSTM":
        names = names[:4]
    node = helper.make_node(kind, names, ["Y"], name="cell", hidden_size=N, **attributes)
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("X", TensorProto.FLOAT, [T, 1, M])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value.astype("f"), key) for key, value in weights.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
    model.ir_version = 8
    onnx.save(model, tmp_path / "cell.onnx")
    session = runtime.InferenceSession(tmp_path / "cell.onnx", providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"X": inputs()[:, None].astype("f")})
    (layer,) = find_layers(read(tmp_path / "cell.onnx")).layers
    return layer, y[:, 0, 0]


@pytest.mark.parametrize(
    ("kind", "attributes", "peepholes"),
    [
        ("RNN", {}, False),
        ("RNN", {"activations": ["Relu"]}, False),
        ("GRU", {"linear_before_reset": 0}, False),
        ("GRU", {"linear_before_reset": 1}, False),
        ("GRU", {"activations": ["Sigmoid", "Relu"]}, False),
        ("LSTM", {}, False),
        ("LSTM", {}, True),
        ("LSTM", {"activations": ["Sigmoid", "Softsign", "Tanh"]}, False),
    ],
)
def test_onnx(kind, attributes, peepholes, tmp_path):
    rng, gates = np.random.default_rng(3), {"RNN": 1, "GRU": 3, "LSTM": 4}[kind]
    shapes = {"W": (1, gates * N, M), "R": (1, gates * N, N), "B": (1, 2 * gates * N)}
    weights = {key: 0.5 * rng.normal(size=shape) for key, shape in shapes.items()}
    if peepholes:
        weights["P"] = 0.5 * rng.normal(size=(1, 3 * N))
    agree(*run_onnx(tmp_path, kind, {k: v.astype("f").astype(float) for k, v in weights.items()}, **attributes))


@pytest.mark.parametrize("kind", ["GRU", "LSTM", "RNN"])
def test_onnx_as_torch_exports_it(kind, tmp_path):
    pytest.importorskip("onnx")
    module = getattr(nn, kind)(M, N)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.read = module, nn.Linear(N, 2)

        def forward(self, x):
            return self.read(self.rnn(x)[0])

    u = torch.tensor(inputs(), dtype=torch.float32)[:, None]
    torch.onnx.export(Net().eval(), (u,), tmp_path / "net.onnx", dynamo=False)
    (layer,) = find_layers(read(tmp_path / "net.onnx")).layers
    agree(layer, module(u)[0][:, 0].detach())


# ---- JAX


@pytest.mark.parametrize("name", ["GRUCell", "LSTMCell", "OptimizedLSTMCell", "SimpleCell", "MGUCell"])
def test_flax_linen(name, tmp_path):
    jax, linen = pytest.importorskip("jax"), pytest.importorskip("flax.linen")
    rnn, u = linen.RNN(getattr(linen, name)(N)), inputs().astype("f")
    params = shaken(rnn.init(jax.random.key(0), u))
    layer = saved(tmp_path / "tree.npz", params)
    assert layer.library == "Flax"
    agree(layer, rnn.apply(params, u))


@pytest.mark.parametrize("name", ["GRUCell", "LSTMCell", "OptimizedLSTMCell", "SimpleCell"])
def test_flax_nnx(name, tmp_path):
    pytest.importorskip("jax")
    nnx = pytest.importorskip("flax.nnx")
    rnn = nnx.RNN(getattr(nnx, name)(M, N, rngs=nnx.Rngs(0)), rngs=nnx.Rngs(0))
    nnx.update(rnn, shaken(nnx.state(rnn, nnx.Param)))
    layer = saved(tmp_path / "tree.npz", nnx.state(rnn, nnx.Param))
    assert layer.library == "Flax"
    agree(layer, rnn(inputs()[None].astype("f"))[0])


@pytest.mark.parametrize("name", ["GRUCell", "LSTMCell"])
@pytest.mark.parametrize("use_bias", [True, False])
def test_equinox(name, use_bias, tmp_path):
    jax, eqx = pytest.importorskip("jax"), pytest.importorskip("equinox")
    cell = getattr(eqx.nn, name)(M, N, use_bias=use_bias, key=jax.random.key(0))
    params, rest = eqx.partition(cell, eqx.is_array)
    params = shaken(params)
    cell, state, path = eqx.combine(params, rest), jax.numpy.zeros(N), []
    state = state if name == "GRUCell" else (state, state)
    for u in inputs().astype("f"):
        state = cell(u, state)
        path.append(state if name == "GRUCell" else state[0])
    layer = saved(tmp_path / "tree.npz", params)
    assert layer.library == ("Equinox" if use_bias else "torch")  # the same cell under the same names
    agree(layer, np.stack(path))


@pytest.mark.parametrize("name", ["GRU", "LSTM", "VanillaRNN"])
def test_haiku(name, tmp_path):
    jax, hk = pytest.importorskip("jax"), pytest.importorskip("haiku")

    def run(u):
        core = getattr(hk, name)(N)
        return hk.dynamic_unroll(core, u, core.initial_state(None))[0]

    net, u = hk.without_apply_rng(hk.transform(run)), inputs().astype("f")
    params = shaken(net.init(jax.random.key(0), u))
    layer = saved(tmp_path / "tree.npz", params)
    assert layer.library == "Haiku"
    agree(layer, net.apply(params, u))
