"""What attracts, against maps whose attractors are known."""

import math
import shutil
from statistics import NormalDist

import pytest
import torch

from ptacore import System, experiments, training
from ptacore.experiments import after_training
from ptacore.experiments.after_training import Attractor, attractors
from ptacore.models import LinearFlow
from ptacore.networks import registry
from ptacore.training import as_system, checkpoints, train


def a_map(f, dim=1):
    return System.from_function(f, dim=dim, kind="map")


def rotations(*angles):
    """Independent turns, each with a stable circle: the m-torus."""

    turn = torch.tensor(angles, dtype=torch.float64)

    def f(x):
        u, v = x[..., : len(turn)], x[..., len(turn) :]
        grow = 1.25 - 0.25 * (u * u + v * v)
        return torch.cat((u * turn.cos() - v * turn.sin(), u * turn.sin() + v * turn.cos()), -1) * torch.cat(
            (grow, grow), -1
        )

    return a_map(f, 2 * len(angles))


def test_a_stable_fixed_point_with_its_multiplier():
    (found,) = attractors(a_map(lambda x: 0.5 * x + 1), [[7.0]], settle=2000)
    assert (found.kind, found.period) == ("fixed point", 1)
    assert found.multiplier == pytest.approx(0.5)


@pytest.mark.parametrize(("r", "period"), [(3.2, 2), (3.5, 4)])
def test_a_periodic_orbit_with_its_multiplier(r, period):
    (found,) = attractors(a_map(lambda x: r * x * (1 - x)), [[0.3]], settle=2000)
    assert (found.kind, found.period) == ("periodic orbit", period)
    x, product = 0.3, 1.0
    for _ in range(3000):
        x = r * x * (1 - x)
    for _ in range(period):
        product, x = product * r * (1 - 2 * x), r * x * (1 - x)
    assert found.multiplier == pytest.approx(abs(product), abs=1e-7)


@pytest.mark.parametrize("angles", [(1.0,), (1.0, math.sqrt(2)), (0.3, 1.0, math.sqrt(2))])
def test_a_torus_has_a_zero_for_each_angle(angles):
    m = len(angles)
    starts = torch.tensor([[0.9] * m + [0.1] * m, [0.2] * m + [-0.5] * m], dtype=torch.float64)
    for found in attractors(rotations(*angles), starts, settle=2000):
        assert (found.kind, found.zero, found.positive) == ("torus", (m, m), (0, 0))
        assert found.exponents[-1] == pytest.approx(math.log(0.5), abs=1e-6)  # of the radius
        assert found.computed == 2 * m


def test_turns_with_directions_that_decay_slowly_go_on_but_their_angles_are_not_counted():
    """Two angles, and a third direction whose decay only the longer window tells from zero."""
    turns = rotations(1.0, math.sqrt(2))
    slow = a_map(lambda x: torch.cat((turns(x[..., :4]), (1 - 1e-3) * x[..., 4:]), -1), 5)
    (found,) = attractors(slow, [[0.9, 0.2, 0.1, 0.5, 0.7]], settle=30_000, windows=(1000, 10_000))
    assert (found.kind, found.zero, found.positive) == ("oscillation", (3, 2), (0, 0))
    assert (
        159 < found.turns < 2 * 225
    )  # the slower circle goes 1000 / 2 pi times round, the faster one sqrt(2) as often


def test_what_leaps_once_is_no_oscillation():
    """A slow way past a point that has just vanished, to another that is not reached: it moves as far as ever."""
    (found,) = attractors(a_map(lambda x: x + 1e-4 * torch.ones_like(x)), [[0.0]], windows=(500, 2000))
    assert found.kind == "undecided"
    assert found.turns == pytest.approx(0.5)
    assert found.travel[1] == pytest.approx(found.travel[0])


@pytest.mark.parametrize(("start", "multiplier"), [(0.0, 3.2), (1 - 1 / 3.2, 1.2)])
def test_an_unstable_point_holds_its_start_and_attracts_nothing(start, multiplier):
    (found,) = attractors(a_map(lambda x: 3.2 * x * (1 - x)), [[start]], settle=100)
    assert (found.kind, found.period, found.positive) == ("unstable", 1, ())
    assert found.multiplier == pytest.approx(multiplier, abs=1e-6)


def test_chaos():
    (found,) = attractors(
        a_map(lambda x: torch.stack((1 - 1.4 * x[..., 0] ** 2 + x[..., 1], 0.3 * x[..., 0]), -1), 2),
        [[0.1, 0.1]],
        settle=1000,
    )
    assert (found.kind, found.positive) == ("chaos", (1, 1))
    assert found.exponents[0] == pytest.approx(0.419, abs=0.01)
    assert sum(found.exponents) == pytest.approx(math.log(0.3))


def test_a_state_that_creeps_ever_more_slowly_is_no_torus():
    (found,) = attractors(a_map(lambda x: x / (1 + x * x).sqrt()), [[0.9]], windows=(500, 2000))  # as 1 / sqrt(2 t)
    assert (found.kind, found.zero) == ("undecided", (1, 1))
    assert found.travel[1] < 0.1 * found.travel[0]


def test_slow_decay_shows_in_the_longer_window():
    rates = torch.tensor([1e-5, 1e-3, 1.5e-3], dtype=torch.float64)
    (found,) = attractors(a_map(lambda x: (1 - rates) * x, 3), [[0.9, 0.9, 0.9]], settle=10_000, windows=(1000, 10_000))
    assert (found.kind, found.zero, found.positive) == ("slow", (3, 1), (0, 0))


