"""The suites that every sampler, trainer, template and metric of a language loop should pass.

::

    from modelcollapse.testing.language import SamplerContract

    class TestMySampler(SamplerContract):
        @pytest.fixture
        def sampler(self):
            return MySampler()

Samplers and trainers are tried on a tiny Llama with random weights that is built here, in a folder
that is removed: a second or two, without a network.
"""

import copy
import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from modelcollapse import evidence
from modelcollapse._support import generators
from modelcollapse._support.errors import InvalidInput
from modelcollapse.language import (
    Generation,
    Metric,
    Recipe,
    Sampler,
    Template,
    TrainedModel,
    Trainer,
    backend,
)
from modelcollapse.language.base import Base
from modelcollapse.language.checkpoints import initial, train_tokenizer
from modelcollapse.language.evaluation import row_nats
from modelcollapse.language.fitting import checked_model
from modelcollapse.language.own import check_part, drawn, numbers
from modelcollapse.language.template import Plain
from modelcollapse.language.tokens import Encoder
from modelcollapse.testing.workflow_contract import require

WORDS = ("a", "bird", "can", "do", "every", "fine", "good", "hat")
TEXTS = [f"{a} {b}" for a in WORDS for b in WORDS]
HOSTILE = ("", " ", "\n", "\N{REPLACEMENT CHARACTER}", "no template has this", "user: ", "\x00")
ROWS = 1024  # sampled to test a law
ALPHA = 1e-9
SPREAD, END = 0.45, 2.0  # logits that vary by 1.8, so that laws at other temperatures are far away


@cache
def _scratch() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="tiny-model-")  # removed when the process ends


@cache
def tiny_checkpoint() -> Path:
    """Build the checkpoint of a tiny Llama, once in a process, and return its folder."""
    import torch

    folder = Path(_scratch().name) / "model"
    with backend.quiet(), backend.threads(1):
        tokenizer = train_tokenizer("llama", TEXTS, 300)
        with backend.seeded(0), torch.no_grad():
            model = initial("llama", tokenizer, hidden=16, layers=1)
            # Its own output weights: all hidden states share a direction, and only the end looks
            # along it, so that a row ends after one token in five or so.
            model.config.tie_word_embeddings = False
            model.model.embed_tokens.weight.normal_(std=0.25)[:, 0] = 1.0
            output = torch.nn.Parameter(torch.randn(model.lm_head.weight.shape) * SPREAD)
            output[:, 0] = 0.0
            output[tokenizer.eos_token_id, 0] = END
            model.lm_head.weight = output
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


class _OnTinyModel:
    """Suites that need a model."""

    @pytest.fixture
    def tiny_model(self) -> Path:
        """Return the folder of a tiny Llama."""
        return tiny_checkpoint()


