"""What a batch is: an array of floats, or a table with columns of any kind.

All that the plain loop does with rows goes through their form: joining and choosing them, handing
them to an estimator, taking what it samples, and keeping them in a file. A table stays one of the
library that it came from, through Narwhals.
"""

import hashlib
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from modelcollapse._support.checks import Floats, Integers, labelled, table
from modelcollapse._support.errors import InvalidInput, invalid, missing
from modelcollapse._support.tables import as_floats
from modelcollapse._support.words import many

Batch = Any  # an array of floats of shape (rows, columns), or a data frame of Narwhals


class Form(Protocol):
    """What the loop asks of the rows of one data set."""

    @property
    def dim(self) -> int:
        """The number of columns."""
        ...

    def joined(self, batches: Sequence[Batch]) -> Batch:
        """Return all rows of some batches, in order."""
        ...

    def taken(self, batch: Batch, chosen: Integers) -> Batch:
        """Return the rows of these numbers."""
        ...

    def handed(self, batch: Batch) -> Any:
        """Return a copy as an estimator gets it: with names where the data had any."""
        ...

    def received(self, name: str, given: Any, n: int | None = None) -> Batch:
        """Return what somebody gives as rows of this form, checked; `n` of them, or any number."""
        ...

    def numbers(self, batch: Batch) -> Floats:
        """Return the columns that hold numbers, shape (rows, columns)."""
        ...

    def same(self, one: Batch, other: Batch) -> bool:
        """Return whether two batches are equal."""
        ...

    def packed(self, batch: Batch) -> Any:
        """Return rows as an array to be kept in a file."""
        ...

    def unpacked(self, kept: Any) -> Batch:
        """Return the rows again; ValueError if these are none of this form."""
        ...

    def told(self, batch: Batch) -> Any:
        """Return what tells rows from others."""
        ...

    def described(self) -> Any:
        """Return what an estimator may see of it beside the numbers, as plain data."""
        ...


@dataclass(frozen=True)
class Numbers:
    """Rows of floats.

    Parameters
    ----------
    dim
        The number of columns.
    names
        Their names, if the data came as a data frame whose columns have texts as names.
    library
        The library of that data frame.
    """

    dim: int
    names: tuple[str, ...] | None = None
    library: Any = ""

    def joined(self, batches: Sequence[Batch]) -> Batch:
        """Return all rows of some batches, in order."""
        return np.concatenate(batches)

    def taken(self, batch: Batch, chosen: Integers) -> Batch:
        """Return the rows of these numbers."""
        return batch[chosen]

    def handed(self, batch: Batch) -> Any:
        """Return a copy, as a data frame where the data came as one with names."""
        if self.names is None:
            return batch.copy()
        import narwhals as nw

        return nw.from_numpy(batch.copy(), list(self.names), backend=self.library).to_native()

    def received(self, name: str, given: Any, n: int | None = None) -> Batch:
        """Return finite rows; of a data frame with the same names these decide their order."""
        if n is None:
            batch, labels = table(name, given)
            if batch.shape[1] != self.dim:
                count = many(batch.shape[1], "column")
                raise InvalidInput(f"{name} has {count} and data has {self.dim}: make them equal")
        else:
            found, labels = labelled(name, given, "return an array of numbers")
            batch = np.array(as_floats(found))
            if batch.shape == (n,) and self.dim == 1:
                batch = batch[:, None]
            if batch.shape != (n, self.dim):
                raise InvalidInput(f"{name} returned shape {batch.shape}, wanted {(n, self.dim)}")
        if labels is not None and self.names is not None and tuple(labels) != self.names:
            if sorted(map(str, labels)) != sorted(self.names):
                raise InvalidInput(
                    f"{name} has the columns {', '.join(map(str, labels))}, and the data "
                    f"{', '.join(self.names)}: make them equal"
                )
            batch = batch[:, [labels.index(column) for column in self.names]]
        if not np.isfinite(batch).all():
            bad = int((~np.isfinite(batch)).any(axis=1).sum())
            raise InvalidInput(f"{name} returned {bad} rows that are not finite")
        return batch

    def numbers(self, batch: Batch) -> Floats:
        """Return the rows."""
        return np.asarray(batch)

    def same(self, one: Batch, other: Batch) -> bool:
        """Return whether two batches are equal."""
        return bool(np.array_equal(one, other))

    def packed(self, batch: Batch) -> Any:
        """Return the rows."""
        return batch

    def unpacked(self, kept: Any) -> Batch:
        """Return the rows again."""
        if kept.ndim != 2 or kept.dtype.kind != "f":
            raise ValueError(f"rows of shape {kept.shape} and type {kept.dtype}")
        return kept

    def told(self, batch: Batch) -> Any:
        """Return the rows, which are known by their digest."""
        return batch

    def described(self) -> Any:
        """Return the names and the library, or None."""
        return None if self.names is None else {"columns": list(self.names), "of": self.library}


