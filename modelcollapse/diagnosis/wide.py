"""Tables with a column for each run, or for each generation, as long ones."""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from modelcollapse._support.errors import InvalidInput
from modelcollapse.diagnosis.columns import GENERATIONS, Columns, Keys, found, known
from modelcollapse.diagnosis.sheets import Column, Sheet, of_cells, some

GENERATION, RUN, VALUE = GENERATIONS[0], "run (of the columns)", "value"
QUANTITIES = ("quantity", "metric", "key")
EXTREMES = ("__MIN", "__MAX")  # of what Weights & Biases exports beside each column
BETWEEN = r"[\s_./:#=-]"
OF_RUN = re.compile(
    rf"(?:(?P<before>.+?){BETWEEN}*)?"
    rf"(?P<key>(?:seed|run|replicate|rep|trial){BETWEEN}*\d+)"
    rf"(?:{BETWEEN}+(?P<after>.+))?",
    re.IGNORECASE,
)
OF_GENERATION = re.compile(
    rf"(?:(?P<before>.+?){BETWEEN}+)?"
    rf"(?:generation|gen|iteration|iter|round|step|epoch|t){BETWEEN}*(?P<key>\d+)",
    re.IGNORECASE,
)
Cells = Mapping[str, Mapping[str, str]]  # by metric and key, the column that holds it


def as_long(sheet: Sheet, columns: Columns) -> tuple[Sheet, Keys]:
    """Return a table with one row per run and generation, and its keys.

    A table is wide if its columns' names say so, or if it was said.

    Raises
    ------
    InvalidInput
        If nothing in it counts generations, or an option names no column.
    """
    sheet = sheet.without(
        [name for name in sheet.columns if name.endswith(EXTREMES)],
        "left out, as the extremes of another column",
    )
    sheet = _spread(sheet)
    keys, notes = found(columns, sheet.columns)
    numbers = [
        name for name, one in sheet.columns.items() if one.numeric and name not in keys.names
    ]
    if columns.wide in {GENERATION, *keys.names} - {None}:
        raise InvalidInput(f"wide = {columns.wide!r}: a key of the table is no metric")
    if keys.generation is None and (cells := _of_generations(numbers, columns.wide)):
        if not keys.runs:
            sheet, keys = _numbered(sheet, RUN), replace(keys, runs=(RUN,))
        sheet = _melted(sheet, cells, GENERATION, keys)
        keys = replace(keys, generation=GENERATION)
    elif keys.generation is None and sheet.ordered:
        sheet = _numbered(sheet, GENERATION)
        keys = replace(keys, generation=GENERATION)
    else:
        cells = {}
    if keys.generation is not None and not cells and (columns.wide or not keys.runs):
        cells = _of_runs(numbers, columns.wide, sheet.path)
        if cells:
            sheet = _melted(sheet, cells, RUN, keys)
            keys = replace(keys, runs=(*keys.runs, RUN))
    return replace(sheet, notes=(*sheet.notes, *notes)), keys


def _numbered(sheet: Sheet, name: str) -> Sheet:
    """Return a sheet with a column 1, 2, ... of its rows."""
    rows = of_cells({name: range(1, len(sheet.places) + 1)}, sheet.places)
    return replace(sheet, columns={**sheet.columns, **rows})


def _spread(sheet: Sheet) -> Sheet:
    """Return a table with one row per quantity, such as mlflow keeps, as one with a column each."""
    name, value = (next(iter(known(usual, sheet.columns)), "") for usual in (QUANTITIES, [VALUE]))
    if not (name and value and sheet.columns[name].trouble):  # else those are numbers
        return sheet
    texts, column = np.array(sheet.columns[name].texts()), sheet.columns[value]
    rest = {one: sheet.columns[one] for one in sheet.columns if one not in (name, value)}
    spread = {
        str(one): replace(column, values=np.where(texts == one, column.values, np.nan))
        for one in dict.fromkeys(texts.tolist())
    }
    note = f"{name!r}, {value!r}: read as a row for each quantity"
    return replace(sheet, columns={**rest, **spread}, notes=(*sheet.notes, note))


