"""The gallery's pictures: what a script's ``draw`` says it draws is the words in their place."""

import inspect
import re
from typing import Any

from sphinx_gallery.scrapers import matplotlib_scraper

from modelcollapse._support.compiled import notice

notice.given = True  # that something is compiled is no output of a script


def scraper(block: Any, variables: dict[str, Any], conf: Any) -> str:
    """Return a block's pictures as reStructuredText."""
    shown = matplotlib_scraper(block, variables, conf)
    draw = variables["example_globals"].get("draw")
    words = " ".join((inspect.getdoc(draw) or "").split())
    return re.sub(r"^(\s*:alt:).*$", lambda match: f"{match[1]} {words}", shown, flags=re.MULTILINE)
