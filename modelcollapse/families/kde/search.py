"""Searches for bandwidth schedules: greedy, least sum, least maximum, least last error."""

from collections.abc import Callable

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.kde.control import Path, advanced

SMALLEST, LARGEST = 0.02, 50.0  # bandwidths searched, in units of the rule of thumb
LEVEL = 1e-8  # relative accuracy of the least maximum
NEAR = 1e-3  # how far a first guess of it may be off
SCANNED = 24
FLAT = 1e-9  # a relative gain below it is rounding


def greedy(path: Path, thumb: Floats) -> Floats:
    """Return the schedule that minimises each generation's own error, one after the other."""
    a, product = np.ones_like(path.power), path.power + (1 - path.power) / path.first
    h, (low, high) = np.empty(len(thumb)), _bounds(path, thumb)
    for t, step in enumerate(path.steps):
        fit = product + step.subsampled * (1 - product)
        h[t] = np.exp(_lowest(path.own_error(a, fit), low[t], high[t]))
        a, product = advanced(step, path.kappa(h[t]), a, product, fit)
    return h


def least_sum(path: Path, start: Floats, thumb: Floats, *, again: bool = False) -> Floats:
    """Return the schedule with the least sum of errors, the best of some descents.

    `again` polishes a start that was found before.
    """
    starts = [start] if again else [start, greedy(path, thumb)]
    if not again and path.fineness < 1:
        starts.append(thumb)
    return min((_descend(path, h, thumb) for h in starts), key=lambda h: path.errors(h)[0].sum())


def _descend(path: Path, start: Floats, thumb: Floats) -> Floats:
    """Minimise the sum of errors over log h, from a schedule."""
    from scipy.optimize import minimize

    scale = path.errors(start)[0].sum()

    def value(x: Floats) -> tuple[float, Floats]:
        h = np.exp(x)
        errors, tape = path.errors(h)
        slopes = path.slopes(tape, np.ones_like(h))
        return float(errors.sum() / scale), slopes * 2 * h**2 / scale

    bounds = list(zip(*_bounds(path, thumb), strict=True))
    options = {"maxiter": 1000, "maxfun": 2000, "ftol": 1e-13, "gtol": 1e-9, "maxcor": 30}
    found = minimize(
        value, np.log(start), jac=True, method="L-BFGS-B", bounds=bounds, options=options
    )
    return np.asarray(np.exp(found.x))


def least_maximum(path: Path, start: Floats, thumb: Floats, *, again: bool = False) -> Floats:
    """Return the schedule with the least largest error.

    Less smoothing keeps more for the generations after it, so each takes the smallest bandwidth
    that the level allows, and the best level is the lowest at which all of them can. That all
    errors are then equal, with non-negative multipliers (Karush-Kuhn-Tucker), is tested.
    """
    del again
    low, high, h = 0.0, np.inf, start
    guess = float(path.errors(start)[0].max())
    for level in (guess * (1 + NEAR), guess * (1 - NEAR)):
        found = _at_level(path, level, thumb)
        if found is None:
            low = max(low, level)
        elif level < high:
            high, h = level, found
    if high == np.inf:
        h = greedy(path, thumb)
        high = float(path.errors(h)[0].max())
    best = h
    while high - low > LEVEL * high:
        level = (low + high) / 2
        found = _at_level(path, level, thumb)
        if found is None:
            low = level
        else:
            high, best = level, found
    return best


def _at_level(path: Path, level: float, thumb: Floats) -> Floats | None:
    """Return the smallest bandwidths whose errors are at most the level, or None."""
    from scipy.optimize import brentq

    path.progress(1)

    a, product = np.ones_like(path.power), path.power + (1 - path.power) / path.first
    h, (lows, highs) = np.empty(len(thumb)), _bounds(path, thumb)
    for t, step in enumerate(path.steps):
        fit = product + step.subsampled * (1 - product)
        own = path.own_error(a, fit)
        low, best = lows[t], _lowest(own, lows[t], highs[t])
        if own(best) > level:
            return None
        x = low if own(low) <= level else brentq(lambda x: own(x) - level, low, best, xtol=1e-10)  # noqa: B023
        h[t] = np.exp(x)
        a, product = advanced(step, path.kappa(h[t]), a, product, fit)
    return h


def _lowest(own: Callable[[float], float], low: float, high: float) -> float:
    """Return the logarithm, in [low, high], of the bandwidth with the least error of one fit."""
    from scipy.optimize import minimize_scalar

    # A mixture of scales may have several minima: the best of a grid first.
    grid = np.linspace(low, high, SCANNED)
    best = int(np.argmin([own(float(x)) for x in grid]))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, SCANNED - 1)]
    found = minimize_scalar(own, bounds=bounds, method="bounded", options={"xatol": 1e-8})
    return float(found.x)


def _bounds(path: Path, thumb: Floats) -> tuple[Floats, Floats]:
    """Return the logarithms of the bandwidths searched."""
    return np.log(thumb * path.fineness * SMALLEST), np.log(thumb * LARGEST)


def least_last(path: Path, start: Floats, thumb: Floats, *, again: bool = False) -> Floats:
    """Return the best of the bootstrap (bandwidth 0 but for the last fit) and its neighbours.

    For a normal truth, and for any under replace, nothing is below the bootstrap, see
    ``theory/kde_bootstrap.py``; a rough truth may want its fine and its coarse parts smoothed
    at different generations.
    """
    from scipy.optimize import minimize

    del start, again
    zeros, (lows, highs) = np.zeros(len(thumb)), _bounds(path, thumb)
    _, a, _, fit = path.errors(zeros)[1][:, -1]
    zeros[-1] = np.exp(_lowest(path.own_error(a, fit), lows[-1], highs[-1]))
    last = np.zeros(len(thumb))
    last[-1] = 1.0
    scale, unit = path.errors(zeros)[0][-1], thumb**2

    def value(x: Floats) -> tuple[float, Floats]:
        h = np.sqrt(x * unit)
        errors, tape = path.errors(h)
        return float(errors[-1] / scale), path.slopes(tape, last) * unit / scale

    least = (SMALLEST * path.fineness) ** 2
    bounds = [(0.0, LARGEST**2)] * (len(thumb) - 1) + [(least, LARGEST**2)]
    # From the bootstrap, and from smoothing early what the last fit need not smooth again.
    low = np.append(np.ones(len(thumb) - 1), least)
    found = [zeros]
    for begin in (zeros**2 / unit, low):
        options = {"maxiter": 500, "ftol": 1e-13}
        reached = minimize(
            value, begin, jac=True, method="L-BFGS-B", bounds=bounds, options=options
        )
        found.append(np.sqrt(reached.x * unit))
    errors = [path.errors(h)[0][-1] for h in found]
    # Rounding is no reason to leave the bootstrap.
    best = int(np.argmin(errors))
    return found[best] if errors[best] < errors[0] * (1 - FLAT) else zeros
