"""Figures made from small notebooks in a temporary checkout."""

import contextlib
import errno
import io
import itertools
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from toy import CHECK, PARAMETERS, WORK, edit_notebook, make_checkout, tree, write_notebook

from ptabook import figures, files, pages
from ptabook.figures import Figure
from ptabook.notebook import FigureError
from ptabook.pages import BookError
from ptacore import provenance
from ptacore.terminal import UsageError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_checkout(tmp_path)


def pretend_made(figure: Figure) -> Figure:
    """Leave what a run leaves, without running."""
    figure.folder.mkdir(parents=True, exist_ok=True)
    (figure.folder / figure.source.name).write_text("{}")
    inputs = figure.inputs() | files.hash_files(figure.root, files.sources(figure.root))
    record = {"hash": files.digest(inputs), "inputs": inputs}
    (figure.folder / "provenance.json").write_text(json.dumps(record))
    assert figure.changes() == []
    return figure


# ---- what makes a figure stale -------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "ptacore/dynamics/lyapunov.py",
        "ptacore/models/kernels.c",
        "ptacore/models/kernels.h",
        "ptacore/plotting/picture.js",
        "requirements.lock",
        "results/toy/run.json",
    ],
)
def test_an_edited_file_makes_the_figure_stale_and_is_named(root, name):
    figure = pretend_made(Figure(root, "toy"))
    with open(root / name, "a") as file:
        file.write("# edited\n")
    assert figure.changes() == [name]


