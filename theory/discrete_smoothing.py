"""Smoothed fits q = (c + alpha)/(N + K alpha): proofs, and limits by whole laws.

Steps are taken from the generating function of the counts, for any number of rows. In the long run
replace and edits have the stationary law of their counts, which solves linear equations; a pool
that random subsets are fitted to fills up with uniform rows, so that the last fits are to these.
"""

from collections import defaultdict
from collections.abc import Callable
from functools import cache
from itertools import product
from math import prod
from typing import Any

import mpmath as mp
from sympy import (
    QQ,
    Expr,
    Rational,
    Symbol,
    beta,
    cancel,
    ff,
    gamma,
    gammasimp,
    limit,
    log,
    oo,
    simplify,
    symbols,
)
from sympy.polys.matrices import DomainMatrix

from theory.derivation import Proof
from theory.discrete_facts import HERE, _factorial_moments, n, p
from theory.discrete_law import diversity, error
from theory.discrete_loop import Counts, Loop, Model, compositions, multinomial, subsets
from theory.weights_loop import EDIT, SUBSAMPLE, exact, replaced

DIGITS = 40
alpha, P, x, r, a, b = symbols("alpha P x r a b", positive=True)


def _step(pool: Expr) -> tuple[list[Expr], Expr]:
    """Return E q' - q and E(1 - sum q'^2) after n rows of q join a smoothed pool, K = 3."""
    first, second = _factorial_moments()
    q = (p[0], p[1], 1 - p[0] - p[1])
    total = pool + n + 3 * alpha
    means, same = list[Expr](), Rational(0)
    for i, share in enumerate(q):
        held = (pool + 3 * alpha) * share if pool != 0 else alpha  # c + alpha
        square = second[i][i] + first[i]
        means.append((held + first[i]) / total - share)
        same += (held**2 + 2 * held * first[i] + square) / total**2
    return means, 1 - same


def replace_step() -> list[Expr]:
    """E q' = c q + u/3, and E H' = (2/3) u (2 - u) + c^2 (1 - 1/n) H: c = n/(n + 3 alpha)."""
    q = (p[0], p[1], 1 - p[0] - p[1])
    means, differ = _step(Rational(0))
    c = n / (n + 3 * alpha)
    u, before = 1 - c, 1 - sum(s**2 for s in q)
    stated = Rational(2, 3) * u * (2 - u) + c**2 * (1 - 1 / n) * before
    gaps = [m - u * (Rational(1, 3) - s) for m, s in zip(means, q, strict=True)]
    return [cancel(gap) for gap in (*gaps, differ - stated)]


def pool_step() -> list[Expr]:
    """Accumulate: E q' = q, and E H' = H (1 - n/(N' + K alpha)^2), N' = P + n."""
    q = (p[0], p[1], 1 - p[0] - p[1])
    means, differ = _step(P)
    stated = (1 - sum(s**2 for s in q)) * (1 - n / (P + n + 3 * alpha) ** 2)
    return [cancel(gap) for gap in (*means, differ - stated)]


def spectrum() -> list[Expr]:
    """Replace: E (c')_j = (n)_j q^j has degree j in c, with the leading term (1-u)^j (n)_j/n^j.

    So that the matrix of the chain is triangular on polynomials, and these are its eigenvalues;
    K outcomes: c is one outcome's count.
    """
    c, K = symbols("c K", positive=True)
    u = K * alpha / (n + K * alpha)
    return [
        cancel(
            (ff(n, j) * ((c + alpha) / (n + K * alpha)) ** j).expand(func=True).diff(c, j)
            / prod(range(1, j + 1))
            - ((1 - u) ** j * ff(n, j) / n**j).expand(func=True)
        )
        for j in range(1, 6)
    ]


