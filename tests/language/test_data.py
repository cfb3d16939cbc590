"""Real data and base models: what is read, what is held out, and what is refused."""

import csv
import inspect
import json
import math
import os
import pydoc
import re
import shutil
import time
from types import SimpleNamespace

import numpy as np
import pytest

from modelcollapse._support.errors import InvalidInput
from modelcollapse.language import backend
from modelcollapse.language.base import Base
from modelcollapse.language.corpus import GRAMMAR_HELD_OUT, Corpus, grammar_rows, load_corpus
from modelcollapse.language.grammars import descriptions
from modelcollapse.language.screening import Screen
from modelcollapse.language.settings import Settings, prepare
from modelcollapse.language.template import Conversation, Plain
from modelcollapse.language.topics import docstring_rows, topic_rows
from tests.helpers.language_models import (
    different,
    encoder,
    folder,
    lines,
    offline,  # noqa: F401
    settings,
)

pytestmark = pytest.mark.language

PAIRS = [{"prompt": f"ask {k}", "response": f"say {k}"} for k in range(30)]
HELPSTEER = [
    {**row, "helpfulness": 3, "correctness": 4, "coherence": 4, "complexity": 2, "verbosity": 1}
    for row in PAIRS
]


@pytest.fixture(autouse=True)
def silence():
    """Keep the readers' progress bars out of the output."""
    with backend.quiet():
        yield


def write(path, rows):
    """Write rows in the format of the path's ending."""
    import datasets

    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".parquet":
        with path.open("wb") as file:
            datasets.Dataset.from_list(rows).to_parquet(file)
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def everything(rows):
    """Find no trouble with any row."""
    return [""] * len(rows)


def texts_of(rows):
    """Return rows as hashable tuples."""
    return [tuple(row.values()) for row in rows]


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "parquet", "JSONL"])
def test_files(tmp_path, ending):
    """One file: a tenth is held out, and all the rest is for training."""
    path = write(tmp_path / f"data.{ending.lower()}", HELPSTEER)
    path = path.rename(tmp_path / f"data.{ending}")
    corpus = load_corpus(path)

    assert corpus.template == Conversation()
    assert (len(corpus.train), len(corpus.held_out)) == (27, 3)
    assert sorted(texts_of([*corpus.train, *corpus.held_out])) == sorted(texts_of(PAIRS))
    assert corpus.name == str(path)
    assert corpus.dropped == 0
    assert corpus.grammar is None


@pytest.mark.parametrize("stem", ["a[1]", "a*", "a?", "~", "a#%20b", "-a", "file:a", "s3::a"])
def test_a_name_is_no_pattern(tmp_path, monkeypatch, stem):
    """Neither of a file nor of a folder: what it would match is not read."""
    monkeypatch.chdir(tmp_path)
    for ending in ("jsonl", "csv", "parquet"):
        for name in ("a1", "aa"):
            write(tmp_path / f"{name}.{ending}", [{"text": "another"}] * 5)
        write(tmp_path / f"{stem}.{ending}", PAIRS)
        train = load_corpus(f"{stem}.{ending}", held_out=1).train
        assert len(train) == len(PAIRS) - 1
        assert all(row in PAIRS for row in train)
    (tmp_path / stem).mkdir()
    write(tmp_path / stem / "train.csv", PAIRS)
    assert len(load_corpus(f"./{stem}", held_out=1).train) == len(PAIRS) - 1


def test_a_file_is_read_afresh(tmp_path):
    """Also where it was changed under the time stamp and the size that it had."""
    path = tmp_path / "data.csv"
    for word in ("first", "other"):
        write(path, [{"text": f"{word} {i}"} for i in range(9)])
        os.utime(path, (1e9, 1e9))
        rows = [row["text"] for row in load_corpus(path, held_out=1).train]
        assert all(text.startswith(word) for text in rows)


