"""The linear model as an estimator, its truth, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.families.regression import Coefficients, LinearRegression
from modelcollapse.testing import EstimatorContract
from tests.helpers.conventions import used

ROWS = np.random.default_rng(3).standard_normal((40, 4))


class TestContract(EstimatorContract):
    """The laws of any estimator."""

    @pytest.fixture
    def estimator(self):
        """Return a model of three inputs."""
        return LinearRegression(3, ridge=0.5)

    @pytest.fixture
    def training_rows(self):
        """Return rows of three inputs and a label."""
        return ROWS


@pytest.mark.parametrize("ridge", [0.0, 0.7])
def test_fit_solves_the_normal_equations(ridge):
    """(X'X + ridge) w = X'y, with weights of mean one; rows of weight zero do not count."""
    X, y = ROWS[:, :3], ROWS[:, 3]
    model = LinearRegression(3, ridge=ridge)
    plain = model.fit(ROWS).coef_
    assert X.T @ (y - X @ plain) == pytest.approx(ridge * plain, rel=1e-12, abs=1e-12)

    weights = np.arange(40.0)
    scaled = weights * 39 / weights.sum()
    weighted = model.fit(ROWS, sample_weight=7 * weights).coef_
    assert X.T @ (scaled * (y - X @ weighted)) == pytest.approx(
        ridge * weighted, rel=1e-12, abs=1e-12
    )
    half = np.repeat([1.0, 0.0], 20)
    assert model.fit(ROWS, sample_weight=half).coef_ == pytest.approx(
        model.fit(ROWS[:20]).coef_, rel=1e-12
    )


def test_fewer_rows_than_inputs_give_the_least_norm():
    """The fit reproduces its labels and lies in the span of its inputs."""
    model = LinearRegression(3).fit(ROWS[:2])
    X, y = ROWS[:2, :3], ROWS[:2, 3]
    assert X @ model.coef_ == pytest.approx(y, rel=1e-12)
    assert np.linalg.pinv(X) @ y == pytest.approx(model.coef_, rel=1e-12)


@given(seed=st.integers(0, 10**6), n=st.integers(2, 9))
def test_units_that_are_powers_of_two_change_the_coefficients_alone(seed, n):
    """By no bit but the units, where neither a penalty nor a least norm compares the inputs."""
    rng = np.random.default_rng(seed)
    rows, powers = rng.normal(size=(n, 3)), rng.integers(-490, 490, size=2)
    model, there = LinearRegression(2), np.ldexp(rows, [*powers, 0])
    here = model.fit(rows).coef_

    assert np.array_equal(model.fit(there).coef_, np.ldexp(here, -powers))


@given(seed=st.integers(0, 10**6), powers=st.lists(st.integers(-20, 20), min_size=3, max_size=3))
def test_dependent_inputs_give_the_least_norm_in_their_own_units(seed, powers):
    """The third input is the sum of two: the shortest coefficients reproduce the labels."""
    rng, units = np.random.default_rng(seed), 2.0 ** np.array(powers)
    X = rng.normal(size=(30, 2)) @ [[1, 0, 1], [0, 1, 1]]
    found = LinearRegression(3).fit(np.column_stack([X * units, X @ [1, 2, 3]])).coef_
    unseen = np.array([1, 1, -1]) / units
    # Sums of products of numbers up to 10, whatever the units are.
    assert X * units @ found == pytest.approx(X @ [1, 2, 3], abs=1e-12)
    others = np.array([1, 2, 3]) / units
    shortest = others - unseen * (unseen @ others) / (unseen @ unseen)
    # At the shortest a wrong step lengthens by its square alone, here of some 1e-16.
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(shortest), rel=1e-12)


def test_samples_and_scores(seed):
    """Inputs and residuals are normal; the density is theirs, and a plane's without noise."""
    model = LinearRegression(2, noise=0.5).fit(ROWS[:, :3])
    drawn = model.sample(20_000, seed)
    gaps = drawn[:, 2] - drawn[:, :2] @ model.coef_
    from scipy.stats import norm

    from modelcollapse.testing import assert_law

    assert_law(gaps, lambda x: norm.cdf(x / 0.5))
    assert_law(drawn[:, 1], norm.cdf)
    expected = norm.logpdf(drawn[:, :2]).sum(axis=1) + norm.logpdf(gaps, scale=0.5)
    assert model.score_samples(drawn) == pytest.approx(expected, rel=1e-12)

    bare = LinearRegression(2, noise=0).fit(ROWS[:, :3])
    on = bare.sample(50, seed)
    assert bare.score_samples(on) == pytest.approx(norm.logpdf(on[:, :2]).sum(axis=1), rel=1e-12)
    off = on + np.array([0, 0, 1e-6])
    assert np.array_equal(bare.score_samples(off), np.full(50, -np.inf))


def test_the_plain_loop_runs_it():
    """`run` fits, samples and refits rows (x, y)."""
    result = mc.run(LinearRegression(3), ROWS, mc.KeepReal(0.3), 30, 4, test=ROWS)
    assert result.completed
    assert np.isfinite(result["test_log_loss"]).all()


def test_the_truth_is_a_vector_of_coefficients():
    """None is the first unit vector; numbers become coefficients."""
    e = mc.Experiment(LinearRegression(3), mc.Replace(), 9, 2)
    assert e.truth.values.tolist() == [1, 0, 0]
    other = mc.Experiment(LinearRegression(2), mc.Replace(), 9, 2, truth=[3.0, -4.0])
    assert other.truth.square == 25
    assert other.truth.described() == {"coefficients": [3.0, -4.0]}
    assert mc.Experiment(LinearRegression(1), mc.Replace(), 9, 2, truth=2.0).truth.dim == 1
    assert other.model.described() == {
        "model": "regression",
        "dim": 2,
        "noise": 1.0,
        "ridge": 0.0,
        "design": "fixed",
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dim": 0}, "dim = 0"),
        ({"noise": -1.0}, "noise = -1.0"),
        ({"noise": np.nan}, "noise = nan"),
        ({"noise": True}, "noise = True"),
        ({"ridge": -0.1}, "ridge = -0.1"),
        ({"ridge": np.inf}, "ridge = inf"),
        ({"ridge": "1"}, "ridge = '1'"),
        ({"design": "random"}, "design = 'random'.*'fixed' or 'fresh'"),
    ],
)
def test_wrong_models(options, words):
    """Each names the argument and its value."""
    with pytest.raises(mc.InvalidInput, match=words):
        used(LinearRegression(**options))


