r"""The region verifier: the map of means and how fast it contracts.

In units of s and from c, X = m + Z is kept for alpha < Z < beta, alpha = -a - m, beta = a - m,
a = radius / s. With xi = E[Z | kept] = (phi(alpha) - phi(beta)) / (Phi(beta) - Phi(alpha)) the
map is f(m) = m + xi, and f'(m) = Var(X | kept), as for every exponential family.
"""

from itertools import product
from typing import Any

import mpmath as mp
from sympy import (
    Expr,
    Integer,
    Matrix,
    Symbol,
    erf,
    exp,
    expand,
    integrate,
    pi,
    prod,
    simplify,
    sqrt,
    symbols,
)

from theory.curated_loop import Region, Verified
from theory.derivation import Proof
from theory.kde_truth import real
from theory.regression_quadrature import DIGITS, normal_nodes


def phi(x: Any) -> Any:
    """Return the standard normal density, symbolically."""
    return exp(-(x**2) / 2) / sqrt(2 * pi)


@mp.workdps(DIGITS)
def kept_moments(m: Any, a: Any) -> tuple[Any, Any]:
    """Return mean and variance of X of N(m, 1) within a of 0, by integrating its density."""
    peak = max(-a, min(a, m))

    def density(x: Any) -> Any:
        return mp.exp(-((x - m) ** 2 - (peak - m) ** 2) / 2)

    points = [-a, *([peak] if abs(peak) < a else []), a]
    mass = mp.quad(density, points)
    mean = mp.quad(lambda x: x * density(x), points) / mass
    return mean, mp.quad(lambda x: (x - mean) ** 2 * density(x), points) / mass


def scaled(s: Any) -> tuple[Any, Any]:
    """Return the spread and a."""
    spread = real(1 if s.spread is None else s.spread)
    return spread, real(s.radius) / spread


def contraction_rate(s: Verified) -> list[Any]:
    """Return f'(0), the variance of a kept row of a model at the centre."""
    return [kept_moments(mp.mpf(0), scaled(s)[1])[1]]


def population_means(s: Verified) -> list[Any]:
    """Return m_1 and its images."""
    (spread, a), centre = scaled(s), real(s.centre)
    mean, found = (real(s.start) - centre) / spread, []
    for _ in range(s.generations):
        found.append(centre + spread * mean)
        mean, _ = kept_moments(mean, a)
    return found


@mp.workdps(DIGITS)
def verified_round(s: Verified) -> list[Any]:
    """Return E of bias^2 + variance/kept of the second mean, over the first."""
    spread, a = scaled(s)
    shift, width = -real(s.bias) / spread, 1 / mp.sqrt(s.real)

    total = mp.mpf(0)
    for z, weight in normal_nodes():
        mean, variance = closed_moments(shift + width * z, a)
        total += weight * ((mean - shift) ** 2 + variance / s.kept)
    return [total]


def closed_moments(m: Any, a: Any) -> tuple[Any, Any]:
    """Return the same as `kept_moments` by `mean_and_variance`, for use under an integral."""
    low, high = -a - m, a - m
    # In the tail on either side both differences come from the upper tail, without cancellation.
    if low > 0:
        mass = (mp.erfc(low / mp.sqrt(2)) - mp.erfc(high / mp.sqrt(2))) / 2
    else:
        mass = (mp.erfc(-high / mp.sqrt(2)) - mp.erfc(-low / mp.sqrt(2))) / 2
    left, right = mp.npdf(low), mp.npdf(high)
    xi = (left - right) / mass
    return m + xi, 1 - (right * (high - xi) + left * (xi - low)) / mass


def distance_bound(loop: Region) -> list[Any]:
    """Return D_1 = E(m_1-c)^2/s^2 and rho^2 D + rho/n: f contracts by rho, and Var <= rho."""
    spread, a = scaled(loop)
    rate = kept_moments(mp.mpf(0), a)[1]
    bound, found = None, []
    for n in loop.sizes:
        first = bound is None
        start = ((real(loop.truth) - real(loop.centre)) / spread) ** 2 + mp.mpf(1) / n
        bound = start if first else rate**2 * bound + rate / n
        found.append(bound)
    return found


def error_bounds(loop: Region) -> list[Any]:
    """Return lower, then upper bounds of E(m_t-mu_0)^2/s^2: sqrt E is a norm."""
    spread, _ = scaled(loop)
    bias = abs(real(loop.truth) - real(loop.centre)) / spread
    first = mp.mpf(1) / loop.sizes[0]
    later = [mp.sqrt(d) for d in distance_bound(loop)[1:]]
    low = [first, *[max(mp.mpf(0), bias - root) ** 2 for root in later]]
    return [*low, first, *[(bias + root) ** 2 for root in later]]


