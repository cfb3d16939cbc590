"""Columns of numbers: spread by direction, tails, coverage, and two-sample tests.

Directions, scales and quantiles are those of the reference, one half of the real rows. So, given
that half, the held-out real rows and the other rows are exchangeable if they are of one law.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.comparison.chance import Loss, Row, by_sums, chance, labels, trimmed
from modelcollapse.evidence import same_law
from modelcollapse.loop import sample_metrics

DIRECTIONS = 20  # at most: those with the largest variance
NEAR = 1000  # rows of each side for coverage
PAIRED = 500  # rows of each side for the energy distance
K = 5  # which neighbour ends a neighbourhood
TAILS = (0.05, 0.01)  # beyond these quantiles of the reference, on either side
FLOOR = 1e-12  # a smaller standard deviation, over that of the reference, is none


class Asked(NamedTuple):
    """How to test: the generator, the number of relabellings, and the level."""

    rng: np.random.Generator
    times: int
    alpha: float


def groups(
    names: Sequence[str], reference: Floats, held: Floats, other: Floats, asked: Asked
) -> list[list[Row]]:
    """Return the lines of the table, each shape (rows, columns), without constant columns."""
    centre, scale = reference.mean(axis=0), reference.std(axis=0)
    a, b, o = ((x - centre) / scale for x in (reference, held, other))
    tails = _tails(names, a, b, o, asked)
    return [
        _spread(names, a, b, o, asked),
        *([tails] if tails else []),
        *_coverage(a, b, o, asked),
        _energy(b, o, asked),
        _columns(names, np.concatenate([reference, held]), other, asked),
    ]


def _spread(names: Sequence[str], a: Floats, b: Floats, o: Floats, asked: Asked) -> list[Row]:
    """Return the ratio of standard deviations in the principal directions of the reference."""
    values, vectors = np.linalg.eigh(a.T @ a / len(a))
    order = np.argsort(values)[::-1][:DIRECTIONS]
    vectors, sizes = vectors[:, order], np.sqrt(np.maximum(values[order], 0.0))
    there = sizes > math.sqrt(FLOOR) * sizes[0]  # columns may depend on each other
    vectors, sizes = vectors[:, there], sizes[there]
    z, y = (x @ vectors / sizes for x in (b, o))
    found = by_sums(
        np.hstack([z, z * z]), np.hstack([y, y * y]), _log_ratio, asked.rng, asked.times
    )
    told = chance(found, asked.alpha)
    said = []
    for j, name in enumerate(_named(names, vectors)):
        with np.errstate(over="ignore"):
            low, high = np.exp([found[0, j] - told.reach[j], found[0, j] + told.reach[j]])
        real, theirs = (float(sizes[j] * x[:, j].std(ddof=1)) for x in trimmed(z, y)[:2])
        ratio, p = float(np.exp(found[0, j])), float(told.p[j])
        ends = float(low), float(high)
        metric = "standard deviation of scaled columns"
        said.append(Row("spread", metric, name, real, theirs, ratio, *ends, p, "below", "ratio"))
    return said


def _log_ratio(held: Floats, other: Floats, n: int, m: int) -> Floats:
    """Return the logarithms of the other's standard deviations over the held-out ones'."""
    k = held.shape[1] // 2
    pairs = ((held, n), (other, m))
    x, y = ((u[:, k:] - u[:, :k] ** 2) * (size / (size - 1)) for u, size in pairs)
    return np.asarray(0.5 * (np.log(np.maximum(y, FLOOR**2)) - np.log(np.maximum(x, FLOOR**2))))


def _named(names: Sequence[str], vectors: Floats) -> list[str]:
    """Return names of directions: the column itself, or its number and the largest parts."""
    if len(names) == 1:
        return [names[0]]
    found = []
    for j, vector in enumerate(vectors.T):
        largest = np.argsort(-np.abs(vector))[:2]
        if abs(vector[largest[0]]) > 0.99:
            parts = [names[largest[0]]]
        else:
            sign = np.sign(vector[largest[0]])
            parts = [f"{sign * vector[i]:+.2f} {names[i]}" for i in largest]
        found.append(f"direction {j + 1}: {' '.join(parts)}")
    return found


def _tails(names: Sequence[str], a: Floats, b: Floats, o: Floats, asked: Asked) -> list[Row]:
    """Return how many rows are beyond the outer quantiles of the reference."""
    ends = [np.quantile(a, [level, 1 - level], axis=0) for level in TAILS]

    def beyond(x: Floats) -> Floats:
        return np.hstack([(x < low) | (x > high) for low, high in ends]).astype(np.float64)

    there = np.flatnonzero(beyond(a).any(axis=0))  # of few different numbers none may be
    if not len(there):
        return []
    held, theirs = beyond(b)[:, there], beyond(o)[:, there]
    found = by_sums(held, theirs, _difference, asked.rng, asked.times)
    every = [(f"beyond the {100 * t:g} % tails", name) for t in TAILS for name in names]
    where = [every[i] for i in there]
    return means("tails", where, held, theirs, found, asked, "below")


def _difference(held: Floats, other: Floats, _n: int, _m: int) -> Floats:
    return other - held


def shares(
    group: str, where: Sequence[tuple[str, str]], held: Floats, other: Floats, asked: Asked
) -> list[Row]:
    """Return lines of shares of rows; more than in the held-out rows is a sign of copying."""
    found = by_sums(held, other, _difference, asked.rng, asked.times)
    return means(group, where, held, other, found, asked, "either")


def rare(where: Sequence[tuple[str, str]], held: Floats, other: Floats, asked: Asked) -> list[Row]:
    """Return lines of shares of rows that are rare in the reference; fewer is a loss."""
    found = by_sums(held, other, _difference, asked.rng, asked.times)
    return means("rare categories", where, held, other, found, asked, "below")


def means(
    group: str,
    where: Sequence[tuple[str, str]],
    held: Floats,
    other: Floats,
    found: Floats,
    asked: Asked,
    loss: Loss,
) -> list[Row]:
    """Return lines of means of both sides whose difference was relabelled."""
    told = chance(found, asked.alpha)
    real, theirs = (x.mean(axis=0).tolist() for x in trimmed(held, other)[:2])
    said = []
    for j, (metric, name) in enumerate(where):
        effect, reach, p = theirs[j] - real[j], float(told.reach[j]), float(told.p[j])
        ends = effect - reach, effect + reach
        said.append(Row(group, metric, name, real[j], theirs[j], effect, *ends, p, loss))
    return said


def _coverage(a: Floats, b: Floats, o: Floats, asked: Asked) -> list[list[Row]]:
    """Return the coverage of the reference's neighbourhoods: a lost mode leaves some empty."""
    from scipy.sparse import csr_array
    from scipy.spatial.distance import cdist

    n = min(len(b), len(o), NEAR)
    a, b, o = a[:NEAR], b[:n], o[:n]
    if len(a) <= K:
        return []
    radii = sample_metrics.neighbourhoods("reference", a, K)
    inside = csr_array(cdist(np.concatenate([b, o]), a, "sqeuclidean") <= radii, dtype=np.float64)
    first = labels(n, 2 * n, asked.rng, asked.times)
    held = (first @ inside > 0).mean(axis=1)
    theirs = ((1.0 - first) @ inside > 0).mean(axis=1)
    told = chance((theirs - held)[:, None], asked.alpha)
    real, other = (sample_metrics.coverage(x, a, k=K) for x in (b, o))
    effect, reach = float(theirs[0] - held[0]), float(told.reach[0])
    ends = effect - reach, effect + reach
    name, p = "neighbourhoods of real rows with a row in them", float(told.p[0])
    return [[Row("coverage", name, "all numbers", real, other, effect, *ends, p, "below")]]


