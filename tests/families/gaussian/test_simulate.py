"""The simulator's promises: same seed, same bits; what it records; what it refuses."""

import hashlib
import subprocess
import sys

import joblib
import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.loop.blocks import BLOCK
from tests.helpers.replay import Bootstrap, Halving

TILTED = mc.Normal([1.0, -2.0], [[4.0, 1.0], [1.0, 2.0]])
DATA = np.random.default_rng(0).exponential(size=(20, 2)) @ np.array([[2.0, 1.0], [0.0, 1.0]])
EXPERIMENTS = {
    "replace-line": mc.Experiment(mc.Gaussian(), mc.Replace(), 5, 6),
    "replace-thin": mc.Experiment(mc.Gaussian(4), mc.Replace(), 3, 6),
    "replace-data": mc.Experiment(mc.Gaussian(2), mc.Replace(), 5, 6, truth=DATA),
    "accumulate-line": mc.Experiment(mc.Gaussian(ddof=1), mc.Accumulate(), 5, 6),
    "accumulate-space": mc.Experiment(mc.Gaussian(2), mc.Accumulate(), 5, 6, truth=TILTED),
    "subsample-line": mc.Experiment(mc.Gaussian(), mc.AccumulateSubsample(), 5, 6),
    "subsample-space": mc.Experiment(mc.Gaussian(2), mc.AccumulateSubsample(), 5, 6, truth=DATA),
    "window": mc.Experiment(mc.Gaussian(2), mc.SlidingWindow(2), 5, 6, truth=TILTED),
    "share-data": mc.Experiment(mc.Gaussian(2), mc.KeepReal(0.3), 5, 6, truth=DATA),
    "halving": mc.Experiment(mc.Gaussian(), Halving(), 5, 6),
    "bootstrap": mc.Experiment(mc.Gaussian(), Bootstrap(), 5, 4),
}
NAMES = pytest.mark.parametrize("name", EXPERIMENTS)
COUNT = BLOCK + 100


def count_of(name):
    """Return replicates in two blocks; few for the workflow that runs on rows."""
    return 60 if name == "bootstrap" else COUNT


def extra_of(e):
    """Return the quantities that can be recorded on request."""
    return mc.Gaussian.extra if e.model.dim > 1 else ()


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
        result = mc.simulate(e, min(50, count_of(name)), seed, extra=extra_of(e))
        for quantity in sorted(result.values):
            bits.update(result[quantity].tobytes())
    return bits.hexdigest()


@NAMES
def test_recording_changes_no_number(name):
    """Any `at`, extra quantities and blocks of the same seed are parts of the same whole."""
    e, extra = EXPERIMENTS[name], extra_of(EXPERIMENTS[name])
    whole = mc.simulate(e, count_of(name), 3, extra=extra)

    assert same(mc.simulate(e, count_of(name), 3, extra=extra), whole)
    assert same(mc.simulate(e, count_of(name), 3, [2, 4], extra=extra), whole, columns=[1, 3])
    # A stream belongs to a block of 1,024: whole blocks are the same whatever follows them.
    few = 40 if name == "bootstrap" else BLOCK
    part = mc.simulate(e, few, 3, extra=extra)
    assert part.replicates == few
    assert same(part, whole, rows=slice(few))
    plain = mc.simulate(e, few, 3)
    assert all(np.array_equal(plain[q], part[q]) for q in plain.values)


@NAMES
def test_seeds_differ(name):
    """Another seed, and another block, give other numbers."""
    runs = (mc.simulate(EXPERIMENTS[name], count_of(name), seed) for seed in (3, 4))
    one, other = (run["variance"] for run in runs)

    # A data set's first fits are few; later on no number comes twice.
    both = np.concatenate([one[:, -1], other[:, -1]])
    assert len(np.unique(both)) == both.size


@pytest.mark.parametrize("name", ["replace-line", "subsample-space", "share-data"])
def test_jobs_and_batches_change_no_bits(name, monkeypatch):
    """Two threads, and small calls of compiled code, give the bits of one job."""
    e = EXPERIMENTS[name]
    whole = mc.simulate(e, COUNT, 5)
    with joblib.parallel_config("threading"):
        assert same(mc.simulate(e, COUNT, 5, jobs=2), whole)
    monkeypatch.setattr("modelcollapse.families.gaussian.quantities.BATCH_NANOSECONDS", 1e5)
    if name == "replace-line":
        assert same(mc.simulate(e, COUNT, 5), whole)


def test_processes_change_no_bits():
    """Two spawned processes give the bits of one job, and report all replicates."""
    e, told = EXPERIMENTS["window"], []  # no compiled loop, which threads would call
    result = mc.simulate(e, COUNT, 5, jobs=2, progress=told.append)

    assert same(result, mc.simulate(e, COUNT, 5))
    assert sum(told) == COUNT


def test_another_process_gives_the_same_bits():
    """A fresh interpreter computes the same hash of every kind of experiment."""
    command = "from tests.families.gaussian.test_simulate import digest; print(digest(11))"
    run = subprocess.run([sys.executable, "-c", command], capture_output=True, check=True)

    assert run.stdout.decode().strip() == digest(11) != digest(12)


@NAMES
def test_progress_counts_replicates(name):
    """Progress adds up to the replicates."""
    told = []
    mc.simulate(EXPERIMENTS[name], count_of(name), progress=told.append)

    assert sum(told) == count_of(name)
    assert min(told) > 0


