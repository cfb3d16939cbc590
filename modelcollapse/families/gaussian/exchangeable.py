r"""Fourth moments of random training sets: an exact recursion on a pool's symmetric sums.

For a set partition pi of the positions {0, 1, 2, 3} let

    a_pi = E sum (x_i0 . x_i1)(x_i2 . x_i3),

the sum running over rows i of the pool that are equal within a block of pi and distinct across
blocks. These 15 numbers (in units of (tr S_0)^2, rows about mu_0) close under the loop:

- k of N rows without replacement: a sum over distinct rows shrinks by (k)_b / (N)_b, with b
  the number of blocks that must lie in the subsample and (.)_b the falling factorial;
- of a set of n rows that is edited all are trained on, and a sum over distinct rows of which b
  are old and c new has E (n - K)_b (K)_c / (n)_b, K the rows that are replaced;
- a new row is m + eps, with m the subsample's mean and eps normal with lambda times its
  covariance: positions that share a new row are paired by Isserlis' theorem, and m and the
  covariance are themselves sums over the subsample.

Derived in ``theory/``; exact for any d and any truth with finite fourth moments.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse.solver.edits import mixed_falling

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

CHUNK = 1024  # generations whose steps are held
Partition = tuple[int, ...]  # the block of each position, numbered by first appearance


def _canonical(labels: Sequence[object]) -> Partition:
    seen: dict[object, int] = {}
    return tuple(seen.setdefault(label, len(seen)) for label in labels)


PARTITIONS: list[Partition] = sorted({_canonical(p) for p in itertools.product(range(4), repeat=4)})
INDEX = {p: i for i, p in enumerate(PARTITIONS)}
SINGLES, PAIRS, MIXED, CROSSED = (0, 1, 2, 3), (0, 0, 1, 1), (0, 1, 2, 2), (0, 1, 1, 0)


class FourthMoments(NamedTuple):
    """E|m|^4, E|m|^2 tr S and E(tr S)^2 of each fit, each of shape (generations,)."""

    error_error: Floats
    error_variance: Floats
    variance_variance: Floats


def _refines(finer: Partition, coarser: Partition) -> bool:
    return all(
        coarser[i] == coarser[j]
        for i, j in itertools.combinations(range(4), 2)
        if finer[i] == finer[j]
    )


def _falling(x: Floats) -> Floats:
    """Return 1, x, x (x-1), ..., x (x-1)(x-2)(x-3), shape (len(x), 5)."""
    steps = x[:, None] - np.arange(4)
    return np.cumprod(np.concatenate([np.ones((len(x), 1)), steps], axis=1), axis=1)


def _shrink(N: Floats, k: Floats) -> Floats:
    """Return (k)_b / (N)_b for b = 0, ..., 4, and 0 where the pool has fewer rows."""
    b = np.arange(4)
    ratios = np.maximum(k[:, None] - b, 0.0) / np.maximum(N[:, None] - b, 1.0)
    return np.cumprod(np.concatenate([np.ones((len(N), 1)), ratios], axis=1), axis=1)


def _start(n: int, tau: float, K: float) -> Floats:
    """Return the 15 sums of n independent rows of mean zero."""
    a = np.zeros(len(PARTITIONS))
    a[INDEX[(0, 0, 0, 0)]] = n * K
    a[INDEX[PAIRS]] = n * (n - 1)
    a[INDEX[(0, 1, 0, 1)]] = a[INDEX[CROSSED]] = n * (n - 1) * tau
    return a


def _fits(a: Floats, shrink: Floats, k: Floats, ddof: int) -> FourthMoments:
    """Return the moments of the fits to k rows, from the sums a of their pools, (T, 15)."""
    blocks = np.array([max(partition) + 1 for partition in PARTITIONS])
    drawn = a * shrink[:, blocks]

    def summed(constraint: Partition) -> Floats:
        """Return E of the sum over the subsample, equal in blocks of `constraint`, else free."""
        allowed = [_refines(constraint, partition) for partition in PARTITIONS]
        return np.asarray(drawn[:, allowed].sum(axis=1))

    free, half, both = summed(SINGLES), summed(MIXED), summed(PAIRS)
    divisor = k - ddof
    return FourthMoments(
        free / k**4,
        (half - free / k) / (k**2 * divisor),
        (both - 2 * half / k + free / k**2) / divisor**2,
    )


def _pairings(positions: tuple[int, ...]) -> Iterator[list[tuple[int, int]]]:
    """Yield all sets of disjoint pairs of the positions."""
    if not positions:
        yield []
        return
    first, rest = positions[0], positions[1:]
    yield from _pairings(rest)
    for j, other in enumerate(rest):
        for tail in _pairings(rest[:j] + rest[j + 1 :]):
            yield [(first, other), *tail]


class Terms(NamedTuple):
    """The update's terms: target += sign (n)_new k^-means (lam/D)^pairs (k)_b/(N)_b source.

    Of a set that is edited (n)_new is the chance of `old` and `new`, see the module.
    """

    target: Integers
    source: Integers
    sign: Integers
    new: Integers  # how many distinct new rows
    old: Integers  # how many distinct rows stay
    means: Integers  # how many factors 1/k
    pairs: Integers  # how many covariances
    drawn: Integers  # how many distinct rows must lie in the subsample


def _new_row_terms(block: tuple[int, ...]) -> Iterator[tuple[int, int, int, list[tuple[int, int]]]]:
    """Yield (sign, means, pairs, equalities) of E of one new row at all positions of a block."""
    for pairing in _pairings(block):
        single = len(block) - 2 * len(pairing)
        for chosen in itertools.product((True, False), repeat=len(pairing)):
            equal = [pair for pair, keep in zip(pairing, chosen, strict=True) if keep]
            centred = len(pairing) - len(equal)  # the -1/k sum sum part of the scatter
            yield (-1) ** centred, single + centred, len(pairing), equal


@cache
def _terms() -> Terms:
    counts: dict[tuple[int, ...], int] = defaultdict(int)
    for target, partition in enumerate(PARTITIONS):
        blocks = [
            tuple(p for p in range(4) if partition[p] == b) for b in range(max(partition) + 1)
        ]
        for fresh in itertools.product((False, True), repeat=len(blocks)):
            new = [block for block, is_new in zip(blocks, fresh, strict=True) if is_new]
            old = [block for block, is_new in zip(blocks, fresh, strict=True) if not is_new]
            for parts in itertools.product(*(list(_new_row_terms(block)) for block in new)):
                sign = int(np.prod([part[0] for part in parts])) if parts else 1
                means, pairs = sum(p[1] for p in parts), sum(p[2] for p in parts)
                equal = [pair for part in parts for pair in part[3]]
                for source, drawn in _sources(old, new, equal):
                    key = (target, source, len(new), len(old), means, pairs, drawn)
                    counts[key] += sign
    kept = [(key, value) for key, value in counts.items() if value]
    keys = np.array([key for key, _ in kept], np.int64).T
    signs = np.array([value for _, value in kept], np.int64)
    return Terms(keys[0], keys[1], signs, *keys[2:])


def _sources(
    old: list[tuple[int, ...]], new: list[tuple[int, ...]], equal: list[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """Yield (partition, drawn blocks) of all index patterns that the constraints allow."""
    in_new = {p for block in new for p in block}
    for source, pattern in enumerate(PARTITIONS):
        together = all(len({pattern[p] for p in block}) == 1 for block in old)
        apart = len({pattern[block[0]] for block in old}) == len(old)
        paired = all(pattern[p] == pattern[q] for p, q in equal)
        if together and apart and paired:
            yield source, len({pattern[p] for p in in_new})


@cache
def _kinds() -> tuple[Integers, Floats]:
    """Return the different (new, old, means, pairs, drawn) of terms, and how many a step has."""
    terms = _terms()
    each = np.stack([terms.new, terms.old, terms.means, terms.pairs, terms.drawn])
    kinds, which = np.unique(each, axis=1, return_inverse=True)
    size = len(PARTITIONS)
    counts = np.zeros((kinds.shape[1], size, size))
    np.add.at(counts, (which.ravel(), terms.target, terms.source), terms.sign)
    return kinds, counts.reshape(len(counts), -1)


def _steps(shrink: Floats, k: Floats, chances: Floats, heat_per_divisor: Floats) -> Floats:
    """Return the matrices of steps, (steps, 15, 15); `chances` of old and new rows, (steps, 5, 5).

    Where a pool gains n rows, a chance is (n)_new.
    """
    (new, old, means, pairs, drawn), counts = _kinds()
    order = np.arange(5)
    factors = chances[:, old, new] * shrink[:, drawn]
    factors *= (k[:, None] ** -order.astype(float))[:, means]
    factors *= (heat_per_divisor[:, None] ** order)[:, pairs]
    return np.asarray(factors @ counts).reshape(len(k), len(PARTITIONS), -1)


def _chances(e: "Experiment", steps: slice) -> Floats:
    """Return what the steps to some generations do to old and to new rows, (steps, 5, 5)."""
    if e.schedule.edits is not None:
        return np.asarray(mixed_falling(e.schedule.edits, 4)[steps])
    falling = _falling(e.sizes[steps].astype(float))
    return np.broadcast_to(falling[:, None], (len(falling), 5, 5))


@np.errstate(over="ignore", invalid="ignore")  # hot loops may explode
def fourth_moments(e: "Experiment") -> FourthMoments:
    """Return the fourth moments of every fit to a random training set."""
    spectrum, n = e.truth.spectrum, e.sizes.astype(float)
    total = spectrum.sum()
    tau, K = (spectrum**2).sum() / total**2, e.truth.fourth_moment / total**2
    k = e.schedule.counts.astype(float)
    shrink = _shrink(k if e.schedule.edits else np.cumsum(n), k)
    found = np.empty((e.generations, len(PARTITIONS)))
    found[0] = a = _start(int(e.sizes[0]), tau, K)
    for first in range(0, e.generations - 1, CHUNK):
        last = min(first + CHUNK, e.generations - 1)
        part = slice(first, last)
        heats = e.temperature / (k[part] - e.model.ddof)
        chances = _chances(e, slice(first + 1, last + 1))
        steps = _steps(shrink[part], k[part], chances, heats)
        for t, step in enumerate(steps, first + 1):
            found[t] = a = step @ a
    return _fits(found, shrink, k, e.model.ddof)
