"""Files of rows as tables, and a random draw where there are too many."""

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support.csv_lines import by_ending, read_table
from modelcollapse._support.errors import InvalidInput, why_unread
from modelcollapse._support.sealed import frames, no_parquet
from modelcollapse._support.words import many
from modelcollapse.comparison.tables import Table, is_number, of_frame, of_object, typed
from modelcollapse.datasets import BUILT_IN, PAPER, load

LEAST = 20  # rows
LONGEST = 2**22  # characters of a line
SLICE = 2**16  # rows of a Parquet file that are read at once
TEXTS = ".txt"


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
            raise InvalidInput(f"{path} cannot be read: {why_unread(error)}") from error
    else:
        found = of_object(name, data)
    if found.rows < LEAST:
        remedy = f"give at least {LEAST}: of fewer nothing can be told"
        raise InvalidInput(f"{found.name} has {many(found.rows, 'row')}: {remedy}")
    return found.taken(rng.permutation(found.rows)[:most])


def _file(name: str, data: Any, path: Path, most: int, rng: np.random.Generator) -> Table:
    if isinstance(data, str) and (data in BUILT_IN or data.partition(":")[0] in PAPER):
        return of_object(name, load(data))
    if not path.exists():
        known = ", ".join((*sorted(BUILT_IN), *sorted(PAPER)))
        raise InvalidInput(
            f"{name} = {str(path)!r}: no such file: check its name, or give a data set ({known})"
        )
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
        one: column if ending == TEXTS else typed(str(path), one, column, places)
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
    if any(map(is_number, first)):  # a row
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
            raise no_parquet(path, error) from error
    if not parts or not parts[0].width:
        raise InvalidInput(f"{path} has no rows: give at least {LEAST}")
    return of_frame(str(path), pl.concat(parts), total)
