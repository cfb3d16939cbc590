"""Tables in the plain loop: data frames of three libraries, columns of any kind, and files."""

import pickle
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.stats import gaussian_kde
from sklearn.mixture import GaussianMixture

import modelcollapse as mc
from modelcollapse.loop.truth import Law, Table, of_data
from tests.helpers.toys import FLOORED, WORKFLOWS

ROWS = np.random.default_rng(3).normal(size=(40, 2)) @ np.array([[1.0, 0.4], [0.0, 0.7]]) + 2
NAMES = ["width", "height"]
FRAMES = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
}
KINDS = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.Table}
TOWNS = ("Bonn", "Köln", "Trier")


@pytest.fixture(params=FRAMES)
def library(request):
    """Return the name of a library of data frames."""
    return request.param


def framed(library, rows=ROWS, names=NAMES):
    """Return rows as a data frame."""
    return FRAMES[library](dict(zip(names, np.asarray(rows).T.copy(), strict=True)))


class Seen:
    """A Gaussian that remembers, in a list of its class, what it was given."""

    given: ClassVar = []

    def fit(self, X):
        """Fit."""
        self.given.append(X)
        self.model = mc.Gaussian().fit(X)
        return self

    def sample(self, n, random_state):
        """Sample."""
        return self.model.sample(n, random_state)

    def score_samples(self, X):
        """Score."""
        self.given.append(X)
        return self.model.score_samples(X)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=repr)
@pytest.mark.parametrize("estimator", [mc.Gaussian(), mc.KDE(0.4)], ids=["gaussian", "kde"])
def test_a_data_frame_is_its_rows(library, workflow, estimator):
    """Every number is that of the array, to the last bit."""
    there = mc.run(estimator, framed(library), workflow, 20, 4, seed=1, test=framed(library))
    here = mc.run(estimator, ROWS, workflow, 20, 4, seed=1, test=ROWS)

    assert there.metrics.keys() == here.metrics.keys()
    for name in here.metrics:
        assert np.array_equal(there[name], here[name]), name
    for ours, theirs in zip(here.batches, there.batches, strict=True):
        assert np.array_equal(ours, theirs)


@FLOORED
def test_names_reach_the_estimator(library):
    """A fit and a score are given data frames of the same library, and copies."""
    Seen.given.clear()
    frame = framed(library)
    mc.run(Seen(), frame, mc.Replace(), 15, 3, test=frame)

    assert {type(X) for X in Seen.given} == {KINDS[library]}
    assert {tuple(getattr(X, "column_names", X.columns)) for X in Seen.given} == {tuple(NAMES)}
    assert mc.run(mc.KDE(0.3), frame, mc.Replace(), 15, 2).model.feature_names_in_.tolist() == NAMES
    mixture = mc.run(GaussianMixture(2), frame, mc.Accumulate(), 15, 4, test=frame)
    assert mixture.completed
    assert mixture.model.feature_names_in_.tolist() == NAMES
    assert not mixture.warnings
    Seen.given.clear()
    mc.run(Seen(), ROWS, mc.Replace(), 15, 3)
    assert {type(X) for X in Seen.given} == {np.ndarray}


def test_columns_in_another_order_are_put_in_order(library):
    """Of a test set and of what is sampled; other names are refused."""

    class Turned(Seen):
        def sample(self, n, random_state):
            return framed(library, super().sample(n, random_state)[:, ::-1], NAMES[::-1])

    turned = mc.run(Turned(), framed(library), mc.Replace(), 15, 3)
    plain = mc.run(Seen(), framed(library), mc.Replace(), 15, 3)
    assert np.array_equal(turned["central_variance"], plain["central_variance"])
    test = framed(library, ROWS[:, ::-1], NAMES[::-1])
    here, there = (
        mc.run(mc.Gaussian(), framed(library), mc.Replace(), 15, 3, test=t)["test_log_loss"]
        for t in (framed(library), test)
    )
    assert np.array_equal(here, there)
    with pytest.raises(mc.InvalidInput, match="test has the columns width, depth, and the data"):
        mc.run(
            mc.Gaussian(),
            framed(library),
            mc.Replace(),
            15,
            3,
            test=framed(library, ROWS, ["width", "depth"]),
        )


