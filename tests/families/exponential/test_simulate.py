"""The simulator of the exponential families: exact laws, the slow loop, and every mean.

Two samples of one law: see `test_simulate_law.py`; with 300 runs of the loop and 20,000
replicates laws that differ by 0.44 are told apart. Means are tested by Catoni's estimator with
the predicted variance: 20,000 replicates tell means apart that differ by 0.1 standard deviations.
"""

from copy import copy

import numpy as np
import pytest
from scipy.special import bdtr, betainc, gammainc, ndtr, pdtr

import modelcollapse as mc
from modelcollapse._support.stream import opened
from modelcollapse.families.exponential import (
    Binomial,
    Gamma,
    HyperbolicSecant,
    NegativeBinomial,
    NormalMean,
    Poisson,
    kernels,
    secant,
)
from modelcollapse.families.exponential import simulate as room
from modelcollapse.families.exponential.families import GAMMA, NEGATIVE_BINOMIAL, poisson
from modelcollapse.families.exponential.simulate import Blocks, mixed
from modelcollapse.testing import assert_law, assert_mean, assert_same_law
from modelcollapse.workflows.sources import source_weights
from tests.helpers.plain_loops import bare
from tests.helpers.replay import Bootstrap, Halving

FAMILIES = {
    "normal": (NormalMean(2.0), -0.5),
    "poisson": (Poisson(), 0.8),
    "binomial": (Binomial(3), 1.0),
    "gamma": (Gamma(1.5), 2.0),
    "negative-binomial": (NegativeBinomial(2.0), 1.2),
    "secant": (HyperbolicSecant(1.5), 0.5),
    "secant-one": (HyperbolicSecant(), -1.0),
}
WORKFLOWS = {
    "replace": mc.Replace(),
    "accumulate": mc.Accumulate(),
    "subsample": mc.AccumulateSubsample(),
    "budget": mc.AccumulateSubsample(7),
    "window": mc.SlidingWindow(2),
    "keep-real": mc.KeepReal(),
    "share": mc.KeepReal(0.3),
    "weighted": mc.Weighted([[1], [0.5, 0.5], [0.25, 0.25, 0.5]]),
    "halving": Halving(),
    "fresh-data": mc.FreshData(2, 3),
    "fresh-weight": mc.FreshData(2, 3, 0.5),
    "web": mc.Web([2, 0], 3),
}


class Lopsided:
    """Someone else's random workflow: some rows, with random weights."""

    def training_rows(self, sizes, rng):
        """Return between two and all rows, distinct, and weights."""
        k = int(rng.integers(2, sum(sizes) + 1))
        return rng.permutation(sum(sizes))[:k], rng.random(k)


class Drawn(mc.Normal):
    """A family's truth, for the plain loop, which takes the package's data truths."""

    @classmethod
    def of(cls, truth):
        """Return a truth with the given one's moments and rows."""
        self = cls(truth.mean, truth.covariance)
        object.__setattr__(self, "truth", truth)
        return self

    def sample(self, n, rng):
        """Draw n rows."""
        return self.truth.sample(n, rng)


def loop(model, mean, workflow, sizes=None, generations=3):
    """Return an experiment of three uneven generations."""
    if sizes is None:
        sizes = 6 if isinstance(workflow, (mc.FreshData, mc.Web)) else [6, 4, 5]
    return mc.Experiment(model, workflow, sizes, generations, truth=mean)


def total_law(model, mean, n):
    """Return the cdf of the sum of n rows."""
    if isinstance(model, NormalMean):
        return lambda x: ndtr((x - n * mean) / np.sqrt(model.variance * n))
    if isinstance(model, Poisson):
        return lambda x: counted(x, lambda k: pdtr(k, n * mean))
    if isinstance(model, Binomial):
        N, p = n * model.trials, mean / model.trials
        return lambda x: counted(x, lambda k: bdtr(np.minimum(k, N), N, p))
    if isinstance(model, Gamma):
        return lambda x: gammainc(n * model.shape, model.shape * np.maximum(x, 0) / mean)
    if isinstance(model, NegativeBinomial):
        r, p = n * model.size, model.size / (model.size + mean)
        return lambda x: counted(x, lambda k: betainc(r, k + 1, p))
    return secant_law(n * model.size, mean / model.size)


