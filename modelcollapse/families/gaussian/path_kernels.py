"""Compiled trajectories of replace and accumulate: whole replicates, recorded as they run.

Each replicate draws its numbers generation by generation, whatever is recorded, so recording
never changes the numbers. ``slots[t]`` is the column in which generation t + 1 is recorded, or
-1. Generation 1 is given (`given`, one fit per replicate) or drawn from the normal truth whose
factor is `factor[0]`.
"""

from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled, inlined
from modelcollapse.families.gaussian.kernels import (
    HUGE,
    TINY,
    accumulate_step,
    bartlett_rows,
    chi_square,
    copy,
    gamma,
    log_volume,
    replace_step,
    rescale,
    squares,
    total,
)


@compiled
def _gammas(sizes: Integers) -> tuple[Any, Any]:
    """Return the constants of `gamma` for chi-squares of sizes - 1 degrees of freedom."""
    d = 0.5 * (sizes - 1) - 1.0 / 3.0
    return d, 1.0 / np.sqrt(9.0 * np.maximum(d, 0.1))


@inlined
def _half_chi_square(rng: np.random.Generator, n: int, d: float, c: float) -> float:
    """Draw half a chi-square of n - 1 degrees of freedom."""
    return gamma(rng, d, c) if n > 2 else 0.5 * chi_square(rng, n - 1)


@compiled
def replace_line(
    rng: np.random.Generator,
    given: bool,
    mean: Floats,
    variance: Floats,
    sizes: Integers,
    heat: float,
    ddof: int,
    floor: float,
    slots: Integers,
    means: Floats,
    variances: Floats,
    shifts: Floats,
) -> None:
    """Replace in d = 1.

    The variance is `variances` exp(`shifts`), so that it never underflows; a shift is written
    only where it is not zero. The floor is part of a given `variance`.
    """
    d, c = _gammas(sizes)
    hot = np.full(sizes.size, heat)
    hot[0] = 1.0
    stride, gain = np.sqrt(hot / sizes), 2.0 * hot / (sizes - ddof)
    for r in range(means.shape[0]):
        m, v, unit, shift = mean[r], variance[r], 1.0, 0.0
        for t in range(sizes.size):
            if t > 0 or not given:
                m += unit * stride[t] * np.sqrt(v) * rng.standard_normal()
                v *= gain[t] * _half_chi_square(rng, sizes[t], d[t], c[t])
                if floor > 0.0:
                    v += floor / (unit * unit)
                if not TINY < v < HUGE and v > 0.0:
                    shift += np.log(v)
                    unit, v = np.exp(0.5 * shift), 1.0
            s = slots[t]
            if s >= 0:
                means[r, s], variances[r, s] = m, v
                if shift != 0.0:
                    shifts[r, s] = shift


@compiled
def accumulate_line(
    rng: np.random.Generator,
    given: bool,
    mean: Floats,
    variance: Floats,
    sizes: Integers,
    heat: float,
    ddof: int,
    floor: float,
    slots: Integers,
    means: Floats,
    variances: Floats,
) -> None:
    """Accumulate in d = 1; v is the pool's variance with ddof 0, without the floor."""
    d, c = _gammas(sizes)
    after = np.cumsum(sizes)
    before = after - sizes
    drawn = heat * before / np.maximum(before - ddof, 1)
    fit, keep = after / (after - ddof), before / after
    stride, gain = np.sqrt(drawn * sizes) / after, drawn / after
    for r in range(means.shape[0]):
        m, v = mean[r], variance[r]
        if not given:
            m += np.sqrt(v / sizes[0]) * rng.standard_normal()
            v *= 2.0 * _half_chi_square(rng, sizes[0], d[0], c[0]) / sizes[0]
        for t in range(sizes.size):
            if t > 0:
                z, before_floor = rng.standard_normal(), v
                if floor > 0.0:
                    v += floor / fit[t - 1]
                m += stride[t] * np.sqrt(v) * z
                scatter = 2.0 * _half_chi_square(rng, sizes[t], d[t], c[t]) + keep[t] * z * z
                if floor > 0.0:
                    v = keep[t] * before_floor + gain[t] * scatter * v
                else:
                    v *= keep[t] + gain[t] * scatter
            s = slots[t]
            if s >= 0:
                means[r, s], variances[r, s] = m, v * fit[t] + floor


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
    scratch: Floats,
) -> tuple[int, float]:
    """Set mean, B and pivots to the first fit; return its rank and its log-volume."""
    source, d = min(r, start.shape[0] - 1), B.shape[0]
    copy(B, start[source], d, 1.0)
    for i in range(d):
        mean[i] = start_mean[source, i]
    rank = min(d, n - 1)
    if not given:
        _draw(rng, z, A, d, n - 1)
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
    z, mean, pivots, scratch = np.zeros(d), np.zeros(d), np.zeros(d), np.zeros((2, d))
    for r in range(scalars.shape[0]):
        rank, volume = _start(
            rng, given, r, start_mean, start, sizes[0], ddof, mean, B, pivots, z, A, G, scratch
        )
        shift = 0.0
        for t in range(sizes.size):
            if t > 0:
                n, before = sizes[t], rank
                _draw(rng, z, A, rank, n - 1)
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
    B, A, L = np.zeros((d, d)), np.zeros((d, d)), np.zeros((d, d))
    z, mean, pivots, scratch = np.zeros(d), np.zeros(d), np.zeros(d), np.zeros((2, d))
    for r in range(scalars.shape[0]):
        rank, volume = _start(
            rng, given, r, start_mean, start, sizes[0], 0, mean, B, pivots, z, A, L, scratch
        )
        pool = sizes[0]
        for t in range(sizes.size):
            if t > 0:
                _draw(rng, z, A, rank, sizes[t] - 1)
                accumulate_step(mean, B, z, A, L, rank, pool, sizes[t], ddof, heat, scratch)
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
