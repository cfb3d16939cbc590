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
    fates,
    limits,
    replace_laws,
)
from modelcollapse.families.gaussian.exchangeable import fourth_moments
from modelcollapse.families.gaussian.joint_moments import fit_moments
from modelcollapse.families.gaussian.laws import (
    AccumulateStep,
    LogChiSquareSum,
    log_and_root_moments,
)
from modelcollapse.families.gaussian.moments import second_order
from modelcollapse.loop.experiment import Lazy, Prediction
from modelcollapse.loop.routes import each, given
from modelcollapse.solver.scan import grown

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelcollapse.loop.experiment import Experiment, Route


class Spread(NamedTuple):
    """Variances over replicates, each of shape (generations,)."""

    variance: Floats
    squared_error: Floats
    second_moment: Floats


class Stepwise(NamedTuple):
    """Mean and variance of log v_t, and E sqrt(v_t), each of shape (generations,)."""

    mean: Floats
    variance: Floats
    root: Floats


def predict(e: "Experiment") -> Prediction:
    """Return the exact predictions for a Gaussian experiment, computed at the first look."""
    routes: dict[str, Route] = {}
    reasons: dict[str, str] = {}
    spreads: dict[str, Route] = {}
    laws: dict[str, Route] = {}
    notes: dict[str, str] = {}
    _moments(e, routes, reasons, spreads)
    steps = cache(lambda: _accumulated(e))
    _logarithms(e, routes, reasons, spreads, notes, steps)
    _determinants(e, routes, reasons, spreads)
    _distances(e, routes, reasons, spreads, notes, steps)
    if e.schedule.newest and e.truth.is_normal and e.sizes.min() > e.model.dim:
        laws["log_determinant"] = lambda: replace_laws.DeterminantLaws(e)
        if e.model.dim == 1:
            laws["log_variance"] = laws["log_determinant"]
    if e.schedule.pool and e.model.dim == 1 and e.truth.is_normal:
        laws["variance_ratio"] = lambda: variance_ratios(e)
    limits, exponents = _limits(e, notes)
    expected = Lazy(routes, reasons)
    variances, law = Lazy(spreads), Lazy(laws)
    fated = Lazy(each(lambda: fates.fates(e), fates.QUANTITIES))
    typical = Lazy(given(fates.typical(e)))
    return Prediction(e, expected, variances, law, limits, exponents, fated, notes, typical=typical)


def _moments(
    e: "Experiment",
    routes: "dict[str, Route]",
    reasons: dict[str, str],
    spreads: "dict[str, Route]",
) -> None:
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
    routes["second_moment"] = lambda: first().variance + first().squared_error
    second = cache(lambda: _spread(e))
    for name in names:
        spreads[name] = partial(_field, second, name)


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
    steps: "Callable[[], Stepwise]",
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
            "normal truth; elsewhere open: simulate it"
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
        routes["log_determinant_upper"] = lambda: np.log(routes["variance"]())
    elif determinants.known(e):
        routes["log_determinant_upper"] = lambda: determinant_bounds.log_upper(e)
        if e.schedule.pool and e.truth.is_normal:
            routes["log_determinant_lower"] = lambda: determinant_bounds.log_lower(e)


def _pool_steps(e: "Experiment") -> tuple[Floats, Floats, Floats, Floats]:
    """Return a, b, c and the freedom of v_t / v_{t-1}, t >= 2, under accumulate in d = 1."""
    n = e.sizes.astype(float)
    after, c = np.cumsum(n), e.model.ddof
    before, after, n = after[:-1], after[1:], n[1:]
    # In units of the ratio of the fitted variances rather than the pool's.
    fits = after / (after - c) * (before - c) / before
    drawn = e.temperature * before / (before - c)
    return fits * before / after, fits * drawn / after, fits * drawn * before / after**2, n - 1


def variance_ratios(e: "Experiment") -> list[AccumulateStep]:
    """Return the laws of v_t / v_{t-1}, t = 1..T, under accumulate in d = 1; v_0 is the truth's."""
    n = int(e.sizes[0])
    first = AccumulateStep(0.0, 1 / (n - e.model.ddof), 0.0, n - 1)
    steps = zip(*_pool_steps(e), strict=True)
    return [first, *(AccumulateStep(float(a), float(b), float(c), int(f)) for a, b, c, f in steps)]


def _accumulated(e: "Experiment") -> Stepwise:
    """Return mean and variance of log v_t, and E sqrt(v_t), under accumulate in d = 1."""
    n, c = int(e.sizes[0]), e.model.ddof
    first = LogChiSquareSum(np.array([n - 1.0]), np.ones(1), -float(np.log(n - c)))
    steps = log_and_root_moments(*_pool_steps(e))
    means = np.concatenate([[first.mean], steps[0]])
    variances = np.concatenate([[first.variance], steps[1] - steps[0] ** 2])
    roots = np.concatenate([[np.exp(first.log_mgf(np.array(0.5)))], steps[2]])
    return Stepwise(np.cumsum(means), np.cumsum(variances), np.cumprod(roots))


def _distances(
    e: "Experiment",
    routes: "dict[str, Route]",
    reasons: dict[str, str],
    spreads: "dict[str, Route]",
    notes: dict[str, str],
    steps: "Callable[[], Stepwise]",
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
        reasons["w2_squared"] = "known for replace and accumulate in dim = 1 with a normal truth"
    if e.schedule.newest and normal:
        constant = d * np.log(2 * np.pi) + np.log(e.truth.spectrum).sum()
        routes["test_log_loss"] = lambda: (constant + replace_laws.test_loss_mean(e)) / 2
        if d == 1:
            spreads["test_log_loss"] = lambda: replace_laws.test_loss_variance(e)
        short = np.flatnonzero(e.sizes <= d + 2)
        if short.size:
            batch = f"a batch of {many(e.sizes[short[0]], 'row')}"
            notes["test_log_loss"] = (
                f"inf from generation {short[0] + 1}: {batch} is at most dim + 2 = {d + 2}, "
                "and E tr S^-1 is then infinite"
            )
    elif e.sizes[0] <= len(e.truth.spectrum) and not e.schedule.fresh:
        notes["test_log_loss"] = "inf: every fit is singular, and a fresh row is off its subspace"
        routes["test_log_loss"] = lambda: np.full(e.generations, np.inf)
    else:
        reasons["test_log_loss"] = (
            "known for replace with a normal truth; under other workflows it is open: simulate it"
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
