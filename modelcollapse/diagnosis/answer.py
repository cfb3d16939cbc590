"""A verdict, and what it rests on."""

from dataclasses import dataclass
from typing import Literal

from modelcollapse.evidence import Evidence

Word = Literal["holds", "does not hold", "undetermined"]
Basis = Literal["theorem", "fact", "test", ""]


@dataclass(frozen=True)
class Answer:
    """A verdict and what it rests on; see `Finding`."""

    verdict: Word
    basis: Basis = ""
    metric: str = ""
    statistic: str = ""
    threshold: str = ""
    reason: str = ""
    needed: str = ""
    null: str = ""
    p_value: float | None = None
    opposite: float | None = None
    e_value: float | None = None
    evidence: Evidence | None = None
