"""The discrete figure: the original's grid, exact lines and collapse times that are enclosed."""

from itertools import pairwise, product

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.reproduce import named
from modelcollapse.reproduce.discrete.collapse_times import collapse_times, enclosed_mean, reached
from modelcollapse.reproduce.discrete.drawing import thinned
from modelcollapse.reproduce.discrete.sweep import recorded, sweeps
from tests.helpers.figure_making import WORKFLOWS, assert_files, fixtures

FIGURE = named("discrete")


made, pictures = fixtures("discrete")


def lines(axis):
    """Return the labelled lines of a panel."""
    return {line.get_label(): line for line in axis.get_lines() if line.get_label()[0] != "_"}


def test_files(made, pictures):
    """Pictures, data and captions are there."""
    assert_files(
        made,
        pictures,
        ["entropy", "heterozygosity", "collapse-times"],
        {"replace", "pools", "collapse-times"},
    )


def test_the_grid_is_the_originals():
    """K and n are the five decades, under replace and under the pools beside it."""
    parts = sweeps("paper")
    cells, decades = parts["replace"].cells, [10, 100, 1000, 10_000, 100_000]
    assert {(c.model["outcomes"], c.samples) for c in cells} == set(product(decades, decades))
    assert len(cells) == 25
    assert {c.workflow["name"] for c in cells} == {"replace"}
    assert {c.replicates for p in parts.values() for c in p.cells} == {100}
    assert all(c.generations == 12 * c.samples for c in cells)
    pools = parts["pools"].cells
    assert {(c.model["outcomes"], c.samples, c.workflow["name"]) for c in pools} == set(
        product(decades, decades, ["accumulate", "accumulate-subsample"])
    )
    assert {c.samples * c.generations for c in pools} == {1000, 10**5, 10**6, 10**7}


def test_generations_are_recorded_one_per_cent_apart():
    """A run's collapse time is known to one per cent."""
    at = recorded(120_000)
    assert at[0] == 1
    assert at[-1] == 120_000
    assert all(b - a == 1 or b <= 1.011 * a + 1 for a, b in pairwise(at))


@pytest.mark.parametrize("K", [10, 100])
@pytest.mark.parametrize("kind", WORKFLOWS)
def test_lines_are_the_predictions(pictures, K, kind):
    """Entropy, heterozygosity and squared error are exact up to 1,000 rows."""
    T = 120 if kind == "replace" else 100
    loop = mc.Experiment(mc.Discrete(K), WORKFLOWS[kind], samples=10, generations=T)
    axis = pictures["entropy"].drawing.axes[0 if K == 10 else 2]
    line = lines(axis)[kind]
    expected = mc.predict(loop)["entropy"][line.get_xdata() - 1]
    np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-12)
    if K == 10:
        for axis, name in zip(
            pictures["heterozygosity"].drawing.axes[::2],
            ["heterozygosity", "squared_error"],
            strict=True,
        ):
            line = lines(axis)[kind]
            expected = mc.predict(loop)[name][line.get_xdata() - 1]
            np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-12)


def test_where_the_entropy_is_open_its_bound_is_below(made):
    """Beyond, the bound is drawn, and no line through the mean."""
    pools = made[1]["pools"].filter(samples=100)
    for cell in pools.partition_by("outcomes", "workflow"):
        open_, bound = (cell.filter(quantity=q) for q in ("entropy", "entropy_lower"))
        assert open_["expected"].is_nan().all()
        assert (bound["expected"].to_numpy() <= open_["mean"].to_numpy()).all()


def test_the_squared_error_is_the_share_of_heterozygosity_that_is_lost(made):
    """Their expectations sum to one."""
    for part in ("replace", "pools"):
        cells = made[1][part].sort("outcomes", "samples", "workflow", "generation")
        left, lost = (
            cells.filter(quantity=q)["expected"].to_numpy()
            for q in ("heterozygosity", "squared_error")
        )
        first = 1 - 1 / cells.filter(quantity="heterozygosity")["outcomes"].to_numpy()
        np.testing.assert_allclose(left / first + lost, 1.0, rtol=1e-12)


def test_collapse_times_are_enclosed():
    """From every generation the mean is exact; from a few of them it is enclosed."""
    loop = mc.Experiment(mc.Discrete(4), mc.Replace(), samples=8, generations=300)
    share = mc.simulate(loop, 200)["collapsed"].mean(axis=0)
    times = 1 + (mc.simulate(loop, 200)["collapsed"] == 0).sum(axis=1)
    t = np.arange(1, 301)
    assert enclosed_mean(t, share) == pytest.approx((times.mean(), times.mean()), rel=1e-12)
    few = np.array([1, 5, 17, 40, 90, 300])
    low, high = enclosed_mean(few, share[few - 1])
    assert low < times.mean() < high
    assert reached(t, share, 0.5) == np.quantile(times, 0.5, method="inverted_cdf")
    assert np.isnan(enclosed_mean(t[:5], share[:5])).all()
    assert np.isnan(reached(t[:1], share[:1], 0.9))


def test_collapse_times_have_exact_expectations(made):
    """The table of times has the exact value and the limit."""
    times = made[1]["collapse-times"]
    assert collapse_times(made[1]["replace"]).equals(times)
    for row in times.iter_rows(named=True):
        n, uniform = row["samples"], np.full(row["outcomes"], 1 / row["outcomes"])
        assert row["expected"] == mc.discrete.exact_collapse_time(n, uniform)
        assert row["diffusion"] == mc.discrete.expected_collapse_time(n, uniform)
        assert row["collapsed"] == 1
        assert row["mean_low"] <= row["mean_high"] <= 1.01 * row["mean_low"]


def test_the_law_of_the_time_is_drawn(pictures):
    """The line is the probability that one outcome is left."""
    axis = pictures["collapse-times"].drawing.axes[2]
    loop = mc.Experiment(mc.Discrete(10), mc.Replace(), samples=10, generations=60)
    drawn = axis.get_lines()[0]
    t = (drawn.get_xdata() * 10).round().astype(int)
    np.testing.assert_allclose(drawn.get_ydata(), mc.predict(loop)["collapsed"][t - 1], rtol=1e-12)


def test_few_generations_are_drawn(made):
    """A curve keeps its ends."""
    cell = made[1]["replace"].filter(outcomes=10, samples=100, quantity="entropy")
    few = thinned(cell)
    assert len(few) <= 150 < len(cell)
    assert few["generation"][0] == 1
    assert few["generation"][-1] == 1200
