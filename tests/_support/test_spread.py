"""Ranks, axes and volumes do not depend on the units of columns."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse._support.checks import shares
from modelcollapse._support.spread import EPS, ROUNDING, spread_of, spread_of_covariance

SEEDS = st.integers(0, 10**6)
DIMS = st.integers(1, 4)
UNITS = st.lists(st.floats(-150, 150), min_size=5, max_size=5)  # powers of ten
OFFSETS = st.lists(st.floats(-1e8, 1e8), min_size=5, max_size=5)  # in deviations


def uncorrelated(seed, d, n=40):
    """Return n centred rows whose columns have variance 1 and no correlation, and the dice."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, d))
    return np.sqrt(n) * np.linalg.qr(rows - rows.mean(axis=0))[0], rng


def spread(rows):
    """Return the spread of rows of equal weight."""
    return spread_of("X", rows, shares(None, len(rows)))


def test_a_column_of_small_units_is_a_direction():
    """However many rows there are: the rounding of large numbers is not that of small ones."""
    rng, lean = np.random.default_rng(0), [[1.0, 0.48], [0.48, 1.0]]
    rows = rng.multivariate_normal([0, 0], lean, 100_000) * [5e4, 0.1]
    fit = mc.Gaussian(2).fit(rows)
    drawn = fit.sample(10_000, random_state=1)

    assert fit.rank_ == 2
    # Seven standard errors (1 - r^2)/sqrt(n) of the larger and the smaller sample.
    assert np.corrcoef(drawn.T)[0, 1] == pytest.approx(0.48, abs=7 * 0.78 * (0.01 + 0.0032))


@given(seed=SEEDS, d=DIMS, units=UNITS, offsets=OFFSETS)
def test_affine_maps_keep_the_rank(seed, d, units, offsets):
    """Of condition 10^5, with shifts of 10^8 deviations, in any units.

    Equilibrated columns have the least condition but for a factor of d^(1/2), so that the smallest
    eigenvalue of the correlations is at least 10^-10 / d; shifts make noise of (4 EPS 10^8)^2.
    """
    assert 1e-10 / d > 2 * (ROUNDING * d + (4 * EPS * 1e8) ** 2)
    rows, rng = uncorrelated(seed, d)
    left, right = (np.linalg.qr(rng.normal(size=(d, d)))[0] for _ in range(2))
    mapped = rows @ (left * np.logspace(-5, 0, d)) @ right
    mapped = (mapped / mapped.std(axis=0) + offsets[:d]) * 10.0 ** np.array(units[:d])

    assert spread(mapped).rank == d
    assert mc.Gaussian(d).fit(mapped).rank_ == d


@given(seed=SEEDS, d=DIMS, units=UNITS, offsets=OFFSETS)
def test_dependent_columns_are_found(seed, d, units, offsets):
    """A combination of the others plus a number, which is stored up to its rounding."""
    rows, rng = uncorrelated(seed, d)
    combined = rows @ rng.normal(size=(d, 1))
    every = np.column_stack([rows, combined / combined.std()]) + np.array(offsets[: d + 1])
    every *= 10.0 ** np.array(units[: d + 1])

    assert spread(every).rank == d


@pytest.mark.parametrize("count", [10, 1000, 100_000])
def test_the_threshold_does_not_grow_with_the_rows(count):
    """A column that differs from another one by 10^-5 of it; one that is another one's half."""
    rng = np.random.default_rng(count)
    x, noise = rng.normal(size=(2, count))
    found = spread(np.column_stack([x, x + 1e-5 * noise, x / 3]))

    assert found.rank == 2
    assert found.noise.max() < 1e-12


