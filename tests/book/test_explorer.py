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
ROOT = Path(__file__).resolve().parents[2]
PAGES = [*(ROOT / "book").glob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")]
LINKS = [
    unescape(link)
    for page in sorted(PAGES)
    for link in re.findall(r"#network=[^\s\"'\\)>]+", page.read_text(encoding="utf-8"))
]

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
    resolved = [one["kind"]["name"] != "unresolved" for one in found]
    assert sum(resolved) >= 38  # a run of the page is shorter
    for one, kind in zip(found, certified.kind, strict=True):
        assert one["kind"]["name"] in (KINDS[kind], "unresolved")
    turns = certified.is_kind("locked orbit", "invariant circle", "limit cycle") & torch.tensor(resolved)
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


def test_what_makes_no_sense_in_an_address_is_told_until_the_reader_goes_on(open_at):
    page = open_at("#network=foo&alpha=x&theta=7&start=3&colour=red&zoom=0&at=here")
    words(page)
    heed = page.locator(".pta-explorer .heed")
    assert heed.inner_text() == (
        "In the address, network “foo” is not one of tanh-map, tanh-flow, GRU-map, GRU-flow; "
        "alpha “x” is not a number from 0 to 5; theta “7” is not a number from 0 to 3.1415927; "
        "start “3” is not one of 0, 1, 2; colour “red” is not one of exponent, frequency; "
        "zoom “0” is not a number from 1 to 4096; at “here” is not an angle and a gain. The nearest state is shown."
    )
    page.get_by_role("button", name="GRU").click()
    assert heed.inner_text() == ""
    page.evaluate("location.hash = '#network=bar'")
    page.wait_for_function("document.querySelector('.heed').textContent.includes('bar')")
    assert words(page).startswith("The GRU map")


def test_a_place_on_the_page_is_no_state(open_at):
    page = open_at("#network=tanh-flow&alpha=2&theta=0.5&start=1")
    before = words(page)
    page.evaluate("location.hash = '#where-to-look'")
    page.wait_for_timeout(400)
    assert words(page) == before
    assert page.url.endswith("#where-to-look")


# ---- it states what it has resolved, and no more ----


def test_gain_zero_is_superstable(open_at):
    said = words(open_at("#network=tanh-map&alpha=0&theta=1"))
    assert "λ₁ = −∞, λ₂ = −∞ per step. The adjoint is zero after one step" in said


@pytest.mark.parametrize("theta", [0.2525, 0.253, 0.254, 0.26])  # periods of 1558, 424, 249 and 109 in a run of 250
def test_a_period_that_the_run_does_not_hold_a_few_times_is_not_told(open_at, theta):
    page = open_at(f"#network=tanh-flow&alpha=2&theta={theta}")
    said = words(page)
    assert "Not resolved: what the orbit comes to is not decided in the 250 units of time" in said
    assert "period" not in said
    assert "λ₁" not in said
    assert "Whether the adjoint lasts is not resolved" in said


@pytest.mark.parametrize("system", ["tanh flow", "GRU flow"])
def test_every_period_that_is_told_is_right(page, system):
    """Near the saddle-node, where periods grow without bound, and near onset, where orbits settle slowly."""
    gate = 0.5 if system.startswith("GRU") else 1.0
    edge = saddle_node_angle(2.0).item()
    theta = edge + torch.logspace(-5, -0.5, 40, dtype=torch.float64)
    alpha = torch.full_like(theta, 2.0)
    angles = torch.linspace(0.3, 1.4, 40, dtype=torch.float64)
    onset = (1 + torch.logspace(-4, 0, 40, dtype=torch.float64)) / angles.cos()
    points = torch.stack([torch.cat([alpha, onset]) / gate, torch.cat([theta, angles])], -1)
    found = page.evaluate(
        """([system, points]) => points.map(([alpha, theta]) => {
          const found = oscillator.follow(system, alpha, theta);
          return [oscillator.kind(system, alpha, theta, found).name, found.frequency];
        })""",
        [system, points.tolist()],
    )
    told = torch.tensor([name == "limit cycle" for name, _ in found])
    assert 20 <= told.sum() <= 70
    certified = pta.certify(system, *points[told].T)
    frequency = torch.tensor([frequency for _, frequency in found], dtype=torch.float64)[told]
    assert certified.is_kind("limit cycle").all()
    torch.testing.assert_close(frequency, certified.frequency, rtol=5e-5, atol=0)


def test_at_the_edge_the_decay_is_slower_than_the_run_tells(open_at):
    said = words(open_at("#network=tanh-map&alpha=1&theta=0.9"))
    assert "rest at the origin" in said
    assert "slower than 10,000 steps can tell: λ₁ is not resolved" in said
    assert "e+" not in said


@pytest.mark.parametrize("link", LINKS)
def test_a_link_of_the_book_leads_to_what_certify_finds(page, link):
    given = dict(pair.split("=") for pair in link[1:].split("&"))
    system, alpha, theta = given["network"].replace("-", " "), float(given["alpha"]), float(given["theta"])
    found = page.evaluate(
        """([system, alpha, theta]) => { const found = oscillator.follow(system, alpha, theta);
          return { ...found, kind: oscillator.kind(system, alpha, theta, found) }; }""",
        [system, alpha, theta],
    )
    certified = pta.certify(system, alpha, theta)
    assert found["kind"]["name"] == KINDS[certified.kind]
    assert found["resolved"] or certified.is_kind("stable origin", "fixed points", "locked orbit")
    if certified.is_kind("locked orbit", "invariant circle", "limit cycle"):
        assert found["frequency"] == pytest.approx(certified.frequency.item(), abs=1e-6)
    resolution = found["resolution"]
    assert found["exponents"] == pytest.approx(certified.exponents.tolist(), rel=1e-3, abs=resolution)


# ---- taken elsewhere ----


@pytest.mark.parametrize(
    ("address", "blocks"),
    [
        ("#network=tanh-map&alpha=1.2&theta=0.5", "invariant circle"),
        ("#network=tanh-map&alpha=3&theta=1.6", "locked orbit"),
        ("#network=GRU-map&alpha=4&theta=1", "invariant circle"),
        ("#network=tanh-flow&alpha=2&theta=0.5", "limit cycle"),
        ("#network=GRU-flow&alpha=5&theta=0", "fixed points"),
    ],
)
def test_the_copied_line_makes_such_oscillators(open_at, address, blocks):
    page = open_at(address)
    words(page)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    page.wait_for_function("document.querySelector('.copied').textContent === 'copied'")
    line = page.evaluate("navigator.clipboard.readText()")
    rnn = (torch.nn.GRU if "GRU" in address else torch.nn.RNN)(3, 8)
    drawn = eval(line, {"pta": pta, "rnn": rnn, "weight": torch.zeros(8, 8)})
    system = re.search(r"network=(\S+?)&", address)[1].replace("-", " ")
    assert [KINDS[kind] for kind in pta.certify(system, drawn.alpha, drawn.theta).kind] == [blocks] * 4
    assert torch.allclose(drawn.theta, torch.tensor(float(address.split("theta=")[1]), dtype=drawn.theta.dtype))


def test_two_tabs_lead_to_the_map(open_at):
    page = open_at()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the map"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.className") == "map"


def test_on_a_phone_the_text_stands_under_the_map(open_at):
    page = open_at(width=390)
    tops = {name: page.locator(f".pta-explorer .{name}").bounding_box()["y"] for name in ("map", "words", "plane")}
    assert tops["map"] < tops["words"] < tops["plane"]
    assert tops["words"] - tops["map"] < 600


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
    onset = math.tau / math.tan(0.27)
    assert float(re.search(r"limit cycle of period (\d+\.\d+)", lingers)[1]) == pytest.approx(3 * onset, rel=0.05)
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
