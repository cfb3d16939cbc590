"""What the entries share: sources, loops and near misses."""

from collections.abc import Callable
from typing import Any

from modelcollapse.families.regression.estimator import LinearRegression
from modelcollapse.ledger.values import Value
from modelcollapse.loop.experiment import Experiment, predict
from modelcollapse.workflows import Workflow

PAPER = "Gerstgrasser et al., arXiv 2404.01413"
DERIVED = "derived here: theory/regression.py"
NORMAL = "x ~ N(0, I_d), normal noise, least squares without a penalty"
FIXED = f"{NORMAL}; every generation labels the same n inputs"
FRESH = f"{NORMAL}; n new inputs each generation"


def loop(workflow: Workflow, design: str, d: int, n: int, t: int, **options: Any) -> Experiment:
    """Return a loop with noise 1 and the first unit vector as truth, unless given."""
    truth = options.pop("truth", None)
    model = LinearRegression(d, design=design, **options)  # type: ignore[arg-type]
    return Experiment(model, workflow, n, t, truth=truth)


def building(*given: Any, **options: Any) -> Callable[[], Experiment]:
    """Return a function that builds a loop, for a design."""
    return lambda: loop(*given, **options)


def last(e: Experiment, name: str = "risk") -> float:
    """Return the prediction for the last generation."""
    return float(predict(e)[name][-1])


def other(*given: Any, name: str = "risk", **options: Any) -> Value:
    """Return another loop's prediction for its last generation, as a near miss."""
    return lambda _: last(loop(*given, **options), name)
