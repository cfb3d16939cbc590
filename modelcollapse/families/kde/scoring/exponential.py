"""A fast exponential for compiled loops: 2^t by its exponent bits and a short polynomial.

With t = k + f, k the nearest integer and |f| <= 1/2, 2^f is a polynomial and 2^k is added to the
exponent bits. Adding 1.5 * 2^52 leaves k in the last bits of a double, so that no conversion
between floats and integers is needed, and loops vectorise on every processor. Results are for
-1000 <= t <= 1000; below, 2^-1000 is returned, which nothing that is summed here can notice.

The coefficients minimise the largest relative error on [-1/2, 1/2] (Remez's exchange algorithm);
the tests measure that error, and its equal ripples, in 50 digits. The exact variant is limited
by rounding: below 3e-16, measured.
"""

from typing import Any

import numba
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic

from modelcollapse._support.checks import Floats
from modelcollapse._support.compiled import compiled

COEFFICIENTS = {
    5: (
        1.0000000716546849,
        0.6931469670647601,
        0.24022119723840193,
        0.05550713273498869,
        0.009675541334444912,
        0.0013276471992238455,
    ),
    7: (
        0.9999999999616819,
        0.693147180728447,
        0.24022651198157585,
        0.05550410353447979,
        0.00961802725366845,
        0.001333392256353898,
        0.00015469291141688513,
        1.5201921594525978e-05,
    ),
    11: (
        1.0,
        0.6931471805599453,
        0.24022650695910155,
        0.055504108664819925,
        0.009618129107588335,
        0.0013333558146789953,
        0.00015403530462514668,
        1.5252733489958516e-05,
        1.3215433089567188e-06,
        1.0178198034321092e-07,
        7.074105630863299e-09,
        4.4352807904353436e-10,
    ),
}
LARGEST_ERROR = {5: 7.4937e-8, 7: 4.0216e-11, 11: 3.5e-17}  # relative, in exact arithmetic
ROUNDING = 3e-16
LEAST = -1000.0
SHIFT = 1.5 * 2.0**52

A0, A1, A2, A3, A4, A5 = COEFFICIENTS[5]
B0, B1, B2, B3, B4, B5, B6, B7 = COEFFICIENTS[7]
C0, C1, C2, C3, C4, C5, C6, C7, C8, C9, C10, C11 = COEFFICIENTS[11]

# No reordering here: it would cancel SHIFT against itself.
ordered = numba.njit(nogil=True, error_model="numpy", fastmath={"contract"})


def degree_for(error: float) -> int:
    """Return the lowest degree whose relative error, rounding included, is at most `error`."""
    fits = [n for n, largest in LARGEST_ERROR.items() if largest + ROUNDING <= error]
    return min(fits, default=max(LARGEST_ERROR))


def _with_exponent(_context: Any, _value: Any, _shifted: Any) -> Any:
    """Return value * 2^k, where k is in the last bits of the double `shifted`."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        integer = ir.IntType(64)
        value, shifted = (builder.bitcast(a, integer) for a in arguments)
        power = builder.shl(shifted, ir.Constant(integer, 52))
        return builder.bitcast(builder.add(value, power), ir.DoubleType())

    return types.float64(types.float64, types.float64), generate


with_exponent: Any = intrinsic(_with_exponent)


@ordered
def power_5(t: float) -> float:
    """Return 2^t with a relative error below 7.5e-8."""
    t = max(t, LEAST)
    shifted = t + SHIFT
    f = t - (shifted - SHIFT)
    value = A0 + f * (A1 + f * (A2 + f * (A3 + f * (A4 + f * A5))))
    return with_exponent(value, shifted)  # type: ignore[no-any-return]


@ordered
def power_7(t: float) -> float:
    """Return 2^t with a relative error below 4.1e-11."""
    t = max(t, LEAST)
    shifted = t + SHIFT
    f = t - (shifted - SHIFT)
    value = B4 + f * (B5 + f * (B6 + f * B7))
    value = B0 + f * (B1 + f * (B2 + f * (B3 + f * value)))
    return with_exponent(value, shifted)  # type: ignore[no-any-return]


@ordered
def power(t: float) -> float:
    """Return 2^t with a relative error below 3e-16."""
    t = max(t, LEAST)
    shifted = t + SHIFT
    f = t - (shifted - SHIFT)
    value = C5 + f * (C6 + f * (C7 + f * (C8 + f * (C9 + f * (C10 + f * C11)))))
    value = C1 + f * (C2 + f * (C3 + f * (C4 + f * value)))
    return with_exponent(C0 + f * value, shifted)  # type: ignore[no-any-return]


@compiled
def powers_of_two(values: Floats, degree: int) -> None:
    """Replace each t in `values` (n,) by 2^t."""
    if degree == 5:
        for i in range(values.size):
            values[i] = power_5(values[i])
    elif degree == 7:
        for i in range(values.size):
            values[i] = power_7(values[i])
    else:
        for i in range(values.size):
            values[i] = power(values[i])


@compiled
def sum_of_powers(keys: Floats, least: float, rate: float, degree: int) -> float:
    """Return the sum of 2^(-rate (key - least)) over `keys` (n,)."""
    total = 0.0
    if degree == 5:
        for i in range(keys.size):
            total += power_5((least - keys[i]) * rate)
    elif degree == 7:
        for i in range(keys.size):
            total += power_7((least - keys[i]) * rate)
    else:
        total = accurate_sum(keys, least, rate)
    return total


@compiled
def accurate_sum(keys: Floats, least: float, rate: float) -> float:
    """Return that sum by `power`; alone it is short enough to become part of a loop."""
    total = 0.0
    for i in range(keys.size):
        total += power((least - keys[i]) * rate)
    return total
