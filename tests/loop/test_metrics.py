"""What a metric may ask for, and that no number of the loop depends on what is measured."""

# ruff: noqa: ARG005 - what is told apart here is the names of parameters

import itertools
import random
from functools import partial

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

import modelcollapse as mc
from modelcollapse.loop.metrics import WANTED, checked, wanted
from tests.helpers.toys import WORKFLOWS

ROWS = np.random.default_rng(4).normal(size=(30, 2))
CALL = (mc.Gaussian(), ROWS, mc.Accumulate(), 8, 4)


class Collects:
    """A metric that keeps what it is given."""

    def __init__(self):
        self.given = []

    def __call__(self, model, rows, truth, sample, reference, generation, rng):
        """Keep it."""
        self.given.append((model, rows, truth, sample, reference, generation, rng))
        return generation


def test_everything_that_a_metric_may_ask_for():
    """By name: the model, its rows, the truth, fresh rows of both, the generation, a stream."""
    metric = Collects()
    found = mc.run(*CALL, metrics={"own": metric})
    plain = mc.run(*CALL)

    assert found["own"].tolist() == [1, 2, 3, 4]
    for t, (model, rows, truth, sample, reference, generation, rng) in enumerate(metric.given, 1):
        assert generation == t
        assert np.array_equal(rows, np.concatenate(plain.batches[:t]))
        assert model.mean_ == pytest.approx(rows.mean(axis=0), rel=1e-13)  # sums of 32 rows
        assert truth == mc.Rows(ROWS)
        assert sample.shape == reference.shape == (8, 2)
        assert np.isin(reference, ROWS).all()
        assert not np.isin(sample, rows).any()
        assert 0 <= rng.random() < 1
    samples = [given[3] for given in metric.given]
    assert all(not np.array_equal(samples[0], other) for other in samples[1:])
    again = Collects()
    mc.run(*CALL, metrics={"own": again})
    for one, other in zip(metric.given, again.given, strict=True):
        assert np.array_equal(one[3], other[3])
        assert np.array_equal(one[4], other[4])


@pytest.mark.parametrize("size", [3, 8, 20])
def test_the_reference_is_of_the_test_set(size):
    """As many rows as are sampled, or all of them; no row twice."""
    metric, test = Collects(), np.random.default_rng(1).normal(size=(size, 2))
    mc.run(*CALL, metrics={"own": metric}, test=test)
    for given in metric.given:
        assert len(given[4]) == min(size, 8)
        assert np.isin(given[4], test).all()
        assert len(np.unique(given[4][:, 0])) == len(given[4])


class Careless:
    """A Gaussian that draws from a stream of its own, or from the global ones."""

    def __init__(self, source):
        self.source = source

    def fit(self, X):
        """Fit."""
        self.model, self.rng = mc.Gaussian().fit(X), np.random.default_rng(5)
        return self

    def sample(self, n):
        """Sample."""
        draw = {
            "own": self.rng.standard_normal,
            "numpy": lambda size: np.random.standard_normal(size),  # noqa: NPY002, PLW0108
            "python": lambda size: np.reshape([random.gauss() for _ in range(np.prod(size))], size),
        }[self.source]
        return self.model.mean_ + draw((n, 2)) * np.sqrt(np.diag(self.model.covariance_))


@pytest.mark.filterwarnings("ignore:.*takes no random_state")
@pytest.mark.parametrize("source", ["own", "numpy", "python"])
@pytest.mark.parametrize("seed_global", [False, True])
def test_careless_estimators_have_the_same_numbers(source, seed_global, monkeypatch):
    """A metric that samples moves neither the model's stream nor a global one."""
    # A stream of its own makes the same rows in each generation, which is refused.
    monkeypatch.setattr("modelcollapse.loop.estimators.frozen", lambda *_: False)

    def batches(**more):
        np.random.seed(3)  # noqa: NPY002
        random.seed(3)
        return mc.run(
            Careless(source), ROWS, mc.Accumulate(), 8, 4, seed_global=seed_global, **more
        ).batches

    here, there = batches(), batches(metrics={"own": lambda sample: sample.sum()})
    for one, other in zip(here, there, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=repr)
