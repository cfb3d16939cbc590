"""Predictions that must agree with each other: workflows that coincide, and changes of units.

Means are sums of positive terms, a few roundings per generation: 1e-12 relative. Variances over
replicates are differences of fourth moments: recursions of at most 400 terms a generation, with
signs, a hundred times larger than their sum at most: 1e-9 of the raw second moment.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from tests.helpers.replay import Halving

NAMES = ("variance", "squared_error", "second_moment")
SIZES = st.lists(st.integers(2, 12), min_size=1, max_size=6)
DDOFS, HEATS = st.sampled_from([0, 1]), st.floats(0.25, 4.0)
SEEDS = st.integers(0, 10**6)
QUICK = settings(max_examples=20)


class Forgetful:
    """Any weighting without its memory: every batch keeps a slot of its own."""

    def __init__(self, workflow):
        self.training_rows, self.batch_weights = workflow.training_rows, workflow.batch_weights


def truth_of(kind, dim, seed):
    """Return a normal truth with unequal axes, or rows with heavy tails."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(dim, dim)) + 2 * np.eye(dim)
    if kind == "normal":
        return mc.Normal(rng.normal(size=dim), factor @ factor.T + np.eye(dim))
    return mc.Rows(rng.standard_t(3, size=(15, dim)) @ factor.T)


TRUTHS = st.builds(truth_of, st.sampled_from(["normal", "rows"]), st.integers(1, 4), SEEDS)


def predictions(truth, ddof, sizes, heat, *workflows):
    """Return the predictions of one loop under several workflows."""
    model = mc.Gaussian(truth.dim, ddof)
    return [
        mc.predict(mc.Experiment(model, w, sizes, len(sizes), truth=truth, temperature=heat))
        for w in workflows
    ]


def agree(one, other, generations=slice(None)):
    """Assert equal means and variances over replicates."""
    for name in NAMES:
        mean = one[name][generations]
        assert other[name][generations] == pytest.approx(mean, rel=1e-12)
        raw = one.variances[name][generations] + mean**2
        gap = np.abs(other.variances[name][generations] - one.variances[name][generations])
        assert (gap <= 1e-9 * raw).all()


@QUICK
@given(truth=TRUTHS, ddof=DDOFS, sizes=SIZES, heat=HEATS)
def test_a_window_of_one_is_replace(truth, ddof, sizes, heat):
    """SlidingWindow(1): the slot algebra against the closed form."""
    agree(*predictions(truth, ddof, sizes, heat, mc.Replace(), mc.SlidingWindow(1)))


@QUICK
@given(truth=TRUTHS, ddof=DDOFS, sizes=SIZES, heat=HEATS)
def test_wide_windows_and_full_budgets_are_accumulate(truth, ddof, sizes, heat):
    """SlidingWindow(T), a budget of all rows, and slots that never merge."""
    same = (mc.SlidingWindow(9), mc.AccumulateSubsample(sum(sizes)), Forgetful(mc.Accumulate()))
    whole, *others = predictions(truth, ddof, sizes, heat, mc.Accumulate(), *same)
    for other in others:
        agree(whole, other)


@QUICK
@given(truth=TRUTHS, ddof=DDOFS, sizes=SIZES, heat=HEATS, share=st.floats(0.05, 0.95))
def test_memory_changes_no_moment(truth, ddof, sizes, heat, share):
    """Keeping two slots or every batch: the same joint moments of the fit."""
    for workflow in (mc.KeepReal(), mc.KeepReal(share), mc.SlidingWindow(2), Halving()):
        agree(*predictions(truth, ddof, sizes, heat, workflow, Forgetful(workflow)))


@QUICK
@given(truth=TRUTHS, ddof=DDOFS, sizes=SIZES, heat=HEATS)
def test_two_generations_of_kept_data_are_accumulate(truth, ddof, sizes, heat):
    """KeepReal() pools batches 1 and t: at t = 2 those are all."""
    agree(
        *predictions(truth, ddof, sizes, heat, mc.Accumulate(), mc.KeepReal()),
        generations=slice(0, 2),
    )


@QUICK
@given(truth=TRUTHS, ddof=DDOFS, sizes=SIZES, heat=HEATS)
def test_all_workflows_coincide_at_first(truth, ddof, sizes, heat):
    """Generation 1 is the fit to the real batch, whatever follows."""
    workflows = (mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample(99), mc.KeepReal(0.3))
    first, *others = predictions(truth, ddof, sizes, heat, *workflows)
    for other in others:
        agree(first, other, generations=slice(0, 1))


@QUICK
@given(truth=TRUTHS, sizes=SIZES, budget=st.integers(2, 30), share=st.floats(0.05, 0.95))
def test_second_moment_is_conserved(truth, sizes, budget, share):
    """At ddof 0 and temperature 1, variance plus squared error is 1 at every generation."""
    workflows = (
        *(mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample(budget), mc.SlidingWindow(2)),
        *(mc.KeepReal(), mc.KeepReal(share), Halving()),
    )
    for prediction in predictions(truth, 0, sizes, 1.0, *workflows):
        assert prediction["second_moment"] == pytest.approx(np.ones(len(sizes)), rel=1e-12)


