"""What holds a table, of whichever kind, as one: files, data frames, mappings of columns."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support.errors import InvalidInput, why_unread
from modelcollapse.diagnosis.columns import GENERATIONS, RUNS, SETTINGS, Columns, known
from modelcollapse.diagnosis.files import read_file
from modelcollapse.diagnosis.joining import Table
from modelcollapse.diagnosis.sheets import Sheet, of_cells, of_frame

LANGUAGE_RUN = "run.json"  # in the folder of a language run


def table_of(trajectory: Any, columns: Columns) -> Any:
    """Return a table of files, of a data frame or of a mapping of columns, or what is no table.

    Raises
    ------
    InvalidInput
        If a file cannot be read.
    """
    if isinstance(trajectory, (str, Path)):
        trajectory = [trajectory]
    if isinstance(trajectory, Sequence) and trajectory:
        if not all(isinstance(one, (str, Path)) for one in trajectory):
            return trajectory
        paths = list(map(Path, trajectory))
        if len(paths) == 1 and _is_language_run(paths[0]):
            from modelcollapse.language.results import Results

            return Results.read(paths[0])
        return Table([_sheet(path, columns) for path in paths], columns)
    if isinstance(trajectory, Mapping):
        sheet = _columns(trajectory, columns)
    elif isinstance(trajectory, Table) or not hasattr(type(trajectory), "columns"):
        return trajectory
    else:
        sheet = _frame(trajectory)
    return trajectory if sheet is None else Table([sheet], columns)


def _is_language_run(path: Path) -> bool:
    try:
        return (path / LANGUAGE_RUN).is_file()
    except OSError as error:  # not where nothing is there, but where nobody may look
        raise InvalidInput(f"{path} cannot be read: {why_unread(error)}") from error


def _frame(frame: Any) -> Sheet | None:
    """Return a data frame of any library as a sheet; a named index of pandas has columns too."""
    import narwhals as nw

    if any(name is not None for name in getattr(getattr(frame, "index", None), "names", ())):
        frame = frame.reset_index()
    try:
        found = nw.from_native(frame, eager_only=True, pass_through=True)
        polars = None if found is frame else found.to_polars()
    except Exception as error:  # every library raises its own
        reason = " ".join(str(error).split())[:160]
        raise InvalidInput(
            f"trajectory: no table can be made of the data frame: {reason}"
        ) from error
    return None if polars is None else of_frame(polars, "trajectory")


def _sheet(path: Path, columns: Columns) -> Sheet:
    if path.is_dir():
        raise InvalidInput(
            f"{path} is a folder and has no {LANGUAGE_RUN}, as that of a language run has: give "
            "the files in it"
        )
    if not path.exists():
        raise InvalidInput(f"{path}: no such file or folder: check its name")
    return read_file(path, columns)


def _columns(values: Mapping[Any, Any], columns: Columns) -> Sheet | None:
    """Return a mapping of columns as a sheet: one that has more keys than "generation"."""
    names = [name for name in values if isinstance(name, str)]
    keys = known((*GENERATIONS, *RUNS, *SETTINGS), names)
    more = columns.given or keys not in ([], [GENERATIONS[0]])
    if len(names) < len(values) or not more or not all(map(is_column, values.values())):
        return None
    cells = {name: list(value) for name, value in values.items()}
    sizes = {len(column) for column in cells.values()}
    if len(sizes) > 1:
        raise InvalidInput(f"trajectory has columns of {sorted(sizes)} rows: make them equal")
    places = [f"row {i}" for i in range(1, sizes.pop() + 1)]
    return Sheet("trajectory", of_cells(cells, places), places, ordered=True)


def is_column(value: Any) -> bool:
    """Return whether a value of a mapping has one dimension."""
    try:
        return np.ndim(value) == 1
    except ValueError:  # rows of different lengths
        return False
