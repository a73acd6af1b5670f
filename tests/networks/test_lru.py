"""The complex diagonal recurrence and its block."""

import math

import pytest
import torch
from reference_systems import random

from ptacore import System, lyapunov_spectrum
from ptacore.kernels import scan as compiled
from ptacore.networks.lru import LRUBlock, scan
from ptacore.networks.registry import build


def operands(T=9, B=3, H=4):
    shapes = (H,), (T, B, H), (B, H)
    parts = [torch.complex(random(s, i), random(s, 10 + i)) for i, s in enumerate(shapes)]
    return [(0.6 * x).requires_grad_() for x in parts]


@pytest.mark.parametrize("backend", ["torch", *(["compiled"] if compiled.available() else [])])
@pytest.mark.parametrize(("T", "H"), [(1, 4), (2, 4), (9, 4), (9, 19)])
def test_the_scan_is_its_recurrence_and_so_are_its_gradients(T, H, backend, monkeypatch):
    monkeypatch.setattr(compiled, "available", lambda: backend == "compiled")
    decay, u, start = operands(T, H=H)
    h, steps = start, []
    for now in u.unbind(0):
        h = decay * h + now
        steps.append(h)
    got, expected = scan(decay, u, start), torch.stack(steps)
    torch.testing.assert_close(got, expected, rtol=1e-13, atol=1e-13)
    weight = torch.complex(random(got.shape, 5), random(got.shape, 6))
    a, b = (torch.autograd.grad((weight * x).real.sum(), (decay, u, start)) for x in (got, expected))
    for x, y in zip(a, b, strict=True):
        torch.testing.assert_close(x, y, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("layers", [1, 2])
def test_training_takes_the_compiled_scan_forward_and_backward(layers, monkeypatch):
    """What is not contiguous would be left to torch."""
    fitting = []
    monkeypatch.setattr(compiled, "fits", lambda *parts, own=compiled.fits: fitting.append(own(*parts)) or fitting[-1])
    model = build("lru", 3, 2, 16, torch.Generator().manual_seed(0), layers=layers)
    model(random((7, 5, 3), 1).float(), since=4).square().sum().backward()
    assert fitting == [True] * 2 * layers


def test_a_second_derivative_is_refused():
    decay, u, start = operands()
    with pytest.raises(RuntimeError, match="first derivatives only"):
        torch.autograd.grad(scan(decay, u, start).abs().sum(), u, create_graph=True)


def test_moduli_and_phases_are_drawn_from_their_ranges():
    block = LRUBlock(2000, torch.Generator().manual_seed(0), r_min=0.5, r_max=0.8, max_phase=0.3)
    modulus, phase = (-block.nu.exp()).exp(), block.theta.exp()
    assert modulus.min() >= 0.5 - 1e-6
    assert modulus.max() <= 0.8 + 1e-6
    assert modulus.square().mean().item() == pytest.approx((0.25 + 0.64) / 2, rel=0.02)  # uniform over the ring's area
    assert phase.min() > 0
    assert phase.max() <= 0.3 + 1e-6
    torch.testing.assert_close(block.gain.exp(), (1 - modulus.square()).sqrt())


def test_a_stationary_unit_has_unit_variance_per_unit_of_drive():
    """gain^2 / (1 - |lambda|^2) = 1, which is what the gain is for."""
    block = LRUBlock(50, torch.Generator().manual_seed(0), 0.9, 0.999, 6.28).double()
    decay = torch.exp(-2 * block.nu.exp())
    torch.testing.assert_close(torch.exp(2 * block.gain) / (1 - decay), torch.ones_like(decay), rtol=1e-4, atol=0)


def test_the_lyapunov_exponents_are_the_logarithms_of_the_moduli():
    model = build("lru", 2, 3, 4, torch.Generator().manual_seed(0), r_min=0.3, r_max=0.9).double()
    x = random((2,), 1)
    system = System.from_function(lambda h: model.step(x.expand(*h.shape[:-1], 2), h), model.state_size, "map")
    with torch.no_grad():
        got = lyapunov_spectrum(system, random((8,), 2), duration=100, transient=1000).exponents
    expected = sorted((-math.exp(nu) for nu in model.blocks[0].nu.tolist() for _ in range(2)), reverse=True)
    assert got.tolist() == pytest.approx(expected, abs=1e-6)
