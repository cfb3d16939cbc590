r"""Pearson's law of type IV: density k (1 + y^2)^-m exp(-nu arctan y), m > 1/2.

With y = tan(theta) it is cos(theta)^(2m - 2) exp(-nu theta), smooth on (-pi/2, pi/2), which is
where it is integrated.
"""

from itertools import pairwise
from typing import Any

import numpy as np
from scipy.integrate import quad
from scipy.special import betaln, loggamma, xlogy
from scipy.stats import rv_continuous

from modelcollapse._support.checks import Floats

WIDTHS = 40.0  # of the peak, beyond which nothing is left


class PearsonIV(rv_continuous):  # type: ignore[misc]  # SciPy has no types
    """The law in its standard form; location and scale are SciPy's."""

    def _argcheck(self, m: Floats, nu: Floats) -> Any:
        return (m > 0.5) & np.isfinite(nu)

    def _logpdf(self, x: Floats, m: Floats, nu: Floats) -> Floats:
        return np.asarray(_constant(m, nu) - m * np.log1p(x * x) - nu * np.arctan(x))

    def _pdf(self, x: Floats, m: Floats, nu: Floats) -> Floats:
        return np.exp(self._logpdf(x, m, nu))

    def _cdf_single(self, x: float, m: float, nu: float) -> float:
        top, constant = float(np.arctan(x)), float(_constant(m, nu))
        peak = float(np.arctan2(-nu, 2 * m - 2)) if m > 1 else 0.0
        width = WIDTHS / np.sqrt(max(2 * m - 2, 1.0))

        def density(theta: float) -> float:
            return float(np.exp(constant + xlogy(2 * m - 2, np.cos(theta)) - nu * theta))

        ends = [-np.pi / 2, peak - width, peak, peak + width, np.pi / 2]
        inside = [min(max(end, ends[0]), top) for end in ends]
        parts = pairwise(inside)
        return min(1.0, float(sum(quad(density, a, b, epsabs=1e-13)[0] for a, b in parts)))

    def _stats(self, m: Floats, nu: Floats) -> tuple[Any, Any, None, None]:
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.where(m > 1, -nu / (2 * m - 2), np.nan)
            variance = np.where(m > 1.5, (1 + mean**2) / (2 * m - 3), np.inf)
        return mean, variance, None, None


def _constant(m: Any, nu: Any) -> Any:
    """Return log k."""
    ratio = loggamma(m + 0.5j * np.asarray(nu)).real - loggamma(m).real
    return 2 * ratio - betaln(m - 0.5, 0.5)
