"""Bounds on the test log-loss, E of -log fitted density at a fresh real row x; natural log.

With a normal kernel of bandwidth h, fit p = sum w_i N(x_i, h^2 I), let c = (d/2) log(2 pi h^2).
The fresh row is independent of the training rows x_i.

upper   -log is convex: -log p(x) <= sum w_i (c + |x - x_i|^2 / (2 h^2)), whose expectation is
        c + (tr S_0 + E mean|x_i - mu_0|^2) / (2 h^2).
J       Given x, Jensen's inequality over the rows: E -log p(x) >= -E log E p(x).
D       No term of p exceeds the one of the nearest row, and the weights sum to one, hence
        -log p(x) >= c + min_i |x - x_i|^2 / (2 h^2). And min_i |x - x_i| >= |x - m| - R with
        R = max |x_i - m|, R^2 <= v (1 - w_min)/w_min, v the central variance, because the
        weighted residuals sum to zero. |x - m| <= (|x - m| - R)_+ + R, E|x - m|^2 = tr S_0 +
        E|m - mu_0|^2, for x is independent of m and centred at mu_0, and Minkowski's inequality
        in L2 give E (|x - m| - R)_+^2 >= (sqrt(tr S_0 + E|m - mu_0|^2) - sqrt(E R^2))_+^2.
C       Given the N training rows, P(min |x - x_i| <= r) <= K r^d, K = N c_d p_max, by the union
        bound, c_d the volume of the unit ball. So E min^2 >= integral of 2 r (1 - K r^d)_+
        = d/(d + 2) K^(-2/d). Here p_max may also be a bound on the density of a training row,
        by the same union bound given x.
"""

import mpmath as mp
from sympy import Expr, symbols

from theory.derivation import Proof
from theory.kde_density import components, genealogies
from theory.kde_loop import Loop
from theory.kde_rows import central_variance, second_moment, squared_error
from theory.kde_truth import precise, real

# The integrand of J is analytic, and the comparison asks for ten digits.
QUADRATURE = 20


def constant(loop: Loop, t: int) -> mp.mpf:
    """Return (d/2) log(2 pi h^2)."""
    return mp.mpf(loop.dim) / 2 * mp.log(2 * mp.pi * loop.score(t) ** 2)


def jensen(loop: Loop, t: int) -> mp.mpf | None:
    """Return J: a mixture in one dimension, or s^2 I in any."""
    truth = loop.truth
    if truth.covariances is None:
        return None
    if loop.dim == 1:
        return _jensen_line(loop, t)
    (_, _, cov), *others = truth.parts()
    if others or not cov.is_diagonal() or len(set(cov.diagonal())) > 1:
        return None
    return _jensen_radius(loop, t, real(cov[0, 0]))


@mp.workdps(QUADRATURE)
def _jensen_line(loop: Loop, t: int) -> mp.mpf:
    fitted = components(loop, t)
    scaled = [(p / mp.sqrt(2 * mp.pi * v), m, -1 / (2 * v)) for p, m, v in fitted]

    def loss(x: mp.mpf) -> mp.mpf:
        return -mp.log(mp.fsum(p * mp.exp(u * (x - m) ** 2) for p, m, u in scaled))

    total = mp.mpf(0)
    for weight, mean, variance in (tuple(map(real, part)) for part in loop.truth.spread):
        s = mp.sqrt(variance)
        # Beyond ten standard deviations lies less than 1e-22.
        ends = [mean + k * s for k in (-10, -3, 0, 3, 10)]
        total += weight * mp.quad(lambda x, m=mean, s=s: mp.npdf(x, m, s) * loss(x), ends)
    return total


@mp.workdps(QUADRATURE)
def _jensen_radius(loop: Loop, t: int, variance: mp.mpf) -> mp.mpf:
    d = loop.dim
    fitted = [(p, variance + noise) for p, noise in genealogies(loop, t)]
    scaled = [(p / mp.sqrt(2 * mp.pi * v) ** d, -variance / (2 * v)) for p, v in fitted]
    shell = 2 / (mp.mpf(2) ** (mp.mpf(d) / 2) * mp.gamma(mp.mpf(d) / 2))

    def loss(r: mp.mpf) -> mp.mpf:
        return -mp.log(mp.fsum(p * mp.exp(u * r**2) for p, u in scaled))

    # The radius of N(0, I) is below 12 up to 1e-25 for d <= 4.
    return mp.quad(lambda r: shell * r ** (d - 1) * mp.exp(-(r**2) / 2) * loss(r), [0, 2, 5, 12])


@precise
def distance(loop: Loop, t: int) -> mp.mpf:
    """Return D."""
    trace = real(loop.truth.moments()[0])
    _, weights = loop.rows(t)
    reach = mp.sqrt(trace * (1 + squared_error(loop)[t - 1]))
    least = real(min(weights))
    radius = mp.sqrt(trace * central_variance(loop)[t - 1] * (1 - least) / least)
    return constant(loop, t) + max(mp.mpf(0), reach - radius) ** 2 / (2 * loop.score(t) ** 2)


@precise
def crowding(loop: Loop, t: int) -> mp.mpf | None:
    """Return C, where the truth has a density."""
    if loop.truth.covariances is None:
        return None
    d, (count, _) = mp.mpf(loop.dim), loop.rows(t)
    ball = mp.pi ** (d / 2) / mp.gamma(d / 2 + 1)
    nearest = d / (d + 2) * (count * ball * real(loop.truth.peak())) ** (-2 / d)
    return constant(loop, t) + nearest / (2 * loop.score(t) ** 2)


@precise
def lower(loop: Loop) -> list[mp.mpf]:
    """Return the largest of the lower bounds that exist."""
    found = []
    for t in range(1, len(loop.sizes) + 1):
        bounds = (jensen(loop, t), distance(loop, t), crowding(loop, t))
        found.append(max(bound for bound in bounds if bound is not None))
    return found


@precise
def upper(loop: Loop) -> list[mp.mpf]:
    """Return the upper bound, for any truth."""
    trace = real(loop.truth.moments()[0])
    return [
        constant(loop, t) + trace * (1 + second) / (2 * loop.score(t) ** 2)
        for t, second in enumerate(second_moment(loop), 1)
    ]


def sharper() -> list[Expr]:
    """R in D, and the integral in C.

    Cauchy-Schwarz on w u = -sum of the others gives w^2 u^2 <= (1 - w)(v - w u^2), that is
    w u^2 <= (1 - w) v. And 2r - 2K r^{d+1} integrates to R^2 d/(d+2) up to R = K^(-1/d).
    """
    w, u, v, r, d, R = symbols("w u v r d R", positive=True)
    primitive = r**2 - 2 * R**-d * r ** (d + 2) / (d + 2)
    return [
        ((1 - w) * (v - w * u**2) - w**2 * u**2) - ((1 - w) * v - w * u**2),
        primitive.diff(r) - 2 * r * (1 - R**-d * r**d),
        primitive.subs(r, R) - R**2 * d / (d + 2),
    ]


PROOFS = (Proof("kde-loss-bounds", "derived here", "two lower bounds of the log-loss", sharper),)
