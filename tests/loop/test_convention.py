"""The estimators among scikit-learn's: its checks, its tools, and the columns of data frames."""

import copy
import pickle
import re
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted

import modelcollapse as mc

RNG = np.random.default_rng(5)
NORMAL = RNG.normal(size=(40, 1))
COUNTS = RNG.poisson(3.0, size=(40, 1)).astype(float)
POSITIVE = RNG.gamma(2.0, size=(40, 1))
LABELLED = RNG.normal(size=(40, 3)) @ np.array([[1, 0, 2.0], [0, 1, -1], [0, 0, 0.3]])
EVERY = {  # an estimator, rows to fit to, and another value of one of its parameters
    "gaussian": (mc.Gaussian(), NORMAL, {"ddof": 1}),
    "kde": (mc.KDE(0.4), NORMAL, {"bandwidth": 0.7}),
    "normal-mean": (mc.NormalMean(2.0), NORMAL, {"variance": 3.0}),
    "poisson": (mc.Poisson(), COUNTS, {}),
    "binomial": (mc.Binomial(20), COUNTS, {"trials": 30}),
    "gamma": (mc.Gamma(2.0), POSITIVE, {"shape": 3.0}),
    "negative-binomial": (mc.NegativeBinomial(4.0), COUNTS, {"size": 2.0}),
    "hyperbolic-secant": (mc.HyperbolicSecant(), NORMAL, {"size": 2.0}),
    "discrete": (mc.Discrete(20), np.tile(np.arange(5.0), 8)[:, None], {"smoothing": 0.5}),
    "regression": (mc.LinearRegression(), LABELLED, {"ridge": 1.0}),
    "markov": (mc.Markov(5), np.tile([[0, 2, 4], [1, 3, 4]], (20, 1)), {"smoothing": 0.5}),
    "label-verifier": (mc.LabelVerifier(random_state=0), NORMAL > 0, {"noise": 0.2}),
    "region-verifier": (mc.RegionVerifier(), NORMAL, {"spread": 2.0}),
}
# One column may be given as an array of shape (rows,), as it always could be.
EXPECTED = {"check_fit1d": "one column may have the shape (rows,)"}


@pytest.fixture(params=EVERY)
def each(request):
    """Return an unfitted estimator, its rows as floats, and another parameter."""
    estimator, rows, other = EVERY[request.param]
    return clone(estimator), np.array(rows, dtype=float), other


@pytest.mark.parametrize(
    ("estimator", "failing"),
    [
        (mc.Gaussian(), EXPECTED),
        (mc.Gaussian(ddof=1), EXPECTED),
        (mc.Gaussian(floor=0.1), EXPECTED),
        (mc.KDE(0.5), EXPECTED),
        (mc.KDE("scott", "epanechnikov"), EXPECTED),
        (mc.LinearRegression(), {}),
        (mc.LinearRegression(noise=0.5, ridge=0.1), {}),
    ],
    ids=repr,
)
def test_scikit_learns_checks_pass(estimator, failing):
    """All of `check_estimator`; what it is expected to fail is said, with why, and does fail."""
    if getattr(estimator, "ridge", 0):  # R^2 of a ridge is that of other weights: by its own sum
        failing = {**failing, "check_sample_weight_equivalence_on_dense_data": "ridge"}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* does not inherit from", UserWarning)
        done = check_estimator(
            estimator, expected_failed_checks=failing, on_skip=None, on_fail="raise"
        )
    found = {
        status: {r["check_name"] for r in done if r["status"] == status}
        for status in ("passed", "xfail", "skipped")
    }

    assert found["xfail"] == set(failing)
    assert len(found["passed"]) > 40
    assert found["skipped"] <= {"check_array_api_input"}  # it wants an environment variable


def test_every_estimator_is_here():
    """Each family of the package, and each class that follows the convention."""
    from modelcollapse.families import names
    from modelcollapse.loop.convention import Estimator

    def below(kind):
        return [kind, *(k for child in kind.__subclasses__() for k in below(child))]

    assert set(EVERY) == set(names.FAMILIES)
    own = {k for k in below(Estimator) if k.__module__.startswith("modelcollapse.families")}
    given = {type(estimator) for estimator, _, _ in EVERY.values()}
    assert given <= own
    assert {k.__name__ for k in own - given} == {"Family", "PositiveFamily"}  # no estimators


