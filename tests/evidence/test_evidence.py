"""The tests of `evidence` keep their promises: false alarms, power, designs, numbers, errors.

Rates are computed exactly where the data have finitely many outcomes. Elsewhere they are counted
over many data sets and held against an exact binomial bound that a correct test exceeds with
probability at most 1e-9, under any seed.
"""

import doctest
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from modelcollapse import evidence
from modelcollapse._support.errors import InvalidInput
from modelcollapse.evidence import catoni

SIDES = ("two", "above", "below")
PROBABILITIES = (0.001, 0.02, 0.1, 0.3, 0.5, 0.8, 0.99)
LEVEL = 0.05


def bernoulli_cdf(p):
    """Return the distribution function of a coin with values 0 and 1."""
    return lambda x: np.where(x < 0, 0.0, np.where(x < 1, 1 - p, 1.0))


def run(method, samples, claimed, p, side, alpha=LEVEL, beta=LEVEL):
    """Test a claim about the mean p of 0-1 samples."""
    options = {"alpha": alpha, "beta": beta}
    if method == "law":
        return evidence.law(samples, bernoulli_cdf(claimed), **options)
    options["side"] = side
    if method == "mean":
        return evidence.mean(samples, claimed, p * (1 - p), **options)
    if method == "frequency":
        return evidence.frequency(int(samples.sum()), len(samples), claimed, **options)
    return getattr(evidence, method)(samples, claimed, 0, 1, **options)


def outcomes(method, n, claimed, p, side="two", **levels):
    """Return the probability of each number of successes, and the evidence that it gives."""
    samples = (np.arange(n) < np.arange(n + 1)[:, None]).astype(float)
    found = [run(method, row, claimed, p, side, **levels) for row in samples]
    return scipy.stats.binom.pmf(np.arange(n + 1), n, p), found


def rejection_rate(method, n, claimed, p, side="two", **levels):
    """Return the exact probability that a claim about a coin's mean is rejected."""
    weights, found = outcomes(method, n, claimed, p, side, **levels)
    return float(weights @ [e.rejected for e in found])


def assert_rate_at_most(events, trials, rate):
    """Assert that the count of events is credible (1e-9) for a probability of at most `rate`."""
    assert scipy.stats.binom.sf(events - 1, trials, rate) > 1e-9


def two_point(p):
    """Return a sampler with mean 0 and variance 1: rare values with probability p."""
    low, high = -math.sqrt(p / (1 - p)), math.sqrt((1 - p) / p)
    return lambda rng, shape: np.where(rng.random(shape) < p, high, low)


def pareto(shape_parameter):
    """Return a sampler of a Pareto law, moved and scaled to mean 0 and variance 1."""
    a = shape_parameter
    centre, deviation = 1 / (a - 1), math.sqrt(a / ((a - 1) ** 2 * (a - 2)))
    return lambda rng, shape: (rng.pareto(a, shape) - centre) / deviation


HEAVY = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "pareto": pareto(2.1),
    "student": lambda rng, shape: rng.standard_t(2.2, shape) / math.sqrt(2.2 / 0.2),
    "rare": two_point(0.02),
    "coin": two_point(0.5),
}
METHODS = (
    ("law", 30, ("two",)),
    ("mean", 30, SIDES),
    ("bounded_mean", 30, SIDES),
    ("bernstein_mean", 40, SIDES),
    ("frequency", 30, SIDES),
)
CASES = [(method, n, side) for method, n, sides in METHODS for side in sides]


@pytest.mark.parametrize(("method", "n", "side"), CASES)
def test_false_alarms_are_at_most_alpha_for_every_coin(method, n, side):
    """Over all outcomes of n coins, a true claim is rejected with probability at most alpha."""
    for p in PROBABILITIES:
        assert rejection_rate(method, n, p, p, side) <= LEVEL


@pytest.mark.parametrize("side", ["above", "below"])
@pytest.mark.parametrize("method", ["mean", "bounded_mean", "bernstein_mean", "frequency"])
def test_one_sided_claims_hold_on_their_whole_side(method, side):
    """A truth inside the claimed half-line is rejected no more often than at its end."""
    for p, shift in [(0.3, 0.1), (0.5, 0.4), (0.9, 0.05)]:
        claimed = p + shift if side == "above" else p - shift
        assert rejection_rate(method, 40, claimed, p, side) <= LEVEL


@pytest.mark.parametrize(
    # The others' detectable effect depends on the samples or the claim: tested below.
    ("method", "n", "side"),
    [case for case in CASES if case[0] in {"law", "mean", "bounded_mean"}],
)
def test_misses_at_the_detectable_effect_are_at_most_beta(method, n, side):
    """Over all outcomes of n coins, a truth `detectable` from the claim is nearly always seen."""
    for p in PROBABILITIES:
        effect = run(method, np.zeros(n), p, p, side).detectable
        for sign in {"above": [1], "below": [-1], "two": [1, -1]}[side]:
            claimed = p - sign * effect * (1 + 1e-12)
            if method == "law" and not 0 <= claimed <= 1:
                continue
            assert rejection_rate(method, n, claimed, p, side) >= 1 - LEVEL


