"""Normal mixtures: moments, rows, what they refuse, and their use in Gaussian loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate
from scipy.stats import norm

import modelcollapse as mc
from modelcollapse.loop.truth import as_truth
from modelcollapse.testing import assert_law, assert_mean

SEEDS = st.integers(0, 10**6)
LINE = mc.NormalMixture([1, 2, 3], [-3.0, 0.0, 2.0], [0.25, 1.0, 0.5])
PLANE = mc.NormalMixture([1, 3], [[0.0, 1.0], [4.0, -1.0]], [np.eye(2), [[2.0, 0.5], [0.5, 1.0]]])


def mixture(seed, count, dim):
    """Return a mixture with slanted components."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(count, dim, dim)) + 2 * np.eye(dim)
    return mc.NormalMixture(
        rng.random(count) + 0.1,
        3 * rng.normal(size=(count, dim)),
        factors @ factors.transpose(0, 2, 1),
    )


@given(seed=SEEDS, count=st.integers(1, 4), dim=st.integers(1, 4))
def test_moments_are_those_of_gauss_hermite_points(seed, count, dim):
    """Weighted points with a component's moments up to the fourth order: three per axis.

    Nodes -sqrt 3, 0, sqrt 3 with weights 1/6, 2/3, 1/6 integrate polynomials up to degree five.
    """
    truth = mixture(seed, count, dim)
    nodes, shares = np.array([-np.sqrt(3), 0, np.sqrt(3)]), np.array([1, 4, 1]) / 6
    grid = np.stack(np.meshgrid(*[nodes] * dim, indexing="ij"), -1).reshape(-1, dim)
    mass = np.prod(np.stack(np.meshgrid(*[shares] * dim, indexing="ij"), -1), -1).ravel()
    factors = np.linalg.cholesky(truth.covariances)
    points = np.concatenate([m + grid @ L.T for m, L in zip(truth.means, factors, strict=True)])
    weights = np.concatenate([w * mass for w in truth.weights])
    mean = weights @ points
    gaps = points - mean
    size = np.abs(points).max()
    # Sums of at most 324 terms of that size.
    slack = 1e-12

    assert truth.weights.sum() == pytest.approx(1, rel=1e-15)
    assert truth.mean == pytest.approx(mean, rel=0, abs=slack * size)
    covariance = (weights[:, None] * gaps).T @ gaps
    assert truth.covariance == pytest.approx(covariance, rel=0, abs=slack * size**2)
    fourth = weights @ (gaps**2).sum(axis=1) ** 2
    assert truth.fourth_moment == pytest.approx(fourth, rel=1e-10)
    values = np.linalg.eigvalsh(truth.covariance)
    assert truth.spectrum == pytest.approx(values, rel=1e-12)
    assert truth.dim == dim
    assert not truth.is_normal


def test_moments_are_integrals():
    """On the line: quadrature of x^k times the density."""
    w, m, S = LINE.components

    def moment(k, centre=0.0):
        def integrand(x):
            return (x - centre) ** k * float(w @ norm.pdf(x, m[:, 0], np.sqrt(S[:, 0, 0])))

        return integrate.quad(integrand, -12, 12, epsabs=1e-12, limit=200)[0]

    mean = moment(1)
    assert LINE.mean[0] == pytest.approx(mean, abs=1e-11)
    assert LINE.covariance[0, 0] == pytest.approx(moment(2, mean), rel=1e-10)
    assert LINE.fourth_moment == pytest.approx(moment(4, mean), rel=1e-10)


@given(seed=SEEDS, dim=st.integers(1, 4))
def test_one_component_is_the_normal(seed, dim):
    """The same moments, whatever its weight."""
    one = mixture(seed, 1, dim)
    normal = mc.Normal(one.means[0], one.covariances[0])

    assert one.weights.tolist() == [1.0]
    assert np.array_equal(one.mean, normal.mean)
    assert one.covariance == pytest.approx(normal.covariance, rel=1e-14)
    assert one.spectrum == pytest.approx(normal.spectrum, rel=1e-12)
    assert one.fourth_moment == pytest.approx(normal.fourth_moment, rel=1e-12)
    for mine, its in zip(one.components, normal.components, strict=True):
        assert np.array_equal(mine, its)


