"""Closed forms and limits t -> infinity, for batches of one size n at temperature 1.

SymPy cannot take an infinite product of rational factors, so each finite product is written
with rising factorials, (x)_t = x (x+1) ... (x+t-1), and Gamma(t+x) / Gamma(t) ~ t^x gives the
limit. `gaussian_forms` proves that the finite forms solve the recursions.
"""

from dataclasses import dataclass
from typing import Any

from sympy import (
    Expr,
    Integer,
    Poly,
    Rational,
    Symbol,
    cancel,
    fraction,
    gamma,
    hyper,
    oo,
    pi,
    prod,
    rf,
    simplify,
    sin,
    sqrt,
)

from theory.gaussian_steps import P, accumulate_factor, heat, k, n, subsample_factor

N = Symbol("n", integer=True, positive=True)
T = Symbol("t", integer=True, positive=True)


@dataclass(frozen=True)
class Rising:
    """A sequence in t: first * prod over starts x of ((x)_{t - 1})^power."""

    first: Expr
    powers: tuple[tuple[Expr, int], ...]

    def ratio(self) -> Expr:
        """Return the value at t + 1 over the value at t, because (x)_t = (x)_{t-1} (x+t-1)."""
        return prod((x + T - 1) ** power for x, power in self.powers)

    def at(self, size: int, t: int) -> Expr:
        """Return the value at given n and t."""
        value = self.first * prod(rf(x, t - 1) ** power for x, power in self.powers)
        return value.subs(N, size)

    def limit(self) -> Expr:
        """Return the limit t -> infinity.

        (x)_{t-1} = Gamma(x+t-1) / Gamma(x) ~ Gamma(t) t^{x-1} / Gamma(x). The powers of
        Gamma(t) and of t must cancel; the constants 1/Gamma(x) remain.
        """
        assert sum(power for _, power in self.powers) == 0
        assert simplify(sum((x - 1) * power for x, power in self.powers)) == 0
        return self.first * prod(gamma(x) ** -power for x, power in self.powers)


# Accumulate, ddof 0: prod_{j=1}^t (1 - 1/(n j^2)), and 1 - 1/(n j^2) = (j - r)(j + r) / j^2.
R = 1 / sqrt(N)
ACCUMULATE = Rising(1 - 1 / N, ((2 - R, 1), (2 + R, 1), (Integer(2), -2)))

# Accumulate, ddof 1: prod_{j=2}^t (1 - 1/(j(nj-1))); n j^2 - j - 1 = n (j - C)(j - D).
C, D = (1 + sqrt(1 + 4 * N)) / (2 * N), (1 - sqrt(1 + 4 * N)) / (2 * N)
ACCUMULATE_UNBIASED = Rising(
    Integer(1), ((2 - C, 1), (2 - D, 1), (Integer(2), -1), (2 - 1 / N, -1))
)

# Accumulate-subsample, ddof 0: the pool's variance before fit t, in units of s_0^2, is
# (1 - 1/n) prod_{j=1}^{t-1} n j (j - A)(j - B) / ((nj-1)(j+1)^2).
SPREAD = sqrt(12 * N - 3)
A, B = (1 - 2 * N + SPREAD) / (2 * N), (1 - 2 * N - SPREAD) / (2 * N)
SUBSAMPLE_POOL = Rising(
    1 - 1 / N, ((Integer(1), 1), (1 - A, 1), (1 - B, 1), (1 - 1 / N, -1), (Integer(2), -2))
)


def accumulate(size: int) -> Expr:
    """Return the limit of E v_t, ddof 0: sin(pi / sqrt n) / (pi / sqrt n)."""
    x = pi / sqrt(Integer(size))
    return sin(x) / x


def accumulate_unbiased(size: int) -> Expr:
    """Return the limit of E v_t, ddof 1."""
    return ACCUMULATE_UNBIASED.limit().subs(N, size)


def accumulate_unbiased_error(size: int) -> Expr:
    """Return the limit of E m_t^2, ddof 1: 1/n + sum_{t >= 2} E v_{t-1} / (n t^2).

    With t = k + 2 the terms are ratios of rising factorials in k, a hypergeometric series at 1.
    """
    c, d = C.subs(N, size), D.subs(N, size)
    series = hyper((2 - c, 2 - d, 2, 1), (2 - Rational(1, size), 3, 3), 1)
    return Rational(1, size) + series / (4 * size)


def subsample(size: int) -> Expr:
    """Return the limit of E v_t, accumulate-subsample, ddof 0: (1 - 1/n) of the pool's."""
    return ((1 - 1 / N) * SUBSAMPLE_POOL.limit()).subs(N, size)


def replace(loop: Any) -> tuple[Expr, Expr]:
    """Return the limits of E v_t and E m_t^2 under replace, any temperature.

    E v_1 = (n-1)/(n-ddof), then E v_t = q E v_{t-1}, q = heat E v_1, and m_t gains heat v_{t-1}/n.
    """
    n, heat = Integer(loop.n), Rational(loop.temperature)
    first = (n - 1) / (n - loop.ddof)
    q = heat * first
    variance = Integer(0) if q < 1 else first if q == 1 else oo
    return variance, 1 / n + heat * first / (n * (1 - q)) if q < 1 else oo


def growth(loop: Any) -> Expr:
    """Return the p with E v_t ~ t^p under accumulate and accumulate-subsample.

    One step multiplies the pool's variance by 1 + p/t + O(1/t^2), see `gaussian_steps`.
    """
    values = {n: loop.n, P: T * loop.n, heat: Rational(loop.temperature)}
    if loop.workflow == "accumulate":
        factor = accumulate_factor(loop.ddof).subs(values)
    else:
        budget = loop.n if loop.option is None else loop.option
        factor = subsample_factor(loop.ddof).subs({**values, k: budget})
    # A rational function of t tends to the ratio of its leading coefficients.
    over, under = (Poly(side, T) for side in fraction(cancel(T * (factor - 1))))
    assert over.degree() <= under.degree()
    return over.coeff_monomial(T ** under.degree()) / under.LC()


def variance(loop: Any) -> list[Expr]:
    """Return [lim E tr S_t / tr S_0]."""
    if loop.workflow == "replace":
        return [replace(loop)[0]]
    power = growth(loop)
    if power != 0:
        return [oo if power > 0 else Integer(0)]
    if loop.workflow == "accumulate-subsample":
        return [subsample(loop.n)]
    return [accumulate_unbiased(loop.n) if loop.ddof else accumulate(loop.n)]


def squared_error(loop: Any) -> list[Expr]:
    """Return [lim E|m_t - mu_0|^2 / tr S_0]; at ddof 0 and temperature 1 the two sum to 1."""
    if loop.workflow == "replace":
        return [replace(loop)[1]]
    if loop.ddof == 0:
        return [1 - variance(loop)[0]]
    # Each step adds a multiple of E v_t / t^2 (accumulate) or E v_t / t (the other).
    return [accumulate_unbiased_error(loop.n) if loop.workflow == "accumulate" else oo]
