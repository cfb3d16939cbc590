"""Predictions against rational oracles, mpmath, and exact chains."""

from fractions import Fraction
from itertools import product
from math import comb

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.families.exponential import (
    Binomial,
    Gamma,
    HyperbolicSecant,
    NegativeBinomial,
    NormalMean,
    Poisson,
    exchangeable,
)
from modelcollapse.ledger.entries.exponential.exact import pairs
from modelcollapse.solver.subsample import subsample_errors
from modelcollapse.workflows.sources import real_counts, source_weights
from tests.helpers import exponential_oracle as oracle
from tests.helpers.replay import Bootstrap, Halving

HALVES = mc.Weighted([[1], [0.5, 0.5], [0.25, 0.25, 0.5]])
DETERMINISTIC = {
    "replace": (mc.Replace(), [5, 3, 4]),
    "accumulate": (mc.Accumulate(), [5, 3, 4]),
    "window": (mc.SlidingWindow(2), [5, 3, 4]),
    "keep-real": (mc.KeepReal(), [4, 4, 4]),
    "share": (mc.KeepReal(0.25), [4, 3, 5]),
    "weighted": (HALVES, [5, 3, 4]),
    "halving": (Halving(), [5, 3, 4]),
    "fresh-data": (mc.FreshData(2, 3), 4),
    "fresh-weight": (mc.FreshData(2, 3, 0.5), 4),
    "web": (mc.Web([2, 0], 2), 5),
}
# Rational skewness: V'(m)/sqrt(V(m)) at these means.
FAMILY = {
    "normal": (NormalMean(), 0.0, 0, 0),
    "poisson": (Poisson(), 1.0, 1, 0),
    "binomial": (Binomial(4), 0.8, Fraction(3, 4), Fraction(-1, 4)),
    "gamma": (Gamma(), 1.0, 2, 1),
    "negative-binomial": (NegativeBinomial(), 1 / 3, Fraction(5, 2), 1),
    "secant": (HyperbolicSecant(2.0), 0.0, 0, Fraction(1, 2)),
}


def loop(model, workflow, sizes, truth=None, generations=3):
    """Return an experiment."""
    return mc.Experiment(model, workflow, sizes, generations, truth=truth)


@pytest.mark.parametrize("family", FAMILY)
@pytest.mark.parametrize("name", DETERMINISTIC)
def test_deterministic_workflows_in_rationals(name, family):
    """Every family under every deterministic workflow, with its variance over replicates."""
    (workflow, sizes), (model, mean, s, v2) = DETERMINISTIC[name], FAMILY[family]
    e = loop(model, workflow, sizes, mean)
    p = mc.predict(e)
    second, third, fourth = oracle.numbers(
        oracle.error_moments(workflow, e.sizes, Fraction(s), Fraction(v2))
    )
    assert model.skewness(mean) == pytest.approx(float(s), abs=1e-15)
    assert p["squared_error"] == pytest.approx(second, rel=1e-12)
    assert p.variances["mean"] == pytest.approx(second, rel=1e-12)
    assert p.variances["squared_error"] == pytest.approx(fourth - second**2, rel=1e-9)
    assert p["variance"] == pytest.approx(1 + float(v2) * second, rel=1e-12)
    assert p["inflation"] == pytest.approx(e.sizes[0] * second, rel=1e-12)
    assert p["effective_samples"] == pytest.approx(1 / second, rel=1e-12)
    assert p["mean"].tolist() == [0, 0, 0]
    assert p["cubed_error"] == pytest.approx(third, rel=1e-9, abs=1e-15)
    spread = float(s) ** 2 * second + float(v2) ** 2 * (fourth - second**2)
    spread += 2 * float(s) * float(v2) * third
    assert p.variances["variance"] == pytest.approx(spread, rel=1e-9, abs=1e-15)
    with pytest.raises(mc.NoClosedForm, match="sixth moment"):
        p.variances["cubed_error"]


