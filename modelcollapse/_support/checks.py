"""Checks of arguments: each returns the value in the wanted type or raises InvalidInput."""

import math
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from modelcollapse._support.errors import InvalidInput, WrongType, invalid, shown, unknown
from modelcollapse._support.memory import require
from modelcollapse._support.tables import Labels, NoNumbersError, as_floats, is_number, of_numbers
from modelcollapse._support.words import many

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
LARGEST = float(np.finfo(np.float64).max)
LARGEST_BATCH = 10**12
HELD = 200.0  # bytes of a generation: its size, and a number for each of some quantities
Samples = int | Sequence[int] | Callable[[int], int]
P = ParamSpec("P")
R = TypeVar("R")


def whole(name: str, value: object, minimum: int = 1) -> int:
    """Return `value` as an int that is at least `minimum`."""
    if not is_number(value, numbers.Integral) or int(value) < minimum:  # type: ignore[call-overload]
        raise invalid(name, value, f"give a whole number, at least {minimum}")
    return int(value)  # type: ignore[call-overload,no-any-return]


def optional(check: Callable[[str, Any], R], name: str, value: Any) -> R | None:
    """Return None, or what a check makes of the value."""
    return None if value is None else check(name, value)


def row_count(name: str, value: object) -> int:
    """Return a number of rows to draw: at least 1, and not beyond what a batch can have."""
    count = whole(name, value)
    if count > LARGEST_BATCH:
        raise invalid(name, value, f"give at most {LARGEST_BATCH} rows")
    return count


def processes(jobs: object) -> int:
    """Return a number of processes; -1 stands for all cores."""
    remedy = "give a whole number, at least 1, or -1 for all cores"
    count = whole("jobs", jobs, -1)
    if count == -1 or 1 <= count < 2**15:
        return count
    raise invalid("jobs", jobs, remedy)


def number(
    name: str,
    value: Any,
    minimum: float = -LARGEST,
    maximum: float = LARGEST,
    remedy: str = "give a finite number",
) -> float:
    """Return `value` as a finite float between two bounds, both allowed."""
    try:
        given = float(value) if is_number(value) else math.nan
    except OverflowError:  # a whole number that no float is
        given = math.inf
    if not minimum <= given <= maximum:
        raise invalid(name, value, remedy)
    return given


def truth_value(name: str, value: object) -> bool:
    """Return `value` if it is True or False, and nothing that merely counts as one of them."""
    if not isinstance(value, bool):
        raise invalid(name, value, "give true or false")
    return value


def positive(name: str, value: object) -> float:
    """Return `value` as a finite float above zero."""
    return number(name, value, math.ulp(0.0), remedy="give a finite number above 0")


def fraction(name: str, value: object) -> float:
    """Return `value` as a float strictly between 0 and 1."""
    remedy = "give a number strictly between 0 and 1"
    return number(name, value, math.ulp(0.0), math.nextafter(1.0, 0.0), remedy)


def one_of(name: str, value: object, known: Sequence[Any], remedy: str = "") -> Any:
    """Return which of some numbers or texts `value` is."""
    plain = isinstance(value, (str, numbers.Real)) and not isinstance(value, (bool, np.bool_))
    for one in known if plain else ():
        if value == one:
            return one
    raise invalid(name, value, remedy or f"give {' or '.join(map(repr, known))}")


def named(kind: str, value: object, known: Iterable[str]) -> str:
    """Return a name that is known."""
    names = list(known)
    if not isinstance(value, str) or value not in names:
        raise unknown(kind, value, names)
    return value


def listener(value: Any, what: str) -> Callable[[int], None]:
    """Return the function that hears of the progress; None hears of nothing."""
    if value is not None and not callable(value):
        raise invalid("progress", value, f"give a function of the {what} finished since")
    return value or (lambda _: None)


