"""Which outcomes are absent: exact probabilities, by workflow.

A function A_t(x), the probability that an outcome (or several lumped) of true probability x is
absent from the fit at generation t, says everything: sum A_t(p_i) outcomes are absent on average,
two of them together with probability A_t(p_i + p_j), and all but one with sum A_t(1 - p_i). By
inclusion and exclusion some outcome is absent with probability sum over sets S of outcomes, but
the empty one, of (-1)^(|S|+1) A_t(p_S).
"""

from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.words import many
from modelcollapse.families.discrete import chains
from modelcollapse.families.discrete.survival import MOST_OUTCOMES, lines, log_power
from modelcollapse.families.discrete.truth import truth_of

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

MOST_PAIRS = 20_000
MOST_SETS = 2**25  # times generations


def real_rows(e: "Experiment") -> Integers | None:
    """Return how many real rows each generation trains on, directly or through copies: (T,).

    An outcome is present exactly if one of them has it, as long as every real row that ever
    arrived keeps a positive weight: it is never lost, and none is gained without fresh rows. None
    where some lose theirs.
    """
    return np.cumsum(e.schedule.real) if e.schedule.keeps_real else None


def reason(e: "Experiment", points: int = 1) -> str | None:
    """Return why A_t(x) is not known at so many points, or None."""
    if real_rows(e) is not None:
        return None
    if not (e.schedule.one_pool or e.schedule.alone or e.schedule.edits):
        return (
            "known where every real row keeps a positive weight, and for replace, fresh-data, "
            "accumulate-subsample and edits; elsewhere open: simulate it"
        )
    return chains.reason(e, points)


def absence(e: "Experiment", x: Floats, others: Floats | None = None) -> Floats:
    """Return A_t(x), shape (generations, len(x)); `others` are 1 - x, with all digits."""
    rows, others = real_rows(e), 1 - x if others is None else others
    if rows is not None:
        with np.errstate(under="ignore"):
            return np.asarray(np.exp(log_power(x, others, rows[:, None])))
    return chains.expectations(e, x, lambda p: np.asarray(p == 0, dtype=np.float64), others)


def surplus(e: "Experiment", x: Floats, others: Floats) -> Floats:
    """Return 1 - A_t(x) - x, shape (generations, len(x)): E(1 - p_t) where p_t is positive.

    The fitted probabilities are x on average, so that it is not negative, and all its digits are
    there also where it vanishes: where x is tiny, and where one outcome is left.
    """
    rows = real_rows(e)
    if rows is not None:
        with np.errstate(under="ignore"):
            return np.asarray(-others * np.expm1(log_power(x, others, rows[:, None] - 1.0)))
    return chains.expectations(e, x, lambda p: np.where(p > 0, p[::-1], 0.0), others)


def absent(e: "Experiment") -> Floats:
    """Return the expected number of absent outcomes, shape (generations,)."""
    p, counts = truth_of(e).groups
    return np.asarray(absence(e, p, truth_of(e).group_others) @ counts)


def missing_mass(e: "Experiment") -> Floats:
    """Return the expected true probability of all that is absent, shape (generations,)."""
    p, counts = truth_of(e).groups
    return np.asarray(absence(e, p, truth_of(e).group_others) @ (counts * p))


def several(e: "Experiment") -> Floats:
    """Return the probability that two outcomes or more are left, shape (generations,).

    That one alone is outcome i has the probability p_i less E p_ti where another is left too.
    """
    p, counts = truth_of(e).groups
    return np.asarray(surplus(e, truth_of(e).group_others, p) @ counts)


def collapsed(e: "Experiment") -> Floats:
    """Return the probability that one outcome is left, shape (generations,)."""
    p, counts = truth_of(e).groups
    more = several(e)
    # Its own sum where it is small, and what is missing to 1 where it is not.
    return np.where(more > 0.5, absence(e, truth_of(e).group_others, p) @ counts, 1 - more)


def sets(e: "Experiment") -> int:
    """Return how many different sets of outcomes `any_absent` lumps."""
    return int(np.prod(truth_of(e).groups[1] + 1)) - 2


def sets_reason(e: "Experiment") -> str | None:
    """Return why it is not known whether some outcome is absent, or None."""
    if (outcomes := truth_of(e).possible) > MOST_OUTCOMES:
        return (
            "a sum over all sets of outcomes, with alternating signs, that keeps its digits up to "
            f"{MOST_OUTCOMES} outcomes, and there are {outcomes}: simulate it"
        )
    if (many_sets := sets(e)) * e.generations > MOST_SETS:
        return (
            f"{many_sets} sets of outcomes and {many(e.generations, 'generation')} are too many: "
            "ask for fewer, or simulate it"
        )
    return reason(e, many_sets)


