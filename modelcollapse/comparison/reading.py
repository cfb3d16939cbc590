"""Two sets of rows as tables of numbers and words, and a random draw where there are too many."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.csv_lines import by_ending, number, read_table
from modelcollapse._support.errors import InvalidInput, invalid, shown
from modelcollapse._support.sealed import frames
from modelcollapse._support.tables import NoNumbersError, as_floats, columns_of, framed, of_numbers
from modelcollapse._support.words import many
from modelcollapse.datasets import BUILT_IN, PAPER, load
from modelcollapse.loop.truth import LARGEST, Rows

LEAST = 20  # rows
LONGEST = 2**22  # characters of a line
SLICE = 2**16  # rows of a Parquet file that are read at once
TEXTS = ".txt"
KINDS = "give a .csv, .parquet, .jsonl or .txt file, an array, a data frame, or a list of texts"
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


def read(name: str, data: Any, most: int, rng: np.random.Generator) -> Table:
    """Return a table of at most so many rows, drawn at random and in random order.

    Parameters
    ----------
    name
        What the argument is called.
    data
        See `compare`.
    most
        The largest number of rows; of a file no more than these are held in memory.
    rng
        What draws them.

    Raises
    ------
    InvalidInput
        If it cannot be read, has too few rows, or a missing or infinite value.
    """
    if isinstance(data, (str, Path)):
        path = Path(data)
        try:
            found = _file(name, data, path, most, rng)
        except OSError as error:
            raise InvalidInput(f"{path} cannot be read: {error.strerror or error}") from error
    else:
        found = _object(name, data)
    if found.rows < LEAST:
        remedy = f"give at least {LEAST}: of fewer nothing can be told"
        raise InvalidInput(f"{found.name} has {many(found.rows, 'row')}: {remedy}")
    return found.taken(rng.permutation(found.rows)[:most])


def _file(name: str, data: Any, path: Path, most: int, rng: np.random.Generator) -> Table:
    if isinstance(data, str) and (data in BUILT_IN or data.partition(":")[0] in PAPER):
        return _object(name, load(data))
    if not path.exists():
        raise InvalidInput(f"{name}: {path}: no such file")
    if path.is_dir():
        raise InvalidInput(f"{name}: {path} is a directory: give a file inside it")
    ending = path.suffix.lower()
    readers = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet, TEXTS: _lines}
    reader = by_ending(path, readers)
    if ending == ".parquet":
        return _parquet(path, most, rng)
    names, lines = reader(path)
    kept, total = drawn(lines, most, rng)
    columns = {one: [cells[i] for _, cells in kept] for i, one in enumerate(names)}
    places = [place for place, _ in kept]
    found = {
        one: column if ending == TEXTS else _typed(str(path), one, column, places)
        for one, column in columns.items()
    }
    return Table(str(path), found, total)


def drawn(lines: Iterator[Any], most: int, rng: np.random.Generator) -> tuple[list[Any], int]:
    """Return at most so many of the lines, each set of them as likely, and the number of all."""
    kept: list[Any] = []
    total = 0
    for line in lines:
        total += 1
        if total <= most:
            kept.append(line)
        elif (place := int(rng.integers(total))) < most:
            kept[place] = line
    return kept, total


def _csv(path: Path) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    lines = read_table(path)
    start, first = next(lines, (0, []))
    if not first:
        raise InvalidInput(f"{path} is empty: give one line per row")
    if any(map(_is_number, first)):  # a row
        return [f"column {i + 1}" for i in range(len(first))], chain([(start, first)], lines)
    if len(set(first)) < len(first):
        twice = next(one for one in first if first.count(one) > 1)
        raise InvalidInput(f"{path}: the column {twice!r} is there twice; rename one")
    return first, lines


def _lines(path: Path) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    return ["text"], ((i, [text]) for i, text in _texts(path))


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, with their numbers."""
    with path.open(encoding="utf-8-sig") as file:
        try:
            count = 0
            while line := file.readline(LONGEST + 1):
                count += 1
                if len(line) > LONGEST:
                    raise InvalidInput(
                        f"{path}, line {count} has more than {LONGEST:,} characters: give one "
                        "text per line"
                    )
                if text := line.strip():
                    yield count, text
        except UnicodeDecodeError as error:
            raise InvalidInput(f"{path} is not UTF-8 text ({error.reason}): convert it") from error


