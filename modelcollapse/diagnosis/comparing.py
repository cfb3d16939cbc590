"""Exact tests that later generations are worse than the first, for few runs and for many.

Values are signed: they get worse as they rise. A bar is what a later value is held against: the
run's first value, a multiple of it, or a level. Each test has two p-values, each the smallest alpha
at which its word is said: "holds" rejects the null hypothesis at some later generation, "does not
hold" the opposite at every one of them (an intersection-union test).

sign      Null: at no later generation are more than half of all such runs above the bar. The number
          of runs above it is binomial, for any law of the values, infinite ones included; a tie
          is not above. The claim is about the median run.
paired    Null: the change to the last generation is as likely x as -x. All 2^n signs of the n
          changes are as likely, and their sum is held against the 2^n sums.
steps     Null: every step from a generation to the next is as likely up as down, whatever its size,
          independently of the others. So are all signs of all steps of all runs. Noise about a
          constant has steps that go back, which makes the test careful.
betting   For values with proved bounds. Null: the mean is at most the bar at every later
          generation. Wealth that starts at 1, is bet on each run's difference and cannot grow on
          average under the null: an e-value E, with p = 1/E.
shares    For numbers of samples. Null: at no later generation is the share above the first one's in
          every run. Fisher's exact test in each run.

Where there are several later generations, two thirds of alpha are for the last one and the rest is
shared by the others (Bonferroni): five runs that all rise have p = (2/3)^-1 2^-5 = 0.047.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.words import many
from modelcollapse.diagnosis.answer import Word
from modelcollapse.evidence import Evidence, frequency
from modelcollapse.evidence.betting import log_mean, log_sum, log_wealths
from modelcollapse.evidence.outcome import fewest
from modelcollapse.evidence.signs import at_least, fewest_coins
from modelcollapse.evidence.symmetry import directions

Flags = npt.NDArray[np.bool_]
LAST = 2 / 3  # the share of alpha that is for the last generation
MOST_RUNS = 10**6  # of a plan


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
            "undetermined": f"{what}: too near one half to be told from it",
        }[self.verdict]

    def wanted(self, nouns: str) -> str:
        """Return what would decide an open test: an alpha, or a number of runs."""
        if self.done:
            return ""
        said = []
        if self.p_value < 1:
            said.append(f"it holds from alpha = {self.p_value:.2g} on")
        if self.samples < self.alike < math.inf:
            said.append(f"it would with {int(self.alike)} {nouns} like these")
        words = zip(self.least, ("holds", "does not"), strict=True)
        short = [(n, word) for n, word in words if self.samples < n < math.inf]
        if short:
            numbers = ", ".join(f"{int(n)} to tell that it {word}" for n, word in short)
            said.append(f"at this alpha it takes at least {numbers}")
        return "; ".join([f"more {nouns}", *said])


def above(values: Floats, bar: Bar) -> Flags:
    """Return which later values are above the bar, shape (runs, later generations)."""
    return np.asarray(values[:, 1:] > bar.of(values[:, :1]))


def became_infinite(values: Floats) -> Integers:
    """Return how many runs have gone from a finite value to inf by each later generation."""
    flags = np.isfinite(values[:, :1]) & np.isposinf(values[:, 1:])
    return np.asarray(flags.sum(axis=0))


def weights(later: int) -> Floats:
    """Return the share of alpha that each later generation has."""
    if later == 1:
        return np.ones(1)
    return np.append(np.full(later - 1, (1 - LAST) / (later - 1)), LAST)


def sign_test(flags: Flags, alpha: float) -> Outcome:
    """Test whether more than half of the runs are above, at some later generation.

    Parameters
    ----------
    flags
        Shape (runs, later generations).
    alpha
        The largest probability of either wrong verdict.
    """
    counts, n, w = flags.sum(axis=0), len(flags), weights(flags.shape[1])
    best, p = _best(at_least(counts, n), w)
    opposite = float(at_least(n - counts.max(), n))
    level, side = alpha * float(w[best]), "above"
    if opposite <= alpha < p:
        best, level, side = int(np.argmax(counts)), alpha, "below"
    count = int(counts[best])
    evidence = frequency(count, n, 0.5, alpha=level, side="above" if side == "above" else "below")
    least = float(fewest_coins(alpha * float(w[-1]))), float(fewest_coins(alpha))
    text = f"exact sign test, {_levels(len(w))}"
    alike = _alike(count, n, level)
    return Outcome(best, count, p, opposite, alpha, text, n, least, alike, evidence=evidence)


def paired_test(values: Floats, bar: Bar, alpha: float) -> Outcome:
    """Test whether changes to the last generation are as likely up as down; see `sign_test`."""
    changes = values[:, -1:] - bar.of(values[:, :1])
    text = "exact permutation test of the signs of the runs' changes, at alpha"
    return _flipped(changes, alpha, text, values.shape[1] - 2)


def steps_test(values: Floats, alpha: float, *, of: str = "") -> Outcome:
    """Test whether steps are as likely up as down; NaN ends a run. See `sign_test`.

    Parameters
    ----------
    values
        Shape (runs, generations).
    alpha
        The largest probability of either wrong verdict.
    of
        What the values are of the column's, such as "the logarithm's ".
    """
    text = f"exact permutation test of the signs of {of}steps, at alpha"
    return _flipped(np.diff(values, axis=1), alpha, text, values.shape[1] - 2)


def _flipped(steps: Floats, alpha: float, text: str, best: int) -> Outcome:
    """Return the test of steps whose directions may be fair coins."""
    from scipy.special import ndtri

    tails, runs = directions(steps), len(steps)
    width = int((~np.isnan(steps)).sum(axis=1).max())
    least = float(math.ceil(fewest_coins(alpha) / width))
    # The sum of k times as many steps is about sqrt(k) times as far from 0, in deviations.
    far, needed = (-float(ndtri(p)) for p in (tails.up, alpha))
    alike = math.ceil(runs * (needed / far) ** 2) if 0 < far < needed else math.inf
    mean = float(np.nansum(steps) / runs)
    return Outcome(best, mean, *tails, alpha, text, runs, (least, least), alike)


def betting_test(values: Floats, bar: Bar, bounds: tuple[float, float], alpha: float) -> Outcome:
    """Test whether the mean is above the bar, for values within `bounds`; see `sign_test`."""
    low, high = bounds
    gaps = values[:, 1:] - bar.of(values[:, :1])
    if bar.level is None:
        low, high = low - bar.factor * high, high - bar.factor * low
    else:
        low, high = low - bar.sign * bar.level, high - bar.sign * bar.level
    gaps = np.clip(gaps, low, high)  # rounding may leave the bounds by a digit
    n, later = gaps.shape
    w = weights(later)
    up = np.array([_log_bets(gaps[:, j], -low) for j in range(later)]) + np.log(w)[:, None]
    logs = np.array([log_mean(row) for row in up])
    down = max(-log_mean(_log_bets(-gaps[:, j], high)) for j in range(later))
    best, log_e = int(np.argmax(logs)), log_sum(logs)
    mean = float(gaps[:, best].mean())
    need = -math.log(alpha)

    def enough(k: int) -> bool:
        grown = [
            log_mean(np.log(share) + k / n * (row - np.log(share)))
            for share, row in zip(w, up, strict=True)
        ]
        return log_sum(np.array(grown)) >= need

    alike = _first(enough, n) if mean > 0 else math.inf
    least = _bets(high, -low, need - math.log(w[-1])), _bets(-low, high, need)
    text = f"a bet on differences in [{low:.5g}, {high:.5g}], {_levels(later)}"
    p, opposite = (min(1.0, math.exp(min(x, 0.0))) for x in (-log_e, down))
    return Outcome(best, mean, p, opposite, alpha, text, n, least, alike, log_e)


def _log_bets(gaps: Floats, reach: float) -> Floats:
    """Return the log-wealth of each bet that the mean gap is above 0; a gap is at least -reach."""
    return log_wealths(gaps, max(reach, np.finfo(np.float64).tiny), 0.0)


def _bets(most: float, reach: float, need: float) -> float:
    """Return the fewest runs whose gaps could decide, each `most` at the best."""
    if most <= 0:
        return math.inf
    one = _log_bets(np.array([most]), reach)
    return fewest(lambda k: log_mean(k * one) >= need)


def _first(enough: Callable[[int], bool], n: int) -> float:
    found = fewest(lambda k: k > MOST_RUNS or enough(k), n)
    return found if found <= MOST_RUNS else math.inf


def shares_test(successes: Floats, trials: Floats, alpha: float) -> Outcome | None:
    """Test whether a share of independent samples is above the first generation's, in every run.

    None without samples.

    Parameters
    ----------
    successes, trials
        Whole numbers of shape (runs, generations).
    alpha
        As in `sign_test`.
    """
    if not (trials > 0).all():
        return None
    first, later = successes[:, :1], successes[:, 1:]
    n, m = trials[:, :1], trials[:, 1:]
    from scipy import stats  # takes most of a second to load

    # Given how many successes both generations have together, the later one's are hypergeometric.
    law = stats.hypergeom(n + m, first + later, m)
    gap = later / m - first / n
    w = weights(later.shape[1])
    best, p = _best(law.sf(later - 1).max(axis=0), w)
    opposite = float(law.cdf(later).max())
    if opposite <= alpha:
        best = int(np.argmax(gap.min(axis=0)))
    text = f"Fisher's exact test in each run, {_levels(len(w))}"
    worst = float(gap[:, best].min())
    return Outcome(best, worst, p, opposite, alpha, text, len(gap), (1, 1))


def _best(p: Floats, w: Floats) -> tuple[int, float]:
    """Return the last of the later generations with the least p over weight, and that."""
    adjusted = p / w
    best = len(w) - 1 - int(np.argmin(adjusted[::-1]))
    return best, float(min(adjusted[best], 1.0))


def _alike(count: int, n: int, level: float) -> float:
    """Return the number of runs at which a share count/n of them is above one half."""
    if 2 * count <= n:
        return math.inf
    for most in (n + 1000, MOST_RUNS):
        sizes = np.arange(n, most)
        found = np.flatnonzero(at_least(sizes * count // n, sizes) <= level)
        if len(found):
            return float(sizes[found[0]])
    return math.inf


def _levels(later: int) -> str:
    if later == 1:
        return "holds at alpha, does not hold at alpha"
    return (
        "holds at two thirds of alpha for the last generation and the rest over the others "
        "(Bonferroni), does not hold at alpha at each of them"
    )
