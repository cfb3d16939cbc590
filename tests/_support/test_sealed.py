"""Sealed files: what was written comes back, and every bit that is another is found."""

import json
import math
import os

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import modelcollapse as mc
from modelcollapse._support.sealed import (
    BLANK,
    DamagedError,
    read_frame,
    read_json,
    read_table,
    scan_table,
    told_of,
    write_json,
    write_table,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
TABLE = {
    "text": ["sha256:" + "a" * 64, BLANK.decode(), ""],
    "number": [0.1, math.nan, -math.inf],
    "whole": [1, 2, 2**62],
}


@given(value=st.dictionaries(st.text().filter(lambda name: name != "seal"), VALUES, max_size=4))
def test_an_object_comes_back(tmp_path_factory, value):
    """Whatever it holds, and other readers of JSON read it too."""
    path = tmp_path_factory.getbasetemp() / "sealed.json"
    write_json(path, value)
    assert read_json(path) == value
    assert {**value, "seal": json.loads(path.read_bytes())["seal"]} == json.loads(path.read_bytes())


@pytest.mark.parametrize("make", [dict, pl.DataFrame], ids=["columns", "frame"])
def test_a_table_comes_back(tmp_path, make):
    """With texts that look like a seal; other readers of Parquet read it too."""
    path = tmp_path / "a.parquet"
    write_table(path, make(TABLE))
    assert_frame_equal(read_table(path), pl.DataFrame(TABLE))
    assert_frame_equal(pl.read_parquet(path), pl.DataFrame(TABLE))
    write_table(path, {"x": np.arange(3)})
    assert read_table(path)["x"].to_list() == [0, 1, 2]


def test_a_scanned_table_is_checked_before_it_is_decoded(tmp_path):
    """Damage, and another one's place, are found without a look at a row."""
    path = tmp_path / "a.parquet"
    write_table(path, TABLE, of="words")
    assert_frame_equal(scan_table(path, "words").collect(), pl.DataFrame(TABLE))
    with pytest.raises(DamagedError, match="another one's"):
        scan_table(path, "others")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedError, match="digest is not its own"):
        scan_table(path, "words")


def test_what_a_table_is_of_is_told_with_whether_it_is_so(tmp_path):
    """Of anybody's file nothing; of one whose words were taken over, that it has changed."""
    path, other = tmp_path / "a.parquet", tmp_path / "b.parquet"
    write_table(path, TABLE, of="words")
    assert told_of(path) == ("words", True)
    pl.DataFrame(TABLE).write_parquet(other)
    assert told_of(other) == ("", True)
    pl.DataFrame(TABLE).write_parquet(other, metadata=pl.read_parquet_metadata(path))
    assert told_of(other) == ("words", False)


@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_every_bit_counts(tmp_path, kind):
    """Each of them is turned over, one at a time, and each byte is left out."""
    path = tmp_path / f"a.{kind}"
    if kind == "json":
        write_json(path, {"a": [1, 2.5], "b": BLANK.decode()})
    else:
        write_table(path, TABLE)
    read, whole = (read_json if kind == "json" else read_table), path.read_bytes()
    for place in range(len(whole)):
        others = [whole[:place] + whole[place + 1 :], whole[:place]]
        for bit in range(8):
            other = bytearray(whole)
            other[place] ^= 1 << bit
            others.append(bytes(other))
        for other in others:
            path.write_bytes(other)
            with pytest.raises(DamagedError, match="makes it again"):
                read(path)
    path.write_bytes(whole)
    read(path)


def test_what_is_no_sealed_file(tmp_path):
    """It is missing, a folder, or somebody else's."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "other.json").write_text('{"a": 1}')
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "other.parquet")
    for name in ("absent.json", "folder", "other.json"):
        with pytest.raises(DamagedError, match=name):
            read_json(tmp_path / name)
    for name in ("absent.parquet", "other.parquet"):
        with pytest.raises(DamagedError, match=name):
            read_table(tmp_path / name)


def test_anothers_table_is_found(tmp_path):
    """Whole as it is, it is not the one that belongs there."""
    for name in "ab":
        write_table(tmp_path / name, {"x": [name]}, of=name)
    (tmp_path / "a").write_bytes((tmp_path / "b").read_bytes())
    assert read_table(tmp_path / "b", "b")["x"].to_list() == ["b"]
    with pytest.raises(DamagedError, match="it is another one's"):
        read_table(tmp_path / "a", "a")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    """It is no file of this package."""
    os.mkfifo(tmp_path / "a.json")
    with pytest.raises(DamagedError, match="is no regular file"):
        read_json(tmp_path / "a.json")


def test_formats(tmp_path):
    """Another one is said, sealed or not."""
    path = tmp_path / "a.json"
    write_json(path, {"format": 2, "a": 1})
    assert read_json(path, 2) == read_json(path) == {"format": 2, "a": 1}
    for write in (lambda: None, lambda: path.write_text('{"format": 2}')):
        write()
        with pytest.raises(mc.InvalidInput, match="has format 2, and this version reads 3"):
            read_json(path, 3)
    with pytest.raises(DamagedError, match="is damaged"):
        read_json(path, 2)


def test_a_name_is_no_pattern(tmp_path):
    """Neither for reading nor for writing: not what it would match is read or written."""
    names = [
        "a[1].parquet",
        "*.parquet",
        "a?.parquet",
        "~.parquet",
        "a#%20 b.parquet",
        "-x.parquet",
    ]
    write_table(tmp_path / "a1.parquet", {"x": [0]})
    for number, name in enumerate(names, 1):
        write_table(tmp_path / name, {"x": [number]})
    assert len(list(tmp_path.iterdir())) == 1 + len(names)
    for number, name in enumerate(names, 1):
        for read in (read_table, read_frame):
            assert read(tmp_path / name)["x"].to_list() == [number]
    with pytest.raises(FileNotFoundError):
        read_frame(tmp_path / "b[1].parquet")
