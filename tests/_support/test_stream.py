"""The random stream: published answers, exact laws to rounding, and independence.

Threefry's answers are those of the file kat_vectors of its authors' Random123. Laws are held by the
Dvoretzky-Kiefer-Wolfowitz bound, sums by Hoeffding's or Bernstein's: alpha = 1e-9 each.
"""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from modelcollapse._support import stream as streams
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import drawn_from, fill_normals, fill_uniforms, fill_words

ALPHA = 1e-9
ANSWERS = [
    ((0, 0), (0, 0), (0xF167B032C3B480BD, 0xE91F9FEE4B7A6FB5)),
    ((2**64 - 1, 2**64 - 1), (2**64 - 1, 2**64 - 1), (0xCCDEC5C917A874B1, 0x4DF53ABCA26CEB01)),
    (
        (0x243F6A8885A308D3, 0x13198A2E03707344),
        (0xA4093822299F31D0, 0x082EFA98EC4E6C89),
        (0xC3AAC71561042993, 0x3FE7AE8801AFF316),
    ),
]
WORDS = st.integers(0, 2**64 - 1)


@compiled
def threefry(k0, k1, i, j):
    """Return a pair of words."""
    return streams.threefry(k0, k1, i, j)


@compiled
def normals_of(a, b):
    """Return the two normals of a pair."""
    return streams.normals_of(a, b)


@compiled
def uniform_of(word):
    """Return the uniform of a word."""
    return streams.uniform_of(word)


def cipher(key, counter):
    """Return Threefry-2x64-13 in whole numbers, as its authors define it."""
    turns, limit = (16, 42, 12, 31, 16, 32, 24, 21), 2**64
    keys = [*key, key[0] ^ key[1] ^ 0x1BD11BDAA9FC1A22]
    a, b = ((c + k) % limit for c, k in zip(counter, key, strict=True))
    for r in range(13):
        a = (a + b) % limit
        b = (b << turns[r % 8] | b >> 64 - turns[r % 8]) % limit ^ a
        if r % 4 == 3:
            s = r // 4 + 1
            a, b = (a + keys[s % 3]) % limit, (b + keys[(s + 1) % 3] + s) % limit
    return a, b


@pytest.mark.parametrize(("counter", "key", "answer"), ANSWERS)
def test_the_published_answers(counter, key, answer):
    """Of the cipher, and of the slow one here that all other pairs are compared with."""
    assert cipher(key, counter) == answer
    assert threefry(*map(np.uint64, (*key, *counter))) == answer


@given(key=st.tuples(WORDS, WORDS), first=WORDS, size=st.integers(1, 9))
def test_a_stream_is_the_cipher_of_its_counter(key, first, size):
    """Uniforms, normals and words come from pairs in order, and the counter moves by as many."""
    stream = streams.opened(0)
    pairs = [cipher(key, ((first + i) % 2**64, 0)) for i in range(size)]
    a, b = (np.array(words, dtype=np.uint64) for words in zip(*pairs, strict=True))
    low = np.uint64(32)
    quarters = [a >> low, a & np.uint64(2**32 - 1), b >> low, b & np.uint64(2**32 - 1)]
    normals = np.array([normals_of(*pair) for pair in zip(a, b, strict=True)])
    for fill, count, kind, expected in (
        (fill_uniforms, 2 * size, float, np.array([*map(uniform_of, a), *map(uniform_of, b)])),
        (fill_uniforms, 2 * size - 1, float, None),
        (fill_normals, 2 * size, float, normals.T.ravel()),
        (fill_normals, 2 * size - 1, float, None),
        (fill_words, 4 * size, np.uint32, np.concatenate(quarters)),
    ):
        stream.key[:], stream.next = key, first
        out = np.empty(count, kind)
        fill(stream, out)
        assert stream.next == (first + size) % 2**64
        if expected is not None:
            assert out == pytest.approx(expected, rel=1e-15)
        else:
            last = uniform_of(a[-1]) if fill is fill_uniforms else normals[-1, 0]
            assert out[-1] == pytest.approx(last, rel=1e-15)


@given(WORDS)
@pytest.mark.parametrize("ends", [[0, 2**12 - 1], [2**64 - 1, 2**64 - 2**12], []])
def test_uniforms_are_odd_multiples(ends, word):
    """Of 2^-53: none is 0 or 1, and the ends are as far from both."""
    for w in [word, *ends]:
        value = uniform_of(np.uint64(w))
        assert value == (2 * (w >> 12) + 1) / 2**53
        assert 0 < value < 1


def exact_normals(a, b):
    """Return the two normals of a pair, to 40 digits."""
    with mpmath.workdps(40):
        u, v = (mpmath.mpf(2 * (word >> 12) + 1) / 2**53 for word in (a, b))
        r, angle = mpmath.sqrt(-2 * mpmath.log(u)), v * mpmath.pi / 2
        signs = (-1) ** (b & 1), (-1) ** (b >> 1 & 1)
        return signs[0] * r * mpmath.cos(angle), signs[1] * r * mpmath.sin(angle), r


@compiled
def logarithm(value):
    """Return the logarithm."""
    return streams.logarithm(value)


@given(st.floats(2.3e-308, 1.7e308))
@pytest.mark.parametrize("ends", [[1.0, 1 - 2**-53, 1 + 2**-52, 0.5**0.5, 2.0**0.5]])
def test_logarithms_are_exact_to_rounding(ends, value):
    """Within two roundings of the whole, and of 0.7 near powers of 2 other than 1."""
    for x in [value, *ends]:
        with mpmath.workdps(40):
            exact = mpmath.log(mpmath.mpf(x))
        near = 0 if 0.8 < x < 1.25 else 2**-53
        assert abs(logarithm(x) - exact) <= 4 * 2**-53 * abs(exact) + near


