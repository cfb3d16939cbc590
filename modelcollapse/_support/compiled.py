"""Compiled code that several rooms share: how it is compiled, and drawing subsets of rows.

Sums may be reordered and fused, which is what makes dot products fast. The cache is keyed by
each function's own file: after editing one that others call, delete __pycache__. The first
compilation of a process says so on standard error, since it looks as if nothing happened.
"""

import multiprocessing
import sys

import numba
import numpy as np
from numba.core import event

from modelcollapse._support.checks import Integers

compiled = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
inlined = numba.njit(inline="always", error_model="numpy", fastmath={"contract", "reassoc"})


class Notice(event.Listener):
    """Says once that this package's loops are being compiled, and not loaded from the cache."""

    def __init__(self) -> None:
        # Of several workers, which compile at the same time, the first one speaks.
        self.given = not multiprocessing.current_process().name.endswith(("MainProcess", "-1"))

    def on_start(self, event: event.Event) -> None:
        """Tell the user why it takes some seconds."""
        own = event.data["dispatcher"].py_func.__module__.startswith("modelcollapse.")
        if own and not self.given:
            self.given = True
            print(  # noqa: T201
                "modelcollapse: compiling for this machine, which takes some seconds, once",
                file=sys.stderr,
            )

    def on_end(self, event: event.Event) -> None:
        """Do nothing: the loop itself speaks from here on."""


event.register("numba:compile", Notice())  # type: ignore[no-untyped-call]


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
