"""What a room gathers the parts of its prediction in."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, TypeVar

from modelcollapse._support.errors import NoClosedForm

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Lazy, Route

T = TypeVar("T")


def given(values: Mapping[str, T]) -> dict[str, Callable[[], T]]:
    """Return routes to values that are there."""
    return {name: partial(_value, value) for name, value in values.items()}


def each(found: Callable[[], Mapping[str, T]], names: Iterable[str]) -> dict[str, Callable[[], T]]:
    """Return routes to some entries of a mapping, which is computed once, at the first look."""
    once = cache(found)
    return {name: partial(_entry, once, name) for name in names}


def decided(found: Mapping[str, Callable[[], T]]) -> "Lazy[T]":
    """Return what is known of some entries, and why the others are not."""
    from modelcollapse.loop.experiment import Lazy

    values, reasons = dict[str, T](), dict[str, str]()
    for name, route in found.items():
        try:
            values[name] = route()
        except NoClosedForm as error:
            reasons[name] = str(error)
    return Lazy(given(values), reasons)


def _value(value: T) -> T:
    return value


def _entry(found: Callable[[], Mapping[str, T]], name: str) -> T:
    return found()[name]


class Parts:
    """Routes to quantities and to their variances and laws, and why there is none.

    Attributes
    ----------
    routes, spreads, laws
        The function that computes each expectation, variance over replicates, or law.
    reasons, spread_reasons, law_reasons
        For each name without one, why.
    notes
        Why a value is infinite.
    """

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self.reasons: dict[str, str] = {}
        self.spreads: dict[str, Route] = {}
        self.spread_reasons: dict[str, str] = {}
        self.laws: dict[str, Route] = {}
        self.law_reasons: dict[str, str] = {}
        self.notes: dict[str, str] = {}
