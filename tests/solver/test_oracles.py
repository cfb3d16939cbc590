"""Slow oracles of the solver, in rationals: every row's moments, and the loop's whole law.

They share nothing with the package but the workflow objects that they are held against: weights
are stated row by row here.
"""

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import comb
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.workflows import FreshData, Web, Weighted
from tests.helpers.replay import Halving


@dataclass(frozen=True)
class Restless:
    """Someone's workflow with fresh rows: half on all real rows, half on the last sampled ones."""

    real: int

    def real_rows(self, generation):
        """Return a number that does not change."""
        del generation
        return self.real

    def batch_sizes(self, first, generations):
        """Return first, 2 real + 1, ..."""
        return np.array([first] + [2 * self.real + 1] * (generations - 1))

    def source_weights(self, sizes):
        """Return the weights of the parts."""
        t = len(sizes)
        if t == 1:
            return np.ones(1), np.zeros(1)
        fresh = np.array([sizes[0]] + [self.real] * (t - 1), dtype=float)
        sampled = np.zeros(t)
        sampled[-1] = 0.5
        return fresh / fresh.sum() / 2, sampled

    def training_rows(self, sizes, rng):
        """Return all rows, with their weights."""
        del rng
        real, sampled = self.source_weights(sizes)
        fresh = np.array([sizes[0], *[self.real] * (len(sizes) - 1)])
        rows = np.stack([fresh, np.asarray(sizes) - fresh], axis=1).ravel()
        weights = np.stack([real, sampled], axis=1).ravel() / np.maximum(rows, 1)
        return np.arange(sum(sizes)), np.repeat(weights, rows)


@dataclass(frozen=True)
class Case:
    """A workflow of the package, its sizes, and the same loop stated here.

    `real[t]` counts the fresh rows of batch t + 1; `weights[t]` holds the (real, sampled) weights
    of the batches 1, ..., t + 1, in rationals.
    """

    workflow: Any
    sizes: list[int]
    real: list[int]
    weights: list[list[tuple[Fraction, Fraction]]]

    def truncated(self, T):
        """Return the first T generations."""
        return Case(self.workflow, self.sizes[:T], self.real[:T], self.weights[:T])


def pooled(real, sizes, chosen):
    """Weigh all rows of the chosen batches alike."""
    total = sum(sizes[s] for s in chosen)
    return [
        (Fraction(real[s], total), Fraction(sizes[s] - real[s], total))
        if s in chosen
        else (Fraction(0), Fraction(0))
        for s in range(len(sizes))
    ]


def mixed(first, last, t):
    """Weigh batch 1 (real) and batch t (sampled)."""
    if t == 1:
        return [(Fraction(1), Fraction(0))]
    return [(first, Fraction(0)), *[(Fraction(0),) * 2] * (t - 2), (Fraction(0), last)]


def closed(workflow, sizes, rows):
    """Return the case of a workflow without fresh rows, from the weights of batches 1..t."""
    real = [sizes[0], *[0] * (len(sizes) - 1)]
    weights = [
        [(w, Fraction(0)) if s == 0 else (Fraction(0), w) for s, w in enumerate(rows(t))]
        for t in range(1, len(sizes) + 1)
    ]
    return Case(workflow, sizes, real, weights)


