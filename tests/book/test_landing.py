"""The landing page: its pictures show what their rows say, its cards and lines lead where they should."""

import pytest
import torch

import ptacore as pta

PAGE = "book/index"
NAMES = ["one resting state", "two resting states", "line attractor", "chaos", "limit cycle"]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(browser, site):
    page = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce").new_page()
    page.goto(f"{site}/{PAGE}.html")
    page.wait_for_selector(".systems button:enabled")
    yield page
    page.context.close()


@pytest.fixture(scope="module")
def rows(page):
    """The five systems of the page's script, as ptacore has them, and the states that it shows."""
    found = page.evaluate(
        """systems.ROWS.map((row) => ({ W: row.W || null, b: row.b, rest: row.rest, dt: row.dt,
          kicked: row.kicked.at(-1), left: row.left.at(-1), signal: row.signal }))"""
    )

    def lorenz(s):
        x, y, z = s.unbind(-1)
        return torch.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], -1)

    def network(W, b):
        rate = torch.relu if b.any() else torch.tanh
        return lambda x: rate(x @ W.T + b) - x

    for row in found:
        W, b = (torch.tensor(row[key] or [], dtype=torch.float64) for key in ("W", "b"))
        row["system"] = pta.System.from_function(network(W, b) if row["W"] else lorenz, len(row["rest"]), "flow")
    return dict(zip(NAMES, found, strict=True))


def test_each_row_of_the_table_has_its_pictures(page):
    lines = page.locator(".systems tbody tr").all()
    assert [line.locator("td").first.inner_text().strip() for line in lines] == NAMES
    assert [line.locator("canvas").count() for line in lines] == [2] * 5
    labels = [canvas.get_attribute("aria-label") for canvas in page.locator(".systems canvas").all()]
    assert len(set(labels)) > 6


@pytest.mark.parametrize(
    ("name", "zero", "positive"),
    [
        ("one resting state", 0, False),
        ("two resting states", 0, False),
        ("line attractor", 1, False),
        ("chaos", 1, True),
        ("limit cycle", 1, False),
    ],
)
def test_each_system_has_the_exponents_of_its_row(rows, name, zero, positive):
    row = rows[name]
    spectrum = pta.lyapunov_spectrum(row["system"], row["rest"], duration=400, transient=50, dt=0.01, k=2)
    assert (spectrum.n_positive > 0) == positive
    assert spectrum.n_zero == zero


def test_two_resting_states_are_two_and_the_kick_leads_from_one_to_the_other(rows):
    row = rows["two resting states"]
    starts = 2 * torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
    ends = pta.trajectory(row["system"], starts, duration=60.0, dt=0.05)[1][-1]
    assert len(torch.unique(ends.round(decimals=4), dim=0)) == 2
    left, kicked = torch.tensor(row["left"]), torch.tensor(row["kicked"])
    assert torch.allclose(left, -kicked, atol=0.01)


def test_what_is_left_of_a_kick_is_the_memory_that_the_row_tells(rows):
    apart = {name: torch.dist(torch.tensor(row["left"]), torch.tensor(row["kicked"])) for name, row in rows.items()}
    assert apart["one resting state"] < 0.01
    assert apart["two resting states"] > 1
    assert 0.1 < apart["line attractor"] < 0.5
    assert apart["chaos"] > 1  # a kick of 0.05
    assert 0.1 < apart["limit cycle"] < 1


def test_the_signal_is_ptacores_adjoint(rows):
    for row in rows.values():
        steps, dt = len(row["signal"]) - 1, row["dt"]
        x = pta.trajectory(row["system"], row["rest"], duration=steps * dt, dt=dt)[1]
        terminal = [1.0] + [0.0] * (len(row["rest"]) - 1)
        psi = pta.adjoint(row["system"], x, dt, terminal=terminal).norm(dim=-1).flip(0)
        decades = torch.tensor(row["signal"], dtype=torch.float64).log10() - psi.log10()
        assert decades.abs().max() < 0.1


def test_the_button_plays_the_kick_and_stops(page):
    frames = """() => [...document.querySelectorAll(".systems canvas")].map((canvas) => canvas.toDataURL()).join()"""
    still = page.evaluate(frames)
    page.get_by_role("button", name="Kick them again").click()
    page.wait_for_timeout(1000)
    assert page.evaluate(frames) != still
    page.wait_for_timeout(4500)
    assert page.evaluate(frames) == still


def test_without_a_script_the_table_is_a_table(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/{PAGE}.html")
    assert [row.count() for row in [page.locator(".systems tbody td"), page.locator(".systems canvas")]] == [20, 0]
    context.close()


def test_on_a_phone_the_verdicts_are_seen_without_scrolling(browser, site):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    for path in ("book/index.html", "book/claims.html"):
        page.goto(f"{site}/{path}")
        heads = (
            page.locator("tr", has_text="undecided")
            .first.locator("th")
            .evaluate_all("(heads) => heads.map((head) => [head.innerText, head.getBoundingClientRect().right])")
        )
        assert [words for words, _ in heads][:4] == ["Statements", "supports", "contradicts", "undecided"]
        assert heads[3][1] <= 374
    page.close()


def test_it_says_how_many_statements_hold_and_who_made_it(page):
    text = page.inner_text("article")
    assert "independently of them by the ptacore authors" in text
    row = page.locator(".landing tr", has_text="of the paper").locator("td").all_inner_texts()
    assert sum(map(int, row[1:])) > 150


def test_the_first_card_leads_to_the_start(page):
    first = page.locator(".landing-cards .sd-card").first
    assert first.inner_text().startswith("Start here")
    assert first.locator("a").first.get_attribute("href").endswith("start.html")
