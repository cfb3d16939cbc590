"""Whole numbers on the command line: "2.5" is refused, not rounded."""

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter

LARGEST = 2**53  # up to which floats are exact


def parsed(kind: Any, tokens: Sequence[Any]) -> int:
    """Return the whole number that an option's text is."""
    del kind
    text = str(tokens[0].value)
    try:
        return int(text)
    except ValueError as error:
        meant = _meant(text.replace(",", ""))
        raise ValueError(f"{text!r} is not valid: give a whole number{meant}") from error


def _meant(text: str) -> str:
    """Return the whole number that a text such as 5e4 is, as an example."""
    try:
        value = float(text)
    except ValueError:
        return ""
    return f", such as {value:.0f}" if value.is_integer() and abs(value) < LARGEST else ""


Whole = Annotated[int, Parameter(converter=parsed)]
MaybeWhole = Annotated[int | None, Parameter(converter=parsed)]
