"""The ledger's entries on replace, decided on simulations."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from modelcollapse.checks import Floats
from modelcollapse.claims import (
    Design,
    FrequencyClaim,
    LawClaim,
    MeanClaim,
    Statistic,
    Value,
    expectation,
    quantity,
    spread,
)
from modelcollapse.evidence import Cdf
from modelcollapse.experiment import Experiment, Trajectories, predict
from modelcollapse.gaussian.estimator import Gaussian
from modelcollapse.gaussian.formulas import critical_temperature, tail_bound
from modelcollapse.theorem import Theorem
from modelcollapse.workflows import Accumulate, Replace

PAPER = "arXiv 2410.16713 (Collapse or Thrive?)"
DERIVED = "derived here: theory/gaussian.py"
ROW = "the truth is normal, every batch has n rows"


def biased() -> Experiment:
    """Maximum likelihood, d = 1, n = 10."""
    return Experiment(Gaussian(), Replace(), samples=10, generations=10)


def unbiased() -> Experiment:
    """The same with the unbiased variance."""
    return Experiment(Gaussian(ddof=1), Replace(), samples=10, generations=10)


def longer() -> Experiment:
    """n = 5 for 20 generations, where a growth like t/n could not be overlooked."""
    return Experiment(Gaussian(), Replace(), samples=5, generations=20)


def smoother() -> Experiment:
    """n = 20, where the test log-loss has a finite mean and variance."""
    return Experiment(Gaussian(), Replace(), samples=20, generations=4)


def heated() -> Experiment:
    """Sampling at the critical temperature."""
    return Experiment(
        Gaussian(ddof=1), Replace(), 5, 10, temperature=critical_temperature(5, ddof=1)
    )


def wide() -> Experiment:
    """d = 4, n = 8."""
    return Experiment(Gaussian(dim=4), Replace(), samples=8, generations=10)


def thin() -> Experiment:
    """n = 5 rows in d = 10 dimensions."""
    return Experiment(Gaussian(dim=10), Replace(), samples=5, generations=4)


BIASED, UNBIASED = Design(biased, 1_000_000), Design(unbiased, 1_000_000)
SMOOTHER, HEATED = Design(smoother, 400_000), Design(heated, 1_000_000)
LONGER = Design(longer, 200_000)
WIDE, THIN = Design(wide, 200_000, ("log_pivots",)), Design(thin, 100_000)

OTHER_DDOF: dict[str, Any] = {"model": Gaussian(ddof=1)}


def mean_claim(design: Design, name: str, t: int, near: dict[str, Value]) -> MeanClaim:
    """Claim that a quantity has its predicted mean at generation t."""
    return MeanClaim(design, quantity(name, t), expectation(name, t), spread(name, t), near)


def _first(statistic: Statistic, count: int) -> Statistic:
    return lambda runs: statistic(runs)[:count]


def _law_of(name: str, t: int, **changes: object) -> Callable[[Experiment], Cdf]:
    def cdf(e: Experiment) -> Cdf:
        changed = replace(e, **changes) if changes else e  # type: ignore[arg-type]
        law: Cdf = predict(changed).laws[name][t - 1].cdf
        return law

    return cdf


def _root(t: int) -> Statistic:
    return lambda runs: np.sqrt(quantity("variance", t)(runs))


def _root_variance(t: int) -> Value:
    return lambda e: float(predict(e)["variance"][t - 1] - tail_bound(e, 1.0)[t - 1] ** 2)


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
    return lambda e: float(-steps * np.log(factor))


VARIANCE = [
    Theorem(
        "gaussian/replace/variance",
        "Under replace with maximum likelihood the expected variance shrinks by 1 - 1/n each "
        "generation: collapse.",
        r"E v_t = \sigma_0^2 (1 - 1/n)^t",
        PAPER,
        f"{ROW}; ddof 0",
        "law",
        "d=1 n=10 t=4",
        mean_claim(
            BIASED,
            "variance",
            4,
            {
                "the unbiased estimator's": expectation("variance", 4, **OTHER_DDOF),
                "one generation late": expectation("variance", 5),
                "accumulate's formula": expectation("variance", 4, workflow=Accumulate()),
                "1/(n-1) for 1/n": lambda e: (1 - 1 / 9) ** 4,
            },
        ),
    ),
    Theorem(
        "gaussian/replace/squared-error",
        "The mean wanders to E(m_t - mu_0)^2 = sigma_0^2 (1 - (1 - 1/n)^t), which never exceeds "
        "sigma_0^2 under maximum likelihood.",
        r"E(m_t-\mu_0)^2 = \sigma_0^2 [1 - (1 - 1/n)^t]",
        DERIVED,
        f"{ROW}; ddof 0",
        "law",
        "d=1 n=10 t=4",
        mean_claim(
            BIASED,
            "squared_error",
            4,
            {
                "the unbiased estimator's t/n": expectation("squared_error", 4, **OTHER_DDOF),
                "one generation early": expectation("squared_error", 3),
                "accumulate's formula": expectation("squared_error", 4, workflow=Accumulate()),
            },
        ),
    ),
    Theorem(
        "gaussian/replace/squared-error-unbiased",
        "With the unbiased variance the mean is a random walk: E(m_t - mu_0)^2 = sigma_0^2 t/n.",
        r"E(m_t-\mu_0)^2 = \sigma_0^2\, t/n",
        "Shumailov et al., Nature 631:755, SI 3.1.1",
        f"{ROW}; ddof 1",
        "law",
        "d=1 n=10 t=4",
        mean_claim(
            UNBIASED,
            "squared_error",
            4,
            {
                "maximum likelihood's": expectation("squared_error", 4, model=Gaussian()),
                "one generation late": expectation("squared_error", 5),
                "t/(n-1)": lambda e: 4 / 9,
            },
        ),
    ),
    Theorem(
        "gaussian/conservation",
        "Squared error and variance add up to the truth's variance, at every generation.",
        r"E\|m_t-\mu_0\|^2 + E\,\mathrm{tr}\,S_t = \mathrm{tr}\,S_0",
        DERIVED,
        "any truth with finite variance, any workflow on unbiased selections; ddof 0",
        "law",
        "replace d=1 n=10 t=4",
        mean_claim(
            BIASED,
            "second_moment",
            4,
            {
                "the unbiased estimator's": expectation("second_moment", 4, **OTHER_DDOF),
                "the variance alone": expectation("variance", 4),
                "one batch's error missing": lambda e: 1 - 1 / 10,
            },
        ),
    ),
    Theorem(
        "gaussian/replace/contraction-factor",
        "The standard deviation contracts by b_n = sqrt(2/n) Gamma(n/2)/Gamma((n-1)/2) each "
        "generation.",
        r"E\sqrt{v_t} = \sigma_0 b_n^t",
        "Bertrand et al., arXiv 2310.00429 (factor alpha(n)); form derived here",
        f"{ROW}; ddof 0",
        "law",
        "d=1 n=10 t=5",
        MeanClaim(
            BIASED,
            _root(5),
            lambda e: float(tail_bound(e, 1.0)[4]),
            _root_variance(5),
            {
                "the unbiased c4(n)^t": lambda e: float(
                    tail_bound(replace(e, model=Gaussian(ddof=1)), 1.0)[4]
                ),
                "the root of the mean": lambda e: float(np.sqrt(predict(e)["variance"][4])),
                "one generation early": lambda e: float(tail_bound(e, 1.0)[3]),
            },
        ),
    ),
]

LOGARITHMS = [
    Theorem(
        "gaussian/replace/log-variance",
        "The log-variance has the drift psi((n-1)/2) + log(2/n) < 0 each generation.",
        r"E\log(v_t/\sigma_0^2) = t[\psi(\tfrac{n-1}{2}) + \log\tfrac2n]",
        DERIVED,
        f"{ROW}; ddof 0",
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
    ),
    Theorem(
        "gaussian/replace/log-variance-law",
        "The log-variance is a sum of t independent log chi-squares.",
        r"\log(v_t/\sigma_0^2) = \sum_{s\le t} \log(\chi^2_{n-1,s}/n)",
        DERIVED,
        f"{ROW}; ddof 0",
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
        f"{ROW}; ddof 1",
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
        f"{ROW}, n > d; ddof 0",
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
        f"{ROW}, n > d; ddof 0",
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
        f"{ROW}; ddof 0",
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
        ),
    ),
    Theorem(
        "gaussian/replace/critical-temperature",
        "At the temperature (n-1)/2 exp(-psi((n-1)/2)) the log-variance has no drift; below it "
        "the variance vanishes, above it explodes: no constant temperature stabilises replace.",
        r"\lambda_c=\tfrac{n-1}{2}e^{-\psi((n-1)/2)}",
        DERIVED + "; sharpens Marchi et al., arXiv 2404.02325",
        f"{ROW}; ddof 1",
        "law",
        "d=1 n=5 t=1..10",
        MeanClaim(
            HEATED,
            lambda runs: np.asarray(runs["log_variance"][:, 9] - runs["log_variance"][:, 0]),
            lambda e: float(predict(e)["log_variance"][9] - predict(e)["log_variance"][0]),
            _pivot_variance(1, 9),
            {
                "temperature 1": _drift(9, 1 / critical_temperature(5, ddof=1)),
                "1 + 1/(n-1)": _drift(9, 1.25 / critical_temperature(5, ddof=1)),
                "maximum likelihood's": _drift(9, 5 / 4),
                "2 % more": _drift(9, 1.02),
            },
        ),
    ),
]

DISTANCES = [
    Theorem(
        "gaussian/replace/w2-diverges-unbiased",
        "With the unbiased variance E W2^2 = sigma_0^2 (t/n + 2 - 2 c4(n)^t): it diverges.",
        r"E W_2^2=\sigma_0^2[t/n+2-2c_4(n)^t]\to\infty",
        "Shumailov et al., Nature 631:755, theorem 3.1; finite t derived here",
        f"{ROW}; ddof 1",
        "law",
        "d=1 n=10 t=4",
        mean_claim(
            UNBIASED,
            "w2_squared",
            4,
            {
                "maximum likelihood's": expectation("w2_squared", 4, model=Gaussian()),
                "one generation late": expectation("w2_squared", 5),
                "the mean's part alone": lambda e: 4 / 10,
            },
        ),
    ),
    Theorem(
        "gaussian/replace/w2-mle",
        "With maximum likelihood E W2^2 = 2 sigma_0^2 (1 - b_n^t) < 2 sigma_0^2.",
        r"E W_2^2=2\sigma_0^2(1-b_n^t)\le 2\sigma_0^2",
        DERIVED,
        f"{ROW}; ddof 0",
        "law",
        "d=1 n=10 t=6",
        mean_claim(
            BIASED,
            "w2_squared",
            6,
            {
                "the unbiased estimator's": expectation("w2_squared", 6, **OTHER_DDOF),
                "one generation early": expectation("w2_squared", 5),
                "the root of the mean variance": lambda e: 2 * (1 - 0.9**3),
            },
        ),
    ),
    Theorem(
        "gaussian/replace/w2-diverges-mle",
        "Claim: E W2^2 grows like t/n under maximum likelihood too. It does not: it is bounded "
        "by 2 sigma_0^2, and the divergence is a property of the unbiased convention.",
        r"E W_2^2\ge\sigma_0^2\,[t/n+2-2c_4(n)^t]",
        "Shumailov et al., Nature 631:755, theorem 3.1, read for the estimator with ddof 0",
        f"{ROW}; ddof 0",
        "refuted",
        "d=1 n=5 t=20",
        MeanClaim(
            LONGER,
            quantity("w2_squared", 20),
            expectation("w2_squared", 20, **OTHER_DDOF),
            spread("w2_squared", 20),
            {
                "one generation early": expectation("w2_squared", 19, **OTHER_DDOF),
                "the mean's part t/n alone": lambda e: 20 / 5,
                "t/n with twice the rows, and the variance's part": lambda e: (
                    20 / 10
                    + 2
                    - 2
                    * (float(tail_bound(replace(e, samples=10, model=Gaussian(ddof=1)), 1.0)[19]))
                ),
            },
            side="below",
        ),
    ),
    Theorem(
        "gaussian/replace/test-log-loss",
        "The expected log-loss at a fresh real row grows exponentially, at the rate log(n/(n-3)).",
        r"E\ell_t=\tfrac12\log2\pi\sigma_0^2+\tfrac t2[\psi(\tfrac{n-1}2)+\log\tfrac2n]"
        r"+\tfrac12\,\tfrac{4r^t-1}{3},\ r=\tfrac n{n-3}",
        DERIVED,
        f"{ROW}, n > 3 (infinite otherwise); ddof 0",
        "law",
        "d=1 n=20 t=4",
        mean_claim(
            SMOOTHER,
            "test_log_loss",
            4,
            {
                "the unbiased estimator's": expectation("test_log_loss", 4, **OTHER_DDOF),
                "one generation early": expectation("test_log_loss", 3),
                "the truth's entropy": lambda e: 0.5 * np.log(2 * np.pi) + 0.5,
            },
        ),
    ),
    Theorem(
        "gaussian/replace/tail-bound",
        "Markov's inequality for the standard deviation: P(sqrt v_t > eps) <= sigma_0 b_n^t/eps.",
        r"P(\sqrt{v_t}>\epsilon)\le(\sigma_0/\epsilon)\,b_n^t",
        DERIVED,
        f"{ROW}; ddof 0",
        "bound",
        "d=1 n=10 t=10 eps=0.6",
        FrequencyClaim(
            BIASED,
            lambda runs: quantity("variance", 10)(runs) > 0.36,
            lambda e: float(tail_bound(e, 0.6)[9]),
            {
                "without 1/eps, squared": lambda e: float(tail_bound(e, 1.0)[9] ** 2),
                "three times the generations": lambda e: float(tail_bound(e, 1.0)[9] ** 3 / 0.6),
                "a fourth of the rows": lambda e: float(tail_bound(e, 1.0)[9] ** 4 / 0.6),
            },
        ),
    ),
    Theorem(
        "gaussian/replace/tail-bound-exponential",
        "P(sqrt v_t > eps) <= (sigma_0/eps) exp(-t/(4n)).",
        r"P(\sqrt{v_t}>\epsilon)\le(\sigma_0/\epsilon)\,e^{-t/(4n)}",
        "Suresh et al., arXiv 2412.17646",
        f"{ROW}; ddof 1",
        "bound",
        "d=1 n=10 t=10 eps=0.9",
        FrequencyClaim(
            UNBIASED,
            lambda runs: quantity("variance", 10)(runs) > 0.81,
            lambda e: float(np.exp(-10 / 40) / 0.9),
            {
                "exp(-2t/n)": lambda e: float(np.exp(-2) / 0.9),
                "exp(-3t/n)": lambda e: float(np.exp(-3) / 0.9),
                "exp(-4t/n)": lambda e: float(np.exp(-4) / 0.9),
            },
        ),
    ),
]

THEOREMS = VARIANCE + LOGARITHMS + DISTANCES
