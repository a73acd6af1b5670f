"""The explorer: its numbers are the package's, and it answers to mouse, finger, keys and address."""

import functools
import math
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import torch

import ptacore as pta
from ptacore.models.oscillator import SYSTEMS, critical_gain, oscillator, saddle_node_angle, strong_tongues
from ptacore.oscillators.certificates import KINDS

PAGE = "book/explorer.html"
COPIED = """globalThis.copied = (canvas) => { // a copy to read pixels from
  const { width, height } = canvas, copy = Object.assign(document.createElement("canvas"), { width, height });
  const pen = copy.getContext("2d", { willReadFrequently: true });
  pen.drawImage(canvas, 0, 0);
  return pen;
}"""
STEP = {"tanh map": 1.0, "tanh flow": 0.025, "GRU map": 1.0, "GRU flow": 0.05}
SOURCE = Path(__file__).resolve().parents[2] / "book" / "explorer.md"
LINKS = [unescape(link) for link in re.findall(r'<a href="(#network[^"]+)"', SOURCE.read_text())]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def tabs(browser, watch) -> Iterator[dict[bool, tuple[Any, list[str]]]]:
    """A tab without and one with a finger to touch it, each with the list of what goes wrong in it."""
    found = {}
    for touch in (False, True):
        page = browser.new_context(has_touch=touch).new_page()
        page.add_init_script(COPIED)
        found[touch] = page, watch(page)
    yield found
    for page, _ in found.values():
        page.context.close()


@pytest.fixture
def open_at(tabs, site) -> Iterator[Any]:
    """A function that opens the explorer at an address; at the end nothing may have gone wrong."""
    for _, problems in tabs.values():
        problems.clear()

    def open_at(address: str = "", touch: bool = False, width: int = 1280) -> Any:
        page, _ = tabs[touch]
        page.goto("about:blank")  # an address that differs only behind its # would load nothing
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{site}/{PAGE}{address}")
        page.wait_for_function("document.querySelector('.pta-explorer .words').textContent.startsWith('The ')")
        return page

    yield open_at
    for page, _ in tabs.values():
        page.goto("about:blank")  # ends the work on the map
    assert [problems for _, problems in tabs.values()] == [[], []]


def words(page: Any) -> str:
    """What is said once the hand rests."""
    page.wait_for_timeout(50)
    page.wait_for_function("document.querySelector('.pta-explorer').dataset.hand === 'at rest'")
    return page.inner_text(".pta-explorer .words")


def place(page: Any, alpha: float, theta: float) -> tuple[float, float]:
    """Where on the screen a point of the whole map is; the margins are those of explorer.js."""
    page.locator(".pta-explorer .map").scroll_into_view_if_needed()
    box = page.locator(".pta-explorer .map").bounding_box()
    width, height = box["width"] - 66, box["height"] - 44
    return box["x"] + 54 + theta / math.pi * width, box["y"] + 8 + (1 - alpha / 5) * height


# ---- the numbers are ptacore's ----


@pytest.fixture(scope="module")
def page(browser, site) -> Iterator[Any]:
    page = browser.new_page()
    page.goto(f"{site}/{PAGE}")
    yield page
    page.close()


@pytest.fixture(scope="module")
def points() -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Forty gains and angles for each system, drawn once from all that the map shows."""
    generator = torch.Generator().manual_seed(8)
    found = {}
    for system in SYSTEMS:
        u = torch.rand(2, 40, generator=generator, dtype=torch.float64)
        found[system] = u[0] * (10 if system.startswith("GRU") else 5), u[1] * math.pi
    return found


@pytest.fixture(scope="module")
def measure(page, points) -> Callable[[str], list[dict]]:
    """A function that follows a system's points on the page, once."""

    @functools.cache
    def measure(system: str) -> list[dict]:
        return page.evaluate(
            """([system, points]) => points.map(([alpha, theta]) => {
              const found = oscillator.follow(system, alpha, theta);
              return { ...found, kind: oscillator.kind(system, alpha, theta, found) };
            })""",
            [system, torch.stack(points[system], -1).tolist()],
        )

    return measure


