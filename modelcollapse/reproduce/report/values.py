"""Values read from JSON: each function returns one in the wanted type, or raises ValueError."""

import json
import math
import reprlib
from pathlib import Path
from typing import Any, NoReturn

INFINITE = {"inf": math.inf, "-inf": -math.inf}


def document(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read, or is something else.
    """
    try:
        return mapping(json.loads(path.read_bytes(), parse_constant=_constant))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def entry(item: dict[str, Any], name: str) -> Any:
    """Return what an object has under a name."""
    if name not in item:
        raise ValueError(f"it lacks {name!r}")
    return item[name]


def mapping(value: Any) -> dict[str, Any]:
    """Return an object."""
    return value if isinstance(value, dict) else _wrong(value, "an object")


def sequence(value: Any) -> list[Any]:
    """Return a list."""
    return value if isinstance(value, list) else _wrong(value, "a list")


def text(value: Any) -> str:
    """Return a string."""
    return value if isinstance(value, str) else _wrong(value, "text")


def truth(value: Any) -> bool:
    """Return true or false."""
    return value if isinstance(value, bool) else _wrong(value, "true or false")


def whole(value: Any) -> int:
    """Return a whole number, at least zero."""
    right = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return int(value) if right else _wrong(value, "a whole number")


def number(value: Any) -> float:
    """Return a number; infinities are the strings "inf" and "-inf", and NaN is null."""
    if value is None:
        return math.nan
    if isinstance(value, str) and value in INFINITE:
        return INFINITE[value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        _wrong(value, "a number")
    try:
        return float(value)
    except OverflowError:
        _wrong(value, "a number that a float can hold")


def truths(value: Any) -> dict[str, bool]:
    """Return an object of truth values."""
    return {name: truth(item) for name, item in mapping(value).items()}


def numbers(value: Any) -> dict[str, float]:
    """Return an object of numbers."""
    return {name: number(item) for name, item in mapping(value).items()}


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _wrong(value: Any, wanted: str) -> NoReturn:
    raise ValueError(f"{reprlib.repr(value)} is not {wanted}")
