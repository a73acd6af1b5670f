"""What files hold is found under its name, in the formats of several libraries."""

import io
import json
import sys
import zipfile

import h5py
import numpy as np
import pytest
import safetensors.torch
import scipy.io
import torch
from torch import nn

from ptacore.reports.formats import read
from ptacore.reports.layers import find_layers

M, N = 3, 4


def the_layer(source):
    (layer,) = find_layers(read(source)).layers
    return layer


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".PT", ".safetensors", ".npz", ".mat"])
def test_a_state_dict_in_each_format_is_the_same_layer(suffix, tmp_path):
    state = {f"rnn.{name}": value for name, value in nn.GRU(M, N).double().state_dict().items()}
    path = tmp_path / f"net{suffix}"
    if suffix == ".safetensors":
        safetensors.torch.save_file(state, path)
    elif suffix == ".npz":
        np.savez(path, **state)
    elif suffix == ".mat":  # whose names have no dots, and whose vectors are rows
        scipy.io.savemat(path, {name.removeprefix("rnn."): value.numpy() for name, value in state.items()})
    else:
        torch.save({"state_dict": state, "epoch": 3}, path)
    layer, x = the_layer(path), torch.linspace(-1, 1, N, dtype=torch.float64)
    own = the_layer(state)
    torch.testing.assert_close(layer.system(None)(x), own.system(None)(x), rtol=0, atol=0)


def test_half_precision_is_read(tmp_path):
    module = nn.LSTM(M, N).half()
    np.savez(tmp_path / "half.npz", **module.state_dict())
    torch.save(nn.LSTM(M, N).bfloat16().state_dict(), tmp_path / "brain.pt")
    assert the_layer(tmp_path / "half.npz").units == the_layer(tmp_path / "brain.pt").units == N


@pytest.mark.parametrize("name", ["a/b/c", "a.b.c", ".a.b.c", "['a']['b'].c", "a/b/c/value", "a.b.c.value"])
def test_separators_of_all_libraries(name):
    assert read({name: np.zeros(2)}).shapes() == {"a/b/c": (2,)}


def keras3(file, names):
    """A store as Keras 3 writes it: weights numbered, a layer's own name beside them."""
    rng = np.random.default_rng(0)
    for group, name in names.items():
        file.create_group(f"layers/{group}/vars").attrs["name"] = name
        for i, shape in enumerate([(M, 3 * N), (N, 3 * N), (2, 3 * N)]):
            file[f"layers/{group}/cell/vars/{i}"] = rng.normal(size=shape)
    file["layers/dense/vars/0"] = np.zeros((N, 2))


def keras_config(**options):
    layers = [{"class_name": "GRU", "config": {"name": "mine", "reset_after": True, **options}}]
    return {"class_name": "Sequential", "config": {"name": "net", "layers": layers}}


def test_keras_archives_give_layers_their_own_names_and_settings(tmp_path):
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        keras3(file, {"gru": "mine"})
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        archive.writestr("model.weights.h5", weights.getvalue())
        archive.writestr("config.json", json.dumps(keras_config(activation="relu")))
    layer = the_layer(tmp_path / "net.keras")
    assert (layer.name, layer.cell) == ("mine", "GRU, sigmoid and relu")
    assert read(tmp_path / "net.keras").shapes()["dense/0"] == (N, 2)


def test_keras_weights_alone_and_the_older_layout(tmp_path):
    with h5py.File(tmp_path / "net.weights.h5", "w") as file:
        keras3(file, {"gru": "mine", "gru_1": "other"})
    found = find_layers(read(tmp_path / "net.weights.h5"))
    assert [layer.name for layer in found.layers] == ["mine", "other"]
    assert "defaults" in found.layers[0].assumed[0]
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(keras_config(recurrent_activation="hard_sigmoid"))
        for name, shape in (("kernel:0", (M, 3 * N)), ("recurrent_kernel:0", (N, 3 * N)), ("bias:0", (2, 3 * N))):
            file[f"model_weights/mine/mine/gru_cell/{name}"] = np.zeros(shape)
    (refusal,) = find_layers(read(tmp_path / "old.h5")).refused
    assert "hard_sigmoid" in refusal.reason


def test_files_that_cannot_be_read_say_why(tmp_path, monkeypatch):
    for name in ("damaged.keras", "damaged.h5", "damaged.npz", "damaged.pt"):
        tmp_path.joinpath(name).write_bytes(b"not this")
        with pytest.raises(ValueError, match="object: .*damaged"):
            read(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="object: no file"):
        read(tmp_path / "nothing.h5")
    tmp_path.joinpath("net.docx").write_text("words")
    with pytest.raises(ValueError, match="object: .*expected a file of type"):
        read(tmp_path / "net.docx")
    with pytest.raises(ValueError, match="object: .*folder"):
        read(tmp_path)
    tmp_path.joinpath("net.onnx").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"object: .*net.onnx: needs onnx: pip install 'ptacore\[report\]'"):
        read(tmp_path / "net.onnx")
