r"""Sliding windows of k batches: O(T k) time, O(T) memory.

Noise of batch s is in the fits t >= s with weights A[t, s] that start at n_s / (n_{t-k+1} + ... +
n_t), wander while the batch leaves the window, and settle geometrically at a constant: it stays in
all later fits (equal batches: 2/(k+1)). So each column of A is followed until it has settled,
about 18 k generations, and counts as a constant from there. Window sums are the end of one block
of k plus the beginning of the next: nothing is subtracted.
"""

import numpy as np

from modelcollapse._support.checks import Floats, Integers, whole
from modelcollapse.solver.parts import at_least
from modelcollapse.solver.scan import grown


def window_errors(sizes: Integers, k: int, v2: float) -> Floats:
    """Return E x_t^2 under a window of k < T batches, shape (T,); to about k 1e-15 relative."""
    from modelcollapse.solver.kernels import added

    n, ends = sizes.astype(float), np.cumsum(sizes)
    totals = ends.copy()
    totals[k:] -= ends[:-k]  # whole numbers: exact
    different = np.flatnonzero(np.diff(sizes))
    same = (int(different[-1]) + 1 if different.size else 0) + k - 1
    errors = np.zeros(len(sizes))
    added(n, totals.astype(float), k, v2, same, errors)
    return grown(errors)


def response(k: int) -> Floats:
    """Return a_0, a_1, ...: A[s + j, s] for equal batches and a full window, until it settles."""
    from modelcollapse.solver.kernels import column

    ones, out = np.ones(64 * k), np.empty(64 * k)
    return out[: column(ones, np.full(64 * k, float(k)), k, 0, out)]


def window_rate(k: int, n: int, curvature: float) -> float:
    r"""Return the factor lambda by which the squared error grows per generation, v2 > 0.

    For equal batches q_t = const + (v2/n) sum_j a_j^2 q_{t-1-j}, a renewal equation: q_t grows
    like lambda^t with (v2/n) sum_j a_j^2 lambda^-(j+1) = 1. k = 1: 1 + v2/n; at most that.

    Parameters
    ----------
    k, n
        Batches in the window and rows per batch.
    curvature
        v2 > 0.
    """
    from scipy.optimize import brentq

    k, n = whole("k", k), whole("n", n)
    v2 = at_least("curvature", curvature, 0, "below 0 the error is bounded")
    if v2 == 0:
        return 1.0
    a, ratio = response(k), v2 / n
    after, constant = np.arange(1, len(a) + 1), (2 / (k + 1)) ** 2

    def excess(log_growth: float) -> float:
        growth = np.exp(log_growth)
        past = np.exp(-after * np.log1p(growth))
        return float(np.log(ratio * (a**2 @ past + constant * past[-1] / growth)))

    # At the lower end the constant part alone exceeds 1; at the upper end a_j <= 1 gives <= 1.
    lowest = np.log(min(ratio * constant / 4, 1 / len(a)))
    with np.errstate(under="ignore"):
        if excess(np.log(ratio)) >= 0:  # k = 1, up to rounding
            return 1 + ratio
        return float(1 + np.exp(brentq(excess, lowest, np.log(ratio), xtol=1e-13)))
