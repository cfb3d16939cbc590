"""Selected Gaussian loops: one number, q = E Y^2, decides under accumulate.

A selected row is m + sqrt(v) Y with the fitted mean m and variance v, and Y_1, ..., Y_n independent
with one law that is free of m and v: selection looks at rewards in the model's own place and unit.
"""

from sympy import (
    Expr,
    Integer,
    Poly,
    Rational,
    Symbol,
    exp,
    expand,
    expand_func,
    factorial2,
    gamma,
    gammasimp,
    integrate,
    oo,
    pi,
    simplify,
    sin,
    sqrt,
    symbols,
)

from theory.derivation import Proof

HERE = "derived here: theory/gaussian_selection.py"
M = (Integer(1), *symbols("m1:5", real=True))  # raw moments of Y
E = M[1]
K2 = M[2] - E**2
K3 = M[3] - 3 * E * M[2] + 2 * E**3
K4 = M[4] - 4 * E * M[3] + 6 * E**2 * M[2] - 3 * E**4 - 3 * K2**2


def _mean(polynomial: Expr, variables: tuple[Symbol, ...]) -> Expr:
    """Return the expectation of a polynomial in independent variables with the moments M."""
    total = Integer(0)
    for powers, coefficient in Poly(expand(polynomial), *variables).terms():
        term = coefficient
        for power in powers:
            term *= M[power]
        total += term
    return expand(total)


def batch_moments() -> list[Expr]:
    """The moments of a batch's mean and variance up to the fourth order, for n = 2, 3 and 4."""
    found = []
    for n in (2, 3, 4):
        Y = symbols(f"y1:{n + 1}", real=True)
        mean = sum(Y) / Integer(n)
        square = sum((y - mean) ** 2 for y in Y) / Integer(n)
        share = Rational(n - 1, n)
        u2, u3, u4 = K2 / n, K3 / n**2, K4 / n**3 + 3 * K2**2 / n**2
        s2u, s2u2 = share * K3 / n, share * (K2**2 / n + K4 / n**2)
        pairs = (
            (square, share * K2),
            (square**2, share**2 * (K4 / n + 2 * K2**2 / Integer(n - 1) + K2**2)),
            (mean**2, E**2 + u2),
            (mean**4, E**4 + 6 * E**2 * u2 + 4 * E * u3 + u4),
            (square * mean**2, E**2 * share * K2 + 2 * E * s2u + s2u2),
        )
        found += [expand(_mean(a, Y) - b) for a, b in pairs]
    return found


def pooled_step() -> list[Expr]:
    """A pool of N rows (mean 0, variance v) and n selected ones: its variance by its rows."""
    v, root = symbols("v r", positive=True)  # r = sqrt(v)
    found = []
    for N, n in ((2, 2), (2, 3), (3, 2)):
        Y = symbols(f"y1:{n + 1}", real=True)
        mean = sum(Y) / Integer(n)
        square = sum((y - mean) ** 2 for y in Y) / Integer(n)
        after = Integer(N + n)
        # Any pool with this mean and this sum of squares: the sums alone enter.
        total, squares = root * sum(Y), N * v + v * sum(y**2 for y in Y)
        there = squares / after - (total / after) ** 2
        step = Integer(N) / after + n / after * square + N * n / after**2 * mean**2
        found.append(expand((there - v * step).subs(root, sqrt(v))))
    return found


