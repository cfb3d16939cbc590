"""Which outcomes are absent: exact probabilities, by workflow.

A function A_t(x), the probability that an outcome (or several lumped) of true probability x is
absent from the fit at generation t, says everything: sum A_t(p_i) outcomes are absent on average,
two of them together with probability A_t(p_i + p_j), and all but one with sum A_t(1 - p_i).
"""

from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse.families.discrete import chains
from modelcollapse.families.discrete.survival import lines, log_power
from modelcollapse.families.discrete.truth import truth_of

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

MOST_PAIRS = 20_000


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
    if not e.schedule.one_pool:
        return (
            "known where every real row keeps a positive weight, and for replace and "
            "accumulate-subsample; elsewhere open: simulate it"
        )
    return chains.reason(e, points)


def absence(e: "Experiment", x: Floats) -> Floats:
    """Return A_t(x), shape (generations, len(x))."""
    rows = real_rows(e)
    if rows is not None:
        with np.errstate(under="ignore"):
            return np.asarray(np.exp(log_power(np.asarray(x), rows[:, None])))
    return chains.expectations(e, x, lambda p: np.asarray(p == 0, dtype=np.float64))


def absent(e: "Experiment") -> Floats:
    """Return the expected number of absent outcomes, shape (generations,)."""
    p, counts = truth_of(e).groups
    return np.asarray(absence(e, p) @ counts)


def collapsed(e: "Experiment") -> Floats:
    """Return the probability that one outcome is left, shape (generations,)."""
    p, counts = truth_of(e).groups
    return np.minimum(absence(e, 1 - p) @ counts, 1.0)


def pairs(e: "Experiment") -> int:
    """Return the number of sums p_i + p_j that the variance needs."""
    groups = len(truth_of(e).groups[0])
    return groups * (groups + 1) // 2


def absent_variance(e: "Experiment") -> Floats:
    """Return the variance over replicates of the number of absent outcomes, (generations,)."""
    p, counts = truth_of(e).groups
    i, j = np.triu_indices(len(p))
    couples = np.where(i == j, counts[i] * (counts[i] - 1), 2 * counts[i] * counts[j])
    single = absence(e, p)
    both = absence(e, np.minimum(p[i] + p[j], 1.0))
    # Summed as covariances: the two parts alone are of the order K^2.
    joint = (both - single[:, i] * single[:, j]) @ couples
    return np.asarray(np.maximum(joint + (single * (1 - single)) @ counts, 0.0))


def bounds(e: "Experiment", x: Floats) -> tuple[Floats, Floats]:
    """Return proved bounds of A_t(x) under replace at any batch sizes, each (T, len(x))."""
    d, u = lines(e.sizes)
    n = float(e.sizes[0])
    with np.errstate(under="ignore"):
        low = np.exp(log_power(x, d[:, None]))
        return low, np.exp(log_power(u[:, None] * x, n))
