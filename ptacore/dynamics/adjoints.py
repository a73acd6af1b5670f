"""Sensitivity and adjoint along a trajectory (Eqs. 4-11): the exact tangent and transpose of the integrator's steps."""

from __future__ import annotations

import torch
from torch import Tensor

from ptacore.dynamics.integrate import Trajectory, check_finite, start_time, step_adjoint, step_size, step_tangent
from ptacore.dynamics.threads import threads_that_pay
from ptacore.memory import foretell
from ptacore.models.module_map import as_system
from ptacore.models.system import System


def _path(system: System, x, dt: float | None, t0: float | None) -> tuple[System, Tensor, float, float]:
    """The arguments that all functions share: checked, and completed by what a `Trajectory` knows."""
    system = as_system(system)
    if isinstance(x, Trajectory):
        dt, t0 = x.dt if dt is None else dt, x.t0 if t0 is None else t0
        x = x.x
    elif t0 is None and system.driven and len(x) != (system.steps or 0) + 1:  # not all that its input lasts
        raise ValueError(
            "t0: expected the time of the first state, for the system is driven (or x as `trajectory` returned it, "
            "with its times), got none"
        )
    dt, t0 = step_size(system, dt), start_time(t0)
    x = system.as_state(x, "x")
    if x.ndim < 2 or x.shape[0] < 2:
        raise ValueError(f"x: expected a trajectory (T + 1, ..., {system.dim}) with T >= 1, got {tuple(x.shape)}")
    return system, x, dt, t0


def _foretell_matrices(x: Tensor) -> None:
    """Refuse a trajectory whose matrices would not fit into memory."""
    hint = "give adjoint a terminal vector, take time_time_jacobian, or a shorter trajectory"
    foretell("x", 2 * x.numel() * x.shape[-1] * x.element_size(), hint)


def _identity(x: Tensor) -> Tensor:
    """Identity matrices for the batch of one state of the trajectory: (T + 1, ..., n) -> (..., n, n)."""
    return torch.eye(x.shape[-1], dtype=x.dtype, device=x.device).repeat(*x.shape[1:-1], 1, 1)


def sensitivity(system: System, x, dt: float | None = None, t0: float | None = None) -> Tensor:
    """Forward sensitivity along a trajectory, the matrix with entries dx_i(t)/dx_j(t0) (Eqs. 6 and 11).

    Parameters
    ----------
    system : System or torch.nn.Module
        The flow or map that made the trajectory.
    x : Trajectory or Tensor (T + 1, ..., n)
        What `trajectory` returned, or its states alone, which are dt apart.
    dt : float, optional
        The time step; may be left out for a `Trajectory`, which knows it, and for maps, where it is 1.
    t0 : float, optional
        Time of the first state, needed where a driven system's states come alone.

    Returns
    -------
    Tensor (T + 1, ..., n, n)
        Identity at the first time.

    Raises
    ------
    ValueError
        If x is not a trajectory of this system, dt is not valid, or the system is driven and the time is not known.
    DivergenceError
        If the sensitivity overflows.

    Examples
    --------
    >>> from ptacore import models, trajectory
    >>> system = models.LinearFlow([[-1.0]])
    >>> t, x = trajectory(system, [1.0], duration=1.0, dt=0.1)
    >>> round(sensitivity(system, x, dt=0.1)[-1].item(), 5)
    0.36788
    """
    system, x, dt, t0 = _path(system, x, dt, t0)
    _foretell_matrices(x)
    D = [_identity(x)]
    with threads_that_pay(2 * D[0].numel() * system.dim):
        for i in range(len(x) - 1):
            D.append(step_tangent(system, x[i], D[-1], t0 + i * dt, dt)[1])
    check_finite(D[-1], t0 + (len(x) - 1) * dt, "sensitivity")
    return torch.stack(D)


