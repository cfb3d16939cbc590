"""Compiled sums of Gaussians over the nodes of a regular grid; see `grid`."""

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.compiled import compiled
from modelcollapse.families.kde.scoring.exponential import ordered, powers_of_two


@compiled
def line(values: Floats, gap: float, rate: float) -> None:
    """Set values[i] to -rate (gap - i)^2."""
    for i in range(values.size):
        distance = gap - i
        values[i] = -rate * distance * distance


@compiled
def add_product(
    nodes: Floats, start: int, stride: int, one: Floats, two: Floats, weight: float
) -> None:
    """Add weight times the outer product of `one` and `two` to flat nodes, from `start` on."""
    for k in range(one.size):
        row, factor = nodes[start + k * stride :], weight * one[k]
        for j in range(two.size):
            row[j] += factor * two[j]


@compiled
def weigh(out: Floats, nodes: Floats, start: int, stride: int, one: Floats, two: Floats) -> float:
    """Return the sum over flat nodes, from `start` on, weighted by `one` and `two`.

    `out` is scratch of the size of `two`. Four rows are added at a time.
    """
    for j in range(two.size):
        out[j] = 0.0
    k = 0
    while k + 4 <= one.size:
        r0, r1 = nodes[start + k * stride :], nodes[start + (k + 1) * stride :]
        r2, r3 = nodes[start + (k + 2) * stride :], nodes[start + (k + 3) * stride :]
        f0, f1, f2, f3 = one[k], one[k + 1], one[k + 2], one[k + 3]
        for j in range(two.size):
            out[j] += (f0 * r0[j] + f1 * r1[j]) + (f2 * r2[j] + f3 * r3[j])
        k += 4
    while k < one.size:
        row, factor = nodes[start + k * stride :], one[k]
        for j in range(two.size):
            out[j] += factor * row[j]
        k += 1
    result = 0.0
    for j in range(two.size):
        result += out[j] * two[j]
    return result


@compiled
def window(below: float, half: int, size: int) -> tuple[int, int]:
    """Return the first of the `half` nodes up to `below` and the `half` after, and how many.

    Only nodes in [0, size) count.
    """
    if not -half - 1.0 < below < size + half + 1.0:
        return 0, 0
    first = max(int(below) - half + 1, 0)
    return first, max(min(int(below) + half + 1, size) - first, 0)


@ordered
def gap_above(value: float, below: float, frame: Floats) -> float:
    """Return how far a coordinate is above a node, in units of the spacing.

    Node times spacing is exact, and so is the difference to a coordinate near by.
    """
    gap: float = (value - below * frame[1]) * frame[2]
    return gap


@compiled
def place(
    nodes: Floats, factors: Floats, row: Floats, frame: Floats, axis: int, half: int, degree: int
) -> tuple[int, int]:
    """Fill `factors` with the Gaussian around one coordinate of a row; return its window.

    `frame` holds the rate, the spacing, its inverse, and the first node of each axis.
    """
    below = np.floor(row[axis] * frame[2])
    corner, size = frame[3 + axis], nodes.shape[2 - row.size + axis]
    first, count = window(below - corner, half, size)
    line(factors[:count], gap_above(row[axis], below, frame) + (below - corner - first), frame[0])
    powers_of_two(factors[:count], degree)
    return first, count


@compiled
def spread(
    nodes: Floats, rows: Floats, weights: Floats, frame: Floats, half: int, degree: int
) -> None:
    """Add rows (N, d), d = 1 or 2, to `nodes` (1 or G, H); weights (N,), or (0,) for ones."""
    one, two = np.ones(2 * half), np.ones(2 * half)
    flat, stride = nodes.reshape(-1), nodes.shape[1]
    top, height = 0, 1
    for i in range(rows.shape[0]):
        if rows.shape[1] == 2:
            top, height = place(nodes, one, rows[i], frame, 0, half, degree)
        left, width = place(nodes, two, rows[i], frame, rows.shape[1] - 1, half, degree)
        weight = weights[i] if weights.size > 0 else 1.0
        add_product(flat, top * stride + left, stride, one[:height], two[:width], weight)


@compiled
def gather(
    out: Floats, nodes: Floats, points: Floats, frame: Floats, half: int, degree: int
) -> None:
    """Set `out` (M,) to the sums over the nodes around each of the points (M, d)."""
    most = min(2 * half, max(nodes.shape[0], nodes.shape[1]))
    one, two, scratch = np.ones(most), np.ones(most), np.empty(most)
    flat, stride = nodes.reshape(-1), nodes.shape[1]
    top, height = 0, 1
    for i in range(points.shape[0]):
        if points.shape[1] == 2:
            top, height = place(nodes, one, points[i], frame, 0, half, degree)
        left, width = place(nodes, two, points[i], frame, points.shape[1] - 1, half, degree)
        start = top * stride + left
        out[i] = weigh(scratch[:width], flat, start, stride, one[:height], two[:width])
