r"""What becomes of a Gaussian loop: of its variance, its mean and its loss on new data.

With batches of n rows, k training rows (n under replace), ddof c and temperature lambda:

replace              V_t is multiplied by r = lambda (n - 1)/(n - c); the mean's error adds
                     lambda V/n each time
accumulate           V_t ~ t^(lambda - 1); the error adds V/t^2: bounded iff lambda < 2
accumulate-subsample V_t ~ t^a, a = lambda (k - 1)/(k - c) - 1 + 1/k, and the error is at least
                     the part (1 - k/N)/k of it
edits                V_t is multiplied by 1 + e (lambda (n - 1)/(n - c) - 1 + 1/n) - f/n, e and f
                     as in `solver.edits`
fresh, kept data     moments settle, or explode, as `limits.settling` says
determinant          replace: r = lambda^d prod_i (n - i)/(n - c); else a is d times that of V_t
any other            for maximum likelihood at temperature 1 that of the solver with v2 = -1:
                     what the mean's error gains the variance loses

The powers are `limits.power`. The expected test loss under replace
contains E tr S_t^-1, which is multiplied by (n - c)/(lambda (n - d - 2)), and log det S_t, which
drifts by the sum of the Lyapunov exponents. Where the first factor is at most 1 that drift is
above 0, as psi(x) > log x - 1/x > log(x - 1).
"""

from typing import TYPE_CHECKING

import numpy as np

from modelcollapse import solver
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.gaussian import determinants, limits, loss_fates
from modelcollapse.loop.fate import Fate, Outcome
from modelcollapse.loop.truth import Rows
from modelcollapse.solver.fates import EDITS

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

QUANTITIES = (
    *("variance", "squared_error", "second_moment"),
    *("test_log_loss", "determinant", "log_determinant", "w2_squared"),
)
EPS = 8 * float(np.finfo(float).eps)
SLOW = 1e-9  # a share that is lost in a generation, and shown as such
ZERO = 1e-12  # a Lyapunov exponent nearer to 0 than its rounding has no sign
NOTHING = Fate("undetermined", "", "known for maximum likelihood (ddof = 0) at temperature 1 here")


def fates(e: "Experiment") -> dict[str, Fate]:
    """Return the fate of each of `QUANTITIES`, if later batches are as the last."""
    variance, error = _moments(e) if e.schedule.edits is None else _edited(e)
    found = {"variance": variance, "squared_error": error}
    found |= {"second_moment": _sum(e, variance, error)}
    found["determinant"] = variance if e.model.dim == 1 else _determinant(e)
    found["log_determinant"] = loss_fates.log_determinant(e, variance, found["determinant"])
    found["w2_squared"] = loss_fates.distance(e, variance, error)
    return found | {"test_log_loss": loss_fates.loss(e, variance, error)}


def typical(e: "Experiment") -> dict[str, Fate]:
    """Return what becomes of the variance of almost every run, where that is proved."""
    try:
        largest = float(np.max(limits.lyapunov(e)))
    except NoClosedForm:
        return _kept(e)
    if abs(largest) < ZERO:
        return {}
    text = f"the largest Lyapunov exponent is {largest:.5g} per generation"
    return {"variance": Fate("clumps" if largest < 0 else "diverges", "", text)}


def _kept(e: "Experiment") -> dict[str, Fate]:
    rule, text = e.schedule.rule, ""
    if (found := limits.edit_factor(e)) is not None and found[0] > 0:
        return {"variance": Fate("clumps", "", "the sum of its expectations is finite")}
    if isinstance(e.truth, Rows):
        return {}
    if rule == "accumulate":
        text = "its factors are independent and their variances summable: a limit above 0"
    elif rule == "keep-real":
        text = "the real rows keep their weight, and their variance"
    try:
        limit = limits.limits(e)[0]
    except NoClosedForm:
        return {}
    return {"variance": Fate("bounded", "", text)} if text and 0 < limit < np.inf else {}


