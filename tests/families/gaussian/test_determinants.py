"""Expected determinants: numbers worked out apart, limits, bounds, extremes, other workflows."""

from fractions import Fraction
from math import comb, perm

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.families.gaussian import (
    determinant_bounds,
    determinants,
    enclosures,
    minors,
)
from modelcollapse.testing import assert_mean

TIMES = np.array([1, 2, 5, 20, 100])
ACCUMULATE = {
    (10, 2): [0.72, 0.6678, 0.6266153814, 0.6023180796, 0.5953566009],
    (10, 5): [0.1512, 0.10495548, 0.0771309308, 0.0635221201, 0.0599544065],
    (20, 3): [0.72675, 0.6743672227, 0.6328560139, 0.6083247113, 0.6012939646],
}
SUBSAMPLE = {
    (10, 2): [0.72, 0.5623578947, 0.4632080809, 0.4123420601, 0.3986341202],
    (10, 5): [0.1512, 0.0363932315, 0.0136521006, 0.00768988, 0.0065003685],
}
LIMITS = {
    (10, 2): 0.5935826604,
    (10, 3): 0.3437058098,
    (20, 5): 0.2706024014,
    (4, 2): 0.2319432277,
    (100, 10): 0.3974660582,
}
DIGIT = 6e-11  # the tenth digit of the numbers above, rounded


def loop(workflow, n, d, T=100, ddof=0, **options):
    """Return a loop from a standard normal truth, unless another is given."""
    return mc.Experiment(mc.Gaussian(d, ddof), workflow, n, T, **options)


def rational(sizes, budgets, order):
    """Return E det of the fits in `order` columns, one of them constant; None takes all rows."""
    total = Fraction(1)
    value, found, N = total * perm(sizes[0], order) / sizes[0] ** order, [], sizes[0]
    for t, (n, k) in enumerate(zip(sizes, budgets, strict=True)):
        if t:
            before, last = N, budgets[t - 1]
            N += n
            value *= sum(
                comb(order, j)
                * Fraction(before, N) ** (order - j)
                * Fraction(perm(n, j), N**j)
                * chosen(before, last, j)
                for j in range(order + 1)
            )
        found.append(value * chosen(N, k, order))
    return found


def chosen(N, k, j):
    """Return N^j (k)_j / (k^j (N)_j), 1 if all rows are."""
    if k is None or k >= N or perm(N, j) == 0:
        return Fraction(1)
    return Fraction(N**j * perm(k, j), k**j * perm(N, j))


@pytest.mark.parametrize(("n", "d"), ACCUMULATE)
def test_accumulate_to_ten_digits(n, d):
    """Numbers that were worked out apart from this code."""
    found = mc.predict(loop(mc.Accumulate(), n, d))["determinant"]

    assert found[TIMES - 1] == pytest.approx(ACCUMULATE[n, d], abs=DIGIT)


@pytest.mark.parametrize(("n", "d"), SUBSAMPLE)
def test_subsample_to_ten_digits(n, d):
    """The same with the budget n."""
    found = mc.predict(loop(mc.AccumulateSubsample(10), n, d))["determinant"]

    assert found[TIMES - 1] == pytest.approx(SUBSAMPLE[n, d], abs=DIGIT)


@pytest.mark.parametrize(("n", "d"), LIMITS)
def test_limit_to_ten_digits(n, d):
    """And their limits."""
    limits = mc.predict(loop(mc.Accumulate(), n, d, 2)).limits

    assert limits["determinant"] == pytest.approx(LIMITS[n, d], abs=DIGIT)


def test_limit_in_many_dimensions():
    """Above the finite curve's last point less all that is still to come, and no warning."""
    n, d, T = 300, 200, 20_000
    limit = np.log(determinants.accumulate_limit(n, d))
    reached = determinants.log_minors(loop(mc.Accumulate(), n, d, T), d)[-1]
    lacking = d * (d + 1) / (2 * n * T)  # see the ledger's enclosure

    assert reached - lacking / (1 - lacking / T) < limit < reached
    assert determinants.accumulate_limit(1100, 1000) >= 0


