"""The door for numbers: what passes it, from whichever library, and what is refused and why."""

import datetime as dt
import re
from collections import deque
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import modelcollapse as mc
from modelcollapse._support import checks

TABLE = np.array([[1.0, 2.0], [3.0, 4.5]])
DAY = dt.date(2020, 1, 1)
# Each is TABLE, as a library has it.
SAME = {
    "numpy": {
        "big-endian": lambda: TABLE.astype(">f8"),
        "float16": lambda: TABLE.astype(np.float16),
        "longdouble": lambda: TABLE.astype(np.longdouble),
        "read-only": lambda: np.frombuffer(TABLE.tobytes()).reshape(2, 2),
        "transposed": lambda: TABLE.T.copy().T,
        "objects": lambda: TABLE.astype(object),
        "no entry masked": lambda: np.ma.array(TABLE, mask=False),
        "lists": TABLE.tolist,
        "other numbers": lambda: [(Fraction(1), np.uint8(2)), deque([3, Decimal("4.5")])],
        "arrays in a list": lambda: [TABLE[0], np.ma.array(TABLE[1])],
    },
    "pandas": {
        "frame": lambda pd: pd.DataFrame(TABLE, columns=["a", "b"]),
        "labels that recur": lambda pd: pd.DataFrame(TABLE, columns=["a", "a"], index=[7, 7]),
        "types of its own": lambda pd: pd.DataFrame(TABLE).convert_dtypes(),
        "Arrow's types": lambda pd: pd.DataFrame(TABLE).convert_dtypes(dtype_backend="pyarrow"),
        "objects": lambda pd: pd.DataFrame(TABLE).astype(object),
    },
    "polars": {
        "frame": lambda pl: pl.DataFrame(TABLE, schema=["a", "b"]),
        "two types": lambda pl: pl.DataFrame({"a": [1, 3], "b": [2.0, 4.5]}),
        "decimals": lambda pl: pl.DataFrame({"a": [1, 3], "b": [Decimal(2), Decimal("4.5")]}),
        "columns": lambda pl: [pl.Series([1.0, 2.0]), pl.Series([3.0, 4.5])],
    },
    "pyarrow": {
        "table": lambda pa: pa.table({"a": [1, 3], "b": [2.0, 4.5]}),
        "batch": lambda pa: pa.record_batch({"a": [1, 3], "b": [2.0, 4.5]}),
        "labels that recur": lambda pa: pa.table([pa.array([1, 3]), [2.0, 4.5]], names=["a", "a"]),
    },
    "torch": {
        "tensor": lambda torch: torch.tensor(TABLE),
        "gradient": lambda torch: torch.tensor(TABLE, requires_grad=True),
        "bfloat16": lambda torch: torch.tensor(TABLE, dtype=torch.bfloat16, requires_grad=True),
        "tensors in a list": lambda torch: list(torch.tensor(TABLE, requires_grad=True)),
    },
}
# Each holds something that is no number: the place that is named, and why.
REFUSED = {
    "numpy": [
        (lambda: np.ma.array(TABLE, mask=[[0, 1], [0, 0]]), "", "1 of its entries are masked"),
        (lambda: [[1, 2], np.ma.array([3, 4], mask=[1, 1])], "[1]", "2 of its entries are masked"),
        (lambda: [1.0, np.ma.masked], "[1]", "masked"),
        (lambda: np.array(["NaT", "2020"], "M8[D]"), "", "it holds dates"),
        (lambda: np.array([1, 2], "m8[s]"), "", "it holds durations"),
        (lambda: [1, np.timedelta64(2, "s")], "[1]", "it holds durations"),
        (lambda: [DAY, DAY], "[0]", "a date or a time"),
        (lambda: TABLE + 1j, "", "it holds complex numbers"),
        (lambda: [[1, 2], [3, 4j]], "[1][1]", "of type complex"),
        (lambda: TABLE > 2, "", "truth values: write them as 0 and 1"),
        (lambda: [[1, 2], [3, True]], "[1][1]", "a truth value"),
        (lambda: np.array([1, True], object), "[1]", "a truth value"),
        (lambda: np.array([["1", "2"]]), "[0, 0]", "it is text"),
        (lambda: np.array([[1, "2"]], object), "[0, 1]", "it is text"),
        (lambda: [["1", 2]], "[0][0]", "it is text"),
        (lambda: [b"1"], "[0]", "it is text"),
        (lambda: [1, None], "[1]", "it is missing"),
        (lambda: [[1], [2, 3]], "", "rows of different lengths"),
        (lambda: [np.ones(2), np.ones(3)], "", "no array of numbers can be made of it"),
        (lambda: [10**400], "", "a number in it is no float, or larger than any"),
        (lambda: np.zeros(2, [("a", float)]), "", "it holds [('a'"),
        (lambda: {"a": [1, 2]}, "", "of type dict"),
        (lambda: {1, 2}, "", "of type set"),
        (lambda: (i for i in range(2)), "", "of type generator"),
    ],
    "pandas": [
        (lambda pd: pd.DataFrame({"a": [1], "d": [pd.Timestamp(DAY)]}), "['d']", "it holds dates"),
        (lambda pd: pd.DataFrame({"d": [pd.Timestamp(DAY, tz="UTC")]}), "['d'][0]", "a date"),
        (lambda pd: pd.DataFrame({"d": [pd.NaT, None]}), "['d']", "it holds dates"),
        (lambda pd: pd.DataFrame({"a": [1, 2], 7: [True, False]}), "[7]", "it holds truth values"),
        (lambda pd: pd.DataFrame({"b": pd.array([True, None])}), "['b'][0]", "a truth value"),
        (lambda pd: pd.DataFrame({"s": ["1", "2"]}), "['s'][0]", "it is text"),
        (lambda pd: pd.DataFrame({"a": [1, 2j]}), "['a']", "it holds complex numbers"),
        (lambda pd: pd.DataFrame({"a": [1, None]}, dtype=object), "['a'][1]", "it is missing"),
        (lambda pd: pd.DataFrame({"a": [1, None]}), "['a'][1]", "every entry must be finite"),
        (lambda pd: pd.DataFrame({"a": pd.array([1, None])}), "['a'][1]", "must be finite"),
    ],
    "polars": [
        (lambda pl: pl.DataFrame({"a": [1], "d": [DAY]}), "['d']", "it holds dates"),
        (lambda pl: pl.DataFrame({"b": [True], "a": [1]}), "['b']", "it holds truth values"),
        (lambda pl: pl.DataFrame({"a": [1, None]}), "['a']", "1 of its entries are masked"),
        (lambda pl: pl.Series([1.0, None]), "", "1 of its entries are masked or missing"),
        (lambda pl: pl.DataFrame({"s": ["1"]}), "['s'][0]", "it is text"),
        (lambda pl: pl.DataFrame({"l": [[1, 2], [3, 4]]}), "['l'][0]", "of type ndarray"),
        (lambda pl: pl.DataFrame({"l": pl.Series([[1, 2]], dtype=pl.Array(int, 2))}), "['l']", ""),
        (lambda pl: pl.LazyFrame({"a": [1, 2]}), "", "of type LazyFrame"),
    ],
    "pyarrow": [
        (lambda pa: pa.table({"b": [True, False], "a": [1.0, 2.0]}), "['b']", "truth values"),
        (lambda pa: pa.table({"a": [1, None]}), "['a']", "1 of its entries are masked or missing"),
        (lambda pa: pa.array([1, None]), "", "1 of its entries are masked or missing"),
        (lambda pa: pa.table({"d": [DAY]}), "['d']", "it holds dates"),
        (lambda pa: pa.table({"s": ["1"]}), "['s'][0]", "it is text"),
    ],
    "torch": [
        (lambda torch: torch.tensor([1 + 2j], requires_grad=True), "", "it holds complex numbers"),
        (lambda torch: torch.tensor([1 + 2j]).conj(), "", "no array of numbers"),
        (lambda torch: torch.tensor([True]), "", "it holds truth values"),
        (lambda torch: torch.ones(2, device="meta"), "", "no array of numbers"),
        (lambda torch: torch.eye(2).to_sparse(), "", "no array of numbers"),
    ],
}


