"""Metrics of sampled rows: each against a slow oracle, its closed forms and its symmetries."""

import itertools
import math
import sys

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neighbors import KNeighborsClassifier

import modelcollapse as mc
from modelcollapse._support import memory
from modelcollapse.loop import sample_metrics as sm
from modelcollapse.testing import assert_bounded_mean

# Sums of at most 2,000 numbers of one sign are exact up to 2,000 eps, relative to the sum.
ROUNDING = 2000 * np.finfo(np.float64).eps
SEEDS = st.integers(0, 10**6)
DIMS = st.integers(1, 3)
MANIFOLD = (sm.precision, sm.recall, sm.density, sm.coverage)
SYMMETRIC = (sm.w2_squared, sm.energy_distance, sm.mmd_squared)
SHAPES = [(4, 4, 1), (5, 5, 3), (6, 6, 2)]
UNEQUAL = [(4, 6, 1), (7, 3, 1), (2, 9, 1)]


def grid(rng, n, d):
    """Return rows on a small grid: many ties and duplicates, and distances without rounding."""
    return rng.integers(-2, 3, (n, d)).astype(float)


def two_samples(seed, d, n=8, m=8):
    """Return two samples on the grid, at least two rows of each different."""
    rng = np.random.default_rng(seed)
    x, y = grid(rng, n, d), grid(rng, m, d)
    x[0], y[0], x[1], y[1] = -2, -2, 2, 2
    return x, y, rng


def normal(seed, n, m, d):
    """Return two samples without ties."""
    rng = np.random.default_rng([seed, n, m, d])
    return rng.standard_normal((n, d)), 1.5 * rng.standard_normal((m, d)) + 0.5


def mean_over(a, b, function):
    """Return the mean of a function over all pairs of rows, by a double loop."""
    return sum(function(p, q) for p in a for q in b) / (len(a) * len(b))


def apart(p, q):
    """Return the distance of two rows."""
    return math.dist(p, q)


def scale(x, y):
    """Return a number above all squared distances."""
    return 1 + float(
        np.ptp(np.concatenate([x, y]), axis=0) @ np.ptp(np.concatenate([x, y]), axis=0)
    )


def close(value, x, y):
    """Return what equals a value up to the rounding of a mean over squared distances."""
    return pytest.approx(value, rel=0, abs=ROUNDING * scale(x, y))


def assigned(x, y):
    """Return the least mean squared distance over all permutations."""
    return min(
        sum(apart(x[i], y[j]) ** 2 for i, j in enumerate(order)) / len(x)
        for order in itertools.permutations(range(len(y)))
    )


# Wasserstein


@pytest.mark.parametrize(("n", "m", "d"), SHAPES)
def test_w2_is_the_best_permutation(n, m, d):
    """As extreme couplings of equal numbers of rows are permutations."""
    x, y = normal(0, n, m, d)
    assert sm.w2_squared(x, y) == close(assigned(x, y), x, y)


@pytest.mark.parametrize(("n", "m", "d"), UNEQUAL)
def test_w2_of_unequal_numbers_is_that_of_repeated_rows(n, m, d):
    """In one dimension, without anything optional."""
    x, y = normal(1, n, m, d)
    repeated = np.sort(np.repeat(x, m)), np.sort(np.repeat(y, n))
    assert sm.w2_squared(x, y) == close(((repeated[0] - repeated[1]) ** 2).mean(), x, y)


@given(seed=SEEDS)
def test_weights_are_repetitions_on_a_line(seed):
    """A row of weight 0 is none, also a far one."""
    rng = np.random.default_rng(seed)
    x, y, weights = rng.normal(size=7), rng.normal(size=5), rng.integers(0, 4, 7)
    weights[0], weights[1], x[1] = 3, 0, 1e60
    kept = weights > 0
    expected = sm.w2_squared(np.repeat(x, weights), y)
    found = sm.w2_squared(x, y, sample_weight=weights)
    assert found == close(expected, x[kept, None], y[:, None])


