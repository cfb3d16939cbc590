r"""Thrive or collapse: how much real data a loop needs.

A loop that puts the weight a on real rows at each generation, fresh or kept, multiplies the
error of its last model by (1 - a)^2 (1 + v2/n), and is bounded exactly if that is below 1 (with
v2 < 0 it is bounded without real data too: the error fills what the variance loses). All
thresholds below invert the closed forms of `fresh` and `kept`.
"""

from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, broadcast
from modelcollapse._support.errors import InvalidInput, invalid, unknown
from modelcollapse.loop.fate import Fate
from modelcollapse.mixed.arguments import (
    numbers,
    per_row,
    plain,
    row_counts,
    temperatures,
    weights,
)
from modelcollapse.mixed.fresh import optimal_weight

WORKFLOWS = ("keep-real", "fresh-data")


@broadcast
def contraction(real_share: Any, curvature_per_row: Any = 0.0) -> Floats:
    """Return (1 - a)^2 (1 + v2/n), the factor on the squared error of the last model."""
    a = weights("real_share", real_share)
    return plain((1 - a) ** 2 * (1 + per_row(curvature_per_row, np.ones(()), "curvature_per_row")))


@broadcast
def phase(real_share: float, curvature_per_row: float = 0.0) -> Fate:
    """Return what becomes of the squared error of a loop with a real share a, and of v2/n.

    "clumps" is a variance that vanishes with the error bounded: no real data and v2 < 0.
    """
    factor = contraction(real_share, curvature_per_row)
    if np.ndim(factor):
        shares = np.asarray(real_share).tolist()
        raise invalid("real_share", shares, "give one number; critical_share takes arrays")
    q = float(factor)
    shown = f"(1 - a)^2 (1 + v2/n) = {q:.4g}"
    if real_share == 0 and curvature_per_row < 0:
        reason = f"{shown} without real data: the error takes over what the variance loses"
        return Fate("clumps", f"{q:.4g}^t", reason)
    if q < 1:
        return Fate("bounded", f"{q:.4g}^t", f"{shown} is below 1: old errors are forgotten")
    if q == 1:
        return Fate("diverges", "t", f"{shown}: each batch adds its noise and none is forgotten")
    return Fate("diverges", f"{q:.4g}^t", f"{shown} is above 1: sampling amplifies the error")


@broadcast
def critical_share(curvature_per_row: Any) -> Floats:
    r"""Return the real share above which the loop is bounded, 1 - (1 + v2/n)^(-1/2), at least 0.

    Parameters
    ----------
    curvature_per_row
        v2/n, at least -1, of any shape: the curvature V''/2 of the variance function over the rows
        that are sampled in a generation.

    Raises
    ------
    InvalidInput
        If it is out of its range.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> print(mc.mixed.critical_share([0.0, 0.1, 1.0]).round(4))
    [0.     0.0465 0.2929]
    """
    each = np.maximum(0.0, per_row(curvature_per_row, np.ones(()), "curvature_per_row"))
    root = np.sqrt(1 + each)
    return plain(each / (root * (1 + root)))


@broadcast
def critical_share_at(temperature: Any, synthetic: Any) -> Floats:
    r"""Return the real share above which a Gaussian loop survives a temperature lambda.

    1 - u with lambda (1 - 1/n) u^2 + (lambda - 1) u - 1 = 0, at least 0 (no real data needed),
    for n sampled rows per generation; 1 - 1/lambda for many of them. Fresh or kept real rows,
    maximum likelihood.
    """
    heat, s = temperatures(temperature), row_counts("synthetic", synthetic)
    a, b = heat * np.maximum(0.0, 1 - 1 / s), heat - 1
    below = b + np.sqrt(b**2 + 4 * a)  # 0 only where nothing can grow
    grows = below > 2
    return plain(np.where(grows, 1 - 2 / np.where(grows, below, 2.0), 0.0))


@broadcast
def smallest_share(
    inflation: Any,
    real: Any,
    synthetic: Any,
    workflow: str = "fresh-data",
    curvature: Any = 0.0,
) -> Floats:
    r"""Return the smallest weight on real rows with which the limiting risk is small enough.

    Parameters
    ----------
    inflation
        The largest n_real E(m_inf - m_0)^2 / V that is allowed: 1 is the real rows' own.
    real, synthetic
        Rows: fresh ones per generation, or those of the kept batch, and sampled ones.
    workflow
        "fresh-data": the larger root u of (1 + k + g I) u^2 - 2u + 1 - I = 0;
        "keep-real": u = sqrt((I - 1) / ((n_1 + v2)/n + g (I - 1))). The share is 1 - u, or 0.
    curvature
        v2, at least -1.

    Raises
    ------
    InvalidInput
        If an argument is out of its range, or no share is enough; the message says why.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> print(mc.mixed.smallest_share(inflation=2.0, real=100, synthetic=1000).round(4))
    0.0242
    """
    if workflow not in WORKFLOWS:
        raise unknown("workflow", workflow, WORKFLOWS)
    wanted = numbers("inflation", inflation, 0.0, np.inf, "give a number above 0", above=True)
    r, s = row_counts("real", real), row_counts("synthetic", synthetic)
    g = 1 + per_row(curvature, s)
    if workflow == "keep-real":
        _require(wanted, np.ones(()), "real rows that are kept leave at least their own error, 1")
        extra = wanted - 1
        below = r * (1 + per_row(curvature, r)) / s + g * extra
        # The two sides vanish together only for v2 = -1 and one real row: no noise is added.
        u = np.sqrt(np.divide(extra, below, out=np.ones_like(below * extra), where=below > 0))
    else:
        least = optimal_weight(real, synthetic, curvature)
        _require(wanted, least, "the optimal weight leaves an inflation equal to itself")
        lead = 1 + r / s + wanted * g
        u = (1 + np.sqrt(np.maximum(0.0, 1 - lead * (1 - wanted)))) / lead
    return plain(np.maximum(0.0, 1 - u))


def _require(wanted: Floats, least: Floats, why: str) -> None:
    wanted, least = np.broadcast_arrays(wanted, least)
    bad = wanted < least * (1 - 4 * np.finfo(float).eps)
    if bad.any():
        raise InvalidInput(
            f"inflation = {wanted[bad].flat[0]:.6g} is not valid: {why}; no share gives less than "
            f"{least[bad].flat[0]:.6g} here"
        )
