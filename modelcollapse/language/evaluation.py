"""Held-out losses: the -log probability of every row, in nats and in float32 always.

And how far a sampler in a lower precision is from the model that is judged.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.language import backend
from modelcollapse.language.recipe import Recipe
from modelcollapse.language.tokens import Encoder
from modelcollapse.language.training import Collator

MOST_LOGITS = 2**27  # numbers held at once: rows times tokens times vocabulary
MOST_ROWS = 256
Score = Callable[[dict[str, Any]], list[float]]  # of a batch of rows, one number for each


def row_nats(
    model: Any,
    encoder: Encoder,
    examples: Sequence[Sequence[int]],
    given: Sequence[int] | None = None,
) -> Floats:
    """Return the negative log probability of each row.

    It is computed in float32, whatever the precision of training and sampling: bfloat16 has three
    digits, and its errors do not average out over rows.

    Parameters
    ----------
    model
        A causal language model of transformers, in float32.
    encoder
        Its encoder.
    examples
        Token numbers of each row, start and end included.
    given
        How many tokens of each row are given, not predicted; by default the start alone.

    Returns
    -------
    Floats
        Shape (rows,), in nats, the sum over the tokens after those given.
    """
    import torch

    def score(batch: dict[str, Any]) -> list[float]:
        from modelcollapse.language.trainer import token_nats

        labels = batch.pop("labels")
        nats = token_nats(model(**batch).logits, labels)
        found: list[float] = nats.double().sum(dim=1).tolist()
        return found

    model.eval()
    with torch.no_grad():
        return _scored(score, model, encoder, examples, MOST_LOGITS, given)


def divergence(
    sampler: Any,
    judged: Any,
    encoder: Encoder,
    sequences: Sequence[Sequence[int]],
    recipe: Recipe,
    given: Sequence[int] | None = None,
) -> Floats:
    """Return, for each sequence that the sampler drew, its divergence from the judged model.

    It is the sum over the sequence's tokens of the Kullback-Leibler divergence of the next
    token's law, the sampler's from the judged model's, given the tokens before. By the chain rule
    its mean over draws of the sampler is the divergence of the two laws of whole sequences: an
    unbiased estimate, with less variance than log q - log p of the tokens drawn has.

    Parameters
    ----------
    sampler
        The model that drew, in the precision that it drew in.
    judged
        The same model in float32.
    encoder
        Their encoder.
    sequences
        Token numbers, start included, and the end where there is one.
    recipe
        Its precision and its temperature, above 0, are those of the sampling.
    given
        How many tokens of each sequence were given; by default the start alone.

    Returns
    -------
    Floats
        Shape (sequences,), in nats. The sampler's law is that of one pass over a sequence, which
        rounds otherwise than a pass per token does.
    """
    import torch

    def laws(model: Any, batch: dict[str, Any]) -> Any:
        return torch.log_softmax(
            model(**batch).logits[:, :-1].double() / recipe.temperature, dim=-1
        )

    def score(batch: dict[str, Any]) -> list[float]:
        drawn = batch.pop("labels")[:, 1:] != -100
        log_p = laws(judged, batch)
        with backend.autocast(recipe.precision):
            log_q = laws(sampler, batch)
        # 0 log 0 is 0: a logit may be so low that its probability is not above 0.
        terms = torch.where(log_q.exp() > 0, log_q.exp() * (log_q - log_p), 0.0).sum(dim=-1)
        found: list[float] = (terms * drawn).sum(dim=1).tolist()
        return found

    for model in (sampler, judged):
        model.eval()
    with torch.no_grad():
        return _scored(score, judged, encoder, sequences, MOST_LOGITS // 8, given)


def vocabulary(model: Any) -> int:
    """Return the number of a model's tokens; a model of several kinds of input nests it."""
    return int(model.config.get_text_config().vocab_size)


def _scored(
    score: Score,
    model: Any,
    encoder: Encoder,
    examples: Sequence[Sequence[int]],
    most: int,
    given: Sequence[int] | None,
) -> Floats:
    """Return the score of each row: in batches of like lengths, shared by the processes."""
    if not examples:
        return np.empty(0)
    order = sorted(range(len(examples)), key=lambda i: len(examples[i]))
    batches = _batches([len(examples[i]) for i in order], vocabulary(model), most)
    own: list[tuple[int, float]] = []
    for number, (first, last) in enumerate(batches):
        if number % backend.world() == backend.rank():
            chosen = order[first:last]
            features = [
                {"input_ids": examples[i], "given": 1 if given is None else given[i]}
                for i in chosen
            ]
            batch = Collator(encoder.padding)(features)
            scores = score({name: tensor.to(model.device) for name, tensor in batch.items()})
            own.extend(zip(chosen, scores, strict=True))
    values = np.empty(len(examples))
    for index, value in (pair for part in backend.gathered(own) for pair in part):
        values[index] = value
    return values


def _batches(lengths: Sequence[int], size: int, most: int) -> list[tuple[int, int]]:
    """Return (first, last) of batches of sorted rows whose logits, at most `most`, fit."""
    cuts, first = [], 0
    for i, length in enumerate(lengths):
        if i - first == MOST_ROWS or (i > first and (i + 1 - first) * length * size > most):
            cuts.append((first, i))
            first = i
    return [*cuts, (first, len(lengths))]
