"""Running a sweep into its folder: what is there is kept, what is missing is computed."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from modelcollapse._support.checks import as_path, listener, processes
from modelcollapse._support.errors import invalid
from modelcollapse.sweep import backends
from modelcollapse.sweep.cells import Cell
from modelcollapse.sweep.cost import cost
from modelcollapse.sweep.grid import Sweep
from modelcollapse.sweep.store import Store


@dataclass
class Outcome:
    """What became of a sweep's cells.

    Attributes
    ----------
    kept, computed
        How many were there already, and how many have been computed now.
    damaged
        Cells whose files could not be read; they have been computed again.
    failed
        The error of each cell that failed; they are tried again by the next run.
    results
        The Parquet file of all summaries, or None after an interruption.
    """

    kept: int = 0
    computed: int = 0
    damaged: list[Cell] = field(default_factory=list)
    failed: dict[Cell, str] = field(default_factory=dict)
    interrupted: bool = False
    results: Path | None = None


def run(
    sweep: Sweep,
    folder: str | os.PathLike[str],
    *,
    jobs: int | None = 1,
    dask: str | None = None,
    progress: Callable[[int, str], None] | None = None,
    found: Callable[[str], None] | None = None,
) -> Outcome:
    """Compute the cells of a sweep that a folder lacks.

    Results have the same bits on every backend of one platform. A run that is killed at any
    moment is taken up by the same call; Ctrl-C keeps what is finished.

    Parameters
    ----------
    sweep
        What to compute.
    folder
        New, or of a sweep whose cells are all in this one.
    jobs
        Processes; -1 for all cores; None leaves it to ``joblib.parallel_config``, and so to any
        joblib backend, such as Ray's.
    dask
        The address of a Dask scheduler, such as ``tcp://host:8786``, instead of `jobs`.
    progress
        Called with the number of cells that are finished and the name of the last.
    found
        Called with a line about each damaged file and each failed cell.

    Raises
    ------
    InvalidInput
        If the folder holds another sweep, or no scheduler answers; nothing is written then.
    """
    if jobs is not None:
        processes(jobs)
    if not isinstance(sweep, Sweep):
        raise invalid("sweep", sweep, "give Sweep.of(table) or Sweep.read(path)")
    for listens in (progress, found):
        listener(listens, "cells")
    say, show = found or (lambda _: None), progress or (lambda *_: None)
    store, outcome = Store(as_path("folder", folder, "give a folder")), Outcome()
    with _backend(jobs, dask) as compute, store.opened(sweep.cells):
        missing = list(_missing(store, sweep, outcome, say))
        if jobs != 1 or dask is not None:
            # The longest first, so that none is begun last and waited for alone.
            missing.sort(key=lambda cell: -cost(cell).seconds)
        done = outcome.kept
        show(done, "")
        try:
            with closing(compute(missing)) as finished:
                for cell, result in finished:
                    store.keep(cell, result)
                    done += 1
                    if result.error:
                        outcome.failed[cell] = result.error
                        say(f"failed: {cell}: {result.error}")
                    else:
                        outcome.computed += 1
                    show(done, str(cell))
        except KeyboardInterrupt:
            outcome.interrupted = True
        else:
            outcome.results = store.gather(sweep.cells)
    return outcome


def _missing(
    store: Store, sweep: Sweep, outcome: Outcome, say: Callable[[str], None]
) -> Iterator[Cell]:
    for cell in sweep.cells:
        if not store.finished(cell):
            yield cell
        elif store.damaged(cell):
            outcome.damaged.append(cell)
            say(f"damaged, and done again: {store.place(cell)} ({cell})")
            yield cell
        else:
            outcome.kept += 1


@contextmanager
def _backend(
    jobs: int | None, dask: str | None
) -> Iterator[Callable[[list[Cell]], backends.Finished]]:
    if dask is not None:
        with backends.dask_client(dask) as client:
            yield lambda cells: backends.on_dask(cells, client)
    elif jobs == 1:
        yield backends.here
    else:
        yield lambda cells: backends.with_joblib(cells, jobs)
