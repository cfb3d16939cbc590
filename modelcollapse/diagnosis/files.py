"""Trajectories in files of any format, as sheets."""

import json
from array import array
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support.csv_lines import by_ending, read_table
from modelcollapse._support.errors import InvalidInput, why_unread
from modelcollapse._support.sealed import read_frame
from modelcollapse.diagnosis.columns import GENERATIONS, Columns, known
from modelcollapse.diagnosis.sheets import Column, Sheet, number_of, of_cells, of_frame, some
from modelcollapse.loop import written
from modelcollapse.loop.identity import KEYS

RUN_COLUMN = "replicate"
TABLE = "give a line of names, such as generation,loss, and one line per generation"
EVALUATED = "eval_"  # what the Trainer of transformers calls what it evaluates


def read_file(path: Path, columns: Columns) -> Sheet:
    """Read a .csv, .tsv, .parquet, .json or .jsonl file.

    Raises
    ------
    InvalidInput
        If it cannot be read; the message names the file and the place.
    """
    readers = {
        ".csv": partial(_from_csv, columns, ","),
        ".tsv": partial(_from_csv, columns, "\t"),
        ".parquet": _from_parquet,
        ".json": _from_json,
        ".jsonl": _from_jsonl,
    }
    try:
        sheet: Sheet = by_ending(path, readers)(path)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {why_unread(error)}") from error
    return sheet


def _from_csv(columns: Columns, mark: str, path: Path) -> Sheet:
    lines = read_table(path, mark)
    _, head = next(lines, (0, []))
    if not head:
        raise InvalidInput(f"{path} is empty: {TABLE}")
    named = [name for name in head if name]
    if len(set(named)) < len(named):
        twice = next(name for name in named if named.count(name) > 1)
        raise InvalidInput(f"{path}: the column {twice!r} is there twice; rename one")
    first = next(lines, None)
    numbers = [array("d") for _ in head]
    trouble = [""] * len(head)
    # Texts take much memory: they are kept where they may be needed.
    texts: dict[int, list[str]] = {
        j: []
        for j, name in enumerate(head)
        if columns.may_be_key(name) or (first and number_of(first[1][j])[1])
    }
    places: list[str] = []
    for line, cells in chain([first] if first else [], lines):
        for j, cell in enumerate(cells):
            value, wrong = number_of(cell)
            numbers[j].append(value)
            if wrong and not trouble[j]:
                trouble[j] = f"line {line}, column {head[j]!r}: {wrong}"
        for j, kept in texts.items():
            kept.append(cells[j])
        places.append(f"line {line}")
    found = {
        name: Column(np.array(numbers[j]), partial(list, texts.get(j, ())), trouble[j])
        for j, name in enumerate(head)
        if name  # one without a name is an index
    }
    experiment, note = written.of_csv(path)
    return Sheet(path, found, places, (note,) if note else (), experiment)


def _from_parquet(path: Path) -> Sheet:
    sheet = of_frame(read_frame(path), path)
    experiment, note = written.of_parquet(path)
    return Sheet(path, sheet.columns, sheet.places, (note,) if note else (), experiment)


def _from_jsonl(path: Path) -> Sheet:
    lines = [
        (f"line {i}", _loaded(path, text, i))
        for i, text in enumerate(_text(path).split("\n"), 1)
        if text.strip()
    ]
    return _from_records(path, [row for _, row in lines], [place for place, _ in lines])


def _from_json(path: Path) -> Sheet:
    data = _loaded(path, _text(path))
    if isinstance(data, list):
        return _from_records(path, data, [f"record {i}" for i in range(1, len(data) + 1)])
    if not isinstance(data, Mapping):
        raise InvalidInput(f"{path} holds one value: give a list of records, or lists by name")
    if isinstance(data.get("log_history"), list):
        return _from_trainer(path, data["log_history"])
    if isinstance(data.get("metrics"), Mapping):  # of this package's command run
        return _from_lists(path, {"generation": data.get("generation"), **data["metrics"]})
    if isinstance(data.get("replicates"), list) and "seeds" in data:
        return _from_replicates(path, data["replicates"])
    described = data.get("experiment")
    if isinstance(described, Mapping) and set(KEYS) <= set(described):
        experiment, why = written.of_data(path, described)
        if experiment is None:
            raise InvalidInput(why)
        return Sheet(path, {}, [], (f"{path} holds no runs: theorems alone decide",), experiment)
    return _from_lists(path, data)


