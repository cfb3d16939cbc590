"""Fresh data: what a fit inherits of the last one's error, and labels that are partly real."""

from fractions import Fraction

from modelcollapse.families.regression.moments import inherited_share
from modelcollapse.ledger.claims import Design, ExactClaim, mean_claim
from modelcollapse.ledger.entries.regression.common import DERIVED, FIXED, NORMAL, building, other
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import constant, expectation, fixed, same
from modelcollapse.mixed.regression import best_label_weight
from modelcollapse.workflows import Accumulate, FreshData, Replace

D, REAL, SYNTHETIC = 10, 2, 12
N = REAL + SYNTHETIC
FEW = (10, 5, 6)  # d, n and generations
MIXED = Design(building(FreshData(5, 5, 0.3), "fixed", *FEW), 60_000, at=(6,))


def _by_invariants() -> float:
    """Return E tr(S^{-1} B S B) / d from E (tr B)^2, E tr B^2 and E tr S tr S^{-1}.

    For a matrix beta the zonal polynomials of (2) and (1, 1) have a(a + 2)/(N(N + 2)) and
    a(a - 1)/(N(N - 1)) times their values at I as expectations.
    """
    a, d = SYNTHETIC, D
    two = Fraction(d * (d + 2) * a * (a + 2), N * (N + 2))  # (tr B)^2 + 2 tr B^2
    minors = Fraction(d * (d - 1) * a * (a - 1), N * (N - 1))  # (tr B)^2 - tr B^2
    squared, square = (two + 2 * minors) / 3, (two - minors) / 3
    beta = (d * square - squared) / (d * (d - 1) * (d + 2))
    return float(square / d - d * beta + beta * Fraction(N * d - 2, N - d - 1))


def _grid(rows: int, dim: int, steps: int) -> tuple[float, float]:
    """Enclose the best weight by the neighbours of the best point of a grid, in rationals.

    |w*|^2 = sigma^2 = 1, rows <= dim - 2; the risk falls, and then rises.
    """
    gamma, noise = Fraction(rows, dim), Fraction(rows, dim - rows - 1)

    def risk(i: int) -> Fraction:
        w, u = Fraction(i, steps), 1 - Fraction(i, steps)
        return (1 - gamma + noise * (w**2 + u**2)) / (1 - gamma * u**2)

    best = min(range(1, steps + 1), key=risk)
    return (best - 1) / steps, (best + 1) / steps


THEOREMS = [
    Theorem(
        "regression/fresh-data/inherited-error",
        "Fresh real rows in every generation do not bound the expected risk of a regression: with "
        "few rows beyond d a fit inherits more than the last one's error.",
        r"E|S^{-1}S'x|^2=\kappa|x|^2,\quad E|\hat w_t-w^*|^2"
        r"=\kappa\,E|\hat w_{t-1}-w^*|^2+\frac{\sigma^2d}{N-d-1}",
        DERIVED,
        "x ~ N(0, I_d), least squares on pooled real and synthetic rows, N >= d + 2; new inputs",
        "identity",
        f"d={D} real={REAL} synthetic={SYNTHETIC}",
        ExactClaim(
            same(lambda: inherited_share(SYNTHETIC, N, D), _by_invariants, 100),
            {
                "a mean's (s/N)^2": fixed((SYNTHETIC / N) ** 2),
                "the synthetic share s/N": fixed(SYNTHETIC / N),
                "all of it": fixed(1.0),
                "one synthetic row more": lambda: inherited_share(SYNTHETIC + 1, N, D),
            },
        ),
    ),
    Theorem(
        "regression/fresh-data/mixed-labels",
        "Labels that are partly real hold a regression's risk, with fewer rows than inputs too: "
        "the noise settles at (w^2 + u^2)/(1 - u^2) of the first fit's, u = 1 - w.",
        r"E|\hat w_t-w^*|^2=\left(1-\tfrac nd\right)|w^*|^2+\frac{\sigma^2n}{d-n-1}v_t,\ "
        r"v_t=w^2+u^2(1+v_{t-1})",
        DERIVED,
        f"{FIXED}, with labels w y + (1 - w) y', y of the truth and y' of the last fit; n <= d - 2",
        "law",
        "d=10 n=5 t=6 w=0.3",
        mean_claim(
            MIXED,
            "risk",
            6,
            {
                "replace's": expectation("risk", 6, workflow=Replace()),
                "accumulate's": expectation("risk", 6, workflow=Accumulate()),
                "half of each": expectation("risk", 6, workflow=FreshData(5, 5)),
                "new inputs": other(FreshData(5, 5, 0.3), "paired", *FEW),
                "real labels alone": constant(0.5 + 5 / 4),
            },
        ),
    ),
    Theorem(
        "regression/fresh-data/best-label-weight",
        "The best weight of real labels is the reciprocal of the golden ratio if the same inputs "
        "are labelled for ever, and for more rows than inputs; with new inputs each generation and "
        "fewer rows it is another one.",
        r"\gamma u^2-\left[2+\gamma\left(1+\tfrac AB\right)\right]u+1=0,\ w=1-u,\ \gamma=n/d,\ "
        r"A/B=\frac{(d-n)(d-n-1)|w^*|^2}{nd\,\sigma^2}",
        "derived here: theory/regression_labels.py",
        f"{NORMAL}; n <= d - 2 new inputs each generation, |w*| = sigma",
        "limit",
        "d=20 n=10",
        ExactClaim(
            lambda: (float(best_label_weight(10, 20, 1.0)), *_grid(10, 20, 1000)),
            {
                "golden": fixed(2 / (1 + 5**0.5)),
                "one half": fixed(0.5),
                "no signal": lambda: float(best_label_weight(10, 20)),
                "as many rows as inputs have columns": lambda: float(
                    best_label_weight(18, 20, 1.0)
                ),
            },
        ),
    ),
]
