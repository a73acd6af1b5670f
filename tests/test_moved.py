"""Old paths of modules: they work for one version, with a warning."""

import importlib
import subprocess
import sys

import pytest

from ptacore import _moved


@pytest.mark.parametrize("old", sorted(_moved.MOVED))
def test_an_old_path_warns_and_has_the_names_of_the_new_one(old):
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"{old} has moved to {_moved.MOVED[old]}"):
        face = importlib.import_module(old)
    home = importlib.import_module(_moved.MOVED[old])
    for name in [name for name in vars(home) if not name.startswith("_")]:
        assert getattr(face, name) is getattr(home, name)
    with pytest.raises(AttributeError):
        _ = face.nowhere


def test_a_function_stays_callable_when_the_old_module_of_its_name_is_imported():
    code = """
import warnings
warnings.simplefilter("ignore")
import ptacore
import ptacore.fixed_points
from ptacore.periodic_orbit import PeriodicOrbit
system = ptacore.System.from_function(lambda x: -x, 2, "flow")
assert len(ptacore.fixed_points(system)) == 1
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_of_rooms_that_have_moved_are_found_where_they_were():
    from ptacore import models, networks, training
    from ptacore.experiments.presets import experiment
    from ptacore.heading.ring_attractors import RingAttractor
    from ptacore.models import build

    assert build is networks.build
    assert models.RingAttractor is RingAttractor
    assert training.experiment is experiment
    with pytest.raises(AttributeError, match=r"module 'ptacore\.models' has no attribute 'nothing'"):
        _ = models.nothing


def test_what_is_public_is_loaded_when_asked_for_and_no_earlier():
    code = """
import sys, ptacore
assert not {"torch", "numpy", "scipy", "sklearn"} & sys.modules.keys(), "import ptacore loads too much"
for name in ptacore.__all__:
    assert getattr(ptacore, name) is not None
assert set(ptacore.__all__) <= set(dir(ptacore))
assert not [name for name in sys.modules if name.startswith("ptabook")]
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
