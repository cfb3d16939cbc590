"""The loop: fine-tune, judge, sample, and fine-tune the base again on what the workflow chooses."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse.checks import whole
from modelcollapse.errors import InvalidInput, invalid
from modelcollapse.language import backend
from modelcollapse.language.folder import (
    Folder,
    Record,
    check_space,
    generation_folder,
    read_record,
    read_rows,
    write_json,
    write_parquet,
)
from modelcollapse.language.judging import Judge
from modelcollapse.language.sampling import HopelessError, Samples, sample
from modelcollapse.language.settings import WORKFLOWS, Settings, Setup, checked_seeds, prepare
from modelcollapse.language.template import Row
from modelcollapse.language.training import fine_tune
from modelcollapse.language.work import (
    Announce,
    Keep,
    Options,
    Report,
    carry_out,
    unheard,
    unseen,
    within,
    working,
)
from modelcollapse.selection import select
from modelcollapse.workflows import Workflow

SHARED = "real"  # the chain of the generation that is fitted to the whole real batch
TRAINING_SHARE = 0.8  # of a generation's time, for the progress shown
FLOAT_BYTES = 4


def label(workflow: Workflow) -> str:
    """Return the name of a workflow with its own parameters: that of its folder.

    Raises
    ------
    InvalidInput
        If it is no name for a folder, or taken.
    """
    name = str(getattr(workflow, "name", type(workflow).__name__))
    parts = [f"{key}-{value}" for key, value in vars(workflow).items() if value is not None]
    text = "-".join([name, *parts])
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

    def batches(self, t: int) -> list[Row]:
        """Return batches 1, ..., t one after the other."""
        paths = [self.folder.path / f"seed-{self.seed}" / "real.parquet"]
        paths += [self.place(s) / "samples.parquet" for s in range(1, t)]
        rows: list[Row] = []
        for path, size in zip(paths, self.sizes, strict=False):
            batch = read_rows(path)
            if len(batch) != size:
                raise InvalidInput(
                    f"{path} has {len(batch)} rows, not {size}: delete its folder, and the later "
                    "generations' with it"
                )
            rows += batch
        return rows

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
        """Finish the generations that are not finished; a hopeless sampler ends it."""
        rows = self.rows()
        for t in range(1, self.generations + 1):
            record = read_record(self.place(t))
            if record is None:
                record = self.generation(t, within(report, rows, t))
                announce(summary(self.name(t), record))
            elif record["outcome"] == "completed" and record["sampled"] != self.sizes[t]:
                raise InvalidInput(
                    f"samples: {self.name(t)}, sampled {record['sampled']} rows, and "
                    f"{self.sizes[t]} are wanted now; give the schedule it began with, or another "
                    "folder"
                )
            if record["outcome"] != "completed":
                return

    def generation(self, t: int, report: Report) -> Record:
        """Train, judge and sample generation t, and write it."""
        chosen, weights = self.select(t)
        pool = self.batches(t)
        rows = [pool[i] for i in chosen]
        what = self.name(t)
        encoder, recipe = self.setup.encoder, self.setup.recipe
        model = self.setup.base.model(backend.derived(self.seed, backend.INITIAL, t))
        with generation_folder(self.place(t)) as partial:
            training = fine_tune(
                model,
                encoder,
                encoder.encode(rows),
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
                "training_rows": len(rows),
                "real_share": float(np.mean(chosen < self.sizes[0])),
                "steps": training.steps,
                "training_loss": training.loss,
                "training_tokens": training.tokens,
                "training_seconds": training.seconds,
                **sampled,
            }
            if partial is not None:
                write_parquet(partial / "held_out.parquet", {"nats": nats})
                write_json(partial / "metrics.json", record)
        if self.options.keep == "last" and t > 1 and backend.rank() == 0:
            shutil.rmtree(self.place(t - 1) / "model", ignore_errors=True)
        return record

    def _sample(
        self, t: int, model: Any, partial: Path | None, report: Report, what: str
    ) -> tuple[Record, str]:
        """Write batch t + 1; return what is known of it, and the generation's outcome."""
        if backend.precise(self.setup.recipe.precision) == "bfloat16":
            model.bfloat16()  # the model is saved by now
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
            if t == 1:
                raise InvalidInput(f"{what}: {hopeless}") from hopeless
            return {"sampled": 0, **counts(hopeless.samples)}, str(hopeless)
        if partial is not None:
            rows = samples.rows
            write_parquet(
                partial / "samples.parquet", {key: [r[key] for r in rows] for key in rows[0]}
            )
        return {
            "sampled": len(samples.rows),
            **counts(samples),
            **self.judge.variety(samples.rows),
        }, "completed"


