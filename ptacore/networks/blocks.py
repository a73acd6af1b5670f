"""Networks of blocks with a linear recurrence inside, and what their blocks have in common."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import gelu, glu
from torch.nn.utils import skip_init

from ptacore.checks import integer
from ptacore.networks.base import Recurrent, uniform_


class Block(nn.Module):
    """u <- u + GLU(GELU(y)): with x = LayerNorm(u), a linear recurrence h that B x drives, and y = Re(C h) + D x.

    Subclasses set `state_size`, fill in their parameters, and define `forward`: u (T, B, H), state (B, S) -> u
    (T - since, B, H), and one or several tracks (T, B, ...), which together are the state after every step.
    """

    state_size: int

    def _fill(self, B: Tensor, C: Tensor, generator: Generator | None) -> None:
        """B (N, 2, H) and C (H, N, 2), real and imaginary parts; what else a block has is drawn here."""
        H = len(C)
        self.B, self.C = nn.Parameter(B), nn.Parameter(C)
        self.D = nn.Parameter(torch.randn(H, generator=generator))
        self.norm, self.linear = nn.LayerNorm(H), skip_init(nn.Linear, H, 2 * H)
        uniform_(self.linear.parameters(), H, generator)

    def _driven(self, x: Tensor, gain: Tensor) -> Tensor:
        """gain B x, real and imaginary parts in turn: (T, B, 2 N)."""
        return x @ (gain[:, None, None] * self.B).flatten(0, 1).T

    def _read(self, u: Tensor, x: Tensor, h: Tensor, since: int) -> Tensor:
        """u + GLU(GELU(y)) from h (T, B, 2 N), real and imaginary parts in turn."""
        y = h[since:] @ (self.C * self.C.new_tensor([1.0, -1.0])).flatten(1).T + self.D * x[since:]
        return u[since:] + glu(self.linear(gelu(y)))


class BlockNetwork(Recurrent):
    """An encoder, blocks one after the other, and the readout. The state is that of the blocks, in their order."""

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        n_hidden: int,
        generator: Generator | None,
        block: Callable[[], Block],
        layers: int,
    ):
        integer("layers", layers, 1)
        super().__init__(n_inputs, n_outputs, n_hidden)
        self.encoder = skip_init(nn.Linear, n_inputs, n_hidden)
        uniform_(self.encoder.parameters(), n_inputs, generator)
        self.blocks = nn.ModuleList(block() for _ in range(layers))
        uniform_(self.readout.parameters(), n_hidden, generator)

    @property
    def state_size(self) -> int:
        return sum(block.state_size for block in self.blocks)

    def hidden(self, inputs, state=None):
        return self._run(inputs, state)[0]

    def _outputs(self, inputs, state, readout, since):
        return readout(self._run(inputs, state, since)[0])

    def states(self, inputs, state=None):
        return torch.cat(self._run(inputs, state, len(inputs))[1], -1)

    def step(self, x, state):
        new = self.states(x.reshape(1, -1, self.n_inputs), state.reshape(-1, self.state_size))
        return new.reshape(state.shape)

    def _run(self, inputs: Tensor, state: Tensor | None, since: int = 0) -> tuple[Tensor, list[Tensor]]:
        starts = self._start(inputs, state).split([block.state_size for block in self.blocks], -1)
        u, tracks, last = self.encoder(inputs), [], self.blocks[-1]
        for block, start in zip(self.blocks, starts, strict=True):
            u, *track = block(u, start, since if block is last else 0)
            tracks += track
        return u, tracks
