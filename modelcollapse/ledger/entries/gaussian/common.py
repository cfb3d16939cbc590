"""What the ledger's entries share: sources, near misses, and the form of a mean's claim."""

from typing import Any

from modelcollapse.families.gaussian.estimator import Gaussian

PAPER = "arXiv 2410.16713 (Collapse or Thrive?)"
DERIVED = "derived here: theory/gaussian.py"
NORMAL = "the truth is normal, every batch has n rows"
ANY = "any truth with finite variance, any d"
OTHER_DDOF: dict[str, Any] = {"model": Gaussian(ddof=1)}
