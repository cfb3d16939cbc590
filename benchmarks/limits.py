"""What this machine can do, measured in the same run, and what a Gaussian loop costs by that.

The limit of a loop is the time of its random numbers, as fast as the stream fills long arrays with
them, and of its multiplications and additions, at the rate of a large matrix product, with nothing
else: no square root, no memory, no call. It is a limit of the algorithm that the simulator uses.
"""

import time
from typing import NamedTuple

import numpy as np

from benchmarks.cells import SAMPLES
from modelcollapse._support.chi_squares import polynomial
from modelcollapse._support.stream import fill_normals, fill_words, opened
from modelcollapse._support.variates import fill_chi_squares

MANY, ROUNDS, SIDE = 4096, 200, 512


class Rates(NamedTuple):
    """Nanoseconds of one normal, chi-square, 32-bit word, and multiplication with addition."""

    normal: float
    chi_square: float
    word: float
    product: float


def best(function, count, *arguments):
    """Return the least nanoseconds of one of the `count` things that a call does, of some calls."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return 1e9 * min(times) / count


def rates():
    """Measure them, on one thread."""
    stream, out, words = opened(0), np.empty(MANY), np.empty(MANY, np.uint32)
    matrix = np.ones((SIDE, SIDE))
    return Rates(
        best(fill_normals, MANY, stream, out),
        best(fill_chi_squares, MANY, stream, SAMPLES - 1, polynomial(SAMPLES - 1), out),
        best(fill_words, MANY, stream, words),
        best(np.matmul, SIDE**3, matrix, matrix, matrix.copy()),
    )


def limit(cell, rate):
    """Return the limit of a cell, in microseconds per replicate and generation."""
    d, n = cell.dim, SAMPLES
    if cell.workflow == "accumulate-subsample":
        normals, chis, words = n * d, 0, n
        products = n * d * d  # rows from a factor, and their covariance: half each
    else:
        normals, chis, words = d + d * (d - 1) / 2, d, 0
        factors = 1 if cell.workflow == "replace" else 3
        products = factors * d**3 / 6 + d * d / 2
    drawn = normals * rate.normal + chis * rate.chi_square + words * rate.word
    return (drawn + products * rate.product) / 1000
