r"""Mixed labels: w times a real one and 1 - w times the last fit's, on the same inputs.

Rows (x, y) of weight w and (x, y') of weight u = 1 - w have the least-squares fit of the rows
(x, w y + u y'). With X_t of n rows, Pi_t the projection on their span and e_t = w_t - w*,

    e_t = u Pi_t e_{t-1} - (I - Pi_t) w* + X_t^+ (w eps_t + u eps'_t),

and e_1 is that at w = 1. New inputs ("paired") have a Pi_t that is independent of e_{t-1} and of a
uniform direction, E|Pi_t e|^2 = (r/d)|e|^2, r = min(n, d). One set of inputs ("fixed") keeps Pi.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

from sympy import Expr, Integer, Matrix, Rational, oo, sqrt, symbols

from theory.derivation import Proof
from theory.regression_facts import design
from theory.regression_loop import Loop
from theory.regression_wishart import inverse

HERE = "derived here"
gamma, A, B, u = symbols("gamma A B u", positive=True)


def _trace(n: int, d: int) -> Any:
    """Return E tr S^+ of n rows: of the inverse of the r x r Gram matrix, whichever it is."""
    short, long = min(n, d), max(n, d)
    return oo if long - short <= 1 else short * inverse(Integer(long), Integer(short))


def _weight(loop: Loop) -> Any:
    """Return the weight of a later batch's real labels."""
    weight = loop.option[2]
    return Rational(1, 2) if weight is None else weight


def paired(key: str) -> Callable[[Loop], list[Any]]:
    """Return the function for E|e_t|^2 ("risk") or E|w_t|^2 ("norm") with new inputs."""

    def values(loop: Loop) -> list[Any]:
        d, square, found = loop.dim, loop.norm, []
        w, error, along = Integer(1), Integer(0), Integer(0)  # along: E e'w*
        for t in range(len(loop.sizes)):
            n = loop.sizes[0] if t == 0 else loop.option[0]
            kept = Rational(min(n, d), d)
            noise = loop.noise**2 * (w**2 + (1 - w) ** 2)
            noise = noise * _trace(n, d) if loop.noise else Integer(0)
            v = 1 - w
            # The two parts of e_t, in the span and beside it, are orthogonal.
            error = v**2 * kept * error + (1 - kept) * square + noise
            along = v * kept * along - (1 - kept) * square
            found.append(error if key == "risk" else error + 2 * along + square)
            w = _weight(loop)
        return found

    return values


def fixed(key: str) -> Callable[[Loop], list[Any]]:
    """Return the function for one set of inputs: e_t = X^+ z_t - (I - Pi) w*."""

    def values(loop: Loop) -> list[Any]:
        n, d, found = loop.sizes[0], loop.dim, []
        kept, variance, w = Rational(min(n, d), d), Integer(0), Integer(1)
        for _ in loop.sizes:
            variance = w**2 + (1 - w) ** 2 * (variance + 1)  # of one entry of z_t
            noise = loop.noise**2 * variance * _trace(n, d) if loop.noise else Integer(0)
            found.append((1 - kept if key == "risk" else kept) * loop.norm + noise)
            w = _weight(loop)
        return found

    return values


def limit_of(key: str, inputs: str) -> Callable[[Loop], list[Any]]:
    """Return the function for the limits, as fixed points."""

    def values(loop: Loop) -> list[Any]:
        n, d, w = loop.option[0], loop.dim, _weight(loop)
        v, kept, square = 1 - w, Rational(min(n, d), d), loop.norm
        noise = loop.noise**2 * (w**2 + v**2) * _trace(n, d) if loop.noise else Integer(0)
        if inputs == "fixed":
            noise = noise / (1 - v**2)
            return [(1 - kept if key == "risk" else kept) * square + noise]
        error = ((1 - kept) * square + noise) / (1 - v**2 * kept)
        along = -(1 - kept) * square / (1 - v * kept)
        return [error if key == "risk" else error + 2 * along + square]

    return values


def structure() -> list[Expr]:
    """Weighted rows with one X: the map of e_{t-1}, w* and both noises, at any rank."""
    w = Rational(3, 10)
    v = 1 - w
    residuals: list[Expr] = []
    for (n, d), seed in product(((4, 2), (2, 3)), (1, 2)):
        X = design(n, d, seed)
        both = X.col_join(X)
        weights = Matrix.diag(*[w] * n, *[v] * n)
        plus = (both.T * weights * both).pinv() * both.T * weights  # maps (y, y') to the fit
        real, sampled = plus[:, :n], plus[:, n:]
        projection = X.pinv() * X
        # y = X w* + eps, y' = X (w* + e) + eps'.
        residuals += list(sampled * X - v * projection)
        residuals += list((real + sampled) * X - projection)
        residuals += list(real - w * X.pinv())
        residuals += list(sampled - v * X.pinv())
    return residuals


def best() -> list[Expr]:
    """The least [A + B (w^2 + u^2)]/(1 - gamma u^2): gamma u^2 - Q u + 1 = 0, golden at A = 0.

    Q = 2 + gamma (1 + A/B) is at least 2 + gamma, so that the quadratic is negative at u = 1/2:
    its smaller root is below, and the weight of real labels above one half.
    """
    risk = (A + B * ((1 - u) ** 2 + u**2)) / (1 - gamma * u**2)
    Q = 2 + gamma * (1 + A / B)
    slope = (risk.diff(u) * (1 - gamma * u**2) ** 2).expand()
    golden = (3 - sqrt(5)) / 2
    at_half = (gamma / 4 - Q / 2 + 1).subs(A, 0)
    same = ((1 - u) ** 2 + u**2) / (1 - u**2)
    return [
        (slope + 2 * B * (gamma * u**2 - Q * u + 1)).expand().simplify(),
        (u**2 - 3 * u + 1).subs(u, golden).expand(),
        ((1 - golden) ** 2 + (1 - golden) - 1).expand(),
        at_half + gamma / 4,
        (same.diff(u) * (1 - u**2) ** 2 + 2 * (u**2 - 3 * u + 1)).simplify(),
    ]


PROOFS = (
    Proof("regression-mixed-labels", HERE, "one fit to real and sampled labels", structure),
    Proof("regression-mixed-weight", HERE, "the best weight, and where it is golden", best),
)
