"""Accumulate in one dimension, for a normal truth: laws, logarithms, roots and losses."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.gaussian import loss_variances
from modelcollapse.families.gaussian.laws import (
    AccumulateStep,
    LogChiSquareSum,
    inverse_moments,
    log_and_root_moments,
)

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment


MANY = 40  # degrees over two from which a series is exact


class Stepwise(NamedTuple):
    """Mean and variance of log v_t, and E sqrt(v_t), each of shape (generations,)."""

    mean: Floats
    variance: Floats
    root: Floats


def pool_steps(e: "Experiment") -> tuple[Floats, Floats, Floats, Floats]:
    """Return a, b, c and the freedom of v_t / v_{t-1}, t >= 2, under accumulate in d = 1."""
    n = e.sizes.astype(float)
    after, c = np.cumsum(n), e.model.ddof
    before, after, n = after[:-1], after[1:], n[1:]
    # In units of the ratio of the fitted variances rather than the pool's.
    fits = after / (after - c) * (before - c) / before
    drawn = e.temperature * before / (before - c)
    return fits * before / after, fits * drawn / after, fits * drawn * before / after**2, n - 1


def variance_ratios(e: "Experiment") -> list[AccumulateStep]:
    """Return the laws of v_t / v_{t-1}, t = 1..T, under accumulate in d = 1; v_0 is the truth's."""
    n = int(e.sizes[0])
    first = AccumulateStep(0.0, 1 / (n - e.model.ddof), 0.0, n - 1)
    steps = zip(*pool_steps(e), strict=True)
    return [first, *(AccumulateStep(float(a), float(b), float(c), int(f)) for a, b, c, f in steps)]


def accumulated(e: "Experiment") -> Stepwise:
    """Return mean and variance of log v_t, and E sqrt(v_t), under accumulate in d = 1."""
    n, c = int(e.sizes[0]), e.model.ddof
    first = LogChiSquareSum(np.array([n - 1.0]), np.ones(1), -float(np.log(n - c)))
    steps = log_and_root_moments(*pool_steps(e))
    means = np.concatenate([[first.mean], steps[0]])
    variances = np.concatenate([[first.variance], steps[1] - steps[0] ** 2])
    roots = np.concatenate([[np.exp(first_log_root(n, c))], steps[2]])
    return Stepwise(np.cumsum(means), np.cumsum(variances), np.cumprod(roots))


def first_log_root(n: int, ddof: int) -> float:
    """Return log E sqrt(v_1), v_1 a chi-square of n - 1 degrees over n - ddof.

    With x half the degrees log Gamma(x + 1/2) - log Gamma(x) - log(x)/2 is -1/(8x) + ..., of
    which a difference of logarithms of gammas leaves no digit for many rows.
    """
    from scipy.special import gammaln

    x = (n - 1) / 2
    scale = np.log1p((ddof - 1) / (n - ddof)) / 2
    if x < MANY:
        return float(gammaln(x + 0.5) - gammaln(x) - np.log(x) / 2 + scale)
    y = 1 / x**2
    # Stirling's series of the two (DLMF 5.11.8); the next term is below 1e-18.
    return float((-1 / 8 + y * (1 / 192 - y * (1 / 640 - y * 17 / 14336))) / x + scale)


def _shifts(e: "Experiment") -> Floats:
    """Return k^2, where a step moves the mean by k sqrt(v) z."""
    n = e.sizes.astype(float)
    return np.asarray(e.temperature * n[1:] / np.cumsum(n)[1:] ** 2)


def test_loss_mean(e: "Experiment", steps: Stepwise) -> Floats:
    r"""Return E of 2 (log-loss) - log 2 pi s_0^2, infinite for n_1 <= 3.

    With A the factor of the variance and z the normal that moves the mean, E 1/v is multiplied by
    E 1/A, and E m^2/v becomes E 1/A times itself plus k^2 E z^2/A.
    """
    n, result = int(e.sizes[0]), np.full(e.generations, np.inf)
    if n <= 3:
        return result
    moments = inverse_moments(*pool_steps(e))
    inverse = (n - e.model.ddof) / (n - 3)
    result[0], shift = inverse, inverse / n
    result[0] += shift
    for t, (factor, drawn, k2) in enumerate(zip(*moments[:2], _shifts(e), strict=True), 1):
        inverse, shift = inverse * factor, shift * factor + k2 * drawn
        result[t] = inverse + shift
    return result + steps.mean


def test_loss_variance(e: "Experiment") -> Floats:
    """Return the variance of the log-loss, infinite for n_1 <= 5."""
    n = int(e.sizes[0])
    if n <= 5:
        return np.full(e.generations, np.inf)
    first = loss_variances.chi_square(n - 1.0, 1 / (n - e.model.ddof))
    later = loss_variances.pooled(*pool_steps(e))
    return loss_variances.variances([first, *later], [1 / n, *_shifts(e).tolist()])
