"""Fresh and kept real data: closed forms against the solver, exact moment maps and each other."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse import mixed
from modelcollapse.families.exponential import NormalMean
from modelcollapse.ledger.entries.mixed.routes import (
    coins_with_fresh_data,
    heated_fixed_point,
    heated_map,
    kept_growth,
)
from modelcollapse.solver import squared_errors
from modelcollapse.testing import assert_law
from modelcollapse.workflows import FreshData, KeepReal

EPS = np.finfo(float).eps
ROWS = st.integers(1, 60)
SHARE = st.floats(0.02, 0.98)
CURVATURE = st.sampled_from([-1.0, -0.25, 0.0, 0.5, 1.0])
RATIOS = np.geomspace(1e-6, 1e6, 25)


@given(real=ROWS, synthetic=ROWS, weight=SHARE, v2=CURVATURE)
def test_fresh_inflation_is_the_solvers_limit(real, synthetic, weight, v2):
    """The recursion of the general solver ends there, or grows without end."""
    q = (1 - weight) ** 2 * (1 + v2 / synthetic)
    assume(abs(q - 1) > 0.05)
    T = 2 + int(np.ceil(40 / abs(np.log(q)))) if q else 3
    workflow = FreshData(real, synthetic, weight)
    path = squared_errors(workflow, workflow.batch_sizes(real, T), v2)
    found = mixed.fresh_inflation(real, synthetic, weight, v2)

    if q < 1:
        assert real * path[-1] == pytest.approx(found, rel=1e-9)
    else:
        assert np.isinf(found)
        assert path[-1] > 1e6 * path[1]


@given(real=ROWS, synthetic=ROWS, weight=st.floats(0.01, 1), v2=CURVATURE)
def test_the_optimal_weight_is_optimal_and_its_own_inflation(real, synthetic, weight, v2):
    """No weight does better, and the least inflation equals the weight."""
    best = mixed.optimal_weight(real, synthetic, v2)
    least = mixed.fresh_inflation(real, synthetic, best, v2)

    assert 0 < best < 1
    assert least == pytest.approx(best, rel=1e-12)
    assert mixed.fresh_inflation(real, synthetic, weight, v2) >= least * (1 - 1e-12)
    assert mixed.fresh_effective_samples(real, synthetic, best, v2) == pytest.approx(real / best)
    assert mixed.optimal_weight(real, synthetic + 1, v2) < best


def test_the_golden_ratio_and_extreme_ratios():
    """Equal batches give 1/golden ratio; sqrt(k) and 1 - 1/k are the ends, without cancelling."""
    golden = (np.sqrt(5) - 1) / 2
    weights = mixed.optimal_weight(RATIOS, 1.0)

    assert mixed.optimal_weight(7, 7) == pytest.approx(golden, rel=4 * EPS)
    assert weights[RATIOS < 1e-5] == pytest.approx(np.sqrt(RATIOS[RATIOS < 1e-5]), rel=3e-3)
    assert 1 - weights[-1] == pytest.approx(1e-6, rel=1e-5)
    assert np.array_equal(np.sort(weights), weights)
    assert weights**2 + RATIOS * weights == pytest.approx(RATIOS, rel=1e-13)


@given(real=ROWS, synthetic=st.integers(1, 10**9))
def test_pooled_rows_are_worth_little(real, synthetic):
    """D28's effective size, below 2 n_r + 1; without estimating the variance, below 2 n_r."""
    N = real + synthetic
    exact = Fraction(real * (real + 2 * synthetic) + synthetic, N)
    found = mixed.fresh_effective_samples(real, synthetic, curvature=-1.0)

    assert found == pytest.approx(float(exact), rel=1e-13)
    assert exact < 2 * real + 1
    known = mixed.fresh_effective_samples(real, synthetic)
    assert known == pytest.approx(real * (real + 2 * synthetic) / N, rel=1e-13)


@pytest.mark.parametrize(("real", "synthetic", "weight"), [(1, 1, 0.5), (4, 2, 0.9), (2, 5, 0.1)])
def test_the_exact_law_of_coins(real, synthetic, weight):
    """The stationary law of the counts has the closed form's second moment."""
    exact = coins_with_fresh_data(real, synthetic, weight, 0.2)
    closed = mixed.fresh_inflation(real, synthetic, weight, -1.0)

    assert real * exact == pytest.approx(closed, rel=1e-11)


