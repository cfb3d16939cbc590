"""The loops in vectorised NumPy, all replicates at once: the other peers of the benchmarks.

What a practised user of NumPy writes today: arrays whose first axis counts the replicates, random
numbers of a `Generator` for all of them in one call, and of what accumulates only sums or counts.
Rows are drawn where the plain loops draw rows, but for discrete outcomes, whose counts
``Generator.multinomial`` draws for all replicates in one call.
"""

import numpy as np

from benchmarks.paper import Records
from benchmarks.paper_discrete import Records as Counts


def chosen(rng, repeats, total, samples):
    """Return `samples` of `total` places for each replicate, without replacement."""
    return rng.random((repeats, total)).argpartition(samples - 1, axis=1)[:, :samples]


def gaussian(workflow, dim, samples, generations, repeats, seed):
    """Run the Gaussian loop of `paper.loop` and return its `Records`."""
    rng, records = np.random.default_rng(seed), Records(*np.empty((3, repeats, generations)))
    kept = workflow == "accumulate-subsample"
    pool = np.empty((repeats, generations * samples, dim)) if kept else None
    mean, factor = np.zeros((repeats, dim)), np.broadcast_to(np.eye(dim), (repeats, dim, dim))
    sums, squares = 0.0, 0.0
    for t in range(generations):
        noise = rng.standard_normal((repeats, samples, dim))
        rows = mean[:, None] + noise @ factor.transpose(0, 2, 1)
        count = samples
        if kept:
            total = (t + 1) * samples
            pool[:, total - samples : total] = rows
            places = chosen(rng, repeats, total, samples)
            rows = np.take_along_axis(pool[:, :total], places[:, :, None], axis=1)
        if workflow == "accumulate":
            count = (t + 1) * samples
            sums, squares = sums + rows.sum(axis=1), squares + rows.transpose(0, 2, 1) @ rows
            mean = sums / count
            covariance = squares / count - mean[:, :, None] * mean[:, None]
        else:
            mean = rows.mean(axis=1)
            centred = rows - mean[:, None]
            covariance = centred.transpose(0, 2, 1) @ centred / count
        records.squared_error[:, t] = (mean**2).sum(axis=1)
        records.trace[:, t] = np.trace(covariance, axis1=1, axis2=2)
        if dim == 1:
            factor = np.sqrt(covariance)
            records.log_determinant[:, t] = np.log(covariance[:, 0, 0])
            continue
        # Replace loses directions: a covariance of rows that has none left has no Cholesky factor.
        values, vectors = np.linalg.eigh(covariance)
        factor = vectors * np.sqrt(np.maximum(values, 0.0))[:, None]
        records.log_determinant[:, t] = np.linalg.slogdet(covariance)[1]
    return records


DRAWN = {
    "normal-mean": lambda rng, mean, size: mean + rng.standard_normal(size),
    "poisson": lambda rng, mean, size: rng.poisson(mean, size),
    "binomial": lambda rng, mean, size: rng.random(size) < mean,
    "gamma": lambda rng, mean, size: mean * rng.standard_exponential(size),
    "negative-binomial": lambda rng, mean, size: rng.geometric(1 / (1 + mean), size) - 1,
}


def exponential(family, mean, samples, generations, repeats, seed):
    """Run the accumulate loop of `paper_exponential.loop` and return the fitted means."""
    rng, fitted = np.random.default_rng(seed), np.empty((repeats, generations))
    fit, sums = np.full((repeats, 1), mean), 0.0
    for t in range(generations):
        sums = sums + DRAWN[family](rng, fit, (repeats, samples)).sum(axis=1, keepdims=True)
        fit = sums / ((t + 1) * samples)
        fitted[:, t] = fit[:, 0]
    return fitted


def discrete(workflow, outcomes, samples, generations, repeats, seed):
    """Run the loop of `paper_discrete.loop` and return its `Records`."""
    rng, records = np.random.default_rng(seed), Counts(*np.empty((2, repeats, generations)))
    pool, shares = 0, np.full((repeats, outcomes), 1 / outcomes)
    for t in range(generations):
        counts = rng.multinomial(samples, shares)
        if workflow != "replace":
            pool = counts = pool + counts
        if workflow == "accumulate-subsample":
            counts = np.stack([rng.multivariate_hypergeometric(own, samples) for own in pool])
        shares = counts / counts.sum(axis=1, keepdims=True)
        records.heterozygosity[:, t] = 1 - (shares**2).sum(axis=1)
        records.absent[:, t] = (counts == 0).sum(axis=1)
    return records


def regression(workflow, dim, samples, generations, repeats, seed):
    """Run the loop of `paper_regression.loop` and return the risks.

    All rows of a pool have the same inputs, so that its fit is that to the mean of its labels.
    """
    rng, risks = np.random.default_rng(seed), np.empty((repeats, generations))
    inputs = rng.standard_normal((repeats, samples, dim))
    inverse = np.linalg.pinv(inputs)
    truth = np.eye(dim)[0]
    fitted, labels = np.broadcast_to(truth[:, None], (repeats, dim, 1)), 0.0
    for t in range(generations):
        drawn = inputs @ fitted + rng.standard_normal((repeats, samples, 1))
        labels = drawn if workflow == "replace" else labels + drawn
        fitted = inverse @ labels / (1 if workflow == "replace" else t + 1)
        risks[:, t] = ((fitted[:, :, 0] - truth) ** 2).sum(axis=1)
    return risks
