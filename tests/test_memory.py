"""Memory told before it is taken."""

import ctypes
import mmap
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from ptacore import memory


def test_what_fits_is_let_through_and_what_does_not_is_told(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 1_000_000)
    memory.foretell("duration", 1_000_000, "wait")
    with pytest.raises(MemoryError) as caught:
        memory.foretell("duration", 1.6e14, "take a shorter duration")
    expected = "duration: needs 160 TB of memory, and 1 MB are available; take a shorter duration"
    assert str(caught.value) == expected


def test_a_system_that_does_not_tell_is_trusted(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: None)
    memory.foretell("duration", 1e30, "wait")


def test_the_machine_has_what_is_free_and_not_more_than_all():
    """Independent counts, by the system's own call; caches can be had besides what is free, which changes meanwhile."""
    page = os.sysconf("SC_PAGE_SIZE")
    there = memory._of_the_machine()
    assert 0.5 * page * os.sysconf("SC_AVPHYS_PAGES") < there <= page * os.sysconf("SC_PHYS_PAGES")
    assert 1e6 < memory.available() <= there + 1e9


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({"memory.max": "1000", "memory.current": "700", "memory.stat": "anon 5\ninactive_file 100\n"}, 400),
        ({"memory.max": "max", "memory.current": "700", "memory.stat": ""}, None),
        ({"memory.max": "1000", "memory.current": "1700", "memory.stat": ""}, 0),
        (
            {
                "memory/memory.limit_in_bytes": "1000",
                "memory/memory.usage_in_bytes": "700",
                "memory/memory.stat": "inactive_file 1\ntotal_inactive_file 100\n",
            },
            400,
        ),
        ({"memory.max": "junk", "memory.current": "1", "memory.stat": ""}, None),
        ({}, None),
    ],
)
def test_a_containers_limit_counts(tmp_path, files, left):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert memory._of_the_container(tmp_path) == left


def test_a_limit_of_the_process_counts():
    def limited():
        resource.setrlimit(resource.RLIMIT_AS, (3_000_000_000, resource.RLIM_INFINITY))

    script = f"import runpy; print(runpy.run_path({memory.__file__!r})['available']())"
    command = [sys.executable, "-c", script]
    told = subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=limited).stdout
    assert 1e6 < int(told) < 3e9


def test_without_proc_all_of_the_machines_memory_counts(monkeypatch, tmp_path):
    lines = Path("/proc/meminfo").read_text().splitlines()
    total = next(int(line.split()[1]) for line in lines if line.startswith("MemTotal"))
    monkeypatch.setattr(memory, "Path", lambda name: tmp_path / "missing")
    assert memory._of_the_machine() == pytest.approx(1024 * total, rel=0.01)
    assert memory._of_the_process() is None


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="the system does not tell how it maps memory")
@pytest.mark.parametrize(("size", "asked"), [(2**24, True), (2**16, False)])
def test_large_pages_are_asked_for_where_much_is_written(size, asked):
    with mmap.mmap(-1, 2**25, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as room:
        view = ctypes.c_char.from_buffer(room)
        start = ctypes.addressof(view) + 2**20 + 64
        memory.on_large_pages(start, size)
        told, inside = [], False
        for line in Path("/proc/self/smaps").read_text().splitlines():
            if line[:1] in "0123456789abcdef":
                first, end = (int(edge, 16) for edge in line.split()[0].split("-"))
                inside = first <= start + size // 2 < end
            elif inside and line.startswith("VmFlags:"):
                told.append("hg" in line.split())
        room[:] = b"1" * 2**25
        del view
    assert told == [asked]
