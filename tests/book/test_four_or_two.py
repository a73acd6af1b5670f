"""Four positive exponents, or two: the browser's exponents are the package's and the notebook's, and it stays alive."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ptacore as pta
from ptacore import models
from ptacore.dynamics.tangents import TangentSystem

PAGE = "book/four_or_two.html"
ROOT = Path(__file__).resolve().parents[2]
EARLY, K = 0.2, 5
SHORT = 0.32  # s, after which orbits that rounding has parted are still within 1e-9 of each other
STEPS = (0.004, 0.002, 0.001, 0.00025)

FOLLOW = """([net, scheme, dt, x, V, substeps, skipped, steps]) => {
  const network = net ? { ...net, W: Float64Array.from(net.W.flat()) } : fourOrTwoNetwork();
  const run = spectra.follower(network, scheme, dt, x, V, substeps), growth = new Float64Array(5);
  run.advance(skipped, new Float64Array(5));
  run.advance(steps - skipped, growth);
  return Array.from(growth);
}"""
NETWORK = """globalThis.fourOrTwoNetwork = () => ({ n: fourOrTwo.n, tau: fourOrTwo.tau,
  W: new Float64Array(Uint8Array.from(atob(fourOrTwo.weights), (c) => c.charCodeAt(0)).buffer) })"""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def tab(browser, watch) -> Iterator[tuple[Any, list[str]]]:
    page = browser.new_context().new_page()
    page.add_init_script(NETWORK)
    yield page, watch(page)
    page.context.close()


@pytest.fixture
def open_at(tab, site) -> Iterator[Any]:
    """A function that opens the page at an address; at the end nothing may have gone wrong."""
    page, problems = tab
    problems.clear()

    def open_at(address: str = "", width: int = 1280) -> Any:
        page.goto("about:blank")  # an address that differs only behind its # would load nothing
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{site}/{PAGE}{address}")
        page.wait_for_selector(".four-or-two[data-run]")
        return page

    yield open_at
    page.goto("about:blank")  # ends what it computes
    assert problems == []


@pytest.fixture
def page(open_at) -> Any:
    return open_at("#step=0.25&scheme=euler")


@pytest.fixture(scope="module")
def given(html) -> dict[str, Any]:
    """What the page was given."""
    text = (html / "_static" / "four_or_two" / "data.js").read_text()
    return json.loads(text.removeprefix("const fourOrTwo = ").rstrip().removesuffix(";"))


@pytest.fixture(scope="module")
def network(html) -> models.TanhFlow:
    """The network of the notebook."""
    made = json.loads((html / "figures" / "fig3_step_size.provenance.json").read_text())["parameters"]
    return models.chaos(seed=made["chaos_seed"], W=models.read_weights(made["chaos_weights"], "chaos_weights"))


def printed_scheme(**names: Any) -> Any:
    """The function of the notebook, from its cell."""
    cells = json.loads((ROOT / "notebooks" / "fig3_step_size.ipynb").read_text())["cells"]
    (source,) = ("".join(cell["source"]) for cell in cells if "def printed_scheme" in "".join(cell["source"]))
    exec(source, names)
    return names["printed_scheme"]


def follow(page, scheme, dt, x, V, substeps=1, steps=None, skipped=0, net=None) -> torch.Tensor:
    found = page.evaluate(FOLLOW, [net, scheme, dt, x.tolist(), V.tolist(), substeps, skipped, steps])
    return torch.tensor(found, dtype=torch.float64)


# ---- the numbers are the package's ----


def test_the_weights_are_the_notebooks_to_the_bit(page, network):
    W, tau = page.evaluate("() => { const { W, tau } = fourOrTwoNetwork(); return [Array.from(W), tau]; }")
    assert np.array_equal(np.array(W).reshape(100, 100), network.W.numpy())
    assert tau == network.tau


@pytest.mark.parametrize("dt", STEPS)
def test_the_printed_scheme_is_the_notebooks(page, network, given, dt):
    x0 = torch.tensor(given["start"], dtype=torch.float64)
    substeps, steps = max(1, round(dt / 5e-4)), round(SHORT / dt)
    path = pta.trajectory(network, x0, duration=SHORT, dt=dt / substeps)[1][::substeps]
    expected, averaged = printed_scheme(torch=torch, K=K, EARLY=EARLY)(network, path, dt)
    V = torch.linalg.qr(torch.randn(100, K, generator=torch.Generator().manual_seed(0)).double())[0]
    growth = follow(page, "printed", dt, x0, V, substeps, steps, skipped=math.ceil(EARLY * steps - 1e-9))
    torch.testing.assert_close(growth / (steps * dt), expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(growth / ((1 - EARLY) * steps * dt), averaged, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dt", STEPS)
def test_runge_kutta_steps_are_the_packages(page, network, given, dt):
    spectrum = pta.lyapunov_spectrum(network, given["start"], duration=SHORT * 0.8, transient=SHORT * 0.2, dt=dt, k=K)
    start = TangentSystem(network, given["start"], dt=dt, k=K, seed=0)
    steps = round(SHORT / dt)
    growth = follow(page, "kutta", dt, start.x, start.Q, steps=steps, skipped=steps // 5)
    torch.testing.assert_close(growth / (0.8 * SHORT), spectrum.exponents, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dt", STEPS)
def test_euler_steps_of_everything_are_a_map_of_the_package(page, network, given, dt):
    W, tau = network.W, network.tau
    euler = pta.System.from_function(lambda x: x + dt / tau * (torch.tanh(x) @ W.T - x), 100, "map")
    steps = round(SHORT / dt)
    spectrum = pta.lyapunov_spectrum(euler, given["start"], duration=steps - steps // 5, transient=steps // 5, k=K)
    start = TangentSystem(euler, given["start"], dt=None, k=K, seed=0)
    growth = follow(page, "euler", dt, start.x, start.Q, steps=steps, skipped=steps // 5)
    torch.testing.assert_close(growth / (0.8 * SHORT), spectrum.exponents / dt, rtol=0, atol=1e-6)


@pytest.mark.parametrize("scheme", ["printed", "euler", "kutta"])
def test_at_rest_the_exponents_are_the_schemes_own_growth(page, scheme):
    """At rest J = (W - 1) / tau is constant, and each step multiplies a mode by the scheme's polynomial."""
    tau, dt, modes = 0.01, 0.003, np.array([1.5 + 3.0j, 0.5 + 1.0j])  # of W: turns, the first of which grow
    W = np.zeros((7, 7))
    for i, mode in enumerate(modes):
        W[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[mode.real, -mode.imag], [mode.imag, mode.real]]
    W[4, 4], W[5, 5], W[6, 6] = -0.5, -1.0, -2.0
    z = (np.append(modes, -0.5) - 1) / tau * dt
    factor = 1 + z if scheme != "kutta" else 1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24
    expected = np.log(np.abs(factor))[[0, 0, 1, 1, 2]] / dt
    net = {"W": W.tolist(), "n": 7, "tau": tau}
    V = torch.linalg.qr(torch.randn(7, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64))[0]
    growth = follow(page, scheme, dt, torch.zeros(7), V, steps=2000, skipped=1000, net=net)
    assert growth.numpy() / (1000 * dt) == pytest.approx(expected, abs=1e-6)


