"""What the parts of a loop are asked for: any sampler, trainer, template or metric will do.

Each is a plain object with one method (a template has two, and its columns). `Settings` takes them,
and the command line takes ``module:Name``. What a run keeps says which ones it was made with, and
their code: it is not gone on with by others. `modelcollapse.testing` has a suite for each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from modelcollapse.language.base import Base
from modelcollapse.language.recipe import Recipe
from modelcollapse.language.template import Row, Template
from modelcollapse.language.trained import TrainedModel

__all__ = ["Generation", "Metric", "Sampler", "Template", "Trainer"]


@runtime_checkable
class Sampler(Protocol):
    """Samples the tokens that follow prompts."""

    def sample(
        self,
        model: TrainedModel,
        prompts: Sequence[Sequence[int]],
        *,
        max_length: int,
        temperature: float,
        seed: int,
    ) -> Sequence[Sequence[int]]:
        """Return what follows each prompt, up to its end.

        Parameters
        ----------
        model
            `model.folder` is a checkpoint of transformers on the disk, `model.loaded` the model in
            memory, and `model.tokenizer` its tokenizer.
        prompts
            Tokens, at least one each. A loop gives the start of a row alone, which is the
            beginning-of-sequence token, or the end-of-sequence token where there is none; where
            prompts are kept, the start and a prompt, of many lengths.
        max_length
            The most tokens of a row, its prompt included.
        temperature
            1 is the model's law itself, and 0 the most probable token. Nothing else may change the
            law: no top-k, no top-p, no penalties.
        seed
            Of all randomness: the same one gives the same rows, others give independent ones.

        Returns
        -------
        sequence of sequences of int
            One for each prompt, in their order: the tokens after the prompt, the end-of-sequence
            token included. One without it has as many tokens as max_length allows.
        """
        ...


@runtime_checkable
class Trainer(Protocol):
    """Fits a model to rows of tokens."""

    def train(
        self,
        base: Base,
        rows: Sequence[Sequence[int]],
        recipe: Recipe,
        *,
        weights: Sequence[float] | None,
        seed: int,
        folder: Path,
    ) -> TrainedModel | Path:
        """Return the base trained on rows; the base itself stays as it is.

        Parameters
        ----------
        base
            `base.source` is the checkpoint's folder or its id on the hub, `base.model(seed)` a
            fresh copy in memory, in float32, and `base.tokenizer` its tokenizer.
        rows
            Tokens of each row, start and end included.
        recipe
            How to train; a trainer of one's own may read what it likes of it.
        weights
            One weight per row, with mean 1, or None. One that cannot weight rows raises
            InvalidInput where there are weights.
        seed
            Of all randomness.
        folder
            Where the model may be written: a path that does not exist yet.

        Returns
        -------
        TrainedModel or Path
            The model, or the folder of one: a causal language model of transformers with the
            base's tokens, which is judged as any other.
        """
        ...


@dataclass(frozen=True, eq=False)
class Generation:
    """What a metric sees.

    Attributes
    ----------
    workflow, seed, number
        Which generation it is; the first is 1.
    model
        Its model.
    rows
        The rows that it has sampled.
    texts
        The same as texts.
    token_ids
        The same as tokens, start and end included.
    rng
        The only source of randomness: its state depends on the seed and the generation alone.
    """

    workflow: str
    seed: int
    number: int
    model: TrainedModel
    rows: Sequence[Row]
    texts: Sequence[str]
    token_ids: Sequence[Sequence[int]]
    rng: np.random.Generator = field(repr=False)

    @property
    def tokenizer(self) -> Any:
        """The tokenizer of transformers."""
        return self.model.tokenizer


@runtime_checkable
class Metric(Protocol):
    """Measures a generation: any function will do."""

    def __call__(self, generation: Generation, /) -> Mapping[str, float]:
        """Return numbers by name; they go where the loop's own metrics go."""
        ...
