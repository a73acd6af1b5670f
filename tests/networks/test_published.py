"""Every network against its paper's equations, transcribed one unit at a time."""

import math
import re
from functools import partial

import pytest
import torch
from reference_systems import random

from ptacore.networks.registry import build

M, H, STEPS, BATCH = 3, 5, 7, 2


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def dot(row, *parts):
    return sum(float(w) * v for w, v in zip(row, [x for part in parts for x in part], strict=True))


def antisymmetric(p, o, x, h):
    W, gate = p["weight_hh"], []
    rows = [[W[i, j] - W[j, i] - o["gamma"] * (i == j) for j in range(H)] for i in range(H)]
    new = [math.tanh(dot(rows[i], h) + dot(p["weight_ih"][i], x) + p["bias"][i]) for i in range(H)]
    if o["gated"]:
        gate = [sigmoid(dot(rows[i], h) + dot(p["weight_ih"][H + i], x) + p["bias"][H + i]) for i in range(H)]
    return [h[i] + o["eps"] * new[i] * (gate[i] if gate else 1) for i in range(H)]


def cornn(p, o, x, s):
    y, z = s[:H], s[H:]
    a = [dot(p["weight_hh"][i], y, z) + dot(p["weight_ih"][i], x) + p["bias"][i] for i in range(H)]
    z = [z[i] + o["dt"] * (math.tanh(a[i]) - o["gamma"] * y[i] - o["eps"] * z[i]) for i in range(H)]
    return [y[i] + o["dt"] * z[i] for i in range(H)] + z


def lipschitz(p, o, x, h):
    def mixed(K, i, j):
        skew, symmetric = K[i, j] - K[j, i], K[i, j] + K[j, i]
        return o["beta"] * skew + (1 - o["beta"]) * symmetric - o["gamma"] * (i == j)

    A = [[mixed(p["weight_linear"], i, j) for j in range(H)] for i in range(H)]
    W = [[mixed(p["weight_hh"], i, j) for j in range(H)] for i in range(H)]
    a = [math.tanh(dot(W[i], h) + dot(p["weight_ih"][i], x) + p["bias"][i]) for i in range(H)]
    return [h[i] + o["eps"] * (dot(A[i], h) + a[i]) for i in range(H)]


def lem(p, o, x, s):
    y, z = s[:H], s[H:]

    def driven(k, i):
        return dot(p["weight_ih"][k * H + i], x) + p["bias"][k * H + i]

    def recurrent(k, i):
        return dot(p["weight_hh"][k * H + i], y) + driven(k, i)

    d1 = [o["dt"] * sigmoid(recurrent(0, i)) for i in range(H)]
    d2 = [o["dt"] * sigmoid(recurrent(1, i)) for i in range(H)]
    z = [(1 - d1[i]) * z[i] + d1[i] * math.tanh(recurrent(2, i)) for i in range(H)]
    inner = [math.tanh(dot(p["weight_zy"][i], z) + driven(3, i)) for i in range(H)]
    return [(1 - d2[i]) * y[i] + d2[i] * inner[i] for i in range(H)] + z


def lru(p, o, x, s):
    u = [dot(p["encoder.weight"][i], x) + p["encoder.bias"][i] for i in range(H)]
    new, out = [], u
    for b in range(o["layers"]):
        q = {k.removeprefix(f"blocks.{b}."): v for k, v in p.items()}
        h, out = lru_block(q, out, [complex(*s[2 * H * b + 2 * i :][:2]) for i in range(H)])
        new += [part for c in h for part in (c.real, c.imag)]
    return new


