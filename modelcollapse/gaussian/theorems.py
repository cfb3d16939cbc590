"""The Gaussian room's part of the ledger."""

from modelcollapse.gaussian import (
    theorems_data,
    theorems_exact,
    theorems_pooled,
    theorems_replace,
)

THEOREMS = [
    *theorems_replace.THEOREMS,
    *theorems_pooled.THEOREMS,
    *theorems_exact.THEOREMS,
    *theorems_data.THEOREMS,
]
