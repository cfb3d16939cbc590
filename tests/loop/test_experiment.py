"""Experiments: schedules, truths, what they refuse, and the mappings that come out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.loop.experiment import Lazy
from modelcollapse.loop.truth import as_truth

SEEDS = st.integers(0, 10**6)


def experiment(**changes):
    """Build an experiment from defaults and changes."""
    arguments = {"model": mc.Gaussian(2), "workflow": mc.Replace(), "samples": 5, "generations": 3}
    return mc.Experiment(**{**arguments, **changes})


@pytest.mark.parametrize(
    "samples",
    [
        [3, 5, 4],
        (3, 5, 4, 9),
        np.array([3, 5, 4]),
        np.array([3, 5, 4], dtype=np.int8),
        lambda t: [3, 5, 4][t - 1],
    ],
)
def test_schedules(samples):
    """A sequence, an array or a function of the generation; what is beyond T is not used."""
    sizes = experiment(samples=samples).sizes

    assert sizes.tolist() == [3, 5, 4]
    assert sizes.dtype == np.int64


def test_a_number_is_a_constant_schedule():
    """One size for all generations, also as a NumPy integer."""
    assert experiment(samples=7).sizes.tolist() == [7, 7, 7]
    assert experiment(samples=np.int32(7)).sizes.tolist() == [7, 7, 7]


def test_defaults():
    """100 rows, 50 generations, the standard normal in the model's dimension, temperature 1."""
    e = mc.Experiment(mc.Gaussian(3), mc.Accumulate())

    assert (len(e.sizes), e.sizes[0], e.temperature) == (50, 100, 1.0)
    assert np.array_equal(e.truth.covariance, np.eye(3))
    assert np.array_equal(e.truth.mean, np.zeros(3))


def test_truth_forms():
    """None, a normal (scalars in one dimension), rows, and a plain array or list of rows."""
    normal, rows = mc.Normal([0.0, 1.0], np.eye(2)), mc.Rows([[0.0, 1.0], [2.0, 3.0]])

    assert as_truth(normal, 2) is normal
    assert as_truth(rows, 2) is rows
    assert as_truth([[0, 1], [2, 3]], 2).values.tolist() == rows.values.tolist()
    assert as_truth([1.0, 2.0, 4.0], 1).values.shape == (3, 1)
    line = mc.Normal(2.0, 9.0)
    assert (line.dim, line.mean.tolist(), line.covariance.tolist()) == (1, [2.0], [[9.0]])
    assert line.is_normal
    assert not rows.is_normal


@given(seed=SEEDS, dim=st.integers(1, 5), n=st.integers(2, 9), constant=st.integers(0, 2))
def test_rows_have_the_moments_of_all_rows(seed, dim, n, constant):
    """Mean, covariance (ddof 0), fourth moment, and scores: the rows up to a rotation."""
    X = np.random.default_rng(seed).normal(size=(n, dim))
    X[:, : min(constant, dim - 1)] = 3.0
    truth, centred = mc.Rows(X), X - X.mean(axis=0)
    # Sums of n products of numbers up to 10, n and dim below 10.
    slack = 1e-11

    assert truth.mean == pytest.approx(X.mean(axis=0), abs=slack)
    assert truth.covariance == pytest.approx(centred.T @ centred / n, abs=slack)
    assert truth.spectrum.sum() == pytest.approx(np.trace(truth.covariance), abs=slack)
    norms = (centred**2).sum(axis=1)
    assert truth.fourth_moment == pytest.approx((norms**2).mean(), rel=1e-10, abs=slack)
    assert truth.scores @ truth.scores.T == pytest.approx(centred @ centred.T, abs=100 * slack)
    spectrum = np.diag(truth.scores.T @ truth.scores) / n
    assert spectrum == pytest.approx(truth.spectrum, abs=slack)
    assert (truth.spectrum > 0).all()


@pytest.mark.parametrize("offset", [0.0, 1.0, 1e6])
def test_rows_span_no_more_than_their_number(offset):
    """Four rows span three directions, wherever they are: rounding adds none."""
    for seed in range(100):
        X = np.random.default_rng(seed).normal(size=(4, 6)) + offset
        assert len(mc.Rows(X).spectrum) == 3