def test_rows_have_the_law(seed):
    """20,000 rows: each coordinate's distribution, and the product's mean."""
    for truth in (LINE, PLANE):
        rows = truth.sample(20_000, np.random.default_rng(seed))
        w, m, S = truth.components
        assert rows.shape == (20_000, truth.dim)
        for j, column in enumerate(rows.T):
            scales = np.sqrt(S[:, j, j])
            assert_law(
                column, lambda x, m=m[:, j], s=scales, w=w: norm.cdf((x[:, None] - m) / s) @ w
            )
    product = np.prod(rows - PLANE.mean, axis=1)
    # |ab| <= (a^2 + b^2) / 2, so that its square is at most a fourth of |x - mu|^4.
    assert_mean(product, PLANE.covariance[0, 1], PLANE.fourth_moment / 4)


def test_scores_are_rows_in_the_principal_axes():
    """The same draw, centred and turned: distances are kept, the covariance is the spectrum."""
    rng = np.random.default_rng
    scores, rows = PLANE.sample_scores((3, 5), rng(1)), PLANE.sample(15, rng(1))
    assert scores.shape == (3, 5, 2)
    lengths = np.linalg.norm(rows - PLANE.mean, axis=1)
    assert np.linalg.norm(scores.reshape(15, 2), axis=1) == pytest.approx(lengths, rel=1e-13)
    values, vectors = np.linalg.eigh(PLANE.covariance)
    assert np.abs((rows - PLANE.mean) @ vectors) == pytest.approx(
        np.abs(scores.reshape(15, 2)), rel=1e-10
    )
    assert PLANE.spectrum == pytest.approx(values)


def test_forms():
    """Numbers, lists and arrays; weights are shares; a truth is itself."""
    one = mc.NormalMixture(2.0, 1.0, 4.0)
    assert (one.dim, one.weights.tolist(), one.mean.tolist()) == (1, [1.0], [1.0])
    assert one.covariance.tolist() == [[4.0]]
    two = mc.NormalMixture((1, 3), [[0], [1]], [[[1]], [[2]]])
    assert two.weights.tolist() == [0.25, 0.75]
    assert as_truth(two, 1) is two
    with pytest.raises(mc.InvalidInput, match="truth has 2 columns and the model has dim = 1"):
        as_truth(PLANE, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 1], [0.0], [1.0]), "weights of shape (2,), means of shape (1, 1)"),
        (([1], [[0.0, 0.0]], [1.0]), "do not fit together: give (k,), (k, d), (k, d, d)"),
        (([1], [[0.0]], [np.eye(2)]), "do not fit together"),
        (([[1]], [0.0], [1.0]), "do not fit together"),
        (([], [], []), "weights = [] is not valid"),
        (([1], np.empty((1, 0)), np.empty((1, 0, 0))), "do not fit together"),
        (([0, 1], [0.0, 1.0], [1.0, 1.0]), "weights = [0, 1] is not valid: give finite weights"),
        (([-1, 1], [0.0, 1.0], [1.0, 1.0]), "weights = [-1, 1]"),
        (([np.nan, 1], [0.0, 1.0], [1.0, 1.0]), "weights = [nan, 1]"),
        (([np.inf, 1], [0.0, 1.0], [1.0, 1.0]), "weights = [inf, 1]"),
        ((["a"], [0.0], [1.0]), "weights[0] = 'a' is not valid: give an array of numbers"),
        (([1], [None], [[1.0, 2.0], [3.0]]), "is not valid"),
        (([1], [np.nan], [1.0]), "every entry must be finite"),
        (([1], [0.0], [0.0]), "give a positive definite matrix"),
        (([1], [0.0], [-1.0]), "give a positive definite matrix"),
        (([1], [[0.0, 0.0]], [[[1.0, 2.0], [2.0, 1.0]]]), "give a positive definite matrix"),
        (([1], [[0.0, 0.0]], [[[1.0, 0.5], [0.0, 1.0]]]), "give a positive definite matrix"),
    ],
)
def test_wrong_mixtures(arguments, message):
    """Shapes fit, weights are positive and finite, covariances positive definite."""
    with pytest.raises(mc.InvalidInput) as caught:
        mc.NormalMixture(*arguments)

    assert message in str(caught.value)


