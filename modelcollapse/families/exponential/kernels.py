"""Compiled: means of batches of many replicates, and loops in which a fit is one number.

A law is one of `families.LAWS` with the parameter of its family. Each batch is drawn for all
replicates at once; gamma variables by polynomials of normals where they are reached, see
`chi_squares`: a gamma of shape a is half a chi-square of 2 a degrees of freedom, whole or not.
"""

import numpy as np

from modelcollapse._support import chi_squares
from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled
from modelcollapse._support.counts import fill_binomials, fill_poissons
from modelcollapse._support.stream import Stream, fill_normals, uniform
from modelcollapse._support.variates import fill_chi_squares, gamma
from modelcollapse.families.exponential.families import (
    BINOMIAL,
    GAMMA,
    NEGATIVE_BINOMIAL,
    NORMAL,
)

NONE = np.empty(0)


def tables(law: int, parameter: float, sizes: Integers) -> tuple[Integers, Floats]:
    """Return `chi_squares.polynomials` of batches of these sizes, of which most laws need none."""
    wanted = sizes if law in (GAMMA, NEGATIVE_BINOMIAL) else sizes[:0]
    places, polynomials = chi_squares.polynomials(np.multiply.outer(wanted, [2 * parameter]))
    return (places if wanted.size else np.full(sizes.size, -1)), polynomials


@compiled
def gamma_means(
    stream: Stream, total: float, polynomial: Floats, mean: Floats, out: Floats
) -> None:
    """Fill out with mean * Gamma(total) / total; the polynomial is empty where none is reached."""
    if polynomial.size > 0:
        fill_chi_squares(stream, 1, polynomial, out)  # over their degrees of freedom
        for i in range(out.size):
            out[i] *= mean[i]
        return
    # Below the shape 1 the gamma of a shape larger by 1 is multiplied by u^(1/shape).
    d = (total if total >= 1.0 else total + 1.0) - 1.0 / 3.0
    c = 1.0 / np.sqrt(9.0 * d)
    for i in range(out.size):
        out[i] = mean[i] * (gamma(stream, d, c) / total)
        if total < 1.0:
            out[i] *= np.exp(np.log(uniform(stream)) / total)


@compiled
def batch_means(
    stream: Stream,
    law: int,
    parameter: float,
    n: int,
    polynomial: Floats,
    mean: Floats,
    out: Floats,
) -> None:
    """Fill out with the mean of n rows for each mean, as `Family.batch_means` of the law."""
    if law == NORMAL:
        fill_normals(stream, out)
        deviation = np.sqrt(parameter / n)
        for i in range(out.size):
            out[i] = mean[i] + deviation * out[i]
    elif law == GAMMA:
        gamma_means(stream, n * parameter, polynomial, mean, out)
    elif law == BINOMIAL:
        for i in range(out.size):
            out[i] = min(max(mean[i] / parameter, 0.0), 1.0)
        fill_binomials(stream, n * int(parameter), out)
        for i in range(out.size):
            out[i] /= n
    else:
        rate = mean
        if law == NEGATIVE_BINOMIAL:
            gamma_means(stream, n * parameter, polynomial, mean, out)
            rate = out
        for i in range(out.size):
            out[i] = n * rate[i]
        fill_poissons(stream, out)
        for i in range(out.size):
            out[i] /= n


@compiled
def one_slot(
    stream: Stream,
    law: int,
    parameter: float,
    sizes: Integers,
    places: Integers,
    polynomials: Floats,
    newest: bool,
    slots: Integers,
    mean: Floats,
    fitted: Floats,
) -> None:
    """Replace, if only the newest batch counts, or accumulate, from the means of the truth.

    Generation t + 1 is recorded in column ``slots[t]``, unless that is -1.
    """
    batch, none, pool = np.empty(mean.size), np.empty(0), 0
    for t in range(sizes.size):
        n = sizes[t]
        polynomial = polynomials[places[t], 0] if places[t] >= 0 else none
        batch_means(stream, law, parameter, n, polynomial, mean, batch)
        pool += n
        if t == 0 or newest:
            for i in range(mean.size):
                mean[i] = batch[i]
        elif 2 * n <= pool:
            # From the heavier of both: equal ones are returned unchanged.
            share = n / pool
            for i in range(mean.size):
                mean[i] += share * (batch[i] - mean[i])
        else:
            share = (pool - n) / pool
            for i in range(mean.size):
                mean[i] = batch[i] + share * (mean[i] - batch[i])
        if slots[t] >= 0:
            for i in range(mean.size):
                fitted[i, slots[t]] = mean[i]
