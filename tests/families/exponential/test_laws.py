"""The law of a Poisson fit: against chains of counts, moments, and what is known of its end."""

import numpy as np
import pytest
from scipy.stats import poisson

import modelcollapse as mc
from tests.helpers.naming import shown

MOST = 120  # counts; what lies beyond is below 1e-15 in the loops here
LOOPS = [
    (mc.Replace(), [3, 5, 2, 4]),
    (mc.Accumulate(), [3, 5, 2, 4]),
    (mc.FreshData(2, 3), [4]),
    (mc.Web(1, 3), [4]),
]


def chain(e):
    """Return the law of the training rows' count at each generation, (T, MOST), step by step."""
    c, m0, found = np.arange(MOST), e.truth.value, []
    law, rows = poisson.pmf(c, e.sizes[0] * m0), int(e.sizes[0])
    found.append(law)
    for t in range(1, e.generations):
        real, sampled = int(e.schedule.real[t]), int(e.schedule.sampled[t])
        step = poisson.pmf(c[None], sampled * c[:, None] / rows)
        if e.schedule.everything:
            joint = law[:, None] * step
            law = np.array([np.trace(joint[:, ::-1], MOST - 1 - total) for total in range(MOST)])
            rows += real + sampled
        else:
            law, rows = law @ step, real + sampled
        law = np.convolve(law, poisson.pmf(c, real * m0))[:MOST]
        found.append(law)
    return np.array(found)


@pytest.mark.parametrize(("workflow", "sizes"), LOOPS, ids=shown(w for w, _ in LOOPS))
def test_counts_are_a_chain(workflow, sizes):
    """Each generation's count given the last one's, row by row of a transition matrix."""
    samples = sizes if len(sizes) > 1 else sizes[0]
    e = mc.Experiment(mc.Poisson(), workflow, samples, 4, truth=0.6)
    laws = mc.predict(e).laws["mean"]
    assert len(laws) == 4
    for law, exact in zip(laws, chain(e), strict=True):
        assert law.count_cdf(np.arange(MOST)) == pytest.approx(np.cumsum(exact), abs=1e-13)
        assert law.count_cdf(np.array([-1.0, -1e9])).tolist() == [0, 0]


def test_known_values():
    """Four rows of mean 3/4, 30 generations; and the chance of no count at all."""
    e = mc.Experiment(mc.Poisson(), mc.Accumulate(), 4, 30, truth=0.75)
    p, x = mc.predict(e), (np.array([0, 0.3, 0.75, 1.5]) - 0.75) / np.sqrt(0.75)
    law = p.laws["mean"][-1]
    assert law.cdf(x) == pytest.approx([0.04979, 0.22828, 0.56906, 0.90136], abs=5e-6)
    assert law.cdf(x[:1]) == pytest.approx(p["absorbed"][-1:], rel=1e-12)
    assert p["cubed_error"][-1] * 0.75**1.5 == pytest.approx(0.1629653589, abs=5e-11)


@pytest.mark.parametrize(
    ("workflow", "n", "T", "truth"),
    [
        (mc.Accumulate(), 1, 300, 0.5),
        (mc.Accumulate(), 10**6, 5, 1.0),
        (mc.Replace(), 100, 200, 0.5),
        (mc.FreshData(3, 10**5), 10, 20, 7.0),
    ],
)
def test_moments_of_the_law_are_the_solver_s(workflow, n, T, truth):
    """Mean, variance and third moment of its counts, by the recursions of moments."""
    p = mc.predict(mc.Experiment(mc.Poisson(), workflow, n, T, truth=truth))
    law = p.laws["mean"][-1]
    spread = np.sqrt(law.variance * truth) * law.rows
    # All counts within 60 deviations: the tails of such loops are exponential.
    c = np.arange(max(0, law.rows * truth - 60 * spread) // 1, law.rows * truth + 60 * spread)
    chances = np.diff(law.count_cdf(c), prepend=law.count_cdf(c[:1] - 1))
    x = (c / law.rows - truth) / np.sqrt(truth)
    assert chances @ x == pytest.approx(0, abs=1e-9)
    assert chances @ x**2 == pytest.approx(p["squared_error"][-1], rel=1e-8)
    assert chances @ x**3 == pytest.approx(p["cubed_error"][-1], rel=1e-6)
    assert (law.mean, law.variance) == (0.0, p["squared_error"][-1])


def test_simulated_means_lie_on_the_law_s_lattice():
    """`cdf` takes a mean that was simulated, and so rounded, for its count's."""
    e = mc.Experiment(mc.Poisson(), mc.Accumulate(), [3, 5, 2], 3, truth=0.6)
    law = mc.predict(e).laws["mean"][-1]
    x = mc.simulate(e, replicates=1000, seed=5)["mean"][:, -1]
    counts = np.rint((x * np.sqrt(0.6) + 0.6) * 10)
    assert law.cdf(x).tolist() == law.count_cdf(counts).tolist()


def test_nothing_is_made_of_no_number(recwarn):
    """NaN stays, and what is infinitely far has the probability 0 or 1."""
    law = mc.predict(mc.Experiment(mc.Poisson(), mc.Accumulate(), 5, 3)).laws["mean"][1]
    for cdf in (law.cdf, law.count_cdf):
        found = cdf(np.array([np.nan, np.inf, -np.inf, 1e308]))
        assert np.isnan(found[0])
        assert found[1:].tolist() == [1, 0, 1]
    assert not recwarn.list


def test_too_many_counts_and_other_loops_are_told():
    """A law over millions of counts, and one of which no route is known."""
    wide = mc.predict(mc.Experiment(mc.Poisson(), mc.Accumulate(), 10**10, 5, truth=1.0))
    with pytest.raises(mc.NoClosedForm, match="spreads over"):
        wide.laws["mean"][-1].cdf(np.zeros(1))
    long = mc.predict(mc.Experiment(mc.Poisson(), mc.Replace(), 100, 10**4))
    with pytest.raises(mc.NoClosedForm, match="would take minutes"):
        long.laws["mean"][-1].cdf(np.zeros(1))
    with pytest.raises(mc.NoClosedForm, match="whole batches"):
        mc.predict(mc.Experiment(mc.Poisson(), mc.SlidingWindow(2), 5, 4)).laws["mean"]