@pytest.mark.parametrize("n", [1, 2, 7, 30])
def test_massart_threshold_bounds_the_exact_kolmogorov_law(n):
    """P(KS distance > threshold), exact for continuous laws, is at most alpha, and near it."""
    for alpha in (0.2, 0.05, 1e-3, 1e-9):
        found = evidence.law(np.arange(n), scipy.stats.norm.cdf, alpha=alpha)
        rate = scipy.stats.kstwo.sf(found.threshold, n)
        assert rate <= alpha
        if n == 30 and alpha >= 1e-3:
            assert rate >= alpha / 2


@pytest.mark.parametrize("law", [scipy.stats.norm(), scipy.stats.gamma(0.3), scipy.stats.uniform()])
def test_law_rejects_a_true_cdf_at_the_exact_rate(law, seed):
    """The number of false alarms agrees with Kolmogorov's exact law, from above and below."""
    sets, n = 3000, 40
    data = law.rvs((sets, n), random_state=np.random.default_rng(seed))
    found = [evidence.law(row, law.cdf, alpha=LEVEL) for row in data]
    alarms = sum(e.rejected for e in found)
    rate = scipy.stats.kstwo.sf(found[0].threshold, n)

    assert_rate_at_most(alarms, sets, LEVEL)
    assert_rate_at_most(alarms, sets, rate)
    assert_rate_at_most(sets - alarms, sets, 1 - rate)


def test_law_rejects_a_truth_at_the_detectable_distance(seed):
    """A uniform law moved by the detectable distance is missed with probability at most beta."""
    sets, n = 2000, 60
    effect = evidence.law([0.5], scipy.stats.uniform.cdf, alpha=LEVEL, beta=LEVEL).detectable
    effect *= math.sqrt(1 / n)
    data = np.random.default_rng(seed).random((sets, n)) + effect
    found = [evidence.law(x, scipy.stats.uniform.cdf, alpha=LEVEL, beta=LEVEL) for x in data]

    assert evidence.law_distance(
        scipy.stats.uniform.cdf, scipy.stats.uniform(effect).cdf, [0.5, 0.7]
    ) == pytest.approx(found[0].detectable)
    assert_rate_at_most(sum(not e.rejected for e in found), sets, LEVEL)


@pytest.mark.parametrize("name", HEAVY)
def test_catoni_is_valid_for_heavy_tails(name, seed):
    """With 25 samples of variance 1, however heavy, false alarms and misses keep their rates."""
    sets, n = 2500, 25
    data = HEAVY[name](np.random.default_rng(seed), (sets, n))
    for side, sign in [("two", 1), ("above", 1), ("below", -1)]:
        options = {"variance": 1, "alpha": LEVEL, "beta": LEVEL, "side": side}
        effect = evidence.mean(data[0], 0, **options).detectable
        part = data if side == "two" else data[:1000]
        alarms = sum(evidence.mean(row, 0, **options).rejected for row in part)
        missed = sum(not evidence.mean(row, -sign * effect, **options).rejected for row in part)

        assert_rate_at_most(alarms, len(part), LEVEL)
        assert_rate_at_most(missed, len(part), LEVEL)


@pytest.mark.parametrize("method", ["bounded_mean", "bernstein_mean"])
@pytest.mark.parametrize("parameters", [(1, 1), (0.05, 0.05), (0.1, 5)])
def test_bounded_means_are_valid_for_beta_laws(method, parameters, seed):
    """For uniform, nearly two-valued and skew laws, false alarms keep their rate."""
    law = scipy.stats.beta(*parameters)
    data = law.rvs((2000, 50), random_state=np.random.default_rng(seed))
    test = getattr(evidence, method)
    alarms = sum(test(row, law.mean(), 0, 1, alpha=LEVEL).rejected for row in data)

    assert_rate_at_most(alarms, len(data), LEVEL)


def bernstein_effect(n, sigma, sides=2, level=LEVEL):
    """Return D(sigma) of the docstring of `bernstein_mean`, for width 1."""
    L, M = math.log((sides + 1) / level), math.log(2 / level)
    at_alpha = (sigma + math.sqrt(2 * M / (n - 1))) * math.sqrt(2 * L / n) + 7 * L / (3 * (n - 1))
    return at_alpha + sigma * math.sqrt(2 * M / n) + M / (3 * n)


