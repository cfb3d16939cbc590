"""Limits t -> infinity of the risk and of the norm, for batches of one size.

Write a = (d+1)/n and x_i = 1/(i(i-a)) = (1/(i-a) - 1/i) / a. The sum of x_i over i > j
telescopes against digamma, psi(z+1) = psi(z) + 1/z, to (psi(j+1) - psi(j+1-a)) / a.
"""

from collections.abc import Callable
from typing import Any

from sympy import Expr, Integer, Rational, Symbol, digamma, limit, oo, pi, symbols

from theory.derivation import Proof
from theory.regression_loop import Loop
from theory.regression_risk import shares
from theory.regression_wishart import noise_moments

A, B, H, J = symbols("a b h j", positive=True)


def noise_gain(loop: Loop) -> Any:
    """Return the limit of sum_s A_ts^2, the squared error of a loop of means with noise 1."""
    if loop.workflow == "accumulate":
        return pi**2 / 6
    if loop.workflow == "keep-real":
        share = Rational(1, 2) if loop.option is None else Rational(loop.option)
        return 1 / (share * (2 - share))
    return oo  # replace, and any window: a random walk


def pools(loop: Loop) -> Any:
    """Return the limit of sigma^2 sum_i (1/i) E tr S_i^+ for fresh designs that accumulate."""
    n, d, total, i = loop.n, loop.dim, Integer(0), 1
    while i * n <= d + 1:
        total += noise_moments(i * n, d, loop.noise)[0] / i
        i += 1
    tail = digamma(i) - digamma(i - Rational(d + 1, n))
    return total + loop.noise**2 * Rational(d, d + 1) * tail


def limit_of(key: str) -> Callable[[Loop], list[Any]]:
    """Return the function for the limit of the risk or of the norm."""

    def values(loop: Loop) -> list[Any]:
        n, d, start = loop.n, loop.dim, shares(loop)[key]
        one, _ = noise_moments(n, d, loop.noise)
        if loop.design == "fixed":
            return [start + (one * noise_gain(loop) if loop.noise else 0)]
        if loop.workflow == "accumulate":
            return [start + pools(loop)]
        if n >= d:  # a random walk
            return [start + one * oo if loop.noise else start]
        # E|w|^2 <- (n/d) E|w|^2 + noise, and risk = |w*|^2 + E|w|^2: E w_t'w* = (n/d)^t |w*|^2.
        return [one / (1 - Rational(n, d)) + (loop.norm if key == "risk" else 0)]

    return values


def telescoping() -> list[Expr]:
    """The sum over i <= j, by its steps, and its limit: psi(z) - log z -> 0."""
    partial = (digamma(J + 1 - A) - digamma(1 - A) - digamma(J + 1) + digamma(1)) / A
    step = (partial.subs(J, J + 1) - partial).expand(func=True)
    z = Symbol("z", positive=True)
    return [
        step - 1 / ((J + 1) * (J + 1 - A)),
        partial.subs(J, 0),
        limit(digamma(z) - digamma(z - Rational(1, 3)), z, oo),
    ]


def kept_share() -> list[Expr]:
    """Real share h: w_t - w* = b xi_1 + ..., b -> 1 and a geometric series of new noise."""
    fixed = H + (1 - H) * B
    fresh = Symbol("v")
    after = (1 - H) ** 2 * (fresh + 1)
    stationary = (1 - H) ** 2 / (1 - (1 - H) ** 2)
    return [
        fixed.subs(B, 1) - 1,
        (after - fresh).subs(fresh, stationary),
        1 + stationary - 1 / (H * (2 - H)),
    ]


def windows() -> list[Expr]:
    """A window of k: sum_{j=1}^k j e_{t-k+j} gains the new noise only, so e_t drifts like a walk.

    e_{t+1} = (1/k) sum of the last k of e + xi. The weighted sum M_t = sum_j j e_{t-k+j} has
    M_{t+1} - M_t = k e_{t+1} - sum of the last k = sum of k noises: no force pulls it back.
    """
    residuals = []
    for k in (1, 2, 3, 4):
        old, noise = symbols(f"e1:{k + 1}"), symbols(f"x1:{k + 1}")
        new = sum(e + x for e, x in zip(old, noise, strict=True)) / k
        before = sum(j * e for j, e in enumerate(old, 1))
        after = sum(j * e for j, e in enumerate((*old[1:], new), 1))
        residuals.append(after - before - sum(noise))
    return residuals


PROOFS = (
    Proof("regression-telescoping", "derived here", "the digamma limit", telescoping),
    Proof("regression-kept-share", "derived here", "1/(h(2-h)) for a real share h", kept_share),
    Proof("regression-windows", "derived here", "windows are random walks", windows),
)
