"""The curated room's part of the ledger."""

from modelcollapse.curated.ledger import labels, regions

THEOREMS = [*labels.THEOREMS, *regions.THEOREMS]
