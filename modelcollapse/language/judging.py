"""What a generation is judged by: losses on held-out real rows, and its samples' variety."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse.language.diversity import diversity
from modelcollapse.language.settings import Setup
from modelcollapse.language.template import Row
from modelcollapse.language.trained import TrainedModel

TAIL = 10  # the rarest one in so many rows


@dataclass(frozen=True, eq=False)
class Judge:
    """The held-out rows, and which of them are rare."""

    setup: Setup

    @property
    def whole(self) -> bool:
        """Whether whole rows are judged, and not answers to prompts that are given."""
        return self.setup.held_out_given is None

    @cached_property
    def tokens(self) -> Integers:
        """The predicted tokens of each held-out row: all but the start, or but the prompt."""
        given = self.setup.held_out_given
        return self.lengths if given is None else self.lengths + 1 - np.array(given)

    @cached_property
    def lengths(self) -> Integers:
        """The tokens of each held-out row after the start."""
        return np.array([len(ids) - 1 for ids in self.setup.held_out_examples])

    @cached_property
    def rare(self) -> Integers:
        """The indices of the rarest decile.

        Rarity is the surprisal per token: under the grammar if there is one, else under the
        frequencies of tokens in real training rows, each counted once more.
        """
        if self.setup.surprisal is not None:
            surprisal = np.array(self.setup.surprisal)
        else:
            surprisal = self._unigram()
        count = max(1, len(surprisal) // TAIL)
        return np.sort(np.argsort(-surprisal / self.lengths, kind="stable")[:count])

    def _unigram(self) -> Floats:
        counts = self.setup.token_frequencies
        total = counts.total() + len(self.setup.encoder.tokenizer)
        return np.array(
            [
                math.fsum(math.log(total / (1 + counts[token])) for token in ids[1:])
                for ids in self.setup.held_out_examples
            ]
        )

    def nats(self, model: TrainedModel) -> Floats:
        """Return -log p of each held-out row, in float32."""
        setup = self.setup
        return model.nats(setup.encoder, setup.held_out_examples, setup.held_out_given)

    def scored(self, nats: Floats) -> dict[str, Any]:
        """Return what is kept of each held-out row: "nats", and its predicted "tokens"."""
        return {"nats": nats, "tokens": self.tokens}

    def losses(self, nats: Floats) -> dict[str, float]:
        """Return "loss" and "tail_loss" in nats per token, and "row_loss" in nats per row.

        With a grammar, where whole rows are judged, also "excess": the mean of
        -log q(row) + log p(row), nats per row, an unbiased estimate of the Kullback-Leibler
        divergence from the grammar to the model.
        """
        rare = self.rare
        result = {
            "loss": float(nats.sum() / self.tokens.sum()),
            "tail_loss": float(nats[rare].sum() / self.tokens[rare].sum()),
            "row_loss": float(nats.mean()),
        }
        if self.setup.surprisal is not None and self.whole:
            result["excess"] = float((nats - self.setup.surprisal).mean())
        return result

    def variety(self, rows: Sequence[Row]) -> dict[str, float]:
        """Return the diversity of rows, and with a grammar "grammatical": the share it can make."""
        write = self.setup.corpus.template.write
        result = diversity([write(row) for row in rows])
        if self.setup.corpus.grammar is not None and rows:
            surprisal = self.setup.corpus.surprisal(rows)
            result["grammatical"] = float(np.isfinite(surprisal).mean())
        return result