@pytest.mark.parametrize("side", SIDES)
def test_bernstein_detectable_effect_is_valid_in_both_senses(side):
    """Over all outcomes: D(sigma) is detected, is not above `detectable`, and the joint claim."""
    n, sides = 300, 2 if side == "two" else 1
    sign = -1 if side == "below" else 1
    for p in (0.02, 0.3, 0.5):
        effect = bernstein_effect(n, math.sqrt(p * (1 - p)), sides)
        weights, found = outcomes("bernstein_mean", n, p - sign * effect, p, side)
        assert weights @ [e.rejected for e in found] >= 1 - LEVEL
        assert weights @ [e.detectable < effect * (1 - 1e-12) for e in found] <= LEVEL / 2
        for part in (0.3, 0.6, 0.8):
            distance = part * effect
            weights, found = outcomes("bernstein_mean", n, p - sign * distance, p, side)
            missed = [not e.rejected and e.detectable <= distance for e in found]
            assert weights @ missed <= LEVEL


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("n", [1, 5, 24])
def test_frequency_is_the_exact_binomial_test(side, n):
    """For every outcome and many claims, rejection is membership in Clopper-Pearson's interval."""
    alternative = {"two": "two-sided", "above": "greater", "below": "less"}[side]
    for count in range(n + 1):
        interval = scipy.stats.binomtest(count, n, alternative=alternative).proportion_ci(
            1 - LEVEL, method="exact"
        )
        for claimed in (0.0, *((np.arange(40) + 0.437) / 40), 1.0):
            found = evidence.frequency(count, n, claimed, alpha=LEVEL, side=side)
            assert found.rejected == (not interval.low <= claimed <= interval.high)
        if side != "below":
            found = evidence.frequency(count, n, 0, alpha=LEVEL, side=side)
            assert found.observed - found.threshold * (count > 0) == pytest.approx(interval.low)
        if side != "above":
            found = evidence.frequency(count, n, 1, alpha=LEVEL, side=side)
            assert found.observed + found.threshold * (count < n) == pytest.approx(interval.high)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("n", [1, 6, 40])
def test_frequency_detectable_effect_is_exact(side, n):
    """Every truth beyond it is rejected often enough; a truth just short of it is not."""
    for claimed in (0.0, 0.05, 0.5, 0.7, 1.0):
        effect = run("frequency", np.zeros(n), claimed, claimed, side).detectable
        detected = []
        for sign in {"above": [1], "below": [-1], "two": [1, -1]}[side]:
            room = claimed if sign < 0 else 1 - claimed
            for distance in np.linspace(effect * (1 + 1e-9), room, 4) if effect < room else []:
                p = np.clip(claimed + sign * distance, 0, 1)
                assert rejection_rate("frequency", n, claimed, p, side) >= 1 - LEVEL
            short = min(effect * (1 - 1e-6), room)
            p = claimed + sign * short
            detected.append(rejection_rate("frequency", n, claimed, p, side) >= 1 - LEVEL)
        assert not all(detected)


@pytest.mark.parametrize("side", SIDES)
def test_frequency_is_accurate_at_small_levels_and_large_counts(side):
    """At alpha = beta = 1e-9 and a million trials, the tails at the ends are the levels."""
    n, tail = 10**6, 1e-9 / (2 if side == "two" else 1)
    for count in (3, 1000, 500_000, 999_990):
        if side != "below":
            end = count / n - evidence.frequency(count, n, 0, side=side).threshold
            assert scipy.stats.binom.sf(count - 1, n, end) == pytest.approx(tail, rel=1e-5)
        if side != "above":
            end = count / n + evidence.frequency(count, n, 1, side=side).threshold
            assert scipy.stats.binom.cdf(count, n, end) == pytest.approx(tail, rel=1e-5)


@pytest.mark.parametrize("counts", [(1, 1), (40, 7), (300, 2_000)])
def test_two_samples_are_held_against_each_other_as_scipy_does(counts, seed):
    """The distance, with ties; half of alpha is each sample's, and so is half of beta."""
    rng = np.random.default_rng(seed)
    x, y = (np.round(rng.normal(size=n), 1) for n in counts)
    found = evidence.same_law(x, y, alpha=1e-3, beta=1e-6)
    radii = {
        level: sum(math.sqrt(math.log(4 / level) / (2 * n)) for n in counts)
        for level in (1e-3, 1e-6)
    }

    assert found.statistic == pytest.approx(scipy.stats.ks_2samp(x, y).statistic, abs=1e-12)
    assert found.threshold == pytest.approx(radii[1e-3], rel=1e-12)
    assert found.detectable == pytest.approx(radii[1e-3] + radii[1e-6], rel=1e-12)
    assert found.samples == min(counts)
    assert evidence.same_law(y, x, alpha=1e-3, beta=1e-6) == found


