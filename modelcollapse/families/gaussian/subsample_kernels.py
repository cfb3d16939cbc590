"""Compiled trajectories of random training sets: index plans first, then only the rows used.

Which rows train which generation does not depend on the data. So a replicate first draws all
its index sets (a partial Fisher-Yates shuffle of one persistent permutation: its first k entries
are a uniform subset whatever the order before), marks the rows that some generation uses, and
creates no others. A row is m + sum_i g_i (x_i - m) / sqrt(k - c), x_i the training rows: exactly
N(m, S) for any rank; with k > d the Cholesky factor of S does the same in d terms.
"""

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled
from modelcollapse._support.spread import ROUNDING
from modelcollapse._support.stream import Stream, normal
from modelcollapse._support.variates import draw_plan
from modelcollapse.families.gaussian.kernels import copy, dot, total

GRAIN = 2.0**-92  # the square of 64 roundings: how far apart equal rows can be computed to be


@compiled
def apart(variance: float, mean: float) -> float:
    """Return the variance of rows in one dimension: exactly 0 of rows that are equal."""
    return variance if variance > GRAIN * mean * mean else 0.0


@compiled
def subsample_line(
    stream: Stream,
    given: bool,
    real: Floats,
    deviation: float,
    sizes: Integers,
    counts: Integers,
    heat: float,
    ddof: int,
    slots: Integers,
    means: Floats,
    variances: Floats,
) -> None:
    """Random sets in d = 1; real rows are `real[r]` if given, else normal."""
    rows = sizes.sum()
    order, used, none = np.empty(rows, np.int64), np.empty(rows, np.int64), np.zeros((2, 0))
    plan, pool = np.empty((sizes.size, counts.max()), np.int64), np.empty(rows)
    for r in range(means.shape[0]):
        draw_plan(stream, sizes, counts, none, order, plan, used)
        first, mean, scale = 0, 0.0, deviation
        for t in range(sizes.size):
            for i in range(first, first + sizes[t]):
                if t == 0 and given:
                    pool[i] = real[r, i, 0]
                elif used[i] == 1:
                    pool[i] = mean + scale * normal(stream)
            first += sizes[t]
            k = counts[t]
            mean = 0.0
            for i in range(k):
                mean += pool[plan[t, i]]
            mean /= k
            scatter = 0.0
            for i in range(k):
                gap = pool[plan[t, i]] - mean
                scatter += gap * gap
            variance = apart(scatter / (k - ddof), mean)
            scale = np.sqrt(heat * variance)
            if slots[t] >= 0:
                means[r, slots[t]] = mean
                variances[r, slots[t]] = variance


@compiled
def gather(pool: Floats, chosen: Integers, k: int, ddof: int, mean: Floats, roots: Floats) -> float:
    """Fill mean, and roots (d, k) with roots roots' the covariance; return its trace."""
    d = mean.size
    mean[:] = 0.0
    for i in range(k):
        row = pool[chosen[i]]
        for j in range(d):
            mean[j] += row[j]
    for j in range(d):
        mean[j] /= k
    scale, trace = 1.0 / np.sqrt(k - ddof), 0.0
    for i in range(k):
        row = pool[chosen[i]]
        for j in range(d):
            root = scale * (row[j] - mean[j])
            roots[j, i] = root
            trace += root * root
    return trace


@compiled
def lower_factor(roots: Floats, k: int, mean: Floats, L: Floats, pivots: Floats) -> None:
    """Fill L with the lower factor of roots roots', and pivots with its squared diagonal."""
    for i in range(L.shape[0]):
        for j in range(i + 1):
            L[i, j] = dot(roots[i], roots[j], k)
    factorised(L, mean, pivots)


@compiled
def factorised(L: Floats, mean: Floats, pivots: Floats) -> None:
    """Turn the lower triangle of a covariance into its factor, and fill its squared diagonal.

    Dependent columns, and equal rows about their mean, leave a pivot of rounding size or below
    zero: that direction is gone.
    """
    for i in range(L.shape[0]):
        row = L[i]
        for j in range(i):
            product = row[j] - dot(row, L[j], j)
            row[j] = product / L[j, j] if L[j, j] > 0.0 else 0.0
        square = row[i]
        pivot = square - dot(row, row, i)
        least = max(ROUNDING * L.shape[0] * square, GRAIN * mean[i] * mean[i])
        pivots[i] = pivot if pivot > least else 0.0
        row[i] = np.sqrt(pivots[i])


@compiled
def sample_rows(
    stream: Stream,
    rows: Floats,
    used: Integers,
    mean: Floats,
    roots: Floats,
    terms: int,
    triangular: bool,
    g: Floats,
) -> None:
    """Create the used rows: mean + roots g, with the lower triangle or `terms` columns of roots."""
    for i in range(rows.shape[0]):
        if used[i] == 1:
            for j in range(terms):
                g[j] = normal(stream)
            for j in range(mean.size):
                last = j + 1 if triangular else terms
                rows[i, j] = mean[j] + dot(roots[j], g, last)


@compiled
def subsample_space(
    stream: Stream,
    given: bool,
    real: Floats,
    deviations: Floats,
    sizes: Integers,
    counts: Integers,
    heat: float,
    ddof: int,
    slots: Integers,
    scalars: Floats,
    means: Floats,
    factors: Floats,
    log_pivots: Floats,
) -> None:
    """Random sets in d > 1; `scalars` receives trace, squared error and log-volume."""
    d, count, most = deviations.size, sizes.sum(), counts.max()
    order, used, none = np.empty(count, np.int64), np.empty(count, np.int64), np.zeros((2, 0))
    plan, pool = np.empty((sizes.size, most), np.int64), np.empty((count, d))
    roots, L = np.empty((d, most)), np.zeros((d, d))
    mean, pivots, g = np.zeros(d), np.zeros(d), np.empty(max(d, most))
    for r in range(scalars.shape[0]):
        draw_plan(stream, sizes, counts, none, order, plan, used)
        first, warmth = 0, np.sqrt(heat)
        for t in range(sizes.size):
            last = first + sizes[t]
            if t > 0:
                full = counts[t - 1] > d
                terms, factor = (d, L) if full else (counts[t - 1], roots)
                for i in range(d):
                    for j in range(terms):
                        factor[i, j] *= warmth
                sample_rows(
                    stream, pool[first:last], used[first:last], mean, factor, terms, full, g
                )
            elif given:
                copy(pool[:last], real[r], d, 1.0)
            else:
                for i in range(last):
                    for j in range(d):
                        pool[i, j] = deviations[j] * normal(stream)
            first = last
            k = counts[t]
            trace = gather(pool, plan[t], k, ddof, mean, roots)
            pivots[:] = 0.0
            if k > d or log_pivots.size > 0:
                lower_factor(roots, k, mean, L, pivots)
                pivots[min(k - 1, d) :] = 0.0
            if slots[t] >= 0:
                s = slots[t]
                logs = np.log(pivots)
                scalars[r, s, 0], scalars[r, s, 1] = trace, total(mean * mean, d)
                scalars[r, s, 2] = total(logs, d)
                if factors.size > 0:
                    copy(factors[r, s], L if k > d else roots, min(k, d), 1.0)
                for j in range(d):
                    if factors.size > 0:
                        means[r, s, j] = mean[j]
                    if log_pivots.size > 0:
                        log_pivots[r, s, j] = logs[j]
