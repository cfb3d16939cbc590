r"""Closed forms without a generation axis: limits, the best weight, the web's threshold."""

from collections.abc import Callable
from typing import Any

import numpy as np

from modelcollapse._support.checks import LARGEST_BATCH, whole
from modelcollapse._support.errors import NoClosedForm, invalid
from modelcollapse.loop.schedule import Schedule
from modelcollapse.solver.parts import at_least, checked_curvature
from modelcollapse.workflows import AnyWorkflow
from modelcollapse.workflows.selection import require_workflow

EPS = float(np.finfo(float).eps)


def limit(workflow: AnyWorkflow | Schedule, n: int, curvature: float = 0.0) -> float:
    r"""Return the limit t -> infinity of `squared_errors` for batches of n rows each.

    Replace, sliding window, steady edits: 1/|v2| for v2 < 0, otherwise inf. Accumulate:
    (sinh(y)/y - 1)/v2 with y = pi sqrt(v2/n) (sin for v2 < 0, pi^2/(6 n) at 0). Keep-real and
    fresh data: the fixed point, or inf. Web with constant rows and real > 0: 0; n is then the
    size of batch 1, as for fresh data, and does not matter.

    Raises
    ------
    NoClosedForm
        For other workflows.
    """
    v2, n = checked_curvature(curvature), whole("n", n)
    if n > LARGEST_BATCH:
        raise invalid("n", n, f"a batch has at most {LARGEST_BATCH} rows")
    schedule = workflow
    if not isinstance(schedule, Schedule):
        require_workflow(workflow)
        schedule = Schedule(schedule, np.array([n]))
    if schedule.rule not in LIMITS:
        raise NoClosedForm(
            f"{workflow!r} has no limit in closed form; see squared_errors at many generations"
        )
    return LIMITS[schedule.rule](schedule.workflow, n, v2)


def contraction(workflow: Any, n: int, v2: float) -> tuple[float, float, float]:
    """Return (c, 1 - c, d) of the error's step q -> c q + d under fresh data.

    Under keep-real it is the step of the drift E (m_t - m_1)^2, with 1/n_1 = 1/n. On the boundary
    c = 1, up to how the numbers were typed, 1 - c is 0.
    """
    if workflow.name == "keep-real":
        a = 0.5 if workflow.share is None else workflow.share
        noise, fresh, h = 1 / n, 0.0, (n + v2) / n
    else:
        a, noise, fresh, h = workflow.real_weight, 1 / workflow.synthetic, 1 / workflow.real, 1.0
    pull, push = a * (2 - a), (1 - a) ** 2 * v2 * noise
    gap = pull - push if abs(pull - push) > 4 * EPS * pull else 0.0
    return (1 - a) ** 2 * (1 + v2 * noise), gap, a**2 * fresh + (1 - a) ** 2 * noise * h


def _collapsed(workflow: Any, n: int, v2: float) -> float:
    del workflow, n
    return -1 / v2 if v2 < 0 else float("inf")


def _edited(workflow: Any, n: int, v2: float) -> float:
    if not workflow.steady:
        raise NoClosedForm(f"{workflow!r}: a limit needs as many edits in every generation")
    return _collapsed(workflow, n, v2)


def _accumulated(workflow: Any, n: int, v2: float) -> float:
    del workflow
    scale = np.pi**2 / n
    return float(scale * _sinhc_excess(scale * v2))


def _sinhc_excess(z: float) -> float:
    """Return (sinh(y)/y - 1)/y^2 with y^2 = z >= -pi^2: by its series where that cancels."""
    if z > 10:
        y = np.sqrt(z)
        with np.errstate(over="ignore"):
            return float((np.sinh(y) / y - 1) / z)
    total, term, j = 0.0, 1 / 6, 1
    while abs(term) > 1e-20:
        total += term
        j += 1
        term *= z / (2 * j * (2 * j + 1))
    return total


def _kept(workflow: Any, n: int, v2: float) -> float:
    _, gap, d = contraction(workflow, n, v2)
    return 1 / n + d / gap if gap > 0 else float("inf")


def _refreshed(workflow: Any, n: int, v2: float) -> float:
    del n
    _, gap, d = contraction(workflow, 1, v2)
    return d / gap if gap > 0 else float("inf")


def _web(workflow: Any, n: int, v2: float) -> float:
    if not isinstance(workflow.real, int) or not isinstance(workflow.synthetic, int):
        raise NoClosedForm(f"{workflow!r}: a limit needs constant rows in every generation")
    if workflow.real > 0:
        return 0.0
    if workflow.synthetic == n:
        return _accumulated(workflow, n, v2)
    raise NoClosedForm(f"{workflow!r} never sees real data again; its limit has no closed form")


LIMITS: dict[str, Callable[[Any, int, float], float]] = {
    "replace": _collapsed,
    "sliding-window": _collapsed,
    "accumulate": _accumulated,
    "keep-real": _kept,
    "fresh-data": _refreshed,
    "web": _web,
    "edit": _edited,
}


def best_weight(real: int, synthetic: int, curvature: float = 0.0) -> float:
    r"""Return the weight w of the real rows that is best in the long run of fresh data.

    With k = real/synthetic and e = v2/synthetic it is the positive root of
    (1 + e) w^2 + (k - e) w - k = 0, and the limit of the squared error is then w/real: the loop
    is worth real/w real rows. At v2 = 0 and k = 1 it is the golden ratio, (sqrt(5) - 1)/2.

    Parameters
    ----------
    real, synthetic
        Fresh real and sampled rows per generation, as in `FreshData`.
    curvature
        v2, at least -1.
    """
    r, s = whole("real", real), whole("synthetic", synthetic)
    v2 = checked_curvature(curvature)
    k, e = r / s, v2 / s
    root = np.sqrt((k - e) ** 2 + 4 * (1 + e) * k)
    if k >= e:  # of the two forms of the root, the one that adds
        return float(2 * k / (k - e + root))
    return float((e - k + root) / (2 * (1 + e)))


def web_threshold(new_fraction: float) -> float:
    r"""Return the share of real rows among new rows above which the web keeps its worth.

    Every generation the web grows so that a fraction nu of all its rows is new, and a share rho
    of those is real. E x_t^2 N_t, all rows over effective rows, stays bounded iff
    rho > (1 - sqrt(1 - nu))/nu = 1/(1 + sqrt(1 - nu)): one half for slow growth (nu = 0, which
    stands for any growth slower than exponential), more for faster.

    Parameters
    ----------
    new_fraction
        nu, at least 0 and below 1; g/(1 + g) for growth by the factor 1 + g.
    """
    nu = at_least("new_fraction", new_fraction, 0, "a fraction of all rows")
    if nu >= 1:
        raise invalid("new_fraction", new_fraction, "give a number below 1")
    return float(1 / (1 + np.sqrt(1 - nu)))
