"""Loss and accuracy: cross-entropy over the steps of the answer or over all steps, and the share of right answers."""

from __future__ import annotations

from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ptacore.checks import choice, instance, shown
from ptacore.tasks.task import Batch, Split
from ptacore.training.settings import LOSSES

TOGETHER = 1 << 22  # numbers (steps x sequences x units) in a batch without gradients
UNITS = 256  # that a module is taken to have which does not tell
FEW_CLASSES = 32  # up to which torch's cross-entropy of all steps is several times as fast on the CPU with them first
IGNORED = -100  # target that `cross_entropy` leaves out


@torch.no_grad()
def evaluate(model: nn.Module, split: Split) -> dict[str, float | None]:
    """Loss and accuracy of a network on all sequences of a split.

    Parameters
    ----------
    model : Recurrent or torch.nn.Module
        From inputs (T, B, m) to outputs (T, B, n_outputs).
    split : Split

    Returns
    -------
    dict
        "loss": cross-entropy in nats over the steps of the answer; "loss_every_step": over all steps of the sequences,
        None if the targets do not change within a sequence; "accuracy": share of right answers among the scored steps.
    """
    instance("split", split, Split)
    weight = first_parameter(model)
    every_step = split.targets.ndim == 2
    sums, counts = [0.0, 0.0, 0.0], [0, 0, 0]
    with in_evaluation_mode(model):
        for rows in torch.arange(len(split)).split(_evaluated_together(model, split)):
            batch = split.batch(rows, weight.dtype, weight.device)
            outputs = model(batch.inputs)
            answers, truth = outputs[batch.scored], batch.targets[batch.scored]
            sums[0] += float(cross_entropy(answers, truth, reduction="sum"))
            sums[2] += int((answers.argmax(-1) == truth).sum())
            counts[0] += len(truth)
            counts[2] += len(truth)
            if every_step:
                sums[1] += float(cross_entropy(outputs[batch.valid], batch.targets[batch.valid], reduction="sum"))
                counts[1] += int(batch.valid.sum())
    loss, loss_every_step, accuracy = (s / n if n else None for s, n in zip(sums, counts, strict=True))
    return {"loss": loss, "loss_every_step": loss_every_step, "accuracy": accuracy}


def first_parameter(model: nn.Module) -> nn.Parameter:
    """The parameter that tells a network's dtype and device."""
    if (weight := next(instance("model", model, nn.Module).parameters(), None)) is None:
        raise ValueError(f"model: expected a network with parameters, got {type(model).__name__}, which has none")
    return weight


@contextmanager
def in_evaluation_mode(model: nn.Module):
    """Put every part of a network into evaluation mode for a while, and then back into what each was in."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def loss_of(outputs: Tensor, batch: Batch, kind: str) -> Tensor:
    """Cross-entropy in nats over the steps of the answer ("scored") or of the sequences ("every-step").

    The outputs may lack the steps before `first_step`.
    """
    instance("outputs", outputs, Tensor)
    instance("batch", batch, Batch)
    choice("kind", kind, LOSSES)
    steps = _counted(batch, kind)
    if outputs.ndim != 3 or outputs.layout != torch.strided or outputs.is_meta or not outputs.is_floating_point():
        raise ValueError(f"outputs: expected floating-point numbers (T, B, n_outputs), got {shown(outputs)}")
    since = len(steps) - len(outputs)
    if since < 0 or outputs.shape[1] != steps.shape[1] or steps[:since].any():
        first = first_step(batch, kind)
        raise ValueError(
            f"outputs: expected those of {steps.shape[1]} sequences at all {len(steps)} steps, or from step {first} or "
            f"an earlier one on, got shape {tuple(outputs.shape)}"
        )
    targets, steps = batch.targets[since:].long(), steps[since:]
    if kind == "scored" or outputs.shape[-1] > FEW_CLASSES or not outputs.is_cpu:
        return cross_entropy(outputs[steps], targets[steps])
    if not steps.all():
        outputs, targets = outputs.masked_fill(~steps[..., None], 0), targets.where(steps, IGNORED)
    classes_first = outputs.permute(2, 0, 1)[None].contiguous()
    return cross_entropy(classes_first, targets[None], ignore_index=IGNORED)


def first_step(batch: Batch, kind: str) -> int:
    """The first step whose output `loss_of` looks at."""
    return int(_counted(batch, kind).any(1).int().argmax())


def _counted(batch: Batch, kind: str) -> Tensor:
    return batch.scored if kind == "scored" else batch.valid


def _evaluated_together(model: nn.Module, split: Split) -> int:
    steps, units = split.codes.shape[1], getattr(model, "state_size", None) or UNITS
    return max(1, TOGETHER // (steps * units))
