"""The loop of a discrete distribution, as defined, and its exact law.

Batch 1 holds draws of a symbol from p_0. Model t is the vector p_t of the symbols' total weights
among the training rows; later batches are draws from it, or fresh draws from p_0, as the plan
says. Smoothed, model t is that of the rows it trains on, of weight one on average, and of so many
more of every symbol. The rows of a batch are exchangeable, so the law of all counts of symbols is
the law of the loop: it is propagated exactly, with rational numbers.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from math import comb, factorial, prod
from typing import Any

from sympy import QQ, Rational

from theory.weights_loop import (
    DETERMINISTIC,
    EDIT,
    FRESH,
    SUBSAMPLE,
    TRUTH,
    Plan,
    exact,
    replaced,
)

ZERO = Rational(0)
Counts = tuple[int, ...]
Model = tuple[Any, ...]
ALL = (*DETERMINISTIC, *FRESH, SUBSAMPLE)


@dataclass(frozen=True)
class Loop:
    """The parameters of a loop: a plan, the true probabilities, and what is added to counts."""

    plan: Plan
    truth: tuple[Rational, ...]
    smoothing: Rational = ZERO

    @property
    def origin(self) -> Model:
        """The true probabilities, as elements of the field of rational numbers."""
        return tuple(exact(p) for p in self.truth)

    def fit(self, frequencies: Model, rows: int) -> Model:
        """Return the model of so many rows of positive weight, given their weights."""
        if not self.smoothing:
            return frequencies
        alpha = exact(self.smoothing)
        total = rows + len(self.truth) * alpha
        return tuple((rows * p + alpha) / total for p in frequencies)


@dataclass(frozen=True)
class DiscreteDomain:
    """Where a derivation holds, and how large a loop its exact law can afford.

    Parameters
    ----------
    workflows
        What is allowed.
    outcomes
        The smallest and largest number of symbols.
    generations
        The largest number of fits.
    sizes
        The smallest and the largest part of a batch, for a number of symbols.
    constant
        Whether all batches must have one size.
    options
        Whether budgets and shares vary; otherwise they are None.
    smoothed
        Whether something is added to the counts.
    """

    workflows: tuple[str, ...] = ALL
    outcomes: tuple[int, int] = (2, 3)
    generations: int = 3
    sizes: Callable[[int], tuple[int, int]] = lambda outcomes: (1, 5 - outcomes)
    constant: bool = False
    options: bool = True
    smoothed: bool = False


@cache
def compositions(total: int, parts: int) -> tuple[Counts, ...]:
    """Return all vectors of counts with a sum."""
    if parts == 1:
        return ((total,),)
    return tuple(
        (first, *rest)
        for first in range(total + 1)
        for rest in compositions(total - first, parts - 1)
    )


@cache
def multinomial(rows: int, model: Model) -> tuple[tuple[Counts, Any], ...]:
    """Return the law of the counts of independent draws."""
    law = []
    for counts in compositions(rows, len(model)):
        ways = factorial(rows) // prod(factorial(c) for c in counts)
        chance = QQ(ways) * prod(
            (p**c for p, c in zip(model, counts, strict=True) if c), start=QQ(1)
        )
        if chance:
            law.append((counts, chance))
    return tuple(law)


@cache
def subsets(pool: Counts, k: int) -> tuple[tuple[Counts, Any], ...]:
    """Return the law of the counts among k rows of a pool, all subsets being equally likely."""
    total = comb(sum(pool), k)
    return tuple(
        (counts, QQ(prod(map(comb, pool, counts)), total))
        for counts in compositions(k, len(pool))
        if all(c <= p for c, p in zip(counts, pool, strict=True))
    )


class _Memory:
    """The counts that later fits need: rows of equal weight in all of them are counted together.

    A state at generation t is a tuple with the counts of each group of rows of batches 1..t.
    """

    def __init__(self, loop: Loop):
        self.loop, self.plan = loop, loop.plan
        self.random = loop.plan.workflow == SUBSAMPLE
        self.zero = (0,) * len(loop.truth)

    def signatures(self, parts: int, t: int) -> list[tuple[Any, ...]]:
        """Return, for each of the first parts, its row weight in the fits t..T."""
        if self.random:
            return [()] * parts
        fits = range(t, self.plan.generations + 1)
        rows = [part.rows for part in self.plan.parts(self.plan.generations)]
        weights = [self.plan.part_weights(s) for s in fits]
        return [tuple(w[i] / rows[i] for w in weights) for i in range(parts)]

    def groups(self, t: int, start: int) -> list[tuple[Any, ...]]:
        """Return the distinct signatures from fit `start` on of the parts of batches 1..t."""
        found = self.signatures(len(self.plan.parts(t)), start)
        return list(dict.fromkeys(s for s in found if self.random or any(s)))

    def place(self, groups: list[Any], entries: Iterator[tuple[Any, Counts]]) -> tuple[Counts, ...]:
        """Add counts up by group."""
        totals = dict.fromkeys(groups, self.zero)
        for signature, counts in entries:
            if signature in totals:
                old = totals[signature]
                totals[signature] = tuple(a + b for a, b in zip(old, counts, strict=True))
        return tuple(totals.values())

    def models(self, t: int, state: tuple[Counts, ...]) -> list[tuple[Model, Any]]:
        """Return the law of p_t given a state."""
        if self.random:
            k = self.plan.budget(t)
            law = subsets(state[0], k)
            models = [tuple(QQ(c, k) for c in counts) for counts, _ in law]
            return [
                (self.loop.fit(model, k), chance)
                for model, (_, chance) in zip(models, law, strict=True)
            ]
        weights = [signature[0] for signature in self.groups(t, t)]
        model = tuple(
            sum((w * counts[i] for w, counts in zip(weights, state, strict=True)), QQ(0))
            for i in range(len(self.zero))
        )
        parts = zip(self.plan.parts(t), self.plan.part_weights(t), strict=True)
        rows = sum(part.rows for part, weight in parts if weight)
        return [(self.loop.fit(model, rows), QQ(1))]


@cache
def laws(loop: Loop) -> tuple[dict[Model, Any], ...]:
    """Return, for each generation, the law of p_t."""
    if loop.plan.workflow == EDIT:
        return _edited(loop)
    memory, found = _Memory(loop), []
    states: dict[Any, Any] = {((), None): QQ(1)}  # (state, last model) before a batch
    for t in range(1, loop.plan.generations + 1):
        states = _batch(loop, memory, t, states)
        law: dict[Model, Any] = defaultdict(lambda: QQ(0))
        after: dict[Any, Any] = defaultdict(lambda: QQ(0))
        for state, chance in states.items():
            for model, given in memory.models(t, state):
                law[model] += chance * given
                after[_forget(memory, t, state), model] += chance * given
        states = after
        found.append(dict(law))
    return tuple(found)


def _edited(loop: Loop) -> tuple[dict[Model, Any], ...]:
    """Return the laws of a set of which rows are replaced: its counts are all that matters."""
    n, (how, numbers) = loop.plan.sizes[0], loop.plan.option
    sets = dict(multinomial(n, loop.origin))
    found = []
    for number in (None, *numbers):
        after: dict[Counts, Any] = defaultdict(lambda: QQ(0))
        for counts, chance in sets.items() if number is not None else ():
            model = loop.fit(tuple(QQ(c, n) for c in counts), n)
            for given, gone in replaced(how, number, n):
                for kept, p in subsets(counts, n - gone):
                    for new, q in multinomial(gone, model):
                        total = tuple(a + b for a, b in zip(kept, new, strict=True))
                        after[total] += chance * given * p * q
        sets = dict(after) or sets
        law = ((tuple(QQ(c, n) for c in counts), p) for counts, p in sets.items())
        found.append({loop.fit(model, n): p for model, p in law})
    return tuple(found)


def _batch(loop: Loop, memory: _Memory, t: int, states: dict[Any, Any]) -> dict[Any, Any]:
    """Draw batch t."""
    old = memory.groups(t - 1, t) if t > 1 else []
    groups, parts = memory.groups(t, t), loop.plan.batch(t)
    new = memory.signatures(len(loop.plan.parts(t)), t)[-len(parts) :]
    after: dict[Any, Any] = defaultdict(lambda: QQ(0))
    for (state, model), chance in states.items():
        drawn: list[tuple[tuple[Counts, ...], Any]] = [((), chance)]
        for part in parts:
            source = loop.origin if part.source == TRUTH else model
            law = multinomial(part.rows, source)
            drawn = [((*before, c), p * q) for before, p in drawn for c, q in law]
        for counts, p in drawn:
            entries = [*zip(old, state, strict=True), *zip(new, counts, strict=True)]
            after[memory.place(groups, iter(entries))] += p
    return after


def _forget(memory: _Memory, t: int, state: tuple[Counts, ...]) -> tuple[Counts, ...]:
    """Return the state without what the fits after t do not need."""
    if memory.random:
        return state
    moved = [signature[1:] for signature in memory.groups(t, t)]
    return memory.place(memory.groups(t, t + 1), zip(moved, state, strict=True))