def test_one_column_and_tensors_and_paths(tmp_path):
    """Series of both libraries, tensors with a gradient, CSV and Parquet files."""
    line = ROWS[:, :1]
    wanted = mc.run(mc.Gaussian(), line, mc.Accumulate(), 9, 4)["variance"]
    pl.DataFrame({"a": line[:, 0]}).write_csv(tmp_path / "a.csv")
    pl.DataFrame({"a": line[:, 0]}).write_parquet(tmp_path / "a.parquet")
    torch = pytest.importorskip("torch")
    given = [
        pd.Series(line[:, 0]),
        pl.Series(line[:, 0]),
        pa.chunked_array([line[:, 0]]),
        pa.table({"a": line[:, 0]}).to_reader(),  # a stream that only Arrow's interface reads
        pd.DataFrame({"a": [Decimal(x) for x in line[:, 0]]}),
        pd.DataFrame({("a", "b"): line[:, 0]}),
        torch.tensor(line, requires_grad=True),
        line.tolist(),
        tmp_path / "a.csv",
        str(tmp_path / "a.parquet"),
        mc.Rows(line),
        mc.datasets.load(pd.DataFrame({"a": line[:, 0]})),
    ]
    for data in given:
        assert np.array_equal(
            mc.run(mc.Gaussian(), data, mc.Accumulate(), 9, 4)["variance"], wanted
        )


def test_loading_a_table_standardises_it(library):
    """With the names kept."""
    data = mc.datasets.load(framed(library), standardize=True)

    assert data.mean == pytest.approx([0.0, 0.0], abs=1e-15)
    assert np.diag(data.covariance) == pytest.approx([1.0, 1.0])
    assert data.form.names == tuple(NAMES)
    assert data.form.library == library


def test_rows_are_an_array():
    """Shape, length, entries, and NumPy takes them."""
    rows = mc.Rows(ROWS)
    assert rows.shape == (40, 2)
    assert len(rows) == 40
    assert np.array_equal(rows[3:5, 0], ROWS[3:5, 0])
    assert np.array_equal(np.asarray(rows), ROWS)
    assert np.asarray(rows, dtype=np.float32).dtype == np.float32
    copied = np.array(rows)
    copied[0] = 9
    assert np.array_equal(rows.values, ROWS)
    with pytest.raises(ValueError, match="read-only"):
        rows[:][0, 0] = 1.0
    assert np.asarray(rows).mean(axis=0) == pytest.approx(rows.mean)


@dataclass
class Twin:
    """A model of (number, code): a normal law for the number, frequencies for the code."""

    def fit(self, X):
        """Learn both columns."""
        self.centre, self.spread = X[:, 0].mean(), X[:, 0].std()
        self.shares = np.bincount(X[:, 1].astype(int), minlength=3) / len(X)
        return self

    def sample(self, n, random_state):
        """Draw rows."""
        rng = np.random.default_rng(random_state)
        numbers = self.centre + self.spread * rng.standard_normal(n)
        return np.column_stack([numbers, rng.choice(3, n, p=self.shares)])


@dataclass
class Synthesiser:
    """The same of a table with a number and a town, as makers of synthetic tables are."""

    def fit(self, table):
        """Learn a data frame of any library."""
        names = list(getattr(table, "column_names", table.columns))
        self.make = table.__class__
        numbers, towns = (np.array(table[name].to_numpy()) for name in names)
        codes = [TOWNS.index(town) for town in towns]
        self.names, self.twin = names, Twin().fit(np.column_stack([numbers, codes]))
        return self

    def sample(self, n, random_state):
        """Draw a table of pandas, whatever the training table was."""
        drawn = self.twin.sample(n, random_state)
        towns = [TOWNS[int(code)] for code in drawn[:, 1]]
        return pd.DataFrame(dict(zip(self.names, (drawn[:, 0], towns), strict=True)))


CODES = np.random.default_rng(8).integers(0, 3, size=40)
CODED = np.column_stack([ROWS[:, 0], CODES])


def mixed(library):
    """Return a table with a number and a town."""
    return FRAMES[library]({"size": CODED[:, 0].copy(), "town": [TOWNS[c] for c in CODES]})


@pytest.mark.parametrize("workflow", [w for w in WORKFLOWS if "0.3" not in repr(w)], ids=repr)
def test_a_mixed_table_is_its_coded_rows(library, workflow):
    """The loop on numbers and texts is that on numbers and codes, row by row."""
    there = mc.run(Synthesiser(), mixed(library), workflow, 15, 4, seed=2)
    here = mc.run(Twin(), CODED, workflow, 15, 4, seed=2)

    assert there.completed
    for ours, theirs in zip(here.batches, there.batches, strict=True):
        assert isinstance(theirs, KINDS[library])
        assert np.array_equal(theirs["size"].to_numpy(), ours[:, 0])
        assert list(theirs["town"].to_numpy()) == [TOWNS[int(code)] for code in ours[:, 1]]


