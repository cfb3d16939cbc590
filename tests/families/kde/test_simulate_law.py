"""The kernel density simulator against the plain loop in law, and against every predicted mean.

Two samples of one law: see `test_simulate_law.py`, whose radius is used here; with 300 runs of the
loop and 20,000 replicates laws that differ by 0.44 are told apart (0.54 with the 2,000 that ask
Python for their rows). Means are tested by Catoni's estimator: 20,000 replicates tell means apart
that differ by 0.1 standard deviations. And rows are traced back to their parents.
"""

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.families.kde import simulate as room
from modelcollapse.loop.blocks import Draws
from modelcollapse.loop.experiment import Request
from modelcollapse.testing import assert_law, assert_mean, assert_same_law
from tests.helpers.plain_loops import plain_loops
from tests.helpers.replay import Bootstrap, Halving

DATA = np.random.default_rng(1).exponential(size=(25, 2)) @ np.array([[2.0, 1.0], [0.0, 1.0]])
MIX = mc.NormalMixture([1, 2], [-2.0, 1.0], [0.25, 1.0])
PLANE = mc.NormalMixture([1, 1], [[0.0, 0.0], [3.0, 1.0]], [np.eye(2), [[2.0, 0.5], [0.5, 1.0]]])
SIZES = [6, 4, 5]


class Lopsided:
    """Someone else's random workflow: some rows, with random weights, one of them zero."""

    def training_rows(self, sizes, rng):
        """Return between two and all rows, distinct, and weights."""
        k = int(rng.integers(2, sum(sizes) + 1))
        weights = rng.random(k)
        weights[-1] = 0.0
        return rng.permutation(sum(sizes))[:k], weights


def loop(model, workflow, truth=MIX):
    """Return an experiment of three generations."""
    return mc.Experiment(model, workflow, SIZES, 3, truth=truth)


EXPERIMENTS = {
    "replace": loop(mc.KDE([0.5, 1.0, 0.7]), mc.Replace()),
    "accumulate": loop(mc.KDE("scott", dim=2), mc.Accumulate(), DATA),
    "subsample": loop(mc.KDE(0.8, dim=2), mc.AccumulateSubsample(), PLANE),
    "budget": loop(mc.KDE(mc.PowerBandwidth(1.0, 0.5)), mc.AccumulateSubsample(3)),
    "window": loop(mc.KDE(1.0, "tophat", 2), mc.SlidingWindow(2), DATA),
    "keep-real": loop(mc.KDE("silverman", "epanechnikov"), mc.KeepReal()),
    "share": loop(mc.KDE(0.8, dim=2), mc.KeepReal(0.3), PLANE),
    "halving": loop(mc.KDE(0.0), Halving()),
    "bootstrap": loop(mc.KDE(0.8), Bootstrap()),
    "lopsided": loop(mc.KDE(0.8, dim=2), Lopsided(), PLANE),
    "scaled": loop(mc.KDE("scipy-scott", dim=2), mc.Accumulate(), DATA),
    "scaled-share": loop(mc.KDE("scipy-silverman"), mc.KeepReal(0.3)),
    "scaled-subsample": loop(mc.KDE("scipy-scott", "tophat"), mc.AccumulateSubsample(4)),
}
NAMES = pytest.mark.parametrize("name", EXPERIMENTS)
PYTHON = ("bootstrap", "lopsided")  # workflows asked row by row
PREDICTED = [name for name in EXPERIMENTS if name not in PYTHON]


def second_moment(model, X, truth):
    """Return the weighted mean of |x - mu_0|^2 over tr S_0."""
    del X
    square = ((model.rows_ - truth.mean) ** 2).sum(axis=1)
    return model.weights_ @ square / np.trace(truth.covariance)


def central_variance(model, X, truth):
    """Return the weighted variance about the mean of the rows over tr S_0."""
    del X
    gaps = model.rows_ - model.weights_ @ model.rows_
    return model.weights_ @ (gaps**2).sum(axis=1) / np.trace(truth.covariance)


@NAMES
def test_simulator_has_the_loops_law(name, seed):
    """Moments of the training rows and the test loss, of the last two generations."""
    e, runs = EXPERIMENTS[name], 300
    test = np.linspace(-1, 1, 2 * e.model.dim).reshape(2, -1)
    scored = name != "halving" and e.model.kernel.name == "gaussian"
    metrics = {"second": second_moment, "central": central_variance}
    given = e.model, e.truth, e.workflow, e.sizes, 3, runs, seed
    loops = plain_loops(*given, metrics=metrics, test=test if scored else None)
    count = 2_000 if name in PYTHON else 20_000
    if name.startswith("scaled"):
        count = 3_000
    simulated = mc.simulate(e, count, seed, test=test if scored else None)

    names = {"second": "second_moment", "central": "central_variance"}
    if scored:
        names["test_log_loss"] = "test_log_loss"
    for by_loop, quantity in names.items():
        for t in (1, 2):
            values = np.array([run[by_loop][t] for run in loops])
            assert_same_law(simulated[quantity][:, t], values)