def _from_replicates(path: Path, runs: Sequence[Any]) -> Sheet:
    """Return what this package's command run has printed of several runs."""
    try:
        rows = [
            {RUN_COLUMN: i, **dict(zip(names, cells, strict=True))}
            for i, run in enumerate(runs)
            for names in [["generation", *run["metrics"]]]
            for cells in zip(run["generation"], *run["metrics"].values(), strict=True)
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"{path} is not what the command run prints: {error}") from error
    return _from_records(path, rows, [f"row {i}" for i in range(1, len(rows) + 1)])


def _from_trainer(path: Path, entries: Sequence[Any]) -> Sheet:
    """Return the evaluations among what the Trainer has logged, one generation each."""
    steps: dict[Any, dict[str, Any]] = {}
    again: list[str] = []
    for entry in entries:
        if not isinstance(entry, Mapping):
            continue
        found = {name: value for name, value in entry.items() if name.startswith(EVALUATED)}
        if not found:
            continue
        step = number_of(entry.get("step", entry.get("epoch")))[0]
        there = steps.setdefault(step, {"step": step})
        again += [f"{step:g}" for name in found if there.get(name, found[name]) != found[name]]
        there |= found
    if not steps:
        raise InvalidInput(
            f"{path} has no evaluations (eval_loss and the like): let the Trainer evaluate, with "
            "eval_strategy, or give a table of the losses of held-out rows"
        )
    sheet = _from_records(path, list(steps.values()), [f"step {step:g}" for step in steps])
    notes = [f"{path}: each evaluation is a generation; what was logged in training is left out"]
    if again:
        which = ", ".join(dict.fromkeys(again))
        notes.append(f"{path}: of several evaluations at step {which} the last one counts")
    return Sheet(path, sheet.columns, sheet.places, tuple(notes))


def _from_records(path: Path, rows: Sequence[Any], places: Sequence[str]) -> Sheet:
    for row, place in zip(rows, places, strict=True):
        if not isinstance(row, Mapping):
            raise InvalidInput(f"{path}, {place}: give an object, with a number for each column")
    names = dict.fromkeys(name for row in rows for name in row)
    cells = {name: [row.get(name) for row in rows] for name in names}
    return Sheet(path, of_cells(cells, places), places)


def _from_lists(path: Path, data: Mapping[str, Any]) -> Sheet:
    """Return lists by name: of numbers, or of a list for each run, of one number a generation."""
    lists = {
        name: list(value.values()) if isinstance(value, Mapping) else value
        for name, value in data.items()
        if isinstance(value, (list, Mapping))
    }
    grids = {name: value for name, value in lists.items() if value and _is_grid(value)}
    if grids:
        width = len(next(iter(grids.values()))[0])
        runs = len(next(iter(grids.values())))
        for name, grid in grids.items():
            if len(grid) != runs or {len(row) for row in grid} != {width}:
                raise InvalidInput(f"{path}, {name!r}: give {runs} lists of {width} numbers")
        flat = {
            name: list(chain.from_iterable(value)) if name in grids else value * runs
            for name, value in lists.items()
        }
        counted = {} if known(GENERATIONS, lists) else {"generation": [*range(1, width + 1)] * runs}
        lists = {RUN_COLUMN: np.repeat(range(runs), width).tolist(), **counted, **flat}
    sizes = {name: len(value) for name, value in lists.items()}
    if not sizes or len(set(sizes.values())) > 1:
        told = ", ".join(f"{name!r} has {size}" for name, size in sizes.items())
        raise InvalidInput(
            f"{path} is no table: give a list of records, or lists of equal length by name"
            f"{'; ' if told else ''}{told[:200]}"
        )
    places = [f"entry {i}" for i in range(1, next(iter(sizes.values())) + 1)]
    rest = [name for name in data if name not in lists]
    notes = (f"{some(rest)}: left out, as no list",) if rest else ()
    return Sheet(path, of_cells(lists, places), places, notes, ordered=True)


def _is_grid(value: Sequence[Any]) -> bool:
    return all(isinstance(row, list) for row in value)


def _text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 text ({error.reason}): convert it") from error
    if not text.strip():
        raise InvalidInput(f"{path} is empty: give one record per generation")
    return text


def _loaded(path: Path, text: str, line: int | None = None) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = error.lineno if line is None else line
        raise InvalidInput(f"{path}, line {place} is not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is not JSON: {error}") from error
