"""Trajectories in CSV and Parquet files: one row per run and generation."""

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.csv_lines import by_ending, cause, number, read_table
from modelcollapse._support.errors import InvalidInput, unknown
from modelcollapse._support.sealed import frames, read_frame
from modelcollapse.diagnosis.record import Loader, Pair, Record
from modelcollapse.loop.experiment import Experiment

GENERATION = "generation"
RUNS = ("replicate", "seed", "run")
WORKFLOW = "workflow"
SHARE, TRIALS = "grammatical", "sampled"


@dataclass(frozen=True, eq=False)
class Column:
    """Numbers, NaN where a cell is empty; `trouble` says which cell is no number."""

    values: Floats
    trouble: str = ""


@dataclass(frozen=True, eq=False)
class Sheet:
    """A file: numbers by column, the texts that tell rows apart, and where each row stands."""

    path: Path | str
    numbers: Mapping[str, Column]
    texts: Mapping[str, Sequence[str]]
    places: Sequence[str]

    def column(self, name: str) -> Floats:
        """Return a column's numbers.

        Raises
        ------
        InvalidInput
            If one of its cells is not a number.
        """
        found = self.numbers[name]
        if found.trouble:
            raise InvalidInput(f"{self.path}, {found.trouble}")
        return found.values

    def record(self, workflow: str | None, experiment: Experiment | None) -> Record:
        """Return the trajectories."""
        return _record(self, workflow, experiment)


def sheet_of(value: Any) -> Sheet | None:
    """Return a data frame of any library with a column "generation", or None for other things."""
    if not hasattr(type(value), "columns"):
        return None
    import narwhals as nw

    frame = nw.from_native(value, eager_only=True, pass_through=True)
    if frame is value:
        return None
    return _of_frame(frame.to_polars(), "trajectory")


def read_file(path: Path, workflow: str | None, experiment: Experiment | None) -> Record:
    """Read a .csv or .parquet file.

    Raises
    ------
    InvalidInput
        If it cannot be read, has no column "generation", or a run has a generation twice.
    """
    readers = {".csv": _from_csv, ".parquet": _from_parquet}
    try:
        sheet: Sheet = by_ending(path, readers)(path)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}") from error
    return _record(sheet, workflow, experiment)


def chosen_workflow(source: object, names: Sequence[str], workflow: str | None) -> str:
    """Return the workflow to diagnose; several need a choice."""
    if workflow is None and len(names) == 1:
        return names[0]
    if workflow is None:
        raise InvalidInput(f"{source} has the workflows {', '.join(names)}: give one as workflow")
    if workflow not in names:
        raise unknown("workflow", workflow, names)
    return workflow


def _from_csv(path: Path) -> Sheet:
    lines = read_table(path)
    _, head = next(lines, (0, []))
    named = [name for name in head if name]
    if len(set(named)) < len(named):
        twice = next(name for name in named if named.count(name) > 1)
        raise InvalidInput(f"{path}: the column {twice!r} is there twice; rename one")
    if GENERATION not in head:
        raise _no_generations(path, head)
    texts: dict[str, list[str]] = {name: [] for name in (*RUNS, WORKFLOW) if name in head}
    numbers = [array("d") for _ in head]
    trouble = [""] * len(head)
    places: list[str] = []
    for line, cells in lines:
        for j, (name, cell) in enumerate(zip(head, cells, strict=True)):
            value, wrong = _number(cell)
            numbers[j].append(value)
            if wrong and not trouble[j]:
                trouble[j] = f"line {line}, column {name!r}: {wrong}"
            if name in texts:
                texts[name].append(cell)
        places.append(f"line {line}")
    columns = {
        name: Column(np.array(values), wrong)
        for name, values, wrong in zip(head, numbers, trouble, strict=True)
        if name  # one without a name is an index
    }
    return Sheet(path, columns, texts, places)


def _no_generations(path: Path | str, names: Sequence[str]) -> InvalidInput:
    there = ", ".join(names) or "none"
    return InvalidInput(
        f"{path} has no column 'generation' (its columns: {there[:200]}){cause(names)}"
    )


def _number(cell: str) -> tuple[float, str]:
    """Return a cell's number, and what is wrong with it; an empty cell is a missing value."""
    if not cell:
        return math.nan, ""
    try:
        value = number(cell)
    except ValueError:
        value = math.nan
    if not math.isnan(value):
        return value, ""
    word = "NaN" if cell.lower().lstrip("+-") == "nan" else f"{cell[:40]!r} is not a number"
    return value, f"{word}; give a number, inf, or an empty cell for a value that is missing"


