"""Curated loops: closed forms, quadratures and bounds against independent routes."""

import copy
import json
from dataclasses import replace
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.families import curated
from modelcollapse.families.curated import LabelVerifier, RegionVerifier, labels
from modelcollapse.families.curated.predict import BinomialShare
from modelcollapse.families.curated.regions import kept_rows
from modelcollapse.ledger.entries.curated.labels import _enumerated
from modelcollapse.workflows import FreshData
from tests.helpers.conventions import used

CHANCE = st.floats(0, 1)
POSITIVE = st.floats(0.01, 1)
OFFSET, RADIUS = st.floats(-20, 20), st.floats(0.01, 20)


@given(
    n=st.integers(1, 6),
    p=st.fractions(0, 1, max_denominator=9),
    phi=st.fractions(0, 1, max_denominator=9),
    psi=st.fractions(0, 1, max_denominator=9),
)
def test_the_majority_by_enumeration(n, p, phi, psi):
    """All 3^n outcomes, in rationals."""
    exact = _enumerated(n, p, phi, psi)
    found = curated.majority_correct(n, float(p), float(phi), float(psi))

    assert found == pytest.approx(float(exact), abs=1e-13)


@given(n=st.integers(1, 300), p=CHANCE, q=CHANCE, phi=CHANCE, psi=CHANCE)
def test_the_majority_is_monotone_and_symmetric(n, p, q, phi, psi):
    """Fewer wrong labels and a better verifier help; exchanging right and wrong mirrors it."""
    low, high = min(p, q), max(p, q)
    found = curated.majority_correct(n, low, phi, psi)

    assert found >= curated.majority_correct(n, high, phi, psi) - 1e-12
    assert found <= curated.majority_correct(n, low, phi, psi * q) + 1e-12
    mirrored = curated.majority_correct(n, 1 - low, psi, phi)
    assert found + mirrored == pytest.approx(1, abs=1e-10)


@given(n=st.integers(1, 3000), p=CHANCE, phi=CHANCE, psi=CHANCE)
def test_the_majority_of_many_labels_is_that_of_few(n, p, phi, psi):
    """The integral for many labels and the sum for few are the same at every number of them.

    The sum's logarithms are of the order n log n, and each of its chances has their rounding.
    """
    right, wrong = (1 - p) * phi, p * psi
    assume(right + wrong > 0)
    found = labels._many(n, right, wrong)
    slack = 1e-15 * (16 + n * np.log(n + 1))
    assert found == pytest.approx(curated.majority_correct(n, p, phi, psi), rel=0, abs=slack)


def test_the_majority_without_a_verifier_is_condorcets():
    """All labels kept: the binomial tail for odd n, and n - 1 for even n."""
    tail = sum(
        Fraction(3, 4) ** k * Fraction(1, 4) ** (7 - k) * w
        for k, w in [(4, 35), (5, 21), (6, 7), (7, 1)]
    )

    assert curated.majority_correct(7, 0.25, 1.0, 1.0) == pytest.approx(float(tail), rel=1e-13)
    assert curated.majority_correct(8, 0.25, 1.0, 1.0) == pytest.approx(float(tail), rel=1e-13)
    assert curated.majority_correct(5, 0.3, 0.0, 0.0) == 0.5
    assert curated.majority_correct(5, 0.0, 1.0, 0.5) == 1.0
    assert curated.majority_correct(10**5, 0.74, 0.9, 0.3) > 1 - 1e-6
    assert curated.majority_correct(10**5, 0.76, 0.9, 0.3) < 1e-6


@given(p=POSITIVE, phi=POSITIVE, psi=POSITIVE)
def test_the_break_down_point_is_where_half_of_the_kept_are_wrong(p, phi, psi):
    """Below it fewer than half are wrong, above it more, at it half."""
    point = curated.break_down_point(phi, psi)
    wrong = curated.kept_label_error(p, phi, psi)

    assert curated.kept_label_error(point, phi, psi) == pytest.approx(0.5)
    if abs(p - point) > 1e-9:
        assert (wrong < 0.5) == (p < point)
    if phi >= psi:
        assert wrong <= p * (1 + 1e-12)
        assert point >= 0.5


