"""The archive of a release described as a Research Object Crate (RO-Crate 1.1): its files, and which run made which."""

from __future__ import annotations

import json
import mimetypes
from pathlib import Path
from typing import Any

FORMAT = "https://w3id.org/ro/crate/1.1"


def crate(root: Path, sources: dict[str, Path], figures: dict[str, Path]) -> str:
    """Describe an archive.

    Parameters
    ----------
    root : Path
        The checkout, with CITATION.cff and codemeta.json.
    sources : dict of str to Path
        Files of the repository, by their names in the archive.
    figures : dict of str to Path
        Files of the figures, as NAME/FILE; each figure has a ``provenance.json``.

    Returns
    -------
    str
        The content of ``ro-crate-metadata.json``.
    """
    import yaml

    cff = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    meta = json.loads((root / "codemeta.json").read_text(encoding="utf-8"))
    names = sorted({name.partition("/")[0] for name in figures})
    files = {**sources, **{f"figures/{name}": path for name, path in figures.items()}}
    authors = [{"@id": f"#author-{i}", "@type": a["@type"], "name": a["name"]} for i, a in enumerate(meta["author"])]
    paper = {key: value for key, value in meta["referencePublication"].items() if key != "author"}
    dataset = {
        "@id": "./",
        "@type": "Dataset",
        "name": cff["title"],
        "description": meta["description"],
        "datePublished": meta["datePublished"],
        "version": meta["version"],
        "license": {"@id": meta["license"]},
        "author": _ids(author["@id"] for author in authors),
        "keywords": ", ".join(meta["keywords"]),
        "url": meta["url"],
        "isBasedOn": {"@id": paper["url"]},
        "hasPart": _ids([*sorted(sources), *(f"figures/{name}/" for name in names)]),
        "mentions": _ids(f"#run-{name}" for name in names),
    }
    licence = {"@id": meta["license"], "@type": "CreativeWork", "name": cff["license"]}
    about = {"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "conformsTo": {"@id": FORMAT}}
    graph = [about | {"about": {"@id": "./"}}, dataset, *authors, licence, paper | {"@id": paper["url"]}]
    for name in names:
        graph += _figure(name, sorted(f"figures/{file}" for file in figures if file.startswith(f"{name}/")), figures)
    graph += [_file(name, path) for name, path in sorted(files.items())]
    return json.dumps({"@context": f"{FORMAT}/context", "@graph": graph}, indent=1, ensure_ascii=False) + "\n"


def _ids(names: Any) -> list[dict[str, str]]:
    return [{"@id": name} for name in names]


def _file(name: str, path: Path) -> dict[str, Any]:
    kind = "SoftwareSourceCode" if path.suffix in (".py", ".c", ".h", ".js", ".ipynb") else None
    encoding = "application/x-ipynb+json" if path.suffix == ".ipynb" else mimetypes.guess_type(path.name)[0]
    return {
        "@id": name,
        "@type": ["File", kind] if kind else "File",
        "name": path.name,
        "contentSize": str(path.stat().st_size),
        **({"encodingFormat": encoding} if encoding else {}),
    }


def _figure(name: str, files: list[str], figures: dict[str, Path]) -> list[dict[str, Any]]:
    """A figure, and the run that made it."""
    record = json.loads(figures[f"{name}/provenance.json"].read_text(encoding="utf-8"))
    run = {
        "@id": f"#run-{name}",
        "@type": "CreateAction",
        "name": f"Run of notebooks/{name}.ipynb, preset {record.get('preset')}",
        "instrument": {"@id": f"notebooks/{name}.ipynb"},
        "object": _ids(["requirements.lock"]),
        "result": _ids(files),
        **({"startTime": record["started"]} if record.get("started") else {}),
    }
    return [{"@id": f"figures/{name}/", "@type": "Dataset", "name": name, "hasPart": _ids(files)}, run]