def _of_runs(names: Collection[str], wide: str | None, path: object) -> Cells:
    """Return the columns of each metric by run, or nothing if the names do not say so."""
    cells: dict[str, dict[str, str]] = {}
    for name in names:
        run, dash, metric = name.rpartition(" - ")
        if not dash:
            match = OF_RUN.fullmatch(name)
            if match is None:
                continue
            parts = (match["before"], match["after"])
            run = re.sub(BETWEEN, "", match["key"]).lower()
            metric = " ".join(part for part in parts if part)
        _add(cells, metric or VALUE, run, name)
    if wide is None or wide in cells:
        matched = sum(map(len, cells.values()))
        return cells if matched > 1 or matched == len(names) else {}  # one of many may be by chance
    if not names:
        raise InvalidInput(f"wide = {wide!r}: {path} has no columns of numbers but its keys")
    if len(cells) > 1:
        raise InvalidInput(
            f"wide = {wide!r}: the columns of {path} are of several metrics, {some(list(cells))}: "
            "leave it out"
        )
    return {wide: {name: name for name in names}}


def _of_generations(names: Collection[str], wide: str | None) -> Cells:
    """Return the columns of each metric by generation, or nothing if the names do not say so."""
    cells: dict[str, dict[str, str]] = {}
    for name in names:
        if match := OF_GENERATION.fullmatch(name):
            _add(cells, match["before"] or wide or VALUE, match["key"], name)
    if cells:
        return cells if len({t for of in cells.values() for t in of}) > 1 else {}
    counted = [name for name in names if name.isascii() and name.isdigit()]
    first = int(counted[0]) if counted else -1
    steps = [int(name) for name in counted] == list(range(first, first + len(counted)))
    if first not in (0, 1) or len(counted) < 2 or not steps:  # years, or data without a header
        return {}
    return {wide or VALUE: {name: name for name in counted}}


def _add(cells: dict[str, dict[str, str]], metric: str, key: str, name: str) -> None:
    there = cells.setdefault(metric, {}).setdefault(key, name)
    if there != name:
        raise InvalidInput(f"columns {there!r} and {name!r} are both {metric!r} of {key}: drop one")


def _melted(sheet: Sheet, cells: Cells, key: str, keys: Keys) -> Sheet:
    """Return the long table: all rows under the first key, all under the second, and so on."""
    taken = {key, *keys.names}
    cells = {metric: of for metric, of in cells.items() if metric not in taken}
    found = list(dict.fromkeys(one for of in cells.values() for one in of))
    height = len(sheet.places)
    columns = {
        name: _tiled(sheet.columns[name], len(found))
        for name in sheet.columns
        if name in keys.names
    }
    for metric, of in cells.items():
        parts = [sheet.columns.get(of.get(one, "")) for one in found]
        columns[metric] = _joined(parts, height)
    columns |= of_cells({key: np.repeat(found, height).tolist()}, list(sheet.places) * len(found))
    used = {name for of in cells.values() for name in of.values()}
    rest = [name for name in sheet.columns if name not in used | keys.names]
    which = "generations" if key == GENERATION else "runs"
    said = [
        f"{some(list(of.values()))}: read as {which} of {metric!r}" for metric, of in cells.items()
    ]
    if VALUE in cells:
        said[-1] += "; wide= gives it its name"
    if rest:
        said.append(f"{some(rest)}: left out beside a column for each of the {which}")
    return replace(
        sheet,
        columns=columns,
        places=list(sheet.places) * len(found),
        notes=(*sheet.notes, *said),
    )


def _tiled(column: Column, times: int) -> Column:
    texts = partial(_repeated, column, times)
    return Column(np.tile(column.values, times), texts, column.trouble)


def _repeated(column: Column, times: int) -> list[str]:
    return list(column.texts()) * times


def _joined(parts: list[Column | None], height: int) -> Column:
    """Return columns one below the other; one that is absent is all missing."""
    missing = np.full(height, np.nan)
    values = np.concatenate([missing if one is None else one.values for one in parts])
    trouble = next((one.trouble for one in parts if one is not None and one.trouble), "")
    return Column(values, list, trouble)
