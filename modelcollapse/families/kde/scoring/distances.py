"""Compiled keys: squared distances from points to a block of rows, plus an offset of each row.

Two points share each load of the rows, and up to four coordinates are added at a time. Inner
loops run along arrays that are sliced first, so that the compiler vectorises them; the least
key is found in the same pass.
"""

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic

from modelcollapse._support.checks import Floats
from modelcollapse._support.compiled import compiled


def _lesser(_context: Any, _a: Any, _b: Any) -> Any:
    """Return the lesser of two floats that are not negative.

    Their bits are ordered as integers are, and unlike a minimum of floats, a minimum of
    integers is vectorised without promises about NaN.
    """

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        a, b = (builder.bitcast(x, ir.IntType(64)) for x in arguments)
        least = builder.select(builder.icmp_signed("<", a, b), a, b)
        return builder.bitcast(least, ir.DoubleType())

    return types.float64(types.float64, types.float64), generate


lesser: Any = intrinsic(_lesser)


@compiled
def start_1(
    one: Floats, two: Floats, offsets: Floats, row: Floats, x: float, y: float
) -> tuple[float, float]:
    """Set keys from the first coordinate; return the least key of each point."""
    low_x = low_y = np.inf
    for i in range(one.size):
        a, b = x - row[i], y - row[i]
        u, v = a * a + offsets[i], b * b + offsets[i]
        one[i], two[i] = u, v
        low_x, low_y = lesser(low_x, u), lesser(low_y, v)
    return low_x, low_y


@compiled
def start_2(
    one: Floats, two: Floats, offsets: Floats, r0: Floats, r1: Floats, x: Floats, y: Floats
) -> tuple[float, float]:
    """Set keys from the first two coordinates; return the least key of each point."""
    low_x = low_y = np.inf
    x0, x1, y0, y1 = x[0], x[1], y[0], y[1]
    for i in range(one.size):
        a0, a1, b0, b1 = x0 - r0[i], x1 - r1[i], y0 - r0[i], y1 - r1[i]
        u, v = a0 * a0 + a1 * a1 + offsets[i], b0 * b0 + b1 * b1 + offsets[i]
        one[i], two[i] = u, v
        low_x, low_y = lesser(low_x, u), lesser(low_y, v)
    return low_x, low_y


@compiled
def add_2(
    one: Floats, two: Floats, r0: Floats, r1: Floats, x: Floats, y: Floats
) -> tuple[float, float]:
    """Add two coordinates to the keys; return the least key of each point."""
    low_x = low_y = np.inf
    x0, x1, y0, y1 = x[0], x[1], y[0], y[1]
    for i in range(one.size):
        a0, a1, b0, b1 = x0 - r0[i], x1 - r1[i], y0 - r0[i], y1 - r1[i]
        u, v = one[i] + (a0 * a0 + a1 * a1), two[i] + (b0 * b0 + b1 * b1)
        one[i], two[i] = u, v
        low_x, low_y = lesser(low_x, u), lesser(low_y, v)
    return low_x, low_y


@compiled
def add_4(
    one: Floats,
    two: Floats,
    r0: Floats,
    r1: Floats,
    r2: Floats,
    r3: Floats,
    x: Floats,
    y: Floats,
) -> tuple[float, float]:
    """Add four coordinates to the keys; return the least key of each point."""
    low_x = low_y = np.inf
    x0, x1, x2, x3 = x[0], x[1], x[2], x[3]
    y0, y1, y2, y3 = y[0], y[1], y[2], y[3]
    for i in range(one.size):
        a0, a1, a2, a3 = x0 - r0[i], x1 - r1[i], x2 - r2[i], x3 - r3[i]
        b0, b1, b2, b3 = y0 - r0[i], y1 - r1[i], y2 - r2[i], y3 - r3[i]
        u = one[i] + (a0 * a0 + a1 * a1 + (a2 * a2 + a3 * a3))
        v = two[i] + (b0 * b0 + b1 * b1 + (b2 * b2 + b3 * b3))
        one[i], two[i] = u, v
        low_x, low_y = lesser(low_x, u), lesser(low_y, v)
    return low_x, low_y


@compiled
def fill_keys(
    one: Floats, two: Floats, offsets: Floats, block: Floats, x: Floats, y: Floats
) -> tuple[float, float]:
    """Fill the keys (n,) of points x and y (d,) with the first n columns of `block` (d, width).

    Returns the least key of x and of y.
    """
    d, n = block.shape[0], one.size
    if d % 2 == 1:
        k = 1
        low = start_1(one, two, offsets, block[0][:n], x[0], y[0])
    else:
        k = 2
        low = start_2(one, two, offsets, block[0][:n], block[1][:n], x, y)
    while k + 4 <= d:
        r0, r1, r2, r3 = block[k][:n], block[k + 1][:n], block[k + 2][:n], block[k + 3][:n]
        low = add_4(one, two, r0, r1, r2, r3, x[k:], y[k:])
        k += 4
    if k < d:
        low = add_2(one, two, block[k][:n], block[k + 1][:n], x[k:], y[k:])
    return low


@compiled
def transpose(block: Floats, rows: Floats, start: int, size: int, unit: float) -> None:
    """Set the first columns of `block` (d, width) to unit times rows[start:start + size]."""
    for k in range(block.shape[0]):
        for i in range(size):
            block[k, i] = unit * rows[start + i, k]


@compiled
def take(out: Floats, row: Floats, unit: float) -> None:
    """Set `out` (d,) to unit times `row`."""
    for k in range(out.size):
        out[k] = unit * row[k]