@pytest.mark.parametrize("system", SYSTEMS)
def test_exponents_are_the_packages(measure, points, system):
    alpha, theta = points[system]
    dt = STEP[system]
    spectrum = pta.lyapunov_spectrum(
        oscillator(system, alpha, theta), [0.11, 0.29], duration=10_000 * dt, transient=2000 * dt, dt=dt, samples=200
    )
    found = torch.tensor([one["exponents"] for one in measure(system)], dtype=torch.float64)
    torch.testing.assert_close(found, spectrum.smooth_exponents, rtol=1e-6, atol=1e-6)


def turning(system: str, alpha: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    """Turns of a map in a step, by the weights of `smooth_exponents` over 200 stretches of 50 steps of its orbit."""
    x = pta.trajectory(oscillator(system, alpha, theta), [0.11, 0.29], transient=2000, duration=10_000)[
        1
    ]  # (T+1, m, 2)
    z = torch.complex(x[..., 0], x[..., 1])
    J = oscillator(system, alpha, theta).jacobian(torch.zeros(2, dtype=torch.float64))  # turns by this at the origin
    reference = torch.atan2(J[:, 1, 0], J[:, 0, 0])
    angles = reference + (z[1:] / z[:-1] * torch.polar(torch.ones_like(reference), -reference)).angle()
    u = (torch.arange(200, dtype=torch.float64) + 0.5) / 200
    weights = torch.exp(-1 / (u * (1 - u)))
    return weights @ angles.reshape(200, 50, -1).mean(1) / weights.sum() / math.tau


@pytest.mark.parametrize("system", SYSTEMS)
def test_kinds_and_frequencies_are_the_packages(measure, points, system):
    alpha, theta = points[system]
    certified = pta.certify(system, alpha, theta)
    found = measure(system)
    assert [one["kind"]["name"] for one in found] == [KINDS[kind] for kind in certified.kind]
    turns = certified.is_kind("locked orbit", "invariant circle", "limit cycle")
    frequency = torch.tensor([one["frequency"] for one in found], dtype=torch.float64)
    expected = turning(system, alpha, theta) if system.endswith("map") else certified.frequency
    torch.testing.assert_close(frequency[turns], expected[turns], rtol=0, atol=1e-6)
    for i in certified.is_kind("locked orbit").nonzero()[:, 0]:
        assert found[i]["kind"]["period"] == certified.period[i]
        assert frequency[i] == pytest.approx(certified.frequency[i].item(), abs=1e-6)


@pytest.mark.parametrize("system", SYSTEMS)
def test_trajectories_and_adjoints_are_the_packages(page, points, system):
    alpha, theta = points[system]
    dt, steps = STEP[system], 80 if system.endswith("map") else 1600
    net = oscillator(system, alpha, theta)
    x = pta.trajectory(net, [0.11, 0.29], duration=steps * dt, dt=dt)[1]
    psi = pta.adjoint(net, x, dt, terminal=[1.0, 0.0])
    found = page.evaluate(
        """([system, points, n]) => points.map(([alpha, theta]) => {
          const path = oscillator.path(system, alpha, theta, [0.11, 0.29], n);
          return [path, oscillator.adjoint(system, alpha, theta, path)].map((both) => both.map((v) => Array.from(v)));
        })""",
        [system, torch.stack([alpha, theta], -1).tolist(), steps],
    )
    orbits, adjoints = torch.tensor(found, dtype=torch.float64).permute(1, 3, 0, 2)  # (T + 1, m, 2) each
    torch.testing.assert_close(orbits, x, rtol=0, atol=1e-6)
    torch.testing.assert_close(adjoints, psi, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("system", SYSTEMS)
def test_curves_are_the_packages(page, system):
    theta = torch.linspace(0.01, 3.1, 30, dtype=torch.float64)
    found = page.evaluate(
        "([system, angles]) => angles.map((t) => oscillator.criticalGain(system, t))", [system, theta.tolist()]
    )
    assert [math.inf if v is None else v for v in found] == pytest.approx(critical_gain(system, theta).tolist())
    tongues = [(t.centre, t.tip) for t in strong_tongues(system)]
    found = page.evaluate("(system) => oscillator.tongues(system).map((t) => [t.centre, t.tip])", system)
    for there, here in zip(found, tongues, strict=True):
        assert there == pytest.approx(here)


def test_the_saddle_node_curve_is_the_packages(page):
    gains = torch.linspace(0.9, 6, 30, dtype=torch.float64)
    found = page.evaluate("(gains) => gains.map((b) => oscillator.saddleNodeAngle(b))", gains.tolist())
    assert found == pytest.approx(saddle_node_angle(gains).tolist(), abs=1e-6)


def test_the_colours_of_the_map_are_those_of_the_kinds(open_at):
    page = open_at()
    page.wait_for_function("document.querySelector('.pta-explorer').dataset.map === 'complete'", timeout=60_000)
    seen = {}
    for name, alpha, theta in (("rest", 0.5, 1.0), ("circle", 1.5, 0.9), ("locked", 3.0, 1.6)):
        x, y = place(page, alpha, theta)
        seen[name] = page.evaluate(
            """([x, y]) => { const map = document.querySelector(".map"), box = map.getBoundingClientRect();
              return Array.from(copied(map).getImageData(x - box.x, y - box.y, 1, 1).data.slice(0, 3)); }""",
            [x, y],
        )
    assert seen["circle"] == [2, 158, 115]
    assert all(blue > red for red, _, blue in (seen["rest"], seen["locked"]))
    assert seen["rest"] != seen["circle"] != seen["locked"]


# ---- the reader's hand ----


@pytest.mark.parametrize("touch", [False, True])
def test_dragging_moves_the_point(open_at, touch):
    page = open_at(touch=touch)
    before = words(page)
    (x0, y0), (x1, y1) = place(page, 1.2, 0.5), place(page, 3.0, math.pi / 2)
    if touch:
        page.touchscreen.tap(x1, y1)
    else:
        page.mouse.move(x0, y0)
        page.mouse.down()
        page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2)
        page.mouse.move(x1, y1)
        page.mouse.up()
        page.mouse.move(x0, y0)  # no longer held
    after = words(page)
    assert "invariant circle" in before
    assert "locked: it returns after 4 steps, in one turn" in after
    assert float(re.search(r"α = ([\d.]+)", after)[1]) == pytest.approx(3.0, abs=0.05)


def test_every_frame_of_a_drag_is_computed_anew(open_at):
    page = open_at()
    seen = page.evaluate(
        """async () => {
          const [slider, plane] = [".theta", ".plane"].map((name) => document.querySelector(`.pta-explorer ${name}`));
          const seen = [];
          for (let i = 0; i < 10; i++) {
            slider.value = 0.3 + i / 20;
            slider.dispatchEvent(new Event("input"));
            await new Promise(requestAnimationFrame);
            seen.push(plane.toDataURL());
          }
          return new Set(seen).size;
        }"""
    )
    assert seen >= 9  # of ten positions


def test_the_keyboard_alone_reaches_everything(open_at):
    page = open_at()
    page.locator(".pta-explorer .network button").first.focus()
    reached = set()
    for _ in range(20):
        reached.add(page.evaluate("document.activeElement.className || document.activeElement.parentElement.className"))
        page.keyboard.press("Tab")
    assert {"network", "time", "in", "out", "reset", "map", "colour", "start", "alpha", "theta", "link"} <= reached
    page.focus(".pta-explorer .map")
    for _ in range(5):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowUp")
    assert "α = 1.2500, θ = 2.0708" in words(page)
    page.keyboard.press("+")
    page.keyboard.press("ArrowUp")  # half as far
    assert "α = 1.2750" in words(page)
    page.keyboard.press("0")
    page.keyboard.press("ArrowDown")
    assert "α = 1.2250" in words(page)


def test_the_network_changes_and_the_place_in_the_diagram_stays(open_at):
    page = open_at("#network=tanh-flow&alpha=2&theta=0.5")
    tanh = words(page)
    page.get_by_role("button", name="GRU").click()
    gru = words(page)
    assert "tanh flow with α = 2.0000" in tanh
    assert "GRU flow with α = 4.0000" in gru
    period = [float(re.search(r"period (\d+\.\d+)", text)[1]) for text in (tanh, gru)]
    assert period[1] == pytest.approx(2 * period[0], rel=1e-3)  # the same flow at half the speed
    assert page.get_by_role("button", name="GRU").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="map (steps)").click()
    assert "GRU map with α = 4.0000" in words(page)


