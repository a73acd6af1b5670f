"""The ledger: every statement of the paper that a computation can check, and the check.

A check reads the numbers that a notebook saved beside its figure and returns what was found and whether the
statement holds. Nothing here computes dynamics, and no verdict is written down. Where a page states a rule of its
own (the tolerances of the identities, the U of learning), the check takes that page's outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ptacore.training.table import COLUMNS, ROWS, agrees, paper_value


@dataclass(frozen=True)
class Claim:
    """One statement of the paper, in our words.

    Attributes
    ----------
    where : str
        Section, equation or figure.
    statement : str
        What is claimed; Markdown.
    paper : str
        The paper's value.
    tolerance : str
        When ours agrees, and why that is the measure.
    figure : str
        Notebook whose numbers decide.
    check : callable or None
        Numbers -> (our value, whether it holds); None where no computation here can decide. It may also return None
        for whether it holds, where the runs that would decide have not been recorded.
    """

    where: str
    statement: str
    paper: str
    tolerance: str
    figure: str
    check: Callable[[dict], tuple[str, bool | None]] | None


def _number(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}"  # no minus before a zero


def _show(values, digits: int) -> str:
    return ", ".join(_number(v, digits) for v in values)


def _with_width(values, widths, digits: int) -> str:
    return ", ".join(f"{_number(v, digits)} ± {w:.{digits}f}" for v, w in zip(values, widths, strict=True))


def _spectrum(row: str, positive: Callable[[int], bool], zero: int | None = None):
    """Counts of exponents in one row of Figure 3."""

    def check(numbers):
        r = numbers[row]
        holds = positive(r["n_positive"]) and (zero is None or r["n_zero"] == zero)
        values = _with_width(r["exponents"][:4], r["standard_error"][:4], 2)
        return f"{r['n_positive']} positive, {r['n_zero']} zero: {values}, …", holds

    return check


def _closed_form(row: str, tolerance: float):
    def check(numbers):
        r = numbers[row]
        error = np.abs(np.subtract(r["exponents"], r["closed_form"])).max()
        return f"{_show(r['exponents'], 3)}; largest error {error:.0e}", bool(error < tolerance)

    return check


def _vanishes(row: str):
    def check(numbers):
        end = np.array(numbers[row]["adjoint_start"])
        return f"norm {end.max():.0e} at most, of 1 at the error", bool((end < 1e-2).all())

    return check


def _line_adjoint(numbers):
    zero = np.array(numbers["line_attractor"]["n_zero_by_trial"]) > 0
    norms = np.array(numbers["line_attractor"]["adjoint_start"])
    kept = int((norms > 0.1).sum())
    return f"{kept} of {len(norms)} trials; {int((~zero).sum())} rest at an end of the line and lose it", bool(
        kept == len(norms)
    )


def _explodes(numbers):
    norms = np.array(numbers["chaos"]["adjoint_start"])
    return f"norm {np.median(norms):.0e} (median of {len(norms)} trials) after 0.4 s", bool((norms > 10).all())


def _apart(numbers):
    start, end = numbers["chaos"]["spread_start"], numbers["chaos"]["spread_end"]
    return f"mean distance from {start:.0e} to {end:.0f} in 0.8 s", bool(end > 1000 * start)


def _cycle(test: Callable[[dict], tuple[str, bool]]):
    def check(numbers):
        cycle = numbers["limit_cycle"]["cycle"]
        return test(cycle) if cycle["found"] else ("no cycle found", False)

    return check


def _positive_in_survey(numbers):
    counts, n = numbers["product_100"]["counts"], numbers["draws"]
    low, high = numbers["product_100"]["interval"]["4+"]
    text = ", ".join(f"{counts[k]} with {k}" for k in ("0", "1", "2", "3", "4+"))
    return f"of {n} draws {text} (95% interval for 4 or more: {low:.1%} to {high:.1%})", bool(high > 0.5)


def _printed_recipe(numbers):
    chaotic, n = numbers["sparse_100"]["chaotic"], numbers["draws"]
    return f"{chaotic} of {n} draws of Eq. S3 are chaotic", bool(chaotic > n / 2)


def _small_networks(numbers):
    r, n = numbers["product_20"], numbers["draws"]
    low, high = r["interval"]["0"]
    text = f"{r['oscillating']} of {n} draws have a zero and no positive exponent ({low:.0%} to {high:.0%}), "
    return text + f"{r['chaotic']} a positive one", bool(low > 0.1 and r["chaotic"] < r["oscillating"])


def _printed_scheme(numbers):
    r = numbers["row_D"]
    printed, true, width = (np.array(v) for v in (r["printed"][0], r["reference"], r["tolerance"]))
    text = f"at 0.4 τ: {_show(printed[:4], 0)}; true: {_with_width(true[:4], width[:4], 0)} (99%)"
    return text, bool((np.abs(printed - true) < width).all())


FIVE = ("one_fixed_point", "two_fixed_points", "line_attractor", "chaos", "limit_cycle")


def _identities(*keys: str, text: str = "{0:.0e}"):
    """Checks of notebooks/identities.ipynb that must all hold; the text shows their values."""

    def check(numbers):
        items = [numbers[key] for key in keys]
        return text.format(*(item["value"] for item in items)), all(item["reproduced"] for item in items)

    return check


def _largest_of_five(stem: str, text: str = "{:.0e} at most, five systems"):
    """The same check for the five systems of Figure 3."""

    def check(numbers):
        items = [numbers[f"{stem}_{name}"] for name in FIVE]
        return text.format(max(abs(i["value"]) for i in items)), all(i["reproduced"] for i in items)

    return check


NETWORKS = {"tanh_flow": "tanh, continuous", "tanh_map": "tanh, discrete",
            "gru_flow": "GRU, continuous", "gru_map": "GRU, discrete"}  # fmt: skip


def _each_network(value: Callable[[dict], str], holds: Callable[[dict], bool], last: str = ""):
    """A statement about each of the four networks of Figure 5A-B."""

    def check(numbers):
        texts = [f"{title}: {value(numbers[name])}" for name, title in NETWORKS.items()]
        return "; ".join(texts) + last, all(holds(numbers[name]) for name in NETWORKS)

    return check


def _similar_in_time(numbers):
    differ = numbers["rest_differs"]
    text = f"small angles: one saddle-node curve ({differ} cells rest in some networks only); "
    return text + "large angles: flows stop at arccos(1/b), maps go on, cut by tongues", differ == 0


def _no_gaps(numbers):
    rows = [numbers[name] for name in ("tanh_map", "gru_map")]
    tanh, gru = (r["locked_between_tongues"] / r["between_tongues"] for r in rows)
    text = f"discrete time: locked in {tanh:.1%} (tanh) and {gru:.1%} (GRU) of the cells between the strong tongues"
    return text, tanh == gru == 0


def _one_attractor(numbers):
    c, grid = numbers["corner"], {name: numbers[name]["bistable"] for name in NETWORKS}
    text = f"GRU, discrete, edge of the 1:4 tongue: two attractors in {c['bistable']} cells of {c['cells']}, "
    text += f"chaos in {c['chaos']}; other networks: two attractors in {sum(grid.values()) - grid['gru_map']} cells"
    return text, c["bistable"] == 0 and sum(grid.values()) == 0


def _left(numbers, name: str, size: float) -> list[float]:
    """Shares of zero exponents left at a size of change, of own weights and of all weights."""
    at = int(np.argmin(np.abs(np.log(np.array(numbers["sizes"]) / size))))
    return [numbers["left"][f"{name}, {kind}"]["share"][at] for kind in ("own", "all")]


def _continuous_attractors_lose(numbers):
    names = ("line attractor", "ring attractor", "square", "identity")
    left = {name: max(_left(numbers, name, 1e-2)) for name in names}
    text = ", ".join(f"{name} {share:.1%}" for name, share in left.items())
    return f"zeros left at changes of 1%: {text}", max(left.values()) < 0.1


def _tori_survive(numbers):
    left = {name: _left(numbers, f"PTA, {name}", 1e-2) for name in ("tanh", "GRU", "flow")}
    text = ", ".join(f"{name} {own:.1%} and {every:.1%}" for name, (own, every) in left.items())
    return f"zeros left at changes of 1% (own, all weights): {text}", min(map(min, left.values())) > 0.95


def _torus_is_stable(numbers):
    lost = {name: numbers["loss"][f"PTA, {name}"] for name in ("tanh", "GRU", "flow")}
    slopes = ", ".join(f"{row['slope']:.2f}" for row in lost.values())
    draws = sum(row["draws_at_one_percent"] for row in lost.values())
    total = sum(row["draws"] for row in lost.values())
    text = f"at 1%, {draws} of {total} networks lose a zero: pairs lock; the share lost grows as size to the {slopes}"
    return text, draws == 0


def _synchrony_leaves_one(numbers):
    s = numbers["synchrony"]
    text = "synchronous: one zero in {one_zero} of {cells} networks; ".format(**s["synchronous"])
    text += "uncoupled: all eight in {all_zero} of {cells}; ".format(**s["independent"])
    text += "silent: none in {without_zero} of {cells}".format(**s["silent"])
    rows = ((s["synchronous"], "one_zero"), (s["independent"], "all_zero"), (s["silent"], "without_zero"))
    return text, all(row[key] == row["cells"] > 0 for row, key in rows)


def _adler(numbers):
    pair = numbers["two_oscillators"]
    text = f"critical coupling off by {pair['edge_error']:.4f} at most, the grid's spacing being {pair['grid']:.3f}"
    return text, pair["edge_error"] <= pair["grid"]


LEARNED = 0.99  # recall accuracy
COPY = "copy memory, k = 100"
PAPERS_EPOCHS = 400


def _over_runs(values, form: str) -> str:
    mean, low, high = (form.format(v) for v in (np.mean(values), min(values), max(values)))
    return f"{mean} ({low} to {high}, {len(values)} runs)" if len(values) > 1 else f"{mean} (1 run)"


def _at_size(numbers, row: str, model: str) -> dict | None:
    """Recorded runs of a cell of Table S1: of equal budget, or, if lower in validation loss, the longer ones.

    The longer runs of PTA tanh have gains in [1, 1.2].
    """
    sources = [numbers["table"].get(row, {}), numbers["long"] if row == COPY else {}]
    found = [source[model] for source in sources if model in source]
    return min(found, key=lambda runs: np.mean(runs["best_validation"]), default=None)


def _cell(row: str, model: str) -> Claim:
    """That a cell of Table S1 comes out alike."""
    paper, (task, _, _) = paper_value(row, model), ROWS[row]
    percent = task == "permuted-images"
    form = "{:.1f}" if percent else "{:.2f}" if paper >= 0.01 or paper == 0 else "{:.1e}"

    def check(numbers):
        runs = _at_size(numbers, row, model)
        if runs is None:
            return "no run has been recorded to its end", None
        values = 100 * np.array(runs["test_accuracy"]) if percent else np.array(runs["test_loss"])
        same = agrees(float(values.mean()), paper, runs["chance"], percent)
        text = _over_runs(values, "{:.2g}" if form == "{:.2f}" and values.mean() < 0.01 else form)
        worse, cut = (values.mean() > paper) != percent, max(runs["epochs"]) < PAPERS_EPOCHS
        if not same and worse and cut and "epoch limit" in runs["status"]:
            return f"{text}, {runs['state']} when its {max(runs['epochs'])} epochs were over", None
        return text + ", diverged" * ("diverged" in runs["status"]), same

    measure = "accuracy in percent" if percent else "cross-entropy"
    return Claim("Table S1", f"{row[0].upper() + row[1:]}, {model}: test {measure}.", form.format(paper),
                 "10% of chance; small losses: a factor of ten; accuracies: a point", "fig5c", check)  # fmt: skip


def _only_pta_learns(numbers):
    found = {name: runs for name in COLUMNS if (runs := _at_size(numbers, COPY, name))}
    accuracy = {name: runs["test_accuracy"] for name, runs in found.items()}
    pta = [name for name in accuracy if name.endswith("pta")]
    if len(pta) < 2 or len(accuracy) == len(pta):
        return "no runs of " + ("other" if len(pta) == 2 else "both PTA") + " networks have been recorded", None
    text = "; ".join(f"{name}: {_over_runs(values, '{:.1%}')}" for name, values in accuracy.items())
    others = max(max(values) for name, values in accuracy.items() if name not in pta)
    return f"recalled, {text}", min(min(accuracy[name]) for name in pta) >= LEARNED > others


def _ahead(pta: list[float], default: list[float]) -> bool:
    return max(pta) < min(default)


def _lows(losses: list[float]) -> str:
    return f"{min(losses):.2g} to {max(losses):.2g}"


def _pta_is_faster(problem: str):
    """In the small version of a task."""

    def check(numbers):
        found = numbers["live"][problem]
        pairs = {"tanh": ("tanh", "tanh-pta"), "GRU": ("gru", "gru-pta")}
        losses = {k: [found[n]["best_validation"] for n in names] for k, names in pairs.items()}
        text = "; ".join(f"{k}: {_lows(default)} and, PTA, {_lows(pta)}" for k, (default, pta) in losses.items())
        return f"validation loss, {text}", all(_ahead(pta, default) for default, pta in losses.values())

    return check


def _pta_is_better(row: str):
    """At the paper's size: half of chance earlier, and a lower test loss, whatever the seeds."""

    def check(numbers):
        texts, holds = [], True
        for kind in ("tanh", "gru"):
            default, pta = (_at_size(numbers, row, name) for name in (kind, f"{kind}-pta"))
            if not default or not pta:
                return f"no runs of default and PTA {kind} networks have been recorded", None
            epochs = [[np.inf if e is None else e for e in runs["epochs_to_half"]] for runs in (pta, default)]
            losses = [runs["test_loss"] for runs in (pta, default)]
            holds &= _ahead(*epochs) and _ahead(*losses)
            when = [f"{np.median(e):.0f}" if np.isfinite(np.median(e)) else "never" for e in epochs]
            loss = [f"{np.mean(v):.2g}" for v in losses]
            texts.append(
                f"{kind}, PTA and default: half of chance after {' and '.join(when)} epochs, {' and '.join(loss)}"
            )
        return "; ".join(texts), holds

    return check


