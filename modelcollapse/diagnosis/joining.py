"""Sheets, one or several, as one record: each row in the place of its run and generation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.csv_lines import cause
from modelcollapse._support.errors import InvalidInput, unknown
from modelcollapse._support.words import many
from modelcollapse.diagnosis.columns import LOGGED, Columns, Keys
from modelcollapse.diagnosis.places import Places, Rows, both
from modelcollapse.diagnosis.record import Loader, Pair, Record
from modelcollapse.diagnosis.roles import held_out
from modelcollapse.diagnosis.sheets import Sheet, some
from modelcollapse.diagnosis.wide import as_long
from modelcollapse.loop.experiment import Experiment

SHARE, TRIALS = "grammatical", "sampled"
LISTED = 200  # characters of names in a message


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
        metrics = self._metrics(notes)
        parts = list(zip(self._parts, rows, strict=True))
        t = np.concatenate([_generations(*part, of) for part, of in parts])
        names = [name for part, of in parts for name in _runs(*part, of)]
        numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
        run = np.array([numbers[name] for name in names])
        kept = self._evaluated(parts, metrics, t, notes)
        split = np.split(kept, np.cumsum([len(of) for of in rows])[:-1])
        rows = [of[some_of] for of, some_of in zip(rows, split, strict=True)]
        generations, t = np.unique(t[kept], return_inverse=True)
        shape = len(numbers), len(generations)
        places = Places(self._parts, rows, run[kept] * len(generations) + t, shape)
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

    def _evaluated(
        self,
        parts: Sequence[tuple[tuple[Sheet, Keys], Integers]],
        metrics: Sequence[str],
        t: Integers,
        notes: list[str],
    ) -> npt.NDArray[np.bool_]:
        """Return which rows are at the steps of a training log that have an evaluation."""
        every = np.full(len(t), fill_value=True)
        counters = {(keys.generation or "").casefold() for _, keys in self._parts}
        risk = held_out(metrics) if counters <= set(LOGGED) else None
        if risk is None:
            return every
        values = np.concatenate([sheet.columns[risk].values[of] for (sheet, _), of in parts])
        kept = np.isin(t, t[~np.isnan(values)])
        if not kept.any():
            return every
        if not kept.all():
            count = len(np.unique(t)) - len(np.unique(t[kept]))
            notes.append(f"{many(count, 'step')} without {risk!r} left out, as no generations")
        return kept

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


def chosen_workflow(
    source: object, names: Sequence[str], workflow: str | None, column: str = ""
) -> str:
    """Return the workflow or other setting to diagnose; several need a choice."""
    if workflow is None and len(names) == 1:
        return names[0]
    if workflow is None:
        what = f"in its column {column!r}" if column else "the workflows"
        each = f" (--by {column} diagnoses each)" if column else ""
        listed = ", ".join(names)
        shown = listed if len(listed) <= LISTED else f"{listed[:LISTED]}..."
        raise InvalidInput(f"{source} has {what} {shown}: give one as workflow{each}")
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
