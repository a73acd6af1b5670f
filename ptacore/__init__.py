"""Lyapunov spectra, adjoints and oscillating initializations of recurrent networks."""

from ptacore import models, robustness, tasks, training
from ptacore.adjoints import adjoint, sensitivity, time_time_jacobian
from ptacore.certificates import Certificates, certify
from ptacore.fixed_points import Family, FixedPoints, fixed_points
from ptacore.initialize import Oscillators, pta_
from ptacore.integrate import DivergenceError, Trajectory, trajectory
from ptacore.lyapunov import LyapunovSpectrum, lyapunov_spectrum
from ptacore.models.system import System
from ptacore.periodic_orbit import ConvergenceError, PeriodicOrbit, periodic_orbit

__version__ = "0.2.0"

__all__ = [
    "Certificates",
    "ConvergenceError",
    "DivergenceError",
    "Family",
    "FixedPoints",
    "LyapunovSpectrum",
    "Oscillators",
    "PeriodicOrbit",
    "System",
    "Trajectory",
    "adjoint",
    "certify",
    "fixed_points",
    "lyapunov_spectrum",
    "models",
    "periodic_orbit",
    "pta_",
    "robustness",
    "sensitivity",
    "tasks",
    "time_time_jacobian",
    "training",
    "trajectory",
]
