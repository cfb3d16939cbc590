"""Limits and growth rates against the recursions, infinite values, and what has no closed form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.families.gaussian.limits import (
    accumulate_limits,
    replace_limits,
    settling,
    subsample_limits,
)
from tests.helpers.replay import Bootstrap, Halving

QUICK = settings(max_examples=20)
EPS = np.finfo(float).eps
ROWS = np.random.default_rng(0).normal(size=(9, 2))


def loop(workflow, n=10, T=3, dim=1, ddof=0, **options):
    """Return the prediction of a loop."""
    return mc.predict(mc.Experiment(mc.Gaussian(dim, ddof), workflow, n, T, **options))


@QUICK
@given(n=st.integers(2, 20), ddof=st.sampled_from([0, 1]), heat=st.floats(0.3, 0.95))
def test_replace_below_the_boundary_converges(n, ddof, heat):
    """At ratio^T < eps the recursion has reached its limit, up to T roundings."""
    ratio = heat * (n - 1) / (n - ddof)
    T = int(np.ceil(np.log(EPS) / np.log(ratio))) + 1
    prediction = loop(mc.Replace(), n, T, ddof=ddof, temperature=heat)

    assert prediction.limits["variance"] == 0
    assert prediction["variance"][-1] <= EPS
    expected = prediction.limits["squared_error"]
    # What is still to come is below ratio^T / (1 - ratio) <= 20 eps.
    assert prediction["squared_error"][-1] == pytest.approx(expected, rel=2 * (T + 20) * EPS)


@pytest.mark.parametrize(
    ("n", "ddof", "heat", "variance"),
    [(10, 0, 10 / 9, 0.9), (10, 1, 1.0, 1.0), (10, 1, 1.1, np.inf), (3, 0, 1.6, np.inf)],
)
def test_replace_at_the_boundary_and_above(n, ddof, heat, variance):
    """On the boundary the variance stays at its first value and the mean diverges; above, both."""
    prediction = loop(mc.Replace(), n, 400, ddof=ddof, temperature=heat)

    assert prediction.limits["variance"] == pytest.approx(variance)
    assert prediction.limits["squared_error"] == np.inf
    # At the boundary each generation adds V / n to the error: 400 of them make 400 V / n.
    assert prediction["squared_error"][-1] >= 400 * (1 - 1 / n) / n * (1 - 1e-9)
    if np.isinf(variance):
        assert prediction["variance"][-1] > 1e10
    else:
        assert prediction["variance"] == pytest.approx(np.full(400, variance), rel=800 * EPS)


@QUICK
@given(n=st.integers(2, 50), ddof=st.sampled_from([0, 1]))
def test_accumulate_limit_is_the_recursions(n, ddof):
    """Beyond T the variance loses between 1/(n(T+1)) and 1/(nT), and twice that bounds the rest."""
    T = 2000
    prediction = loop(mc.Accumulate(), n, T, ddof=ddof)
    reached, limit = prediction["variance"][-1], prediction.limits["variance"]
    slack = 8 * T * EPS

    assert reached * (1 - 1 / (n * T - 1) - slack) <= limit
    assert limit <= reached * (1 - 1 / (n * (T + 1)) + 1 / (n * T) ** 2 + slack)
    if ddof == 0:
        assert prediction.limits["squared_error"] == pytest.approx(1 - limit, rel=1e-12)
    else:
        with pytest.raises(mc.NoClosedForm, match="squared_error"):
            prediction.limits["squared_error"]


@QUICK
@given(n=st.integers(2, 50))
def test_subsample_limit_is_the_recursions(n):
    """Beyond T the pool loses at most 2/((n - 1/T) T), and the fit (1 - 1/n) tn/(tn - 1) of it."""
    T = 2000
    prediction = loop(mc.AccumulateSubsample(), n, T)
    reached = prediction["variance"][-1] * (T * n - 1) / (T * n)
    slack, ahead = 8 * T * EPS, 2 / ((n - 1 / T) * T)

    assert reached * (1 - 2 * ahead - slack) <= prediction.limits["variance"]
    assert prediction.limits["variance"] <= reached * (1 + slack)
    assert prediction.limits["second_moment"] == pytest.approx(1.0, rel=1e-13)


@pytest.mark.parametrize("heat", [0.5, 0.8, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("ddof", [0, 1])
def test_power_laws(heat, ddof):
    """Between T and 2T the variance grows by 2^a, up to the factors' terms of second order.

    A factor is 1 + a/(j+1) + e_j with |e_j| <= (heat + a^2 + 2)/j^2, so the slope in log2 is off
    by at most that over T log 2, doubled for a/(j+1) against a/j.
    """
    T, n = 20_000, 5
    workflows = [mc.Accumulate(), mc.AccumulateSubsample(), mc.AccumulateSubsample(8)]
    for workflow in workflows:
        prediction = loop(workflow, n, 2 * T, ddof=ddof, temperature=heat)
        a = prediction.exponents["power"]
        slope = np.log2(prediction["variance"][-1] / prediction["variance"][T - 1])
        assert slope == pytest.approx(a, rel=0, abs=2 * (heat + a**2 + 2) / T / np.log(2))
        if heat != 1 and isinstance(workflow, mc.Accumulate):
            assert a == pytest.approx(heat - 1)
            assert prediction.limits["variance"] == (0 if heat < 1 else np.inf)


def test_unbiased_subsampling_has_no_limit():
    """At ddof 1 accumulate-subsample diverges; at another budget the limit is not known here."""
    unbiased = loop(mc.AccumulateSubsample(), ddof=1)

    assert set(unbiased.limits.values()) == {np.inf}
    with pytest.raises(mc.NoClosedForm, match="limit of AccumulateSubsample"):
        loop(mc.AccumulateSubsample(7)).limits["variance"]
    assert loop(mc.AccumulateSubsample(10)).limits["variance"] == subsample_limits(10)[0]


@pytest.mark.parametrize(
    ("quantity", "prediction", "reason"),
    [
        ("variance", loop(Bootstrap()), "has no batch_weights(sizes); add it"),
        ("second_moment", loop(Bootstrap()), "has no batch_weights"),
        ("log_variance", loop(mc.Replace(), dim=2), "logarithm of the trace"),
        ("log_variance", loop(mc.AccumulateSubsample()), "elsewhere see log_determinant_lower"),
        ("log_determinant", loop(mc.AccumulateSubsample()), "elsewhere see log_determinant_lower"),
        ("log_determinant", loop(mc.Accumulate(), dim=2), "accumulate in dim = 1"),
        ("log_determinant", loop(mc.Replace(), dim=2, truth=ROWS), "normal truth"),
        ("pseudo_log_determinant", loop(mc.Replace(), dim=2), "defined for samples <= dim"),
        (
            "pseudo_log_determinant",
            loop(mc.Replace(), 2, dim=2, truth=mc.Normal([0, 0], [[1, 0], [0, 2]])),
            "covariance s^2 I",
        ),
        ("pseudo_log_determinant", loop(mc.Accumulate(), 2, dim=2), "known for replace"),
        ("w2_squared", loop(mc.Replace(), dim=2), "dim = 1 with a normal truth"),
        ("w2_squared", loop(mc.KeepReal()), "known for replace and accumulate"),
        ("test_log_loss", loop(mc.Accumulate(), dim=2), "between test_log_loss_lower and"),
        ("test_log_loss", loop(mc.SlidingWindow(2)), "open: see its fate, and simulate it"),
        ("test_log_loss", loop(mc.Replace(), dim=2, truth=ROWS), "simulate it"),
    ],
)
def test_no_closed_form_says_why(quantity, prediction, reason):
    """The error, and the prediction's reasons, name the quantity and why it is open."""
    with pytest.raises(mc.NoClosedForm) as caught:
        prediction[quantity]

    assert str(caught.value).startswith(f"{quantity}: ")
    assert reason in str(caught.value)
    assert reason in prediction.reasons[quantity]
    assert quantity not in prediction.expected


