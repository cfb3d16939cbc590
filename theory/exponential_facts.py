"""Symbolic proofs about one-parameter families with V(m) = v0 + v1 m + v2 m^2, all schedules.

Symbols throughout, so that a proof holds for every size, generation and family.
"""

from collections.abc import Sequence
from fractions import Fraction

from sympy import (
    Expr,
    I,
    Integer,
    Poly,
    Rational,
    Symbol,
    cos,
    diff,
    digamma,
    exp,
    factorial,
    gamma,
    log,
    oo,
    pi,
    rf,
    sin,
    sinh,
    summation,
    symbols,
)

from theory.derivation import Proof
from theory.exponential_fourth import KAPPAS, moment

n, t, P, k, N = symbols("n t P k N", positive=True)  # new rows, generation, pool, budget
m, mu, v0, v1, v2 = symbols("m mu v0 v1 v2")
M, Q = symbols("M Q")
y, raw = symbols("y raw")  # averages of x and of x^2 over the new rows
X = Symbol("x", positive=True)
J = Symbol("j", integer=True, positive=True)
DEY = "Dey & Donoho 2410.22812"
HERE = "derived here"


def V(mean: Expr) -> Expr:
    """Return the variance of a row whose mean is known."""
    return v0 + v1 * mean + v2 * mean**2


def expect(polynomial: Expr, mean: Expr) -> Expr:
    """Return E of a polynomial in y, linear in raw, given the mean of the new rows."""
    total = Integer(0)
    cumulants = {KAPPAS[0]: mean, KAPPAS[1]: V(mean) / n}
    for (a, b), c in Poly(polynomial, y, raw).terms():
        assert (a <= 2 and b == 0) or (a == 0 and b == 1)
        value = mean**2 + V(mean) if b else moment(a).as_expr().subs(cumulants)
        total += c * value
    return total


def step() -> list[Expr]:
    """E V(m') = V(m) (1 + v2 n/(P+n)^2) after n rows join P; replace is P = 0.

    The mean stays on average, and E V(m) = V(m_0) + v2 E(m - m_0)^2 for every unbiased m, so the
    squared error is (prod - 1)/v2 in units of V(m_0).
    """
    after = (P * m + n * y) / (P + n)
    d, variance = symbols("d variance")
    unbiased = Poly(V(mu + d), d)
    return [
        expect(after, m) - m,
        expect(V(after), m) - V(m) * (1 + v2 * n / (P + n) ** 2),
        expect(V(y), m) - V(m) * (1 + v2 / n),
        unbiased.coeff_monomial(d**2) * variance + unbiased.coeff_monomial(1)
        - (V(mu) + v2 * variance),
    ]  # fmt: skip


def closed_forms() -> list[Expr]:
    """prod_{k<=t} (1 + z/k^2), z = -x^2, is (1-x)_t (1+x)_t / (t!)^2 and tends to sin(pi x)/(pi x).

    (x)_t = Gamma(t+x)/Gamma(x) ~ Gamma(t) t^x/Gamma(x), so that 1/(Gamma(1-x) Gamma(1+x)) is left;
    at x = i y the sine becomes sinh(pi y)/(pi y).
    """
    T = Symbol("T", integer=True, positive=True)
    form = rf(1 - X, T) * rf(1 + X, T) / factorial(T) ** 2
    ratio = (1 - X + T) * (1 + X + T) / (T + 1) ** 2  # (x)_{T+1} = (x)_T (x+T)
    limit = 1 / (gamma(1 - X) * gamma(1 + X)).gammasimp()
    return [
        ratio - (1 - X**2 / (T + 1) ** 2),
        (form.subs(T, 1) - (1 - X**2)).expand(func=True),
        (form.subs(T, 3) / form.subs(T, 2) - ratio.subs(T, 2)).expand(func=True).simplify(),
        limit - sin(pi * X) / (pi * X),
        (sin(pi * X) / (pi * X)).subs(X, I * X) - sinh(pi * X) / (pi * X),
    ]


def small_curvature() -> list[Expr]:
    """As v2 -> 0 the forms become sum 1/k^2 and t/n; inflation pi^2/6 + pi^4 v2/(120 n) + ..."""
    x = Symbol("x")  # x^2 = v2 / n, any sign
    inflation = (sinh(pi * x) / (pi * x) - 1) / x**2
    series = pi**2 / 6 + pi**4 * x**2 / 120 + pi**6 * x**4 / 5040
    replaced = ((1 + v2 / n) ** t - 1) / v2
    return [
        inflation.series(x, 0, 6).removeO() - series,
        replaced.series(v2, 0, 1).removeO() - t / n,
    ]


