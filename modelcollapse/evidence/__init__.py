"""Statistical tests that are valid at every finite sample size.

Each test compares a claim with independent, identically distributed samples and returns an
`Evidence`. A true claim is rejected with probability at most alpha, and a claim that is wrong by
at least `detectable` is accepted with probability at most beta: both are theorems at the given
number of samples, with no limit theorem and no tolerance. `side` says what is claimed of the mean:
"two" that it equals `claimed`, "above" that it is at most `claimed` (rejected when the estimate is
above), "below" that it is at least `claimed`. Errors of floating-point rounding are not counted.
With fewer samples than `least` no data at all would be rejected: what is then not rejected has not
been tested, and `decidable` says so.

>>> import numpy as np
>>> samples = np.random.default_rng(0).standard_normal(1000)
>>> mean(samples, claimed=0.0, variance=1.0).rejected
False
>>> mean(samples, claimed=0.5, variance=1.0).rejected
True
>>> samples_needed("mean", 0.5, variance=1.0)
717
"""

import math
from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np

from modelcollapse._support.checks import Floats, fraction, named, positive, reals
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.evidence import bounded, catoni
from modelcollapse.evidence.binomial import frequency
from modelcollapse.evidence.bounded import bernstein_mean, bounded_mean
from modelcollapse.evidence.catoni import mean
from modelcollapse.evidence.outcome import Evidence, Side, column, fewest, logs

__all__ = [
    "Evidence",
    "Method",
    "Side",
    "bernstein_mean",
    "bounded_mean",
    "frequency",
    "law",
    "law_distance",
    "mean",
    "same_law",
    "samples_needed",
]

Cdf = Callable[[Floats], Any]
Method = Literal["law", "mean", "bounded_mean", "bernstein_mean"]

ROUNDING = 1e-9  # how far a computed cdf may leave [0, 1] or decrease


def law(samples: Any, cdf: Cdf, *, alpha: float = 1e-9, beta: float = 1e-9) -> Evidence:
    """Test that samples have the cumulative distribution function `cdf`.

    The statistic is the largest |F_n - F| over the samples and their lower neighbours among the
    floating-point numbers, which stand for the limits from the left. It is never above the
    Kolmogorov-Smirnov distance, so ties and atoms cost no false alarms; and as F is monotone
    between samples, it is the largest over all floating-point numbers, so no distance is missed.

    Parameters
    ----------
    samples
        Shape (n,).
    cdf
        F(x) = P(X <= x), from an array of shape (k,) to one of shape (k,), for every real x.
        Where F jumps, F(x) includes the jump at x (the usual convention).
    alpha, beta
        The probabilities of a false alarm and of a miss.

    Returns
    -------
    Evidence
        `threshold` is sqrt(log(2/alpha)/(2n)), `detectable` adds sqrt(log(2/beta)/(2n)); both are
        sup-distances between distribution functions.

    Raises
    ------
    InvalidInput
        If samples are not finite, or the cdf's values are not a distribution function's.

    References
    ----------
    Massart, "The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality", Annals of
    Probability 18(3), 1990, Corollary 1.
    """
    alpha, beta = fraction("alpha", alpha), fraction("beta", beta)
    values, counts = np.unique(column(samples), return_counts=True)
    n = int(counts.sum())
    upto = np.cumsum(counts) / n
    with np.errstate(over="ignore", under="ignore"):
        neighbours = np.nextafter(values, -np.inf)
    at, below = _probabilities("cdf", cdf, values), _probabilities("cdf", cdf, neighbours)
    _require_monotone(np.column_stack([below, at]).ravel())
    gaps = np.abs(upto - at), np.abs(np.append(0.0, upto[:-1]) - below)
    distance = float(max(gaps[0].max(), gaps[1].max()))
    radii = _dkw(alpha, beta)
    threshold, detectable = radii(n)
    least = fewest(lambda k: radii(k)[0] < 1)  # no distance is above 1
    return Evidence("DKW-Massart", distance, distance, threshold, detectable, alpha, beta, n, least)


def law_distance(cdf_a: Cdf, cdf_b: Cdf, points: Any) -> float:
    """Return a lower bound of the sup-distance between two laws: the largest over points.

    If it is at least the `detectable` of `law`, then `law` tells the two laws apart.

    Parameters
    ----------
    cdf_a, cdf_b
        As in `law`.
    points
        Shape (k,).

    Raises
    ------
    InvalidInput
        If points are not finite, or a cdf's values are not in [0, 1].
    """
    x = column(points, "points")
    return float(
        np.abs(_probabilities("cdf_a", cdf_a, x) - _probabilities("cdf_b", cdf_b, x)).max()
    )


