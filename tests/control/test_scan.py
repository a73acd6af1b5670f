import torch

from ptacore.control.scan import scan


def test_a_scan_is_differentiable_by_matrix_start_and_drive():
    """Against finite differences, in double precision."""
    draw = torch.Generator().manual_seed(0)
    M, start, drive = (
        0.5 * torch.randn(*shape, generator=draw, dtype=torch.float64) for shape in ((5, 4), (4, 3), (6, 2, 3))
    )
    given = [x.requires_grad_() for x in (M, start, drive)]
    for saturates in (True, False):
        assert torch.autograd.gradcheck(lambda M, start, drive, s=saturates: scan(M, start, 6, 1, 2, s, drive), given)


def test_controls_stand_beside_the_states_that_they_led_to():
    """u(t) = -0.5 x(t), x(t + 1) = x(t) + u(t): no agent, x halves."""
    M = torch.tensor([[-0.5], [0.5]])
    out = scan(M, torch.tensor([[8.0]]), 3, controls=1, free=1, saturates=False)
    assert out[:, 1, 0].tolist() == [8, 4, 2, 1]
    assert out[:, 0, 0].tolist() == [0, -4, -2, -1]
