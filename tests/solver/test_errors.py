"""Squared errors and variances of the solver: all routes, against rationals and 40 digits."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse._support.errors import InvalidInput, NoClosedForm
from modelcollapse.loop.schedule import Schedule
from modelcollapse.solver import (
    effective_samples,
    inflation,
    influence,
    squared_errors,
    variances,
)
from modelcollapse.solver.dense import dense_errors
from modelcollapse.solver.parts import MOST_DENSE, checked
from modelcollapse.solver.scan import scan
from modelcollapse.solver.slots import solve_slots
from modelcollapse.workflows import FreshData, Refreshing, Web, Weighted
from tests.helpers.naming import shown
from tests.solver.test_oracles import CURVATURES, Restless, by_rows, cases

WORKFLOWS = [
    mc.Replace(),
    mc.Accumulate(),
    mc.SlidingWindow(1),
    mc.SlidingWindow(2),
    mc.SlidingWindow(7),
    mc.SlidingWindow(400),
    mc.KeepReal(),
    mc.KeepReal(0.01),
    mc.KeepReal(0.99),
    FreshData(3, 50),
    FreshData(50, 3, 0.001),
    Web(2, 0),
    Web(lambda t: t % 3, lambda t: 1 + t // 40),
]


def sizes_of(workflow, T, seed=0, most=20):
    """Return T batch sizes that a workflow can have, between 1 and `most` rows."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, most + 1, T)
    return workflow.batch_sizes(int(sizes[0]), T) if isinstance(workflow, Refreshing) else sizes


@settings(max_examples=300)
@given(c=cases(), v2=CURVATURES)
def test_every_route_is_the_rationals(c, v2):
    """The shortest route, the dense one and the slots: a hundred roundings, 1e-13 relative."""
    exact = by_rows(c, v2)
    schedule = checked(c.workflow, c.sizes)
    curvature = float(v2)
    slots = solve_slots(schedule, curvature)
    expected = pytest.approx([float(q) for q in exact], rel=1e-13, abs=0)

    assert squared_errors(c.workflow, c.sizes, curvature) == expected
    assert dense_errors(schedule, curvature) == expected
    assert slots.errors == expected
    assert 1 / effective_samples(c.workflow, c.sizes, curvature) == expected
    assert inflation(c.workflow, c.sizes, curvature) / c.sizes[0] == expected


@settings(max_examples=200)
@given(c=cases(), v2=st.sampled_from([-1, Fraction(-1, 2), Fraction(-1, 4), 0, 1, 3]))
def test_variances_lose_nothing(c, v2):
    """1 + v2 q in rationals, also where almost nothing of it is left; exact zeros are zero."""
    exact = pytest.approx([float(1 + v2 * q) for q in by_rows(c, Fraction(v2))], rel=1e-12, abs=0)
    schedule = checked(c.workflow, c.sizes)

    assert variances(c.workflow, c.sizes, float(v2)) == exact
    assert solve_slots(schedule, float(v2)).variances == exact


@pytest.mark.parametrize("v2", [-1.0, -0.4, 0.0, 1e-9, 0.3, 2.0])
@pytest.mark.parametrize("workflow", WORKFLOWS, ids=shown(WORKFLOWS))
def test_short_routes_are_the_triangular_solve(workflow, v2):
    """Three hundred generations, unequal batches."""
    sizes = sizes_of(workflow, 300)
    schedule = checked(workflow, sizes)
    dense = dense_errors(schedule, v2)

    assert squared_errors(workflow, sizes, v2) == pytest.approx(dense, rel=3e-13, abs=0)
    assert variances(workflow, sizes, v2) == pytest.approx(1 + v2 * dense, rel=1e-10, abs=1e-13)


@pytest.mark.parametrize("k", [3, 40])
def test_window_of_equal_batches_reuses_its_columns(k):
    """The batches become equal after a start of unequal ones, and all the same before it."""
    sizes = np.concatenate([np.arange(1, 60), np.full(1200, 60)])
    workflow = mc.SlidingWindow(k)
    schedule = checked(workflow, sizes)

    for v2 in (-0.5, 0.0, 0.7):
        slots = solve_slots(schedule, v2).errors
        assert squared_errors(workflow, sizes, v2) == pytest.approx(slots, rel=1e-12, abs=0)