@pytest.mark.parametrize("truth", [LINE, PLANE], ids=["line", "plane"])
@pytest.mark.parametrize(
    "workflow",
    [mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample(), mc.KeepReal(0.4)],
    ids=repr,
)
def test_gaussian_loops(truth, workflow, seed):
    """Predicted moments need no normal truth: 20,000 replicates, each mean and generation."""
    model = mc.Gaussian(truth.dim, ddof=1)
    e = mc.Experiment(model, workflow, [6, 4, 5], 3, truth=truth, temperature=1.5)
    prediction, runs = mc.predict(e), mc.simulate(e, 20_000, seed)
    for name in ("variance", "squared_error", "second_moment"):
        for t in range(3):
            spread = prediction.variances[name][t]
            assert_mean(runs[name][:, t], prediction[name][t], spread)


def test_what_needs_a_normal_truth():
    """The same moments as rows of the same moments, and no more; `run` takes a mixture too."""
    e = mc.Experiment(mc.Gaussian(), mc.Replace(), 6, 3, truth=LINE)
    prediction = mc.predict(e)
    assert "log_determinant" not in prediction.expected
    with pytest.raises(mc.NoClosedForm):
        prediction["test_log_loss"]
    result = mc.run(mc.KDE(0.5), LINE, mc.Accumulate(), 6, 3, test=np.zeros((2, 1)))
    assert result.completed
    assert result.batches[0].shape == (6, 1)


def test_a_run_from_a_mixture_is_resumed(tmp_path):
    """A checkpoint knows the mixture again, and another mixture as another one."""
    path = tmp_path / "run.npz"
    model = mc.KDE(mc.PowerBandwidth(0.5, 0.2))
    whole = mc.run(model, LINE, mc.Accumulate(), 6, 4, checkpoint=path)
    more = mc.run(model, LINE, mc.Accumulate(), 6, 5, checkpoint=path)
    assert all(np.array_equal(a, b) for a, b in zip(whole.batches, more.batches, strict=False))
    assert len(more.batches) == 5
    with pytest.raises(mc.InvalidInput, match="data"):
        mc.run(model, PLANE, mc.Accumulate(), 6, 5, checkpoint=path)
    other = mc.NormalMixture([1, 2, 4], [-3.0, 0.0, 2.0], [0.25, 1.0, 0.5])
    with pytest.raises(mc.InvalidInput, match="data"):
        mc.run(model, other, mc.Accumulate(), 6, 5, checkpoint=path)
    for wrong in (mc.KDE(0.5), mc.KDE(mc.PowerBandwidth(0.5, 0.3))):
        with pytest.raises(mc.InvalidInput, match="estimator"):
            mc.run(wrong, LINE, mc.Accumulate(), 6, 5, checkpoint=path)


UNITS = st.floats(-140, 0)  # powers of ten


@given(first=UNITS, second=UNITS, lean=st.floats(-0.99, 0.99))
def test_units_do_not_decide_what_is_positive_definite(first, second, lean):
    """Correlations do; the sum and the product of the eigenvalues are trace and determinant."""
    units = 10.0 ** np.array([first, second])
    covariance = np.outer(units, units) * [[1, lean], [lean, 1]]
    log_det = 2 * np.log(units).sum() + np.log1p(-(lean**2))
    mix = mc.NormalMixture([1, 1], np.zeros((2, 2)), np.stack([covariance, covariance]))
    for truth in (mc.Normal([0, 0], covariance), mix):
        # Half of the digits are there by any route, and all of them where units are far apart.
        assert truth.spectrum.sum() == pytest.approx(np.trace(covariance), rel=1e-12)
        assert np.log(truth.spectrum).sum() == pytest.approx(log_det, rel=1e-12, abs=1e-7)
    outer = np.outer(units, units)
    for refused in (outer, outer * [[2, 1], [0.5, 2]]):
        with pytest.raises(mc.InvalidInput, match="positive definite"):
            mc.Normal([0, 0], refused)


