r"""Expected determinants: of the fitted covariance, and of its minors.

e_m(S), the sum of the principal minors of m columns, is the m-th elementary symmetric function of
S's spectrum: e_1 is the trace, e_d the determinant. The loop in m columns is the loop of m
dimensions, so E e_m(S_t) / e_m(S_0) is what E det S_t / det S_0 is in dimension m; derived in
``theory/``. For a normal truth S_t = S_(t-1)^(1/2) B_t S_(t-1)^(1/2) with independent B_t.
"""

from math import comb
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.gaussian.estimator import require_all_rows
from modelcollapse.families.gaussian.moments import temperatures
from modelcollapse.loop.schedule import Schedule
from modelcollapse.solver.determinants import log_determinants, pool_of
from modelcollapse.solver.edits import lost_shares
from modelcollapse.solver.scan import grown

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

MOST_ROOTS = 20  # dimensions, so that a polynomial's zeros are accurate
NEAR = "a generation's factor is nearer to 1 than its rounding: which side it is on is not known"
OPEN = (
    "known for replace, accumulate and accumulate-subsample, and where each training set is the "
    "last one, scaled, and the new batch; elsewhere open for dim > 1: simulate it"
)


def known(e: "Experiment") -> bool:
    """Return whether the expected determinant is known."""
    return e.schedule.known and pool_of(e.schedule) is not None


def log_minors(e: "Experiment", m: int) -> Floats:
    """Return log E e_m(S_t) / e_m(S_0), shape (generations,); -inf where it is 0."""
    if m > len(e.truth.spectrum):
        return np.full(e.generations, -np.inf)
    heat, ddof = e.temperature, e.model.ddof
    found = log_determinants(e.schedule, m, bordered=True, heat=heat, ddof=ddof)
    if found is None:
        raise NoClosedForm(OPEN)
    return found


def minors(experiment: "Experiment") -> Floats:
    r"""Return the expected coefficients of the fits' characteristic polynomials.

    Parameters
    ----------
    experiment
        A loop of a `Gaussian`, of any truth with finite variances.

    Returns
    -------
    Floats
        E e_m(S_t) / e_m(S_0), m = 1, ..., dim, shape (generations, dim): e_1 is the trace, e_dim
        the determinant. ``simulate(..., extra=["minors"])`` records the same of each run.

    Raises
    ------
    NoClosedForm
        If the workflow remembers more than one pool of rows, or has fresh real ones, or rows are
        selected.
    """
    require_all_rows(experiment)
    logs = [log_minors(experiment, m) for m in range(1, experiment.model.dim + 1)]
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.exp(np.stack(logs, axis=1)))


def determinant(e: "Experiment") -> Floats:
    """Return E det S_t / det S_0."""
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.exp(log_minors(e, e.model.dim)))


def replace_variance(e: "Experiment") -> Floats:
    """Return Var det S_t / det S_0 under replace, n > d, normal: a product of chi-squares."""
    i = np.arange(1, e.model.dim + 1)
    n, heat = e.sizes.astype(float)[:, None], temperatures(e)[:, None]
    steps = (n - i) * heat / (n - e.model.ddof)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        first = np.cumsum(np.log(steps).sum(axis=1))
        # E X^2 / (E X)^2 = 1 + 2/k for a chi-square of k degrees of freedom.
        excess = np.cumsum(np.log1p(2 / (n - i)).sum(axis=1))
        return grown(np.exp(2 * first) * np.expm1(excess))


def accumulate_limit(n: int, d: int) -> float:
    r"""Return lim E det S_t / det S_0 under accumulate, ddof 0, temperature 1.

    The factor at N = n (t - 1) is D! L_D^(n-D)(-N) / (n t)^D, D = d + 1, so with the zeros x_i > 0
    of that Laguerre polynomial the product tends to prod 1 / Gamma(x_i / n). They are the squared
    singular values of a bidiagonal matrix with the rows (sqrt k, sqrt(k + 1 + n - D)), k < D:
    accurate where they are small, too.
    """
    from scipy.linalg import eigvalsh_tridiagonal
    from scipy.special import gammaln

    if n <= d:
        return 0.0
    k = np.arange(d + 1)
    sides = np.sqrt(np.stack([k, k + n - d], axis=1)).ravel()[1:]
    zeros = eigvalsh_tridiagonal(np.zeros(2 * d + 2), sides)[d + 1 :] ** 2
    return float(np.exp(-gammaln(zeros / n).sum()))