def test_the_address_holds_the_state(open_at):
    page = open_at("#network=GRU-map&alpha=10&theta=2.32&start=2&colour=frequency&zoom=4&at=2.3+9.5")
    said = words(page)
    assert "GRU map with α = 10.0000, θ = 2.3200" in said
    assert "after 4 steps" in said
    address = page.url
    page = open_at("#" + address.split("#")[1])
    assert words(page) == said
    assert page.url == address
    page.get_by_role("button", name="(0.11, 0.29)").click()
    assert "after 48 steps" in words(page)
    page.evaluate("location.hash = '#network=tanh-map&alpha=0.5&theta=1'")
    assert "tanh map with α = 0.5000" in words(page)


@pytest.mark.parametrize(
    "address", ["#network=none&alpha=x&theta=", "#alpha=1e9&theta=-3&zoom=-1&at=a+b&start=7", "#nothing"]
)
def test_an_address_that_makes_no_sense_is_mended(open_at, address):
    said = words(open_at(address))
    assert re.match(r"The tanh map with α = (1\.2000|5\.0000), θ = 0\.[05]000", said)


def test_the_examples_show_what_the_page_says_of_them(open_at):
    page = open_at()
    said = []
    for link in LINKS:
        page.evaluate("(link) => { location.hash = link; }", link)
        said.append(words(page))
    born, below, lingers, locked, first, gru = said
    assert "invariant circle" in born
    assert "rest at the origin" in below
    assert f"λ₁ = −{-math.log(0.98):.4f}" in below
    assert float(re.search(r"limit cycle of period (\d+\.\d+)", lingers)[1]) > 50  # at the onset 2 pi / sin(theta) = 25
    assert "returns after 8 steps" in locked
    page.evaluate("(link) => { location.hash = link; }", LINKS[4])
    page.get_by_role("button", name="(0.97, 0.93)").click()
    assert words(page).split(". ")[1] != first.split(". ")[1]
    assert "one of four fixed points" in gru


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_fits_the_page_in_both_themes(open_at, width):
    page = open_at(width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for theme in ("light", "dark"):
        page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
        page.wait_for_timeout(100)
        frame, paper = page.evaluate(
            """() => {
              const canvas = document.querySelector(".plane"), pen = copied(canvas);
              const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data, sums = {};
              for (let i = 0; i < pixels.length; i += 4) {
                const rgb = pixels.slice(i, i + 3), grey = Math.max(...rgb) - Math.min(...rgb) < 40;
                if (pixels[i + 3] === 255 && grey) sums[rgb[0]] = (sums[rgb[0]] || 0) + 1;
              }
              const most = Object.keys(sums).sort((a, b) => sums[b] - sums[a]);
              return [Number(most[0]), getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]];
            }"""
        )
        assert abs(frame - paper) > 120  # the frame stands out from the page
