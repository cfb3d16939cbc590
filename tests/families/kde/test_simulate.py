"""The kernel density simulator's promises: same seed, same bits; what it records and refuses."""

import hashlib
import subprocess
import sys

import joblib
import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.loop.blocks import BLOCK
from tests.families.kde.test_estimator import laplace_like
from tests.helpers.replay import Bootstrap, Halving
from tests.helpers.toys import stream_keys

DATA = np.random.default_rng(0).exponential(size=(20, 2))
MIX = mc.NormalMixture([1, 2], [-2.0, 1.0], [0.25, 1.0])
SLANTED = mc.NormalMixture([1, 1], [[0.0, 0.0], [3.0, 1.0]], [np.eye(2), [[2.0, 0.5], [0.5, 1.0]]])


def loop(model, workflow, generations=5, **options):
    """Return an experiment of batches of five rows."""
    return mc.Experiment(model, workflow, 5, generations, **options)


EXPERIMENTS = {
    "replace": loop(mc.KDE(0.5), mc.Replace(), truth=MIX),
    "accumulate": loop(mc.KDE("scott", dim=2), mc.Accumulate(), truth=SLANTED),
    "subsample": loop(mc.KDE(mc.PowerBandwidth(0.5, 0.2)), mc.AccumulateSubsample()),
    "budget": loop(mc.KDE(0.5, dim=2), mc.AccumulateSubsample(7), truth=SLANTED),
    "window": loop(mc.KDE(0.0, scoring_bandwidth=0.3), mc.SlidingWindow(2), truth=MIX),
    "keep-real": loop(mc.KDE("silverman"), mc.KeepReal()),
    "share": loop(mc.KDE(0.5, dim=2), mc.KeepReal(0.3), truth=SLANTED),
    "halving": loop(mc.KDE(0.5), Halving()),
    "bootstrap": loop(mc.KDE(0.5), Bootstrap(), 4),
    "flat": loop(mc.KDE(0.5, "tophat", 2), mc.Replace(), truth=DATA),
    "round": loop(mc.KDE(0.5, "epanechnikov"), mc.AccumulateSubsample()),
    "by-hand": loop(mc.KDE(0.5, laplace_like()), mc.KeepReal(0.3)),
    "scaled": loop(mc.KDE("scipy-scott", dim=2), mc.KeepReal(0.3), truth=DATA),
    "scaled-score": loop(mc.KDE(0.4, scoring_bandwidth="scipy-silverman"), mc.Accumulate()),
}
NAMES = pytest.mark.parametrize("name", EXPERIMENTS)
SLOW = ("bootstrap", "flat", "round", "by-hand", "scaled", "scaled-score")
COUNT = BLOCK + 30


def count_of(name):
    """Return replicates in two blocks; few where Python code scores or selects."""
    return 40 if name in SLOW else COUNT


def options_of(name):
    """Return all that can be recorded on request."""
    e = EXPERIMENTS[name]
    normal = e.model.kernel.name == "gaussian" and not isinstance(e.truth, mc.Rows)
    return {"test": 3, "extra": ["mise"] if normal else []}


def same(one, other, rows=slice(None), columns=slice(None)):
    """Return whether two results hold the same quantities and bits."""
    return set(one.values) == set(other.values) and all(
        one[q].tobytes() == np.ascontiguousarray(other[q][rows][:, columns]).tobytes()
        for q in one.values
    )


def digest(seed):
    """Return a hash of all experiments' numbers."""
    bits = hashlib.sha256()
    for name, e in EXPERIMENTS.items():
        result = mc.simulate(e, min(30, count_of(name)), seed, **options_of(name))
        for quantity in sorted(result.values):
            bits.update(result[quantity].tobytes())
    return bits.hexdigest()


