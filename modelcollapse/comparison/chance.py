"""What chance alone makes of a statistic, by relabelling rows at random.

If held-out real rows and the other rows are independent draws of one law, every relabelling of
them is as likely as the true one. So the share of relabellings with a statistic as extreme is an
exact p-value at every number of rows (Phipson and Smyth, Statistical Applications in Genetics and
Molecular Biology 9, 2010), and the largest of several standardised statistics has one too
(Westfall and Young, "Resampling-based multiple testing", 1993).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from modelcollapse._support.checks import Floats, Integers

Verdict = Literal["shrank", "grew", "differs", "no loss", "cannot tell", "no difference seen"]
Loss = Literal["below", "above", "either"]  # which side of the baseline is one
BLOCKS = 2000  # sums of rows that are relabelled together where there are more rows
ROUNDING = 1e-9  # a relabelling that repeats the true one is summed in another order
APART = 10  # one side has at most so many times the rows of the other: more say nothing new


@dataclass(frozen=True)
class Row:
    """A line of the table: a metric of the other rows, and what honest real rows show.

    Attributes
    ----------
    group
        The kind of metric: one sentence each.
    metric, where
        What is measured, and of which columns.
    real
        The baseline: the metric of held-out real rows, or what chance would give.
    other
        The metric of the other rows.
    effect
        other/real if `scale` is "ratio", else other - real.
    low, high
        The interval of the effect, of level 1 - alpha for this line alone.
    p
        The probability of as much if both were of one law, corrected for all lines.
    loss
        On which side of the baseline something is lost.
    scale
        "ratio" or "difference".
    verdict
        "shrank", "grew" or "differs" where p is at most alpha. Else "no loss" if the interval
        excludes one of the `margin`, and "cannot tell" or "no difference seen" if not.
    """

    group: str
    metric: str
    where: str
    real: float
    other: float
    effect: float
    low: float
    high: float
    p: float
    loss: Loss
    scale: Literal["ratio", "difference"] = "difference"
    verdict: Verdict = "cannot tell"


def judged(groups: Sequence[Sequence[Row]], alpha: float, margin: float) -> list[Row]:
    """Return all lines with p corrected over the groups, by Holm, and their verdicts.

    Within a group p is corrected already.
    """
    order = sorted(range(len(groups)), key=lambda i: min(row.p for row in groups[i]))
    found: dict[int, list[Row]] = {}
    least = 0.0
    for step, i in enumerate(order):
        factor = len(groups) - step
        corrected = [max(least, min(1.0, factor * row.p)) for row in groups[i]]
        least = min(corrected)
        pairs = zip(groups[i], corrected, strict=True)
        found[i] = [replace(row, p=p, verdict=_verdict(row, p, alpha, margin)) for row, p in pairs]
    return [row for i in range(len(groups)) for row in found[i]]


def _verdict(row: Row, p: float, alpha: float, margin: float) -> Verdict:
    none = 1.0 if row.scale == "ratio" else 0.0
    if p <= alpha and row.loss != "either":
        return "shrank" if (row.effect < none) == (row.loss == "below") else "grew"
    if p <= alpha:
        return "differs"
    if row.loss == "either":
        return "no difference seen"
    allowed = margin if row.scale == "ratio" else margin * abs(row.real)
    worst = none - row.low if row.loss == "below" else row.high - none
    return "no loss" if worst <= allowed else "cannot tell"


def trimmed(held: Floats, other: Floats) -> tuple[Floats, Floats, int]:
    """Return as many rows of both as are of use, whole blocks of them, and the size of a block."""
    held, other = held[: APART * len(other)], other[: APART * len(held)]
    size = -(-(len(held) + len(other)) // BLOCKS)
    n, m = (len(x) // size * size for x in (held, other))
    return held[:n], other[:m], size


def by_sums(
    held: Floats,
    other: Floats,
    statistic: Callable[[Floats, Floats, int, int], Floats],
    rng: np.random.Generator,
    count: int,
) -> Floats:
    """Return statistics of the means of both sides, the true ones first, (count + 1, statistics).

    Many rows, which are in random order, are relabelled in blocks of equal size: as exact, and as
    cheap as few.

    Parameters
    ----------
    held, other
        What is averaged, shapes (n, k) and (m, k).
    statistic
        A function of the two means, shape (count + 1, k), and of the numbers of rows.
    rng, count
        What relabels, and how often.
    """
    held, other, size = trimmed(held, other)
    sums = [x.reshape(-1, size, x.shape[1]).sum(axis=1) for x in (held, other)]
    both = np.concatenate(sums)
    n, m = len(held), len(other)
    first = labels(len(sums[0]), len(both), rng, count) @ both
    return statistic(first / n, (both.sum(axis=0) - first) / m, n, m)


def labels(first: int, total: int, rng: np.random.Generator, count: int) -> Floats:
    """Return which of `total` belong to the first side, the truth first, (count + 1, total)."""
    true = (np.arange(total) < first).astype(np.float64)
    return np.concatenate([true[None], rng.permuted(np.tile(true, (count, 1)), axis=1)])


def by_order(
    total: int,
    statistic: Callable[[Integers], Sequence[float]],
    rng: np.random.Generator,
    count: int,
) -> Floats:
    """Return statistics of the pooled rows in order, then in `count` random orders."""
    rows = np.arange(total)
    found = [statistic(rows), *(statistic(rng.permutation(total)) for _ in range(count))]
    return np.array(found, dtype=np.float64)


@dataclass(frozen=True)
class Chance:
    """p-values, corrected for all statistics of a group, and how far chance reaches.

    Attributes
    ----------
    p
        Shape (statistics,).
    reach
        The quantile of level 1 - alpha of a statistic's distance from its mean over relabellings:
        an effect more or less this is the interval that inverting the test gives, where the two
        laws differ by a shift of the statistic.
    mean
        Over relabellings.
    """

    p: Floats
    reach: Floats
    mean: Floats


def chance(values: Floats, alpha: float, *, above: bool = False) -> Chance:
    """Return what relabelling says of the first row of `values`; see `by_sums`."""
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    moved = values - mean
    far = moved if above else np.abs(moved)
    usable = deviation > ROUNDING * np.maximum(1e-3, np.abs(mean))
    far = np.where(usable, far / np.where(usable, deviation, 1.0), 0.0)
    most = far.max(axis=1)
    p = (most[:, None] >= far[0] - ROUNDING).mean(axis=0)
    k = min(len(values) - 1, math.ceil((1 - alpha) * len(values)))
    reach = np.sort(np.abs(moved), axis=0)[k]
    return Chance(p, reach, mean)
