r"""Sums of Gaussians over many rows through a regular grid, with a guaranteed error.

A Gaussian of width h is a Gaussian of width a convolved with one of width b, h^2 = a^2 + b^2.
Each row y is spread once: exp(-(g - y)^2/(2 a^2)) is added at the nodes g around it. Then, for
any bandwidth h > a, each point sums exp(-(x - g)^2/(2 b^2)) over the nodes around it. In units
of the spacing, and per dimension,

    h / (sqrt(2 pi) a b) sum_g exp(-(g - y)^2/(2 a^2)) exp(-(x - g)^2/(2 b^2))
        = exp(-(x - y)^2/(2 h^2)) (1 + e),  |e| <= 2 sum_k exp(-2 pi^2 k^2 s^2),  s = a b/h,

by Poisson's formula: the product of the two is a Gaussian of width s around a point between x
and y. This error is relative, so it is the same in the tails. All terms are positive. What is
lost by cutting both Gaussians off, at A and B nodes, is per unit of weight and dimension at most

    (1 + e) (h/a exp(-A^2/(2 a^2)) + h/b exp(-B^2/(2 b^2))),

and it is only kept where it is small relative to the sum. A quarter of the tolerance each goes
to the two, to the polynomials of the exponentials, and to rounding. The spacing has so few digits
that the places of nodes are exact.
"""

import math

import numpy as np
import numpy.typing as npt

from modelcollapse._support.checks import Floats, Integers
from modelcollapse.families.kde.scoring.exponential import degree_for
from modelcollapse.families.kde.scoring.nodes import gather, spread

LOG2_E = 1 / math.log(2)
LEAST_TOLERANCE = 1e-11
REACH = 1e-6  # points whose sum is at least this share of the total weight are kept
CELLS = 2**21
FARTHEST = 2.0**31  # nodes from the origin
EPS = float(np.finfo(np.float64).eps)
WIDEST = 1e3  # times the smallest bandwidth


class Grid:
    """Rows, spread on a regular grid that grows with them.

    Parameters
    ----------
    columns
        The dimension, 1 or 2.
    smallest
        The smallest bandwidth that will be asked for.
    tolerance
        The bound on the error of each log-sum, at least `LEAST_TOLERANCE`.
    """

    def __init__(self, columns: int, smallest: float, tolerance: float) -> None:
        self.columns, self.smallest, self.tolerance = columns, smallest, tolerance
        # At the smallest bandwidth a = b = h/sqrt(2), so that s = h/2.
        narrow = math.sqrt(math.log(8.2 * columns / tolerance) / (2 * math.pi**2))
        fraction, exponent = math.frexp(smallest / (2 * narrow))
        self.spacing = math.ldexp(math.floor(fraction * 2**20), exponent - 20)
        self.width = smallest / (math.sqrt(2) * self.spacing)
        self.degree = degree_for(tolerance / 17)
        self.half = self._half(self.width, smallest / self.spacing)
        self.count, self.mass = 0, 0.0
        self.corner = np.zeros(columns, dtype=np.int64)
        self.nodes = np.zeros((0, 0))

    def add(self, rows: Floats, weights: Floats | None = None) -> bool:
        """Add rows (n, d), weighted by 1 or by `weights` (n,); return False if they do not fit.

        They do not if the grid would get too large, or rounding in its nodes too large.
        """
        with np.errstate(over="ignore"):
            least, most = rows.min(axis=0) / self.spacing, rows.max(axis=0) / self.spacing
        count = self.count + len(rows)
        if max(-least.min(), most.max()) > FARTHEST or count * EPS > self.tolerance / 4:
            return False
        first = np.floor(least).astype(np.int64) - self.half
        stop = np.floor(most).astype(np.int64) + self.half + 2
        if not self._cover(first, stop):
            return False
        frame = self._frame(self.width)
        own = np.empty(0) if weights is None else weights
        spread(self.nodes, rows, own, frame, self.half, self.degree)
        self.count = count
        self.mass += len(rows) if weights is None else float(weights.sum())
        return True

    def serves(self, bandwidth: float) -> bool:
        """Return whether the bandwidth is within the range of the grid."""
        return self.smallest <= bandwidth <= WIDEST * self.smallest

    def sums(self, points: Floats, bandwidth: float) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Return sum_i w_i exp(-|x - y_i|^2/(2 h^2)), and whether its error is within bounds.

        Parameters
        ----------
        points
            An array of shape (M, d).
        bandwidth
            h, from `smallest` to `WIDEST` times it.

        Returns
        -------
        Two arrays of shape (M,): the sums, and booleans that say which logarithms of them are
        within the tolerance.
        """
        h, a = bandwidth / self.spacing, self.width
        b = math.sqrt(h * h - a * a)
        half = self._half(b, h)
        sums = np.empty(len(points))
        gather(sums, self.nodes, points, self._frame(b), half, self.degree)
        sums *= (h / (math.sqrt(2 * math.pi) * a * b)) ** self.columns
        lost = h / a * math.exp(-0.5 * (self.half / a) ** 2) + h / b * math.exp(
            -0.5 * (half / b) ** 2
        )
        return sums, 4.1 * self.columns * self.mass * lost <= self.tolerance * sums

    def adding_cost(self, rows: int) -> float:
        """Return about how many nanoseconds it takes to add rows."""
        # Writing to a plane costs more than reading it.
        return rows * (self._visit(2 * self.half) + 70 * (self.columns - 1))

    def summing_cost(self, points: int, bandwidth: float) -> float:
        """Return about how many nanoseconds it takes to sum at points."""
        h = bandwidth / self.spacing
        half = self._half(math.sqrt(h * h - self.width * self.width), h)
        return points * self._visit(2 * half)

    def _visit(self, reach: int) -> float:
        """Return about how many nanoseconds one row or point takes, measured."""
        return 40 + reach if self.columns == 1 else 80 + 0.15 * reach * reach

    def _half(self, width: float, h: float) -> int:
        """Return how many nodes on each side a Gaussian keeps; vectors like multiples of 4."""
        lost = self.tolerance * REACH * width / (h * 8.2 * self.columns)
        return 4 * math.ceil(width * math.sqrt(-2 * math.log(lost)) / 4)

    def _frame(self, width: float) -> Floats:
        """Return what `place` needs to know, shape (3 + d,)."""
        rate = LOG2_E / (2 * width * width)
        return np.array([rate, self.spacing, 1 / self.spacing, *self.corner])

    def _cover(self, first: Integers, stop: Integers) -> bool:
        """Make the nodes from `first` to before `stop` exist; return False if they are too many."""
        old = self.nodes.shape[2 - self.columns :] if self.count else (0,) * self.columns
        end = self.corner + np.array(old)
        if self.count and np.all(first >= self.corner) and np.all(stop <= end):
            return True
        if self.count:
            # A quarter more than asked for, so that growing stays rare.
            more = (np.maximum(stop, end) - np.minimum(first, self.corner)) // 4
            first = np.where(first < self.corner, first - more, self.corner)
            stop = np.where(stop > end, stop + more, end)
        shape = stop - first
        if math.prod(int(size) for size in shape) > CELLS:
            return False
        nodes = np.zeros(shape)
        if self.count:
            kept = self.corner - first
            inside = tuple(slice(k, k + n) for k, n in zip(kept, old, strict=True))
            nodes[inside] = self.nodes.reshape(old)
        self.corner = first
        self.nodes = nodes.reshape(-1, nodes.shape[-1])
        return True
