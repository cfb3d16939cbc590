"""The discrete room: relative frequencies of K outcomes, fitted again and again.

estimator    Discrete, the multinomial fit, smoothed or not
truth        the probabilities of generation 1; zipf
moments      exact moments of the fits, to the fourth order
kinship      how draws from the fits are related, on which their variances depend
chains       exact laws of one outcome's count
lost         which outcomes are absent, and whether one is left
survival     survival and collapse times: exact, bounds, limits
enumeration  the whole law of a small loop, in fractions
limits, fates  t -> infinity
smoothing, smooth_mixtures, smooth_ends  the same of smoothed fits: moments, and t -> infinity
predict      which quantity has which route
kernels, measures, runs, mixtures, simulate   the exact simulator
"""

from modelcollapse.families.discrete.enumeration import exact_law
from modelcollapse.families.discrete.estimator import Discrete
from modelcollapse.families.discrete.moments import all_different
from modelcollapse.families.discrete.survival import (
    exact_collapse_time,
    exact_first_loss_time,
    expected_collapse_time,
    finite_survival_bounds,
    poisson_survival,
    survival,
    survival_bounds,
)
from modelcollapse.families.discrete.truth import Categorical, zipf

__all__ = [
    "Categorical",
    "Discrete",
    "all_different",
    "exact_collapse_time",
    "exact_first_loss_time",
    "exact_law",
    "expected_collapse_time",
    "finite_survival_bounds",
    "poisson_survival",
    "survival",
    "survival_bounds",
    "zipf",
]