def test_weights_that_are_rounded():
    """Nine ninths are above 1, and another row has a weight still."""
    weights = np.append(np.ones(9), 1e-20)
    assert np.cumsum(weights / 9)[8] > 1
    x = np.arange(10.0)
    expected = sm.w2_squared(x[:9], x[:4])
    assert sm.w2_squared(x, x[:4], sample_weight=weights) == pytest.approx(expected, rel=ROUNDING)


@pytest.mark.parametrize("weights", [None, [1, 2, 0, 3]])
def test_w2_of_a_linear_program(weights):
    """It is the assignment of repeated rows; needs POT."""
    pytest.importorskip("ot")
    x, y = normal(2, 4, 9, 2)
    counts = [1] * 4 if weights is None else weights
    total = sum(counts)
    repeated = np.repeat(x, np.multiply(counts, 9), axis=0), np.repeat(y, total, axis=0)
    found = sm.w2_squared(x, y, sample_weight=weights)
    assert found == close(sm.w2_squared(*repeated), x, y)
    for unit in (2.0**200, 2.0**-200):
        scaled = sm.w2_squared(unit * x, unit * y, sample_weight=weights)
        assert scaled == unit**2 * found


def test_w2_of_one_place_by_a_linear_program():
    """Where all costs are 0; needs POT."""
    pytest.importorskip("ot")
    assert sm.w2_squared(np.ones((3, 2)), np.ones((4, 2))) == 0


@pytest.mark.parametrize("weights", [None, [1, 2, 3, 4, 5]])
def test_without_pot(monkeypatch, weights):
    """The message says what to install, and how to do without."""
    monkeypatch.setitem(sys.modules, "ot", None)
    x, y = normal(3, 5, 4, 2)
    match = r"equal numbers of rows.*needs POT.*pip install '\.\[metrics\]'"
    with pytest.raises(mc.MissingDependency, match=match):
        sm.w2_squared(x, y, sample_weight=weights)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_a_shift_of_a_copy(d):
    """W2^2 = |s|^2, and sliced the mean of (u.s)^2; the energy distance sees it."""
    x, shift = np.random.default_rng(d).normal(size=(30, d)), np.arange(1.0, d + 1)
    y = x + shift
    directions = np.random.default_rng(7).standard_normal((50, d))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)

    assert sm.w2_squared(x, y) == close(shift @ shift, x, y)
    sliced = sm.sliced_w2_squared(x, y, projections=50, rng=7)
    assert sliced == close(((directions @ shift) ** 2).mean(), x, y)
    assert sm.energy_distance(x, y) > 0


@pytest.mark.parametrize(("n", "m"), [(6, 6), (4, 9)])
def test_sliced_is_a_mean_over_directions(n, m):
    """With the directions drawn again; in one dimension all are one."""
    x, y = normal(4, n, m, 3)
    normals = np.random.default_rng(11).standard_normal((100, 3))
    lines = [sm.w2_squared(x @ (u / math.hypot(*u)), y @ (u / math.hypot(*u))) for u in normals]

    assert sm.sliced_w2_squared(x, y, rng=11) == close(np.mean(lines), x, y)
    again = sm.sliced_w2_squared(x, y, rng=np.random.default_rng(11))
    assert again == sm.sliced_w2_squared(x, y, rng=11)
    line = x[:, :1], y[:, :1]
    assert sm.sliced_w2_squared(*line, rng=0) == close(sm.w2_squared(*line), *line)


@given(seed=SEEDS, d=DIMS)
def test_no_direction_is_farther_than_the_rows(seed, d):
    """As a projection shortens."""
    x, y, _ = two_samples(seed, d)
    bound = sm.w2_squared(x, y) + ROUNDING * scale(x, y)
    assert sm.sliced_w2_squared(x, y, projections=1, rng=seed) <= bound


def test_too_many_rows_for_the_memory(monkeypatch):
    """Refused before anything is allocated."""
    monkeypatch.setattr(memory, "free", lambda: 2**20)
    x = np.zeros((5000, 2))
    with pytest.raises(mc.InvalidInput, match=r"w2_squared of 5000 rows and 5000 rows.*ask for f"):
        sm.w2_squared(x, x)
    with pytest.raises(mc.InvalidInput, match=r"bandwidth = 'median': the distances of 10000 rows"):
        sm.mmd_squared(x, x)
    assert sm.w2_squared(x[:, :1], x[:, :1]) == 0


