"""Rows from a CSV or Parquet file."""

import math
from array import array
from collections.abc import Sequence
from itertools import chain, pairwise
from pathlib import Path

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.csv_lines import by_ending, cause, number, read_table
from modelcollapse._support.errors import InvalidInput, unknown, why_unread
from modelcollapse._support.sealed import frames, index_columns, read_frame
from modelcollapse._support.words import many


def read(path: Path, names: Sequence[str]) -> Floats:
    """Read a file by its ending; every failure is one line that names the file.

    Parameters
    ----------
    path
        A .csv or .parquet file of numbers.
    names
        Data sets that `path` may be a misspelling of.

    Returns
    -------
    Floats
        Shape (rows, columns).

    Raises
    ------
    InvalidInput
        If there is no such file, or it is not a table of finite numbers.
    MissingDependency
        If the file is Parquet and polars is not installed.
    """
    readers = {".csv": _from_csv, ".parquet": _from_parquet}
    try:
        if not path.exists():
            raise _no_such(path, names)
        if path.is_dir():
            raise InvalidInput(f"{path} is a directory: give a file inside it")
        values: Floats = by_ending(path, readers)(path)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {why_unread(error)}") from error
    return values


def _no_such(path: Path, names: Sequence[str]) -> InvalidInput:
    if path.suffix.lower() in (".csv", ".parquet") or len(path.parts) > 1:
        return InvalidInput(f"{path}: no such file: check its name")
    return InvalidInput(f"{unknown('data set', str(path), names)}; no file has that name either")


def _from_csv(path: Path) -> Floats:
    """Return the numbers of a CSV file; its first line is a header if none of its cells is one.

    A first line of numbers is data, unless it may be a header of numbers, such as the years
    2018,2019 or the 0,1,2 of pandas: then nobody can tell, and it is refused. It may be one if
    its numbers are written with digits alone and in equal steps (of 1, if there are two), while
    those of the next line are not in such steps, and if the lines below speak against it as data:
    in some column no number is written with digits alone, or in every column all numbers are larger
    or all smaller than the first, or the first line has three or more numbers, just 0, 1, 2, ... A
    single number may be a header if those below it are written otherwise, and it is 0 or beyond
    them all. With one line below, there would be one row: the first line is data.

    In a file without header, whose rows are in no order, a first row is the only one with digits
    alone in a column, or the extreme one, with a probability of at most 2 in the number of rows.
    """
    lines = read_table(path)
    start, first = next(lines, (0, []))
    if not first:
        raise InvalidInput(f"{path} is empty: give one line of numbers per row")
    if not all(first):
        raise InvalidInput(
            f"{path}, line {start}: cell {first.index('') + 1} is empty; if the line is a header, "
            "name the column, or leave out an index (in pandas: index=False); if it is data, drop "
            "or impute such rows"
        )
    has_header = not any(map(_is_number, first))
    names = first if has_header else [str(i) for i in range(1, len(first) + 1)]
    if not has_header:
        lines = chain([(start, first)], lines)
    labels = Labels(first) if _step(first) else None
    values = array("d")
    for line, cells in lines:
        values.extend(_row(path, line, names, cells))
        if labels is not None:
            labels.look(cells)
    if not values:
        raise InvalidInput(f"{path} has a header and no rows: give at least 2 rows of numbers")
    found: Floats = np.array(values).reshape(-1, len(names))
    if labels is not None and labels.likely(found):
        shown = ",".join(first)
        raise InvalidInput(
            f"{path}, line {start}: {shown[:40]} may be names of columns or data: write a first "
            "line of names that are no numbers, before it if it is data, or else in its place"
        )
    return found


class Labels:
    """A first line that may be a header of numbers, and how the lines below are written."""

    def __init__(self, first: Sequence[str]) -> None:
        self.numbers = np.array([float(cell) for cell in first])
        self.step, self.lines, self.next_too = _step(first), 0, False
        self.digits = np.zeros(len(first), dtype=bool)  # whether any below has digits alone

    def look(self, cells: Sequence[str]) -> None:
        """Look at a line, the first one too."""
        self.lines += 1
        if self.lines == 1:
            return
        if self.lines == 2:
            self.next_too = len(cells) > 1 and _step(cells) == self.step
        self.digits |= [_is_digits(cell) for cell in cells]

    def likely(self, values: Floats) -> bool:
        """Return whether they may be a header of these values, of which they are the first row."""
        below = values[1:]
        if len(below) < 2 or self.next_too:
            return False
        outside = (self.numbers < below.min(axis=0)) | (self.numbers > below.max(axis=0))
        if len(self.numbers) == 1:
            return bool(not self.digits[0] and (self.numbers[0] == 0 or outside[0]))
        counted = np.array_equal(self.numbers, np.arange(len(self.numbers)))
        return bool(not self.digits.all() or outside.all() or (counted and len(self.numbers) > 2))


def _step(cells: Sequence[str]) -> int:
    """Return the step between whole numbers that are labels in equal steps, or else 0.

    They are written with digits alone; two of them are always in equal steps, and count with a
    step of 1.
    """
    if not all(map(_is_digits, cells)):
        return 0
    steps = {int(b) - int(a) for a, b in pairwise(cells)} or {1}
    step = steps.pop()
    return 0 if steps or (len(cells) == 2 and step != 1) else step


def _is_digits(cell: str) -> bool:
    return cell.isascii() and cell.isdigit()


def _row(path: Path, line: int, names: Sequence[str], cells: Sequence[str]) -> list[float]:
    """Return the numbers of a line; all of them are finite."""
    try:
        values = [number(cell) for cell in cells]
    except ValueError:
        values = []
    if not values or not all(map(math.isfinite, values)):
        for name, cell in zip(names, cells, strict=True):
            _check_cell(f"{path}, line {line}, column {name!r}", cell, cells)
    return values


def _is_number(cell: str) -> bool:
    try:
        number(cell)
    except ValueError:
        return False
    return True


def _check_cell(where: str, cell: str, cells: Sequence[str]) -> None:
    if not cell:
        raise InvalidInput(f"{where}: the value is missing; drop or impute such rows")
    if not _is_number(cell):
        remedy = "; drop text columns or encode them as numbers, and separate columns by commas"
        raise InvalidInput(f"{where}: {cell[:40]!r} is not a number" + (cause(cells) or remedy))
    if not np.isfinite(float(cell)):
        raise InvalidInput(f"{where}: {cell!r} is not finite; drop or impute such rows")


def _from_parquet(path: Path) -> Floats:
    frame = read_frame(path)
    pl = frames()
    for name in index_columns(path):
        raise InvalidInput(
            f"{path}, column {name!r} is an index of pandas, not data: write the file with "
            "index=False, or make it a column by reset_index()"
        )
    if not frame.width or not frame.height:
        raise InvalidInput(
            f"{path} has {many(frame.width, 'column')} and {many(frame.height, 'row')} of data"
        )
    for name, dtype in frame.schema.items():
        if not (dtype.is_numeric() or dtype == pl.Boolean):
            raise InvalidInput(
                f"{path}, column {name!r} holds {dtype}, not numbers: drop it or encode it"
            )
    values: Floats = frame.select(pl.all().cast(pl.Float64)).fill_null(np.nan).to_numpy()
    _check_finite(path, values, frame.columns)
    return values


def _check_finite(path: Path, values: Floats, columns: Sequence[str]) -> None:
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        row, column = bad[0]
        raise InvalidInput(
            f"{path}, row {row + 1}, column {columns[column]!r}: the value is missing or not "
            f"finite ({len(bad)} are); drop or impute such rows"
        )
