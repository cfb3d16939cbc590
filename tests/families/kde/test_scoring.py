"""The density-scoring engine against mpmath, SciPy and scikit-learn."""

import math
from functools import cache

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp
from sklearn.datasets import make_moons
from sklearn.neighbors import KernelDensity

from modelcollapse._support.errors import InvalidInput
from modelcollapse.families.kde import scoring
from modelcollapse.families.kde.scoring import exponential, sums
from modelcollapse.families.kde.scoring.grid import Grid

EXACT = 1e-12
DEGREES = sorted(exponential.COEFFICIENTS)


@pytest.fixture(autouse=True)
def digits():
    """Compute with 50 digits in mpmath."""
    with mpmath.workdps(50):
        yield


def precise(point, rows, h, weights=None):
    """Return one log-density, in 50 digits, rounded to a float."""
    weights = np.ones(len(rows)) if weights is None else weights
    h, d = mpmath.mpf(h), len(point)
    terms = []
    for row, weight in zip(rows, weights, strict=True):
        square = mpmath.fsum(
            (mpmath.mpf(a) - mpmath.mpf(b)) ** 2 for a, b in zip(point, row, strict=True)
        )
        terms.append(mpmath.mpf(float(weight)) * mpmath.exp(-square / (2 * h * h)))
    total = mpmath.fsum(mpmath.mpf(float(w)) for w in weights)
    return float(
        mpmath.log(mpmath.fsum(terms) / total) - d * mpmath.log(h * mpmath.sqrt(2 * mpmath.pi))
    )


def by_logsumexp(points, rows, h, weights=None):
    """Return log-densities by SciPy, holding all pairs."""
    weights = np.ones(len(rows)) if weights is None else weights
    squares = ((points[:, None] - rows) ** 2).sum(axis=-1)
    logs = logsumexp(-squares / (2 * h * h), axis=1, b=weights / weights.sum())
    return logs - points.shape[1] * math.log(h * math.sqrt(2 * math.pi))


def distance(found, exact):
    """Return the largest relative error, where values within one nat of 0 count absolutely."""
    return np.max(np.abs(found - exact) / np.maximum(1, np.abs(exact)))


def relative_error(degree, f):
    """Return the relative error of the polynomial at f, in 50 digits."""
    coefficients = [mpmath.mpf(c) for c in exponential.COEFFICIENTS[degree]]
    return mpmath.polyval(coefficients[::-1], f) / mpmath.mpf(2) ** f - 1


@pytest.mark.parametrize("degree", DEGREES)
def test_polynomials_have_the_stated_error_and_nothing_smaller_is_possible(degree):
    """Measure each polynomial's relative error in 50 digits; its alternation proves optimality."""
    nodes = [mpmath.cos(mpmath.pi * k / 600) / 2 for k in range(601)]
    errors = [relative_error(degree, f) for f in nodes]
    largest = max(abs(e) for e in errors)
    assert largest <= exponential.LARGEST_ERROR[degree]
    if degree == 11:  # the errors of its coefficients, rounded to doubles, dominate
        return
    assert largest >= 0.999 * exponential.LARGEST_ERROR[degree]
    # By de la Vallee-Poussin: degree + 2 alternating errors bound the smallest possible one.
    heights = [errors[0]]
    for e in errors[1:]:
        if e * heights[-1] < 0:
            heights.append(e)
        elif abs(e) > abs(heights[-1]):
            heights[-1] = e
    assert len(heights) == degree + 2
    assert min(abs(e) for e in heights) >= 0.99 * exponential.LARGEST_ERROR[degree]


@pytest.mark.parametrize("degree", DEGREES)
def test_powers_of_two_stay_within_the_stated_error(degree, seed):
    """Compare compiled powers with 50 digits, rounding included."""
    rng = np.random.default_rng(seed)
    t = np.concatenate([-1000 * rng.random(300), rng.normal(size=300), np.arange(-40, 40) / 2])
    found = t.copy()
    exponential.powers_of_two(found, degree)
    bound = exponential.LARGEST_ERROR[degree] + exponential.ROUNDING
    for value, exponent in zip(found, t, strict=True):
        assert abs(mpmath.mpf(float(value)) / mpmath.mpf(2) ** float(exponent) - 1) <= bound


