"""What a worker does: simulate and predict one cell, and return tables of plain columns."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from modelcollapse import datasets
from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import InvalidInput, ModelCollapseError, NoClosedForm, unknown
from modelcollapse._support.version import build
from modelcollapse.loop.experiment import Prediction, Trajectories, predict, simulate
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
    if replace(cell).key != cell.key:
        raise InvalidInput(
            "its data, weights or test file has changed since the sweep was begun, or this process "
            f"runs another build than {build()}: start the sweep again"
        )
    e = cell.experiment()
    test = datasets.load(cell.test).values if isinstance(cell.test, str) else cell.test
    runs = simulate(
        e,
        cell.replicates,
        cell.seed,
        cell.at,
        extra=cell.extra,
        test=test,
        tolerance=cell.tolerance,
    )
    prediction = predict(e)
    names = _names(cell, runs, prediction)
    parts = [_summary(name, runs, prediction) for name in names]
    summary = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    return Result(summary, _runs(runs, [n for n in names if n in runs]) if cell.runs else None)


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


def _summary(name: str, runs: Trajectories, prediction: Prediction) -> dict[str, Any]:
    count = len(runs.generations)
    nothing = np.full(count, np.nan)
    table: dict[str, Any] = {
        "quantity": np.full(count, name),
        "generation": runs.generations,
        "mean": nothing,
        "deviation": nothing,
        **dict.fromkeys(QUANTILES, nothing),
        "expected": _expected(prediction.expected, name, runs),
        "expected_deviation": np.sqrt(_expected(prediction.variances, name, runs)),
    }
    if name in runs:
        values = runs[name]
        # Infinite values are outcomes: their mean is infinite and their deviation NaN.
        with np.errstate(invalid="ignore", over="ignore"):
            table["mean"] = values.mean(axis=0)
            table["deviation"] = values.std(axis=0, ddof=1) if len(values) > 1 else nothing
        table.update(zip(QUANTILES, quantiles(values), strict=True))
    return table


def quantiles(values: Any) -> Any:
    """Return the QUANTILES of each column, as the inverse of the distribution function.

    They are NumPy's by the method "inverted_cdf", whose preparations take longer than the work
    on a small table.
    """
    wanted = len(values) * np.array(list(QUANTILES.values())) - 1
    places = np.maximum(np.ceil(wanted), 0).astype(np.intp)
    found = np.partition(values, places, axis=0)
    if np.isnan(found).any():  # NumPy places them last, and no quantile is known beside them
        found[:, np.isnan(found).any(axis=0)] = np.nan
    return found[places]


def _expected(values: Any, name: str, runs: Trajectories) -> Floats:
    try:
        return np.asarray(values[name], dtype=np.float64)[runs.generations - 1]
    except (NoClosedForm, ModelCollapseError):
        return np.full(len(runs.generations), np.nan)


def _runs(runs: Trajectories, names: list[str]) -> dict[str, Any]:
    shape = (runs.replicates, len(runs.generations))
    replicate, generation = np.indices(shape)
    return {
        "replicate": replicate.ravel(),
        "generation": runs.generations[generation.ravel()],
        **{name: runs[name].ravel() for name in names},
    }
