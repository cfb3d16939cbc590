"""Results go to other processes, into caches and into JSON, and come back the same."""

import copy
import json
import operator
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial

import joblib
import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.cli import main
from modelcollapse.ledger.claims import Design, mean_claim
from modelcollapse.loop.experiment import Lazy

MIXTURE = mc.NormalMixture([0.5, 0.5], [[-1.0], [2.0]], [[[1.0]], [[0.5]]])
DATA = mc.Rows(np.random.default_rng(0).standard_normal((30, 2)))
SPACE = ("log_pivots", "w2_squared", "test_log_loss")


def loop(model, workflow=None, truth=None, **changes):
    """Return a small experiment."""
    options = {"samples": 6, "generations": 4, "truth": truth, **changes}
    return mc.Experiment(model, workflow or mc.Replace(), **options)


# Each family, with what it records on request.
LOOPS = {
    "gaussian": (loop(mc.Gaussian()), {"extra": ["log_pivots"]}),
    "gaussian, far": (loop(mc.Gaussian(), samples=2, generations=2000), {"at": [1, 2000]}),
    "gaussian, scaled": (loop(mc.Gaussian(), mc.Accumulate(), mc.Normal(1.0, 4.0)), {}),
    "gaussian, mixture": (loop(mc.Gaussian(), mc.KeepReal(), MIXTURE), {}),
    "gaussian, rows": (loop(mc.Gaussian(2), mc.AccumulateSubsample(), DATA), {}),
    "gaussian, space": (loop(mc.Gaussian(3)), {"extra": SPACE}),
    "gaussian, few rows": (loop(mc.Gaussian(3), samples=2), {"extra": SPACE}),
    "gaussian, plane": (loop(mc.Gaussian(2), truth=[[0, 0], [1, 1], [2, 2]]), {}),
    "kde": (loop(mc.KDE(0.5)), {"extra": ["mise", "draw"], "test": 3}),
    "kde, rows": (loop(mc.KDE("scott", dim=2), mc.SlidingWindow(2), DATA), {"test": DATA.values}),
    "kde, mixture": (loop(mc.KDE(0.3, "epanechnikov"), mc.Accumulate(), MIXTURE), {}),
    "normal-mean": (loop(mc.NormalMean()), {}),
    "poisson": (loop(mc.Poisson(), mc.AccumulateSubsample(), 2.0), {}),
    "binomial": (loop(mc.Binomial(3), mc.FreshData(2, 3)), {}),
    "gamma": (loop(mc.Gamma(2.0), mc.Accumulate()), {}),
    "negative-binomial": (loop(mc.NegativeBinomial(2.0)), {}),
    "hyperbolic-secant": (loop(mc.HyperbolicSecant()), {}),
    "discrete": (loop(mc.Discrete(3), truth=[0.5, 0.3, 0.2]), {"extra": ["probabilities"]}),
    "markov": (loop(mc.Markov(3, 2)), {}),
    "regression": (loop(mc.LinearRegression(2)), {}),
    "regression, fresh": (loop(mc.LinearRegression(2, design="fresh"), mc.Accumulate()), {}),
    "labels": (loop(mc.LabelVerifier(cells=3)), {}),
    "region": (loop(mc.RegionVerifier(0.5)), {}),
}
EVERY = pytest.mark.parametrize("name", LOOPS)
ONE = LOOPS["gaussian"][0]


def again(value):
    """Return what another process would get."""
    return pickle.loads(pickle.dumps(value))  # noqa: S301


def bits(values):
    """Return named arrays as bytes, with their shapes."""
    return {name: (np.shape(values[name]), np.asarray(values[name]).tobytes()) for name in values}