def test_a_mixed_tables_metrics_are_those_of_its_numbers(library):
    """And why there are no others is said."""
    there = mc.run(
        Synthesiser(),
        mixed(library),
        mc.Replace(),
        15,
        4,
        seed=2,
        metrics={
            "towns": lambda sample, reference, rows: len(
                {str(t) for t in sample["town"].to_numpy()}
                | {*map(str, rows["town"].to_numpy())}
                | {*map(str, reference["town"].to_numpy())}
            ),
        },
    )
    numbers = mc.Rows(CODED[:, 0])
    for name in ("second_moment", "central_variance"):

        def measured(rows, name=name):
            centre = numbers.mean if name == "second_moment" else rows.mean(axis=0)
            return ((rows - centre) ** 2).sum(axis=1).mean() / np.trace(numbers.covariance)

        expected = [measured(batch["size"].to_numpy()[:, None]) for batch in there.batches]
        assert there[name] == pytest.approx(expected, rel=1e-12)
    assert there["towns"].tolist() == [3.0] * 4
    with pytest.raises(mc.InvalidInput, match="variance was not measured: Synthesiser has no"):
        there["variance"]
    with pytest.raises(mc.InvalidInput, match="test_log_loss was not measured: there is no test"):
        there["test_log_loss"]


def test_a_mixed_run_is_resumed(library, tmp_path):
    """From a file, with the same rows of the same types."""
    whole = mc.run(Synthesiser(), mixed(library), mc.Accumulate(), 15, 5, seed=4)
    file = tmp_path / "run.npz"
    mc.run(Synthesiser(), mixed(library), mc.Accumulate(), 15, 3, seed=4, checkpoint=file)
    again = mc.run(Synthesiser(), mixed(library), mc.Accumulate(), 15, 5, seed=4, checkpoint=file)

    assert np.array_equal(whole["second_moment"], again["second_moment"])
    for ours, theirs in zip(whole.batches, again.batches, strict=True):
        assert ours.equals(theirs)
    changed = mixed("pandas")
    changed.loc[0, "town"] = "Bonn" if changed["town"][0] != "Bonn" else "Trier"
    with pytest.raises(mc.InvalidInput, match="belongs to another run: data is"):
        mc.run(
            Synthesiser(),
            FRAMES[library](changed.to_dict("list")),
            mc.Accumulate(),
            15,
            5,
            seed=4,
            checkpoint=file,
        )


def test_types_of_pandas_come_back(tmp_path):
    """Categories with their order, whole numbers, truth values and missing texts."""
    table = pd.DataFrame(
        {
            "size": np.arange(12),
            "grade": pd.Categorical(["b", "a", "c"] * 4, ["c", "b", "a"], ordered=True),
            "old": [True, False] * 6,
            "note": ["x", None, "y"] * 4,
        }
    )

    class Bootstrap:
        def fit(self, X):
            self.X = X
            return self

        def sample(self, n, random_state):
            return self.X.sample(n, replace=True, random_state=random_state)

    file = tmp_path / "run.npz"
    mc.run(Bootstrap(), table, mc.Replace(), 10, 2, checkpoint=file)
    again = mc.run(Bootstrap(), table, mc.Replace(), 10, 4, checkpoint=file)
    whole = mc.run(Bootstrap(), table, mc.Replace(), 10, 4)
    for ours, theirs in zip(whole.batches, again.batches, strict=True):
        pd.testing.assert_frame_equal(ours.reset_index(drop=True), theirs.reset_index(drop=True))
        assert (theirs.dtypes == table.dtypes).all()