class SamplerContract(_OnTinyModel):
    """The laws of a sampler; override the fixture `sampler`."""

    max_length = 12

    @pytest.fixture
    def sampler(self) -> Any:
        """Return the sampler to test."""
        raise NotImplementedError("override the fixture `sampler`")

    @pytest.fixture
    def model(self, tiny_model: Path) -> TrainedModel:
        """Return the model to sample from."""
        return TrainedModel(Base(str(tiny_model)).tokenizer, tiny_model)

    def test_it_is_a_sampler(self, sampler: Sampler) -> None:
        """It is an object with `sample`."""
        _agree(check_part, "sampler", sampler)

    @pytest.mark.parametrize("count", [1, 7])
    def test_one_row_for_each_prompt(
        self, sampler: Sampler, model: TrainedModel, count: int
    ) -> None:
        """Tokens of the model, up to the end, or as many as fit."""
        self._sample(sampler, model, count)

    def test_prompts_of_several_lengths(self, sampler: Sampler, model: TrainedModel) -> None:
        """Each is followed by its own tokens, and the order is kept."""
        (start,) = self._prompts(model, 1)
        (word,) = model.tokenizer(["a"], add_special_tokens=False)["input_ids"]
        self._draw(sampler, model, [[*start, *word], start, [*start, *word, *word]])

    def test_rows_follow_the_seed(self, sampler: Sampler, model: TrainedModel) -> None:
        """The same seed gives the same rows, and another one gives others."""
        one, same, other = (self._sample(sampler, model, 20, seed=s) for s in (1, 1, 2))
        require(one == same, f"{sampler!r} gives other rows for the same seed")
        require(one != other, f"{sampler!r} gives the same rows for different seeds")
        require(one[:10] != one[10:], f"{sampler!r} repeats rows: draw each independently")

    def test_arguments_are_left_alone(self, sampler: Sampler, model: TrainedModel) -> None:
        """The prompts are not changed, and a model in memory stays the same."""
        prompts = self._prompts(model, 3)
        given = copy.deepcopy(prompts)
        before = {name: w.clone() for name, w in model.loaded.state_dict().items()}
        self._draw(sampler, model, prompts)
        after = model.loaded.state_dict()
        require(prompts == given, f"{sampler!r} changes its argument prompts")
        require(
            all((before[name] == after[name]).all() for name in before),
            f"{sampler!r} changes the weights of model.loaded: copy them",
        )

    def test_nothing_is_truncated(self, sampler: Sampler, model: TrainedModel) -> None:
        """First tokens have the model's law: top-k, top-p, penalties and temperature are off."""
        law = self._first_law(model)
        found = self._sample(sampler, model, ROWS)
        first = np.bincount([row[0] for row in found], minlength=len(law))
        order = np.argsort(-law)
        for name, tokens in (("most", order[:1]), ("least", order[len(order) // 10 :])):
            outcome = evidence.frequency(
                int(first[tokens].sum()), ROWS, float(law[tokens].sum()), alpha=ALPHA
            )
            require(
                not outcome.rejected,
                f"{sampler!r}: the {name} probable first tokens are {outcome.observed:.4g} of "
                f"{ROWS}, and the model's law says {law[tokens].sum():.4g}: switch top-k, top-p "
                "and penalties off, and do not change the temperature",
            )

    def test_temperature_zero_takes_the_most_probable_token(
        self, sampler: Sampler, model: TrainedModel
    ) -> None:
        """Whatever the seed."""
        most = int(self._first_law(model).argmax())
        found = self._sample(sampler, model, 3, temperature=0.0)
        require(
            all(row[0] == most and row == found[0] for row in found),
            f"{sampler!r}: at temperature 0 rows differ, or begin with another token than {most}",
        )

    def _first_law(self, model: TrainedModel) -> Any:
        import torch

        with torch.no_grad():
            given = torch.tensor(self._prompts(model, 1), device=model.loaded.device)
            return torch.softmax(model.loaded(given).logits[0, -1].double(), dim=-1).cpu().numpy()

    def _encoder(self, model: TrainedModel) -> Encoder:
        return Encoder(model.tokenizer, Plain(), self.max_length)

    def _prompts(self, model: TrainedModel, count: int) -> list[list[int]]:
        return [[self._encoder(model).start] for _ in range(count)]

    def _sample(
        self,
        sampler: Sampler,
        model: TrainedModel,
        count: int,
        *,
        seed: int = 0,
        temperature: float = 1.0,
    ) -> list[list[int]]:
        prompts = self._prompts(model, count)
        return self._draw(sampler, model, prompts, seed=seed, temperature=temperature)

    def _draw(
        self,
        sampler: Sampler,
        model: TrainedModel,
        prompts: Sequence[Sequence[int]],
        *,
        seed: int = 0,
        temperature: float = 1.0,
    ) -> list[list[int]]:
        encoder = self._encoder(model)
        with backend.quiet(), backend.threads(1):
            limits = {"max_length": self.max_length, "temperature": temperature}
            found = sampler.sample(model, prompts, seed=seed, **limits)  # type: ignore[arg-type]
        try:
            return drawn(sampler, found, prompts, encoder, model.vocabulary)
        except InvalidInput as error:
            raise AssertionError(str(error)) from error


class TrainerContract(_OnTinyModel):
    """The laws of a trainer; override the fixture `trainer`, and `recipe` to suit it."""

    @pytest.fixture
    def trainer(self) -> Any:
        """Return the trainer to test."""
        raise NotImplementedError("override the fixture `trainer`")

    @pytest.fixture
    def recipe(self) -> Recipe:
        """Return how to train: 12 steps of 8 rows in float32."""
        return Recipe(
            learning_rate=1e-2,
            batch_size=8,
            accumulation=1,
            steps=12,
            max_length=12,
            precision="float32",
        )

    def test_it_is_a_trainer(self, trainer: Trainer) -> None:
        """It is an object with `train`."""
        _agree(check_part, "trainer", trainer)

    def test_training_rows_become_more_probable(
        self, trainer: Trainer, recipe: Recipe, tiny_model: Path, tmp_path: Path
    ) -> None:
        """The model can be judged, and fits its rows better than the base does."""
        base, rows = _task(tiny_model)
        encoder = Encoder(base.tokenizer, Plain(), recipe.max_length)
        model = self._train(trainer, recipe, tiny_model, tmp_path / "model")
        before, after = (row_nats(m, encoder, rows) for m in (base.model(0), model.loaded))
        require(
            after.mean() < before.mean(),
            f"{trainer!r}: rows have {after.mean():.4g} nats after training on them and "
            f"{before.mean():.4g} before",
        )

    def test_the_model_has_a_folder(
        self, trainer: Trainer, recipe: Recipe, tiny_model: Path, tmp_path: Path
    ) -> None:
        """Loaded from it again it gives the same losses."""
        base, rows = _task(tiny_model)
        encoder = Encoder(base.tokenizer, Plain(), recipe.max_length)
        model = self._train(trainer, recipe, tiny_model, tmp_path / "model")
        again = TrainedModel(base.tokenizer, model.folder)
        one, other = (row_nats(m.loaded, encoder, rows) for m in (model, again))
        require(
            np.allclose(one, other, rtol=1e-5),
            f"{trainer!r}: the model in its folder is another one than that in memory",
        )

    def test_the_seed_is_all_randomness(
        self, trainer: Trainer, recipe: Recipe, tiny_model: Path, tmp_path: Path
    ) -> None:
        """The same seed gives the same losses, and the caller's generators are left alone."""
        _, rows = _task(tiny_model)
        losses = []
        for name in ("one", "two"):
            before = generators.state()
            model = self._train(trainer, recipe, tiny_model, tmp_path / name)
            same = generators.state() == before
            require(same, f"{trainer!r} changes a global generator: put its state back")
            encoder = Encoder(model.tokenizer, Plain(), recipe.max_length)
            losses.append(row_nats(model.loaded, encoder, rows))
        require(
            np.allclose(losses[0], losses[1], rtol=1e-6),
            f"{trainer!r} gives other models for the same seed",
        )

    def test_weights_count_or_are_refused(
        self, trainer: Trainer, recipe: Recipe, tiny_model: Path, tmp_path: Path
    ) -> None:
        """With all weight on the first rows those are fitted better; or InvalidInput is raised."""
        base, rows = _task(tiny_model)
        encoder, half = Encoder(base.tokenizer, Plain(), recipe.max_length), len(rows) // 2
        nats = []
        for high, low, name in ((2.0, 0.0, "first"), (0.0, 2.0, "last")):
            weights = [high] * half + [low] * (len(rows) - half)
            try:
                model = self._train(trainer, recipe, tiny_model, tmp_path / name, weights)
            except InvalidInput:
                return
            nats.append(row_nats(model.loaded, encoder, rows[:half]).mean())
        require(
            nats[0] < nats[1],
            f"{trainer!r}: rows of weight 2 have {nats[0]:.4g} nats and of weight 0 {nats[1]:.4g}: "
            "use the weights, or raise InvalidInput",
        )

    def _train(
        self,
        trainer: Trainer,
        recipe: Recipe,
        folder: Path,
        place: Path,
        weights: Sequence[float] | None = None,
    ) -> TrainedModel:
        base, rows = _task(folder)
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        with backend.quiet(), backend.threads(1):
            found = trainer.train(base, rows, recipe, weights=weights, seed=7, folder=place)
            model = checked_model(found, base, trainer)
        require(rows == _task(folder)[1], f"{trainer!r} changes its argument rows")
        require(
            {path.name: path.read_bytes() for path in sorted(folder.iterdir())} == files,
            f"{trainer!r} changes the base's folder",
        )
        return model


class TemplateContract:
    """The laws of a template; override the fixture `template`, and `rows` to suit it."""

    @pytest.fixture
    def template(self) -> Any:
        """Return the template to test."""
        raise NotImplementedError("override the fixture `template`")

    @pytest.fixture
    def rows(self, template: Template) -> list[dict[str, str]]:
        """Return rows that it can write: two words in each column."""
        return [
            {name: f"{text} {i}" for i, name in enumerate(template.columns)} for text in TEXTS[:20]
        ]

    def test_it_is_a_template(self, template: Template) -> None:
        """It is an object with columns, `write` and `read`."""
        _agree(check_part, "template", template)

    def test_a_row_is_read_as_it_was_written(
        self, template: Template, rows: list[dict[str, str]]
    ) -> None:
        """`read(write(row))` is the row, and different rows are written differently."""
        given = copy.deepcopy(rows)
        texts = [template.write(row) for row in rows]
        require(all(type(text) is str for text in texts), f"{template!r}.write returns no text")
        for row, text in zip(given, texts, strict=True):
            found = template.read(text)
            require(found == row, f"{template!r} reads {found!r} where it wrote {row!r}")
        require(rows == given, f"{template!r}.write changes its argument row")
        require(len(set(texts)) == len(texts), f"{template!r} writes different rows alike")

    def test_anything_is_read_or_refused(
        self, template: Template, rows: list[dict[str, str]]
    ) -> None:
        """A text that is no row is None; one that is has the columns, each a text."""
        whole = template.write(rows[0])
        cuts = [whole[:k] for k in range(len(whole))] + [whole[k:] for k in range(len(whole))]
        for text in (*HOSTILE, *cuts, whole[::-1]):
            found = template.read(text)
            require(
                found is None
                or (
                    tuple(found) == tuple(template.columns)
                    and all(type(part) is str for part in found.values())
                ),
                f"{template!r}.read({text!r}) is {found!r}: return None, or a row of its columns",
            )


class MetricContract(_OnTinyModel):
    """The laws of a metric; override the fixture `metric`, and `generation` to suit it."""

    @pytest.fixture
    def metric(self) -> Any:
        """Return the metric to test."""
        raise NotImplementedError("override the fixture `metric`")

    @pytest.fixture
    def generation(self, tiny_model: Path) -> Any:
        """Return a function that makes the generation to measure: 20 texts of two words."""
        tokenizer = Base(str(tiny_model)).tokenizer
        encoder = Encoder(tokenizer, Plain(), 12)
        rows = [{"text": text} for text in TEXTS[:20]]

        def make() -> Generation:
            return Generation(
                workflow="replace",
                seed=0,
                number=2,
                model=TrainedModel(tokenizer, tiny_model),
                rows=rows,
                texts=[row["text"] for row in rows],
                token_ids=encoder.encode(rows),
                rng=np.random.default_rng(0),
            )

        return make

    def test_it_is_a_metric(self, metric: Metric) -> None:
        """It can be called."""
        _agree(check_part, "metrics", metric)

    def test_it_returns_numbers_by_name(self, metric: Metric, generation: Any) -> None:
        """Finite ones, or NaN for none."""
        _agree(_measured, metric, generation())

    def test_the_generator_is_all_randomness(self, metric: Metric, generation: Any) -> None:
        """The same generation gives the same numbers, whatever the global generators do."""
        found = []
        for seed in (1, 2):
            with generators.kept(devices=True):
                generators.seed(np.random.default_rng(seed))
                found.append(_measured(metric, generation()))
        one, other = found
        same = one.keys() == other.keys() and all(
            one[name] == other[name] or (math.isnan(one[name]) and math.isnan(other[name]))
            for name in one
        )
        require(same, f"{metric!r} gives {one} and {other}: draw from generation.rng alone")


def _measured(metric: Metric, generation: Generation) -> Mapping[str, float]:
    with backend.quiet(), backend.threads(1):
        return numbers(metric(generation), set())


def _task(folder: Path) -> tuple[Base, list[list[int]]]:
    """Return the base, and rows of tokens."""
    base = Base(str(folder))
    return base, Encoder(base.tokenizer, Plain(), 12).encode([{"text": t} for t in TEXTS[:24]])


def _agree(step: Any, *arguments: Any) -> None:
    try:
        step(*arguments)
    except InvalidInput as error:
        raise AssertionError(str(error)) from error
