"""``modelcollapse run``: the plain loop with any estimator on any data."""

import ast
import warnings
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter

from modelcollapse import datasets
from modelcollapse._support.checks import whole
from modelcollapse._support.drawing import quantiles
from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.interruption import INTERRUPTED
from modelcollapse._support.words import many
from modelcollapse.cli import WRONG_USE
from modelcollapse.cli.importing import imported
from modelcollapse.cli.options import WorkflowOptions, chosen_generations
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
from modelcollapse.cli.whole import MaybeWhole, Whole
from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.families.kde import KDE
from modelcollapse.families.names import parse_bandwidth, sampling
from modelcollapse.loop.estimators import brief
from modelcollapse.loop.plain import INTERRUPTED as STOPPED
from modelcollapse.loop.plain import Run
from modelcollapse.loop.replicates import Runs
from modelcollapse.loop.replicates import run as run_loop
from modelcollapse.loop.tables import of_run, of_runs
from modelcollapse.loop.truth import Rows

OWN: dict[str, Any] = {"gaussian": Gaussian, "kde": KDE}


def run(
    which: WorkflowOptions | None = None,
    *,
    estimator: str,
    data: str,
    option: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    samples: str | None = None,
    generations: MaybeWhole = None,
    temperature: float = 1.0,
    selection: str | None = None,
    reward: str | None = None,
    seed: Whole = 0,
    holdout: float = 0.0,
    standardize: bool = False,
    seed_global: bool = False,
    resample_weights: bool = False,
    metric: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    replicates: MaybeWhole = None,
    jobs: Whole = 1,
    checkpoint: Path | None = None,
    output: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
    quiet: Quiet = False,
) -> int:
    """Fit, sample and refit any estimator, and follow what becomes of the data.

    Parameters
    ----------
    which
        The workflow.
    estimator
        gaussian, kde (with --option bandwidth=0.5), or the dotted path of a class with fit and
        sample, such as sklearn.mixture.GaussianMixture; its module is imported: its code runs.
    data
        digits, wine, breast_cancer, iris, diabetes, blobs, circles, moons, swiss_roll,
        blobs-mismatched, or a CSV or Parquet file.
    option
        An argument of the estimator, such as n_components=10; may be repeated.
    samples
        Rows per batch: 100, one number per generation (10,20,40), double:10, 10*2^t, or a.csv.
    generations
        The number of fits (20, or as many as a schedule has); the first is to real data.
    temperature
        The sampler's temperature, if the estimator's sample takes one.
    selection
        Of the sampled rows keep best-of:K, or of gaussian keep-top:SHARE or pairwise:BETA.
    reward
        The direction that is selected along, such as 1,0,-2; of one column the row itself.
    seed
        The seed of everything random.
    holdout
        Share of the data's rows kept for the test log-loss, from 0 to 1.
    standardize
        Bring the data's columns to mean 0 and variance 1.
    seed_global
        Seed the global generators of Python, NumPy and PyTorch too, for each fit and each sample:
        for estimators that draw from them.
    resample_weights
        Where a workflow weights rows, draw as many again by their weights for an estimator that
        takes no weights; the loop has another law then.
    metric
        A measure of rows that are sampled from each model against real ones, such as
        energy_distance; may be repeated, and a wrong one lists them all.
    replicates
        How often to run the loop, each time with a seed of its own that --seed gives.
    jobs
        Processes for the replicates; -1 for all cores.
    checkpoint
        A .npz file: the run is saved there after each generation, and resumed from it. With
        --replicates a folder of such files.
    output
        A .csv or .parquet file with one row per generation, of replicates one for each of them.
    json
        Print the result as JSON.
    """
    if output is not None:
        check_table(output)
    training, test = _split(datasets.load(data, standardize=standardize), holdout, seed)
    workflow, sizes = (which or WorkflowOptions()).build(samples)
    generations = chosen_generations(workflow, sizes, generations, usual=20)
    whole("generations", generations)
    given = {"temperature": temperature, "selection": selection, "reward": reward}
    model = build_estimator(estimator, option, training.dim)
    count = generations * (replicates or 1)
    with progress(count, quiet=quiet) as show, warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_: note(f"warning: {message}")
        result = run_loop(
            model,
            training,
            workflow,
            sizes,
            generations,
            seed,
            test=test,
            sampling=sampling(given),
            seed_global=seed_global,
            resample_weights=resample_weights,
            metrics=metric,
            replicates=replicates,
            jobs=jobs,
            checkpoint=checkpoint,
            progress=counted(show, "generations"),
        )
    written = _report(result, output, json=json)
    return INTERRUPTED if _interrupted(result) else 0 if written else WRONG_USE


