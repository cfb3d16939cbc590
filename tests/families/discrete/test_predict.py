"""Discrete predictions against the whole law of small loops, in fractions; and inputs."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.families.discrete import (
    Categorical,
    Discrete,
    chains,
    enumeration,
    exact_law,
    zipf,
)
from modelcollapse.testing import EstimatorContract
from tests.helpers.conventions import used
from tests.helpers.discrete_oracle import QUANTITIES, WITH_VARIANCE, entropy, exact
from tests.helpers.replay import Bootstrap

POOLS = st.one_of(
    st.just(mc.Accumulate()),
    st.just(mc.AccumulateSubsample()),
    st.builds(mc.AccumulateSubsample, st.integers(1, 8)),
)
EPS = np.finfo(float).eps


@st.composite
def loops(draw):
    """Draw a small loop with rational probabilities, one of them possibly zero."""
    shares = draw(st.lists(st.integers(0, 4), min_size=2, max_size=3))
    if sum(x > 0 for x in shares) < 2:
        shares = [1, 2]
    workflow = draw(st.one_of(st.just(mc.Replace()), POOLS))
    replace = isinstance(workflow, mc.Replace)
    most = (5, 4) if replace else (3, 3)
    sizes = draw(st.lists(st.integers(1, most[0]), min_size=1, max_size=most[1]))
    if draw(st.booleans()):
        sizes = [sizes[0]] * len(sizes)
    truth = [Fraction(x, sum(shares)) for x in shares]
    return mc.Experiment(Discrete(len(shares)), workflow, sizes, len(sizes), truth=truth)


@given(loops())
def test_predictions_are_those_of_the_whole_law(e):
    """Every mean and variance over replicates, at every generation; 1e4 roundings of O(1)."""
    prediction = mc.predict(e)
    slack = 1e4 * EPS
    for t, law in enumerate(exact_law(e)):
        assert enumeration.mean(law, lambda _: Fraction(1)) == 1
        for quantity in QUANTITIES:
            value = exact(quantity, e)
            mean = enumeration.mean(law, value)
            assert prediction[quantity][t] == pytest.approx(float(mean), rel=0, abs=slack)
            if quantity in WITH_VARIANCE:
                spread = enumeration.mean(law, lambda c, v=value, m=mean: (v(c) - m) ** 2)
                found = prediction.variances[quantity][t]
                assert found == pytest.approx(float(spread), rel=0, abs=slack)
        assert prediction["entropy"][t] == pytest.approx(entropy(law), rel=0, abs=slack)


@given(loops())
def test_no_outcome_gains_on_average(e):
    """The fitted probabilities are a martingale, exactly."""
    truth = enumeration.fractions(e)
    for law in exact_law(e):
        for i, p in enumerate(truth):
            assert enumeration.mean(law, lambda c, i=i: Fraction(c[i], sum(c))) == p


@pytest.mark.parametrize(
    "workflow",
    [
        *(mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample(4), mc.SlidingWindow(2)),
        *(mc.KeepReal(), mc.KeepReal(0.3), mc.FreshData(2, 3), mc.FreshData(2, 3, 0.6)),
        *(mc.Web(1, 3), mc.Weighted([[1], [0.5, 0.5], [0.2, 0.3, 0.5]])),
    ],
    ids=repr,
)
def test_what_is_kept_and_what_is_lost_is_everything(workflow):
    """E H_t = H_0 (1 - squared error), inflation and effective samples are that error."""
    e = mc.Experiment(Discrete(3), workflow, 5, 3, truth=[0.5, 0.3, 0.2])
    p = mc.predict(e)

    np.testing.assert_allclose(p["heterozygosity"], 0.62 * (1 - p["squared_error"]), rtol=1e-13)
    np.testing.assert_allclose(p["inflation"], 5 * p["squared_error"], rtol=1e-15)
    np.testing.assert_allclose(p["effective_samples"] * p["squared_error"], 1, rtol=1e-15)


def test_replace_and_pools_agree_with_the_solver():
    """The room's own recursions and the package's solver are two routes."""
    from modelcollapse import solver

    sizes = np.array([7, 3, 12, 5, 5])
    for workflow in (mc.Replace(), mc.Accumulate(), mc.SlidingWindow(1)):
        e = mc.Experiment(Discrete(9), workflow, sizes, 5)
        other = solver.squared_errors(workflow, sizes, curvature=-1.0)
        np.testing.assert_allclose(mc.predict(e)["squared_error"], other, rtol=1e-13)


def test_a_real_row_that_keeps_its_weight_is_never_lost():
    """Batch 1 decides under keep-real and accumulate, all real rows so far on the web."""
    truth = np.array([0.5, 0.3, 0.2])
    for workflow, rows in (
        (mc.Accumulate(), [5, 5, 5]),
        (mc.KeepReal(0.1), [5, 5, 5]),
        (mc.Web(2, 3), [5, 7, 9]),
        (mc.Weighted([[1], [0.1, 0.9], [0.5, 0.5, 0]]), [5, 5, 5]),
    ):
        p = mc.predict(mc.Experiment(Discrete(3), workflow, 5, 3, truth=truth))
        for t, n in enumerate(rows):
            assert p["absent"][t] == pytest.approx(((1 - truth) ** n).sum(), rel=1e-13)
            assert p["missing_mass"][t] == pytest.approx(truth @ (1 - truth) ** n, rel=1e-13)
            assert p["collapsed"][t] == pytest.approx((truth**n).sum(), rel=1e-13)
            some = ((1 - truth) ** n).sum() - (truth**n).sum()
            assert p["any_absent"][t] == pytest.approx(some, rel=1e-13)
    with pytest.raises(mc.NoClosedForm, match="positive weight"):
        mc.predict(mc.Experiment(Discrete(3), mc.SlidingWindow(2), 5, 3))["absent"]


def test_large_batches_have_bounds():
    """Beyond the exact chain: two bounds; and the entropy between that of two draws and H_0's."""
    e = mc.Experiment(Discrete(50), mc.Replace(), 5000, 20, truth=zipf(50, 1.0))
    p = mc.predict(e)
    with pytest.raises(mc.NoClosedForm, match="1000 rows"):
        p["absent"]
    for name in ("absent", "missing_mass", "collapsed", "entropy"):
        assert np.all(p[f"{name}_lower"] <= p[f"{name}_upper"])
    assert p["absent_lower"][0] == pytest.approx(p["absent_upper"][0], rel=1e-12)

    small = mc.predict(mc.Experiment(Discrete(50), mc.Replace(), 200, 20, truth=zipf(50, 1.0)))
    lower = -np.log1p(-small["heterozygosity"])
    assert np.all(lower <= small["entropy"])


