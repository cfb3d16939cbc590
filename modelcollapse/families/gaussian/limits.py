r"""Closed forms without a generation axis: limits, growth rates, bounds, critical values."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse import solver
from modelcollapse._support.checks import Floats, one_of, positive, whole
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.gaussian.estimator import require_all_rows
from modelcollapse.families.gaussian.moments import floor_share
from modelcollapse.families.gaussian.replace_laws import factor_power
from modelcollapse.solver.edits import chances, lost_shares

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment


def gamma_product(zeros: list[complex], poles: list[complex], start: int) -> float:
    r"""Return prod_{j >= start} prod_i (j - zeros_i) / (j - poles_i).

    It equals prod_i Gamma(start - poles_i) / Gamma(start - zeros_i) when the sums of zeros and
    poles agree; otherwise the product diverges like t^(sum poles - sum zeros).
    """
    from scipy.special import loggamma

    logs = loggamma([start - p + 0j for p in poles]) - loggamma([start - z + 0j for z in zeros])
    return float(np.exp(logs.sum()).real)


def replace_limits(n: int, ddof: int, heat: float) -> tuple[float, float]:
    """Return lim V_t and lim R_t under replace."""
    first, ratio = (n - 1) / (n - ddof), heat * (n - 1) / (n - ddof)
    if abs(ratio - 1) < 4 * np.finfo(float).eps:  # on the boundary, up to how `heat` was typed
        return first, np.inf
    variance = 0.0 if ratio < 1 else np.inf
    error = (1 + heat * first / (1 - ratio)) / n if ratio < 1 else np.inf
    return variance, error


def accumulate_limits(n: int, ddof: int) -> tuple[float, float]:
    r"""Return lim V_t and lim R_t under accumulate at temperature 1.

    ddof 0: V = sin(pi/sqrt n) / (pi/sqrt n) and R = 1 - V. ddof 1: the fitted variance is
    multiplied by 1 - 1/(j (n j - 1)) at j = 2, 3, ..., and R = (1/n) (1 + sum n V_j/(j+1)^2)
    has no closed form.
    """
    if ddof == 0:
        x = np.pi / np.sqrt(n)
        variance = float(np.sin(x) / x)
        return variance, 1 - variance
    root = np.sqrt(1 + 4 * n)
    zeros = [(1 + root) / (2 * n), (1 - root) / (2 * n)]
    return gamma_product(zeros, [0.0, 1 / n], 2), np.nan


def subsample_limits(n: int) -> tuple[float, float]:
    r"""Return lim V_t and lim R_t under accumulate-subsample with budget n, ddof 0.

    The pool's variance is multiplied by n t (t - a)(t - b) / ((n t - 1)(t + 1)^2), with a, b
    the roots of n x^2 + (2n - 1) x + n - 4 + 1/n; V = (1 - 1/n) Q and R = 1 - V.
    """
    a, b = np.roots([n, 2 * n - 1, n - 4 + 1 / n])
    pool = (1 - 1 / n) * gamma_product([0.0, a, b], [1 / n, -1.0, -1.0], 1)
    variance = (1 - 1 / n) * pool
    return variance, 1 - variance


def limits(e: "Experiment") -> tuple[float, float]:
    """Return lim V_t and lim R_t as t -> infinity for a constant batch size.

    Raises
    ------
    NoClosedForm
        If the batch size varies, or the limit is not known in closed form.
    """
    if e.schedule.edits is not None:
        return _edited(e)
    if e.schedule.equal is None:
        raise NoClosedForm("a limit is known for constant batch sizes only")
    n, ddof, heat = int(e.sizes[0]), e.model.ddof, e.temperature
    if e.schedule.rule == "replace":
        return replace_limits(n, ddof, heat)
    if e.schedule.rule == "accumulate":
        return _pooled(n, ddof, heat)
    if e.schedule.kind == "subset" and heat == 1:
        if ddof == 1:
            return np.inf, np.inf
        if e.schedule.budget in (None, n):
            return subsample_limits(n)
    elif (ddof == 0 and heat == 1) or e.schedule.rule in ("fresh-data", "keep-real"):
        return _weighted(e)
    raise NoClosedForm(f"the limit of {e.workflow!r} with these parameters has no closed form here")


def _weighted(e: "Experiment") -> tuple[float, float]:
    """Return the limits of fixed weights, of the solver or of fresh or kept real data."""
    if e.model.ddof == 0 and e.temperature == 1:
        # What the mean's error gains the variance loses: V(m) bends by -1.
        error = solver.limit(e.schedule, int(e.sizes[0]), -1.0)
        return 1 - error, error
    return settling(e)[:2]


def _edited(e: "Experiment") -> tuple[float, float]:
    """Return the limits of a set that is edited alike for ever: V_t is multiplied by a factor."""
    if (found := edit_factor(e)) is None:
        raise NoClosedForm(f"{e.workflow!r}: a limit needs as many edits in every generation")
    loss, gain = found
    if loss == 0:
        spread = (int(e.sizes[0]) - 1) / (int(e.sizes[0]) - e.model.ddof)
        return spread, np.inf
    return (0.0, gain / loss) if loss > 0 else (np.inf, np.inf)


def edit_factor(e: "Experiment") -> tuple[float, float] | None:
    """Return 1 less the factor of V_t, and what R_t gains of V_t, of a set edited alike for ever.

    Both are of D = V (n - c)/(n - 1), see `solver.edits`; None where a schedule does not say.
    """
    edits, n = e.schedule.edits, int(e.sizes[0])
    if edits is None or not e.schedule.workflow.steady or e.generations == 1:
        return None
    lost = lost_shares(edits, e.temperature, e.model.ddof)
    return float(lost[-1]), float(chances(edits).pair[-1]) / n


def _pooled(n: int, ddof: int, heat: float) -> tuple[float, float]:
    """Return the limits under accumulate; what is not known is NaN."""
    if heat == 1:
        return accumulate_limits(n, ddof)
    # R adds n V_j/(n j)^2 with V_j ~ j^(heat - 1): infinite from temperature 2 on.
    return (0.0, np.nan) if heat < 1 else (np.inf, np.nan if heat < 2 else np.inf)


class Settled(NamedTuple):
    """Where V_t and R_t settle, infinite if they do not, and the factor of what they differ by."""

    variance: float
    squared_error: float
    factor: float


def settling(e: "Experiment") -> Settled:
    r"""Return what becomes of V_t and R_t under fresh data or kept real data of constant sizes.

    With real rows of the weight w, u = 1 - w, n sampled rows and D_t the error of the mean about
    the kept real batch's (about mu_0 with fresh data), one generation is linear:

        D' = w^2 f + u^2 (D + lambda V/n)
        V' = [w q + u lambda V (n - 1)/n + w u (f + D + lambda V/n)] / (1 - c (w^2/r + u^2/n)),

    r the real rows, q = 1 - 1/r the expected variance of theirs, and f the variance 1/r of their
    mean, if they are fresh. R is D, and 1/r more with kept data. A floor is added to V where rows
    are sampled, and to what is returned.
    """
    schedule, c, heat = e.schedule, e.model.ddof, e.temperature
    workflow, first, n = schedule.workflow, schedule.listed[0], schedule.listed[-1]
    if schedule.rule == "fresh-data":
        w, r, n, f, base = workflow.real_weight, workflow.real, workflow.synthetic, 1.0, 0.0
    else:
        w = first / (first + n) if workflow.share is None else workflow.share
        r, f, base = first, 0.0, 1 / first
    u, f = 1 - w, f / r
    divisor = 1 - c * (w * w / r + u * u / n)
    kept, noise = u * heat * (1 - u / n) / divisor, u * u * heat / n
    across = w * u / divisor
    floor = floor_share(e)
    source, gain = w * (1 - 1 / r + u * f) / divisor + kept * floor, w * w * f + noise * floor
    # Of [[kept, across], [noise, u^2]], which has no negative entry.
    half, apart = (kept + u * u) / 2, (kept - u * u) / 2
    factor = half + np.sqrt(apart**2 + across * noise)
    below = (1 - kept) * w * (1 + u) - across * noise
    if source == 0 == gain:
        return Settled(0.0, base, factor)
    if factor >= 1 or below <= 0:
        return Settled(np.inf, np.inf, float(factor))
    variance = (source * w * (1 + u) + across * gain) / below
    error = ((1 - kept) * gain + noise * source) / below
    return Settled(float(variance + floor), float(base + error), float(factor))


def power(e: "Experiment") -> float:
    r"""Return a in V_t ~ t^a for accumulate (lambda - 1) and accumulate-subsample.

    A step of accumulate-subsample multiplies the pool's variance by 1 + a/t + O(1/t^2) with
    a = lambda (k-1)/(k-c) - 1 + 1/k; for k = n, lambda = 1: 0 for ddof 0, 1/n for ddof 1.
    """
    if e.schedule.equal is None:
        raise NoClosedForm("a growth exponent is known for constant batch sizes only")
    if e.schedule.rule == "accumulate":
        return e.temperature - 1
    if e.schedule.kind == "subset":
        n = int(e.sizes[0])
        k = e.schedule.budget or n
        return float(e.temperature * (k - 1) / (k - e.model.ddof) - 1 + 1 / k)
    raise NoClosedForm(f"no power law is known for {e.workflow!r}")


def lyapunov(e: "Experiment") -> Floats:
    r"""Return psi((n-i)/2) + log(2 lambda/(n-c)), i = 1..min(d, n-1), for S_t under replace."""
    from scipy.special import digamma

    if e.schedule.rule != "replace" or e.schedule.equal is None:
        raise NoClosedForm("Lyapunov exponents are known for replace with constant batch sizes")
    n = int(e.sizes[0])
    order = np.arange(1, min(e.model.dim, n - 1) + 1)
    drift = np.log(2 * e.temperature / (n - e.model.ddof))
    return np.asarray(digamma((n - order) / 2) + drift)


def tail_bound(e: "Experiment", threshold: float) -> Floats:
    r"""Bound P(sqrt(v_t) > threshold * s0) under replace in d = 1, shape (generations,).

    Markov's inequality for sqrt(v_t), whose mean is a product of E sqrt(chi2)s; it implies the
    bound exp(-t/(4n)) / threshold of arXiv 2412.17646 for ddof 1.
    """
    require_all_rows(e)
    positive("threshold", threshold)
    if not (e.schedule.newest and e.truth.is_normal) or e.model.dim != 1:
        raise NoClosedForm("the tail bound is for replace in d = 1 and a normal truth")
    return np.asarray(np.minimum(1.0, np.cumprod(factor_power(e, 0.5)) / threshold))


def critical_temperature(samples: int, ddof: int = 1) -> float:
    r"""Return the temperature at which log v_t has no drift under replace.

    (n - c)/2 exp(-psi((n-1)/2)): below it the variance vanishes almost surely, above it
    explodes, at it oscillates; no constant temperature stabilises replace.

    Parameters
    ----------
    samples
        The number n of rows per batch, at least 2, in one dimension.
    ddof
        c, 0 or 1, as for `Gaussian`.

    Raises
    ------
    InvalidInput
        If an argument is out of its range.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> print([round(mc.gaussian.critical_temperature(n), 4) for n in (10, 100)])
    [1.1221, 1.0102]
    """
    from scipy.special import digamma

    n = whole("samples", samples, minimum=2)
    return float((n - one_of("ddof", ddof, (0, 1))) / 2 * np.exp(-digamma((n - 1) / 2)))
