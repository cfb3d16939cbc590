"""Synthetic rows: sampled from the empty prompt, read back, the malformed ones counted.

A sample is kept if it ends within `max_length` tokens and is text in the template. So a batch is
drawn from the model's law given that: rejection conditions the law of each generation.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from modelcollapse._support.errors import ModelCollapseError
from modelcollapse.language import backend
from modelcollapse.language.asking import Asking, Empty, Given
from modelcollapse.language.evaluation import divergence
from modelcollapse.language.generating import Beat, completed
from modelcollapse.language.own import drawn
from modelcollapse.language.protocols import Sampler
from modelcollapse.language.recipe import Recipe
from modelcollapse.language.template import PromptedTemplate, Row
from modelcollapse.language.tokens import Encoder
from modelcollapse.language.trained import TrainedModel

MARGIN = 1.05  # more is asked for than the acceptance rate so far calls for
MOST_BATCHES = 8  # sampled before the samples are read
FIRST_TRIED = 64  # samples of a first wave, before whole batches
SCORED = 256  # sequences, the first ones, by which a sampler in bfloat16 is told from the model
LEAST_TRIED = 512  # samples by whose acceptance rate a sampler is judged
CHANCE = 0.01  # of so few well-formed ones, at the least acceptance, that it is judged before
SHOWN = 20  # rejected samples, the first ones, that are kept

Draw = Callable[[list[list[int]], int, Beat], list[list[int]]]  # what follows prompts, by a seed


@dataclass(frozen=True)
class Samples:
    """Well-formed rows, and what was rejected to get them.

    Attributes
    ----------
    rows
        As many as were asked for.
    ids
        The tokens of each row, start and end included, as they were sampled.
    tried
        The sequences sampled.
    rejected
        How many were rejected, by reason.
    shown
        The first of them: the reason, and the tokens after the start.
    respelled
        The share of the rows whose text is encoded to other tokens than those sampled.
    tokens
        The tokens sampled, those of rejected sequences included.
    seconds
        Wall time.
    replaced
        The prompts that were left out, as they had no well-formed answer.
    divergence
        Of a sampler in bfloat16 from the model that is judged, nats per sequence: the mean over
        the first sequences, rejected ones included. None where both are one.
    """

    rows: list[Row]
    tried: int
    ids: list[list[int]] = field(default_factory=list)
    rejected: dict[str, int] = field(default_factory=dict)
    shown: list[tuple[str, list[int]]] = field(default_factory=list)
    respelled: float = 0.0
    tokens: int = 0
    seconds: float = 0.0
    replaced: int = 0
    divergence: float | None = None

    @property
    def acceptance(self) -> float:
        """The share of the sequences that were well-formed."""
        return 1 - sum(self.rejected.values()) / max(1, self.tried)


class HopelessError(ModelCollapseError):
    """Almost no sample is well-formed; an outcome of a loop, not a wrong input.

    Attributes
    ----------
    samples
        What was sampled until then.
    """

    def __init__(self, message: str, samples: Samples) -> None:
        super().__init__(message)
        self.samples = samples

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[type, tuple[str, Samples]]:
        return type(self), (str(self), self.samples)


def sample(
    model: TrainedModel,
    encoder: Encoder,
    count: int,
    recipe: Recipe,
    seed: int,
    *,
    sampler: Sampler | None = None,
    real: Sequence[Row] | None = None,
    advance: Callable[[float], None] | None = None,
) -> Samples:
    """Sample rows until `count` are well-formed.

    Parameters
    ----------
    model
        The trained model.
    encoder
        Its encoder; a sample is rejected unless it ends within `max_length` tokens, is text in
        the template, and, where it is encoded again to be trained on, short enough then.
    count
        The rows wanted.
    recipe
        Its temperature, sampling_batch and least_acceptance are used.
    seed
        Of the sampling.
    sampler
        What draws the tokens; by default `completed`.
    real
        Rows whose prompts are answered, of a template that has prompts; by default whole rows are
        sampled from the empty prompt.
    advance
        Called with the finished share.

    Raises
    ------
    HopelessError
        If fewer than `least_acceptance` of 512 samples are well-formed, or of fewer samples so few
        that chance would make it so one time in a hundred.
    """
    started = time.monotonic()
    asking: Asking = Empty(encoder)
    if real is not None and isinstance(encoder.template, PromptedTemplate):
        asking = Given(encoder, encoder.template, real, count, seed)
    if sampler is None:
        draw = _builtin(model, encoder, recipe, whole=real is None)
    else:
        draw = _of_ones_own(sampler, model, encoder, recipe)
    found = Samples([], 0)
    first: list[tuple[list[int], int]] = []
    calls, size = 0, _share(count, 1.0, FIRST_TRIED // backend.world())
    beat = advance or _unseen
    while len(found.rows) < count:
        stream = backend.derived(seed, calls, backend.rank())
        so_far = partial(beat, len(found.rows) / count)
        wave = asking.wave(size * backend.world())
        each = math.ceil(len(wave) / backend.world())
        own = wave[backend.rank() * each : (backend.rank() + 1) * each]
        drawn_by_all = backend.gathered(draw(own, stream, so_far))
        sequences = [*chain.from_iterable(drawn_by_all)]
        pairs = list(zip(wave, sequences, strict=True))
        first += [([*p, *s], len(p)) for p, s in pairs[: SCORED - len(first)]]
        found = _sorted(found, pairs, encoder, asking)
        calls += 1
        found = replace(found, seconds=time.monotonic() - started)
        _check_hope(found, recipe)
        beat(min(1.0, len(found.rows) / count))
        good, tried = len(found.rows), found.tried
        # Whole batches once there is hope, and until then as many again as have been tried.
        most = MOST_BATCHES * recipe.sampling_batch
        if good < recipe.least_acceptance * tried:
            most = min(most, tried // backend.world())
        size = _share(count - good, max(good / tried, recipe.least_acceptance), most)
    order = asking.order()
    places = range(count) if order is None else np.argsort(order)
    rows, ids = [found.rows[i] for i in places], [found.ids[i] for i in places]
    return replace(
        found,
        rows=rows,
        ids=ids,
        replaced=asking.replaced,
        respelled=_respelled(encoder, rows, ids),
        divergence=_divergence(model, encoder, first, recipe) if sampler is None else None,
        seconds=time.monotonic() - started,
    )


def _sorted(
    found: Samples, pairs: list[tuple[list[int], list[int]]], encoder: Encoder, asking: Asking
) -> Samples:
    """Return what is known with more sequences, the well-formed ones told from the others."""
    rows, ids = list(found.rows), list(found.ids)
    rejected, shown = Counter(found.rejected), list(found.shown)
    texts = [[*prompt[1:], *sequence] for prompt, sequence in pairs]
    begun = [len(prompt) - 1 for prompt, _ in pairs]  # an end may be in a prompt
    real = asking.rows()
    asked = None if real is None else list(zip(real, begun, strict=True))
    for place, (read, text) in enumerate(zip(encoder.decode(texts, asked), texts, strict=True)):
        row, why = (None, read) if isinstance(read, str) else (read, "malformed")
        if asking.answered(place, row) and row is not None:
            rows.append(row)
            ids.append([encoder.start, *text[: text.index(encoder.end, begun[place]) + 1]])
        else:
            rejected[why] += 1
            shown += [(why, text)] * (len(shown) < SHOWN)
    tokens = found.tokens + sum(len(sequence) for _, sequence in pairs)
    tried = found.tried + len(pairs)
    return replace(
        found,
        rows=rows,
        ids=ids,
        tried=tried,
        rejected=dict(rejected),
        shown=shown,
        tokens=tokens,
    )


def _respelled(encoder: Encoder, rows: list[Row], ids: list[list[int]]) -> float:
    """Return the share of rows whose text is encoded to other tokens than those sampled."""
    pairs = zip(encoder.encode(rows), ids, strict=True)
    return sum(one != other for one, other in pairs) / max(1, len(rows))


def lowered(model: TrainedModel, recipe: Recipe) -> Any:
    """Return what is sampled from: the model, or its copy with bfloat16 weights."""
    # Training held gradients and two moments beside the weights: there is room for a copy.
    return model.bfloat16 if backend.precise(recipe.precision) == "bfloat16" else model.loaded


def _builtin(model: TrainedModel, encoder: Encoder, recipe: Recipe, *, whole: bool) -> Draw:
    drawing = lowered(model, recipe)

    def draw(prompts: list[list[int]], stream: int, beat: Beat) -> list[list[int]]:
        if whole:
            return _generate(drawing, encoder, len(prompts), recipe, stream, beat)
        return completed(drawing, encoder, prompts, recipe, stream, beat)

    return draw


def _of_ones_own(sampler: Sampler, model: TrainedModel, encoder: Encoder, recipe: Recipe) -> Draw:
    def draw(prompts: list[list[int]], stream: int, beat: Beat) -> list[list[int]]:
        beat()
        found = sampler.sample(
            model,
            prompts,
            max_length=encoder.max_length,
            temperature=recipe.temperature,
            seed=stream,
        )
        return drawn(sampler, found, prompts, encoder, model.vocabulary)

    return draw


def _divergence(
    model: TrainedModel, encoder: Encoder, sequences: list[tuple[list[int], int]], recipe: Recipe
) -> float | None:
    drawing = lowered(model, recipe)
    if drawing is model.loaded or recipe.temperature == 0:
        return None
    ids, given = map(list, zip(*sequences, strict=True))
    return float(divergence(drawing, model.loaded, encoder, ids, recipe, given).mean())


def _share(missing: int, acceptance: float, most: int) -> int:
    """Return how many sequences each process samples next, `most` at most."""
    return max(1, min(most, math.ceil(MARGIN * missing / acceptance / backend.world())))


def _unseen(share: float) -> None:
    del share


def _check_hope(found: Samples, recipe: Recipe) -> None:
    from scipy.special import bdtr

    good, tried, least = len(found.rows), found.tried, recipe.least_acceptance
    if good >= least * tried or (tried < LEAST_TRIED and bdtr(good, tried, least) >= CHANCE):
        return
    ordered = sorted(found.rejected.items(), key=lambda pair: -pair[1])
    reasons = ", ".join(f"{n} {reason}" for reason, n in ordered)
    raise HopelessError(
        f"sampling is hopeless: {good} of {tried} samples are well-formed ({reasons}), "
        f"fewer than least_acceptance = {least:g}; train longer, raise max_length or lower the "
        "temperature",
        found,
    )


def _generate(
    model: Any,
    encoder: Encoder,
    count: int,
    recipe: Recipe,
    seed: int,
    beat: Beat = lambda: None,
) -> list[list[int]]:
    """Return the tokens of `count` sequences after the start, each up to its end if it has one."""
    return completed(model, encoder, [[encoder.start]] * count, recipe, seed, beat)
