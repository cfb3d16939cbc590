"""The Gaussian estimator against NumPy, SciPy and its own symmetries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from modelcollapse import (
    AccumulateSubsample,
    Experiment,
    Gaussian,
    InvalidInput,
    Replace,
    Weighted,
)
from modelcollapse.testing import assert_mean
from tests.helpers.conventions import used
from tests.helpers.toys import OnlyReal

SEEDS = st.integers(0, 10**6)
DIMS = st.integers(1, 5)
DDOFS = st.sampled_from([0, 1])


def draw(seed, n, dim):
    """Return n rows of dim columns with an arbitrary mean and covariance."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, dim)) @ rng.normal(size=(dim, dim)) + rng.normal(size=dim)


@given(seed=SEEDS, n=st.integers(2, 30), dim=DIMS, ddof=DDOFS)
def test_fit_is_numpys_mean_and_covariance(seed, n, dim, ddof):
    """The mean and np.cov with the same ddof."""
    X = draw(seed, n, dim)
    fit = Gaussian(dim, ddof).fit(X)

    assert fit.mean_ == pytest.approx(X.mean(axis=0), abs=1e-12)
    assert fit.covariance_ == pytest.approx(np.cov(X.T, ddof=ddof).reshape(dim, dim), abs=1e-10)


@given(seed=SEEDS, n=st.integers(2, 30), dim=DIMS, ddof=DDOFS, scale=st.floats(1e-3, 1e3))
def test_weighted_fit_is_numpys(seed, n, dim, ddof, scale):
    """np.cov with aweights: the divisor is 1 - ddof * sum w^2, whatever the weights sum to."""
    X = draw(seed, n, dim)
    weights = np.random.default_rng(seed).uniform(0.1, 1.0, size=n)
    fit = Gaussian(dim, ddof).fit(X, sample_weight=scale * weights)
    expected = np.cov(X.T, ddof=ddof, aweights=weights).reshape(dim, dim)

    assert fit.mean_ == pytest.approx(np.average(X, axis=0, weights=weights), abs=1e-12)
    assert fit.covariance_ == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(seed=SEEDS, n=st.integers(2, 20), dim=DIMS, ddof=DDOFS)
def test_equal_weights_are_no_weights(seed, n, dim, ddof):
    """For both ddof, equal weights give the unweighted fit."""
    X = draw(seed, n, dim)
    plain, weighted = Gaussian(dim, ddof).fit(X), Gaussian(dim, ddof).fit(X, None, np.full(n, 3.0))

    assert weighted.mean_ == pytest.approx(plain.mean_, abs=1e-12)
    assert weighted.covariance_ == pytest.approx(plain.covariance_, rel=1e-9, abs=1e-12)


@given(seed=SEEDS, n=st.integers(2, 20), dim=DIMS)
def test_whole_weights_repeat_rows(seed, n, dim):
    """With ddof 0, a whole weight counts a row that many times, and weight 0 leaves it out."""
    X = draw(seed, n, dim)
    times = np.random.default_rng(seed).integers(0, 4, size=n)
    times[:2] += 1
    repeated = Gaussian(dim).fit(np.repeat(X, times, axis=0))
    weighted = Gaussian(dim).fit(X, sample_weight=times)

    assert weighted.mean_ == pytest.approx(repeated.mean_, abs=1e-12)
    assert weighted.covariance_ == pytest.approx(repeated.covariance_, rel=1e-9, abs=1e-10)
    assert weighted.rank_ <= min(dim, np.count_nonzero(times) - 1)


@given(seed=SEEDS, n=st.integers(2, 30), dim=DIMS, ddof=DDOFS)
def test_fit_is_affine_equivariant(seed, n, dim, ddof):
    """Rows x A + b have the mean m A + b and the covariance A' S A."""
    X, rng = draw(seed, n, dim), np.random.default_rng(seed + 1)
    A, b = rng.normal(size=(dim, dim)), rng.normal(size=dim)
    before, after = Gaussian(dim, ddof).fit(X), Gaussian(dim, ddof).fit(X @ A + b)

    assert after.mean_ == pytest.approx(before.mean_ @ A + b, abs=1e-10)
    assert after.covariance_ == pytest.approx(A.T @ before.covariance_ @ A, rel=1e-8, abs=1e-9)


