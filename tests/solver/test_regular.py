"""The law of many rows for any regular model, and the split of a loss that it needs."""

from fractions import Fraction

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse import solver
from modelcollapse.families.exponential import NormalMean
from modelcollapse.ledger.entries.exponential import many_rows
from modelcollapse.testing import assert_law

SIZES = [50] * 6


def test_excess_is_the_first_times_the_inflation():
    """From a measured first excess, or from the number of parameters."""
    for workflow in (mc.Replace(), mc.Accumulate(), mc.SlidingWindow(2), mc.KeepReal(0.3)):
        c = solver.inflation(workflow, SIZES)
        assert c[0] == pytest.approx(1)
        assert solver.excess_loss(workflow, SIZES, first=0.2) == pytest.approx(0.2 * c)
        assert solver.excess_loss(workflow, SIZES, parameters=7) == pytest.approx(0.07 * c)
    assert solver.excess_loss(mc.Replace(), SIZES, first=1) == pytest.approx(np.arange(1, 7))
    squares = np.cumsum(1 / np.arange(1, 7) ** 2)
    assert solver.excess_loss(mc.Accumulate(), SIZES, first=1) == pytest.approx(squares)


@pytest.mark.parametrize("workflow", [mc.Replace(), mc.AccumulateSubsample(), mc.KeepReal(0.3)])
def test_the_law_has_the_mean_and_is_exact_of_normal_means(workflow, seed):
    """Half the square of three means of known variance; 5,000 loops at the last generation."""
    k = 3
    laws = solver.excess_law(workflow, SIZES, k)
    means = solver.excess_loss(workflow, SIZES, parameters=k)
    assert [law.mean() for law in laws] == pytest.approx(means.tolist())
    assert laws[-1].var() == pytest.approx(2 / k * means[-1] ** 2)
    if workflow.name == "accumulate-subsample":
        return  # of which part a mean is made is random, so that it is not normal
    e = mc.Experiment(NormalMean(), workflow, SIZES, 6)
    errors = mc.simulate(e, 5_000 * k, seed)["squared_error"][:, -1]
    assert_law(errors.reshape(-1, k).sum(axis=1) / 2, laws[-1].cdf)


@pytest.mark.parametrize("workflow", [mc.AccumulateSubsample(), mc.AccumulateSubsample(20)])
@pytest.mark.parametrize("v2", [-1.0, 0.0, 0.5])
def test_random_subsets_are_solved_too(workflow, v2):
    """As the one-parameter families predict them, and for many rows 1 + 2 sum 1/i^2 - ..."""
    e = mc.Experiment(NormalMean(), workflow, SIZES, 6)
    if v2 == 0:
        assert np.array_equal(
            mc.predict(e)["squared_error"], solver.squared_errors(workflow, SIZES)
        )
    errors, kept = solver.squared_errors(workflow, SIZES, v2), solver.variances(workflow, SIZES, v2)
    assert kept == pytest.approx(1 + v2 * errors, rel=1e-12)


def test_a_subset_costs_more_than_all_rows():
    """At every generation but the first; for many rows 1.75 against 1.25 at the second."""
    c = solver.inflation(mc.AccumulateSubsample(), SIZES)
    assert (c[1:] > solver.inflation(mc.Accumulate(), SIZES)[1:]).all()
    many = solver.inflation(mc.AccumulateSubsample(), [10**8] * 2)
    assert many[1] == pytest.approx(1.75, rel=1e-6)