@pytest.mark.parametrize("where", ["limits", "exponents"])
def test_open_limits_say_why(where):
    """A schedule has neither; each name says so, and nothing is listed."""
    prediction = loop(mc.Replace(), [5, 6, 7])
    for name in ("variance", "squared_error") if where == "limits" else ("lyapunov", "power"):
        with pytest.raises(mc.NoClosedForm, match=r"constant batch sizes|no power law"):
            getattr(prediction, where)[name]
    assert not getattr(prediction, where)


def test_unknown_quantities_list_near_names():
    """A typing error lists what is near."""
    with pytest.raises(mc.InvalidInput, match="unknown quantity 'varience'; did you mean variance"):
        loop(Halving())["varience"]
    with pytest.raises(KeyError):
        loop(Bootstrap())["variance"]


@pytest.mark.parametrize("workflow", [mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample()])
def test_thin_fits_have_infinite_logarithms(workflow):
    """With n <= d, log_determinant is -inf and the log-loss inf, with reasons."""
    prediction = loop(workflow, 3, dim=3)

    assert np.isneginf(prediction["log_determinant"]).all()
    assert np.isposinf(prediction["test_log_loss"]).all()
    assert prediction.reasons["log_determinant"].startswith("-inf: generation 1 has 3 rows")
    assert prediction.reasons["test_log_loss"].startswith("inf")


