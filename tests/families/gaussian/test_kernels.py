"""The compiled steps, driven by noise computed from raw rows.

A step's result differs from the rows' by rounding only: each entry is a sum of at most n + d
products of factors rounded a few times, 16 (n + d) eps relative to the largest square at hand.
"""

import math
from fractions import Fraction
from operator import mul

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import helmert
from scipy.special import chdtr

import modelcollapse as mc
from modelcollapse._support.stream import opened
from modelcollapse.families.gaussian import batches, kernels
from modelcollapse.testing import assert_law

EPS = np.finfo(float).eps
SEEDS, DIMS = st.integers(0, 10**6), st.integers(1, 6)
DDOFS, HEATS = st.sampled_from([0, 1]), st.floats(0.25, 4.0)


def standardised(G):
    """Return z = sqrt(n) mean(G) and the trapezoidal factor (r, min(r, n - 1)) of G's scatter."""
    n, r = G.shape
    R = np.linalg.qr(helmert(n) @ G, mode="r")
    A = R.T * np.where(np.diag(R) < 0, -1.0, 1.0)
    return np.sqrt(n) * G.mean(axis=0), A[:, : min(r, n - 1)]


def padded(A, d):
    """Return A in the corner of a (d, d) array of something else, which must not be read."""
    whole = np.full((d, d), 1e30)
    whole[: A.shape[0], : A.shape[1]] = A
    return whole


def lower(rng, d, rank):
    """Return a trapezoidal factor (d, d), zero from column `rank` on, as a fit leaves it."""
    B = np.tril(rng.normal(size=(d, d)))
    B[range(d), range(d)] = 1 + np.abs(np.diag(B))
    B[:, rank:] = 0.0
    return B


def close(actual, expected, terms, size):
    """Assert equality up to the rounding of sums of so many terms of that size."""
    assert np.abs(actual - expected).max() <= 16 * terms * EPS * size


@given(seed=SEEDS, d=DIMS, n=st.integers(2, 12), ddof=DDOFS, heat=HEATS, steps=st.integers(1, 4))
def test_replace_step_is_a_fit_to_rows(seed, d, n, ddof, heat, steps):
    """A chain of replace steps, each against `Gaussian.fit` on m + unit sqrt(heat) G B'."""
    rng, unit = np.random.default_rng(seed), 0.5
    mean, B, rank, scratch = rng.normal(size=d), lower(rng, d, d), d, np.empty((2, d))
    for _ in range(steps):
        G = rng.normal(size=(n, rank))
        X = mean + unit * np.sqrt(heat) * G @ B[:, :rank].T
        z, A = standardised(G)
        size = (np.abs(X) ** 2).sum(axis=1).max() / (1 - ddof / n)
        rank = kernels.replace_step(mean, B, z, padded(A, d), rank, n, ddof, heat, unit, scratch)
        fit = mc.Gaussian(d, ddof).fit(X)

        assert rank == min(A.shape)
        close(mean, fit.mean_, n + d, np.sqrt(size))
        close(unit**2 * B[:, :rank] @ B[:, :rank].T, fit.covariance_, n + d, size)


@given(seed=SEEDS, d=DIMS, first=st.integers(2, 9), sizes=st.lists(st.integers(1, 9), max_size=4))
@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("heat", [1.0, 1.5])
def test_accumulate_step_is_a_fit_to_all_rows(ddof, heat, seed, d, first, sizes):
    """A chain of accumulate steps against `Gaussian.fit` on all rows so far."""
    rng = np.random.default_rng(seed)
    pool = rng.normal(size=(first, d))
    mean, factor = batches.summaries(pool)
    B, rank = np.ascontiguousarray(factor), min(d, first - 1)
    L, U, scratch = np.zeros((d, d)), np.empty((d, d)), np.empty((2, d))
    for n in sizes:
        G = rng.normal(size=(n, rank))
        divisor = 1 - ddof / len(pool)
        X = mean + np.sqrt(heat / divisor) * G @ B[:, :rank].T
        z, A = standardised(G) if n > 1 else (G[0], np.zeros((rank, 0)))
        T = np.ascontiguousarray(padded(A, d).T)
        kernels.accumulate_step(mean, B, z, T, L, U, rank, len(pool), n, ddof, heat, scratch)
        pool = np.concatenate([pool, X])
        fit, terms = mc.Gaussian(d).fit(pool), (len(sizes) + 1) * (len(pool) + d)
        size = (pool**2).sum(axis=1).max()

        close(mean, fit.mean_, terms, np.sqrt(size))
        close(B @ B.T, fit.covariance_, terms, size)


@given(seed=SEEDS, d=DIMS, rank=DIMS, columns=DIMS, scale=st.floats(0.1, 10.0))
def test_multiply_lower_is_a_product(seed, d, rank, columns, scale):
    """Scale times B A for every combination of shapes; nothing is written above the diagonal."""
    rng, rank = np.random.default_rng(seed), min(rank, d)
    columns = min(rank, columns)
    B, A = lower(rng, d, rank), lower(rng, rank, columns)[:, :columns]
    expected = scale * B[:, :rank] @ A
    size = scale * np.linalg.norm(B) * np.linalg.norm(A)
    kernels.multiply_lower(B, padded(A, d), rank, columns, scale, *np.empty((2, d)))

    close(B[:, :columns], expected, d, size)
    assert np.array_equal(B, np.tril(B))