@given(seed=SEEDS, d=DIMS)
def test_units_that_are_powers_of_two_change_no_bits(seed, d):
    """Fit, samples and scores of data in other units are the same in these units."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(20, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)
    powers = rng.integers(-490, 490, size=d)
    here, there = mc.Gaussian(d).fit(rows), mc.Gaussian(d).fit(np.ldexp(rows, powers))
    drawn = here.sample(9, random_state=seed)
    # Logarithms of about 490 log 2 in each column, each rounded a few times.
    slack = 8 * EPS * d * 490

    assert np.array_equal(there.sample(9, random_state=seed), np.ldexp(drawn, powers))
    assert np.array_equal(there.covariance_, np.ldexp(here.covariance_, powers[:, None] + powers))
    moved = there.score_samples(np.ldexp(drawn, powers)) + np.log(2) * powers.sum()
    assert moved == pytest.approx(here.score_samples(drawn), abs=slack, rel=slack)


@given(seed=SEEDS, units=UNITS)
def test_the_space_of_a_singular_fit_is_found_in_any_units(seed, units):
    """Its samples and rows are in it; what is off by a thousandth of a deviation is not."""
    rows, rng = uncorrelated(seed, 2)
    every = np.column_stack([rows, rows @ [0.6, -0.8], np.full(40, 7.0), 0.5 * rows[:, 0]])
    scales = 10.0 ** np.array(units)
    fit = mc.Gaussian(5).fit(every * scales)
    drawn = fit.sample(10, random_state=rng)

    assert fit.rank_ == 2
    assert np.isfinite(fit.score_samples(np.vstack([drawn, every * scales]))).all()
    for column in (2, 3, 4):
        off = drawn.copy()
        off[:, column] += 1e-3 * scales[column]
        assert np.isneginf(fit.score_samples(off)).all()


@pytest.mark.parametrize("level", [0.0, 2.5, 1e-200, 1e200, 1e9 / 3])
def test_constant_columns_have_no_variance(level):
    """Also where they were computed, and the last bits differ; they disturb no other column."""
    rows, rng = uncorrelated(3, 3)
    for jitter in (np.zeros(40), rng.integers(-1, 2, size=40)):
        found = spread(np.column_stack([rows, level * (1 + EPS * jitter)]))
        assert found.deviations[3] == 0
        assert found.rank == 3


def test_rows_without_weight_do_not_matter():
    """Not even far away, and first."""
    rows, _ = uncorrelated(0, 2)
    weights = shares(np.append(0.0, np.ones(40)), 41)
    found = spread_of("X", np.vstack([[1e250, -1e250], rows]), weights)

    assert np.array_equal(found.covariance, spread(rows).covariance)


@pytest.mark.parametrize("scale", [1e-170, 1e170])
def test_squares_out_of_range_are_refused(scale):
    """By the fit and by the plain loop, instead of a variance of zero or infinity."""
    rows = np.array([[1.0, 1.0], [2.0, 3.0], [5.0, 4.0]]) * [1.0, scale]
    with pytest.raises(mc.InvalidInput, match=r"X\[:, 1\] has the standard deviation .* rescale"):
        mc.Gaussian(2).fit(rows)
    with pytest.raises(mc.InvalidInput, match=r"X reaches 1e\+308.*rescale"):
        mc.Gaussian(1).fit([1e308, -1e308])
    with pytest.raises(mc.InvalidInput, match=r"data, its total variance = .*rescale"):
        mc.run(mc.KDE(0.1), rows[:, 1], mc.Replace(), 5, 2)


@given(ratio=st.floats(0, 140), lean=st.floats(-0.9, 0.9))
def test_principal_axes_have_all_their_digits(ratio, lean):
    """Of two columns in any units: the smaller eigenvalue is the determinant over the larger."""
    unit = 10.0**-ratio
    found = spread_of_covariance(
        np.zeros(2), np.array([[1.0, lean * unit], [lean * unit, unit**2]])
    )
    deviations, scores = found.principal()
    half = (1 + unit**2) / 2
    large = half + np.hypot(half - unit**2, lean * unit)

    assert deviations[0] ** 2 == pytest.approx(large, rel=1e-12)
    assert deviations[1] ** 2 == pytest.approx((1 - lean**2) * unit**2 / large, rel=1e-12)
    both = scores.T @ found.matrix / deviations[:, None]
    assert both @ both.T == pytest.approx(np.eye(2), abs=1e-12)