@pytest.mark.parametrize("unit", [1e-5, 1e-12, 1e-60])
def test_scores_have_the_spectrum_as_variances_in_any_units(unit):
    """Those of rows exactly, and a mixture's of what is drawn from it: one seed, two units."""
    rng = np.random.default_rng
    rows = rng(0).normal(size=(50, 3)) @ [[1, 0.3, 0.2], [0, 1, 0.5], [0, 0, 1]]
    rows *= [1, unit, 1 / unit]
    truth = mc.Rows(np.column_stack([rows, np.full(50, 1e9 / 3)]))
    log_det = np.linalg.slogdet(np.corrcoef(rows.T))[1] + 2 * np.log(rows.std(axis=0)).sum()

    assert truth.scores.shape == (50, 3)
    assert (truth.scores**2).mean(axis=0) == pytest.approx(truth.spectrum, rel=1e-9)
    assert np.log(truth.spectrum).sum() == pytest.approx(log_det, rel=1e-9)
    assert truth.covariance[3].tolist() == [0, 0, 0, 0]

    parts = [np.eye(2), [[2, 0.5], [0.5, 1]]]
    scales = np.outer([1, unit], [1, unit])
    mix = mc.NormalMixture([1, 2], [[0, 0], [3, unit]], scales * parts)
    n = 100_000
    scores = mix.sample_scores((n,), rng(0))
    # Seven standard errors of a mean of squares with a fourth moment of at most four squares.
    error = 7 * 2 / np.sqrt(n)
    assert (scores**2).mean(axis=0) == pytest.approx(mix.spectrum, rel=error)


@pytest.mark.parametrize(
    "workflow", [mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample(), mc.KeepReal()], ids=repr
)
def test_the_simulated_volume_does_not_depend_on_units(workflow):
    """Log-determinants relative to the truth's, and losses but for the units' volume."""
    extra, units = ["log_pivots", "test_log_loss"], np.array([1e-60, 1e-9, 1.0])
    same, there = (
        mc.simulate(
            mc.Experiment(
                mc.Gaussian(3), workflow, 9, 5, truth=mc.Normal(np.zeros(3), np.diag(scale**2))
            ),
            3,
            extra=extra,
        )
        for scale in (np.ones(3), units)
    )
    volume = np.log(units).sum()
    # Five steps of factors with condition numbers up to 10^3, of 10^-16 each.
    close = {"rel": 1e-10, "abs": 1e-10}

    assert there["log_determinant"] == pytest.approx(same["log_determinant"], **close)
    assert there["test_log_loss"] - volume == pytest.approx(same["test_log_loss"], **close)
    pivots = there["log_pivots"] - 2 * np.log(units)
    assert pivots == pytest.approx(same["log_pivots"], **close)


@pytest.mark.parametrize(
    "workflow", [mc.Replace(), mc.Accumulate(), mc.SlidingWindow(2), mc.KeepReal()], ids=repr
)
@pytest.mark.parametrize("samples", [2, 3])
def test_the_volume_of_thin_fits_does_not_vanish_in_small_units(workflow, samples):
    """Where the columns' units are far apart, that of the largest ones is left, and a part of it.

    In the end the volume is the determinant of those rows of the factor: the units' product.
    """
    found = [
        mc.simulate(
            mc.Experiment(
                mc.Gaussian(3),
                workflow,
                samples,
                5,
                truth=mc.Normal(np.zeros(3), np.diag(units**2)),
            ),
            5,
        )["pseudo_log_determinant"]
        for units in (np.array([1e-20, 1e-12, 1.0]), np.array([1e-50, 1e-30, 1.0]))
    ]
    rank = samples - 1
    logs = [2 * np.log(10) * np.array(powers) for powers in ((0, -12, -20), (0, -30, -50))]
    shift = [part[:rank].sum() - rank / 3 * part.sum() for part in logs]

    # What else there is are squares of ratios of units, 10^-16 times a square of the fit's own.
    assert found[0] - shift[0] == pytest.approx(found[1] - shift[1], abs=1e-9)
