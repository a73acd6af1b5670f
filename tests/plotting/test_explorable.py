"""What the page carries: the numbers of the certificates, and orbits, adjoints and curves of the right networks."""

import base64
import dataclasses
import json
import math
import re

import numpy as np
import pytest
import torch

from ptacore import Certificates, certify
from ptacore.certificates import KINDS
from ptacore.models.oscillator import SYSTEMS, critical_gain, oscillator, strong_tongues
from ptacore.plotting import explorable


def read(page) -> dict:
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', page.data, re.S)[1])


def decode(packed: dict) -> np.ndarray:
    whole = np.frombuffer(base64.b64decode(packed["data"]), f"<i{packed['bits'] // 8}")
    return np.where(whole == -(2 ** (packed["bits"] - 1)), np.nan, packed["offset"] + packed["step"] * whole)


def evenly(low: float, high: float, count: int) -> torch.Tensor:
    return torch.linspace(low, high, count, dtype=torch.float64)


def pretended(system: str, gains: int, angles: int) -> Certificates:
    """A map of any size, of which only the places are right."""
    alpha, theta = torch.meshgrid(evenly(0.1, 4, gains), evenly(0, math.pi, angles), indexing="ij")
    zero = torch.zeros_like(alpha)
    turning = "limit cycle" if system.endswith("flow") else "invariant circle"
    kind = torch.where(alpha < critical_gain(system, theta), 0, KINDS.index(turning))
    return Certificates(
        system, alpha, theta, kind, torch.stack([alpha, theta], -1), theta / math.tau, math.tau / theta, zero + 0.5,
        zero + 1e-12, torch.ones_like(kind), kind < 0,
    )  # fmt: skip


ANGLES = evenly(0, math.pi, 9)


def gains(name: str) -> torch.Tensor:
    return evenly(0.3, 3.3, 7)[:, None] * (2 if name.startswith("GRU") else 1)


@pytest.fixture(scope="module")
def found():
    return {name: certify(name, gains(name), ANGLES, steps=1000) for name in SYSTEMS}


@pytest.fixture(scope="module")
def shown(found):
    return {system["name"]: system for system in read(explorable(found, grid=(7, 9)))["systems"]}


