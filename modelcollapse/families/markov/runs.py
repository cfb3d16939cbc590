"""Compiled loops of texts that are kept word by word: short batches of large vocabularies.

The fit is no table: it is, for each context that was seen, the list of what followed it, and a draw
from it is a uniform choice from that list. Time and memory are those of the words, whatever the
number of transitions is.
"""

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import Stream, uniform
from modelcollapse._support.variates import below, weighted


@compiled
def grown(values: Integers) -> Integers:
    """Return the same numbers in an array of twice the size."""
    found = np.empty(2 * values.size, dtype=values.dtype)
    for i in range(values.size):
        found[i] = values[i]
    return found


@compiled
def gathered(
    chosen: Integers,
    ends: Integers,
    where: Integers,
    what: Integers,
    begin: Integers,
    size: Integers,
    seen: Integers,
    lists: Integers,
) -> int:
    """Sort the transitions of the chosen texts by context; return how many contexts are seen.

    Transition i stands in `where` (its context) and `what` (its outcome), and text j ends before
    ends[j + 1]. Context c then has size[c] outcomes from lists[begin[c]] on; `size` is zero before
    but for the contexts that `seen` names.
    """
    m, place = 0, 0
    for j in chosen:
        for c in where[ends[j] : ends[j + 1]]:
            if size[c] == 0:
                seen[m] = c
                m += 1
            size[c] += 1
    for c in seen[:m]:
        begin[c] = place
        place += size[c]
        size[c] = 0
    for j in chosen:
        contexts, outcomes = where[ends[j] : ends[j + 1]], what[ends[j] : ends[j + 1]]
        for i in range(contexts.size):
            c = contexts[i]
            lists[begin[c] + size[c]] = outcomes[i]
            size[c] += 1
    return m


@compiled
def followed(
    stream: Stream,
    lists: Integers,
    begin: Integers,
    size: Integers,
    base: Integers,
    alpha: float,
    known: Floats,
    where: Integers,
    what: Integers,
    context: int,
    K: int,
) -> tuple[int, int]:
    """Write a text of the fit from a context on, to its end or until there is no room.

    An outcome is one of those seen there, or comes by the added counts of all. Returned are how
    many are written, and the next context, -1 after the end.
    """
    for place in range(where.size):
        total, options = size[context], known[context, 3]
        share = uniform(stream) * (total + alpha * options)
        if share < total:
            w = lists[begin[context] + int(share)]
        else:
            w = np.int64(below(stream, int(options)))
        where[place], what[place] = context, w
        if w == K:
            return place + 1, -1
        context = base[context] + w
    return where.size, context


@compiled
def brought(stream: Stream, order: Integers, k: int, total: int) -> None:
    """Bring k of the first `total` numbers, drawn without replacement, to the front."""
    for i in range(k):
        j = i + np.int64(below(stream, total - i))
        order[i], order[j] = order[j], order[i]


@compiled
def measured(
    begin: Integers,
    size: Integers,
    seen: Integers,
    lists: Integers,
    alpha: float,
    truth: Floats,
    known: Floats,
    totals: Floats,
    tally: Integers,
    out: Floats,
) -> None:
    """Fill out with what `simulate.NAMES` lists of a fit, but for the length.

    Parameters
    ----------
    begin, size, seen, lists
        The fit, as `gathered` leaves it; the contexts seen alone.
    alpha
        What is added to each count.
    truth
        Its probabilities, (contexts, K + 1).
    known
        For each context the expected visits, sum p log p, sum p^2 and the number of outcomes.
    totals
        The number of possible transitions, and sums over contexts of what each contributes if it
        is never seen: to the excess, the missing mass and the squared error; then the last two
        quantities' units.
    tally
        Zeros, (K + 1,), before and after.
    """
    excess, absent, missing, square = totals[1], totals[0], totals[2], totals[3]
    transitions = 0
    for c in seen:
        transitions += size[c]
    lost = alpha == 0.0 and transitions < totals[0]  # surely: then no logarithm is needed
    single, words = True, np.empty(tally.size, dtype=np.int64)
    for c in seen:
        visits, surprise, squares, options = known[c]
        different = 0
        for i in range(begin[c], begin[c] + size[c]):
            w = lists[i]
            if tally[w] == 0:
                words[different] = w
                different += 1
            tally[w] += 1
        single &= different == 1
        total = size[c] + alpha * options
        unit = alpha / total  # the probability of what is not seen
        loss, found = surprise, 0.0
        error = options * unit * unit - 2.0 * unit + squares
        for d in range(different):
            w = words[d]
            p, q = truth[c, w], (tally[w] + alpha) / total
            tally[w] = 0
            if p > 0.0:
                absent -= 1
                found += p
                if not lost:
                    loss -= p * np.log(q)
            error += (q - p) * (q - p) - (unit - p) * (unit - p)
        if alpha > 0.0:
            loss -= max(0.0, 1.0 - found) * np.log(unit)
            excess += visits * (loss - surprise - np.log(options))
            square += visits * (error - (1.0 / options - 2.0 / options + squares))
        else:
            excess += visits * loss
            missing -= visits * found
            square += visits * (error - squares)
    some = absent > 0 and alpha == 0.0
    out[0] = np.inf if some else max(0.0, excess)
    out[1] = absent if alpha == 0.0 else 0.0
    out[2] = max(0.0, missing) / totals[4] if some else 0.0
    out[3] = max(0.0, square) / totals[5]
    out[4] = 1.0 if single and alpha == 0.0 else 0.0


