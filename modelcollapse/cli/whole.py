"""Whole numbers on the command line: "2.5" is refused, not rounded."""

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter


def parsed(kind: Any, tokens: Sequence[Any]) -> int:
    """Return the whole number that an option's text is."""
    del kind
    text = str(tokens[0].value)
    try:
        return int(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not valid: give a whole number") from error


Whole = Annotated[int, Parameter(converter=parsed)]
MaybeWhole = Annotated[int | None, Parameter(converter=parsed)]