@pytest.mark.parametrize("own", ["validation", "test", "valid", "dev"])
@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_folders(tmp_path, own, ending):
    """A folder's own split for evaluation is used, and nothing is taken from the training rows."""
    write(tmp_path / f"train.{ending}", PAIRS[:25])
    write(tmp_path / f"{own}.{ending}", PAIRS[25:])
    corpus = load_corpus(tmp_path)

    assert list(corpus.train) == PAIRS[:25]
    assert list(corpus.held_out) == PAIRS[25:]
    assert len(load_corpus(tmp_path, held_out=2).held_out) == 2
    assert load_corpus(tmp_path, held_out=2).held_out == load_corpus(tmp_path, held_out=2).held_out
    with pytest.raises(InvalidInput, match=r"held_out = 6: .* has 5 rows to hold out"):
        load_corpus(tmp_path, held_out=6)


def test_saved_folders(tmp_path):
    """What `save_to_disk` wrote: one table, or several splits."""
    import datasets

    table = datasets.Dataset.from_list([{"story": "a hat"}, {"story": "a bird"}] * 10)
    table.save_to_disk(tmp_path / "one")
    splits = {"train": table, "test": datasets.Dataset.from_list([{"story": "low"}])}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "two")
    two = load_corpus(tmp_path / "two")

    assert load_corpus(tmp_path / "one").template == Plain()
    assert len(two.train) == 20
    assert two.held_out == [{"text": "low"}]


@pytest.mark.parametrize(
    ("present", "chosen"),
    [
        (
            "prompt response helpfulness correctness coherence complexity verbosity",
            "prompt response",
        ),
        ("text", "text"),
        ("instruction output input", "instruction+input output"),
        ("answer question", "question answer"),
        ("id question context answer", "context+question answer"),
        ("input output text", "text"),
        ("text prompt response", "prompt response"),
        ("story prompt", "story"),
        ("content id", "content"),
    ],
)
def test_columns_are_recognised(tmp_path, present, chosen):
    """HelpSteer2's, TinyStories' and those of other usual data sets."""
    rows = [{name: f"{name} {k}" for name in present.split()} for k in range(20)]
    corpus = load_corpus(write(tmp_path / "data.jsonl", rows))
    found = sorted(texts_of([*corpus.train, *corpus.held_out]))

    parts = [part.split("+") for part in chosen.split()]
    used = [name for part in parts for name in part]
    unused = [name for name in present.split() if name not in used]

    assert found == sorted(
        tuple("\n".join(row[name] for name in part) for part in parts) for row in rows
    )
    assert corpus.template == (Conversation() if " " in chosen else Plain())
    notes = []
    if set(used) - {"prompt", "response", "text"}:
        pairs = zip(corpus.template.columns, parts, strict=True)
        notes.append(", ".join(f"{name} from {' and '.join(part)}" for name, part in pairs))
    if unused:
        notes.append(f"columns not used: {', '.join(unused)}")
    assert list(corpus.notes) == notes


def test_columns_are_chosen(tmp_path):
    """One or two columns that are there, in the order given."""
    path = write(tmp_path / "data.csv", [{"a": f"x{k}", "b": f"y{k}"} for k in range(20)])
    turned = load_corpus(path, columns=["b", "a"])

    assert set(texts_of(turned.train)) < {(f"y{k}", f"x{k}") for k in range(20)}
    assert load_corpus(path, columns=["b"]).template == Plain()
    for columns in (["c"], ["a", "c"], ["a", "b", "a"], []):
        with pytest.raises(InvalidInput, match=r"columns = .*has a, b"):
            load_corpus(path, columns=columns)
    with pytest.raises(InvalidInput, match=r"has the columns a, b, and none is recognised"):
        load_corpus(path)
    with pytest.raises(InvalidInput, match="is built in and has none to choose"):
        load_corpus("grammar", columns=["a"])


