"""Models that are fitted by counting, as parts of the loop: the grammar itself, and bigrams.

Counting is the exact optimum of their likelihood: there is no training, and what such a loop loses
is statistics alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse._support.sealed import write_json
from modelcollapse.language import backend, counting
from modelcollapse.language.base import Base
from modelcollapse.language.corpus import Corpus, grammar_text, row_of
from modelcollapse.language.grammar import Grammar
from modelcollapse.language.protocols import Sampler, Trainer
from modelcollapse.language.recipe import Recipe
from modelcollapse.language.template import Plain, Template
from modelcollapse.language.tokens import Encoder
from modelcollapse.language.trained import TrainedModel

RULES = "grammar.json"  # of a fitted grammar's folder


class FittedGrammar(TrainedModel):
    """A grammar by counts in the place of a model of transformers.

    Parameters
    ----------
    tokenizer, place
        As of a `TrainedModel`.
    law
        The grammar of the fitted probabilities.
    template
        How its strings are written as rows.
    """

    def __init__(self, tokenizer: Any, place: Path, law: Grammar, template: Template) -> None:
        super().__init__(tokenizer, place)
        self.law, self.template = law, template

    @property
    def vocabulary(self) -> int:
        """The number of tokens."""
        return len(self.tokenizer)

    def nats(
        self,
        encoder: Encoder,
        examples: Sequence[Sequence[int]],
        given: Sequence[int] | None = None,
    ) -> Floats:
        """Return -log p of each row, exactly; infinite where a row uses what was lost."""
        del given
        texts = [grammar_text(row) for row in rows_of(encoder, examples)]
        return -np.array([self.law.log_probability(text) for text in texts])

    def write(self, folder: Path) -> None:
        """Write the fitted rules and the tokenizer."""
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / RULES, {"start": self.law.start, "rules": self.law.rules})
        self.tokenizer.save_pretrained(folder)


@dataclass(frozen=True)
class GrammarTrainer:
    """Fits the probabilities of a grammar's rules by counting: see `counting`."""

    grammar: Grammar
    template: Template

    def described(self) -> Any:
        """Return what the numbers depend on."""
        return {"start": self.grammar.start, "rules": self.grammar.rules}

    def train(
        self,
        base: Base,
        rows: Sequence[Sequence[int]],
        recipe: Recipe,
        *,
        weights: Sequence[float] | None,
        seed: int,
        folder: Path,
    ) -> TrainedModel:
        """Return the fitted grammar: see `Trainer`.

        Raises
        ------
        InvalidInput
            If a row is no string of the grammar.
        """
        del seed
        own = self.grammar
        encoder = Encoder(base.tokenizer, self.template, recipe.max_length)
        texts = [grammar_text(row) for row in rows_of(encoder, rows)]
        used = [own.derivation(text) for text in texts]
        if lost := [text for text, one in zip(texts, used, strict=True) if one is None]:
            raise invalid("rows", lost[0], "the grammar has no such string: use its own rows")
        counts = counting.counts(own, [one for one in used if one is not None], weights)
        law = counting.probabilities(own, counts, recipe.smoothing)
        return FittedGrammar(
            base.tokenizer, folder, counting.fitted(own, law).grammar, self.template
        )


@dataclass(frozen=True)
class GrammarSampler:
    """Draws whole rows of a grammar that `GrammarTrainer` has fitted."""

    def sample(
        self,
        model: TrainedModel,
        prompts: Sequence[Sequence[int]],
        *,
        max_length: int,
        temperature: float,
        seed: int,
    ) -> list[list[int]]:
        """Return the tokens of a row for each prompt: see `Sampler`."""
        del temperature  # 1: any other is refused beforehand
        if not isinstance(model, FittedGrammar):
            raise invalid("model", model, "its trainer is not the grammar's: leave the sampler out")
        texts = model.law.sample(len(prompts), np.random.default_rng(seed))
        encoder = Encoder(model.tokenizer, model.template, max_length)
        ids = encoder.encode([row_of(text) for text in texts])
        return [row[1:max_length] for row in ids]


