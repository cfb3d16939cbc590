"""Templates and encoders: texts and tokens, there and back."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelcollapse._support.errors import InvalidInput
from modelcollapse.language.corpus import grammar_rows, load_corpus
from modelcollapse.language.grammars import descriptions
from modelcollapse.language.template import ASSISTANT, USER, Conversation, Plain, digest
from modelcollapse.language.tokens import REASONS, Encoder
from modelcollapse.language.topics import topic_rows
from tests.helpers.language_models import CONVERSATION, FAMILIES, encoder, offline, tokenizer  # noqa: F401

pytestmark = pytest.mark.language

PART = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
PIECES = st.lists(
    st.sampled_from([USER, ASSISTANT, "user:", "assistant: ", "\n", " ", "a", "é", "x\n"])
).map("".join)
TOKENS = st.lists(st.integers(2, 9), max_size=8)  # neither start nor end of any family


@given(prompt=PART | PIECES, response=PART | PIECES)
def test_a_conversation_is_read_as_it_was_written(prompt, response):
    """If the prompt does not hold the separator; a part of white space is no part."""
    text = CONVERSATION.write({"prompt": prompt, "response": response})
    row = CONVERSATION.read(text)

    if not prompt.strip():
        assert row is None
    elif ASSISTANT in prompt:
        assert row is None or row["prompt"] == prompt.partition(ASSISTANT)[0]
    elif not response.strip():
        assert row is None
    else:
        assert row == {"prompt": prompt, "response": response}


@given(text=PIECES)
def test_what_is_read_is_written_again(text):
    """A sample is either malformed, or its row is written as that very text."""
    row = CONVERSATION.read(text)

    assert row is None or CONVERSATION.write(row) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "user: ",
        "user: hello",
        "user: hello\nassistant: ",
        "user: hello\nassistant:",
        "user: hello\nassistant:yes",
        "user: hello assistant: yes",
        "user: \nassistant: yes",
        "user:  \nassistant: yes",
        "user: hello\nassistant: \n ",
        "user:hello\nassistant: yes",
        " user: hello\nassistant: yes",
        "User: hello\nassistant: yes",
        "hello\nassistant: yes",
        "assistant: yes",
        "\nassistant: yes",
    ],
)
def test_malformed_texts(text):
    """A part is missing or empty, or the text does not begin as it should."""
    assert CONVERSATION.read(text) is None


@given(text=PART)
def test_a_text_is_read_as_it_was_written(text):
    """A plain text is any text but white space."""
    assert Plain().read(Plain().write({"text": text})) == {"text": text}
    assert Plain().read(" \n") is None


def test_a_digest_tells_rows_apart():
    """Other text, other order, other columns or other cuts between the parts."""
    rows = [{"prompt": "a", "response": "b"}, {"prompt": "c", "response": "d"}]
    others = [
        rows[::-1],
        rows[:1],
        [{"prompt": "a", "response": "b"}, {"prompt": "c", "response": "e"}],
        [{"prompt": "ab", "response": ""}, rows[1]],
        [{"question": "a", "answer": "b"}, {"question": "c", "answer": "d"}],
    ]

    assert digest([dict(row) for row in rows]) == digest(rows)
    assert len({digest(r) for r in [rows, *others]}) == 6


@pytest.mark.parametrize(
    ("family", "start", "padding"),
    [
        ("gemma2", "<bos>", "<pad>"),
        ("llama", "<s>", "</s>"),
        ("qwen2", "<|endoftext|>", "<|pad|>"),
        ("gpt2", "<|endoftext|>", "<|endoftext|>"),
    ],
)
def test_special_tokens(family, start, padding):
    """Start and padding are the family's own, or else its end."""
    own, tokens = encoder(family), tokenizer(family)
    (ids,) = own.encode([{"text": "a bird"}])

    assert own.start == tokens.convert_tokens_to_ids(start)
    assert own.padding == tokens.convert_tokens_to_ids(padding)
    assert own.end == tokens.eos_token_id
    assert ids[0] == own.start
    assert ids[-1] == own.end
    assert tokens.decode(ids[1:-1]) == "a bird"
    assert own.encode([]) == []


def test_a_tokenizer_without_an_end_is_refused():
    """No sample would ever end."""
    from transformers import PreTrainedTokenizerFast

    endless = PreTrainedTokenizerFast(tokenizer_object=tokenizer("llama").backend_tokenizer)

    with pytest.raises(InvalidInput, match="has no end-of-sequence token"):
        Encoder(endless, Plain(), 24)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_fits(family):
    """At most max_length tokens with start and end, and the end at the end alone."""
    rows = [{"text": "a " * n + "bird"} for n in range(26)]
    own = encoder(family)
    lengths = [len(ids) for ids in own.encode(rows)]
    end = own.tokenizer.eos_token

    assert min(lengths) <= 24 < max(lengths)
    assert 24 in lengths
    assert own.usable(rows) == [r for r, n in zip(rows, lengths, strict=True) if n <= 24]
    assert own.usable([{"text": f"a{end}bird"}, {"text": f"a {end}"}, {"text": f"{end}a"}]) == []
    assert own.usable([]) == []


