"""Compiled loops whose fit is a table of integer counts: replace, and pools."""

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import Stream
from modelcollapse._support.variates import binomial
from modelcollapse.families.discrete.kernels import (
    RATIO,
    Words,
    appended,
    cumulated,
    drawn,
    drawn_evenly,
    drawn_floats,
    drawn_rows,
    evenly,
    subset,
    subset_rows,
    tails,
)
from modelcollapse.families.discrete.measures import lose, record


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
    stream: Stream,
    pooled: bool,
    alpha: float,
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
    alpha
        What is added to each count of a fit.
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
    rest, sums, cells = np.empty(K), np.empty(K), np.empty(4 * K, dtype=np.int32)
    last = cumulated(truth, sums, cells)
    tails(truth, rest)
    ends, guide = np.empty(K, dtype=np.int64), np.empty(RATIO * K + 1, dtype=np.int32)
    labels, counts = np.empty(K, dtype=np.int64), np.empty(K, dtype=np.int64)
    # What is gone is set anew by each replicate's batch 1, which is real.
    tally, some, gone = np.empty(K, dtype=np.int64), np.empty(K, dtype=np.int64), np.zeros(2)
    fresh, place = np.zeros(K, dtype=np.int64), np.full(K, -1, dtype=np.int64)
    for r in range(out.shape[0]):
        m, total, trained, fit = 0, 0, 0, counts
        for t in range(T):
            even = evenly(stream, sizes[t] - real[t], trained, K * alpha)
            synthetic = sizes[t] - real[t] - even
            if synthetic > 0 and rows.size > 0:
                drawn_rows(stream, synthetic, rows, trained, total, counts)
            elif synthetic > 0:
                drawn(stream, synthetic, fit, m, trained, ends, guide, tally)
            else:
                tally[:m] = 0
            if pooled:
                if rows.size == 0:
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
            if real[t] + even > 0:
                fresh[:] = 0
                drawn_floats(stream, real[t], truth, rest, sums, cells, last, fresh)
                drawn_evenly(stream, even, fresh)
                m = joined(fresh, labels, counts, m, place, tally, truth, given[1], gone)
                if rows.size > 0:
                    appended(tally, m, rows, total)
                total += real[t] + even
            if 0 < budgets[t] < total:
                trained, fit = budgets[t], some
                if rows.size > 0:
                    subset_rows(stream, trained, rows, total, fit[:m])
                else:
                    subset(stream, trained, counts, m, total, ends, guide, fit)
            else:
                trained, fit = total, counts
            if slots[t] >= 0:
                row, q = out[r, slots[t]], fitted[r, slots[t]] if fitted.size > 0 else truth[:0]
                record(fit, labels, m, trained, alpha, truth, given, table, gone, fresh, row, q)


@compiled
def edit(
    stream: Stream,
    n: int,
    alpha: float,
    edits: Floats,
    truth: Floats,
    given: Floats,
    table: Floats,
    slots: Integers,
    out: Floats,
    fitted: Floats,
) -> None:
    """Run replicates of a set of n rows that is edited, one after the other.

    Parameters
    ----------
    n, alpha
        The size of the set, and as in `run`.
    edits
        How many rows each generation replaces, or with which chance, as in `variates.draw_plan`.
    truth, given, table, slots, out, fitted
        As in `run`.
    """
    K = truth.size
    rest, sums, cells = np.empty(K), np.empty(K), np.empty(4 * K, dtype=np.int32)
    last = cumulated(truth, sums, cells)
    tails(truth, rest)
    labels, gone, whole = np.arange(K), np.zeros(2), np.empty(K, dtype=np.int64)
    ends, guide = np.empty(K, dtype=np.int64), np.empty(RATIO * K + 1, dtype=np.int32)
    counts, kept, new = np.empty(K, np.int64), np.empty(K, np.int64), np.empty(K, np.int64)
    for r in range(out.shape[0]):
        counts[:] = 0
        drawn_floats(stream, n, truth, rest, sums, cells, last, counts)
        for t in range(slots.size):
            replaced = int(edits[0, t])
            if edits[1, t] > 0.0:
                replaced = binomial(stream, n, edits[1, t])
            if replaced > 0:
                # Copies of rows of the set as it was, before any of them goes.
                even = evenly(stream, replaced, n, K * alpha)
                drawn(stream, replaced - even, counts, K, n, ends, guide, new)
                drawn_evenly(stream, even, new)
                subset(stream, n - replaced, counts, K, n, ends, guide, kept)
                for j in range(K):
                    counts[j] = kept[j] + new[j]
            if slots[t] >= 0:
                row, q = out[r, slots[t]], fitted[r, slots[t]] if fitted.size > 0 else truth[:0]
                record(counts, labels, K, n, alpha, truth, given, table, gone, whole, row, q)