@EVERY
def test_predictions_travel(name):
    """Small, by their experiment: each number, note and reason is there again."""
    prediction = mc.predict(LOOPS[name][0])
    data = pickle.dumps(prediction)
    there = pickle.loads(data)  # noqa: S301

    rows = getattr(prediction.experiment.truth, "values", np.empty(0))
    assert len(data) < 3_000 + rows.nbytes
    for part in ("expected", "variances", "limits", "exponents"):
        assert bits(getattr(there, part)) == bits(getattr(prediction, part)), part
    for part in ("reasons", "notes", "bounds", "invents"):
        assert getattr(there, part) == getattr(prediction, part), part
    assert dict(there.fates) == dict(prediction.fates)
    assert dict(there.typical) == dict(prediction.typical)
    assert there.experiment == prediction.experiment


@EVERY
def test_parts_of_predictions_travel(name):
    """Each mapping by itself, and each law."""
    prediction = mc.predict(LOOPS[name][0])

    for part in ("expected", "variances", "limits"):
        own = getattr(prediction, part)
        assert bits(again(own)) == bits(own)
        assert again(own).reasons == own.reasons
    assert dict(again(prediction.fates)) == dict(prediction.fates)
    for quantity, laws in prediction.laws.items():
        there = again(prediction.laws)[quantity]
        for law, other, alone in zip(laws, there, again(laws), strict=True):
            told = law.mean, law.variance
            for one in (other, alone, again(law), copy.deepcopy(law)):
                assert (one.mean, one.variance) == told


@EVERY
def test_trajectories_travel(name):
    """By what was recorded: nothing is computed on the way, and all of it is the same bits."""
    experiment, options = LOOPS[name]
    runs = mc.simulate(experiment, 7, **options)
    there = [again(runs), copy.copy(runs), copy.deepcopy(runs)]

    assert not any(one.values._values for one in (runs, *there))
    digest = joblib.hash(runs)
    own = bits(runs)
    assert joblib.hash(runs) == digest
    for one in there:
        assert bits(one) == own
        assert one.generations.tolist() == runs.generations.tolist()
        assert (one.replicates, one.experiment) == (7, experiment)


@EVERY
def test_experiments_are_the_same_bytes_whatever_was_looked_at(name):
    """So that a cache knows them again; and equal ones are hashed alike."""
    experiment = copy.copy(LOOPS[name][0])
    data, digest = pickle.dumps(experiment), joblib.hash(experiment)
    _ = experiment.identity, experiment.schedule.kind, dict(mc.predict(experiment).expected)

    assert pickle.dumps(experiment) == data
    assert joblib.hash(experiment) == digest == joblib.hash(again(experiment))
    assert again(experiment) == experiment
    assert again(experiment).identity == experiment.identity


def test_pickling_keeps_no_more_than_what_was_recorded():
    """One quantity more is not one array more, looked at or not."""
    runs = mc.simulate(ONE, 2_000)
    recorded = 3 * runs.replicates * len(runs.generations) * 8  # mean, variance and its exponent

    _ = bits(runs)
    assert recorded < len(pickle.dumps(runs)) < recorded + 3_000


def test_a_mapping_made_by_hand_travels_with_its_reasons():
    """Of another package's family, by its routes."""
    own = Lazy({"a": partial(operator.add, 1, 2)}, {"b": "unknown"})

    assert (again(own)["a"], again(own).reasons) == (3, {"b": "unknown"})
    with pytest.raises(mc.NoClosedForm, match="unknown"):
        again(own)["b"]


def test_theorems_travel_by_their_slugs():
    """The ledger's are the same objects again; one's own are copied, also of a ledger's slug."""
    theorems = mc.theorems()
    design = Design(partial(mc.Experiment, mc.Gaussian(), mc.Replace(), 10, 3), 20_000)
    near = {"no collapse": mc.values.constant(1.0)}
    own = replace(theorems[0], claim=mean_claim(design, "variance", 3, near))

    assert all(map(operator.is_, again(theorems), theorems))
    assert len(pickle.dumps(theorems[0])) < 200
    assert mc.verify(again(own)) == mc.verify(own)
    assert mc.verify(again(replace(own, slug="mine/variance"))).slug == "mine/variance"
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(replace(own, claim=replace(own.claim, value=lambda _: 1.0)))


