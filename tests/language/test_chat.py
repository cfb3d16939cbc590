"""Conversations: how they are read, and how a tokenizer's chat template writes them."""

import json
from dataclasses import replace

import pytest

from modelcollapse import InvalidInput, Replace
from modelcollapse.cli import main
from modelcollapse.language import Results, Settings, run
from modelcollapse.language.chat import REFUSED, Chat
from modelcollapse.language.corpus import load_corpus
from modelcollapse.language.folder import read_rows, read_tokens
from modelcollapse.language.messages import conversation, packed, told, unpacked
from modelcollapse.language.settings import prepare
from modelcollapse.language.template import SPECIAL, UNREAD, Conversation, Dialogue
from modelcollapse.language.value import read_pool
from modelcollapse.testing.language import TemplateContract
from tests.helpers.language_chats import (
    CHATML,
    TEMPLATES,
    chat_encoder,
    chat_folder,
    chat_tokenizer,
    pairs,
)
from tests.helpers.language_models import (
    TINY,
    encoder,
    lines,
    offline,  # noqa: F401
    options,
)

pytestmark = pytest.mark.language


def said(*turns, system=None):
    """Return messages of alternating turns."""
    first = [] if system is None else [{"role": "system", "content": system}]
    roles = ["user", "assistant"] * len(turns)
    return first + [{"role": r, "content": t} for r, t in zip(roles, turns, strict=False)]


ONE, TWO = said("a hat", "low"), said("a hat", "low", "a bird", "good")
TOLD = said("a hat", "low", "a bird", "good", system="be kind")
LONG = [ONE, TWO, TOLD]


def write(path, **columns):
    """Write a table of columns as JSON lines."""
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("messages", LONG)
def test_conversations(messages):
    """In the names of OpenAI and in those of ShareGPT; an empty word of a system is none."""
    names = {"system": "system", "user": "human", "assistant": "gpt"}
    other = [{"from": names[m["role"]], "value": m["content"], "more": None} for m in messages]
    nothing = [{"role": "system", "content": " "}]

    assert conversation(messages) == conversation(other) == messages
    assert conversation([*nothing, *said("a", "b")]) == said("a", "b")


@pytest.mark.parametrize(
    "value",
    [
        None,
        "a hat",
        [],
        ["a", "b"],
        said("a"),
        said("a", "b", "c"),
        said("a", " "),
        said(system="a"),
        said("a", system="b"),
        said("a", "b")[::-1],
        [*said("a", "b"), *said("c", "d", system="late")],
        [*said("a"), *said("a", "b")],
        [*said("a"), {"role": "tool", "content": "b"}],
        [*said("a"), {"role": "assistant", "content": None}],
        [*said("a"), {"role": "assistant", "content": ["b"]}],
    ],
)
def test_what_is_no_conversation(value):
    """Each has no text, and is counted so."""
    assert conversation(value) is None


@pytest.mark.parametrize(
    "messages",
    [
        *(one[:-1] for one in LONG),
        said("[not JSON"),
        said("[1, 2]"),
        said(json.dumps(said("a"))),
        said(json.dumps(said("a")), system="b"),
    ],
)
def test_a_prompt_is_taken_apart_as_it_was_packed(messages):
    """Whatever the user says, the JSON of messages included."""
    assert unpacked(packed(messages)) == messages
    assert (packed(messages) == messages[0]["content"]) == (
        len(messages) == 1 and not messages[0]["content"].startswith("[{")
    )


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        (ONE, "user: a hat\nassistant: low"),
        (TWO, "user: a hat\nassistant: low\nuser: a bird\nassistant: good"),
        (TOLD, "user: be kind\na hat\nassistant: low\nuser: a bird\nassistant: good"),
    ],
)
def test_the_papers_template_has_earlier_turns(messages, text):
    """They are part of the prompt, which ends where the last answer begins."""
    row, template = {"prompt": told(messages[:-1]), "response": messages[-1]["content"]}, Dialogue()

    assert template.write(row) == text
    assert template.read(text) == row
    assert template.prompt(row) == text.rpartition(" ")[0]
    assert (Conversation().read(text) == row) == (messages is ONE)


