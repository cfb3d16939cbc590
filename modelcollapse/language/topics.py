"""Real English that every CPython has: the language reference behind ``help('...')``."""

import re

from modelcollapse.language.template import Row

SHORTEST, LONGEST = 40, 600  # characters of a paragraph


def topic_rows() -> list[Row]:
    """Return (topic, paragraph) pairs of ``pydoc_data.topics``; the text belongs to Python's docs.

    Paragraphs are unwrapped to one line. Headings, tables and code are left out, and so are
    repetitions. The text, and so the number of rows, depends on the version of Python.
    """
    from pydoc_data.topics import topics

    seen: set[str] = set()
    rows: list[Row] = []
    for topic, text in sorted(topics.items()):
        for block in text.split("\n\n"):
            paragraph = " ".join(block.split())
            if _is_prose(block, paragraph) and paragraph not in seen:
                seen.add(paragraph)
                rows.append({"prompt": topic.replace("-", " "), "response": paragraph})
    return rows


def _is_prose(block: str, paragraph: str) -> bool:
    """Return whether a block is sentences, not a heading, a table, a grammar rule or code."""
    if not SHORTEST <= len(paragraph) <= LONGEST or paragraph[-1] not in ".:?!)":
        return False
    if re.search(r"::=|>>>|\*{4}|={4}|-{4}|\+--|^ {6}", block, re.MULTILINE):
        return False
    letters = sum(c.isalpha() or c.isspace() for c in paragraph)
    return letters > 0.75 * len(paragraph)
