"""The exact test that steps go up and down alike.

Under the null hypothesis every step is as likely up as down, whatever its size, and independently
of the others: given the sizes a_1, ..., a_m, the directions are m fair coins. The sum of the steps
is held against all 2^m sums that the same sizes could have given.

The sizes are rounded to whole numbers k_i of one unit, by a rule that does not look at directions,
so that the test is exact for the rounded sum. That sum is 2 Y - sum k_i with Y = sum k_i B_i and
coins B_i. The law of Y on 0, 1, ..., sum k_i is the Fourier transform of a product, taken under
the law in which B_i is 1 with probability 1/(1 + exp(-h k_i)), where h puts the mean of Y where it
was observed: so a tail of 1e-100 has as many digits as one of a half.
"""

import math
from typing import NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats, Integers

FINEST = 2**10  # units that all steps have together, at least
PER_STEP = 8  # units that a step has on average, at least
MOST_STEPS = 2**14  # of more steps, neighbours are summed, which keeps the test exact
LEAST = 1e-300  # a smaller probability is given as this one


class Tails(NamedTuple):
    """P(sum >= the observed one) and P(sum <= the observed one)."""

    up: float
    down: float


def directions(steps: Floats) -> Tails:
    """Return both tails of the sum of steps whose directions are fair coins.

    Parameters
    ----------
    steps
        Finite numbers, shape (runs, steps); NaN where a run has none.
    """
    a = _summed(steps)
    sizes = np.abs(a)
    if not sizes.any():
        return Tails(1.0, 1.0)
    sizes = sizes / sizes.max()
    unit = sizes.sum() / max(FINEST, PER_STEP * len(a))
    whole = np.rint(sizes / unit).astype(np.int64)
    total = int((np.sign(a) * whole).sum())
    k, counts = np.unique(whole[whole > 0], return_counts=True)
    tail, point = _tail(k, counts, abs(total))
    other = min(1.0, 1.0 - tail + point)
    return Tails(tail, other) if total >= 0 else Tails(other, tail)


def _summed(steps: Floats) -> Floats:
    """Return the steps, shape (n,), in blocks of neighbours if there are too many."""
    width = max(1, math.ceil(steps.size / MOST_STEPS))
    starts = np.arange(0, steps.shape[1], width)
    blocks = np.add.reduceat(np.where(np.isnan(steps), 0.0, steps), starts, axis=1)
    return blocks.ravel()


def _tail(k: Integers, counts: Integers, total: int) -> tuple[float, float]:
    """Return P(sum >= total) and P(sum = total) of whole steps k, each `counts` times.

    The total is at least 0.
    """
    most = int((k * counts).sum())
    y = (total + most) // 2
    h = _tilt(k, counts, y)
    log_scale = float((counts * (np.logaddexp(0.0, h * k) - math.log(2))).sum()) - h * y
    if y == most:
        end = max(math.exp(-math.log(2) * float(counts.sum())), LEAST)
        return end, end
    share = 1 / (1 + np.exp(-h * k))
    roots = np.exp(-2j * np.pi / (most + 1) * np.arange(most + 1))
    frequencies = np.arange((most + 1) // 2 + 1)
    transform = np.ones(len(frequencies), dtype=np.complex128)
    for size, count, p in zip(k, counts, share, strict=True):
        transform *= (1 - p + p * roots[frequencies * size % (most + 1)]) ** count
    law = np.fft.irfft(transform, most + 1)[y:]
    weights = np.maximum(law, 0.0) * np.exp(-h * np.arange(len(law)))
    tail, point = (
        max(math.exp(log_scale + math.log(max(float(w), LEAST))), LEAST)
        for w in (weights.sum(), weights[0])
    )
    return min(tail, 1.0), point


def _tilt(k: Integers, counts: Integers, y: int) -> float:
    """Return the h at which the mean of Y is y, at least 0; at the end of its range a large one."""
    low, high = 0.0, 1.0
    mean = float((k * counts).sum()) / 2
    if y <= mean:
        return 0.0

    def above(h: float) -> bool:
        return float((k * counts / (1 + np.exp(-h * k))).sum()) > y

    while not above(high) and high < 64:
        low, high = high, 2 * high
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if above(middle) else (middle, high)
    return low