def generator(random_state: Any) -> np.random.Generator:
    """Return the generator that a `random_state` says: None is one of its own."""
    if isinstance(random_state, np.random.RandomState):  # NumPy 1.26 does not take it
        return np.random.Generator(random_state._bit_generator)  # noqa: SLF001
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError) as error:
        remedy = "give None, a whole number that is not negative, or a Generator of NumPy"
        raise invalid("random_state", random_state, remedy) from error


def as_path(name: str, value: Any, remedy: str = "give the path of a file") -> Path:
    """Return `value` as a path."""
    try:
        return Path(value)
    except TypeError as error:
        raise invalid(name, value, remedy) from error


def require_fit(model: Any, learned: str) -> None:
    """Raise InvalidInput, which is scikit-learn's NotFittedError too, unless a model is fitted."""
    if not hasattr(model, learned):
        from modelcollapse._support.not_fitted import NotFitted  # it imports scikit-learn

        raise NotFitted(f"{model!r} is not fitted: call fit(X) first")


def reals(name: str, value: Any, remedy: str = "give an array of numbers") -> Floats:
    """Return an array of real numbers of any shape as floats: the door of all that come in as such.

    Arrays, tensors and data frames of any library pass, and nested lists of numbers. Nothing is
    read as a number that is none: no masked or missing entry, complex number, date, truth value or
    text. Infinite numbers and NaN pass.

    Raises
    ------
    InvalidInput
        Naming the column or the entry that is no number, and why.
    """
    return as_floats(labelled(name, value, remedy)[0])


def labelled(name: str, value: Any, remedy: str) -> tuple[npt.NDArray[Any], Labels | None]:
    """Return an array of real numbers of any type, and its columns' labels, if it has any."""
    try:
        return of_numbers(value)
    except NoNumbersError as error:
        message = invalid(name + error.place, error.found, f"{remedy} ({error.why})")
        raise WrongType(*message.args) from error


def rows(name: str, value: Any, minimum: int = 1) -> Floats:
    """Return `value` as a finite float array of shape (rows, columns), at least `minimum` rows.

    It is a copy, so that what the caller does to `value` later changes nothing.
    """
    return table(name, value, minimum)[0]


def table(name: str, value: Any, minimum: int = 1) -> tuple[Floats, Labels | None]:
    """Return the same, and the labels of its columns, if it has any."""
    remedy = "give an array of numbers, one row per observation"
    found, labels = labelled(name, value, remedy)
    array = np.array(as_floats(found), order="C")
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise invalid(name, f"array of shape {array.shape}", "give a (rows, columns) array")
    if array.shape[1] == 0:
        raise InvalidInput(
            f"{name} has 0 feature(s) (shape={array.shape}) while a minimum of 1 is required: "
            "give a (rows, columns) array"
        )
    if len(array) < minimum:
        count = f"array of {many(len(array), 'row')} (n_samples = {len(array)})"
        raise invalid(name, count, f"give at least {many(minimum, 'row')}")
    finite = np.isfinite(array)
    if not finite.all():
        bad = np.argwhere(~finite)
        row, column = bad[0]
        place = f"[{row}, {column}]" if labels is None else f"[{labels[column]!r}][{row}]"
        raise invalid(
            name + place,
            float(array[row, column]),
            f"every entry must be finite, not NaN or infinite ({len(bad)} are); drop or impute "
            "those rows",
        )
    return array, labels


def shares(weights: Any, n: int) -> Floats:
    """Return row weights that sum to 1, shape (n,); None stands for equal ones."""
    if weights is None:
        return np.full(n, 1 / n)
    array = reals("sample_weight", weights, f"give {n} numbers")
    if array.shape != (n,) or not np.all(array >= 0) or not 0 < array.max() < np.inf:
        raise invalid("sample_weight", weights, f"give {n} finite weights >= 0, not all zero")
    array = array / array.max()  # their sum may be beyond the largest float
    return np.asarray(array / array.sum())


