r"""Compiled Householder reflections that merge rows (x, y) into a triangle of such rows.

A triangle R has d rows of d + 1 numbers, x's being upper-triangular; rows beyond its rank are zero.
Rows B that are merged stand below it: either any rows, or a triangle's, whose zeros are used. Four
columns at a time are reflected within a copy, and then the columns right of them by the product
I - V T V' of these reflections (Schreiber & Van Loan, SIAM Journal on Scientific and Statistical
Computing 10(1), 1989): so all long loops run along rows, four of them at a time. They are sliced
first, since an index that begins at 0 needs no look whether it is negative.
"""

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.compiled import compiled

ANY, UPPER = False, True  # the rows that are merged
LANES = 16  # replicates that are merged at once, in few dimensions


@compiled
def merge(R: Floats, B: Floats, rows: int, steps: int, triangular: bool, V: Floats) -> None:
    """Triangularise the first `steps` columns of R over B, into R; what is left in B is of no use.

    B has its `rows` rows and then zero rows, up to a multiple of four; V is scratch.
    """
    rows, k = (rows + 3) // 4 * 4, 0
    while k + 4 <= steps:
        reflect_four(R, B, k, min(k + 4, rows) if triangular else rows, V)
        k += 4
    for i in range(k, steps):
        reflect_one(R, B, i, min(k + 4, rows) if triangular else rows, V[0], V[4])


@compiled
def merge_lanes(R: Floats, B: Floats, rows: int, steps: int, V: Floats) -> None:
    """Do what `merge` does to triangles, in LANES replicates.

    Each number is LANES ones, next to each other. Two rows are done at a time, the last one maybe
    with one of zeros, below a diagonal or below B.
    """
    columns = R.shape[1] // LANES
    tops, lines = R.reshape((R.shape[0], columns, LANES)), B.reshape((B.shape[0], columns, LANES))
    square, scale, tau, share = V[0, :LANES], V[1, :LANES], V[2, :LANES], V[3, :LANES]
    width = square.size  # not a constant: the compiler would unroll loops, and not vectorise them
    for k in range(steps):
        count = (min(k + 1, rows) + 1) // 2 * 2
        head = tops[k, k]
        for w in range(width):
            square[w] = 0.0
        for i in range(count):
            x = lines[i, k]
            for w in range(width):
                square[w] += x[w] * x[w]
        for w in range(width):
            pivot = head[w] + np.copysign(np.sqrt(head[w] * head[w] + square[w]), head[w])
            scale[w] = 1.0 / pivot if pivot != 0.0 else 0.0
            tau[w] = 2.0 / (1.0 + square[w] * scale[w] * scale[w])
            head[w] -= pivot
        for i in range(count):
            x = lines[i, k]
            for w in range(width):
                x[w] *= scale[w]
        for j in range(k + 1, columns):
            top = tops[k, j]
            for w in range(width):
                share[w] = top[w]
            for i in range(0, count, 2):
                x, y, u, z = lines[i, k], lines[i, j], lines[i + 1, k], lines[i + 1, j]
                for w in range(width):
                    share[w] += x[w] * y[w] + u[w] * z[w]
            for w in range(width):
                share[w] *= tau[w]
                top[w] -= share[w]
            for i in range(0, count, 2):
                x, y, u, z = lines[i, k], lines[i, j], lines[i + 1, k], lines[i + 1, j]
                for w in range(width):
                    y[w] -= x[w] * share[w]
                    z[w] -= u[w] * share[w]


