"""A floor under every fitted variance: a random difference equation, and its moments.

A fit is S + floor I (`theory.gaussian_loop`). Under replace in one dimension that is v' = A v + e
with A = chi2(n-1)/n independent of v. As log E A^k is convex in k and vanishes at 0, it has one
other zero kappa, and the moments of v settle for the orders below it (Kesten 1973, Goldie 1991).
"""

from collections.abc import Callable

from sympy import (
    QQ,
    Expr,
    Integer,
    Poly,
    Rational,
    Symbol,
    expand,
    limit,
    log,
    oo,
    simplify,
    symbols,
)

from theory import gaussian_batches, gaussian_rows
from theory.derivation import Proof
from theory.gaussian_loop import Loop
from theory.gaussian_steps import P, Q, expect, heat, m, n, pooled, v

HERE = "derived here: theory/gaussian_floor.py"
e = Symbol("e", positive=True)  # the floor


def mean_square(loop: Loop, name: str) -> list[Rational]:
    """Return E X_t^2 / (tr S_0)^2 of loops with a floor, as `gaussian_variances` without one."""
    trace, square, fourth = loop.moments()
    d = loop.dim
    alone = gaussian_batches.products(loop, name, 1)
    pairs = gaussian_batches.products(loop, name, 2) if d > 1 else alone
    values = []
    for own, both in zip(alone, pairs, strict=True):
        assert own["kappa"] == both["kappa"]
        o = {key: QQ.to_sympy(value) for key, value in own.items()}
        b = {key: QQ.to_sympy(value) for key, value in both.items()}
        total = o["kappa"] * fourth + b["product"] * (trace**2 - square) + o["product"] * square
        # Of the d (d - 1) pairs of different coordinates each has s_a + s_b.
        total += (o["linear"] + 2 * (d - 1) * b["linear"]) * trace
        total += d * o["one"] + d * (d - 1) * b["one"]
        values.append(total / trace**2)
    return values


def variance_of(name: str) -> Callable[[Loop], list[Rational]]:
    """Return the function that gives Var X_t for the statistic of that name."""

    def values(loop: Loop) -> list[Rational]:
        means = getattr(gaussian_rows, name)(loop)
        squares = mean_square(loop, name)
        return [square - mean**2 for square, mean in zip(squares, means, strict=True)]

    return values


def factor_moment(j: int) -> Expr:
    """Return E A^j, A a chi-square of n - 1 degrees of freedom over n."""
    product = Integer(1)
    for i in range(j):
        product *= (n - 1 + 2 * i) / n
    return product


def one_step() -> list[Expr]:
    """E v'^j given v, j = 1, 2, 3, from n rows of N(m, v): the fit without its floor is A v."""
    _, fitted = pooled(0)
    plain = [expect(fitted**j).subs(heat, 1) - factor_moment(j) * v**j for j in (1, 2, 3)]
    third = expand((Symbol("A") * v + e) ** 3).subs(
        {Symbol("A") ** j: factor_moment(j) for j in (1, 2, 3)}
    )
    written = (
        factor_moment(3) * v**3
        + 3 * factor_moment(2) * v**2 * e
        + 3 * factor_moment(1) * v * e**2
        + e**3
    )
    return [*map(simplify, plain), simplify(third - written)]


def replaced() -> list[Expr]:
    """E v_t = n e + (1 - 1/n)^(t-1) (E v_1 - n e), and the mean's error that it adds up to."""
    first, r, steps = symbols("v1 r s", positive=True)
    r_ = 1 - 1 / n

    def mean(power: Expr) -> Expr:
        """E v_t with (1 - 1/n)^(t-1) = power."""
        return n * e + power * (first - n * e)

    def error(power: Expr, count: Expr) -> Expr:
        """R_t less R_1 after so many steps: sum of E v_s / n."""
        return e * count + (first - n * e) * (1 - power)

    grown = error(r * r_, steps + 1) - error(r, steps) - mean(r) / n
    unbiased = (first + e * (steps + 1)) - (first + e * steps) - e  # ddof 1: E A = 1
    return [
        simplify(mean(r * r_) - (r_ * mean(r) + e)),
        simplify(mean(Integer(1)) - first),
        simplify(grown),
        simplify(error(Integer(1), Integer(0))),
        unbiased,
    ]