@compiled
def run(
    stream: Stream,
    sizes: Integers,
    real: Integers,
    firsts: Integers,
    alone: Integers,
    budgets: Integers,
    alpha: float,
    truth: Floats,
    sums: Floats,
    last: Integers,
    base: Integers,
    known: Floats,
    totals: Floats,
    slots: Integers,
    held: int,
    room: int,
    most: int,
    out: Floats,
) -> bool:
    """Run replicates one after the other; False if the words of one are more than `most`.

    Parameters
    ----------
    sizes, real
        Texts of each batch, and how many of them are fresh and real.
    firsts
        The first text of the pool that each generation trains on; all later ones are too.
    alone
        Whether no text before a generation's batch is needed any more, 0 or 1.
    budgets
        How many texts of the pool are trained on, without replacement; 0 for all.
    alpha, truth, known, totals
        As in `measured`.
    sums, last, base
        The truth's cumulative probabilities, the last possible outcome of each context, and the
        contexts after it.
    slots
        For each generation the column that records it, or -1.
    held, room
        The most texts at a time, and the transitions for which there is room at first.
    out
        (replicates, recorded, 6).
    """
    contexts, K, T = truth.shape[0], truth.shape[1] - 1, sizes.size
    begin, size = np.empty(contexts, np.int64), np.zeros(contexts, np.int64)
    seen, tally = np.empty(contexts, np.int64), np.zeros(K + 1, np.int64)
    where, what, lists = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(0, np.int64)
    ends, order = np.zeros(held + 1, np.int64), np.empty(held, np.int64)
    for r in range(out.shape[0]):
        texts, m, dropped = 0, 0, 0
        for j in range(held):
            order[j] = j
        for t in range(T):
            if alone[t]:
                dropped += texts
                texts = 0
            place = ends[texts]
            for i in range(sizes[t]):
                # Real texts first, as everywhere; of a sum no order is seen.
                context = 0
                while context >= 0:
                    if place == where.size:
                        if place >= most:
                            return False
                        where, what = grown(where), grown(what)
                    if i < real[t]:
                        w = np.int64(weighted(stream, sums[context], last[context]))
                        where[place], what[place] = context, w
                        place += 1
                        context = base[context] + w if w < K else -1
                    else:
                        written, context = followed(
                            stream,
                            lists,
                            begin,
                            size,
                            base,
                            alpha,
                            known,
                            where[place:],
                            what[place:],
                            context,
                            K,
                        )
                        place += written
                texts += 1
                ends[texts] = place
            for s in range(m):
                size[seen[s]] = 0
            if lists.size < where.size:
                lists = np.empty(where.size, np.int64)
            start = max(0, firsts[t] - dropped)
            trained = texts - start
            chosen = np.arange(start, texts)
            if budgets[t] > 0:
                trained = min(trained, budgets[t])
                brought(stream, order, trained, texts)
                chosen = order[:trained]
            m = gathered(chosen, ends, where, what, begin, size, seen, lists)
            if slots[t] >= 0:
                row = out[r, slots[t]]
                measured(begin, size, seen[:m], lists, alpha, truth, known, totals, tally, row)
                words = 0
                for j in chosen:
                    words += ends[j + 1] - ends[j] - 1
                row[5] = words / trained
        for s in range(m):
            size[seen[s]] = 0
    return True
