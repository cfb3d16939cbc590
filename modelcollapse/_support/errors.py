"""The errors that this package raises on purpose.

::

    ModelCollapseError
    ├── InvalidInput (also ValueError)      an argument, a file or a workflow is wrong
    │   └── WrongType (also TypeError)        something in an array or a table is no number
    ├── NoClosedForm (also KeyError)        the quantity has no exact prediction
    └── MissingDependency (also ImportError)  an optional package is not installed

Every message names the argument, shows its value and says what would be accepted.
"""

import difflib
from collections.abc import Iterable

MOST = 8  # names listed in a message
UNREAD: dict[type[OSError], str] = {
    FileNotFoundError: "check its name",
    IsADirectoryError: "give a file inside it",
    PermissionError: "give a file that you may read",
}


class ModelCollapseError(Exception):
    """Base class of all errors raised on purpose by this package."""

    def __str__(self) -> str:
        return printable(" ".join(str(a) for a in self.args))


class InvalidInput(ModelCollapseError, ValueError):  # noqa: N818 - says what it is
    """An argument, a file or a plugged-in object is not usable."""


class WrongType(InvalidInput, TypeError):  # noqa: N818 - says what it is
    """Something in an array or a table is no number."""


class NoClosedForm(ModelCollapseError, KeyError):  # noqa: N818 - says what it is
    """The requested quantity has no exact prediction; the message says why."""


class MissingDependency(ModelCollapseError, ImportError):  # noqa: N818 - says what it is
    """An optional package is needed and not installed."""


def printable(text: str) -> str:
    """Return text that a terminal shows and does not obey: what a file holds may be in it."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text
    )


def shown(value: object, most: int = 80) -> str:
    """Return a value for a message: on one line, and not longer than it helps."""
    try:
        text = " ".join(repr(value).split())  # of arrays and tables it has several lines
    except Exception:  # noqa: BLE001 - an object of anybody, or lists in lists without end
        text = object.__repr__(value)
    return text if len(text) <= most else text[: most - 3] + "..."


def invalid(name: str, value: object, allowed: str) -> InvalidInput:
    """Build the error for one argument: its name, its value, and what is allowed."""
    return InvalidInput(f"{name} = {shown(value)} is not valid: {allowed}")


def unknown(kind: str, value: object, known: Iterable[str]) -> InvalidInput:
    """Build the error for a name that does not exist, with the nearest names that do."""
    names = sorted(set(known))
    folded = {name.casefold(): name for name in names}
    asked = value.casefold() if type(value) is str else ""
    near = [folded[name] for name in difflib.get_close_matches(asked, folded, n=5, cutoff=0.4)]
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    known_names = ", ".join(names[:MOST]) + more if names else "none here"
    hint = f"did you mean {', '.join(near)}?" if near else f"known: {known_names}"
    return InvalidInput(f"unknown {kind} {shown(value)}; {hint}")


def why_unread(error: OSError) -> str:
    """Return why a file cannot be read, with the remedy."""
    reason = error.strerror or str(error) or type(error).__name__
    for kind, remedy in UNREAD.items():
        if isinstance(error, kind):
            return f"{reason}: {remedy}"
    return f"{reason}: give another file"


def missing(package: str, extra: str, purpose: str) -> MissingDependency:
    """Build the error for an optional package, with the command that installs it.

    In a clone that is an extra of this package; "" is of none.
    """
    there = f"in a clone, install it with: pip install '.[{extra}]'"
    remedy = there if extra else f"install it with: pip install {package}"
    return MissingDependency(f"{purpose} needs {package}, which is not installed; {remedy}")