def _moments(e: "Experiment") -> tuple[Fate, Fate]:
    likelihood = e.model.ddof == 0 and e.temperature == 1
    if e.schedule.rule == "replace" and not (likelihood and np.ptp(e.sizes)):
        return _replace(e)
    if e.schedule.rule == "accumulate" and not likelihood:
        return _power(e, _tempered(e.temperature - 2))
    if e.schedule.kind == "subset":
        bounded = Fate("bounded", "", "its increments are summable, and the subset is large enough")
        return _power(e, bounded)
    if e.schedule.rule in ("fresh-data", "keep-real") and not likelihood:
        return _settled(e)
    if likelihood:
        return (
            solver.variance_fate(e.schedule, e.sizes, -1.0),
            solver.fate(e.schedule, e.sizes, -1.0),
        )
    return NOTHING, NOTHING


def _replace(e: "Experiment") -> tuple[Fate, Fate]:
    n, c, heat = e.sizes.astype(float), e.model.ddof, e.temperature
    factors = heat * (n - 1) / (n - c)
    if np.ptp(factors):
        open_ = Fate("undetermined", "", "the batches differ in size, and a schedule may go on so")
        return open_, open_
    r = float(factors[0])
    text = f"each generation multiplies it by {r:.12g}"
    if abs(r - 1) < EPS:
        kept = Fate("bounded", "", "the fitted variance keeps its expectation")
        if np.ptp(n):
            return kept, Fate("undetermined", "", "bounded iff the sum of 1/n_t is finite")
        return kept, Fate("diverges", "t/n", "each generation adds V/n: a random walk")
    if r < 1:
        lost = "what is left of the variance is lost geometrically, and with it the noise"
        return Fate("clumps", f"{r:.12g}^t", text), Fate("bounded", "", lost)
    grown = Fate("diverges", f"{r:.12g}^t", text)
    return grown, Fate("diverges", f"{r:.12g}^t", "each generation adds V/n, and V explodes")


def _edited(e: "Experiment") -> tuple[Fate, Fate]:
    """Return the fates of a set of which rows are replaced."""
    if (found := limits.edit_factor(e)) is None:
        return Fate("undetermined", "", EDITS), Fate("undetermined", "", EDITS)
    loss, gain = found
    factor = f"(1 - {loss:.6g})" if 0 < abs(loss) < SLOW else f"{1 - loss:.12g}"
    text = f"each generation multiplies it by {factor}"
    if loss == 0:
        kept = Fate("bounded", "", "the fitted variance keeps its expectation")
        return kept, Fate("diverges", f"{gain:.12g} t", "each generation adds a share of V")
    rate = f"{factor}^t"
    if loss > 0:
        lost = f"what is left of the variance is lost geometrically: it tends to {gain / loss:.6g}"
        return Fate("clumps", rate, text), Fate("bounded", "", lost)
    return Fate("diverges", rate, text), Fate("diverges", rate, "it adds a share of V, which grows")


def _settled(e: "Experiment") -> tuple[Fate, Fate]:
    """Return the fates with fresh or kept real data, at any temperature and ddof."""
    if e.schedule.equal is None:
        return (Fate("undetermined", "", "the batches differ in size"),) * 2
    found = limits.settling(e)
    if np.isfinite(found.variance):
        word: Outcome = "bounded" if found.variance > 0 else "clumps"
        text = f"real data pull back, by the factor {found.factor:.6g} each generation; it tends to"
        error = Fate("bounded", "", f"{text} {found.squared_error:.6g}")
        return Fate(word, "", f"{text} {found.variance:.6g}"), error
    rate = f"{found.factor:.10g}^t" if found.factor > 1 else "t"
    text = "the temperature is too high for the real data's weight: each generation multiplies it"
    return (Fate("diverges", rate, text),) * 2


