"""The bibliography: citations by author and year, which sphinxcontrib-bibtex does not tell apart by letters."""

from collections import Counter
from pathlib import Path

from pybtex.database import parse_file

REFERENCES = parse_file(Path(__file__).resolve().parents[2] / "book" / "references.bib").entries


def test_no_two_works_are_cited_alike():
    shown = Counter()
    for work in REFERENCES.values():
        names = [" ".join(person.last_names) for person in work.persons["author"]]
        who = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
        shown[who, work.fields["year"]] += 1
    assert [work for work, times in shown.items() if times > 1] == []
