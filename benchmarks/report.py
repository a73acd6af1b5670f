"""Write book/speed_table.md and book/accuracy_table.md from results/*.json: python benchmarks/report.py."""

import json
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).resolve().parent
BOOK = HERE.parent / "book"
COVERED, WIDEST = 0.97, 2.0  # the goal for 99% intervals


def read(name: str) -> dict:
    return json.loads((HERE / "results" / f"{name}.json").read_text())


def number(value: float, digits: int = 2) -> str:
    """Two significant digits, without an exponent."""
    return f"{value:#.{digits}g}".rstrip(".") if value < 100 else f"{value:.0f}"


def power(value: float | None) -> str:
    """One significant digit times a power of ten."""
    if value is None:
        return ""
    mantissa, exponent = f"{value:.0e}".split("e")
    return f"{mantissa}·10<sup>{int(exponent)}</sup>"


def table(rows: list[dict], first: str, columns: tuple[str, ...] = ("once", "error")) -> list[str]:
    heads = {"once": "Compiling", "error": "Error"}
    lines = [
        "| " + " | ".join([first, "CPU&nbsp;s", "Ratio", "Range", *(heads[c] for c in columns)]) + " |",
        "|---|" + "--:|" * (3 + len(columns)),
    ]
    for row in rows:
        if "missing" in row:
            cells = [row["missing"], *[""] * (2 + len(columns))]
        else:
            low, high = map(number, row["ratio_range"])
            cells = [number(row["seconds"]) + "\\*" * (row["part"] > 1), number(row["ratio"])]
            cells.append("" if row["ratio_range"] == [1, 1] else f"{low}–{high}")
            cells += [power(row[c]) if c == "error" else number(row[c]) * (row[c] >= 0.05) for c in columns]
        lines.append("| " + " | ".join([row["name"], *cells]) + " |")
    return [*lines, ""]


def against_jax(record: dict) -> list[str]:
    """How many times as fast as JAX a training step is, with the goals, reached or not."""
    lines = ["| Network | CPU&nbsp;s | JAX, jit and scan | Ratio | Range | Goal |", "|---|" + "--:|" * 5]
    for title, (ours, peer) in record["tables"].items():
        cells = [title, number(ours["seconds"]), number(peer["seconds"]), number(peer["ratio"])]
        cells.append("–".join(map(number, peer["ratio_range"])))
        cells.append(f"{peer['target']:g}" + ", missed" * (peer["ratio"] < peer["target"]))
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def training(record: dict) -> list[str]:
    """Ours against the peer: a row for each network and length, with the goals, reached or not."""
    lines = [
        "| Network | T | CPU&nbsp;s | Peer | CPU&nbsp;s | Ratio | Range | Goal | Memory |",
        "|---|--:|--:|---|--:|--:|--:|--:|--:|",
    ]
    memory = {(row["name"], row["T"]): row for row in record["memory"]}
    for title, (ours, peer) in record["tables"].items():
        name, T = title.split(", T = ")
        goal, used = peer.get("target"), memory.get((name, int(T)))
        cells = [name, f"{int(T):,}", number(ours["seconds"]), peer["name"].removeprefix(f"{name}, ")]
        cells += [number(peer["seconds"]), number(peer["ratio"]), "–".join(map(number, peer["ratio_range"]))]
        cells.append(f"{goal:g}" + ", missed" * (peer["ratio"] < goal) if goal else "")
        cells.append(
            "{ours:.0f} of {theirs:.0f} MB".format(**used) + ", missed" * (used["ratio"] > 0.5) if used else ""
        )
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def against_lyapax(record: dict, what: str) -> list[str]:
    """A row for each task: ours against the peer, with the goals, reached or not. A peer that was timed twice had all
    exponents right the second time."""
    twice = any(len(rows) > 2 for rows in record["tables"].values())
    heads = [what, "CPU&nbsp;s", "lyapax", "Ratio", "Range", "Goal", *["Ratio, all agree"] * twice]
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "--:|" * (len(heads) - 1)]
    for title, (peer, *exact, ours) in record["tables"].items():
        goal = ours.get("goal") or record["tasks"][title]["goal"]
        cells = [title, number(ours["seconds"]), number(peer["seconds"]), number(ours["ratio"])]
        cells += ["–".join(map(number, ours["ratio_range"])), f"{goal:g}" + ", missed" * (ours["ratio"] > goal)]
        if twice:
            cells.append(number(ours["seconds"] / exact[0]["seconds"]) if exact else "")
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def memory(record: dict) -> list[str]:
    """What spectra add to the memory of their systems, with the goals, reached or not."""
    task = record["task"]
    lines = [
        f"Memory that a spectrum adds to that of its system of {task['units']:,} units; the goal is $nk + n^2$ doubles "
        f"and {task['besides']} MB.",
        "",
        "| System | k | MB | Goal |",
        "|---|--:|--:|--:|",
    ]
    for row in record["rows"]:
        missed = ", missed" * (row["mb"] > row["goal"])
        lines.append(f"| {row['name']} | {row['k']} | {row['mb']} | {row['goal']}{missed} |")
    return [*lines, ""]


