"""Models that train on each other's rows: their errors, and how alike they become."""

from functools import cache

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.ledger.claims import ExactClaim
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import EPS, Number, fixed, same
from modelcollapse.solver import exchange_errors

OWN, OTHER, T = 3, 1, 6  # rows of a coin, fair at first
MODELS, N, FAR = 3, 10, 400
RATE = (0.6 - 0.2) ** 2  # (a - b)^2, with the share 0.4 from the others


@cache
def _law() -> Floats:
    """Return P(counts of two coins) after T generations, from the 25 pairs of counts: (5, 5)."""
    n = OWN + OTHER
    p = np.arange(n + 1) / n

    def binomial(rows: int) -> Floats:
        from scipy.special import binom

        k = np.arange(rows + 1)
        return np.asarray(binom(rows, k) * p[:, None] ** k * (1 - p[:, None]) ** (rows - k))

    own, other = binomial(OWN), binomial(OTHER)
    step = np.zeros((n + 1, n + 1, n + 1))  # of a model's count, given its own and the other's
    for i in range(OWN + 1):
        for j in range(OTHER + 1):
            step[:, :, i + j] += own[:, None, i] * other[None, :, j]
    real = binomial(n)[n // 2]
    law = np.outer(real, real)
    for _ in range(T - 1):
        law = np.einsum("ij,ijk,jil->kl", law, step, step)
    return law


def _enumerated(one: int, two: int) -> Number:
    """Return E d_i d_j of the two coins over V = 1/4, from their whole law."""

    def value() -> float:
        gap = np.arange(OWN + OTHER + 1) / (OWN + OTHER) - 0.5
        gaps = gap[:, None], gap[None, :]
        return float(4 * (_law() * gaps[one] * gaps[two]).sum())

    return value


def _error(one: int, two: int, own: int = OWN, other: int = OTHER, v2: float = -1.0) -> Number:
    rows = [[own, other], [other, own]]
    return lambda: float(exchange_errors(rows, T, curvature=v2)[-1, one, two])


def _alike() -> Floats:
    rows = np.full((MODELS, MODELS), 2) + 4 * np.eye(MODELS, dtype=np.int64)
    return exchange_errors(rows, FAR)


def _slope() -> float:
    return float(_alike()[-1, 0, 0] - _alike()[-2, 0, 0])


def _apart() -> float:
    return float(_alike()[-1, 0, 0] - _alike()[-1, 0, 1])


def _settled(value: Number, limit: float) -> tuple[float, float, float]:
    """Enclose a limit by the recursion: what is left decays like (a - b)^(2t), and rounds."""
    slack = RATE**FAR + FAR * EPS
    return limit, value() - slack, value() + slack


THEOREMS = [
    Theorem(
        "mixed/exchange/error",
        "Models that train on each other's rows lose the truth together: one linear recursion "
        "has their errors, and what these have in common.",
        r"C'=PCP^{\top}+\mathrm{diag}_i\sum_jn_{ij}(1+v_2C_{jj})/n_i^2,\ P_{ij}=n_{ij}/n_i",
        "derived here: theory/weights.py",
        "quadratic variance function; each model's rows are drawn for it alone",
        "identity",
        "two coins, 3 own rows and 1 of the other, t=6",
        ExactClaim(
            same(_error(0, 0), _enumerated(0, 0), 100),
            {
                "each alone": _error(0, 0, OWN + OTHER, 0),
                "one model with all rows": _error(0, 0, 2 * (OWN + OTHER), 0),
                "half the rows from each": _error(0, 0, 2, 2),
                "a known variance": _error(0, 0, v2=0.0),
            },
        ),
        keywords="ecosystem network several models each other",
    ),
    Theorem(
        "mixed/exchange/common",
        "What two of them have in common follows from the same recursion: 0 at first, and nearly "
        "all in the end.",
        r"E\,d_1d_2=C_{12}",
        "derived here: theory/weights.py",
        "quadratic variance function; each model's rows are drawn for it alone",
        "identity",
        "two coins, 3 own rows and 1 of the other, t=6",
        ExactClaim(
            same(_error(0, 1), _enumerated(0, 1), 100),
            {
                "nothing in common": fixed(0.0),
                "the whole error": _error(0, 0),
                "half the rows from each": _error(0, 1, 2, 2),
                "a known variance": _error(0, 1, v2=0.0),
            },
        ),
    ),
    Theorem(
        "mixed/exchange/slope",
        "However little K models give each other, in the end each forgets K times more slowly "
        "than alone.",
        r"E\,d_i^2(t+1)-E\,d_i^2(t)\to\frac{1}{Kn},\quad\mu>0",
        "derived here: theory/weights.py",
        "v2 = 0; K models alike",
        "limit",
        "K=3 n=10 mu=0.4",
        ExactClaim(
            lambda: _settled(_slope, 1 / (MODELS * N)),
            {
                "each alone": fixed(1 / N),
                "one fresh row less": fixed(1 / (MODELS * N - 1)),
                "by the share that is given": fixed(0.6 / N),
            },
        ),
    ),
    Theorem(
        "mixed/exchange/copies",
        "Models that train on each other's rows become copies of each other: their distance stays "
        "bounded, while their error grows.",
        r"C_{ii}-C_{ij}\to\frac{1/n}{1-(a-b)^2},\ a=1-\mu,\ b=\frac{\mu}{K-1}",
        "derived here: theory/weights.py",
        "v2 = 0; K models alike",
        "limit",
        "K=3 n=10 mu=0.4",
        ExactClaim(
            lambda: _settled(_apart, 1 / N / (1 - RATE)),
            {
                "they grow apart": lambda: _alike()[-1, 0, 0],
                "one generation's noise": fixed(1 / N),
                "b = 0": fixed(1 / N / (1 - 0.6**2)),
                "a + b": fixed(1 / N / (1 - 0.8**2)),
            },
        ),
        keywords="homogenised ecosystem several models alike",
    ),
]
