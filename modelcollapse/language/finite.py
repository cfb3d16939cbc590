"""A finite language, whose loops are those of discrete distributions.

A row is a start, a prompt of one token, an answer of one token, and an end. A model at the optimum
of its loss has, after each prompt, the empirical law of that prompt's training rows, whatever its
architecture. So one training of a model of M prompts is a generation of M loops of the discrete
room at once. `run_loops` runs them with this package's own trainer, sampler and workflows.
"""

import gc
import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.workers import spread
from modelcollapse.language import backend
from modelcollapse.language.generating import completed
from modelcollapse.language.recipe import Recipe
from modelcollapse.language.sampling import HopelessError, Samples
from modelcollapse.language.template import Row
from modelcollapse.language.tokens import Encoder
from modelcollapse.language.training import Collator, fine_tune
from modelcollapse.workflows import AnyWorkflow
from modelcollapse.workflows.selection import select

START, END = "<s>", "</s>"
LENGTH = 4  # tokens of a row
HIDDEN = 12  # more than the answers, so that every table of answers by prompts can be fitted
STEPS, RATE, WARMUP = 120, 0.1, 0.05  # on the whole batch
MOST_CALLS = 20  # of the sampler, until every row is well-formed


@dataclass(frozen=True)
class Distance:
    """How far a fitted law may be from the empirical law of its rows, in total variation.

    Attributes
    ----------
    most
        At every prompt.
    mean
        On average over the prompts of a model.
    """

    most: float
    mean: float

    def holds(self, distances: Floats) -> bool:
        """Return whether distances, shape (prompts,), are as small."""
        return bool(distances.max() <= self.most and distances.mean() <= self.mean)


ATTEMPTS = 5  # fits from other initial weights, each with more steps, until one is as near


@dataclass(frozen=True)
class Answers:
    """The template: a prompt and an answer."""

    prompts: frozenset[str]
    answers: frozenset[str]
    columns: tuple[str, ...] = ("prompt", "response")

    def write(self, row: Row) -> str:
        """Return the text of a row."""
        return f"{row['prompt']} {row['response']}"

    def read(self, text: str) -> Row | None:
        """Return the row of a text, or None if it is no prompt with an answer."""
        prompt, _, response = text.partition(" ")
        if prompt not in self.prompts or response not in self.answers:
            return None
        return {"prompt": prompt, "response": response}


@dataclass(frozen=True)
class FiniteLanguage:
    """Prompts of one token, and answers of one token.

    Attributes
    ----------
    prompts, answers
        How many there are.
    """

    prompts: int
    answers: int

    @cached_property
    def asked(self) -> list[str]:
        """The prompts."""
        return [f"p{i}" for i in range(self.prompts)]

    @cached_property
    def answered(self) -> list[str]:
        """The answers."""
        return [f"a{i}" for i in range(self.answers)]

    @cached_property
    def encoder(self) -> Encoder:
        """A tokenizer of whole words, with the template."""
        from tokenizers import Tokenizer, models, pre_tokenizers
        from transformers import PreTrainedTokenizerFast

        words = [START, END, *self.answered, *self.asked]
        numbers = {word: i for i, word in enumerate(words)}
        tokenizer = Tokenizer(models.WordLevel(numbers, unk_token=START))
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        made = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=START, eos_token=END)
        return Encoder(made, Answers(frozenset(self.asked), frozenset(self.answered)), LENGTH)

    def model(self, seed: int) -> Any:
        """Return a Llama of one layer with random weights."""
        from transformers import LlamaConfig, LlamaForCausalLM

        size = 2 + self.answers + self.prompts
        hidden = max(HIDDEN, self.answers + self.answers % 2)
        config = LlamaConfig(
            vocab_size=size,
            hidden_size=hidden,
            intermediate_size=hidden,
            num_hidden_layers=1,
            num_attention_heads=1,
            num_key_value_heads=1,
            max_position_embeddings=2 * LENGTH,
            tie_word_embeddings=False,
            bos_token_id=0,
            eos_token_id=1,
        )
        with backend.seeded(seed):
            return LlamaForCausalLM(config)

    def rows(self, counts: Integers) -> list[list[int]]:
        """Return the tokens of so many rows of each, shape (prompts, answers)."""
        every = self.encoder.encode(
            [{"prompt": p, "response": a} for p in self.asked for a in self.answered]
        )
        return [
            ids for ids, n in zip(every, counts.ravel().tolist(), strict=True) for _ in range(n)
        ]

    def nats(self, model: Any) -> Floats:
        """Return -log probability of each row, given its start: shape (prompts, answers)."""
        import torch

        from modelcollapse.language.trainer import token_nats

        every = self.rows(np.ones((self.prompts, self.answers), np.int64))
        batch = Collator(self.encoder.padding)([{"input_ids": ids} for ids in every])
        batch = {name: tensor.to(model.device) for name, tensor in batch.items()}
        labels = batch.pop("labels")
        model.eval()
        with torch.no_grad():
            nats = token_nats(model(**batch).logits, labels).double().sum(dim=1)
        return np.asarray(nats.cpu()).reshape(self.prompts, self.answers)