@settings(max_examples=40)
@given(
    sizes=st.lists(st.integers(4, 9), min_size=1, max_size=6),
    d=st.integers(1, 5),
    budget=st.none() | st.integers(2, 20),
)
def test_recursion_in_rationals(sizes, d, budget):
    """Any schedule and budget, also with fewer rows than columns."""
    workflow = mc.Accumulate() if budget is None else mc.AccumulateSubsample(budget)
    exact = rational(sizes, [budget] * len(sizes), d + 1)

    found = mc.predict(loop(workflow, sizes, d, len(sizes)))["determinant"]

    assert found == pytest.approx(list(map(float, exact)), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("workflow", [mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample(7)])
@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("temperature", [0.6, 1.0, 1.7])
def test_one_dimension_is_the_variance(workflow, ddof, temperature):
    """What is derived with one column more is what the recursion of two moments says."""
    e = loop(workflow, [6, 9, 5, 20], 1, 4, ddof, temperature=temperature)
    prediction = mc.predict(e)
    found = minors(e)

    assert found.shape == (4, 1)
    assert found[:, 0] == pytest.approx(prediction["variance"], rel=1e-13)
    assert np.array_equal(prediction["determinant"], prediction["variance"])


def test_minors_are_the_determinants_of_fewer_columns():
    """The first is the variance and the last the determinant."""
    e = loop(mc.AccumulateSubsample(9), 12, 4, 6, 1, temperature=1.3)
    prediction, found = mc.predict(e), minors(e)

    assert found[:, 0] == pytest.approx(prediction["variance"], rel=1e-12)
    assert found[:, 3] == pytest.approx(prediction["determinant"], rel=1e-12)


def test_minors_of_runs():
    """Against eigenvalues' products, in a truth with a spectrum and one without a direction."""
    truth = mc.Normal(np.zeros(3), np.diag([4.0, 1.0, 0.25]))
    runs = mc.simulate(loop(mc.KeepReal(), 6, 3, 4, truth=truth), 5, 1, extra=["minors"])
    assert runs["minors"][..., 0] == pytest.approx(runs["variance"])
    assert runs["minors"][..., 2] == pytest.approx(runs["determinant"])
    assert runs["determinant"] == pytest.approx(np.exp(runs["log_determinant"]))

    rows = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 2.0], [0.0, 3.0, 0.0], [1.0, 1.0, 2.0]])
    e = loop(mc.Accumulate(), 6, 3, 4, truth=rows)
    flat = mc.simulate(e, 5, 1, extra=["minors"])
    assert np.all(flat["minors"][..., 2] == 0)
    assert np.all(flat["minors"][..., 1] > 0)
    assert np.all(minors(e)[:, 2] == 0)
    assert np.all(mc.predict(e)["determinant"] == 0)


def test_a_chain_of_own_weights():
    """Training sets that forget geometrically are one pool too, in rationals at ddof 0."""
    carried, sizes, d = (
        [Fraction(0), Fraction(2, 5), Fraction(1, 2), Fraction(3, 5)],
        [9, 4, 7, 6],
        3,
    )
    weights, value, exact = [], Fraction(1), []
    for a, n in zip(carried, sizes, strict=True):
        weights.append([*(a * w for w in (weights[-1] if weights else [])), 1 - a])
        terms = (
            comb(d + 1, j) * a ** (d + 1 - j) * (1 - a) ** j * Fraction(perm(n, j), n**j)
            for j in range(d + 2)
        )
        value *= sum(terms)
        exact.append(value)
    workflow = mc.Weighted([list(map(float, row)) for row in weights])

    found = mc.predict(loop(workflow, sizes, d, 4))["determinant"]

    assert found == pytest.approx(list(map(float, exact)), rel=1e-12)


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.5])
def test_a_chain_of_equal_rows_is_a_pool(ddof, temperature):
    """Own weights that are accumulate's: what a divisor takes from unequal rows, too."""
    sizes = [9, 4, 7, 6]
    even = mc.Weighted([[n / sum(sizes[: t + 1]) for n in sizes[: t + 1]] for t in range(4)])
    own, pooled = (
        minors(loop(workflow, sizes, 3, 4, ddof, temperature=temperature))
        for workflow in (even, mc.Accumulate())
    )

    assert own == pytest.approx(pooled, rel=1e-13)


