"""Compiled: many binomials or Poisson counts at once, each of a chance or a rate of its own.

The first proposal of all is judged at once, by logarithms that are near ones where the mean is at
most TOLD and the outcome at least NEAR; what they do not decide clearly is taken exactly, one by
one, so that the laws are those of `variates.binomial` and `variates.poisson`.
"""

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.compiled import compiled, inlined
from modelcollapse._support.stream import CHUNK, Stream, fill_uniforms, logarithm
from modelcollapse._support.variates import (
    FEW,
    LARGEST_RATE,
    few,
    few_of,
    of_binomial,
    of_poisson,
    poisson,
    rarer,
    tried_binomial,
    tried_poisson,
)

TOLD = 1e9  # the largest mean, of a binomial the most trials: errors of the logarithms are 1e-7
NEAR = 8.0  # the least outcome for which Stirling's series is near
CLEAR = 1e-6  # the gap between two logarithms from which on it is clear which one is larger
UNCLEAR = -2.0


@inlined
def _near_stirling(x: float) -> float:
    """Return `stirling` within 2e-10, for x >= NEAR."""
    y = 1.0 / (x + 1.0)
    z = y * y
    return float(y * (1.0 / 12.0 + z * (-1.0 / 360.0 + z * (1.0 / 1260.0))))


@inlined
def judged_binomial(n: float, p: float, u: float, v: float) -> float:
    """Return `tried_binomial`, or UNCLEAR."""
    k, _, hat, _ = of_binomial(n, p, u)
    odds, m = p / (1.0 - p), np.floor((n + 1.0) * p)
    left, most = n - k + 1.0, n - m + 1.0
    gap = (n - m + 0.5) * logarithm(most / left) - (m + 0.5) * logarithm((k + 1.0) / (m + 1.0))
    gap += (k - m) * logarithm(odds * left / (k + 1.0))
    gap += _near_stirling(m) + _near_stirling(n - m) - _near_stirling(k) - _near_stirling(n - k)
    gap -= logarithm(v * hat)
    told = k if gap > CLEAR else (-1.0 if gap < -CLEAR else UNCLEAR)
    usual = (n * p >= FEW) & (n <= TOLD) & (min(k, n - k) >= NEAR)
    return told if usual else UNCLEAR


@inlined
def judged_poisson(rate: float, u: float, v: float) -> float:
    """Return `tried_poisson`, or UNCLEAR."""
    k, _, hat, _ = of_poisson(rate, u)
    gap = k + 1.0 - rate - (k + 0.5) * logarithm((k + 1.0) / rate) - _near_stirling(k)
    gap -= logarithm(v * hat * np.sqrt(2.0 * np.pi * rate))
    told = k if gap > CLEAR else (-1.0 if gap < -CLEAR else UNCLEAR)
    return told if (rate >= FEW) & (rate <= TOLD) & (k >= NEAR) else UNCLEAR


@compiled
def fill_binomials(stream: Stream, n: int, out: Floats) -> None:
    """Replace chances by binomials of n trials; all of a chunk are judged at once."""
    pairs, counts, size = np.empty(2 * CHUNK), np.empty(CHUNK), float(n)
    for start in range(0, out.size, CHUNK):
        some = out[start : start + CHUNK]
        fill_uniforms(stream, pairs[: 2 * some.size])
        us, vs = pairs[: some.size], pairs[some.size : 2 * some.size]
        counts[:] = UNCLEAR
        if 0.5 * size >= FEW:
            for i in range(some.size):
                p = min(some[i], 1.0 - some[i])
                counts[i] = judged_binomial(size, p, us[i] - 0.5, vs[i])
        for i in range(some.size):
            p, k = min(some[i], 1.0 - some[i]), counts[i]
            if k == UNCLEAR and size * p < FEW:
                k = few_of(size, p, us[i])
            elif k == UNCLEAR:
                k = tried_binomial(size, p, us[i] - 0.5, vs[i])
            if k < 0.0:
                k = rarer(stream, size, p)
            some[i] = size - k if some[i] > 0.5 else k


@compiled
def fill_poissons(stream: Stream, out: Floats) -> None:
    """Replace rates by Poisson counts; all of a chunk are judged at once."""
    pairs, counts = np.empty(2 * CHUNK), np.empty(CHUNK)
    for start in range(0, out.size, CHUNK):
        some = out[start : start + CHUNK]
        fill_uniforms(stream, pairs[: 2 * some.size])
        us, vs = pairs[: some.size], pairs[some.size : 2 * some.size]
        counts[:] = UNCLEAR
        if some.max() >= FEW:
            for i in range(some.size):
                counts[i] = judged_poisson(some[i], us[i] - 0.5, vs[i])
        for i in range(some.size):
            rate, k = some[i], counts[i]
            if k == UNCLEAR and rate < FEW:
                k = few(rate, us[i])
            elif k == UNCLEAR and rate <= LARGEST_RATE:
                k = tried_poisson(rate, us[i] - 0.5, vs[i])
            if k < 0.0:
                k = poisson(stream, rate)
            some[i] = k
