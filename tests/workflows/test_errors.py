"""The workflows: names and options, and what is refused with which message."""

import numpy as np
import pytest

from modelcollapse import (
    Accumulate,
    AccumulateSubsample,
    FreshData,
    InvalidInput,
    KeepReal,
    Replace,
    SlidingWindow,
    Web,
    Weighted,
)
from modelcollapse.workflows import by_name
from modelcollapse.workflows.selection import batch_weights, select


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SlidingWindow(0), "k = 0 is not valid: give a whole number, at least 1"),
        (lambda: SlidingWindow(2.0), "k = 2.0"),
        (lambda: AccumulateSubsample(0), "budget = 0"),
        (lambda: AccumulateSubsample(budget=True), "budget = True"),
        (lambda: AccumulateSubsample([3, 0]), r"budget[1] = 0"),
        (lambda: AccumulateSubsample("3"), "budget = '3'"),
        (lambda: AccumulateSubsample({3: 4}), "give a number, a sequence or a callable"),
        (lambda: KeepReal(0), "share = 0"),
        (lambda: KeepReal(1.0), "share = 1.0 is not valid: give a number strictly between 0 and 1"),
        (lambda: KeepReal(float("nan")), "share = nan"),
    ],
)
def test_wrong_options_are_refused(build, message):
    """An option out of its range names itself, its value and what is allowed."""
    with pytest.raises(InvalidInput) as caught:
        build()

    assert message in str(caught.value)


class Scripted:
    """A workflow that returns what it is told to."""

    def __init__(self, answer):
        self.answer = answer

    def __repr__(self):
        return "Scripted()"

    def training_rows(self, sizes, rng):
        """Return the answer."""
        del sizes, rng
        return self.answer

    def batch_weights(self, sizes):
        """Return the answer."""
        del sizes
        return self.answer


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.array([], dtype=int), "return a one-dimensional, non-empty array of row numbers"),
        (np.zeros((2, 2), dtype=int), "shape (2, 2)"),
        (np.array([0.0, 1.0]), "type float64"),
        (np.array([True, False]), "row numbers (it holds truth values"),
        (np.array([0, 5]), "row 5, which does not exist: there are 5 rows, numbered 0 to 4"),
        (np.array([-1]), "row -1, which does not exist"),
        ((np.array([0, 1]), np.array([1.0])), "weights of shape (1,) for 2 rows"),
        ((np.array([0, 1]), np.array([1.0, -1.0])), "none negative"),
        ((np.array([0, 1]), np.array([0.0, 0.0])), "not all zero"),
        ((np.array([0, 1]), np.array([1.0, np.nan])), "one finite weight per row"),
        ((np.array([0, 1]), np.array([1.0, np.inf])), "one finite weight per row"),
    ],
)
def test_select_refuses_unusable_rows(answer, message):
    """The message names the workflow, the generation and what to return."""
    with pytest.raises(InvalidInput) as caught:
        select(Scripted(answer), [2, 3], np.random.default_rng(0))

    assert "Scripted().training_rows at generation 2" in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([1.0], "return 2 weights, none of them negative"),
        ([1.5, -0.5], "return 2 weights, none of them negative"),
        ([np.nan, 1.0], "return 2 weights, none of them negative"),
        ([0.5, 0.6], "sums to 1.1: divide the weights by their sum"),
    ],
)
def test_batch_weights_refuses_unusable_weights(answer, message):
    """The message shows the weights and says what to return."""
    with pytest.raises(InvalidInput) as caught:
        batch_weights(Scripted(answer), [2, 3])

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("replace", {}, Replace()),
        ("accumulate", {}, Accumulate()),
        ("accumulate-subsample", {}, AccumulateSubsample()),
        ("accumulate-subsample", {"budget": 7}, AccumulateSubsample(7)),
        ("sliding-window", {"window": 3}, SlidingWindow(3)),
        ("keep-real", {}, KeepReal()),
        ("keep-real", {"share": 0.25}, KeepReal(0.25)),
        ("weighted", {"weights": [[1], [0.5, 0.5]]}, Weighted([[1], [0.5, 0.5]])),
        ("fresh-data", {"real": 3, "synthetic": 4}, FreshData(3, 4)),
        ("fresh-data", {"real": 3, "synthetic": 4, "weight": 0.5}, FreshData(3, 4, 0.5)),
        ("web", {"real": 3, "synthetic": [4, 5]}, Web(3, (4, 5))),
    ],
)
def test_names_on_the_command_line(name, options, expected):
    """Each kebab-case name builds its workflow, and the workflow knows its name."""
    assert by_name(name, **options) == expected
    assert expected.name == name


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("acumulate", {}, "did you mean accumulate, accumulate-subsample?"),
        ("xyz", {}, "known: accumulate, accumulate-subsample, edit, fresh-data, keep-real, "),
        ("replace", {"budget": 3}, "budget = 3 belongs to the workflow 'accumulate-subsample'"),
        ("accumulate", {"share": 0.5}, "share = 0.5 belongs to the workflow 'keep-real' or 'edit'"),
        ("keep-real", {"window": 2}, "window = 2 belongs to the workflow 'sliding-window'"),
        ("sliding-window", {}, "needs it; give window, such as 3"),
        ("sliding-window", {"window": 0}, "window = 0 is not valid"),
        ("accumulate", {"real": 3}, "real = 3 belongs to the workflow 'fresh-data' or 'web'"),
        ("fresh-data", {"real": 3}, "needs it; give synthetic, such as 1000"),
        ("weighted", {}, "needs it; give weights, such as weights.csv"),
    ],
)
def test_wrong_names_and_options_are_refused(name, options, message):
    """A wrong name lists the nearest ones; an option names its owner."""
    with pytest.raises(InvalidInput) as caught:
        by_name(name, **options)

    assert message in str(caught.value)