@dataclass(frozen=True)
class Chains:
    """Loops of one workflow, a chain for each prompt of each model.

    Attributes
    ----------
    truths
        The answers' probabilities, shape (chains, answers).
    counts
        The training rows by their answer, shape (chains, generations, answers).
    nats
        -log probability of each row, shape (chains, generations, answers).
    draws
        The answers sampled from generations 1, ..., T - 1, shape (chains, T - 1, rows).
    within
        Independent uniform numbers, of the shape of `draws`.
    fits
        Fits that were needed, shape (models, generations).
    """

    truths: Floats
    counts: Integers
    nats: Floats
    draws: Integers
    within: Floats
    fits: Integers

    @cached_property
    def laws(self) -> Floats:
        """The law of a well-formed sample, given its prompt: of the shape of `nats`."""
        return laws(self.nats)

    @cached_property
    def empirical(self) -> Floats:
        """The empirical law of the training rows, of the shape of `nats`."""
        return empirical(self.counts)

    @cached_property
    def distances(self) -> Floats:
        """Their distances in total variation, shape (chains, generations)."""
        return total_variation(self.laws, self.empirical)

    def by_model(self, values: Floats) -> Floats:
        """Return values of chains, shape (chains, ...), as (models, prompts, ...)."""
        return np.asarray(values.reshape(len(self.fits), -1, *values.shape[1:]))

    @cached_property
    def mean_distances(self) -> Floats:
        """Their means over the prompts of a model, shape (models, generations)."""
        return np.asarray(self.by_model(self.distances).mean(axis=1))


def laws(nats: Floats) -> Floats:
    """Return probabilities given the prompt, from -log those of whole rows."""
    found = np.exp(nats.min(axis=-1, keepdims=True) - nats)
    return np.asarray(found / found.sum(axis=-1, keepdims=True))


def empirical(counts: Integers) -> Floats:
    """Return shares of counts."""
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))


def total_variation(p: Floats, q: Floats) -> Floats:
    """Return half of the sum of |p - q|."""
    return np.asarray(np.abs(p - q).sum(axis=-1) / 2)