def counted(x, cdf):
    """Return the cdf of a count at any real numbers."""
    return np.where(x < 0, 0.0, cdf(np.maximum(np.floor(x), 0.0)))


def secant_law(size, tangent):
    """Return the cdf by the trapezoidal rule with 40,000 steps.

    Sizes from 1 on are smooth on the scale of their standard deviation, smaller ones have a core
    as wide as the size: x = size * sinh(y). The error is below 1e-5, where 0.01 is chance.
    """
    if size >= 1:
        x = size * tangent + np.sqrt(size * (1 + tangent**2)) * np.linspace(-50, 50, 40_001)
    else:
        x = size * np.sinh(np.linspace(-12, 12, 40_001))
    values = np.exp(secant.log_density(x, size, tangent))
    total = np.concatenate([[0.0], np.cumsum((values[1:] + values[:-1]) / 2 * np.diff(x))])
    assert total[-1] == pytest.approx(1, abs=1e-5)
    return lambda z: np.minimum(np.interp(z, x, total), 1.0)


@pytest.mark.parametrize("n", [1, 4, 60])
@pytest.mark.parametrize("name", FAMILIES)
def test_batch_means_have_their_exact_law(name, n, seed):
    """100,000 draws tell laws apart that differ by 0.021; single rows, few and many."""
    model, mean = FAMILIES[name]
    total = n * model.batch_means(np.random.default_rng([seed, n]), np.full(100_000, mean), n)
    if model.counts:
        np.testing.assert_allclose(total, np.rint(total), rtol=1e-14)
        total = np.rint(total)
    assert_law(total, total_law(model, mean, n))


COMPILED = FAMILIES | {"small-gamma": (Gamma(0.1), 2.0), "coin": (Binomial(), 0.7)}


@pytest.mark.parametrize("n", [1, 4, 60])
@pytest.mark.parametrize("name", [name for name, (model, _) in COMPILED.items() if model.kernel])
def test_compiled_batch_means_have_their_exact_law(name, n, seed):
    """As above, where every second replicate has another mean, which must not matter."""
    model, mean = COMPILED[name]
    (law, parameter), means, drawn = model.kernel, np.full(200_000, mean), np.empty(200_000)
    means[1::2] *= 0.9
    places, table = kernels.tables(law, parameter, np.array([n]))
    assert (places[0] == 0) == (law in (GAMMA, NEGATIVE_BINOMIAL) and n * parameter > 23)
    polynomial = table[0, 0] if places[0] == 0 else kernels.NONE
    kernels.batch_means(opened(seed, n), law, parameter, n, polynomial, means, drawn)
    total = n * drawn[::2]
    if model.counts:
        np.testing.assert_allclose(total, np.rint(total), rtol=1e-14)
        total = np.rint(total)
    assert_law(total, total_law(model, mean, n))


@pytest.mark.parametrize("newest", [True, False])
@pytest.mark.parametrize("name", [name for name, (model, _) in COMPILED.items() if model.kernel])
def test_a_compiled_loop_is_the_loop_over_its_batches(name, newest):
    """From the same stream, with sizes of which a polynomial is reached, or not."""
    (model, mean), sizes = COMPILED[name], np.array([40, 3, 90, 5])
    (law, parameter), slots = model.kernel, np.array([-1, 0, 1, 2])
    places, table = kernels.tables(law, parameter, sizes)
    found = np.empty((600, 3))
    start = np.full(600, mean)
    kernels.one_slot(opened(1), law, parameter, sizes, places, table, newest, slots, start, found)
    stream, fits, batch, pool = opened(1), np.full(600, mean), np.empty(600), 0
    for t, n in enumerate(sizes.tolist()):
        polynomial = table[places[t], 0] if places[t] >= 0 else kernels.NONE
        kernels.batch_means(stream, law, parameter, n, polynomial, fits, batch)
        pool += n
        fits = batch.copy() if newest else fits + n / pool * (batch - fits)
        if t:
            assert found[:, t - 1] == pytest.approx(fits, rel=1e-12)
            fits = found[:, t - 1].copy()