@dataclass(frozen=True)
class BigramTrainer:
    """Fits which token follows which by counting, the exact optimum of the softmax model's loss.

    Of N tokens that follow a token, c of them a given one, that has the probability (c +
    smoothing)/(N + V smoothing), V the number of tokens. After a token that was never seen comes
    the start, which ends no row: nothing real has a finite loss then.
    """

    def train(
        self,
        base: Base,
        rows: Sequence[Sequence[int]],
        recipe: Recipe,
        *,
        weights: Sequence[float] | None,
        seed: int,
        folder: Path,
    ) -> TrainedModel:
        """Return the bigram model at its optimum: see `Trainer`."""
        import torch

        model = base.model(backend.derived(seed, backend.INITIAL))
        start = Encoder(base.tokenizer, Plain(), recipe.max_length).start
        log_law = bigram_logs(rows, model.config.vocab_size, recipe.smoothing, start, weights)
        with torch.no_grad():
            model.table.weight.copy_(torch.tensor(log_law, dtype=torch.float32))
        return TrainedModel(base.tokenizer, folder, model.to(backend.device()))


def bigram_logs(
    rows: Sequence[Sequence[int]],
    tokens: int,
    smoothing: float = 0.0,
    start: int = 0,
    weights: Sequence[float] | None = None,
) -> Floats:
    """Return the log of each token's fitted probability after each other, shape (tokens, tokens).

    Parameters
    ----------
    rows
        Tokens of each row, start and end included.
    tokens
        Their number V.
    smoothing
        The count added to each pair.
    start
        What follows a token that was never seen.
    weights
        One per row, with mean 1, or None.
    """
    lengths = [len(row) - 1 for row in rows]
    pairs = [one * tokens + two for row in rows for one, two in pairwise(row)]
    repeated = None if weights is None else np.repeat(np.asarray(weights, float), lengths)
    flat = np.bincount(np.array(pairs, dtype=np.int64), repeated, tokens * tokens)
    counts = flat.reshape(tokens, tokens) + smoothing
    unseen = counts.sum(axis=1) == 0
    counts[unseen, start] = 1.0
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(counts) - np.log(counts.sum(axis=1, keepdims=True)))


def rows_of(encoder: Encoder, examples: Sequence[Sequence[int]]) -> list[dict[str, str]]:
    """Return the rows that were encoded.

    Raises
    ------
    InvalidInput
        If one cannot be read.
    """
    found = encoder.decode([ids[1:] for ids in examples])
    rows = [row for row in found if not isinstance(row, str)]
    if len(rows) < len(found):
        raise InvalidInput("rows: a row of tokens is no text in the template: encode it again")
    return rows


def parts(model: str, corpus: Corpus) -> tuple[Trainer, Sampler | None] | None:
    """Return the trainer and the sampler of a model by counts; None of any other model.

    Raises
    ------
    InvalidInput
        If there is no grammar to count.
    """
    if model == "bigram":
        return BigramTrainer(), None
    if model != "counts":
        return None
    if corpus.grammar is None:
        remedy = "it counts a grammar's rules: give data = 'grammar', or model = 'bigram'"
        raise invalid("model", f"{model} on {corpus.name}", remedy)
    return GrammarTrainer(corpus.grammar, corpus.template), GrammarSampler()


def check(model: str, recipe: Recipe, *, from_scratch: bool, counted: bool, own: bool) -> None:
    """Raise InvalidInput if options do not fit a model by counts, or any other.

    `own` says whether there is a sampler or a trainer of one's own.
    """
    if not counted:
        if recipe.smoothing:
            remedy = "it belongs to a model by counts: give model = 'counts' or 'bigram'"
            raise invalid("smoothing", recipe.smoothing, remedy)
        return
    if own:
        raise invalid("model", model, "it has its own trainer: leave sampler and trainer out")
    plain = replace(recipe, prompts="sampled", loss_on="text", packed=False, lora=None)
    if from_scratch or plain != recipe:
        remedy = "it counts whole rows: leave out from_scratch, packed, prompts, loss_on, lora"
        raise invalid("model", model, remedy)
    if model == "counts" and recipe.temperature != 1:
        raise invalid("temperature", recipe.temperature, "whole rows are drawn: leave it at 1")
