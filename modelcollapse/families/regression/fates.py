"""What becomes of the risk of a regression loop, in words."""

from typing import TYPE_CHECKING

import numpy as np

from modelcollapse.families.regression.limits import infinite_from, inheritance
from modelcollapse.families.regression.moments import least_inputs
from modelcollapse.loop.fate import Fate

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment


def fates(e: "Experiment") -> dict[str, Fate]:
    """Return what becomes of the risk."""
    return {"risk": _risk(e)}


def _risk(e: "Experiment") -> Fate:
    if e.model.ridge > 0:
        return _penalised(e)
    if e.model.noise == 0:
        return _noise_free(e)
    if (t := infinite_from(e)) is not None and _is_predicted(e):
        reason = "the expectation is infinite where rows and inputs differ by at most 1"
        return Fate("diverges", f"infinite from generation {t} on", reason)
    if e.model.design != "fixed":
        return _fresh(e)
    if e.schedule.edits is not None:
        return Fate("undetermined", "", "no theorem for edited labels: simulate it")
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
    if e.model.design == "paired":
        u, share = 1 - workflow.real_weight, min(1.0, workflow.real / e.model.dim)
        reason = f"each fit keeps {u:.6g}^2 times {share:.6g} of the last one's error"
        return Fate("bounded", "", reason)
    if workflow.weight is not None or workflow.real + workflow.synthetic < e.model.dim + 2:
        return Fate("undetermined", "", "no theorem for weighted or fewer rows: simulate it")
    kappa, _ = inheritance(e)
    reason = f"each fit inherits {kappa:.6g} of the last one's expected risk"
    if kappa < 1:
        return Fate("bounded", "", reason)
    return Fate("diverges", f"{kappa:.6g}^t" if kappa > 1 else "t", reason)


def _is_predicted(e: "Experiment") -> bool:
    schedule = e.schedule
    paired = e.model.design == "paired" and schedule.rule == "fresh-data"
    return bool(e.model.design == "fixed" or paired or schedule.alone or schedule.pool)


def _forgotten(e: "Experiment") -> str:
    return (
        f"each fit keeps n/d = {e.sizes[0] / e.model.dim:.6g} of the coefficients' square: the "
        "error settles, but w* is forgotten altogether"
    )


def _noise_free(e: "Experiment") -> Fate:
    known = e.schedule.weighted
    design = e.model.design
    if known and least_inputs(e) >= e.model.dim:
        reason = "without noise the first fit is w*, and so are all others"
        return Fate("bounded", "", reason)
    if known and design == "fixed":
        reason = "the first fit loses of w* what the inputs do not span; all others reproduce it"
        return Fate("bounded", "", reason)
    return _fresh(e) if design != "fixed" else Fate("undetermined", "", "no theorem: simulate it")


def _penalised(e: "Experiment") -> Fate:
    if e.schedule.rule == "accumulate":
        reason = "the penalty's bias is that of generation 1, and noise adds less and less"
        return Fate("bounded", "", reason)
    if e.schedule.rule == "replace" and np.ptp(e.sizes) == 0:
        reason = "every fit shrinks the last one: noise settles, but w* is forgotten altogether"
        return Fate("bounded", "", reason)
    return Fate("undetermined", "", "no theorem for this workflow with a penalty: simulate it")
