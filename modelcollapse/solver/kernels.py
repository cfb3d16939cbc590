"""Compiled steps of sliding windows: the noise of one batch in all later fits; see `window`."""

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.compiled import compiled


@compiled
def column(sizes: Floats, totals: Floats, k: int, s: int, out: Floats) -> int:
    """Fill out with A[s, s], A[s + 1, s], ... until settled or at the end; return how many."""
    T, count, last = len(sizes), 0, 1.0
    block, ends = np.zeros(k), np.zeros(k + 1)
    while s + count < T:
        begin, least, most = 0.0, np.inf, 0.0
        for i in range(k):
            t = s + count
            if t == T:
                return count
            block[i] = sizes[t] * last
            begin += block[i]
            last = (ends[i + 1] + begin) / totals[t]
            out[count] = last
            count += 1
            least, most = min(least, last), max(most, last)
        # Later fits average these k; what they differ by is the rounding of sums of k terms.
        if most - least <= (8 + k) * 2.220446049250313e-16 * most:
            return count
        for i in range(k - 1, -1, -1):
            ends[i] = ends[i + 1] + block[i]
    return count


@compiled
def added(sizes: Floats, totals: Floats, k: int, v2: float, same: int, errors: Floats) -> None:
    """Fill errors, shape (T,); the columns from `same` on are all alike."""
    T = len(sizes)
    settled, shape = np.zeros(T + 1), np.zeros(T)
    count, constant = 0, 0.0
    for s in range(T):
        spread = 1.0
        if s > 0:
            errors[s - 1] += constant
            spread += v2 * errors[s - 1]
        constant += settled[s]
        if s <= same:
            count = column(sizes, totals, k, s, shape)
        noise = spread / sizes[s]
        for j in range(min(count, T - s)):
            errors[s + j] += noise * shape[j] * shape[j]
        if s + count < T:
            settled[s + count] += noise * shape[count - 1] * shape[count - 1]
    errors[T - 1] += constant
