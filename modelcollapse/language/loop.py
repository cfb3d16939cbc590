"""The loop: fine-tune, judge, sample, and fine-tune the base again on what the workflow chooses."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from modelcollapse.checks import whole
from modelcollapse.errors import InvalidInput, invalid
from modelcollapse.language import backend
from modelcollapse.language.folder import (
    Folder,
    Record,
    generation_folder,
    read_record,
    read_rows,
    write_json,
    write_parquet,
)
from modelcollapse.language.judging import Judge
from modelcollapse.language.sampling import HopelessError, sample
from modelcollapse.language.settings import WORKFLOWS, Settings, Setup, checked_seeds, prepare
from modelcollapse.language.template import Row
from modelcollapse.language.training import fine_tune
from modelcollapse.selection import select
from modelcollapse.workflows import Workflow

Keep = Literal["all", "last", "none"]
Report = Callable[[float, str], None]  # called with the finished share and what is under way
Announce = Callable[[str], None]  # called with a line on each finished generation
SHARED = "real"  # the chain of the generation that is fitted to the whole real batch
TRAINING_SHARE = 0.8  # of a generation's time, for the progress shown
FLOAT_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a run is carried out; its numbers do not depend on it.

    Attributes
    ----------
    keep
        Which models to keep: "all", "last" (of each workflow and seed) or "none".
    jobs
        Processes that workflows and seeds are spread over, each with its share of the threads.
    threads
        Threads of each process; by default those that PyTorch chooses, over `jobs`. Results have
        the same bits for the same number of threads.
    report_to
        A tracker that transformers knows, such as "tensorboard", "wandb" or "trackio".
    """

    keep: Keep = "last"
    jobs: int = 1
    threads: int | None = None
    report_to: str = "none"

    def __post_init__(self) -> None:
        if self.keep not in get_args(Keep):
            raise invalid("keep", self.keep, f"one of {', '.join(get_args(Keep))}")
        whole("jobs", self.jobs)
        if self.threads is not None:
            whole("threads", self.threads)


