"""Compiled genealogies: every row is a training row of the fit before, plus noise.

Which rows train a generation does not depend on the data, and drawing a row never needs a
density: so the rows of all generations are created first, and scored later where asked for.
"""

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import below, compiled, draw_plan

RANGES, SUBSETS, TABLES = 0, 1, 2  # whole batches, subsets drawn here, rows given


@compiled
def draw_noise(rng: np.random.Generator, extra: int, wide: Floats, noise: Floats) -> None:
    """Fill noise (d,) with a kernel's draw; `wide` (d + extra,) is scratch.

    extra = 0 is the Gaussian kernel; otherwise the first d coordinates of a uniform point on
    the sphere in d + extra dimensions, see `modelcollapse.families.kde.kernel`.
    """
    square = 0.0
    for j in range(noise.size + extra):
        wide[j] = rng.standard_normal()
        square += wide[j] * wide[j]
    scale = 1.0 / np.sqrt(square) if extra > 0 else 1.0
    for j in range(noise.size):
        noise[j] = scale * wide[j]


@compiled
def pick(
    rng: np.random.Generator,
    kind: int,
    first: int,
    rows: Integers,
    count: int,
    cumulative: Floats,
) -> int:
    """Draw a training row: one of `count` from `first` on, or of rows[:count], by weight."""
    if kind == RANGES:
        return first + below(rng, count)
    if cumulative.size == 0:
        return int(rows[below(rng, count)])
    u = rng.random() * cumulative[count - 1]
    low, high = 0, count - 1
    while low < high:
        middle = (low + high) // 2
        if cumulative[middle] > u:
            high = middle
        else:
            low = middle + 1
    return int(rows[low])


@compiled
def training_row(kind: int, first: int, rows: Integers, i: int) -> int:
    """Return the number of the i-th training row."""
    return first + i if kind == RANGES else int(rows[i])


@compiled
def weight_of(cumulative: Floats, i: int, count: int) -> float:
    """Return the weight of the i-th training row; they sum to 1."""
    if cumulative.size == 0:
        return 1.0 / count
    before = cumulative[i - 1] if i > 0 else 0.0
    return float((cumulative[i] - before) / cumulative[count - 1])


@compiled
def spread(
    pool: Floats,
    kind: int,
    first: int,
    rows: Integers,
    count: int,
    cumulative: Floats,
    mean: Floats,
    scatter: Floats,
) -> float:
    """Fill mean (d,) and the ddof-0 scatter (d, d), lower part; return the sum of w^2."""
    d, squares = mean.size, 0.0
    for j in range(d):
        mean[j] = 0.0
        for k in range(d):
            scatter[j, k] = 0.0
    # About the first row, which keeps digits where the rows are far away and close together.
    origin = pool[training_row(kind, first, rows, 0)]
    for i in range(count):
        w, row = weight_of(cumulative, i, count), pool[training_row(kind, first, rows, i)]
        squares += w * w
        for j in range(d):
            mean[j] += w * (row[j] - origin[j])
    for i in range(count):
        w, row = weight_of(cumulative, i, count), pool[training_row(kind, first, rows, i)]
        for j in range(d):
            gap = w * (row[j] - origin[j] - mean[j])
            for k in range(j + 1):
                scatter[j, k] += gap * (row[k] - origin[k] - mean[k])
    for j in range(d):
        mean[j] += origin[j]
    return squares


@compiled
def factorise(scatter: Floats, scale: float, factor: Floats) -> None:
    """Fill the lower factor of scale times the scatter; a direction without variance is 0."""
    d = factor.shape[0]
    for j in range(d):
        for k in range(j + 1):
            value = scale * scatter[j, k]
            for i in range(k):
                value -= factor[j, i] * factor[k, i]
            if k < j:
                factor[j, k] = value / factor[k, k] if factor[k, k] > 0.0 else 0.0
            else:
                least = d * 2.3e-16 * scale * scatter[j, j]
                factor[j, j] = np.sqrt(value) if value > least else 0.0


@compiled
def grow(
    rng: np.random.Generator,
    kind: int,
    sizes: Integers,
    fresh: Integers,
    firsts: Integers,
    counts: Integers,
    tables: Integers,
    cumulative: Floats,
    edits: Floats,
    bandwidths: Floats,
    scaled: bool,
    extra: int,
    given: Floats,
    pools: Floats,
) -> None:
    """Create the sampled rows in pools (replicates, N, d); the real ones are there.

    Parameters
    ----------
    rng
        The stream; replicates are drawn one after the other.
    kind
        RANGES: generation t trains on counts[0, t] rows from firsts[t] on. TABLES: on
        tables[r or 0, t, :counts[r or 0, t]], with cumulative weights of the same shape, or an
        empty array for equal ones. SUBSETS: tables receives the random sets drawn here, `edits` as
        in `draw_plan`.
    sizes, fresh
        Rows of each batch, and how many of them, the first ones, are real.
    bandwidths
        What multiplies the noise of each fit; if `scaled`, a factor of the rows' covariance.
    extra
        The kernel, see `draw_noise`; below 0 the noise is `given` (replicates, N, d).
    """
    R, N, d = pools.shape
    order, used = np.empty(N, np.int64), np.ones(N, np.int64)
    wide, noise, mean = np.empty(d + max(extra, 0)), np.empty(d), np.empty(d)
    scatter, factor = np.empty((d, d)), np.zeros((d, d))
    none = np.empty(0)
    for r in range(R):
        pool, table = pools[r], tables[min(r, tables.shape[0] - 1)]
        if kind == SUBSETS:
            draw_plan(rng, sizes, counts[0], edits, order, table, used)
        start = sizes[0]
        for t in range(sizes.size - 1):
            first, h = firsts[t], bandwidths[t]
            count = counts[min(r, counts.shape[0] - 1), t]
            rows, sums = table[t], none
            if cumulative.size > 0:
                sums = cumulative[min(r, cumulative.shape[0] - 1), t]
            if scaled:
                squares = spread(pool, kind, first, rows, count, sums, mean, scatter)
                factorise(scatter, 1.0 / (1.0 - squares), factor)
            stop = start + sizes[t + 1]
            for i in range(start + fresh[t + 1], stop):
                if used[i] == 1:
                    parent = pool[pick(rng, kind, first, rows, count, sums)]
                    row = pool[i]
                    if extra < 0:
                        for j in range(d):
                            noise[j] = given[r, i, j]
                    else:
                        draw_noise(rng, extra, wide, noise)
                    for j in range(d):
                        if scaled:
                            step = 0.0
                            for k in range(j + 1):
                                step += factor[j, k] * noise[k]
                        else:
                            step = noise[j]
                        row[j] = parent[j] + h * step
            start = stop