def test_powers_of_two_end_at_the_least():
    """Below 2^-1000 nothing changes any more."""
    values = np.array([-np.inf, -1e300, -1000.5, -1000.0])
    exponential.powers_of_two(values, 11)
    assert values.tolist() == [2.0**-1000] * 4


def test_degrees_follow_from_the_tolerance():
    """The lowest degree whose stated error fits is chosen."""
    wanted = {1.0: 5, 1e-7: 5, 7.4e-8: 7, 1e-10: 7, 4e-11: 11, 1e-12: 11, 0.0: 11}
    assert {error: exponential.degree_for(error) for error in wanted} == wanted


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 5, 7, 10])
@pytest.mark.parametrize("count", [1, 2, 7, 60])
@pytest.mark.parametrize("weighted", [False, True])
def test_log_densities_equal_mpmath_at_any_distance(dim, count, weighted, seed):
    """Up to 1e4 bandwidths away, with weights of which some are 0."""
    rng = np.random.default_rng(seed)
    h, rows = 0.3, rng.normal(size=(count, dim))
    weights = rng.random(count) * (rng.random(count) < 0.7) if weighted else None
    if weighted:
        weights[0] = 1e-9
    scales = np.array([0.1, 1, 3, 10, 100, 1e4]) * h
    points = rng.choice(rows, 6) + scales[:, None] * rng.normal(size=(6, dim))
    found = scoring.log_densities(points, rows, h, weights=weights)
    exact = [precise(x, rows, h, weights) for x in points]
    assert distance(found, exact) < EXACT


@pytest.mark.parametrize("dim", [1, 2, 3, 10])
@pytest.mark.parametrize("points", [1, 2, 47, 48, 49, 1030])
@pytest.mark.parametrize("rows", [1, 2, 31, 128, 129, 511, 513, 1024, 1025, 2051])
def test_log_densities_equal_logsumexp_for_all_sizes(dim, points, rows, seed):
    """Each compiled loop: points or rows along the vectors, blocks, odd ends."""
    rng = np.random.default_rng(seed)
    train, tests = rng.normal(size=(rows, dim)), 3 * rng.normal(size=(points, dim))
    weights = rng.random(rows) + 0.01
    exact = by_logsumexp(tests, train, 0.4)
    assert distance(scoring.log_densities(tests, train, 0.4), exact) < EXACT
    exact = by_logsumexp(tests, train, 0.4, weights)
    assert distance(scoring.log_densities(tests, train, 0.4, weights=weights), exact) < EXACT


@pytest.mark.parametrize("dim", [1, 2, 10])
def test_log_densities_equal_scikit_learn_without_its_tree(dim, seed):
    """With all rows in one leaf, scikit-learn sums over all pairs too."""
    rng = np.random.default_rng(seed)
    train, tests = rng.normal(size=(300, dim)), 2 * rng.normal(size=(100, dim))
    peer = KernelDensity(bandwidth=0.5, leaf_size=301).fit(train).score_samples(tests)
    assert distance(scoring.log_densities(tests, train, 0.5), peer) < EXACT


@pytest.mark.parametrize("count", [1, 100])
@pytest.mark.parametrize("h", [5e-324, 1e-300, 1e-150, 1.0, 1e150, 1e300])
def test_extreme_bandwidths_and_places_do_not_overflow(h, count):
    """Squares of bandwidths and of coordinates would leave the range of doubles."""
    rows = np.array([[1.0, -2.0]] * count)
    with mpmath.workdps(700):
        for shift in (0.0, 0.5, 3.0, 1e3):
            points = rows[:1] + np.array([[shift * min(h, 1e300), 0.0]])
            expected = precise(points[0], rows, h)
            assert scoring.log_densities(points, rows, h)[0] == pytest.approx(expected, rel=EXACT)


