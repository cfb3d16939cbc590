"""The suites for language models: the shipped parts pass, and what breaks one of them fails."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from modelcollapse import InvalidInput
from modelcollapse.language import TrainedModel, TransformersSampler, TransformersTrainer
from modelcollapse.language.diversity import diversity
from modelcollapse.language.template import Conversation, Plain
from modelcollapse.testing.language import (
    MetricContract,
    SamplerContract,
    TemplateContract,
    TrainerContract,
    tiny_checkpoint,
)
from tests.helpers.language_models import offline

__all__ = ["offline"]
pytestmark = pytest.mark.language


class TestTransformersSampler(SamplerContract):
    """As it is."""

    @pytest.fixture
    def sampler(self):
        """Sample in batches that do not divide the rows."""
        return TransformersSampler(batch=300, precision="float32")


class TestTransformersTrainer(TrainerContract):
    """As it is."""

    @pytest.fixture
    def trainer(self):
        """Train without a tracker."""
        return TransformersTrainer()


class TestConversation(TemplateContract):
    """The paper's."""

    @pytest.fixture
    def template(self):
        """Return it."""
        return Conversation()


class TestPlain(TemplateContract):
    """A text as it is."""

    @pytest.fixture
    def template(self):
        """Return it."""
        return Plain()


class TestDiversity(MetricContract):
    """A function of the texts."""

    @pytest.fixture
    def metric(self):
        """Measure the variety of the texts."""
        return lambda generation: diversity(generation.texts)


