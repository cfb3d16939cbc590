"""The package does what it did when the record of `tests.frozen` was made.

Where a difference is meant, see ``python -m tests.frozen`` for how it is accepted.
"""

import json

import numpy as np
import pytest

import modelcollapse as mc
from tests.frozen.differences import compared, differences
from tests.frozen.experiments import CHUNKS, HUNDRED, Case, cases, number_of
from tests.frozen.machine import foreign
from tests.frozen.observe import observed
from tests.frozen.scales import PREDICTED
from tests.frozen.store import Record, path_of, read, recorded_chunks, write

SHOWN = 10  # differences in a failure's message
TAMPERED = Case(
    "mc.Experiment(mc.Gaussian(1, 0), mc.Accumulate(), samples=5, generations=4)",
    "replicates=2, seed=3, at=[1, 2, 4]",
)


@pytest.mark.parametrize("chunk", CHUNKS)
def test_everything_is_as_recorded(chunk):
    """Predictions, the bits of simulations, and errors of all loops of a family and workflow."""
    found = differences(chunk, read(chunk))
    assert not found, "\n".join(
        [f"{len(found)} differences from the record, the first of them:", *map(str, found[:SHOWN])]
    )


@pytest.mark.parametrize("chunk", CHUNKS)
def test_the_recorded_loops_are_those_of_the_seed(chunk):
    """So that nobody changes what is drawn and believes that it is compared."""
    assert read(chunk).cases == cases(chunk)


def test_the_numbers_of_loops_are_their_own():
    """Each chunk has a file, no file is left over, and no two loops share a number."""
    assert recorded_chunks() == CHUNKS
    assert {path.stem for path in path_of(CHUNKS[0]).parent.iterdir()} == set(CHUNKS)
    counts = [len(read(chunk).cases) for chunk in CHUNKS]
    assert max(counts) <= HUNDRED
    assert sum(counts) > 2000
    assert number_of(CHUNKS[12], 34) == 1234


def test_bits_are_compared_on_this_machine():
    """Skipped, and so reported, where simulations are held to a tolerance instead."""
    texts = sorted({text for chunk in CHUNKS for text in foreign(read(chunk).machine)})
    if texts:
        pytest.skip("simulations are not compared bit for bit: " + "; ".join(texts))


def test_the_order_of_loops_changes_nothing():
    """The last loop first, and before it one of another chunk: no state is carried along."""
    observed(cases("kde-accumulate")[0])
    for chunk in ("kde-fresh-data", "regression-replace", "exponential-own"):
        record = read(chunk)
        assert not differences(chunk, record, order=range(len(record.cases) - 1, -1, -1))


def test_no_text_holds_an_address():
    """An address is another one in every process."""
    for chunk in CHUNKS:
        record = read(chunk)
        texts = [v for found in record.observed for v in found.values() if isinstance(v, str)]
        assert not [text for text in texts if " at 0x" in text]


def tampered(monkeypatch, verb, change):
    """Return what differs if the result of `mc.predict` or `mc.simulate` is changed."""
    before, original = observed(TAMPERED), getattr(mc, verb)

    def changed(*args, **kwargs):
        result = original(*args, **kwargs)
        change(result)
        return result

    monkeypatch.setattr(mc, verb, changed)
    return list(compared(TAMPERED, before, observed(TAMPERED), exact=True))


def off_by(prediction, share):
    """Change one expectation at one generation, after all that is computed from it."""
    for values in (prediction.expected, prediction.variances):
        list(values.values())
    prediction["variance"][2] *= 1 + share


def test_a_prediction_that_is_off_is_seen(monkeypatch):
    """One generation's expectation, off by 1e-11 of itself."""

    def change(prediction):
        off_by(prediction, 1e-11)

    ((name, where, recorded, now),) = tampered(monkeypatch, "predict", change)
    assert name == "expected / variance"
    assert where == ", generation 3 (1 of 4)"
    assert recorded != now


def test_a_prediction_within_the_tolerance_is_the_same(monkeypatch):
    """A tenth of the tolerance is rounding, which another order of sums may change."""

    def change(prediction):
        off_by(prediction, PREDICTED / 10)

    assert tampered(monkeypatch, "predict", change) == []


