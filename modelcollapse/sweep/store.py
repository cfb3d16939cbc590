"""The folder of a sweep: which cells it is of, their results, and those that failed."""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modelcollapse._support.checks import as_path
from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.files import clear, left_over, locked
from modelcollapse._support.sealed import (
    DamagedError,
    frames,
    read_json,
    scan_table,
    write_json,
    write_table,
)
from modelcollapse._support.version import build
from modelcollapse.sweep.cells import Cell
from modelcollapse.sweep.work import Result

FORMAT = 3
HEADER, RESULTS = "sweep.json", "results.parquet"
NAMES = {  # what is written, as regular expressions, by folder
    "": rf"{re.escape(HEADER)}|{re.escape(RESULTS)}",
    "cells": r"[0-9a-f]{16}\.parquet",
    "runs": r"[0-9a-f]{16}\.parquet",
    "failed": r"[0-9a-f]{16}\.json",
}


class Store:
    """The folder of a sweep.

    ``sweep.json`` lists the cells; ``cells/KEY.parquet`` is a summary, ``runs/KEY.parquet``
    its replicates and ``failed/KEY.json`` its error; ``results.parquet`` holds all summaries. Every
    file is written beside its place and renamed, so that a file with its name is whole, and holds
    its digest, so that damage is found.
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
        frames("sweep", "a sweep")
        self._check(cells)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInput(
                f"output = {str(self.path)!r} cannot be made ({error.strerror or error}): give a "
                "folder that you may make and write to"
            ) from error
        with locked(self.path, "sweep"):
            for part, names in NAMES.items():
                clear(self.path / part, names)
            table = {
                "format": FORMAT,
                "build": build(),
                "cells": {c.key: c.settings for c in cells},
            }
            write_json(self.path / HEADER, table)
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
        own = {c.key for c in cells}
        try:
            header = read_header(there)
        except DamagedError as error:  # it is written again: cells are known by their names
            header = {"build": build(), "cells": _keys(there)}
            if not header["cells"]:
                remedy = "give another folder, or remove it"
                raise InvalidInput(f"output = {str(there)!r}: {error}; or {remedy}") from error
        if header["build"] != build():
            raise InvalidInput(
                f"output = {str(there)!r} was computed by modelcollapse {header['build']}, and "
                f"this is {build()}: give another folder, or remove it"
            )
        if others := set(header["cells"]) - own:
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
        return any(_is_damaged(self, cell, part) for part in parts)

    def table(self, cell: Cell, part: str = "cells") -> Any:
        """Return a finished cell's table, or raise DamagedError."""
        return self.scan(cell, part).collect()

    def scan(self, cell: Cell, part: str = "cells") -> Any:
        """Return a finished cell's table, checked and lazy, or raise DamagedError."""
        return scan_table(self.place(cell, part), f"{part}/{cell.key}")

    def keep(self, cell: Cell, result: Result) -> None:
        """Write what became of a cell; the summary last, which makes it finished."""
        failure = self.path / "failed" / f"{cell.key}.json"
        if result.error:
            failure.parent.mkdir(exist_ok=True)
            write_json(failure, {"cell": cell.settings, "error": result.error})
            return
        for part, columns in (("runs", result.runs), ("cells", result.summary)):
            if columns is not None:
                place = self.place(cell, part)
                place.parent.mkdir(exist_ok=True)
                write_table(place, columns, f"{part}/{cell.key}")
        failure.unlink(missing_ok=True)

    def gather(self, cells: Sequence[Cell]) -> Path:
        """Write ``results.parquet``, the finished cells' summaries with their settings."""
        target = self.path / RESULTS
        write_table(target, gathered(self.path, [c for c in cells if self.finished(c)]))
        return target


def read(path: str | os.PathLike[str]) -> Any:
    """Return the finished cells of a sweep's folder as one polars DataFrame.

    Its columns are the settings that tell cells apart (`Cell.columns`; a schedule or another list
    as text, and null where a cell has no such setting), then those of a summary: quantity,
    generation, mean, deviation, q05 to q95, expected, expected_deviation.

    Raises
    ------
    InvalidInput
        If the folder is not of a sweep, or one of its files is damaged: the same sweep into it
        makes that again.
    """
    folder = as_path("path", path, "give the folder of a sweep")
    cells = [_cell(key, settings) for key, settings in read_header(folder)["cells"].items()]
    store = Store(folder)
    return gathered(folder, [c for c in cells if store.finished(c)])


def gathered(folder: Path, cells: Sequence[Cell]) -> Any:
    """Return the summaries of some cells, beneath each other."""
    pl = frames()
    lazy = []
    for cell in cells:
        own = {key: _scalar(value) for key, value in cell.columns.items()}
        table = Store(folder).scan(cell)
        lazy.append(table.select(*[pl.lit(v).alias(k) for k, v in own.items()], pl.all()))
    tables = pl.collect_all(lazy)  # many small ones at once take half of the time
    return pl.concat(tables, how="diagonal_relaxed") if tables else pl.DataFrame()


def read_header(folder: Path) -> dict[str, Any]:
    """Return what a folder is a sweep of: its "build", and its "cells", the settings by key."""
    if not (folder / HEADER).is_file():
        raise InvalidInput(
            f"path = {str(folder)!r} is not the folder of a sweep: it has no {HEADER}; give another"
        )
    return read_json(folder / HEADER, FORMAT)


def _keys(folder: Path) -> list[str]:
    """Return the keys of the cells whose files a folder has."""
    names = re.compile(NAMES["cells"])
    return [path.stem for path in (folder / "cells").glob("*") if names.fullmatch(path.name)]


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
    return path.name == "lock" or left_over(path, NAMES[""])


def _is_damaged(store: Store, cell: Cell, part: str) -> bool:
    try:
        store.scan(cell, part)
    except DamagedError:
        return True
    return False
