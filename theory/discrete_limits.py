"""Limits t -> infinity of E(1 - sum p_i^2), batches of one size, and laws that do not depend on t.

A symbol's indicator is a Bernoulli row, the binomial family with V(p) = p(1-p), v2 = -1; the sum
over symbols makes E H_t / H_0 = 1 - E|p_t - p_0|^2 / H_0, the second being that family's error.
"""

from math import comb, lcm
from typing import Any

from sympy import Expr, Integer, Rational

from theory import gaussian_limits
from theory.discrete_loop import Loop
from theory.exponential_limits import accumulate, fresh_data, keep_real, replace

V2 = Rational(-1)


def _error(plan: Any) -> Expr:
    if plan.workflow == "accumulate":
        return accumulate(V2, plan.n)
    if plan.workflow == "accumulate-subsample":
        # The same second moments as those of normal rows, at ddof 0; one draw has no diversity.
        return 1 - gaussian_limits.subsample(plan.n) if plan.n > 1 else Integer(1)
    if plan.workflow == "keep-real":
        return keep_real(V2, plan.sizes[0], plan.sizes[-1], plan.option)
    if plan.workflow == "fresh-data":
        return fresh_data(V2, *plan.option)
    return replace(V2)


def heterozygosity(loop: Loop) -> list[Expr]:
    """Return [lim E(1 - sum p_i^2)]."""
    return [(1 - _error(loop.plan)) * (1 - sum(p**2 for p in loop.truth))]


def squared_error(loop: Loop) -> list[Expr]:
    """Return [lim E|p_t - p_0|^2 / H_0]."""
    return [_error(loop.plan)]


def last_absent(loop: Loop) -> list[Expr]:
    """Return the limit of the expected number of absent symbols: all but one under replace."""
    if loop.plan.workflow == "replace":
        return [Integer(len(loop.truth) - 1)]
    return absent(loop)[-1:]


def last_missing_mass(loop: Loop) -> list[Expr]:
    """Return the limit of the expected probability of what is lost: one is left under replace.

    Outcome i is the one that is left with probability p_i, as p_t is a martingale.
    """
    if loop.plan.workflow == "replace":
        return [1 - sum(p**2 for p in loop.truth)]
    return missing_mass(loop)[-1:]


def last_collapsed(loop: Loop) -> list[Expr]:
    """Return the limit of the chance that one symbol is left: certain under replace."""
    return [Integer(1)] if loop.plan.workflow == "replace" else collapsed(loop)[-1:]


def last_any_absent(loop: Loop) -> list[Expr]:
    """Return the limit of the chance that some symbol is absent: certain under replace."""
    return [Integer(1)] if loop.plan.workflow == "replace" else any_absent(loop)[-1:]


def absent(loop: Loop) -> list[Rational]:
    """Return the expected number of absent symbols under accumulate: sum (1 - p_i)^{n_1}."""
    first = loop.plan.sizes[0]
    return [sum((1 - p) ** first for p in loop.truth)] * loop.plan.generations


def missing_mass(loop: Loop) -> list[Rational]:
    """Return the same of their true probability: sum p_i (1 - p_i)^{n_1}."""
    first = loop.plan.sizes[0]
    return [sum(p * (1 - p) ** first for p in loop.truth)] * loop.plan.generations


def any_absent(loop: Loop) -> list[Rational]:
    """Return the chance that some symbol is absent under accumulate: from batch 1's rows.

    Of the weights of all ways to give k rows to some symbols, at least one to each, the next
    symbol takes j of them in binomial(k, j) ways; all are multiplied by D^k, the probabilities'
    common denominator, so that they are whole numbers.
    """
    first = loop.plan.sizes[0]
    shared = lcm(*(int(p.q) for p in loop.truth))
    ways = [1] + [0] * first
    for p in loop.truth:
        weight = int(p * shared)
        ways = [
            sum(comb(k, j) * weight**j * ways[k - j] for j in range(1, k + 1))
            for k in range(first + 1)
        ]
    return [1 - Rational(ways[first], shared**first)] * loop.plan.generations


def collapsed(loop: Loop) -> list[Rational]:
    """Return the chance that one symbol is all there is under accumulate: sum p_i^{n_1}."""
    return [sum(p ** loop.plan.sizes[0] for p in loop.truth)] * loop.plan.generations
