"""Compiled trajectories of replace and accumulate, many replicates at once.

Each number of a fit is a row of lanes, one for each replicate, and every step is taken for all of
them: so that even one or two dimensions keep the processor's registers full. In d > 1 all fits have
full rank here; others, and large d, go replicate by replicate (`path_kernels`). A group of lanes
draws its numbers generation by generation, whatever is recorded, and a lane without a replicate
draws its own, too: so neither what is recorded nor how many replicates there are changes a number.
``slots[t]`` is the column in which generation t + 1 is recorded, or -1. Generation 1 is given
(`given`, one fit per replicate) or drawn from the normal truth. Chi-squares of size t are drawn by
polynomials[places[t]], see `chi_squares.polynomials`.
"""

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import Stream, fill_normals, logarithm
from modelcollapse._support.variates import fill_chi_squares
from modelcollapse.families.gaussian.kernels import HUGE, TINY
from modelcollapse.families.gaussian.quantities import LINE_LANES as LINE
from modelcollapse.families.gaussian.quantities import SPACE_LANES as SPACE

NONE = np.empty(0)


@compiled
def draw_lanes(
    stream: Stream, n: int, polynomials: Floats, place: int, normals: Floats, chis: Floats
) -> None:
    """Draw a batch of n rows in all lanes: its standardised mean and its scatter.

    `normals` (d (d + 1)/2, lanes) are the mean's, and then those below the diagonal of Bartlett's
    factor, row by row; `chis` (d, lanes) are the squares of the diagonal.
    """
    fill_normals(stream, normals.reshape(normals.size))
    for i in range(chis.shape[0]):
        own = polynomials[place, i] if place >= 0 else NONE
        fill_chi_squares(stream, n - 1 - i, own, chis[i])


@compiled
def replace_line(
    stream: Stream,
    given: bool,
    mean: Floats,
    variance: Floats,
    sizes: Integers,
    places: Integers,
    polynomials: Floats,
    heat: float,
    ddof: int,
    floor: float,
    slots: Integers,
    means: Floats,
    variances: Floats,
    shifts: Floats,
) -> None:
    """Replace in d = 1, LINE replicates at a time, of which the last may be of no use.

    The variance is `variances` exp(`shifts`), so that it never underflows; a shift is written
    only where it is not zero. The floor is part of a given `variance`. Chi-squares of size t are
    drawn by polynomials[places[t]], see `chi_squares.polynomials`.
    """
    normals, chis = np.empty((1, LINE)), np.empty((1, LINE))
    z, chi = normals[0], chis[0]
    m, v, unit, shift = (
        np.empty(LINE),
        np.empty(LINE),
        np.empty(LINE),
        np.empty(LINE),
    )
    for first in range(0, means.shape[0], LINE):
        lanes = min(LINE, means.shape[0] - first)
        for i in range(LINE):
            source = first + min(i, lanes - 1)
            m[i], v[i], unit[i], shift[i] = mean[source], variance[source], 1.0, 0.0
        moved = False
        for t in range(sizes.size):
            if t > 0 or not given:
                draw_lanes(stream, sizes[t], polynomials, places[t], normals, chis)
                hot = heat if t > 0 else 1.0
                stride, gain = np.sqrt(hot / sizes[t]), hot / (sizes[t] - ddof)
                for i in range(LINE):
                    m[i] += unit[i] * stride * np.sqrt(v[i]) * z[i]
                    v[i] *= gain * chi[i]
                if floor > 0.0:
                    for i in range(LINE):
                        v[i] += floor / (unit[i] * unit[i])
                extreme = False
                for i in range(LINE):
                    extreme |= not TINY < v[i] < HUGE
                if extreme:
                    for i in range(LINE):
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
    places: Integers,
    polynomials: Floats,
    heat: float,
    ddof: int,
    floor: float,
    slots: Integers,
    means: Floats,
    variances: Floats,
) -> None:
    """Accumulate in d = 1, as `replace_line`; v is the pool's variance with ddof 0, floor apart."""
    normals, chis = np.empty((1, LINE)), np.empty((1, LINE))
    z, chi, m, v = normals[0], chis[0], np.empty(LINE), np.empty(LINE)
    for first in range(0, means.shape[0], LINE):
        lanes = min(LINE, means.shape[0] - first)
        for i in range(LINE):
            source = first + min(i, lanes - 1)
            m[i], v[i] = mean[source], variance[source]
        before, fit = 0, 1.0  # rows of the pool, and the factor of the variance that is fitted
        for t in range(sizes.size):
            n = sizes[t]
            after = before + n
            if t == 0 and not given:
                draw_lanes(stream, n, polynomials, places[t], normals, chis)
                for i in range(LINE):
                    m[i] += np.sqrt(v[i] / n) * z[i]
                    v[i] *= chi[i] / n
            elif t > 0:
                draw_lanes(stream, n, polynomials, places[t], normals, chis)
                drawn, keep = heat * before / (before - ddof), before / after
                stride, gain, added = np.sqrt(drawn * n) / after, drawn / after, floor / fit
                for i in range(LINE):
                    sampled = v[i] + added
                    m[i] += stride * np.sqrt(sampled) * z[i]
                    scatter = chi[i] + keep * z[i] * z[i]
                    v[i] = keep * v[i] + gain * scatter * sampled
            before, fit = after, after / (after - ddof)
            s = slots[t]
            if s >= 0:
                for i in range(lanes):
                    means[first + i, s], variances[first + i, s] = m[i], v[i] * fit + floor