def subsample_limit(n: int, d: int) -> float:
    r"""Return lim E det S_t / det S_0 under accumulate-subsample, budget n, ddof 0, temperature 1.

    With D = d + 1 the factor of the pool of n t rows is t^(D-1) R(t) over
    (t + 1)^D prod_{0<i<D} (t - i/n), where
    R(t) = t prod_{0<i<D} (t - i/n) + sum_{j>0} C(D, j) ((n)_j/n^j)^2 prod_{j<=i<D} (t - i/n), and
    (n)_D/n^D of its determinant is left of a subset: gamma functions of the zeros of R.
    """
    from scipy.special import loggamma

    size = d + 1
    if n < size:
        return 0.0
    shares = np.cumprod(np.concatenate([[1.0], 1 - np.arange(size) / n]))
    R = np.polymul([1.0, 0.0], np.poly(np.arange(1, size) / n))
    for j in range(1, size + 1):
        term = comb(size, j) * shares[j] ** 2 * np.poly(np.arange(j, size) / n)
        R = np.polyadd(R, term)
    # Of zeros and poles at 0 and -1, D - 1 and D times, 1/Gamma(1) and Gamma(2) are 1.
    logs = loggamma(1 - np.arange(1, size) / n + 0j).sum() - loggamma(1 - np.roots(R) + 0j).sum()
    return float(shares[size] ** 2 * np.exp(logs).real)


def limit(e: "Experiment") -> float:
    """Return lim E det S_t / det S_0.

    Raises
    ------
    NoClosedForm
        If the batch size varies, or the limit is not known in closed form.
    """
    if not known(e):
        raise NoClosedForm(OPEN)
    if e.schedule.equal is None:
        raise NoClosedForm("the determinant's limit is known for constant batch sizes only")
    n, c, d, heat = int(e.sizes[0]), e.model.ddof, e.model.dim, e.temperature
    if n <= d or len(e.truth.spectrum) < d:
        return 0.0
    if e.schedule.rule == "replace" or e.schedule.edits is not None:
        log_factor = drift(e)
        if log_factor is None:
            raise NoClosedForm(f"{e.workflow!r}: a limit needs as many edits in every generation")
        one = abs(log_factor) < 4 * d * np.finfo(float).eps
        if one and e.schedule.edits is not None and log_factor != 0:
            raise NoClosedForm(NEAR)
        first = float(log_minors(e, d)[0])
        return float(np.exp(first)) if one else 0.0 if log_factor < 0 else np.inf
    if e.schedule.rule == "accumulate":
        if heat != 1:
            return 0.0 if heat < 1 else np.inf
        if c == 0:
            return accumulate_limit(n, d)
    equal = e.schedule.kind == "subset" and e.schedule.budget in (None, n)
    if equal and (c, heat) == (0, 1.0) and d <= MOST_ROOTS:
        return subsample_limit(n, d)
    raise NoClosedForm(f"the determinant's limit under {e.workflow!r} has no closed form here")


def drift(e: "Experiment") -> float | None:
    """Return the logarithm of what E det S_t is multiplied by for ever, n > d.

    None where a schedule of edits does not say.
    """
    n, d = int(e.sizes[0]), e.model.dim
    if e.schedule.edits is not None:
        if not e.schedule.workflow.steady:
            return None
        if d == 1:
            return float(np.log1p(-lost_shares(e.schedule.edits, e.temperature, e.model.ddof)[-1]))
        two = Schedule(e.workflow, e.schedule.workflow.batch_sizes(n, 2))
        heat, ddof = e.temperature, e.model.ddof
        logs = log_determinants(two, d, bordered=True, heat=heat, ddof=ddof)
        return None if logs is None else float(logs[1] - logs[0])
    steps = np.log1p(-np.arange(1, d + 1) / n).sum() - d * np.log1p(-e.model.ddof / n)
    return float(steps + d * np.log(e.temperature))
