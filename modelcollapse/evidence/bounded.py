"""Tests of the mean of bounded samples: Hoeffding, and Maurer and Pontil."""

import math
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, number
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.evidence.outcome import (
    Evidence,
    Side,
    column,
    distance,
    fewest,
    logs,
    sides,
)


def bounded_mean(
    samples: Any,
    claimed: float,
    low: float,
    high: float,
    *,
    alpha: float = 1e-9,
    beta: float = 1e-9,
    side: Side = "two",
) -> Evidence:
    """Test the mean of samples in [low, high] by Hoeffding's inequality.

    Parameters
    ----------
    samples
        Shape (n,), every entry in [low, high].
    claimed
        The claimed mean.
    low, high
        Proved bounds on every sample.
    alpha, beta
        The probabilities of a false alarm and of a miss.
    side
        "two", "above" or "below".

    Returns
    -------
    Evidence
        `threshold` is (high - low) sqrt(log(s/alpha)/(2n)), s the number of sides; `detectable`
        adds (high - low) sqrt(log(1/beta)/(2n)).

    Raises
    ------
    InvalidInput
        If a sample is outside the bounds or not finite, or the bounds are not in order.

    References
    ----------
    Hoeffding, "Probability inequalities for sums of bounded random variables", Journal of the
    American Statistical Association 58, 1963, Theorem 2.
    """
    L, L_beta = logs(alpha, beta, side)
    width = checked_width(low, high)
    z, claim = unit_samples(samples, low, high), (number("claimed", claimed) - low) / width
    n = len(z)
    with np.errstate(under="ignore"):
        average = float(z.mean())
    threshold, detectable = (width * r for r in radii(n, L, L_beta))
    statistic = width * distance(average - claim, side)
    observed, reach = low + width * average, _reach(claim, side)
    least = fewest(lambda k: radii(k, L, L_beta)[0] < reach)
    return Evidence("Hoeffding", observed, statistic, threshold, detectable, alpha, beta, n, least)


def bernstein_mean(
    samples: Any,
    claimed: float,
    low: float,
    high: float,
    *,
    alpha: float = 1e-9,
    beta: float = 1e-9,
    side: Side = "two",
) -> Evidence:
    """Test the mean of samples in [low, high] by Maurer and Pontil's empirical Bernstein bound.

    It is sharper than `bounded_mean` where the unknown variance is far below (high - low)^2/4.
    With w = high - low, V the sample variance (ddof 1), s the number of sides and
    L = log((s + 1)/alpha),

        threshold = sqrt(2 V L/n) + 7 w L/(3 (n - 1)).

    The sides share the bound on the variance, so s + 1 events of probability e^-L suffice.

    The threshold depends on the samples, and so does `detectable`. With M = log(2/beta),
    u = w sqrt(2 M/(n - 1)) and a standard deviation sigma, let

        D(sigma) = (sigma + u) sqrt(2 L/n) + 7 w L/(3 (n - 1)) + sigma sqrt(2 M/n) + w M/(3 n).

    A truth at least D(sigma) from the claim, with sigma its standard deviation, is rejected with
    probability at least 1 - beta: D(sigma) is deterministic, but sigma is unknown. Returned is
    `detectable` = D(min(sqrt(V) + u, w/2)), for which two things are proved whatever sigma is:

    1. it is at least D(sigma), with probability at least 1 - beta/2;
    2. the probability that the truth is at least `detectable` from the claim and the claim is not
       rejected on the same samples is at most beta.

    Parameters
    ----------
    samples
        Shape (n,), every entry in [low, high], n at least 2.
    claimed
        The claimed mean.
    low, high
        Proved bounds on every sample.
    alpha, beta
        The probabilities of a false alarm and of a miss.
    side
        "two", "above" or "below".

    Raises
    ------
    InvalidInput
        If a sample is outside the bounds or not finite, or the bounds are not in order.

    References
    ----------
    Maurer and Pontil, "Empirical Bernstein bounds and sample variance penalization", COLT 2009,
    Theorem 3 (Bernstein), Theorem 4 and its proof (threshold), Theorem 10 (sqrt(V) within u of
    sigma, each way with probability at least 1 - beta/2).
    """
    L, M = bernstein_logs(alpha, beta, side)
    width = checked_width(low, high)
    z = unit_samples(samples, low, high, minimum=2)
    claim = (number("claimed", claimed) - low) / width
    n = len(z)
    with np.errstate(under="ignore"):
        average, deviation = float(z.mean()), float(z.std(ddof=1))
    threshold, detectable = (width * r for r in bernstein_radii(n, deviation, L, M))
    statistic, observed = width * distance(average - claim, side), low + width * average
    reach = _reach(claim, side)
    least = fewest(lambda k: _linear(k, L) < reach, 2)  # of samples that are all at one end
    return Evidence(
        "empirical Bernstein", observed, statistic, threshold, detectable, alpha, beta, n, least
    )


def radii(n: int, L: float, L_beta: float) -> tuple[float, float]:
    """Return threshold and detectable effect of `bounded_mean` in units of the width."""
    threshold = math.sqrt(L / (2 * n))
    return threshold, threshold + math.sqrt(L_beta / (2 * n))


def bernstein_logs(alpha: float, beta: float, side: Side) -> tuple[float, float]:
    """Return L = log((s + 1)/alpha), s the number of sides, and M = log(2/beta)."""
    L, L_beta = logs(alpha, beta, side)
    return L - math.log(sides(side)) + math.log(sides(side) + 1), L_beta + math.log(2)


def bernstein_radii(n: int, deviation: float, L: float, M: float) -> tuple[float, float]:
    """Return threshold and detectable effect of `bernstein_mean` in units of the width."""
    u, linear = unseen_deviation(n, M), _linear(n, L)
    sigma = min(deviation + u, 0.5)
    radius = sigma * math.sqrt(2 * M / n) + M / (3 * n)
    threshold = deviation * math.sqrt(2 * L / n) + linear
    return threshold, (sigma + u) * math.sqrt(2 * L / n) + linear + radius


def unseen_deviation(n: int, M: float) -> float:
    """Return how far a sample's standard deviation may be off, each way with chance e^-M."""
    return math.sqrt(2 * M / (n - 1))


def _reach(claim: float, side: Side) -> float:
    """Return the largest distance of an average in [0, 1] from the claim."""
    return max(distance(end - claim, side) for end in (0.0, 1.0))


def _linear(n: int, L: float) -> float:
    """Return the part of Maurer and Pontil's threshold that no small variance takes away."""
    return 7 * L / (3 * (n - 1))


def checked_width(low: Any, high: Any) -> float:
    """Return high - low, above zero and finite."""
    width = number("high", high) - number("low", low)
    if not 0 < width < math.inf:
        raise InvalidInput(f"low = {low!r} and high = {high!r}: give low < high, not too far apart")
    return width


def unit_samples(samples: Any, low: float, high: float, minimum: int = 1) -> Floats:
    """Return (samples - low)/(high - low), checked to lie in [0, 1]."""
    x = column(samples, minimum=minimum)
    outside = np.flatnonzero((x < low) | (x > high))
    if len(outside):
        raise invalid(
            f"samples[{outside[0]}]",
            float(x[outside[0]]),
            f"every sample must lie in [{low}, {high}] ({len(outside)} do not); give bounds that "
            "are proved, or use `mean` with a variance",
        )
    with np.errstate(under="ignore"):
        return np.asarray((x - low) / (high - low))