@pytest.mark.parametrize("workflow", WORKFLOWS[:8], ids=repr)
def test_a_gaussian_fit_has_the_errors_of_a_coin(workflow):
    """Conservation: with ddof 0, E|m - m_0|^2 and E v are those of v2 = -1 (another room's)."""
    sizes = np.random.default_rng(1).integers(2, 20, 25)
    prediction = mc.predict(mc.Experiment(mc.Gaussian(1, 0), workflow, sizes.tolist(), 25))
    expected = pytest.approx(prediction["squared_error"], rel=1e-12)

    assert squared_errors(workflow, sizes, -1.0) == expected
    assert variances(workflow, sizes, -1.0) == pytest.approx(prediction["variance"], rel=1e-12)


@given(c=cases(), seed=st.integers(0, 2**31))
def test_influence_carries_the_noise(c, seed):
    """The loop driven by given noise is the influence times it; real weights sum to 1."""
    T = len(c.sizes)
    e, eps = np.random.default_rng(seed).normal(size=(2, T))
    x = np.zeros(T)
    for t, row in enumerate(c.weights):
        for s, (a, b) in enumerate(row):
            x[t] += float(a) * e[s] + float(b) * ((x[s - 1] if s else 0.0) + eps[s])
    A_real, A_sampled = influence(c.workflow, c.sizes)

    assert A_real @ e + A_sampled @ eps == pytest.approx(x, rel=1e-13, abs=1e-13)
    assert A_real.sum(axis=1) == pytest.approx(np.ones(T), rel=1e-14)
    assert not np.triu(A_real, 1).any()
    assert not np.triu(A_sampled, 1).any()


@dataclass(frozen=True)
class Remembered(mc.Accumulate):
    """A subclass with a schedule of its own, which gets no short route: accumulate's."""

    def batch_weights(self, sizes):
        """Return accumulate's weights."""
        return super().batch_weights(sizes)


@dataclass(frozen=True)
class Unremembered(Remembered):
    """The same without a memory."""

    memory = None


@dataclass(frozen=True)
class Forgetting:
    """Someone's workflow with a memory of one slot: each batch counts as much as all before it."""

    def batch_weights(self, sizes):
        """Return 2^-t, 2^-t, ..., 1/4, 1/2."""
        weights = 2.0 ** -np.arange(len(sizes), 0, -1)
        weights[0] *= 2
        return weights

    def memory(self, sizes):
        """Mix the pool and the new batch."""
        return (np.ones((1, 1)) if len(sizes) == 1 else np.full((1, 2), 0.5)), np.ones(1)

    def training_rows(self, sizes, rng):
        """Return all rows, with their weights."""
        del rng
        per_row = self.batch_weights(sizes) / np.asarray(sizes)
        return np.arange(sum(sizes)), np.repeat(per_row, sizes)


@pytest.mark.parametrize("v2", [-1.0, 0.0, 0.5])
def test_a_memory_is_enough_for_long_loops(v2):
    """Beyond the dense route: q' = q + (1 + v2 q)/(4 n), as a power."""
    T, n = MOST_DENSE + 1, 1000
    sizes = np.full(T, n)
    errors = squared_errors(Forgetting(), sizes, v2)
    power = (1 + v2 / n) * (1 + v2 / (4 * n)) ** (T - 1)
    last = (power - 1) / v2 if v2 else 1 / n + (T - 1) / (4 * n)

    assert errors[-1] == pytest.approx(last, rel=1e-9)
    assert variances(Forgetting(), sizes, v2)[-1] == pytest.approx(1 + v2 * last, rel=1e-9)
    assert errors[:50] == pytest.approx(squared_errors(Forgetting(), sizes[:50], v2), rel=1e-13)


