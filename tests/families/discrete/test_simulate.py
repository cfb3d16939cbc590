"""The discrete simulator: its law, its bits, its extremes."""

import numpy as np
import pytest
from scipy import stats

import modelcollapse as mc
from modelcollapse._support.stream import opened
from modelcollapse.families.discrete import Discrete, kernels, mixtures, simulate, zipf
from modelcollapse.testing import assert_bounded_mean, assert_law, assert_mean, assert_same_law
from tests.helpers.discrete_oracle import loops
from tests.helpers.replay import Bootstrap, Halving

TENTHS = (5, 3, 2)
TRUTH = np.array(TENTHS) / 10
EPS = np.finfo(float).eps
SIZES = [6, 4, 5]
WORKFLOWS = {
    "replace": mc.Replace(),
    "accumulate": mc.Accumulate(),
    "subsample": mc.AccumulateSubsample(),
    "budget": mc.AccumulateSubsample(8),
    "window": mc.SlidingWindow(2),
    "keep-real": mc.KeepReal(),
    "share": mc.KeepReal(0.3),
    "weighted": mc.Weighted([[1], [0.5, 0.5], [0.2, 0.5, 0.3]]),
    "halving": Halving(),
    "bootstrap": Bootstrap(),
}
DETERMINISTIC = [name for name in WORKFLOWS if name != "bootstrap"]
REFRESHING = {
    "fresh": mc.FreshData(2, 3),
    "fresh-weight": mc.FreshData(2, 3, 0.6),
    "web": mc.Web(1, 3),
    "web-real": mc.Web([2, 0], [0, 4]),
}


def experiment(workflow, samples=None, generations=3, truth=TRUTH):
    """Return an experiment of the small truth."""
    return mc.Experiment(Discrete(len(truth)), workflow, samples or SIZES, generations, truth=truth)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_simulator_has_the_loops_law(name, seed):
    """Five quantities of the last two generations; laws that differ by 0.44 are told apart."""
    e = experiment(WORKFLOWS[name])
    runs = loops(TENTHS, e.workflow, SIZES, 300, seed)
    simulated = mc.simulate(e, 2_000 if name == "bootstrap" else 20_000, seed)

    for quantity in ("heterozygosity", "absent", "missing_mass", "entropy", "squared_error"):
        own = "distance" if quantity == "squared_error" else quantity
        for t in (1, 2):
            by_loop = np.array([run[own][t] for run in runs])
            # The same fraction, summed in another order, is one value.
            assert_same_law(simulated[quantity][:, t].round(9), by_loop.round(9))


@pytest.mark.parametrize("name", [*DETERMINISTIC, *REFRESHING])
def test_every_predicted_mean(name, seed):
    """By the predicted variance where there is one, else by the bounds of the quantity."""
    workflow = {**WORKFLOWS, **REFRESHING}[name]
    e = experiment(workflow, 6 if name in REFRESHING else SIZES)
    prediction, simulated = mc.predict(e), mc.simulate(e, 40_000, seed)
    bounds = {"heterozygosity": 2 / 3, "absent": 2.0, "collapsed": 1.0, "entropy": np.log(3)}
    bounds["missing_mass"] = 0.8

    assert "heterozygosity" in prediction
    for quantity, most in bounds.items():
        for t in range(3 if quantity in prediction else 0):
            values, mean = simulated[quantity][:, t], prediction[quantity][t]
            spread = prediction.variances[quantity][t] if quantity in prediction.variances else 0
            if spread > 0:
                assert_mean(values, mean, spread)
            assert_bounded_mean(np.minimum(values, most), mean, 0.0, most)


@pytest.mark.parametrize(("n", "tens"), [(40, 1), (40, 10), (75, 10), (400, 10)])
def test_draws_have_their_law(n, tens, seed):
    """By copies, row by row and outcome by outcome: each count is binomial, or hypergeometric.

    40 of 100 rows are drawn row by row, 40 of 10 and 75 of 100 are copies, of more than the table
    has too, and 400 are drawn by conditional binomials.
    """
    stream = opened(seed)
    counts, m, total, reps = tens * np.array([7, 0, 3]), 3, 10 * tens, 5_000
    ends, guide = np.empty(3, np.int64), np.empty(kernels.RATIO * 3 + 1, np.int32)
    shares = counts / total
    rest, sums, cells = np.empty(3), np.empty(3), np.empty(6, np.int32)
    last = kernels.cumulated(shares, sums, cells)
    kernels.tails(shares, rest)
    found = {name: np.zeros((reps, 3), np.int64) for name in ("counts", "floats", "rows")}
    rows = np.empty(total + n, np.int32)
    kernels.appended(counts, m, rows, 0)
    for r in range(reps):
        kernels.drawn(stream, n, counts, m, total, ends, guide, found["counts"][r])
        kernels.drawn_floats(stream, n, shares, rest, sums, cells, last, found["floats"][r])
        kernels.drawn_rows(stream, n, rows, total, total, found["rows"][r])

    for tallies in found.values():
        assert np.all(tallies.sum(axis=1) == n)
        assert not tallies[:, 1].any()
        assert_law(tallies[:, 0], lambda x: stats.binom.cdf(np.floor(x), n, 0.7))