def test_a_figure_depends_on_the_modules_that_it_loaded_and_on_what_is_compiled_beside_them(root, monkeypatch):
    def loads(source, parameters):
        told = ["ptacore/models/system.py", "ptabook/page/save.py"]
        Path(parameters["output_dir"], provenance.LOADED).write_text(json.dumps(told))
        return nbformat.read(source, as_version=4)

    for name in ("ptacore/models/system.py", "ptabook/page/save.py", "ptabook/cli.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    monkeypatch.setattr(figures, "execute", loads)
    figure = Figure(root, "toy")
    figures.run(figure)
    assert not (figure.folder / provenance.LOADED).exists()
    stale = {}
    for path in files.sources(root):
        before = path.read_text()
        path.write_text(before + "# edited\n")
        stale[path.relative_to(root).as_posix()] = bool(figure.changes())
        path.write_text(before)
    assert {name for name, is_stale in stale.items() if is_stale} == {
        "ptacore/models/system.py",
        "ptacore/models/kernels.c",
        "ptacore/models/kernels.h",
        "ptabook/page/save.py",
    }
    assert {"ptabook/cli.py", "ptacore/dynamics/lyapunov.py", "ptacore/plotting/picture.js"} <= stale.keys()


def test_records_of_any_collection_but_the_users_own_make_those_figures_stale_that_read_records(root):
    path = write_notebook(root, "other")
    edit_notebook(path, lambda nb: nb.cells[1].update(source=PARAMETERS.replace("records", "notes")))
    reads, other = (pretend_made(Figure(root, name)) for name in ("toy", "other"))
    write_notebook(root, "part")
    edit_notebook(
        root / "notebooks/part.ipynb",
        lambda nb: nb.cells[1].update(source=PARAMETERS.replace("../results", "../results/long")),
    )
    part = pretend_made(Figure(root, "part"))
    for folder in ("results/own/run", "results/tuning/run"):
        (root / folder).mkdir(parents=True)
        (root / folder / "summary.json").write_text("{}")
    assert reads.changes() == ["results/tuning/run/summary.json"]
    assert other.changes() == part.changes() == []


def test_a_removed_module_makes_the_figure_stale_and_a_new_one_does_not(root):
    figure = pretend_made(Figure(root, "toy"))
    (root / "ptacore/new.py").write_text("")
    assert figure.changes() == []
    (root / "ptacore/dynamics/lyapunov.py").unlink()
    assert figure.changes() == ["ptacore/dynamics/lyapunov.py"]


@pytest.mark.parametrize(
    "edit",
    [
        lambda nb: nb.cells[2].update(source=WORK + "\n1 + 1"),
        lambda nb: nb.cells[1].update(source=PARAMETERS.replace("seed = 0", "seed = 1")),
        lambda nb: nb.cells[3].metadata.update(tags=["hide-input"]),
        lambda nb: nb.cells.pop(),
    ],
    ids=["code", "default", "tag", "cell removed"],
)
def test_an_edited_notebook_makes_the_figure_stale(root, edit):
    figure = pretend_made(Figure(root, "toy"))
    edit_notebook(figure.source, edit)
    assert figure.changes() == ["the notebook"]


def test_edited_prose_runs_nothing_and_is_shown_with_the_outputs_that_are_there(root):
    source = write_notebook(root, "toy", (WORK, "print(1)", "print(1)"))  # two cells alike
    figure = Figure(root, "toy")
    figures.run(figure)
    made = figure.folder / "toy.ipynb"
    before = nbformat.read(made, as_version=4)
    outputs = [cell.outputs for cell in before.cells if cell.cell_type == "code"]
    assert len(outputs) == 5  # with the cell that papermill adds

    def rewrite(notebook):
        notebook.cells[0].source = "# Another title"
        notebook.cells.insert(3, nbformat.v4.new_markdown_cell("Between two cells."))

    edit_notebook(source, rewrite)
    assert figure.changes() == []
    shown = nbformat.read(pages.stage(root, "quick") / "notebooks/toy.ipynb", as_version=4)
    prose = [cell.source for cell in shown.cells if cell.cell_type == "markdown"]
    assert prose == ["# Another title", "Between two cells."]
    assert nbformat.read(made, as_version=4) == before  # what was run stays as it was
    assert [cell.outputs for cell in shown.cells if cell.cell_type == "code"] == outputs
    assert "injected-parameters" in shown.cells[2].metadata.tags
    edit_notebook(source, lambda nb: nb.cells[2].update(source="1 + 1"))  # other code: the old page stays whole
    edit_notebook(source, lambda nb: nb.cells[0].update(source="# A third title"))
    assert "# A third title" not in (pages.stage(root, "quick") / "notebooks/toy.ipynb").read_text()


def test_outputs_metadata_and_timestamps_of_the_notebook_do_not_matter(root):
    figure = pretend_made(Figure(root, "toy"))

    def save_as_jupyter_does(notebook):
        notebook.metadata.update(kernelspec={"name": "other", "display_name": "Other"})
        notebook.cells[2].update(execution_count=7, outputs=[nbformat.v4.new_output("stream", text="done")])
        notebook.cells[2].metadata.update(execution={"iopub.status.busy": "2020-01-01T00:00:00Z"}, collapsed=True)

    edit_notebook(figure.source, save_as_jupyter_does)
    os.utime(figure.source, (0, 0))
    os.utime(root / "ptacore/dynamics/lyapunov.py", (0, 0))
    (root / "ptacore/__pycache__").mkdir()
    (root / "ptacore/__pycache__/lyapunov.py").write_text("cached")
    assert figure.changes() == []


def test_parameters_have_their_own_folder_and_presets_too(root):
    folders = [
        Figure(root, "toy").folder,
        Figure(root, "toy", "paper").folder,
        Figure(root, "toy", given={"seed": 1}).folder,
        Figure(root, "toy", given={"seed": 2}).folder,
    ]
    assert len(set(folders)) == 4
    assert folders[0] == root / "_build/figures/quick/toy"
    assert folders[2].name.startswith("toy-")


def test_a_parameter_change_in_the_same_place_makes_the_figure_stale(root, monkeypatch):
    pretend_made(Figure(root, "toy", given={"seed": 1}))
    monkeypatch.setattr(Figure, "folder", Figure(root, "toy", given={"seed": 1}).folder)
    assert Figure(root, "toy", given={"seed": 1}).changes() == []
    assert Figure(root, "toy", given={"seed": 2}).changes() == ["the parameters"]
    assert Figure(root, "toy", "paper", given={"seed": 1}).changes() == ["the parameters"]


def test_the_content_of_a_weights_file_counts_and_its_path_is_absolute(root, monkeypatch):
    monkeypatch.chdir(root)
    Path("W.csv").write_text("1,0\n0,1\n")
    figure = pretend_made(Figure(root, "toy", given={"weights": "W.csv"}))
    assert figure.given == {"weights": str(root / "W.csv")}
    assert figure.folder == Figure(root, "toy", given={"weights": str(root / "W.csv")}).folder
    Path("W.csv").write_text("1,0\n0,2\n")
    assert figure.changes() == ["the file of weights"]


def test_a_figure_without_its_executed_notebook_or_with_a_broken_record_is_stale(root):
    figure = pretend_made(Figure(root, "toy"))
    (figure.folder / "toy.ipynb").unlink()
    assert figure.changes() == ["not made yet"]
    pretend_made(figure)
    (figure.folder / "provenance.json").write_text("{")
    assert figure.changes() == ["not made yet"]


# ---- runs ----------------------------------------------------------------------------------------


def test_the_memory_is_that_of_the_largest_process_that_has_ended():
    subprocess.run([sys.executable, "-c", "held = b'x' * 500_000_000"], check=True)
    assert 500e6 < figures.largest_child() < 20e9


def test_a_run_leaves_the_notebook_the_artefacts_and_their_provenance(root, monkeypatch):
    registered = root / "registered/kernels/python3"  # a kernel of the same name that cannot start
    registered.mkdir(parents=True)
    spec = {"argv": ["/nonexistent", "{connection_file}"], "display_name": "Broken", "language": "python"}
    (registered / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(root / "registered"))

    figure = Figure(root, "toy", "paper", given={"seed": 3})
    assert figures.run(figure) == figure.folder
    assert sorted(tree(root / "_build")) == [
        f"figures/paper/{figure.folder.name}/{name}" for name in ("provenance.json", "toy.ipynb", "toy.json")
    ]
    made = json.loads((figure.folder / "toy.json").read_text())
    assert made == {"seed": 3, "preset": "paper", "python": sys.executable}

    record = json.loads((figure.folder / "provenance.json").read_text())
    assert record["parameters"] == {"preset": "paper", "seed": 3, "weights": None, "records": "../results"}
    assert (record["figure"], record["preset"], record["seed"]) == ("toy", "paper", 3)
    assert record["commit"] == "unknown"
    assert record["seconds"] > 0
    assert record["memory"] is None or 10e6 < record["memory"] < 10e9  # None where a larger process ended before
    assert record["started"].endswith("+00:00")
    assert record["machine"]["cores"] >= 1
    assert "torch" in record["versions"]
    assert figure.changes() == []


KINDS = {
    "0": "a whole number",
    "0.5": "a number",
    "True": "true or false",
    "[1, 2.5]": "a list of numbers",
    "''": "a text",
}
VALUES = {
    "a whole number": [3, -1, np.int64(2)],
    "a number": [0.5, np.float32(0.5)],
    "true or false": [False, np.bool_(True)],
    "a list of numbers": [[1, 0.5], (1.0, 1.3), np.arange(3.0), []],
    "a text": ["3", "0,7", Path("W.csv")],
}
NONE_OF_THESE = [math.nan, math.inf, None, [["a"]], {"a": 1}]


def write_parameters(root, *lines):
    source = "\n".join([PARAMETERS, *lines])
    edit_notebook(root / "notebooks/toy.ipynb", lambda notebook: notebook.cells[1].update(source=source))


@pytest.mark.parametrize("default", KINDS)
def test_a_value_of_another_kind_than_the_default_is_refused_before_a_kernel_starts(root, default):
    write_parameters(root, f"size = {default}")
    expected = KINDS[default]
    right = (expected, "a whole number") if expected == "a number" else (expected,)  # 1 is a number, too
    for kind, values in {**VALUES, "none of these": NONE_OF_THESE}.items():
        for value in values:
            figure = Figure(root, "toy", given={"size": value})
            if kind in right:
                assert figures.all_parameters(figure)["size"] == figure.given["size"]
            else:
                with pytest.raises(UsageError, match=f"^toy: size: expected {expected}, such as .*, got "):
                    figures.all_parameters(figure)


def test_what_the_notebook_gets_is_what_the_figure_records(root):
    values = [(1.0, 1.3), np.int64(3), np.float32(0.5), Path("W.csv"), np.eye(2), {"x": (1,)}]
    figure = Figure(root, "toy", given=dict(zip("abcdef", values, strict=True)))
    write_parameters(root, *(f"{name} = None" for name in "abcdef"))
    show = "import json, pathlib\npathlib.Path(output_dir, 'toy.json').write_text(json.dumps([a, b, c, d, e, f]))"
    edit_notebook(root / "notebooks/toy.ipynb", lambda n: n.cells[2].update(source=show))
    got = json.loads((figures.run(figure) / "toy.json").read_text())
    assert got == list(figure.given.values()) == [[1.0, 1.3], 3, 0.5, "W.csv", [[1.0, 0.0], [0.0, 1.0]], {"x": [1]}]


@pytest.mark.parametrize("value", [{1: 2}, object(), 1j, {1, 2}, b"x"])
def test_a_value_that_a_notebook_cannot_be_given_is_refused(root, value):
    with pytest.raises(UsageError, match="^weights: expected a number, text, list, dict .* or None, got "):
        Figure(root, "toy", given={"weights": value})


def test_a_file_may_be_named_with_an_array_in_it(root, monkeypatch):
    monkeypatch.chdir(root)
    (root / "W.npz").write_bytes(b"1")
    figure = pretend_made(Figure(root, "toy", given={"weights": "W.npz::W"}))
    assert figure.given == {"weights": f"{root}/W.npz::W"}
    (root / "W.npz").write_bytes(b"2")
    assert figure.changes() == ["the file of weights"]


def test_the_injected_cell_is_tagged_and_free_of_paths_and_timestamps(root):
    folder = figures.run(Figure(root, "toy"))
    notebook = nbformat.read(folder / "toy.ipynb", as_version=4)
    nbformat.validate(notebook)
    (injected,) = [c for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", [])]
    assert "remove-cell" in injected.metadata.tags
    assert "preset = " in injected.source
    assert str(root) not in (folder / "toy.ipynb").read_text()
    assert "papermill" not in notebook.metadata
    assert all(not {"papermill", "execution"} & set(cell.metadata) for cell in notebook.cells)
    first = (folder / "toy.ipynb").read_bytes()
    figures.run(Figure(root, "toy"))
    assert (folder / "toy.ipynb").read_bytes() == first


def test_a_failing_notebook_is_reported_and_leaves_the_previous_results(root):
    figure = Figure(root, "toy")
    figures.run(figure)
    before = tree(root / "_build")
    edit_notebook(figure.source, lambda nb: nb.cells[3].update(source="seed = -1\n" + CHECK))
    with pytest.raises(FigureError, match=r"^ValueError: seed: must not be negative, got -1 \(in cell 4 of "):
        figures.run(figure)
    assert tree(root / "_build") == before
    assert [p.name for p in figure.folder.parent.iterdir()] == ["toy"]


def test_a_notebook_that_kills_its_kernel_is_reported(root):
    write_notebook(root, "dying", ("import os; os._exit(1)",))
    with pytest.raises(FigureError, match="kernel died"):
        figures.run(Figure(root, "dying"))
    assert not any((root / "_build/figures/quick").iterdir())


def test_an_interruption_leaves_the_previous_results(root, monkeypatch):
    figure = pretend_made(Figure(root, "toy"))
    before = tree(root / "_build")

    def interrupted(source, parameters):
        Path(parameters["output_dir"], "toy.json").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(figures, "execute", interrupted)
    with pytest.raises(KeyboardInterrupt):
        figures.run(figure)
    assert tree(root / "_build") == before
    assert [p.name for p in figure.folder.parent.iterdir()] == ["toy"]


def test_an_interruption_while_folders_are_swapped_brings_the_old_one_back(tmp_path, monkeypatch):
    new, final = tmp_path / ".toy.1", tmp_path / "toy"
    for folder, text in ((new, "new"), (final, "old")):
        folder.mkdir()
        (folder / "toy.json").write_text(text)
    replace = os.replace

    def interrupted(source, target):
        if source == new:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.replace_folder(new, final)
    assert tree(final) == {"toy.json": b"old"}


def test_an_edit_during_the_run_leaves_the_figure_stale(root, monkeypatch):
    figure = Figure(root, "toy")

    def edited_meanwhile(source, parameters):
        (root / "ptacore/dynamics/lyapunov.py").write_text("x = 2\n")
        return nbformat.read(source, as_version=4)

    monkeypatch.setattr(figures, "execute", edited_meanwhile)
    figures.run(figure)
    assert figure.changes() == ["ptacore/dynamics/lyapunov.py"]


def test_a_folder_of_someone_else_is_not_replaced(root, tmp_path):
    (tmp_path / "mine/toy").mkdir(parents=True)
    (tmp_path / "mine/toy/thesis.tex").write_text("precious")
    with pytest.raises(UsageError, match="was not written by ptacore"):
        figures.run(Figure(root, "toy", output=tmp_path / "mine"))
    assert tree(tmp_path / "mine") == {"toy/thesis.tex": b"precious"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sede": 1}, "unknown parameter 'sede'; its parameters are records, seed, weights$"),
        ({"preset": "paper"}, "preset is not set by -p but by --preset"),
        ({"output_dir": "x"}, "output_dir is not set by -p but by --output"),
    ],
)
def test_a_parameter_that_cannot_be_set_is_an_error(root, given, message):
    with pytest.raises(UsageError, match=message):
        figures.run(Figure(root, "toy", given=given))
    assert not (root / "_build").exists()


def test_a_notebook_whose_parameters_lack_the_preset_is_an_error(root):
    edit_notebook(root / "notebooks/toy.ipynb", lambda nb: nb.cells[1].update(source="output_dir = '.'"))
    with pytest.raises(UsageError, match=r"does not define preset$"):
        figures.run(Figure(root, "toy"))


def test_figures_are_the_notebooks_with_parameters(root):
    write_notebook(root, "a_first")
    edit_notebook(write_notebook(root, "essay"), lambda nb: nb.cells[1].metadata.update(tags=[]))
    write_notebook(root, "_template")
    assert figures.figure_names(root) == ["a_first", "toy"]
    (root / "notebooks/broken.ipynb").write_text("not json")
    with pytest.raises(UsageError, match=r"broken\.ipynb is not a notebook"):
        figures.figure_names(root)


def test_the_template_is_a_chapter_that_runs(tmp_path):
    """A linear flow's leading exponent is the largest real part of its eigenvalues, and the prose names both."""
    made = figures.run(Figure(provenance.ROOT, "_template", output=tmp_path / "made"))
    numbers = json.loads((made / "_template.json").read_text())
    assert numbers["leading"] == pytest.approx(numbers["slowest"], rel=1e-2)
    text = (made / "_template.ipynb").read_text()
    assert set(re.findall(r"glue:text}`(\w+)", text)) == {"leading", "slowest"}
    assert {f"_template.{kind}" for kind in ("svg", "png", "pdf", "csv")} <= {path.name for path in made.iterdir()}


def test_a_place_without_notebooks_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="does not exist: figures are made in a checkout"):
        figures.figure_names(tmp_path)


