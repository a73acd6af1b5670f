"""Who controls: recurrent networks h(t + 1) = (1 - leak) h + leak phi(W h + m y(t + 1)), u = z h."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ptacore.checks import check_seed, choice, finite, integer, within

WEIGHTS = ("W", "m", "z")


class Agent(nn.Module):
    """A recurrent network without biases that sees y and acts by u.

    Parameters
    ----------
    W : array (N, N)
        Recurrent weights.
    m : array (N, k)
        Of the input: the plant's observation, and behind it the reference where there is one.
    z : array (p, N)
        Of the controls.
    phi : {"tanh", "identity"}
    leak : float
        Share of the state that a step renews, in (0, 1].
    trained : sequence of {"W", "m", "z"}
        Weights that are parameters; the others stay as they are.
    dtype : torch.dtype

    Raises
    ------
    TypeError, ValueError
        If a weight has the wrong shape or does not consist of finite numbers, or an option is not as above.

    Examples
    --------
    >>> agent = Agent(torch.zeros(3, 3), torch.ones(3, 1), torch.ones(1, 3))
    >>> h = agent.step(torch.zeros(3), torch.tensor([0.5]))
    >>> agent.act(h)
    tensor([1.3864], grad_fn=<SqueezeBackward4>)
    """

    def __init__(self, W, m, z, phi: str = "tanh", leak: float = 1.0, trained=WEIGHTS, dtype=torch.float32):
        super().__init__()
        self.phi = choice("phi", phi, ("tanh", "identity"))
        self.leak = within("leak", leak, 0, 1, "(]")
        self.trained = tuple(choice("trained", name, WEIGHTS) for name in trained)
        given = {name: finite(w, name).to(dtype) for name, w in (("W", W), ("m", m), ("z", z))}
        n = len(given["W"])
        for name, shape in (("W", (n, n)), ("m", (n, None)), ("z", (None, n))):
            got = tuple(given[name].shape)
            fits = len(got) == 2 and all(a in (b, None) for a, b in zip(shape, got, strict=True)) and min(got) > 0
            if not fits:
                form = ", ".join("any" if a is None else str(a) for a in shape)
                raise ValueError(f"{name}: expected shape ({form}), got {got}")
            if name in self.trained:
                setattr(self, name, nn.Parameter(given[name].clone()))
            else:
                self.register_buffer(name, given[name].clone())
        self.options = {"phi": self.phi, "leak": self.leak, "trained": list(self.trained)}

    @classmethod
    def regulator(cls, units: int = 100, seed: int = 0, spread: float = 0.1, dtype=torch.float32) -> Agent:
        """The paper's tanh network for the double integrator: m, z ~ N(0, 1/N^2), W ~ spread N(0, 1/N), all trained."""
        n, draw = integer("units", units, 1), _draws(seed)
        m, z, W = draw(n, 1) / n, draw(1, n) / n, spread * draw(n, n) / math.sqrt(n)
        return cls(W, m, z, dtype=dtype)

    @classmethod
    def tracker(cls, units: int = 100, seed: int = 0, *, trained=("W", "z"), dtype=torch.float32) -> Agent:
        """The paper's network for the motor task: linear, a step of 0.1 time constants, sees place and target."""
        n, draw = integer("units", units, 1), _draws(seed, torch.rand)
        m, z = ((2 * draw(*shape) - 1) / math.sqrt(n) for shape in ((n, 4), (2, n)))
        W = 0.2 * _draws(seed, stream=1)(n, n) / math.sqrt(n)
        return cls(W, m, z, phi="identity", leak=0.1, trained=trained, dtype=dtype)

    @property
    def units(self) -> int:
        return len(self.m)

    n_hidden = units

    @property
    def linear(self) -> bool:
        """Whether its step is a linear map."""
        return self.phi == "identity"

    def weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """W, m and z."""
        return self.W, self.m, self.z

    def effective_weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """W, m and z of the smallest network known to act alike from h = 0: here, this one."""
        return self.weights()

    def step(self, h: Tensor, y: Tensor) -> Tensor:
        """State after a step: (..., N), (..., k) -> (..., N)."""
        W, m, _ = self.weights()
        new = h @ W.mT + y @ m.mT
        new = new if self.linear else new.tanh()
        return new if self.leak == 1 else torch.lerp(h, new, self.leak)

    def act(self, h: Tensor) -> Tensor:
        """Controls: (..., N) -> (..., p)."""
        return h @ self.weights()[2].mT

    def __repr__(self):
        n, k = self.m.shape
        return f"{type(self).__name__}(units={n}, inputs={k}, controls={len(self.z)}, phi={self.phi}, leak={self.leak})"


