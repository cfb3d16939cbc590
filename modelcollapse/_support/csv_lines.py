"""Lines of CSV files of anybody, and the cause where a file is none."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.words import many

LONGEST = 2**22  # characters of a line: a table with more columns is of no use here
STARTS = {
    b"\x1f\x8b": "is compressed: unpack it",
    b"PK\x03\x04": "is an archive or a spreadsheet: save it as CSV",
    b"\x93NUMPY": "is an array of NumPy's: write it with numpy.savetxt(..., delimiter=',')",
    b"PAR1": "is a Parquet file: let its name end in .parquet",
    b"\xff\xfe": "is UTF-16 text: save it as UTF-8",
    b"\xfe\xff": "is UTF-16 text: save it as UTF-8",
}
ENDINGS = {
    ".gz": "unpack it, and ",
    ".zip": "unpack it, and ",
    ".xz": "unpack it, and ",
    ".bz2": "unpack it, and ",
    ".zst": "unpack it, and ",
    ".npy": "write it with numpy.savetxt(..., delimiter=','), and ",
    ".tsv": "separate its columns by commas, and ",
}
MARKS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def by_ending(path: Path, readers: Mapping[str, Any]) -> Any:
    """Return the reader of a file's ending."""
    ending = path.suffix.lower()
    if ending not in readers:
        raise InvalidInput(
            f"{path} ends in {path.suffix!r}, which cannot be read: {ENDINGS.get(ending, '')}"
            f"give a {' or a '.join(readers)} file"
        )
    return readers[ending]


def read_lines(path: Path, mark: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line, without spaces around them.

    `mark` separates the cells. Blank lines are passed over, and comments before the first line:
    lines that begin with "#".

    Raises
    ------
    OSError
        If the file cannot be opened.
    InvalidInput
        If it is no CSV file.
    """
    with path.open("rb") as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as file:
        start = raw.peek(8)
        for known, why in STARTS.items():
            if start.startswith(known):
                raise InvalidInput(f"{path} {why}")
        reader = csv.reader(_lines(path, file), delimiter=mark)
        try:
            for cells in reader:
                if cells:
                    yield reader.line_num, [cell.strip() for cell in cells]
        except UnicodeDecodeError as error:
            raise InvalidInput(f"{path} is not UTF-8 text ({error.reason}): convert it") from error
        except csv.Error as error:
            raise InvalidInput(f"{path} is not a CSV file: {error}") from error


def _lines(path: Path, file: io.TextIOWrapper) -> Iterator[str]:
    """Yield the lines, with blank ones in the place of the first comments."""
    begun, number = False, 0
    while line := file.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            raise InvalidInput(
                f"{path}, line {number} has more than {LONGEST:,} characters: give one line for "
                "each row"
            )
        begun = begun or not (line.isspace() or line.startswith("#"))
        yield line if begun else "\n"


def read_table(path: Path, mark: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Yield the lines of a file whose lines have as many cells as the first one.

    An empty end of the first line, as of trailing commas, is left out of all, and has to be empty
    in all.

    Raises
    ------
    OSError, InvalidInput
        As of `read_lines`, or if a line has another number of cells.
    """
    first: list[str] = []
    end = 0
    for line, cells in read_lines(path, mark):
        if not first:
            first, end = cells, _empty_end(cells)
        if len(cells) != len(first):
            found = f"{many(len(cells), 'cell')} where the first line has {len(first)}"
            why = cause(first) or cause(cells) or _width(cells, first) or "; give each line as many"
            raise InvalidInput(f"{path}, line {line}: {found}{why}")
        if _empty_end(cells) < end:
            raise InvalidInput(
                f"{path}, line {line}: a value where the first line has an empty end; if it is a "
                "header, name all columns; if it is data, drop or impute such rows"
            )
        yield line, cells[: len(cells) - end]


def _empty_end(cells: Sequence[str]) -> int:
    """Return the number of empty cells at the end, with anything before them."""
    full = [i for i, cell in enumerate(cells) if cell]
    return len(cells) - 1 - full[-1] if full else 0


def number(cell: str) -> float:
    """Return a cell's number, or raise ValueError; 1_000 is one in Python alone."""
    if "_" in cell:
        raise ValueError(cell)
    return float(cell)


def cause(cells: Sequence[str]) -> str:
    """Return what a line that cannot be read looks like, or nothing."""
    text = ",".join(cells)
    for mark, name in MARKS.items():
        if mark in text:
            return f"; {name} separate columns: separate columns by commas, with points in numbers"
    if text.startswith("#"):
        return "; comments are for the lines before the first one: remove it"
    return ""


def _width(cells: Sequence[str], first: Sequence[str]) -> str:
    if not cells[-1]:
        return "; the line ends with a comma"
    return "; are commas decimal marks? write points" if len(cells) == 2 * len(first) else ""
