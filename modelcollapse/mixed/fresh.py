r"""The loop with fresh real data: n_r new real rows and n_s rows of the last model, each time.

The real rows have the total weight w, u = 1 - w; None pools all rows, w = n_r / (n_r + n_s). One
generation turns R = E(m - m_0)^2 / V into w^2/n_r + u^2 [R + (1 + v2 R)/n_s], where v2 is the
curvature V''/2 of the variance function: 0 for a known variance, -1 for a Gaussian fitted by
maximum likelihood (in any dimension: the sampled variance is sigma^2 (1 - R)), 1/N, 1/r, ... for
the other families. Source: He, Xu & Cheng, JRSS B 2026,
doi 10.1093/jrsssb/qkag099 (arXiv 2502.18049), for v2 = 0; derived in ``theory/`` otherwise.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from modelcollapse._support.checks import LARGEST_BATCH, Floats, broadcast, number
from modelcollapse._support.errors import invalid
from modelcollapse.mixed.arguments import (
    per_row,
    plain,
    ratio,
    row_counts,
    temperatures,
    weights,
)

if TYPE_CHECKING:
    from modelcollapse.families.exponential.estimator import Family

LEAST_ROWS = 1e-6


class FixedPoint(NamedTuple):
    """Moments that a loop settles at, in units of the truth's variance; inf where it does not."""

    variance: Floats
    squared_error: Floats


@broadcast
def fresh_inflation(real: Any, synthetic: Any, weight: Any = None, curvature: Any = 0.0) -> Floats:
    r"""Return n_r E(m_inf - m_0)^2 / V, the risk in units of that of the real rows alone.

    With k = n_r/n_s and g = 1 + v2/n_s: [w^2 + k u^2] / (1 - g u^2); infinite unless g u^2 < 1.

    Parameters
    ----------
    real, synthetic
        Rows per generation.
    weight
        The weight w of the real rows in (0, 1]; None pools.
    curvature
        v2, at least -1.

    Raises
    ------
    InvalidInput
        If an argument is out of its range.
    """
    r, s, w = _arguments(real, synthetic, weight)
    u = 1 - w
    # 1 - g u^2, in a form that does not cancel for small w
    left = w * (1 + u) - per_row(curvature, s) * u**2
    return plain(ratio(w**2 + r / s * u**2, left))


@broadcast
def fresh_effective_samples(
    real: Any, synthetic: Any, weight: Any = None, curvature: Any = 0.0
) -> Floats:
    r"""Return V / E(m_inf - m_0)^2: the real rows that one fit would need for the same error.

    Pooled rows are worth at most 2 n_r (v2 = 0) or 2 n_r + 1 (v2 = -1) however many are sampled;
    at the optimal weight they are worth n_r/w*, about sqrt(n_r n_s).
    """
    return plain(np.asarray(real) / fresh_inflation(real, synthetic, weight, curvature))


@broadcast
def optimal_weight(real: Any, synthetic: Any, curvature: Any = 0.0) -> Floats:
    r"""Return the weight w* of the real rows that minimises `fresh_inflation`.

    The positive root of g w^2 + (1 + k - g) w - k = 0; for v2 = 0 that is
    (sqrt(k^2 + 4k) - k)/2, and 1/golden ratio at k = 1. The least inflation equals w* itself, for
    every curvature: f(w) - w* = (1 + k + g w*)(w - w*)^2 / (1 - g u^2). Parameters, k, g and errors
    as for `fresh_inflation`; arguments broadcast.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> print(mc.mixed.optimal_weight(real=100, synthetic=[100, 1000]).round(4))
    [0.618  0.2702]
    """
    r, s = row_counts("real", real), row_counts("synthetic", synthetic)
    k, each = r / s, per_row(curvature, s)
    g, c = 1 + each, k - each
    root = np.sqrt(c**2 + 4 * g * k)
    # Two forms of one root, each where it does not cancel; g may be 0 only where c > 0.
    positive = c > 0
    below = np.where(positive, c + root, 2 * g)
    return plain(np.where(positive, 2 * k, root - c) / below)