def test_columns_of_messages(tmp_path):
    """Recognised by name and kind, or named; what is none is counted as without text."""
    talks = [said(f"ask {k}", f"say {k}") for k in range(20)]
    bad = [said("alone"), said("a", "b", "c")]
    file = write(tmp_path / "data.jsonl", messages=talks + bad, id=list(range(22)))
    corpus = load_corpus(file)
    turned = [
        [{"from": "human", "value": m[0]["content"]}, {"from": "gpt", "value": "x"}] for m in talks
    ]
    shared = load_corpus(write(tmp_path / "shared.jsonl", conversations=turned, text=["y"] * 20))
    chosen = write(tmp_path / "chosen.jsonl", chosen=talks, text=[f"t {k}" for k in range(20)])
    rows = [*corpus.train, *corpus.held_out]

    assert isinstance(corpus.template, Dialogue)
    assert sorted(row["prompt"] for row in rows) == sorted(f"ask {k}" for k in range(20))
    assert corpus.dropped == 2
    assert corpus.notes[0] == "prompt from messages, response from messages"
    assert "the last answer is the response" in corpus.notes[1]
    assert corpus.notes[2] == "columns not used: id"
    assert {row["response"] for row in shared.train} == {"x"}
    assert set(load_corpus(chosen).train[0]) == {"text"}
    assert load_corpus(chosen, columns=["chosen"]).train[0]["prompt"].startswith("ask ")
    with pytest.raises(InvalidInput, match="no row with text in messages"):
        load_corpus(write(tmp_path / "none.jsonl", messages=bad))

    class Own(Conversation):
        """Another one of the same columns."""

    own = Own()
    assert load_corpus(file, template=own).template is own
    assert list(load_corpus(file, template=own).train) == list(corpus.train)


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("messages", LONG)
def test_rows_are_what_the_tokenizer_makes_of_a_chat(name, messages):
    """To the token, but what follows the end, and the start where the template has none."""
    own = chat_encoder(name)
    row = {"prompt": packed(messages[:-1]), "response": messages[-1]["content"]}
    if own.troubles([row])[0]:
        assert (name, messages) == ("trimmed", TOLD)
        assert own.troubles([row]) == [REFUSED]
        return
    made = own.tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False)
    begun = own.tokenizer.apply_chat_template(
        messages[:-1], tokenize=True, return_dict=False, add_generation_prompt=True
    )
    start = [own.start] if name == "thoughts" else []
    (ids,), (prompt,) = own.encode([row]), own.prompts([row])
    last = len(made) - made[::-1].index(own.end)

    assert ids == [*start, *made[:last]]
    assert prompt == [*start, *begun]
    assert own.given([row], [ids]) == [len(prompt)]
    assert own.start == own.tokenizer.convert_tokens_to_ids(
        "<|turn|>" if name == "chatml" else "<s>"
    )
    assert own.decode([ids[1:]], [(row, len(prompt) - 1)]) == [row]


class TestChat(TemplateContract):
    """Each template of chats keeps the laws of all templates."""

    @pytest.fixture(params=TEMPLATES)
    def template(self, request):
        """Return it as a loop has it."""
        return chat_encoder(request.param).template