@pytest.mark.parametrize(
    ("size", "tangent"),
    [
        *((0.2, 0.0), (0.5, 3.0), (0.9, -8.0), (1.0, 8.0), (1.01, 8.0), (1.7, -2.0)),
        *((7.5, 0.3), (12.0, 1.0), (13.0, 1.0), (24.5, -1.5), (3000.0, 0.7)),
    ],
)
def test_secant_laws_of_every_route(size, tangent, seed):
    """Sums, the log-concave hat with and without Stirling, and the Cauchy core."""
    drawn = secant.draw(np.random.default_rng(seed), size, np.full(100_000, tangent))
    assert_law(drawn, secant_law(size, tangent))


@pytest.mark.parametrize("size", [0.6, 2.5, 3, 40.5])
def test_different_tilts_at_once(size, seed):
    """Each entry has its own tilt."""
    tangents = np.repeat([[-3.0], [0.0], [0.5], [6.0]], 20_000, axis=1)
    drawn = secant.draw(np.random.default_rng(seed), size, tangents)
    for row, tangent in zip(drawn, tangents[:, 0], strict=True):
        assert_law(row, secant_law(size, tangent))


def test_huge_poisson_counts():
    """Beyond NumPy's range a count is a float, within 40 standard deviations of its rate."""
    rate = np.array([3.0, 1e19, 1e30, 0.0])
    drawn = poisson(np.random.default_rng(0), rate)
    assert (np.abs(drawn - rate) <= 40 * np.sqrt(rate) + 10).all()
    assert drawn[3] == 0


@pytest.mark.parametrize("workflow", WORKFLOWS)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_under_every_workflow(family, workflow, seed):
    """Each predicted mean with its predicted variance, at each generation."""
    model, mean = FAMILIES[family]
    e = loop(model, mean, WORKFLOWS[workflow])
    p = mc.predict(e)
    count = 4_000 if family == "secant" and "AccumulateSubsample" in repr(e.workflow) else 20_000
    runs = mc.simulate(e, count, seed)
    for quantity in p.variances:
        for t in range(3):
            spread = p.variances[quantity][t]
            if spread == 0:
                assert np.all(runs[quantity][:, t] == p[quantity][t])
            else:
                assert_mean(runs[quantity][:, t], p[quantity][t], spread)
    assert {"mean", "squared_error", "inflation"} <= set(p.variances)
    if model.counts and "absorbed" in p:
        assert "absorbed" in p.variances


AGAINST_LOOP = {
    "normal-subsample": ("normal", mc.AccumulateSubsample(4)),
    "poisson-replace": ("poisson", mc.Replace()),
    "poisson-fresh": ("poisson", mc.FreshData(2, 3, 0.5)),
    "binomial-bootstrap": ("binomial", Bootstrap()),
    "binomial-subsample": ("binomial", mc.AccumulateSubsample()),
    "gamma-accumulate": ("gamma", mc.Accumulate()),
    "gamma-lopsided": ("gamma", Lopsided()),
    "negative-binomial-web": ("negative-binomial", mc.Web(1, 2)),
    "negative-binomial-share": ("negative-binomial", mc.KeepReal(0.3)),
    "secant-window": ("secant", mc.SlidingWindow(2)),
    "secant-one-halving": ("secant-one", Halving()),
}


@pytest.mark.parametrize("name", AGAINST_LOOP)
def test_simulator_has_the_loops_law(name, seed):
    """Squared error and fitted variance of the last two generations, against `run` on rows.

    `run` draws batches of rows from the model alone, so that workflows with fresh real rows are
    run here row by row.
    """
    family, workflow = AGAINST_LOOP[name]
    model, mean = FAMILIES[family]
    e, runs = loop(model, mean, workflow), 300
    refreshing = isinstance(workflow, (mc.FreshData, mc.Web))
    slow = by_rows if refreshing else by_run
    start = np.random.SeedSequence(seed, spawn_key=(1,)).generate_state(runs).tolist()
    found = np.array([slow(e, s) for s in start])
    simulated = mc.simulate(
        e, 2_000 if name.split("-")[-1] in ("bootstrap", "lopsided") else 20_000
    )
    for i, quantity in enumerate(("squared_error", "variance")):
        for t in (1, 2):
            # Counts have atoms, which two orders of adding round differently.
            pair = simulated[quantity][:, t], found[:, i, t]
            assert_same_law(*(np.round(values, 9) for values in pair))


@bare()
def by_run(e, seed):
    """Return squared errors and variances of one run of the plain loop."""
    run = mc.run(e.model, Drawn.of(e.truth), e.workflow, e.sizes, e.generations, seed)
    assert run.completed
    return run["squared_error"], run["variance"]


