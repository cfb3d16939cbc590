"""Checkpoints: a resumed run has the same bits as one that was never stopped."""

import json
import warnings

import numpy as np
import pytest
from sklearn.neighbors import KernelDensity

from modelcollapse import KDE, Accumulate, Gaussian, InvalidInput, Replace, Web, Weighted, run
from tests.helpers.toys import (
    ARGUMENTS,
    FLOORED,
    KEEPING,
    PLANE,
    WORKFLOWS,
    Failing,
    Ladder,
    fail,
    interrupt,
    mixture,
    same,
)


class Stopped(Exception):  # noqa: N818 - not an error
    """The power went off."""


def stopper(at):
    """Return a progress function that stops the run after `at` generations."""
    told = []

    def progress(n):
        told.append(n)
        if sum(told) == at:
            raise Stopped

    return progress


@pytest.mark.parametrize("workflow", WORKFLOWS + KEEPING, ids=repr)
def test_a_resumed_run_has_the_same_bits(tmp_path, workflow):
    """Stopped after each generation in turn, it ends like a run that was never stopped."""
    path = tmp_path / "run.npz"
    whole = run(Gaussian(2), PLANE, workflow, **ARGUMENTS)
    for at in range(1, 7):
        with pytest.raises(Stopped):
            run(Gaussian(2), PLANE, workflow, **ARGUMENTS, checkpoint=path, progress=stopper(at))
    resumed = run(Gaussian(2), PLANE, workflow, **ARGUMENTS, checkpoint=path)

    assert same(resumed, whole)
    assert resumed.model.covariance_.tobytes() == whole.model.covariance_.tobytes()
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]


@FLOORED
@pytest.mark.parametrize(
    "estimator",
    [KernelDensity(), mixture(0)],
    ids=lambda e: type(e).__name__,
)
def test_scikit_learns_estimators_resume(tmp_path, estimator):
    """A run stopped by a metric that fails resumes with the same bits, and fits nothing twice."""
    calls = []

    def own(model, X, truth):
        del model, truth
        calls.append(X)
        if len(calls) == 4:
            raise RuntimeError("no such luck")
        return X[0, 0]

    arguments = {**ARGUMENTS, "metrics": {"own": own}}
    with pytest.raises(InvalidInput, match=r"metrics\['own'\] failed at generation 4 \(RuntimeErr"):
        run(estimator, PLANE, Accumulate(), **arguments, checkpoint=tmp_path / "c")
    resumed = run(estimator, PLANE, Accumulate(), **arguments, checkpoint=tmp_path / "c")

    assert len(calls) == 7
    assert same(resumed, run(estimator, PLANE, Accumulate(), **arguments))


def test_warnings_are_counted_once_over_interruptions(tmp_path):
    """A resumed run fits its last generation again without counting its warnings again."""

    class Noisy(Gaussian):
        """Warns at each fit and each sample."""

        def fit(self, X, y=None, sample_weight=None):
            """Warn."""
            warnings.warn("fit", stacklevel=1)
            return super().fit(X, y, sample_weight)

        def sample(self, n, random_state=None, temperature=1.0):
            """Warn."""
            warnings.warn("sample", stacklevel=1)
            return super().sample(n, random_state, temperature)

    calls = iter(range(100))
    at_4 = {"own": lambda *_: interrupt() if next(calls) == 3 else 0.0}
    arguments = {**ARGUMENTS, "checkpoint": tmp_path / "c", "metrics": at_4}
    with pytest.raises(Stopped):
        run(Noisy(2), PLANE, Replace(), **arguments, progress=stopper(2))
    stopped = run(Noisy(2), PLANE, Replace(), **arguments)
    resumed = run(Noisy(2), PLANE, Replace(), **arguments)
    whole = run(Noisy(2), PLANE, Replace(), **ARGUMENTS, metrics=at_4)

    assert stopped.outcome == "interrupted at generation 4"
    assert whole.warnings == {"UserWarning: fit": 6, "UserWarning: sample": 5}
    assert same(resumed, whole)


