"""Replace: variance, squared error and standard deviation."""

from dataclasses import replace

import numpy as np

from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.families.gaussian.limits import tail_bound
from modelcollapse.families.gaussian.replace_laws import factor_power
from modelcollapse.ledger.claims import MeanClaim, mean_claim
from modelcollapse.ledger.entries.gaussian.common import DERIVED, NORMAL, OTHER_DDOF, PAPER
from modelcollapse.ledger.entries.gaussian.replace_designs import BIASED, UNBIASED
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import Statistic, Value, constant, expectation, quantity
from modelcollapse.loop.experiment import Experiment, predict
from modelcollapse.workflows import Accumulate


def _root(t: int) -> Statistic:
    return lambda runs: np.sqrt(quantity("variance", t)(runs))


def _root_variance(t: int) -> Value:
    return lambda e: float(predict(e)["variance"][t - 1] - tail_bound(e, 1.0)[t - 1] ** 2)


def _square(t: int) -> Value:
    def value(e: Experiment) -> float:
        p = predict(e)
        return float(p.variances["variance"][t - 1] + p["variance"][t - 1] ** 2)

    return value


def _square_variance(t: int) -> Value:
    """Return Var v^2 from the fourth power of the chi-square factors."""

    def value(e: Experiment) -> float:
        fourth, second = (np.prod(factor_power(e, p)[:t]) for p in (4.0, 2.0))
        return float(fourth - second**2)

    return value


THEOREMS = [
    Theorem(
        "gaussian/replace/variance",
        "Under replace with maximum likelihood the expected variance shrinks by 1 - 1/n each "
        "generation: collapse.",
        r"E v_t = \sigma_0^2 (1 - 1/n)^t",
        PAPER,
        f"{NORMAL}; ddof 0",
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
                "1/(n-1) for 1/n": constant((1 - 1 / 9) ** 4),
            },
        ),
        keywords="vanish",
    ),
    Theorem(
        "gaussian/replace/variance-second-moment",
        "The variance's second moment grows by (n+1)/(n-1) relative to the squared mean: soon its "
        "mean is carried by rare runs.",
        r"E v_t^2=\sigma_0^4\left[(1-1/n)^2\,\tfrac{n+1}{n-1}\right]^t",
        DERIVED,
        f"{NORMAL}, d = 1; ddof 0",
        "law",
        "d=1 n=10 t=2",
        MeanClaim(
            BIASED,
            lambda runs: quantity("variance", 2)(runs) ** 2,
            _square(2),
            _square_variance(2),
            {
                "the squared mean": lambda e: float(predict(e)["variance"][1] ** 2),
                "the unbiased estimator's": lambda e: _square(2)(replace(e, **OTHER_DDOF)),
                "(n+2)/n for (n+1)/(n-1)": constant((0.81 * 1.2) ** 2),
            },
        ),
    ),
    Theorem(
        "gaussian/replace/squared-error",
        "The mean wanders to E(m_t - mu_0)^2 = sigma_0^2 (1 - (1 - 1/n)^t), which never exceeds "
        "sigma_0^2 under maximum likelihood.",
        r"E(m_t-\mu_0)^2 = \sigma_0^2 [1 - (1 - 1/n)^t]",
        DERIVED,
        f"{NORMAL}; ddof 0",
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
        f"{NORMAL}; ddof 1",
        "law",
        "d=1 n=10 t=4",
        mean_claim(
            UNBIASED,
            "squared_error",
            4,
            {
                "maximum likelihood's": expectation("squared_error", 4, model=Gaussian()),
                "one generation late": expectation("squared_error", 5),
                "t/(n-1)": constant(4 / 9),
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
                "one batch's error missing": constant(1 - 1 / 10),
            },
        ),
    ),
    Theorem(
        "gaussian/replace/contraction-factor",
        "The standard deviation contracts by b_n = sqrt(2/n) Gamma(n/2)/Gamma((n-1)/2) each "
        "generation.",
        r"E\sqrt{v_t} = \sigma_0 b_n^t",
        "Bertrand et al., arXiv 2310.00429 (factor alpha(n)); form derived here",
        f"{NORMAL}; ddof 0",
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
