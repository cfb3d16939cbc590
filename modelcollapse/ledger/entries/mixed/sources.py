"""What sampled rows are worth: one round, the web, and shifted labels."""

from fractions import Fraction

import numpy as np

from modelcollapse.ledger.claims import ExactClaim
from modelcollapse.ledger.entries.mixed.fresh import DERIVED, FLOAT
from modelcollapse.ledger.entries.mixed.routes import debiased_errors, pooled_errors, pooled_round
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import EPS, fixed, same
from modelcollapse.mixed.provenance import minimax_effective_samples, pooled_effective_samples
from modelcollapse.mixed.regression import strong_collapse_plateau, strong_collapse_risk
from modelcollapse.mixed.value import (
    break_even_synthetic,
    optimal_synthetic,
    shared_generator_value,
    synthetic_value,
    weighted_synthetic_value,
)

SIZES = (5, 8, 3, 20, 6)
SHARES = (Fraction(1), Fraction(1, 2), Fraction(1, 3), Fraction(3, 4), Fraction(1, 6))
FLOATS = [float(a) for a in SHARES]
KAZDAN = "the question of arXiv 2410.16713, section 4"
DOHMATOB = "Dohmatob et al., arXiv 2410.04840, Corollary 1"


def _best() -> float:
    """Return the least error over 0 to 400 synthetic rows, 10 real ones and a generator of 15."""
    return float(min(pooled_round(10, s, 15) for s in range(401)))


def _harmless_rows() -> tuple[float, float, float]:
    """Enclose the rows up to which synthetic data do not hurt, by whole numbers of rows."""
    real = Fraction(1, 20)
    last = max(s for s in range(401) if pooled_round(20, s, 15) <= real)
    return FLOAT(break_even_synthetic(20, 15)), last * (1 - 8 * EPS), last + 1.0


def _doubling() -> tuple[float, float, float]:
    """Return 1, the growth exponent claimed, and the one from 50,000 to 100,000 generations."""
    worth = pooled_effective_samples(10, [1.0, *[0.25] * 99_999])
    slope = float(np.log2(worth[-1] / worth[49_999]))
    return 1.0, slope - 1e-9, slope + 1e-9


def _plateau() -> tuple[float, float, float]:
    """Enclose p2^2 c^2 by the risk at n = 10^8, from which the first orders in d/n are taken.

    What remains is of second order: at most (d/n)^2 (noise + c^2) with a factor of 10.
    """
    n, d, c2 = 10**8, 7, 3.0
    risk = FLOAT(strong_collapse_risk(0.6 * n, 0.4 * n, d, c2, 2.0).total)
    first = 2.0 * d / n + 0.24 * c2 * (d + 1) / n
    slack = 10 * (d / n) ** 2 * 5 + 100 * EPS
    return FLOAT(strong_collapse_plateau(0.4, c2)), risk - first - slack, risk - first + slack


def _first_order() -> tuple[float, float, float]:
    """Return d and the labels' p1 p2 c^2 (d + 1), and n (risk - plateau) to second order in d/n."""
    n, d = 10**6, 20
    risk = strong_collapse_risk(n / 2, n / 2, d, 4.0, 1.0)
    slope = n * FLOAT(risk.total - strong_collapse_plateau(0.5, 4.0))
    slack = 10 * d**2 / n * 5
    return d + 0.25 * 4.0 * (d + 1), slope - slack, slope + slack