@given(real=ROWS, synthetic=ROWS, weight=SHARE, heat=st.floats(0.1, 4))
def test_temperature_has_the_fixed_point_of_the_moment_map(real, synthetic, weight, heat):
    """It solves the 2 x 2 system below the critical temperature; above it both are infinite."""
    critical = mixed.fresh_critical_temperature(real, synthetic, weight)
    assume(abs(heat / critical - 1) > 1e-6)
    found = mixed.fresh_fixed_point(real, synthetic, heat, weight)
    matrix, constant = heated_map(real, synthetic, weight, heat)
    radius = np.abs(np.linalg.eigvals(matrix)).max()

    assert (radius < 1) == (heat < critical)
    if heat < critical:
        error, variance = np.linalg.solve(np.eye(2) - matrix, constant)
        assert found.squared_error == pytest.approx(error, rel=1e-7)
        assert found.variance == pytest.approx(variance, rel=1e-7, abs=1e-12)
    else:
        assert np.isinf(found).all()


@given(real=ROWS, synthetic=ROWS, heat=st.fractions(Fraction(1, 10), Fraction(1)))
def test_d29_of_the_map_of_the_theory(real, synthetic, heat):
    """Pooled, the fixed point is the one stated in rationals, and D28 at temperature 1."""
    n, s, N = real, synthetic, real + synthetic
    below = n * n + 3 * n * s + 2 * s * s - heat * (n * s + 2 * s * s - s)
    found = mixed.fresh_fixed_point(n, s, float(heat))

    assert found.squared_error == pytest.approx(float(N / below), rel=1e-12)
    expected = float(n * (n + 2 * s - 1) / below)
    assert found.variance == pytest.approx(expected, rel=1e-12)
    cold = mixed.fresh_fixed_point(n, s)
    assert cold.squared_error == pytest.approx(
        1 / mixed.fresh_effective_samples(n, s, curvature=-1.0), rel=1e-12
    )
    assert cold.variance + cold.squared_error == pytest.approx(1, rel=1e-12)


def test_temperature_by_iteration():
    """Four thousand generations of the map end at the fixed point."""
    error, variance = heated_fixed_point(6, 9, 0.3, 1.3)
    found = mixed.fresh_fixed_point(6, 9, 1.3, 0.3)

    assert found.squared_error == pytest.approx(error, rel=1e-10)
    assert found.variance == pytest.approx(variance, rel=1e-10)


@given(share=SHARE, real=ROWS, synthetic=ROWS, v2=CURVATURE)
def test_kept_errors_are_the_solvers(share, real, synthetic, v2):
    """Every generation, and never below the real batch's own error."""
    sizes = [real, *[synthetic] * 19]
    path = squared_errors(KeepReal(share), sizes, v2)
    found = mixed.kept_squared_error(np.arange(1, 21), share, real, synthetic, v2)
    limit = mixed.kept_fixed_point(share, real, synthetic, v2)

    assert found == pytest.approx(path, rel=1e-10)
    assert found[0] == 1 / real
    assert (np.diff(found) >= -1e-15).all()
    assert limit >= found[-1] * (1 - 1e-12)
    assert limit >= 1 / real


@given(real=ROWS, synthetic=ROWS, v2=CURVATURE)
def test_kept_without_a_share_is_pooled(real, synthetic, v2):
    """None stands for the share of the rows, as in the workflow."""
    pooled = real / (real + synthetic)
    path = squared_errors(KeepReal(), [real, *[synthetic] * 9], v2)

    assert mixed.kept_squared_error(10, None, real, synthetic, v2) == pytest.approx(path[-1])
    assert mixed.kept_fixed_point(None, real, synthetic, v2) == pytest.approx(
        mixed.kept_fixed_point(pooled, real, synthetic, v2)
    )


def test_kept_on_the_boundaries():
    """All weight on the real rows keeps their error; none, with v2 = 0, grows by 1/n each time."""
    assert mixed.kept_fixed_point(1.0, 5, 7, 1.0) == 0.2
    assert mixed.kept_squared_error(9, 1.0, 5, 7, 1.0) == 0.2
    assert mixed.kept_squared_error([1, 2, 11], 0.0, 5, 8) == pytest.approx([0.2, 0.325, 1.45])
    assert np.isinf(mixed.kept_fixed_point(0.0, 5, 8))
    assert np.isinf(mixed.kept_squared_error(10**6, 0.0, 5, 2, 1.0))
    assert mixed.kept_fixed_point(0.0, 5, 8, -1.0) == pytest.approx(1.0)
    assert mixed.kept_moments(0.0, 5, 8) == pytest.approx((0.0, 1.0))
    assert mixed.kept_moments(1.0, 5, 8) == pytest.approx((0.8, 0.2))
    assert mixed.kept_fixed_point(0.5, 1, 8, -1.0) == 1.0  # one coin: nothing varies after it


