r"""Compiled Householder reflections that merge rows (x, y) into a triangle of such rows.

A triangle R has d rows of d + 1 numbers, x's being upper-triangular; rows beyond its rank are zero.
Rows B that are merged stand below it: either any rows, or a triangle's, whose zeros are used. Both
passes of a reflection run along rows, four of them at a time. They are sliced first, since an
index that begins at 0 needs no look whether it is negative.
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
    rows = (rows + 3) // 4 * 4
    for k in range(steps):
        reflect(R, B, k, min(k // 4 * 4 + 4, rows) if triangular else rows, V[0], V[1])


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
    return np.empty((4, max((rows + 3) // 4 * 4, d + 1, LANES)))


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
def reflect(R: Floats, B: Floats, k: int, rows: int, v: Floats, w: Floats) -> None:
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
