"""Model collapse on the grammar: statements about the very models that these tests train."""

import os
from dataclasses import replace

import numpy as np
import pytest

from modelcollapse.cli import main
from modelcollapse.language import Settings, backend, load_corpus, run
from modelcollapse.language.base import Base
from modelcollapse.language.checkpoints import names, resolve
from modelcollapse.language.compare import compare
from modelcollapse.language.evaluation import row_nats
from modelcollapse.language.recipe import SMALL
from modelcollapse.language.results import Results
from modelcollapse.language.settings import prepare
from tests.helpers.language_models import light, offline

__all__ = ["offline"]
pytestmark = pytest.mark.language

ROWS, STEPS, GENERATIONS = 300, 40, 3
FRESH = 4000  # rows to compare on: differences that vary by 1.2 nats are decided from 0.26 on
WORKFLOWS = ("replace", "accumulate-subsample", "accumulate")


@pytest.fixture(scope="module", autouse=True)
def alone():
    """One thread from the first fixture on."""
    light()
    with backend.threads(1):
        yield


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """Return a loop whose generations all take the same number of steps.

    Its small Gemma 2 is built by the command that a user would type, in a cache of its own unless
    one is set.
    """
    with pytest.MonkeyPatch.context() as patch:
        if "MODELCOLLAPSE_CACHE" not in os.environ:
            patch.setenv("MODELCOLLAPSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        assert main(["language", "checkpoint", "gemma2"]) == 0
        model = resolve("tiny-gemma2")
    return Settings(model=model, samples=ROWS, held_out=200, recipe=replace(SMALL, steps=STEPS))


@pytest.fixture(scope="module")
def finished(settings, tmp_path_factory, seed):
    """Run the three workflows."""
    folder = tmp_path_factory.mktemp("collapse") / "run"
    return run(settings, folder, generations=GENERATIONS, seeds=[seed])


@pytest.fixture(scope="module")
def nats(settings, finished, seed):
    """Return -log q of fresh rows of the grammar under the last models, and -log p."""
    setup = prepare(settings)
    rows = load_corpus("grammar", held_out=FRESH).held_out
    examples = setup.encoder.encode(rows)
    last = finished / f"seed-{seed}"
    models = {w: last / w / f"generation-{GENERATIONS:03}" / "model" for w in WORKFLOWS}
    losses = {
        w: row_nats(Base(str(path)).model(0), setup.encoder, examples) for w, path in models.items()
    }
    return losses, np.array(setup.corpus.surprisal(rows))


def test_replace_ends_above_accumulate(nats, finished, record_property):
    """At matched steps replace ends above accumulate, at a false-alarm probability of 1e-9.

    Losses are paired row by row, and their differences clipped as they are for users. The other
    claims, that accumulate ends above replace, or that both end alike, are rejected with it.
    """
    losses = nats[0]
    steps = {record["steps"] for record in Results.read(finished).records.values()}
    found = compare(losses["replace"], losses["accumulate"])
    beside = compare(losses["replace"], losses["accumulate-subsample"])
    record_property("replace - accumulate", (found.low, found.mean, found.high))
    record_property("replace - accumulate-subsample", (beside.low, beside.mean, beside.high))

    assert steps == {STEPS}
    assert found.verdict == "first worse"
    assert found.low > 0


def test_the_entropy_is_a_floor(nats):
    """No model is below the entropy; a floor two nats higher is refuted by the same rows.

    The product over rows of q/p has an expectation of at most 1 under the grammar, whatever the
    model q is, so the sum of log q/p is above log(1/alpha) with probability at most alpha.
    """
    losses, surprisal = nats
    allowed = np.log(1e9)
    for workflow in WORKFLOWS:
        assert np.sum(surprisal - losses[workflow]) < allowed, workflow
    assert np.sum(surprisal + 2 - losses["accumulate"]) > allowed


def test_the_default_models_have_names():
    """Four families are built in."""
    assert names() == ("tiny-gemma2", "tiny-llama", "tiny-qwen2", "tiny-gpt2")
