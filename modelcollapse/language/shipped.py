"""The sampler and the trainer of transformers: what a loop has without parts of one's own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelcollapse._support.checks import whole
from modelcollapse.language import backend
from modelcollapse.language.base import Base
from modelcollapse.language.generating import completed
from modelcollapse.language.lora import adapted, merged
from modelcollapse.language.recipe import Precision, Recipe
from modelcollapse.language.sampling import lowered
from modelcollapse.language.template import Plain
from modelcollapse.language.tokens import Encoder
from modelcollapse.language.tracking import Tracking
from modelcollapse.language.trained import TrainedModel
from modelcollapse.language.training import UNTRACKED, fine_tune


@dataclass(frozen=True)
class TransformersSampler:
    """Samples from a model of transformers, in waves of growing length.

    A token is where the cumulative law passes a uniform number; each row has numbers of its own,
    so that it is the same in any batch, but for rounding. A model that prepares the inputs of a
    step by itself, or has a cache that rows cannot leave, is sampled by its own `generate`.

    Attributes
    ----------
    batch
        Sequences sampled at a time.
    precision
        Of the weights and the computation, as in a `Recipe`.
    """

    batch: int = 512
    precision: Precision = "auto"

    def sample(
        self,
        model: TrainedModel,
        prompts: Sequence[Sequence[int]],
        *,
        max_length: int,
        temperature: float,
        seed: int,
    ) -> list[list[int]]:
        """Return what follows each prompt, up to its end: see `Sampler`."""
        whole("batch", self.batch)
        recipe = Recipe(
            sampling_batch=self.batch, precision=self.precision, temperature=temperature
        )
        encoder = Encoder(model.tokenizer, Plain(), max_length)
        drawing = lowered(model, recipe)
        stream = backend.derived(seed, min(map(len, prompts), default=0))
        return completed(drawing, encoder, [list(prompt) for prompt in prompts], recipe, stream)


@dataclass(frozen=True)
class TransformersTrainer:
    """Fine-tunes with transformers' Trainer: all weights, or adapters that are merged into them.

    Attributes
    ----------
    tracking
        Who hears of it.
    advance
        Called with the finished share.
    given
        How many tokens at the beginning of each row no loss is on; by default the start alone.
    """

    tracking: Tracking = UNTRACKED
    advance: Callable[[float], None] | None = None
    given: Sequence[int] | None = None

    def train(
        self,
        base: Base,
        rows: Sequence[Sequence[int]],
        recipe: Recipe,
        *,
        weights: Sequence[float] | None,
        seed: int,
        folder: Path,
    ) -> TrainedModel:
        """Return the base trained on rows, in memory: see `Trainer`."""
        model = base.model(backend.derived(seed, backend.INITIAL))
        if recipe.lora is not None:
            with backend.seeded(backend.derived(seed, backend.INITIAL, 1)):
                model = adapted(model, recipe.lora)
        encoder = Encoder(base.tokenizer, Plain(), recipe.max_length)
        scratch = folder.parent if folder.parent.is_dir() else None
        training = fine_tune(
            model,
            encoder,
            rows,
            recipe,
            seed,
            weights=weights,
            given=self.given,
            scratch=scratch,
            tracking=self.tracking,
            advance=self.advance,
        )
        whole = model if recipe.lora is None else merged(model)
        return TrainedModel(base.tokenizer, folder, whole, training)
