"""Compiled genealogies: every row is a training row of the fit before, plus noise.

Which rows train a generation does not depend on the data, and drawing a row never needs a
density: so the rows of all generations are created first, and scored later where asked for.
"""

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import CHUNK, Stream, Words, fill_normals, fill_words
from modelcollapse._support.variates import draw_plan, leftover, placed, weighted

RANGES, SUBSETS, TABLES = 0, 1, 2  # whole batches, subsets drawn here, rows given


@compiled
def draw_parents(
    stream: Stream,
    kind: int,
    first: int,
    rows: Integers,
    count: int,
    cumulative: Floats,
    words: Words,
    parents: Integers,
) -> None:
    """Draw training rows: of `count` from `first` on, or of rows[:count], by weight.

    `words` is scratch, of as many words as parents or up to three more, a multiple of four.
    """
    if cumulative.size == 0:
        fill_words(stream, words)
        least = leftover(count)
        for i in range(parents.size):
            parents[i] = placed(stream, words[i], count, least)
        if kind == RANGES:
            for i in range(parents.size):
                parents[i] += first
        else:
            for i in range(parents.size):
                parents[i] = rows[parents[i]]
        return
    for i in range(parents.size):
        parents[i] = rows[weighted(stream, cumulative, count - 1)]


@compiled
def draw_noise(stream: Stream, extra: int, dim: int, normals: Floats) -> None:
    """Fill normals (rows, dim + extra) with a kernel's draws, in the first `dim` columns.

    extra = 0 is the Gaussian kernel; otherwise they are the first coordinates of a uniform point on
    the sphere in dim + extra dimensions, see `modelcollapse.families.kde.kernel`.
    """
    fill_normals(stream, normals.reshape(normals.size))
    if extra == 0:
        return
    for i in range(normals.shape[0]):
        row, square = normals[i], 0.0
        for j in range(row.size):
            square += row[j] * row[j]
        scale = 1.0 / np.sqrt(square)
        for j in range(dim):
            row[j] *= scale


@compiled
def add_noise(
    pool: Floats,
    targets: Integers,
    parents: Integers,
    noise: Floats,
    h: float,
    scaled: bool,
    factor: Floats,
) -> None:
    """Set rows of the pool to their parents plus h times their noise, or h times factor noise."""
    d = pool.shape[1]
    if d == 1 and not scaled:  # apart, as a loop over one column takes longer than its work
        line, steps = pool.reshape(pool.size), noise.reshape(noise.size)
        stride = noise.shape[1]
        for i in range(targets.size):
            line[targets[i]] = line[parents[i]] + h * steps[i * stride]
        return
    for i in range(targets.size):
        row, parent, own = pool[targets[i]], pool[parents[i]], noise[i]
        for j in range(d):
            step = own[j]
            if scaled:
                step = 0.0
                for k in range(j + 1):
                    step += factor[j, k] * own[k]
            row[j] = parent[j] + h * step


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
    stream: Stream,
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
    stream
        Random numbers; replicates are drawn one after the other.
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
    targets, parents = np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int64)
    words, normals = np.empty(CHUNK, np.uint32), np.empty((CHUNK, d + max(extra, 0)))
    mean, scatter, factor = np.empty(d), np.empty((d, d)), np.zeros((d, d))
    none = np.empty(0)
    for r in range(R):
        pool, table = pools[r], tables[min(r, tables.shape[0] - 1)]
        if kind == SUBSETS:
            draw_plan(stream, sizes, counts[0], edits, order, table, used)
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
            stop, i = start + sizes[t + 1], start + fresh[t + 1]
            while i < stop:
                m = 0
                while m < CHUNK and i < stop:
                    targets[m] = i
                    m += used[i]
                    i += 1
                four = (m + 3) // 4 * 4
                draw_parents(stream, kind, first, rows, count, sums, words[:four], parents[:m])
                if extra < 0:
                    for k in range(m):
                        for j in range(d):
                            normals[k, j] = given[r, targets[k], j]
                else:
                    draw_noise(stream, extra, d, normals[:m])
                add_noise(pool, targets[:m], parents[:m], normals, h, scaled, factor)
            start = stop