def _outperforms(numbers):
    losses = {}
    for row in ROWS:
        for kind in ("tanh", "gru"):
            pair = [_at_size(numbers, row, name) for name in (kind, f"{kind}-pta")]
            if all(pair):
                losses[f"{row}, {kind}"] = [np.mean(runs["test_loss"]) for runs in pair]
    if not losses:
        return "no runs of default and PTA networks have been recorded", None
    better = sum(bool(pta < default) for default, pta in losses.values())
    text = "; ".join(f"{name} {default:.2g} and {pta:.2g}" for name, (default, pta) in losses.items())
    return f"in {better} of {len(losses)} (default and PTA: {text})", better == len(losses)


def _same_solutions(numbers):
    largest = max(numbers["same_space"].values())
    return f"outputs differ by {largest:.1g}", largest == 0


def _ends_without_oscillation(numbers):
    ends = [numbers["dynamics"]["large"].get(name, {}).get("end", {}) for name in ("tanh-pta", "gru-pta")]
    counts = [pair for end in ends for pair in zip(end.get("zero", []), end.get("positive", []), strict=True)]
    if not counts:
        return "no recorded run holds the exponents of a trained PTA network", None
    rest, positive = sum(pair == (0, 0) for pair in counts), sum(p > 0 for _, p in counts)
    text = f"{rest} of {len(counts)} recorded PTA networks; {positive} have a positive exponent"
    return text, 2 * rest >= len(counts)


