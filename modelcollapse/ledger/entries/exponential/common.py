"""What the ledger's entries share: sources, assumptions and exact helpers."""

from typing import Any

import numpy as np

from modelcollapse.families.exponential.estimator import Family
from modelcollapse.ledger.values import Value
from modelcollapse.loop.experiment import Experiment, predict
from modelcollapse.workflows import AnyWorkflow

DERIVED = "derived here: theory/exponential.py"
LARGE = "arXiv 2410.22812, for large n; exact here"
AUGMENT = "arXiv 2410.22812 (the pi^2/6 of the augmentation workflow), exact here"
QUADRATIC = "a natural exponential family with a quadratic variance function, fitted by its mean"
FLAT = np.pi**2 / 6


def loop(model: Family, workflow: AnyWorkflow, n: Any, T: int, truth: Any = None) -> Experiment:
    """Return a loop."""
    return Experiment(model, workflow, n, T, truth=truth)


def last(e: Experiment, name: str = "squared_error") -> float:
    """Return the prediction for the last generation."""
    return float(predict(e)[name][-1])


def sums(n: int, t: int, power: int) -> Value:
    """Return (1/n) sum_{k <= t} 1/k^power."""
    return lambda _: float(np.sum(1.0 / np.arange(1, t + 1) ** power) / n)