def test_a_subclass_takes_the_general_route():
    """With a method of its own its parent's formula is not used."""
    sizes = np.arange(1, 30)
    assert Schedule(Remembered(), sizes).rule == ""

    assert squared_errors(Remembered(), sizes, 0.5) == pytest.approx(
        squared_errors(mc.Accumulate(), sizes, 0.5), rel=1e-13
    )


def test_an_explosion_is_infinite_from_where_it_leaves_the_floats():
    """Replace of single rows with v2 = 3 grows like 4^t: inf after 512 generations, no error."""
    ones = np.ones(600, dtype=int)
    for workflow in (mc.Replace(), mc.KeepReal(0.01), mc.SlidingWindow(2), FreshData(1, 1, 0.01)):
        v2 = 3.0 if isinstance(workflow, mc.Replace) else 2000.0
        sizes = workflow.batch_sizes(1, 600) if isinstance(workflow, Refreshing) else ones
        errors = squared_errors(workflow, sizes, v2)
        schedule = checked(workflow, sizes)
        beyond = int(np.argmax(np.isinf(errors)))
        assert 10 < beyond < 599
        assert np.isinf(errors[beyond:]).all()
        assert (np.diff(errors[:beyond]) > 0).all()
        assert np.isinf(variances(workflow, sizes, v2)[-1])
        assert effective_samples(workflow, sizes, v2)[-1] == 0
        assert np.isinf(inflation(workflow, sizes, v2)[-1])
        assert np.isinf(dense_errors(schedule, v2)[-1])


@given(
    terms=st.lists(st.tuples(st.floats(-3, 3), st.floats(0, 5)), min_size=1, max_size=40),
)
def test_scan_is_the_recurrence(terms):
    """x_t = e^L x + d, one after the other."""
    L, d = map(np.array, zip(*terms, strict=True))
    x, expected = 0.0, []
    for factor, step in zip(np.exp(L), d, strict=True):
        x = factor * x + step
        expected.append(x)

    assert scan(L, d) == pytest.approx(expected, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize(
    ("sizes", "named"),
    [
        ([], "sizes"),
        ([[3, 3]], "sizes"),
        ([3.5], "sizes"),
        ([3, 0], r"sizes\[1\] = 0"),
        ([3, 10**12 + 1], r"sizes\[1\]"),
    ],
)
def test_bad_sizes_are_named(sizes, named):
    """The argument, its value and the remedy."""
    with pytest.raises(InvalidInput, match=named):
        squared_errors(mc.Replace(), sizes)


@pytest.mark.parametrize("v2", [-1.01, np.nan, np.inf, "1", True, None])
def test_bad_curvatures_are_named(v2):
    """Below a coin's there is no distribution."""
    with pytest.raises(InvalidInput, match="curvature = "):
        squared_errors(mc.Replace(), [3], v2)


def test_sizes_of_someone_else_are_refused():
    """Fresh data set the sizes themselves."""
    with pytest.raises(InvalidInput, match=r"sizes\[1\] = 6 .*batch 2 of 7 rows"):
        squared_errors(FreshData(3, 4), [5, 6])
    with pytest.raises(InvalidInput, match="generations = 2"):
        squared_errors(Weighted([[1.0]]), [5, 6])


def test_weight_on_nothing_is_refused():
    """A part without rows has no mean."""

    class Greedy(Restless):
        def real_rows(self, generation):
            del generation
            return 0

    with pytest.raises(InvalidInput, match="real part of batch 2, which has no rows"):
        squared_errors(Greedy(3), [4, 7])


def test_what_has_no_closed_form_says_why():
    """Random workflows of one's own, and workflows that remember too much."""

    class Half:
        def training_rows(self, sizes, rng):
            return rng.permutation(sum(sizes))[: sizes[-1]]

    with pytest.raises(NoClosedForm, match="batch_weights"):
        squared_errors(Half(), [3, 3])
    many = np.ones(MOST_DENSE + 1, dtype=int)
    for ask in (squared_errors, variances):
        with pytest.raises(NoClosedForm, match="memory"):
            ask(Unremembered(), many, -0.5)
