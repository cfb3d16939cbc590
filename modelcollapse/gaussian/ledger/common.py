"""What the ledger's entries share: sources, near misses, and the form of a mean's claim."""

from typing import Any

from modelcollapse.claims import Design, MeanClaim
from modelcollapse.gaussian.estimator import Gaussian
from modelcollapse.values import Value, expectation, quantity, spread

PAPER = "arXiv 2410.16713 (Collapse or Thrive?)"
DERIVED = "derived here: theory/gaussian.py"
NORMAL = "the truth is normal, every batch has n rows"
ANY = "any truth with finite variance, any d"
OTHER_DDOF: dict[str, Any] = {"model": Gaussian(ddof=1)}


def mean_claim(design: Design, name: str, t: int, near: dict[str, Value]) -> MeanClaim:
    """Claim that a quantity has its predicted mean at generation t."""
    signed = "log" in name
    value, variance = expectation(name, t), spread(name, t)
    return MeanClaim(design, quantity(name, t), value, variance, near, signed=signed)