def gradients(record: dict) -> list[str]:
    """Exponents with their gradient against the exponents alone, with the goal, reached or not."""
    lines = [
        "| System | CPU&nbsp;s | Exponents alone, torch | Ratio | Range | Goal | Ratio, compiled |",
        "|---|" + "--:|" * 6,
    ]
    for title, (alone, _, both) in record["tables"].items():
        cells = [title, number(both["seconds"]), number(alone["seconds"]), number(both["ratio"])]
        cells += [
            "–".join(map(number, both["ratio_range"])),
            f"{both['goal']:g}" + ", missed" * (both["ratio"] > both["goal"]),
        ]
        lines.append("| " + " | ".join([*cells, number(both["to_compiled"])]) + " |")
    return [*lines, ""]


def draw_sizes(record: dict) -> None:
    """Seconds of a step against the number of units, with the machine's yardstick: book/_static/speed_sizes.svg."""
    from ptacore.plotting import BLUE, GREEN, ORANGE, figure

    fig, (axes,) = figure(1, 3, height=2.6, sharey=True)
    for ax, kind in zip(axes, ("flow", "flow, float32", "nn.GRU"), strict=True):
        for k, color in ((1, BLUE), (10, ORANGE), ("n", GREEN)):
            rows = [r for r in record["curves"] if r["kind"] == kind and r["k"] == (r["n"] if k == "n" else k)]
            sizes = [r["n"] for r in rows]
            ax.loglog(sizes, [r["seconds"] for r in rows], "o-", color=color, markersize=3, label=f"k = {k}")
            ax.loglog(sizes, [r["bound"] for r in rows], ":", color=color)
        ax.set(title=kind, xlabel="units n")
    axes[0].set_ylabel("seconds of a step")
    axes[0].legend(frameon=False)
    fig.savefig(BOOK / "_static" / "speed_sizes.svg", metadata={"Date": None})
    print("wrote book/_static/speed_sizes.svg")


def provenance(*records: dict) -> list[str]:
    """One sentence for each different machine, date and set of versions; in practice one."""
    sentences = []
    for r in records:
        versions = ", ".join(f"{name} {version}" for name, version in r["versions"].items())
        sentence = (
            f"{r['date']}, {r['machine']['cpu']}, {r['machine']['cores']} cores, {r['machine']['system']}; {versions}."
        )
        if sentence not in sentences:
            sentences.append(sentence)
    return [f"Measured {sentence}" for sentence in sentences]


def loads(name: str, r: dict) -> str:
    return f"{name}: {r['rounds']} rounds, load {r['load']['start']:.1f} before and {r['load']['end']:.1f} after"


def write(name: str, lines: list[str]) -> None:
    (BOOK / name).write_text("\n".join(lines) + "\n")
    print(f"wrote book/{name}")


def accuracy() -> list[str]:
    """A row for each exponent of each system: how often its intervals hold, and how wide they are."""
    record = read("coverage")
    lines = [
        "| System | Exponent | Spread | Covered | Width | Counting: covered | width | Batch means: covered | width |",
        "|---|" + "--:|" * 8,
    ]
    for name, rows in record["tables"].items():
        for row in rows:
            cells = [name, f"{row['exponent']:.4g}" if abs(row["exponent"]) > row["spread"] else "0"]
            cells.append(number(row["spread"]))
            for method in ("interval", "counting", "batch_means"):
                cells += [f"{100 * row[method]['coverage']:.1f}%", number(row[method]["width"])]
            if row["interval"]["coverage"] < COVERED or row["interval"]["width"] > WIDEST:
                cells[3] += ", missed"
            lines.append("| " + " | ".join(cells) + " |")
    goal = f"missed: below {100 * COVERED:g}%, or wider than {WIDEST:g}"
    return [*lines, "", f"{record['runs']} runs each; {goal}; measured {record['date']}."]


def main() -> None:
    write("accuracy_table.md", accuracy())
    write("speed_table.md", speed())
    draw_sizes(read("sizes"))


