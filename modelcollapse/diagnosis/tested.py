"""What a test of runs, rows or samples has found, and what would decide an open one."""

import math
from dataclasses import dataclass

from modelcollapse._support.words import many
from modelcollapse.diagnosis.answer import Word
from modelcollapse.evidence import Evidence


@dataclass(frozen=True)
class Outcome:
    """A test over later generations.

    Attributes
    ----------
    best
        The index of the later generation, from 0, that speaks most for a rise.
    statistic
        There: how many runs are above, the mean difference, or the difference of shares.
    p_value, opposite
        The smallest alpha at which it "holds", and at which it "does not hold".
    alpha
        The level.
    method
        The test in words.
    samples
        The number of runs or rows.
    least
        The fewest of them with which it can be said that it holds, and that it does not.
    alike
        With so many that behave like these it would hold; inf if with no number.
    log_e
        The logarithm of the e-value, of a test by betting.
    evidence
        The test as one of `modelcollapse.evidence`, if it is one.
    """

    best: int
    statistic: float
    p_value: float
    opposite: float
    alpha: float
    method: str
    samples: int
    least: tuple[float, float]
    alike: float = math.inf
    log_e: float | None = None
    evidence: Evidence | None = None

    @property
    def verdict(self) -> Word:
        """What follows at alpha."""
        if self.p_value <= self.alpha:
            return "holds"
        return "does not hold" if self.opposite <= self.alpha else "undetermined"

    @property
    def done(self) -> bool:
        """Whether the test has decided."""
        return self.verdict != "undetermined"

    def counted(self, noun: str) -> str:
        """Return how many are above, of a sign test: "3 of 40 runs"."""
        return f"{int(self.statistic)} of {many(self.samples, noun)}"

    def explained(self, lead: str, noun: str, move: str) -> str:
        """Return why a sign test has its verdict; `lead` says what the runs are above of."""
        at_most = "at most " if self.verdict == "does not hold" else ""
        what = f"{lead} in {at_most}{self.counted(noun)}"
        short = self.least[0] if 2 * self.statistic >= self.samples else self.least[1]
        if not self.done and self.samples < short:
            return f"{what}: too few to be told from one half at this alpha, whatever they do"
        return {
            "holds": f"{what}, and so in more than half of all ({move})",
            "does not hold": f"{what}, and so in less than half of all",
            "undetermined": f"{what}: not told from one half at this alpha",
        }[self.verdict]

    def wanted(self, nouns: str) -> str:
        """Return what would decide an open test: an alpha, or a number of runs."""
        if self.done:
            return ""
        said = []
        if self.p_value < 1:
            said.append(f"it holds from alpha = {self.p_value:.2g} on")
        if self.samples < self.alike < math.inf:
            said.append(f"it would with {int(self.alike):,} {nouns} like these")
        words = zip(self.least, ("holds", "does not"), strict=True)
        short = [(n, word) for n, word in words if self.samples < n < math.inf]
        if short:
            numbers = ", ".join(f"{int(n)} to tell that it {word}" for n, word in short)
            said.append(f"at this alpha it takes at least {numbers}")
        return "; ".join([f"more {nouns}", *said])