def sign() -> list[Expr]:
    """The inflation of accumulate is below pi^2/6 iff v2 < 0, and above it iff v2 > 0.

    v2 > 0: pi^2 (sinh x/x - 1)/x^2 = pi^2 sum x^{2j}/(2j+3)!: the first term is pi^2/6, all others
    are positive. v2 < 0: f(x) = sin x - x + x^3/6 has f(0) = f'(0) = f''(0) = 0 and
    f''' = 2 sin^2(x/2) >= 0, so (1 - sin x/x)/x^2 < 1/6.
    """
    f = sin(X) - X + X**3 / 6
    series = summation(X ** (2 * J - 2) / factorial(2 * J + 1), (J, 1, oo))
    return [
        series.rewrite(exp) - ((sinh(X) / X - 1) / X**2).rewrite(exp),
        1 / factorial(3) - Rational(1, 6),
        *[diff(f, X, order).subs(X, 0) for order in range(3)],
        diff(f, X, 3) - (1 - cos(X)),
        (1 - cos(X)) - 2 * sin(X / 2) ** 2,
        (1 - sin(X) / X) / X**2 - Rational(1, 6) + f / X**3,
    ]


def equivalence() -> list[Expr]:
    """Accumulate with n has the factor of replace with n t^2, whatever v2 is."""
    return [v2 * n / (t * n) ** 2 - v2 / (n * t**2)]


def schedule_bound() -> list[Expr]:
    """v2 <= 0: inflation below 2 for every schedule; v2 > 0: below (e^{2z}-1)/z, z = v2/N_1.

    n_s/N_s^2 = 1/N_{s-1} - 1/N_s - (a positive term): N_1 times the sum over s >= 2 is below 1.
    By induction 1 - prod(1 - x) <= sum x for 0 <= x <= 1: the difference grows by x(1 - prod).
    And prod(1 + x) <= e^{sum x}: e^x - 1 - x is 0 with its slope at 0, and convex. Sharp at v2 = 0:
    with n_s = 1 for s >= 2 the sum exceeds N_1/(N_1 + 1), by telescoping 1/N - 1/(N+1).
    """
    before, new, x, product, total = symbols("before new x product total", positive=True)
    after, g = before + new, exp(x) - 1 - x
    gap = total - (1 - product)
    grown = (total + x) - (1 - product * (1 - x))
    return [
        new / after**2 - (1 / before - 1 / after - new**2 / (before * after**2)),
        grown - gap - x * (1 - product),
        g.subs(x, 0),
        diff(g, x).subs(x, 0),
        diff(g, x, 2) - exp(x),
        1 / after**2 - (1 / after - 1 / (after + 1)) - 1 / (after**2 * (after + 1)),
    ]


def schedules() -> list[Expr]:
    """v2 = 0, n_s = s^2: N_s = s(s+1)(2s+1)/6, inflation 24 pi^2 - 36 - 288 log 2 = 1.2441.

    1/(s+1) - 1/(s+1/2) = h(s) - h(s+1) with h(s) = psi(s+1/2) - psi(s+1) -> 0, because
    psi(x+1) = psi(x) + 1/x: the sum from s = 2 on is h(2).
    """
    pool = J * (J + 1) * (2 * J + 1) / 6
    squares = 36 / (J + 1) ** 2 + 144 / (2 * J + 1) ** 2
    rest = 1 / (J + 1) - 1 / (J + Rational(1, 2))
    a, b = symbols("a b")  # psi(s+1/2) and psi(s+1)
    following = (a + 1 / (J + Rational(1, 2))) - (b + 1 / (J + 1))
    total = summation(squares, (J, 2, oo)) + 144 * (digamma(Rational(5, 2)) - digamma(3))
    return [
        J**2 / pool**2 - squares - 144 * rest,
        pool.subs(J, J + 1) - pool - (J + 1) ** 2,
        (a - b) - following - rest,
        1 + total - (24 * pi**2 - 36 - 288 * log(2)),
    ]


def drawn() -> Expr:
    """Return E(m - mu)^2 of the mean m of k out of P rows of mean mu and variance Q.

    Less mu the rows sum to 0 and their squares to PQ. A row is drawn with probability k/P, two
    given ones with probability k(k-1)/(P(P-1)).
    """
    return P * Q / (k * P) + (k - 1) / (k * P * (P - 1)) * (0 - P * Q)


