"""Closed forms and limits t -> infinity of E(m_t - m_0)^2 / V(m_0), batches of one size.

Everything follows from E V(m_t) = V (1 + v2 E(m_t - m_0)^2 / V): where V(m_t) is multiplied by
1 + v2 x_t on average, the squared error is (prod(1 + v2 x_t) - 1) / v2, or sum x_t at v2 = 0.
`exponential_facts` proves the steps.
"""

from typing import Any

from sympy import Expr, Integer, Rational, oo, pi, prod, sin, sinh, sqrt

from theory.exponential_loop import Loop


def of_factors(v2: Any, steps: list[Any]) -> Any:
    """Return (prod(1 + v2 x) - 1) / v2, or sum x at v2 = 0."""
    return sum(steps) if v2 == 0 else (prod(1 + v2 * x for x in steps) - 1) / v2


def finite(loop: Loop) -> list[Any]:
    """Return the closed form at t = 1, ..., T: x_t = n_t/N_t^2, N_t the rows since the start.

    Under replace only the last batch counts, N_t = n_t.
    """
    sizes, v2 = loop.plan.sizes, loop.curvature
    replaced = loop.plan.workflow == "replace"
    pools = [n if replaced else sum(sizes[:t]) for t, n in enumerate(sizes, 1)]
    steps = [Rational(n, pool**2) for n, pool in zip(sizes, pools, strict=True)]
    return [of_factors(v2, steps[:t]) for t in range(1, len(sizes) + 1)]


def accumulate(v2: Any, n: Any) -> Expr:
    """Return (prod over all k of (1 + v2/(n k^2)) - 1) / v2."""
    if v2 == 0:
        return pi**2 / (6 * n)
    x = pi * sqrt(abs(v2) / n)
    return ((sinh(x) if v2 > 0 else sin(x)) / x - 1) / v2


def replace(v2: Any) -> Expr:
    """Return the limit of ((1 + v2/n)^t - 1) / v2; |v2| <= n always.

    It is also that of every sliding window: V(m_t) is a bounded supermartingale at v2 < 0, and
    where it converges the noise of new batches, hence V, vanishes; at v2 >= 0 the newest batch
    adds at least V/(n k^2) to the squared error, again and again.
    """
    return -1 / v2 if v2 < 0 else oo


def stationary(v2: Any, noise: Any, kept: Any, rows: Any) -> Expr:
    """Return the fixed point of D = noise + kept^2 (D + (1 + v2 D)/rows)."""
    shrink = kept**2 * (1 + v2 / rows)
    return (noise + kept**2 / rows) / (1 - shrink) if shrink < 1 else oo


def keep_real(v2: Any, first: int, n: int, share: Any) -> Expr:
    """Return the limit where each fit is `share` of batch 1 and the rest the last batch.

    E y_1 d_t is V/n_1 for the mean y_1 of batch 1, at every t, hence the noise.
    """
    real = Rational(first, first + n) if share is None else share
    return stationary(v2, (real**2 + 2 * real * (1 - real)) / first, 1 - real, n)


def fresh_data(v2: Any, real: int, synthetic: int, weight: Any) -> Expr:
    """Return the limit where each fit has `weight` on fresh rows and the rest on sampled ones."""
    w = Rational(real, real + synthetic) if weight is None else weight
    return stationary(v2, w**2 / Integer(real), 1 - w, synthetic)


def squared_error(loop: Loop) -> list[Any]:
    """Return [lim E(m_t - m_0)^2 / V(m_0)]."""
    plan, v2 = loop.plan, loop.curvature
    if plan.workflow == "accumulate":
        return [accumulate(v2, plan.n)]
    if plan.workflow in {"replace", "sliding-window"}:
        return [replace(v2)]
    if plan.workflow == "keep-real":
        return [keep_real(v2, plan.sizes[0], plan.sizes[-1], plan.option)]
    return [fresh_data(v2, *plan.option)]


def inflation(loop: Loop) -> list[Any]:
    """Return [lim n_1 E(m_t - m_0)^2 / V(m_0)]."""
    return [loop.plan.sizes[0] * value for value in squared_error(loop)]


def variance(loop: Loop) -> list[Any]:
    """Return [lim E V(m_t) / V(m_0)]."""
    return [1 if loop.curvature == 0 else 1 + loop.curvature * squared_error(loop)[0]]


def effective_samples(loop: Loop) -> list[Any]:
    """Return [lim V(m_0) / E(m_t - m_0)^2]."""
    return [1 / value for value in squared_error(loop)]
