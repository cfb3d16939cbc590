"""Sheets, one or several, as one record: each row in the place of its run and generation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.csv_lines import cause
from modelcollapse._support.errors import InvalidInput, unknown
from modelcollapse.diagnosis.columns import Columns, Keys
from modelcollapse.diagnosis.record import Loader, Pair, Record
from modelcollapse.diagnosis.sheets import Sheet, some
from modelcollapse.diagnosis.wide import as_long
from modelcollapse.loop.experiment import Experiment

SHARE, TRIALS = "grammatical", "sampled"
LISTED = 200  # characters of names in a message
Rows = Sequence[Integers]  # those that are used, of each sheet


@dataclass(frozen=True, eq=False)
class Table:
    """Sheets of runs of the same loop, and what was said about their columns."""

    sheets: Sequence[Sheet]
    columns: Columns

    @cached_property
    def _parts(self) -> list[tuple[Sheet, Keys]]:
        return [as_long(sheet, self.columns) for sheet in self.sheets]

    @property
    def source(self) -> str:
        """What it is, for readers."""
        first = str(self.sheets[0].path)
        more = len(self.sheets) - 1
        return f"{first} and {more} more" if more else first

    @cached_property
    def settings(self) -> list[str]:
        """The settings that a column tells apart, sorted; none where there is no such column."""
        return sorted({text for sheet, keys in self._parts for text in _settings(sheet, keys)})

    def record(self, workflow: str | None, experiment: Experiment | None) -> Record:
        """Return the trajectories.

        Raises
        ------
        InvalidInput
            If a row has no generation, a run has one twice, or there are several settings and none
            is chosen.
        """
        notes = [note for sheet, _ in self._parts for note in sheet.notes]
        experiment = self._experiment(experiment, notes)
        if experiment is not None and not any(sheet.columns for sheet in self.sheets):
            theory = np.arange(1, experiment.generations + 1)
            return Record(self.source, theory, 0, {}, experiment=experiment, notes=tuple(notes))
        for sheet, keys in self._parts:
            _check(sheet, keys)
        source, rows = self._chosen(workflow)
        t = np.concatenate(
            [
                _generations(*part, some_rows)
                for part, some_rows in zip(self._parts, rows, strict=True)
            ]
        )
        generations, t = np.unique(t, return_inverse=True)
        names = [
            name for part, of in zip(self._parts, rows, strict=True) for name in _runs(*part, of)
        ]
        numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
        run = np.array([numbers[name] for name in names])
        places = Places(
            self._parts, rows, run * len(generations) + t, (len(numbers), len(generations))
        )
        metrics = self._metrics(notes)
        places.check(metrics)
        columns: dict[str, Loader] = {name: partial(places.column, name) for name in metrics}
        name = self._parts[0][1].generation or ""
        generations = counted(generations, name, experiment, notes)
        return Record(
            source,
            generations,
            len(numbers),
            columns,
            complete=False,
            experiment=experiment,
            counts=share_counts(columns),
            notes=tuple(dict.fromkeys(notes)),
        )

    def _chosen(self, workflow: str | None) -> tuple[str, Rows]:
        """Return what the chosen setting is called, and its rows."""
        every = [np.arange(len(sheet.places)) for sheet, _ in self._parts]
        if not self.settings:
            if workflow is not None:
                raise InvalidInput(
                    f"workflow = {workflow!r}: {self.source} has no column 'workflow' or the like; "
                    f"name it {both('by', 'Setting')}"
                )
            return self.source, every
        by = next(keys.by for _, keys in self._parts if keys.by is not None)
        one = chosen_workflow(self.source, self.settings, workflow, by)
        for sheet, keys in self._parts:
            if keys.by is None:
                raise InvalidInput(f"{sheet.path} has no column {by!r}, as other files have")
        rows = [
            np.flatnonzero(np.array(_settings(sheet, keys)) == one) for sheet, keys in self._parts
        ]
        return f"{self.source} ({one})", rows

    def _metrics(self, notes: list[str]) -> list[str]:
        """Return the columns that all sheets have, and that are no keys."""
        keys = {name for _, found in self._parts for name in found.names}
        every = dict.fromkeys(name for sheet, _ in self._parts for name in sheet.columns)
        metrics = [name for name in every if name not in keys]
        shared = [name for name in metrics if all(name in s.columns for s, _ in self._parts)]
        rest = [name for name in metrics if name not in shared]
        if rest:
            notes.append(f"{some(rest)}: left out, as not in each of the files")
        return shared

    def _experiment(self, given: Experiment | None, notes: list[str]) -> Experiment | None:
        own = [sheet.experiment for sheet in self.sheets]
        there = [one for one in (given, *own) if one is not None]
        if any(one != there[0] for one in there):
            raise InvalidInput(
                f"{self.source} holds runs of another experiment than "
                + ("experiment=: leave it out" if given is not None else "the other files")
            )
        if given is None and there and None in own:
            notes.append("not all files say of which experiment they are, so none is used")
            return None
        return there[0] if there else None


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
        many = len(self.parts) > 1
        where = [
            f"{sheet.path}, {sheet.places[row]}" if many else sheet.places[row]
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
        of = "" if many else f"{self.parts[0][0].path}: "
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


def counted(
    generations: Integers, name: str, experiment: Experiment | None, notes: list[str]
) -> Integers:
    """Return 1, 2, ... for what counts something else than the generations of an experiment."""
    if experiment is not None or not len(generations) or generations[0] in (0, 1):
        return generations
    there = ", ".join(map(str, generations[:4])) + ", ..." * (len(generations) > 4)
    notes.append(
        f"{name!r} is {there}: taken in order as generations 1, 2, ..., of which the first has to "
        "be the fit to real data"
    )
    return np.arange(1, len(generations) + 1)


def both(option: str, value: str) -> str:
    """Return an option as Python and as the command line have it."""
    quoted = f'"{value}"' if " " in value else value
    return f"by {option}={value!r} (--{option} {quoted})"


def chosen_workflow(
    source: object, names: Sequence[str], workflow: str | None, column: str = "workflow"
) -> str:
    """Return the workflow or other setting to diagnose; several need a choice."""
    if workflow is None and len(names) == 1:
        return names[0]
    if workflow is None:
        what = "the workflows" if column == "workflow" else f"in its column {column!r}"
        listed = ", ".join(names)
        shown = listed if len(listed) <= LISTED else f"{listed[:LISTED]}..."
        raise InvalidInput(f"{source} has {what} {shown}: give one as workflow")
    if workflow not in names:
        raise unknown("workflow", workflow, names)
    return workflow


def share_counts(columns: Mapping[str, Loader]) -> dict[str, Pair]:
    """Return successes and trials of the share of grammatical samples, if both are known."""
    if SHARE not in columns or TRIALS not in columns:
        return {}

    def pair() -> tuple[Floats, Floats]:
        share, trials = columns[SHARE](), columns[TRIALS]()
        return np.rint(share * trials), trials

    return {SHARE: pair}


def _check(sheet: Sheet, keys: Keys) -> None:
    names = list(sheet.columns)
    if keys.generation is None:
        there = ", ".join(names) or "none"
        raise InvalidInput(
            f"{sheet.path} has no column 'generation' (its columns: {there[:LISTED]})"
            + (cause(names) or f"; name the one that counts them {both('generation', 'COLUMN')}")
        )
    if not sheet.places:
        raise InvalidInput(f"{sheet.path} has a header and no rows: give one per generation")


def _settings(sheet: Sheet, keys: Keys) -> Sequence[str]:
    return () if keys.by is None else sheet.columns[keys.by].texts()


def _runs(sheet: Sheet, keys: Keys, rows: Integers) -> list[tuple[str, ...]]:
    """Return the name of each row's run; without a column for that, a file is a run."""
    if not keys.runs:
        return [("", str(sheet.path))] * len(rows)
    texts = [sheet.columns[name].texts() for name in keys.runs]
    return [tuple(text[i] for text in texts) for i in rows.tolist()]


def _generations(sheet: Sheet, keys: Keys, rows: Integers) -> Integers:
    name = keys.generation or ""
    values = sheet.column(name)[rows]
    whole = (np.abs(values) < 2.0**53) & (values == np.floor(values))
    if not whole.all():
        i = int(np.argmin(whole))
        what = "empty" if np.isnan(values[i]) else f"{values[i]}"
        raise InvalidInput(
            f"{sheet.path}, {sheet.places[rows[i]]}, column {name!r}: {what} is not a whole number "
            "below 2^53"
        )
    return values.astype(np.int64)


def _twice(cell: Integers) -> Integers:
    """Return the first two positions of equal numbers, or nothing."""
    order = np.argsort(cell, kind="stable")
    same = np.flatnonzero(np.diff(cell[order]) == 0)
    return np.sort(order[same[0] : same[0] + 2]) if len(same) else np.array([], dtype=np.int64)