def _jsonl(path: Path) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    lines = _texts(path)
    first = next(lines, None)
    if first is None:
        raise InvalidInput(f"{path} is empty: give one JSON object per line")
    names = list(_record(path, *first))
    return names, ((i, _cells(path, i, text, names)) for i, text in chain([first], lines))


def _record(path: Path, line: int, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path}, line {line} is not JSON: {error}") from error
    if not isinstance(found, dict) or not found:
        raise InvalidInput(f"{path}, line {line}: give one JSON object per line")
    return found


def _cells(path: Path, line: int, text: str, names: Sequence[str]) -> list[str]:
    record = _record(path, line, text)
    if list(record) != list(names) and set(record) != set(names):
        raise InvalidInput(f"{path}, line {line}: its members are not those of the first line")
    for one in names:
        value = record[one]
        if not isinstance(value, (str, int, float)) or isinstance(value, bool):
            what = "is missing" if value is None else "is no text or number"
            raise InvalidInput(f"{path}, line {line}, {one!r}: the value {what}")
    return [str(record[one]) for one in names]


def _parquet(path: Path, most: int, rng: np.random.Generator) -> Table:
    """Return a Parquet file's rows: which ones is drawn first, and slices are read one by one."""
    pl = frames()
    with path.open("rb") as file:  # given a name, Polars would read patterns and addresses into it
        try:
            scan = pl.scan_parquet(file)
            total = int(scan.select(pl.len()).collect().item())
            wanted = np.sort(rng.permutation(total)[:most]) if total > most else np.arange(total)
            parts = []
            for start in range(0, total, SLICE):
                low, high = np.searchsorted(wanted, [start, start + SLICE])
                if high > low:
                    part = scan.slice(start, SLICE).collect()
                    parts.append(part[wanted[low:high] - start])
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            reason = str(error).partition("\n")[0]
            raise InvalidInput(f"{path} is not a Parquet file: {reason}") from error
    if not parts or not parts[0].width:
        raise InvalidInput(f"{path} has no rows: give at least {LEAST}")
    return _framed(str(path), pl.concat(parts), total)


def _object(name: str, data: Any) -> Table:
    """Return what is there in memory."""
    if isinstance(data, Rows):
        values = np.asarray(data.values)
        return Table(data.name, _named(values), len(values))
    texts = _listed(data) if _is_flat(data) else []
    if texts and all(isinstance(one, str) for one in texts):
        return Table(name, {"text": _present(name, "text", texts, range(len(texts)))}, len(texts))
    data = framed(data)
    if columns_of(data) is not None:
        return _framed(name, data, len(data))
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


def _framed(name: str, frame: Any, total: int) -> Table:
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
                    raise InvalidInput(f"{where}: the value is missing; {_DROP}") from error
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


_DROP = "drop or impute such rows, or drop the column"


def _typed(path: str, name: str, cells: list[str], lines: Sequence[int]) -> Column:
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
                f"{path}, {_place(lines, line)}, column {name!r}: the value is missing; {_DROP}"
            )
    return cells


def _check_finite(path: str, name: str, values: Floats, lines: Sequence[int]) -> None:
    bad = np.flatnonzero(~(np.abs(values) <= LARGEST))
    if len(bad):
        value = float(values[bad[0]])
        what = "is missing or not finite" if not math.isfinite(value) else f"is above {LARGEST:g}"
        raise InvalidInput(
            f"{path}, {_place(lines, lines[bad[0]])}, column {name!r}: {value:g} {what}; {_DROP}"
        )


def _place(lines: Sequence[int], line: int) -> str:
    """Return where something stands: in a file in a line, from 1 on, else in a row, from 0 on."""
    return f"row {line}" if isinstance(lines, range) else f"line {line}"


def _is_number(cell: str) -> bool:
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
            "names in a first line"
        )
    for name, column in real.columns.items():
        pair = ((real, column), (other, other.columns[name]))
        if len({isinstance(each, np.ndarray) for _, each in pair}) == 2:
            words, texts = next((t, c) for t, c in pair if not isinstance(c, np.ndarray))
            numbers = next(t for t, c in pair if isinstance(c, np.ndarray))
            entry = next(text for text in texts if not _is_number(text))
            raise InvalidInput(
                f"column {name!r} holds numbers in {numbers.name} and text in {words.name}, such "
                f"as {entry[:40]!r}: make them alike, or drop the column"
            )
    return Table(other.name, {name: other.columns[name] for name in real.columns}, other.total)
