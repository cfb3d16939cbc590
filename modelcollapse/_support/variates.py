"""Compiled draws from a stream: integers, gammas, counts, and sets of rows.

They are drawn by rejection or inversion: the laws are exact but for the rounding of the stream's
uniforms and normals.
"""

import math

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled, inlined
from modelcollapse._support.stream import (
    CHUNK,
    Stream,
    fill_normals,
    fill_words,
    normal,
    uniform,
)

WORD = 2**32
FEW = 10.0  # the mean of a count below which it is drawn by inversion
LEAST = 1e-20  # the chance at which an inversion ends, whatever rounding has left of its uniform
FACTORIALS = 16  # in the table


def _stirling(x: int) -> float:
    """Return `stirling` of a small integer, by the recurrence from where it is a series."""
    terms = [(y + 1.5) * math.log1p(1 / (y + 1)) - 1 for y in range(x, 30)]
    y = 1 / 31
    return math.fsum([*terms, y / 12, -(y**3) / 360, y**5 / 1260, -(y**7) / 1680, y**9 / 1188])


STIRLING = np.array([_stirling(x) for x in range(FACTORIALS)])


@inlined
def leftover(bound: int) -> np.uint64:
    """Return 2^32 modulo a bound, below which a product is rejected."""
    return (np.uint64(WORD) - np.uint64(bound)) % np.uint64(bound)


@inlined
def placed(stream: Stream, word: np.uint32, bound: int, least: np.uint64) -> int:
    """Return an integer in [0, bound) by a word of `fill_words`, least = leftover(bound).

    By a product and a rejection (Lemire, ACM TOMACS 29(1), 2019): another one is then drawn.
    """
    product = np.uint64(word) * np.uint64(bound)
    if product & np.uint64(WORD - 1) < least:
        return below(stream, bound)
    return int(np.int64(product >> np.uint64(32)))


@inlined
def within(stream: Stream, word: np.uint32, bound: int) -> int:
    """Return `placed`, for a bound of its own."""
    product = np.uint64(word) * np.uint64(bound)
    low = product & np.uint64(WORD - 1)
    if low < np.uint64(bound) and low < leftover(bound):
        return below(stream, bound)
    return int(np.int64(product >> np.uint64(32)))


@compiled
def weighted(stream: Stream, sums: Floats, last: int) -> int:
    """Draw an integer in [0, last] by cumulative weights, of which `last` has the last one."""
    share = uniform(stream) * sums[last]
    low, high = 0, last
    while low < high:
        middle = (low + high) // 2
        if sums[middle] > share:
            high = middle
        else:
            low = middle + 1
    return low


