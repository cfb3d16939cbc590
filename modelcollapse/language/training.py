"""Fine-tuning on rows of tokens, with transformers' Trainer."""

import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelcollapse.language import backend
from modelcollapse.language.recipe import Recipe
from modelcollapse.language.tokens import Encoder

Advance = Callable[[float], None]  # called with the finished share


TENSORBOARD = "TENSORBOARD_LOGGING_DIR"
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
    scratch: Path | None = None,
    report_to: str = "none",
    name: str = "",
    logs: Path | None = None,
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
    scratch
        A folder for the Trainer's files, by default a temporary one.
    report_to
        A tracker that transformers knows, such as "tensorboard", "wandb" or "trackio".
    name
        The name of the run in the tracker.
    logs
        A folder for tensorboard's files, unless $TENSORBOARD_LOGGING_DIR names one.
    advance
        Called with the finished share.
    """
    started = time.monotonic()
    if recipe.packed:
        examples = encoder.blocks(examples)
    with (
        tempfile.TemporaryDirectory(dir=scratch) as folder,
        _logging(report_to, logs),
        backend.seeded(seed),
    ):
        tracker = {"report_to": report_to, "run_name": name or None}
        arguments = _arguments(recipe, len(examples), seed, folder, tracker)
        trainer = _trainer(model, encoder, _data(examples, weights), arguments, advance)
        output = trainer.train()
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
    from transformers import TrainingArguments

    on_cpu = backend.device().type == "cpu"
    return TrainingArguments(
        output_dir=folder,
        per_device_train_batch_size=recipe.batch_size,
        gradient_accumulation_steps=recipe.accumulation,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=SCHEDULES[recipe.schedule],
        warmup_steps=int(recipe.warmup * planned_steps(rows, recipe)),
        num_train_epochs=recipe.epochs,
        max_steps=recipe.steps or -1,
        bf16=backend.precise(recipe.precision) == "bfloat16",
        train_sampling_strategy=SAMPLERS[recipe.batching],
        remove_unused_columns=False,
        ddp_find_unused_parameters=False,
        seed=seed,
        save_strategy="no",
        logging_steps=10,
        **tracker,
        disable_tqdm=True,
        use_cpu=on_cpu,
        dataloader_pin_memory=not on_cpu,
    )


def _data(examples: Sequence[Sequence[int]], weights: Sequence[float] | None) -> Any:
    """Return the rows, their lengths and their weights as a data set."""
    from datasets import Dataset

    columns: dict[str, Any] = {
        "input_ids": list(examples),
        "length": [len(ids) for ids in examples],
    }
    if weights is not None:
        columns["weight"] = list(weights)
    return Dataset.from_dict(columns)


def _trainer(
    model: Any, encoder: Encoder, data: Any, arguments: Any, advance: Advance | None
) -> Any:
    from transformers import PrinterCallback

    from modelcollapse.language.trainer import Progress, RowTrainer

    trainer = RowTrainer(
        model=model,
        args=arguments,
        train_dataset=data,
        data_collator=Collator(encoder.padding),
        callbacks=[] if advance is None else [Progress(advance)],
    )
    trainer.remove_callback(PrinterCallback)  # it writes on standard output
    return trainer


@contextmanager
def _logging(report_to: str, logs: Path | None) -> Iterator[None]:
    """Say where tensorboard writes: by default beside the Trainer's files, which do not stay."""
    ours = report_to == "tensorboard" and logs is not None and TENSORBOARD not in os.environ
    if ours:
        os.environ[TENSORBOARD] = str(logs)
    try:
        yield
    finally:
        if ours:
            del os.environ[TENSORBOARD]


def planned_steps(rows: int, recipe: Recipe) -> int:
    """Return the optimiser steps that the Trainer will take on so many rows."""
    if recipe.steps is not None:
        return recipe.steps
    passes = math.ceil(rows / (recipe.batch_size * backend.world()))
    return math.ceil(recipe.epochs * math.ceil(passes / recipe.accumulation))


@dataclass(frozen=True)
class Collator:
    """Pads token numbers on the right, and masks the padding in attention and loss.

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
        batch["labels"][:, 0] = -100
        if "weight" in features[0]:
            batch["weight"] = torch.tensor([f["weight"] for f in features], dtype=torch.float32)
        return batch
