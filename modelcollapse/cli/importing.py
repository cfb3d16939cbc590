"""Classes and objects of one's own, by the name that they are imported by."""

import importlib
from typing import Any

from modelcollapse._support.errors import InvalidInput, unknown
from modelcollapse.loop.estimators import brief


def imported(kind: str, path: str, known: list[str]) -> Any:
    """Return what ``module.Name`` or ``module:Name`` stands for.

    Parameters
    ----------
    kind
        The option that it is given for.
    path
        The name.
    known
        What may be given instead, for the message where there is no module in the name.

    Raises
    ------
    InvalidInput
        If there is no such module, or nothing of that name in it.
    """
    module, _, name = path.replace(":", ".").rpartition(".")
    if not module:
        raise unknown(kind, path, known)
    try:
        found = importlib.import_module(module)
    except (Exception, SystemExit) as error:  # the module's own code runs, and may do anything
        raise InvalidInput(f"{kind} = {path!r} cannot be imported: {brief(error)}") from error
    if not hasattr(found, name):
        raise unknown(f"{kind} in {module}", name, [n for n in dir(found) if n[:1].isupper()])
    return getattr(found, name)


def instance(kind: str, path: str) -> Any:
    """Return what a name stands for; of a class, an object without arguments."""
    found = imported(kind, path, [f"your_module:Your{kind.capitalize()}"])
    if not isinstance(found, type):
        return found
    try:
        return found()
    except Exception as error:  # of a class of anybody
        raise InvalidInput(
            f"{kind} = {path!r} is a class that cannot be made without arguments "
            f"({brief(error)}): give the name of an object in its module"
        ) from error
