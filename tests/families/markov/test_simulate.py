"""The simulator of language by counts: its law, its bits, its extremes."""

from functools import cache

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse._support.stream import opened
from modelcollapse.families.markov import kernels, runs, simulate
from modelcollapse.families.markov.texts import transitions
from modelcollapse.testing import assert_bounded_mean, assert_mean, assert_same_law
from tests.families.markov.test_estimator import SOME, TWO, language
from tests.helpers.markov_oracle import loops
from tests.helpers.replay import Bootstrap, Halving

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
QUANTITIES = ("excess", "absent", "missing_mass", "squared_error", "collapsed", "length")


def experiment(workflow, samples=None, smoothing=0.0, truth=TWO, generations=3):
    """Return an experiment of a small language."""
    model = mc.Markov(truth.words, truth.order, smoothing)
    return mc.Experiment(model, workflow, samples or SIZES, generations, truth=truth)


@pytest.fixture(params=["lists", "tables"])
def each_way(request, monkeypatch):
    """Simulate by lists of what was seen, or by tables, where both can be."""
    lists = request.param == "lists"

    def chosen(self):
        kind = self.e.schedule
        return kind.kind == "subset" or (lists and kind.starts is not None)

    monkeypatch.setattr(simulate.Blocks, "_listed", chosen)
    return request.param


def both_same(simulated, by_loop):
    """Hold two samples to one law; infinite values and values a rounding apart are equal ones."""
    finite = [np.where(np.isinf(v), 1e9, np.asarray(v)).round(9) for v in (simulated, by_loop)]
    assert_same_law(*finite)


@cache
def by_loop(name, smoothing, seed):
    """Return runs of the plain loop, which both ways are held to."""
    return loops(TWO, WORKFLOWS[name], SIZES, 200, seed, smoothing)


@cache
def of_order(order, smoothing, seed):
    """Return runs of the plain loop with contexts of so many words, under accumulate."""
    return loops(language(order), mc.Accumulate(), SIZES, 200, seed, smoothing)


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
@pytest.mark.parametrize("name", WORKFLOWS)
def test_simulator_has_the_loops_law(name, smoothing, each_way, seed):
    """Every quantity of the last two generations, against dictionaries in the plain loop."""
    e = experiment(WORKFLOWS[name], smoothing=smoothing)
    if each_way == "tables" and name in ("subsample", "budget", "halving", "bootstrap"):
        pytest.skip("there is one way")
    slow = by_loop(name, smoothing, seed)
    fast = mc.simulate(e, 400 if name in ("halving", "bootstrap") else 20_000, seed)
    for quantity in fast:
        own = "distance" if quantity == "squared_error" else quantity
        for t in (1, 2):
            both_same(fast[quantity][:, t], [run[own][t] for run in slow])


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_the_second_order_has_the_loops_law(smoothing, seed):
    """Contexts of two words, and of three."""
    for order in (2, 3):
        truth = language(order)
        e = experiment(mc.Accumulate(), smoothing=smoothing, truth=truth)
        slow = of_order(order, smoothing, seed)
        fast = mc.simulate(e, 10_000, seed)
        for quantity in fast:
            own = "distance" if quantity == "squared_error" else quantity
            both_same(fast[quantity][:, 2], [run[own][2] for run in slow])


def chosen(workflow, sizes, real):
    """Yield the rows of each generation and their weights, for workflows with fresh texts."""
    for t, (n, r) in enumerate(zip(sizes, real, strict=True)):
        total = sum(sizes[: t + 1])
        first = 0 if workflow.name == "web" else total - n
        weights = None
        if t and getattr(workflow, "weight", None):
            share = workflow.weight
            weights = np.array([share / r] * r + [(1 - share) / (n - r)] * (n - r))
        yield np.arange(first, total), weights


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("workflow", [mc.FreshData(2, 3), mc.Web(1, 3), mc.FreshData(2, 3, 0.6)])
def test_fresh_texts_have_the_law_text_by_text(workflow, smoothing, each_way, seed, monkeypatch):
    """Real and sampled parts of a batch, against explicit texts of both."""
    e = experiment(workflow, 6, smoothing, SOME)
    if each_way == "lists" and e.schedule.starts is None:
        pytest.skip("weights need tables")
    fast = mc.simulate(e, 10_000, seed)
    blocks, rng = simulate.Blocks(e, np.array([1, 2, 3])), np.random.default_rng(seed)
    slow = np.empty((200, 3, len(blocks.names)))
    sizes = e.sizes.tolist(), e.schedule.real.tolist()
    monkeypatch.setattr(type(e.schedule), "chosen", lambda _, __: chosen(workflow, *sizes))
    for row in slow:
        blocks._texts(rng, row)
    for i, quantity in enumerate(blocks.names):
        for t in (1, 2):
            both_same(fast[quantity][:, t], slow[:, t, i])


def test_edited_texts_have_the_loops_law(seed):
    """A set that is edited goes text by text."""
    e = experiment(mc.Edit(rows=2), 6)
    slow = loops(TWO, e.workflow, 6, 300, seed)
    fast = mc.simulate(e, 400, seed)
    for quantity in ("absent", "squared_error", "length"):
        own = "distance" if quantity == "squared_error" else quantity
        both_same(fast[quantity][:, 2], [run[own][2] for run in slow])