@pytest.mark.parametrize(
    ("offset", "radius"), [(0.3, 0.5), (2, 1), (5, 1), (-3, 4), (20, 0.1), (0.7, 15), (300, 2)]
)
def test_kept_rows_against_mpmath(offset, radius):
    """Four moments of a normal restricted to an interval, to 12 digits."""
    with mpmath.workdps(60):
        low, high = mpmath.mpf(-radius), mpmath.mpf(radius)
        peak = min(max(mpmath.mpf(offset), low), high)
        cuts = sorted({low, high, *[min(max(peak + k, low), high) for k in (-8, -1, 0, 1, 8)]})
        cuts = sorted({*cuts, *[c for k in (0.01, 0.1) for c in (peak - k, peak + k)]})
        cuts = [c for c in cuts if low <= c <= high]

        def integral(f):
            return mpmath.quad(
                lambda x: f(x) * mpmath.exp(-((x - offset) ** 2 - (peak - offset) ** 2) / 2), cuts
            )

        mass = integral(lambda _: 1)
        mean = integral(lambda x: x) / mass
        exact = [mean] + [integral(lambda x, k=k: (x - mean) ** k) / mass for k in (2, 3, 4)]
    found = kept_rows(offset, radius)

    for value, wanted in zip(found, exact, strict=True):
        assert value == pytest.approx(float(wanted), rel=1e-10, abs=1e-14)


@given(offset=OFFSET, radius=RADIUS)
def test_kept_rows_are_drawn_to_the_centre(offset, radius):
    """Odd mean, contraction by rho, variance at most rho, and a skew towards the centre."""
    rho = curated.contraction_rate(radius)
    kept, mirrored = kept_rows(offset, radius), kept_rows(-offset, radius)

    assert kept.mean == -mirrored.mean
    assert abs(kept.mean) <= rho * abs(offset) * (1 + 1e-12) + 1e-15
    assert abs(kept.mean) <= radius
    assert 0 < kept.variance <= rho * (1 + 1e-12)
    assert kept.third * np.sign(offset) <= 1e-14
    assert kept.fourth <= 3 * (1 + 1e-12)
    assert rho <= min(1, radius**2 / 3) * (1 + 1e-12)


def test_the_contraction_rate():
    """The closed form of the two branches, and the slope at the centre by a small step."""
    with mpmath.workdps(40):
        for a in (0.01, 0.5, 0.9999, 1.0, 1.5, 3.0, 8.0):
            density = mpmath.npdf(a)
            exact = 1 - 2 * a * density / (2 * mpmath.ncdf(a) - 1)
            assert curated.contraction_rate(a) == pytest.approx(float(exact), rel=1e-12)
    assert curated.contraction_rate(3.0, 2.0) == curated.contraction_rate(1.5)
    slope = kept_rows(1e-6, 1.5).mean / 1e-6
    assert slope == pytest.approx(curated.contraction_rate(1.5), rel=1e-6)


@given(start=st.floats(-30, 30), centre=st.floats(-5, 5), radius=st.floats(0.1, 3))
def test_the_population_loop_finds_the_centre(start, centre, radius):
    """Each round at least by the rate, and in the unit of the spread."""
    means = curated.population_means(start, centre, radius, generations=20)
    gaps, rho = np.abs(means - centre), curated.contraction_rate(radius)
    scaled = curated.population_means(3 * start, 3 * centre, 3 * radius, 3.0, 20)

    assert (gaps[1:] <= rho * gaps[:-1] * (1 + 1e-9) + 1e-14).all()
    assert scaled == pytest.approx(3 * means, abs=1e-11)


@given(
    n=st.integers(2, 200),
    kept=st.integers(1, 200),
    centre=st.floats(-3, 3),
    radius=st.floats(0.2, 4),
    spread=st.floats(0.5, 2),
)
def test_bounds_hold_where_the_round_is_exact(n, kept, centre, radius, spread):
    """Generations 1 and 2: the exact mean and variance lie within the bounds for any t."""
    e = mc.Experiment(RegionVerifier(centre, radius, spread), mc.Replace(), [n, kept], 2, truth=0.3)
    prediction, slack = mc.predict(e), 1 + 1e-9
    distance, error = prediction["centre_distance"], prediction["squared_error"]
    low, high = curated.error_bounds(e)
    spreads = curated.variance_bounds(e)

    assert distance[0] == pytest.approx(((centre - 0.3) / spread) ** 2 + 1 / n)
    assert (distance <= curated.distance_bound(e) * slack).all()
    assert (low <= error * slack + 1e-15).all()
    assert (error <= high * slack).all()
    for name, bound in zip(("centre_distance", "squared_error"), spreads, strict=True):
        assert (prediction.variances[name] <= bound * slack).all()
        assert (prediction.variances[name] >= 0).all()
    exact = curated.verified_round(n, kept, centre - 0.3, radius, spread)
    assert error[1] == pytest.approx(exact, rel=1e-12)


