"""What becomes of a quantity in the long run."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["bounded", "diverges", "clumps", "undetermined"]


@dataclass(frozen=True)
class Fate:
    """What becomes of a quantity as t grows.

    Attributes
    ----------
    verdict
        "bounded"; "diverges"; "clumps" (the rows draw together to atoms: a variance that
        vanishes, or an error that explodes because the bandwidth shrinks too fast); or
        "undetermined".
    rate
        How it grows or vanishes, such as "t^0.5" or "at least log log t, at most log t".
    reason
        Why, in one line.
    """

    verdict: Outcome
    rate: str
    reason: str