def made(library, make):
    """Return what a library makes; NumPy is always there."""
    return make() if library == "numpy" else make(pytest.importorskip(library))


@pytest.mark.parametrize(
    ("library", "kind"), [(library, kind) for library in SAME for kind in SAME[library]]
)
def test_numbers_of_any_library_are_the_same_numbers(library, kind):
    """As rows, and as an array; a column alone is an array of one dimension."""
    value = made(library, SAME[library][kind])

    for found in (checks.rows("X", value), checks.reals("X", value)):
        assert found.dtype == np.dtype("=f8")
        assert found.tolist() == TABLE.tolist()


@pytest.mark.parametrize(
    ("library", "make", "place", "why"),
    [(library, *case) for library, cases in REFUSED.items() for case in cases],
    ids=[f"{library}-{i}" for library, cases in REFUSED.items() for i, _ in enumerate(cases)],
)
def test_what_is_no_number_is_refused(library, make, place, why):
    """In one line that names the column by its name, and says why."""
    with pytest.raises(mc.InvalidInput) as caught:
        checks.rows("X", made(library, make))
    message = str(caught.value)

    assert message.startswith(f"X{place} = ")
    assert why in message
    assert "\n" not in message
    assert len(message) < 400


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "torch"])
def test_columns_are_weights_and_sizes(library):
    """Whatever has one dimension; whole numbers stay whole."""
    module = pytest.importorskip(library)
    make = {"pandas": lambda x: module.Series(x, index=range(5, 5 + len(x)))}
    make |= {"polars": module.Series} if library == "polars" else {}
    make |= {"pyarrow": module.array} if library == "pyarrow" else {}
    make |= {"torch": module.tensor} if library == "torch" else {}
    column = make[library]

    assert checks.shares(column([3, 0, 1]), 3).tolist() == [0.75, 0.0, 0.25]
    assert checks.sizes(column([7, 8, 9]), 3).tolist() == [7, 8, 9]
    with pytest.raises(mc.InvalidInput, match=r"samples\[0\] = 8.5"):
        checks.sizes(column([8.5, 8.5]), 2)
    with pytest.raises(mc.InvalidInput, match=r"samples.* = .*truth value"):
        checks.sizes(column([True, True]), 2)


