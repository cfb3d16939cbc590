r"""Strong collapse, and mixed labels: least squares with a share of labels that are not real.

Strong collapse is one round on real rows and on rows whose labels come from shifted weights.

n_1 rows have labels x'w + noise, n_2 rows x'(w + delta) + noise; x is normal with covariance
Sigma, n = n_1 + n_2 and p_i = n_i/n. With c^2 = delta' Sigma delta the fit's excess risk is known
exactly at every n > d + 1 (derived here): the scatter S of all rows is independent of the matrix
beta U = S^(-1/2) S_2 S^(-1/2), E[U A U] = a A + b tr(A) I with b = n_1 n_2/(n (n + 2)(n - 1)) and
a + b = n_2 (n_2 + 2)/(n (n + 2)), and E[S^-1 tr S] = (n d - 2)/(n - d - 1) I. For n -> infinity
there is the plateau p_2^2 c^2 of arXiv 2410.04840.

Mixed labels are a loop: n new inputs in each generation have the labels w y + (1 - w) y', y real
and y' the last fit's, and the fit has the least norm. With u = 1 - w its risk follows
R' = A + gamma u^2 R + B (w^2 + u^2): for n >= d + 2 gamma = 1, A = 0 and B = sigma^2 d/(n - d - 1);
for n <= d - 2 gamma = n/d, A = (1 - n/d)|w*|^2 and B = sigma^2 n/(d - n - 1). Of the same inputs
for ever, given these, it is c + B (w^2 + u^2)/(1 - u^2), whatever n is (derived here).
"""

from typing import Any, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats, broadcast
from modelcollapse._support.errors import InvalidInput
from modelcollapse.mixed.arguments import numbers, plain, ratio, row_counts, weights


class Risk(NamedTuple):
    """The excess risk's two parts: what the shifted labels cost, and what the noise costs."""

    bias: Floats
    variance: Floats

    @property
    def total(self) -> Floats:
        """Bias and variance together."""
        return self.bias + self.variance


@broadcast
def strong_collapse_risk(real: Any, synthetic: Any, dim: Any, shift: Any, noise: Any = 1.0) -> Risk:
    r"""Return E (w_hat - w)' Sigma (w_hat - w) of one round of least squares, exactly.

    Parameters
    ----------
    real, synthetic
        n_1 and n_2, at least 0 each.
    dim
        The number of columns d, n_1 + n_2 >= d + 2.
    shift
        c^2 = delta' Sigma delta, at least 0.
    noise
        The variance of all labels about their plane, at least 0.

    Raises
    ------
    InvalidInput
        If an argument is out of its range, or there are too few rows for a finite expectation.
    """
    n, d, coefficient = _coefficient(real, synthetic, dim)
    c2 = numbers("shift", shift, 0.0, np.inf, "give delta' Sigma delta, at least 0")
    s2 = numbers("noise", noise, 0.0, np.inf, "give a variance, at least 0")
    return Risk(plain(coefficient * c2), plain(s2 * d / (n - d - 1)))


@broadcast
def strong_collapse_plateau(synthetic_share: Any, shift: Any) -> Floats:
    """Return the risk that no number of rows removes, p_2^2 c^2."""
    p = weights("synthetic_share", synthetic_share)
    return plain(p**2 * numbers("shift", shift, 0.0, np.inf, "give a number, at least 0"))


@broadcast
def harmless_shift(real: Any, synthetic: Any, dim: Any, noise: Any = 1.0) -> Floats:
    r"""Return the largest c^2 at which the synthetic rows do not raise the risk.

    They lower the noise's part from noise d/(n_1 - d - 1) to noise d/(n - d - 1) and bring the
    bias; infinite where the real rows alone have infinite risk.
    """
    n, d, coefficient = _coefficient(real, synthetic, dim)
    r = row_counts("real", real, zero=True)
    s2 = numbers("noise", noise, 0.0, np.inf, "give a variance, at least 0")
    return plain(ratio(ratio(s2 * d, r - d - 1) - s2 * d / (n - d - 1), coefficient))


