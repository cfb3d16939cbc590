"""Tables: their two forms, the three libraries, and what is not copied."""

import sys

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse._support.frames import LIBRARIES, Table, by_column, frame

TABLE = Table(
    {"replicate": np.array([0, 0, 1]), "generation": np.array([1, 2, 1])},
    {"a": np.array([1.5, np.inf, np.nan]), "b": np.array([0, 1, 2])},
)


def columns(found):
    """Return a data frame's columns as lists, whichever library it is of."""
    names = found.column_names if hasattr(found, "column_names") else list(found.columns)
    return {name: np.asarray(found[name]).tolist() for name in names}


def test_the_wide_form():
    """Keys first, then the quantities."""
    assert list(TABLE.columns) == ["replicate", "generation", "a", "b"]
    assert TABLE.columns["a"] is TABLE.quantities["a"]


def test_the_long_form():
    """One row for each number, with its name; the keys are repeated."""
    told = {name: column.tolist() for name, column in TABLE.long.items()}

    assert told["replicate"] == [0, 0, 1] * 2
    assert told["generation"] == [1, 2, 1] * 2
    assert told["quantity"] == ["a"] * 3 + ["b"] * 3
    assert told["value"][:2] + told["value"][3:] == [1.5, np.inf, 0.0, 1.0, 2.0]
    assert np.isnan(told["value"][2])
    empty = Table({"generation": np.arange(0)}, {}).long
    assert {name: len(column) for name, column in empty.items()} == dict.fromkeys(empty, 0)


@pytest.mark.parametrize("library", LIBRARIES)
def test_frames_of_every_library(library):
    """Its own type, the columns in order, the numbers with their bits and texts as texts."""
    module = pytest.importorskip(library)
    kind = module.Table if library == "pyarrow" else module.DataFrame
    wide, long = TABLE.frame(library), TABLE.frame(library, long=True)

    assert isinstance(wide, kind)
    assert isinstance(long, kind)
    for found, want in ((wide, TABLE.columns), (long, TABLE.long)):
        told = columns(found)
        assert list(told) == list(want)
        for name, column in want.items():
            np.testing.assert_array_equal(told[name], column.tolist())
    assert columns(frame({"t": ["a", "b"], "n": [1, 2]}, library)) == {"t": ["a", "b"], "n": [1, 2]}


@pytest.mark.parametrize("library", LIBRARIES)
def test_numbers_are_not_copied(library):
    """Each library looks at the array itself, which it cannot change."""
    pytest.importorskip(library)
    found = TABLE.frame(library)["a"]
    found = found.chunk(0) if library == "pyarrow" else found
    seen = found.to_numpy()

    assert np.shares_memory(seen, TABLE.quantities["a"])
    assert not seen.flags.writeable
    assert TABLE.quantities["a"].flags.writeable


def test_a_frame_that_is_changed_changes_no_result():
    """pandas says that the numbers are not its own; a copy of the frame takes changes."""
    pytest.importorskip("pandas")
    found = TABLE.frame("pandas")
    with pytest.raises(ValueError, match="read-only"):
        found.loc[0, "a"] = 3.0
    own = found.copy()
    own.loc[0, "a"] = 3.0

    assert own["a"][0] == 3.0
    assert TABLE.quantities["a"][0] == 1.5


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_missing_library_is_said(library, monkeypatch):
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(mc.MissingDependency, match=f"{library}, .*pip install"):
        TABLE.frame(library)


@pytest.mark.parametrize("library", ["panda", 3, None])
def test_other_libraries_are_refused(library):
    """With those that there are."""
    with pytest.raises(mc.InvalidInput, match=r"unknown library .*pandas"):
        frame({}, library)


def test_rows_become_columns():
    """In the order of the first row; no rows are no columns."""
    assert by_column([{"a": 1, "b": 2}, {"b": 4, "a": 3}]) == {"a": [1, 3], "b": [2, 4]}
    assert by_column([]) == {}
