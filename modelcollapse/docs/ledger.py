r"""The ledger as a table: ``python -m modelcollapse.docs.ledger`` renews ``ledger.md`` beside it.

Code hosts split a table's row at every ``|`` that has no backslash, and take ``\,`` or ``\{``
between dollar signs for Markdown's own escapes. So formulas stand between ``$`` and backticks,
where nothing is an escape, and their bars are written as ``\vert`` and ``\Vert``.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import get_args

from modelcollapse._support.errors import ModelCollapseError
from modelcollapse._support.files import check_writable, replacing
from modelcollapse.ledger.theorem import ROOMS, Kind, Theorem, theorems

PAGE = Path(__file__).with_name("ledger.md")
COMMAND = "python -m modelcollapse.docs.ledger"
BARS = {"|": r"\vert ", r"\|": r"\Vert "}
HEAD = f"""[Back to the first page](../../README.md).

# The ledger

Written from the code by `{COMMAND}`. `mc.theorems()` returns the same entries,
and `modelcollapse verify` decides each of them: a *computed* one without chance, a *simulated* one
with two stated [probabilities of error](how-to-theorem.md#read-the-table). An entry of the kind
"refuted" is a claim that is false under its assumptions; one of the kind "sharpened" has the exact
value of what is published for large n or as a bound, and says where the two differ by 1 %.
"""


def page() -> str:
    """Return the ledger in Markdown: the number of entries by kind, and a table for each room."""
    parts = [HEAD, _counts(theorems())]
    for room in ROOMS:
        entries = theorems(f"{room}/*")
        rows = [_row(t) for t in entries]
        columns = ("theorem", "statement", "formula", "source", "kind", "expected")
        parts += [f"## {room}: {len(entries)} theorems\n", _table(columns, rows)]
    return "\n".join(parts)


def write(path: Path = PAGE) -> None:
    """Write the page to a file, whole or not at all."""
    check_writable("path", path)
    with replacing(path) as partial:
        partial.write_text(page(), encoding="utf-8")


def text(words: str) -> str:
    """Return words as Markdown that shows them as they are, also within a table."""
    # An underscore within a word is no sign of emphasis.
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])|[\\`*|<$~\[\]]", r"\\\g<0>", words)


def formula(latex: str) -> str:
    r"""Return a formula as Markdown; ``|`` becomes ``\vert`` and ``\|`` becomes ``\Vert``."""
    without_bars = re.sub(r"\\.|[|]", lambda sign: BARS.get(sign[0], sign[0]), latex)
    return f"$`{without_bars}`$"


def _counts(entries: Sequence[Theorem]) -> str:
    rows = []
    for kind in get_args(Kind):
        chosen = [t for t in entries if t.kind == kind]
        simulated = sum(t.claim.design is not None for t in chosen)
        numbers = (len(chosen), simulated, len(chosen) - simulated)
        expected = ", ".join(dict.fromkeys(t.expected for t in chosen))
        rows.append((kind, *map(str, numbers), expected))
    total = [str(sum(int(row[i]) for row in rows)) for i in (1, 2, 3)]
    columns = ("kind", "theorems", "simulated", "computed", "expected verdict")
    return _table(columns, [*rows, ("all", *total, "")], "-rrr-")


def _row(t: Theorem) -> tuple[str, ...]:
    statement = f"{text(t.statement)}<br>*Assumptions:* {text(t.assumptions)}."
    return f"`{t.slug}`", statement, formula(t.latex), text(t.source), t.kind, t.expected


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], align: str = "") -> str:
    """Return a table; "r" in `align` sets a column to the right."""
    rule = ["--:" if side == "r" else "---" for side in align.ljust(len(columns), "-")]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (columns, rule, *rows))


if __name__ == "__main__":
    try:
        write()
    except ModelCollapseError as problem:
        sys.exit(f"ledger: {problem}")
