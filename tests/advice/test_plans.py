"""Every workflow of the advice against the solver, recursions in rationals, and long loops."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse import solver
from modelcollapse.advice.plans import WINDOW, best_information

ROWS = st.integers(1, 400)


def by_title(advice):
    """Return the plans by what they train on."""
    return {plan.title: plan for plan in advice.plans}


def ends(advice):
    """Return the last effective rows of each plan that is the only one of its workflow."""
    return {plan.workflow: advice.question.real / plan.last for plan in advice.plans}


@given(
    real=ROWS,
    synthetic=st.lists(ROWS, min_size=1, max_size=7),
    weight=st.floats(0.01, 0.99),
    data=st.data(),
)
def test_the_solver_says_the_same(real, synthetic, weight, data):
    """Any schedule of sampled and fresh rows, and any budget."""
    T, sizes = len(synthetic) + 1, [real, *synthetic]
    fresh = data.draw(st.lists(st.integers(0, 90), min_size=T - 1, max_size=T - 1))
    budget = data.draw(st.lists(st.integers(1, sum(sizes)), min_size=T, max_size=T))
    found = mc.advise(real, synthetic, fresh_real=fresh, keep_real=weight, budget=budget)
    plans = by_title(found)
    assert found.question.generations == T
    expected = {
        "the last batch": mc.Replace(),
        f"the last {WINDOW} batches": mc.SlidingWindow(WINDOW),
        "the first real rows and the last batch": mc.KeepReal(),
        f"the first real rows (weight {weight:g}) and the last batch": mc.KeepReal(weight),
        "all rows so far": mc.Accumulate(),
        "a random part of all rows so far": mc.AccumulateSubsample(budget),
    }
    for title, workflow in expected.items():
        assert plans[title].errors == pytest.approx(solver.inflation(workflow, sizes), rel=1e-12)
    if found.split is not None:
        best = mc.AccumulateSubsample(found.split.best)
        assert plans["a random part of all rows so far, split best"].errors == pytest.approx(
            solver.inflation(best, sizes), rel=1e-12
        )
        assert sum(found.split.best) == sum(found.split.even)
    if any(fresh):
        grown = [real, *(np.array(fresh) + synthetic).tolist()]
        web = solver.inflation(mc.Web(fresh, synthetic), grown)
        assert plans["all rows so far, fresh real rows too"].errors == pytest.approx(web, rel=1e-12)
    alone = real / (real + np.cumsum([0, *fresh]))
    assert plans["all real rows alone"].errors == pytest.approx(alone)


@given(real=ROWS, synthetic=st.lists(ROWS, min_size=1, max_size=7), data=st.data())
def test_fresh_rows_by_their_recursion(real, synthetic, data):
    """Pooled and at the best weights, in rationals; no other weight is better."""
    T = len(synthetic) + 1
    rows = st.lists(st.integers(0, 90), min_size=T - 1, max_size=T - 1).filter(any)
    fresh = data.draw(rows)
    plans = by_title(mc.advise(real, synthetic, fresh_real=fresh))
    title = "fresh real rows and the last batch"
    pooled, best = Fraction(1, real), Fraction(1, real)
    for t, (f, s) in enumerate(zip(fresh, synthetic, strict=True), start=1):
        pooled = _step(pooled, f, s, Fraction(f, f + s))
        old = best
        w = f / (f + 1 / (old + Fraction(1, s)))
        best = _step(old, f, s, w)
        assert plans[title].errors[t] == pytest.approx(float(real * pooled), rel=1e-12)
        assert plans[f"{title}, best weights"].errors[t] == pytest.approx(
            float(real * best), rel=1e-12
        )
        for other in (w * Fraction(99, 100), w + (1 - w) / 100) if f else ():
            assert _step(old, f, s, other) >= best


def _step(q, f, s, w):
    return (1 - w) ** 2 * (q + Fraction(1, s)) + (w**2 / Fraction(f) if f else 0)


def test_constant_rows_are_the_workflow_fresh_data():
    """FreshData, and the best that its information allows."""
    plans = by_title(mc.advise(50, 200, 9, fresh_real=10))
    title, loop = "fresh real rows and the last batch", mc.FreshData(10, 200)
    sizes = loop.batch_sizes(50, 9)
    assert plans[title].errors == pytest.approx(solver.inflation(loop, sizes), rel=1e-12)
    known = solver.information(loop, sizes)
    assert plans[f"{title}, best weights"].errors == pytest.approx(50 / known, rel=1e-12)


@pytest.mark.parametrize(("real", "synthetic", "fresh"), [(50, 20, 5), (7, 300, 2), (100, 100, 20)])
def test_limits_are_where_long_loops_end(real, synthetic, fresh):
    """At 20,000 generations, to what is left of each; fates and limits agree."""
    T = 20_000
    found = mc.advise(real, synthetic, T, fresh_real=fresh, keep_real=0.3, at_most=50)
    for plan in found.plans:
        if plan.limit is None:
            assert plan.title.endswith("split best")
            continue
        assert (plan.fate == "diverges") == np.isinf(plan.limit)
        if plan.fate == "diverges":
            assert plan.last > 2 * plan.errors[T // 4]
        elif plan.limit == 0:
            share = fresh / (fresh + synthetic)  # below 1/2: the power of N, which is 4 N_(T/4)
            power = 1 if plan.workflow == "none" else 2 * share
            assert plan.last / plan.errors[T // 4] == pytest.approx(4**-power, rel=0.01)
            assert plan.rate == ("1/N" if power == 1 else f"N^-{power:.6g}")
        elif plan.workflow == "accumulate-subsample":  # what is left falls like t^(1/k - 1)
            left = (plan.last - plan.errors[T // 4 - 1]) / (4 ** (1 - 1 / synthetic) - 1)
            assert plan.limit - plan.last == pytest.approx(left, rel=0.01)
        else:  # accumulate's sum of n s/N_t^2 from T on is below n/N_T
            left = real / (T * synthetic) if plan.workflow == "accumulate" else 0
            assert plan.limit - plan.last == pytest.approx(left, rel=0.01, abs=1e-9 * plan.limit)
    assert {plan.limit for plan in mc.advise(7, 7, 2).plans} >= {1.0, np.inf}
    same = by_title(mc.advise(7, 7, 2))["all rows so far"]
    assert same.limit == pytest.approx(7 * solver.limit(mc.Accumulate(), 7))


def test_a_random_part_stays_bounded():
    """Of two rows or more it settles; of a single row, or at a schedule's end, that is not said."""
    for budget, bounded in ((2, True), (30, True), (None, True), (1, False)):
        plan = by_title(mc.advise(20, 40, 4000, budget=budget))["a random part of all rows so far"]
        assert (plan.fate == "bounded") == bounded
        rise = np.diff(plan.errors[[250, 1000, 3999]])  # t^(1/k - 1) from its limit, or like log t
        assert rise[1] < 0.6 * rise[0] if bounded else rise[1] > 0.9 * rise[0]
    for question in ({"synthetic": [40, 50]}, {"synthetic": 40, "budget": [5, 6, 7]}):
        plan = by_title(mc.advise(20, **question))["a random part of all rows so far"]
        assert plan.fate == "undetermined"


