"""Compiled sums under few rows: vectors run along the points; see `sums`.

Rows come in pairs, and the points tile by tile. In the plane and on the line, distances are
computed twice, once for the least key and once for the sum, which is cheaper than storing them;
in higher dimensions the keys of a tile are held.
"""

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.compiled import compiled
from modelcollapse.families.kde.scoring.distances import fill_keys, lesser, take, transpose
from modelcollapse.families.kde.scoring.exponential import ordered, power, power_5, power_7

TILE = 32768  # keys held at a time
PLANE_TILE = 1024  # points at a time
VECTOR = 32  # what an unrolled loop does at a time
FAR = float(np.finfo(np.float64).max)


@compiled
def begin(low: Floats, least: Floats) -> None:
    """Copy the least keys (n,)."""
    for j in range(low.size):
        low[j] = least[j]


@compiled
def end(least: Floats, low: Floats) -> None:
    """Copy the new least keys (n,) back; those that overflowed stay infinite."""
    for j in range(low.size):
        least[j] = low[j] if low[j] < FAR else np.inf


@compiled
def lower(least: Floats, one: Floats, two: Floats, shift_one: float, shift_two: float) -> None:
    """Add offsets to the keys of two rows, each (n,), and lower `least` (n,) to them."""
    for j in range(least.size):
        u, v = one[j] + shift_one, two[j] + shift_two
        one[j], two[j] = u, v
        least[j] = lesser(least[j], lesser(u, v))


@compiled
def rescale(sums: Floats, before: Floats, after: Floats, rate: float) -> None:
    """Turn sums (n,) relative to the keys `before` into sums relative to `after`, in place."""
    for j in range(sums.size):
        # Keys that overflowed are brought back, for differences between infinities are NaN.
        after[j] = lesser(after[j], FAR)
        sums[j] *= power((after[j] - before[j]) * rate)


@compiled
def add_powers(
    sums: Floats, least: Floats, one: Floats, two: Floats, rate: float, degree: int
) -> None:
    """Add 2^(-rate (key - least)) of two rows to the sums (n,)."""
    if degree == 5:
        for j in range(sums.size):
            low = least[j]
            sums[j] += power_5((low - one[j]) * rate) + power_5((low - two[j]) * rate)
    elif degree == 7:
        for j in range(sums.size):
            low = least[j]
            sums[j] += power_7((low - one[j]) * rate) + power_7((low - two[j]) * rate)
    else:
        for j in range(sums.size):
            low = least[j]
            sums[j] += power((low - one[j]) * rate) + power((low - two[j]) * rate)


