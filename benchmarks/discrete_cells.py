"""The cells of the discrete comparison, and how the answers of both sides are checked."""

from functools import cache
from typing import NamedTuple

import numpy as np

import modelcollapse as mc
from benchmarks.cells import ERRORS, WORKFLOWS
from modelcollapse import evidence, testing
from modelcollapse.families.discrete import Discrete

OUTCOMES = 1000
QUANTITIES = ("heterozygosity", "absent")


class Cell(NamedTuple):
    """One workflow.

    Attributes
    ----------
    floor
        The ratio that the project aims at.
    samples, generations
        Rows a batch, and generations.
    repeats
        Repeats of the row-by-row loop: enough for the checks' power.
    replicates
        Replicates of the simulator in a round, likewise.
    """

    workflow: str
    samples: int
    generations: int
    floor: int | None
    repeats: int
    replicates: int

    @property
    def name(self):
        """The group of the benchmark."""
        return f"{self.workflow}, {OUTCOMES} outcomes, n = {self.samples}, T = {self.generations}"

    def experiment(self):
        """Return the experiment that both sides run."""
        size = self.samples, self.generations
        return mc.Experiment(Discrete(OUTCOMES), WORKFLOWS[self.workflow], *size)


CELLS = [
    Cell("replace", 1000, 100, 40, 32, 1024),
    Cell("accumulate", 1000, 100, 100, 32, 1024),
    Cell("accumulate", 100, 300, 100, 32, 1024),
    Cell("accumulate-subsample", 1000, 100, None, 32, 1024),
]


@cache
def prediction(workflow, samples, generations):
    """Return what theory says of a workflow."""
    return mc.predict(Cell(workflow, samples, generations, None, 0, 0).experiment())


def assert_answers(cell, answers):
    """Assert every mean with a predicted variance, and that each neighbour's is rejected.

    `answers` maps names of quantities to arrays of shape (repeats, generations).
    """
    size = cell.samples, cell.generations
    theory = prediction(cell.workflow, *size)
    pairs = [(q, t) for q in QUANTITIES if q in theory.variances for t in (10, cell.generations)]
    assert ("heterozygosity", cell.generations) in pairs
    for q, t in pairs:
        claim, spread = theory[q][t - 1], theory.variances[q][t - 1]
        testing.assert_mean(answers[q][:, t - 1], claim, spread, **ERRORS)
    for other in WORKFLOWS:
        if other != cell.workflow:
            wrong = prediction(other, *size)
            assert any(_told_apart(theory, wrong, q, t, answers[q][:, t - 1]) for q, t in pairs)


def _told_apart(theory, other, q, t, values):
    """Return whether a neighbour's mean is far enough away to be detected, and is rejected."""
    if q not in other.expected:
        return False
    wrong, spread = other[q][t - 1], theory.variances[q][t - 1]
    outcome = evidence.mean(np.asarray(values), wrong, spread, **ERRORS)
    return abs(wrong - theory[q][t - 1]) >= outcome.detectable and outcome.rejected
