"""The chance that draws from a fit all differ: against the whole law, in rationals."""

from fractions import Fraction
from itertools import permutations
from math import prod

import numpy as np
import pytest

import modelcollapse as mc

SHARES = (0.4, 0.3, 0.2, 0.1)


def loop(workflow, n, generations, truth=SHARES):
    """Return a loop of four outcomes, unless others are given."""
    return mc.Experiment(mc.Discrete(len(truth)), workflow, n, generations, truth=truth)


@pytest.mark.parametrize("draws", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "workflow",
    [
        mc.Replace(),
        mc.Accumulate(),
        mc.AccumulateSubsample(),
        mc.AccumulateSubsample(3),
        mc.AccumulateSubsample(2),
    ],
)
def test_the_whole_law_has_this_mean(workflow, draws):
    """Choose the draws one after the other, each from what is left."""
    e = loop(workflow, [3, 2, 3], 3, (0.5, 0.25, 0.25))
    exact = [
        sum(
            chance * Fraction(sum(map(prod, permutations(counts, draws))), sum(counts) ** draws)
            for counts, chance in law.items()
        )
        for law in mc.discrete.exact_law(e)
    ]

    found = mc.discrete.all_different(e, draws)

    assert found == pytest.approx(list(map(float, exact)), rel=1e-12, abs=1e-300)


def test_numbers_worked_out_apart():
    """The shares of the truth's that are left, n = 5."""
    first = 6 * (0.4 * 0.3 * 0.2 + 0.4 * 0.3 * 0.1 + 0.4 * 0.2 * 0.1 + 0.3 * 0.2 * 0.1)
    pooled = mc.discrete.all_different(loop(mc.Accumulate(), 5, 8), 3) / first
    replaced = mc.discrete.all_different(loop(mc.Replace(), 5, 4), 3) / first

    assert pooled[[1, 3, 7]] == pytest.approx([0.41280, 0.37249, 0.35030], abs=6e-6)
    assert replaced[[1, 3]] == pytest.approx([0.48**2, 0.48**4])


@pytest.mark.parametrize("workflow", [mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample(4)])
def test_two_draws_differ_as_the_heterozygosity_says(workflow):
    """And more draws than outcomes never do."""
    e = loop(workflow, 6, 10)

    found = mc.discrete.all_different(e, 2)

    assert found == pytest.approx(mc.predict(e)["heterozygosity"], rel=1e-12)
    assert np.all(mc.discrete.all_different(e, 5) == 0)


def test_what_is_open_and_what_is_wrong():
    """Several pools are open; draws are counted from 1."""
    with pytest.raises(mc.NoClosedForm, match="all_different is known for replace"):
        mc.discrete.all_different(loop(mc.KeepReal(), 5, 3), 3)
    with pytest.raises(mc.InvalidInput, match="draws"):
        mc.discrete.all_different(loop(mc.Replace(), 5, 3), 0)
