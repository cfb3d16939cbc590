"""Rows as tables of numbers and words, whichever library they come from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.csv_lines import cause, number
from modelcollapse._support.errors import InvalidInput, invalid, shown
from modelcollapse._support.tables import NoNumbersError, as_floats, columns_of, framed, of_numbers
from modelcollapse.loop.truth import LARGEST, Rows

KINDS = "give a .csv, .parquet, .jsonl or .txt file, an array, a data frame, or a list of texts"
DROP = "drop or impute such rows, or drop the column"
GAPS = ("nan", "<NA>", "NaT")  # how libraries write what is missing
Column = Floats | list[str]


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of numbers, or of words, by their names; `total` rows were there."""

    name: str
    columns: dict[str, Column]
    total: int

    @property
    def rows(self) -> int:
        """How many rows are used."""
        return len(next(iter(self.columns.values())))

    def taken(self, rows: Integers) -> "Table":
        """Return some of the rows, in that order."""
        columns = {
            name: column[rows] if isinstance(column, np.ndarray) else [column[i] for i in rows]
            for name, column in self.columns.items()
        }
        return Table(self.name, columns, self.total)

    def keys(self) -> list[Any]:
        """Return something for each row that is equal where rows are."""
        numbers = [c for c in self.columns.values() if isinstance(c, np.ndarray)]
        words = [c for c in self.columns.values() if not isinstance(c, np.ndarray)]
        if not numbers:
            return list(zip(*words, strict=True))
        table = np.column_stack(numbers) + 0.0  # of -0.0 too
        digests = [row.tobytes() for row in table]
        return list(zip(digests, *words, strict=True)) if words else digests


def of_object(name: str, data: Any) -> Table:
    """Return what is there in memory."""
    if isinstance(data, Rows):
        values = np.asarray(data.values)
        return Table(data.name, _named(values), len(values))
    texts = _listed(data) if _is_flat(data) else []
    if texts and all(isinstance(one, str) for one in texts):
        return Table(name, {"text": _present(name, "text", texts, range(len(texts)))}, len(texts))
    data = framed(data)
    if columns_of(data) is not None:
        return of_frame(name, data, len(data))
    try:
        values = as_floats(of_numbers(data)[0])
    except NoNumbersError as error:
        raise invalid(name + error.place, error.found, f"{KINDS} ({error.why})") from error
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or not values.shape[1]:
        raise invalid(name, f"array of shape {values.shape}", "give a (rows, columns) array")
    found = _named(values)
    for i, one in enumerate(found):
        _check_finite(name, one, values[:, i], range(len(values)))
    return Table(name, found, len(values))


def _is_flat(data: Any) -> bool:
    """Return whether something is a sequence, an array or a column, and no table."""
    if isinstance(data, Sequence):
        return not isinstance(data, bytes)
    arrow = hasattr(data, "to_pylist") and not hasattr(data, "schema")
    return arrow or len(getattr(data, "shape", ())) == 1


def _listed(column: Any) -> list[Any]:
    """Return the entries of a column of any library."""
    for name in ("to_pylist", "to_list", "tolist"):
        if hasattr(column, name):
            return list(getattr(column, name)())
    return list(column)


def _named(values: Floats) -> dict[str, Column]:
    return {f"column {i + 1}": np.array(values[:, i]) for i in range(values.shape[1])}


def of_frame(name: str, frame: Any, total: int) -> Table:
    """Return a data frame of any library, which has so many rows or is drawn from so many."""
    found: dict[str, Column] = {}
    for label, column in columns_of(frame) or ():
        if str(label) in found:
            raise InvalidInput(f"{name}: the column {str(label)!r} is there twice; rename one")
        try:
            values = as_floats(of_numbers(column)[0])
        except NoNumbersError as error:
            listed = _listed(column)
            if not all(isinstance(one, str) for one in listed):
                entry = next(one for one in listed if not isinstance(one, str))
                where = f"{name}, column {label!r}: {shown(entry)}"
                if entry is None or str(entry) in GAPS:
                    raise InvalidInput(f"{where}: the value is missing; {DROP}") from error
                raise InvalidInput(
                    f"{where} is neither a number nor text as all others are: write it as one "
                    "(truth values as 0 and 1), or drop the column"
                ) from error
            found[str(label)] = _present(name, str(label), listed, range(len(listed)))
        else:
            _check_finite(name, str(label), values, range(len(values)))
            found[str(label)] = values
    if not found:
        raise InvalidInput(f"{name} has no columns: {KINDS}")
    return Table(name, found, total)


def typed(path: str, name: str, cells: list[str], lines: Sequence[int]) -> Column:
    """Return a column of cells as numbers if all of them are, else as words."""
    _present(path, name, cells, lines)
    try:
        values = np.array([number(cell) for cell in cells], dtype=np.float64)
    except ValueError:
        return cells
    _check_finite(path, name, values, lines)
    return values


def _present(path: str, name: str, cells: list[str], lines: Sequence[int]) -> list[str]:
    for line, cell in zip(lines, cells, strict=True):
        if not cell.strip():
            raise InvalidInput(
                f"{path}, {_place(lines, line)}, column {name!r}: the value is missing; {DROP}"
            )
    return cells


def _check_finite(path: str, name: str, values: Floats, lines: Sequence[int]) -> None:
    bad = np.flatnonzero(~(np.abs(values) <= LARGEST))
    if len(bad):
        value = float(values[bad[0]])
        what = "is missing or not finite" if not math.isfinite(value) else f"is above {LARGEST:g}"
        raise InvalidInput(
            f"{path}, {_place(lines, lines[bad[0]])}, column {name!r}: {value:g} {what}; {DROP}"
        )


def _place(lines: Sequence[int], line: int) -> str:
    """Return where something stands: in a file in a line, from 1 on, else in a row, from 0 on."""
    return f"row {line}" if isinstance(lines, range) else f"line {line}"


def is_number(cell: str) -> bool:
    """Return whether a cell is a number."""
    try:
        number(cell)
    except ValueError:
        return False
    return True


def matched(real: Table, other: Table) -> Table:
    """Return the other table with its columns in the order of the real one.

    Raises
    ------
    InvalidInput
        If the columns have other names, or one is of numbers here and of words there.
    """
    if set(real.columns) != set(other.columns):
        only = [
            f"{table.name} alone has {', '.join(map(repr, names[:5]))}"
            for table, names in (
                (real, [c for c in real.columns if c not in other.columns]),
                (other, [c for c in other.columns if c not in real.columns]),
            )
            if names
        ]
        raise InvalidInput(
            f"the columns differ: {'; '.join(only)}; give both the same columns, under the same "
            f"names in a first line{_one_column(real) or _one_column(other)}"
        )
    for name, column in real.columns.items():
        pair = ((real, column), (other, other.columns[name]))
        if len({isinstance(each, np.ndarray) for _, each in pair}) == 2:
            words, texts = next((t, c) for t, c in pair if not isinstance(c, np.ndarray))
            numbers = next(t for t, c in pair if isinstance(c, np.ndarray))
            entry = next(text for text in texts if not is_number(text))
            raise InvalidInput(
                f"column {name!r} holds numbers in {numbers.name} and text in {words.name}, such "
                f"as {entry[:40]!r}: make them alike, or drop the column"
            )
    return Table(other.name, {name: other.columns[name] for name in real.columns}, other.total)


def _one_column(table: Table) -> str:
    """Return what separates the columns of a file that seems to have one alone, if it is known."""
    return cause(list(table.columns)) if len(table.columns) == 1 else ""
