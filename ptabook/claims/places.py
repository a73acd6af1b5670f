"""Where the book speaks of a statement: the section of its page, and its row in the ledger."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ptacore.provenance import ROOT

GLUED = re.compile(r"\{glue:text\}`([\w.-]+)")
QUOTED = re.compile(r"""["']([\w.-]{4,})(["'{])""")  # a name in code; before a brace only its beginning
FIGURE = re.compile(r"\bFigs?\. (\d)")


class Reading(dict):
    """Numbers by name that remember which of them were asked for.

    Examples
    --------
    >>> numbers = Reading(a=1, b=2)
    >>> "{a}".format_map(numbers), numbers.read
    ('1', {'a'})
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.read: set[str] = set()

    def __getitem__(self, key):
        self.read.add(key)
        return super().__getitem__(key)

    def get(self, key, default=None):
        self.read.add(key)
        return super().get(key, default)


@dataclass
class Section:
    """A section of a page: its anchor, the numbers that its prose names, and those that its code does."""

    anchor: str
    glued: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    heads: set[str] = field(default_factory=set)

    def shows(self, key: str) -> float:
        """How plainly it speaks of a number: 1 by its name, 1/2 by one that begins so, 1/4 in code alone."""
        if key in self.glued:
            return 1.0
        if any(name.startswith(f"{key}_") for name in self.glued):
            return 0.5
        return 0.25 * (key in self.names or any(key.startswith(head) for head in self.heads))


def anchor(title: str) -> str:
    """The anchor of a heading, by the rule of MyST: its words, without signs and formulas.

    Examples
    --------
    >>> anchor("Figure 5A–B: where $V=0$ and a *pair* oscillates")
    'figure-5ab-where--and-a-pair-oscillates'
    """
    words = re.sub(r"\$[^$]*\$|[*_`](?=\S)|(?<=\S)[*_`]", "", title)
    return re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")


def headings(text: str) -> list[str]:
    """The headings of a page in Markdown, without its title."""
    return re.findall(r"^#{2,3} (.+)$", text, re.MULTILINE)


@cache
def sections(notebook: Path) -> list[Section]:
    """The sections of a notebook, in order; what stands before the first, the page in short, is none of them."""
    found = [Section("")]
    for cell in json.loads(notebook.read_text())["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            for name, end in QUOTED.findall(text):
                (found[-1].heads if end == "{" else found[-1].names).add(name)
            continue
        for part in re.split(r"^(?=#{2,3} )", text, flags=re.MULTILINE):
            if title := headings(part):
                found.append(Section(anchor(title[0])))
            found[-1].glued.update(GLUED.findall(part))
    return found[1:]


def evidence(figure: str, keys: Iterable[str]) -> str:
    """Anchor of the section that speaks most of these numbers, of the first of equals; "" where none does."""
    notebook = ROOT / "notebooks" / f"{figure}.ipynb"
    keys = set(keys)
    spoken = [(sum(map(section.shows, keys)), section) for section in sections(notebook)] if notebook.is_file() else []
    most, section = max(spoken, key=lambda pair: pair[0], default=(0, None))
    return section.anchor if most else ""


def figures(where: str, page: str) -> list[str]:
    """The paper's figures that a row is about: those that it names, else that of its page.

    Examples
    --------
    >>> figures("Sec. 2.1, Fig. 3C, E", "effective_range"), figures("Sec. 2.6", "fig5_stability"), figures("Eq. 4", "a")
    (['3'], ['5'], [])
    """
    return FIGURE.findall(where) or re.findall(r"^fig(\d)", page)
