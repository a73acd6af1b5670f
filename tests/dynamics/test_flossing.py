import copy

import pytest
import torch
from torch import nn

from ptacore import adjoint, floss_, lyapunov_spectrum, models, networks, trajectory


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def leading(module, k, T=200):
    """Mean leading exponents on inputs that flossing has not seen."""
    system = models.ModuleMap(module, noise(T + 50, 4, system_inputs(module), seed=99))
    x0 = noise(4, system.dim, seed=98).double() / 2
    return lyapunov_spectrum(system, x0, duration=T, transient=50, k=k).exponents.mean(0)


def system_inputs(module):
    return getattr(module, "input_size", None) or module.n_inputs


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM", "gru", "antisymmetric"])
def test_leading_exponents_come_to_zero_and_the_readout_stays(name):
    torch.manual_seed(0)
    options = {"eps": 0.3, "gamma": 1.0} if name == "antisymmetric" else {}  # it contracts
    module = getattr(nn, name)(2, 10) if name.isupper() else networks.build(name, 2, 3, 10, **options)
    before, old = leading(module, 3), copy.deepcopy(module.state_dict())
    history = floss_(module, 3, steps=40, lr=0.03, input=lambda i: noise(50, 2, 2, seed=i))
    assert history.exponents.shape == (40, 2, 3)
    assert history.loss.shape == (40,)
    assert history.loss[-1] < history.loss[0] / 8
    after = leading(module, 3)
    assert after.abs().max() < 0.4 * before.abs().max()
    assert after.abs().max() < 0.1
    changed = {key for key, value in module.state_dict().items() if not torch.equal(value, old[key])}
    assert changed
    assert not any("readout" in key for key in changed)
    assert all(p.grad is None for p in module.parameters())


def test_adjoints_survive_after_flossing():
    """By 40 steps, the largest of an adjoint's factors is exp(40 lambda_1): it was 1e-6 before."""
    torch.manual_seed(0)
    rnn = nn.RNN(2, 16)
    norms = []
    for flossed in (False, True):
        if flossed:
            floss_(rnn, 2, steps=60, lr=0.02, input=lambda i: noise(60, 2, 2, seed=i))
        system = models.ModuleMap(rnn, noise(60, 2, seed=77))
        path = trajectory(system, torch.zeros(16), duration=60)
        norms.append(torch.linalg.matrix_norm(adjoint(system, path)[20], 2).item())
    assert norms[0] < 1e-5
    assert 0.1 < norms[1] < 10


def test_without_input_the_optimizer_given_and_the_same_seed_it_is_the_same():
    results = []
    for _ in range(2):
        torch.manual_seed(3)
        rnn = nn.RNN(1, 8)
        optimizer = torch.optim.SGD(rnn.parameters(), 0.1)
        results.append((floss_(rnn, 1, steps=20, optimizer=optimizer, batch=3, duration=20).loss, rnn.weight_hh_l0))
    assert torch.equal(*(loss for loss, _ in results))
    assert torch.equal(*(W for _, W in results))
    assert results[0][0][-1] < results[0][0][0] / 4


def test_it_works_where_gradients_are_off():
    torch.manual_seed(3)
    rnn = nn.RNN(1, 8)
    with torch.no_grad():
        assert floss_(rnn, 1, steps=5, duration=10).loss.shape == (5,)
    W = rnn.weight_hh_l0.clone()
    with torch.inference_mode():
        floss_(rnn, 1, steps=2, duration=10)
    assert not torch.equal(W, rnn.weight_hh_l0)


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [
        ({"module": 3}, TypeError, "module"),
        ({"module": nn.Linear(2, 2)}, ValueError, "module"),
        ({"module": nn.RNN(2, 4).requires_grad_(False)}, ValueError, "module"),
        ({"k": 0}, ValueError, "k"),
        ({"k": 5}, ValueError, "k"),
        ({"steps": 0}, ValueError, "steps"),
        ({"duration": 0}, ValueError, "duration"),
        ({"transient": -1}, ValueError, "transient"),
        ({"batch": 0}, ValueError, "batch"),
        ({"lr": -1.0}, ValueError, "lr"),
        ({"optimizer": 3}, TypeError, "optimizer"),
        ({"seed": -1}, ValueError, "seed"),
        ({"dtype": torch.float16}, ValueError, "dtype"),
        ({"progress": 3}, ValueError, "progress"),
        ({"input": torch.zeros(10, 2)}, ValueError, "input"),
        ({"input": torch.zeros(30, 2), "duration": 30}, ValueError, "input"),
        ({"input": torch.zeros(30, 3)}, ValueError, "input"),
        ({"input": lambda i: "text"}, TypeError, "input"),
    ],
)
def test_what_is_wrong_is_refused_by_name(arguments, error, name):
    with pytest.raises(error, match=f"^{name}: "):
        floss_(**{"module": nn.RNN(2, 4), "k": 2, "steps": 1, **arguments})
