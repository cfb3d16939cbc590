"""Loading data: what is read, what is drawn, and what is refused with which message.

The laws of the paper's data sets are tested as exact statements about independent rows: at
alpha = 1e-9, under any seed.
"""

import itertools
import sys

import numpy as np
import polars as pl
import pytest
import sklearn.datasets
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr
from sklearn.neighbors import KernelDensity

from modelcollapse import InvalidInput, MissingDependency, datasets
from modelcollapse._support import generators
from modelcollapse.datasets import blobs_mixture, load, paper, split
from modelcollapse.testing import assert_frequency, assert_law, assert_mean, assert_same_law

SHAPES = {
    "breast_cancer": (569, 30),
    "diabetes": (442, 10),
    "digits": (1797, 64),
    "iris": (150, 4),
    "wine": (178, 13),
}
COLUMNS = {"blobs": 2, "blobs-mismatched": 2, "circles": 2, "moons": 2, "swiss_roll": 3}
FIXED = ["blobs", "circles", "moons", "swiss_roll"]
CURVES = {"circles": sklearn.datasets.make_circles, "moons": sklearn.datasets.make_moons}
CENTRES = np.array([[-6.0, -4.0], [1.0, 7.0], [5.0, -3.0]])
EPS = np.finfo(float).eps


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


def test_rounding_is_not_standardized(tmp_path):
    """A column whose numbers differ in their last bits is constant."""
    path = tmp_path / "rounded.csv"
    numbers = (0.1 + 0.2, 0.3, 0.15 + 0.15)
    path.write_text("".join(f"{x!r},{i}\n" for i, x in enumerate(numbers)))

    assert load(path).values[:, 0].std() > 0
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


@pytest.mark.parametrize(
    "text",
    [
        "1,2\n3,4\n5,6\n",
        "0,1,2\n3,4,5\n6,7,8\n",
        "0,1\n0,2\n1,3\n",
        "0,1\n1,0\n1,1\n",
        "2018,2019\n2015,2017\n2020,2021\n",
        "0,1\n0.5,0.25\n0,3\n",
        "2018.0,2019.0\n1.5,2.5\n0.5,1.5\n",
        "3,1,2\n0.5,1.5,2.5\n1.5,2.5,3.5\n",
        "5,5,5\n0.5,1.5,2.5\n1.5,2.5,3.5\n",
        "-1,0,1\n0.5,1.5,2.5\n1.5,2.5,3.5\n",
        "1\n2\n3\n",
        "0\n5\n7\n",
        "2\n1.5\n2.5\n",
        "1,2\n3,4.5\n",
    ],
)
def test_a_first_line_of_numbers_is_data(tmp_path, text):
    """Where it is like the lines below, or could not be a header."""
    path = tmp_path / "data.csv"
    path.write_text(text)

    lines = text.split()
    assert load(path).values.tolist() == [list(map(float, line.split(","))) for line in lines]


@pytest.mark.parametrize(
    "text",
    [
        "2018,2019\n1.5,2.5\n0.5,1.5\n",
        "2018,2019\n100,120\n130,90\n",
        "2018,2019,2020\n3,1.5,2.5\n4,0.5,1.5\n",
        "1990,2000,2010\n3,1,2\n4,0,1\n",
        "0,1\n0.3,-0.5\n-0.1,1.2\n",
        "0,1\n5,0.3\n7,0.8\n",
        "0,1,2,3\n0,5,0,13\n0,7,3,15\n9,0,0,1\n",
        "400,402,404\n0.1,0.2,0.3\n0.2,0.1,0.4\n",
        "0\n-0.5\n0.25\n0.75\n",
        "2018\n1.5\n2.5\n",
        "0,1,\n0.3,0.5,\n0.1,1.2,\n",
        "# comment\n0,1\n0.3,0.5\n0.1,1.2\n",
    ],
)
def test_a_first_line_of_numbers_that_may_be_a_header_is_refused(tmp_path, text):
    """As pandas writes it; a line of names in its place, or before it, settles it."""
    path = tmp_path / "data.csv"
    path.write_text(text)
    number = text.split("\n").index(next(x for x in text.split("\n") if x[0] != "#")) + 1
    with pytest.raises(InvalidInput, match=f"line {number}: .* may be names of columns or data"):
        load(path)

    lines = [line.strip(",") for line in text.split("\n") if line and line[0] != "#"]
    names = ",".join("ab" for _ in lines[0].split(","))
    for kept in (lines, lines[1:]):
        path.write_text("\n".join([names, *kept]))
        assert len(load(path).values) == len(kept)