@pytest.mark.parametrize("value", [[[1], [2, 3]], np.array(5), [[1, 2], [3, 4]], {}])
def test_what_is_neither_a_number_nor_a_sequence_of_them(value):
    """Lists of unequal lengths, and arrays without a dimension or with two."""
    e = mc.Experiment(mc.KDE(1.0), mc.Replace(), 5, 2)
    for take in (lambda x: checks.sizes(x, 2), lambda x: mc.Web(x, 1)):
        with pytest.raises(mc.InvalidInput):
            take(value)
    with pytest.raises(mc.InvalidInput, match="test"):
        mc.simulate(e, 2, test=value)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_data_frame_is_data_truth_and_test_set(library):
    """With the numbers of its array; its own method `sample` makes it no truth."""
    frame = made(library, next(iter(SAME[library].values())))
    model, workflow = mc.Gaussian(2), mc.Accumulate()

    def numbers(data):
        run = mc.run(model, data, workflow, 5, 3, test=data)
        truth = mc.Experiment(mc.KDE(1.0, dim=2), mc.Replace(), 5, 3, truth=data)
        fitted = mc.Gaussian(2).fit(data)
        return [
            *run["test_log_loss"].tolist(),
            *mc.simulate(truth, 3, test=data)["test_log_loss"].ravel().tolist(),
            *fitted.score_samples(data).tolist(),
        ]

    assert numbers(frame) == numbers(TABLE)


