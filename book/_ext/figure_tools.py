"""Sphinx extension of the book's figures: light and dark, their files, how they were made, how to cite them.

A figure is an SVG file in `notebooks/`. It is shown from the folder `figures/` of the built pages, where its other
files and its dark variant (`dark_figure`) lie beside it. Under each figure stands a row of links, which need no script:
what is read there comes from `NAME.provenance.json`, or else from that of the page's notebook, or else from that of the
notebook with whose name the figure's begins, and from `CITATION.cff`.
"""

from __future__ import annotations

import json
import re
import shutil
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import yaml
from cite_figure import citation, commit_of
from dark_figure import dark_svg
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.osutil import relative_uri

FILES = {".svg": "SVG", ".png": "PNG", ".pdf": "PDF", ".csv": "data (CSV)", ".json": "numbers (JSON)"}
PATH, NUMBER = re.compile(r'(?<= d=")[^"]*'), re.compile(r"-?\d+\.\d{3,}")


class html_only(nodes.Element):
    """Text of a page that only HTML has, and that the search does not index."""


# ---- the row under a figure ----------------------------------------------------------------------


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def made_html(record: dict[str, Any], full: str, tree: str) -> str:
    """How a figure was made: what its provenance says; what the record lacks is left out.

    Parameters
    ----------
    record : dict
        Its provenance.
    full : str
        Where all of the record can be read.
    tree : str
        Address of the repository's files at the commit, or "".
    """
    machine = record.get("machine") or {}
    cores = f"{machine['cores']} cores" if machine.get("cores") else ""
    shown = {
        "Date": str(record.get("started") or "")[:10],
        "Run time": _seconds(float(record["seconds"])) if record.get("seconds") is not None else "",
        "Machine": ", ".join(part for part in (machine.get("cpu"), cores) if part),
        "Commit": commit_of(record),
        "Hash of all inputs": str(record.get("hash") or "")[:12],
        "Environment": ", ".join(f"{name} {version}" for name, version in (record.get("versions") or {}).items()),
    }
    parameters = "".join(
        f"<tr><th scope='row'><code>{escape(key)}</code></th><td><code>{escape(json.dumps(value))}</code></td></tr>"
        for key, value in (record.get("parameters") or {}).items()
    )
    items = "".join(f"<div><dt>{key}</dt><dd>{escape(value)}</dd></div>" for key, value in shown.items() if value)
    lock = f'<a href="{escape(tree)}/requirements.lock">every pinned version</a> · ' if tree else ""
    return (
        f"<dl>{items}</dl><table><caption>Parameters</caption><tbody>{parameters}</tbody></table>"
        f'<p>{lock}<a href="{escape(full)}">the full record (JSON)</a></p>'
    )


def toolbar_html(
    name: str, title: str, files: dict[str, str], record: dict[str, Any], full: str, url: str, cff: dict[str, Any]
) -> str:
    """The row of links under a figure.

    Parameters
    ----------
    name, title : str
        Of the figure, as for `citation`.
    files : dict
        From a suffix to the address of the file; those that there are.
    record : dict
        The provenance of its notebook.
    full : str
        Where all of the record can be read.
    url : str
        Of the repository.
    cff : dict
        The content of CITATION.cff.
    """
    commit = str(record.get("commit") or "unknown")
    tree = "" if commit == "unknown" else f"{url}/blob/{commit}"
    links = [f'<a href="{escape(file)}" download>{FILES[suffix]}</a>' for suffix, file in files.items()]
    if tree:
        notebook = escape(f"{tree}/notebooks/{record['figure']}.ipynb")
        changed = " + changes" * bool(record.get("dirty"))
        hint = "had changes that are not in that commit" if changed else "as it was run"
        links.append(f'<a href="{notebook}" title="The notebook, {hint}">notebook ({commit[:7]}{changed})</a>')
    words, bibtex = (escape(text) for text in citation(name, title, record, cff))
    return (
        f'<div class="figure-tools" role="group" aria-label="Files and origin of {escape(title or name)}">'
        f"<ul>{''.join(f'<li>{link}</li>' for link in links)}</ul>"
        f"<details><summary>how it was made</summary><div>{made_html(record, full, tree)}</div></details>"
        f'<details><summary>cite</summary><div><div class="highlight"><pre>{words}</pre></div>'
        f'<div class="highlight"><pre>{bibtex}</pre></div></div></details></div>'
    )


# ---- pages ---------------------------------------------------------------------------------------


