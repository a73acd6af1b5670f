"""Building and loading C sources."""

import subprocess

import pytest

from ptacore import compiled, compiler
from ptacore.models import fused_kernel

pytestmark = pytest.mark.skipif(not compiled.available(), reason="no C compiler on this machine")


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "ptacore"


def write(path, text):
    path.write_text(text)
    return path


def test_a_library_is_built_once_for_its_source_and_header(cache, tmp_path, monkeypatch):
    source = write(tmp_path / "answer.c", f'#include "{compiler.HEADER}"\nint answer(void) {{ return 41; }}')
    first = compiler.load(source)
    assert first.answer() == 41
    built = compiler.build(source).stat().st_mtime_ns
    assert compiler.build(source).stat().st_mtime_ns == built
    write(source, f'#include "{compiler.HEADER}"\nint answer(void) {{ return 42; }}')
    assert compiler.load(source).answer() == 42
    monkeypatch.setattr(compiler, "HEADER", write(tmp_path / "kernels.h", "// another"))
    compiler.build(source)
    assert len(list(cache.iterdir())) == 3


def test_a_failed_build_leaves_nothing_behind(cache, tmp_path):
    bad = write(tmp_path / "bad.c", "int broken(")
    with pytest.raises(OSError, match=r"^\S+ failed: .*error"):
        compiler.build(bad)
    assert list(cache.iterdir()) == []
    with pytest.warns(UserWarning, match="compiled backend not available.*failed"):
        assert compiler.load(bad) is None


def test_without_a_compiler_there_is_a_warning(cache, monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.warns(UserWarning, match="compiled backend not available.*no-such-compiler"):
        assert compiler.load(compiled.SOURCE) is None


@pytest.mark.parametrize("source", [compiled.SOURCE, fused_kernel.SOURCE], ids=lambda path: path.name)
@pytest.mark.parametrize("processor", ["this", "any"])
def test_the_sources_compile_without_warnings(source, processor):
    left_out = ("-shared", "-fPIC") if processor == "this" else ("-shared", "-fPIC", "-march=native")
    flags = [f for f in compiler.FLAGS if f not in left_out]
    done = subprocess.run(["cc", *flags, "-Wall", "-Wextra", "-fsyntax-only", source], capture_output=True, text=True)
    assert done.stderr == ""
