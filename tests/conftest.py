"""What all tests share: two markers, how tests are dealt out to processes, and the page to open at the end."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

settings.register_profile("untimed", deadline=None)  # no test times anything
settings.load_profile("untimed")
torch.set_num_threads(1)  # small tensors: a second thread costs more than it gives


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "html" in getattr(item, "fixturenames", ()):  # the built book, see tests/book/conftest.py
            item.add_marker("browser")
        if item.get_closest_marker("cuda") and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile` a page of the book stays with one process, which opens it once; so does every other file.

    A file's tests share fixtures, which a second process would make again.
    """
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class PageOrFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            page = re.search(r"\[((?:book|notebooks)/\w+)", nodeid)
            return page[1] if page else nodeid.partition("::")[0]

    return PageOrFile(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    page = ROOT / "_build" / "html" / "index.html"
    missing = "The book is not built yet, so its pages were not tested: make book"
    terminalreporter.write_line(f"Open {page}" if page.is_file() else missing)