def by_rows(e, seed):
    """Return the same of a loop whose batches begin with fresh real rows."""
    rng, rows, fits = np.random.default_rng(seed), [], []
    model = copy(e.model)
    for t, n in enumerate(e.sizes.tolist(), start=1):
        fresh = n if t == 1 else e.workflow.real_rows(t)
        rows.append(e.truth.sample(fresh, rng))
        if n > fresh:
            rows.append(model.sample(n - fresh, rng))
        chosen = e.workflow.training_rows(e.sizes[:t].tolist(), rng)
        chosen, weights = chosen if isinstance(chosen, tuple) else (chosen, None)
        model.fit(np.concatenate(rows)[chosen], sample_weight=weights)
        fits.append((model.mean_[0], model.covariance_[0, 0]))
    mean, variance = np.array(fits).T
    return (mean - e.truth.value) ** 2 / e.truth.variance, variance / e.truth.variance


@pytest.mark.parametrize("workflow", [w for w in WORKFLOWS if w not in ("subsample", "budget")])
def test_a_fit_is_the_weighted_mean_of_its_batches(workflow, monkeypatch):
    """Driven by the same draws: the weights of `source_weights` on the drawn batch means.

    Replace and accumulate call nothing for a batch if they are compiled: see above.
    """
    if workflow in ("replace", "accumulate"):
        monkeypatch.setattr(Gamma, "kernel", None)
    e = loop(Gamma(1.5), 2.0, WORKFLOWS[workflow])
    drawn, given_to, real_draw = [], [], Blocks._batch

    def spy(self, rng, mean, n):
        batch = real_draw(self, rng, mean, n)
        drawn.append((batch.copy(), n))
        given_to.append(mean.copy())
        return batch

    monkeypatch.setattr(Blocks, "_batch", spy)
    errors = mc.simulate(e, 10)["mean"]
    fits = errors * np.sqrt(e.truth.variance) + e.truth.value
    parts, calls = [], iter(zip(drawn, given_to, strict=True))
    for t, size in enumerate(e.sizes.tolist(), start=1):
        fresh = size if t == 1 else 0
        if isinstance(e.workflow, (mc.FreshData, mc.Web)) and t > 1:
            fresh = e.workflow.real_rows(t)
        values = {}
        for kind, rows in (("real", fresh), ("drawn", size - fresh)):
            if rows:
                (values[kind], n), mean = next(calls)
                assert n == rows
                parent = e.truth.value if kind == "real" else fits[:, t - 2]
                assert mean == pytest.approx(np.broadcast_to(parent, 10), rel=1e-12)
        parts.append(values)
        real, sampled = source_weights(e.workflow, e.sizes[:t].tolist())
        total = sum(
            w * parts[s][kind]
            for kind, weights in (("real", real), ("drawn", sampled))
            for s, w in enumerate(weights)
            if w
        )
        assert fits[:, t - 1] == pytest.approx(total, rel=1e-12)
    assert next(calls, None) is None


def test_a_subsample_is_a_mean_of_distinct_rows(monkeypatch):
    """Each fit is the mean of k distinct rows of the pool of its generation."""
    from modelcollapse.families.exponential import plans

    seen, real_means = [], plans.chosen_means

    def spy(pool, plan, t, k, means):
        real_means(pool, plan, t, k, means)
        seen.append((pool.copy(), plan.copy(), t, int(k), means.copy()))

    monkeypatch.setattr(plans, "chosen_means", spy)
    e = loop(HyperbolicSecant(), 0.5, mc.AccumulateSubsample(7))
    errors = mc.simulate(e, 20)["mean"]
    ends = np.cumsum(e.sizes)
    for pool, plan, t, k, means in seen:
        assert k == min(7, ends[t])
        for r in range(20):
            rows = plan[r, t, :k]
            assert len(set(rows.tolist())) == k
            assert rows.min() >= 0
            assert rows.max() < ends[t]
            assert means[r] == pytest.approx(pool[r, rows].mean(), rel=1e-12)
        fits = errors[:, t] * np.sqrt(e.truth.variance) + e.truth.value
        assert means == pytest.approx(fits, rel=1e-12)
    assert len(seen) == 3


