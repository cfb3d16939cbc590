"""The best split of training rows: against all splits, the exact recursion, and its rule."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import modelcollapse as mc
from modelcollapse.solver import best_budgets, squared_errors
from modelcollapse.solver.subsample import subsample_errors


def errors(k, sizes):
    """Return the exact squared errors of real numbers of training rows."""
    return subsample_errors(sizes, list(k), 0.0)


def objective(k, sizes, *, every):
    """Return sum a_t / k_t, term by term from its definition."""
    T, N = len(sizes), np.cumsum(sizes)
    total = 0.0
    for t in range(T):
        later = [(sizes[t + 1] / N[t + 1]) ** 2 if s > t else 1.0 for s in range(t, T)]
        total += (sum(later) if every else later[-1]) / k[t]
    return total


def splits(total, most):
    """Yield all splits into whole numbers from 1 to the most of each."""
    for cuts in combinations(range(1, total), len(most) - 1):
        k = np.diff([0, *cuts, total])
        if (k <= most).all():
            yield k


@settings(max_examples=40)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    part=st.floats(0, 1),
    every=st.booleans(),
)
def test_no_split_into_whole_rows_is_much_better(sizes, part, every):
    """All splits of a few rows: rounding costs what one row more or less in each is worth."""
    N = np.cumsum(sizes)
    total = len(sizes) + int(part * (min(int(N.sum()), 24) - len(sizes)))
    k = best_budgets(total, sizes, every=every)
    assert k.sum() == total
    assert (k >= 1).all()
    assert (k <= N).all()
    best = min(objective(one, sizes, every=every) for one in splits(total, N))
    found = objective(k, sizes, every=every)
    # The real optimum is below the best one, and its terms are off by less than a row each.
    nearest = objective(np.minimum(k + 1, N), sizes, every=every)
    assert nearest <= best + 1e-12
    assert best <= found + 1e-12


def test_the_rule_for_equal_batches():
    """1/(t + 1) for t < T, and 1 for the last."""
    k = best_budgets(10**9, [10**9] * 10)
    assert k / k[-1] == pytest.approx([*(1 / np.arange(2, 11)), 1], rel=1e-6)
    k = best_budgets(10**9, [10**9] * 10, every=True)
    expected = np.sqrt(1 + np.arange(9, -1, -1) / np.arange(2, 12) ** 2)
    assert k / k[-1] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("n", "T", "share", "even", "rule", "best"),
    [
        (10_000, 10, 0.02, 0.0077243, 0.00425938, 0.00425938),
        (200, 40, 0.1, 0.0817870, 0.0220113, 0.0219799),
    ],
)
def test_the_exact_errors(n, T, share, even, rule, best):
    """Beyond accumulate's: of an even split, of this one, and of one found by a search."""
    sizes, total = [n] * T, round(share * n * T)
    k = best_budgets(total, sizes)
    least = squared_errors(mc.Accumulate(), sizes)[-1]
    assert errors([total / T] * T, sizes)[-1] - least == pytest.approx(even, rel=1e-5)
    exact = squared_errors(mc.AccumulateSubsample(k), sizes)[-1]
    assert exact == pytest.approx(errors(k, sizes)[-1], rel=1e-12)
    # A rounded row in the smallest budgets.
    assert exact - least == pytest.approx(rule, rel=1 / k.min())

    def of_logs(logs):
        shares = np.exp(logs - logs.max())
        return errors(np.minimum(total * shares / shares.sum(), np.cumsum(sizes)), sizes)[-1] * n

    found = minimize(of_logs, np.log(k), method="L-BFGS-B", options={"maxiter": 500}).fun / n
    assert found - least == pytest.approx(best, rel=1e-4)
    assert found <= exact * (1 + 1e-9)


def test_caps_are_filled_and_the_rest_is_split():
    """More than the first pools have goes to the later ones."""
    assert best_budgets(10, [1, 100]).tolist() == [1, 9]
    assert best_budgets(303, [1, 1, 300]).tolist() == [1, 2, 300]
    assert best_budgets(305, [1, 1, 300]).tolist() == [1, 2, 302]
    assert best_budgets(3, [9, 9, 9]).tolist() == [1, 1, 1]
    assert best_budgets(7, [9]).tolist() == [7]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((1, [5, 5]), "total"),
        ((16, [5, 5]), "total"),
        ((3.5, [5, 5]), "total"),
        ((3, [5, 0]), "sizes"),
        ((10**19, [10**12] * 50), "total"),
        ((3, []), "sizes"),
    ],
)
def test_wrong_input_is_named(arguments, word):
    """Fewer rows than generations, more than there are, and sizes that are none."""
    with pytest.raises(mc.InvalidInput, match=word):
        best_budgets(*arguments)
    with pytest.raises(mc.InvalidInput, match="every"):
        best_budgets(5, [5, 5], every="yes")
