r"""Gaussian loops with a floor, the number that is added to every fitted variance: what is known.

In units of tr S_0 a fit has the floor eps = floor d / tr S_0 in V_t, and the rows sampled from it
have it too: the recursions of `moments` get a source, for any truth with finite variance and any
d. Replace multiplies V by r = lambda (n - 1)/(n - c):

    V' = r V + eps -> eps/(1 - r),   R' = R + lambda V/n;

with maximum likelihood the variance settles at n eps whatever the truth was, and the mean walks
for ever. Under accumulate and its subsets a step multiplies the pool's variance by 1 + a/t, a as in
`limits.power`, and adds lambda eps/t: it settles for a < 0, and grows like log t for a = 0.

No fit has less than floor * I, so log det S_t >= d log floor and tr S_t^-1 <= d/floor: the loss on
new data is at most of the order of R. Under replace the means walk, given all covariances, with the
covariance sum S_s/n >= t floor I/n, so that it is at least of the order t.

In one dimension replace's variance is a random difference equation v' = A v + floor, A a chi-square
of n - 1 degrees of freedom over n: its law settles, with a tail of the order x^-kappa (Kesten 1973,
Goldie 1991), see `tails`. Derived in ``theory/gaussian_floor.py``.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.gaussian import limits, loss_fates
from modelcollapse.families.gaussian import predict as plain
from modelcollapse.families.gaussian.fates import EPS, QUANTITIES
from modelcollapse.families.gaussian.moments import floor_share
from modelcollapse.loop.experiment import Lazy, Prediction
from modelcollapse.loop.fate import Fate
from modelcollapse.loop.routes import each, given
from modelcollapse.loop.selection import Selection
from modelcollapse.solver.edits import chances

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment, Route

OPEN = (
    *("log_variance", "log_determinant", "log_determinant_lower", "log_determinant_upper"),
    *("pseudo_log_determinant", "w2_squared", "w2_squared_lower", "w2_squared_upper"),
    *("test_log_loss", "test_log_loss_lower", "test_log_loss_upper"),
)
REWARDS = (
    *("reward_gain", "reward_gain_lower", "reward_gain_upper", "reward_variance"),
    "variance_across",
)
SELECTED = "not derived with a floor and a selection of rows: simulate it"
WHY = "not derived with a floor: simulate it"
SPREAD = {
    "set": "its variance over replicates is not derived with a floor where sets are random",
    "fresh": (
        "with a floor and fresh real rows known in dim = 1, or where the truth's covariance is "
        "s^2 I: simulate it"
    ),
}
KNOWN = (
    "with a floor known for equal batches under replace, accumulate, subsets of the pool, fresh "
    "or kept real data, and edits that are alike for ever"
)


def predict(e: "Experiment") -> Prediction:
    """Return what is known of a loop with a floor."""
    if isinstance(e.sampling, Selection):
        return _selected(e)
    routes: dict[str, Route] = {}
    spreads: dict[str, Route] = {}
    reasons, unspread = dict.fromkeys(OPEN, WHY), dict[str, str]()
    plain.moment_routes(e, routes, reasons, spreads)
    if spreads and (why := _no_spread(e)):
        spreads, unspread = {}, dict.fromkeys(spreads, why)
    if e.model.dim > 1:
        reasons["determinant"] = WHY
    elif "variance" in routes:
        # Arrays of their own: who writes into one does not change the other.
        routes["determinant"] = lambda: routes["variance"]().copy()
        if "variance" in spreads:
            spreads["determinant"] = lambda: spreads["variance"]().copy()
    else:
        reasons["determinant"] = reasons["variance"]
    return Prediction(
        e,
        Lazy(routes, reasons),
        Lazy(spreads, unspread),
        limits=_limits(e),
        exponents=Lazy({}, dict.fromkeys(("lyapunov", "power"), WHY)),
        fates=Lazy(each(lambda: fates(e), QUANTITIES)),
    )


def _selected(e: "Experiment") -> Prediction:
    """Return why nothing is known of a loop whose rows are selected."""
    names = (*plain.Spread._fields, "determinant", *OPEN, *REWARDS)
    known = Lazy({}, dict.fromkeys(names, SELECTED))
    fates = dict.fromkeys(QUANTITIES, Fate("undetermined", "", SELECTED))
    return Prediction(e, known, known, limits=known, fates=Lazy(given(fates)))


def _no_spread(e: "Experiment") -> str:
    """Return why there are no variances over replicates, or nothing."""
    if e.schedule.random_sets:
        return SPREAD["set"]
    spectrum = e.truth.spectrum
    # Beside fresh rows expected covariances have to be proportional to theirs.
    return SPREAD["fresh"] if e.schedule.fresh and np.ptp(spectrum) > 1e-12 * spectrum[0] else ""


class LongRun(NamedTuple):
    """Where V_t and R_t tend to, and how each grows where that is infinite; NaN: some limit."""

    variance: float
    error: float
    rate: str
    error_rate: str
    reason: str


def long_run(e: "Experiment") -> LongRun:
    """Return what becomes of V_t and R_t, or raise NoClosedForm."""
    if e.schedule.edits is not None:
        return _edited(e)
    if e.schedule.equal is None:
        raise NoClosedForm(KNOWN)
    if e.schedule.rule == "replace":
        return _replaced(e)
    if e.schedule.rule == "accumulate" or e.schedule.kind == "subset":
        return _pooled(e)
    if e.schedule.rule in ("fresh-data", "keep-real"):
        found = limits.settling(e)
        text = f"real data pull back, by the factor {found.factor:.6g} each generation"
        rate = f"{found.factor:.10g}^t" if found.factor > 1 else "t"
        return LongRun(found.variance, found.squared_error, rate, rate, text)
    raise NoClosedForm(KNOWN)


def _replaced(e: "Experiment") -> LongRun:
    n, c, heat, eps = int(e.sizes[0]), e.model.ddof, e.temperature, floor_share(e)
    lost = (n * (1 - heat) + heat - c) / (n - c)  # 1 - r
    text = f"each generation multiplies it by {1 - lost:.12g} and adds the floor"
    if abs(lost) < EPS:
        return LongRun(np.inf, np.inf, f"{eps:.6g} t", "t^2", text)
    if lost < 0:
        rate = f"{1 - lost:.12g}^t"
        return LongRun(np.inf, np.inf, rate, rate, text)
    limit = eps / lost
    if e.model.dim == 1:
        # Of v' = A v + floor: Var A (E v)^2 / (1 - E A^2).
        spread = 2 * heat**2 * (n - 1) / (n - c) ** 2
        left = lost * (2 - lost) - spread
        over = np.sqrt(spread / left) if left > EPS else np.inf
        text += f", and its standard deviation over replicates tends to {over:.6g} times that"
    return LongRun(limit, np.inf, "", f"{heat * limit / n:.6g} t", text)


def _pooled(e: "Experiment") -> LongRun:
    n, c, heat, eps = int(e.sizes[0]), e.model.ddof, e.temperature, floor_share(e)
    a, subset, shrunk = limits.power(e), e.schedule.kind == "subset", 1.0
    if subset:
        k = e.schedule.budget or n
        shrunk = (k - 1) / (k - c)
    text = f"a step multiplies the pool's variance by 1 + a/t, a = {a:.12g}, and adds a floor/t"
    if a < -EPS:
        return LongRun(heat * eps / -a * shrunk + eps, np.nan, "", "", text)
    rate = f"t^{a:.12g}" if a > EPS else f"{heat * eps * shrunk:.6g} log t"
    if subset:  # a subset's mean has a share of the variance
        return LongRun(np.inf, np.inf, rate, rate if a > EPS else "log t", text)
    if heat < 2 - EPS:  # the mean's steps are about V_t/t^2
        return LongRun(np.inf, np.nan, rate, "", text)
    return LongRun(np.inf, np.inf, rate, f"t^{heat - 2:.12g}" if heat > 2 + EPS else "log t", text)


def _edited(e: "Experiment") -> LongRun:
    edits, found = e.schedule.edits, limits.edit_factor(e)
    if edits is None or found is None:
        raise NoClosedForm(KNOWN)
    (loss, gain), n, eps = found, int(e.sizes[0]), floor_share(e)
    source = float(chances(edits).one[-1]) * e.temperature * eps
    scale = (n - 1) / (n - e.model.ddof)
    text = f"each generation multiplies it by {1 - loss:.12g} and adds a share of the floor"
    if source == 0:  # nothing is replaced
        return LongRun(scale + eps, 1 / n, "", "", "the set stays as it is")
    if loss > 0:
        limit = source / loss
        return LongRun(limit * scale + eps, np.inf, "", f"{gain * limit:.6g} t", text)
    if loss == 0:
        return LongRun(np.inf, np.inf, f"{source * scale:.6g} t", "t^2", text)
    rate = f"{1 - loss:.12g}^t"
    return LongRun(np.inf, np.inf, rate, rate, text)


def fates(e: "Experiment") -> dict[str, Fate]:
    """Return the fate of each of `QUANTITIES`, if later batches are as the last."""
    try:
        found = long_run(e)
    except NoClosedForm as open_:
        return dict.fromkeys(QUANTITIES, Fate("undetermined", "", str(open_)))
    variance = _fate(found.variance, found.rate, found.reason)
    text = "each generation adds the variance of a sampled mean"
    if np.isnan(found.error):
        text = "its steps are of the order V_t/t^2, and summable"
    elif np.isfinite(found.error):
        text = found.reason
    error = _fate(found.error, found.error_rate, text)
    told = {"variance": variance, "squared_error": error}
    parts = (variance, error)
    told["second_moment"] = next((part for part in parts if part.verdict == "diverges"), variance)
    told["determinant"] = Fate("undetermined", "", WHY) if e.model.dim > 1 else variance
    told["log_determinant"] = Fate("undetermined", "", WHY)
    if variance.verdict == "bounded":
        text = "it is between those of the floor and, by Jensen's inequality, of the variance"
        told["log_determinant"] = Fate("bounded", "", text)
    told["w2_squared"] = loss_fates.distance(e, _order(variance), _order(error))
    return told | {"test_log_loss": _loss(e, variance, error)}


def _order(fate: Fate) -> Fate:
    """Return the fate without the constant of its rate, which has a unit."""
    constant, _, order = fate.rate.partition(" ")
    return replace(fate, rate=order) if order and constant != "log" else fate


def _fate(limit: float, rate: str, reason: str) -> Fate:
    if np.isinf(limit):
        return Fate("diverges", rate, reason)
    settles = "" if np.isnan(limit) else f"it tends to {limit:.6g}: "
    return Fate("bounded", "", settles + reason)


def _loss(e: "Experiment", variance: Fate, error: Fate) -> Fate:
    """Return the fate of the loss on new data, between d log floor and (S_0 + R)/floor."""
    if (variance.verdict, error.verdict) == ("bounded", "bounded"):
        return Fate("bounded", "", "no fitted variance is below the floor")
    if variance.verdict == "bounded" and e.schedule.rule == "replace":
        return Fate("diverges", "t", "the mean walks away for ever, and the variance stays")
    return Fate("undetermined", "", WHY)


def _limits(e: "Experiment") -> Lazy:
    names = ("variance", "squared_error", "second_moment", *["determinant"] * (e.model.dim == 1))
    try:
        found = long_run(e)
    except NoClosedForm as error:
        return Lazy({}, dict.fromkeys(names, str(error)))
    both = found.variance, found.error
    values = dict(zip(names, (*both, sum(both), found.variance), strict=False))
    open_ = {name: WHY.partition(":")[0] for name, value in values.items() if np.isnan(value)}
    return Lazy(given({k: float(v) for k, v in values.items() if k not in open_}), open_)