@pytest.mark.parametrize(
    ("design", "options", "words"),
    [
        ("fixed", {"samples": [9, 8, 7]}, "samples.*a fixed design has one size"),
        ("fixed", {"samples": lambda t: 9 + t}, "samples.*design='fresh'"),
        ("fixed", {"workflow": mc.FreshData(5, 5)}, "FreshData.*as many samples"),
        ("fixed", {"workflow": mc.Web(5, 5)}, "Web.*as many samples"),
        ("fresh", {"temperature": 1.5}, "temperature = 1.5"),
        ("fresh", {"truth": [1.0, 2.0, 3.0]}, "truth has 3 coefficients.*dim = 2"),
        ("fresh", {"truth": [1.0, np.nan]}, "truth"),
        ("fresh", {"truth": "ab"}, "truth"),
        ("fresh", {"truth": [1e80, 0]}, "truth.*rescale"),
    ],
)
def test_wrong_experiments(design, options, words):
    """A fixed design has one size and no fresh rows; nothing is tempered."""
    given = {"workflow": mc.Replace(), "samples": 9, "generations": 3} | options
    with pytest.raises(mc.InvalidInput, match=words):
        mc.Experiment(LinearRegression(2, design=design), **given)


def test_wrong_rows_and_requests():
    """Columns, finiteness, fits before samples; extra quantities and test sets."""
    model = LinearRegression(3)
    with pytest.raises(mc.InvalidInput, match="X has 3 columns and dim = 3, which needs 4"):
        model.fit(ROWS[:, :3])
    with pytest.raises(mc.InvalidInput, match="not fitted"):
        LinearRegression(3, noise=2.0).sample(5)
    e = mc.Experiment(model, mc.Replace(), 9, 2)
    with pytest.raises(mc.InvalidInput, match="extra quantity 'coefficients'"):
        mc.simulate(e, 5, extra=["coefficients"])
    with pytest.raises(mc.InvalidInput, match="test = 5"):
        mc.simulate(e, 5, test=5)
    with pytest.raises(mc.InvalidInput, match="unknown quantity 'variance'"):
        mc.predict(e)["variance"]


def test_coefficients_of_any_shape_are_checked():
    """A matrix, or nothing, is no vector of coefficients."""
    for value in ([], [[1.0, 2.0]], [np.inf]):
        with pytest.raises(mc.InvalidInput, match="truth"):
            Coefficients(value)