def divided(weights: Floats, given: Any) -> Floats:
    """Return weights over their sum.

    Where they were given as an array that is read-only they have been divided, and keep their bits.
    """
    done = isinstance(given, np.ndarray) and not given.flags.writeable
    total, rounding = weights.sum(), len(weights) * np.finfo(np.float64).eps
    return np.asarray(weights if done and abs(total - 1) <= rounding else weights / total)


def frozen(array: Floats) -> Floats:
    """Return an array that nobody else has, read-only from now on."""
    array.flags.writeable = False
    return array


def columns(X: Floats, count: int, dim: int) -> Floats:
    """Return the rows if they have as many columns as a model of that dimension needs."""
    if X.shape[1] != count:
        needs = "" if count == dim else f", which needs {count}"
        raise InvalidInput(
            f"X has {many(X.shape[1], 'column')} and dim = {dim}{needs}: make them equal"
        )
    return X


def listed(name: str, value: Any) -> Sequence[Any]:
    """Return the entries of a sequence, or of an array or a column of any library, one by one."""
    if isinstance(value, Sequence):
        return value
    remedy = "give a number or a sequence of numbers"
    array, _ = labelled(name, value, remedy)
    if array.ndim == 0:
        raise invalid(name, value, remedy)
    return array.tolist()  # type: ignore[no-any-return]


def called(name: str, function: Callable[[int], R], generation: int) -> R:
    """Return what a user's function of the generation gives."""
    try:
        return function(generation)
    except TypeError as error:
        remedy = "give a function of the generation that returns a number"
        raise invalid(name, function, f"{remedy} ({error})") from error


def model_of(e: Any, kind: type, name: str = "e") -> Any:
    """Return the model of an experiment if it is of the kind that a formula is about."""
    model = getattr(e, "model", None)
    if not isinstance(model, kind):
        shown = e if model is None else model
        raise invalid(name, shown, f"give an experiment whose model is a {kind.__name__}")
    return model


def horizon(generations: Any) -> int:
    """Return a number of generations whose numbers can be held."""
    last = whole("generations", generations)
    if last > LARGEST_BATCH:
        raise invalid("generations", generations, f"give at most {LARGEST_BATCH}")
    require(HELD * last, f"generations = {last}: their numbers")
    return last


def sizes(samples: Samples, generations: int) -> Integers:
    """Return the batch sizes n_1, ..., n_T as an array of shape (generations,).

    `samples` is a constant, a sequence with at least one size per generation, or a callable
    of the generation (1, 2, ..., `generations`).
    """
    if callable(samples):
        values = [
            whole(f"samples({t})", called("samples", samples, t)) for t in range(1, generations + 1)
        ]
    elif isinstance(samples, (Mapping, AbstractSet)):
        raise invalid("samples", samples, "give a number, a sequence or a function of t")
    elif not isinstance(samples, (str, int)) and hasattr(samples, "__len__"):
        given = listed("samples", samples)
        if len(given) < generations:
            raise invalid(
                "samples",
                samples,
                f"the schedule has {len(given)} sizes and the loop has {generations} "
                "generations; give one size per generation",
            )
        values = [whole(f"samples[{t}]", given[t]) for t in range(generations)]
    else:
        values = [whole("samples", samples)]
    if max(values) > LARGEST_BATCH:
        raise invalid("samples", max(values), f"a batch has at most {LARGEST_BATCH} rows")
    found = np.array(values, dtype=np.int64)
    return found if len(values) == generations else np.repeat(found, generations)


def broadcast(closed_form: Callable[P, R]) -> Callable[P, R]:
    """Name the arguments of a closed form that do not fit together."""

    @wraps(closed_form)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return closed_form(*args, **kwargs)
        except InvalidInput:
            raise
        except ValueError as error:
            given = signature(closed_form).bind(*args, **kwargs).arguments
            told = ", ".join(f"{name} = {shown(value, 40)}" for name, value in given.items())
            raise InvalidInput(
                f"{told}: these shapes do not go together ({error}); give numbers, or arrays of "
                "one shape"
            ) from error

    return checked
