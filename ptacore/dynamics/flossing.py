"""Gradient flossing: Lyapunov exponents brought to zero by gradient descent."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import Module
from tqdm import tqdm

from ptacore.checks import check_seed, flag, instance, integer, within
from ptacore.dynamics.lyapunov import lyapunov_spectrum
from ptacore.models.module_map import ModuleMap


@dataclass(frozen=True)
class Flossing:
    """What `floss_` returns: how it went.

    Attributes
    ----------
    exponents : Tensor (S, ..., k)
        The exponents before each of the S steps, for each initial state of the batch.
    loss : Tensor (S,)
        Their sum of squares, averaged over the batch.
    """

    exponents: Tensor
    loss: Tensor


@torch.inference_mode(False)
@torch.enable_grad()
def floss_(
    module: Module,
    k: int,
    *,
    steps: int = 100,
    input=None,
    duration: int | None = None,
    transient: int | None = None,
    batch: int = 8,
    lr: float = 1e-3,
    optimizer: torch.optim.Optimizer | None = None,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
    progress: bool = False,
) -> Flossing:
    """Move a recurrent module's k leading Lyapunov exponents towards zero, in place (gradient flossing [1]_).

    Each step follows the module's map from random states, takes the k leading exponents of a short window, and
    descends on their sum of squares, which goes back through steps and QR. Before training it conditions the
    gradients of long sequences; a few steps now and then keep them so. The exponents are those of the window: take it
    about as long as what has to be bridged, and look at a longer one with `lyapunov_spectrum` afterwards. Chaotic
    networks want short windows, for the gradient grows as fast as states part.

    Parameters
    ----------
    module : torch.nn.Module
        What `ptacore.models.ModuleMap` takes: torch's recurrent layers and cells, this package's networks, others.
        Parameters that its map does not depend on, such as a readout's, stay.
    k : int
        Number of exponents, at most the dimension n of the state.
    steps : int
        Number S of steps of the optimizer.
    input : array or callable, optional
        Input, as `ModuleMap` takes it, the same at each step, or a function that returns it for the steps 0 to S - 1;
        zero by default.
    duration : int, optional
        Steps of the map over which the exponents are averaged; all that an input has left after the transient, or 50.
    transient : int, optional
        Steps of the map before them, in which state and tangent vectors settle; by default, as in [1]_, 10 and a tenth
        of the input's length or of `duration`.
    batch : int
        Number of initial states, drawn anew from N(0, 1/4) at each step; an input with a batch determines it.
    lr : float
        Learning rate of Adam, which runs unless an optimizer is given.
    optimizer : torch.optim.Optimizer, optional
        Over the module's parameters. Its gradients are set to zero before each step and after the last one.
    seed : int
        Seed of the initial states.
    dtype : torch.dtype
        Precision in which exponents and gradients are computed: float64, or float32.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Flossing
        Exponents and loss before each step.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid, or the module has nothing that can be flossed; the message names it.

    References
    ----------
    .. [1] R. Engelken, Gradient flossing: improving gradient descent through dynamic control of Jacobians, NeurIPS
       2023, arXiv:2312.17306.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> rnn = torch.nn.RNN(1, 10)
    >>> history = floss_(rnn, 2, steps=50, lr=0.01)
    >>> bool(history.loss[-1] < history.loss[0] / 100)
    True
    """
    own = [p for p in instance("module", module, Module).parameters() if p.requires_grad]
    if not own:
        raise ValueError("module: expected one with parameters that require gradients, got none")
    integer("steps", steps, 1)
    integer("batch", batch, 1)
    for name, value, least in (("duration", duration, 1), ("transient", transient, 0)):
        if value is not None:
            integer(name, value, least)
    within("lr", lr, 0, float("inf"))
    flag("progress", progress)
    generator = torch.Generator().manual_seed(check_seed(seed))
    if optimizer is None:
        optimizer = torch.optim.Adam(own, lr)
    instance("optimizer", optimizer, torch.optim.Optimizer)
    history = []
    for i in tqdm(range(steps), disable=not progress, desc="flossing"):
        system = ModuleMap(module, input(i) if callable(input) else input, dtype, differentiable=True)
        exponents = _exponents(system, k, duration, transient, batch, generator)
        optimizer.zero_grad()
        exponents.square().sum(-1).mean().backward()
        optimizer.step()
        history.append(exponents.detach())
    optimizer.zero_grad()
    exponents = torch.stack(history)
    return Flossing(exponents, exponents.square().sum(-1).flatten(1).mean(1))


def _exponents(
    system: ModuleMap, k: int, duration: int | None, transient: int | None, batch: int, generator: torch.Generator
) -> Tensor:
    integer("k", k, 1, system.dim)
    length = system.steps or duration or 50
    transient = 10 + length // 10 if transient is None else transient
    if duration is None:
        duration = length - transient if system.driven else length
    if system.driven and not 0 < duration <= length - transient:
        raise ValueError(
            f"input: expected at least {transient + max(duration, 1)} steps, for transient = {transient} and "
            f"duration = {max(duration, 1)}, got {length}"
        )
    shape = system.input.shape[int(system.driven) : -1] or (batch,)
    x0 = torch.randn(*shape, system.dim, generator=generator, dtype=torch.float64) / 2
    return lyapunov_spectrum(
        system, x0, duration=duration, transient=transient, k=k, samples=1, differentiable=True
    ).exponents
