import torch

from ptabook.drawings.fig1 import Trial, from_stimulus_to_response


def trial(sign):
    t, k = torch.arange(0.0, 10.0), torch.arange(0.0, 10.0, 2.0)
    units = torch.arange(1.0, 5.0)
    return Trial(t, sign * (t == 2), sign * 0.1 * t, sign * t[:, None] * units, k, sign * k[:, None] * units)


def test_both_trials_are_drawn_and_the_output_only_where_it_is_read(drawn):
    fig = from_stimulus_to_response([trial(1), trial(-1)], (2.0, 3.0), (7.0, 9.0))
    above, flow, steps = fig.axes
    solid, read, dashed, read_dashed = above.lines
    assert solid.get_ydata().tolist() == [0, 0, 1, 0, 0, 0, 0, 0, 0, 0] == (-dashed.get_ydata()).tolist()
    assert read.get_xdata().tolist() == read_dashed.get_xdata().tolist() == [7, 8, 9]
    assert [line.get_linestyle() for line in flow.lines] == ["-"] * 3 + ["--"] * 3
    for i, line in enumerate(flow.lines):
        assert line.get_ydata().tolist() == (trial((1, -1)[i // 3]).flow[:, i % 3]).tolist()
    dots = drawn(fig).query("panel == 'row 3 column 1' and kind == 'points' and x > 0")
    assert dots.x.tolist() == [2, 4, 6, 8] * 6
    assert (dots.y / dots.x).tolist() == [sign * unit for sign in (1, -1) for unit in (1, 2, 3) for _ in range(4)]
    assert len(steps.lines) == 12
