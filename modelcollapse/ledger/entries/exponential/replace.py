"""Replace: exponential, linear and saturating growth, and absorption."""

from math import exp

from modelcollapse.families.exponential.families import Binomial, Gamma, Poisson
from modelcollapse.ledger.claims import BoundedClaim, Design, mean_claim
from modelcollapse.ledger.entries.exponential.common import DERIVED, LARGE, QUADRATIC, loop
from modelcollapse.ledger.entries.sharpened import rows_within
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import constant, expectation, quantity
from modelcollapse.loop.experiment import Experiment
from modelcollapse.workflows import Accumulate, Replace


def gamma() -> Experiment:
    """Exponential variables, n = 10."""
    return loop(Gamma(), Replace(), 10, 6)


def poisson() -> Experiment:
    """Poisson counts of mean 1/2, n = 4."""
    return loop(Poisson(), Replace(), 4, 5, truth=0.5)


def bernoulli() -> Experiment:
    """Coin flips, n = 5."""
    return loop(Binomial(), Replace(), 5, 8)


def scheduled() -> Experiment:
    """Gamma variables of shape 4, with growing batches."""
    return loop(Gamma(4.0), Replace(), [4, 8, 2, 16], 4)


GAMMA, POISSON = Design(gamma, 1_000_000), Design(poisson, 400_000)
BERNOULLI, SCHEDULED = Design(bernoulli, 400_000), Design(scheduled, 400_000)

LINEAR_FROM = rows_within(lambda n: n * ((1 + 1 / n) ** 5 - 1), lambda _: 5.0)

THEOREMS = [
    Theorem(
        "exponential/replace/squared-error-gamma",
        "Under replace with v2 > 0 the squared error grows exponentially.",
        r"E(m_t-m_0)^2=\frac{V}{v_2}\left[(1+v_2/n)^t-1\right]",
        DERIVED,
        QUADRATIC,
        "law",
        "gamma shape=1 n=10 t=6",
        mean_claim(
            GAMMA,
            "squared_error",
            6,
            {
                "linear growth": constant(6 / 10),
                "one generation early": expectation("squared_error", 5),
                "the other sign of v2": constant(1 - 0.9**6),
                "accumulate's": expectation("squared_error", 6, workflow=Accumulate()),
            },
        ),
    ),
    Theorem(
        "exponential/replace/faster-than-linearly",
        "For large n replace inflates the first fit's risk t-fold; with few rows and v2 > 0 it "
        "inflates it by more, exponentially in t.",
        r"\frac{n\,E(m_t-m_0)^2}V=\frac n{v_2}\left[(1+v_2/n)^t-1\right]"
        r"=t+\binom t2\frac{v_2}n+\dots",
        LARGE,
        QUADRATIC,
        "sharpened",
        f"gamma shape=1 n=10 t=5; t is at most 1 % off from n={LINEAR_FROM} on",
        mean_claim(
            GAMMA,
            "inflation",
            5,
            {
                "large n: t": constant(5.0),
                "with the second step's slope": constant(1 + 4 * 1.1),
                "the other sign of v2": constant(10 * (1 - 0.9**5)),
            },
        ),
    ),
    Theorem(
        "exponential/replace/squared-error-poisson",
        "Under replace with v2 = 0 the squared error grows linearly, without end.",
        r"E(m_t-m_0)^2=tV/n",
        DERIVED,
        QUADRATIC,
        "law",
        "poisson mean=0.5 n=4 t=5",
        mean_claim(
            POISSON,
            "squared_error",
            5,
            {
                "exponential growth, v2 = 1": constant((1 + 1 / 4) ** 5 - 1),
                "saturation, v2 = -1": constant(1 - (1 - 1 / 4) ** 5),
                "one generation early": expectation("squared_error", 4),
            },
        ),
    ),
    Theorem(
        "exponential/replace/squared-error-binomial",
        "Under replace with v2 < 0 the squared error saturates at V/|v2|: the fit ends at 0 or N.",
        r"E(m_t-m_0)^2=\frac{V}{|v_2|}\left[1-(1-|v_2|/n)^t\right]",
        DERIVED,
        QUADRATIC,
        "law",
        "binomial trials=1 mean=0.5 n=5 t=8",
        BoundedClaim(
            BERNOULLI,
            quantity("squared_error", 8),
            expectation("squared_error", 8),
            constant(0.0),
            constant(1.0),
            {
                "linear growth": constant(8 / 5),
                "one generation early": expectation("squared_error", 7),
                "two trials": expectation("squared_error", 8, model=Binomial(2)),
                "the limit": constant(1.0),
            },
        ),
    ),
    Theorem(
        "exponential/replace/any-schedule",
        "Under replace with batches n_1, n_2, ... the variance is multiplied by 1 + v2/n_s.",
        r"E(m_t-m_0)^2=\frac{V}{v_2}\left[\prod_{s\le t}(1+v_2/n_s)-1\right]",
        DERIVED,
        QUADRATIC,
        "law",
        "gamma shape=4 n=4,8,2,16 t=4",
        mean_claim(
            SCHEDULED,
            "squared_error",
            4,
            {
                "equal batches of the first size": constant(4 * ((1 + 1 / 16) ** 4 - 1)),
                "equal batches of the mean size": expectation("squared_error", 4, samples=7),
                "accumulate's": expectation("squared_error", 4, workflow=Accumulate()),
            },
        ),
    ),
    Theorem(
        "exponential/replace/absorbed-poisson",
        "Under replace a Poisson loop is a critical branching process: it is extinct at "
        "generation t with probability exp(-n m_0 u_t).",
        r"P(m_t=0)=e^{-nm_0u_t},\ u_1=1,\ u_{t+1}=1-e^{-u_t}",
        "the Poisson limit of theory/discrete.py; exact here",
        "Poisson, equal batches",
        "law",
        "poisson mean=0.5 n=4 t=5",
        BoundedClaim(
            POISSON,
            quantity("absorbed", 5),
            expectation("absorbed", 5),
            constant(0.0),
            constant(1.0),
            {
                "real rows alone": constant(exp(-2)),
                "one generation early": expectation("absorbed", 4),
                "u_t = 2/(t + 1)": constant(exp(-2 * 2 / 6)),
                "u_t = 1/t": constant(exp(-2 / 5)),
            },
        ),
    ),
    Theorem(
        "exponential/replace/absorbed-binomial",
        "Under replace a binomial loop is absorbed as the chain of its totals says.",
        r"P(m_t\in\{0,N\})=(P^t)_{\cdot,0}+(P^t)_{\cdot,nN},\ "
        r"P_{ij}=\binom{nN}jp_i^j(1-p_i)^{nN-j}",
        DERIVED,
        "binomial",
        "law",
        "binomial trials=1 mean=0.5 n=5 t=8",
        BoundedClaim(
            BERNOULLI,
            quantity("absorbed", 8),
            expectation("absorbed", 8),
            constant(0.0),
            constant(1.0),
            {
                "the lost variance": expectation("squared_error", 8),
                "one end only": lambda e: expectation("absorbed", 8)(e) / 2,
                "one generation early": expectation("absorbed", 7),
            },
        ),
    ),
]
