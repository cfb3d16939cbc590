"""Discrete predictions where probabilities are tiny or batches large, against rationals."""

from fractions import Fraction
from math import comb, perm

import mpmath as mp
import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.families.discrete import Discrete, enumeration, exact_law
from tests.helpers.discrete_oracle import QUANTITIES, WITH_VARIANCE, exact

EPS = np.finfo(float).eps
TINY = (0.5, 1e-3, 1e-8, 1e-12, 1e-13, 1e-14, 1e-15, 1e-16, 1e-17, 1e-100, 1e-300)
EDITS = (mc.Edit(rows=1), mc.Edit(rows=3), mc.Edit(share=0.375))
POOLS = (mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample(), mc.AccumulateSubsample(3), *EDITS)
SECOND = ((0, 1), (0, 1, 1), (0, 1, 3, 1), (0, 1, 7, 6, 1))  # Stirling's numbers, of orders 1 to 4


def relative(found, wanted, roundings):
    """Assert that a float is a rational up to so many roundings, and where floats end."""
    slack = roundings * Fraction(EPS) * abs(wanted) + Fraction(2) ** -1060
    assert abs(Fraction(float(found)) - wanted) <= slack


@pytest.mark.parametrize("workflow", POOLS, ids=repr)
@pytest.mark.parametrize("p", TINY)
def test_tiny_probabilities_lose_no_digit(workflow, p):
    """Every mean and variance of a coin at n = 4: at most 30 roundings a generation and 4 more."""
    sizes = [4, 4, 4] if isinstance(workflow, mc.Replace) else [4, 3]
    samples = 4 if isinstance(workflow, mc.Edit) else sizes
    e = mc.Experiment(Discrete(2), workflow, samples, len(sizes), truth=[p, 1 - p])
    agree(e, 34 * len(sizes))


@pytest.mark.parametrize("workflow", POOLS, ids=repr)
def test_tiny_probabilities_among_others_lose_no_digit(workflow):
    """Three outcomes of which one or two are tiny."""
    for truth in ([1e-300, 1e-200, 1], [1e-14, 0.25, 0.75 - 1e-14], [1e-9, 1e-9, 1 - 2e-9]):
        samples = 3 if isinstance(workflow, mc.Edit) else [3, 3]
        agree(mc.Experiment(Discrete(3), workflow, samples, 2, truth=truth), 80)


@pytest.mark.parametrize("workflow", [mc.Replace(), mc.Edit(rows=2)], ids=repr)
def test_nearly_even_truths_lose_no_digit_as_they_collapse(workflow):
    """What is missing hardly varies then: 40 generations, 4 roundings each."""
    truth = [0.5 + 2**-30, 0.5 - 2**-30]
    agree(mc.Experiment(Discrete(2), workflow, 3, 40, truth=truth), 160)


def agree(e, roundings):
    """Assert that all means and variances are those of the whole law, in rationals."""
    prediction = mc.predict(e)
    for t, law in enumerate(exact_law(e)):
        # Sums with alternating signs are right to roundings of their terms, which are at most 1.
        some = exact("any_absent", e)
        mean = enumeration.mean(law, some)
        sets = 2 ** int(np.count_nonzero(e.truth.probabilities))
        for found, wanted in (
            (prediction["any_absent"][t], mean),
            (prediction.variances["any_absent"][t], mean * (1 - mean)),
        ):
            assert abs(float(found) - float(wanted)) <= sets * roundings * EPS
        for name in QUANTITIES:
            if name == "any_absent":
                continue
            value = exact(name, e)
            mean = enumeration.mean(law, value)
            spread = enumeration.mean(law, lambda c, v=value, m=mean: (v(c) - m) ** 2)
            relative(prediction[name][t], mean, roundings)
            if name in WITH_VARIANCE:
                relative(prediction.variances[name][t], spread, roundings)