def test_an_input_is_a_part_of_the_prompt_where_there_is_one(tmp_path):
    """Alpaca's inputs are often empty; an instruction is never. Named columns are used alone."""
    inputs = ["the hat", "", None, " "] * 6
    rows = [
        {"instruction": f"do {k}", "input": text, "output": "yes"} for k, text in enumerate(inputs)
    ]
    path = write(tmp_path / "data.jsonl", [*rows, {"instruction": "", "input": "a", "output": "b"}])
    corpus, alone = load_corpus(path), load_corpus(path, columns=["instruction", "output"])
    prompts = {row["prompt"] for row in [*corpus.train, *corpus.held_out]}

    assert prompts == {
        f"do {k}" + ("\nthe hat" if text == "the hat" else "") for k, text in enumerate(inputs)
    }
    assert corpus.dropped == alone.dropped == 1
    assert corpus.notes == ("prompt from instruction and input, response from output",)
    assert {row["prompt"] for row in alone.train} < {f"do {k}" for k in range(24)}
    assert alone.notes == (
        "prompt from instruction, response from output",
        "columns not used: input",
    )


@pytest.mark.parametrize("name", ["data.csv", "folder/train.csv"])
def test_cells_of_csv_files_are_texts(tmp_path, name):
    """Digits are not made numbers, whose zeros would be lost, nor NA a missing value."""
    texts = ["007", "1.50", "NA", "1e3", *(f"{k}" for k in range(16))]
    path = write(tmp_path / name, [{"question": text, "answer": text} for text in texts])
    corpus = load_corpus(path if path.parent == tmp_path else path.parent)

    assert sorted(texts_of([*corpus.train, *corpus.held_out])) == [
        (text, text) for text in sorted(texts)
    ]
    assert corpus.dropped == 0


def test_numbers_are_texts_and_truth_values_are_not(tmp_path):
    """An answer of a sum is a number in JSON; what is neither is counted as no text."""
    answers = [*range(20), 1.5]
    rows = [{"question": f"sum {k}", "answer": answer} for k, answer in enumerate(answers)]
    corpus = load_corpus(write(tmp_path / "data.jsonl", rows))
    found = {row["response"] for row in [*corpus.train, *corpus.held_out]}

    assert found == {str(float(answer)) for answer in answers}  # one column has one type
    rows = [{"text": k % 2 == 0} for k in range(20)]
    with pytest.raises(InvalidInput, match="no row with text in text"):
        load_corpus(write(tmp_path / "data.jsonl", rows))


def test_splits_and_rows_that_are_not_used_are_said(tmp_path):
    """A third split, held-out rows among the training rows, and more rows than are held out."""
    write(tmp_path / "train.jsonl", PAIRS)
    write(tmp_path / "validation.jsonl", PAIRS[:5])
    write(tmp_path / "test.jsonl", PAIRS[:3])
    corpus = load_corpus(tmp_path, held_out=2)

    assert corpus.notes == (
        "splits not used: test",
        "5 training rows left out that are held out as well",
        "2 of 5 rows of its own split are held out",
    )
    one = write(tmp_path / "one" / "data.jsonl", [{"text": f"a {k % 10}"} for k in range(60)])
    assert load_corpus(one).notes == ("5 training rows left out that are held out as well",)


def test_what_is_left_out_is_said_before_training(tmp_path):
    """Each reason with its number, of training rows and of held-out ones."""
    end = encoder("llama").tokenizer.eos_token
    texts = [f"a{end}bird", "a " * 30, "a \N{REPLACEMENT CHARACTER}", "a hat", "a bird"]
    write(tmp_path / "train.jsonl", [{"text": text, "id": 3} for text in [*texts, " "]])
    write(tmp_path / "test.jsonl", [{"text": f"one{end}"}, {"text": "one hat"}])
    _, data, columns = prepare(settings(data=str(tmp_path), held_out=None)).lines()

    assert "5 training rows, 3 of them left out: 1 longer than 24 tokens, 1 with U+FFFD" in data
    assert ", 1 with special tokens of the model in the text; 2 held-out rows, 1 of them" in data
    assert "1 rows without text left out" in data
    assert columns.endswith(": columns not used: id")
    with pytest.raises(InvalidInput, match=r"samples = 3: .* has 2 usable .*1 longer than 24 tok"):
        prepare(settings(data=str(tmp_path), held_out=None)).draw(3, 0)


