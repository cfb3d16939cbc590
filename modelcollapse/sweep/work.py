"""What a worker does: simulate and predict one cell, and return tables of plain columns."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from modelcollapse import datasets
from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import InvalidInput, ModelCollapseError, unknown
from modelcollapse._support.version import build
from modelcollapse.loop.experiment import (
    Experiment,
    Lazy,
    Prediction,
    Trajectories,
    predict,
    simulate,
)
from modelcollapse.sweep.cells import Cell

Columns = Mapping[str, Any]
QUANTILES = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}


@dataclass(frozen=True)
class Result:
    """What became of a cell: a summary, and its runs if they are kept; or an error."""

    summary: Columns | None = None
    runs: Columns | None = None
    error: str = ""


def compute(cell: Cell) -> Result:
    """Run one cell; an error is a result, so that the other cells go on.

    The summary has a row for each quantity and recorded generation: over the replicates the mean,
    the standard deviation (with n - 1) and quantiles (sample values, not interpolated); and the
    expectation and its standard deviation by theory, NaN where there is no closed form.
    """
    try:
        return _computed(cell)
    except ModelCollapseError as error:
        return Result(error=str(error))
    except Exception as error:  # noqa: BLE001 - one cell's defect must not stop the others
        return Result(error=f"{type(error).__name__}: {error}")


def _computed(cell: Cell) -> Result:
    e = cell.experiment()
    if cell.key_of(e) != cell.key:
        raise InvalidInput(
            "its data, weights or test file has changed since the sweep was begun, or this process "
            f"runs another build than {build()}: start the sweep again"
        )
    test = datasets.load(cell.test).values if isinstance(cell.test, str) else cell.test
    prediction = _predicted(e)
    runs = simulate(
        prediction.experiment,
        cell.replicates,
        cell.seed,
        cell.at,
        extra=cell.extra,
        test=test,
        tolerance=cell.tolerance,
    )
    names = _names(cell, runs, prediction)
    summary = _summary(names, runs, prediction)
    return Result(summary, _runs(runs, [n for n in names if n in runs]) if cell.runs else None)


@lru_cache(maxsize=1)
def _predicted(e: Experiment) -> Prediction:
    """Return the prediction, which neighbours in a grid share that differ in their seeds, say."""
    return predict(e)


def _names(cell: Cell, runs: Trajectories, prediction: Prediction) -> list[str]:
    """Return the quantities to keep: of those asked for, the ones that this cell has."""
    known = dict.fromkeys([*runs.keys(), *prediction.keys()])
    names = list(known) if cell.quantities is None else list(cell.quantities)
    for name in names:
        if name not in known and name not in prediction.expected.reasons:
            raise unknown("quantity", name, known)
    names = [n for n in names if n in known and (n not in runs or runs[n].ndim == 2)]
    if not names:
        raise unknown("quantity", list(cell.quantities or ()), known)
    return names


def _summary(names: list[str], runs: Trajectories, prediction: Prediction) -> dict[str, Any]:
    # Infinite values are outcomes: their mean is infinite and their deviation NaN.
    with np.errstate(invalid="ignore", over="ignore"):
        seen = [_seen(name, runs) for name in names]
    means, deviations, levels = zip(*seen, strict=True)
    expected = [_expected(prediction.expected, name, runs) for name in names]
    spreads = [_expected(prediction.variances, name, runs) for name in names]
    return {
        "quantity": np.repeat(names, len(runs.generations)),
        "generation": np.tile(runs.generations, len(names)),
        "mean": np.concatenate(means),
        "deviation": np.concatenate(deviations),
        **dict(zip(QUANTILES, np.concatenate(levels, axis=1), strict=True)),
        "expected": np.concatenate(expected),
        "expected_deviation": np.sqrt(np.concatenate(spreads)),
    }


def _seen(name: str, runs: Trajectories) -> tuple[Floats, Floats, Any]:
    """Return a quantity's mean, deviation and QUANTILES over the replicates, (generations,) each.

    They are NaN of what is not simulated.
    """
    nothing = np.full(len(runs.generations), np.nan)
    if name not in runs:
        return nothing, nothing, [nothing] * len(QUANTILES)
    values = runs[name]
    mean = values.mean(axis=0, keepdims=True)
    several = len(values) > 1
    deviation = np.std(values, axis=0, ddof=1, mean=mean) if several else nothing
    return mean[0], deviation, quantiles(values)


def quantiles(values: Any) -> Any:
    """Return the QUANTILES of each column, as the inverse of the distribution function.

    They are NumPy's by the method "inverted_cdf", whose preparations take longer than the work
    on a small table.
    """
    places = [max(math.ceil(len(values) * level - 1), 0) for level in QUANTILES.values()]
    found = np.partition(values, places, axis=0)
    unknown_columns = np.isnan(found).any(axis=0)
    if unknown_columns.any():  # NumPy places them last, and no quantile is known beside them
        found[:, unknown_columns] = np.nan
    return found[places]


def _expected(values: Lazy[Floats], name: str, runs: Trajectories) -> Floats:
    if name in values:
        with suppress(ModelCollapseError):
            return np.asarray(values[name], dtype=np.float64)[runs.generations - 1]
    return np.full(len(runs.generations), np.nan)


def _runs(runs: Trajectories, names: list[str]) -> dict[str, Any]:
    shape = (runs.replicates, len(runs.generations))
    replicate, generation = np.indices(shape)
    return {
        "replicate": replicate.ravel(),
        "generation": runs.generations[generation.ravel()],
        **{name: runs[name].ravel() for name in names},
    }
