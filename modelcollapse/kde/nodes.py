"""Compiled sums of Gaussians over the nodes of a regular grid; see `modelcollapse.kde.grid`."""

import numpy as np

from modelcollapse.checks import Floats
from modelcollapse.compiled import compiled
from modelcollapse.kde.exponential import ordered, powers_of_two


@compiled
def line(values: Floats, gap: float, rate: float) -> None:
    """Set values[i] to -rate (gap - i)^2."""
    for i in range(values.size):
        distance = gap - i
        values[i] = -rate * distance * distance


@compiled
def add_line(out: Floats, values: Floats, factor: float) -> None:
    """Add factor times `values` to `out`, both (n,)."""
    for i in range(out.size):
        out[i] += factor * values[i]


@compiled
def add_lines(out: Floats, r0: Floats, r1: Floats, r2: Floats, r3: Floats, factors: Floats) -> None:
    """Add four lines to `out` (n,)."""
    f0, f1, f2, f3 = factors[0], factors[1], factors[2], factors[3]
    for i in range(out.size):
        out[i] += (f0 * r0[i] + f1 * r1[i]) + (f2 * r2[i] + f3 * r3[i])


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
    top, height = 0, 1
    for i in range(rows.shape[0]):
        if rows.shape[1] == 2:
            top, height = place(nodes, one, rows[i], frame, 0, half, degree)
        left, width = place(nodes, two, rows[i], frame, rows.shape[1] - 1, half, degree)
        weight = weights[i] if weights.size > 0 else 1.0
        for k in range(height):
            add_line(nodes[top + k][left : left + width], two[:width], weight * one[k])


@compiled
def gather(
    out: Floats, nodes: Floats, points: Floats, frame: Floats, half: int, degree: int
) -> None:
    """Set `out` (M,) to the sums over the nodes around each of the points (M, d)."""
    most = min(2 * half, max(nodes.shape[0], nodes.shape[1]))
    one, two, sums = np.ones(most), np.ones(most), np.empty(most)
    top, height = 0, 1
    for i in range(points.shape[0]):
        if points.shape[1] == 2:
            top, height = place(nodes, one, points[i], frame, 0, half, degree)
        left, width = place(nodes, two, points[i], frame, points.shape[1] - 1, half, degree)
        own = sums[:width]
        for j in range(width):
            own[j] = 0.0
        k = 0
        while k + 4 <= height:
            n0, n1 = nodes[top + k][left:], nodes[top + k + 1][left:]
            n2, n3 = nodes[top + k + 2][left:], nodes[top + k + 3][left:]
            add_lines(own, n0, n1, n2, n3, one[k:])
            k += 4
        while k < height:
            add_line(own, nodes[top + k][left:], one[k])
            k += 1
        result = 0.0
        for j in range(width):
            result += own[j] * two[j]
        out[i] = result
