"""The proved bounds on the expected test log-loss: definitions, order, and simulated losses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import gamma

import modelcollapse as mc
from modelcollapse.families.kde import losses
from modelcollapse.testing import assert_mean
from tests.families.gaussian.test_predict_rational import CASES
from tests.helpers.kde_tracing import Tracing
from tests.helpers.replay import Halving

WORKFLOWS = (
    *(mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample(), mc.AccumulateSubsample(3)),
    *(mc.SlidingWindow(2), mc.KeepReal(), mc.KeepReal(0.2), Halving()),
)
DATA = np.random.default_rng(0).exponential(size=(9, 2))
TRUTHS = (
    mc.Normal(1.0, 4.0),
    mc.NormalMixture([1, 2], [-3.0, 1.0], [0.25, 1.0]),
    mc.Normal(np.zeros(2), [[2.0, 0.5], [0.5, 1.0]]),
    mc.Normal(np.zeros(3), 0.5 * np.eye(3)),
    mc.Rows(DATA),
)


@settings(max_examples=20)
@given(
    truth=st.sampled_from(TRUTHS),
    workflow=st.sampled_from(WORKFLOWS),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    h=st.floats(0.01, 3),
    scored=st.one_of(st.none(), st.floats(0.01, 3)),
)
def test_the_lower_bound_is_below_the_upper(truth, workflow, sizes, h, scored):
    """Always, and both are finite; they meet at most up to the rounding of the two."""
    model = mc.KDE(h, dim=truth.dim, scoring_bandwidth=scored)
    prediction = mc.predict(mc.Experiment(model, workflow, sizes, len(sizes), truth=truth))
    low, high = prediction["test_log_loss_lower"], prediction["test_log_loss_upper"]

    assert np.isfinite(low).all()
    assert (low <= high + 1e-9 * np.abs(high)).all()


@settings(max_examples=4)
@given(h=st.floats(0.05, 2), scale=st.floats(0.01, 100), workflow=st.sampled_from(WORKFLOWS))
def test_bounds_move_with_the_unit(h, scale, workflow):
    """A log-density in another unit loses d log(scale): so do all bounds."""
    for truth in TRUTHS[:-1]:
        w, m, S = truth.components
        wide = mc.NormalMixture(w, scale * m, scale**2 * S)
        for bound in (losses.upper, losses.lower):
            here, there = (
                bound(mc.Experiment(mc.KDE(c * h, dim=truth.dim), workflow, 5, 3, truth=law))
                for c, law in ((1, truth), (scale, wide))
            )
            shifted = here + truth.dim * np.log(scale)
            # Logarithms of densities down to 1e-16 of the peak, in the far tails.
            assert there == pytest.approx(shifted, rel=1e-9, abs=1e-9)


def test_upper_is_jensen_over_the_rows():
    """(d/2) log(2 pi h^2) + tr S_0 (1 + Q) / (2 h^2), with the scored h."""
    for truth in TRUTHS:
        model = mc.KDE("scott", dim=truth.dim, scoring_bandwidth=[0.5, 0.3])
        e = mc.Experiment(model, mc.Accumulate(), 6, 2, truth=truth)
        h, d = np.array([0.5, 0.3]), truth.dim
        spread = np.trace(truth.covariance) * (1 + mc.predict(e)["second_moment"])
        expected = d / 2 * np.log(2 * np.pi * h**2) + spread / (2 * h**2)
        assert mc.predict(e)["test_log_loss_upper"] == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(
    ("name", "sizes", "least"), [("keep-real", [1, 1], 3 / 8), ("budget", [4, 2], 1 / 3)]
)
def test_distance_is_minkowskis(name, sizes, least):
    """sqrt(tr S_0 + E|m - mu_0|^2) minus sqrt(E V (1 - w) / w), with w the smallest weight.

    No row is further from the weighted mean than sqrt(V (1 - w) / w), as residuals sum to zero.
    """
    e = mc.Experiment(mc.KDE(0.25), CASES[name][0], sizes, 2, truth=mc.Normal(0.0, 9.0))
    prediction = mc.predict(e)
    V, Q = prediction["central_variance"][1] * 9, prediction["second_moment"][1] * 9
    gap = np.sqrt(9 + Q - V) - np.sqrt(V * (1 - least) / least)
    expected = 0.5 * np.log(2 * np.pi * 0.0625) + gap**2 / (2 * 0.0625)

    assert gap > 0
    assert losses.distance(e)[1] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("truth", TRUTHS[:-1], ids=["line", "mixture", "plane", "space"])
def test_covering_is_a_union_bound(truth):
    """E min |x - x_i|^2 = int 2 r P(min > r) dr, with P(min <= r) at most N c_d r^d p_max."""
    h, d, rows = 0.01, truth.dim, 9
    e = mc.Experiment(mc.KDE(h, dim=d), mc.SlidingWindow(2), [4, 5], 2, truth=truth)
    w, _, S = truth.components
    most = float(w @ np.linalg.det(2 * np.pi * S) ** -0.5)
    ball = rows * np.pi ** (d / 2) / gamma(d / 2 + 1) * most
    square = quad(lambda r: 2 * r * (1 - ball * r**d), 0, ball ** (-1 / d))[0]
    expected = d / 2 * np.log(2 * np.pi * h**2) + square / (2 * h**2)

    assert losses.covering(e)[1] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("dim", "h"), [(1, 100.0), (3, 20.0)])
def test_wide_bandwidths(dim, h):
    """Kernels far wider than the truth: its cross-entropy to N(0, 1 + sum h^2)."""
    e = mc.Experiment(mc.KDE(h, dim=dim), mc.Replace(), 10, 2)
    v = 1 + h**2 * np.arange(1, 3)
    expected = dim / 2 * (np.log(2 * np.pi * v) + 1 / v)

    assert losses.jensen(e) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dim", [20, 100, 200])
def test_bounds_in_many_dimensions(dim):
    """Volumes and Bessel functions leave the range of numbers: bounds stay finite and in order."""
    prediction = mc.predict(mc.Experiment(mc.KDE(0.5, dim=dim), mc.Accumulate(), 10, 3))
    low, high = prediction["test_log_loss_lower"], prediction["test_log_loss_upper"]

    assert np.isfinite(low).all()
    assert (low <= high).all()


def test_one_row_attains_both_bounds():
    """A single training row has no variance, and the loss is quadratic in its distance."""
    e = mc.Experiment(mc.KDE(0.5), mc.Replace(), 1, 3, truth=mc.Normal(0.0, 4.0))
    variance = 4 + 0.25 * np.arange(3)
    exact = 0.5 * np.log(2 * np.pi * 0.25) + (4 + variance) / (2 * 0.25)

    assert losses.upper(e) == pytest.approx(exact, rel=1e-13)
    assert losses.lower(e) == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("h", [0.05, 1.0])
def test_simulated_losses_lie_between(name, h, seed):
    """Mean losses of 20,000 replicates, with a proved variance.

    A loss L is between b and b + Z with b the smallest loss and Z = mean |x - x_i|^2 / (2 h^2);
    so var L <= E Z^2 <= E |x - x_i|^4 / (4 h^4), and x - x_i is a mixture of normal numbers.
    """
    workflow, weightings = CASES[name]
    sizes, s2 = [5, 3, 4], 1.5
    e = mc.Experiment(mc.KDE(h), workflow, sizes, 3, truth=mc.Normal(2.0, s2))
    prediction, runs = mc.predict(e), mc.simulate(e, 20_000, seed, test=3)
    tracing = Tracing(weightings, sizes, [h] * 3)

    for t in range(3):
        law = tracing.fit_single(t).items()
        fourth = 3 * sum(float(p) * (2 * s2 + float(v)) ** 2 for v, p in law)
        observed = runs["test_log_loss"][:, t]
        for bound, side in (("lower", "below"), ("upper", "above")):
            claimed = prediction[f"test_log_loss_{bound}"][t]
            assert_mean(observed, claimed, fourth / (4 * h**4), side=side)


def test_where_there_is_no_bound():
    """At a scored bandwidth of 0 the loss is infinite; compact kernels and SciPy's rules."""
    bare = mc.predict(mc.Experiment(mc.KDE([0.0, 0.5]), mc.Replace(), 5, 2))
    assert np.isinf(bare["test_log_loss_upper"]).tolist() == [True, False]
    assert np.isfinite(bare["test_log_loss_lower"]).all()
    with pytest.raises(mc.NoClosedForm, match="test_log_loss: open: see test_log_loss_lower"):
        bare["test_log_loss"]
    flat = mc.predict(mc.Experiment(mc.KDE(0.5, "tophat"), mc.Replace(), 5, 2))
    assert flat["test_log_loss"].tolist() == [np.inf, np.inf]
    assert "compact kernel" in flat.reasons["test_log_loss"]
    scaled = mc.predict(mc.Experiment(mc.KDE("scipy-scott"), mc.Replace(), 5, 2))
    compact = mc.predict(mc.Experiment(mc.KDE(0.5, "tophat", 2), mc.Replace(), 5, 2, truth=DATA))
    for name in ("test_log_loss_lower", "test_log_loss_upper"):
        with pytest.raises(mc.NoClosedForm, match="known for the Gaussian kernel"):
            flat[name]
        with pytest.raises(mc.NoClosedForm, match="depends on the data"):
            scaled[name]
    with pytest.raises(mc.NoClosedForm, match="open"):
        compact["test_log_loss"]
    # Rows drawn with SciPy's rule and scored with a number: the moments are known.
    mixed = mc.KDE("scipy-scott", scoring_bandwidth=0.5)
    known = mc.predict(mc.Experiment(mixed, mc.Accumulate(), 5, 3))
    assert (known["test_log_loss_lower"] <= known["test_log_loss_upper"]).all()
