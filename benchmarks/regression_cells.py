"""The cells of the regression's comparison, and how its answers are checked."""

from typing import NamedTuple

import modelcollapse as mc
from benchmarks.cells import CHECKED, ERRORS, GENERATIONS, SAMPLES, WORKFLOWS, told_apart
from modelcollapse import testing
from modelcollapse.families.regression import LinearRegression


class RegressionCell(NamedTuple):
    """One workflow with a fixed design; see `cells.Cell`."""

    workflow: str
    dim: int
    floor: int
    repeats: int
    replicates: int

    @property
    def name(self):
        """The group of the two benchmarks."""
        return f"regression {self.workflow} d={self.dim}"

    def experiment(self, workflow=None):
        """Return the experiment that both sides run; another workflow makes a near miss."""
        chosen = WORKFLOWS[workflow or self.workflow]
        return mc.Experiment(LinearRegression(self.dim), chosen, SAMPLES, GENERATIONS)


REGRESSION_CELLS = [
    RegressionCell("replace", 10, 50, 24, 4096),
    RegressionCell("accumulate", 10, 50, 12, 4096),
]


def assert_risks(cell, risks):
    """Assert the expected risks of shape (repeats, len(CHECKED)), and reject the other workflow's.

    The variances are exact, and every check is valid at the number of repeats at hand.
    """
    theory = mc.predict(cell.experiment())
    other = "replace" if cell.workflow == "accumulate" else "accumulate"
    miss = mc.predict(cell.experiment(other))
    for column, t in enumerate(CHECKED):
        claim, variance = theory["risk"][t - 1], theory.variances["risk"][t - 1]
        testing.assert_mean(risks[:, column], claim, variance, **ERRORS)
    assert any(
        told_apart(theory, miss, "risk", t, risks[:, column]) for column, t in enumerate(CHECKED)
    )
