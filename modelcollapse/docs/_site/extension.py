"""What Sphinx is taught: formulas as MathML, and the pages that the code gives."""

from functools import cache
from typing import Any

import numpydoc
from docutils import nodes
from numpydoc.docscrape import get_doc_object
from numpydoc.docscrape_sphinx import (
    SphinxClassDoc,
    SphinxDocString,
    SphinxFunctionDoc,
    SphinxObjDoc,
)
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish
from sphinx.util import logging
from sphinx.util.docutils import SphinxTranslator

from modelcollapse.docs._site import pages
from modelcollapse.reproduce.report.mathematics import mathml

LOG = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect what is below."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    numpydoc.setup(app, get_doc_object_=docstring)
    app.add_search_language(English)
    before_numpydoc = before_theme = 400
    app.connect("builder-inited", lambda _: pages.write())
    app.connect("source-read", _read)
    app.connect("autodoc-process-signature", lambda *given: readable(*given[-2:]))
    app.connect("object-description-transform", shorten_arrays)
    app.connect("doctree-resolved", lambda _app, tree, name: break_slug(tree, name))
    app.connect("html-page-context", share_navigation, before_theme)
    app.connect(
        "autodoc-process-docstring", lambda *given: pages.protect(given[-1]), before_numpydoc
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}


@cache
def _template() -> Any:
    return SphinxDocString("").template


def docstring(
    value: Any,
    what: str | None = None,
    doc: str | None = None,
    config: dict[str, Any] | None = None,
    builder: object = None,  # noqa: ARG001 - whose templates would be compiled for each docstring
) -> Any:
    """Read a docstring as numpydoc does, with one template for all."""
    kinds = {
        "class_doc": SphinxClassDoc,
        "func_doc": SphinxFunctionDoc,
        "obj_doc": SphinxObjDoc,
    }
    config = {**(config or {}), "template": _template()}
    return get_doc_object(value, what=what, doc=doc, config=config, **kinds)


class English(SearchEnglish):
    """The words of the search, of which each is reduced to its stem once and not on each page."""

    def __init__(self, options: dict[str, str]) -> None:
        super().__init__(options)
        self.stem = cache(self.stem)


def _read(_: Sphinx, name: str, source: list[str]) -> None:
    source[0] = pages.adapted(name, source[0])


def readable(signature: str | None, returned: str | None) -> tuple[str, str | None] | None:
    """Write an ellipsis for a default that is made anew, which Sphinx could not read."""
    made = "<factory>"
    return (signature.replace(made, "..."), returned) if made in (signature or "") else None


def shorten_arrays(_app: Sphinx, _domain: str, _kind: str, content: nodes.Element) -> None:
    """Leave of an array's type its name: what its axes are is said in words."""
    for node in list(content.parent.findall(addnodes.pending_xref)):
        if node.astext() != "ndarray":
            continue
        depth = 0
        for part in node.parent.children[node.parent.index(node) + 1 :]:
            depth += part.astext().count("[")
            if not depth:
                break
            depth -= part.astext().count("]")
            node.parent.remove(part)


def break_slug(tree: nodes.document, name: str) -> None:
    """Let the title of an entry of the ledger be broken, on a phone, after its slashes."""
    if not name.startswith(f"{pages.FOLDER}/ledger/"):
        return
    title = next(tree.findall(nodes.title))
    *rooms, last = title.astext().split("/")
    title.clear()
    for room in rooms:
        title += [nodes.Text(f"{room}/"), nodes.inline(classes=["break"])]
    title += nodes.Text(last)


def share_navigation(
    app: Sphinx, name: str, _template: str, context: dict[str, Any], _tree: nodes.document | None
) -> None:
    """Let pages that stand in no list of pages share one navigation for each depth of folders.

    It is the same for all of them, such as the ledger's entries; anew for each, it would take
    half of the build.
    """
    listed = {app.config.root_doc}.union(*app.env.toctree_includes.values())
    if "toctree" not in context or name in listed:
        return
    navigation, known = context["toctree"], app.env.temp_data.setdefault("navigation", {})

    def shared(**options: Any) -> str:
        key = (name.count("/"), *sorted(options.items()))
        if key not in known:
            known[key] = navigation(**options)
        return known[key]

    context["toctree"] = shared


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
