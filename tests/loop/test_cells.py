"""Random sets simulated in cells of alike rows, beside the same sets row by row, and predictions.

Sets as small as these are simulated on rows; here they go both ways. Laws of 20,000 replicates each
that differ by 0.06 are told apart; means are tested with their predicted variances.
"""

from unittest import mock

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse._support import cells, memory
from modelcollapse.testing import assert_mean, assert_same_law

N = 20_000
SUBSETS = {
    "subset": (mc.AccumulateSubsample(), [7, 9, 8]),
    "budget": (mc.AccumulateSubsample(6), 8),
}
EDITS = {"edit": (mc.Edit(rows=4), 8), "share": (mc.Edit(share=0.4), 8)}
SKEWED = np.random.default_rng(1).exponential(size=(25, 3)) @ np.diag([1.0, 2.0, 3.0])
GAUSSIAN = {
    "line": (mc.Gaussian(), {"truth": mc.Normal(2.0, 3.0)}),
    "line-data": (mc.Gaussian(ddof=1), {"truth": SKEWED[:, 0], "temperature": 1.5}),
    "plane": (mc.Gaussian(2), {"truth": mc.Normal(np.ones(2), [[4.0, 1.0], [1.0, 2.0]])}),
    "space": (mc.Gaussian(3, ddof=1), {"truth": SKEWED, "temperature": 0.8}),
}
MEANS = {
    "normal": (mc.NormalMean(2.0), {"truth": -0.5}),
    "poisson": (mc.Poisson(), {"truth": 0.4}),
    "binomial": (mc.Binomial(), {"truth": 0.7}),
    "gamma": (mc.Gamma(1.5), {"truth": 2.0}),
    "negative-binomial": (mc.NegativeBinomial(2.0), {"truth": 1.2}),
}
REGRESSION = {
    "inputs": (mc.LinearRegression(3, design="fresh"), {}),
    "ridge": (mc.LinearRegression(2, design="fresh", ridge=0.5), {}),
    "few inputs": (mc.LinearRegression(12, design="fresh"), {}),
}
FAMILIES = GAUSSIAN | MEANS | REGRESSION


def loop(model, workflow, sizes, **options):
    """Return an experiment of three generations."""
    return mc.Experiment(model, workflow, sizes, 3, **options)


def simulated(e, seed, *, in_cells, count=N, **options):
    """Return a simulation in cells, or on rows."""
    room = cells.room

    def forced(sizes, counts, edits, *_):
        return room(sizes, counts, edits, 0.0) if in_cells else 0

    with mock.patch.object(cells, "room", mock.Mock(side_effect=forced)) as asked:
        found = mc.simulate(e, count, seed, **options)
        assert asked.called
        return found


@pytest.mark.parametrize("name", SUBSETS | EDITS)
@pytest.mark.parametrize("family", GAUSSIAN | MEANS | REGRESSION)
def test_cells_have_the_law_of_rows(family, name, seed):
    """Every quantity at the last two generations."""
    (model, options), (workflow, sizes) = FAMILIES[family], (SUBSETS | EDITS)[name]
    e = loop(model, workflow, sizes, **options)
    own = simulated(e, seed, in_cells=True)
    rows = simulated(e, seed + 1, in_cells=False, count=2_000 if family in REGRESSION else N)
    for quantity in ("squared_error", "variance", "log_determinant", "risk", "norm"):
        for t in (1, 2) if quantity in own.values else ():
            # Counts have atoms, which two orders of adding round differently.
            pair = own[quantity][:, t], rows[quantity][:, t]
            assert_same_law(*(np.round(values, 9) for values in pair))


@pytest.mark.parametrize("name", SUBSETS | EDITS)
@pytest.mark.parametrize("family", GAUSSIAN | MEANS)
def test_cells_have_the_predicted_means(family, name, seed):
    """Each quantity whose variance is predicted, at each generation."""
    (model, options), (workflow, sizes) = FAMILIES[family], (SUBSETS | EDITS)[name]
    e = loop(model, workflow, sizes, **options)
    p, runs = mc.predict(e), simulated(e, seed, in_cells=True)
    tested = [q for q in p.variances if q in runs.values]
    assert "squared_error" in tested
    for quantity in tested:
        for t in range(3):
            spread = p.variances[quantity][t]
            if spread == 0:
                assert np.all(runs[quantity][:, t] == p[quantity][t])
            else:
                assert_mean(runs[quantity][:, t], p[quantity][t], spread)


