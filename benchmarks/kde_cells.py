"""The kernel density loops of the comparison, and how the answers of both sides are checked."""

from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from sklearn.neighbors import KernelDensity

import modelcollapse as mc
from benchmarks import paper_kde
from benchmarks.cells import ERRORS, WORKFLOWS, told_apart
from modelcollapse import testing
from modelcollapse.families.kde.plan import Plan
from modelcollapse.families.kde.simulate import Blocks
from modelcollapse.loop.blocks import Draws

TESTS = 500  # test rows, as in the paper
ROWS = 10_000  # of the moons, which batch 1 is drawn from with replacement
FINE, FAST = 1e-10, 1e-7  # nats
PAIRS = 2**20  # held at once by the reference
CLUSTERS = mc.NormalMixture(np.ones(3), 6 * np.eye(3, 10), np.tile(np.eye(10), (3, 1, 1)))
LABELS = {"moons": "moons", "normal": "N(0, 1)", "clusters": "three normals in d = 10"}
QUANTITY = "second_moment"


class Loop(NamedTuple):
    """One loop.

    Attributes
    ----------
    truth
        "moons" (d = 2), "normal" (d = 1) or "clusters" (d = 10).
    bandwidth
        A number, or the name of scikit-learn's rule.
    rounds
        Rounds of the paper's loop: one where it takes seconds.
    floors
        The ratio that the project aims at, by tolerance.
    repeats
        Repeats of the paper's loop in the small, enough to check its law.
    replicates
        Replicates of the simulator, likewise.
    """

    workflow: str
    truth: str
    bandwidth: float | str
    samples: int
    generations: int
    rounds: int
    floors: dict[float, int]
    repeats: int = 64
    replicates: int = 160

    @property
    def setting(self):
        """The truth and the bandwidth, in words."""
        rule = isinstance(self.bandwidth, str)
        return f"{LABELS[self.truth]}, {self.bandwidth if rule else f'h = {self.bandwidth}'}"

    @property
    def name(self):
        """The group of the benchmarks of this loop."""
        sizes = f"n = {self.samples}, T = {self.generations}"
        return f"{self.workflow}, {self.setting}, {sizes}"

    @property
    def checked(self):
        """The generations whose answers are checked, counted from 1."""
        T = self.generations
        return sorted({1, max(1, T // 10), T // 2, T})

    def data(self, seed):
        """Return the truth, and test rows (m, d) of the same law."""
        return data(self.truth, seed)

    def experiment(self, seed):
        """Return the experiment that both sides run."""
        truth, _ = self.data(seed)
        model = mc.KDE(self.bandwidth, dim=truth.dim)
        workflow = WORKFLOWS[self.workflow]
        return mc.Experiment(model, workflow, self.samples, self.generations, truth)


LOOPS = [
    Loop("accumulate", "moons", 0.1, 100, 100, 1, {FINE: 900}),
    Loop("replace", "moons", 0.5, 1000, 20, 3, {FINE: 15, FAST: 25}),
    Loop("replace", "moons", 0.1, 1000, 20, 3, {FINE: 15, FAST: 25}),
    Loop("accumulate-subsample", "moons", 0.5, 1000, 20, 3, {FINE: 15, FAST: 25}),
    Loop("accumulate-subsample", "moons", 0.1, 1000, 20, 3, {FINE: 15, FAST: 25}),
    Loop("replace", "clusters", 1.0, 1000, 20, 3, {FINE: 15}),
    Loop("accumulate", "moons", "scott", 1000, 20, 1, {FINE: 20, FAST: 100}),
    Loop("accumulate", "moons", "silverman", 1000, 20, 1, {FAST: 100}),
    Loop("accumulate", "normal", "scott", 1000, 20, 1, {FAST: 100}, 240),
    Loop("accumulate", "normal", "silverman", 1000, 20, 1, {FAST: 100}, 240),
]


@cache
def data(truth, seed):
    """Return a truth, and test rows (m, d) of the same law."""
    if truth == "moons":
        return mc.datasets.split("moons", ROWS, TESTS, seed)
    law = CLUSTERS if truth == "clusters" else mc.Normal.standard(1)
    return law, law.sample(TESTS, np.random.default_rng(seed))


def paper_run(loop, seed, tests=TESTS):
    """Run the paper's loop."""
    truth, held_out = loop.data(seed)
    real = truth.sample(loop.samples, np.random.default_rng(seed))
    return paper_kde.loop(
        loop.workflow, loop.bandwidth, real, held_out[:tests], loop.generations, seed
    )


def our_losses(loop, tolerance, seed):
    """Simulate one replicate and return its test losses, shape (generations,)."""
    _, tests = loop.data(seed)
    trajectories = mc.simulate(loop.experiment(seed), 1, seed, test=tests, tolerance=tolerance)
    return trajectories["test_log_loss"][0]


def our_rows(loop, seed):
    """Return the training rows of each generation of the first simulated replicate."""
    every = np.arange(loop.generations)
    plan = Plan(loop.experiment(seed), every + 1, every, frozenset(), None, FINE)
    choice, pools = Blocks(plan).genealogies(Draws(seed, 0), 1)
    return [choice.rows(pools[0], 0, t) for t in every.tolist()]


def bandwidth_for(rule, count, d):
    """Return what scikit-learn's rules say for `count` rows in d dimensions."""
    divisor = {"scott": 1.0, "silverman": 4 / (d + 2)}
    return (count / divisor[rule]) ** (-1 / (d + 4)) if isinstance(rule, str) else rule


def exact_log_densities(rows, tests, rule):
    """Return the log-densities at the test rows, shape (m,): all pairs, chunk by chunk."""
    count, d = rows.shape
    h = bandwidth_for(rule, count, d)
    logs, step = np.empty(len(tests)), max(1, PAIRS // count)
    for start in range(0, len(tests), step):
        squares = cdist(tests[start : start + step], rows, "sqeuclidean")
        logs[start : start + step] = logsumexp(-squares / (2 * h * h), axis=1)
    return logs - np.log(count) - d * np.log(h) - d / 2 * np.log(2 * np.pi)


def one_leaf(rows, tests, rule):
    """Return scikit-learn's log-densities from a tree with a single leaf: all pairs again."""
    model = KernelDensity(bandwidth=rule, leaf_size=len(rows) + 1)
    return model.fit(rows).score_samples(tests)


def assert_losses(loop, losses, rows, tolerance, seed):
    """Assert losses (generations,) under the training rows of each generation."""
    _, tests = loop.data(seed)
    for t in loop.checked:
        exact = -exact_log_densities(rows[t - 1], tests, loop.bandwidth).mean()
        np.testing.assert_allclose(losses[t - 1], exact, rtol=1e-12, atol=tolerance)


def second_moments(loop, rows, seed):
    """Return E|x - mu|^2 / tr S_0 over the rows of each checked generation."""
    truth, _ = loop.data(seed)
    total = float(np.sum(truth.spectrum))
    squares = [((rows[t - 1] - truth.mean) ** 2).sum(axis=1).mean() for t in loop.checked]
    return np.array(squares) / total


def near_misses(loop):
    """Return loops whose law the answers of this one must contradict.

    The second moments of accumulate and of accumulate-subsample have the same expectation.
    """
    workflow = "accumulate" if loop.workflow == "replace" else "replace"
    if isinstance(loop.bandwidth, str):  # the rule, as if the training set did not grow
        truth, _ = loop.data(0)
        other = bandwidth_for(loop.bandwidth, loop.samples, truth.dim)
    else:
        other = 1.5 * loop.bandwidth
    return [loop._replace(workflow=workflow), loop._replace(bandwidth=other)]


def assert_law(loop, values, seed):
    """Assert the mean second moments, values (repeats, checked), and reject each near miss."""
    theory = mc.predict(loop.experiment(seed))
    for t, column in zip(loop.checked, values.T, strict=True):
        claim, variance = theory[QUANTITY][t - 1], theory.variances[QUANTITY][t - 1]
        testing.assert_mean(column, claim, variance, **ERRORS)
    for near in near_misses(loop):
        miss = mc.predict(near.experiment(seed))
        pairs = zip(loop.checked, values.T, strict=True)
        assert any(told_apart(theory, miss, QUANTITY, t, column) for t, column in pairs), near


def smaller(loop):
    """Return a loop of the same kind that is quick, and whose near misses are far away."""
    rule = isinstance(loop.bandwidth, str)
    bandwidth = loop.bandwidth if rule else max(0.5, loop.bandwidth)
    return loop._replace(bandwidth=bandwidth, samples=50, generations=20)


def assert_paper_law(loop, seed):
    """Assert the law of the paper's loop, in the small: its rows and its bandwidths."""
    small = smaller(loop)
    runs = [paper_run(small, seed + repeat, tests=1) for repeat in range(loop.repeats)]
    assert_law(small, np.array([second_moments(small, run.trained, seed) for run in runs]), seed)


def assert_our_law(loop, seed):
    """Assert the law of the simulator, at full size."""
    e = loop.experiment(seed)
    trajectories = mc.simulate(e, loop.replicates, seed, at=loop.checked)
    assert_law(loop, trajectories[QUANTITY], seed)
