"""Compiled trajectories of replace and accumulate: whole replicates, recorded as they run.

Each replicate draws its numbers generation by generation, whatever is recorded, so recording
never changes the numbers. ``slots[t]`` is the column in which generation t + 1 is recorded, or
-1. Generation 1 is given (`given`, one fit per replicate) or drawn from the normal truth whose
factor is `factor[0]`.
"""

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import Stream, fill_normals, normal
from modelcollapse._support.variates import fill_chi_squares
from modelcollapse.families.gaussian.kernels import (
    HUGE,
    TINY,
    accumulate_step,
    bartlett_rows,
    copy,
    log_volume,
    replace_step,
    rescale,
    squares,
    total,
)
from modelcollapse.families.gaussian.quantities import LANES


@compiled
def _draw_lanes(
    stream: Stream, n: int, row: int, polynomials: Floats, normals: Floats, chis: Floats
) -> None:
    """Draw the standardised means and the scatters of a batch of n rows in all lanes."""
    fill_normals(stream, normals)
    flat, length = polynomials.reshape(polynomials.size), polynomials.shape[1]
    polynomial = flat[row * length : (row + 1) * length] if row >= 0 else flat[:0]
    fill_chi_squares(stream, n - 1, polynomial, chis)


@compiled
def replace_line(
    stream: Stream,
    given: bool,
    mean: Floats,
    variance: Floats,
    sizes: Integers,
    rows: Integers,
    polynomials: Floats,
    heat: float,
    ddof: int,
    floor: float,
    slots: Integers,
    means: Floats,
    variances: Floats,
    shifts: Floats,
) -> None:
    """Replace in d = 1, LANES replicates at a time, of which the last may be of no use.

    The variance is `variances` exp(`shifts`), so that it never underflows; a shift is written
    only where it is not zero. The floor is part of a given `variance`. Chi-squares of size t are
    drawn by polynomials[rows[t]], see `chi_squares.polynomials`.
    """
    normals, chis = np.empty(LANES), np.empty(LANES)
    m, v, unit, shift = np.empty(LANES), np.empty(LANES), np.empty(LANES), np.empty(LANES)
    for first in range(0, means.shape[0], LANES):
        lanes = min(LANES, means.shape[0] - first)
        for i in range(LANES):
            source = first + min(i, lanes - 1)
            m[i], v[i], unit[i], shift[i] = mean[source], variance[source], 1.0, 0.0
        moved = False
        for t in range(sizes.size):
            if t > 0 or not given:
                _draw_lanes(stream, sizes[t], rows[t], polynomials, normals, chis)
                hot = heat if t > 0 else 1.0
                stride, gain = np.sqrt(hot / sizes[t]), hot / (sizes[t] - ddof)
                for i in range(LANES):
                    m[i] += unit[i] * stride * np.sqrt(v[i]) * normals[i]
                    v[i] *= gain * chis[i]
                if floor > 0.0:
                    for i in range(LANES):
                        v[i] += floor / (unit[i] * unit[i])
                extreme = False
                for i in range(LANES):
                    extreme |= not TINY < v[i] < HUGE
                if extreme:
                    for i in range(LANES):
                        if not TINY < v[i] < HUGE and v[i] > 0.0:
                            shift[i] += np.log(v[i])
                            unit[i], v[i] = np.exp(0.5 * shift[i]), 1.0
                            moved = True
            s = slots[t]
            if s >= 0:
                for i in range(lanes):
                    means[first + i, s], variances[first + i, s] = m[i], v[i]
                if moved:
                    for i in range(lanes):
                        if shift[i] != 0.0:
                            shifts[first + i, s] = shift[i]


@compiled
def accumulate_line(
    stream: Stream,
    given: bool,
    mean: Floats,
    variance: Floats,
    sizes: Integers,
    rows: Integers,
    polynomials: Floats,
    heat: float,
    ddof: int,
    floor: float,
    slots: Integers,
    means: Floats,
    variances: Floats,
) -> None:
    """Accumulate in d = 1, as `replace_line`; v is the pool's variance with ddof 0, floor apart."""
    normals, chis, m, v = np.empty(LANES), np.empty(LANES), np.empty(LANES), np.empty(LANES)
    for first in range(0, means.shape[0], LANES):
        lanes = min(LANES, means.shape[0] - first)
        for i in range(LANES):
            source = first + min(i, lanes - 1)
            m[i], v[i] = mean[source], variance[source]
        before, fit = 0, 1.0  # rows of the pool, and the factor of the variance that is fitted
        for t in range(sizes.size):
            n = sizes[t]
            after = before + n
            if t == 0 and not given:
                _draw_lanes(stream, n, rows[t], polynomials, normals, chis)
                for i in range(LANES):
                    m[i] += np.sqrt(v[i] / n) * normals[i]
                    v[i] *= chis[i] / n
            elif t > 0:
                _draw_lanes(stream, n, rows[t], polynomials, normals, chis)
                drawn, keep = heat * before / (before - ddof), before / after
                stride, gain, added = np.sqrt(drawn * n) / after, drawn / after, floor / fit
                for i in range(LANES):
                    sampled = v[i] + added
                    m[i] += stride * np.sqrt(sampled) * normals[i]
                    scatter = chis[i] + keep * normals[i] * normals[i]
                    v[i] = keep * v[i] + gain * scatter * sampled
            before, fit = after, after / (after - ddof)
            s = slots[t]
            if s >= 0:
                for i in range(lanes):
                    means[first + i, s], variances[first + i, s] = m[i], v[i] * fit + floor


@compiled
def _draw(stream: Stream, z: Floats, A: Floats, rank: int, freedom: int) -> int:
    for j in range(rank):
        z[j] = normal(stream)
    return bartlett_rows(stream, A, rank, freedom)


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
    scratch: Floats,
) -> tuple[int, float]:
    """Set mean, B and pivots to the first fit; return its rank and its log-volume."""
    source, d = min(r, start.shape[0] - 1), B.shape[0]
    copy(B, start[source], d, 1.0)
    for i in range(d):
        mean[i] = start_mean[source, i]
    rank = min(d, n - 1)
    if not given:
        _draw(stream, z, A, d, n - 1)
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
    for r in range(scalars.shape[0]):
        rank, volume = _start(
            stream, given, r, start_mean, start, sizes[0], ddof, mean, B, pivots, z, A, G, scratch
        )
        shift = 0.0
        for t in range(sizes.size):
            if t > 0:
                n, before = sizes[t], rank
                _draw(stream, z, A, rank, n - 1)
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
    z, mean, pivots, scratch = np.zeros(d), np.zeros(d), np.zeros(d), np.zeros((2, d))
    for r in range(scalars.shape[0]):
        rank, volume = _start(
            stream, given, r, start_mean, start, sizes[0], 0, mean, B, pivots, z, A, L, scratch
        )
        pool = sizes[0]
        for t in range(sizes.size):
            if t > 0:
                _draw(stream, z, A, rank, sizes[t] - 1)
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
