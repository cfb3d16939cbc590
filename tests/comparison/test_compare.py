"""Comparisons: false alarms, power, words, and what is refused."""

import json
import pickle
import re
import tracemalloc
from html import escape

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import binom

import modelcollapse as mc

CASES, ALPHA = 250, 0.1
VOCABULARY = [f"w{i}" for i in range(60)]


def zipf(rng, count, most=60):
    """Return words of a law with a long tail, cut off after `most`."""
    chances = 1 / np.arange(1, most + 1)
    return [VOCABULARY[i] for i in rng.choice(most, count, p=chances / chances.sum())]


def texts(rng, count, most=60):
    """Return texts of such words."""
    return [" ".join(zipf(rng, int(rng.integers(3, 9)), most)) for _ in range(count)]


def mixture(rng, count, modes=4):
    """Return rows around some of four corners."""
    corners = 6.0 * np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    return corners[rng.integers(0, modes, count)] + rng.normal(size=(count, 2))


def mixed(rng, count, categories=30, scale=1.0):
    """Return a table of a number, a count, a category and a text."""
    return pl.DataFrame(
        {
            "x": scale * rng.normal(size=count),
            "n": rng.poisson(2.0, count),
            "kind": zipf(rng, count, categories),
            "said": texts(rng, count),
        }
    )


LAWS = {
    "heavy tails": lambda rng, n: rng.standard_t(2, size=(n, 2)),
    "few numbers": lambda rng, n: rng.integers(0, 4, size=(n, 1)).astype(float),
    "categories": lambda rng, n: pl.DataFrame({"kind": zipf(rng, n)}),
    "texts": texts,
    "mixed": mixed,
}


@pytest.mark.parametrize("law", LAWS)
def test_false_alarms_are_as_rare_as_they_say(law):
    """Of tables of two samples of one law at most a share alpha says anything, in any line."""
    alarms = 0
    for seed in range(CASES):
        rng = np.random.default_rng([seed, 7])
        real, other = LAWS[law](rng, 40), LAWS[law](rng, 30)
        found = mc.compare(real, other, alpha=ALPHA, permutations=199, seed=seed)
        alarms += any(row.verdict in ("shrank", "grew", "differs") for row in found.rows)
    assert binom.sf(alarms - 1, CASES, ALPHA) > 1e-6, alarms  # as many are not too many


