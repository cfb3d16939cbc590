"""What becomes of the log-determinant, of W2 and of the loss on new data, in words.

Where E tr S_t vanishes the fits shrink to points: the logarithm of the determinant falls without
end, and a new row is ever further off in every direction, so that the expected loss grows without
bound (it is bounded below, and diverges in probability). Under accumulate the steps of
`enclosures` are summable for equal batches at temperature 1. Where real rows of covariance S_r keep
a weight w a fit has at least w S_r, so that tr S_t^-1 is at most tr S_r^-1 / w; and m_t is
independent of fresh rows' S_r, and is S_r^(1/2) times what does not depend on it where S_r is of
batch 1, but for the mean of batch 1.
"""

from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.gaussian import limits
from modelcollapse.loop.fate import Fate

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

EPS = 8 * float(np.finfo(float).eps)
SHARE = "a fit has at least a fixed share of real rows' covariance"
NORMAL = Fate("undetermined", "", "known for a normal truth; simulate it")


def full(e: "Experiment") -> bool:
    """Return whether the truth is normal and varies in every direction."""
    return bool(e.truth.is_normal) and len(e.truth.spectrum) == e.model.dim


def short_of_rows(e: "Experiment") -> bool:
    """Return whether batch 1 makes E tr S_t^-1 infinite for ever.

    Without fresh rows, and with weights, a loop depends on batch 1 through its mean and covariance
    S_1 alone: S_t = S_1^(1/2) Z S_1^(1/2) with Z independent of S_1.
    """
    kept = e.schedule.weighted and not e.schedule.fresh
    return kept and full(e) and bool(e.sizes[0] <= e.model.dim + 2)


def settles(e: "Experiment") -> bool:
    """Return whether limits of log-determinant, W2 and loss are enclosed."""
    equal = e.schedule.rule == "accumulate" and e.schedule.equal is not None
    plain = e.temperature == 1 and e.model.ddof == 0
    return equal and plain and full(e) and bool(e.sizes[0] > e.model.dim)


def distance(e: "Experiment", variance: Fate, error: Fate) -> Fate:
    """Return the fate of W2, squared: at least R + (sqrt V - 1)^2, at most R + V + 1."""
    if not e.truth.is_normal:
        return NORMAL
    for part in (variance, error):
        if part.verdict == "diverges":
            return Fate("diverges", part.rate, "it is at least R + (sqrt V - 1)^2")
    if "undetermined" in (variance.verdict, error.verdict):
        return Fate("undetermined", "", "that of variance and squared_error is not known here")
    return Fate("bounded", "", "it is at most R + V + 1, in units of the truth's total variance")


def log_determinant(e: "Experiment", variance: Fate, determinant: Fate) -> Fate:
    """Return the fate of E log det S_t / det S_0."""
    d = e.model.dim
    if (e.sizes[0] <= d and not e.schedule.fresh) or len(e.truth.spectrum) < d:
        return Fate("diverges", "-inf from generation 1", "every fit is singular")
    if not full(e):
        return NORMAL
    try:
        drift = float(limits.lyapunov(e).sum())
    except NoClosedForm:
        return _volume(e, variance, determinant)
    if abs(drift) < EPS * d:
        return Fate("bounded", "", "the Lyapunov exponents sum to 0: it stays what it is")
    return Fate("diverges", f"{drift:.10g} t", "the sum of the Lyapunov exponents, each generation")


def _volume(e: "Experiment", variance: Fate, determinant: Fate) -> Fate:
    """Return the fate of the log-determinant where there are no Lyapunov exponents."""
    if variance.verdict == "clumps":
        return Fate("diverges", "to -inf", "at most dim log(V_t), and V_t vanishes")
    if determinant.verdict == "clumps":
        text = "at most the logarithm of the expected determinant, which vanishes"
        return Fate("diverges", "to -inf", text)
    if variance.verdict == "bounded" and _real_rows(e) > e.model.dim:
        return Fate("bounded", "", SHARE)
    return _pooled(e, 1.0)


def _pooled(e: "Experiment", share: float) -> Fate:
    """Return the fate under accumulate of `share` log-determinants, and of what is bounded."""
    if e.schedule.rule != "accumulate" or e.schedule.equal is None:
        return Fate("undetermined", "", "no theorem for this workflow: simulate it")
    if e.temperature == 1:
        return Fate("bounded", "", "its steps are independent, of order 1/(n t^2), and summable")
    power = share * e.model.dim * (e.temperature - 1)
    text = "each step adds dim (temperature - 1)/t to the log-determinant"
    return Fate("diverges", f"{power:.6g} log t", text)


def loss(e: "Experiment", variance: Fate, error: Fate) -> Fate:
    """Return the fate of the expected loss on new data."""
    d, n = e.model.dim, int(e.sizes[0])
    if n <= d and not e.schedule.fresh:
        return Fate("diverges", "inf from generation 1", "every fit is singular")
    if e.schedule.rule == "replace" and e.truth.is_normal:
        return _replaced(e)
    if not full(e):
        return NORMAL
    if short_of_rows(e):
        reason = f"batch 1 has at most dim + 2 = {d + 2} rows: E tr S_1^-1 is infinite for ever"
        return Fate("diverges", "inf from generation 1", reason)
    return _followed(e, variance, error)


def _followed(e: "Experiment", variance: Fate, error: Fate) -> Fate:
    """Return the fate that the variance has in store, or real rows."""
    if variance.verdict == "clumps":
        return Fate("diverges", "", "the fits shrink to points, and new rows are ever further off")
    if variance.verdict == error.verdict == "bounded" and _real_rows(e) > e.model.dim + 2:
        return Fate("bounded", "", SHARE)
    return _pooled(e, 0.5)


def _real_rows(e: "Experiment") -> int:
    """Return how many real rows keep a share of every later fit for ever, or 0."""
    if e.schedule.rule == "fresh-data":
        return int(e.schedule.workflow.real)
    kept = e.schedule.equal is not None or getattr(e.schedule.workflow, "share", None)
    return int(e.sizes[0]) if e.schedule.rule == "keep-real" and kept else 0


def _replaced(e: "Experiment") -> Fate:
    d, n = e.model.dim, e.sizes
    if (short := np.flatnonzero(n <= d + 2)).size:
        reason = f"a batch of at most dim + 2 = {d + 2} rows: E tr S^-1 is infinite"
        return Fate("diverges", f"inf from generation {short[0] + 1}", reason)
    if np.ptp(n):
        return Fate("undetermined", "", "the batches differ in size")
    factor = (n[0] - e.model.ddof) / (e.temperature * (n[0] - d - 2))
    if factor > 1 + EPS:
        return Fate("diverges", f"{factor:.12g}^t", "E tr S^-1 grows by it in each generation")
    return Fate("diverges", "", "the fits spread: log det S_t drifts upwards, without end")