def test_infinite_values_are_values(seed):
    """A collapsed run's logarithm counts as the least of all, and NaN is refused."""
    x = np.random.default_rng(seed).normal(size=500)
    sunk = np.where(x < 0, -np.inf, x)

    assert not evidence.same_law(sunk, sunk.copy()).rejected
    assert evidence.same_law(sunk, x).statistic == pytest.approx((x < 0).mean(), abs=1e-12)
    with pytest.raises(InvalidInput, match=r"others\["):
        evidence.same_law(x, np.append(x, np.nan))


def test_two_samples_of_laws_that_are_detectably_apart_are_told(seed):
    """Uniform laws shifted by the detectable distance are that far apart."""
    rng = np.random.default_rng(seed)
    x, y = rng.random(20_000), rng.random(30_000)
    found = evidence.same_law(x, y)

    assert not found.rejected
    assert evidence.same_law(x, y + found.detectable).rejected


def test_law_distance_is_that_of_scipy(seed):
    """For continuous laws the statistic is scipy's, to rounding."""
    data = np.random.default_rng(seed).standard_normal((20, 30))
    for row in data:
        expected = scipy.stats.kstest(row, scipy.stats.norm(0.3).cdf).statistic
        found = evidence.law(row, scipy.stats.norm(0.3).cdf)
        assert found.statistic == found.observed == pytest.approx(expected, rel=1e-12)


def test_law_with_atoms_is_the_largest_distance_of_the_step_functions():
    """With ties and a lattice law, the distance is the largest over the lattice's points."""
    law = scipy.stats.poisson(2.0)
    samples = np.repeat([0, 1, 3, 6], [4, 2, 5, 1])
    grid = np.arange(20)
    empirical = (samples[:, None] <= grid).mean(axis=0)
    expected = np.abs(empirical - law.cdf(grid)).max()

    assert evidence.law(samples, law.cdf).statistic == pytest.approx(expected, rel=1e-14)


def test_law_finds_no_distance_in_a_perfect_sample_of_an_atomic_law():
    """A sample with exactly the claimed frequencies is at distance zero."""
    samples = np.repeat([0.0, 1.0], [3, 1])

    assert evidence.law(samples, bernoulli_cdf(0.25)).statistic == 0


positive_floats = st.floats(1e-3, 1e3)
signs = st.sampled_from([-1.0, 1.0])
# Rounded, so that the tests' own products do not underflow; ties are welcome.
columns = st.lists(st.floats(-100, 100), min_size=50, max_size=70).map(lambda x: np.round(x, 9))


@settings(deadline=None, max_examples=100)
@given(columns, st.floats(-100, 100), positive_floats, positive_floats, signs)
def test_catoni_is_affine_equivariant(samples, shift, scale, variance, sign):
    """The test of s x + b against s c + b is the test of x against c, in the unit |s|."""
    first = evidence.mean(samples, 1.0, variance)
    slope = sign * scale
    second = evidence.mean(slope * samples + shift, slope + shift, variance * scale**2)
    rounding = 1e-10 * (abs(shift) + 100 * scale + scale * math.sqrt(variance))

    assert second.observed == pytest.approx(slope * first.observed + shift, rel=0, abs=rounding)
    assert second.statistic == pytest.approx(scale * first.statistic, rel=0, abs=rounding)
    assert second.threshold == pytest.approx(scale * first.threshold, rel=1e-12)
    assert second.detectable == pytest.approx(scale * first.detectable, rel=1e-12)


@settings(deadline=None, max_examples=100)
@given(columns, st.floats(-100, 100), positive_floats, signs)
def test_bounded_means_are_affine_equivariant(samples, shift, scale, sign):
    """The same for Hoeffding's and Bernstein's tests, the bounds moved along."""
    slope = sign * scale
    moved = slope * samples + shift
    low, high = sorted([-100 * slope + shift, 100 * slope + shift])
    moved, rounding = np.clip(moved, low, high), 1e-10 * (abs(shift) + 100 * scale)
    for test in (evidence.bounded_mean, evidence.bernstein_mean):
        first = test(samples, 1.0, -100, 100)
        second = test(moved, slope + shift, low, high)
        for name in ("statistic", "threshold", "detectable"):
            expected = scale * getattr(first, name)
            assert getattr(second, name) == pytest.approx(expected, rel=1e-9, abs=rounding)


@settings(deadline=None, max_examples=60)
@given(columns, st.floats(1e-6, 1e6), st.sampled_from([1e-9, 0.05]))
def test_catoni_solves_its_equation(samples, variance, alpha):
    """The influence sum changes sign at the estimate, and the estimate is among the samples."""
    found = evidence.mean(samples, 0.0, variance, alpha=alpha)
    L, n = math.log(2 / alpha), len(samples)
    a = math.sqrt(2 * L / (n * (variance + 2 * variance * L / (n * (1 - 2 * L / n)))))
    nearby = 1e-9 * (100 + math.sqrt(variance))
    sums = [
        np.sum(np.sign(u) * np.log(1 + np.abs(u) + u**2 / 2))
        for u in (a * (samples - found.observed + step) for step in (nearby, -nearby))
    ]

    assert sums[0] >= 0 >= sums[1]
    assert samples.min() - nearby <= found.observed <= samples.max() + nearby


