"""Results as HTML tables, which notebooks show: of escaped text alone, and never long."""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from modelcollapse._support.errors import printable

MOST_ROWS, MOST_COLUMNS, MOST_NOTES = 20, 12, 12
MOST_TEXT = 300  # characters of a cell
CUT = "…"


def table(
    title: str,
    columns: Mapping[str, Sequence[Any]],
    notes: Iterable[str] = (),
    *,
    head: bool = True,
) -> str:
    """Return a title, a table with a column for each name, and notes below it.

    What is left out of many rows, columns or notes is an ellipsis.
    """
    names: list[Any] = _cut(list(columns), MOST_COLUMNS)
    rows = max((len(column) for column in columns.values()), default=0)
    lines = [_row("th", names)] if head else []
    for i in _cut(range(rows), MOST_ROWS):
        whole = i is not CUT
        cells = [columns[name][i] if whole and name is not CUT else CUT for name in names]
        lines.append(_row("td", cells))
    told = "".join(f"<li>{_text(note)}</li>" for note in _cut(list(notes), MOST_NOTES))
    below = f"<ul>{told}</ul>" if told else ""
    return f"<div><p>{_text(title)}</p><table>{''.join(lines)}</table>{below}</div>"


def pairs(title: str, values: Mapping[str, Any]) -> str:
    """Return a title and a table of two columns, names and values."""
    columns = {"": list(values), " ": list(values.values())}
    return table(title, columns, head=False)


def _cut(items: Sequence[Any], most: int) -> list[Any]:
    """Return the first and the last items, with an ellipsis between them if some are left out."""
    if len(items) <= most:
        return list(items)
    last = most // 3
    return [*items[: most - last], CUT, *items[len(items) - last :]]


def _row(tag: str, cells: Iterable[Any]) -> str:
    return f"<tr>{''.join(f'<{tag}>{_text(cell)}</{tag}>' for cell in cells)}</tr>"


def _text(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return f"{value:.5g}"
    text = printable(str(value))
    return html.escape(text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + CUT)
