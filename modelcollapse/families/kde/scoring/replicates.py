"""Integrals of squared densities, and losses of many small replicates in one compiled call."""

import math
from typing import Any

import numpy as np

from modelcollapse._support import checks
from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.families.kde.scoring.state import (
    Units,
    checked_tolerance,
    largest,
    log_volume,
    plain,
    weighted,
)


def pair_density(rows: Any, bandwidth: float, weights: Any = None) -> float:
    """Return the integral of the squared density, sum_ij w_i w_j N(x_i - x_j; 0, 2 h^2 I)."""
    train = plain(checks.rows("rows", rows))
    own = None if weights is None else checks.shares(weights, len(train))
    return float(_pair_densities(train[None], checks.positive("bandwidth", bandwidth), own)[0])


def pair_densities(rows: Any, bandwidth: float, weights: Any = None) -> Floats:
    """Return `pair_density` of each replicate, rows (R, N, d) and weights (N,), shape (R,)."""
    train = _batch("rows", rows)
    own = None if weights is None else checks.shares(weights, train.shape[1])
    return _pair_densities(train, checks.positive("bandwidth", bandwidth), own)


def mean_log_losses(
    points: Any, rows: Any, bandwidth: float, tolerance: float = 0.0, weights: Any = None
) -> Floats:
    """Return minus the mean log-density of each replicate in one compiled call, shape (R,).

    Parameters
    ----------
    points, rows
        Arrays of shape (R, M, d), or (M, d) for the same points in all, and (R, N, d).
    bandwidth
        h.
    tolerance
        The bound on the error of each log-density.
    weights
        The weights of the rows in all replicates, shape (N,); equal ones unless given.
    """
    from modelcollapse.families.kde.scoring import sums
    from modelcollapse.families.kde.scoring.exponential import degree_for

    tests, train, h = _batch("points", points), _batch("rows", rows), bandwidth
    if tests.shape[0] not in (1, train.shape[0]) or tests.shape[2] != train.shape[2]:
        raise InvalidInput(f"points {tests.shape} and rows {train.shape} differ in R or d")
    unit, half, rate = Units.of(checks.positive("bandwidth", h), largest(tests))
    own = None if weights is None else checks.shares(weights, train.shape[1])
    train, offsets, total = weighted(train, own, half)
    shift, out = log_volume(h, train.shape[2]) + math.log(total), np.empty(len(train))
    degree = degree_for(checked_tolerance(tolerance))
    sums.mean_losses(out, tests, train, offsets, unit, half, rate, degree, shift)
    return out


def _pair_densities(rows: Floats, h: float, weights: Floats | None) -> Floats:
    """Return the integral of the squared density for rows (R, N, d), shape (R,)."""
    from modelcollapse.families.kde.scoring import sums

    unit, half, rate = Units.of(h, largest(rows))
    kept, offsets, total = weighted(rows, weights, half / 2)
    out = np.empty(len(rows))
    sums.pair_sums(out, kept, offsets, unit, rate / 2)
    d = rows.shape[2]
    logs = np.log(out) - 2 * math.log(total) - d * (math.log(h) + 0.5 * math.log(4 * math.pi))
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(logs))


def _batch(name: str, value: Any) -> Floats:
    """Return a finite array of shape (R, n, d), or (1, n, d) if all replicates are the same."""
    array = checks.reals(name, value)
    if array.ndim == 2 and name == "points":
        array = array[None]
    if array.ndim != 3 or array.size == 0 or not np.isfinite(array).all():
        shape = f"array of shape {array.shape}"
        raise invalid(name, shape, "give a finite (replicates, rows, columns) array")
    broadcast = name == "points" and array.strides[0] == 0
    return plain(array[:1] if broadcast else array)
