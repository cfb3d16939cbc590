"""What is asked: real rows, sampled rows, fresh rows, generations, and what is wanted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelcollapse._support.checks import (
    LARGEST_BATCH,
    Integers,
    Samples,
    fraction,
    optional,
    positive,
    row_count,
    whole,
)
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.workflows import series

MOST = 100_000  # generations
KEEP = (
    "give yes or no (in Python True or False), or a weight of the real rows strictly between 0 and "
    "1"
)


@dataclass(frozen=True, eq=False)
class Question:
    """A loop: batch 1 is real, and later ones are sampled from the last model.

    Attributes
    ----------
    real
        The real rows of batch 1.
    synthetic, fresh
        Sampled rows and fresh real rows of batches 2, ..., T, shape (T - 1,) each.
    steady, steady_fresh
        Their number if it stays the same for ever, else None.
    keep
        Whether the first real rows stay; None where that is the question.
    weight
        The weight of the kept real rows, or None.
    budget
        Rows that each model is trained on, shape (T,), or None.
    at_most
        The largest error that is wanted, over that of the real rows alone.
    gap
        The part of the loss at generation 1 that is due to estimation, or None.
    """

    real: int
    synthetic: Integers
    fresh: Integers
    steady: int | None
    steady_fresh: int | None
    keep: bool | None
    weight: float | None
    budget: Integers | None
    at_most: float
    gap: float | None

    @property
    def generations(self) -> int:
        """The number T of fits."""
        return len(self.synthetic) + 1

    @property
    def sizes(self) -> list[int]:
        """The batch sizes without fresh rows."""
        return [self.real, *self.synthetic.tolist()]

    def to_dict(self) -> dict[str, Any]:
        """Return the question as plain data."""
        return {
            "real": self.real,
            "synthetic": self.synthetic if self.steady is None else self.steady,
            "generations": self.generations,
            "fresh_real": self.fresh if self.steady_fresh is None else self.steady_fresh,
            "keep_real": self.keep if self.weight is None else self.weight,
            "budget": self.budget,
            "at_most": self.at_most,
            "first_generation_gap": self.gap,
        }


def asked(
    real: int,
    synthetic: Samples,
    generations: int | None,
    fresh_real: Samples,
    keep_real: bool | float | None,
    budget: Samples | None,
    at_most: float,
    first_generation_gap: float | None,
) -> Question:
    """Return a checked question; see `advise`."""
    first = row_count("real", real)
    sampled = series.settled("synthetic", synthetic, row_count)
    fresh = series.settled("fresh_real", fresh_real, _or_none)
    each = None if budget is None else series.settled("budget", budget, row_count)
    starts = {"synthetic": (sampled, 2), "fresh_real": (fresh, 2), "budget": (each, 1)}
    T = _generations(generations, starts)
    rows, new = _rows("synthetic", sampled, T, row_count), _rows("fresh_real", fresh, T, _or_none)
    if T > 1 and (rows + new).max() > LARGEST_BATCH:
        t = int(np.argmax(rows + new)) + 2
        total = int((rows + new).max())
        remedy = f"a batch has at most {LARGEST_BATCH} rows: give fewer"
        raise invalid(f"synthetic + fresh_real at generation {t}", total, remedy)
    weight = None
    if not (keep_real is None or isinstance(keep_real, bool)):
        try:
            weight, keep_real = fraction("keep_real", keep_real), True
        except InvalidInput as error:
            raise invalid("keep_real", keep_real, KEEP) from error
    return Question(
        first,
        rows,
        new,
        _steady(sampled, rows),
        _steady(fresh, new),
        keep_real,
        weight,
        None if each is None else _budget(each, T, first + int(rows.sum())),
        positive("at_most", at_most),
        optional(positive, "first_generation_gap", first_generation_gap),
    )


def _or_none(name: str, value: Any) -> int:
    if whole(name, value, 0) > LARGEST_BATCH:
        raise invalid(name, value, f"give at most {LARGEST_BATCH} rows")
    return int(value)


def _generations(given: Any, schedules: dict[str, tuple[Any, int]]) -> int:
    """Return T as it is given and as every schedule with an end says it."""
    told = {} if given is None else {"generations": whole("generations", given)}
    for name, (schedule, start) in schedules.items():
        if isinstance(schedule, tuple):
            told[name] = len(schedule) + start - 1
    if not told:
        remedy = "give the number of fits, the first of them to the real rows, such as 12"
        raise invalid("generations", given, remedy)
    (name, T), *rest = told.items()
    for other, count in rest:
        if count != T:
            start = schedules[other][1]
            entries = f"{count - start + 1} entries, the first for generation {start}"
            says = f"{name} = {T}" if name == "generations" else f"{name} ends at generation {T}"
            raise InvalidInput(
                f"{says} and {other} has {entries}: leave generations away, and give schedules "
                "that end at the same one"
            )
    if not 1 <= T <= MOST:
        raise invalid(name, T, f"give from 1 to {MOST} generations")
    return T


def _rows(name: str, given: Any, T: int, check: Callable[[str, Any], int]) -> Integers:
    values = [series.at(name, given, t, 2, check) for t in range(2, T + 1)]
    return np.array(values, dtype=np.int64)


def _steady(given: Any, rows: Integers) -> int | None:
    """Return the number of rows that goes on for ever, if there is one."""
    if isinstance(given, int):
        return given
    return int(rows[0]) if len(rows) and not np.ptp(rows) and isinstance(given, tuple) else None


def _budget(given: Any, T: int, total: int) -> Integers:
    values = [series.at("budget", given, t, 1, row_count) for t in range(1, T + 1)]
    if max(values) > total:
        remedy = f"real and sampled rows are {total} at generation {T}, all together: give fewer"
        raise invalid("budget", max(values), remedy)
    return np.array(values, dtype=np.int64)
