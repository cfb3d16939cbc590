"""Limits t -> infinity of expectations, for constant bandwidths and powers of t."""

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.kde import bandwidth as bandwidths
from modelcollapse.families.kde.errors_squared import settled_error
from modelcollapse.families.kde.fates import RULES, fates
from modelcollapse.families.kde.frequencies import spectrum_of, squared_norm
from modelcollapse.families.kde.growth import Shape, shape_of
from modelcollapse.families.kde.kernel import GAUSSIAN
from modelcollapse.families.kde.moments import total_variance
from modelcollapse.families.kde.shares import Share, settled_bandwidth, share_of

if TYPE_CHECKING:
    from modelcollapse._support.checks import Floats
    from modelcollapse.loop.experiment import Experiment, Route

FEW, ORDER = 1000, 7
DIRECT = 32  # terms of a series that are added one by one
TERMS = 40  # of the expansion of the rest, in powers of 1/DIRECT


def second_moment(e: "Experiment") -> float:
    """Return the limit of the second moment of the training rows, which may be infinite.

    Raises
    ------
    NoClosedForm
        If the schedule is neither constant nor a power of t, or batches differ.
    """
    if (share := share_of(e)) is not None:
        return _shared(e, share)[0]
    if bandwidths.is_scaled(e.model.bandwidth) and e.schedule.rule == "replace":
        return _scaled(e)
    shape = _known(e, "second_moment")
    if shape is None:
        return float("inf")
    noise = _first(e) ** 2 * e.model.kernel.variance(e.model.dim) * e.model.dim
    series = _zeta(2 * shape.a) if e.schedule.rule == "replace" else _harmonic(2 * shape.a)
    return float(1 + noise / total_variance(e) * series)


def central_variance(e: "Experiment") -> float:
    """Return the limit of the central variance of the training rows; see `second_moment`."""
    if (share := share_of(e)) is not None:
        return _shared(e, share)[1]
    if _fate(e, "central_variance") == "clumps":
        return 0.0
    shape = _known(e, "central_variance", closed=e.schedule.rule == "replace")
    if shape is None:
        return float("inf")
    noise = _first(e) ** 2 * e.model.kernel.variance(e.model.dim) * e.model.dim
    return float((shape.n - 1) * noise / total_variance(e))


def mise(e: "Experiment") -> "float | Route":
    """Return the limit of the integrated squared error, or a route to it; see `second_moment`."""
    if _fate(e, "mise") == "clumps":
        return float("inf")
    if (share := share_of(e)) is not None:
        h = settled_bandwidth(e, share)
        return squared_norm(e.truth) if np.isinf(h) else partial(settled_error, e, share, h)
    shape = _shape(e)
    if shape.shrinks or e.model.kernel is not GAUSSIAN:
        raise NoClosedForm("the limit has no closed form where the bandwidth shrinks")
    spectrum_of(e.truth)  # refuses a truth for which there is no theorem
    norm = squared_norm(e.truth)
    if shape.grows or e.schedule.rule == "accumulate":
        return norm
    with np.errstate(over="ignore"):
        peak = float(np.exp(-shape.dim * (np.log(4 * np.pi) / 2 + np.log(_first(e)))))
    if e.schedule.kind == "subset":
        return norm + peak / (e.schedule.budget or shape.n)
    return norm + peak * ancestors(shape.n, shape.dim / 2)