@pytest.mark.parametrize("workflow", ["replace", "subsample", "share", "web", "bootstrap"])
def test_same_bits(workflow):
    """Whatever the jobs and the recorded generations are; and other bits for another seed."""
    workflow = Bootstrap() if workflow == "bootstrap" else WORKFLOWS[workflow]
    e = loop(NegativeBinomial(2.0), 1.2, workflow)
    whole = mc.simulate(e, 1100, seed=3)
    parts = mc.simulate(e, 1100, seed=3, at=[2], jobs=2)
    other = mc.simulate(e, 1100, seed=4)
    reported = []
    again = mc.simulate(e, 1100, seed=3, at=[1, 3], progress=reported.append)
    for quantity in whole:
        assert parts[quantity].tobytes() == whole[quantity][:, [1]].tobytes()
        assert again[quantity].tobytes() == whole[quantity][:, [0, 2]].tobytes()
    assert not np.array_equal(whole["squared_error"], other["squared_error"])
    assert sum(reported) == 1100


@pytest.mark.parametrize(
    "workflow",
    [w for w in WORKFLOWS if w not in ("subsample", "fresh-data", "fresh-weight", "web")],
)
@pytest.mark.parametrize("family", ["poisson", "binomial", "negative-binomial"])
def test_absorption_stays(family, workflow):
    """Where only sampled rows come in, a degenerate fit stays, exactly at the boundary.

    Fresh real rows bring a loop back, and so may other rows of the pool in the next subsample.
    """
    model, _ = FAMILIES[family]
    e = loop(model, 0.3, WORKFLOWS[workflow], sizes=[2, 3, 2])
    runs = mc.simulate(e, 3000)
    stuck = runs["absorbed"]
    assert set(np.unique(stuck)) == {0.0, 1.0}
    assert (np.diff(stuck, axis=1) >= 0).all()
    assert np.array_equal(stuck == 1, runs["variance"] == 0)
    assert stuck[:, 0].sum() > 0


def test_a_hundred_thousand_generations():
    """Gamma under replace underflows to 0 and stays there; a binomial ends at an end."""
    e = mc.Experiment(Gamma(), mc.Replace(), 5, 100_000)
    runs = mc.simulate(e, 50, at=[10, 100_000])
    assert (runs["variance"][:, 0] > 0).all()
    assert (runs["variance"][:, 1] == 0).all()
    e = mc.Experiment(Binomial(), mc.Replace(), 10, 2_000)
    runs = mc.simulate(e, 50, at=[2_000])
    assert (runs["absorbed"] == 1).all()
    assert (runs["squared_error"] == 1).all()


def test_gamma_is_never_absorbed():
    """The quantity is there for counts only, and says so."""
    runs = mc.simulate(loop(Gamma(), 1.0, mc.Replace()), 3)
    assert "absorbed" not in runs
    with pytest.raises(mc.NoClosedForm, match="never degenerate"):
        runs["absorbed"]


def test_the_normal_mean_has_its_exact_law(seed):
    """One normal law per generation, under any deterministic workflow; none under subsampling."""
    for workflow in (mc.Accumulate(), mc.FreshData(2, 3, 0.5), mc.KeepReal(0.3)):
        e = loop(NormalMean(2.0), -0.5, workflow)
        runs, laws = mc.simulate(e, 50_000, seed)["mean"], mc.predict(e).laws["mean"]
        for t, law in enumerate(laws):
            assert (law.mean, law.variance) == (0.0, mc.predict(e)["squared_error"][t])
            assert_law(runs[:, t], law.cdf)
    with pytest.raises(mc.NoClosedForm, match="deterministic"):
        mc.predict(loop(NormalMean(), 0.0, mc.AccumulateSubsample())).laws["mean"]


@pytest.mark.parametrize(
    ("workflow", "most"),
    [(mc.Web(2, 3), 3), (mc.FreshData(2, 3), 4), (mc.SlidingWindow(3), 4), (mc.KeepReal(), 3)],
    ids=repr,
)
def test_little_is_remembered(workflow, most, monkeypatch):
    """Means are kept of what the workflow's memory keeps, and of the newest batch: O(T) in all."""
    kept = []
    monkeypatch.setattr(
        room, "mixed", lambda slots, weights: kept.append(len(slots)) or mixed(slots, weights)
    )
    mc.simulate(mc.Experiment(mc.NormalMean(), workflow, 5, 40), 2)

    assert max(kept) == most
