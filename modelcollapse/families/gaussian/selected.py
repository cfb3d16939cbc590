r"""Gaussian loops whose synthetic rows are selected: what is known.

Along the reward's direction a selected row is m + sqrt(v) Y, with Y of a law of its own (see
`modelcollapse.loop.selection`), so a loop in one dimension runs there whatever the others do. With
e = E Y, rho = Var Y, q = E Y^2 = rho + e^2 and batches of n rows, a batch has the mean
m + sqrt(v) ybar and the variance v s^2, both moments of Y_1..Y_n. Replace multiplies v by s^2, and
accumulate the pool's variance by a + b s^2 + c ybar^2. Derived in ``theory/gaussian_selection.py``.
"""

from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import invalid
from modelcollapse.loop.experiment import Lazy, Prediction
from modelcollapse.loop.fate import Fate
from modelcollapse.loop.routes import given
from modelcollapse.loop.selection import Cumulants
from modelcollapse.solver.scan import grown

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment, Route

EPS = 1e-12  # how near q = 1 is one
WORKFLOWS = "known for replace and accumulate: elsewhere E x sqrt(v) enters; simulate it"
TOTAL = "what is perpendicular to the reward is turned towards it by chance: simulate it"


class Batch(NamedTuple):
    """Moments of n rows with the cumulants of Y: s^2 their variance (ddof 0), y their mean."""

    s2: float
    s4: float
    y2: float
    y4: float
    s2y2: float

    @classmethod
    def of(cls, n: Any, Y: Cumulants) -> "Batch":
        """Return them, with u = y - e."""
        e, k2, k3, k4 = Y
        share = (n - 1) / n
        u2, u3, u4 = k2 / n, k3 / n**2, k4 / n**3 + 3 * k2**2 / n**2
        s2, s2u, s2u2 = share * k2, share * k3 / n, share * (k2**2 / n + k4 / n**2)
        # The variance of s^2 is 2 k2^2/(n - 1) + k4/n in units of share^2: 0 for one row.
        s4 = s2**2 + share**2 * k4 / n + 2 * share * k2**2 / n
        y4 = e**4 + 6 * e**2 * u2 + 4 * e * u3 + u4
        return cls(s2, s4, e**2 + u2, y4, e**2 * s2 + 2 * e * s2u + s2u2)


class Moments(NamedTuple):
    """E v_t and E v_t^2 along the reward, in units of the truth's, each (generations,)."""

    first: Floats
    second: Floats


def check(e: "Experiment") -> None:
    """Raise InvalidInput unless the truth varies along the reward's direction."""
    along = direction(e)
    if not along @ (e.truth.spectrum * along) > 0:
        raise invalid("reward", e.sampling, "the truth does not vary along it")


def direction(e: "Experiment") -> Floats:
    """Return the reward's direction in the truth's principal axes, shape (rank,)."""
    selection: Any = e.sampling
    return np.asarray(e.truth.coordinates(selection.direction(e.model.dim)))


def predict(e: "Experiment") -> Prediction:
    """Return what is known of a loop with a selection."""
    selection: Any = e.sampling
    Y, one = selection.cumulants(), e.model.dim == 1
    routes: dict[str, Route] = {}
    reasons = dict.fromkeys(("reward_variance", "variance"), WORKFLOWS)
    reasons["reward_gain"] = "E sqrt(v_t) has no closed form: reward_gain_lower and _upper bound it"
    reasons["squared_error"] = reasons["second_moment"] = (
        "it needs E x sqrt(v), which has no closed form: simulate it"
    )
    spreads: dict[str, Route] = {}
    if e.schedule.newest or e.schedule.pool:
        found = cache(lambda: moments(e, Y))
        names = ("reward_variance", "variance") if one else ("reward_variance",)
        for name in names:
            routes[name] = lambda: found().first
            spreads[name] = lambda: grown(found().second - found().first ** 2)
        routes |= {
            "reward_gain_lower": lambda: np.minimum(gain_bound(e, Y, found().first), 0.0),
            "reward_gain_upper": lambda: np.maximum(gain_bound(e, Y, found().first), 0.0),
        }
    if not one:
        reasons["variance"] = TOTAL
        reasons["variance_across"] = "known for replace and a normal truth: " + TOTAL
        if e.schedule.newest and e.truth.is_normal:
            routes["variance_across"] = partial(across, e)
            reasons.pop("variance_across")
    reasons = {name: why for name, why in reasons.items() if name not in routes}
    limits, exponents = _limits(e, Y, one=one)
    fates = {name: partial(_fate, e, Y) for name in ("reward_variance", *(["variance"] * one))}
    fates["reward_gain"] = partial(_gain_fate, e, Y)
    return Prediction(
        e,
        Lazy(routes, reasons),
        Lazy(spreads),
        limits=limits,
        exponents=exponents,
        fates=Lazy(fates),
    )


