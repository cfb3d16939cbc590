"""The ledger of the language room, which is run where its extra is installed."""

from modelcollapse.ledger.entries.language import fits, loops
from modelcollapse.ledger.theorem import Theorem

THEOREMS: list[Theorem] = [*fits.THEOREMS, *loops.THEOREMS]
