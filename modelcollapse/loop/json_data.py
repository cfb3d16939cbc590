"""Any value as strict JSON data, which tell it from others of its type.

Infinities are text; arrays are their shape and digest; functions are their name or their code; an
object is what it says of itself, or what pickle would keep of it. What says nothing of itself is
marked "unidentified", and is equal to itself alone.
"""

import hashlib
import json
import math
import secrets
import sys
from collections.abc import Callable
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, NoneType
from typing import Any

import numpy as np

from modelcollapse._support.state import is_cached
from modelcollapse.loop.estimators import accepts

Inside = Callable[[Any], Any]
_ALONE: dict[int, tuple[Any, str]] = {}  # holds the objects, so that no other one gets their ids


def canonical(data: Any) -> str:
    """Return plain data as text that does not depend on the order of keys."""
    return json.dumps(data, sort_keys=True, allow_nan=False)


def of_metric(metric: Any) -> Any:
    """Return what a measure of a run is: its name or its code, not what it has collected."""
    inside = partial(_inner, 0, ())
    code = getattr(metric, "__code__", None)
    return _named(metric) or (_instructions(code, inside) if code else _class(type(metric)))


def plain(value: Any, generations: int, above: tuple[int, ...] = ()) -> Any:
    """Return any value as strict JSON data: other data for other values of its type.

    Parameters
    ----------
    value
        Any object.
    generations
        T: what depends on the generation describes itself up to it.
    above
        The ids of the objects that hold this one.
    """
    if isinstance(value, np.generic):
        value = value.item()
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value + 0.0 if math.isfinite(value) else str(value)
    if id(value) in above:
        return {"holder": len(above) - above.index(id(value))}
    return _composed(value, generations, partial(_inner, generations, (*above, id(value))))


def _inner(generations: int, above: tuple[int, ...], part: Any) -> Any:
    return plain(part, generations, above)


def _composed(value: Any, generations: int, inside: Inside) -> Any:
    """Return what a value consists of, its parts being told by `inside`."""
    kind = type(value)
    if kind in (list, tuple):
        return [inside(part) for part in value]
    if kind is dict and all(type(key) is str for key in value):
        return {key: inside(part) for key, part in value.items()}
    if kind in (dict, set, frozenset):
        parts = value.items() if kind is dict else value
        return {kind.__name__: sorted(map(inside, parts), key=canonical)}
    if kind is bytes:
        return {"bytes": len(value), "sha256": hashlib.sha256(value).hexdigest()}
    if kind is np.ndarray and not value.dtype.hasobject:
        return _digest(value)
    return _object(value, generations, inside)


def _object(value: Any, generations: int, inside: Inside) -> Any:
    """Return what tells an object apart: its name, its numbers, its words, or its parts."""
    if isinstance(value, (FunctionType, BuiltinFunctionType, type)):
        return _named(value) or _code(value, inside) or _alone(value)
    if (said := _said(value, generations)) is not _NOTHING:
        return inside(said)
    return _state(value, inside) or _alone(value)


_NOTHING = object()


def _said(value: Any, generations: int) -> Any:
    """Return what an object says of itself, with its class where that is not this package's.

    What a class of this package says does not hold for one that extends it.
    """
    kind = type(value)
    says = next((c for c in kind.__mro__ if "described" in vars(c)), None)
    if says is None or not callable(value.described) or _ours(says) > _ours(kind):
        return _NOTHING
    timed = accepts(value.described, "generations")
    said = value.described(generations) if timed else value.described()
    if _ours(kind):
        return said
    return {**(said if isinstance(said, dict) else {"described": said}), "class": _class(kind)}


def _ours(kind: type) -> bool:
    return kind.__module__.split(".")[0] == "modelcollapse" and _named(kind) is not None


def _class(kind: type) -> Any:
    named = _named(kind)
    return named["name"] if named else _alone(kind)


