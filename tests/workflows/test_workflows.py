"""The workflows: which rows and which weights."""

from collections import Counter
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelcollapse import (
    Accumulate,
    AccumulateSubsample,
    KeepReal,
    Replace,
    SlidingWindow,
)
from modelcollapse.testing import assert_frequency, strategies
from modelcollapse.workflows import Remembering, Weighting, Workflow
from modelcollapse.workflows.selection import select

ALL_SIZES = strategies.sizes(generations=8, most=20)
REMEMBERING = strategies.weighting(8).filter(lambda w: isinstance(w, Remembering))
SHARES = st.fractions(Fraction(1, 100), Fraction(99, 100))


def batches_of(rows, sizes):
    """Return the batch, counted from 1, that each row belongs to."""
    return np.searchsorted(np.cumsum(sizes), rows, side="right") + 1


def chosen(workflow, sizes):
    """Return the rows that a workflow chooses, with a fixed generator."""
    return select(workflow, sizes, np.random.default_rng(0))[0].tolist()


@given(sizes=ALL_SIZES)
def test_replace_trains_on_the_last_batch(sizes):
    """Replace: the rows are those of batch t, and W is 1 there."""
    total = sum(sizes)

    assert chosen(Replace(), sizes) == list(range(total - sizes[-1], total))
    assert Replace().batch_weights(sizes).tolist() == [0.0] * (len(sizes) - 1) + [1.0]


@given(sizes=ALL_SIZES)
def test_accumulate_trains_on_everything(sizes):
    """Accumulate: all rows, W[t, s] = n_s / N_t."""
    expected = [float(Fraction(n, sum(sizes))) for n in sizes]

    assert chosen(Accumulate(), sizes) == list(range(sum(sizes)))
    assert Accumulate().batch_weights(sizes).tolist() == pytest.approx(expected, rel=1e-15)


@given(sizes=ALL_SIZES, k=st.integers(1, 10))
def test_sliding_window_trains_on_the_last_k_batches(sizes, k):
    """SlidingWindow(k): the rows of batches s > t - k, W[t, s] = n_s over their number."""
    t, window = len(sizes), sum(sizes[-k:])
    expected = [float(Fraction(n, window)) if s > t - k else 0.0 for s, n in enumerate(sizes, 1)]

    assert chosen(SlidingWindow(k), sizes) == list(range(sum(sizes) - window, sum(sizes)))
    assert SlidingWindow(k).batch_weights(sizes).tolist() == pytest.approx(expected, rel=1e-15)


@given(sizes=ALL_SIZES)
def test_keep_real_pools_the_real_batch_and_the_last(sizes):
    """KeepReal(): batches 1 and t, alpha = n_1 / (n_1 + n_t); only batch 1 at generation 1."""
    rows = chosen(KeepReal(), sizes)
    weights = KeepReal().batch_weights(sizes)

    assert Counter(batches_of(rows, sizes).tolist()) == {1: sizes[0], len(sizes): sizes[-1]}
    if len(sizes) == 1:
        assert weights.tolist() == [1.0]
    else:
        alpha = float(Fraction(sizes[0], sizes[0] + sizes[-1]))
        assert [weights[0], weights[-1]] == pytest.approx([alpha, 1 - alpha], rel=1e-14)
        assert not weights[1:-1].any()


@given(sizes=ALL_SIZES, share=SHARES)
def test_keep_real_gives_the_real_batch_its_share(sizes, share):
    """KeepReal(alpha): row weights alpha / n_1 and (1 - alpha) / n_t after generation 1."""
    rows, weights = select(KeepReal(float(share)), sizes, np.random.default_rng(0))

    if len(sizes) == 1:
        assert weights is None
    else:
        real = batches_of(rows, sizes) == 1
        assert weights[real] == pytest.approx(float(share / sizes[0]))
        assert weights[~real] == pytest.approx(float((1 - share) / sizes[-1]))
        assert rows.tolist() == chosen(KeepReal(), sizes)