@given(seed=SEEDS, n=st.integers(2, 30), dim=DIMS, ddof=DDOFS)
def test_fit_ignores_the_order_of_rows(seed, n, dim, ddof):
    """Rows and weights, permuted together, give the same fit."""
    X, rng = draw(seed, n, dim), np.random.default_rng(seed)
    weights, order = rng.uniform(0.1, 1.0, n), rng.permutation(n)
    here = Gaussian(dim, ddof).fit(X, sample_weight=weights)
    there = Gaussian(dim, ddof).fit(X[order], sample_weight=weights[order])

    assert there.mean_ == pytest.approx(here.mean_, abs=1e-12)
    assert there.covariance_ == pytest.approx(here.covariance_, rel=1e-9, abs=1e-10)
    assert there.rank_ == here.rank_


@given(seed=SEEDS, n=st.integers(2, 12), dim=st.integers(1, 12), constant=st.integers(0, 3))
def test_rank_counts_rows_and_columns(seed, n, dim, constant):
    """With c constant columns, n rows have a covariance of rank min(d - c, n - 1)."""
    X = np.random.default_rng(seed).normal(size=(n, dim))
    constant = min(constant, dim)
    X[:, :constant] = 2.5

    assert Gaussian(dim).fit(X).rank_ == min(dim - constant, n - 1)


@given(seed=SEEDS, n=st.integers(2, 6))
def test_samples_of_a_singular_fit_stay_in_its_subspace(seed, n):
    """With n <= d, samples are affine combinations of the training rows, of finite density."""
    X = np.random.default_rng(seed).normal(size=(n, 6))
    fit = Gaussian(6).fit(X)
    Y = fit.sample(20, random_state=seed)
    basis = np.linalg.svd(X[1:] - X[0], full_matrices=False)[2]
    off = (Y - X[0]) - (Y - X[0]) @ basis.T @ basis

    assert off == pytest.approx(0.0, abs=1e-10)
    assert np.isfinite(fit.score_samples(Y)).all()
    assert np.isneginf(fit.score_samples(Y + np.random.default_rng(1).normal(size=6))).all()


def test_a_fit_without_variance_is_a_value():
    """Equal rows give rank 0, samples at the mean, and no error."""
    fit = Gaussian(2).fit(np.ones((3, 2)))

    assert fit.rank_ == 0
    assert fit.sample(3, random_state=0).tolist() == [[1.0, 1.0]] * 3
    assert fit.score_samples([[1.0, 1.0], [2.0, 1.0]]).tolist() == [0.0, -np.inf]


@given(seed=SEEDS, dim=DIMS, ddof=DDOFS)
def test_score_is_scipys_log_density(seed, dim, ddof):
    """score_samples is multivariate_normal.logpdf."""
    fit = Gaussian(dim, ddof).fit(np.random.default_rng(seed).normal(size=(20, dim)))
    Y = np.random.default_rng(seed + 1).normal(size=(5, dim))
    reference = stats.multivariate_normal(fit.mean_, fit.covariance_)

    assert fit.score_samples(Y) == pytest.approx(np.atleast_1d(reference.logpdf(Y)), rel=1e-7)


@given(seed=SEEDS)
def test_singular_score_is_scipys(seed):
    """On its own subspace, a singular fit has the density of multivariate_normal there."""
    X = np.random.default_rng(seed).normal(size=(4, 6))
    fit = Gaussian(6).fit(X)
    reference = stats.multivariate_normal(fit.mean_, fit.covariance_, allow_singular=True)

    assert fit.score_samples(X) == pytest.approx(reference.logpdf(X), rel=1e-6)


def test_samples_have_the_fitted_moments(seed):
    """The mean, and each entry of the covariance, of samples is the fitted one (Catoni)."""
    fit = Gaussian(2).fit(draw(1, 10, 2))
    n, S = 20_000, fit.covariance_
    centred = fit.sample(n, random_state=seed) - fit.mean_

    for i in range(2):
        assert_mean(centred[:, i], 0.0, S[i, i])
        for j in range(i + 1):
            variance = S[i, i] * S[j, j] + S[i, j] ** 2
            outcome = assert_mean(centred[:, i] * centred[:, j], S[i, j], variance)
            assert outcome.detectable < 0.15 * np.sqrt(variance)


