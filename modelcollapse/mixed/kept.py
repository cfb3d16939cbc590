r"""The loop that keeps its first real batch: weight a on those n_1 rows, u = 1 - a on n new ones.

The real batch is drawn once, so its error stays: m_t = x + d_t, where x is the mean of the real
rows and d_t = u (d_{t-1} + e_t) collects what the sampled batches add, uncorrelated with x. With
g = 1 + v2/n and D_t = E d_t^2 / V: D_1 = 0, D_t = g u^2 D_{t-1} + u^2 (1 + v2/n_1)/n, and
E(m_t - m_0)^2 / V = 1/n_1 + D_t. v2 is the curvature, as in `modelcollapse.mixed.fresh`.
Source: derived here; stability of mixed loops: arXiv 2310.00429.
"""

from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, broadcast
from modelcollapse._support.errors import invalid
from modelcollapse.mixed.arguments import (
    numbers,
    per_row,
    plain,
    ratio,
    row_counts,
    temperatures,
    weights,
)
from modelcollapse.mixed.fresh import FixedPoint


@broadcast
def kept_squared_error(
    generation: Any, share: Any, real: Any, synthetic: Any, curvature: Any = 0.0
) -> Floats:
    r"""Return E(m_t - m_0)^2 / V at generation t, exactly; infinite where it overflows.

    Parameters
    ----------
    generation
        t = 1, 2, ...; generation 1 is the fit to the real rows.
    share
        The weight a of the real rows in [0, 1]; None pools, a = n_1 / (n_1 + n).
    real, synthetic
        n_1, and the rows n of each sampled batch.
    curvature
        v2, at least -1; -1 for a Gaussian fitted by maximum likelihood.
    """
    remedy = "give generations from 1 on, whole numbers"
    t = numbers("generation", generation, 1, np.inf, remedy)
    if (t != np.floor(t)).any():
        raise invalid("generation", t[t != np.floor(t)].flat[0].item(), remedy)
    r, s, a = _arguments(share, real, synthetic)
    with np.errstate(over="ignore"):
        repeated = _geometric(_forgotten(a, s, curvature), t - 1)
    return plain(1 / r + _added(a, r, s, curvature) * repeated)


@broadcast
def kept_fixed_point(share: Any, real: Any, synthetic: Any, curvature: Any = 0.0) -> Floats:
    r"""Return lim E(m_t - m_0)^2 / V: 1/n_1 + u^2 (1 + v2/n_1) / (n (1 - g u^2)).

    It is never below 1/n_1, and infinite unless g u^2 < 1.
    """
    r, s, a = _arguments(share, real, synthetic)
    added = _added(a, r, s, curvature)
    return plain(1 / r + np.where(added > 0, ratio(added, _forgotten(a, s, curvature)), 0.0))


@broadcast
def kept_moments(share: Any, real: Any, synthetic: Any, temperature: Any = 1.0) -> FixedPoint:
    r"""Return what a Gaussian fitted by maximum likelihood (ddof 0) settles at.

    With D = (1 + u)(1 - u lambda) + u^2 lambda/n: E v = (1 - u^2)(1 - 1/n_1)/D and
    E(m - m_0)^2 = 1/n_1 + u^2 lambda E v / (n (1 - u^2)), in units of sigma_0^2; both are
    infinite where D <= 0, as with fresh data.
    """
    r, s, a = _arguments(share, real, synthetic)
    u, heat = 1 - a, temperatures(temperature)
    below = (1 + u) * (1 - u * heat) + u**2 * heat / s
    started = np.asarray(1 - 1 / r)
    variance = np.where(started > 0, ratio(a * (1 + u) * started, below), 0.0)
    added = np.where(started > 0, ratio(u**2 * heat / s * started, below), 0.0)
    return FixedPoint(plain(variance), plain(1 / r + np.where(u > 0, added, 0.0)))


def _arguments(share: Any, real: Any, synthetic: Any) -> tuple[Floats, Floats, Floats]:
    r, s = row_counts("real", real), row_counts("synthetic", synthetic)
    return r, s, r / (r + s) if share is None else weights("share", share)


def _added(share: Floats, real: Floats, synthetic: Floats, curvature: Any) -> Floats:
    """Return u^2 (1 + v2/n_1)/n, what the first sampled batch adds."""
    return np.asarray((1 - share) ** 2 * (1 + per_row(curvature, real)) / synthetic)


def _forgotten(share: Floats, synthetic: Floats, curvature: Any) -> Floats:
    """Return 1 - g u^2, in a form that does not cancel for a small share."""
    u = 1 - share
    return np.asarray(share * (1 + u) - per_row(curvature, synthetic) * u**2)


def _geometric(forgotten: Floats, count: Floats) -> Floats:
    """Return 1 + q + ... + q^(count - 1), q = 1 - forgotten."""
    forgotten, count = np.broadcast_arrays(forgotten, count)
    total = count.astype(np.float64)
    left = np.where(forgotten < 1, forgotten, 0.5)
    power = np.where(forgotten < 1, -np.expm1(count * np.log1p(-left)), 1.0 * (count > 0))
    return np.asarray(np.divide(power, forgotten, out=total, where=forgotten != 0))
