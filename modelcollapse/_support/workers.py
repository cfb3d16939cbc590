"""Worker processes, through joblib: one way for all, in which none outlives what it works for."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.interruption import held

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

LOOK = 0.5  # seconds between a worker's looks at whether its parent is the same
_waiting: list[Callable[[], None]] = []  # for this process to compile


def spread(
    tasks: Iterable[Any],
    jobs: int | None,
    *,
    ordered: bool = True,
    begin: Callable[[], None] | None = None,
    **options: Any,
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
    begin
        Called in each new process before anything else is imported there; processes are used again
        for one that is equal.
    options
        More of ``joblib.Parallel``.

    Raises
    ------
    InvalidInput
        If processes are to be prepared that are another backend's.
    """
    from joblib import Parallel
    from joblib.parallel import get_active_backend

    backend, _ = get_active_backend()
    if type(backend).__name__ == "LokyBackend":  # whose processes are this one's children
        options |= {"initializer": _begin, "initargs": (_tie()[0], begin)}
    elif begin is not None:
        raise InvalidInput(
            f"jobs = {jobs}: worker processes are to be prepared, and those of {backend!r} cannot "
            "be; leave out joblib.parallel_config"
        )
    return_as = "generator" if ordered else "generator_unordered"
    with held():
        results: Iterator[Any] = Parallel(n_jobs=jobs, return_as=return_as, **options)(tasks)
    return results


@cache
def _tie() -> "tuple[Connection, Connection]":
    """Return the ends of a pipe: to read, for workers, and to write, which this process keeps."""
    from multiprocessing import Pipe

    return Pipe(duplex=False)


def _begin(tie: "Connection", begin: Callable[[], None] | None) -> None:
    _follow(tie)
    if begin is not None:
        begin()


def _follow(tie: "Connection") -> None:
    """In a new worker, see to it that it ends with the process that works with it."""
    threading.Thread(target=_end_with, args=(tie, os.getppid()), daemon=True).start()


def _end_with(tie: "Connection", parent: int) -> None:
    # The pipe is closed, or a process that was forked holds it open still.
    while not tie.poll(LOOK) and os.getppid() == parent:
        pass
    os._exit(1)


@contextmanager
def helped(call: str) -> Iterator[None]:
    """Have a second process compile too, once this one does and if there is a core for it.

    Parameters
    ----------
    call
        Python code that the process runs, in silence and with no effect but on what is kept of
        compiled code. It is ended with this block, and with this process however that ends.
    """
    helpers: list[subprocess.Popen[bytes]] = []

    def begin() -> None:
        from joblib import cpu_count

        if cpu_count() == 1 or not sys.executable:  # as where another program runs Python
            return
        code = f"from {__name__} import _read_on; _read_on(); {call}"
        nowhere, ours = subprocess.DEVNULL, subprocess.PIPE
        with held(), suppress(OSError):  # it is no more than help
            helper = subprocess.Popen(  # noqa: S603 - this package's own code
                [sys.executable, "-c", code], stdin=ours, stdout=nowhere, stderr=nowhere
            )
            helpers.append(helper)

    _waiting.append(begin)
    try:
        yield
    finally:
        if begin in _waiting:
            _waiting.remove(begin)
        for helper in helpers:
            helper.kill()
            helper.communicate()


def compiling() -> None:
    """Begin what waits for this process to compile."""
    for begin in _waiting[:]:
        with suppress(ValueError):  # another thread was sooner
            _waiting.remove(begin)
            begin()


def _read_on() -> None:
    """In a helping process, see to it that it ends with the one that holds its input open."""

    def end() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()
