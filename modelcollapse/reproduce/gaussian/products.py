"""The exact law of the variance fitted under accumulate, in one dimension.

The fitted variance is a product of independent factors, `prediction.laws["variance_ratio"]`, whose
logarithms are put on a grid and convolved.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.gaussian.laws import LogChiSquareSum, log_and_root_moments
from modelcollapse.loop.experiment import Experiment, predict

Cdf = Callable[[Any], Floats]
FINE = 120  # cells of the grid in one standard deviation of the last logarithm
REACH = 12.0  # standard deviations on either side beyond which nothing is


def accumulated_log_variances(e: Experiment, generations: Iterable[int]) -> dict[int, Cdf]:
    """Return the cdf of log(v_t / s0^2) at some generations of accumulate, d = 1.

    Rounding each factor's logarithm to the grid adds 1/12 of a squared cell to the variance, in
    all a share of t / (12 FINE^2) of it.
    """
    prediction, wanted = predict(e), set(generations)
    deviation = float(np.sqrt(prediction.variances["log_variance"][-1]))
    cell, count = deviation / FINE, 2 ** int(np.ceil(np.log2(2 * REACH * FINE)))
    middle = round(float(prediction["log_variance"][-1]) / cell)
    product, found = np.ones(count // 2 + 1, complex), {}
    for t, (cdf, mean, spread) in enumerate(_factors(e), start=1):
        product *= np.fft.rfft(_masses(cdf, mean, spread, cell, count))
        if t in wanted:
            found[t] = _cumulated(np.fft.irfft(product, count), middle, cell)
    return found


def _factors(e: Experiment) -> Iterable[tuple[Cdf, float, float]]:
    """Yield cdf, mean and standard deviation of log v_1 and of each log(v_t / v_{t-1})."""
    n = float(e.sizes[0])
    first = LogChiSquareSum(np.array([n - 1]), np.ones(1), -float(np.log(n - e.model.ddof)))
    yield first.cdf, first.mean, float(np.sqrt(first.variance))
    steps = predict(e).laws["variance_ratio"][1:]
    if not steps:
        return
    parts = np.array([(step.a, step.b, step.c, step.freedom) for step in steps]).T
    means, squares, _ = log_and_root_moments(*parts)
    for step, mean, square in zip(steps, means, squares, strict=True):
        yield _logarithm(step), float(mean), float(np.sqrt(square - mean**2))


def _logarithm(step: Any) -> Cdf:
    return lambda x: np.asarray(step.cdf(np.exp(x)))


def _masses(cdf: Cdf, mean: float, spread: float, cell: float, count: int) -> Floats:
    """Return the probability of each cell around a multiple of `cell`, modulo `count`."""
    reach = int(np.ceil(REACH * spread / cell)) + 1
    cells = np.arange(round(mean / cell) - reach, round(mean / cell) + reach + 1)
    edges = np.append(cells - 0.5, cells[-1] + 0.5) * cell
    mass = np.zeros(count)
    np.add.at(mass, cells % count, np.diff(cdf(edges)))
    return mass


def _cumulated(mass: Floats, middle: int, cell: float) -> Cdf:
    cells = np.arange(middle - len(mass) // 2, middle - len(mass) // 2 + len(mass))
    total, ends = np.cumsum(mass[cells % len(mass)]), (cells + 0.5) * cell
    return lambda x: np.asarray(np.interp(x, ends, total, left=0.0, right=1.0))