# ---- the book's sources --------------------------------------------------------------------------


def test_staging_shows_executed_notebooks_and_their_artefacts(root):
    figure = pretend_made(Figure(root, "toy"))
    (figure.folder / "toy.svg").write_text("<svg/>")
    edit_notebook(write_notebook(root, "essay"), lambda nb: nb.cells[1].metadata.update(tags=[]))
    write_notebook(root, "_template")
    (root / "book/_ext/__pycache__").mkdir(parents=True)
    (root / "book/_ext/__pycache__/x.pyc").write_text("")
    (root / "book/.hidden").write_text("")
    source = pages.stage(
        root, "quick", {"_ledger.md": lambda figures, out: out.write_text(f"ledger of {figures.name}")}
    )
    assert source == root / "_build/source"
    staged = tree(source)
    assert sorted(staged) == [
        "CITATION.cff",
        "_config.yml",
        "_toc.yml",
        "book/_ledger.md",
        "book/index.md",
        "notebooks/essay.ipynb",
        "notebooks/toy.ipynb",
        "notebooks/toy.provenance.json",
        "notebooks/toy.svg",
    ]
    assert staged["book/_ledger.md"] == b"ledger of quick"
    assert staged["notebooks/toy.ipynb"] == b"{}"  # the executed one, not the source
    assert staged["notebooks/essay.ipynb"] == (root / "notebooks/essay.ipynb").read_bytes()


