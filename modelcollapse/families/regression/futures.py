"""Limits, exponents and fates of regression loops."""

import math
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.regression.moments import inherited_share, lost_signal
from modelcollapse.families.regression.wishart import noise_mean
from modelcollapse.loop.fate import Fate

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

OPEN = "no limit in closed form: see the exact finite curves, or simulate it"


def infinite_from(e: "Experiment") -> int | None:
    """Return the first generation whose expected risk is infinite, for a predicted loop."""
    if e.model.noise == 0 or e.model.ridge > 0:
        return None
    pooled = e.schedule.pool and e.model.design == "fresh"
    counts = np.cumsum(e.sizes) if pooled else e.sizes
    if e.schedule.fresh:
        counts = e.sizes[:1]
    near = np.flatnonzero(np.abs(counts - e.model.dim) <= 1)
    return int(near[0]) + 1 if near.size else None


def limits(e: "Experiment") -> tuple[float, float]:
    """Return the limits of "risk" and "norm" as t grows.

    Raises
    ------
    NoClosedForm
        If there is none, or it is not known.
    """
    model, (first, n) = e.model, (int(e.sizes[0]), int(e.sizes[-1]))
    d, power, square = model.dim, model.noise**2, e.truth.square
    if model.ridge > 0:
        raise NoClosedForm(OPEN)
    if e.schedule.rule == "fresh-data":
        return _settled(e)
    if np.ptp(e.sizes) > 0:
        raise NoClosedForm("the limits are for equal batches")
    lost, _ = lost_signal(first, d)
    if model.design == "fixed":
        noise = 0.0
        if power > 0:
            from modelcollapse.solver import limit

            noise = power * n * limit(e.schedule, n, 0.0) * noise_mean(n, d)
        return square * lost + noise, square * (1 - lost) + noise
    if e.schedule.rule == "accumulate":
        noise = power * pooled_noise(n, d) if power > 0 else 0.0
        return square * lost + noise, square * (1 - lost) + noise
    if e.schedule.rule != "replace":
        raise NoClosedForm(OPEN)
    if n >= d:
        noise = math.inf if power > 0 else 0.0
        return noise, square + noise
    noise = power * noise_mean(n, d) / (1 - n / d) if power > 0 else 0.0
    return square + noise, noise


def _share(e: "Experiment") -> tuple[float, float]:
    """Return kappa, and the noise of one fit, for pooled fresh data."""
    d, workflow = e.model.dim, e.schedule.workflow
    N = workflow.real + workflow.synthetic
    kappa = inherited_share(workflow.synthetic, N, d)
    return kappa, e.model.noise**2 * d / (N - d - 1)


def _settled(e: "Experiment") -> tuple[float, float]:
    kappa, noise = _share(e)
    if infinite_from(e):
        return math.inf, math.inf
    if kappa >= 1:
        start = noise > 0 or (e.sizes[0] < e.model.dim and e.truth.square > 0)
        grown = math.inf if start else 0.0
        return grown, e.truth.square + grown
    return noise / (1 - kappa), e.truth.square + noise / (1 - kappa)


def pooled_noise(n: int, d: int) -> float:
    r"""Return sum_t E tr S_t^+ / t, with S_t the Gram matrix of t n rows.

    From the first k with k n > d on the terms are d/(t (t n - d - 1)), whose sum is
    d/(d + 1) [psi(k) - psi(k - (d + 1)/n)].
    """
    from scipy.special import digamma

    k, head = 1, 0.0
    while k * n <= d:
        head += noise_mean(k * n, d) / k
        k += 1
    if k * n == d + 1 or math.isinf(head):
        return math.inf
    return head + d / (d + 1) * float(digamma(k) - digamma(k - (d + 1) / n))


