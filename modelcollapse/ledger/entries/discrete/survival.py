"""Survival and absorption under replace: laws, bounds and limits."""

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.discrete import lost
from modelcollapse.families.discrete.survival import (
    finite_survival_bounds,
    poisson_survival,
    survival,
    survival_bounds,
)
from modelcollapse.ledger.claims import Design, ExactClaim, MeanClaim
from modelcollapse.ledger.entries.discrete.common import (
    ANY,
    DERIVED,
    SHARES,
    SHUMAILOV,
    SURESH,
    N,
    loop,
)
from modelcollapse.ledger.entries.sharpened import CLOSE
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import EPS, Number, Value, constant, fixed
from modelcollapse.loop.experiment import Experiment, Trajectories
from modelcollapse.workflows import Replace

RARE, EARLY, LATE = 3, 4, 40  # an outcome, and generations
SIDE = 1 - SHARES[1]
LARGE, DEEP = 10**8, 1000


def dying() -> Experiment:
    """Replace until one outcome is left."""
    return loop(Replace(), generations=LATE)


DYING = Design(dying, 200_000, extra=("probabilities",), at=(EARLY, LATE))


def _there(runs: Trajectories) -> Floats:
    return np.asarray(runs["probabilities"][:, 0, RARE] > 0, dtype=np.float64)


def _alone(runs: Trajectories) -> Floats:
    return np.asarray(runs["probabilities"][:, 1, 1] == 1, dtype=np.float64)


def _survives(generation: int) -> Value:
    return lambda _: float(survival(N, SHARES[RARE], generation)[-1])


def _bernoulli(value: Value) -> Value:
    return lambda e: value(e) * (1 - value(e))


def fixation(generation: int) -> Value:
    """Return the probability that outcome 1 alone is left."""
    return lambda e: float(lost.absence(e, np.array([SIDE]))[generation - 1, 0])


def _fixed_in_the_end() -> tuple[float, float, float]:
    """p_i - P(i alone at t) is the mean of p_i where two are left: at most their probability.

    Where two are left 1 - sum p^2 is at least 2 (n-1)/n^2, and its mean is H_0 (1-1/n)^t.
    """
    generations = 200
    e = loop(Replace(), generations=generations)
    reached = fixation(generations)(e)
    left = (1 - 1 / N) ** generations * N**2 / (2 * (N - 1))
    slack = 8 * generations * EPS
    return SHARES[1], reached * (1 - slack), (reached + left) * (1 + slack)


def _least_ratio(rate: float, shift: float = 0.0) -> Number:
    """Return the least of survival over 1 - exp(-rate n p/(t + shift)), over many n, p and t."""

    def value() -> float:
        t, least = np.arange(1, 61), np.inf
        for n in (1, 2, 5, 30, 300):
            p = np.array([1e-6, 0.01, 0.1, 0.3, 0.7]) if n < 300 else np.array([1e-6, 1e-3, 0.01])
            claimed = -np.expm1(-rate * n * p[:, None] / (t + shift))
            least = min(least, float((survival(n, p, 60) / claimed).min()))
        return least

    return value


def _explicit() -> tuple[float, float, float]:
    """At p = 1e-6 and t = 1 the ratio is 1 but for rounding."""
    return _least_ratio(1.0)(), 1 - 1e4 * EPS, np.inf


def _enclosed(n: int, expected: float, generation: int) -> tuple[float, float]:
    low, high = finite_survival_bounds(n, expected / n, generation)
    slack = 16 * generation * EPS
    return float(low[-1]) * (1 - slack), float(high[-1]) * (1 + slack)


def _exact_inside() -> tuple[float, float, float]:
    return float(survival(300, 0.01, 20)[-1]), *_enclosed(300, 3.0, 20)


def _limit_inside() -> tuple[float, float, float]:
    """Enclose the limit by the exact chain at n rows.

    The limit is at most the lower bound at n, which is at most the chain's survival; it is above
    that lower bound less (m u)^2/n, as e^{-nx} - (1-x)^n <= n x^2, and u <= 2/(t+1).
    """
    n, m, generation = 1000, 3.0, 20
    chain = float(survival(n, m / n, generation)[-1])
    low, high = _enclosed(n, m, generation)
    apart = high - low + (2 * m / (generation + 1)) ** 2 / n
    return float(poisson_survival(m, generation)[-1]), chain - apart, chain + 1e3 * EPS


def _exponent(chance: float) -> float:
    """Return t times the exponent -log(1 - survival)/(n p)."""
    return float(-DEEP * np.log1p(-chance) / 3)


def _exponent_inside() -> tuple[float, float, float]:
    """Enclose the exponent by the bounds at n = LARGE, of which the limit is at most the upper."""
    low, high = _enclosed(LARGE, 3.0, DEEP)
    apart = (6 / (DEEP + 1)) ** 2 / LARGE  # see `_limit_inside`
    predicted = float(poisson_survival(3.0, DEEP)[-1])
    return _exponent(predicted), _exponent(low - apart), _exponent(high)


def _bound_until() -> int:
    """Return the first generation at which the bound of arXiv 2412.17646 is more than 1 % off."""
    bound = survival_bounds(3.0, np.arange(1, DEEP + 1))[0]
    return int(np.argmax(bound < (1 - CLOSE) * poisson_survival(3.0, DEEP))) + 1


