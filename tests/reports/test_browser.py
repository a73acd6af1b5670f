"""A report in Chromium: nothing bars a reader, nothing overflows, nothing is asked for elsewhere."""

import os
import shutil

import pytest
import torch
from torch import nn

import ptacore as pta

pytestmark = pytest.mark.browser
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium")
    if chromium is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no chromium on the path")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    torch.manual_seed(0)
    net = nn.ModuleDict(
        {"encoder": nn.GRU(3, 24, 2), "decoder": nn.LSTM(3, 8), "both": nn.GRU(2, 2, bidirectional=True)}
    )
    return pta.report(net, "noise", quick=True, output=tmp_path_factory.mktemp("report")).path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_a_report_can_be_read_by_all(browser, report, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    page, requests = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme), []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(report.as_uri())
    for closed in page.locator("summary").all():
        closed.click()
    found = Axe().run(page).response
    assert [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert requests == [report.as_uri()]
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 29)"
    assert dark == (scheme == "dark")
    page.close()
