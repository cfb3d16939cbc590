"""Exact tests that later generations are worse than the first.

With replicates the claim is about the median run: "in more than half of all runs the value at
generation t is above the bar". The number of such runs is binomial, so the exact sign test holds
for any law and at any number of runs, infinite values included, and a tie counts as not above.
"Holds" is a rejection at some later generation, at alpha over their number (Bonferroni); "does not
hold" a rejection of the opposite at every one of them, each at alpha (an intersection-union test).
Either word is wrong with probability at most alpha. If bounds on the values are given, the claim
is about the mean, by Hoeffding's inequality.

Values are signed: they get worse as they rise. A bar's level is the column's own.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.words import many
from modelcollapse.diagnosis.outcome import Word
from modelcollapse.evidence import Evidence, bounded_mean, frequency

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Bar:
    """What a later value is held against: a multiple of the first one, or a level.

    `sign` is that of the values: -1 where the column gets worse as it falls.
    """

    factor: float = 1.0
    level: float | None = None
    sign: int = 1

    def of(self, first: Floats) -> Floats:
        """Return the bar of each first value."""
        if self.level is not None:
            return np.full_like(first, self.sign * self.level)
        with np.errstate(over="ignore"):
            return self.factor * first

    @property
    def plain(self) -> bool:
        """Whether it is the first value itself."""
        return self.level is None and self.factor == 1

    @property
    def side(self) -> str:
        """On which side of the bar the column is worse."""
        return "above" if self.sign > 0 else "below"

    def text(self, first: int) -> str:
        """Return the bar in words, for a trajectory whose first generation is `first`."""
        if self.level is not None:
            return f"{self.level:.5g}"
        times = "" if self.factor == 1 else f"{self.factor:.5g} times "
        return f"{times}that of generation {first}"


@dataclass(frozen=True)
class Outcome:
    """A test over later generations.

    `best` is the index of the later generation, from 0, where most runs are above; `statistic` is
    how many they are there, the mean difference or the difference of shares. `least` has the fewest
    runs with which the verdict can be "holds", and "does not hold".
    """

    verdict: Word
    best: int
    statistic: float
    evidence: Evidence
    threshold: str
    least: tuple[float, float]

    @property
    def done(self) -> bool:
        """Whether the test has decided."""
        return self.verdict != "undetermined"

    def counted(self, noun: str) -> str:
        """Return how many are above, of a sign test: "3 of 40 runs"."""
        return f"{int(self.statistic)} of {many(self.evidence.samples, noun)}"

    def explained(self, lead: str, noun: str, move: str) -> str:
        """Return why a sign test has its verdict; `lead` says what the runs are above of."""
        at_most = "at most " if self.verdict == "does not hold" else ""
        what = f"{lead} in {at_most}{self.counted(noun)}"
        if not self.done and not self.evidence.decidable:
            return f"{what}: too few to be told from one half, whatever they do"
        return {
            "holds": f"{what}, and so in more than half of all ({move})",
            "does not hold": f"{what}, and so in less than half of all",
            "undetermined": f"{what}: too near one half to be told from it",
        }[self.verdict]

    def wanted(self, nouns: str) -> str:
        """Return what would decide an open test."""
        if self.done:
            return ""
        words = zip(self.least, ("holds", "does not"), strict=True)
        short = [(n, word) for n, word in words if self.evidence.samples < n < math.inf]
        numbers = ", ".join(f"{n} to tell that it {word}" for n, word in short)
        return f"more {nouns}" + (f": at least {numbers}" if numbers else "")


def above(values: Floats, bar: Bar) -> Flags:
    """Return which later values are above the bar, shape (runs, later generations)."""
    return np.asarray(values[:, 1:] > bar.of(values[:, :1]))


def became_infinite(values: Floats) -> Integers:
    """Return how many runs have gone from a finite value to inf by each later generation."""
    flags = np.isfinite(values[:, :1]) & np.isposinf(values[:, 1:])
    return np.asarray(flags.sum(axis=0))


def sign_test(flags: Flags, alpha: float) -> Outcome:
    """Test whether more than half of the runs are above, at some later generation.

    Parameters
    ----------
    flags
        Shape (runs, later generations).
    alpha
        The largest probability of either wrong verdict.
    """
    counts, n = flags.sum(axis=0), len(flags)
    best, later = int(np.argmax(counts)), len(counts)
    # All generations have the same number of runs: the largest count decides for all of them.
    up = frequency(int(counts[best]), n, 0.5, alpha=alpha / later, side="above")
    down = frequency(int(counts[best]), n, 0.5, alpha=alpha, side="below")
    text = f"exact sign test, {_levels(later)}"
    return _outcome(best, int(counts[best]), up, down, text)


def mean_test(values: Floats, bar: Bar, bounds: tuple[float, float], alpha: float) -> Outcome:
    """Test whether the mean is above the bar, for values within `bounds`; see `sign_test`."""
    low, high = bounds
    gaps = values[:, 1:] - bar.of(values[:, :1])
    if bar.level is None:
        low, high = low - bar.factor * high, high - bar.factor * low
    else:
        low, high = low - bar.sign * bar.level, high - bar.sign * bar.level
    means, later = gaps.mean(axis=0), gaps.shape[1]
    best = int(np.argmax(means))
    sample = np.clip(gaps[:, best], low, high)  # rounding may leave the bounds by a digit
    up = bounded_mean(sample, 0.0, low, high, alpha=alpha / later, side="above")
    down = bounded_mean(sample, 0.0, low, high, alpha=alpha, side="below")
    text = f"Hoeffding's inequality for differences in [{low:.5g}, {high:.5g}], {_levels(later)}"
    return _outcome(best, float(means[best]), up, down, text)


def shares_test(successes: Floats, trials: Floats, alpha: float) -> Outcome | None:
    """Test whether a share of independent samples is above the first generation's, in every run.

    Clopper-Pearson intervals of the two generations that do not overlap, each at half of the
    level. All runs must show the same for a verdict. None without samples.

    Parameters
    ----------
    successes, trials
        Whole numbers of shape (runs, generations).
    alpha
        As in `sign_test`.
    """
    if not (trials > 0).all():
        return None
    later = successes.shape[1] - 1
    gap = (successes / trials)[:, 1:] - (successes / trials)[:, :1]
    best = int(np.argmax(gap.min(axis=0)))
    level = alpha / 2 / later
    runs = range(len(successes))
    pairs = [(r, j) for r in runs for j in range(later)]
    ups = {(r, j): _lower(successes, trials, r, j + 1, level) for r, j in pairs}
    tops = [_upper(successes, trials, r, 0, level) for r in runs]
    risen = [all(ups[r, j].end > tops[r].end for r in runs) for j in range(later)]
    downs = {(r, j): _upper(successes, trials, r, j + 1, alpha / 2) for r, j in pairs}
    floors = [_lower(successes, trials, r, 0, alpha / 2) for r in runs]
    fallen = all(downs[r, j].end < floors[r].end for r, j in pairs)
    verdict: Word = "holds" if any(risen) else "does not hold" if fallen else "undetermined"
    if verdict == "holds":
        best = risen.index(True)
    worst = min(runs, key=lambda r: gap[r, best])
    text = f"Clopper-Pearson intervals that do not overlap, {_levels(later)}, halved for the two"
    test = ups[worst, best].test
    return Outcome(verdict, best, float(gap[worst, best]), test, text, (math.inf, math.inf))


@dataclass(frozen=True)
class _End:
    """One end of a Clopper-Pearson interval."""

    end: float
    test: Evidence


def _lower(successes: Floats, trials: Floats, run: int, j: int, level: float) -> _End:
    k, n = int(successes[run, j]), int(trials[run, j])
    test = frequency(k, n, 0.5, alpha=level, side="above")
    return _End(test.observed - test.threshold, test)


def _upper(successes: Floats, trials: Floats, run: int, j: int, level: float) -> _End:
    k, n = int(successes[run, j]), int(trials[run, j])
    test = frequency(k, n, 0.5, alpha=level, side="below")
    return _End(test.observed + test.threshold, test)


def _outcome(best: int, statistic: float, up: Evidence, down: Evidence, text: str) -> Outcome:
    """Return what two tests on one side each decide; an open one shows the nearer of them."""
    verdict: Word = "holds" if up.rejected else "does not hold" if down.rejected else "undetermined"
    nearer = down if down.rejected or down.statistic > up.statistic else up
    return Outcome(verdict, best, statistic, nearer, text, (up.least, down.least))


def _levels(later: int) -> str:
    share = "alpha" if later == 1 else f"alpha/{later} (Bonferroni over the later generations)"
    return f"holds at {share}, does not hold at alpha at each of them"