# Energy distance and MMD


@pytest.mark.parametrize(("n", "m", "d"), SHAPES + UNEQUAL)
def test_energy_distance_is_a_double_loop(n, m, d):
    """A V-statistic, whose square root SciPy has in one dimension."""
    x, y = normal(5, n, m, d)
    parts = [mean_over(a, b, apart) for a, b in ((x, y), (x, x), (y, y))]
    assert sm.energy_distance(x, y) == close(2 * parts[0] - parts[1] - parts[2], x, y)
    if d == 1:
        root = scipy.stats.energy_distance(x[:, 0], y[:, 0])
        assert sm.energy_distance(x, y) == close(root**2, x, y)


@pytest.mark.parametrize(("n", "m", "d"), SHAPES + UNEQUAL)
@pytest.mark.parametrize("h", [0.5, "median"])
def test_mmd_is_a_double_loop(n, m, d, h):
    """Over different rows, with scikit-learn's kernel."""
    x, y = normal(6, n, m, d)
    both = [*x, *y]
    width = np.median([apart(*p) for p in itertools.combinations(both, 2)]) if h == "median" else h
    kernels = [rbf_kernel(a, b, gamma=0.5 / width**2) for a, b in ((x, x), (y, y), (x, y))]
    inner = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in kernels[:2]]
    expected = sum(inner) - 2 * kernels[2].mean()
    # scikit-learn expands |x - y|^2, whose rounding over the squared width is the kernel's.
    assert sm.mmd_squared(x, y, bandwidth=h) == close(expected, x / width, y / width)


def test_mmd_of_repeated_rows():
    """Distances of 0 are left out of the median; without others the value is 0."""
    x = np.array([0.0, 0, 0, 0, 1])
    assert sm.mmd_squared(x, x) == sm.mmd_squared(x, x, bandwidth=1)
    assert sm.mmd_squared(np.ones(3), np.ones(4)) == 0
    assert sm.mmd_squared([0, 1], [0, 1], bandwidth=1e-300) == -1  # only equal rows are near


# Neighbourhoods


def by_loops(x, y, k):
    """Return precision, recall, density and coverage of grid rows, by their definitions."""

    def square(p, q):
        return sum((a - b) ** 2 for a, b in zip(p, q, strict=True))

    def radius(rows, i):
        return sorted(square(rows[i], q) for j, q in enumerate(rows) if j != i)[k - 1]

    around_y = [[square(p, q) <= radius(y, j) for j, q in enumerate(y)] for p in x]
    around_x = [[square(q, p) <= radius(x, i) for i, p in enumerate(x)] for q in y]
    return {
        "precision": np.mean([any(inside) for inside in around_y]),
        "recall": np.mean([any(inside) for inside in around_x]),
        "density": np.sum(around_y) / (k * len(x)),
        "coverage": np.mean([any(inside) for inside in zip(*around_y, strict=True)]),
    }


@given(seed=SEEDS, d=DIMS, k=st.integers(1, 6), n=st.integers(7, 12), m=st.integers(7, 12))
def test_neighbourhoods_are_their_definitions(seed, d, k, n, m):
    """With ties and duplicates."""
    x, y, _ = two_samples(seed, d, n, m)
    for name, expected in by_loops(x, y, k).items():
        assert sm.named(name)(x, y, k=k) == pytest.approx(expected, rel=ROUNDING)


@given(seed=SEEDS, d=DIMS, k=st.integers(1, 6))
def test_what_is_equal_is_covered(seed, d, k):
    """Every value is 1 of equal samples, and the density (k + 1)/k where nothing is tied."""
    x, _, rng = two_samples(seed, d)
    smooth = rng.normal(size=(9, d))

    assert all(f(x, rng.permutation(x), k=k) == 1 for f in (sm.precision, sm.recall, sm.coverage))
    assert sm.density(x, x, k=k) >= (k + 1) / k
    assert sm.density(smooth, smooth, k=k) == (k + 1) / k


