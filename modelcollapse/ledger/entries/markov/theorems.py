"""The ledger of the Markov room."""

from modelcollapse.ledger.entries.markov import contexts, texts
from modelcollapse.ledger.theorem import Theorem

THEOREMS: list[Theorem] = [*contexts.THEOREMS, *texts.THEOREMS]