def test_staging_again_touches_only_what_changed_and_removes_what_vanished(root):
    pretend_made(Figure(root, "toy"))
    (root / "book/section").mkdir()
    (root / "book/section/old.md").write_text("# Old")
    source = pages.stage(root, "quick")
    for path in source.rglob("*.*"):
        os.utime(path, (0, 0))
    (root / "book/section/old.md").unlink()
    (root / "book/index.md").write_text("# Toy book\n\nAnother page.\n")
    pages.stage(root, "quick")
    assert not (source / "book/section").exists()
    assert (source / "book/index.md").read_text() == "# Toy book\n\nAnother page.\n"
    assert [p.name for p in source.rglob("*") if p.is_file() and p.stat().st_mtime > 0] == ["index.md"]


def test_two_figures_that_write_the_same_name_are_an_error(root):
    write_notebook(root, "other")
    for name in ("toy", "other"):
        (pretend_made(Figure(root, name)).folder / "shared.svg").write_text("<svg/>")
    with pytest.raises(UsageError, match=r"would both become notebooks/shared\.svg"):
        pages.stage(root, "quick")


def test_the_book_is_built_once_and_a_warning_fails_it(root):
    figures.run(Figure(root, "toy"))
    pages.stage(root, "quick")
    page = pages.build_book(root)
    assert page == root / "_build/html/index.html"
    assert (root / "_build/html/notebooks/toy.html").is_file()
    built = page.stat().st_mtime_ns
    assert pages.build_book(root).stat().st_mtime_ns == built

    (root / "book/index.md").write_text("# Toy book\n\n{ref}`nowhere`\n")  # a warning, not an error
    pages.stage(root, "quick")
    with pytest.raises(BookError, match="not built"):
        pages.build_book(root)


