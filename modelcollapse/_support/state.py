"""What an object consists of, without what it has computed of itself at the first look."""

from functools import cached_property
from inspect import getattr_static
from typing import Any


def is_cached(kind: type, name: str) -> bool:
    """Return whether a class computes an attribute from the others, once."""
    return isinstance(getattr_static(kind, name, None), cached_property)


def state(value: Any) -> dict[str, Any]:
    """Return an object's attributes without the computed ones, as pickle is to keep them."""
    return {k: part for k, part in vars(value).items() if not is_cached(type(value), k)}


def bare(value: Any) -> Any:
    """Return an object without its computed attributes: a copy, where it has any."""
    if not hasattr(value, "__dict__") or isinstance(value, type):
        return value
    kept = state(value)
    if len(kept) == len(vars(value)):
        return value
    copied = object.__new__(type(value))
    copied.__dict__.update(kept)
    return copied
