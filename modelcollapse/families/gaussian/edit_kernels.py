"""Compiled trajectories of data sets that are edited, in the frame of their own fit.

The rows of a set outlive their fit, and the spread of what has collapsed is far below the distance
that its mean has moved. So a row is kept as x = m + L z, with the last fit's mean m and lower
factor L: the coordinates z of a set have mean 0 and covariance 1 whatever has become of it. New
rows are normal in them; a fit to the new coordinates, with the mean c and the factor C, moves m by
L c, makes L into L C, and the coordinates z into C^-1 (z - c). Directions that are gone keep the
coordinate 0. Which rows are replaced is a partial Fisher-Yates shuffle of one persistent
permutation.
"""

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import Stream, normal
from modelcollapse._support.variates import below, binomial
from modelcollapse.families.gaussian.kernels import dot, total
from modelcollapse.families.gaussian.subsample_kernels import apart, gather, lower_factor

FAR = 1e200  # a variance beyond this, or below its inverse, hands its size to the shift


@compiled
def replaced_rows(stream: Stream, edits: Floats, t: int, order: Integers) -> int:
    """Shuffle the rows that generation t replaces to the front; return how many they are."""
    count = int(edits[0, t])
    if edits[1, t] > 0.0:
        count = binomial(stream, order.size, edits[1, t])
    for i in range(count):
        j = i + below(stream, order.size - i)
        chosen = order[j]
        order[j] = order[i]
        order[i] = chosen
    return count


@compiled
def edited_line(
    stream: Stream,
    n: int,
    given: bool,
    real: Floats,
    deviation: float,
    edits: Floats,
    heat: float,
    ddof: int,
    slots: Integers,
    means: Floats,
    variances: Floats,
    shifts: Floats,
) -> None:
    """Edited sets in d = 1; real rows are `real[r]` if given, else normal."""
    z, order, warmth = np.empty(n), np.arange(n), np.sqrt(heat)
    for r in range(means.shape[0]):
        # The fit's variance is square * exp(shift).
        mean, square, shift = 0.0, 1.0, 0.0
        for i in range(n):
            z[i] = real[r, i, 0] if given else deviation * normal(stream)
        for t in range(slots.size):
            if t > 0:
                for i in range(replaced_rows(stream, edits, t, order)):
                    z[order[i]] = warmth * normal(stream)
            centre = total(z, n) / n
            scatter = 0.0
            for i in range(n):
                z[i] -= centre
                scatter += z[i] * z[i]
            step = apart(scatter / (n - ddof), centre)
            mean += np.sqrt(square) * np.exp(shift / 2) * centre
            root = np.sqrt(step)
            for i in range(n):
                z[i] = z[i] / root if root > 0.0 else 0.0
            square *= step
            if square > 0.0 and not 1 / FAR < square < FAR:
                shift += np.log(square)
                square = 1.0
            if slots[t] >= 0:
                means[r, slots[t]] = mean
                variances[r, slots[t]] = square
                shifts[r, slots[t]] = shift


@compiled
def in_frame(z: Floats, centre: Floats, C: Floats) -> None:
    """Make the coordinates z, shape (n, d), those about centre in units of the factor C."""
    for i in range(z.shape[0]):
        row = z[i]
        for j in range(row.size):
            rest = row[j] - centre[j] - dot(C[j], row, j)
            row[j] = rest / C[j, j] if C[j, j] > 0.0 else 0.0


@compiled
def move(L: Floats, mean: Floats, centre: Floats, C: Floats) -> None:
    """Add L centre to mean, and multiply L by C; both are lower triangles."""
    for i in range(L.shape[0]):
        row = L[i]
        mean[i] += dot(row, centre, i + 1)
        # From the left on: an entry needs none of those before it.
        for j in range(i + 1):
            entry = 0.0
            for k in range(j, i + 1):
                entry += row[k] * C[k, j]
            row[j] = entry


@compiled
def record(L: Floats, columns: int, factor: Floats) -> None:
    """Fill factor with L, or with its columns that have not vanished, if it has no room."""
    d, last = L.shape[0], 0
    factor[:] = 0.0
    for j in range(d):
        if columns == d or L[j, j] > 0.0:
            for i in range(d):
                factor[i, last] = L[i, j]
            last += 1


@compiled
def edited_space(
    stream: Stream,
    n: int,
    given: bool,
    real: Floats,
    deviations: Floats,
    edits: Floats,
    heat: float,
    ddof: int,
    slots: Integers,
    scalars: Floats,
    means: Floats,
    factors: Floats,
    log_pivots: Floats,
) -> None:
    """Edited sets in d > 1; `scalars` receives trace, squared error and log-volume."""
    d, warmth = deviations.size, np.sqrt(heat)
    z, every, order = np.empty((n, d)), np.arange(n), np.arange(n)
    roots, C, L = np.empty((d, n)), np.zeros((d, d)), np.zeros((d, d))
    mean, centre, pivots, logs = np.zeros(d), np.zeros(d), np.zeros(d), np.zeros(d)
    for r in range(scalars.shape[0]):
        mean[:], logs[:], L[:] = 0.0, 0.0, 0.0
        for j in range(d):
            L[j, j] = 1.0
            for i in range(n):
                z[i, j] = real[r, i, j] if given else deviations[j] * normal(stream)
        for t in range(slots.size):
            if t > 0:
                for i in range(replaced_rows(stream, edits, t, order)):
                    row = z[order[i]]
                    for j in range(d):
                        row[j] = warmth * normal(stream) if L[j, j] > 0.0 else 0.0
            gather(z, every, n, ddof, centre, roots)
            lower_factor(roots, n, centre, C, pivots)
            for j in range(min(n - 1, d), d):
                C[j, j] = pivots[j] = 0.0
            in_frame(z, centre, C)
            move(L, mean, centre, C)
            for j in range(d):
                logs[j] += np.log(pivots[j])
            if slots[t] >= 0:
                s = slots[t]
                trace = 0.0
                for j in range(d):
                    trace += dot(L[j], L[j], j + 1)
                scalars[r, s, 0], scalars[r, s, 1] = trace, total(mean * mean, d)
                scalars[r, s, 2] = total(logs, d)
                if factors.size > 0:
                    record(L, min(n, d), factors[r, s])
                for j in range(d):
                    if factors.size > 0:
                        means[r, s, j] = mean[j]
                    if log_pivots.size > 0:
                        log_pivots[r, s, j] = logs[j]