@pytest.fixture
def builds(root, monkeypatch) -> list[list]:
    """Record Jupyter Book's command lines, instead of building."""
    commands, run = [], subprocess.run

    def jupyter_book(command, **options):
        if Path(command[0]).name != "jupyter-book":
            return run(command, **options)
        commands.append(command)
        html = command[command.index("--path-output") + 1] / "_build/html"
        html.mkdir(parents=True)
        (html / "index.html").write_text(f"built {len(commands)}")
        return subprocess.CompletedProcess(command, returncode=int((root / "warnings").exists()))

    monkeypatch.setattr(subprocess, "run", jupyter_book)
    pages.stage(root, "quick")
    return commands


@pytest.mark.parametrize("name", ["ptacore/dynamics/lyapunov.py", "_build/source/book/index.md", "requirements.lock"])
def test_an_edit_builds_the_book_again(root, builds, name):
    pages.build_book(root)
    pages.build_book(root)
    assert len(builds) == 1
    (root / name).write_text("edited")
    pages.build_book(root)
    assert len(builds) == 2
    assert {"--all", "-W", "-n"} <= set(builds[0])


def test_a_failed_build_is_not_remembered_and_leaves_the_earlier_pages(root, builds):
    page = pages.build_book(root)
    before = tree(root / "_build")
    (root / "warnings").touch()
    (root / "requirements.lock").write_text("edited")
    for _ in range(2):
        with pytest.raises(BookError, match="not built"):
            pages.build_book(root)
        assert tree(root / "_build") == before
    assert len(builds) == 3
    (root / "requirements.lock").write_text("numpy==2.4.6\n")  # as at the good build, whose pages are still there
    assert pages.build_book(root) == page
    assert len(builds) == 3


