"""The ledger of the discrete room."""

from modelcollapse.ledger.entries.discrete import exact, smoothing, survival, workflows
from modelcollapse.ledger.theorem import Theorem

THEOREMS: list[Theorem] = [
    *workflows.THEOREMS,
    *survival.THEOREMS,
    *exact.THEOREMS,
    *smoothing.THEOREMS,
]