@NAMES
def test_shapes(name):
    """Replicates by recorded generations; log pivots and minors have one more axis."""
    e = EXPERIMENTS[name]
    result = mc.simulate(e, 7, 1, [1, 3, 4], extra=extra_of(e))

    assert result.generations.tolist() == [1, 3, 4]
    for quantity in result.values:
        shape = (7, 3, e.model.dim) if quantity in ("log_pivots", "minors") else (7, 3)
        assert result[quantity].shape == shape
    total = result["variance"] + result["squared_error"]
    assert np.array_equal(result["second_moment"], total)


@pytest.mark.parametrize("workflow", [mc.Replace(), mc.Accumulate(), mc.KeepReal(), Halving()])
def test_thin_fits_are_singular_and_have_a_pseudo_determinant(workflow):
    """With n <= d the determinant is zero, the loss infinite, and n - 1 directions remain."""
    e = mc.Experiment(mc.Gaussian(5), workflow, 4, 3)
    result = mc.simulate(e, 20, 1, extra=mc.Gaussian.extra)

    assert np.isneginf(result["log_determinant"]).all()
    assert np.isposinf(result["test_log_loss"]).all()
    assert np.isfinite(result["pseudo_log_determinant"]).all()
    assert np.isfinite(result["log_pivots"][:, :, :3]).all()
    assert np.isneginf(result["log_pivots"][:, :, 3:]).all()


def test_subsampled_thin_fits_are_singular():
    """A budget of at most d rows: singular at every generation, wherever the rows came from."""
    for sizes, budget in ((9, 4), ([4, 9, 9], None), ([9, 4, 3], None)):
        e = mc.Experiment(mc.Gaussian(4), mc.AccumulateSubsample(budget), sizes, 3)
        result = mc.simulate(e, 200, 1, extra=mc.Gaussian.extra)
        thin = [0, 1, 2] if sizes != [9, 4, 3] else [1, 2]
        assert np.isneginf(result["log_determinant"][:, thin]).all()
        assert np.isposinf(result["test_log_loss"][:, thin]).all()
        assert np.isfinite(result["w2_squared"]).all()


@pytest.mark.parametrize(
    "workflow", [mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample(), mc.KeepReal()]
)
def test_constant_and_dependent_columns_do_not_matter(workflow):
    """Moments are those of the columns that vary; every fit is singular, as is the truth."""
    wide = np.column_stack([DATA, np.full(20, 3.0), DATA.sum(axis=1)])
    e = mc.Experiment(mc.Gaussian(4), workflow, 6, 3, truth=wide)
    result, prediction = mc.simulate(e, 50, 1), mc.predict(e)

    assert np.isneginf(result["log_determinant"]).all()
    assert np.isneginf(prediction["log_determinant"]).all()
    assert "-inf" in prediction.reasons["log_determinant"]
    isometric = mc.Rows(e.truth.scores)
    same_loop = mc.Experiment(mc.Gaussian(2), workflow, 6, 3, truth=isometric)
    # The same numbers up to the rounding of one more rotation of the rows.
    assert prediction["variance"] == pytest.approx(mc.predict(same_loop)["variance"], rel=1e-12)


def test_one_varying_column_of_many():
    """A truth on a line in the plane: moments as in d = 1, the determinant zero."""
    line = np.column_stack([DATA[:, 0], np.zeros(20)])
    e = mc.Experiment(mc.Gaussian(2), mc.Replace(), 6, 3, truth=line)
    alone = mc.Experiment(mc.Gaussian(1), mc.Replace(), 6, 3, truth=DATA[:, 0])
    result = mc.simulate(e, 50, 1)

    expected = mc.simulate(alone, 50, 1)["variance"]
    assert result["variance"] == pytest.approx(expected, rel=1e-12)
    assert np.isneginf(result["log_determinant"]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"replicates": 0}, "replicates = 0 is not valid: give a whole number, at least 1"),
        ({"replicates": 2.5}, "replicates = 2.5"),
        ({"seed": -1}, "seed = -1 is not valid: give a whole number, at least 0"),
        ({"seed": None}, "seed = None"),
        ({"at": [7]}, "give increasing generations between 1 and 6"),
        ({"at": []}, "give increasing generations between 1 and 6"),
        ({"at": [3, 2]}, "give increasing generations"),
        ({"at": [2, 2]}, "give increasing generations"),
        ({"at": [0]}, "at = 0 is not valid"),
        ({"at": [1.5]}, "at = 1.5"),
        ({"extra": ["w2_square"]}, "unknown extra quantity 'w2_square'; did you mean w2_squared?"),
    ],
)
def test_wrong_input(options, message):
    """Wrong input names the argument, its value and what is allowed."""
    with pytest.raises(mc.InvalidInput) as caught:
        mc.simulate(EXPERIMENTS["replace-line"], **{"replicates": 3, **options})

    assert message in str(caught.value)


def test_unknown_quantity():
    """A quantity that was not recorded lists those that were."""
    result = mc.simulate(EXPERIMENTS["window"], 3)

    with pytest.raises(mc.InvalidInput, match="unknown quantity 'varianse'; did you mean variance"):
        result["varianse"]


def test_equal_rows_have_an_infinite_loss():
    """A batch of equal rows of a data set has no variance, and other rows no density."""
    e = mc.Experiment(mc.Gaussian(), mc.Replace(), 3, 8, truth=[[0.0], [1.0]])
    runs = mc.simulate(e, 200, 1)
    gone = runs["variance"] == 0

    assert gone.any()
    assert np.isposinf(runs["test_log_loss"][gone]).all()
    assert np.isfinite(runs["test_log_loss"][~gone]).all()
