"""Pictures of predictions, trajectories and runs, one quantity by generation."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from modelcollapse._support.drawing import axes_of, band, scale
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.loop.experiment import predict
from modelcollapse.loop.tables import numbers
from modelcollapse.workflows.names import colours

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment, Prediction, Trajectories
    from modelcollapse.loop.plain import Run
    from modelcollapse.loop.replicates import Runs


def prediction(
    p: "Prediction", quantity: str | None, ax: Any, label: str | None, color: Any
) -> Any:
    """Draw an expectation as a line, and its limit as a dotted one."""
    name = _chosen(quantity, list(p.expected))
    t, values = np.arange(1, p.experiment.generations + 1), p[name]
    axis = _prepared(ax, name, t, values)
    own = color or _colour(p.experiment)
    axis.plot(t, values, color=own, lw=1.5, label=label or _workflow(p.experiment))
    if name in p.limits and np.isfinite(p.limits[name]):
        axis.axhline(p.limits[name], color=own, lw=0.8, ls=":")
    return _finished(axis)


def trajectories(
    runs: "Trajectories",
    quantity: str | None,
    ax: Any,
    label: str | None,
    color: Any,
    *,
    theorem: bool,
) -> Any:
    """Draw replicates as a band with median and mean, and what is expected as a line."""
    name = _chosen(quantity, numbers(runs))
    t, values = runs.generations, runs[name]
    if values.ndim != 2:
        names = ", ".join(numbers(runs))
        raise invalid("quantity", name, f"it is more than one number in a fit: give one of {names}")
    axis = _prepared(ax, name, t, values)
    own = color or _colour(runs.experiment)
    band(axis, t, values, own, label or _workflow(runs.experiment))
    if theorem and name in (known := predict(runs.experiment)):
        axis.plot(t, known[name][t - 1], color=own, lw=1.5)
    return _finished(axis)


def run(result: "Run", quantity: str | None, ax: Any, label: str | None, color: Any) -> Any:
    """Draw a metric as dots on a line."""
    name = _chosen(quantity, list(result.metrics))
    values = result[name]
    axis = _prepared(ax, name, result.generations, values)
    own, named = color or _colour_of(result), label or _workflow_of(result)
    axis.plot(result.generations, values, "o-", color=own, lw=1.2, ms=3.5, label=named)
    return _finished(axis)


def replicates(runs: "Runs", quantity: str | None, ax: Any, label: str | None, color: Any) -> Any:
    """Draw replicates of a run as a band, at the generations that any of them reached."""
    name = _chosen(quantity, runs.keys())
    values = runs[name]
    reached = ~np.isnan(values).all(axis=0)
    t, values = runs.generations[reached], values[:, reached]
    axis = _prepared(ax, name, t, values)
    one = runs.runs[0]
    band(axis, t, values, color or _colour_of(one), label or _workflow_of(one))
    return _finished(axis)


def _chosen(quantity: str | None, names: Sequence[str]) -> str:
    """Return the name that is asked for, by default the first."""
    if isinstance(quantity, str):
        return quantity  # whether there is such a one, its owner says
    if quantity is not None:
        raise invalid("quantity", quantity, f"give one of {', '.join(names)}")
    if not names:
        raise InvalidInput("quantity = None: there is nothing to draw")
    return names[0]


def _prepared(ax: Any, name: str, t: Any, values: Any) -> Any:
    """Return the axes; those that are empty get names and scales."""
    axis = axes_of(ax)
    if not axis.has_data():
        axis.set(xlabel="generation", ylabel=name.replace("_", " "))
        axis.xaxis.get_major_locator().set_params(integer=True)
        scale(axis, "x", t)
        scale(axis, "y", values)
    return axis


def _finished(axis: Any) -> Any:
    handles, labels = axis.get_legend_handles_labels()
    if labels:  # each once, as a prediction and its simulation have one name
        named = dict(zip(reversed(labels), reversed(handles), strict=True))
        axis.legend(reversed(named.values()), reversed(named.keys()), frameon=False)
    return axis


def _workflow_of(result: "Run") -> str:
    """Return the name of a run's workflow, or of its class."""
    told = result.experiment["workflow"]
    named = told.get("name", told.get("class", "own"))
    return str(named).rpartition(".")[2] if isinstance(named, str) else "own"


def _colour_of(result: "Run") -> str:
    return colours([_workflow_of(result)])[_workflow_of(result)]


def _workflow(e: "Experiment") -> str:
    return e.schedule.rule or type(e.workflow).__name__


def _colour(e: "Experiment") -> str:
    return colours([_workflow(e)])[_workflow(e)]
