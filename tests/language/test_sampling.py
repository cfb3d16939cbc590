"""Sampling: a model whose law is known is sampled from that law, whatever is cut how."""

import dataclasses
import itertools
import json
import math
import shutil
from collections import Counter

import numpy as np
import pytest

from modelcollapse import evidence
from modelcollapse.language import backend, generating, sampling
from modelcollapse.language.base import Base
from modelcollapse.language.recipe import Recipe
from modelcollapse.language.sampling import HopelessError, Samples, sample
from modelcollapse.testing import assert_frequency, assert_law
from tests.helpers.language_models import (
    ENDS,
    FAMILIES,
    LIKELY,
    encoder,
    folder,
    markov,
    model,
    offline,  # noqa: F401
    texts,
    tokenizer,
    trained,
    wrapped,
)

pytestmark = pytest.mark.language

COUNT = 8192
EXACT = Recipe(precision="float32", sampling_batch=2048, max_length=200)
SMALL = Recipe(precision="float32", sampling_batch=16, max_length=24)
CUTS = {  # (FIRST_LENGTH, sampling_batch)
    "as it is": (32, 2048),
    "short stages": (2, 2048),
    "stages and batches": (3, 1000),
}


def tempered(row, temperature):
    """Return the law of a row under a temperature."""
    powers = np.where(row > 0, row, 0.0) ** (1 / temperature)
    return powers / powers.sum()


def truncated(row, k):
    """Return the law of a row when only its k most probable tokens are kept."""
    kept = np.where(row >= np.sort(row)[-k], row, 0.0)
    return kept / kept.sum()


def rejects(count, n, claimed, near):
    """Return whether a near miss is rejected, and would be for all but one seed in 1e9."""
    outcome = evidence.frequency(count, n, near)
    return outcome.rejected and outcome.detectable < abs(near - claimed)


@pytest.fixture(scope="module", params=CUTS)
def sequences(request, seed):
    """Sequences of the chain, sampled in several ways of cutting them up."""
    chain = markov()
    length, batch = CUTS[request.param]
    with pytest.MonkeyPatch.context() as patch, backend.threads(1):
        patch.setattr(generating, "FIRST_LENGTH", length)
        recipe = dataclasses.replace(EXACT, sampling_batch=batch)
        return chain, batch, sampling._generate(chain.model, chain.encoder, COUNT, recipe, seed)


def test_sequences_are_cut_at_their_end(sequences):
    """Each has characters of the chain and one end; one longer than 199 tokens never happens."""
    chain, _, found = sequences

    assert len(found) == COUNT
    for ids in found:
        assert ids[-1] == chain.encoder.end
        assert set(ids[:-1]) <= set(chain.letters)
        assert ids[:-1]


def test_first_tokens_have_their_law(sequences):
    """Independent over sequences: each count is binomial. Top-k and temperature are near misses."""
    chain, _, found = sequences
    law = chain.law[chain.encoder.start]
    counts = Counter(ids[0] for ids in found)
    for token in chain.letters:
        assert_frequency(counts[token], COUNT, law[token], alpha=1e-9 / len(chain.letters))
    likely, rare = chain.letters[0], chain.letters[-19:]
    rarely = sum(counts[token] for token in rare)

    assert rejects(counts[likely], COUNT, law[likely], tempered(law, 0.9)[likely])
    assert_frequency(rarely, COUNT, law[list(rare)].sum())
    assert rejects(rarely, COUNT, law[list(rare)].sum(), truncated(law, 50)[list(rare)].sum())


def test_transitions_have_their_law(sequences):
    """After its first visit to a state, a sequence forgets the past: a first visit is a stopping
    time, so that given the number of sequences with a visit, what follows is binomial.
    """
    chain, _, found = sequences
    for state in chain.letters[:3]:
        law, after = chain.law[state], Counter()
        for ids in found:
            if state in ids:
                after[ids[ids.index(state) + 1]] += 1
        n = after.total()
        assert n > 500
        for token in np.flatnonzero(law > 0.01):
            assert_frequency(after[token], n, law[token], alpha=1e-9 / 70)
        rest = sum(after[token] for token in np.flatnonzero((law > 0) & (law <= 0.01)))
        assert_frequency(rest, n, law[(law > 0) & (law <= 0.01)].sum())


