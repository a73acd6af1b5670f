"""Group arithmetic as something to train for: all pairs of elements, a share of which is seen."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ptacore.checks import check_seed, instance, integer, within
from ptacore.features.groups import Group, purity
from ptacore.features.network import TwoLayer
from ptacore.features.signal import centred, gram_ratio, one_hot, strength
from ptacore.training.objective import Objective

LOOKED_AT = 256  # units whose overlaps are measured


def all_pairs(group: Group) -> tuple[Tensor, Tensor]:
    """All pairs of elements and their products, (M^2, 2) and (M^2,)."""
    own = torch.arange(instance("group", group, Group).order)
    return torch.cartesian_prod(own, own), group.table.flatten()


def split_pairs(group: Group, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Places of seen and of unseen pairs in `all_pairs`, drawn without replacement.

    Parameters
    ----------
    group : Group
    share : float
        p, the part of all pairs that is seen, in (0, 1]; at least one pair is.
    seed : int

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> from ptacore.features import cyclic
    >>> seen, unseen = split_pairs(cyclic(5), 0.4, seed=0)
    >>> len(seen), len(unseen)
    (10, 15)
    """
    total = instance("group", group, Group).order ** 2
    seen = max(1, round(within("share", share, 0, 1, "(]") * total))
    generator = torch.Generator().manual_seed(check_seed(seed) % 2**63)
    return torch.randperm(total, generator=generator).split([seen, total - seen])


class Arithmetic(Objective):
    """Full-batch training of a `TwoLayer` on products of group elements, until unseen ones are right.

    An epoch of the record is ``steps`` steps, each on all seen pairs. Half of the unseen pairs validate, the others
    are met once at the end. The first metric, ``waiting``, falls by one an epoch until the validation accuracy has
    reached the ``goal``, and then stays: with ``patience=1`` training ends there.

    Parameters
    ----------
    group : Group
    share : float
        p, the share of all pairs that is seen.
    seed : int
        Of the choice of pairs.
    steps : int
        Full-batch steps between two looks.
    goal : float
        Validation accuracy that is waited for; above 1 for none.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> from ptacore.features import TwoLayer, cyclic
    >>> from ptacore.training import Settings, train
    >>> network = TwoLayer(7, 32, generator=torch.Generator().manual_seed(0))
    >>> run = train(Arithmetic(cyclic(7), 0.8), network, Settings(epochs=3, clip=None, weight_decay=2e-4))
    >>> [row["updates"] for row in run.history]
    [10, 20, 30]
    """

    name = "group-arithmetic"
    metrics = ("waiting", "loss", "accuracy", "train_loss", "train_accuracy")

    def __init__(self, group: Group, share: float, seed: int = 0, *, steps: int = 10, goal: float = 0.99):
        self.group, self.share, self.seed = group, share, seed
        self.pairs, self.targets = all_pairs(group)
        self.seen, unseen = split_pairs(group, share, seed)
        self.unseen = {"validation": unseen[::2], "test": unseen[1::2]}
        if not len(unseen[1::2]):
            raise ValueError(f"share: expected one that leaves two pairs unseen, got {share}")
        self.steps, self.goal = integer("steps", steps, 1), within("goal", goal, 0, 2, "(]")
        self.waited = 0
        self.arrived = False

    def losses(self, model: nn.Module, epoch: int) -> Iterator[Tensor]:
        pairs, targets = self.pairs[self.seen], self.targets[self.seen]
        for _ in range(self.steps):
            yield model.loss(pairs, targets)
        self.waited += not self.arrived

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        (loss, accuracy), (train_loss, train_accuracy) = (
            model.judge(self.pairs[rows], self.targets[rows]) for rows in (self.unseen[split], self.seen)
        )
        if split == "validation":
            self.arrived |= accuracy >= self.goal
        values = (-float(self.waited), loss, accuracy, train_loss, train_accuracy)
        return dict(zip(self.metrics, values, strict=True))

    @torch.no_grad()
    def probe(self, model: nn.Module, exponents: int | None) -> dict:
        """Size of the backpropagated signal, its part along the targets, how hidden units overlap, and their purity."""
        F = model.hidden(self.pairs[self.seen])
        Y = one_hot(self.targets[self.seen], self.group.order, F.dtype)
        size, aligned = strength(F, Y, model.V)
        return {
            "signal": float(size),
            "aligned": float(aligned),
            "overlap": float(gram_ratio(centred(F[:, :LOOKED_AT]))),
            "purity": float(purity(model.W.T, self.group).mean()),
        }

    def config(self) -> dict:
        return {
            "group": self.group.name,
            "share": self.share,
            "pairs_seed": self.seed,
            "steps": self.steps,
            "goal": self.goal,
        }

    def chance(self) -> dict[str, float]:
        return {"accuracy": 1 / self.group.order}

    def check(self, model: nn.Module, settings) -> None:
        if not isinstance(model, TwoLayer) or self.group.order != model.M:
            raise ValueError(f"model: expected a TwoLayer with M = {self.group.order}, got {model!r}")

    def state_dict(self) -> dict:
        return {"waited": self.waited, "arrived": self.arrived}

    def load_state_dict(self, state: dict) -> None:
        self.waited, self.arrived = state["waited"], state["arrived"]
