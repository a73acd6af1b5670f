"""What a figure shows, by panel and series, as its CSV file has it."""

import csv

import numpy as np

from ptabook.page.points import table


def drawn(fig) -> dict[str, dict[str, dict[str, np.ndarray]]]:
    """Panel, series and column to the drawn numbers."""
    lines = [line for line in table(fig).splitlines() if not line.startswith("#")]
    panels = {}
    for row in csv.DictReader(lines):
        series = panels.setdefault(row.pop("panel"), {}).setdefault(row.pop("series"), {})
        del row["kind"], row["colour"]
        for column, value in row.items():
            if value:
                series.setdefault(column, []).append(float(value))
    return {
        panel: {name: {c: np.array(v) for c, v in columns.items()} for name, columns in series.items()}
        for panel, series in panels.items()
    }