def label(workflow: Workflow) -> str:
    """Return the name of a workflow with its own parameters, fit for a folder."""
    name = str(getattr(workflow, "name", type(workflow).__name__))
    parts = [f"{value:g}" for value in vars(workflow).values() if value is not None]
    return "-".join([name, *parts])


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
        rows = read_rows(self.folder.path / f"seed-{self.seed}" / "real.parquet")
        for s in range(1, t):
            rows += read_rows(self.place(s) / "samples.parquet")
        return rows

    def rows(self, last: int) -> list[int]:
        """Return the number of training rows of generations 1, ..., last."""
        return [len(self.select(t)[0]) for t in range(1, last + 1)]

    def run(self, last: int, report: Report, announce: Announce) -> None:
        """Finish generations 1, ..., last, as far as they are not; a hopeless sampler ends it."""
        rows = self.rows(last)
        for t in range(1, last + 1):
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
                advance=lambda share: report(TRAINING_SHARE * share, f"{what}: training"),
            )
            nats = self.judge.nats(model)
            if partial is not None and self.options.keep != "none":
                save(model, encoder.tokenizer, partial / "model")
            sampled, outcome = self._sample(t, model, partial, report, what)
            record: Record = {
                "workflow": label(self.workflow),
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
            return {"sampled": 0}, str(hopeless)
        if partial is not None:
            rows = samples.rows
            write_parquet(
                partial / "samples.parquet", {key: [r[key] for r in rows] for key in rows[0]}
            )
        return {
            "sampled": len(samples.rows),
            "tried": samples.tried,
            "acceptance": samples.acceptance,
            "rejected": samples.rejected,
            "sampled_tokens": samples.tokens,
            "sampling_seconds": samples.seconds,
            **self.judge.variety(samples.rows),
        }, "completed"


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Save a checkpoint: safetensors, in float32."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


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
    labels = [label(workflow) for workflow in workflows]
    if not labels or len(set(labels)) < len(labels):
        raise invalid("workflows", labels, "give at least one, and none twice")
    show = report or unseen
    setup = prepare(settings, lambda share: show(0.0, f"building {settings.model}: {share:.0%}"))
    if options.jobs > 1 and backend.world() > 1:
        raise InvalidInput(f"jobs = {options.jobs}: one job per process under accelerate launch")
    sizes = setup.sizes(generations)
    folder = Folder(Path(output), setup.described())
    work = _Work(setup, folder, options, tuple(workflows), seeds, tuple(sizes))
    with folder.locked(), backend.quiet(), backend.threads(threads_each(options)):
        folder.need(work.bytes(), "the run")
        folder.rows("held_out", setup.held_out)
        for seed in seeds:
            real = setup.corpus.draw(sizes[0], seed, setup.encoder.usable)
            folder.rows(f"seed-{seed}/real", real)
        backend.wait()
        try:
            if options.jobs == 1:
                work.here(show, announce or unheard)
            else:
                work.spread(show, announce or unheard)
        except BaseException:
            folder.clear()
            raise
    return folder.path


def unseen(share: float, what: str) -> None:
    """Report nothing."""
    del share, what


def unheard(line: str) -> None:
    """Announce nothing."""
    del line


def threads_each(options: Options) -> int | None:
    """Return the threads of each process; None: as many as PyTorch chooses."""
    if options.threads is not None or options.jobs == 1:
        return options.threads
    return max(1, backend.thread_count() // options.jobs)


@dataclass(frozen=True, eq=False)
class _Work:
    """All chains of a run."""

    setup: Setup
    folder: Folder
    options: Options
    workflows: tuple[Workflow, ...]
    seeds: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def generations(self) -> int:
        return len(self.sizes) - 1

    def chains(self) -> list[Chain]:
        """Return the chains, seed by seed."""
        judge = Judge(self.setup)
        return [
            Chain(self.setup, judge, self.folder, self.options, workflow, seed, self.sizes)
            for seed in self.seeds
            for workflow in self.workflows
        ]

    def bytes(self) -> int:
        """Return about how much will be written: the models kept, and one more on the way."""
        chains = len(self.seeds) * len(self.workflows)
        kept = {"all": chains * self.generations, "last": chains, "none": 0}[self.options.keep]
        model = FLOAT_BYTES * parameters(self.setup.base.config)
        rows = sum(self.sizes) * len(self.seeds) * len(self.workflows)
        return (kept + (kept > 0)) * model + rows * self.setup.recipe.max_length * FLOAT_BYTES

    def here(self, report: Report, announce: Announce) -> None:
        """Run one chain after the other."""
        chains = self.chains()
        sizes = [sum(chain.rows(self.generations)) for chain in chains]
        for number, chain in enumerate(chains):
            before, own, total = sum(sizes[:number]), sizes[number], sum(sizes)
            chain.run(
                self.generations,
                lambda share, what, before=before, own=own, total=total: report(  # type: ignore[misc]
                    (before + share * own) / total, what
                ),
                announce,
            )

    def spread(self, report: Report, announce: Announce) -> None:
        """Run the shared first generations, then the chains, over several processes."""
        from joblib import Parallel, delayed

        chains = self.chains()
        first = {chain.place(1): chain for chain in chains}.values()
        longest_first = sorted(chains, key=lambda chain: -sum(chain.rows(self.generations)))
        plan = [(chain, 1) for chain in first], [(c, self.generations) for c in longest_first]
        done, total, threads = 0, sum(map(len, plan)), backend.thread_count()
        with Parallel(n_jobs=self.options.jobs, return_as="generator_unordered") as pool:
            for part in plan:
                tasks = (delayed(_elsewhere)(chain, last, threads) for chain, last in part)
                for lines in pool(tasks):
                    done += 1
                    for line in lines:
                        announce(line)
                    report(done / total, "generations in several processes")


def within(report: Report, rows: Sequence[int], t: int) -> Report:
    """Turn the progress of generation t into that of its chain."""
    before, own, total = sum(rows[: t - 1]), rows[t - 1], sum(rows)
    return lambda share, what: report((before + share * own) / total, what)


def _elsewhere(chain: Chain, last: int, threads: int) -> list[str]:
    """Run a chain in a process of its own; return what there is to say."""
    lines: list[str] = []
    with backend.quiet(), backend.threads(threads):
        chain.run(last, unseen, lines.append)
    return lines


def parameters(config: Any) -> int:
    """Return the number of parameters of an architecture, without making them."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    return int(model.num_parameters())
