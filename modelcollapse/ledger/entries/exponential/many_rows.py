"""One free parameter and many rows: the law of every regular model, from exact losses."""

from collections.abc import Callable

import numpy as np
from scipy.special import digamma, gammaln

from modelcollapse.families.exponential.families import NormalMean
from modelcollapse.ledger.claims import ExactClaim
from modelcollapse.ledger.entries.exponential.common import last, loop
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import Computed, fixed
from modelcollapse.solver import inflation
from modelcollapse.workflows import Accumulate, AccumulateSubsample, Replace

REGULAR = "derived here: theory/regular.py"
GAMMA = "gamma rows of a known shape a, fitted by maximum likelihood: k = 1"
KNOWN = "normal rows of a known variance: k = 1; as many training rows as a batch has"
SHAPE, T = 2.0, 6
ROWS, LARGE = 1000, 10**8
SQUARES = float(sum(1 / s**2 for s in range(1, T + 1)))
# Beyond the limit's own, a subset's noise counts in full at the end, and over (s + 1)^2 before it.
SUBSETS = sum((2 - 1 / (s - 1)) / s**2 for s in range(2, T + 1)) + 2 - 1 / T
ROUNDING = 1e-9  # of 2n times sums of some terms of the order of 1/n


def replaced(n: int) -> float:
    """Return 2n E excess of generation T: m_t is m_0 times T independent mean gammas.

    The loss exceeds its best by a [log(m/m_0) + m_0/m - 1].
    """
    y = n * SHAPE
    inverse = np.expm1(-T * np.log1p(-1 / y))
    return float(2 * y * (inverse + T * (digamma(y) - np.log(y))))


def pooled(n: int) -> float:
    """Return 2n E excess of generation T under accumulate: factors 1 + u, u = (G - 1)/s.

    G is a mean of n rows over their expectation. E log(1 + u) and E 1/(1 + u) less what their
    first order gives, as integrals over 12 deviations, n a > 144, of a density that falls like a
    normal one.
    """
    y = n * SHAPE
    nodes, weights = np.polynomial.legendre.leggauss(400)
    around = 12 / np.sqrt(y) * nodes
    height = (y - 1) * np.log1p(around) - y * around + y * (np.log(y) - 1) - gammaln(y)
    density = 12 / np.sqrt(y) * weights * np.exp(height)
    logs, inverses = 0.0, 0.0
    for s in range(1, T + 1):
        u = around / s
        logs += float(density @ (np.log1p(u) - u))
        inverses += np.log1p(float(density @ (u * u / (1 + u))))
    return float(2 * y * (np.expm1(inverses) + logs))


def enclosed(exact: Callable[[int], float], workflow: Replace | Accumulate) -> Computed:
    """Enclose the limit of f = c + b x + O(x^2), x = 1/(n a), by 2 f(2n) - f(n).

    What is left is at most T (T + 1) (T + 2)/3 x^2 under replace, whose binomial series has
    positive terms; under accumulate the moments of u to the sixth give less than that, too.
    """

    def compute() -> tuple[float, float, float]:
        found = 2 * exact(2 * ROWS) - exact(ROWS)
        slack = T * (T + 1) * (T + 2) / 3 / (ROWS * SHAPE) ** 2 + ROUNDING
        return float(inflation(workflow, [ROWS] * T)[-1]), found - slack, found + slack

    return compute


def subsets() -> tuple[float, float, float]:
    """Enclose n R_T by its limit: the variance of a pool's rows is within 2 T/n of the truth's."""
    slack = 4 * T**2 / LARGE
    found = LARGE * last(loop(NormalMean(), AccumulateSubsample(), LARGE, T))
    return found, SUBSETS - slack, SUBSETS + slack


THEOREMS = [
    Theorem(
        "exponential/replace/large-sample-law",
        "Of one unknown parameter the excess loss tends to 1/2n times t under replace, for many "
        "rows: that of gamma rows is known at every n.",
        r"\lim_{n\to\infty}2n\,E(\ell_t-\ell_0)=t,\quad "
        r"E(\ell_t-\ell_0)=a\left[\left(\tfrac{na}{na-1}\right)^t-1+t(\psi(na)-\log na)\right]",
        REGULAR,
        GAMMA,
        "limit",
        f"gamma shape={SHAPE:g} n={ROWS} t={T}",
        ExactClaim(
            enclosed(replaced, Replace()),
            {
                "accumulate's": fixed(SQUARES),
                "two parameters'": fixed(2.0 * T),
                "without the digamma": fixed(2.0 * T - 1),
                f"at n = {ROWS}": lambda: replaced(ROWS),
            },
        ),
        keywords="regular model parameters network Fisher information",
    ),
    Theorem(
        "exponential/accumulate/large-sample-law",
        "Under accumulate the excess loss of one unknown parameter is 1/2n times 1 + 1/4 + ... + "
        "1/t^2, for many rows.",
        r"\lim_{n\to\infty}2n\,E(\ell_t-\ell_0)=\sum_{s\le t}s^{-2}",
        REGULAR,
        GAMMA,
        "limit",
        f"gamma shape={SHAPE:g} n={ROWS} t={T}",
        ExactClaim(
            enclosed(pooled, Accumulate()),
            {
                "replace's": fixed(float(T)),
                "pi^2/6": fixed(np.pi**2 / 6),
                "a generation less": fixed(SQUARES - 1 / T**2),
                f"at n = {ROWS}": lambda: pooled(ROWS),
            },
        ),
        keywords="regular model parameters network Fisher information",
    ),
    Theorem(
        "exponential/accumulate-subsample/large-sample-law",
        "Under accumulate-subsample it is 1/2n times a sum that tends to pi^2/2 - 2: each subset's "
        "noise comes back in the next batch.",
        r"\lim_{n\to\infty}2n\,E(\ell_t-\ell_0)=2-\tfrac1t+\sum_{s=2}^t\frac1{s^2}"
        r"\left(2-\frac1{s-1}\right)",
        REGULAR,
        KNOWN,
        "limit",
        f"normal-mean n={LARGE} t={T}",
        ExactClaim(
            subsets,
            {
                "accumulate's": fixed(SQUARES),
                "replace's": fixed(float(T)),
                "the last subset's noise left out": fixed(SUBSETS - 1 + 1 / T),
                "of the last subset alone": fixed(SQUARES + 1 - 1 / T),
                "pi^2/2 - 2": fixed(np.pi**2 / 2 - 2),
            },
        ),
        keywords="regular model parameters network Fisher information",
    ),
]
