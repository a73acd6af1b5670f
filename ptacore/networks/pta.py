"""Networks with the paper's initialization."""

from __future__ import annotations

from ptacore.networks.torch_units import GRU, Tanh, even
from ptacore.oscillators.initialize import pta_


class _Oscillating:
    """A network whose own initial weights give way to those of `pta_`."""

    def __init__(
        self, n_inputs, n_outputs, n_hidden, generator=None, alpha=None, theta=None, certified=True, zeroed=True
    ):
        even(n_hidden)
        super().__init__(n_inputs, n_outputs, n_hidden, generator)
        for name, value in (("certified", certified), ("zeroed", zeroed)):
            if not isinstance(value, bool):
                raise ValueError(f"{name}: expected True or False, got {value!r}")
        pta_(self.recurrent, alpha, theta, certified=certified, zeroed=zeroed, generator=generator)


class PTATanh(_Oscillating, Tanh):
    """A tanh network with the paper's initialization, `ptacore.pta_`, which also has the defaults of its options.

    Parameters
    ----------
    alpha, theta : optional
        Ranges of gains and angles.
    certified, zeroed : bool
        Whether only points that oscillate are drawn, and whether biases start at zero.
    """


class PTAGRU(_Oscillating, GRU):
    """A GRU with the paper's initialization, `ptacore.pta_`, which also has the defaults of its options.

    Parameters
    ----------
    alpha, theta : optional
        Ranges of gains and angles.
    certified, zeroed : bool
        Whether only points that oscillate are drawn, and whether biases and gate weights start at zero.
    """