def _tempered(above: float) -> Fate:
    """Return the error's fate under accumulate; `above` is lambda - 2, its power."""
    if above < 0:
        return Fate("bounded", "", "its increments are about V_t/t^2, and summable")
    rate = f"t^{above:.12g}" if above > 0 else "log t"
    return Fate("diverges", rate, "its increments are about V_t/t^2, and not summable")


def _power(e: "Experiment", tame: Fate) -> tuple[Fate, Fate]:
    """Return the fates where V_t ~ t^a; the error has the fate `tame` unless it follows V."""
    try:
        a = limits.power(e)
    except NoClosedForm as error:
        return (Fate("undetermined", "", str(error)),) * 2
    if abs(a) < EPS:
        return Fate("bounded", "", "it tends to a limit above 0"), tame
    rate, text = f"t^{a:.12g}", f"a step multiplies it by 1 + a/t, a = {a:.12g}"
    if a < 0:
        return Fate("clumps", rate, text), tame
    if e.schedule.kind == "subset":
        shared = "a random subset's mean has a share of the growing variance"
        return Fate("diverges", rate, text), Fate("diverges", rate, shared)
    return Fate("diverges", rate, text), tame


def _sum(e: "Experiment", variance: Fate, error: Fate) -> Fate:
    """Return the fate of V_t + R_t."""
    if e.model.ddof == 0 and e.temperature == 1:
        return Fate("bounded", "", "it stays tr S_0: what the variance loses the error gains")
    for part in (variance, error):  # V_t is the larger where both diverge
        if part.verdict == "diverges":
            return part
    if "undetermined" in (variance.verdict, error.verdict):
        return NOTHING
    return Fate("bounded", "", "both its parts are")


def _determinant(e: "Experiment") -> Fate:
    """Return the fate of E det S_t in more than one dimension."""
    d = e.model.dim
    if (e.sizes[0] <= d and not e.schedule.fresh) or len(e.truth.spectrum) < d:
        return Fate("clumps", "0 from generation 1", "every fit is singular")
    if not determinants.known(e):
        return Fate("undetermined", "", "its expectation is open here: simulate it")
    if e.schedule.rule == "accumulate" and e.temperature == 1 and e.model.ddof == 0:
        return Fate("bounded", "", "a step takes a share below (d+1) d n/(2 N^2): a limit above 0")
    if e.schedule.equal is None:
        return Fate("undetermined", "", "the batches differ in size, and a schedule may go on so")
    if e.schedule.rule == "replace" or e.schedule.edits is not None:
        return _shrunk(e)
    return _determinant_power(e)


def _shrunk(e: "Experiment") -> Fate:
    """Return the determinant's fate where each generation multiplies it by one number."""
    drift = determinants.drift(e)
    if drift is None:
        return Fate("undetermined", "", EDITS)
    if abs(drift) < e.model.dim * EPS:
        if e.schedule.edits is not None and drift != 0:
            return Fate("undetermined", "", determinants.NEAR)
        return Fate("bounded", "", "the determinant keeps its expectation")
    text = "each generation multiplies it by one number, see families.gaussian.minors"
    if e.schedule.rule == "replace":
        text = "each generation multiplies it by prod_i (n - i)/(n - ddof), and the temperature^d"
    return Fate("clumps" if drift < 0 else "diverges", f"{np.exp(drift):.12g}^t", text)


def _determinant_power(e: "Experiment") -> Fate:
    """Return the determinant's fate where it follows a power of t."""
    d = e.model.dim
    n = e.schedule.equal
    if e.schedule.kind == "subset" and n is not None and (e.schedule.budget or n) <= d:
        return Fate("clumps", "0 in the end", "a budget of at most dim rows: fits are singular")
    try:
        a = d * limits.power(e)
    except NoClosedForm as error:
        return Fate("undetermined", "", str(error))
    if abs(a) < d * EPS:
        return Fate("bounded", "", "it tends to a limit above 0")
    text = f"a step multiplies it by 1 + a/t, a = {a:.12g}"
    return Fate("clumps" if a < 0 else "diverges", f"t^{a:.12g}", text)