@pytest.mark.parametrize("name", PREDICTED)
def test_every_predicted_mean(name, seed):
    """Second moments with their predicted variance; central variances and errors with a bound.

    V is at most Q, so that E V^2 <= E Q^2; an integrated squared error is at most twice the sum
    of the truth's squared norm and the density's, which is at most that of the kernel.
    """
    e = EXPERIMENTS[name]
    prediction = mc.predict(e)
    scored = "mise" in prediction.expected and e.model.kernel.name == "gaussian"
    scored = scored and np.isfinite(prediction["mise"]).all()
    runs = mc.simulate(e, 20_000, seed, extra=["mise"] if scored else [])

    for t in range(3):
        mean = prediction["second_moment"][t]
        if "second_moment" in prediction.variances:
            spread = prediction.variances["second_moment"][t]
            assert_mean(runs["second_moment"][:, t], mean, spread)
            raw = spread + mean**2
            assert_mean(runs["central_variance"][:, t], prediction["central_variance"][t], raw)
        if scored:
            norm = e.model.kernel.squared_norm(1)
            h = {"replace": [0.5, 1.0, 0.7], "budget": 1 / np.sqrt([1, 2, 3])}[name][t]
            most = 2 * (1 / np.sqrt(4 * np.pi * 0.25) + norm / h)
            assert_mean(runs["mise"][:, t], prediction["mise"][t], most * prediction["mise"][t])


def genealogies(e, count, seed):
    """Return who trains on what, and all rows of some replicates."""
    request = Request(count, seed, np.arange(1, e.generations + 1))
    blocks = room.Blocks(room._plan(e, request))
    return blocks.genealogies(Draws(seed), count)


def used_rows(choice, r):
    """Return the rows that train a replicate; beyond its count a table holds what was there."""
    counts = choice.counts[min(r, len(choice.counts) - 1)]
    return np.concatenate([row[:k] for row, k in zip(choice.tables[r], counts, strict=True)])


@pytest.mark.parametrize("name", ["replace", "subsample", "share", "lopsided", "scaled"])
def test_rows_are_training_rows_plus_noise(name, seed):
    """Given all rows so far, a new row's law is the mixture of kernels on the training rows.

    Its distribution function there is uniform, for each coordinate: with 600 rows laws that
    differ by 0.27 are told apart.
    """
    from scipy.special import ndtr

    e = EXPERIMENTS[name]
    choice, pools = genealogies(e, 600, seed)
    ends = np.cumsum(e.sizes)
    for t in range(2):
        uniform = []
        for r, pool in enumerate(pools):
            rows, weights = choice.rows(pool, r, t), choice.weights(r, t)
            model = mc.KDE(e.model.bandwidth, dim=e.model.dim).fit(rows, None, weights, t + 1)
            if name != "scaled":
                expected = room._bandwidths(e)[0][t]
                assert model.bandwidth_ == pytest.approx(expected, rel=1e-12)
            noise = np.eye(e.model.dim) if model._factor_ is None else model._factor_.matrix
            deviation = model.bandwidth_ * np.sqrt((noise**2).sum(axis=1))
            # One row of each replicate, so that they are independent; of subsets, a used one.
            new = ends[t] + np.arange(e.sizes[t + 1])
            if name == "subsample":
                new = np.intersect1d(new, used_rows(choice, r))
            if not new.size:
                continue
            row = pool[new[r % new.size]]
            uniform.append(model.weights_ @ ndtr((row - rows) / deviation))
        for column in np.array(uniform).T:
            assert_law(column, lambda u: np.clip(u, 0, 1))


@pytest.mark.parametrize("name", ["halving", "budget"])
def test_without_noise_rows_are_copies(name):
    """Bandwidth 0: every row is one of the training rows, bit for bit; none without weight."""
    e = loop(mc.KDE(0.0), EXPERIMENTS[name].workflow)
    choice, pools = genealogies(e, 200, 0)
    used = [used_rows(choice, r) for r in range(200)] if name == "budget" else None
    ends = np.concatenate([[0], np.cumsum(e.sizes)])
    for r, pool in enumerate(pools):
        needed = set(range(ends[-1])) if used is None else set(used[r].tolist())
        for t in range(2):
            parents = set(choice.rows(pool, r, t)[:, 0].tolist())
            children = [pool[i, 0] for i in range(ends[t + 1], ends[t + 2]) if i in needed]
            assert parents.issuperset(children)