def test_duplicates_are_neighbours():
    """A sample that has collapsed into a few places is points: precise, and it recalls nothing."""
    reference = np.random.default_rng(0).normal(size=(60, 2))
    collapsed = np.repeat(reference[:10], 6, axis=0)

    assert sm.precision(collapsed, reference) == 1
    assert sm.recall(collapsed, reference) == 10 / 60


# Expectations


def test_expectations(seed):
    """Those that the docstrings state, of two small samples of a uniform law, in two dimensions."""
    rng = np.random.default_rng(seed)
    n, m, k, count = 3, 4, 2, 4000
    x, y = rng.random((count, n, 2)), rng.random((count, m, 2))
    covered = 1 - math.prod((m - i) / (n + m - i) for i in (1, 2))
    claims = [
        (lambda a, b: sm.density(a, b, k=k), 1, 0, m / k),
        (lambda a, b: sm.coverage(a, b, k=k), covered, 0, 1),
        (lambda a, b: sm.mmd_squared(a, b, bandwidth=0.2), 0, -2, 2),
        # E|x - x'| = 1/3 on the unit interval, and no distance is above 1.
        (lambda a, b: sm.energy_distance(a[:, 0], b[:, 0]), (1 / n + 1 / m) / 3, 0, 2),
    ]
    for metric, claimed, low, high in claims:
        found = [metric(a, b) for a, b in zip(x, y, strict=True)]
        # An MMD is bounded up to rounding.
        assert_bounded_mean(np.clip(found, low, high), claimed, low, high)


def test_the_expectation_of_an_accuracy(seed):
    """Is 0.5 for one law, also with one row of each side in each fold."""
    rng = np.random.default_rng(seed)
    nearest = KNeighborsClassifier(1)
    found = [
        sm.c2st(rng.random((3, 1)), rng.random((5, 1)), classifier=nearest, folds=3, rng=rng)
        for _ in range(300)
    ]
    assert_bounded_mean(found, 0.5, 0, 1)


# Classifier


@pytest.mark.parametrize("folds", [2, 3, 7])
def test_folds_are_balanced(folds):
    """A classifier that knows the sizes only is right half of the time: exactly."""
    x, y = normal(8, 7, 11, 2)
    one = DummyClassifier(strategy="most_frequent")
    assert sm.c2st(x, y, classifier=one, folds=folds, rng=0) == 0.5


def test_a_classifier_sees_what_it_can():
    """What is far apart always, in units of any size and far from the origin."""
    x = np.linspace(0, 1, 40)
    y = x + 100
    for unit in (1e-60, 1.0, 1e60):
        assert sm.c2st(unit * x, unit * y, rng=0) == 1
    assert sm.c2st(x + 1e9, y + 1e9, rng=0) == 1
    assert sm.c2st(x, y, rng=1) == sm.c2st(x, y, rng=1) == 1


def test_a_classifier_sees_a_smaller_variance():
    """Which nearest neighbours miss: rows of length 1 and 1/4, at right angles.

    Another long row is at 2^(1/2) of a long one, and no short row is farther than (17/16)^(1/2).
    """
    long = scipy.linalg.hadamard(32) / math.sqrt(32)
    nearest = KNeighborsClassifier(5)

    assert sm.c2st(long / 4, long, classifier=nearest, rng=0) == 0.5
    assert sm.c2st(long / 4, long, rng=0) > 0.5


def test_a_copy_is_below_one_half():
    """A row's twin, of the other label, is in the training folds or in its own: 1-NN is wrong."""
    x = np.arange(20.0)
    assert sm.c2st(x, x, classifier=KNeighborsClassifier(1), folds=20, rng=0) < 0.5


# Spectrum


