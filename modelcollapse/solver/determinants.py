r"""Expected determinants of second moments, for one pool of rows and any number of columns.

Let M be the mean of x x' over the rows of a pool, in D columns, D at most their number. A batch
of n rows whose mean is Q, given the past, keeps E x x' = Q, and a determinant is linear in each
of them and zero where two are alike: with shares a and b of the old rows and of the batch

    E det(a M + b mean of n) = sum_j C(D, j) a^(D-j) b^j (n)_j/n^j Dmix(M, ..., M, Q, ..., Q),

Dmix the mixed discriminant, with Q taken j times, and (n)_j = n (n - 1) ... (n - j + 1). For Q the
mean over k of the pool's N rows each of its terms has D rows of the pool, no two of them alike,
j of them chosen: E Dmix = det M N^j (k)_j / (k^j (N)_j). So E det M is a product of numbers. Of a
set of n rows that is edited j of D rows are new with the chance q_j, and the factor is
sum_j q_j (n)_D / ((n)_(D-j) n^j).

A Gaussian's rows are (1, x), and det M = det S then; at a temperature its batch has the covariance
h S about the mean m. Then Q = h M + (1 - h) m m', and m m' can be taken once: the j-th term has the
factor h^(j-1) (1 + (h - 1) u_j) more, u_j = (k - j) N (D - j) / (k D (N - j)).
"""

from typing import NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse.loop.schedule import Edits, Schedule
from modelcollapse.solver.edits import log_replaced

MOST = 2**20  # terms of sums at a time
SURE = 0.5  # a factor this near to 1 is known better by what it lacks


class Pool(NamedTuple):
    """One pool of rows, generation by generation, each of shape (T,).

    Attributes
    ----------
    carried, drawn
        The shares of the old rows and of the new batch in the pool.
    rows, chosen
        The rows of the pool and those of them that are trained on; infinite where it is all of
        them.
    effective
        The training rows that, with equal weights, weigh on an average as these do.
    """

    carried: Floats
    drawn: Floats
    rows: Floats
    chosen: Floats
    effective: Floats


def pool_of(schedule: Schedule) -> Pool | None:
    """Return the pool of a schedule, or None if it is not one, or has fresh real rows."""
    if schedule.fresh:
        return None
    n = schedule.sizes.astype(float)
    if schedule.edits is not None:
        every, rows = np.full(len(n), np.inf), schedule.counts.astype(float)
        return Pool(np.zeros_like(n), np.ones_like(n), every, every, rows)
    if schedule.kind == "subset":
        rows, chosen = np.cumsum(n), schedule.counts.astype(float)
        return Pool((rows - n) / rows, n / rows, rows, chosen, chosen)
    chain = schedule.chain
    if chain is None:
        return None
    every = np.full(len(n), np.inf)
    carried, drawn = chain.carried, chain.real + chain.sampled
    if schedule.one_pool:
        return Pool(carried, drawn, every, every, schedule.counts.astype(float))
    squares, total = np.empty(len(n)), 0.0
    for t in range(len(n)):
        total = carried[t] ** 2 * total + drawn[t] ** 2 / n[t]
        squares[t] = total
    return Pool(carried, drawn, every, every, 1 / squares)


def log_shares(counts: Floats, order: int) -> Floats:
    """Return log (n)_j / n^j, j = 0..order, of each number n; shape (numbers, order + 1)."""
    steps = np.arange(order) / counts[:, None]
    with np.errstate(divide="ignore"):
        logs = np.where(steps < 1, np.log1p(-np.minimum(steps, 1.0)), -np.inf)
    return np.concatenate([np.zeros((len(counts), 1)), np.cumsum(logs, axis=1)], axis=1)