def test_masked_sizes_and_weights_are_refused():
    """A masked entry is no size, and no weight."""
    masked = np.ma.array([1, 2, 3], mask=[0, 0, 1])
    for check in (lambda: checks.sizes(masked, 2), lambda: checks.shares(masked, 3)):
        with pytest.raises(mc.InvalidInput, match="1 of its entries are masked"):
            check()


@pytest.mark.parametrize("value", [np.timedelta64(5, "s"), np.True_, 1j, np.complex128(1), "1"])
def test_what_is_no_single_number(value):
    """NumPy's durations call themselves whole numbers."""
    for check in (checks.whole, checks.number, checks.positive):
        with pytest.raises(mc.InvalidInput, match="x = "):
            check("x", value)


@given(
    arrays(
        st.sampled_from(["<f8", ">f8", "<f4", ">i4", "i8", "u1", "f2"]),
        array_shapes(max_dims=3, max_side=4),
        elements={"allow_nan": False},
    )
)
def test_any_array_is_its_numbers(array):
    """Of any shape, byte order and type, writeable or not, as lists and as objects too."""
    expected = array.astype(np.float64)
    frozen = array.copy()
    frozen.flags.writeable = False

    for value in (array, frozen, array.tolist(), array.astype(object), np.ma.array(array)):
        assert np.array_equal(checks.reals("x", value), expected)


@given(
    entries=st.lists(st.integers(0, 1) | st.floats(allow_nan=False), min_size=1, max_size=6),
    at=st.integers(0, 5),
    wrong=st.sampled_from([True, "1", None, 1j, DAY, np.ma.masked, np.timedelta64(1, "s")]),
    depth=st.integers(0, 2),
)
def test_one_wrong_entry_among_numbers_is_found(entries, at, wrong, depth):
    """Wherever it stands in lists of any depth."""
    at = min(at, len(entries))
    value = [*entries[:at], wrong, *entries[at:]]
    for _ in range(depth):
        value = [value]

    with pytest.raises(mc.InvalidInput, match=re.escape("[0]" * depth + f"[{at}] = ")):
        checks.reals("x", value)


def test_an_array_of_floats_is_not_copied():
    """Rows are large: what is an array of floats already comes back as it is."""
    assert checks.reals("x", TABLE) is TABLE
    assert np.shares_memory(checks.reals("x", np.ma.array(TABLE, copy=False)), TABLE)


def test_a_longer_float_that_is_no_float_is_infinite():
    """It is not finite, and the message says so."""
    largest = np.finfo(np.longdouble).max
    if largest <= np.finfo(np.float64).max:
        pytest.skip("a long double is a double here")
    with pytest.raises(mc.InvalidInput, match=r"X\[0, 0\] = inf .*finite"):
        checks.rows("X", np.array([largest, 1], np.longdouble))


def test_a_mapped_file_is_read(tmp_path):
    """Rows that stay on the disk."""
    mapped = np.memmap(tmp_path / "rows", np.float64, "w+", shape=(2, 2))
    mapped[:] = TABLE

    assert checks.rows("X", mapped).tolist() == TABLE.tolist()


