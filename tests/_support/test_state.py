"""Objects without what they have computed of themselves."""

from dataclasses import dataclass
from functools import cached_property

from modelcollapse._support.state import bare, is_cached, state


@dataclass(frozen=True)
class Square:
    """A number that knows its square."""

    side: int

    @cached_property
    def area(self):
        """The square."""
        return self.side**2

    @property
    def double(self):
        """Twice the number."""
        return 2 * self.side


def test_only_cached_properties_are_computed_once():
    """Not plain ones, nor attributes, nor names that there are none of."""
    assert [is_cached(Square, name) for name in ("area", "double", "side", "none")] == [
        True,
        False,
        False,
        False,
    ]


def test_what_was_computed_is_left_out():
    """The object keeps it; the copy computes it again."""
    square = Square(3)
    assert bare(square) is square
    assert square.area == 9

    other = bare(square)
    assert state(square) == vars(other) == {"side": 3}
    assert "area" in vars(square)
    assert (other, other.area) == (square, 9)


def test_what_has_no_attributes_stays_itself():
    """Numbers, classes and functions."""
    for value in (3, None, "a", Square, len, [1]):
        assert bare(value) is value
