"""Second and fourth moments of the families that fit a mean, at extremes, against rationals.

Batch means are followed with all their joint moments (`tests.helpers.exponential_oracle`), by the
workflow's weights alone, in the units of the data: V(m_0 + x) = V + V' x + v2 x^2.
"""

from fractions import Fraction

import numpy as np
from hypothesis import assume, given, reject
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.families.discrete import Discrete
from modelcollapse.families.exponential import (
    Binomial,
    Gamma,
    HyperbolicSecant,
    NegativeBinomial,
    NormalMean,
    Poisson,
)
from modelcollapse.testing import strategies
from tests.helpers import exponential_oracle as oracle

EPS = Fraction(np.finfo(float).eps)
T = 3
TINY = st.floats(1e-70, 1e-3)
SCALES = st.floats(1e-30, 1e30)
ROWS = st.integers(1, 12) | st.integers(1, 10**12)
MODELS = st.one_of(
    st.tuples(st.builds(NormalMean, SCALES), st.floats(-4, 4)),
    st.tuples(st.just(Poisson()), SCALES),
    st.tuples(st.just(Binomial(1)), TINY | st.floats(0.01, 0.99)),
    st.tuples(st.just(Binomial(10**6)), st.floats(1.0, 999_999.0)),
    st.tuples(st.builds(Gamma, SCALES), SCALES),
    st.tuples(st.builds(NegativeBinomial, SCALES), SCALES),
    st.tuples(st.builds(HyperbolicSecant, st.floats(0.01, 100)), st.floats(-100, 100)),
)
CHAINS = ("replace", "accumulate", "fresh-data", "web")


def coefficients(model):
    """Return V as a polynomial in the mean, in rationals."""
    kind, value = type(model), next(iter(model.checked().values()), None)
    own = None if value is None else Fraction(value)
    return {
        NormalMean: lambda: (own, 0, 0),
        Poisson: lambda: (0, 1, 0),
        Binomial: lambda: (0, 1, -1 / own),
        Gamma: lambda: (0, 0, 1 / own),
        NegativeBinomial: lambda: (0, 1, 1 / own),
        HyperbolicSecant: lambda: (own, 0, 1 / own),
    }[kind]()


def exact(e, start, slope, v2):
    """Return E x^2 / V, E V(m) / V and Var x^2 / V^2 of each generation."""
    found = oracle.error_moments(e.workflow, e.sizes, slope, v2, start)
    return [(q / start, 1 + v2 * q / start, (four - q * q) / start**2) for q, _, four in found]


def close(found, wanted, slack):
    """Assert that a float is a rational, up to a rational; infinite only beyond floats."""
    if np.isinf(found):
        assert wanted > Fraction(np.finfo(float).max) * (1 - slack)
        return
    assert abs(Fraction(float(found)) - wanted) <= slack * abs(wanted) + Fraction(2.0**-1070)


@given(MODELS, strategies.workflows(T), st.lists(ROWS, min_size=T, max_size=T))
def test_families_of_a_mean_in_rationals(drawn, workflow, sizes):
    """Errors and variances to 64 roundings a generation; where slots are, 1e-13 of E x^4 more.

    A weight is a rounding off, and V(m) may bend by -V: both count as roundings of sums of positive
    terms. A skewness that is negative leaves of a chain's variance what it does not cancel.
    """
    (model, mean), fresh = drawn, isinstance(workflow, mc.FreshData | mc.Web)
    assume(not isinstance(workflow, mc.AccumulateSubsample))
    try:
        e = mc.Experiment(model, workflow, sizes[0] if fresh else sizes, T, truth=mean)
    except mc.InvalidInput:  # a mean that is out of the range or too near an end
        reject()
    c0, c1, c2 = coefficients(model)
    m = Fraction(float(e.truth.value))
    start, slope = c0 + c1 * m + c2 * m * m, c1 + 2 * c2 * m
    p, few = mc.predict(e), 64 * T * EPS
    for t, (error, variance, spread) in enumerate(exact(e, start, slope, Fraction(c2))):
        close(p["squared_error"][t], error, few)
        close(p["variance"][t], variance, few)
        close(p["inflation"][t], error * int(e.sizes[0]), few)
        if e.schedule.chain is not None:
            close(p.variances["squared_error"][t], spread, 16 * few)
        else:
            slack = 16 * few * (spread + error * error)
            assert abs(Fraction(float(p.variances["squared_error"][t])) - spread) <= slack
        close(p.variances["mean"][t], error, few)


@given(
    st.lists(TINY, min_size=1, max_size=4),
    strategies.workflows(T),
    st.lists(ROWS, min_size=T, max_size=T),
)
def test_errors_of_discrete_loops_in_rationals(tiny, workflow, sizes):
    """A sum of coins: V''/2 = -1, whatever the probabilities; heterozygosity from theirs."""
    fresh = isinstance(workflow, mc.FreshData | mc.Web)
    assume(not isinstance(workflow, mc.AccumulateSubsample | mc.Edit))
    truth = [*tiny, 1 - sum(tiny)]
    samples = sizes[0] if fresh else sizes
    e = mc.Experiment(Discrete(len(truth)), workflow, samples, T, truth=truth)
    p, few = mc.predict(e), 64 * T * EPS
    shares = [Fraction(x) for x in truth]
    shares = [x / sum(shares) for x in shares]
    first = 1 - sum(x * x for x in shares)
    for t, (error, variance, _) in enumerate(exact(e, Fraction(1), Fraction(0), Fraction(-1))):
        close(p["squared_error"][t], error, few)
        close(p["heterozygosity"][t], first * variance, few)
