"""Outcomes of the plain loop: what fails, what warns, what is interrupted, what is wrong."""

import warnings

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from modelcollapse import Gaussian, InvalidInput, KeepReal, Normal, Replace, run
from tests.helpers.toys import FLOORED, PLANE, Failing, Ladder, fail, interrupt


@pytest.mark.parametrize(
    ("stage", "at", "finished", "batches"),
    [("fit", 3, 2, 3), ("score", 3, 2, 3), ("sample", 3, 3, 3)],
)
def test_a_failure_is_an_outcome(stage, at, finished, batches):
    """After generation 1 a failure is recorded, and what was finished is kept."""
    result = run(Failing(stage, at, fail), PLANE, Replace(), 5, 9, test=np.zeros((1, 2)))

    assert result.outcome == f"{stage} failed at generation 3: ArithmeticError: matrix is singular"
    assert not result.completed
    assert result.generations.tolist() == list(range(1, finished + 1))
    assert {len(values) for values in result.metrics.values()} == {finished}
    assert len(result.batches) == batches


@pytest.mark.parametrize("stage", ["fit", "score", "sample"])
def test_a_failure_at_generation_1_is_an_error(stage):
    """An estimator that never worked is the caller's mistake."""
    with pytest.raises(InvalidInput) as caught:
        run(Failing(stage, 1, fail), PLANE, Replace(), 5, 9, test=np.zeros((1, 2)))

    assert str(caught.value) == (
        f"estimator = Failing() cannot start the loop: {stage} failed at generation 1: "
        "ArithmeticError: matrix is singular"
    )
    assert isinstance(caught.value.__cause__, ArithmeticError)


@pytest.mark.parametrize(
    ("stage", "answer", "message"),
    [
        ("sample", np.zeros((4, 2)), "sample(5) returned shape (4, 2), wanted (5, 2)"),
        ("sample", np.zeros((5, 3)), "sample(5) returned shape (5, 3), wanted (5, 2)"),
        ("sample", np.diag([np.nan] * 5)[:, :2], "sample(5) returned 2 rows that are not finite"),
        (
            "sample",
            "text",
            "sample(5) = 'text' is not valid: return an array of numbers (it holds text)",
        ),
        ("score", np.zeros(3), "score_samples returned shape (3,), wanted (1,)"),
    ],
)
def test_unusable_samples_are_outcomes(stage, answer, message):
    """Samples of a wrong shape or not finite, and wrong scores, end the run."""
    if stage == "sample" and not isinstance(answer, str):
        answer = np.where(np.arange(answer.shape[0])[:, None] < 2, answer, 0)
    result = run(Failing(stage, 2, lambda: answer), PLANE, Replace(), 5, 9, test=np.zeros((1, 2)))

    assert f"{stage} failed at generation 2" in result.outcome
    assert message in result.outcome


def test_collapse_is_no_failure():
    """A Gaussian fitted to 2 rows again and again collapses; the numbers say so, nothing else."""
    result = run(Gaussian(3), Normal.standard(3), Replace(), 2, 60)

    assert result.completed
    assert result.model.rank_ <= 1
    assert result["variance"][-1] < 1e-3


@FLOORED
def test_too_few_distinct_rows_for_a_mixture():
    """scikit-learn's refusal in a later generation is kept as the outcome, in its own words."""
    result = run(GaussianMixture(5), PLANE, Replace(), [10, 3, 3], 3)

    assert result.outcome.startswith("fit failed at generation 2: ValueError: Expected n_samples")
    assert len(result["second_moment"]) == 1


def test_warnings_are_counted_not_shown():
    """The estimator's warnings are counted; they appear nowhere else."""

    class Noisy(Ladder):
        """Warns at each fit."""

        def fit(self, X, sample_weight=None):
            """Warn."""
            warnings.warn("did not converge", RuntimeWarning, stacklevel=1)
            return super().fit(X, sample_weight)

    result = run(Noisy(), [0.0, 1.0], Replace(), 3, 5)

    assert result.warnings == {"RuntimeWarning: did not converge": 5}


@pytest.mark.parametrize(("at", "finished"), [(1, 0), (4, 3)])
def test_an_interruption_keeps_what_is_finished(at, finished):
    """Ctrl-C ends the run with the generation in its outcome."""
    result = run(Failing("fit", at, interrupt), PLANE, Replace(), 5, 9)

    assert result.outcome == f"interrupted at generation {at}"
    assert result.generations.tolist() == list(range(1, finished + 1))
    assert (result.model is None) == (finished == 0)


