"""The curated room: loops whose synthetic data pass a verifier.

labels       which labels a verifier keeps, and when their majority is right
regions      which rows a verifier keeps, and where the loop goes
truths       what generation 1 learns from
estimator    LabelVerifier and RegionVerifier, for `Experiment` and for `run`
"""

from modelcollapse.families.curated.estimator import LabelVerifier, RegionVerifier
from modelcollapse.families.curated.labels import (
    break_down_point,
    kept_label_error,
    majority_correct,
)
from modelcollapse.families.curated.regions import (
    contraction_rate,
    distance_bound,
    error_bounds,
    population_means,
    variance_bounds,
    verified_round,
)

__all__ = [
    "LabelVerifier",
    "RegionVerifier",
    "break_down_point",
    "contraction_rate",
    "distance_bound",
    "error_bounds",
    "kept_label_error",
    "majority_correct",
    "population_means",
    "variance_bounds",
    "verified_round",
]