@pytest.mark.parametrize(("alpha", "beta"), [(1e-9, 1e-9), (1e-9, 0.1), (0.05, 1e-9)])
def test_catoni_radii_solve_their_quadratic(alpha, beta):
    """Both radii r satisfy r = a (v + r^2)/2 + log(1/eps)/(a n), and only the least n has them."""
    L, L_beta, v = math.log(2 / alpha), math.log(1 / beta), 3.7
    least = catoni.least_samples(L, L_beta)
    for n in (least, least + 1, 2 * least, 10**6):
        found = evidence.mean(np.zeros(n), 0, v, alpha=alpha, beta=beta)
        a = math.sqrt(2 * L * (n - 2 * L) / v) / n
        for r, log in [
            (found.threshold, L),
            (found.detectable - found.threshold, L_beta),
        ]:
            assert r == pytest.approx(a / 2 * (v + r**2) + log / (a * n), rel=1e-9)
            assert r <= (1 + 1e-9) / a
    with pytest.raises(InvalidInput, match=f"need at least {least}: draw more"):
        evidence.mean(np.zeros(least - 1), 0, v, alpha=alpha, beta=beta)
    short = least - 1
    assert short <= 2 * L or 1 - 2 * L * (short - 2 * L) / short**2 - 2 * L_beta / short < 0


@pytest.mark.parametrize("slack", [0.0, 1e-9, 0.05, 0.3])
def test_catoni_radii_with_slack_solve_theirs(slack):
    """r = a (v + r^2)/2 + log(1/eps)/(a n) + slack, in the samples' unit; none is as before."""
    alpha, beta, v, n = 1e-9, 1e-6, 3.7, 900
    L, L_beta = math.log(2 / alpha), math.log(1 / beta)
    found = evidence.mean(np.zeros(n), 0, v, alpha=alpha, beta=beta, slack=slack)
    a = math.sqrt(2 * L * (n - 2 * L) / v) / n
    for r, log in [(found.threshold, L), (found.detectable - found.threshold, L_beta)]:
        assert r == pytest.approx(a / 2 * (v + r**2) + log / (a * n) + slack, rel=1e-9)
    if slack == 0:
        assert found == evidence.mean(np.zeros(n), 0, v, alpha=alpha, beta=beta)


def test_catoni_with_slack_bears_samples_that_are_moved(seed):
    """The worst that may happen, all slack in few samples or in all, moves no claim too far."""
    sets, n, slack = 1500, 60, 0.1
    x = np.random.default_rng(seed).random((sets, n))
    few = np.where(np.arange(n) < n * slack, 1.0, x)  # each by at most 1
    options = {"variance": 1 / 12, "alpha": LEVEL, "beta": LEVEL, "slack": slack}
    effect = evidence.mean(x[0], 0, **options).detectable
    for moved in (few, x + slack, x - slack):
        alarms = sum(evidence.mean(row, 0.5, **options).rejected for row in moved)
        missed = sum(not evidence.mean(row, 0.5 - effect, **options).rejected for row in moved)

        assert_rate_at_most(alarms, sets, LEVEL)
        assert_rate_at_most(missed, sets, LEVEL)


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1.0, 1e150, 1e300, 1.7e308])
def test_catoni_is_robust_to_scale(scale):
    """No overflow, underflow or endless loop from 1e-300 to the largest numbers."""
    shapes = [np.linspace(-1, 1, 99), np.append(np.zeros(98), 1.0), np.repeat([-1.0, 1.0], 50)]
    for samples in [np.round(shape, 3) * scale for shape in shapes]:
        for variance in (5e-324, 1e-300, 1.0, 1e300):
            with np.errstate(all="raise"):
                found = evidence.mean(samples, 0.0, variance)
            assert -scale <= found.observed <= scale
            assert found.threshold > 0


