"""Finite groups by their tables, with the real isotypic components of functions on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from ptacore.checks import instance, instances, integer


@dataclass(frozen=True, eq=False)
class Group:
    """A finite group, whose elements are counted from 0, and its irreducible characters.

    Attributes
    ----------
    name : str
    table : Tensor (M, M) of int64
        The element a b in row a and column b.
    characters : Tensor (C, M), complex
        Irreducible characters at the elements; the trivial one first.

    Examples
    --------
    >>> product(cyclic(2), cyclic(3)).name, dihedral(3).order
    ('Z2 x Z3', 6)
    """

    name: str
    table: Tensor = field(repr=False)
    characters: Tensor = field(repr=False)

    @property
    def order(self) -> int:
        """M, the number of elements."""
        return len(self.table)

    @cached_property
    def identity(self) -> int:
        """The element e with e a = a."""
        own = torch.arange(self.order)
        return int((self.table == own).all(1).nonzero()[0, 0])

    @cached_property
    def inverse(self) -> Tensor:
        """The inverse of each element, (M,)."""
        return (self.table == self.identity).nonzero()[:, 1]

    @property
    def abelian(self) -> bool:
        """Whether a b = b a."""
        return bool((self.table == self.table.T).all())

    @cached_property
    def _components(self) -> tuple[list[int], list[bool]]:
        """One character of each pair of conjugates, and whether it has a conjugate besides itself."""
        gaps = (self.characters[:, None] - self.characters.conj()).abs().amax(-1)
        partner = gaps.argmin(1).tolist()
        kept = [k for k, other in enumerate(partner) if k <= other]
        return kept, [partner[k] != k for k in kept]

    @cached_property
    def degrees(self) -> Tensor:
        """d_k, the dimension of the irreducible representation behind each real component, (R,)."""
        return self.characters[self._components[0], self.identity].real.round().long()

    @cached_property
    def paired(self) -> Tensor:
        """Which real components hold a pair of conjugate representations, (R,) of bool."""
        return torch.tensor(self._components[1])

    @cached_property
    def projectors(self) -> Tensor:
        """Orthogonal projectors on the real isotypic components of functions on the group, (R, M, M).

        P_k[a, b] = d_k / M chi(a b^-1), with chi + conj(chi) for a pair; the constants come first.
        """
        kept, paired = self._components
        chi = self.characters[kept].real * (1 + torch.tensor(paired, dtype=torch.float64))[:, None]
        quotient = self.table[:, self.inverse]
        return self.degrees[:, None, None] / self.order * chi[:, quotient]

    @cached_property
    def _waves(self) -> tuple[Tensor, Tensor]:
        """An orthonormal basis of functions on the group in columns, each in one component; and in which."""
        bases = [torch.linalg.eigh(P).eigenvectors[:, -int(P.trace().round()) :] for P in self.projectors]
        return torch.cat(bases, 1), torch.arange(len(bases)).repeat_interleave(
            torch.tensor([b.shape[1] for b in bases])
        )

    def power(self, u: Tensor) -> Tensor:
        """Squared length of each real component of functions on the group: (..., M) -> (..., R), constants first."""
        waves, at = self._waves
        squares = (u.to(torch.float64) @ waves).square()
        return squares.new_zeros(*u.shape[:-1], len(self.projectors)).index_add_(-1, at, squares)

    def shares(self, u: Tensor) -> Tensor:
        """Share of each real component, without the constants, in functions on the group: (..., M) -> (..., R - 1).

        Examples
        --------
        >>> wave = torch.cos(2 * torch.pi * 2 * torch.arange(5) / 5)
        >>> cyclic(5).shares(wave).round(decimals=3)
        tensor([0., 1.], dtype=torch.float64)
        """
        return _shares(self.power(u))


def _shares(power: Tensor) -> Tensor:
    power = power[..., 1:]
    return power / power.sum(-1, keepdim=True).clamp_min(torch.finfo(power.dtype).tiny)


def cyclic(M: int) -> Group:
    """Addition modulo M.

    Parameters
    ----------
    M : int
        At least 2.

    Raises
    ------
    ValueError
        If M is not such a number.

    Examples
    --------
    >>> cyclic(3).table
    tensor([[0, 1, 2],
            [1, 2, 0],
            [2, 0, 1]])
    """
    h = torch.arange(integer("M", M, 2))
    phase = (torch.outer(h, h) % M).double() * (2 * torch.pi / M)
    return Group(f"Z{M}", (h[:, None] + h) % M, torch.polar(torch.ones(M, M, dtype=torch.float64), phase))


def product(*factors: Group) -> Group:
    """The direct product: pairs, triples, ... with an entry of each factor, the last one counting fastest.

    Parameters
    ----------
    *factors : Group
        At least one.

    Raises
    ------
    TypeError, ValueError
        If something else than groups is given, or nothing.

    Examples
    --------
    >>> product(cyclic(4), cyclic(7)).order
    28
    """
    if not factors:
        raise ValueError("factors: expected at least one Group, got none")
    first, *others = instances("factors", factors, Group)
    for other in others:
        m = other.order
        table = (first.table * m)[:, None, :, None] + other.table[None, :, None, :]
        characters = torch.einsum("ca,db->cdab", first.characters, other.characters)
        size = first.order * m
        first = Group(f"{first.name} x {other.name}", table.reshape(size, size), characters.reshape(-1, size))
    return first


def dihedral(m: int) -> Group:
    """The symmetries of a regular polygon: element a + m b is the rotation by a steps after b reflections.

    Its representations have dimensions 1 and 2, as those of the non-Abelian groups of the source.

    Parameters
    ----------
    m : int
        Corners, at least 3; the group has 2 m elements.

    Raises
    ------
    ValueError
        If m is not such a number.

    Examples
    --------
    >>> dihedral(5).abelian, dihedral(5).degrees.tolist()
    (False, [1, 1, 2, 2])
    """
    a = torch.arange(integer("m", m, 3))
    turn, flip = a.repeat(2), torch.arange(2).repeat_interleave(m)
    sign = 1 - 2 * flip
    table = (turn[:, None] + sign[:, None] * turn) % m + m * (flip[:, None] ^ flip)
    lines = [torch.ones(2 * m), sign]
    if m % 2 == 0:
        alternating = 1 - 2 * (turn % 2)
        lines += [alternating, alternating * sign]
    planes = [2 * torch.cos(2 * torch.pi * k * turn.double() / m) * (1 - flip) for k in range(1, (m + 1) // 2)]
    return Group(f"D{m}", table, torch.stack([line.double() for line in lines + planes]).to(torch.complex128))


def purity(w: Tensor, group: Group) -> Tensor:
    """Largest share of one component in weights of both inputs: (..., 2 M) -> (...); 1 for a pure feature.

    For addition modulo M it is the largest share of one frequency in the power of w[:M] and w[M:] together.

    Parameters
    ----------
    w : Tensor (..., 2 M)
    group : Group

    Raises
    ------
    TypeError, ValueError
        If the last axis does not have two entries for each element.

    Examples
    --------
    >>> purity(torch.cos(2 * torch.pi * torch.arange(5) / 5).repeat(2), cyclic(5)).round(decimals=3)
    tensor(1., dtype=torch.float64)
    """
    return component_power(w, group)[0].amax(-1)


def component_power(w: Tensor, group: Group) -> tuple[Tensor, Tensor]:
    """Shares of the components in weights of both inputs, and which is largest: (..., 2 M) -> (..., R - 1), (...)."""
    size = instance("group", group, Group).order
    if not isinstance(w, Tensor) or not w.ndim or w.shape[-1] != 2 * size:
        raise ValueError(f"w: expected a tensor (..., {2 * size}), got {tuple(getattr(w, 'shape', ()))}")
    shares = _shares(group.power(w.unflatten(-1, (2, size))).sum(-2))
    return shares, shares.argmax(-1)
