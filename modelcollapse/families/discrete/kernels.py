"""Compiled draws: rows of integer counts, rows of probabilities, and subsets of a pool.

A draw of n rows from m outcomes goes row by row, through a guide table, where n is below RATIO m,
and outcome by outcome, through conditional binomials, beyond: time and memory are of the order of
min(n, m), whatever n is. Where a pool is small its rows are kept, as numbers of outcomes, and
drawn from directly: that is three times as fast as the guide table.
"""

import numpy as np
import numpy.typing as npt

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import below, compiled, inlined

Words = npt.NDArray[np.int32]
RATIO = 32  # a binomial costs about as much as so many rows
CELLS = 8  # of the guide table, per outcome: most then lie within one outcome
WORD = 2**32
HALF = 2**26  # half of the 52 bits of a random number
LOW = 2**20


@inlined
def leftover(bound: int) -> np.uint64:
    """Return 2^32 modulo a bound, below which a draw of `pick` is drawn again."""
    return (np.uint64(WORD) - np.uint64(bound)) % np.uint64(bound)


@inlined
def pick(rng: np.random.Generator, bound: int, least: np.uint64) -> np.int64:
    """Return `compiled.below(bound)`, with its division done once: least = leftover(bound)."""
    word = np.uint64(WORD)
    product = np.uint64(rng.random() * 4294967296.0) * np.uint64(bound)
    while product % word < least:
        product = np.uint64(rng.random() * 4294967296.0) * np.uint64(bound)
    return np.int64(product // word)


@compiled
def uniform(rng: np.random.Generator, bound: int) -> np.int64:
    """Return a uniform integer in [0, bound), bound at most 2^52."""
    if bound < WORD:
        return np.int64(below(rng, bound))
    while True:
        high = np.int64(below(rng, (bound - 1) // LOW + 1))
        value = high * LOW + np.int64(below(rng, LOW))
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
    rng: np.random.Generator,
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
                tally[j] = rng.binomial(left, counts[j] / rest)
                left -= tally[j]
                rest -= counts[j]
        return
    shift = index(counts, m, ends, guide)
    if shift == 0:  # a cell for each row: then the total is below 2^32
        least = leftover(total)
        for _ in range(n):
            tally[guide[pick(rng, total, least)]] += 1
        return
    for _ in range(n):
        row = uniform(rng, total)
        j = guide[row >> shift]
        while ends[j] <= row:
            j += 1
        tally[j] += 1


@compiled
def subset(
    rng: np.random.Generator,
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
            row = uniform(rng, total)
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
    rng: np.random.Generator, n: int, rows: Words, trained: int, total: int, tally: Integers
) -> None:
    """Tally n of the first `trained` rows, drawn with replacement, and append them at `total`."""
    tally[:] = 0
    if trained >= HALF:
        least = leftover(trained)
        for i in range(n):
            j = rows[pick(rng, trained, least)]
            rows[total + i] = j
            tally[j] += 1
        return
    # As `pick` with words of 26 bits, two of which are in a random number of 52.
    bound, bits, mask = np.uint64(trained), np.uint64(26), np.uint64(HALF - 1)
    least = (np.uint64(HALF) - bound) % bound
    i = 0
    while i < n:
        both = np.uint64(rng.random() * 4503599627370496.0)
        first, second = (both >> bits) * bound, (both & mask) * bound
        if first & mask >= least:
            j = rows[first >> bits]
            rows[total + i] = j
            tally[j] += 1
            i += 1
        if i < n and second & mask >= least:
            j = rows[second >> bits]
            rows[total + i] = j
            tally[j] += 1
            i += 1


@compiled
def subset_rows(
    rng: np.random.Generator, k: int, rows: Words, total: int, chosen: Integers
) -> None:
    """Bring k of the rows, drawn without replacement, to the front, and tally them."""
    chosen[:] = 0
    for i in range(k):
        j = i + below(rng, total - i)
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
    rng: np.random.Generator,
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
                got = rng.binomial(left, min(1.0, p[j] / rest[j]))
                tally[j] += got
                left -= got
        return
    for _ in range(n):
        share = rng.random()
        # One cell back, as share K rounds; the scan goes forward only.
        j = guide[max(0, int(share * K) - 1)]
        while j < last and sums[j] <= share * sums[K - 1]:
            j += 1
        tally[j] += 1


@compiled
def evenly(rng: np.random.Generator, n: int, trained: int, added: float) -> int:
    """Return how many of n rows of a smoothed fit are of any outcome alike; the others are copies.

    `added` is what is added to the counts of the rows trained on, in all.
    """
    if added > 0.0 and n > 0:
        return rng.binomial(n, added / (trained + added))
    return 0


@compiled
def drawn_evenly(rng: np.random.Generator, n: int, tally: Integers) -> None:
    """Add n rows of outcomes that are all alike to a tally."""
    K = tally.size
    if n > RATIO * K:
        for j in range(K - 1):
            got = rng.binomial(n, 1.0 / (K - j))
            tally[j] += got
            n -= got
        tally[K - 1] += n
        return
    for _ in range(n):
        tally[below(rng, K)] += 1


@compiled
def drawn_mixtures(rng: np.random.Generator, n: int, p: Floats, tally: Integers) -> None:
    """Fill tally, (replicates, K), with n rows of each replicate's probabilities p."""
    count, K = p.shape
    rest, sums, guide = np.empty(K), np.empty(K), np.empty(K, dtype=np.int64)
    tally[:] = 0
    for r in range(count):
        last = cumulated(p[r], sums, guide)
        tails(p[r], rest)
        drawn_floats(rng, n, p[r], rest, sums, guide, last, tally[r])