def coin(workflow, sizes, p):
    """Return E x_t^2 and E x_t^4 for a coin, x the error of its fit: powers of the frequency."""
    moments, N = [p**j for j in range(5)], 0
    for n in sizes:
        N = 0 if isinstance(workflow, mc.Replace) else N
        w, v = Fraction(N, N + n), Fraction(n, N + n)
        moments = [Fraction(1)] + [
            sum(
                comb(j, i) * w ** (j - i) * v**i
                * sum(
                    Fraction(SECOND[i - 1][m] * perm(n, m), n**i) * moments[j - i + m]
                    for m in range(1, i + 1)
                )
                for i in range(1, j + 1)
            )
            + w**j * moments[j]
            for j in range(1, 5)
        ]  # fmt: skip
        N += n
        yield [sum(comb(k, j) * moments[j] * (-p) ** (k - j) for j in range(k + 1)) for k in (2, 4)]


@pytest.mark.parametrize("workflow", [mc.Replace(), mc.Accumulate()], ids=repr)
@pytest.mark.parametrize("n", [1, 2, 10, 10**6, 5 * 10**11])
@pytest.mark.parametrize("p", [0.5, 0.25, 1e-12, 1e-300])
def test_batches_of_any_size_lose_no_digit(workflow, n, p):
    """The squared error of a coin is x^2 over p (1-p): its variance, in rationals."""
    sizes = [n, 2 * n, n, n]
    e = mc.Experiment(Discrete(2), workflow, sizes, 4, truth=[p, 1 - p])
    q = Fraction(p) / (Fraction(p) + Fraction(1 - p))
    for t, (square, fourth) in enumerate(coin(workflow, sizes, q)):
        wanted = (fourth - square**2) / (q * (1 - q)) ** 2
        relative(mc.predict(e).variances["squared_error"][t], wanted, 140)


def surprise(p):
    """Return -p log p in 60 digits, of a rational."""
    with mp.workdps(60):
        value = mp.mpf(p.numerator) / p.denominator
        return -value * (
            mp.log(value) if p < 0.5 else mp.log1p(-((1 - p).numerator / mp.mpf(p.denominator)))
        )


@pytest.mark.parametrize("workflow", [*POOLS, mc.SlidingWindow(2), mc.FreshData(2, 2)], ids=repr)
@pytest.mark.parametrize(("p", "n"), [(1e-8, 4), (1e-14, 4), (1e-300, 4), (0.25, 8), (1e-9, 10**9)])
def test_simulated_values_are_those_of_the_fit(workflow, p, n, seed):
    """Heterozygosity, entropy and squared error from the counts, in rationals: 20 roundings.

    The squared error of n rows is a difference of frequencies: what it is of 1/n costs as many.
    """
    e = mc.Experiment(Discrete(2), workflow, n, 3, truth=[p, 1 - p])
    found = mc.simulate(e, 40, seed, extra=("probabilities",))
    q = Fraction(p) / (Fraction(p) + Fraction(1 - p))
    for place in np.ndindex(40, 3):
        f = Fraction(found["probabilities"][place][0]).limit_denominator(6 * n)
        relative(found["heterozygosity"][place], 2 * f * (1 - f), 20)
        error = (f - q) ** 2 / (q * (1 - q))
        slack = 20 * EPS * (float(error) + float(abs(f - q) * max(f, q) / (q * (1 - q))))
        assert abs(found["squared_error"][place] - float(error)) <= slack
        if 0 < f < 1:
            wanted = surprise(f) + surprise(1 - f)
            assert found["entropy"][place] == pytest.approx(float(wanted), rel=20 * EPS, abs=0)


@pytest.mark.parametrize("p", TINY)
def test_the_entropy_is_between_its_bounds(p):
    """The truth's own is the upper one, to four roundings; a chain gives it where it is short."""
    e = mc.Experiment(Discrete(2), mc.KeepReal(0.5), 4, 3, truth=[p, 1 - p])
    q = Fraction(p) / (Fraction(p) + Fraction(1 - p))
    most = float(surprise(q) + surprise(1 - q))
    assert mc.predict(e)["entropy_upper"] == pytest.approx([most] * 3, rel=4 * EPS, abs=0)
