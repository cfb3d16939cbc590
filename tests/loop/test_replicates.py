"""`run` many times: seeds, shapes, processes, resuming, and what a replicate shares with `run`."""

import json
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

import modelcollapse as mc
from modelcollapse.loop.replicates import seed_of
from modelcollapse.testing import assert_law, assert_mean
from tests.helpers.toys import WORKFLOWS

ROWS = np.random.default_rng(4).normal(size=(30, 2))


def spread(rows):
    """Return a number of a sample."""
    return float(np.abs(rows).sum())


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=repr)
def test_a_replicate_is_a_run_with_its_own_seed(workflow):
    """Bit for bit; other replicates are others, and more of them change none."""
    runs = mc.run(mc.Gaussian(), ROWS, workflow, 12, 4, seed=7, replicates=3)

    assert runs.shape == runs["variance"].shape == (3, 4)
    assert len(set(runs.seeds)) == 3
    for r, one in enumerate(runs):
        alone = mc.run(mc.Gaussian(), ROWS, workflow, 12, 4, seed=runs.seeds[r])
        for name in runs.keys():  # noqa: SIM118 - it is no dictionary
            assert np.array_equal(runs[name][r], alone[name])
            assert np.array_equal(one[name], alone[name])
    assert len(np.unique(runs["variance"][:, 0])) == 3
    more = mc.run(mc.Gaussian(), ROWS, workflow, 12, 4, seed=7, replicates=5)
    assert more.seeds[:3] == runs.seeds
    assert np.array_equal(more["variance"][:3], runs["variance"])


def test_one_replicate_is_runs_too():
    """A number returns Runs, None a Run; neither is the other's seed."""
    one = mc.run(mc.Gaussian(), ROWS, mc.Replace(), 9, 3, replicates=1)
    plain = mc.run(mc.Gaussian(), ROWS, mc.Replace(), 9, 3)

    assert isinstance(one, mc.Runs)
    assert isinstance(plain, mc.Run)
    assert one["variance"].shape == (1, 3)
    assert len(one) == 1
    assert one.completed
    assert one.outcomes == ["completed"]
    assert not np.array_equal(one["variance"][0], plain["variance"])


@pytest.mark.parametrize("jobs", [2, -1])
def test_processes_change_no_bit(jobs):
    """Nor does a backend of threads, with metrics that are no functions of a module."""
    given = {"metrics": {"own": lambda sample, rng: sample.sum() + rng.random()}, "test": ROWS}
    call = (mc.KDE(0.3), ROWS, mc.AccumulateSubsample(7), 12, 3)
    here = mc.run(*call, seed=3, replicates=4, **given)
    there = mc.run(*call, seed=3, replicates=4, jobs=jobs, **given)
    with joblib.parallel_config("threading"):
        threads = mc.run(*call, seed=3, replicates=4, jobs=2, **given)

    for name in ("second_moment", "test_log_loss", "own"):
        assert np.array_equal(here[name], there[name])
        assert np.array_equal(here[name], threads[name])
    assert np.array_equal(pickle.loads(pickle.dumps(there))["own"], here["own"])  # noqa: S301


@pytest.mark.filterwarnings("ignore:.*:ResourceWarning")  # what Dask leaves open
def test_a_dask_cluster_changes_no_bit():
    """Through joblib's own backend, as the page says."""
    distributed = pytest.importorskip("distributed")
    call = (mc.Gaussian(), ROWS, mc.Replace(), 12, 3)
    here = mc.run(*call, replicates=3)["variance"]
    with (
        distributed.Client(processes=False, n_workers=1, dashboard_address=None),
        joblib.parallel_config("dask"),
    ):
        there = mc.run(*call, replicates=3, jobs=2)["variance"]
    assert np.array_equal(here, there)


def test_progress_counts_all_generations():
    """Here one by one, from processes a replicate at a time."""
    for jobs in (1, 2):
        heard = []
        mc.run(
            mc.Gaussian(), ROWS, mc.Replace(), 9, 4, replicates=3, jobs=jobs, progress=heard.append
        )
        assert sum(heard) == 12


