"""Enclosures of limits t -> infinity.

The recursion is run to a large t, and a proved bound on the factors still to come encloses the
limit. A product of T factors in floating point is off by at most 8 T eps, relatively.
"""

from typing import Any

import numpy as np

from modelcollapse.families.gaussian.limits import (
    accumulate_limits,
    subsample_limits,
)
from modelcollapse.ledger.entries.gaussian.exact import last, loop
from modelcollapse.ledger.values import EPS, Computed
from modelcollapse.loop.experiment import predict
from modelcollapse.workflows import Accumulate, AccumulateSubsample, Replace, Workflow

T_LIMIT = 100_000


def accumulate_enclosure() -> tuple[float, float, float]:
    """sum_{j > T} 1/j^2 lies in (1/(T+1), 1/T), and x <= -log(1 - x) <= x/(1 - x)."""
    n, T = 5, T_LIMIT
    e = loop(Accumulate(), n, T)
    reached, slack = last(e), 8 * T * EPS
    low = reached * np.exp(-1 / (n * T) / (1 - 1 / (n * T**2))) * (1 - slack)
    high = reached * np.exp(-1 / (n * (T + 1))) * (1 + slack)
    return float(predict(e).limits["variance"]), low, high


def accumulate_error_enclosure() -> tuple[float, float, float]:
    """The error is what the variance lost."""
    limit, low, high = accumulate_enclosure()
    del limit
    e = loop(Accumulate(), 5, 2)
    return float(predict(e).limits["squared_error"]), 1 - high, 1 - low


def unbiased_enclosure() -> tuple[float, float, float]:
    """Factors 1 - 1/(j(nj - 1)), with 1/(nj(j+1)) < 1/(j(nj-1)) < 1/(n(j-1)j) for j > 1."""
    n, T = 5, T_LIMIT
    e = loop(Accumulate(), n, T, ddof=1)
    reached, slack = last(e), 8 * T * EPS
    low = reached * np.exp(-1 / (n * T) / (1 - 1 / (n * T**2))) * (1 - slack)
    high = reached * np.exp(-1 / (n * (T + 1))) * (1 + slack)
    return float(predict(e).limits["variance"]), low, high


def subsample_enclosure() -> tuple[float, float, float]:
    """The pool loses x_t = (2t - 1 - t/n)/((nt - 1)(t+1)^2), 0 < x_t < 2/((n - 1/t) t (t+1))."""
    n, T = 5, T_LIMIT
    e = loop(AccumulateSubsample(), n, T)
    fit = (T * n - 1) / (T * n)  # the fitted variance is the pool's times (1 - 1/n) tn/(tn - 1)
    reached, slack = last(e) * fit, 8 * T * EPS
    ahead = 2 / ((n - 1 / T) * T)
    low = reached * np.exp(-ahead / (1 - ahead)) * (1 - slack)
    return float(predict(e).limits["variance"]), low, reached * (1 + slack)


def subsample_error_enclosure() -> tuple[float, float, float]:
    """The error is what the variance lost."""
    limit, low, high = subsample_enclosure()
    del limit
    e = loop(AccumulateSubsample(), 5, 2)
    return float(predict(e).limits["squared_error"]), 1 - high, 1 - low


def accumulate_constant() -> tuple[float, float, float]:
    """sin(x)/x is alternating: pi^2/6 - pi^4/(120 n) < n (1 - sin(x)/x) < pi^2/6, x^2 = pi^2/n."""
    n = 10**6
    inflation, slack = n * accumulate_limits(n, 0)[1], 8 * n * EPS
    return np.pi**2 / 6, inflation - slack, inflation + np.pi**4 / (120 * n) + slack


def subsample_constant() -> tuple[float, float, float]:
    """n R = n (1 - (1 - 1/n)^2 prod (1 - x_t)) lies within the sums of its first two orders.

    n R <= 2 + sum n x_t <= c + (c - 2)/(n - 1), and n R >= 2 + sum n x_t - n s^2/2 with
    s = 2/n + sum x_t <= (c + 1)/n and sum n x_t >= c - 2 - 1/n.
    """
    n = 10**6
    inflation = n * subsample_limits(n)[1]
    c, slack = np.pi**2 / 2 - 2, 1e-15 * n * 100  # 1 - V loses log10(n) digits, gamma ratios two
    low, high = inflation - (c - 2) / (n - 1), inflation + 1 / n + (c + 1) ** 2 / (2 * n)
    return c, low - slack, high + slack


def slope(workflow: Workflow, **options: Any) -> Computed:
    """Enclose the exponent a of E v_t ~ t^a by the slope between T and 2T.

    The logarithm of a step is a/t + r_t. At n = 5 the expansion in 1/t gives t^2 |r_t| < 1 for
    accumulate at temperature 1.5 and < 2 for accumulate-subsample with ddof 1; with
    sum_{T < t <= 2T} 1/t = log 2 - 1/(4T) + ..., 4/T bounds the sum of what is left out.
    Rounding adds 16 T eps.
    """

    def compute() -> tuple[float, float, float]:
        T = T_LIMIT
        variance = predict(loop(workflow, 5, 2 * T, **options))["variance"]
        slope = float(np.log2(variance[2 * T - 1] / variance[T - 1]))
        predicted = float(predict(loop(workflow, 5, 2, **options)).exponents["power"])
        radius = (4 / T + 16 * T * EPS) / np.log(2)
        return predicted, slope - radius, slope + radius

    return compute


def replace_survives() -> tuple[float, float, float]:
    """With n_t = 2t^2 the variance keeps a positive share: prod (1 - 1/(2 j^2)), to sin."""
    T = 2000
    reached = last(loop(Replace(), lambda t: 2 * t * t, T))
    limit = float(np.sin(np.pi / np.sqrt(2)) / (np.pi / np.sqrt(2)))
    slack = 8 * T * EPS
    low = reached * np.exp(-1 / (2 * T) / (1 - 1 / (2 * T**2))) * (1 - slack)
    return limit, low, reached * np.exp(-1 / (2 * (T + 1))) * (1 + slack)