def test_the_table_of_copies():
    """Each value has its Poisson probability, from its own cell and as the other of some."""
    for mean in (0, 1, 7, kernels.MOST):
        values = np.arange(kernels.VALUES)
        found = kernels.SHARES[mean].copy()
        np.add.at(found, kernels.OTHERS[mean], 1 - kernels.SHARES[mean])
        law = stats.poisson.pmf(values, mean)
        np.testing.assert_allclose(found / kernels.VALUES, law, rtol=1e-11, atol=EPS)


@pytest.mark.parametrize(("k", "tens"), [(1, 10), (40, 10), (60, 10), (100, 10), (400, 100)])
def test_subsets_have_their_law(k, tens, seed):
    """Small ones, large ones by what is left out, and many rows outcome by outcome.

    k = 100 is all of 100 rows.
    """
    stream = opened(seed)
    counts, total, reps = tens * np.array([7, 0, 3]), 10 * tens, 5_000
    ends, guide = np.empty(3, np.int64), np.empty(kernels.RATIO * 3 + 1, np.int32)
    rows = np.empty(total, np.int32)
    kernels.appended(counts, 3, rows, 0)
    found = np.zeros((2, reps, 3), np.int64)
    for r in range(reps):
        kernels.subset(stream, k, counts, 3, total, ends, guide, found[0, r])
        kernels.subset_rows(stream, k, rows, total, found[1, r])

    for tallies in found:
        assert np.all(tallies.sum(axis=1) == k)
        assert not tallies[:, 1].any()
        assert_law(tallies[:, 0], lambda x: stats.hypergeom.cdf(np.floor(x), total, 7 * tens, k))


@pytest.mark.parametrize("name", ["replace", "subsample", "share", "bootstrap"])
def test_same_bits(name):
    """Whatever is recorded and however the work is cut, the numbers are the same bits."""
    e = experiment(WORKFLOWS[name])
    count = 40 if name == "bootstrap" else 1500
    whole = mc.simulate(e, count, 3, extra=["probabilities"])
    some = mc.simulate(e, count, 3, at=[2], jobs=1 if name == "bootstrap" else 2)

    for quantity in some.values:
        assert np.array_equal(some[quantity][:, 0], whole[quantity][:, 1])
    fitted = whole["probabilities"]
    np.testing.assert_allclose(fitted.sum(axis=2), 1, rtol=1e-12)
    np.testing.assert_allclose(
        whole["heterozygosity"], 1 - (fitted**2).sum(axis=2), rtol=0, atol=1e-12
    )
    error = ((fitted - TRUTH) ** 2).sum(axis=2) / 0.62
    np.testing.assert_allclose(whole["squared_error"], error, rtol=0, atol=1e-12)
    assert np.array_equal(whole["absent"], (fitted == 0).sum(axis=2))
    np.testing.assert_allclose(whole["missing_mass"], (fitted == 0) @ TRUTH, rtol=4 * EPS)
    assert np.array_equal(whole["inflation"], 6 * whole["squared_error"])


def test_collapse_is_an_outcome():
    """One row, or many generations: zeros and ones, exactly."""
    for e in (
        experiment(mc.Replace(), 1, 4),
        experiment(mc.Accumulate(), 1, 4),
        experiment(mc.AccumulateSubsample(1), 5, 4),
    ):
        runs = mc.simulate(e, 50)
        for name, value in (("heterozygosity", 0), ("collapsed", 1), ("absent", 2)):
            assert np.array_equal(runs[name], np.full((50, 4), value))
        assert np.array_equal(runs["entropy"], np.zeros((50, 4)))
        assert mc.predict(e)["heterozygosity"] == pytest.approx(np.zeros(4), abs=1e-15)
    late = mc.simulate(experiment(mc.Replace(), 10, 2000), 50, at=[2000])
    assert late["collapsed"].all()
    assert np.array_equal(late["absent"], np.full((50, 1), 2))


