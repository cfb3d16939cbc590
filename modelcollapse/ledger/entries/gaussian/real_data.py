"""The ledger's entries on real data: laws of moments hold for any truth with finite variance.

Generation 1 draws rows of scikit-learn's data sets, columns standardised, with replacement; the
exact fourth moments of all rows bound the variances that the tests use.
"""

from functools import cache

import numpy as np

from modelcollapse import datasets
from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.ledger.claims import Design, mean_claim
from modelcollapse.ledger.entries.gaussian.common import DERIVED, PAPER
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import constant, expectation
from modelcollapse.loop.experiment import Experiment
from modelcollapse.loop.truth import Rows
from modelcollapse.workflows import Accumulate, AccumulateSubsample, Replace, Workflow


@cache
def _truth(name: str) -> Rows:
    return datasets.load(name, standardize=True)


def _loop(name: str, workflow: Workflow, samples: int) -> Experiment:
    truth = _truth(name)
    return Experiment(Gaussian(dim=truth.dim), workflow, samples, 4, truth=truth)


def digits() -> Experiment:
    """Replace on 64 columns, with fewer rows than columns."""
    return _loop("digits", Replace(), 20)


def wine() -> Experiment:
    """Accumulate on 13 columns."""
    return _loop("wine", Accumulate(), 20)


def breast_cancer() -> Experiment:
    """Accumulate-subsample on 30 columns."""
    return _loop("breast_cancer", AccumulateSubsample(), 10)


DIGITS, WINE = Design(digits, 24_000), Design(wine, 60_000)
BREAST_CANCER = Design(breast_cancer, 40_000)
REAL = "rows drawn with replacement; ddof 0"

THEOREMS = [
    Theorem(
        "gaussian/real-data/digits-replace",
        "The expected trace shrinks by 1 - 1/n each generation on digits (64 columns, n = 20).",
        r"E\,\mathrm{tr}\,S_t=\mathrm{tr}\,S_0(1-1/n)^t",
        PAPER,
        REAL,
        "law",
        "digits d=64 n=20 t=4",
        mean_claim(
            DIGITS,
            "variance",
            4,
            {
                "the unbiased estimator's": expectation("variance", 4, model=Gaussian(64, ddof=1)),
                "no collapse": constant(1.0),
                "accumulate's": expectation("variance", 4, workflow=Accumulate()),
            },
        ),
    ),
    Theorem(
        "gaussian/real-data/digits-conservation",
        "Squared error and variance add up to the total variance on digits.",
        r"E\|m_t-\mu_0\|^2+E\,\mathrm{tr}\,S_t=\mathrm{tr}\,S_0",
        DERIVED,
        REAL,
        "law",
        "digits d=64 n=20 t=4",
        mean_claim(
            DIGITS,
            "second_moment",
            4,
            {
                "the unbiased estimator's": expectation(
                    "second_moment", 4, model=Gaussian(64, ddof=1)
                ),
                "the variance alone": expectation("variance", 4),
                "one batch's error missing": constant(1 - 1 / 20),
            },
        ),
    ),
    Theorem(
        "gaussian/real-data/wine-accumulate",
        "Accumulate's expected trace is prod (1 - 1/(n j^2)) of the truth's on wine.",
        r"E\,\mathrm{tr}\,S_t=\mathrm{tr}\,S_0\prod_{j\le t}(1-1/(nj^2))",
        PAPER,
        REAL,
        "law",
        "wine d=13 n=20 t=4",
        mean_claim(
            WINE,
            "variance",
            4,
            {
                "replace's": expectation("variance", 4, workflow=Replace()),
                "accumulate-subsample's": expectation(
                    "variance", 4, workflow=AccumulateSubsample()
                ),
                "1/(n j)": constant(float(np.prod(1 - 1 / (20 * np.arange(1, 5))))),
            },
        ),
    ),
    Theorem(
        "gaussian/real-data/wine-conservation",
        "Squared error and variance add up to the total variance on wine, under accumulate.",
        r"E\|m_t-\mu_0\|^2+E\,\mathrm{tr}\,S_t=\mathrm{tr}\,S_0",
        DERIVED,
        REAL,
        "law",
        "wine d=13 n=20 t=4",
        mean_claim(
            WINE,
            "second_moment",
            4,
            {
                "the variance alone": expectation("variance", 4),
                "one batch's error missing": constant(1 - 1 / 20),
                "2 % more": constant(1.02),
            },
        ),
    ),
    Theorem(
        "gaussian/real-data/breast-cancer-accumulate-subsample",
        "The recursion of accumulate-subsample holds on breast_cancer (30 columns, n = 10).",
        r"E\,\mathrm{tr}\,S_t=Q_t\frac{t(n-1)}{nt-1}",
        DERIVED,
        REAL,
        "law",
        "breast_cancer d=30 n=10 t=4",
        mean_claim(
            BREAST_CANCER,
            "variance",
            4,
            {
                "replace's": expectation("variance", 4, workflow=Replace()),
                "accumulate's": expectation("variance", 4, workflow=Accumulate()),
                "the unbiased estimator's": expectation("variance", 4, model=Gaussian(30, ddof=1)),
            },
        ),
    ),
]