def ancestors(n: int, s: float) -> float:
    r"""Return (1/n) sum_j (1 - 1/n)^j (j + 1)^-s, s a multiple of 1/2.

    The chance (1/n)(1 - 1/n)^j is that of two rows' last common ancestor, j generations ago. Up to
    FEW rows by its terms, of which e^-40 is left. Beyond, with z = 1 - 1/n = e^-m, it is Li_s(z)
    over (n - 1), and for m < 2 pi Li_s(e^-m) is

        sum_k zeta(s - k) (-m)^k / k!  +  Gamma(1 - s) m^(s-1),

    where for a whole s the term k = s - 1 and the last one become (H_{s-1} - log m)
    (-m)^(s-1)/(s-1)!. As |zeta(s - k)| / k! is below 3 for k <= s - 3/2, and below
    2 (2 pi)^(s-k-1) zeta(k+1-s) beyond, what k > ORDER leaves is below 4 m^(ORDER+1) < 1e-26.
    """
    if n <= FEW:
        j = np.arange(40 * n)
        # A power of 1 - 1/n has its rounding, and products of vectors add up in any order.
        kept = np.exp(j * np.log1p(-1 / n)) if n > 1 else 0.0**j
        return float((kept * (j + 1.0) ** -s).sum() / n)
    from scipy.special import gamma, zetac

    m, value = -float(np.log1p(-1 / n)), 0.0
    for k in range(ORDER, -1, -1):
        term = (1 / np.arange(1, k + 1)).sum() - np.log(m) if k == s - 1 else 1 + zetac(s - k)
        value += float(term) * (-m) ** k / math.factorial(k)
    if s % 1:
        value += float(gamma(1 - s)) * m ** (s - 1)
    return value / (n - 1)


def _shared(e: "Experiment", share: Share) -> tuple[float, float]:
    """Return the limits of both moments where real rows keep a share."""
    h = settled_bandwidth(e, share)
    noise = h**2 * e.model.kernel.variance(e.model.dim) * e.model.dim / total_variance(e)
    second = 1 + noise * (1 - share.real) / share.real
    if np.isinf(second):
        return second, second
    return second, float(second - share.settled(1.0, 0.0, second + noise).product)


def _scaled(e: "Experiment") -> float:
    """Return the limit of the second moment under replace and SciPy's rules.

    Each generation multiplies the variance by 1 - 1/n + s, s the rule's share, and adds s times
    n/(n - 1) of it: a geometric series.
    """
    if _fate(e, "second_moment") == "diverges":
        return float("inf")
    n, d = int(e.sizes[0]), e.model.dim
    factor = float(bandwidths.rule_of_thumb(e.model.bandwidth, n, d))
    share = factor**2 * e.model.kernel.variance(d)
    return float(1 + share / (1 / n - share))


def _fate(e: "Experiment", name: str) -> str:
    fate = fates(e)[name]
    if fate.verdict == "undetermined":
        raise NoClosedForm(fate.reason)
    return fate.verdict


def _shape(e: "Experiment") -> Shape:
    shape = shape_of(e) if e.schedule.rule in RULES else None
    if shape is None or bandwidths.is_scaled(e.model.bandwidth):
        raise NoClosedForm("known for constant bandwidths and powers of t")
    return shape


def _known(e: "Experiment", name: str, *, closed: bool = True) -> Shape | None:
    """Return the schedule's form if the limit is finite and known, None if it is infinite."""
    if _fate(e, name) == "diverges":
        return None
    shape = _shape(e)
    if shape.b != 0 or not closed:
        raise NoClosedForm("the limit is finite and has no closed form here")
    return shape


def _first(e: "Experiment") -> float:
    """Return the bandwidth of generation 1, which is the scale of a power."""
    return bandwidths.at(e.model.bandwidth, 1, float(_rows(e)), e.model.dim, "bandwidth")


def _rows(e: "Experiment") -> int:
    """Return what a rule looks at in the end: a budget beyond n is reached after some batches."""
    return e.schedule.budget or int(e.sizes[0])


def _zeta(p: float) -> float:
    from scipy.special import zeta

    return float(zeta(p))


def _harmonic(p: float) -> float:
    """Return sum_{s >= 1} s^-p / (s + 1), p > 0, by expanding 1/(s + 1) in powers of 1/s."""
    from scipy.special import zeta

    s = np.arange(1.0, DIRECT)
    k: Floats = np.arange(TERMS, dtype=np.float64)
    rest = (-1) ** k * zeta(p + 1 + k, DIRECT)
    return float((s**-p / (s + 1)).sum() + rest.sum())
