"""Accumulate: one law for six families, any schedule, and how often a loop is stuck."""

from collections.abc import Callable
from dataclasses import replace
from math import exp

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.evidence import Cdf
from modelcollapse.families.exponential.families import (
    Binomial,
    Gamma,
    HyperbolicSecant,
    NegativeBinomial,
    NormalMean,
    Poisson,
)
from modelcollapse.ledger.claims import BoundedClaim, Design, LawClaim, mean_claim
from modelcollapse.ledger.entries.exponential.common import (
    AUGMENT,
    DERIVED,
    FLAT,
    LARGE,
    QUADRATIC,
    loop,
    sums,
)
from modelcollapse.ledger.entries.sharpened import rows_within
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import Value, constant, expectation, quantity
from modelcollapse.loop.experiment import Experiment, Trajectories, predict
from modelcollapse.workflows import Accumulate, AccumulateSubsample, Replace


def gamma() -> Experiment:
    """Exponential variables, n = 2."""
    return loop(Gamma(), Accumulate(), 2, 8)


def poisson() -> Experiment:
    """Poisson counts of mean 1/2, n = 4."""
    return loop(Poisson(), Accumulate(), 4, 4, truth=0.5)


def binomial() -> Experiment:
    """Two trials of probability 0.3, n = 3."""
    return loop(Binomial(2), Accumulate(), 3, 4, truth=0.6)


def negative_binomial() -> Experiment:
    """Geometric counts, n = 3."""
    return loop(NegativeBinomial(), Accumulate(), 3, 4)


def secant() -> Experiment:
    """The hyperbolic secant law, tilted, n = 2."""
    return loop(HyperbolicSecant(), Accumulate(), 2, 4, truth=0.5)


def normal() -> Experiment:
    """Normal with known variance, n = 3."""
    return loop(NormalMean(), Accumulate(), 3, 4)


def scheduled() -> Experiment:
    """Gamma variables of shape 1/2 with uneven batches."""
    return loop(Gamma(0.5), Accumulate(), [8, 16, 4, 32, 8], 5)


GAMMA, POISSON = Design(gamma, 1_000_000), Design(poisson, 400_000)
BINOMIAL, NEGATIVE = Design(binomial, 400_000), Design(negative_binomial, 1_000_000)
SECANT, NORMAL = Design(secant, 400_000), Design(normal, 100_000)
SCHEDULED = Design(scheduled, 1_000_000)
LAW = r"E(m_t-m_0)^2=\frac{V}{v_2}\left[\prod_{k\le t}\left(1+\frac{v_2}{nk^2}\right)-1\right]"


def curved(v2: float, n: int, t: int) -> Value:
    """Return the law at another curvature."""
    return constant(float(np.prod(1 + v2 / (n * np.arange(1, t + 1) ** 2)) - 1) / v2)


def _inflation(n: int) -> float:
    return n * float(np.prod(1 + 1 / (n * np.arange(1, 7) ** 2)) - 1)


SUM_FROM = rows_within(_inflation, lambda _: float(np.sum(1 / np.arange(1, 7) ** 2)))


def _law(t: int, **changes: object) -> Callable[[Experiment], Cdf]:
    def cdf(e: Experiment) -> Cdf:
        changed = replace(e, **changes) if changes else e  # type: ignore[arg-type]
        law: Cdf = predict(changed).laws["mean"][t - 1].cdf
        return law

    return cdf


def _count(runs: Trajectories) -> Floats:
    """Return the sum of all rows of each replicate, a whole number but for rounding."""
    e = runs.experiment
    mean = runs["mean"][:, -1] * np.sqrt(e.truth.variance) + e.truth.value
    return np.asarray(np.rint(mean * e.sizes.sum()))


def _count_law(**changes: object) -> Callable[[Experiment], Cdf]:
    """Return the law of `_count`; a changed loop's mean times the same rows."""

    def cdf(e: Experiment) -> Cdf:
        changed = replace(e, **changes)  # type: ignore[arg-type]
        law, rows = predict(changed).laws["mean"][-1], float(e.sizes.sum())
        return lambda count: law.count_cdf(np.floor(count) * (law.rows / rows))

    return cdf


