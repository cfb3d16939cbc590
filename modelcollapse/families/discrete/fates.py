"""What becomes of a discrete loop, in words."""

from typing import TYPE_CHECKING

from modelcollapse.families.discrete.limits import forgets
from modelcollapse.loop.fate import Fate
from modelcollapse.loop.schedule import Schedule
from modelcollapse.solver.fates import variance_fate

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

LOST = ("absent", "missing_mass", "collapsed", "any_absent")


def fates(e: "Experiment") -> dict[str, Fate]:
    """Return what becomes of each quantity."""
    edited = e.schedule.edits is not None
    differ = variance_fate(e.schedule, e.sizes, -1.0) if edited else _heterozygosity(e)
    found = {"heterozygosity": differ}
    found["squared_error"] = Fate("bounded", "", "probabilities are: |p_t - p_0|^2 <= 2")
    if forgets(e):
        end = "one outcome is left in the end, outcome i with probability p_i"
        found |= dict.fromkeys(LOST, Fate("clumps", "", end))
    elif e.schedule.rule in ("accumulate", "keep-real"):
        reason = "what batch 1 has is never lost, and what it has not never comes"
        found |= dict.fromkeys(LOST, Fate("bounded", "", reason))
    elif e.schedule.rule == "fresh-data":
        reason = "fresh real rows bring back what was lost"
        found |= dict.fromkeys(LOST, Fate("bounded", "", reason))
    return found


def _heterozygosity(e: "Experiment") -> Fate:
    n, equal = int(e.sizes[0]), e.schedule.equal is not None
    if n == 1 and not e.schedule.fresh:
        return Fate("clumps", "0 from generation 1", "one real row is one outcome")
    if e.schedule.rule == "replace" and equal:
        reason = "each generation multiplies it by 1 - 1/n: one outcome is left in the end"
        return Fate("clumps", f"{1 - 1 / n:.6g}^t", reason)
    if e.schedule.rule == "replace":
        reason = "it vanishes iff sum 1/n_t is infinite, and a schedule does not say"
        return Fate("undetermined", "", reason)
    if e.schedule.rule == "sliding-window" and equal:
        return Fate("clumps", "", "sooner or later a whole window has one outcome")
    if e.schedule.budget == 1 and e.schedule.workflow.steady:
        return Fate("clumps", "0 from generation 1", "one training row is one outcome")
    return _kept_up(e, equal=equal)


def _kept_up(e: "Experiment", *, equal: bool) -> Fate:
    """Return the fate where something is remembered for ever."""
    schedule, reason = e.schedule, ""
    if schedule.rule == "accumulate":
        reason = "prod (1 - n_s/N_s^2) is positive for any batch sizes"
    elif schedule.kind == "subset" and equal:
        reason = "the pool loses a summable share each generation"
    elif schedule.rule == "fresh-data" or _steady(schedule) or _kept_share(schedule, equal=equal):
        reason = "real rows keep a fixed weight"
    if reason:
        return Fate("bounded", "", reason)
    return Fate("undetermined", "", "no theorem for this workflow: see its exact finite curves")


def _kept_share(schedule: Schedule, *, equal: bool) -> bool:
    """Return whether the real batch keeps its weight."""
    return schedule.rule == "keep-real" and (equal or schedule.workflow.share is not None)


def _steady(schedule: Schedule) -> bool:
    """Return whether a web's real rows keep their share."""
    if schedule.rule != "web":
        return False
    real, sampled = schedule.workflow.real, schedule.workflow.synthetic
    return isinstance(sampled, int) and isinstance(real, int) and real > 0
