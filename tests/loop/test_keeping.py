"""Training sets that persist: made of the set before and of the newest batch."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse import evidence, solver
from modelcollapse.loop.plain import _generator
from modelcollapse.testing import assert_frequency, assert_mean
from modelcollapse.workflows import keeps
from modelcollapse.workflows.selection import select
from modelcollapse.workflows.sources import source_weights
from tests.helpers.toys import KEEPING, PLANE, Editing, Ladder, Reservoir

NONE = np.empty(0, np.int64)
CHAINS = 3000
MODELS = (
    mc.Gaussian(),
    mc.KDE(0.5),
    mc.NormalMean(),
    mc.Poisson(),
    mc.Discrete(3),
    mc.Markov(3, smoothing=0.1),
    mc.LinearRegression(),
    mc.LinearRegression(design="fresh"),
)


def chain(workflow, sizes, seed):
    """Return the training sets of all generations."""
    rng, rows, sets = np.random.default_rng(seed), NONE, []
    for t in range(1, len(sizes) + 1):
        rows, _ = select(workflow, sizes[:t], rng, rows)
        sets.append(rows)
    return sets


class Above(Ladder):
    """Samples positive rows alone."""

    def sample(self, n, random_state):
        """Climb from the size of the mean."""
        return np.abs(self.mean) - self.mean + super().sample(n, random_state)


def test_a_reservoir_is_a_uniform_subset_of_all_rows(seed):
    """At each generation, whatever the sizes of the batches."""
    sizes, k = [2, 2, 1], 2
    last = [tuple(sorted(chain(Reservoir(k), sizes, (seed, i))[-1])) for i in range(CHAINS)]
    subsets = list(combinations(range(5), k))

    for subset in subsets:
        assert_frequency(last.count(subset), CHAINS, 1 / len(subsets))


def test_a_reservoir_remembers(seed):
    """Of k rows k N_{t-1}/N_t stay; of a subset drawn anew only k^2/N_t would."""
    sizes, k, N = [6, 4, 5], 5, 15
    stay = np.empty(CHAINS)
    for i in range(CHAINS):
        _, before, after = chain(Reservoir(k), sizes, (seed, i))
        stay[i] = len(set(before) & set(after))
    outcome = assert_mean(stay, k * 10 / N, k * k / 4)

    assert evidence.mean(stay, k * k / N, k * k / 4).rejected
    assert outcome.detectable < k * 10 / N - k * k / N


def test_the_plain_loop_carries_the_rows_on(seed):
    """Real rows in a reservoir of k: k n_1/N_t of them, with the hypergeometric variance."""
    k, n, T, count = 6, 5, 4, 800
    data = mc.Rows([[-1.0], [-2.0]])
    metrics = {"real": lambda _model, X, _truth: float((X < 0).sum())}
    real = np.array(
        [
            mc.run(Above(), data, Reservoir(k), n, T, seed=seed + i, metrics=metrics)["real"]
            for i in range(count)
        ]
    )
    for t in range(2, T + 1):
        N = n * t
        variance = k * (n / N) * (1 - n / N) * (N - k) / (N - 1)
        assert_mean(real[:, t - 1], k * n / N, variance)
        assert evidence.mean(real[:, t - 1], k * n / (N + n), variance).rejected


@pytest.mark.parametrize("workflow", KEEPING, ids=repr)
def test_a_run_trains_on_what_was_kept(workflow):
    """Its training rows are those that `keep` returns for the run's own streams."""
    seen = []
    metrics = {"seen": lambda _model, X, _truth: seen.append(X) or 0.0}
    sizes = [6, 4, 7, 5]
    result = mc.run(mc.Gaussian(2), PLANE, workflow, sizes, 4, seed=5, metrics=metrics)
    every, rows = np.concatenate(result.batches), NONE
    for t in range(1, 5):
        rows, _ = select(workflow, sizes[:t], _generator(5, t, 0), rows)
        assert np.array_equal(seen[t - 1], every[rows])
    assert keeps(workflow)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([0, 1], "row 1, which is neither in the training set before nor in the newest batch"),
        ([0, 9], "row 9, which does not exist"),
        ([0.0], "return a one-dimensional, non-empty array of row numbers"),
        (([0, 4], [1.0]), "weights of shape"),
    ],
)
def test_rows_come_from_the_set_before_or_the_newest_batch(rows, message):
    """The message names the method, the generation and the row."""
    workflow = SimpleNamespace(keep=lambda *_: rows)
    with pytest.raises(mc.InvalidInput, match=rf"keep at generation 2 .*{message}"):
        select(workflow, [3, 3], np.random.default_rng(0), np.array([0, 2]))


def test_a_workflow_cannot_change_the_set_before():
    """It gets a copy."""

    def keep(previous_rows, sizes, _):
        previous_rows += 1
        return np.arange(sum(sizes[:-1]), sum(sizes))

    before = np.array([0, 1])
    select(SimpleNamespace(keep=keep), [3, 3], np.random.default_rng(0), before)
    assert before.tolist() == [0, 1]


