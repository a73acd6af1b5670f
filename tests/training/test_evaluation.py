import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import log_softmax, one_hot

from ptacore.networks.registry import build
from ptacore.tasks import CopyMemory, RandomDelayCopy, TemporalOrder
from ptacore.tasks.task import Batch
from ptacore.training import evaluate, evaluation, loss_of


def network(name, task):
    return build(name, task.n_inputs, task.n_outputs, 8, torch.Generator().manual_seed(0))


class Oracle(nn.Module):
    """Says the same of every step: log-probabilities `says`."""

    def __init__(self, says):
        super().__init__()
        self.says = nn.Parameter(says)

    def forward(self, inputs):
        return self.says.expand(*inputs.shape[:2], -1)


@pytest.mark.parametrize(
    "task",
    [
        CopyMemory(delay=3, tokens=2, symbols=3, sizes=(5, 2, 2)),
        RandomDelayCopy(delay=(1, 4), tokens=3, symbols=3, sizes=(8, 4, 5)),
    ],
)
def test_losses_are_means_over_the_steps_of_their_convention(task):
    model, split = network("gru", task), task.split("validation")
    sums = {"scored": [], "valid": [], "right": []}
    for i in range(len(split)):  # a sequence at a time, cut to its length, by the definitions
        end = int(split.lengths[i])
        outputs = log_softmax(model(split.batch([i]).inputs[:end]), -1)[:, 0].detach()
        for t in range(end):
            loss = -float(outputs[t, int(split.targets[i, t])])
            sums["valid"].append(loss)
            if t >= end - task.tokens:
                sums["scored"].append(loss)
                sums["right"].append(int(outputs[t].argmax()) == int(split.targets[i, t]))
    found = evaluate(model, split)
    expected = [np.mean(sums[name]) for name in ("scored", "valid", "right")]
    assert np.allclose([found["loss"], found["loss_every_step"], found["accuracy"]], expected, rtol=1e-6)
    batch = split.batch()
    for kind, name in (("scored", "loss"), ("every-step", "loss_every_step")):
        assert np.isclose(float(loss_of(model(batch.inputs), batch, kind).detach()), found[name], rtol=1e-5)
        first = evaluation.first_step(batch, kind)
        assert first == (0 if kind == "every-step" else split.lengths.min() - task.tokens)
        assert np.isclose(float(loss_of(model(batch.inputs)[first:], batch, kind).detach()), found[name], rtol=1e-5)


def test_an_answer_without_memory_has_the_loss_of_chance():
    task = TemporalOrder(sizes=(10, 2000, 10))
    found = evaluate(Oracle(torch.zeros(4)), task.split("validation"))
    assert math.isclose(found["loss"], task.chance_loss(), rel_tol=1e-6)
    assert found["loss_every_step"] is None
    assert abs(found["accuracy"] - 0.25) < 4 * math.sqrt(0.25 * 0.75 / 2000)


def test_evaluation_is_the_same_in_parts(monkeypatch):
    task = CopyMemory(delay=3, tokens=3, symbols=4, sizes=(5, 20, 5))
    model, split = network("lstm", task), task.split("validation")
    whole = evaluate(model, split)
    monkeypatch.setattr(evaluation, "TOGETHER", 300)  # numbers: 4 sequences at a time
    assert np.allclose(list(evaluate(model, split).values()), list(whole.values()), rtol=1e-6)


@pytest.mark.parametrize("classes", [4, evaluation.FEW_CLASSES + 8])
@pytest.mark.parametrize("kind", ["scored", "every-step"])
def test_the_gradient_of_the_loss_is_that_of_its_definition_and_zero_where_nothing_counts(kind, classes):
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(7, 3, classes, generator=generator, dtype=torch.float64)
    targets = torch.randint(classes, (7, 3), generator=generator)
    valid = torch.arange(7)[:, None] < torch.tensor([7, 5, 4])
    scored = valid & (torch.arange(7)[:, None] >= 3)
    counts = scored if kind == "scored" else valid
    outputs[~counts] = math.inf  # of what does not count, nothing is asked
    outputs.requires_grad_()
    loss = loss_of(outputs, Batch(outputs[..., :2].detach(), targets, scored, valid), kind)
    (found,) = torch.autograd.grad(loss, outputs)
    expected = torch.zeros_like(found)
    expected[counts] = outputs.detach()[counts].softmax(-1) - one_hot(targets[counts], classes)
    said = outputs.detach()[counts].log_softmax(-1)
    assert np.isclose(float(loss.detach()), -float(said.gather(1, targets[counts][:, None]).mean()), rtol=1e-12)
    assert torch.allclose(found, expected / counts.sum(), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("kind", ["scored", "every-step"])
@pytest.mark.parametrize("classes", [4, evaluation.FEW_CLASSES + 8])
def test_outputs_that_do_not_cover_the_answer_have_no_loss(kind, classes):
    split = RandomDelayCopy(delay=(1, 4), tokens=3, symbols=3, sizes=(8, 4, 5)).split("train")
    batch = split.batch(range(4))
    outputs = torch.zeros(*batch.targets.shape, classes)
    first = evaluation.first_step(batch, kind)
    assert loss_of(outputs[first:], batch, kind) == loss_of(outputs, batch, kind)
    for wrong in (outputs[-1:], outputs[:0], outputs[::2], outputs[:, :1], torch.cat([outputs, outputs])):
        with pytest.raises(ValueError, match="^outputs: expected those of 4 sequences at all"):
            loss_of(wrong, batch, kind)
