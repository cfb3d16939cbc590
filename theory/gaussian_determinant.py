"""E det S_t over det S_0, from E det X_A det X_B over sets of rows.

A row becomes (1, x), a row vector of D = d + 1 numbers, and X_A is the matrix of D rows. With M the
weighted mean of these rows' squares, det M = det of the ddof-0 covariance (Schur), and by Cauchy
and Binet det M = sum over sets A of D rows of the product of their weights times (det X_A)^2. Given
the model of its batch a sampled row has the mean m and the second moment m m' + h (M - m m') of the
training rows, h the temperature over the divisor, and another row of the batch is independent: so
rows of the newest batch are replaced by training rows, in both determinants at once, until only
real rows are left, of mean (1, 0, ..., 0) and second moment I. No other moment enters. (Covariances
S_0 are I in the coordinates that make them so; where there are none, all determinants are 0.)
"""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import combinations, product
from math import comb, factorial, prod
from typing import Any

import mpmath as mp
from sympy import (
    QQ,
    Expr,
    Integer,
    Matrix,
    Poly,
    Rational,
    Symbol,
    assoc_laguerre,
    binomial,
    expand,
    ff,
    fraction,
    oo,
    symbols,
    together,
)
from sympy.combinatorics import Permutation
from sympy.combinatorics.named_groups import SymmetricGroup

from theory.derivation import Proof
from theory.gaussian_accumulate import number
from theory.gaussian_logs import log_cumulant, power, steps
from theory.gaussian_loop import Loop
from theory.gaussian_steps import P, accumulate_factor, heat, k, n, subsample_factor
from theory.weights_loop import EDIT, SETS, SUBSAMPLE, averaged

Rows = tuple[int, ...]
DIGITS = 30
S = Symbol("s")
HERE = "derived here"


def batch_of(loop: Loop, row: int) -> int:
    """Return the batch of a row, from 1."""
    rows = 0
    for s, size in enumerate(loop.sizes, 1):
        rows += size
        if row < rows:
            return s
    raise ValueError(row)


def sign(order: Rows) -> int:
    """Return the sign of a permutation."""
    found: int = Permutation(list(order)).signature()
    return found


def real(first: Rows, second: Rows) -> Any:
    """Return E det X_A det X_B of real rows: at most one of either is not among the other's."""
    alone = set(first) - set(second)
    if len(alone) > 1:  # two rows with the same mean
        return QQ(0)
    only = dict.fromkeys(alone, next(iter(set(second) - set(first)), None))
    aligned = [only.get(row, row) for row in first]
    order = tuple(aligned.index(row) for row in second)
    return QQ(sign(order) * factorial(len(first) - len(alone)))


def renamed(loop: Loop, rows: Iterable[int]) -> dict[int, int]:
    """Return other names for rows, by their order within each batch: rows of a batch are alike."""
    if loop.workflow == SETS:  # where they are replaced one by one
        return {row: row for row in rows}
    names: dict[int, int] = {}
    taken = [sum(loop.sizes[:s]) for s in range(len(loop.sizes))]
    for row in rows:
        if row not in names:
            s = batch_of(loop, row) - 1
            names[row] = taken[s]
            taken[s] += 1
    return names


def expected(loop: Loop, first: Rows, second: Rows) -> Any:
    """Return E det X_A det X_B of any rows, no two alike in A or in B."""
    newest = max(batch_of(loop, row) for row in (*first, *second))
    if newest == 1:
        return real(first, second)
    return drawn(loop, newest - 1, first, second, frozenset())


def drawn(loop: Loop, t: int, first: Rows, second: Rows, used: frozenset[int]) -> Any:
    """Replace the rows sampled from model t by rows that it has been fitted to; some are `used`."""
    names = renamed(loop, (*first, *second, *sorted(used)))
    one, two = (tuple(names[row] for row in rows) for rows in (first, second))
    return _drawn(loop, t, one, two, frozenset(names[row] for row in used))


