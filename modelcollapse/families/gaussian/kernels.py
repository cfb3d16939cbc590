"""Compiled steps of the Gaussian loop on sufficient statistics, one replicate at a time.

A fit is its mean and a lower-triangular factor B of its covariance, in the principal axes of
the truth, with the truth's mean at the origin. A batch of n rows from N(m, B B') has the mean
m + B z / sqrt(n) and the scatter B A A' B', where z is standard normal and A is Bartlett's
factor of a Wishart with n - 1 degrees of freedom. So a generation costs O(d^3), whatever n is.
With n <= d the factor keeps r = n - 1 columns. Inner loops run along rows that are sliced
first, so that the compiler vectorises them; four rows are added at a time.
"""

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import Stream, fill_normals, normal
from modelcollapse._support.variates import chi_square

TINY, HUGE = 1e-100, 1e100
MANY = 16  # normals that are drawn at once and not from the buffer
HALF = 1.5e-8  # of the digits: the root of the rounding unit


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
def dot(x: Floats, y: Floats, start: int, stop: int) -> float:
    """Return the sum of x[k] y[k], start <= k < stop."""
    result = 0.0
    for k in range(start, stop):
        result += x[k] * y[k]
    return result


@compiled
def bartlett_rows(stream: Stream, A: Floats, rank: int, freedom: int) -> int:
    """Fill A, lower-trapezoidal (rank, min(rank, freedom)), with A A' ~ Wishart(I, freedom)."""
    columns = min(rank, freedom)
    for i in range(rank):
        row = A[i]
        width = min(i, columns)
        if width < MANY:
            for j in range(width):
                row[j] = normal(stream)
        else:
            fill_normals(stream, row[:width])
        if i < columns:
            row[i] = np.sqrt(chi_square(stream, freedom - i))
    return columns


@compiled
def multiply_lower(
    B: Floats, A: Floats, rank: int, columns: int, scale: float, one: Floats, two: Floats
) -> None:
    """Replace the lower-trapezoidal B (d, rank) by scale * B A, A lower (rank, columns).

    Two rows of B and four of A at a time, which is what fits the registers. Entries of B and A
    above the diagonal must be zero; `one` and `two` are scratch of size d.
    """
    d = B.shape[0]
    for i in range(0, d, 2):
        upper, lower = B[i], B[min(i + 1, d - 1)]
        k = min(i + 2, rank)
        width = min(k, columns)
        for j in range(width):
            one[j] = two[j] = 0.0
        while k >= 4:
            r0, r1, r2, r3 = A[k - 4], A[k - 3], A[k - 2], A[k - 1]
            u0, u1, u2, u3 = upper[k - 4], upper[k - 3], upper[k - 2], upper[k - 1]
            w0, w1, w2, w3 = lower[k - 4], lower[k - 3], lower[k - 2], lower[k - 1]
            for j in range(min(k, columns)):
                a0, a1, a2, a3 = r0[j], r1[j], r2[j], r3[j]
                one[j] += u0 * a0 + u1 * a1 + u2 * a2 + u3 * a3
                two[j] += w0 * a0 + w1 * a1 + w2 * a2 + w3 * a3
            k -= 4
        for r in range(k):
            u, w = upper[r], lower[r]
            for j in range(min(r + 1, columns)):
                one[j] += u * A[r, j]
                two[j] += w * A[r, j]
        # The last row of an odd d is `upper` and `lower` in one, and both hold the same.
        for j in range(width):
            upper[j] = scale * one[j]
            lower[j] = scale * two[j]


@compiled
def move(mean: Floats, B: Floats, z: Floats, rank: int, scale: float) -> None:
    """Add scale * B z to the mean."""
    for i in range(B.shape[0]):
        mean[i] += scale * dot(B[i], z, 0, min(i + 1, rank))


@compiled
def pool_factor(
    L: Floats, A: Floats, z: Floats, rank: int, columns: int, keep: float, gain: float, shift: float
) -> None:
    """Fill L with the lower factor of keep I + gain (A A' + shift z z').

    A is lower-trapezoidal (rank, columns).
    """
    for i in range(rank):
        row, noise = L[i], A[i]
        for j in range(i):
            product = dot(noise, A[j], 0, min(j + 1, columns)) + shift * z[i] * z[j]
            row[j] = (gain * product - dot(row, L[j], 0, j)) * (1.0 / L[j, j])
        product = dot(noise, noise, 0, min(i + 1, columns)) + shift * z[i] * z[i]
        row[i] = np.sqrt(keep + gain * product - dot(row, row, 0, i))


@compiled
def pivoted_volume(B: Floats, rank: int) -> float:
    """Return log det B'B of B (d, rank), whose rows may differ by any orders of magnitude.

    Reflections, each about the largest entry that is left: so no row is disturbed by larger ones.
    """
    d, result = B.shape[0], 0.0
    H = np.empty((rank, d))  # its columns, as rows
    for j in range(rank):
        for k in range(d):
            H[j, k] = B[k, j]
    for i in range(rank):
        row, column = i, i
        for j in range(i, rank):
            for k in range(i, d):
                if abs(H[j, k]) > abs(H[column, row]):
                    row, column = k, j
        if H[column, row] == 0.0:
            return -np.inf
        for k in range(d):
            H[i, k], H[column, k] = H[column, k], H[i, k]
        for j in range(rank):
            H[j, i], H[j, row] = H[j, row], H[j, i]
        axis = H[i]
        length = np.sqrt(dot(axis, axis, i, d))
        result += 2.0 * np.log(length)
        axis[i] += np.copysign(length, axis[i])
        for j in range(i + 1, rank):
            share = dot(axis, H[j], i, d) / (length * abs(axis[i]))
            for k in range(i, d):
                H[j, k] -= share * axis[k]
    return result


@compiled
def log_volume(B: Floats, rank: int, G: Floats) -> float:
    """Return log det B'B of the lower-trapezoidal B (d, rank); G (rank, rank) is scratch.

    By Cholesky's method, as long as it keeps half of the digits.
    """
    d, result = B.shape[0], 0.0
    for i in range(rank):
        for j in range(i + 1):
            product = 0.0
            for k in range(i, d):
                product += B[k, i] * B[k, j]
            square = product
            product -= dot(G[i], G[j], 0, j)
            if j < i:
                G[i, j] = product / G[j, j]
            elif product <= HALF * square:
                return pivoted_volume(B, rank)
            else:
                G[i, i] = np.sqrt(product)
                result += np.log(product)
    return result


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
    scratch: Floats,
) -> int:
    """Turn a fit with covariance unit^2 B B' into the next one under replace; return its rank."""
    columns = min(rank, n - 1)
    move(mean, B, z, rank, unit * np.sqrt(heat / n))
    scale = np.sqrt(heat / (n - ddof))
    multiply_lower(B, A, rank, columns, scale, scratch[0], scratch[1])
    return columns


@compiled
def accumulate_step(
    mean: Floats,
    B: Floats,
    z: Floats,
    A: Floats,
    L: Floats,
    rank: int,
    pool: int,
    n: int,
    ddof: int,
    heat: float,
    scratch: Floats,
) -> None:
    """Add a batch of n rows, drawn from the fit, to a pool with mean and ddof-0 factor B."""
    after = pool + n
    drawn = heat * pool / (pool - ddof)
    pool_factor(L, A, z, rank, min(rank, n - 1), pool / after, drawn / after, pool / after)
    move(mean, B, z, rank, np.sqrt(drawn * n) / after)
    multiply_lower(B, L, rank, rank, 1.0, scratch[0], scratch[1])


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
