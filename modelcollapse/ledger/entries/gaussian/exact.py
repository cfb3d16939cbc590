"""What the entries without chance share: loops."""

from typing import Any

from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.loop.experiment import Experiment, predict
from modelcollapse.workflows import Workflow


def loop(workflow: Workflow, n: Any, T: int, **options: Any) -> Experiment:
    """Return a loop in d = 1; `ddof` is 0 unless given."""
    return Experiment(Gaussian(ddof=options.pop("ddof", 0)), workflow, n, T, **options)


def last(e: Experiment, name: str = "variance") -> float:
    """Return the prediction for the last generation."""
    return float(predict(e)[name][-1])