def exponents(e: "Experiment") -> dict[str, float]:
    """Return "power" (risk ~ t^power) and "forgetting" (the norm's log per generation)."""
    model, n, d = e.model, int(e.sizes[0]), e.model.dim
    found: dict[str, float] = {}
    if model.ridge > 0 or np.ptp(e.sizes) > 0 or infinite_from(e):
        return found
    if e.schedule.rule not in ("replace", "accumulate"):
        return found
    forgetting = model.design == "fresh" and n < d and e.schedule.rule == "replace"
    if forgetting:
        found["forgetting"] = math.log(n / d)
    if model.noise > 0:
        grows = e.schedule.rule == "replace" and not forgetting
        found["power"] = 1.0 if grows else 0.0
    return found


def fate(e: "Experiment") -> Fate:
    """Return what becomes of the risk."""
    if e.model.ridge > 0:
        return _penalised(e)
    if e.model.noise == 0:
        return _noise_free(e)
    if (t := infinite_from(e)) is not None and _is_predicted(e):
        reason = "the expectation is infinite where rows and inputs differ by at most 1"
        return Fate("diverges", f"infinite from generation {t} on", reason)
    if e.model.design == "fresh":
        return _fresh(e)
    from modelcollapse.solver import fate as of_noise

    found = of_noise(e.schedule, e.sizes, 0.0)
    return Fate(found.verdict, found.rate, f"the noise that labels inherit: {found.reason}")


def _fresh(e: "Experiment") -> Fate:
    if e.schedule.rule == "accumulate":
        reason = "each batch adds sigma^2 (n_t/N_t) d/(N_t - d - 1), which is summable"
        return Fate("bounded", "", reason)
    if e.schedule.rule == "fresh-data":
        return _refreshed(e)
    if e.schedule.rule != "replace":
        return Fate("undetermined", "", "no theorem for this workflow with new inputs: simulate it")
    if np.ptp(e.sizes) > 0:
        return Fate("undetermined", "", "a schedule can do anything after its last generation")
    if e.sizes[0] > e.model.dim:
        return Fate("diverges", "t", "each generation adds sigma^2 d/(n - d - 1): a random walk")
    return Fate("bounded", "", _forgotten(e))


def _refreshed(e: "Experiment") -> Fate:
    workflow = e.schedule.workflow
    if workflow.weight is not None or workflow.real + workflow.synthetic < e.model.dim + 2:
        return Fate("undetermined", "", "no theorem for weighted or fewer rows: simulate it")
    kappa, _ = _share(e)
    reason = f"each fit inherits {kappa:.6g} of the last one's expected risk"
    if kappa < 1:
        return Fate("bounded", "", reason)
    return Fate("diverges", f"{kappa:.6g}^t" if kappa > 1 else "t", reason)


def _is_predicted(e: "Experiment") -> bool:
    schedule = e.schedule
    return bool(e.model.design == "fixed" or schedule.alone or schedule.pool)


def _forgotten(e: "Experiment") -> str:
    return (
        f"each fit keeps n/d = {e.sizes[0] / e.model.dim:.6g} of the coefficients' square: the "
        "error settles, but w* is forgotten altogether"
    )


def _noise_free(e: "Experiment") -> Fate:
    known = e.schedule.weighted
    design, enough = e.model.design, e.sizes.min() >= e.model.dim
    if known and enough:
        reason = "without noise the first fit is w*, and so are all others"
        return Fate("bounded", "", reason)
    if known and design == "fixed":
        reason = "the first fit loses of w* what the inputs do not span; all others reproduce it"
        return Fate("bounded", "", reason)
    return _fresh(e) if design == "fresh" else Fate("undetermined", "", "no theorem: simulate it")


def _penalised(e: "Experiment") -> Fate:
    if e.schedule.rule == "accumulate":
        reason = "the penalty's bias is that of generation 1, and noise adds less and less"
        return Fate("bounded", "", reason)
    if e.schedule.rule == "replace" and np.ptp(e.sizes) == 0:
        reason = "every fit shrinks the last one: noise settles, but w* is forgotten altogether"
        return Fate("bounded", "", reason)
    return Fate("undetermined", "", "no theorem for this workflow with a penalty: simulate it")
