"""Prompts of real rows: kept, answered, and left out of the loss."""

import json
from dataclasses import dataclass, replace

import pytest

from modelcollapse import InvalidInput, Replace
from modelcollapse.language import Recipe, asking, generating, run
from modelcollapse.language.asking import Given
from modelcollapse.language.folder import read_rows, read_tokens
from modelcollapse.language.generating import completed
from modelcollapse.language.judging import Judge
from modelcollapse.language.settings import prepare
from modelcollapse.language.template import Conversation
from modelcollapse.language.tokens import Encoder
from tests.helpers.language_models import (
    FAMILIES,
    TINY,
    encoder,
    model,
    offline,  # noqa: F401
    options,
    settings,
    texts,
    tokenizer,
)
from tests.helpers.language_parts import Sums, Trainer

pytestmark = pytest.mark.language
WORDS = 2  # of a prompt


@dataclass(frozen=True)
class Begun:
    """A prompt of two words, and the words after them."""

    columns: tuple[str, ...] = ("prompt", "response")

    def write(self, row):
        """Return all words."""
        return f"{row['prompt']} {row['response']}"

    def prompt(self, row):
        """Return the first two."""
        return row["prompt"]

    def read(self, text):
        """Return both parts, or None if one is empty."""
        words = text.split(" ")
        if len(words) <= WORDS or not all(words):
            return None
        return {"prompt": " ".join(words[:WORDS]), "response": " ".join(words[WORDS:])}


BEGUN = Begun()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Return a file of 60 prompts and responses."""
    path = tmp_path_factory.mktemp("prompts") / "rows.jsonl"
    rows = {BEGUN.write(row): row for row in map(BEGUN.read, sentences(400)) if row}
    path.write_text("".join(json.dumps(row) + "\n" for row in list(rows.values())[:60]))
    return path


def sentences(count):
    """Return sentences of a few words."""
    return [row["text"] for row in texts(count)]


@pytest.mark.parametrize("family", FAMILIES)
def test_prompts_of_many_lengths_are_continued_as_each_alone(monkeypatch, family):
    """Shorter ones are padded before; positions and attention are those of no padding."""
    fresh, own = model(family).eval(), encoder(family, max_length=28)
    greedy = replace(TINY, temperature=0.0, sampling_batch=3)
    prompts = [ids[:-1] for ids in own.encode(texts(5, seed=1, longest=10))]
    monkeypatch.setattr(generating, "FIRST_LENGTH", 8)
    together = completed(fresh, own, prompts, greedy, 0)

    assert len({len(prompt) for prompt in prompts}) > 3
    assert together == [completed(fresh, own, [prompt], greedy, 0)[0] for prompt in prompts]
    for prompt, ids in zip(prompts, together, strict=True):
        assert own.end in ids[-1:] or len(prompt) + len(ids) == 28
    full = [own.start, *[5] * 27]
    assert completed(fresh, own, [full, prompts[0]], greedy, 0) == [[], together[0]]
    assert completed(fresh, own, [], greedy, 0) == []


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_of_a_prompt(family):
    """They are the first tokens of the row, and the answer's begin with its space."""
    own = Encoder(tokenizer(family), Conversation(), 99)
    rows = [{"prompt": "a bird", "response": "can do"}, {"prompt": "hat:", "response": "\n a"}]
    examples = own.encode(rows)
    given = own.given(rows, examples)
    read = [own.tokenizer.decode(ids[1:n]) for ids, n in zip(examples, given, strict=True)]

    assert read == ["user: a bird\nassistant:", "user: hat:\nassistant:"]
    assert own.given(rows, [[own.start, own.end], examples[1]]) == [1, given[1]]
    assert own.given([], []) == []


class Known:
    """An encoder of one token per row."""

    def prompts(self, rows):
        """Return the number that is the prompt."""
        return [[0, int(row["prompt"])] for row in rows]


def numbered(*numbers):
    """Return rows whose prompts are numbers."""
    return [{"prompt": str(n), "response": "yes"} for n in numbers]