def any_absent(e: "Experiment") -> tuple[Floats, Floats]:
    """Return the probabilities that some outcome is absent, and that none is, each (T,).

    The signs of all sets, and their p_S with these signs, sum to 0; so that all are there with
    the probability sum (-1)^(|S|+1) s(p_S), s the surplus, which keeps its digits where that is
    little. Each is right to as many roundings as there are sets, of its largest terms; the one
    with the smaller terms gives the other.
    """
    x, others, signs = truth_of(e).lumps
    # The whole is never absent, and both are 0 there.
    gone, there = absence(e, x, others), surplus(e, x, others)
    some, none = gone @ signs, there @ signs
    fewer = gone @ np.abs(signs) < there @ np.abs(signs)
    return np.where(fewer, some, 1 - none), np.where(fewer, 1 - some, none)


def pairs(e: "Experiment") -> int:
    """Return the number of sums p_i + p_j that the variance needs."""
    groups = len(truth_of(e).groups[0])
    return groups * (groups + 1) // 2


def absent_variance(e: "Experiment") -> Floats:
    """Return the variance over replicates of the number of absent outcomes, (generations,)."""
    return _variance(e, np.ones(len(truth_of(e).groups[0])))


def missing_mass_variance(e: "Experiment") -> Floats:
    """Return the variance over replicates of the true probability of what is absent."""
    return _variance(e, truth_of(e).groups[0])


def _variance(e: "Experiment", worth: Floats) -> Floats:
    """Return the variance of the worth of what is absent, one number per group of outcomes.

    From the covariances of absences; or, where fewer outcomes are there than absent, of those
    present. With s the surplus i is there with probability p_i + s(p_i), and i and j both are with
    s(p_i) + s(p_j) - s(p_i + p_j). With c the worth of the largest outcome all is
    c W + sum (worth_i - c) [i is there], and a constant, W the number present besides one, which
    vanishes as one outcome is left. Each is right to about K roundings of the sum of its terms'
    sizes; the one with the smaller sum is taken.
    """
    truth = truth_of(e)
    p, counts = truth.groups
    i, j = np.triu_indices(len(p))
    couples = np.where(i == j, counts[i] * (counts[i] - 1), 2 * counts[i] * counts[j])
    i, j, couples = i[couples > 0], j[couples > 0], couples[couples > 0]
    # With the largest, all others may be little: the third largest and so on, and the second.
    ascending = np.sort(truth.probabilities)
    rest = ascending[:-2].sum() + (ascending[-2] - p[i])
    rest = np.where(j == len(p) - 1, rest, 1 - (p[i] + p[j]))
    each, two = (p, truth.group_others), (p[i] + p[j], rest)
    single, both = absence(e, *each), absence(e, *two)
    more_one, more_two = surplus(e, *each), surplus(e, *two)
    there = p + more_one
    joint = more_one[:, i] + more_one[:, j] - more_two
    covariance = _covariance((single[:, i], single[:, j]), both, (there[:, i], there[:, j]), joint)
    alone, products = (single * there) @ (counts * worth**2), couples * worth[i] * worth[j]
    apart, lost = alone + covariance @ products, alone + np.abs(covariance) @ products
    # W, and D = sum (worth - c) [there]: their variances and covariance.
    more, c, gap = more_one @ counts, worth[-1], worth - worth[-1]
    D, all_, own = there @ (counts * gap), joint @ couples, there @ (counts * gap**2)
    cross, half = couples * gap[i] * gap[j], couples * (gap[i] + gap[j]) / 2
    together = c**2 * (all_ - more - more**2) + own + joint @ cross - D**2
    together += 2 * c * (joint @ half - more * D)
    gone = c**2 * (all_ + more + more**2) + own + joint @ cross + D**2
    gone += 2 * c * (joint @ np.abs(half) + more * np.abs(D))
    return np.where(lost < gone, apart, together)


def _covariance(
    absent: tuple[Floats, Floats], both: Floats, there: tuple[Floats, Floats], joint: Floats
) -> Floats:
    """Return the covariance of two outcomes' absences: of four forms that with the least terms.

    In terms of both being absent, or there, or of one being there and the other absent.
    """
    (a, b), (p, q) = absent, there
    forms = [(both, a * b), (joint, p * q)]
    forms += [(p * b, np.maximum(b - both, 0.0)), (q * a, np.maximum(a - both, 0.0))]
    sizes = np.stack([x + y for x, y in forms])
    values = np.stack([x - y for x, y in forms])
    return np.asarray(np.take_along_axis(values, sizes.argmin(axis=0)[None], axis=0)[0])


def bounds(e: "Experiment", x: Floats, others: Floats) -> tuple[Floats, Floats]:
    """Return proved bounds of A_t(x) under replace at any batch sizes, each (T, len(x))."""
    d, u = lines(e.sizes)
    n = float(e.sizes[0])
    with np.errstate(under="ignore"):
        low = np.exp(log_power(x, others, d[:, None]))
        high = u[:, None] * x
        # 1 - u x = (1 - x) + (1 - u) x
        return low, np.exp(log_power(high, others + (1 - u[:, None]) * x, n))
