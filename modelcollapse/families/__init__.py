"""The families: what is fitted in each generation, each in a room with the same furniture.

gaussian     a multivariate normal
kde          a kernel on every training row
exponential  the mean of a one-parameter family
discrete     relative frequencies
regression   least squares
markov       which word follows which, in texts with an end
curated      the mean of a normal, fitted to what a verifier keeps

In each: estimator (the model), predict (which quantity has which route), simulate (exactly), and
the mathematics that it alone needs. names: all of them by their names as plain data.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules={"curated", "discrete", "exponential", "gaussian", "kde", "markov", "regression"},
)
