"""Columns of words: categories that are lost or rare, repeated rows, and n-grams of texts.

Statistics of a set of rows, such as how many different ones there are, depend on their number; so
both sides have as many rows (texts: as many n-grams), and relabelling keeps it so.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse.comparison import numbers
from modelcollapse.comparison.chance import Loss, Row, by_order, chance
from modelcollapse.comparison.numbers import Asked

SET = 2000  # rows of each side, for statistics of sets
TEXTS = 400  # texts of each side, for n-grams
LENGTH = 100  # words of each of them
ORDERS = (1, 2, 3)
RARE = 0.1  # the rarest categories that hold at most this share of the reference


def coded(*columns: Sequence[Any]) -> tuple[Integers, ...]:
    """Return whole numbers, from 0 on, that are equal where entries of any of the columns are."""
    known: dict[Any, int] = {}
    return tuple(
        np.array([known.setdefault(x, len(known)) for x in column], dtype=np.int64)
        for column in columns
    )


def copies(a: Sequence[Any], b: Sequence[Any], o: Sequence[Any], asked: Asked) -> list[list[Row]]:
    """Return how many rows are rows of the reference, and how many different ones there are."""
    there = set(a)
    held, other = (np.array([[x in there] for x in rows], dtype=np.float64) for rows in (b, o))
    copied = numbers.shares(
        "copies", [("rows that are reference rows", "rows")], held, other, asked
    )
    n = min(len(b), len(o), SET)
    pool = np.concatenate(coded([*b[:n], *o[:n]]))
    count = int(pool.max()) + 1

    def different(order: Integers) -> list[float]:
        return [np.count_nonzero(np.bincount(pool[x], minlength=count)) / n for x in halves(order)]

    # Without any repetition every order has the same.
    relabelled = 0 if count == 2 * n else asked.times
    found = by_order(2 * n, different, asked.rng, relabelled)
    distinct = _pairs("distinct rows", [("different rows, as a share", "rows")], found, asked)
    return [copied, distinct]


def halves(order: Integers) -> tuple[Integers, Integers]:
    """Return the first and the second half."""
    n = len(order) // 2
    return order[:n], order[n:]


def _pairs(
    group: str,
    where: Sequence[tuple[str, str]],
    found: Floats,
    asked: Asked,
    losses: Sequence[Loss] = (),
) -> list[Row]:
    """Return lines from relabelled statistics in pairs, held-out and other."""
    told = chance(found[:, 1::2] - found[:, ::2], asked.alpha)
    said = []
    for j, (metric, name) in enumerate(where):
        real, other = float(found[0, 2 * j]), float(found[0, 2 * j + 1])
        reach, p = float(told.reach[j]), float(told.p[j])
        ends = other - real - reach, other - real + reach
        loss: Loss = losses[j] if losses else "below"
        said.append(Row(group, metric, name, real, other, other - real, *ends, p, loss))
    return said


def categories(
    columns: Mapping[str, tuple[Sequence[Any], Sequence[Any], Sequence[Any]]], asked: Asked
) -> list[list[Row]]:
    """Return lost categories, the entropy, and the share of rare ones, for each column.

    Parameters
    ----------
    columns
        Reference, held-out and other entries, by name.
    asked
        How to test.
    """
    sides = [coded(a, b, o) for a, b, o in columns.values()]
    n = min(SET, *(len(x) for x in sides[0][1:]))
    pools = [np.concatenate([b[:n], o[:n]]) for _, b, o in sides]
    counts = [int(max(x.max() for x in parts)) + 1 for parts in sides]
    there = [np.bincount(a, minlength=k) > 0 for (a, _, _), k in zip(sides, counts, strict=True)]

    def statistics(order: Integers) -> list[float]:
        found = []
        for pool, count, real in zip(pools, counts, there, strict=True):
            seen = [np.bincount(pool[x], minlength=count) for x in halves(order)]
            found += [float(np.count_nonzero(real & (x == 0))) for x in seen]
            found += [_entropy(x) for x in seen]
        return found

    found = by_order(2 * n, statistics, asked.rng, asked.times)
    metrics = ("categories of the reference that are lost", "entropy of categories, in nats")
    where = [(metric, name) for name in columns for metric in metrics]
    losses: list[Loss] = ["above", "below"] * len(columns)
    rows = [_pairs("categories", where, found, asked, losses)]
    scarce = [_scarce(x, count) for x, count in zip(sides, counts, strict=True)]
    held, other = (np.column_stack([pair[i] for pair in scarce]) for i in (0, 1))
    named = [(f"in the rarest categories, {100 * RARE:g} % of the reference", c) for c in columns]
    return [*rows, numbers.rare(named, held, other, asked)]


def _scarce(parts: Sequence[Integers], count: int) -> tuple[Floats, Floats]:
    """Return which rows have one of the rarest categories, or one that is not in the reference."""
    a, b, o = parts
    seen = np.bincount(a, minlength=count)
    order = np.argsort(seen, kind="stable")
    is_rare = np.zeros(count, dtype=bool)
    is_rare[order] = np.cumsum(seen[order]) <= RARE * len(a)
    return is_rare[b].astype(np.float64), is_rare[o].astype(np.float64)


def _entropy(counts: Integers) -> float:
    some = counts[counts > 0] / counts.sum()
    return float(-(some @ np.log(some)))


def texts(
    name: str, a: Sequence[str], b: Sequence[str], o: Sequence[str], asked: Asked
) -> list[list[Row]]:
    """Return distinct 1-, 2- and 3-grams of words at equal numbers, and the lost vocabulary.

    Words are what white space separates; no n-gram crosses from one text to the next. Of a text
    the first words are counted: that is for every text alike.
    """
    n = min(len(b), len(o), TEXTS)
    pool = [text.split()[:LENGTH] for text in (*b[:n], *o[:n])]
    grams = [_Grams(pool, order) for order in ORDERS]
    often = Counter(word for text in a for word in text.split())
    lexicon = grams[0].known
    real = np.array([word in often for (word,) in lexicon])
    vocabulary = len(often)

    def statistics(order: Integers) -> list[float]:
        found = []
        for each in grams:
            seen = each.counts(halves(order))
            found += [np.count_nonzero(x) / max(1, x.sum()) for x in seen]
            if each is grams[0]:
                lost = [vocabulary - np.count_nonzero(real & (x > 0)) for x in seen]
        return [*found, *(each / max(1, vocabulary) for each in lost)]

    found = by_order(2 * n, statistics, asked.rng, asked.times)
    where = [(f"different {order}-grams of words, as a share", name) for order in ORDERS]
    where.append(("words of the reference that are lost, as a share", name))
    losses: list[Loss] = ["below", "below", "below", "above"]
    return [_pairs("n-grams", where, found, asked, losses)]


class _Grams:
    """The n-grams of texts as whole numbers, one text after the other."""

    def __init__(self, pool: Sequence[Sequence[str]], order: int) -> None:
        parts = [list(zip(*(t[i:] for i in range(order)), strict=False)) for t in pool]
        self.known: dict[Any, int] = {}
        codes = [self.known.setdefault(gram, len(self.known)) for part in parts for gram in part]
        self.codes = np.array(codes, dtype=np.int64)
        self.sizes = np.array([len(part) for part in parts], dtype=np.int64)
        self.starts = np.cumsum(self.sizes) - self.sizes

    def counts(self, sides: Sequence[Integers]) -> list[Integers]:
        """Return how often each is in the first ones of both sides, as many of each."""
        most = min(int(self.sizes[side].sum()) for side in sides)
        return [np.bincount(self._of(x)[:most], minlength=len(self.known)) for x in sides]

    def _of(self, side: Integers) -> Integers:
        sizes = self.sizes[side]
        ends = np.cumsum(sizes)
        shifts = np.repeat(self.starts[side] - (ends - sizes), sizes)
        return np.asarray(self.codes[np.arange(len(shifts)) + shifts])
