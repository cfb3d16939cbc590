"""Compiled draws of hypergeometric counts: how many rows of a kind are among those drawn.

By rejection, by inversion or row by row; the law is exact but for the rounding of the stream's
uniforms and of the ratios of probabilities.
"""

import numpy as np

from modelcollapse._support.compiled import compiled, inlined
from modelcollapse._support.stream import Stream, uniform
from modelcollapse._support.variates import FEW, stirling

FEW_ROWS = 8  # that are looked at one by one


@compiled
def risen(x: float, d: float) -> float:
    """Return log((x + d)!/x!) - d log(x + d + 1) + d of whole numbers; near 0 it keeps digits."""
    return float((x + 0.5) * np.log1p(d / (x + 1.0)) + stirling(x + d) - stirling(x))


@inlined
def of_hypergeometric(a: float, b: float, n: float) -> tuple[float, float, float]:
    """Return the mode, the centre and the width of the ratio of uniforms for n of a + b rows.

    The width is that of Stadlober (Journal of Computational and Applied Mathematics 31, 1990).
    """
    pool = a + b
    mean = n * (a / pool)
    variance = mean * (b / pool) * ((pool - n) / (pool - 1.0))
    width = 2.0 * np.sqrt(2.0 / np.e * (variance + 0.5)) + 3.0 - 2.0 * np.sqrt(3.0 / np.e)
    return np.floor((n + 1.0) * ((a + 1.0) / (pool + 2.0))), mean + 0.5, width


@compiled
def log_hypergeometric(a: float, b: float, n: float, m: float, k: float) -> float:
    """Return log P(k)/P(m), n of a + b rows being drawn, of which a are counted."""
    d = k - m
    tails = risen(m, d) + risen(b - n + m, d) + risen(a - m, -d) + risen(n - m, -d)
    odds = ((a - k + 1.0) / (k + 1.0)) * ((n - k + 1.0) / (b - n + k + 1.0))
    return float(d * np.log(odds) - tails)


@compiled
def few_among(a: float, b: float, n: float, u: float) -> float:
    """Return the count of small mean with the mass u below it; a and n are at most half of all."""
    pool, less, more = a + b, min(a, n), max(a, n)
    none = risen(pool - more - less, less) - risen(pool - less, less)
    chance, k = np.exp(none + less * np.log1p(-more / (pool + 1.0))), 0.0
    while u > chance and k < less:
        u -= chance
        chance *= ((a - k) / (k + 1.0)) * ((n - k) / (b - n + k + 1.0))
        k += 1.0
    return k


@compiled
def counted_among(stream: Stream, a: float, b: float, n: float) -> float:
    """Draw a hypergeometric count, a and n being at most half of the a + b rows.

    Row by row, by inversion, or by a ratio of uniforms where its mean is not small.
    """
    less, more, pool, k = min(a, n), max(a, n), a + b, 0.0
    if less <= FEW_ROWS:
        for i in range(int(less)):
            if uniform(stream) * (pool - i) < more - k:
                k += 1.0
        return k
    if less * more < FEW * pool:
        return few_among(a, b, n, uniform(stream))
    m, centre, width = of_hypergeometric(a, b, n)
    while True:
        u = 1.0 - uniform(stream)
        k = np.floor(centre + width * (uniform(stream) - 0.5) / u)
        if 0.0 <= k <= less:
            share = log_hypergeometric(a, b, n, m, k)
            # The first bound is below 2 log u: most counts need no logarithm of u.
            if u * (4.0 - u) - 3.0 <= share or 2.0 * np.log(u) <= share:
                return float(k)


@compiled
def hypergeometric(stream: Stream, have: int, others: int, drawn: int) -> int:
    """Draw how many of `have` rows are among those drawn, without replacement, of all rows."""
    pool = have + others
    rarer, fewer = min(have, others), min(drawn, pool - drawn)
    k = int(counted_among(stream, float(rarer), float(pool - rarer), float(fewer)))
    if fewer < drawn:
        k = rarer - k
    return k if rarer == have else drawn - k
