r"""Proved bounds by determinants: of E log det S_t, of its variance, and of squared determinants.

For a normal truth S_t = S_(t-1)^(1/2) B_t S_(t-1)^(1/2) with independent B_t, so that log det is a
sum of independent terms, and each is bounded by itself; `enclosures` has sharper bounds.
"""

from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.gaussian.determinants import log_minors
from modelcollapse.families.gaussian.enclosures import first_log, log_fit

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

BOUNDS = ("log_determinant_lower", "log_determinant_upper")


def square_bound(e: "Experiment", m: int) -> Floats:
    r"""Bound E (e_m(S_t) / e_m(S_0))^2 under accumulate, for a normal truth.

    In m = d dimensions: exact at t = 1; then det B <= (tr B / d)^d, and N' tr B is a sum of
    chi-squares, N d + lambda [chi2(d (n - 1)) + N/N' chi2(d)]. And e_m is a mean of such
    determinants, each over its expectation at t = 0, with weights.
    """
    n, c = e.sizes.astype(float), e.model.ddof
    i, after = np.arange(1, m + 1), np.cumsum(n)
    factors = [float(((n[0] - i) * (n[0] - i + 2) / n[0] ** 2).prod())]
    for size, total in zip(n[1:], after[1:], strict=True):
        before = total - size
        heat = e.temperature / (1 - c / before)
        parts = [
            [(before * m) ** p for p in range(2 * m + 1)],
            _chi_square_moments(m * (size - 1), heat, 2 * m),
            _chi_square_moments(float(m), heat * before / total, 2 * m),
        ]
        factors.append(_moment_of_sum(parts, 2 * m) / (m * total) ** (2 * m))
    return np.asarray(np.cumprod(factors) * np.exp(-2 * m * log_fit(e)))


def _chi_square_moments(freedom: float, scale: float, order: int) -> list[float]:
    """Return E (scale X)^p, p = 0..order."""
    factors = scale * (freedom + 2 * np.arange(order))
    found: list[float] = np.concatenate([[1.0], np.cumprod(factors)]).tolist()
    return found


def _moment_of_sum(parts: list[list[float]], order: int) -> float:
    """Return a moment of a sum of independent terms, by their moments."""
    from scipy.special import comb

    whole = parts[0]
    for part in parts[1:]:
        whole = [
            sum(comb(p, q) * whole[q] * part[p - q] for q in range(p + 1)) for p in range(order + 1)
        ]
    return float(whole[order])


def log_upper(e: "Experiment") -> Floats:
    """Bound E log det S_t / det S_0 from above, by Jensen's inequality.

    For a normal truth under accumulate the factor of generation 1 is independent of the others,
    and its logarithm known.
    """
    found = log_minors(e, e.model.dim)
    if not (e.schedule.pool and e.truth.is_normal):
        return found
    return np.asarray(found - found[0] + first_log(e) - e.model.dim * log_fit(e)[0])


def log_variance_bound(e: "Experiment") -> Floats:
    r"""Bound Var log det S_t under accumulate, for a normal truth.

    Exact at t = 1. Then Poincare's inequality for f = log det(a + b (G G' + c z z')), c < 1, of
    independent normals: E |grad f|^2 <= 4 b E tr(1/B - a/B^2) <= b d / a, as 1/y - a/y^2 is at most
    1/(4a). Here b / a is lambda / N.
    """
    from scipy.special import polygamma

    n, d = e.sizes.astype(float), e.model.dim
    first = polygamma(1, (n[0] - np.arange(1, d + 1)) / 2).sum()
    before = np.cumsum(n)[:-1]
    steps = d * e.temperature / (before - e.model.ddof)
    return np.asarray(np.cumsum(np.concatenate([[first], steps])))
