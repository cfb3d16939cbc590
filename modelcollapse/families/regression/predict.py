"""Predictions of the regression room: which quantity has which exact route."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.regression import fates, limits, moments, ridge
from modelcollapse.families.regression.moments import RiskMoments
from modelcollapse.families.regression.wishart import RatioLaw
from modelcollapse.loop.experiment import Lazy, Prediction
from modelcollapse.loop.routes import each, given

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment, Route

QUANTITIES = ("risk", "norm")
VARIANCE = "its variance over replicates has no closed form here"


def predict(e: "Experiment") -> Prediction:
    """Return the exact predictions for a regression loop, computed at the first look."""
    routes: dict[str, Route] = {}
    spreads: dict[str, Route] = {}
    laws: dict[str, Route] = {}
    reason = None
    try:
        found = cache(_route(e))
    except NoClosedForm as error:
        reason = str(error)
    else:
        routes = {"risk": lambda: found().risk, "norm": lambda: found().norm}
        if not _without_variance(e):
            spreads = {
                "risk": lambda: found().risk_variance,
                "norm": lambda: found().norm_variance,
            }
    if reason is None and _has_laws(e):
        laws["risk"] = lambda: risk_laws(e)
    why = dict.fromkeys(QUANTITIES, reason or VARIANCE)
    if reason is None:
        why_laws = dict.fromkeys(QUANTITIES, "known for the risk of a fixed design, samples >= dim")
    else:
        why_laws = dict.fromkeys(QUANTITIES, reason)
    return Prediction(
        e,
        Lazy(routes, {} if reason is None else why),
        Lazy(spreads, {} if spreads else why),
        Lazy(laws, {name: text for name, text in why_laws.items() if name not in laws}),
        _limits(e, reason),
        Lazy(given(limits.exponents(e))),
        Lazy(each(lambda: fates.fates(e), ["risk"])),
        notes=_notes(e) if reason is None else {},
    )


def _route(e: "Experiment") -> Callable[[], RiskMoments]:
    """Return the function that computes the moments, or say why there is none."""
    schedule, model = e.schedule, e.model
    if schedule.kind == "subset":
        if model.design == "fixed" and model.ridge == 0:
            # n of n t rows may be of n/t inputs only: with dim + 1 the inverse has no mean.
            raise NoClosedForm(
                "under accumulate-subsample an input may be drawn with several labels: with noise "
                "the expectation is infinite from generation n/(dim + 1) on, when a subsample may "
                "hold dim + 1 different inputs, and open before; simulate it"
            )
        raise NoClosedForm(
            "open for accumulate-subsample: the rows of a subsample depend on each other, and the "
            "expectation of their inverse Gram matrix is not known; simulate it"
        )
    if not schedule.weighted:
        raise NoClosedForm(
            f"{e.workflow!r} has no batch_weights(sizes); add it if the workflow is deterministic "
            "and weights the rows of a batch alike"
        )
    if model.ridge > 0 and (model.dim > 1 or not (schedule.newest or schedule.pool)):
        raise NoClosedForm(
            "with a penalty known for replace and accumulate with dim = 1: elsewhere it is an "
            "expectation over the eigenvalues of Wishart matrices; simulate it"
        )
    if model.design == "fixed":
        room = ridge if model.ridge > 0 else moments
        return lambda: room.fixed(e)
    if model.design == "paired" and schedule.fresh:
        if schedule.rule != "fresh-data":
            raise NoClosedForm("with paired labels fresh data are known; simulate it")
        return lambda: moments.paired(e)
    if (
        schedule.fresh
        and schedule.alone
        and e.sizes[1:].min(initial=model.dim + 2) >= model.dim + 2
    ):
        return lambda: moments.refreshed(e)
    if schedule.rule == "fresh-data":
        raise NoClosedForm(
            "with new inputs fresh data are known where they are pooled (weight None) and at "
            "least dim + 2 rows; simulate it"
        )
    if not (schedule.newest or schedule.pool):
        raise NoClosedForm(
            "with new inputs known for replace, accumulate and pooled fresh data; simulate it"
        )
    room = ridge if model.ridge > 0 else moments
    return lambda: (room.replaced if schedule.newest else room.accumulated)(e)


def _without_variance(e: "Experiment") -> bool:
    """Return whether the variances are open, where the means are known."""
    if e.model.design == "fixed":
        return False
    if e.schedule.fresh:
        return True
    pooled = e.schedule.pool
    return pooled and (e.model.ridge > 0 or int(e.sizes[0]) < e.model.dim)


def _has_laws(e: "Experiment") -> bool:
    model = e.model
    return bool(model.design == "fixed" and model.ridge == 0 and e.sizes[0] >= model.dim)


def risk_laws(e: "Experiment") -> list[RatioLaw]:
    """Return the law of each generation's risk, for a fixed design with samples >= dim."""
    n, d, power = int(e.sizes[0]), e.model.dim, e.model.noise**2
    scales = power * moments.gains(e)
    return [RatioLaw(float(scale), d, n - d + 1) for scale in scales]


def _limits(e: "Experiment", reason: str | None) -> Lazy:
    if reason is None:
        try:
            both = limits.limits(e)
        except NoClosedForm as error:
            reason = str(error)
        else:
            return Lazy(given(dict(zip(QUANTITIES, both, strict=True))))
    return Lazy({}, dict.fromkeys(QUANTITIES, reason))


def _notes(e: "Experiment") -> dict[str, str]:
    t = limits.infinite_from(e)
    if t is None:
        return {}
    text = (
        f"inf from generation {t} on: with |rows - dim| <= 1 the inverse Gram matrix has no "
        "expectation"
    )
    return dict.fromkeys(QUANTITIES, text)
