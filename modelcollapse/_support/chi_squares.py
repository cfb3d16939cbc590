"""Chi-squares as polynomials of a standard normal.

Of a chi-square X of k degrees of freedom (X/k)^(1/3) is nearly normal (Wilson & Hilferty, PNAS 17,
1931): it is a smooth increasing function of a standard normal z, found by inverting both
distribution functions. Here that function is interpolated at Chebyshev's points in [-REACH, REACH],
beyond which a stream has no normals. A number of degrees of freedom is `reached` where the
polynomial's X is within ERROR of the exact one, relatively, at four times as many points: from
46 on. Others are drawn by rejection, as are those of a million and more, where the inverse is not
accurate.
"""

from functools import lru_cache

import numpy as np

from modelcollapse._support.checks import Floats, Integers

DEGREE = 16
REACH = 8.6
ERROR = 1e-11
MOST = 2**20  # degrees of freedom
DISTINCT = 64  # polynomials at a time, 0.2 ms each


def exact(freedom: float, z: Floats) -> Floats:
    """Return (X/k)^(1/3) at which the chi-square's law has the normal's mass below z."""
    from scipy.special import gammainccinv, gammaincinv, ndtr

    half = freedom / 2
    lower = gammaincinv(half, ndtr(np.minimum(z, 0.0)))
    upper = gammainccinv(half, ndtr(-np.maximum(z, 0.0)))
    return np.asarray(np.cbrt(np.where(z < 0, lower, upper) / half))


@lru_cache(4096)
def polynomial(freedom: float) -> Floats | None:
    """Return its coefficients, from the constant on, (DEGREE + 1,); None if it does not reach."""
    from numpy.polynomial import chebyshev, polynomial

    if not DEGREE < freedom <= MOST:
        return None
    nodes = chebyshev.chebpts1(DEGREE + 1)
    series = chebyshev.chebfit(nodes, exact(freedom, REACH * nodes), DEGREE)
    found = np.asarray(chebyshev.cheb2poly(series) / REACH ** np.arange(DEGREE + 1.0))
    points = REACH * chebyshev.chebpts2(4 * DEGREE + 5)
    gaps = (polynomial.polyval(points, found) / exact(freedom, points)) ** 3 - 1
    return found if np.abs(gaps).max() <= ERROR else None


def polynomials(freedoms: Integers | Floats) -> tuple[Integers, Floats]:
    """Return the place of each row of degrees of freedom in a table of polynomials, and the table.

    `freedoms` has shape (rows, d), the table (different rows, d, DEGREE + 1). The place is -1 for
    rows that are drawn by rejection: those of which one number is not reached, and all of them if
    there are more than DISTINCT numbers in different rows.
    """
    different, rows = np.unique(freedoms, axis=0, return_inverse=True)
    table, places = list[Floats](), np.full(len(different), -1)
    if different.size <= DISTINCT:
        for i, row in enumerate(different.tolist()):
            found = [one for k in row if (one := polynomial(k)) is not None]
            if len(found) == len(row):
                places[i] = len(table)
                table.append(np.array(found))
    shape = len(table), freedoms.shape[1], DEGREE + 1
    return places[rows.reshape(len(freedoms))], np.array(table).reshape(shape)
