"""Symbolic proofs of one step of each loop, for any batch size, generation and bandwidth.

A fit has mean m and central variance v; a new row has mean m and variance v + g, g the variance
of its noise, per coordinate or summed over coordinates. Its characteristic function, given the
fit, is k times the fit's.
"""

from typing import Any

from sympy import E, Expr, Poly, cancel, limit, log, oo, symbols

from theory.derivation import Proof
from theory.gaussian_batches import average_moment

n, t, P, g = symbols("n t P g", positive=True)  # new rows, generation, rows of the pool, noise
m, v, V, f, k = symbols("m v V f k", positive=True)
P2, F2 = symbols("P2 F2", positive=True)  # E|phi|^2 of the pool and of the fit
y, ybar, raw, phi, bar, pool, poolbar = symbols("y ybar raw phi bar pool poolbar")


def expect(polynomial: Expr) -> Expr:
    """Return E, given the fit, of a polynomial in the means of x and x^2 over the new rows."""

    def moment(indices: tuple[int, ...]) -> Any:
        return {1: m, 2: m**2 + v + g}[len(indices)]

    total = 0
    for (a, b), coefficient in Poly(polynomial, y, raw).terms():
        total += coefficient * average_moment([(0,)] * a + [(0, 0)] * b, n, moment)
    return total


def pooled(before: Any) -> Expr:
    """Return the variance of `before` rows of mean 0 and variance V together with the new ones."""
    return (before * V + n * raw) / (before + n) - (n * y / (before + n)) ** 2


def drawn() -> tuple[Expr, Expr]:
    """Return E m^2 and E v of n of P rows that sum to 0 and whose squares sum to P V."""
    square = V / n + (n - 1) / (n * P * (P - 1)) * (0 - P * V)
    return square, V - square


def subsampled() -> Expr:
    """Return E V' of the pool when n of its rows are fitted: E V' is linear in m^2 and v."""
    square, variance = drawn()
    given = Poly(expect(pooled(P)), m, v)
    values = {(2, 0): square, (0, 1): variance, (0, 0): 1}
    return sum(c * values[powers] for powers, c in given.terms())


def moments() -> list[Expr]:
    """E V' of replace; of the pool under accumulate; of the pool under accumulate-subsample."""
    square, variance = drawn()
    ev = V * t * (n - 1) / (t * n - 1)
    stated = V + g / (t + 1) - ((ev + g) / n + V * (t - 1) / (t * n - 1)) / (t + 1) ** 2
    kept = {m: 0, v: V, P: t * n}
    return [
        expect(pooled(0)) - (1 - 1 / n) * (v + g),
        expect(pooled(P)).subs(kept) - (V + g / (t + 1) - (V + g) / (n * (t + 1) ** 2)),
        subsampled().subs(P, t * n) - stated,
        variance.subs(P, t * n) - ev,
        square.subs(P, t * n) - V * (t - 1) / (t * n - 1),
    ]


def second_moments() -> list[Expr]:
    """The mean of |x - mu_0|^2: replace adds g, the pool g/(t+1); a subsample has the pool's.

    So h_s^2 enters replace with weight 1 and both others with 1/(s+1), whatever the budget.
    """
    before = symbols("before", positive=True)
    after = (t * n * before + n * expect(raw)) / (t * n + n)
    inherited = {v: before - m**2}  # the second moment of the fit is that of the pool
    return [
        expect(raw) - (m**2 + v + g),
        after.subs(inherited) - (before + g / (t + 1)),
    ]


def transform(polynomial: Expr) -> Expr:
    """Return E, given the fit, of a polynomial in y = mean exp(iwx) of the new rows and bar y."""

    def moment(indices: tuple[int, ...]) -> Any:
        return {(0,): k * phi, (1,): k * bar}.get(indices, 1)  # |exp(iwx)|^2 = 1

    total = 0
    for (a, b), coefficient in Poly(polynomial, y, ybar).terms():
        total += coefficient * average_moment([(0,)] * a + [(1,)] * b, n, moment)
    return total