@given(seed=SEEDS, temperature=st.floats(0.01, 100.0))
def test_temperature_scales_the_noise(seed, temperature):
    """The same random state gives the same noise, multiplied by the root of the temperature."""
    fit = Gaussian(3).fit(draw(seed, 10, 3))
    cold = fit.sample(4, random_state=seed) - fit.mean_
    hot = fit.sample(4, random_state=seed, temperature=temperature) - fit.mean_

    assert hot == pytest.approx(np.sqrt(temperature) * cold, rel=1e-9, abs=1e-10)


def test_random_states():
    """Integers repeat, generators move on, and None differs from call to call."""
    fit, rng = Gaussian(1).fit([0.0, 1.0]), np.random.default_rng(0)
    first = fit.sample(3, random_state=0)

    assert np.array_equal(first, fit.sample(3, random_state=0))
    assert np.array_equal(first, fit.sample(3, random_state=rng))
    assert not np.array_equal(first, fit.sample(3, random_state=rng))
    assert not np.array_equal(fit.sample(3), fit.sample(3))


def test_one_column_may_be_a_list():
    """In one dimension X may have the shape (N,)."""
    assert Gaussian(1, 1).fit([1.0, 2.0, 4.0]).covariance_ == pytest.approx(np.array([[7 / 3]]))


def test_identity_and_repr():
    """Two Gaussians are two, as in scikit-learn; what each is, is what it says."""
    assert Gaussian(2, 1) != Gaussian(dim=2, ddof=1)
    assert Gaussian(2, 1).described() == Gaussian(dim=2, ddof=1).described()
    assert repr(Gaussian(2, 1)) == "Gaussian(dim=2, ddof=1, floor=0.0)"
    assert repr(Gaussian()) == "Gaussian(ddof=0, floor=0.0)"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: used(Gaussian(0)), "dim = 0 is not valid"),
        (lambda: used(Gaussian(1.5)), "dim = 1.5"),
        (lambda: used(Gaussian(1, 2)), "ddof = 2 is not valid: give 0 (maximum likelihood) or 1"),
        (lambda: used(Gaussian(1, ddof=True)), "ddof = True"),
        (lambda: Gaussian(1).fit([1.0]), "give at least 2 rows"),
        (lambda: Gaussian(1).fit([]), "at least 2 rows"),
        (lambda: Gaussian(1).fit([1.0, np.nan]), "X[1, 0] = nan"),
        (lambda: Gaussian(1).fit(["a", "b"]), "give an array of numbers"),
        (lambda: Gaussian(1).fit([[1.0, 2.0], [3.0, 4.0]]), "X has 2 columns and dim = 1"),
        (lambda: Gaussian(1).fit([1.0, 2.0], None, [1.0]), "give 2 finite weights >= 0"),
        (lambda: Gaussian(1).fit([1.0, 2.0], None, [1.0, -1.0]), "sample_weight"),
        (lambda: Gaussian(1).fit([1.0, 2.0], None, [0.0, 0.0]), "not all zero"),
        (lambda: Gaussian(1, 1).fit([1.0, 2.0], None, [1.0, 0.0]), "at least 2 rows with weight"),
        (lambda: Gaussian(1).fit([0.0, 1.0]).sample(0), "n_samples = 0"),
        (lambda: Gaussian(1).fit([0.0, 1.0]).sample(1, temperature=0.0), "temperature = 0.0"),
        (lambda: Gaussian(1).fit([0.0, 1.0]).score_samples([np.inf]), "X[0, 0] = inf"),
        (lambda: Experiment(Gaussian(), Replace(), samples=1), "needs at least 2"),
        (lambda: Experiment(Gaussian(), AccumulateSubsample(1)), "budget = 1"),
    ],
)
def test_wrong_input(call, message):
    """Wrong input names itself and what is allowed."""
    with pytest.raises(InvalidInput) as caught:
        call()

    assert message in str(caught.value)


def test_one_row_alone_is_refused_wherever_it_is():
    """Weights on a batch of one row, or on the one real row of a larger batch."""
    table = Weighted([[1], [1, 0], [0, 1, 0]])
    with pytest.raises(InvalidInput, match="generation 3 would train on 1 row"):
        Experiment(Gaussian(ddof=1), table, [3, 1, 3], 3)
    with pytest.raises(InvalidInput, match="generation 2 would train on 1 row"):
        Experiment(Gaussian(), OnlyReal(1), 5, 3)
    assert Experiment(Gaussian(), OnlyReal(2), 5, 3)
