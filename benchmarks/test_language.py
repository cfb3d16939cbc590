"""One generation of the language-model loop, and its sampling, beside Trainer and `generate`."""

import time
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median, stdev

import pytest

pytest.importorskip("torch", reason="the language extra is not installed")

import torch

from benchmarks import plain_language
from modelcollapse.language import Settings, backend
from modelcollapse.language.evaluation import row_nats
from modelcollapse.language.generating import completed
from modelcollapse.language.sampling import sample
from modelcollapse.language.settings import prepare
from modelcollapse.language.trained import TrainedModel
from modelcollapse.language.training import fine_tune

ROWS, HELD_OUT, SEQUENCES, ROUNDS = 2000, 1000, 1024, 3
AIM, SAMPLING_AIM = 0.85, 0.45  # of the plain time, at most
DEVIATIONS = 6  # by which means of independent samples of one law may differ


@pytest.fixture(scope="module")
def setup():
    """Return the default loop's model and data; the small checkpoint is built if need be."""
    return prepare(Settings(held_out=HELD_OUT))


@pytest.fixture(scope="module", autouse=True)
def quiet():
    """Silence the libraries on both sides, and give both the machine's threads."""
    with backend.quiet(), backend.threads(torch.get_num_threads()):
        yield


@pytest.fixture
def paired(benchmark, record_other):
    """Return a function that runs two sides in turn, and records their times and ratios.

    Also of the processor, as on a machine that others use the clock tells what they do.
    """

    def run(what, aim, plain, ours):
        sides = ("plain Trainer and generate", plain), ("modelcollapse", ours)
        results, clock, processor = ({name: [] for name, _ in sides} for _ in range(3))

        def timed(side):
            name, work = side
            started = time.perf_counter(), time.process_time()
            results[name].append(work())
            clock[name].append(time.perf_counter() - started[0])
            processor[name].append(time.process_time() - started[1])

        benchmark.pedantic(timed, (sides[1],), setup=lambda: timed(sides[0]), rounds=ROUNDS)
        for kind, seconds in (("", clock), (", of the processor", processor)):
            medians = [median(seconds[name]) for name, _ in sides]
            for (name, _), value in zip(sides, medians, strict=True):
                record_other(f"{what}, {name}{kind}", "s", value=value)
            ratio = medians[1] / medians[0]
            label = f"{what}, modelcollapse over plain{kind}, aim {aim}"
            record_other(label, "ratio", value=ratio)
        return [results[name] for name, _ in sides]

    return run


def ours(setup, rows, seed):
    """Fine-tune, judge and sample as the loop does; return (model, training, nats, samples)."""
    model = setup.base.model(seed)
    training = fine_tune(model, setup.encoder, setup.encoder.encode(rows), setup.recipe, seed)
    nats = row_nats(model, setup.encoder, setup.held_out_examples)
    trained = TrainedModel(setup.encoder.tokenizer, Path(setup.base.source), model)
    return model, training, nats, sample(trained, setup.encoder, len(rows), setup.recipe, seed)


def assert_one_law(lengths, count, total):
    """Sequences of one law: a mean of `count` of them is that of `lengths`, up to chance."""
    error = stdev(lengths) * (1 / len(lengths) + 1 / count) ** 0.5
    assert abs(total / count - fmean(lengths)) < DEVIATIONS * error


def test_generation(benchmark, paired, bench_seed, setup):
    """Both sides take the same steps on the same tokens, to the same losses, and sample alike."""
    benchmark.group = "one generation of a language model"
    rows, template = setup.draw(ROWS, bench_seed), setup.corpus.template
    texts, held_out = ([template.write(row) for row in part] for part in (rows, setup.held_out))
    folder, recipe = setup.base.source, setup.recipe
    given = (folder, texts, held_out, ROWS, recipe, bench_seed, template.read)
    plain, own = paired(
        "one generation of a small Gemma 2",
        AIM,
        lambda: plain_language.generation(*given),
        lambda: ours(setup, rows, bench_seed),
    )
    peer, (model, training, nats, samples) = plain[-1], own[-1]
    theirs = row_nats(peer.model, setup.encoder, setup.held_out_examples)
    tokens = sum(len(ids) - 1 for ids in setup.held_out_examples)

    assert (training.steps, training.tokens) == (peer.steps, peer.tokens)
    assert training.loss == pytest.approx(peer.loss, rel=1e-5)
    assert nats == pytest.approx(theirs, rel=1e-3)
    assert nats.sum() == pytest.approx(theirs.sum(), rel=1e-5)
    for trained in (model, peer.model):
        checked = plain_language.evaluated(folder, held_out, recipe, trained)
        assert checked == pytest.approx(nats.sum() / tokens, rel=1e-5)
    before = row_nats(setup.base.model(0), setup.encoder, setup.held_out_examples)
    assert nats.mean() < before.mean()
    assert len(samples.rows) == len(peer.texts) == ROWS
    assert_one_law(peer.lengths, samples.tried, samples.tokens)


@pytest.mark.parametrize("batch", [None, plain_language.BATCH])
def test_sampling(benchmark, paired, bench_seed, setup, batch):
    """As many sequences of one law, from a model that is trained for one generation."""
    benchmark.group = "sampling from a language model"
    model, encoder = setup.base.model(0), setup.encoder
    examples = encoder.encode(setup.draw(ROWS, bench_seed))
    fine_tune(model, encoder, examples, setup.recipe, bench_seed)
    model.eval()
    recipe = replace(setup.recipe, sampling_batch=batch or setup.recipe.sampling_batch)
    prompts = [[encoder.start]] * SEQUENCES
    plain, own = paired(
        f"{SEQUENCES} sequences of a small Gemma 2, {recipe.sampling_batch} at a time",
        SAMPLING_AIM,
        lambda: [
            ids
            for _ in range(SEQUENCES // plain_language.BATCH)
            for ids in plain_language.sampled(model, encoder.tokenizer, recipe)
        ],
        lambda: completed(model, encoder, prompts, recipe, bench_seed),
    )
    lengths = [len(ids) for found in plain for ids in found]

    assert {len(found) for found in (*plain, *own)} == {SEQUENCES}
    assert_one_law(lengths, SEQUENCES, sum(map(len, own[-1])))
