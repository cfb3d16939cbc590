r"""Fourth moments under accumulate-subsample: an exact recursion on a pool's symmetric sums.

For a set partition pi of the positions {0, 1, 2, 3} let

    a_pi = E sum (x_i0 . x_i1)(x_i2 . x_i3),

the sum running over rows i of the pool that are equal within a block of pi and distinct across
blocks. These 15 numbers (in units of (tr S_0)^2, rows about mu_0) close under the loop:

- k of N rows without replacement: a sum over distinct rows shrinks by (k)_b / (N)_b, with b
  the number of blocks that must lie in the subsample and (.)_b the falling factorial;
- a new row is m + eps, with m the subsample's mean and eps normal with lambda times its
  covariance: positions that share a new row are paired by Isserlis' theorem, and m and the
  covariance are themselves sums over the subsample.

Derived in ``theory/``; exact for any d and any truth with finite fourth moments.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats, Integers

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

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


def _falling(x: int, k: int) -> float:
    """Return x (x-1) ... (x-k+1); in Python's integers, as 64 bits hold it to x = 55,000 only."""
    return float(math.prod(x - j for j in range(k)))


def _start(n: int, tau: float, K: float) -> Floats:
    """Return the 15 sums of n independent rows of mean zero."""
    a = np.zeros(len(PARTITIONS))
    a[INDEX[(0, 0, 0, 0)]] = n * K
    a[INDEX[PAIRS]] = n * (n - 1)
    a[INDEX[(0, 1, 0, 1)]] = a[INDEX[CROSSED]] = n * (n - 1) * tau
    return a


def _subsample_sum(a: Floats, N: int, k: int, constraint: Partition) -> float:
    """Return E of the sum over the subsample, equal in blocks of `constraint`, else free."""
    total = 0.0
    for coarser, value in zip(PARTITIONS, a, strict=True):
        blocks = max(coarser) + 1
        if blocks <= N and _refines(constraint, coarser):
            total += value * _falling(k, blocks) / _falling(N, blocks)
    return total


def _fit(a: Floats, N: int, k: int, ddof: int) -> tuple[float, float, float]:
    free = _subsample_sum(a, N, k, SINGLES)
    half = _subsample_sum(a, N, k, MIXED)
    both = _subsample_sum(a, N, k, PAIRS)
    divisor = k - ddof
    return (
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
    """The update's terms: target += sign (n)_new k^-means (lam/D)^pairs (k)_b/(N)_b source."""

    target: Integers
    source: Integers
    sign: Integers
    new: Integers  # how many distinct new rows
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
                    counts[target, source, len(new), means, pairs, drawn] += sign
    kept = [(key, value) for key, value in counts.items() if value]
    target, source, new, means, pairs, drawn = np.array([key for key, _ in kept], np.int64).T
    signs = np.array([value for _, value in kept], np.int64)
    return Terms(target, source, signs, new, means, pairs, drawn)


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


def _grown(a: Floats, N: int, k: int, n: int, heat_per_divisor: float) -> Floats:
    """Return the 15 sums after n rows sampled from the fit joined the pool of N."""
    terms = _terms()
    order = range(5)
    factor = np.array([_falling(n, j) for j in order])[terms.new]
    factor = factor * float(k) ** -terms.means.astype(float) * heat_per_divisor**terms.pairs
    shrink = [_falling(k, b) / _falling(N, b) if b <= N else 0.0 for b in order]
    values = terms.sign * factor * np.array(shrink)[terms.drawn] * a[terms.source]
    return np.bincount(terms.target, values, len(PARTITIONS)).astype(np.float64)


@np.errstate(over="ignore", invalid="ignore")  # hot loops may explode
def fourth_moments(e: "Experiment") -> FourthMoments:
    """Return the fourth moments of every fit under accumulate-subsample."""
    spectrum, sizes = e.truth.spectrum, e.sizes.tolist()
    total = spectrum.sum()
    tau, K = (spectrum**2).sum() / total**2, e.truth.fourth_moment / total**2
    N, a = sizes[0], _start(sizes[0], tau, K)
    fits = []
    for t, k in enumerate(e.schedule.counts.tolist()):
        fits.append(_fit(a, N, k, e.model.ddof))
        if t + 1 < e.generations:
            a = _grown(a, N, k, sizes[t + 1], e.temperature / (k - e.model.ddof))
            N += sizes[t + 1]
    return FourthMoments(*np.array(fits).T)