def _from_parquet(path: Path) -> Sheet:
    return _of_frame(read_frame(path), path)


def _of_frame(frame: Any, path: Path | str) -> Sheet:
    """Return a data frame of polars as a sheet; `path` is what to call it."""
    pl = frames()
    numbers: dict[str, Column] = {}
    trouble: str
    for name, dtype in frame.schema.items():
        if not (dtype.is_numeric() or dtype == pl.Boolean):
            trouble = f"column {name!r} holds {dtype}, not numbers"
            numbers[name] = Column(np.full(frame.height, np.nan), trouble)
            continue
        values = frame[name].cast(pl.Float64)
        bare = values.is_nan().fill_null(value=False).arg_true().to_list()
        trouble = f"row {bare[0] + 1}, column {name!r}: NaN; leave such runs out" if bare else ""
        numbers[name] = Column(values.fill_null(np.nan).to_numpy(), trouble)
    keys = [name for name in (*RUNS, WORKFLOW) if name in frame.columns]
    texts = {name: [str(value) for value in frame[name].to_list()] for name in keys}
    return Sheet(path, numbers, texts, [f"row {i}" for i in range(1, frame.height + 1)])


def _record(sheet: Sheet, workflow: str | None, experiment: Experiment | None) -> Record:
    if GENERATION not in sheet.numbers:
        raise _no_generations(sheet.path, list(sheet.numbers))
    rows = np.arange(len(sheet.places))
    source = str(sheet.path)
    if not len(rows):
        raise InvalidInput(f"{source} has a header and no rows: give one per generation")
    if WORKFLOW in sheet.texts:
        one = chosen_workflow(source, sorted(set(sheet.texts[WORKFLOW])), workflow)
        rows, source = np.flatnonzero(np.array(sheet.texts[WORKFLOW]) == one), f"{source} ({one})"
    elif workflow is not None:
        raise InvalidInput(f"workflow = {workflow!r}: {source} has no column 'workflow'")
    generations, t = np.unique(_generations(sheet, rows), return_inverse=True)
    keys = [sheet.texts[name] for name in RUNS if name in sheet.texts]
    names_of_runs = [tuple(key[i] for key in keys) for i in rows.tolist()]
    numbers = {name: i for i, name in enumerate(dict.fromkeys(names_of_runs))}
    run = np.array([numbers[name] for name in names_of_runs])
    _check_once(sheet, rows, run * len(generations) + t, has_runs=bool(keys))
    shape = len(numbers), len(generations)
    taken = (GENERATION, WORKFLOW, *RUNS)
    columns: dict[str, Loader] = {
        name: partial(_placed, sheet, name, rows, run, t, shape)
        for name in sheet.numbers
        if name not in taken
    }
    return Record(
        source,
        generations,
        shape[0],
        columns,
        complete=False,
        experiment=experiment,
        counts=share_counts(columns),
    )


def share_counts(columns: Mapping[str, Loader]) -> dict[str, Pair]:
    """Return successes and trials of the share of grammatical samples, if both are known."""
    if SHARE not in columns or TRIALS not in columns:
        return {}

    def pair() -> tuple[Floats, Floats]:
        share, trials = columns[SHARE](), columns[TRIALS]()
        return np.rint(share * trials), trials

    return {SHARE: pair}


def _placed(
    sheet: Sheet, name: str, rows: Integers, run: Integers, t: Integers, shape: tuple[int, int]
) -> Floats:
    result = np.full(shape, np.nan)
    result[run, t] = sheet.column(name)[rows]
    return result


def _generations(sheet: Sheet, rows: Integers) -> Integers:
    values = sheet.column(GENERATION)[rows]
    whole = (np.abs(values) < 2.0**53) & (values == np.floor(values))
    if not whole.all():
        i = int(np.argmin(whole))
        place = sheet.places[rows[i]]
        where = f"{sheet.path}, {place}, column 'generation'"
        raise InvalidInput(f"{where}: {values[i]} is not a whole number below 2^53")
    return values.astype(np.int64)


def _check_once(sheet: Sheet, rows: Integers, cell: Integers, *, has_runs: bool) -> None:
    order = np.argsort(cell, kind="stable")
    same = np.flatnonzero(np.diff(cell[order]) == 0)
    if len(same):
        one, other = sorted(rows[order[same[0] : same[0] + 2]])
        remedy = "keep one of them" if has_runs else "tell runs apart by a column 'replicate'"
        raise InvalidInput(
            f"{sheet.path}: {sheet.places[one]} and {sheet.places[other]} are the same generation "
            f"of the same run; {remedy}"
        )
