"""One generation of the language-model loop, beside plain Trainer and `generate`."""

import time
from pathlib import Path
from statistics import median

import pytest

pytest.importorskip("torch", reason="the language extra is not installed")

import torch

from benchmarks import plain_language
from modelcollapse.language import Settings, backend
from modelcollapse.language.evaluation import row_nats
from modelcollapse.language.sampling import sample
from modelcollapse.language.settings import prepare
from modelcollapse.language.trained import TrainedModel
from modelcollapse.language.training import fine_tune

ROWS, HELD_OUT, ROUNDS = 2000, 1000, 2
AIM = 0.9  # of the plain time, at most


@pytest.fixture(scope="module")
def setup():
    """Return the default loop's model and data; the small checkpoint is built if need be."""
    return prepare(Settings(held_out=HELD_OUT))


@pytest.fixture(scope="module", autouse=True)
def quiet():
    """Silence the libraries on both sides, and give both the machine's threads."""
    with backend.quiet(), backend.threads(torch.get_num_threads()):
        yield


def ours(setup, rows, seed):
    """Fine-tune, judge and sample as the loop does; return (model, nats, samples)."""
    model = setup.base.model(seed)
    fine_tune(model, setup.encoder, setup.encoder.encode(rows), setup.recipe, seed)
    nats = row_nats(model, setup.encoder, setup.held_out_examples)
    trained = TrainedModel(setup.encoder.tokenizer, Path(setup.base.source), model)
    return model, nats, sample(trained, setup.encoder, len(rows), setup.recipe, seed)


def test_generation(benchmark, record_other, bench_seed, setup):
    """Both sides' models learn, and both sides measure them to the same loss."""
    benchmark.group = "one generation of a language model"
    rows = setup.draw(ROWS, bench_seed)
    write = setup.corpus.template.write
    texts, held_out = [write(row) for row in rows], [write(row) for row in setup.held_out]
    folder, recipe = setup.base.source, setup.recipe
    peers, seconds = [], []

    def plain():
        started = time.perf_counter()
        peers.append(plain_language.generation(folder, texts, held_out, ROWS, recipe, bench_seed))
        seconds.append(time.perf_counter() - started)

    arguments = (setup, rows, bench_seed)
    model, nats, samples = benchmark.pedantic(ours, arguments, setup=plain, rounds=ROUNDS)
    peer, sampled = peers[-1]
    tokens = sum(len(ids) - 1 for ids in setup.held_out_examples)

    assert len(samples.rows) == len(sampled) == ROWS
    theirs = row_nats(peer, setup.encoder, setup.held_out_examples)
    for trained, values in ((model, nats), (peer, theirs)):
        checked = plain_language.evaluated(folder, held_out, recipe, trained)
        assert checked == pytest.approx(values.sum() / tokens, rel=1e-5)
    before = row_nats(setup.base.model(0), setup.encoder, setup.held_out_examples)
    assert max(nats.mean(), theirs.mean()) < before.mean()
    what = "one generation of a small Gemma 2"
    record_other(f"{what}, plain Trainer and generate", "s", value=median(seconds))
    record_other(f"{what}, modelcollapse", "s")
    if benchmark.stats:
        ratio = benchmark.stats.stats.median / median(seconds)
        record_other(f"{what}, modelcollapse over plain, aim {AIM}", "ratio", value=ratio)
