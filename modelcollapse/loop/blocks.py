"""Replicates in blocks of 1,024 with a random stream each, here, in threads or through joblib.

A block's stream depends on the seed and the block's number alone, so the numbers are the same
bits however the work is cut into jobs.
"""

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from contextvars import copy_context
from functools import cached_property, partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Protocol

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.interruption import apart
from modelcollapse._support.memory import require
from modelcollapse._support.workers import spread

if TYPE_CHECKING:
    from modelcollapse._support.stream import Stream

BLOCK = 1024
COMPILED = 0  # last in the key of a stream, which no other use within a block has
Arrays = dict[str, Floats]
Progress = Callable[[int], None] | None


class Work(Protocol):
    """A simulation: it says what is kept of replicates, and draws a block of them."""

    def storage(self, count: int) -> Arrays:
        """Return what is kept of `count` replicates, to be filled; the first axis counts them."""
        ...

    def fill(self, seed: int, index: int, storage: Arrays, progress: Progress) -> None:
        """Fill the storage of block `index`, reporting finished replicates."""
        ...


def _in_threads(work: Work) -> bool:
    """Return whether blocks are filled in threads: nothing is copied then.

    A work says so by a true attribute `released`: it computes in compiled code that lets the
    interpreter go, and changes nothing that threads share. Another backend of joblib's is used.
    """
    from joblib.parallel import get_active_backend

    own = type(get_active_backend()[0]).__name__ == "LokyBackend"
    return own and getattr(work, "released", False)


class Draws:
    """The random numbers of a block, or of a use of its own within it.

    NumPy draws from `rng`, and compiled code from `stream`; neither depends on the other.
    """

    def __init__(self, seed: int, *key: int) -> None:
        self.seed, self.key = seed, key

    @cached_property
    def rng(self) -> np.random.Generator:
        """Return NumPy's generator."""
        words = np.random.SeedSequence(self.seed, spawn_key=self.key)
        return np.random.Generator(np.random.SFC64(words))

    @cached_property
    def stream(self) -> "Stream":
        """Return the stream of compiled code."""
        from modelcollapse._support.stream import opened  # numba, when it is used

        return opened(self.seed, *self.key, COMPILED)


def simulated(
    work: Work, replicates: int, seed: int, jobs: int, progress: Progress
) -> tuple[Arrays, int]:
    """Return the filled storage, and how many replicates of it are finished.

    They are fewer than asked for only after Ctrl-C; before the first block is finished, Ctrl-C
    is not held back.
    """
    storage, done = _storage(work, replicates), 0
    try:
        for count in _blocks(work, seed, storage, replicates, jobs, progress):
            done += count
    except KeyboardInterrupt:
        if not done:
            raise
    return part(storage, slice(done)), done


def _storage(work: Work, replicates: int) -> Arrays:
    """Return what is kept of all replicates, or raise InvalidInput if it cannot be held."""
    one = sum(values.nbytes for values in work.storage(1).values())
    require(one * float(replicates), f"replicates = {replicates}: the numbers that are kept")
    return work.storage(replicates)


def part(storage: Arrays, cut: slice) -> Arrays:
    """Return some replicates of the storage, as views."""
    return {name: values[cut] for name, values in storage.items()}


def _blocks(
    work: Work, seed: int, storage: Arrays, replicates: int, jobs: int, progress: Progress
) -> Iterator[int]:
    """Fill the storage block by block; yield each block's size."""
    starts = range(0, replicates, BLOCK)
    cuts = [slice(start, min(start + BLOCK, replicates)) for start in starts]
    if jobs == 1:
        for index, cut in enumerate(cuts):
            apart(work.fill, seed, index, part(storage, cut), progress)
            yield cut.stop - cut.start
        return
    from joblib import delayed, effective_n_jobs

    if _in_threads(work):
        count = min(effective_n_jobs(jobs), len(cuts))
        filled = _filled(partial(_fill, work, seed, storage, cuts), len(cuts), count)
        with closing(filled):
            for cut, _ in zip(cuts, filled, strict=True):
                if progress:
                    progress(cut.stop - cut.start)
                yield cut.stop - cut.start
        return
    tasks = (delayed(_remote)(work, seed, i, cut.stop - cut.start) for i, cut in enumerate(cuts))
    for cut, arrays in zip(cuts, spread(tasks, jobs), strict=True):
        for name, values in arrays.items():
            storage[name][cut] = values
        if progress:
            progress(cut.stop - cut.start)
        yield cut.stop - cut.start


def _fill(work: Work, seed: int, storage: Arrays, cuts: list[slice], index: int) -> None:
    work.fill(seed, index, part(storage, cuts[index]), None)


def _filled(fill: Callable[[int], None], blocks: int, threads: int) -> Generator[None, None, None]:
    """Call `fill` with each index in threads; yield in the order of the indices.

    Threads that are no longer wanted finish their block alone: an interruption waits for none.
    """
    todo: SimpleQueue[int] = SimpleQueue()
    done: SimpleQueue[tuple[int, BaseException | None]] = SimpleQueue()
    stop, finished = threading.Event(), set[int]()
    for index in range(blocks):
        todo.put(index)

    def work() -> None:
        with suppress(Empty):
            while not stop.is_set():
                index = todo.get_nowait()
                try:
                    fill(index)
                except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                    done.put((index, error))
                else:
                    done.put((index, None))

    for _ in range(threads):
        threading.Thread(target=copy_context().run, args=(work,), daemon=True).start()
    try:
        for index in range(blocks):
            while index not in finished:
                which, error = done.get()
                if error is not None:
                    raise error
                finished.add(which)
            yield
    finally:
        stop.set()


def _remote(work: Work, seed: int, index: int, count: int) -> Arrays:
    storage = work.storage(count)
    work.fill(seed, index, storage, None)
    return storage
