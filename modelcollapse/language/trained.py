"""A trained model: a folder, a loaded model, or both."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from modelcollapse._support.checks import Floats
from modelcollapse.language import backend
from modelcollapse.language.base import Base
from modelcollapse.language.evaluation import row_nats, vocabulary
from modelcollapse.language.tokens import Encoder
from modelcollapse.language.training import Training


@dataclass(eq=False)
class TrainedModel:
    """What a trainer hands to the judge, the sampler and the metrics.

    Whoever asks for the model loaded gets it loaded, and whoever asks for a folder gets one: what
    is not there yet is made then.

    Attributes
    ----------
    tokenizer
        Of transformers.
    place
        Where its folder is, or will be if somebody asks for it.
    given
        The loaded model, or None where there is a folder alone.
    training
        What the training did, if it is known.
    """

    tokenizer: Any
    place: Path
    given: Any = field(default=None, repr=False)
    training: Training | None = None

    @cached_property
    def loaded(self) -> Any:
        """The causal language model of transformers, in float32 and in evaluation mode.

        Raises
        ------
        InvalidInput
            If its folder is none of a model.
        """
        model = self.given
        if model is None:
            model = Base(str(self.place)).model(0).to(backend.device())
        return model.eval()

    @property
    def vocabulary(self) -> int:
        """The number of the model's tokens."""
        return vocabulary(self.loaded)

    def nats(
        self,
        encoder: Encoder,
        examples: Sequence[Sequence[int]],
        given: Sequence[int] | None = None,
    ) -> Floats:
        """Return -log p of each row: see `row_nats`."""
        return row_nats(self.loaded, encoder, examples, given)

    @cached_property
    def bfloat16(self) -> Any:
        """A copy with bfloat16 weights."""
        return copy.deepcopy(self.loaded).bfloat16().eval()

    @cached_property
    def folder(self) -> Path:
        """The folder: config.json, weights in float32 as safetensors, and the tokenizer."""
        if not self.place.exists():
            save(self.loaded, self.tokenizer, self.place)
        return self.place

    def write(self, folder: Path) -> None:
        """Write the model to a folder, unless that is its own and it is there."""
        if folder == self.place:
            _ = self.folder
        else:
            save(self.loaded, self.tokenizer, folder)


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Save a checkpoint: safetensors, in float32."""
    from safetensors import SafetensorError

    try:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    except SafetensorError as error:  # what it makes of a full disk
        raise OSError(f"{folder} cannot be written: {error}") from error
