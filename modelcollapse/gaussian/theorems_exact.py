"""The ledger's entries that need no chance: identities, limits and bounds over schedules.

A limit is checked by an enclosure: the recursion run to a large t, and a proved bound on the
factors still to come. Two routes to the same number may differ by rounding only: `T` products
of floats differ by at most 8 T eps relative to each other.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from modelcollapse.claims import ExactClaim
from modelcollapse.experiment import Experiment, predict
from modelcollapse.gaussian.estimator import Gaussian
from modelcollapse.gaussian.formulas import (
    accumulate_limits,
    fresh_data_inflation,
    optimal_fresh_weight,
    subsample_limits,
)
from modelcollapse.gaussian.theorems_replace import DERIVED, PAPER
from modelcollapse.theorem import Theorem
from modelcollapse.workflows import Accumulate, AccumulateSubsample, KeepReal, Replace, Workflow

EPS = float(np.finfo(float).eps)
Computed = Callable[[], tuple[float, float, float]]
Number = Callable[[], float]


def _loop(workflow: Workflow, n: Any, T: int, **options: Any) -> Experiment:
    return Experiment(Gaussian(ddof=options.pop("ddof", 0)), workflow, n, T, **options)


def _last(e: Experiment, name: str = "variance") -> float:
    return float(predict(e)[name][-1])


def _enclosed(value: Number, low: Number, high: Number) -> Computed:
    return lambda: (value(), low(), high())


def _same(first: Number, second: Number, steps: int) -> Computed:
    """Claim that two routes agree up to the rounding of `steps` operations."""

    def compute() -> tuple[float, float, float]:
        other, slack = second(), 8 * steps * EPS
        return first(), other * (1 - slack), other * (1 + slack)

    return compute


def _fixed(value: float) -> Number:
    return lambda: value


T_LIMIT = 100_000


def _accumulate_enclosure() -> tuple[float, float, float]:
    """sum_{j > T} 1/j^2 lies in (1/(T+1), 1/T), and x <= -log(1 - x) <= x/(1 - x)."""
    n, T = 5, T_LIMIT
    e = _loop(Accumulate(), n, T)
    reached, slack = _last(e), 8 * T * EPS
    low = reached * np.exp(-1 / (n * T) / (1 - 1 / (n * T**2))) * (1 - slack)
    high = reached * np.exp(-1 / (n * (T + 1))) * (1 + slack)
    return float(predict(e).limits["variance"]), low, high


def _accumulate_error_enclosure() -> tuple[float, float, float]:
    limit, low, high = _accumulate_enclosure()
    del limit
    e = _loop(Accumulate(), 5, 2)
    return float(predict(e).limits["squared_error"]), 1 - high, 1 - low


def _unbiased_enclosure() -> tuple[float, float, float]:
    """Factors 1 - 1/(j(nj - 1)), with 1/(nj(j+1)) < 1/(j(nj-1)) < 1/(n(j-1)j) for j > 1."""
    n, T = 5, T_LIMIT
    e = _loop(Accumulate(), n, T, ddof=1)
    reached, slack = _last(e), 8 * T * EPS
    low = reached * np.exp(-1 / (n * T) / (1 - 1 / (n * T**2))) * (1 - slack)
    high = reached * np.exp(-1 / (n * (T + 1))) * (1 + slack)
    return float(predict(e).limits["variance"]), low, high


def _subsample_enclosure() -> tuple[float, float, float]:
    """The pool loses x_t = (2t - 1 - t/n)/((nt - 1)(t+1)^2), 0 < x_t < 2/((n - 1/t) t (t+1))."""
    n, T = 5, T_LIMIT
    e = _loop(AccumulateSubsample(), n, T)
    fit = (T * n - 1) / (T * n)  # the fitted variance is the pool's times (1 - 1/n) tn/(tn - 1)
    reached, slack = _last(e) * fit, 8 * T * EPS
    ahead = 2 / ((n - 1 / T) * T)
    low = reached * np.exp(-ahead / (1 - ahead)) * (1 - slack)
    return float(predict(e).limits["variance"]), low, reached * (1 + slack)


def _subsample_error_enclosure() -> tuple[float, float, float]:
    limit, low, high = _subsample_enclosure()
    del limit
    e = _loop(AccumulateSubsample(), 5, 2)
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


def _power_enclosure() -> tuple[float, float, float]:
    """Between T and 2T the pool gains prod (1 + a/t + O(1/t^2)): the slope is a + O(1/T)."""
    n, T = 5, T_LIMIT
    variance = predict(_loop(AccumulateSubsample(), n, 2 * T, ddof=1))["variance"]
    slope = float(np.log2(variance[2 * T - 1] / variance[T - 1]))
    predicted = predict(_loop(AccumulateSubsample(), n, 2, ddof=1)).exponents["power"]
    # The O(1/t^2) terms of the factor stay below 4/t^2; their sum from T on is below 4/T.
    return float(predicted), slope - 4 / T / np.log(2), slope + 4 / T / np.log(2)


def _schedules() -> Iterator[Any]:
    yield from (5, 50, [2**s for s in range(2, 32)], [s * s + 1 for s in range(1, 31)])
    yield [1000, *[1] * 200_000]
    yield [1000, *[1000 * s for s in range(1, 30)]]


def _inflations() -> tuple[float, float, float]:
    """Return the largest n_1 E(m_t - mu_0)^2 / s0^2 over schedules, and that it is below 2."""
    worst = 0.0
    for schedule in _schedules():
        T = 1000 if isinstance(schedule, int) else len(schedule)
        e = _loop(Accumulate(), schedule, T)
        worst = max(worst, float(e.sizes[0] * predict(e)["squared_error"][-1]))
    return 2.0, worst, np.inf


def _equivalent(power: Callable[[int], int]) -> Number:
    return lambda: _last(_loop(Replace(), lambda t: 7 * power(t), 40))


def _replace_survives() -> tuple[float, float, float]:
    """With n_t = 2t^2 the variance keeps a positive share: prod (1 - 1/(2 j^2)), to sin."""
    T = 2000
    reached = _last(_loop(Replace(), lambda t: 2 * t * t, T))
    limit = float(np.sin(np.pi / np.sqrt(2)) / (np.pi / np.sqrt(2)))
    slack = 8 * T * EPS
    low = reached * np.exp(-1 / (2 * T) / (1 - 1 / (2 * T**2))) * (1 - slack)
    return limit, low, reached * np.exp(-1 / (2 * (T + 1))) * (1 + slack)


def _product(T: int, first: float, second: float) -> Number:
    """Return E v_T^2 under accumulate, prod_j [(1 - 1/(n j^2))^2 + variance of the factor]."""

    def value() -> float:
        n, j = 6, np.arange(1, T + 1)
        spread = first * (n - 1) + second * ((j - 1) / j) ** 2
        return float(np.prod((1 - 1 / (n * j**2)) ** 2 + spread / (j**2 * n**2)))

    return value


def _second_moment() -> float:
    p = predict(_loop(Accumulate(), 6, 12))
    return float(p.variances["variance"][-1] + p["variance"][-1] ** 2)


def _rational_fit(ddof: int, weighted: bool = True) -> Fraction:
    """Return the fitted second moment over the training rows', in rationals, for ragged data."""
    rows = [Fraction(k * k + 3, 7 - k % 5) for k in range(11)]
    weights = [Fraction(k + 1) if weighted else Fraction(1) for k in range(11)]
    total = sum(weights)
    weights = [w / total for w in weights]
    mean = sum(w * x for w, x in zip(weights, rows, strict=True))
    scatter = sum(w * (x - mean) ** 2 for w, x in zip(weights, rows, strict=True))
    divisor = 1 - ddof * sum(w * w for w in weights)
    true_weights = [Fraction(k + 1, 66) for k in range(11)]
    raw = sum(w * x * x for w, x in zip(true_weights, rows, strict=True))
    return (mean**2 + scatter / divisor) / raw


