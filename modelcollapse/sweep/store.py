"""The folder of a sweep: which cells it is of, their results, and those that failed."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modelcollapse._support.errors import InvalidInput, missing
from modelcollapse._support.files import locked, replacing, synced
from modelcollapse.sweep.cells import Cell
from modelcollapse.sweep.work import Columns, Result

FORMAT = 2
HEADER = "sweep.json"


class Store:
    """The folder of a sweep.

    ``sweep.json`` lists the cells; ``cells/KEY.parquet`` is a summary, ``runs/KEY.parquet``
    its replicates and ``failed/KEY.json`` its error; ``results.parquet`` holds all summaries. Every
    file is written beside its place and renamed, so that a file with its name is whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def opened(self, cells: Sequence[Cell]) -> Iterator[None]:
        """Make the folder, or take up one of the same cells, and keep other processes out.

        Raises
        ------
        InvalidInput
            If the folder holds something else, or another process works in it.
        """
        frames()
        self._check(cells)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInput(f"output = {str(self.path)!r} cannot be made: {error}") from error
        with locked(self.path, "sweep"):
            for partial in self.path.rglob("*.partial"):
                partial.unlink(missing_ok=True)
            table = {"format": FORMAT, "cells": {c.key: c.settings for c in cells}}
            _write_json(self.path / HEADER, table)
            yield

    def _check(self, cells: Sequence[Cell]) -> None:
        there = self.path
        if there.is_file():
            raise InvalidInput(f"output = {str(there)!r} is a file: give a folder")
        if not there.is_dir():
            return
        if not (there / HEADER).exists():
            if any(not _ours(path) for path in there.iterdir()):
                remedy = "is not empty and not of a sweep: give another folder"
                raise InvalidInput(f"output = {str(there)!r} {remedy}")
            return
        others = set(read_header(there)) - {c.key for c in cells}
        if others:
            raise InvalidInput(
                f"output = {str(there)!r} holds another sweep: {len(others)} of its cells are not "
                "in this one; give another folder, or remove it"
            )

    def place(self, cell: Cell, part: str = "cells") -> Path:
        """Return where a cell's table is, finished or not."""
        return self.path / part / f"{cell.key}.parquet"

    def finished(self, cell: Cell) -> bool:
        """Return whether a cell's summary is there, and its runs where they are kept."""
        return self.place(cell).exists() and (not cell.runs or self.place(cell, "runs").exists())

    def damaged(self, cell: Cell) -> bool:
        """Return whether a finished cell cannot be read: cut off by a full disk, say."""
        parts = ["cells", "runs"] if cell.runs else ["cells"]
        return any(_unreadable(self.place(cell, part)) for part in parts)

    def keep(self, cell: Cell, result: Result) -> None:
        """Write what became of a cell; the summary last, which makes it finished."""
        failure = self.path / "failed" / f"{cell.key}.json"
        if result.error:
            failure.parent.mkdir(exist_ok=True)
            _write_json(failure, {"cell": cell.settings, "error": result.error})
            return
        if result.runs is not None:
            _write_table(self.place(cell, "runs"), result.runs)
        assert result.summary is not None  # noqa: S101 - a result is a summary or an error
        _write_table(self.place(cell), result.summary)
        failure.unlink(missing_ok=True)

    def gather(self, cells: Sequence[Cell]) -> Path:
        """Write ``results.parquet``, the finished cells' summaries with their settings."""
        target = self.path / "results.parquet"
        with replacing(target) as partial:
            gathered(self.path, [c for c in cells if self.finished(c)]).write_parquet(partial)
            synced(partial)
        return target


def read(path: str | os.PathLike[str]) -> Any:
    """Return the finished cells of a sweep's folder as one polars DataFrame.

    Its columns are the settings that tell cells apart (`Cell.columns`; a schedule or another list
    as text, and null where a cell has no such setting), then those of a summary: quantity,
    generation, mean, deviation, q05 to q95, expected, expected_deviation.

    Raises
    ------
    InvalidInput
        If the folder is not of a sweep.
    """
    folder = Path(path)
    cells = [_cell(key, settings) for key, settings in read_header(folder).items()]
    store = Store(folder)
    return gathered(folder, [c for c in cells if store.finished(c)])


def gathered(folder: Path, cells: Sequence[Cell]) -> Any:
    """Return the summaries of some cells, beneath each other."""
    pl = frames()
    tables = []
    for cell in cells:
        own = {key: _scalar(value) for key, value in cell.columns.items()}
        table = pl.read_parquet(folder / "cells" / f"{cell.key}.parquet")
        tables.append(table.select(*[pl.lit(v).alias(k) for k, v in own.items()], pl.all()))
    return pl.concat(tables, how="diagonal_relaxed") if tables else pl.DataFrame()


def read_header(folder: Path) -> dict[str, Any]:
    """Return the settings of a folder's cells by key."""
    try:
        table = json.loads((folder / HEADER).read_text(encoding="utf-8"))
        cells: dict[str, Any] = table["cells"]
        known = table["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"path = {str(folder)!r} is not the folder of a sweep ({error}): give another, or "
            "remove it"
        ) from error
    if known != FORMAT:
        raise InvalidInput(
            f"{folder / HEADER} has format {known!r}, and this version {FORMAT}: give another "
            "folder, or remove it"
        )
    return cells


def _cell(key: str, settings: Mapping[str, Any]) -> Cell:
    lists = ("at", "extra", "quantities")
    given: dict[str, Any] = {
        k: tuple(v) if k in lists and v is not None else v for k, v in settings.items()
    }
    cell = Cell(**given)
    vars(cell)["key"] = key  # that of its files: data that it names may be gone, or be others
    return cell


def _scalar(value: Any) -> Any:
    return value if isinstance(value, (int, float, str)) else json.dumps(value)


def _ours(path: Path) -> bool:
    """Return whether a file is what a sweep leaves that was killed as it began."""
    return path.name == "lock" or path.suffix == ".partial"


def _unreadable(path: Path) -> bool:
    pl = frames()
    try:
        return bool(pl.read_parquet(path).is_empty())
    except (OSError, pl.exceptions.PolarsError):
        return True


def _write_table(path: Path, columns: Columns) -> None:
    path.parent.mkdir(exist_ok=True)
    with replacing(path) as partial:
        frames().DataFrame(dict(columns)).write_parquet(partial)
        synced(partial)


def _write_json(path: Path, value: Any) -> None:
    with replacing(path) as partial:
        partial.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
        synced(partial)


def frames() -> Any:
    """Return polars, or raise MissingDependency."""
    try:
        import polars as pl
    except ImportError as error:
        raise missing("polars", "sweep", "a sweep") from error
    return pl
