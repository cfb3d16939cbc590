"""p-values by relabelling, and the metrics behind them, against the slow obvious versions."""

import math
from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from modelcollapse.comparison import numbers, words
from modelcollapse.comparison.chance import Row, by_order, by_sums, chance, judged
from modelcollapse.comparison.numbers import Asked
from modelcollapse.evidence import same_law
from modelcollapse.loop import sample_metrics

RNG = np.random.default_rng(5)


def asked(times=99, alpha=0.05):
    """Return how to test, reproducibly."""
    return Asked(np.random.default_rng(0), times, alpha)


def test_p_values_are_valid_whichever_relabelling_is_true():
    """Of equally likely relabellings a share of at most a has any p at or below a, exactly."""
    values = RNG.integers(0, 6, size=(120, 3)).astype(float)  # with ties
    for above in (False, True):
        every = [chance(np.roll(values, -i, axis=0), 0.05, above=above).p.min() for i in range(120)]
        for level in np.unique(every):
            assert np.mean(np.array(every) <= level) <= level + 1e-12


def test_relabelling_all_of_them_is_the_permutation_test():
    """The p-value of a difference of means, by enumeration."""
    rows = RNG.normal(size=8)
    order = [[*c, *(i for i in range(8) if i not in c)] for c in combinations(range(8), 4)]
    gaps = np.array([[rows[o[4:]].mean() - rows[o[:4]].mean()] for o in order])
    expected = np.mean([np.abs(gaps[:, 0]) >= abs(gaps[0, 0]) - 1e-12])
    assert chance(gaps, 0.05).p[0] == pytest.approx(expected)


