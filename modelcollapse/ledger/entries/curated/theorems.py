"""The curated room's part of the ledger."""

from modelcollapse.ledger.entries.curated import labels, regions

THEOREMS = [*labels.THEOREMS, *regions.THEOREMS]
