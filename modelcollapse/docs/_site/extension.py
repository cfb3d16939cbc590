"""What Sphinx is taught: formulas as MathML, and the pages that the code gives."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxTranslator

from modelcollapse.docs._site import pages
from modelcollapse.reproduce.report.mathematics import mathml

LOG = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect what is below."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.connect("builder-inited", lambda _: pages.write())
    app.connect("source-read", _read)
    before_numpydoc = 400
    app.connect(
        "autodoc-process-docstring", lambda *given: pages.protect(given[-1]), before_numpydoc
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _read(_: Sphinx, name: str, source: list[str]) -> None:
    source[0] = pages.adapted(name, source[0])


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
        LOG.warning("cannot read the formula: %r", error, location=node)
        return ""
