"""What a simulation measures of its fits: the estimator on the same rows, and quadrature."""

from unittest import mock

import numpy as np
import pytest
from scipy.stats import norm

import modelcollapse as mc
from modelcollapse.families.kde import scores, scoring, simulate
from modelcollapse.loop.experiment import Request
from tests.families.kde.test_simulate import EXPERIMENTS
from tests.families.kde.test_simulate_law import Lopsided
from tests.helpers.kde_tracing import normal
from tests.helpers.replay import Halving

MIX = mc.NormalMixture([1, 2], [-2.0, 1.0], [0.25, 1.0])
WIDE = {  # large enough for each way to score: in one call, row by row, and a growing pool
    "many": mc.Experiment(mc.KDE(0.3), mc.Replace(), 400, 3, truth=MIX),
    "pool": mc.Experiment(mc.KDE(0.3), mc.Accumulate(), 400, 4, truth=MIX),
    "pool-shrinks": mc.Experiment(mc.KDE("scott", dim=2), mc.Accumulate(), [400, 300, 500], 3),
    "pool-deep": mc.Experiment(
        mc.KDE(mc.PowerBandwidth(0.5, 0.2), dim=4), mc.Accumulate(), [400, 300, 500], 3
    ),
    "subsets": mc.Experiment(mc.KDE(0.4, dim=2), mc.AccumulateSubsample(), 400, 3),
    "weights": mc.Experiment(mc.KDE(0.4), mc.KeepReal(0.3), 400, 3, truth=MIX),
    "halving": mc.Experiment(mc.KDE(0.4), Halving(), 300, 3),
}
SMALL = {name: e for name, e in EXPERIMENTS.items() if name not in ("flat", "round")} | {
    "lopsided": mc.Experiment(mc.KDE(0.5, dim=2), Lopsided(), 5, 3)
}


class Spy(simulate.Blocks):
    """The simulation, keeping who trains on what, and all rows."""

    seen = ()

    def genealogies(self, draws, count):
        """Return what the simulation does, and keep it."""
        Spy.seen = super().genealogies(draws, count)
        return Spy.seen


def spied(e, count, **options):
    """Return a simulation of one batch of replicates, its choice and its pools."""
    with mock.patch.object(simulate, "Blocks", Spy):
        runs = mc.simulate(e, count, 7, **options)
    choice, pools = Spy.seen
    assert len(pools) == count
    return runs, choice, pools


def fitted(e, choice, pools):
    """Yield (replicate, generation from 0, fit) of the estimator itself, on the same rows."""
    for r, pool in enumerate(pools):
        for t in range(e.generations):
            model = mc.KDE(
                e.model.bandwidth, e.model.kernel, e.model.dim, e.model.scoring_bandwidth
            )
            yield r, t, model.fit(choice.rows(pool, r, t), None, choice.weights(r, t), t + 1)


