"""Statements about the loop that follow from its moments: schedules, temperature, weights."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from sympy import (
    Expr,
    Integer,
    Matrix,
    Rational,
    Symbol,
    diff,
    digamma,
    exp,
    eye,
    log,
    oo,
    pi,
    sqrt,
    summation,
    symbols,
    zeros,
)

from theory.derivation import HE, Proof
from theory.gaussian_logs import log_cumulant
from theory.gaussian_loop import Loop
from theory.gaussian_rows import second_moment
from theory.gaussian_steps import PAPER

X, W = symbols("x w", positive=True)
J = Symbol("j", integer=True, positive=True)
T = Symbol("T", integer=True, positive=True)


def equivalence() -> list[Expr]:
    """Accumulate with n has the factor 1 - n/(tn)^2, replace with n t^2 has 1 - 1/(n t^2)."""
    n, t = symbols("n t", positive=True)
    return [(1 - n / (t * n) ** 2) - (1 - 1 / (n * t**2))]


def schedule_bound() -> list[Expr]:
    """n_s/N_s^2 = 1/N_{s-1} - 1/N_s - n_s^2/(N_{s-1} N_s^2): the sum telescopes, below 1/N_1.

    1 - prod(1 - x_s) <= sum x_s, so N_1 E m_t^2 / s_0^2 < 1 + 1 = 2 whatever the schedule is.
    With n_s = 1, 1/N_s^2 > 1/N_s - 1/(N_s + 1): the sum exceeds N_1/(N_1 + 1), so 2 is sharp.
    """
    before, new = symbols("before new", positive=True)
    after = before + new
    return [
        new / after**2 - (1 / before - 1 / after - new**2 / (before * after**2)),
        1 / after**2 - (1 / after - 1 / (after + 1)) - 1 / (after**2 * (after + 1)),
    ]


def schedules() -> list[Expr]:
    """1 + N_1 sum n_s/N_s^2: equal batches pi^2/6, then twice the first, doubling pools."""
    equal = summation(1 / J**2, (J, 2, oo))
    twice = 2 * summation(1 / (2 * J - 1) ** 2, (J, 2, oo))
    doubling = summation(Integer(2) ** (J - 2) / Integer(4) ** (J - 1), (J, 2, oo))
    return [1 + equal - pi**2 / 6, 1 + twice - (pi**2 / 4 - 1), 1 + doubling - Rational(3, 2)]


def critical_temperature(n: Any, ddof: int) -> Expr:
    """Return the temperature at which log v_t has no drift under replace."""
    return exp(-log_cumulant(n - 1, 1)) * (n - ddof)


def critical_drift() -> list[Expr]:
    """At the critical temperature the drift is zero; log of it is 1/(n-1) + O(1/n^2) at ddof 1."""
    n = Symbol("n", positive=True)
    critical = critical_temperature(n, 1)
    drift = log(critical).expand(force=True) + log_cumulant(n - 1, 1) - log(n - 1)
    half = (n - 1) / 2
    # log critical = log half - psi(half), and psi(x) = log x - 1/(2x) + O(1/x^2).
    order = (log(X) - digamma(X)).series(X, oo, 2).removeO().subs(log(1 / X), -log(X))
    return [drift, order.subs(X, half) - 1 / (n - 1)]


def thinning() -> list[Expr]:
    """prod(1 - 1/n_t) > 0 iff sum 1/n_t < oo, for n_t >= 2; two schedules on either side.

    For 0 <= x <= 1/2: -2x <= log(1 - x) <= -x. Both bounds are equal at 0; log(1-x) + x has the
    derivative -x/(1-x), never positive, and log(1-x) + 2x has (1-2x)/(1-x), never negative.
    prod_{2..t} of 1 - 1/j^2 is (t+1)/(2t), above 1/2; of 1 - 1/j it is 1/t.
    """
    kept, lost = (X + 1) / (2 * X), 1 / X
    return [
        diff(log(1 - X) + X, X) + X / (1 - X),
        diff(log(1 - X) + 2 * X, X) - (1 - 2 * X) / (1 - X),
        kept / kept.subs(X, X - 1) - (1 - 1 / X**2),
        kept - Rational(1, 2) - 1 / (2 * X),
        lost / lost.subs(X, X - 1) - (1 - 1 / X),
    ]


def golden_weight() -> list[Expr]:
    """Fresh real rows with weight w and synthetic ones, k = n_real / n_synthetic.

    The stationary variance solves V = w^2 s^2/n_r + (1-w)^2 (V + s^2/n_s). Its minimiser is
    (sqrt(k^2+4k) - k)/2, and n_r V / s^2 has that same number as its minimum; k = 1 gives 1/phi.
    """
    k = Symbol("k", positive=True)
    value = (W**2 + k * (1 - W) ** 2) / (W * (2 - W))
    best = (sqrt(k**2 + 4 * k) - k) / 2
    slope = diff(value, W)
    return [
        W**2 + (1 - W) ** 2 * (value + k) - value,
        slope.subs(W, best),
        value.subs(W, best) - best,
        slope - 2 * (W**2 + k * W - k) / (W**2 * (2 - W) ** 2),  # negative, then positive
        best.subs(k, 1) - 2 / (1 + sqrt(5)),
    ]


def triangular_solve(loop: Loop) -> list[Any]:
    """Return E m_t^2 at ddof 0 and temperature 1 by one triangular solve.

    With noise e_s of batch s, y = S m + e and m = W y, so m = A e with A = (I - W S)^{-1} W, S
    the shift; and E e_s^2 = E v_{s-1} / n_s = (1 - E m_{s-1}^2) / n_s by conservation.
    """
    size = len(loop.sizes)
    weights, shift = zeros(size), zeros(size)
    for t in range(size):
        for s, weight in enumerate(loop.plan.part_weights(t + 1)):
            weights[t, s] = Rational(weight.numerator, weight.denominator)
        if t:
            shift[t, t - 1] = 1
    noise: Matrix = (eye(size) - weights * shift).inv() * weights
    errors: list[Any] = []
    for t in range(size):
        variances = [Integer(1), *[1 - error for error in errors]]
        errors.append(
            sum(noise[t, s] ** 2 * variances[s] / loop.sizes[s] for s in range(t + 1)),
        )
    return errors


def conserved(loop: Loop) -> bool:
    """Return whether E|m_t|^2 + E tr S_t stays at tr S_0."""
    return set(second_moment(loop)) == {1}


def first_order_risk(sizes: Sequence[int]) -> Fraction:
    """Return 1 + N_1 sum_{s >= 2} n_s / N_s^2 of a schedule."""
    pools = [sum(sizes[:s]) for s in range(1, len(sizes) + 1)]
    pairs = list(zip(sizes, pools, strict=True))[1:]
    return 1 + pools[0] * sum((Fraction(n, pool**2) for n, pool in pairs), Fraction(0))


PROOFS = (
    Proof("equivalence", "derived here", "accumulate with n is replace with n t^2", equivalence),
    Proof("schedule-bound", "derived here", "risk inflation below 2", schedule_bound),
    Proof("schedules", PAPER, "inflation of named schedules", schedules),
    Proof("critical-drift", "derived here", "the critical temperature", critical_drift),
    Proof("thinning", "derived here", "replace keeps variance iff sum 1/n_t < oo", thinning),
    Proof("golden-weight", HE, "the optimal weight", golden_weight),
)
