r"""The random stream of compiled simulations: counters in, random numbers out.

Word pair i of a stream is the Threefry-2x64 cipher with 13 rounds of (i, 0), under the stream's key
of 128 bits (Salmon, Moraes, Dror & Shaw, SC11, 2011, who found these rounds to pass TestU01's
BigCrush). Nothing passes from a pair to the next, so that compilers compute many at once, and
streams of different keys are different ciphers: they do not overlap.

Uniforms are odd multiples of 2^-53 in (0, 1), all equally likely, so that neither end occurs and
the mean is exactly 1/2. Normals are Box and Muller's, of a pair: r (cos, sin) with
r = sqrt(-2 log u) at an angle out of a quarter turn, in units of 2^-52 of it, with a random sign
each. None is beyond sqrt(106 log 2) = 8.58; the normal law has 1e-17 of its mass there.

A draw one at a time comes from a buffer, which is filled by many.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba.core import types
from numba.extending import intrinsic

from modelcollapse._support.checks import Floats
from modelcollapse._support.compiled import compiled

Words = npt.NDArray[np.uint32]
BUFFER = 256  # numbers; an even number
CHUNK = 512  # numbers that loops draw at once, a multiple of four
PARITY = 0x1BD11BDAA9FC1A22  # of Threefry's keys, against a key of zeros
ONE, BELOW_ONE = 0x3FF0000000000000, 1.0 - 2.0**-53
ROOT_HALF = 0x3FE6A09E667F3BCD  # the bits of sqrt(1/2)
SIGN = 0x8000000000000000
LOG_2, QUARTER = 0.6931471805599453, 1.5707963267948966


# A record, as compiled code passes it by its address; of tuples of arrays it counts references.
Stream = np.record
FIELDS = np.dtype(
    [
        ("key", np.uint64, 2),
        ("next", np.uint64),  # the number of the next pair
        ("uniforms_left", np.int64),  # of the buffers, which are used from their ends
        ("normals_left", np.int64),
        ("uniforms", np.float64, BUFFER),
        ("normals", np.float64, BUFFER),
    ]
)


def opened(seed: int, *key: int) -> Stream:
    """Return the stream of a block, or of a use of its own within it; it changes as it is used."""
    stream: Stream = np.zeros(1, FIELDS).view(np.recarray)[0]
    stream.key[:] = np.random.SeedSequence(seed, spawn_key=key).generate_state(2, np.uint64)
    return stream


def drawn_from(rng: np.random.Generator) -> Stream:
    """Return a stream whose key is drawn from a generator."""
    stream = opened(0)
    stream.key[:] = rng.integers(2**64, size=2, dtype=np.uint64)
    return stream


def _float_of_bits(_: Any, word: Any) -> Any:
    return types.float64(word), _with_its_bits(types.float64)


def _bits_of_float(_: Any, value: Any) -> Any:
    return types.uint64(value), _with_its_bits(types.uint64)


def _with_its_bits(kind: Any) -> Any:
    def generate(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(kind))

    return generate


# The float that has the bits of a word, and the bits of a float: instructions, not functions.
as_float: Any = intrinsic(_float_of_bits)
as_word: Any = intrinsic(_bits_of_float)


@compiled
def _mixed(a: np.uint64, b: np.uint64, turn: int) -> tuple[np.uint64, np.uint64]:
    """Return a pair after one round."""
    a = a + b
    return a, ((b << np.uint64(turn)) | (b >> np.uint64(64 - turn))) ^ a


@compiled
def threefry(
    k0: np.uint64, k1: np.uint64, i: np.uint64, j: np.uint64
) -> tuple[np.uint64, np.uint64]:
    """Return Threefry-2x64-13 of the counter (i, j)."""
    k2 = k0 ^ k1 ^ np.uint64(PARITY)
    a, b = _mixed(i + k0, j + k1, 16)
    a, b = _mixed(a, b, 42)
    a, b = _mixed(a, b, 12)
    a, b = _mixed(a, b, 31)
    a, b = _mixed(a + k1, b + k2 + np.uint64(1), 16)
    a, b = _mixed(a, b, 32)
    a, b = _mixed(a, b, 24)
    a, b = _mixed(a, b, 21)
    a, b = _mixed(a + k2, b + k0 + np.uint64(2), 16)
    a, b = _mixed(a, b, 42)
    a, b = _mixed(a, b, 12)
    a, b = _mixed(a, b, 31)
    return _mixed(a + k0, b + k1 + np.uint64(3), 16)


@compiled
def uniform_of(word: np.uint64) -> float:
    """Return the uniform of a word's upper 52 bits."""
    return as_float((word >> np.uint64(12)) | np.uint64(ONE)) - BELOW_ONE  # type: ignore[no-any-return]


@compiled
def logarithm(u: float) -> float:
    """Return log u of a positive normal number, for many numbers at once.

    u = 2^e m with m from sqrt(1/2) to sqrt(2); log m = 2 artanh s, s = (m - 1)/(m + 1), is a series
    in s^2 < 0.0295 whose first term left out is below 1e-16 of the whole.
    """
    bits = as_word(u) - np.uint64(ROOT_HALF)
    e = np.int64(bits) >> np.int64(52)
    m = as_float(as_word(u) - (np.uint64(e) << np.uint64(52)))
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    series = 2.0 / 15.0 + z * (2.0 / 17.0 + z * (2.0 / 19.0 + z * (2.0 / 21.0)))
    series = 2.0 / 9.0 + z * (2.0 / 11.0 + z * (2.0 / 13.0 + z * series))
    series = 2.0 / 3.0 + z * (2.0 / 5.0 + z * (2.0 / 7.0 + z * series))
    return e * LOG_2 + (2.0 * s + s * z * series)  # type: ignore[no-any-return]