def test_one_bit_of_a_simulation_is_seen(monkeypatch):
    """One replicate's variance at one generation, the next float."""

    def change(runs):
        list(runs.values.values())  # all that is computed from it
        runs["variance"][1, 2] = np.nextafter(runs["variance"][1, 2], np.inf)

    ((name, where, recorded, now),) = tampered(monkeypatch, "simulate", change)
    assert name == "simulate / variance"
    assert where == ", replicate 2, generation 4 (1 of 6)"
    assert recorded != now


@pytest.mark.parametrize("exact", [True, False])
def test_what_vanishes_appears_or_says_something_else_is_seen(exact):
    """A name, a text, a shape, an infinity, a NaN, and an array where an error was."""
    before = {
        "notes / gone": "text",
        "notes / other": "one",
        "limits / finite": np.array(1.0),
        "limits / nan": np.array(np.nan),
        "expected / longer": np.ones(2),
        "expected / error": "NoClosedForm: open",
        "expected / same": np.array([np.inf, np.nan, 0.0]),
        "simulate / finite": np.array([[1.0], [2.0]]),
    }
    after = {
        "notes / new": "text",
        "notes / other": "two",
        "limits / finite": np.array(np.inf),
        "limits / nan": np.array(0.0),
        "expected / longer": np.ones(3),
        "expected / error": np.ones(2),
        "expected / same": np.array([np.inf, np.nan, 0.0]),
        "simulate / finite": np.array([[1.0], [np.nan]]),
    }
    case = Case("mc.Experiment(generations=1)", "at=[1]")
    names = {name for name, *_ in compared(case, before, after, exact=exact)}
    assert names == {*before, *after} - {"expected / same"}


@pytest.mark.parametrize(("off", "seen"), [(1e-10, False), (1e-8, True)])
def test_elsewhere_a_simulation_need_only_be_near(off, seen):
    """Another machine's simulation is held to 1e-9."""
    before = {"simulate / variance": np.array([[1.0, 2.0], [3.0, 4.0]])}
    after = {"simulate / variance": np.array([[1.0, 2.0], [3.0, 4.0 * (1 + off)]])}
    case = Case("mc.Experiment(generations=2)", "at=[1, 2]")
    assert bool(list(compared(case, before, after, exact=False))) == seen


def test_a_record_comes_back_from_its_file(tmp_path, monkeypatch):
    """Bits, shapes, texts and names, also of empty and equal arrays; the same bytes twice."""
    monkeypatch.setattr("tests.frozen.store.FOLDER", tmp_path)
    first = {"a": np.array([[0.1, -0.0], [np.nan, np.inf]]), "b": "text", "c": np.zeros((0, 3))}
    second = {"a": np.array(0.1), "d": first["a"].copy()}
    record = Record({"cpu": "one"}, [Case("e", "s"), Case("f", "s")], [first, second])
    write(CHUNKS[0], record)
    written = path_of(CHUNKS[0]).read_bytes()
    again = read(CHUNKS[0])
    assert (again.machine, again.cases) == (record.machine, record.cases)
    for old, new in zip(record.observed, again.observed, strict=True):
        assert list(new) == sorted(old)
        for name, value in old.items():
            if isinstance(value, str):
                assert new[name] == value
            else:
                assert (new[name].shape, new[name].tobytes()) == (value.shape, value.tobytes())
    write(CHUNKS[0], again)
    assert path_of(CHUNKS[0]).read_bytes() == written
    json.dumps(again.machine)


@pytest.mark.parametrize("number", [0, 1234])
def test_show_says_what_an_experiment_is(number, capsys):
    """The text that builds it, and each recorded name."""
    from tests.frozen.__main__ import show

    assert show(str(number)) == 0
    chunk, index = CHUNKS[number // HUNDRED], number % HUNDRED
    record, printed = read(chunk), capsys.readouterr().out
    assert str(record.cases[index]) in printed
    assert all(f"  {name}: " in printed for name in record.observed[index])