@settings(deadline=None, max_examples=60)
@given(st.floats(-1e300, 1e300), st.sampled_from([5e-324, 1.0, 1e300]), st.integers(43, 60))
def test_constant_samples_are_their_own_mean(value, variance, n):
    """The estimate of a constant is exact, so a true claim is at distance zero."""
    found = evidence.mean(np.full(n, value), value, variance)

    assert (found.observed, found.statistic, found.rejected) == (value, 0, False)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["law", "mean", "bounded_mean"]),
    st.floats(0.01, 2),
    st.floats(1e-12, 0.5),
    st.floats(1e-12, 0.5),
    st.sampled_from(SIDES),
)
def test_samples_needed_is_the_smallest_design(method, effect, alpha, beta, side):
    """The design detects the effect; one sample less does not, or is too few for the bound."""
    levels = {"alpha": alpha, "beta": beta}
    options = {
        "law": levels,
        "mean": levels | {"variance": 0.01, "side": side},
        "bounded_mean": levels | {"low": -0.1, "high": 0.1, "side": side},
    }[method]
    n = evidence.samples_needed(method, effect, **options)
    extra = {"law": {"cdf": scipy.stats.norm.cdf}}.get(method, {"claimed": 0})
    test = getattr(evidence, method)

    assert test(np.zeros(n), **extra, **options).detectable <= effect
    if n > 1:
        try:
            assert test(np.zeros(n - 1), **extra, **options).detectable > effect
        except InvalidInput as error:
            assert f"need at least {n}" in str(error)  # noqa: PT017 - either outcome is right


