"""Smoothed fits: the estimator, its simulation in every workflow, and its theory."""

from unittest import mock

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

import modelcollapse as mc
from modelcollapse._support.stream import opened
from modelcollapse.families.discrete import (
    Discrete,
    chains,
    enumeration,
    kernels,
    simulate,
    smooth_mixtures,
)
from modelcollapse.families.discrete.smooth_ends import log_product
from modelcollapse.testing import assert_bounded_mean, assert_law, assert_same_law
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
    e = mc.Experiment(Discrete(3, 4.0), mc.AccumulateSubsample(), n, 4, truth=TRUTH)
    by_rows = mc.simulate(e, 20_000, seed)["squared_error"][:, -1]
    with mock.patch.object(simulate, "KEPT", 0):
        by_counts = mc.simulate(e, 20_000, seed + 1)["squared_error"][:, -1]

    assert_same_law(by_rows.round(12), by_counts.round(12))


@pytest.mark.parametrize("n", [40, 400])
def test_even_rows_have_their_law(n, seed):
    """Row by row, and by conditional binomials; how many there are is binomial."""
    stream = opened(seed)
    tallies, many = np.zeros((5_000, 3), np.int64), np.zeros(5_000)
    for r, tally in enumerate(tallies):
        kernels.drawn_evenly(stream, n, tally)
        many[r] = kernels.evenly(stream, n, 10, 2.5)

    assert np.all(tallies.sum(axis=1) == n)
    for j in range(3):
        assert_law(tallies[:, j], lambda x: stats.binom.cdf(np.floor(x), n, 1 / 3))
    assert_law(many, lambda x: stats.binom.cdf(np.floor(x), n, 0.2))
    assert kernels.evenly(stream, n, 10, 0.0) == 0


def test_what_is_tiny_keeps_its_digits():
    """As one outcome has nearly all, the others are alpha/n."""
    e = mc.Experiment(Discrete(4, 1e-40), mc.Replace(), 2, 400)
    runs = mc.simulate(e, 10, 1)
    x = 0.5e-40

    np.testing.assert_allclose(runs["heterozygosity"][:, -1], 6 * x, rtol=1e-12)
    np.testing.assert_allclose(runs["entropy"][:, -1], 3 * x * (1 - np.log(x)), rtol=1e-12)


def smoothed(alpha, workflow, samples, generations, truth):
    """Return a loop of smoothed fits."""
    return mc.Experiment(Discrete(len(truth), alpha), workflow, samples, generations, truth=truth)


