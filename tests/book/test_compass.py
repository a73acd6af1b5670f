"""The animation of the bump, in a browser: it stands still, plays, pauses, and answers to the slider and the keys."""

import math

import numpy as np
import pytest

from ptabook.page import compass

HEAD = '<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,">'
FRAMES = 40


@pytest.fixture(scope="module")
def site(serve, tmp_path_factory):
    folder = tmp_path_factory.mktemp("compass")
    t = np.arange(FRAMES) * 0.05
    heading = t * math.pi / 2
    bump = 1 + np.cos(heading[:, None] - np.arange(8) * math.pi / 4)
    page = compass(t, heading, bump, heading + math.radians(3), dark=t > 1)
    (folder / "compass.html").write_text(HEAD + page.data, encoding="utf-8")
    return serve(folder)


@pytest.fixture
def page(browser, site, watch):
    context = browser.new_context(viewport={"width": 390, "height": 700})
    page = context.new_page()
    problems = watch(page)
    page.goto(f"{site}/compass.html")
    yield page
    context.close()
    assert problems == []


def frame(page) -> int:
    return int(page.input_value(".pta-compass input"))


@pytest.mark.browser
def test_it_stands_still_until_asked_and_shows_the_first_frame(page):
    page.wait_for_timeout(300)
    assert frame(page) == 0
    assert page.inner_text(".pta-compass p") == "0.0 s: heading 0°, decoded 3° (+3°)"
    shown = [float(page.locator(".pta-compass svg path").nth(i).get_attribute("fill-opacity")) for i in range(8)]
    assert shown == pytest.approx((1 + np.cos(np.arange(8) * math.pi / 4)) / 2, abs=0.01)


@pytest.mark.browser
def test_it_plays_in_real_time_pauses_and_begins_anew(page):
    button = page.locator(".pta-compass button")
    button.click()
    assert button.inner_text() == "Pause"
    page.wait_for_function("document.querySelector('.pta-compass input').value >= 10")
    button.click()
    stopped = frame(page)
    assert button.inner_text() == "Play"
    page.wait_for_timeout(200)
    assert frame(page) == stopped
    button.click()
    page.wait_for_function(f"document.querySelector('.pta-compass input').value == {FRAMES - 1}")
    page.wait_for_function("document.querySelector('.pta-compass button').textContent == 'Play'")
    button.click()
    page.wait_for_function("document.querySelector('.pta-compass input').value < 20")


@pytest.mark.browser
def test_the_arrow_keys_move_through_time_and_the_words_say_what_is_shown(page):
    slider = page.locator(".pta-compass input")
    slider.focus()
    for _ in range(22):
        page.keyboard.press("ArrowRight")
    assert page.inner_text(".pta-compass p") == "1.1 s: heading 99°, decoded 102° (+3°); in the dark, at rest"
    assert slider.get_attribute("aria-valuetext") == page.inner_text(".pta-compass p")
    arrow = page.locator(".pta-compass svg path").nth(8)
    assert arrow.get_attribute("transform") == "rotate(99)"
