#!/bin/sh
# Arbor 0.12.2. Seen: a cell that is driven by events and has no connections is simulated (its voltage is reset at
# each spike), yet simulation.spikes() is empty with recording set to all; a spike source alone is silent as well. One
# connection of weight 0 to itself, and all spikes are there, at the times of their events.
# Guess: what is recorded does not depend on the wiring.
# It matters to rates and response curves, for which one measures single cells first: a silent cell may not be one.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.3.5 arbor==0.12.2
"$folder/venv/bin/python" - <<'PY'
import arbor
from arbor import units as U


class Driven(arbor.recipe):
    """One integrate-and-fire cell with three events, each above its threshold."""

    def __init__(self, connected):
        arbor.recipe.__init__(self)
        self.connected = connected

    def num_cells(self):
        return 1

    def cell_kind(self, gid):
        return arbor.cell_kind.lif

    def cell_description(self, gid):
        cell = arbor.lif_cell("out", "in")
        cell.tau_m, cell.t_ref, cell.C_m = 10 * U.ms, 2 * U.ms, 1 * U.pF
        cell.V_th, cell.E_L, cell.E_R, cell.V_m = 10 * U.mV, 0 * U.mV, 0 * U.mV, 0 * U.mV
        return cell

    def event_generators(self, gid):
        return [arbor.event_generator("in", 12.0, arbor.explicit_schedule([t * U.ms for t in (1.03, 5.03, 9.96)]))]

    def connections_on(self, gid):
        return [arbor.connection((0, "out"), "in", 0.0, 5 * U.ms)] if self.connected else []


def spikes(connected):
    """Times of the recorded spikes."""
    simulation = arbor.simulation(Driven(connected))
    simulation.record(arbor.spike_recording.all)
    simulation.run(20 * U.ms, 0.1 * U.ms)
    return [float(time) for _, time in simulation.spikes()]


alone, connected = spikes(False), spikes(True)
print("arbor", arbor.__version__, "spikes alone:", alone, "with a connection of weight 0:", connected)
assert alone == [] and len(connected) == 3, "the behaviour has changed"
PY
