"""Building and loading C sources: what is in the cache is trusted only as far as it can be."""

import ctypes
import os
import pkgutil
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

import pytest

from ptacore import kernels
from ptacore.kernels import build as compiler
from ptacore.kernels import tangents as compiled

pytestmark = pytest.mark.skipif(not compiled.available(), reason="no C compiler on this machine")
ANSWER = "int answer(void) { return 42; }"


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "ptacore"


@pytest.fixture
def source(tmp_path):
    return write(tmp_path / "answer.c", ANSWER)


@pytest.fixture
def scratch(monkeypatch, tmp_path):
    """Where temporary folders are made, so that one can see that nothing is left there."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


LANES = Path(compiler.__file__).with_name("lanes.h")


def write(path, text):
    path.write_text(text)
    return path


def other_library(tmp_path):
    """A shared library of somebody else."""
    source = write(tmp_path / "other.c", "int question(void) { return 6 * 9; }")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "other.so", source], check=True)
    return (tmp_path / "other.so").read_bytes()


def test_a_library_is_built_once_for_its_source_and_header(cache, tmp_path, monkeypatch):
    source = write(tmp_path / "answer.c", '#include "lanes.h"\nint answer(void) { return 41; }')
    first = compiler.load(source)
    assert first.answer() == 41
    built = compiler.build(source).stat().st_mtime_ns
    assert compiler.build(source).stat().st_mtime_ns == built
    write(source, '#include "lanes.h"\nint answer(void) { return 42; }')
    assert compiler.load(source).answer() == 42
    write(tmp_path / "lanes.h", "// another")
    monkeypatch.setattr(compiler, "HEADERS", tmp_path)
    compiler.build(source)
    assert len(list(cache.iterdir())) == 3


def in_a_process(source):
    """A process of its own that ends with the answer. It imports nothing but compiler.py, which takes no time."""
    script = f"import runpy, sys; from pathlib import Path; load = runpy.run_path({compiler.__file__!r})['load']; "
    script += "sys.exit(load(Path(sys.argv[1]), ['answer']).answer())"
    return subprocess.Popen([sys.executable, "-W", "error", "-c", script, source])


DAMAGES = {
    "cut": lambda path, tmp_path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "cut by a byte": lambda path, tmp_path: path.write_bytes(path.read_bytes()[:-1]),
    "emptied": lambda path, tmp_path: path.write_bytes(b""),
    "longer": lambda path, tmp_path: path.write_bytes(path.read_bytes() + b"\0"),
    "zeros": lambda path, tmp_path: path.write_bytes(bytes(path.stat().st_size)),
    "text": lambda path, tmp_path: path.write_text("not a library"),
    "foreign": lambda path, tmp_path: path.write_bytes(other_library(tmp_path)),
    "a link": lambda path, tmp_path: path.symlink_to(path.rename(tmp_path / "elsewhere.so")),
    "a link to nothing": lambda path, tmp_path: (path.unlink(), path.symlink_to("nowhere")),
    "a pipe": lambda path, tmp_path: (path.unlink(), os.mkfifo(path)),
    "writable by others": lambda path, tmp_path: path.chmod(0o777),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_library_is_built_again_and_never_loaded(cache, source, tmp_path, damage):
    library = compiler.build(source)
    content = library.read_bytes()
    DAMAGES[damage](library, tmp_path)
    assert in_a_process(source).wait() == 42  # to load a library that was cut would be the end of this one
    assert library.read_bytes() == content
    assert library.is_file()
    assert not library.is_symlink()
    assert list(cache.iterdir()) == [library]


def test_a_folder_in_the_place_of_a_library_is_left_alone(cache, source, scratch):
    library = compiler.build(source)
    library.unlink()
    (library / "own").mkdir(parents=True)
    with pytest.warns(UserWarning, match="for this process alone"):
        assert compiler.load(source, ["answer"]).answer() == 42
    assert (library / "own").is_dir()


def test_a_library_of_another_user_is_not_loaded(cache, source, monkeypatch):
    library = compiler.build(source)
    assert compiler._is_whole(library)
    monkeypatch.setattr(os, "getuid", lambda: library.stat().st_uid + 1)
    assert compiler._is_whole(library) == (library.stat().st_uid == 0)  # root can do anything anyway


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_what_belongs_to_another_user_is_not_trusted(cache, source, scratch):
    library = compiler.build(source)
    os.chown(library, 1234, -1)
    assert compiler.build(source) == library
    assert library.stat().st_uid == 0
    os.chown(cache, 1234, -1)
    with pytest.warns(UserWarning, match=rf"the cache {cache} belongs to another user \(id 1234\)") as caught:
        assert compiler.load(source, ["answer"]).answer() == 42
    assert len(caught) == 1
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777, 0o702])
def test_a_cache_that_others_can_write_to_is_not_used(cache, source, scratch, tmp_path, mode):
    library = compiler.build(source)
    library.write_bytes(other_library(tmp_path))
    cache.chmod(mode)
    with pytest.warns(UserWarning, match=rf"the cache {cache} can be written by others .*chmod go-w") as caught:
        assert compiler.load(source, ["answer"]).answer() == 42
    assert len(caught) == 1
    assert not list(scratch.iterdir())
    assert list(cache.iterdir()) == [library]  # nothing was written there either


def test_a_cache_below_a_folder_that_everybody_can_write_to_is_not_used(cache, source, scratch, tmp_path):
    tmp_path.chmod(0o777)
    with pytest.warns(UserWarning, match=f"lies in {tmp_path}, which everybody can write to"):
        assert compiler.load(source, ["answer"]).answer() == 42
    tmp_path.chmod(0o1777)  # as /tmp is: what others have put there cannot be renamed
    assert compiler.build(source).parent == cache


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("umask", [0o000, 0o002, 0o077])
def test_our_own_cache_is_trusted_whatever_the_umask(cache, source, umask):
    before = os.umask(umask)
    try:
        library = compiler.build(source)
        assert compiler.build(source) == library
    finally:
        os.umask(before)
    assert compiler._is_whole(library)


def test_without_a_place_to_write_a_library_is_built_for_one_process(monkeypatch, source, scratch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(write(tmp_path / "file", "")))
    with pytest.warns(UserWarning, match="for this process alone.*file"):
        assert compiler.load(source).answer() == 42
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    with pytest.warns(UserWarning, match="for this process alone.*no home"):
        assert compiler.load(source).answer() == 42
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("base", [None, "", "relative", "./here"])
def test_the_cache_is_in_the_home_folder_unless_an_absolute_one_is_given(monkeypatch, source, tmp_path, base):
    monkeypatch.setenv("HOME", str(tmp_path / "not" / "made yet"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if base is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", base)
    monkeypatch.chdir(tmp_path)
    assert compiler.build(source).parent == tmp_path / "not" / "made yet" / ".cache" / "ptacore"
    assert not (tmp_path / "relative").exists()


def test_what_killed_builds_have_left_is_removed_once_it_is_old(cache, source):
    compiler.build(source)
    for name, age in (("tmpold", 2 * compiler.LONGEST), ("tmpnew", 0)):
        (cache / name).mkdir()
        write(cache / name / "library.so", "half")
        os.utime(cache / name, (time.time() - age,) * 2)
    (cache / "data").mkdir()
    os.utime(cache / "data", (0, 0))
    library = compiler.build(source)
    assert sorted(path.name for path in cache.iterdir()) == sorted([library.name, "data", "tmpnew"])


def test_processes_that_build_at_once_leave_one_library(cache, source):
    started = [in_a_process(source) for _ in range(3)]
    assert [process.wait() for process in started] == [42] * 3
    assert all(map(compiler._is_whole, cache.iterdir()))


# ---- compilers


def test_a_failed_build_leaves_nothing_behind(cache, tmp_path):
    bad = write(tmp_path / "bad.c", "int broken(")
    with pytest.raises(OSError, match=r"^\S+ failed: .*error"):
        compiler.build(bad)
    assert list(cache.iterdir()) == []
    with pytest.warns(UserWarning, match="compiled backend not available.*failed") as caught:
        assert compiler.load(bad) is None
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("no-such-compiler", "no-such-compiler"),
        ("false", "false failed: exit code 1"),
        ("true", "true succeeded and wrote nothing"),
        ("/", "Permission denied"),
        ("cc --no-such-option", "cc failed: .*no-such-option"),
    ],
)
def test_without_a_compiler_that_works_there_is_one_warning_that_says_what_to_install(cache, monkeypatch, command, why):
    monkeypatch.setenv("CC", command)
    with pytest.warns(UserWarning, match=rf"(?s)compiled backend not available.*{why}.*apt-get install gcc") as caught:
        assert compiler.load(compiled.SOURCE) is None
    assert len(caught) == 1


def test_a_command_that_is_not_closed_is_named(cache, source, monkeypatch):
    monkeypatch.setenv("CC", "gcc '-m64")
    with pytest.warns(UserWarning, match="not available.*CC: No closing quotation"):
        assert compiler.load(source) is None


def test_no_compiler_at_all(cache, source, monkeypatch):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.warns(
        UserWarning, match=r"no C compiler found \(looked for \$CC, cc, gcc, clang\); a C compiler can be"
    ):
        assert compiler.load(source) is None


@pytest.mark.parametrize("command", ["cc -DANSWER=42", "cc '-DANSWER=(6 * 7)'", "  ", "env cc -DANSWER=42"])
def test_the_compilers_command_may_have_options(cache, tmp_path, monkeypatch, command):
    source = write(
        tmp_path / "answer.c", "#ifndef ANSWER\n#define ANSWER 42\n#endif\nint answer(void) { return ANSWER; }"
    )
    monkeypatch.setenv("CC", command)
    assert compiler.load(source).answer() == 42
    monkeypatch.setenv("CC", "cc -DANSWER=43")
    assert compiler.load(source).answer() == 43


def test_a_library_without_the_functions_is_told(cache, source):
    with pytest.warns(UserWarning, match="not available.*has no function question"):
        assert compiler.load(source, ["answer", "question"]) is None


def test_a_whole_library_that_the_system_refuses_is_built_elsewhere(cache, source, scratch, monkeypatch):
    opened = ctypes.CDLL

    def on_a_system_that_runs_nothing_from_the_cache(path):
        if Path(path).parent == cache:
            raise OSError(f"{path}: failed to map segment from shared object")
        return opened(path)

    monkeypatch.setattr(ctypes, "CDLL", on_a_system_that_runs_nothing_from_the_cache)
    with pytest.warns(UserWarning, match="for this process alone.*failed to map segment"):
        assert compiler.load(source, ["answer"]).answer() == 42


@pytest.mark.parametrize("source", sorted(LANES.parent.glob("*.c")), ids=lambda path: path.name)
@pytest.mark.parametrize("processor", ["this", "any"])
def test_the_sources_compile_without_warnings(source, processor):
    left_out = ("-shared", "-fPIC") if processor == "this" else ("-shared", "-fPIC", "-march=native")
    flags = [f for f in compiler.FLAGS if f not in left_out]
    done = subprocess.run(["cc", *flags, "-Wall", "-Wextra", "-fsyntax-only", source], capture_output=True, text=True)
    assert done.stderr == ""


def test_all_sources_are_built_together(monkeypatch):
    modules = [import_module(f"ptacore.kernels.{found.name}") for found in pkgutil.iter_modules(kernels.__path__)]
    named, built = [module.__name__ for module in modules if hasattr(module, "available")], []
    for name in named:
        monkeypatch.setattr(f"{name}.available", lambda name=name: built.append(name) or True)
    assert kernels.build_all()
    assert sorted(built) == sorted(named)
    assert len(named) == len(list(Path(kernels.__file__).parent.glob("*.c")))
