"""Fresh and kept real rows: what the loops settle at, and the shares that are best or enough."""

from typing import Any

from sympy import Expr, Matrix, Poly, Rational, Symbol, oo, sqrt, symbols

from theory.derivation import HE, Proof
from theory.gaussian_batches import average_moment, normal_moment
from theory.mixed_loop import Setting, affine, curved, settled

U = Symbol("u")


def fresh_error(s: Setting, u: Any) -> Any:
    """Return the limit of E m^2 of fresh data."""
    return curved(u, s.synthetic, s.curvature or 0, (1 - u) ** 2 / Rational(s.real))


def kept_error(s: Setting, u: Any) -> Any:
    """Return the limit of E m^2 with kept rows: E r m = (1-u)/n_1 + u E r m gives 1/n_1."""
    fixed = ((1 - u) ** 2 + 2 * u * (1 - u)) / Rational(s.real)
    return curved(u, s.synthetic, s.curvature or 0, fixed)


def fresh_inflation(s: Setting) -> list[Any]:
    """Return n_r lim E m^2."""
    return [s.real * fresh_error(s, s.sampled)]


def fresh_effective_samples(s: Setting) -> list[Any]:
    """Return 1 / lim E m^2."""
    return [1 / fresh_error(s, s.sampled)]


def fresh_fixed_point(s: Setting) -> list[Any]:
    """Return the limits of E v and E m^2 of fitted Gaussians."""
    heat = 1 if s.temperature is None else s.temperature
    return settled(*affine(s.sampled, s.synthetic, heat, Rational(1, s.real), 0))


def critical_temperature(s: Setting) -> list[Any]:
    """Return where det(I - M), which falls with the temperature in a line, is zero."""
    if s.sampled == 0:
        return [oo]
    heat = Symbol("heat")
    matrix, _ = affine(s.sampled, s.synthetic, heat, 0, 0)
    line = Poly((Matrix.eye(2) - matrix).det(), heat)
    return [-line.coeff_monomial(1) / line.coeff_monomial(heat)]


def critical_share_at(s: Setting) -> list[Any]:
    """Return the smallest w from which on det(I - M) > 0, one of its zeros in u, or 0."""
    matrix, _ = affine(U, s.synthetic, s.temperature, 0, 0)
    # (1 - u) divides the determinant: at u = 1 the mean is a random walk, whatever the heat.
    quotient = Poly((Matrix.eye(2) - matrix).det(), U).div(Poly(1 - U, U))
    assert quotient[1].is_zero
    inside = [u for u in quotient[0].as_expr().as_poly(U).all_roots() if u.is_real and 0 < u < 1]
    return [1 - min(inside, default=1)]


def optimal_weight(s: Setting) -> list[Any]:
    """Return the w with the least lim E m^2: its slope in u vanishes once where it is finite."""
    g = 1 + Rational(s.curvature or 0, s.synthetic)
    value = ((1 - U) ** 2 / s.real + U**2 / s.synthetic) / (1 - g * U**2)
    slope = Poly(value.diff(U).together().as_numer_denom()[0], U)
    inside = [u for u in slope.all_roots() if u.is_real and 0 < u < 1 and g * u**2 < 1]
    (best,) = set(inside)
    return [1 - best]


def kept_fixed_point(s: Setting) -> list[Any]:
    """Return lim E m^2."""
    return [kept_error(s, s.sampled)]


def kept_moments(s: Setting) -> list[Any]:
    """Return the limits of E v and E m^2 of fitted Gaussians."""
    heat = Rational(1 if s.temperature is None else s.temperature)
    real = Rational(1, s.real)
    if s.sampled < 1:
        return settled(*affine(s.sampled, s.synthetic, heat, real, real))
    # Replace: the variance 1 - 1/n_1 of the first fit shrinks or grows geometrically.
    factor, start = heat * (1 - Rational(1, s.synthetic)), 1 - real
    if factor < 1:
        return [Rational(0), real + heat * start / s.synthetic / (1 - factor)]
    return [start if factor == 1 else oo, oo]


def kept_squared_error(s: Setting) -> list[Any]:
    """Return E m_t^2, generation by generation, with E r m_t beside it."""
    u, n, real = s.sampled, s.synthetic, Rational(1, s.real)
    error = cross = real
    for _ in range(s.generation - 1):
        noise = (1 + (s.curvature or 0) * error) / n
        error = (1 - u) ** 2 * real + 2 * u * (1 - u) * cross + u**2 * (error + noise)
        cross = (1 - u) * real + u * cross
    return [error]


def smallest_share(s: Setting) -> list[Any]:
    """Return the least w with n_r lim E m^2 <= the inflation allowed, from the zeros in u."""
    error = {"fresh-data": fresh_error, "keep-real": kept_error}[s.workflow]
    if s.real * error(s, Rational(1)) <= s.inflation:
        return [Rational(0)]
    g = 1 + Rational(s.curvature or 0, s.synthetic)
    cross = 0 if s.workflow == "fresh-data" else 2 * U * (1 - U)
    top = ((1 - U) ** 2 + cross) / s.real + U**2 / s.synthetic
    gap = Poly(s.inflation * (1 - g * U**2) - s.real * top, U)
    # The gap is 0 or more exactly where the share is enough, so the largest zero below 1.
    return [1 - max(u for u in gap.all_roots() if u.is_real and 0 <= u < 1)]