WRONG = {
    "complex": np.array([2.0, 1 + 1j]),
    "masked": np.ma.array([1.0, 2.0], mask=[0, 1]),
    "date": np.array(["2020", "2021"], "M8[Y]"),
    "truth value": [True, False],
    "text": ["1", "2"],
}
DOORS = {
    "Rows": mc.Rows,
    "run, data": lambda x: mc.run(mc.Gaussian(), x, mc.Replace(), 5, 2),
    "run, test": lambda x: mc.run(mc.Gaussian(), [1.0, 2.0], mc.Replace(), 5, 2, test=x),
    "simulate, test": lambda x: mc.simulate(
        mc.Experiment(mc.KDE(1.0), mc.Replace(), 5, 2), 2, test=x
    ),
    "truth": lambda x: mc.Experiment(mc.Gaussian(), mc.Replace(), truth=x),
    "coefficients": lambda x: mc.Experiment(mc.LinearRegression(2), mc.Replace(), truth=x),
    "probabilities": lambda x: mc.Experiment(mc.Discrete(2), mc.Replace(), truth=x),
    "Normal, mean": lambda x: mc.Normal(x, np.eye(2)),
    "Normal, covariance": lambda x: mc.Normal([0, 0], x),
    "NormalMixture": lambda x: mc.NormalMixture(x, [0, 1], [1, 1]),
    "fit": lambda x: mc.Gaussian().fit(x),
    "fit, weights": lambda x: mc.Gaussian().fit([1.0, 2.0], sample_weight=x),
    "score": lambda x: mc.Gaussian().fit([1.0, 2.0]).score_samples(x),
    "bandwidth": lambda x: mc.KDE(x).resolved(),
    "sizes": lambda x: mc.Experiment(mc.Gaussian(), mc.Replace(), x, 2),
    "web": lambda x: mc.Web(x, 1),
    "weighted": lambda x: mc.Weighted([[1], x]),
    "mixed": lambda x: mc.mixed.fresh_inflation(x, 5, 0.5),
    "solver": lambda x: mc.solver.squared_errors(mc.Replace(), x),
    "verifier": lambda x: mc.curated.kept_label_error(x, 1, 1),
    "diagnose": lambda x: mc.diagnose({"loss": x}),
    "diagnose, generation": lambda x: mc.diagnose({"loss": [1, 2], "generation": x}),
    "evidence": lambda x: mc.evidence.mean(x, 0.0, 1.0),
    "evidence, law": lambda x: mc.evidence.law(x, lambda t: t),
    "evidence, cdf": lambda x: mc.evidence.law([0.5, 0.7], lambda _: x),
}


@pytest.mark.parametrize("why", WRONG)
@pytest.mark.parametrize("door", DOORS)
def test_every_place_that_takes_numbers_has_the_door(door, why):
    """Complex numbers, masked entries, dates, truth values and text pass nowhere."""
    with pytest.raises(mc.InvalidInput) as caught:
        DOORS[door](WRONG[why])
    message = str(caught.value)

    assert why in message or "give a whole number" in message
    assert "\n" not in message


@pytest.mark.parametrize("why", WRONG)
def test_what_an_estimator_returns_goes_through_the_door(why):
    """As its rows and as its scores."""

    class Rows(mc.Gaussian):
        def sample(self, n, random_state=None):
            del n, random_state
            return WRONG[why]

    class Scores(mc.Gaussian):
        def score_samples(self, X):
            del X
            return WRONG[why]

    for own, name in ((Rows(), r"sample\(2\)"), (Scores(), r"score_samples\(X\)")):
        with pytest.raises(mc.InvalidInput, match=rf"{name}.* = .*{why}"):
            mc.run(own, [1.0, 2.0, 4.0], mc.Replace(), 2, 3, test=[1.0, 2.0])


@pytest.mark.parametrize("why", ["complex", "masked", "date", "text"])
def test_what_a_metric_returns_goes_through_the_door(why):
    """A truth value is a number here: how often something was so."""

    def run(value):
        metrics = {"own": lambda *_: value}
        return mc.run(mc.Gaussian(), [1.0, 2.0], mc.Replace(), 5, 2, metrics=metrics)

    with pytest.raises(mc.InvalidInput, match=rf"metrics\['own'\] failed at .*{why}"):
        run(WRONG[why][1])
    assert run(np.True_)["own"].tolist() == [1.0, 1.0]
    assert run(np.float32(0.5))["own"].tolist() == [0.5, 0.5]


@pytest.mark.parametrize("why", WRONG)
def test_what_a_model_has_fitted_goes_through_the_door(why):
    """Its mean, which the loop measures."""

    class Fitted:
        mean_, covariance_ = WRONG[why], np.eye(2)

        def fit(self, X):
            del X

        def sample(self, n, random_state=None):
            del random_state
            return np.zeros((n, 2))

    with pytest.raises(mc.InvalidInput, match=rf"score failed .*mean_.* = .*{why}"):
        mc.run(Fitted(), TABLE, mc.Replace(), 5, 2)
