"""Names that live elsewhere, loaded when they are asked for; old paths of modules, for one version, with a warning."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "ptacore.adjoints": "ptacore.dynamics.adjoints",
    "ptacore.certificates": "ptacore.oscillators.certificates",
    "ptacore.claims": "ptabook.claims.verdicts",
    "ptacore.cli": "ptabook.cli",
    "ptacore.compare": "ptabook.compare",
    "ptacore.compiled": "ptacore.kernels.tangents",
    "ptacore.compiler": "ptacore.kernels.build",
    "ptacore.fixed_points": "ptacore.dynamics.fixed_points",
    "ptacore.initialize": "ptacore.oscillators.initialize",
    "ptacore.integrate": "ptacore.dynamics.integrate",
    "ptacore.ledger": "ptabook.claims",
    "ptacore.lyapunov": "ptacore.dynamics.lyapunov",
    "ptacore.models.baselines": "ptacore.networks.published",
    "ptacore.models.delay_line": "ptacore.heading.delay_line",
    "ptacore.models.fused": "ptacore.networks.bptt",
    "ptacore.models.fused_kernel": "ptacore.kernels.bptt",
    "ptacore.models.head_direction": "ptacore.heading.head_direction",
    "ptacore.models.lru": "ptacore.networks.lru",
    "ptacore.models.networks": "ptacore.models.rate",
    "ptacore.models.recurrent": "ptacore.networks.registry",
    "ptacore.models.ring_attractors": "ptacore.heading.ring_attractors",
    "ptacore.models.spiking": "ptacore.heading.spiking",
    "ptacore.models.trainable": "ptacore.networks",
    "ptacore.pdf": "ptabook.pdf",
    "ptacore.periodic_orbit": "ptacore.dynamics.periodic_orbit",
    "ptacore.plotting.compass": "ptabook.page.compass",
    "ptacore.plotting.numbers": "ptabook.page.numbers",
    "ptacore.plotting.plotted": "ptabook.page.points",
    "ptacore.plotting.save": "ptabook.page.save",
    "ptacore.release": "ptabook.release",
    "ptacore.reproduce": "ptabook.figures",
    "ptacore.robustness": "ptacore.heading.robustness",
    "ptacore.runtimes": "ptabook.runtimes",
    "ptacore.training.campaign": "ptacore.experiments.campaign",
    "ptacore.training.presets": "ptacore.experiments.presets",
    "ptacore.training.ranges": "ptacore.experiments.ranges",
    "ptacore.training.searches": "ptacore.experiments.searches",
    "ptacore.training.table": "ptacore.experiments.paper_table",
    "ptacore.training.tune": "ptacore.experiments.tune",
}


class _Face(ModuleType):
    """A module under its old name."""

    def __getattr__(self, name: str):
        return getattr(import_module(MOVED[self.__name__]), name)

    def __call__(self, *arguments, **options):
        """An import of ``ptacore.fixed_points`` puts this face where the function of that name stood."""
        return getattr(self, self.__name__.rpartition(".")[2])(*arguments, **options)


class _Finder:
    @staticmethod
    def find_spec(name: str, path=None, target=None) -> ModuleSpec | None:
        return ModuleSpec(name, _Finder) if name in MOVED else None

    @staticmethod
    def create_module(spec: ModuleSpec) -> ModuleType:
        warnings.warn(f"{spec.name} has moved to {MOVED[spec.name]}", DeprecationWarning, stacklevel=2)
        return _Face(spec.name)

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        import_module(MOVED[module.__name__])  # so that a missing part of the distribution is reported at once


def lookup(room: str, homes: dict[str, str]) -> Callable[[str], object]:
    """A room's ``__getattr__``: names that live in other modules, loaded when they are first asked for.

    Parameters
    ----------
    room : str
        The module's name.
    homes : dict of str
        From a name to the module that it lives in.
    """

    def __getattr__(name: str):
        if name in homes:
            return getattr(import_module(homes[name]), name)
        if f"{room}.{name}" in MOVED:
            return import_module(f"{room}.{name}")
        raise AttributeError(f"module {room!r} has no attribute {name!r}")

    return __getattr__


def install() -> None:
    """Let old paths be found."""
    if _Finder not in sys.meta_path:
        sys.meta_path.append(_Finder)
