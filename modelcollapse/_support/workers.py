"""Worker processes, through joblib: one way for all, in which none outlives what it works for."""

import os
import threading
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from modelcollapse._support.interruption import held

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

LOOK = 0.5  # seconds between a worker's looks at whether its parent is the same


def spread(
    tasks: Iterable[Any], jobs: int | None, *, ordered: bool = True, **options: Any
) -> Iterator[Any]:
    """Yield the results of joblib's delayed calls.

    Parameters
    ----------
    tasks
        Calls made by ``joblib.delayed``.
    jobs
        Processes; -1 for all cores; None leaves it to ``joblib.parallel_config``. Inside that
        another backend is used.
    ordered
        Whether results come in the order of the tasks, or as they are finished.
    options
        More of ``joblib.Parallel``.
    """
    from joblib import Parallel
    from joblib.parallel import get_active_backend

    backend, _ = get_active_backend()
    if type(backend).__name__ == "LokyBackend":  # whose processes are this one's children
        options |= {"initializer": _follow, "initargs": (_tie()[0],)}
    return_as = "generator" if ordered else "generator_unordered"
    with held():
        results: Iterator[Any] = Parallel(n_jobs=jobs, return_as=return_as, **options)(tasks)
    return results


@cache
def _tie() -> "tuple[Connection, Connection]":
    """Return the ends of a pipe: to read, for workers, and to write, which this process keeps."""
    from multiprocessing import Pipe

    return Pipe(duplex=False)


def _follow(tie: "Connection") -> None:
    """In a new worker, see to it that it ends with the process that works with it."""
    threading.Thread(target=_end_with, args=(tie, os.getppid()), daemon=True).start()


def _end_with(tie: "Connection", parent: int) -> None:
    # The pipe is closed, or a process that was forked holds it open still.
    while not tie.poll(LOOK) and os.getppid() == parent:
        pass
    os._exit(1)
