"""Writing columns as CSV: the bytes of Python's own writer, many rows at a time where possible."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, BinaryIO

import numpy as np

CHUNK = 65_536  # rows that are made at once
ENDING = "\r\n"  # as Python's writer ends a line
PADDED = r"e-(\d)$"  # an exponent that Python writes with two digits
# Each kind of number that could be written in another way.
NUMBERS = (
    *(0.0, -0.0, 1.0, 0.1, 1 / 3, -2.5, 100.0, 1e15, 9999999999999998.0, 1e16, 1.5e16, 1e22, 1e300),
    *(0.0001, -0.00012, 9.9999e-05, 1e-05, 1.25e-05, 1e-06, -2e-07, 1.5e-09, 1e-10, 1e-99, 1e-100),
    *(5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 123456789012345680.0, 2.0**53),
    *(float("inf"), float("-inf"), float("nan")),
)


def write(file: BinaryIO, columns: Mapping[str, Any]) -> None:
    """Write columns of equal length, with their names in the first line, as UTF-8."""
    file.write(_lines([tuple(columns)]))
    arrays = [np.asarray(column) for column in columns.values()]
    frames = _frames() if all(array.dtype in ("f8", "i8") for array in arrays) else None
    for start in range(0, len(arrays[0]), CHUNK):
        part = [array[start : start + CHUNK] for array in arrays]
        if frames is None:
            file.write(_lines(zip(*(values.tolist() for values in part), strict=True)))
        else:
            _write_fast(frames, file, part)


def _lines(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _write_fast(pl: Any, file: BinaryIO, part: Sequence[Any]) -> None:
    """Write arrays of numbers through polars."""
    frame = pl.DataFrame({str(i): _written(pl, values) for i, values in enumerate(part)})
    frame.write_csv(file, include_header=False, line_terminator=ENDING, quote_style="never")


def _written(pl: Any, values: Any) -> Any:
    """Return a series that polars writes as Python writes the numbers.

    Both write the fewest digits that tell a number from its neighbours; beyond, they differ in
    small numbers and in NaN.
    """
    if values.dtype.kind == "i":
        return pl.Series(values)
    size = np.abs(values)
    small = (size < 1e-4) & (size > 0)
    fixed = small & (size >= 1e-5)
    if not (small.any() or np.isnan(values).any()):
        return pl.Series(values)
    text = pl.Series(values).cast(pl.String)
    text = text.str.replace(PADDED, "e-0${1}") if small.any() else text
    chosen = np.flatnonzero(fixed | np.isnan(values))
    return text.scatter(chosen, [repr(value) for value in values[chosen].tolist()])


@cache
def _frames() -> Any:
    """Return polars, if it is there and its numbers are Python's; else None."""
    try:
        import polars as pl
    except ImportError:
        return None
    file = io.BytesIO()
    # Those that need no change by themselves, as the others take another way.
    plain = [value for value in NUMBERS if abs(value) >= 1e-4 or value == 0]
    for numbers in (plain, NUMBERS):
        _write_fast(pl, file, [np.array(numbers), np.arange(len(numbers))])
    rows = [
        *zip(plain, range(len(plain)), strict=True),
        *zip(NUMBERS, range(len(NUMBERS)), strict=True),
    ]
    return pl if file.getvalue() == _lines(rows) else None
