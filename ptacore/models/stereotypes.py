"""The five stereotypical systems of Figure 3 (S1), each with the paper's weights or with the user's own."""

from __future__ import annotations

import math

import numpy as np

from ptacore.checks import check_seed, choice, integer, within
from ptacore.memory import foretell
from ptacore.models.rate import LinearFlow, ReLUFlow, TanhFlow
from ptacore.models.weight_files import read_weights

TWO_FIXED_POINTS = np.diag([0.35, 0.35, -0.01, -0.02, -0.03, -0.01])
TWO_FIXED_POINTS[0, 1] = TWO_FIXED_POINTS[1, 0] = -1.0
LINE_ATTRACTOR = np.diag([0.0, 0.0, -2.0, -2.0, -2.0, -2.0])
LINE_ATTRACTOR[0, 1] = LINE_ATTRACTOR[1, 0] = -1.0


def random_weights(n: int, g: float = 1.8, p_connect: float = 0.1, recipe: str = "product", seed: int = 0):
    """Random recurrent weights of Fig. 3D-E, by one of two recipes.

    Parameters
    ----------
    n : int
        Number of units.
    g : float
        Gain.
    p_connect : float
        Connection probability p_c.
    recipe : {"product", "sparse"}
        "sparse" is Eq. S3 as printed: entries N(0, g^2 / (p_c n)), each kept with probability p_c.
        "product" is what the authors' program does: a Gaussian matrix, entries N(0, g^2 / n), times the 0/1
        mask as matrices. The spectral radius is near g for "sparse", g sqrt(p_c n) for "product".
    seed : int
        Seed of the draw.

    Returns
    -------
    ndarray (n, n)

    Raises
    ------
    ValueError
        If an argument is out of range or the recipe unknown; the message names it.

    Examples
    --------
    >>> W = random_weights(100, recipe="sparse")
    >>> bool(0.05 < (W != 0).mean() < 0.15)
    True
    """
    n = integer("n", n, 1)
    foretell("n", 24.0 * n * n, "take fewer units")
    g, p_connect = within("g", g, 0, math.inf), within("p_connect", p_connect, 0, 1, "(]")
    choice("recipe", recipe, ("product", "sparse"))
    rng = np.random.default_rng(check_seed(seed))
    G = rng.normal(0.0, g / np.sqrt(n), (n, n))
    mask = (rng.random((n, n)) < p_connect).astype(float)
    return G @ mask if recipe == "product" else G * mask / np.sqrt(p_connect)


def one_fixed_point(W=None, b=None, n: int = 6, seed: int = 0) -> LinearFlow:
    """Row A of Fig. 3, fading memory: the linear flow dx/dt = W x + b with a single, stable fixed point.

    S1 gives no equation for this row; the authors' program draws W = -I/2 + N(0, 0.1^2) and b ~ N(0, 0.5^2).

    Parameters
    ----------
    W : array (n, n) or path, optional
        Your own matrix instead of the draw; the constant input is still drawn unless you give b, too.
    b : array (n,) or float, optional
        Your own constant input instead of the draw; 0 for none.
    n : int
        Dimension of the draw of W.
    seed : int
        Seed of the draws.

    Returns
    -------
    LinearFlow

    Raises
    ------
    FileNotFoundError, ValueError
        If W or b is not usable; the message names it.

    Examples
    --------
    >>> import torch
    >>> one_fixed_point().jacobian(torch.zeros(6, dtype=torch.float64)).diagonal().mean() < 0
    tensor(True)
    """
    W = read_weights(W)
    rng, n = np.random.default_rng(check_seed(seed)), integer("n", n, 1)
    if W is None:
        W = rng.normal(0.0, 0.1, (n, n)) - 0.5 * np.eye(n)
    return LinearFlow(W, rng.normal(0.0, 0.5, len(W)) if b is None else b)


def two_fixed_points(W=None, b=1.0) -> ReLUFlow:
    """Row B of Fig. 3, one-bit memory: the six-unit threshold-linear network with two stable fixed points (S1.1).

    Parameters
    ----------
    W : array (n, n) or path, optional
        Your own weights instead of the paper's.
    b : array (n,) or float
        Bias; the paper's is 1.

    Returns
    -------
    ReLUFlow

    Raises
    ------
    FileNotFoundError, ValueError
        If W or b is not usable; the message names it.

    Examples
    --------
    >>> two_fixed_points().W[0, :2].tolist()
    [0.35, -1.0]
    """
    W = read_weights(W)
    return ReLUFlow(TWO_FIXED_POINTS if W is None else W, b)


def line_attractor(W=None, b=1.0) -> ReLUFlow:
    """Row C of Fig. 3, a continuous attractor: the six-unit threshold-linear network with a line of fixed points.

    Parameters
    ----------
    W : array (n, n) or path, optional
        Your own weights instead of the paper's (S1.1).
    b : array (n,) or float
        Bias; the paper's is 1.

    Returns
    -------
    ReLUFlow

    Raises
    ------
    FileNotFoundError, ValueError
        If W or b is not usable; the message names it.

    Examples
    --------
    >>> import torch
    >>> line_attractor()(torch.tensor([0.3, 0.7, 1/3, 1/3, 1/3, 1/3], dtype=torch.float64)).abs().max() < 1e-15
    tensor(True)
    """
    W = read_weights(W)
    return ReLUFlow(LINE_ATTRACTOR if W is None else W, b)


def chaos(
    n: int = 100, g: float = 1.8, p_connect: float = 0.1, tau: float = 0.01, recipe: str = "product", seed: int = 0,
    W=None,
) -> TanhFlow:  # fmt: skip
    """Row D of Fig. 3: a random network tau dx/dt = -x + W tanh(x) of 100 units, chaotic (Eq. S2).

    Parameters
    ----------
    n, g, p_connect, recipe, seed
        What is drawn, as for `random_weights`.
    tau : float
        Time constant in seconds.
    W : array (n, n) or path, optional
        Your own weights instead of a draw.

    Returns
    -------
    TanhFlow

    Raises
    ------
    FileNotFoundError, ValueError
        If an argument is not usable; the message names it.

    Examples
    --------
    >>> chaos()
    TanhFlow(n=100, tau=0.01)
    """
    W = read_weights(W)
    return TanhFlow(random_weights(n, g, p_connect, recipe, seed) if W is None else W, tau=tau)


def limit_cycle(
    n: int = 20, g: float = 1.8, p_connect: float = 0.1, tau: float = 0.01, recipe: str = "product", seed: int = 0,
    W=None,
) -> TanhFlow:  # fmt: skip
    """Row E of Fig. 3: the same random network with 20 units, which is small enough to oscillate (Eq. S2).

    Parameters
    ----------
    n, g, p_connect, recipe, seed
        What is drawn, as for `random_weights`.
    tau : float
        Time constant in seconds.
    W : array (n, n) or path, optional
        Your own weights instead of a draw.

    Returns
    -------
    TanhFlow

    Raises
    ------
    FileNotFoundError, ValueError
        If an argument is not usable; the message names it.

    Examples
    --------
    >>> limit_cycle()
    TanhFlow(n=20, tau=0.01)
    """
    return chaos(n, g, p_connect, tau, recipe, seed, W)