@pytest.mark.parametrize(("n", "d"), [(9, 1), (9, 3), (4, 6)])
def test_the_spectrum_is_that_of_the_covariance(n, d):
    """Of NumPy's, with zeros where there are too few rows."""
    x, y = normal(9, n, n + 1, d)
    total = np.trace(np.atleast_2d(np.cov(y.T, ddof=0)))
    values = np.linalg.eigvalsh(np.atleast_2d(np.cov(x.T, ddof=0)))[::-1] / total
    spectrum = sm.covariance_spectrum(x, y)

    assert spectrum == pytest.approx(values, rel=0, abs=ROUNDING * scale(x, y) / total)
    assert spectrum.shape == (d,)
    assert sm.covariance_spectrum(y, y).sum() == pytest.approx(1, rel=ROUNDING)
    shares = values[values > ROUNDING] / values.sum()
    rank = sm.effective_rank(x, y)
    assert rank == pytest.approx(math.exp(scipy.stats.entropy(shares)), rel=d * ROUNDING)


@pytest.mark.parametrize("unit", [1e-170, 1.0, 1e60])
def test_effective_ranks_that_are_known(unit):
    """Of d equal axes it is d, of one 1, of a point 0."""
    cross = unit * np.concatenate([np.eye(4), -np.eye(4)])
    line = cross * [1, 0, 0, 0]

    assert sm.effective_rank(cross, cross) == pytest.approx(4, rel=ROUNDING)
    assert sm.effective_rank(line, cross) == pytest.approx(1, rel=ROUNDING)
    assert sm.effective_rank(line * 0 + unit, cross) == 0
    assert sm.covariance_spectrum(line, cross) == pytest.approx([0.25, 0, 0, 0], rel=ROUNDING)


# All


@given(seed=SEEDS, d=DIMS)
def test_distances_are_symmetric_and_order_does_not_matter(seed, d):
    """And recall is precision, exchanged."""
    x, y, rng = two_samples(seed, d)
    for metric in SYMMETRIC:
        assert metric(y, x) == close(metric(x, y), x, y)
        assert metric(rng.permutation(x), y) == close(metric(x, y), x, y)
    assert sm.recall(x, y) == sm.precision(y, x)


@given(seed=SEEDS, d=DIMS)
def test_equal_samples_are_at_zero(seed, d):
    """In any order, and with each row twice; the MMD is 2 (sum of k - n^2)/(n^3 - n^2) then."""
    x, _, rng = two_samples(seed, d)
    other, smooth = rng.permutation(x), rng.normal(size=(8, d))
    for metric in (sm.w2_squared, sm.energy_distance):
        assert metric(x, x) == metric(smooth, smooth) == 0
        assert metric(x, other) == close(0, x, x)
    assert sm.sliced_w2_squared(x, x, rng=seed) == 0
    assert sm.energy_distance(np.repeat(x, 2, axis=0), x) == close(0, x, x)
    assert sm.w2_squared(np.repeat(x[:, 0], 2), x[:, 0]) == 0
    assert sm.mmd_squared(x, x) <= ROUNDING


@given(seed=SEEDS, d=DIMS)
@settings(max_examples=50)
def test_what_changes_nothing(seed, d):
    """Shifts, exchanged and mirrored columns and units; what has units is multiplied by them."""
    x, y, rng = two_samples(seed, d)
    order, signs, shift = rng.permutation(d), rng.choice([-1, 1], d), rng.integers(-9, 9, d)
    powers = {sm.w2_squared: 2, sm.energy_distance: 1}
    for metric in (*SYMMETRIC, *MANIFOLD, sm.covariance_spectrum, sm.effective_rank):
        before, power = metric(x, y), 4.0 ** powers.get(metric, 0)
        after = metric(*(4 * (a[:, order] * signs + shift) for a in (x, y)))
        # On the grid nothing is rounded but sums and eigenvalues, and no value is above 16 scale.
        assert after == pytest.approx(before * power, rel=0, abs=16 * ROUNDING * scale(x, y))


@pytest.mark.parametrize("metric", [*SYMMETRIC, *MANIFOLD])
def test_chunks_change_nothing(metric, monkeypatch):
    """But the rounding of sums."""
    x, y = normal(10, 9, 9, 2)
    whole = metric(x, y)
    for chunk in (1, 20):
        monkeypatch.setattr(sm, "CHUNK", chunk)
        assert metric(x, y) == close(whole, x, y)