def means(experiment):
    """Return everything, as a task of another process would."""
    return mc.predict(experiment), mc.simulate(experiment, 5), mc.theorems("gaussian/*")[:1]


def check(results):
    """Compare results from elsewhere with those from here."""
    for experiment, (prediction, runs, theorems) in results:
        assert bits(prediction) == bits(mc.predict(experiment))
        assert bits(runs) == bits(mc.simulate(experiment, 5))
        assert theorems == mc.theorems("gaussian/*")[:1]


def test_results_come_from_a_process_pool():
    """Of the standard library."""
    from multiprocessing import get_context

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        check([(ONE, pool.submit(means, ONE).result())])


def test_results_come_from_joblib():
    """From loky's processes."""
    tasks = [joblib.delayed(means)(ONE), joblib.delayed(means)(LOOPS["kde, mixture"][0])]
    found = joblib.Parallel(2)(tasks)

    check(zip([ONE, LOOPS["kde, mixture"][0]], found, strict=True))


@pytest.mark.filterwarnings("ignore:.*:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_results_come_from_dask():
    """From a worker process, where one task's result is another one's argument."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 1, "threads_per_worker": 1, "processes": True}
    with (
        distributed.LocalCluster(**options, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        prediction = client.submit(mc.predict, ONE)
        doubled = client.submit(lambda p: 2 * p["variance"], prediction)
        found = client.submit(mc.diagnose, client.submit(mc.simulate, ONE, 5))

        assert doubled.result().tolist() == (2 * mc.predict(ONE)["variance"]).tolist()
        assert bits(prediction.result()) == bits(mc.predict(ONE))
        assert found.result().as_dict() == mc.diagnose(mc.simulate(ONE, 5)).as_dict()


def test_a_cache_knows_an_experiment_again(tmp_path):
    """joblib.Memory computes once, whatever has been looked at, and gives the same numbers."""
    calls = []

    def simulated(experiment):
        calls.append(experiment)
        return mc.simulate(experiment, 5)

    cached = joblib.Memory(tmp_path, verbose=0).cache(simulated)
    first, experiment = cached(ONE), loop(mc.Gaussian())
    _ = experiment.identity, experiment.schedule.kind
    second = cached(experiment)

    assert len(calls) == 1
    assert bits(second) == bits(first)
    cached(replace(ONE, samples=7))
    assert len(calls) == 2


@EVERY
def test_predictions_become_json_and_come_back(name):
    """The text of the data predicts the same; what the data only name has to be given."""
    experiment = LOOPS[name][0]
    told = mc.predict(experiment).to_dict()
    text = json.dumps(told, allow_nan=False)
    given = {"truth": experiment.truth} if isinstance(experiment.truth, mc.Rows) else {}

    there = mc.Prediction.from_dict(json.loads(text), **given)
    assert there.experiment == experiment
    assert there.to_dict() == told == json.loads(text)
    if given:
        with pytest.raises(mc.InvalidInput, match="truth cannot be built"):
            mc.Prediction.from_dict(told)


def test_the_command_prints_the_same_object(capsys):
    """`modelcollapse predict --json` and to_dict are one."""
    options = ["--samples", "6", "--generations", "4", "--workflow", "accumulate"]
    assert main(["predict", "gaussian", *options, "--json"]) == 0

    told = mc.predict(loop(mc.Gaussian(), mc.Accumulate())).to_dict()
    assert json.loads(capsys.readouterr().out) == told


def test_other_data_are_refused():
    """With what to give."""
    told = mc.predict(ONE).to_dict()
    for wrong in (3, {}, {"expected": {}}):
        with pytest.raises(mc.InvalidInput, match=r"data = .*to_dict\(\)"):
            mc.Prediction.from_dict(wrong)
    with pytest.raises(mc.InvalidInput, match="the keys are"):
        mc.Prediction.from_dict({"experiment": {**told["experiment"], "colour": 1}})
    with pytest.raises(mc.InvalidInput, match="workflow is another one"):
        mc.Prediction.from_dict(told, workflow=mc.Accumulate())
