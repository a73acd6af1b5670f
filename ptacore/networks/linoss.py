"""Oscillatory state-space models (Rusch & Rus 2025) and damped ones (Boyer et al. 2025)."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor, nn

from ptacore.checks import within
from ptacore.kernels import linear_oscillators as compiled
from ptacore.kernels.advance import fits
from ptacore.networks.blocks import Block, BlockNetwork
from ptacore.networks.bptt import first_derivatives_only


class LinOSSBlock(Block):
    """A block whose recurrence is that of H forced oscillators q'' = -A q + B x, of complex q, with steps of their own.

    z' = (z - dt A q + dt B x) / S, q' = q + dt z', with A = relu(a), dt = sigmoid(s), and S = 1 + dt^2 A (implicit) or
    1 (symplectic). y = Re(C q) + D x. The state holds real and imaginary parts of the H numbers q in turn, then of z.
    The Lyapunov exponents are -ln(S) / 2, four times for each unit, while dt^2 A / S < 4.

    Parameters
    ----------
    H : int
        Width of u, and number of oscillators.
    generator : torch.Generator, optional
        Source of the initial parameters.
    implicit : bool
        Whether the force is taken at the new q, which damps, or at the old one, which conserves.

    Examples
    --------
    >>> u, q, z = LinOSSBlock(4)(torch.zeros(7, 2, 4), torch.zeros(2, 16))
    >>> u.shape, q.shape, z.shape
    (torch.Size([7, 2, 4]), torch.Size([7, 2, 8]), torch.Size([7, 2, 8]))
    """

    def __init__(self, H: int, generator: Generator | None = None, implicit: bool = True):
        super().__init__()
        self.state_size, self.implicit = 4 * H, implicit
        self.a, self.s = (nn.Parameter(torch.rand(H, generator=generator)) for _ in range(2))
        self._fill(*(_uniform(shape, H, generator) for shape in ((H, 2, H), (H, H, 2))), generator)

    def rates(self) -> tuple[Tensor, Tensor, Tensor]:
        """A, dt and S, each (H,)."""
        A, dt = torch.relu(self.a), torch.sigmoid(self.s)
        return A, dt, 1 + dt**2 * A if self.implicit else torch.ones_like(A)

    def forward(self, u: Tensor, state: Tensor, since: int = 0) -> tuple[Tensor, Tensor, Tensor]:
        """u (T, B, H), state (B, 4 H) -> u (T - since, B, H), q and z after every step (T, B, 2 H)."""
        x, (A, dt, S) = self.norm(u), self.rates()
        weights = (w.repeat_interleave(2) for w in (1 / S, dt * A / S, dt))  # for real and imaginary parts
        q, z = oscillate(*weights, self._driven(x, dt / S), *state.chunk(2, -1))
        return self._read(u, x, q, since), q, z


class DampedBlock(LinOSSBlock):
    """A block whose oscillators are damped: q'' = -A q - G q' + B x, by S = 1 + dt G.

    G = relu(g), and A is kept where the eigenvalues are complex, within (2 + dt G -+ 2 sqrt(1 + dt G)) / dt^2.

    Parameters
    ----------
    H, generator
        As for `LinOSSBlock`.
    r_min, r_max, max_phase : float
        The eigenvalues' modulus r and phase theta are drawn uniformly by area, r^2 from [r_min^2, r_max^2] and theta
        from (0, max_phase]: G = (r^-2 - 1) / dt and A = (1 + r^-2 - 2 cos(theta) / r) / dt^2.
    """

    def __init__(self, H: int, generator: Generator | None = None, r_min=0.9, r_max=1.0, max_phase=math.pi):
        super().__init__(H, generator)
        u, v = torch.rand(2, H, generator=generator)
        r, theta = (u * (r_max**2 - r_min**2) + r_min**2).sqrt(), max_phase * (1 - v)  # v may be 0
        with torch.no_grad():
            dt = torch.sigmoid(self.s)
            self.a.copy_((1 + r**-2 - 2 * theta.cos() / r) / dt**2)
            self.g = nn.Parameter((r**-2 - 1) / dt)

    def rates(self):
        dt = torch.sigmoid(self.s)
        S = 1 + dt * torch.relu(self.g)
        low, high = ((1 + S + sign * 2 * S.sqrt()) / dt**2 for sign in (-1, 1))
        return torch.minimum(torch.maximum(self.a, low), high), dt, S


class LinOSSIM(BlockNetwork):
    """LinOSS-IM (Rusch & Rus 2025): forced oscillators in implicit steps, which damp, and a gated readout of them.

    The input is encoded to u (H); every block takes it to u + GLU(GELU(y)), with x = LayerNorm(u),
    z' = (z - dt A q + dt B x) / S, q' = q + dt z', S = 1 + dt^2 A, and y = Re(C q') + D x. State: real and imaginary
    parts of the H numbers q in turn, then of z, block after block.

    Parameters
    ----------
    layers : int
        Number of blocks.
    """

    implicit = True

    def __init__(self, n_inputs, n_outputs, n_hidden, generator=None, layers=1):
        super().__init__(
            n_inputs, n_outputs, n_hidden, generator, lambda: LinOSSBlock(n_hidden, generator, self.implicit), layers
        )


class LinOSSIMEX(LinOSSIM):
    """LinOSS-IMEX (Rusch & Rus 2025): as `LinOSSIM` with symplectic steps, S = 1, which conserve.

    All Lyapunov exponents are zero while dt^2 A < 4, as it is at the start.

    Parameters
    ----------
    layers : int
        Number of blocks.
    """

    implicit = False


class DLinOSS(BlockNetwork):
    """D-LinOSS (Boyer et al. 2025): as `LinOSSIM` with damping that is learned, S = 1 + dt G.

    Parameters
    ----------
    layers : int
        Number of blocks.
    r_min, r_max : float
        The eigenvalues' modulus is drawn uniformly (by area) between them.
    max_phase : float
        Phases are drawn uniformly between 0 and this.
    """

    def __init__(
        self, n_inputs, n_outputs, n_hidden, generator=None, layers=1, r_min=0.9, r_max=1.0, max_phase=math.pi
    ):  # fmt: skip
        within("r_max", r_max, 0, 1, "(]")
        within("r_min", r_min, 0, r_max, "()")
        within("max_phase", max_phase, 0, math.pi, "(]")
        ring = r_min, r_max, max_phase
        super().__init__(
            n_inputs, n_outputs, n_hidden, generator, lambda: DampedBlock(n_hidden, generator, *ring), layers
        )


def oscillate(a: Tensor, c: Tensor, d: Tensor, v: Tensor, x0: Tensor, z0: Tensor) -> tuple[Tensor, Tensor]:
    """z(t) = a z(t - 1) - c x(t - 1) + v(t), x(t) = x(t - 1) + d z(t): x and z (T, B, N).

    a, c and d (N,), v (T, B, N), and x0 and z0 (B, N) before the first step.
    """
    if len(v) == 1:  # plain torch operations, to be differentiated in any way
        return plain_advance(a, c, d, v, x0, z0)
    return _Oscillate.apply(a, c, d, v, x0, z0)


class _Oscillate(torch.autograd.Function):
    """`oscillate` as one node of the autograd graph, which stores nothing but its results."""

    @staticmethod
    def forward(ctx, *parts):
        x, z = (compiled.advance if _compiles(parts[3]) else plain_advance)(*parts)
        a, c, d, _, x0, z0 = parts
        ctx.save_for_backward(a, c, d, x0, z0, x, z)
        ctx.set_materialize_grads(False)
        return x, z

    @staticmethod
    def backward(ctx, *given):
        first_derivatives_only("single steps have higher ones")
        parts = ctx.saved_tensors
        return (compiled.retreat if _compiles(parts[-1]) else plain_retreat)(*parts, given)


def _compiles(x: Tensor) -> bool:
    return fits(x) and compiled.available()


def plain_advance(a, c, d, v, x, z):
    """`compiled.advance` by torch."""
    track = []
    for now in v.unbind(0):
        z = a * z - c * x + now
        x = x + d * z
        track.append((x, z))
    return tuple(map(torch.stack, zip(*track, strict=True)))


def plain_retreat(a, c, d, x0, z0, x, z, given):
    """`compiled.retreat` by torch."""
    of_x, of_z, of_v = torch.zeros_like(x0), torch.zeros_like(z0), torch.empty_like(x)
    sums = [torch.zeros_like(w) for w in (a, c, d)]
    given_x, given_z = (torch.zeros_like(x) if g is None else g for g in given)
    for t in reversed(range(len(x))):
        of_x = given_x[t] + of_x - c * of_z
        of_z = given_z[t] + d * of_x + a * of_z
        of_v[t] = of_z
        befores = (z[t - 1] if t else z0), -(x[t - 1] if t else x0)
        for total, pair in zip(sums, ((of_z, befores[0]), (of_z, befores[1]), (of_x, z[t])), strict=True):
            total += (pair[0] * pair[1]).sum(0)
    return *sums, of_v, of_x - c * of_z, a * of_z


def _uniform(shape: tuple[int, ...], fan_in: int, generator: Generator | None) -> Tensor:
    return torch.empty(shape).uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=generator)