def subsample() -> list[Expr]:
    """E2: accumulate-subsample, any family and budget: the pool's mean and variance after n rows.

    Given the pool, E m = mu and E m^2 = mu^2 + sub; then the n rows given m.
    """
    sub = Q * (P - k) / (k * (P - 1))
    mean = (P * mu + n * y) / (P + n)
    spread = (P * (Q + mu**2) + n * raw) / (P + n) - mean**2

    def average(polynomial: Expr) -> Expr:
        given = Poly(expect(polynomial, m), m)
        moments = {2: mu**2 + sub, 1: mu, 0: Integer(1)}
        return sum(c * moments[power] for (power,), c in given.terms())

    ev = V(mu) + v2 * sub  # V + v2 R on average over pools, because E V(mu) = V + v2 M
    d = sub + ev / n
    stated = (t * Q + (1 - 1 / n) * ev + t * d / (t + 1)) / (t + 1)
    return [
        drawn() - sub,
        average(raw) - (mu**2 + sub + ev),
        average(mean) - mu,
        average((mean - mu) ** 2) - d * (n / (P + n)) ** 2,
        (average(spread) - stated).subs(P, t * n),
        sub.subs({P: t * n, k: n}) - Q * (t - 1) / (n * t - 1),
    ]


def subsample_order() -> list[Expr]:
    """n -> infinity at V = 1: n R_inf -> 2 + sum (2t-1)/(t(t+1)^2) = pi^2/2 - 2, for every v2.

    To leading order Q = EV = 1, n sub = (t-1)/t, so that n d = (2t-1)/t.
    """
    sub = (t - 1) / (n * t - 1)
    d = sub + 1 / n
    leading = (2 * t - 1) / t
    return [
        (n * d).limit(n, oo) - leading,
        (n * sub).limit(n, oo).limit(t, oo) - 1,
        2 + summation(leading.subs(t, J) / (J + 1) ** 2, (J, 1, oo)) - (pi**2 / 2 - 2),
    ]


def subsample_growth() -> list[Expr]:
    """The pool's variance stays bounded iff the budget k exceeds 1 + v2; else it grows by powers.

    Given M, Q' is a constant plus Q times a factor 1 + p/t + O(1/t^2), p = (1+v2)/k - 1; and M
    gains at most a multiple of (1 + Q)/t^2. At p < 0 both converge; at p > 0 Q ~ t^p.
    """
    s = ((P - k) / (k * (P - 1))).subs(P, t * n)  # sub / Q
    ev, d = v2 * s, s + v2 * s / n  # the parts proportional to Q
    factor = (t + (1 - 1 / n) * ev + t * d / (t + 1)) / (t + 1)
    return [(t * (factor - 1)).limit(t, oo) - ((1 + v2) / k - 1)]


def absorption() -> list[Expr]:
    """Poisson, replace: E z^S of a batch of mean a is e^{a(z-1)}; going back, z = e^{-r} follows 0.

    P(S_2 = 0) is E e^{-r S_1} with r = n_2/n_1, summed over S_1; one level deeper z = e^{-r'}.
    """
    a, r, z = symbols("a r z", positive=True)
    count = Symbol("i", integer=True, nonnegative=True)
    generating = exp(-a) * summation((a * z) ** count / factorial(count), (count, 0, oo))
    u = 1 - exp(-r)
    return [
        generating - exp(a * (z - 1)),
        generating.subs(z, 0) - exp(-a),
        generating.subs(z, exp(-r)) - exp(-a * u),
        generating.subs(z, exp(-r * u)) - exp(-a * (1 - exp(-r * u))),
    ]


def inflation_of(sizes: Sequence[int], curvature: Fraction) -> Fraction:
    """Return N_1 E(m_t - m_0)^2 / V(m_0) under accumulate with a schedule."""
    value, pool = Fraction(0), 0
    for new in sizes:
        pool += new
        value += (1 + curvature * value) * Fraction(new, pool**2)
    return sizes[0] * value


PROOFS = (
    Proof("qvf-step", HERE, "E V(m_t) = V prod(1 + v2 n_s/N_s^2), any schedule", step),
    Proof("qvf-closed", HERE, "the product and its limit, sinh or sin", closed_forms),
    Proof("qvf-order", DEY, "pi^2/6 as v2/n -> 0, and beyond", small_curvature),
    Proof("qvf-sign", HERE, "pi^2/6 is a bound iff v2 <= 0", sign),
    Proof("qvf-equivalence", HERE, "accumulate with n is replace with n t^2", equivalence),
    Proof("qvf-schedule-bound", HERE, "inflation below 2, any schedule, v2 <= 0", schedule_bound),
    Proof("qvf-schedules", HERE, "inflation of n_s = s^2", schedules),
    Proof("qvf-subsample", HERE, "one step of accumulate-subsample, any budget", subsample),
    Proof("qvf-subsample-order", HERE, "n R -> pi^2/2 - 2 for every family", subsample_order),
    Proof("qvf-subsample-growth", HERE, "bounded iff the budget exceeds 1 + v2", subsample_growth),
    Proof("poisson-absorption", HERE, "P(m_t = 0) under replace", absorption),
)  # fmt: skip
