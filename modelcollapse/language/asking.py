"""Which prompts are sampled next: the empty one, or those of real rows until all have an answer."""

from collections import deque
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from modelcollapse.language.template import PromptedTemplate, Row
from modelcollapse.language.tokens import Encoder

TRIES = 20  # rejected answers after which another prompt takes the place of one
STREAM = (0, 0, 1)  # of the choice of prompts, among the streams of a sampling


class Asking(Protocol):
    """What a batch is sampled from, one wave of prompts after the other.

    Attributes
    ----------
    replaced
        How many prompts had no well-formed answer, and were left out.
    """

    replaced: int

    def wave(self, most: int) -> list[list[int]]:
        """Return the prompts of the next wave, the start included."""
        ...

    def rows(self) -> list[Row] | None:
        """Return the rows whose prompts those of the wave are; None: they are the empty prompt."""
        ...

    def answered(self, place: int, row: Row | None) -> bool:
        """Take the row that prompt `place` of the wave has led to; return whether it is one."""
        ...

    def order(self) -> Sequence[int] | None:
        """Return where the rows belong, in the order in which they came; None: as they came."""
        ...


class Empty:
    """The empty prompt, as often as anybody likes."""

    replaced = 0

    def __init__(self, encoder: Encoder) -> None:
        self.start = encoder.start

    def wave(self, most: int) -> list[list[int]]:
        """Return the start alone, so many times."""
        return [[self.start] for _ in range(most)]

    def rows(self) -> None:
        """Return nothing: there are none."""

    def answered(self, place: int, row: Row | None) -> bool:
        """Take any row."""
        del place
        return row is not None

    def order(self) -> None:
        """Leave the rows as they come."""


class Given:
    """The prompts of real rows: each once, and again if more rows are wanted than there are.

    Row i of the batch answers the prompt of real row i; of a pass that is not a whole one a random
    part is asked. A rejected answer is asked for again, later; a prompt whose answers are rejected
    TRIES times, such as one that leaves no room for any, is left out, and one that is drawn among
    all takes its place.
    """

    def __init__(
        self,
        encoder: Encoder,
        template: PromptedTemplate,
        rows: Sequence[Row],
        count: int,
        seed: int,
    ) -> None:
        self.template, self.replaced, self.real = template, 0, rows
        self.texts = [template.prompt(row) for row in rows]
        self.prompts = encoder.prompts(rows)
        self.rng = np.random.default_rng([seed, *STREAM])
        passes, rest = divmod(count, len(rows))
        last = np.sort(self.rng.permutation(len(rows))[:rest])
        self.chosen = [*np.tile(np.arange(len(rows)), passes).tolist(), *last.tolist()]
        self.tries = [0] * count
        self.pending = deque(range(count))
        self.asked: list[int] = []
        self.came: list[int] = []

    def wave(self, most: int) -> list[list[int]]:
        """Return the prompts that have waited longest."""
        self.asked = [self.pending.popleft() for _ in range(min(most, len(self.pending)))]
        return [self.prompts[self.chosen[slot]] for slot in self.asked]

    def rows(self) -> list[Row]:
        """Return the rows whose prompts those of the wave are."""
        return [self.real[self.chosen[slot]] for slot in self.asked]

    def answered(self, place: int, row: Row | None) -> bool:
        """Take a row that has the prompt; else ask again."""
        slot = self.asked[place]
        if row is not None and self.template.prompt(row) == self.texts[self.chosen[slot]]:
            self.came.append(slot)
            return True
        self.tries[slot] += 1
        if self.tries[slot] == TRIES:
            self.chosen[slot] = int(self.rng.integers(len(self.prompts)))
            self.tries[slot] = 0
            self.replaced += 1
        self.pending.append(slot)
        return False

    def order(self) -> Sequence[int]:
        """Return the place of each row."""
        return self.came