def test_starts_are_told_apart():
    two = a_map(lambda x: torch.where(x > 0, 0.5 * x + 0.5, 3.9 * (x + 1) * -x - 1), 1)
    found = attractors(two, [[0.5], [-0.6]], settle=1000)
    assert [one.kind for one in found] == ["fixed point", "chaos"]


def test_oscillators_of_a_network_are_a_torus():
    network = registry.build("tanh-pta", 3, 2, 6, torch.Generator().manual_seed(0)).double()
    (found,) = attractors(as_system(network), torch.full((1, 6), 0.1, dtype=torch.float64), settle=20_000)
    assert (found.kind, found.zero) == ("torus", (3, 3))


def test_a_flow_is_refused():
    with pytest.raises(ValueError, match="^system: expected a map, got a flow"):
        attractors(LinearFlow([[-1.0]]), [[1.0]])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("starts", [0.3]),
        ("starts", [[0.3, 0.1]]),
        ("starts", [[math.nan]]),
        ("windows", (20, 10)),
        ("windows", 100),
        ("settle", -1),
        ("settle", "long"),
        ("exponents", 0),
    ],
)
def test_wrong_arguments_are_named(name, value):
    with pytest.raises((TypeError, ValueError), match=rf"^{name}: "):
        attractors(**(dict(system=a_map(lambda x: x / 2), starts=[[0.3]]) | {name: value}))


def moving(**changes):
    usual = dict(
        zero=(3, 3), positive=(0, 0), exponents=(0.0,) * 3, tolerance=(0.1,) * 3, travel=(1.0, 1.0), turns=50.0
    )
    return after_training._moving(Attractor("undecided", **(usual | dict(computed=4) | changes)))


def test_as_many_zeros_as_exponents_are_no_torus():
    """There may be more: what moves is told by counts that are complete."""
    assert moving() == "torus"
    assert moving(computed=3) == "oscillation"


@pytest.mark.parametrize(("exponent", "positive", "kind"), [
    (0.15, (0, 1), "oscillation"),  # outside its interval, as some of 128 are by chance
    (0.15, (1, 1), "oscillation"),
    (0.2, (1, 1), "chaos"),
    (0.2, (0, 1), "undecided"),
])  # fmt: skip
def test_of_many_intervals_some_leave_out_zero_by_chance(exponent, positive, kind):
    assert moving(exponents=(exponent, 0.0, 0.0), positive=positive) == kind


def test_the_interval_that_is_sure_is_bonferronis():
    normal = NormalDist()
    chance = 0.025 / after_training.EXPONENTS
    assert pytest.approx(normal.inv_cdf(1 - chance) / normal.inv_cdf(0.975), abs=0.005) == after_training.SURE


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """A small network, trained and recorded with its weights."""
    task, model, settings = experiments.experiment(
        "copy-memory", "tanh-pta", units=4, delay=5, tokens=2, sizes=(32, 16, 16), epochs=1
    )
    folder = tmp_path / "run"
    train(task, model, settings, folder)
    checkpoints.save_weights(folder, model.state_dict())
    for name, value in dict(SETTLE=500, WINDOWS=(100, 400), EXPONENTS=4).items():
        monkeypatch.setattr(after_training, name, value)
    return task, model, folder


def test_a_recorded_network_is_the_one_that_was_trained(recorded):
    task, model, folder = recorded
    network, split = after_training.trained_network(folder)
    inputs = split.batch(range(4)).inputs
    assert (inputs == task.split("validation").batch(range(4)).inputs).all()
    assert (network.states(inputs) == model.states(inputs)).all()


def test_attractors_are_recorded_once_beside_the_weights_and_read_back(recorded):
    task, model, folder = recorded
    told = []
    for _ in range(2):
        after_training.record(folder.parent, report=told.append)
    assert len(told) == 1
    ((run, found),) = after_training.read(folder.parent)
    assert run.folder == folder
    assert {name: len(ends) for name, ends in found.items()} == {"blank": 4, "none": 4}  # the origin, three sequences
    expected = after_training.attractors_of(
        model, task.split("validation"), settle=500, windows=(100, 400), exponents=4
    )
    assert found == expected
    after_training.record(folder.parent, before=True, report=told.append)
    ((_, began),) = after_training.read(folder.parent, before=True)
    start = experiments.experiment("copy-memory", "tanh-pta", units=4, delay=5, tokens=2, sizes=(32, 16, 16)).model
    assert began == after_training.attractors_of(
        start, task.split("validation"), settle=500, windows=(100, 400), exponents=4
    )
    assert began != found
    assert len(told) == 2
    (folder / "attractors.json").write_text("{}")
    with pytest.raises(training.RecordError, match="attractors.json: not a record of attractors"):
        after_training.read(folder.parent)


def test_initial_weights_that_the_seed_no_longer_draws_are_refused(recorded, monkeypatch):
    monkeypatch.setattr(after_training, "weights_hash", lambda network: "others")
    with pytest.raises(training.RecordError, match="began with weights [0-9a-f]{16}, but its seed draws others here"):
        after_training.untrained_network(recorded[2])


def test_runs_that_began_alike_share_one_record_of_their_beginning(recorded):
    folder = recorded[2]
    shutil.copytree(folder, folder.with_name("second"))
    told = []
    after_training.record(folder.parent, before=True, report=told.append)
    assert len(told) == len(after_training.read(folder.parent, before=True)) == 1
