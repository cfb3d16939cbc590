"""The kernel density estimator against SciPy and scikit-learn, and the law of its rows."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr
from scipy.stats import gaussian_kde
from sklearn.neighbors import KernelDensity

import modelcollapse as mc
from modelcollapse.families.kde import Kernel
from modelcollapse.families.kde.kernel import GAUSSIAN, KERNELS, as_kernel
from modelcollapse.testing import EstimatorContract, assert_law, assert_mean

# Sums of at most 60 positive terms, each a power of e with a relative error of a few roundings
# times its exponent; exponents are below 1000 here. Covariances of peers are inverted, and their
# condition number is below 100: 1e-11 relative, or absolute for logarithms near zero.
CLOSE = {"rel": 1e-11, "abs": 1e-11}
COUNTS = st.integers(2, 30)
SEEDS = st.integers(0, 10**6)
SLANTED = np.array([[3.0, 0.0, 0.0], [1.0, 0.5, 0.0], [-2.0, 0.3, 1.0]])


def laplace_like():
    """Return a kernel that the package does not know: a normal one, written by hand."""
    return Kernel(
        "by hand",
        lambda u, dim: np.exp(-(u**2) / 2) + 0 * dim,
        lambda n, dim, rng: rng.standard_normal((n, dim)),
        lambda square, dim: -square / 2 - dim / 2 * np.log(2 * np.pi),
        lambda dim: 1.0 + 0 * dim,
        lambda dim: float(dim * (dim + 2)),
    )


def data(seed, n, dim):
    """Return slanted rows, weights of which some are zero, and points around the rows."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, dim)) @ SLANTED[:dim, :dim].T + 5
    weights = rng.random(n) * (rng.random(n) < 0.8)
    weights[:2] = 0.5, 1.0
    return rows, weights, rng.choice(rows, 7) + rng.normal(size=(7, dim))


class TestContract(EstimatorContract):
    """The laws of an estimator for `run`, with every kernel and kind of bandwidth."""

    @pytest.fixture(
        params=[
            mc.KDE(0.3, dim=2),
            mc.KDE("scott", dim=2),
            mc.KDE("scipy-silverman", dim=2),
            mc.KDE(mc.PowerBandwidth(0.5, 0.2), dim=2),
            mc.KDE([0.4], kernel="tophat", dim=2),
            mc.KDE(0.0, kernel="epanechnikov", dim=2, scoring_bandwidth=0.5),
            mc.KDE(0.3, kernel=laplace_like(), dim=2),
        ],
        ids=repr,
    )
    def estimator(self, request):
        """Return an estimator."""
        return request.param


@settings(max_examples=25)
@given(seed=SEEDS, n=COUNTS, dim=st.integers(1, 3), h=st.floats(0.2, 3), weighted=st.booleans())
def test_number_is_scipys_kernel_of_that_covariance(seed, n, dim, h, weighted):
    """SciPy multiplies the rows' covariance S; whitened rows make its kernel h times the identity.

    With x = L z and S = L L', the density at x is that at z over det L.
    """
    rows, weights, points = data(seed, n + dim, dim)
    weights = weights if weighted else None
    peer = gaussian_kde(rows.T, bw_method=h, weights=weights)
    L = np.linalg.cholesky(peer.covariance / h**2)
    white, at = (np.linalg.solve(L, x.T).T for x in (rows, points))
    found = mc.KDE(h, dim=dim).fit(white, sample_weight=weights).score_samples(at)

    expected = peer.logpdf(points.T) + np.linalg.slogdet(L)[1]
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)  # conditions up to 1e3


