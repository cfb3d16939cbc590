"""Contexts: the start, and the last words before the next one, as numbers of rows in a table.

With K words and order m, context 0 is the start, then come those of one word, of two, ..., of m
words, each in the order of its words as digits: there are 1 + K + ... + K^m. After context c comes,
with word w, the context base[c] + w; the outcome K is the end of the text.
"""

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.memory import require

TABLES = 40.0  # bytes of a transition: its probability, and a few numbers more


def count(words: int, order: int) -> int:
    """Return the number of contexts, if a few numbers for each transition can be held."""
    found: int = sum(words**j for j in range(order + 1))
    what = f"words = {words}, order = {order}: the transitions of {found} contexts"
    require(TABLES * min(found, 10**15) * min(words + 1, 10**15), what)
    return found


def order_of(contexts: int, words: int) -> int:
    """Return the order of a table with so many contexts.

    Raises
    ------
    InvalidInput
        If there is none.
    """
    order, total = 0, 1
    while total < contexts:
        order += 1
        total += words**order
    if total != contexts or order == 0:
        raise InvalidInput(
            f"truth has {contexts} rows and {words + 1} columns: give a row for the start, and one "
            f"for each context of one word, of two, ..., such as {1 + words} rows at order 1"
        )
    return order


def bases(words: int, order: int) -> Integers:
    """Return base: after context c and word w comes the context base[c] + w, shape (contexts,)."""
    shorter = sum(words**j for j in range(order))  # contexts of fewer than `order` words
    found = np.arange(shorter + words**order)
    forgotten = words ** (order - 1)  # contexts that the last order - 1 words can be
    longest = found[shorter:] - shorter
    found[shorter:] = (shorter - forgotten) + longest % forgotten
    return np.asarray(1 + words * found)


def words_of(context: int, words: int) -> list[int]:
    """Return the words of a context, the newest last."""
    found: list[int] = []
    while context > 0:
        context, word = divmod(context - 1, words)
        found.insert(0, word)
    return found


def options(words: int, contexts: int) -> Floats:
    """Return how many outcomes each context has: after the start a text cannot end."""
    found = np.full(contexts, words + 1.0)
    found[0] = words
    return found
