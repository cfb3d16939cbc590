"""Ctrl-C and its like: how a signal ends a command, soon and with what is finished kept.

Python raises an interruption between two steps of its own code. That is too late in compiled code
that runs on for long, and lost where nobody can catch it, as in LLVM's callbacks and where an
object is destroyed. So a command has a second thread that sees every signal at once, repeats it
until it is raised, and in the end does without.
"""

import _thread
import atexit
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from functools import cache
from types import FrameType
from typing import Any, NoReturn, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # of which a system may lack the last
BASE = 128  # shells add it to the signal that ended a process
INTERRUPTED = BASE + int(signal.SIGINT)
GRACE = 1.5  # seconds until compiled code must have come to an end
FAREWELL = 0.3  # seconds for threads that are about to end
REPEAT = 0.02  # seconds until a signal that could not be raised is tried again
SAME = 2.0  # seconds in which more signals are the same wish: `timeout` sends each twice
SAID = "modelcollapse: interrupted\n"
SHOW_CURSOR = "\x1b[?25h"  # a progress bar hides it

_answering: list["_Signals"] = []  # the commands under way: one, or none


class _Signals:
    """The signals of one command: what has come, and whether it could be raised."""

    def __init__(self, *, program: bool) -> None:
        self.number = 0  # of the first signal
        self.ending = False  # nothing more is raised
        self.held = 0
        self._program = program
        self._raised, self._when = False, 0.0
        self._terminals = [handle for handle in (1, 2) if program and os.isatty(handle)]
        usual = (signal.SIG_DFL, signal.default_int_handler)
        here = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
        self._before = {n: h for n in here if (h := signal.getsignal(n)) in usual}
        self._hooks = sys.unraisablehook, threading.excepthook
        self._reader, self._writer = os.pipe()
        self.watch = threading.Thread(target=self._watch, daemon=True)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Answer the signals that end a process, but not what others answer or ignore."""
        _let_forked_go()
        os.set_blocking(self._writer, False)
        wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self.watch.start()
        try:
            sys.unraisablehook, threading.excepthook = self._unraisable, self._in_thread
            _answering.append(self)
            for number in self._before:
                signal.signal(number, self._handle)
            with warnings.catch_warnings():
                yield
        finally:
            self.give_back(wakeup)
            for number in self._before if self._program else ():
                # A program that is done has nothing left to end, and takes a moment to exit.
                signal.signal(number, signal.SIG_IGN)
            os.close(self._writer)
            self.watch.join()
            os.close(self._reader)

    def give_back(self, wakeup: int = -1) -> None:
        """Answer no more signals."""
        self.ending = True
        for number, handler in self._before.items():
            signal.signal(number, handler)
        _answering.remove(self)
        sys.unraisablehook, threading.excepthook = self._hooks
        signal.set_wakeup_fd(wakeup)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        """Raise the interruption, if this is a place for it."""
        if self.ending or (self._raised and time.monotonic() - self._when < SAME):
            return
        self.number = self.number or number
        if self.held or _in_llvm(frame):
            self._again()
            return
        self._raised, self._when = True, time.monotonic()
        self._leave_terminal()
        warnings.simplefilter("ignore")  # joblib's: that work is left is what was asked for
        raise KeyboardInterrupt

    def _unraisable(self, lost: Any) -> None:
        """Have the interruption raised again that nobody could catch; nothing else counts then."""
        if not self.number:
            self._hooks[0](lost)
        elif issubclass(lost.exc_type, KeyboardInterrupt):
            self._again()

    def _in_thread(self, lost: Any) -> None:
        """Say what another thread failed of, unless its work has been given up."""
        if not self.number:
            self._hooks[1](lost)

    def _again(self) -> None:
        self._raised = False
        with suppress(OSError):  # full, and so read soon
            os.write(self._writer, bytes([self.number]))

    def _leave_terminal(self) -> None:
        """Write to nowhere instead of a terminal that has gone, so that results can be kept."""
        for handle in self._terminals:
            if not os.isatty(handle):
                os.dup2(os.open(os.devnull, os.O_WRONLY), handle)

    def _watch(self) -> None:
        """See to it that each signal is raised, or end the process."""
        while came := os.read(self._reader, 1):
            number, since = came[0], time.monotonic()
            while number in self._before and not (self._raised or self.ending):
                if self._program and time.monotonic() - since > GRACE:
                    self.number, self.ending = number, True
                    with suppress(OSError):
                        os.write(2, (SHOW_CURSOR * (2 in self._terminals) + SAID).encode())
                    leave(BASE + number)
                time.sleep(REPEAT)
                if not (self._raised or self.ending):
                    _repeat(number)


@cache
def _let_forked_go() -> None:
    """See to it that a forked process ends as usual: its signals are not those of the command."""

    def forked() -> None:
        while _answering:
            _answering[-1].give_back()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=forked)


def answered(command: Callable[[], int], *, program: bool) -> int:
    """Run a command so that signals end it; return its exit status.

    Ended by a signal the command is interrupted as by Ctrl-C, and the status is 128 and the
    signal's number: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP.

    Parameters
    ----------
    command
        What to run. Outside the main thread signals are not its own, and it is only run.
    program
        Whether the process is the command's: then a signal ends it, also if compiled code
        goes on, and its worker processes.
    """
    if threading.current_thread() is not threading.main_thread():
        return command()
    try:
        signals = _Signals(program=program)
        with signals.taken():
            try:
                status = command()
                signals.ending = True
            except BaseException as error:
                signals.ending = True
                if not (signals.number or isinstance(error, KeyboardInterrupt)):
                    raise
                with suppress(OSError):
                    print(SAID, end="", file=sys.stderr)  # noqa: T201
                status = INTERRUPTED
            if signals.number:
                status = BASE + signals.number
                if program:
                    leave(status)
    except KeyboardInterrupt:  # before signals are taken
        print(SAID, end="", file=sys.stderr)  # noqa: T201
        status = INTERRUPTED
    return status


def leave(status: int) -> NoReturn:
    """End this process and its workers at once, whatever its threads are doing."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    if "multiprocessing" in sys.modules:
        from multiprocessing import active_children

        workers = active_children()
        for worker in workers:
            with suppress(OSError):
                os.kill(worker.pid or 0, getattr(signal, "SIGKILL", signal.SIGTERM))
        for worker in workers:
            worker.join(GRACE)
    # What is registered for the end removes temporary files; joblib's threads do so, too.
    farewell = threading.Thread(target=atexit._run_exitfuncs, daemon=True)  # noqa: SLF001
    farewell.start()
    farewell.join(GRACE)
    until = time.monotonic() + FAREWELL
    stay = {threading.main_thread(), threading.current_thread(), *(s.watch for s in _answering)}
    for thread in set(threading.enumerate()) - stay:
        with suppress(RuntimeError):  # one that a signal kept from starting is listed too
            thread.join(max(0.0, until - time.monotonic()))
    os._exit(status)


