r"""Data sets that are edited: a set of n rows, of which each generation replaces some.

All rows are as likely to be replaced, so that a set of D of them has j replaced ones with a chance
q_j that is the same for all such sets: hypergeometric where k rows are replaced, binomial where
each is with the chance p. Let A = E x^2 of a row and B = E x y of two, in units of the truth, and
M = E m^2 = (A + (n - 1) B)/n of the mean of the set. A new row is m + noise of the variance w, so

    A' = (1 - e) A + e (M + w),   B' = (1 - f) B + f M,

e the chance that a row is replaced, f that one of two is: k (2n - k - 1)/(n (n - 1)), or 2p - p^2.
For w = 1 + v2 M the families with a quadratic variance function; H = 1 + v2 B and G = 1 + v2 A
obey the same, with G' = (1 - e) G + e (1 + v2) L, L = (G + (n - 1) H)/n, and lose no digit. A
Gaussian's fit has (A - B)(n - 1)/(n - c) for a variance: D = A - B is multiplied by
1 + e (heat (n - 1)/(n - c) - 1 + 1/n) - f/n, with maximum likelihood 1 - f/n.
"""

from itertools import product
from math import comb, log, perm
from typing import Any, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse.loop.schedule import Edits
from modelcollapse.solver.chains import Second
from modelcollapse.solver.scan import grown, scan


class Chances(NamedTuple):
    """The chances that a row, and that at least one of two rows, is replaced; each (T,)."""

    one: Floats
    pair: Floats


def chances(edits: Edits) -> Chances:
    """Return the chances e_t and f_t."""
    if edits.rows is None:
        p = np.asarray(edits.shares)
        return Chances(p, p * (2 - p))
    n, k = float(edits.size), edits.rows.astype(float)
    return Chances(k / n, k * (2 * n - k - 1) / (n * max(n - 1, 1.0)))


def log_replaced(edits: Edits, count: int) -> Floats:
    """Return the logarithm of the chance that j of so many rows are replaced, (T, count + 1)."""
    from scipy.special import xlog1py, xlogy

    j = np.arange(count + 1)
    log_ways = np.array([log(comb(count, i)) for i in range(count + 1)])  # beyond the integers
    if edits.rows is None:
        p = np.asarray(edits.shares)[:, None]
        return np.asarray(log_ways + xlogy(j, p) + xlog1py(count - j, -p))
    new, kept = log_falling(edits.rows, count), log_falling(edits.size - edits.rows, count)
    every = log_falling(np.array([edits.size]), count)[:, -1:]
    return np.asarray(log_ways + new + kept[:, ::-1] - every)


def log_falling(numbers: Integers, count: int) -> Floats:
    """Return log (n)_j = log n (n - 1) ... (n - j + 1), j = 0..count, of each number."""
    steps = np.maximum(numbers[:, None] - np.arange(count), 0)
    with np.errstate(divide="ignore"):
        logs = np.log(steps)
    return np.concatenate([np.zeros((len(numbers), 1)), np.cumsum(logs, axis=1)], axis=1)


def mixed_falling(edits: Edits, most: int, one: Any = 1.0) -> Any:
    """Return E (n - K)_b (K)_c / (n)_b, K the rows replaced, shape (T, most + 1, most + 1).

    It is 0 where the set has fewer than b + c rows. Exact, as an array of objects, where `one` is
    a rational 1.
    """
    n, T = edits.size, len(chances(edits).one)
    found = np.zeros((T, most + 1, most + 1), type(one))
    for b, c in product(range(most + 1), repeat=2):
        if b + c > n:
            continue
        if edits.rows is None:
            ways = perm(n - b, c)
            found[:, b, c] = [
                (one - p) ** b * (one * p) ** c * ways for p in np.asarray(edits.shares).tolist()
            ]
        else:
            found[:, b, c] = [
                one * perm(n - k, b) * perm(k, c) / perm(n, b) for k in edits.rows.tolist()
            ]
    return found


def solve_edits(edits: Edits, v2: float) -> Second:
    """Return E x_t^2 and E V(m_t) / V(m_0), each of shape (T,)."""
    n = edits.size
    found = np.empty((2, len(chances(edits).one)))
    A, B, G, H = 1.0, 0.0, 1 + v2, 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        for t, (e, f) in enumerate(zip(*(c.tolist() for c in chances(edits)), strict=True)):
            M, L = (A + (n - 1) * B) / n, (G + (n - 1) * H) / n
            if t:
                A, B = (1 - e) * A + e * (M + L), (1 - f) * B + f * M
                G, H = (1 - e) * G + e * (1 + v2) * L, (1 - f) * H + f * L
                M, L = (A + (n - 1) * B) / n, (G + (n - 1) * H) / n
            found[:, t] = M, L
    return Second(grown(found[0]), grown(found[1]))


def growth(edits: Edits, v2: float) -> float:
    """Return what (G, H) is multiplied by in each generation in the end, if the last one goes on.

    It is 1 for v2 = 0, above it for v2 > 0 and below it for v2 < 0.
    """
    n, e, f = edits.size, *(float(chance[-1]) for chance in chances(edits))
    if n == 1:  # no second row
        return 1 + e * v2
    lift = e * (1 + v2) / n
    step = [[1 - e + lift, (n - 1) * lift], [f / n, 1 - f / n]]
    return float(np.linalg.eigvals(np.array(step)).real.max())


def edit_slope(edits: Edits) -> float:
    """Return what E x^2 gains per generation in the end for v2 = 0, if the last one goes on."""
    n, e, f = edits.size, *(float(chance[-1]) for chance in chances(edits))
    return e if n == 1 else e * f / (e * (n - 1) + f)


def lost_shares(edits: Edits, heat: float, ddof: int) -> Floats:
    """Return which share of a Gaussian's variance a generation loses, negative if it gains: (T,).

    It is f/n - e (heat (n - 1)/(n - c) - 1 + 1/n), in which all but f/n vanishes with maximum
    likelihood; 0 where the two are the same but for rounding.
    """
    n, (e, f) = float(edits.size), chances(edits)
    with np.errstate(divide="ignore", invalid="ignore"):
        gained = e * (n - 1) * (n * (heat - 1) + ddof) / (n * (n - ddof))
    lost = f / n - gained
    same = np.abs(lost) <= 8 * np.finfo(float).eps * np.maximum(f / n, np.abs(gained))
    return np.where(same, 0.0, lost)


def fitted_variances(
    edits: Edits, heat: float, ddof: int, floor: float = 0.0
) -> tuple[Floats, Floats]:
    """Return V_t and R_t of a Gaussian, in units of tr S_0, each of shape (T,).

    The floor, in the same units, is part of V_t; D then gains e heat floor in each generation.
    """
    n, (e, f) = float(edits.size), chances(edits)
    spread = (n - 1) / (n - ddof)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        steps = np.log1p(-lost_shares(edits, heat, ddof))
        rows = np.exp(np.cumsum(steps))  # D = A - B
        if floor:
            steps[0], added = 0.0, e * heat * floor
            added[0] = 1.0
            rows = scan(steps, added)
        before = np.concatenate([[0.0], rows[:-1]])
        between = np.cumsum(f * before / n)  # B
        return grown(rows * spread + floor), grown(between + rows / n)