def log_determinants(
    schedule: Schedule, order: int, *, bordered: bool = False, heat: float = 1.0, ddof: int = 0
) -> Floats | None:
    """Return log E det of what is fitted in `order` columns, over the truth's; None if open.

    Parameters
    ----------
    schedule
        What the generations train on.
    order
        The number of columns.
    bordered
        Whether a constant column comes to them, so that this is about covariances; only then a
        temperature and a ddof have a meaning.
    heat, ddof
        The sampler's temperature, and the fits' ddof.
    """
    pool, edits = pool_of(schedule), schedule.edits
    if pool is None:
        return None
    size, n = order + bordered, schedule.sizes.astype(float)
    if n[0] < size:
        return np.full(len(n), -np.inf)
    with np.errstate(divide="ignore"):
        fitted = np.log1p(-ddof / pool.effective)
        hot = np.log(heat) - fitted
    logs = np.empty(len(n))
    logs[0] = log_shares(n[:1], size)[0, -1]
    step = max(1, MOST // (size + 1))
    for start in range(1, len(n), step):
        new = slice(start, min(start + step, len(n)))
        last = Pool(*(part[start - 1 : new.stop - 1] for part in pool))
        if edits is None:
            terms = _gained(pool, n, new, size)
            terms.shares[:] += _log_chosen(last, size)
        else:
            terms = _edited(edits, new, size)
        logs[new] = _log_factors(last, terms, hot[start - 1 : new.stop - 1, None])
    with np.errstate(invalid="ignore"):
        return np.asarray(np.cumsum(logs) + _log_chosen(pool, size)[:, -1] - order * fitted)


def _log_chosen(pool: Pool, order: int) -> Floats:
    """Return log N^j (k)_j / (k^j (N)_j), j = 0..order; 0 where all rows are trained on."""
    found = log_shares(pool.chosen, order)
    known = np.isfinite(pool.rows)
    found[known] -= log_shares(pool.rows[known], order)
    return found


class Terms(NamedTuple):
    """A factor's terms j = 0..D as logarithms: weights that sum to 1, and what they weigh."""

    weights: Floats
    shares: Floats


def _gained(pool: Pool, n: Floats, new: slice, size: int) -> Terms:
    """Return the terms of a pool that gains a batch."""
    from scipy.special import xlogy

    j = np.arange(size + 1)
    a, b = pool.carried[new, None], pool.drawn[new, None]
    ways = np.concatenate([[0.0], np.cumsum(np.log((size - j[1:] + 1) / j[1:]))])
    return Terms(ways + xlogy(size - j, a) + xlogy(j, b), log_shares(n[new], size))


def _edited(edits: Edits, new: slice, size: int) -> Terms:
    """Return the terms of a set of which rows are replaced."""
    kept = log_shares(np.array([float(edits.size)]), size)
    weights = log_replaced(edits, size)[new]
    return Terms(weights, np.tile(kept[:, -1:] - kept[:, ::-1], (len(weights), 1)))


def _log_factors(last: Pool, terms: Terms, h: Floats) -> Floats:
    """Return the logarithms of the factors of some generations, of the pools before them."""
    from scipy.special import logsumexp

    weights, shares = terms
    j = np.arange(weights.shape[1])
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        shares[:, 1:] += (j[1:] - 1) * h + np.log1p(np.expm1(h) * _apart(last, j[1:]))
        # What the factor lacks of 1, as the weights sum to 1: accurate where it is little.
        lacks = (np.exp(weights) * np.expm1(shares)).sum(axis=1)
        whole = logsumexp(weights + shares, axis=1)
        return np.asarray(np.where(np.abs(lacks) < SURE, np.log1p(lacks), whole))


def _apart(pool: Pool, j: Integers) -> Floats:
    """Return u_j, j = 1..D, of some pools: see the module."""
    size = len(j)
    share = (size - j) / size
    k, rows = pool.chosen[:, None], pool.rows[:, None]
    known = np.isfinite(rows[:, 0])
    found = np.tile(share, (len(k), 1))
    # At j = D it is 0, whatever N - j is.
    gaps = np.maximum(rows[known] - j, 1.0)
    found[known] *= np.maximum(k[known] - j, 0.0) * rows[known] / (k[known] * gaps)
    return found


def symmetric(values: Floats) -> Floats:
    """Return the elementary symmetric functions of orders 1, ..., d of (..., d) numbers."""
    d = values.shape[-1]
    found = np.zeros((*values.shape[:-1], d + 1))
    found[..., 0] = 1.0
    with np.errstate(over="ignore", under="ignore"):
        for i in range(d):
            found[..., 1:] += values[..., i : i + 1] * found[..., :-1]
    return found[..., 1:]
