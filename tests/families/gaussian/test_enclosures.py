"""Bounds under accumulate in any dimension: rules, moments of a step, and what they enclose."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.families.gaussian import distances, enclosures, loss_variances, pooled_laws
from modelcollapse.testing import assert_mean
from theory import gaussian_loss, gaussian_spectrum
from theory.gaussian_loop import Loop

POINTS = st.lists(st.floats(0.2, 5), min_size=3, max_size=7, unique=True)


def loop(n, d, generations=4, ddof=0, truth=None, workflow=None, **options):
    """Return an experiment, by default under accumulate."""
    workflow = workflow or mc.Accumulate()
    return mc.Experiment(
        mc.Gaussian(d, ddof=ddof), workflow, n, generations, truth=truth, **options
    )


@given(POINTS, st.lists(st.floats(0.05, 1), min_size=7, max_size=7))
def test_rules_are_exact_for_powers_and_enclose_others(points, shares):
    """Two nodes up to the third power, and with one at the end up to the fourth."""
    x, w = np.array(points), np.array(shares[: len(points)])
    moments, end = [np.asarray(w @ x**k) for k in range(5)], np.asarray(x.min() / 2)
    inner, outer, short = (
        enclosures.gauss(moments[:4]),
        enclosures.radau(moments, end),
        enclosures.radau(moments[:3], end),
    )
    for rule, order in ((inner, 3), (outer, 4), (short, 2)):
        for k in range(order + 1):
            assert rule.of(lambda y, k=k: y**k) == pytest.approx(moments[k], rel=1e-6)
    slack = 1e-7 * w.sum()
    for f in (np.log, np.sqrt):
        assert outer.of(f) - slack <= w @ f(x) <= inner.of(f) + slack
    for above in (outer, short):
        assert inner.of(np.reciprocal) - slack <= w @ (1 / x) <= above.of(np.reciprocal) + slack


def test_a_measure_of_one_point_is_its_own_rule():
    """Without any spread the nodes coincide: as with endless rows."""
    moments = [np.array([2.0]), np.array([0.0]), np.array([0.0]), np.array([0.0])]
    assert enclosures.gauss(moments).of(lambda y: np.log(1.5 + y)) == pytest.approx(2 * np.log(1.5))


def test_moments_of_the_pool_are_those_of_the_theory():
    """E tr P_t^k/d up to the third power, any sizes, ddof and temperature."""
    e = loop([6, 4, 9, 5], 3, 4, 1, temperature=1.25)
    found = enclosures.spectral_moments(e)
    exact = Loop("accumulate", (6, 4, 9, 5), 1, gaussian_spectrum.Rational(5, 4), dim=3)
    for k in (1, 2, 3):
        wanted = [float(value) for value in gaussian_spectrum.traces(exact, k)]
        assert found[k] == pytest.approx(wanted, rel=1e-13)


def test_moments_of_a_step_are_those_of_matrices(seed):
    """Powers of B - mu under the trace, and along z: 200,000 matrices, to five deviations."""
    d, count = 3, 200_000
    e = loop([5, 4], d, 2)
    step, rng = enclosures.steps(e), np.random.default_rng(seed)
    z = rng.standard_normal((count, 4, d))
    weights = np.array([1 / 9, 1 / 9, 1 / 9, 5 / 81])
    B = np.einsum("i,rij,rik->rjk", weights, z, z) + 5 / 9 * np.eye(d) - step.mean[0] * np.eye(d)
    power = np.eye(d)
    for k in range(5):
        power = power @ B if k else np.broadcast_to(np.eye(d), B.shape)
        traces = np.trace(power, axis1=1, axis2=2) / d
        gap = 5 * traces.std() / np.sqrt(count) + 1e-12
        assert abs(traces.mean() - step.spectrum[k][0]) < gap
        if k < 4:
            along = np.einsum("rj,rjk,rk->r", z[:, 3], power, z[:, 3]) / d
            gap = 5 * along.std() / np.sqrt(count) + 1e-12
            assert abs(along.mean() - step.along[k][0]) < gap


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.5])
def test_one_dimension_lies_between(ddof, temperature):
    """Where log-determinant, loss and E sqrt v are exact."""
    e = loop([8, 9, 4, 20, 6], 1, 5, ddof, temperature=temperature)
    steps = pooled_laws.accumulated(e)
    low, high = enclosures.losses(e)
    exact = pooled_laws.test_loss_mean(e, steps)
    assert (low.whole <= exact + 1e-12).all()
    assert (exact <= high.whole + 1e-12).all()
    root = enclosures.roots(e)
    assert (root.low <= steps.root + 1e-12).all()
    assert (steps.root <= root.high + 1e-12).all()


@pytest.mark.parametrize("d", [1, 2, 3, 10, 30])
def test_bounds_are_within_ten_per_cent(d):
    """At n = 10 d: of the excess over the entropy, E log det and W2; late, and in the end."""
    n = 10 * d
    p = mc.predict(loop(n, d, 100))
    entropy = d / 2 * (1 + np.log(2 * np.pi))

    def within(name, part, times, base=0.0):
        low, high = (np.abs(part[f"{name}_{side}"] - base) for side in ("lower", "upper"))
        ratio = np.atleast_1d(low / high)[times]
        return (np.abs(np.log(ratio)) < np.log(1.1)).all()

    for name, base in (("test_log_loss", entropy), ("log_determinant", 0), ("w2_squared", 0)):
        if d > 1:
            assert within(name, p, [0, 9, 99], base)
        assert within(name, p.limits, [0], base)


def test_limits_enclose_late_generations():
    """The exact numbers of one dimension, and the bounds of three, go on towards them."""
    for d, T in ((1, 3000), (3, 3000)):
        p = mc.predict(loop(12, d, T))
        for name in ("test_log_loss", "log_determinant", "w2_squared"):
            low, high = p.limits[f"{name}_lower"], p.limits[f"{name}_upper"]
            assert low < high
            if d == 1:
                last, before = p[name][-1], p[name][T // 2]
                # What is left falls as 1/t.
                assert low < last + (last - before) < high
            else:
                assert low <= p[f"{name}_upper"][-1] + 1e-3
                assert p[f"{name}_lower"][-1] <= high + 1e-3


@pytest.mark.parametrize(("n", "d", "ddof", "heat"), [(20, 2, 0, 1.0), (10, 3, 1, 1.3)])
def test_runs_lie_between(n, d, ddof, heat, seed):
    """Means of bounded parts: a loss that is cut off has no larger mean, and W2 no smaller one."""
    T, most = 6, 60.0
    e = loop(n, d, T, ddof, temperature=heat)
    p = mc.predict(e)
    runs = mc.simulate(e, 40_000, seed, [2, T], extra=["test_log_loss", "w2_squared"])
    for i, t in enumerate((2, T)):
        loss, far = runs["test_log_loss"][:, i], runs["w2_squared"][:, i]
        cut = np.minimum(loss, most)
        spread = float(most * p["test_log_loss_upper"][t - 1])
        assert_mean(cut, float(p["test_log_loss_upper"][t - 1]), spread, side="above")
        # What is cut off is far less than what this can see.
        assert_mean(cut, float(p["test_log_loss_lower"][t - 1]), spread, side="below")
        spread = float(d**2 * 9)
        assert_mean(far, float(p["w2_squared_upper"][t - 1]), spread, side="above")
        assert_mean(far, float(p["w2_squared_lower"][t - 1]), spread, side="below")


@pytest.mark.parametrize(
    "workflow", [mc.AccumulateSubsample(), mc.SlidingWindow(2), mc.KeepReal(0.3), mc.Edit(rows=3)]
)
def test_w2_elsewhere_lies_between_its_moments_bounds(workflow, seed):
    """R + (sqrt V - 1)^2 below, and in one dimension Hoelder's inequality above."""
    e = loop(9, 1, 6, workflow=workflow, truth=mc.Normal(2, 4))
    p, runs = mc.predict(e), mc.simulate(e, 20_000, seed, [6])
    values, spread = runs["w2_squared"][:, 0], 16 * 4.0
    assert_mean(values, float(p["w2_squared_lower"][-1]), spread, side="below")
    assert_mean(values, float(p["w2_squared_upper"][-1]), spread, side="above")
    plane = mc.predict(loop(9, 2, 6, workflow=workflow))
    assert "w2_squared_upper" not in plane
    assert plane["w2_squared_lower"][-1] > 0