def _interrupted(result: Run | Runs) -> bool:
    return any(outcome.startswith(STOPPED) for outcome in _outcomes(result))


def _outcomes(result: Run | Runs) -> list[str]:
    return [result.outcome] if isinstance(result, Run) else result.outcomes


def _report(result: Run | Runs, output: Path | None, *, json: bool) -> bool:
    """Write and print what is known; return whether the file was written, if one was wanted."""
    written, warned = True, Counter[str]()
    for run in [result] if isinstance(result, Run) else result:
        warned.update(run.warnings)
    for message, count in warned.items():
        note(f"warning, {many(count, 'time')}: {message}")
    for outcome, count in Counter(_outcomes(result)).items():
        if outcome != "completed":
            times = "" if isinstance(result, Run) else f"{many(count, 'replicate')}: "
            note(times + outcome)
    if output is not None:
        table = of_run(result) if isinstance(result, Run) else of_runs(result)
        written = write_table(output, table.columns, finished=not _interrupted(result))
    if json:
        print_json(_record(result))
    elif output is None or not written:
        _show(result)
    return written


def _record(result: Run | Runs) -> dict[str, Any]:
    """Return what is printed as JSON."""
    if isinstance(result, Runs):
        told = [_record(run) for run in result]
        return {"seeds": [str(seed) for seed in result.seeds], "replicates": told}
    return {
        "experiment": result.experiment,
        "outcome": result.outcome,
        "generation": result.generations,
        "metrics": result.metrics,
        "warnings": result.warnings,
        "reproducible": result.reproducible,
    }


def _show(result: Run | Runs) -> None:
    """Print one row per generation: the metrics, or their medians over the replicates."""
    names = list(result.keys() if isinstance(result, Runs) else result.metrics)
    columns = [result[name] for name in names]
    title = _outcomes(result)[0]
    if isinstance(result, Runs):
        columns = [quantiles(values)[1] for values in columns]
        done = sum(run.completed for run in result)
        title = f"{many(len(result), 'replicate')}, {done} completed: medians"
    last = max(len(run.generations) for run in ([result] if isinstance(result, Run) else result))
    rows = [[str(t + 1), *(number(values[t]) for values in columns)] for t in range(last)]
    print_table(title, ["generation", *names], rows)


def _split(data: Rows, holdout: float, seed: int) -> tuple[Rows, Any]:
    """Return training rows, and test rows or None."""
    if not 0 <= holdout < 1:
        raise InvalidInput(f"holdout = {holdout}: give a share of the rows from 0 to below 1")
    count = round(holdout * len(data.values))
    if len(data.values) - count < 2:
        raise InvalidInput(f"holdout = {holdout}: that leaves fewer than 2 rows to train on")
    if count == 0:
        return data, None
    order = np.random.default_rng(seed).permutation(len(data.values))
    return data.renewed(data.values[order[count:]]), data.values[order[:count]]


def build_estimator(name: str, options: tuple[str, ...], dim: int) -> Any:
    """Return the estimator of that name with its options."""
    arguments = dict(_option(text) for text in options)
    if name in OWN:
        factory, arguments = OWN[name], {"dim": dim, **arguments}
        if factory is KDE and "bandwidth" not in arguments:
            raise InvalidInput("bandwidth is missing: give --option bandwidth=0.5 or a rule")
        for key in {"bandwidth", "scoring_bandwidth"} & set(arguments):
            if isinstance(arguments[key], str):
                arguments[key] = parse_bandwidth(key, arguments[key])
    else:
        factory = _imported(name)
    try:
        return factory(**arguments)
    except Exception as error:  # of a class of anybody
        told = f"option: {name} does not take {arguments!r} ({brief(error)})"
        raise InvalidInput(told) from error


def _option(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise InvalidInput(f"option = {text!r}: give NAME=VALUE, such as n_components=10")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value


def _imported(path: str) -> Any:
    factory = imported("estimator", path, [*OWN, "sklearn.mixture.GaussianMixture"])
    lacking = [name for name in ("fit", "sample") if not callable(getattr(factory, name, None))]
    if not isinstance(factory, type) or lacking:
        what = f"has no {' and no '.join(lacking)}" if lacking else ""
        what = what if isinstance(factory, type) else "is not a class"
        raise InvalidInput(f"estimator = {path!r} {what}: give a class with fit and sample")
    return factory