def averaged(polynomial: Expr, fitted: Expr) -> Expr:
    """Average a product over histories: |pool|^2 to P2, |fit|^2 to `fitted`.

    Given the pool, the mean of the fit's phi over subsets is the pool's.
    """
    whole, mixed = {(1, 1, 0, 0), (0, 0, 0, 0)}, {(1, 0, 0, 1), (0, 1, 1, 0)}
    means = dict.fromkeys(whole | mixed, P2) | {(0, 0, 0, 0): 1, (0, 0, 1, 1): fitted}
    terms = Poly(polynomial, pool, poolbar, phi, bar).terms()
    return sum(coefficient * means[powers] for powers, coefficient in terms)


def spectra() -> list[Expr]:
    """F1 and F2 of replace; P1 and P2 of the pool; F2 of n of P rows, and its pool's P2."""
    fresh = 1 / n + (1 - 1 / n) * k**2 * F2
    square = transform((t * pool + y) * (t * poolbar + ybar)) / (t + 1) ** 2
    stated = (t**2 * P2 + 2 * t * k * P2 + fresh) / (t + 1) ** 2
    distinct = (P**2 * P2 - P) / (P * (P - 1))  # mean over the pairs of distinct rows
    subset = (n + n * (n - 1) * distinct) / n**2
    return [
        transform(y) - k * phi,
        averaged(transform(y * ybar), F2) - fresh,
        transform((t * pool + y) / (t + 1)).subs(pool, phi) - phi * (t + k) / (t + 1),
        averaged(square, P2) - stated.subs(F2, P2),
        averaged(square, F2) - stated,
        subset - (1 / n + (1 - 1 / n) * (P * P2 - 1) / (P - 1)),
    ]


def scaled_replace() -> list[Expr]:
    """Scott's rule scaled by the data: E V' = V (1 - 1/n + f^2), and f^2 > 1/n for n >= 2.

    log(n f^2) = (1 - 2/(d+4)) log n > 0, hence E V_t explodes exponentially in every dimension.
    Silverman's log(n f^2) has the further term -log(x)/(2x + 1), x = (d+2)/4, and log x <= x/e:
    it takes away less than 1/(2e) < 0.19 of at least (3/5) log 2 > 0.41, so it explodes too.
    """
    d, x = symbols("d x", positive=True)
    covariance = v * n / (n - 1)  # divisor n - 1
    f2 = n ** (-2 / (d + 4))
    return [
        expect(pooled(0)).subs(g, f**2 * covariance) - v * (1 - 1 / n + f**2),
        (log(n * f2) - (1 - 2 / (d + 4)) * log(n)).expand(force=True),
        2 / (d + 4) - (1 / (2 * x + 1)).subs(x, (d + 2) / 4),
        (x / E - log(x)).diff(x).subs(x, E),
        (x / E - log(x)).subs(x, E),
    ]


def scaled_pools() -> list[Expr]:
    """The pool's factor is 1 + f^2/t + O(1/t^2) under both; accumulate has f^2 = (nt)^{-2/(d+4)}.

    With a constant f, accumulate-subsample grows like t^{f^2}. Under accumulate the sum of
    f_t^2/t converges, like that of t^{-1-2/(d+4)}: E V_t is bounded and has a positive limit.
    """
    whole = expect(pooled(P)).subs({m: 0, v: V, g: f**2 * V * P / (P - 1)}) / V
    _, variance = drawn()
    part = subsampled().subs(g, f**2 * variance * n / (n - 1)) / V
    factors = [cancel(factor.subs(P, t * n)) for factor in (whole, part)]
    rests = [cancel((factor - 1 - f**2 / t) * t**2) for factor in factors]
    finite = [rest - limit(rest, t, oo) for rest in rests]
    return [
        *[limit(t * (factor - 1), t, oo) - f**2 for factor in factors],
        *[limit(rest, t, oo) for rest in finite],
        variance * n / (n - 1) - V * P / (P - 1),
    ]


PAPER = "Kazdan et al., Collapse or Thrive, arXiv 2410.16713"
PROOFS = (
    Proof("kde-moments", PAPER, "one step of the central variance", moments),
    Proof("kde-second-moments", PAPER, "one step of the second moment", second_moments),
    Proof("kde-spectra", "derived here", "one step of E phi and E|phi|^2", spectra),
    Proof("kde-scaled-replace", "derived here", "data-scaled rules explode", scaled_replace),
    Proof("kde-scaled-pools", "derived here", "data-scaled rules on a pool", scaled_pools),
)
