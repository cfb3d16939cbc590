"""Held-out losses: every row's -log probability against one computed by hand."""

import math

import numpy as np
import pytest

from modelcollapse.language import evaluation
from modelcollapse.language.evaluation import row_nats
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
    found = row_nats(fresh, own, examples, TINY)
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
    (nats,) = row_nats(fresh, own, [[own.start, own.end]], TINY)
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
    assert row_nats(chain.model, chain.encoder, rows, TINY) == pytest.approx(
        -np.log(exact), rel=FLOAT32
    )


def test_batches_hold_every_row_once_and_fit():
    """Cuts of sorted lengths: at most so many rows and numbers, but never less than a row."""
    lengths = [1, 1, 2, 3, 5, 8, 13, 21, 34]
    cuts = evaluation._batches(lengths, 2**25)  # 4 tokens' logits fit

    assert [i for first, last in cuts for i in range(first, last)] == list(range(9))
    for first, last in cuts:
        assert last - first == 1 or (last - first) * lengths[last - 1] <= 4


def test_bfloat16_is_close_and_different():
    """Rows are scored in the precision that they are trained in."""
    own, fresh = encoder("llama"), sharpened("llama")
    examples = own.encode(texts(9))
    exact = row_nats(fresh, own, examples, TINY)
    rough = row_nats(fresh, own, examples, type(TINY)(precision="bfloat16"))

    assert rough == pytest.approx(exact, rel=0.05)
    assert (rough != exact).all()


def test_no_rows_have_no_nats():
    """An empty list of rows is scored too."""
    assert row_nats(model("llama"), encoder("llama"), [], TINY).shape == (0,)
