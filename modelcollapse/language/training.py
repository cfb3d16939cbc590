"""Fine-tuning on rows of tokens, with transformers' Trainer."""

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelcollapse.language import backend
from modelcollapse.language.arguments import made
from modelcollapse.language.recipe import Recipe
from modelcollapse.language.tokens import Encoder
from modelcollapse.language.tracking import Tracking

Advance = Callable[[float], None]  # called with the finished share

UNTRACKED = Tracking()
SAMPLERS = {"random": "random", "by_length": "group_by_length"}
SCHEDULES = {"constant": "constant_with_warmup", "linear": "linear"}


@dataclass(frozen=True)
class Training:
    """What a training run did.

    Attributes
    ----------
    steps
        Optimiser steps.
    loss
        Mean training loss, nats per token.
    tokens
        Tokens trained on, padding not counted, each epoch anew.
    seconds
        Wall time.
    """

    steps: int
    loss: float
    tokens: int
    seconds: float


def fine_tune(
    model: Any,
    encoder: Encoder,
    examples: Sequence[Sequence[int]],
    recipe: Recipe,
    seed: int,
    *,
    weights: Sequence[float] | None = None,
    given: Sequence[int] | None = None,
    scratch: Path | None = None,
    tracking: Tracking = UNTRACKED,
    advance: Advance | None = None,
) -> Training:
    """Train a model in place.

    Parameters
    ----------
    model
        A causal language model of transformers.
    encoder
        Its encoder.
    examples
        Token numbers of each row, start and end included.
    recipe
        How to train.
    seed
        Of the order of the rows and of dropout.
    weights
        One weight per row, with mean 1; not with packed rows.
    given
        How many tokens at the beginning of each row no loss is on; by default the start alone.
    scratch
        A folder for the Trainer's files, by default a temporary one.
    tracking
        Who hears of it.
    advance
        Called with the finished share.
    """
    started = time.monotonic()
    if recipe.packed:
        examples = encoder.blocks(examples)
    with (
        tempfile.TemporaryDirectory(dir=scratch) as folder,
        tracking.placed(),
        backend.seeded(seed),
    ):
        arguments = _arguments(recipe, len(examples), seed, folder, tracking.arguments())
        trainer = _trainer(
            model,
            encoder,
            _data(examples, weights, given),
            arguments,
            advance,
            _row_tokens(examples, given) if recipe.loss == "rows" else None,
        )
        output = trainer.train()
        # Under bfloat16 it has put a forward of its own, with autocast, before the model's.
        trainer.accelerator.unwrap_model(trainer.model_wrapped, keep_fp32_wrapper=False)
        trainer.accelerator.free_memory()  # the optimiser's, which sampling needs
    tokens = sum(map(len, examples)) * output.metrics["epoch"]
    return Training(
        int(output.global_step),
        float(output.training_loss),
        round(tokens),
        time.monotonic() - started,
    )


def _arguments(recipe: Recipe, rows: int, seed: int, folder: str, tracker: dict[str, Any]) -> Any:
    """Return the Trainer's arguments for so many rows."""
    on_cpu = backend.device().type == "cpu"
    said = {
        "output_dir": folder,
        "per_device_train_batch_size": recipe.batch_size,
        "gradient_accumulation_steps": recipe.accumulation,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": SCHEDULES[recipe.schedule],
        "warmup_steps": int(recipe.warmup * planned_steps(rows, recipe)),
        "num_train_epochs": recipe.epochs,
        "max_steps": recipe.steps or -1,
        "bf16": backend.precise(recipe.precision) == "bfloat16",
        "train_sampling_strategy": SAMPLERS[recipe.batching],
        "remove_unused_columns": False,
        "ddp_find_unused_parameters": False,
        "seed": seed,
        "save_strategy": "no",
        "logging_steps": 10,
        **tracker,
        "disable_tqdm": True,
        "use_cpu": on_cpu,
        "dataloader_pin_memory": not on_cpu,
    }
    arguments = made({**said, **recipe.training})
    # A process that sees several GPUs would split each batch over them and multiply its size by
    # their number: another recipe. Several processes are what accelerate launch is for.
    arguments._n_gpu = min(1, arguments.n_gpu)  # noqa: SLF001 - it has no public switch
    return arguments


def _row_tokens(examples: Sequence[Sequence[int]], given: Sequence[int] | None) -> float:
    """Return the mean number of tokens that a row's loss is on."""
    without = len(examples) if given is None else sum(given)
    return (sum(map(len, examples)) - without) / len(examples)


def _data(
    examples: Sequence[Sequence[int]],
    weights: Sequence[float] | None,
    given: Sequence[int] | None,
) -> Any:
    """Return the rows, their lengths, weights and given tokens as a data set."""
    from datasets import Dataset

    columns: dict[str, Any] = {
        "input_ids": list(examples),
        "length": [len(ids) for ids in examples],
    }
    if weights is not None:
        columns["weight"] = list(weights)
    if given is not None:
        columns["given"] = list(given)
    return Dataset.from_dict(columns)


def _trainer(
    model: Any,
    encoder: Encoder,
    data: Any,
    arguments: Any,
    advance: Advance | None,
    row_tokens: float | None,
) -> Any:
    from transformers import PrinterCallback

    from modelcollapse.language.trainer import Progress, RowTrainer

    trainer = RowTrainer(
        model=model,
        args=arguments,
        train_dataset=data,
        row_tokens=row_tokens,
        data_collator=Collator(encoder.padding),
        callbacks=[] if advance is None else [Progress(advance)],
    )
    trainer.remove_callback(PrinterCallback)  # it writes on standard output
    return trainer


def planned_steps(rows: int, recipe: Recipe) -> int:
    """Return the optimiser steps that the Trainer will take on so many rows."""
    if recipe.steps is not None:
        return recipe.steps
    passes = math.ceil(rows / (recipe.batch_size * backend.world()))
    return math.ceil(recipe.epochs * math.ceil(passes / recipe.accumulation))


@dataclass(frozen=True)
class Collator:
    """Pads token numbers on the right, and masks the padding in attention and loss.

    What is given, the start or a prompt, is masked in the loss alone.

    transformers' language-modelling collator masks every token that equals the padding, which
    hides the end of each row from a model whose padding is its end-of-sequence token.
    """

    padding: int

    def __call__(self, features: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return tensors of shape (rows, longest row)."""
        import torch

        # One tensor of all rows: to make one of each row takes longer than a small model's step.
        lengths = torch.tensor([len(f["input_ids"]) for f in features])
        longest = int(lengths.max())
        padded = ([*f["input_ids"], *[self.padding] * longest][:longest] for f in features)
        ids = torch.tensor(list(padded))
        mask = (torch.arange(longest) < lengths[:, None]).long()
        batch = {"input_ids": ids, "attention_mask": mask}
        batch["labels"] = ids.masked_fill(mask == 0, -100)
        # The start is given, never predicted; some models' losses would count it all the same.
        for i, f in enumerate(features):
            batch["labels"][i, : f.get("given", 1)] = -100
        if "weight" in features[0]:
            batch["weight"] = torch.tensor([f["weight"] for f in features], dtype=torch.float32)
        return batch
