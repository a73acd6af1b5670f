"""When a page, opened from disk in a fresh browser, can be read: python benchmarks/pages.py [--rounds 9].

Milliseconds of waiting, not of computing: run it on a machine that is idle, with Chromium on the path.
"""

import argparse
import os
import shutil
from pathlib import Path
from statistics import median

from playwright.sync_api import sync_playwright

HTML = Path(__file__).resolve().parents[1] / "_build" / "html"
PAGES = ("book/index", "book/theory", "book/explorer", "notebooks/fig3", "notebooks/fig5ab", "notebooks/identities")
GOAL = 1000  # for the first page
MOMENTS = """async () => {
  const seen = (type) => new Promise((resolve) => {
    new PerformanceObserver((list) => resolve(list.getEntries().at(-1).startTime)).observe({ type, buffered: true });
    setTimeout(() => resolve(NaN), 2000);
  });
  const { domContentLoadedEventEnd, loadEventEnd } = performance.getEntriesByType("navigation")[0];
  return [await seen("paint"), await seen("largest-contentful-paint"), domContentLoadedEventEnd, loadEventEnd];
}"""


def moments(playwright, page: str) -> list[float]:
    """First paint, largest paint, formulas typeset, all loaded: in a browser started for this page alone."""
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
    )
    try:
        tab = browser.new_page(viewport={"width": 1280, "height": 800})
        tab.goto((HTML / f"{page}.html").as_uri())
        tab.wait_for_timeout(500)
        return tab.evaluate(MOMENTS)
    finally:
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    seen = {page: [] for page in PAGES}
    with sync_playwright() as playwright:
        for r in range(rounds):
            for page in PAGES:
                seen[page].append(moments(playwright, page))
            print(f"round {r + 1} of {rounds}, load {os.getloadavg()[0]:.1f}", flush=True)
    print(
        f"{'median (slowest), ms':24}" + "".join(f"{word:>16}" for word in ("painted", "largest", "typeset", "loaded"))
    )
    for page, found in seen.items():
        print(f"{page:24}" + "".join(f"{median(t):8.0f} {f'({max(t):.0f})':7}" for t in zip(*found, strict=True)))
    print(f"goal: {PAGES[0]} painted within {GOAL} ms")


if __name__ == "__main__":
    main()
