"""Lines of CSV files, and the cause where a file is none."""

import csv
import gzip
import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelcollapse import InvalidInput, Weighted
from modelcollapse._support.csv_lines import LONGEST, by_ending, read_lines, read_table
from modelcollapse.datasets import load
from modelcollapse.diagnosis import diagnose
from modelcollapse.workflows.curves import read as read_curves

READERS = {
    "load": load,
    "diagnose": diagnose,
    "weights": Weighted.read,
    "curves": read_curves,
}
CELL = st.text(st.sampled_from(list('ab 1.-,"\n\r')), max_size=4)


@given(table=st.lists(st.lists(CELL, min_size=2, max_size=2), max_size=5))
def test_what_is_written_is_read(tmp_path_factory, table):
    """By Python's own writer: cells without the spaces around them, and rising line numbers."""
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(table)
    lines = list(read_lines(path))

    assert [cells for _, cells in lines] == [[cell.strip() for cell in row] for row in table]
    assert all(a < b for (a, _), (b, _) in itertools.pairwise(lines))


def test_comments_and_blank_lines_before_the_first_line(tmp_path):
    """They are passed over, and counted; a quote in one opens nothing; later ones are lines."""
    path = tmp_path / "a.csv"
    path.write_text('\ufeff# it is "x\n\n#"y\n 1,2\n\n#3,4\n')

    assert list(read_lines(path)) == [(4, ["1", "2"]), (6, ["#3", "4"])]


def test_an_empty_end_is_left_out(tmp_path):
    """Where all lines have it, a header too."""
    path = tmp_path / "a.csv"
    path.write_text("a,b,,\n1,2,,\n3,,,\n")

    assert [cells for _, cells in read_table(path)] == [["a", "b"], ["1", "2"], ["3", ""]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,\n1,2,3\n", "line 2: a value where the first line has an empty end"),
        ("a,b\n1,2,\n", "line 2: 3 cells where the first line has 2; the line ends with a comma"),
        ("a;b\n1,5;2,5\n", "line 2: 3 cells where the first line has 1; semicolons separate"),
        ("a\n1,5\n", "line 2: 2 cells where the first line has 1; are commas decimal marks?"),
        ("a,b\n1,2\n# end\n", "line 3: 1 cell where the first line has 2; comments are for"),
        ("a,b\n1\t2\n", "line 2: 1 cell where the first line has 2; tabs separate"),
        ("a,b,c\n1,2\n", "line 2: 2 cells where the first line has 3; give each line as many"),
    ],
)
def test_lines_of_another_width(tmp_path, text, message):
    """The line and the cause are named."""
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        list(read_table(path))

    assert message in str(caught.value)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(b"1,2\n3,4\n"), "is compressed: unpack it"),
        (b"PK\x03\x04rest", "is an archive or a spreadsheet"),
        (b"\x93NUMPY\x01\x00", "numpy.savetxt"),
        (b"PAR1\x15\x04", "let its name end in .parquet"),
        ("1,2\n".encode("utf-16"), "is UTF-16 text"),
        (b"a,b\n1,\xff\n", "is not UTF-8 text"),
        (b"1," + b"9" * 200_000, "is not a CSV file"),
        (b"1," * LONGEST, "line 1 has more than 4,194,304 characters"),
    ],
    ids=range(8),
)
def test_files_that_are_no_csv(tmp_path, read, content, message):
    """Each reader of CSV files names the cause in one line."""
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        READERS[read](path)

    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("read", [load, diagnose])
@pytest.mark.parametrize(
    ("ending", "message"),
    [
        (".csv.gz", "ends in '.gz', which cannot be read: unpack it, and give a .csv or"),
        (".npy", "numpy.savetxt"),
        (".xlsx", "cannot be read: give a .csv or a ."),
        ("", "ends in '', which cannot be read"),
    ],
)
def test_files_of_other_endings(tmp_path, read, ending, message):
    """The message says how such a file becomes one that can be read."""
    path = tmp_path / f"a{ending}"
    path.write_bytes(b"1,2\n3,4\n")
    with pytest.raises(InvalidInput) as caught:
        read(path)

    assert message in str(caught.value)
    assert by_ending(tmp_path / "A.CSV", {".csv": 3}) == 3


def test_a_mark_of_ones_own(tmp_path):
    """Commas are cells' then; what reads commas alone says so of tabs."""
    path = tmp_path / "a.tsv"
    path.write_text('1,5\t"a\tb"\n2\t3\n')
    assert list(read_table(path, "\t")) == [(1, ["1,5", "a\tb"]), (2, ["2", "3"])]
    with pytest.raises(InvalidInput, match=r"separate its columns by commas, and give a \.csv"):
        load(path)


def test_a_long_line_takes_little_memory(tmp_path):
    """50 MB on one line: no more than a line of the allowed length, a few times over."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"1," * 25_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput, match="give one line for each row"):
            load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 5 * LONGEST


def test_a_large_file_takes_little_memory(tmp_path):
    """Its numbers, twice while the list grows and once in the end: 8 bytes for each."""
    path = tmp_path / "a.csv"
    rows, columns = 50_000, 4
    np.savetxt(path, np.arange(rows * columns).reshape(rows, columns) / 7, delimiter=",")
    tracemalloc.start()
    try:
        values = load(path).values
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert values.shape == (rows, columns)
    assert peak < 8 * 5 * rows * columns