@NAMES
def test_recording_changes_no_number(name):
    """Any `at`, extra, test and blocks of the same seed are parts of the same whole."""
    e, options = EXPERIMENTS[name], options_of(name)
    whole = mc.simulate(e, count_of(name), 3, **options)

    assert same(mc.simulate(e, count_of(name), 3, **options), whole)
    # Losses of fits that are scored alone, or as part of a growing pool, are of equal value.
    assert same(mc.simulate(e, count_of(name), 3, [2, 4], **options), whole, columns=[1, 3])
    few = 40 if name in SLOW else BLOCK
    part = mc.simulate(e, few, 3, **options)
    assert part.replicates == few
    assert same(part, whole, rows=slice(few))
    for less in ({}, {"test": 3}, {"test": np.zeros((2, e.model.dim))}, {"extra": ["draw"]}):
        result = mc.simulate(e, few, 3, **less)
        for quantity in set(result.values) - {"test_log_loss", "draw"}:
            assert np.array_equal(result[quantity], part[quantity])
    assert set(whole.values) == {
        *("second_moment", "central_variance", "test_log_loss"),
        *options["extra"],
    }


@NAMES
def test_drawn_rows_are_the_same_whatever_is_recorded(name):
    """One row of each fit, for any `at`, jobs and other quantities."""
    e, count = EXPERIMENTS[name], min(60, count_of(name))
    whole = mc.simulate(e, count, 3, extra=["draw"])["draw"]
    assert len(np.unique(whole[..., 0])) == count * e.generations or name == "window"

    with joblib.parallel_config("threading"):
        again = mc.simulate(e, count, 3, jobs=2, **{**options_of(name), "extra": ["draw"]})
    assert np.array_equal(again["draw"], whole)
    part = mc.simulate(e, count, 3, [2, 4], extra=["draw"])["draw"]
    assert np.array_equal(part, whole[:, [1, 3]])


@NAMES
def test_seeds_differ(name):
    """Another seed, and another block, give other numbers."""
    runs = (mc.simulate(EXPERIMENTS[name], count_of(name), seed) for seed in (3, 4))
    both = np.concatenate([run["second_moment"][:, -1] for run in runs])

    if name != "window":  # without noise, and few rows, numbers may come again
        assert len(np.unique(both)) == both.size


@pytest.mark.parametrize("name", ["replace", "subsample", "share", "flat"])
def test_jobs_change_no_bits(name):
    """Two threads give the bits of one job."""
    e, count = EXPERIMENTS[name], COUNT
    whole = mc.simulate(e, count, 5)
    with joblib.parallel_config("threading"):
        assert same(mc.simulate(e, count, 5, jobs=2), whole)
    assert e.model.kernel.built_in


def test_processes_change_no_bits():
    """Spawned processes give the bits of one job, for each built-in kernel."""
    for name in ("share", "flat"):
        told, e = [], EXPERIMENTS[name]
        result = mc.simulate(e, COUNT, 5, jobs=2, progress=told.append, test=2)
        assert same(result, mc.simulate(e, COUNT, 5, test=2))
        assert sum(told) == COUNT


def test_another_process_gives_the_same_bits():
    """A fresh interpreter computes the same hash of every kind of experiment."""
    command = "from tests.families.kde.test_simulate import digest; print(digest(11))"
    run = subprocess.run([sys.executable, "-c", command], capture_output=True, check=True)

    assert run.stdout.decode().strip() == digest(11) != digest(12)


@NAMES
def test_shapes_and_progress(name):
    """Replicates by recorded generations; drawn rows have one more axis."""
    e, told = EXPERIMENTS[name], []
    options = options_of(name)
    options["extra"] = [*options["extra"], "draw"]
    assert set(options["extra"]) <= set(mc.KDE.extra)
    result = mc.simulate(e, 7, 1, [1, 3, 4], progress=told.append, **options)

    assert (result.generations.tolist(), sum(told)) == ([1, 3, 4], 7)
    for quantity in result.values:
        shape = (7, 3, e.model.dim) if quantity == "draw" else (7, 3)
        assert result[quantity].shape == shape
        infinite = quantity == "test_log_loss" and name in ("flat", "round")
        assert infinite or np.isfinite(result[quantity]).all()
    # Rounding of both.
    assert (result["central_variance"] <= result["second_moment"] * (1 + 1e-12)).all()
    assert (result["central_variance"] >= 0).all()


