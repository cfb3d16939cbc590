r"""What a theorem decides about the long run of the squared error and of the variance.

With batches t >= 2 of n rows each and v2 = curvature:

replace         v2 = 0: t/n; v2 > 0: (1 + v2/n)^t
sliding window  v2 = 0: each noise stays with weight 2/(k+1), so 4 t/((k+1)^2 n); v2 > 0: lambda^t
                with lambda the root of a renewal equation (`window_rate`)
edits           steady ones as replace, more slowly: v2 = 0: t e (2n - 1 - e n)/(n (n - 1)) + ...,
                see `_edit`
accumulate      bounded for every schedule, as sum_t n_t/N_t^2 < 2/n_1
keep-real       with share a: bounded iff (1 - a)^2 (1 + v2/n) < 1
fresh data      with weight w and s sampled rows: bounded iff (1 - w)^2 (1 + v2/s) < 1
web             bounded for every schedule, as accumulate; with a constant share rho of real rows
                in constant batches it vanishes: 1/N for rho > 1/2, log N/N at 1/2,
                N^(-2 rho) below; on a web that grows by a rate, at `web_threshold`

For v2 < 0 every squared error is at most 1/|v2|, under any workflow. What these do not decide is
"undetermined".
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from modelcollapse.loop.fate import Fate
from modelcollapse.loop.schedule import Schedule
from modelcollapse.solver.chains import kept_weights
from modelcollapse.solver.edits import edit_slope, growth
from modelcollapse.solver.limits import contraction, limit, web_threshold
from modelcollapse.solver.parts import checked, checked_curvature
from modelcollapse.solver.window import window_rate
from modelcollapse.workflows import AnyWorkflow
from modelcollapse.workflows.fresh import Growth

SCHEDULE = "the batches differ in size, and a schedule can do anything after its last generation"

EDITS = "V(m) survives iff the sum of the chances of an edit is finite, and a schedule does not say"


def fate(workflow: AnyWorkflow | Schedule, sizes: Any, curvature: float = 0.0) -> Fate:
    """Return what becomes of `squared_errors` if the later batches go on as they are.

    Parameters
    ----------
    workflow, sizes, curvature
        As for `squared_errors`. Batches 2, 3, ... are taken to go on if they are alike.
    """
    v2 = checked_curvature(curvature)
    schedule = checked(workflow, sizes)
    found = DECIDED.get(schedule.rule, _open)(schedule, v2)
    if found.verdict == "undetermined" and v2 < 0:
        return Fate("bounded", "", f"V(m) >= 0 keeps it below 1/|v2| = {-1 / v2:.6g}, always")
    return found


def variance_fate(workflow: AnyWorkflow | Schedule, sizes: Any, curvature: float = 0.0) -> Fate:
    """Return what becomes of `variances`; parameters as for `fate`."""
    v2, schedule = checked_curvature(curvature), checked(workflow, sizes)
    if v2 == 0:
        return Fate("bounded", "", "V(m) does not bend: E V(m_t) = V(m_0)")
    error = fate(schedule, sizes, v2)
    if v2 > 0:
        rate = "" if error.verdict == "bounded" else error.rate  # how an error vanishes
        return Fate(error.verdict, rate, f"1 + v2 times the squared error: {error.reason}")
    return _shrinking(schedule, v2) if schedule.edits is None else _edited_away(schedule, v2)


def _open(schedule: Schedule, v2: float) -> Fate:
    del v2
    if schedule.kind == "subset":
        return Fate("undetermined", "", "random subsets are not solved here")
    reason = f"{schedule!r} does not say what comes after generation T: see its finite curves"
    return Fate("undetermined", "", reason)


def _replace(schedule: Schedule, v2: float) -> Fate:
    n = schedule.later
    if n is None:
        return Fate("undetermined", "", f"bounded iff sum 1/n_t < infinity; {SCHEDULE}")
    if v2 < 0:
        return Fate("bounded", "", f"tends to 1/|v2| = {-1 / v2:.6g} while V(m_t) vanishes")
    if v2 == 0:
        return Fate("diverges", "t/n", "each generation adds V/n: a random walk")
    reason = f"V(m) grows with the error: by the factor {1 + v2 / n:.6g} per generation"
    return Fate("diverges", "(1 + v2/n)^t", reason)


def _window(schedule: Schedule, v2: float) -> Fate:
    n, k = schedule.later, schedule.workflow.k
    if n is None:
        return Fate("undetermined", "", SCHEDULE)
    if v2 < 0:
        return Fate("bounded", "", f"tends to 1/|v2| = {-1 / v2:.6g} while V(m_t) vanishes")
    if v2 == 0:
        reason = f"each batch's noise stays in all later fits with weight 2/(k+1), k = {k}"
        return Fate("diverges", "4 t/((k+1)^2 n)", reason)
    reason = "the root of (v2/n) sum_j a_j^2 lambda^-(j+1) = 1, a_j the noise left after j steps"
    return Fate("diverges", f"{window_rate(k, n, v2):.10g}^t", reason)


def _bound(first: int, v2: float) -> str:
    with np.errstate(over="ignore"):
        most = np.expm1(2 * v2 / first) / v2 if v2 > 0 else 2 / first
    return f"at most {most:.6g}, as sum n_t/N_t^2 < 2/n_1 for every schedule"


def _accumulate(schedule: Schedule, v2: float) -> Fate:
    n = int(schedule.sizes[0])
    if schedule.equal is None:
        return Fate("bounded", "", _bound(n, v2))
    return Fate("bounded", "", f"tends to {limit(schedule, n, v2):.6g}")


def _contracted(c: float, gap: float, fixed: str) -> Fate:
    if gap > 0:
        reason = f"the old error is multiplied by {c:.6g} < 1 each generation{fixed}"
        return Fate("bounded", "", reason)
    if gap == 0:
        return Fate("diverges", "t", "real data exactly balance the growth of V(m)")
    reason = "V(m) grows faster than the real data pull back"
    return Fate("diverges", f"{c:.10g}^t", reason)


def _keep_real(schedule: Schedule, v2: float) -> Fate:
    n, workflow, first = schedule.later, schedule.workflow, int(schedule.sizes[0])
    if n is None:
        if v2 < 2 * first if workflow.share is None else contraction(workflow, 1, v2)[1] > 0:
            return Fate("bounded", "", "the real batch pulls back, whatever the sizes")
        return Fate("undetermined", "", SCHEDULE)
    share = float(kept_weights(workflow.share, np.array([first, n]))[0][1])
    c, gap, _ = contraction(replace(workflow, share=share), n, v2)
    return _contracted(c, gap, "")


def _fresh_data(schedule: Schedule, v2: float) -> Fate:
    c, gap, d = contraction(schedule.workflow, 1, v2)
    return _contracted(c, gap, f"; it tends to {d / gap:.6g}" if gap > 0 else "")


def _web(schedule: Schedule, v2: float) -> Fate:
    real, sampled = schedule.workflow.real, schedule.workflow.synthetic
    most = _bound(int(schedule.sizes[0]), v2)
    if isinstance(real, Growth) and isinstance(sampled, Growth) and real.pace == sampled.pace:
        return _growing(most, *real.pace)
    if not isinstance(real, int) or not isinstance(sampled, int):
        reason = f"{most}; whether it vanishes depends on the real rows to come"
        return Fate("bounded", "", reason)
    if real == 0:
        return Fate("bounded", "", f"{most}; no new real data, so it does not vanish")
    share = real / (real + sampled)
    if real > sampled:
        reason = f"effective samples grow like {2 * share - 1:.6g} times all rows N"
        return Fate("bounded", "1/N", reason)
    if real == sampled:
        return Fate("bounded", "log N/N", "a real share of 1/2 is the boundary")
    reason = f"effective samples grow like N^(2 share), share {share:.6g} below 1/2"
    return Fate("bounded", f"N^-{2 * share:.6g}", reason)


def _growing(most: str, rate: float, share: float) -> Fate:
    """Return the fate on a web that grows by a rate, with a share of real rows in what is new."""
    if share == 0:
        return Fate("bounded", "", f"{most}; no new real data, so it does not vanish")
    nu = rate / (1 + rate)
    turn = web_threshold(nu)
    if share == turn:
        return Fate("bounded", "log N/N", f"a real share of {turn:.6g} is the boundary")
    kept = (1 - share * nu) ** 2 * (1 + rate)  # of the error times N, each generation
    if share > turn:
        reason = f"effective samples grow like {(1 - kept) / nu:.6g} times all rows N"
        return Fate("bounded", "1/N", f"{reason}, as the real share is above {turn:.6g}")
    power = -2 * np.log1p(-share * nu) / np.log1p(rate)
    reason = f"effective samples grow like N^{power:.6g}, slower than all rows N"
    return Fate("bounded", f"N^-{power:.6g}", f"{reason}, as the real share is below {turn:.6g}")


def _edit(schedule: Schedule, v2: float) -> Fate:
    edits = schedule.edits
    if edits is None or not schedule.workflow.steady or len(schedule) == 1:
        return Fate("undetermined", "", EDITS)
    if v2 < 0:
        return Fate("bounded", "", f"tends to 1/|v2| = {-1 / v2:.6g} while V(m_t) vanishes")
    if v2 > 0:
        rate = growth(edits, v2)
        reason = f"V(m) grows with the error: by the factor {rate:.6g} per generation in the end"
        return Fate("diverges", f"{rate:.10g}^t", reason)
    slope = edit_slope(edits)
    reason = "what is edited loses the real rows for good: a slower random walk"
    return Fate("diverges", f"{slope:.10g} t", reason)


DECIDED: dict[str, Callable[[Schedule, float], Fate]] = {
    "replace": _replace,
    "sliding-window": _window,
    "accumulate": _accumulate,
    "keep-real": _keep_real,
    "fresh-data": _fresh_data,
    "web": _web,
    "edit": _edit,
}


def _edited_away(schedule: Schedule, v2: float) -> Fate:
    edits = schedule.edits
    if edits is None or not schedule.workflow.steady or len(schedule) == 1:
        return Fate("undetermined", "", EDITS)
    reason = "the real rows are edited away, and each generation loses a share of V(m)"
    return Fate("clumps", f"{growth(edits, v2):.10g}^t", reason)


def _shrinking(schedule: Schedule, v2: float) -> Fate:
    """Return the fate of the variance for v2 < 0."""
    rule, n, real = schedule.rule, schedule.later, getattr(schedule.workflow, "real", None)
    if rule in ("replace", "sliding-window"):
        if n is None:
            return Fate("undetermined", "", SCHEDULE)
        rate = f"{1 + v2 / n:.10g}^t" if rule == "replace" else ""
        return Fate("clumps", rate, "real data are forgotten, and each generation loses V(m)/n")
    if rule == "fresh-data" or (rule == "web" and isinstance(real, int) and real > 0):
        return Fate("bounded", "", "real data keep coming: it stays away from 0")
    if rule in ("accumulate", "keep-real"):
        if int(schedule.sizes[0]) + v2 == 0:
            return Fate("clumps", "0 from generation 1", "one real row has no variance")
        return Fate("bounded", "", "it falls, and stays away from 0")
    return Fate("undetermined", "", "it lies between 0 and 1")
