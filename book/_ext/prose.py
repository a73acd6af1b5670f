"""The text of a page, section by section, as other extensions use it: its prose, and apart from it its code."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

from ptabook.typeset import numerals

SKIPPED = (nodes.comment, nodes.raw, nodes.math_block, nodes.title, nodes.image, addnodes.desc_signature, nodes.target)
SIGNS = {
    **{"times": "×", "pm": "±", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "to": "→", "infty": "∞", "approx": "≈"},
    **{
        "cdot": "·",
        "partial": "∂",
        "ast": "*",
        "lVert": "‖",
        "rVert": "‖",
        "top": "ᵀ",
        "in": "∈",
        "sqrt": "√",
        "pm": "±",
    },
    **{name: name for name in ("sin", "cos", "tan", "tanh", "exp", "log", "ln", "max", "min", "det", "dim")},
}
ACCENTS = re.compile(
    r"\\(?:d?dot|hat|bar|tilde|vec|boldsymbol|left|right|quad|mathbf|mathrm|mathcal|text|operatorname|,)(?![a-zA-Z])"
)
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass
class Section:
    """Where it stands, what it is called, its prose and its code."""

    anchor: str
    title: str
    prose: str = ""
    code: str = ""


def readable(tex: str) -> str:
    r"""A formula as plain text, or three dots if it is none that a line of text could hold.

    Examples
    --------
    >>> readable(r"\lambda_1 = 0"), readable(r"2\times10^{-4}"), readable(r"e^{\int_0^T A(s)\,ds}")
    ('λ1 = 0', '2×10⁻⁴', '…')
    """

    def named(command: re.Match[str]) -> str:
        if command[1] in SIGNS:
            return SIGNS[command[1]]
        try:
            kind = "CAPITAL" if command[1][0].isupper() else "SMALL"
            return unicodedata.lookup(f"GREEK {kind} LETTER {command[1].upper().replace('LAMBDA', 'LAMDA')}")
        except KeyError:
            return command[0]

    tex = re.sub(r"\\[td]?frac\{([^{}]*)\}\{([^{}]*)\}", r"\1/\2", ACCENTS.sub("", tex))
    tex = re.sub(r"\^\{?(-?\d+)\}?", lambda power: power[1].translate(RAISED), tex)
    plain = re.sub(r"\\[,;! ]|[{}$_^]", "", re.sub(r"\\([A-Za-z]+)", named, tex))
    return plain.strip() if "\\" not in plain and len(plain) <= 40 else "…"


def text_of(node: nodes.Node) -> str:
    """The text of a paragraph, a title or the like."""
    if isinstance(node, nodes.math):
        return readable(node.astext())
    if isinstance(node, nodes.literal):
        return node.astext()
    if isinstance(node, nodes.Text):
        return numerals(node.astext())
    if isinstance(node, SKIPPED) and not isinstance(node, nodes.title):
        return ""
    return "".join(map(text_of, node.children))


def sections(doctree: nodes.document) -> list[Section]:
    """The sections of a page, and the names that a reference describes, in their order."""
    found = [Section("", "")]

    def gather(node: nodes.Element) -> None:
        for child in node.children:
            classes = child.get("classes", []) if isinstance(child, nodes.Element) else []
            if isinstance(child, SKIPPED) or {"cell_input", "toctree-wrapper"} & set(classes):
                continue
            if isinstance(child, (nodes.literal_block, nodes.doctest_block)):
                if "cell_output" not in node.get("classes", []):
                    found[-1].code += child.astext() + "\n"
            elif isinstance(child, nodes.section):
                title = next(child.findall(nodes.title))
                if isinstance(node, nodes.document):
                    found[-1].title = text_of(title)
                else:
                    found.append(Section(child["ids"][0], text_of(title)))
                gather(child)
            elif isinstance(child, addnodes.desc) and child[0].get("ids"):
                outer = found[-1]
                found.append(Section(child[0]["ids"][0], child[0]["fullname"]))
                gather(child)
                found.append(Section(outer.anchor, outer.title))  # what follows is of the section again
            elif isinstance(child, nodes.TextElement):
                found[-1].prose += text_of(child) + " "
            else:
                gather(child)

    gather(doctree)
    for section in found:
        section.prose = re.sub(r"\s+", " ", section.prose).strip()
    return [section for i, section in enumerate(found) if i == 0 or section.prose or section.code]


def called(app: Sphinx, docname: str, title: str) -> str:
    """A page's title, with the number of its figure where only the table of contents has it."""
    document = app.config.external_site_map.get(docname)
    number = document.title if document is not None else None
    return title if not number or title.startswith(number) else f"{number}: {title}"
