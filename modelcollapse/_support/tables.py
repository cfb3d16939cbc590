"""What is an array or a table of numbers, whichever library made it, and why the rest is none.

None of those libraries is imported here: their objects are told by what they offer.
"""

import datetime as dt
import decimal
import numbers
from collections.abc import Sequence
from itertools import chain
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

KINDS = {
    "b": "truth values: write them as 0 and 1",
    "c": "complex numbers (Complex data not supported)",
    "M": "dates",
    "m": "durations",
    "S": "text",
    "T": "text",
    "U": "text",
}
MISSING = {"NoneType", "NAType", "NaTType", "MaskedConstant"}  # of which library ever
DEEPEST = 64  # NumPy's most dimensions
Labels = list[Any]


class NoNumbersError(TypeError):
    """Something else than numbers: what it is, where it stands, and why it is none.

    `place` is what follows the value's name, such as "['age']" for a column, or is empty.
    """

    def __init__(self, why: str, found: object, place: str = "") -> None:
        super().__init__(why)
        self.why, self.found, self.place = why, found, place

    def __reduce__(self) -> Any:
        return NoNumbersError, (self.why, self.found, self.place)

    def inside(self, place: str) -> "NoNumbersError":
        """Return the same for something that the value is a part of."""
        return NoNumbersError(self.why, self.found, place + self.place)


def is_number(value: object, kind: type = numbers.Real) -> bool:
    """Return whether a value is one number; truth values and durations call themselves whole."""
    return isinstance(value, kind) and not isinstance(value, (bool, np.bool_, np.timedelta64))


def of_numbers(value: Any) -> tuple[npt.NDArray[Any], Labels | None]:
    """Return an array of real numbers of any type and shape, and the labels of its columns.

    Parameters
    ----------
    value
        A number, an array, a masked array that masks nothing, a tensor, a column or a data frame
        of any library, or nested sequences of these. Data frames alone have labels.

    Raises
    ------
    NoNumbersError
        If there is anything in it that is not a real number.
    """
    value = framed(value)
    columns = columns_of(value)
    if columns is None:
        return _array(value), None
    found = [_column(label, column) for label, column in columns]
    labels = [label for label, _ in columns]
    return np.column_stack(found) if found else np.empty((len(value), 0)), labels


def framed(value: Any) -> Any:
    """Return what only says that it is a stream of Arrow, such as a query, as a data frame."""
    if not hasattr(value, "__arrow_c_stream__") or hasattr(value, "__array__"):
        return value
    import narwhals as nw

    for library in ("polars", "pyarrow"):
        try:
            return nw.from_arrow(value, backend=library).to_native()
        except ModuleNotFoundError:
            continue
    return value


def columns_of(frame: Any) -> list[tuple[Any, Any]] | None:
    """Return the labels and columns of a data frame."""
    if isinstance(frame, np.ndarray):
        return None
    if all(hasattr(frame, name) for name in ("items", "columns", "dtypes")):  # pandas
        return list(frame.items())
    if hasattr(frame, "iter_columns"):  # polars
        return [(column.name, column) for column in frame.iter_columns()]
    if hasattr(frame, "itercolumns"):  # Arrow
        return list(zip(frame.schema.names, frame.itercolumns(), strict=True))
    return None


def _column(label: Any, column: Any) -> npt.NDArray[Any]:
    try:
        array = _array(column)
    except NoNumbersError as error:
        raise error.inside(f"[{label!r}]") from error
    if array.ndim != 1:
        raise NoNumbersError("it holds lists", column, f"[{label!r}]")
    return as_floats(array)


def _array(value: Any) -> npt.NDArray[Any]:
    """Return a value that is no data frame as an array of real numbers."""
    array = value if type(value) is np.ndarray else _unwrapped(value)
    if array.dtype.kind in "iuf":
        return array
    if array.dtype.kind == "O":
        return _objects(array)
    if array.dtype.kind in "STU" and array.size and array.ndim:
        _refuse(str(array.ravel()[0]), "[" + ", ".join("0" * array.ndim) + "]")
    raise NoNumbersError(f"it holds {KINDS.get(array.dtype.kind, array.dtype)}", value)