def lru_block(p, u, h):
    x = normed(p, u)
    for i in range(H):
        modulus, phase = math.exp(-math.exp(p["nu"][i])), math.exp(p["theta"][i])
        decay = modulus * complex(math.cos(phase), math.sin(phase))
        driven = complex(dot(p["B"][i, 0], x), dot(p["B"][i, 1], x))
        h[i] = decay * h[i] + math.exp(p["gain"][i]) * driven
    y = [sum((complex(*p["C"][i, j]) * h[j]).real for j in range(H)) + float(p["D"][i]) * x[i] for i in range(H)]
    gelu = [v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in y]
    a = [dot(p["linear.weight"][i], gelu) + float(p["linear.bias"][i]) for i in range(2 * H)]
    return h, [u[i] + a[i] * sigmoid(a[H + i]) for i in range(H)]


def linoss(p, o, x, s, implicit=None):
    """One block; real and imaginary parts of q, then of z."""
    q = {k.removeprefix("blocks.0."): v for k, v in p.items()}
    (old, z), new = ([complex(*part[2 * i :][:2]) for i in range(H)] for part in (s[: 2 * H], s[2 * H :])), []
    u = normed(q, [dot(p["encoder.weight"][i], x) + p["encoder.bias"][i] for i in range(H)])
    for i in range(H):
        dt, A = sigmoid(q["s"][i]), max(0.0, float(q["a"][i]))
        S = 1 + dt * dt * A if implicit else 1.0
        if implicit is None:
            S = 1 + dt * max(0.0, float(q["g"][i]))
            A = min(max(float(q["a"][i]), (1 - S**0.5) ** 2 / dt**2), (1 + S**0.5) ** 2 / dt**2)
        b = complex(dot(q["B"][i, 0], u), dot(q["B"][i, 1], u))
        z[i] = (z[i] - dt * A * old[i] + dt * b) / S
        new.append(old[i] + dt * z[i])
    return [part for c in new + z for part in (c.real, c.imag)]


def normed(p, u):
    mean = sum(u) / H
    deviation = math.sqrt(sum((v - mean) ** 2 for v in u) / H + 1e-5)
    return [float(p["norm.weight"][i]) * (u[i] - mean) / deviation + float(p["norm.bias"][i]) for i in range(H)]


LITERAL = [
    ("antisymmetric", {}, antisymmetric),
    ("antisymmetric", {"gated": True, "eps": 0.7, "gamma": 0.3}, antisymmetric),
    ("cornn", {}, cornn),
    ("cornn", {"dt": 0.3, "gamma": 1.2, "eps": 0.5}, cornn),
    ("lipschitz", {}, lipschitz),
    ("lipschitz", {"eps": 0.6, "beta": 0.4, "gamma": 0.2, "scale": 3.0}, lipschitz),
    ("lem", {}, lem),
    ("lem", {"dt": 0.9}, lem),
    ("lru", {}, lru),
    ("lru", {"layers": 2, "r_min": 0.1, "r_max": 0.8, "max_phase": 1.0}, lru),
    ("linoss-im", {}, partial(linoss, implicit=True)),
    ("linoss-imex", {}, partial(linoss, implicit=False)),
    ("d-linoss", {}, linoss),
    ("d-linoss", {"r_min": 0.3, "r_max": 0.7, "max_phase": 1.0}, linoss),
]


@pytest.mark.parametrize(("name", "options", "literal"), LITERAL)
def test_the_equations_step_by_step(name, options, literal):
    model = build(name, M, 4, H, torch.Generator().manual_seed(1), **options).double()
    p = {k: v.detach() + 0.1 * random(v.shape, i) for i, (k, v) in enumerate(model.state_dict().items())}
    model.load_state_dict(p)
    inputs, start = random((STEPS, BATCH, M), 1), random((BATCH, model.state_size), 2)
    states = model.states(inputs, start)
    for b in range(BATCH):
        s = start[b].tolist()
        for t in range(STEPS):
            s = [float(v) for v in literal(p, model.options, inputs[t, b].tolist(), s)]
            assert states[t, b].tolist() == pytest.approx(s, rel=1e-12, abs=1e-12)


