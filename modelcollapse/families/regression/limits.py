"""Limits and exponents of regression loops."""

import math
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.regression.moments import inherited_share, lost_signal
from modelcollapse.families.regression.wishart import noise_mean

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

OPEN = "no limit in closed form: see the exact finite curves, or simulate it"


def infinite_from(e: "Experiment") -> int | None:
    """Return the first generation whose expected risk is infinite, for a predicted loop."""
    if e.model.noise == 0 or e.model.ridge > 0:
        return None
    pooled = e.schedule.pool and e.model.design != "fixed"
    counts = np.cumsum(e.sizes) if pooled else e.sizes
    if e.model.design != "fresh" and e.schedule.fresh:
        counts = e.schedule.real  # the inputs, which are labelled twice
    elif e.schedule.fresh:
        if np.any(e.schedule.sampled[1:] == 0):  # what is all real forgets it
            return None
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
    if model.ridge > 0 or e.schedule.edits is not None:
        raise NoClosedForm(OPEN)
    lost, _ = lost_signal(first, d)
    if model.design == "fixed":
        noise = 0.0
        if power > 0:
            from modelcollapse.solver import limit

            noise = power * first * limit(e.schedule, first, 0.0) * noise_mean(first, d)
        return square * lost + noise, square * (1 - lost) + noise
    if e.schedule.rule == "fresh-data":
        return _mixed(e) if model.design == "paired" else _settled(e)
    if np.ptp(e.sizes) > 0:
        raise NoClosedForm("the limits are for equal batches")
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


def inheritance(e: "Experiment") -> tuple[float, float]:
    """Return kappa, and the noise of one fit, for pooled fresh data."""
    d, workflow = e.model.dim, e.schedule.workflow
    N = workflow.real + workflow.synthetic
    kappa = inherited_share(workflow.synthetic, N, d)
    return kappa, e.model.noise**2 * d / (N - d - 1)


def _settled(e: "Experiment") -> tuple[float, float]:
    kappa, noise = inheritance(e)
    if infinite_from(e):
        return math.inf, math.inf
    if kappa >= 1:
        start = noise > 0 or (e.sizes[0] < e.model.dim and e.truth.square > 0)
        grown = math.inf if start else 0.0
        return grown, e.truth.square + grown
    return noise / (1 - kappa), e.truth.square + noise / (1 - kappa)


def _mixed(e: "Experiment") -> tuple[float, float]:
    """Return the limits of labels w y + (1 - w) y' on new inputs; see `moments.paired`."""
    workflow, d, square = e.schedule.workflow, e.model.dim, e.truth.square
    if infinite_from(e):
        return math.inf, math.inf
    n, w = workflow.real, workflow.real_weight
    u, lost = 1 - w, lost_signal(n, d)[0]
    noise = e.model.noise**2 * (w * w + u * u) * noise_mean(n, d) if e.model.noise > 0 else 0.0
    kept = 1 - lost
    # 1 - kept u and 1 - kept u^2, also where w is below the roundings of u.
    along = kept * w * square / (lost + kept * w)
    norm = kept * (w * w * square + 2 * w * u * along) + noise
    settle = np.float64(lost + kept * w * (1 + u))
    with np.errstate(over="ignore"):
        return float((lost * square + noise) / settle), float(norm / settle)


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