@dataclass(frozen=True, eq=False)
class Columns:
    """Rows of a table with columns of any kind, such as text, categories and numbers.

    Parameters
    ----------
    frame
        The table that the rows come from, a data frame of Narwhals.
    """

    frame: Any

    @property
    def dim(self) -> int:
        """The number of columns."""
        return len(self.frame.columns)

    @property
    def numeric(self) -> list[str]:
        """The names of the columns that hold numbers."""
        return [name for name, dtype in self.frame.schema.items() if dtype.is_numeric()]

    def joined(self, batches: Sequence[Batch]) -> Batch:
        """Return all rows of some batches, in order."""
        import narwhals as nw

        return nw.concat(batches) if len(batches) > 1 else batches[0]

    def taken(self, batch: Batch, chosen: Integers) -> Batch:
        """Return the rows of these numbers."""
        return batch[chosen]

    def handed(self, batch: Batch) -> Any:
        """Return a copy as a data frame of its library."""
        return batch.clone().to_native()

    def received(self, name: str, given: Any, n: int | None = None) -> Batch:
        """Return rows with these columns, of these types, whose numbers are finite."""
        import narwhals as nw

        verb = "give" if n is None else "return"
        remedy = f"{verb} a data frame with the columns {', '.join(self.frame.columns)}"
        try:
            frame = nw.from_native(given, eager_only=True)
        except TypeError as error:
            raise invalid(name, given, remedy) from error
        if sorted(frame.columns) != sorted(self.frame.columns):
            raise InvalidInput(f"{name} has the columns {', '.join(frame.columns)}: {remedy}")
        if n is not None and len(frame) != n:
            raise InvalidInput(f"{name} returned {many(len(frame), 'row')}, wanted {n}")
        if frame.implementation != self.frame.implementation:
            frame = self._moved(frame)
        for column, dtype in self.frame.schema.items():
            if frame.schema[column] != dtype:
                frame = frame.with_columns(_recast(name, frame[column], dtype))
        frame = self._typed(frame.select(self.frame.columns))
        found = self.numbers(frame)
        if bad := int((~np.isfinite(found)).any(axis=1).sum()):
            raise InvalidInput(
                f"{name} has {many(bad, 'row')} whose numbers are missing or not finite"
            )
        return frame

    def numbers(self, batch: Batch) -> Floats:
        """Return the columns that hold numbers, missing ones as NaN."""
        found = [as_floats(batch[name].to_numpy()) for name in self.numeric]
        return np.column_stack(found) if found else np.empty((len(batch), 0))

    def same(self, one: Batch, other: Batch) -> bool:
        """Return whether two batches are equal."""
        return bool(one.to_dict(as_series=False) == other.to_dict(as_series=False))

    def packed(self, batch: Batch) -> Any:
        """Return the bytes of an Arrow file: a table of pandas comes back with its own types."""
        buffer = io.BytesIO()
        if self.frame.implementation.is_polars():
            batch.to_native().write_ipc(buffer)
        else:
            pa = _arrow()
            table = batch.to_arrow()
            with pa.ipc.new_file(buffer, table.schema) as file:
                file.write_table(table)
        return np.frombuffer(buffer.getvalue(), dtype=np.uint8)

    def unpacked(self, kept: Any) -> Batch:
        """Return the rows again."""
        import narwhals as nw

        data = io.BytesIO(kept.tobytes())
        if self.frame.implementation.is_polars():
            import polars as pl

            found = pl.read_ipc(data)
        else:
            found = _arrow().ipc.open_file(data).read_all()
            if self.frame.implementation.is_pandas():
                found = found.to_pandas()
        frame = nw.from_native(found, eager_only=True)
        if dict(frame.schema) != dict(self.frame.schema):
            raise ValueError(f"its columns are {dict(frame.schema)}")
        return frame

    def described(self) -> Any:
        """Return the names and types of the columns, and the library."""
        types = {name: str(dtype) for name, dtype in self.frame.schema.items()}
        return {"columns": types, "of": self.frame.implementation.name.lower()}

    def told(self, batch: Batch) -> Any:
        """Return the SHA-256 of the rows, column by column."""
        found = hashlib.sha256()
        for name in self.frame.columns:
            column = batch[name]
            values = column.to_numpy() if column.dtype.is_numeric() else column.to_list()
            found.update(repr((name, str(column.dtype))).encode())
            found.update(values.tobytes() if hasattr(values, "tobytes") else repr(values).encode())
        return found.hexdigest()

    def _typed(self, frame: Any) -> Any:
        """Return a table whose columns have the library's own types too: it has several texts."""
        import narwhals as nw

        here, there = frame.to_native(), self.frame.to_native()
        if self.frame.implementation.is_pyarrow() and here.schema.types != there.schema.types:
            return nw.from_native(here.cast(there.schema), eager_only=True)
        if self.frame.implementation.is_pandas() and not here.dtypes.equals(there.dtypes):
            return nw.from_native(here.astype(there.dtypes.to_dict()), eager_only=True)
        return frame

    def _moved(self, frame: Any) -> Any:
        """Return a table of another library as one of this one's."""
        import narwhals as nw

        home = self.frame.implementation
        if home.is_pandas():
            return nw.from_native(frame.to_pandas(), eager_only=True)
        moved = frame.to_polars() if home.is_polars() else frame.to_arrow()
        return nw.from_native(moved, eager_only=True)


