"""Predictions, simulations and runs as tables, as the commands write them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from modelcollapse._support.checks import Integers
from modelcollapse._support.frames import Table

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Prediction, Trajectories
    from modelcollapse.loop.plain import Run
    from modelcollapse.loop.replicates import Runs


def of_prediction(p: "Prediction") -> Table:
    """Return the expectations, one row per generation."""
    return Table({"generation": np.arange(1, p.experiment.generations + 1)}, dict(p.expected))


def with_variances(p: "Prediction", generations: Integers) -> Table:
    """Return the expectations at some generations, and the variances over replicates.

    Those are columns "variance_of_" with the name of the quantity.
    """
    quantities = at_generations(p.expected, generations)
    spreads = at_generations(p.variances, generations)
    quantities.update({f"variance_of_{name}": values for name, values in spreads.items()})
    return Table({"generation": generations}, quantities)


def at_generations(values: Mapping[str, Any], generations: Integers) -> dict[str, Any]:
    """Return what is known at all generations at some of them."""
    return {name: np.asarray(every)[generations - 1] for name, every in values.items()}


def of_trajectories(runs: "Trajectories") -> Table:
    """Return the quantities, one row per replicate and generation.

    Those that are more than one number, such as the pivots of a covariance, are left out.
    """
    count, width = runs.replicates, len(runs.generations)
    keys = {
        "replicate": np.repeat(np.arange(count), width),
        "generation": np.tile(runs.generations, count),
    }
    return Table(keys, {name: runs[name].ravel() for name in numbers(runs)})


def of_run(run: "Run") -> Table:
    """Return the metrics, one row per generation."""
    return Table({"generation": run.generations}, run.metrics)


def of_runs(runs: "Runs") -> Table:
    """Return the metrics, one row per replicate and finished generation; NaN is not measured."""
    counts = [len(run.generations) for run in runs.runs]
    keys = {
        "replicate": np.repeat(np.arange(len(counts)), counts),
        "generation": np.concatenate([np.arange(1, count + 1) for count in counts]),
    }
    there = [np.arange(len(runs.generations)) < count for count in counts]
    return Table(keys, {name: runs[name][np.array(there)] for name in runs.keys()})  # noqa: SIM118


def numbers(runs: "Trajectories") -> list[str]:
    """Return the names of the quantities that are one number in each fit."""
    return [name for name in runs.values if runs[name].ndim == 2]