@given(sizes=ALL_SIZES, budgets=st.lists(st.integers(1, 50), min_size=9, max_size=9))
def test_a_schedule_of_budgets_is_each_generation_s_own(sizes, budgets):
    """A sequence, and a function of t = 1, 2, ..."""
    pools = np.cumsum(sizes)
    expected = [min(k, N) for k, N in zip(budgets, pools.tolist(), strict=False)]
    for budget in (budgets, lambda t: budgets[t - 1]):
        workflow = AccumulateSubsample(budget)
        assert workflow.training_sizes(sizes) == expected
        each = [workflow.training_size(sizes[:t]) for t in range(1, len(sizes) + 1)]
        assert each == expected


@given(sizes=ALL_SIZES, budget=st.none() | st.integers(1, 50), seed=st.integers(0, 9))
def test_subsample_is_a_set_of_min_of_budget_and_all_rows(sizes, budget, seed):
    """AccumulateSubsample: k_t = min(k, N_t) distinct rows out of N_t; k is n_t by default."""
    workflow = AccumulateSubsample(budget)
    rows, weights = select(workflow, sizes, np.random.default_rng(seed))
    size = min(sizes[-1] if budget is None else budget, sum(sizes))

    assert weights is None
    assert workflow.training_size(sizes) == size == len(set(rows.tolist())) == len(rows)


def test_subsample_draws_all_subsets_alike(seed):
    """Each of the 6 subsets of 2 rows out of 4 has probability 1/6 (exact binomial tests)."""
    rng, n = np.random.default_rng(seed), 20_000
    draws = Counter(
        frozenset(select(AccumulateSubsample(2), [1, 3], rng)[0].tolist()) for _ in range(n)
    )

    for subset in combinations(range(4), 2):
        outcome = assert_frequency(draws[frozenset(subset)], n, 1 / 6)
        assert outcome.detectable < 0.04


@given(sizes=ALL_SIZES)
def test_extreme_windows_are_replace_and_accumulate(sizes):
    """SlidingWindow(1) is Replace, and a window over all generations is Accumulate."""
    for window, same in ((SlidingWindow(1), Replace()), (SlidingWindow(99), Accumulate())):
        assert chosen(window, sizes) == chosen(same, sizes)
        assert np.array_equal(window.batch_weights(sizes), same.batch_weights(sizes))


@given(sizes=ALL_SIZES)
def test_a_share_equal_to_the_pooled_one_changes_nothing(sizes):
    """KeepReal(n_1 / (n_1 + n_t)) has the batch weights of KeepReal()."""
    shared = KeepReal(sizes[0] / (sizes[0] + sizes[-1]))

    assert np.allclose(shared.batch_weights(sizes), KeepReal().batch_weights(sizes), rtol=1e-14)


@given(sizes=ALL_SIZES, workflow=REMEMBERING)
def test_memory_gives_back_the_batch_weights(sizes, workflow):
    """Carrying the slots along and weighting them is the same as weighting the batches."""
    slots = np.empty((0, 0))
    for t in range(1, len(sizes) + 1):
        carry, weights = workflow.memory(sizes[:t])
        slots = carry @ np.vstack([np.pad(slots, ((0, 0), (0, 1))), np.eye(t)[-1:]])

        assert carry.sum(axis=1) == pytest.approx(1.0)
        assert weights @ slots == pytest.approx(workflow.batch_weights(sizes[:t]), abs=1e-14)


def test_memory_is_small():
    """Slots: 1 for Replace and Accumulate, 2 for KeepReal, k for a window."""
    weightings = Replace(), Accumulate(), KeepReal(), SlidingWindow(3)

    assert [len(w.memory([4] * 9)[1]) for w in weightings] == [1, 1, 2, 3]


def test_what_each_workflow_offers():
    """All are workflows; all but the random one are weightings with a memory."""
    deterministic = (Replace(), Accumulate(), SlidingWindow(2), KeepReal(), KeepReal(0.5))

    assert all(isinstance(w, Remembering) for w in deterministic)
    assert isinstance(AccumulateSubsample(), Workflow)
    assert not isinstance(AccumulateSubsample(), Weighting)