@pytest.mark.parametrize("workflow", [Accumulate(), *KEEPING], ids=repr)
def test_a_finished_run_is_prolonged_and_cut(tmp_path, workflow):
    """More generations go on from the file; fewer are read from it and leave it as it is."""
    path = tmp_path / "run.npz"
    four, six = ({**ARGUMENTS, "generations": t, "samples": 5} for t in (4, 6))
    run(Gaussian(2), PLANE, workflow, **four, checkpoint=path)
    told, before = [], path.read_bytes()
    with path.open("rb") as file:  # a reader keeps the whole old file while a new one replaces it
        longer = run(Gaussian(2), PLANE, workflow, **six, checkpoint=path, progress=told.append)
        replaced = file.read()
    content = path.read_bytes()
    shorter = run(Gaussian(2), PLANE, workflow, **four, checkpoint=path)

    assert told == [4, 1, 1]
    assert replaced == before
    assert same(longer, run(Gaussian(2), PLANE, workflow, **six))
    assert same(shorter, run(Gaussian(2), PLANE, workflow, **four))
    assert (
        shorter.model.mean_.tobytes()
        == run(Gaussian(2), PLANE, workflow, **four).model.mean_.tobytes()
    )
    assert path.read_bytes() == content


def test_schedules_are_prolonged(tmp_path):
    """Functions are compared by what they gave, matrices and curves by what they were used for."""
    two, four = [[1], [0.5, 0.5]], [[1], [0.5, 0.5], [0, 0, 1], [0, 0, 0, 1]]
    loops = {
        "function": [
            (KDE(lambda t: 1 / t, dim=2), Replace()),
            (KDE(lambda t: 1 / t, dim=2), Replace()),
        ],
        "curve": [(Gaussian(2), Web([3], [4])), (Gaussian(2), Web([3, 2, 1], lambda _: 4))],
        "matrix": [(Gaussian(2), Weighted(two)), (Gaussian(2), Weighted(four))],
    }
    for name, (first, second) in loops.items():
        path = tmp_path / name
        run(first[0], PLANE, first[1], 5, 2, checkpoint=path)
        told = []
        longer = run(second[0], PLANE, second[1], 5, 4, checkpoint=path, progress=told.append)
        assert told == [2, 1, 1]
        assert same(longer, run(second[0], PLANE, second[1], 5, 4))
    other = KDE(lambda t: 1 / t if t < 4 else 2.0, dim=2)
    with pytest.raises(InvalidInput, match=r"estimator is .* there and "):
        run(other, PLANE, Replace(), 5, 4, checkpoint=tmp_path / "function")


def test_what_cannot_be_identified_resumes_with_itself_alone(tmp_path):
    """The message says what to do about it."""

    class Silent(Ladder):
        """Holds an object of a class that no module has."""

        def __init__(self, f):
            self.f = f

    mine = Silent(type("Local", (), {})())
    for generations in (2, 3):
        run(mine, [0.0, 1.0], Replace(), 3, generations, checkpoint=tmp_path / "c")
    with pytest.raises(InvalidInput, match=r"belongs to another run.*cannot be identified"):
        run(Silent(type("Local", (), {})()), [0.0, 1.0], Replace(), 3, 3, checkpoint=tmp_path / "c")


def test_an_interrupted_run_resumes(tmp_path):
    """After Ctrl-C the file has the outcome, and the same call goes on."""
    path = tmp_path / "run.npz"
    stopped = run(Gaussian(2), PLANE, Replace(), **ARGUMENTS, checkpoint=path, progress=ctrl_c(3))
    with np.load(path, allow_pickle=False) as archive:
        outcome = json.loads(str(archive["header"]))["outcome"]
    resumed = run(Gaussian(2), PLANE, Replace(), **ARGUMENTS, checkpoint=path)

    assert stopped.outcome == outcome == "interrupted at generation 3"
    assert same(resumed, run(Gaussian(2), PLANE, Replace(), **ARGUMENTS))


def ctrl_c(at):
    """Return a progress function that presses Ctrl-C after `at` generations."""
    count = iter(range(1, at))

    def progress(n):
        del n
        if next(count, None) is None:
            raise KeyboardInterrupt

    return progress


def test_a_failed_run_tries_again(tmp_path):
    """A failure ends each call alike if it is the estimator's, and only one if it was chance."""
    path = tmp_path / "run.npz"
    arguments = (PLANE, Replace(), 5, 6)
    failed = run(Failing("sample", 3, fail), *arguments, checkpoint=path)
    again = run(Failing("fit", 2, fail), *arguments, checkpoint=path)
    mended = run(Failing("none", 0, fail), *arguments, checkpoint=tmp_path / "other")

    assert failed.outcome.startswith("sample failed at generation 3")
    assert again.outcome.startswith("fit failed at generation 4")
    assert np.array_equal(failed["second_moment"], mended["second_moment"][:3])
