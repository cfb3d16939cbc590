"""The regression room's part of the ledger."""

from modelcollapse.ledger.entries.regression import accumulate, fresh_data, limits, replace

THEOREMS = [
    *replace.THEOREMS,
    *accumulate.THEOREMS,
    *limits.THEOREMS,
    *fresh_data.THEOREMS,
]