@pytest.mark.parametrize("split", ["train", "test"])
def test_special_tokens_in_every_row_are_the_reason(tmp_path, split):
    """Not their length."""
    end = encoder("llama").tokenizer.eos_token
    for name in ("train", "test"):
        text = f"a {end}" if name == split else "a bird"
        write(tmp_path / f"{name}.jsonl", [{"text": text}, {"text": f"{text} hat"}])
    kind = "training" if split == "train" else "held-out"
    with pytest.raises(InvalidInput, match=f"no {kind} row of .*2 with special tokens") as caught:
        prepare(settings(data=str(tmp_path), samples=None, held_out=None)).sizes(2)

    assert "longer" not in str(caught.value)


def test_rows_without_text_are_dropped_and_counted(tmp_path):
    """Nulls, empty parts and white space are no text."""
    bad = [("a", None), (None, "b"), ("", "b"), ("a", "  \n"), (None, None)]
    rows = PAIRS + [{"prompt": p, "response": r} for p, r in bad]
    corpus = load_corpus(write(tmp_path / "data.jsonl", rows))

    assert corpus.dropped == 5
    assert sorted(texts_of([*corpus.train, *corpus.held_out])) == sorted(texts_of(PAIRS))


def test_words_that_look_like_nulls_are_text(tmp_path):
    """A CSV file may hold the word None, or rows of digits."""
    rows = [{"text": text} for text in ["None", "NA", "null", "nan", "12"]] + different(20)
    corpus = load_corpus(write(tmp_path / "data.csv", rows))

    assert corpus.dropped == 0
    assert sorted(texts_of([*corpus.train, *corpus.held_out])) == sorted(texts_of(rows))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data.jsonl", '{"text": "a"}\n{"text": \n', "cannot be loaded"),
        ("data.jsonl", "", "is empty"),
        ("data.json", "{", "cannot be loaded"),
        ("data.csv", "", "is empty"),
        ("data.csv", "text\n", "has no row with text|cannot be loaded"),
        ("data.parquet", "no parquet", "cannot be loaded"),
        ("data.jsonl", '{"text": null}\n{"text": ""}\n', "the split 'train' has no row with text"),
        ("data.jsonl", '{"text": [3]}\n' * 20, "the split 'train' has no row with text"),
        ("data.csv", "text;label\na;b\n", "none is recognised.*semicolons separate columns"),
        ("data.jsonl", '{"text": "a"}\n', "has 1 different rows"),
        ("data.txt", "a\n", "ends in '.txt': give a .jsonl, .json, .csv, .parquet file"),
    ],
)
def test_damaged_and_empty_files(tmp_path, name, content, message):
    """One line that names the file and says what is wrong."""
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InvalidInput, match=message) as caught:
        load_corpus(path)

    assert "\n" not in str(caught.value)
    assert name in str(caught.value)
    assert len(str(caught.value)) < 700


