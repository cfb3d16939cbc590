"""The Gaussian room: a multivariate normal, fitted by its moments, again and again.

estimator      the moment fit
moments        expected variance and squared error; joint_moments: up to the fourth order, of any
               weights; chained: of fits that are chains; exchangeable: of random subsets
determinants   expected determinants and minors; determinant_bounds: bounds on E log det
replace_laws, laws   exact laws under replace and accumulate
limits, fates  t -> infinity, and growth rates
predict        which quantity has which route; selected: of loops whose rows are selected;
               floored: of fits with a floor, and tails: of the law that they settle at
simulate       exact simulation; batches: of any workflow; selected_batches; path_kernels,
               subsample_kernels, edit_kernels, kernels: compiled steps; quantities: what is
               recorded, and derived from it
"""

from modelcollapse.families.gaussian.determinants import minors
from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.families.gaussian.limits import (
    critical_temperature,
    tail_bound,
)
from modelcollapse.families.gaussian.tails import tail_exponent

__all__ = [
    "Gaussian",
    "critical_temperature",
    "minors",
    "tail_bound",
    "tail_exponent",
]