def device() -> list[str]:
    """What a CUDA device makes of batches and training steps, if one has been measured."""
    if not (HERE / "results" / "device.json").exists():
        return [
            "Not measured: no device was at hand. `benchmarks/device.sh` does it where there is one, with its tests."
        ]
    record = read("device")
    lines = ["| Units | Batch | A core | The device | Times as fast |", "|--:|--:|--:|--:|--:|"]
    for row in record["tables"]["spectra"]:
        cells = [
            f"{row['units']:,}",
            f"{row['batch']:,}",
            *(f"{1e6 * row[place]:.3g} µs" for place in ("core", "device")),
        ]
        lines.append("| " + " | ".join([*cells, number(row["core"] / row["device"])]) + " |")
    lines += ["", "A step of a trajectory with ten tangent vectors; wall time, one at a time on a core.", ""]
    lines += ["| Network | A core | The device | Torch's module there |", "|---|--:|--:|--:|"]
    for row in record["tables"]["training"]:
        cells = [f"{1e3 * row[place]:.3g} ms" if place in row else "" for place in ("core", "ours", "torch")]
        lines.append("| " + " | ".join([row["name"], *cells]) + " |")
    return [*lines, "", f"A training step; {record['device']}, {record['date']}."]


def against_clvlib(record: dict) -> list[str]:
    """A row for each task: ours against the peer, and the memory of both."""
    lines = ["| Task | CPU&nbsp;s | clvlib | Ratio | Range | Goal | Memory |", "|---|" + "--:|" * 6]
    memory = {row["name"]: row for row in record["memory"]}
    for title, (ours, peer) in record["tables"].items():
        if "missing" in peer:
            continue
        goal, used = record["task"]["goal"], memory[title]
        cells = [title, number(ours["seconds"]), number(peer["seconds"]), number(peer["ratio"])]
        cells.append("–".join(map(number, peer["ratio_range"])))
        cells.append(f"{goal:g}" + ", missed" * (peer["ratio"] < goal))
        most = record["task"]["memory_goal"]
        cells.append("{ours:.0f} of {theirs:.0f} MB".format(**used) + ", missed" * (used["ratio"] > most))
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


RACES = {
    "spectrum": "Networks",
    "modules": "modules",
    "functions": "functions",
    "differentiable": "gradients",
    "sizes": "sizes",
    "small_systems": "small networks",
    "recurrent": "training steps",
    "linoss": "LinOSS",
    "training_jax": "training steps of JAX",
    "closed_loop": "closed loop",
    "features": "tables of groups",
    "almost_linear": "almost-linear RNNs",
    "controllers": "controllers",
    "imports": "imports",
    "covariant": "covariant vectors",
}