# ---- interruptions, kills, full disks: what was there stays, and the next call goes on


OPERATIONS = ((os, "replace"), (os, "rename"), (os, "mkdir"), (os, "rmdir"), (os, "unlink"), (os, "open"))


def stopped_at(number, call, stop, root):
    """Whether the call ended although its file operation of this number below a folder stops it."""
    count = 0

    def stopping(real):
        def operation(path, *args, **kwargs):
            nonlocal count
            count += str(path).startswith(str(root)) or "dir_fd" in kwargs
            if count == number:
                count += 1
                stop(path)
            return real(path, *args, **kwargs)

        return operation

    with pytest.MonkeyPatch.context() as patch:
        for module, name in OPERATIONS:
            patch.setattr(module, name, stopping(getattr(module, name)))
        patch.setattr(io, "open", stopping(io.open))
        try:
            call()
        except (KeyboardInterrupt, OSError):
            return False
    return True


def interrupt(path):
    raise KeyboardInterrupt


def disk_full(path):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def executed(source, parameters):
    Path(parameters["output_dir"], "toy.json").write_text("new")
    return nbformat.read(source, as_version=4)


@pytest.mark.parametrize("stop", [interrupt, disk_full])
def test_a_book_stopped_at_any_file_operation_keeps_the_old_pages_or_has_the_new(root, builds, stop):
    page = pages.build_book(root)
    for number in itertools.count(1):
        (root / "requirements.lock").write_text(f"version {number}")
        before = page.read_text()
        done = stopped_at(number, lambda: pages.build_book(root), stop, root / "_build")
        assert page.read_text() in (before, f"built {len(builds)}")
        assert {path.name for path in (root / "_build").glob(".*")} <= {
            f".html.{os.getpid()}",
            f".html.{os.getpid()}.old",
        }
        pages.build_book(root)
        assert page.read_text() == f"built {len(builds)}"
        assert not list((root / "_build").glob(".*"))
        made = len(builds)
        pages.build_book(root)
        assert len(builds) == made  # it is remembered
        if done:
            break
    assert number > 8


