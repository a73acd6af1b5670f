import io
import pickle
import sys

import h5py
import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
import safetensors.torch
import scipy.io
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ptacore import models

W = np.array([[0.25, -1.5, 3.0], [2.0, 0.5, -0.125], [1e-3, 7.0, -2.5e6]])  # not symmetric: a transpose shows
OTHER = np.arange(12.0).reshape(3, 4)


def is_w(path):
    assert (models.read_weights(path) == W).all()


# ---- text


def table(separator=",", decimal=".", header=(), labels=(), end="\n"):
    rows = [[f"{v:.17g}".replace(".", decimal) for v in row] for row in W]
    if labels:
        rows = [[label, *row] for label, row in zip(labels, rows, strict=True)]
    return end.join(separator.join(row) for row in ([list(header)] if header else []) + rows) + end


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".txt", ".CSV", ".Txt"])
@pytest.mark.parametrize(
    ("separator", "decimal"),
    [(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ","), (" ", "."), ("  ", ","), (", ", "."), (" ; ", ",")],
)
def test_any_common_separator_header_and_labels(suffix, separator, decimal, tmp_path):
    path = tmp_path / f"w{suffix}"
    corner = [] if separator.isspace() and "\t" not in separator else [""]
    for header, labels in [
        ((), ()),
        (("a", "b", "c"), ()),
        ((), ("u", "v", "w")),
        (("x", "a", "b", "c"), ("u", "v", "w")),
        ((*corner, "a", "b", "c"), ("u", "v", "w")),
        ((*corner, "a", "b", "c"), ("1", "2", "3")),
        (("0", "1", "2"), ()),
        ((), ("1", "2", "3")),
        ((*corner, "0", "1", "2"), ("0", "1", "2")),
        ((*corner, "0", "1", "2"), ("u", "v", "w")),
    ]:
        for end in ("\n", "\r\n"):
            for encoding in ("utf-8", "utf-8-sig", "utf-16"):
                path.write_bytes(table(separator, decimal, header, labels, end).encode(encoding))
                is_w(path)


@pytest.mark.parametrize("options", [{}, {"index": False}, {"header": False}, {"sep": ";", "decimal": ","}])
def test_what_pandas_and_numpy_write(options, tmp_path):
    path = tmp_path / "w.csv"
    for frame in (pd.DataFrame(W), pd.DataFrame(W, list("abc"), list("abc"))):
        frame.to_csv(path, **options)
        is_w(path)
    np.savetxt(path, W, header="three units", delimiter=options.get("sep", " "))
    is_w(path)


@pytest.mark.parametrize(
    "text",
    [
        '"","V1","V2","V3"\n"1",{}\n"2",{}\n"3",{}\n',
        '"V1" "V2" "V3"\n"1" {}\n"2" {}\n"3" {}\n',
        "# note\n{}\n\n{}\n{}\n\n",
        "{},\n{},\n{},\n,,,\n",
        "% MATLAB\n{}\n{}\n{}",
        "größe,b,c\n{}\n{}\n{}\n",
    ],
)
def test_other_ways_to_write_a_table(text, tmp_path):
    separator = " " if "V1 " in text.replace('"', "") else ","
    rows = [separator.join(f"{v:.17g}" for v in row) for row in W]
    (tmp_path / "w.csv").write_bytes(text.format(*rows).encode("latin-1"))
    is_w(tmp_path / "w.csv")


@settings(max_examples=50, deadline=None)
@given(
    hnp.arrays(float, st.integers(1, 4).map(lambda n: (n, n)), elements=st.floats(-1e12, 1e12)),
    st.sampled_from([",", ";", "\t", " "]),
    st.booleans(),
)
def test_every_table_that_pandas_writes_is_read_back(tmp_path_factory, V, separator, named):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    names = [f"unit{i}" for i in range(len(V))]
    pd.DataFrame(V, names, names).to_csv(path, sep=separator, index=named, header=named, float_format="%.17g")
    assert (models.read_weights(path) == V).all()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "empty"),
        ("\n \n", "no numbers"),
        ("a,b\n", "real number"),
        ("1,2,3\n4,5,6\n", r"shape \(2, 3\)"),
        ("1,nan\n0,1\n", "finite"),
        ("1,inf\n0,1\n", "finite"),
        ("1,b\n0,1\n", "row 1, column 2: 'b'"),
        ("1,\n0,1\n", "''"),
        ("1,2\n3\n", "row 2 has 1 cells"),
        ("1.5;2,5\n3;4\n", "real number"),
        ("1_0,2\n3,4\n", "'1_0'"),
        ("1+2j,0\n0,1\n", "real number"),
        ("(1+2j),0\n0,(1+0j)\n", "real number"),
        ("0,1+2i\n1,0\n", "real number"),
        ("1,2\n3,4\n5,6\n", r"shape \(3, 2\)"),
        ("1,5\n", r"shape \(1, 2\)"),
        ("NA,1\n0,1\n", "real number"),
        ("NA,1.5\n0,1.5\n", "real number"),
        (",2\n3,4.5\n", "real number"),
        ("0,1\n2,3\n4,5\n", r"shape \(3, 2\)"),
        ("0.0,1.0\n2.0,3.0\n4.0,5.0\n", r"shape \(3, 2\)"),
        ("nan,nan\n1,2\n3,4\n", r"shape \(3, 2\)"),
        ("a,b\n1,2,\n3,4,\n", "''"),
        ("a,b\nc,d\n1,2\n3,4\n", "row 2"),
        ("\0\1\2,3", "not text"),
        ("\x7fELF\x02\x01", "number"),
        ('{"W": [[1, 2], [3, 4]]}', "number"),
        ("1,2;3,4", r"shape \(1, 2\)"),
    ],
)
def test_tables_that_hold_no_square_matrix(text, fault, tmp_path):
    refused(tmp_path / "w.csv", text.encode(), fault)