def _fixed_point(k: float, weight: float) -> float:
    """Iterate R <- w^2 + (1-w)^2 (R + k), the risk in units of s0^2/n_real."""
    risk = 0.0
    for _ in range(4000):
        risk = weight**2 + (1 - weight) ** 2 * (risk + k)
    return risk


def _golden_minimum() -> tuple[float, float, float]:
    """The smallest inflation over a grid of weights encloses the minimum at the optimum.

    The inflation is convex with curvature below 40 for weights above 0.2, so a grid of step h
    that contains no better weight is above the minimum by at most 40 h^2/8.
    """
    h = 1e-4
    grid = np.arange(0.2, 1.0, h)
    least = min(_fixed_inflation(float(w)) for w in grid)
    return optimal_fresh_weight(1.0), least - 5 * h**2, least + 1e-12


def _fixed_inflation(weight: float) -> float:
    return fresh_data_inflation(weight, 1.0)


LIMITS = [
    Theorem(
        "gaussian/accumulate/limit",
        "Under accumulate the expected variance converges to sigma_0^2 sin(pi/sqrt n)/(pi/sqrt n).",
        r"\lim E v_t=\sigma_0^2\,\frac{\sin(\pi/\sqrt n)}{\pi/\sqrt n}",
        PAPER,
        "equal batches; ddof 0",
        "limit",
        f"n=5, recursion to t={T_LIMIT}",
        ExactClaim(
            _accumulate_enclosure,
            {
                "1 - 1/n": _fixed(0.8),
                "accumulate-subsample's": lambda: subsample_limits(5)[0],
                "to leading order": _fixed(1 - np.pi**2 / 30),
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
        f"n=5, recursion to t={T_LIMIT}",
        ExactClaim(
            _accumulate_error_enclosure,
            {
                "pi^2/(6n)": _fixed(np.pi**2 / 30),
                "real data only": _fixed(0.2),
                "accumulate-subsample's": lambda: subsample_limits(5)[1],
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/pi-squared-over-6",
        "Many rows per batch: accumulating for ever costs pi^2/6 times the error of real data only.",
        r"\lim_n \lim_t n\,E(m_t-\mu_0)^2/\sigma_0^2=\pi^2/6",
        "Gerstgrasser et al., arXiv 2404.01413; Dey & Donoho, arXiv 2410.22812",
        "equal batches; ddof 0",
        "limit",
        "n=10^6",
        ExactClaim(
            _accumulate_constant,
            {
                "no cost": _fixed(1.0),
                "3/2": _fixed(1.5),
                "pi^2/6 - 1": _fixed(np.pi**2 / 6 - 1),
                "2 % more": _fixed(1.02 * np.pi**2 / 6),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/limit-unbiased",
        "With the unbiased variance accumulate's expected variance converges too, to a gamma ratio.",
        r"\lim E v_t=\sigma_0^2\frac{\Gamma(2-1/n)}{\Gamma(2-a)\Gamma(2-b)},\ "
        r"a,b=\frac{1\pm\sqrt{1+4n}}{2n}",
        DERIVED,
        "equal batches; ddof 1",
        "limit",
        f"n=5, recursion to t={T_LIMIT}",
        ExactClaim(
            _unbiased_enclosure,
            {
                "maximum likelihood's": lambda: accumulate_limits(5, 0)[0],
                "that times n/(n-1)": lambda: accumulate_limits(5, 0)[0] * 5 / 4,
                "preserved": _fixed(1.0),
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
                "accumulate's pi^2/6": _fixed(np.pi**2 / 6),
                "pi^2/6 + 1": _fixed(np.pi**2 / 6 + 1),
                "3": _fixed(3.0),
                "2 % more": _fixed(1.02 * (np.pi**2 / 2 - 2)),
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
        f"n=5, recursion to t={T_LIMIT}",
        ExactClaim(
            _subsample_enclosure,
            {
                "accumulate's": lambda: accumulate_limits(5, 0)[0],
                "the pool's": lambda: subsample_limits(5)[0] * 5 / 4,
                "to leading order": _fixed(1 - (np.pi**2 / 2 - 2) / 5),
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
        f"n=5, recursion to t={T_LIMIT}",
        ExactClaim(
            _subsample_error_enclosure,
            {
                "accumulate's": lambda: accumulate_limits(5, 0)[1],
                "to leading order": _fixed((np.pi**2 / 2 - 2) / 5),
                "real data only": _fixed(0.2),
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
        f"n=5, slope from t={T_LIMIT} on",
        ExactClaim(
            _power_enclosure,
            {
                "bounded": _fixed(0.0),
                "t^(1/(n-1))": _fixed(0.25),
                "t^(1/(2n))": _fixed(0.1),
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
        "n_t=2t^2, t=2000",
        ExactClaim(
            _replace_survives,
            {
                "n_t = 2t: it vanishes": lambda: _last(_loop(Replace(), lambda t: 2 * t, 2000)),
                "n_t = 2t^3": lambda: _last(_loop(Replace(), lambda t: 2 * t**3, 2000)),
                "constant: it vanishes": lambda: _last(_loop(Replace(), 2, 2000)),
            },
        ),
    ),
]

IDENTITIES = [
    Theorem(
        "gaussian/conservation-one-step",
        "The fit reproduces its rows' second moment exactly: one step of the conservation law, "
        "for any rows and weights.",
        r"m^2+S=\sum_i w_ix_i^2",
        DERIVED,
        "any finite data, any row weights; ddof 0",
        "identity",
        "rationals, 11 rows",
        ExactClaim(
            lambda: (float(_rational_fit(0)), 1.0, 1.0),
            {
                "ddof 1": lambda: float(_rational_fit(1)),
                "weights ignored": lambda: float(_rational_fit(0, weighted=False)),
                "weights ignored, ddof 1": lambda: float(_rational_fit(1, weighted=False)),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/equals-replace-n-t-squared",
        "Accumulate with n rows a generation has the moments of replace with n t^2.",
        r"E v_t^{A}(n)=E v_t^{R}(n_t=nt^2)",
        DERIVED,
        "ddof 0",
        "identity",
        "n=7 t=40",
        ExactClaim(
            _same(lambda: _last(_loop(Accumulate(), 7, 40)), _equivalent(lambda t: t * t), 80),
            {
                "n t": _equivalent(lambda t: t),
                "n t^3": _equivalent(lambda t: t**3),
                "n t(t+1)": _equivalent(lambda t: t * (t + 1)),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/second-moment",
        "The variance's second moment under accumulate is an explicit product.",
        r"E v_t^2=\sigma_0^4\prod_{j\le t}\left[\left(1-\tfrac1{nj^2}\right)^2"
        r"+\frac{2(n-1)+2(1-1/j)^2}{j^2n^2}\right]",
        DERIVED,
        "the truth is normal, d = 1; ddof 0",
        "identity",
        "n=6 t=12",
        ExactClaim(
            _same(_second_moment, _product(12, 2, 2), 600),
            {
                "without the mean's chi-square": _product(12, 2, 0),
                "Poisson's instead of chi-square's variance": _product(12, 1, 1),
                "one generation early": _product(11, 2, 2),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate-subsample/full-budget",
        "With a budget no pool exceeds, accumulate-subsample is accumulate, in its fourth moments "
        "too.",
        r"k\ge N_t\Rightarrow W=W^{A}",
        DERIVED,
        "normal truth",
        "identity",
        "n=6 t=8",
        ExactClaim(
            _same(
                lambda: _spread(AccumulateSubsample(10**6)), lambda: _spread(Accumulate()), 10_000
            ),
            {
                "budget n": lambda: _spread(AccumulateSubsample()),
                "budget 2n": lambda: _spread(AccumulateSubsample(12)),
                "budget N_t - 1 in the last generation": lambda: _spread(AccumulateSubsample(47)),
            },
        ),
    ),
    Theorem(
        "gaussian/keep-real/pooled",
        "Without a share, keeping real data pools it with the newest batch: for t = 2 that is "
        "accumulate.",
        r"t=2:\ W^{K}=W^{A}",
        DERIVED,
        "ddof 0",
        "identity",
        "n=6 t=2",
        ExactClaim(
            _same(
                lambda: _last(_loop(KeepReal(), 6, 2)), lambda: _last(_loop(Accumulate(), 6, 2)), 20
            ),
            {
                "replace": lambda: _last(_loop(Replace(), 6, 2)),
                "a share of 0.4": lambda: _last(_loop(KeepReal(0.4), 6, 2)),
                "a generation later": lambda: _last(_loop(KeepReal(), 6, 3)),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/any-schedule-below-2",
        "Whatever the batch sizes, accumulating for ever costs less than twice the error of the "
        "first batch alone.",
        r"1+N_1\sum_{s\ge2}n_s/N_s^2<2",
        DERIVED,
        "ddof 0",
        "bound",
        "six schedules, up to t=10^5",
        ExactClaim(
            _inflations,
            {
                "below pi^2/6": _fixed(np.pi**2 / 6),
                "below 3/2": _fixed(1.5),
                "below 1.99": _fixed(1.99),
            },
        ),
    ),
    Theorem(
        "gaussian/fresh-data/inflation",
        "Fresh real data each generation with weight w: the mean's error settles at a fixed point.",
        r"n\,\mathrm{Var}_\infty/\sigma^2=\frac{w^2+k(1-w)^2}{w(2-w)}",
        "He, Xu & Cheng, arXiv 2502.18049; derived here",
        "known variance, k = n_real/n_syn",
        "identity",
        "w=0.37 k=1.7",
        ExactClaim(
            _same(lambda: fresh_data_inflation(0.37, 1.7), lambda: _fixed_point(1.7, 0.37), 8000),
            {
                "without the synthetic batch's noise": lambda: 0.37 / (2 - 0.37),
                "k inverted": lambda: fresh_data_inflation(0.37, 1 / 1.7),
                "real data only": _fixed(1.0),
            },
        ),
    ),
    Theorem(
        "gaussian/fresh-data/optimal-weight",
        "The best weight on real data is 1/golden ratio for equal batches, and the error it leaves "
        "is that number times the one without synthetic data.",
        r"w^*=\tfrac12(\sqrt{k^2+4k}-k),\quad \min=w^*",
        "He, Xu & Cheng, arXiv 2502.18049; value derived here",
        "known variance, n_real = n_syn",
        "identity",
        "k=1, grid of step 1e-4",
        ExactClaim(
            _golden_minimum,
            {
                "equal weights": lambda: fresh_data_inflation(0.5),
                "real data only": lambda: fresh_data_inflation(1.0),
                "the golden ratio squared": _fixed(0.381966),
                "2 % more": lambda: 1.02 * optimal_fresh_weight(1.0),
            },
        ),
    ),
]


def _spread(workflow: Workflow) -> float:
    e = replace(_loop(workflow, 6, 8), truth=None)
    p = predict(e)
    return float(p.variances["second_moment"][-1] + p.variances["variance"][-1])


THEOREMS = LIMITS + IDENTITIES
