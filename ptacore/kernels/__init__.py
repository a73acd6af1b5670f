"""Compiled code: the C sources, what builds them, and what calls them."""


def build_all() -> bool:
    """Build what has not been built yet, so that no first use waits; whether there are kernels here.

    What functions are compiled to is built when they are met.

    Examples
    --------
    >>> isinstance(build_all(), bool)
    True
    """
    from ptacore.kernels import bptt, linear_oscillators, orbits, orthonormal, piecewise, recurrent, scan, tangents

    scan.available()  # on some processors it is not, for it has to round as torch does there
    everywhere = (bptt, linear_oscillators, orbits, orthonormal, piecewise, recurrent, tangents)
    return all([kernels.available() for kernels in everywhere])
