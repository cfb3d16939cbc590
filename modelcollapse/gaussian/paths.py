"""Compiled trajectories of replace and accumulate: whole replicates, recorded as they run.

Each replicate draws its numbers generation by generation, whatever is recorded, so recording
never changes the numbers. ``slots[t]`` is the column in which generation t + 1 is recorded, or
-1. Generation 1 is given (`given`, one fit per replicate) or drawn from the normal truth whose
factor is `factor[0]`.
"""

import numpy as np

from modelcollapse.checks import Floats, Integers
from modelcollapse.gaussian.kernels import (
    HUGE,
    TINY,
    accumulate_step,
    bartlett_rows,
    compiled,
    copy,
    log_volume,
    replace_step,
    rescale,
    squares,
    total,
)


@compiled
def replace_line(
    rng: np.random.Generator,
    given: bool,
    mean: Floats,
    variance: Floats,
    sizes: Integers,
    heat: float,
    ddof: int,
    slots: Integers,
    means: Floats,
    log_variances: Floats,
) -> None:
    """Replace in d = 1; the variance is v exp(2 log unit), so that it never underflows."""
    for r in range(means.shape[0]):
        m, v, unit, shift, hot = mean[r], variance[r], 1.0, 0.0, 1.0
        for t in range(sizes.size):
            n = sizes[t]
            if t > 0 or not given:
                m += unit * np.sqrt(hot * v / n) * rng.standard_normal()
                v *= hot * rng.chisquare(n - 1) / (n - ddof)
                if not TINY < v < HUGE and v > 0.0:
                    shift += np.log(v)
                    unit, v = np.exp(0.5 * shift), 1.0
            hot = heat
            if slots[t] >= 0:
                means[r, slots[t]] = m
                log_variances[r, slots[t]] = np.log(v) + shift


@compiled
def accumulate_line(
    rng: np.random.Generator,
    given: bool,
    mean: Floats,
    variance: Floats,
    sizes: Integers,
    heat: float,
    ddof: int,
    slots: Integers,
    means: Floats,
    log_variances: Floats,
) -> None:
    """Accumulate in d = 1; v is the pool's variance with ddof 0."""
    for r in range(means.shape[0]):
        m, v, pool = mean[r], variance[r], sizes[0]
        if not given:
            m += np.sqrt(v / pool) * rng.standard_normal()
            v *= rng.chisquare(pool - 1) / pool
        for t in range(sizes.size):
            if t > 0:
                n = sizes[t]
                after, drawn = pool + n, heat * v * pool / (pool - ddof)
                z = rng.standard_normal()
                m += np.sqrt(drawn * n) / after * z
                v = (pool * v + drawn * (rng.chisquare(n - 1) + pool / after * z * z)) / after
                pool = after
            if slots[t] >= 0:
                means[r, slots[t]] = m
                log_variances[r, slots[t]] = np.log(v * pool / (pool - ddof))


@compiled
def _draw(rng: np.random.Generator, z: Floats, A: Floats, rank: int, freedom: int) -> int:
    for j in range(rank):
        z[j] = rng.standard_normal()
    return bartlett_rows(rng, A, rank, freedom)


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
    rng: np.random.Generator,
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
    row: Floats,
) -> tuple[int, float]:
    """Set mean, B and pivots to the first fit; return its rank and its log-volume."""
    source, d = min(r, start.shape[0] - 1), B.shape[0]
    copy(B, start[source], d, 1.0)
    for i in range(d):
        mean[i] = start_mean[source, i]
    rank = min(d, n - 1)
    if not given:
        _draw(rng, z, A, d, n - 1)
        replace_step(mean, B, z, A, d, n, ddof, 1.0, 1.0, row)
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
    rng: np.random.Generator,
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
    z, row, mean, pivots = np.zeros(d), np.zeros(d), np.zeros(d), np.zeros(d)
    for r in range(scalars.shape[0]):
        rank, volume = _start(
            rng, given, r, start_mean, start, sizes[0], ddof, mean, B, pivots, z, A, G, row
        )
        shift = 0.0
        for t in range(sizes.size):
            if t > 0:
                n, before = sizes[t], rank
                _draw(rng, z, A, rank, n - 1)
                unit = np.exp(0.5 * shift)
                rank = replace_step(mean, B, z, A, rank, n, ddof, heat, unit, row)
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
    rng: np.random.Generator,
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
    B, A = np.zeros((d, d)), np.zeros((d, d))
    L, U = np.zeros((d, d)), np.zeros((d, d))
    z, row, mean, pivots = np.zeros(d), np.zeros(d), np.zeros(d), np.zeros(d)
    for r in range(scalars.shape[0]):
        rank, volume = _start(
            rng, given, r, start_mean, start, sizes[0], 0, mean, B, pivots, z, A, U, row
        )
        pool = sizes[0]
        for t in range(sizes.size):
            if t > 0:
                _draw(rng, z, A, rank, sizes[t] - 1)
                accumulate_step(mean, B, z, A, L, U, rank, pool, sizes[t], ddof, heat, row)
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
