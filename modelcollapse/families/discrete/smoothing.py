r"""Moments of smoothed fits: of one batch, pool, subset of a pool or edited set, all rows alike.

A fit to k rows is q = c f + u b, with f their frequencies, b the uniform distribution,
u = K alpha/(k + K alpha) and c = 1 - u. Let D be the expected chance that two different rows of
what is kept differ, H the same of two draws from q, and h = 1 - 1/K. A draw from q is uniform with
probability u, and else a copy of one of k rows taken from N kept ones, so that

H = h u (2 - u) + c^2 (1 - 1/k) D,

and a new row differs from a kept one with probability X = u h + c (1 - 1/N) D. So D of what is
kept next is a mean of D, H and X by how many of its pairs are old, new, or one of each. Fresh real
rows differ with 1 - |p_0|^2 from each other, and with 1 - p_0'E q from others. Means are
E q = p_0 + y (b - p_0), and E|q - E q|^2 adds up what each step adds. No term is negative.
"""

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.discrete import chains
from modelcollapse.families.discrete.survival import log_power
from modelcollapse.families.discrete.truth import truth_of
from modelcollapse.loop.routes import Parts, given
from modelcollapse.loop.schedule import Edits

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

ABSENT = ("absent", "missing_mass", "collapsed", "any_absent")
ERRORS = ("heterozygosity", "squared_error", "inflation", "effective_samples")


class Kept(NamedTuple):
    """Expected state of what is kept.

    Attributes
    ----------
    rows
        How many there are.
    differ
        The chance D that two different ones differ.
    spread
        E|f - E f|^2 of their frequencies f.
    even
        How far E f is from the truth to the uniform distribution.
    """

    rows: float
    differ: float
    spread: float
    even: float


class Fit(NamedTuple):
    """Expected state of a fit q.

    Attributes
    ----------
    uniform
        The share u of the uniform distribution.
    differ
        The chance H that two draws differ.
    chosen
        What the choice of its rows among those kept adds to `spread`.
    spread
        E|q - E q|^2.
    even
        How far E q is from the truth to the uniform distribution.
    """

    uniform: float
    differ: float
    chosen: float
    spread: float
    even: float


def alike(e: "Experiment") -> bool:
    """Return whether each fit is to one batch, pool, subset of a pool or set, its rows alike."""
    schedule = e.schedule
    return bool(schedule.alone or schedule.everything or schedule.random_sets)


def distance(e: "Experiment") -> float:
    """Return |p_0 - b|^2, b the uniform distribution."""
    p = truth_of(e).probabilities
    with np.errstate(under="ignore"):
        return float(((p - 1 / len(p)) ** 2).sum())


def trained(kept: Kept, rows: float, e: "Experiment") -> Fit:
    """Return the fit to so many of the rows kept, taken at random."""
    K, added = e.model.outcomes, e.model.outcomes * e.model.smoothing
    u, c = added / (rows + added), rows / (rows + added)
    differ = (1 - 1 / K) * u * (2 - u) + c * c * ((rows - 1) / rows) * kept.differ
    chosen = c * c * ((kept.rows - rows) / (rows * kept.rows) * kept.differ)
    return Fit(u, differ, chosen, c * c * kept.spread + chosen, u + c * kept.even)


def fits(e: "Experiment") -> Iterator[Fit]:
    """Yield the state of each fit, t = 1..T."""
    schedule, first = e.schedule, truth_of(e).heterozygosity
    counts = schedule.sizes if schedule.alone else schedule.counts
    kept, fit = Kept(0.0, 0.0, 0.0, 0.0), Fit(0.0, first, 0.0, 0.0, 0.0)
    away = distance(e)
    batches = zip(schedule.real.tolist(), schedule.sampled.tolist(), strict=True)
    for t, ((real, sampled), rows) in enumerate(zip(batches, counts.tolist(), strict=True), 1):
        if schedule.edits is not None and t > 1:
            kept = edited(kept, fit, moved(schedule.edits, t), e, away)
        else:
            old = 0.0 if schedule.alone else kept.rows
            kept = joined(kept, old, fit, (float(real), float(sampled)), e, away)
        fit = trained(kept, float(rows), e)
        yield fit


def copies(kept: Kept, fit: Fit, e: "Experiment") -> float:
    """Return the chance X that a row of the fit differs from one of those kept."""
    others = (kept.rows - 1) / kept.rows * kept.differ if kept.rows else 0.0
    return float(fit.uniform * (1 - 1 / e.model.outcomes) + (1 - fit.uniform) * others)


