"""Messages quoted on the page of troubles are those that the program prints."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "book" / "troubleshooting.md"
TERMS = re.findall(r"^(\S.*)\n: ", PAGE.read_text(), re.MULTILINE)
MESSAGES = [term.strip("`") for term in TERMS if re.fullmatch(r"`[^`]+`", term)]


@pytest.fixture(scope="module")
def sources() -> str:
    """All that prints, with neighbouring pieces of a text joined and what is filled in marked."""
    python = [*(ROOT / "ptacore").rglob("*.py"), ROOT / "tests" / "book" / "conftest.py"]
    text = re.sub(r'"\s*\n\s*f?"', "", "\n".join(path.read_text() for path in python))
    return re.sub(r"\{[^{}]*\}", "…", text) + (ROOT / "Makefile").read_text()


def test_there_are_messages():
    assert len(MESSAGES) > 20
    assert len(TERMS) > len(MESSAGES)  # some symptoms have no message


@pytest.mark.parametrize("message", MESSAGES)
def test_the_message_is_printed_somewhere(sources, message):
    for piece in message.split("…"):
        assert piece.strip() in sources
    assert max(len(piece) for piece in message.split("…")) >= 4
