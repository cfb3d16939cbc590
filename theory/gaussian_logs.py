"""Replace in closed form: logarithms, determinants, roots, W2 and the test loss.

Under replace, S_t = S_{t-1}^{1/2} (lambda W / c) S_{t-1}^{1/2} with W a Wishart matrix of n_t - 1
degrees of freedom and c = n_t - ddof, and m_t = m_{t-1} + (lambda S_{t-1}/n_t)^{1/2} g. There is
no lambda at t = 1. Gram-Schmidt on the columns of a Gaussian matrix with k rows gives residual
norms that are independent chi-square variables with k, k-1, ... degrees of freedom.
"""

from collections.abc import Callable, Iterator
from functools import cache
from math import comb
from typing import Any

from sympy import (
    Expr,
    Integer,
    Rational,
    Symbol,
    diff,
    factorial2,
    gamma,
    log,
    loggamma,
    oo,
)

from theory.gaussian_loop import Loop

K = Symbol("k", positive=True)  # degrees of freedom
S = Symbol("s", real=True)  # exponent

CHI_SQUARE_POWER = 2**S * gamma(K / 2 + S) / gamma(K / 2)  # E X^s, for s > -k/2
LOG_POWER = S * log(2) + loggamma(K / 2 + S) - loggamma(K / 2)  # the cumulants' generator of log X


@cache
def power(k: Any, s: Any) -> Expr:
    """Return E X^s for X of the chi-square law with k degrees of freedom; oo if it diverges."""
    if Rational(k) / 2 + s <= 0:
        return oo
    return CHI_SQUARE_POWER.subs({K: k, S: s})


@cache
def log_cumulant(k: Any, order: int, at: Any = 0) -> Expr:
    """Return the cumulant of log X, by differentiating log E X^s; `at` tilts the law by X^s."""
    return diff(LOG_POWER, S, order).subs({K: k, S: at})


def steps(loop: Loop) -> Iterator[tuple[int, Expr, Expr]]:
    """Yield (n_t, lambda_t, lambda_t / (n_t - ddof)) for each generation."""
    for t, n in enumerate(loop.sizes):
        heat = Integer(1) if t == 0 else Rational(loop.temperature)
        yield n, heat, heat / (n - loop.ddof)


def accumulated(loop: Loop, step: Callable[[int, Expr, Expr], Expr]) -> list[Expr]:
    """Return the running sums of step(n, heat, scale)."""
    total, sums = Integer(0), []
    for n, heat, scale in steps(loop):
        total += step(n, heat, scale)
        sums.append(total)
    return sums


def log_determinant(loop: Loop) -> list[Expr]:
    """Return E log det S_t - log det S_0: det W is a product of independent chi-squares."""
    return accumulated(
        loop,
        lambda n, _, scale: sum(
            log_cumulant(n - i, 1) + log(scale) for i in range(1, loop.dim + 1)
        ),
    )


def log_determinant_variance(loop: Loop) -> list[Expr]:
    """Return Var log det S_t."""
    return accumulated(
        loop, lambda n, _, __: sum(log_cumulant(n - i, 2) for i in range(1, loop.dim + 1))
    )


def _pseudo(loop: Loop, term: Callable[[int, Expr], Expr]) -> list[Expr]:
    """Return the running sums of term(degrees of freedom, scale) over n - 1 chi-squares.

    At t = 1 the non-zero eigenvalues are those of the Gram matrix of the n - 1 contrasts of the
    rows, a Wishart matrix of size n - 1 with d degrees of freedom (standard normal truth). From
    then on the loop runs in n - 1 dimensions, with n - 1 degrees of freedom.
    """
    rank, values, total = loop.n - 1, [], Integer(0)
    for t, (_, __, scale) in enumerate(steps(loop)):
        freedom = loop.dim if t == 0 else rank
        total += sum(term(freedom - i, scale) for i in range(rank))
        values.append(total)
    return values


def pseudo_log_determinant(loop: Loop) -> list[Expr]:
    """Return E of the log of the product of the n - 1 non-zero eigenvalues, for n <= d."""
    return _pseudo(loop, lambda freedom, scale: log_cumulant(freedom, 1) + log(scale))


def pseudo_log_determinant_variance(loop: Loop) -> list[Expr]:
    """Return its variance."""
    return _pseudo(loop, lambda freedom, _: log_cumulant(freedom, 2))


def lyapunov(loop: Loop) -> list[Expr]:
    """Return the Lyapunov exponents of S_t: E log of each Gram-Schmidt residual.

    The factors are independent and rotation invariant, so the i-th exponent of their product is
    the mean log of the i-th diagonal entry of one triangular factor.
    """
    n, rank = loop.n, min(loop.dim, loop.n - 1)
    scale = Rational(loop.temperature) / (n - loop.ddof)
    return [log_cumulant(n - i, 1) + log(scale) for i in range(1, rank + 1)]


@cache
def mixed(loop: Loop, t: int, a: int, h: Expr) -> Expr:
    """Return E m_t^a v_t^h in one dimension, mu_0 = 0 and s_0 = 1, for any real h.

    v_t = v_{t-1} scale X and m_t = m_{t-1} + sqrt(heat v_{t-1} / n) g, with X and g independent.
    """
    if t == 0:
        return Integer(int(a == 0))
    n, heat, scale = list(steps(loop))[t - 1]
    total = Integer(0)
    for j in range(0, a + 1, 2):
        weight = comb(a, j) * factorial2(j - 1) * (heat / n) ** (j // 2)
        total += weight * mixed(loop, t - 1, a - j, h + j // 2)
    return scale**h * power(n - 1, h) * total


HALF = Rational(1, 2)
# W2^2 between N(m, v) and N(0, 1): m^2 + (sqrt v - 1)^2, as {(power of m, power of v): weight}.
W2_SQUARED = {(2, Integer(0)): 1, (0, Integer(1)): 1, (0, HALF): -2, (0, Integer(0)): 1}


def generations(loop: Loop) -> range:
    """Return 1..T."""
    return range(1, len(loop.sizes) + 1)


def w2_squared(loop: Loop) -> list[Expr]:
    """Return E W2^2 to the truth N(mu_0, s_0^2), which scales it by s_0^2."""
    scale = loop.moments()[0]
    return [
        scale * sum(c * mixed(loop, t, a, h) for (a, h), c in W2_SQUARED.items())
        for t in generations(loop)
    ]


def w2_squared_variance(loop: Loop) -> list[Expr]:
    """Return Var W2^2."""
    square: dict[tuple[int, Expr], Any] = {}
    for (a, g), c in W2_SQUARED.items():
        for (b, h), e in W2_SQUARED.items():
            square[a + b, g + h] = square.get((a + b, g + h), 0) + c * e
    scale, means = loop.moments()[0], w2_squared(loop)
    return [
        scale**2 * sum(c * mixed(loop, t, a, h) for (a, h), c in square.items()) - means[t - 1] ** 2
        for t in generations(loop)
    ]


def root(loop: Loop) -> list[Expr]:
    """Return E sqrt(v_t) / s_0."""
    return [mixed(loop, t, 0, HALF) for t in generations(loop)]
