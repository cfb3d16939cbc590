"""The regression room: a linear model trained on labels that its predecessor gave.

estimator      the model, for `run`
coefficients   its truth
wishart        moments of inverse Wishart matrices, and the law of a fixed design's risk
moments        expected risk and norm, least squares
ridge          the same with a penalty, in one dimension
limits, fates  t -> infinity
sources        which rows a generation is fitted to, as few as it needs
kernels        compiled least squares
"""

from modelcollapse.families.regression.coefficients import Coefficients
from modelcollapse.families.regression.estimator import LinearRegression

__all__ = ["Coefficients", "LinearRegression"]
