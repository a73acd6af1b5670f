"""Reports as they are written: the numbers beside the page are those of the spectrum, and bad requests are refused."""

import csv
import json

import numpy as np
import pytest
import torch
from torch import nn

import ptacore as pta

NEVER = {"parse_constant": lambda name: pytest.fail(f"JSON has no {name}")}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    torch.manual_seed(0)
    net = nn.ModuleDict(
        {"one": nn.GRU(2, 6), "two": nn.RNN(6, 4, nonlinearity="relu"), "both": nn.LSTM(2, 2, bidirectional=True)}
    )
    folder = tmp_path_factory.mktemp("report")
    torch.save(net.state_dict(), folder / "net.pt")
    return pta.report(folder / "net.pt", "noise", quick=True, output=folder / "out")


def rows(report, name):
    with report.path.with_name(name).open() as file:
        return list(csv.DictReader(file))


def test_the_numbers_are_those_of_the_spectra(made):
    whole = json.loads(made.path.with_name("report.json").read_text(), **NEVER)
    assert [layer["name"] for layer in whole["layers"]] == ["one", "two"]
    table = rows(made, "exponents.csv")
    for f, kept in zip(made.layers, whole["layers"], strict=True):
        own = [row for row in table if row["layer"] == f.layer.name]
        for name, values in (("exponent", f.spectrum.exponents), ("tolerance", f.spectrum.tolerance)):
            np.testing.assert_array_equal([float(row[name]) for row in own], values)
        np.testing.assert_array_equal(kept["exponents"], f.spectrum.exponents)
        lag = [row for row in rows(made, "adjoints.csv") if row["layer"] == f.layer.name]
        np.testing.assert_array_equal([float(row["mean"]) for row in lag], f.adjoints.mean)
        last = [row for row in rows(made, "convergence.csv") if row["layer"] == f.layer.name][-1]
        assert float(last["first"]) == f.spectrum.exponents[0]
    (refusal,) = made.refused
    assert (refusal.name, whole["refused"][0]["name"]) == ("both", "both")


def test_a_module_its_file_and_its_arrays_have_one_report(tmp_path):
    torch.manual_seed(1)
    module = nn.GRU(2, 5).double()
    np.savez(tmp_path / "w.npz", **module.state_dict())
    given = (
        module,
        tmp_path / "w.npz",
        str(tmp_path / "w.npz"),
        module.state_dict(),
        {"a": {"b": dict(module.state_dict())}},
    )
    reports = [pta.report(one, quick=True, output=tmp_path / str(i)) for i, one in enumerate(given)]
    for report in reports[1:]:
        assert torch.equal(report.layers[0].spectrum.exponents, reports[0].layers[0].spectrum.exponents)


def test_a_map_and_a_module_of_ones_own(tmp_path):
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden_size = self.input_size = 3
            self.W = nn.Linear(3, 3)

        def forward(self, input, h):
            return torch.tanh(self.W(h) + input)

    own, system = Own(), pta.models.TanhMap(np.eye(3) / 2)
    f = pta.report(own, 0.5, quick=True, output=tmp_path).layers[0]
    assert (f.layer.cell, f.layer.units) == ("Own", 3)
    s = pta.report(system, quick=True, output=tmp_path).layers[0].spectrum
    assert s.exponents.tolist() == pytest.approx([np.log(0.5)] * 3)


def test_one_layer_is_chosen_by_its_name(made, tmp_path):
    net = made.path.parent.parent / "net.pt"
    chosen = pta.report(net, layer="two", quick=True, output=tmp_path)
    assert [f.layer.name for f in chosen.layers] == ["two"]
    for name, told in (
        ("three", "layer: expected one of 'one', 'two', got 'three'"),
        ("both", "layer: both .*bidirectional"),
    ):
        with pytest.raises(ValueError, match=told):
            pta.report(net, layer=name, quick=True, output=tmp_path)


def test_what_has_no_recurrent_map_is_refused_and_nothing_is_written(tmp_path):
    for thing, told in (
        (nn.Linear(2, 3).state_dict(), r"object: weights: no recurrent layer .* it holds weight \(3, 2\); bias \(3,\)"),
        (nn.GRU(2, 2, bidirectional=True), "object: GRU: .*bidirectional"),
        (nn.Sequential(nn.Linear(2, 2)), "object: Sequential: .*recurrent"),
        (pta.models.LinearFlow([[-1.0]]), "object: expected a map"),
    ):
        with pytest.raises(ValueError, match=told):
            pta.report(thing, quick=True, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_input_that_fits_no_layer_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match=r"object: GRU: GRU input: expected \(2,\)"):
        pta.report(nn.GRU(2, 3), np.ones((60, 5)), quick=True, output=tmp_path)


def test_a_state_that_runs_away_is_no_finding(tmp_path):
    explosive = pta.System.from_function(lambda x: x**2 + 2.0, dim=1, kind="map")
    with pytest.raises(ValueError, match="no longer finite"):
        pta.report(explosive, quick=True, output=tmp_path)