@pytest.mark.parametrize("name", sm.NAMES)
@pytest.mark.parametrize("unit", [1e-160, 1.0, 1e70])
def test_any_size_of_numbers(name, unit):
    """Nothing overflows, and a value is a float or one number for each column."""
    rng = np.random.default_rng(1)
    x, y = unit * rng.uniform(-1, 1, (2, 12, 3))
    value = sm.named(name)(x, y)

    assert np.isfinite(value).all()
    assert type(value) is float or (name == "covariance_spectrum" and value.shape == (3,))


@pytest.mark.parametrize("name", sm.NAMES)
def test_wrong_rows(name):
    """Every metric names what is wrong, and what would be right."""
    metric, good = sm.named(name), np.arange(20.0).reshape(10, 2)
    for sample, reference, message in [
        (good, good[:, :1], "sample has 2 columns and reference has 1: make them equal"),
        (good[:1], good, "sample = .*1 row.*give at least 2 rows"),
        (good, good[:1], "reference = .*1 row.*give at least 2 rows"),
        (good, np.full((9, 2), np.nan), r"reference\[0, 0\] = nan is not valid: every entry"),
        (good * 1e71, good, "sample, its largest entry = .*rescale both to at most 1e.70"),
        (good, -good * 1e71, "reference, its largest entry = .*rescale both"),
        ("text", good, "sample = 'text' is not valid: give an array of numbers, one row"),
    ]:
        with pytest.raises(mc.InvalidInput, match=message):
            metric(sample, reference)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("w2_squared", {"sample_weight": [1, 2]}, "sample_weight = .*give 10 numbers|10 finite"),
        ("sliced_w2_squared", {"projections": 0}, "projections = 0 .*at least 1"),
        ("sliced_w2_squared", {"rng": -1}, "rng = -1 is not valid: give None, a whole number"),
        ("mmd_squared", {"bandwidth": 0}, 'bandwidth = 0 .*give "median" or a finite number'),
        ("mmd_squared", {"bandwidth": "mean"}, "bandwidth = 'mean' "),
        ("c2st", {"classifier": 3}, "classifier = 3 .*with fit and predict"),
        ("c2st", {"folds": 1}, "folds = 1 .*at least 2"),
        ("c2st", {"folds": 11}, "folds = 11 .*has 10 rows; give at most 10"),
        ("c2st", {"rng": "seed"}, "rng = 'seed' is not valid"),
        ("precision", {"k": 10}, "k = 10 .*reference has 10 rows; give a k below that"),
        ("recall", {"k": 10}, "k = 10 .*sample has 10 rows; give a k below that"),
        ("density", {"k": 0}, "k = 0 .*at least 1"),
        ("coverage", {"k": 2.5}, r"k = 2\.5 .*whole number"),
    ],
)
def test_wrong_options(name, options, message):
    """Each is named, with its value."""
    good = np.arange(20.0).reshape(10, 2)
    with pytest.raises(mc.InvalidInput, match=message):
        sm.named(name)(good, good, **options)


def test_a_reference_without_variance():
    """Has no spectrum to compare with; a sample without one is a value."""
    x, point = np.arange(6.0).reshape(3, 2), np.full((7, 2), 0.1)  # their mean is not 0.1
    with pytest.raises(mc.InvalidInput, match="reference: all 7 rows are equal"):
        sm.covariance_spectrum(x, point)
    assert not sm.covariance_spectrum(point, x).any()


def test_names():
    """Each name is a function's own, and a wrong one gets the list."""
    assert [sm.named(name).__name__ for name in sm.NAMES] == list(sm.NAMES)
    with pytest.raises(mc.InvalidInput, match="unknown metric 'recal'; did you mean recall"):
        sm.named("recal")
    with pytest.raises(
        mc.InvalidInput, match="unknown metric 3; known: c2st, covariance_spectrum, coverage"
    ):
        sm.named(3)
