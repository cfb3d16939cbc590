"""Limits t -> infinity of accumulate, decided by enclosures."""

import numpy as np

from modelcollapse.ledger.claims import ExactClaim
from modelcollapse.ledger.entries.regression.common import DERIVED, FIXED, FRESH, PAPER, last, loop
from modelcollapse.ledger.entries.sharpened import rows_within
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import EPS, fixed
from modelcollapse.loop.experiment import predict
from modelcollapse.solver import inflation
from modelcollapse.workflows import Accumulate, Replace

D, N, T = 5, 20, 100_000
LARGE = 100_000
FIRST = D / (N - D - 1)  # the risk of the first fit


def _fixed_enclosure() -> tuple[float, float, float]:
    """sum_{i > T} 1/i^2 lies in (1/(T + 1), 1/T)."""
    e = loop(Accumulate(), "fixed", D, N, T)
    reached, slack = last(e), 8 * T * EPS
    low, high = reached + FIRST / (T + 1), reached + FIRST / T
    return float(predict(e).limits["risk"]), low * (1 - slack), high * (1 + slack)


def _fresh_enclosure() -> tuple[float, float, float]:
    """d/(i (i n - d - 1)) lies between d/(n i^2) and d/((n - (d + 1)/T) i^2) for i > T."""
    e = loop(Accumulate(), "fresh", D, N, T)
    reached, slack = last(e), 8 * T * EPS
    low, high = reached + D / N / (T + 1), reached + D / (N - (D + 1) / T) / T
    return float(predict(e).limits["risk"]), low * (1 - slack), high * (1 + slack)


def _cost(n: int) -> float:
    """Return the limit with new inputs over the risk of the first fit."""
    predicted = predict(loop(Accumulate(), "fresh", D, n, 2))
    return float(predicted.limits["risk"] / predicted["risk"][0])


def _ratio() -> tuple[float, float, float]:
    """Return the predicted cost with new inputs, and its enclosure."""
    _, low, high = _fresh_enclosure()
    return _cost(N), low / FIRST * (1 - 8 * EPS), high / FIRST * (1 + 8 * EPS)


# With d + 2 rows at least the cost is finite; here n counts those beyond d + 1.
BOUND_FROM = D + 1 + rows_within(lambda n: _cost(D + 1 + n), lambda _: np.pi**2 / 6)


def large_sample() -> tuple[float, float, float]:
    """A step is (1/s) n/(n s - d - 1): above 1/s^2 by (d + 1)/(n s^3 - (d + 1) s^2)."""
    d, t = 3, 6
    e = loop(Accumulate(), "fresh", d, LARGE, t)
    found = float(predict(e)["risk"][-1]) * LARGE / d
    claimed = float(inflation(Accumulate(), [LARGE] * t)[-1])
    above = sum((d + 1) / (LARGE * s**3 - (d + 1) * s**2) for s in range(1, t + 1))
    return claimed, found - 1.01 * above, found + 64 * EPS


THEOREMS = [
    Theorem(
        "regression/accumulate/fixed-design-limit",
        "Accumulating for ever costs pi^2/6 times the first fit, and never more, whatever n and d.",
        r"\lim_tE|\hat w_t-w^*|^2=\frac{\pi^2}6\cdot\frac{\sigma^2d}{n-d-1}",
        PAPER,
        f"{FIXED}; n >= d + 2",
        "limit",
        f"d={D} n={N} t={T}",
        ExactClaim(
            _fixed_enclosure,
            {
                "no cost": fixed(FIRST),
                "new inputs' limit": lambda: _fresh_enclosure()[0],
                "replace's generation 2": lambda: last(loop(Replace(), "fixed", D, N, 2)),
                "2 % more": fixed(1.02 * np.pi**2 / 6 * FIRST),
            },
        ),
    ),
    Theorem(
        "regression/accumulate/fresh-design-limit",
        "With new inputs the limit is a difference of digamma functions.",
        r"\lim_tE|\hat w_t-w^*|^2=\sigma^2\frac d{d+1}"
        r"\left[\psi(1)-\psi\left(1-\tfrac{d+1}n\right)\right]",
        DERIVED,
        f"{FRESH}; n >= d + 2",
        "limit",
        f"d={D} n={N} t={T}",
        ExactClaim(
            _fresh_enclosure,
            {
                "the fixed design's": fixed(np.pi**2 / 6 * FIRST),
                "no cost": fixed(FIRST),
                "pi^2/6 d/n": fixed(np.pi**2 / 6 * D / N),
                "2 % more": lambda: 1.02 * _fresh_enclosure()[0],
            },
        ),
    ),
    Theorem(
        "regression/accumulate/fresh-design-below-pi-squared-over-6",
        "Accumulating costs at most pi^2/6 times the first fit, which a fixed design attains; with "
        "new inputs it costs less.",
        r"\lim_t\frac{E|\hat w_t-w^*|^2}{E|\hat w_1-w^*|^2}=\frac{n-d-1}{d+1}"
        r"\left[\psi(1)-\psi\left(1-\tfrac{d+1}n\right)\right]<\frac{\pi^2}6",
        f"{PAPER}, a bound; {DERIVED}",
        f"{FRESH}; n >= d + 2",
        "sharpened",
        f"d={D} n={N} t={T}; pi^2/6 is at most 1 % off from n={BOUND_FROM} on",
        ExactClaim(
            _ratio,
            {
                "the bound pi^2/6": fixed(np.pi**2 / 6),
                "no cost": fixed(1.0),
                "accumulate-subsample's pi^2/2 - 2": fixed(np.pi**2 / 2 - 2),
                "pi^2/6 d/n over the first fit": fixed(np.pi**2 / 6 * D / N / FIRST),
            },
        ),
    ),
    Theorem(
        "regression/accumulate/large-sample-law",
        "For many rows the excess risk is d sigma^2/n times the number that the workflow gives "
        "every regular model.",
        r"\lim_{n\to\infty}\frac n{d\sigma^2}E|\hat w_t-w^*|^2=\sum_{s\le t}s^{-2}",
        "derived here: theory/regular.py",
        "fresh inputs, isotropic; noise known",
        "limit",
        f"d=3 t=6 n={LARGE}",
        ExactClaim(
            large_sample,
            {
                "replace's": fixed(6.0),
                "pi^2/6": fixed(np.pi**2 / 6),
                "a generation less": fixed(float(sum(1 / s**2 for s in range(1, 6)))),
            },
        ),
        keywords="regular model parameters network Fisher information",
    ),
]