def test_limits_and_fates():
    """Replace forgets, accumulate keeps a share, and the words say so."""
    K, n = 6, 20
    found = {
        name: mc.predict(mc.Experiment(Discrete(K), workflow, n, 2000))
        for name, workflow in (
            ("replace", mc.Replace()),
            ("accumulate", mc.Accumulate()),
            ("subsample", mc.AccumulateSubsample()),
        )
    }
    assert dict(found["replace"].limits) == {
        "heterozygosity": 0,
        "squared_error": 1,
        "inflation": n,
        "effective_samples": 1,
        "absent": K - 1,
        "missing_mass": pytest.approx(1 - 1 / K, rel=1e-15),
        "collapsed": 1,
        "any_absent": 1,
        "entropy": 0,
    }
    for name, p in found.items():
        reached = p["heterozygosity"][-1]
        # The shares still to be lost are below 4/(n t) of what is left.
        assert p.limits["heterozygosity"] == pytest.approx(reached, rel=4 / (n * 2000), abs=1e-40)
        word = "clumps" if name == "replace" else "bounded"
        assert p.fates["heterozygosity"].verdict == word
    fresh = mc.predict(mc.Experiment(Discrete(K), mc.FreshData(2, 3), 5, 3)).fates
    lost = ("absent", "missing_mass", "collapsed", "any_absent")
    assert [fresh[name].verdict for name in lost] == ["bounded"] * 4
    assert [found["replace"].fates[name].verdict for name in lost] == ["clumps"] * 4
    single = mc.predict(mc.Experiment(Discrete(K), mc.Accumulate(), 1, 3))
    assert single.limits["heterozygosity"] == 0
    assert single.fates["heterozygosity"].verdict == "clumps"


