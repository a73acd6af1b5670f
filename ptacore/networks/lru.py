"""The block of linear recurrent units (Orvieto et al. 2023), and the complex diagonal recurrence inside it."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from ptacore.kernels import scan as compiled
from ptacore.networks.blocks import Block
from ptacore.networks.bptt import first_derivatives_only


class LRUBlock(Block):
    """u <- u + GLU(GELU(y)): with x = LayerNorm(u), h' = lambda h + exp(gain) B x and y = Re(C h') + D x.

    lambda = exp(-exp(nu) + i exp(theta)). The state holds real and imaginary parts of the H numbers h in turn.

    Parameters
    ----------
    H : int
        Width of u, and number of complex units.
    generator : torch.Generator or None
        Source of the initial parameters.
    r_min, r_max, max_phase : float
        |lambda|^2 is drawn uniformly from [r_min^2, r_max^2], the phase from (0, max_phase].

    Examples
    --------
    >>> u, h = LRUBlock(4, None, 0.9, 0.999, 6.28)(torch.zeros(7, 2, 4), torch.zeros(2, 8))
    >>> u.shape, h.shape
    (torch.Size([7, 2, 4]), torch.Size([7, 2, 8]))
    """

    def __init__(self, H: int, generator: Generator | None, r_min: float, r_max: float, max_phase: float):
        super().__init__()
        self.state_size = 2 * H
        u, v = torch.rand(2, H, generator=generator)
        self.nu = nn.Parameter(torch.log(-0.5 * torch.log(u * (r_max**2 - r_min**2) + r_min**2)))
        self.theta = nn.Parameter(torch.log(max_phase * (1 - v)))  # v may be 0
        self.gain = nn.Parameter(torch.log1p(-torch.exp(-2 * self.nu.detach().exp())) / 2)  # log sqrt(1 - |lambda|^2)
        B = torch.randn(H, 2, H, generator=generator) / (2 * H) ** 0.5
        C = torch.randn(H, H, 2, generator=generator) / H**0.5
        self._fill(B, C, generator)

    def forward(self, u: Tensor, state: Tensor, since: int = 0) -> tuple[Tensor, Tensor]:
        """u (T, B, H), state (B, 2 H) -> u (T - since, B, H), the state after every step (T, B, 2 H)."""
        x = self.norm(u)
        driven = self._driven(x, self.gain.exp())  # (T, B, 2 H)
        decay = torch.polar((-self.nu.exp()).exp(), self.theta.exp())
        h = torch.view_as_real(scan(decay, _complex(driven), _complex(state))).flatten(-2)
        return self._read(u, x, h, since), h


def scan(decay: Tensor, u: Tensor, start: Tensor) -> Tensor:
    """h(t) = decay h(t - 1) + u(t) for complex decay (H,), u (T, B, H) and h(-1) (B, H): -> (T, B, H)."""
    if len(u) == 1:  # plain torch operations, to be differentiated in any way
        return u + decay * start
    return _Scan.apply(decay, u, start)


class _Scan(torch.autograd.Function):
    """`scan` as one node of the autograd graph, which stores nothing but its result."""

    @staticmethod
    def forward(ctx, decay, u, start):
        h = compiled.scan(decay, u, start) if _compiles(start, u) else _plain_scan(decay, u, start)
        ctx.save_for_backward(decay, h, start)
        return h

    @staticmethod
    def backward(ctx, received):
        first_derivatives_only("single steps have higher ones")
        decay, h, start = ctx.saved_tensors
        received = received.resolve_conj()
        backward = compiled.adjoint if _compiles(start, h, received) else _plain_adjoint
        adjoint, of_decay = backward(decay, h, start, received)
        return of_decay, adjoint, decay.conj() * adjoint[0]


def _compiles(start: Tensor, *sequences: Tensor) -> bool:
    return compiled.fits(start, *sequences) and compiled.available()


def _plain_scan(decay: Tensor, u: Tensor, start: Tensor) -> Tensor:
    """`compiled.scan` by torch."""
    h, before = torch.empty_like(u), start
    for now, new in zip(u, h, strict=True):
        before = torch.addcmul(now, decay, before, out=new)
    return h


def _plain_adjoint(decay: Tensor, h: Tensor, start: Tensor, received: Tensor) -> tuple[Tensor, Tensor]:
    """`compiled.adjoint` by torch."""
    adjoint, after, of_decay = torch.empty_like(received), torch.zeros_like(start), torch.zeros_like(decay)
    for t in reversed(range(len(h))):
        after = torch.addcmul(received[t], decay.conj(), after, out=adjoint[t])
        of_decay += ((h[t - 1] if t else start).conj() * after).sum(0)
    return adjoint, of_decay


def _complex(x: Tensor) -> Tensor:
    return torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