def test_a_short_real_batch_has_an_infinite_loss_for_ever():
    """At most dim + 2 rows, whatever weights follow; and not where fresh rows come."""
    for workflow in (mc.Accumulate(), mc.SlidingWindow(2), mc.KeepReal(0.5)):
        p = mc.predict(loop(5, 3, workflow=workflow))
        assert np.isposinf(p["test_log_loss"]).all()
        assert "dim + 2 = 5" in p.reasons["test_log_loss"]
        assert p.fates["test_log_loss"].rate == "inf from generation 1"
    assert "test_log_loss" not in mc.predict(loop(5, 3, workflow=mc.FreshData(9, 9)))
    assert not np.isinf(mc.predict(loop(6, 3))["test_log_loss_upper"]).any()


def test_directions_of_their_own_have_bounds_too():
    """A truth that is not round: the same bound above, and one dimension's below."""
    long = mc.predict(loop(20, 3, 4, truth=mc.Normal(np.zeros(3), np.diag([100.0, 1, 0.01]))))
    round_ = mc.predict(loop(20, 3, 4, truth=mc.Normal(np.zeros(3), 101.01 / 3 * np.eye(3))))
    assert long["w2_squared_upper"] == pytest.approx(round_["w2_squared_upper"])
    assert (long["w2_squared_lower"] < round_["w2_squared_lower"]).all()
    runs = mc.simulate(long.experiment, 4000, 1, [4], extra=["w2_squared"])["w2_squared"][:, 0]
    gap = 5 * runs.std() / np.sqrt(len(runs))
    assert long["w2_squared_lower"][-1] - gap < runs.mean() < long["w2_squared_upper"][-1] + gap
    assert distances.is_enclosed(long.experiment)


