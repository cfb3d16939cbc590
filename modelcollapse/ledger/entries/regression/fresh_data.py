"""Fresh data: what a fit inherits of the last one's error, in rationals."""

from fractions import Fraction

from modelcollapse.families.regression.moments import inherited_share
from modelcollapse.ledger.claims import ExactClaim
from modelcollapse.ledger.entries.regression.common import DERIVED
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import fixed, same

D, REAL, SYNTHETIC = 10, 2, 12
N = REAL + SYNTHETIC


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
]
