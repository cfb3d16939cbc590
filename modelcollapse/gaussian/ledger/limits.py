"""Limits t -> infinity, by enclosure.

The recursion is run to a large t, and a proved bound on the factors still to come encloses the
limit. A product of T factors in floating point is off by at most 8 T eps, relatively.
"""

from typing import Any

import numpy as np

from modelcollapse.claims import ExactClaim
from modelcollapse.experiment import predict
from modelcollapse.gaussian.formulas import (
    accumulate_limits,
    subsample_limits,
)
from modelcollapse.gaussian.ledger.common import DERIVED, PAPER
from modelcollapse.gaussian.ledger.exact import EPS, Computed, fixed, last, loop
from modelcollapse.theorem import Theorem
from modelcollapse.workflows import Accumulate, AccumulateSubsample, Replace, Workflow

T_LIMIT = 100_000


def _accumulate_enclosure() -> tuple[float, float, float]:
    """sum_{j > T} 1/j^2 lies in (1/(T+1), 1/T), and x <= -log(1 - x) <= x/(1 - x)."""
    n, T = 5, T_LIMIT
    e = loop(Accumulate(), n, T)
    reached, slack = last(e), 8 * T * EPS
    low = reached * np.exp(-1 / (n * T) / (1 - 1 / (n * T**2))) * (1 - slack)
    high = reached * np.exp(-1 / (n * (T + 1))) * (1 + slack)
    return float(predict(e).limits["variance"]), low, high


def _accumulate_error_enclosure() -> tuple[float, float, float]:
    limit, low, high = _accumulate_enclosure()
    del limit
    e = loop(Accumulate(), 5, 2)
    return float(predict(e).limits["squared_error"]), 1 - high, 1 - low


def _unbiased_enclosure() -> tuple[float, float, float]:
    """Factors 1 - 1/(j(nj - 1)), with 1/(nj(j+1)) < 1/(j(nj-1)) < 1/(n(j-1)j) for j > 1."""
    n, T = 5, T_LIMIT
    e = loop(Accumulate(), n, T, ddof=1)
    reached, slack = last(e), 8 * T * EPS
    low = reached * np.exp(-1 / (n * T) / (1 - 1 / (n * T**2))) * (1 - slack)
    high = reached * np.exp(-1 / (n * (T + 1))) * (1 + slack)
    return float(predict(e).limits["variance"]), low, high


def _subsample_enclosure() -> tuple[float, float, float]:
    """The pool loses x_t = (2t - 1 - t/n)/((nt - 1)(t+1)^2), 0 < x_t < 2/((n - 1/t) t (t+1))."""
    n, T = 5, T_LIMIT
    e = loop(AccumulateSubsample(), n, T)
    fit = (T * n - 1) / (T * n)  # the fitted variance is the pool's times (1 - 1/n) tn/(tn - 1)
    reached, slack = last(e) * fit, 8 * T * EPS
    ahead = 2 / ((n - 1 / T) * T)
    low = reached * np.exp(-ahead / (1 - ahead)) * (1 - slack)
    return float(predict(e).limits["variance"]), low, reached * (1 + slack)


def _subsample_error_enclosure() -> tuple[float, float, float]:
    limit, low, high = _subsample_enclosure()
    del limit
    e = loop(AccumulateSubsample(), 5, 2)
    return float(predict(e).limits["squared_error"]), 1 - high, 1 - low


def _accumulate_constant() -> tuple[float, float, float]:
    """sin(x)/x is alternating: pi^2/6 - pi^4/(120 n) < n (1 - sin(x)/x) < pi^2/6, x^2 = pi^2/n."""
    n = 10**6
    inflation, slack = n * accumulate_limits(n, 0)[1], 8 * n * EPS
    return np.pi**2 / 6, inflation - slack, inflation + np.pi**4 / (120 * n) + slack


