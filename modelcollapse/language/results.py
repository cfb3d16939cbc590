"""What a run's folder holds: the records, held-out losses and samples of finished generations."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import InvalidInput, unknown
from modelcollapse._support.sealed import read_table
from modelcollapse.language.chain import SHARED
from modelcollapse.language.diversity import MOST_ROWS, diversity
from modelcollapse.language.folder import (
    BASE,
    Record,
    read_configuration,
    read_record,
    read_rows,
    read_tokens,
)
from modelcollapse.language.template import Conversation, Plain, Row, Template
from modelcollapse.language.tokens import REASONS

Key = tuple[str, int, int]  # workflow, seed, generation
KEYS = ("workflow", "seed", "generation")
REJECTED = "rejected_"
TEXTS = ("workflow", "outcome")  # of a record; all else in it is a number, or numbers by name
TEMPLATES: tuple[Template, ...] = (Conversation(), Plain())


@dataclass(frozen=True, eq=False, kw_only=True)
class Results:
    """The finished generations of a run: ``Results.read("folder")``.

    The generation that is fitted to the whole real batch is shared: it is generation 1 of every
    workflow that has none of its own in any seed. Where no workflow has got further yet, it is
    listed as the workflow "real".

    Attributes
    ----------
    path
        The folder.
    configuration
        All that the run's numbers depend on, but workflows, seeds and generations.
    records
        The metrics of each (workflow, seed, generation), in this order.
    places
        The folder of each.
    base
        The metrics of generation 0, the base before any training; None of a run that has none yet.
    own
        The template of one's own that the run was made with, if there is one and it was given.
    """

    path: Path
    configuration: Mapping[str, Any] = field(repr=False)
    records: Mapping[Key, Record] = field(repr=False)
    places: Mapping[Key, Path] = field(repr=False)
    base: Record | None = field(default=None, repr=False)
    own: Template | None = field(default=None, repr=False)

    @classmethod
    def read(cls, path: str | Path, template: Template | None = None) -> "Results":
        """Read the folder of a run, finished or not.

        Parameters
        ----------
        path
            The folder.
        template
            The template of one's own that it was made with; without it rows are not written as
            text, and all else is read.

        Raises
        ------
        InvalidInput
            If it is not the folder of a run, none of its generations is finished, or a file is
            damaged.
        """
        path = Path(path)
        configuration = read_configuration(path)
        found = {key: (place, _metrics(place)) for key, place in sorted(_places(path).items())}
        if not found:
            raise InvalidInput(
                f"path = {str(path)!r}: no generation is finished yet; go on with the run"
            )
        return cls(
            path=path,
            configuration=configuration,
            records={key: {**record, "workflow": key[0]} for key, (_, record) in found.items()},
            places={key: place for key, (place, _) in found.items()},
            base=read_record(path / BASE),
            own=template,
        )

    @property
    def workflows(self) -> tuple[str, ...]:
        """The names of the workflows, sorted."""
        return tuple(sorted({workflow for workflow, _, _ in self.records}))

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, sorted."""
        return tuple(sorted({seed for _, seed, _ in self.records}))

    @property
    def generations(self) -> tuple[int, ...]:
        """The generations that any workflow and seed has finished, sorted."""
        return tuple(sorted({t for _, _, t in self.records}))

    @property
    def template(self) -> Template:
        """How rows are written as text.

        Raises
        ------
        InvalidInput
            If it is one of the user's own that was not given.
        """
        if self.own is not None:
            return self.own
        if not self.has_template:
            raise InvalidInput(
                f"{self.path} was made with a template of its own: give it, "
                "Results.read(path, template)"
            )
        columns = tuple(self.configuration["columns"])
        for template in TEMPLATES:
            if template.columns == columns:
                return template
        raise InvalidInput(f"{self.path / 'run.json'}: the columns {columns!r} have no template")

    @property
    def has_template(self) -> bool:
        """Whether it is known how rows are written as text."""
        return self.own is not None or "template" not in self.configuration

    def table(self) -> dict[str, list[Any]]:
        """Return the tidy table: its columns, with one row per workflow, seed and generation.

        The first row is of generation 0, if the run has one: its workflow is "base", and it has no
        seed.

        Columns are "workflow", "seed", "generation", "outcome" and every metric. There is one
        "rejected_REASON" per reason: 0 where nothing was rejected for it. A metric that a
        generation does not have is NaN, the counts of a sampler that was given up included.
        """
        return self._table([*([self.base] if self.base else []), *self.records.values()])

    def _table(self, records: Iterable[Record]) -> dict[str, list[Any]]:
        flat = [_flat(record) for record in records]
        first = (*KEYS, "outcome")
        names = dict.fromkeys([*first, *(name for record in flat for name in record)])
        reasons = [name for name in names if name.startswith(REJECTED)]
        for record in flat:
            if any(name in record for name in reasons):
                record.update({name: record.get(name, 0) for name in reasons})
        return {name: [record.get(name, math.nan) for record in flat] for name in names}

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the metrics."""
        return tuple(name for name in self.table() if name not in (*KEYS, "outcome"))

    def values(self, metric: str, workflow: str) -> Floats:
        """Return a metric of a workflow, shape (seeds, generations), NaN where it is missing."""
        self._check_workflow(workflow)
        if metric not in self.metrics:
            raise unknown("metric", metric, self.metrics)
        result = np.full((len(self.seeds), len(self.generations)), np.nan)
        column = self._table(self.records.values()).get(metric, [])
        for (name, seed, t), value in zip(self.records, column, strict=bool(column)):
            if name == workflow:
                result[self.seeds.index(seed), self.generations.index(t)] = value
        return result

    def nats(self, workflow: str, seed: int, generation: int) -> Floats:
        """Return -log p of each held-out row under the model of a generation, shape (rows,)."""
        place = self._place(workflow, seed, generation)
        return np.array(read_table(place / "held_out.parquet")["nats"], dtype=np.float64)

    def tokens(self, workflow: str, seed: int, generation: int) -> Floats | None:
        """Return the number of tokens of each held-out row; None if the run did not write it."""
        table = read_table(self._place(workflow, seed, generation) / "held_out.parquet")
        return np.array(table["tokens"], dtype=np.float64) if "tokens" in table.columns else None

    def samples(self, workflow: str, seed: int, generation: int) -> list[Row]:
        """Return the rows that a generation's model sampled: batch generation + 1.

        Raises
        ------
        InvalidInput
            If the generation is not finished, or its sampler was given up as hopeless.
        """
        place = self._place(workflow, seed, generation)
        outcome = self.records[workflow, seed, generation]["outcome"]
        if outcome != "completed":
            raise InvalidInput(
                f"{workflow}, seed {seed}, generation {generation} has no samples: {outcome}"
            )
        return read_rows(place / "samples.parquet")

    def token_ids(self, workflow: str, seed: int, generation: int) -> list[list[int]]:
        """Return the tokens of those rows as they were sampled, start and end included.

        Raises
        ------
        InvalidInput
            As `samples`, or if the folder is of a version that kept the texts alone.
        """
        self.samples(workflow, seed, generation)
        path = self._place(workflow, seed, generation) / "samples.parquet"
        tokens = read_tokens(path)
        if tokens is None:
            raise InvalidInput(
                f"{path} holds texts alone: an older version wrote it, which trained on what they "
                "are encoded to; encode them again with the run's tokenizer"
            )
        return tokens

    def real(self, seed: int) -> list[Row]:
        """Return the rows of batch 1."""
        if seed not in self.seeds:
            raise unknown("seed", seed, map(str, self.seeds))
        return read_rows(self.path / f"seed-{seed}" / "real.parquet")

    def held_out(self) -> list[Row]:
        """Return the held-out rows, in the order of `nats`."""
        return read_rows(self.path / "held_out.parquet")

    def reference(self, seed: int, rows: int = MOST_ROWS) -> dict[str, float]:
        """Return the diversity of the real batch.

        Parameters
        ----------
        seed
            The seed.
        rows
            How many rows to use, at most 1,000. The measures depend on it: compare them with
            those of samples of the same number, or of at least 1,000 where batch 1 has as many.
        """
        return diversity([self.template.write(row) for row in self.real(seed)[:rows]])

    def _check_workflow(self, workflow: str) -> None:
        if workflow not in self.workflows:
            raise unknown("workflow", workflow, self.workflows)

    def _place(self, workflow: str, seed: int, generation: int) -> Path:
        self._check_workflow(workflow)
        place = self.places.get((workflow, seed, generation))
        if place is None:
            there = [t for name, s, t in self.records if (name, s) == (workflow, seed)]
            raise InvalidInput(
                f"{workflow}, seed {seed}, generation {generation} is not finished; there are "
                f"the generations {', '.join(map(str, there)) or 'none'} of this seed, and the "
                f"seeds {', '.join(map(str, self.seeds))}"
            )
        return place


def _places(path: Path) -> dict[Key, Path]:
    """Return the folders of the finished generations; the shared one for each that begins there."""
    own: dict[Key, Path] = {}
    for seed, seed_folder in _numbered(path, "seed"):
        for chain in sorted(one for one in seed_folder.iterdir() if one.is_dir()):
            for t, place in _numbered(chain, "generation"):
                if (place / "metrics.json").exists():
                    own[chain.name, seed, t] = place
    shared = {key: place for key, place in own.items() if key[0] == SHARED}
    result = {key: place for key, place in own.items() if key not in shared}
    first = {workflow for workflow, _, t in result if t == 1}
    borrowers = {workflow for workflow, _, _ in result} - first
    for (_, seed, t), place in shared.items():
        for workflow in borrowers or {SHARED}:
            result[workflow, seed, t] = place
    return result


def _numbered(path: Path, name: str) -> Iterator[tuple[int, Path]]:
    """Yield the folders NAME-0, NAME-1, ... with their numbers; not those half-written."""
    for place in path.iterdir():
        match = re.fullmatch(rf"{name}-(\d+)", place.name)
        if match and place.is_dir():
            yield int(match[1]), place


def _metrics(place: Path) -> Record:
    record = read_record(place)
    assert record is not None  # noqa: S101 - finished folders alone are looked at
    return record


def _flat(record: Record) -> dict[str, Any]:
    """Return the scalars of a record, with the rejected samples by reason."""
    result: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            counts = {**dict.fromkeys(REASONS, 0), **value}
            result |= {f"{name}_{reason}": count for reason, count in counts.items()}
        elif isinstance(value, (int, float)) or name in TEXTS:
            result[name] = value
    return result