@broadcast
def mixed_label_risk(weight: Any, rows: Any, dim: Any, signal: Any = 0.0, noise: Any = 1.0) -> Any:
    r"""Return what E|w_t - w*|^2 settles at with mixed labels on new inputs, exactly.

    Parameters
    ----------
    weight
        w, the real labels' weight in (0, 1].
    rows, dim
        n and d; they differ by at least 2, or the risk is infinite, and need not be whole for a
        curve.
    signal
        |w*|^2, at least 0; with n >= d + 2 it does not matter.
    noise
        sigma^2, the variance of each label about its plane, at least 0; the `noise` of a
        `LinearRegression` is its root.

    Raises
    ------
    InvalidInput
        If an argument is out of its range.
    """
    w = weights("weight", weight, zero=False)
    gamma, A, B = _labelled(rows, dim, signal, noise)
    u = 1 - w
    return plain((A + B * (w**2 + u**2)) / (1 - gamma * u**2))


@broadcast
def best_label_weight(rows: Any, dim: Any, signal: Any = 0.0, noise: Any = 1.0) -> Any:
    r"""Return the weight w of the real labels with which `mixed_label_risk` is least.

    1 - w is the smaller root of gamma u^2 - Q u + 1, Q = 2 + gamma (1 + A/B): the reciprocal of the
    golden ratio for n >= d + 2, at every n and d, and for the same inputs for ever; with new inputs
    and fewer rows another one, at least 1/2. Without noise and with a signal it is 1.
    Parameters and errors as for `mixed_label_risk`.
    """
    gamma, A, B = _labelled(rows, dim, signal, noise)
    with np.errstate(over="ignore"):
        Q = 2 + gamma * (1 + np.where(A > 0, ratio(A, B), 0.0))
        # The smaller root without its subtraction; 0 where Q is infinite.
        return plain(1 - 2 / (Q + np.sqrt(Q**2 - 4 * gamma)))


def _labelled(rows: Any, dim: Any, signal: Any, noise: Any) -> tuple[Floats, Floats, Floats]:
    """Return gamma, A and B of the risk's step."""
    n = numbers("rows", rows, 1, np.inf, "give a number of rows, at least 1")
    d = numbers("dim", dim, 1, np.inf, "give a number of columns, at least 1")
    square = numbers("signal", signal, 0.0, np.inf, "give |w*|^2, at least 0")
    s2 = numbers("noise", noise, 0.0, np.inf, "give a variance, at least 0")
    n, d, square, s2 = np.broadcast_arrays(n, d, square, s2)
    if (near := np.abs(n - d) < 2).any():
        told = f"rows = {n[near].flat[0]:g}, dim = {d[near].flat[0]:g}"
        raise InvalidInput(f"{told}: within one row of dim the risk is infinite; give other ones")
    gamma = np.minimum(n / d, 1.0)
    return gamma, (1 - gamma) * square, s2 * np.minimum(n, d) / (np.abs(n - d) - 1)


def _coefficient(real: Any, synthetic: Any, dim: Any) -> tuple[Floats, Floats, Floats]:
    """Return n, d and the bias for c^2 = 1."""
    r = row_counts("real", real, zero=True)
    s = row_counts("synthetic", synthetic, zero=True)
    d = numbers("dim", dim, 1, np.inf, "give a number of columns, at least 1")
    n = r + s
    few = n + 0 * d < d + 2
    if few.any():
        rows, columns = (float(np.broadcast_to(x, few.shape)[few].flat[0]) for x in (n, d))
        raise InvalidInput(
            f"real + synthetic = {rows:g} rows and dim = {columns:g}: the risk is infinite; give "
            "at least dim + 2 rows"
        )
    trace = r * s / (n * (n + 2) * (n - 1))
    square = s * (s + 2) / (n * (n + 2))
    return n, d, np.asarray(square - trace + trace * (n * d - 2) / (n - d - 1))
