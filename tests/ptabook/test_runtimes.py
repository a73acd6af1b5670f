import json

import pytest

from ptabook.runtimes import write_runtimes

RECORD = dict(
    preset="quick", seconds=12.4, memory=345e6, started="2030-01-02T03:04:05+00:00",
    machine=dict(cpu="Abacus", cores=2, os="Linux-6.1"), versions=dict(python="3.11.7", torch="2.13.0"),
)  # fmt: skip


def record(figures, name, **changes):
    (figures / name).mkdir(parents=True)
    (figures / name / "provenance.json").write_text(json.dumps(RECORD | dict(figure=name) | changes))


def test_every_figure_has_a_row_the_slowest_first(tmp_path):
    record(tmp_path, "fig1")
    record(tmp_path, "fig2", seconds=100.0, memory=None)
    record(tmp_path, "fig2-0a1b2c3d", seconds=1e6)  # with the user's own parameters
    (tmp_path / ".fig3.123").mkdir()
    write_runtimes(tmp_path, tmp_path / "out.md")
    lines = (tmp_path / "out.md").read_text().splitlines()
    assert lines[2:4] == [
        "| [fig2](../notebooks/fig2.ipynb) | 100 | – | 2030-01-02 | Abacus, 2 cores, Linux |",
        "| [fig1](../notebooks/fig1.ipynb) | 12 | 345 | 2030-01-02 | Abacus, 2 cores, Linux |",
    ]
    assert "Together 2 minutes, preset `quick`." in lines
    assert lines[-1] == "- python 3.11.7, torch 2.13.0"
    assert "e6" not in "".join(lines)


def test_without_figures_it_says_how_they_are_made(tmp_path):
    with pytest.raises(FileNotFoundError, match="ptacore figures"):
        write_runtimes(tmp_path, tmp_path / "out.md")
    assert not (tmp_path / "out.md").exists()
