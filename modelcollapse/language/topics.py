"""Real English that every CPython has: the language reference, and the library's docstrings."""

import ast
import re
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from modelcollapse._support.errors import InvalidInput
from modelcollapse.language.template import Row

SHORTEST, LONGEST = 40, 600  # characters of a paragraph
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def topic_rows() -> list[Row]:
    """Return (topic, paragraph) pairs of ``pydoc_data.topics``; the text belongs to Python's docs.

    Paragraphs are unwrapped to one line. Headings, tables and code are left out, and so are
    repetitions. The text, and so the number of rows, depends on the version of Python.
    """
    from pydoc_data.topics import topics

    return _rows(
        (topic.replace("-", " "), block)
        for topic, text in sorted(topics.items())
        for block in text.split("\n\n")
    )


def docstring_rows() -> list[Row]:
    """Return (name, first paragraph) pairs of the docstrings of Python's standard library.

    They are those of its modules that are one file each, and of what is public in them; the files
    are read and not imported. The paragraphs are chosen and unwrapped as those of `topic_rows`. The
    text depends on the version of Python, and on what of its library is installed.

    Raises
    ------
    InvalidInput
        If the library has no source files.
    """
    folder = Path(sysconfig.get_path("stdlib"))
    names = sorted(name for name in sys.stdlib_module_names if not name.startswith("_"))
    files = [path for name in names if (path := folder / f"{name}.py").is_file()]
    if not files:
        raise InvalidInput(f"data = 'docstrings': {str(folder)!r} has no source files of Python")
    return _rows(
        (name, documentation.split("\n\n")[0])
        for path in files
        for name, documentation in _documented(ast.parse(path.read_bytes()), path.stem)
    )


def _documented(node: ast.Module | Definition, name: str) -> Iterator[tuple[str, str]]:
    """Give the full name and the docstring of each definition that is public, outermost first."""
    documentation = ast.get_docstring(node)
    if documentation:
        yield name, documentation
    for below in () if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else node.body:
        if isinstance(below, Definition) and not below.name.startswith("_"):
            yield from _documented(below, f"{name}.{below.name}")


def _rows(blocks: Iterator[tuple[str, str]]) -> list[Row]:
    """Return the prompts and blocks that are prose, unwrapped, each block once."""
    rows: dict[str, Row] = {}
    for prompt, block in blocks:
        paragraph = " ".join(block.split())
        if _is_prose(block, paragraph) and paragraph not in rows:
            rows[paragraph] = {"prompt": prompt, "response": paragraph}
    return list(rows.values())


def _is_prose(block: str, paragraph: str) -> bool:
    """Return whether a block is sentences, not a heading, a table, a grammar rule or code."""
    if not SHORTEST <= len(paragraph) <= LONGEST or paragraph[-1] not in ".:?!)":
        return False
    if re.search(r"::=|>>>|\*{4}|={4}|-{4}|\+--|^ {6}", block, re.MULTILINE):
        return False
    letters = sum(c.isalpha() or c.isspace() for c in paragraph)
    return letters > 0.75 * len(paragraph)
