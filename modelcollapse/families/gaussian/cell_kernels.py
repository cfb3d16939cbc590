"""Compiled trajectories of random training sets in cells of alike rows, see `_support.cells`.

Of k normal rows only the mean and the scatter matter, and both are drawn at once, as
`kernels.draw_batch` does. What a generation will train on is merged as it comes: count, mean and
scatter about that mean, by the pairwise update of Chan, Golub & LeVeque (The American Statistician
37(3), 1983), so that nothing cancels. All is kept in the frame of the last fit, in which new rows
are standard normal, as in `edit_kernels`: digits last whatever has collapsed. A direction that is
gone keeps its unit, as later subsets may have it still. Which one is gone is decided as on rows:
of a subset these lie about the truth's mean, of an edited set in the frame.
"""

import numpy as np

from modelcollapse._support.cells import draw_cells, scratch
from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import Stream, normal
from modelcollapse._support.variates import chi_square
from modelcollapse.families.gaussian.edit_kernels import FAR, move
from modelcollapse.families.gaussian.kernels import LOWER, copy, dot, draw_batch
from modelcollapse.families.gaussian.subsample_kernels import apart, factorised


@compiled
def cells_line(
    stream: Stream,
    given: bool,
    real: Floats,
    deviation: float,
    sizes: Integers,
    counts: Integers,
    edits: Floats,
    room: int,
    heat: float,
    ddof: int,
    slots: Integers,
    means: Floats,
    variances: Floats,
    shifts: Floats,
) -> None:
    """Random sets in d = 1, in at most `room` cells; real rows are `real[r]` if given."""
    T = sizes.size
    sets = scratch(room, T)
    _, rows, last, order, starts, member = sets
    held, centres, scatters = np.empty(T), np.empty(T), np.empty(T)
    for r in range(means.shape[0]):
        draw_cells(stream, sizes, counts, edits, *sets)
        held[:], centres[:], scatters[:] = 0.0, 0.0, 0.0
        # The frame: x = mean + sqrt(square) exp(shift / 2) z.
        mean, square, shift, spread, first = 0.0, 1.0, 0.0, deviation, 0
        for t in range(T):
            for c in order[starts[t] : starts[t + 1]]:
                k = rows[c]
                if t == 0 and given:
                    centre, scatter = summary(real[r, first : first + k, 0])
                    first += k
                else:
                    centre = spread / np.sqrt(k) * normal(stream)
                    scatter = spread * spread * chi_square(stream, k - 1)
                for s in range(t, last[c] + 1):
                    if member[c, s] == 1:
                        whole, gap = held[s] + k, centre - centres[s]
                        centres[s] += gap * (k / whole)
                        scatters[s] += scatter + gap * gap * (held[s] * k / whole)
                        held[s] = whole
            centre, away, root = centres[t], centres[t], np.sqrt(square) * np.exp(shift / 2)
            if edits.size == 0:
                away += mean / root
            step = apart(scatters[t] / (counts[t] - ddof), away)
            mean += root * centre
            unit, spread = 1.0, 0.0
            if step > 0.0:
                unit, spread = np.sqrt(step), np.sqrt(heat)
                square *= step
                if not 1 / FAR < square < FAR:
                    shift += np.log(square)
                    square = 1.0
            for s in range(t + 1, T):
                if held[s] > 0.0:
                    centres[s] = (centres[s] - centre) / unit
                    scatters[s] /= unit * unit
            if slots[t] >= 0:
                means[r, slots[t]] = mean
                variances[r, slots[t]] = square if step > 0.0 else 0.0
                shifts[r, slots[t]] = shift


@compiled
def summary(rows: Floats) -> tuple[float, float]:
    """Return the mean of some rows and the sum of the squares about it."""
    mean = scatter = 0.0
    for i in range(rows.size):
        mean += rows[i]
    mean /= rows.size
    for i in range(rows.size):
        gap = rows[i] - mean
        scatter += gap * gap
    return mean, scatter


@compiled
def summaries(rows: Floats, mean: Floats, scatter: Floats) -> None:
    """Fill the mean of rows (k, d), and the lower triangle of their scatter about it."""
    k, d = rows.shape
    for j in range(d):
        mean[j] = 0.0
        for i in range(k):
            mean[j] += rows[i, j]
        mean[j] /= k
        for s in range(j + 1):
            scatter[j, s] = 0.0
    for i in range(k):
        row = rows[i]
        for j in range(d):
            gap = row[j] - mean[j]
            for s in range(j + 1):
                scatter[j, s] += gap * (row[s] - mean[s])


@compiled
def drawn_summaries(
    stream: Stream, k: int, spreads: Floats, A: Floats, normals: Floats, z: Floats, G: Floats
) -> None:
    """Fill the mean and the lower triangle of the scatter of k rows of N(0, spreads^2).

    `A` (d, d) and `normals` are scratch, as in `draw_batch`.
    """
    columns, root = draw_batch(stream, z.size, k - 1, LOWER, z, A, normals), np.sqrt(k)
    for i in range(z.size):
        z[i] *= spreads[i] / root
        for j in range(i + 1):
            G[i, j] = spreads[i] * spreads[j] * dot(A[i], A[j], min(j + 1, columns))


@compiled
def merge(
    held: float, mean: Floats, scatter: Floats, k: float, other: Floats, more: Floats, gap: Floats
) -> None:
    """Merge k rows into `held` ones, by means and lower triangles of scatters."""
    whole = held + k
    share, weight = k / whole, held * k / whole
    for j in range(mean.size):
        gap[j] = other[j] - mean[j]
        mean[j] += share * gap[j]
        row, new, scaled = scatter[j], more[j], weight * gap[j]
        for s in range(j + 1):
            row[s] += new[s] + scaled * gap[s]