def test_answers_are_read_between_the_markers():
    """The end of a turn in the prompt ends no sample; what is malformed is no row."""
    own = chat_encoder("thoughts")
    row = {"prompt": "a hat", "response": "(none) low"}
    (prompt,) = own.prompts([row])
    texts = ["(none) a bird", "a bird", "(none) ", "(none) a<|turn|>b", "(none) a</s>"]
    answers = [own.tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    samples = [[*prompt[1:], *answer, own.end, *prompt] for answer in answers]
    samples.append([*prompt[1:], *answers[0]])
    asked = [(row, len(prompt) - 1)] * len(samples)

    assert own.end in prompt
    assert own.decode(samples, asked) == [
        {"prompt": "a hat", "response": "a bird"},
        *["malformed"] * 4,
        "unfinished",
    ]
    assert own.decode([], []) == []


def test_answers_that_are_encoded_again_must_fit():
    """As other rows: the tokens sampled may be fewer or more than those of their text."""
    row = {"prompt": "a hat", "response": "zqzqzq"}
    long = chat_encoder("chatml", retokenise=True)
    (ids,) = long.encode([row])
    asked = [(row, len(long.prompts([row])[0]) - 1)]
    short = replace(long, max_length=len(ids) - 1)

    assert long.decode([ids[1:]], asked) == [row]
    assert short.decode([ids[1:]], asked) == ["too_long"]
    assert short.troubles([row]) == [f"longer than {len(ids) - 1} tokens"]


def test_whole_rows_of_a_template_without_ends_in_prompts():
    """They are read by what the template writes around a question; several turns are not."""
    own = chat_encoder("brackets", whole=True)
    row = {"prompt": "a hat", "response": "low"}
    rows = [row, {"prompt": packed(TWO[:-1]), "response": "good"}]
    (ids,) = own.encode([row])
    odd = own.tokenizer("[ask] a hat [say]low", add_special_tokens=False)["input_ids"]

    assert own.decode([ids[1:], [*odd, own.end]]) == [row, "malformed"]
    assert own.troubles(rows) == ["", UNREAD]
    assert chat_encoder("brackets").troubles(rows) == ["", ""]
    text = json.dumps(said("a"))
    assert own.template.read(f"<s>[ask] {text} [say] b") == {
        "prompt": packed(said(text)),
        "response": "b",
    }


@pytest.mark.parametrize("part", ["prompt", "response"])
def test_special_tokens_in_what_is_said(part):
    """A row with one is left out and counted, whoever said it."""
    for name in TEMPLATES:
        own = chat_encoder(name)
        for token in ("<|turn|>", "<|over|>", "<s>", "</s>"):
            row = {"prompt": "a hat", "response": "low", part: f"a {token} b"}
            assert own.troubles([row, {**row, part: "fine"}]) == [SPECIAL, ""]


def test_words_of_the_papers_template_in_a_prompt():
    """It would be read as a shorter one: left out and counted, and of a response it is not."""
    own = encoder("llama", Conversation(), max_length=99)
    rows = [
        {"prompt": "a\nassistant: b", "response": "c"},
        {"prompt": "a", "response": "b\nassistant: c"},
    ]

    assert own.troubles(rows) == [UNREAD, ""]
    assert replace(own, template=Dialogue()).troubles(rows) == ["", UNREAD]


SHOUTED = CHATML.replace("{{ m['content'] }}", "{{ m['content'] | upper }}")
UNENDED = CHATML.replace("<|over|>", "</s>")
CHANGED = CHATML.replace("{% for", "{{ messages | length }}{% for")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (None, "has no chat template: take a model that was taught one"),
        ("{{ raise_exception('not today') }}", "cannot write a question and its answer: not today"),
        ("{% if %}", "cannot write a question and its answer"),
        (SHOUTED, "cannot be read back.*give a template of your own"),
        (CHANGED, "cannot be read back.*give a template of your own"),
        (UNENDED, r"its rows end by '</s>\\n' and not by .*'<\|over\|>'.*set tokenizer.eos_token"),
        (CHATML.replace("<|over|>", ""), r"rows end by '\\n' and not by"),
    ],
)
def test_templates_that_are_refused(template, message):
    """With the remedy, before anything is trained."""
    with pytest.raises(InvalidInput, match="template = 'chat': .*" + message):
        Chat(chat_tokenizer(template))


def test_whole_rows_with_an_end_in_the_prompt_are_refused():
    """Every sample would end where the user does."""
    for name in set(TEMPLATES) - {"brackets"}:
        with pytest.raises(InvalidInput, match=r"end-of-sequence token .* in it.*prompts = 'real'"):
            chat_encoder(name, whole=True)


