import numpy as np
import pytest

from ptacore.control import Stages, stages


@pytest.mark.parametrize(
    ("leading", "found"),
    [
        ([1.2, 1.1, 1 + 0.1j, 1 + 0.1j, 0.9 + 0.1j, 0.8], Stages(2, 4)),
        ([1.2, 1 + 0.1j, 1.1, 1 + 0.1j, 0.9, 0.9], Stages(3, 4)),  # back on the axis for a while
        ([1.2, 1 + 0.1j, 0.9j, 1 + 0.1j, 0.9, 0.9], Stages(1, 4)),  # inside for a while
        ([1 + 0.1j, 1 + 0.1j], Stages(0, None)),
        ([1.2, 1.1], Stages(None, None)),
        ([1.2, 0.9], Stages(None, 1)),
        ([1.2, 0.9 + 0.1j], Stages(1, 1)),
        ([0.5], Stages(None, 0)),
    ],
)
def test_stages_end_for_good(leading, found):
    assert stages(np.arange(len(leading)), leading) == found


def test_epochs_are_those_given():
    assert stages([0, 5, 10], [1.1, 1 + 0.1j, 0.5]) == Stages(5, 10)
    for wrong in ([], [1.0, 2.0]):
        with pytest.raises(ValueError, match="leading: expected a value for each"):
            stages([], wrong) if not wrong else stages([1], wrong)
