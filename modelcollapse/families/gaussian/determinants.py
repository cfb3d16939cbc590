r"""Expected determinants: of the fitted covariance, and of its minors.

e_m(S), the sum of the principal minors of m columns, is the m-th elementary symmetric function of
S's spectrum: e_1 is the trace, e_d the determinant. The loop in m columns is the loop of m
dimensions, so E e_m(S_t) / e_m(S_0) is what E det S_t / det S_0 is in dimension m; derived in
``theory/``. For a normal truth S_t = S_(t-1)^(1/2) B_t S_(t-1)^(1/2) with independent B_t.
"""

from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.gaussian.estimator import require_all_rows
from modelcollapse.families.gaussian.moments import temperatures
from modelcollapse.solver.determinants import log_determinants, pool_of
from modelcollapse.solver.scan import grown

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

OPEN = (
    "known for replace, accumulate and accumulate-subsample, and where each training set is the "
    "last one, scaled, and the new batch; elsewhere open for dim > 1: simulate it"
)
BOUNDS = ("log_determinant_lower", "log_determinant_upper")
SERIES = 1e-3  # below it a loss is a sum of five terms, to rounding


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


def square_bound(e: "Experiment", m: int) -> Floats:
    r"""Bound E (e_m(S_t) / e_m(S_0))^2 under accumulate, for a normal truth.

    In m = d dimensions: exact at t = 1; then det B <= (tr B / d)^d, and N' tr B is a sum of
    chi-squares, N d + lambda [chi2(d (n - 1)) + N/N' chi2(d)]. And e_m is a mean of such
    determinants, each over its expectation at t = 0, with weights.
    """
    n, c = e.sizes.astype(float), e.model.ddof
    i, after = np.arange(1, m + 1), np.cumsum(n)
    factors = [float(((n[0] - i) * (n[0] - i + 2) / n[0] ** 2).prod())]
    for size, total in zip(n[1:], after[1:], strict=True):
        before = total - size
        heat = e.temperature / (1 - c / before)
        parts = [
            [(before * m) ** p for p in range(2 * m + 1)],
            _chi_square_moments(m * (size - 1), heat, 2 * m),
            _chi_square_moments(float(m), heat * before / total, 2 * m),
        ]
        factors.append(_moment_of_sum(parts, 2 * m) / (m * total) ** (2 * m))
    return np.asarray(np.cumprod(factors) * np.exp(-2 * m * _log_fit(e)))


def _chi_square_moments(freedom: float, scale: float, order: int) -> list[float]:
    """Return E (scale X)^p, p = 0..order."""
    factors = scale * (freedom + 2 * np.arange(order))
    found: list[float] = np.concatenate([[1.0], np.cumprod(factors)]).tolist()
    return found


def _moment_of_sum(parts: list[list[float]], order: int) -> float:
    """Return a moment of a sum of independent terms, by their moments."""
    from scipy.special import comb

    whole = parts[0]
    for part in parts[1:]:
        whole = [
            sum(comb(p, q) * whole[q] * part[p - q] for q in range(p + 1)) for p in range(order + 1)
        ]
    return float(whole[order])


def log_upper(e: "Experiment") -> Floats:
    """Bound E log det S_t / det S_0 from above, by Jensen's inequality.

    For a normal truth under accumulate the factor of generation 1 is independent of the others,
    and its logarithm known.
    """
    found = log_minors(e, e.model.dim)
    if not (e.schedule.pool and e.truth.is_normal):
        return found
    return np.asarray(found - found[0] + _first_log(e) - e.model.dim * _log_fit(e)[0])


def _first_log(e: "Experiment") -> float:
    """Return E log det of n_1 normal rows, ddof 0, over the truth's."""
    from scipy.special import digamma

    d, n = e.model.dim, int(e.sizes[0])
    return float(digamma((n - np.arange(1, d + 1)) / 2).sum() + d * np.log(2 / n))


def _log_fit(e: "Experiment") -> Floats:
    """Return the logarithm of the pool's variance over the fitted one."""
    return np.asarray(np.log1p(-e.model.ddof / np.cumsum(e.sizes, dtype=float)))


