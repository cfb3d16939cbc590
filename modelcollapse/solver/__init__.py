r"""Loops that fit a mean, solved exactly: any deterministic workflow, any quadratic variance.

The fit of generation t is a weighted mean of the training rows. Rows of batch 1, and fresh real
rows of later batches, have the mean m_0 and the variance V(m_0); sampled rows of batch t have,
given model t - 1, its mean m_{t-1} and the variance V(m_{t-1}). In units of the truth,
x_t = (m_t - m_0) / sqrt(V(m_0)),

    V(m) / V(m_0) = 1 + s x + v2 x^2,     v2 = curvature = V''/2 >= -1,  s^2 = skew2 = V'^2 / V.

v2 is 0 for the normal mean (known variance) and Poisson, -1/N for binomial, 1/shape for gamma,
1/r for negative binomial; at -1 the errors are those of the Gaussian maximum-likelihood fit.
Derived in ``theory/``.

errors      squared_errors, variances, effective_samples, inflation
dense       influence: the weight of each part's noise in each fit; squared errors from it
fourth      error_variances, third_moments: spread and skewness over replicates
fates       fate, variance_fate: what a theorem decides about the long run
information what no estimator can beat, and what a workflow pays
regular     excess_loss, excess_law, estimation_gap: any regular model, to leading order
exchange    exchange_errors: models that train on each other's rows
limits      limit, best_weight, web_threshold: closed forms
chains      workflows whose fit is a chain: replace, accumulate, fresh data, web; and keep-real
window      sliding windows; kernels: their compiled steps
slots       any workflow, by the moments of the batches it remembers
subsample   random subsets of a pool
budgets     best_budgets: how to split training rows over generations
scan        a linear recurrence for all t at once, without cancellation
parts       arguments, and the rows and weights of each batch's two parts
"""

from modelcollapse.solver.budgets import best_budgets
from modelcollapse.solver.dense import influence
from modelcollapse.solver.errors import effective_samples, inflation, squared_errors, variances
from modelcollapse.solver.exchange import exchange_errors
from modelcollapse.solver.fates import fate, variance_fate
from modelcollapse.solver.fourth import error_variances, third_moments
from modelcollapse.solver.information import information, observer_errors, price
from modelcollapse.solver.limits import best_weight, limit, web_threshold
from modelcollapse.solver.regular import Gap, estimation_gap, excess_law, excess_loss
from modelcollapse.solver.window import window_rate

__all__ = [
    "Gap",
    "best_budgets",
    "best_weight",
    "effective_samples",
    "error_variances",
    "estimation_gap",
    "excess_law",
    "excess_loss",
    "exchange_errors",
    "fate",
    "inflation",
    "influence",
    "information",
    "limit",
    "observer_errors",
    "price",
    "squared_errors",
    "third_moments",
    "variance_fate",
    "variances",
    "web_threshold",
    "window_rate",
]
