"""Real data: scikit-learn's small data sets, and rows from a CSV or Parquet file."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from modelcollapse.checks import Floats
from modelcollapse.errors import InvalidInput, missing, unknown
from modelcollapse.truth import Rows

BUILT_IN = ("breast_cancer", "diabetes", "digits", "iris", "wine")


def load(name_or_path: str | os.PathLike[str], *, standardize: bool = False) -> Rows:
    """Return the numeric rows of a data set or of a file.

    Parameters
    ----------
    name_or_path
        "breast_cancer", "diabetes", "digits", "iris" or "wine" (from scikit-learn, without their
        targets), or the path of a .csv or .parquet file of numbers. A first CSV line without
        any number is taken as the header. Parquet needs ``pip install 'modelcollapse[frames]'``.
    standardize
        Shift and scale each column to mean 0 and variance 1; constant columns become 0.

    Returns
    -------
    Rows
        The data, with its name; usable as the truth of an `Experiment` and as the data of `run`.

    Raises
    ------
    InvalidInput
        If there is no such data, or it is not a table of finite numbers with at least two rows
        that are not all equal. The message names the line and the column.
    MissingDependency
        If the file is Parquet and polars is not installed.
    """
    if not isinstance(name_or_path, (str, os.PathLike)):
        raise InvalidInput(f"data = {name_or_path!r} is neither a name nor a path")
    if name_or_path in BUILT_IN:
        values, name = _from_sklearn(str(name_or_path)), str(name_or_path)
    else:
        values, name = _from_file(Path(name_or_path)), str(name_or_path)
    if len(values) < 2:
        raise InvalidInput(f"{name} has {len(values)} row of data: at least 2 are needed")
    data = Rows(values, name)
    return Rows(_standardized(data.values), f"{name}, standardized") if standardize else data


def _from_sklearn(name: str) -> Floats:
    from sklearn import datasets

    values: Floats = getattr(datasets, f"load_{name}")().data
    return values


def _from_file(path: Path) -> Floats:
    """Read a file by its ending; every failure is one line that names the file."""
    readers = {".csv": _from_csv, ".parquet": _from_parquet}
    try:
        if not path.exists():
            raise _no_such(path)
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


def _no_such(path: Path) -> InvalidInput:
    if path.suffix.lower() in (".csv", ".parquet") or len(path.parts) > 1:
        return InvalidInput(f"{path}: no such file")
    return InvalidInput(f"{unknown('data set', str(path), BUILT_IN)}; no file has that name either")


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
    try:
        import polars as pl
    except ImportError as error:
        raise missing("polars", "frames", "reading Parquet files") from error
    try:
        frame = pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise InvalidInput(f"{path} is not a Parquet file: {_first_line(error)}") from error
    if not frame.width or not frame.height:
        raise InvalidInput(f"{path} has {frame.width} columns and {frame.height} rows of data")
    for name, dtype in frame.schema.items():
        if not (dtype.is_numeric() or dtype == pl.Boolean):
            raise InvalidInput(
                f"{path}, column {name!r} holds {dtype}, not numbers: drop it or encode it"
            )
    values = frame.select(pl.all().cast(pl.Float64)).fill_null(np.nan).to_numpy()
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


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _standardized(values: Floats) -> Floats:
    """Return columns of mean 0 and variance 1, or 0 where a column is constant."""
    centred = values - values.mean(axis=0)
    constant = np.ptp(values, axis=0) == 0
    # The largest entry first: the square of a large number overflows.
    centred /= np.where(constant, 1.0, np.abs(centred).max(axis=0))
    centred -= centred.mean(axis=0)
    scale = np.where(constant, 1.0, np.sqrt((centred**2).mean(axis=0)))
    return np.asarray(np.where(constant, 0.0, centred / scale))
