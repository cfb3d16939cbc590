"""The exponential-family room: six one-parameter families, fitted by their means.

Morris's natural exponential families with a quadratic variance function
V(m) = v0 + v1 m + v2 m^2: what happens to a loop depends on v2, the ``curvature``, alone.

estimator      what all families share: fit, sample, score; the truth of a given mean
families       the six families
secant         exact draws from the generalised hyperbolic secant law
exchangeable   third and fourth moments of accumulate-subsample's errors
absorption     the probability that a fit is degenerate
limits, fates  t -> infinity
predict        which quantity has which route
simulate       exact simulation through batch totals, or through rows
"""

from modelcollapse.families.exponential.estimator import Family, MeanTruth
from modelcollapse.families.exponential.families import (
    FAMILIES,
    Binomial,
    Gamma,
    HyperbolicSecant,
    NegativeBinomial,
    NormalMean,
    Poisson,
)

__all__ = [
    "FAMILIES",
    "Binomial",
    "Family",
    "Gamma",
    "HyperbolicSecant",
    "MeanTruth",
    "NegativeBinomial",
    "NormalMean",
    "Poisson",
]