# ---- binary formats


def matlab73(path, **variables):
    """As MATLAB writes: column-major, so HDF5 has the axes reversed; complex numbers as pairs."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            if scipy.sparse.issparse(value):
                group = file.create_group(name)
                group["data"], group["ir"], group["jc"] = value.data, value.indices, value.indptr
                group.attrs["MATLAB_sparse"] = np.uint64(value.shape[0])
                kind = "double"
            elif isinstance(value, str):
                group = file.create_dataset(name, data=np.array([[ord(c)] for c in value], np.uint16))
                kind = "char"
            else:
                value = np.asarray(value)
                if np.iscomplexobj(value):
                    pairs = np.empty(value.T.shape, [("real", float), ("imag", float)])
                    pairs["real"], pairs["imag"] = value.T.real, value.T.imag
                    value = pairs.T
                group = file.create_dataset(name, data=np.ascontiguousarray(value.T))
                kind = "logical" if value.dtype == bool else "double"
            group.attrs["MATLAB_class"] = np.bytes_(kind)
        file.create_group("#refs#")["a"] = np.eye(5)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM")


def npz(path, **values):
    with path.open("wb") as file:  # given a name, NumPy appends .npz to .NPZ
        np.savez(file, **values)


WRITERS = {
    ".npz": npz,
    ".mat": lambda path, **values: scipy.io.savemat(path, values, appendmat=False),
    "73.mat": matlab73,
    ".pt": lambda path, **values: torch.save({k: torch.tensor(v) for k, v in values.items()}, path),
    "nested.pth": lambda path, **values: torch.save(
        {"epoch": 3, "model": {"state_dict": {k: torch.tensor(v) for k, v in values.items()}}, "moments": torch.eye(3)},
        path,
    ),
    ".safetensors": lambda path, **values: safetensors.numpy.save_file(
        {k: np.ascontiguousarray(v) for k, v in values.items()}, path
    ),
}


@pytest.mark.parametrize("suffix", [*WRITERS, ".NPZ", ".MAT", ".PT", ".SafeTensors"])
def test_the_only_square_array_or_the_named_one(suffix, tmp_path):
    write, path = WRITERS.get(suffix) or WRITERS[suffix.lower()], tmp_path / f"net{suffix}"
    write(path, W=W)
    is_w(path)
    write(path, W=W.T, b=np.ones(3), U=OTHER, g=np.full((1, 1), 1.5))
    assert (models.read_weights(path) == W.T).all()
    is_w_of_two = {"W": W, "M": np.eye(4)}
    write(path, **is_w_of_two)
    is_w(f"{path}::W")
    assert (models.read_weights(f"{path}::M", "weights") == np.eye(4)).all()
    for source, fault in ((path, "2 square"), (f"{path}::V", "no array of numbers 'V'")):
        with pytest.raises(ValueError, match=rf"^weights: .*net.*{fault}.*M \(4, 4\)") as error:
            models.read_weights(source, "weights")
        assert "W (3, 3)" in str(error.value)
    write(path, U=OTHER, b=np.ones(3))
    refused(path, None, r"no square matrix.*U \(3, 4\)")
    write(path, g=np.array([[1.5]]), U=OTHER)
    assert models.read_weights(path).tolist() == [[1.5]]
    write(path, W=np.full((2, 2), np.nan))
    refused(path, None, "finite")


@pytest.mark.parametrize("suffix", [".npz", ".mat", "73.mat", ".pt"])
def test_complex_weights_are_refused_even_where_a_real_matrix_stands_beside(suffix, tmp_path):
    path = tmp_path / f"net{suffix}"
    WRITERS[suffix](path, W=W + 0j, u=OTHER)
    refused(path, None, "complex")
    WRITERS[suffix](path, W=W + 0j, M=np.eye(2))
    refused(path, None, "2 square")


@pytest.mark.parametrize("suffix", [".mat", "73.mat"])
def test_what_else_matlab_keeps(suffix, tmp_path):
    path, sparse = tmp_path / f"net{suffix}", scipy.sparse.csc_matrix(np.where(np.abs(W) > 1, W, 0))
    WRITERS[suffix](path, W=sparse, note="three units")
    assert (models.read_weights(path) == sparse.toarray()).all()
    WRITERS[suffix](path, W=np.array([[True, False], [True, True]]))
    assert models.read_weights(path).tolist() == [[1, 0], [1, 1]]
    WRITERS[suffix](path, note="three units")
    refused(path, None, "no square matrix.*note")


@pytest.mark.parametrize("dtype", [">f8", "<f4", "<i2", "?", "<f2", "<u8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_real_dtype_of_an_npy_file(dtype, order, tmp_path):
    V = np.array([[0, 1], [3, 0]]).astype(dtype, order=order)
    np.save(tmp_path / "w.npy", V)
    assert (models.read_weights(tmp_path / "w.npy") == V.astype(float)).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.int8, torch.bool])
def test_every_real_dtype_of_a_tensor(dtype, tmp_path):
    V = torch.tensor([[0, 1], [1, 1]], dtype=dtype)
    torch.save(V, tmp_path / "w.pt")
    safetensors.torch.save_file({"V": V}, tmp_path / "w.safetensors")
    for path in tmp_path.iterdir():
        assert models.read_weights(path).tolist() == [[0, 1], [1, 1]]


def test_a_torch_module_has_its_recurrent_weight_by_name(tmp_path):
    rnn = torch.nn.RNN(3, 4)
    torch.save(rnn.state_dict(), tmp_path / "rnn.pt")
    assert (models.read_weights(tmp_path / "rnn.pt") == rnn.weight_hh_l0.detach().numpy()).all()
    torch.save(torch.nn.RNN(4, 4).state_dict(), tmp_path / "rnn.pt")
    refused(tmp_path / "rnn.pt", None, r"weight_hh_l0 \(4, 4\)")


class Touch:
    """Unpickled, it would leave a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt", ".pth"])
