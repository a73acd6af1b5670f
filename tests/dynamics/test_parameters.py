import torch
from torch import nn

from ptacore.dynamics.parameters import Replaced, independent, parameters_of


class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, given):
        a, b = ctx.saved_tensors
        return given * b, given * a


def same(found, expected):
    return sorted(map(id, found)) == sorted(map(id, expected))


def test_what_a_function_closes_over_is_found_whether_leaf_or_not_and_nothing_else():
    a, b, unused = (torch.rand(2, requires_grad=True) for _ in range(3))
    made, plain = b.exp(), torch.rand(2)
    assert unused.requires_grad
    assert same(parameters_of(lambda: torch.sin(a * plain).cumsum(0) + torch.stack([made[0], a[1]])), [a, made])
    assert same(parameters_of(lambda: plain * 2), [])
    with torch.no_grad():  # finding them is no use of them
        assert same(parameters_of(lambda: a * 2), [a])


def test_operations_of_the_users_own_hide_no_leaf():
    a, b = (torch.rand(2, requires_grad=True) for _ in range(2))
    assert same(parameters_of(lambda: Product.apply(a, b.sin())), [a, b])
    assert same(parameters_of(lambda: Product.apply(a, b)), [a, b])


def test_torch_s_layers_show_all_their_weights():
    u, h = torch.zeros(1, 2, 3), torch.zeros(2, 2, 4)
    for module, state in ((nn.GRU(3, 4, 2), h), (nn.LSTM(3, 4, 2), (h, h)), (nn.RNN(3, 4, 2), h)):
        used = parameters_of(lambda module=module, state=state: module(u, state)[0])
        assert same(used, module.parameters())


def test_what_is_made_from_another_depends_on_it():
    a, b = (torch.rand(2, requires_grad=True) for _ in range(2))
    assert independent([a, b, (2 * torch.rand(2, requires_grad=True)).sin()])
    assert independent([a.exp(), a.sin(), b])
    assert not independent([b, a, a.exp()])
    middle = a.exp()
    assert not independent([middle.sin(), middle])


def test_gradients_end_at_what_takes_a_tensor_s_place():
    a = torch.ones(2, requires_grad=True)
    made, place, other = a.exp(), torch.full((2,), 3.0, requires_grad=True), torch.zeros(2, requires_grad=True)
    with Replaced([made, a], [place, other]):
        result = (torch.stack([made, made], -1).sum(-1) + torch.cat(tensors=[a])).sum()
    assert result.item() == 12
    ours, theirs, none = torch.autograd.grad(result, (place, other, a), allow_unused=True)
    assert ours.tolist() == [2, 2]
    assert theirs.tolist() == [1, 1]
    assert none is None
