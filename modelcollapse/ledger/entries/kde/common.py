"""What the entries share: sources, the standard loops and their simulations."""

from collections.abc import Callable
from typing import Any

from modelcollapse.families.kde.estimator import KDE
from modelcollapse.ledger.claims import Design
from modelcollapse.loop.experiment import Experiment
from modelcollapse.workflows import Accumulate, AccumulateSubsample, AnyWorkflow, Replace, Workflow

PAPER = "arXiv 2410.16713 (Collapse or Thrive?)"
DERIVED = "derived here: theory/kde.py"
ANY = "any truth with finite variance, any d, any kernel; bandwidths from the sizes"
NORMAL = "Gaussian kernel, normal truth, d = 1"
N, H, T = 10, 0.5, 5
WORKFLOWS: dict[str, Workflow] = {
    "replace": Replace(),
    "accumulate": Accumulate(),
    "accumulate-subsample": AccumulateSubsample(),
}


def loop(workflow: AnyWorkflow, bandwidth: Any = H, n: int = N, t: int = T) -> Experiment:
    """Return a loop in d = 1 with a standard normal truth."""
    return Experiment(KDE(bandwidth), workflow, n, t)


def _building(workflow: Workflow) -> Callable[[], Experiment]:
    return lambda: loop(workflow)


MOMENTS = {name: Design(_building(w), 1_000_000) for name, w in WORKFLOWS.items()}
FITS = {
    name: Design(_building(w), 400_000, ("mise", "draw"), at=(T,)) for name, w in WORKFLOWS.items()
}
