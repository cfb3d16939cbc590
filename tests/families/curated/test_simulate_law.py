"""Simulated curated loops: against the plain loop, exact laws, and themselves.

Two samples of one law: see tests/families/gaussian/test_simulate_law.py.
"""

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.families import curated
from modelcollapse.families.curated import LabelVerifier, RegionVerifier
from modelcollapse.families.curated.regions import truncated
from modelcollapse.testing import assert_frequency, assert_law, assert_mean, assert_same_law
from tests.helpers.plain_loops import plain_loops

LOOPS = {
    "replace": (RegionVerifier(1.0, 1.5), mc.Replace()),
    "narrow": (RegionVerifier(3.0, 0.5), mc.Replace()),
    "keep-real": (RegionVerifier(-1.0, 1.0), mc.KeepReal(0.3)),
    "accumulate": (RegionVerifier(1.0, 2.0), mc.Accumulate()),
}


@pytest.mark.parametrize("name", LOOPS)
def test_region_simulator_has_the_loops_law(name, seed):
    """500 runs of the plain loop, whose rows are drawn by rejection."""
    model, workflow = LOOPS[name]
    sizes, runs = [6, 4, 5], 500
    e = mc.Experiment(model, workflow, sizes, 3, truth=0.5)
    loops = plain_loops(model, mc.Normal(0.5, 1.0), workflow, sizes, 3, runs, seed, 2)
    simulated = mc.simulate(e, 30_000, seed)

    for t in (1, 2):
        by_loop = np.array([run["squared_error"][t] for run in loops])
        assert_same_law(simulated["squared_error"][:, t], by_loop)
        means = np.array([run.model.mean_[0] for run in loops]) - 0.5
    assert_same_law(simulated["error"][:, 2], means)


def test_label_simulator_has_the_loops_law(seed):
    """800 runs of the plain loop on sheets of which a third is wrong, and the simulator."""
    model, sheets = LabelVerifier(0.8, 0.3, 0.25), np.array([[1.0], [1.0], [0.0]])
    e = mc.Experiment(model, mc.Replace(), [4, 3, 5], 3, truth=1 / 3)
    metrics = {"wrong": lambda fit, *_: float(1 - fit.correct_.mean())}
    given = model, sheets, mc.Replace(), [4, 3, 5], 3, 800, seed, 3
    loops = plain_loops(*given, metrics=metrics)
    simulated, predicted = mc.simulate(e, 60_000, seed), mc.predict(e)["label_error"]

    for t in range(3):
        wrong = int(sum(run["wrong"][t] for run in loops))
        assert_frequency(wrong, len(loops), predicted[t])
        assert_frequency(int(simulated["label_error"][:, t].sum()), 60_000, predicted[t])


def test_weighted_labels():
    """A weight counts as so many labels, and a tie of weights is a tie."""
    model = LabelVerifier(1.0, 1.0, 0.0, 2, random_state=3)
    X = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])

    assert model.fit(X, sample_weight=[5, 1, 1]).correct_.tolist() == [True, False]
    coins = [
        LabelVerifier(1.0, 1.0, 0.0, 1, random_state=s).fit([[1], [0], [0]], None, [0.3, 0.1, 0.2])
        for s in range(64)
    ]
    assert {bool(c.correct_[0]) for c in coins} == {True, False}


def test_scores():
    """Log-probabilities of labels; the log-density of rows."""
    labels = LabelVerifier(1.0, 1.0, 0.25, 2).fit([[1.0, 0.0]])
    region = RegionVerifier(0.0, 1.0, 2.0).fit([[1.0], [3.0]])

    expected = np.log([0.75**2, 0.75 * 0.25])
    assert labels.score_samples([[1.0, 0.0], [1.0, 1.0]]) == pytest.approx(expected)
    exact = -((4.0 - 2.0) ** 2) / 8 - np.log(2) - np.log(2 * np.pi) / 2
    assert region.score_samples([[4.0]]) == pytest.approx([exact])
    silent = LabelVerifier(1.0, 1.0, 0.0).fit([[1.0]])
    assert silent.score_samples([[1.0], [0.0]]).tolist() == [0.0, -np.inf]


@pytest.mark.parametrize(("low", "high"), [(-0.5, 0.7), (2.0, 2.5), (50.0, 51.0), (-60.0, -50.0)])
def test_truncated_rows(low, high, seed):
    """Rows of a truncated normal have its law, far out too, by scaled error functions."""
    from scipy.special import erfcx

    rows = truncated(np.random.default_rng(seed), np.array([low]), np.array([high]), 20_000)[0]
    sign, edge = (1, low) if low > -high else (-1, -high)

    def above(x):
        """P(Z > x) times sqrt(2 pi) exp(edge^2/2)."""
        return np.exp((edge**2 - x**2) / 2) * np.sqrt(np.pi / 2) * erfcx(x / np.sqrt(2))

    ends = above(np.array(edge)), above(np.array(edge + high - low))

    def cdf(x):
        inside = np.clip(sign * x, edge, edge + high - low)
        beyond = (ends[0] - above(inside)) / (ends[0] - ends[1])
        return beyond if sign > 0 else 1 - beyond

    assert rows.min() >= low
    assert rows.max() <= high
    assert_law(rows, cdf)


