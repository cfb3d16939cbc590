r"""What only replace has in closed form: logarithms, W2 distance and test log-loss.

Under replace in d = 1 each fit multiplies the variance by an independent
Y_t = lambda_t chi2(n_t - 1) / (n_t - c) and moves the mean by sqrt(lambda_t v_{t-1} / n_t) z_t;
in d dimensions the log-determinant gains sum_{i <= d} log chi2(n_t - i). Everything below is a
moment of such products. Units: truth N(0, 1), or log det relative to the truth.
"""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, overload

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse.families.gaussian.laws import LogChiSquareSum
from modelcollapse.families.gaussian.loss_variances import chi_square, variances
from modelcollapse.families.gaussian.moments import temperatures
from modelcollapse.solver.scan import grown

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment


def log_scale(e: "Experiment") -> Floats:
    """Return log(lambda_t / (n_t - c)), shape (generations,)."""
    return np.asarray(np.log(temperatures(e) / (e.sizes - e.model.ddof)))


def log_determinant_moments(e: "Experiment", *, rank: int) -> tuple[Floats, Floats]:
    """Return the mean and variance of the log-determinant over the leading `rank` dimensions."""
    from scipy.special import digamma, polygamma

    n, inverse = np.unique(e.sizes, return_inverse=True)
    freedoms = (n[:, None] - np.arange(1, rank + 1)) / 2
    mean = digamma(freedoms).sum(axis=1) + rank * np.log(2)
    variance = polygamma(1, freedoms).sum(axis=1)
    return np.cumsum(mean[inverse] + rank * log_scale(e)), np.cumsum(variance[inverse])


class DeterminantLaws(Sequence[LogChiSquareSum]):
    """The law of the log-determinant (in d = 1, of the log-variance) at each generation."""

    def __init__(self, e: "Experiment") -> None:
        self._sizes: Integers = e.sizes
        self._rank = e.model.dim
        self._offsets = self._rank * np.cumsum(log_scale(e))

    def __len__(self) -> int:
        return len(self._sizes)

    @overload
    def __getitem__(self, index: int) -> LogChiSquareSum: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[LogChiSquareSum]: ...
    def __getitem__(self, index: int | slice) -> LogChiSquareSum | Sequence[LogChiSquareSum]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        generation = range(1, len(self) + 1)[index]
        n, counts = np.unique(self._sizes[:generation], return_counts=True)
        freedoms = n[:, None] - np.arange(1, self._rank + 1)
        repeated = np.repeat(counts, self._rank).astype(float)
        offset = float(self._offsets[generation - 1])
        return LogChiSquareSum(freedoms.ravel().astype(float), repeated, offset)

    def __iter__(self) -> Iterator[LogChiSquareSum]:
        return (self[i] for i in range(len(self)))


def pseudo_determinant_moments(e: "Experiment") -> tuple[Floats, Floats]:
    """Return mean and variance of the log-pseudo-determinant for n <= d and a truth N(mu, s I).

    The first fit has the determinant of a Wishart of n - 1 rows seen from d directions; every
    later one multiplies it by that of n - 1 rows in the n - 1 directions that are left.
    """
    from scipy.special import digamma, polygamma

    n, d = int(e.sizes[0]), e.model.dim
    first = (d - np.arange(n - 1)) / 2
    later = (n - np.arange(1, n)) / 2
    step = np.full(e.generations, digamma(later).sum())
    spread = np.full(e.generations, polygamma(1, later).sum())
    step[0], spread[0] = digamma(first).sum(), polygamma(1, first).sum()
    return np.cumsum(step + (n - 1) * (np.log(2) + log_scale(e))), np.cumsum(spread)


def factor_power(e: "Experiment", p: float) -> Floats:
    """Return E Y_t^p, shape (generations,); infinite where the moment does not exist."""
    from scipy.special import gammaln

    half = (e.sizes - 1) / 2
    exists = half + p > 0
    safe = np.where(exists, half + p, 1.0)
    with np.errstate(over="ignore"):
        value = np.exp(p * (log_scale(e) + np.log(2)) + gammaln(safe) - gammaln(half))
    return np.where(exists, value, np.inf)


