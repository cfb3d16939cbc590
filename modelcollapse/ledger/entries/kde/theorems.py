"""The kernel density room's part of the ledger."""

from modelcollapse.ledger.entries.kde import (
    bandwidths,
    densities,
    losses,
    moments,
    optimal,
    real_data,
    shrinkage,
)

THEOREMS = [
    *moments.THEOREMS,
    *bandwidths.THEOREMS,
    *densities.THEOREMS,
    *shrinkage.THEOREMS,
    *losses.THEOREMS,
    *optimal.THEOREMS,
    *real_data.THEOREMS,
]