def test_the_law_of_the_wrong_inputs(seed):
    """Binomial at each generation: 40,000 replicates tell laws apart at a distance of 0.033."""
    e = mc.Experiment(LabelVerifier(0.9, 0.4, 0.3, 5), mc.Replace(), 4, 6, truth=0.8)
    runs, prediction = mc.simulate(e, 40_000, seed), mc.predict(e)

    for t in range(6):
        assert_law(runs["label_error"][:, t], prediction.laws["label_error"][t].cdf)
        spread = prediction.variances["label_error"][t]
        assert_mean(runs["label_error"][:, t], prediction["label_error"][t], spread)
    with pytest.raises(AssertionError):
        assert_law(runs["label_error"][:, 5], prediction.laws["label_error"][0].cdf)


@pytest.mark.parametrize(("centre", "radius", "sizes"), [(0.0, 1.0, [5, 20]), (2.0, 0.7, [3, 4])])
def test_one_verified_round(centre, radius, sizes, seed):
    """Both squares of generations 1 and 2 have the predicted means."""
    e = mc.Experiment(RegionVerifier(centre, radius, 2.0), mc.Replace(), sizes, 2, truth=0.4)
    runs, prediction = mc.simulate(e, 60_000, seed), mc.predict(e)

    for name in ("squared_error", "centre_distance"):
        for t in range(2):
            spread = prediction.variances[name][t]
            outcome = assert_mean(runs[name][:, t], prediction[name][t], spread)
            assert outcome.detectable < 0.15 * prediction[name][t]


def test_the_bounds_hold_for_the_loop(seed):
    """Twenty rounds: the mean squares are at most and at least the bounds."""
    e = mc.Experiment(RegionVerifier(1.5, 1.2), mc.Replace(), 30, 20)
    runs = mc.simulate(e, 30_000, seed)
    spreads = curated.variance_bounds(e)
    upper, (low, high) = curated.distance_bound(e), curated.error_bounds(e)

    for t in (1, 2, 5, 19):
        assert_mean(runs["centre_distance"][:, t], upper[t], spreads[0][t], side="above")
        assert_mean(runs["squared_error"][:, t], high[t], spreads[1][t], side="above")
        assert_mean(runs["squared_error"][:, t], low[t], spreads[1][t], side="below")
    with pytest.raises(AssertionError):
        assert_mean(runs["squared_error"][:, 19], low[0], spreads[1][19])


@pytest.mark.parametrize(
    "e",
    [
        mc.Experiment(LabelVerifier(0.9, 0.4, 0.3, 5), mc.Replace(), 4, 6, truth=0.8),
        mc.Experiment(RegionVerifier(1.0), mc.KeepReal(), 4, 6),
    ],
)
def test_same_bits_however_it_is_cut(e):
    """Any `at`, any number of jobs; a longer run begins with the shorter one."""
    whole = mc.simulate(e, 2_100, 5)
    name = next(iter(whole))

    assert np.array_equal(mc.simulate(e, 2_100, 5, at=[2, 5])[name], whole[name][:, [1, 4]])
    assert np.array_equal(mc.simulate(e, 2_100, 5, jobs=2)[name], whole[name])
    assert np.array_equal(mc.simulate(e, 2_048, 5)[name], whole[name][:2_048])
    assert not np.array_equal(mc.simulate(e, 2_100, 6)[name], whole[name])


def test_large_batches_are_drawn_in_parts(monkeypatch):
    """The cut of a batch changes no law: 200 rows in parts of one replicate's row each."""
    from modelcollapse.families.curated import simulate

    e = mc.Experiment(RegionVerifier(1.0), mc.Replace(), 200, 2)
    monkeypatch.setattr(simulate, "ROWS", 1_024)
    spread = mc.predict(e).variances["centre_distance"][1]

    runs = mc.simulate(e, 4_096, 0)
    assert_mean(runs["centre_distance"][:, 1], mc.predict(e)["centre_distance"][1], spread)


def test_progress_counts_replicates():
    """All of them, once."""
    done = []
    for model in (LabelVerifier(), RegionVerifier()):
        mc.simulate(mc.Experiment(model, mc.Replace(), 3, 2), 1_500, progress=done.append)

    assert sum(done) == 3_000
