r"""Third and fourth moments of random training sets, exactly, for any budget, sizes and edits.

The rows of the pool are exchangeable for a subsample. In units x = (row - m_0)/sqrt(V(m_0)), let
p_j be the sum of x^j over the pool. The state holds the expectations of all products of power
sums up to degree 4, one per partition: E p_4, E p_3 p_1, E p_2^2, ...

subsample   the mean m of k of N rows has E[m^j | pool] = k^-j times a sum over the set
            partitions of j places into b blocks: (k)_b / (N)_b times a monomial symmetric
            function, a polynomial in the power sums.
batch       given m, one row's j-th moment is a polynomial of degree j in m, because the variance
            function is quadratic: cumulants m, V, V V', V (V'^2 + 2 v2 V), V = 1 + s m + v2 m^2.

edits       of a set of n rows, all of which are trained on, K are replaced: an old part of b
            distinct rows and a new one of c have E (n - K)_b (K)_c / (n)_b, for (N)_b and (n)_c.

All are linear in the state, and the degree never grows: the recursion is closed.
"""

from collections.abc import Iterator
from functools import cache
from itertools import product as product_of
from math import factorial, perm, prod
from typing import Any, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.loop.schedule import Edits, Schedule
from modelcollapse.solver import scan
from modelcollapse.solver.edits import mixed_falling

Partition = tuple[int, ...]
State = dict[Partition, Any]
Known = dict[tuple[Partition, int], Any]
Polynomial = list[Any]
PARTITIONS: tuple[Partition, ...] = (
    *((), (1,), (2,), (1, 1), (3,), (2, 1), (1, 1, 1)),
    *((4,), (3, 1), (2, 2), (2, 1, 1), (1, 1, 1, 1)),
)


class ErrorMoments(NamedTuple):
    """E x_t^2, E x_t^3 and E x_t^4 of the fit's standardised error x_t, each (generations,)."""

    second: Floats
    third: Floats
    fourth: Floats


def set_partitions(items: list[int]) -> Iterator[list[list[int]]]:
    """Yield the partitions of a list into non-empty blocks."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for blocks in set_partitions(rest):
        yield [[first], *blocks]
        for i, block in enumerate(blocks):
            yield [*blocks[:i], [first, *block], *blocks[i + 1 :]]


def joined(*parts: Partition) -> Partition:
    """Return the product of products of power sums, as a partition."""
    return tuple(sorted((x for part in parts for x in part), reverse=True))


@cache
def distinct(powers: Partition) -> dict[Partition, int]:
    """Return the sum over distinct rows of prod x_i^power, in products of power sums."""
    terms: dict[Partition, int] = {}
    for blocks in set_partitions(list(range(len(powers)))):
        sums = joined(tuple(sum(powers[i] for i in block) for block in blocks))
        sign = prod((-1) ** (len(block) - 1) * factorial(len(block) - 1) for block in blocks)
        terms[sums] = terms.get(sums, 0) + sign
    return terms


@cache
def subsample_terms(j: int) -> dict[tuple[int, Partition], int]:
    """Return the coefficients of (k)_b/(N)_b times a product of power sums in k^j E[m^j | pool]."""
    terms: dict[tuple[int, Partition], int] = {}
    for blocks in set_partitions([1] * j):
        for sums, coefficient in distinct(joined(tuple(map(sum, blocks)))).items():
            key = len(blocks), sums
            terms[key] = terms.get(key, 0) + coefficient
    return {key: value for key, value in terms.items() if value}


def with_mean(state: State, part: Partition, j: int, N: int, k: int, one: Any) -> Any:
    """Return E[P_part m^j], m the mean of k of the N rows."""
    if j == 0:
        return state[part]
    total = 0 * one
    for (b, sums), coefficient in subsample_terms(j).items():
        if b <= k:
            total += coefficient * one * perm(k, b) / perm(N, b) * state[joined(part, sums)]
    return total / k**j


def product(a: Polynomial, b: Polynomial) -> Polynomial:
    """Multiply polynomials, coefficients of rising powers."""
    out = [0 * a[0]] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            out[i + j] += x * y
    return out


def added(*terms: Polynomial) -> Polynomial:
    """Add polynomials."""
    return [sum(t[i] for t in terms if i < len(t)) for i in range(max(map(len, terms)))]


def row_moments(skewness: Any, curvature: Any, one: Any) -> list[Polynomial]:
    """Return the raw moments 0 to 4 of one row, as polynomials in the model's mean."""
    zero = 0 * one
    m, V, slope = [zero, one], [one, skewness * one, curvature * one], [skewness, 2 * curvature]
    third = product(V, slope)
    fourth = product(V, added(product(slope, slope), [2 * curvature * c for c in V]))
    mm, mV = product(m, m), product(m, V)
    return [
        [one],
        m,
        added(V, mm),
        added(third, [3 * c for c in mV], product(mm, m)),
        added(
            fourth,
            [4 * c for c in product(m, third)],
            [3 * c for c in product(V, V)],
            [6 * c for c in product(m, mV)],
            product(mm, mm),
        ),
    ]