@pytest.mark.parametrize("n", [3, 300, 30_000])
def test_texts_at_once_have_the_law_of_texts_one_by_one(n, seed):
    """Word by word, by conditional binomials, and mixed: transitions and lengths."""
    rng, stream = np.random.default_rng(seed), opened(seed)
    p, base, reps = SOME.probabilities, SOME.base, 400
    counts = np.zeros((reps, *p.shape), dtype=np.int64)
    assert kernels.all_walked(stream, n, np.tile(p, (reps, 1, 1)), base, 2**52, counts)
    assert (counts[:, :, -1].sum(axis=1) == n).all()
    assert (counts[:, 0].sum(axis=1) == n).all()
    # What comes to a context leaves it.
    for w in range(3):
        assert np.array_equal(counts[:, :, w].sum(axis=1), counts[:, 1 + w].sum(axis=1))
    words = counts.sum(axis=(1, 2)) - n
    assert_mean(words.astype(float), n * SOME.length, n * float(SOME.covariance[0, 0]))
    if n < 1000:
        one_by_one = np.zeros((reps, *p.shape))
        for r in range(reps):
            context, outcome, _ = transitions(SOME.sample(n, rng), 3, 1)
            np.add.at(one_by_one[r], (context, outcome), 1)
        for c, j in ((0, 0), (1, 3), (2, 0), (3, 1)):
            both_same(counts[:, c, j], one_by_one[:, c, j])


def test_lists_grow(seed):
    """Room for texts is found as it is needed, and ends at the most."""
    e = experiment(mc.Accumulate(), 5, 0.2, language(2))
    blocks = simulate.Blocks(e, np.array([1, 2, 3]))
    found = []
    for room in (1, 10_000):
        stream, out = opened(seed), np.empty((20, 3, 6))
        true_run = runs.run

        def run(*args, room=room, true_run=true_run):
            return true_run(*args[:-3], room, *args[-2:])

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(runs, "run", run)
            blocks._lists(stream, out)
        found.append(out)
    assert np.array_equal(*found)


@pytest.mark.usefixtures("each_way")
def test_texts_that_grow_without_end(monkeypatch):
    """A cap on the words of a batch says what to do."""
    monkeypatch.setattr(simulate, "MOST_LISTED", 500)
    monkeypatch.setattr(simulate, "MOST_COUNTED", 500)
    with pytest.raises(mc.InvalidInput, match=r"samples = 300: .* grown beyond 500 words; give"):
        mc.simulate(experiment(mc.Replace(), 300), 5)


def test_subsets_of_too_many_texts(monkeypatch):
    """They need all texts, and say so before anything is drawn."""
    monkeypatch.setattr(simulate, "MOST_LISTED", 500)
    with pytest.raises(mc.InvalidInput, match="subsets need all texts"):
        mc.simulate(experiment(mc.AccumulateSubsample(), 500), 5)


@pytest.mark.parametrize("name", ["replace", "subsample", "share", "bootstrap"])
@pytest.mark.parametrize("truth", [TWO, language(2, 12)])
def test_same_bits(name, truth):
    """Whatever is recorded and however the work is cut, the numbers are the same bits."""
    e = experiment(WORKFLOWS[name], truth=truth)
    count = 30 if name == "bootstrap" else 1500
    whole = mc.simulate(e, count, 3)
    some = mc.simulate(e, count, 3, at=[2], jobs=1 if name == "bootstrap" else 2)
    for quantity in QUANTITIES:
        assert np.array_equal(some[quantity][:, 0], whole[quantity][:, 1])


def test_collapse_is_to_one_text():
    """Under replace one text is left, which comes to no context twice."""
    late = mc.simulate(experiment(mc.Replace(), 6, 0.0, SOME, 400), 100, at=[400])
    assert late["collapsed"].all()
    assert (late["length"] <= 3).all()
    assert np.array_equal(late["absent"], SOME.possible - 1 - late["length"])
    assert np.isposinf(late["excess"]).all()


def test_huge_batches_follow_the_law_of_many_texts(seed):
    """10^10 texts: the excess is k/2n times that of the workflow, and no digit is lost."""
    for workflow in (mc.Replace(), mc.Accumulate()):
        e = experiment(workflow, 10**10, 0.0, SOME, 5)
        law = mc.solver.excess_loss(e.schedule, e.sizes, parameters=SOME.parameters)
        runs_ = mc.simulate(e, 4_000, seed)["excess"] / law
        # Under replace half a sum of k squares of normal numbers: variance 2/k; then less.
        assert_mean(runs_[:, 0], 1.0, 2 / SOME.parameters)
        assert_mean(runs_[:, 4], 1.0, 2 / SOME.parameters)


def test_fixed_contexts_are_discrete_loops(seed):
    """Every predicted mean, with and without smoothing."""
    for workflow in (mc.Replace(), mc.Accumulate(), mc.SlidingWindow(2), mc.KeepReal(0.3)):
        for smoothing in (0.0, 0.4):
            model = mc.Markov(2, 1, smoothing, "fixed")
            e = mc.Experiment(model, workflow, 12, 3, truth=TWO)
            p, found = mc.predict(e), mc.simulate(e, 20_000, seed)
            for name in ("absent", "missing_mass", "squared_error", "collapsed"):
                for t in range(3 if name in p.variances else 0):
                    if p.variances[name][t] > 1e-6:
                        assert_mean(found[name][:, t], p[name][t], p.variances[name][t])
            if "excess" in p and smoothing:
                # Smoothed fits are bounded away from zero, and so is the loss above.
                values, most = found["excess"][:, 2], 5 * np.log((12 * 3 * 3 + 1.2) / 0.4)
                assert_bounded_mean(values, p["excess"][2], 0.0, most)