@pytest.mark.parametrize("stop", [interrupt, disk_full])
def test_a_figure_stopped_at_any_file_operation_keeps_the_old_results_or_has_the_new(root, monkeypatch, stop):
    figure = pretend_made(Figure(root, "toy"))
    (figure.folder / "toy.json").write_text("old")
    monkeypatch.setattr(figures, "execute", executed)
    for number in itertools.count(1):
        before = tree(figure.folder)
        done = stopped_at(number, lambda: figures.run(figure), stop, root / "_build")
        now = tree(figure.folder)
        assert now == before or now["toy.json"] == b"new"
        assert set(now) == {"provenance.json", "toy.ipynb", "toy.json"} or now == before
        figures.run(figure)
        assert [path.name for path in figure.folder.parent.iterdir()] == ["toy"]
        assert figure.changes() == []
        (figure.folder / "toy.json").write_text("old")
        if done:
            break
    assert number > 6


def killed_at(number, call, root):
    """Whether the call, in a process of its own, ended before its file operation of this number, which kills it."""
    child = os.fork()
    if child == 0:
        try:
            stopped_at(number, call, lambda path: os.kill(os.getpid(), signal.SIGKILL), root)
        finally:
            os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code == 0


@pytest.mark.parametrize("what", ["book", "figure"])
def test_a_process_killed_at_any_file_operation_loses_nothing(root, builds, monkeypatch, what):
    figure = pretend_made(Figure(root, "toy"))
    monkeypatch.setattr(figures, "execute", executed)
    final, shown, call = {
        "book": (root / "_build/html", "index.html", lambda: pages.build_book(root)),
        "figure": (figure.folder, "toy.json", lambda: figures.run(figure)),
    }[what]
    for number in itertools.count(1):
        final.mkdir(exist_ok=True)
        (final / shown).write_text("old")
        (root / "_build/book.sha256").unlink(missing_ok=True)
        ended = killed_at(number, call, root / "_build")
        files.tidy_up(final)  # what the next call begins with
        assert not list(final.parent.glob(".*"))
        assert (final / shown).read_text() in ("old", "new", "built 1")
        assert what == "book" or figure.changes() == []
        if ended:
            break
    assert number > 6
    call()
    assert (final / shown).read_text() in ("new", "built 1")