@settings(max_examples=30)
@given(
    share=st.floats(0.1, 0.98),
    real=st.integers(2, 60),
    synthetic=st.integers(2, 60),
    heat=st.floats(0.2, 3),
)
def test_kept_moments_are_the_gaussian_rooms(share, real, synthetic, heat):
    """The recursion of the Gaussian room, with its temperature, ends at them."""
    found = mixed.kept_moments(share, real, synthetic, heat)
    e = mc.Experiment(
        mc.Gaussian(), KeepReal(share), [real, *[synthetic] * 199], 200, temperature=heat
    )
    critical = mixed.fresh_critical_temperature(real, synthetic, share)
    assume(not 0.85 < heat / critical < 1)
    if heat < critical:
        prediction = mc.predict(e)
        assert found.variance == pytest.approx(prediction["variance"][-1], rel=1e-6)
        assert found.squared_error == pytest.approx(prediction["squared_error"][-1], rel=1e-6)
    else:
        assert np.isinf(found).all()
    kept = mixed.kept_fixed_point(share, real, synthetic, -1.0)
    assert mixed.kept_moments(share, real, synthetic).squared_error == pytest.approx(kept)


@given(share=st.floats(0.0, 1.0), each=st.floats(-1, 3))
def test_the_phase_is_that_of_the_contraction(share, each):
    """Bounded exactly above the critical share; the verdict names the factor."""
    factor, critical = mixed.contraction(share, each), mixed.critical_share(each)
    assume(abs(factor - 1) > 1e-9)
    fate = mixed.phase(share, each)

    assert factor == pytest.approx((1 - share) ** 2 * (1 + each))
    assert (factor < 1) == (share > critical or (each < 0 and share == 0))
    expected = "bounded" if factor < 1 else "diverges"
    assert fate.verdict == ("clumps" if share == 0 and each < 0 else expected)
    assert fate.reason


def test_the_phase_on_the_boundary():
    """Without real data and v2 = 0 the error grows linearly; the curvature's sign decides."""
    assert mixed.phase(0.0).verdict == "diverges"
    assert mixed.phase(0.0).rate == "t"
    assert mixed.phase(0.0, -0.1).verdict == "clumps"
    assert mixed.phase(0.0, 0.1).verdict == "diverges"
    assert mixed.phase(1e-9).verdict == "bounded"
    assert mixed.contraction(mixed.critical_share(0.7), 0.7) == pytest.approx(1, rel=8 * EPS)
    assert kept_growth(float(mixed.critical_share(1 / 4)), 4, 1.0) == pytest.approx(1, rel=1e-12)
    assert mixed.critical_share([-0.5, 0.0]).tolist() == [0, 0]
    assert mixed.critical_share(1e-12) == pytest.approx(5e-13, rel=1e-6)


@given(heat=st.floats(0.2, 5), synthetic=st.integers(1, 10**6))
def test_the_critical_share_at_a_temperature_inverts_the_critical_temperature(heat, synthetic):
    """With that weight the temperature is critical; for many rows it is 1 - 1/lambda."""
    share = mixed.critical_share_at(heat, synthetic)

    if share > 1e-9:
        back = mixed.fresh_critical_temperature(3, synthetic, share)
        assert back == pytest.approx(heat, rel=1e-7)
    elif share == 0:
        assert mixed.fresh_critical_temperature(3, synthetic, 1e-9) >= heat * (1 - 1e-6)
    many = mixed.critical_share_at(heat, 1e12)
    assert many == pytest.approx(max(0.0, 1 - 1 / heat), abs=1e-6)


