"""Learning to integrate: a linear network h' = W h + u x, y = v h under white noise x, and its closed forms.

The question is that of Bordelon et al. (2025). Their equations were not at hand: discrete time, u = v fixed and the
forms below are ours. The expected loss is half the squared distance of the impulse response k(t) = v W^t u, t = 0, 1,
..., from that of the filter to be learned; nothing is sampled.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ptacore.checks import check_seed, finite, instance, integer, shown, to_tensor, within
from ptacore.networks.bptt import first_derivatives_only
from ptacore.training.objective import Objective


class Linear(nn.Module):
    """The network, or several of a size; W is trained, u = v is the first unit vector.

    Parameters
    ----------
    W : array (..., N, N)
        At the start. Networks in leading axes learn side by side, each as it would alone: their losses are summed.

    Raises
    ------
    ValueError
        If W is not square and finite.

    Examples
    --------
    >>> Linear(0.5 * torch.eye(3)).response(3)
    tensor([1.0000, 0.5000, 0.2500], dtype=torch.float64, grad_fn=<_ResponseBackward>)
    """

    def __init__(self, W):
        super().__init__()
        W = to_tensor(W, "W", torch.float64)
        if W.ndim < 2 or W.shape[-2] != W.shape[-1] or not W.numel() or not W.isfinite().all():
            raise ValueError(f"W: expected finite numbers (N, N), got {shown(W)}")
        self.W = nn.Parameter(W.detach().clone())

    @classmethod
    def drawn(cls, units: int, gain: float, seed: int = 0) -> Linear:
        """W_ij with standard deviation gain / sqrt(N)."""
        generator = torch.Generator().manual_seed(check_seed(seed))
        within("gain", gain, 0, math.inf, "[)")
        n = integer("units", units, 1)
        return cls(gain / math.sqrt(n) * torch.randn(n, n, generator=generator, dtype=torch.float64))

    def response(self, steps: int) -> Tensor:
        """k(t) for t = 0, ..., steps - 1: (..., steps); differentiable once, the adjoint by hand."""
        return _Response.apply(self.W, integer("steps", steps, 1))

    def reduced(self) -> Linear:
        """Two units that learn alike while W is small: W between u and the direction in which W u and W' u differ.

        Raises
        ------
        ValueError
            If they do not differ: a symmetric W stays symmetric, and a pair needs another.
        """
        W = self.W.detach()
        away = W[..., 0] - W[..., 0, :]  # its first entry is 0
        if not away.any(-1).all():
            raise ValueError("W: expected a first column that is not the first row, got two that are alike")
        first = torch.eye(W.shape[-1], dtype=W.dtype)[0].expand_as(away)
        Q = torch.stack([first, away / away.norm(dim=-1, keepdim=True)], -1)
        return Linear(Q.mT @ W @ Q)


def _orbit(W: Tensor, steps: int) -> Tensor:
    """W^t u for t = 0, ..., steps - 1, twice as many with each square of W: (..., steps, N)."""
    h = torch.zeros_like(W[..., :1, :])
    h[..., 0] = 1
    while h.shape[-2] < steps:
        h, W = torch.cat([h, h @ W.mT], -2), W @ W
    return h[..., :steps, :]


class _Response(torch.autograd.Function):
    @staticmethod
    def forward(ctx, W, steps):
        h = _orbit(W, steps)
        ctx.save_for_backward(W, h)
        return h[..., 0].clone()

    @staticmethod
    def backward(ctx, received):
        """dk(t) is the sum over i + j = t - 1 of (W'^i v)' dW (W^j u)."""
        first_derivatives_only("its gradient has none")
        W, h = ctx.saved_tensors
        steps = h.shape[-2] - 1
        later = nn.functional.pad(received[..., 1:], (0, steps)).unfold(-1, steps, 1)[..., :steps, :]  # i + j + 1
        return _orbit(W.mT, steps).mT @ (later @ h[..., :-1, :]), None


class Impulse(Objective):
    """Half the squared distance of the impulse response from a filter's, by full-batch descent.

    Parameters
    ----------
    filter : array (T,)
        What k(t) shall be.
    updates : int
        Steps in an epoch of the record.

    Raises
    ------
    ValueError
        If the filter is not one-dimensional and finite.

    Examples
    --------
    >>> objective = Impulse(leaky(0.9, 120), updates=1)
    >>> next(objective.losses(Linear.drawn(8, 0.01), epoch=1)) > 1
    tensor(True)
    """

    name, metrics = "impulse", ("loss",)

    def __init__(self, filter, updates: int = 10):
        self.filter = to_tensor(filter, "filter", torch.float64).clone()  # not a view of the user's array
        self.updates = integer("updates", updates, 1)
        if self.filter.ndim != 1 or not len(self.filter) or not self.filter.isfinite().all():
            raise ValueError(f"filter: expected finite numbers (T,), got {shown(self.filter)}")

    def losses(self, model: nn.Module, epoch: int) -> Iterator[Tensor]:
        for _ in range(self.updates):
            yield self._losses(model).sum()

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        return {"loss": self._losses(model).sum()}

    def _losses(self, model: Linear) -> Tensor:
        """(...)"""
        return (model.response(len(self.filter)) - self.filter).square().sum(-1) / 2

    @torch.no_grad()
    def probe(self, model: Linear, exponents: int | None) -> dict:
        """Losses, and the eigenvalues of W, largest modulus first; the logarithms of moduli are the exponents."""
        values = torch.linalg.eigvals(model.W)
        order = values.abs().argsort(descending=True)[..., : exponents or values.shape[-1]]
        return {
            "loss": self._losses(model).tolist(),
            "eigenvalues": torch.view_as_real(values.gather(-1, order)).tolist(),
        }

    def config(self) -> dict:
        return {"filter": self.filter.tolist(), "updates": self.updates}

    def check(self, model: nn.Module, settings) -> None:
        instance("model", model, Linear)


def leaky(s: float, steps: int) -> Tensor:
    """The leaky integrator s^t: (steps,).

    Examples
    --------
    >>> leaky(0.5, 3)
    tensor([1.0000, 0.5000, 0.2500], dtype=torch.float64)
    """
    return within("s", s, 0, 1, "()") ** torch.arange(integer("steps", steps, 1), dtype=torch.float64)


def ringing(r: float, w: float, steps: int) -> Tensor:
    """The damped oscillation r^t cos(w t): (steps,).

    Examples
    --------
    >>> ringing(0.5, 0.0, 3)
    tensor([1.0000, 0.5000, 0.2500], dtype=torch.float64)
    """
    t = torch.arange(integer("steps", steps, 1), dtype=torch.float64)
    return within("r", r, 0, 1, "()") ** t * torch.cos(within("w", w, 0, math.pi, "[]") * t)


def pull_on_outlier(outlier: float, s: float) -> float:
    """dl/dtau = -dL/dl, the speed of the outlier in units of steps times rate, where W = l u u' and the filter is s^t:
    L(l) = (1/(1 - l^2) + 1/(1 - s^2) - 2/(1 - l s))/2.

    Examples
    --------
    >>> pull_on_outlier(0.9, 0.9), pull_on_outlier(0.0, 0.9)
    (0.0, 0.9)
    """
    within("s", s, 0, 1, "()"), within("outlier", outlier, -1, 1, "()")
    return s / (1 - outlier * s) ** 2 - outlier / (1 - outlier**2) ** 2


def curvature(s: float) -> float:
    """H = (1 + s^2)/(1 - s^2)^3, the second derivative of L at l = s; descent is stable for rates below 2/H.

    Examples
    --------
    >>> round(2 / curvature(0.9), 4)
    0.0076
    """
    within("s", s, 0, 1, "()")
    return (1 + s**2) / (1 - s**2) ** 3


def plateau(filter: Tensor) -> tuple[float, float, float]:
    """The pole p at which one real pole fits best, the loss there, and the rate |G| at which a second one comes up.

    G is the sum over t >= 2 of (p^t - k*(t)) (t - 1) p^(t - 2): the difference of the two weights between u and a
    second direction grows as exp(|G| tau).

    Examples
    --------
    >>> [round(v, 4) for v in plateau(ringing(0.9, 0.3, 90))]
    [0.6539, 0.4761, 0.5283]
    """
    from scipy.optimize import minimize_scalar

    filter = finite(filter, "filter")
    if filter.ndim != 1 or len(filter) < 3:
        raise ValueError(f"filter: expected three numbers or more, (T,), got {shown(filter)}")
    t = torch.arange(len(filter), dtype=torch.float64)
    found = minimize_scalar(
        lambda p: float((p**t - filter).square().sum()) / 2, bounds=(0.0, 1.0), options={"xatol": 1e-12}
    )
    p = float(found.x)
    return p, float(found.fun), abs(float(((p**t - filter) * (t - 1) * p ** (t - 2))[2:].sum()))
