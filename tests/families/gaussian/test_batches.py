"""Steps of the other loops against rows: merged batches, gathered rows and index plans.

Tolerances as in `test_kernels.py`.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.families.gaussian import batches, subsample_kernels
from tests.families.gaussian.test_kernels import DDOFS, DIMS, EPS, SEEDS, close


@given(seed=SEEDS, d=DIMS, n=st.integers(2, 9), span=st.integers(1, 3))
def test_summaries_of_dependent_rows(seed, d, n, span):
    """Rows on a coarse grid, any of them dependent: a lower factor of n - 1 columns at most."""
    X = np.random.default_rng(seed).integers(0, span + 1, size=(2, n, d)).astype(float)
    means, factors = batches.summaries(X)
    for rows, mean, factor in zip(X, means, factors, strict=True):
        fit = mc.Gaussian(d).fit(rows)
        close(mean, fit.mean_, n, span)
        close(factor @ factor.T, fit.covariance_, n + d, d * span**2)
        assert np.array_equal(factor, np.tril(factor))
        assert not factor[:, n - 1 :].any()


@given(seed=SEEDS, d=DIMS, k=st.integers(1, 4), n=st.integers(2, 9))
def test_mixed_slots_are_weighted_rows(seed, d, k, n):
    """Summaries of k batches, merged with weights, are those of all rows with row weights."""
    rng = np.random.default_rng(seed)
    X, weights = rng.normal(size=(1, k, n, d)), rng.dirichlet(np.ones(k))
    mean, factor = batches.mixed(*batches.summaries(X), weights)
    fit = mc.Gaussian(d).fit(X.reshape(-1, d), sample_weight=np.repeat(weights, n))
    size = (X**2).sum(axis=-1).max()

    close(mean[0], fit.mean_, k * n, np.sqrt(size))
    close(factor[0] @ factor[0].T, fit.covariance_, k * n + d, size)


@given(seed=SEEDS, d=DIMS, k=st.integers(2, 20), ddof=DDOFS)
def test_gathered_rows_give_the_fit(seed, d, k, ddof):
    """Gather and lower_factor against `Gaussian.fit` on the chosen rows."""
    rng = np.random.default_rng(seed)
    pool, chosen = rng.normal(size=(30, d)), rng.permutation(30)
    mean, roots, pivots = np.empty(d), np.empty((d, k)), np.empty(d)
    trace = subsample_kernels.gather(pool, chosen, k, ddof, mean, roots)
    fit, size = mc.Gaussian(d, ddof).fit(pool[chosen[:k]]), (pool**2).sum(axis=1).max()
    close(mean, fit.mean_, k, np.sqrt(size))
    close(np.array(trace), np.trace(fit.covariance_), k + d, d * k * size)
    close(roots @ roots.T, fit.covariance_, k + d, k * size)
    if k > d:
        L = np.zeros((d, d))
        subsample_kernels.lower_factor(roots, k, mean, L, pivots)
        assert np.array_equal(L, np.tril(L))
        close(L @ L.T, fit.covariance_, k + d, k * size)
        assert pivots == pytest.approx(np.diag(L) ** 2, rel=8 * EPS)
