"""Rows from a CSV or Parquet file."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import InvalidInput, unknown
from modelcollapse._support.sealed import frames, read_frame


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
        if path.suffix.lower() not in readers:
            raise InvalidInput(
                f"{path} ends in {path.suffix!r}, which cannot be read: "
                "give a .csv or a .parquet file"
            )
        return readers[path.suffix.lower()](path)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}") from error


def _no_such(path: Path, names: Sequence[str]) -> InvalidInput:
    if path.suffix.lower() in (".csv", ".parquet") or len(path.parts) > 1:
        return InvalidInput(f"{path}: no such file")
    return InvalidInput(f"{unknown('data set', str(path), names)}; no file has that name either")


def _from_csv(path: Path) -> Floats:
    lines = _csv_lines(path)
    if not lines:
        raise InvalidInput(f"{path} is empty: give one line of numbers per row")
    _, first = lines[0]
    has_header = any(first) and all(cell and not _is_number(cell) for cell in first)
    names = first if has_header else [str(i) for i in range(1, len(first) + 1)]
    body = lines[1:] if has_header else lines
    if not body:
        raise InvalidInput(f"{path} has a header and no rows: give at least 2 rows of numbers")
    for line, cells in body:
        if len(cells) != len(names):
            raise InvalidInput(
                f"{path}, line {line}: {len(cells)} cells where the first line has {len(names)}"
            )
        for name, cell in zip(names, cells, strict=True):
            _check_cell(f"{path}, line {line}, column {name!r}", cell)
    return np.array([[float(cell) for cell in cells] for _, cells in body])


def _csv_lines(path: Path) -> list[tuple[int, list[str]]]:
    """Return (line number, cells) of every line that is not blank."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            return [(reader.line_num, [c.strip() for c in cells]) for cells in reader if cells]
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 text ({error.reason}): convert it") from error
    except csv.Error as error:
        raise InvalidInput(f"{path} is not a CSV file: {error}") from error


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _check_cell(where: str, cell: str) -> None:
    if not cell:
        raise InvalidInput(f"{where}: the value is missing; drop or impute such rows")
    if not _is_number(cell):
        raise InvalidInput(
            f"{where}: {cell[:40]!r} is not a number; drop text columns or encode them as "
            "numbers, and separate columns by commas"
        )
    if not np.isfinite(float(cell)):
        raise InvalidInput(f"{where}: {cell!r} is not finite; drop or impute such rows")


def _from_parquet(path: Path) -> Floats:
    frame = read_frame(path)
    pl = frames()
    if not frame.width or not frame.height:
        raise InvalidInput(f"{path} has {frame.width} columns and {frame.height} rows of data")
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
