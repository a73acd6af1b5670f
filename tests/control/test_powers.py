import torch

from ptacore.control.powers import response, rows_of_powers


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_rows_are_those_of_the_powers_for_every_count():
    E, P = draw(2, 4), 0.6 * draw(4, 4, seed=1)
    for count in (1, 2, 3, 7, 8, 9, 50):
        powers = torch.stack([E @ torch.linalg.matrix_power(P, k) for k in range(count)])
        assert torch.allclose(rows_of_powers(E, P, count), powers, rtol=1e-10, atol=1e-12)


def test_driven_is_the_recurrence():
    E, P, D, r = draw(2, 4), 0.4 * draw(4, 4, seed=1), draw(4, 3, seed=2), draw(11, 3, 5, seed=3)
    s, wanted = torch.zeros(4, 5, dtype=torch.float64), []
    for t in range(11):
        s = P @ s + D @ r[t]
        wanted.append(E @ s)
    assert torch.allclose(response(E, P, D, r), torch.stack(wanted), atol=1e-12)
