"""Symbolic proofs about loops of discrete distributions, for any number of draws."""

from sympy import Expr, Symbol, cancel, diff, exp, expand_log, limit, log, oo, symbols

from theory.derivation import Proof

n, P, lam, k = symbols("n P lambda k", positive=True)
x = Symbol("x", positive=True)
p = symbols("p1:5", positive=True)
HERE = "derived here"
SURESH = "Suresh et al. 2412.17646, sharpened here"


def _factorial_moments() -> tuple[list[Expr], list[list[Expr]]]:
    """Return E c_i and E c_i (c_j - [i = j]) of three counts, from E prod z_i^{c_i}."""
    z = symbols("z1:4")
    at = dict.fromkeys(z, 1)
    q = (p[0], p[1], 1 - p[0] - p[1])
    generating = sum(a * b for a, b in zip(q, z, strict=True)) ** n
    first = [diff(generating, a).subs(at) for a in z]
    return first, [[diff(generating, a, b).subs(at) for b in z] for a in z]


def martingale() -> list[Expr]:
    """E p' = p, and Cov p' = (diag p - p p^T)/n, from the generating function (sum p_i z_i)^n."""
    first, second = _factorial_moments()
    q = (p[0], p[1], 1 - p[0] - p[1])
    means = [m / n - a for m, a in zip(first, q, strict=True)]
    products = [
        (second[i][j] + (first[i] if i == j else 0)) / n**2
        - q[i] * q[j]
        - ((q[i] if i == j else 0) - q[i] * q[j]) / n
        for i in range(3)
        for j in range(i + 1)
    ]
    return [*means, *products]


def heterozygosity() -> list[Expr]:
    """E H' = H (1 - n/(P+n)^2) after n draws join a pool of P; replace is P = 0: 1 - 1/n.

    With sum p_i = 1: E|p' - p|^2 is H/n, so E sum p'^2 grows by that times the share squared.
    """
    first, second = _factorial_moments()
    q = (p[0], p[1], 1 - p[0] - p[1])
    h = 1 - sum(a**2 for a in q)
    after = 0
    for i, a in enumerate(q):
        square = second[i][i] + first[i]  # E c_i^2
        after += (P**2 * a**2 + 2 * P * a * first[i] + square) / (P + n) ** 2
    return [(1 - after) - h * (1 - n / (P + n) ** 2), (1 - after).subs(P, 0) - h * (1 - 1 / n)]


def diffusion_time() -> list[Expr]:
    """D26: f = -2n sum (1-p_i) log(1-p_i) solves the diffusion's equation, with f = 0 at collapse.

    One step has the covariance (diag p - p p^T)/n, so that the expected number of generations to
    collapse satisfies, to leading order in n, (1/2n) sum_ij (p_i [i=j] - p_i p_j) f_ij = -1, on the
    simplex of any number of symbols (here 2, 3 and 4), and 0 at its corners. At p_i = 0 the
    term of symbol i vanishes: on a face f is the formula of the remaining symbols. For two
    symbols, x(1-x) f''/(2n) = -1, of which f is the only solution with f(0) = f(1) = 0.
    """
    term = -2 * n * (1 - x) * log(1 - x)
    found = []
    for size in (2, 3, 4):
        q = [*p[: size - 1], 1 - sum(p[: size - 1])]
        free = symbols(f"q1:{size + 1}", positive=True)
        f = sum(term.subs(x, a) for a in free)
        generator = sum(
            ((free[i] if i == j else 0) - free[i] * free[j]) * diff(f, free[i], free[j]) / (2 * n)
            for i in range(size)
            for j in range(size)
        )
        # Along the simplex: the generator in independent coordinates is the same operator.
        g = sum(term.subs(x, a) for a in q)
        inner = sum(
            ((q[i] if i == j else 0) - q[i] * q[j]) * diff(g, p[i], p[j]) / (2 * n)
            for i in range(size - 1)
            for j in range(size - 1)
        )
        found += [cancel(generator.subs(dict(zip(free, q, strict=True)))) + 1, inner + 1]
    return [*found, term.subs(x, 0), limit(term, x, 1, "-")]


def uniform_time() -> list[Expr]:
    """At p_i = 1/K it is 2n (K-1) log(K/(K-1)), and tends to 2n."""
    K = 1 + x
    value = -2 * n * K * (1 - 1 / K) * log(cancel(1 - 1 / K))
    stated = 2 * n * (K - 1) * log(K / (K - 1))
    y = Symbol("y", positive=True)  # 1/K
    small = limit(-2 * n * (1 - y) * log(1 - y) / y, y, 0, "+")
    return [expand_log(value - stated, force=True), small - 2 * n]


