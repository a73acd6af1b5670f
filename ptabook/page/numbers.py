"""The numbers of a figure: computed once, saved beside it, named by the page's prose, shown in tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from IPython.display import Markdown, display
from myst_nb import glue


class Numbers(dict):
    """Numbers by name, for a figure's JSON file; those that are shown can be named in the page's prose.

    Examples
    --------
    >>> numbers = Numbers(preset="quick")
    >>> numbers.show("rate", -0.5)
    >>> numbers
    {'preset': 'quick', 'rate': -0.5}
    """

    def show(self, key: str, value) -> None:
        """Keep a number, and let the prose name it as ``{glue:text}`` does.

        Parameters
        ----------
        key : str
            Its name, on the page and in the file.
        value : number or str
            A number, a tensor or array with one entry, or a word.
        """
        value = value.item() if hasattr(value, "item") else value
        self[key] = value
        glue(key, value, display=False)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Show a Markdown table.

    Parameters
    ----------
    head : sequence of str
        Titles of the columns.
    rows : iterable of sequence of str
        Cells, as many as there are titles.

    Raises
    ------
    ValueError
        If a row has more or fewer cells.

    Examples
    --------
    >>> table(["network", "loss"], [["GRU", number(0.5)]])
    <IPython.core.display.Markdown object>
    """
    rows = list(rows)
    if wrong := [row for row in rows if len(row) != len(head)]:
        raise ValueError(f"rows: expected {len(head)} cells each, got {wrong[0]}")
    lines = [head, ["---"] * len(head), *rows]
    display(Markdown("\n".join("| " + " | ".join(line) + " |" for line in lines)))


def number(value: float) -> str:
    """Two digits after the point, or a power of ten.

    Examples
    --------
    >>> number(0.5), number(3e-4)
    ('0.50', '$3.0\\\\times10^{-4}$')
    """
    if 0.0095 <= value < 100 or value == 0:
        return f"{value:.2f}"
    digits, power = f"{value:.1e}".split("e")
    return rf"${digits}\times10^{{{int(power)}}}$"


def spread(values: Sequence[float], form: Callable[[float], str] = number) -> str:
    """Mean (lowest to highest).

    Examples
    --------
    >>> spread([0.5, 1.5]), spread([0.5])
    ('1.00 (0.50 to 1.50)', '0.50')
    """
    mean, low, high = form(np.mean(values)), form(min(values)), form(max(values))
    return mean if low == high else f"{mean} ({low} to {high})"
