"""The exact test of a probability."""

import math
from bisect import bisect_left, bisect_right

from modelcollapse._support.checks import fraction, number, whole
from modelcollapse._support.errors import invalid
from modelcollapse.evidence.outcome import Evidence, Side, distance, fewest, sides


def frequency(
    count: int,
    n: int,
    claimed: float,
    *,
    alpha: float = 1e-9,
    beta: float = 1e-9,
    side: Side = "two",
) -> Evidence:
    """Test a probability by the exact binomial test, `count` successes in `n` trials.

    Parameters
    ----------
    count, n
        Whole numbers, 0 <= count <= n and n at least 1.
    claimed
        The claimed probability, in [0, 1].
    alpha, beta
        The probabilities of a false alarm and of a miss.
    side
        "two", "above" or "below".

    Returns
    -------
    Evidence
        `threshold` is the distance from count/n to the end of the Clopper-Pearson interval of level
        1 - alpha (one-sided where `side` is) that lies towards the claim: the claim is rejected if
        it is outside. `detectable` is exact: the distance from the claim to the nearest truth that
        is rejected for being on its own side with probability 1 - beta, and the larger of the two
        distances if two-sided. Where no truth on a side can be detected, it is just more than the
        distance to that end of [0, 1].

    Raises
    ------
    InvalidInput
        If the counts are not whole numbers in order, or `claimed` is outside [0, 1].

    References
    ----------
    Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the
    binomial", Biometrika 26, 1934.
    """
    tail = fraction("alpha", alpha) / sides(side)
    n, count = whole("n", n), whole("count", count, minimum=0)
    if count > n:
        raise invalid("count", count, f"it must be at most n = {n}")
    claimed = number("claimed", claimed)
    if not 0 <= claimed <= 1:
        raise invalid("claimed", claimed, "give a probability, from 0 to 1")
    observed = count / n
    upwards = side == "above" or (side == "two" and observed > claimed)
    end = _lower(count, n, tail) if upwards else _upper(count, n, tail)
    detectable = _detectable(n, claimed, tail, fraction("beta", beta), side)
    statistic, threshold = distance(observed - claimed, side), abs(observed - end)
    least = fewest(lambda k: _rejects(k, claimed, tail, side))
    return Evidence("binomial", observed, statistic, threshold, detectable, alpha, beta, n, least)


def _lower(count: int, n: int, tail: float) -> float:
    """Return the p with P(Binomial(n, p) >= count) = tail."""
    from scipy.special import betaincinv

    return 0.0 if count == 0 else float(betaincinv(count, n - count + 1, tail))


def _upper(count: int, n: int, tail: float) -> float:
    """Return the p with P(Binomial(n, p) <= count) = tail."""
    from scipy.special import betainccinv

    return 1.0 if count == n else float(betainccinv(count + 1, n - count, tail))


def _rejects(n: int, claimed: float, tail: float, side: Side) -> bool:
    """Return whether so many trials that all succeed, or all fail, reject the claim."""
    above = side != "below" and 1 - claimed > 1 - _lower(n, n, tail)
    return above or (side != "above" and claimed > _upper(0, n, tail))


def _detectable(n: int, claimed: float, tail: float, beta: float, side: Side) -> float:
    """Return the detectable effect of `frequency`."""
    counts = range(n + 1)
    distances = []
    if side != "below":  # counts from `first` on are rejected
        first = bisect_right(counts, claimed, key=lambda k: _lower(k, n, tail))
        room = math.nextafter(1 - claimed, 2)
        distances.append(room if first > n else _upper(first - 1, n, beta) - claimed)
    if side != "above":  # counts below `end` are rejected
        end = bisect_left(counts, claimed, key=lambda k: _upper(k, n, tail))
        room = math.nextafter(claimed, 2)
        distances.append(room if end == 0 else claimed - _lower(end, n, beta))
    return max(distances)
