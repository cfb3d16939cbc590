"""The Gaussian room: a multivariate normal, fitted by its moments, again and again."""

from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.families.gaussian.formulas import (
    critical_temperature,
    tail_bound,
)

__all__ = [
    "Gaussian",
    "critical_temperature",
    "tail_bound",
]
