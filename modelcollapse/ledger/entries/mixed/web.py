"""The web: the share of real rows at which accumulating everything turns."""

from fractions import Fraction

from modelcollapse.ledger.claims import ExactClaim
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import fixed
from modelcollapse.solver import web_threshold

OLD, NEW = 3, 1  # rows that are there, and rows that a generation adds to each three


def kept(share: Fraction) -> Fraction:
    """Return what becomes in one generation of the old error times all rows, in rationals.

    The pool's mean is (OLD m + NEW ((1 - share) m + noise)) / (OLD + NEW), with m the last model.
    """
    return ((OLD + NEW * (1 - share)) / (OLD + NEW)) ** 2 * Fraction(OLD + NEW, OLD)


def _turn() -> tuple[float, float, float]:
    """Enclose the share at which the old error times all rows neither grows nor shrinks."""
    low, high = Fraction(0), Fraction(1)
    while high - low > Fraction(1, 10**12):
        middle = (low + high) / 2
        low, high = (middle, high) if kept(middle) > 1 else (low, middle)
    return web_threshold(NEW / (OLD + NEW)), float(low) - 1e-15, float(high) + 1e-15


THEOREMS = [
    Theorem(
        "mixed/web/threshold",
        "A web of which a fraction nu is new in each generation stays worth a constant share of "
        "all its rows iff more than 1/(1 + sqrt(1 - nu)) of what is new is real.",
        r"\rho^*=\frac{1-\sqrt{1-\nu}}{\nu}=\frac1{1+\sqrt{1-\nu}}",
        "derived here: theory/weights.py",
        "any family: the curvature's correction is summable",
        "identity",
        "nu=1/4",
        ExactClaim(
            _turn,
            {
                "one half, as on a slowly growing web": fixed(0.5),
                "the new fraction itself": fixed(0.25),
                "growth in place of the new fraction": lambda: web_threshold(1 / 3),
                "all new rows": fixed(1.0),
            },
        ),
        keywords="contamination scraping crawl how much real data",
    ),
]
