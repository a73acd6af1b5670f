"""The page of a report: one HTML file that asks for nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import numpy as np

from ptacore.reports.drawing import Chart, every
from ptacore.reports.findings import Findings, lost_after
from ptacore.reports.layers import Found
from ptacore.reports.words import count, fate, headline, lasting, measured, number, overall, verdict

STYLE = Path(__file__).with_name("page.css")
ROWS = 12  # of a table that stands open
FEW = 20  # exponents, which are drawn as points besides
NARROW = 0.05  # extent below which states are drawn as one place


def page(title: str, findings: Sequence[Findings], found: Found, made: dict[str, object], files: Sequence[str]) -> str:
    """The report as HTML.

    Parameters
    ----------
    title : str
        What was reported on.
    findings : sequence of Findings
    found : Found
        What else there was.
    made : dict
        How: input, seed, versions and the like, shown at the end.
    files : sequence of str
        Names of the files with numbers beside the page.
    """
    parts = [f"<h1>What {escape(title)} does with a gradient</h1>"]
    if len(findings) > 1:
        items = (f'<a href="#layer-{i}">{escape(f.layer.name)}</a>: {headline(f)}' for i, f in enumerate(findings))
        parts.append(f"<p>{len(findings)} recurrent layers, each taken by itself:</p>{_list(items)}")
    parts += [_layer(f, i) for i, f in enumerate(findings)]
    parts += [_rest(found), _making(made, files)]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}: report</title><link rel="icon" href="data:,">'
        f"<style>{STYLE.read_text(encoding='utf-8')}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


# ---- what pages are made of; cells, captions of figures and items are HTML already


def _list(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"


def _pair(*parts: str) -> str:
    """Side by side where there is room."""
    return f'<div class="pair">{"".join(f"<div>{part}</div>" for part in parts)}</div>'


def _table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], look: str = "") -> str:
    """A table in a box that scrolls."""
    head = "".join(f'<th scope="col">{cell}</th>' for cell in heads)
    head = f"<thead><tr>{head}</tr></thead>" if heads else ""
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>'
        for first, *others in rows
    )
    return (
        f'<div class="scroll" role="group" tabindex="0" aria-label="{escape(caption)}"><table class="{look}">'
        f"{f'<caption>{escape(caption)}</caption>' if heads else ''}{head}<tbody>{body}</tbody></table></div>"
    )


def _folded(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]], least: int = 0) -> str:
    """A table that is folded away where it has more rows than `least`."""
    table = _table(caption, heads, rows)
    if len(rows) <= least:
        return table
    return f"<details><summary>{escape(caption)}: a table of {count(len(rows), 'row')}</summary>{table}</details>"


def _figure(chart: Chart, says: str, caption: str) -> str:
    return f"<figure>{chart.svg(says)}<figcaption>{caption}</figcaption></figure>"


# ---- a layer


def _layer(f: Findings, place: int) -> str:
    layer = f.layer
    stacked = f", {layer.depth} stacked layers" if layer.depth > 1 else ""
    title = escape(f"{layer.name}: {layer.cell}, {count(layer.units, 'unit')}{stacked}")
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in f.notes)
    return (
        f'<section aria-labelledby="layer-{place}"><h2 id="layer-{place}">{title}</h2>'
        f'<p class="lead">{headline(f)}</p><p>{verdict(f)}</p>{notes}'
        + _pair(_facts(f), _survival(f))
        + _pair(_spectrum(f), _convergence(f))
        + _pair(_adjoints(f), _attractors(f))
        + _pair(_times(f), _pta(f))
        + "</section>"
    )


def _facts(f: Findings) -> str:
    layer = f.layer
    of = f" of {layer.library}" if layer.library != "none" else ""
    sizes = (layer.units, "unit"), (layer.inputs, "input"), (f.spectrum.state.shape[-1], "state variable")
    rows = [
        ("Cell", escape(layer.cell + of)),
        ("Step", f"<code>{escape(layer.step)}</code>"),
        ("Size", ", ".join(count(*size) for size in sizes)),
        ("Weights", escape("; ".join(layer.read))),
        ("Assumed", escape("; ".join(layer.assumed))),
        ("Input", escape(f.input)),
    ]
    rows = [row for row in rows if row[1] not in ("", "<code></code>")]
    return "<h3>What was found</h3>" + _table("What was found and assumed", [], rows, "facts")


def _survival(f: Findings) -> str:
    rate, tolerance = f.leading
    grows = f.spectrum.n_positive > 0
    rows = []
    for s in f.survival:
        seen = lost_after(f.adjoints, s.format)
        words = f"{seen:,}" if seen else "grows" if grows else f"over {f.adjoints.lag[-1]:,}"
        rows.append((s.format, lasting(s.rounded), words, lasting(s.gone)))
    heads = ["Format", "Lost in a sum", "Seen in the adjoint", "Overflows" if grows else "Underflows"]
    return (
        f"<h3>How long a gradient lasts</h3><p>The leading exponent is λ = {measured(rate, tolerance)} "
        "per step: a gradient of size one is e<sup>λs</sup> after s steps. Backpropagation adds up what comes from all "
        "steps. In a format of p binary digits, what is below 2<sup>−p</sup> is lost beside one of size one: after "
        "p ln 2 / |λ| steps. Alone, it leaves the normal numbers, which end at 2<sup>±m</sup>, after m ln 2 / |λ|. "
        "The first counts for training, and only the first tells bfloat16 from float32: their smallest number is "
        "the same.</p>"
        + _table(f"After how many steps, over the {f.spectrum.confidence:.0%} interval of λ", heads, rows)
    )


def _spectrum(f: Findings) -> str:
    s, dim = f.spectrum, f.spectrum.state.shape[-1]
    values, wide = s.exponents.numpy(), s.tolerance.numpy()
    index, shown = np.arange(1, len(values) + 1), np.isfinite(values) & np.isfinite(wide)
    low, high = values - np.where(shown, wide, 0), values + np.where(shown, wide, 0)
    chart = Chart([1, len(values)], [0, *low, *high], ("exponent, by size", "per step"))
    chart.level(0.0)
    chart.bars(index[shown], low[shown], high[shown], "first")
    chart.points(index, values, "first", 2 if len(values) > 60 else 3)
    vanished = int(np.isneginf(values).sum())
    which = f"The {len(values)} leading of {count(dim, 'exponent')}" if len(values) < dim else count(dim, "exponent")
    words = (
        f"{which}: {int(s.n_positive)} positive, {int(s.n_zero)} not told from zero, {int(s.n_negative)} negative"
        + (f", {vanished} of these at −∞" if vanished else "")
        + f". Bars are {s.confidence:.0%} intervals."
    )
    rows = [
        (str(i), number(v, 4), number(e, 2), number(w, 2), "+" if v > w else "−" if v < -w else "0")
        for i, v, e, w in zip(index, values, s.standard_error.tolist(), wide, strict=True)
    ]
    heads = ["Exponent", "Per step", "Standard error", "Interval ±", "Sign"]
    drawn = _figure(chart, f"{words} The largest is {number(values.max())}.", words)
    return f"<h3>Lyapunov spectrum</h3>{drawn}<p>{overall(f)}</p>{_folded('Exponents', heads, rows)}"


def _convergence(f: Findings) -> str:
    s = f.spectrum
    t, history = s.times.numpy(), s.history.numpy()
    lines = [i for i in range(min(4, history.shape[1])) if np.isfinite(history[:, i]).all()]
    chart = Chart([0, t[-1]], history[len(t) // 10 :, lines].ravel(), ("steps averaged", "estimate, per step"))
    chart.level(0.0)
    for i in lines:
        chart.line(t, history[:, i], "first" if i == 0 else "third thin")
    drift = s.drift[int(s.exponents.argmax())].item()
    words = f"Estimates of the {count(len(lines), 'leading exponent')} as the average grows, the largest drawn thick."
    if drift:
        words += (
            f" The halves of the run differ: {number(drift)} of the largest may be drift. Its interval includes that."
        )
    rows = [(f"{t[i]:,.0f}", *(number(history[i, j], 4) for j in lines)) for i in every(len(t), ROWS)]
    heads = ["Steps", *(f"Exponent {j + 1}" for j in lines)]
    return f"<h3>Convergence</h3>{_figure(chart, words, words)}{_folded('Estimates', heads, rows)}"


def _adjoints(f: Findings) -> str:
    a, (rate, tolerance) = f.adjoints, f.leading
    with np.errstate(divide="ignore"):
        mean, least, most = (np.log10(v) for v in (a.mean, a.least, a.most))
    chart = Chart(a.lag, [*mean, *least, *most], ("steps before the error", "norm of the gradient"), powers=True)
    if math.isfinite(rate) and math.isfinite(tolerance):
        chart.band(a.lag, *((rate + sign * tolerance) * a.lag / math.log(10) for sign in (-1, 1)), "second")
        chart.line(a.lag, rate * a.lag / math.log(10), "second dashed")
    chart.band(a.lag, least, most, "first")
    chart.line(a.lag, mean, "first")
    left = number(a.mean[-1]) if a.mean[-1] else "nothing, to the smallest double,"
    end = f"After {a.lag[-1]:,} steps {left} is left."
    if math.isfinite(a.slope):
        end += f" Over the second half it changes at a rate of {number(a.slope)} per step, where λ = {number(rate)}."
    words = (
        '<span class="key first">Measured</span>: the adjoint of unit gradients in random directions, mean and range, '
        f'along the orbit. <span class="key second">Dashed</span>: e<sup>λs</sup>, and the interval of λ. {end}'
    )
    rows = [(f"{a.lag[i]:,}", *(f"{v[i]:.3g}" for v in (a.mean, a.least, a.most))) for i in every(len(a.lag), ROWS)]
    heads = ["Steps", "Geometric mean", "Smallest", "Largest"]
    drawn = _figure(chart, f"The norm of a unit gradient by the steps before the error. {end}", words)
    return f"<h3>The gradient, step by step</h3>{drawn}{_folded('Norms of the adjoint', heads, rows)}"


def _attractors(f: Findings) -> str:
    a, words = f.attractors, fate(f)
    stable = a.points.stable.numpy()
    x, y = (np.concatenate([a.orbits[..., i].ravel(), a.marks[:, i]]) for i in (0, 1))
    about = [(v.min() + v.max()) / 2 + sign * NARROW for v in (x, y) for sign in (-1, 1)]
    chart = Chart([*x, *about[:2]], [*y, *about[2:]], ("first principal direction", "second"))
    for i in every(a.orbits.shape[1], ROWS):
        chart.points(*a.orbits[-50:, i].T, "first", 1.2)
    for kind, look in ((~stable, "second ring"), (stable, "second")):
        chart.points(*a.marks[kind].T, look, 5)
    rows = []
    for i, top in enumerate(a.points.eigenvalues[:50, 0]):
        angle = abs(top.angle().item())
        turn = f"{number(2 * math.pi / angle)} steps" if angle > 1e-9 else "no"
        size = top.abs().item()
        rows.append((str(i + 1), "yes" if stable[i] else "no", number(size, 4), _decay(size), turn))
    heads = ["Fixed point", "Stable", "Largest modulus", "Time constant", "Turns once in"]
    listed = _folded("Fixed points and their slowest direction", heads, rows, ROWS) if rows else ""
    title = "Without the input" if f.driven else "Without input" if f.input == "no input" else f"Under {f.input}"
    caption = "Where orbits end (small dots), and fixed points: discs where stable, rings where not."
    drawn = _figure(chart, " ".join(words[:2]), caption)
    return f"<h3>{escape(title)}</h3><p>{' '.join(words)}</p>{drawn}{listed}"


def _decay(modulus: float) -> str:
    if modulus in (0.0, 1.0):
        return "none" if modulus else "0 steps"
    return f"{number(1 / abs(math.log(modulus)))} steps" + ", growing" * (modulus > 1)


def _times(f: Findings) -> str:
    rows = []
    exponents, tolerances = f.spectrum.exponents.tolist(), f.spectrum.tolerance.tolist()
    for i in every(len(exponents), ROWS):
        v, w = exponents[i], tolerances[i]
        if math.isinf(v):
            time, span = "0", ""
        elif abs(v) > w:
            time, span = number(1 / abs(v)), f"{number(1 / (abs(v) + w))} to {number(1 / (abs(v) - w))}"
        else:
            time, span = "not known", f"over {number(1 / (abs(v) + w))}"
        rows.append((str(i + 1), number(v, 4), time, span, "grows" if v > w else "shrinks" if v < -w else "stays"))
    heads = ["Exponent", "Per step", "Steps", "Interval", "A perturbation"]
    said = "Steps to a factor e, 1 / |λ|, for exponents spread over the spectrum."
    return f"<h3>Time constants</h3><p>{said}</p>" + _table("Time constants", heads, rows)


def _pta(f: Findings) -> str:
    title = "<h3>What pta_ would change</h3>"
    if f.pta is None:
        return f"{title}<p>{escape(f.without_pta)}</p>"
    own, new = f.spectrum, f.pta
    a, b = own.exponents.numpy(), new.exponents.numpy()
    kind = "GRU" if f.layer.cell.startswith("GRU") else "tanh RNN"
    words = (
        "<code>ptacore.pta_</code> is a start for training, not a change to a trained network: it fills the recurrent "
        f"weights of torch's {kind} with independent oscillators. At this size, under the same input and with the same "
        f"input weights, it has {count(int(new.n_zero), 'exponent')} not told from zero and {int(new.n_positive)} "
        f"positive, where this layer has {int(own.n_zero)} and {int(own.n_positive)}. Its largest is {number(b.max())}."
    )
    chart = Chart([1, max(len(a), len(b))], [0, *a, *b], ("exponent, by size", "per step"))
    chart.level(0.0)
    for values, look in ((b, "second dashed"), (a, "first")):
        index = np.arange(1, len(values) + 1)
        chart.line(index, values, look)
        if len(values) < FEW:
            chart.points(index, values, look.split()[0])
    rows = [
        (str(i + 1), *(number(v[i], 4) if i < len(v) else "" for v in (a, b))) for i in every(max(len(a), len(b)), ROWS)
    ]
    says = f"Two spectra. This layer's largest exponent is {number(a.max())}, the oscillators' {number(b.max())}."
    caption = '<span class="key first">This layer</span>, and <span class="key second">after pta_, dashed</span>.'
    heads = ["Exponent", "This layer", "After pta_"]
    return f"{title}<p>{words}</p>{_figure(chart, says, caption)}{_folded('Both spectra', heads, rows)}"


# ---- the end


def _rest(found: Found) -> str:
    parts = ""
    if found.refused:
        items = (f"<code>{escape(refusal.name)}</code>: {escape(refusal.reason)}" for refusal in found.refused)
        parts += f"<h2>What could not be taken</h2>{_list(items)}"
    if found.rest:
        rows = [(f"<code>{escape(key)}</code>", " × ".join(map(str, s)) or "a number") for key, s in found.rest.items()]
        listed = _folded("Arrays that belong to no recurrent layer", ["Array", "Shape"], rows, ROWS)
        parts += f"<h2>What else it holds</h2>{listed}"
    return parts


def _making(made: dict[str, object], files: Sequence[str]) -> str:
    rows = [(escape(key), escape(str(value))) for key, value in made.items()]
    links = ", ".join(f'<a href="{escape(name)}">{escape(name)}</a>' for name in files)
    return (
        "<h2>How these numbers were made</h2><p>Exponents by QR of the exact tangent map, with errors from the slowest "
        "waves in the growth; an exponent counts as zero where its interval includes zero. The weights are those of "
        "the file, in double precision; dropout is off.</p>"
        f"{_table('How these numbers were made', [], rows, 'facts')}<p>The numbers: {links}.</p>"
    )
