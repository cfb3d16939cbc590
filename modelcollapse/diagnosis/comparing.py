"""Exact tests that later generations are worse than the first.

With replicates the claim is about the median run: "in more than half of all runs the value at
generation t is above the bar". The number of such runs is binomial, so the exact sign test holds
for any law and at any number of runs, infinite values included, and a tie counts as not above.
"Holds" is a rejection at some later generation, at alpha over their number (Bonferroni); "does not
hold" a rejection of the opposite at every one of them, each at alpha (an intersection-union test).
Either word is wrong with probability at most alpha. If bounds on the values are given, the claim
is about the mean, by Hoeffding's inequality.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelcollapse._support.checks import Floats, Integers
from modelcollapse.diagnosis.outcome import Word
from modelcollapse.evidence import Evidence, bounded_mean, frequency

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Bar:
    """What a later value is held against: a multiple of the first one, or a level."""

    factor: float = 1.0
    level: float | None = None

    def of(self, first: Floats) -> Floats:
        """Return the bar of each first value."""
        if self.level is not None:
            return np.full_like(first, self.level)
        with np.errstate(over="ignore"):
            return self.factor * first

    @property
    def plain(self) -> bool:
        """Whether it is the first value itself."""
        return self.level is None and self.factor == 1

    def text(self, first: int) -> str:
        """Return the bar in words, for a trajectory whose first generation is `first`."""
        if self.level is not None:
            return f"{self.level:.5g}"
        times = "" if self.factor == 1 else f"{self.factor:.5g} times "
        return f"{times}that of generation {first}"


@dataclass(frozen=True)
class Outcome:
    """A test over later generations.

    `best` is the index of the later generation, from 0, where most runs are above.
    """

    verdict: Word
    best: int
    statistic: float
    evidence: Evidence
    threshold: str


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
    verdict, test = _decided(up, down)
    return Outcome(verdict, best, int(counts[best]) / n, test, f"exact sign test, {_levels(later)}")


def mean_test(values: Floats, bar: Bar, bounds: tuple[float, float], alpha: float) -> Outcome:
    """Test whether the mean is above the bar, for values within `bounds`; see `sign_test`."""
    low, high = bounds
    if bar.level is None:
        gaps = values[:, 1:] - bar.of(values[:, :1])
        low, high = low - bar.factor * high, high - bar.factor * low
    else:
        gaps, low, high = values[:, 1:] - bar.level, low - bar.level, high - bar.level
    means, later = gaps.mean(axis=0), gaps.shape[1]
    best = int(np.argmax(means))
    sample = np.clip(gaps[:, best], low, high)  # rounding may leave the bounds by a digit
    up = bounded_mean(sample, 0.0, low, high, alpha=alpha / later, side="above")
    down = bounded_mean(sample, 0.0, low, high, alpha=alpha, side="below")
    verdict, test = _decided(up, down)
    text = f"Hoeffding's inequality for differences in [{low:.5g}, {high:.5g}], {_levels(later)}"
    return Outcome(verdict, best, float(means[best]), test, text)


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
    return Outcome(verdict, best, float(gap[worst, best]), ups[worst, best].test, text)


def runs_needed(later: int, alpha: float) -> int:
    """Return the smallest number of runs with which the sign test can decide."""
    return max(1, math.floor(math.log2(later / alpha)) + 1)


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


def _decided(up: Evidence, down: Evidence) -> tuple[Word, Evidence]:
    if up.rejected:
        return "holds", up
    return ("does not hold", down) if down.rejected else ("undetermined", up)


def _levels(later: int) -> str:
    share = "alpha" if later == 1 else f"alpha/{later} (Bonferroni over the later generations)"
    return f"holds at {share}, does not hold at alpha at each of them"
