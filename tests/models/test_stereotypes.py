import numpy as np
import pytest
import torch

from ptacore import models

BUILDERS = {
    "one_fixed_point": models.one_fixed_point,
    "two_fixed_points": models.two_fixed_points,
    "line_attractor": models.line_attractor,
    "chaos": models.chaos,
    "limit_cycle": models.limit_cycle,
}


def test_weights_are_those_of_s1():
    two = [[0.35, -1, 0, 0, 0, 0], [-1, 0.35, 0, 0, 0, 0], [0, 0, -0.01, 0, 0, 0], [0, 0, 0, -0.02, 0, 0],
           [0, 0, 0, 0, -0.03, 0], [0, 0, 0, 0, 0, -0.01]]  # fmt: skip
    line = [[0, -1, 0, 0, 0, 0], [-1, 0, 0, 0, 0, 0], [0, 0, -2, 0, 0, 0], [0, 0, 0, -2, 0, 0],
            [0, 0, 0, 0, -2, 0], [0, 0, 0, 0, 0, -2]]  # fmt: skip
    assert models.two_fixed_points().W.tolist() == two
    assert models.line_attractor().W.tolist() == line
    assert models.two_fixed_points().b.tolist() == models.line_attractor().b.tolist() == [1.0] * 6
    assert (models.chaos().dim, models.limit_cycle().dim, models.chaos().tau) == (100, 20, 0.01)


def test_recipes_have_the_statistics_of_their_formulas():
    n, g, p = 400, 1.8, 0.1
    sparse = models.random_weights(n, g, p, "sparse", seed=1)
    kept = sparse != 0
    assert abs(kept.mean() - p) < 4 * np.sqrt(p * (1 - p)) / n
    assert abs(sparse[kept].std() / (g / np.sqrt(p * n)) - 1) < 4 / np.sqrt(2 * kept.sum())
    assert abs(np.abs(np.linalg.eigvals(sparse)).max() / g - 1) < 0.15
    # a column of the product sums the Gaussian columns that the mask's column picks, p n of them: variance g^2 p
    product = models.random_weights(n, g, p, "product", seed=1)
    assert (product != 0).all()
    assert abs(product.var() / (g**2 * p) - 1) < 0.1
    assert abs(np.abs(np.linalg.eigvals(product)).max() / (g * np.sqrt(p * n)) - 1) < 0.15


def test_same_seed_same_weights_other_seed_other_weights():
    for recipe in ("product", "sparse"):
        a, b, c = (models.random_weights(9, recipe=recipe, seed=s) for s in (3, 3, 4))
        assert (a == b).all()
        assert (a != c).any()


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("suffix", [".csv", ".npy"])
def test_takes_a_users_weights_from_a_file(name, suffix, tmp_path):
    W = np.arange(9.0).reshape(3, 3) / 7
    path = tmp_path / f"w{suffix}"
    np.save(path, W) if suffix == ".npy" else np.savetxt(path, W, delimiter=",", fmt="%.17g")
    for source in (path, str(path), W, torch.as_tensor(W), W.tolist()):
        system = BUILDERS[name](W=source)
        weights = system.A if name == "one_fixed_point" else system.W
        assert (weights.numpy() == W).all()


def test_bad_weights_are_refused_by_name(tmp_path):
    def refused(content, error, message, suffix=".csv"):
        path = tmp_path / f"bad{suffix}"
        if isinstance(content, str):
            path.write_text(content)
        else:
            np.save(path, content)
        with pytest.raises(error, match=f"^chaos_weights: .*{message}"):
            models.read_weights(path, "chaos_weights")

    refused("1,2,3\n4,5,6\n", ValueError, r"square matrix, got shape \(2, 3\)")
    refused("1,nan\n0,1\n", ValueError, "finite")
    refused("1,inf\n0,1\n", ValueError, "finite")
    refused("1,b\n0,1\n", ValueError, "real number")
    refused("1,2\n3\n", ValueError, "matrix of numbers")
    refused(np.zeros((2, 2, 2)), ValueError, "square", ".npy")
    refused(np.array([["a"]]), ValueError, "numbers", ".npy")
    refused("garbage", ValueError, "damaged", ".npy")
    refused("1", ValueError, "expected a file of type", ".xlsx")
    with pytest.raises(FileNotFoundError, match="^chaos_weights: no file"):
        models.read_weights(tmp_path / "none.csv", "chaos_weights")
    assert models.read_weights("") is models.read_weights(None) is None


@pytest.mark.parametrize(
    ("bad", "named"),
    [({"n": 0}, "n"), ({"g": -1.0}, "g"), ({"p_connect": 0.0}, "p_connect"), ({"p_connect": 1.5}, "p_connect"),
     ({"recipe": "dense"}, "recipe"), ({"tau": 0.0}, "tau")],
)  # fmt: skip
def test_bad_arguments_are_named(bad, named):
    with pytest.raises(ValueError, match=f"^{named}: "):
        models.chaos(**bad)