def test_a_result_names_its_metrics():
    """A metric that does not exist is answered with those that do."""
    result = run(Gaussian(2), PLANE, Replace(), 5, 1)

    assert result["variance"].shape == (1,)
    with pytest.raises(InvalidInput, match="did you mean variance, central_variance"):
        result["varianse"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"estimator": Gaussian}, "estimator = Gaussian is a class: give an object, Gaussian()"),
        ({"estimator": StandardScaler()}, "has no method sample"),
        ({"estimator": Ladder(), "test": [[0.0, 0.0]]}, "leave out the test set"),
        ({"estimator": make_pipeline(StandardScaler(), KernelDensity())}, "has no method sample"),
        ({"estimator": Gaussian(3)}, "X has 2 columns and dim = 3"),
        ({"data": [[0.0, np.nan], [1.0, 1.0]]}, "data[0, 1] = nan"),
        ({"data": [[1.0, 2.0]]}, "give at least 2 rows"),
        ({"data": [[1.0, 2.0], [1.0, 2.0]]}, "all 2 rows are equal"),
        ({"workflow": Replace}, "workflow = Replace is a class: give an object, Replace"),
        ({"workflow": "replace"}, "workflow = 'replace' is not a workflow"),
        ({"samples": 0}, "samples = 0"),
        ({"samples": [5, 5]}, "the schedule has 2 sizes and the loop has 3 generations"),
        ({"generations": 0}, "generations = 0"),
        ({"seed": -1}, "seed = -1"),
        ({"temperature": 0}, "temperature = 0"),
        ({"estimator": KernelDensity(), "temperature": 2.0}, "leave the temperature at 1.0"),
        ({"test": [[0.0]]}, "test has 1 column and data has 2: make them equal"),
        ({"test": [[0.0, np.inf]]}, "test[0, 1] = inf"),
        ({"metrics": {"variance": len}}, "metrics = 'variance' is not valid"),
        (
            {"metrics": {"own": lambda *_: "x"}},
            "metrics['own'] failed at generation 1 (WrongType",
        ),
        (
            {"metrics": {"own": lambda: 1.0}},
            "it takes nothing: a metric takes any of model, rows, truth, sample, reference",
        ),
    ],
)
def test_wrong_input(change, message):
    """Wrong input names the argument, its value and what is allowed."""
    arguments = {
        "estimator": Gaussian(2),
        "data": PLANE,
        "workflow": Replace(),
        "samples": 5,
        "generations": 3,
        **change,
    }
    with pytest.raises(InvalidInput) as caught:
        run(**arguments)

    assert message in str(caught.value)


def test_weights_are_refused_before_anything_runs():
    """An estimator without sample_weight is refused before its first fit."""
    estimator = Failing("fit", 1, fail)
    with pytest.raises(InvalidInput, match=r"gives row weights at generation 2: .* KeepReal\(\)"):
        run(estimator, PLANE, KeepReal(0.5), 5, 3)

    assert estimator.counts == []


@FLOORED
def test_weights_that_come_late_are_refused_when_they_come():
    """A workflow that weights rows only at generation 3 of 5 is refused there."""

    class Late(Replace):
        """Weights rows at generation 3."""

        def training_rows(self, sizes, rng):
            """Return weights at generation 3 only."""
            rows = super().training_rows(sizes, rng)
            return (rows, np.ones(len(rows))) if len(sizes) == 3 else rows

    with pytest.raises(InvalidInput, match="gives row weights at generation 3"):
        run(GaussianMixture(), PLANE, Late(), 5, 5)


def test_an_exit_in_an_estimator_is_its_failure():
    """It ends the run, and what was finished is kept."""

    class Leaving(Gaussian):
        fits = 0

        def fit(self, X, y=None, sample_weight=None):
            type(self).fits += 1
            if type(self).fits > 3:
                raise SystemExit(0)
            return super().fit(X, y, sample_weight)

    found = run(Leaving(2), PLANE, Replace(), 6, 9)
    assert "fit failed at generation" in found.outcome
    assert "SystemExit" in found.outcome
