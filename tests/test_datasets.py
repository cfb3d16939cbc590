"""Loading real data: what is read, and what is refused with which message."""

import sys

import numpy as np
import polars as pl
import pytest

from modelcollapse import InvalidInput, MissingDependency, datasets
from modelcollapse.datasets import load

SHAPES = {
    "breast_cancer": (569, 30),
    "diabetes": (442, 10),
    "digits": (1797, 64),
    "iris": (150, 4),
    "wine": (178, 13),
}


@pytest.mark.parametrize("name", datasets.BUILT_IN)
def test_built_in_data(name):
    """Each data set of scikit-learn has its published shape and its name."""
    data = load(name)

    assert data.values.shape == SHAPES[name]
    assert data.name == name


def test_standardized_columns():
    """Columns get mean 0 and variance 1; the constant columns of digits become exactly 0."""
    raw, data = load("digits").values, load("digits", standardize=True)
    constant = np.ptp(raw, axis=0) == 0

    assert constant.sum() == 3
    assert not data.values[:, constant].any()
    assert data.values.mean(axis=0) == pytest.approx(0.0, abs=1e-13)
    assert data.values[:, ~constant].var(axis=0) == pytest.approx(1.0, rel=1e-12)
    assert data.name == "digits, standardized"


def test_constant_columns_are_standardized_to_zero(tmp_path):
    """Even where the mean of equal numbers is not that number, to the last bit."""
    path = tmp_path / "constant.csv"
    path.write_text("".join(f"0.1,{i}\n" for i in range(10)))

    assert np.full((10, 2), 0.1).mean(axis=0)[0] != 0.1
    assert not load(path, standardize=True).values[:, 0].any()


def test_standardizing_copes_with_any_scale(tmp_path):
    """Columns near the limits of floating-point numbers are standardized like others."""
    path = tmp_path / "scales.csv"
    path.write_text("1e300,1e-300,5\n-1e300,3e-300,5\n1e300,1e-300,5\n-1e300,3e-300,5\n")

    assert load(path, standardize=True).values == pytest.approx(
        np.array([[1, -1, 0], [-1, 1, 0]] * 2)
    )


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n3,4.5\n",
        "1,2\n3,4.5\n",
        '"a","b"\r\n1,2\r\n\r\n3,4.5',
        "\ufeffa,b\n 1 ,2e0\n3,4.5\n\n",
        "\ufeff1,2\n3,4.5\n",
    ],
)
def test_csv_with_and_without_header(tmp_path, text):
    """Headers, quotes, blank lines, spaces, line ends and a byte order mark make no difference."""
    path = tmp_path / "data.CSV"
    path.write_bytes(text.encode())
    data = load(str(path))

    assert data.values.tolist() == [[1.0, 2.0], [3.0, 4.5]]
    assert data.name == str(path)


def test_parquet(tmp_path):
    """Whole, boolean and floating-point columns are read as numbers."""
    path = tmp_path / "data.parquet"
    pl.DataFrame({"a": [1, 2], "b": [True, False], "c": [0.5, 1.5]}).write_parquet(path)

    assert load(path).values.tolist() == [[1.0, 1.0, 0.5], [2.0, 0.0, 1.5]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"a,b\n", "has a header and no rows"),
        (b"a,b\n1,2\n", "has 1 row of data: at least 2 are needed"),
        (b"a,species\n1,setosa\n2,x\n", "line 2, column 'species': 'setosa' is not a number"),
        (b"1,2,x\n3,4,5\n", "line 1, column '3': 'x' is not a number"),
        (b"a;b\n1;2\n3;4\n", "separate columns by commas"),
        (b"1,1_000\n3,4\n", "'1_000' is not a number"),
        (b"a,b\n1,2\n\n3\n", "line 4: 1 cells where the first line has 2"),
        (b"1,2\n3,\n", "line 2, column '2': the value is missing"),
        (b"a,b\n1,2\n3,nan\n", "line 3, column 'b': 'nan' is not finite"),
        (b"a,b\n1,-inf\n3,4\n", "line 2, column 'b': '-inf' is not finite"),
        (b"1,2\n1,2\n1,2\n", "all 3 rows are equal, so the total variance is zero"),
        (b"a,b\n1,\xff\n", "is not UTF-8 text"),
        (b"1," + b"9" * 200_000 + b"\n", "is not a CSV file"),
    ],
)
def test_wrong_csv_files(tmp_path, content, message):
    """One line says which file, line and column, and what is wrong there."""
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        load(path)

    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1.0, None, 3.0], "b": [1, 2, 3]}, "row 2, column 'a': the value is missing"),
        ({"a": [1.0, 2.0], "b": [0.0, np.inf]}, "row 2, column 'b'"),
        ({"a": [1.0, 2.0], "kind": ["x", "y"]}, "column 'kind' holds String, not numbers"),
        ({"a": [1.0]}, "has 1 row of data"),
        ({"a": []}, "has 1 columns and 0 rows"),
        ({"a": [2, 2], "b": [3, 3]}, "the total variance is zero"),
    ],
)
def test_wrong_parquet_files(tmp_path, columns, message):
    """One line says which file, row and column, and what is wrong there."""
    path = tmp_path / "data.parquet"
    pl.DataFrame(columns).write_parquet(path)
    with pytest.raises(InvalidInput) as caught:
        load(path)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_damaged_parquet_file(tmp_path):
    """A file that only calls itself Parquet is named."""
    path = tmp_path / "data.parquet"
    path.write_bytes(b"no parquet")

    with pytest.raises(InvalidInput, match="is not a Parquet file"):
        load(path)


def test_parquet_without_polars(tmp_path, monkeypatch):
    """Without polars, the message gives the command that installs it."""
    path = tmp_path / "data.parquet"
    pl.DataFrame({"a": [1, 2]}).write_parquet(path)
    monkeypatch.setitem(sys.modules, "polars", None)

    with pytest.raises(MissingDependency, match=r"pip install 'modelcollapse\[frames\]'"):
        load(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digit", "unknown data set 'digit'; did you mean digits"),
        ("mnist", "no file has that name either"),
        ("nothing.csv", "nothing.csv: no such file"),
        ("folder/nothing", "nothing: no such file"),
        ("a\0b", "no file has that name either"),
        ("x" * 5000, "cannot be read"),
        (None, "data = None is neither a name nor a path"),
        (3, "data = 3 is neither a name nor a path"),
    ],
)
def test_data_that_does_not_exist(name, message):
    """A wrong name lists the nearest ones and says that it is no file; a wrong path is shown."""
    with pytest.raises(InvalidInput) as caught:
        load(name)

    assert message in str(caught.value)


def test_what_is_no_table(tmp_path):
    """A directory, another ending and an unreadable file are refused."""
    other = tmp_path / "data.xlsx"
    other.write_bytes(b"")
    for path, message in ((tmp_path, "is a directory"), (other, "ends in '.xlsx'")):
        with pytest.raises(InvalidInput, match=message):
            load(path)


def test_a_file_that_cannot_be_opened(tmp_path, monkeypatch):
    """An error of the operating system becomes one line."""
    path = tmp_path / "data.csv"
    path.write_text("1\n2\n")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(InvalidInput, match="cannot be read: Permission denied"):
        load(path)
