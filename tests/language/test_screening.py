"""Large data sets: rows stay in their table, and few of them are tokenised."""

import itertools
import pickle
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2

from modelcollapse.language import screening
from modelcollapse.language import settings as settings_of
from modelcollapse.language.columns import Part
from modelcollapse.language.corpus import Corpus, split, without
from modelcollapse.language.judging import Judge
from modelcollapse.language.rows import Rows, kept, marks, picked
from modelcollapse.language.screening import Screen
from modelcollapse.language.settings import prepare
from modelcollapse.language.template import Plain, digest
from modelcollapse.language.tokens import Encoder
from tests.helpers.language_models import (
    different,
    offline,  # noqa: F401
    settings,
)

pytestmark = pytest.mark.language

RECORDS = [{"text": f"a {k}" if k % 5 else " ", "more": k} for k in range(23)]
PLACES = [k for k in range(23) if k % 5]


@pytest.fixture(scope="module")
def table():
    """Return 23 rows of a table, of which 18 have a text."""
    datasets = pytest.importorskip("datasets")
    return datasets.Dataset.from_list(RECORDS)


def rows_of(table):
    """Return its rows with text."""
    return Rows.of(table, ("text",), [Part("text", ("text",))])


def test_rows_of_a_table_are_those_of_a_list(table, monkeypatch):
    """However they are asked for, and whatever the chunks are."""
    expected = [{"text": RECORDS[place]["text"]} for place in PLACES]
    monkeypatch.setattr("modelcollapse.language.rows.CHUNK", 4)
    rows = rows_of(table)

    assert rows == expected
    assert len(rows) == len(expected)
    assert rows != expected[1:]
    assert rows != 3
    assert list(rows) == expected
    assert rows[-1] == expected[-1]
    assert list(rows[3:9:2]) == expected[3:9:2]
    assert picked(rows, [5, 2]) == picked(expected, [5, 2]) == [expected[5], expected[2]]
    keep = np.arange(len(expected)) % 2 == 0
    assert list(kept(rows, keep)) == kept(expected, keep) == expected[::2]
    assert digest(rows) == digest(expected)
    assert (marks(rows) == marks(expected)).all()


def test_marks_tell_rows_apart():
    """Also where the same letters are cut in another place."""
    rows = [{"a": "x", "b": "yz"}, {"a": "xy", "b": "z"}, {"a": "", "b": "xyz"}]
    found = marks([*rows, *rows])
    assert (found[:3] == found[3:]).all()
    assert len(set(found.tolist())) == 3


def plain_split(rows, count):
    """Hold rows out as it was done by comparing rows, one by one."""
    unlike = [dict(items) for items in dict.fromkeys(tuple(row.items()) for row in rows)]
    order = np.random.default_rng([0, settings_of.backend.REAL]).permutation(len(unlike))[:count]
    chosen = [unlike[i] for i in np.sort(order)]
    return [row for row in rows if row not in chosen], chosen


def test_rows_are_held_out_as_by_comparing_them():
    """By their digests: the same rows in the same order, repeated ones on one side."""
    once = different(40)
    rows = [*once, *once[::3], *once[:5]]
    assert split(rows, 11, "own") == plain_split(rows, 11)
    assert without(rows, once[4:9]) == [row for row in rows if row not in once[4:9]]


@pytest.fixture
def counted(monkeypatch):
    """Return a list that gets the number of rows of each call of the tokenizer."""
    calls = []

    def encode(self, rows):
        calls.append(len(rows))
        return encoding(self, rows)

    encoding = Encoder.encode
    monkeypatch.setattr(Encoder, "encode", encode)
    return calls


def test_many_rows_are_drawn_before_they_are_tokenised(monkeypatch, counted):
    """Of 2,000 rows, 30 for each seed are tokenised, and as many as were too long instead."""
    monkeypatch.setattr(screening, "FEW", 100)
    monkeypatch.setattr(screening, "STEP", 1)
    monkeypatch.setattr(settings_of, "MOST_COUNTED", 50)
    setup = prepare(settings(samples=30))
    words = [f"a{'n' * (100 if k % 10 == 0 else 1)} {k}" for k in range(2000)]
    setup = replace(
        setup,
        corpus=replace(setup.corpus, train=[{"text": text} for text in words]),
        encoder=replace(setup.encoder, max_length=60),
    )
    counted.clear()
    drawn = [setup.draw(30, seed) for seed in range(3)]
    tokenised = sum(counted)
    _, data, *_ = setup.lines()
    assert len(Judge(setup).rare) == 1
    long = tokenised - 90

    assert all(len(rows) == 30 for rows in drawn)
    assert drawn == [setup.draw(30, seed) for seed in range(3)]
    assert not any("nnnn" in row["text"] for rows in drawn for row in rows)
    assert 0 <= long < 40
    assert f"2000 training rows, {long} of the" in data
    assert f"looked at left out: {long} longer than 60 tokens" in data
    # The counts of tokens are of 50 rows; held-out rows are read once more to say what they lack.
    assert sum(counted) <= tokenised + 50 + 3 * 12


def test_few_rows_are_drawn_from_all_usable_ones(counted):
    """As ever: the seed draws among those, all of which are looked at once."""
    setup = prepare(settings(samples=24))
    counted.clear()
    drawn = setup.draw(24, 5)
    again = setup.draw(24, 6)
    usable = setup.encoder.usable(setup.corpus.train)
    rng = np.random.default_rng([5, settings_of.backend.REAL])

    assert drawn == [usable[i] for i in np.sort(rng.permutation(len(usable))[:24])]
    assert again != drawn
    assert sum(counted) == 2 * len(setup.corpus.train)  # once here, for `usable`


def test_every_set_of_usable_rows_is_as_probable(monkeypatch, collapse_seed):
    """Of 7 rows, 5 are usable: the 10 pairs of them are drawn alike, though few are looked at."""
    monkeypatch.setattr(screening, "FEW", 0)
    monkeypatch.setattr(screening, "STEP", 1)
    rows = [{"text": "x" if k in (1, 4) else f"{k}"} for k in range(7)]
    rng = np.random.default_rng(collapse_seed)
    pairs = list(itertools.combinations([0, 2, 3, 5, 6], 2))
    counts = dict.fromkeys(pairs, 0)
    draws = 2000
    for _ in range(draws):
        screen = Screen(rows, lambda rows: ["x" * (row["text"] == "x") for row in rows])
        counts[tuple(screen.draw(2, rng).tolist())] += 1
    expected = draws / len(pairs)
    statistic = sum((n - expected) ** 2 / expected for n in counts.values())

    assert statistic < chi2.isf(1e-9, len(pairs) - 1)
    assert screen.draw(9, rng).tolist() == [0, 2, 3, 5, 6]


def test_other_processes_do_not_get_the_training_rows():
    """They are told the counts of tokens, and which rows are rare is the same."""
    setup = prepare(settings())
    setup = replace(setup, corpus=Corpus("own", Plain(), different(3000), setup.corpus.held_out))
    sent = setup.spread(2)
    assert setup.spread(1) is setup
    assert len(sent.corpus.train) == 0
    assert (Judge(sent).rare == Judge(setup).rare).all()
    assert len(pickle.dumps(sent.corpus)) < len(pickle.dumps(setup.corpus)) / 2