@pytest.mark.parametrize("n", [10**4, 10**7, 10**10])
def test_the_variance_of_a_loss_loses_no_digit(n):
    """It is of the order 1/n^2, of terms of 1/n: of many rows (sum 1/s^2)^2/n^2."""
    found = mc.predict(loop(n, 1, 5)).variances["test_log_loss"] * float(n) ** 2
    assert found == pytest.approx(np.cumsum(1 / np.arange(1, 6) ** 2) ** 2, rel=40 / n + 1e-5)


def test_nodes_and_integrals_agree():
    """Two routes to the moments of a step, where both have digits."""
    steps = pooled_laws.pool_steps(loop([900, 700, 1200, 1000], 1, 4, temperature=1.2))
    nodes = loss_variances.pooled(*steps)
    with mock.patch.object(loss_variances, "NEAR", 0.0):
        integrals = loss_variances.pooled(*steps)
    for one, other in zip(nodes, integrals, strict=True):
        for name in ("one", "along", "both", "four", "logs", "drawn"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-7)
        for name in ("spread", "square", "cross", "gap"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-11)


@pytest.mark.parametrize("n", [12, 50, 400])
def test_replaces_variance_of_a_loss_loses_no_digit(n):
    """The symbolic one, in thirty digits."""
    exact = gaussian_loss.test_log_loss_variance(Loop("replace", (n, n + 3, n), 1))
    wanted = [float(value.evalf(30)) for value in exact]
    found = mc.predict(loop([n, n + 3, n], 1, 3, 1, workflow=mc.Replace())).variances
    assert found["test_log_loss"] == pytest.approx(wanted, rel=1e-11)


@pytest.mark.parametrize("n", [10**9, 10**12])
@pytest.mark.parametrize("d", [2, 100])
def test_bounds_of_many_rows_do_not_cross_by_rounding(n, d):
    """Both sides have room for what their sums round."""
    for heat in (0.7, 1.0, 1.5):
        p = mc.predict(mc.Experiment(mc.Gaussian(d), mc.Accumulate(), n, 20, temperature=heat))
        for name in ("w2_squared", "log_determinant", "test_log_loss"):
            assert (p[f"{name}_lower"] <= p[f"{name}_upper"]).all()


def test_what_the_expected_determinant_says_of_its_logarithm():
    """Where it vanishes, and the trace does not: by Jensen the logarithm falls without end."""
    e = mc.Experiment(mc.Gaussian(3, 1), mc.Edit(share=0.02), 10, 3, temperature=1.2)
    fates = mc.predict(e).fates
    assert (fates["variance"].verdict, fates["determinant"].verdict) == ("diverges", "clumps")
    assert (fates["log_determinant"].verdict, fates["log_determinant"].rate) == (
        "diverges",
        "to -inf",
    )
