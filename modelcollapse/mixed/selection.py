r"""Selected loops with real data: a share a of real rows, 1 - a of rows that were selected.

With infinitely many rows each generation fits a Gaussian to both. Along the reward, with x the
mean's distance to that of the real rows and v the variance, in units of theirs, and with e and rho
the mean and the variance that the selection makes of a standard normal row,
x' = (1 - a)(x + e sqrt v) and v' = a + (1 - a) rho v + a (1 - a)(x + e sqrt v)^2.
It has a fixed point iff a is above the root a* of rho a^2 + (1 - rho + e^2) a = e^2; at and below
it reward and variance grow for ever, as the distance to the real rows counts as variance.
Source: derived here, ``theory/gaussian_selection.py``; that the loop reaches the fixed point was
seen, not proved.
"""

from typing import NamedTuple

import numpy as np

from modelcollapse._support.checks import fraction
from modelcollapse._support.errors import invalid
from modelcollapse.loop.selection import Cumulants, Selection


class SelectedPoint(NamedTuple):
    """Where a selected loop with real data settles, in units of the real rows.

    Attributes
    ----------
    gain
        The mean's distance along the reward, in standard deviations; infinite if there is none.
    variance
        The variance along the reward.
    """

    gain: float
    variance: float


def selection_critical_share(selection: Selection) -> float:
    r"""Return the share of real rows at and below which a selected loop explodes.

    For every `Pairwise` preference it is e/(1 + e), 36.07 % for the better of two rows.

    Parameters
    ----------
    selection
        `BestOf`, `KeepTop` or `Pairwise`.

    Raises
    ------
    InvalidInput
        If it is none of these.
    """
    Y = _cumulants(selection)
    # The positive root, in a form that does not cancel where e is small.
    b = 1 - Y.variance + Y.mean**2
    return float(2 * Y.mean**2 / (b + np.sqrt(b**2 + 4 * Y.variance * Y.mean**2)))


def selected_fixed_point(share: float, selection: Selection) -> SelectedPoint:
    r"""Return where the loop settles: v = a/(1 - (1-a)(rho + e^2/a)), x = (1-a) e sqrt(v)/a.

    Parameters
    ----------
    share
        The share a of real rows, strictly between 0 and 1.
    selection
        `BestOf`, `KeepTop` or `Pairwise`.

    Raises
    ------
    InvalidInput
        If an argument is out of its range.
    """
    a, Y = fraction("share", share), _cumulants(selection)
    left = 1 - (1 - a) * (Y.variance + Y.mean**2 / a)
    if a <= selection_critical_share(selection) or left <= 0:
        return SelectedPoint(float(np.copysign(np.inf, Y.mean)) if Y.mean else 0.0, np.inf)
    variance = a / left
    return SelectedPoint(float((1 - a) * Y.mean * np.sqrt(variance) / a), float(variance))


def _cumulants(selection: Selection) -> Cumulants:
    if not isinstance(selection, Selection) or type(selection) is Selection:
        raise invalid("selection", selection, "give BestOf(k), KeepTop(share) or Pairwise(...)")
    return selection.cumulants()