def spread_out(n, deviation):
    """Return n numbers with the mean 0 and this standard deviation (ddof 1)."""
    half = np.full(n // 2, deviation * (1 if n % 2 else ((n - 1) / n) ** 0.5))
    return np.concatenate([half, -half, np.zeros(n % 2)])


@settings(deadline=None, max_examples=60)
@given(
    st.floats(0.01, 0.15),
    st.floats(1e-6, 0.01),
    st.floats(1e-12, 0.5),
    st.floats(1e-12, 0.5),
    st.sampled_from(SIDES),
)
def test_bernstein_samples_needed_is_the_smallest_design(effect, variance, alpha, beta, side):
    """It allows for a sample that spreads as much more as Maurer and Pontil's bound says."""
    options = {"low": -0.1, "high": 0.1, "alpha": alpha, "beta": beta, "side": side}
    n = evidence.samples_needed("bernstein_mean", effect, variance=variance, **options)

    def detectable(count):
        more = 0.2 * (2 * np.log(2 / beta) / (count - 1)) ** 0.5
        samples = spread_out(count, min(variance**0.5 + more, 0.1))
        return evidence.bernstein_mean(np.clip(samples, -0.1, 0.1), 0, **options).detectable

    assert detectable(n) <= effect * (1 + 1e-9)
    assert n == 2 or detectable(n - 1) > effect * (1 - 1e-9)


@settings(deadline=None, max_examples=60)
@given(st.floats(0.1, 50), st.floats(1e-3, 1e3), st.integers(0, 1000), st.integers(1, 1000))
def test_catoni_detectable_effect_decreases_with_samples(L, ratio, more, step):
    """More samples detect smaller effects, from the least number on."""
    n = catoni.least_samples(L, ratio * L) + more

    assert catoni.radii(n + step, L, ratio * L)[1] < catoni.radii(n, L, ratio * L)[1]


@pytest.mark.parametrize(("method", "n", "side"), CASES)
def test_stricter_levels_and_fewer_samples_widen_the_threshold(method, n, side):
    """The threshold grows as alpha falls, and shrinks as samples are added."""
    half = np.tile([0.0, 1.0], n)
    thresholds = [
        run(method, half, 0.5, 0.5, side, alpha=alpha).threshold for alpha in (0.2, 0.05, 1e-3)
    ]
    shorter = run(method, half[:n], 0.5, 0.5, side, alpha=0.2).threshold

    assert thresholds == sorted(thresholds)
    assert thresholds[0] < shorter


@pytest.mark.parametrize("method", ["mean", "bounded_mean", "bernstein_mean", "frequency"])
def test_sides_reject_only_on_their_side(method):
    """Side "above" sees only an estimate above the claim, "below" only one below."""
    for ones, claimed, expected in [(90, 0.1, [True, True, False]), (10, 0.9, [True, False, True])]:
        samples = np.repeat([0.0, 1.0], [100 - ones, ones])
        two, above, below = (run(method, samples, claimed, 0.9, side) for side in SIDES)

        assert [e.rejected for e in (two, above, below)] == expected
        assert two.statistic == pytest.approx(abs(two.observed - claimed))
        assert above.statistic == pytest.approx(max(0, above.observed - claimed))
        assert below.statistic == pytest.approx(max(0, claimed - below.observed))


def test_bernstein_is_sharper_than_hoeffding_at_small_variance():
    """At small variance the empirical bound gains; at the largest variance it loses."""
    flat, coin = np.full(1000, 0.5), np.tile([0.0, 1.0], 500)
    for samples, sharper in [(flat, True), (coin, False)]:
        bernstein = evidence.bernstein_mean(samples, 0.5, 0, 1)
        hoeffding = evidence.bounded_mean(samples, 0.5, 0, 1)
        assert (bernstein.threshold < hoeffding.threshold) is sharper


@pytest.mark.parametrize("method", ["bounded_mean", "bernstein_mean"])
def test_bounded_means_bear_subnormal_samples(method):
    """Samples at the end of the floating-point range raise no floating-point error."""
    with np.errstate(all="raise"):
        found = getattr(evidence, method)([0, 5e-324, 0], 0, 0, 1)

    assert not found.rejected


def test_bounded_means_follow_their_papers():
    """Hoeffding's and Maurer and Pontil's thresholds, written out, on samples in [-1, 3]."""
    samples, n = np.random.default_rng(0).uniform(-1, 3, 80), 80
    for sides, side in [(2, "two"), (1, "above")]:
        options = {"alpha": 1e-3, "beta": 0.1, "side": side}
        hoeffding = evidence.bounded_mean(samples, 1, -1, 3, **options)
        bernstein = evidence.bernstein_mean(samples, 1, -1, 3, **options)
        L = math.log((sides + 1) / 1e-3)
        spread = math.sqrt(2 * samples.var(ddof=1) * L / n) + 7 * 4 * L / (3 * (n - 1))

        assert hoeffding.observed == pytest.approx(samples.mean())
        assert bernstein.observed == pytest.approx(samples.mean())
        assert hoeffding.threshold == pytest.approx(4 * math.sqrt(math.log(sides / 1e-3) / 160))
        assert bernstein.threshold == pytest.approx(spread)


def test_evidence_records_the_test():
    """Name, levels and number of samples are those of the call."""
    found = evidence.frequency(3, 10, 0.3, alpha=0.01, beta=0.02)

    assert (found.method, found.alpha, found.beta, found.samples) == ("binomial", 0.01, 0.02, 10)
    assert found.observed == 0.3
    assert not found.rejected


ok = np.linspace(0, 1, 100)
uniform = scipy.stats.uniform.cdf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: evidence.law([0.1, np.nan], uniform), r"samples\[1, 0\] = nan"),
        (lambda: evidence.law([], uniform), "samples"),
        (lambda: evidence.law(np.zeros((5, 2)), uniform), "one number per sample"),
        (lambda: evidence.law(ok, uniform, alpha=0), "alpha = 0 is not valid"),
        (lambda: evidence.law(ok, uniform, beta=1), "beta = 1 is not valid"),
        (lambda: evidence.law(ok, lambda x: x + 0.5), r"cdf\(0.50505\d*\) = 1.00505"),
        (lambda: evidence.law(ok, lambda x: x * np.nan), "cdf"),
        (lambda: evidence.law(ok, lambda _: 0.5), "returned shape"),
        (lambda: evidence.law(ok, lambda x: 1 - uniform(x)), "cdf decreases"),
        (lambda: evidence.law_distance(uniform, lambda x: x - 1, ok), "cdf_b"),
        (lambda: evidence.law_distance(uniform, uniform, [np.inf]), "points"),
        (lambda: evidence.mean([*ok, -np.inf], 0, 1), r"samples\[100, 0\] = -inf"),
        (lambda: evidence.mean(ok, np.nan, 1), "claimed = nan is not valid"),
        (lambda: evidence.mean(ok, "0", 1), "claimed = '0' is not valid"),
        (lambda: evidence.mean(ok, 0, 0), "variance = 0 is not valid"),
        (lambda: evidence.mean(ok, 0, np.inf), "variance = inf is not valid"),
        (lambda: evidence.mean(ok, 0, 1, side="up"), "unknown side 'up'"),
        (lambda: evidence.mean(ok[:42], 0, 1), "need at least 43: draw more samples"),
        (lambda: evidence.mean(ok, 0, 1, alpha=2), "alpha = 2 is not valid"),
        (lambda: evidence.mean(ok, 0, 1, slack=-1), "slack = -1: give a number from 0"),
        (lambda: evidence.mean(ok, 0, 1, slack=9), "well below the standard deviation 1"),
        (lambda: evidence.bounded_mean(ok, 0, 0.5, 1), r"samples\[0\] = 0.0 is not valid"),
        (lambda: evidence.bounded_mean(ok, 0, 1, 0), "give low < high"),
        (lambda: evidence.bounded_mean(ok, 0, 0, np.inf), "high = inf is not valid"),
        (lambda: evidence.bernstein_mean([0.5], 0, 0, 1), "at least 2 rows"),
        (lambda: evidence.bernstein_mean(ok, 0, 0, 0.9), r"samples\[90\]"),
        (lambda: evidence.frequency(3, 2, 0.5), "count = 3 is not valid"),
        (lambda: evidence.frequency(-1, 2, 0.5), "count = -1 is not valid"),
        (lambda: evidence.frequency(1.5, 2, 0.5), "count = 1.5 is not valid"),
        (lambda: evidence.frequency(0, 0, 0.5), "n = 0 is not valid"),
        (lambda: evidence.frequency(1, 2, 1.5), "claimed = 1.5 is not valid"),
        (lambda: evidence.frequency(1, 2, 0.5, beta=0), "beta = 0 is not valid"),
        (lambda: evidence.samples_needed("laws", 0.1), "did you mean law"),
        (lambda: evidence.samples_needed("law", 0.1, side="above"), "side = 'above'"),
        (lambda: evidence.samples_needed("law", -1), "effect = -1 is not valid"),
        (lambda: evidence.samples_needed("law", 1e-12), "give a larger effect"),
        (lambda: evidence.samples_needed("mean", 0.1), "variance = None is not valid"),
        (lambda: evidence.samples_needed("bounded_mean", 0.1, low=0), "high = None is not valid"),
        (
            lambda: evidence.samples_needed("bernstein_mean", 0.1, variance=1, high=1),
            "low = None is not valid",
        ),
    ],
)
def test_wrong_input_is_named_with_its_remedy(call, message):
    """Every refusal is an InvalidInput that names the argument and shows its value."""
    with pytest.raises(InvalidInput, match=message):
        call()


