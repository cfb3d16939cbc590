"""The wealth of players who bet on each row that the mean of differences exceeds a margin."""

import itertools
import math

import numpy as np

from modelcollapse._support.checks import Floats

# The shares f. The best one is about (mean - m) (w + m)/variance: large where differences are all
# much smaller than the range, and 1/sqrt(rows) where they are as large.
FRACTIONS = np.append([15 / 16, 3 / 4], 0.5 ** np.arange(1.0, 12.0))
BLOCK = 128  # rows whose factors, at least 1/16, are multiplied before a logarithm is taken
FINEST = 1e-6  # of the width: where the search for a bound ends
LARGEST_LOG = math.log(np.finfo(np.float64).max)


def weight(k: int) -> float:
    """Return w_k = 1/(k (k + 1)), whose sum over k = 1, 2, ... is 1."""
    return 1 / (k * (k + 1))


def log_wealths(differences: Floats, width: float, margin: float) -> Floats:
    """Return log prod_i (1 + f (D_i - m)/(w + m)) for each of FRACTIONS.

    Parameters
    ----------
    differences
        Shape (n,), each in [-width, width].
    width, margin
        w and m, with m above -w.
    """
    bets = (differences - margin) / (width + margin)
    factors = 1 + FRACTIONS[:, None] * np.maximum(bets, -1.0)
    starts = range(0, len(bets), BLOCK)
    with np.errstate(over="ignore"):
        blocks = np.multiply.reduceat(factors, starts, axis=1)
    return np.asarray(np.log(blocks).sum(axis=1))


def log_mean(logs: Floats) -> float:
    """Return the logarithm of the mean of numbers that are given by their logarithms."""
    return log_sum(logs) - math.log(len(logs))


def log_sum(logs: Floats) -> float:
    """Return the logarithm of their sum, which may be 0 or infinite."""
    return float(np.logaddexp.reduce(logs))


def lower_bound(differences: Floats, width: float, log_level: float) -> float:
    """Return a number m with log E(m) at least `log_level`, as large as there is.

    E(m), the mean of the wealths, falls with m; that at the differences' mean is at most 1, so
    that m is below it. What is not exact is to the safe side.

    Parameters
    ----------
    differences
        Shape (n,), each in [-width, width].
    width
        w.
    log_level
        Above 0.
    """

    def excess(margin: float) -> float:
        found = log_mean(log_wealths(differences, width, margin)) - log_level
        return min(found, LARGEST_LOG)

    n, high, below = len(differences), float(differences.mean()), -log_level
    # Near a normal law's bound, so that little is left to search.
    step = float(differences.std()) * math.sqrt(2 * log_level / n) + width * log_level / n
    end = width * (FINEST - 1)
    low = max(high - step, end)
    while (above := excess(low)) < 0:
        if low == end:
            return -width
        step *= 2
        high, below, low = low, above, max(low - step, end)
    for turn in itertools.count(1):
        if high - low <= FINEST * width:
            break
        # A chord's root, a little to the low side, whose end is returned; far from a line, and
        # once in a while, the middle, so that the search ends.
        middle = low + above / (above - below) * (high - low) - FINEST / 2 * width
        if not low < middle < high or above > 4 or turn % 4 == 0:
            middle = (low + high) / 2
        found = excess(middle)
        if found < 0:
            high, below = middle, found
        else:
            low, above = middle, found
    return low
