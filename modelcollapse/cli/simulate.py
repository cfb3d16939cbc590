"""``modelcollapse simulate``: replicates of a loop, to a file or as a table."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter

from modelcollapse import datasets
from modelcollapse._support.checks import whole
from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.interruption import INTERRUPTED
from modelcollapse._support.memory import require
from modelcollapse._support.words import many
from modelcollapse.cli import WRONG_USE
from modelcollapse.cli.completing import Family
from modelcollapse.cli.options import LoopOptions, WorkflowOptions
from modelcollapse.cli.output import (
    Quiet,
    check_table,
    counted,
    note,
    number,
    print_json,
    print_table,
    progress,
    write_table,
)
from modelcollapse.cli.predict import parse_generations, shown_generations
from modelcollapse.cli.whole import Whole
from modelcollapse.loop.experiment import Experiment, Interrupted, Prediction, Trajectories
from modelcollapse.loop.experiment import predict as predict_experiment
from modelcollapse.loop.experiment import simulate as simulate_experiment
from modelcollapse.loop.identity import described
from modelcollapse.loop.tables import numbers, of_trajectories
from modelcollapse.loop.written import told
from modelcollapse.sweep.cost import Asked, cost_of

LONG = 60  # seconds that are worth a word before the work


def simulate(
    family: Family,
    which: WorkflowOptions | None = None,
    loop: LoopOptions | None = None,
    *,
    replicates: Whole = 1000,
    seed: Whole = 0,
    at: str | None = None,
    jobs: Whole = 1,
    extra: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    test: str | None = None,
    tolerance: float = 1e-10,
    output: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
    quiet: Quiet = False,
) -> int:
    """Simulate independent replicates of a loop, exactly.

    Parameters
    ----------
    family
        The model: gaussian, kde, normal-mean, poisson, binomial, gamma, negative-binomial,
        hyperbolic-secant, discrete, regression or markov.
    which
        The workflow.
    loop
        The loop.
    replicates
        The number of independent runs.
    seed
        The same seed gives the same numbers, whatever `jobs` is.
    at
        The generations to record, such as 1,10,100; by default all.
    jobs
        Threads or processes to use; -1 uses all cores.
    extra
        A quantity recorded on request, such as mise (kde) or w2_squared (gaussian).
    test
        kde: rows to score, a number (fresh ones for each replicate), a data set or a file.
    tolerance
        kde: the largest error of the test log-loss, 1e-10, or 1e-7 for speed.
    output
        A .csv or .parquet file with one row per replicate and generation. What it is of stands in
        it, or beside FILE.csv in FILE.csv-metadata.json, so that diagnose knows its theorems.
    json
        Print a summary by generation as JSON.
    """
    experiment = (loop or LoopOptions()).build(family, which or WorkflowOptions())
    whole("replicates", replicates)
    recorded = parse_generations(at)
    asked = Asked(replicates, recorded, extra, _test(test))
    cost = cost_of(experiment, asked)
    sizes = f"replicates = {replicates}, samples up to {experiment.sizes.max()}, "
    require(cost.memory, f"{sizes}generations = {experiment.generations}: all together")
    if cost.seconds > LONG and not quiet:
        note(f"about {cost.seconds:.0f} s on one core, within a factor of about three")
    of = ""
    if output is not None:
        of = _told(experiment)
        check_table(output, told=bool(of))
    status = 0
    with progress(replicates, quiet=quiet) as show:
        try:
            runs = simulate_experiment(
                experiment,
                replicates,
                seed,
                recorded,
                jobs=jobs,
                extra=extra,
                test=asked.test,
                tolerance=tolerance,
                progress=counted(show, "replicates"),
            )
        except Interrupted as stop:
            runs, status = stop.finished, INTERRUPTED
    if status:
        note(f"interrupted: {runs.replicates} of {many(replicates, 'replicate')} finished and kept")
    shown = output is None
    if output is not None and not write_table(
        output, of_trajectories(runs).columns, finished=not status, of=of
    ):
        shown, status = True, status or WRONG_USE
    prediction = predict_experiment(experiment)
    if json:
        print_json({"experiment": described(experiment), **_summary(runs, prediction)})
    elif shown:
        _print(runs, prediction)
    return status


def _told(experiment: Experiment) -> str:
    """Return what the file will say of its experiment."""
    try:
        return told(experiment)
    except InvalidInput as error:
        note(f"what it is of is not written, so diagnose will know no theorem: {error}")
        return ""


def _test(text: str | None) -> Any:
    if text is None:
        return None
    return int(text) if text.isdecimal() else datasets.load(text)


def _summary(runs: Trajectories, p: Prediction) -> dict[str, Any]:
    names = numbers(runs)
    return {
        "generation": runs.generations,
        "replicates": runs.replicates,
        "mean": {name: _mean(runs[name]) for name in names},
        "quantiles": {
            name: {
                str(q): np.quantile(runs[name], q, axis=0, method="inverted_cdf")
                for q in (0.05, 0.5, 0.95)
            }
            for name in names
        },
        "expected": {name: p[name][runs.generations - 1] for name in names if name in p.expected},
        "reasons": {name: why for name, why in p.reasons.items() if name in names},
    }


def _mean(values: Any) -> Any:
    with np.errstate(invalid="ignore", over="ignore"):
        return values.mean(axis=0)


def _print(runs: Trajectories, p: Prediction) -> None:
    last = int(runs.generations[-1])
    shown = set(shown_generations(last)) if len(runs.generations) == last else None
    rows = []
    for name in numbers(runs):
        for column, t in enumerate(runs.generations.tolist()):
            if shown is None or t in shown:
                values = runs[name][:, column]
                quantiles = np.quantile(values, [0.05, 0.5, 0.95], method="inverted_cdf")
                expected = number(p[name][t - 1]) if name in p.expected else "open"
                cells = [expected, number(_mean(values)), *map(number, quantiles)]
                rows.append([name, str(t), *cells])
    title = many(runs.replicates, "replicate")
    columns = ["quantity", "generation", "expected", "mean", "5 %", "median", "95 %"]
    print_table(title, columns, rows)
