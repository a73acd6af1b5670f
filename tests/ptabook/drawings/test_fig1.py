import torch
from drawn import drawn

from ptabook.drawings.fig1 import Trial, from_stimulus_to_response


def trial(sign):
    t, k = torch.arange(0.0, 10.0), torch.arange(0.0, 10.0, 2.0)
    units = torch.arange(1.0, 5.0)
    return Trial(t, sign * (t == 2), sign * 0.1 * t, sign * t[:, None] * units, k, sign * k[:, None] * units)


def test_both_trials_are_drawn_and_the_output_only_where_it_is_read():
    fig = from_stimulus_to_response([trial(1), trial(-1)], (2.0, 3.0), (7.0, 9.0))
    above, flow, steps = (list(series.values()) for series in drawn(fig).values())
    pulse, read, negative, read_too = above[:4]
    assert pulse["y"].tolist() == [0, 0, 1, 0, 0, 0, 0, 0, 0, 0] == (-negative["y"]).tolist()
    assert read["x"].tolist() == read_too["x"].tolist() == [7, 8, 9]
    assert [line.get_linestyle() for line in fig.axes[1].lines] == ["-"] * 3 + ["--"] * 3
    for lines, times in ((flow, 1), (steps, 2)):  # steps: a line and its dots
        slopes = [sign * unit for sign in (1, -1) for unit in (1, 2, 3) for _ in range(times)]
        for line, slope in zip(lines, slopes, strict=False):
            assert line["y"].tolist() == (slope * line["x"]).tolist()
