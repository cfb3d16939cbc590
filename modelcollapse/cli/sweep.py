"""``modelcollapse sweep``: any grid of experiments, resumable, on one machine or many."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from modelcollapse._support.checks import processes
from modelcollapse._support.interruption import INTERRUPTED
from modelcollapse._support.words import many
from modelcollapse.cli.output import Quiet, note, number, print_json, print_table, progress
from modelcollapse.cli.whole import Whole
from modelcollapse.sweep import Sweep
from modelcollapse.sweep import run as run_sweep
from modelcollapse.sweep.cost import cost
from modelcollapse.sweep.store import Store

FAILED = 1


def sweep(
    file: Path,
    *,
    output: Path | None = None,
    jobs: Whole = 1,
    dask: str | None = None,
    plan: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    quiet: Quiet = False,
) -> int:
    """Compute every cell of a grid that a TOML file describes; exit status 1 if a cell failed.

    Parameters
    ----------
    file
        The grid: tables [model] and [workflow], samples, generations, seed, ...; a list is an
        axis.
    output
        The folder of the results; by default the file's name without its ending.
    jobs
        Processes; -1 for all cores.
    dask
        The address of a Dask scheduler, such as tcp://host:8786, instead of processes here.
    plan
        Print the cells with estimates of their time and memory, and run nothing.
    json
        Print the plan, or what became of the cells, as JSON.
    """
    grid = Sweep.read(file)
    folder = file.with_suffix("") if output is None else output
    processes(jobs)
    if plan:
        return _plan(grid, folder, jobs, json=json)
    with progress(len(grid.cells), quiet=quiet) as show:
        outcome = run_sweep(grid, folder, jobs=jobs, dask=dask, progress=show, found=note)
    failed = {str(cell): error for cell, error in outcome.failed.items()}
    if json:
        print_json(
            {
                "cells": len(grid.cells),
                "kept": outcome.kept,
                "computed": outcome.computed,
                "damaged": [str(cell) for cell in outcome.damaged],
                "failed": failed,
                "results": None if outcome.results is None else str(outcome.results),
            }
        )
    done = outcome.kept + outcome.computed
    note(f"{done} of {many(len(grid.cells), 'cell')} finished in {folder}, {len(failed)} failed")
    if outcome.interrupted:
        note("interrupted: the same command goes on")
        return INTERRUPTED
    note(f"wrote {outcome.results}")
    return FAILED if failed else 0


def _plan(grid: Sweep, folder: Path, jobs: int, *, json: bool) -> int:
    store = Store(folder)
    costs = [cost(cell) for cell in grid.cells]
    ready = [store.finished(cell) for cell in grid.cells]
    seconds = sum(c.seconds for c, there in zip(costs, ready, strict=True) if not there)
    memory = max(c.memory for c in costs)
    if json:
        rows = [
            {"cell": cell.columns, "seconds": c.seconds, "bytes": c.memory, "finished": there}
            for cell, c, there in zip(grid.cells, costs, ready, strict=True)
        ]
        print_json({"cells": rows, "seconds": seconds, "bytes": memory})
        return 0
    lines = [
        (str(cell), number(c.seconds), f"{c.memory / 2**20:.0f}", "yes" if there else "no")
        for cell, c, there in zip(grid.cells, costs, ready, strict=True)
    ]
    title = f"{many(len(grid.cells), 'cell')}, {sum(ready)} of them finished in {folder}"
    print_table(title, ("cell", "seconds", "MiB", "finished"), lines)
    note(
        f"left: about {seconds:.0f} s on one core (within a factor of about three), in each "
        f"process up to about {memory / 2**20:.0f} MiB; jobs = {jobs}"
    )
    return 0