def test_a_folder_resumes(tmp_path, monkeypatch):
    """With what is there, also after more replicates and more generations; other files stay."""
    folder = tmp_path / "runs"
    call = (mc.Gaussian(), ROWS, mc.Accumulate(), 9)
    whole = mc.run(*call, 6, seed=2, replicates=4)
    mc.run(*call, 3, seed=2, replicates=2, checkpoint=folder)
    (folder / "notes.txt").write_text("mine")
    again = mc.run(*call, 6, seed=2, replicates=4, jobs=2, checkpoint=folder)

    assert np.array_equal(whole["variance"], again["variance"])
    assert sorted(p.name for p in folder.iterdir()) == [
        "notes.txt",
        *(f"replicate-{r}.npz" for r in (1, 2, 3, 4)),
    ]
    monkeypatch.setattr("modelcollapse.loop.estimators.sample", None)  # nothing is sampled again
    heard = []
    mc.run(*call, 6, seed=2, replicates=4, checkpoint=folder, progress=heard.append)
    assert heard == [6] * 4
    with pytest.raises(mc.InvalidInput, match="belongs to another run: seed is"):
        mc.run(*call, 6, seed=3, replicates=4, checkpoint=folder)
    with pytest.raises(mc.InvalidInput, match="give a folder"):
        mc.run(*call, 6, seed=2, replicates=4, checkpoint=folder / "notes.txt")
    with pytest.raises(mc.InvalidInput, match="give a folder"):
        mc.run(*call, 6, seed=2, replicates=4, checkpoint=tmp_path / "no" / "such")


class Failing:
    """A Gaussian that fails in generation 3 where chance has it."""

    def fit(self, X, generation=1):
        """Fit, or fail."""
        if generation == 3 and X[0, 0] > 0:
            raise ValueError("it fails")
        self.model = mc.Gaussian().fit(X)
        return self

    def sample(self, n, random_state):
        """Sample."""
        return self.model.sample(n, random_state)


def test_a_failing_replicate_ends_alone():
    """What it did not reach is NaN; its outcome says why."""
    runs = mc.run(Failing(), ROWS, mc.Replace(), 9, 4, seed=1, replicates=12)
    failed = np.array(["it fails" in outcome for outcome in runs.outcomes])

    assert 0 < failed.sum() < 12
    assert np.isnan(runs["central_variance"][failed, 2:]).all()
    assert np.isfinite(runs["central_variance"][failed, :2]).all()
    assert np.isfinite(runs["central_variance"][~failed]).all()
    assert not runs.completed
    with pytest.raises(mc.InvalidInput, match="variance was not measured: Failing has no"):
        runs["variance"]
    with pytest.raises(mc.InvalidInput, match="unknown metric 'central_varianc'; did you mean"):
        runs["central_varianc"]


@pytest.mark.parametrize("at", [1, 2, 5])
def test_an_interruption_keeps_what_was_finished(at):
    """Ctrl-C in any replicate: those before it are whole, and no other is begun."""
    asked = []

    def interrupting(rows):
        asked.append(rows)
        if len(asked) == at * 3 - 1:
            raise KeyboardInterrupt
        return 0.0

    runs = mc.run(
        mc.Gaussian(),
        ROWS,
        mc.Replace(),
        9,
        3,
        replicates=9,
        metrics={"own": interrupting},
    )

    assert len(runs) == at
    assert runs.asked == 9
    assert runs.outcomes == ["completed"] * (at - 1) + ["interrupted at generation 2"]
    assert not runs.completed
    assert np.isnan(runs["variance"][-1]).tolist() == [False, True, True]


def test_seeds_are_independent(seed):
    """The first number of each replicate is uniform, and two neighbours' are unrelated."""
    first = np.array([np.random.default_rng(seed_of(seed, r)).random() for r in range(4000)])

    assert_law(first, lambda x: np.clip(x, 0, 1))
    # The product of two independent uniform numbers less 1/2 has mean 0 and variance 1/144.
    assert_mean((first[::2] - 0.5) * (first[1::2] - 0.5), 0.0, 1 / 144)
    assert len({seed_of(seed, r) for r in range(4000)} | {seed_of(seed + 1, 0)}) == 4001