THEOREMS = [
    Theorem(
        "mixed/value/optimum",
        "Beside n_r real rows, the best share of rows from a generator trained on n_0 others is "
        "n_0/(2 n_r).",
        r"\mathrm{MSE}/\sigma^2=\frac{1-p}{n_r}+\frac{p^2}{n_0},\ p^*=\min(1,\tfrac{n_0}{2n_r})",
        f"{DERIVED}; {KAZDAN}",
        "a mean, equal row weights, generator's rows independent of the real ones",
        "identity",
        "n_r=10 n_0=15: 30 rows",
        ExactClaim(
            same(lambda: FLOAT(optimal_synthetic(10, 15).mse), _best, 10),
            {
                "no synthetic rows": fixed(0.1),
                "as many as real ones": lambda: FLOAT(synthetic_value(10, 10, 15)),
                "as many as possible": fixed(1 / 15),
                "a generator of 10 rows": lambda: FLOAT(optimal_synthetic(10, 10).mse),
            },
        ),
    ),
    Theorem(
        "mixed/value/break-even",
        "Synthetic rows help up to n_r n_0/(n_r - n_0) of them and hurt beyond; with n_r <= n_0 "
        "none hurts.",
        r"p=n_0/n_r",
        f"{DERIVED}; {KAZDAN}",
        "as before",
        "identity",
        "n_r=20 n_0=15: 60 rows",
        ExactClaim(
            _harmless_rows,
            {
                "the optimum": lambda: FLOAT(optimal_synthetic(20, 15).rows),
                "as many as real ones": fixed(20.0),
                "the generator's rows": fixed(15.0),
                "twice the break-even": fixed(120.0),
            },
        ),
    ),
    Theorem(
        "mixed/value/always-hurts",
        "Pooling rows from a generator with real ones always raises the error.",
        r"\mathrm{MSE}(n_s)\ge\mathrm{MSE}(0)",
        "a plausible claim; refuted here",
        "as before",
        "refuted",
        "n_r=10 n_0=15",
        ExactClaim(
            lambda: (float(pooled_round(10, 0, 15)), 0.0, _best()),
            {
                "ten rows raise it": fixed(0.11),
                "it never falls by a fourth": fixed(0.075),
                "it never falls below 0.065": fixed(0.065),
            },
        ),
    ),
    Theorem(
        "mixed/value/shared-generator",
        "A generator trained on the same real rows adds nothing but noise.",
        r"\mathrm{MSE}/\sigma^2=\frac1{n_r}+\frac{n_s}{N^2}",
        DERIVED,
        "as before, but the generator was trained on the n_r rows",
        "identity",
        "n_r=10 n_s=30",
        ExactClaim(
            same(
                lambda: FLOAT(shared_generator_value(10, 30)),
                lambda: float(pooled_round(10, 30, None)),
                10,
            ),
            {
                "a generator of its own": lambda: FLOAT(synthetic_value(10, 30, 10)),
                "the real rows alone": fixed(0.1),
                "all rows real": fixed(1 / 40),
                "weighted": lambda: FLOAT(weighted_synthetic_value(10, 30, 10)),
            },
        ),
    ),
    Theorem(
        "mixed/web/debiased-mean",
        "Among rows of unknown provenance, the mean that takes out what the last model gave is "
        "worth sum n_i alpha_i^2 real rows, exactly.",
        r"V/R_t=\sum_{i\le t}n_i\alpha_i^2",
        "arXiv 2501.19273 (minimax over discrete laws, up to constants); exact here",
        "known variance, shares and published models",
        "identity",
        "n=5,8,3,20,6 alpha=1,1/2,1/3,3/4,1/6",
        ExactClaim(
            same(
                lambda: float(minimax_effective_samples(SIZES, FLOATS)[-1]),
                lambda: float(1 / debiased_errors(SIZES, SHARES)[-1]),
                100,
            ),
            {
                "the real rows": fixed(5 + 4 + 1 + 15 + 1),
                "all rows": fixed(42.0),
                "the pooled mean's": lambda: float(pooled_effective_samples(SIZES, FLOATS)[-1]),
                "without the last batch": lambda: float(
                    minimax_effective_samples(SIZES, FLOATS)[-2]
                ),
            },
        ),
    ),
    Theorem(
        "mixed/web/pooled-mean",
        "The mean of all rows of unknown provenance has an error that one recursion gives.",
        r"R_t=(1-\alpha_tn_t/N_t)^2R_{t-1}+n_t/N_t^2",
        DERIVED,
        "known variance",
        "identity",
        "n=5,8,3,20,6 alpha=1,1/2,1/3,3/4,1/6",
        ExactClaim(
            same(
                lambda: float(pooled_effective_samples(SIZES, FLOATS)[-1]),
                lambda: float(1 / pooled_errors(SIZES, SHARES)[-1]),
                100,
            ),
            {
                "the debiased mean's": lambda: float(minimax_effective_samples(SIZES, FLOATS)[-1]),
                "all rows": fixed(42.0),
                "accumulate's, no fresh rows": lambda: float(
                    pooled_effective_samples(SIZES, [1, 0, 0, 0, 0])[-1]
                ),
            },
        ),
    ),
    Theorem(
        "mixed/web/pooling-is-rate-optimal",
        "With any constant real share the mean of all rows is worth a constant share of them.",
        r"V/R_t\asymp t",
        "a plausible claim; refuted here: it grows like t^(2 alpha) for alpha < 1/2",
        "known variance",
        "refuted",
        "n=10 alpha=1/4: growth from t=50,000 to 100,000",
        ExactClaim(
            _doubling,
            {"t^(1/4)": fixed(0.25), "t^(3/4)": fixed(0.75), "bounded": fixed(0.0)},
        ),
    ),
    Theorem(
        "mixed/regression/plateau",
        "A fixed share of shifted labels leaves a risk that no number of rows removes.",
        r"\lim_n E_{\mathrm{test}}=p_2^2c^2",
        DOHMATOB,
        "least squares, normal inputs, d fixed",
        "limit",
        "d=7 p2=0.4 c^2=3",
        ExactClaim(
            _plateau,
            {
                "p2 c^2": fixed(0.4 * 3),
                "no plateau": fixed(0.0),
                "c^2": fixed(3.0),
                "0.1 % more": lambda: 1.001 * FLOAT(strong_collapse_plateau(0.4, 3.0)),
            },
        ),
    ),
    Theorem(
        "mixed/regression/one-column",
        "With one column the bias is the second moment of a beta variable.",
        r"E_{\mathrm{bias}}=c^2\,\frac{n_2(n_2+2)}{n(n+2)}",
        DERIVED,
        "least squares, normal inputs, d = 1",
        "identity",
        "n_1=3 n_2=4",
        ExactClaim(
            same(
                lambda: FLOAT(strong_collapse_risk(3, 4, 1, 1.0).bias),
                lambda: 2 * 3 / (3.5 * 4.5),
                100,
            ),
            {
                "p2^2": fixed((4 / 7) ** 2),
                "p2": fixed(4 / 7),
                "two columns": lambda: FLOAT(strong_collapse_risk(3, 4, 2, 1.0).bias),
            },
        ),
    ),
    Theorem(
        "mixed/regression/first-order",
        "To first order in d/n the shifted labels cost p_1 p_2 c^2 (d + 1)/n beside their plateau.",
        r"E_{\mathrm{test}}=\sigma^2\frac dn+p_2^2c^2+p_1p_2c^2\frac{d+1}n+O((d/n)^2)",
        DERIVED,
        "least squares, normal inputs, c^2 fixed",
        "limit",
        "d=20 n=10^6 p2=1/2 c^2=4: n (E - p2^2 c^2)",
        ExactClaim(
            _first_order,
            {
                "the noise alone": fixed(20.0),
                "the labels alone": fixed(21.0),
                "d for d + 1": fixed(40.0),
            },
        ),
    ),
]
