"""Compiled loops whose fit is a table of integer counts: replace, and pools."""

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import below, compiled
from modelcollapse.families.discrete.kernels import (
    RATIO,
    Words,
    appended,
    cumulated,
    drawn,
    drawn_floats,
    drawn_rows,
    subset,
    subset_rows,
    tails,
)


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
    unit, differ, logs, error, present, most = 1.0 / total, 0.0, 0.0, 0.0, 0, 0
    scale, lost, missing = given[1], gone[0], gone[1]
    for j in range(m):
        c, p = fit[j], truth[labels[j]]
        if c > 0:
            x, rest = c * unit, (total - c) * unit
            present += 1
            differ += x * rest
            logs += table[c] if c < table.size else c * np.log(c)
            # Near 1 both differ from it by what is left: nothing is lost.
            gap = ((x - p) if p <= 0.5 else (given[3] - rest)) * scale
            error += gap * gap
            most = max(most, c)
        else:
            lost += p * scale * (p * scale)
            missing += p
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
    out[4] = (error + lost) / given[2]
    out[5] = missing


@compiled
def joined(
    fresh: Integers,
    labels: Integers,
    counts: Integers,
    m: int,
    place: Integers,
    tally: Integers,
    truth: Floats,
    scale: float,
    gone: Floats,
) -> int:
    """Add counts of all outcomes to those present; return how many are present, and fill `gone`.

    `tally` gets the added counts in the order of `labels`; `place` holds -1 before and after.
    """
    gone[:] = 0.0
    for j in range(m):
        place[labels[j]] = j
    tally[:] = 0
    for i in range(fresh.size):
        if fresh[i] > 0:
            if place[i] < 0:
                place[i] = m
                labels[m] = i
                counts[m] = 0
                m += 1
            counts[place[i]] += fresh[i]
            tally[place[i]] = fresh[i]
        elif place[i] < 0:
            lose(gone, truth[i], scale)
    for j in range(m):
        place[labels[j]] = -1
    return m


@compiled
def run(
    rng: np.random.Generator,
    pooled: bool,
    sizes: Integers,
    real: Integers,
    budgets: Integers,
    truth: Floats,
    given: Floats,
    table: Floats,
    slots: Integers,
    rows: Words,
    out: Floats,
    fitted: Floats,
) -> None:
    """Run replicates one after the other.

    Parameters
    ----------
    pooled
        Whether batches accumulate; else the last batch alone is trained on.
    sizes, real
        Rows of each batch, and how many of them are fresh and real.
    budgets
        How many rows of the pool are trained on, without replacement; 0 for all.
    truth, given, table
        The truth's probabilities, and as in `measured`.
    slots
        For each generation the column that records it, or -1.
    rows
        Room for all rows of a pool, or empty: then counts are drawn from.
    out, fitted
        (replicates, recorded, 6), and fitted probabilities (replicates, recorded, K) or empty.
    """
    K, T = truth.size, sizes.size
    rest, sums, cells = np.empty(K), np.empty(K), np.empty(K, dtype=np.int64)
    last = cumulated(truth, sums, cells)
    tails(truth, rest)
    ends, guide = np.empty(K, dtype=np.int64), np.empty(RATIO * K + 1, dtype=np.int32)
    labels, counts = np.empty(K, dtype=np.int64), np.empty(K, dtype=np.int64)
    # What is gone is set anew by each replicate's batch 1, which is real.
    tally, fit, gone = np.empty(K, dtype=np.int64), np.empty(K, dtype=np.int64), np.zeros(2)
    fresh, place = np.zeros(K, dtype=np.int64), np.full(K, -1, dtype=np.int64)
    for r in range(out.shape[0]):
        m, total, trained = 0, 0, 0
        for t in range(T):
            synthetic = sizes[t] - real[t]
            if synthetic > 0 and rows.size > 0:
                drawn_rows(rng, synthetic, rows, trained, total, tally[:m])
            elif synthetic > 0:
                drawn(rng, synthetic, fit, m, trained, ends, guide, tally)
            else:
                tally[:m] = 0
            if pooled:
                for j in range(m):
                    counts[j] += tally[j]
                total += synthetic
            else:
                kept = 0
                for j in range(m):
                    if tally[j] > 0:
                        labels[kept] = labels[j]
                        counts[kept] = tally[j]
                        kept += 1
                    else:
                        lose(gone, truth[labels[j]], given[1])
                m, total = kept, synthetic
            if real[t] > 0:
                fresh[:] = 0
                drawn_floats(rng, real[t], truth, rest, sums, cells, last, fresh)
                m = joined(fresh, labels, counts, m, place, tally, truth, given[1], gone)
                if rows.size > 0:
                    appended(tally, m, rows, total)
                total += real[t]
            if 0 < budgets[t] < total:
                trained = budgets[t]
                if rows.size > 0:
                    subset_rows(rng, trained, rows, total, fit[:m])
                else:
                    subset(rng, trained, counts, m, total, ends, guide, fit)
            else:
                trained = total
                fit[:m] = counts[:m]
            if slots[t] >= 0:
                measured(fit, labels, m, trained, truth, given, table, gone, out[r, slots[t]])
                if fitted.size > 0:
                    fitted[r, slots[t]] = 0.0
                    for j in range(m):
                        fitted[r, slots[t], labels[j]] = fit[j] / trained


@compiled
def edit(
    rng: np.random.Generator,
    edits: Floats,
    rows: Words,
    parents: Words,
    truth: Floats,
    given: Floats,
    table: Floats,
    slots: Integers,
    out: Floats,
    fitted: Floats,
) -> None:
    """Run replicates of a set of rows that is edited, one after the other.

    Parameters
    ----------
    edits
        How many rows each generation replaces, or with which chance, as in `compiled.draw_plan`.
    rows, parents
        Room for the outcomes of all rows of the set, and of those that are copied.
    truth, given, table, slots, out, fitted
        As in `run`.
    """
    K, n = truth.size, rows.size
    rest, sums, cells = np.empty(K), np.empty(K), np.empty(K, dtype=np.int64)
    last = cumulated(truth, sums, cells)
    tails(truth, rest)
    labels, gone = np.arange(K), np.zeros(2)
    counts = np.zeros(K, dtype=np.int64)
    for r in range(out.shape[0]):
        counts[:] = 0
        drawn_floats(rng, n, truth, rest, sums, cells, last, counts)
        place = 0
        for j in range(K):
            rows[place : place + counts[j]] = j
            place += counts[j]
        for t in range(slots.size):
            replaced = int(edits[0, t])
            if edits[1, t] > 0.0:
                replaced = rng.binomial(n, edits[1, t])
            # Copies of rows of the set as it was, before any of them goes.
            for i in range(replaced):
                parents[i] = rows[below(rng, n)]
            for i in range(replaced):
                # The order of a set has no meaning, so that its first rows may be the chosen ones.
                j = i + below(rng, n - i)
                counts[rows[j]] -= 1
                rows[j] = rows[i]
                rows[i] = parents[i]
                counts[rows[i]] += 1
            if slots[t] >= 0:
                measured(counts, labels, K, n, truth, given, table, gone, out[r, slots[t]])
                if fitted.size > 0:
                    for j in range(K):
                        fitted[r, slots[t], j] = counts[j] / n
