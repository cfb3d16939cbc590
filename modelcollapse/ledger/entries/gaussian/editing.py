"""Edited data sets: the product, and which schedules of shares survive."""

import numpy as np

from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.ledger.claims import Design, ExactClaim, mean_claim
from modelcollapse.ledger.entries.gaussian.common import ANY, DERIVED
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import EPS, Value, constant, expectation, fixed
from modelcollapse.loop.experiment import Experiment, predict
from modelcollapse.workflows import Edit, Replace

N, K, T = 6, 2, 6
FEW, T_LIMIT = 5, 20_000


def edited() -> Experiment:
    """Two of six rows replaced in each generation."""
    return Experiment(Gaussian(), Edit(rows=K), samples=N, generations=T)


def _power(loss: float) -> Value:
    """Return the variance if each generation took such a share of it."""
    return constant((1 - 1 / N) * (1 - loss) ** (T - 1))


def kept_squares() -> float:
    """Return lim E v_t / sigma_0^2 for the shares 1/t^2.

    1 - (2/t^2 - 1/t^4)/n = (1 - a/t^2)(1 - b/t^2) with a + b = 2/n and a b = 1/n.
    """
    a = (1 + 1j * np.sqrt(FEW - 1)) / FEW
    root = np.pi * np.sqrt(a)
    return float((1 - 1 / FEW) * abs(np.sin(root) / root / (1 - a)) ** 2)


def kept_harmonic() -> float:
    """Return lim t^(2/n) E v_t / sigma_0^2 for the shares 1/t.

    1 - (2/t - 1/t^2)/n = (t - a)(t - b)/t^2 with the same a and b.
    """
    from scipy.special import gamma

    a = (1 + 1j * np.sqrt(FEW - 1)) / FEW
    return float((1 - 1 / FEW) / abs(gamma(2 - a)) ** 2)


def _reached(p: float) -> float:
    e = Experiment(Gaussian(), Edit(share=lambda t: t**-p), FEW, T_LIMIT)
    return float(predict(e)["variance"][-1])


def survives() -> tuple[float, float, float]:
    """The sum of x_t = (2/t^2 - 1/t^4)/n to come: x <= -log(1 - x) <= x/(1 - x)."""
    reached, slack = _reached(2.0), 8 * T_LIMIT * EPS
    most = 2 / (FEW * T_LIMIT)
    least = 2 / (FEW * (T_LIMIT + 1)) - 1 / (3 * FEW * T_LIMIT**3)
    low = reached * np.exp(-most / (1 - most / T_LIMIT)) * (1 - slack)
    return kept_squares(), low, reached * np.exp(-least) * (1 + slack)


def vanishes() -> tuple[float, float, float]:
    """A factor of t^(2/n) E v_t is e^g(1/t), g(x) = log(1 - (2x - x^2)/n) - (2/n) log(1 - x).

    g' = (2/n)(1 - 1/n)(2x - x^2) / [(1 - x)(1 - (2x - x^2)/n)], so that 0 <= g <= 2 x^2/n where
    n >= 2 and x is small; the sum of 1/t^2 over t > T is below 1/T.
    """
    reached, slack = _reached(1.0) * T_LIMIT ** (2 / FEW), 8 * T_LIMIT * EPS
    high = reached * np.exp(2 / (FEW * T_LIMIT)) * (1 + slack)
    return kept_harmonic(), reached * (1 - slack), high


THEOREMS = [
    Theorem(
        "gaussian/edit/variance",
        "Where k of n rows are edited a generation loses f/n of the variance, f the chance that "
        "one of two rows is edited: almost twice as much per row as replace.",
        r"E v_t=\sigma_0^2(1-\tfrac1n)\prod_{s=2}^t\left[1-\frac{k_s(2n-k_s-1)}{n^2(n-1)}\right]",
        f"{DERIVED}; editing as in arXiv 2412.14689",
        f"{ANY}; ddof 0",
        "law",
        f"d=1 n={N} k={K} t={T}",
        mean_claim(
            Design(edited, 400_000),
            "variance",
            T,
            {
                "k/n times replace's loss": _power(K / N**2),
                "no row edited twice": _power(2 * K / N**2),
                "replace's": expectation("variance", T, workflow=Replace()),
                "each row by itself": expectation("variance", T, workflow=Edit(share=K / N)),
            },
        ),
    ),
    Theorem(
        "gaussian/edit/summable-shares",
        "The variance survives editing if the sum of the shares is finite: here of 1/t^2.",
        r"\lim E v_t=\sigma_0^2(1-\tfrac1n)\prod_{t\ge2}\left[1-\frac{2p_t-p_t^2}n\right],"
        r"\ p_t=t^{-2}",
        DERIVED,
        f"{ANY}; ddof 0, each row edited by itself",
        "limit",
        f"n={FEW} t={T_LIMIT}",
        ExactClaim(
            survives,
            {
                "half of it lost: p_t for 2 p_t": lambda: float(
                    (1 - 1 / FEW) * np.sinh(np.pi / FEW**0.5) * FEW**0.5 / np.pi / (1 + 1 / FEW)
                ),
                "real data only": fixed(1 - 1 / FEW),
                "nothing": fixed(0.0),
                "2 % more": lambda: 1.02 * kept_squares(),
            },
        ),
        keywords="token editing prevents collapse",
    ),
    Theorem(
        "gaussian/edit/harmonic-shares",
        "Shares of 1/t take all of the variance, as t^(-2/n), though the sum of their squares is "
        "finite: it is the sum of the shares that decides.",
        r"E v_t\sim\sigma_0^2(1-\tfrac1n)\frac{t^{-2/n}}{\Gamma(2-a)\Gamma(2-\bar a)},\ "
        r"a=\tfrac1n(1+i\sqrt{n-1})",
        DERIVED,
        f"{ANY}; ddof 0, each row edited by itself",
        "limit",
        f"n={FEW} t={T_LIMIT}",
        ExactClaim(
            vanishes,
            {
                "decided by the squares: a limit above 0": lambda: (
                    kept_squares() * T_LIMIT ** (2 / FEW)
                ),
                "as t^(-1/n), replace's cost": lambda: kept_harmonic() * T_LIMIT ** (-1 / FEW),
                "no term of the squares": fixed(float(1 - 1 / FEW)),
                "2 % more": lambda: 1.02 * kept_harmonic(),
            },
        ),
    ),
]