@dataclass(frozen=True)
class FiniteLoop:
    """Loops of one-token answers.

    Attributes
    ----------
    language
        What one model learns.
    law
        The answers' probabilities; each prompt has them in an order of its own.
    workflow
        Which rows each generation trains on, for each prompt.
    samples, generations
        Rows of a batch for each prompt, and fits.
    near
        How near a fit must be to the empirical law: else it is made again, from other weights and
        with more steps.
    distinct
        Whether equal rows are trained on as one, with a weight.
    """

    language: FiniteLanguage
    law: tuple[float, ...]
    workflow: AnyWorkflow
    samples: int
    generations: int
    near: Distance
    distinct: bool = False

    def run(self, seed: int, first: Chains | None = None) -> Chains:
        """Run the loop with one model per generation, or go on from another loop's generation 1.

        That may be any loop of the same language, law and samples, which was run with this seed.
        """
        M, V, n, T = self.language.prompts, self.language.answers, self.samples, self.generations
        rng = np.random.default_rng([seed, backend.REAL])
        truths = rng.permuted(np.tile(self.law, (M, 1)), axis=1)
        batches = [np.stack([rng.choice(V, n, p=own) for own in truths])]
        counts, nats, fits = [], [], []
        for t in range(1, T + 1):
            counts.append(self._trained_on(batches, seed))
            if t == 1 and first is not None:
                nats.append(first.nats[:, 0])
                fits.append(int(first.fits[0, 0]))
                batches += [first.draws[:, 0]] * (T > 1)
                continue
            model, found, attempts = self._fitted(counts[-1], seed, t)
            nats.append(found)
            fits.append(attempts)
            if t < T:
                batches.append(self._sampled(model, backend.derived(seed, backend.SAMPLE, t)))
        draws = np.stack(batches, axis=1)[:, 1:]
        return Chains(
            truths,
            np.stack(counts, axis=1),
            np.stack(nats, axis=1),
            draws,
            rng.random(draws.shape),
            np.array([fits]),
        )

    def _trained_on(self, batches: Sequence[Integers], seed: int) -> Integers:
        """Return the answers that each prompt's next fit is trained on, counted."""
        t, pool = len(batches), np.concatenate(batches, axis=1)
        rng = np.random.default_rng([seed, backend.SELECT, t])
        counts = np.zeros((self.language.prompts, self.language.answers), np.int64)
        for own, rows in zip(counts, pool, strict=True):
            chosen, weights = select(self.workflow, [self.samples] * t, rng)
            if weights is not None:
                raise InvalidInput(f"workflow = {self.workflow!r} weights rows; here they are kept")
            np.add.at(own, rows[chosen], 1)
        return counts

    def _fitted(self, counts: Integers, seed: int, t: int) -> tuple[Any, Floats, int]:
        """Return a model of the rows, its nats, and the fits that it took."""
        weights = None
        rows = self.language.rows(counts)
        if self.distinct:
            rows = self.language.rows(np.minimum(counts, 1))
            weights = (counts[counts > 0] * (len(rows) / counts.sum())).tolist()
        target = empirical(counts)
        for attempt in range(ATTEMPTS):
            recipe = Recipe(
                learning_rate=RATE,
                schedule="linear",
                batch_size=len(rows),
                accumulation=1,
                steps=STEPS * (attempt + 1),
                warmup=WARMUP,
                max_length=LENGTH,
                precision="float32",
            )
            model = self.language.model(backend.derived(seed, backend.INITIAL, t, attempt))
            stream = backend.derived(seed, backend.TRAIN, t, attempt)
            fine_tune(model, self.language.encoder, rows, recipe, stream, weights=weights)
            nats = self.language.nats(model)
            if self.near.holds(total_variation(laws(nats), target)):
                break
        return model, nats, attempt + 1

    def _sampled(self, model: Any, seed: int) -> Integers:
        """Return a batch of answers to each prompt, shape (prompts, samples); none is malformed."""
        encoder = self.language.encoder
        number = {word: i for i, word in enumerate(self.language.answered)}
        asked = encoder.tokenizer.convert_tokens_to_ids(self.language.asked)
        found: list[list[int]] = [[] for _ in asked]
        missing = [m for m in range(len(asked)) for _ in range(self.samples)]
        tried = 0
        for call in range(MOST_CALLS):
            prefixes = [[encoder.start, asked[m]] for m in missing]
            stream = backend.derived(seed, call)
            recipe = Recipe(precision="float32", max_length=LENGTH, sampling_batch=len(missing))
            answers = completed(model, encoder, prefixes, recipe, stream)
            ended = [[asked[m], *ids] for m, ids in zip(missing, answers, strict=True)]
            tried += len(ended)
            again = []
            for m, row in zip(missing, encoder.decode(ended), strict=True):
                if isinstance(row, str):
                    again.append(m)
                else:
                    found[m].append(number[row["response"]])
            missing = again
            if not missing:
                return np.array(found)
        left = Samples([], tried, rejected={"malformed": len(missing)})
        raise HopelessError(f"{len(missing)} prompts' rows have no answer in {tried} tries", left)


def run_loops(
    loops: Sequence[FiniteLoop], models: int, seed: int, jobs: int | None = -1
) -> list[Chains]:
    """Run loops that share generation 1, each with so many models for each generation.

    Parameters
    ----------
    loops
        Of one language, law and number of samples; they differ in their workflow.
    models
        Independent repetitions, each a chain for every prompt.
    seed
        The same one gives the same chains on one machine.
    jobs
        Processes; -1 for all cores.

    Returns
    -------
    list of Chains
        One for each loop.

    Raises
    ------
    MissingDependency
        If torch, transformers, datasets or accelerate is not installed.
    HopelessError
        If a model hardly ever answers.
    """
    from joblib import delayed

    backend.require()
    seeds = [backend.derived(seed, number) for number in range(models)]
    if jobs == 1 or models == 1:
        found = [_side_by_side(loops, one) for one in seeds]
    else:
        found = list(spread((delayed(_side_by_side)(loops, one) for one in seeds), jobs))
    return [joined(parts) for parts in zip(*found, strict=True)]


def joined(parts: Sequence[Chains]) -> Chains:
    """Return the chains of several models as one."""
    names = [f.name for f in fields(Chains)]
    return Chains(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _side_by_side(loops: Sequence[FiniteLoop], seed: int) -> list[Chains]:
    with backend.quiet(), backend.threads(1), _settled():
        first = loops[0].run(seed)
        return [first, *(loop.run(seed, first) for loop in loops[1:])]


@contextmanager
def _settled() -> Iterator[None]:
    """Keep what is imported out of the garbage collection that each training ends with."""
    ours = not gc.get_freeze_count()
    if ours:
        importlib.import_module("modelcollapse.language.trainer")
        importlib.import_module("datasets")
        gc.collect()
        gc.freeze()
    try:
        yield
    finally:
        if ours:
            gc.unfreeze()