@compiled
def normals_of(a: np.uint64, b: np.uint64) -> tuple[float, float]:
    """Return two independent normals of a pair: its second word gives an angle and two signs.

    The angle from the middle of a quarter turn is at most pi/4, where the series of sine and cosine
    are as accurate as rounding; the sum and the difference of both are sqrt(2) times the cosine and
    sine of the angle from the quarter's end.
    """
    r = np.sqrt(-logarithm(uniform_of(a)))
    x = QUARTER * (uniform_of(b) - 0.5)
    y = x * x
    s = -1.0 / 39916800.0 + y * (1.0 / 6227020800.0 + y * (-1.0 / 1307674368000.0))
    s = 1.0 / 120.0 + y * (-1.0 / 5040.0 + y * (1.0 / 362880.0 + y * s))
    s = x + x * y * (-1.0 / 6.0 + y * s)
    c = 1.0 / 479001600.0 + y * (-1.0 / 87178291200.0 + y * (1.0 / 20922789888000.0))
    c = -1.0 / 720.0 + y * (1.0 / 40320.0 + y * (-1.0 / 3628800.0 + y * c))
    c = 1.0 + y * (-0.5 + y * (1.0 / 24.0 + y * c))
    first = as_word(r * (c - s)) ^ (b << np.uint64(63))
    second = as_word(r * (c + s)) ^ ((b << np.uint64(62)) & np.uint64(SIGN))
    return as_float(first), as_float(second)


@compiled
def _pairs_of_uniforms(stream: Stream, first: Floats, second: Floats) -> None:
    """Fill two arrays of one length with the first and the second uniform of each next pair."""
    k0, k1, i = stream.key[0], stream.key[1], stream.next
    for j in range(first.size):
        a, b = threefry(k0, k1, i + np.uint64(j), np.uint64(0))
        first[j], second[j] = uniform_of(a), uniform_of(b)
    stream.next = i + np.uint64(first.size)


@compiled
def _pairs_of_normals(stream: Stream, first: Floats, second: Floats) -> None:
    """Fill two arrays of one length with the first and the second normal of each next pair."""
    k0, k1, i = stream.key[0], stream.key[1], stream.next
    for j in range(first.size):
        a, b = threefry(k0, k1, i + np.uint64(j), np.uint64(0))
        first[j], second[j] = normals_of(a, b)
    stream.next = i + np.uint64(first.size)


@compiled
def fill_uniforms(stream: Stream, out: Floats) -> None:
    """Fill out with uniforms: the first ones of the next pairs, then the second ones.

    Of an odd number the last pair gives its first one alone.
    """
    half = out.size // 2
    _pairs_of_uniforms(stream, out[:half], out[half : 2 * half])
    if out.size > 2 * half:
        _pairs_of_uniforms(stream, out[2 * half :], np.empty(1))


@compiled
def fill_normals(stream: Stream, out: Floats) -> None:
    """Fill out with standard normals, in the order of `fill_uniforms`."""
    half = out.size // 2
    _pairs_of_normals(stream, out[:half], out[half : 2 * half])
    if out.size > 2 * half:
        _pairs_of_normals(stream, out[2 * half :], np.empty(1))


@compiled
def fill_words(stream: Stream, out: Words) -> None:
    """Fill out with words of 32 bits, four of each pair; their number is a multiple of four."""
    k0, k1, i = stream.key[0], stream.key[1], stream.next
    quarter, low = out.size // 4, np.uint64(32)
    for j in range(quarter):
        a, b = threefry(k0, k1, i + np.uint64(j), np.uint64(0))
        out[j], out[j + quarter] = np.uint32(a >> low), np.uint32(a)
        out[j + 2 * quarter], out[j + 3 * quarter] = np.uint32(b >> low), np.uint32(b)
    stream.next = i + np.uint64(quarter)


@compiled
def uniform(stream: Stream) -> float:
    """Draw a uniform."""
    left = stream.uniforms_left
    if left == 0:
        fill_uniforms(stream, stream.uniforms)
        left = BUFFER
    stream.uniforms_left = left - 1
    return float(stream.uniforms[left - 1])


@compiled
def upcoming(stream: Stream, most: int) -> Floats:
    """Draw one to `most` uniforms: a view of the buffer, to be used before any other draw."""
    left = stream.uniforms_left
    if left == 0:
        fill_uniforms(stream, stream.uniforms)
        left = BUFFER
    some = min(left, most)
    stream.uniforms_left = left - some
    return stream.uniforms[left - some : left]  # type: ignore[no-any-return]


@compiled
def normal(stream: Stream) -> float:
    """Draw a standard normal."""
    left = stream.normals_left
    if left == 0:
        fill_normals(stream, stream.normals)
        left = BUFFER
    stream.normals_left = left - 1
    return float(stream.normals[left - 1])