def test_where_the_log_itself_overflows_it_is_minus_infinity():
    """Not NaN, and the other rows still count."""
    for count in (1, 60, 600):
        rows, points = np.full((count, 2), 1e160), np.zeros((50, 2))
        assert np.all(scoring.log_densities(points, rows, 1.0) == -np.inf)
        rows[0] = 1.0
        found = scoring.log_densities(points, rows, 1.0)
        np.testing.assert_allclose(found, -math.log(count) - math.log(2 * math.pi) - 1, rtol=EXACT)
    assert scoring.log_densities([[1e308]], [[1e308]], 1e-10)[0] > 0
    assert scoring.log_densities([[-1e308]], [[1e308]], 1e-10)[0] == -np.inf


def test_rows_far_from_the_origin_keep_all_digits(seed):
    """Differences are taken before squares."""
    rng = np.random.default_rng(seed)
    rows, points = 1e9 + rng.normal(size=(40, 2)), 1e9 + rng.normal(size=(5, 2))
    exact = [precise(x, rows, 0.01) for x in points]
    assert distance(scoring.log_densities(points, rows, 0.01), exact) < EXACT


@pytest.mark.parametrize("spread", [1e-300, 1e-30, 1.0])
def test_weights_of_any_size(spread):
    """A row with a tiny weight decides where all others are farther still."""
    rows, weights = np.array([[0.0], [40.0]]), np.array([spread, 1.0])
    exact = [precise([x], rows, 1.0, weights) for x in (0.0, 1.0, 20.0)]
    found = scoring.log_densities([[0.0], [1.0], [20.0]], rows, 1.0, weights=weights)
    assert distance(found, exact) < EXACT


numbers = st.floats(-3, 3, allow_nan=False, width=32)
datasets = st.integers(1, 3).flatmap(
    lambda d: st.tuples(
        st.lists(st.tuples(*[numbers] * d), min_size=1, max_size=4),
        st.lists(st.tuples(*[numbers] * d), min_size=1, max_size=30),
    )
)


@given(datasets, st.floats(0.05, 2), st.floats(1e-3, 1e3), st.integers(-5, 5))
def test_shifts_and_scales_move_the_density_along(data, h, scale, shift):
    """p(s (x + c) | s (y + c), s h) = p(x | y, h) / s^d."""
    points, rows = (np.array(part, dtype=np.float64) for part in data)
    before = scoring.log_densities(points, rows, h)
    moved = [scale * (part + shift) for part in (points, rows)]
    after = scoring.log_densities(moved[0], moved[1], scale * h) + points.shape[1] * math.log(scale)
    # What scaling rounds off, a relative 1e-16 of coordinates up to 8, in bandwidths.
    slack = 1e-14 * (1 + 8 / h) * (1 + np.abs(before))
    assert np.all(np.abs(after - before) <= slack + EXACT)


@given(datasets, st.floats(0.05, 2), st.randoms(use_true_random=False))
def test_order_and_chunks_do_not_matter(data, h, random):
    """Any order and any cut into batches give the same densities."""
    points, rows = (np.array(part, dtype=np.float64) for part in data)
    whole = scoring.log_densities(points, rows, h)
    order = random.sample(range(len(rows)), len(rows))
    assert distance(scoring.log_densities(points, rows[order], h), whole) < EXACT
    stream = scoring.Streaming(points, h)
    pool = scoring.Accumulating(points)
    start = 0
    while start < len(rows):
        stop = random.randint(start + 1, len(rows))
        stream.add(rows[order][start:stop])
        pool.add(rows[order][start:stop])
        start = stop
    assert distance(stream.log_densities(), whole) < EXACT
    assert distance(pool.log_densities(h), whole) < EXACT