def test_the_loop_does_not_change(workflow):
    """With any metric, its own numbers are the same bits, also of estimators of others."""
    for estimator in (mc.Gaussian(), mc.KDE(0.3), GaussianMixture(2, reg_covar=0.0)):
        if "0.3" in repr(workflow) and isinstance(estimator, GaussianMixture):
            continue
        call = (estimator, ROWS, workflow, 12, 4)
        plain = mc.run(*call)
        measured = mc.run(*call, metrics={"own": Collects(), "other": lambda rng: rng.random()})
        for name in plain.metrics:
            assert np.array_equal(plain[name], measured[name])
        for one, other in zip(plain.batches, measured.batches, strict=True):
            assert np.array_equal(one, other)


def test_nothing_is_sampled_that_nobody_asks_for(monkeypatch):
    """A metric of the rows alone costs no sample."""
    drawn = []
    original = mc.Gaussian.sample
    monkeypatch.setattr(
        mc.Gaussian,
        "sample",
        lambda self, n_samples, random_state=None: (
            drawn.append(n_samples),
            original(self, n_samples, random_state),
        )[1],
    )
    mc.run(*CALL, metrics={"own": lambda rows: rows.sum()})
    without = len(drawn)
    mc.run(*CALL, metrics={"own": lambda sample: sample.sum(), "too": lambda sample: sample.min()})
    assert len(drawn) - without == without + 4


@pytest.mark.parametrize(
    ("metric", "asked"),
    [
        (lambda model, rows, truth: 0, ("model", "rows", "truth")),
        (lambda truth, model: 0, ("truth", "model")),
        (lambda sample, *, rng, k=3: 0, ("sample", "rng")),
        (lambda sample, rng=None: 0, ("sample", "rng")),
        (partial(lambda sample, generation, k: 0, k=2), ("sample", "generation")),
        (lambda a, b, c: 0, None),
        (lambda m, X, t, k=3: 0, None),
        (lambda *args: 0, None),
        (lambda model, X, truth: 0, None),
        (max, None),
        (Collects(), WANTED),
    ],
    ids=itertools.count(),
)
def test_what_a_metric_asks_for(metric, asked):
    """Names of the list are given by name; else three places are model, rows and truth."""
    assert wanted("own", metric) == asked


@pytest.mark.parametrize(
    "metric",
    [
        lambda: 0,
        lambda a: 0,
        lambda sample, other: 0,
        lambda a, b, c, d: 0,
        lambda *, k: 0,
        lambda a, b, c, *, k: 0,
    ],
    ids=itertools.count(),
)
def test_what_no_metric_can_ask_for(metric):
    """The answer lists what there is."""
    with pytest.raises(mc.InvalidInput, match="a metric takes any of model, rows, truth, sample"):
        mc.run(*CALL, metrics={"own": metric})


def test_three_places_go_on_working():
    """Whatever they are called: the model, the training rows, the truth."""
    found = mc.run(*CALL, metrics={"own": lambda m, X, t: len(X) + 100 * m.n_features_in_ + t.dim})
    assert found["own"].tolist() == [210, 218, 226, 234]


def test_several_numbers():
    """A row of numbers is recorded under names of its own; a matrix is refused."""
    found = mc.run(*CALL, metrics={"mean": lambda rows: rows.mean(axis=0)})
    assert found["mean_1"] == pytest.approx(
        [rows[:, 0].mean() for rows in map(np.concatenate, _pools(found.batches))], rel=1e-14
    )
    assert list(found.metrics)[-2:] == ["mean_1", "mean_2"]
    with pytest.raises(mc.InvalidInput, match=r"array of shape \(2, 2\)"):
        mc.run(*CALL, metrics={"own": lambda rows: np.cov(rows.T)})