def test_an_empty_split_of_evaluation(tmp_path):
    """A split of one's own without text is an error, not a reason to hold out others."""
    write(tmp_path / "train.jsonl", PAIRS)
    write(tmp_path / "test.jsonl", [{"prompt": "", "response": ""}])
    with pytest.raises(InvalidInput, match="the split 'test' has no row with text"):
        load_corpus(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gramar", "unknown data 'gramar'; did you mean grammar?"),
        ("topic", "unknown data 'topic'; did you mean topics?"),
        ("zzz", "unknown data 'zzz'; known: docstrings, documentation, grammar, topics; no file "),
        ("absent.jsonl", "data = 'absent.jsonl': no such file"),
        ("sub/absent.csv", "data = 'sub/absent.csv': no such file"),
        ("a/b/c", "data = 'a/b/c': no such file"),
        ("/absent/folder", "data = '/absent/folder': no such file"),
    ],
)
def test_names_of_nothing(monkeypatch, tmp_path, name, message):
    """A misspelled built-in name is corrected, and an absent file is said to be absent."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput) as caught:
        load_corpus(name)

    assert message in str(caught.value)


@pytest.mark.parametrize("what", ["data", "model"])
def test_the_hub_without_a_network(monkeypatch, offline, what):  # noqa: F811
    """One line that names the id, once the library has given up to try again."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    load = load_corpus if what == "data" else lambda name: Base(name).config
    with pytest.raises(InvalidInput) as caught:
        load("nobody/nothing")
    offline.clear()  # it had to be tried

    assert f"{what} = 'nobody/nothing' cannot be loaded: " in str(caught.value)
    assert "hub id that you have access to" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700


def test_files_need_no_network(monkeypatch, tmp_path):
    """Reading what is on the disk tells nobody about it."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_UPDATE_DOWNLOAD_COUNTS", True)  # as outside of tests
    for name in ("data.jsonl", "data.csv", "data.parquet", "folder/train.jsonl"):
        path = write(tmp_path / name, PAIRS)
        load_corpus(path if path.parent == tmp_path else path.parent)


def test_code_of_a_data_set_is_not_run(tmp_path):
    """A loading script beside the rows is left alone."""
    trap = tmp_path / "run"
    write(tmp_path / "data" / "train.jsonl", PAIRS)
    (tmp_path / "data" / "data.py").write_text(f"open({str(trap)!r}, 'w').close()\n")
    try:
        load_corpus(tmp_path / "data")
    except InvalidInput as error:
        assert "\n" not in str(error)  # noqa: PT017

    assert not trap.exists()


@pytest.mark.parametrize("held_out", [None, 1, 7])
def test_held_out_rows_are_never_for_training(tmp_path, held_out):
    """The same split each time, and together they are the data."""
    path = write(tmp_path / "data.jsonl", different(60))
    one, other = (load_corpus(path, held_out=held_out) for _ in range(2))
    train, test = set(texts_of(one.train)), set(texts_of(one.held_out))

    assert len(test) == (held_out or 6)
    assert not train & test
    assert len(train | test) == 60
    assert one.train == other.train
    assert one.held_out == other.held_out
    for wrong in (60, 61):
        with pytest.raises(InvalidInput, match=f"held_out = {wrong}"):
            load_corpus(path, held_out=wrong)
    with pytest.raises(InvalidInput, match="held_out"):
        load_corpus(path, held_out=0)


def test_repeated_rows_are_not_both_held_out_and_trained_on(tmp_path):
    """A text that occurs several times is on one side."""
    rows = [{"text": f"a bird {k % 10}"} for k in range(60)]
    corpus = load_corpus(write(tmp_path / "data.jsonl", rows))

    assert not set(texts_of(corpus.train)) & set(texts_of(corpus.held_out))


def test_rows_in_both_splits_are_not_trained_on(tmp_path):
    """What a split of one's own holds out is not trained on either."""
    write(tmp_path / "train.jsonl", PAIRS)
    write(tmp_path / "test.jsonl", PAIRS[:5])
    corpus = load_corpus(tmp_path)

    assert not set(texts_of(corpus.train)) & set(texts_of(corpus.held_out))