@pytest.mark.parametrize("workflow", [mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample()])
def test_bounds_hold_for_every_run_that_is_possible(workflow):
    """And they are nearly reached: by even shares, and where all rows are a rare outcome's."""
    e = mc.Experiment(Discrete(2), workflow, 4, 3, truth=[Fraction(99, 100), Fraction(1, 100)])
    bounds, error = mc.predict(e).bounds, exact("squared_error", e)
    values = {
        "heterozygosity": exact("heterozygosity", e),
        "squared_error": error,
        "inflation": lambda counts: 4 * error(counts),
        "missing_mass": exact("missing_mass", e),
    }
    assert set(bounds) == set(values)
    for name, value in values.items():
        low, high = bounds[name]
        found = [float(value(counts)) for law in exact_law(e) for counts in law]
        assert low <= min(found)
        # Reached but for the rare outcome's own chance, squared.
        assert 0.99**2 * high <= max(found) * (1 + 4 * EPS)
        assert max(found) <= high * (1 + 4 * EPS)


def test_what_batch_one_keeps_or_loses_is_the_limit():
    """Under accumulate and keep-real: prod of chances that n rows miss it, summed."""
    truth, n = np.array([0.5, 0.3, 0.2]), 4
    for workflow in (mc.Accumulate(), mc.KeepReal(), mc.KeepReal(0.3)):
        limits = mc.predict(mc.Experiment(Discrete(3), workflow, n, 3, truth=truth)).limits
        assert limits["absent"] == pytest.approx(((1 - truth) ** n).sum(), rel=1e-13)
        assert limits["missing_mass"] == pytest.approx(truth @ (1 - truth) ** n, rel=1e-13)
        assert limits["collapsed"] == pytest.approx((truth**n).sum(), rel=1e-13)
        some = ((1 - truth) ** n).sum() - (truth**n).sum()
        assert limits["any_absent"] == pytest.approx(some, rel=1e-13)


@pytest.mark.parametrize(
    ("n", "truth", "at", "there"),
    [
        (100, [0.2] * 5, (1, 5, 10, 20, 40), (1, 0.99459543, 0.88933306, 0.46234010, 0.06999554)),
        (20, [1 / 3] * 3, (1, 5, 10, 20, 40), None),
        (20, [0.5, 0.3, 0.2], (1, 5, 10, 20), (0.98767286, 0.65138714, 0.30957106, 0.06503931)),
    ],
)
def test_whether_an_outcome_is_absent_against_known_values(n, truth, at, there):
    """Values derived elsewhere, to their eight digits; and the simulation says the same."""
    there = (0.99909781, 0.76387931, 0.37942266, 0.08028324, 0.00350004) if there is None else there
    e = mc.Experiment(Discrete(len(truth)), mc.Replace(), n, 40, truth=truth)
    found = 1 - mc.predict(e)["any_absent"][np.array(at) - 1]
    np.testing.assert_allclose(found, there, atol=6e-9)