def test_parameters(each):
    """They are what was given, a clone has them, and a name that is none is answered."""
    estimator, rows, other = each
    before = estimator.get_params()
    twin = clone(estimator.fit(rows))

    assert twin.get_params() == before == estimator.get_params()
    assert type(estimator)(**before).get_params() == before
    assert not hasattr(twin, "n_features_in_")
    assert twin.set_params(**other) is twin
    assert twin.get_params() == {**before, **other}
    with pytest.raises(mc.InvalidInput, match="unknown parameter of"):
        twin.set_params(nonsense=1, **dict.fromkeys(other))
    assert twin.get_params() == {**before, **other}
    assert all(hasattr(type(estimator), name) is False for name in before)


def test_two_are_two(each):
    """Equality and hash are by identity; what each is, is what it says."""
    estimator, rows, _ = each
    twin = clone(estimator)

    assert estimator != twin
    assert len({estimator, twin, estimator}) == 2
    assert estimator.fit(rows).described() == twin.described()


def test_fits_and_scores(each):
    """Columns are counted, and the score is the mean of the rows' log-densities, or their sum."""
    estimator, rows, _ = each
    features = rows.shape[1] - (estimator.family == "regression")
    assert estimator.fit(rows) is estimator
    assert estimator.n_features_in_ == features
    check_is_fitted(estimator)
    each_row = estimator.score_samples(rows)
    assert each_row.shape == (len(rows),)
    total = {"kde": each_row.sum(), "regression": None}.get(estimator.family, each_row.mean())
    if total is not None:
        assert estimator.score(rows) == pytest.approx(total, rel=1e-15)
        assert estimator.score(rows, np.zeros(len(rows))) == estimator.score(rows)


def test_fitting_again_forgets(each):
    """A fit of other rows is that of a new estimator, and one that fails leaves the one before."""
    estimator, rows, other = each
    names = pd.DataFrame(rows).add_prefix("c")
    estimator.fit(names).fit(rows[:30])
    fresh = clone(estimator).fit(rows[:30])
    assert not hasattr(estimator, "feature_names_in_")
    assert np.array_equal(estimator.score_samples(rows), fresh.score_samples(rows))

    before = pickle.dumps(estimator)
    with pytest.raises(mc.InvalidInput, match="nan"):
        estimator.fit(np.full_like(rows, np.nan))
    for name in other:
        estimator.set_params(**{name: "wrong"})
        with pytest.raises(mc.InvalidInput, match=name):
            estimator.fit(rows)
    estimator.set_params(**fresh.get_params())
    assert pickle.dumps(estimator) == before
    assert np.array_equal(estimator.score_samples(rows), fresh.score_samples(rows))


