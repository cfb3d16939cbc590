"""Rows of large data sets: texts stay in their table, and become rows as they are asked for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import isfinite
from typing import Any, overload

import numpy as np

from modelcollapse._support.checks import Integers
from modelcollapse.language.template import Row

CHUNK = 4096  # rows that are made, or encoded, at a time
MARK = 16  # bytes of a digest: two of 2e6 rows are alike by chance one time in 1e26


@dataclass(frozen=True)
class Part:
    """The columns of a part of a row: it has a text if the main one has, and others are joined."""

    main: str
    columns: tuple[str, ...]

    def text(self, record: Mapping[str, Any]) -> str | None:
        """Return the text of a row, or None if there is none."""
        texts = {name: _text(record[name]) for name in self.columns}
        there = [text for text in texts.values() if text.strip()]
        return "\n".join(there) if texts[self.main].strip() else None


@dataclass(frozen=True, eq=False)
class Rows(Sequence[Row]):
    """Some rows of a table.

    Attributes
    ----------
    table
        A `datasets.Dataset`.
    columns
        The names of a row's parts.
    parts
        The table's columns that each is made of.
    numbers
        Which rows of the table they are; every part of them has a text.
    """

    table: Any
    columns: tuple[str, ...]
    parts: tuple[Part, ...]
    numbers: Integers

    @classmethod
    def of(cls, table: Any, columns: Sequence[str], parts: Sequence[Part]) -> "Rows":
        """Return the rows all of whose parts have a text."""
        own = table.select_columns(sorted({name for part in parts for name in part.columns}))
        there = [
            number
            for first in range(0, len(own), CHUNK)
            for number, record in enumerate(_records(own[first : first + CHUNK]), first)
            if all(part.text(record) is not None for part in parts)
        ]
        return cls(own, tuple(columns), tuple(parts), np.array(there, dtype=np.intp))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> "Rows": ...
    def __getitem__(self, index: int | slice) -> "Row | Rows":
        """Return one row, or some of them."""
        if isinstance(index, slice):
            return self.only(self.numbers[index])
        return self.made([self.numbers[index]])[0]

    def __iter__(self) -> Iterator[Row]:
        """Make the rows, a chunk at a time."""
        for first in range(0, len(self), CHUNK):
            yield from self.made(self.numbers[first : first + CHUNK])

    def __eq__(self, other: object) -> bool:
        """Return whether other rows are the same ones."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def only(self, numbers: Integers) -> "Rows":
        """Return the rows with these numbers in the table."""
        return Rows(self.table, self.columns, self.parts, numbers)

    def made(self, numbers: Sequence[int] | Integers) -> list[Row]:
        """Return rows by their numbers in the table."""
        return [
            {
                name: part.text(record) or ""
                for name, part in zip(self.columns, self.parts, strict=True)
            }
            for record in _records(self.table[[int(number) for number in numbers]])
        ]


def picked(rows: Sequence[Row], places: Iterable[int]) -> list[Row]:
    """Return the rows at these places."""
    if isinstance(rows, Rows):
        return rows.made(rows.numbers[np.fromiter(places, dtype=np.intp)])
    return [rows[place] for place in places]


def kept(rows: Sequence[Row], keep: Any) -> Sequence[Row]:
    """Return the rows for which there is True; of a table they stay there."""
    if isinstance(rows, Rows):
        return rows.only(rows.numbers[keep])
    return [row for row, stays in zip(rows, keep, strict=True) if stays]


def marks(rows: Sequence[Row]) -> Any:
    """Return a digest of each row; equal rows have equal ones."""
    found = b"".join(
        blake2b(
            "".join(f"{len(text)} {text}" for text in row.values()).encode(), digest_size=MARK
        ).digest()
        for row in rows
    )
    return np.frombuffer(found, dtype=f"V{MARK}")


def _records(table: Mapping[str, Sequence[Any]]) -> Iterator[Mapping[str, Any]]:
    names = list(table)
    for values in zip(*table.values(), strict=True):
        yield dict(zip(names, values, strict=True))


def _text(value: Any) -> str:
    """Return a text, or a number as one; what is neither has none."""
    if isinstance(value, str):
        return value
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return str(value) if number and isfinite(value) else ""
