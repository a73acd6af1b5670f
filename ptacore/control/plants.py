"""What is controlled: batched maps x(t + 1) = F(x(t), u(t)) that an agent observes as y = C x."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ptacore.checks import finite, within


class Plant:
    """A discrete plant: state (d,), control (p,), observation (k,), batched over any leading axes.

    Attributes
    ----------
    dim, controls, observations : int
        d, p and k.
    C : Tensor (k, d)
        Of the observation y = C x.
    dt : float
        Time that a step takes.
    """

    dim: int
    controls: int
    C: Tensor
    dt: float = 1.0

    @property
    def observations(self) -> int:
        return len(self.C)

    def __call__(self, x: Tensor, u: Tensor) -> Tensor:
        """The state one step later: (..., d), (..., p) -> (..., d)."""
        raise NotImplementedError

    def jacobians(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives of the next state by state and control: (..., d, d), (..., d, p)."""
        raise NotImplementedError

    def observe(self, x: Tensor) -> Tensor:
        """What the agent sees of a state: (..., d) -> (..., k)."""
        return x @ self.C.to(x).mT

    def config(self) -> dict:
        """All that determines the plant, as JSON takes it."""
        return {"plant": type(self).__name__, "dt": self.dt}


class LinearPlant(Plant):
    """x(t + 1) = A x + B u, y = C x.

    Parameters
    ----------
    A : array (d, d)
    B : array (d, p)
    C : array (k, d)
    bound : float or None
        After each step, entries of the state are cut to [-bound, bound]; None for no walls.

    Raises
    ------
    TypeError, ValueError
        If a matrix has the wrong shape or does not consist of finite numbers, or the bound is not positive.

    Examples
    --------
    >>> plant = LinearPlant([[1.0, 1.0], [0.0, 1.0]], [[0.0], [1.0]], [[1.0, 0.0]])
    >>> plant(torch.tensor([1.0, 2.0]), torch.tensor([-1.0]))
    tensor([3., 1.])
    """

    def __init__(self, A, B, C, bound: float | None = None):
        self.A, self.B, self.C = (finite(M, name).clone() for M, name in ((A, "A"), (B, "B"), (C, "C")))
        if self.A.ndim != 2 or self.A.shape[0] != self.A.shape[1] or len(self.A) == 0:
            raise ValueError(f"A: expected a square matrix, got shape {tuple(self.A.shape)}")
        self.dim = len(self.A)
        if self.B.ndim != 2 or len(self.B) != self.dim or self.B.numel() == 0:
            raise ValueError(f"B: expected shape ({self.dim}, p), got {tuple(self.B.shape)}")
        if self.C.ndim != 2 or self.C.shape[1] != self.dim or self.C.numel() == 0:
            raise ValueError(f"C: expected shape (k, {self.dim}), got {tuple(self.C.shape)}")
        self.controls = self.B.shape[1]
        self.bound = None if bound is None else within("bound", bound, 0, math.inf)

    def __call__(self, x, u):
        new = x @ self.A.to(x).mT + u @ self.B.to(x).mT
        return new if self.bound is None else new.clamp(-self.bound, self.bound)

    def jacobians(self, x, u):
        A, B = self.A.to(x), self.B.to(x)
        if self.bound is None:
            return A.expand(*x.shape[:-1], -1, -1), B.expand(*x.shape[:-1], -1, -1)
        moves = ((x @ A.mT + u @ B.mT).abs() <= self.bound).to(x)[..., None]
        return moves * A, moves * B

    def config(self):
        bounded = {} if self.bound is None else {"bound": self.bound}
        return super().config() | {k: getattr(self, k).tolist() for k in "ABC"} | bounded


class DoubleIntegrator(LinearPlant):
    """A mass on a line that is pushed: x = (position, velocity), of which the position is seen.

    Parameters
    ----------
    dt : float
        Step; 1 in the paper (x' = x + dt v, v' = v + dt u).

    Examples
    --------
    >>> DoubleIntegrator().A
    tensor([[1., 1.],
            [0., 1.]], dtype=torch.float64)
    """

    def __init__(self, dt: float = 1.0):
        self.dt = within("dt", dt, 0, math.inf)
        super().__init__([[1.0, self.dt], [0.0, 1.0]], [[0.0], [self.dt]], [[1.0, 0.0]])


