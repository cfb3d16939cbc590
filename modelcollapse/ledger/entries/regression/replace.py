"""Replace: a random walk, forgetting, and infinite expectations."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.evidence import Cdf
from modelcollapse.ledger.claims import Design, LawClaim, mean_claim
from modelcollapse.ledger.entries.regression.common import (
    DERIVED,
    FIXED,
    FRESH,
    NORMAL,
    PAPER,
    building,
    other,
)
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import constant, expectation, quantity
from modelcollapse.loop.experiment import Experiment, Trajectories, predict
from modelcollapse.workflows import Accumulate, Replace

MANY = (5, 20, 6)  # d, n and generations with more rows than inputs
FEW = (20, 10, 5)  # with fewer
WALK = Design(building(Replace(), "fixed", *MANY), 200_000, at=(6,))
THIN = Design(building(Replace(), "fixed", *FEW), 150_000, at=(5,))
RENEWED = Design(building(Replace(), "fresh", *FEW), 60_000, at=(5,))
NOISELESS = Design(building(Replace(), "fresh", 8, 6, 6, noise=0.0), 200_000, at=(6,))
EDGE = Design(building(Replace(), "fixed", 3, 4, 3), 200_000, at=(3,))


def _log_risk(runs: Trajectories) -> Floats:
    """Return log risk: the law's tails are too long for a table of its cdf."""
    return np.log(quantity("risk", 3)(runs))


def _log_law(**changes: Any) -> Callable[[Experiment], Cdf]:
    def cdf(e: Experiment) -> Cdf:
        law = replace(predict(e).laws["risk"][2], **changes)
        return lambda x: law.cdf(np.exp(x))

    return cdf


def _forgotten(t: int, noise: Fraction) -> float:
    """Return 1 - (1/2)^t and the noise's part times 1 - (1/2)^t over 1/2; n/d = 1/2."""
    kept = Fraction(1, 2) ** t
    return float(1 - kept + noise * (1 - kept) / Fraction(1, 2))


THEOREMS = [
    Theorem(
        "regression/replace/fixed-design-risk",
        "Under replace the risk of least squares grows linearly: each generation adds that of the "
        "first.",
        r"E|\hat w_t-w^*|^2=\frac{\sigma^2d}{n-d-1}\,t",
        PAPER,
        f"{FIXED}; n >= d + 2",
        "law",
        "d=5 n=20 t=6",
        mean_claim(
            WALK,
            "risk",
            6,
            {
                "accumulate's": expectation("risk", 6, workflow=Accumulate()),
                "d/(n - d)": constant(6 * 5 / 15),
                "d/n": constant(6 * 5 / 20),
                "one generation early": constant(5 * 5 / 14),
            },
        ),
    ),
    Theorem(
        "regression/replace/fixed-design-fewer-rows",
        "With fewer rows than inputs the least-norm fit loses what the inputs do not span, once; "
        "its noise still grows linearly.",
        r"E|\hat w_t-w^*|^2=|w^*|^2\left(1-\tfrac nd\right)+\frac{\sigma^2n}{d-n-1}\,t",
        DERIVED,
        f"{FIXED}; n <= d - 2",
        "law",
        "d=20 n=10 t=5",
        mean_claim(
            THIN,
            "risk",
            5,
            {
                "new inputs' formula": other(Replace(), "fresh", *FEW),
                "accumulate's": expectation("risk", 5, workflow=Accumulate()),
                "without the lost signal": constant(5 * 10 / 9),
                "n/(d - n)": constant(0.5 + 5 * 10 / 10),
            },
        ),
    ),
    Theorem(
        "regression/replace/fresh-design-forgets",
        "With fewer rows than inputs, and new inputs each generation, w* is forgotten "
        "exponentially, and so is old noise.",
        r"E|\hat w_t-w^*|^2=|w^*|^2(1-\rho^t)+\frac{\sigma^2n}{d-n-1}\cdot\frac{1-\rho^t}{1-\rho},"
        r"\ \rho=\tfrac nd",
        DERIVED,
        f"{FRESH}; n <= d - 2",
        "law",
        "d=20 n=10 t=5",
        mean_claim(
            RENEWED,
            "risk",
            5,
            {
                "the same inputs' formula": other(Replace(), "fixed", *FEW),
                "noise is not forgotten": constant(float(1 - Fraction(1, 32)) + 5 * 10 / 9),
                "the signal is not forgotten": constant(
                    0.5 + _forgotten(5, Fraction(10, 9)) - float(1 - Fraction(1, 32))
                ),
                "two generations early": constant(_forgotten(3, Fraction(10, 9))),
            },
        ),
    ),
    Theorem(
        "regression/replace/noise-free-collapse",
        "Without any noise, fewer rows than inputs make the coefficients vanish exponentially.",
        r"E|\hat w_t|^2=|w^*|^2\left(\tfrac nd\right)^t",
        f"Dohmatob et al., arXiv 2402.07712, as an asymptotic statement; {DERIVED}",
        f"{FRESH}; sigma = 0, n < d",
        "law",
        "d=8 n=6 t=6 sigma=0",
        mean_claim(
            NOISELESS,
            "norm",
            6,
            {
                "nothing is lost": constant(1.0),
                "lost once": constant(0.75),
                "one generation early": constant(0.75**5),
                "one generation late": constant(0.75**7),
            },
        ),
    ),
    Theorem(
        "regression/replace/infinite-expectation",
        "With one row more than inputs the risk is a ratio of chi-squares with two degrees of "
        "freedom below: it has a law, and an infinite expectation.",
        r"|\hat w_t-w^*|^2\sim t\sigma^2\,\chi^2_d/\chi^2_{n-d+1},\quad"
        r" E\,1/\chi^2_k=\infty\ (k\le2)",
        DERIVED,
        f"{NORMAL}; fixed design, n >= d",
        "law",
        "d=3 n=4 t=3",
        LawClaim(
            EDGE,
            _log_risk,
            _log_law(),
            {
                "one degree below, n = d": _log_law(below=1),
                "three degrees below, n = d + 2": _log_law(below=3),
                "accumulate's": _log_law(scale=1 + 1 / 4 + 1 / 9),
                "a generation early": _log_law(scale=2.0),
            },
            "ratio of chi-squares",
        ),
    ),
]