@pytest.mark.parametrize(
    ("drawn", "message"),
    [
        (lambda n: np.zeros((n, 2)), "return a data frame with the columns size, town"),
        (lambda n: pd.DataFrame({"size": np.zeros(n)}), "has the columns size: return a data"),
        (lambda n: mixed("pandas").iloc[: n - 1], "returned 14 rows, wanted 15"),
        (lambda n: mixed("pandas").iloc[:n].assign(size="wide"), "column 'size', holds String"),
        (lambda n: mixed("pandas").iloc[:n].assign(size=np.nan), "15 rows whose numbers are"),
    ],
)
def test_what_is_no_such_table_ends_the_run(drawn, message):
    """The outcome says what was sampled and what is wanted."""

    class Wrong(Synthesiser):
        def sample(self, n, random_state):
            return drawn(n) if n == 15 else super().sample(n, random_state)

    with pytest.raises(mc.InvalidInput) as caught:
        mc.run(Wrong(), mixed("pandas"), mc.Replace(), 15, 3)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("given", "drawn", "there"),
    [
        ([1, 2, 3, 4], [1.5, 2.0], "Float64, not Int64"),
        ([True, False] * 2, [0.2, 1.0], "Float64, not Boolean"),
        ([True, False] * 2, [2, 1], "Int64, not Boolean"),
        (["a", "b"] * 2, [1.0, 2.0], "Float64, not String"),
        ([1.0, 2.0, 3.0, 4.0], ["1", "2"], "String, not Float64"),
    ],
)
def test_no_value_is_changed_by_a_type(library, given, drawn, there):
    """What is sampled keeps its digits, or ends the run: whole numbers are not cut off."""
    table = FRAMES[library]({"x": given, "town": ["Bonn", "Ulm"] * 2})

    class Other:
        def fit(self, _):
            return self

        def sample(self, n):
            return FRAMES[library]({"x": drawn * (n // 2), "town": ["Bonn", "Ulm"] * (n // 2)})

    with pytest.raises(mc.InvalidInput, match=f"column 'x', holds {there}"):
        mc.run(Other(), table, mc.Replace(), 4, 3, seed_global=True)


def test_types_that_hold_the_same_values_are_taken(library):
    """Whole floats for whole numbers, and whole numbers for floats."""
    table = FRAMES[library]({"x": [1, 2, 3, 4], "y": [0.5, 1, 2, 3], "town": ["Bonn", "Ulm"] * 2})

    class Other:
        def fit(self, _):
            return self

        def sample(self, n, random_state):
            x = np.random.default_rng(random_state).integers(9, size=n)
            return FRAMES[library]({"x": x * 1.0, "y": x, "town": ["Bonn"] * n})

    batch = mc.run(Other(), table, mc.Replace(), 4, 3).batches[1]
    assert str(batch["x"].to_numpy().dtype) == "int64"
    assert str(batch["y"].to_numpy().dtype) == "float64"
    assert batch["x"].to_numpy().tolist() == batch["y"].to_numpy().tolist()


def test_a_table_of_another_library_is_another_run(tmp_path):
    """Its checkpoint is not called damaged."""
    file = tmp_path / "run.npz"
    mc.run(Synthesiser(), mixed("pandas"), mc.Replace(), 15, 3, checkpoint=file)
    with pytest.raises(mc.InvalidInput, match="belongs to another run: columns is"):
        mc.run(Synthesiser(), mixed("polars"), mc.Replace(), 15, 3, checkpoint=file)
    file.write_bytes(b"garbage")
    with pytest.raises(mc.InvalidInput, match="is damaged or not a checkpoint") as caught:
        mc.run(Synthesiser(), mixed("polars"), mc.Replace(), 15, 3, checkpoint=file)
    assert "pickle" not in str(caught.value)


def test_text_for_an_estimator_of_numbers(library):
    """It names the column and its first value."""
    for use in (
        lambda: mc.run(mc.Gaussian(), mixed(library), mc.Replace(), 15, 3),
        lambda: mc.Gaussian().fit(mixed(library)),
        lambda: mc.Experiment(mc.Gaussian(), mc.Replace(), truth=mixed(library)),
        lambda: mc.datasets.load(mixed(library)),
    ):
        with pytest.raises(mc.InvalidInput, match=r"\['town'\].*= '\w+'.*it is text"):
            use()


def test_a_stream_with_texts():
    """Becomes a table of a library that is there."""
    stream = mixed("pyarrow").to_reader()
    run = mc.run(Synthesiser(), stream, mc.Replace(), 15, 3)
    assert isinstance(run.batches[0], pl.DataFrame)


def test_what_is_a_truth():
    """It is found by its class; what another package brings extends it or is registered."""

    class Theirs:
        dim, mean, covariance = 1, np.zeros(1), np.eye(1)

        def sample(self, n, rng):
            return rng.standard_normal((n, 1))

    with pytest.warns(DeprecationWarning, match="let it extend"):
        before = mc.run(mc.Gaussian(), Theirs(), mc.Replace(), 9, 3)["variance"]

    class Ours(Theirs, Law):
        pass

    Law.register(Theirs)
    for law in (Ours(), Theirs()):
        after = mc.run(mc.Gaussian(), law, mc.Replace(), 9, 3)["variance"]
        assert np.array_equal(after, before)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("digits", "there is no such file; datasets.load(name) has data sets"),
        ("nowhere.csv", "nowhere.csv: no such file"),
        (None, "data = None"),
        (mc.NormalMixture, "it is a class: give an object, NormalMixture(...)"),
        ({"a": [1.0, 2.0]}, "data = {'a': [1.0, 2.0]}"),
        (pd.DataFrame({"a": [1.0, np.nan]}), "data['a'][1] = nan"),
        (pd.DataFrame({"a": ["x"], "b": [1.0]}), "data has 1 row"),
        (pd.DataFrame([["x", 1.0], ["y", 2.0]], columns=["a", "a"]), "give each column a name"),
        (pd.DataFrame({0: ["x", "y"], 1: [1.0, 2.0]}), "data has a column named 0"),
        (pl.LazyFrame({"a": [1.0, 2.0]}), "of type LazyFrame"),
        (pd.DataFrame({"a": ["x", "y"], "b": [1.0, np.nan]}), "data has 1 row whose numbers"),
    ],
    ids=str,
)
def test_wrong_data(data, message):
    """Each names itself and what to do."""
    with pytest.raises(mc.InvalidInput) as caught:
        mc.run(mc.Gaussian(), data, mc.Replace(), 9, 3)
    assert message in str(caught.value)


def test_a_table_is_a_value(library):
    """Equal, and of one description, by what it holds; it travels."""
    here, there = Table(mixed(library)), of_data(mixed(library))
    assert here == there
    assert hash(here) == hash(there)
    other = mixed("pandas")
    other.loc[3, "size"] += 1e-9
    assert here != Table(FRAMES[library](other.to_dict("list")))
    assert pickle.loads(pickle.dumps(here)) == here  # noqa: S301 - our own


class TestFunctions:
    """Estimators made of functions: SciPy's kernel density, PyTorch's distributions."""

    def test_scipys_kernel_density(self):
        """It is the package's, with SciPy's rule: sampled by another way, scored alike."""
        model = mc.FunctionEstimator(
            lambda X: gaussian_kde(X.T),
            lambda kde, n, rng: kde.resample(n, seed=rng).T,
            lambda kde, X: kde.logpdf(X.T),
        )
        there = mc.run(model, ROWS, mc.Replace(), 30, 3, test=ROWS)
        here = mc.KDE("scipy-scott").fit(there.batches[1])

        assert there.completed
        assert there["test_log_loss"][1] == pytest.approx(-here.score(ROWS) / 40, rel=1e-9)

    def test_a_distribution_of_pytorch(self):
        """Whose rows come from the global generator, which the loop seeds."""
        torch = pytest.importorskip("torch")

        def fit(X):
            X = torch.as_tensor(X)
            return torch.distributions.MultivariateNormal(X.mean(0), torch.cov(X.T, correction=0))

        model = mc.FunctionEstimator(
            fit, lambda law, n, _: law.sample((n,)), lambda law, X: law.log_prob(torch.tensor(X))
        )
        one, two = (
            mc.run(model, ROWS, mc.Accumulate(), 30, 4, test=ROWS, seed_global=True)
            for _ in range(2)
        )
        assert np.array_equal(one["test_log_loss"], two["test_log_loss"])
        fitted = mc.Gaussian().fit(one.batches[0])
        assert one["test_log_loss"][0] == pytest.approx(-fitted.score(ROWS), rel=1e-9)

    def test_wrong_functions(self):
        """Each is named; a test set needs the third; a fit comes first."""
        with pytest.raises(mc.InvalidInput, match="sample_func = 3"):
            mc.FunctionEstimator(len, 3)
        with pytest.raises(mc.InvalidInput, match="log_density_func = 'p'"):
            mc.FunctionEstimator(len, len, "p")
        model = mc.FunctionEstimator(np.mean, lambda m, n, rng: rng.normal(m, size=(n, 1)))
        with pytest.raises(mc.InvalidInput, match="has no method score_samples"):
            mc.run(model, ROWS[:, :1], mc.Replace(), 9, 2, test=ROWS[:, :1])
        with pytest.raises(mc.InvalidInput, match="is not fitted"):
            model.sample(3)
