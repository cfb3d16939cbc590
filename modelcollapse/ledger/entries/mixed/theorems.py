"""The part of the ledger on mixed and fresh data."""

from modelcollapse.ledger.entries.mixed import (
    exchange,
    fresh,
    information,
    kept,
    selection,
    sources,
    web,
)

THEOREMS = [
    *fresh.THEOREMS,
    *kept.THEOREMS,
    *sources.THEOREMS,
    *web.THEOREMS,
    *selection.THEOREMS,
    *information.THEOREMS,
    *exchange.THEOREMS,
]
