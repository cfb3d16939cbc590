"""The law of the noise on a row of a fit: which variances, with which probabilities.

A row of the fit of generation t is a real row plus the kernels' noise of its ancestors and its
own. Under replace every generation is an ancestor. Under accumulate, and accumulate-subsample with
equal batches, batch j is one with probability 1/j, independently for j = 2, ..., t.
"""

import numpy as np

from modelcollapse._support.checks import Floats, Integers

LEAST = 1e-30  # probabilities below this are left out
BINS, FINEST = 2**13, 40  # of the sum of the ancestors' variances, and of the smallest of them
SHARED = 80  # variances that stand for all of them, in equal steps of the logarithm


def blurs(
    workflow: str, at: Integers, bandwidths: float | Floats, noise: float
) -> tuple[Floats, Floats]:
    """Return variances (k,), the truth's own noise included, and probabilities (len(at), k).

    Exact for replace and for one bandwidth; for a schedule, one per generation, mixed from
    neighbouring variances.
    """
    h = np.broadcast_to(bandwidths, int(at[-1])).astype(np.float64)
    if workflow == "replace":
        return noise**2 + np.cumsum(h**2)[at - 1], np.eye(len(at))
    if np.ptp(h) == 0:
        depths = _depths(at)
        used = depths.max(axis=0) > LEAST
        return noise**2 + (np.flatnonzero(used) + 1) * h[0] ** 2, depths[:, used]
    return _scheduled(at, h**2, noise**2)


def _depths(at: Integers) -> Floats:
    """Return the law of the number of ancestors, (len(at), at[-1])."""
    table, depth = np.zeros((len(at), int(at[-1]))), np.ones(1)
    for t in range(1, int(at[-1]) + 1):
        if t > 1:
            depth = np.convolve(depth, [1 - 1 / t, 1 / t])
        table[at == t, : len(depth)] = depth
    return table


def _scheduled(at: Integers, squares: Floats, least: float) -> tuple[Floats, Floats]:
    """Add the ancestors' variances bin by bin, each split between the two nearest."""
    step = squares.min() / FINEST
    mass, places = np.zeros(BINS), step * np.arange(BINS)
    mass[0] = 1.0
    shared = np.geomspace(least + squares.min(), least + squares.max() + places[-1], SHARED)
    table = []
    for t in range(1, int(at[-1]) + 1):
        if t > 1:
            i, part = divmod(squares[t - 2] / step, 1)
            moved = (1 - part) * _later(mass, int(i)) + part * _later(mass, int(i) + 1)
            mass = (1 - 1 / t) * mass + moved / t
        if t in at:
            table.append(_split(np.log(least + squares[t - 1] + places), mass, np.log(shared)))
    return shared, np.array(table)


def _later(mass: Floats, count: int) -> Floats:
    """Shift by some bins; what leaves the last one is far below rounding."""
    return np.concatenate([np.zeros(count), mass[: len(mass) - count]])


def _split(x: Floats, mass: Floats, grid: Floats) -> Floats:
    """Split masses at x between the two nearest points of an even grid."""
    where = np.clip((x - grid[0]) / (grid[1] - grid[0]), 0, len(grid) - 1 - 1e-9)
    i = where.astype(int)
    low = np.bincount(i, mass * (i + 1 - where), len(grid))
    return np.asarray(low + np.bincount(i + 1, mass * (where - i), len(grid)))