# ---- the instrument ----


def complete(page) -> list[list[str]]:
    """The table's cells, once the run is complete."""
    page.wait_for_function("document.querySelector('.four-or-two').dataset.run === 'complete'", timeout=120_000)
    rows = page.locator(".four-or-two tbody tr").evaluate_all(
        "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    return [[cell.replace("−", "-").replace("\u00a0", " ") for cell in row] for row in rows]


def value(cell: str) -> tuple[float, float]:
    number, width = cell.split(" ± ")
    return float(number), float(width)


def test_four_at_the_programs_step_and_the_divisor_changes_no_sign(open_at):
    page = open_at()
    run = complete(page)
    assert [row[3] for row in run[:4]] == ["positive"] * 4
    assert "4 positive" in page.inner_text(".four-or-two .verdict")
    said = page.inner_text(".four-or-two .words")
    assert "4 ms or 0.40 τ long" in said
    assert "Four are positive" in said
    assert "The network has two, and a zero" in said
    page.get_by_label("what was averaged").check()
    average = complete(page)
    for before, after in zip(run, average, strict=True):
        assert value(before[1])[0] == pytest.approx(0.8 * value(after[1])[0], abs=0.1)
        assert float(after[2]) == pytest.approx(value(after[1])[0] * 0.004, abs=1e-3)
        assert before[3] == after[3]


def test_long_runs_agree_with_the_notebooks_within_their_intervals(open_at, given):
    page = open_at("#step=1&scheme=kutta&divisor=average")
    found = np.array([value(row[1]) for row in complete(page)])
    width = np.hypot(found[:, 1], given["tolerance"])  # 99% for each of five: 1.5 of them for all
    assert (np.abs(found[:, 0] - given["reference"]) < 1.5 * width).all()
    assert [row[3] for row in complete(page)] == ["positive", "positive", "may be zero", "negative", "negative"]
    page = open_at("#step=4&divisor=average")
    found = np.array([value(row[1]) for row in complete(page)])
    width = np.hypot(found[:, 1], given["own_tolerance"])
    assert (np.abs(found[:, 0] - given["mended"][0]) < 1.5 * width).all()


def test_the_slider_answers_to_keys_while_a_run_is_on(open_at):
    page = open_at("#step=0.25&scheme=kutta")
    assert page.get_attribute(".four-or-two", "data-run") == "running"
    page.focus(".four-or-two .step")
    page.keyboard.press("ArrowRight")
    assert page.inner_text(".four-or-two .step-value") == "0.297 ms = 0.030 τ"
    assert page.get_attribute(".four-or-two .step", "aria-valuetext") == "0.297 milliseconds, 0.030 time constants"
    page.keyboard.press("End")
    assert page.inner_text(".four-or-two .step-value") == "4 ms = 0.40 τ"
    assert page.url.endswith("#step=4&scheme=kutta&divisor=run")
    before = page.locator(".four-or-two .here").get_attribute("x1")
    page.keyboard.press("Home")
    page.wait_for_function("(x) => document.querySelector('.four-or-two .here').getAttribute('x1') !== x", arg=before)
    assert page.get_attribute(".four-or-two", "data-run") == "running"


def test_the_keyboard_reaches_everything(open_at):
    page = open_at("#step=4")
    page.focus(".four-or-two .step")
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.name || document.activeElement.className"))
    assert reached[:4] == ["four-scheme", "four-divisor", "longer", "file"]
    labels = page.locator(".four-or-two input").evaluate_all("(all) => all.map((e) => e.labels.length)")
    assert set(labels) == {1}


def test_the_address_holds_the_state_and_says_what_it_cannot(open_at):
    page = open_at("#step=1&scheme=kutta&divisor=average&longer=4")
    assert page.inner_text(".four-or-two .step-value") == "1 ms = 0.10 τ"
    assert page.locator("input[value=kutta]").is_checked()
    assert page.locator("input[value=average]").is_checked()
    assert page.locator(".longer").is_checked()
    assert page.locator(".four-or-two .vain").inner_text() == ""
    page = open_at("#step=3&scheme=heun&divisor=average")
    assert page.inner_text(".four-or-two .vain") == "The address asks for step=3, scheme=heun, which there is not here."
    assert page.inner_text(".four-or-two .step-value") == "4 ms = 0.40 τ"


def test_own_weights_give_their_closed_form_and_faults_are_told(open_at):
    page = open_at("#step=4&divisor=average")
    fault = {"name": "odd.csv", "mimeType": "text/csv", "buffer": b"1,2\n3,4\n5,6\n"}
    page.set_input_files(".four-or-two .file", fault)
    page.wait_for_function("document.querySelector('.four-or-two .own').textContent.startsWith('odd.csv: expected')")
    matrix = "\n".join(";".join("0" for _ in range(6)) for _ in range(6))
    page.set_input_files(".four-or-two .file", {"name": "none.csv", "mimeType": "text/csv", "buffer": matrix.encode()})
    page.wait_for_function("document.querySelector('.four-or-two .own').textContent === 'none.csv: 6 × 6'")
    rows = complete(page)
    assert {row[1] for row in rows} == {f"{math.log(0.6) / 0.004:.1f} ± 0.0"}  # 1 - dt / tau in each step
    assert {len(row) for row in rows} == {4}  # nothing is known of its true exponents
    page.get_by_role("button", name="back to the book’s network").click()
    assert {len(row) for row in complete(page)} == {5}


def test_without_scripts_there_are_figure_and_table(browser, site):
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{site}/{PAGE}")
    assert not page.locator(".four-or-two").is_visible()
    assert page.locator("figure img.only-light").is_visible()
    rows = page.locator("article table.table tbody tr").all_inner_texts()
    assert len(rows) == 11
    assert re.match(r"to zero\s+what was averaged\s+2\s+[\d.]+\s±\s[\d.]+", rows[-1])
    page.context.close()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_fits_the_page(open_at, width):
    page = open_at(width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator(".four-or-two .plot").bounding_box()
    assert box["width"] > 0.55 * min(width, 700)
    ends = page.locator(".four-or-two .plot text").evaluate_all(
        "(all) => all.map((text) => text.getBoundingClientRect()).map(({ left, right }) => [left, right])"
    )
    assert len(ends) > 10
    assert all(left >= 0 and right <= width for left, right in ends)