@pytest.mark.parametrize("count", [3, 5, 8, 13])
def test_every_prompt_is_asked_as_often_as_any_other(count):
    """Up to one; a rejected answer is asked for again, and rows come into their order."""
    rows, took = numbered(*range(5)), []
    given = Given(Known(), BEGUN, rows, count, seed=1)
    number = 0
    while wave := given.wave(4):
        for place, prompt in enumerate(wave):
            number += 1
            answer = numbered(prompt[1])[0] if number % 3 else None
            if given.answered(place, answer):
                took.append(prompt[1])
    ordered = [took[i] for i in sorted(range(count), key=lambda i: given.order()[i])]
    passes, rest = divmod(count, 5)

    assert ordered[: 5 * passes] == [*range(5)] * passes
    assert ordered[5 * passes :] == sorted(set(ordered[5 * passes :]))
    assert len(ordered) == count == 5 * passes + rest
    assert given.replaced == 0


def test_a_prompt_without_an_answer_gives_way(monkeypatch):
    """After so many tries another one takes its place; an answer to another prompt is none."""
    monkeypatch.setattr(asking, "TRIES", 3)
    given, asked = Given(Known(), BEGUN, numbered(0, 1, 2), 3, seed=0), []
    while wave := given.wave(9):
        for place, prompt in enumerate(wave):
            asked.append(prompt[1])
            given.answered(place, numbered(2 if prompt[1] == 1 else prompt[1])[0])

    assert asked.count(1) >= 3
    assert asked.count(1) == 3 * given.replaced
    assert len(given.came) == 3


def test_a_loop_keeps_the_prompts_of_real_rows(tmp_path, file):
    """In every generation, in their order; the loss and the judge see the answers alone."""
    recipe = {"prompts": "real", "loss_on": "completion"}
    said = settings(data=str(file), template=BEGUN, recipe=recipe)
    told = []
    path = run(
        said,
        tmp_path / "run",
        workflows=[Replace()],
        generations=2,
        options=options("last"),
        announce=told.append,
    )
    real = read_rows(path / "seed-0" / "real.parquet")
    for chain, t in (("real", 1), ("replace", 2)):
        place = path / "seed-0" / chain / f"generation-00{t}" / "samples.parquet"
        rows, ids = read_rows(place), read_tokens(place)
        assert [row["prompt"] for row in rows] == [row["prompt"] for row in real]
        own = prepare(said).encoder
        assert [own.tokenizer.decode(i[1:-1]) for i in ids] == [BEGUN.write(row) for row in rows]
    judge = Judge(prepare(said))
    given = judge.setup.encoder.given(judge.setup.held_out, judge.setup.held_out_examples)

    assert "; prompts of real rows, loss on the completion" in told[0]
    assert min(given) > 1
    assert judge.tokens.tolist() == [n + 1 - g for n, g in zip(judge.lengths, given, strict=True)]
    with pytest.raises(InvalidInput, match=r"recipe.loss_on is 'completion' there and 'text' here"):
        run(settings(data=str(file), template=BEGUN), path, options=options())


@pytest.mark.parametrize(
    ("changes", "recipe", "message"),
    [
        ({}, {"prompts": "real"}, "is plain text, which has none: name two columns"),
        ({"template": Sums()}, {"prompts": "real"}, "give it prompt(row)"),
        (
            {"template": BEGUN, "trainer": Trainer()},
            {"prompts": "real", "loss_on": "completion"},
            "a trainer of one's own is not told where prompts end",
        ),
    ],
)
def test_data_without_prompts_and_trainers_without_masks(tmp_path, file, changes, recipe, message):
    """Each is refused before anything is trained."""
    if changes:
        columns = changes["template"].columns
        rows = [dict(zip(columns, row.values(), strict=True)) for row in read_lines(file)]
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        changes["data"] = str(path)
    with pytest.raises(InvalidInput) as caught:
        prepare(settings(recipe=recipe, **changes))
    assert message in str(caught.value)


def read_lines(path):
    """Return the rows of a file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss_on": "completion"}, "a model that learns no prompts cannot sample any"),
        ({"loss_on": "completion", "prompts": "real", "packed": True}, "mix prompts and answers"),
        ({"loss_on": "prompt"}, "one of text, completion"),
        ({"prompts": "given"}, "one of sampled, real"),
    ],
)
def test_recipes_that_do_not_fit(changes, message):
    """With the remedy."""
    with pytest.raises(InvalidInput, match=message):
        Recipe(**changes)
