"""What no estimator can beat, and what sampled rows reveal of the real ones."""

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.ledger.claims import ExactClaim
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import EPS, fixed, same
from modelcollapse.mixed.fresh import optimal_weight
from modelcollapse.solver import information, observer_errors, price, squared_errors
from modelcollapse.workflows import Accumulate, FreshData, KeepReal, Replace

DERIVED = "derived here: theory/mixed_information.py"
EQUIVARIANT = "normal mean of known variance; every estimate moves with the data"
SIZES, EIGHT = [9, 4, 7, 3], [10] * 8


def _sizes(first: int, later: int, T: int) -> list[int]:
    return [first] + [later] * (T - 1)


def _golden() -> float:
    """Return the effective real rows per batch with He's constant weight, t = 6."""
    weight = (np.sqrt(5) - 1) / 2
    return float(1 / (10 * squared_errors(FreshData(10, 10, weight), _sizes(10, 20, 6))[-1]))


def _best_weight() -> tuple[float, float, float]:
    """Enclose the limit of r/J by its value after 300 generations, at k = r/s = 1/9.

    Each generation multiplies the distance to the fixed point by (1 - w)^2 < 0.52, and rounding is
    below 600 eps.
    """
    last = 10 / float(information(FreshData(10, 90), _sizes(10, 100, 300))[-1])
    return float(optimal_weight(10, 90)), last - 600 * EPS, last + 600 * EPS


def least_squares(weights: Floats, sizes: list[int]) -> float:
    """Return the variance of the best unbiased estimate from batches 2..T, by their covariances.

    Row t of `weights` has those of the batches in model t.
    """
    T = len(sizes)
    noise = np.zeros((T, T))  # the mean of batch s, as a sum of independent noises
    noise[0, 0] = 1.0
    for s in range(1, T):
        noise[s] = weights[s - 1, :s] @ noise[:s]
        noise[s, s] = 1.0
    seen = noise[1:] / np.sqrt(sizes)
    solved = np.linalg.solve(seen @ seen.T, np.ones(T - 1))
    return float(1 / solved.sum())


def _pooled() -> Floats:
    return np.tri(8) / np.arange(1, 9)[:, None]


def _outside() -> tuple[float, float, float]:
    """Enclose n times the observer's error in the limit: 6/pi^2 bounds by the tail's integral."""
    T = 10**5
    last = 10 * float(observer_errors(Accumulate(), np.full(T, 10))[-1])
    # H = sum_{s < T} 1/s^2 misses between 1/T and 1/(T - 1); 1/H falls by less than that.
    return 1 + 6 / np.pi**2, last - 1 / (T - 1), last


THEOREMS = [
    Theorem(
        "mixed/replace/information",
        "Under replace the squared error is at least the sum of 1/n_s for every estimator that "
        "moves with the data: collapse is a loss of information, and the mean reaches the bound.",
        r"E(\hat\theta_t-\theta)^2\ge\sigma^2\sum_{s\le t}\frac1{n_s}",
        f"{DERIVED}; by Stam's inequality (1959)",
        EQUIVARIANT,
        "bound",
        "n=9,4,7,3: the mean's squared error times the information",
        ExactClaim(
            same(lambda: float(price(Replace(), SIZES)[-1]), fixed(1.0), 100),
            {
                "the real rows' information": lambda: float(
                    9 * squared_errors(Replace(), SIZES)[-1]
                ),
                "that of the last batch": lambda: float(3 * squared_errors(Replace(), SIZES)[-1]),
                "accumulate's price": lambda: float(price(Accumulate(), SIZES)[-1]),
            },
        ),
    ),
    Theorem(
        "mixed/fresh-data/information",
        "With as many fresh rows as sampled ones nobody knows more than a ratio of Fibonacci "
        "numbers of batches; weights that change from generation to generation reach it.",
        r"J_t\sigma^2/n=F_{2t}/F_{2t-1}:\ 1,\tfrac32,\tfrac85,\tfrac{21}{13},\ldots",
        f"{DERIVED}; the constant weight: He, Xu & Cheng, arXiv 2502.18049",
        EQUIVARIANT,
        "bound",
        "n=r=s=10 t=6",
        ExactClaim(
            same(
                lambda: float(information(FreshData(10, 10), _sizes(10, 20, 6))[-1]) / 10,
                fixed(144 / 89),
                100,
            ),
            {
                "the golden ratio, its limit": fixed((1 + np.sqrt(5)) / 2),
                "the golden weight from the start": _golden,
                "all rows pooled": lambda: float(
                    1 / (10 * squared_errors(FreshData(10, 10), _sizes(10, 20, 6))[-1])
                ),
                "one generation early": fixed(55 / 34),
            },
        ),
    ),
    Theorem(
        "mixed/fresh-data/nobody-beats-the-best-weight",
        "The best constant weight of the real rows is that of the best estimator of all, in the "
        "limit: neither other estimates nor weights that change do better for ever.",
        r"r/(\sigma^2J_t)\to w^*,\quad w^{*2}+kw^*-k=0,\ k=r/s",
        f"{DERIVED}; the weight: He, Xu & Cheng, arXiv 2502.18049",
        EQUIVARIANT,
        "limit",
        "r=10 s=90 t=300",
        ExactClaim(
            _best_weight,
            {
                "the share of real rows": fixed(0.1),
                "one half": fixed(0.5),
                "the golden ratio": fixed((np.sqrt(5) - 1) / 2),
                "sqrt k": fixed(1 / 3),
            },
        ),
    ),
    Theorem(
        "mixed/accumulate/outside-observer",
        "Who sees all sampled rows but no real one knows the mean to (1 + 1/H)/n, H the sum of "
        "1/s^2 over the models that they came from.",
        r"\frac1{n_1}+\frac1{\sum_{s=2}^tn_sW_{s-1,1}^2}=\frac1n\left(1+\frac1{H^{(2)}_{t-1}}\right)",
        DERIVED,
        "normal mean of known variance; unbiased linear estimates",
        "identity",
        "n=10 t=8: against least squares with the exact covariances",
        ExactClaim(
            same(
                lambda: float(observer_errors(Accumulate(), EIGHT)[-1]),
                lambda: least_squares(_pooled(), EIGHT),
                1000,
            ),
            {
                "the model's own error": lambda: float(squared_errors(Accumulate(), EIGHT)[-1]),
                "H of t": fixed(0.1 * (1 + 1 / float(np.sum(1 / np.arange(1, 9) ** 2.0)))),
                "the real rows'": fixed(0.1),
                "replace's": lambda: float(observer_errors(Replace(), EIGHT)[-1]),
            },
        ),
    ),
    Theorem(
        "mixed/accumulate/outsiders-overtake",
        "In the limit an outsider with sampled rows alone is better off, by 1 + 6/pi^2 = 1.608, "
        "than the model that has the real rows too, by pi^2/6 = 1.645.",
        r"\lim nE=1+\frac6{\pi^2}<\frac{\pi^2}6",
        DERIVED,
        "normal mean of known variance; equal batches",
        "limit",
        "n=10 t=100000",
        ExactClaim(
            _outside,
            {
                "the model's pi^2/6": fixed(np.pi**2 / 6),
                "replace's 2": fixed(2.0),
                "with kept real rows 1": lambda: float(
                    10 * observer_errors(KeepReal(0.3), [10] * 500)[-1]
                ),
            },
        ),
    ),
]