@compiled
def in_units(mean: Floats, scatter: Floats, centre: Floats, C: Floats, half: Floats) -> None:
    """Make a mean, and the lower triangle of a scatter, those about centre in units of C.

    `half` (d, d) is scratch: C^-1 S, of which S C'^-1 is then taken by rows.
    """
    d = mean.size
    for i in range(d):
        mean[i] = (mean[i] - centre[i] - dot(C[i], mean, i)) / C[i, i]
        row = half[i]
        for j in range(d):
            row[j] = scatter[i, j] if j <= i else scatter[j, i]
        for k in range(i):
            other, share = half[k], C[i, k]
            for j in range(d):
                row[j] -= share * other[j]
        for j in range(d):
            row[j] /= C[i, i]
    for i in range(d):
        row, own = half[i], scatter[i]
        for j in range(i + 1):
            own[j] = (row[j] - dot(C[j], own, j)) / C[j, j]


@compiled
def distance(L: Floats, mean: Floats, centre: Floats, C: Floats, away: Floats) -> None:
    """Fill how far rows are from the truth's mean, in the frame: alike in all directions.

    They are those about `centre` of covariance C, and the frame is mean and L.
    """
    square = 0.0
    for j in range(mean.size):
        away[j] = (mean[j] - dot(L[j], away, j)) / L[j, j]
        square += (away[j] + centre[j]) ** 2 + C[j, j]
    for j in range(mean.size):
        away[j] = np.sqrt(square)


@compiled
def forget(mean: Floats, scatter: Floats, pivots: Floats) -> None:
    """Make coordinates 0 in directions that are gone for good."""
    for i in range(mean.size):
        for j in range(i + 1):
            if pivots[i] == 0.0 or pivots[j] == 0.0:
                scatter[i, j] = 0.0
        if pivots[i] == 0.0:
            mean[i] = 0.0


@compiled
def recorded(
    mean: Floats,
    L: Floats,
    spreads: Floats,
    logs: Floats,
    r: int,
    s: int,
    means: Floats,
    factors: Floats,
    log_pivots: Floats,
) -> tuple[float, float, float]:
    """Record a fit, whose factor is L where spreads are not zero; return its three scalars."""
    trace = square = volume = 0.0
    for j in range(mean.size):
        log = logs[j] if spreads[j] > 0.0 else -np.inf
        square += mean[j] * mean[j]
        volume += log
        for i in range(j, mean.size):
            root = L[i, j] if spreads[j] > 0.0 else 0.0
            trace += root * root
            if factors.size > 0:
                factors[r, s, i, j] = root
        if factors.size > 0:
            means[r, s, j] = mean[j]
        if log_pivots.size > 0:
            log_pivots[r, s, j] = log
    return trace, square, volume


@compiled
def cells_space(
    stream: Stream,
    given: bool,
    real: Floats,
    deviations: Floats,
    sizes: Integers,
    counts: Integers,
    edits: Floats,
    room: int,
    heat: float,
    ddof: int,
    slots: Integers,
    scalars: Floats,
    means: Floats,
    factors: Floats,
    log_pivots: Floats,
) -> None:
    """Random sets of more than d > 1 rows, as in `subsample_kernels.subsample_space`."""
    d, T = deviations.size, sizes.size
    sets = scratch(room, T)
    _, rows, last, order, starts, member = sets
    held, centres, scatters = np.zeros(T), np.zeros((T, d)), np.zeros((T, d, d))
    z, A, G, half = np.zeros(d), np.zeros((d, d)), np.zeros((d, d)), np.empty((d, d))
    normals, gap, spreads = np.empty(d * (d + 1) // 2 + d), np.empty(d), np.empty(d)
    mean, pivots, logs = np.zeros(d), np.zeros(d), np.zeros(d)
    L, C, away = np.zeros((d, d)), np.zeros((d, d)), np.zeros((1, d))
    for r in range(scalars.shape[0]):
        draw_cells(stream, sizes, counts, edits, *sets)
        held[:], centres[:], scatters[:] = 0.0, 0.0, 0.0
        mean[:], L[:], logs[:], first = 0.0, 0.0, 0.0, 0
        for j in range(d):
            L[j, j], spreads[j] = 1.0, deviations[j]
        for t in range(T):
            for c in order[starts[t] : starts[t + 1]]:
                k = rows[c]
                if t == 0 and given:
                    summaries(real[r, first : first + k], z, G)
                    first += k
                else:
                    drawn_summaries(stream, k, spreads, A, normals, z, G)
                for s in range(t, last[c] + 1):
                    if member[c, s] == 1:
                        merge(held[s], centres[s], scatters[s], k, z, G, gap)
                        held[s] += k
            for j in range(d):
                for i in range(j + 1):
                    C[j, i] = scatters[t, j, i] / (counts[t] - ddof)
            if edits.size > 0:
                copy(away, centres[t : t + 1], d, 1.0)
            else:
                distance(L, mean, centres[t], C, away[0])
            factorised(C, away[0], pivots)
            for j in range(d):
                gone = pivots[j] == 0.0
                if gone:
                    C[j, j] = 1.0
                spreads[j] = 0.0 if gone else np.sqrt(heat)
                logs[j] += 0.0 if gone else np.log(pivots[j])
            move(L, mean, centres[t], C)
            for s in range(t + 1, T):
                if held[s] > 0.0:
                    in_units(centres[s], scatters[s], centres[t], C, half)
                    if edits.size > 0:
                        forget(centres[s], scatters[s], pivots)
            if slots[t] >= 0:
                s = slots[t]
                found = recorded(mean, L, spreads, logs, r, s, means, factors, log_pivots)
                scalars[r, s, 0], scalars[r, s, 1], scalars[r, s, 2] = found