class TestPredictions:
    """Exact values, digits and reasons; `tests/theory` holds them to whole laws."""

    @pytest.mark.parametrize(
        ("n", "alpha", "end"), [(5, 1.0, 0.5862068966), (10, 0.5, 0.6612903226)]
    )
    def test_replace_settles(self, n, alpha, end):
        """The end of sum q^2, of the curve and of the limit."""
        p = mc.predict(smoothed(alpha, mc.Replace(), n, 2000, [0.9, 0.1]))

        assert 1 - p["heterozygosity"][-1] == pytest.approx(end, abs=5e-11)
        assert p.limits["heterozygosity"] == pytest.approx(p["heterozygosity"][-1], rel=1e-12)
        assert p.limits["squared_error"] == pytest.approx(p["squared_error"][-1], rel=1e-12)

    @pytest.mark.parametrize(
        ("n", "alpha", "values", "factor"),
        [
            (4, 1.0, [0.58122449, 0.56201046, 0.5388021, 0.53046618], 0.8956152988),
            (6, 0.3, [0.50283554, 0.48470554, 0.46691984, 0.46141454], 0.9056186670),
        ],
    )
    def test_accumulate_loses_less(self, n, alpha, values, factor):
        """E H at t = 1, 2, 6, 12, and what is left of the first in the end."""
        p = mc.predict(smoothed(alpha, mc.Accumulate(), n, 12, [0.6, 0.3, 0.1]))

        assert p["heterozygosity"][[0, 1, 5, 11]] == pytest.approx(values, abs=5e-9)
        end = p.limits["heterozygosity"] / p["heterozygosity"][0]
        assert end == pytest.approx(factor, abs=5e-11)

    def test_one_row_at_a_time_keeps_a_posterior(self):
        """7/8 of what differs, with M = 7; unsmoothed the variance nears p (1 - p) 2/(n + 1)."""
        plain = mc.Experiment(
            Discrete(2), mc.Accumulate(), [5] + [1] * 3000, 3001, truth=[0.3, 0.7]
        )
        sizes = [5] + [1] * 400
        p = mc.predict(smoothed(1.0, mc.Accumulate(), sizes, 401, [0.4, 0.6]))
        first = p["heterozygosity"][0]

        assert p.limits["heterozygosity"] == pytest.approx(first * 7 / 8, rel=1e-12)
        assert p["heterozygosity"][-1] == pytest.approx(first * 7 / 8 * (1 + 1 / 407), rel=1e-12)
        assert mc.predict(plain)["squared_error"][-1] * 0.21 == pytest.approx(0.07, rel=1e-3)

    @pytest.mark.parametrize(
        "workflow", [mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample(2), mc.Edit(rows=2)]
    )
    def test_whole_law(self, workflow):
        """By propagation of all counts, in fractions."""
        e = smoothed(0.5, workflow, 3, 3, [0.5, 0.25, 0.25])
        p = mc.predict(e)
        for t, law in enumerate(mc.discrete.exact_law(e)):
            fits = [(enumeration.fitted(e, counts), chance) for counts, chance in law.items()]
            differ = sum(chance * (1 - sum(q * q for q in fit)) for fit, chance in fits)
            entropy = -sum(float(c) * sum(float(q) * np.log(float(q)) for q in f) for f, c in fits)

            assert p["heterozygosity"][t] == pytest.approx(float(differ), rel=1e-12)
            assert p["entropy"][t] == pytest.approx(entropy, rel=1e-12)
            assert sum(law.values()) == 1

    @pytest.mark.parametrize("name", [*WORKFLOWS, *REFRESHING, *EDITING])
    def test_every_predicted_mean(self, name, seed):
        """By the bounds of the quantity; and why there is none."""
        workflow = {**WORKFLOWS, **REFRESHING, **EDITING}[name]
        sizes = 6 if name in {**REFRESHING, **EDITING} else SIZES
        e = smoothed(0.4, workflow, sizes, 3, TRUTH)
        p, runs = mc.predict(e), mc.simulate(e, 2000 if name == "bootstrap" else 40_000, seed)

        assert ("heterozygosity" in p) == (name != "bootstrap")
        for quantity in ("absent", "missing_mass", "collapsed", "any_absent"):
            assert not np.any(p[quantity])
            assert not np.any(p.variances[quantity])
            assert p.limits[quantity] == 0
        bounds = {"heterozygosity": 2 / 3, "squared_error": 2 / 0.62, "entropy": np.log(3)}
        for quantity, most in bounds.items():
            for t in range(3 if quantity in p else 0):
                values = np.minimum(runs[quantity][:, t], most)  # but for rounding
                assert_bounded_mean(values, p[quantity][t], 0.0, most)

    @pytest.mark.parametrize("alpha", [1e-70, 1e-12, 1e12, 1e70])
    @pytest.mark.parametrize("n", [1, 7, 10**12])
    @pytest.mark.parametrize(
        "workflow",
        [mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample(), mc.Edit(share=0.5)],
        ids=str,
    )
    def test_extremes(self, alpha, n, workflow):
        """Tiny ones are none, and huge ones the uniform distribution, with their digits."""
        truth = np.array([0.7, 0.2, 0.1])
        p = mc.predict(smoothed(alpha, workflow, n, 30, truth))
        plain = mc.predict(mc.Experiment(Discrete(3), workflow, n, 30, truth=truth))
        differ, error = p["heterozygosity"], p["squared_error"]
        u = 3 * alpha / (n + 3 * alpha)
        away = ((truth - 1 / 3) ** 2).sum() / 0.46

        assert np.all(np.isfinite(differ))
        assert np.all(error > 0)
        if alpha == 1e-70 or (alpha < 1 and n > 1):
            rtol = 1e-9
            np.testing.assert_allclose(error, plain["squared_error"], rtol=rtol)
            np.testing.assert_allclose(differ, plain["heterozygosity"], rtol=rtol, atol=1e-9)
        if alpha == 1e70:
            np.testing.assert_allclose(differ, 2 / 3, rtol=1e-12)
            np.testing.assert_allclose(error, away, rtol=1e-12)
        assert 0 < p.limits["squared_error"] <= 2 / 0.46
        assert p.limits["heterozygosity"] < 2 / 3 * (1 + 1e-12)
        # What one row has alone, and a rate that no sum to 1 could hold.
        if n == 1 and alpha < 1:
            np.testing.assert_allclose(differ[0], 2 / 3 * u * (2 - u), rtol=1e-12)

    @pytest.mark.parametrize("n", [1, 2, 10, 10**12])
    @pytest.mark.parametrize("start", [1.0, 5.0, 1e3, 1e30, 1e70])
    def test_the_product_keeps_its_digits(self, n, start):
        """Against gamma functions of 160 digits."""
        if start < n:
            return
        with mp.workdps(160):
            x, root = 1 + mp.mpf(start) / n, 1 / mp.sqrt(n)
            exact = 2 * mp.loggamma(x) - mp.loggamma(x - root) - mp.loggamma(x + root)

            assert log_product(n, start) == pytest.approx(float(exact), rel=1e-12)

    @pytest.mark.parametrize(
        "workflow", [mc.Replace(), mc.AccumulateSubsample(3), mc.AccumulateSubsample()], ids=str
    )
    def test_limits_are_approached(self, workflow):
        """By the curves, after ten thousand generations."""
        p = mc.predict(smoothed(3.0, workflow, 4, 10_000, [0.8, 0.2]))

        assert p["heterozygosity"][-1] == pytest.approx(p.limits["heterozygosity"], rel=1e-3)
        assert p["squared_error"][-1] == pytest.approx(p.limits["squared_error"], rel=1e-2)

    def test_accumulate_approaches_its_limit(self):
        """As 1/t, also with a first batch of its own size."""
        sizes, T = [9] + [4] * 9_999, 10_000
        p = mc.predict(smoothed(0.7, mc.Accumulate(), sizes, T, [0.8, 0.2]))
        ahead = 1 / (4 * T)

        for name in ("heterozygosity", "squared_error"):
            assert p[name][-1] == pytest.approx(p.limits[name], abs=2 * ahead)
        left = p.limits["heterozygosity"] / p["heterozygosity"][-1]
        assert -np.log(left) == pytest.approx(ahead, rel=1e-2)

    @pytest.mark.parametrize("sizes", [[3, 1, 50, 2, 2, 1000, 1, 7], [1] * 8, [400] * 8])
    def test_a_floor_for_any_sizes(self, sizes):
        """Under replace the fate's number bounds every mean, whatever the batches are."""
        p = mc.predict(smoothed(0.2, mc.Replace(), sizes, 8, [0.5, 0.5]))
        floor = 0.5 * 0.4 / 0.9

        assert f"at least {floor:.6g}" in p.fates["heterozygosity"].reason
        assert np.all(p["heterozygosity"] >= floor)

    def test_the_entropy_is_enclosed_where_there_is_no_chain(self, monkeypatch):
        """Between -log E sum q^2 and the entropy of the mean."""
        e = smoothed(0.3, mc.AccumulateSubsample(3), 3, 4, [0.6, 0.4, 0.0])
        exact = mc.predict(e)["entropy"]
        monkeypatch.setattr(chains, "MOST_ROWS", 1)
        p = mc.predict(e)

        assert "entropy" not in p
        assert np.all(p["entropy_lower"] < exact)
        assert np.all(exact < p["entropy_upper"])
        assert np.all(p["entropy_upper"] <= np.log(3))

    def test_an_impossible_outcome_takes_part(self):
        """One that the truth lacks has entropy too."""
        p = mc.predict(smoothed(1.0, mc.Replace(), 2, 1, [0.5, 0.5, 0.0]))
        twice, once = np.array([3, 1, 1]) / 5, np.array([2, 2, 1]) / 5
        exact = -(twice @ np.log(twice) + once @ np.log(once)) / 2

        assert p["entropy"][0] == pytest.approx(exact, rel=1e-14)

    def test_small_entropies_keep_their_digits(self):
        """Nearly one outcome: K - 1 others of alpha/n."""
        alpha, n = 1e-20, 2
        p = mc.predict(smoothed(alpha, mc.Replace(), n, 300, [0.5, 0.3, 0.2]))
        x = alpha / n

        assert p["entropy"][-1] == pytest.approx(2 * x * (1 - np.log(x)), rel=1e-12)

    def test_the_stationary_law_is_no_dirichlet_multinomial(self):
        """Five rows, alpha = 1: near to that of 2 alpha, and another."""
        e = smoothed(1.0, mc.Replace(), 5, 200, [0.5, 0.5])
        law = list(chains._forward(e, np.array([0.5]), np.array([0.5])))[-1][1][0]
        like = stats.betabinom(5, 2, 2).pmf(range(3))

        np.testing.assert_allclose(law[:3], [0.0948, 0.1812, 0.2240], atol=5e-5)
        np.testing.assert_allclose(like, [0.1071, 0.1786, 0.2143], atol=5e-5)

    def test_the_spectrum(self):
        """(1 - u)^j (n)_j/n^j."""
        for n, alpha, known in (
            (5, 1.0, [1, 0.7142857143, 0.4081632653, 0.1749271137]),
            (10, 0.5, [1, 0.9090909091, 0.7438016529]),
        ):
            e = smoothed(alpha, mc.Replace(), n, 2, [0.5, 0.5])
            found = np.sort(np.linalg.eigvals(chains.sampled(e, n, n)).real)[::-1]

            np.testing.assert_allclose(found[: len(known)], known, atol=1e-8)

    def test_what_has_no_theory_says_so(self):
        """Variances, and draws that all differ."""
        e = smoothed(1.0, mc.Replace(), 5, 3, [0.5, 0.5])

        with pytest.raises(mc.NoClosedForm, match="smoothed"):
            mc.predict(e).variances["heterozygosity"]
        with pytest.raises(mc.NoClosedForm, match="smoothed"):
            mc.discrete.all_different(e, 3)

    def test_evenly_weighted_batches_are_a_pool(self):
        """The two routes agree: windows as long as the loop, and a pool's own weights."""
        sizes = [3, 5, 1, 4]
        own = mc.Weighted([[n / sum(sizes[:t]) for n in sizes[:t]] for t in range(1, 5)])
        whole = mc.predict(smoothed(0.3, mc.Accumulate(), sizes, 4, TRUTH))
        e = smoothed(0.3, own, sizes, 4, TRUTH)

        for states in (smooth_mixtures.fits(e), smooth_mixtures.fits(whole.experiment)):
            found = np.array([(fit.differ, fit.even) for fit in states])
            np.testing.assert_allclose(found[:, 0], whole["heterozygosity"], rtol=1e-13)
        np.testing.assert_allclose(mc.predict(e)["squared_error"], whole["squared_error"])

    def test_too_many_batches_to_remember(self, monkeypatch):
        """A reason, not hours."""
        e = smoothed(0.3, mc.KeepReal(0.5), 5, 20, [0.5, 0.5])
        assert np.all(mc.predict(e)["heterozygosity"] > 0)
        monkeypatch.setattr(smooth_mixtures, "MOST_WORK", 10)

        with pytest.raises(mc.NoClosedForm, match="remember too many batches"):
            mc.predict(e)["heterozygosity"]

    def test_long_loops(self):
        """A hundred thousand generations, by a recursion of their own for two rows that differ."""
        n, T = 100, 100_000
        p = mc.predict(smoothed(1.0, mc.AccumulateSubsample(), n, T, [0.5, 0.5]))
        differ, errors, added = 0.5, np.empty(T), 2 / (n + 2)
        for t in range(T):
            rows = (t + 1) * n
            fit = (n * (n - 1) * differ + 2 * n + 2) / (n + 2) ** 2
            across = (1 - added) * differ * (rows - 1) / rows + added / 2
            pairs = rows * (rows - 1) * differ + 2 * rows * n * across + n * (n - 1) * fit
            differ = pairs / ((rows + n) * (rows + n - 1))
            errors[t] = (0.5 - fit) / 0.5

        np.testing.assert_allclose(p["squared_error"], errors, rtol=1e-9)
