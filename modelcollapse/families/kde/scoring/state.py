"""Log-densities by summing over all pairs, and the checks and units that this needs."""

import math
from typing import Any, NamedTuple

import numpy as np

from modelcollapse._support import checks
from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import invalid
from modelcollapse._support.words import many

LOG2_E = 1 / math.log(2)
NONE = np.empty(0)


class Units(NamedTuple):
    """A power of two for all coordinates; in these units 1/(2 h^2), and log2(e) times that."""

    unit: float
    half: float
    rate: float

    @classmethod
    def of(cls, bandwidth: float, largest: float) -> "Units":
        """Return units in which h is near 1 and coordinates up to `largest` do not overflow."""
        wanted, room = -math.frexp(bandwidth)[1], 1000 - math.frexp(largest)[1]
        shift = max(min(wanted, room, 1000), -1000)
        scaled = math.ldexp(bandwidth, shift)
        half = 0.5 / max(scaled * scaled, 1e-300)
        return cls(math.ldexp(1.0, shift), half, half * LOG2_E)


class Sums:
    """The state of all points: their least keys, and sums relative to them."""

    def __init__(self, points: Floats, bandwidth: float, tolerance: float) -> None:
        from modelcollapse.families.kde.scoring import sums
        from modelcollapse.families.kde.scoring.exponential import degree_for

        self.kernels = sums
        self.points, self.bandwidth, self.degree = points, bandwidth, degree_for(tolerance)
        self.units = Units.of(bandwidth, largest(points))
        self.least, self.sums = np.full(len(points), np.inf), np.zeros(len(points))

    def add(self, rows: Floats, offsets: Floats) -> None:
        """Add rows (n, d) with offsets (n,), or none, (0,)."""
        unit, _, rate = self.units
        state = self.least, self.sums
        self.kernels.merge(self.points, rows, offsets, unit, rate, self.degree, *state)

    def log_densities(self, total: float) -> Floats:
        """Return the log-densities if the weights add up to `total`, shape (M,)."""
        out = np.empty(len(self.points))
        shift = log_volume(self.bandwidth, self.points.shape[1]) + math.log(total)
        self.kernels.log_values(out, self.least, self.sums, self.units.half, shift)
        return out


def direct(
    points: Floats, rows: Floats, h: float, weights: Floats | None, tolerance: float
) -> Floats:
    """Return the log-densities by summing over all pairs, shape (M,)."""
    state = Sums(points, h, tolerance)
    kept, offsets, total = weighted(rows, weights, state.units.half)
    state.add(kept, offsets)
    return state.log_densities(total)


def weighted(rows: Floats, weights: Floats | None, half: float) -> tuple[Floats, Floats, float]:
    """Return rows (..., n, d) that have weight, their offsets, and the weights' sum.

    A weight w is the offset -log(w)/half, relative to the largest weight.
    """
    if weights is None:
        return rows, NONE, float(rows.shape[-2])
    some = weights > 0
    relative = weights[some] / weights.max()
    kept = rows if some.all() else np.ascontiguousarray(rows[..., some, :])
    return kept, -np.log(relative) / half, float(relative.sum())


def log_volume(h: float, dim: int) -> float:
    """Return d log h + (d/2) log 2 pi."""
    return dim * (math.log(h) + 0.5 * math.log(2 * math.pi))


def largest(array: Floats) -> float:
    """Return the largest absolute value."""
    return max(float(array.max()), -float(array.min()))


def plain(array: Floats) -> Floats:
    """Return the array in the one layout that kernels are compiled for."""
    usual = array.flags.c_contiguous and array.flags.writeable
    return array if usual else np.array(array, order="C")


def matching(rows: Any, points: Floats) -> Floats:
    """Return rows (n, d), n >= 1, with as many columns as the points."""
    array = checks.rows("rows", rows)
    if array.shape[1] != points.shape[1]:
        raise invalid(
            "rows", f"array of shape {array.shape}", f"give {many(points.shape[1], 'column')}"
        )
    return plain(array)


def checked_tolerance(value: Any) -> float:
    """Return the tolerance as a float that is not negative."""
    number = float(value)
    if not number >= 0:
        raise invalid("tolerance", value, "give 0 for exact results, or a number above")
    return number
