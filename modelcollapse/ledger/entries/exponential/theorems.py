"""The exponential-family room's part of the ledger."""

from modelcollapse.ledger.entries.exponential import (
    accumulate,
    exact,
    many_rows,
    replace,
    subsample,
)

THEOREMS = [
    *replace.THEOREMS,
    *accumulate.THEOREMS,
    *subsample.THEOREMS,
    *exact.THEOREMS,
    *many_rows.THEOREMS,
]
