"""Variances over replicates where the fit is a chain: rationals at any size, and slots."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.families.gaussian import chained
from modelcollapse.families.gaussian.joint_moments import fit_moments
from modelcollapse.families.gaussian.moments import second_order

EPS = Fraction(np.finfo(float).eps)
SIZES = st.lists(st.integers(2, 9) | st.integers(2, 10**12), min_size=1, max_size=4)
FRESH = st.builds(mc.FreshData, st.integers(1, 10**9), st.integers(1, 10**9), st.just(0.375))
WEBS = st.builds(mc.Web, st.integers(1, 10**9), st.integers(1, 10**9))
CHAINS = st.just(mc.Replace()) | st.just(mc.Accumulate()) | FRESH | WEBS
HEATS = st.fractions(Fraction(1, 4), Fraction(4), max_denominator=8)
NAMES = ("variance", "squared_error", "second_moment")


def weights(e):
    """Return the chain's weights and rows as rationals, by what the workflows are."""
    N = 0
    for t, (fresh, drawn) in enumerate(zip(e.schedule.real, e.schedule.sampled, strict=True)):
        r, s = int(fresh), int(drawn)
        if isinstance(e.workflow, mc.FreshData) and t:
            yield Fraction(0), Fraction(3, 8), Fraction(5, 8), r, s
            continue
        N = 0 if isinstance(e.workflow, mc.Replace) else N
        yield *(Fraction(x, N + r + s) for x in (N, r, s)), r, s
        N += r + s


@given(CHAINS, SIZES, st.sampled_from([0, 1]), HEATS, st.integers(1, 4))
def test_no_digit_is_lost_at_any_size(workflow, sizes, ddof, heat, d):
    """The recursion in rationals: thirty roundings of positive terms a generation, no more.

    A covariance may be negative: it is right to as many of what it is a covariance of. One less
    the sum of squared weights is right to a rounding of 1.
    """
    fresh = isinstance(workflow, mc.FreshData | mc.Web)
    samples = sizes[0] if fresh else sizes
    model = mc.Gaussian(d, ddof)
    e = mc.Experiment(model, workflow, samples, len(sizes), temperature=float(heat))
    found, roundings = mc.predict(e).variances, 60 * len(sizes) * EPS
    exact = chained.states(weights(e), Fraction(1, d), 1 + Fraction(2, d), heat, ddof)
    for t, (s, scale) in enumerate(exact):
        wanted = scale**2 * s.spread, s.error_spread
        for name, value in zip(NAMES, wanted, strict=False):
            assert abs(Fraction(float(found[name][t])) - value) <= roundings * value
        whole = wanted[0] + 2 * scale * s.both + wanted[1]
        assert abs(Fraction(float(found["second_moment"][t])) - whole) <= 2 * roundings * sum(
            wanted
        )


@given(CHAINS, SIZES, st.sampled_from([0, 1]), st.floats(0.25, 4), st.integers(1, 3))
def test_slots_say_the_same(workflow, sizes, ddof, heat, d):
    """The route of all other workflows, which subtracts: to 1e-13 of the squares."""
    fresh = isinstance(workflow, mc.FreshData | mc.Web)
    truth = mc.NormalMixture([0.25, 0.75], [[3.0] * d, [-1.0] * d], [np.eye(d), 2 * np.eye(d)])
    samples = min(sizes[0], 50) if fresh else [min(n, 50) for n in sizes]
    e = mc.Experiment(
        mc.Gaussian(d, ddof), workflow, samples, len(sizes), truth=truth, temperature=heat
    )
    V, R = second_order(e)
    error, _, square = fit_moments(e, fourth=True)[2:]
    variances = mc.predict(e).variances
    np.testing.assert_allclose(variances["variance"], square - V**2, rtol=0, atol=1e-13 * 9**2)
    np.testing.assert_allclose(
        variances["squared_error"], error - R**2, rtol=1e-10, atol=1e-13 * error.max()
    )


def test_a_matrix_is_the_step():
    """Long loops of equal batches, as matrices, and as single steps: a rounding each, 1e-12."""
    for workflow in (mc.SlidingWindow(2), mc.KeepReal(0.25), mc.KeepReal()):
        e = mc.Experiment(mc.Gaussian(2, 1), workflow, 6, 1200, temperature=1.02)
        last = mc.Experiment(mc.Gaussian(2, 1), workflow, 6, 400, temperature=1.02)
        for name in NAMES:
            long, short = (mc.predict(x).variances[name][:400] for x in (e, last))
            np.testing.assert_allclose(long, short, rtol=1e-12)
