"""One column and a penalty kappa w^2: everything is an integral over chi-squares S = sum x^2.

Row weights have a mean of one, so that the pool of accumulate has (S_t + kappa) w_t =
sum_s x_s'y_s, and a generation of replace (S + kappa) w_t = S w_{t-1} + x'eps.
"""

from functools import cache
from typing import Any

import mpmath as mp

from theory.kde_truth import real
from theory.regression_loop import Loop
from theory.regression_quadrature import DIGITS, chi_square_nodes


@cache
@mp.workdps(DIGITS)
def factors(n: int, kappa: Any, keep: int, noise: int) -> Any:
    """Return E U^keep (S/(S + kappa)^2)^noise, U = S/(S + kappa)."""
    penalty = real(kappa)
    return sum(
        weight * (s / (s + penalty)) ** keep * (s / (s + penalty) ** 2) ** noise
        for s, weight in chi_square_nodes(n)
    )


def normal_moments(mean: Any, variance: Any) -> list[Any]:
    """Return the raw moments 0 to 4 of a normal variable."""
    square = mean**2
    return [
        mp.mpf(1),
        mean,
        square + variance,
        mean * (square + 3 * variance),
        square**2 + 6 * square * variance + 3 * variance**2,
    ]


def fresh_replace(loop: Loop) -> list[list[Any]]:
    """Return E w_t^k, k = 0 to 4: w' = U w + xi, xi normal with variance sigma^2 S/(S+kappa)^2."""
    moments = normal_moments(real(loop.truth[0]), mp.mpf(0))
    variance, found = real(loop.noise) ** 2, []
    for n in loop.sizes:

        def e(keep: int, noise: int, n: int = n) -> Any:
            return variance**noise * factors(n, loop.ridge, keep, noise)

        _, one, two, three, four = moments
        moments = [
            mp.mpf(1),
            e(1, 0) * one,
            e(2, 0) * two + e(0, 1),
            e(3, 0) * three + 3 * e(1, 1) * one,
            e(4, 0) * four + 6 * e(2, 1) * two + 3 * e(0, 2),
        ]
        found.append(moments)
    return found


def fixed(loop: Loop) -> list[list[Any]]:
    """Return E w_t^k: given S, w_t is normal, and all is one integral."""
    truth, variance, kappa = real(loop.truth[0]), real(loop.noise) ** 2, real(loop.ridge)

    def law(s: Any, t: int) -> tuple[Any, Any]:
        keep = s / (s + kappa)
        if loop.workflow == "replace":
            noise = sum(keep ** (2 * j) for j in range(t)) * s / (s + kappa) ** 2
            return keep**t * truth, variance * noise
        # w_t = w_{t-1} + x'eps_t/(tS + kappa), and w_1 = U w* + ...
        noise = sum(s / (i * s + kappa) ** 2 for i in range(1, t + 1))
        return keep * truth, variance * noise

    found = []
    for t in range(1, len(loop.sizes) + 1):
        given = [(weight, normal_moments(*law(s, t))) for s, weight in chi_square_nodes(loop.n)]
        found.append([sum(weight * moment[k] for weight, moment in given) for k in range(5)])
    return found


def fresh_accumulate(loop: Loop) -> list[list[Any]]:
    """Return E w_t and E w_t^2: w_t = w_{t-1} + x_t'eps_t / (S_t + kappa) from t = 2 on."""
    truth, variance, pool = real(loop.truth[0]), real(loop.noise) ** 2, 0
    mean = factors(loop.sizes[0], loop.ridge, 1, 0) * truth
    square = factors(loop.sizes[0], loop.ridge, 2, 0) * truth**2
    found = []
    for n in loop.sizes:
        pool += n
        square += variance * mp.mpf(n) / pool * factors(pool, loop.ridge, 0, 1)
        found.append([mp.mpf(1), mean, square])
    return found


@cache
@mp.workdps(DIGITS)
def moments(loop: Loop) -> list[list[Any]]:
    """Return E w_t^k, k = 0, 1, ..., for each t."""
    if loop.design == "fixed":
        return fixed(loop)
    return (fresh_replace if loop.workflow == "replace" else fresh_accumulate)(loop)


@mp.workdps(DIGITS)
def risk(loop: Loop) -> list[Any]:
    """Return E (w_t - w*)^2."""
    w = real(loop.truth[0])
    return [m[2] - 2 * w * m[1] + w**2 for m in moments(loop)]


@mp.workdps(DIGITS)
def norm(loop: Loop) -> list[Any]:
    """Return E w_t^2."""
    return [m[2] for m in moments(loop)]


@mp.workdps(DIGITS)
def risk_variance(loop: Loop) -> list[Any]:
    """Return the variance of (w_t - w*)^2."""
    w, found = real(loop.truth[0]), []
    for (_, one, two, three, four), mean in zip(moments(loop), risk(loop), strict=True):
        square = four - 4 * w * three + 6 * w**2 * two - 4 * w**3 * one + w**4
        found.append(square - mean**2)
    return found


@mp.workdps(DIGITS)
def norm_variance(loop: Loop) -> list[Any]:
    """Return the variance of w_t^2."""
    return [m[4] - m[2] ** 2 for m in moments(loop)]