def contraction(s: Setting) -> list[Any]:
    """Return the factor of q in `curved`, u^2 (1 + v2/n)."""
    return [(1 - s.real_share) ** 2 * (1 + (s.curvature_per_row or 0))]


def critical_share(s: Setting) -> list[Any]:
    """Return the share at which that factor is 1, or 0."""
    return [max(Rational(0), 1 - 1 / sqrt(1 + s.curvature_per_row))]


def pooled_effective_samples(s: Setting) -> list[Any]:
    """Return 1 / E m_t^2 of the mean of all rows: each batch adds real and sampled rows.

    Given the past the new rows sum to a variable of mean f m and variance r + f V(m), with r
    real and f sampled rows.
    """
    v2, pool, error, found = s.curvature or 0, Rational(0), Rational(0), []
    for size, share in zip(s.sizes, s.real_shares, strict=True):
        real, sampled = share * size, (1 - share) * size
        square = (pool + sampled) ** 2 * error + real + sampled * (1 + v2 * error)
        pool += size
        error = square / pool**2
        found.append(1 / error)
    return found


def one_step() -> list[Expr]:
    """`affine` from the rows: weighted averages of independent rows, given the model (m, v)."""
    m, v, u, heat, n, k = symbols("m v u heat n k", positive=True)

    def sampled(*factors: tuple[int, ...]) -> Any:
        return average_moment(factors, n, lambda i: normal_moment(i, {0: m}, {(0, 0): heat * v}))

    def real(*factors: tuple[int, ...]) -> Any:
        return average_moment(factors, k, lambda i: normal_moment(i, {0: 0}, {(0, 0): 1}))

    w, x, xx = 1 - u, (0,), (0, 0)
    error = w**2 * real(x, x) + 2 * u * w * real(x) * sampled(x) + u**2 * sampled(x, x)
    variance = w * real(xx) + u * sampled(xx) - error
    matrix, constant = affine(u, n, heat, 1 / k, 0)
    return [*(matrix * Matrix([m**2, v]) + constant - Matrix([error, variance]))]


def stability() -> list[Expr]:
    """det(I - M) = (1-u)(1 + u - heat (u (1+u) - u^2/n)); so the critical temperature."""
    u, heat, n = symbols("u heat n", positive=True)
    matrix, _ = affine(u, n, heat, 0, 0)
    claimed = (1 - u) * (1 + u - heat * (u * (1 + u) - u**2 / n))
    return [(Matrix.eye(2) - matrix).det() - claimed]


def pooled_point() -> list[Expr]:
    """The pooled fixed point in closed form, and n_e <= 2 n_r + 1: it is short by a square."""
    r, s, heat = symbols("r s heat", positive=True)
    total = r + s
    matrix, constant = affine(s / total, s, heat, 1 / r, 0)
    below = r**2 + 3 * r * s + 2 * s**2 - heat * (r * s + 2 * s**2 - s)
    error, variance = total / below, r * (r + 2 * s - 1) / below
    point = Matrix([error, variance])
    effective = (r * (r + 2 * s) + s) / total
    return [
        *(matrix * point + constant - point),
        error.subs(heat, 1) - total / (total**2 - s**2 + s),
        (1 / error).subs(heat, 1) - effective,
        2 * r + 1 - effective - r * (r + 1) / total,
        (error + variance - 1).subs(heat, 1),
    ]


def best_weight() -> list[Expr]:
    """The slope in u is 2 (-g u^2 + (1+k+g) u - 1) / (1-g u^2)^2; at g = 1 the minimum is w.

    The quadratic is negative at u = 0, positive at u = 1 and at u = 1/sqrt g: one zero between,
    from minus to plus, so a minimum.
    """
    u, k, g = symbols("u k g", positive=True)
    value = ((1 - u) ** 2 + k * u**2) / (1 - g * u**2)
    quadratic = -g * u**2 + (1 + k + g) * u - 1
    w = (sqrt(k**2 + 4 * k) - k) / 2
    edge = quadratic.subs(u, 1 / sqrt(g))
    return [
        value.diff(u) - 2 * quadratic / (1 - g * u**2) ** 2,
        quadratic.subs(u, 1) - k,
        edge - (k + (1 - sqrt(g)) ** 2) / sqrt(g),
        quadratic.subs({u: 1 - w, g: 1}),
        value.subs({u: 1 - w, g: 1}) - w,
    ]


def kept_point() -> list[Expr]:
    """Kept rows: lim E m^2 = 1/k + u^2 (1 + v2/k) / (n (1 - g u^2)), and E r m_t = 1/k always."""
    u, k, n, v2, q = symbols("u k n v2 q", positive=True)
    g = 1 + v2 / n
    point = 1 / k + u**2 * (1 + v2 / k) / (n * (1 - g * u**2))
    after = (1 - u**2) / k + u**2 * (q + (1 + v2 * q) / n)
    return [
        (after - q).subs(q, point),
        ((1 - u) ** 2 + 2 * u * (1 - u)) - (1 - u**2),
        (1 - u) / k + u / k - 1 / k,
    ]


HERE = "derived here"
PROOFS = (
    Proof("mixed-one-step", HERE, "moments of a fit to real and sampled rows", one_step),
    Proof("mixed-stability", HERE, "when fresh and kept data bound a temperature", stability),
    Proof("mixed-pooled", HERE, "effective size at most 2 n_r + 1 without weights", pooled_point),
    Proof("mixed-best-weight", HE, "the best weight, any v2", best_weight),
    Proof("mixed-kept", HERE, "kept real rows, any v2", kept_point),
)
