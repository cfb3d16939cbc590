"""What this machine can do, measured in the same run, and what a loop costs by that.

The limit of a loop is the time of its random numbers, as fast as the stream fills long arrays with
them, and of its multiplications and additions, at the rate of a large matrix product, with nothing
else: no square root, no memory, no call. It is a limit of the algorithm that the simulator uses.
"""

import time
from functools import cache
from typing import NamedTuple

import numpy as np

import modelcollapse as mc
from benchmarks.cells import SAMPLES
from modelcollapse._support.chi_squares import polynomial
from modelcollapse._support.stream import fill_normals, fill_uniforms, fill_words, opened
from modelcollapse._support.variates import fill_chi_squares

MANY, ROUNDS, SIDE = 4096, 200, 512


class Rates(NamedTuple):
    """Nanoseconds of a normal, chi-square, uniform, 32-bit word, multiplication with addition."""

    normal: float
    chi_square: float
    uniform: float
    word: float
    product: float


# A generation of accumulate: a mean of a batch is one number, counts are drawn by rejection from
# two uniforms, and negative binomial ones with a gamma as their rate.
DRAWN = {
    "normal-mean": {"normal": 1},
    "gamma": {"chi_square": 1},
    "poisson": {"uniform": 2},
    "binomial": {"uniform": 2},
    "negative-binomial": {"chi_square": 1, "uniform": 2},
}


def best(function, count, *arguments):
    """Return the least nanoseconds of one of the `count` things that a call does, of some calls."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return 1e9 * min(times) / count


@cache
def rates():
    """Measure them, on one thread."""
    stream, out, words = opened(0), np.empty(MANY), np.empty(MANY, np.uint32)
    matrix = np.ones((SIDE, SIDE))
    return Rates(
        best(fill_normals, MANY, stream, out),
        best(fill_chi_squares, MANY, stream, SAMPLES - 1, polynomial(SAMPLES - 1), out),
        best(fill_uniforms, MANY, stream, out),
        best(fill_words, MANY, stream, words),
        best(np.matmul, SIDE**3, matrix, matrix, matrix.copy()),
    )


def of(numbers):
    """Return microseconds of random numbers and products, given how many of which."""
    found = rates()._asdict()
    return sum(count * found[name] for name, count in numbers.items()) / 1000


def discrete(cell):
    """Return the numbers of a discrete loop.

    Replace draws Poisson copies of the outcomes that are there, a pool one row after the other, and
    a subset of it as many rows more.
    """
    if cell.workflow == "replace":
        e = cell.experiment()
        return {"uniform": e.model.outcomes - mc.predict(e)["absent"].mean()}
    return {"word": cell.samples * (2 if cell.workflow == "accumulate-subsample" else 1)}


def gaussian(cell):
    """Return the numbers of a Gaussian loop."""
    d, n = cell.dim, SAMPLES
    if cell.workflow == "accumulate-subsample":
        normals, chis, words = n * d, 0, n
        products = n * d * d  # rows from a factor, and their covariance: half each
    else:
        normals, chis, words = d + d * (d - 1) / 2, d, 0
        factors = 1 if cell.workflow == "replace" else 3
        products = factors * d**3 / 6 + d * d / 2
    return {"normal": normals, "chi_square": chis, "word": words, "product": products}
