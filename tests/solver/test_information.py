"""What no estimator can beat, and what sampled rows reveal of the real ones."""

from fractions import Fraction

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.ledger.entries.mixed.information import least_squares
from modelcollapse.solver import information, observer_errors, price, squared_errors
from modelcollapse.workflows.selection import batch_sizes

WORKFLOWS = (
    mc.Replace(),
    mc.Accumulate(),
    mc.SlidingWindow(3),
    mc.KeepReal(),
    mc.KeepReal(0.3),
    mc.FreshData(3, 5),
    mc.FreshData(3, 5, 0.4),
    mc.Web(2, 3),
    mc.Weighted([[1], [0.2, 0.8], [0.5, 0.2, 0.3], [0.1, 0.2, 0.3, 0.4]]),
)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=repr)
def test_nobody_pays_less_than_one(workflow):
    """The mean's error times the information, at every generation; replace pays nothing more."""
    sizes = batch_sizes(workflow, 7, 4)
    found = price(workflow, sizes)
    assert (found >= 1 - 1e-12).all()
    assert found == pytest.approx(information(workflow, sizes) * squared_errors(workflow, sizes))
    if isinstance(workflow, mc.Replace):
        assert found == pytest.approx(1.0, rel=1e-14)


def test_fresh_data_in_rationals():
    """J' = r + 1/(1/J + 1/s), whatever the weight is; He's example, and Fibonacci's ratios."""
    J, exact = Fraction(7), [7.0]
    for _ in range(9):
        J = 3 + 1 / (1 / J + Fraction(1, 5))
        exact.append(float(J))
    for weight in (None, 0.4):
        workflow = mc.FreshData(3, 5, weight)
        assert information(workflow, batch_sizes(workflow, 7, 10)) == pytest.approx(
            exact, rel=1e-14
        )
    even = mc.FreshData(10, 10)
    ratios = [1, 3 / 2, 8 / 5, 21 / 13, 55 / 34, 144 / 89, 377 / 233]
    assert information(even, batch_sizes(even, 10, 7)) / 10 == pytest.approx(ratios)
    many = mc.FreshData(1, 9)
    last = information(many, batch_sizes(many, 1, 400))[-1]
    assert 1 / last == pytest.approx(0.2823756961, abs=5e-11)


@pytest.mark.parametrize(
    ("workflow", "sizes", "expected"),
    [
        (mc.Accumulate(), [10] * 8, 0.1661464446),
        (mc.Accumulate(), [7, 3, 12, 5, 9], 0.2429458553),
        (mc.KeepReal(0.3), [10] * 12, 0.1526315789),
    ],
)
def test_the_observer_is_least_squares(workflow, sizes, expected):
    """With the covariances of all sampled batches, to ten digits."""
    T = len(sizes)
    weights = np.zeros((T, T))
    for t in range(T):
        weights[t, : t + 1] = workflow.batch_weights(sizes[: t + 1])
    found = observer_errors(workflow, sizes)
    assert found[-1] == pytest.approx(expected, abs=5e-11)
    assert found[-1] == pytest.approx(least_squares(weights, sizes), rel=1e-12)
    assert found[0] == np.inf


def test_outsiders_overtake_at_generation_37():
    """When the sum of 1/s^2 passes the golden ratio."""
    sizes = [10] * 60
    outside, model = observer_errors(mc.Accumulate(), sizes), squared_errors(mc.Accumulate(), sizes)
    assert int(np.argmax(outside < model)) + 1 == 37


def test_what_is_random_has_none():
    """Nor has an observer anything to say of fresh real rows."""
    with pytest.raises(mc.NoClosedForm, match="by chance"):
        information(mc.AccumulateSubsample(3), [5, 5])
    with pytest.raises(mc.NoClosedForm, match="only one is real"):
        observer_errors(mc.FreshData(2, 2), [5, 4, 4])
    with pytest.raises(mc.InvalidInput, match="sizes"):
        information(mc.Replace(), [0])