@pytest.mark.parametrize("name", SYSTEMS)
def test_hover_data_are_the_certificates(found, shown, name):
    cells, truth = shown[name]["cells"], found[name]
    values = {
        "first": truth.exponents[..., 0].clamp_min(-8),
        "second": truth.exponents[..., 1].clamp_min(-8),
        "frequency": truth.frequency,
        "multiplier": truth.multiplier,
        "residual": truth.residual.clamp_min(1e-17).log10(),
    }
    for key, value in values.items():
        np.testing.assert_allclose(
            decode(cells[key]), value.flatten(), atol=cells[key]["step"] / 2 * (1 + 1e-9), equal_nan=True, err_msg=key
        )
        assert cells[key]["step"] <= 2e-4 or key == "residual"
    flags = decode(cells["flags"]).astype(int)
    assert (flags % 8).tolist() == truth.kind.flatten().tolist()
    assert (2 ** (flags // 8 % 4)).tolist() == truth.copies.flatten().tolist()
    if name.endswith("map"):
        np.testing.assert_array_equal(decode(cells["period"]), truth.period.flatten())
    np.testing.assert_allclose(shown[name]["alpha"], gains(name)[:, 0], atol=1e-6)
    np.testing.assert_allclose(shown[name]["theta"], ANGLES, atol=1e-6)


def test_coexisting_attractors_are_told(found):
    truth = found["tanh map"]
    one = truth.bistable.clone()
    one[4, 2] = True
    shown = read(explorable({"a": dataclasses.replace(truth, bistable=one)}))["systems"][0]
    assert np.flatnonzero(decode(shown["cells"]["flags"]) >= 32).tolist() == [4 * 9 + 2]


def orbits(shown: dict) -> dict[str, np.ndarray]:
    points = len(shown["rows"]) * len(shown["columns"])
    return {k: decode(v).reshape(points, -1) for k, v in shown["orbits"].items() if k != "dt"}


@pytest.mark.parametrize("name", ["tanh map", "GRU map"])
def test_trajectories_are_orbits_of_the_map(found, shown, name):
    part = orbits(shown[name])
    x = torch.tensor(np.stack([part["x"], part["y"]], -1))  # (points, samples, 2)
    net = oscillator(name, found[name].alpha.flatten()[:, None], found[name].theta.flatten()[:, None])
    miss = (net(x[:, :-1]) - x[:, 1:]).norm(dim=-1)
    rounding = math.sqrt(2) * shown[name]["orbits"]["x"]["step"] / 2
    assert (miss <= rounding * (1 + found[name].alpha.flatten()[:, None])).all()


@pytest.mark.parametrize("name", ["tanh flow", "GRU flow"])
def test_trajectories_of_flows_turn_at_their_frequency(found, shown, name):
    """The angle grows by a quarter in each quarter of the period, so by whole periods over many samples."""
    part, truth = orbits(shown[name]), found[name]
    cycles = truth.is_kind("limit cycle").flatten().numpy()
    assert cycles.sum() > 5
    angle = np.unwrap(np.arctan2(part["y"], part["x"])[cycles])
    time = shown[name]["orbits"]["dt"] * part["stride"][cycles, 0] * (angle.shape[1] - 1)
    turns = (angle[:, -1] - angle[:, 0]) / math.tau
    assert (np.abs(turns - time * truth.frequency.flatten().numpy()[cycles]) < 0.25).all()
    assert (turns > 1.5).any()


@pytest.mark.parametrize("name", SYSTEMS)
def test_adjoints_decay_as_the_exponents_say(found, shown, name):
    """At a stable origin, where both exponents are equal, as exp(lambda t); on a cycle not at all."""
    part, truth, packed = orbits(shown[name]), found[name], shown[name]["orbits"]
    kind, first = truth.kind.flatten().numpy(), truth.exponents[..., 0].flatten().numpy()
    log = part["adjoint"]
    assert (np.abs(log[:, -1]) <= packed["adjoint"]["step"]).all()  # the terminal vector (1, 0)
    rests = (kind == KINDS.index("stable origin")) & (first < -0.2)
    back = packed["dt"] * part["stride"][rests] * np.arange(6)
    expected = (first[rests, None] * back / math.log(10)).clip(-6)
    np.testing.assert_allclose(log[rests][:, ::-1][:, :6], expected, atol=0.03)
    turns = np.isin(kind, [KINDS.index("invariant circle"), KINDS.index("limit cycle")])
    assert turns.sum() > 5
    assert rests.sum() > 5
    assert (np.abs(log[turns, :20].max(1) - log[turns, 20:40].max(1)) < 0.25).all()


@pytest.mark.parametrize("name", SYSTEMS)
def test_curves_are_the_bifurcations(shown, name):
    (theta, alpha), *edges = shown[name]["curves"]["lines"]
    known = [(t, a) for t, a in zip(theta, alpha, strict=True) if a is not None]
    assert len(known) > 50
    for t, a in known:
        exact = critical_gain(name, t).item()
        assert abs(a - exact) < 1e-3 * exact**2  # of which the angle's rounding is most
    tongues = [tongue for tongue in strong_tongues(name) if tongue.tip < gains(name).max()]
    assert {text for text, *_ in shown[name]["curves"]["names"]} == {tongue.name for tongue in tongues}
    assert edges
    for theta, alpha in edges:
        t, a = (torch.tensor([v for v in values if v is not None]).double() for values in (theta, alpha))
        t, a = t[::5], a[::5]
        gap = torch.stack([((t - g.centre).abs() - g.half_width(a)).abs() for g in tongues])
        assert (gap.amax(1).min() if len(t) else torch.tensor(0.0)) < 2e-4


def test_large_maps_are_thinned_to_their_own_points():
    truth = pretended("tanh map", 300, 200)
    shown = read(explorable({"tanh map": truth}, grid=(4, 5)))["systems"][0]
    rows, columns = len(shown["alpha"]), len(shown["theta"])
    assert 64 < rows <= 128
    assert 64 < columns <= 128
    assert len(shown["rows"]) <= 4
    assert len(shown["columns"]) <= 5
    assert len(orbits(shown)["x"]) == len(shown["rows"]) * len(shown["columns"])
    first = decode(shown["cells"]["first"]).reshape(rows, columns)  # here the gain itself
    np.testing.assert_allclose(first, np.array(shown["alpha"])[:, None].repeat(columns, 1), atol=1e-4)
    assert all(min(abs(truth.alpha[:, 0] - a)) < 1e-6 for a in shown["alpha"])


@pytest.mark.parametrize("shape", [(120, 121), (128, 128)])
def test_four_maps_take_two_megabytes_at_most(shape):
    page = explorable({name: pretended(name, *shape) for name in SYSTEMS}, grid=(24, 25))
    assert 1_000_000 < len(page.data.encode()) <= 2_000_000


def test_more_than_two_megabytes_are_refused():
    with pytest.raises(ValueError, match="diagrams, grid"):
        explorable({f"map {i}": pretended("tanh map", 128, 128) for i in range(2)}, grid=(70, 70))


def test_the_page_names_no_host_and_escapes_names(found):
    page = explorable({"</script><b>": found["tanh map"]})
    assert not re.search(r"https?:|//\w+\.\w", page.data)
    assert "</script><b>" not in page.data
    assert read(page)["systems"][0]["name"] == "</script><b>"
    assert "plotly.js v" not in page.data


def test_a_notebook_elsewhere_carries_plotly(found):
    page = explorable({"tanh map": found["tanh map"]}, plotlyjs="inline").data
    assert "plotly.js v" in page
    assert len(page) > 3_000_000


WRONG = [
    ({}, {}, TypeError, "diagrams"),
    ([1], {}, TypeError, "diagrams"),
    ({"a": 1}, {}, TypeError, r"diagrams\['a'\]"),
    ({"a": "flat"}, {}, ValueError, r"diagrams\['a'\].*shape"),
    ({"a": "turned"}, {}, ValueError, r"diagrams\['a'\].*meshgrid"),
    ({"a": "falling"}, {}, ValueError, r"diagrams\['a'\].*theta"),
    ({"a": "good"}, {"grid": 3}, ValueError, "grid"),
    ({"a": "good"}, {"grid": (1, 5)}, ValueError, "grid"),
    ({"a": "good"}, {"plotlyjs": "cdn"}, ValueError, "plotlyjs"),
]


@pytest.mark.parametrize(("diagrams", "options", "error", "message"), WRONG)
def test_wrong_input_is_named(diagrams, options, error, message):
    good = pretended("tanh map", 5, 6)

    def changed(change) -> Certificates:
        return Certificates(good.system, *(change(v) for k, v in vars(good).items() if k != "system"))

    made = {
        "good": good,
        "flat": changed(lambda v: v.flatten(0, 1)),
        "turned": changed(lambda v: v.transpose(0, 1)),
        "falling": changed(lambda v: v.flip(1)),
    }
    if isinstance(diagrams, dict):
        diagrams = {name: made.get(value, value) for name, value in diagrams.items()}
    with pytest.raises(error, match=message):
        explorable(diagrams, **options)
