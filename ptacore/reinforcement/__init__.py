"""Recurrent controllers that learn by reinforcement: the pendulum of Gym, agents, and proximal policy optimization."""

from ptacore.reinforcement.controller import Controller
from ptacore.reinforcement.estimates import gae, surrogate
from ptacore.reinforcement.pendulum import observation, reset, swing, swing_jacobians, wrap
from ptacore.reinforcement.ppo import PPO

__all__ = ["PPO", "Controller", "gae", "observation", "reset", "surrogate", "swing", "swing_jacobians", "wrap"]
