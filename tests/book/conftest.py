"""The built book behind a local server, opened in Chromium.

The tests skip with a reason where the book or the browser is missing, and fail instead where CI is "true".
Set PTACORE_BOOK to the folder of another build to test that one.
"""

import functools
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HTML = Path(os.environ.get("PTACORE_BOOK") or ROOT / "_build" / "html")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SCREENS = ((1280,), (390, 320))  # of a desk, and of a phone

# What a reader would see on the page, gathered in one go.
FACTS = r"""() => {
  const article = document.querySelector("article") || document.body;
  const prose = [];
  const walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement.closest("pre, code, script, style, .katex"))
      prose.push(walker.currentNode.data);
  }
  const scrolls = (element) => {
    for (let box = element.parentElement; box && box !== document.body; box = box.parentElement)
      if (getComputedStyle(box).overflowX !== "visible") return true;
    return false;
  };
  const wide = [...article.querySelectorAll("*")].filter(
    (element) => element.getBoundingClientRect().right > innerWidth + 1 && !scrolls(element));
  const math = [...article.querySelectorAll(".math")];
  return {
    url: location.pathname,
    overflow: document.documentElement.scrollWidth - innerWidth,
    wide: wide.slice(0, 5).map((element) => element.outerHTML.slice(0, 120)),
    math: math.length,
    // KaTeX writes each formula twice, to be seen and, in MathML, to be heard
    untypeset: math.filter((element) => !element.querySelector(".katex-html")).length,
    silent: math.filter((element) => !element.querySelector(".katex-mathml math")).length,
    errors: [...article.querySelectorAll(".math-error")].map((element) => element.textContent),
    raw: prose.join("").match(/\\\(|\\\[|\$\$|\\begin\{/g) || [],
    katex: "katex" in window,
    numbers: [...article.querySelectorAll(".eqno")].map((element) => element.firstChild.data.trim()),
    images: [...article.querySelectorAll("img")].filter((image) => image.checkVisibility()).map((image) => {
      const box = image.getBoundingClientRect();
      return { source: image.getAttribute("src"), alt: image.alt, natural: image.naturalWidth,
               width: box.width, height: box.height, bottom: box.bottom,
               background: getComputedStyle(image).backgroundColor };
    }),
    made: document.querySelector(".figure-tools details")?.textContent || "",
    theme: document.documentElement.dataset.theme,
    icons: [...document.querySelectorAll("[class*='fa-']")].map((icon) => ({
      name: icon.className, shown: getComputedStyle(icon, "::before").content !== "none" })),
    fonts: [...document.fonts].filter((font) => font.status === "error").map((font) => font.family),
    cards: [...document.querySelectorAll(".landing-cards .sd-card")].map(
      (card) => card.getBoundingClientRect().bottom),
    figures: document.querySelectorAll("figure:has(a.figure-open)").length,
    pictures: document.querySelectorAll("article figure img.only-light").length,
    attached: document.querySelectorAll("figure + .figure-tools").length,
    rows: [...document.querySelectorAll(".figure-tools")].map((row) => {
      const links = [...row.querySelectorAll("a")];
      return {
        files: Object.fromEntries(links.filter((a) => a.hasAttribute("download")).map(
          (a) => [a.innerText, a.href])),
        record: links.find((a) => a.textContent.includes("full record"))?.href,
        notebook: links.find((a) => a.textContent.includes("notebook"))?.getAttribute("href"),
      };
    }),
    results: [...document.querySelectorAll("#search-results ul.search li a")].map((link) => link.innerText),
  };
}"""