@cache
def _size(svg: Path) -> tuple[int, int]:
    """Width and height in pixels, by which a page leaves room for what is not yet loaded."""
    width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg.read_text(encoding="utf-8")[:2000]).groups()
    return round(float(width) * 4 / 3), round(float(height) * 4 / 3)


def picture_html(node: nodes.image, svg: Path, folder: str) -> str:
    """A figure in its two variants, of which a page shows one."""
    width, height = _size(svg)
    style = f' style="width: {escape(node["width"])}"' if "width" in node else ""
    common = f'alt="{escape(node.get("alt", ""))}" width="{width}" height="{height}"{style}'
    return (
        f'<img class="only-light" src="{folder}{svg.name}" {common}>'
        f'<img class="only-dark" src="{folder}{svg.stem}.dark.svg" {common}>'
    )


def show_figures(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put both variants of each figure in its place, a link to its file around it and the row of links below."""
    if app.builder.format != "html":
        return
    folder = relative_uri(app.builder.get_target_uri(docname), "figures/")
    images = [node for node in doctree.findall(nodes.image) if re.fullmatch(r"notebooks/[^/]+\.svg", node["uri"])]
    for node in images:
        svg, parent = Path(app.srcdir) / node["uri"], node.parent
        html = picture_html(node, svg, folder)
        if isinstance(parent, nodes.figure):  # else it is a picture in a link to its page
            html = f'<a class="figure-open" href="{folder}{svg.name}">{html}</a>'
        node.replace_self(html_only(html=html))
        if isinstance(parent, nodes.figure):
            parent.parent.insert(parent.parent.index(parent) + 1, _toolbar(app, parent, svg, docname, folder))


def _toolbar(app: Sphinx, figure: nodes.figure, svg: Path, docname: str, folder: str) -> html_only:
    parts = svg.stem.split("_")
    begun = ["_".join(parts[:i]) for i in range(len(parts) - 1, 0, -1)]  # a second figure of a notebook, elsewhere
    names = (svg.stem, Path(docname).name, *begun)
    full = next(path for n in names if (path := svg.with_name(f"{n}.provenance.json")).is_file())
    record = json.loads(full.read_text(encoding="utf-8"))
    files = {suffix: svg.with_suffix(suffix) for suffix in FILES}
    if not files[".json"].is_file():  # a notebook's numbers are in the file of its name
        files[".json"] = svg.with_name(f"{record['figure']}.json")
    found = {suffix: f"{folder}{path.name}" for suffix, path in files.items() if path.is_file()}
    strong = next((node.astext() for node in figure.findall(nodes.strong)), "")
    title = strong.rstrip(".:,") if figure.astext().lstrip().startswith(strong) else ""
    cff = yaml.safe_load((Path(app.srcdir) / "CITATION.cff").read_text(encoding="utf-8"))
    url = app.config.html_theme_options["repository_url"]
    return html_only(html=toolbar_html(svg.stem, title, found, record, f"{folder}{full.name}", url, cff))


def light_svg(text: str) -> str:
    """A figure whose paths are given to a hundredth of a point, where matplotlib writes a millionth.

    Examples
    --------
    >>> light_svg('<path d="M 1.234567 -0.001 L 10 20.5"/>')
    '<path d="M 1.23 0 L 10 20.5"/>'
    """

    def shortened(number: re.Match[str]) -> str:
        return f"{float(number[0]):z.2f}".rstrip("0").rstrip(".")

    return PATH.sub(lambda path: NUMBER.sub(shortened, path[0]).replace("\n", ""), text)


def copy_files(app: Sphinx, exception: Exception | None) -> None:
    """Put the figures' files, and their dark variants, beside the built pages."""
    if exception is not None or app.builder.format != "html":
        return
    target = Path(app.outdir) / "figures"
    target.mkdir(exist_ok=True)
    for path in (Path(app.srcdir) / "notebooks").glob("*"):
        if path.suffix in FILES:
            shutil.copyfile(path, target / path.name)
        if path.suffix == ".svg":
            light = light_svg(path.read_text(encoding="utf-8"))
            (target / path.name).write_text(light, encoding="utf-8")
            (target / f"{path.stem}.dark.svg").write_text(dark_svg(light), encoding="utf-8")


def add_assets(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Load the script that enlarges figures, and their style, where a figure is."""
    if 'class="figure-open"' in context.get("body", ""):
        app.add_js_file("figure.js", loading_method="defer")
        app.add_css_file("figure.css")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the handlers."""
    app.add_node(html_only, html=(lambda self, node: self.body.append(node["html"]), lambda self, node: None))
    app.connect("doctree-resolved", show_figures)
    app.connect("html-page-context", add_assets)
    app.connect("build-finished", copy_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
