import pytest

from ptacore.experiments import ranges
from ptacore.networks.registry import MODELS
from ptacore.training import experiment, search_space

TASK = {"delay": 3, "tokens": 4, "symbols": 3, "sizes": (20, 10, 10)}


@pytest.mark.parametrize("model", MODELS)
def test_every_network_is_searched_over_the_papers_ranges(model):
    space = search_space(model)
    ranges = {name: (d.low, d.high, d.scale) for name, d in space.items() if name.startswith("training.")}
    assert ranges == {  # S2.3
        "training.lr": (1e-5, 1, "log"),
        "training.clip": (1e-2, 1e2, "log"),
        "training.dropout": (pytest.approx(10**-1.5), 0.9, "log"),
        "training.decay": (0.1, 1, "log"),
        "training.patience": (5, 80, "integer"),
    }
    own = {name.removeprefix("model.") for name in space} - set(ranges)
    assert own == {
        "antisymmetric": {"eps", "gamma", "scale"},
        "cornn": {"dt", "gamma", "eps"},
        "lipschitz": {"eps", "beta", "gamma"},
        "lem": {"dt"},
    }.get(model, set())


@pytest.mark.parametrize("model", MODELS)
def test_the_ends_of_all_ranges_are_valid_settings(model):
    space = search_space(model)
    for end in (0, -1):
        settings = {name: d.values[end] if hasattr(d, "values") else (d.low, d.high)[end] for name, d in space.items()}
        made = experiment("copy-memory", model, "quick", units=4, **TASK, **settings)
        found = {f"training.{k}": v for k, v in made.settings.config().items()}
        found |= {f"model.{k}": v for k, v in made.model.options.items()}
        assert settings.items() <= found.items()


def test_what_is_given_is_not_searched():
    assert "training.lr" not in search_space("gru", ["lr"])
    assert "training.lr" not in search_space("gru", ["training.lr", "delay"])
    assert "model.dt" not in search_space("cornn", ["model.dt"])
    assert len(search_space("cornn", ["dt", "clip"])) == 6


def test_wrong_names_are_told_and_so_is_an_empty_search():
    with pytest.raises(ValueError, match=r"^rate: no such setting\. There are, .*training: lr, clip"):
        search_space("gru", ["rate"])
    with pytest.raises(ValueError, match="^gru: all that could be searched is given$"):
        search_space("gru", ranges.TRAINING)
