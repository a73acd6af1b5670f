"""The five stereotypical systems of Figure 3 (S1), each with the paper's weights or with the user's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ptacore.checks import integer
from ptacore.models.networks import LinearFlow, ReLUFlow, TanhFlow

TWO_FIXED_POINTS = np.diag([0.35, 0.35, -0.01, -0.02, -0.03, -0.01])
TWO_FIXED_POINTS[0, 1] = TWO_FIXED_POINTS[1, 0] = -1.0
LINE_ATTRACTOR = np.diag([0.0, 0.0, -2.0, -2.0, -2.0, -2.0])
LINE_ATTRACTOR[0, 1] = LINE_ATTRACTOR[1, 0] = -1.0


def read_weights(source, name: str = "W") -> np.ndarray | None:
    """A square weight matrix from an array or from a file.

    Parameters
    ----------
    source : array (n, n), path of a .csv or .npy file, or None
        CSV without header, comma-separated.
    name : str
        What error messages call it.

    Returns
    -------
    ndarray (n, n), float64, or None for None or an empty string.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the content is not a square matrix of finite numbers.

    Examples
    --------
    >>> read_weights([[0, 1], [1, 0]])
    array([[0., 1.],
           [1., 0.]])
    """
    if source is None or (isinstance(source, str) and not source):
        return None
    if isinstance(source, (str, Path)):
        path = Path(source)
        if not path.is_file():
            raise FileNotFoundError(f"{name}: no file {path}")
        if path.suffix not in (".csv", ".npy"):
            raise ValueError(f"{name}: expected a .csv or .npy file, got {path}")
        try:
            source = np.load(path) if path.suffix == ".npy" else np.loadtxt(path, delimiter=",", ndmin=2)
        except ValueError as error:
            raise ValueError(f"{name}: {path} does not hold a matrix of numbers ({error})") from None
        name = f"{name}: {path}"
    try:
        W = np.asarray(torch.as_tensor(source).detach().cpu() if torch.is_tensor(source) else source, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: expected a square matrix of numbers") from None
    if W.ndim != 2 or W.shape[0] != W.shape[1] or W.size == 0:
        raise ValueError(f"{name}: expected a square matrix, got shape {W.shape}")
    if not np.isfinite(W).all():
        raise ValueError(f"{name}: entries must be finite, got NaN or infinity")
    return W


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
        Of the draw.

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
    if not (np.isfinite(g) and g > 0):
        raise ValueError(f"g: expected a positive gain, got {g!r}")
    if not 0 < p_connect <= 1:
        raise ValueError(f"p_connect: expected a probability in (0, 1], got {p_connect!r}")
    if recipe not in ("product", "sparse"):
        raise ValueError(f'recipe: expected "product" or "sparse", got {recipe!r}')
    rng = np.random.default_rng(seed)
    G = rng.normal(0.0, g / np.sqrt(n), (n, n))
    mask = (rng.random((n, n)) < p_connect).astype(float)
    return G @ mask if recipe == "product" else G * mask / np.sqrt(p_connect)


def one_fixed_point(W=None, b=None, n: int = 6, seed: int = 0) -> LinearFlow:
    """Row A of Fig. 3, fading memory: the linear flow dx/dt = W x + b with a single, stable fixed point.

    S1 gives no equation for this row; the authors' program draws W = -I/2 + N(0, 0.1^2) and b ~ N(0, 0.5^2).

    Parameters
    ----------
    W : array (n, n) or path, optional
        Your own matrix instead of the draw.
    b : array (n,) or float, optional
        Your own constant input.
    n : int
        Dimension of the draw.
    seed : int
        Of the draw.

    Returns
    -------
    LinearFlow

    Raises
    ------
    FileNotFoundError, ValueError
        If W or b is not usable; the message names it.

    Examples
    --------
    >>> one_fixed_point().jacobian(torch.zeros(6, dtype=torch.float64)).diagonal().mean() < 0
    tensor(True)
    """
    W = read_weights(W)
    rng = np.random.default_rng(seed)
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
        Of the draw, as for `random_weights`.
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
        Of the draw, as for `random_weights`.
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