@compiled
def merge_few(
    points: Floats,
    rows: Floats,
    offsets: Floats,
    unit: float,
    rate: float,
    degree: int,
    least: Floats,
    sums: Floats,
) -> None:
    """Merge rows, with vectors along the points; all keys of a tile of points are held."""
    n, d = rows.shape
    tiles = points.shape[0] * n // TILE + 1
    width = (points.shape[0] // tiles // VECTOR + 1) * VECTOR
    block, keys, zeros = np.empty((d, width)), np.empty((n + 1, width)), np.zeros(width)
    x, y, lows = np.empty(d), np.empty(d), np.empty(width)
    for start in range(0, points.shape[0], width):
        size = min(width, points.shape[0] - start)
        transpose(block, points, start, size, unit)
        before, low, own = least[start:][:size], lows[:size], sums[start:][:size]
        begin(low, before)
        for i in range(0, n, 2):
            after = min(i + 1, n - 1)
            take(x, rows[i], unit)
            take(y, rows[after], unit)
            one, two = keys[i][:size], keys[i + 1][:size]
            fill_keys(one, two, zeros[:size], block, x, y)
            shift_one = offsets[i] if offsets.size > 0 else 0.0
            shift_two = offsets[after] if offsets.size > 0 else 0.0
            # An odd last row is met twice; the second time, infinitely far away.
            lower(low, one, two, shift_one, shift_two if after > i else np.inf)
        rescale(own, before, low, rate)
        for i in range(0, n, 2):
            add_powers(own, low, keys[i][:size], keys[i + 1][:size], rate, degree)
        end(before, low)


@ordered
def key_of(x: float, y: float, a: float, b: float, offset: float) -> float:
    """Return the key of the point (x, y) and the row (a, b)."""
    u, v = x - a, y - b
    return u * u + (v * v + offset)


@compiled
def pairs_of(rows: Floats, offsets: Floats, unit: float) -> Floats:
    """Return coordinates and offsets of rows 2 i and 2 i + 1, shape (pairs, 6).

    An odd last row gets a companion that is infinitely far away.
    """
    n, d = rows.shape
    pairs = np.zeros(((n + 1) // 2, 6))
    pairs[-1, 5] = np.inf
    for j in range(n):
        pair, k = pairs[j // 2], 3 * (j % 2)
        pair[k] = unit * rows[j, 0]
        if d == 2:
            pair[k + 1] = unit * rows[j, 1]
        pair[k + 2] = offsets[j] if offsets.size > 0 else 0.0
    return pairs


@compiled
def lower_plane(least: Floats, x: Floats, y: Floats, pair: Floats) -> None:
    """Lower `least` (n,) to the keys of two rows."""
    a0, b0, c0, a1, b1, c1 = pair[0], pair[1], pair[2], pair[3], pair[4], pair[5]
    for j in range(least.size):
        u, v = x[j], y[j]
        nearer = lesser(key_of(u, v, a0, b0, c0), key_of(u, v, a1, b1, c1))
        least[j] = lesser(least[j], nearer)


@compiled
def add_plane(
    sums: Floats, least: Floats, x: Floats, y: Floats, pair: Floats, rate: float, degree: int
) -> None:
    """Add 2^(-rate (key - least)) of two rows to the sums (n,)."""
    a0, b0, c0, a1, b1, c1 = pair[0], pair[1], pair[2], pair[3], pair[4], pair[5]
    if degree == 5:
        for j in range(sums.size):
            u, v, low = x[j], y[j], least[j]
            s, t = low - key_of(u, v, a0, b0, c0), low - key_of(u, v, a1, b1, c1)
            sums[j] += power_5(s * rate) + power_5(t * rate)
    elif degree == 7:
        for j in range(sums.size):
            u, v, low = x[j], y[j], least[j]
            s, t = low - key_of(u, v, a0, b0, c0), low - key_of(u, v, a1, b1, c1)
            sums[j] += power_7(s * rate) + power_7(t * rate)
    else:
        for j in range(sums.size):
            u, v, low = x[j], y[j], least[j]
            s, t = low - key_of(u, v, a0, b0, c0), low - key_of(u, v, a1, b1, c1)
            sums[j] += power(s * rate) + power(t * rate)


@compiled
def merge_plane(
    points: Floats,
    rows: Floats,
    offsets: Floats,
    unit: float,
    rate: float,
    degree: int,
    least: Floats,
    sums: Floats,
) -> None:
    """Merge rows (N, d), d = 1 or 2."""
    width, d = min(PLANE_TILE, points.shape[0]), rows.shape[1]
    block, lows, pairs = np.zeros((2, width)), np.empty(width), pairs_of(rows, offsets, unit)
    for start in range(0, points.shape[0], width):
        size = min(width, points.shape[0] - start)
        transpose(block[:d], points, start, size, unit)
        x, y = block[0][:size], block[1][:size]
        before, low, own = least[start:][:size], lows[:size], sums[start:][:size]
        begin(low, before)
        for i in range(pairs.shape[0]):
            lower_plane(low, x, y, pairs[i])
        rescale(own, before, low, rate)
        for i in range(pairs.shape[0]):
            add_plane(own, low, x, y, pairs[i], rate, degree)
        end(before, low)