@dataclass(frozen=True)
class Changed:
    """The shipped sampler, and a fault."""

    fault: str

    def sample(self, model, prompts, *, max_length, temperature, seed):
        """Return rows that are wrong in one way."""
        if self.fault == "ignores the seed":
            seed = 3
        if self.fault == "warms":
            temperature *= 1.5
        if self.fault == "cools":
            temperature *= 0.7
        if self.fault == "draws greedily never":
            temperature = max(temperature, 1.0)
        if self.fault == "changes the prompts":
            prompts[0].append(0)
            prompts[0].pop(0)
        if self.fault == "changes the weights":
            model.loaded.lm_head.weight.data[0] += 1.0
        inner = TransformersSampler(precision="float32")
        limits = {"max_length": max_length, "temperature": temperature, "seed": seed}
        found = inner.sample(model, prompts, **limits)
        end = model.tokenizer.eos_token_id
        if self.fault == "truncates":
            likely = set(np.argsort(-SamplerContract()._first_law(model))[:50].tolist())
            kept = [row for row in found if row[0] in likely]
            found = [kept[i % len(kept)] for i in range(len(found))]
        elif self.fault == "leaves a row out":
            found = found[1:]
        elif self.fault == "strips the end":
            found = [[token for token in row if token != end] for row in found]
        elif self.fault == "writes other tokens":
            found = [[len(model.tokenizer), *row[1:]] for row in found]
        elif self.fault == "writes too much":
            found = [[1] * max_length for _ in found]
        elif self.fault == "repeats itself":
            found = [found[i % (len(found) // 2 or 1)] for i in range(len(found))]
        return found


FAULTS = {
    "ignores the seed": ("test_rows_follow_the_seed", "the same rows for different seeds"),
    "repeats itself": ("test_rows_follow_the_seed", "repeats rows"),
    "warms": ("test_nothing_is_truncated", "do not change the temperature"),
    "cools": ("test_nothing_is_truncated", "do not change the temperature"),
    "truncates": ("test_nothing_is_truncated", "switch top-k, top-p and penalties off"),
    "draws greedily never": ("test_temperature_zero_takes_the_most_probable_token", "rows differ"),
    "changes the prompts": ("test_arguments_are_left_alone", "changes its argument prompts"),
    "changes the weights": ("test_arguments_are_left_alone", "changes the weights"),
    "leaves a row out": ("test_one_row_for_each_prompt", "it returned 6 rows for 7 prompts"),
    "strips the end": ("test_one_row_for_each_prompt", "return the end too"),
    "writes other tokens": ("test_one_row_for_each_prompt", "has the token "),
    "writes too much": ("test_one_row_for_each_prompt", "fit into max_length"),
}


@pytest.fixture
def tiny():
    """Return the folder of the suites' model."""
    return tiny_checkpoint()


@pytest.fixture
def tiny_trained(tiny):
    """Return it as a trained model, loaded afresh."""
    return SamplerContract.model.__wrapped__(None, tiny)


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_of_samplers_are_found(tiny_trained, fault):
    """Each by its own test."""
    name, message = FAULTS[fault]
    arguments = {"count": 7} if name == "test_one_row_for_each_prompt" else {}
    with pytest.raises(AssertionError, match=message):
        getattr(SamplerContract(), name)(Changed(fault), tiny_trained, **arguments)


@dataclass(frozen=True)
class Spoilt:
    """The shipped trainer, and a fault."""

    fault: str

    def train(self, base, rows, recipe, *, weights, seed, folder):
        """Return a model that is wrong in one way."""
        if self.fault == "uses no weights":
            weights = None
        if self.fault == "has a seed of its own":
            seed = int(np.random.default_rng().integers(2**32))
        if self.fault == "changes the rows":
            rows.reverse()
        if self.fault == "learns nothing":
            return TrainedModel(base.tokenizer, folder, base.model(0))
        if self.fault == "returns nothing":
            return None
        if self.fault == "returns no folder":
            return folder
        if self.fault == "draws globally":
            np.random.random()  # noqa: NPY002
        model = TransformersTrainer().train(
            base, rows, recipe, weights=weights, seed=seed, folder=folder
        )
        if self.fault == "saves another one":
            TrainedModel(base.tokenizer, folder, base.model(0)).write(folder)
        if self.fault == "writes into the base":
            (Path(base.source) / "more.txt").write_text("more")
        return model


SPOILT = {
    "uses no weights": ("test_weights_count_or_are_refused", "use the weights"),
    "has a seed of its own": ("test_the_seed_is_all_randomness", "other models for the same seed"),
    "draws globally": ("test_the_seed_is_all_randomness", "global generator"),
    "changes the rows": ("test_training_rows_become_more_probable", "changes its argument rows"),
    "writes into the base": ("test_the_model_has_a_folder", "changes the base's folder"),
    "learns nothing": ("test_training_rows_become_more_probable", "nats after training"),
    "saves another one": ("test_the_model_has_a_folder", "another one than that in memory"),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_faults_of_trainers_are_found(tiny, tmp_path, fault):
    """Each by its own test."""
    name, message = SPOILT[fault]
    recipe = TrainerContract.recipe.__wrapped__(None)
    shutil.copytree(tiny, tmp_path / "base")
    with pytest.raises(AssertionError, match=message):
        getattr(TrainerContract(), name)(Spoilt(fault), recipe, tmp_path / "base", tmp_path)


@pytest.mark.parametrize(
    ("fault", "message"),
    [("returns nothing", "return the folder"), ("returns no folder", "is no folder")],
)
def test_what_is_no_model_is_refused(tiny, tmp_path, fault, message):
    """As a loop refuses it."""
    recipe = TrainerContract.recipe.__wrapped__(None)
    with pytest.raises(InvalidInput, match=message):
        TrainerContract().test_the_model_has_a_folder(Spoilt(fault), recipe, tiny, tmp_path)


class Lossy(Plain):
    """A template that reads another row than it wrote."""

    def read(self, text):
        """Return the text in capitals."""
        return {"text": text.upper()} if text.strip() else None


class Strict(Plain):
    """A template that cannot read everything."""

    def read(self, text):
        """Return the text, or something that is no row."""
        return {"text": text} if text.strip() else {}


@pytest.mark.parametrize(
    ("template", "name", "message"),
    [
        (Lossy(), "test_a_row_is_read_as_it_was_written", "where it wrote"),
        (Strict(), "test_anything_is_read_or_refused", "return None, or a row of its columns"),
    ],
)
def test_faults_of_templates_are_found(template, name, message):
    """Each by its own test."""
    suite = TemplateContract()
    with pytest.raises(AssertionError, match=message):
        getattr(suite, name)(template, TemplateContract.rows.__wrapped__(suite, template))


@pytest.mark.parametrize(
    ("metric", "name", "message"),
    [
        (lambda _: 3.0, "test_it_returns_numbers_by_name", "return numbers by name"),
        (lambda _: {"x": np.inf}, "test_it_returns_numbers_by_name", "return finite numbers"),
        (lambda _: {3: 1.0}, "test_it_returns_numbers_by_name", "is taken, or no text"),
        (
            lambda _: {"x": np.random.random()},  # noqa: NPY002
            "test_the_generator_is_all_randomness",
            "draw from generation.rng alone",
        ),
    ],
)
def test_faults_of_metrics_are_found(tiny, metric, name, message):
    """Each by its own test; one that draws from the generation's generator passes."""
    suite = MetricContract()
    make = MetricContract.generation.__wrapped__(suite, tiny)
    with pytest.raises(AssertionError, match=message):
        getattr(suite, name)(metric, make)
    suite.test_the_generator_is_all_randomness(lambda g: {"x": g.rng.random(), "y": np.nan}, make)
