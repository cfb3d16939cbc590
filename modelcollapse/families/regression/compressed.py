r"""Compiled draws of compressed rows, which least squares cannot tell from n raw ones.

They are triangles as in `reflections`. Of several replicates at once, in lanes, each number is as
many, next to each other: so that even few dimensions keep the processor's registers full.
"""

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import BUFFER, Stream, fill_normals
from modelcollapse._support.variates import chi_square, fill_chi_squares
from modelcollapse.families.regression.reflections import dot


@compiled
def put(out: Floats, rows: Floats, count: int, scale: float) -> None:
    """Set out to count rows, times a scale, and zero rows below them."""
    for i in range(out.shape[0]):
        own = out[i]
        if i < count:
            row = rows[i]
            for j in range(own.size):
                own[j] = scale * row[j]
        else:
            for j in range(own.size):
                own[j] = 0.0


@compiled
def products(x: Floats, y: Floats, sums: Floats) -> None:
    """Set the sums, one for each lane, to x'y, y having at least as many columns."""
    lanes = sums.size
    for w in range(lanes):
        sums[w] = 0.0
    for start in range(0, x.size, lanes):
        own, other = x[start : start + lanes], y[start : start + lanes]
        for w in range(lanes):
            sums[w] += own[w] * other[w]


@compiled
def fill(stream: Stream, out: Floats) -> None:
    """Fill out with normals: few of them from the stream's buffer, which keeps the others."""
    if out.size >= BUFFER:
        fill_normals(stream, out)
        return
    done = 0
    while done < out.size:
        if stream.normals_left == 0:
            fill_normals(stream, stream.normals)
            stream.normals_left = BUFFER
        left = stream.normals_left
        count = min(left, out.size - done)
        own, new = out[done : done + count], stream.normals[left - count : left]
        for i in range(count):
            own[i] = new[i]
        stream.normals_left = left - count
        done += count


@compiled
def draw(stream: Stream, out: Floats, n: int, noise: float, v: Floats, z: Floats) -> int:
    """Draw n rows labelled by v as r = min(n, d) triangular rows of `out`; return r.

    z is scratch of size d (d + 1)/2.
    """
    d = v.size
    rank, place = min(n, d), 0
    fill(stream, z[: rank * d - rank * (rank - 1) // 2])
    for i in range(rank):
        row, new = out[i], z[place : place + d - i]
        for j in range(i):
            row[j] = 0.0
        row[i] = np.sqrt(chi_square(stream, n - i))
        right = row[i + 1 :]
        for j in range(right.size):
            right[j] = new[j]
        place += d - i
    label_rows(out, rank, noise, v)
    return rank


@compiled
def label_rows(out: Floats, rank: int, noise: float, v: Floats) -> None:
    """Label triangular rows by v, and by a noise that stands in the place of the label."""
    d = v.size
    for k in range(rank):
        out[k, d] = dot(v[k:], out[k, k:]) + noise * out[k, d]


@compiled
def draw_lanes(
    stream: Stream,
    out: Floats,
    n: int,
    polynomial: Floats,
    noise: float,
    v: Floats,
    z: Floats,
    sums: Floats,
) -> int:
    """Do the same in as many lanes as there are sums, with as much scratch for each.

    polynomial (d, k), or one empty row, is for `fill_chi_squares`.
    """
    lanes = sums.size
    d = v.size // lanes
    rank, place = min(n, d), 0
    fill(stream, z[: (rank * d - rank * (rank - 1) // 2) * lanes])
    for i in range(rank):
        for j in range(i * lanes):
            out[i, j] = 0.0
        row, own = out[i, i * lanes :], v[i * lanes :]
        fill_chi_squares(stream, n - i, polynomial[min(i, len(polynomial) - 1)], row[:lanes])
        for w in range(lanes):
            row[w] = np.sqrt(row[w])
        right, new = row[lanes:], z[place : place + own.size]
        for j in range(right.size):
            right[j] = new[j]
        place += own.size
        label_lanes(row, noise, own, sums)
    return rank


@compiled
def label_lanes(row: Floats, noise: float, v: Floats, sums: Floats) -> None:
    """Label rows by v, one in each lane, and by a noise that stands in the place of the label."""
    products(v, row, sums)
    label = row[v.size :]
    for w in range(sums.size):
        label[w] = sums[w] + noise * label[w]


@compiled
def labelled_again(
    stream: Stream, out: Floats, rows: Floats, rank: int, noise: float, v: Floats, sums: Floats
) -> int:
    """Label the inputs of triangular rows once more, by v; return how many rows they are."""
    put(out, rows, rank, 1.0)
    for i in range(rank):
        fill(stream, out[i, v.size :])
        if sums.size > 1:
            label_lanes(out[i], noise, v, sums)
    if sums.size == 1:
        label_rows(out, rank, noise, v)
    return rank
