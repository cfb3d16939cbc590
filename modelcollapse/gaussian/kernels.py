"""Compiled steps of the Gaussian loop on sufficient statistics, one replicate at a time.

A fit is its mean and a lower-triangular factor B of its covariance, in the principal axes of
the truth, with the truth's mean at the origin. A batch of n rows from N(m, B B') has the mean
m + B z / sqrt(n) and the scatter B A A' B', where z is standard normal and A is Bartlett's
factor of a Wishart with n - 1 degrees of freedom. So a generation costs O(d^3), whatever n is.
With n <= d the factor keeps r = n - 1 columns. Inner loops run along rows that are sliced
first, so that the compiler vectorises them; four rows are added at a time.
"""

import numba
import numpy as np

from modelcollapse.checks import Floats

TINY, HUGE = 1e-100, 1e100

# Contraction to fused multiply-add is the only liberty taken with floating point. The cache is
# keyed by each function's own file: after editing one that others call, delete __pycache__.
compiled = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})


@compiled
def total(values: Floats, count: int) -> float:
    """Return the sum of the first values.

    This and `copy` stand for sum() and slice assignment, which take seconds to compile: they
    bring along the code that formats their error messages.
    """
    result = 0.0
    for i in range(count):
        result += values[i]
    return result


@compiled
def copy(out: Floats, values: Floats, columns: int, scale: float) -> None:
    """Set out (rows, k) to scale times values (rows, k) in the first columns."""
    for i in range(out.shape[0]):
        for j in range(columns):
            out[i, j] = scale * values[i, j]


@compiled
def bartlett_rows(rng: np.random.Generator, A: Floats, rank: int, freedom: int) -> int:
    """Fill A, lower-trapezoidal (rank, min(rank, freedom)), with A A' ~ Wishart(I, freedom)."""
    columns = min(rank, freedom)
    for i in range(rank):
        row = A[i]
        for j in range(min(i, columns)):
            row[j] = rng.standard_normal()
        if i < columns:
            row[i] = np.sqrt(rng.chisquare(freedom - i))
    return columns


@compiled
def add_rows(
    out: Floats, sign: float, weights: Floats, rows: Floats, count: int, start: int, stop: int
) -> None:
    """Add sign * sum_{k < count} weights[k] rows[k, start:stop] to out[start:stop].

    Whole arrays and bounds come in, not slices: a two-dimensional slice is not contiguous for
    the compiler, and its rows would not be vectorised.
    """
    target = out[start:stop]
    k = 0
    while k + 8 <= count:
        r0, r1, r2, r3 = (
            rows[k, start:],
            rows[k + 1, start:],
            rows[k + 2, start:],
            rows[k + 3, start:],
        )
        r4, r5, r6, r7 = (
            rows[k + 4, start:],
            rows[k + 5, start:],
            rows[k + 6, start:],
            rows[k + 7, start:],
        )
        w0, w1, w2, w3 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        w4, w5, w6, w7 = weights[k + 4], weights[k + 5], weights[k + 6], weights[k + 7]
        for j in range(target.size):
            target[j] += sign * (
                (w0 * r0[j] + w1 * r1[j] + w2 * r2[j] + w3 * r3[j])
                + (w4 * r4[j] + w5 * r5[j] + w6 * r6[j] + w7 * r7[j])
            )
        k += 8
    while k < count:
        row, w = rows[k, start:], sign * weights[k]
        for j in range(target.size):
            target[j] += w * row[j]
        k += 1


@compiled
def multiply_lower(
    B: Floats, A: Floats, rank: int, columns: int, scale: float, row: Floats
) -> None:
    """Replace the lower-trapezoidal B (d, rank) by scale * B A, A lower (rank, columns)."""
    for i in range(B.shape[0]):
        last = min(i + 1, rank)
        out = row[: min(last, columns)]
        out[:] = 0.0
        weights = B[i]
        # Row k of A is zero beyond column k: add the rows in groups that end together.
        k = last
        while k >= 4:
            width = min(k, columns)
            r0, r1, r2, r3 = A[k - 4, :width], A[k - 3, :width], A[k - 2, :width], A[k - 1, :width]
            w0, w1, w2, w3 = weights[k - 4], weights[k - 3], weights[k - 2], weights[k - 1]
            target = out[:width]
            for j in range(width):
                target[j] += w0 * r0[j] + w1 * r1[j] + w2 * r2[j] + w3 * r3[j]
            k -= 4
        for r in range(k):
            w = weights[r]
            for j in range(min(r + 1, columns)):
                out[j] += w * A[r, j]
        for j in range(out.size):
            weights[j] = scale * out[j]
        for j in range(out.size, last):
            weights[j] = 0.0


