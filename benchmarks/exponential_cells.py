"""The families that are compared, and how the answers of either side are checked."""

from functools import cache
from typing import NamedTuple

import modelcollapse as mc
from modelcollapse import evidence, testing
from modelcollapse.families.exponential import FAMILIES

SAMPLES, GENERATIONS = 1000, 100
CHECKED = (10, GENERATIONS)
ERRORS = {"alpha": 1e-6, "beta": 1e-6}
ROUNDS = 3


class FamilyCell(NamedTuple):
    """One family under accumulate.

    Attributes
    ----------
    floor
        The ratio that the project aims at.
    repeats, replicates
        In a round, of the plain loop and of the simulator: over all rounds enough for the power
        of the checks, and for a steady time.
    """

    family: str
    floor: int
    repeats: int = 20
    replicates: int = 32768

    @property
    def name(self):
        """The group of the two benchmarks."""
        return f"accumulate {self.family}"

    def experiment(self, workflow=None):
        """Return the experiment that both sides run, or that of another workflow."""
        workflow = workflow or mc.Accumulate()
        return mc.Experiment(FAMILIES[self.family](), workflow, SAMPLES, GENERATIONS)


CELLS = [
    FamilyCell("normal-mean", 1000),
    FamilyCell("poisson", 1000),
    FamilyCell("binomial", 1000),
    FamilyCell("gamma", 1000),
    FamilyCell("negative-binomial", 1000),
    FamilyCell("hyperbolic-secant", 100, replicates=2048),
]


@cache
def prediction(cell, workflow=None):
    """Return what theory says of a cell."""
    return mc.predict(cell.experiment(workflow))


def assert_answers(cell, errors):
    """Assert the mean squared errors, and that replace's are rejected.

    `errors` has shape (repeats, len(CHECKED)); the predicted variances make each check valid at
    the number of repeats at hand.
    """
    theory, other = prediction(cell), prediction(cell, mc.Replace())
    for column, t in enumerate(CHECKED):
        claim = theory["squared_error"][t - 1]
        spread = theory.variances["squared_error"][t - 1]
        testing.assert_mean(errors[:, column], claim, spread, **ERRORS)
        wrong = other["squared_error"][t - 1]
        outcome = evidence.mean(errors[:, column], wrong, spread, **ERRORS)
        assert abs(wrong - claim) >= outcome.detectable
        assert outcome.rejected
