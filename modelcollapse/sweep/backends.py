"""Where cells are computed: in this process, in others through joblib, or on a Dask cluster."""

import asyncio
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from modelcollapse._support.errors import InvalidInput, invalid, missing
from modelcollapse._support.workers import spread
from modelcollapse.sweep.cells import Cell
from modelcollapse.sweep.work import Result, compute

Finished = Generator[tuple[Cell, Result], None, None]
WAIT = 10.0  # seconds for a scheduler to answer
RESTARTS = 3  # of the local processes, after one of them was killed


def numbered(index: int, cell: Cell) -> tuple[int, Result]:
    """Compute a cell, and say which it is: results come in any order."""
    return index, compute(cell)


def here(cells: Sequence[Cell]) -> Finished:
    """Compute cells one after the other in this process."""
    for cell in cells:
        yield cell, compute(cell)


def with_joblib(cells: Sequence[Cell], jobs: int | None) -> Finished:
    """Compute cells through joblib: in `jobs` processes, or as ``joblib.parallel_config`` says.

    A process that is killed takes its cell with it; the processes are started again for what is
    left, up to RESTARTS times, then the cells that are left have failed.
    """
    from joblib import delayed
    from joblib.externals.loky.process_executor import BrokenProcessPool

    left = dict(enumerate(cells))
    for _ in range(1 + RESTARTS):
        tasks = [delayed(numbered)(index, cell) for index, cell in left.items()]
        try:
            for index, result in spread(tasks, jobs, ordered=False, batch_size=1):
                yield left.pop(index), result
        except BrokenProcessPool:
            continue
        return
    for cell in left.values():
        yield cell, Result(error="the processes were killed again and again: out of memory?")


def on_dask(cells: Sequence[Cell], client: Any) -> Finished:
    """Compute cells on a cluster; what a lost worker had in hand is done again by others."""
    from distributed import as_completed

    futures = {client.submit(compute, cell, key=f"cell-{cell.key}"): cell for cell in cells}
    try:
        for future in as_completed(futures, loop=client.loop):
            try:
                yield futures[future], future.result()
            except Exception as error:  # noqa: BLE001 - the cluster's, not the cell's
                yield futures[future], Result(error=f"{type(error).__name__}: {error}")
            future.release()
    finally:
        client.cancel(list(futures))


async def _answer(address: str) -> None:
    """Raise unless a scheduler answers: a client waits for ever for one that says nothing."""
    from distributed.core import rpc

    async with rpc(address) as scheduler:
        await asyncio.wait_for(scheduler.identity(), WAIT)


@contextmanager
def dask_client(address: str) -> Iterator[Any]:
    """Give a client of the scheduler at an address such as ``tcp://host:8786``.

    Raises
    ------
    InvalidInput
        If no scheduler answers there within 10 seconds, or it has no workers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise missing("distributed", "dask", "a Dask cluster") from error
    try:
        with ThreadPoolExecutor(1) as thread:  # apart from an event loop that runs in this one
            thread.submit(asyncio.run, _answer(address)).result()
        client = Client(address, timeout=WAIT, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        why = str(error) or type(error).__name__
        remedy = f"no Dask scheduler answered within {WAIT:.0f} s ({why}); start one, or leave dask"
        raise invalid("dask", address, remedy) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=WAIT)
        except TimeoutError as error:
            raise InvalidInput(f"dask = {address!r}: the scheduler has no workers") from error
        yield client