@pytest.mark.parametrize(("n", "m"), [(30, 45), (3000, 4100), (20, 900)])
def test_sums_of_blocks_are_sums_of_rows(n, m):
    """The true labels give the statistic itself, but for at most a block of each side."""
    held, other = RNG.normal(size=(n, 2)), RNG.normal(size=(m, 2))
    kept = other[: 10 * n]
    size = -(-(n + len(kept)) // 2000)
    parts = [x[: len(x) // size * size] for x in (held, kept)]
    expected = parts[1].mean(axis=0) - parts[0].mean(axis=0)
    found = by_sums(held, other, lambda x, y, *_: y - x, np.random.default_rng(1), 50)
    assert found.shape == (51, 2)
    assert found[0] == pytest.approx(expected)
    assert len(np.unique(found[:, 0])) > 40


def test_orders_begin_with_the_true_one():
    """Then come permutations."""
    seen = by_order(6, lambda order: order.tolist(), np.random.default_rng(0), 20)
    assert seen[0].tolist() == list(range(6))
    assert np.sort(seen, axis=1).tolist() == [list(range(6))] * 21


def line(p, effect=-0.5, low=-0.9, high=-0.1, loss="below", scale="difference"):
    """Return a line before it is judged."""
    return Row("g", "m", "w", 1.0, 1 + effect, effect, low, high, p, loss, scale)


def test_holm_over_groups_and_verdicts():
    """The least p of a group counts; each verdict has its condition."""
    rows = judged([[line(0.02), line(0.03)], [line(0.2)], [line(0.001)]], 0.05, 0.1)
    assert [row.p for row in rows] == pytest.approx([0.04, 0.06, 0.2, 0.003])
    assert [row.verdict for row in rows] == ["shrank", "cannot tell", "cannot tell", "shrank"]
    for row, verdict in (
        (line(0.01, 0.5), "grew"),
        (line(0.01, 0.5, loss="above"), "shrank"),
        (line(0.01, loss="either"), "differs"),
        (line(0.9, loss="either"), "no difference seen"),
        (line(0.9, 0.0, -0.09, 0.2), "no loss"),
        (line(0.9, 0.0, -0.11, 0.2), "cannot tell"),
        (line(0.9, 0.0, -0.3, 0.09, loss="above"), "no loss"),
        (line(0.9, 1.0, 0.91, 1.2, scale="ratio"), "no loss"),
        (line(0.9, 1.0, 0.89, 1.2, scale="ratio"), "cannot tell"),
        (line(0.01, 0.8, scale="ratio"), "shrank"),
        (line(0.01, 1.2, scale="ratio"), "grew"),
    ):
        assert judged([[row]], 0.05, 0.1)[0].verdict == verdict


def test_numbers_are_those_of_their_definitions():
    """Spread, tails, coverage, energy and distribution functions."""
    a, b, o = RNG.normal(size=(60, 2)), RNG.normal(size=(60, 2)), RNG.normal(size=(90, 2)) / 2
    found = {r.group: r for g in numbers.groups(["x", "y"], a, b, o, asked()) for r in reversed(g)}
    scaled = [(z - a.mean(axis=0)) / a.std(axis=0) for z in (a, b, o)]
    _, vectors = np.linalg.eigh(np.cov(scaled[0].T))
    held, other = (z @ vectors[:, 1] for z in scaled[1:])
    spread = found["spread"]
    assert spread.real == pytest.approx(held.std(ddof=1))
    assert spread.other == pytest.approx(other.std(ddof=1))
    assert spread.effect == pytest.approx(other.std(ddof=1) / held.std(ddof=1))
    low, high = np.quantile(a[:, 0], [0.05, 0.95])
    assert found["tails"].real == np.mean((b[:, 0] < low) | (b[:, 0] > high))
    assert found["tails"].other == np.mean((o[:, 0] < low) | (o[:, 0] > high))
    cover = found["coverage"]
    assert cover.effect == pytest.approx(cover.other - cover.real)
    assert cover.other == sample_metrics.coverage(scaled[2][:60], scaled[0])
    across = np.linalg.norm(scaled[1][:, None] - scaled[2], axis=2).mean()
    energy = sample_metrics.energy_distance(scaled[1], scaled[2])
    assert found["two samples"].other == pytest.approx(energy / (2 * across))


@pytest.mark.parametrize("alpha", [0.2, 0.01, 1e-4])
def test_columns_reject_where_same_law_does(alpha):
    """The p-value is the smallest level at which the distance is beyond the threshold."""
    for shift in np.linspace(0, 1.5, 12):
        real, other = RNG.normal(size=(70, 1)), RNG.normal(size=(110, 1)) + shift
        (row,) = numbers._columns(["x"], real, other, asked(alpha=alpha))
        test = same_law(real[:, 0], other[:, 0], alpha=alpha)
        assert test.rejected == (row.p < alpha)
        ends = test.observed - test.threshold, test.observed + test.threshold
        assert (row.low, row.high) == pytest.approx((max(0, ends[0]), min(1, ends[1])))


def test_sets_are_counted():
    """Lost categories, entropy, rare ones, copies and different rows."""
    a, b, o = (
        list("aaaaaaaaabbbbbbbbbcd"),
        list("aaaaaaabbbbbbbcccdde"),
        list("aaaabbbbbbbbbbbbbbbf"),
    )
    groups = words.categories({"k": (a, b, o)}, asked())
    lost, entropy = groups[0]
    assert (lost.real, lost.other) == (0, 2)
    share = np.array(list(Counter(o).values())) / 20
    assert entropy.other == pytest.approx(-(share @ np.log(share)))
    (rare,) = groups[1]
    assert (rare.real, rare.other) == (0.3, 0.05)  # c and d hold 10 % of a; e and f are not there
    (copied,), (different,) = words.copies(a, b, o, asked())
    assert (copied.real, copied.other) == (0.95, 0.95)
    assert (different.real, different.other) == (5 / 20, 3 / 20)


def test_grams_of_texts_at_equal_numbers():
    """As Counter has them, from the first of both sides."""
    a = ["one two three four", "two three five six"] * 10
    b = [f"one two {i} three" for i in range(20)]
    o = ["one two one two one two one"] * 20
    (group,) = words.texts("t", a, b, o, asked())
    for order, row in zip((1, 2, 3), group, strict=False):
        sides = [
            [g for t in x for g in zip(*(t.split()[i:] for i in range(order)), strict=False)]
            for x in (b, o)
        ]
        most = min(map(len, sides))
        real, other = (len(set(side[:most])) / most for side in sides)
        assert (row.real, row.other) == pytest.approx((real, other))
    lost = group[3]
    assert (lost.real, lost.other) == (3 / 6, 4 / 6)
    assert math.isfinite(lost.low)
