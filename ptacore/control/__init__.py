"""Learning in a closed loop: plants, agents, the system they form, and what agents are trained for."""

from ptacore.control.agents import Agent, EffectiveAgent, RankOneAgent
from ptacore.control.loop import ClosedLoop, Rollout, joint_matrix, rollout
from ptacore.control.objectives import Imitation, Regulation, Tracking, TrackingImitation
from ptacore.control.plants import DoubleIntegrator, LinearPlant, Pendulum, Plant, PointMass
from ptacore.control.stages import Stages, stages

__all__ = [
    "Agent",
    "ClosedLoop",
    "DoubleIntegrator",
    "EffectiveAgent",
    "Imitation",
    "LinearPlant",
    "Pendulum",
    "Plant",
    "PointMass",
    "RankOneAgent",
    "Regulation",
    "Rollout",
    "Stages",
    "Tracking",
    "TrackingImitation",
    "joint_matrix",
    "rollout",
    "stages",
]