def test_what_the_lru_reads_out_step_by_step():
    model = build("lru", M, 4, H, torch.Generator().manual_seed(1)).double()
    p = {k.removeprefix("blocks.0."): v for k, v in model.state_dict().items()}
    inputs, h = random((STEPS, 1, M), 1), [0j] * H
    outputs = model(inputs)
    for t in range(STEPS):
        h, out = lru_block(p, model.encoder(inputs[t, 0]).tolist(), h)
        expected = [dot(row, out) + float(b) for row, b in zip(p["readout.weight"], p["readout.bias"], strict=True)]
        assert outputs[t, 0].tolist() == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_initial_weights_have_the_papers_spread():
    H, generator = 200, torch.Generator().manual_seed(0)
    m = build("antisymmetric", 50, 2, H, generator, scale=4.0)
    assert m.weight_hh.std().item() == pytest.approx(4 / H**0.5, rel=0.02)
    assert m.weight_ih.std().item() == pytest.approx(50**-0.5, rel=0.03)
    m = build("lipschitz", 50, 2, H, generator, scale=0.5)
    assert m.weight_hh.std().item() == pytest.approx(0.5 / H, rel=0.02)
    assert m.weight_linear.std().item() == pytest.approx(0.5 / H, rel=0.02)
    for name, bound in (("cornn", (50 + 2 * H) ** -0.5), ("lem", H**-0.5)):
        weights = build(name, 50, 2, H, generator).weight_hh
        assert weights.abs().max().item() == pytest.approx(bound, rel=1e-3)
        assert weights.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)


def test_antisymmetric_recurrence_does_not_stretch_to_first_order():
    """The eigenvalues of W - W^T - gamma I have the real part -gamma."""
    W = build("antisymmetric", 3, 2, 20, torch.Generator().manual_seed(0), gamma=0.3).operands()[2][0]
    assert torch.linalg.eigvals(W).real.tolist() == pytest.approx([-0.3] * 20, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "wrong", "valid"),
    [
        ("antisymmetric", {"eps": 0}, "eps: expected a number in (0, inf), got 0"),
        ("antisymmetric", {"gamma": -1e-3}, "gamma: expected a number in [0, inf), got -0.001"),
        ("antisymmetric", {"scale": "big"}, "scale: expected a number in [0, inf), got 'big'"),
        ("cornn", {"dt": -0.1}, "dt: expected a number in (0, inf), got -0.1"),
        ("cornn", {"gamma": float("nan")}, "gamma: expected a number in (0, inf), got nan"),
        ("cornn", {"eps": float("inf")}, "eps: expected a number in (0, inf), got inf"),
        ("lipschitz", {"beta": 1.1}, "beta: expected a number in [0, 1], got 1.1"),
        ("lem", {"dt": None}, "dt: expected a number in (0, inf), got None"),
        ("lru", {"layers": 0}, "layers: expected a whole number at least 1, got 0"),
        ("lru", {"r_max": 1.0}, "r_max: expected a number in (0, 1), got 1.0"),
        ("lru", {"r_min": 0.95, "r_max": 0.9}, "r_min: expected a number in [0, 0.9), got 0.95"),
        ("lru", {"max_phase": 7}, "max_phase: expected a number in (0, 6.28319], got 7"),
        ("linoss-im", {"layers": 0}, "layers: expected a whole number at least 1, got 0"),
        ("d-linoss", {"r_max": 1.5}, "r_max: expected a number in (0, 1], got 1.5"),
        ("d-linoss", {"r_min": 0.0}, "r_min: expected a number in (0, 1), got 0.0"),
        ("d-linoss", {"max_phase": 4}, "max_phase: expected a number in (0, 3.14159], got 4"),
    ],
)
def test_values_out_of_range_are_named(name, wrong, valid):
    with pytest.raises(ValueError, match=f"^{re.escape(valid)}$"):
        build(name, 3, 2, 4, **wrong)
