"""What a room gathers the parts of its prediction in."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Route


class Parts:
    """Routes to quantities and to their variances and laws, and why there is none.

    Attributes
    ----------
    routes, spreads, laws
        The function that computes each expectation, variance over replicates, or law.
    reasons, spread_reasons, law_reasons
        For each name without one, why.
    notes
        Why a value is infinite.
    """

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self.reasons: dict[str, str] = {}
        self.spreads: dict[str, Route] = {}
        self.spread_reasons: dict[str, str] = {}
        self.laws: dict[str, Route] = {}
        self.law_reasons: dict[str, str] = {}
        self.notes: dict[str, str] = {}
