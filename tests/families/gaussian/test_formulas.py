"""Closed forms without a generation axis: tail bound, critical temperature."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.families import gaussian

EPS = np.finfo(float).eps


@given(n=st.integers(2, 40), eps=st.floats(0.1, 2.0))
def test_tail_bound_is_a_probability_below_markovs(n, eps):
    """At most 1, falling at ddof 0, and below exp(-t/(4n))/eps at ddof 1."""
    e = mc.Experiment(mc.Gaussian(), mc.Replace(), n, 30)
    bound = gaussian.tail_bound(e, eps)
    unbiased = mc.Experiment(mc.Gaussian(1, 1), mc.Replace(), n, 30)

    assert (bound <= 1).all()
    assert (np.diff(bound) <= 0).all()
    published = np.minimum(1, np.exp(-np.arange(1, 31) / (4 * n)) / eps)
    assert (gaussian.tail_bound(unbiased, eps) <= published * (1 + 1e-12)).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gaussian.tail_exponent(0), mc.InvalidInput, "samples = 0"),
        (lambda: gaussian.tail_exponent(2.5), mc.InvalidInput, "samples = 2.5"),
        (lambda: gaussian.critical_temperature(1), mc.InvalidInput, "samples = 1"),
        (lambda: gaussian.critical_temperature(5, ddof=2), mc.InvalidInput, "ddof = 2"),
        (
            lambda: gaussian.tail_bound(mc.Experiment(mc.Gaussian(), mc.Replace()), 0),
            mc.InvalidInput,
            "threshold = 0",
        ),
        (
            lambda: gaussian.tail_bound(mc.Experiment(mc.Gaussian(), mc.Accumulate()), 1),
            mc.NoClosedForm,
            "replace in d = 1",
        ),
    ],
)
def test_wrong_input(call, error, message):
    """Wrong input names the argument, its value and what is allowed."""
    with pytest.raises(error) as caught:
        call()

    assert message in str(caught.value)


REPLACE = mc.Replace()
OTHER_LOOPS = {
    "is a Gaussian": (mc.Experiment(mc.KDE(0.5), REPLACE), mc.InvalidInput),
    "without a selection": (
        mc.Experiment(mc.Gaussian(), REPLACE, sampling=mc.BestOf(2)),
        mc.NoClosedForm,
    ),
    "without a floor": (mc.Experiment(mc.Gaussian(floor=0.1), REPLACE), mc.NoClosedForm),
}


@pytest.mark.parametrize("call", [gaussian.minors, lambda e: gaussian.tail_bound(e, 1)])
@pytest.mark.parametrize("message", OTHER_LOOPS)
def test_formulas_of_other_loops_are_refused(call, message):
    """What is known of all rows of a Gaussian is not said of selected ones, or of a density."""
    e, error = OTHER_LOOPS[message]
    with pytest.raises(error, match=message):
        call(e)


def test_the_tail_bound_needs_a_normal_truth():
    """It is made of the moments of chi-squares."""
    e = mc.Experiment(mc.Gaussian(), REPLACE, truth=mc.Rows([[0.0], [1.0], [5.0]]))
    with pytest.raises(mc.NoClosedForm, match="a normal truth"):
        gaussian.tail_bound(e, 1)
