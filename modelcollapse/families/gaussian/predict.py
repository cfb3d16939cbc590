"""Predictions of the Gaussian room: which quantity has which exact route."""

from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import NoClosedForm
from modelcollapse._support.words import many
from modelcollapse.families.gaussian import (
    chained,
    determinant_bounds,
    determinants,
    distances,
    enclosures,
    fates,
    limits,
    loss_fates,
    pooled_laws,
    replace_laws,
)
from modelcollapse.families.gaussian.exchangeable import fourth_moments
from modelcollapse.families.gaussian.joint_moments import fit_moments
from modelcollapse.families.gaussian.moments import second_order
from modelcollapse.loop.experiment import Lazy, Prediction
from modelcollapse.loop.routes import each, given
from modelcollapse.solver.scan import grown

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelcollapse.loop.experiment import Experiment, Route


LIMIT_BOUNDS = tuple(
    f"{name}_{side}"
    for name in ("log_determinant", "w2_squared", "test_log_loss")
    for side in ("lower", "upper")
)


class Spread(NamedTuple):
    """Variances over replicates, each of shape (generations,)."""

    variance: Floats
    squared_error: Floats
    second_moment: Floats


def predict(e: "Experiment") -> Prediction:
    """Return the exact predictions for a Gaussian experiment, computed at the first look."""
    routes: dict[str, Route] = {}
    reasons: dict[str, str] = {}
    spreads: dict[str, Route] = {}
    laws: dict[str, Route] = {}
    notes: dict[str, str] = {}
    moment_routes(e, routes, reasons, spreads)
    steps = cache(lambda: pooled_laws.accumulated(e))
    _logarithms(e, routes, reasons, spreads, notes, steps)
    _determinants(e, routes, reasons, spreads)
    _distances(e, routes, reasons, spreads, notes, steps)
    if e.schedule.newest and e.truth.is_normal and e.sizes.min() > e.model.dim:
        laws["log_determinant"] = lambda: replace_laws.DeterminantLaws(e)
        if e.model.dim == 1:
            laws["log_variance"] = laws["log_determinant"]
    if e.schedule.pool and e.model.dim == 1 and e.truth.is_normal:
        laws["variance_ratio"] = lambda: pooled_laws.variance_ratios(e)
    limits, exponents = _limits(e, notes)
    expected = Lazy(routes, reasons)
    variances, law = Lazy(spreads), Lazy(laws)
    fated = Lazy(each(lambda: fates.fates(e), fates.QUANTITIES))
    typical = Lazy(given(fates.typical(e)))
    return Prediction(e, expected, variances, law, limits, exponents, fated, notes, typical=typical)


def moment_routes(
    e: "Experiment",
    routes: "dict[str, Route]",
    reasons: dict[str, str],
    spreads: "dict[str, Route]",
) -> None:
    """Add the routes to V_t, R_t and their sum, and to their variances over replicates."""
    names = Spread._fields
    if not e.schedule.known:
        reason = (
            f"{e.workflow!r} has no batch_weights(sizes); add it if the workflow is "
            "deterministic and weights the rows of a batch alike"
        )
        reasons.update(dict.fromkeys(names, reason))
        return
    first = cache(lambda: second_order(e))
    routes["variance"] = lambda: first().variance
    routes["squared_error"] = lambda: first().squared_error
    routes["second_moment"] = lambda: _sum(first().variance, first().squared_error)
    second = cache(lambda: _spread(e))
    for name in names:
        spreads[name] = partial(_field, second, name)