@pytest.mark.parametrize("family", FAMILIES)
@given(rows=st.lists(TOKENS, max_size=8), length=st.integers(4, 9))
def test_blocks_hold_every_token_once_in_order(family, rows, length):
    """Blocks end to end are the rows end to end; only a last token alone is left out."""
    own = encoder(family, max_length=length)
    rows = [[own.start, *ids, own.end] for ids in rows]
    blocks = own.blocks(rows)
    stream = list(chain.from_iterable(rows))
    if own.start == own.end:  # "end, start" between two rows is one token
        stream = [own.start, *chain.from_iterable(ids[1:] for ids in rows)]
    joined = list(chain.from_iterable(blocks))

    assert joined == stream[: len(joined)]
    assert len(stream) - len(joined) == (len(stream) % length == 1)
    assert all(len(block) == length for block in blocks[:-1])
    assert all(1 < len(block) <= length for block in blocks)


@pytest.mark.parametrize("family", FAMILIES)
def test_decoded_rows_and_reasons(family):
    """What is wrong with a sample, in the order in which it is looked for."""
    own = encoder(family, Conversation(), max_length=40, retokenise=True)
    row = {"prompt": "a bird", "response": "can do"}
    start, *ids, end = own.encode([row])[0]
    (byte,) = own.tokenizer.convert_tokens_to_ids(["Ã"])  # the first of two bytes
    long = own.encode([{"prompt": "a", "response": "zq" * 30}])[0][1:]
    special = own.tokenizer.pad_token_id
    samples = {
        "row": [*ids, end],
        "row, then anything": [*ids, end, start, byte, end],
        "unfinished": ids,
        "unfinished, no token": [],
        "undecodable": [*ids, byte, end],
        "malformed": [*ids[1:], end],
        "malformed, no token": [end],
        "too_long": long,
    }
    if special not in {None, end}:
        samples["malformed, padding"] = [*ids, special, end]
    if start != end:
        samples["malformed, start"] = [start, *ids, end]
    decoded = dict(zip(samples, own.decode(list(samples.values())), strict=True))

    assert len(long) + 1 > 40
    for name, found in decoded.items():
        assert found == (row if name.startswith("row") else name.partition(",")[0])
    assert {found for found in decoded.values() if isinstance(found, str)} == set(REASONS)


def test_no_samples_are_no_rows():
    """A list of no samples is decoded too."""
    assert encoder("llama").decode([]) == []


def test_a_sample_that_is_longer_when_encoded_again_is_rejected():
    """A model may spell a word by letters, but never a row that would not fit as training data.

    Where the tokens that were sampled are trained on, a sample that ended in time fits.
    """
    own = encoder("llama", max_length=8, retokenise=True)
    letters = own.tokenizer.convert_tokens_to_ids(list("bird"))

    assert own.decode([[*letters, own.end]]) == [{"text": "bird"}]
    assert len(own.encode([{"text": "bird"}])[0]) < 6
    assert own.decode([[*letters, *letters, own.end]]) == [{"text": "birdbird"}]
    many = own.tokenizer.convert_tokens_to_ids(list("zqzqzq"))
    assert len(own.encode([{"text": "zqzqzq"}])[0]) == 8
    for again, read in ((True, "too_long"), (False, {"text": "zqzqzq"})):
        short = encoder("llama", max_length=7, retokenise=again)
        assert short.decode([[*many, own.end]]) == [read]


@pytest.mark.parametrize("family", FAMILIES)
def test_real_rows_are_read_as_they_were(family, seed):
    """decode(encode(row)) is the row, for the grammar and for Python's documentation."""
    import numpy as np

    own = encoder(family, Conversation(), max_length=10_000)
    rows = [*grammar_rows(descriptions(), 300, np.random.default_rng(seed)), *topic_rows()[::3]]
    usable = own.usable(rows)

    assert len(usable) == len(rows)
    assert own.decode([ids[1:] for ids in own.encode(rows)]) == rows


@pytest.mark.parametrize("family", FAMILIES)
def test_usable_rows_are_possible_samples(family):
    """A row that is taken for training would be taken as a sample: special tokens are neither."""
    own = encoder(family)
    rows = [{"text": f"a {token} bird"} for token in own.tokenizer.all_special_tokens]
    rows += [{"text": " a"}, {"text": "a bird\n"}, {"text": "a é 鳥"}]
    usable = own.usable(rows)

    assert own.decode([ids[1:] for ids in own.encode(usable)]) == usable
    assert usable == rows[-3:]


def test_usable_rows_have_no_replacement_character():
    """A real row with U+FFFD is no sample, as it stands for bytes that are no text."""
    own = encoder("llama")

    assert own.usable([{"text": "a \N{REPLACEMENT CHARACTER} bird"}]) == []


def test_columns_of_the_templates():
    """The built-in data are conversations."""
    corpus = load_corpus("topics", held_out=5)

    assert corpus.template.columns == Conversation().columns == ("prompt", "response")
    assert Plain().columns == ("text",)
    assert all(list(row) == ["prompt", "response"] for row in corpus.train)