def test_tests_may_be_rows_a_data_set_or_a_number():
    """Rows and a data set are the same; a number draws fresh rows for each replicate."""
    e = EXPERIMENTS["replace"]
    points = np.array([[0.5], [-1.0], [2.0]])
    losses = [mc.simulate(e, 9, 1, test=t)["test_log_loss"] for t in (points, mc.Rows(points))]
    assert np.array_equal(*losses)
    assert np.array_equal(losses[0], mc.simulate(e, 9, 1, test=[0.5, -1, 2])["test_log_loss"])
    fresh = mc.simulate(e, 9, 1, test=np.int64(3))["test_log_loss"]
    assert len(np.unique(fresh[:, 0])) == 9
    # One fresh row each, of the truth: generation 1's losses would be equal for equal rows.
    assert "test_log_loss" not in mc.simulate(e, 9, 1).values


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("share", {"test": np.zeros((3, 1))}, "test has 1 column and the model has dim = 2"),
        ("share", {"test": [[np.nan, 0.0]]}, "test[0, 0] = nan"),
        ("share", {"test": np.zeros((0, 2))}, "give at least 1 row"),
        ("share", {"test": 0}, "test = 0 is not valid"),
        ("share", {"test": True}, "test = True"),
        ("share", {"test": 2.5}, "test = 2.5"),
        ("share", {"test": "wine"}, "test = 'wine'"),
        ("share", {"test": 3, "tolerance": -1.0}, "tolerance = -1.0"),
        ("share", {"test": 3, "tolerance": np.nan}, "tolerance = nan"),
        ("share", {"test": 3, "tolerance": 2.0}, "tolerance = 2.0"),
        ("share", {"test": 3, "tolerance": "fine"}, "tolerance = 'fine'"),
        ("share", {"test": 3, "tolerance": None}, "tolerance = None"),
        ("share", {"extra": ["draws"]}, "unknown extra quantity 'draws'; did you mean draw?"),
        ("flat", {"extra": ["mise"]}, "needs the Gaussian kernel and a truth with a density"),
        ("scaled", {"extra": ["mise"]}, "needs the Gaussian kernel and a truth with a density"),
        ("share", {"replicates": 0}, "replicates = 0"),
        ("share", {"at": [6]}, "give increasing generations between 1 and 5"),
    ],
)
def test_wrong_input(name, options, message):
    """Wrong input names the argument, its value and what is allowed."""
    with pytest.raises(mc.InvalidInput) as caught:
        mc.simulate(EXPERIMENTS[name], **{"replicates": 3, **options})

    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["replace", "accumulate", "subsample", "bootstrap"])
def test_every_stream_of_a_simulation_is_its_own(name, monkeypatch):
    """Of two blocks: their loops, their test sets, and the rows drawn for fits apart."""
    keys = stream_keys(monkeypatch)
    options = {} if name == "bootstrap" else {"test": 2, "extra": ["draw"]}
    mc.simulate(EXPERIMENTS[name], BLOCK + 1, 3, at=[1, 3], **options)
    own = [key for key in keys if key[0] == 3]
    assert len(own) >= 2
    assert len(set(own)) == len(own)


def test_a_bandwidth_of_zero_is_not_scored():
    """Neither losses nor errors, at the generations that are recorded."""
    e = mc.Experiment(mc.KDE([0.5, 0.0, 0.3]), mc.Replace(), 5, 3)
    for options in ({"test": 2}, {"extra": ["mise"]}):
        with pytest.raises(mc.InvalidInput, match="bandwidth = 0 at generation 2"):
            mc.simulate(e, 3, **options)
        assert np.isfinite(mc.simulate(e, 3, at=[1, 3], **options)["second_moment"]).all()
    assert mc.simulate(e, 3, extra=["draw"])["draw"].shape == (3, 3, 1)


def test_rules_need_the_number_of_rows():
    """A workflow that says only which rows, not how many: numbers and schedules alone."""
    for model in (mc.KDE("scott"), mc.KDE(0.5, scoring_bandwidth="silverman")):
        with pytest.raises(mc.InvalidInput, match="needs the number of training rows beforehand"):
            mc.simulate(loop(model, Bootstrap()), 3, test=2)


def test_the_gaussian_room_has_no_test_sets():
    """Its losses are exact: a test set is refused, not ignored."""
    with pytest.raises(mc.InvalidInput, match="test"):
        mc.simulate(mc.Experiment(mc.Gaussian(), mc.Replace(), 5, 3), 3, test=4)