@given(
    times=st.floats(1.0, 30),
    real=ROWS,
    synthetic=ROWS,
    v2=CURVATURE,
    workflow=st.sampled_from(["fresh-data", "keep-real"]),
)
def test_the_smallest_share_is_the_smallest(times, real, synthetic, v2, workflow):
    """It gives the wanted inflation; a smaller one gives more, and a larger wish needs less."""
    fresh = workflow == "fresh-data"
    least = float(mixed.optimal_weight(real, synthetic, v2)) if fresh else 1.0
    wanted = least * times
    share = mixed.smallest_share(wanted, real, synthetic, workflow, v2)

    def inflation(a):
        if fresh:
            return mixed.fresh_inflation(real, synthetic, a, v2)
        return real * mixed.kept_fixed_point(a, real, synthetic, v2)

    assert 0 <= share <= 1
    if share > 0:
        # Near the least inflation the share moves like the root of the rounding.
        assert inflation(share) == pytest.approx(wanted, rel=1e-7)
        if share > 1e-6 and times > 1 + 1e-6:
            assert inflation(share * 0.999) > wanted
    else:
        assert inflation(1e-9) <= wanted * (1 + 1e-6)
    assert mixed.smallest_share(wanted * 1.5, real, synthetic, workflow, v2) <= share


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mixed.smallest_share(0.5, 10, 10), "no share gives less than 0.618034"),
        (lambda: mixed.smallest_share(0.9, 10, 10, "keep-real"), "at least their own error, 1"),
        (lambda: mixed.smallest_share(2, 10, 10, "replace"), "unknown workflow 'replace'"),
        (lambda: mixed.smallest_share(-2, 10, 10), "inflation = -2"),
        (lambda: mixed.fresh_inflation(0, 5), "real = 0"),
        (lambda: mixed.fresh_inflation(5, -1), "synthetic = -1"),
        (lambda: mixed.fresh_inflation([3, -5], 5), "real = -5"),
        (lambda: mixed.fresh_inflation(5, 5, 0), "weight = 0"),
        (lambda: mixed.fresh_inflation(5, 5, 1.5), "weight = 1.5"),
        (lambda: mixed.fresh_inflation(5, 5, np.nan), "weight = nan"),
        (lambda: mixed.fresh_inflation(5, 5, "half"), "weight = 'half'"),
        (lambda: mixed.fresh_inflation(real=True, synthetic=5), "real = True"),
        (lambda: mixed.fresh_inflation([[1], [2, 3]], 5), "real = [[1], [2, 3]]"),
        (lambda: mixed.fresh_inflation(5, 5, 0.5, -2), "curvature = -2"),
        (lambda: mixed.optimal_weight(np.inf, 5), "real = inf"),
        (lambda: mixed.fresh_fixed_point(5, 5, 0), "temperature = 0"),
        (lambda: mixed.kept_squared_error(0, 0.5, 5, 5), "generation = 0"),
        (lambda: mixed.kept_fixed_point(1.2, 5, 5), "share = 1.2"),
        (lambda: mixed.kept_moments(-0.1, 5, 5), "share = -0.1"),
        (lambda: mixed.phase(2.0), "real_share = 2.0"),
        (lambda: mixed.critical_share(-3), "curvature_per_row = -3"),
        (lambda: mixed.critical_share_at(-1, 5), "temperature = -1"),
    ],
)
def test_wrong_input(call, message):
    """Wrong input names the argument, its value and what is allowed."""
    with pytest.raises(mc.InvalidInput) as caught:
        call()

    assert message in str(caught.value)


def test_arrays_broadcast():
    """Rows against columns, and a scalar gives a scalar."""
    risk = mixed.fresh_inflation(10, [[5], [10], [20]], [0.2, 0.5], 1.0)

    assert risk.shape == (3, 2)
    assert risk[1, 1] == mixed.fresh_inflation(10, 10, 0.5, 1.0)
    assert np.ndim(mixed.fresh_inflation(10, 10)) == 0
    assert mixed.smallest_share([0.7, 2.0], 10, 10).shape == (2,)


def test_rows_themselves_have_the_predicted_law(seed):
    """A loop of raw normal rows, 40 generations: its mean is normal with the closed variance.

    20,000 replicates tell laws apart that differ by 0.046 in distance; standard deviations that
    are off by a factor of 0.75 or 1.3 differ by 0.06.
    """
    from scipy.special import ndtr

    rng, real, synthetic, weight = np.random.default_rng(seed), 3, 5, 0.3
    mean = rng.standard_normal((20_000, real)).mean(axis=1)
    for _ in range(39):
        fresh = rng.standard_normal((20_000, real)).mean(axis=1)
        sampled = (mean[:, None] + rng.standard_normal((20_000, synthetic))).mean(axis=1)
        mean = weight * fresh + (1 - weight) * sampled
    deviation = np.sqrt(mixed.fresh_inflation(real, synthetic, weight) / real)

    assert_law(mean, lambda x: ndtr(x / deviation))
    for other in (0.75, 1.3):
        with pytest.raises(AssertionError):
            assert_law(mean, lambda x, d=deviation * other: ndtr(x / d))


def test_the_exponential_room_predicts_the_same():
    """At generation 60 the room's prediction has reached the closed form."""
    e = mc.Experiment(NormalMean(), FreshData(3, 4, 0.3), 3, 60)

    assert 3 * mc.predict(e)["squared_error"][-1] == pytest.approx(
        mixed.fresh_inflation(3, 4, 0.3), rel=1e-12
    )
