"""The ledger: every statement of the paper that a computation can check, and the check.

A module for each notebook, of its name, holds ``CLAIMS``, and ``WORK`` where they are those of a neighbouring work; a
claim that names a ``work`` of its own keeps it. A check reads the numbers that the notebook saved beside its figure.
Nothing here computes dynamics, and no verdict is written down. Where a page states a rule of its own (the tolerances of
the identities, the U of learning), the check takes that page's outcome.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import Counter
from dataclasses import replace

from ptabook.claims.claim import Claim
from ptacore.provenance import ROOT

APART = ("claim", "evidence", "places", "verdicts")  # modules that hold no claims


def ledger() -> list[Claim]:
    """All claims, page by page in the order of the book.

    Raises
    ------
    ValueError
        If two claims have one id.
    """
    pages = [module.name for module in pkgutil.iter_modules(__path__) if module.name not in APART]
    toc = ROOT / "_toc.yml"
    order = re.findall(r"notebooks/(\w+)", toc.read_text()) if toc.is_file() else []
    pages.sort(key=lambda page: order.index(page) if page in order else len(order))
    claims = []
    for page in pages:
        module = importlib.import_module(f"{__name__}.{page}")
        work = getattr(module, "WORK", "")
        for claim in module.CLAIMS:
            whose = claim.work or work
            where = f"{whose}, {claim.where}" if whose else claim.where
            claims.append(replace(claim, figure=page, work=whose, where=where))
    twice = [name for name, count in Counter(claim.id for claim in claims).items() if count > 1]
    if twice:
        raise ValueError(f"id: each claim needs one of its own, but there are two of {', '.join(twice)}")
    return claims