def log_variance_bound(e: "Experiment") -> Floats:
    r"""Bound Var log det S_t under accumulate, for a normal truth.

    Exact at t = 1. Then Poincare's inequality for f = log det(a + b (G G' + c z z')), c < 1, of
    independent normals: E |grad f|^2 <= 4 b E tr(1/B - a/B^2) <= b d / a, as 1/y - a/y^2 is at most
    1/(4a). Here b / a is lambda / N.
    """
    from scipy.special import polygamma

    n, d = e.sizes.astype(float), e.model.dim
    first = polygamma(1, (n[0] - np.arange(1, d + 1)) / 2).sum()
    before = np.cumsum(n)[:-1]
    steps = d * e.temperature / (before - e.model.ddof)
    return np.asarray(np.cumsum(np.concatenate([[first], steps])))


def log_lower(e: "Experiment") -> Floats:
    r"""Bound E log det S_t / det S_0 from below under accumulate, for a normal truth.

    Exact at t = 1. With N' B = N + lambda (W + c z z'), W a Wishart of n - 1 degrees of freedom and
    c = N/N', the larger of two bounds on E log det B counts:

    - det(A + C)^(1/d) >= det(A)^(1/d) + det(C)^(1/d), log det is concave and log(1 + e^x) convex;
    - log(1 + x) >= x - h x^2 for x >= r - 1, h = (r - 1 - log r) / (1 - r)^2, over the spectrum of
      B / mu - 1, where E B = mu and r = N / (N' mu).
    """
    from scipy.special import digamma

    d, c, n = e.model.dim, e.model.ddof, e.sizes.astype(float)
    after = np.cumsum(n)
    before, total, new = after[:-1], after[1:], n[1:]
    kept, gain = before / total, e.temperature / (1 - c / before) / total
    i = np.arange(1, d + 1)
    # E log det of a Wishart; with fewer degrees of freedom than columns it is singular.
    with np.errstate(divide="ignore"):
        halves = [np.maximum(new[:, None] - i + more, 0.0) / 2 for more in (0, 1)]
        logs = [np.where(x > 0, digamma(x) + np.log(2), -np.inf).sum(axis=1) for x in halves]
    volume = (1 - kept) * logs[0] + kept * logs[1]
    minkowski = d * np.log(kept + gain * np.exp(volume / d))
    mean = kept + gain * (new - 1 + kept)
    spread = (gain / mean) ** 2 * d * (d + 1) * (new - 1 + kept**2)
    second = d * np.log(mean) - _loss(1 - kept / mean) * spread
    steps = np.concatenate([[_first_log(e)], np.maximum(minkowski, second)])
    return np.asarray(np.cumsum(steps) - d * _log_fit(e))


def _loss(x: Floats) -> Floats:
    """Return (-log(1 - x) - x) / x^2."""
    small = np.abs(x) < SERIES
    safe = np.where(small, 0.5, x)
    series = 1 / 2 + x * (1 / 3 + x * (1 / 4 + x * (1 / 5 + x / 6)))
    return np.asarray(np.where(small, series, (-np.log1p(-safe) - safe) / safe**2))


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
    if e.schedule.rule == "replace":
        log_factor = replace_drift(e)
        one = abs(log_factor) < 4 * d * np.finfo(float).eps
        first = log_factor - d * np.log(heat)
        return float(np.exp(first)) if one else 0.0 if log_factor < 0 else np.inf
    if e.schedule.rule == "accumulate":
        if heat != 1:
            return 0.0 if heat < 1 else np.inf
        if c == 0:
            return accumulate_limit(n, d)
    raise NoClosedForm(f"the determinant's limit under {e.workflow!r} has no closed form here")


def replace_drift(e: "Experiment") -> float:
    """Return the logarithm of what E det S_t is multiplied by under replace, n > d."""
    n, d = int(e.sizes[0]), e.model.dim
    steps = np.log1p(-np.arange(1, d + 1) / n).sum() - d * np.log1p(-e.model.ddof / n)
    return float(steps + d * np.log(e.temperature))
