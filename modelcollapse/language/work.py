"""Carrying work out: what to keep, over how many processes, and who hears of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from modelcollapse._support.checks import whole
from modelcollapse._support.errors import InvalidInput, invalid, unknown
from modelcollapse._support.workers import spread
from modelcollapse.language import backend, devices
from modelcollapse.language.folder import Folder

Keep = Literal["all", "last", "none"]
Report = Callable[[float, str], None]  # called with the finished share and what is under way
Announce = Callable[[str], None]  # called with a line on each thing as it is finished


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a run is carried out; its numbers do not depend on it.

    Attributes
    ----------
    keep
        Which models to keep: "all", "last" (of each workflow and seed) or "none".
    jobs
        Processes that workflows and seeds are spread over, each with its share of the threads, and
        on a GPU of its own where there are as many; with more processes than GPUs they share.
    threads
        Threads of each process; by default those that PyTorch chooses, over `jobs`. Results have
        the same bits for the same number of threads.
    report_to
        A tracker that transformers knows, such as "tensorboard", "wandb" or "trackio".
    """

    keep: Keep = "last"
    jobs: int = 1
    threads: int | None = None
    report_to: str = "none"

    def __post_init__(self) -> None:
        if self.keep not in get_args(Keep):
            raise invalid("keep", self.keep, f"one of {', '.join(get_args(Keep))}")
        whole("jobs", self.jobs)
        if self.threads is not None:
            whole("threads", self.threads)

    def check(self) -> None:
        """Raise InvalidInput if the processes cannot be had."""
        if self.jobs > 1 and backend.world() > 1:
            raise InvalidInput(
                f"jobs = {self.jobs}: under accelerate launch there is one job per process; leave "
                "it out"
            )
        self._check_tracker()

    def _check_tracker(self) -> None:
        from transformers.integrations import (
            INTEGRATION_TO_CALLBACK,
            get_available_reporting_integrations,
        )

        if self.report_to in ("none", "all"):
            return
        if self.report_to not in INTEGRATION_TO_CALLBACK:
            raise unknown("report_to", self.report_to, [*INTEGRATION_TO_CALLBACK, "none"])
        if self.report_to not in get_available_reporting_integrations():
            raise InvalidInput(
                f"report_to = {self.report_to!r}: this tracker is not installed; pip install it, "
                "or report to none"
            )

    @property
    def threads_each(self) -> int | None:
        """The threads of each process; None: as many as PyTorch chooses."""
        if self.threads is not None or self.jobs == 1:
            return self.threads
        return max(1, backend.thread_count() // self.jobs)


class Task(Protocol):
    """A part of a run that a process can do by itself."""

    @property
    def size(self) -> int:
        """About how long it takes, in rows trained on."""
        ...

    def run(self, report: Report, announce: Announce) -> None:
        """Do what is left of it."""
        ...


@contextmanager
def working(folder: Folder, options: Options) -> Iterator[None]:
    """Hold a run's folder, with pinned threads; whatever ends it, nothing half-written is left."""
    with folder.locked(), backend.quiet(), backend.threads(options.threads_each):
        try:
            yield
        except BaseException:
            folder.clear()
            raise


def carry_out(
    phases: Sequence[Sequence[Task]], options: Options, report: Report, announce: Announce
) -> None:
    """Do the tasks of one phase after the other, here or spread over processes."""
    if options.jobs > 1:
        _spread(phases, options.jobs, report, announce)
        return
    tasks = [task for phase in phases for task in phase]
    sizes = [task.size for task in tasks]
    for number, task in enumerate(tasks, 1):
        task.run(within(report, sizes, number), announce)


def _spread(
    phases: Sequence[Sequence[Task]], jobs: int, report: Report, announce: Announce
) -> None:
    """Do the tasks of each phase in several processes, the longest first."""
    from joblib import delayed

    done, total = 0, sum(task.size for phase in phases for task in phase)
    threads = backend.thread_count()
    for phase in phases:
        tasks = sorted(phase, key=lambda task: -task.size)
        calls = (delayed(_elsewhere)(task, threads) for task in tasks)
        for size, lines in spread(calls, jobs, ordered=False, begin=devices.places(jobs)):
            done += size
            for line in lines:
                announce(line)
            report(done / total, f"{jobs} processes at work")


def _elsewhere(task: Task, threads: int) -> tuple[int, list[str]]:
    """Do a task in a process of its own; return its size and what there is to say."""
    lines: list[str] = []
    with backend.quiet(), backend.threads(threads):
        task.run(unseen, lines.append)
    return task.size, lines


def within(report: Report, sizes: Sequence[int], number: int) -> Report:
    """Turn the progress of part `number`, counted from 1, into that of the whole."""
    before, own, total = sum(sizes[: number - 1]), sizes[number - 1], sum(sizes)
    return lambda share, what: report((before + share * own) / total, what)


def unseen(share: float, what: str) -> None:
    """Report nothing."""
    del share, what


def unheard(line: str) -> None:
    """Announce nothing."""
    del line