@pytest.mark.parametrize("name", ["training_rows", "batch_weights", "memory", "source_weights"])
def test_a_workflow_has_one_way_to_choose_rows(name):
    """`keep` stands alone; what is None is not there."""

    class Both(Reservoir):
        pass

    setattr(Both, name, lambda *_: None)
    match = rf"has keep and {name}.*set it to None"
    with pytest.raises(mc.InvalidInput, match=match):
        mc.Experiment(mc.Gaussian(), Both(3))
    with pytest.raises(mc.InvalidInput, match=match):
        mc.run(Ladder(), [0.0, 1.0], Both(3))
    setattr(Both, name, None)
    assert mc.Experiment(mc.Gaussian(), Both(3)) == mc.Experiment(mc.Gaussian(), Both(3))
    assert len(mc.run(Ladder(), [0.0, 1.0], Both(3), 5, 2).batches) == 2

    class Extended(mc.Replace):
        keep = Reservoir.keep

    with pytest.raises(mc.InvalidInput, match="has keep and training_rows"):
        mc.Experiment(mc.Gaussian(), Extended())


def test_a_parameter_called_keep_is_no_method():
    """A share, say."""

    class Fading(mc.Replace):
        keep = 0.5

    assert not keeps(Fading())
    assert mc.simulate(mc.Experiment(mc.Gaussian(), Fading(), 5, 2), 2)["variance"].shape == (2, 2)
    assert mc.Experiment(mc.Gaussian(), Fading()).schedule.rule == "replace"


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_nothing_is_predicted(model):
    """Every known quantity says why, and what does it: the simulation, and the plain loop."""
    e = mc.Experiment(model, Reservoir(5), 6, 4)
    prediction = mc.predict(e)

    assert not list(prediction.expected)
    assert not list(prediction.limits)
    assert prediction.expected.reasons
    for part in (prediction.expected, prediction.variances, prediction.laws, prediction.limits):
        for name in part.reasons:
            with pytest.raises(mc.NoClosedForm, match=r"keeps rows .*run\(\)"):
                part[name]
    # Rows are chosen without a look at their values: what that alone bounds stays bounded.
    assert {fate.verdict for fate in prediction.fates.values()} <= {"undetermined", "bounded"}
    found = mc.simulate(e, 3)
    assert all(np.isfinite(found[name]).all() for name in found if name != "test_log_loss")


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (mc.Gaussian(), "variance"),
        (mc.Gaussian(2), "variance"),
        (mc.NormalMean(), "squared_error"),
        (mc.Binomial(1), "squared_error"),
        (mc.Discrete(3), "heterozygosity"),
    ],
    ids=repr,
)
def test_rows_are_carried_on_in_simulations(model, name, seed):
    """A set of one's own that is edited has the theorem's mean, and not that of replace."""

    class Own(mc.Edit):
        def keep(self, previous_rows, sizes, rng):
            return super().keep(previous_rows, sizes, rng)

    e = mc.Experiment(model, Own(rows=2), 6, 4)
    assert e.schedule.edits is None
    found = mc.simulate(e, 3000, seed, [4])[name][:, 0]
    theorem, other = (
        mc.predict(mc.Experiment(model, workflow, 6, 4))
        for workflow in (mc.Edit(rows=2), mc.Replace())
    )
    spread = theorem.variances[name][-1]
    assert_mean(found, theorem[name][-1], spread)
    assert evidence.mean(found, other[name][-1], spread).rejected


def test_the_solver_refuses_it_too():
    """With the same reason."""
    with pytest.raises(mc.NoClosedForm, match=r"run\(\)"):
        source_weights(Editing(), [5, 5])
    with pytest.raises(mc.NoClosedForm, match=r"run\(\)"):
        solver.variances(Editing(), [5, 5])


def test_verifiers_refuse_it():
    """They need weights of batches."""
    for model in (mc.LabelVerifier(), mc.RegionVerifier()):
        with pytest.raises(mc.InvalidInput, match="workflow"):
            mc.Experiment(model, Reservoir(5))


def test_estimators_without_weights_are_named_before_the_run():
    """Editing weights rows from generation 2 on."""
    fitted = []

    class Plain:
        def fit(self, X):
            fitted.append(X)

        def sample(self, n):
            return np.ones((n, 1))

    with pytest.raises(mc.InvalidInput, match="at generation 2"):
        mc.run(Plain(), [0.0, 1.0], Editing(), 5, 4)
    assert not fitted


def test_it_is_a_part_of_what_an_experiment_is():
    """Like any workflow."""
    one, same, other = (mc.Experiment(mc.Gaussian(), Reservoir(k)) for k in (5, 5, 6))
    assert one == same != other
    assert mc.Experiment.from_dict(mc.described(one), workflow=Reservoir(5)) == one