def test_the_practitioners_numbers():
    """50,000 real rows, 500,000 sampled ones a month, for a year, 5,000 fresh ones or none."""
    found = mc.advise(50_000, 500_000, 12, fresh_real=5_000)
    rows = {plan.title: 50_000 / plan.last for plan in found.plans}
    assert rows["the last batch"] == pytest.approx(1 / (1 / 50_000 + 11 / 500_000))
    assert round(rows["the last batch"]) == 23_810
    assert round(rows["the first real rows and the last batch"]) == 35_269
    assert round(rows["all rows so far"]) == 44_064
    assert round(rows["fresh real rows and the last batch"]) == 27_913
    assert round(rows["all rows so far, fresh real rows too"]) == 46_563
    assert rows["all real rows alone"] == pytest.approx(105_000)
    limits = {plan.title: plan.limit for plan in found.plans}
    assert round(50_000 / limits["all rows so far"]) == 43_732
    few = mc.advise(50_000, 500_000, 12, fresh_real=2964).question
    weights = few.fresh / best_information(few, few.fresh)[1:]
    assert [round(100 * w) for w in weights[[0, -1]]] == [6, 7]


def test_long_windows_are_the_short_ones():
    """The compiled route of long windows begins with the other one's numbers."""
    short, long = (by_title(mc.advise(9, 30, T))["the last 3 batches"] for T in (1500, 2500))
    assert long.errors[:1500] == pytest.approx(short.errors, rel=1e-12)


def test_schedules_are_alike_in_every_form():
    """A number, a sequence, an array and a callable."""
    forms = 30, [30] * 4, np.full(4, 30), lambda t: 30 + 0 * t
    ends_of = [ends(mc.advise(9, form, 5, fresh_real=2, budget=8)) for form in forms]
    assert all(one == ends_of[0] for one in ends_of)
    assert mc.advise(9, [30] * 4).plans[1].limit == np.inf  # batches that are alike go on
    assert mc.advise(9, lambda _: 30, 5).plans[1].limit is None  # of a function nothing is known
