"""The numbers of a figure: computed once, saved beside it, named by the page's prose."""

from __future__ import annotations

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
        value = value if isinstance(value, str) else float(value)
        self[key] = value
        glue(key, value, display=False)
