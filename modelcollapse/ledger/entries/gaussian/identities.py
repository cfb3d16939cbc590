"""Identities between workflows, in rationals or up to rounding, and a bound over schedules."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from modelcollapse.ledger.claims import ExactClaim
from modelcollapse.ledger.entries.gaussian.common import DERIVED
from modelcollapse.ledger.entries.gaussian.exact import last, loop
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import Number, fixed, same
from modelcollapse.loop.experiment import predict
from modelcollapse.workflows import (
    Accumulate,
    AccumulateSubsample,
    KeepReal,
    Replace,
    Workflow,
)


def _schedules() -> Iterator[Any]:
    yield from (5, 50, [2**s for s in range(2, 32)], [s * s + 1 for s in range(1, 31)])
    yield [1000, *[1] * 200_000]
    yield [1000, *[1000 * s for s in range(1, 30)]]


def _inflations() -> tuple[float, float, float]:
    """Return the largest n_1 E(m_t - mu_0)^2 / s0^2 over schedules, and that it is below 2."""
    worst = 0.0
    for schedule in _schedules():
        T = 1000 if isinstance(schedule, int) else len(schedule)
        e = loop(Accumulate(), schedule, T)
        worst = max(worst, float(e.sizes[0] * predict(e)["squared_error"][-1]))
    return 2.0, worst, np.inf


def _equivalent(power: Callable[[int], int]) -> Number:
    return lambda: last(loop(Replace(), lambda t: 7 * power(t), 40))


def _product(T: int, first: float, second: float) -> Number:
    """Return E v_T^2 under accumulate, prod_j [(1 - 1/(n j^2))^2 + variance of the factor]."""

    def value() -> float:
        n, j = 6, np.arange(1, T + 1)
        spread = first * (n - 1) + second * ((j - 1) / j) ** 2
        return float(np.prod((1 - 1 / (n * j**2)) ** 2 + spread / (j**2 * n**2)))

    return value


def _second_moment() -> float:
    p = predict(loop(Accumulate(), 6, 12))
    return float(p.variances["variance"][-1] + p["variance"][-1] ** 2)


def _rational_fit(ddof: int, weighted: bool = True) -> Fraction:
    """Return the fitted second moment over the training rows', in rationals, for ragged data."""
    rows = [Fraction(k * k + 3, 7 - k % 5) for k in range(11)]
    weights = [Fraction(k + 1) if weighted else Fraction(1) for k in range(11)]
    total = sum(weights)
    weights = [w / total for w in weights]
    mean = sum((w * x for w, x in zip(weights, rows, strict=True)), Fraction(0))
    scatter = sum((w * (x - mean) ** 2 for w, x in zip(weights, rows, strict=True)), Fraction(0))
    divisor = 1 - ddof * sum((w * w for w in weights), Fraction(0))
    true_weights = [Fraction(k + 1, 66) for k in range(11)]
    raw = sum((w * x * x for w, x in zip(true_weights, rows, strict=True)), Fraction(0))
    return (mean**2 + scatter / divisor) / raw


def _spread(workflow: Workflow) -> float:
    e = replace(loop(workflow, 6, 8), truth=None)
    p = predict(e)
    return float(p.variances["second_moment"][-1] + p.variances["variance"][-1])


THEOREMS = [
    Theorem(
        "gaussian/conservation-one-step",
        "The fit reproduces its rows' second moment exactly: one step of the conservation law, "
        "for any rows and weights.",
        r"m^2+S=\sum_i w_ix_i^2",
        DERIVED,
        "any finite data, any row weights; ddof 0",
        "identity",
        "11 rows, rational",
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
            same(lambda: last(loop(Accumulate(), 7, 40)), _equivalent(lambda t: t * t), 80),
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
            same(_second_moment, _product(12, 2, 2), 600),
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
            same(
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
            same(lambda: last(loop(KeepReal(), 6, 2)), lambda: last(loop(Accumulate(), 6, 2)), 20),
            {
                "replace": lambda: last(loop(Replace(), 6, 2)),
                "a share of 0.4": lambda: last(loop(KeepReal(0.4), 6, 2)),
                "a generation later": lambda: last(loop(KeepReal(), 6, 3)),
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
        "six schedules",
        ExactClaim(
            _inflations,
            {
                "below pi^2/6": fixed(np.pi**2 / 6),
                "below 3/2": fixed(1.5),
                "below 1.99": fixed(1.99),
            },
        ),
    ),
]
