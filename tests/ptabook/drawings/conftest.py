"""What the drawings' tests share: no window, and a figure read back."""

import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas
import pytest

from ptabook.page.points import table


@pytest.fixture(autouse=True)
def _no_window():
    mpl.use("Agg")
    yield
    plt.close("all")


@pytest.fixture
def drawn():
    """A function from a figure to the points that it shows, a row each."""
    return lambda fig: pandas.read_csv(io.StringIO(table(fig)), comment="#")