@given(a=WORDS, b=WORDS)
@pytest.mark.parametrize("ends", [[0, 2**64 - 1, 2**63, 2**63 - 1, 0xB504F333F9DE6484]])
def test_normals_are_exact_to_rounding(ends, a, b):
    """Within four roundings of the radius, at the ends of both words too."""
    for one in [a, *ends]:
        for other in [b, *ends]:
            *expected, r = exact_normals(one, other)
            found = normals_of(np.uint64(one), np.uint64(other))
            for value, exact in zip(found, expected, strict=True):
                assert abs(value - exact) <= 4 * 2**-53 * r


def test_a_hundred_million_draws_have_their_laws(seed):
    """Of uniforms, normals and words, at 4,095 places; laws 6.6e-4 apart are told apart.

    By the Dvoretzky-Kiefer-Wolfowitz bound no gap is above 3.3e-4 but for alpha.
    """
    stream, chunk, gap = streams.opened(seed), 10**6, math.sqrt(math.log(2 / ALPHA) / 2e8)
    place = np.arange(1, 4096) / 4096
    for fill, kind, law in (
        (fill_uniforms, np.float64, None),
        (fill_normals, np.float64, ndtr),
        (fill_words, np.uint32, None),
    ):
        out, counts = np.empty(chunk, kind), np.zeros(4096, np.int64)
        for _ in range(100):
            fill(stream, out)
            if kind is np.uint32:
                cells = out >> 20
            else:
                cells = ((out if law is None else law(out)) * 4096).astype(np.int64)
            counts += np.bincount(cells, minlength=4096)
        found = np.cumsum(counts)[:-1] / 1e8
        assert np.abs(found - place).max() <= gap


@compiled
def one_by_one(stream, out):
    """Fill out with uniforms, then normals, drawn one at a time."""
    for i in range(out.shape[1]):
        out[0, i] = streams.uniform(stream)
    for i in range(out.shape[1]):
        out[1, i] = streams.normal(stream)


def test_single_draws_are_those_of_the_buffer():
    """Each number of a buffer once, from its end; then the next pairs fill it again."""
    stream, twin = streams.opened(5), streams.opened(5)
    singles = np.empty((2, 600))
    one_by_one(stream, singles)
    for row, fill in zip(singles, (fill_uniforms, fill_normals), strict=True):
        expected = np.empty(768)
        for buffer in expected.reshape(3, 256):
            fill(twin, buffer)
        assert np.array_equal(row, expected.reshape(3, 256)[:, ::-1].ravel()[:600])


def products(one, other):
    """Assert that mean products of standardised numbers are as small as those of independent ones.

    Bernstein's bound for N products of numbers of size at most c with variance 1.
    """
    log, size = math.log(2 / ALPHA), np.abs(one).max() * np.abs(other).max()
    bound = math.sqrt(2 * log / one.size) + 2 * size * log / (3 * one.size)
    assert abs((one * other).mean()) <= bound


@pytest.mark.parametrize("which", ["neighbouring blocks", "neighbouring seeds", "one bit of a key"])
def test_streams_are_independent_of_each_other(which):
    """A thousand streams of 2,000 uniforms against the next one's, and their squares."""
    found = np.empty((1001, 2000))
    for k, row in enumerate(found):
        stream = streams.opened(7 if which == "neighbouring blocks" else 7 + k, k)
        if which == "neighbouring seeds":
            stream = streams.opened(7 + k, 0)
        elif which == "one bit of a key":
            stream = streams.opened(7, 0)
            stream.key[0] += np.uint64(k)
        fill_uniforms(stream, row)
    centred = math.sqrt(12) * (found - 0.5)
    squared = (centred**2 - 1) / math.sqrt(0.8)
    assert len(np.unique(found)) == found.size
    for values in (centred, squared):
        products(values[:-1], values[1:])
    products(centred[:-1], squared[1:])


def test_numbers_of_one_stream_are_independent():
    """Lanes: each half of a fill, halves of a pair, and lags up to 256; also the squares."""
    out = np.empty(2**20)
    fill_normals(streams.opened(3), out)
    squared = (out**2 - 1) / math.sqrt(2)
    for lag in (*range(1, 9), 16, 32, 64, 128, 256, out.size // 2):
        products(out[:-lag], out[lag:])
        products(squared[:-lag], squared[lag:])
        products(out[:-lag], squared[lag:])


def test_keys_come_from_seeds_and_generators():
    """The same stream for the same seed and key alone; of a generator, by its next numbers."""
    keys = [streams.opened(*path).key.tolist() for path in ((1,), (1, 0), (1, 0, 0), (2,), (1, 1))]
    assert len({tuple(key) for key in keys}) == 5
    assert streams.opened(1, 0).key.tolist() == keys[1]
    one, two = np.random.default_rng(0), np.random.default_rng(0)
    assert drawn_from(one).key.tolist() == drawn_from(two).key.tolist()
    assert drawn_from(one).key.tolist() != drawn_from(np.random.default_rng(0)).key.tolist()


def test_some_upcoming_uniforms():
    """They are those that come one by one, each once, whatever is asked for."""
    views, one = streams.opened(1), streams.opened(1)
    found = []
    for most in (1, 100, 200, 1000, 3):
        some = streams.upcoming(views, most).copy()
        assert 1 <= some.size <= most
        found.extend(some)
    singles = [streams.uniform(one) for _ in range(3 * streams.BUFFER)]

    assert len(found) < len(singles)
    assert sorted(found[: streams.BUFFER]) == sorted(singles[: streams.BUFFER])
    assert set(found) <= set(singles)
    assert len(set(found)) == len(found)