def _recast(name: str, given: Any, dtype: Any) -> Any:
    """Return a column as another type, which changes no value."""
    import narwhals as nw

    there = given.dtype
    texts = (nw.String, nw.Categorical, nw.Enum, nw.Object)
    same_kind = (there.is_numeric() or there == nw.Boolean) == (
        dtype.is_numeric() or dtype == nw.Boolean
    ) and (dtype != nw.String or isinstance(there, texts))
    found: Any = None
    with suppress(Exception):  # every library raises its own
        cast = given.cast(dtype)
        if same_kind and (isinstance(there, texts) or bool((cast.cast(there) == given).all())):
            found = cast
    if found is None:
        raise InvalidInput(
            f"{name}, column {given.name!r}, holds {there}, not {dtype}, and is not that without "
            "loss: return the types of the training rows; for numbers that are not whole give the "
            "data as floats"
        )
    return found


def form_of(values: Any, dim: int, labels: Sequence[Any] | None) -> Numbers:
    """Return the form of numbers that came as `values`, whose columns have these labels."""
    library = type(values).__module__.partition(".")[0]
    if labels is None or not all(isinstance(label, str) for label in labels):
        return Numbers(dim)
    if len(set(labels)) < len(labels):
        return Numbers(dim)
    if library not in ("pandas", "polars", "pyarrow"):  # those that Narwhals makes tables of
        return Numbers(dim)
    return Numbers(dim, tuple(labels), library)


def mixed(values: Any) -> Any:
    """Return a data frame of Narwhals if it is a table, with columns of any kind, else None."""
    if not hasattr(type(values), "columns"):
        return None
    import narwhals as nw
    from narwhals.exceptions import DuplicateError

    try:
        frame = nw.from_native(values, eager_only=True, pass_through=True)
        if frame is values:
            return None
        if odd := [name for name in frame.columns if not isinstance(name, str)]:
            raise InvalidInput(
                f"data has a column named {odd[0]!r} and one that holds no numbers: such a table "
                "needs texts as names of its columns, as pandas gives them by "
                "data.set_axis([...], axis=1)"
            )
    except DuplicateError as error:
        raise InvalidInput(f"data: {error}: give each column a name of its own") from error
    return frame


def _arrow() -> Any:
    try:
        import pyarrow as pa
        import pyarrow.ipc
    except ImportError as error:
        raise missing("pyarrow", "arrow", "keeping a table of pandas in a checkpoint") from error
    return pa
