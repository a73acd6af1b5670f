"""Lyapunov spectra, adjoints and oscillating initializations of recurrent networks."""

from importlib import import_module
from importlib.metadata import version

from ptacore import _moved

_HOMES = {  # loaded when they are first asked for
    "Certificates": "ptacore.oscillators.certificates",
    "ConvergenceError": "ptacore.dynamics.periodic_orbit",
    "CovariantVectors": "ptacore.dynamics.covariant_vectors",
    "DivergenceError": "ptacore.dynamics.integrate",
    "Family": "ptacore.dynamics.fixed_points",
    "FixedPoints": "ptacore.dynamics.fixed_points",
    "Flossing": "ptacore.dynamics.flossing",
    "LyapunovSpectrum": "ptacore.dynamics.spectrum",
    "Oscillators": "ptacore.oscillators.initialize",
    "PeriodicOrbit": "ptacore.dynamics.periodic_orbit",
    "System": "ptacore.models.system",
    "TangentSystem": "ptacore.dynamics.tangents",
    "Trajectory": "ptacore.dynamics.integrate",
    "adjoint": "ptacore.dynamics.adjoints",
    "certify": "ptacore.oscillators.certificates",
    "covariant_vectors": "ptacore.dynamics.covariant_vectors",
    "fixed_points": "ptacore.dynamics.fixed_points",
    "floss_": "ptacore.dynamics.flossing",
    "lyapunov_spectrum": "ptacore.dynamics.lyapunov",
    "periodic_orbit": "ptacore.dynamics.periodic_orbit",
    "pta_": "ptacore.oscillators.initialize",
    "report": "ptacore.reports.make",
    "sensitivity": "ptacore.dynamics.adjoints",
    "time_time_jacobian": "ptacore.dynamics.adjoints",
    "trajectory": "ptacore.dynamics.integrate",
}
_ROOMS = {
    "control": "ptacore.control",
    "experiments": "ptacore.experiments",
    "features": "ptacore.features",
    "heading": "ptacore.heading",
    "models": "ptacore.models",
    "networks": "ptacore.networks",
    "reports": "ptacore.reports",
    "reinforcement": "ptacore.reinforcement",
    "robustness": "ptacore.heading.robustness",
    "tasks": "ptacore.tasks",
    "training": "ptacore.training",
}
__all__ = sorted([*_HOMES, *_ROOMS])


_find = _moved.lookup(__name__, _HOMES)


def __getattr__(name: str):
    if name == "__version__":  # not here: a new version changes no figure
        return version("ptacore")
    value = import_module(_ROOMS[name]) if name in _ROOMS else _find(name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})


_moved.install()
