"""Compiled genealogies on given arrays against NumPy: moments, covariances, factors, choices.

Sums of at most 40 products of numbers of size X, twice: 1e-14 X^2 holds their rounding where
nothing cancels, as rows are taken about the first of them.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from modelcollapse._support.stream import opened
from modelcollapse.families.kde import genealogy, summaries
from modelcollapse.families.kde.genealogy import RANGES, SUBSETS, TABLES
from modelcollapse.testing import assert_frequency, assert_law

SEEDS, DIMS = st.integers(0, 10**6), st.integers(1, 4)
NO_TABLES, NO_WEIGHTS = np.zeros((1, 1, 1), np.int64), np.empty((0, 0, 0))
NO_EDITS = np.empty((2, 0))
QUICK = settings(max_examples=25)


def weighted(seed, dim, offset):
    """Return a pool, training rows with repetitions, cumulative weights, and shares."""
    rng = np.random.default_rng(seed)
    pool = rng.normal(size=(12, dim)) + offset
    rows = rng.integers(12, size=int(rng.integers(2, 20)))
    weights = rng.random(rows.size) * (rng.random(rows.size) < 0.7)
    weights[-1] = 1.0
    return pool, rows, np.cumsum(weights), weights / weights.sum()


@QUICK
@given(seed=SEEDS, dim=DIMS, offset=st.sampled_from([0.0, 1.0, 1e6]))
def test_spread_is_numpys_covariance(seed, dim, offset):
    """Mean and scatter of weighted rows, of a range of rows, and the sum of squared weights."""
    pool, rows, cumulative, shares = weighted(seed, dim, offset)
    mean, scatter = np.empty(dim), np.empty((dim, dim))
    # The pool's own rounding is that of its offset; differences of rows are exact then.
    slack = 1e-13 + 1e-15 * offset
    for kind, sums, chosen, w in (
        (TABLES, cumulative, rows, shares),
        (TABLES, np.empty(0), rows, np.full(rows.size, 1 / rows.size)),
        (RANGES, np.empty(0), np.arange(3, 9), np.full(6, 1 / 6)),
    ):
        count = len(chosen)
        squares = genealogy.spread(pool, kind, 3, rows, count, sums, mean, scatter)
        gaps = pool[chosen] - pool[chosen[0]]
        gaps = gaps - w @ gaps
        assert squares == pytest.approx(w @ w, rel=1e-13)
        assert mean == pytest.approx(w @ pool[chosen], rel=1e-14, abs=slack)
        expected = (w[:, None] * gaps).T @ gaps
        lower = np.tril_indices(dim)
        assert scatter[lower] == pytest.approx(expected[lower], rel=0, abs=1e-13)


@QUICK
@given(seed=SEEDS, dim=DIMS, rank=st.integers(0, 4), scale=st.floats(1e-3, 1e3))
def test_factors_are_cholesky_factors(seed, dim, rank, scale):
    """L L' is the scaled scatter, also of rows that span fewer directions than there are columns.

    A pivot that is left as rounding is set to zero or to its root: 1e-7 of the scatter's size.
    """
    points = np.random.default_rng(seed).normal(size=(min(rank, dim), dim))
    scatter, factor = points.T @ points, np.zeros((dim, dim))
    genealogy.factorise(scatter, scale, factor)

    assert np.array_equal(factor, np.tril(factor))
    size = scale * max(np.trace(scatter), 1e-300)
    if rank >= dim:
        condition = np.linalg.cond(scatter)
        expected = np.linalg.cholesky(scale * scatter) if condition < 1e8 else factor
        assert factor == pytest.approx(expected, rel=0, abs=1e-15 * condition * np.sqrt(size))
    assert factor @ factor.T == pytest.approx(scale * scatter, rel=0, abs=1e-7 * size)


@QUICK
@given(seed=SEEDS, dim=DIMS, offset=st.sampled_from([0.0, 10.0, 1e6]))
def test_moments_are_numpys(seed, dim, offset):
    """Weighted tables, for the recorded generations alone; others are left as they were."""
    rng = np.random.default_rng(seed)
    pools = rng.normal(size=(3, 15, dim)) + offset
    counts = rng.integers(1, 10, size=(3, 4))
    tables = rng.integers(15, size=(3, 4, 9))
    weights = rng.random((3, 4, 9)) + 0.01
    cumulative, slots = np.cumsum(weights, axis=2), np.array([0, -1, 1, -1])
    centre = rng.normal(size=dim) + offset
    # About the first row: a difference of rows is good to the last digit of the offset.
    slack = 1e-12 + 1e-14 * offset
    for sums, shared in ((cumulative, False), (NO_WEIGHTS, False), (cumulative[:1], True)):
        own = slice(0, 1) if shared else slice(None)
        second, central = np.full((3, 2), 7.0), np.full((3, 2), 7.0)
        summaries.moments(
            *(TABLES, np.zeros(4, np.int64), counts[own], tables[own], sums, slots),
            *(centre, pools, second, central),
        )
        for r in range(3):
            for column, t in enumerate((0, 2)):
                o = 0 if shared else r
                k = counts[o, t]
                rows = pools[r, tables[o, t, :k]]
                w = weights[o, t, :k] if sums.size else np.ones(k)
                w = w / w.sum()
                square = w @ ((rows - centre) ** 2).sum(axis=1)
                gaps = rows - rows[0] - w @ (rows - rows[0])
                assert second[r, column] == pytest.approx(square, rel=1e-12, abs=slack)
                variance = w @ (gaps**2).sum(axis=1)
                assert central[r, column] == pytest.approx(variance, rel=1e-12, abs=1e-12)


@QUICK
@given(
    seed=SEEDS,
    dim=DIMS,
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=5),
    window=st.integers(1, 5),
    offset=st.sampled_from([0.0, 1e6]),
)
def test_moments_of_ranges_are_numpys(seed, dim, sizes, window, offset):
    """Whole batches, from one summary each: what `moments` gives for those rows."""
    rng, T = np.random.default_rng(seed), len(sizes)
    sizes = np.array(sizes)
    pools, centre = rng.normal(size=(2, sizes.sum(), dim)) + offset, np.full(dim, offset)
    batches, slots = np.maximum(np.arange(T) - window + 1, 0), np.arange(T)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    second, central = np.empty((2, T)), np.empty((2, T))
    summaries.range_moments(sizes, batches, slots, centre, pools, second, central)

    firsts = ends[batches]
    plain = np.empty((2, T)), np.empty((2, T))
    counts = (ends[1:] - firsts)[None]
    summaries.moments(
        *(RANGES, firsts, counts, np.zeros((1, T, 1), np.int64), NO_WEIGHTS, slots),
        *(centre, pools, *plain),
    )
    for r in range(2):
        for t in range(T):
            rows = pools[r, firsts[t] : ends[t + 1]] - offset  # exact, up to the pool's digits
            variance = rows.var(axis=0).sum()
            for found in (central, plain[1]):
                assert found[r, t] == pytest.approx(variance, rel=1e-12, abs=1e-12 + 1e-15 * offset)
            square = (rows**2).sum(axis=1).mean()
            for found in (second, plain[0]):
                assert found[r, t] == pytest.approx(square, rel=1e-12, abs=1e-13 * (1 + offset))


def parents(stream, kind, rows, cumulative, count, n):
    """Return n parents, of rows from 6 on or of the given ones."""
    found, words = np.empty(n, np.int64), np.empty((n + 3) // 4 * 4, np.uint32)
    genealogy.draw_parents(stream, kind, 6, rows, count, cumulative, words, found)
    return found


def test_parents_follow_the_weights(seed):
    """Ranges, tables and weights: 20,001 parents, and rows without weight never."""
    stream, n = opened(seed), 20_001
    rows = np.array([4, 9, 4, 2, 7])
    cumulative = np.cumsum([0.0, 0.2, 0.0, 0.5, 0.0])
    weighted_parents = parents(stream, TABLES, rows, cumulative, 5, n)
    assert set(weighted_parents.tolist()) == {9, 2}
    assert_frequency(int((weighted_parents == 2).sum()), n, 0.5 / 0.7)
    table = parents(stream, TABLES, rows, np.empty(0), 4, n)
    assert set(table.tolist()) == {4, 9, 2}
    assert_frequency(int((table == 4).sum()), n, 0.5)
    ranged = parents(stream, RANGES, rows, np.empty(0), 3, n)
    assert set(ranged.tolist()) == {6, 7, 8}
    assert_frequency(int((ranged == 7).sum()), n, 1 / 3)


def test_growth_uses_the_noise_given():
    """With one training row and given noise every number is known: parents plus h_t noise."""
    sizes, T = np.array([1, 1, 1, 1]), 4
    given = np.arange(1.0, 9.0).reshape(1, 4, 2)
    pools = np.zeros((1, 4, 2))
    pools[0, 0] = 100.0
    h = np.array([1.0, 0.5, 0.25, 9.0])
    genealogy.grow(
        *(
            opened(0),
            RANGES,
            sizes,
            np.array([1, 0, 0, 0]),
            np.arange(T),
            np.ones((1, T), np.int64),
        ),
        *(NO_TABLES.repeat(T, axis=1), NO_WEIGHTS, NO_EDITS, h, False, -1, given, pools),
    )

    steps = h[:3, None] * given[0, 1:]
    assert pools[0, 1:] == pytest.approx(100 + np.cumsum(steps, axis=0), rel=1e-15)


def test_scaled_growth_uses_the_rows_covariance(seed):
    """Two replicates of many rows: the new rows have the covariance S (1 + f^2) of a mixture."""
    stream, n, f = opened(seed), 20_000, 0.6
    real = np.random.default_rng(0).normal(size=(6, 2)) @ np.array([[2.0, 1.0], [0.0, 0.5]])
    pools = np.empty((1, 6 + n, 2))
    pools[0, :6] = real
    genealogy.grow(
        *(stream, RANGES, np.array([6, n]), np.array([6, 0]), np.zeros(2, np.int64)),
        np.array([[6, n]]),
        *(NO_TABLES.repeat(2, axis=1), NO_WEIGHTS, NO_EDITS, np.array([f, f]), True, 0),
        *(NO_WEIGHTS, pools),
    )
    S = np.cov(real.T)
    for direction in (np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([1.0, -1.0])):
        deviation = f * np.sqrt(direction @ S @ direction)
        centres = real @ direction
        assert_law(
            pools[0, 6:] @ direction,
            lambda x, c=centres, s=deviation: norm.cdf((x[:, None] - c) / s).mean(axis=1),
        )


def test_subsets_are_drawn_without_replacement(seed):
    """All subsets of two of the first four rows are equally likely; later ones see all rows."""
    stream, R = opened(seed), 6000
    sizes, counts = np.array([4, 2]), np.array([[2, 3]])
    tables, pools = np.empty((R, 2, 3), np.int64), np.zeros((R, 6, 1))
    genealogy.grow(
        *(
            stream,
            SUBSETS,
            sizes,
            np.array([4, 0]),
            np.zeros(2, np.int64),
            counts,
            tables,
            NO_WEIGHTS,
        ),
        *(NO_EDITS, np.ones(2), False, 0, NO_WEIGHTS, pools),
    )
    first = np.sort(tables[:, 0, :2], axis=1)
    assert (np.diff(first, axis=1) > 0).all()
    for a in range(4):
        for b in range(a + 1, 4):
            assert_frequency(int((first == [a, b]).all(axis=1).sum()), R, 1 / 6)
    second = np.sort(tables[:, 1], axis=1)
    assert (np.diff(second, axis=1) > 0).all()
    for row in range(6):
        assert_frequency(int((second == row).any(axis=1).sum()), R, 1 / 2)
