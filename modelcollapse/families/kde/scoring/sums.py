"""Compiled sums over all pairs of a point and a row, exact at any distance.

A pair adds 2^(-rate key), the key being |x - y|^2 plus an offset that carries the row's weight.
For each point the least key so far and the sum of 2^(-rate (key - least)) are kept, so nothing
overflows and the sum is at least about 1, and more rows are merged by rescaling the sum. Keys
are filled block by block into buffers that stay in the cache. Coordinates are multiplied by
`unit`, a power of two that brings the bandwidth near 1: squares then overflow only where the
log-density itself does.
"""

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.compiled import compiled
from modelcollapse.families.kde.scoring.distances import fill_keys, take, transpose
from modelcollapse.families.kde.scoring.exponential import accurate_sum, power, sum_of_powers
from modelcollapse.families.kde.scoring.few import merge_few, merge_plane

BLOCK = 1024  # rows at a time
FEW_ROWS = 128  # up to here, vectors run along the points instead of along the rows,
FEW_ROWS_IN_PLANE = 512  # and with d <= 2 up to here,
MANY_POINTS = 48  # if there are as many points as this
NEGLIGIBLE = 120.0  # a block whose largest term is 2^-120 of the sum cannot change it


@compiled
def merge_point(
    keys: Floats, low: float, rate: float, degree: int, least: Floats, sums: Floats, j: int
) -> None:
    """Merge keys (n,) with least key `low` into the state of point j."""
    if low < least[j]:
        sums[j] *= power((low - least[j]) * rate)
        least[j] = low
    if (low - least[j]) * rate < NEGLIGIBLE:
        sums[j] += sum_of_powers(keys, least[j], rate, degree)


@compiled
def merge_many(
    points: Floats,
    rows: Floats,
    offsets: Floats,
    unit: float,
    rate: float,
    degree: int,
    least: Floats,
    sums: Floats,
) -> None:
    """Merge rows, with vectors along the rows."""
    count, d = points.shape
    width = min(BLOCK, rows.shape[0])
    block, x, y = np.empty((d, width)), np.empty(d), np.empty(d)
    one, two, own = np.empty(width), np.empty(width), np.zeros(width)
    for start in range(0, rows.shape[0], width):
        size = min(width, rows.shape[0] - start)
        transpose(block, rows, start, size, unit)
        for i in range(size if offsets.size > 0 else 0):
            own[i] = offsets[start + i]
        keys_x, keys_y, shifts = one[:size], two[:size], own[:size]
        for j in range(0, count, 2):
            after = min(j + 1, count - 1)
            take(x, points[j], unit)
            take(y, points[after], unit)
            low_x, low_y = fill_keys(keys_x, keys_y, shifts, block, x, y)
            merge_point(keys_x, low_x, rate, degree, least, sums, j)
            if after > j:
                merge_point(keys_y, low_y, rate, degree, least, sums, after)


@compiled
def merge(
    points: Floats,
    rows: Floats,
    offsets: Floats,
    unit: float,
    rate: float,
    degree: int,
    least: Floats,
    sums: Floats,
) -> None:
    """Merge rows into the state of all points.

    Parameters
    ----------
    points, rows
        Arrays of shape (M, d) and (N, d), N >= 1.
    offsets
        What is added to the squared distances to each row, not negative, shape (N,) or (0,).
    unit, rate, degree
        The factor of all coordinates, the rate and the polynomial of 2^(-rate key).
    least, sums
        The state, shape (M,), which starts as infinity and 0.
    """
    n, d = rows.shape
    if points.shape[0] < MANY_POINTS or n > FEW_ROWS_IN_PLANE or (d > 2 and n > FEW_ROWS):
        merge_many(points, rows, offsets, unit, rate, degree, least, sums)
    elif d <= 2:
        merge_plane(points, rows, offsets, unit, rate, degree, least, sums)
    else:
        merge_few(points, rows, offsets, unit, rate, degree, least, sums)


@compiled
def pair_sum(rows: Floats, offsets: Floats, unit: float, rate: float) -> float:
    """Return the sum over all i and j of 2^(-rate (|x_i - x_j|^2 + offset_i + offset_j)).

    Each pair is visited once: two rows meet the columns of the block that come before them.
    """
    count, d = rows.shape
    width = min(BLOCK, count + 1)
    width -= width % 2
    block, x, y = np.empty((d, width)), np.empty(d), np.empty(d)
    one, two, own = np.empty(width), np.empty(width), np.zeros(width)
    diagonal = twice = 0.0
    for start in range(0, count, width):
        last = min(width, count - start)
        transpose(block, rows, start, last, unit)
        for i in range(last if offsets.size > 0 else 0):
            own[i] = offsets[start + i]
        for i in range(start, count, 2):
            after = min(i + 1, count - 1)
            take(x, rows[i], unit)
            take(y, rows[after], unit)
            offset_x, offset_y = 0.0, 0.0
            if offsets.size > 0:
                offset_x, offset_y = offsets[i], offsets[after]
            size = min(width, i - start)
            keys_x, keys_y = one[:size], two[:size]
            fill_keys(keys_x, keys_y, own[:size], block, x, y)
            twice += power(-rate * offset_x) * accurate_sum(keys_x, 0.0, rate)
            if after > i:
                twice += power(-rate * offset_y) * accurate_sum(keys_y, 0.0, rate)
            if i < start + width:
                diagonal += power(-2.0 * rate * offset_x)
                if after > i:
                    diagonal += power(-2.0 * rate * offset_y)
                    between = 0.0
                    for k in range(d):
                        between += (x[k] - y[k]) * (x[k] - y[k])
                    twice += power(-rate * (between + offset_x + offset_y))
    return diagonal + 2.0 * twice


@compiled
def log_values(out: Floats, least: Floats, sums: Floats, half: float, shift: float) -> None:
    """Set `out` (M,) to log(sum) - half least - shift."""
    for j in range(out.size):
        out[j] = np.log(sums[j]) - half * least[j] - shift


@compiled
def mean_losses(
    out: Floats,
    points: Floats,
    rows: Floats,
    offsets: Floats,
    unit: float,
    half: float,
    rate: float,
    degree: int,
    shift: float,
) -> None:
    """Set `out` (R,) to minus the mean of `log_values` under rows (R, N, d).

    Points have the shape (R, M, d), or (1, M, d) if all replicates share them.
    """
    count = points.shape[1]
    least, sums, logs = np.empty(count), np.empty(count), np.empty(count)
    for r in range(out.size):
        for j in range(count):
            least[j], sums[j] = np.inf, 0.0
        own = points[min(r, points.shape[0] - 1)]
        merge(own, rows[r], offsets, unit, rate, degree, least, sums)
        log_values(logs, least, sums, half, shift)
        result = 0.0
        for j in range(count):
            result -= logs[j]
        out[r] = result / count


@compiled
def pair_sums(out: Floats, rows: Floats, offsets: Floats, unit: float, rate: float) -> None:
    """Set `out` (R,) to the `pair_sum` of each of the rows (R, N, d)."""
    for r in range(out.size):
        out[r] = pair_sum(rows[r], offsets, unit, rate)