def sandwich() -> list[Expr]:
    """D27: 1/k <= u_{k-1} <= 2/(k+1) for u_0 = 1, u_{j+1} = 1 - e^{-u_j}, by induction.

    u -> 1 - e^{-u} increases, so the bounds are inherited if 1 - e^{-1/k} >= 1/(k+1) and
    1 - e^{-y} <= 2/(k+2) at y = 2/(k+1).
    Lower: the gap is k/(k+1) - e^{-1/k}, and with x = 1/k it is e^{-x}/(1+x) times e^x - 1 - x,
    which is 0 with its slope at 0 and convex.
    Upper: the gap is ((2+y) e^{-y} - (2-y))/(2+y), and g(y) = (2+y) e^{-y} - (2-y) has
    g(0) = g'(0) = 0, g'' = y e^{-y} >= 0. Both bounds hold at k = 1, with equality.
    """
    y = Symbol("y", positive=True)
    lower = (1 - exp(-x)) - 1 / (1 / x + 1)
    convex = exp(x) - 1 - x
    upper = (2 / (2 / y + 1)).cancel()  # 2/(k+2) with k + 1 = 2/y
    g = (2 + y) * exp(-y) - (2 - y)
    return [
        lower - exp(-x) / (1 + x) * convex,
        convex.subs(x, 0),
        diff(convex, x).subs(x, 0),
        diff(convex, x, 2) - exp(x),
        upper - (2 / (k + 2)).subs(k, 2 / y - 1),
        (upper - (1 - exp(-y))) - g / (2 + y),
        g.subs(y, 0),
        diff(g, y).subs(y, 0),
        diff(g, y, 2) - y * exp(-y),
        (1 / k).subs(k, 1) - 1,
        (2 / (k + 1)).subs(k, 1) - 1,
    ]


def survival() -> list[Expr]:
    """P(symbol absent at generation t) <= e^{-lambda u_{t-1}}, lambda = n p, at every n: replace.

    E e^{-u c} of a count c of n draws with probability q is (1 - q (1 - e^{-u}))^n, and
    1 - y <= e^{-y} makes that at most e^{-nq (1 - e^{-u})}: going back from 1[c = 0] <= e^{-c},
    which is (1 - q)^n <= e^{-nq} averaged, u_0 = 1 becomes u_1, and so on. With the sandwich the
    symbol survives with a probability of at least 1 - e^{-lambda/t}. In the Poisson limit
    (1 - y/n)^n -> e^{-y} and all are equalities.
    """
    q, u, y = symbols("q u y", positive=True)
    z = Symbol("z")
    generating = (1 - q + q * z) ** n
    h = exp(-y) - (1 - y)
    return [
        generating.subs(z, exp(-u)) - (1 - q * (1 - exp(-u))) ** n,
        generating.subs(z, 0) - (1 - q) ** n,
        h.subs(y, 0),
        diff(h, y).subs(y, 0),
        diff(h, y, 2) - exp(-y),
        limit(n * log(1 - y / n), n, oo) + y,
    ]


def never_lost() -> list[Expr]:
    """D25b, accumulate: absent stays absent, and what is in the pool stays: (1-p)^n for all t.

    A batch of n draws that never shows a symbol of probability q has the chance (1-q)^n; at q = 0
    that is 1, and a positive count never falls. Likewise one symbol has all with chance sum p^n.
    """
    q, z = symbols("q z")
    generating = (1 - q + q * z) ** n
    return [
        generating.subs(z, 0) - (1 - q) ** n,
        generating.subs(q, 0) - 1,
        generating.subs({q: 1, z: 0}),
    ]


PROOFS = (
    Proof("discrete-martingale", "Wright 1931", "E p_t = p_0; one step's covariance", martingale),
    Proof("discrete-heterozygosity", "Wright 1931", "one step, any schedule", heterozygosity),
    Proof("discrete-diffusion", "Littler 1975", "generations to collapse, large n", diffusion_time),
    Proof("discrete-uniform", "Kimura & Ohta 1969", "the same from uniform", uniform_time),
    Proof("discrete-sandwich", HERE, "1/k <= u_{k-1} <= 2/(k+1)", sandwich),
    Proof("discrete-survival", SURESH, "survival of a symbol, any n", survival),
    Proof("discrete-never-lost", HERE, "accumulate never loses a symbol", never_lost),
)
