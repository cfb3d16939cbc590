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
from modelcollapse._support.stream import Stream, fill_normals
from modelcollapse._support.variates import chi_square

TINY, HUGE = 1e-100, 1e100
LOWER, UPPER = False, True  # where a factor stands, itself or transposed
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
def dot(x: Floats, y: Floats, stop: int) -> float:
    """Return the sum of x[k] y[k], k < stop."""
    result = 0.0
    for k in range(stop):
        result += x[k] * y[k]
    return result


@compiled
def draw_batch(
    stream: Stream,
    rank: int,
    freedom: int,
    upper: bool,
    z: Floats,
    A: Floats,
    normals: Floats,
) -> int:
    """Draw a batch's standardised mean and its scatter; return the columns of A.

    Fills z[:rank], and A, lower-trapezoidal (rank, min(rank, freedom)), with
    A A' ~ Wishart(I, freedom); if `upper`, A' in its place. `normals` is scratch of size
    d (d + 1)/2.
    """
    columns = min(rank, freedom)
    width = columns * (columns - 1) // 2 + (rank - columns) * columns
    fill_normals(stream, normals[: rank + width])
    for i in range(rank):
        z[i] = normals[i]
    place = rank
    if upper:
        for i in range(columns):
            row = A[i]
            for j in range(i + 1, rank):
                row[j] = normals[place + j - i - 1]
            place += rank - i - 1
    else:
        for i in range(rank):
            row = A[i]
            for j in range(min(i, columns)):
                row[j] = normals[place + j]
            place += min(i, columns)
    for i in range(columns):
        A[i, i] = np.sqrt(chi_square(stream, freedom - i))
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
        mean[i] += scale * dot(B[i], z, min(i + 1, rank))


@compiled
def add_products(
    T: Floats, i: int, last: int, stop: int, gain: float, one: Floats, two: Floats
) -> None:
    """Add gain T'T to rows i and last of a sum, from the first `stop` rows of T."""
    k, width = 0, one.size
    while k + 4 <= stop:
        r0, r1, r2, r3 = T[k], T[k + 1], T[k + 2], T[k + 3]
        u0, u1, u2, u3 = gain * r0[i], gain * r1[i], gain * r2[i], gain * r3[i]
        w0, w1, w2, w3 = gain * r0[last], gain * r1[last], gain * r2[last], gain * r3[last]
        x, y = one[k:], two[k:]
        r0, r1, r2, r3 = r0[k:width], r1[k:width], r2[k:width], r3[k:width]
        for j in range(x.size):
            a0, a1, a2, a3 = r0[j], r1[j], r2[j], r3[j]
            x[j] += u0 * a0 + u1 * a1 + u2 * a2 + u3 * a3
            y[j] += w0 * a0 + w1 * a1 + w2 * a2 + w3 * a3
        k += 4
    for r in range(k, stop):
        row, u, w = T[r], gain * T[r, i], gain * T[r, last]
        for j in range(r, width):
            one[j] += u * row[j]
            two[j] += w * row[j]


