r"""Third and fourth moments of the loop: its skewness, and variances over replicates.

In units of the truth one observation at x has the cumulants g, g g' and g (g'^2 + g g''), with
g = 1 + s x + v2 x^2, and a mean of n rows the same over n, n^2 and n^3. So the conditional moment
of order j is a polynomial in x of degree j, and the joint moments of the slots up to order 4 are
closed under a step. E x^2 and E x^4 do not change when x and s change sign, and E x^3 does.
"""

from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial import Polynomial

from modelcollapse._support.checks import Floats, number
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.loop.schedule import Schedule
from modelcollapse.solver.chains import Recurrence, Second, chain, solve_chain
from modelcollapse.solver.parts import at_least, checked, checked_curvature, shared
from modelcollapse.solver.scan import grown
from modelcollapse.solver.slots import SlotStep, extended, merged, steps
from modelcollapse.workflows import AnyWorkflow

MOST = 1e100  # of a skewness: its powers are floats
MOST_SLOTS = 40  # a moment tensor has 40^4 entries
Unit = tuple[Polynomial, Polynomial, Polynomial]


def error_variances(
    workflow: AnyWorkflow | Schedule, sizes: Any, curvature: float = 0.0, skew2: float = 0.0
) -> Floats:
    r"""Return the variance over replicates of :math:`(m_t - m_0)^2 / V(m_0)`, shape (T,).

    To rounding where the fit is a chain, as under replace, accumulate, fresh data and web; else it
    is E x^4 - (E x^2)^2, to about 1e-14 of E x^4 and not negative.

    Parameters
    ----------
    workflow, sizes, curvature
        As for `squared_errors`.
    skew2
        V'(m_0)^2 / V(m_0), the squared skewness of one observation: 0 for the normal,
        1/mean for Poisson, (1-2p)^2 / (N p (1-p)) for binomial, 4/shape for gamma.

    Raises
    ------
    NoClosedForm
        If the workflow is random, or must remember more than 40 batches.
    """
    v2 = checked_curvature(curvature)
    s = float(np.sqrt(at_least("skew2", skew2, 0, "it is a square")))
    return higher_moments(checked(workflow, sizes), v2, s).spread


def third_moments(
    workflow: AnyWorkflow | Schedule, sizes: Any, curvature: float = 0.0, skewness: float = 0.0
) -> Floats:
    r"""Return :math:`E (m_t - m_0)^3 / V(m_0)^{3/2}`, shape (T,).

    Parameters
    ----------
    workflow, sizes, curvature
        As for `squared_errors`.
    skewness
        V'(m_0) / sqrt(V(m_0)), that of one observation, of either sign.

    Raises
    ------
    NoClosedForm
        As for `error_variances`.
    """
    v2, remedy = checked_curvature(curvature), f"give a number from {-MOST:g} to {MOST:g}"
    s = number("skewness", skewness, -MOST, MOST, remedy)
    return higher_moments(checked(workflow, sizes), v2, s).third


class Higher(NamedTuple):
    """E x_t^3, and the variance over replicates of x_t^2 and of V(m_t)/V(m_0), each (T,)."""

    third: Floats
    spread: Floats
    variance: Floats


def higher_moments(schedule: Schedule, v2: float, s: float) -> Higher:
    """Return the moments of a deterministic schedule; errors as for `error_variances`."""
    if schedule.edits is not None:
        raise NoClosedForm(f"{schedule!r}: see predict(experiment) of a family")
    linear = chain(schedule)
    with np.errstate(over="ignore", invalid="ignore"):
        unit = _cumulants(s, v2)
        if linear is not None:
            both = solve_chain(linear, v2)
            second, (third, spread) = both.errors, _chained(linear, unit)
            if not schedule.fresh:
                variance = grown(_curved(linear, both, v2, s))
                return Higher(_signed(third, s), grown(spread), variance)
        else:
            second, third, fourth = _remembered(list_steps(schedule), unit)
            # Once E x^4 is infinite, so is the variance, whatever E x^2 is.
            spread = np.maximum(fourth - second**2, 0.0)
        spread = grown(spread)
        return Higher(_signed(third, s), spread, curved(second, third, spread, v2, s))