@cache
def _drawn(loop: Loop, t: int, first: Rows, second: Rows, used: frozenset[int]) -> Any:
    row = max(*first, *second)
    if batch_of(loop, row) <= t:
        share = chance(loop, t, len(used))
        return share * expected(loop, first, second) if share else share
    total = QQ(0)
    for factor, a, b in _pairs(loop, t, row in first and row in second):
        one = tuple(a if r == row else r for r in first)
        two = tuple(b if r == row else r for r in second)
        if len(set(one)) == len(one) and len(set(two)) == len(two):
            total += factor * drawn(loop, t, one, two, used | {a, b})
    return total


def weights(loop: Loop, t: int) -> list[Any]:
    """Return the weight of each row if fit t trains on it."""
    if loop.workflow == SUBSAMPLE:
        return [QQ(1, loop.plan.budget(t))] * sum(loop.sizes[:t])
    return [QQ(w) for w in loop.plan.row_weights(t)]


def chance(loop: Loop, t: int, rows: int) -> Any:
    """Return the chance that fit t trains on so many given rows."""
    if loop.workflow != SUBSAMPLE:
        return QQ(1)
    chosen, total = loop.plan.budget(t), sum(loop.sizes[:t])
    return QQ(comb(chosen, rows), comb(total, rows))


def _pairs(loop: Loop, t: int, both: bool) -> Iterator[tuple[Any, int, int]]:
    """Yield what stands for a sampled row in the one and in the other determinant."""
    w = weights(loop, t)
    hot = loop.heat / loop.divisor(t) if both else QQ(1)
    for a, weight in enumerate(w):
        if weight:
            yield hot * weight, a, a
    if hot != 1:
        for a, b in product(range(len(w)), repeat=2):
            if w[a] * w[b]:
                yield (1 - hot) * w[a] * w[b], a, b


def determinant(loop: Loop) -> list[Rational]:
    """Return E det S_t / det S_0."""
    if loop.workflow == EDIT:
        return averaged(loop.plan, lambda plan: determinant(loop.following(plan)))
    size, found = loop.dim + 1, []
    for t in range(1, len(loop.sizes) + 1):
        total = QQ(0)
        if loop.workflow == SETS:
            there = [row for row, w in enumerate(weights(loop, t)) if w]
            total = sum((expected(loop, a, a) for a in combinations(there, size)), QQ(0))
            total /= loop.divisor(t) ** loop.dim * len(there) ** size
            found.append(QQ.to_sympy(total))
            continue
        w = weights(loop, t)
        for counts in product(*(range(min(size, rows) + 1) for rows in loop.sizes[:t])):
            if sum(counts) != size:
                continue
            starts = [sum(loop.sizes[:s]) for s in range(t)]
            chosen = tuple(x + i for x, c in zip(starts, counts, strict=True) for i in range(c))
            ways = prod(map(comb, loop.sizes[:t], counts))
            weight = prod((w[row] for row in chosen), start=QQ(ways))
            if weight:
                total += weight * expected(loop, chosen, chosen)
        shared = chance(loop, t, size) if sum(loop.sizes[:t]) >= size else QQ(0)
        found.append(QQ.to_sympy(total * shared / loop.divisor(t) ** loop.dim))
    return [Rational(0)] * len(found) if singular(loop) else found


def singular(loop: Loop) -> bool:
    """Return whether the truth has no variance in some direction."""
    if loop.truth is None or loop.truth.rows is None:
        return False
    return bool(Matrix(loop.truth.centred()).rank() < loop.dim)


def determinant_variance(loop: Loop) -> list[Expr]:
    """Return Var det S_t / det S_0 under replace: det W is a product of chi-squares."""
    mean, square, found = Integer(1), Integer(1), []
    for size, _, scale in steps(loop):
        for i in range(1, loop.dim + 1):
            mean *= scale * power(size - i, 1)
            square *= scale**2 * power(size - i, 2)
        found.append(square - mean**2)
    return found


def polynomial(size: int, rows: Any) -> Expr:
    """Return P_D(s): the sum over permutations of sign s^(fixed points) n^-(D - cycles)."""
    total = Integer(0)
    for element in SymmetricGroup(size).generate():
        fixed = size - len(element.support())
        total += element.signature() * S**fixed * Rational(1) / rows ** (size - element.cycles)
    return expand(total)


