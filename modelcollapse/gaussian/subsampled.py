"""Compiled trajectories of accumulate-subsample: index plans first, then only the rows used.

Which rows train which generation does not depend on the data. So a replicate first draws all
its index sets (a partial Fisher-Yates shuffle of one persistent permutation: its first k
entries are a uniform subset whatever the order before), marks the rows that some generation
uses, and creates no others. A row is m + sum_i g_i (x_i - m) / sqrt(k - c), x_i the training
rows: exactly N(m, S) for any rank; with k > d the Cholesky factor of S does the same in d terms.
"""

import numpy as np

from modelcollapse.checks import Floats, Integers
from modelcollapse.gaussian.kernels import add_rows, compiled, copy, total


@compiled
def below(rng: np.random.Generator, bound: int) -> int:
    """Return a uniform integer in [0, bound), bound < 2^32 (Lemire, ACM TOMACS 29(1), 2019).

    Generator.integers is several times slower in compiled loops.
    """
    word = np.uint64(4294967296.0)
    while True:
        product = np.uint64(rng.random() * 4294967296.0) * np.uint64(bound)
        low = product % word
        if low >= bound or low >= (word - np.uint64(bound)) % np.uint64(bound):
            return int(product // word)


@compiled
def draw_plan(
    rng: np.random.Generator,
    sizes: Integers,
    counts: Integers,
    order: Integers,
    plan: Integers,
    used: Integers,
) -> None:
    """Fill plan[t, :counts[t]] with distinct rows of the pool; mark used rows with 1."""
    total = 0
    used[:] = 0
    for t in range(sizes.size):
        for i in range(total, total + sizes[t]):
            order[i] = i
        total += sizes[t]
        for i in range(counts[t]):
            j = i + below(rng, total - i)
            chosen = order[j]
            order[j] = order[i]
            order[i] = chosen
            plan[t, i] = chosen
            used[chosen] = 1


@compiled
def subsample_line(
    rng: np.random.Generator,
    given: bool,
    real: Floats,
    deviation: float,
    sizes: Integers,
    counts: Integers,
    heat: float,
    ddof: int,
    slots: Integers,
    means: Floats,
    log_variances: Floats,
) -> None:
    """Accumulate-subsample in d = 1; real rows are `real[r]` if given, else normal."""
    rows = sizes.sum()
    order, used = np.empty(rows, np.int64), np.empty(rows, np.int64)
    plan, pool = np.empty((sizes.size, counts.max()), np.int64), np.empty(rows)
    for r in range(means.shape[0]):
        draw_plan(rng, sizes, counts, order, plan, used)
        first, mean, scale = 0, 0.0, deviation
        for t in range(sizes.size):
            for i in range(first, first + sizes[t]):
                if t == 0 and given:
                    pool[i] = real[r, i, 0]
                elif used[i] == 1:
                    pool[i] = mean + scale * rng.standard_normal()
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
            variance = scatter / (k - ddof)
            scale = np.sqrt(heat * variance)
            if slots[t] >= 0:
                means[r, slots[t]] = mean
                log_variances[r, slots[t]] = np.log(variance)


@compiled
def gather(
    pool: Floats, chosen: Integers, k: int, ddof: int, mean: Floats, centred: Floats
) -> float:
    """Fill mean and centred (k, d), divided by sqrt(k - ddof); return the covariance's trace."""
    mean[:] = 0.0
    for i in range(k):
        row = pool[chosen[i]]
        for j in range(mean.size):
            mean[j] += row[j]
    for j in range(mean.size):
        mean[j] /= k
    scale, trace = 1.0 / np.sqrt(k - ddof), 0.0
    for i in range(k):
        row, out = pool[chosen[i]], centred[i]
        for j in range(mean.size):
            out[j] = scale * (row[j] - mean[j])
            trace += out[j] * out[j]
    return trace


@compiled
def upper_factor(
    centred: Floats, turned: Floats, k: int, U: Floats, L: Floats, pivots: Floats
) -> None:
    """Fill U with the upper factor of centred' centred, and pivots with its squared diagonal."""
    d = U.shape[0]
    for i in range(k):
        for j in range(d):
            turned[j, i] = centred[i, j]
    for i in range(d):
        row = U[i]
        row[:] = 0.0
        add_rows(row, 1.0, turned[i], centred, k, i, d)
        add_rows(row, -1.0, L[i], U, i, i, d)
        # Dependent columns leave a pivot of rounding size or below zero: that direction is gone.
        pivots[i] = max(row[i], 0.0)
        inverse = 1.0 / np.sqrt(row[i]) if row[i] > 0.0 else 0.0
        for j in range(i, d):
            row[j] *= inverse
            L[j, i] = row[j]


@compiled
def _turn(out: Floats, values: Floats, count: int) -> None:
    """Set the first columns of out (d, d) to the first rows of values (rows, d)."""
    for i in range(count):
        for j in range(out.shape[0]):
            out[j, i] = values[i, j]


@compiled
def sample_rows(
    rng: np.random.Generator,
    pool: Floats,
    used: Integers,
    first: int,
    last: int,
    mean: Floats,
    roots: Floats,
    terms: int,
    heat: float,
    g: Floats,
) -> None:
    """Create the used rows among pool[first:last]: mean + sqrt(heat) sum_k g_k roots[k]."""
    for i in range(first, last):
        if used[i] == 1:
            for j in range(terms):
                g[j] = rng.standard_normal()
            row = pool[i]
            for j in range(mean.size):
                row[j] = mean[j]
            add_rows(row, np.sqrt(heat), g, roots, terms, 0, mean.size)


@compiled
def subsample_space(
    rng: np.random.Generator,
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
    """Accumulate-subsample in d > 1; `scalars` receives trace, squared error and log-volume."""
    d, rows, most = deviations.size, sizes.sum(), counts.max()
    order, used = np.empty(rows, np.int64), np.empty(rows, np.int64)
    plan, pool = np.empty((sizes.size, most), np.int64), np.empty((rows, d))
    centred, turned = np.empty((most, d)), np.empty((d, most))
    U, L = np.zeros((d, d)), np.zeros((d, d))
    mean, pivots, g = np.zeros(d), np.zeros(d), np.empty(max(d, most))
    for r in range(scalars.shape[0]):
        draw_plan(rng, sizes, counts, order, plan, used)
        first = 0
        for t in range(sizes.size):
            last = first + sizes[t]
            if t > 0 and counts[t - 1] <= d:
                sample_rows(rng, pool, used, first, last, mean, centred, counts[t - 1], heat, g)
            elif t > 0:
                sample_rows(rng, pool, used, first, last, mean, U, d, heat, g)
            elif given:
                copy(pool[:last], real[r], d, 1.0)
            else:
                for i in range(last):
                    for j in range(d):
                        pool[i, j] = deviations[j] * rng.standard_normal()
            first = last
            k = counts[t]
            trace = gather(pool, plan[t], k, ddof, mean, centred)
            if k > d:
                upper_factor(centred, turned, k, U, L, pivots)
            if slots[t] >= 0:
                s = slots[t]
                scalars[r, s, 0], scalars[r, s, 1] = trace, total(mean * mean, d)
                if k <= d:
                    pivots[:] = 0.0
                logs = np.log(pivots)
                scalars[r, s, 2] = total(logs, d)
                if factors.size > 0:
                    _turn(factors[r, s], U if k > d else centred, min(k, d))
                for j in range(d):
                    if factors.size > 0:
                        means[r, s, j] = mean[j]
                    if log_pivots.size > 0:
                        log_pivots[r, s, j] = logs[j]
