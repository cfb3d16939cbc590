"""Accumulate: moments, laws, schedules and temperature."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.evidence import Cdf
from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.ledger.claims import Design, LawClaim, MeanClaim, mean_claim
from modelcollapse.ledger.entries.gaussian.common import ANY, DERIVED, NORMAL, OTHER_DDOF, PAPER
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import Statistic, Value, constant, expectation, quantity, spread
from modelcollapse.loop.experiment import Experiment, Trajectories, predict
from modelcollapse.workflows import Accumulate, AccumulateSubsample, Replace


def pooled() -> Experiment:
    """Accumulate with maximum likelihood, n = 5."""
    return Experiment(Gaussian(), Accumulate(), samples=5, generations=8)


def pooled_unbiased() -> Experiment:
    """The same with the unbiased variance."""
    return Experiment(Gaussian(ddof=1), Accumulate(), samples=5, generations=8)


def scheduled() -> Experiment:
    """Accumulate with a growing schedule."""
    return Experiment(Gaussian(), Accumulate(), samples=[8, 16, 4, 32, 8], generations=5)


def hot() -> Experiment:
    """Accumulate with a sampler at temperature 1.5."""
    return Experiment(Gaussian(), Accumulate(), samples=5, generations=5, temperature=1.5)


MILLION = 1_000_000
POOLED, POOLED_UNBIASED = Design(pooled, MILLION), Design(pooled_unbiased, 400_000)
SCHEDULED, HOT = Design(scheduled, MILLION), Design(hot, MILLION)


def _heated(temperature: float) -> Value:
    """Return the variance at another temperature, in place of the experiment's own sampling."""
    return expectation("variance", 5, temperature=temperature, sampling=None)


def _ratio(t: int, count: int) -> Statistic:
    def statistic(runs: Trajectories) -> Floats:
        logs = runs["log_variance"][:count]
        return np.asarray(np.exp(logs[:, t - 1] - logs[:, t - 2]))

    return statistic


def _ratio_law(t: int, **changes: object) -> Callable[[Experiment], Cdf]:
    def cdf(e: Experiment) -> Cdf:
        changed = replace(e, **changes) if changes else e  # type: ignore[arg-type]
        law: Cdf = predict(changed).laws["variance_ratio"][t - 1].cdf
        return law

    return cdf


def _w2_bound(t: int) -> Value:
    """Bound Var W2^2, with W2^2 = m^2 + (sqrt v - 1)^2.

    (sqrt v - 1)^4 <= (v - 1)^2, so by Minkowski the second moment of W2^2 is at most
    (sqrt(E m^4) + sqrt(E (v - 1)^2))^2.
    """

    def value(e: Experiment) -> float:
        p = predict(e)
        error, variance = p["squared_error"][t - 1], p["variance"][t - 1]
        fourth = p.variances["squared_error"][t - 1] + error**2
        gap = p.variances["variance"][t - 1] + (variance - 1) ** 2
        return float((np.sqrt(fourth) + np.sqrt(gap)) ** 2 - p["w2_squared"][t - 1] ** 2)

    return value