def root_moments(freedom: Floats) -> Floats:
    r"""Return E (C - 1)^j, j = 0..4, of C = sqrt(chi2(k)/k), with all digits, shape (5, k's).

    With e = 1 - E C and d = 1/k - 4 e they are 1, -e, 2 e, d - e/k and 4 e/k - 2 d. Of
    log E C = -1/(4k) + h, h is an alternating series in 1/k that envelops it (Stirling's): from
    k = 40 on, six terms leave 1e-18 of the first. Below it k goes up in steps of 2,
    E C_k = E C_{k+2} / sqrt(1 + 1/(k (k+2))).
    """
    k = np.asarray(freedom, dtype=np.float64)
    steps = np.where(k < 40, k, 0.0)[:, None] + 2 * np.arange(20)
    moved = np.where(k < 40, k + 40, k)
    z = 1 / moved
    h = z**3 / 24 - z**5 / 20 + 17 * z**7 / 112 - 31 * z**9 / 36 + 691 * z**11 / 88
    with np.errstate(divide="ignore"):
        rise = np.log1p(1 / (steps * (steps + 2))).sum(axis=1) / 2
    h = np.where(k < 40, h - z / 4 - rise + 1 / (4 * k), h)
    x = 1 / (4 * k) - h
    e = -np.expm1(-x)
    j = np.arange(2, 16)
    gap = (np.cumprod(np.concatenate([x[None] ** 2 / 2, -x / j[1:, None]]), axis=0)).sum(axis=0)
    d = 4 * (gap + h)  # x - e = x^2/2 - x^3/6 + ...
    return np.stack([np.ones_like(k), -e, 2 * e, d - e / k, 4 * e / k - 2 * d])


def factor_moments(e: "Experiment") -> Floats:
    """Return E (sqrt(Y_t) - 1)^j, j = 0..4, shape (5, generations)."""
    n, c = e.sizes.astype(float), e.model.ddof
    unique, places = np.unique(n - 1, return_inverse=True)
    about = root_moments(unique)[:, places]
    scale = (np.log(temperatures(e)) + np.log1p((c - 1) / (n - c))) / 2
    off, root = np.expm1(scale), np.exp(scale)
    return np.stack(
        [
            sum(math.comb(j, i) * root**i * about[i] * off ** (j - i) for i in range(j + 1))
            for j in range(5)
        ]
    )


def _times_factor(r: list[float], E: list[float], order: int) -> list[float]:
    """Return E (w u'^k), k = 0..order, from E (w u^k), with 1 + u' = (1 + u)(1 + r)."""
    return [
        sum(
            math.comb(k, j) * r[j] * sum(math.comb(j, i) * E[k - j + i] for i in range(j + 1))
            for j in range(k + 1)
        )
        for k in range(order + 1)
    ]


def w2_moments(e: "Experiment") -> tuple[Floats, Floats]:
    r"""Return mean and variance of W2^2 = m^2 + u^2, u = sqrt(v) - 1, in units of s0^2.

    By the moments of u and of m^2 u^k, of which none is a difference of numbers near 1.
    """
    noises, factors = temperatures(e) / e.sizes, factor_moments(e).T.tolist()
    E, F, fourth = [1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0], 0.0  # u^k, m^2 u^k, m^4
    found = []
    for noise, r in zip(noises.tolist(), factors, strict=True):
        square = F[0] + 2 * F[1] + F[2]
        four = E[0] + 4 * E[1] + 6 * E[2] + 4 * E[3] + E[4]
        fourth += 6 * noise * square + 3 * noise * noise * four
        F = [F[k] + noise * (E[k] + 2 * E[k + 1] + E[k + 2]) for k in range(3)]
        E, F = _times_factor(r, E, 4), _times_factor(r, F, 2)
        mean = F[0] + E[2]
        found.append((mean, fourth + 2 * F[2] + E[4] - mean * mean))
    mean, variance = np.array(found).T
    return grown(mean), grown(variance)


def test_loss_mean(e: "Experiment") -> Floats:
    r"""Return E of 2 * (log-loss) - d log 2 pi - log det S_0, infinite once n_t <= d + 2.

    With rho_t = (n_t - c) / (lambda_t (n_t - d - 2)) the trace E tr S_t^{-1} S_0 is multiplied
    by rho_t, and E m' S^{-1} m becomes rho_t times itself plus lambda_t d / n_t.
    """
    d, heat = e.model.dim, temperatures(e)
    result = np.full(e.generations, np.inf)
    if e.sizes[0] <= d + 2:
        return result
    log_det, _ = log_determinant_moments(e, rank=d)
    trace, shift = float(d), 0.0
    for t, n in enumerate(e.sizes.tolist()):
        if n <= d + 2:
            break
        with np.errstate(over="ignore"):
            rho = (n - e.model.ddof) / (heat[t] * (n - d - 2))
            trace, shift = trace * rho, rho * (shift + heat[t] * d / n)
            result[t] = log_det[t] + trace + shift
    return result


def test_loss_variance(e: "Experiment") -> Floats:
    """Return the variance of the log-loss in d = 1, infinite once n_t <= 5."""
    n, heat = e.sizes.astype(float), temperatures(e)
    last = int(np.argmax(n <= 5)) if n.min() <= 5 else len(n)
    scales = (heat / (n - e.model.ddof)).tolist()
    steps = [chi_square(f - 1, scale) for f, scale in zip(n[:last].tolist(), scales, strict=False)]
    found = np.full(len(n), np.inf)
    found[:last] = variances(steps, (heat / n)[:last].tolist())
    return found
