"""Slow oracles of the discrete room: the whole law of small loops, and the plain loop."""

import math
from fractions import Fraction

import numpy as np

from modelcollapse.families.discrete import Discrete, enumeration
from tests.helpers.plain_loops import plain_loops

QUANTITIES = (
    "heterozygosity",
    "absent",
    "missing_mass",
    "collapsed",
    "any_absent",
    "squared_error",
)
WITH_VARIANCE = QUANTITIES


def exact(quantity, e):
    """Return a quantity of counts as a function, in fractions."""
    truth = enumeration.fractions(e)
    first = 1 - sum(p * p for p in truth)

    def value(counts):
        shares = [Fraction(c, sum(counts)) for c in counts]
        if quantity == "heterozygosity":
            return 1 - sum(p * p for p in shares)
        if quantity == "absent":
            return Fraction(sum(p == 0 < q for p, q in zip(shares, truth, strict=True)))
        if quantity == "missing_mass":
            return sum(q for p, q in zip(shares, truth, strict=True) if p == 0)
        if quantity == "collapsed":
            return Fraction(int(max(shares) == 1))
        if quantity == "any_absent":
            return Fraction(int(any(p == 0 < q for p, q in zip(shares, truth, strict=True))))
        return sum((p - q) ** 2 for p, q in zip(shares, truth, strict=True)) / first

    return value


def entropy(law):
    """Return the expected entropy, in nats."""
    return -sum(
        float(chance) * sum(c / sum(counts) * math.log(c / sum(counts)) for c in counts if c)
        for counts, chance in law.items()
    )


def metrics(truth):
    """Return what the plain loop measures, under names of its own."""
    truth = np.asarray(truth, dtype=float)
    first = 1 - truth @ truth
    return {
        "heterozygosity": lambda m, _, __: 1 - (m.probabilities_**2).sum(),
        "absent": lambda m, _, __: ((m.probabilities_ == 0) & (truth > 0)).sum(),
        "any_absent": lambda m, _, __: ((m.probabilities_ == 0) & (truth > 0)).any(),
        "missing_mass": lambda m, _, __: truth[m.probabilities_ == 0].sum(),
        "entropy": lambda m, _, __: -sum(p * np.log(p) for p in m.probabilities_ if p > 0),
        "distance": lambda m, _, __: ((m.probabilities_ - truth) ** 2).sum() / first,
    }


def loops(tenths, workflow, sizes, runs, seed, model=None):
    """Run the plain loop; the truth's probabilities are given in tenths, as rows of a data set."""
    model = Discrete(len(tenths)) if model is None else model
    rows = np.repeat(np.arange(len(tenths)), tenths).astype(float)
    own = metrics(np.array(tenths) / 10)
    return plain_loops(model, rows, workflow, sizes, 3, runs, seed, metrics=own)