def test_what_was_impossible_never_comes(seed):
    """An outcome of probability zero has no count, whichever way rows are drawn."""
    truth = np.array([0.0, 0.3, 0.0, 0.7, 0.0])
    for workflow in (mc.Replace(), mc.Accumulate(), mc.KeepReal(0.5), mc.FreshData(30, 400)):
        for n in (5, 1000):
            e = experiment(workflow, n, 4, truth)
            runs = mc.simulate(e, 200, seed, extra=["probabilities"])
            assert not runs["probabilities"][..., [0, 2, 4]].any()
            assert runs["absent"].max() <= 1


@pytest.mark.parametrize("workflow", [mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample()])
def test_a_hundred_thousand_outcomes(workflow, seed):
    """10^5 rows of 10^5 outcomes: means that differ by 1.5 standard deviations are told apart."""
    e = mc.Experiment(Discrete(100_000), workflow, 100_000, 3, truth=zipf(100_000, 1.0))
    runs, p = mc.simulate(e, 200, seed), mc.predict(e)

    for quantity in ("heterozygosity", "squared_error"):
        for t in range(3):
            spread = p.variances[quantity][t]
            outcome = assert_mean(runs[quantity][:, t], p[quantity][t], spread)
            assert outcome.detectable < 1.5 * np.sqrt(spread)


def test_huge_batches(seed):
    """10^12 rows of two outcomes: the mean squared error is 1/n in the first generation."""
    e = mc.Experiment(Discrete(2), mc.Replace(), 10**12, 3)
    runs, p = mc.simulate(e, 20_000, seed), mc.predict(e)

    assert p["inflation"] == pytest.approx([1, 2, 3], rel=1e-9)
    # A binomial share's fourth moment is below three times its squared variance: variance 2.
    assert_mean(runs["inflation"][:, 0], 1.0, 2.0)


def test_what_is_refused():
    """Unknown extras, a test set, and pools too large to count."""
    e = experiment(mc.Replace())
    with pytest.raises(mc.InvalidInput, match="probabilities"):
        mc.simulate(e, 5, extra=["probability"])
    with pytest.raises(mc.InvalidInput, match="test"):
        mc.simulate(e, 5, test=3)
    with pytest.raises(mc.InvalidInput, match="samples"):
        mc.simulate(experiment(mc.Accumulate(), 10**12, 5000), 5)


@pytest.mark.parametrize("workflow", [mc.AccumulateSubsample(), mc.Edit(share=0.3)], ids=repr)
def test_sets_of_any_size(workflow, seed):
    """Of 10^11 rows as of few: no row is drawn by itself."""
    e = mc.Experiment(mc.Discrete(3), workflow, 10**11, 3, truth=[0.7, 0.2, 0.1])
    p, runs = mc.predict(e), mc.simulate(e, 20_000, seed)
    for quantity in ("heterozygosity", "squared_error"):
        for t in range(3):
            assert_mean(runs[quantity][:, t], p[quantity][t], p.variances[quantity][t])


def test_pools_beyond_the_rows_kept(monkeypatch, seed):
    """Counts instead of rows give the same law of the pool: every predicted mean."""
    monkeypatch.setattr(simulate, "KEPT", 0)
    for workflow in (mc.Accumulate(), mc.AccumulateSubsample(), mc.AccumulateSubsample(12)):
        e = experiment(workflow)
        p, runs = mc.predict(e), mc.simulate(e, 30_000, seed)
        for quantity in ("heterozygosity", "absent", "squared_error"):
            for t in range(3):
                spread = p.variances[quantity][t]
                assert_mean(runs[quantity][:, t], p[quantity][t], spread)


@pytest.mark.parametrize(("outcomes", "replicates"), [(1000, 666), (10**6, 1), (2, 1024)])
def test_replicates_held_at_a_time(outcomes, replicates):
    """4 million numbers are held, at least one replicate and at most a block.

    A replicate has six times K at generation 3: batch 1, what was sampled of batch 2, both parts
    of batch 3, the truth and the fit.
    """
    weights = mc.Weighted([[1], [0.5, 0.5], [0.2, 0.5, 0.3]])
    e = mc.Experiment(Discrete(outcomes), weights, 5, 3)
    assert mixtures.batch(e, mixtures.plan(e)) == replicates


def test_interrupted(monkeypatch):
    """What is finished is kept."""
    drawn = simulate.Blocks.fill

    def stopped(self, seed, index, storage, progress):
        if index:
            raise KeyboardInterrupt
        drawn(self, seed, index, storage, progress)

    monkeypatch.setattr(simulate.Blocks, "fill", stopped)
    with pytest.raises(KeyboardInterrupt) as caught:
        mc.simulate(experiment(mc.Replace()), 3000)
    assert caught.value.finished.replicates == 1024
