"""The Gaussian room's part of the ledger."""

from modelcollapse.ledger.entries.gaussian import (
    accumulate,
    determinants,
    editing,
    floor,
    identities,
    kept_data,
    limits,
    losses,
    real_data,
    replace_distances,
    replace_logarithms,
    replace_moments,
    selection,
)

THEOREMS = [
    *replace_moments.THEOREMS,
    *replace_logarithms.THEOREMS,
    *replace_distances.THEOREMS,
    *accumulate.THEOREMS,
    *determinants.THEOREMS,
    *kept_data.THEOREMS,
    *limits.THEOREMS,
    *identities.THEOREMS,
    *real_data.THEOREMS,
    *selection.THEOREMS,
    *editing.THEOREMS,
    *floor.THEOREMS,
    *losses.THEOREMS,
]
