"""Recurrent controllers that learn by reinforcement to swing a pendulum up."""

from ptacore.reinforcement.controller import Controller
from ptacore.reinforcement.pendulum import observation, observation_jacobian, starts, swing, swing_jacobians

__all__ = ["Controller", "observation", "observation_jacobian", "starts", "swing", "swing_jacobians"]