def test_every_step_has_its_law(sequences):
    """Given how many sequences are k long, the likely step and the end come with their chances.

    And in two steps one after the other, which may be of different stages, independently.
    """
    chain, _, found = sequences
    for k in range(1, 9):
        alive = [[chain.encoder.start, *ids][k:] for ids in found if len(ids) > k]
        steps = sum(ids[1] == chain.likely(ids[0]) for ids in alive)
        ends = sum(ids[1] == chain.encoder.end for ids in alive)
        assert_frequency(steps, len(alive), LIKELY)
        assert_frequency(ends, len(alive), ENDS)
        twice = sum(
            ids[1:2] == [chain.likely(ids[0])] and ids[2:3] == [chain.likely(ids[1])]
            for ids in alive
        )
        assert_frequency(twice, len(alive), LIKELY**2)


def test_lengths_are_geometric(sequences):
    """The number of characters before the end; ending one time in five is a near miss."""
    _, _, found = sequences
    lengths = np.array([len(ids) - 1.0 for ids in found])

    assert_law(lengths, lambda x: 1 - (1 - ENDS) ** np.floor(np.maximum(x, 0.0)))
    assert evidence.law(lengths, lambda x: 1 - 0.8 ** np.floor(np.maximum(x, 0.0))).rejected


def test_batches_are_independent(sequences):
    """Sequences at the same place of two batches are as often alike as any two."""
    chain, batch, found = sequences
    pairs = [
        (one, other)
        for first in range(0, COUNT - 2 * batch + 1, 2 * batch)
        for one, other in zip(
            found[first : first + batch], found[first + batch : first + 2 * batch], strict=True
        )
    ]
    p = (chain.law[chain.encoder.start] ** 2).sum()

    assert len(pairs) >= 4000
    assert_frequency(sum(one[0] == other[0] for one, other in pairs), len(pairs), p)


def test_temperature_sharpens(seed):
    """At temperature 0.5 the probabilities are squared; at 1 they would be rejected."""
    chain = markov()
    recipe = dataclasses.replace(EXACT, temperature=0.5)
    found = sampling._generate(chain.model, chain.encoder, 2048, recipe, seed)
    law, likely = chain.law[chain.encoder.start], chain.letters[0]
    count = sum(ids[0] == likely for ids in found)

    assert_frequency(count, 2048, tempered(law, 0.5)[likely])
    assert rejects(count, 2048, tempered(law, 0.5)[likely], LIKELY)


def test_rows_are_the_sequences_read_back(seed):
    """`sample` returns rows of the same law, and as many as were asked for."""
    chain = markov()
    samples = sample(chain.trained, chain.encoder, 3000, EXACT, seed)
    counts = Counter(row["text"][0] for row in samples.rows)
    first = chain.encoder.tokenizer.convert_ids_to_tokens(chain.letters[0])

    assert len(samples.rows) == 3000
    assert_frequency(counts[first], 3000, LIKELY)
    assert samples.tried == 64 + 3083  # a first wave, and 5 % more than is missing
    assert samples.acceptance == 1
    assert samples.rejected == {}
    lengths = [len(row["text"]) + 1 for row in samples.rows]
    assert sum(lengths) < samples.tokens < sum(lengths) + 150 * 200


@pytest.mark.parametrize("count", [1, 7, 100, 500])
def test_the_books_balance(monkeypatch, count):
    """What is tried is accepted or rejected; the rows are the first accepted ones."""
    chain = markov(max_length=6)
    recipe = dataclasses.replace(SMALL, max_length=6)
    generated = []

    def record(*arguments):
        generated.append(real(*arguments))
        return generated[-1]

    real = sampling._generate
    monkeypatch.setattr(sampling, "_generate", record)
    told = []
    samples = sample(chain.trained, chain.encoder, count, recipe, 3, advance=told.append)
    sequences = list(itertools.chain(*generated))
    unfinished = sum(chain.encoder.end not in ids for ids in sequences)
    rows = [row for row in chain.encoder.decode(sequences) if not isinstance(row, str)]

    assert samples.rows == rows[:count]
    assert (
        samples.ids
        == [[chain.encoder.start, *ids] for ids in sequences if chain.encoder.end in ids][:count]
    )
    assert (
        samples.shown
        == [("unfinished", ids) for ids in sequences if chain.encoder.end not in ids][
            : sampling.SHOWN
        ]
    )
    assert samples.tried == len(sequences) == len(rows) + unfinished
    assert samples.rejected == ({"unfinished": unfinished} if unfinished else {})
    assert samples.acceptance == pytest.approx(len(rows) / len(sequences))
    assert samples.tokens == sum(map(len, sequences))
    assert max(map(len, sequences)) <= 5
    assert told == sorted(told)
    assert told[-1] == 1
    assert samples.seconds > 0
    assert all(len(part) <= sampling.MOST_BATCHES * 16 for part in generated)
    assert len(generated[0]) <= 64


