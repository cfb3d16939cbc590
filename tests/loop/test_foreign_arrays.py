"""What a caller does to an array after giving it changes nothing: a table of all that take one."""

import inspect
from array import array
from dataclasses import replace

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.families.discrete import Categorical
from modelcollapse.families.kde import scoring
from modelcollapse.families.regression import Coefficients

ROWS = np.array([[0.0, 1, 1], [1, 0, 2], [1, 1, 0], [0, 0, 1], [1, 1, 2]])
LINE, COUNTS = ROWS[:, :1] + 0.5, ROWS[:, 2:]
WEIGHTS = np.array([1.0, 2, 3, 4, 5])
SPREAD = np.array([[2.0, 0.5], [0.5, 1.0]])
SHARES = np.tri(3) / [[1], [2], [3]]
LOOP = mc.Experiment(mc.Gaussian(3), mc.Replace(), 5, 3)


def of_fit(model):
    """Return rows that a fit samples, and their scores."""
    drawn = model.sample(4, random_state=0)
    return drawn, model.score_samples(drawn)


def of_truth(law):
    """Return the moments of a truth, and rows drawn from it."""
    return law.mean, law.covariance, law.sample(5, np.random.default_rng(0))


def of_workflow(workflow):
    """Return what a workflow trains on, as one array."""
    chosen = workflow.training_rows([4, 5, 6], np.random.default_rng(0))
    return (np.concatenate([np.ravel(part) for part in chosen]), *batch_sizes(workflow))


def batch_sizes(workflow):
    """Return the sizes that a workflow sets, if it does."""
    return [workflow.batch_sizes(4, 3)] if hasattr(workflow, "batch_sizes") else []


def of_loop(e):
    """Return what an experiment is and does, found out late."""
    return np.array(mc.described(replace(e))["samples"]), mc.simulate(e, 3)["variance"]


def fit(model, rows):
    """Return an entry for an estimator, fitted to weighted rows."""
    return lambda X, w: model.fit(X, sample_weight=w), of_fit, (rows, WEIGHTS)


TABLE = {
    "Gaussian": fit(mc.Gaussian(3), ROWS),
    "KDE": fit(mc.KDE(0.5, dim=3), ROWS),
    "KDE by a rule": fit(mc.KDE("scipy-scott"), LINE),
    "KDE's schedules": (
        lambda *h: mc.KDE(h[0], scoring_bandwidth=h[1]).fit(LINE, generation=2),
        of_fit,
        (np.array([0.2, 0.3]), np.array([0.4, 0.5])),
    ),
    "Discrete": fit(mc.Discrete(3), COUNTS),
    "Markov": fit(mc.Markov(3), COUNTS),
    "NormalMean": fit(mc.NormalMean(), LINE),
    "Poisson": fit(mc.Poisson(), COUNTS),
    "Binomial": fit(mc.Binomial(3), COUNTS),
    "Gamma": fit(mc.Gamma(2), LINE),
    "NegativeBinomial": fit(mc.NegativeBinomial(2), COUNTS),
    "HyperbolicSecant": fit(mc.HyperbolicSecant(2), LINE),
    "LinearRegression": fit(mc.LinearRegression(2), ROWS),
    "LabelVerifier": fit(mc.LabelVerifier(cells=2, random_state=0), ROWS[:, :2]),
    "RegionVerifier": fit(mc.RegionVerifier(), LINE),
    "Normal": (mc.Normal, of_truth, (np.ones(2), SPREAD)),
    "NormalMixture": (
        mc.NormalMixture,
        of_truth,
        (np.ones(2), np.eye(2), np.stack([SPREAD, 2 * SPREAD])),
    ),
    "Rows": (mc.Rows, of_truth, (ROWS,)),
    "Categorical": (Categorical, of_truth, (np.array([0.25, 0.25, 0.5]),)),
    "Coefficients": (Coefficients, lambda law: [law.values + 0], (np.ones(3),)),
    "Weighted": (mc.Weighted, of_workflow, (SHARES,)),
    "Web": (mc.Web, of_workflow, (np.array([2, 3]), np.array([3, 3]))),
    "sizes": (lambda n: replace(LOOP, samples=n), of_loop, (np.array([4, 5, 6]),)),
    "other sizes": (lambda n: replace(LOOP, samples=n), of_loop, (array("l", [4, 5, 6]),)),
    "truth": (lambda X: replace(LOOP, truth=X), of_loop, (ROWS,)),
    "scorer": (scoring.Scorer, lambda s: [s.points + 0], (LINE,)),
}
# What takes numbers alone.
NO_ARRAYS = {
    "Accumulate",
    "AccumulateSubsample",
    "FreshData",
    "KeepReal",
    "Replace",
    "SlidingWindow",
}


def test_the_table_is_whole():
    """It has every public estimator, truth and workflow."""
    kinds = [getattr(mc, name) for name in dir(mc) if inspect.isclass(getattr(mc, name))]
    takers = {k.__name__ for k in kinds if hasattr(k, "sample") or hasattr(k, "training_rows")}
    takers.remove("FunctionEstimator")  # what it keeps is its functions' affair

    assert takers - NO_ARRAYS <= set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_later_changes_of_an_array_change_nothing(name):
    """The same buffer may be filled again; read-only views of it too."""
    make, look, values = TABLE[name]
    buffers = [value.__copy__() if isinstance(value, array) else value.copy() for value in values]
    views = [buffer if isinstance(buffer, array) else buffer.view() for buffer in buffers]
    for view in views:
        if isinstance(view, np.ndarray):
            view.flags.writeable = False
    made = [make(*buffers), make(*views)]
    for buffer in buffers:
        for i in range(len(buffer)):
            buffer[i] = 3 * buffer[i] + 1

    for thing in made:
        for there, here in zip(look(thing), look(make(*values)), strict=True):
            assert np.array_equal(there, here)


@pytest.mark.parametrize("name", ["Normal", "NormalMixture", "Rows", "Coefficients", "Weighted"])
def test_what_is_given_is_read_only_inside(name):
    """Truths and weights say so when they are changed from outside."""
    make, _, values = TABLE[name]
    for value in vars(make(*values)).values():
        if isinstance(value, np.ndarray):
            with pytest.raises(ValueError, match="read-only"):
                value[...] = 0


class Buffered:
    """A workflow that fills one array of rows and one of weights, again and again."""

    def __init__(self):
        self.rows, self.weights = np.zeros(5, dtype=np.int64), np.ones(5)

    def keep(self, previous_rows, sizes, rng):
        """Return the newest rows."""
        del previous_rows, rng
        self.rows[:] = np.arange(sum(sizes[:-1]), sum(sizes))
        self.weights[:] = self.rows + 1
        return self.rows, self.weights


class Careless(mc.Gaussian):
    """An estimator that works on what it is given, in place."""

    def fit(self, X, y=None, sample_weight=None):
        """Fit, and leave zeros behind."""
        fitted = super().fit(X, y, sample_weight)
        X[:] = sample_weight[:] = 0
        return fitted


def test_the_plain_loop_keeps_what_it_was_given():
    """Rows, test set, what a workflow returns, and what an estimator does to its arguments."""
    data, test = ROWS.copy(), ROWS.copy()

    def once(estimator, progress=None):
        return mc.run(estimator, data, Buffered(), 5, 4, test=test, progress=progress)

    def spoil(_):
        data[:], test[:] = 0, 9

    expected = once(mc.Gaussian(3, ddof=1))
    found = once(Careless(3, ddof=1), spoil)
    for name, values in expected.metrics.items():
        assert np.array_equal(found[name], values), name
