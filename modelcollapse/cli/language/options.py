"""Options that the commands on language models share."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from modelcollapse._support.checks import Samples
from modelcollapse._support.errors import InvalidInput
from modelcollapse.cli.importing import instance
from modelcollapse.cli.output import note, progress
from modelcollapse.cli.whole import MaybeWhole, Whole
from modelcollapse.language import Options, Recipe, Settings
from modelcollapse.language.arguments import parse
from modelcollapse.language.recipe import Batching, Loss, LossOn, Precision, Prompts, Schedule
from modelcollapse.language.settings import CHAT, default_recipe
from modelcollapse.language.template import Template
from modelcollapse.language.work import Announce, Keep, Report


@Parameter(name="*")
@dataclass(frozen=True)
class ModelOptions:
    """The model, the data, and how to train and sample."""

    model: str = "tiny-gemma2"
    "tiny-gemma2, -llama, -qwen2 or -gpt2, counts, bigram, smollm2, a folder, a GGUF or a hub id."

    data: str = "grammar"
    "grammar, topics, docstrings, documentation, a .jsonl, .csv or .parquet file, folder or hub id."

    subset: str | None = None
    "The configuration of a hub data set that has several."

    columns: str | None = None
    "The columns of prompt and response, or of the text, such as question,answer."

    held_out: MaybeWhole = None
    "Real rows to judge every model on; default 4,000 of the grammar, else at most 1,000."

    from_scratch: Annotated[bool, Parameter(negative="")] = False
    "Start from random weights in every generation, and train on packed text."

    learning_rate: float | None = None
    "After the warm-up; default 8e-6 (the paper's), 1e-3 for small models or from scratch."

    schedule: Schedule | None = None
    "constant (the default), or linear: the learning rate falls to 0 at the last step."

    batch_size: MaybeWhole = None
    "Rows per device and forward pass; default 8, and 32 for small models."

    accumulation: MaybeWhole = None
    "Forward passes per step; default 16, and 1 for small models."

    epochs: float | None = None
    "Passes over the training rows; default 1."

    steps: MaybeWhole = None
    "Optimiser steps instead of epochs, the same for every generation and workflow."

    warmup: float | None = None
    "The share of the steps in which the learning rate rises; default 0.05."

    max_length: MaybeWhole = None
    "Tokens per row, at most; default 512, and 256 for small models."

    batching: Batching | None = None
    "random (the default), or by_length: faster, and biased to short rows."

    loss: Loss | None = None
    "tokens (the default): the mean of a step's tokens; rows: every row counts alike."

    prompts: Prompts | None = None
    "sampled (the default): whole rows; real: the model answers the prompts of the real rows."

    loss_on: LossOn | None = None
    "text (the default), or completion: the answers alone, with --prompts real."

    retokenise: Annotated[bool, Parameter(negative="")] = False
    "Train on the samples' texts, encoded again, as the paper; not on the tokens sampled."

    precision: Precision | None = None
    "Of training and sampling: float32, bfloat16, or auto: bfloat16 on a GPU that has it."

    training: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    "More of transformers' TrainingArguments, as name=value (repeat it) or a JSON file of them."

    lora: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    "Train adapters by peft, then merge: its LoraConfig as name=value (repeat it) or a JSON file."

    sampler: str | None = None
    "Your own sampler, as module:Name of a class or an object; see the page on language models."

    trainer: str | None = None
    "Your own trainer, likewise."

    template: str | None = None
    "chat: the chat template of the model's tokenizer; or your own, likewise."

    metric: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    "Your own metric of a generation, a function as module:name; repeat it for several."

    smoothing: float | None = None
    "Of counts and bigram: the count added to each alternative or pair; default 0."

    temperature: float | None = None
    "Of the sampling, without top-k or top-p; default 1."

    sampling_batch: MaybeWhole = None
    "Sequences sampled at a time; default 512."

    least_acceptance: float | None = None
    "The share of well-formed samples below which sampling stops as hopeless; default 0.05."

    def build(self, samples: Samples | None = None) -> Settings:
        """Return the settings."""
        recipe = default_recipe(self.model, from_scratch=self.from_scratch)
        names = [field.name for field in fields(Recipe)]
        given = {n: v for n in names if (v := getattr(self, n, None)) is not None}
        given["training"] = parse(self.training)
        given["lora"] = parse(self.lora, "lora") if self.lora else None
        return Settings(
            model=self.model,
            data=self.data,
            samples=samples,
            held_out=self.held_out,
            from_scratch=self.from_scratch,
            recipe=replace(recipe, **given),
            subset=self.subset,
            columns=None if self.columns is None else tuple(self.columns.split(",")),
            sampler=None if self.sampler is None else instance("sampler", self.sampler),
            trainer=None if self.trainer is None else instance("trainer", self.trainer),
            template=self._template(),
            metrics=tuple(instance("metric", name) for name in self.metric),
        )

    def _template(self) -> Template | Literal["chat"] | None:
        if self.template is None or self.template == CHAT:
            return None if self.template is None else "chat"
        found: Template = instance("template", self.template)
        return found


@Parameter(name="*")
@dataclass(frozen=True)
class WorkOptions:
    """How to carry the work out; the numbers do not depend on it."""

    seeds: str = "0"
    "One run of everything for each, such as 0,1,2."

    keep: Keep = "last"
    "Models to keep: all, last (of each workflow and seed) or none; those left out are not remade."

    jobs: Whole = 1
    "Processes that workflows and seeds are spread over, each on a GPU of its own if it can be."

    threads: MaybeWhole = None
    "Threads of each process; results have the same bits for the same number."

    report_to: str = "none"
    "A tracker that transformers knows, such as tensorboard, wandb or trackio."

    def build(self) -> Options:
        """Return the options."""
        return Options(
            keep=self.keep, jobs=self.jobs, threads=self.threads, report_to=self.report_to
        )


def parse_numbers(name: str, text: str) -> list[int]:
    """Return whole numbers from text such as "0,1,2"."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise InvalidInput(f"{name} = {text!r}: give whole numbers, such as 0,1,2") from error


def note_interrupted(output: Path) -> None:
    """Say what an interruption leaves."""
    note(
        f"interrupted: what is finished is kept in {output}; the same command goes on with the rest"
    )


@contextmanager
def shown(*, quiet: bool) -> Iterator[tuple[Report, Announce]]:
    """Give the functions that show progress and finished work on standard error.

    Of the processes that ``accelerate launch`` starts, only the first shows anything; quiet, none.
    """
    from modelcollapse.language.backend import first_process

    if quiet or not first_process():
        yield (lambda share, what: None), (lambda line: None)  # noqa: ARG005
        return
    with progress(1.0) as show:
        yield show, note