def test_the_first_minor_of_uneven_rows_is_the_variance():
    """At any ddof and temperature, by another route."""
    weights = [[1.0], [0.4, 0.6], [0.2, 0.3, 0.5], [0.12, 0.18, 0.3, 0.4]]
    e = loop(mc.Weighted(weights), [15, 20, 9, 14], 3, 4, 1, temperature=1.2)

    assert minors(e)[:, 0] == pytest.approx(mc.predict(e)["variance"], rel=1e-13)


@pytest.mark.parametrize("workflow", [mc.KeepReal(), mc.SlidingWindow(2), mc.FreshData(5, 5)])
def test_more_than_one_pool_is_open(workflow):
    """The reason is given in each mapping."""
    prediction = mc.predict(loop(workflow, 10, 2, 4))
    with pytest.raises(mc.NoClosedForm, match="the last one, scaled, and the new batch"):
        prediction["determinant"]
    with pytest.raises(mc.NoClosedForm):
        prediction.limits["determinant"]
    with pytest.raises(mc.NoClosedForm):
        minors(prediction.experiment)
    assert prediction.fates["determinant"].verdict == "undetermined"


def test_fewer_rows_than_columns():
    """Zero from the first generation on, and the fate says so."""
    prediction = mc.predict(loop(mc.Accumulate(), 4, 5, 6))
    assert np.all(prediction["determinant"] == 0)
    assert prediction.limits["determinant"] == 0
    assert prediction.fates["determinant"].rate == "0 from generation 1"

    # A small budget makes fits singular, not the pool.
    narrow = mc.predict(loop(mc.AccumulateSubsample(3), 9, 4, 6))
    assert np.all(narrow["determinant"] == 0)
    assert narrow.fates["determinant"].verdict == "clumps"


@pytest.mark.parametrize(
    ("e", "verdict", "rate"),
    [
        (loop(mc.Replace(), 10, 2, 3), "clumps", "0.72^t"),
        (loop(mc.Replace(), 10, 2, 3, 1), "clumps", "0.888888888889^t"),
        (loop(mc.Replace(), 10, 2, 3, temperature=2.0), "diverges", "2.88^t"),
        (loop(mc.Accumulate(), 10, 2, 3), "bounded", ""),
        (loop(mc.Accumulate(), [10, 3, 4], 2, 3), "bounded", ""),
        (loop(mc.Accumulate(), 10, 2, 3, 1), "bounded", ""),
        (loop(mc.Accumulate(), 10, 3, 3, temperature=1.5), "diverges", "t^1.5"),
        (loop(mc.AccumulateSubsample(), 10, 2, 3), "bounded", ""),
        (loop(mc.AccumulateSubsample(), 10, 2, 3, 1), "diverges", "t^0.2"),
        (loop(mc.AccumulateSubsample(5), 10, 2, 3, temperature=0.5), "clumps", "t^-0.8"),
    ],
)
def test_fates(e, verdict, rate):
    """In words, and the growth of the curve at large t agrees."""
    fate = mc.predict(e).fates["determinant"]
    assert (fate.verdict, fate.rate) == (verdict, rate)