@given(datasets, st.floats(0.05, 2))
def test_no_density_is_above_the_kernels_peak(data, h):
    """A mean of kernels is at most the kernel's largest value."""
    points, rows = (np.array(part, dtype=np.float64) for part in data)
    peak = -points.shape[1] * math.log(h * math.sqrt(2 * math.pi))
    for tolerance in (0.0, 1e-10, 1e-7):
        found = scoring.log_densities(points, rows, h, tolerance=tolerance)
        assert np.all(found <= peak + tolerance + EXACT)


def wide(rng, count, dim):
    """Return points from the middle to far in the tails."""
    return rng.normal(size=(count, dim)) * np.geomspace(0.3, 300, count)[:, None]


@pytest.mark.parametrize("dim", [1, 2, 3, 10])
@pytest.mark.parametrize("tolerance", [0.0, 1e-12, 1e-10, 1e-7, 1e-3])
@pytest.mark.parametrize("weighted", [False, True])
def test_each_tolerance_is_kept_everywhere(dim, tolerance, weighted, seed):
    """Each log-density is within the tolerance, in the tails too, whichever way is chosen."""
    rng = np.random.default_rng(seed)
    rows, points = rng.normal(size=(3000, dim)), wide(rng, 200, dim)
    weights = rng.random(3000) if weighted else None
    exact = by_logsumexp(points, rows, 0.2, weights)
    found = scoring.Scorer(points, tolerance=tolerance).score(rows, 0.2, weights)
    assert np.all(np.abs(found - exact) <= tolerance + EXACT * np.abs(exact))


@pytest.mark.parametrize("dim", [1, 2])
@pytest.mark.parametrize("tolerance", [1e-10, 1e-7])
@pytest.mark.parametrize("weighted", [False, True])
def test_single_fits_go_through_the_grid_too(dim, tolerance, weighted, seed, monkeypatch):
    """With enough points and rows it is faster, tails among them or not."""
    rng, served = np.random.default_rng(seed), []
    original = Grid.sums
    monkeypatch.setattr(Grid, "sums", lambda *args: served.append(args) or original(*args))
    rows, points = rng.normal(size=(2000, dim)), rng.normal(size=(1500, dim))
    points[::10] *= 30
    weights = np.maximum(rng.random(2000) - 0.2, 0) if weighted else None
    found = scoring.log_densities(points, rows, 0.2, weights=weights, tolerance=tolerance)
    exact = by_logsumexp(points, rows, 0.2, weights)
    assert len(served) == 1
    assert np.all(np.abs(found - exact) <= tolerance + EXACT * np.abs(exact))


def test_a_degree_too_low_breaks_the_tolerance(seed):
    """These tests can fail: one degree lower, and point and mean errors are too large."""
    rng = np.random.default_rng(seed)
    rows, points = rng.normal(size=(300, 3)), rng.normal(size=(50, 3))
    exact = by_logsumexp(points, rows, 0.5)
    for right, wrong in ((EXACT, 1e-10), (1e-10, 1e-7)):
        lower = scoring.log_densities(points, rows, 0.5, tolerance=wrong)
        assert np.abs(lower - exact).max() > right
        assert np.abs(lower - exact).mean() > right


@pytest.mark.parametrize("dim", [1, 2])
@pytest.mark.parametrize("tolerance", [1e-11, 1e-10, 1e-7, 1e-4])
@pytest.mark.parametrize("ratio", [1.0, 1.3, 4.0, 200.0])
def test_what_the_grid_vouches_for_is_within_the_tolerance(dim, tolerance, ratio, seed):
    """Nearly all points among the rows are served; only tails are refused."""
    rng = np.random.default_rng(seed)
    grid, smallest = Grid(dim, 0.05, tolerance), 0.05
    rows = np.concatenate([rng.normal(size=(400, dim)), 5 + 3 * rng.normal(size=(400, dim))])
    for batch in np.split(rows, [1, 100, 600]):
        assert grid.add(batch)
    points = np.concatenate([rng.choice(rows, 100), wide(rng, 100, dim)])
    found, good = grid.sums(points, ratio * smallest)
    peak = -dim * math.log(ratio * smallest * math.sqrt(2 * math.pi))
    exact = by_logsumexp(points, rows, ratio * smallest) + math.log(len(rows)) - peak
    assert good[:100].mean() > 0.8
    assert np.all(np.abs(np.log(found[good]) - exact[good]) <= tolerance)
    assert np.all(exact[~good] < math.log(1e-3 * len(rows)))  # only tails are refused