def accumulated() -> list[Expr]:
    """The step's expectation in 1/s, s = t + 1, its gamma form, and its limit where q = 1."""
    s, n, rho, e = symbols("s n rho e", positive=True)
    t = s - 1
    step = t / s + rho * (1 - 1 / n) / s + t / s**2 * (rho / n + e**2)
    q = rho + e**2
    written = 1 + (q - 1) / s - (e**2 + rho / n) / s**2
    a, b = symbols("a b")
    sums = {a: (1 - q) - b}
    ratio = gamma(s + 1 - a) * gamma(s + 1 - b) / gamma(s + 1) ** 2
    before = gamma(s - a) * gamma(s - b) / gamma(s) ** 2
    roots = 1 - (a + b) / s + a * b / s**2
    # a + b = 1 - q and a b = -(e^2 + rho/n).
    product_ = (roots - written).subs(a * b, -(e**2 + rho / n)).subs(sums)
    c = symbols("c", positive=True)
    limit = 1 / (gamma(2 - c) * gamma(2 + c))
    sine = sin(pi * c) / (pi * c * (1 - c**2))
    reflected = limit.subs(gamma(2 - c), (1 - c) * pi / (sin(pi * c) * gamma(c)))
    return [
        simplify(step - written),
        simplify(expand(product_).subs(a * b, -(e**2 + rho / n))),
        simplify(gammasimp(ratio / before) - expand(roots)),
        simplify(expand_func(reflected * gamma(2 + c) / ((c + 1) * c * gamma(c))) - sine),
    ]


def critical_pairs() -> list[Expr]:
    """E A^2 G(A - B) = 0 for every odd G, here for odd powers: keeping one of two has q = 1."""
    found = []
    for power in (1, 3, 5, 7, 9):
        A, B = symbols("A B", real=True)
        total = Integer(0)
        for (i, j), coefficient in Poly(expand(A**2 * (A - B) ** power), A, B).terms():
            if i % 2 == 0 and j % 2 == 0:
                total += coefficient * factorial2(i - 1) * factorial2(j - 1)
        found.append(total)
    return found


def settled() -> list[Expr]:
    """The fixed point of the loop with a share a of real rows, and where it ceases to exist."""
    a, rho, e = symbols("a rho e", positive=True)
    v = a / (1 - (1 - a) * (rho + e**2 / a))
    r = symbols("r", positive=True)  # sqrt(v)
    x = (1 - a) * e * r / a
    mean = (1 - a) * (x + e * r) - x
    spread = a + (1 - a) * rho * v + a * (1 - a) * (e**2 / a**2) * v - v
    edge = a * (1 - (1 - a) * (rho + e**2 / a)) - (rho * a**2 + (1 - rho + e**2) * a - e**2)
    pairs = (rho * a**2 + (1 - rho + e**2) * a - e**2).subs(rho, 1 - e**2).subs(a, e / (1 + e))
    ratio = e * (1 - a) / a
    of_pairs = v.subs(rho, 1 - e**2) - 1 / (1 - ratio**2)
    return [simplify(one) for one in (mean, spread, edge, pairs, of_pairs)]


def bounded_gain() -> list[Expr]:
    """The gain of replace: a geometric series of ratio sqrt(rho (1 - 1/n)), and its sum."""
    e, c, k = symbols("e c k", positive=True)
    partial = e * (1 - c**k) / (1 - c)
    return [simplify((partial.subs(k, k + 1) - partial) - e * c**k)]


def examples() -> list[Expr]:
    """The better of two: E max = 1/sqrt(pi), E max^2 = 1; the upper half: q = 1 as z = 0."""
    D = symbols("D", positive=True)
    # max(A, B) = (A + B)/2 + |A - B|/2 with A - B ~ N(0, 2) independent of A + B.
    half = integrate(D / 2 * 2 * exp(-(D**2) / 4) / sqrt(4 * pi), (D, 0, oo))
    square = Rational(1, 2) + Rational(1, 4) * 2
    return [half - 1 / sqrt(pi), square - 1]


PROOFS = (
    Proof("gaussian/selection/batch-moments", HERE, "moments of selected batches", batch_moments),
    Proof("gaussian/selection/pooled-step", HERE, "the pool's variance multiplies", pooled_step),
    Proof("gaussian/selection/accumulated", HERE, "a product of gamma functions", accumulated),
    Proof("gaussian/selection/pairwise-critical", HERE, "q = 1 for all pairs", critical_pairs),
    Proof("gaussian/selection/real-share", HERE, "fixed point and critical share", settled),
    Proof("gaussian/selection/bounded-gain", HERE, "a geometric series", bounded_gain),
    Proof("gaussian/selection/examples", HERE, "the better of two", examples),
)