def test_sampling_conditions_on_being_well_formed(seed):
    """With 5 tokens for a row, the lengths 1 to 4 have their geometric chances over their sum."""
    chain = markov(max_length=6)
    recipe = dataclasses.replace(EXACT, max_length=6)
    samples = sample(chain.trained, chain.encoder, 3000, recipe, seed)
    total = 1 - (1 - ENDS) ** 4
    counts = Counter(len(row["text"]) for row in samples.rows)

    assert set(counts) == {1, 2, 3, 4}
    for k in range(1, 5):
        assert_frequency(counts[k], 3000, ENDS * (1 - ENDS) ** (k - 1) / total)
    rejected = sum(samples.rejected.values())
    assert_frequency(samples.tried - rejected, samples.tried, total, alpha=1e-7)


@pytest.mark.parametrize("family", FAMILIES)
def test_temperature_zero_takes_the_most_probable_token(family):
    """Against a loop written out; all samples are the same."""
    import torch

    own, fresh = encoder(family), model(family, seed=3)
    trained(fresh, family, texts(30), steps=25)
    ids = [own.start]
    fresh.eval()
    while len(ids) < 24 and (len(ids) == 1 or ids[-1] != own.end):
        with torch.no_grad():
            ids.append(int(fresh(torch.tensor([ids])).logits[0, -1].argmax()))
    greedy = dataclasses.replace(SMALL, temperature=0.0)

    assert sampling._generate(fresh, own, 3, greedy, 0) == [ids[1:]] * 3


def test_a_checkpoints_own_generation_settings_are_ignored(tmp_path, seed):
    """A generation_config.json with top-k, penalties and a length changes nothing."""
    plain = Base(str(folder()))
    shutil.copytree(folder(), tmp_path / "model")
    wish = {
        "do_sample": False,
        "top_k": 1,
        "top_p": 0.1,
        "temperature": 0.1,
        "repetition_penalty": 5.0,
        "no_repeat_ngram_size": 1,
        "min_new_tokens": 9,
        "max_length": 5,
        "suppress_tokens": [2, 3, 4, 5],
        "eos_token_id": [3, 4, 5, 6, 7, 8],
        "num_beams": 3,
    }
    path = tmp_path / "model" / "generation_config.json"
    assert path.exists()
    path.write_text(json.dumps(wish))
    found = []
    with backend.quiet():
        for base in (plain, Base(str(tmp_path / "model"))):
            own = encoder("llama")
            found += [
                sampling._generate(base.model(0), own, 40, recipe, seed)
                for recipe in (SMALL, dataclasses.replace(SMALL, temperature=0.0))
            ]

    assert found[0] == found[2]
    assert found[1] == found[3]
    assert len({tuple(ids) for ids in found[0]}) > 20


def test_seeds():
    """The same seed gives the same rows, another seed others, and the caller's state is kept."""
    import torch

    chain = markov()
    before = torch.get_rng_state().tolist()
    one, same, other = (sample(chain.trained, chain.encoder, 50, SMALL, s).rows for s in (1, 1, 2))

    assert one == same
    assert one != other
    assert len({row["text"] for row in one} & {row["text"] for row in other}) < 25
    assert torch.get_rng_state().tolist() == before


@pytest.mark.parametrize("count", [1, 600])
def test_a_model_that_never_ends_is_hopeless(count):
    """An error with the counts, after so many samples that chance would be to blame in 1 %."""
    chain = markov(max_length=5, ends=0.0)
    with pytest.raises(HopelessError) as caught:
        sample(chain.trained, chain.encoder, count, SMALL, 0)
    message = str(caught.value)
    tried = caught.value.samples.tried

    assert f"sampling is hopeless: 0 of {tried} samples are well-formed" in message
    assert f"({tried} unfinished), fewer than least_acceptance = 0.05;" in message
    assert 90 <= tried <= 128  # 0.95^90 = 0.0099
    assert len(caught.value.samples.shown) == sampling.SHOWN