def test_whether_an_outcome_is_absent_keeps_its_digits_at_both_ends():
    """Where nearly nothing is lost it is the sum of the outcomes' own chances; and to the end.

    Two outcomes: one is absent exactly where one is left.
    """
    early = mc.predict(mc.Experiment(Discrete(10), mc.Replace(), 400, 1))
    expected = 10 * 0.9**400 - 45 * 0.8**400
    assert early["any_absent"][0] == pytest.approx(expected, rel=1e-12)
    e = mc.Experiment(Discrete(2), mc.Replace(), 5, 400, truth=[0.3, 0.7])
    late = mc.predict(e)
    np.testing.assert_allclose(late["any_absent"], late["collapsed"], rtol=1e-14)
    np.testing.assert_allclose(
        late.variances["any_absent"], late.variances["collapsed"], rtol=1e-10
    )


def test_too_many_outcomes_for_their_sets():
    """The message says up to where, and what to do; even many alike outcomes cancel."""
    for K, truth, words in (
        (21, None, "up to 20 outcomes, and there are 21"),
        (20, zipf(20), "are too many"),
    ):
        p = mc.predict(mc.Experiment(Discrete(K), mc.Replace(), 30, 100, truth=truth))
        with pytest.raises(mc.NoClosedForm, match=words):
            p["any_absent"]
        assert np.isfinite(p["absent"]).all()
    e = mc.Experiment(Discrete(21), mc.Accumulate(), 30, 100)
    with pytest.raises(mc.NoClosedForm, match="up to 20 outcomes"):
        mc.predict(e).limits["any_absent"]


def test_a_random_workflow_is_not_predicted():
    """It has no weights: every quantity says so."""
    p = mc.predict(mc.Experiment(Discrete(3), Bootstrap(), 5, 3))
    for name in ("heterozygosity", "absent", "entropy"):
        with pytest.raises(mc.NoClosedForm):
            p[name]
    with pytest.raises(mc.NoClosedForm):
        exact_law(mc.Experiment(Discrete(3), Bootstrap(), 5, 3))
    with pytest.raises(mc.NoClosedForm, match="possible counts"):
        exact_law(mc.Experiment(Discrete(9), mc.Replace(), 50, 3))


@pytest.mark.parametrize(("rows", "fits"), [(3, True), (4, False)])
def test_as_many_counts_as_are_allowed(monkeypatch, rows, fits):
    """Four, say, which three rows of two outcomes have."""
    monkeypatch.setattr(enumeration, "MOST_STATES", 4)
    e = mc.Experiment(Discrete(2), mc.Replace(), rows, 2)
    if fits:
        assert len(exact_law(e)) == 2
    else:
        with pytest.raises(mc.NoClosedForm, match="have 5 possible counts, above 4"):
            exact_law(e)


def test_chains_refuse_what_is_too_large():
    """The reason names the number of rows."""
    e = mc.Experiment(Discrete(3), mc.Accumulate(), 100, 30)
    with pytest.raises(mc.NoClosedForm, match="3000"):
        chains.expectations(e, np.array([0.5]), np.square)


@pytest.mark.parametrize("value", [1, 0, -2, 2.0, True, "3", None])
def test_outcomes_are_a_number_from_two(value):
    """One outcome has no variance."""
    with pytest.raises(mc.InvalidInput, match="outcomes"):
        used(Discrete(value))


@pytest.mark.parametrize(
    ("truth", "words"),
    [
        ([0.5, 0.6], "sum to 1.1"),
        ([0.5, 0.4], "sum to 0.9"),
        ([1.5, -0.5], r"truth\[1\] = -0.5"),
        ([np.nan, 1.0], r"truth\[0\]"),
        ([1.0, 0.0], "outcome 0 has all"),
        ([0.5, 0.25, 0.25], "3 probabilities and the model has outcomes = 2"),
        ([[0.5, 0.5]], "shape"),
        ("ab", "one probability per outcome"),
        (3, "truth"),
    ],
)
def test_truths_that_are_no_probabilities(truth, words):
    """The message names the entry or the sum."""
    with pytest.raises(mc.InvalidInput, match=words):
        mc.Experiment(Discrete(2), mc.Replace(), 5, 3, truth=truth)


