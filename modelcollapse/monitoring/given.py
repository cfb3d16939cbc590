"""What a monitor is given: a range, and the numbers of an update."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, number, reals
from modelcollapse._support.errors import invalid


def limits(given: Any) -> tuple[float, float]:
    """Return the two ends of a range: finite numbers in order."""
    remedy = "give (low, high): two finite numbers, low below high"
    try:
        low, high = (number("range", end) for end in given)
    except (TypeError, ValueError) as error:
        raise invalid("range", given, remedy) from error
    if not 0 < high - low < math.inf:
        raise invalid("range", given, remedy)
    return low, high


def values(
    name: str,
    given: Any,
    kind: str,
    ends: tuple[float, float],
    statistic: Callable[[Any], Any] | None,
) -> Floats:
    """Return clipped losses, or statistics, shape (n,): a copy.

    Raises
    ------
    InvalidInput
        If they have another shape, a loss is NaN, or a statistic is out of range.
    """
    remedy = "give an array of numbers, one for each row: shape (n,)"
    if given is not None and statistic is not None:
        given, name = statistic(given), f"statistic({name})"
    if kind == "rows" and isinstance(given, np.ndarray) and given.dtype == np.bool_:
        given = given.astype(np.float64)  # whether a row is in a tail
    array = reals(name, given, remedy)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or not len(array):
        raise invalid(name, f"array of shape {array.shape}", remedy)
    low, high = ends
    wrong = np.isnan(array)
    remedy = "every loss must be a number, not NaN; mend the model, or give its loss as inf"
    if kind == "rows":
        wrong = ~((array >= low) & (array <= high))
        remedy = f"a statistic lies in the range [{low:g}, {high:g}]; give another range"
    if bad := np.flatnonzero(wrong).tolist():
        more = f" ({len(bad)} of {len(array)} are wrong)"
        raise invalid(f"{name}[{bad[0]}]", float(array[bad[0]]), remedy + more)
    return np.clip(array, low, high)