class _RankOne(nn.Module):
    """What agents with W = u v^T share: one input, one control, linear, no leak."""

    linear, phi, leak = True, "identity", 1.0
    options: dict = {}  # noqa: RUF012

    def order(self) -> Tensor:
        """The overlaps (z.m, z.u, v.m, v.u), (4,)."""
        raise NotImplementedError

    def effective_weights(self):
        zm, zu, vm, vu = self.order()
        zero, one = torch.zeros_like(zm), torch.ones_like(zm)
        return (
            torch.stack([torch.stack([zero, zero]), torch.stack([vm, vu])]),
            torch.stack([one, zero])[:, None],
            torch.stack([zm, zu])[None],
        )

    def step(self, h, y):
        W, m, _ = self.weights()
        return h @ W.mT + y @ m.mT

    def act(self, h):
        return h @ self.weights()[2].mT


class RankOneAgent(_RankOne):
    """The linear network of the theory: W = u v^T; z, u and v are trained, m is not.

    From h = 0 its state stays in the plane of m and u, h = m k1 + u k2, so that it acts as a network of two units
    whose weights are the overlaps of the four vectors.

    Parameters
    ----------
    m, z, u, v : array (N,)
    dtype : torch.dtype

    Examples
    --------
    >>> agent = RankOneAgent.drawn(units=100, seed=0)
    >>> agent.order().shape, [w.shape for w in agent.effective_weights()]
    (torch.Size([4]), [torch.Size([2, 2]), torch.Size([2, 1]), torch.Size([1, 2])])
    """

    def __init__(self, m, z, u, v, dtype=torch.float64):
        super().__init__()
        given = {name: finite(w, name).to(dtype) for name, w in (("m", m), ("z", z), ("u", u), ("v", v))}
        for name, w in given.items():
            if w.ndim != 1 or w.shape != given["m"].shape or len(w) == 0:
                raise ValueError(f"{name}: expected shape {tuple(given['m'].shape)}, got {tuple(w.shape)}")
        self.register_buffer("m", given.pop("m").clone())
        for name, w in given.items():
            setattr(self, name, nn.Parameter(w.clone()))

    @classmethod
    def drawn(cls, units: int = 100, seed: int = 0, *, zm: float | None = None) -> RankOneAgent:
        """A start as in the paper: m, z ~ U(-1, 1) / sqrt(N); u, v ~ N(0, 1/N); the overlap z.m as given."""
        n = integer("units", units, 2)
        uniform, normal = _draws(seed, torch.rand), _draws(seed, stream=1)
        m, z = ((2 * uniform(n) - 1) / math.sqrt(n) for _ in range(2))
        if zm is not None:  # what of z is along m says how large z.m is
            z = z + (zm - z @ m) / (m @ m) * m
        u, v = (normal(n) / math.sqrt(n) for _ in range(2))
        return cls(m, z, u, v)

    @property
    def units(self) -> int:
        return len(self.m)

    n_hidden = units

    def order(self):
        return torch.stack([self.z @ self.m, self.z @ self.u, self.v @ self.m, self.v @ self.u])

    def weights(self):
        return torch.outer(self.u, self.v), self.m[:, None], self.z[None]

    def __repr__(self):
        return f"RankOneAgent(units={self.units})"


class EffectiveAgent(_RankOne):
    """A rank-one agent that is its four overlaps, and is trained in them: a network of two units.

    Parameters
    ----------
    order : array (4,)
        z.m, z.u, v.m and v.u.

    Examples
    --------
    >>> EffectiveAgent([-0.02, 0.1, 0.2, 0.3]).weights()[0]
    tensor([[0.0000, 0.0000],
            [0.2000, 0.3000]], dtype=torch.float64, grad_fn=<StackBackward0>)
    """

    units = n_hidden = 2

    def __init__(self, order, dtype=torch.float64):
        super().__init__()
        order = finite(order, "order").to(dtype)
        if order.shape != (4,):
            raise ValueError(f"order: expected shape (4,), got {tuple(order.shape)}")
        self.overlaps = nn.Parameter(order.clone())

    def order(self):
        return self.overlaps

    def weights(self):
        return self.effective_weights()

    def __repr__(self):
        return "EffectiveAgent()"


def _draws(seed: int, kind=torch.randn, stream: int = 0):
    generator = torch.Generator().manual_seed(check_seed(seed))
    for _ in range(stream):  # numbers of their own for each purpose
        generator.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
    return lambda *shape: kind(*shape, generator=generator, dtype=torch.float64)