@compiled
def move(mean: Floats, B: Floats, z: Floats, rank: int, scale: float) -> None:
    """Add scale * B z to the mean."""
    for i in range(B.shape[0]):
        total = 0.0
        row = B[i]
        for j in range(min(i + 1, rank)):
            total += row[j] * z[j]
        mean[i] += scale * total


@compiled
def replace_step(
    mean: Floats,
    B: Floats,
    z: Floats,
    A: Floats,
    rank: int,
    n: int,
    ddof: int,
    heat: float,
    unit: float,
    row: Floats,
) -> int:
    """Turn a fit with covariance unit^2 B B' into the next one under replace; return its rank."""
    columns = min(rank, n - 1)
    move(mean, B, z, rank, unit * np.sqrt(heat / n))
    multiply_lower(B, A, rank, columns, np.sqrt(heat / (n - ddof)), row)
    return columns


@compiled
def pool_factor(
    L: Floats,
    U: Floats,
    A: Floats,
    z: Floats,
    rank: int,
    columns: int,
    keep: float,
    gain: float,
    shift: float,
) -> None:
    """Fill L with the lower factor of keep I + gain (A A' + shift z z').

    A is lower-trapezoidal (rank, columns). U holds A' first; its row i is read for the last
    time when row i of the upper factor L' takes its place.
    """
    for i in range(columns):
        for j in range(i, rank):
            U[i, j] = A[j, i]
    row = np.empty(rank)
    for i in range(rank):
        row[i:] = 0.0
        add_rows(row, gain, A[i], U, min(i + 1, columns), i, rank)
        w = gain * shift * z[i]
        for j in range(i, rank):
            row[j] += w * z[j]
        row[i] += keep
        for j in range(i, rank):
            L[i, j] = row[j]
    for i in range(rank):
        upper = U[i, :rank]
        for j in range(i, rank):
            upper[j] = L[i, j]
        add_rows(upper, -1.0, L[i], U, i, i, rank)
        pivot = np.sqrt(upper[i])
        L[i, i] = pivot
        for j in range(i, rank):
            upper[j] /= pivot
        for j in range(i + 1, rank):
            L[j, i] = upper[j]
    for i in range(rank):
        for j in range(i + 1, rank):
            L[i, j] = 0.0


@compiled
def accumulate_step(
    mean: Floats,
    B: Floats,
    z: Floats,
    A: Floats,
    L: Floats,
    U: Floats,
    rank: int,
    pool: int,
    n: int,
    ddof: int,
    heat: float,
    row: Floats,
) -> None:
    """Add a batch of n rows, drawn from the fit, to a pool with mean and ddof-0 factor B."""
    after = pool + n
    drawn = heat * pool / (pool - ddof)
    pool_factor(L, U, A, z, rank, min(rank, n - 1), pool / after, drawn / after, pool / after)
    move(mean, B, z, rank, np.sqrt(drawn * n) / after)
    multiply_lower(B, L, rank, rank, 1.0, row)


@compiled
def rescale(B: Floats, rank: int) -> float:
    """Bring the leading entry of B back to 1 if it is extreme; return the log of its square."""
    head = abs(B[0, 0])
    if head == 0.0 or TINY < head < HUGE:
        return 0.0
    for i in range(B.shape[0]):
        row = B[i]
        for j in range(min(i + 1, rank)):
            row[j] /= head
    return float(2.0 * np.log(head))


@compiled
def squares(B: Floats, rank: int) -> float:
    """Return the trace of B B'."""
    total = 0.0
    for i in range(B.shape[0]):
        row = B[i]
        for j in range(min(i + 1, rank)):
            total += row[j] * row[j]
    return total


@compiled
def log_volume(B: Floats, rank: int, G: Floats) -> float:
    """Return log det B'B of the lower-trapezoidal B (d, rank); G (rank, rank) is scratch."""
    for i in range(rank):
        for j in range(i, rank):
            total = 0.0
            for k in range(j, B.shape[0]):
                total += B[k, i] * B[k, j]
            G[i, j] = total
    result = 0.0
    for i in range(rank):
        for k in range(i):
            for j in range(i, rank):
                G[i, j] -= G[k, i] * G[k, j]
        if G[i, i] <= 0.0:
            return -np.inf
        result += np.log(G[i, i])
        pivot = np.sqrt(G[i, i])
        for j in range(i, rank):
            G[i, j] /= pivot
    return result
