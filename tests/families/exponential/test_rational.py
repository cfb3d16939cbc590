"""Exponential families where means are tiny or near an end, against rationals."""

from fractions import Fraction
from math import comb

import mpmath
import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.families.exponential import Binomial, NegativeBinomial, Poisson
from modelcollapse.solver.subsample import subsample_errors

EPS = np.finfo(float).eps
MEANS = (1e-100, 1e-17, 1e-8, 0.3, 0.5, 0.7, 1 - 1e-8, 1 - 2.0**-52)
KEEPING = (mc.Accumulate(), mc.KeepReal(0.3), mc.Web(2, 3))


def relative(found, wanted, roundings):
    """Assert that a float is a rational, or a number of 60 digits, up to so many roundings."""
    assert abs(mpmath.mpf(float(found)) - wanted) <= roundings * EPS * abs(wanted)


@pytest.mark.parametrize("mean", MEANS)
def test_both_ends_of_a_binomial_chain_keep_their_digits(mean):
    """P(absorbed) and its variance: logarithms of binomial coefficients up to 12, 200 roundings."""
    law, p = (
        {Fraction(mean): Fraction(1)},
        mc.predict(mc.Experiment(Binomial(2), mc.Replace(), [2, 3, 2], 3, truth=2 * mean)),
    )
    for t, n in enumerate((4, 6, 4)):
        after = {}
        for q, weight in law.items():
            for j in range(n + 1):
                chance = weight * comb(n, j) * q**j * (1 - q) ** (n - j)
                after[Fraction(j, n)] = after.get(Fraction(j, n), 0) + chance
        law = after
        dead = law[Fraction(0)] + law[Fraction(1)]
        exact = [mpmath.mpf(x.numerator) / x.denominator for x in (dead, dead * (1 - dead))]
        relative(p["absorbed"][t], exact[0], 200)
        relative(p.variances["absorbed"][t], exact[1], 200)


@pytest.mark.parametrize("workflow", KEEPING, ids=repr)
@pytest.mark.parametrize("mean", MEANS)
def test_real_rows_at_an_end_keep_their_digits(workflow, mean):
    """All real rows at one end: powers of p and 1 - p, of at most 20 trials; 60 roundings.

    The exponent of a power near 1 has the rounding of its logarithm, times the power's.
    """
    e = mc.Experiment(Binomial(2), workflow, 4, 3, truth=2 * mean)
    for t, rows in enumerate(np.cumsum(e.schedule.real).tolist()):
        q, R = Fraction(mean), 2 * rows
        dead = q**R + (1 - q) ** R
        exact = [mpmath.mpf(x.numerator) / x.denominator for x in (dead, dead * (1 - dead))]
        relative(mc.predict(e)["absorbed"][t], exact[0], 60 * (1 + R))
        relative(mc.predict(e).variances["absorbed"][t], exact[1], 60 * (1 + R))
    with mpmath.workdps(60):
        for model, log in (
            (Poisson(), -mpmath.mpf(mean)),
            (NegativeBinomial(2.0), -2 * mpmath.log1p(mpmath.mpf(mean) / 2)),
        ):
            p = mc.predict(mc.Experiment(model, mc.Accumulate(), 4, 2, truth=mean))
            relative(p["absorbed"][1], mpmath.exp(4 * log), 60)
            wanted = mpmath.exp(4 * log) * -mpmath.expm1(4 * log)
            relative(p.variances["absorbed"][1], wanted, 60)


@pytest.mark.parametrize("budget", [None, 1, 2, 7])
@pytest.mark.parametrize("trials", [1, 3])
def test_what_a_subsample_leaves_of_a_variance(budget, trials):
    """1 - R/N with R its exact error: ten positive terms a generation, also as it vanishes."""
    workflow, T = mc.AccumulateSubsample(budget), 60
    e = mc.Experiment(Binomial(trials), workflow, 1, T)
    counts = e.schedule.counts.tolist()
    errors = subsample_errors([1] * T, counts, Fraction(-1, trials), Fraction(1))
    for found, error in zip(mc.predict(e)["variance"], errors, strict=True):
        exact = 1 - error / trials
        relative(found, mpmath.mpf(exact.numerator) / exact.denominator, 10 * T)