def _oscillations_weaken(numbers):
    found = numbers["oscillations"]
    if not found["networks"]:
        return "no recorded run holds exponents from the way", None
    text = "{fewer} of {networks} recorded PTA networks end with fewer zero exponents, {gone} with none".format(**found)
    return text, found["fewer"] == found["networks"]


def _says(text: str, test: Callable[[dict], bool]):
    """A text with a figure's numbers by name, and whether the statement holds."""
    return lambda numbers: (text.format(**numbers), bool(test(numbers)))


def _periodic_torus(numbers):
    kept, total, left_open = (numbers[f"equal_periods_{what}_percent"] for what in ("kept", "of", "open"))
    text = f"{kept:.0f} of {total:.0f}, {left_open:.0f} undecided; quasi-periodic tori "
    text += "{tori_kept_percent:.0f} of {tori_of_percent:.0f}, {tori_open_percent:.0f} undecided".format(**numbers)
    possible = (kept + left_open) / total
    return text, None if kept / total < 0.95 <= possible else kept / total >= 0.95


LEDGER = [
    Claim("Fig. 1, Sec. 2.2", "A discrete-time network is a numerical integration of a continuous-time one.",
          "approximation", "the distance falls at Euler's first order, within 0.1", "fig1",
          _says("order {order:.2f}", lambda d: abs(d["order"] - 1) < 0.1)),
    Claim("Fig. 2A", "One resting state: small and large perturbations are forgotten, and the sensitivity vanishes.",
          "asymptotically", "after 12 τ below 1e-3, falling at the slowest eigenvalue's rate within 1%", "fig2",
          _says("{small_A:.0e}, {large_A:.0e}, {sensitivity_A:.0e}; rate {measured_A:.3f}, eigenvalue {rate_A:.3f}",
                lambda d: max(d["small_A"], d["large_A"], d["sensitivity_A"]) < 1e-3
                and abs(d["measured_A"] / d["rate_A"] - 1) < 0.01)),
    Claim("Fig. 2B, Sec. 2.3", "Two resting states keep one bit, and the sensitivity vanishes all the same.",
          "one bit, no gradient", "all of 400 noisy bits are read after 100 τ; sensitivity below 1e-6 after 30", "fig2",
          _says("{bits_kept:.0%} of the bits, sensitivity {sensitivity_B:.0e}",
                lambda d: d["bits_kept"] == 1 and d["sensitivity_B"] < 1e-6)),
    Claim("Sec. 2.1", "Gradients have an effective range: vanishing and exploding ones leave it.",
          "fixed range of floating point", "after log(limit) / λ₁, but for a prefactor between 1/100 and 100; float16, "
          "bfloat16, float32, float64", "effective_range",
          _says("{timed:.0f} times measured; largest prefactor e^{worst_prefactor:.1f}",
                lambda d: d["worst_prefactor"] < np.log(100))),
    Claim("Sec. 2.1, Fig. 3C, E", "Gradients on a line attractor and on a limit cycle stay in the effective range.",
          "neither vanish nor explode", "in every format, through thousands of time constants", "effective_range",
          _says("{neutral_stays:.0f} of {neutral_of:.0f} cases, {steps:.0f} τ",
                lambda d: d["neutral_stays"] == d["neutral_of"])),
    Claim("Sec. 2.3", "A Hopfield network recalls its memories from incomplete cues.", "recalls",
          "overlap above 0.99 for every pattern, a quarter of the signs being wrong", "effective_range",
          _says("overlap {hopfield_overlap:.2f}, cues {hopfield_cue:.2f}", lambda d: d["hopfield_overlap"] > 0.99)),
    Claim("Sec. 2.3", "Learning signals in Hopfield networks vanish.", "necessarily",
          "leading exponents as derived, to 1e-9, and negative at every state that 300 random starts reach",
          "effective_range",
          _says("{hopfield_derived:.3f}, off by {hopfield_error:.0e}; at most {hopfield_anywhere:.2f}",
                lambda d: d["hopfield_error"] < 1e-9 and d["hopfield_anywhere"] < 0 and d["hopfield_rest"] == 1)),
    Claim("Fig. 4A", "On a limit cycle the difference of two trajectories repeats with the period and is kept.",
          "δ(mT) the same", "changes by less than 1e-6 from turn to turn, and is longer than 0.1", "fig4",
          _says("changes by {late_change:.0e}, length {late_delta:.2f}",
                lambda d: d["late_change"] < 1e-6 and d["late_delta"] > 0.1)),
    Claim("Fig. 4B, Eqs. 17-18", "The time derivative of the cycle solves the tangent equation.", "identity",
          "relative difference below 1e-8 over five periods", "fig4",
          _says("{tangent_error:.0e}", lambda d: d["tangent_error"] < 1e-8)),
    Claim("Fig. 4C", "Two independent cycles make a periodic or a quasi-periodic torus, by the ratio of their periods.",
          "either", "3 : 2 closes to 1e-4, the golden mean does not close; two zero exponents in both", "fig4",
          _says("{closes:.0e} and {open:.2f}; {zeros:.0f} zeros",
                lambda d: d["closes"] < 1e-4 < 0.1 < d["open"] and d["zeros"] == d["zeros_most"] == 2)),
    Claim("Fig. 3A", "One fixed point: every start leads to the same state.", "one point", "one fixed point, stable",
          "fig3", lambda d: (f"{d['one_fixed_point']['n_stable']} stable of {d['one_fixed_point']['n_fixed_points']}",
                             d["one_fixed_point"]["n_stable"] == d["one_fixed_point"]["n_fixed_points"] == 1)),
    Claim("Fig. 3A", "All six leading exponents are negative.", "all negative", "99% intervals below zero", "fig3",
          _spectrum("one_fixed_point", lambda p: p == 0, 0)),
    Claim("Fig. 3A", "The adjoint vanishes in backward time.", "decays", "below 1% after 20 τ, all trials", "fig3",
          _vanishes("one_fixed_point")),
    Claim("Fig. 3B, S1.1", "The printed weights give two stable fixed points.", "2", "exact: all 64 supports",
          "fig3", lambda d: (f"{d['two_fixed_points']['n_stable']} stable, "
                             f"{d['two_fixed_points']['n_fixed_points'] - d['two_fixed_points']['n_stable']} saddle",
                             d["two_fixed_points"]["n_stable"] == 2)),
    Claim("Fig. 3B", "Within a basin, exponents are those of the fixed point: all negative.", "all negative",
          "eigenvalues −0.65, −1, −1.01, −1.01, −1.02, −1.03 to 0.001 (alignment of exponents 0.01 apart)", "fig3",
          _closed_form("two_fixed_points", 1e-3)),
    Claim("Fig. 3B, Sec. 2.3", "The adjoint vanishes although one bit is remembered.", "decays to zero",
          "below 1% after 20 τ, all trials", "fig3", _vanishes("two_fixed_points")),
    Claim("Fig. 3C, S1.1", "The printed weights give a line of fixed points.", "a line", "exact: all 64 supports",
          "fig3", lambda d: (f"{d['line_attractor']['n_lines']} segment", d["line_attractor"]["n_lines"] == 1)),
    Claim("Fig. 3C, Sec. 2.5", "One exponent is zero, the others are negative.", "1 zero, n − 1 negative",
          "0, −2, −3, −3, −3, −3 to 1e-5 (error of the scheme)", "fig3", _closed_form("line_attractor", 1e-5)),
    Claim("Fig. 3C", "The adjoint is constant and not zero, over several trials.", "all trials",
          "norm above 0.1 after 10 τ in all ten trials", "fig3", _line_adjoint),
    Claim("Fig. 3D", "Small differences between starts become large.", "very different trajectories",
          "a thousandfold in 0.8 s", "fig3", _apart),
    Claim("Fig. 3D", "The adjoint explodes in backward time.", "gets out of hand", "tenfold in every trial", "fig3",
          _explodes),
    Claim("Fig. 3D, Sec. 2.4", "The network is chaotic: at least one exponent is positive.", "≥ 1",
          "99% interval above zero", "fig3", _spectrum("chaos", lambda p: p >= 1)),
    Claim("Fig. 3D", "The network has four positive exponents.", "4",
          "usual for the recipe: the 95% interval of the share of draws with four or more reaches one half",
          "fig3_recipes", _positive_in_survey),
    Claim("S3", "The printed sparse recipe makes a chaotic network at n = 100, g = 1.8.", "chaotic",
          "more than half of the draws", "fig3_recipes", _printed_recipe),
    Claim("S1.2", "The printed QR scheme gives the network's exponents, at the authors' step.", "exact up to the step",
          "within our 99% intervals", "fig3_step_size", _printed_scheme),
    Claim("Fig. 3E", "At least six neurons take part in the limit cycle.", "≥ 6",
          "range over 5% of the largest", "fig3", _cycle(lambda c: (str(c["participating"]), c["participating"] >= 6))),
    Claim("Fig. 3E, Sec. 2.7", "The adjoint becomes periodic.", "periodic",
          "changes by less than 1e-6 from one period to the next, ten periods back", "fig3",
          _cycle(lambda c: (f"{c['adjoint_change_per_period']:.0e}", c["adjoint_change_per_period"] < 1e-6))),
    Claim("Fig. 3E, Sec. 2.7", "One exponent is zero, the others are negative.", "1 zero",
          "99% intervals, at least ln 10 over the averaging time", "fig3",
          _spectrum("limit_cycle", lambda p: p == 0, 1)),
    Claim("S3", "Small random networks (n = 20) are often limit cycles and not chaotic.", "frequently",
          "more than a tenth of the draws oscillate (95%), fewer are chaotic", "fig3_recipes", _small_networks),
    Claim("Eq. 4", "A weight's gradient is the integral over all paths through the adjoint.", "identity",
          "relative difference to backpropagation below 1e-6, falling at the order of the quadrature", "identities",
          _identities("eq4_relative_difference", "eq4_order_trapezoid", "eq4_order_simpson",
                      text="difference {0:.0e}, orders {1:.2f} and {2:.2f}")),
    Claim("Eqs. 5-8", "The product of adjoint and sensitivity is constant along a trajectory.", "identity",
          "rounding of n terms and T steps", "identities", _largest_of_five("eq8_drift")),
    Claim("Eq. 9", "As printed: Δ v and Ψᵀ v have the same norm.", "identity", "rounding", "identities",
          _largest_of_five("eq9_as_printed")),
    Claim("Eq. 9, Sec. 2.2", "Generic perturbations forward and generic errors backward grow at one rate.", "same fate",
          "0.05 / τ over 100 τ: the start's misalignment, spread over the interval", "identities",
          _largest_of_five("eq9_rate_difference", "rates differ by {:.3f} / τ at most, five systems")),
    Claim("Sec. 2.2", "Where the sensitivity of a direction decays, the adjoint in that direction decays too.",
          "for every v", "the two rates agree within 0.25 / τ, for one v", "identities",
          _identities("eq9_same_fate_of_every_vector", text="counterexample: rates differ by {0:.2f} / τ")),
    Claim("Eqs. 12-14", "Linear, normal: a perturbation along an eigenvector grows as exp(λ t).", "identity",
          "1e-5 in the logarithm (error of the scheme)", "identities", _identities("eq14_log_error")),
    Claim("Sec. 2.4", "The same rates hold for a matrix that is not normal.", "same rate", "0.001", "identities",
          _identities("nonnormal_rate", text="{0:.4f}, eigenvalue −0.3")),
    Claim("Eq. 15", "A generic direction grows at the leading exponent.", "largest λ",
          "0.05 / τ over 100 τ; chaos: and four standard errors", "identities",
          _largest_of_five("eq15_rate_error", "off by {:.3f} / τ at most, five systems")),
    Claim("Sec. 2.4", "The spectrum is the same for all starts in one basin.", "independent of the start",
          "statistical error of the averages", "identities",
          _identities("oseledets_limit_cycle", "oseledets_two_basins",
                      text="largest differences {0:.0e} (cycle), {1:.0e} (fixed points)")),
    Claim("Sec. 2.4", "The spectrum does not change under a diffeomorphism.", "invariant", "0.001 / τ", "identities",
          _identities("diffeomorphism_exponents")),
    Claim("Sec. 2.4", "Only the topological structure of the dynamics matters for the spectrum.", "topology suffices",
          "same exponent within 0.1 after a change of coordinates that is continuous but not smooth", "identities",
          _identities("homeomorphism_exponent", text="exponent changed by {0:.2f}")),
    Claim("Sec. 2.5", "On a line attractor, a perturbation along the line is kept and across it is forgotten.",
          "kept; forgotten", "1e-12 (rounding)", "identities",
          _identities("line_attractor_kept", "line_attractor_forgotten", text="shares left {0:.6f} and {1:.0e}")),
    Claim("Sec. 2.6", "A line attractor's zero exponent is lost at the smallest change of the weights.", "lost",
          "proportional to the change: slope 1 ± 0.05 on logarithmic axes", "identities",
          _identities("line_attractor_change_slope", "line_attractor_first_order", text="slope {0:.3f}")),
    Claim("Sec. 2.6", "All-zero weights make a continuous attractor that the first step of learning destroys.",
          "n zeros, then none", "counts", "identities",
          _identities("zero_weights_zeros", "zero_weights_zeros_after", text="{0:.0f} of 8, then {1:.0f}")),
    Claim("Sec. 2.6-2.7", "A limit cycle's zero exponent survives changes of the weights.", "survives",
          "in 98% of draws at 1% changes", "identities",
          _identities("limit_cycle_change_small", text="in {0:.0%} of draws")),
    Claim("Eqs. 16-18", "The velocity along a cycle solves the equation of the sensitivity.", "identity",
          "residual of the scheme's order, below 1e-5", "identities",
          _identities("eq18_residual", "eq18_order", text="residual {0:.0e}, order {1:.2f}")),
    Claim("Sec. 2.7", "One Floquet multiplier is one, the others are inside the unit circle.", "1; inside", "1e-6",
          "identities", _identities("floquet_multiplier_one", "floquet_others", text="off by {0:.0e}; second {1:.3f}")),
    Claim("Sec. 2.7, Fig. 4A", "A phase difference is kept; an amplitude difference is forgotten.", "kept; forgotten",
          "drift below 1e-9 a period; less than 1% left after 50 periods", "identities",
          _identities("phase_drift_per_period", "amplitude_kick_forgotten", text="{0:.0e} a period; {1:.0e} left")),
    Claim("Sec. 2.7", "m independent oscillators give m zero exponents of 2m, and none positive.", "n / 2",
          "counts for m = 1 to 5, frequencies different and equal", "identities",
          _identities("pta_zeros_different", "pta_positive_different", "pta_zeros_equal", "pta_positive_equal",
                      text="miscounts {0:.0f} and {2:.0f}")),
    Claim("Sec. 2.7", "A quasi-periodic toroidal attractor keeps its zeros under changes of the weights.", "robust",
          "both zeros in 95% of draws at 0.1% changes", "identities",
          _identities("pta_survives_different", text="in {0:.0%} of draws")),
    Claim("Sec. 2.7", "So does a periodic one (oscillators of equal frequency).", "robust",
          "both zeros in 95% of draws at 0.1% changes", "identities",
          _identities("pta_survives_equal", text="in {0:.0%} of draws: a kept phase difference is fine-tuned")),
    Claim("Fig. 5A", "In a region of gains and angles a pair of units has a leading exponent of zero.", "a region",
          "certified cycles and circles, exponent below ln 10 over the averaging time, in all four networks", "fig5ab",
          _each_network(lambda r: f"{r['zero'] / r['cells']:.0%} of the map",
                        lambda r: r["zero"] > 0 and r["leading_where_zero"] <= r["resolution"])),
    Claim("Sec. 2.7, Fig. 5A", "Such a pair has one zero exponent and no more: n/2 of n.", "n / 2",
          "the second exponent is negative wherever the first is zero", "fig5ab",
          _each_network(lambda r: f"{r['second_where_zero']:.4f} at most", lambda r: r["second_where_zero"] < 0)),
    Claim("Sec. 2.8, Fig. 5B", "Pairs of units start to oscillate spontaneously.", "spontaneous",
          "the origin is unstable wherever they oscillate: the smallest perturbation suffices", "fig5ab",
          _each_network(lambda r: f"{r['zero_where_origin_attracts']} exceptions in {r['zero']} cells",
                        lambda r: r["zero"] > 0 and r["zero_where_origin_attracts"] == 0)),
    Claim("Sec. 2.8, Fig. 5B", "At a given gain it takes a large enough angle.", "a least angle",
          "the least angle is that of the saddle-node curve, within one spacing of the grid", "fig5ab",
          _each_network(lambda r: f"off by {r['least_angle_off']:.2f}", lambda r: r["least_angle_off"] <= 1,
                        " spacings at most")),
    Claim("Fig. 5A", "Continuous and discrete time behave alike, with other parameters.", "similar",
          "the same cells rest at the same gain b (α; α/2 for GRUs)", "fig5ab", _similar_in_time),
    Claim("Fig. 5A", "Within the outlined region the leading exponent is zero.", "zero",
          "no cell is locked between the strong tongues", "fig5ab", _no_gaps),
    Claim("Fig. 5A", "Gain and angle determine the exponents.", "functions of α and θ",
          "three starts lead to one attractor, up to quarter turns, in every cell", "fig5ab", _one_attractor),
    Claim("Sec. 2.8", "Pairs from all over the region oscillate at different frequencies.", "different",
          "over a range of at least tenfold", "fig5ab",
          _each_network(lambda r: f"{r['frequency'][0]:.1g} to {r['frequency'][1]:.2f}",
                        lambda r: r["frequency"][1] > 10 * r["frequency"][0], " turns per τ or step")),
    Claim("Sec. 2.6", "Continuous attractors lose their zero exponents under changes of the weights (D-type noise).",
          "lost", "under 10% left at changes of 1%, line, ring, square and identity (slow cycles)", "fig5_stability",
          _continuous_attractors_lose),
    Claim("Sec. 2.6-2.7", "A limit cycle keeps its zero exponent under the same changes.", "kept",
          "in at least 95% of draws at changes of 1%", "fig5_stability",
          lambda d: ("in {:.0%} (own) and {:.0%} (all weights) of draws".format(*_left(d, "limit cycle", 1e-2)),
                     min(_left(d, "limit cycle", 1e-2)) >= 0.95)),
    Claim("Sec. 2.7", "Toroidal attractors keep their zero exponents where continuous attractors have lost theirs.",
          "kept", "more than 95% left at changes of 1%, in all three networks", "fig5_stability", _tori_survive),
    Claim("Sec. 2.7", "Toroidal attractors are structurally stable: no small change costs a zero exponent.",
          "structurally stable", "none of the networks loses one at changes of 1% of all weights", "fig5_stability",
          _torus_is_stable),
    Claim("Sec. 2.9, L5", "Without oscillation there is no zero exponent; in perfect synchrony one is left.",
          "none, one", "in every network of each kind", "fig5_stability", _synchrony_leaves_one),
    Claim("Sec. 2.9, L5", "Two oscillators lock, losing a zero, when coupling overcomes their frequency difference.",
          "synchrony", "critical coupling as by Adler's equation, to the grid's spacing", "fig5_stability", _adler),
    Claim("Sec. 2.6", "Noise in the state leaves the law as it is; noise in the weights changes it.", "two types",
          "stored values err as √t and as t, at the derived rates, within sampling (4 standard errors)",
          "gates_and_spikes",
          _says("rates off by {ratio_off:.0%}, of {ratio_allowed:.0%}", lambda d: d["ratio_off"] < d["ratio_allowed"])),
    Claim("Sec. 2.7", "Changed weights leave phase differences on a limit cycle as they are.", "maintained",
          "their change is below 5% of that of a single phase; on the line attractor it is not", "gates_and_spikes",
          _says("{cycle_lost:.1%}, on the line {line_lost:.0%}", lambda d: d["cycle_lost"] < 0.05 < d["line_lost"])),
    Claim("Sec. 2.6", "The line attractor of an LSTM without forget gate has no parameter that removes it.", "none",
          "all zero exponents left in every network with random weights", "gates_and_spikes",
          _says("in {all_zeros_0_01:.0%}, {all_zeros_0_1:.0%} and {all_zeros_1:.0%} of networks (weights of 0.01, 0.1 "
                "and 1 of the usual); cells run off to {far_1:.0f}",
                lambda d: d["all_zeros_0_01"] == d["all_zeros_0_1"] == d["all_zeros_1"] == 1)),
    Claim("Sec. 2.6", "A forget gate removes it.", "line attractor only without",
          "leading exponent log σ(bias), to 1e-9, and below zero in every network", "gates_and_spikes",
          _says("off by {forget_error:.0e}; at most {forget_above:.4f}",
                lambda d: d["forget_error"] < 1e-9 and d["forget_above"] < 0)),
    Claim("Sec. 3.2", "The theory is limited to weak input.", "weakly driven", "the zero exponent falls below zero as "
          "derived for noise (second order; 10% or 3 standard errors) and for a periodic input (first order; 10%)",
          "driven",
          _says("noise {fast_ratio:.2f} and {slow_ratio:.2f} of it, periodic off by {tone_off:.0%}",
                lambda d: d["noise_worst"] < 1 and d["tone_off"] < 0.1)),
    Claim("Sec. 3.3", "A bias current that makes spiking neurons oscillate lets gradients through: the true gradient.",
          "improves", "(I − v(t)) / (I − v(0)), to 1e-9, over a hundred time constants", "gates_and_spikes",
          _says("off by {true_error:.0e}; at rest {true_faded:.0e} after 25", lambda d: d["true_error"] < 1e-9)),
    Claim("Sec. 3.3", "The same for surrogate gradients.", "improves",
          "growth per step nearer to zero than at rest without bias, for both firing levels (k = 25)",
          "gates_and_spikes",
          _says("{surrogate_none:.3f} without, {surrogate_firing:.3f} and {surrogate_strong:.3f} firing; but "
                "{surrogate_silent:.3f} with a bias that lets nothing fire",
                lambda d: max(abs(d["surrogate_firing"]), abs(d["surrogate_strong"])) < abs(d["surrogate_none"]))),
    Claim("Sec. 3.3", "Spiking networks that oscillate at rest learn longer dependencies.", "can improve",
          "more of them learn to hold a bit, p < 0.05", "gates_and_spikes",
          _says("{learned_firing:.0f} of {learned_of:.0f} learn, at rest {learned_silent:.0f}; p = {learned_p:.2g}",
                lambda d: d["learned_firing"] > d["learned_silent"] and d["learned_p"] < 0.05)),
    Claim("Sec. 3.4", "Real-time recurrent learning produces gradients equal to backpropagation's.", "identity",
          "1e-12 of the norm, rounding", "identities", _identities("rtrl")),
    Claim("Sec. 3.5", "Oscillations carry timing information, which continuous attractors do not.", "basis for time",
          "elapsed time read from a noisy state within 1 τ after 50 to 100 τ (median); from a resting network not",
          "fig4", _says("{clock_torus:.2f} τ, at rest {clock_rest:.0f} τ",
                        lambda d: d["clock_torus"] < 1 < d["clock_rest"])),
    Claim("Abstract, Sec. 2.8", "The oscillating initialization outperforms the standard ones, tanh and GRU.",
          "outperforms", "at the paper's size: lower mean test loss in every task with recorded runs of both", "fig5c",
          _outperforms),
    Claim("Sec. 2.8", "Only PTA networks, tanh and GRU, reliably learn copy memory (k = 100).", "only PTA reliably",
          "over 99% of the symbols recalled in every recorded PTA run and in no run of another network of Table S1",
          "fig5c", _only_pta_learns),
    Claim("Sec. 2.8", "In temporal ordering PTA networks learn faster and find better solutions.", "faster, better",
          "every PTA run gets below half of chance earlier, and ends lower, than every default run, tanh and GRU",
          "fig5c", _pta_is_better("temporal ordering")),
    Claim("Sec. 2.8", "In permuted sequential MNIST PTA networks learn faster and find better solutions.",
          "faster, better", "as above; the data are not part of this project", "fig5c",
          _pta_is_better("permuted sequential MNIST")),
    Claim("Sec. 2.8", "Only PTA networks reliably learn sequential CIFAR.", "only PTA reliably",
          "neither S2 nor Table S1 has this task", "fig5c", None),
    *(Claim("Fig. 5C", f"PTA networks learn faster than default ones, tanh and GRU: {title}.", "faster",
            "small version: after the same epochs the worst PTA network is ahead of the best default one",
            "fig5c", _pta_is_faster(problem))
      for problem, title in (("copy-memory", "copy memory"), ("random-delay-copy", "random delay"),
                             ("temporal-order", "temporal ordering"))),
    Claim("Sec. 2.8", "Default and PTA networks share the same space of solutions.", "the same",
          "a default network that is given the weights of a PTA network gives its outputs, to the bit", "fig5c",
          _same_solutions),
    Claim("Sec. 2.8", "PTA networks often learn solutions without oscillation.", "often",
          "under the blank input at least half of the recorded networks have neither zero nor positive exponents",
          "fig5c_why", _ends_without_oscillation),
    Claim("Sec. 2.9, L4", "Learning long temporal dependencies may weaken the oscillations.", "fewer",
          "all recorded PTA networks end with fewer zero exponents than they began with", "fig5c_why",
          _oscillations_weaken),
    *(_cell(row, model) for row in ROWS for model in COLUMNS if paper_value(row, model) is not None),
    Claim("Sec. 2.7", "PTAs are the only structurally stable dynamics with a persistent learning signal (conjecture), "
          "searched: no other zero without a positive exponent in small random systems.", "conjecture",
          "among the draws that the fixed rule decides, every one with a zero is a cycle, circle or torus (number of "
          "zeros = dimension of the orbit); not a proof", "conjecture",
          _says("{other:.0f} others in {draws:.0f} draws, {hits:.0f} with a zero: share below {bound:.2%} (95%); "
                 "{undecided:.0f} undecided, below {bound_worst:.2%} with these counted", lambda d: d["other"] == 0)),
    Claim("Sec. 2.7", "Stable limit cycles are structurally stable: random ones, found by search, keep their zero.",
          "structurally stable", "in at least 95% of random changes of all parameters by 1%, flows", "conjecture",
          _says("{cycles_flows_kept_percent:.0f} of {cycles_flows_of_percent:.0f} changes at 1%, "
                 "{cycles_flows_kept_permille:.0f} at 0.1%", lambda d: d["cycles_flows_share_percent"] >= 0.95)),
    Claim("Sec. 2.7", "So are they in discrete time.", "structurally stable",
          "the same, circles of random maps (by theorem never in the strict sense)", "conjecture",
          _says("{circles_maps_kept_percent:.0f} of {circles_maps_of_percent:.0f} changes at 1%, "
                 "{circles_maps_kept_permille:.0f} at 0.1%", lambda d: d["circles_maps_share_percent"] >= 0.95)),
    Claim("Sec. 2.7", "A periodic toroidal attractor is structurally stable, as a quasi-periodic one is.",
          "structurally stable", "both zeros of two equal oscillators in at least 95% of changes of 1% (smaller shifts "
          "are below the resolution)",
          "conjecture",
          _periodic_torus),
    Claim("Sec. 2.7", "There are at most n/2 zero exponents.", "n / 2",
          "no attractor with more, the constructed torus in three dimensions included", "conjecture",
          _says("{langford_zeros:.0f} of 3, the torus having dimension {langford_dimension:.2f}",
                 lambda d: d["langford_zeros"] <= 1.5)),
    Claim("Sec. 2.6-2.7", "Zeros of continua, of rest or of cycles, do not survive a generic change.", "lost",
          "no zero beyond the dimension of the orbit is left at changes of 1% and 10%; planted systems all seen right",
          "conjecture",
          _says("{continua_excess:.0f} of {continua_decided:.0f} decided changes; {planted_right:.0f} of "
                 "{planted_all:.0f} planted systems seen right",
                 lambda d: d["continua_excess"] == 0 and d["planted_right"] == d["planted_all"])),
    Claim("Eqs. 22-26", "The phase difference of the two oscillators is the integral of angular velocity.", "identity",
          "largest difference over ten minutes below 1e-9 rad, from the phases and from the spikes", "fig6",
          _says("{eq26:.0e} and {eq22_from_spikes:.0e} rad",
                 lambda d: d["eq26"] < 1e-9 and d["eq22_from_spikes"] < 1e-9)),
    Claim("Fig. 6A", "A loop of two neurons oscillates with a period that its delays fix.", "period τ",
          "1e-9 s over ten minutes", "fig6",
          _says("off by {period_error:.0e} s", lambda d: d["period_error"] < 1e-9)),
    Claim("Sec. 2.11", "Spiking neurons with a constant phase-resetting curve integrate velocity.", "shown in words",
          "a simulator of spiking neurons agrees with the phases within one of its steps", "fig6",
          _says("Brian2 within {kept_steps:.2f} steps", lambda d: d["kept_steps"] < 1)),
    Claim("Eq. 28", "The cycle average depends on Δφ − φ alone, so both bumps have one shape.", "identity",
          "1e-9 of the activity", "fig6",
          _says("{only_difference:.0e} of it", lambda d: d["only_difference"] < 1e-9)),
    Claim("Eq. 27", "Coincidences are where the delay matches the phase difference.", "place φ = Δφ",
          "at a heading of 90° the bump is at 90°, within 2°", "fig6",
          _says("at {template:.0f}°; in the circuit of Eqs. 22-24 at {delay_in_minus:.0f}° with the − axon delayed, "
                 "at {delay_in_plus:.0f}° with the + axon", lambda d: abs(d["template"] - 90) < 2)),
    Claim("Fig. 6E", "The bump follows the heading and stays in the dark.", "shown as a sketch",
          "at rest within 5° after ten minutes, and creeping by less than 0.1° in 30 s", "fig6",
          _says("within {still:.1f}°, creeping by {creep:.0e}°",
                 lambda d: d["still"] < 5 and d["creep"] < 0.1)),
    Claim("Fig. 6E, Sec. 2.11", "Unlike a bump attractor, the mechanism is robust to D-type noise: it keeps the "
          "heading where bump attractors lose it.", "robust",
          "its error is smaller than that of both rings 10 s after weights and thresholds changed by 0.1%",
          "fig6_robustness",
          _says("after 10 s {weights_o_10s_mille:.2g} rad, rings {weights_s_10s_mille:.2g} and "
                 "{weights_l_10s_mille:.2g} (weights)",
                 lambda d: all(d[f"{w}_o_10s_mille"] < min(d[f"{w}_s_10s_mille"], d[f"{w}_l_10s_mille"])
                               for w in ("weights", "thresholds")))),
    Claim("Secs. 2.7, 2.11", "What the oscillators keep, changes of parameters do not destroy.", "robust",
          "as long as the pairs do not touch: but for one common rotation the error is below 1e-6 rad at every size "
          "(by construction), and the rings' is not",
          "fig6_robustness",
          _says("{turned_oscillators:.0e} rad, rings at 1% after 100 s {weights_s_100s_turned:.2g} and "
                 "{weights_l_100s_turned:.2g}",
                 lambda d: d["turned_oscillators"] < 1e-6 < min(d["weights_s_100s_turned"],
                                                               d["weights_l_100s_turned"]))),
    Claim("Sec. 2.6", "Continuous attractors are destroyed by changes of their parameters.", "any change",
          "fewer than half of the rings keep a zero exponent when weights change by 1%",
          "fig6_robustness",
          _says("{changed_zeros:.0f} of {changed_draws:.0f} rings keep it",
                 lambda d: d["changed_zeros"] < d["changed_draws"] / 2)),
    Claim("Sec. 2.10", "Unequal periods make the phase difference drift.", "not constant over time",
          "spread of the rates as derived, within 5 standard errors", "fig6_robustness",
          _says("{rate_found:.2f} rad/s, derived {rate_predicted:.2f}",
                 lambda d: abs(d["rate_found"] / d["rate_predicted"] - 1) < 5 / np.sqrt(2 * d["rate_draws"]))),
    Claim("Sec. 2.10", "Delays that are alike by construction make the memory robust.", "could",
          "a correlation ρ slows the drift to √(1 − ρ), within a tenth at ρ = 0.99; no error where all is shared",
          "fig6_robustness",
          _says("after 1 s at 1%: {alike_0_9:.2g} rad at ρ = 0.9, {alike_0_99:.2g} at 0.99, {alike_1_0:.0g} at 1",
                 lambda d: d["alike_1_0"] < 1e-9
                 and abs(d["alike_0_99"] / d["alike_0_9"] / np.sqrt(0.1) - 1) < 0.1)),
    Claim("Sec. 2.10, M1", "The memory can be decoded from a single trial's phases.", "decodable",
          "the error is what noise allows, within 5 standard errors, and below that from spike counts",
          "fig6_predictions",
          _says("{phase_error:.2f} rad ({phase_error_predicted:.2f} allowed), from counts {count_error:.2f}",
                 lambda d: d["phase_error"] < d["phase_error_predicted"] * (1 + 5 / np.sqrt(2 * d["trials"]))
                 and d["phase_error"] < d["count_error"])),
    Claim("Sec. 2.10, M2", "Resetting the phases erases the memory at once.", "erased",
          "after pulses that reset both loops the heading shown does not depend on the one stored, within 0.1 rad",
          "fig6_predictions",
          _says("spread {reset_spread:.2g} rad over {reset_stored:.0f} stored headings; but one pulse resets both "
                 "loops in {both_reset:.0%} at most", lambda d: d["reset_spread"] < 0.1)),
    Claim("Sec. 2.10, M3", "A useful stimulus shifts the phase of the oscillator concerned.", "shifts",
          "by its size, to 1e-9 rad; the other not at all", "fig6_predictions",
          _says("{shift_plus:.0e} and {shift_minus:.0e} rad",
                 lambda d: max(d["shift_plus"], d["shift_minus"]) < 1e-9)),
    Claim("Sec. 2.10, M4", "Input desynchronizes the oscillators.", "may be observed",
          "synchrony of the pairs falls as derived from their inputs, within 0.1; without input it stays",
          "fig6_predictions",
          _says("from 1 to {sync_end:.2f} in 10 s, derived {sync_end_expected:.2f}; without input {sync_quiet:.2f}",
                 lambda d: abs(d["sync_end"] - d["sync_end_expected"]) < 0.1 and d["sync_quiet"] > 0.99)),
    Claim("Sec. 2.10, M5", "A lesion of the read-out leaves the memory; one of a continuous attractor destroys it.",
          "as stated", "half silent: the rest of the read-out tells the heading within 0.2 rad; rings err by over 0.5",
          "fig6_predictions",
          _says("{during_half:.1g} rad; rings {ring8_half:.2g} and {ring100_half:.2g}",
                 lambda d: d["during_half"] < 0.2 and min(d["ring8_half"], d["ring100_half"]) > 0.5)),
    Claim("Sec. 2.9, L3", "At certain delays learning increases the error.", "could be",
          "where the derived sine is negative, at every duration but within 0.02 of its zeros", "fig6_predictions",
          _says("{l3_worse:.0%} of the durations, sign as derived in {l3_signs:.0%}",
                 lambda d: d["l3_signs"] == 1 and d["l3_worse"] > 0)),
    Claim("Sec. 2.9, L1", "After a perturbation amplitudes relax to their baseline.", "relax",
          "at each oscillator's own Floquet exponent, within 1%, while the phase shift stays (1e-6 rad)", "learning",
          _says("rates within {rate_off:.2%} of the exponent, phase shifts kept to {shift_change:.0e} rad",
                 lambda d: d["rate_off"] < 0.01 and d["shift_change"] < 1e-6 < d["shift_least"])),
    Claim("Sec. 2.9, L1", "The power spectrum of a band is a broad bump, from a range of periods.", "broad bump",
          "spread of the summed activity within 5% of the drawn frequencies', and over five times that in synchrony",
          "learning",
          _says("{width:.4f} turns per τ (drawn: {width_expected:.4f}), in synchrony {width_synchronous:.4f}",
                 lambda d: abs(d["width"] / d["width_expected"] - 1) < 0.05
                 and d["width"] > 5 * d["width_synchronous"])),
    Claim("Sec. 2.9, L2", "Eligibility traces of changes at one moment are periodic and do not decay.", "periodic",
          "repeats with the period and equals the phase response's prediction, both to 1e-5", "learning",
          _says("repeats to {moment_period:.0e}, as derived to {moment_expected:.0e}",
                 lambda d: max(d["moment_period"], d["moment_expected"]) < 1e-5)),
    Claim("Sec. 2.9, L2", "Eligibility traces are quasi-periodic on a torus.", "quasi-periodic",
          "lasting change of a weight between two oscillators: the derived frequencies explain 99% of the variance, "
          "and the trace grows by less than 5% in the second half", "learning",
          _says("{torus_explained:.2%}; × {between_growth:.3f}",
                 lambda d: d["torus_explained"] > 0.99 and d["between_growth"] < 1.05)),
    Claim("Sec. 2.9, L2", "Eligibility traces of lasting changes inside an oscillator are periodic as well.",
          "(quasi-)periodic", "grows by less than 5% from the first to the second half of twelve periods", "learning",
          _says("grows × {own_growth:.2f}, by the derivative of the period", lambda d: d["own_growth"] < 1.05)),
    Claim("Sec. 2.9, L5", "Learning is U-shaped in the strength of oscillation: worse in silence and in synchrony.",
          "U-shaped", "small networks: independent oscillators end lower than silent and than synchronous ones, "
          "each p < 0.05 (Mann–Whitney, one-sided)", "learning",
          _says("silent {loss_silent:.2f}, independent {loss_independent:.2f}, synchronous {loss_synchronous:.2f}; "
                 "p = {p_silent:.3f} and {p_synchronous:.3f}", lambda d: d["u_shaped"])),
    Claim("Sec. 2.9, L5", "Zero exponents before training go with better learning.", "implied",
          "rank correlation with the loss over the settings negative, its 95% interval without zero", "learning",
          _says("{rho_zeros:.2f} ({rho_zeros_low:.2f} to {rho_zeros_high:.2f})",
                 lambda d: d["rho_zeros_high"] < 0)),
]  # fmt: skip
