"""Results as tables, and tables as data frames of the library that is wanted."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from modelcollapse._support.checks import named
from modelcollapse._support.errors import missing
from modelcollapse._support.sealed import frames

LIBRARIES = ("polars", "pandas", "pyarrow")


class Table(NamedTuple):
    """Columns of equal length: keys such as the generation, and the quantities of each row."""

    keys: Mapping[str, Any]
    quantities: Mapping[str, Any]

    @property
    def columns(self) -> dict[str, Any]:
        """All columns, the wide form."""
        return {**self.keys, **self.quantities}

    @property
    def long(self) -> dict[str, Any]:
        """One row per quantity: the keys, "quantity" and "value"."""
        names, rows = list(self.quantities), len(next(iter(self.keys.values())))
        values = [np.empty(0), *self.quantities.values()]
        return {
            **{key: np.tile(column, len(names)) for key, column in self.keys.items()},
            "quantity": np.repeat(np.array(names, dtype=str), rows),
            "value": np.concatenate(values),
        }

    def frame(self, library: str, *, long: bool = False) -> Any:
        """Return the data frame."""
        return frame(self.long if long else self.columns, library)


def frame(columns: Mapping[str, Any], library: str) -> Any:
    """Return columns as a data frame, without copying numbers.

    It shares an array's memory, read-only, so that changing the one does not change the other.

    Raises
    ------
    InvalidInput
        If it is another library.
    MissingDependency
        If the library is not installed.
    """
    named("library", library, LIBRARIES)
    own = {name: _read_only(column) for name, column in columns.items()}
    if library == "polars":
        return frames(purpose="to_frame()").DataFrame(own)
    try:
        module = importlib.import_module(library)
    except ImportError as error:
        purpose = f"to_frame({library!r})"
        raise missing(library, "", purpose) from error
    return module.table(own) if library == "pyarrow" else module.DataFrame(own, copy=False)


def by_column(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return rows, all of the same names, as columns."""
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def _read_only(column: Any) -> Any:
    if not isinstance(column, np.ndarray):
        return column
    view = column.view()
    view.flags.writeable = False
    return view
