"""Tables as CSV: every byte is that of Python's own writer, whichever way is taken."""

import csv
import io
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelcollapse._support import csv_tables


def by_python(columns):
    """Return the bytes that Python's writer makes, row by row."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(columns)
    lists = [np.asarray(column).tolist() for column in columns.values()]
    writer.writerows(zip(*lists, strict=True))
    return file.getvalue().encode()


def written(columns):
    """Return the bytes that are written."""
    file = io.BytesIO()
    csv_tables.write(file, columns)
    return file.getvalue()


@settings(max_examples=50)
@given(st.lists(st.floats(), max_size=20))
def test_any_numbers(values):
    """Floats of all sizes, with infinities and NaN, beside whole numbers."""
    columns = {"row, number": np.arange(len(values)) - 3, "x": np.array(values, dtype=float)}
    assert written(columns) == by_python(columns)


@pytest.mark.parametrize("power", [-320, -12, -7, -3, 0, 12, 290])
def test_many_numbers(power):
    """More rows than are made at once, of one size and through many orders of magnitude."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=3000) * 10.0 ** rng.integers(power, power + 12, 3000)
    columns = {"x": x, "y": np.abs(x), "generation": np.arange(3000)}
    with mock.patch.object(csv_tables, "CHUNK", 1000):
        assert written(columns) == by_python(columns)


@pytest.mark.parametrize(
    "other", [np.array(["a", 'b"c', ""]), np.array([True, False, True]), np.zeros(3, np.float32)]
)
def test_other_columns_are_written_row_by_row(other):
    """Texts, truth values and short floats."""
    columns = {"x": np.array([1.5, 2e-7, np.nan]), "other": other}
    assert written(columns) == by_python(columns)


def test_the_fast_way_is_taken():
    """Polars is used where it is installed, unless its numbers are others, as those of 1.30."""
    pytest.importorskip("polars", minversion="2.1")
    assert csv_tables._frames() is not None
    columns = {"x": np.array([1e-7, 3e-5])}
    csv_tables._frames.cache_clear()
    with mock.patch.object(csv_tables, "PADDED", "never"):
        assert csv_tables._frames() is None
        assert written(columns) == by_python(columns)
    csv_tables._frames.cache_clear()
    with mock.patch.dict("sys.modules", polars=None):
        assert written(columns) == by_python(columns)
    csv_tables._frames.cache_clear()
