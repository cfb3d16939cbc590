"""Held-out losses: the exact -log probability of every row, in nats."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.language import backend
from modelcollapse.language.recipe import Recipe
from modelcollapse.language.tokens import Encoder
from modelcollapse.language.training import Collator

MOST_LOGITS = 2**27  # numbers held at once: rows times tokens times vocabulary
MOST_ROWS = 256


def row_nats(
    model: Any, encoder: Encoder, examples: Sequence[Sequence[int]], recipe: Recipe
) -> Floats:
    """Return the negative log probability of each row.

    Parameters
    ----------
    model
        A causal language model of transformers.
    encoder
        Its encoder.
    examples
        Token numbers of each row, start and end included; the start is given, not predicted.
    recipe
        Its precision is used.

    Returns
    -------
    Floats
        Shape (rows,), in nats, the sum over the tokens after the start.
    """
    import torch

    if not examples:
        return np.empty(0)
    model.eval()
    order = sorted(range(len(examples)), key=lambda i: len(examples[i]))
    batches = _batches([len(examples[i]) for i in order], model.config.vocab_size)
    own: list[tuple[int, float]] = []
    with torch.no_grad(), backend.autocast(recipe.precision):
        for number, (first, last) in enumerate(batches):
            if number % backend.world() == backend.rank():
                chosen = order[first:last]
                nats = _batch(model, encoder, [examples[i] for i in chosen])
                own.extend(zip(chosen, nats, strict=True))
    values = np.empty(len(examples))
    for index, value in (pair for part in backend.gathered(own) for pair in part):
        values[index] = value
    return values


def _batches(lengths: Sequence[int], vocabulary: int) -> list[tuple[int, int]]:
    """Return (first, last) of batches of sorted rows whose logits fit into memory."""
    cuts, first = [], 0
    for i, length in enumerate(lengths):
        if i - first == MOST_ROWS or (
            i > first and (i + 1 - first) * length * vocabulary > MOST_LOGITS
        ):
            cuts.append((first, i))
            first = i
    return [*cuts, (first, len(lengths))]


def _batch(model: Any, encoder: Encoder, examples: Sequence[Sequence[int]]) -> list[float]:
    from modelcollapse.language.trainer import token_nats

    batch = Collator(encoder.padding)([{"input_ids": ids} for ids in examples])
    batch = {name: tensor.to(model.device) for name, tensor in batch.items()}
    labels = batch.pop("labels")
    nats: list[float] = token_nats(model(**batch).logits, labels).double().sum(dim=1).tolist()
    return nats