@compiled
def eliminate(U: Floats, L: Floats, i: int, last: int, one: Floats, two: Floats) -> None:
    """Find columns 0..i-1 of rows i and last of a lower factor L, and of U = L', from their sums.

    What is left of the sums at i and last is what their diagonals are made of.
    """
    k, width, upper, lower = 0, one.size, L[i], L[last]
    while k + 4 <= i:
        r0, r1, r2, r3 = U[k], U[k + 1], U[k + 2], U[k + 3]
        d0, d1, d2, d3 = 1 / r0[k], 1 / r1[k + 1], 1 / r2[k + 2], 1 / r3[k + 3]
        u0 = one[k] * d0
        u1 = (one[k + 1] - u0 * r0[k + 1]) * d1
        u2 = (one[k + 2] - u0 * r0[k + 2] - u1 * r1[k + 2]) * d2
        u3 = (one[k + 3] - u0 * r0[k + 3] - u1 * r1[k + 3] - u2 * r2[k + 3]) * d3
        w0 = two[k] * d0
        w1 = (two[k + 1] - w0 * r0[k + 1]) * d1
        w2 = (two[k + 2] - w0 * r0[k + 2] - w1 * r1[k + 2]) * d2
        w3 = (two[k + 3] - w0 * r0[k + 3] - w1 * r1[k + 3] - w2 * r2[k + 3]) * d3
        r0[i], r1[i], r2[i], r3[i] = u0, u1, u2, u3
        r0[last], r1[last], r2[last], r3[last] = w0, w1, w2, w3
        upper[k], upper[k + 1], upper[k + 2], upper[k + 3] = u0, u1, u2, u3
        lower[k], lower[k + 1], lower[k + 2], lower[k + 3] = w0, w1, w2, w3
        k += 4
        x, y = one[k:], two[k:]
        r0, r1, r2, r3 = r0[k:width], r1[k:width], r2[k:width], r3[k:width]
        for j in range(x.size):
            a0, a1, a2, a3 = r0[j], r1[j], r2[j], r3[j]
            x[j] -= u0 * a0 + u1 * a1 + u2 * a2 + u3 * a3
            y[j] -= w0 * a0 + w1 * a1 + w2 * a2 + w3 * a3
    for r in range(k, i):
        row = U[r]
        u, w = one[r] / row[r], two[r] / row[r]
        row[i], row[last] = u, w
        upper[r], lower[r] = u, w
        for j in range(r + 1, width):
            one[j] -= u * row[j]
            two[j] -= w * row[j]


@compiled
def pool_factor(
    L: Floats,
    T: Floats,
    z: Floats,
    rank: int,
    columns: int,
    keep: float,
    gain: float,
    shift: float,
    U: Floats,
    one: Floats,
    two: Floats,
) -> None:
    """Fill L with the lower factor of keep I + gain (A A' + shift z z').

    T is A', upper-trapezoidal (columns, rank), with zeros beyond. Two rows of the sum at a time are
    added up in `one` and `two` (d,), by four rows of T, and then reduced by four rows of what is
    known of L': that is what fits the registers. Rows are sliced first: an index that begins at
    0 needs no look whether it is negative. `U` (d, d) is scratch, and receives L'.
    """
    for i in range(0, rank, 2):
        last = min(i + 1, rank - 1)
        width = last + 1
        for j in range(width):
            one[j] = gain * shift * z[i] * z[j]
            two[j] = gain * shift * z[last] * z[j]
        add_products(T, i, last, min(width, columns), gain, one[:width], two[:width])
        eliminate(U, L, i, last, one[:width], two[:width])
        L[i, i] = U[i, i] = np.sqrt(keep + one[i])
        if last > i:
            w = two[i] / U[i, i]
            L[last, i] = U[i, last] = w
            L[last, last] = U[last, last] = np.sqrt(keep + two[last] - w * w)


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
        length = np.sqrt(dot(axis[i:], axis[i:], d - i))
        result += 2.0 * np.log(length)
        axis[i] += np.copysign(length, axis[i])
        for j in range(i + 1, rank):
            share = dot(axis[i:], H[j, i:], d - i) / (length * abs(axis[i]))
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
            product -= dot(G[i], G[j], j)
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
    T: Floats,
    L: Floats,
    U: Floats,
    rank: int,
    pool: int,
    n: int,
    ddof: int,
    heat: float,
    scratch: Floats,
) -> None:
    """Add a batch of n rows to the pool that it is drawn from: mean, ddof-0 factor B; T is A'."""
    after = pool + n
    drawn = heat * pool / (pool - ddof)
    columns, keep, gain = min(rank, n - 1), pool / after, drawn / after
    pool_factor(L, T, z, rank, columns, keep, gain, keep, U, scratch[0], scratch[1])
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