def _subsample_constant() -> tuple[float, float, float]:
    """n R = n (1 - (1 - 1/n)^2 prod (1 - x_t)) lies within the sums of its first two orders.

    n R <= 2 + sum n x_t <= c + (c - 2)/(n - 1), and n R >= 2 + sum n x_t - n s^2/2 with
    s = 2/n + sum x_t <= (c + 1)/n and sum n x_t >= c - 2 - 1/n.
    """
    n = 10**6
    inflation = n * subsample_limits(n)[1]
    c, slack = np.pi**2 / 2 - 2, 1e-15 * n * 100  # 1 - V loses log10(n) digits, gamma ratios two
    low, high = inflation - (c - 2) / (n - 1), inflation + 1 / n + (c + 1) ** 2 / (2 * n)
    return c, low - slack, high + slack


def _slope(workflow: Workflow, **options: Any) -> Computed:
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


def _replace_survives() -> tuple[float, float, float]:
    """With n_t = 2t^2 the variance keeps a positive share: prod (1 - 1/(2 j^2)), to sin."""
    T = 2000
    reached = last(loop(Replace(), lambda t: 2 * t * t, T))
    limit = float(np.sin(np.pi / np.sqrt(2)) / (np.pi / np.sqrt(2)))
    slack = 8 * T * EPS
    low = reached * np.exp(-1 / (2 * T) / (1 - 1 / (2 * T**2))) * (1 - slack)
    return limit, low, reached * np.exp(-1 / (2 * (T + 1))) * (1 + slack)


