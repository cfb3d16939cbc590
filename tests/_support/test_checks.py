"""The checks of arguments, one by one: what each returns, and what it refuses."""

from fractions import Fraction

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse._support import checks

NO_NUMBERS = ("1", None, True, np.True_, [1], 1j)


@pytest.mark.parametrize("value", [2, np.int64(2), np.uint8(2)])
def test_whole_numbers_of_any_type_are_ints(value):
    """At the least allowed value, which is 1 unless it is said."""
    for found in (checks.whole("n", value), checks.whole("n", value, minimum=2)):
        assert found == 2
        assert type(found) is int
    assert checks.whole("n", 1) == 1
    with pytest.raises(mc.InvalidInput, match=r"n = .*a whole number, at least 3"):
        checks.whole("n", value, minimum=3)


@pytest.mark.parametrize("value", [*NO_NUMBERS, 2.0, 0, -1])
def test_what_is_no_whole_number(value):
    """Neither floats nor truth values, nor numbers below the least."""
    with pytest.raises(mc.InvalidInput, match=r"n = .*a whole number, at least 1"):
        checks.whole("n", value)


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (checks.positive, [5e-324, 1, 1.5, 1e308], [0, 0.0, -0.5, np.inf, np.nan]),
        (checks.fraction, [5e-324, 0.5, 1 - 2**-53], [0, 1, 1.0, -0.5, 2, np.inf, np.nan]),
    ],
)
def test_ranges_of_floats(check, right, wrong):
    """Their ends are not in them; every real type becomes a float of the same value."""
    for value in (*right, Fraction(1, 2), np.float32(0.5)):
        found = check("x", value)
        assert type(found) is float
        assert found == value
    for value in (*NO_NUMBERS, *wrong):
        with pytest.raises(mc.InvalidInput, match="x = "):
            check("x", value)


def test_rows_are_a_table_of_floats():
    """One column stands for itself; whole numbers become floats."""
    assert checks.rows("X", [[1, 2], [3, 4]]).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    column = checks.rows("X", (1, 2, 3), minimum=3)
    assert column.dtype == np.float64
    assert column.tolist() == [[1.0], [2.0], [3.0]]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("abc", "X = 'abc' is not valid: give an array of numbers"),
        ([[1], [2, 3]], "give an array of numbers"),
        (1.0, r"array of shape \(\)"),
        (np.zeros((2, 2, 2)), r"array of shape \(2, 2, 2\)"),
        (np.zeros((3, 0)), r"X has 0 feature\(s\) \(shape=\(3, 0\)\)"),
        ([1.0], "array of 1 row.*give at least 2 rows"),
        ([[0, 1], [2, np.nan], [np.inf, 5]], r"X\[1, 1\] = nan .*\(2 are\)"),
    ],
)
def test_what_is_no_table_of_rows(value, message):
    """The message names the shape, or the first entry that is not finite and how many."""
    with pytest.raises(mc.InvalidInput, match=message):
        checks.rows("X", value, minimum=2)


def test_shares_are_equal_or_proportional():
    """They sum to one, also where the sum of the weights is beyond the largest float."""
    assert checks.shares(None, 4).tolist() == [0.25] * 4
    assert checks.shares([3, 0, 1], 3).tolist() == [0.75, 0.0, 0.25]
    assert checks.shares([1e308, 1e308], 2).tolist() == [0.5, 0.5]
    assert checks.shares([5e-324], 1).tolist() == [1.0]


@pytest.mark.parametrize(
    "weights",
    [
        [1.0],
        [1.0, 1.0, 1.0],
        [[0.5], [0.5]],
        [1, -1],
        [0, 0],
        [1, np.nan],
        [1, np.inf],
        "ab",
        [{}] * 2,
    ],
)
def test_what_are_no_shares(weights):
    """Another number of them, negative or infinite ones, or none above zero."""
    with pytest.raises(mc.InvalidInput, match=r"sample_weight.* = .*give 2 "):
        checks.shares(weights, 2)


def test_columns_are_counted():
    """The rows come back as they are, or both numbers are named."""
    X = np.zeros((3, 2))
    assert checks.columns(X, 2, 2) is X
    with pytest.raises(mc.InvalidInput, match="X has 2 columns and dim = 3"):
        checks.columns(X, 3, 3)
    with pytest.raises(mc.InvalidInput, match="X has 2 columns and dim = 3, which needs 4"):
        checks.columns(X, 4, 3)


def test_a_formula_gets_the_model_that_it_is_about():
    """Of an experiment; anything else is named with the kind that is wanted."""
    e = mc.Experiment(mc.Gaussian(), mc.Replace())
    assert checks.model_of(e, mc.Gaussian) is e.model
    with pytest.raises(mc.InvalidInput, match=r"e = Gaussian.*whose model is a KDE"):
        checks.model_of(e, mc.KDE)
    with pytest.raises(mc.InvalidInput, match=r"loop = 3 .*whose model is a KDE"):
        checks.model_of(3, mc.KDE, "loop")


@pytest.mark.parametrize(
    "samples", [7, np.int64(7), [7, 7, 7], (7, 7, 7, 9), np.array([7, 7, 7]), lambda t: 6 + t // t]
)
def test_sizes_of_batches(samples):
    """A number, a schedule that is long enough, or a function of the generation."""
    sizes = checks.sizes(samples, 3)
    assert sizes.dtype == np.int64
    assert sizes.tolist() == [7, 7, 7]


def test_a_function_of_the_generation_counts_from_one():
    """As do the generations."""
    assert checks.sizes(lambda t: t, 4).tolist() == [1, 2, 3, 4]
    assert checks.sizes(checks.LARGEST_BATCH, 1).tolist() == [10**12]


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([3, 4], "2 sizes and the loop has 3 generations"),
        ([3, 0, 4], r"samples\[1\] = 0"),
        (lambda t: 2 - t, r"samples\(2\) = 0"),
        (lambda: 3, "a function of the generation that returns a number"),
        (0, "samples = 0"),
        ("333", "samples = '333'"),
        (2.0, "samples = 2.0"),
        ([1, 10**12 + 1, 1], "a batch has at most 1000000000000 rows"),
    ],
)
def test_what_are_no_sizes(samples, message):
    """The message names the generation, or the lengths."""
    with pytest.raises(mc.InvalidInput, match=message):
        checks.sizes(samples, 3)
