"""Checked arguments of the closed forms: numbers or arrays, broadcast against each other."""

from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, reals
from modelcollapse._support.errors import invalid


def numbers(
    name: str, value: Any, least: float, most: float, remedy: str, *, above: bool = False
) -> Floats:
    """Return finite numbers between `least` (not itself where `above`) and `most`."""
    array = reals(name, value, remedy)
    bad = ~np.isfinite(array) | (array < least) | (array > most)
    if above:
        bad |= array == least
    if bad.any():
        raise invalid(name, array[bad].flat[0].item(), remedy)
    return array


def row_counts(name: str, value: Any, *, zero: bool = False) -> Floats:
    """Return numbers of rows; they need not be whole, so that curves can be drawn."""
    remedy = f"give a number of rows, {'at least' if zero else 'above'} 0"
    return numbers(name, value, 0.0, np.inf, remedy, above=not zero)


def weights(name: str, value: Any, *, zero: bool = True) -> Floats:
    """Return shares from 0 (itself only where `zero`) to 1."""
    remedy = f"give a number in {'[' if zero else '('}0, 1]"
    return numbers(name, value, 0.0, 1.0, remedy, above=not zero)


def per_row(curvature: Any, rows: Floats, name: str = "curvature") -> Floats:
    """Return v2/n: a batch of n rows multiplies an error's square by 1 + v2/n."""
    remedy = "give v2 = V''/2 of the family: -1 or more (0 for a known variance)"
    return np.asarray(numbers(name, curvature, -1.0, np.inf, remedy) / rows)


def temperatures(value: Any) -> Floats:
    """Return factors on the variance of sampled rows."""
    return numbers("temperature", value, 0.0, np.inf, "give a number above 0", above=True)


def plain(values: Any) -> Floats:
    """Return an array as it is, and a single number as a scalar."""
    result: Floats = np.asarray(values, dtype=np.float64)[()]
    return result


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Return numerator / denominator, infinite where the denominator is not positive."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    out = np.full(numerator.shape, np.inf)
    np.divide(numerator, denominator, out=out, where=denominator > 0)
    return out
