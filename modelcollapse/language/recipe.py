"""How a language model is trained and sampled: the paper's recipe, and one for small models."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from modelcollapse._support.checks import fraction, positive, whole
from modelcollapse._support.errors import invalid
from modelcollapse.language.arguments import checked_names
from modelcollapse.language.lora import checked_adapter

Precision = Literal["auto", "float32", "bfloat16"]
Batching = Literal["random", "by_length"]
Loss = Literal["tokens", "rows"]
LossOn = Literal["text", "completion"]
Prompts = Literal["sampled", "real"]
Schedule = Literal["constant", "linear"]
KINDS = {
    "batching": Batching,
    "precision": Precision,
    "loss": Loss,
    "loss_on": LossOn,
    "prompts": Prompts,
    "schedule": Schedule,
}
LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything about one generation but its data; the defaults are the paper's.

    Attributes
    ----------
    learning_rate
        After the warm-up.
    schedule
        "constant", or "linear": the learning rate falls to 0 at the last step, so that a model
        ends nearer to the optimum of its loss.
    batch_size
        Rows per device in one forward pass.
    accumulation
        Forward passes per optimiser step, so that a step sees batch_size * accumulation rows per
        process; a process uses one device.
    epochs
        Passes over the training rows.
    steps
        Optimiser steps instead of epochs; the same for every generation, whatever its data.
    warmup
        The share of the steps, rounded down, in which the learning rate rises from 0.
    max_length
        Tokens per row, start and end included. Longer rows are dropped, and samples that do not
        end within it are rejected. With `packed` it is the length of a block.
    packed
        Train on blocks of concatenated rows, as in pre-training, instead of one row at a time.
    batching
        "random", or "by_length": batches of rows of similar length, as transformers'
        group_by_length makes them. They save padding and change what is learned: each batch's loss
        is a mean over its tokens, so the tokens of short rows count more, samples get shorter, and
        the loop collapses towards short rows under every workflow.
    retokenise
        Train on what the text of a sample is encoded to, as the paper does. Otherwise a model is
        trained on the very tokens that were sampled: one text has several spellings in tokens, a
        model samples them all, and an encoder writes one.
    loss
        "tokens": a step's loss is the mean over its tokens, as everybody trains. It is a ratio,
        and on few rows per step the tokens of short rows count more. "rows": it is the sum over
        its rows, over their number times the mean length of all rows; so every row counts alike in
        every step, which is the maximum likelihood of rows. Not with `packed`.
    prompts
        "sampled": whole rows are sampled, from the empty prompt. "real": a sampled batch keeps the
        prompts of the real batch, and has an answer of the model to each. Not for plain text.
    loss_on
        "text": the loss is on every token of a row. "completion": on those after its prompt alone,
        and models are judged on these as well; with real prompts, as a model cannot sample a
        prompt that it never learned. Not with `packed`.
    precision
        "bfloat16" trains float32 weights under bfloat16 autocast and samples from bfloat16
        weights; "auto" is "bfloat16" on a GPU that has it and "float32" elsewhere. Models are
        judged in float32 always, and how far the sampler's law is from the judged model's is
        recorded.
    training
        More arguments of transformers' Trainer, by the names of its TrainingArguments, such as
        {"gradient_checkpointing": True}; not those that other options or the loop say.
    lora
        Train low-rank adapters alone, by peft, and merge them into the weights before the model is
        judged and sampled: arguments of peft's LoraConfig, such as {"r": 8, "lora_alpha": 16}. {}
        is peft's defaults; None trains all weights.
    smoothing
        Of a model by counts, "counts" or "bigram": the count added to each alternative, or to each
        pair of tokens. Without it what no row has is lost, and has an infinite loss.
    temperature
        Of the sampling; 0 is the most probable token. Nothing is truncated (no top-k, no top-p).
    sampling_batch
        Sequences sampled at a time.
    least_acceptance
        Sampling stops as hopeless when fewer than this share of 512 samples are well-formed, or
        of fewer samples so few that chance would make it so one time in a hundred.

    References
    ----------
    Kazdan et al., arXiv 2410.16713, and its code: Gemma 2 2B on HelpSteer2, learning rate 8e-6, 8
    rows times 16 accumulations, one epoch, 5 % warm-up, 512 tokens, temperature 1.
    """

    learning_rate: float = 8e-6
    schedule: Schedule = "constant"
    batch_size: int = 8
    accumulation: int = 16
    epochs: float = 1.0
    steps: int | None = None
    warmup: float = 0.05
    max_length: int = 512
    packed: bool = False
    batching: Batching = "random"
    loss: Loss = "tokens"
    prompts: Prompts = "sampled"
    loss_on: LossOn = "text"
    retokenise: bool = False
    precision: Precision = "auto"
    training: Mapping[str, Any] = field(default_factory=dict, hash=False)
    lora: Mapping[str, Any] | None = field(default=None, hash=False)
    smoothing: float = 0.0
    temperature: float = 1.0
    sampling_batch: int = 512
    least_acceptance: float = 0.05

    def __post_init__(self) -> None:
        object.__setattr__(self, "training", checked_names(self.training))
        if self.lora is not None:
            object.__setattr__(self, "lora", checked_adapter(self.lora))
        positive("learning_rate", self.learning_rate)
        positive("epochs", self.epochs)
        for name in ("batch_size", "accumulation", "sampling_batch"):
            whole(name, getattr(self, name))
        whole("max_length", self.max_length, minimum=4)
        fraction("least_acceptance", self.least_acceptance)
        if self.steps is not None:
            whole("steps", self.steps)
        if not _is_number(self.warmup) or not 0 <= self.warmup < 1:
            raise invalid("warmup", self.warmup, "give a share from 0 to below 1")
        if not _is_number(self.smoothing) or self.smoothing < 0:
            raise invalid("smoothing", self.smoothing, "give a finite number, at least 0")
        if not _is_number(self.temperature) or self.temperature < 0:
            raise invalid("temperature", self.temperature, "give a finite number, at least 0")
        for name, kind in KINDS.items():
            if getattr(self, name) not in get_args(kind):
                raise invalid(name, getattr(self, name), f"one of {', '.join(get_args(kind))}")
        if self.packed and self.loss == "rows":
            raise invalid("loss", self.loss, "packed blocks are no rows: leave one of the two out")
        if self.loss_on == "completion" and (self.packed or self.prompts != "real"):
            remedy = "packed blocks mix prompts and answers: leave one of the two out"
            if not self.packed:
                remedy = "a model that learns no prompts cannot sample any: give prompts = 'real'"
            raise invalid("loss_on", self.loss_on, remedy)

    @property
    def rows_per_step(self) -> int:
        """The rows or blocks that a process sees in an optimiser step."""
        return self.batch_size * self.accumulation

    def described(self) -> dict[str, Any]:
        """Return the recipe as plain data."""
        return asdict(self)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


PAPER = Recipe()
SMALL = Recipe(learning_rate=1e-3, batch_size=32, accumulation=1, max_length=256)
FROM_SCRATCH = Recipe(learning_rate=1e-3, batch_size=8, accumulation=4, packed=True)
