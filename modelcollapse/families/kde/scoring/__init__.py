r"""Log-densities of Gaussian kernel density estimates, with guaranteed errors.

The log-density at x is log sum_i w_i exp(-|x - y_i|^2/(2 h^2)) - d log h - (d/2) log 2 pi, in
nats. It is summed over all pairs by the module `sums`, or, for d <= 2 and many rows, through
`grid`; points in the tails, where the grid's error might exceed the tolerance, are summed over all
pairs even then. The tolerance bounds the error of each log-density, and so of their mean; 0 means
that only rounding remains (a relative error below 1e-12). Memory does not grow with the number of
pairs.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from modelcollapse._support import checks
from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.families.kde.scoring.replicates import (
    mean_log_losses,
    pair_densities,
    pair_density,
)
from modelcollapse.families.kde.scoring.state import (
    NONE,
    Sums,
    checked_tolerance,
    direct,
    log_volume,
    matching,
    plain,
)

if TYPE_CHECKING:
    from modelcollapse.families.kde.scoring.grid import Grid

__all__ = [
    "Accumulating",
    "Scorer",
    "Streaming",
    "log_densities",
    "mean_log_losses",
    "pair_densities",
    "pair_density",
]

WORTHWHILE = 100_000  # pairs; below, a grid is not even considered
COARSEST = 1e-3  # the tolerance beyond which a grid gains nothing more
RANGE = 1e-200, 1e200  # bandwidths in which a grid's arithmetic neither overflows nor underflows


def log_densities(
    points: Any, rows: Any, bandwidth: float, *, weights: Any = None, tolerance: float = 0.0
) -> Floats:
    """Return the log-densities at points (M, d) under rows (N, d), shape (M,).

    Parameters
    ----------
    points, rows
        Where, and the training rows.
    bandwidth
        h, the standard deviation of the kernel in each coordinate.
    weights
        The weights of the rows, shape (N,), in any unit; equal ones unless given.
    tolerance
        The bound on the error of each log-density; 0 leaves rounding only.
    """
    return Scorer(points, tolerance=tolerance).score(rows, bandwidth, weights)


class Scorer:
    """Log-densities at fixed points, for fit after fit.

    Parameters
    ----------
    points
        An array of shape (M, d).
    tolerance
        The bound on the error of each log-density.
    """

    def __init__(self, points: Any, *, tolerance: float = 0.0) -> None:
        self.points = plain(checks.rows("points", points))
        self.tolerance = checked_tolerance(tolerance)

    def score(self, rows: Any, bandwidth: float, weights: Any = None) -> Floats:
        """Return the log-densities under rows (N, d) with weights (N,), shape (M,)."""
        h, train = checks.positive("bandwidth", bandwidth), matching(rows, self.points)
        own = None if weights is None else checks.shares(weights, len(train))
        many = len(train) * len(self.points) > WORTHWHILE
        grid = _grid(self.points, h, self.tolerance) if many else None
        if grid is not None:
            cost = grid.adding_cost(len(train)) + grid.summing_cost(len(self.points), h)
            if cost < _pair_cost(self.points) * len(train) and grid.add(train, own):
                return _through(grid, self.points, train, h, own)[0]
        return direct(self.points, train, h, own, self.tolerance)


class Streaming:
    """Log-densities at fixed points under a pool that grows, with one bandwidth.

    Adding n rows costs n M pairs, whatever the size of the pool; rows are not kept.

    Parameters
    ----------
    points
        An array of shape (M, d).
    bandwidth
        h.
    tolerance
        The bound on the error of each log-density.
    """

    def __init__(self, points: Any, bandwidth: float, *, tolerance: float = 0.0) -> None:
        self.points = plain(checks.rows("points", points))
        self.bandwidth = checks.positive("bandwidth", bandwidth)
        self.sums = Sums(self.points, self.bandwidth, checked_tolerance(tolerance))
        self.count = 0

    def add(self, rows: Any) -> None:
        """Add rows, shape (n, d)."""
        new = matching(rows, self.points)
        self.sums.add(new, NONE)
        self.count += len(new)

    def log_densities(self) -> Floats:
        """Return the log-densities under all rows added so far, shape (M,)."""
        return self.sums.log_densities(_some(self.count))


class Accumulating:
    """Log-densities at fixed points under a pool that grows.

    With a fixed bandwidth this is `Streaming`. Otherwise rows are kept; with d <= 2 and a
    tolerance of at least 1e-11 they are also spread on a grid, which serves all bandwidths from
    `smallest` on.

    Parameters
    ----------
    points
        An array of shape (M, d).
    tolerance
        The bound on the error of each log-density.
    bandwidth
        h, if it never changes.
    smallest
        The smallest bandwidth that will be asked for; without it there is no grid.
    """

    def __init__(
        self,
        points: Any,
        *,
        tolerance: float = 0.0,
        bandwidth: float | None = None,
        smallest: float | None = None,
    ) -> None:
        self.points = plain(checks.rows("points", points))
        self.tolerance, self.count = checked_tolerance(tolerance), 0
        self.stream, self.grid = None, None
        if bandwidth is not None:
            self.stream = Streaming(self.points, bandwidth, tolerance=tolerance)
        elif smallest is not None:
            least = checks.positive("smallest", smallest)
            self.grid = _grid(self.points, least, self.tolerance)
        self.rows = np.empty((0, self.points.shape[1]))
        self.spread = 0
        self.tails = self.missed = 0.0

    def add(self, rows: Any) -> None:
        """Add rows, shape (n, d)."""
        new = matching(rows, self.points)
        count, self.count = self.count, self.count + len(new)
        if self.stream is not None:
            self.stream.add(new)
            return
        if self.count > len(self.rows):
            kept = self.rows[:count]
            self.rows = np.empty((max(self.count, 2 * len(self.rows)), new.shape[1]))
            self.rows[:count] = kept
        self.rows[count : self.count] = new

    def log_densities(self, bandwidth: float | None = None) -> Floats:
        """Return the log-densities under all rows added so far, shape (M,).

        A fixed bandwidth need not be given again.
        """
        _some(self.count)
        if self.stream is not None:
            if bandwidth not in (None, self.stream.bandwidth):
                raise invalid("bandwidth", bandwidth, f"it is fixed at {self.stream.bandwidth}")
            return self.stream.log_densities()
        h, rows = checks.positive("bandwidth", bandwidth), self.rows[: self.count]
        if self.grid is not None and self._grid_pays(self.grid, h):
            out, good = _through(self.grid, self.points, rows, h, None)
            self.tails = 1 - good
            return out
        return direct(self.points, rows, h, None, self.tolerance)

    def _grid_pays(self, grid: "Grid", h: float) -> bool:
        """Bring the grid up to date and return True, if it serves h and is faster."""
        if not grid.serves(h):
            return False
        pairs = _pair_cost(self.points) * self.count
        gain = (1 - self.tails) * pairs - grid.summing_cost(len(self.points), h)
        # What the grid would have saved so far is what it may cost now.
        self.missed += max(gain, 0.0)
        if gain <= 0 or self.missed < grid.adding_cost(self.count - self.spread):
            return False
        if self.spread < self.count and not grid.add(self.rows[self.spread : self.count]):
            self.grid = None
            return False
        self.spread, self.missed = self.count, 0.0
        return True


def _through(
    grid: "Grid", points: Floats, rows: Floats, h: float, weights: Floats | None
) -> tuple[Floats, float]:
    """Return the log-densities through a grid that holds the rows, and the share it served."""
    sums, good = grid.sums(points, h)
    out = np.empty(len(points))
    out[good] = np.log(sums[good]) - (log_volume(h, points.shape[1]) + math.log(grid.mass))
    if not good.all():
        out[~good] = direct(points[~good], rows, h, weights, grid.tolerance)
    return out, float(good.mean())


def _grid(points: Floats, smallest: float, tolerance: float) -> "Grid | None":
    """Return an empty grid, if dimension, bandwidth and tolerance allow one."""
    from modelcollapse.families.kde.scoring.grid import LEAST_TOLERANCE, Grid

    usual = RANGE[0] < smallest < RANGE[1]
    if points.shape[1] > 2 or tolerance < LEAST_TOLERANCE or not usual:
        return None
    return Grid(points.shape[1], smallest, min(tolerance, COARSEST))


def _pair_cost(points: Floats) -> float:
    """Return about how many nanoseconds a row costs when summed over all pairs."""
    return len(points) * (0.5 + 0.06 * float(points.shape[1]))


def _some(count: int) -> int:
    """Return the number of rows added, if there are any."""
    if count == 0:
        raise InvalidInput("no rows were added yet: call add first")
    return count