def case(kind, sizes, option=None):
    """Return a case by name."""
    T = len(sizes)
    real = [sizes[0], *[0] * (T - 1)]
    spans = {"replace": 1, "accumulate": T, "window": option}
    if kind in spans:
        workflow = {"replace": mc.Replace, "accumulate": mc.Accumulate}.get(kind)
        built = workflow() if workflow else mc.SlidingWindow(option)
        chosen = [range(max(0, t - spans[kind]), t) for t in range(1, T + 1)]
        rows = [pooled(real[:t], sizes[:t], chosen[t - 1]) for t in range(1, T + 1)]
        return Case(built, sizes, real, rows)
    if kind == "keep-real":
        share = None if option is None else float(option)
        shares = [option or Fraction(sizes[0], sizes[0] + n) for n in sizes]
        rows = [mixed(shares[t - 1], 1 - shares[t - 1], t) for t in range(1, T + 1)]
        return Case(mc.KeepReal(share), sizes, real, rows)
    if kind == "halving":
        return closed(Halving(), sizes, lambda t: [Fraction(2**s, 2**t - 1) for s in range(t)])
    if kind == "weighted":
        table = [[Fraction(w, sum(row[:t])) for w in row[:t]] for t, row in enumerate(option, 1)]
        matrix = [[float(w) for w in row] for row in table]
        return closed(Weighted(matrix), sizes, lambda t: table[t - 1])
    return fresh_case(kind, sizes, option)


def fresh_case(kind, sizes, option):
    """Return a case with fresh rows; only the first size and the length of `sizes` are used."""
    T = len(sizes)
    if kind == "web":
        new, old = [each[: T - 1] for each in option]
        real = [sizes[0], *new]
        sizes = [sizes[0], *(r + s for r, s in zip(new, old, strict=True))]
        rows = [pooled(real[:t], sizes[:t], range(t)) for t in range(1, T + 1)]
        return Case(Web(new, old), sizes, real, rows)
    if kind == "restless":
        real, sizes = [sizes[0]] + [option] * (T - 1), [sizes[0]] + [2 * option + 1] * (T - 1)
        rows = [mixed(Fraction(1), Fraction(0), 1)]
        for t in range(2, T + 1):
            total = 2 * sum(real[:t])
            rows.append([(Fraction(r, total), Fraction(0)) for r in real[:t]])
            rows[-1][-1] = (rows[-1][-1][0], Fraction(1, 2))
        return Case(Restless(option), sizes, real, rows)
    new, old, weight = option
    real, sizes = [sizes[0]] + [new] * (T - 1), [sizes[0]] + [new + old] * (T - 1)
    w = weight or Fraction(new, new + old)
    rows = [[(Fraction(0),) * 2] * (t - 1) + [(w, 1 - w)] for t in range(1, T + 1)]
    rows[0] = [(Fraction(1), Fraction(0))]
    return Case(FreshData(new, old, weight and float(weight)), sizes, real, rows)


@st.composite
def cases(draw, most=4, largest=4):
    """Draw any workflow, with up to `most` generations."""
    T = draw(st.integers(1, most))
    rows = st.integers(1, largest)
    sizes = draw(st.lists(rows, min_size=T, max_size=T))
    eighths = st.one_of(st.none(), st.integers(1, 7).map(lambda a: Fraction(a, 8)))
    counts = st.lists(st.integers(0, largest), min_size=T - 1, max_size=T - 1)
    table = st.lists(
        st.lists(st.integers(0, 3), min_size=T, max_size=T), min_size=T, max_size=T
    ).filter(lambda table: all(sum(row[:t]) for t, row in enumerate(table, 1)))
    options = {
        "replace": st.none(),
        "accumulate": st.none(),
        "window": rows,
        "keep-real": eighths,
        "halving": st.none(),
        "weighted": table,
        "web": st.tuples(counts, counts).filter(
            lambda both: all(map(any, zip(*both, strict=True)))
        ),
        "restless": rows,
        "fresh-data": st.tuples(rows, rows, eighths),
    }
    kind = draw(st.sampled_from(list(options)))
    return case(kind, sizes, draw(options[kind]))


CURVATURES = st.fractions(-1, 3, max_denominator=8)