def test_samples(each):
    """One row by default; integers, generators of both kinds; the old name of the number warns."""
    estimator, rows, _ = each
    estimator.fit(rows)
    width = rows.shape[1]

    assert estimator.sample().shape == (1, width)
    drawn = estimator.sample(50, random_state=3)
    assert drawn.shape == (50, width)
    assert np.array_equal(drawn, estimator.sample(n_samples=50, random_state=3))
    legacy = [estimator.sample(50, np.random.RandomState(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(legacy[0], legacy[1])
    assert not np.array_equal(legacy[0], legacy[2])
    with pytest.warns(DeprecationWarning, match=r"sample\(n=...\) is now n_samples=..."):
        assert np.array_equal(drawn, estimator.sample(n=50, random_state=3))
    with pytest.raises(mc.InvalidInput, match="n_samples = 0"):
        estimator.sample(0)
    with pytest.raises(mc.InvalidInput, match="random_state"):
        estimator.sample(1, random_state="x")


def test_parameters_after_a_fit_change_the_next_one_alone(each):
    """As scikit-learn's do not all, a fitted model stays what was fitted."""
    estimator, rows, other = each
    scores = estimator.fit(rows).score_samples(rows)
    drawn = estimator.sample(9, random_state=0)
    estimator.set_params(**other)

    assert np.array_equal(estimator.score_samples(rows), scores)
    assert np.array_equal(estimator.sample(9, random_state=0), drawn)


def test_what_is_not_fitted_says_so(each):
    """By both names of the error."""
    estimator, rows, _ = each
    calls = [
        lambda: estimator.sample(3),
        lambda: estimator.score_samples(rows),
        lambda: estimator.score(rows),
    ]
    for call in calls:
        with pytest.raises(NotFittedError, match=r"is not fitted: call fit\(X\) first") as caught:
            call()
        assert isinstance(caught.value, mc.InvalidInput)
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)


def test_pickles_and_copies(each):
    """They score and sample alike, to the last bit."""
    estimator, rows, _ = each
    estimator.fit(rows)
    for twin in (pickle.loads(pickle.dumps(estimator)), copy.deepcopy(estimator)):  # noqa: S301
        assert np.array_equal(twin.score_samples(rows), estimator.score_samples(rows))
        assert np.array_equal(twin.sample(9, random_state=1), estimator.sample(9, random_state=1))


@pytest.mark.parametrize("library", ["pandas", "polars", "arrow"])
def test_names_of_columns(each, library):
    """They are learned from a data frame; others are refused, and none are warned of."""
    estimator, rows, _ = each
    names = [f"column {i}" for i in range(rows.shape[1])]

    def framed(labels):
        frame = pl.DataFrame(dict(zip(labels, rows.T, strict=True)))
        return {"pandas": frame.to_pandas, "polars": lambda: frame, "arrow": frame.to_arrow}[
            library
        ]()

    estimator.fit(framed(names))
    known = estimator.n_features_in_
    assert estimator.feature_names_in_.tolist() == names[:known]
    assert estimator.feature_names_in_.dtype == object
    scores = estimator.score_samples(framed(names))
    with pytest.warns(UserWarning, match="X does not have valid feature names, but .* fitted with"):
        assert np.array_equal(estimator.score_samples(rows), scores)
    with pytest.raises(ValueError, match=r"unseen at fit time:\n- other"):
        estimator.score_samples(framed(["other", *names[1:]]))
    if known > 1:
        with pytest.raises(ValueError, match="must be in the same order"):
            estimator.score_samples(framed([*names[1::-1], *names[2:]]))
    estimator.fit(rows)
    with pytest.warns(UserWarning, match="X has feature names, but .* without feature names"):
        estimator.score_samples(framed(names))
    wide = np.ones((4, known + 3))
    if estimator.family == "markov":  # texts are as long as they are
        assert np.isneginf(estimator.score_samples(wide)).all()
        return
    with pytest.raises(mc.InvalidInput, match=r"features, but .* is expecting"):
        estimator.score_samples(wide)


def test_names_that_are_no_texts(each):
    """Numbers are no names; numbers among texts are refused, as in scikit-learn."""
    estimator, rows, _ = each
    estimator.fit(pd.DataFrame(rows))
    assert not hasattr(estimator, "feature_names_in_")
    mixed = pd.DataFrame(LABELLED, columns=["a", 1, "b"])
    if estimator.get_params().get("dim", 1) is None:
        with pytest.raises(mc.InvalidInput, match=r"convert them with X\.columns\.astype"):
            estimator.fit(mixed)


def test_pipelines_and_searches(each):
    """A pipeline scores what it shifts, a search takes the best, a cross-validation the parts."""
    estimator, rows, other = each
    line = make_pipeline(FunctionTransformer(), estimator).fit(rows)
    assert np.array_equal(line.score_samples(rows), clone(estimator).fit(rows).score_samples(rows))
    cut = KFold(4)

    def scored(model):
        parts = cut.split(rows)
        return [clone(model).fit(rows[a]).score(rows[b]) for a, b in parts]

    assert cross_val_score(estimator, rows, cv=cut, error_score="raise").tolist() == scored(
        estimator
    )
    for name, value in other.items():
        grid = {name: [estimator.get_params()[name], value]}
        search = GridSearchCV(estimator, grid, cv=cut, error_score="raise").fit(rows)
        means = [np.mean(scored(clone(estimator).set_params(**{name: v}))) for v in grid[name]]
        assert search.cv_results_["mean_test_score"] == pytest.approx(means, rel=1e-14)
        assert search.best_params_[name] == grid[name][int(np.argmax(means))]
        step = type(estimator).__name__.lower()
        GridSearchCV(line, {f"{step}__{name}": grid[name]}, cv=cut, error_score="raise").fit(rows)


def test_a_search_chooses_a_bandwidth_as_with_kernel_density():
    """The same scores, the sums of log-densities of the left-out rows, and the same choice."""
    rows = np.random.default_rng(1).normal(size=(80, 2))
    grid = {"bandwidth": [0.1, 0.3, 0.5, 0.9]}
    ours = GridSearchCV(mc.KDE(), grid).fit(rows)
    theirs = GridSearchCV(KernelDensity(), grid).fit(rows)

    scores = ours.cv_results_["mean_test_score"]
    assert scores == pytest.approx(theirs.cv_results_["mean_test_score"], rel=1e-10)
    assert ours.best_params_ == theirs.best_params_
    assert ours.best_estimator_.n_features_in_ == 2


def test_a_gaussian_scores_as_a_mixture_of_one():
    """GaussianMixture's mean log-density."""
    rows = np.random.default_rng(2).normal(size=(200, 3)) @ np.diag([1.0, 2.0, 0.5])
    mixture = GaussianMixture(1, reg_covar=0.0).fit(rows)

    assert mc.Gaussian().fit(rows).score(rows) == pytest.approx(mixture.score(rows), rel=1e-10)


def test_a_missing_bandwidth_is_asked_for_when_it_is_used():
    """Not before: a search gives it."""
    for use in (
        lambda: mc.KDE().fit(NORMAL),
        lambda: mc.Experiment(mc.KDE(), mc.Replace()),
        lambda: mc.run(mc.KDE(), NORMAL, mc.Replace(), 9, 2),
    ):
        with pytest.raises(mc.InvalidInput, match="bandwidth = None is not valid: give a finite"):
            use()


class TestRegression:
    """Inputs and labels, apart or in one table."""

    X = RNG.normal(size=(50, 3))
    y = X @ np.array([1.0, -2.0, 0.5]) + RNG.normal(size=50)

    @pytest.mark.parametrize("ridge", [0.0, 3.0])
    def test_the_fit_is_scikit_learns(self, ridge):
        """Coefficients, predictions and R^2, without an intercept."""
        peer = Ridge(ridge, fit_intercept=False) if ridge else LinearRegression(fit_intercept=False)
        peer.fit(self.X, self.y)
        model = mc.LinearRegression(ridge=ridge).fit(self.X, self.y)

        assert model.coef_ == pytest.approx(peer.coef_, rel=1e-10)
        assert model.predict(self.X) == pytest.approx(peer.predict(self.X), rel=1e-10, abs=1e-12)
        assert model.score(self.X, self.y) == pytest.approx(peer.score(self.X, self.y), rel=1e-12)

    def test_one_table_is_the_same(self):
        """Rows (x, y) as in the loop, with weights, names and a number of inputs too."""
        both = np.column_stack([self.X, self.y])
        weights = RNG.random(50)
        apart = mc.LinearRegression().fit(self.X, self.y, sample_weight=weights)
        whole = mc.LinearRegression(3).fit(both, sample_weight=weights)

        assert np.array_equal(apart.coef_, whole.coef_)
        assert (apart.n_features_in_, whole.n_features_in_) == (3, 3)
        assert whole.score(both) == apart.score(self.X, self.y)
        assert np.array_equal(whole.predict(self.X), self.X @ whole.coef_)
        # A row's density is that of its inputs and, given these, of its label.
        inputs = -0.5 * ((self.X**2).sum(axis=1) + 3 * np.log(2 * np.pi))
        labels = -0.5 * ((self.y - self.X @ whole.coef_) ** 2 + np.log(2 * np.pi))
        assert whole.score_samples(self.X) == pytest.approx(inputs)
        assert whole.score_samples(both) == pytest.approx(inputs + labels)
        frame = pd.DataFrame(both, columns=["a", "b", "c", "label"])
        named = mc.LinearRegression().fit(frame)
        assert named.feature_names_in_.tolist() == ["a", "b", "c"]
        assert np.array_equal(
            named.predict(frame[["a", "b", "c"]]), named.predict(frame[["a", "b", "c"]].copy())
        )

    def test_it_is_a_regressor(self):
        """So that a cross-validation does not balance classes, and scores by R^2."""
        assert is_regressor(mc.LinearRegression())
        assert not is_regressor(mc.Gaussian())
        line = make_pipeline(StandardScaler(), mc.LinearRegression())
        peer = make_pipeline(StandardScaler(), LinearRegression(fit_intercept=False))
        ours, theirs = (cross_val_score(p, self.X, self.y) for p in (line, peer))
        assert ours == pytest.approx(theirs, rel=1e-10)

    @pytest.mark.parametrize(
        ("X", "y", "message"),
        [
            (X, y[:-1], "its shape is (49,): give 50 labels"),
            (X, np.column_stack([y, y]), "its shape is (50, 2): give 50 labels"),
            (X, ["a"] * 50, "y"),
            (X, np.where(y > 9, y, np.nan), "y[0, 0] = nan"),
            (X[:, 0], y, "it has one dimension"),
            (X[:, 0], None, "X has 1 column: give the features and the label"),
            (X[:, :2], y, "X has 2 columns and dim = 3"),
        ],
        ids=str,
    )
    def test_wrong_labels(self, X, y, message):
        """Each names itself and what is allowed."""
        dim = 3 if "dim" in message else None
        with pytest.raises(mc.InvalidInput, match=re.escape(message)):
            mc.LinearRegression(dim).fit(X, y)


@pytest.mark.parametrize(
    ("model", "truth", "dim"),
    [
        (mc.Gaussian(), None, 1),
        (mc.Gaussian(), np.eye(3), 3),
        (mc.Gaussian(), mc.Normal([0.0, 1.0], np.eye(2)), 2),
        (mc.KDE(0.5), None, 1),
        (mc.KDE(0.5), pl.DataFrame({"a": [1.0, 2.0], "b": [0.0, 3.0]}), 2),
        (mc.KDE(0.5), mc.NormalMixture([1.0], [[0.0] * 4], [np.eye(4)]), 4),
        (mc.LinearRegression(design="fresh"), None, 1),
        (mc.LinearRegression(design="fresh"), [1.0, 0.0, 2.0], 3),
    ],
)
def test_an_experiment_takes_the_dimension_of_its_truth(model, truth, dim):
    """Its model, description, JSON and key show the number; the model given stays as it is."""
    e = mc.Experiment(model, mc.Replace(), 20, 3, truth=truth)
    told = clone(model).set_params(dim=dim)

    assert e.model.dim == dim
    assert model.dim is None
    assert mc.described(e)["model"]["dim"] == dim
    assert e == mc.Experiment(told, mc.Replace(), 20, 3, truth=truth)
    assert hash(e) == hash(mc.Experiment(told, mc.Replace(), 20, 3, truth=truth))
    given = {"truth": truth} if "sha256" in str(mc.described(e)["truth"]) else {}
    assert mc.Experiment.from_dict(mc.described(e), **given) == e
    assert mc.predict(e).expected
    with pytest.raises(mc.InvalidInput, match=rf"dim = {dim + 1}: make them equal|dim = {dim + 1}"):
        mc.Experiment(clone(model).set_params(dim=dim + 1), mc.Replace(), 20, 3, truth=e.truth)


def test_truths_and_workflows_are_what_they_say():
    """Equal and of one hash by their description, other than estimators."""
    rows = np.arange(6.0).reshape(3, 2)
    makers = [
        lambda: mc.Normal([0.0], [[2.0]]),
        lambda: mc.NormalMixture([0.5, 0.5], [0.0, 1.0], [1.0, 2.0]),
        lambda: mc.Rows(rows),
        lambda: mc.Gamma(2.0).as_truth(3.0),
        lambda: mc.Discrete(3).as_truth([0.2, 0.3, 0.5]),
        lambda: mc.LinearRegression().as_truth([1.0, 2.0]),
        lambda: mc.RegionVerifier().as_truth(0.5),
        lambda: mc.Weighted([[1.0], [0.5, 0.5]]),
        lambda: mc.Web([1, 2], 3),
        mc.Accumulate,
    ]
    here, there = ([make() for make in makers] for _ in range(2))

    assert here == there
    assert [hash(one) for one in here] == [hash(one) for one in there]
    assert len(set(here + there)) == len(makers)
    assert mc.Normal([0.0], [[1.0]]) != mc.Normal([0.0], [[2.0]])
    for one in here:
        looked = pickle.loads(pickle.dumps(one))  # noqa: S301 - our own
        assert looked == one


def test_what_was_computed_from_a_truth_is_not_pickled():
    """The same bytes before and after a look at its moments."""
    truth = mc.Rows(np.arange(60.0).reshape(30, 2) ** 2)
    before = pickle.dumps(truth)
    assert truth.spectrum.shape == (2,)
    assert hash(truth)
    assert pickle.dumps(truth) == before


def test_no_scikit_learn_is_imported():
    """Neither for making, fitting, sampling and scoring, nor for a loop."""
    code = (
        "import sys, numpy as np, modelcollapse as mc\n"
        "x = np.arange(20.0).reshape(10, 2) ** 2\n"
        "m = mc.KDE(0.5).fit(x); m.sample(3); m.score(x); mc.Gaussian().fit(x).get_params()\n"
        "mc.run(mc.Gaussian(), x, mc.Replace(), 9, 3)\n"
        "assert 'sklearn' not in sys.modules, 'it is imported'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
