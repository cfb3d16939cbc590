"""Mixed and fresh data: closed forms for loops that see real rows again.

fresh        new real rows each generation, pooled or weighted; temperature
kept         the first real batch, kept with a weight
phase        thrive or collapse: how much real data is enough
value        what sampled rows are worth in one round: cardinality against proportion
selection    selected rows beside real ones
provenance   rows whose provenance nobody knows
regression   least squares with shifted labels (strong collapse), and with mixed ones

All functions take numbers or arrays and broadcast. Picture:
``python -m modelcollapse.reproduce.figures.thrive_or_collapse FILE.png``.
"""

from modelcollapse.mixed.fresh import (
    FixedPoint,
    fresh_critical_temperature,
    fresh_effective_samples,
    fresh_fixed_point,
    fresh_inflation,
    optimal_weight,
    stationary_law,
)
from modelcollapse.mixed.kept import kept_fixed_point, kept_moments, kept_squared_error
from modelcollapse.mixed.phase import (
    contraction,
    critical_share,
    critical_share_at,
    phase,
    smallest_share,
)
from modelcollapse.mixed.provenance import minimax_effective_samples, pooled_effective_samples
from modelcollapse.mixed.regression import (
    Risk,
    best_label_weight,
    harmless_shift,
    mixed_label_risk,
    strong_collapse_plateau,
    strong_collapse_risk,
)
from modelcollapse.mixed.selection import (
    SelectedPoint,
    selected_fixed_point,
    selection_critical_share,
)
from modelcollapse.mixed.value import (
    Optimum,
    break_even_synthetic,
    optimal_synthetic,
    shared_generator_value,
    synthetic_value,
    weighted_synthetic_value,
)

__all__ = [
    "FixedPoint",
    "Optimum",
    "Risk",
    "SelectedPoint",
    "best_label_weight",
    "break_even_synthetic",
    "contraction",
    "critical_share",
    "critical_share_at",
    "fresh_critical_temperature",
    "fresh_effective_samples",
    "fresh_fixed_point",
    "fresh_inflation",
    "harmless_shift",
    "kept_fixed_point",
    "kept_moments",
    "kept_squared_error",
    "minimax_effective_samples",
    "mixed_label_risk",
    "optimal_synthetic",
    "optimal_weight",
    "phase",
    "pooled_effective_samples",
    "selected_fixed_point",
    "selection_critical_share",
    "shared_generator_value",
    "smallest_share",
    "stationary_law",
    "strong_collapse_plateau",
    "strong_collapse_risk",
    "synthetic_value",
    "weighted_synthetic_value",
]
