r"""Pearson's law of type IV: density proportional to (1 + y^2)^-m exp(-nu arctan y), m > 1/2.

With y = tan(theta) it is cos(theta)^(2m - 2) exp(-nu theta), smooth on (-pi/2, pi/2), which is
where it is integrated. About its peak at tan(theta_0) = -nu/(2m - 2) = T, delta away,

    log = (2m - 2) [log(1 - 2 sin(delta/2)^2 - T sin(delta)) + T delta],

where nothing large is subtracted.
"""

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.integrate import quad
from scipy.stats import rv_continuous

from modelcollapse._support.checks import Floats

WIDTHS = 40.0  # of the peak, beyond which nothing is left


class PearsonIV(rv_continuous):  # type: ignore[misc]  # SciPy has no types
    """The law in its standard form for m > 1; location and scale are SciPy's."""

    def _argcheck(self, m: Floats, nu: Floats) -> Any:
        return (m > 1) & np.isfinite(nu)

    def _logpdf(self, x: Floats, m: Floats, nu: Floats) -> Floats:
        return np.asarray(np.vectorize(_log_density)(x, m, nu), dtype=np.float64)

    def _pdf(self, x: Floats, m: Floats, nu: Floats) -> Floats:
        return np.exp(self._logpdf(x, m, nu))

    def _cdf_single(self, x: float, m: float, nu: float) -> float:
        below, above = _halves(float(m), float(nu))
        delta = _away(float(x), float(m), float(nu))
        if delta <= 0:
            part = _integral(-np.inf, delta, float(m), float(nu))
            return part / (below + above)
        return 1 - _integral(delta, np.inf, float(m), float(nu)) / (below + above)

    def _stats(self, m: Floats, nu: Floats) -> tuple[Any, Any, None, None]:
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = -nu / (2 * m - 2)
            variance = np.where(m > 1.5, (1 + mean**2) / (2 * m - 3), np.inf)
        return mean, variance, None, None


def _away(x: float, m: float, nu: float) -> float:
    """Return arctan(x) - arctan(peak)."""
    peak = -nu / (2 * m - 2)
    if np.isinf(x):
        return float(np.sign(x) * np.pi / 2 - np.arctan(peak))
    return float(np.arctan2(x - peak, 1 + x * peak))


def _exponent(delta: Any, m: float, nu: float) -> Any:
    """Return the logarithm of the density in theta over that at its peak."""
    peak = -nu / (2 * m - 2)
    inside = -2 * np.sin(delta / 2) ** 2 - peak * np.sin(delta)
    return (2 * m - 2) * (np.log1p(np.maximum(inside, -1.0)) + peak * delta)


def _integral(low: float, high: float, m: float, nu: float) -> float:
    """Integrate exp of `_exponent` over that part of the range, in pieces of the peak's width."""
    peak = -nu / (2 * m - 2)
    start, end = -np.pi / 2 - np.arctan(peak), np.pi / 2 - np.arctan(peak)
    # The second derivative at the peak is -(2m - 2)(1 + peak^2).
    width = 1 / np.sqrt((2 * m - 2) * (1 + peak * peak))
    marks = [-WIDTHS * width, -4 * width, 0.0, 4 * width, WIDTHS * width]
    left, right = max(low, start, marks[0] * 10), min(high, end, marks[-1] * 10)
    ends = [left, *(mark for mark in marks if left < mark < right), right]

    def density(delta: float) -> float:
        with np.errstate(divide="ignore", under="ignore"):
            return float(np.exp(_exponent(delta, m, nu)))

    if left >= right:
        return 0.0
    # With its full output SciPy says nothing of digits that it cannot give.
    wanted = {"epsabs": 1e-14 * width, "epsrel": 1e-12, "limit": 200, "full_output": 1}
    return float(sum(quad(density, a, b, **wanted)[0] for a, b in pairwise(ends)))


@lru_cache(maxsize=64)
def _halves(m: float, nu: float) -> tuple[float, float]:
    """Return the integrals below and above the peak."""
    return _integral(-np.inf, 0.0, m, nu), _integral(0.0, np.inf, m, nu)


def _log_density(x: float, m: float, nu: float) -> float:
    """Return the log-density of y: that of theta, and d theta/dy = 1/(1 + y^2)."""
    total = sum(_halves(float(m), float(nu)))
    delta = _away(float(x), float(m), float(nu))
    with np.errstate(divide="ignore"):
        return float(_exponent(delta, float(m), float(nu)) - np.log(total) - np.log1p(x * x))