@pytest.mark.parametrize(
    ("good", "tried", "hope"), [(0, 89, True), (0, 90, False), (5, 256, True), (4, 256, False)]
)
def test_so_few_that_chance_is_not_to_blame(good, tried, hope):
    """Below 512 samples, against the binomial distribution summed up by hand; from then on, all."""
    tail = sum(math.comb(tried, k) * 0.05**k * 0.95 ** (tried - k) for k in range(good + 1))
    found = Samples([{"text": "a"}] * good, tried, rejected={"unfinished": tried - good})
    assert (tail >= 0.01) == hope
    if hope:
        sampling._check_hope(found, SMALL)
    else:
        with pytest.raises(HopelessError):
            sampling._check_hope(found, SMALL)
    many = dataclasses.replace(found, rows=found.rows[:1] * 25, tried=512)
    with pytest.raises(HopelessError):
        sampling._check_hope(many, SMALL)


def test_rows_that_are_spelled_otherwise(monkeypatch):
    """Their share is told; the tokens are kept as they were sampled."""
    own = encoder("llama")
    (word,) = own.encode([{"text": "bird"}])
    letters = [own.start, *own.tokenizer.convert_tokens_to_ids(list("bird")), own.end]
    monkeypatch.setattr(
        sampling,
        "_generate",
        lambda *given: [letters[1:], *[word[1:]] * (given[2] - 1)],
    )
    samples = sample(wrapped(model("llama"), own), own, 4, SMALL, 0)

    assert len(word) < len(letters)
    assert samples.ids == [letters, word, word, word]
    assert samples.rows == [{"text": "bird"}] * 4
    assert samples.respelled == 0.25


def test_a_low_acceptance_that_is_allowed_is_no_error():
    """One in five is well-formed, and one in twenty is enough."""
    chain = markov(max_length=4, ends=0.1)
    recipe = dataclasses.replace(SMALL, max_length=4, sampling_batch=128)
    samples = sample(chain.trained, chain.encoder, 150, recipe, 0)
    with pytest.raises(HopelessError, match=r"fewer than least_acceptance = 0\.5;"):
        sample(
            *(chain.trained, chain.encoder, 150),
            dataclasses.replace(recipe, least_acceptance=0.5),
            0,
        )

    assert len(samples.rows) == 150
    assert 0.1 < samples.acceptance < 0.3


def test_a_barely_trained_model_is_sampled():
    """Reasons of rejection are counted; what is returned can be trained on."""
    own, fresh = encoder("qwen2"), model("qwen2")
    trained(fresh, "qwen2", texts(60), steps=20)
    samples = sample(wrapped(fresh, own), own, 60, dataclasses.replace(SMALL, sampling_batch=64), 0)

    assert len(samples.rows) == 60
    assert {"unfinished", "malformed"} <= set(samples.rejected)
    assert set(samples.rejected) <= {"unfinished", "undecodable", "malformed", "too_long"}
    assert own.usable(samples.rows) == samples.rows


def test_no_sample_is_no_acceptance_problem():
    """The share of nothing is defined."""
    assert Samples([], 0).acceptance == 1


def test_padding_in_a_sequence_is_a_token_like_others():
    """A model may write its padding token: the sequence goes on, seen in full, and is rejected."""
    import torch

    own = tokenizer("gemma2")
    chain_encoder, fresh = encoder("gemma2"), model("gemma2")
    with torch.no_grad():
        fresh.model.embed_tokens.weight[own.pad_token_id] *= 30
    found = sampling._generate(fresh, chain_encoder, 64, SMALL, 0)
    decoded = chain_encoder.decode([[*ids[:5], chain_encoder.end] for ids in found])

    assert any(own.pad_token_id in ids[:5] for ids in found)
    for ids, row in zip(found, decoded, strict=True):
        if own.pad_token_id in ids[:5] and chain_encoder.end not in ids[:5]:
            assert row in {"malformed", "undecodable"}