@given(seed=st.integers(0, 2**32), columns=st.integers(1, 4), rows=st.integers(3, 20))
def test_what_pandas_writes_is_no_row_too_many(tmp_path_factory, seed, columns, rows):
    """Whatever the header and the index: names are read, and the rest is refused."""
    pd = pytest.importorskip("pandas")
    values = np.random.default_rng(seed).normal(size=(rows, columns))
    path = tmp_path_factory.mktemp("csv") / "data.csv"
    for names in (None, range(2018, 2018 + columns), [f"x{i}" for i in range(columns)]):
        frame = pd.DataFrame(values, columns=names)
        for index in (True, False):
            frame.to_csv(path, index=index)
            if isinstance(names, list) and not index:
                assert np.array_equal(load(path).values, values)
            else:
                with pytest.raises(InvalidInput):
                    load(path)
    frame.to_csv(path, index=False, header=False)
    assert np.array_equal(load(path).values, values)


@given(seed=st.integers(0, 2**32), columns=st.integers(1, 4))
def test_what_numpy_writes_is_read(tmp_path_factory, seed, columns):
    """With a comment for a header, and without."""
    values = np.random.default_rng(seed).normal(size=(5, columns))
    path = tmp_path_factory.mktemp("csv") / "data.csv"
    for header in ("", ",".join("abcd"[:columns])):
        np.savetxt(path, values, delimiter=",", header=header, fmt="%.17g")
        assert np.array_equal(load(path).values, values)


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
        (b",a,b\n0,1,2\n1,3,4\n", "cell 1 is empty; if the line is a header, name the column"),
        (b",0,1\n0,1.5,2\n1,3,4\n", "in pandas: index=False"),
        (b"1,5;2,5\n3,5;4,5\n", "line 1, column '2': '5;2' is not a number; semicolons"),
        (b"a\tb\n1\t2\n3\t4\n", "tabs separate columns: separate columns by commas"),
        (b"1 2\n3 4\n", "separate columns by commas"),
        (b"a,b\n1,2,\n3,4,\n", "3 cells where the first line has 2; the line ends with a comma"),
        (b"a;b\n1;2\n3;4\n", "separate columns by commas"),
        (b"1,1_000\n3,4\n", "'1_000' is not a number"),
        (b"a,b\n1,2\n\n3\n", "line 4: 1 cell where the first line has 2"),
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
        ({"a": []}, "has 1 column and 0 rows"),
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


def test_errors_of_other_packages_are_told_in_their_first_line(tmp_path, monkeypatch):
    """What polars goes on to say is left out."""

    def refuse(*_, **__):
        raise pl.exceptions.ComputeError("no footer\nmore\nand more")

    path = tmp_path / "data.parquet"
    path.write_bytes(b"no parquet")
    monkeypatch.setattr(pl, "read_parquet", refuse)
    with pytest.raises(InvalidInput) as caught:
        load(path)

    assert str(caught.value).startswith(f"{path} is not a Parquet file (no footer): give one, or")


def test_parquet_without_polars(tmp_path, monkeypatch):
    """Without polars, the message gives the command that installs it."""
    path = tmp_path / "data.parquet"
    pl.DataFrame({"a": [1, 2]}).write_parquet(path)
    monkeypatch.setitem(sys.modules, "polars", None)

    with pytest.raises(MissingDependency, match=r"in a clone.* pip install '\.\[frames\]'$"):
        load(path)