def test_a_grid_too_coarse_breaks_the_tolerance(seed):
    """These tests can fail: a grid made for 1e-10 does not reach 1e-13."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(500, 2))
    grid = Grid(2, 0.3, 1e-10)
    assert grid.add(rows)
    grid.tolerance, grid.smallest = 1e-13, 0.3
    found, _ = grid.sums(rows, 0.3)
    peak = -2 * math.log(0.3 * math.sqrt(2 * math.pi))
    exact = by_logsumexp(rows, rows, 0.3) + math.log(500) - peak
    assert np.abs(np.log(found) - exact).max() > 1e-13


def test_a_grid_refuses_what_does_not_fit_and_keeps_what_it_has():
    """Rows too far away are not added, and points off the grid are not served."""
    grid = Grid(2, 0.1, 1e-7)
    assert grid.add(np.zeros((3, 2)))
    for far in (1e4, 1e9, 1e308):
        assert not grid.add(np.full((1, 2), far))
    found, good = grid.sums(np.array([[0.0, 0.0], [1e308, -1e308], [40.0, 0.0]]), 0.1)
    assert found == pytest.approx([3.0, 0.0, 0.0], rel=1e-7)
    assert good.tolist() == [True, False, False]


@cache
def shrinking(dim, seed):
    """Return points, batches, the exact log-densities after each, and those with a far row."""
    rng = np.random.default_rng(seed)
    points = np.concatenate([rng.normal(size=(150, dim)), wide(rng, 50, dim)])
    rows, batches = np.empty((0, dim)), []
    for t in range(1, 9):
        new = rng.normal(size=(900, dim)) * (1 + t / 4)
        rows = np.concatenate([rows, new])
        widths = t**-0.4, 0.3, 0.19  # the last is below what the grid is for
        batches.append((new, {h: by_logsumexp(points, rows, h) for h in widths}))
    far = np.full((1, dim), 1e12)
    return points, batches, far, by_logsumexp(points, np.concatenate([rows, far]), 0.3)


@pytest.mark.parametrize("dim", [1, 2, 4])
@pytest.mark.parametrize("tolerance", [0.0, 1e-10, 1e-7])
def test_a_pool_with_shrinking_bandwidths(dim, tolerance, seed):
    """Grid or all pairs, at every size of the pool, and when the grid has to be given up."""
    points, batches, far, last = shrinking(dim, seed)
    pool = scoring.Accumulating(points, tolerance=tolerance, smallest=0.2)
    for new, exactly in batches:
        pool.add(new)
        for h, exact in exactly.items():
            found = pool.log_densities(h)
            assert np.all(np.abs(found - exact) <= tolerance + EXACT * np.abs(exact))
    if tolerance == 1e-7:
        used = pool.grid is not None and pool.grid.mass > 0
        assert used == (dim <= 2)
    pool.add(far)  # no grid reaches that far
    for _ in range(3):
        assert np.all(np.abs(pool.log_densities(0.3) - last) <= tolerance + EXACT * np.abs(last))


@pytest.mark.parametrize("tolerance", [0.0, 1e-10, 1e-7])
def test_a_pool_with_one_bandwidth_streams(tolerance, seed):
    """Rows are merged as they come and not kept."""
    rng = np.random.default_rng(seed)
    points, rows = wide(rng, 100, 2), rng.normal(size=(1000, 2))
    pool = scoring.Accumulating(points, tolerance=tolerance, bandwidth=0.1)
    for size in (1, 10, 989):
        pool.add(rows[pool.count : pool.count + size])
        exact = by_logsumexp(points, rows[: pool.count], 0.1)
        found = pool.log_densities()
        assert np.all(np.abs(found - exact) <= tolerance + EXACT * np.abs(exact))
        np.testing.assert_array_equal(found, pool.log_densities(0.1))
    assert len(pool.rows) == 0


def precise_pairs(rows, h, weights):
    """Return the integral of the squared density, in 50 digits, rounded to a float."""
    weights = [mpmath.mpf(float(w)) for w in weights]
    total = mpmath.mpf(0)
    for x, a in zip(rows, weights, strict=True):
        for y, b in zip(rows, weights, strict=True):
            square = mpmath.fsum(
                (mpmath.mpf(p) - mpmath.mpf(q)) ** 2 for p, q in zip(x, y, strict=True)
            )
            total += a * b * mpmath.exp(-square / (4 * mpmath.mpf(h) ** 2))
    volume = (4 * mpmath.pi * mpmath.mpf(h) ** 2) ** (mpmath.mpf(rows.shape[1]) / 2)
    return float(total / mpmath.fsum(weights) ** 2 / volume)


@pytest.mark.parametrize("dim", [1, 2, 5])
@pytest.mark.parametrize("count", [1, 2, 3, 30])
@pytest.mark.parametrize("h", [0.01, 0.7])
def test_pair_densities_equal_mpmath(dim, count, h, seed):
    """With equal weights, with given ones, and in batches."""
    rng = np.random.default_rng(seed)
    rows, weights = rng.normal(size=(count, dim)), rng.random(count)
    weights[1:2] = 0.0
    expected = precise_pairs(rows, h, np.ones(count))
    assert scoring.pair_density(rows, h) == pytest.approx(expected, rel=EXACT)
    expected = precise_pairs(rows, h, weights)
    assert scoring.pair_density(rows, h, weights) == pytest.approx(expected, rel=EXACT)
    batch = np.stack([rows, 2 * rows])
    expected = [precise_pairs(part, h, weights) for part in batch]
    assert scoring.pair_densities(batch, h, weights) == pytest.approx(expected, rel=EXACT)


@pytest.mark.parametrize("count", [1023, 1024, 1025, 2500])
def test_pair_densities_of_many_rows(count, seed):
    """More than one block of rows, against the mean density at bandwidth sqrt(2) h."""
    rng = np.random.default_rng(seed)
    rows, weights = rng.normal(size=(count, 2)), rng.random(count)
    for own in (np.ones(count), weights):
        logs = by_logsumexp(rows, rows, math.sqrt(2) * 0.3, own)
        expected = np.exp(logs) @ own / own.sum()
        assert scoring.pair_density(rows, 0.3, own) == pytest.approx(expected, rel=EXACT)


def test_pair_density_beyond_the_largest_float_is_infinite():
    """And below the smallest it is 0."""
    assert scoring.pair_density(np.zeros((3, 2)), 1e-200) == np.inf
    assert scoring.pair_density(np.zeros((3, 2)), 1e200) == 0.0


@pytest.mark.parametrize("count", [10, 100, 600])
@pytest.mark.parametrize("weighted", [False, True])
def test_batches_of_replicates_equal_one_by_one(count, weighted, seed):
    """The batched losses are those of each replicate."""
    rng = np.random.default_rng(seed)
    rows, points = rng.normal(size=(5, count, 2)), rng.normal(size=(5, 60, 2))
    weights = np.maximum(rng.random(count) - 0.3, 0) if weighted else None
    for tolerance in (0.0, 1e-10, 1e-7):
        found = scoring.mean_log_losses(points, rows, 0.3, tolerance, weights)
        exact = [
            -by_logsumexp(x, y, 0.3, weights).mean() for x, y in zip(points, rows, strict=True)
        ]
        assert np.all(np.abs(found - exact) <= tolerance + EXACT)
    shared = scoring.mean_log_losses(points[0], rows, 0.3, 0.0, weights)
    exact = [-by_logsumexp(points[0], y, 0.3, weights).mean() for y in rows]
    assert np.all(np.abs(shared - exact) <= EXACT)
    same = np.broadcast_to(points[0], points.shape)
    np.testing.assert_array_equal(scoring.mean_log_losses(same, rows, 0.3, 0.0, weights), shared)


def test_scikit_learns_default_tree_is_wrong_in_the_papers_own_configuration():
    """Moons, n = 100, h = 0.1, replace: far points are off by more than 0.1 nats.

    Bounds of far nodes cancel in the tree; with one leaf for all rows its sums are exact.
    """
    worst = (0.0, None, None, None)
    for seed in range(4):
        rows = make_moons(100, noise=0.05, random_state=seed)[0]
        tests = make_moons(500, noise=0.05, random_state=100 + seed)[0]
        rng = np.random.default_rng(seed)
        for t in range(1, 101):
            if t >= 80:
                peer = KernelDensity(bandwidth=0.1).fit(rows).score_samples(tests)
                alone = KernelDensity(bandwidth=0.1, leaf_size=101).fit(rows).score_samples(tests)
                ours = scoring.log_densities(tests, rows, 0.1)
                assert distance(alone, ours) < EXACT
                j = np.abs(peer - ours).argmax()
                worst = max(
                    worst, (abs(peer[j] - ours[j]), tests[j], rows, ours[j]), key=lambda w: w[0]
                )
            rows = rows[rng.integers(100, size=100)] + 0.1 * rng.standard_normal((100, 2))
    error, point, rows, ours = worst
    assert error > 0.1
    assert ours == pytest.approx(precise(point, rows, 0.1), rel=EXACT)


def test_arguments_are_checked():
    """Each message names what is wrong."""
    points, rows = np.zeros((2, 2)), np.zeros((3, 2))
    with pytest.raises(InvalidInput, match="give 2 columns"):
        scoring.log_densities(points, np.zeros((3, 1)), 1.0)
    with pytest.raises(InvalidInput, match="bandwidth"):
        scoring.log_densities(points, rows, 0.0)
    with pytest.raises(InvalidInput, match="sample_weight"):
        scoring.log_densities(points, rows, 1.0, weights=[1, -1, 1])
    for tolerance in (-1.0, math.nan):
        with pytest.raises(InvalidInput, match="tolerance"):
            scoring.Scorer(points, tolerance=tolerance)
    with pytest.raises(InvalidInput, match="no rows"):
        scoring.Accumulating(points).log_densities(1.0)
    fixed = scoring.Accumulating(points, bandwidth=1.0)
    fixed.add(rows)
    with pytest.raises(InvalidInput, match="fixed at"):
        fixed.log_densities(2.0)
    with pytest.raises(InvalidInput, match="replicates"):
        scoring.pair_densities(rows, 1.0)
    with pytest.raises(InvalidInput, match="differ in R or d"):
        scoring.mean_log_losses(np.zeros((3, 3, 2)), np.zeros((2, 3, 2)), 1.0)
    with pytest.raises(InvalidInput, match="differ in R or d"):
        scoring.mean_log_losses(np.zeros((2, 3, 1)), np.zeros((2, 3, 2)), 1.0)


def test_other_layouts_are_accepted(seed):
    """Any layout gives the same bits and compiles nothing anew."""
    rng = np.random.default_rng(seed)
    points, rows = rng.normal(size=(60, 2)), rng.normal(size=(50, 2))
    expected = scoring.log_densities(points, rows, 0.5)
    frozen = rows.copy()
    frozen.flags.writeable = False
    for same in (np.asfortranarray(rows), frozen, rows.tolist(), np.repeat(rows, 2, axis=0)[::2]):
        np.testing.assert_array_equal(scoring.log_densities(points, same, 0.5), expected)
    assert len(sums.merge.signatures) == 1
