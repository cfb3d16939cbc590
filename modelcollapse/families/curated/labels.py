r"""Curated labels: a verifier keeps a correct label with probability phi, a wrong one with psi.

Of labels that are wrong with probability p, the kept ones are wrong with probability
p psi/(p psi + (1 - p) phi): below 1/2 exactly if p is below the break-down point
p* = 1/(1 + psi/phi). A learner that sees infinitely many of them is then right everywhere, and
above p* wrong everywhere (arXiv 2406.07515, Theorem 4.2, for linear classifiers). Here the
learner is the majority at one input, and its chances are exact for any number of labels (derived
here).
"""

from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, broadcast, reals, whole
from modelcollapse._support.errors import InvalidInput, invalid

FEW = 2**20  # labels of an input, whose numbers kept are summed over
NODES, REACH = 512, 16.0
PROBABILITY = "give a probability, from 0 to 1"


def probability(name: str, value: Any) -> Floats:
    """Return numbers from 0 to 1."""
    array = reals(name, value, PROBABILITY)
    bad = ~((array >= 0) & (array <= 1))
    if bad.any():
        raise invalid(name, float(array[bad].flat[0]), PROBABILITY)
    return array


@broadcast
def kept_label_error(label_error: Any, keep_correct: Any, keep_wrong: Any) -> Floats:
    """Return the share of wrong labels among the kept ones, p psi/(p psi + (1 - p) phi).

    Parameters
    ----------
    label_error, keep_correct, keep_wrong
        p, phi and psi, from 0 to 1; they broadcast.

    Raises
    ------
    InvalidInput
        If an argument is not a probability, or nothing is ever kept.
    """
    p, phi, psi = _arguments(label_error, keep_correct, keep_wrong)
    wrong = p * psi
    kept = wrong + (1 - p) * phi
    if np.any(kept == 0):
        raise InvalidInput(
            "keep_correct and keep_wrong let no label pass at this label_error: make one larger"
        )
    result: Floats = (wrong / kept)[()]
    return result


@broadcast
def break_down_point(keep_correct: Any, keep_wrong: Any) -> Floats:
    """Return p* = 1/(1 + psi/phi), the label error up to which the majority of the kept is right.

    1/2 without a verifier (phi = psi), 1 with one that keeps no wrong label. See arXiv 2406.07515,
    Theorem 4.2.

    Parameters
    ----------
    keep_correct, keep_wrong
        phi and psi, the chances that a correct and a wrong label are kept, from 0 to 1; they
        broadcast.

    Raises
    ------
    InvalidInput
        If one is no probability, or both are 0.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> print(mc.curated.break_down_point(keep_correct=0.9, keep_wrong=[0.9, 0.3, 0.0]))
    [0.5  0.75 1.  ]
    """
    _, phi, psi = _arguments(0.0, keep_correct, keep_wrong)
    if np.any(phi + psi == 0):
        raise invalid("keep_correct + keep_wrong", 0.0, "make one of them larger than 0")
    result: Floats = (phi / (phi + psi))[()]
    return result


def majority_correct(
    samples: int, label_error: float, keep_correct: float, keep_wrong: float
) -> float:
    r"""Return the probability that the majority of the kept labels is right.

    Of n labels K ~ Bin(n, kept) pass, and A ~ Bin(K, 1 - e) of them are right; a tie, with none
    kept too, is decided by a coin. For K = 2j - 1 and K = 2j alike P(right | K) = I_{1-e}(j, j),
    the regularised beta function. Exact, O(n); of more than FEW labels by `_many`, O(1).
    """
    n = whole("samples", samples)
    p, phi, psi = _arguments(label_error, keep_correct, keep_wrong)
    return majority(n, float((1 - p) * phi), float(p * psi))


def majority(n: int, right: float, wrong: float) -> float:
    """Return the same from the chances of a right label and of a wrong one that is kept."""
    from scipy.special import betainc, gammaln, xlog1py, xlogy

    kept = right + wrong
    if kept == 0:
        return 0.5
    if n > FEW:
        return _many(n, right, wrong)
    K = np.arange(n + 1)
    ways = gammaln(n + 1) - gammaln(K + 1) - gammaln(n - K + 1)
    chances = np.exp(ways + xlogy(K, kept) + xlog1py(n - K, -min(kept, 1.0)))
    half = np.maximum((K + 1) // 2, 1)
    majority = np.where(K > 0, betainc(half, half, right / kept), 0.5)
    return float(min(1.0, (chances * majority).sum() / chances.sum()))


def _many(n: int, right: float, wrong: float) -> float:
    r"""Return the same from S, the right labels less the wrong ones among those kept.

    P(S > 0) + P(S = 0)/2 = 1/2 + (1/2 pi) int_0^pi Im phi(u) cot(u/2) du, with phi = M^n the
    characteristic function of S and v the variance of one label's part. |M|^2 <= 1 - v sin^2 u, so
    that phi is below e^-50 but within REACH/sqrt(n v) of 0 and of pi, where it is entire and falls
    as a Gaussian: there the midpoint rule leaves less than a rounding.
    """
    kept, drift = right + wrong, right - wrong
    variance = (1 - kept) * kept + 4 * right * wrong
    if drift**2 * n > 144 * variance:  # Chernoff: the other side has less than e^-36
        return float(drift > 0)
    last = REACH / np.sqrt(n * variance)
    whole = last >= np.pi / 2
    step = (np.pi if whole else last) / NODES
    u = (np.arange(NODES) + 0.5) * step
    x, y = -2 * kept * np.sin(u / 2) ** 2, drift * np.sin(u)
    total = (_wave(n, x, y) / np.tan(u / 2)).sum()
    if not whole:  # from pi down: labels that are all kept make S as even as n
        total += (-1) ** n * (_wave(n, x - 2 * (1 - kept), -y) * np.tan(u / 2)).sum()
    return float(np.clip(0.5 + total * step / (2 * np.pi), 0.0, 1.0))


def _wave(n: int, x: Floats, y: Floats) -> Floats:
    """Return the imaginary part of (1 + x + iy)^n."""
    with np.errstate(under="ignore", divide="ignore"):
        size = np.exp(n / 2 * np.log1p(np.maximum(x * (2 + x) + y * y, -1.0)))
    return np.asarray(size * np.sin(n * np.arctan2(y, 1 + x)))


def _arguments(p: Any, phi: Any, psi: Any) -> tuple[Floats, Floats, Floats]:
    return (
        probability("label_error", p),
        probability("keep_correct", phi),
        probability("keep_wrong", psi),
    )