def speed() -> list[str]:
    r = SimpleNamespace(**{name: read(name) for name in (*RACES, "memory")})
    s, step, vectors, linear = (record["task"] for record in (r.spectrum, r.recurrent, r.covariant, r.almost_linear))
    maps, flows, loop = r.small_systems["task"]["maps"], r.small_systems["task"]["flows"], r.closed_loop["task"]
    return [
        "## One network of many units",
        "",
        f"The chaotic network of Figure 3D ({s['units']} units, $\\tau$ = {1000 * s['tau']:g} ms), {s['seconds']:g} s "
        f"simulated in steps of {1000 * s['step']:g} ms. *Error* is the largest distance (in 1/s) from the exponents "
        f"of the first {1000 * s['error_window']:g} ms, as an adaptive solver finds them with a tolerance far below. "
        "All that take the same Runge-Kutta steps have the same error.",
        "",
        *table(r.spectrum["tables"]["all 100"], f"All {s['units']} exponents"),
        *table(r.spectrum["tables"]["first 6"], "The first six"),
        "An asterisk: measured on a part of the window and scaled up. A batch counts per trajectory. *Compiling* takes "
        "CPU seconds before the first run: ours once on a machine, the others' in every process.",
        "",
        "## Torch's modules",
        "",
        f"As torch initializes them, with {r.modules['task']['inputs']} inputs, undriven unless it is said; QR every "
        f"{r.modules['task']['every']} steps in lyapax (JAX, compiled). *Ratio*: our seconds to those of lyapax; "
        "*all agree*: with QRs so near there that the last exponents keep their digits, which these steps cost them.",
        "",
        *against_lyapax(r.modules, "Module"),
        "## Functions",
        "",
        "What `System.from_function` takes, compiled from torch's operations; lyapax as above. *Compiling* costs CPU "
        f"seconds once ({number(max(rows[1]['once'] for rows in r.functions['tables'].values()))} at most here).",
        "",
        *against_lyapax(r.functions, "Function"),
        "## Gradients of exponents",
        "",
        "The exponents and the gradient of the sum of their squares by all weights, against the exponents alone, in "
        "torch and compiled. The forward pass is the compiled one where there is one.",
        "",
        *gradients(r.differentiable),
        "## Large networks",
        "",
        "The flow $-\\mathbf x + \\mathbf W \\tanh(\\mathbf x)$; lyapax as above.",
        "",
        *against_lyapax(r.sizes, "Network"),
        "```{figure} _static/speed_sizes.svg",
        ":alt: Seconds of a step against the number of units from 64 to 4,000, for one, ten and all exponents, with "
        "a yardstick of the machine as dotted lines.",
        "",
        "A step of a spectrum against the number of units, and (dotted) a yardstick: the longer of the time in "
        "which the weights stream once a stage and the time of the arithmetic at the rate of torch's product of "
        "matrices in the cache. Where that does not use all that the processor has, the kernels are below it.",
        "```",
        "",
        *memory(r.memory),
        "## Many small networks",
        "",
        f"{maps['side']} × {maps['side']} networks of two units, weights $\\alpha\\mathbf R(\\theta)$, both exponents: "
        f"maps over {maps['duration']:,g} iterations, flows over {flows['duration']:g} time constants in steps of "
        f"{flows['step']:g}. *Error*: ours from the closed form, where the origin attracts; the others from ours.",
        "",
        *table(r.small_systems["tables"]["maps"], "Maps"),
        *table(r.small_systems["tables"]["flows"], "Flows"),
        "## Covariant vectors",
        "",
        f"All {vectors['units']} vectors of the chaotic network of Figure 3D over "
        f"{vectors['steps']:,} steps of {1000 * vectors['step']:g} ms. *Ratio*: how many times as fast "
        "as clvlib we are. It keeps the whole run, of which the ends have not aligned, and pairs each triangular factor"
        " with the wrong step, so that only its first vector is covariant.",
        "",
        *against_clvlib(r.covariant),
        "## A training step",
        "",
        f"Forward and backward through T steps: {step['units']} units, {step['batch']} sequences of {step['symbols']} "
        f"symbols, a linear readout of every step, {step['dtype']}. The first seconds are ours; *ratio*: how many "
        "times as fast as the peer that is; *memory*: what a step needs, ours of the peer's; the goal is at most half.",
        "",
        *training(r.recurrent),
        f"LinOSS in copy memory, k = {r.linoss['task']['delay']}, as in training: the last ten steps are read. Goals: "
        f"{r.linoss['task']['faster']:g} times as fast as the network step by step, and at most "
        f"{r.linoss['task']['lru']:g} times the LRU's time.",
        "",
        *table(r.linoss["tables"]["copy memory"], "Network", columns=()),
        "Against JAX:",
        "",
        *against_jax(r.training_jax),
        "## An epoch of the neighbours",
        "",
        f"The closed loop: {loop['units']} units, {loop['batch']} episodes of {loop['steps']} "
        "steps, forward and backward through agent and plant. The table of a group: a full-batch epoch of 71 elements "
        "and 2,048 hidden units, Adam's step included. An almost-linear RNN: "
        f"{linear['units']} units, {linear['batch']} windows of {linear['steps']} steps, "
        "forward and backward. Gradients agree to 1e-6. The update: 1,024 steps on the "
        "pendulum and 40 of Adam, by an agent of 64 units; sb3-contrib has LSTM units only, with four times the work.",
        "",
        *table(r.closed_loop["tables"]["an epoch"], "A closed loop", columns=()),
        *table(next(iter(r.features["tables"].values())), "The table of a group", columns=()),
        *table(r.almost_linear["tables"]["an update, float32"], "An almost-linear RNN, single precision", columns=()),
        *table(r.almost_linear["tables"]["an update, float64"], "An almost-linear RNN, double precision", columns=()),
        *table(r.controllers["tables"]["an update"], "An update of proximal policy optimization", columns=()),
        "## On a CUDA device",
        "",
        *device(),
        "",
        "## Importing",
        "",
        *table(r.imports["tables"]["imports"], "In a fresh interpreter", columns=()),
        "## The machine",
        "",
        *provenance(*(getattr(r, name) for name in RACES)),
        "; ".join(loads(title, getattr(r, name)) for name, title in RACES.items()) + ".",
    ]


if __name__ == "__main__":
    main()