def test_an_index_of_pandas_is_no_data(tmp_path):
    """A Parquet file says which columns it is in."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2, 4], "b": [1.0, 2, 5]}, index=[7, 8, 9])
    frame.to_parquet(tmp_path / "with.parquet")
    frame.reset_index(drop=True).to_parquet(tmp_path / "without.parquet")
    with pytest.raises(InvalidInput, match="'__index_level_0__' is an index of pandas"):
        load(tmp_path / "with.parquet")
    assert load(tmp_path / "without.parquet").values.shape == (3, 2)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digit", "unknown data set 'digit'; did you mean digits"),
        ("mnist", "no file has that name either"),
        ("moon", "unknown data set 'moon'; did you mean moons"),
        ("swiss-roll", "did you mean swiss_roll"),
        ("nothing.csv", "nothing.csv: no such file"),
        ("folder/nothing", "nothing: no such file"),
        ("a\0b", "no file has that name either"),
        ("x" * 5000, "cannot be read"),
        (None, "data = None is not valid: give a name, a path or a table"),
        (3, "data = 3 is not valid: give a name, a path or a table"),
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


@pytest.mark.parametrize("name", datasets.PAPER)
def test_shapes_of_the_papers_data(name):
    """Both parts of a split have the sizes asked for; a loaded name is 10,000 rows of seed 0."""
    train, test = split(name, 7, 1, seed=3)
    loaded = load(name)

    assert paper(name, np.int64(5), np.int64(3)).values.shape == (5, COLUMNS[name])
    assert (train.values.shape, test.shape) == ((7, COLUMNS[name]), (1, COLUMNS[name]))
    assert train.name == loaded.name == name
    assert loaded.values.shape == (10_000, COLUMNS[name])
    assert np.array_equal(loaded.values, paper(name, 10_000, 0).values)
    assert load(name, standardize=True).values.var(axis=0) == pytest.approx(1.0, rel=1e-12)


def test_names_with_numbers():
    """Rows and a seed may follow the name; nobody can change what is loaded again."""
    assert np.array_equal(load("moons:50").values, paper("moons", 50, 0).values)
    assert np.array_equal(load("moons:50:7").values, paper("moons", 50, 7).values)
    assert load("moons:50:7").name == "moons:50:7"
    assert load("moons:50:7") is load("moons:50:7")
    with pytest.raises(ValueError, match="read-only"):
        load("moons:50").values[0] = 0.0
    assert load("blobs:50", standardize=True).values.mean(axis=0) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("text", ["moons:", "moons:x", "moons:5:", "moons:-5", "moons:5:1:2"])
def test_wrong_numbers_after_a_name(text):
    """The message says how it is written."""
    with pytest.raises(InvalidInput, match="give moons, moons:ROWS or moons:ROWS:SEED"):
        load(text)
    with pytest.raises(InvalidInput, match="rows = 1 is not valid"):
        load("moons:1")


@pytest.mark.parametrize("name", datasets.PAPER)
def test_equal_arguments_equal_bits(name):
    """Whatever was drawn before, from NumPy's global generator too; a part ignores the other."""
    before = generators.state()
    whole, (train, test) = paper(name, 50, 8), split(name, 40, 30, 8)

    assert np.array_equal(paper(name, 50, 8).values, whole.values)
    assert np.array_equal(split(name, 40, 2, 8)[0].values, train.values)
    assert np.array_equal(split(name, 2, 30, 8)[1], test)
    assert generators.state() == before


@pytest.mark.parametrize("name", datasets.PAPER)
def test_no_row_is_drawn_twice(name):
    """Neither in the two parts of a split, nor in what `paper` draws with this or other seeds.

    Among 5000 rows of two or three numbers of 50 bits, a chance repetition has probability 1e-22.
    """
    train, test = split(name, 1000, 1000, 5)
    drawn = [train.values, test, *(paper(name, 1000, s).values for s in (5, 6, 2**40))]

    assert len(np.unique(np.concatenate(drawn), axis=0)) == 5000


def test_streams_of_one_seed_are_uncorrelated(seed):
    """Of a split's two parts, of the whole, and of the next seed's whole, on both coordinates.

    Samples of one law with mean 0: by Cauchy-Schwarz E(xy)^2 <= E x^4, dependent or not.
    """
    train, test = split("blobs", 20_000, 20_000, seed)
    wholes = (paper("blobs", 20_000, s).values for s in (seed, seed + 1))
    fourth = (CENTRES**4 + 6 * CENTRES**2 + 3).mean(axis=0)

    for a, b in itertools.combinations([train.values, test, *wholes], 2):
        for j in range(2):
            outcome = assert_mean(a[:, j] * b[:, j], 0.0, fourth[j])
            assert outcome.detectable < 0.15 * fourth[j]


def assert_same_laws(a, b):
    """Assert that two samples of rows have one law in each coordinate."""
    for x, y in zip(a.T, b.T, strict=True):
        assert_same_law(x, y)


@pytest.mark.parametrize("name", FIXED)
def test_training_and_test_data_have_one_law(name, seed):
    """In every coordinate, for parts of different sizes."""
    train, test = split(name, 20_000, 10_000, seed)
    assert_same_laws(train.values, test)


