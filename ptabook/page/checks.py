"""Statements that a computation can contradict: each with a value, what is expected, a tolerance and its reason."""

from __future__ import annotations

from html import escape

from IPython.display import HTML, display

from ptabook.page.numbers import Numbers

ROW = (
    '<tr><td>{statement}<br><span style="opacity: 0.75; font-size: 0.85em">Tolerance: {reason}.</span></td>'
    "<td>{value:.3g}</td><td>{expected:.3g}\u00a0±\u00a0{tolerance:.3g}</td><td>{verdict}</td></tr>"
)
HEAD = "<tr><th>Statement</th><th>Value</th><th>Expected</th><th>Holds</th></tr>"


class Checks(dict):
    """Checks by name, in the order in which they were made.

    Parameters
    ----------
    numbers : Numbers
        The page's numbers. The prose names a check's value by the check's name; the file has all that is known of it.

    Examples
    --------
    >>> check = Checks(Numbers())
    >>> check("sum", "Two and two make four", 2 + 2, 1e-12, "rounding", expected=4)
    >>> check["sum"]["reproduced"]
    True
    """

    def __init__(self, numbers: Numbers) -> None:
        super().__init__()
        self._numbers = numbers

    def __call__(self, key: str, statement: str, value, tolerance, reason: str, expected=0.0) -> None:
        """Compare a value with what the statement says.

        Parameters
        ----------
        key : str
            Name of the check.
        statement : str
            What is tested.
        value : number or one-element array
            What was computed.
        tolerance : number or one-element array
            Largest difference that leaves the statement standing.
        reason : str
            Why the tolerance is what it is.
        expected : number or one-element array
            What the statement says.
        """
        value, expected, tolerance = float(value), float(expected), float(tolerance)
        self._numbers.show(key, value)
        self._numbers[key] = self[key] = {
            "value": value,
            "expected": expected,
            "tolerance": tolerance,
            "reproduced": abs(value - expected) <= tolerance,
            "statement": statement,
            "reason": reason,
        }

    def show(self) -> None:
        """Show all checks as a table that opens on a click, and their numbers as ``n_checks`` and ``n_differ``."""
        self._numbers.show("n_checks", len(self))
        self._numbers.show("n_differ", sum(not check["reproduced"] for check in self.values()))
        rows = "".join(
            ROW.format(
                **check | {key: escape(check[key]) for key in ("statement", "reason")},
                verdict="yes" if check["reproduced"] else "<strong>no</strong>",
            )
            for check in self.values()
        )
        table = f'<table class="table"><thead>{HEAD}</thead><tbody>{rows}</tbody></table>'
        summary = f"<summary>Show all {len(self)}</summary>"
        display(HTML(f'<details>{summary}<div style="overflow-x: auto">{table}</div></details>'))