def test_only_what_dead_processes_left_is_removed_and_what_they_put_aside_comes_back(root):
    folder = root / "_build/figures/quick"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = [f".toy.{dead.pid}", f".toy-0123abcd.{dead.pid}", f".toy.{10**18}", f".toy.{os.getpid()}"]
    kept = [f".toy.{os.getppid()}", f".other.{dead.pid}", ".toy.old", ".toy", f"toy.{dead.pid}", f".toy-x.{dead.pid}"]
    aside = [f".toy.{dead.pid}.old", f".toy-0123abcd.{dead.pid}.old"]
    for name in (*left, *kept, *aside):
        (folder / name).mkdir(parents=True)
        (folder / name / "toy.json").write_text(name)
    files.tidy_up(folder / "toy")
    assert sorted(path.name for path in folder.iterdir()) == sorted([*kept, "toy", "toy-0123abcd"])
    assert (folder / "toy/toy.json").read_text() == aside[0]
    assert (folder / "toy-0123abcd/toy.json").read_text() == aside[1]


def test_a_full_disk_is_told_with_the_name_of_what_could_not_be_written(root, monkeypatch):
    figure = pretend_made(Figure(root, "toy"))
    monkeypatch.setattr(figures, "execute", lambda source, parameters: disk_full(Path(parameters["output_dir"])))
    with pytest.raises(OSError, match=rf"No space left on device: '{root}/_build/figures/quick/\.toy\.\d+'"):
        figures.run(figure)
    with pytest.raises(OSError, match=rf"No space left on device: '{root}/_build/written/_ledger\.md'"):
        pages.stage(root, "quick", {"_ledger.md": lambda figures, out: disk_full(out)})


def test_what_is_written_from_figures_is_written_again_when_numbers_code_or_notebooks_have_changed(root):
    calls = []

    def write(figures, out):
        calls.append(out.name)
        out.write_text(str(len(calls)))

    folder = root / "_build/figures/quick/toy"
    folder.mkdir(parents=True)
    (folder / "toy.json").write_text("{}")
    for _ in range(2):
        staged = pages.stage(root, "quick", {"_ledger.md": write})
        assert (staged / "book/_ledger.md").read_text() == "1"
    (folder / "toy.json").write_text('{"a": 1}')
    pages.stage(root, "quick", {"_ledger.md": write})
    (root / "ptacore/dynamics/lyapunov.py").write_text("x = 2\n")
    pages.stage(root, "quick", {"_ledger.md": write})
    (root / "_build/written/_ledger.md").unlink()
    assert (pages.stage(root, "quick", {"_ledger.md": write}) / "book/_ledger.md").read_text() == "4"
    notebook = next((root / "notebooks").glob("*.ipynb"))  # whose headings the ledger's links name
    notebook.write_text(notebook.read_text() + "\n")
    assert (pages.stage(root, "quick", {"_ledger.md": write}) / "book/_ledger.md").read_text() == "5"


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk")
def test_on_a_disk_that_is_really_full_earlier_results_stay(root, builds, monkeypatch):
    disk = root / "_build"
    shutil.rmtree(disk)
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        monkeypatch.setattr(figures, "execute", executed)
        figure = Figure(root, "toy")
        figures.run(figure)
        pages.stage(root, "quick")
        page = pages.build_book(root)
        before = tree(disk)
        with open(disk / "fills", "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(512))
        edit_notebook(figure.source, lambda nb: nb.cells[0].update(source="# Another title"))
        (root / "book/index.md").write_text("# Another page\n" * 10_000)
        for call in (lambda: figures.run(figure), lambda: pages.stage(root, "quick")):
            with pytest.raises(OSError, match="No space left on device: '"):
                call()
        (root / "requirements.lock").write_text("edited")
        with pytest.raises(OSError, match="No space left on device: '"):
            pages.build_book(root)
        (disk / "fills").unlink()
        now = tree(disk)
        assert {name: now[name] for name in before if not name.startswith("source/")} == {
            name: text for name, text in before.items() if not name.startswith("source/")
        }
        figures.run(figure)
        pages.stage(root, "quick")
        assert pages.build_book(root) == page
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_provenance_knows_the_commit_and_whether_the_tree_is_clean(root):
    commands = [
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "c"],
    ]
    for command in commands:
        assert provenance._git(root, *command) is not None
    figure = Figure(root, "toy")
    clean = figures._provenance(figure, {}, {})
    assert len(clean["commit"]) == 40
    assert clean["dirty"] is False
    (root / "book/index.md").write_text("# Edited")
    assert figures._provenance(figure, {}, {})["dirty"] is True
