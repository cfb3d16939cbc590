"""One workflow with one seed: fine-tune, judge, sample, and fine-tune the base again."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.sealed import write_json, write_table
from modelcollapse.language import backend
from modelcollapse.language.batch import rejected_in, write_batch
from modelcollapse.language.corpus import grammar_text
from modelcollapse.language.counting import excesses
from modelcollapse.language.fitting import fit
from modelcollapse.language.folder import (
    BASE,
    Folder,
    Record,
    generation_folder,
    read_examples,
    read_given,
    read_rows,
)
from modelcollapse.language.judging import Judge
from modelcollapse.language.own import measured
from modelcollapse.language.protocols import Generation
from modelcollapse.language.sampling import Samples
from modelcollapse.language.settings import Setup
from modelcollapse.language.template import Row
from modelcollapse.language.trained import TrainedModel
from modelcollapse.language.work import (
    Announce,
    Options,
    Report,
    within,
)
from modelcollapse.loop.schedule import counted
from modelcollapse.workflows import BY_NAME, Workflow
from modelcollapse.workflows.selection import select

SHARED = "real"  # the chain of the generation that is fitted to the whole real batch
TRAINING_SHARE = 0.8  # of a generation's time, for the progress shown


def label(workflow: Workflow) -> str:
    """Return the name of a workflow with its own parameters: that of its folder.

    Raises
    ------
    InvalidInput
        If it is no name for a folder, or taken.
    """
    name = str(getattr(workflow, "name", type(workflow).__name__))
    if name in BY_NAME and counted(workflow) is None:  # another's name, inherited
        name = type(workflow).__name__
    held = getattr(workflow, "__dict__", {})
    parts = [f"{key}-{value}" for key, value in held.items() if value is not None]
    text = getattr(workflow, "label", "-".join([name, *parts]))
    if text in (SHARED, BASE) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
        raise InvalidInput(
            f"workflows: {text!r} cannot be the name of a folder; give your workflow a name of "
            f"letters, digits, '.', '_' and '-' other than {SHARED!r} and {BASE!r}"
        )
    return text


@dataclass(frozen=True, eq=False)
class Chain:
    """One workflow with one seed."""

    setup: Setup
    judge: Judge
    folder: Folder
    options: Options
    workflow: Workflow
    seed: int
    sizes: Sequence[int]

    def stage(self, t: int) -> str:
        """Return the workflow's label; or SHARED where generation 1 trains on the whole batch."""
        return SHARED if t == 1 and self._whole_first() else label(self.workflow)

    def name(self, t: int) -> str:
        """Return what generation t is called in messages."""
        return f"{self.stage(t)}, seed {self.seed}, generation {t}"

    def place(self, t: int) -> Path:
        """Return the folder of generation t."""
        return self.folder.generation(self.seed, self.stage(t), t)

    def _whole_first(self) -> bool:
        rows, weights = self.select(1)
        return weights is None and len(rows) == self.sizes[0]

    def select(self, t: int) -> tuple[Any, Any]:
        """Return the sorted row numbers that generation t trains on, and their weights or None."""
        rng = np.random.default_rng([self.seed, backend.SELECT, t])
        chosen, weights = select(self.workflow, list(self.sizes[:t]), rng)
        order = np.argsort(chosen, kind="stable")
        return chosen[order], None if weights is None else weights[order]

    @property
    def _real(self) -> Path:
        return self.folder.path / f"seed-{self.seed}" / "real.parquet"

    def _prompting(self) -> list[Row] | None:
        """Return the rows whose prompts are answered, or None where prompts are sampled."""
        return read_rows(self._real) if self.setup.recipe.prompts == "real" else None

    def examples(self, t: int, chosen: Integers) -> tuple[list[list[int]], list[int] | None]:
        """Return the tokens of the rows with these sorted numbers in batches 1, ..., t.

        And how many tokens of each are its prompt, where no loss is on that.
        """
        paths = [self._real]
        paths += [self.place(s) / "samples.parquet" for s in range(1, t)]
        found: list[list[int]] = []
        given: list[int] = []
        masked, encoder = self.setup.recipe.loss_on == "completion", self.setup.encoder
        first = 0
        for path, size in zip(paths, self.sizes, strict=False):
            if (there := len(read_rows(path))) != size:
                raise InvalidInput(
                    f"{path} has {there} rows, not {size}: delete its folder, and the later "
                    "generations' with it"
                )
            own = chosen[(chosen >= first) & (chosen < first + size)] - first
            rows = read_examples(path, encoder, own)
            found += rows
            given += read_given(path, encoder, own, rows) if masked else []
            first += size
        return found, given if masked else None

    @property
    def generations(self) -> int:
        """How many there are; one more batch is sampled."""
        return len(self.sizes) - 1

    def rows(self) -> list[int]:
        """Return the number of training rows of each generation."""
        return [len(self.select(t)[0]) for t in range(1, self.generations + 1)]

    @property
    def size(self) -> int:
        """The training rows of all generations."""
        return sum(self.rows())

    def run(self, report: Report, announce: Announce) -> None:
        """Finish the generations that are not finished; a hopeless sampler ends it.

        Raises
        ------
        InvalidInput
            If it is that of generation 1: then there is no loop to speak of.
        """
        rows = self.rows()
        for t in range(1, self.generations + 1):
            record = self.folder.finished(self.place(t), announce)
            if record is None:
                record = self.generation(t, within(report, rows, t), announce)
                line = summary(self.name(t), record)
                hopeless = record["outcome"] != "completed"
                announce(f"{line}; {rejected_in(self.place(t))}" if hopeless else line)
            elif record["outcome"] == "completed" and record["sampled"] != self.sizes[t]:
                raise InvalidInput(
                    f"samples: {self.name(t)}, sampled {record['sampled']} rows, and "
                    f"{self.sizes[t]} are wanted now; give the schedule it began with, or another "
                    "folder"
                )
            if record["outcome"] != "completed":
                if t == 1:
                    raise InvalidInput(
                        f"{self.name(t)}: {record['outcome']}; {rejected_in(self.place(t))}"
                    )
                return

    def generation(self, t: int, report: Report, announce: Announce) -> Record:
        """Train, judge, sample and measure generation t, and write it."""
        chosen, weights = self.select(t)
        examples, given = self.examples(t, chosen)
        what, keep = self.name(t), self.options.keep
        tracking = self.folder.tracking(self.place(t), what, self.options.report_to)
        with generation_folder(self.place(t)) as partial:
            place = (partial or self.place(t)) / "model"
            model, training = fit(
                self.setup,
                examples,
                weights=None if weights is None else weights / weights.mean(),
                given=given,
                seed=backend.derived(self.seed, backend.TRAIN, t),
                place=place,
                tracking=tracking,
                advance=lambda share: report(TRAINING_SHARE * share, f"{what}: training"),
            )
            nats = self.judge.nats(model)
            if partial is not None and keep != "none":
                model.write(place)
            samples, sampled, outcome = write_batch(
                self.judge,
                model,
                self.sizes[t],
                backend.derived(self.seed, backend.SAMPLE, t),
                partial,
                lambda share: report(
                    TRAINING_SHARE + (1 - TRAINING_SHARE) * share, f"{what}: sampling"
                ),
                self._prompting(),
            )
            record: Record = {
                "workflow": self.stage(t),
                "seed": self.seed,
                "generation": t,
                "outcome": outcome,
                **self.judge.losses(nats),
                **self._counted(t),
                "training_rows": len(examples),
                "real_share": float(np.mean(chosen < self.sizes[0])),
                **training,
                **sampled,
            }
            if partial is not None:
                if outcome == "completed":
                    self._measure(t, model, samples, record, announce)
                write_table(partial / "held_out.parquet", self.judge.scored(nats))
                write_json(partial / "metrics.json", record)
                if keep == "none":  # a sampler or a metric may have asked for a folder
                    shutil.rmtree(place, ignore_errors=True)
        if backend.rank() == 0:
            tracking.log(record, t)
            if keep == "last" and t > 1:
                shutil.rmtree(self.place(t - 1) / "model", ignore_errors=True)
        return record

    def _counted(self, t: int) -> Record:
        """Return the excess of a loop by counts that begins with the same rows, if it is known."""
        found = self._by_counts
        return {} if np.isnan(found[t - 1]) else {"counted_excess": float(found[t - 1])}

    @cached_property
    def _by_counts(self) -> Floats:
        """The excess of a loop by counts: the same real batch, sizes and choice of rows."""
        grammar, unknown = self.setup.corpus.grammar, np.full(self.generations, np.nan)
        if grammar is None or not self.judge.whole:
            return unknown
        real = [grammar.derivation(grammar_text(row)) for row in read_rows(self._real)]
        if not all(real):
            return unknown
        return excesses(
            grammar,
            [used for used in real if used is not None],
            self.sizes,
            self.select,
            lambda t: np.random.default_rng([self.seed, backend.COUNTED, t]),
        )

    def _measure(
        self, t: int, model: TrainedModel, samples: Samples, record: Record, announce: Announce
    ) -> None:
        """Add the numbers of the user's metrics to a record; say which failed."""
        write = self.setup.corpus.template.write
        generation = Generation(
            workflow=record["workflow"],
            seed=self.seed,
            number=t,
            model=model,
            rows=samples.rows,
            texts=[write(row) for row in samples.rows],
            token_ids=samples.ids,
            rng=np.random.default_rng([self.seed, backend.METRIC, t]),
        )
        numbers, failed = measured(self.setup.settings.metrics, generation, record)
        record |= numbers
        if failed:
            record["failed_metrics"] = failed
            announce(f"{self.name(t)}: metrics failed: {'; '.join(failed)}")


def summary(name: str, record: Record) -> str:
    """Return a line on a finished generation."""
    parts = [f"{name}: loss {record['loss']:.4f} nats per token"]
    if "excess" in record:
        parts.append(f"{record['excess']:.3f} nats per row above the entropy")
    if record["outcome"] != "completed":
        parts.append(record["outcome"])
    return ", ".join(parts)