@QUICK
@given(truth=TRUTHS, ddof=DDOFS, sizes=SIZES, heat=HEATS, seed=SEEDS, scale=st.floats(0.01, 100))
def test_units_do_not_matter(truth, ddof, sizes, heat, seed, scale):
    """Rows scaled, rotated and shifted: the same moments, which are in units of tr S_0."""
    rng = np.random.default_rng(seed)
    turn = scale * np.linalg.qr(rng.normal(size=(truth.dim, truth.dim)))[0]
    shift = scale * rng.normal(size=truth.dim)
    if truth.is_normal:
        covariance = turn @ truth.covariance @ turn.T
        moved = mc.Normal(turn @ truth.mean + shift, (covariance + covariance.T) / 2)
    else:
        moved = mc.Rows(truth.values @ turn.T + shift)
    for workflow in (mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample(), mc.KeepReal(0.4)):
        (here,) = predictions(truth, ddof, sizes, heat, workflow)
        (there,) = predictions(moved, ddof, sizes, heat, workflow)
        agree(here, there)


@QUICK
@given(dim=st.integers(1, 3), seed=SEEDS, scale=st.floats(0.01, 100), ddof=DDOFS, heat=HEATS)
def test_distances_scale_with_the_units(dim, seed, scale, ddof, heat):
    """W2 is a length squared, the log-loss gains d log(scale), logarithms are relative."""
    truth = truth_of("normal", dim, seed)
    wide = mc.Normal(scale * truth.mean, scale**2 * truth.covariance)
    for workflow in (mc.Replace(), mc.Accumulate()):
        (here,) = predictions(truth, ddof, [9, 8, 12], heat, workflow)
        (there,) = predictions(wide, ddof, [9, 8, 12], heat, workflow)
        assert set(here.expected) == set(there.expected)
        for name in set(here.expected) - set(NAMES):
            factor = scale**2 if name.startswith("w2_squared") else 1.0
            added = dim * np.log(scale) if name.startswith("test_log_loss") else 0.0
            expected = factor * here[name] + added
            # Logarithms of eigenvalues that are computed from scaled matrices.
            assert there[name] == pytest.approx(expected, rel=1e-11, abs=1e-11)


@QUICK
@given(truth=TRUTHS, ddof=DDOFS, sizes=SIZES, heat=HEATS)
def test_variances_are_variances(truth, ddof, sizes, heat):
    """None is negative, and the second moment's obeys Minkowski's inequality."""
    workflows = (mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample(), mc.KeepReal(0.4))
    for prediction in predictions(truth, ddof, sizes, heat, *workflows):
        raw = {q: prediction.variances[q] + prediction[q] ** 2 for q in NAMES}
        roots = {}
        for name in NAMES:
            assert (prediction.variances[name] >= -1e-9 * raw[name]).all()
            roots[name] = np.sqrt(np.maximum(prediction.variances[name], 0))
        bound = roots["variance"] + roots["squared_error"]
        # The root of a rounding error of 1e-9 relative is 4e-5 of the raw root.
        assert (roots["second_moment"] <= bound + 4e-5 * np.sqrt(raw["second_moment"])).all()


@QUICK
@given(n=st.integers(4, 30), t=st.integers(1, 30), dim=st.integers(1, 3))
def test_closed_forms(n, t, dim):
    """The formulas of arXiv 2410.16713 and of Shumailov et al., at every generation."""
    j = np.arange(1, t + 1)
    for workflow, ddof, variance, error in (
        (mc.Replace(), 0, (1 - 1 / n) ** j, 1 - (1 - 1 / n) ** j),
        (mc.Replace(), 1, np.ones(t), j / n),
        (mc.Accumulate(), 0, np.cumprod(1 - 1 / (n * j**2)), 1 - np.cumprod(1 - 1 / (n * j**2))),
    ):
        e = mc.Experiment(mc.Gaussian(dim, ddof), workflow, n, t)
        prediction = mc.predict(e)
        assert prediction["variance"] == pytest.approx(variance, rel=1e-12)
        assert prediction["squared_error"] == pytest.approx(error, rel=1e-11)


@QUICK
@given(n=st.integers(2, 30), heat=HEATS, ddof=DDOFS)
def test_logarithms_lie_below_the_mean(n, heat, ddof):
    """Jensen: E log v_t < log E v_t, and the gap grows by the same amount under replace."""
    e = mc.Experiment(mc.Gaussian(1, ddof), mc.Replace(), n, 8, temperature=heat)
    prediction = mc.predict(e)
    gap = np.log(prediction["variance"]) - prediction["log_variance"]

    assert (gap > 0).all()
    assert np.diff(gap) == pytest.approx(np.full(7, gap[0]), rel=1e-11)
    assert np.array_equal(prediction["log_variance"], prediction["log_determinant"])
