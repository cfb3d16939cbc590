"""The cells of the comparison: what is run on either side, and how its answers are checked."""

from functools import cache
from typing import NamedTuple

import numpy as np

import modelcollapse as mc
from modelcollapse import evidence, testing

SAMPLES = GENERATIONS = 100
ROUNDS = 4
CHECKED = (10, GENERATIONS)  # the generations whose answers are checked
ERRORS = {"alpha": 1e-6, "beta": 1e-6}  # of each check; a false alarm and a miss
LOG_CONDITION = 30  # of covariance matrices that double precision holds: a ratio of 1e13
WORKFLOWS = {
    "replace": mc.Replace(),
    "accumulate": mc.Accumulate(),
    "accumulate-subsample": mc.AccumulateSubsample(),
}


class Cell(NamedTuple):
    """One workflow in one dimension.

    Attributes
    ----------
    floor
        The ratio that the project aims at.
    repeats
        Repeats of the paper's loop in a round: over all rounds, enough for the checks' power.
    replicates
        Replicates of the simulator in a round: likewise, and enough for a steady time.
    """

    workflow: str
    dim: int
    floor: int
    repeats: int
    replicates: int

    @property
    def name(self):
        """The group of the two benchmarks."""
        return f"{self.workflow} d={self.dim}"

    def experiment(self, ddof=0):
        """Return the experiment that both sides run if ddof = 0."""
        model = mc.Gaussian(dim=self.dim, ddof=ddof)
        return mc.Experiment(model, WORKFLOWS[self.workflow], SAMPLES, GENERATIONS)


CELLS = [
    Cell("replace", 1, 2000, 80, 65536),
    Cell("replace", 10, 200, 24, 1024),
    Cell("replace", 31, 50, 16, 256),
    Cell("replace", 100, 25, 12, 64),
    Cell("accumulate", 1, 2000, 120, 65536),
    Cell("accumulate", 10, 400, 20, 1024),
    Cell("accumulate", 100, 40, 9, 160),
    Cell("accumulate-subsample", 1, 100, 8, 2048),
    Cell("accumulate-subsample", 10, 25, 40, 512),
    Cell("accumulate-subsample", 100, 10, 13, 64),
]


class Answers:
    """The answers of all rounds, of which only the checked generations are kept in memory."""

    def __init__(self):
        self.latest, self.rounds = None, []

    def shorten(self):
        """Keep the checked generations of the latest round, and drop the rest."""
        if self.latest:
            columns = np.array(CHECKED) - 1
            self.rounds.append({q: values[:, columns] for q, values in self.latest.items()})
            self.latest = None

    def checked(self):
        """Return the answers of all rounds, each of shape (repeats, len(CHECKED))."""
        self.shorten()
        return {q: np.concatenate([r[q] for r in self.rounds]) for q in self.rounds[0]}


@cache
def prediction(cell, ddof=0):
    """Return what theory says of a cell."""
    return mc.predict(cell.experiment(ddof))


def near_misses(cell, side):
    """Return predictions that a side's answers must contradict.

    Too few repeats of the paper's loop can be afforded to tell one ddof from the other, or, in
    d = 1, accumulate-subsample from accumulate: that is left to d = 10 and d = 100, where the
    same code chooses the rows.
    """
    others = [cell._replace(workflow=name) for name in WORKFLOWS if name != cell.workflow]
    if side == "modelcollapse":
        return [*map(prediction, others), prediction(cell, ddof=1)]
    if cell.dim == 1 and cell.workflow == "accumulate-subsample":
        others = [other for other in others if other.workflow == "replace"]
    return [prediction(other) for other in others]


def resolved(cell, side, quantity, t):
    """Return whether a side's arithmetic can hold an answer.

    Loops on rows hold the covariance itself, and lose a direction once its variance is at
    rounding level beside the largest: its log-determinant is then too large. The simulator
    holds logarithms.
    """
    if side == "modelcollapse" or quantity != "log_determinant" or cell.dim == 1:
        return True
    rates = prediction(cell).exponents["lyapunov"]
    return t * (max(rates) - min(rates)) < LOG_CONDITION


def assert_answers(cell, side, answers):
    """Assert all means that have a predicted variance, and that each near miss is rejected.

    `answers` maps names of quantities to arrays of shape (repeats, len(CHECKED)). Every check
    is valid at the number of repeats at hand; see `modelcollapse.evidence`.
    """
    theory = prediction(cell)
    pairs = [(q, t) for q in answers if q in theory.variances for t in CHECKED]
    known = [(q, t) for q, t in pairs if resolved(cell, side, q, t)]
    for q, t in known:
        claim, variance = theory[q][t - 1], theory.variances[q][t - 1]
        testing.assert_mean(answers[q][:, CHECKED.index(t)], claim, variance, **ERRORS)
    for miss in near_misses(cell, side):
        assert any(
            told_apart(theory, miss, q, t, answers[q][:, CHECKED.index(t)]) for q, t in known
        ), miss.experiment


def told_apart(theory, miss, q, t, values):
    """Return whether a near miss is far enough away to be detected, and is rejected."""
    if q not in miss.expected:
        return False
    wrong, variance = miss[q][t - 1], theory.variances[q][t - 1]
    outcome = evidence.mean(values, wrong, variance, **ERRORS)
    return abs(wrong - theory[q][t - 1]) >= outcome.detectable and outcome.rejected
