"""Compiled: many binomials or Poisson counts at once, each of a chance or a rate of its own.

Proposals for all are judged at once, by logarithms that are near ones where the mean is at most
TOLD and the outcome at least NEAR; what they do not decide clearly is taken exactly, one by one:
the laws are exact but for rounding. Small means are drawn by inversion.
"""

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.compiled import compiled, inlined
from modelcollapse._support.stream import CHUNK, Stream, fill_uniforms, logarithm, normal
from modelcollapse._support.variates import (
    FEW,
    few,
    few_of,
    of_binomial,
    of_poisson,
    tried_binomial,
    tried_poisson,
)

LARGEST_RATE = 1e18  # of Poisson counts; beyond, the normal law is within 1e-9 of theirs
TOLD = 1e9  # the largest mean, of a binomial the most trials: errors of the logarithms are 1e-7
NEAR = 8.0  # the least outcome for which Stirling's series is near
CLEAR = 1e-6  # the gap between two logarithms from which on it is clear which one is larger
UNCLEAR = -2.0
FIRST = 16
MANY = 8  # one of so many rates is not small: else they are not worth to be judged at once


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
def fill_few(us: Floats, rates: Floats, counts: Floats) -> None:
    """Fill counts with the Poisson counts below FIRST, of small rates, with the masses us below.

    Without a branch, which lets many be added up at once; others are UNCLEAR.
    """
    for i in range(us.size):
        counts[i] = np.exp(-rates[i])
    for i in range(us.size):
        rate, chance, u = rates[i], counts[i], us[i]
        below, k = chance, 0.0
        for j in range(1, FIRST):
            k += 1.0 if u > below else 0.0
            chance *= rate * (1.0 / j)
            below += chance
        counts[i] = k if (u <= below) & (rate < FEW) else UNCLEAR


@compiled
def fill_binomials(stream: Stream, n: int, out: Floats) -> None:
    """Replace chances by binomials of n trials: judged in rounds, those rejected again."""
    pairs, counts, size = np.empty(2 * CHUNK), np.empty(CHUNK), float(n)
    chances, places = np.empty(CHUNK), np.empty(CHUNK, np.int64)
    for start in range(0, out.size, CHUNK):
        some = out[start : start + CHUNK]
        left = some.size
        for i in range(left):
            chances[i], places[i] = some[i], i
        while left > 0:
            count, left = left, 0
            fill_uniforms(stream, pairs[: 2 * count])
            us, vs = pairs[:count], pairs[count : 2 * count]
            counts[:count] = UNCLEAR
            if 0.5 * size >= FEW:
                for i in range(count):
                    p = min(chances[i], 1.0 - chances[i])
                    counts[i] = judged_binomial(size, p, us[i] - 0.5, vs[i])
            for i in range(count):
                chance, place, k = chances[i], places[i], counts[i]
                if k == UNCLEAR:
                    p = min(chance, 1.0 - chance)
                    if size * p < FEW:
                        k = few_of(size, p, us[i])
                    else:
                        k = tried_binomial(size, p, us[i] - 0.5, vs[i])
                some[place] = size - k if chance > 0.5 else k
                chances[left], places[left] = chance, place
                left += k < 0.0


@compiled
def fill_poissons(stream: Stream, out: Floats) -> None:
    """Replace rates by Poisson counts: judged in rounds, those rejected again."""
    pairs, counts = np.empty(2 * CHUNK), np.empty(CHUNK)
    rates, places = np.empty(CHUNK), np.empty(CHUNK, np.int64)
    for start in range(0, out.size, CHUNK):
        some = out[start : start + CHUNK]
        left = some.size
        for i in range(left):
            rates[i], places[i] = some[i], i
        while left > 0:
            count, left = left, 0
            fill_uniforms(stream, pairs[: 2 * count])
            us, vs = pairs[:count], pairs[count : 2 * count]
            large = 0
            for i in range(count):
                large += rates[i] >= FEW
            if MANY * large >= count:
                for i in range(count):
                    counts[i] = judged_poisson(rates[i], us[i] - 0.5, vs[i])
            else:
                fill_few(us, rates[:count], counts)
            for i in range(count):
                rate, place, k = rates[i], places[i], counts[i]
                if k == UNCLEAR:
                    if rate < FEW:
                        k = few(rate, us[i])
                    elif rate <= LARGEST_RATE:
                        k = tried_poisson(rate, us[i] - 0.5, vs[i])
                    else:
                        k = rate + np.sqrt(rate) * normal(stream)
                some[place] = k
                rates[left], places[left] = rate, place
                left += k < 0.0