def _energy(b: Floats, o: Floats, asked: Asked) -> list[Row]:
    """Return the energy distance over twice the mean distance between the two: from 0 to 1.

    The baseline is its mean over relabellings.
    """
    from scipy.spatial.distance import cdist

    n, m = min(len(b), PAIRED), min(len(o), PAIRED)
    pool = np.concatenate([b[:n], o[:m]])
    distances = cdist(pool, pool)
    first = labels(n, n + m, asked.rng, asked.times)
    to_all = first @ distances
    own = (to_all * first).sum(axis=1)
    to_all_own = to_all.sum(axis=1)
    across = to_all_own - own
    theirs = distances.sum() - 2 * to_all_own + own
    between = 2 * across / (n * m)
    energy = between - own / n**2 - theirs / m**2
    share = np.maximum(energy, 0.0) / np.where(between > 0, between, 1.0)
    told = chance(share[:, None], asked.alpha, above=True)
    real, found, reach = float(told.mean[0]), float(share[0]), float(told.reach[0])
    effect = found - real
    ends = effect - reach, effect + reach
    name = "energy distance over twice the mean distance"
    p = float(told.p[0])
    return [Row("two samples", name, "all numbers", real, found, effect, *ends, p, "either")]


def _columns(names: Sequence[str], real: Floats, other: Floats, asked: Asked) -> list[Row]:
    """Return the Kolmogorov-Smirnov distance of every column, with exact intervals.

    The baseline is 0, that of equal laws; p is the smallest alpha at which the two DKW-Massart
    radii reject.
    """
    said = []
    rate = 1 / (1 / math.sqrt(2 * len(real)) + 1 / math.sqrt(2 * len(other))) ** 2
    for j, name in enumerate(names):
        found = same_law(real[:, j], other[:, j], alpha=asked.alpha, beta=asked.alpha)
        gap, radius = found.observed, found.threshold
        p = min(1.0, 4 * len(names) * math.exp(-rate * gap * gap))
        ends = max(0.0, gap - radius), min(1.0, gap + radius)
        metric = "largest distance of distribution functions"
        said.append(Row("columns", metric, name, 0.0, gap, gap, *ends, p, "either"))
    return said
