"""A grammar fitted by counting: what a loop loses by statistics alone, without any training.

The rules of a grammar are known and unambiguous, so a row tells the alternatives that it was
derived by, and their counts are sufficient. Of N uses of a nonterminal with m alternatives, c_r of
them of alternative r, the fit is (c_r + smoothing)/(N + m smoothing): without smoothing the maximum
of the likelihood, in which an alternative that no row uses is lost and its loss infinite.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.errors import InvalidInput
from modelcollapse.language.grammar import Grammar

HALF = 0.5  # added to each count where a curve by counts stands beside a network's


class Fitted(NamedTuple):
    """A grammar of fitted probabilities, and which alternative of the truth each of its own is."""

    grammar: Grammar
    alternatives: Integers


def parameters(grammar: Grammar) -> int:
    """Return the number of a grammar's free probabilities."""
    return sum(len(alternatives) - 1 for alternatives in grammar.rules.values())


def counts(grammar: Grammar, derivations: Sequence[Sequence[int]], weights: Any = None) -> Floats:
    """Return how often rows use each alternative, shape (alternatives,).

    Parameters
    ----------
    grammar
        Whose alternatives are numbered as in `Grammar.derivation`.
    derivations
        The alternatives that each row uses.
    weights
        One weight per row, with mean 1, or None.
    """
    lengths = [len(used) for used in derivations]
    flat = np.fromiter((k for used in derivations for k in used), np.int64, sum(lengths))
    repeated = None if weights is None else np.repeat(np.asarray(weights, float), lengths)
    size = sum(map(len, grammar.rules.values()))
    return np.bincount(flat, repeated, size).astype(np.float64)


def probabilities(grammar: Grammar, counted: Floats, smoothing: float = 0.0) -> Floats:
    """Return the fitted probability of each alternative; zeros of what has no fit."""
    parts = np.split(counted, np.cumsum([len(a) for a in grammar.rules.values()])[:-1])
    found = []
    for part in parts:
        total = part.sum() + smoothing * len(part)
        found.append((part + smoothing) / total if total > 0 else part)
    return np.concatenate(found)


def fitted(grammar: Grammar, law: Floats) -> Fitted:
    """Return the grammar with other probabilities of its alternatives, without those of 0.

    Raises
    ------
    InvalidInput
        If its strings have no finite length, which smoothing can cause and counting cannot.
    """
    rules, numbers, first = {}, {}, 0
    for name, alternatives in grammar.rules.items():
        own = range(first, first + len(alternatives))
        pairs = zip(own, alternatives, strict=True)
        kept = [(k, (float(law[k]), symbols)) for k, (_, symbols) in pairs if law[k] > 0]
        rules[name], numbers[name] = [pair for _, pair in kept], [k for k, _ in kept]
        first += len(alternatives)
    reached, new = {grammar.start}, [grammar.start]
    while new:
        found = {s for _, row in rules[new.pop()] for s in row if s in rules} - reached
        reached |= found
        new += found
    names = [name for name in rules if name in reached]
    smaller = Grammar({name: rules[name] for name in names}, grammar.start)
    return Fitted(smaller, np.array([k for name in names for k in numbers[name]]))


def divergence(grammar: Grammar, law: Floats) -> float:
    """Return the Kullback-Leibler divergence of fitted probabilities from the grammar, exactly.

    It is the excess loss, in nats per row: the sum over nonterminals of their expected uses times
    the divergence of the choice among their alternatives. Infinite where one was lost.
    """
    total, first = 0.0, 0
    for name, alternatives in grammar.rules.items():
        p = np.array([weight for weight, _ in alternatives])
        q = law[first : first + len(p)]
        first += len(p)
        if not q.all():
            return math.inf
        total += grammar.expected_count(name) * float(p @ (np.log(p) - np.log(q)))
    return max(0.0, total)


def excesses(
    grammar: Grammar,
    real: Sequence[Sequence[int]],
    sizes: Sequence[int],
    select: Callable[[int], tuple[Integers, Any]],
    streams: Callable[[int], np.random.Generator],
    smoothing: float = HALF,
) -> Floats:
    """Return the excess of each generation of a loop by counts, nats per row.

    Parameters
    ----------
    grammar
        The truth.
    real
        The alternatives that each row of batch 1 uses.
    sizes
        Rows of batches 1, ..., T + 1.
    select
        From a generation's number t to the row numbers it trains on, in batches 1, ..., t one
        after the other, and their weights or None.
    streams
        From t to the generator that its batch is drawn by.
    smoothing
        The count added to each alternative.

    Returns
    -------
    Floats
        Shape (T,). NaN from where a fit's strings have no finite length.
    """
    found = np.full(len(sizes) - 1, np.nan)
    rows = list(real)
    for t in range(1, len(sizes)):
        chosen, weights = select(t)
        scaled = None if weights is None else weights / weights.mean()
        counted = counts(grammar, [rows[i] for i in chosen], scaled)
        law = probabilities(grammar, counted, smoothing)
        found[t - 1] = divergence(grammar, law)
        if t == len(sizes) - 1:
            break
        try:
            model = fitted(grammar, law)
        except InvalidInput:
            break
        drawn = model.grammar.derivations(sizes[t], streams(t))
        rows += [model.alternatives[used].tolist() for _, used in drawn]
    return found