class PointMass(LinearPlant):
    """A mass in the plane: state (x, x', y, y'), controls are the two accelerations, both positions are seen.

    Parameters
    ----------
    dt : float
        Step of Euler's rule; 0.1 s in the paper's task.
    bound : float or None
        Walls, 10 in the paper's task: positions and velocities stay within [-bound, bound].

    Examples
    --------
    >>> mass = PointMass()
    >>> mass(torch.tensor([9.9, 5.0, 0.0, 0.0]), torch.tensor([1.0, 0.0]))
    tensor([10.0000,  5.1000,  0.0000,  0.0000])
    """

    def __init__(self, dt: float = 0.1, bound: float | None = 10.0):
        self.dt = within("dt", dt, 0, math.inf)
        pair = torch.eye(2, dtype=torch.float64)
        A = torch.kron(pair, torch.tensor([[1.0, self.dt], [0.0, 1.0]], dtype=torch.float64))
        B = torch.kron(pair, torch.tensor([[0.0], [self.dt]], dtype=torch.float64))
        super().__init__(A, B, torch.kron(pair, torch.tensor([[1.0, 0.0]], dtype=torch.float64)), bound)


class Pendulum(Plant):
    """A pendulum that hangs at rest: state (angle, rate), control is a torque, the angle is seen.

    angle'' = -frequency^2 sin(angle) - damping rate + u, by the semi-implicit Euler rule: the new rate moves the angle.

    Parameters
    ----------
    dt : float
        Step. Where (frequency dt)^2 + 2 damping dt >= 4 the discrete pendulum leaves the rest that the true one returns
        to, and the step is refused.
    frequency : float
        Of small swings, in radians per unit time.
    damping : float
        Rate at which the velocity decays, 0 or more.

    Raises
    ------
    ValueError
        If a value is outside its range, or the discretization is unstable.

    Examples
    --------
    >>> Pendulum(dt=0.1)(torch.tensor([0.0, 1.0]), torch.tensor([0.5]))
    tensor([0.1050, 1.0500])
    >>> Pendulum(dt=0.5, frequency=4.0)
    Traceback (most recent call last):
    ...
    ValueError: dt: expected a step below 0.5, beyond which the discrete pendulum leaves its rest, got 0.5
    """

    controls = 1
    dim = 2

    def __init__(self, dt: float = 0.1, frequency: float = 1.0, damping: float = 0.0):
        self.dt = within("dt", dt, 0, math.inf)
        self.frequency = within("frequency", frequency, 0, math.inf)
        self.damping = within("damping", damping, 0, math.inf, "[)")
        longest = 4 / (self.damping + math.sqrt(self.damping**2 + 4 * self.frequency**2))
        if self.dt >= longest:
            raise ValueError(
                f"dt: expected a step below {longest:g}, beyond which the discrete pendulum leaves its rest, "
                f"got {self.dt:g}"
            )
        self.C = torch.tensor([[1.0, 0.0]], dtype=torch.float64)

    def __call__(self, x, u):
        angle, rate = x.unbind(-1)
        rate = rate + self.dt * (-(self.frequency**2) * angle.sin() - self.damping * rate + u[..., 0])
        return torch.stack([angle + self.dt * rate, rate], -1)

    def jacobians(self, x, u):
        slope = -self.dt * self.frequency**2 * x[..., 0].cos()
        keep = torch.full_like(slope, 1 - self.dt * self.damping)
        lower = torch.stack([slope, keep], -1)
        upper = torch.stack([1 + self.dt * slope, self.dt * keep], -1)
        B = x.new_tensor([[self.dt**2], [self.dt]])
        return torch.stack([upper, lower], -2), B.expand(*x.shape[:-1], -1, -1)

    def config(self):
        return super().config() | {"frequency": self.frequency, "damping": self.damping}