class Unseeded:
    """A Gaussian with a stream of its own."""

    def fit(self, X):
        """Fit."""
        self.model, self.rng = mc.Gaussian().fit(X), np.random.default_rng()
        return self

    def sample(self, n):
        """Sample."""
        return self.model.sample(n, self.rng)


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_cannot_be_seeded_is_said(jobs):
    """By a warning here, though processes do the work."""
    with pytest.warns(UserWarning, match="Unseeded takes no random_state") as caught:
        runs = mc.run(Unseeded(), ROWS, mc.Replace(), 9, 2, replicates=2, jobs=jobs)
    assert not runs.reproducible
    assert jobs == 1 or len(caught) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"replicates": 0}, "replicates = 0"),
        ({"replicates": 2.5}, "replicates = 2.5"),
        ({"jobs": 2}, "jobs = 2 is not valid: they share out replicates"),
        ({"replicates": 2, "jobs": 0}, "jobs = 0"),
        ({"replicates": 2, "checkpoint": 3}, "checkpoint = 3"),
        ({"replicates": 10**12}, "the rows of"),
        ({"resample_weights": 1}, "resample_weights = 1"),
    ],
)
def test_wrong_input(options, message):
    """Each names itself."""
    with pytest.raises(mc.InvalidInput, match=message):
        mc.run(mc.Gaussian(), ROWS, mc.Replace(), 9, 2, **options)


class Unweighted:
    """The mean of one column, without weights; it samples N(mean, 1)."""

    def fit(self, X):
        """Fit."""
        self.rows = X
        self.mean_ = X.mean(axis=0)
        return self

    def sample(self, n, random_state):
        """Sample."""
        rng = np.random.default_rng(random_state)
        return self.mean_ + rng.standard_normal((n, 1))


WEIGHTED = (mc.KeepReal(0.3), mc.FreshData(6, 4, 0.7), mc.Weighted([[1], [0.2, 0.8]]))


@pytest.mark.parametrize("workflow", WEIGHTED, ids=repr)
def test_weights_by_drawing_again(workflow, seed):
    """On request, and said: as many rows, each drawn with its weight, by a stream of its own."""
    call = (Unweighted(), mc.Normal.standard(1), workflow, 10, 2)
    with pytest.raises(mc.InvalidInput, match=r"resample_weights=True"):
        mc.run(*call)
    runs = mc.run(*call, seed=seed, resample_weights=True, replicates=400)
    assert all(one.resampled for one in runs)

    # Generation 2's rows are those of the batches; the share from the first part is its weight.
    shares, counts = [], []
    for one in runs:
        rows, pool = one.model.rows, np.concatenate(one.batches)
        assert np.isin(rows, pool).all()
        first = one.batches[1][:6] if isinstance(workflow, mc.FreshData) else one.batches[0]
        shares.append(np.isin(rows, first).mean())
        counts.append(len(rows))
    weight = {0: 0.3, 1: 0.7, 2: 0.2}[WEIGHTED.index(workflow)]
    assert len(set(counts)) == 1
    assert_mean(np.array(shares), weight, weight * (1 - weight) / counts[0])


def test_what_takes_weights_gets_them():
    """The request changes nothing for it, nor where nothing is weighted."""
    here = mc.run(mc.Gaussian(), ROWS, mc.KeepReal(0.3), 9, 4)
    there = mc.run(mc.Gaussian(), ROWS, mc.KeepReal(0.3), 9, 4, resample_weights=True)
    assert np.array_equal(here["variance"], there["variance"])
    assert not there.resampled
    mixture = [
        mc.run(
            GaussianMixture(1, reg_covar=0.0), ROWS, mc.Accumulate(), 9, 3, resample_weights=asked
        )
        for asked in (False, True)
    ]
    assert np.array_equal(mixture[0]["central_variance"], mixture[1]["central_variance"])


@pytest.fixture(scope="module")
def runs():
    """Return twelve replicates of which some failed."""
    return mc.run(Failing(), ROWS, mc.Replace(), 9, 4, seed=1, replicates=12)


