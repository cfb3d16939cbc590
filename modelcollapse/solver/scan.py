r"""The recurrence :math:`x_t = e^{L_t} x_{t-1} + d_t`, :math:`x_0 = 0`, for all t at once.

With d >= 0 nothing cancels. Neighbours are composed in pairs, and pairs of pairs, so that a value
passes through O(log T) roundings and not O(T), and factors near 1 lose nothing because their
logarithms are added.
"""

import numpy as np

from modelcollapse._support.checks import Floats

TINY = float(np.finfo(np.float64).tiny)  # the smallest float with all its digits


def scan(log_factors: Floats, steps: Floats) -> Floats:
    """Return x_1, ..., x_T, shape (T,); infinite from where it leaves the range of floats."""
    with np.errstate(all="ignore"):
        values = _scan(log_factors, steps)
    return grown(values)


def grown(values: Floats) -> Floats:
    """Return values that are infinite from where they left the range of floats, along axis 0."""
    return np.where(np.maximum.accumulate(~np.isfinite(values), axis=0), np.inf, values)


def product(factors: Floats) -> Floats:
    """Return the products of the first 1, ..., T factors, which are not negative.

    Beyond the range of floats they are infinite. Below it a product of rounded numbers would
    stay at the smallest of them for ever; carried in logarithms it ends at 0.
    """
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        values: Floats = np.asarray(np.cumprod(factors), dtype=np.float64)
        if values[-1] < TINY and (first := int(np.argmax(values < TINY))):
            logs = np.log(values[first - 1]) + np.cumsum(np.log(factors[first:]))
            values[first:] = np.exp(logs)
    return values


def _scan(L: Floats, d: Floats) -> Floats:
    if len(d) == 1:
        return d
    even = len(d) // 2 * 2
    out = np.empty_like(d)
    out[1::2] = _scan(L[0:even:2] + L[1:even:2], _moved(L[1:even:2], d[0:even:2]) + d[1:even:2])
    out[0] = d[0]
    out[2::2] = _moved(L[2::2], out[1 : len(d) - 1 : 2]) + d[2::2]
    return out


def _moved(L: Floats, x: Floats) -> Floats:
    """Return e^L x; in two halves, as e^L alone may leave the range of floats."""
    half = np.exp(L / 2)
    return half * (half * x)