@compiled
def scratch_rows(rows: int, columns: int) -> Floats:
    """Return room for B of `merge`."""
    return np.empty(((rows + 3) // 4 * 4, columns))


@compiled
def scratch_columns(rows: int, d: int) -> Floats:
    """Return room for V of `merge` and of `merge_lanes`."""
    return np.empty((8, max((rows + 3) // 4 * 4, d + 1, LANES)))


@compiled
def dot(x: Floats, y: Floats) -> float:
    """Return x'y, y being at least as long."""
    total = 0.0
    for i in range(x.size):
        total += x[i] * y[i]
    return total


@compiled
def aimed(row: Floats, k: int, v: Floats) -> float:
    """Make v the reflection that clears it against row[k], I - tau (1, v)(1, v)'; return tau."""
    square = dot(v, v)
    if square == 0.0:
        return 0.0
    head = row[k]
    norm = np.sqrt(head * head + square)
    pivot = head + norm if head > 0 else head - norm
    row[k] = head - pivot
    scale = 1.0 / pivot
    for i in range(v.size):
        v[i] *= scale
    return float(2.0 / (1.0 + square / (pivot * pivot)))


@compiled
def turn(row: Floats, k: int, v: Floats, tau: float, x: Floats) -> None:
    """Reflect the column (row[k], x) by (1, v)."""
    share = tau * (row[k] + dot(v, x))
    row[k] -= share
    for i in range(v.size):
        x[i] -= share * v[i]


@compiled
def reflect_one(R: Floats, B: Floats, k: int, rows: int, v: Floats, w: Floats) -> None:
    """Clear column k of B[:rows], a multiple of four rows."""
    v = v[:rows]
    for i in range(rows):
        v[i] = B[i, k]
    tau = aimed(R[k], k, v)
    top = R[k, k + 1 :]
    w = w[: top.size]
    for j in range(w.size):
        w[j] = top[j]
    for i in range(0, rows, 4):
        r0, r1, r2, r3 = B[i, k + 1 :], B[i + 1, k + 1 :], B[i + 2, k + 1 :], B[i + 3, k + 1 :]
        v0, v1, v2, v3 = v[i], v[i + 1], v[i + 2], v[i + 3]
        for j in range(w.size):
            w[j] += v0 * r0[j] + v1 * r1[j] + v2 * r2[j] + v3 * r3[j]
    for j in range(w.size):
        w[j] *= tau
        top[j] -= w[j]
    for i in range(0, rows, 4):
        r0, r1, r2, r3 = B[i, k + 1 :], B[i + 1, k + 1 :], B[i + 2, k + 1 :], B[i + 3, k + 1 :]
        v0, v1, v2, v3 = v[i], v[i + 1], v[i + 2], v[i + 3]
        for j in range(w.size):
            x = w[j]
            r0[j] -= v0 * x
            r1[j] -= v1 * x
            r2[j] -= v2 * x
            r3[j] -= v3 * x


@compiled
def reflect_four(  # noqa: PLR0915
    R: Floats, B: Floats, k: int, rows: int, V: Floats
) -> None:
    """Clear columns k, ..., k + 3 of B[:rows], a multiple of four rows."""
    v0, v1, v2, v3 = V[0, :rows], V[1, :rows], V[2, :rows], V[3, :rows]
    for i in range(rows):
        row = B[i, k:]
        v0[i], v1[i], v2[i], v3[i] = row[0], row[1], row[2], row[3]
    r0, r1, r2, r3 = R[k, k:], R[k + 1, k:], R[k + 2, k:], R[k + 3, k:]
    t0 = aimed(r0, 0, v0)
    turn(r0, 1, v0, t0, v1)
    turn(r0, 2, v0, t0, v2)
    turn(r0, 3, v0, t0, v3)
    t1 = aimed(r1, 1, v1)
    turn(r1, 2, v1, t1, v2)
    turn(r1, 3, v1, t1, v3)
    t2 = aimed(r2, 2, v2)
    turn(r2, 3, v2, t2, v3)
    t3 = aimed(r3, 3, v3)
    # T, upper-triangular with the diagonal t0, ..., t3.
    d01, d02, d03 = dot(v0, v1), dot(v0, v2), dot(v0, v3)
    d12, d13, d23 = dot(v1, v2), dot(v1, v3), dot(v2, v3)
    t01, t12, t23 = -t0 * t1 * d01, -t1 * t2 * d12, -t2 * t3 * d23
    t02, t13 = -t2 * (t0 * d02 + t01 * d12), -t3 * (t1 * d13 + t12 * d23)
    t03 = -t3 * (t0 * d03 + t01 * d13 + t02 * d23)
    r0, r1, r2, r3 = r0[4:], r1[4:], r2[4:], r3[4:]
    w0, w1, w2, w3 = V[4, : r0.size], V[5, : r0.size], V[6, : r0.size], V[7, : r0.size]
    for j in range(w0.size):
        w0[j], w1[j], w2[j], w3[j] = r0[j], r1[j], r2[j], r3[j]
    for i in range(0, rows, 4):
        b0, b1, b2, b3 = B[i, k + 4 :], B[i + 1, k + 4 :], B[i + 2, k + 4 :], B[i + 3, k + 4 :]
        a00, a01, a02, a03 = v0[i], v0[i + 1], v0[i + 2], v0[i + 3]
        a10, a11, a12, a13 = v1[i], v1[i + 1], v1[i + 2], v1[i + 3]
        a20, a21, a22, a23 = v2[i], v2[i + 1], v2[i + 2], v2[i + 3]
        a30, a31, a32, a33 = v3[i], v3[i + 1], v3[i + 2], v3[i + 3]
        for j in range(w0.size):
            x0, x1, x2, x3 = b0[j], b1[j], b2[j], b3[j]
            w0[j] += a00 * x0 + a01 * x1 + a02 * x2 + a03 * x3
            w1[j] += a10 * x0 + a11 * x1 + a12 * x2 + a13 * x3
            w2[j] += a20 * x0 + a21 * x1 + a22 * x2 + a23 * x3
            w3[j] += a30 * x0 + a31 * x1 + a32 * x2 + a33 * x3
    for j in range(w0.size):
        x0, x1, x2, x3 = w0[j], w1[j], w2[j], w3[j]
        x3 = t03 * x0 + t13 * x1 + t23 * x2 + t3 * x3
        x2 = t02 * x0 + t12 * x1 + t2 * x2
        x1 = t01 * x0 + t1 * x1
        x0 = t0 * x0
        w0[j], w1[j], w2[j], w3[j] = x0, x1, x2, x3
        r0[j] -= x0
        r1[j] -= x1
        r2[j] -= x2
        r3[j] -= x3
    for i in range(0, rows, 4):
        b0, b1, b2, b3 = B[i, k + 4 :], B[i + 1, k + 4 :], B[i + 2, k + 4 :], B[i + 3, k + 4 :]
        a00, a01, a02, a03 = v0[i], v0[i + 1], v0[i + 2], v0[i + 3]
        a10, a11, a12, a13 = v1[i], v1[i + 1], v1[i + 2], v1[i + 3]
        a20, a21, a22, a23 = v2[i], v2[i + 1], v2[i + 2], v2[i + 3]
        a30, a31, a32, a33 = v3[i], v3[i + 1], v3[i + 2], v3[i + 3]
        for j in range(w0.size):
            x0, x1, x2, x3 = w0[j], w1[j], w2[j], w3[j]
            b0[j] -= a00 * x0 + a10 * x1 + a20 * x2 + a30 * x3
            b1[j] -= a01 * x0 + a11 * x1 + a21 * x2 + a31 * x3
            b2[j] -= a02 * x0 + a12 * x1 + a22 * x2 + a32 * x3
            b3[j] -= a03 * x0 + a13 * x1 + a23 * x2 + a33 * x3