def joined(
    kept: Kept, old: float, fit: Fit, new: tuple[float, float], e: "Experiment", away: float
) -> Kept:
    """Return the state of so many old rows, of fresh real ones, and of sampled ones."""
    (r, s), first = new, truth_of(e).heterozygosity
    N, c = old + r + s, 1 - fit.uniform
    pairs = old * (old - 1) * kept.differ + s * (s - 1) * fit.differ + r * (r - 1) * first
    pairs += 2 * old * s * copies(kept, fit, e)
    pairs += 2 * r * (old * (first + kept.even * away) + s * (first + fit.even * away))
    spread = (old + s * c) ** 2 * kept.spread + s * s * fit.chosen + s * fit.differ + r * first
    even = (old * kept.even + s * fit.even) / N
    return Kept(N, pairs / (N * (N - 1)) if N > 1 else 0.0, spread / N**2, even)


class Moved(NamedTuple):
    """How many rows of a set are replaced: mean, variance, and ordered pairs, on average.

    Attributes
    ----------
    mean, variance
        Of the number replaced.
    old, new, mixed
        Ordered pairs of kept rows, of new ones, and of a kept and a new one.
    """

    mean: float
    variance: float
    old: float
    new: float
    mixed: float


def moved(edits: Edits, t: int) -> Moved:
    """Return how many rows generation t replaces."""
    n = float(edits.size)
    if edits.rows is not None:
        k = float(edits.rows[t - 1])
        return Moved(k, 0.0, (n - k) * (n - k - 1), k * (k - 1), k * (n - k))
    p = float(np.asarray(edits.shares)[t - 1])
    pairs = n * (n - 1)
    return Moved(n * p, n * p * (1 - p), pairs * (1 - p) ** 2, pairs * p**2, pairs * p * (1 - p))


def edited(kept: Kept, fit: Fit, moved: Moved, e: "Experiment", away: float) -> Kept:
    """Return the state of a set of which rows are replaced."""
    n, u = kept.rows, fit.uniform
    pairs = moved.old * kept.differ + moved.new * fit.differ
    pairs += 2 * moved.mixed * copies(kept, fit, e)
    moves = moved.mean * u / n
    spread = ((1 - moves) ** 2 + moved.variance * (u / n) ** 2) * kept.spread
    spread += moved.variance * (u / n * (1 - kept.even)) ** 2 * away
    spread += (moved.mixed / n * kept.differ + moved.mean * fit.differ) / n**2
    even = kept.even + moves * (1 - kept.even)
    return Kept(n, pairs / (n * (n - 1)) if n > 1 else 0.0, spread, even)


def moments(e: "Experiment") -> tuple[Floats, Floats, Floats]:
    """Return H, the squared error over the heterozygosity of the truth, and y, each (T,)."""
    from modelcollapse.families.discrete import smooth_mixtures

    states = fits(e) if alike(e) else smooth_mixtures.fits(e)
    differ, spread, even = np.array([(fit.differ, fit.spread, fit.even) for fit in states]).T
    with np.errstate(under="ignore"):
        return differ, (spread + even**2 * distance(e)) / truth_of(e).heterozygosity, even


def surprise(p: Floats, others: Floats) -> Floats:
    """Return -p log p, zero at zero; `others` are 1 - p, with all digits."""
    return np.asarray(-np.where(p > 0, p * log_power(others, p, 1.0), 0.0))


def fill(e: "Experiment", parts: Parts) -> None:
    """Add what is known of a smoothed loop."""
    from modelcollapse.families.discrete import smooth_mixtures

    nothing = np.zeros(e.generations)
    parts.routes |= given(dict.fromkeys(ABSENT, nothing))  # no outcome has the probability 0
    parts.spreads |= given(dict.fromkeys(ABSENT, nothing))
    why = None if alike(e) else smooth_mixtures.reason(e)
    if why is not None:
        parts.reasons |= dict.fromkeys((*ERRORS, "entropy"), why)
        return
    found, first = cache(lambda: moments(e)), float(e.sizes[0])
    parts.routes["heterozygosity"] = lambda: found()[0]
    parts.routes["squared_error"] = lambda: found()[1]
    parts.routes["inflation"] = lambda: first * found()[1]
    parts.routes["effective_samples"] = lambda: 1 / found()[1]
    unknown = "of smoothed fits it is not known here"
    parts.spread_reasons |= dict.fromkeys((*ERRORS, "entropy"), unknown)
    # All outcomes, also impossible ones: no fit is without them.
    truth = truth_of(e)
    p, where, counts = np.unique(truth.probabilities, return_index=True, return_counts=True)
    others = truth.others[where]
    if (why := chains.reason(e, len(p))) is None:
        parts.routes["entropy"] = lambda: (
            chains.expectations(
                e, p, lambda q: surprise(q, chains.fractions(e, len(q) - 1)[1]), others
            )
            @ counts
        )
        return
    parts.reasons["entropy"] = f"{why}; see entropy_lower and entropy_upper"
    parts.routes["entropy_lower"] = lambda: -np.log1p(-found()[0])
    K = e.model.outcomes

    def most() -> Floats:
        means = (((1 - y) * p + y / K, (1 - y) * others + y * (1 - 1 / K)) for y in found()[2])
        return np.array([surprise(*mean) @ counts for mean in means])

    parts.routes["entropy_upper"] = most
