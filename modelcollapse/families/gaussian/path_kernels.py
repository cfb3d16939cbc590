"""Compiled trajectories of replace and accumulate: whole replicates, recorded as they run.

Each replicate draws its numbers generation by generation, whatever is recorded, so recording
never changes the numbers. ``slots[t]`` is the column in which generation t + 1 is recorded, or
-1. Generation 1 is given (`given`, one fit per replicate) or drawn from the normal truth whose
factor is `factor[0]`.
"""

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import Stream
from modelcollapse.families.gaussian.kernels import (
    LOWER,
    UPPER,
    accumulate_step,
    copy,
    draw_batch,
    log_volume,
    replace_step,
    rescale,
    squares,
    total,
)


@compiled
def _add_logs(pivots: Floats, A: Floats, rank: int, scale: float) -> float:
    """Add the logarithms of scale times A's squared diagonal; return their sum."""
    result = 0.0
    for i in range(rank):
        gain = np.log(scale * A[i, i] * A[i, i])
        pivots[i] += gain
        result += gain
    return result


@compiled
def _start(
    stream: Stream,
    given: bool,
    r: int,
    start_mean: Floats,
    start: Floats,
    n: int,
    ddof: int,
    mean: Floats,
    B: Floats,
    pivots: Floats,
    z: Floats,
    A: Floats,
    G: Floats,
    normals: Floats,
    scratch: Floats,
) -> tuple[int, float]:
    """Set mean, B and pivots to the first fit; return its rank and its log-volume."""
    source, d = min(r, start.shape[0] - 1), B.shape[0]
    copy(B, start[source], d, 1.0)
    for i in range(d):
        mean[i] = start_mean[source, i]
    rank = min(d, n - 1)
    if not given:
        draw_batch(stream, d, n - 1, LOWER, z, A, normals)
        replace_step(mean, B, z, A, d, n, ddof, 1.0, 1.0, scratch)
    for i in range(d):
        pivots[i] = np.log(B[i, i] * B[i, i]) if i < rank else -np.inf
    return rank, total(pivots, d) if rank == d else log_volume(B, rank, G)


@compiled
def _record(
    r: int,
    s: int,
    mean: Floats,
    B: Floats,
    rank: int,
    log_scale: float,
    pivots: Floats,
    volume: float,
    scalars: Floats,
    means: Floats,
    factors: Floats,
    log_pivots: Floats,
) -> None:
    scale = np.exp(log_scale)
    scalars[r, s, 0] = squares(B, rank) * scale
    scalars[r, s, 1] = total(mean * mean, mean.size)
    scalars[r, s, 2] = volume
    if factors.size > 0:
        copy(factors[r, s], B, rank, np.sqrt(scale))
    for j in range(mean.size):
        if factors.size > 0:
            means[r, s, j] = mean[j]
        if log_pivots.size > 0:
            log_pivots[r, s, j] = pivots[j]


@compiled
def replace_space(
    stream: Stream,
    given: bool,
    start_mean: Floats,
    start: Floats,
    sizes: Integers,
    heat: float,
    ddof: int,
    slots: Integers,
    scalars: Floats,
    means: Floats,
    factors: Floats,
    log_pivots: Floats,
) -> None:
    """Replace in d > 1; `scalars` receives trace, squared error and log-volume."""
    d = start.shape[1]
    B, A, G = np.zeros((d, d)), np.zeros((d, d)), np.empty((d, d))
    z, mean, pivots, scratch = np.zeros(d), np.zeros(d), np.zeros(d), np.zeros((2, d))
    normals = np.empty(d * (d + 1) // 2)
    for r in range(scalars.shape[0]):
        rank, volume = _start(
            stream,
            given,
            r,
            start_mean,
            start,
            sizes[0],
            ddof,
            mean,
            B,
            pivots,
            z,
            A,
            G,
            normals,
            scratch,
        )
        shift = 0.0
        for t in range(sizes.size):
            if t > 0:
                n, before = sizes[t], rank
                draw_batch(stream, rank, n - 1, LOWER, z, A, normals)
                unit = np.exp(0.5 * shift)
                rank = replace_step(mean, B, z, A, rank, n, ddof, heat, unit, scratch)
                volume += _add_logs(pivots, A, rank, heat / (n - ddof))
                shift += rescale(B, rank)
                if rank < before:
                    pivots[rank:] = -np.inf
                    volume = log_volume(B, rank, G) + rank * shift
            if slots[t] >= 0:
                _record(
                    r,
                    slots[t],
                    mean,
                    B,
                    rank,
                    shift,
                    pivots,
                    volume,
                    scalars,
                    means,
                    factors,
                    log_pivots,
                )


@compiled
def accumulate_space(
    stream: Stream,
    given: bool,
    start_mean: Floats,
    start: Floats,
    sizes: Integers,
    heat: float,
    ddof: int,
    slots: Integers,
    scalars: Floats,
    means: Floats,
    factors: Floats,
    log_pivots: Floats,
) -> None:
    """Accumulate in d > 1; B is the factor of the pool's covariance with ddof 0."""
    d = start.shape[1]
    B, A, L = np.zeros((d, d)), np.zeros((d, d)), np.zeros((d, d))
    T, U = np.zeros((d, d)), np.zeros((d, d))
    z, mean, pivots, scratch = np.zeros(d), np.zeros(d), np.zeros(d), np.zeros((2, d))
    normals = np.empty(d * (d + 1) // 2)
    for r in range(scalars.shape[0]):
        rank, volume = _start(
            stream,
            given,
            r,
            start_mean,
            start,
            sizes[0],
            0,
            mean,
            B,
            pivots,
            z,
            A,
            L,
            normals,
            scratch,
        )
        pool = sizes[0]
        for t in range(sizes.size):
            if t > 0:
                draw_batch(stream, rank, sizes[t] - 1, UPPER, z, T, normals)
                accumulate_step(mean, B, z, T, L, U, rank, pool, sizes[t], ddof, heat, scratch)
                volume += _add_logs(pivots, L, rank, 1.0)
                pool += sizes[t]
            if slots[t] >= 0:
                fit = np.log(pool / (pool - ddof))
                _record(
                    r,
                    slots[t],
                    mean,
                    B,
                    rank,
                    fit,
                    pivots + fit,
                    volume + rank * fit,
                    scalars,
                    means,
                    factors,
                    log_pivots,
                )
