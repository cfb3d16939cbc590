"""Numbers that claims are made of: statistics of simulations, and predicted values."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.loop.experiment import Experiment, Trajectories, predict

Value = Callable[[Experiment], float]
Statistic = Callable[[Trajectories], Floats]
Computed = Callable[[], tuple[float, float, float]]
Number = Callable[[], float]
EPS = float(np.finfo(float).eps)


def quantity(name: str, generation: int) -> Statistic:
    """Return the statistic: quantity `name` at a generation, one number per replicate."""
    return partial(_quantity, name, generation)


def _quantity(name: str, generation: int, runs: Trajectories) -> Floats:
    column = int(np.flatnonzero(runs.generations == generation)[0])
    return runs[name][:, column]


def expectation(name: str, generation: int, **changes: Any) -> Value:
    """Return the predicted mean of a quantity, of the experiment or of one with `changes`."""
    return partial(_expectation, name, generation, changes)


def _expectation(name: str, generation: int, changes: Mapping[str, Any], e: Experiment) -> float:
    return float(predict(replace(e, **changes) if changes else e)[name][generation - 1])


def spread(name: str, generation: int) -> Value:
    """Return the predicted variance over replicates of a quantity."""
    return partial(_spread, name, generation)


def _spread(name: str, generation: int, e: Experiment) -> float:
    return float(predict(e).variances[name][generation - 1])


def constant(value: float) -> Value:
    """Return a value that is the same for every experiment."""
    return partial(_constant, value)


def _constant(value: float, _: Experiment | None) -> float:
    return value


def same(first: Number, second: Number, steps: int) -> Computed:
    """Claim that two routes agree up to the rounding of `steps` operations."""
    return partial(_same, first, second, steps)


def _same(first: Number, second: Number, steps: int) -> tuple[float, float, float]:
    other, slack = second(), 8 * steps * EPS
    return first(), other * (1 - slack), other * (1 + slack)


def fixed(value: float) -> Number:
    """Return a number that needs no computing."""
    return partial(_constant, value, None)
