"""When a page, opened from disk in a fresh browser, can be read: python benchmarks/pages.py [--beside DIR].

Milliseconds of waiting, not of computing: run it on a machine that is idle, with Chromium on the path. DIR holds the
pages of another build, which are opened in turn with those of `_build/html`.
"""

import argparse
import os
import shutil
from pathlib import Path
from statistics import median

import timing
from playwright.sync_api import sync_playwright

HTML = Path(__file__).resolve().parents[1] / "_build" / "html"
PAGES = ("book/index", "book/theory", "book/explorer", "notebooks/fig3", "notebooks/fig5ab", "notebooks/identities")
WORDS = ("painted", "largest", "typeset", "loaded")
GOAL = 500  # milliseconds until a page is painted
TARGET = 0.7  # of the time that the other build takes, at most, in the median over pages
MOMENTS = """async () => {
  const seen = (type) => new Promise((resolve) => {
    new PerformanceObserver((list) => resolve(list.getEntries().at(-1).startTime)).observe({ type, buffered: true });
    setTimeout(() => resolve(NaN), 2000);
  });
  const { domContentLoadedEventEnd, loadEventEnd } = performance.getEntriesByType("navigation")[0];
  return [await seen("paint"), await seen("largest-contentful-paint"), domContentLoadedEventEnd, loadEventEnd];
}"""


def moments(playwright, folder: Path, page: str) -> list[float]:
    """First paint, largest paint, formulas typeset, all loaded: in a browser started for this page alone."""
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
    )
    try:
        tab = browser.new_page(viewport={"width": 1280, "height": 800})
        tab.goto((folder / f"{page}.html").as_uri())
        tab.wait_for_timeout(500)
        return tab.evaluate(MOMENTS)
    finally:
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--beside", type=Path, metavar="DIR")
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    builds = {"this": HTML} | ({"other": arguments.beside.resolve()} if arguments.beside else {})
    seen = {(page, build): [] for page in PAGES for build in builds}
    with sync_playwright() as playwright:
        for r in range(arguments.rounds):
            for page, build in seen:
                seen[page, build].append(moments(playwright, builds[build], page))
            print(f"round {r + 1} of {arguments.rounds}, load {os.getloadavg()[0]:.1f}", flush=True)
    print(f"{'median (slowest), ms':30}" + "".join(f"{word:>16}" for word in WORDS))
    table = []
    for (page, build), found in seen.items():
        columns = list(zip(*found, strict=True))
        print(f"{page:24}{build:6}" + "".join(f"{median(t):8.0f} {f'({max(t):.0f})':7}" for t in columns))
        table.append(
            {"page": page, "build": build} | dict(zip(WORDS, (round(median(t)) for t in columns), strict=True))
        )
    print(f"goal: painted within {GOAL} ms")
    tables = {"pages": table}
    if arguments.beside:
        of = {(row["page"], row["build"]): row["painted"] for row in table}
        ratio = median(of[page, "this"] / of[page, "other"] for page in PAGES)
        print(f"painted after {ratio:.2f} of the other's time (goal: {TARGET})")
        tables["ratio"] = [{"painted": round(ratio, 3), "target": TARGET}]
    timing.save("pages", arguments.rounds, tables)


if __name__ == "__main__":
    main()
