"""The registry of trainable recurrent networks: one call signature for all."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from torch import Generator

from ptacore.checks import choice, instance, integer
from ptacore.memory import foretell
from ptacore.networks.base import Recurrent
from ptacore.networks.linoss import DLinOSS, LinOSSIM, LinOSSIMEX
from ptacore.networks.pta import PTAGRU, PTATanh
from ptacore.networks.published import LEM, LRU, Antisymmetric, CoRNN, Lipschitz
from ptacore.networks.torch_units import GRU, LSTM, ChronoLSTM, OrthogonalTanh, RotationTanh, Tanh

MODELS: dict[str, Callable[..., Recurrent]] = {
    "tanh": Tanh,
    "tanh-orthogonal": OrthogonalTanh,
    "tanh-rotation": RotationTanh,
    "tanh-pta": PTATanh,
    "gru": GRU,
    "gru-pta": PTAGRU,
    "lstm": LSTM,
    "lstm-chrono": ChronoLSTM,
    "antisymmetric": Antisymmetric,
    "cornn": CoRNN,
    "lipschitz": Lipschitz,
    "lem": LEM,
    "lru": LRU,
    "linoss-im": LinOSSIM,
    "linoss-imex": LinOSSIMEX,
    "d-linoss": DLinOSS,
}


def build(
    name: str, n_inputs: int, n_outputs: int, n_hidden: int = 250, generator: Generator | None = None, **options
) -> Recurrent:
    """A network by its name.

    Parameters
    ----------
    name : str
        A key of `ptacore.networks.MODELS`.
    n_inputs, n_outputs, n_hidden : int
        Numbers of inputs, of outputs and of hidden units (for each of the state variables of the equations).
    generator : torch.Generator, optional
        Source of the initial parameters; torch's global one unless given.
    **options
        Options of this network, see its class; ``model.options`` has them with the defaults filled in.

    Returns
    -------
    Recurrent
        In torch's default dtype, on the CPU.

    Raises
    ------
    ValueError
        If the name or an option is unknown, or a value is outside its range; the message names it and what is valid.

    Examples
    --------
    >>> import torch
    >>> model = build("cornn", n_inputs=10, n_outputs=9, generator=torch.Generator().manual_seed(0), dt=0.05)
    >>> model(torch.zeros(20, 4, 10)).shape
    torch.Size([20, 4, 9])
    >>> model.n_parameters, model.options
    (130009, {'dt': 0.05, 'gamma': 0.4, 'eps': 8.0})
    """
    choice("name", name, MODELS)
    if generator is not None:
        instance("generator", generator, Generator)
    sizes = {"n_inputs": n_inputs, "n_outputs": n_outputs, "n_hidden": n_hidden}
    sizes = [integer(size, value, 1) for size, value in sizes.items()]
    foretell("n_hidden", 4.0 * sizes[2] * (sizes[2] + sizes[1]) + 4.0 * sizes[2] * sizes[0], "take fewer units")
    valid = defaults(name)
    for option in options:
        if option not in valid:
            raise ValueError(f"{option}: not an option of {name!r}, which has {', '.join(valid) or 'none'}")
    model = MODELS[name](*sizes, generator, **options)
    model.name, model.options = name, valid | options
    return model


def defaults(name: str) -> dict[str, object]:
    """The options of a network with their defaults.

    Examples
    --------
    >>> defaults("lem")
    {'dt': 0.31}
    """
    choice("name", name, MODELS)
    return {p.name: p.default for p in list(inspect.signature(MODELS[name]).parameters.values())[4:]}
