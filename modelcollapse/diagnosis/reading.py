"""Every kind of trajectory as a `Record`."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from modelcollapse._support.checks import Floats, listed, whole
from modelcollapse._support.errors import InvalidInput, invalid, shown
from modelcollapse.diagnosis.columns import GENERATIONS, Columns, known
from modelcollapse.diagnosis.joining import Table, chosen_workflow, counted, share_counts
from modelcollapse.diagnosis.opening import is_column, table_of
from modelcollapse.diagnosis.record import Loader, Record, grid
from modelcollapse.loop.experiment import Experiment, Prediction, Trajectories
from modelcollapse.loop.plain import INTERRUPTED, Run
from modelcollapse.loop.replicates import Runs

if TYPE_CHECKING:
    from modelcollapse.language.results import Results

GENERATION = "generation"
KINDS = (
    "Trajectories, a Run, Runs or a list of Run, an Experiment or its Prediction, the Results of a "
    "language run, a mapping from names to arrays, a data frame, the path of a file or of a run's "
    "folder, or a list of paths"
)


def read(
    trajectory: Any,
    workflow: str | None = None,
    experiment: Experiment | None = None,
    columns: Columns | None = None,
) -> Record:
    """Return a trajectory as a record.

    Parameters
    ----------
    trajectory
        See `diagnose`.
    workflow
        Which one, where there are several.
    experiment
        What it is a trajectory of, if it does not say so itself.
    columns
        What was said of a table's columns.

    Raises
    ------
    InvalidInput
        If it is nothing that has generations.
    """
    columns = columns or Columns()
    table = table_of(trajectory, columns)
    if isinstance(table, Table):
        return table.record(workflow, experiment)
    for name, value in columns.given.items():
        raise invalid(name, value, "only a table has columns of any name")
    if _is_results(table):
        return _results(table, workflow, experiment)
    if workflow is not None:
        raise invalid("workflow", workflow, "only a table or a language run holds several")
    if isinstance(table, (Trajectories, Experiment, Prediction)):
        if experiment is not None:
            raise InvalidInput(
                "experiment: the trajectory has an experiment of its own; leave it out"
            )
        return _own(table)
    if isinstance(table, Mapping):
        return _mapping(table, experiment)
    return _several(table, experiment)


def _several(trajectory: Any, experiment: Experiment | None) -> Record:
    """Return runs, one or a sequence of them."""
    if isinstance(trajectory, Run):
        return _runs([trajectory], experiment)
    if isinstance(trajectory, Runs):
        trajectory = trajectory.runs
    many = isinstance(trajectory, Sequence) and len(trajectory)
    if many and all(isinstance(one, Run) for one in trajectory):
        return _runs(trajectory, experiment)
    raise invalid("trajectory", trajectory, f"give {KINDS}")


def _own(trajectory: Trajectories | Experiment | Prediction) -> Record:
    """Return what knows its experiment: replicates, or theory alone."""
    e = trajectory if isinstance(trajectory, Experiment) else trajectory.experiment
    sizes = e.sizes.tolist()
    samples = sizes[0] if len(set(sizes)) == 1 else "varying"
    source = f"{e.model!r}, {e.workflow!r}, samples={samples}"
    if not isinstance(trajectory, Trajectories):
        return Record(source, np.arange(1, e.generations + 1), 0, {}, experiment=e)
    names = tuple(trajectory.values)
    columns: dict[str, Loader] = {name: partial(_simulated, trajectory, name) for name in names}
    return Record(source, trajectory.generations, trajectory.replicates, columns, experiment=e)


def _simulated(runs: Trajectories, name: str) -> Floats:
    return grid(name, runs[name])


def _runs(runs: Sequence[Run], experiment: Experiment | None) -> Record:
    first = max(runs, key=lambda run: len(run.generations))
    generations = first.generations
    notes = [
        f"run {i} ended at generation {len(run.generations)}: {run.outcome}"
        for i, run in enumerate(runs)
        if not run.completed
    ]
    names = [name for name in first.metrics if all(name in run.metrics for run in runs)]
    columns: dict[str, Loader] = {
        name: partial(_padded, runs, name, len(generations)) for name in names
    }
    for i, run in enumerate(runs):
        for name in names:
            bad = np.flatnonzero(np.isnan(run[name]))
            if len(bad):
                raise InvalidInput(
                    f"run {i}: {name!r} is NaN at generation {run.generations[bad[0]]}: leave the "
                    "run out, or give the number that it stands for"
                )
    about = "an estimator" if first.model is None else shown(first.model, 60)
    count = f"{len(runs)} runs of {about}" if len(runs) > 1 else f"run of {about}"
    return Record(
        count,
        generations,
        len(runs),
        columns,
        complete=False,
        experiment=experiment,
        notes=tuple(notes),
        died=frozenset(i for i, run in enumerate(runs) if _died(run)),
    )


def _died(run: Run) -> bool:
    """Return whether a failure ended a run, and not its user."""
    return not run.completed and not run.outcome.startswith(INTERRUPTED)


def _padded(runs: Sequence[Run], name: str, width: int) -> Floats:
    """Return the values of runs of unequal lengths, NaN after their ends."""
    result = np.full((len(runs), width), np.nan)
    for row, run in zip(result, runs, strict=True):
        row[: len(run[name])] = run[name]
    return result


def _mapping(values: Mapping[str, Any], experiment: Experiment | None) -> Record:
    if not all(isinstance(name, str) for name in values):
        raise InvalidInput(
            "trajectory: the names of a mapping are texts; trajectories by sample size go into "
            "scaling="
        )
    there = [name for name in known(GENERATIONS, values) if is_column(values[name])]
    key = there[0] if there else GENERATION
    arrays = {name: grid(name, value) for name, value in values.items() if name != key}
    if not arrays:
        raise invalid("trajectory", values, "give at least one array under its name")
    first, shape = next((name, array.shape) for name, array in arrays.items())
    for name, array in arrays.items():
        if array.shape != shape:
            raise InvalidInput(
                f"{name} has shape {array.shape} and {first} has shape {shape}: make them equal"
            )
    generations = np.arange(1, shape[1] + 1)
    notes: list[str] = []
    if key in values:
        given = list(listed(key, values[key]))
        generations = np.array([whole(key, t, minimum=0) for t in given], dtype=np.int64)
        if len(generations) != shape[1] or np.any(np.diff(generations) <= 0):
            raise invalid(key, given, f"give {shape[1]} increasing whole numbers")
        generations = counted(generations, key, experiment, notes)
    columns: dict[str, Loader] = {name: partial(_kept, array) for name, array in arrays.items()}
    return Record(
        "trajectory", generations, shape[0], columns, experiment=experiment, notes=tuple(notes)
    )


def _kept(array: Floats) -> Floats:
    return array


def _is_results(value: object) -> bool:
    """Return whether this is a language run, without importing that room for others."""
    if type(value).__module__ != "modelcollapse.language.results":
        return False
    from modelcollapse.language.results import Results

    return isinstance(value, Results)


def _results(results: "Results", workflow: str | None, experiment: Experiment | None) -> Record:
    name = chosen_workflow(results.path, results.workflows, workflow)
    there = [(seed, t) for one, seed, t in results.records if one == name]
    seeds = sorted({seed for seed, _ in there})
    generations = sorted({t for _, t in there})
    chosen = np.ix_(
        [results.seeds.index(seed) for seed in seeds],
        [results.generations.index(t) for t in generations],
    )
    columns: dict[str, Loader] = {
        metric: partial(_tabled, results, metric, name, chosen) for metric in results.metrics
    }
    rows = {}
    if all((name, seed, t) in results.records for seed in seeds for t in generations):
        rows["row_loss"] = partial(_held_out, results, name, seeds, generations)
    return Record(
        f"{results.path} ({name})",
        np.array(generations),
        len(seeds),
        columns,
        complete=False,
        experiment=experiment,
        rows=rows,
        counts=share_counts(columns),
    )


def _tabled(results: "Results", metric: str, workflow: str, chosen: Any) -> Floats:
    values: Floats = results.values(metric, workflow)[chosen]
    return values


def _held_out(
    results: "Results", workflow: str, seeds: Sequence[int], generations: Sequence[int]
) -> Floats:
    """Return -log p of each held-out row, averaged over the seeds, shape (generations, rows)."""
    return np.array(
        [np.mean([results.nats(workflow, seed, t) for seed in seeds], axis=0) for t in generations]
    )