def test_batch_one_is_drawn_without_repetition():
    """Different rows in their order, by the seed alone; no more than are usable."""
    rows = different(50)
    corpus = Corpus("own", Plain(), rows, rows[:1])
    screen = Screen(rows, everything)
    drawn = [corpus.draw(20, seed, screen) for seed in (0, 0, 1)]

    assert drawn[0] == drawn[1] != drawn[2]
    for batch in drawn:
        places = [rows.index(row) for row in batch]
        assert len(set(places)) == 20
        assert places == sorted(places)
    assert corpus.draw(50, 3, screen) == rows
    with pytest.raises(InvalidInput, match=r"samples = 51: own has 50 usable training rows of 50 "):
        corpus.draw(51, 0, screen)
    few = Screen(rows, lambda rows: ["odd"] * 40 + [""] * (len(rows) - 40))
    with pytest.raises(InvalidInput, match=r"= 11: .* 10 usable .* of 50 \(40 of .* out: 40 odd\)"):
        corpus.draw(11, 0, few)


def test_a_grammar_draws_fresh_rows():
    """As many as asked for, by the seed; a longer batch begins alike; too long ones are skipped."""
    corpus = load_corpus("grammar", held_out=50)
    own = encoder("llama", Conversation(), 80)
    one, same, other = (corpus.draw(60, seed, Screen((), own.troubles)) for seed in (0, 0, 1))

    assert one == same != other
    assert own.usable(one) == one
    assert len(one) == 60
    assert len(load_corpus("grammar").held_out) == GRAMMAR_HELD_OUT
    assert corpus.held_out == load_corpus("grammar", held_out=50).held_out
    assert corpus.held_out != one[:50]
    with pytest.raises(InvalidInput, match="max_length: no row of the grammar is that short"):
        corpus.draw(5, 0, Screen((), lambda rows: ["long"] * len(rows)))


def test_surprisals_are_exact():
    """-log probability of the grammar, infinite for what it cannot make."""
    corpus, grammar = load_corpus("grammar", held_out=20), descriptions()
    texts = grammar.sample(20, np.random.default_rng(backend.derived(0, backend.REAL)))
    strange = [{"prompt": "where is the fox?", "response": "no."}]

    assert texts == [f"{row['prompt']}\n{row['response']}" for row in corpus.held_out]
    assert corpus.surprisal(corpus.held_out) == [-grammar.log_probability(text) for text in texts]
    assert all(0 < s < math.inf for s in corpus.surprisal(corpus.held_out))
    assert corpus.surprisal(strange) == [math.inf]
    with pytest.raises(InvalidInput, match="only a grammar's probabilities are known"):
        load_corpus("topics").surprisal([])


def test_grammar_rows_have_two_parts():
    """Prompt and response, without the line break between them."""
    rows = grammar_rows(descriptions(), 200, np.random.default_rng(1))

    assert all(list(row) == ["prompt", "response"] for row in rows)
    assert not any("\n" in part for row in rows for part in row.values())
    assert all(row["response"].endswith(".") for row in rows)


def test_topics_are_prose():
    """Paragraphs of Python's own documentation: no two alike, and held-out ones apart."""
    rows, corpus = topic_rows(), load_corpus("topics")
    source = " ".join(" ".join(text.split()) for text in pydoc_texts())

    assert len(rows) > 800
    assert len(set(texts_of(rows))) == len({row["response"] for row in rows}) == len(rows)
    assert all(40 <= len(row["response"]) <= 600 for row in rows)
    assert all(row["response"] in source for row in rows)
    assert not any(re.search(r"::=|>>>|\n|  ", row["response"]) for row in rows)
    assert not set(texts_of(corpus.train)) & set(texts_of(corpus.held_out))
    assert len(corpus.held_out) == len(rows) // 10


