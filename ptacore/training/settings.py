"""The settings of a training run: learning rate, clipping, dropout, decay, early stopping (S2.3)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import ClassVar

import torch

from ptacore.checks import check_seed, choice, integer, within

LOSSES = ("scored", "every-step")
OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a network is trained.

    Parameters
    ----------
    lr : float
        The optimizer's learning rate at the start.
    clip : float or None
        Largest norm of the gradient of the loss, to which longer ones are scaled; None for no limit.
    dropout : float
        Share of hidden units that the readout does not see during training, drawn anew for every step and sequence.
    decay : float
        Factor of the learning rate whenever ``decay_wait`` epochs in a row brought no lower validation loss.
    decay_wait : int
        The paper gives a factor only, neither when nor how often it applies.
    patience : int
        Training ends early after so many epochs without a lower validation loss.
    epochs : int
        Most epochs; 400 in the paper (S2.2), 125 for images (S2.1).
    batch_size : int
        Sequences a batch; the paper does not say.
    loss : {"scored", "every-step"}
        Whether the cross-entropy that is minimized averages the steps of the answer, or all steps of the sequence. The
        validation loss by which an epoch is chosen, the rate lowered and training ended is always that of the answers.
    seed : int
        Seed of the order of the sequences and of the dropout.
    probe_every : int
        Epochs between looks at the network's dynamics, see `probe`; the first is taken before training. 0 for none.
    probe_exponents : int or None
        Leading Lyapunov exponents to compute then; None for all.
    optimizer : {"adam", "adamw", "sgd"}
        Adam with betas 0.9 and 0.999 and epsilon 1e-8, or plain gradient descent.
    weight_decay : float
        lambda, of all parameters w: "adam" and "sgd" add lambda w to the clipped gradient, which is that of a penalty
        lambda/2 |w|^2; "adamw" takes lr lambda w off the weights beside its step (Loshchilov & Hutter 2019).

    Raises
    ------
    ValueError
        If a value is outside its range; the message names it and the range.

    Examples
    --------
    >>> Settings(lr=3e-4).epochs
    400
    >>> Settings(dropout=1.5)
    Traceback (most recent call last):
    ...
    ValueError: dropout: expected a number in [0, 1), got 1.5
    """

    lr: float = 1e-3
    clip: float | None = 1.0
    dropout: float = 0.0
    decay: float = 0.5
    decay_wait: int = 10
    patience: int = 40
    epochs: int = 400
    batch_size: int = 128
    loss: str = "scored"
    seed: int = 0
    probe_every: int = 0
    probe_exponents: int | None = 10
    optimizer: str = "adam"
    weight_decay: float = 0.0

    later: ClassVar[tuple[str, ...]] = ("optimizer", "weight_decay")  # not in a config where they have their defaults

    def __post_init__(self):
        ranges = {"lr": (0, 1000, "(]"), "clip": (0, math.inf), "dropout": (0, 1, "[)"), "decay": (0, 1, "(]")}
        ranges["weight_decay"] = (0, math.inf, "[)")
        for name, bounds in ranges.items():
            if name != "clip" or self.clip is not None:
                object.__setattr__(self, name, within(name, getattr(self, name), *bounds))
        for name in ("decay_wait", "patience", "epochs", "batch_size"):
            object.__setattr__(self, name, integer(name, getattr(self, name), 1))
        object.__setattr__(self, "seed", check_seed(self.seed))
        object.__setattr__(self, "probe_every", integer("probe_every", self.probe_every, 0))
        if self.probe_exponents is not None:
            object.__setattr__(self, "probe_exponents", integer("probe_exponents", self.probe_exponents, 1))
        choice("loss", self.loss, LOSSES)
        choice("optimizer", self.optimizer, OPTIMIZERS)

    @classmethod
    def names(cls) -> list[str]:
        """Names of the settings."""
        return [field.name for field in fields(cls)]

    def config(self) -> dict:
        """The settings, as JSON takes them; `later` ones where they differ from their defaults."""
        return {k: v for k, v in asdict(self).items() if k not in self.later or v != getattr(Settings, k)}