@settings(max_examples=25)
@given(
    seed=SEEDS,
    n=COUNTS,
    dim=st.integers(1, 3),
    rule=st.sampled_from(["scott", "silverman"]),
    weighted=st.booleans(),
)
def test_scipys_rules_are_scipys(seed, n, dim, rule, weighted):
    """Factor, covariance and log-density, for slanted rows, with and without weights."""
    rows, weights, points = data(seed, n + 2 * dim, dim)
    weights = weights if weighted else None
    peer = gaussian_kde(rows.T, bw_method=rule, weights=weights)
    model = mc.KDE(f"scipy-{rule}", dim=dim).fit(rows, sample_weight=weights)

    assert model.bandwidth_ == pytest.approx(peer.factor, rel=1e-13)
    noise = model.bandwidth_ * model._factor_.matrix
    assert noise @ noise.T == pytest.approx(peer.covariance, rel=1e-12, abs=1e-12)
    # Few weighted rows may be nearly dependent.
    assert model.score_samples(points) == pytest.approx(peer.logpdf(points.T), rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
@pytest.mark.parametrize("kernel", sorted(KERNELS))
@pytest.mark.parametrize("bandwidth", [0.5, 2.0, "scott", "silverman"])
@pytest.mark.parametrize("weighted", [False, True])
def test_scikit_learn(dim, kernel, bandwidth, weighted, seed):
    """Each kernel, number and rule, within the support and outside of it."""
    rng = np.random.default_rng(seed)
    rows, points = rng.normal(size=(60, dim)), 2 * rng.normal(size=(40, dim))
    weights = rng.random(60) + 0.01 if weighted else None
    if weighted and isinstance(bandwidth, str):
        bandwidth = 0.8  # scikit-learn's rule counts rows, ours the effective ones
    # One leaf: the tree's own tolerance does not matter.
    peer = KernelDensity(bandwidth=bandwidth, kernel=kernel, leaf_size=100)
    peer.fit(rows, sample_weight=weights)
    model = mc.KDE(bandwidth, kernel, dim).fit(rows, sample_weight=weights)

    assert model.bandwidth_ == pytest.approx(peer.bandwidth_, rel=1e-14)
    found, expected = model.score_samples(points), peer.score_samples(points)
    inside = expected > -100  # scikit-learn's zero is a small number
    if kernel != "gaussian":
        assert np.isneginf(found[~inside]).all()
    else:
        assert inside.all()
    assert found[inside] == pytest.approx(expected[inside], **CLOSE)


def test_a_kernel_written_by_hand_is_the_built_in_one(seed):
    """Same rows, and scores equal to rounding; its squared norm is integrated numerically."""
    for dim in (1, 3):
        rows, weights, points = data(seed, 20, dim)
        for rule in (0.4, "scott", "scipy-scott"):
            built_in = mc.KDE(rule, dim=dim).fit(rows, None, weights)
            by_hand = mc.KDE(rule, laplace_like(), dim).fit(rows, None, weights)
            assert np.array_equal(by_hand.sample(50, 3), built_in.sample(50, 3))
            assert by_hand.score_samples(points) == pytest.approx(
                built_in.score_samples(points), **CLOSE
            )
        norm = GAUSSIAN.squared_norm(dim)
        assert laplace_like().squared_norm(dim) == pytest.approx(norm, rel=1e-12)


@pytest.mark.parametrize("kernel", [*sorted(KERNELS), *KERNELS.values()])
def test_copies_and_pickles_keep_the_kernel(kernel):
    """`run` copies an estimator and processes pickle it: compiled code must know it again."""
    model = mc.KDE(0.3, kernel, 2)

    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):  # noqa: S301 - our own
        assert twin.kernel == model.kernel
        assert twin.resolved().kernel is as_kernel(kernel)
        assert twin.resolved().kernel.built_in


@pytest.mark.parametrize("weighted", [False, True])
def test_rows_have_the_mixtures_law(weighted, seed):
    """One coordinate of 20,000 rows: laws further than 0.046 from the mixture are told apart."""
    rows, weights, _ = data(seed, 12, 2)
    weights = weights if weighted else np.ones(12)
    model = mc.KDE(0.7, dim=2).fit(rows, None, weights)
    shares = weights / weights.sum()

    for j, column in enumerate(model.sample(20_000, seed).T):
        assert_law(column, lambda x, j=j: ndtr((x[:, None] - rows[:, j]) / 0.7) @ shares)


@pytest.mark.parametrize("kernel", sorted(KERNELS))
@pytest.mark.parametrize("rule", [0.5, "silverman", "scipy-scott"])
def test_rows_have_the_moments_of_the_fit(kernel, rule, seed):
    """Mean and variance of x: those of the weighted rows, and the kernel's covariance."""
    rows, weights, _ = data(seed, 10, 2)
    model = mc.KDE(rule, kernel, 2).fit(rows, None, weights)
    shares = weights / weights.sum()
    mean = shares @ rows
    within = np.cov(rows.T, aweights=weights, bias=True)
    unbiased = np.cov(rows.T, aweights=shares)
    shape = unbiased if rule == "scipy-scott" else np.eye(2)
    total = within + model.bandwidth_**2 * as_kernel(kernel).variance(2) * shape
    drawn = model.sample(20_000, seed) - mean
    noise = np.sqrt(np.diag(shape)) * model.bandwidth_ * 10  # beyond: 1e-23 for a normal kernel
    reach = np.abs(rows - mean).max(axis=0) + noise

    for j in range(2):
        assert_mean(drawn[:, j], 0.0, total[j, j])
        # A square below reach^2 with that mean has a variance below their product.
        assert_mean(drawn[:, j] ** 2, total[j, j], reach[j] ** 2 * total[j, j])


def test_bandwidth_zero_resamples_rows():
    """Only rows with weight come back; the fit has no density of its own."""
    rows = np.arange(8.0).reshape(4, 2)
    model = mc.KDE(0.0, dim=2).fit(rows, None, [1, 0, 2, 0])

    assert {tuple(row) for row in model.sample(100, 0)} == {(0.0, 1.0), (4.0, 5.0)}
    with pytest.raises(mc.InvalidInput, match="bandwidth = 0: the fit is the rows themselves"):
        model.score_samples(rows)
    smooth = mc.KDE(0.0, dim=2, scoring_bandwidth=0.5).fit(rows)
    assert np.array_equal(
        smooth.score_samples(rows), mc.KDE(0.5, dim=2).fit(rows).score_samples(rows)
    )