def settled_spread() -> list[Expr]:
    """The variance over replicates settles at 2 (n-1) n^2 e^2; sd is sqrt(2n-2) times the mean."""
    x = symbols("x", positive=True)  # Var v
    A1, A2 = factor_moment(1), factor_moment(2)
    mean = n * e
    second = x + mean**2
    step = A2 * second + 2 * e * A1 * mean + e**2 - mean**2
    spread = 2 * (n - 1) * n**2 * e**2
    return [
        simplify(A2 - (1 - 1 / n**2)),
        simplify(step.subs(x, spread) - spread),
        simplify(spread / mean**2 - (2 * n - 2)),
        simplify((A2 - A1**2) * mean**2 / (1 - A2) - spread),
    ]


def bracket() -> list[Expr]:
    """2 < kappa < 3 at every n >= 2: E A^2 < 1 < E A^3; kappa is about 2 + 1/(2n)."""
    more = symbols("k", nonnegative=True)  # n - 2
    excess = Poly((3 * n**2 - n - 3).subs(n, more + 2).expand(), more)
    positive = Integer(all(c > 0 for c in excess.all_coeffs()))
    # log E A^j = j (j - 2)/n + O(1/n^2): of slope 2/n at j = 2, where it is -1/n^2.
    orders = [limit(n * log(factor_moment(j)), n, oo) - j * (j - 2) for j in range(1, 6)]
    return [
        simplify(factor_moment(3) - 1 - (3 * n**2 - n - 3) / n**3),
        positive - 1,
        limit(n**2 * log(factor_moment(2)), n, oo) + 1,
        *orders,
    ]


def accumulated() -> list[Expr]:
    """A pool of P rows of variance Q: it gains e (n/N' - n/N'^2), N' = P + n."""
    after = P + n
    _, spread = pooled(P)
    there = expect(spread).subs(heat, 1).subs(m, 0).subs(v, Q + e)
    claimed = Q * (1 - n / after**2) + e * (n / after - n / after**2)
    t = symbols("t", positive=True)
    # N' = n t: a share e/t of the floor, so that V_t ~ e log t.
    per_step = (n / after - n / after**2).subs(P, n * (t - 1))
    return [simplify(there - claimed), limit(t * per_step, t, oo) - 1]


def tempered() -> list[Expr]:
    """Below temperature 1 the pool settles: a heat below 1 loses more than the floor brings."""
    _, spread = pooled(P)
    t, where = symbols("t q", positive=True)
    step = expect(spread).subs(m, 0).subs(v, where + e).subs(Q, where) - where
    drift = limit(simplify(step.subs(P, n * (t - 1))) * t, t, oo)
    return [simplify(drift.subs(where, heat * e / (1 - heat)))]


def shrunk() -> list[Expr]:
    """v' = (n v^ + nu psi)/(n + nu), an inverse-gamma prior's fit: E v tends to nu psi/(nu + 1)."""
    nu, psi = symbols("nu psi", positive=True)
    where = nu * psi / (nu + 1)
    step = (n * (1 - 1 / n) * where + nu * psi) / (n + nu)
    return [simplify(step - where)]


PROOFS = (
    Proof("gaussian/floor/one-step", HERE, "moments of A v + e", one_step),
    Proof("gaussian/floor/replaced", HERE, "E v_t and R_t in closed form", replaced),
    Proof("gaussian/floor/settled-spread", HERE, "Var v settles", settled_spread),
    Proof("gaussian/floor/bracket", HERE, "2 < kappa < 3, kappa ~ 2 + 1/(2n)", bracket),
    Proof("gaussian/floor/accumulated", HERE, "a pool gains e/t: log t", accumulated),
    Proof("gaussian/floor/tempered", HERE, "at heat < 1 a pool settles", tempered),
    Proof("gaussian/floor/shrunk", HERE, "the loop keeps the prior", shrunk),
)
