"""Held-out losses: every row's -log probability against one computed by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from modelcollapse.language import evaluation
from modelcollapse.language.evaluation import divergence, row_nats
from tests.helpers.language_models import (
    FAMILIES,
    TINY,
    encoder,
    markov,
    model,
    offline,  # noqa: F401
    texts,
)

pytestmark = pytest.mark.language

FLOAT32 = 2e-6  # relative: logits of size 1, and sums of 30 terms, at 6e-8 each


def by_hand(fresh, ids):
    """Return -log p of one row, all but its first token, from float32 logits."""
    import torch

    fresh.eval()
    with torch.no_grad():
        logits = fresh(torch.tensor([ids])).logits[0].double().numpy()
    total = 0.0
    for k in range(1, len(ids)):
        shifted = logits[k - 1] - logits[k - 1].max()
        total += math.log(np.exp(shifted).sum()) - shifted[ids[k]]
    return total


def sharpened(family):
    """Return a random model with logits of size 1 and more, and large weights where they tell."""
    import torch

    fresh = model(family)
    with torch.no_grad():
        for name, parameter in fresh.named_parameters():
            if "norm" not in name and "ln" not in name:
                parameter.mul_(10.0)
    return fresh


@pytest.mark.parametrize(
    ("rows", "logits"), [(256, 2**27), (1, 2**27), (3, 2**27), (256, 1), (256, 300 * 40), (5, 9000)]
)
@pytest.mark.parametrize("family", FAMILIES)
def test_nats_are_those_by_hand(monkeypatch, family, rows, logits):
    """Row by row in the order given, however they are cut into batches."""
    monkeypatch.setattr(evaluation, "MOST_ROWS", rows)
    monkeypatch.setattr(evaluation, "MOST_LOGITS", logits)
    own, fresh = encoder(family), sharpened(family)
    examples = own.encode(texts(17, longest=9))
    found = row_nats(fresh, own, examples)
    hand = [by_hand(fresh, ids) for ids in examples]

    assert len({round(nats, 3) for nats in hand}) > 10
    assert found == pytest.approx(hand, rel=FLOAT32)
    assert found.dtype == np.float64


@pytest.mark.parametrize("family", FAMILIES)
def test_the_end_counts_and_the_start_does_not(family):
    """The empty row costs -log P(end | start); dropout is off, and no gradient is kept."""
    import torch

    own, fresh = encoder(family), sharpened(family)
    fresh.train()
    (nats,) = row_nats(fresh, own, [[own.start, own.end]])
    with torch.no_grad():
        log_p = torch.log_softmax(fresh(torch.tensor([[own.start]])).logits[0, 0].double(), dim=0)

    assert nats == pytest.approx(-log_p[own.end].item(), rel=FLOAT32)
    assert not fresh.training


def test_a_known_law_has_its_probabilities():
    """The product of the Markov chain's transition probabilities, the end's included."""
    chain = markov()
    start, end = chain.encoder.start, chain.encoder.end
    a, b, c = chain.letters[0], chain.letters[1], chain.letters[30]
    rows = [[start, a, end], [start, a, b, end], [start, c, a, a, b, end]]
    p = chain.law
    exact = [
        p[start, a] * p[a, end],
        p[start, a] * p[a, b] * p[b, end],
        p[start, c] * p[c, a] * p[a, a] * p[a, b] * p[b, end],
    ]

    assert chain.law.sum(axis=1)[[start, a, b, c]] == pytest.approx(1, rel=1e-12)
    assert row_nats(chain.model, chain.encoder, rows) == pytest.approx(-np.log(exact), rel=FLOAT32)


def test_batches_hold_every_row_once_and_fit():
    """Cuts of sorted lengths: at most so many rows and numbers, but never less than a row."""
    lengths = [1, 1, 2, 3, 5, 8, 13, 21, 34]
    cuts = evaluation._batches(lengths, 2**25, 2**27)  # 4 tokens' logits fit

    assert [i for first, last in cuts for i in range(first, last)] == list(range(9))
    for first, last in cuts:
        assert last - first == 1 or (last - first) * lengths[last - 1] <= 4


def log_laws(fresh, ids, temperature):
    """Return the log-probabilities of what follows each token but the last, one row at a time."""
    import torch

    fresh.eval()
    with torch.no_grad():
        logits = fresh(torch.tensor([ids])).logits[0, :-1].double().numpy() / temperature
    logits -= logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


@pytest.mark.parametrize("temperature", [1.0, 0.5])
@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_divergence_is_that_by_hand(monkeypatch, family, temperature):
    """Of any two models, term by term; the other way round, and without the last term, it is not.

    The terms are those of the tokens that were drawn, the end's included, and of no padding.
    """
    monkeypatch.setattr(evaluation, "MOST_LOGITS", 300 * 40 * 8)
    own, one, other = encoder(family), sharpened(family), model(family, seed=5)
    sequences = [ids[:-1] if n % 3 else ids for n, ids in enumerate(own.encode(texts(9)))]
    recipe = replace(TINY, temperature=temperature)
    found = divergence(one, other, own, sequences, recipe)
    hand = []
    for ids in sequences:
        log_q, log_p = (log_laws(m, ids, temperature) for m in (one, other))
        hand.append((np.exp(log_q) * (log_q - log_p)).sum(axis=1))

    assert found == pytest.approx([terms.sum() for terms in hand], rel=1e-5)
    assert min(terms[-1] for terms in hand) > 1e-3
    assert divergence(other, one, own, sequences, recipe) != pytest.approx(found, rel=0.01)
    assert divergence(one, one, own, sequences, recipe).tolist() == [0.0] * 9


def test_a_divergence_of_known_laws():
    """Two Markov chains that end at different rates: what differs is the end, and nothing else."""
    one, other = markov(), markov(ends=0.1)
    a, b = one.letters[:2]
    start, end = one.encoder.start, one.encoder.end
    q, p = one.law[a], other.law[a]
    term = (q[q > 0] * np.log(q[q > 0] / p[q > 0])).sum()
    found = divergence(one.model, other.model, one.encoder, [[start, a, b, end], [start, a]], TINY)

    assert found == pytest.approx([2 * term, 0.0], abs=2e-5)
    assert term > 0.05


def test_no_rows_have_no_nats():
    """An empty list of rows is scored too."""
    assert row_nats(model("llama"), encoder("llama"), []).shape == (0,)