@given(seed=SEEDS, dim=st.integers(1, 4))
def test_normal_moments(seed, dim):
    """The spectrum is the covariance's; E|x - mu|^4 = (tr S)^2 + 2 tr S^2."""
    factor = np.random.default_rng(seed).normal(size=(dim, dim)) + 2 * np.eye(dim)
    S = factor @ factor.T + np.eye(dim)
    truth = mc.Normal(np.ones(dim), (S + S.T) / 2)

    assert truth.spectrum.sum() == pytest.approx(np.trace(S), rel=1e-12)
    assert truth.spectrum.prod() == pytest.approx(np.linalg.det(S), rel=1e-10)
    expected = np.trace(S) ** 2 + 2 * np.trace(S @ S)
    assert truth.fourth_moment == pytest.approx(expected, rel=1e-12)


def test_truths_are_drawn_from():
    """Rows come from the data; a normal's rows are m + G L' for its Cholesky factor."""
    rng = np.random.default_rng
    rows, normal = mc.Rows([[0.0, 1.0], [2.0, 3.0]]), mc.Normal([1.0, 2.0], [[4.0, 2.0], [2.0, 3]])

    assert {tuple(row) for row in rows.sample(50, rng(0))} == {(0.0, 1.0), (2.0, 3.0)}
    noise = rng(0).standard_normal((5, 2))
    expected = normal.mean + noise @ np.linalg.cholesky(normal.covariance).T
    assert normal.sample(5, rng(0)) == pytest.approx(expected)


def test_weighted_single_rows_are_allowed_where_the_pool_is_not():
    """A batch of one row is fine where enough other rows are trained on."""
    pooled = (mc.Accumulate(), mc.AccumulateSubsample(4))
    for workflow in (*pooled, mc.SlidingWindow(2), mc.KeepReal()):
        assert experiment(workflow=workflow, samples=[5, 1, 4]).sizes[1] == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": object()}, "has no theory here"),
        ({"model": mc.Gaussian}, "model = Gaussian is a class: give an object, Gaussian"),
        ({"truth": "wine"}, "truth = 'wine' is not valid: give rows of numbers, such as datasets."),
        ({"workflow": mc.Replace}, "workflow = Replace is a class: give an object, Replace"),
        ({"workflow": "replace"}, "workflow = 'replace' is not a workflow"),
        ({"generations": 0}, "generations = 0 is not valid: give a whole number, at least 1"),
        ({"generations": 2.0}, "generations = 2.0"),
        ({"generations": True}, "generations = True"),
        ({"temperature": 0}, "temperature = 0 is not valid: give a finite number above 0"),
        ({"temperature": -1.0}, "temperature = -1.0"),
        ({"temperature": np.inf}, "temperature = inf"),
        ({"temperature": "hot"}, "temperature = 'hot'"),
        ({"samples": 0}, "samples = 0 is not valid"),
        ({"samples": 2.5}, "samples = 2.5"),
        ({"samples": "five"}, "samples = 'five'"),
        ({"samples": None}, "samples = None"),
        ({"samples": iter([5, 5, 5])}, "samples = <list_iterator"),
        ({"samples": [5, 5]}, "the schedule has 2 sizes and the loop has 3 generations"),
        ({"samples": [5, 0, 5]}, "samples[1] = 0"),
        ({"samples": lambda t: 5 - 2 * t}, "samples(3) = -1"),
        ({"samples": 1}, "generation 1 would train on 1 row, and a covariance needs at least 2"),
        ({"samples": [5, 1, 5]}, "generation 2 would train on 1 row"),
        ({"workflow": mc.AccumulateSubsample(), "samples": [5, 1, 5]}, "generation 2 would train"),
        ({"workflow": mc.AccumulateSubsample(1)}, "budget = 1 is not valid"),
        ({"workflow": mc.Accumulate(), "samples": [1, 5, 5]}, "generation 1 would train on 1 row"),
        ({"truth": [[1.0, 2.0, 3.0]] * 2}, "truth: all 2 rows are equal"),
        ({"truth": np.eye(3)}, "truth has 3 columns and the model has dim = 2"),
        ({"truth": mc.Normal(0.0, 1.0)}, "truth has 1 column and the model has dim = 2"),
        ({"truth": [[1.0, np.nan], [0.0, 1.0]]}, "truth[0, 1] = nan"),
        ({"truth": [[1.0, 2.0]]}, "give at least 2 rows"),
        ({"truth": np.zeros((2, 2, 2))}, "give a (rows, columns) array"),
    ],
)
def test_wrong_experiments(changes, message):
    """Each error names the argument, shows its value and says what is allowed."""
    with pytest.raises(mc.InvalidInput) as caught:
        experiment(**changes).sizes  # noqa: B018 - the sizes are computed at the first look

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.0, 0.0], np.eye(3)), "do not fit together: give shapes (d,) and (d, d)"),
        (([[0.0]], [[1.0]]), "do not fit together"),
        (([np.nan], [[1.0]]), "every entry must be finite"),
        (([0.0], [[0.0]]), "give a positive definite matrix"),
        (([0.0], [[np.inf]]), "give a positive definite matrix"),
        (([0.0, 0.0], [[1.0, 0.5], [0.0, 1.0]]), "give a positive definite matrix"),
        (([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]]), "give a positive definite matrix"),
    ],
)
def test_wrong_normals(arguments, message):
    """A normal truth needs fitting shapes, finite numbers and a positive definite covariance."""
    with pytest.raises(mc.InvalidInput) as caught:
        mc.Normal(*arguments)

    assert message in str(caught.value)


