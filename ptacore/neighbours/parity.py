"""Streaming parity: a network learns an automaton of two states from short sequences (van Rossem & Saxe 2025)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ptacore.checks import check_seed, instance, integer, within
from ptacore.dynamics.lyapunov import LyapunovSpectrum, lyapunov_spectrum
from ptacore.models.module_map import ModuleMap
from ptacore.training.objective import Objective

TOLERANCE = 0.01  # in standard deviations: states that are nearer count as one
LONG = 50  # steps of the sequences that validate


def all_sequences(length: int) -> Tensor:
    """All sequences of bits of a length: (2^length, length), bool.

    Examples
    --------
    >>> all_sequences(2).int().tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    numbers, places = torch.arange(2 ** integer("length", length, 1, 24)), torch.arange(length).flip(0)
    return (numbers[:, None] >> places & 1).bool()


def parity(bits: Tensor) -> Tensor:
    """Whether the number of ones is odd: (..., T) -> (...), 0 or 1."""
    return instance("bits", bits, Tensor).long().sum(-1) % 2


def one_hot(bits: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Sequences (B, T) as inputs (T, B, 2)."""
    if instance("bits", bits, Tensor).ndim != 2:
        raise ValueError(f"bits: expected shape (B, T), got {tuple(bits.shape)}")
    return torch.stack([~bits.bool(), bits.bool()], -1).to(dtype).transpose(0, 1)


class ParityNetwork(nn.Module):
    """h(t) = relu(W_ih x + b_ih + W_hh h(t - 1) + b_hh) from h = 1, and two linear outputs at the last step.

    Parameters
    ----------
    gain : float
        Of Glorot's normal initialization, of all weights; biases are zero.
    units : int
    seed : int

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range.

    Examples
    --------
    >>> network = ParityNetwork(0.1)
    >>> network(one_hot(all_sequences(3))).shape
    torch.Size([8, 2])
    """

    def __init__(self, gain: float, units: int = 100, seed: int = 0):
        super().__init__()
        within("gain", gain, 0, 100, "(]")
        self.rnn = nn.RNN(2, integer("units", units, 1), nonlinearity="relu")
        self.readout = nn.Linear(units, 2)
        generator = torch.Generator().manual_seed(check_seed(seed))
        for weight in self.parameters():
            if weight.ndim == 2:
                nn.init.xavier_normal_(weight, gain, generator=generator)
            else:
                nn.init.zeros_(weight)

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs (B, 2) after inputs (T, B, 2)."""
        return self.readout(self.last(inputs))

    def last(self, inputs: Tensor) -> Tensor:
        """Hidden state after inputs (T, B, 2): (B, units)."""
        inputs = inputs.to(self.readout.weight.dtype)
        return self.rnn(inputs, inputs.new_ones(1, inputs.shape[1], self.rnn.hidden_size))[1][0]


class Parity(Objective):
    """Squared error of the last output on all sequences of up to ``longest`` bits, in batches of one length.

    Sequences of 50 bits validate; the weights that are kept are those with the lowest error there.

    Parameters
    ----------
    longest : int
    batch : int
        Sequences a batch, all of one length.
    passes : int
        Times that all sequences are gone through in an epoch of the record.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range.

    Examples
    --------
    >>> len(list(Parity().losses(ParityNetwork(0.1), epoch=1)))
    21
    """

    name, metrics = "streaming-parity", ("loss", "accuracy", "train_loss")

    def __init__(self, longest: int = 10, batch: int = 128, *, passes: int = 1):
        self.passes = integer("passes", passes, 1)
        self.longest, self.batch = integer("longest", longest, 1, 16), integer("batch", batch, 1)
        self.sequences = [all_sequences(length) for length in range(1, longest + 1)]
        drawn = (torch.rand(2, 200, LONG, generator=torch.Generator().manual_seed(1)) < 0.5).unbind()
        self.held_out = dict(zip(("validation", "test"), drawn, strict=True))

    def losses(self, model: nn.Module, epoch: int) -> Iterator[Tensor]:
        for _ in range(self.passes):
            batches = [part for bits in self.sequences for part in bits[torch.randperm(len(bits))].split(self.batch)]
            for place in torch.randperm(len(batches)).tolist():
                yield _error(model, batches[place])

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        bits = self.held_out[split]
        train = sum(_error(model, part) * len(part) for part in self.sequences) / sum(map(len, self.sequences))
        return {"loss": _error(model, bits), "accuracy": accuracy(model, bits), "train_loss": train}

    def probe(self, model: nn.Module, exponents: int | None) -> dict:
        """Leading exponents under random bits, the adjoint over ten steps, states, and accuracy after 1,000 bits."""
        spectrum = spectrum_of(model, steps=1000, k=min(exponents or 1, 3))
        return {
            "exponents": [max(float(v), -100.0) for v in spectrum.exponents],  # JSON has no -inf
            "errors": [float(v) for v in spectrum.standard_error],
            "reach": float(reach(model)),
            "states": count_states(model, self.longest),
            "accuracy": accuracy(model, torch.rand(100, 1000) < 0.5),
        }

    def config(self) -> dict:
        return {"longest": self.longest, "batch": self.batch, "passes": self.passes}

    def chance(self) -> dict[str, float]:
        return {"accuracy": 0.5}

    def check(self, model: nn.Module, settings) -> None:
        instance("model", model, ParityNetwork)


def _error(model: nn.Module, bits: Tensor) -> Tensor:
    target = torch.nn.functional.one_hot(parity(bits), 2)
    return (model(one_hot(bits)) - target).square().mean()


@torch.no_grad()
def accuracy(model: nn.Module, bits: Tensor) -> float:
    """Share of sequences (B, T) whose parity a network tells."""
    return float((model(one_hot(bits)).argmax(1) == parity(bits)).double().mean())


def spectrum_of(model: ParityNetwork, steps: int, k: int = 1, seed: int = 0, transient: int = 200) -> LyapunovSpectrum:
    """Leading exponents per step of a network that is driven by random bits.

    Parameters
    ----------
    model : ParityNetwork
    steps : int
        That are averaged.
    k : int
        Number of exponents. Units that are off make further ones -inf.
    seed : int
        Of the bits.
    transient : int
        Steps before.
    """
    instance("model", model, ParityNetwork)
    generator = torch.Generator().manual_seed(check_seed(seed))
    bits = torch.rand(1, integer("steps", steps, 1) + integer("transient", transient, 0), generator=generator) < 0.5
    driven = ModuleMap(model.rnn, input=one_hot(bits, torch.float64)[:, 0])
    start = torch.ones(driven.dim, dtype=torch.float64)
    return lyapunov_spectrum(driven, start, duration=steps, transient=transient, k=k)


@torch.no_grad()
def reach(model: ParityNetwork, steps: int = 10, sequences: int = 16, seed: int = 0) -> Tensor:
    """Mean over random sequences of the logarithm (base 10) of the largest singular value of dh(steps)/dh(0)."""
    generator = torch.Generator().manual_seed(check_seed(seed))
    bits = torch.rand(integer("sequences", sequences, 1), integer("steps", steps, 1), generator=generator) < 0.5
    cell, h = instance("model", model, ParityNetwork).rnn, torch.ones(sequences, model.rnn.hidden_size).double()
    W, x = cell.weight_hh_l0.double(), one_hot(bits, torch.float64)
    drive = x @ cell.weight_ih_l0.double().T + (cell.bias_ih_l0 + cell.bias_hh_l0).double()
    product = torch.eye(len(W), dtype=torch.float64).expand(sequences, -1, -1)
    for step in drive:
        h = torch.relu(step + h @ W.T)
        product = (h > 0)[..., None] * (W @ product)
    return torch.linalg.matrix_norm(product, 2).log10().mean()


@torch.no_grad()
def count_states(model: ParityNetwork, longest: int = 10, tolerance: float = TOLERANCE) -> int:
    """Number of different hidden states after all sequences of up to `longest` bits.

    States nearer than `tolerance` times the standard deviation of all are joined, and so are those that are joined to
    one and the same.
    """
    from scipy.sparse.csgraph import connected_components

    instance("model", model, ParityNetwork)
    states = torch.cat([model.last(one_hot(all_sequences(n))) for n in range(1, integer("longest", longest, 1) + 1)])
    states, tolerance = states.double(), within("tolerance", tolerance, 0, math.inf)
    deviation = (states - states.mean(0)).square().sum(1).mean().sqrt()
    near = torch.cdist(states, states, compute_mode="donot_use_mm_for_euclid_dist") < tolerance * deviation
    return int(connected_components(near.numpy(), directed=False)[0])
