"""Compiled draws: rows of integer counts, rows of probabilities, and subsets of a pool.

About as many rows as there are, drawn from m outcomes' counts c, are Poisson(c) copies of each,
to which rows are added, or of which rows are taken away, until their number is right: given their
sum, independent Poissons are multinomial. Other numbers of rows go row by row, through a guide
table, and many rows outcome by outcome, through conditional binomials: time and memory are of the
order of min(n, m), whatever n is. Where a pool is small its rows are kept, as numbers of outcomes,
and drawn from directly.
"""

import numpy as np
import numpy.typing as npt

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled
from modelcollapse._support.hypergeometric import hypergeometric
from modelcollapse._support.stream import CHUNK, Stream, fill_words, uniform, upcoming
from modelcollapse._support.variates import (
    below,
    binomial,
    leftover,
    placed,
    within,
)

Words = npt.NDArray[np.int32]
RATIO = 16  # a binomial costs about as much as so many rows
COPIED = 700  # and as copies of so many rows
SIFTED = 32  # a hypergeometric costs about as much as so many rows that are taken away
CELLS = 8  # of the guide table, per outcome: most then lie within one outcome
SHIFT = 6
MOST = 2**SHIFT  # the largest mean of a Poisson in the table; more are sums
VALUES = 256  # of those Poissons: 1e-70 of their mass is beyond