@pytest.mark.parametrize("workflow", [mc.Replace(), mc.Accumulate()], ids=repr)
def test_a_model_of_its_own_follows_the_law(workflow, seed):
    """A bigram model by counts: the mean of 200 loops on the law, to the next order and chance."""
    words, rows, T, loops = 5, 4000, 5, 200
    rng = np.random.default_rng(seed)
    P = rng.dirichlet(np.full(words, 20.0), words)
    start = np.linalg.matrix_power(P, 200)[0]

    def pairs(Q):
        contexts = np.bincount(rng.choice(words, rows, p=start), minlength=words)
        return np.stack([rng.multinomial(c, q) for c, q in zip(contexts, Q, strict=True)])

    found = np.zeros((loops, T))
    for loop in range(loops):
        counts = pairs(P)
        for t in range(T):
            Q = counts / counts.sum(axis=1, keepdims=True)
            found[loop, t] = start @ (P * np.log(P / Q)).sum(axis=1)
            counts = pairs(Q) if workflow == mc.Replace() else counts + pairs(Q)
    law = solver.excess_loss(workflow, [rows] * T, parameters=words * (words - 1))
    # A context of c rows exceeds (words - 1)/2c by (sum 1/p)/12c^2: a share of each generation's.
    order = (1 / P).sum(axis=1) / (6 * (words - 1) * rows * start)
    gap = 5 * found.std(axis=0) / np.sqrt(loops) + T * order.max() * law
    assert (np.abs(found.mean(axis=0) - law) < gap).all()
    other = mc.Accumulate() if workflow == mc.Replace() else mc.Replace()
    wrong = solver.excess_loss(other, [rows] * T, parameters=words * (words - 1))
    assert (np.abs(found.mean(axis=0) - wrong) > gap)[1:].all()


@pytest.mark.parametrize("n", [300, 1000])
def test_exact_losses_of_gamma_rows(n):
    """The ledger's, by the series of both parts in a factor's central moments, in rationals."""
    y, T = n * Fraction(many_rows.SHAPE), many_rows.T
    moments = [Fraction(1), Fraction(0)]
    for k in range(1, 13):
        moments.append(k / y * (moments[k] + moments[k - 1]))

    def loss(factors):
        logs, inverse = Fraction(0), Fraction(1)
        for s in factors:
            terms = [moments[j] / Fraction(-s) ** j for j in range(2, 14)]
            logs -= sum(term / j for j, term in enumerate(terms, 2))
            inverse *= 1 + sum(terms)
        return float(2 * y * (inverse - 1 + logs))

    assert many_rows.pooled(n) == pytest.approx(loss(range(1, T + 1)), rel=1e-9)
    assert many_rows.replaced(n) == pytest.approx(loss([1] * T), rel=1e-9)


def test_the_gap_of_two_sizes():
    """Loss = floor + gap/n exactly, and by least squares of more."""
    gap = solver.estimation_gap([3.2, 3.05], [1000, 4000])
    assert gap == pytest.approx((0.2, 3.0))
    rows = np.array([500, 1000, 2000, 8000])
    gap = solver.estimation_gap(2.5 + 70 / rows, rows)
    assert gap == pytest.approx((0.14, 2.5))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: solver.excess_loss(mc.Replace(), SIZES), "give one of the two"),
        (lambda: solver.excess_loss(mc.Replace(), SIZES, first=1, parameters=2), "one of the two"),
        (lambda: solver.excess_loss(mc.Replace(), SIZES, first=-1), "first = -1"),
        (lambda: solver.excess_loss(mc.Replace(), SIZES, parameters=0), "parameters = 0"),
        (lambda: solver.excess_law(mc.Replace(), SIZES, 1.5), "parameters = 1.5"),
        (lambda: solver.excess_law(mc.Replace(), [5, 0], 2), "sizes"),
        (lambda: solver.excess_law(mc.Replace(), SIZES, 10**400), "parameters = 1000"),
        (lambda: solver.estimation_gap([3.0], [10]), "two or more losses"),
        (lambda: solver.estimation_gap([3.0, 2.9], [10, 10]), "not all the same"),
        (lambda: solver.estimation_gap([2.9, 3.0], [10, 20]), "more rows do not lower the loss"),
        (lambda: solver.estimation_gap([3.0, 2.9], [0, 20]), "rows = 0"),
    ],
)
def test_bad_input_is_named(call, message):
    """The argument, its value and the remedy."""
    with pytest.raises(mc.InvalidInput, match=message):
        call()
