"""What the ledger's entries share: sources, the truth, and the form of their loops."""

from typing import Any

from modelcollapse.families.discrete.estimator import Discrete
from modelcollapse.families.discrete.truth import truth_of
from modelcollapse.ledger.claims import BoundedClaim, Design
from modelcollapse.ledger.values import Value, constant, expectation, quantity
from modelcollapse.loop.experiment import Experiment
from modelcollapse.workflows import AnyWorkflow

DERIVED = "derived here: theory/discrete.py"
SEDDIK = "Seddik et al., arXiv 2404.05090"
SURESH = "Suresh et al., arXiv 2412.17646"
SHUMAILOV = "Shumailov et al., Nature 631:755"
ANY = "any probabilities of any number of outcomes"
SHARES = (0.5, 0.3, 0.15, 0.05)
N, T = 5, 6
ROWS = f"n={N} t={T} p=0.5,0.3,0.15,0.05"


def loop(
    workflow: AnyWorkflow, n: Any = N, generations: int = T, truth: Any = SHARES
) -> Experiment:
    """Return a loop of the ledger's truth, or of another one."""
    return Experiment(Discrete(len(truth)), workflow, n, generations, truth=truth)


def bounded_heterozygosity(design: Design, near: dict[str, Value]) -> BoundedClaim:
    """Claim the predicted mean at the last generation; with K outcomes it is at most 1 - 1/K."""
    return BoundedClaim(
        design,
        quantity("heterozygosity", T),
        expectation("heterozygosity", T),
        constant(0.0),
        lambda e: 1 - 1 / truth_of(e).outcomes,
        near,
    )
