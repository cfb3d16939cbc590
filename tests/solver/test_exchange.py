"""Models that train on each other's rows."""

from fractions import Fraction

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.solver import exchange_errors, squared_errors

THREE = [[6, 2, 2], [2, 6, 2], [2, 2, 6]]


def recursion(rows, T, v2):
    """Return the covariances in rationals, entry by entry."""
    K, n = len(rows), [sum(line) for line in rows]
    C = [[Fraction(int(i == j), n[i]) for j in range(K)] for i in range(K)]
    for _ in range(T - 1):
        new = [[Fraction(0)] * K for _ in range(K)]
        for i in range(K):
            for j in range(K):
                for k in range(K):
                    for m in range(K):
                        new[i][j] += Fraction(rows[i][k] * rows[j][m], n[i] * n[j]) * C[k][m]
            new[i][i] += sum(rows[i][j] * (1 + v2 * C[j][j]) for j in range(K)) / Fraction(
                n[i] ** 2
            )
        C = new
    return C


@pytest.mark.parametrize("rows", [THREE, [[4]], [[3, 1], [0, 5]], [[0, 7], [2, 2]]])
@pytest.mark.parametrize("v2", [-1, 0, Fraction(1, 2)])
def test_it_is_the_recursion_in_rationals(rows, v2):
    """Five generations, of models of different sizes."""
    found = exchange_errors(rows, 5, curvature=float(v2))
    wanted = np.array([[float(x) for x in line] for line in recursion(rows, 5, v2)])
    np.testing.assert_allclose(found[-1], wanted, rtol=1e-14)


@pytest.mark.parametrize("v2", [-1.0, 0.0, 0.5])
def test_a_model_alone_is_replace(v2):
    """One model, or two that give each other nothing."""
    alone = squared_errors(mc.Replace(), [6] * 9, curvature=v2)
    np.testing.assert_allclose(exchange_errors([[6]], 9, curvature=v2)[:, 0, 0], alone, rtol=1e-13)
    two = exchange_errors([[6, 0], [0, 6]], 9, curvature=v2)
    np.testing.assert_allclose(two[:, 1, 1], alone, rtol=1e-13)
    assert (two[:, 0, 1] == 0).all()


def test_values_that_were_derived_elsewhere():
    """Errors and what is in common; and the rates at which coins lose all that is left."""
    for v2, own, common in ((0.0, 1.07936508, 0.96031746), (-1.0, 0.63957459, 0.59503384)):
        last = exchange_errors(THREE, 30, curvature=v2)[-1]
        assert (last[0, 0], last[0, 1]) == pytest.approx((own, common), abs=6e-9)
    settled = exchange_errors(THREE, 200)[-1]
    assert settled[0, 0] - settled[0, 1] == pytest.approx(0.1190476190, abs=5e-11)
    left = 1 - exchange_errors(THREE, 400, curvature=-1.0)[:, 0, 0]
    assert left[-1] / left[-2] == pytest.approx(0.9692038251, rel=1e-9)


def test_loops_of_their_own_follow_it(seed):
    """20,000 triples of Poisson loops, written out: within six standard errors."""
    rng, runs, T = np.random.default_rng(seed), 20_000, 6
    rows, rate = np.array(THREE), 2.0
    means = rng.poisson(rate, (runs, 3, 10)).mean(axis=2)
    for _ in range(T - 1):
        sums = [
            sum(rng.poisson(means[:, j, None], (runs, rows[i, j])).sum(axis=1) for j in range(3))
            for i in range(3)
        ]
        means = np.stack(sums, axis=1) / 10
    known = exchange_errors(rows, T)[-1]
    for i, j in ((0, 0), (0, 1), (1, 2)):
        products = (means[:, i] - rate) * (means[:, j] - rate) / rate
        gap = products.mean() - known[i, j]
        assert abs(gap) < 6 * products.std() / np.sqrt(runs)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[1, 2]], "a line and a column for each model"),
        ([[1, -1], [1, 1]], "not negative"),
        ([[1, 1], [0, 0]], r"rows\[1\] = \[0, 0\]"),
        ([[1.5]], "whole numbers"),
        ("a", "rows = 'a'"),
        (np.ones((101, 101), int), "at most 100"),
    ],
)
def test_bad_input(rows, words):
    """Each is named, with the remedy."""
    with pytest.raises(mc.InvalidInput, match=words):
        exchange_errors(rows, 3)
    with pytest.raises(mc.InvalidInput, match="curvature"):
        exchange_errors([[3]], 3, curvature=-2)
    with pytest.raises(mc.InvalidInput, match="generations"):
        exchange_errors([[3]], 0)