@pytest.mark.parametrize("bad", [["a", "b"], [[1], [1, 2]], None, 3.0, {1: 2}, [10**400]], ids=str)
def test_two_samples_that_are_none_are_named(bad):
    """Each of the two, and what is wanted."""
    with pytest.raises(InvalidInput, match="others"):
        evidence.same_law([1.0, 2.0], bad)
    with pytest.raises(InvalidInput, match="samples"):
        evidence.same_law(bad, [1.0, 2.0])


def test_examples_in_the_docstring_are_right():
    """The module's examples give what they show."""
    assert doctest.testmod(evidence).failed == 0


def extremes(method, n, claimed, side, alpha):
    """Return the evidence of the data that are farthest from a claim: all low, and all high."""
    if method == "same_law":
        return [evidence.same_law(np.zeros(n), np.ones(2 * n), alpha=alpha)]
    if method == "law":
        return [evidence.law(np.full(n, x), uniform, alpha=alpha) for x in (-1.0, 2.0)]
    return [run(method, np.full(n, x), claimed, 0.25, side, alpha=alpha) for x in (0.0, 1.0)]


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(["law", "same_law", "bounded_mean", "bernstein_mean", "frequency"]),
    st.sampled_from(SIDES),
    st.sampled_from([0.0, 0.1, 0.5, 0.8, 1.0]),
    st.sampled_from([1e-9, 1e-3, 0.3]),
    st.data(),
)
def test_some_data_are_rejected_from_the_least_number_on(method, side, claimed, alpha, data):
    """Of one sample fewer none is, whatever it is, and no claim that all data meet ever is."""
    first = extremes(method, 2, claimed, side, alpha)[0]
    if first.least == math.inf:
        assert claimed == {"above": 1.0, "below": 0.0}[side]
        n = data.draw(st.integers(2, 40))
    else:
        enough = int(first.least)
        if method == "same_law":  # the second sample is twice as large
            enough = next(n for n in range(1, 400) if extremes(method, n, 0, 0, alpha)[0].decidable)
        for n in (max(2, enough), enough + 7):
            found = extremes(method, n, claimed, side, alpha)
            assert any(e.rejected for e in found)
            assert all(e.decidable for e in found)
        n = enough - 1
    if n < 2:
        return
    drawn = np.array(data.draw(st.lists(st.sampled_from([0.0, 0.3, 1.0]), min_size=n, max_size=n)))
    found = extremes(method, n, claimed, side, alpha)
    if method not in {"same_law", "law"}:
        found.append(run(method, drawn.round(), claimed, 0.25, side, alpha=alpha))
    assert not any(e.rejected or e.decidable for e in found)


def test_the_least_numbers_in_closed_form():
    """By hand: 2 exp(-2n) and 4 exp(-n/2) below alpha, p^n too, and Hoeffding's at its reach."""
    L = math.log(2 / 1e-9)
    assert evidence.law([0.5], uniform).least == math.floor(L / 2) + 1
    assert evidence.same_law([0.5], [0.5]).least == math.floor(2 * (L + math.log(2))) + 1
    # Of a very large second sample, the first alone counts.
    assert evidence.same_law([0.5], np.zeros(10**6)).least == 12 > (L + math.log(2)) / 2 > 11
    assert evidence.bounded_mean([0.5], 0.5, 0, 1).least == math.floor(2 * L) + 1
    assert evidence.frequency(20, 20, 0.5).least == 31  # 2^-30 > 5e-10 > 2^-31
    assert evidence.frequency(0, 1, 0.5, side="above").least == 30
    assert evidence.frequency(1, 1, 1.0, side="above").least == math.inf
    assert evidence.bounded_mean([1.0], 1.0, 0, 1, side="above").least == math.inf
    assert evidence.mean(np.zeros(43), 0, 1).least == 43
