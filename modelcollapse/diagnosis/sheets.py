"""A table as it was read: columns of numbers and texts, whatever its format."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.csv_lines import number
from modelcollapse._support.errors import InvalidInput, shown
from modelcollapse._support.sealed import frames
from modelcollapse.loop.experiment import Experiment

Texts = Callable[[], Sequence[str]]
SHARES = ("grammatical", "hallucinated")
SHOWN = 6  # columns that a note names


@dataclass(frozen=True, eq=False)
class Column:
    """Numbers, NaN where a cell is empty; `trouble` says which cell is no number."""

    values: Floats
    texts: Texts
    trouble: str = ""

    @property
    def numeric(self) -> bool:
        """Whether there are numbers in it, with or without other things."""
        return not self.trouble or not np.all(np.isnan(self.values))


@dataclass(frozen=True, eq=False)
class Sheet:
    """A table: its columns, where each row stands, and what it says that it is of.

    `ordered` says that rows without a column of generations are generations in their order.
    """

    path: Path | str
    columns: Mapping[str, Column]
    places: Sequence[str]
    notes: tuple[str, ...] = ()
    experiment: Experiment | None = None
    ordered: bool = False

    def column(self, name: str) -> Floats:
        """Return a column's numbers.

        Raises
        ------
        InvalidInput
            If one of its cells is not a number, or is no share where all are shares.
        """
        found = self.columns[name]
        if found.trouble:
            raise InvalidInput(f"{self.path}, {found.trouble}")
        if name.casefold() in SHARES:
            outside = np.flatnonzero((found.values < 0) | (found.values > 1))
            if len(outside):
                place, value = self.places[outside[0]], found.values[outside[0]]
                raise InvalidInput(
                    f"{self.path}, {place}, column {name!r}: {value:.5g} is no share; give numbers "
                    "from 0 to 1"
                )
        return found.values

    def without(self, names: Sequence[str], note: str) -> "Sheet":
        """Return the sheet without some columns, and with a note that names them."""
        if not names:
            return self
        rest = {name: column for name, column in self.columns.items() if name not in names}
        return replace(self, columns=rest, notes=(*self.notes, f"{some(names)}: {note}"))


def some(names: Sequence[str]) -> str:
    """Return names for a note: the first ones, where there are many."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(repr, names[:SHOWN])) + more


def of_cells(columns: Mapping[str, Sequence[Any]], places: Sequence[str]) -> dict[str, Column]:
    """Return columns of Python's objects, such as JSON has."""
    result = {}
    for name, cells in columns.items():
        pairs = [number_of(cell) for cell in cells]
        wrong = next((i for i, (_, why) in enumerate(pairs) if why), None)
        trouble = "" if wrong is None else f"{places[wrong]}, column {name!r}: {pairs[wrong][1]}"
        values = np.array([value for value, _ in pairs], dtype=np.float64)
        result[name] = Column(values, partial(_as_texts, cells), trouble)
    return result


def of_frame(frame: Any, path: Path | str) -> Sheet:
    """Return a data frame of polars as a sheet; `path` is what to call it."""
    pl = frames()
    columns: dict[str, Column] = {}
    for name, dtype in frame.schema.items():
        texts = partial(_series_texts, frame[name])
        if not (dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)):
            trouble = f"column {name!r} holds {dtype}, not numbers"
            columns[name] = Column(np.full(frame.height, np.nan), texts, trouble)
            continue
        values = frame[name].cast(pl.Float64)
        bare = values.is_nan().fill_null(value=False).arg_true().to_list()
        trouble = f"row {bare[0] + 1}, column {name!r}: NaN; leave such runs out" if bare else ""
        columns[name] = Column(values.fill_null(np.nan).to_numpy(), texts, trouble)
    return Sheet(path, columns, [f"row {i}" for i in range(1, frame.height + 1)])


def number_of(cell: Any) -> tuple[float, str]:
    """Return a cell's number, and what is wrong with it; an empty cell is a missing value."""
    if cell is None or cell == "":
        return math.nan, ""
    try:
        value = number(cell.strip()) if isinstance(cell, str) else float(cell)
    except (ValueError, TypeError, OverflowError):
        value = math.nan
    if not math.isnan(value):
        return value, ""
    text = str(cell)[:40]
    word = "NaN" if text.lower().lstrip("+-") == "nan" else f"{shown(text, 42)} is not a number"
    return value, f"{word}; give a number, inf, or an empty cell for a value that is missing"


def _as_texts(cells: Sequence[Any]) -> Sequence[str]:
    return list(map(str, cells))


def _series_texts(series: Any) -> Sequence[str]:
    return [str(value) for value in series.to_list()]
