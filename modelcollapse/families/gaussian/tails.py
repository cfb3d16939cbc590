"""The tail of the law that the variance settles at under replace with a floor."""

import numpy as np

from modelcollapse._support.checks import Floats, whole

SERIES = 20.0  # from here on log z - digamma(z) by its asymptotic series


def tail_exponent(samples: int) -> float:
    r"""Return kappa with P(v > x) of the order x^-kappa for replace's variance with a floor.

    Under replace in one dimension, with maximum likelihood, the fitted variance v settles in law.
    The moment of the order kappa is finite for orders below this exponent alone: kappa > 0 solves

    .. math:: (2/n)^\kappa\,\Gamma(\tfrac{n-1}2+\kappa)/\Gamma(\tfrac{n-1}2) = 1,

    and 2 < kappa < 3 for every n: the variance over replicates settles, the third moment does not.

    Parameters
    ----------
    samples
        The number n of rows per batch, at least 2.

    Returns
    -------
    float
        kappa, whatever the floor is; about 2 + 1/(2n).

    Raises
    ------
    InvalidInput
        If it is no whole number from 2 on.
    """
    from scipy.optimize import brentq

    n = float(whole("samples", samples, minimum=2))
    nodes, weights = (x / 2 for x in np.polynomial.legendre.leggauss(32))

    def excess(x: float) -> float:
        """Return log E A^(2 + x): that of E A^2 = 1 - 1/n^2, and its derivative's integral."""
        s = x * (nodes + 0.5)
        slopes = np.log1p((2 * s + 3) / n) - _behind((n + 3) / 2 + s)
        return float(np.log1p(-1 / n**2) + x * (weights @ slopes))

    root: float = brentq(excess, 0.0, 1.0, xtol=1e-16 / n, rtol=1e-15)
    return 2 + root


def _behind(z: Floats) -> Floats:
    """Return log z - digamma(z) without their cancellation, z > 1."""
    from scipy.special import digamma

    w = 1 / (z * z)
    series = w * (1 / 12 - w * (1 / 120 - w * (1 / 252 - w * (1 / 240 - w / 132))))
    return np.asarray(np.where(z > SERIES, 1 / (2 * z) + series, np.log(z) - digamma(z)))