def test_docstrings_are_those_of_what_is_named():
    """First paragraphs as pydoc finds them by name, of public things, no two alike."""
    rows = docstring_rows()
    named = [
        row for row in rows if row["prompt"].partition(".")[0] in ("difflib", "shlex", "textwrap")
    ]

    assert len(rows) > 1000
    assert len({row["response"] for row in rows}) == len(rows)
    assert all(40 <= len(row["response"]) <= 600 for row in rows)
    assert not any(re.search(r"::=|>>>|\n|  ", row["response"]) for row in rows)
    assert not any(part.startswith("_") for row in rows for part in row["prompt"].split("."))
    assert len(named) > 8
    for row in named:
        first = inspect.getdoc(pydoc.locate(row["prompt"])).split("\n\n")[0]
        assert row["response"] == " ".join(first.split())


def test_both_hold_out_what_each_holds_out(monkeypatch):
    """Topics that are held out by themselves are not trained on with docstrings either."""

    def made(name):
        return lambda: [{"prompt": name, "response": f"{name} {i}"} for i in range(40)]

    one, other = made("topic"), made("docstring")
    named = {"topics": (one,), "docstrings": (other,), "documentation": (one, other)}
    monkeypatch.setattr("modelcollapse.language.corpus.PROSE", named)
    parts = [load_corpus(name) for name in ("topics", "docstrings")]
    both = load_corpus("documentation")

    assert both.held_out == [row for part in parts for row in part.held_out]
    assert both.train == [row for part in parts for row in part.train]
    few = load_corpus("documentation", held_out=3)
    assert few.train == both.train
    assert [row for row in both.held_out if row in few.held_out] == few.held_out
    assert len(few.held_out) == 3
    with pytest.raises(InvalidInput, match="held_out = 9: documentation has 8 rows to hold out"):
        load_corpus("documentation", held_out=9)


def test_a_library_without_sources_is_told(monkeypatch, tmp_path):
    """Not an empty data set."""
    paths = SimpleNamespace(get_path=lambda _: str(tmp_path))
    monkeypatch.setattr("modelcollapse.language.topics.sysconfig", paths)
    with pytest.raises(
        InvalidInput, match=r"data = 'docstrings': .* has no source files of Python"
    ):
        docstring_rows()


def pydoc_texts():
    """Return the texts of pydoc's topics."""
    from pydoc_data.topics import topics

    return topics.values()


def copy(tmp_path, *without, family="llama"):
    """Copy the small model, without some of its files."""
    target = tmp_path / "model"
    shutil.copytree(folder(family), target)
    for pattern in without:
        for path in target.glob(pattern):
            path.unlink()
    return target


def test_a_model_without_a_tokenizer_is_refused(tmp_path):
    """And none is invented."""
    path = copy(tmp_path, "tokenizer*", "special*")
    with pytest.raises(InvalidInput) as caught:
        prepare(settings(model=str(path)))

    assert "model" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_of_pickles_is_refused(tmp_path):
    """A .bin file can run code when it is read: safetensors only."""
    import torch

    path = copy(tmp_path, "*.safetensors")
    torch.save(Base(str(folder())).model(0).state_dict(), path / "pytorch_model.bin")
    with pytest.raises(InvalidInput, match="safetensors") as caught:
        Base(str(path)).model(0)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"\x00\x00nothing", None])
def test_damaged_models_are_refused(tmp_path, name, content):
    """One line, whichever file it is; None stands for half of the file."""
    path = copy(tmp_path)
    whole = (path / name).read_bytes()
    (path / name).write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(InvalidInput) as caught:
        prepare(settings(model=str(path))).base.model(0)

    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_that_are_missing_are_refused(tmp_path):
    """A checkpoint without some weights of its architecture is no base to start from."""
    from safetensors.torch import load_file, save_file

    path = copy(tmp_path) / "model.safetensors"
    weights = load_file(path)
    weights.pop("model.layers.0.mlp.down_proj.weight")
    save_file(weights, path, {"format": "pt"})

    with pytest.raises(InvalidInput, match="down_proj"):
        Base(str(path.parent)).model(0)