@compiled
def scratch_normals(d: int) -> Floats:
    """Return room for what `draw_lanes` draws."""
    return np.empty((d * (d + 1) // 2, SPACE))


@compiled
def pivots_for(log_pivots: Floats, d: int) -> Floats:
    """Return room for the logarithms of pivots, or none if nobody asks for them."""
    return np.empty((d if log_pivots.size > 0 else 0, SPACE))


@compiled
def square_roots(values: Floats) -> None:
    """Replace values (d, lanes) by their roots."""
    flat = values.reshape(values.size)
    for i in range(flat.size):
        flat[i] = np.sqrt(flat[i])


@compiled
def lanes_started(
    first: int, lanes: int, start_mean: Floats, start: Floats, mean: Floats, B: Floats
) -> None:
    """Set mean (d, lanes) and B (d, d, lanes) to the fits, or the truth, that lanes start from."""
    for w in range(SPACE):
        source = min(first + min(w, lanes - 1), start.shape[0] - 1)
        for i in range(mean.shape[0]):
            mean[i, w] = start_mean[source, i]
            for j in range(mean.shape[0]):
                B[i, j, w] = start[source, i, j]


@compiled
def lanes_moved(mean: Floats, B: Floats, z: Floats, scale: Floats, part: Floats) -> None:
    """Add scale B z to the mean; scale and part have shape (lanes,)."""
    for i in range(mean.shape[0]):
        part[:] = 0.0
        for j in range(i + 1):
            row, noise = B[i, j], z[j]
            for w in range(SPACE):
                part[w] += row[w] * noise[w]
        here = mean[i]
        for w in range(SPACE):
            here[w] += scale[w] * part[w]


@compiled
def lanes_multiplied(
    B: Floats, below: Floats, diagonal: Floats, scale: float, part: Floats
) -> None:
    """Replace B by scale B L, L lower with its rows below the diagonal one after the other.

    An entry needs none of those before it in its row, which are done from the left on.
    """
    for i in range(B.shape[0]):
        for j in range(i + 1):
            entry, root = B[i, j], diagonal[j]
            for w in range(SPACE):
                part[w] = entry[w] * root[w]
            for k in range(j + 1, i + 1):
                row, own = B[i, k], below[k * (k - 1) // 2 + j]
                for w in range(SPACE):
                    part[w] += row[w] * own[w]
            for w in range(SPACE):
                entry[w] = scale * part[w]


@compiled
def lanes_pooled(
    below: Floats,
    diagonal: Floats,
    z: Floats,
    keep: float,
    gain: float,
    L: Floats,
    roots: Floats,
    part: Floats,
) -> None:
    """Fill L and roots with the lower factor of keep I + gain (A A' + keep z z').

    Both factors: rows below the diagonal one after the other, (d (d - 1)/2, lanes), and the
    diagonal, (d, lanes).
    """
    for i in range(roots.shape[0]):
        at = i * (i - 1) // 2
        for j in range(i + 1):
            other = j * (j - 1) // 2
            one, two = z[i], z[j]
            for w in range(SPACE):
                part[w] = keep * one[w] * two[w]
            for k in range(j):
                x, y = below[at + k], below[other + k]
                for w in range(SPACE):
                    part[w] += x[w] * y[w]
            x, y = below[at + j] if j < i else diagonal[i], diagonal[j]
            for w in range(SPACE):
                part[w] = gain * (part[w] + x[w] * y[w])
            for k in range(j):
                x, y = L[at + k], L[other + k]
                for w in range(SPACE):
                    part[w] -= x[w] * y[w]
            if j < i:
                x, y = L[at + j], roots[j]
                for w in range(SPACE):
                    x[w] = part[w] / y[w]
            else:
                y = roots[i]
                for w in range(SPACE):
                    y[w] = np.sqrt(keep + part[w])


@compiled
def lanes_logged(
    diagonal: Floats, scale: float, pivots: Floats, volume: Floats, part: Floats
) -> None:
    """Add logarithms of scale times the squared diagonal to the volume, and to pivots if any."""
    part[:] = 1.0
    for i in range(diagonal.shape[0]):
        root = diagonal[i]
        for w in range(SPACE):
            part[w] *= scale * root[w] * root[w]
        if pivots.size > 0:
            own = pivots[i]
            for w in range(SPACE):
                own[w] += logarithm(scale * root[w] * root[w])
    for w in range(SPACE):
        volume[w] += logarithm(part[w])


@compiled
def lanes_rescaled(B: Floats, shift: Floats) -> None:
    """Bring extreme leading entries of B back to 1; add the logarithms of their squares."""
    extreme, head = False, B[0, 0]
    for w in range(SPACE):
        extreme |= not TINY < abs(head[w]) < HUGE
    if not extreme:
        return
    for w in range(SPACE):
        size = abs(head[w])
        if size > 0.0 and not TINY < size < HUGE:
            shift[w] += 2.0 * np.log(size)
            for i in range(B.shape[0]):
                for j in range(i + 1):
                    B[i, j, w] /= size


@compiled
def lanes_recorded(
    first: int,
    lanes: int,
    s: int,
    mean: Floats,
    B: Floats,
    shift: Floats,
    fit: float,
    pivots: Floats,
    volume: Floats,
    part: Floats,
    scalars: Floats,
    means: Floats,
    factors: Floats,
    log_pivots: Floats,
) -> None:
    """Record the lanes that have a replicate; the covariances are exp(shift + fit) B B'."""
    d = mean.shape[0]
    part[:] = 0.0
    for i in range(d):
        for j in range(i + 1):
            entry = B[i, j]
            for w in range(SPACE):
                part[w] += entry[w] * entry[w]
    for w in range(lanes):
        r, scale, error = first + w, np.exp(shift[w] + fit), 0.0
        for i in range(d):
            error += mean[i, w] * mean[i, w]
        scalars[r, s, 0], scalars[r, s, 1] = part[w] * scale, error
        scalars[r, s, 2] = volume[w] + d * fit
        for i in range(d):
            if log_pivots.size > 0:
                log_pivots[r, s, i] = pivots[i, w] + fit
            if factors.size > 0:
                means[r, s, i] = mean[i, w]
                for j in range(i + 1):
                    factors[r, s, i, j] = np.sqrt(scale) * B[i, j, w]


@compiled
def replace_lanes(
    stream: Stream,
    given: bool,
    start_mean: Floats,
    start: Floats,
    sizes: Integers,
    places: Integers,
    polynomials: Floats,
    heat: float,
    ddof: int,
    slots: Integers,
    scalars: Floats,
    means: Floats,
    factors: Floats,
    log_pivots: Floats,
) -> None:
    """Replace in d > 1, SPACE replicates at a time; `scalars`: trace, squared error, log-volume."""
    d = start.shape[1]
    B, mean, normals = np.zeros((d, d, SPACE)), np.empty((d, SPACE)), scratch_normals(d)
    chis, pivots, volume = (
        np.empty((d, SPACE)),
        pivots_for(log_pivots, d),
        np.empty(SPACE),
    )
    shift, unit, part = np.empty(SPACE), np.empty(SPACE), np.empty(SPACE)
    for first in range(0, scalars.shape[0], SPACE):
        lanes = min(SPACE, scalars.shape[0] - first)
        lanes_started(first, lanes, start_mean, start, mean, B)
        shift[:] = volume[:] = 0.0
        pivots[:] = 0.0
        for i in range(d):
            lanes_logged(B[i][i : i + 1], 1.0, pivots[i : i + 1], volume, unit)
        for t in range(sizes.size):
            if t > 0 or not given:
                n, hot = sizes[t], heat if t > 0 else 1.0
                draw_lanes(stream, n, polynomials, places[t], normals, chis)
                for w in range(SPACE):
                    unit[w] = np.exp(0.5 * shift[w]) * np.sqrt(hot / n)
                lanes_moved(mean, B, normals[:d], unit, part)
                square_roots(chis)
                lanes_multiplied(B, normals[d:], chis, np.sqrt(hot / (n - ddof)), part)
                lanes_logged(chis, hot / (n - ddof), pivots, volume, part)
                lanes_rescaled(B, shift)
            if slots[t] >= 0:
                lanes_recorded(
                    first,
                    lanes,
                    slots[t],
                    mean,
                    B,
                    shift,
                    0.0,
                    pivots,
                    volume,
                    part,
                    scalars,
                    means,
                    factors,
                    log_pivots,
                )


@compiled
def accumulate_lanes(
    stream: Stream,
    given: bool,
    start_mean: Floats,
    start: Floats,
    sizes: Integers,
    places: Integers,
    polynomials: Floats,
    heat: float,
    ddof: int,
    slots: Integers,
    scalars: Floats,
    means: Floats,
    factors: Floats,
    log_pivots: Floats,
) -> None:
    """Accumulate in d > 1, as `replace_lanes`; B is the factor of the pool's ddof-0 covariance."""
    d = start.shape[1]
    B, mean, normals = np.zeros((d, d, SPACE)), np.empty((d, SPACE)), scratch_normals(d)
    L, roots = np.empty((d * (d - 1) // 2, SPACE)), np.empty((d, SPACE))
    chis, pivots, volume = (
        np.empty((d, SPACE)),
        pivots_for(log_pivots, d),
        np.empty(SPACE),
    )
    shift, unit, part = np.zeros(SPACE), np.empty(SPACE), np.empty(SPACE)
    for first in range(0, scalars.shape[0], SPACE):
        lanes = min(SPACE, scalars.shape[0] - first)
        lanes_started(first, lanes, start_mean, start, mean, B)
        volume[:] = 0.0
        pivots[:] = 0.0
        for i in range(d):
            lanes_logged(B[i][i : i + 1], 1.0, pivots[i : i + 1], volume, unit)
        before = 0
        for t in range(sizes.size):
            n, after = sizes[t], before + sizes[t]
            if t == 0 and not given:
                draw_lanes(stream, n, polynomials, places[t], normals, chis)
                unit[:] = np.sqrt(1.0 / n)
                lanes_moved(mean, B, normals[:d], unit, part)
                square_roots(chis)
                lanes_multiplied(B, normals[d:], chis, np.sqrt(1.0 / n), part)
                lanes_logged(chis, 1.0 / n, pivots, volume, part)
            elif t > 0:
                draw_lanes(stream, n, polynomials, places[t], normals, chis)
                drawn, keep = heat * before / (before - ddof), before / after
                square_roots(chis)
                lanes_pooled(normals[d:], chis, normals[:d], keep, drawn / after, L, roots, part)
                unit[:] = np.sqrt(drawn * n) / after
                lanes_moved(mean, B, normals[:d], unit, part)
                lanes_multiplied(B, L, roots, 1.0, part)
                lanes_logged(roots, 1.0, pivots, volume, part)
            before = after
            if slots[t] >= 0:
                fit = np.log(after / (after - ddof))
                lanes_recorded(
                    first,
                    lanes,
                    slots[t],
                    mean,
                    B,
                    shift,
                    fit,
                    pivots,
                    volume,
                    part,
                    scalars,
                    means,
                    factors,
                    log_pivots,
                )