def test_what_a_truth_says_of_itself():
    """Moments of the outcomes as numbers, and a JSON-able description."""
    truth = Discrete(3).as_truth([0.5, 0.25, 0.25])
    rows = truth.sample(1000, np.random.default_rng(0))

    assert (truth.dim, rows.shape, set(np.unique(rows))) == (1, (1000, 1), {0.0, 1.0, 2.0})
    assert truth.mean == pytest.approx(0.75)
    assert truth.covariance == pytest.approx(np.array([[0.6875]]))
    assert (truth.heterozygosity, truth.possible) == (0.625, 3)
    described = [t.described() for t in (truth, Discrete(3).as_truth(None), Categorical(zipf(99)))]
    assert json.loads(json.dumps(described[:2])) == [[0.5, 0.25, 0.25], "uniform on 3 outcomes"]
    assert described[2] == pytest.approx(zipf(99))
    assert zipf(4, 0).tolist() == [0.25] * 4
    for bad in (-1.0, np.inf, "1", True):
        with pytest.raises(mc.InvalidInput, match="exponent"):
            zipf(4, bad)


def test_the_model_is_a_value():
    """Equal options are equal models, fitted or not."""
    fitted = Discrete(3).fit([0, 0, 1, 2], sample_weight=[1, 1, 2, 0])

    assert fitted.probabilities_.tolist() == [0.5, 0.5, 0.0]
    assert fitted.score_samples([0, 2]).tolist() == [np.log(0.5), -np.inf]
    assert fitted.described() == Discrete(3).described()
    text = "Discrete(outcomes=3, smoothing=0.0)"
    assert (repr(fitted), fitted.described()["outcomes"]) == (text, 3)
    for rows in ([0.5], [3], [-1], [[0, 1]]):
        with pytest.raises(mc.InvalidInput, match="X"):
            Discrete(3).fit(rows)
    with pytest.raises(mc.InvalidInput, match="temperature"):
        mc.Experiment(Discrete(3), mc.Replace(), 5, 3, temperature=2.0)


class TestDiscreteAsEstimator(EstimatorContract):
    """The suite for estimators."""

    @pytest.fixture
    def estimator(self):
        """Return a model of five outcomes."""
        return Discrete(5)

    @pytest.fixture
    def training_rows(self):
        """Return outcomes."""
        return np.random.default_rng(0).integers(5, size=(60, 1)).astype(float)


class TestSmoothedAsEstimator(TestDiscreteAsEstimator):
    """The same, with something added to each count."""

    @pytest.fixture
    def estimator(self):
        """Return a smoothed model of five outcomes."""
        return Discrete(5, smoothing=0.5)


@pytest.mark.parametrize("workflow", [mc.FreshData(3, 3), mc.Web(3, 3), mc.Web((0, 5), 3)])
def test_one_first_row_is_not_the_end_where_fresh_ones_come(workflow):
    """However short the loop is that is asked for."""
    for T in (1, 2):
        e = mc.Experiment(mc.Discrete(4), workflow, 1, T)
        assert mc.predict(e).fates["heterozygosity"].verdict != "clumps"


def test_kept_real_data_are_never_lost_however_long_it_takes():
    """Beyond the generations whose weights are looked at, too."""
    p = mc.predict(mc.Experiment(mc.Discrete(3), mc.KeepReal(), 6, 5001))
    assert p["absent"][-1] == p.limits["absent"] == p["absent"][0]


def test_probabilities_stay_within_their_range():
    """Rounding gives no probability above 1, and no negative variance."""
    p = mc.predict(mc.Experiment(mc.Discrete(4), mc.Replace(), 6, 200))
    assert (p["collapsed"] <= 1).all()
    assert (p.variances["collapsed"] >= 0).all()