def settled() -> list[Expr]:
    """Replace: the end of H, and the floor (1 - 1/K) 2A/(2A + 1), A = K alpha, which it exceeds."""
    h, A = symbols("h A", positive=True)
    u, c = A / (n + A), n / (n + A)
    end = h * u * (2 - u) / (u * (2 - u) + c**2 / n)
    y = A * (2 + A / n)
    return [
        cancel(end - h * u * (2 - u) - c**2 * (1 - 1 / n) * end),
        cancel(end - h * y / (1 + y)),
        cancel(
            h * y / (1 + y) - h * 2 * A / (2 * A + 1) - h * (y - 2 * A) / ((1 + y) * (2 * A + 1))
        ),
    ]


def product_of_gammas() -> list[Expr]:
    """prod_{s=2}^t (1 - r^2/(s+x)^2) as gammas, r^2 = 1/n and x = K alpha/n; the last tend to 1.

    log Gamma(z) is (z - 1/2) log z - z + constant + O(1/z), of which second differences vanish.
    """
    t = Symbol("t", positive=True)

    def partial(s: Expr) -> Expr:
        last = gamma(s + 1 + x - r) * gamma(s + 1 + x + r) / gamma(s + 1 + x) ** 2
        return last * gamma(2 + x) ** 2 / (gamma(2 + x - r) * gamma(2 + x + r))

    def stirling(z: Expr) -> Expr:
        return (z - Rational(1, 2)) * log(z) - z

    gap = stirling(t + r) + stirling(t - r) - 2 * stirling(t)
    return [
        simplify(partial(1) - 1),
        simplify(gammasimp(partial(t) / partial(t - 1)) - 1 + r**2 / (t + x) ** 2),
        limit(gap, t, oo),
    ]


def urn() -> list[Expr]:
    """Accumulate one row at a time: any t rows with j ones have the chance B(a+j, b+t-j)/B(a, b).

    After a - alpha ones and b - alpha zeros the next row is one with probability a/(a + b), and so
    on: each step is the ratio of these chances, so that by de Finetti's theorem the rows are
    independent given a share that is Beta(a, b), to which the fits tend. With K outcomes merge
    others: Dirichlet(c_1 + alpha).
    """
    j, k = symbols("j k", positive=True)

    def chance(ones: Expr, zeros: Expr) -> Expr:
        return (beta(a + ones, b + zeros) / beta(a, b)).rewrite(gamma)

    one = gammasimp(chance(j + 1, k) / chance(j, k)) - (a + j) / (a + b + j + k)
    zero = gammasimp(chance(j, k + 1) / chance(j, k)) - (b + k) / (a + b + j + k)
    drawn = []
    for rows in product((0, 1), repeat=3):
        ones, way = 0, Rational(1)
        for t, row in enumerate(rows):
            way *= ((a + ones) if row else (b + t - ones)) / (a + b + t)
            ones += row
        drawn.append(simplify(gammasimp(chance(ones, 3 - ones)) - way))
    return [simplify(one), simplify(zero), *drawn]


def posterior_variance() -> list[Expr]:
    """One row at a time: prod_{s>=1} (1 - 1/(M + s)^2) = M/(M + 1), as of a Dirichlet law.

    Unsmoothed, M = n: of 1 - sum p^2 the share (1 - 1/n) n/(n + 1) = 1 - 2/(n + 1) is left.
    """
    s = Symbol("s", positive=True)
    total = Symbol("M", positive=True)
    partial = total * (total + s + 1) / ((total + 1) * (total + s))
    return [
        partial.subs(s, 0) - 1,
        cancel(partial / partial.subs(s, s - 1) - 1 + 1 / (total + s) ** 2),
        limit(partial, s, oo) - total / (total + 1),
        cancel((1 - 1 / n) * n / (n + 1) - 1 + 2 / (n + 1)),
    ]


def _replace(loop: Loop, counts: Counts) -> list[tuple[Counts, Any]]:
    rows = sum(counts)
    return list(multinomial(rows, loop.fit(tuple(QQ(c, rows) for c in counts), rows)))


def _edit(loop: Loop, counts: Counts) -> list[tuple[Counts, Any]]:
    rows, (how, numbers) = sum(counts), loop.plan.option
    model = loop.fit(tuple(QQ(c, rows) for c in counts), rows)
    return [
        (tuple(i + j for i, j in zip(kept, new, strict=True)), given * one * two)
        for given, gone in replaced(how, numbers[0], rows)
        for kept, one in subsets(counts, rows - gone)
        for new, two in multinomial(gone, model)
    ]


