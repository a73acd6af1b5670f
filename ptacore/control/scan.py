"""A loop's steps as one node of the autograd graph, with the backward pass written by hand."""

from __future__ import annotations

import torch
from torch import Tensor

from ptacore.networks.bptt import first_derivatives_only


def scan(
    M: Tensor, start: Tensor, steps: int, controls: int, free: int, saturates: bool, drive: Tensor | None = None
) -> Tensor:
    """Take a block (u; x; h) through (u; x; h)(t + 1) = M (x; h)(t), with tanh of the rows of h where it saturates.

    Parameters
    ----------
    M : Tensor (p + d + N, d + N)
        Rows of the controls, of the plant and of the agent.
    start : Tensor (d + N, B)
        (x; h) before the first step; a batch is in columns.
    steps : int
        T.
    controls, free : int
        p and d.
    saturates : bool
        Whether h is the tanh of its rows.
    drive : Tensor (T, N, B), optional
        Added to the rows of h at each step, before the tanh.

    Returns
    -------
    Tensor (T + 1, p + d, B)
        Controls and plant: at t + 1 the control that led there; the start has zeros for it.

    Examples
    --------
    >>> decay = torch.tensor([[0.5]])  # no controls, no agent: a plant by itself
    >>> scan(decay, torch.ones(1, 1), steps=2, controls=0, free=1, saturates=False).flatten()
    tensor([1.0000, 0.5000, 0.2500])
    """
    return _Scan.apply(M, start, drive, steps, controls, free, saturates)


class _Scan(torch.autograd.Function):
    """Each step is one product forward and one backward; only the states are kept."""

    @staticmethod
    def forward(ctx, M, start, drive, steps, controls, free, saturates):
        n, batch = start.shape
        track = M.new_empty(steps + 1, controls + n, batch)
        track[0, :controls] = 0
        track[0, controls:] = start
        blocks, states = track.unbind(0), track[:, controls:].unbind(0)
        hidden = track[:, controls + free :].unbind(0)
        for t in range(steps):
            torch.mm(M, states[t], out=blocks[t + 1])
            if drive is not None:
                hidden[t + 1].add_(drive[t])
            if saturates:
                hidden[t + 1].tanh_()
        ctx.save_for_backward(M, track)
        ctx.shape, ctx.saturates = (controls, free), saturates
        return track[:, : controls + free].clone()

    @staticmethod
    def backward(ctx, received):
        first_derivatives_only('take backend="autograd"')
        M, track = ctx.saved_tensors
        controls, free = ctx.shape
        above = controls + free
        block = torch.empty_like(track[0])  # adjoint of the block before tanh
        adjoint = M.new_zeros(M.shape[1], track.shape[2])  # of (x; h)
        visible, of_plant, of_hidden = block[:above], block[controls:above], block[above:]
        plant, hidden = adjoint[:free], adjoint[free:]
        gradient, back, square = torch.zeros_like(M), M.mT.contiguous(), torch.empty_like(hidden)
        given, states, h = received.unbind(0), track[:, controls:].unbind(0), track[:, above:].unbind(0)
        driven = track.new_empty(len(h) - 1, *of_hidden.shape) if ctx.needs_input_grad[2] else None
        for t in reversed(range(len(h) - 1)):
            visible.copy_(given[t + 1])
            of_plant.add_(plant)
            if ctx.saturates:
                torch.mul(h[t + 1], h[t + 1], out=square)
                torch.addcmul(hidden, hidden, square, value=-1, out=of_hidden)
            else:
                of_hidden.copy_(hidden)
            if driven is not None:
                driven[t] = of_hidden
            gradient.addmm_(block, states[t].mT)
            torch.mm(back, block, out=adjoint)
        plant.add_(received[0, controls:])
        return gradient, adjoint, driven, None, None, None, None