def _signed(third: Floats, s: float) -> Floats:
    """Return third moments, infinite from where they left the range of floats; 0 without skew."""
    return np.asarray(np.sign(s) * grown(np.abs(third)) if s else np.zeros_like(third))


def curved(second: Floats, third: Floats, spread: Floats, v2: float, s: float) -> Floats:
    """Return Var (1 + s x + v2 x^2), from E x^2, E x^3 and Var x^2; each of shape (T,)."""
    found = s * s * second
    if s * v2 != 0:
        found = found + 2 * s * v2 * third
    if v2 != 0:
        found = found + v2 * v2 * spread
    return np.where(np.isfinite(found), np.maximum(found, 0.0), np.inf)


def list_steps(schedule: Schedule) -> list[SlotStep]:
    """Return the steps of a workflow that remembers at most 40 slots.

    Raises
    ------
    NoClosedForm
        If it remembers more.
    """
    found: list[SlotStep] = []
    slots = 0
    for step in steps(schedule):
        slots += (step.real > 0) + (step.sampled > 0)
        if step.carry is not None:
            slots = len(step.carry)
        if slots > MOST_SLOTS:
            raise NoClosedForm(
                f"error_variances of {schedule!r}: it remembers more than {MOST_SLOTS} batches at "
                f"generation {len(found) + 1}, and their joint fourth moments have that number to "
                "the fourth power of entries; ask for fewer generations or a shorter window"
            )
        found.append(step)
    return found


def _cumulants(s: float, v2: float) -> Unit:
    """Return the cumulants 2, 3 and 4 of one observation as polynomials in x."""
    g = Polynomial([1.0, s, v2])
    slope = g.deriv()
    return g, g * slope, g * (slope * slope + 2 * v2 * g)


def _coefficients(p: Polynomial, count: int) -> Floats:
    """Return the first coefficients, with zeros for those that vanish."""
    return np.concatenate([p.coef, np.zeros(count)])[:count]


def _curved(c: Recurrence, second: Second, v2: float, s: float) -> Floats:
    """Return Var V(m_t)/V(m_0) of x' = x + sigma eps, shape (T,), also where V vanishes.

    With V'^2 = D + 4 v2 V the cumulants of a row are V, V V' and V (D + 6 v2 V), so that
    E[V(m')^2 | m] is a V^2 + b V. What is subtracted is small here: D + 4 v2 E V is
    s^2 + 4 v2^2 q, and no digits are lost while V stays at 1, or where it dies.
    """
    real = c.real > 0
    share, n = np.where(real, c.rho, c.sigma), np.where(real, c.real, c.sampled)
    # Before each generation: the error q, and the expectation M of V.
    q, M = np.append(0.0, second.errors[:-1]), np.append(1.0, second.variances[:-1])
    u = v2 * share / n
    grow = 1 + share * u * (6 + u * (8 + 6 * u + 3 * share))
    add = share**2 / n * (s * s * (1 + u) ** 2 + 4 * (v2 * v2) * q)
    add += u**2 * share * (8 * v2 * q + u * (2 + 6 * v2 * q) + 2 * share * M)
    found, spread = list[float](), 0.0
    for factor, more in zip(grow.tolist(), (M * add).tolist(), strict=True):
        spread = factor * spread + more
        found.append(spread)
    return np.asarray(np.maximum(np.array(found), 0.0))


