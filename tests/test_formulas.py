"""Closed forms without a generation axis: fresh data, tail bound, critical temperature."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse import gaussian

EPS = np.finfo(float).eps


@given(k=st.floats(0.01, 100), w=st.floats(0.01, 1))
def test_the_optimal_fresh_weight_is_optimal(k, w):
    """No weight does better, and the inflation at the optimum equals the weight."""
    best = gaussian.optimal_fresh_weight(k)
    least = gaussian.fresh_data_inflation(best, k)

    # sqrt(k^2 + 4k) - k loses log10(k) digits.
    assert least == pytest.approx(best, rel=16 * (1 + k) * EPS)
    assert gaussian.fresh_data_inflation(w, k) >= least * (1 - 16 * (1 + k) * EPS)
    assert gaussian.fresh_data_inflation(1.0, k) == 1.0


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
        (lambda: gaussian.critical_temperature(1), mc.InvalidInput, "samples = 1"),
        (lambda: gaussian.critical_temperature(5, ddof=2), mc.InvalidInput, "ddof = 2"),
        (lambda: gaussian.fresh_data_inflation(0), mc.InvalidInput, "weight = 0"),
        (lambda: gaussian.fresh_data_inflation(1.5), mc.InvalidInput, "give a weight in (0, 1]"),
        (lambda: gaussian.fresh_data_inflation(0.5, -1), mc.InvalidInput, "ratio = -1"),
        (lambda: gaussian.fresh_data_inflation(np.nan), mc.InvalidInput, "weight = nan"),
        (lambda: gaussian.optimal_fresh_weight(0), mc.InvalidInput, "ratio = 0"),
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
