"""Compiled walks through contexts: texts word by word, and many texts at once as counts."""

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import Stream
from modelcollapse._support.variates import weighted
from modelcollapse.families.discrete.kernels import cumulated, drawn_floats, tails


@compiled
def spoken(
    stream: Stream,
    sums: Floats,
    last: Integers,
    base: Integers,
    flat: Integers,
    ends: Integers,
    state: Integers,
) -> bool:
    """Write texts one after the other into `flat`, and where each ends; False if it is full.

    `state` holds the texts finished, the context and the words written: called again with a
    longer `flat` it goes on in the middle of a text.
    """
    K = sums.shape[1] - 1
    text, context, place = state[0], state[1], state[2]
    while text < ends.size:
        if place == flat.size:
            state[0], state[1], state[2] = text, context, place
            return False
        word = weighted(stream, sums[context], last[context])
        if word == K:
            ends[text] = place
            text += 1
            context = 0
        else:
            flat[place] = word
            place += 1
            context = base[context] + word
    return True


@compiled
def walked(stream: Stream, n: int, p: Floats, base: Integers, most: int, counts: Integers) -> bool:
    """Fill counts, (contexts, K + 1), with the transitions of n texts; False beyond `most` words.

    All texts that wait in a context go on at once. In which order contexts are looked at does not
    matter: the outcomes of each are independent of all others, and as many of them are used as
    texts come by, so that the totals are those of the texts one by one.
    """
    contexts, K = p.shape[0], p.shape[1] - 1
    waiting, tally = np.zeros(contexts, dtype=np.int64), np.zeros(K + 1, dtype=np.int64)
    rest, sums = np.empty((contexts, K + 1)), np.empty((contexts, K + 1))
    guide, last = np.empty((contexts, 2 * (K + 1)), dtype=np.int32), np.full(contexts, -1)
    counts[:] = 0
    waiting[0] = n
    left, total = n, 0
    while left > 0:
        for c in range(contexts):
            k = waiting[c]
            if k == 0:
                continue
            if last[c] < 0:
                last[c] = cumulated(p[c], sums[c], guide[c])
                tails(p[c], rest[c])
            tally[:] = 0
            drawn_floats(stream, k, p[c], rest[c], sums[c], guide[c], last[c], tally)
            waiting[c] = 0
            left -= tally[K]
            total += k - tally[K]
            counts[c] += tally
            waiting[base[c] : base[c] + K] += tally[:K]
        if total > most:
            return False
    return True


@compiled
def all_walked(
    stream: Stream, n: int, p: Floats, base: Integers, most: int, counts: Integers
) -> bool:
    """Fill counts, (replicates, contexts, K + 1), each with n texts of its own model."""
    done = True
    for r in range(p.shape[0]):
        done = done and walked(stream, n, p[r], base, most, counts[r])
    return done


@compiled
def all_drawn(stream: Stream, sizes: Integers, p: Floats, counts: Integers) -> None:
    """Fill counts, (replicates, contexts, K + 1), with sizes[c] outcomes of each context c."""
    K1 = p.shape[2]
    rest, sums, guide = np.empty(K1), np.empty(K1), np.empty(2 * K1, dtype=np.int32)
    counts[:] = 0
    for r in range(p.shape[0]):
        for c in range(p.shape[1]):
            if sizes[c] > 0:
                last = cumulated(p[r, c], sums, guide)
                tails(p[r, c], rest)
                drawn_floats(stream, sizes[c], p[r, c], rest, sums, guide, last, counts[r, c])