def time_time_jacobian(system: System, x, dt: float | None = None, t0: float | None = None) -> Tensor:
    """Jacobian of the last state of a trajectory with respect to its first, without the history (Eqs. 7-8).

    Parameters
    ----------
    system, x, dt, t0
        As for `sensitivity`.

    Returns
    -------
    Tensor (..., n, n)
        Entries dx_i(t1)/dx_j(t0).

    Raises
    ------
    ValueError, DivergenceError
        As for `sensitivity`.

    Examples
    --------
    >>> from ptacore import models, trajectory
    >>> system = models.LinearFlow([[0.0, -1.0], [1.0, 0.0]])
    >>> t, x = trajectory(system, [1.0, 0.0], duration=3.0, dt=0.01)
    >>> J = time_time_jacobian(system, x, dt=0.01)     # a rotation
    >>> bool((J.T @ J - torch.eye(2)).abs().max() < 1e-9)
    True
    """
    system, x, dt, t0 = _path(system, x, dt, t0)
    D = _identity(x)
    with threads_that_pay(2 * D.numel() * system.dim):
        for i in range(len(x) - 1):
            D = step_tangent(system, x[i], D, t0 + i * dt, dt)[1]
    check_finite(D, t0 + (len(x) - 1) * dt, "time-time Jacobian")
    return D


def adjoint(system: System, x, dt: float | None = None, terminal=None, t0: float | None = None) -> Tensor:
    """Adjoint (costate) along a trajectory, backward from its end (Eqs. 5 and 11).

    Solves dpsi/dt = -J(t)^T psi backward in time, where J is the Jacobian along x, by the exact transpose of
    each integration step: psi(t) is the gradient of ``terminal . x(t1)`` with respect to x(t), and its inner
    product with any tangent vector is constant along the trajectory (Eqs. 7-8).

    Parameters
    ----------
    system : System or torch.nn.Module
        The flow or map that made the trajectory.
    x : Trajectory or Tensor (T + 1, ..., n)
        What `trajectory` returned, or its states alone, which are dt apart.
    dt : float, optional
        The time step; may be left out for a `Trajectory`, which knows it, and for maps, where it is 1.
    terminal : array (..., n), optional
        psi at the last time: the gradient of the loss there. By default all unit vectors at once.
    t0 : float, optional
        Time of the first state, needed where a driven system's states come alone.

    Returns
    -------
    Tensor (T + 1, ..., n), or (T + 1, ..., n, n) without terminal
        In time order. The matrix has the entries psi_ij(t) = dx_j(t1)/dx_i(t) of Eq. 5.

    Raises
    ------
    ValueError
        If x is not a trajectory of this system, or dt or terminal is not valid.
    DivergenceError
        If the adjoint overflows.

    Examples
    --------
    >>> from ptacore import models, trajectory
    >>> system = models.LinearFlow([[-1.0]])
    >>> t, x = trajectory(system, [1.0], duration=1.0, dt=0.1)
    >>> psi = adjoint(system, x, dt=0.1, terminal=[1.0])
    >>> round(psi[0].item(), 5), psi[-1].item()
    (0.36788, 1.0)
    """
    system, x, dt, t0 = _path(system, x, dt, t0)
    if terminal is None:
        _foretell_matrices(x)
        P = _identity(x)
    else:
        terminal = system.as_state(terminal, "terminal")
        try:
            P = terminal.broadcast_to(x.shape[1:])[..., None]
        except RuntimeError:
            raise ValueError(
                f"terminal: expected a shape that broadcasts to {tuple(x.shape[1:])}, got {tuple(terminal.shape)}"
            ) from None
    psi = [P]
    with threads_that_pay(2 * psi[0].numel() * system.dim):
        for i in reversed(range(len(x) - 1)):
            psi.append(step_adjoint(system, x[i], psi[-1], t0 + i * dt, dt))
    check_finite(psi[-1], t0, "adjoint")
    psi = torch.stack(psi[::-1])
    return psi if terminal is None else psi[..., 0]
