"""What the entries without chance share: loops, and agreement up to rounding."""

from collections.abc import Callable
from typing import Any

import numpy as np

from modelcollapse.experiment import Experiment, predict
from modelcollapse.gaussian.estimator import Gaussian
from modelcollapse.workflows import Workflow

EPS = float(np.finfo(float).eps)
Computed = Callable[[], tuple[float, float, float]]
Number = Callable[[], float]


def loop(workflow: Workflow, n: Any, T: int, **options: Any) -> Experiment:
    """Return a loop in d = 1; `ddof` is 0 unless given."""
    return Experiment(Gaussian(ddof=options.pop("ddof", 0)), workflow, n, T, **options)


def last(e: Experiment, name: str = "variance") -> float:
    """Return the prediction for the last generation."""
    return float(predict(e)[name][-1])


def same(first: Number, second: Number, steps: int) -> Computed:
    """Claim that two routes agree up to the rounding of `steps` operations."""

    def compute() -> tuple[float, float, float]:
        other, slack = second(), 8 * steps * EPS
        return first(), other * (1 - slack), other * (1 + slack)

    return compute


def fixed(value: float) -> Number:
    """Return a number that needs no computing."""
    return lambda: value
