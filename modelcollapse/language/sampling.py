"""Synthetic rows: sampled from the empty prompt, read back, the malformed ones counted.

A sample is kept if it ends within `max_length` tokens and is text in the template. So a batch is
drawn from the model's law given that: rejection conditions the law of each generation.
"""

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from modelcollapse._support.errors import ModelCollapseError
from modelcollapse.language import backend
from modelcollapse.language.evaluation import divergence, vocabulary
from modelcollapse.language.generating import Beat, completed
from modelcollapse.language.own import drawn
from modelcollapse.language.protocols import Sampler
from modelcollapse.language.recipe import Recipe
from modelcollapse.language.template import Row
from modelcollapse.language.tokens import Encoder
from modelcollapse.language.trained import TrainedModel

MARGIN = 1.05  # more is asked for than the acceptance rate so far calls for
MOST_BATCHES = 8  # sampled before the samples are read
FIRST_TRIED = 64  # samples of a first wave, before whole batches
SCORED = 256  # sequences, the first ones, by which a sampler in bfloat16 is told from the model
LEAST_TRIED = 512  # samples by whose acceptance rate a sampler is judged
CHANCE = 0.01  # of so few well-formed ones, at the least acceptance, that it is judged before
SHOWN = 20  # rejected samples, the first ones, that are kept

Draw = Callable[[int, int, Beat], list[list[int]]]  # so many sequences, with a seed


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
        What draws the tokens; by default transformers' generate.
    advance
        Called with the finished share.

    Raises
    ------
    HopelessError
        If fewer than `least_acceptance` of 512 samples are well-formed, or of fewer samples so few
        that chance would make it so one time in a hundred.
    """
    started = time.monotonic()
    draw = _builtin(model, encoder, recipe)
    if sampler is not None:
        draw = _of_ones_own(sampler, model, encoder, recipe)
    found = Samples([], 0)
    first: list[list[int]] = []
    calls, size = 0, _share(count, 1.0, FIRST_TRIED // backend.world())
    beat = advance or _unseen
    while len(found.rows) < count:
        stream = backend.derived(seed, calls, backend.rank())
        so_far = partial(beat, len(found.rows) / count)
        for sequences in backend.gathered(draw(size, stream, so_far)):
            first += sequences[: SCORED - len(first)]
            found = _sorted(found, sequences, encoder)
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
    rows, ids = found.rows[:count], found.ids[:count]
    return replace(
        found,
        rows=rows,
        ids=ids,
        respelled=_respelled(encoder, rows, ids),
        divergence=_divergence(model, encoder, first, recipe) if sampler is None else None,
        seconds=time.monotonic() - started,
    )


def _sorted(found: Samples, sequences: list[list[int]], encoder: Encoder) -> Samples:
    """Return what is known with more sequences, the well-formed ones told from the others."""
    rows, ids = list(found.rows), list(found.ids)
    rejected, shown = Counter(found.rejected), list(found.shown)
    for read, sequence in zip(encoder.decode(sequences), sequences, strict=True):
        if isinstance(read, str):
            rejected[read] += 1
            shown += [(read, sequence)] * (len(shown) < SHOWN)
        else:
            rows.append(read)
            ids.append([encoder.start, *sequence[: sequence.index(encoder.end) + 1]])
    tokens = found.tokens + sum(map(len, sequences))
    tried = found.tried + len(sequences)
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


def _builtin(model: TrainedModel, encoder: Encoder, recipe: Recipe) -> Draw:
    drawing = lowered(model, recipe)
    return lambda size, stream, beat: _generate(drawing, encoder, size, recipe, stream, beat)


def _of_ones_own(sampler: Sampler, model: TrainedModel, encoder: Encoder, recipe: Recipe) -> Draw:
    def draw(size: int, stream: int, beat: Beat) -> list[list[int]]:
        beat()
        prompts = [[encoder.start] for _ in range(size)]
        found = sampler.sample(
            model,
            prompts,
            max_length=encoder.max_length,
            temperature=recipe.temperature,
            seed=stream,
        )
        return drawn(sampler, found, prompts, encoder, vocabulary(model.loaded))

    return draw


def _divergence(
    model: TrainedModel, encoder: Encoder, sequences: list[list[int]], recipe: Recipe
) -> float | None:
    drawing = lowered(model, recipe)
    if drawing is model.loaded or recipe.temperature == 0:
        return None
    started = [[encoder.start, *ids] for ids in sequences]
    return float(divergence(drawing, model.loaded, encoder, started, recipe).mean())


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
