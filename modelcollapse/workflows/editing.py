"""Editing: a data set of a fixed number of rows, some of which the last model replaces."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelcollapse._support.checks import Integers, Samples, number, whole
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse._support.tables import is_number
from modelcollapse._support.words import many
from modelcollapse.workflows import series
from modelcollapse.workflows.protocols import Selection

Shares = float | Sequence[float] | Callable[[int], float]


def _count(name: str, value: Any) -> int:
    return whole(name, value, 0)


def _chance(name: str, value: Any) -> float:
    return number(name, value, 0.0, 1.0, "give a chance from 0 to 1")


CHECKS: dict[str, Callable[[str, Any], Any]] = {"rows": _count, "share": _chance}


@dataclass(frozen=True)
class Edit:
    """Keep one data set, and replace some of its rows by rows of the last model.

    Generation 1 is trained on `Experiment.samples` real rows. Before each later generation t rows
    of the set, chosen at random, are replaced by rows that model t - 1 samples; then it is trained
    on the whole set. Give `rows` or `share`. All rows in each generation are `Replace`.

    Parameters
    ----------
    rows
        How many rows generation t edits: a number, a sequence that starts with generation 2, or a
        callable of t = 2, 3, ...; 0 edits none.
    share
        The chance that a row is edited, of each row alone: a number above 0 and at most 1, or a
        sequence or callable as for `rows`, of numbers from 0 to 1.

    Raises
    ------
    InvalidInput
        If none or both are given, or one is out of its range.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.Gaussian(), mc.Edit(share=0.1), samples=10, generations=3)
    >>> print(mc.predict(loop)["variance"].round(4))
    [0.9    0.8829 0.8661]
    """

    rows: Samples | None = None
    share: Shares | None = None
    name = "edit"

    def __post_init__(self) -> None:
        if (self.rows is None) == (self.share is None):
            raise invalid("rows, share", (self.rows, self.share), "give one of the two")
        for name, check in CHECKS.items():
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, series.settled(name, value, check))
            if is_number(value) and value == 0:
                raise invalid(name, value, "nothing would be edited: give more than 0")

    def __repr__(self) -> str:
        name = "share" if self.rows is None else "rows"
        return f"Edit({name}={getattr(self, name)!r})"

    @property
    def steady(self) -> bool:
        """Whether all generations edit alike, for ever."""
        return is_number(self.share if self.rows is None else self.rows)

    @property
    def generations(self) -> int | None:
        """The largest number of generations, or None where it goes on for ever."""
        given = self.share if self.rows is None else self.rows
        return len(given) + 1 if isinstance(given, tuple) else None

    def described(self, generations: int) -> dict[str, Any]:
        """Return the parameters up to generation T; a function by its numbers."""
        return {
            name: series.told(name, getattr(self, name), generations, 2, check)
            for name, check in CHECKS.items()
        }

    def edited_rows(self, generation: int) -> int:
        """Return how many rows generation t > 1 edits, where `rows` says it."""
        return series.at("rows", self.rows, generation, 2, _count)

    def edited_share(self, generation: int) -> float:
        """Return the chance that generation t > 1 edits a row, where `share` says it."""
        return series.at("share", self.share, generation, 2, _chance)

    def batch_sizes(self, first: int, generations: int) -> Integers:
        """Return the rows that a batch offers: those that are edited, or one for each row."""
        if self.rows is None:
            for t in range(2, generations + 1):
                self.edited_share(t)
            return np.full(generations, first, dtype=np.int64)
        sizes = [first]
        for t in range(2, generations + 1):
            count = self.edited_rows(t)
            if count > first:
                remedy = f"the data set has {many(first, 'row')}: edit at most these"
                raise invalid(f"rows at generation {t}", count, remedy)
            sizes.append(max(count, 1))  # a batch of which nothing is used where none is edited
        return np.array(sizes, dtype=np.int64)

    def keep(
        self, previous_rows: Integers, sizes: Sequence[int], rng: np.random.Generator
    ) -> Selection:
        """Return the rows before, some of them replaced by rows of the newest batch."""
        t, first = len(sizes), sum(sizes[:-1])
        if t == 1:
            return np.arange(sizes[0], dtype=np.int64)
        rows = previous_rows.copy()
        if self.rows is None:
            places = np.flatnonzero(rng.random(len(rows)) < self.edited_share(t))
        else:
            places = rng.permutation(len(rows))[: self.edited_rows(t)]
        if sizes[-1] < (len(rows) if self.rows is None else len(places)):
            raise InvalidInput(
                f"{self!r}: batch {t} has {many(sizes[-1], 'row')}, too few for what may be "
                "edited: use the sizes of batch_sizes(first, generations)"
            )
        # A set whose every row may be edited has an offer for each of its places.
        rows[places] = first + (places if self.rows is None else np.arange(len(places)))
        return rows
