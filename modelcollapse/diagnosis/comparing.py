"""Exact tests that later generations are worse than the first, for few runs and for many.

Values are signed: they get worse as they rise. A bar is what a later value is held against: the
run's first value, a multiple of it, or a level. Each test has two p-values, each the smallest alpha
at which its word is said: "holds" rejects the null hypothesis at some later generation, "does not
hold" the opposite at every one of them (an intersection-union test).

sign      Null: at no later generation are more than half of all such runs above the bar. The number
          of runs above it is binomial, for any law of the values, infinite ones included; a tie
          is not above. The claim is about the median run.
paired    Null: a run's change to the last generation is as likely x as -x. All 2^n signs of the n
          changes are as likely, and their sum is held against the 2^n sums.
steps     Null: every step from a generation to the next is as likely up as down, whatever its size
          and whatever all other steps do. So all signs of all steps of all runs are as likely. It
          holds of what a fit does by chance from one generation to the next; not of runs that
          differ in where they go for another reason, nor of values that were smoothed. Noise about
          a constant has steps that go back, which makes the test careful.
betting   For values with proved bounds. Null: the mean is at most the bar at every later
          generation. Wealth that starts at 1, is bet on each run's difference and cannot grow on
          average under the null: an e-value E, with p = 1/E.
shares    For numbers of samples. Null: at no later generation is the share above the first one's in
          every run. Fisher's exact test in each run.

A rise by the signs of changes or steps is not told of where half of the runs did not rise: what
is rejected then is that the signs are fair, and not more.

Where there are several later generations, two thirds of alpha are for the last one and the rest is
shared by the others (Bonferroni): five runs that all rise have p = (2/3)^-1 2^-5 = 0.047.
"""

import math
from collections.abc import Callable

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.diagnosis.bars import Bar, Flags
from modelcollapse.diagnosis.tested import Outcome
from modelcollapse.evidence import frequency
from modelcollapse.evidence.betting import log_mean, log_sum, log_wealths
from modelcollapse.evidence.outcome import fewest
from modelcollapse.evidence.signs import at_least, fewest_coins
from modelcollapse.evidence.symmetry import directions

LAST = 2 / 3  # the share of alpha that is for the last generation
MOST_RUNS = 10**6  # of a plan


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


def paired_test(values: Floats, alpha: float, *, of: str = "") -> Outcome:
    """Test whether changes to the last generation are as likely up as down; see `steps_test`."""
    changes = values[:, -1:] / _largest(values) - values[:, :1] / _largest(values)
    text = f"exact permutation test of the signs of the runs' {of}changes, at alpha"
    return _flipped(changes, values, alpha, text)


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
    return _flipped(np.diff(values / _largest(values), axis=1), values, alpha, text)


def _largest(values: Floats) -> float:
    """Return a scale in which no difference overflows."""
    return max(float(np.nanmax(np.abs(values))), np.finfo(np.float64).tiny)


def _flipped(steps: Floats, values: Floats, alpha: float, text: str) -> Outcome:
    """Return the test of steps whose directions may be fair coins, by the values' own moves."""
    from scipy.special import ndtri

    tails, runs = directions(steps), len(steps)
    width = int((~np.isnan(steps)).sum(axis=1).max())
    least = float(math.ceil(fewest_coins(alpha) / width))
    # The sum of k times as many steps is about sqrt(k) times as far from 0, in deviations.
    far, needed = (-float(ndtri(p)) for p in (tails.up, alpha))
    alike = math.ceil(runs * (needed / far) ** 2) if 0 < far < needed else math.inf
    moves = np.sign(np.nansum(steps, axis=1))
    up, down = ((moves == way).sum() * 2 > runs for way in (1, -1))
    with np.errstate(over="ignore"):
        mean = float(np.nansum(steps) * (_largest(values) / runs))
    p, opposite = tails.up if up else 1.0, tails.down if down else 1.0
    best = values.shape[1] - 2
    return Outcome(best, mean, p, opposite, alpha, text, runs, (least, least), alike)


def betting_test(values: Floats, bar: Bar, bounds: tuple[float, float], alpha: float) -> Outcome:
    """Test whether the mean is above the bar, for values within `bounds`; see `sign_test`."""
    low, high = bounds
    values = np.clip(values, low, high)  # one that has died is as bad as can be
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
