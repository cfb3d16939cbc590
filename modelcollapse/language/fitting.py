"""Fitting a model to rows, with transformers' Trainer or with a trainer of one's own."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.language import backend
from modelcollapse.language.base import Base
from modelcollapse.language.folder import Record
from modelcollapse.language.own import name_of
from modelcollapse.language.protocols import Trainer
from modelcollapse.language.settings import Setup
from modelcollapse.language.shipped import TransformersTrainer
from modelcollapse.language.tracking import Tracking
from modelcollapse.language.trained import TrainedModel


def fit(
    setup: Setup,
    examples: Sequence[Sequence[int]],
    *,
    weights: Any = None,
    given: Sequence[int] | None = None,
    seed: int,
    place: Path,
    tracking: Tracking,
    advance: Callable[[float], None],
) -> tuple[TrainedModel, Record]:
    """Return the base fitted to rows of tokens, and what is recorded of it.

    Parameters
    ----------
    setup
        The base, the recipe and the trainer.
    examples
        Tokens of each row; without any the model is the base.
    weights
        One weight per row, with mean 1, or None.
    given
        How many tokens of each row are its prompt, on which there is no loss, or None.
    seed
        Of all randomness.
    place
        Where the model's folder is to be, if anybody asks for it.
    tracking
        Who hears of it.
    advance
        Called with the finished share.

    Raises
    ------
    InvalidInput
        If a trainer of one's own returns nothing that can be judged and sampled.
    """
    started = time.monotonic()
    trainer: Trainer = setup.settings.trainer or TransformersTrainer(tracking, advance, given)
    if examples:
        how = {"weights": weights, "seed": seed, "folder": place}
        found = trainer.train(setup.base, examples, setup.recipe, **how)
        model = checked_model(found, setup.base, trainer)
    else:
        fresh = setup.base.model(backend.derived(seed, backend.INITIAL))
        model = TrainedModel(setup.base.tokenizer, place, fresh.to(backend.device()))
    done = model.training
    if done is None:
        tokens, seconds = sum(map(len, examples)), time.monotonic() - started
        known = {} if examples else {"steps": 0}
        return model, {**known, "training_tokens": tokens, "training_seconds": seconds}
    return model, {
        "steps": done.steps,
        "training_loss": done.loss,
        "training_tokens": done.tokens,
        "training_seconds": done.seconds,
    }


def checked_model(found: Any, base: Base, trainer: Trainer) -> TrainedModel:
    """Return what a trainer has returned as a model, with a place for each of the base's tokens."""
    if isinstance(found, (str, Path)):
        if not Path(found).is_dir():
            raise InvalidInput(f"trainer = {name_of(trainer)}: {str(found)!r} is no folder")
        found = TrainedModel(base.tokenizer, Path(found))
    if not isinstance(found, TrainedModel):
        remedy = "return the folder of the trained model, or a TrainedModel"
        raise invalid(f"trainer = {name_of(trainer)}: what it returned", found, remedy)
    size, tokens = found.vocabulary, len(base.tokenizer)
    if size < tokens:
        raise InvalidInput(
            f"trainer = {name_of(trainer)}: its model has {size} tokens and the base's tokenizer "
            f"{tokens}; keep the base's embeddings"
        )
    return found