THEOREMS = [
    Theorem(
        "gaussian/accumulate/limit",
        "Under accumulate the expected variance converges to sigma_0^2 sin(pi/sqrt n)/(pi/sqrt n).",
        r"\lim E v_t=\sigma_0^2\,\frac{\sin(\pi/\sqrt n)}{\pi/\sqrt n}",
        PAPER,
        "equal batches; ddof 0",
        "limit",
        f"n=5 t={T_LIMIT}",
        ExactClaim(
            _accumulate_enclosure,
            {
                "1 - 1/n": fixed(0.8),
                "accumulate-subsample's": lambda: subsample_limits(5)[0],
                "to leading order": fixed(1 - np.pi**2 / 30),
                "2 % more": lambda: 1.02 * accumulate_limits(5, 0)[0],
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/limit-squared-error",
        "The squared error converges to what the variance lost, about pi^2/6 of one batch's.",
        r"\lim E(m_t-\mu_0)^2=\sigma_0^2\left(1-\frac{\sin(\pi/\sqrt n)}{\pi/\sqrt n}\right)",
        PAPER,
        "equal batches; ddof 0",
        "limit",
        f"n=5 t={T_LIMIT}",
        ExactClaim(
            _accumulate_error_enclosure,
            {
                "pi^2/(6n)": fixed(np.pi**2 / 30),
                "real data only": fixed(0.2),
                "accumulate-subsample's": lambda: subsample_limits(5)[1],
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/pi-squared-over-6",
        "With many rows per batch accumulating for ever costs pi^2/6 times the error of real "
        "data alone.",
        r"\lim_n \lim_t n\,E(m_t-\mu_0)^2/\sigma_0^2=\pi^2/6",
        "Gerstgrasser et al., arXiv 2404.01413; Dey & Donoho, arXiv 2410.22812",
        "equal batches; ddof 0",
        "limit",
        "n=10^6",
        ExactClaim(
            _accumulate_constant,
            {
                "no cost": fixed(1.0),
                "3/2": fixed(1.5),
                "pi^2/6 - 1": fixed(np.pi**2 / 6 - 1),
                "2 % more": fixed(1.02 * np.pi**2 / 6),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/limit-unbiased",
        "With the unbiased variance accumulate's expected variance converges too, to a ratio of "
        "gamma functions.",
        r"\lim E v_t=\sigma_0^2\frac{\Gamma(2-1/n)}{\Gamma(2-a)\Gamma(2-b)},\ "
        r"a,b=\frac{1\pm\sqrt{1+4n}}{2n}",
        DERIVED,
        "equal batches; ddof 1",
        "limit",
        f"n=5 t={T_LIMIT}",
        ExactClaim(
            _unbiased_enclosure,
            {
                "maximum likelihood's": lambda: accumulate_limits(5, 0)[0],
                "that times n/(n-1)": lambda: accumulate_limits(5, 0)[0] * 5 / 4,
                "preserved": fixed(1.0),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate-subsample/limit",
        "At a fixed budget the loop settles too: its squared error is (pi^2/2 - 2) sigma_0^2/n to "
        "leading order, between accumulate's pi^2/6 and replace's t.",
        r"\lim_n\lim_t n\,E(m_t-\mu_0)^2/\sigma_0^2=\pi^2/2-2",
        DERIVED,
        "equal batches, budget n; ddof 0",
        "limit",
        "n=10^6",
        ExactClaim(
            _subsample_constant,
            {
                "accumulate's pi^2/6": fixed(np.pi**2 / 6),
                "pi^2/6 + 1": fixed(np.pi**2 / 6 + 1),
                "3": fixed(3.0),
                "2 % more": fixed(1.02 * (np.pi**2 / 2 - 2)),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate-subsample/limit-exact",
        "At every n the limit is a ratio of gamma functions.",
        r"Q_\infty=\sigma_0^2(1-\tfrac1n)\frac{\Gamma(1-1/n)}{\Gamma(1-a)\Gamma(1-b)}",
        DERIVED,
        "equal batches, budget n; ddof 0",
        "limit",
        f"n=5 t={T_LIMIT}",
        ExactClaim(
            _subsample_enclosure,
            {
                "accumulate's": lambda: accumulate_limits(5, 0)[0],
                "the pool's": lambda: subsample_limits(5)[0] * 5 / 4,
                "to leading order": fixed(1 - (np.pi**2 / 2 - 2) / 5),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate-subsample/limit-squared-error",
        "The squared error converges to what the variance lost.",
        r"\lim E(m_t-\mu_0)^2=\sigma_0^2-\lim E v_t",
        DERIVED,
        "equal batches, budget n; ddof 0",
        "limit",
        f"n=5 t={T_LIMIT}",
        ExactClaim(
            _subsample_error_enclosure,
            {
                "accumulate's": lambda: accumulate_limits(5, 0)[1],
                "to leading order": fixed((np.pi**2 / 2 - 2) / 5),
                "real data only": fixed(0.2),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate-subsample/unbiased-diverges",
        "With the unbiased variance accumulate-subsample explodes, like t^(1/n).",
        r"E v_t\sim t^{1/n}",
        DERIVED,
        "equal batches, budget n; ddof 1",
        "limit",
        f"n=5 t={T_LIMIT}",
        ExactClaim(
            _slope(AccumulateSubsample(), ddof=1),
            {
                "bounded": fixed(0.0),
                "t^(1/(n-1))": fixed(0.25),
                "t^(1/(2n))": fixed(0.1),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/temperature-power",
        "A sampler at temperature lambda makes accumulate's variance grow or shrink like a power "
        "of t.",
        r"E v_t\sim t^{\lambda-1}",
        DERIVED,
        "equal batches; ddof 0",
        "limit",
        f"n=5 lambda=1.5 t={T_LIMIT}",
        ExactClaim(
            _slope(Accumulate(), temperature=1.5),
            {
                "bounded": fixed(0.0),
                "lambda (1 - 1/n) - 1": fixed(1.5 * 0.8 - 1),
                "log lambda": fixed(float(np.log(1.5))),
                "2 % more": fixed(1.02 * 0.5),
            },
        ),
    ),
    Theorem(
        "gaussian/replace/vanishes-iff",
        "Under replace the variance survives exactly if sum 1/n_t is finite; n_t = 2 t^2 keeps "
        "sin(pi/sqrt 2)/(pi/sqrt 2) of it.",
        r"\lim E v_t>0\iff\sum_t 1/n_t<\infty",
        "Xu et al., arXiv 2505.13947, sharpened here",
        "ddof 0",
        "limit",
        "n_t=2t^2 t=2000",
        ExactClaim(
            _replace_survives,
            {
                "n_t = 2t: it vanishes": lambda: last(loop(Replace(), lambda t: 2 * t, 2000)),
                "n_t = 2t^3": lambda: last(loop(Replace(), lambda t: 2 * t**3, 2000)),
                "constant: it vanishes": lambda: last(loop(Replace(), 2, 2000)),
            },
        ),
    ),
]
