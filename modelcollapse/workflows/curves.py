"""How a web grows: from rates, or from a file."""

import os
from pathlib import Path
from typing import Any

from modelcollapse._support import csv_lines
from modelcollapse._support.checks import number, positive, whole
from modelcollapse._support.errors import InvalidInput, invalid, why_unread
from modelcollapse.workflows.fresh import Growth, Web

HEADER = ["real", "synthetic"]


def growing(first: int, rate: float, real_share: float) -> Web:
    """Return a web of `first` real rows that grows by a rate in each generation.

    Parameters
    ----------
    first
        Real rows before the first model; `Experiment.samples` must be the same number.
    rate
        New rows in each generation, over all rows so far.
    real_share
        The share of the new rows that is real, from 0 to 1.
    """
    whole("samples", first)
    positive("growth", rate)
    number("real_share", real_share, 0.0, 1.0, "give a number from 0 to 1")
    real, synthetic = (Growth(kind, first, rate, real_share) for kind in ("real", "synthetic"))
    return Web(real, synthetic)


def read(path: str | os.PathLike[str]) -> tuple[int, Web]:
    """Return the real rows of batch 1 and the web of a CSV file.

    Its header is ``real,synthetic``; each line has the rows that a generation adds. The first
    line is batch 1, and has no sampled rows.
    """
    lines = _lines(Path(path))
    (first, none), later = lines[0], lines[1:]
    if none:
        raise InvalidInput(
            f"{path}, line 2: batch 1 has {none} synthetic rows, before any model: make it 0"
        )
    return whole(f"{path}, line 2, real", first), Web(
        tuple(real for real, _ in later), tuple(synthetic for _, synthetic in later)
    )


def _lines(path: Path) -> list[tuple[int, int]]:
    try:
        table = list(csv_lines.read_lines(path))
    except OSError as error:
        raise invalid("rows", str(path), f"the file cannot be read: {why_unread(error)}") from error
    if not table or table[0][1] != HEADER:
        raise InvalidInput(f"{path}: the first line must be the header {','.join(HEADER)}")
    if len(table) == 1:
        raise InvalidInput(f"{path}: there is no line for batch 1; give one per generation")
    return [_pair(path, line, cells) for line, cells in table[1:]]


def _pair(path: Path, line: int, row: list[str]) -> tuple[int, int]:
    values: list[Any] = []
    for cell in row:
        try:
            value = csv_lines.number(cell)
        except ValueError:
            value = -1.0
        values.append(int(value) if value == value // 1 else -1)
    if len(values) != len(HEADER) or min(values) < 0:
        raise invalid(f"{path}, line {line}", ",".join(row), "give two whole numbers, at least 0")
    return values[0], values[1]