def test_means_of_a_million_rows(seed):
    """Where rows are too many for anything else."""
    for model in (mc.Gaussian(), mc.Gaussian(3), mc.Poisson()):
        e = mc.Experiment(model, mc.AccumulateSubsample(), 10**6, 6)
        p, runs = mc.predict(e), mc.simulate(e, 5_000, seed, at=[6])
        for quantity in ("squared_error", "variance"):
            spread = p.variances[quantity][-1]
            assert_mean(runs[quantity][:, 0], p[quantity][-1], spread)


def test_a_direction_comes_back(seed):
    """Rows of the square's corners: a fit may be an edge or a diagonal, and the next one not."""
    square = np.array([[1.0, 2.0], [1.0, -2.0], [-1.0, 2.0], [-1.0, -2.0]])
    for rows, dim in ((square, 2), (square[:, 0], 1)):
        for workflow in (mc.AccumulateSubsample(3), mc.Edit(rows=1)):
            e = loop(mc.Gaussian(dim), workflow, 3, truth=rows)
            p = mc.predict(e)
            runs = simulated(e, seed, in_cells=True, extra=["log_pivots"])
            own, other = runs, simulated(e, seed + 1, in_cells=False, extra=["log_pivots"])
            gone = np.isneginf(own["log_pivots"]).any(axis=(1, 2))
            assert 0.05 < gone.mean() < 0.95
            for t in range(3):
                spread = p.variances["variance"][t]
                assert_mean(own["variance"][:, t], p["variance"][t], spread)
                pair = np.exp(own["log_pivots"][:, t]), np.exp(other["log_pivots"][:, t])
                for one, two in zip(pair[0].T, pair[1].T, strict=True):
                    assert_same_law(np.round(one, 9), np.round(two, 9))


@pytest.mark.parametrize("dim", [1, 2])
def test_digits_last_when_a_spread_vanishes(dim, seed):
    """An edited set of few rows after 1,500 generations: the predicted logarithm, far below 0."""
    e = mc.Experiment(mc.Gaussian(dim), mc.Edit(rows=4), 5, 1500)
    p, runs = mc.predict(e), simulated(e, seed, in_cells=True, count=300, at=[1500])
    rows = simulated(e, seed + 1, in_cells=False, count=300, at=[1500])
    found, beside = (each["log_determinant"][:, 0] for each in (runs, rows))
    assert np.isfinite(found).all()
    assert found.max() < -300
    assert_same_law(found, beside)
    if "log_determinant" in p.variances:
        spread = p.variances["log_determinant"][-1]
        assert_mean(found, p["log_determinant"][-1], spread)


def test_cells_are_the_same_bits_in_threads(seed):
    """Whatever the jobs."""
    for model in (mc.Gaussian(2), mc.Poisson(), mc.LinearRegression(2, design="fresh")):
        e = mc.Experiment(model, mc.AccumulateSubsample(), 1000, 3)
        one, two = (mc.simulate(e, 2100, seed, jobs=jobs) for jobs in (1, 2))
        for name in one.values:
            assert np.array_equal(one[name], two[name], equal_nan=True)


def test_rows_that_do_not_fit_are_refused(monkeypatch):
    """Beforehand, with what they need; in cells the same rows take no room."""
    monkeypatch.setattr(memory, "free", lambda: 2**30)
    for model in (mc.Gaussian(2), mc.Poisson(), mc.LinearRegression(2, design="fresh")):
        for workflow in (mc.AccumulateSubsample(), mc.Edit(share=0.5)):
            few = mc.Experiment(model, workflow, 10**8, 3)
            assert mc.simulate(few, 2).replicates == 2
            many = mc.Experiment(model, mc.AccumulateSubsample(), 10**7, 40)
            with pytest.raises(mc.InvalidInput, match=r"samples = 10000000: .*GiB.*ask for fewer"):
                mc.simulate(many, 2)