def _named(value: Any) -> dict[str, str] | None:
    """Return the name under which a function or a class is found, if it is."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
    found: Any = sys.modules.get(str(module))
    for part in name.split("."):
        found = getattr(found, part, None)
    return {"name": f"{module}.{name}"} if found is value else None


def _code(function: Any, inside: Inside) -> dict[str, Any] | None:
    """Return what a function consists of that is not found by its name: a lambda, say."""
    code = getattr(function, "__code__", None)
    if code is None:
        return None
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    held = [function.__defaults__, function.__kwdefaults__, cells]
    return {"code": _instructions(code, inside), "holds": inside(held)}


def code_of(value: Any) -> str:
    """Return a digest of a function's or of a class's own code, or "" of this package's.

    A name does not say what is behind it: its owner may have changed it.
    """
    kinds = type(value).__mro__ if not isinstance(value, FunctionType) else ()
    members = [(value.__name__, value)] if isinstance(value, FunctionType) else []
    for kind in kinds:
        if kind.__module__ != "builtins" and not kind.__module__.startswith("modelcollapse."):
            members += sorted(vars(kind).items())
    found = []
    for name, member in members:
        plain_one = getattr(member, "fget", None) or getattr(member, "__func__", member)
        if (code := getattr(plain_one, "__code__", None)) is not None:
            found.append([name, _instructions(code, partial(_inner, 0, ()))])
    return hashlib.sha256(canonical(found).encode()).hexdigest()[:12] if found else ""


def _instructions(code: CodeType, inside: Inside) -> list[Any]:
    constants = [
        _instructions(part, inside) if isinstance(part, CodeType) else inside(part)
        for part in code.co_consts
    ]
    digest = hashlib.sha256(code.co_code).hexdigest()
    return [digest, constants, list(code.co_names), list(code.co_varnames)]


def _state(value: Any, inside: Inside) -> dict[str, Any] | None:
    """Return what an object consists of: its options as in scikit-learn, or what pickle keeps."""
    kind = type(value)
    if hasattr(value, "get_params"):
        return {"class": _class(kind), "parameters": inside(value.get_params(deep=False))}
    try:
        reduced = value.__reduce_ex__(2)
    except Exception:  # noqa: BLE001 - it cannot be pickled
        return None
    if isinstance(reduced, str):
        return {"name": f"{kind.__module__}.{reduced}"}
    _, given, state, *items = (*reduced, None, None, None)[:5]
    if isinstance(state, tuple) and all(isinstance(part, (dict, NoneType)) for part in state):
        state = {k: v for part in state if part for k, v in part.items()}  # and the slots
    if isinstance(state, dict):
        # Not what is computed from the others, nor what a fit has learned.
        learned = "_" if hasattr(value, "fit") else "\0"
        state = _settings(kind) | {
            key: part
            for key, part in state.items()
            if not (str(key).endswith(learned) or is_cached(kind, str(key)))
        }
    rest = [list(part) if part is not None else None for part in items]
    told = {"class": _class(kind), "parameters": inside({} if state is None else state)}
    more = [part for part in given if part is not kind]
    return told | ({"made of": inside([more, *rest])} if more or any(rest) else {})


def _settings(kind: type) -> dict[str, Any]:
    """Return the numbers and texts that the classes of a package of one's own hold."""
    own = [c for c in reversed(kind.__mro__) if not _ours(c) and c is not object]
    return {
        name: value
        for c in own
        for name, value in vars(c).items()
        if type(value) in (bool, int, float, str) and not name.startswith("__")
    }


def _digest(array: Any) -> dict[str, Any]:
    """Return what tells an array apart, whatever its layout in memory; a zero has no sign."""
    unsigned = array + 0.0 if array.dtype.kind == "f" else array
    ordered = np.ascontiguousarray(unsigned, array.dtype.newbyteorder("<"))
    return {
        "shape": list(array.shape),
        "type": array.dtype.name,
        "sha256": hashlib.sha256(ordered.tobytes()).hexdigest(),
    }


def _alone(value: Any) -> dict[str, str]:
    """Return data that are of one object alone, in one process alone."""
    kind = value if isinstance(value, (type, FunctionType)) else type(value)
    _, token = _ALONE.setdefault(id(value), (value, secrets.token_hex(8)))
    return {"unidentified": f"{kind.__module__}.{kind.__qualname__}", "object": token}