def by_rows(c, v2):
    """Return E x_t^2, t = 1, ..., T, from the second moments of all rows, one by one."""
    moments, origin, found = [], [], []
    square, mixed_moments = Fraction(0), []
    for t, n in enumerate(c.sizes):
        real = c.real[t]
        old = len(moments)
        own = square + 1 + v2 * square
        for i in range(n):
            sampled = i >= real
            row = [mixed_moments[j] if sampled else Fraction(0) for j in range(old)]
            row += [square if sampled and j >= real else Fraction(0) for j in range(i)]
            moments.append(row)
            for j in range(old + i):
                moments[j].append(row[j])
            row.append(own if sampled else Fraction(1))
            origin.append((t, sampled))
        per_row = [
            c.weights[t][s][sampled] / (c.sizes[s] - c.real[s] if sampled else c.real[s])
            for s, sampled in origin
        ]
        mixed_moments = [sum(a * b for a, b in zip(per_row, row, strict=True)) for row in moments]
        square = sum(a * b for a, b in zip(per_row, mixed_moments, strict=True))
        found.append(square)
    return found


def by_law(c, p):
    """Return E x_t^2 and the variance of x_t^2 for a loop of coins, from the law of all counts."""
    states = {(): Fraction(1)}
    found = []
    for t, n in enumerate(c.sizes):
        after = defaultdict(Fraction)
        for state, probability in states.items():
            mean = fit(c, state, t - 1) if t else p
            counts = product(range(c.real[t] + 1), range(n - c.real[t] + 1))
            for real, sampled in counts:
                chance = binomial(c.real[t], real, p) * binomial(n - c.real[t], sampled, mean)
                if chance:
                    after[*state, (real, sampled)] += probability * chance
        states = after
        squares = [((fit(c, s, t) - p) ** 2 / (p * (1 - p)), w) for s, w in states.items()]
        first = sum(x * w for x, w in squares)
        found.append((first, sum(x * x * w for x, w in squares) - first**2))
    return found


def binomial(n, k, p):
    """Return the chance of k heads among n coins."""
    return comb(n, k) * p**k * (1 - p) ** (n - k)


def fit(c, state, t):
    """Return the fitted mean of generation t + 1, given the counts of all parts."""
    total = Fraction(0)
    for s, (real, sampled) in enumerate(state[: t + 1]):
        a, b = c.weights[t][s]
        total += a * Fraction(real, max(c.real[s], 1))
        total += b * Fraction(sampled, max(c.sizes[s] - c.real[s], 1))
    return total


@given(c=cases(), v2=CURVATURES)
def test_weights_are_mixtures(c, v2):
    """The cases themselves: weights sum to 1, sit on parts with rows, and errors are positive."""
    for t, row in enumerate(c.weights):
        assert sum(a + b for a, b in row) == 1
        assert all(a == 0 or c.real[s] for s, (a, _) in enumerate(row))
        assert all(b == 0 or c.sizes[s] > c.real[s] for s, (_, b) in enumerate(row))
        assert len(row) == t + 1
    assert min(by_rows(c, v2)) > 0


@given(c=cases(most=3, largest=2), p=st.sampled_from([Fraction(1, 2), Fraction(1, 5)]))
def test_rows_agree_with_the_law_of_coins(c, p):
    """Two oracles, one number: second moments of rows, and the law of all counts, v2 = -1."""
    assert by_rows(c, Fraction(-1)) == [first for first, _ in by_law(c, p)]


def test_rows_at_hand():
    """Two replaced batches of 2 and 3 rows: 1/2, then 1/2 + (1 + v2/2)/3."""
    v2 = Fraction(3, 4)

    assert by_rows(case("replace", [2, 3]), v2) == [
        Fraction(1, 2),
        Fraction(1, 2) + (1 + v2 / 2) / 3,
    ]
    assert by_law(case("replace", [1]), Fraction(1, 2)) == [(1, 0)]


@pytest.mark.parametrize("kind", ["replace", "accumulate"])
def test_a_single_generation_is_real(kind):
    """Every workflow begins with the mean of real rows."""
    assert by_rows(case(kind, [4]), Fraction(2)) == [Fraction(1, 4)]