SHRUNK = {
    "spread": lambda rng, n: (rng.normal(size=(n, 2)), 0.8**0.5 * rng.normal(size=(n, 2))),
    "tails": lambda rng, n: (rng.normal(size=(n, 1)), np.clip(rng.normal(size=(n, 1)), -1.2, 1.2)),
    "coverage": lambda rng, n: (mixture(rng, n), mixture(rng, n, 3)),
    "categories": lambda rng, n: (
        pl.DataFrame({"k": rng.integers(0, 20, n).astype(str)}),
        pl.DataFrame({"k": rng.integers(0, 10, n).astype(str)}),
    ),
    "rare categories": lambda rng, n: (
        pl.DataFrame({"k": zipf(rng, n)}),
        pl.DataFrame({"k": zipf(rng, n, 40)}),
    ),
    "n-grams": lambda rng, n: (texts(rng, n), texts(rng, n, 30)),
    "distinct rows": lambda rng, n: (
        rng.normal(size=(n, 2)),
        rng.normal(size=(n // 4, 2))[rng.integers(0, n // 4, n)],
    ),
}


@pytest.mark.parametrize("group", SHRUNK)
def test_what_shrank_is_found(group):
    """The line of that kind says so, and the first sentence does."""
    real, other = SHRUNK[group](np.random.default_rng(3), 3000)
    found = mc.compare(real, other)
    assert any(row.group == group and row.verdict == "shrank" for row in found.rows)
    assert found.shrank is True
    assert found.sentences[0].startswith("The other rows shrank: they lost ")
    assert group in found.sentences[0]


def test_effects_are_of_the_two_values():
    """Their ratio or difference, also where rows are relabelled in blocks."""
    rng = np.random.default_rng(9)
    for count in (50, 7001):
        for row in mc.compare(mixed(rng, count), mixed(rng, 3 * count)).rows:
            ratio = row.scale == "ratio"
            expected = row.other / row.real if ratio else row.other - row.real
            assert row.effect == pytest.approx(expected, abs=1e-9)
            assert row.low <= row.effect <= row.high


def test_long_texts_are_counted_from_their_start():
    """And that is said."""
    rng = np.random.default_rng(10)
    real, other = ([" ".join(zipf(rng, 130)) for _ in range(25)] for _ in range(2))
    found = mc.compare(real, other)
    assert (
        "text: n-grams are of at most 400 texts of each side, of their first 100 words"
        in found.notes
    )
    other = [f"{' '.join(text.split()[:100])} {'x ' * 30}" for text in other]
    again = mc.compare(real, other)
    pairs = ([r for r in f.rows if r.group == "n-grams"] for f in (found, again))
    for one, two in zip(*pairs, strict=True):
        assert (one.real, one.other) == (two.real, two.other)


def test_what_grew_is_no_loss():
    """A larger spread is said, and is no shrinkage."""
    rng = np.random.default_rng(1)
    found = mc.compare(rng.normal(size=4000), 2 * rng.normal(size=4000))
    spread = next(row for row in found.rows if row.group == "spread")
    assert spread.verdict == "grew"
    assert spread.low < 2 < spread.high
    assert not any(
        row.group in ("spread", "tails") and row.verdict == "shrank" for row in found.rows
    )


@pytest.mark.parametrize("scale", [1.0, 0.6])
def test_the_numbers_of_every_sentence_are_of_the_table(scale):
    """Those of a line in its order, the rest of the sizes and options."""
    rng = np.random.default_rng(2)
    found = mc.compare(mixed(rng, 400), mixed(rng, 300, 10, scale))
    table = [dict(zip(found.columns(), row, strict=True)) for row in zip(*found.columns().values())]  # noqa: B905
    lines = [s for s in found.sentences if ", p = " in s]
    told = [row for row in table if row["verdict"] in ("shrank", "grew", "differs")]
    assert len(lines) == len(told) > 0
    for row in told:
        effect = row["effect"].removeprefix("x ")
        if row["metric"].startswith(
            "largest distance"
        ):  # a distance from the real rows, not beside theirs
            words = f"{row['metric']} ({row['of']}) from honest real rows is {row['other']} ("
            (line,) = (s for s in lines if words in s)
            assert line.endswith(f" ({row['from']} to {row['to']}), p = {row['p']}.")
            continue
        words = (
            f"{row['metric']} ({row['of']}) is {row['other']} where honest real rows have "
            f"{row['real']}, a "
        )
        (line,) = (s for s in lines if words in s)
        assert line.endswith(f" of {effect} ({row['from']} to {row['to']}), p = {row['p']}.")
    numbers = re.findall(r"\d[\d.,]*\d|\d", found.sentences[-1])
    assert numbers == ["200", "200", "300", "0.05", str(len(table))]


def test_the_same_seed_is_the_same_result():
    """Bit for bit, and another seed divides the rows otherwise; it travels and is shown."""
    rng = np.random.default_rng(4)
    real, other = mixed(rng, 60), mixed(rng, 50)
    first, again, third = (mc.compare(real, other, seed=seed) for seed in (1, 1, 2))
    assert first.to_dict() == again.to_dict() != third.to_dict()
    assert pickle.loads(pickle.dumps(first)).to_dict() == first.to_dict()  # noqa: S301
    json.dumps(first.to_dict(), allow_nan=False)
    assert escape(first.sentences[0]) in first._repr_html_()
    assert str(first) == "\n".join(first.sentences)


def test_tables_of_all_kinds_are_the_same(tmp_path):
    """A CSV, a Parquet and a JSONL file, and frames of two libraries; texts in a file or a list."""
    rng = np.random.default_rng(5)
    tables = mixed(rng, 60), mixed(rng, 50)
    for i, table in enumerate(tables):
        table.write_csv(tmp_path / f"{i}.csv")
        table.write_parquet(tmp_path / f"{i}.parquet")
        table.write_ndjson(tmp_path / f"{i}.jsonl")
    expected = mc.compare(*tables).to_dict()
    assert mc.compare(*(table.to_pandas() for table in tables)).to_dict() == expected
    for ending in ("csv", "parquet", "jsonl"):
        paths = [tmp_path / f"{i}.{ending}" for i in (0, 1)]
        assert mc.compare(*paths).to_dict() == expected
    said = [table["said"].to_list() for table in tables]
    for i, lines in enumerate(said):
        (tmp_path / f"{i}.txt").write_text("\n\n".join(lines) + "\n")
    paths = [str(tmp_path / f"{i}.txt") for i in (0, 1)]
    assert mc.compare(*paths).to_dict() == mc.compare(*said).to_dict()


def test_many_columns_of_texts_need_more_relabellings():
    """Else nothing could be told of any; each column of texts is a group of its own."""
    rng = np.random.default_rng(13)
    real, other = (pl.DataFrame({f"t{i}": texts(rng, 25) for i in range(18)}) for _ in range(2))
    with pytest.raises(mc.InvalidInput, match=r"for 25 groups of lines at alpha = 0.1 give at"):
        mc.compare(real, other, alpha=0.1, permutations=199)
    assert mc.compare(real, other, alpha=0.1, permutations=249).rows


def test_columns_of_texts_of_all_libraries_are_the_same():
    """Lists, arrays, series and Arrow's, alone and in frames; categories of pandas and polars."""
    pa = pytest.importorskip("pyarrow")
    rng = np.random.default_rng(11)
    lists = [rng.choice(list("abcd")[:most], 60).tolist() for most in (4, 3)]
    expected = mc.compare(*lists).to_dict()
    for made in (np.array, pd.Series, pl.Series, pa.array, tuple):
        assert mc.compare(*map(made, lists)).to_dict() == expected
    frames = [
        [pd.DataFrame({"text": pd.Categorical(x)}) for x in lists],
        [pl.DataFrame({"text": pl.Series(x, dtype=pl.Categorical)}) for x in lists],
        [pa.table({"text": x}) for x in lists],
    ]
    for pair in frames:
        assert mc.compare(*pair).to_dict() == expected


def test_too_many_rows_are_drawn_at_random(tmp_path):
    """It is said, with the seed; a file's parts are held, and every row is as likely."""
    rng = np.random.default_rng(6)
    rows = np.arange(400.0)
    pl.DataFrame({"x": rows}).write_csv(tmp_path / "a.csv")
    pl.DataFrame({"x": rows}).write_parquet(tmp_path / "a.parquet")
    other = rng.normal(size=50)
    for real in (tmp_path / "a.csv", tmp_path / "a.parquet"):
        found = mc.compare(real, pl.DataFrame({"x": other}), most_rows=100, seed=9)
        assert any(
            "400 rows: 100 of them were drawn at random with seed 9" in s for s in found.notes
        )
        assert found.sizes["reference"] + found.sizes["held_out"] == 100
        assert found.sizes["real_rows"] == 400


def test_a_huge_file_takes_little_memory(tmp_path):
    """Only the rows that are drawn are held."""
    file = tmp_path / "huge.csv"
    file.write_text(
        "x,said\n" + "".join(f"{i},{i} is a text of some words\n" for i in range(60_000))
    )
    rng = np.random.default_rng(12)
    other = pl.DataFrame({"x": rng.normal(size=30), "said": texts(rng, 30)})
    mc.compare(other, other.with_columns(pl.col("x") + 1), permutations=399)  # what is imported
    tracemalloc.start()
    found = mc.compare(file, other, most_rows=200, permutations=399)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.sizes["real_rows"] == 60_000
    assert peak < file.stat().st_size * 2


def test_the_draw_of_lines_is_uniform():
    """Each line is kept as often as any other: an exact bound for each of them."""
    from modelcollapse.comparison.reading import drawn

    rng, kept = np.random.default_rng(0), np.zeros(12)
    for _ in range(2000):
        some, total = drawn(iter(range(12)), 5, rng)
        kept[some] += 1
        assert (total, len(set(some))) == (12, 5)
    assert (binom.sf(kept - 1, 2000, 5 / 12) > 1e-6).all()
    assert (binom.cdf(kept, 2000, 5 / 12) > 1e-6).all()


def test_the_same_rows_and_copies_are_said():
    """Nothing is tested of the same rows; a bootstrap of the real rows is told as copies."""
    rng = np.random.default_rng(7)
    real = rng.normal(size=(200, 2))
    same = mc.compare(real, real[::-1])
    assert not same.rows
    assert same.shrank is False
    assert "same 200 rows" in same.sentences[0]
    with pytest.raises(mc.InvalidInput, match="nothing to draw"):
        same.plot()
    copied = mc.compare(real, real[rng.integers(0, 200, 200)])
    assert any("are rows of the real ones: they are copies" in s for s in copied.sentences)
    few = mc.compare(rng.integers(0, 3, 200), rng.integers(0, 3, 200))  # they repeat by themselves
    assert not any("copies," in s for s in few.sentences)


def test_constant_columns_are_left_out_and_said():
    """In the real rows; in the other rows they are what shrank."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(300, 2))
    found = mc.compare(x * [1, 0], x[::-1] * [-1, 1])
    assert found.notes == (
        "column 2 is constant in the reference, and left out; 300 of the other rows differ from it",
    )
    gone = mc.compare(x, np.column_stack([rng.normal(size=300), np.zeros(300)]))
    assert gone.shrank
    rank_one = mc.compare(np.column_stack([x[:, 0], x[:, 0]]), x)  # the real columns depend
    assert sum(row.group == "spread" for row in rank_one.rows) == 1


@pytest.mark.parametrize(
    ("real", "other", "message"),
    [
        (np.zeros((40, 2)), np.ones((40, 2)), "every column of real is constant"),
        (np.ones((40, 2)) * np.arange(40)[:, None], np.zeros((40, 3)), "alone has 'column 3'"),
        (np.arange(40.0), [1.0], "other has 1 row: give at least 20"),
        (np.arange(40.0), np.append(np.arange(40.0), np.nan), "row 40, column 'column 1': nan"),
        (np.arange(40.0), np.append(np.arange(40.0), np.inf), "inf is missing or not finite"),
        (np.arange(40.0), np.append(np.arange(40.0), 1e80), "is above 1e"),
        (np.arange(40.0), ["a"] * 40, "the columns differ"),
        (pd.DataFrame({"x": range(40)}), pd.DataFrame({"x": ["a"] * 40}), "holds numbers in real"),
        (pd.DataFrame({"x": range(40)}), pd.DataFrame({"x": ["a", None] * 40}), "is missing"),
        (np.arange(40.0), None, "other = None"),
        (np.arange(40.0), 3, "array of shape ()"),
        (np.arange(40.0), "nowhere.csv", "no such file"),
        (np.arange(40.0), [1.0, "a"] * 20, "it is text"),
        (pd.DataFrame({"x": [True, False] * 20}), None, "True is neither a number nor text"),
        (pd.DataFrame({"x": ["a", 1] * 20}), None, "1 is neither a number nor text"),
        (pd.DataFrame(np.ones((40, 2)), columns=["a", "a"]), None, "'a' is there twice"),
        (pd.DataFrame(), None, "has no columns"),
        ([], [], "real has 0 rows"),
    ],
)
def test_wrong_rows_are_refused(real, other, message):
    """With what is wrong and where."""
    with pytest.raises(mc.InvalidInput, match=re.escape(message)):
        mc.compare(real, other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0}, "alpha = 0"),
        ({"alpha": 0.01}, "at alpha = 0.01 give at least 2000"),
        ({"margin": 1}, "margin = 1"),
        ({"seed": -1}, "seed = -1"),
        ({"permutations": 1.5}, "permutations = 1.5"),
        ({"most_rows": 10}, "most_rows = 10"),
    ],
)
def test_wrong_options_are_refused(options, message):
    """With what is allowed."""
    with pytest.raises(mc.InvalidInput, match=re.escape(message)):
        mc.compare(np.arange(40.0), np.arange(50.0), **options)


def test_the_picture_names_its_lines_and_says_how_many_it_leaves_out():
    """What tells lines apart comes first, as long names are cut."""
    rng = np.random.default_rng(3)
    found = mc.compare(rng.normal(size=(60, 9)), 0.6 * rng.normal(size=(60, 9)))
    axes = found.plot()
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert len(set(names)) == len(names) < len(found.rows)
    assert any(name.startswith("direction 1: ") for name in names)
    assert axes.get_title() == f"the {len(names)} lines of the smallest p, of {len(found.rows)}"
