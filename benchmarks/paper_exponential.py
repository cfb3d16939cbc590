"""The plain accumulate loop for one-parameter families: the peer of the benchmarks.

In the manner of the paper's experiments: one repeat after the other and one generation after the
other, rows from NumPy's legacy generator, concatenated to all rows before, and fitted by
``np.mean`` of all of them.
"""

import numpy as np


def rows(family, mean, samples):
    """Draw rows of a family's standard form with the given mean."""
    if family == "normal-mean":
        return np.random.normal(mean, 1.0, samples)
    if family == "poisson":
        return np.random.poisson(mean, samples)
    if family == "binomial":
        return np.random.binomial(1, mean, samples)
    if family == "gamma":
        return np.random.exponential(mean, samples)
    if family == "negative-binomial":
        return np.random.geometric(1 / (1 + mean), samples) - 1
    return secants(mean, samples)


def secants(mean, samples):
    """Draw the hyperbolic secant law of the given mean by its distribution function's inverse.

    With the tilt t = arctan(mean), exp(pi x) is a ratio of gamma variables, Beta / (1 - Beta).
    """
    tilt = np.arctan(mean) / np.pi
    share = np.random.beta(0.5 + tilt, 0.5 - tilt, samples)
    return np.log(share / (1 - share)) / np.pi


def loop(family, mean, samples, generations, repeats, seed):
    """Run accumulate and return the fitted means, shape (repeats, generations)."""
    np.random.seed(seed)
    fitted = np.empty((repeats, generations))
    for repeat in range(repeats):
        pool, fit = np.empty(0), mean
        for t in range(generations):
            pool = np.concatenate([pool, rows(family, fit, samples)])
            fit = np.mean(pool)
            fitted[repeat, t] = fit
    return fitted