THEOREMS = [
    Theorem(
        "gaussian/accumulate/variance",
        "Under accumulate the expected variance is sigma_0^2 prod_j (1 - 1/(n j^2)): no collapse.",
        r"E v_t=\sigma_0^2\prod_{j=1}^t\left(1-\frac1{nj^2}\right)",
        PAPER,
        f"{ANY}, equal batches; ddof 0",
        "law",
        "d=1 n=5 t=8",
        mean_claim(
            POOLED,
            "variance",
            8,
            {
                "replace's formula": expectation("variance", 8, workflow=Replace()),
                "the unbiased estimator's": expectation("variance", 8, **OTHER_DDOF),
                "1/(n j) for 1/(n j^2)": constant(float(np.prod(1 - 1 / (5 * np.arange(1, 9))))),
                "accumulate-subsample's": expectation(
                    "variance", 8, workflow=AccumulateSubsample()
                ),
            },
        ),
        keywords="bounded survive",
    ),
    Theorem(
        "gaussian/accumulate/squared-error",
        "The squared error of the mean is what the variance lost.",
        r"E(m_t-\mu_0)^2=\sigma_0^2\left[1-\prod_{j=1}^t\left(1-\frac1{nj^2}\right)\right]",
        PAPER,
        f"{ANY}, equal batches; ddof 0",
        "law",
        "d=1 n=5 t=8",
        mean_claim(
            POOLED,
            "squared_error",
            8,
            {
                "replace's formula": expectation("squared_error", 8, workflow=Replace()),
                "real data only": constant(1 / 5),
                "one generation of eight alone": expectation("squared_error", 1),
                "accumulate-subsample's": expectation(
                    "squared_error", 8, workflow=AccumulateSubsample()
                ),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/log-variance",
        "The log-variance gains E log A_t each generation, an integral of A_t's Laplace transform.",
        r"E\log v_t=\sum_{s\le t}\int_0^\infty(e^{-x}-Ee^{-xA_s})\,\frac{dx}{x}",
        DERIVED,
        f"{NORMAL}, d = 1; ddof 0",
        "law",
        "d=1 n=5 t=8",
        mean_claim(
            POOLED,
            "log_variance",
            8,
            {
                "replace's": expectation("log_variance", 8, workflow=Replace()),
                "the logarithm of the mean": lambda e: float(np.log(predict(e)["variance"][7])),
                "the first generation alone": expectation("log_variance", 1),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/variance-law",
        "The variance is a product of independent factors, each a constant plus two chi-squares.",
        r"v_t=v_{t-1}A_t,\ A_t=\frac{(t-1)n+\chi^2_{n-1}+\frac{t-1}t\chi^2_1}{tn}",
        DERIVED,
        f"{NORMAL}, d = 1; ddof 0",
        "law",
        "d=1 n=5 t=2",
        LawClaim(
            POOLED,
            _ratio(2, 400_000),
            _ratio_law(2),
            {
                "the next generation's": _ratio_law(3),
                "the unbiased estimator's": _ratio_law(2, **OTHER_DDOF),
                "one row more": _ratio_law(2, samples=6),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/w2",
        "Under accumulate E W2^2 = 2 sigma_0 (sigma_0 - E sqrt v_t): it stays bounded.",
        r"E W_2^2=2\sigma_0(\sigma_0-E\sqrt{v_t})",
        DERIVED,
        f"{NORMAL}, d = 1; ddof 0",
        "law",
        "d=1 n=5 t=8",
        MeanClaim(
            POOLED,
            quantity("w2_squared", 8),
            expectation("w2_squared", 8),
            _w2_bound(8),
            {
                "replace's": expectation("w2_squared", 8, workflow=Replace()),
                "twice the mean's part": lambda e: float(2 * predict(e)["squared_error"][7]),
                "the root of the mean variance": lambda e: float(
                    2 - 2 * np.sqrt(predict(e)["variance"][7])
                ),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/variance-unbiased",
        "Fitted with the unbiased variance, accumulate's expected variance is "
        "sigma_0^2 prod_{j=2}^t (1 - 1/(j(nj - 1))).",
        r"E v_t=\sigma_0^2\prod_{j=2}^t\left(1-\frac1{j(nj-1)}\right)",
        DERIVED,
        f"{ANY}, equal batches; ddof 1",
        "law",
        "d=1 n=5 t=8",
        mean_claim(
            POOLED_UNBIASED,
            "variance",
            8,
            {
                "maximum likelihood's": expectation("variance", 8, model=Gaussian()),
                "preserved, as under replace": expectation("variance", 8, workflow=Replace()),
                "one factor more": lambda e: float(predict(e)["variance"][7] * (1 - 1 / 4)),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/unbiased-preserves-variance",
        "That unbiased fitting preserves the expected variance under accumulate, as it does under "
        "replace, is false: the pool's rows are dependent.",
        r"E v_t=\sigma_0^2",
        "a plausible claim, as it is true of replace; refuted here",
        f"{ANY}; ddof 1",
        "refuted",
        "d=1 n=5 t=8",
        MeanClaim(
            POOLED_UNBIASED,
            quantity("variance", 8),
            expectation("variance", 8, workflow=Replace()),
            spread("variance", 8),
            {
                "up to one batch's ddof": constant(5 / 4),
                "accumulate-subsample's growth": expectation(
                    "variance", 8, workflow=AccumulateSubsample()
                ),
                "up to 2 %": constant(0.98),
            },
            side="below",
        ),
    ),
    Theorem(
        "gaussian/accumulate/any-schedule",
        "For any batch sizes E v_t = sigma_0^2 prod_s (1 - n_s/N_s^2).",
        r"E v_t=\sigma_0^2\prod_{s\le t}\left(1-\frac{n_s}{N_s^2}\right)",
        DERIVED,
        f"{ANY}; ddof 0",
        "law",
        "d=1 n=8,16,4,32,8 t=5",
        mean_claim(
            SCHEDULED,
            "variance",
            5,
            {
                "equal batches of the mean size": expectation("variance", 5, samples=14),
                "equal batches of the first size": expectation("variance", 5, samples=8),
                "replace's": expectation("variance", 5, workflow=Replace()),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/temperature",
        "A sampler at temperature lambda multiplies the pool's variance by "
        "N/N' + lambda [(n-1)/N' + N/N'^2]: growth like t^(lambda - 1).",
        r"\frac{E v_{t+1}}{E v_t}=\frac N{N'}+\lambda\left[\frac{n-1}{N'}+\frac N{N'^2}\right]",
        DERIVED,
        f"{ANY}; ddof 0",
        "law",
        "d=1 n=5 lambda=1.5 t=5",
        mean_claim(
            HOT,
            "variance",
            5,
            {
                "temperature 1": _heated(1.0),
                "the root of the temperature": _heated(1.5**0.5),
                "one generation early": expectation("variance", 4),
                "the square of the temperature": _heated(2.25),
            },
        ),
    ),
]