def batch_sums(part: Partition, n: int, rows: list[Polynomial]) -> Polynomial:
    """Return E[P_part of a batch of n rows | m] as a polynomial in m."""
    terms = []
    for blocks in set_partitions(list(range(len(part)))):
        moments = [rows[0]]
        for block in blocks:
            moments = [product(moments[0], rows[sum(part[i] for i in block)])]
        terms.append([perm(n, len(blocks)) * c for c in moments[0]])
    return added(*terms)


def with_batch(
    state: State, N: int, k: int, batch: dict[Partition, Polynomial], known: Known, one: Any
) -> State:
    """Return the state of the pool after the batch of a model fitted to k of its N rows."""
    new: State = {}
    for part in PARTITIONS:
        total = 0 * one
        for kept in range(1 << len(part)):
            old = joined(tuple(x for i, x in enumerate(part) if kept >> i & 1))
            drawn = joined(tuple(x for i, x in enumerate(part) if not kept >> i & 1))
            for j, coefficient in enumerate(batch[drawn]):
                if coefficient:
                    if (old, j) not in known:
                        known[old, j] = with_mean(state, old, j, N, k, one)
                    total += coefficient * known[old, j]
        new[part] = total
    return new


def edit_terms(rows: list[Polynomial]) -> Iterator[tuple[Partition, Partition, int, int, int, Any]]:
    """Yield (target, products of sums, power of the mean, old blocks, new blocks, coefficient)."""
    for part in PARTITIONS:
        for kept in range(1 << len(part)):
            old = [x for i, x in enumerate(part) if kept >> i & 1]
            drawn = [x for i, x in enumerate(part) if not kept >> i & 1]
            for blocks, others in product_of(set_partitions(old), set_partitions(drawn)):
                moments = [rows[0][0]]
                for block in others:
                    moments = product(moments, rows[sum(block)])
                for sums, ways in distinct(joined(tuple(map(sum, blocks)))).items():
                    for j, c in enumerate(moments):
                        if c:
                            yield part, sums, j, len(blocks), len(others), ways * c


def edited_moments(
    edits: Edits, skewness: Any, curvature: Any, one: Any = 1
) -> list[tuple[Any, Any, Any]]:
    """Return `subsample_moments` for a set of which rows are replaced."""
    n, rows = edits.size, row_moments(skewness, curvature, one)
    terms, chances = list(edit_terms(rows)), mixed_falling(edits, 4, one)
    state: State = {p: batch_sums(p, n, rows)[0] for p in PARTITIONS}
    found = []
    for t in range(len(chances)):
        if t and chances[t][0][1]:  # some row may be new
            new = dict.fromkeys(PARTITIONS, 0 * one)
            for part, sums, j, b, c, coefficient in terms:
                weight = coefficient * chances[t][b][c] / (one * n) ** j
                new[part] += weight * state[joined(sums, (1,) * j)]
            state = new
        found.append(tuple(state[(1,) * j] / (one * n) ** j for j in (2, 3, 4)))
    return found


def subsample_moments(
    sizes: list[int], counts: list[int], skewness: Any, curvature: Any, one: Any = 1
) -> list[tuple[Any, Any, Any]]:
    """Return E x_t^2, E x_t^3, E x_t^4 for each generation; exact for rational arguments."""
    rows = row_moments(skewness, curvature, one)
    batches = {n: {p: batch_sums(p, n, rows) for p in PARTITIONS} for n in set(sizes)}
    N = sizes[0]
    state: State = {p: batches[N][p][0] for p in PARTITIONS}
    found = []
    for t, k in enumerate(counts):
        known: Known = {((), j): with_mean(state, (), j, N, k, one) for j in (2, 3, 4)}
        found.append((known[(), 2], known[(), 3], known[(), 4]))
        if t + 1 < len(sizes):
            n = sizes[t + 1]
            state = with_batch(state, N, k, batches[n], known, one)
            N += n
    return found


def error_moments(schedule: Schedule, skewness: float, curvature: float) -> ErrorMoments:
    """Return the moments of the errors of random sets; infinite once beyond floats."""
    sizes, counts = schedule.listed, schedule.counts.tolist()
    with np.errstate(over="ignore", invalid="ignore"):
        if schedule.edits is not None:
            moments = edited_moments(schedule.edits, skewness, curvature, 1.0)
        else:
            moments = subsample_moments(sizes, counts, skewness, curvature, 1.0)
        values = np.array(moments)
    return ErrorMoments(*scan.grown(values).T)
