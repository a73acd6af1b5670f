"""The two-layer network that answers h1 h2 from one-hot h1 and h2, and its full-batch loss with gradients at one go."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from ptacore.checks import choice, flag, floating, integer, shown

ROWS = 512  # pairs that are held at a time: their hidden activities stay in the cache


def _square(z: Tensor) -> tuple[Tensor, Tensor]:
    return z.square(), z * 2


def _relu(z: Tensor) -> tuple[Tensor, Tensor]:
    return z.relu(), (z > 0).to(z.dtype)


def _silu(z: Tensor) -> tuple[Tensor, Tensor]:
    s = z.sigmoid()
    return z * s, s * (1 + z * (1 - s))


ACTIVATIONS = {"square": _square, "relu": _relu, "silu": _silu}
"""From a name to sigma: z -> sigma(z), sigma'(z)."""


class TwoLayer(nn.Module):
    """Y = sigma(X W) V without biases; x is [one-hot h1; one-hot h2], so that X W is a sum of two rows of W.

    Parameters
    ----------
    M : int
        Elements, which are the classes.
    K : int
        Hidden units.
    activation : {"square", "relu", "silu"}
    generator : torch.Generator, optional
        Of the weights, uniform with bound 1/sqrt(inputs) as in ``torch.nn.Linear``.
    zero_top : bool
        V = 0 at the start, so that the first signal to W carries nothing but the targets.
    dtype : torch.dtype

    Raises
    ------
    ValueError, TypeError
        If an argument is not as above.

    Examples
    --------
    >>> network = TwoLayer(5, 8, generator=torch.Generator().manual_seed(0))
    >>> network(torch.tensor([[0, 1], [2, 3]])).shape
    torch.Size([2, 5])
    """

    name = "two-layer"

    def __init__(
        self,
        M: int,
        K: int,
        activation: str = "square",
        generator: torch.Generator | None = None,
        *,
        zero_top: bool = False,
        dtype: torch.dtype = torch.float32,
    ):
        super().__init__()
        self.M, self.n_hidden = integer("M", M, 2), integer("K", K, 1)
        self.activation = choice("activation", activation, ACTIVATIONS)
        floating("dtype", dtype)
        self.W = nn.Parameter(_uniform((2 * M, K), 2 * M, generator, dtype))
        self.V = nn.Parameter(_uniform((K, M), K, generator, dtype) * (0 if flag("zero_top", zero_top) else 1))
        self.options = {"M": M, "activation": activation, "zero_top": zero_top}

    def forward(self, pairs: Tensor) -> Tensor:
        """Answers, (n, 2) -> (n, M), before any centring."""
        return self.hidden(pairs) @ self.V

    def hidden(self, pairs: Tensor) -> Tensor:
        """F = sigma(X W), (n, 2) -> (n, K)."""
        return ACTIVATIONS[self.activation](preactivation(self.W, pairs))[0]

    def loss(self, pairs: Tensor, targets: Tensor) -> Tensor:
        """Mean over pairs of the squared distance from the answer, centred over classes, to one-hot - 1/M.

        Its gradients are computed with it, block by block of pairs, and no graph is kept.

        Parameters
        ----------
        pairs : Tensor (n, 2) of int64
        targets : Tensor (n,) of int64

        Returns
        -------
        Tensor ()
        """
        check_pairs(pairs, targets, self.M)
        return _FusedLoss.apply(self.W, self.V, pairs, targets, self.activation)

    @torch.no_grad()
    def judge(self, pairs: Tensor, targets: Tensor) -> tuple[float, float]:
        """Loss, and share of right answers."""
        loss = right = 0.0
        for rows in torch.arange(len(pairs)).split(4 * ROWS):
            out = _centred_over_classes(self(pairs[rows]))
            loss += float(out.square().sum() - 2 * out.gather(1, targets[rows, None]).sum())
            right += float((out.argmax(1) == targets[rows]).sum())
        return loss / len(pairs) + 1 - 1 / self.M, right / len(pairs)


def check_pairs(pairs: Tensor, targets: Tensor, M: int) -> None:
    """Refuse what are not n pairs of elements and their n answers, counted from 0."""
    for name, value, shape, more in (("pairs", pairs, "(n, 2)", (2,)), ("targets", targets, "(n,)", ())):
        if not isinstance(value, Tensor) or value.dtype != torch.int64:
            raise TypeError(f"{name}: expected a tensor of int64, got {shown(value)}")
        if not value.numel() or value.shape[1:] != more:
            raise ValueError(f"{name}: expected shape {shape} with n at least 1, got {tuple(value.shape)}")
        low, high = int(value.min()), int(value.max())
        if low < 0 or high >= M:
            raise ValueError(f"{name}: expected elements from 0 to {M - 1}, got {low} to {high}")
    if len(pairs) != len(targets):
        raise ValueError(f"targets: expected one for each of {len(pairs)} pairs, got {len(targets)}")


def _uniform(shape: tuple[int, int], inputs: int, generator, dtype: torch.dtype) -> Tensor:
    return (torch.rand(shape, generator=generator, dtype=torch.float64) * 2 - 1).div(math.sqrt(inputs)).to(dtype)


def preactivation(W: Tensor, pairs: Tensor) -> Tensor:
    """X W for pairs of elements: (2 M, K), (n, 2) -> (n, K)."""
    return W[pairs[:, 0]] + W[len(W) // 2 + pairs[:, 1]]


def _centred_over_classes(out: Tensor) -> Tensor:
    return out - out.mean(1, keepdim=True)


class _FusedLoss(torch.autograd.Function):
    """The loss of `TwoLayer` with its gradients, which the chain rule then only scales."""

    @staticmethod
    def forward(ctx, W, V, pairs, targets, activation):
        n, M = len(pairs), V.shape[1]
        rows = pairs + pairs.new_tensor([0, M])
        gW, gV, loss = torch.zeros_like(W), torch.zeros_like(V), W.new_zeros((), dtype=torch.float64)
        for block in range(0, n, ROWS):
            at, y = rows[block : block + ROWS], targets[block : block + ROWS, None]
            z = embedding_bag(at, W, mode="sum")
            F, slope = (z.square(), z) if activation == "square" else ACTIVATIONS[activation](z)
            out = _centred_over_classes(F @ V)
            loss += out.square().sum() - 2 * out.gather(1, y).sum()
            out.scatter_add_(1, y, out.new_full(y.shape, -1.0)).add_(1 / M)
            gV.addmm_(F.T, out)
            back = torch.mm(out, V.T, out=F).mul_(slope)
            gW.index_add_(0, at[:, 0], back).index_add_(0, at[:, 1], back)
        ctx.gradients = gW.mul_((4 if activation == "square" else 2) / n), gV.mul_(2 / n)
        return (loss / n + 1 - 1 / M).to(W.dtype)

    @staticmethod
    def backward(ctx, scale):
        gW, gV = ctx.gradients
        return gW.mul_(scale), gV.mul_(scale), None, None, None