def chats(tmp_path, **changes):
    """Return the settings of a loop on conversations, and their file."""
    talks = [said(row["prompt"], row["response"]) for row in pairs(60)]
    talks += [said("a hat", "low", row["prompt"], row["response"]) for row in pairs(20)]
    file = write(tmp_path / "chats.jsonl", messages=talks)
    recipe = replace(TINY, max_length=60, prompts="real", loss_on="completion", learning_rate=1e-3)
    given = {"model": str(chat_folder()), "data": str(file), "template": "chat", "samples": 24}
    return Settings(**{"held_out": 12, "recipe": recipe, **given, **changes})


def test_a_loop_of_chats(tmp_path):
    """Answers to the prompts of real rows; another template is another run."""
    settings = chats(tmp_path)
    path = run(settings, tmp_path / "run", workflows=[Replace()], generations=2, options=options())
    real = read_rows(path / "seed-0" / "real.parquet")
    setup = prepare(settings)
    for chain, t in (("real", 1), ("replace", 2)):
        place = path / "seed-0" / chain / f"generation-00{t}" / "samples.parquet"
        rows, ids = read_rows(place), read_tokens(place)
        prompts = setup.encoder.prompts(rows)
        assert [row["prompt"] for row in rows] == [row["prompt"] for row in real]
        assert all(i[: len(p)] == p for i, p in zip(ids, prompts, strict=True))
        assert all(
            i.index(setup.encoder.end, len(p)) == len(i) - 1
            for i, p in zip(ids, prompts, strict=True)
        )
    several = [row for row in real if row["prompt"].startswith("[{")]

    assert several
    assert [m["role"] for m in unpacked(several[0]["prompt"])] == ["user", "assistant", "user"]
    assert setup.described()["template"]["writes"] == [
        "<|turn|>user\n",
        "<|over|>\n<|turn|>assistant\n",
        "",
    ]
    assert Results.read(path).samples("replace", 0, 2)
    with pytest.raises(
        InvalidInput, match=r"holds another run: .*template is .*there and None here"
    ):
        run(replace(settings, template=None), path, options=options())


def test_chats_on_the_command_line(tmp_path, capsys):
    """With every row of two columns as with messages, and what it prints and writes."""
    file = write(
        tmp_path / "a.jsonl",
        instruction=[r["prompt"] for r in pairs(60)],
        output=[r["response"] for r in pairs(60)],
    )
    given = {"model": chat_folder(), "data": file, "template": "chat", "prompts": "real"}
    given |= {"samples": 24, "held-out": 12, "generations": 1, "workflow": "replace"}
    given |= {"batch-size": 8, "accumulation": 1, "max-length": 60, "learning-rate": 1e-3}
    given |= {"threads": 1, "output": tmp_path / "run", "keep": "none", "loss-on": "completion"}
    words = [word for name, value in given.items() for word in (f"--{name}", str(value))]

    assert main(["language", *words]) == 0
    assert "loss on the completion" in capsys.readouterr().err
    assert (tmp_path / "run" / "samples.md").exists()


def test_settings_of_chats(tmp_path):
    """What does not fit is refused; a pool is read as the data are."""
    with pytest.raises(InvalidInput, match=r"template = 'chats' .*, or 'chat'"):
        chats(tmp_path, template="chats")
    with pytest.raises(InvalidInput, match="is plain text, and a chat has a prompt and a response"):
        prepare(chats(tmp_path, data=str(lines())))
    with pytest.raises(InvalidInput, match="prompts = 'real'"):
        prepare(chats(tmp_path, recipe=TINY))
    setup = prepare(chats(tmp_path))
    rows, notes = read_pool(tmp_path / "chats.jsonl", setup)

    assert len(rows) == 80
    assert any(unpacked(row["prompt"])[0]["content"] == "a hat" for row in rows)
    assert "0 of them left out" in notes[0]
