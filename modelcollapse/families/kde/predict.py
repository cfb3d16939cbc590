"""Predictions of the kernel density room: which quantity has which exact route."""

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.kde import bandwidth as bandwidths
from modelcollapse.families.kde import fates, limits, losses
from modelcollapse.families.kde.density import ExpectedDensities
from modelcollapse.families.kde.errors_squared import (
    mean_integrated_squared_error,
    require_sizes_only,
)
from modelcollapse.families.kde.frequencies import spectrum_of
from modelcollapse.families.kde.kernel import GAUSSIAN
from modelcollapse.families.kde.moments import (
    scoring_bandwidths,
    second_moment_variance,
    second_order,
)
from modelcollapse.families.kde.shares import share_of
from modelcollapse.families.kde.training import trainings
from modelcollapse.loop.experiment import Lazy, Prediction
from modelcollapse.loop.fate import Fate
from modelcollapse.loop.routes import Parts, decided, each
from modelcollapse.loop.truth import Rows

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment, Route

MOMENTS = ("second_moment", "central_variance")
ERRORS = ("mise", "mise_bias", "mise_variance")
LOSSES = ("test_log_loss_lower", "test_log_loss_upper")


def predict(e: "Experiment") -> Prediction:
    """Return the exact predictions for a kernel density loop, computed at the first look."""
    parts = Parts()
    if (reason := _refused(trainings, e)) is not None:
        names = [*MOMENTS, *ERRORS, *LOSSES, "test_log_loss"]
        parts.reasons.update(dict.fromkeys(names, reason))
        parts.spread_reasons.update(dict.fromkeys(names, reason))
        parts.law_reasons["density"] = reason
    else:
        _moments(e, parts)
        _errors(e, parts)
        _losses(e, parts)
    return Prediction(
        e,
        Lazy(parts.routes, parts.reasons),
        Lazy(parts.spreads, parts.spread_reasons),
        Lazy(parts.laws, parts.law_reasons),
        _limits(e, parts),
        notes=parts.notes,
        fates=Lazy(each(lambda: fates.fates(e), fates.QUANTITIES)),
        typical=decided({name: partial(_typical, e, name) for name in MOMENTS}),
    )


def _typical(e: "Experiment", name: str) -> Fate:
    """Return what becomes of a moment of the training rows in almost every run."""
    if bandwidths.is_scaled(e.model.bandwidth):
        raise NoClosedForm("not proved where the noise is a share of the rows' variance")
    fate = fates.fates(e)[name]
    if fate.verdict == "diverges":
        return fate
    if (limit := getattr(limits, name)(e)) > 0:
        why = "noise is added" if share_of(e) is None else "real rows keep their share"
        return Fate("bounded", "", f"{why}, and the expectation tends to {limit:.5g}")
    raise NoClosedForm("its expectation tends to 0: see its fate")


def _refused(check: Callable[["Experiment"], object], e: "Experiment") -> str | None:
    """Return why a check refuses the experiment, or None."""
    try:
        check(e)
    except NoClosedForm as error:
        return str(error)
    return None


def _moments(e: "Experiment", parts: Parts) -> None:
    both = cache(lambda: second_order(e))
    parts.routes["second_moment"] = lambda: both().second_moment
    parts.routes["central_variance"] = lambda: both().central_variance
    if bandwidths.is_scaled(e.model.bandwidth):
        reason = "known for bandwidths from sizes"
    elif e.model.kernel.fourth_moment is None:
        reason = f"{e.model.kernel!r} does not say its fourth_moment; give it"
    else:
        parts.spreads["second_moment"] = lambda: second_moment_variance(e)
        reason = "its variance over replicates has no closed form here"
    missing = [name for name in (*MOMENTS, *ERRORS) if name not in parts.spreads]
    parts.spread_reasons.update(dict.fromkeys(missing, reason))


def _errors(e: "Experiment", parts: Parts) -> None:
    reason = _refused(require_sizes_only, e)
    reason = reason or _refused(lambda e: spectrum_of(e.truth), e)
    if reason is not None:
        parts.reasons.update(dict.fromkeys(ERRORS, reason))
        parts.law_reasons["density"] = reason
        return
    found = cache(lambda: mean_integrated_squared_error(e))
    parts.routes["mise"] = lambda: found().total
    parts.routes["mise_bias"] = lambda: found().bias
    parts.routes["mise_variance"] = lambda: found().variance
    bare = np.flatnonzero(scoring_bandwidths(e, trainings(e)) == 0)
    if bare.size:
        parts.notes["mise"] = (
            f"inf at generation {bare[0] + 1}: a bandwidth of 0 leaves atoms without a density"
        )
    if e.model.dim == 1:
        parts.laws["density"] = lambda: ExpectedDensities(e)
    else:
        parts.law_reasons["density"] = "its distribution function is known in dim = 1"


def _losses(e: "Experiment", parts: Parts) -> None:
    parts.reasons["test_log_loss"] = (
        "open: see test_log_loss_lower and test_log_loss_upper, or simulate it"
    )
    if e.model.kernel is GAUSSIAN:
        if (reason := _refused(losses.require_numbers, e)) is not None:
            parts.reasons.update(dict.fromkeys(LOSSES, reason))
            return
        parts.routes["test_log_loss_lower"] = lambda: losses.lower(e)
        parts.routes["test_log_loss_upper"] = lambda: losses.upper(e)
        return
    parts.reasons.update(dict.fromkeys(LOSSES, "known for the Gaussian kernel"))
    if e.model.kernel.name in ("tophat", "epanechnikov") and not isinstance(e.truth, Rows):
        del parts.reasons["test_log_loss"]
        parts.routes["test_log_loss"] = lambda: np.full(e.generations, np.inf)
        parts.notes["test_log_loss"] = (
            "inf: a compact kernel gives a fresh row of an unbounded truth the density 0 with "
            "positive probability"
        )


def _limits(e: "Experiment", parts: Parts) -> Lazy:
    routes: dict[str, Route] = {}
    reasons: dict[str, str] = {}
    for name, limit in (
        ("second_moment", limits.second_moment),
        ("central_variance", limits.central_variance),
        ("mise", limits.mise),
    ):
        if name in parts.reasons:
            reasons[name] = parts.reasons[name]
            continue
        try:
            value = limit(e)
        except NoClosedForm as error:
            reasons[name] = str(error)
            continue
        routes[name] = value if callable(value) else partial(float, value)
    return Lazy(routes, reasons)