@pytest.mark.parametrize("name", FIXED)
def test_the_law_does_not_depend_on_the_number_of_rows(name, seed):
    """A thousand draws of two rows are two thousand independent rows of the law of a large draw."""
    seeds = np.random.SeedSequence(seed, spawn_key=(1,)).generate_state(1000).tolist()
    pairs = np.concatenate([paper(name, 2, s).values for s in seeds])
    assert_same_laws(pairs, paper(name, 20_000, seed).values)


def test_moments_of_the_blobs():
    """Exactly those of three unit normals in equal parts, but for rounding.

    Fewer than twenty operations each, on numbers below 26, round once.
    """
    mixture = blobs_mixture()

    assert np.array_equal(mixture.means, CENTRES)
    assert mixture.mean == pytest.approx(np.zeros(2), abs=20 * 26 * EPS)
    assert mixture.covariance == pytest.approx(
        np.array([[65, 16], [16, 77]]) / 3, rel=0, abs=20 * 26 * EPS
    )
    assert mixture.weights.tolist() == [1 / 3] * 3


@pytest.mark.parametrize("direction", [(1.0, 0.0), (0.0, 1.0), (0.6, 0.8)])
def test_law_of_the_blobs(direction, seed):
    """In each direction a mixture of three unit normals; laws that differ by 0.03 are told apart.

    With the balanced sizes of make_blobs, rows would depend on each other.
    """
    u = np.array(direction)
    rows = paper("blobs", 50_000, seed).values
    outcome = assert_law(
        rows @ u, lambda x: ndtr(np.subtract.outer(x, CENTRES @ u)).mean(axis=1), alpha=1e-9
    )

    assert outcome.detectable < 0.03


def test_sample_moments_of_the_blobs(seed):
    """Mean and covariance of a million rows are the mixture's, to 0.07 and to 0.5.

    With Z standard normal, E(a + Z)^2 = a^2 + 1 and E(a + Z)^4 = a^4 + 6 a^2 + 3.
    """
    mixture, x = blobs_mixture(), paper("blobs", 1_000_000, seed).values
    square, fourth = CENTRES**2 + 1, (CENTRES**4 + 6 * CENTRES**2 + 3).mean(axis=0)

    for i, j in ((0, 0), (0, 1), (1, 1)):
        claimed = mixture.covariance[i, j]
        second = fourth[i] if i == j else (square[:, i] * square[:, j]).mean()
        outcome = assert_mean(x[:, i] * x[:, j], claimed, second - claimed**2)
        assert outcome.detectable < 0.5
    for i in range(2):
        outcome = assert_mean(x[:, i], mixture.mean[i], mixture.covariance[i, i])
        assert outcome.detectable < 0.07


@pytest.mark.parametrize("name", CURVES)
def test_law_of_circles_and_moons(name, seed):
    """scikit-learn's noiseless points, equally probable, and normal noise of 0.05."""
    curve = CURVES[name](10_000, shuffle=False)[0]
    rows = paper(name, 1000, seed).values
    for j in range(2):
        assert_law(
            rows[:, j],
            lambda x, points=curve[:, j]: np.array([ndtr((y - points) / 0.05).mean() for y in x]),
        )


@pytest.mark.parametrize("name", CURVES)
def test_noise_of_circles_and_moons(name, seed):
    """The noise carries the right share of rows above 1.1; 0.045 and 0.055 would be told apart."""
    heights = CURVES[name](10_000, shuffle=False)[0][:, 1]
    low, claimed, high = (ndtr((heights - 1.1) / s).mean() for s in (0.045, 0.05, 0.055))
    above = np.count_nonzero(paper(name, 2_000_000, seed).values[:, 1] > 1.1)
    outcome = assert_frequency(above, 2_000_000, claimed)

    assert heights.max() <= 1
    assert low + outcome.detectable < claimed < high - outcome.detectable


def smeared(x, low, high, deviation):
    """Return the cdf at x of U + deviation Z, U uniform on [low, high] and Z standard normal."""

    def integral(z):
        return z * ndtr(z) + np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)

    upper, lower = integral((x - low) / deviation), integral((x - high) / deviation)
    return deviation / (high - low) * (upper - lower)


def test_swiss_roll(seed):
    """Its width is uniform on [0, 21], and noise of 0.05 puts the right share of rows outside.

    That share is 2 smeared(0) = 0.0019; the noise is found to within a third.
    """
    width = paper("swiss_roll", 2_000_000, seed).values[:, 1]
    outside = np.count_nonzero((width < 0) | (width > 21))
    claimed = 2 * float(smeared(np.array(0.0), 0, 21, 0.05))
    outcome = assert_frequency(outside, len(width), claimed)

    assert outcome.detectable < claimed / 3
    assert_law(width[:20_000], lambda x: smeared(x, 0, 21, 0.05))