def test_a_model_without_an_end_is_refused(tmp_path):
    """Its samples would never end."""
    path = copy(tmp_path)
    about = json.loads((path / "tokenizer_config.json").read_text())
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (path / name).exists():
            about = json.loads((path / name).read_text())
            about.pop("eos_token", None)
            (path / name).write_text(json.dumps(about))

    with pytest.raises(InvalidInput, match="no end-of-sequence token"):
        prepare(settings(model=str(path)))


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused(tmp_path):
    """A padding token that was added without resizing the model has no embedding."""
    path = copy(tmp_path)
    base = Base(str(path))
    base.tokenizer.add_special_tokens({"pad_token": "<padding>"})
    base.tokenizer.save_pretrained(path)

    with pytest.raises(InvalidInput, match="token"):
        prepare(settings(model=str(path)))


def test_code_of_a_model_is_not_run(tmp_path):
    """A folder with Python code and an auto_map: the library's own class, or a refusal."""
    path, trap = copy(tmp_path), tmp_path / "run"
    about = json.loads((path / "config.json").read_text())
    about["auto_map"] = {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"}
    (path / "own.py").write_text(f"open({str(trap)!r}, 'w').close()\nclass Own: pass\n")
    (path / "config.json").write_text(json.dumps(about))
    made = Base(str(path)).model(0)

    assert type(made).__name__ == "LlamaForCausalLM"
    assert not trap.exists()
    (path / "config.json").write_text(json.dumps({**about, "model_type": "own"}))
    with pytest.raises(InvalidInput):
        Base(str(path)).model(0)
    assert not trap.exists()


def test_a_base_is_the_same_every_time():
    """The checkpoint's weights in float32; or, from scratch, random ones by the seed."""
    import torch

    base, scratch = Base(str(folder())), Base(str(folder()), from_scratch=True)
    one, other = base.model(0), base.model(1)
    first, same, different_seed = (scratch.model(seed).lm_head.weight for seed in (0, 0, 1))

    assert one is not other
    assert torch.equal(one.lm_head.weight, other.lm_head.weight)
    assert one.lm_head.weight.dtype == torch.float32
    assert torch.equal(first, same)
    assert not torch.equal(first, different_seed)
    assert not torch.equal(first, one.lm_head.weight)


def test_a_fingerprint_tells_weights_apart(tmp_path):
    """The same files have the same one anywhere; other weights have another."""
    path = copy(tmp_path)
    before = Base(str(path)).fingerprint()
    weights = bytearray((path / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (path / "model.safetensors").write_bytes(weights)

    assert before == Base(str(folder())).fingerprint()
    assert Base(str(path)).fingerprint() != before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "tiny-gema2"}, "unknown model 'tiny-gema2'; did you mean tiny-gemma2"),
        ({"model": "/absent/model"}, "model = '/absent/model': no such folder"),
        ({"recipe": {"max_length": 1000}}, "max_length = 1000: the model has 512 positions"),
        ({"data": "topics"}, "max_length = 24: no held-out row of topics is usable ("),
        ({"samples": 0}, "samples"),
        ({"samples": []}, "samples"),
    ],
)
def test_settings_that_do_not_fit(change, message):
    """Each is an error before anything is trained."""
    with pytest.raises(InvalidInput) as caught:
        prepare(settings(**change)).sizes(3)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sizes_of_batches():
    """A number, a schedule, or by default every usable training row."""
    assert prepare(settings(samples=5)).sizes(3) == [5, 5, 5, 5]
    assert prepare(settings(samples=[5, 6, 7])).sizes(3) == [5, 6, 7, 7]
    assert prepare(settings(samples=[5, 6, 7, 8])).sizes(3) == [5, 6, 7, 8]
    setup = prepare(settings(samples=None))
    assert setup.sizes(1) == [len(setup.encoder.usable(setup.corpus.train))] * 2
    with pytest.raises(InvalidInput, match="held_out"):
        Settings(held_out=0)
    assert lines().exists()
