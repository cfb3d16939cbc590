"""What Sphinx is taught: formulas as MathML, the generated pages, and links that leave the pages.

The pages are written for the repository, where they are read too. Here their way back to the first
page is a link to the site's own, and the ledger's table leads to a page for each entry.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxTranslator

from modelcollapse.docs._site import pages
from modelcollapse.reproduce.report.mathematics import mathml

COLUMNS = 6  # of the table for each room
LOG = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect what is below."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.connect("builder-inited", lambda _: pages.write())
    app.connect("source-read", lambda _, name, lines: lines.__setitem__(0, page(name, lines[0])))
    before_numpydoc = 400
    app.connect("autodoc-process-docstring", lambda *given: docstring(given[-1]), before_numpydoc)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def page(name: str, text: str) -> str:
    """Return a page of the repository as one of the site, line by line."""
    if "/" in name:
        return text
    text = re.sub(r"^\[Back to the first page\]\(\S*\)\. ?", "", text)
    text = re.sub(r"\$`([^`]*)`\$", r"$\1$", text.replace("(../../README.md", "(index.rst"))
    if name == "ledger":
        text = "\n".join(map(row, text.split("\n")))
    return text


def row(line: str) -> str:
    """Return a row of the ledger's tables without what the theorem's own page says."""
    cells = re.split(r" (?<!\\)\| ", line.strip("| "))
    if not line.startswith("| ") or len(cells) != COLUMNS:
        return line
    slug, statement, _, _, kind, _ = cells
    linked = re.sub(r"`(\S*/\S*)`", r"[\1](reference/ledger/\1.md)", slug)
    return f"| {linked} | {statement} | {kind} |"


def docstring(lines: list[str]) -> None:
    """Let no sign of mathematics in a docstring be taken for markup."""
    literal = example = False
    for index, line in enumerate(lines):
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        if literal and line and not line.startswith(" "):
            literal = False
        heading = re.fullmatch(r"\**\w+(, \**\w+)*( : .*)?|-+", line)
        if not (literal or example or heading):
            lines[index] = pages.plain(line)
        literal = literal or line.rstrip().endswith("::")


def inline(self: SphinxTranslator, node: nodes.math) -> None:
    """Write a formula within a line."""
    self.body.append(_formula(node).replace(' displaystyle="true"', ""))
    raise nodes.SkipNode


def block(self: SphinxTranslator, node: nodes.math_block) -> None:
    """Write a formula that stands by itself."""
    self.body.append(f'<div class="formula">{_formula(node)}</div>\n')
    raise nodes.SkipNode


def _formula(node: nodes.Element) -> str:
    try:
        return mathml(node.astext().strip())
    except Exception as error:  # noqa: BLE001 - whatever the converter makes of a wrong formula
        LOG.warning("cannot read the formula: %s", error, location=node)
        return ""
