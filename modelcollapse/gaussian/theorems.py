"""The Gaussian room's part of the ledger."""

from modelcollapse.gaussian import theorems_pooled, theorems_replace

THEOREMS = theorems_replace.THEOREMS + theorems_pooled.THEOREMS