def _aliases(mean: int) -> tuple[list[float], list[int]]:
    """Return Walker's table of a Poisson, whose probabilities are rounded below 2^-100.

    Cell k of VALUES equally likely ones is the value k with the chance share[k], else other[k].
    """
    mass = [VALUES << 160]  # whole numbers in proportion to the probabilities
    for k in range(1, VALUES):
        mass.append(mass[-1] // VALUES * mean // k * VALUES)
    share, other, cell = [1.0] * VALUES, list(range(VALUES)), sum(mass) // VALUES
    few, many = ([k for k in other if (mass[k] < cell) == less] for less in (True, False))
    while few:
        k, donor = few.pop(), many[-1]
        share[k], other[k] = mass[k] / cell, donor
        mass[donor] -= cell - mass[k]
        if mass[donor] < cell:
            few.append(many.pop())
    return share, other


_TABLE = [_aliases(mean) for mean in range(MOST + 1)]
SHARES = np.array([share for share, _ in _TABLE])
OTHERS = np.array([other for _, other in _TABLE], dtype=np.uint8)


@compiled
def index(rows: int, counts: Integers, m: int, ends: Integers, guide: Words) -> int:
    """Fill the guide table of m counts: outcome of each row 0, 2^shift, ...; return the shift.

    `ends` are the cumulative counts. The table has at most RATIO m cells, and few if
    few `rows` are to be drawn.
    """
    total = 0
    for j in range(m):
        total += counts[j]
        ends[j] = total
    shift = 0
    if total > min(RATIO * m, 4 * rows):
        while ((total - 1) >> shift) + 1 > min(CELLS * m, 4 * rows):
            shift += 1
    cells, first, last, up = ((total - 1) >> shift) + 1, 0, np.int32(0), (1 << shift) - 1
    guide[: cells + 1] = 0
    for j in range(m):  # without branches, which would go either way
        guide[(first + up) >> shift] = j
        first = ends[j]
    for cell in range(cells):
        last = max(last, guide[cell])
        guide[cell] = last
    return shift


@compiled
def copied(stream: Stream, counts: Integers, tally: Integers) -> int:
    """Add Poissons whose means are the counts to a tally; return their sum."""
    total, wholes, m, start = 0, 0, counts.size, 0
    while start < m:
        shares = upcoming(stream, m - start)
        means, found = counts[start : start + shares.size], tally[start : start + shares.size]
        for i in range(shares.size):
            wholes += means[i] >> SHIFT
            cell = shares[i] * VALUES
            mean, k = means[i] & (MOST - 1), int(cell)
            other = int(np.int64(OTHERS[mean, k]))
            k = k if cell - k < SHARES[mean, k] else other
            found[i] += k
            total += k
        start += shares.size
    if wholes > 0:
        for j in range(m):
            for _ in range(counts[j] >> SHIFT):
                cell = uniform(stream) * VALUES
                k = int(cell)
                k = k if cell - k < SHARES[MOST, k] else int(np.int64(OTHERS[MOST, k]))
                tally[j] += k
                total += k
    return total


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
    near, wanted = 0.75 * total <= n <= 4.0 * total, n
    tally[:m] = 0
    if n > RATIO * m and (not near or n / COPIED + np.sqrt(n) / 3.0 > m):
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
    while near and n >= 0.75 * total:
        n -= copied(stream, counts[:m], tally[:m])
    if n < 0:
        thin(stream, -n, tally, m, wanted - n, ends, guide)
    if n <= 0:
        return
    shift = index(n, counts, m, ends, guide)
    while n > 0:
        shares = upcoming(stream, n)
        n -= shares.size
        for share in shares:
            row = int(share * total)  # below it, as shares are at most 1 - 2^-53
            j = guide[row >> shift]
            while ends[j] <= row:
                j += 1
            tally[j] += 1


@compiled
def thin(
    stream: Stream,
    k: int,
    counts: Integers,
    m: int,
    total: int,
    ends: Integers,
    guide: Words,
) -> None:
    """Take k > 0 rows, drawn without replacement, away from m outcomes' counts.

    A row is drawn again if it is none of the first `counts[j]` of its outcome, the rows left: what
    is taken next is then proportional to them.
    """
    shift = index(k, counts, m, ends, guide)
    while k > 0:
        for share in upcoming(stream, k):
            row = int(share * total)
            j = guide[row >> shift]
            while ends[j] <= row:
                j += 1
            if row - (ends[j - 1] if j > 0 else 0) < counts[j]:
                counts[j] -= 1
                k -= 1


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
    """Fill chosen[:m] with k of the rows, drawn without replacement."""
    fewer = min(k, total - k)
    if fewer > SIFTED * m:
        for j in range(m):
            chosen[j] = hypergeometric(stream, counts[j], total - counts[j], k)
            total -= counts[j]
            k -= chosen[j]
        return
    for j in range(m):
        chosen[j] = counts[j]
    if fewer > 0:
        thin(stream, fewer, chosen, m, total, ends, guide)
    if fewer == k:
        for j in range(m):
            chosen[j] = counts[j] - chosen[j]


@compiled
def drawn_rows(
    stream: Stream, n: int, rows: Words, trained: int, total: int, counts: Integers
) -> None:
    """Draw n of the first `trained` rows with replacement, append them at `total`, and count."""
    least, words = leftover(trained), np.empty(CHUNK, np.uint32)
    for start in range(0, n, CHUNK):
        some = min(CHUNK, n - start)
        fill_words(stream, words[: (some + 3) // 4 * 4])
        added = rows[total + start : total + start + some]
        for i in range(some):
            j = rows[placed(stream, words[i], trained, least)]
            added[i] = j
            counts[j] += 1


@compiled
def subset_rows(stream: Stream, k: int, rows: Words, total: int, chosen: Integers) -> None:
    """Bring k of the rows, drawn without replacement, to the front, and tally them."""
    chosen[:] = 0
    words = np.empty(CHUNK, np.uint32)
    for start in range(0, k, CHUNK):
        some = min(CHUNK, k - start)
        fill_words(stream, words[: (some + 3) // 4 * 4])
        rest, left = rows[start:total], total - start
        for i in range(some):
            j = i + within(stream, words[i], left - i)
            row = rest[j]
            rest[j] = rest[i]
            rest[i] = row
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
def cumulated(p: Floats, sums: Floats, guide: Words) -> int:
    """Fill cumulative sums and a guide table; return the last possible outcome."""
    K, total, last = p.size, 0.0, 0
    for j in range(K):
        total += p[j]
        sums[j] = total
        if p[j] > 0:
            last = j
    j, step = 0, total / guide.size
    for cell in range(guide.size):
        while j < last and sums[j] <= cell * step:
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
    guide: Words,
    last: int,
    tally: Integers,
) -> None:
    """Add n rows drawn from probabilities to a tally of all outcomes.

    `rest` is from `tails`, `sums`, `guide` and `last` from `cumulated`.
    """
    K, cells, total = p.size, guide.size, sums[p.size - 1]
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
    while n > 0:
        shares = upcoming(stream, n)
        n -= shares.size
        for share in shares:
            j = guide[int(share * cells)]  # which rounds, as all that is drawn
            while j < last and sums[j] <= share * total:
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
    rest, sums, guide = np.empty(K), np.empty(K), np.empty(2 * K, dtype=np.int32)
    tally[:] = 0
    for r in range(count):
        last = cumulated(p[r], sums, guide)
        tails(p[r], rest)
        drawn_floats(stream, n, p[r], rest, sums, guide, last, tally[r])
