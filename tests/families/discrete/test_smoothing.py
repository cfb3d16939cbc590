"""Smoothed fits: the estimator, and its simulation in every workflow."""

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.families.discrete import Discrete
from modelcollapse.testing import assert_law, assert_same_law
from tests.families.discrete.test_simulate import REFRESHING, SIZES, TENTHS, TRUTH, WORKFLOWS
from tests.helpers.discrete_oracle import loops

ROWS = np.array([0.0, 2.0, 2.0, 0.0, 2.0])[:, None]
EDITING = {"edit": mc.Edit(rows=3), "edit-share": mc.Edit(share=0.4)}


class TestEstimator:
    """The fit, its parameters and its weights."""

    def test_the_fit_adds_to_each_count(self):
        """(c + alpha)/(N + K alpha)."""
        model = Discrete(3, smoothing=0.5).fit(ROWS)

        np.testing.assert_allclose(model.probabilities_, np.array([2.5, 0.5, 3.5]) / 6.5)
        np.testing.assert_allclose(model.score_samples([[1.0]]), np.log(0.5 / 6.5))

    def test_none_is_the_frequencies(self):
        """Bit by bit."""
        fitted = Discrete(3, smoothing=0).fit(ROWS).probabilities_

        assert np.array_equal(fitted, Discrete(3).fit(ROWS).probabilities_)
        assert fitted[1] == 0

    def test_equal_weights_are_none(self):
        """Weights have a mean of one over the rows of positive weight."""
        plain = Discrete(3, smoothing=2.0).fit(ROWS).probabilities_
        model = Discrete(3, smoothing=2.0).fit(ROWS, sample_weight=np.full(5, 0.1))
        more = np.concatenate([ROWS, [[1.0]]])
        dropped = Discrete(3, smoothing=2.0).fit(more, sample_weight=[3, 3, 3, 3, 3, 0])
        uneven = Discrete(3, smoothing=2.0).fit(ROWS, sample_weight=[2, 1, 1, 0, 0])

        np.testing.assert_allclose(model.probabilities_, plain, rtol=1e-15)
        np.testing.assert_allclose(dropped.probabilities_, plain, rtol=1e-15)
        np.testing.assert_allclose(uneven.probabilities_, np.array([3.5, 2, 3.5]) / 9, rtol=1e-15)

    @pytest.mark.parametrize("smoothing", [1e-70, 1e70])
    def test_extremes_are_fits(self, smoothing):
        """Nearly the frequencies, and the uniform distribution."""
        fitted = Discrete(3, smoothing).fit(ROWS).probabilities_
        expected = [0.4, smoothing / 5, 0.6] if smoothing < 1 else np.full(3, 1 / 3)

        np.testing.assert_allclose(fitted, expected, rtol=1e-15)

    def test_samples_have_any_outcome(self, seed):
        """Also one that no row has."""
        drawn = Discrete(3, smoothing=1.0).fit(ROWS).sample(20_000, seed)

        below = np.array([0, 3, 4, 8]) / 8
        assert_law(drawn[:, 0], lambda x: below[np.searchsorted([0, 1, 2], x, "right")])

    @pytest.mark.parametrize("value", [-0.1, np.nan, np.inf, 1e-71, 1e71, "1", None, True])
    def test_wrong_ones_are_refused(self, value):
        """With the name, the value and the remedy."""
        with pytest.raises(mc.InvalidInput, match=r"smoothing = .*: give 0, or a number from"):
            Discrete(3, smoothing=value).fit(ROWS)
        with pytest.raises(mc.InvalidInput, match="smoothing"):
            mc.Experiment(Discrete(3, smoothing=value), mc.Replace(), 5, 2)


@pytest.mark.parametrize("name", [*WORKFLOWS, *EDITING])
def test_simulator_has_the_loops_law(name, seed):
    """Three quantities of the last two generations, as `run` finds them row by row."""
    workflow = {**WORKFLOWS, **EDITING}[name]
    sizes = 6 if name in EDITING else SIZES
    e = mc.Experiment(Discrete(3, 0.7), workflow, sizes, 3, truth=TRUTH)
    runs = loops(TENTHS, workflow, sizes, 300, seed, e.model)
    simulated = mc.simulate(e, 2_000 if name == "bootstrap" else 20_000, seed)

    for quantity in ("heterozygosity", "entropy", "squared_error"):
        own = "distance" if quantity == "squared_error" else quantity
        for t in (1, 2):
            by_loop = np.array([run[own][t] for run in runs])
            assert_same_law(simulated[quantity][:, t].round(9), by_loop.round(9))
    for quantity in ("absent", "missing_mass", "collapsed", "any_absent"):
        assert not np.any(simulated[quantity])


@pytest.mark.parametrize("name", [*WORKFLOWS, *REFRESHING, *EDITING])
@pytest.mark.parametrize("smoothing", [1e-30, 0.2, 1e30])
def test_quantities_are_the_fits(name, smoothing):
    """The recorded ones are those of the recorded probabilities."""
    workflow = {**WORKFLOWS, **REFRESHING, **EDITING}[name]
    sizes = 6 if name in {**REFRESHING, **EDITING} else SIZES
    e = mc.Experiment(Discrete(4, smoothing), workflow, sizes, 3, truth=[0.5, 0.3, 0.2, 0.0])
    runs = mc.simulate(e, 20, 1, extra=["probabilities"])
    fitted = runs["probabilities"]
    error = ((fitted - e.truth.probabilities) ** 2).sum(axis=2) / e.truth.heterozygosity
    entropy = -(fitted * np.log(fitted)).sum(axis=2)

    assert fitted.min() > 0
    np.testing.assert_allclose(fitted.sum(axis=2), 1, rtol=1e-12)
    np.testing.assert_allclose(runs["heterozygosity"], 1 - (fitted**2).sum(axis=2), atol=1e-12)
    np.testing.assert_allclose(runs["squared_error"], error, atol=1e-12)
    np.testing.assert_allclose(runs["entropy"], entropy, atol=1e-12)
    assert not np.any(runs["absent"])
    assert not np.any(runs["collapsed"])


@pytest.mark.parametrize("n", [20, 300])
def test_many_rows_of_a_smoothed_pool(n, seed):
    """Row by row and outcome by outcome, a pool of counts and one of rows have one law."""
    from unittest import mock

    from modelcollapse.families.discrete import simulate

    e = mc.Experiment(Discrete(3, 4.0), mc.AccumulateSubsample(), n, 4, truth=TRUTH)
    by_rows = mc.simulate(e, 20_000, seed)["squared_error"][:, -1]
    with mock.patch.object(simulate, "KEPT", 0):
        by_counts = mc.simulate(e, 20_000, seed + 1)["squared_error"][:, -1]

    assert_same_law(by_rows.round(12), by_counts.round(12))


def test_what_is_tiny_keeps_its_digits():
    """As one outcome has nearly all, the others are alpha/n."""
    e = mc.Experiment(Discrete(4, 1e-40), mc.Replace(), 2, 400)
    runs = mc.simulate(e, 10, 1)
    x = 0.5e-40

    np.testing.assert_allclose(runs["heterozygosity"][:, -1], 6 * x, rtol=1e-12)
    np.testing.assert_allclose(runs["entropy"][:, -1], 3 * x * (1 - np.log(x)), rtol=1e-12)
