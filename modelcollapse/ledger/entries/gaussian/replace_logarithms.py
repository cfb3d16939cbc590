"""Replace: log-variance, log-determinant, Lyapunov exponents, temperature."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.evidence import Cdf
from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.families.gaussian.limits import critical_temperature
from modelcollapse.ledger.claims import LawClaim, MeanClaim, mean_claim
from modelcollapse.ledger.entries.gaussian.common import DERIVED, NORMAL, OTHER_DDOF
from modelcollapse.ledger.entries.gaussian.replace_designs import (
    BIASED,
    HEATED,
    THIN,
    UNBIASED,
    WIDE,
)
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import Statistic, Value, constant, expectation, quantity, spread
from modelcollapse.loop.experiment import Experiment, Trajectories, predict


def _first(statistic: Statistic, count: int) -> Statistic:
    return lambda runs: statistic(runs)[:count]


def _law_of(name: str, t: int, **changes: object) -> Callable[[Experiment], Cdf]:
    def cdf(e: Experiment) -> Cdf:
        changed = replace(e, **changes) if changes else e  # type: ignore[arg-type]
        law: Cdf = predict(changed).laws[name][t - 1].cdf
        return law

    return cdf


def _growth(last: int, pivot: int) -> Statistic:
    def statistic(runs: Trajectories) -> Floats:
        pivots: Floats = runs["log_pivots"]
        return np.asarray(pivots[:, last - 1, pivot - 1] - pivots[:, 0, pivot - 1])

    return statistic


def _exponent(pivot: int, steps: int) -> Value:
    return lambda e: float(steps * predict(e).exponents["lyapunov"][pivot - 1])


def _pivot_variance(pivot: int, steps: int) -> Value:
    def value(e: Experiment) -> float:
        from scipy.special import polygamma

        return float(steps * polygamma(1, (e.sizes[0] - pivot) / 2))

    return value


def _drift(steps: int, factor: float) -> Value:
    """Return the log-variance gained if the critical temperature were `factor` times ours."""
    return constant(float(-steps * np.log(factor)))


def _drift_at(steps: int, temperature: float) -> Value:
    """Return the log-variance gained if that temperature were the critical one."""
    return lambda _: float(-steps * np.log(temperature / critical_temperature(5, ddof=1)))


def _squared_deviation(runs: Trajectories) -> Floats:
    gap = runs["log_variance"][:, 9] - predict(runs.experiment)["log_variance"][9]
    return np.asarray(gap**2)


def _squared_deviation_variance(e: Experiment) -> float:
    """Return Var (X - EX)^2 = kappa_4 + 2 kappa_2^2, with kappa_k = t psi_{k-1}((n-1)/2)."""
    from scipy.special import polygamma

    half = (e.sizes[0] - 1) / 2
    return float(10 * polygamma(3, half) + 2 * (10 * polygamma(1, half)) ** 2)


def _with_n_degrees_of_freedom(e: Experiment) -> float:
    return float(predict(replace(e, samples=11)).variances["log_variance"][9])


THEOREMS = [
    Theorem(
        "gaussian/replace/log-variance",
        "The log-variance has the drift psi((n-1)/2) + log(2/n) < 0 each generation.",
        r"E\log(v_t/\sigma_0^2) = t[\psi(\tfrac{n-1}{2}) + \log\tfrac2n]",
        DERIVED,
        f"{NORMAL}; ddof 0",
        "law",
        "d=1 n=10 t=10",
        mean_claim(
            BIASED,
            "log_variance",
            10,
            {
                "the unbiased estimator's": expectation("log_variance", 10, **OTHER_DDOF),
                "the logarithm of the mean": lambda e: float(np.log(predict(e)["variance"][9])),
                "one generation early": expectation("log_variance", 9),
            },
        ),
        keywords="vanish almost surely",
    ),
    Theorem(
        "gaussian/replace/log-variance-spread",
        "Over replicates the log-variance spreads like a random walk, by psi_1((n-1)/2) each "
        "generation.",
        r"\mathrm{Var}\log v_t = t\,\psi_1(\tfrac{n-1}{2})",
        DERIVED,
        f"{NORMAL}; any ddof",
        "law",
        "d=1 n=10 t=10",
        MeanClaim(
            BIASED,
            _squared_deviation,
            spread("log_variance", 10),
            _squared_deviation_variance,
            {
                "one generation early": spread("log_variance", 9),
                "the delta method's 2t/(n-1)": constant(20 / 9),
                "psi_1(n/2)": _with_n_degrees_of_freedom,
            },
        ),
    ),
    Theorem(
        "gaussian/replace/log-variance-law",
        "The log-variance is a sum of t independent log chi-squares.",
        r"\log(v_t/\sigma_0^2) = \sum_{s\le t} \log(\chi^2_{n-1,s}/n)",
        DERIVED,
        f"{NORMAL}; ddof 0",
        "law",
        "d=1 n=10 t=10",
        LawClaim(
            BIASED,
            _first(quantity("log_variance", 10), 400_000),
            _law_of("log_variance", 10),
            {
                "the unbiased estimator's": _law_of("log_variance", 10, **OTHER_DDOF),
                "one generation early": _law_of("log_variance", 9),
                "n degrees of freedom": _law_of("log_variance", 10, samples=11),
            },
        ),
    ),
    Theorem(
        "gaussian/replace/log-variance-law-unbiased",
        "The same with the divisor n - 1: the expected variance stays, and yet the variance "
        "vanishes, as its logarithm drifts down.",
        r"\log(v_t/\sigma_0^2) = \sum_{s\le t} \log(\chi^2_{n-1,s}/(n-1))",
        "Alemohammad et al., arXiv 2307.01850, section 3.1; law derived here",
        f"{NORMAL}; ddof 1",
        "law",
        "d=1 n=10 t=10",
        LawClaim(
            UNBIASED,
            _first(quantity("log_variance", 10), 400_000),
            _law_of("log_variance", 10),
            {
                "maximum likelihood's": _law_of("log_variance", 10, model=Gaussian()),
                "one generation early": _law_of("log_variance", 9),
                "n degrees of freedom": _law_of("log_variance", 10, samples=11),
            },
        ),
    ),
    Theorem(
        "gaussian/replace/log-determinant-law",
        "The log-determinant gains sum_i log chi2(n-i) each generation.",
        r"\log\frac{\det S_t}{\det S_0} = \sum_{s\le t}\sum_{i\le d}\log(\chi^2_{n-i}/n)",
        DERIVED,
        f"{NORMAL}, n > d; ddof 0",
        "law",
        "d=4 n=8 t=10",
        LawClaim(
            WIDE,
            quantity("log_determinant", 10),
            _law_of("log_determinant", 10),
            {
                "the unbiased estimator's": _law_of(
                    "log_determinant", 10, model=Gaussian(4, ddof=1)
                ),
                "one generation early": _law_of("log_determinant", 9),
                "n degrees of freedom": _law_of("log_determinant", 10, samples=9),
            },
        ),
    ),
    Theorem(
        "gaussian/replace/log-determinant",
        "The expected log-determinant falls at the sum of the Lyapunov exponents.",
        r"E\log\frac{\det S_t}{\det S_0} = t\sum_{i\le d}[\psi(\tfrac{n-i}{2})+\log\tfrac2n]",
        DERIVED,
        f"{NORMAL}, n > d; ddof 0",
        "law",
        "d=4 n=8 t=5",
        mean_claim(
            WIDE,
            "log_determinant",
            5,
            {
                "the unbiased estimator's": expectation(
                    "log_determinant", 5, model=Gaussian(4, ddof=1)
                ),
                "d independent variances": lambda e: (
                    4 * float(predict(replace(e, model=Gaussian(), truth=None))["log_variance"][4])
                ),
                "one generation late": expectation("log_determinant", 6),
            },
        ),
    ),
    Theorem(
        "gaussian/replace/pseudo-log-determinant",
        "With n <= d rows the fit has rank n - 1 for ever; its log-pseudo-determinant has an "
        "exact mean.",
        r"E\log\mathrm{pdet}\,S_t=\sum_{i<n}\psi(\tfrac{d-i+1}{2})"
        r"+(t-1)\sum_{i<n}\psi(\tfrac{n-i}{2})+t(n-1)\log\tfrac2n",
        DERIVED,
        "the truth is N(mu, s^2 I), n <= d; ddof 0",
        "law",
        "d=10 n=5 t=4",
        mean_claim(
            THIN,
            "pseudo_log_determinant",
            4,
            {
                "the unbiased estimator's": expectation(
                    "pseudo_log_determinant", 4, model=Gaussian(10, ddof=1)
                ),
                "one generation early": expectation("pseudo_log_determinant", 3),
                "d = n - 1 from the start": lambda e: float(
                    predict(replace(e, model=Gaussian(4), truth=None))["log_determinant"][3]
                ),
            },
        ),
    ),
    Theorem(
        "gaussian/replace/lyapunov",
        "S_t has the Lyapunov exponents psi((n-i)/2) + log(2/n): its effective rank falls to one "
        "before its trace vanishes.",
        r"\lambda_i=\psi(\tfrac{n-i}{2})+\log\tfrac2n,\quad i\le\min(d,n-1)",
        "exponents of Wishart products: arXiv 1805.05529; application derived here",
        f"{NORMAL}; ddof 0",
        "law",
        "d=4 n=8 i=4 t=1..10",
        MeanClaim(
            WIDE,
            _growth(10, 4),
            _exponent(4, 9),
            _pivot_variance(4, 9),
            {
                "the third exponent": _exponent(3, 9),
                "the leading exponent": _exponent(1, 9),
                "nine tenths of the time": _exponent(4, 8),
                "all exponents equal": lambda e: float(9 * predict(e).exponents["lyapunov"].mean()),
            },
            signed=True,
        ),
    ),
    Theorem(
        "gaussian/replace/critical-temperature",
        "At the temperature (n-1)/2 exp(-psi((n-1)/2)) the log-variance has no drift; below it "
        "the variance vanishes, above it explodes: no constant temperature stabilises replace.",
        r"\lambda_c=\tfrac{n-1}{2}e^{-\psi((n-1)/2)}",
        DERIVED + "; sharpens Marchi et al., arXiv 2404.02325",
        f"{NORMAL}; ddof 1",
        "law",
        "d=1 n=5 t=1..10",
        MeanClaim(
            HEATED,
            lambda runs: np.asarray(runs["log_variance"][:, 9] - runs["log_variance"][:, 0]),
            constant(0.0),
            _pivot_variance(1, 9),
            {
                "temperature 1": _drift_at(9, 1.0),
                "1 + 1/(n-1)": _drift_at(9, 1.25),
                "maximum likelihood's": _drift(9, 5 / 4),
                "2 % more": _drift(9, 1.02),
            },
            signed=True,
        ),
    ),
]