def _sum(first: Floats, second: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return first + second


def _logarithm(values: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(values))


def _field(record: "Callable[[], Spread]", name: str) -> Floats:
    value: Floats = getattr(record(), name)
    return value


def _spread(e: "Experiment") -> Spread:
    if e.schedule.chain is not None:
        spread, both, error_spread = chained.spreads(e, e.schedule.chain)
        with np.errstate(over="ignore", invalid="ignore"):
            whole = spread + 2 * both + error_spread
        return Spread(grown(spread), grown(error_spread), grown(whole))
    if e.schedule.random_sets:
        error, mixed, variance = fourth_moments(e)
    else:
        error, mixed, variance = fit_moments(e, fourth=True)[2:]
    V, R = second_order(e)
    with np.errstate(over="ignore", invalid="ignore"):
        whole = variance + 2 * mixed + error - (V + R) ** 2
        return Spread(grown(variance - V**2), grown(error - R**2), grown(whole))


def _logarithms(
    e: "Experiment",
    routes: "dict[str, Route]",
    reasons: dict[str, str],
    spreads: "dict[str, Route]",
    notes: dict[str, str],
    steps: "Callable[[], pooled_laws.Stepwise]",
) -> None:
    d, normal = e.model.dim, e.truth.is_normal
    if d > 1:
        reasons["log_variance"] = "the logarithm of the trace has no closed form for dim > 1"
    if (e.sizes[0] <= d and not e.schedule.fresh) or len(e.truth.spectrum) < d:
        notes["log_determinant"] = (
            f"-inf: generation 1 has {many(e.sizes[0], 'row')} in "
            f"{many(len(e.truth.spectrum), 'dimension')} of non-zero "
            f"variance and dim = {d}, so every fit is singular"
        )
        routes["log_determinant"] = lambda: np.full(e.generations, -np.inf)
        _pseudo(e, routes, reasons, spreads)
        return
    reasons["pseudo_log_determinant"] = "defined for samples <= dim; log_determinant is finite here"
    moments: Callable[[], tuple[Floats, Floats]]
    if e.schedule.newest and normal and e.sizes.min() > d:
        moments = cache(lambda: replace_laws.log_determinant_moments(e, rank=d))
    elif e.schedule.pool and normal and d == 1:
        moments = lambda: steps()[:2]  # noqa: E731
    else:
        reason = (
            "known for replace with samples > dim (any dim) and accumulate in dim = 1, for a "
            "normal truth; elsewhere see log_determinant_lower, log_determinant_upper and its fate"
        )
        reasons["log_determinant"] = reason
        reasons.setdefault("log_variance", reason)
        return
    for name in ("log_determinant", "log_variance") if d == 1 else ("log_determinant",):
        routes[name] = lambda: moments()[0]
        spreads[name] = lambda: moments()[1]


def _pseudo(
    e: "Experiment",
    routes: "dict[str, Route]",
    reasons: dict[str, str],
    spreads: "dict[str, Route]",
) -> None:
    spectrum = e.truth.spectrum
    isotropic = e.truth.is_normal and np.ptp(spectrum) <= 1e-12 * spectrum[0]
    if e.schedule.newest and isotropic and np.ptp(e.sizes) == 0:
        both = cache(lambda: replace_laws.pseudo_determinant_moments(e))
        routes["pseudo_log_determinant"] = lambda: both()[0]
        spreads["pseudo_log_determinant"] = lambda: both()[1]
        return
    reasons["pseudo_log_determinant"] = (
        "known for replace with a constant batch size and a normal truth with covariance s^2 I"
    )


def _determinants(
    e: "Experiment",
    routes: "dict[str, Route]",
    reasons: dict[str, str],
    spreads: "dict[str, Route]",
) -> None:
    if e.model.dim == 1:
        if "variance" in routes:
            # Arrays of their own: who writes into one does not change the other.
            routes["determinant"] = lambda: routes["variance"]().copy()
            spreads["determinant"] = lambda: spreads["variance"]().copy()
        else:
            reasons["determinant"] = reasons["variance"]
    elif determinants.known(e):
        routes["determinant"] = lambda: determinants.determinant(e)
        full = e.sizes.min() > e.model.dim == len(e.truth.spectrum)
        if e.schedule.newest and e.truth.is_normal and full:
            spreads["determinant"] = lambda: determinants.replace_variance(e)
    else:
        reasons["determinant"] = determinants.OPEN
    if "log_determinant" in routes:
        reasons.update(
            dict.fromkeys(determinant_bounds.BOUNDS, "log_determinant itself is known here")
        )
        return
    reasons["log_determinant_lower"] = "known for accumulate and a normal truth"
    reasons["log_determinant_upper"] = "known where determinant is"
    if e.model.dim == 1 and "variance" in routes:
        routes["log_determinant_upper"] = lambda: _logarithm(routes["variance"]())
    elif determinants.known(e):
        routes["log_determinant_upper"] = lambda: determinant_bounds.log_upper(e)
        if e.schedule.pool and e.truth.is_normal:
            both = cache(lambda: enclosures.log_determinant(e))
            routes["log_determinant_lower"] = lambda: both().low
            routes["log_determinant_upper"] = lambda: np.minimum(
                both().high, determinant_bounds.log_upper(e)
            )


def _distances(
    e: "Experiment",
    routes: "dict[str, Route]",
    reasons: dict[str, str],
    spreads: "dict[str, Route]",
    notes: dict[str, str],
    steps: "Callable[[], pooled_laws.Stepwise]",
) -> None:
    d, normal = e.model.dim, e.truth.is_normal
    scale = float(e.truth.spectrum.sum())
    if d == 1 and normal and e.schedule.newest:
        w2 = cache(lambda: replace_laws.w2_moments(e))
        routes["w2_squared"] = lambda: w2()[0] * scale
        spreads["w2_squared"] = lambda: w2()[1] * scale**2
    elif d == 1 and normal and e.schedule.pool:
        routes["w2_squared"] = lambda: scale * (np.add(*second_order(e)) + 1 - 2 * steps().root)
    else:
        reasons["w2_squared"] = (
            "known for replace and accumulate in dim = 1 with a normal truth; elsewhere see "
            "w2_squared_lower and w2_squared_upper"
        )
    _distance_bounds(e, routes, reasons)
    _losses(e, routes, reasons, spreads, notes, steps)


def _distance_bounds(e: "Experiment", routes: "dict[str, Route]", reasons: dict[str, str]) -> None:
    """Add bounds of E W2^2 = V + R + 1 - 2 E tr (S_0^(1/2) S S_0^(1/2))^(1/2), over tr S_0."""
    names, scale = ("w2_squared_lower", "w2_squared_upper"), float(e.truth.spectrum.sum())
    if "w2_squared" in routes:
        reasons.update(dict.fromkeys(names, "w2_squared itself is known here"))
    elif not (e.truth.is_normal and "variance" in routes):
        reasons.update(dict.fromkeys(names, "known for a normal truth, where variance is"))
    else:
        both = cache(lambda: distances.roots(e))
        plain = cache(lambda: np.add(*second_order(e)) + 1)
        routes[names[0]] = lambda: scale * distances.squared(plain(), both().high)
        if distances.is_enclosed(e):
            routes[names[1]] = lambda: scale * distances.squared(plain(), both().low)
        else:
            reasons[names[1]] = "known for accumulate, and in dim = 1"


def _losses(
    e: "Experiment",
    routes: "dict[str, Route]",
    reasons: dict[str, str],
    spreads: "dict[str, Route]",
    notes: dict[str, str],
    steps: "Callable[[], pooled_laws.Stepwise]",
) -> None:
    d, normal, name = e.model.dim, e.truth.is_normal, "test_log_loss"
    constant = d * np.log(2 * np.pi) + np.log(e.truth.spectrum).sum()
    known, bounds = f"{name} itself is known here", (f"{name}_lower", f"{name}_upper")
    reasons.update(dict.fromkeys(bounds, known))
    if e.schedule.newest and normal:
        routes[name] = lambda: (constant + replace_laws.test_loss_mean(e)) / 2
        if d == 1:
            spreads[name] = lambda: replace_laws.test_loss_variance(e)
        short = np.flatnonzero(e.sizes <= d + 2)
        if short.size:
            batch = f"a batch of {many(e.sizes[short[0]], 'row')}"
            notes[name] = (
                f"inf from generation {short[0] + 1}: {batch} is at most dim + 2 = {d + 2}, "
                "and E tr S^-1 is then infinite"
            )
    elif e.sizes[0] <= len(e.truth.spectrum) and not e.schedule.fresh:
        notes[name] = "inf: every fit is singular, and a fresh row is off its subspace"
        routes[name] = lambda: np.full(e.generations, np.inf)
    elif normal and loss_fates.short_of_rows(e):
        notes[name] = (
            f"inf: batch 1 has {many(e.sizes[0], 'row')}, at most dim + 2 = {d + 2}: E tr S_1^-1 "
            "is infinite, and each S_t is S_1^(1/2) times what does not depend on it"
        )
        routes[name] = lambda: np.full(e.generations, np.inf)
    elif e.schedule.pool and normal and d == 1:
        routes[name] = lambda: (constant + pooled_laws.test_loss_mean(e, steps())) / 2
        spreads[name] = lambda: pooled_laws.test_loss_variance(e)
    elif e.schedule.pool and normal:
        sides = cache(lambda: enclosures.losses(e))
        routes[bounds[0]] = lambda: (constant + sides()[0].whole) / 2
        routes[bounds[1]] = lambda: (constant + sides()[1].whole) / 2
        for bound in bounds:
            del reasons[bound]
        reasons[name] = f"between {bounds[0]} and {bounds[1]}"
    else:
        reasons.update(dict.fromkeys(bounds, "known for accumulate, dim > 1 and a normal truth"))
        reasons[name] = (
            "known for replace, and for accumulate in dim = 1, with a normal truth; elsewhere "
            "open: see its fate, and simulate it"
        )


def _limits(e: "Experiment", notes: dict[str, str]) -> tuple[Lazy, Lazy]:
    values: dict[str, Route] = {}
    open_limits: dict[str, str] = {}
    names = ("variance", "squared_error")
    try:
        found = limits.limits(e)
    except NoClosedForm as error:
        notes["limits"] = str(error)
        open_limits.update(dict.fromkeys(names, str(error)))
    else:
        for name, value in zip(names, found, strict=True):
            if np.isnan(value):
                open_limits[name] = f"the limit of {name} has no closed form here"
            else:
                values[name] = partial(float, value)
        if set(names) <= set(values):
            values["second_moment"] = partial(float, sum(found))
    _determinant_limit(e, values, open_limits)
    if loss_fates.settles(e):
        once = cache(lambda: distances.limit_bounds(e))
        finite = e.sizes[0] > e.model.dim + 2
        bounds = [name for name in LIMIT_BOUNDS if finite or "loss" not in name]
        values |= {name: partial(_entry, once, name) for name in bounds}
    rates: dict[str, Route] = {}
    open_rates: dict[str, str] = {}
    for name, rate in (("lyapunov", limits.lyapunov), ("power", limits.power)):
        try:
            known = rate(e)
        except NoClosedForm as error:
            open_rates[name] = str(error)
            continue
        rates[name] = partial(np.array, known) if np.ndim(known) else partial(float, known)
    return Lazy(values, open_limits), Lazy(rates, open_rates)


def _entry(found: "Callable[[], dict[str, float]]", name: str) -> float:
    return found()[name]


def _determinant_limit(
    e: "Experiment", values: "dict[str, Route]", reasons: dict[str, str]
) -> None:
    if e.model.dim == 1:
        if "variance" in values:
            values["determinant"] = values["variance"]
        else:
            reasons["determinant"] = reasons["variance"]
        return
    try:
        values["determinant"] = partial(float, determinants.limit(e))
    except NoClosedForm as error:
        reasons["determinant"] = str(error)