def limit(loop: Loop) -> list[Any]:
    """Return [lim E det S_t / det S_0]: under accumulate prod 1/Gamma(1 - r), r the roots of P_D.

    E det S_t / det S_0 is the product of P_D(s) / s^D, s = 1..t, and the roots sum to 0.
    """
    if loop.n <= loop.dim or singular(loop):
        return [Integer(0)]
    if loop.workflow == "replace":
        heated = Rational(loop.temperature) ** loop.dim
        first = prod(Rational(loop.n - i, loop.n - loop.ddof) for i in range(1, loop.dim + 1))
        ratio = heated * first
        return [Integer(0) if ratio < 1 else first if ratio == 1 else oo]
    if loop.workflow == SUBSAMPLE:
        return [subsample_limit(loop.dim + 1, Integer(loop.n))]
    coefficients = Poly(polynomial(loop.dim + 1, Integer(loop.n)), S).all_coeffs()
    with mp.workdps(DIGITS):
        roots = mp.polyroots([mp.mpf(c.p) / c.q for c in coefficients], maxsteps=500, extraprec=200)
        return [mp.re(mp.fprod(mp.rgamma(1 - root) for root in roots))]


def subsample_limit(size: int, rows: Any) -> Any:
    """Return the limit for a budget of one batch, by the zeros and poles of the pool's factor.

    prod_{t >= 1} of (t - zeros)/(t - poles), with sums that agree, is a ratio of gamma functions.
    """
    above, below = fraction(together(closed(size, S * rows, rows, rows, Integer(1))))
    share = ff(rows, size) / rows**size
    with mp.workdps(DIGITS):
        total = mp.mpf(1)
        for whole, side in ((Poly(above, S), -1), (Poly(below, S), 1)):
            for part, times in whole.sqf_list()[1]:
                values = [mp.mpf(Rational(c).p) / Rational(c).q for c in part.all_coeffs()]
                for x in mp.polyroots(values, maxsteps=500, extraprec=400):
                    total *= mp.gamma(1 - x) ** (side * times)
        return mp.re(total) * (mp.mpf(Rational(share).p) / Rational(share).q) ** 2


def first_log(loop: Loop) -> Any:
    """Return E log det of the first fit's ddof-0 covariance, over det S_0."""
    with mp.workdps(DIGITS):
        size, dims = loop.sizes[0], range(1, loop.dim + 1)
        return sum(number(log_cumulant(size - i, 1)) for i in dims) - loop.dim * mp.log(size)


def upper(loop: Loop) -> list[Any]:
    """Bound E log det S_t / det S_0 by Jensen, for a normal truth and accumulate: after S_1."""
    with mp.workdps(DIGITS):
        means = [mp.mpf(value.p) / value.q for value in determinant(loop)]
        fits = loop.dim * mp.log(1 - mp.mpf(loop.ddof) / loop.sizes[0])
        return [first_log(loop) - fits + mp.log(value / means[0]) for value in means]


def square_bound(loop: Loop) -> list[Rational]:
    """Bound E (det S_t / det S_0)^2 for a normal truth and accumulate.

    With S' = S^(1/2) B S^(1/2), B independent of S, and all eigenvalues of B at least 0, their
    product is at most their mean to the power d, and P' tr B = P d + h (X + P/P' Y), with X and Y
    chi-squares of d (n - 1) and d degrees of freedom. At t = 1 the determinant's law is known.
    """
    d, order = loop.dim, 2 * loop.dim
    pool, found = loop.sizes[0], []
    value = prod(power(pool - i, 2) for i in range(1, d + 1)) / Integer(pool) ** order
    for t, size in enumerate(loop.sizes):
        if t:
            after = pool + size
            hot = Rational(loop.temperature) / (1 - Rational(loop.ddof, pool))
            moments = (
                factorial(order)
                / Integer(factorial(a) * factorial(b) * factorial(order - a - b))
                * (pool * d) ** a
                * hot ** (order - a)
                * power(d * (size - 1), b)
                * (Rational(pool, after) ** (order - a - b) * power(d, order - a - b))
                for a in range(order + 1)
                for b in range(order + 1 - a)
            )
            value *= sum(moments) / Integer(d * after) ** order
            pool = after
        found.append(value / (1 - Rational(loop.ddof, pool)) ** order)
    return found


