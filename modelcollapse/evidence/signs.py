"""Fair coins: how many of n independent differences are above 0, and their median."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from modelcollapse._support.checks import Floats


class Median(NamedTuple):
    """The median of some numbers, and an interval for that of their law with its confidence."""

    middle: float
    low: float
    high: float
    confidence: float


def at_least(count: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """Return P(Binomial(n, 1/2) >= count)."""
    from scipy.special import betainc

    k, n = np.asarray(count), np.asarray(n)
    return np.where(k <= 0, 1.0, betainc(np.maximum(k, 1), np.maximum(n - k, 0) + 1, 0.5))


def fewest_coins(level: float) -> int:
    """Return how many fair coins show the same side with probability at most `level`."""
    n = max(1, math.floor(-math.log2(level)))
    return n if 0.5**n <= level else n + 1


def median(values: Floats, alpha: float) -> Median:
    """Return the median of independent numbers of one law, and an exact interval for the law's.

    The k-th smallest and the k-th largest of n enclose it with probability at least
    1 - 2 P(Binomial(n, 1/2) < k), whatever the law. The interval is the shortest of these at
    1 - alpha or, where even the smallest and the largest do not reach that, those two, with the
    confidence that they have: 93.75 % of five numbers.

    Parameters
    ----------
    values
        Shape (n,), infinite ones included. Their lower median needs no differences.
    alpha
        The probability that the interval misses the law's median.
    """
    ordered, n = np.sort(values), len(values)
    below = at_least(n - np.arange(n // 2 + 1), n)  # so many or fewer, by symmetry
    k = max(1, int((below <= alpha / 2).sum()))
    confidence = max(0.0, float(1 - 2 * below[k - 1]))
    low, high = float(ordered[k - 1]), float(ordered[-k])
    return Median(float(ordered[(n - 1) // 2]), low, high, confidence)