def test_when_a_verified_round_helps():
    """The right centre helps whenever kept rows are many; a wrong one hurts, whatever they are."""
    rho = curated.contraction_rate(1.0)
    for n in (3, 10, 100):
        enough = int(np.ceil(rho * n / (1 - rho**2)))
        assert curated.verified_round(n, enough, 0.0, 1.0) < 1 / n
    assert curated.verified_round(10, 10**6, 2.0, 1.0) > 1 / 10
    assert curated.verified_round(10, 10**6, 0.1, 1.0) < 1 / 10
    assert curated.verified_round(10, 50, 0.0, 50.0) == pytest.approx(1 / 10 + 1 / 50, rel=1e-9)


def test_bounds_over_a_long_loop():
    """The distance forgets its start; the error cannot come back below what the centre is off."""
    e = mc.Experiment(RegionVerifier(2.0, 1.0), mc.Replace(), 400, 60)
    rho = curated.contraction_rate(1.0)
    low, high = curated.error_bounds(e)

    assert curated.distance_bound(e)[-1] == pytest.approx(rho / 400 / (1 - rho**2), rel=1e-9)
    assert low[0] == high[0] == 1 / 400
    assert 3.7 < low[-1] < 4 < high[-1] < 4.3
    for call in (curated.distance_bound, curated.error_bounds, curated.variance_bounds):
        with pytest.raises(mc.NoClosedForm, match="for replace"):
            call(mc.Experiment(RegionVerifier(), mc.KeepReal(), 5, 3))


def test_label_predictions():
    """Law, limit and contraction of the two-state chain."""
    model = LabelVerifier(0.9, 0.4, 0.2, 6)
    e = mc.Experiment(model, mc.Replace(), 4, 60, truth=0.4)
    prediction = mc.predict(e)
    error, law = prediction["label_error"], prediction.laws["label_error"][2]
    first = curated.majority_correct(4, 0.4, 0.9, 0.4)
    right = curated.majority_correct(4, 0.2, 0.9, 0.4)
    wrong = curated.majority_correct(4, 0.8, 0.9, 0.4)

    assert error[0] == pytest.approx(1 - first, rel=0, abs=1e-15)
    assert error[1] == pytest.approx(1 - (right * first + wrong * (1 - first)))
    assert prediction.limits["label_error"] == pytest.approx(error[-1], rel=1e-12)
    assert prediction.exponents["contraction"] == right - wrong
    assert prediction.variances["label_error"] == pytest.approx(error * (1 - error) / 6)
    assert (law.mean, law.variance) == (error[2], prediction.variances["label_error"][2])
    assert prediction.fates["label_error"].verdict == "bounded"


def test_label_limits_at_the_edges():
    """Nothing ever changes: the limit is the start. Sizes that vary: no limit."""
    still = mc.Experiment(LabelVerifier(1.0, 1.0, 0.0), mc.Replace(), 5, 9, truth=0.2)
    varying = mc.Experiment(LabelVerifier(), mc.Replace(), [3, 4, 5], 3)
    single = mc.Experiment(LabelVerifier(), mc.Replace(), 3, 1)

    assert mc.predict(still).limits["label_error"] == mc.predict(still)["label_error"][-1]
    assert mc.predict(varying)["label_error"].shape == (3,)
    with pytest.raises(mc.NoClosedForm, match="one size"):
        _ = mc.predict(varying).limits["label_error"]
    with pytest.raises(mc.NoClosedForm, match="generations >= 2"):
        _ = mc.predict(single).limits["label_error"]


def test_the_binomial_share():
    """Its cdf jumps at k/cells, exactly there."""
    law = BinomialShare(3, 0.5)
    points = np.array([-0.1, 0.0, 0.2, 1 / 3, np.nextafter(1 / 3, 0), 2 / 3, 0.99, 1.0, 2.0])

    exact = [0, 1 / 8, 1 / 8, 1 / 2, 1 / 8, 7 / 8, 7 / 8, 1, 1]
    assert law.cdf(points) == pytest.approx(exact)


def test_region_predictions_beyond_one_round_say_why():
    """No number is given where there is no exact one."""
    e = mc.Experiment(RegionVerifier(1.0), mc.Replace(), 5, 3)
    prediction = mc.predict(e)

    with pytest.raises(mc.NoClosedForm, match="distance_bound"):
        _ = prediction["squared_error"]
    assert prediction.exponents["contraction"] == curated.contraction_rate(1.0)
    assert prediction.fates["squared_error"].verdict == "bounded"
    once = mc.Experiment(RegionVerifier(1.0), mc.Replace(), 5, 1)
    assert mc.predict(once)["squared_error"].tolist() == [0.2]
    kept = mc.Experiment(RegionVerifier(1.0), mc.KeepReal(0.5), 5, 2)
    assert "squared_error" not in mc.predict(kept)


