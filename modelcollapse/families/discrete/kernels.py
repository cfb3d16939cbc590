"""Compiled draws: rows of integer counts, rows of probabilities, and subsets of a pool.

A draw of n rows from m outcomes goes row by row, through a guide table, where n is below RATIO m,
and outcome by outcome, through conditional binomials, beyond: time and memory are of the order of
min(n, m), whatever n is. Where a pool is small its rows are kept, as numbers of outcomes, and
drawn from directly: that is three times as fast as the guide table.
"""

import numpy as np
import numpy.typing as npt

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import CHUNK, Stream, fill_words, uniform
from modelcollapse._support.variates import WORD, below, binomial, leftover, placed, within

Words = npt.NDArray[np.int32]
RATIO = 32  # a binomial costs about as much as so many rows
CELLS = 8  # of the guide table, per outcome: most then lie within one outcome
LOW = 2**20


@compiled
def anywhere(stream: Stream, bound: int) -> np.int64:
    """Return a uniform integer in [0, bound), bound at most 2^52."""
    if bound < WORD:
        return np.int64(below(stream, bound))
    while True:
        high = np.int64(below(stream, (bound - 1) // LOW + 1))
        value = high * LOW + np.int64(below(stream, LOW))
        if value < bound:
            return value


@compiled
def index(counts: Integers, m: int, ends: Integers, guide: Words) -> int:
    """Fill the guide table of m counts: outcome of each row 0, 2^shift, ...; return the shift.

    `ends` are the cumulative counts. The table has at most RATIO m cells.
    """
    total = 0
    for j in range(m):
        total += counts[j]
        ends[j] = total
    shift = 0
    if total > RATIO * m:
        while ((total - 1) >> shift) + 1 > CELLS * m:
            shift += 1
    cell = 0
    for j in range(m):
        while (cell << shift) < ends[j]:
            guide[cell] = j
            cell += 1
    return shift


@compiled
def drawn(
    stream: Stream,
    n: int,
    counts: Integers,
    m: int,
    total: int,
    ends: Integers,
    guide: Words,
    tally: Integers,
) -> None:
    """Fill tally[:m] with n rows drawn with replacement from m outcomes' counts."""
    tally[:m] = 0
    if n > RATIO * m:
        left, rest = n, total
        for j in range(m):
            if left == 0:
                return
            if counts[j] == rest:
                tally[j] = left
                return
            if counts[j] > 0:
                tally[j] = binomial(stream, left, counts[j] / rest)
                left -= tally[j]
                rest -= counts[j]
        return
    shift, words = index(counts, m, ends, guide), np.empty(CHUNK, np.uint32)
    if shift == 0:  # a cell for each row: then the total is below 2^32
        least = leftover(total)
        for start in range(0, n, CHUNK):
            some = min(CHUNK, n - start)
            fill_words(stream, words[: (some + 3) // 4 * 4])
            for i in range(some):
                tally[guide[placed(stream, words[i], total, least)]] += 1
        return
    for _ in range(n):
        row = anywhere(stream, total)
        j = guide[row >> shift]
        while ends[j] <= row:
            j += 1
        tally[j] += 1


@compiled
def subset(
    stream: Stream,
    k: int,
    counts: Integers,
    m: int,
    total: int,
    ends: Integers,
    guide: Words,
    chosen: Integers,
) -> None:
    """Fill chosen[:m] with k of the rows, drawn without replacement.

    A row is drawn again if it falls among the first `chosen[j]` of its outcome: what is left of
    each outcome is then proportional to its rows not yet drawn.
    """
    fewer = min(k, total - k)
    chosen[:m] = 0
    if fewer > 0:
        shift = index(counts, m, ends, guide)
        left = fewer
        while left > 0:
            row = anywhere(stream, total)
            j = guide[row >> shift]
            while ends[j] <= row:
                j += 1
            if row - (ends[j] - counts[j]) >= chosen[j]:
                chosen[j] += 1
                left -= 1
    if fewer < k:
        for j in range(m):
            chosen[j] = counts[j] - chosen[j]


@compiled
def drawn_rows(
    stream: Stream, n: int, rows: Words, trained: int, total: int, tally: Integers
) -> None:
    """Tally n of the first `trained` rows, drawn with replacement, and append them at `total`."""
    tally[:] = 0
    least, words = leftover(trained), np.empty(CHUNK, np.uint32)
    for start in range(0, n, CHUNK):
        some = min(CHUNK, n - start)
        fill_words(stream, words[: (some + 3) // 4 * 4])
        for i in range(some):
            j = rows[placed(stream, words[i], trained, least)]
            rows[total + start + i] = j
            tally[j] += 1


@compiled
def subset_rows(stream: Stream, k: int, rows: Words, total: int, chosen: Integers) -> None:
    """Bring k of the rows, drawn without replacement, to the front, and tally them."""
    chosen[:] = 0
    words = np.empty(CHUNK, np.uint32)
    for start in range(0, k, CHUNK):
        stop = min(k, start + CHUNK)
        fill_words(stream, words[: (stop - start + 3) // 4 * 4])
        for i in range(start, stop):
            j = i + within(stream, words[i - start], total - i)
            row = rows[j]
            rows[j] = rows[i]
            rows[i] = row
            chosen[row] += 1


@compiled
def appended(counts: Integers, m: int, rows: Words, total: int) -> None:
    """Append rows of the outcomes 0..m-1 at `total`."""
    end = total
    for j in range(m):
        rows[end : end + counts[j]] = j
        end += counts[j]


@compiled
def tails(p: Floats, rest: Floats) -> None:
    """Fill rest[j] with sum p[j:], from the end, so that small ones are accurate."""
    total = 0.0
    for j in range(p.size - 1, -1, -1):
        total += p[j]
        rest[j] = total


@compiled
def cumulated(p: Floats, sums: Floats, guide: Integers) -> int:
    """Fill cumulative sums and a guide table of p.size cells; return the last possible outcome."""
    K, total, last = p.size, 0.0, 0
    for j in range(K):
        total += p[j]
        sums[j] = total
        if p[j] > 0:
            last = j
    j = 0
    for cell in range(K):
        while j < last and sums[j] <= total * (cell / K):
            j += 1
        guide[cell] = j
    return last


@compiled
def drawn_floats(
    stream: Stream,
    n: int,
    p: Floats,
    rest: Floats,
    sums: Floats,
    guide: Integers,
    last: int,
    tally: Integers,
) -> None:
    """Add n rows drawn from probabilities to a tally of all outcomes.

    `rest` is from `tails`, `sums`, `guide` and `last` from `cumulated`.
    """
    K = p.size
    if n > RATIO * K:
        left = n
        for j in range(K):
            if left == 0:
                return
            if j == last:
                tally[j] += left
                return
            if p[j] > 0:
                got = binomial(stream, left, min(1.0, p[j] / rest[j]))
                tally[j] += got
                left -= got
        return
    for _ in range(n):
        share = uniform(stream)
        # One cell back, as share K rounds; the scan goes forward only.
        j = guide[max(0, int(share * K) - 1)]
        while j < last and sums[j] <= share * sums[K - 1]:
            j += 1
        tally[j] += 1


@compiled
def evenly(stream: Stream, n: int, trained: int, added: float) -> int:
    """Return how many of n rows of a smoothed fit are of any outcome alike; the others are copies.

    `added` is what is added to the counts of the rows trained on, in all.
    """
    if added > 0.0 and n > 0:
        return binomial(stream, n, added / (trained + added))
    return 0


@compiled
def drawn_evenly(stream: Stream, n: int, tally: Integers) -> None:
    """Add n rows of outcomes that are all alike to a tally."""
    K = tally.size
    if n > RATIO * K:
        for j in range(K - 1):
            got = binomial(stream, n, 1.0 / (K - j))
            tally[j] += got
            n -= got
        tally[K - 1] += n
        return
    for _ in range(n):
        tally[below(stream, K)] += 1


@compiled
def drawn_mixtures(stream: Stream, n: int, p: Floats, tally: Integers) -> None:
    """Fill tally, (replicates, K), with n rows of each replicate's probabilities p."""
    count, K = p.shape
    rest, sums, guide = np.empty(K), np.empty(K), np.empty(K, dtype=np.int64)
    tally[:] = 0
    for r in range(count):
        last = cumulated(p[r], sums, guide)
        tails(p[r], rest)
        drawn_floats(stream, n, p[r], rest, sums, guide, last, tally[r])