@pytest.mark.parametrize(
    ("workflow", "ddof", "heat", "power"),
    [
        (mc.Accumulate(), 0, 1.5, 1.0),
        (mc.Accumulate(), 1, 1.0, 0.0),
        (mc.AccumulateSubsample(), 1, 1.0, 0.2),
        (mc.AccumulateSubsample(5), 0, 0.5, -0.8),
        (mc.AccumulateSubsample(5), 1, 1.2, 0.8),
    ],
)
def test_powers_are_those_of_the_curve(workflow, ddof, heat, power):
    """The slope between T and 2T is within O(1/T) of d times the variance's power."""
    found = mc.predict(loop(workflow, 10, 2, 20_000, ddof, temperature=heat))["determinant"]

    assert np.log2(found[-1] / found[9_999]) == pytest.approx(power, abs=1e-3)


def test_many_columns_rows_and_generations():
    """No overflow on the way to tiny and to large numbers; a large batch loses little."""
    thick = mc.predict(loop(mc.Accumulate(), 201, 200, 2000))
    assert thick["determinant"][-1] == pytest.approx(thick.limits["determinant"], rel=0.1)
    assert thick["determinant"][-1] > 0
    assert np.isfinite(thick["log_determinant_upper"]).all()

    wide = loop(mc.Accumulate(), 10**9, 50, 3)
    lost = 51 * 50 / 2 * (1 + 1 / 4 + 1 / 9) / 1e9
    assert -determinants.log_minors(wide, 50)[-1] == pytest.approx(lost, rel=1e-6)

    hot = mc.predict(loop(mc.Replace(), 60, 50, 2000, temperature=1e6))
    assert hot["determinant"][-1] == np.inf
    gone = determinants.log_minors(loop(mc.Replace(), 60, 50, 2000), 50)
    assert gone[-1] == pytest.approx(2000 * np.log1p(-np.arange(1, 51) / 60).sum())


@pytest.mark.parametrize(("n", "d"), [(20, 3), (10, 5), (30, 25)])
def test_bounds_enclose_the_logarithm(n, d):
    """The runs' mean lies between, and the bounds keep within a few units for ever."""
    e = loop(mc.Accumulate(), n, d, 300)
    prediction = mc.predict(e)
    low, high = (prediction[name] for name in determinant_bounds.BOUNDS)
    spread = determinant_bounds.log_variance_bound(e)
    times = [1, 3, 30, 300]
    runs = mc.simulate(e, 2000, 1, at=times)["log_determinant"]

    assert low[0] == pytest.approx(high[0])
    for t, values in zip(times, runs.T, strict=True):
        variance = float(spread[t - 1])
        assert_mean(values, float(low[t - 1]), variance=variance, side="below")
        assert_mean(values, float(high[t - 1]), variance=variance, side="above")
    assert (low <= high + 1e-12).all()
    assert high[-1] - low[-1] < d / 5


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.5])
def test_bounds_enclose_what_is_known(ddof, temperature):
    """In one dimension the expectation and the variance of the logarithm are exact."""
    e = loop(mc.Accumulate(), [5, 9, 4, 20, 6], 1, 5, ddof, temperature=temperature)
    prediction = mc.predict(e)
    known = prediction["log_variance"]

    low, high = enclosures.log_determinant(e)
    assert (low <= known + 1e-12).all()
    assert (known <= high + 1e-12).all()
    assert (known <= determinant_bounds.log_upper(e) + 1e-12).all()
    spread = prediction.variances["log_variance"]
    assert (spread <= determinant_bounds.log_variance_bound(e) + 1e-12).all()


def test_square_bound():
    """Exact at first, then above what is simulated; numbers worked out apart."""
    e = loop(mc.Accumulate(), 20, 3, 10)
    found = determinant_bounds.square_bound(e, 3)

    assert found[[0, 1, 4, 9]] == pytest.approx([0.7249, 0.7612, 0.7940, 0.8077], abs=6e-5)
    assert (determinant_bounds.square_bound(e, 1) >= mc.predict(e)["variance"] ** 2).all()
    line = mc.predict(loop(mc.Accumulate(), 20, 1, 10))
    square = line.variances["variance"] + line["variance"] ** 2
    assert determinant_bounds.square_bound(e, 1) == pytest.approx(square)