THEOREMS = [
    Theorem(
        "discrete/replace/survival",
        "A rare outcome survives with the probability of a binomial chain.",
        r"P(p_{t,i}>0)=1-E(1-p_i)^{D_t}",
        DERIVED,
        ANY,
        "law",
        f"n={N} t={EARLY} p_i={SHARES[RARE]}",
        MeanClaim(
            DYING,
            _there,
            _survives(EARLY),
            _bernoulli(_survives(EARLY)),
            {
                "the Poisson limit": constant(float(poisson_survival(N * SHARES[RARE], EARLY)[-1])),
                "one generation early": _survives(EARLY - 1),
                "the bound of arXiv 2412.17646": constant(
                    float(-np.expm1(-N * SHARES[RARE] / EARLY))
                ),
            },
        ),
    ),
    Theorem(
        "discrete/replace/fixation",
        "Which outcome is left in the end is a draw from the truth: outcome i with probability "
        "p_i, up to the runs that have not yet collapsed.",
        r"P(p_{t,i}=1)=E\,p_i^{D_t}\to p_i",
        SHUMAILOV,
        ANY,
        "law",
        f"n={N} t={LATE} p_i={SHARES[1]}",
        MeanClaim(
            DYING,
            _alone,
            fixation(LATE),
            _bernoulli(fixation(LATE)),
            {
                "all alike": constant(1 / len(SHARES)),
                "the larger, the likelier: p_i^2": constant(
                    SHARES[1] ** 2 / sum(p * p for p in SHARES)
                ),
                "the largest always": constant(0.0),
            },
        ),
    ),
    Theorem(
        "discrete/replace/fixation-limit",
        "In the limit outcome i alone is left with probability p_i exactly.",
        r"\lim_tP(p_{t,i}=1)=p_i",
        SHUMAILOV,
        ANY,
        "limit",
        f"n={N} t=200 p_i={SHARES[1]}",
        ExactClaim(
            _fixed_in_the_end,
            {
                "all alike": fixed(0.25),
                "p_i^2, normalised": fixed(SHARES[1] ** 2 / sum(p * p for p in SHARES)),
                "0.1 % more": fixed(1.001 * SHARES[1]),
            },
        ),
    ),
    Theorem(
        "discrete/replace/survival-at-least",
        "An outcome survives t generations with at least the probability 1 - exp(-n p/t).",
        r"P(p_{t,i}>0)\ge1-e^{-np_i/t}",
        SURESH,
        ANY,
        "bound",
        "n=1..300 p=1e-6..0.7 t<=60",
        ExactClaim(
            _explicit,
            {
                "1 % more": _least_ratio(1.01),
                "half a generation less": _least_ratio(1.0, -0.5),
                "twice, a generation later": _least_ratio(2.0, 1.0),
            },
        ),
    ),
    Theorem(
        "discrete/replace/survival-between",
        "The survival lies between two bounds that close as n grows.",
        r"1-(1-u_{t-1}p)^n\le P\le1-(1-p)^{d_t},\ u_{j+1}=1-e^{-u_j},\ "
        r"d_{t+1}=n[1-(1-\tfrac1n)^{d_t}]",
        DERIVED,
        ANY,
        "bound",
        "n=300 p=0.01 t=20",
        ExactClaim(
            _exact_inside,
            {
                "one generation early": lambda: float(survival(300, 0.01, 19)[-1]),
                "arXiv 2412.17646's bound": fixed(float(-np.expm1(-3 / 20))),
                "2/(t+1) in the exponent": fixed(float(-np.expm1(-6 / 21))),
            },
        ),
    ),
    Theorem(
        "discrete/replace/survival-poisson",
        "With many rows an outcome expected m times survives with probability 1 - exp(-m u_{t-1}).",
        r"\lim_{n\to\infty,\,np=m}P(p_{t,i}>0)=1-e^{-mu_{t-1}},\ u_0=1,\ u_{j+1}=1-e^{-u_j}",
        DERIVED,
        ANY,
        "limit",
        "m=3 t=20 n=1000",
        ExactClaim(
            _limit_inside,
            {
                "300 rows": lambda: float(survival(300, 0.01, 20)[-1]),
                "1/t in the exponent": fixed(float(-np.expm1(-3 / 20))),
                "2/(t+1) in the exponent": fixed(float(-np.expm1(-6 / 21))),
                "one generation early": lambda: float(poisson_survival(3.0, 19)[-1]),
            },
        ),
    ),
    Theorem(
        "discrete/replace/survival-exponent",
        "The exponent of an outcome's survival, at least n p/t, is n p u_{t-1} with many rows, "
        "twice that for large t.",
        r"\lim_{n\to\infty,\,np=m}-\log P(p_{t,i}=0)=mu_{t-1}\sim2m/t,\ "
        r"u_0=1,\ u_{j+1}=1-e^{-u_j}",
        f"{SURESH}, a bound; {DERIVED}",
        ANY,
        "sharpened",
        f"m=3 t={DEEP} n=10^8; the bound is more than 1 % off from t={_bound_until()} on",
        ExactClaim(
            _exponent_inside,
            {
                "the bound n p/t": fixed(1.0),
                "large t: 2 n p/t": fixed(2.0),
                "2 n p/(t + 1)": fixed(2 * DEEP / (DEEP + 1)),
            },
        ),
    ),
]