@pytest.mark.parametrize("counts", [[4, 12, 24], [4, 4, 4], [4, 1, 9]])
def test_subsampling_by_enumeration(counts):
    """Coin flips of probability 1/4: the pool's ones are a Markov chain, run in rationals.

    Given K ones among N rows, k rows hold j ones with the hypergeometric probability, and the n
    new rows are binomial.
    """
    sizes, p = [4, 8, 12], Fraction(1, 4)
    laws = {i: Fraction(comb(4, i)) * p**i * (1 - p) ** (4 - i) for i in range(5)}
    N, V, found = 4, p * (1 - p), []
    for t, k in enumerate(counts):
        fits, after = {}, {}
        for K, weight in laws.items():
            for j in range(max(0, k + K - N), min(k, K) + 1):
                here = weight * Fraction(comb(K, j) * comb(N - K, k - j), comb(N, k))
                q = Fraction(j, k)
                fits[q] = fits.get(q, 0) + here
                for i in range(sizes[t + 1] + 1 if t < 2 else 0):
                    m = sizes[t + 1]
                    drawn = here * comb(m, i) * q**i * (1 - q) ** (m - i)
                    after[K + i] = after.get(K + i, 0) + drawn
        gaps = [[w * (q - p) ** j for q, w in fits.items()] for j in (2, 3, 4)]
        found.append([sum(gap) for gap in gaps])
        laws, N = after, N + (sizes[t + 1] if t < 2 else 0)
    second = subsample_errors(sizes, counts, Fraction(-1), Fraction(1))
    # V'(p) = 1 - 2p; x = (q - p)/sqrt(V), so odd moments need one root: x^3 sqrt(V).
    s2 = (1 - 2 * p) ** 2 / V
    floats = exchangeable.subsample_moments(sizes, counts, float(s2) ** 0.5, -1.0, 1.0)
    assert second == [row[0] / V for row in found]
    for mine, row in zip(floats, found, strict=True):
        exact = [float(row[j - 2]) / float(V) ** (j / 2) for j in (2, 3, 4)]
        assert mine == pytest.approx(exact, rel=1e-12)


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=4),
    st.integers(1, 30),
    st.fractions(-1, 3, max_denominator=5),
    st.integers(0, 2),
)
def test_subsampling_with_every_row_is_accumulating(sizes, budget, v2, s):
    """A budget that no pool exceeds: the oracle's moments; any budget: two routes agree."""
    s, T = Fraction(s), len(sizes)
    if v2 == -1:  # a skewness of 1 + s x - x^2 >= 0 is any; nothing to adapt
        s = Fraction(0)
    full = [sum(sizes)] * T
    counts = [min(k, N) for k, N in zip(full, np.cumsum(sizes).tolist(), strict=True)]
    exact = exchangeable.subsample_moments(sizes, counts, s, v2, Fraction(1))
    assert exact == oracle.error_moments(mc.Accumulate(), sizes, s, v2)
    counts = [min(budget, N) for N in np.cumsum(sizes).tolist()]
    risks = subsample_errors(sizes, counts, v2, Fraction(1))
    exact = exchangeable.subsample_moments(sizes, counts, s, v2, Fraction(1))
    assert risks == [row[0] for row in exact]


def test_subsampling_in_floats_for_long():
    """A thousand generations: both recursions, and the route over pairs of rows."""
    e = loop(Gamma(2.0), mc.AccumulateSubsample(7), 5, 1.0, 1000)
    p = mc.predict(e)
    third = exchangeable.error_moments(e.schedule, e.model.skewness(1.0), 0.5)
    assert third.second == pytest.approx(p["squared_error"], rel=1e-9)
    assert pairs(5, 7, 0.5, 1000)[0] == pytest.approx(p["squared_error"], rel=1e-10)
    assert (p.variances["squared_error"] > 0).all()
    assert (p.variances["variance"] > 0).all()


def test_the_subsampled_constant():
    """For large n and v2 = 0 the inflation tends to pi^2/2 - 2.

    n R_t - 1 is a sum over t whose terms beyond T are below 3/T, and of relative order 1/n.
    """
    p = mc.predict(loop(Poisson(), mc.AccumulateSubsample(), 10**6, 1e3, 4000))
    assert p["inflation"][-1] == pytest.approx(np.pi**2 / 2 - 2, abs=3 / 4000 + 1e-5)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=12), st.integers(1, 9))