def same_law(samples: Any, others: Any, *, alpha: float = 1e-9, beta: float = 1e-9) -> Evidence:
    """Test that two independent samples have the same law, whatever it is.

    The statistic is the largest distance of the two empirical distribution functions. Each is
    within its own DKW-Massart radius of its law but for alpha/2; the threshold is their sum.

    Parameters
    ----------
    samples, others
        Independent values, each of shape (count,); the counts may differ. Infinite values are
        values.
    alpha, beta
        The probabilities of a false alarm, and of missing laws that are `detectable` apart.
    """
    x, y = _ranked("samples", samples), _ranked("others", others)
    grid = np.concatenate([x, y])
    below = [np.searchsorted(z, grid, side="right") / z.size for z in (x, y)]
    gap = float(np.abs(below[0] - below[1]).max())
    radii = _dkw(fraction("alpha", alpha) / 2, fraction("beta", beta) / 2)
    found = [radii(z.size) for z in (x, y)]
    threshold, detectable = (sum(pair) for pair in zip(*found, strict=True))
    n, most = sorted((x.size, y.size))
    each = fewest(lambda k: 2 * radii(k)[0] < 1)
    if most >= each:  # the smaller one may have fewer
        each = fewest(lambda k: radii(k)[0] + radii(most)[0] < 1)
    return Evidence("two-sample DKW-Massart", gap, gap, threshold, detectable, alpha, beta, n, each)


def samples_needed(
    method: Method,
    effect: float,
    *,
    variance: float | None = None,
    low: float | None = None,
    high: float | None = None,
    alpha: float = 1e-9,
    beta: float = 1e-9,
    side: Side = "two",
) -> int:
    """Return the smallest number of samples for which `detectable` is at most `effect`.

    Parameters
    ----------
    method
        "law", "mean" (give `variance`), "bounded_mean" (give `low` and `high`) or "bernstein_mean"
        (give all three, `variance` a bound: `detectable`, which depends on the samples, is then
        at most `effect` with probability at least 1 - beta/2).
    effect
        In the samples' unit; for laws a sup-distance.
    variance, low, high, alpha, beta, side
        As in the function of that name; `law` is always two-sided.

    Raises
    ------
    InvalidInput
        If an argument is missing, or more than 2^62 samples would be needed.
    """
    effect, (L, L_beta) = positive("effect", effect), logs(alpha, beta, side)
    named("method", method, get_args(Method))
    first, scale = 1, 1.0
    if method == "law":
        if side != "two":
            raise invalid("side", side, "a law is tested on both sides; leave it out")
        radii = _dkw(alpha, beta)
    elif method == "mean":
        first, scale = catoni.least_samples(L, L_beta), math.sqrt(positive("variance", variance))
        radii = lambda n: catoni.radii(n, L, L_beta)  # noqa: E731
    elif method == "bernstein_mean":
        first, scale = 2, bounded.checked_width(low, high)
        deviation = math.sqrt(positive("variance", variance)) / scale
        L, M = bounded.bernstein_logs(alpha, beta, side)
        radii = lambda n: bounded.bernstein_radii(  # noqa: E731
            n, deviation + bounded.unseen_deviation(n, M), L, M
        )
    else:
        scale = bounded.checked_width(low, high)
        radii = lambda n: bounded.radii(n, L, L_beta)  # noqa: E731
    # The detectable effect decreases as n grows.
    found = fewest(lambda n: scale * radii(n)[1] <= effect, first)
    if found == math.inf:
        raise invalid("effect", effect, "it needs more than 2^62 samples; give a larger effect")
    return int(found)


def _ranked(name: str, value: Any) -> Floats:
    """Return numbers of shape (n,), sorted; infinite ones are allowed."""
    array = reals(name, value, "give numbers, one per sample: shape (n,)")
    if array.ndim == 0:
        raise invalid(name, value, "give numbers, one per sample: shape (n,)")
    column(np.where(np.isinf(array), 0.0, array), name)
    return np.sort(array.reshape(-1))


def _dkw(alpha: float, beta: float) -> Callable[[int], tuple[float, float]]:
    """Return threshold and detectable effect of `law`, as a function of the number of samples."""
    L, L_beta = logs(alpha, beta, "two")
    return lambda n: bounded.radii(n, L, L_beta + math.log(2))


def _probabilities(name: str, cdf: Cdf, points: Floats) -> Floats:
    """Return the cdf at points, checked to lie in [0, 1]."""
    if not callable(cdf):
        raise invalid(name, cdf, "give a function of an array that returns P(X <= x)")
    with np.errstate(under="ignore"):
        values = reals(f"{name}(x)", cdf(points), "a cdf returns an array of numbers")
    if values.shape != points.shape:
        raise invalid(name, cdf, f"from shape {points.shape} it returned shape {values.shape}")
    bad = np.flatnonzero(~((values >= -ROUNDING) & (values <= 1 + ROUNDING)))
    if len(bad):
        raise invalid(
            f"{name}({float(points[bad[0]])!r})",
            float(values[bad[0]]),
            "a cdf returns a number from 0 to 1 for every real argument",
        )
    return values


def _require_monotone(values: Floats) -> None:
    """Raise InvalidInput if values of a cdf at increasing points decrease."""
    if (drop := float(np.max(-np.diff(values)))) > ROUNDING:
        raise InvalidInput(f"cdf decreases by {drop:.3g} between samples; give P(X <= x)")