class TestShown:
    """Replicates as a table, a picture and a few words; those that ended early too."""

    @pytest.mark.parametrize("library", ["polars", "pandas", "pyarrow"])
    def test_as_a_table(self, runs, library):
        """One row per replicate and finished generation."""
        frame = runs.to_frame(library)
        columns = {
            name: np.asarray(frame[name])
            for name in ("replicate", "generation", "central_variance")
        }
        expected = [
            (r, t, one["central_variance"][t - 1])
            for r, one in enumerate(runs)
            for t in one.generations
        ]
        assert list(zip(*columns.values(), strict=True)) == expected
        long = runs.to_frame(library, long=True)
        assert len(long) == len(expected) * len(runs.keys())

    def test_as_a_picture(self, runs):
        """Bands and means are of those that reached a generation."""
        figure = pytest.importorskip("matplotlib.figure").Figure()
        axis = runs.plot("central_variance", figure.subplots())
        dots = axis.lines[1].get_ydata()
        reached = [
            [one["central_variance"][t] for one in runs if len(one.generations) > t]
            for t in range(4)
        ]
        assert dots == pytest.approx([np.mean(values) for values in reached])
        assert min(map(len, reached)) < 12
        with pytest.raises(mc.InvalidInput, match="unknown metric 'nothing'"):
            runs.plot("nothing", figure.subplots())

    def test_in_words(self, runs):
        """How many, how many whole, which metrics; the failures as notes."""
        done = sum(one.completed for one in runs)
        assert repr(runs) == (
            f"Runs(12 replicates, {done} completed, 4 generations, 1 to 4: second_moment, "
            "central_variance)"
        )
        assert "it fails" in runs._repr_html_()
        assert runs._repr_html_().count("<tr") == 1 + 4

    def test_diagnosed(self):
        """As the list of them is."""
        runs = mc.run(mc.Gaussian(), ROWS, mc.Replace(), 9, 6, replicates=5)
        here, there = (mc.diagnose(given) for given in (runs, list(runs)))
        assert str(here) == str(there)


SCRIPT = """
import sys
import numpy as np
import modelcollapse as mc

class Mine:
    def fit(self, X):
        self.m = X.mean(axis=0)
        return self
    def sample(self, n, random_state):
        return np.random.default_rng(random_state).normal(size=(n, 2)) + self.m

if __name__ == "__main__":
    rows = np.random.default_rng(0).normal(size=(60, 2))
    jobs, T = map(int, sys.argv[1:])
    for _ in range(2):
        runs = mc.run(Mine(), rows, mc.Replace(), 20, T, replicates=2, jobs=jobs, checkpoint="kept")
    print(runs["central_variance"].tolist())
"""


def test_a_class_of_a_script_resumes_in_processes(tmp_path):
    """In one process and from one to the next, with any number of workers before."""
    (tmp_path / "mine.py").write_text(SCRIPT)

    def said(jobs, generations):
        command = [sys.executable, "mine.py", str(jobs), str(generations)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    first, second = said(2, 2), said(1, 3)
    assert [row[:2] for row in second] == first
    assert [row[:3] for row in said(2, 4)] == second


def test_what_is_in_runs():
    """Names of metrics are; a run has keys too, and its arrays are read-only."""
    runs = mc.run(mc.Gaussian(), ROWS, mc.Replace(), 9, 3, replicates=2)
    run = runs.runs[0]
    assert "variance" in runs
    assert "variance" in run
    assert run in runs
    assert "nothing" not in runs
    assert list(run) == run.keys() == runs.keys()
    for array in (run["variance"], run.batches[0]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
    assert "any_risk" in mc.diagnose(runs)
    with pytest.raises(mc.InvalidInput, match="did you mean variance_collapse"):
        mc.diagnose(runs)["variance_colapse"]


def test_a_data_frame_is_diagnosed_as_its_runs():
    """Of both libraries, as the file of it is."""
    runs = mc.run(mc.Gaussian(), ROWS, mc.Replace(), 9, 6, replicates=5)
    here = mc.diagnose(runs)
    for library in ("polars", "pandas", "pyarrow"):
        there = mc.diagnose(runs.to_frame(library))
        assert [f.verdict for f in there] == [f.verdict for f in here]
    with pytest.raises(mc.InvalidInput, match="trajectory has no column 'generation'"):
        mc.diagnose(runs.to_frame().drop("generation"))
