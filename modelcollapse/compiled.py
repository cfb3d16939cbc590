"""Compiled code that several rooms share: how it is compiled, and drawing subsets of rows.

Sums may be reordered and fused, which is what makes dot products fast. The cache is keyed by
each function's own file: after editing one that others call, delete __pycache__.
"""

import numba
import numpy as np

from modelcollapse.checks import Integers

compiled = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
inlined = numba.njit(inline="always", error_model="numpy", fastmath={"contract", "reassoc"})


@compiled
def below(rng: np.random.Generator, bound: int) -> int:
    """Return a uniform integer in [0, bound), bound < 2^32 (Lemire, ACM TOMACS 29(1), 2019).

    Generator.integers is several times slower in compiled loops.
    """
    word = np.uint64(4294967296.0)
    while True:
        product = np.uint64(rng.random() * 4294967296.0) * np.uint64(bound)
        low = product % word
        if low >= bound or low >= (word - np.uint64(bound)) % np.uint64(bound):
            return int(product // word)


@compiled
def draw_plan(
    rng: np.random.Generator,
    sizes: Integers,
    counts: Integers,
    order: Integers,
    plan: Integers,
    used: Integers,
) -> None:
    """Fill plan[t, :counts[t]] with distinct rows of the pool; mark used rows with 1."""
    total = 0
    used[:] = 0
    for t in range(sizes.size):
        for i in range(total, total + sizes[t]):
            order[i] = i
        total += sizes[t]
        for i in range(counts[t]):
            j = i + below(rng, total - i)
            chosen = order[j]
            order[j] = order[i]
            order[i] = chosen
            plan[t, i] = chosen
            used[chosen] = 1
