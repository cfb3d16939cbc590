"""Where the rows of tables belong among runs and generations; two in one place are refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.errors import InvalidInput
from modelcollapse.diagnosis.columns import Keys
from modelcollapse.diagnosis.sheets import Sheet

Rows = Sequence[Integers]  # those that are used, of each sheet


@dataclass(frozen=True, eq=False)
class Places:
    """Where each row belongs: `cell` counts the runs' generations, one run after the other."""

    parts: Sequence[tuple[Sheet, Keys]]
    rows: Rows
    cell: Integers
    shape: tuple[int, int]

    def column(self, name: str) -> Floats:
        """Return a column, shape (runs, generations); NaN is missing.

        Raises
        ------
        InvalidInput
            If two rows have a value for the same place.
        """
        values = self._joined([sheet.column(name) for sheet, _ in self.parts])
        there = np.flatnonzero(~np.isnan(values))
        if len(twice := _twice(self.cell[there])):
            raise self._same(*there[twice])
        result = np.full(self.shape, np.nan)
        result.ravel()[self.cell[there]] = values[there]
        return result

    def check(self, metrics: Sequence[str]) -> None:
        """Raise InvalidInput if rows of the same place have nothing but second values.

        A log may have a row for each metric: they are put together.
        """
        if not len(twice := _twice(self.cell)):
            return
        numbers = [
            self._joined([s.columns[name].values for s, _ in self.parts]) for name in metrics
        ]
        there = [np.flatnonzero(~np.isnan(values)) for values in numbers]
        if not any(len(each) and not len(_twice(self.cell[each])) for each in there):
            raise self._same(*twice)

    def _joined(self, values: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        return np.concatenate([of[rows] for of, rows in zip(values, self.rows, strict=True)])

    def _same(self, one: int, other: int) -> InvalidInput:
        """Build the error of two rows in one place: a column that tells them apart helps."""
        several = len(self.parts) > 1
        where = [
            f"{sheet.path}, {sheet.places[row]}" if several else sheet.places[row]
            for (sheet, _), rows in zip(self.parts, self.rows, strict=True)
            for row in rows.tolist()
        ]
        if column := self._telling():
            remedy = f"tell settings apart {both('by', column)}, or runs {both('run', column)}"
        elif self.parts[0][1].runs:
            remedy = (
                f"keep one of them, or tell them apart by another column, {both('run', 'seed')}"
            )
        else:
            remedy = f"tell runs apart by a column 'replicate', or {both('run', 'COLUMN')}"
        of = "" if several else f"{self.parts[0][0].path}: "
        return InvalidInput(
            f"{of}{where[one]} and {where[other]} are the same generation of the same run; {remedy}"
        )

    def _telling(self) -> str:
        """Return a column of few values that tells all rows of the same place apart, if any."""
        sheet, keys = self.parts[0]
        for name, column in sheet.columns.items():
            texts = column.texts() if column.trouble else list(map(str, column.values))
            if len(self.parts) > 1 or name in keys.names or len(texts) != len(sheet.places):
                continue
            chosen = [texts[row] for row in self.rows[0].tolist()]
            few = len(set(chosen)) <= len(chosen) // 2
            whole = column.trouble or np.all(column.values == np.floor(column.values))
            if (
                few
                and whole
                and len(set(zip(self.cell.tolist(), chosen, strict=True))) == len(chosen)
            ):
                return name
        return ""


def both(option: str, value: str) -> str:
    """Return an option as Python and as the command line have it."""
    quoted = f'"{value}"' if " " in value else value
    return f"with {option}={value!r} (--{option} {quoted})"


def _twice(cell: Integers) -> Integers:
    """Return the first two positions of equal numbers, or nothing."""
    order = np.argsort(cell, kind="stable")
    same = np.flatnonzero(np.diff(cell[order]) == 0)
    return np.sort(order[same[0] : same[0] + 2]) if len(same) else np.array([], dtype=np.int64)
