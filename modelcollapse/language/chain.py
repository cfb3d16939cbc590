"""One workflow with one seed: fine-tune, judge, sample, and fine-tune the base again."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support.checks import Integers
from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.sealed import read_table, write_json, write_table
from modelcollapse.language import backend
from modelcollapse.language.folder import (
    REJECTED,
    TOKENS,
    Folder,
    Record,
    generation_folder,
    read_examples,
    read_rows,
    write_samples,
)
from modelcollapse.language.judging import Judge
from modelcollapse.language.sampling import HopelessError, Samples, sample
from modelcollapse.language.settings import Setup
from modelcollapse.language.training import fine_tune
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
SHOWN_CHARACTERS = 120  # of a rejected sample, in a message
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
    if text == SHARED or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
        raise InvalidInput(
            f"workflows: {text!r} cannot be the name of a folder; give your workflow a name of "
            f"letters, digits, '.', '_' and '-' other than {SHARED!r}"
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

    def examples(self, t: int, chosen: Integers) -> list[list[int]]:
        """Return the tokens of the rows with these sorted numbers in batches 1, ..., t."""
        paths = [self.folder.path / f"seed-{self.seed}" / "real.parquet"]
        paths += [self.place(s) / "samples.parquet" for s in range(1, t)]
        found: list[list[int]] = []
        first = 0
        for path, size in zip(paths, self.sizes, strict=False):
            if (there := len(read_rows(path))) != size:
                raise InvalidInput(
                    f"{path} has {there} rows, not {size}: delete its folder, and the later "
                    "generations' with it"
                )
            own = chosen[(chosen >= first) & (chosen < first + size)] - first
            found += read_examples(path, self.setup.encoder, own)
            first += size
        return found

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
                record = self.generation(t, within(report, rows, t))
                line = summary(self.name(t), record)
                hopeless = record["outcome"] != "completed"
                announce(f"{line}; {self._kept(t)}" if hopeless else line)
            elif record["outcome"] == "completed" and record["sampled"] != self.sizes[t]:
                raise InvalidInput(
                    f"samples: {self.name(t)}, sampled {record['sampled']} rows, and "
                    f"{self.sizes[t]} are wanted now; give the schedule it began with, or another "
                    "folder"
                )
            if record["outcome"] != "completed":
                if t == 1:
                    raise InvalidInput(f"{self.name(t)}: {record['outcome']}; {self._kept(t)}")
                return

    def _kept(self, t: int) -> str:
        """Return where the first rejected samples are, and the first one."""
        path = self.place(t) / REJECTED
        first = read_table(path).row(0, named=True)
        text = first["text"]
        cut = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
        return f"rejected samples are in {path}, the first one, {first['reason']}: {cut!r}"

    def generation(self, t: int, report: Report) -> Record:
        """Train, judge and sample generation t, and write it."""
        chosen, weights = self.select(t)
        examples = self.examples(t, chosen)
        what = self.name(t)
        encoder, recipe = self.setup.encoder, self.setup.recipe
        model = self.setup.base.model(backend.derived(self.seed, backend.INITIAL, t))
        with generation_folder(self.place(t)) as partial:
            training = fine_tune(
                model,
                encoder,
                examples,
                recipe,
                backend.derived(self.seed, backend.TRAIN, t),
                weights=None if weights is None else weights / weights.mean(),
                scratch=partial,
                report_to=self.options.report_to,
                name=f"{what} of {self.folder.path.name}",
                logs=self.folder.logs(self.place(t)),
                advance=lambda share: report(TRAINING_SHARE * share, f"{what}: training"),
            )
            nats = self.judge.nats(model)
            if partial is not None and self.options.keep != "none":
                save(model, encoder.tokenizer, partial / "model")
            sampled, outcome = self._sample(t, model, partial, report, what)
            record: Record = {
                "workflow": self.stage(t),
                "seed": self.seed,
                "generation": t,
                "outcome": outcome,
                **self.judge.losses(nats),
                "training_rows": len(examples),
                "real_share": float(np.mean(chosen < self.sizes[0])),
                "steps": training.steps,
                "training_loss": training.loss,
                "training_tokens": training.tokens,
                "training_seconds": training.seconds,
                **sampled,
            }
            if partial is not None:
                write_table(partial / "held_out.parquet", {"nats": nats})
                write_json(partial / "metrics.json", record)
        if self.options.keep == "last" and t > 1 and backend.rank() == 0:
            shutil.rmtree(self.place(t - 1) / "model", ignore_errors=True)
        return record

    def _sample(
        self, t: int, model: Any, partial: Path | None, report: Report, what: str
    ) -> tuple[Record, str]:
        """Write batch t + 1; return what is known of it, and the generation's outcome."""
        try:
            samples = sample(
                model,
                self.setup.encoder,
                self.sizes[t],
                self.setup.recipe,
                backend.derived(self.seed, backend.SAMPLE, t),
                advance=lambda share: report(
                    TRAINING_SHARE + (1 - TRAINING_SHARE) * share, f"{what}: sampling"
                ),
            )
        except HopelessError as hopeless:
            self._write_rejected(hopeless.samples, partial)
            return {"sampled": 0, **counts(hopeless.samples)}, str(hopeless)
        self._write_rejected(samples, partial)
        if partial is not None:
            write_samples(partial / "samples.parquet", samples.rows, samples.ids)
        return {
            "sampled": len(samples.rows),
            **counts(samples),
            "respelled": samples.respelled,
            **self.judge.variety(samples.rows),
        }, "completed"

    def _write_rejected(self, samples: Samples, partial: Path | None) -> None:
        """Write the first rejected samples: the reason, the text and the tokens of each."""
        if partial is None or not samples.shown:
            return
        reasons, tokens = map(list, zip(*samples.shown, strict=True))
        texts = self.setup.encoder.tokenizer.batch_decode(tokens, skip_special_tokens=False)
        columns = {"reason": reasons, "text": texts, TOKENS: tokens}
        write_table(partial / REJECTED, columns)


def counts(samples: Samples) -> Record:
    """Return what is recorded of sampling."""
    known = {} if samples.divergence is None else {"sampler_divergence": samples.divergence}
    return {
        **known,
        "tried": samples.tried,
        "acceptance": samples.acceptance,
        "rejected": samples.rejected,
        "sampled_tokens": samples.tokens,
        "sampling_seconds": samples.seconds,
    }


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Save a checkpoint: safetensors, in float32."""
    from safetensors import SafetensorError

    try:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    except SafetensorError as error:  # what it makes of a full disk
        raise OSError(f"{folder} cannot be written: {error}") from error


def summary(name: str, record: Record) -> str:
    """Return a line on a finished generation."""
    parts = [f"{name}: loss {record['loss']:.4f} nats per token"]
    if "excess" in record:
        parts.append(f"{record['excess']:.3f} nats per row above the entropy")
    if record["outcome"] != "completed":
        parts.append(record["outcome"])
    return ", ".join(parts)
