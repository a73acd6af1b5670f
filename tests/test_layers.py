"""The order of the rooms: imports point down only, and what is private stays in its module."""

import ast
from pathlib import Path

import pytest

from ptacore import _moved
from ptacore.provenance import ROOT

FLOORS = (  # from the ground up; a room may import from rooms before its own floor
    {"checks", "provenance", "memory", "terminal", "_moved"},
    {"kernels", "tasks", "plotting"},
    {"models"},
    {"dynamics"},
    {"oscillators"},
    {"networks", "heading"},
    {"training"},
    {"experiments", "control", "features", "reinforcement", "reports"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
MODULES = sorted(path for package in ("ptacore", "ptabook") for path in (ROOT / package).rglob("*.py"))


def imports(path: Path) -> list[tuple[str, str]]:
    """Module and name of each import of our packages, wherever it stands; the name is "" where a module is imported."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(node.module, alias.name) for alias in node.names]
    return [(module, name) for module, name in found if module.partition(".")[0] in ("ptacore", "ptabook")]


def room(module: str, name: str) -> str:
    parts = [*module.split("."), name]
    return parts[1]


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", MODULES, ids=module_of)
def test_imports_point_down(path):
    here = module_of(path)
    for module, name in imports(path):
        if here.startswith("ptacore"):
            assert module.startswith("ptacore"), f"{here} imports {module}: the science does not know the book"
        if here.startswith("ptacore.") and module.startswith("ptacore"):
            mine, theirs = here.split(".")[1], room(module, name)
            if mine in FLOOR and mine != theirs:
                assert FLOOR[theirs] < FLOOR[mine], f"{here} imports {module}: {theirs} is not below {mine}"


@pytest.mark.parametrize("path", MODULES, ids=module_of)
def test_what_is_private_stays_in_its_module(path):
    for module, name in imports(path):
        private = [part for part in [*module.split("."), name] if part.startswith("_") and part != "__version__"]
        assert private in ([], ["_moved"]), f"{module_of(path)} imports {module} {name}"


def test_every_room_has_its_floor_and_none_is_over_a_fifth_of_the_house():
    lines = {}
    for path in ROOT.glob("pta*/**/*"):
        if path.suffix in (".py", ".c", ".h", ".js"):
            parts = path.relative_to(ROOT).parts
            place = "/".join(parts[:2]) if len(parts) > 2 else parts[0]
            lines[place] = lines.get(place, 0) + len(path.read_text().splitlines())
    rooms = {Path(place).name for place in lines if place.startswith("ptacore/")}
    assert rooms <= FLOOR.keys()
    assert max(lines.values()) < sum(lines.values()) / 5


def test_old_paths_of_modules_lead_to_what_there_is():
    for old, new in _moved.MOVED.items():
        assert not ROOT.joinpath(*old.split(".")).with_suffix(".py").exists(), f"{old} did not move"
        target = ROOT.joinpath(*new.split("."))
        assert target.with_suffix(".py").exists() or target.is_dir(), f"{new} is not there"
