"""What the theory is about, during training: Lyapunov exponents, and the adjoint's norm by time lag."""

from __future__ import annotations

import copy
from math import isfinite

import numpy as np
import torch
from torch import Tensor

from ptacore.checks import check_seed, instance, integer
from ptacore.dynamics.lyapunov import lyapunov_spectrum
from ptacore.models.module_map import as_system
from ptacore.networks.base import Recurrent
from ptacore.tasks.task import Split

SEQUENCES = 32  # behind a norm of the adjoint
STEPS = 2000  # behind an exponent, after a quarter as many of transient


def usual_input(split: Split) -> Tensor:
    """What a network sees most often, (m,): the blank of copy tasks, a background's pixel, one of some distractors."""
    channels = split.codes if split.codes.ndim == 3 else split.codes[..., None]
    codes = [int(torch.bincount(channels[..., c].flatten()).argmax()) for c in range(channels.shape[-1])]
    one_hot = split.encoding.ndim == 2
    return split.encoding[codes[0]] if one_hot else split.encoding[codes]


def adjoint_norms(model: Recurrent, split: Split, sequences: int = SEQUENCES, seed: int = 0) -> np.ndarray:
    """Norm of the adjoint by time lag, along sequences of a split.

    At each sequence's first scored step the adjoint is a random unit vector (Eq. 9); its norm l steps before is
    averaged geometrically over the sequences.

    Parameters
    ----------
    model : Recurrent
    split : Split
        Its first sequences are used.
    sequences : int
    seed : int
        Seed of the unit vectors.

    Returns
    -------
    ndarray (L + 1,)
        For lags 0 to L, the least number of steps before an answer.
    """
    instance("model", model, Recurrent)
    instance("split", split, Split)
    sequences = integer("sequences", sequences, 1)
    model = copy.deepcopy(model).to("cpu", torch.float64).requires_grad_(False)
    batch = split.batch(range(min(sequences, len(split))), torch.float64)
    first = batch.scored.int().argmax(0)  # (B,)
    state = batch.inputs.new_zeros(batch.inputs.shape[1], model.state_size).requires_grad_()
    states = []
    with torch.enable_grad():
        for x in batch.inputs[: first.max() + 1].unbind(0):
            state = model.step(x, state)
            states.append(state)
        v = torch.randn(state.shape, generator=torch.Generator().manual_seed(check_seed(seed)), dtype=state.dtype)
        v /= v.norm(dim=-1, keepdim=True)
        final = torch.stack([states[t][b] for b, t in enumerate(first.tolist())])
        adjoint = torch.autograd.grad(final, states, v, materialize_grads=True)
    norms = torch.stack([_norm(a) for a in adjoint])  # (T, B)
    lags = torch.arange(int(first.min()) + 1)
    aligned = torch.stack([norms[t - lags, b] for b, t in enumerate(first.tolist())])
    return aligned.log().mean(0).exp().numpy()


def _norm(x: Tensor) -> Tensor:
    """The norm of each row, without squaring what is too large or small; infinite where a row has left the numbers."""
    scale = x.abs().amax(-1, keepdim=True).clamp_min(torch.finfo(x.dtype).tiny)
    return (scale[..., 0] * (x / scale).norm(dim=-1)).nan_to_num(nan=torch.inf, posinf=torch.inf)


def probe(model: Recurrent, split: Split, exponents: int | None = None) -> dict[str, list[float]]:
    """Leading Lyapunov exponents and the adjoint's norm by lag.

    The exponents are those of the network under its most frequent input (the blank of copy tasks, a background's
    pixel), from the state where a sequence of the split leaves it.

    Parameters
    ----------
    model : Recurrent
    split : Split
    exponents : int, optional
        How many; all by default.

    Returns
    -------
    dict
        "exponents" per step, descending, "standard_error" of each, "adjoint_norm" for lags 0, 1, ...; what is
        infinite, such as the exponent of a direction that is lost in one step, is None.

    Raises
    ------
    DivergenceError
        If the network's state does not stay finite.
    """
    instance("model", model, Recurrent)
    instance("split", split, Split)
    if exponents is not None:
        exponents = integer("exponents", exponents, 1)
    batch = split.batch(range(1))
    weight = model.readout.weight
    with torch.no_grad():
        start = model.states(batch.inputs.to(weight))[-1, 0].double().cpu()
    system = as_system(copy.deepcopy(model).cpu(), usual_input(split))
    k = system.dim if exponents is None else min(exponents, system.dim)
    spectrum = lyapunov_spectrum(system, start, duration=STEPS, transient=STEPS // 4, k=k)
    return {
        "exponents": _finite(spectrum.exponents.tolist()),
        "standard_error": _finite(spectrum.standard_error.tolist()),
        "adjoint_norm": _finite(adjoint_norms(model, split).tolist()),
    }


def _finite(numbers: list[float]) -> list[float | None]:
    return [x if isfinite(x) else None for x in numbers]