def closed(size: int, pool: Any, rows: Any, chosen: Any, hot: Any) -> Expr:
    """Return the factor of det M when a fit to k of P rows samples n rows.

    There are D columns, one of them constant; `hot` is the temperature over the fit's divisor.
    """
    total = Integer(0)
    for j in range(size + 1):
        share = ff(chosen, j) / chosen**j * pool**j / ff(pool, j)
        apart = (chosen - j) * pool * (size - j) / (chosen * size * (pool - j)) if j < size else 0
        if j:
            share *= hot ** (j - 1) * (1 + (hot - 1) * apart)
        weight = binomial(size, j) * pool ** (size - j) * rows**j / (pool + rows) ** size
        total += weight * ff(rows, j) / rows**j * share
    return total


def one_dimension() -> list[Expr]:
    """At D = 2 it is the factor of a variance, at any temperature, ddof and budget."""
    found = []
    for ddof in (0, 1):
        pooled = closed(2, P, n, P, heat * P / (P - ddof)) - accumulate_factor(ddof)
        chosen = closed(2, P, n, k, heat * k / (k - ddof)) - subsample_factor(ddof)
        found += [pooled, chosen]
    return found


def factors() -> list[Expr]:
    """Sum over permutations, over the batch's share, Laguerre's polynomials: all the same P_D."""
    found = []
    for size in range(1, 6):
        terms = (
            binomial(size, j) * (S - 1) ** (size - j) * ff(n, j) / n**j for j in range(size + 1)
        )
        value = polynomial(size, n)
        laguerre = factorial(size) / n**size * assoc_laguerre(size, n - size, -n * (S - 1))
        stepped = closed(size, (S - 1) * n, n, (S - 1) * n, Integer(1)) * S**size
        found += [value - sum(terms), value - laguerre, value - stepped]
        found.append(Poly(value, S).coeff_monomial(S ** (size - 1)))
    return found


def bilinear() -> list[Expr]:
    """E det(A + U_1 + U_2) of independent rank-one U in three columns has mixed terms alone."""
    a = symbols("a0:3")
    q = Matrix(3, 3, lambda i, j: Symbol(f"q{min(i, j)}{max(i, j)}"))
    x = Matrix(3, 2, lambda i, j: Symbol(f"x{i}_{j}"))
    rank = [x[:, j] * x[:, j].T for j in (0, 1)]
    whole = expand((Matrix.diag(*a) + rank[0] + rank[1]).det())
    # A row's products have expectations q; no higher power of one row survives.
    for j in (0, 1):
        rows = list(x[:, j])
        table = Poly(whole, *rows)
        whole = expand(sum(c * _second(q, powers) for powers, c in table.terms()))
    y = Symbol("y")
    generating = Poly(expand((Matrix.diag(*a) + y * q).det()), y)
    one, two = generating.coeff_monomial(y), generating.coeff_monomial(y**2)
    # The coefficient of y^j is C(3, j) Dmix with Q taken j times, and (2)_1 = (2)_2 = 2: one Q is
    # the mean of U, so it comes with 1^j.
    return [expand(whole - Matrix.diag(*a).det() - 2 * one - 2 * two)]


def _second(q: Matrix, powers: Rows) -> Expr:
    indices = [i for i, m in enumerate(powers) for _ in range(m)]
    assert len(indices) in (0, 2)
    return Integer(1) if not indices else q[indices[0], indices[1]]


PROOFS = (
    Proof("determinant-rank-one", HERE, "E det(A + U_1 + U_2)", bilinear),
    Proof("determinant-variance", HERE, "one column more: a variance", one_dimension),
    Proof("determinant-polynomial", HERE, "P_D in three ways; roots sum to 0", factors),
)