def test_nothing_is_unpickled(suffix, tmp_path):
    evil, left = tmp_path / f"evil{suffix}", tmp_path / "left"
    if suffix == ".npy":
        np.save(evil, np.array([[Touch(left)]], dtype=object), allow_pickle=True)
    elif suffix == ".npz":
        np.savez(evil, W=np.array([[Touch(left)]], dtype=object))
    elif suffix == ".pt":
        torch.save({"W": Touch(left)}, evil)
    else:
        evil.write_bytes(pickle.dumps(Touch(left)))
    refused(evil, None, "Python objects")
    assert not left.exists()
    torch.save(torch.nn.RNN(2, 2), tmp_path / "module.pt")
    refused(tmp_path / "module.pt", None, "state_dict")


def whole(suffix, tmp_path):
    path = tmp_path / f"whole{suffix}"
    np.save(path, W) if suffix == ".npy" else WRITERS[suffix](path, W=W)
    return path.read_bytes()


@pytest.mark.parametrize("suffix", [".npy", *WRITERS])
def test_damaged_files_are_refused_by_name(suffix, tmp_path):
    content, path = whole(suffix, tmp_path), tmp_path / f"damaged{suffix}"
    refused(path, b"", "empty")
    for part in (b"\0", b"garbage", bytes(range(256)) * 20, *(content[: len(content) * k // 8] for k in range(1, 8))):
        refused(path, part, ".")


@pytest.mark.parametrize("dtype", ["U3", "S3", "M8[s]", "m8[s]", "c16", "O", [("a", float)]])
def test_an_npy_file_of_anything_but_real_numbers(dtype, tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((2, 2), dtype), allow_pickle=True)
    refused(tmp_path / "w.npy", buffer.getvalue(), "numbers|objects")


def refused(path, content, fault):
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^weights: .*{path.name}(.|\n)*{fault}"):
        models.read_weights(path, "weights")


def test_what_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="^weights: no file .*none.csv"):
        models.read_weights(tmp_path / "none.csv", "weights")
    with pytest.raises(FileNotFoundError, match="^weights: no file .*none.npz"):
        models.read_weights(f"{tmp_path}/none.npz::W", "weights")
    (tmp_path / "folder.npy").mkdir()
    refused(tmp_path / "folder.npy", None, "folder")
    for name in ("w.xlsx", "w", "w.pkl", "w.json"):
        refused(
            tmp_path / name, b"1", "expected a file of type .csv, .tsv, .txt, .npy, .npz, .mat, .pt, .pth, .safetens"
        )
    np.save(tmp_path / "w.npy", W)
    with pytest.raises(ValueError, match="^W: .*w.npy: holds one array without a name"):
        models.read_weights(f"{tmp_path}/w.npy::W")


@pytest.mark.parametrize(("suffix", "package"), [("73.mat", "h5py"), (".safetensors", "safetensors")])
def test_a_missing_reader_says_what_to_install(suffix, package, tmp_path, monkeypatch):
    path = tmp_path / f"w{suffix}"
    WRITERS[suffix](path, W=W)
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"^W: .*needs {package}.*: pip install 'ptacore\[weights\]'"):
        models.read_weights(path)
