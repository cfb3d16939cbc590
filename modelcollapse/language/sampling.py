"""Synthetic rows: sampled from the empty prompt, read back, the malformed ones counted."""

import copy
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from modelcollapse._support.errors import ModelCollapseError
from modelcollapse.language import backend
from modelcollapse.language.evaluation import divergence
from modelcollapse.language.recipe import Recipe
from modelcollapse.language.template import Row
from modelcollapse.language.tokens import Encoder

MARGIN = 1.05  # more is asked for than the acceptance rate so far calls for
FIRST_LENGTH = 32  # tokens that sequences are generated to at first
FIRST_BATCHES, MOST_BATCHES = 2, 8  # sampled before the samples are read, at first and later
SCORED = 256  # sequences, the first ones, by which a sampler in bfloat16 is told from the model
LEAST_TRIED = 512  # samples before the acceptance rate is judged


@dataclass(frozen=True)
class Samples:
    """Well-formed rows, and what was rejected to get them.

    Attributes
    ----------
    rows
        As many as were asked for.
    tried
        The sequences sampled.
    rejected
        How many were rejected, by reason.
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
    rejected: dict[str, int] = field(default_factory=dict)
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
    model: Any,
    encoder: Encoder,
    count: int,
    recipe: Recipe,
    seed: int,
    *,
    advance: Callable[[float], None] | None = None,
) -> Samples:
    """Sample rows until `count` are well-formed.

    Parameters
    ----------
    model
        A causal language model of transformers, in float32. It is left as it is: where the recipe
        samples from bfloat16 weights, a copy has them.
    encoder
        Its encoder; a sample is rejected unless it ends within `max_length` tokens, is text in
        the template, and is short enough when it is encoded again.
    count
        The rows wanted.
    recipe
        Its temperature, sampling_batch and least_acceptance are used.
    seed
        Of the sampling.
    advance
        Called with the finished share.

    Raises
    ------
    HopelessError
        If fewer than `least_acceptance` of the samples are well-formed.
    """
    started = time.monotonic()
    model.eval()
    drawing = lowered(model, recipe)
    rows: list[Row] = []
    first: list[list[int]] = []
    rejected: Counter[str] = Counter()
    tried = tokens = calls = 0
    size = _share(count, 1.0, FIRST_BATCHES * recipe.sampling_batch)
    beat = advance or _unseen
    while len(rows) < count:
        stream = backend.derived(seed, calls, backend.rank())
        own = _generate(drawing, encoder, size, recipe, stream, partial(beat, len(rows) / count))
        for sequences in backend.gathered(own):
            tokens += sum(map(len, sequences))
            first += sequences[: SCORED - len(first)]
            tried += len(sequences)
            for row in encoder.decode(sequences):
                if isinstance(row, str):
                    rejected[row] += 1
                else:
                    rows.append(row)
        calls += 1
        found = Samples(rows[:count], tried, dict(rejected), tokens, time.monotonic() - started)
        _check_hope(len(rows), found, recipe)
        beat(min(1.0, len(rows) / count))
        acceptance = max(len(rows) / tried, recipe.least_acceptance)
        most = MOST_BATCHES * recipe.sampling_batch
        if tried < LEAST_TRIED:
            most = min(most, LEAST_TRIED - tried)
        size = _share(count - len(rows), acceptance, most)
    return replace(found, divergence=_divergence(drawing, model, encoder, first, recipe))


def lowered(model: Any, recipe: Recipe) -> Any:
    """Return the model that is sampled: the same, or a copy with bfloat16 weights."""
    if backend.precise(recipe.precision) != "bfloat16":
        return model
    # Training held gradients and two moments beside the weights: there is room for a copy.
    return copy.deepcopy(model).bfloat16().eval()


def _divergence(
    drawing: Any, model: Any, encoder: Encoder, sequences: list[list[int]], recipe: Recipe
) -> float | None:
    if drawing is model or recipe.temperature == 0:
        return None
    started = [[encoder.start, *ids] for ids in sequences]
    return float(divergence(drawing, model, encoder, started, recipe).mean())


def _share(missing: int, acceptance: float, most: int) -> int:
    """Return how many sequences each process samples next, `most` at most."""
    return max(1, min(most, math.ceil(MARGIN * missing / acceptance / backend.world())))


def _unseen(share: float) -> None:
    del share


def _check_hope(good: int, found: Samples, recipe: Recipe) -> None:
    if found.tried >= LEAST_TRIED and good < recipe.least_acceptance * found.tried:
        ordered = sorted(found.rejected.items(), key=lambda pair: -pair[1])
        reasons = ", ".join(f"{n} {reason}" for reason, n in ordered)
        raise HopelessError(
            f"sampling is hopeless: {good} of {found.tried} samples are well-formed ({reasons}), "
            f"fewer than least_acceptance = {recipe.least_acceptance:g}; train longer, raise "
            "max_length or lower the temperature",
            found,
        )


def _generate(
    model: Any,
    encoder: Encoder,
    count: int,
    recipe: Recipe,
    seed: int,
    beat: Callable[[], None] = lambda: None,
) -> list[list[int]]:
    """Return the tokens of `count` sequences after the start, each up to its end if it has one.

    A batch takes as long as its longest sequence. So sequences are generated to a first length,
    those that have not ended to twice that length, and so on: the law is the same, as each goes on
    from its own tokens, and few steps are spent on sequences that have ended.
    """
    finished: dict[int, list[int]] = {}
    pending = {name: [encoder.start] for name in range(count)}
    length, stage = 1, 0
    while pending:
        upto = min(max(FIRST_LENGTH, 2 * length), encoder.max_length)
        names = list(pending)
        for first in range(0, len(names), recipe.sampling_batch):
            batch = names[first : first + recipe.sampling_batch]
            stream = backend.derived(seed, stage, first)
            beat()
            prefixes = [pending[name] for name in batch]
            for name, ids in zip(
                batch, _continued(model, encoder, prefixes, upto, recipe, stream), strict=True
            ):
                if encoder.end in ids[1:]:
                    finished[name] = ids[1 : ids.index(encoder.end, 1) + 1]
                    del pending[name]
                else:
                    pending[name] = ids
        length, stage = upto, stage + 1
        if length == encoder.max_length:
            finished |= {name: ids[1:] for name, ids in pending.items()}
            break
    return [finished[name] for name in range(count)]


def _continued(
    model: Any,
    encoder: Encoder,
    prefixes: list[list[int]],
    upto: int,
    recipe: Recipe,
    seed: int,
) -> list[list[int]]:
    """Return each sequence with the tokens that follow, up to a length."""
    import torch
    from transformers import GenerationConfig

    random = recipe.temperature > 0
    how = GenerationConfig(
        do_sample=random,
        # Everything that would change the distribution is said: a checkpoint's own generation
        # settings, and generate's default top-k of 50, are not what the model has learned.
        **({"temperature": recipe.temperature, "top_k": 0, "top_p": 1.0} if random else {}),
        max_new_tokens=upto - len(prefixes[0]),
        eos_token_id=encoder.end,
        pad_token_id=encoder.padding,
        bos_token_id=encoder.start,
    )
    ids = torch.tensor(prefixes, device=model.device)
    with torch.no_grad(), backend.seeded(seed), backend.autocast(recipe.precision):
        output = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=how)
    sequences: list[list[int]] = output.tolist()
    return sequences