# Bytes, as they lie on the disk, of all that the page has loaded.
WEIGHT = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .reduce((sum, entry) => sum + entry.decodedBodySize, 0)"""
# A page that sends its reader on has not arrived: the next one may begin at any moment.
ARRIVED = """() => document.body && !document.querySelector("meta[http-equiv=refresh]")
  && document.fonts.status === "loaded" """
# Images far down are loaded when a reader comes near; those of the other theme never.
EAGER = """() => Promise.allSettled([...document.images].filter((image) => image.checkVisibility()).map(
  (image) => { image.loading = "eager"; return image.decode(); }))"""


def _absent(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def html() -> Path:
    """The folder of the built book."""
    if not (HTML / "index.html").is_file():
        _absent(f"the book is not built ({HTML}): make book")
    return HTML


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Path], str]]:
    """A function that serves a folder, and returns the address."""
    with ExitStack() as servers:

        def serve(folder: Path) -> str:
            server = servers.enter_context(
                ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=folder))
            )
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            servers.callback(thread.join)
            servers.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield serve


@pytest.fixture(scope="session")
def site(html: Path, serve: Callable[[Path], str]) -> str:
    """The address under which the book is served."""
    return serve(html)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Debian's Chromium."""
    return shutil.which("chromium") or _absent("no chromium on the path: apt-get install chromium")


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Any]:
    """Chromium, running. While it does, no other event loop can run in this thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class Visit:
    """One page, opened once: what went wrong while it loaded, what it asked for, and what is on it."""

    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.facts[name]
        except KeyError:
            raise AttributeError(name) from None


def _watch(page: Any, site: str, note: Callable[[str], None]) -> Any:
    """Note what goes wrong on a page, and every request to another host."""
    page.on("console", lambda m: m.type in ("error", "warning") and note(f"console: {m.text}"))
    page.on("pageerror", lambda error: note(f"script: {error}"))
    page.on("request", lambda r: r.url.startswith((site, "data:")) or note(f"foreign request: {r.url}"))
    # a page that redirects abandons what it was loading, which is no failure
    page.on("requestfailed", lambda r: r.failure == "net::ERR_ABORTED" or note(f"failed: {r.url}"))
    page.on("response", lambda answer: answer.status >= 400 and note(f"{answer.status}: {answer.url}"))
    return page


@pytest.fixture(scope="module")
def watch(site: str) -> Callable[[Any], list[str]]:
    """A function that returns the list to which a page's problems will be added."""

    def watch(page: Any) -> list[str]:
        problems: list[str] = []
        _watch(page, site, problems.append)
        return problems

    return watch


class Reader:
    """A reader with one tab, in which page follows page: a tab for each would cost twice the time.

    They open a page on a screen of the first width, and turn to the narrower ones.
    """

    def __init__(self, browser: Any, site: str, widths: tuple[int, ...], theme: str | None):
        context = browser.new_context(color_scheme="light")  # of their system
        if theme:
            context.add_init_script(  # a blank page between two others has no storage
                f"if (location.protocol !== 'about:') localStorage.mode = localStorage.theme = '{theme}'"
            )
        self.site, self.widths = site, widths
        self.visit = Visit()
        self.page = _watch(context.new_page(), site, lambda problem: self.visit.problems.append(problem))
        self.page.on("request", lambda request: self.visit.requests.append(request.url))
        self.session = context.new_cdp_session(self.page)

    def open(self, path: str, ready: str | None) -> dict[int, Visit]:
        self.resize(self.widths[0])
        self.visit = Visit()
        for disabled in (True, False):  # empties the tab's memory: fonts of the last page would weigh on this one
            self.session.send("Network.setCacheDisabled", {"cacheDisabled": disabled})
        self.page.goto(f"{self.site}/{path}")
        self.page.wait_for_function(ARRIVED)
        self.page.wait_for_load_state()
        if ready:
            self.page.wait_for_selector(ready, timeout=10_000)
        self.visit.facts = self.look()
        visits = {self.widths[0]: self.visit}
        for width in self.widths[1:]:
            self.resize(width)
            visits[width] = Visit(self.visit.problems, self.visit.requests, self.look())
        self.page.goto("about:blank")  # ends what a page computes
        return visits

    def resize(self, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": 800})

    def look(self) -> dict[str, Any]:
        self.page.wait_for_timeout(100)  # for what scripts do after loading
        weight = self.page.evaluate(WEIGHT)
        self.page.evaluate(EAGER)
        return {**self.page.evaluate(FACTS), "weight": weight}


@pytest.fixture(scope="session")
def visit(browser: Any, site: str) -> Callable[..., Visit]:
    """A function that opens a page of the book; the same page is opened once."""
    reader = functools.cache(functools.partial(Reader, browser, site))

    @functools.cache
    def once(path: str, widths: tuple[int, ...], theme: str | None, ready: str | None) -> dict[int, Visit]:
        return reader(widths, theme).open(path, ready)

    def visit(path: str, width: int = 1280, theme: str | None = None, ready: str | None = None) -> Visit:
        widths = next(widths for widths in SCREENS if width in widths)
        return once(path, widths, theme, ready)[width]

    return visit