@pytest.mark.parametrize("name", SMALL)
def test_losses_and_moments_are_those_of_the_estimator(name):
    """Every fit of three replicates, scored by the estimator on the same rows.

    The tolerance bounds the error of the mean; a relative 1e-12 is left to rounding.
    """
    e = SMALL[name]
    test = np.random.default_rng(1).normal(size=(6, e.model.dim))
    runs, choice, pools = spied(e, 3, test=test, tolerance=0.0)
    total = np.trace(e.truth.covariance)

    for r, t, model in fitted(e, choice, pools):
        loss = -model.score_samples(test).mean()
        assert runs["test_log_loss"][r, t] == pytest.approx(loss, rel=1e-11, abs=1e-11)
        w, rows = model.weights_, model.rows_
        square = w @ ((rows - e.truth.mean) ** 2).sum(axis=1) / total
        gaps = rows - w @ rows
        assert runs["second_moment"][r, t] == pytest.approx(square, rel=1e-12)
        central = w @ (gaps**2).sum(axis=1) / total
        assert runs["central_variance"][r, t] == pytest.approx(central, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("tolerance", [0.0, 1e-10, 1e-7])
@pytest.mark.parametrize("points", [30, 500])
def test_the_tolerance_is_kept(name, tolerance, points):
    """Large fits, by every way to score them; also for generations left out."""
    e = WIDE[name]
    test = np.random.default_rng(1).normal(size=(points, e.model.dim))
    runs, choice, pools = spied(e, 2, test=test, tolerance=tolerance)
    some, _, _ = spied(e, 2, test=test, tolerance=tolerance, at=[2, 3])

    for r, t, model in fitted(e, choice, pools):
        loss = -model.score_samples(test).mean()
        # Rounding: relative 1e-12, of log-densities of at most some hundreds.
        slack = tolerance + 1e-12 * max(1, abs(loss)) * 10
        assert abs(runs["test_log_loss"][r, t] - loss) <= slack
        if t in (1, 2):
            assert abs(some["test_log_loss"][r, t - 1] - loss) <= slack


def test_fresh_rows_are_scored_by_their_own_replicate():
    """A number of test rows: each replicate draws its own from the truth."""
    e, found = WIDE["many"], []

    def losses(plan, scored, choice, pools, tests, out):
        found.append(tests)
        scores_losses(plan, scored, choice, pools, tests, out)

    scores_losses = scores.losses
    with mock.patch.object(scores, "losses", losses):
        runs, choice, pools = spied(e, 3, test=50)
    (tests,) = found
    assert tests.shape == (3, 50, 1)
    for r, t, model in fitted(e, choice, pools):
        loss = -model.score_samples(tests[r]).mean()
        assert runs["test_log_loss"][r, t] == pytest.approx(loss, rel=1e-9)


@pytest.mark.parametrize("name", ["replace", "window", "halving", "subsample", "bootstrap"])
def test_squared_errors_are_integrals(name):
    """On the line: the quadrature of (fitted density - truth)^2 for two replicates."""
    e = EXPERIMENTS[name]
    runs, choice, pools = spied(e, 2, extra=["mise"])
    w, m, S = e.truth.components
    x, dx = np.linspace(-14, 14, 8001, retstep=True)
    truth = norm.pdf(x[:, None], m[:, 0], np.sqrt(S[:, 0, 0])) @ w

    for r, t, model in fitted(e, choice, pools):
        density = np.exp(model.score_samples(x))
        # The trapezoid rule is exact to rounding for sums of normal densities of width >= 0.2.
        expected = dx * ((density - truth) ** 2).sum()
        assert runs["mise"][r, t] == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", ["budget", "share", "accumulate"])
def test_squared_errors_in_the_plane(name):
    """A slanted mixture: the integral in closed form, as sums over pairs of normal densities."""
    from scipy.stats import multivariate_normal

    e = EXPERIMENTS[name]
    runs, choice, pools = spied(e, 2, extra=["mise"])
    w, m, S = e.truth.components
    own = sum(
        a * b * multivariate_normal(np.zeros(2), S[i] + S[j]).pdf(m[i] - m[j])
        for i, a in enumerate(w)
        for j, b in enumerate(w)
    )
    for r, t, model in fitted(e, choice, pools):
        h2, rows, shares = model.scoring_bandwidth_**2, model.rows_, model.weights_
        squares = ((rows[:, None] - rows) ** 2).sum(axis=2)
        pairs = shares @ normal(squares, 2 * h2, 2) @ shares
        cross = sum(
            a * shares @ multivariate_normal(m[i], S[i] + h2 * np.eye(2)).pdf(rows)
            for i, a in enumerate(w)
        )
        # A difference of three numbers of about the same size.
        assert runs["mise"][r, t] == pytest.approx(pairs - 2 * cross + own, rel=0, abs=1e-13)


@pytest.mark.parametrize("name", ["replace", "share", "scaled", "lopsided", "window"])
def test_draws_use_the_scored_bandwidth(name):
    """Without noise a drawn row is a training row with weight, at its own generation."""
    e = {**EXPERIMENTS, **SMALL}[name]
    still = mc.KDE(e.model.bandwidth, dim=e.model.dim, scoring_bandwidth=0.0)
    quiet = mc.Experiment(still, e.workflow, e.sizes, e.generations, truth=e.truth)
    runs, choice, pools = spied(quiet, 40, extra=["draw"])

    for r, t, model in fitted(quiet, choice, pools):
        used = model.rows_[model.weights_ > 0]
        assert (used == runs["draw"][r, t]).all(axis=1).any()


def test_memory_is_bounded_by_batches():
    """Long loops hold a few million numbers at a time: pools are drawn batch by batch."""
    e = mc.Experiment(mc.KDE(0.5, dim=3), mc.Replace(), 1000, 100)
    request = Request(50, 0, np.array([100]))
    plan = simulate._plan(e, request)

    assert plan.batch * e.sizes.sum() * (e.model.dim + 1) <= 4e6
    assert mc.simulate(e, 15, at=[100])["second_moment"].shape == (15, 1)


def test_pair_densities_need_no_loop():
    """The mean squared density of replicates in one call equals that of each alone."""
    rows = np.random.default_rng(0).normal(size=(4, 7, 2))
    weights = np.arange(1.0, 8.0)
    for own in (None, weights / weights.sum()):
        together = scoring.pair_densities(rows, 0.4, own)
        alone = [scoring.pair_densities(r[None], 0.4, own)[0] for r in rows]
        assert together == pytest.approx(alone, rel=1e-13)


def test_losses_of_single_rows():
    """One training row: minus a normal log-density."""
    e = mc.Experiment(mc.KDE(0.5), mc.Replace(), 1, 2)
    runs, choice, pools = spied(e, 3, test=[0.7], tolerance=0.0)
    for r, t, _ in fitted(e, choice, pools):
        row = choice.rows(pools[r], r, t)[0, 0]
        expected = -norm.logpdf(0.7, row, 0.5)
        assert runs["test_log_loss"][r, t] == pytest.approx(expected, rel=1e-12)