def counts(samples: Samples) -> Record:
    """Return what is recorded of sampling."""
    return {
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


def run(
    settings: Settings | None = None,
    output: str | Path = "language-run",
    *,
    workflows: Sequence[Workflow] = WORKFLOWS,
    generations: int = 4,
    seeds: Sequence[int] = (0,),
    options: Options | None = None,
    report: Report | None = None,
    announce: Announce | None = None,
) -> Path:
    """Run the loop, or what is left of it, and return its folder.

    Parameters
    ----------
    settings
        Model, data and recipe.
    output
        The folder of the run. The same call resumes it; more generations, workflows or seeds
        extend it.
    workflows
        Which rows each generation is trained on.
    generations
        The number of fits; generation 1 is the fit to real data.
    seeds
        One run of everything for each.
    options
        How to carry it out.
    report
        Called with the finished share and what is under way.
    announce
        Called with a line on each generation as it is finished.

    Returns
    -------
    Path
        The folder; `modelcollapse.language.Results.read` reads it.

    Raises
    ------
    InvalidInput
        If an argument is wrong, the model or the data cannot be loaded, the disk is too small, or
        the folder holds another run. Nothing finished is ever overwritten.
    MissingDependency
        If torch, transformers, datasets or accelerate is not installed.
    """
    settings, options = settings or Settings(), options or Options()
    whole("generations", generations)
    seeds = checked_seeds(seeds)
    if not isinstance(workflows, Sequence) or not all(isinstance(w, Workflow) for w in workflows):
        raise invalid("workflows", workflows, "give a sequence, such as [Replace(), Accumulate()]")
    labels = [label(workflow) for workflow in workflows]
    if not labels or len(set(labels)) < len(labels):
        raise invalid("workflows", labels, "give at least one, and none twice")
    show, tell = report or unseen, announce or unheard
    setup = prepare(settings, lambda share: show(0.0, f"building {settings.model}: {share:.0%}"))
    options.check()
    sizes = setup.sizes(generations)
    if setup.recipe.packed:
        for workflow in workflows:
            check_weights(workflow, sizes)
    size = needed(setup, sizes, len(seeds) * len(labels), options.keep)
    check_space(Path(output), size, "the run")
    real = {seed: setup.corpus.draw(sizes[0], seed, setup.encoder.usable) for seed in seeds}
    folder = Folder(Path(output), setup.described())
    with working(folder, options):
        for line in setup.lines() if announce else ():
            tell(line)
        folder.rows("held_out", setup.held_out)
        for seed, rows in real.items():
            folder.rows(f"seed-{seed}/real", rows, "samples")
        backend.wait()
        judge = Judge(setup)
        chains = [
            Chain(setup, judge, folder, options, workflow, seed, sizes)
            for seed in seeds
            for workflow in workflows
        ]
        # Workflows share the fit to the whole real batch: it comes before they part.
        first = {chain.place(1): replace(chain, sizes=sizes[:2]) for chain in chains}
        phases = [list(first.values()), chains]
        carry_out(phases, options, show, tell)
    return folder.path


def check_weights(workflow: Workflow, sizes: Sequence[int]) -> None:
    """Raise InvalidInput if a workflow weights rows, which packed blocks mix."""
    for t in range(1, len(sizes)):
        _, weights = select(workflow, list(sizes[:t]), np.random.default_rng(0))
        if weights is not None:
            raise InvalidInput(
                f"workflows: {label(workflow)} weights rows, and a packed block has parts of "
                "several; leave the weight out, or do not pack"
            )


def needed(setup: Setup, sizes: Sequence[int], chains: int, keep: Keep) -> int:
    """Return about how many bytes are written: the models kept, one more on the way, and rows."""
    kept = {"all": chains * (len(sizes) - 1), "last": chains, "none": 0}[keep]
    model = FLOAT_BYTES * setup.base.parameters()
    return (kept + (kept > 0)) * model + chains * sum(sizes) * setup.recipe.max_length * FLOAT_BYTES