def test_centres_of_mismatched_blobs(seed):
    """Over seeds a row is a uniform centre in [-10, 10]^2 and a standard normal."""
    seeds = np.random.SeedSequence(seed, spawn_key=(2,)).generate_state(2000).tolist()
    rows = np.array([paper("blobs-mismatched", 2, s).values[0] for s in seeds])
    for column in rows.T:
        assert_law(column, lambda x: smeared(x, -10, 10, 1))


def test_mismatched_mixtures():
    """With a seed the mixture has the centres that the rows of that seed are about."""
    with pytest.raises(InvalidInput, match="seed = -1 is not valid"):
        blobs_mixture(-1)
    for chosen in range(5):
        law, rows = blobs_mixture(chosen), paper("blobs-mismatched", 3000, chosen).values
        gaps = rows[:, None] - law.means
        nearest = np.linalg.norm(gaps, axis=2).min(axis=1)
        assert np.abs(law.means).max() <= 10
        assert nearest.max() < 6
        assert rows.mean(axis=0) == pytest.approx(law.mean, abs=1)
    assert not np.allclose(blobs_mixture(0).means, blobs_mixture(1).means)
    assert blobs_mixture().means == pytest.approx(CENTRES)


# Fixed seeds: centres that happen to agree are improbable, but not to the level of the tests.
@pytest.mark.parametrize("chosen", range(5))
def test_mismatched_blobs_are_told_apart(chosen):
    """Training and test data differ in law, and so do two seeds."""
    train, test = split("blobs-mismatched", 5000, 5000, chosen)
    other = paper("blobs-mismatched", 5000, chosen).values
    for a, b in itertools.combinations([train.values, test, other], 2):
        with pytest.raises(AssertionError, match="rejected: one law"):
            assert_same_laws(a, b)


@pytest.mark.parametrize("chosen", range(5))
def test_mismatched_blobs_reward_blur(chosen):
    """On other centres a kernel density estimate is the better, the more it is blurred."""
    losses = {}
    for name in ("blobs", "blobs-mismatched"):
        train, test = split(name, 300, 500, chosen)
        fits = (KernelDensity(bandwidth=h).fit(train.values) for h in (0.5, 1.0, 2.0, 4.0))
        losses[name] = np.diff([-fit.score(test) / len(test) for fit in fits])

    assert np.all(losses["blobs"] > 0)
    assert np.all(losses["blobs-mismatched"] < 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("moon", 10, 0), "unknown data set 'moon'; did you mean moons"),
        (("blob", 10, 0), "did you mean blobs, blobs-mismatched"),
        (("iris", 10, 0), "unknown data set 'iris'; "),
        ((["moons"], 10, 0), "unknown data set ['moons']"),
        ((None, 10, 0), "unknown data set None; "),
        (("xyz", 10, 0), "known: blobs, blobs-mismatched, circles, moons, swiss_roll"),
        (("moons", 1, 0), "rows = 1 is not valid: give a whole number, at least 2"),
        (("moons", 10.0, 0), "rows = 10.0 is not valid"),
        (("moons", True, 0), "rows = True is not valid"),
        (("moons", "10", 0), "rows = '10' is not valid"),
        (("moons", 10, -1), "seed = -1 is not valid: give a whole number, at least 0"),
        (("moons", 10, 0.5), "seed = 0.5 is not valid"),
        (("moons", 10, None), "seed = None is not valid"),
    ],
)
def test_what_paper_refuses(arguments, message):
    """The message names the argument, its value and the remedy."""
    with pytest.raises(InvalidInput) as caught:
        paper(*arguments)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("swiss", 10, 10, 0), "did you mean swiss_roll"),
        (("moons", 1, 10, 0), "train = 1 is not valid: give a whole number, at least 2"),
        (("moons", 10, 0, 0), "test = 0 is not valid: give a whole number, at least 1"),
        (("moons", 10, 5.5, 0), "test = 5.5 is not valid"),
        (("moons", 10, 10, "a"), "seed = 'a' is not valid"),
    ],
)
def test_what_split_refuses(arguments, message):
    """Likewise."""
    with pytest.raises(InvalidInput) as caught:
        split(*arguments)

    assert message in str(caught.value)
