"""The conservation law, one step at a time, on arbitrary finite data and for every workflow.

Given all rows so far, the expected second moment of the next fit is a known mixture of second
moments. The expectation over the next batch is exact: the second moment is quadratic in each new
row, so the 2d sigma points m +- sqrt(d) (columns of a root of S) stand for the normal law. The
expectation over subsamples is exact too: all subsets are enumerated.
"""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.testing import strategies
from modelcollapse.workflows.selection import select

WEIGHTED = [
    mc.Replace(),
    mc.Accumulate(),
    mc.SlidingWindow(2),
    mc.KeepReal(),
    mc.KeepReal(0.3),
]
# Entries up to 8 and at most some thousand operations: rounding stays below 1e5 eps * 64 d.
ROUNDING = 1e-9


def data(n, d):
    """Return a strategy of so many rows."""
    return strategies.tables(d, n, n, frames=False)


@st.composite
def pools(draw):
    """Draw batches of rows: real data first, and whatever earlier models may have made."""
    d = draw(st.integers(1, 3))
    sizes = draw(st.lists(st.integers(2, 4), min_size=1, max_size=3))
    return [draw(data(n, d)) for n in sizes]


def fitted_second_moment(rows, weights=None, ddof=0):
    """Return |m|^2 + tr S of a fit."""
    model = mc.Gaussian(rows.shape[1], ddof=ddof).fit(rows, sample_weight=weights)
    return float(model.mean_ @ model.mean_ + np.trace(model.covariance_)), model


def raw_second_moment(rows):
    """Return the mean of |x|^2."""
    return float((rows**2).sum(axis=1).mean())


def sigma_points(model):
    """Return 2d rows with the mean and the ddof-0 covariance of the model."""
    values, vectors = np.linalg.eigh(model.covariance_)
    root = vectors * np.sqrt(np.maximum(values, 0) * len(values))
    return np.concatenate([model.mean_ + root.T, model.mean_ - root.T])


@pytest.mark.parametrize("workflow", WEIGHTED, ids=repr)
@given(batches=pools(), n=st.integers(1, 4))
def test_one_step_is_the_mixture_that_the_workflow_says(workflow, batches, n):
    """E[second moment of fit t+1 | rows] = sum_s W_s q_s, the new batch having the fit's own."""
    rng = np.random.default_rng(0)
    sizes = [len(batch) for batch in batches]
    rows, weights = select(workflow, sizes, rng)
    current, model = fitted_second_moment(np.concatenate(batches)[rows], weights)

    # One synthetic row per sigma point; its batch's weight is spread over all of them.
    mixture = workflow.batch_weights([*sizes, n])
    moments = [*map(raw_second_moment, batches), raw_second_moment(sigma_points(model))]
    everything = np.concatenate([*batches, sigma_points(model)])
    spread = np.repeat(mixture / [*sizes, len(sigma_points(model))],
                       [*sizes, len(sigma_points(model))])  # fmt: skip
    following, _ = fitted_second_moment(everything, spread)

    assert moments[-1] == pytest.approx(current, rel=ROUNDING, abs=ROUNDING)
    assert following == pytest.approx(mixture @ moments, rel=ROUNDING, abs=ROUNDING)


@given(rows=st.integers(1, 3).flatmap(lambda d: data(6, d)), k=st.integers(2, 6))
def test_subsampling_keeps_the_second_moment_on_average(rows, k):
    """Over all k-subsets of the pool the fit's second moment averages to the pool's."""
    subsets = [np.array(s) for s in itertools.combinations(range(len(rows)), k)]
    mean = np.mean([fitted_second_moment(rows[s])[0] for s in subsets])

    assert mean == pytest.approx(raw_second_moment(rows), rel=ROUNDING, abs=ROUNDING)


@given(rows=data(5, 2))
def test_the_unbiased_fit_adds_a_share_of_the_variance(rows):
    """With ddof 1 the step is off by tr S / n: the law needs maximum likelihood."""
    unbiased, _ = fitted_second_moment(rows, ddof=1)
    likelihood, model = fitted_second_moment(rows)

    excess = np.trace(model.covariance_) / 4
    assert unbiased - likelihood == pytest.approx(excess, rel=ROUNDING, abs=ROUNDING)


@given(truth=strategies.data(2, 5), n=st.integers(2, 6))
@pytest.mark.parametrize("workflow", [*WEIGHTED, mc.AccumulateSubsample(3)], ids=repr)
def test_predictions_conserve_the_second_moment(workflow, truth, n):
    """E|m_t - mu_0|^2 + E tr S_t = tr S_0 at every generation, for any rows as truth."""
    e = mc.Experiment(mc.Gaussian(dim=2), workflow, n, 6, truth=truth)

    assert mc.predict(e)["second_moment"] == pytest.approx(np.ones(6), rel=1e-12)