def moments(e: "Experiment", Y: Cumulants) -> Moments:
    """Return the moments of v_t along the reward under replace or accumulate, of any sizes."""
    selection: Any = e.sampling
    line = e.truth.projected(selection.direction(e.model.dim))
    n, c = e.sizes.astype(float), e.model.ddof
    excess = line.fourth_moment / line.spectrum[0] ** 2 - 3
    real, drawn = Batch.of(n[0], Cumulants(0.0, 1.0, 0.0, excess)), Batch.of(n[1:], Y)
    if e.schedule.newest:
        fit = n / (n - c)
        step, square = fit[1:] * drawn.s2, fit[1:] ** 2 * drawn.s4
    else:
        after = np.cumsum(n)
        fit, before, after, n = after / (after - c), after[:-1], after[1:], n[1:]
        a, b = before / after, n * fit[:-1] / after
        ab = b * before / after
        step = a + b * drawn.s2 + ab * drawn.y2
        square = a**2 + b**2 * drawn.s4 + ab**2 * drawn.y4
        square = square + 2 * (a * b * drawn.s2 + a * ab * drawn.y2 + b * ab * drawn.s2y2)
    with np.errstate(over="ignore", under="ignore"):
        first = np.cumprod(np.concatenate([[real.s2], step]))
        second = np.cumprod(np.concatenate([[real.s4], square]))
        # Of the pool under accumulate, of the fit under replace: its factors have the divisor.
        scale = fit if e.schedule.pool else np.full(len(first), fit[0])
        return Moments(first * scale, second * scale**2)


def gain_bound(e: "Experiment", Y: Cumulants, variances: Floats) -> Floats:
    """Return a bound of E(r_t - r_0): e times the sum of the shares of new rows times sqrt(E v)."""
    n = e.sizes.astype(float)
    share = np.ones(len(n) - 1) if e.schedule.newest else n[1:] / np.cumsum(n)[1:]
    with np.errstate(over="ignore"):
        steps = Y.mean * share * np.sqrt(variances[:-1])
    return np.concatenate([[0.0], np.cumsum(steps)])


def across(e: "Experiment") -> Floats:
    """Return E of the trace of the covariance given the reward, over the truth's, under replace.

    Given the rewards, the rest of a batch is a regression on them with normal errors: its residual
    covariance has a Wishart law with n - 2 degrees of freedom, whatever is selected.
    """
    n = e.sizes.astype(float)
    with np.errstate(under="ignore"):
        return np.asarray(np.cumprod(np.maximum(n - 2, 0) / (n - e.model.ddof)))


def _limits(e: "Experiment", Y: Cumulants, *, one: bool) -> tuple[Lazy, Lazy]:
    """Return the limits of the variance along the reward and of its gain's bound."""
    names = ("reward_variance", "variance") if one else ("reward_variance",)
    n, schedule = e.schedule.equal, e.schedule
    if n is None or e.model.ddof or schedule.rule not in ("replace", "accumulate"):
        why = "known for equal batches, maximum likelihood, and replace or accumulate"
        return Lazy({}, dict.fromkeys((*names, "reward_gain_upper"), why)), Lazy({}, {"power": why})
    if schedule.rule == "replace":
        c = np.sqrt(Y.variance * (1 - 1 / n))
        bound = Y.mean * np.sqrt(1 - 1 / n) / (1 - c)
        values = {**dict.fromkeys(names, 0.0), "reward_gain_upper": max(float(bound), 0.0)}
        return Lazy(given(values)), Lazy({}, {"power": "it vanishes geometrically"})
    power = Y.square - 1
    power = 0.0 if abs(power) < EPS else power
    limit = np.inf if power > 0 else 0.0
    if power == 0:
        # c^2 = e^2 + rho/n; it is below 1 as q = 1 and n > 1.
        c = np.sqrt(Y.mean**2 + Y.variance / n)
        limit = (1 - 1 / n) * np.sinc(c) / (1 - c**2)
    rates = Lazy(given({"power": float(power)}))
    return Lazy(given(dict.fromkeys(names, float(limit)))), rates


def _fate(e: "Experiment", Y: Cumulants) -> Fate:
    """Return what becomes of the variance along the reward."""
    n = e.schedule.equal
    if n is None or e.model.ddof or e.schedule.rule not in ("replace", "accumulate"):
        return Fate("undetermined", "", "known for equal batches, replace or accumulate, ddof 0")
    if e.schedule.rule == "replace":
        r = Y.variance * (1 - 1 / n)
        return Fate("clumps", f"{r:.12g}^t", f"each generation multiplies it by {r:.12g}")
    power = Y.square - 1
    text = f"q = E Y^2 = {Y.square:.12g} decides: a step multiplies it by 1 + (q - 1)/t"
    if abs(power) < EPS:
        return Fate("bounded", "", "q = E Y^2 = 1 is exactly critical: it tends to a limit above 0")
    return Fate("diverges" if power > 0 else "clumps", f"t^{power:.12g}", text)


def _gain_fate(e: "Experiment", Y: Cumulants) -> Fate:
    """Return what becomes of the reward's gain."""
    if e.schedule.rule == "replace" and e.schedule.equal and not e.model.ddof:
        limit = abs(_limits(e, Y, one=False)[0]["reward_gain_upper"])
        return Fate("bounded", "", f"its increments are at most geometric: below {limit:.6g}")
    if e.schedule.rule != "accumulate" or not e.schedule.equal or e.model.ddof:
        return Fate("undetermined", "", "known for equal batches, replace or accumulate, ddof 0")
    # E sqrt(v_t) is a product of factors 1 + (q - 1)/(2t) + O(1/t^2), and a step e/t of it.
    half = (Y.square - 1) / 2
    if abs(half) < EPS:
        return Fate("diverges", "log t", "each generation adds e E sqrt(v_t)/t, and v settles")
    rate, text = f"t^{half:.12g}", "each generation adds e E sqrt(v_t)/t"
    if half < 0:
        return Fate("bounded", "", f"{text}, and v vanishes like a power")
    return Fate("diverges", rate, f"{text}, and v explodes")
