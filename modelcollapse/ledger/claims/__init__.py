"""Claims: what a theorem asserts of simulated or computed evidence, and how that is decided.

Every claim examines its own assertion and its near misses on the same evidence. A claim proves
its power before it is believed: each near miss differs from it by at least the detectable effect
at the parameters used, or `TooWeak` is raised.
"""

from modelcollapse.ledger.claims.common import Claim, Design, Finding, Foreseen, TooWeak, Trained
from modelcollapse.ledger.claims.exact import ExactClaim
from modelcollapse.ledger.claims.laws import FrequencyClaim, LawClaim, SameLawClaim
from modelcollapse.ledger.claims.means import LARGEST_CV, BoundedClaim, MeanClaim, mean_claim

__all__ = [
    "LARGEST_CV",
    "BoundedClaim",
    "Claim",
    "Design",
    "ExactClaim",
    "Finding",
    "Foreseen",
    "FrequencyClaim",
    "LawClaim",
    "MeanClaim",
    "SameLawClaim",
    "TooWeak",
    "Trained",
    "mean_claim",
]