def test_lazy_values_are_computed_once():
    """A value is computed at its first look; names, length and membership need none."""
    calls = []
    lazy = Lazy({"one": lambda: calls.append(1) or 7}, {"two": "it is open"})

    assert (list(lazy), len(lazy), "one" in lazy, "two" in lazy) == (["one"], 1, True, False)
    assert repr(lazy) == "<one>"
    assert repr(Lazy({})) == "<nothing>"
    assert not calls
    assert lazy["one"] == lazy["one"] == 7
    assert calls == [1]
    with pytest.raises(mc.NoClosedForm, match="two: it is open"):
        lazy["two"]
    with pytest.raises(mc.InvalidInput, match="unknown quantity 'onne'; did you mean one"):
        lazy["onne"]


def test_a_route_wins_over_a_reason():
    """A note on a known value, such as why it is infinite, does not hide the value."""
    assert Lazy({"one": lambda: np.inf}, {"one": "it diverges"})["one"] == np.inf


def test_results_are_mappings_by_name():
    """Predictions and trajectories are indexed by quantity and keep their experiment."""
    e = experiment()
    prediction, trajectories = mc.predict(e), mc.simulate(e, 4)

    assert prediction.experiment is trajectories.experiment is e
    assert prediction["variance"] is prediction.expected["variance"]
    assert prediction["variance"].shape == (3,)
    assert trajectories["variance"] is trajectories.values["variance"]
    assert set(prediction.expected.reasons) <= set(prediction.reasons)


@pytest.mark.parametrize(
    "model",
    [
        mc.Gaussian(),
        mc.Gaussian(2, 1),
        mc.KDE(0.4),
        mc.Poisson(),
        mc.Binomial(3),
        mc.Discrete(3),
        mc.LinearRegression(2),
        mc.LabelVerifier(),
        mc.RegionVerifier(0.5),
    ],
    ids=repr,
)
@pytest.mark.parametrize("workflow", [mc.Replace(), mc.Accumulate(), mc.KeepReal()], ids=repr)
def test_what_is_known_of_and_open_says_so_in_every_mapping(model, workflow):
    """What one mapping has is open in another, NoClosedForm; a misspelt name is InvalidInput."""
    if isinstance(model, mc.LabelVerifier) and not isinstance(workflow, mc.Replace):
        pytest.skip("labels are verified under replace")
    p = mc.predict(mc.Experiment(model, workflow, 5, 3))
    parts = [p.expected, p.variances, p.laws, p.limits, p.fates]
    known = {name for part in parts for name in [*part, *part.reasons]}
    assert known
    for part in parts:
        for name in known - set(part):
            with pytest.raises(mc.NoClosedForm, match=name):
                part[name]
        with pytest.raises(mc.InvalidInput, match="squared_eror"):
            part["squared_eror"]


def test_an_experiment_keeps_an_unfitted_copy_of_its_model():
    """Fitting the caller's model, before or after, changes nothing of the experiment."""
    model = mc.Gaussian(2)
    before = mc.Experiment(model, mc.Replace(), 9, 3)
    model.fit(np.arange(8.0).reshape(4, 2) ** 2)
    after = mc.Experiment(model, mc.Replace(), 9, 3)

    assert hasattr(model, "mean_")
    for e in (before, after):
        assert e.model.described() == model.described()
        assert e.model is not model
        assert not hasattr(e.model, "mean_")
