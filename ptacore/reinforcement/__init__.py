"""Recurrent controllers that learn by reinforcement: the pendulum of Gym, agents, proximal policy optimization, and
what such an agent's dynamics are measured by."""

from ptacore.reinforcement.controller import Controller
from ptacore.reinforcement.coupled import ControlledPendulum, Rest, driven, held, resting, upright_multiplier
from ptacore.reinforcement.episodes import Episodes, play, starts
from ptacore.reinforcement.estimates import gae, surrogate
from ptacore.reinforcement.geometry import Plane, Ring, angle_on_ring, principal_plane, ring
from ptacore.reinforcement.pendulum import observation, reset, swing, swing_jacobians, wrap
from ptacore.reinforcement.policy import PolicyMap, Sharpness, policy_map, sharpness, torque_at_speed
from ptacore.reinforcement.ppo import PPO
from ptacore.reinforcement.proximity import Line, permutation_p, regression, within_correlation
from ptacore.reinforcement.timescales import Times, integration_times, median_interval

__all__ = [
    "PPO",
    "ControlledPendulum",
    "Controller",
    "Episodes",
    "Line",
    "Plane",
    "PolicyMap",
    "Rest",
    "Ring",
    "Sharpness",
    "Times",
    "angle_on_ring",
    "driven",
    "gae",
    "held",
    "integration_times",
    "median_interval",
    "observation",
    "permutation_p",
    "play",
    "policy_map",
    "principal_plane",
    "regression",
    "reset",
    "resting",
    "ring",
    "sharpness",
    "starts",
    "surrogate",
    "swing",
    "swing_jacobians",
    "torque_at_speed",
    "upright_multiplier",
    "within_correlation",
    "wrap",
]