@given(seed=SEEDS, rank=st.integers(1, 19), columns=st.integers(0, 19), keep=st.floats(0.1, 1.0))
def test_pool_factor_is_cholesky(seed, rank, columns, keep):
    """L L' = keep I + gain (A A' + shift z z'), with a positive diagonal and zeros above."""
    rng, columns = np.random.default_rng(seed), min(rank, columns)
    A, z = lower(rng, rank, columns)[:, :columns], rng.normal(size=rank)
    gain, shift = rng.uniform(0.1, 1.0, size=2)
    L, T = np.zeros((rank, rank)), np.ascontiguousarray(padded(A, rank).T)
    scratch = np.empty((rank, rank)), *np.empty((2, rank))
    kernels.pool_factor(L, T, z, rank, columns, keep, gain, shift, *scratch)
    expected = keep * np.eye(rank) + gain * (A @ A.T + shift * np.outer(z, z))

    assert np.array_equal(L, np.tril(L))
    assert (np.diag(L) > 0).all()
    close(L @ L.T, expected, 2 * rank, np.trace(expected))


@given(seed=SEEDS, d=DIMS, rank=DIMS)
def test_log_volume_is_a_determinant(seed, d, rank):
    """Log det B'B; a relative error delta of B'B in norm moves it by rank delta cond(B'B)."""
    B, rank = lower(np.random.default_rng(seed), d, min(rank, d)), min(rank, d)
    gram = B[:, :rank].T @ B[:, :rank]
    slack = 16 * d * EPS * rank * d * np.linalg.cond(gram)
    volume = kernels.log_volume(B, rank, np.empty((rank, rank)))

    assert volume == pytest.approx(np.linalg.slogdet(gram)[1], rel=0, abs=slack)
    assert kernels.squares(B, rank) == pytest.approx(np.trace(gram), rel=16 * d * d * EPS)


def determinant(matrix):
    """Return the determinant of a list of rows of fractions, by elimination."""
    if not matrix:
        return Fraction(1)
    (head, *tail), *rows = sorted(matrix, key=lambda row: row[0] == 0)
    below = [[x - row[0] / head * y for x, y in zip(row[1:], tail, strict=True)] for row in rows]
    return head * abs(determinant(below))


@given(seed=SEEDS, d=DIMS, rank=DIMS, spread=st.integers(0, 60))
def test_log_volume_is_a_determinant_in_any_units(seed, d, rank, spread):
    """Rows from 10^-60 to 1, in any order: against exact fractions.

    Cholesky's pivots are wrong by 16 d EPS of what they were before they lost, at most, all but
    HALF of it; reflections by 16 d EPS times the condition of rows of one size, some 10^4.
    """
    rng, rank = np.random.default_rng(seed), min(rank, d)
    B = lower(rng, d, rank) * 10.0 ** rng.uniform(-spread, 0, size=(d, 1))
    columns = [[Fraction(x) for x in column] for column in B[:, :rank].T]
    gram = [[sum(map(mul, a, b)) for b in columns] for a in columns]
    exact = determinant(gram)
    expected = math.log(exact.numerator) - math.log(exact.denominator)

    assert kernels.log_volume(B, rank, np.empty((rank, rank))) == pytest.approx(
        expected, abs=rank * 16 * d * EPS / kernels.HALF
    )
    assert kernels.pivoted_volume(B, rank) == pytest.approx(expected, abs=rank * 16 * d * EPS * 1e4)


def test_dependent_columns_have_no_volume():
    """A factor of lower rank than claimed has the volume zero, not an error."""
    B = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])

    assert np.isneginf(kernels.log_volume(B, 2, np.empty((2, 2))))


@given(seed=SEEDS, d=DIMS, exponent=st.integers(-140, 140))
def test_rescale_keeps_the_product(seed, d, exponent):
    """Exp(log) times B B' stays; the leading entry is 1 where it was extreme, else untouched."""
    B = lower(np.random.default_rng(seed), d, d)
    before = B * 10.0**exponent
    after = before.copy()
    shift = kernels.rescale(after, d)
    head = before[0, 0]

    if kernels.TINY < head < kernels.HUGE:
        assert shift == 0.0
        assert np.array_equal(after, before)
    else:
        # The logarithm is up to 650 and rounded once: 650 eps relative in its exponential.
        assert after[0, 0] == 1.0
        assert after * np.exp(shift / 2) == pytest.approx(before, rel=2000 * EPS, abs=0)


@pytest.mark.parametrize("upper", [False, True])
def test_bartlett_diagonal_has_chi_square_laws(upper, seed):
    """Squared diagonal chi2(freedom - i), squares below it chi2(1), the trace chi2(rank freedom).

    10,000 draws detect a sup-distance of 0.07; a freedom off by one moves the law by more.
    """
    stream = opened(seed)
    for rank, freedom in ((3, 5), (4, 2)):
        draws, A = np.empty((10_000, rank, rank)), np.zeros((rank, rank))
        z, scratch = np.empty(rank), np.empty(rank * (rank + 1) // 2)
        for draw in draws:
            columns = kernels.draw_batch(stream, rank, freedom, upper, z, A, scratch)
            draw[:] = A.T if upper else A
        assert columns == min(rank, freedom)
        kept = draws[:, :, :columns]
        for i in range(columns):
            chi_square(kept[:, i, i] ** 2, freedom - i)
            if i + 1 < rank:
                chi_square(kept[:, i + 1, i] ** 2, 1)
        chi_square((np.tril(kept) ** 2).sum(axis=(1, 2)), rank * freedom)


def chi_square(samples, freedom):
    """Assert a chi-square law, and that its neighbours in freedom would be seen."""
    outcome = assert_law(samples, lambda x: chdtr(freedom, x))
    grid = np.linspace(0, 4 * freedom, 1000)
    gap = np.abs(chdtr(freedom, grid) - chdtr(freedom + 1, grid)).max()
    assert gap >= outcome.detectable
