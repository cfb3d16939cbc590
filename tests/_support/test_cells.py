"""Cells against all ways of choosing rows, one by one."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse._support import cells
from modelcollapse._support.stream import opened
from modelcollapse.testing import assert_frequency

N = 20_000
NONE = np.zeros((2, 0))
SEEDS = st.integers(0, 10**6)


def drawn(seed, sizes, counts, edits, times=1):
    """Yield the cells that are trained on, as a Counter: rows by batch and generations."""
    stream, sizes = opened(seed), np.array(sizes)
    room = cells.room(sizes, np.array(counts), edits, 0.0)
    sets = cells.scratch(room, len(sizes))
    _, rows, last, order, starts, member = sets
    for _ in range(times):
        cells.draw_cells(stream, sizes, np.array(counts), edits, *sets)
        found = Counter()
        for t in range(len(sizes)):
            for c in order[starts[t] : starts[t + 1]]:
                assert rows[c] > 0
                assert last[c] == np.flatnonzero(member[c]).max()
                found[t, tuple(member[c].tolist())] += int(rows[c])
        assert len(found) == starts[-1]
        yield found


def ways(sizes, counts, edits):
    """Yield (chance, sets of rows) of all ways of choosing them."""
    born = np.repeat(np.arange(len(sizes)), sizes)

    def onward(chance, sets):
        t = len(sets)
        if t == len(sizes):
            yield chance, sets
            return
        pool = np.flatnonzero(born <= t).tolist()
        if t == 0 or edits.size == 0:
            some = list(combinations(pool, counts[t]))
            for chosen in some:
                yield from onward(chance / len(some), [*sets, chosen])
            return
        n, share = counts[t], edits[1, t]
        for gone in range(n + 1) if share else [int(edits[0, t])]:
            some = list(combinations(sets[-1], n - gone))
            each = share**gone * (1 - share) ** (n - gone) if share else 1 / len(some)
            new = tuple(np.flatnonzero(born == t)[:gone].tolist())
            for left in some:
                yield from onward(chance * each, [*sets, left + new])

    yield from onward(1.0, [])


CASES = {
    "all": ([2, 2, 2], [2, 4, 6], NONE),
    "some": ([2, 1, 2], [2, 2, 3], NONE),
    "fewer than the first batch": ([3, 2, 1], [1, 2, 2], NONE),
    "edited rows": ([3, 1, 2], [3, 3, 3], np.array([[0, 1, 2], [0, 0, 0]], dtype=float)),
    "edited by chance": ([2, 2, 2], [2, 2, 2], np.array([[0, 0, 0], [0, 0.5, 0.3]])),
}


@pytest.mark.parametrize("name", CASES)
def test_cells_have_the_law_of_rows(name, seed):
    """Every table of rows by batch and history comes as often as all ways of choosing rows say."""
    sizes, counts, edits = CASES[name]
    chances = Counter()
    for chance, sets in ways(sizes, counts, edits):
        table = Counter()
        for row, t in enumerate(np.repeat(np.arange(len(sizes)), sizes)):
            history = tuple(int(row in chosen) for chosen in sets)
            if any(history):
                table[int(t), history] += 1
        chances[frozenset(table.items())] += chance
    assert sum(chances.values()) == pytest.approx(1.0, rel=1e-12)
    found = Counter(frozenset(table.items()) for table in drawn(seed, sizes, counts, edits, N))
    assert set(found) <= set(chances)
    for table, chance in chances.items():
        if len(chances) == 1:
            assert found[table] == N
        else:
            assert assert_frequency(found[table], N, chance).detectable < 0.08


@given(
    seed=SEEDS,
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    budget=st.integers(1, 60),
)
def test_every_generation_has_its_rows(seed, sizes, budget):
    """As many as it trains on, and no more of a batch than that has; and never beyond the room."""
    counts = np.minimum(budget, np.cumsum(sizes))
    (found,) = drawn(seed, sizes, counts, NONE)
    assert len(found) <= cells.room(np.array(sizes), counts, NONE, 0.0)
    for t, count in enumerate(counts):
        assert sum(rows for (_, kept), rows in found.items() if kept[t]) == count
    for t, size in enumerate(sizes):
        assert sum(rows for (s, _), rows in found.items() if s == t) <= size


@given(seed=SEEDS, n=st.integers(1, 30), share=st.floats(0.05, 0.95), T=st.integers(1, 8))
def test_an_edited_set_keeps_its_size(seed, n, share, T):
    """Its rows are those of one batch each, until they go for good."""
    edits = np.array([np.zeros(T), [0.0] + [share] * (T - 1)])
    sizes, counts = np.full(T, n), np.full(T, n)
    (found,) = drawn(seed, sizes, counts, edits)
    assert len(found) <= cells.room(sizes, counts, edits, 0.0)
    for (t, kept), rows in found.items():
        ones = np.flatnonzero(kept)
        assert ones.tolist() == list(range(t, ones.max() + 1))
        assert rows >= 1
    for t in range(T):
        assert sum(rows for (_, kept), rows in found.items() if kept[t]) == n


def test_room_is_given_where_it_pays():
    """Few generations of many rows, and sets of many rows that are edited; nothing else."""

    def room(workflow, n, T, beside=0.0):
        s = mc.Experiment(mc.Gaussian(), workflow, n, T).schedule
        return cells.room(s.sizes, s.counts, s.edit_table, 16.0, beside)

    # Batch 1 is trained on whole by generation 1: 2 + 4 + 2 histories in three generations.
    assert room(mc.AccumulateSubsample(), 1000, 3) == 4 + 4 + 2
    assert room(mc.AccumulateSubsample(), 1000, 3, beside=2840.0) == 10
    assert room(mc.AccumulateSubsample(), 1000, 3, beside=2841.0) == 0
    assert room(mc.AccumulateSubsample(), 100, 20) == 0
    assert room(mc.AccumulateSubsample(), 10**12, 40) == 0  # 2^40 histories cannot be held
    assert room(mc.Edit(rows=300), 10_000, 4) == 4 + 3 + 2 + 1
    assert room(mc.Edit(rows=3), 30, 40) == 0
    assert mc.Experiment(mc.Gaussian(), mc.Replace(), 10**6, 3).schedule.cells(16.0) == 0