@cache
def stationary(loop: Loop) -> dict[Counts, Any]:
    """Return the law of the counts that a step leaves as it is."""
    states = compositions(loop.plan.sizes[0], len(loop.truth))
    step = _edit if loop.plan.workflow == EDIT else _replace
    rows = []
    for counts in states:
        law: dict[Counts, Any] = defaultdict(lambda: QQ(0))
        for after, chance in step(loop, counts):
            law[after] += chance
        rows.append([law[other] - QQ(int(other == counts)) for other in states])
    matrix = DomainMatrix(rows, (len(states), len(states)), QQ).transpose()
    (null,) = matrix.nullspace().to_Matrix().tolist()
    total = sum(null)
    return {counts: exact(value / total) for counts, value in zip(states, null, strict=True)}


def _last(loop: Loop, value: Callable[[Model], Any]) -> Any:
    """Return the expectation of a function of the last fits."""
    K, plan = len(loop.truth), loop.plan
    if plan.workflow == SUBSAMPLE:
        k = plan.n if plan.option is None else plan.option
        law = dict(multinomial(k, (QQ(1, K),) * K))
    else:
        law = stationary(loop)
    rows = sum(next(iter(law)))
    return sum(
        (
            p * value(loop.fit(tuple(QQ(c, rows) for c in counts), rows))
            for counts, p in law.items()
        ),
        QQ(0),
    )


def _pooled(loop: Loop, value: Callable[[Model], Any]) -> tuple[Any, mp.mpf]:
    """Return the expectation at generation 1, and the share of H that is left in the end."""
    rows, K = loop.plan.n, len(loop.truth)
    law = multinomial(rows, loop.origin)
    first = sum(
        (
            chance * value(loop.fit(tuple(QQ(c, rows) for c in counts), rows))
            for counts, chance in law
        ),
        QQ(0),
    )
    with mp.workdps(DIGITS):
        A, root = mp.mpf(int(loop.smoothing.p)) * K / int(loop.smoothing.q) / rows, mp.sqrt(rows)
        share = mp.gammaprod([2 + A, 2 + A], [2 + A - 1 / root, 2 + A + 1 / root])
    return QQ.to_sympy(first), share


def heterozygosity(loop: Loop) -> list[Any]:
    """Return [lim E(1 - sum q_i^2)]."""
    if loop.plan.workflow == "accumulate":
        first, share = _pooled(loop, diversity)
        with mp.workdps(DIGITS):
            return [mp.mpf(int(first.p)) / int(first.q) * share]
    return [QQ.to_sympy(_last(loop, diversity))]


def squared_error(loop: Loop) -> list[Any]:
    """Return [lim E|q_t - p_0|^2 / H_0]: under accumulate it grows by what H loses."""
    if loop.plan.workflow == "accumulate":
        first, _ = _pooled(loop, error(loop))
        differ, share = _pooled(loop, diversity)
        start = QQ.to_sympy(diversity(loop.origin))
        with mp.workdps(DIGITS):
            lost = mp.mpf(int((differ / start).p)) / int((differ / start).q) * (1 - share)
            return [mp.mpf(int(first.p)) / int(first.q) + lost]
    return [QQ.to_sympy(_last(loop, error(loop)))]


PROOFS = (
    Proof("smoothed-replace", HERE, "one step of replace, smoothed", replace_step),
    Proof("smoothed-accumulate", HERE, "a martingale; what H loses", pool_step),
    Proof("smoothed-spectrum", HERE, "(1-u)^j (n)_j/n^j, j = 0..n", spectrum),
    Proof("smoothed-settled", HERE, "replace's end, and its floor at any n", settled),
    Proof("smoothed-gammas", HERE, "accumulate's product", product_of_gammas),
    Proof("smoothed-urn", "Eggenberger & Polya 1923", "one row at a time: a Polya urn", urn),
    Proof("smoothed-posterior", HERE, "M/(M + 1) of H is left", posterior_variance),
)
