"""A parameter of a workflow that may be another one in each generation."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, TypeVar

from modelcollapse._support.checks import called, listed
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse._support.tables import is_number

N = TypeVar("N", int, float)
Check = Callable[[str, Any], N]


def settled(name: str, given: Any, check: Check[N]) -> Any:
    """Return a number, a callable of the generation, or a tuple of checked numbers.

    Raises
    ------
    InvalidInput
        If it is none of these, or a number does not pass the check.
    """
    if isinstance(given, (str, bytes, Mapping, AbstractSet)):
        raise invalid(name, given, "give a number, a sequence or a callable")
    if is_number(given):
        return check(name, given)
    if callable(given):
        return given
    return tuple(check(f"{name}[{i}]", each) for i, each in enumerate(listed(name, given)))


def at(name: str, given: Any, generation: int, first: int, check: Check[N]) -> N:
    """Return what is given for a generation; a sequence starts with generation `first`."""
    if callable(given):
        return check(f"{name}({generation})", called(name, given, generation))
    if not isinstance(given, tuple):
        return check(name, given)
    place = generation - first
    if place >= len(given):
        raise InvalidInput(
            f"{name} has {len(given)} entries, the first for generation {first}, and generation "
            f"{generation} needs one more: give one for each, or fewer generations"
        )
    return check(name, given[place])


def told(name: str, given: Any, generations: int, first: int, check: Check[N]) -> Any:
    """Return the parameter as plain data up to generation T; a function by its numbers."""
    if callable(given):
        return [at(name, given, t, first, check) for t in range(first, generations + 1)]
    return list(given[: generations - first + 1]) if isinstance(given, tuple) else given