def test_any_schedule_is_a_product(sizes, trials):
    """E V(m_t)/V = prod (1 + v2 n_s/N_s^2) under accumulate, prod (1 + v2/n_s) under replace."""
    n = np.array(sizes, dtype=float)
    for model in (Binomial(trials), NegativeBinomial(trials / 3)):
        v2, T = model.curvature, len(sizes)
        pooled = mc.predict(loop(model, mc.Accumulate(), sizes, generations=T))["variance"]
        alone = mc.predict(loop(model, mc.Replace(), sizes, generations=T))["variance"]
        assert pooled == pytest.approx(np.cumprod(1 + v2 * n / np.cumsum(n) ** 2), rel=1e-12)
        assert alone == pytest.approx(np.cumprod(1 + v2 / n), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize(
    "model", [Binomial(), Binomial(6), Gamma(), Gamma(0.1), HyperbolicSecant(3.0)], ids=repr
)
@pytest.mark.parametrize("n", [1, 2, 10, 10**6])
def test_limits_of_accumulate(model, n):
    """Against mpmath's infinite product of 1 + v2/(n k^2)."""
    with mpmath.workdps(40):
        c = mpmath.mpf(model.curvature) / n
        excess = mpmath.nprod(lambda k: 1 + c / k**2, [1, mpmath.inf]) - 1
        wanted = float(excess / c)
    limits = mc.predict(loop(model, mc.Accumulate(), n)).limits
    assert limits["inflation"] == pytest.approx(wanted, rel=1e-10)
    assert limits["squared_error"] == pytest.approx(wanted / n, rel=1e-10)
    assert limits["variance"] == pytest.approx(1 + model.curvature * wanted / n, rel=1e-9, abs=1e-9)


def test_other_limits():
    """pi^2/6 at v2 = 0; replace saturates for v2 < 0 and is unbounded else, with a reason."""
    flat = mc.predict(loop(Poisson(), mc.Accumulate(), 7)).limits
    assert flat["inflation"] == pytest.approx(np.pi**2 / 6, rel=1e-14)
    assert mc.predict(loop(Binomial(4), mc.Replace(), 7)).limits["squared_error"] == 4
    for model in (Gamma(), NormalMean()):
        p = mc.predict(loop(model, mc.Replace(), 7))
        assert p.limits["inflation"] == np.inf
        assert "unbounded" in p.reasons["limits"]
    fresh = loop(Gamma(), mc.FreshData(2, 3, 0.5), 9, generations=400)
    p = mc.predict(fresh)
    assert p.limits["squared_error"] == pytest.approx(p["squared_error"][-1], rel=1e-10)
    kept = mc.predict(loop(Binomial(), mc.KeepReal(0.2), 5, generations=400))
    assert kept.limits["squared_error"] == pytest.approx(kept["squared_error"][-1], rel=1e-10)
    p = mc.predict(loop(Poisson(), mc.Replace(), [4, 5, 6]))
    with pytest.raises(mc.NoClosedForm, match="constant batch sizes"):
        p.limits["squared_error"]
    p = mc.predict(loop(Poisson(), mc.AccumulateSubsample(), 4))
    with pytest.raises(mc.NoClosedForm, match="no closed form"):
        p.limits["squared_error"]
    assert mc.predict(loop(Gamma(), mc.AccumulateSubsample(), 2)).limits["inflation"] == np.inf


@pytest.mark.parametrize(
    ("model", "k", "verdict", "rate"),
    [
        (Gamma(), 2, "diverges", "log t"),
        (Gamma(0.25), 2, "diverges", "t^1.5"),
        (Gamma(0.5), 2, "diverges", "t^0.5"),
        (Poisson(), 1, "diverges", "log t"),
        (Gamma(), 3, "bounded", ""),
        (NegativeBinomial(0.5), 4, "bounded", ""),
    ],
)
def test_subsampling_is_bounded_iff_it_trains_on_more_than_one_plus_v2_rows(
    model, k, verdict, rate
):
    """The fate, and the exact curve: what R gains from T to 2T, as the rate says.

    A power a has 2^a times the gain in the next doubling, log t the same gain, and a bounded
    error less: 2^a again, with a = (1 + v2)/k - 1 below 0. The corrections are of order 1/t or
    t^-|a| or t^(-1-a) relative to it, and log t / t where a = 0: at these t and a below 0.01.
    """
    T = 16_000
    e = loop(model, mc.AccumulateSubsample(k), 6, generations=4 * T)
    p = mc.predict(e)
    fate = p.fates["squared_error"]
    assert (fate.verdict, fate.rate) == (verdict, rate)
    a, b, c = p["squared_error"][[T - 1, 2 * T - 1, 4 * T - 1]]
    power = (1 + model.curvature) / k - 1
    assert (c - b) / (b - a) == pytest.approx(2**power, rel=0.01)
    assert ("power" in p.exponents) == (power > 0)


def test_fates_of_deterministic_workflows():
    """They are the solver's; and the variance's follow the error's."""
    p = mc.predict(loop(Gamma(), mc.Replace(), 5))
    assert p.fates["squared_error"].verdict == p.fates["variance"].verdict == "diverges"
    p = mc.predict(loop(Poisson(), mc.Replace(), 5))
    assert (p.fates["squared_error"].verdict, p.fates["variance"].verdict) == (
        "diverges",
        "bounded",
    )
    p = mc.predict(loop(Binomial(), mc.AccumulateSubsample(1), 5))
    assert p.fates["squared_error"].verdict == "bounded"
    assert p.fates["variance"].verdict == "clumps"  # one trial is 0 or 1
    p = mc.predict(loop(Gamma(), mc.AccumulateSubsample(), [5, 6, 7]))
    assert p.fates["squared_error"].verdict == "undetermined"


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_extinction_of_poisson_loops(name):
    """Against the branching process, one total at a time, by enumeration of totals up to 8.

    Totals are 1 on average at most; beyond 8 they have a probability below 1e-6.
    """
    workflow, sizes = DETERMINISTIC[name]
    e = loop(Poisson(), workflow, sizes if isinstance(sizes, int) else [2, 1, 2], 0.15)
    found = mc.predict(e)["absorbed"]
    wanted = extinction(e, 3, 9)
    assert found == pytest.approx(wanted, abs=2e-6)


def extinction(e, T, most):
    """Return P(m_t = 0), t = 1..T, by enumerating the totals of each part of each batch."""
    sizes, mean = e.sizes.tolist(), e.truth.value
    counts = real_counts(e.workflow, sizes)
    states, found = {(): 1.0}, []
    for t in range(T):
        after = {}
        fresh = int(counts[t])
        for state, weight in states.items():
            fit = 0.0 if t == 0 else fitted(state, sizes[:t], counts, e.workflow)
            laws = [
                poisson_law(fresh * mean, most),
                poisson_law((sizes[t] - fresh) * fit, most),
            ]
            for a, b in product(range(most), repeat=2):
                chance = weight * laws[0][a] * laws[1][b]
                if chance > 1e-13:
                    key = (*state, (a, b))
                    after[key] = after.get(key, 0.0) + chance
        states = after
        dead = [w for s, w in states.items() if fitted(s, sizes[: t + 1], counts, e.workflow) == 0]
        found.append(sum(dead))
    return found


def fitted(state, sizes, counts, workflow):
    """Return the fit to the totals of the parts."""
    real, drawn = source_weights(workflow, sizes)
    total = 0.0
    for s, (a, b) in enumerate(state):
        fresh = int(counts[s])
        total += real[s] * a / fresh if fresh else 0.0
        total += drawn[s] * b / (sizes[s] - fresh) if sizes[s] > fresh else 0.0
    return total


def poisson_law(rate, most):
    """Return the probabilities of 0, ..., most - 1."""
    law = [np.exp(-rate)]
    for k in range(1, most):
        law.append(law[-1] * rate / k)
    return law


def test_absorption_of_binomial_loops():
    """Under replace the chain of totals, in rationals; kept real data is all that counts."""
    e = loop(Binomial(2), mc.Replace(), [2, 3, 1], 0.5)
    law, N, found = {Fraction(1, 4): Fraction(1)}, 1, []
    for n in (2, 3, 1):
        N, after = 2 * n, {}
        for p, weight in law.items():
            for j in range(N + 1):
                chance = weight * comb(N, j) * p**j * (1 - p) ** (N - j)
                after[Fraction(j, N)] = after.get(Fraction(j, N), 0) + chance
        law = after
        found.append(float(law[Fraction(0)] + law[Fraction(1)]))
    assert mc.predict(e)["absorbed"] == pytest.approx(found, rel=1e-12)
    p = mc.predict(loop(Binomial(2), mc.KeepReal(0.3), 2, 0.5))
    assert p["absorbed"] == pytest.approx([0.75**4 + 0.25**4] * 3, rel=1e-12)
    p = mc.predict(loop(Binomial(), mc.Web(2, 1), 2, 0.5))
    assert p["absorbed"] == pytest.approx([2 / 4, 2 / 16, 2 / 64], rel=1e-12)
    p = mc.predict(loop(NegativeBinomial(2.0), mc.Accumulate(), 3, 1.0))
    assert p["absorbed"] == pytest.approx([(2 / 3) ** 6] * 3, rel=1e-12)


@pytest.mark.parametrize(
    ("model", "workflow", "reason"),
    [
        (Binomial(100), mc.Replace(), "200"),
        (NegativeBinomial(), mc.Replace(), "simulate"),
        (Poisson(), mc.AccumulateSubsample(), "simulate"),
        (Gamma(), mc.Accumulate(), "never degenerate"),
    ],
)
def test_what_is_open_says_why(model, workflow, reason):
    """No exact route: the quantity is not predicted, and the message says for what it is."""
    p = mc.predict(loop(model, workflow, 5))
    assert "absorbed" not in p
    with pytest.raises(mc.NoClosedForm, match=reason):
        p["absorbed"]
    with pytest.raises(mc.NoClosedForm, match="squared_error"):
        p.variances["effective_samples"]


def test_a_random_workflow_is_not_predicted():
    """Someone else's choice of rows has no closed form; the reason says what to add."""
    p = mc.predict(loop(Poisson(), Bootstrap(), 5))
    assert list(p) == []
    names = ("mean", "squared_error", "variance", "inflation", "effective_samples")
    for name in names:
        with pytest.raises(mc.NoClosedForm, match=f"{name}: .*batch_weights"):
            p[name]
    with pytest.raises(mc.NoClosedForm, match="batch_weights"):
        p.fates["variance"]


def test_long_loops_grow_beyond_floats():
    """An explosion ends in infinities, without warnings."""
    p = mc.predict(loop(Gamma(0.01), mc.Replace(), 1, generations=400))
    assert p["squared_error"][-1] == p.variances["squared_error"][-1] == np.inf
    p = mc.predict(loop(Gamma(1e-4), mc.AccumulateSubsample(), 1, generations=200))
    assert p["squared_error"][-1] > 1e100 or p["squared_error"][-1] == np.inf
    assert not np.isnan(p.variances["squared_error"]).any()


def test_the_fate_of_the_inflation_is_its_own():
    """In its own unit: a hundred times the squared error, and its limit."""
    fates = mc.predict(mc.Experiment(mc.NormalMean(), mc.Accumulate(), 100, 3)).fates
    assert fates["squared_error"].reason == "tends to 0.0164493"
    assert fates["inflation"].reason.startswith("tends to 1.64493: n_1 = 100 times the squared")
    assert fates["inflation"].verdict == "bounded"
    walk = mc.predict(mc.Experiment(mc.NormalMean(), mc.Replace(), 100, 3)).fates
    assert (walk["squared_error"].rate, walk["inflation"].rate) == ("t/n", "n_1 t/n")
    open_ = mc.predict(mc.Experiment(mc.Poisson(), mc.AccumulateSubsample(), 100, 3)).fates
    assert open_["inflation"].reason.startswith("n_1 = 100 times the squared error: more training")
