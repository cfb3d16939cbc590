"""The chain of contexts: rows that sum to 1, where texts come and end, and how often they visit."""

from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.families.markov import contexts

TOLERANCE = 1e-9  # of a row's sum: rounded decimals
MOST_DENSE = 3000  # contexts of a linear system that is solved at once
MOST_STEPS = 10**6  # words, in place of that


def checked(rows: Floats, divided: bool) -> Floats:
    """Return rows of probabilities that sum to 1; if they were `divided` before, as they are."""
    words = rows.shape[1] - 1
    bad = np.argwhere(~(np.isfinite(rows) & (rows >= 0)))
    if len(bad):
        c, j = bad[0]
        remedy = "probabilities are finite and not negative"
        raise invalid(f"truth, {after(int(c), words)}, outcome {j}", float(rows[c, j]), remedy)
    total = rows.sum(axis=1)
    wrong = (np.abs(total - 1) > TOLERANCE) & (total > 0)
    wrong[0] = abs(total[0] - 1) > TOLERANCE
    if wrong.any():
        c = int(np.argmax(wrong))
        raise InvalidInput(
            f"truth, {after(c, words)}: the probabilities sum to {total[c]:.12g}, not to 1: "
            "divide them by their sum"
        )
    rounding = rows.shape[1] * np.finfo(np.float64).eps
    if divided and np.all((np.abs(total - 1) <= rounding) | (total == 0)):
        return rows
    return np.asarray(rows / np.where(total > 0, total, 1.0)[:, None])


def after(context: int, words: int) -> str:
    """Return a context in words, for a message."""
    found = contexts.words_of(context, words)
    return f"after the words {found}" if found else "at the start"


def reached(p: Floats, base: Integers) -> tuple[Any, Any]:
    """Return whether a text can come to each context, and whether it can end from it."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import breadth_first_order

    count, K = len(p), p.shape[1] - 1
    context, outcome = np.nonzero(p)
    target = np.where(outcome == K, count, base[context] + np.minimum(outcome, K - 1))
    links = csr_array((np.ones(len(context)), (context, target)), shape=(count + 1, count + 1))
    found = np.zeros((2, count + 1), dtype=bool)
    found[0, breadth_first_order(links, 0, return_predecessors=False)] = True
    found[1, breadth_first_order(links.T.tocsr(), count, return_predecessors=False)] = True
    return found[0, :count], found[1, :count]


def require_ends(p: Floats, base: Integers) -> None:
    """Raise InvalidInput if a text can come to where it never ends."""
    come, ends = reached(p, base)
    if (stuck := come & ~ends).any():
        c = int(np.flatnonzero(stuck)[-1])  # of the most words
        raise InvalidInput(
            f"truth: texts without an end: {after(c, p.shape[1] - 1)} none follows; give the end, "
            "the last column, a positive probability there or after what comes next"
        )


def solved(p: Floats, base: Integers, right: Floats, *, forward: bool) -> Floats:
    """Return the sum of P^t right over t = 0, 1, ..., P or its transpose being among contexts."""
    from scipy.sparse import csr_array
    from threadpoolctl import threadpool_limits

    count, K = len(p), p.shape[1] - 1
    context, outcome = np.nonzero(np.where(reached(p, base)[0][:, None], p[:, :K], 0.0))
    place = (context, base[context] + outcome)
    among = csr_array((p[context, outcome], place), shape=(count, count))
    matrix = among.T.tocsr() if forward else among
    if count <= MOST_DENSE:
        with threadpool_limits(1):  # threads could change bits
            return np.asarray(np.linalg.solve(np.eye(count) - matrix.toarray(), right))
    total, step = right.copy(), right
    for _ in range(MOST_STEPS):
        step = matrix @ step
        total += step
        if step.max() <= 1e-17 * total.max():
            return np.asarray(total)
    raise InvalidInput(
        f"truth: texts of more than {MOST_STEPS} words are too long for {count} "
        "contexts: give the end larger probabilities"
    )