def _chained(c: Recurrence, unit: Unit) -> tuple[Floats, Floats]:
    """Return E x^3 and Var x^2 of x' = keep x + rho e + sigma eps, each of shape (T,).

    With E(x'^2 | x) = a + b x^2 + (an odd part), what E x'^4 has of E x^4 and of (E x^2)^2 is
    taken apart in symbols, and no digits are subtracted.
    """
    r, n, k = c.real, c.sampled, c.keep
    A, B, C = (
        np.multiply.outer(_coefficients(u, j + 1), shared(c.sigma**j, n ** (j - 1)))
        for j, u in enumerate(unit, start=2)
    )
    for j, (noise, u) in enumerate(zip((A, B, C), unit, strict=True), start=2):
        noise[0] += u(0.0) * shared(c.rho**j, r ** (j - 1))
    to_second = np.stack([A[0], k**2 + A[2]])
    to_third = np.stack([B[0], 3 * k * A[1] + B[2], k**3 + 3 * k * A[2] + B[3]])
    bent = 4 * k**2 * A[2] + 4 * k * B[3] + C[4] + 2 * A[2] ** 2
    to_spread = np.stack(
        [
            C[0] + 2 * A[0] ** 2,
            4 * k**2 * A[0] + 4 * k * B[1] + C[2] + 3 * A[1] ** 2 + 4 * A[0] * A[2],
            6 * k**2 * A[1] + 4 * k * B[2] + C[3] + 6 * A[1] * A[2],
            bent,
            (k**2 + A[2]) ** 2 + bent,
        ]
    )
    columns = np.concatenate([to_second, to_third, to_spread]).T.tolist()
    thirds, found = list[float](), list[float]()
    m2, m3, spread = 0.0, 0.0, 0.0
    for a0, a2, b0, b2, b3, v0, v2, v3, v22, v4 in columns:
        spread = v0 + v2 * m2 + v3 * m3 + v22 * (m2 * m2) + v4 * spread
        m3 = b0 + b2 * m2 + b3 * m3
        m2 = a0 + a2 * m2
        thirds.append(m3)
        found.append(spread)
    return np.array(thirds), np.array(found)


def _conditional(unit: Unit, n: int) -> list[Floats]:
    """Return the moments 1, ..., 4 of a mean of n rows at x, as polynomials in x."""
    x = Polynomial([0.0, 1.0])
    k2, k3, k4 = (u / float(n) ** (j - 1) for j, u in enumerate(unit, start=2))
    given = [
        x,
        x**2 + k2,
        x**3 + 3 * x * k2 + k3,
        x**4 + 6 * x**2 * k2 + 4 * x * k3 + k4 + 3 * k2**2,
    ]
    return [_coefficients(p, j + 1) for j, p in enumerate(given, start=1)]


def _appended(moments: list[Floats], given: list[Floats], w: Floats) -> list[Floats]:
    """Append a slot z with E(z^j | x) = given[j - 1](x), x = w.y, to all moment tensors.

    moments[d] has d axes: E of the product of d slots.
    """
    along = []  # along[d][i] is E x^i times the product of d - i slots
    for tensor in moments:
        row = [tensor]
        for _ in range(tensor.ndim):
            row.append(row[-1] @ w)
        along.append(row)

    def expected(j: int, others: int) -> Floats:
        total = np.zeros((len(w),) * others)
        for i, coefficient in enumerate(given[j - 1]):
            if coefficient != 0:
                total = total + coefficient * along[i + others][i]
        return total

    return [moments[0]] + [
        extended(moments[d], [expected(j, d - j) for j in range(1, d + 1)]) for d in range(1, 5)
    ]


def _remembered(path: list[SlotStep], unit: Unit) -> tuple[Floats, Floats, Floats]:
    """Return E x^2, E x^3 and E x^4 of the weighted slots, each of shape (T,)."""
    moments = [np.ones(()), *(np.zeros((0,) * d) for d in range(1, 5))]
    w, found = np.zeros(0), []
    conditional = cache(partial(_conditional, unit))
    for step in path:
        if step.real:
            given = [p[:1] for p in conditional(step.real)]  # at x = 0
            moments = _appended(moments, given, np.zeros(len(w)))
            w = np.append(w, 0.0)
        if step.sampled:
            moments = _appended(moments, conditional(step.sampled), w)
        moments = [merged(tensor, step.carry) for tensor in moments]
        w = step.weights
        expected = moments[2] @ w @ w, moments[3] @ w @ w @ w, moments[4] @ w @ w @ w @ w
        found.append(expected)
    second, third, fourth = np.array(found).T
    return second, third, fourth
