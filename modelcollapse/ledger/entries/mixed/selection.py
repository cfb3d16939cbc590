"""Selected rows beside real ones: the share of real rows that a selected loop needs."""

import numpy as np

from modelcollapse.ledger.claims import ExactClaim
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import fixed, same
from modelcollapse.loop.selection import BestOf, Pairwise, Selection
from modelcollapse.mixed.selection import selected_fixed_point, selection_critical_share

DERIVED = "derived here: theory/gaussian_selection.py"
STEPS, NEAR, FAR = 400_000, 1e-3, 1e12  # of the map, and how near the edge it is looked at


def iterated(share: float, how: Selection) -> tuple[float, float]:
    """Return the mean's distance and the variance after many generations, or infinities."""
    Y, x, v = how.cumulants(), 0.0, 1.0
    for _ in range(STEPS):
        pushed = x + Y.mean * np.sqrt(v)
        v = share + (1 - share) * Y.variance * v + share * (1 - share) * pushed**2
        before, x = x, (1 - share) * pushed
        if v > FAR:
            return np.inf, np.inf
        if abs(x - before) < 1e-14 * abs(x):
            break
    return x, v


def _edge() -> tuple[float, float, float]:
    """Enclose the share by one where the map explodes and one where it settles."""
    value = selection_critical_share(BestOf(2))
    low = value - NEAR if np.isinf(iterated(value - NEAR, BestOf(2))[1]) else np.nan
    high = value + NEAR if np.isfinite(iterated(value + NEAR, BestOf(2))[1]) else np.nan
    return value, low, high


def _square() -> float:
    mean = BestOf(2).cumulants().mean
    return mean**2 / (1 + mean**2)


THEOREMS = [
    Theorem(
        "mixed/selection/critical-share",
        "A Gaussian fitted to real rows and to the better of two of its own rows explodes, reward "
        "and spread alike, unless more than 36.07 % of the rows are real.",
        r"\rho\alpha^{*2}+(1-\rho+e^2)\alpha^*=e^2;\quad\alpha^*=\frac e{1+e}\ \text{for pairs}",
        DERIVED,
        "infinitely many rows; that it settles above was seen, not proved",
        "limit",
        "best of 2: the map explodes and settles 0.001 below and above",
        ExactClaim(
            _edge,
            {
                "e^2/(1 + e^2)": _square,
                "rho alone: no share is needed": fixed(0.0),
                "one half": fixed(0.5),
                "that of a rater with beta = 1": lambda: selection_critical_share(Pairwise(1.0)),
            },
        ),
    ),
    Theorem(
        "mixed/selection/settles",
        "With more real rows than that the reward's mean stays ahead of the real rows', and the "
        "distance counts as variance.",
        r"v=\frac{\alpha\sigma_0^2}{1-(1-\alpha)(\rho+e^2/\alpha)},\ "
        r"x=\frac{(1-\alpha)e\sqrt v}\alpha",
        DERIVED,
        "infinitely many rows",
        "identity",
        "best of 2, 60 % real: the map's own fixed point",
        ExactClaim(
            same(
                lambda: selected_fixed_point(0.6, BestOf(2)).variance,
                lambda: iterated(0.6, BestOf(2))[1],
                10_000,
            ),
            {
                "the truth's variance": fixed(1.0),
                "without the distance": lambda: 0.6 / (1 - 0.4 * BestOf(2).cumulants().variance),
                "40 % real": lambda: selected_fixed_point(0.4, BestOf(2)).variance,
            },
        ),
    ),
]