def derivative() -> list[Expr]:
    """f'(m) = Var(X | kept) = 1 - (phi(beta)(beta - xi) + phi(alpha)(xi - alpha)) / Z < 1.

    xi lies between alpha and beta, so both terms that are taken off are positive. At m = 0 this
    is 1 - 2 a phi(a) / (2 Phi(a) - 1).
    """
    m, a = Symbol("m", real=True), Symbol("a", positive=True)
    z = Symbol("z", real=True)
    low, high = -a - m, a - m
    mass = (erf(high / sqrt(2)) - erf(low / sqrt(2))) / 2
    xi = (phi(low) - phi(high)) / mass
    claimed = 1 - (phi(high) * (high - xi) + phi(low) * (xi - low)) / mass
    square = integrate(z**2 * phi(z), (z, low, high)) / mass
    rate = 1 - 2 * a * phi(a) / erf(a / sqrt(2))
    return [
        simplify((m + xi).diff(m) - claimed),
        simplify(square - xi**2 - claimed),
        integrate(z * phi(z), (z, low, high)) - xi * mass,
        simplify(claimed.subs(m, 0) - rate),
    ]


def endpoints() -> list[Expr]:
    """xi increases with either end, by phi(beta)(beta - xi)/Z and phi(alpha)(xi - alpha)/Z.

    Shifting the model by dm moves both ends by -dm, which is the identity above once more.
    """
    low, high = symbols("low high", real=True)
    mass = (erf(high / sqrt(2)) - erf(low / sqrt(2))) / 2
    xi = (phi(low) - phi(high)) / mass
    return [
        simplify(xi.diff(high) - phi(high) * (high - xi) / mass),
        simplify(xi.diff(low) - phi(low) * (xi - low) / mass),
    ]


ROTATION = Matrix([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]) / 2


def third_cumulant() -> list[Expr]:
    """f''(m) <= 0 for m > 0: f' has its maximum, rho, at the centre, and so has Var(X | kept).

    f'' is the third cumulant k of the density e^{mx - x^2/2} on [-a, a]. Take four independent
    X_i and Y = ROTATION X: E Y_2 Y_3 Y_4 = k/2. The density of Y is e^{2 m y_1 - |y|^2/2} where
    all |x_i| <= a, a set that an even number of sign changes maps to itself, as they permute the
    x_i or change all their signs. So the integral is one over y > 0 of 8 sinh(2 m y_1) y_2 y_3 y_4
    e^{-|y|^2/2} times the difference of two indicators: of y in the set, and of (-y_1, y_2, y_3,
    y_4) in it. The first implies the second, because x_1 = (y_1 + y_2 + y_3 + y_4)/2 <= a bounds
    every |x_i| for all signs. Hence k <= 0 (Griffiths, Hurst, Sherman 1970).
    """
    mean, second, third, m = symbols("mean second third m")
    xs = symbols("x1:5")
    moments = (Integer(1), mean, second, third)
    ys = ROTATION * Matrix(xs)

    def expect(polynomial: Expr) -> Expr:
        terms = polynomial.as_poly(*xs).terms()
        return sum(c * prod(moments[power] for power in powers) for powers, c in terms)

    cumulant = third - 3 * mean * second + 2 * mean**3
    residuals: list[Any] = [
        *(ROTATION.T * ROTATION - Matrix.eye(4)),
        expect(expand(ys[1] * ys[2] * ys[3])) - cumulant / 2,
    ]
    y = Matrix(symbols("y1:5"))
    inside, outside = symbols("inside outside")
    total = Integer(0)
    for signs in product((1, -1), repeat=4):
        flipped = ROTATION * Matrix([s * each for s, each in zip(signs, y, strict=True)])
        representative = y if prod(signs) == 1 else Matrix([-y[0], *y[1:]])
        same = {frozenset((each, -each)) for each in ROTATION * representative}
        residuals.append(int({frozenset((each, -each)) for each in flipped} != same))
        where = inside if prod(signs) == 1 else outside
        total += signs[1] * signs[2] * signs[3] * exp(2 * m * signs[0] * y[0]) * where
    hyperbolic = (exp(2 * m * y[0]) - exp(-2 * m * y[0])) / 2
    return [*residuals, expand(total - 8 * hyperbolic * (inside - outside))]


HERE = "derived here"
PROOFS = (
    Proof("curated-derivative", "Yi et al. 2510.16657", "the map of means contracts", derivative),
    Proof("curated-endpoints", HERE, "the same by moving the ends", endpoints),
    Proof("curated-third-cumulant", HERE, "slowest, and noisiest, at the centre", third_cumulant),
)
