"""Schedules in short forms: what they give, and what is said of those that cannot be read."""

from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelcollapse import InvalidInput
from modelcollapse.workflows import short_forms

FOUR = (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("text", "first", "values"),
    [
        ("double:10", 1, [10, 20, 40, 80]),
        ("double:10", 2, [5, 10, 20, 40]),
        ("10*2^t", 1, [20, 40, 80, 160]),
        ("10*2^(t-1)", 2, [10, 20, 40, 80]),
        ("100 - t*t", 1, [99, 96, 91, 84]),
        ("-t + 2^3^t", 1, [7, 510, 2**27 - 3, None]),
        ("1000*0.5^t", 1, [500, 250, 125, 62]),
        ("1.5*t", 1, [2, 3, 4, 6]),  # to the nearest whole number, halves to the even one
        ("(t)", 2, [1, 2, 3, 4]),
    ],
)
def test_functions_of_the_generation(text, first, values):
    """Doubling starts at the first entry; a formula's t is the generation."""
    found = short_forms.parse("samples", text, first)
    assert repr(found) == text
    for t, value in zip(FOUR, values, strict=True):
        if value is None:
            with pytest.raises(InvalidInput, match="at generation 4"):
                found(t)
        elif t >= first:
            assert found(t) == value
            assert type(found(t)) is int


def test_numbers_and_files(tmp_path):
    """A number, a list, and a column of a file with and without its name."""
    assert short_forms.parse("samples", "10") == 10
    assert short_forms.parse("samples", "10,20, 40") == [10, 20, 40]
    file = tmp_path / "a.csv"
    for head in ("", "rows\n", "# per month\nrows\n"):
        file.write_text(f"{head}10\n20\n\n40\n")
        assert short_forms.parse("samples", str(file)) == [10, 20, 40]
    for content, message in (
        ("", "no numbers"),
        ("rows\n", "no numbers"),
        ("rows\nmore\n1\n", "line 2"),
        ("1\nx\n", "line 2"),
        ("1\n2.5\n", "line 2"),
        ("1,2\n", "line 1"),
        ("1\nnan\n", "line 2"),
        ("inf\n", "line 1"),
        ("1_000\n", "line 1"),
    ):
        file.write_text(content)
        with pytest.raises(InvalidInput, match=message):
            short_forms.parse("samples", str(file))
    with pytest.raises(InvalidInput, match="cannot be read"):
        short_forms.parse("samples", str(tmp_path / "absent.csv"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "double:10"),
        ("x", "such as 10,20,40"),
        ("10.5", "whole number"),
        ("1e3", "whole number"),
        ("double:x", "whole number"),
        ("double:0.5", "whole number"),
        ("double:-1", "none below 0"),
        ("10**t", "a number is missing"),
        ("(t", "parenthesis"),
        ("t)", "one too many"),
        ("t t", "one too many"),
        ("2*", "ends too early"),
        ("10/t", "'/' is in no formula"),
        ("__import__('os')*t", "in no formula"),
        ("9^9^9^9", "no finite value"),
        ("(0-2)^0.5", "no finite value"),
        ("0^(0-t)", "no finite value"),
        ("10^13*t", "at most 1000000000000 rows"),
        ("t+" * 120 + "t", "at most 200 characters"),
    ],
)
def test_what_cannot_be_read(text, message):
    """The option, its value and the remedy are said."""
    with pytest.raises(InvalidInput, match="samples = ") as caught:
        short_forms.parse("samples", text)
    assert message in str(caught.value)


FORMULAS = st.recursive(
    st.one_of(st.integers(0, 9).map(str), st.just("t")),
    lambda part: st.one_of(
        st.tuples(part, st.sampled_from("+-*"), part).map(lambda x: f"({x[0]}{x[1]}{x[2]})"),
        st.tuples(part, st.integers(0, 3)).map(lambda x: f"({x[0]}^{x[1]})"),
        part.map(lambda x: f"(-{x})"),
    ),
    max_leaves=6,
)


@given(FORMULAS.map(lambda text: f"{text}+t"), st.integers(1, 5))
def test_a_formula_is_pythons(text, t):
    """Whole numbers are those of Python's own arithmetic."""
    expected = eval(text.replace("^", "**"), {"t": Fraction(t)})  # noqa: S307 - made above
    if not 0 <= expected <= 10**12 or len(text) > short_forms.MOST:
        with pytest.raises(InvalidInput):
            short_forms.Formula("samples", text, t)
    else:
        assert short_forms.Formula("samples", text, t)(t) == expected


@settings(max_examples=300)
@given(
    st.one_of(
        st.text("0123456789t+-*^().,double: ", max_size=20),
        st.text(max_size=10).filter(lambda text: not text.lower().endswith(".csv")),
    )
)
def test_any_text_is_a_schedule_or_is_refused(text):
    """Nothing else is raised."""
    with suppress(InvalidInput):
        found = short_forms.parse("samples", text)
        if callable(found):
            assert [found(t) >= 0 for t in range(1, 4)] == [True] * 3
