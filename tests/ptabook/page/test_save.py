"""A figure's files: all or none, and the same for the same figure."""

import json
import math

import numpy as np
import pytest
import torch
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ptabook import page
from ptacore import plotting


def test_save_writes_all_or_refuses(tmp_path):
    fig, _ = plotting.figure(1, 1, width=2, height=2)
    numbers = {"a": torch.tensor([1.0, 2.0]), "b": np.float64(3), "c": {"d": [True, "text"]}}
    page.save("f", str(tmp_path), fig, numbers)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"f.{kind}" for kind in ("csv", "json", "pdf", "png", "svg")]
    assert json.loads((tmp_path / "f.json").read_text()) == {"a": [1.0, 2.0], "b": 3.0, "c": {"d": [True, "text"]}}
    for bad in (math.nan, torch.tensor(math.inf)):
        with pytest.raises(ValueError, match="JSON"):
            page.save("g", str(tmp_path), fig, {"x": bad})
    with pytest.raises(TypeError, match="object"):
        page.save("g", str(tmp_path), fig, {"x": object()})
    assert not list(tmp_path.glob("g.*"))
    page.save("h", "", fig, {"x": 1.0})  # by hand, in a notebook: nothing is written
    assert len(list(tmp_path.iterdir())) == 5


def test_a_figure_is_laid_out_for_one_of_its_files_and_keeps_its_places(tmp_path, monkeypatch):
    fig, axes = plotting.figure(1, 2, width=3, height=2)
    axes[0, 1].set(xlabel="below", ylabel="beside")
    laid_out, execute = [], ConstrainedLayoutEngine.execute
    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", lambda *a: (laid_out.append(1), execute(*a)))
    before = [ax.get_position().bounds for ax in axes.flat]
    page.save("f", str(tmp_path), fig)
    after = [ax.get_position().bounds for ax in axes.flat]
    assert len(laid_out) == 1
    assert after != before
    fig.draw_without_rendering()
    assert [ax.get_position().bounds for ax in axes.flat] == after


def test_the_same_figure_is_the_same_files(tmp_path):
    made = []
    for name in "a", "b":
        (tmp_path / name).mkdir()
        fig, axes = plotting.figure(1, 1, width=2, height=2)
        axes[0, 0].plot([1, 2], [3, 4], label="θ")
        axes[0, 0].legend()
        page.save("f", str(tmp_path / name), fig)
        made.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert made[0] == made[1]
    assert set(made[0]) == {"f.csv", "f.pdf", "f.png", "f.svg"}
    pdf = made[0]["f.pdf"]
    assert pdf.startswith(b"%PDF-1.")
    assert b"/Type3" not in pdf
    assert b"/FontFile2" in pdf  # fonts embedded, as outlines that journals take
