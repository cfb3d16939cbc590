"""Compiled: what is recorded of a fit to integer counts."""

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled


@compiled
def lose(gone: Floats, p: float, scale: float) -> None:
    """Add an outcome's scaled squared probability, and its probability, to what is lost."""
    gone[0] += p * scale * (p * scale)
    gone[1] += p


@compiled
def measured(
    fit: Integers,
    labels: Integers,
    m: int,
    total: int,
    truth: Floats,
    given: Floats,
    table: Floats,
    gone: Floats,
    out: Floats,
) -> None:
    """Fill out with what `simulate.NAMES` lists of a fit.

    `given` holds the number of possible outcomes, a power of two, the truth's heterozygosity times
    its square, and the probability of all outcomes but the largest; `table` holds c log c. `gone`
    is what `lose` adds up of the outcomes that are not in `labels`.
    """
    unit, differ, logs, present, most = 1.0 / total, 0.0, 0.0, 0, 0
    scale, error, missing, largest = given[1], gone[0], gone[1], table.size - 1
    for j in range(m):
        c, p = fit[j], truth[labels[j]]
        x, rest = c * unit, (total - c) * unit
        present += 1 if c > 0 else 0
        missing += 0.0 if c > 0 else p
        differ += x * rest
        logs += table[min(c, largest)]
        # Near 1 both differ from it by what is left: nothing is lost.
        gap = ((x - p) if p <= 0.5 else (given[3] - rest)) * scale
        error += gap * gap
        most = max(most, c)
    for j in range(m if most > largest else 0):
        if fit[j] > largest:
            logs += fit[j] * np.log(fit[j]) - table[largest]
    out[0] = differ
    out[1] = given[0] - present
    out[2] = 1.0 if present == 1 else 0.0
    if most > 0.875 * total:  # then the entropy may be little: what others have, and log(1 - it)
        rest = (total - most) * unit
        logs = most * np.log1p(-rest) if present > 1 else 0.0
        for j in range(m):
            if 0 < fit[j] < most:
                logs += fit[j] * np.log(fit[j] * unit)
        out[3] = -logs * unit if present > 1 else 0.0
    else:
        out[3] = np.log(total) - logs * unit
    out[4] = error / given[2]
    out[5] = missing


@compiled
def smoothed(
    fit: Integers,
    labels: Integers,
    m: int,
    total: int,
    alpha: float,
    truth: Floats,
    given: Floats,
    whole: Integers,
    out: Floats,
) -> None:
    """Fill out as `measured`, of counts to which alpha is added; `whole` is room for all."""
    K, scale, unit = truth.size, given[1], 1.0 / (total + truth.size * alpha)
    unseen, differ, surprise, error = K, 0.0, 0.0, 0.0
    whole[:] = 0
    for j in range(m):
        if fit[j] > 0:
            # What is left of 1 is summed by itself: nothing is lost where one outcome has most.
            x, rest = (fit[j] + alpha) * unit, (total - fit[j] + (K - 1) * alpha) * unit
            p = truth[labels[j]]
            unseen -= 1
            differ += x * rest
            surprise -= x * (np.log(x) if x < 0.5 else np.log1p(-rest))
            gap = ((x - p) if p <= 0.5 else (given[3] - rest)) * scale
            error += gap * gap
            whole[labels[j]] = 1
    x = alpha * unit
    differ += unseen * x * ((total + (K - 1) * alpha) * unit)
    surprise -= unseen * x * np.log(x)
    for i in range(K):
        gap = (x - truth[i]) * scale
        error += 0.0 if whole[i] else gap * gap
    out[:] = 0.0  # nothing is absent
    # Rounding may not exceed what is claimed of every replicate.
    out[0] = min(differ, 1.0 - 1.0 / K)
    out[3], out[4] = surprise, error / given[2]


@compiled
def record(
    fit: Integers,
    labels: Integers,
    m: int,
    total: int,
    alpha: float,
    truth: Floats,
    given: Floats,
    table: Floats,
    gone: Floats,
    whole: Integers,
    out: Floats,
    fitted: Floats,
) -> None:
    """Fill out, and fitted if it is not empty, with what is recorded of a fit; see `run`."""
    if alpha > 0:
        smoothed(fit, labels, m, total, alpha, truth, given, whole, out)
    else:
        measured(fit, labels, m, total, truth, given, table, gone, out)
    if fitted.size > 0:
        fitted[:] = alpha / (total + truth.size * alpha)
        for j in range(m):
            fitted[labels[j]] = (fit[j] + alpha) / (total + truth.size * alpha)