def _pools(batches):
    return [batches[: t + 1] for t in range(len(batches))]


def test_ready_made_metrics_by_name():
    """Alone, in a list, or under another name; they are those of the module."""
    from modelcollapse.loop import sample_metrics

    alone = mc.run(*CALL, metrics="energy_distance")
    several = mc.run(*CALL, metrics=["energy_distance", "covariance_spectrum"])
    renamed = mc.run(*CALL, metrics={"far": "energy_distance"})
    metric = Collects()
    mc.run(*CALL, metrics={"own": metric})

    expected = [sample_metrics.energy_distance(given[3], given[4]) for given in metric.given]
    assert alone["energy_distance"].tolist() == expected
    assert np.array_equal(several["energy_distance"], alone["energy_distance"])
    assert np.array_equal(renamed["far"], alone["energy_distance"])
    assert {"covariance_spectrum_1", "covariance_spectrum_2"} <= set(several.metrics)
    assert set(checked(list(sample_metrics.NAMES))) == set(sample_metrics.NAMES)


def test_every_ready_made_metric_runs():
    """In a loop, reproducibly."""
    from modelcollapse.loop import sample_metrics

    first, second = (
        mc.run(mc.KDE(0.3), ROWS, mc.Accumulate(), 20, 2, metrics=list(sample_metrics.NAMES))
        for _ in range(2)
    )
    for name in first.metrics:
        assert np.isfinite(first[name]).all(), name
        assert np.array_equal(first[name], second[name]), name


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ("energy", "unknown metric 'energy'; did you mean energy_distance"),
        (["nothing"], "unknown metric 'nothing'"),
        ({"own": 3}, "give names, or a function for each name"),
        (3, "metrics = 3"),
        ([len], "give names, or a function"),
        ({"variance": lambda rows: 0}, "the loop records this name itself"),
        ({"generation": lambda rows: 0}, "tables have a column of this name"),
        ({"replicate": lambda rows: 0}, "tables have a column of this name"),
        ({1: lambda rows: 0}, "a metric's name is a text"),
        ({"": lambda rows: 0}, "a metric's name is a text"),
        ({"a": lambda rows: rows[0], "a_1": lambda rows: 0}, "two of them are called 'a_1'"),
    ],
)
def test_wrong_metrics(metrics, message):
    """Unknown names are answered with the list."""
    with pytest.raises(mc.InvalidInput) as caught:
        mc.run(*CALL, metrics=metrics)
    assert message in str(caught.value)


def test_a_loop_that_diverges_goes_on():
    """Where rows are too large for a ready-made metric it is NaN, and says why."""

    class Growing:
        """Multiplies what it was fitted to."""

        def fit(self, X):
            self.X = X
            return self

        def sample(self, n, random_state):
            rng = np.random.default_rng(random_state)
            return 1e30 * self.X[rng.integers(len(self.X), size=n)]

    found = mc.run(
        Growing(), ROWS, mc.Replace(), 8, 5, metrics=["energy_distance", "covariance_spectrum"]
    )
    assert found.completed
    assert np.isnan(found["energy_distance"]).tolist() == [False, False, True, True, True]
    assert np.isnan(found["covariance_spectrum_2"]).tolist() == [False, False, True, True, True]
    assert "rescale both to at most 1e+70" in found.reasons["energy_distance"]


def test_as_many_numbers_in_each_generation():
    """Fewer are NaN, and more are refused."""
    fewer = mc.run(*CALL, metrics={"own": lambda generation: np.ones(3 if generation < 3 else 2)})
    assert np.isnan(fewer["own_3"]).tolist() == [False, False, True, True]
    with pytest.raises(mc.InvalidInput, match="own_2 is measured at generation 2 and was not at"):
        mc.run(*CALL, metrics={"own": lambda generation: np.ones(1 * generation)})
