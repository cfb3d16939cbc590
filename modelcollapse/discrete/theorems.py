"""The ledger of the discrete room."""

from modelcollapse.discrete.ledger import exact, survival, workflows
from modelcollapse.theorem import Theorem

THEOREMS: list[Theorem] = [*workflows.THEOREMS, *survival.THEOREMS, *exact.THEOREMS]