@broadcast
def fresh_fixed_point(
    real: Any, synthetic: Any, temperature: Any = 1.0, weight: Any = None
) -> FixedPoint:
    r"""Return what a Gaussian fitted by maximum likelihood (ddof 0) settles at.

    The sampler multiplies the variance of its rows by the temperature lambda. With
    D = (1 + u)(1 - u lambda) + u^2 lambda/n_s: E v = w (1 + u - w/n_r)/D and
    E(m - m_0)^2 = [w (1 - u lambda)/n_r + u^2 lambda/n_s]/D, in units of sigma_0^2; both are
    infinite from `fresh_critical_temperature` on, where D <= 0.
    """
    r, s, w = _arguments(real, synthetic, weight)
    u, heat = 1 - w, temperatures(temperature)
    below = (1 + u) * (1 - u * heat) + u**2 * heat / s
    error = w * (1 - u * heat) / r + u**2 * heat / s
    return FixedPoint(plain(ratio(w * (1 + u - w / r), below)), plain(ratio(error, below)))


@broadcast
def fresh_critical_temperature(real: Any, synthetic: Any, weight: Any = None) -> Floats:
    r"""Return the temperature from which on the variance of `fresh_fixed_point` explodes.

    (1 + u) / (u (1 + u - u/n_s)); pooled N (N + n_s) / (n_s (N + n_s - 1)), N = n_r + n_s. There
    the matrix that maps the two moments has the eigenvalue 1.
    """
    r, s, w = _arguments(real, synthetic, weight)
    u = 1 - w
    del r
    return plain(ratio(1 + u, u * (1 + u - u / s)))


def stationary_law(model: "Family", real: float, mean: float | None = None) -> Any:
    r"""Return the law that a fitted mean settles at with few fresh rows among many sampled ones.

    Each generation pools n_r real rows and n_s rows of the last model. As n_s grows, what the fit
    settles at tends to the conjugate prior of the mean with 2 n_r prior rows: a normal, gamma,
    beta, inverse gamma, beta prime or Pearson's type IV law; of each outcome of a `Discrete` it is
    the beta law of `Binomial`, and of all of them Dirichlet's. Derived here (theory/mixed_prior.py,
    by the loop's diffusion limit); the distance at a finite n_s is of the order of 1/n_s.

    Parameters
    ----------
    model
        One of the families of `modelcollapse.exponential`.
    real
        n_r, the fresh real rows of a generation, from 1e-6 to 10^12; not whole for a curve.
    mean
        The truth's mean; None is the family's standard one.

    Returns
    -------
    scipy.stats frozen distribution
        Of the fitted mean, in the data's unit: `cdf`, `ppf`, `rvs`, `mean`, `var`. The variance is
        V(mean)/(2 n_r - v2), infinite where 2 n_r <= v2.

    Raises
    ------
    InvalidInput
        If `model` is no such family, or an argument is out of its range.
    """
    from modelcollapse.families.exponential.estimator import Family as OneParameter

    own: Any = model
    if not isinstance(own, OneParameter):
        remedy = "give a family of modelcollapse.exponential, such as Poisson()"
        raise invalid("model", model, remedy)
    remedy = f"give a number of rows, from {LEAST_ROWS:g} to {LARGEST_BATCH:g}"
    rows = 2 * number("real", real, LEAST_ROWS, LARGEST_BATCH, remedy)
    own = own.settled()
    return own.conjugate(own.as_truth(mean).value, rows)


def _arguments(real: Any, synthetic: Any, weight: Any) -> tuple[Floats, Floats, Floats]:
    r, s = row_counts("real", real), row_counts("synthetic", synthetic)
    w = r / (r + s) if weight is None else weights("weight", weight, zero=False)
    return r, s, w