def _normal_count(e: Experiment) -> Cdf:
    """Return the normal law of the same mean and variance, with the correction for continuity."""
    from scipy.special import ndtr

    rows, deviation = float(e.sizes.sum()), np.sqrt(e.truth.variance)
    spread = float(np.sqrt(predict(e)["squared_error"][-1])) * deviation * rows
    return lambda count: ndtr((np.floor(count) + 0.5 - rows * e.truth.value) / spread)


def _stretched(e: Experiment) -> Cdf:
    """Return a Poisson law of fewer rows with the same variance."""
    from scipy.special import pdtr

    rows = 1 / float(predict(e)["squared_error"][-1])
    scale = rows / float(e.sizes.sum())
    return lambda count: pdtr(np.maximum(np.floor(count) * scale, 0.0), rows * e.truth.value)


THEOREMS = [
    Theorem(
        "exponential/accumulate/squared-error-gamma",
        "Accumulate's squared error depends on the family through v2 alone; here v2 = 1.",
        LAW,
        DERIVED,
        QUADRATIC,
        "law",
        "gamma shape=1 n=2 t=8",
        mean_claim(
            GAMMA,
            "squared_error",
            8,
            {
                "v2 = 0": sums(2, 8, 2),
                "the other sign of v2": curved(-1, 2, 8),
                "1/k for 1/k^2": sums(2, 8, 1),
                "accumulate-subsample's": expectation(
                    "squared_error", 8, workflow=AccumulateSubsample()
                ),
            },
        ),
    ),
    Theorem(
        "exponential/accumulate/inflation-passes-pi-squared-over-6",
        "For large n accumulate inflates the first fit's risk by sum 1/k^2, less than pi^2/6; with "
        "few rows and v2 > 0 it inflates it by more, and passes pi^2/6 within some generations.",
        r"\frac{n\,E(m_t-m_0)^2}V=\frac n{v_2}"
        r"\left[\prod_{k\le t}\left(1+\frac{v_2}{nk^2}\right)-1\right]",
        LARGE,
        QUADRATIC,
        "sharpened",
        f"gamma shape=1 n=2 t=6; the sum is at most 1 % off from n={SUM_FROM} on",
        mean_claim(
            GAMMA,
            "inflation",
            6,
            {
                "the bound pi^2/6": constant(FLAT),
                "large n: the sum": sums(1, 6, 2),
                "the other sign of v2": lambda e: 2 * curved(-1, 2, 6)(e),
            },
        ),
    ),
    Theorem(
        "exponential/accumulate/squared-error-poisson",
        "With v2 = 0 accumulate's squared error is the sum of 1/k^2, for Poisson as for a normal "
        "mean.",
        r"E(m_t-m_0)^2=\frac Vn\sum_{k\le t}\frac1{k^2}",
        AUGMENT,
        QUADRATIC,
        "law",
        "poisson mean=0.5 n=4 t=4",
        mean_claim(
            POISSON,
            "squared_error",
            4,
            {
                "replace's": expectation("squared_error", 4, workflow=Replace()),
                "1/k for 1/k^2": sums(4, 4, 1),
                "real data alone": sums(4, 1, 1),
                "v2 = 1/2, as geometric counts of mean 1/2": curved(2.0, 4, 4),
            },
        ),
    ),
    Theorem(
        "exponential/accumulate/squared-error-binomial",
        "The same law at v2 = -1/N.",
        LAW,
        "a public note for coin flips; every N here",
        QUADRATIC,
        "law",
        "binomial trials=2 mean=0.6 n=3 t=4",
        mean_claim(
            BINOMIAL,
            "squared_error",
            4,
            {
                "replace's": expectation("squared_error", 4, workflow=Replace()),
                "v2 = 0": sums(3, 4, 2),
                "the other sign of v2": curved(0.5, 3, 4),
                "1/k for 1/k^2": sums(3, 4, 1),
            },
        ),
    ),
    Theorem(
        "exponential/accumulate/squared-error-negative-binomial",
        "The same law at v2 = 1/r.",
        LAW,
        DERIVED,
        QUADRATIC,
        "law",
        "negative-binomial size=1 mean=1 n=3 t=4",
        mean_claim(
            NEGATIVE,
            "squared_error",
            4,
            {
                "v2 = 0": sums(3, 4, 2),
                "the other sign of v2": curved(-1, 3, 4),
                "replace's": expectation("squared_error", 4, workflow=Replace()),
            },
        ),
    ),
    Theorem(
        "exponential/accumulate/squared-error-hyperbolic-secant",
        "The same law at v2 = 1/r, for the family whose observations have both signs.",
        LAW,
        DERIVED,
        QUADRATIC,
        "law",
        "hyperbolic-secant size=1 mean=0.5 n=2 t=4",
        mean_claim(
            SECANT,
            "squared_error",
            4,
            {
                "v2 = 0": sums(2, 4, 2),
                "the other sign of v2": curved(-1, 2, 4),
                "replace's": expectation("squared_error", 4, workflow=Replace()),
            },
        ),
    ),
    Theorem(
        "exponential/accumulate/law-normal-mean",
        "With a known variance the fitted mean is exactly normal.",
        r"m_t\sim N\!\left(m_0,\tfrac{\sigma^2}{n}\sum_{k\le t}k^{-2}\right)",
        DERIVED,
        "normal, variance known",
        "law",
        "normal-mean n=3 t=4",
        LawClaim(
            NORMAL,
            quantity("mean", 4),
            _law(4),
            {
                "replace's": _law(4, workflow=Replace()),
                "generation 1's": _law(1),
                "four rows a batch": _law(4, samples=4),
            },
        ),
    ),
    Theorem(
        "exponential/accumulate/law-poisson",
        "All rows that a Poisson loop has kept sum to a branching process with immigrants from "
        "the real batch alone: its law is exact.",
        r"E z^{C_t}=e^{nm_0(F_t(z)-1)},\ F_t=g_1\circ\dots\circ g_{t-1},\ g_s(z)=z\,e^{(z-1)/s}",
        DERIVED,
        "Poisson, any sizes",
        "law",
        "poisson n=4 t=4",
        LawClaim(
            POISSON,
            _count,
            _count_law(),
            {
                "normal of this variance": _normal_count,
                "Poisson of this variance": _stretched,
                "generation 1's": _count_law(generations=1),
                "replace's": _count_law(workflow=Replace()),
            },
        ),
    ),
    Theorem(
        "exponential/accumulate/any-schedule",
        "For any batch sizes each batch multiplies the expected variance by 1 + v2 n_s/N_s^2.",
        r"E V(m_t)=V\prod_{s\le t}\left(1+\frac{v_2n_s}{N_s^2}\right)",
        DERIVED,
        QUADRATIC,
        "law",
        "gamma shape=0.5 n=8,16,4,32,8 t=5",
        mean_claim(
            SCHEDULED,
            "squared_error",
            5,
            {
                "replace's": expectation("squared_error", 5, workflow=Replace()),
                "equal batches of the mean size": curved(2.0, 14, 5),
                "real data alone": constant(1 / 8),
            },
        ),
    ),
    Theorem(
        "exponential/accumulate/absorbed-poisson",
        "Under accumulate a Poisson loop is stuck at 0 exactly if its real rows are all 0: none "
        "is lost later.",
        r"P(m_t=0)=e^{-nm_0}\text{ for all }t",
        DERIVED,
        "Poisson",
        "law",
        "poisson mean=0.5 n=4 t=4",
        BoundedClaim(
            POISSON,
            quantity("absorbed", 4),
            expectation("absorbed", 4),
            constant(0.0),
            constant(1.0),
            {
                "replace's": expectation("absorbed", 4, workflow=Replace()),
                "the whole pool fresh": constant(exp(-8)),
                "half as many rows": constant(exp(-1)),
            },
        ),
    ),
]