def apart(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function that may compute for long without a signal being heard.

    In a command it is called in a thread of its own, which a signal leaves behind: the command
    can keep at once what was finished before. Elsewhere this is a call and no more.
    """
    if not _answering or threading.current_thread() is not threading.main_thread():
        return function(*args, **kwargs)
    from concurrent.futures import Future

    future, context = Future[T](), copy_context()

    def work() -> None:
        try:
            future.set_result(context.run(function, *args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - raised in the main thread
            future.set_exception(error)

    thread = threading.Thread(target=work, daemon=True)
    try:
        thread.start()
        return future.result()
    except BaseException:
        if thread.ident is not None and not future.done():
            _stop(thread.ident)
        raise


def _stop(thread: int) -> None:
    """End a thread as soon as it is back in Python code."""
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(SystemExit))


@contextmanager
def held() -> Iterator[None]:
    """Hold signals back while processes are started: none is lost sight of.

    They inherit that those are blocked which a terminal sends to them, too: this process ends
    them, and they say nothing.
    """
    with _counted(), _blocked():
        yield


@contextmanager
def _counted() -> Iterator[None]:
    for signals in _answering:
        signals.held += 1
    try:
        yield
    finally:
        for signals in _answering:
            signals.held -= 1


@contextmanager
def _blocked() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    terminal = [getattr(signal, name) for name in ("SIGINT", "SIGHUP")]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, terminal)
    try:
        resource_tracker.ensure_running()  # which unblocks SIGINT as it is started
        signal.pthread_sigmask(signal.SIG_BLOCK, terminal)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _repeat(number: int) -> None:
    """Send the main thread a signal again, where that is possible such that it wakes up."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        _thread.interrupt_main(signal.Signals(number))


def _in_llvm(frame: FrameType | None) -> bool:
    """Return whether LLVM is at work: an exception in its callbacks is lost with what it makes."""
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("llvmlite."):
            return True
        frame = frame.f_back
    return False