def _unwrapped(value: Any) -> npt.NDArray[Any]:
    """Return what a library wraps as an array of NumPy, if nothing is lost by it."""
    missing = _missing(value)
    if missing:
        raise NoNumbersError(f"{missing} of its entries are masked or missing", value)
    if isinstance(value, np.ma.MaskedArray):
        value = value.data
    if hasattr(value, "tocsr"):  # SciPy's
        raise NoNumbersError("it is a sparse array: give X.toarray()", value)
    try:
        if hasattr(value, "detach"):
            return _tensor(value)
        if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
            return _listed(value)
        return np.asarray(value)
    except NoNumbersError:
        raise
    except Exception as error:  # every library raises its own
        reason = " ".join(str(error).split())[:160]
        raise NoNumbersError(f"no array of numbers can be made of it: {reason}", value) from error


def _missing(value: Any) -> int:
    """Return the entries that an array of NumPy would have no place for."""
    if isinstance(value, np.ma.MaskedArray):
        return int(np.count_nonzero(np.ma.getmaskarray(value)))
    nulls = getattr(value, "null_count", 0)  # of polars and Arrow
    nulls = nulls() if callable(nulls) else nulls
    return int(nulls) if is_number(nulls, numbers.Integral) else 0


def _tensor(value: Any) -> npt.NDArray[Any]:
    """Return a tensor's numbers, without its gradient."""
    plain = value.detach().cpu()
    try:
        return np.asarray(plain.numpy())
    except TypeError:
        if not plain.is_floating_point():
            raise
        return np.asarray(plain.double().numpy())  # NumPy has no such floats


def _listed(value: Sequence[Any]) -> npt.NDArray[Any]:
    """Return nested sequences as an array; NumPy alone takes a truth value among numbers for 1."""
    if all(_is_real(kind) for kind in _kinds(value)):
        try:
            return np.asarray(value)
        except ValueError as error:
            raise NoNumbersError("it has rows of different lengths", value) from error
    return np.asarray([_entry(i, each) for i, each in enumerate(value)])


def _kinds(value: Sequence[Any]) -> set[type]:
    """Return the types of what nested lists and tuples hold."""
    kinds: set[type] = set()
    for _ in range(DEEPEST):
        found = set(map(type, value))
        kinds |= found - {list, tuple}
        if not found & {list, tuple}:
            break
        value = list(chain.from_iterable(each for each in value if type(each) in {list, tuple}))
    return kinds


def _entry(i: int, each: Any) -> Any:
    """Return an entry of a sequence: a number, or an array."""
    if _is_real(type(each)):
        return each
    if isinstance(each, (str, bytes)) or not (hasattr(each, "__len__") or hasattr(each, "dtype")):
        _refuse(each, f"[{i}]")
    try:
        return of_numbers(each)[0]
    except NoNumbersError as error:
        raise error.inside(f"[{i}]") from error


def _objects(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an array of Python's objects as floats, if each of them is a real number."""
    if not all(map(_is_real, set(map(type, array.ravel().tolist())))):
        where = next(i for i in np.ndindex(array.shape) if not _is_real(type(array[i])))
        _refuse(array[where], f"[{', '.join(map(str, where))}]" if where else "")
    try:
        return as_floats(array)
    except (OverflowError, ValueError) as error:
        raise NoNumbersError("a number in it is no float, or larger than any", array) from error


def _is_real(kind: type) -> bool:
    allowed = (numbers.Real, decimal.Decimal)
    return issubclass(kind, allowed) and not issubclass(kind, (bool, np.bool_, np.timedelta64))


def _refuse(entry: object, place: str) -> NoReturn:
    kind = type(entry).__name__
    if kind in MISSING:
        why = "it is missing"
    elif isinstance(entry, (str, bytes)):
        why = "it is text"
    elif isinstance(entry, (bool, np.bool_)):
        why = "it is a truth value: write it as 0 or 1"
    elif isinstance(entry, (dt.date, dt.time, dt.timedelta)):
        why = "it is a date or a time"
    else:
        why = f"it is of type {kind}, and an argument must be no string or object but a number"
    raise NoNumbersError(why, entry, place)


def as_floats(array: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return real numbers as floats."""
    with np.errstate(over="ignore"):  # then it is infinite, which is told
        return np.asarray(array, dtype=np.float64)