@compiled
def below(stream: Stream, bound: int) -> int:
    """Draw an integer in [0, bound), bound < 2^32; see `placed` for many of one bound."""
    word = np.uint64(WORD)
    while True:
        product = np.uint64(uniform(stream) * 4294967296.0) * np.uint64(bound)
        low = product % word
        if low >= np.uint64(bound) or low >= leftover(bound):
            return int(np.int64(product // word))


@inlined
def gamma(stream: Stream, d: float, c: float) -> float:
    """Draw a gamma of shape d + 1/3 >= 1, c = 1/sqrt(9 d).

    By Marsaglia & Tsang (ACM TOMS 26(3), 2000), whose squeeze is wrong for small shapes.
    """
    while True:
        x = normal(stream)
        v = 1.0 + c * x
        if v <= 0.0:
            continue
        v = v * v * v
        u, square = uniform(stream), x * x
        if u < 1.0 - 0.0331 * square * square:
            break
        if np.log(u) < 0.5 * square + d * (1.0 - v + np.log(v)):
            break
    return d * v


@compiled
def chi_square(stream: Stream, freedom: int) -> float:
    """Draw a chi-square; with one degree of freedom, below the gamma's range, a squared normal."""
    if freedom == 0:  # a batch of one row
        return 0.0
    if freedom == 1:
        z = normal(stream)
        return z * z
    d = 0.5 * freedom - 1.0 / 3.0
    return 2.0 * gamma(stream, d, 1.0 / np.sqrt(9.0 * d))


@compiled
def fill_chi_squares(stream: Stream, freedom: int, polynomial: Floats, out: Floats) -> None:
    """Fill out with chi-squares: by a `chi_squares.polynomial`, or by rejection if it is empty."""
    if polynomial.size == 0:
        for i in range(out.size):
            out[i] = chi_square(stream, freedom)
        return
    fill_normals(stream, out)
    # The coefficients in registers: a loop over them would not be done for many numbers at once.
    p0, p1, p2, p3 = polynomial[0], polynomial[1], polynomial[2], polynomial[3]
    p4, p5, p6, p7 = polynomial[4], polynomial[5], polynomial[6], polynomial[7]
    p8, p9, p10, p11 = polynomial[8], polynomial[9], polynomial[10], polynomial[11]
    p12, p13, p14 = polynomial[12], polynomial[13], polynomial[14]
    p15, p16 = polynomial[15], polynomial[16]
    for i in range(out.size):
        z = out[i]
        root = p11 + z * (p12 + z * (p13 + z * (p14 + z * (p15 + z * p16))))
        root = p6 + z * (p7 + z * (p8 + z * (p9 + z * (p10 + z * root))))
        root = p1 + z * (p2 + z * (p3 + z * (p4 + z * (p5 + z * root))))
        root = p0 + z * root
        out[i] = freedom * root * root * root


@compiled
def stirling(x: float) -> float:
    """Return log x! - ((x + 1/2) log(x + 1) - (x + 1) + log(2 pi)/2), x >= 0 an integer.

    From a table, or by the series in 1/(x + 1), of which less than 1e-17 is left out.
    """
    if x < FACTORIALS:
        return float(STIRLING[int(x)])
    y = 1.0 / (x + 1.0)
    z = y * y
    series = 1.0 / 1260.0 + z * (-1.0 / 1680.0 + z * (1.0 / 1188.0 - z * (691.0 / 360360.0)))
    return float(y * (1.0 / 12.0 + z * (-1.0 / 360.0 + z * series)))


@compiled
def log_ratio(n: float, m: float, k: float, odds: float) -> float:
    """Return log P(k)/P(m) of a binomial, n trials of odds p/(1 - p); near 0 it keeps digits."""
    d = k - m
    tails = stirling(m) + stirling(n - m) - stirling(k) - stirling(n - k)
    powers = (n - m + 0.5) * np.log1p(d / (n - k + 1.0)) - (m + 0.5) * np.log1p(d / (m + 1.0))
    return float(powers + d * np.log(odds * (n - k + 1.0) / (k + 1.0)) + tails)


@compiled
def binomial(stream: Stream, n: int, p: float) -> int:
    """Draw a binomial: by inversion, or by transformed rejection where its mean is not small.

    The latter is BTRS (Hormann, Journal of Statistical Computation and Simulation 46, 1993): a
    uniform u and a ratio v, accepted outright where the density is known to be above.
    """
    if p > 0.5:
        return n - int(rarer(stream, float(n), 1.0 - p))
    return int(rarer(stream, float(n), p))


@inlined
def of_binomial(n: float, p: float, u: float) -> tuple[float, float, float, float]:
    """Return the count of BTRS, p <= 1/2, its room, the hat, and the v to be accepted outright."""
    spread = np.sqrt(n * p * (1.0 - p))
    b = 1.15 + 2.53 * spread
    a, room = -0.0873 + 0.0248 * b + 0.01 * p, 0.5 - abs(u)
    k = np.floor((2.0 * a / room + b) * u + n * p + 0.5)
    return k, room, (2.83 + 5.1 / b) * spread / (a / (room * room) + b), 0.92 - 4.2 / b


@compiled
def tried_binomial(n: float, p: float, u: float, v: float) -> float:
    """Return the count that BTRS proposes, p <= 1/2, or -1 if it is rejected."""
    k, room, hat, sure = of_binomial(n, p, u)
    if room >= 0.07 and v <= sure:
        return float(k)
    if not 0.0 <= k <= n:
        return -1.0
    if np.log(v * hat) <= log_ratio(n, np.floor((n + 1.0) * p), k, p / (1.0 - p)):
        return float(k)
    return -1.0


@compiled
def rarer(stream: Stream, n: float, p: float) -> float:
    """Draw a binomial with p of at most 1/2."""
    if n * p < FEW:
        return few_of(n, p, uniform(stream))
    k = -1.0
    while k < 0.0:
        u = uniform(stream) - 0.5
        k = tried_binomial(n, p, u, uniform(stream))
    return k


@compiled
def few_of(n: float, p: float, u: float) -> float:
    """Return the binomial of small mean n p with the mass u below it."""
    if n <= 0.0 or p <= 0.0:
        return 0.0
    chance, k = np.exp(n * np.log1p(-p)), 0.0
    while u > chance and k < n:
        u -= chance
        k += 1.0
        chance *= (n - k + 1.0) * p / (k * (1.0 - p))
    return k


@inlined
def of_poisson(rate: float, u: float) -> tuple[float, float, float, float]:
    """Return the count of PTRS, its room, the hat, and the v below which it is accepted outright.

    Transformed rejection, for rates from 10 on, as BTRS (Hormann, Insurance: Mathematics and
    Economics 12, 1993). The hat's constants and those of what is accepted outright are our own, and
    held to the probabilities by a test.
    """
    b = 0.931 + 2.53 * np.sqrt(rate)
    a, room = -0.059 + 0.02483 * b, 0.5 - abs(u)
    k = np.floor((2.0 * a / room + b) * u + rate + 0.43)
    return k, room, (1.133 + 1.142 / (b - 3.4)) / (a / (room * room) + b), 0.912 - 3.6 / (b - 2.0)


@compiled
def log_poisson(rate: float, k: float) -> float:
    """Return log P(k) of a Poisson count; the powers nearly cancel, and are taken together."""
    d = k + 1.0 - rate
    powers = d - (k + 0.5) * np.log1p(d / rate)
    return float(powers - 0.5 * np.log(2.0 * np.pi * rate) - stirling(k))


@compiled
def tried_poisson(rate: float, u: float, v: float) -> float:
    """Return the count that PTRS proposes, or -1 if it is rejected."""
    k, room, hat, sure = of_poisson(rate, u)
    if room >= 0.07 and v <= sure:
        return float(k)
    if k >= 0.0 and np.log(v * hat) <= log_poisson(rate, k):
        return float(k)
    return -1.0


@compiled
def few(rate: float, u: float) -> float:
    """Return the Poisson count of small rate with the mass u below it."""
    chance, k = np.exp(-rate), 0.0
    while u > chance > LEAST:
        u -= chance
        k += 1.0
        chance *= rate / k
    return k


@compiled
def draw_plan(
    stream: Stream,
    sizes: Integers,
    counts: Integers,
    edits: Floats,
    order: Integers,
    plan: Integers,
    used: Integers,
) -> None:
    """Fill plan[t, :counts[t]] with distinct rows of the pool; mark used rows with 1.

    Each set is drawn anew, if `edits` is empty, shape (2, 0). Else it is the set before, of which
    new rows replace edits[0, t] rows, and each row with the chance edits[1, t].
    """
    total, words = 0, np.empty(CHUNK, np.uint32)
    used[:] = 0
    for t in range(sizes.size):
        if t > 0 and edits.size > 0:
            replaced = int(edits[0, t])
            if edits[1, t] > 0.0:
                replaced = binomial(stream, counts[t], edits[1, t])
            for i in range(counts[t]):
                plan[t, i] = plan[t - 1, i]
            for i in range(replaced):
                # The order of a set has no meaning, so that its first rows may be the chosen ones.
                j = i + below(stream, counts[t] - i)
                plan[t, j] = plan[t, i]
                plan[t, i] = total + i
                used[total + i] = 1
            total += sizes[t]
            continue
        for i in range(total, total + sizes[t]):
            order[i] = i
        total += sizes[t]
        for start in range(0, counts[t], CHUNK):
            stop = min(counts[t], start + CHUNK)
            fill_words(stream, words[: (stop - start + 3) // 4 * 4])
            for i in range(start, stop):
                j = i + within(stream, words[i - start], total - i)
                chosen = order[j]
                order[j] = order[i]
                order[i] = chosen
                plan[t, i] = chosen
                used[chosen] = 1