@pytest.mark.parametrize("model", [LabelVerifier(0.8, 0.1, 0.2, 3), RegionVerifier(1.0, 2.0, 3.0)])
def test_models_are_values(model):
    """A copy is the same, and what it says is plain data."""
    twin = copy.deepcopy(model)

    assert model.described() == twin.described() != type(model)().described()
    assert eval(repr(model)).described() == model.described()  # noqa: S307 - its own repr
    assert json.loads(json.dumps(model.described())) == model.described()
    e = mc.Experiment(model, mc.Replace(), 5, 2)
    assert mc.Experiment(model, mc.Replace(), 5, 2, truth=e.truth).truth == e.truth
    assert e.truth.described() == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: used(LabelVerifier(keep_correct=1.2)), "keep_correct = 1.2"),
        (lambda: used(LabelVerifier(keep_wrong=-0.1)), "keep_wrong = -0.1"),
        (lambda: used(LabelVerifier(noise=np.nan)), "noise = nan"),
        (lambda: used(LabelVerifier(noise="much")), "noise = 'much'"),
        (lambda: used(LabelVerifier(cells=0)), "cells = 0"),
        (lambda: used(RegionVerifier(np.inf)), "centre = inf"),
        (lambda: used(RegionVerifier("here")), "centre = 'here'"),
        (lambda: used(RegionVerifier(0, 0)), "radius = 0"),
        (lambda: used(RegionVerifier(0, 1, -1)), "spread = -1"),
        (lambda: mc.Experiment(LabelVerifier(), mc.Accumulate()), "LabelVerifier supports"),
        (lambda: mc.Experiment(LabelVerifier(), mc.Replace(), truth=1.5), "truth = 1.5"),
        (lambda: mc.Experiment(LabelVerifier(), mc.Replace(), truth=[0.1]), "truth = [0.1]"),
        (lambda: mc.Experiment(RegionVerifier(), mc.Replace(), truth="0"), "truth = '0'"),
        (lambda: mc.Experiment(RegionVerifier(), mc.AccumulateSubsample()), "AccumulateSubsample("),
        (lambda: mc.Experiment(RegionVerifier(), FreshData(3, 3)), "workflow = FreshData("),
        (
            lambda: mc.Experiment(RegionVerifier(), mc.Replace(), temperature=2.0),
            "belongs to the Gaussian",
        ),
        (
            lambda: mc.simulate(mc.Experiment(LabelVerifier(), mc.Replace()), 5, test=9),
            "test = 9",
        ),
        (
            lambda: mc.simulate(mc.Experiment(LabelVerifier(), mc.Replace()), 5, extra=["mise"]),
            "extra quantity 'mise'",
        ),
        (lambda: LabelVerifier().fit([[0.5]]), "1 for a correct label"),
        (lambda: LabelVerifier(cells=2).fit([[1.0]]), "dim = 2"),
        (lambda: RegionVerifier().fit([[np.nan]]), "X[0, 0] = nan"),
        (lambda: curated.kept_label_error(1.0, 1.0, 0.0), "let no label pass"),
        (lambda: curated.kept_label_error(2.0, 1.0, 0.0), "label_error = 2"),
        (lambda: curated.break_down_point(0.0, 0.0), "keep_correct + keep_wrong = 0"),
        (lambda: curated.majority_correct(0, 0.1, 1, 1), "samples = 0"),
        (lambda: curated.contraction_rate(-1), "radius = -1"),
        (lambda: curated.population_means("a", 0, 1), "start = 'a'"),
        (lambda: curated.population_means(0, -np.inf, 1), "centre = -inf"),
        (lambda: curated.population_means(0, 0, 1, generations=0), "generations = 0"),
        (lambda: curated.verified_round(0, 1, 0, 1), "real = 0"),
    ],
)
def test_wrong_input(call, message):
    """Wrong input names the argument, its value and what is allowed."""
    with pytest.raises(mc.InvalidInput) as caught:
        call()

    assert message in str(caught.value)


def test_a_table_has_no_limit():
    """Replace's weights for four generations say nothing of the fifth."""
    e = mc.Experiment(mc.LabelVerifier(), mc.Weighted(np.eye(4)), 9, 4)
    p = mc.predict(e)

    assert "label_error" in p
    assert "label_error" not in p.limits
    assert "contraction" not in p.exponents
    assert "label_error" not in mc.predict(replace(e, workflow=mc.Replace(), generations=1)).limits