def test_log_loss_is_infinite_from_the_first_small_batch():
    """E tr S^-1 needs n > d + 2: the generation with fewer rows, and all after it, are infinite."""
    prediction = loop(mc.Replace(), [9, 8, 4, 9], 4, dim=2)

    assert np.isinf(prediction["test_log_loss"]).tolist() == [False, False, True, True]
    assert "inf from generation 3: a batch of 4 rows" in prediction.reasons["test_log_loss"]
    spread = loop(mc.Replace(), [9, 6, 5, 9], 4).variances["test_log_loss"]
    assert np.isinf(spread).tolist() == [False, False, True, True]


def test_dependent_columns_leave_the_loss_open():
    """A singular truth's fits span it when n > rank: their loss there is finite, and open."""
    wide = np.column_stack([ROWS, ROWS.sum(axis=1)])
    prediction = loop(mc.Accumulate(), 6, dim=3, truth=wide)

    assert np.isneginf(prediction["log_determinant"]).all()
    with pytest.raises(mc.NoClosedForm, match="test_log_loss"):
        prediction["test_log_loss"]
    assert np.isposinf(loop(mc.Accumulate(), 2, dim=3, truth=wide)["test_log_loss"]).all()


def test_limits_at_many_rows():
    """With n = 10^8 rows nothing is lost: limits lose no digits to cancellation but in 1 - V."""
    n = 10**8
    for variance, error in (accumulate_limits(n, 0), subsample_limits(n)):
        assert variance == pytest.approx(1.0, abs=4 / n)
        assert error == pytest.approx(0.0, abs=4 / n)
    assert replace_limits(n, 0, 1.0) == pytest.approx((0.0, 1.0), rel=1e-6)


@QUICK
@given(
    rows=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    weight=st.none() | st.floats(0.05, 0.95),
    heat=st.floats(0.2, 3),
    ddof=st.sampled_from([0, 1]),
    kept=st.booleans(),
)
def test_moments_settle_with_real_data(rows, weight, heat, ddof, kept):
    """At any temperature and ddof: the recursion's end, and the factor of what is left before it.

    It stands for fresh and for kept real data; where the factor is above 1 both moments explode.
    """
    real, sampled = rows
    workflow = mc.KeepReal(weight) if kept else mc.FreshData(real, sampled, weight)
    n = sampled + 1 if kept else real + 1
    p = loop(workflow, n, 1500, ddof=ddof, temperature=heat)
    V, R, fate = p["variance"], p["squared_error"], p.fates["variance"]

    if np.isinf(p.limits["variance"]):
        assert fate.verdict == p.fates["squared_error"].verdict == "diverges"
        grown = V[np.isfinite(V)]
        if fate.rate != "t" and grown[-1] > 1e30 * grown[0]:
            ratio = grown[-1] / grown[-2]
            assert float(fate.rate.removesuffix("^t")) == pytest.approx(ratio, rel=1e-6)
        return
    assert fate.verdict == "bounded"
    if settling(p.experiment).factor ** 1499 < EPS:  # others have not arrived
        assert V[-1] == pytest.approx(p.limits["variance"], rel=1e-9)
        assert R[-1] == pytest.approx(p.limits["squared_error"], rel=1e-9)
    known = mc.mixed.kept_moments(weight, n, n, heat) if kept else None
    known = known or mc.mixed.fresh_fixed_point(real, sampled, heat, weight)
    if ddof == 0:
        assert p.limits["variance"] == pytest.approx(known.variance, rel=1e-9)
        assert p.limits["squared_error"] == pytest.approx(known.squared_error, rel=1e-9)


def test_the_critical_temperature_is_where_the_limit_ends():
    """Just below it moments settle, just above they explode, by a factor near 1."""
    critical = float(mc.mixed.fresh_critical_temperature(20, 80))
    below = loop(mc.FreshData(20, 80), 20, 3, temperature=critical * (1 - 1e-9))
    above = loop(mc.FreshData(20, 80), 20, 3, temperature=critical * (1 + 1e-9))

    assert np.isfinite(below.limits["variance"])
    assert np.isinf(above.limits["variance"])
    assert above.fates["variance"].rate.startswith("1.0000000")


def test_sizes_that_differ_decide_nothing():
    """A schedule may go on in any way."""
    p = loop(mc.KeepReal(), [5, 6, 7], 3, temperature=1.2)
    assert p.fates["variance"].verdict == "undetermined"
    assert "variance" not in p.limits
