"""Catoni's estimator of a mean, and how far it can be from the mean.

Let X_1, ..., X_n be independent with mean m and variance at most v, a > 0, and let psi be odd and
non-decreasing with psi(u) <= log(1 + u + u^2/2). The estimate is a root of the non-increasing
R(theta) = sum psi(a (X_i - theta)). For a fixed theta, with d = theta - m,

    E exp R(theta) <= (1 - a d + (v + d^2) a^2/2)^n <= exp(-n a d + (v + d^2) n a^2/2),

so by Markov R(theta) < -n a d + (v + d^2) n a^2/2 + log(1/eps) with probability at least 1 - eps.
The right side is zero at the smaller root d = r(eps) of

    r = (v + r^2) a/2 + log(1/eps)/(a n),   that is
    r(eps) = (1 - sqrt(D))/a,   D = 1 - a^2 v - 2 log(1/eps)/n,   if D >= 0,

and then R(m + r) < 0: the estimate is below m + r(eps). As psi is odd, it is above m - r(eps) with
the same probability. The bound holds for every a and eps with D >= 0, so that one tuning a gives a
radius at any level. The tuning made for the level e^-L, n > 2 L, is a^2 v = 2 L (n - 2 L)/n^2; at
that level D = (1 - 2 L/n)^2 and r = sqrt(2 L v/(n - 2 L)).

Samples Y_i that are not independent, but near to such X_i, do as well. For an influence psi whose
slope is at most 1, as here, sum |Y_i - X_i| <= n s moves R(theta) by at most n a s. So
r = (v + r^2) a/2 + log(1/eps)/(a n) + s: the r(eps) of D = 1 - a^2 v - 2 log(1/eps)/n - 2 a s.

References
----------
Catoni, "Challenging the empirical mean and empirical variance: a deviation study", Annales de
l'Institut Henri Poincare 48(4), 2012, Proposition 2.4 and its proof.
"""

import math
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, number, positive
from modelcollapse._support.errors import InvalidInput
from modelcollapse.evidence.outcome import Evidence, Side, column, distance, logs

LARGEST = float(np.finfo(np.float64).max)


def mean(
    samples: Any,
    claimed: float,
    variance: float,
    *,
    alpha: float = 1e-9,
    beta: float = 1e-9,
    side: Side = "two",
    slack: float = 0.0,
) -> Evidence:
    """Test a mean by Catoni's estimator, for any law whose variance is bounded.

    Parameters
    ----------
    samples
        Shape (n,).
    claimed
        The claimed mean.
    variance
        A proved upper bound on the variance of one sample; it must hold for the law that the
        samples really have, whatever is claimed.
    alpha, beta
        The probabilities of a false alarm and of a miss.
    side
        "two", "above" or "below".
    slack
        A proved bound on the mean of |Y_i - X_i| where the samples are Y_i, which need not be
        independent, and the claim is of independent X_i.

    Returns
    -------
    Evidence
        `observed` is Catoni's estimate tuned for e^-L = alpha (one-sided) or alpha/2 (two-sided);
        `threshold` is sqrt(2 L variance/(n - 2 L)), or more with slack, and `detectable` adds the
        same estimator's one-sided radius at beta.

    Raises
    ------
    InvalidInput
        If samples are not finite, or too few for these probabilities, or the slack is too large.

    References
    ----------
    Catoni 2012, Proposition 2.4; for both radii see the proof at the top of this module.
    """
    L, L_beta = logs(alpha, beta, side)
    x, claimed = column(samples), number("claimed", claimed)
    deviation, n = math.sqrt(positive("variance", variance)), len(x)
    if n < (least := least_samples(L, L_beta)):
        raise InvalidInput(
            f"samples has {n} entries and alpha = {alpha}, beta = {beta} need at least {least}: "
            "draw more samples, or raise alpha or beta"
        )
    shift = number("slack", slack) / deviation
    if shift < 0 or _discriminant(n, L, max(L, L_beta), shift) < 0:
        raise InvalidInput(
            f"slack = {slack}: give a number from 0 to well below the standard deviation "
            f"{deviation:g}"
        )
    threshold, detectable = (deviation * r for r in radii(n, L, L_beta, shift))
    centre, rest = estimate(x, deviation, L)
    statistic = distance(centre - claimed + rest, side)
    observed = centre + rest
    return Evidence("Catoni", observed, statistic, threshold, detectable, alpha, beta, n, least)


def least_samples(L: float, L_beta: float) -> int:
    """Return the smallest n with a radius at both levels e^-L (n > 2 L) and e^-L_beta (D >= 0)."""
    total = L + L_beta
    return max(math.floor(2 * L) + 1, math.ceil(total + math.sqrt(max(0, total**2 - 4 * L**2))))


def tuning(n: int, L: float) -> float:
    """Return a sqrt(v), at most 1/2, for the level e^-L."""
    return math.sqrt(2 * L * (n - 2 * L)) / n


def radii(n: int, L: float, L_beta: float, shift: float = 0.0) -> tuple[float, float]:
    """Return the radius at e^-L, and that plus the radius at e^-L_beta, in units of sqrt(v).

    Both are radii of the estimator tuned for e^-L; `n` is at least `least_samples(L, L_beta)`, and
    `shift` is the slack in the same units.
    """
    a = tuning(n, L)
    threshold = math.sqrt(2 * L / (n - 2 * L))
    if shift:
        threshold = (a + 2 * L / (n * a) + 2 * shift) / (1 + _root_of(n, L, L, shift))
    below = (a + 2 * L_beta / (n * a) + 2 * shift) / (1 + _root_of(n, L, L_beta, shift))
    return threshold, threshold + below


def _discriminant(n: int, L: float, level: float, shift: float) -> float:
    """Return D of a radius at e^-level, of the estimator tuned for e^-L."""
    a = tuning(n, L)
    return 1 - a**2 - 2 * level / n - 2 * a * shift


def _root_of(n: int, L: float, level: float, shift: float) -> float:
    return math.sqrt(max(0, _discriminant(n, L, level, shift)))


def estimate(samples: Floats, deviation: float, L: float) -> tuple[float, float]:
    """Return two numbers whose sum is the estimate: a sample of middle rank and the rest.

    Parameters
    ----------
    samples
        Shape (n,).
    deviation
        sqrt(v), in the samples' unit.
    L
        The tuning is for the level e^-L.
    """
    middle = len(samples) // 2
    centre = np.partition(samples, middle)[middle]
    with np.errstate(over="ignore", under="ignore"):
        offsets = np.clip(samples - centre, -LARGEST, LARGEST)
        return float(centre), _root(offsets, deviation / tuning(len(samples), L))


def influence(u: Floats) -> tuple[float, float]:
    """Return sum psi(u) and sum psi'(u).

    psi(u) = sign(u) log(1 + |u| + u^2/2), and constant beyond |u| = 1e150, where u^2 would
    overflow; the proof allows that.
    """
    size = np.minimum(np.abs(u), 1e150)
    growth = size + size**2 / 2
    values = np.copysign(np.log1p(growth), u)
    return float(values.sum()), float(((1 + size) / (1 + growth)).sum())


def _root(offsets: Floats, unit: float) -> float:
    """Solve sum psi((offsets - theta) / unit) = 0 for theta; the offsets lie around zero.

    Newton's method inside a bracket: a step that leaves the bracket, or is longer than half the
    step before, is replaced by halving the bracket. |psi''| <= psi', so the slope changes by a
    factor e at most within one unit and a short Newton step means that the root is near.
    """
    low, high = float(offsets.min()), float(offsets.max())
    theta, step = 0.0, math.inf
    while step > 1e-13 * unit:
        value, slope = influence((offsets - theta) / unit)
        low, high = (theta, high) if value > 0 else (low, theta)
        target = theta + unit * (value / slope)
        if not low <= target <= high or abs(target - theta) > step / 2:
            target = low / 2 + high / 2
        theta, step = target, abs(target - theta)
    return theta
