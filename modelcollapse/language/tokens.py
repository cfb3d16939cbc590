"""Texts as token numbers, with a start and an end, and samples as rows again."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, takewhile
from typing import Any

from modelcollapse._support.errors import InvalidInput
from modelcollapse.language.template import (
    SPECIAL,
    UNREAD,
    MarkedTemplate,
    PromptedTemplate,
    Row,
    Template,
)

UNDECODABLE = "�"  # what a tokenizer writes for bytes that are not UTF-8
REASONS = ("unfinished", "undecodable", "malformed", "too_long")


@dataclass(frozen=True, eq=False)
class Encoder:
    """A tokenizer with a template.

    Attributes
    ----------
    tokenizer
        Any tokenizer of transformers that has an end-of-sequence token.
    template
        How rows are written.
    max_length
        The most tokens of a row, start and end included.
    retokenise
        Whether models are trained on what the texts of samples are encoded to, which must fit
        then, and not on the tokens sampled.
    """

    tokenizer: Any
    template: Template
    max_length: int
    retokenise: bool = False

    def __post_init__(self) -> None:
        if self.tokenizer.eos_token_id is None:
            raise InvalidInput(
                "model: its tokenizer has no end-of-sequence token, so that no sample would ever "
                "end; set eos_token and save the tokenizer again"
            )

    @property
    def end(self) -> int:
        """The token that ends a row."""
        return int(self.tokenizer.eos_token_id)

    @property
    def start(self) -> int:
        """The token before a row: the empty prompt. Without one of its own, the end of the last.

        A template that writes special tokens may begin with another one.
        """
        if self._begun:
            return self._begun[0]
        start = self.tokenizer.bos_token_id
        return self.end if start is None else int(start)

    @property
    def padding(self) -> int:
        """The token that fills a batch up; it is masked everywhere."""
        padding = self.tokenizer.pad_token_id
        return self.end if padding is None else int(padding)

    @cached_property
    def _marked(self) -> MarkedTemplate | None:
        return self.template if isinstance(self.template, MarkedTemplate) else None

    @cached_property
    def _begun(self) -> list[int]:
        """The start, where the template writes it."""
        start = None if self._marked is None else self._marked.start
        return [] if start is None else [start]

    def encode(self, rows: Sequence[Row]) -> list[list[int]]:
        """Return start, tokens and end of each row."""
        if not rows:
            return []
        encoded = self._encoded([self.template.write(row) for row in rows])
        return [[*ids, self.end] for ids in encoded]

    def _encoded(self, texts: list[str]) -> list[list[int]]:
        """Return start and tokens of each text."""
        found: list[list[int]] = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
        return found if self._begun else [[self.start, *ids] for ids in found]

    def prompts(self, rows: Sequence[Row]) -> list[list[int]]:
        """Return start and tokens of each row's prompt, of a template that has prompts."""
        if not rows or not isinstance(self.template, PromptedTemplate):
            return []
        return self._encoded([self.template.prompt(row) for row in rows])

    def given(self, rows: Sequence[Row], examples: Sequence[Sequence[int]]) -> list[int]:
        """Return how many tokens of each row are its prompt, start included.

        Where the tokens of the row are other ones than those of its prompt, as a token may hold the
        end of one and the beginning of an answer, they are no part of the prompt.
        """
        return [
            sum(1 for _ in takewhile(lambda two: two[0] == two[1], zip(prompt, ids, strict=False)))
            for prompt, ids in zip(self.prompts(rows), examples, strict=True)
        ]

    def fits(self, ids: Sequence[int]) -> bool:
        """Return whether a row is short enough, with special tokens at its start and end alone.

        Or where its template writes them, which says itself whether there are others.
        """
        if self._marked is not None:
            return len(ids) <= self.max_length
        return len(ids) <= self.max_length and self._special.isdisjoint(ids[1:-1])

    @cached_property
    def _special(self) -> frozenset[int]:
        return frozenset(self.tokenizer.all_special_ids) | {self.start, self.end, self.padding}

    def usable(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows that a sample could be: they fit, and all of their text is readable."""
        return [row for row, why in zip(rows, self.troubles(rows), strict=True) if not why]

    def troubles(self, rows: Sequence[Row]) -> list[str]:
        """Return why each row is not usable; nothing where it is."""
        marked = self._marked
        known = ["" if marked is None else marked.trouble(row) for row in rows]
        rest = [row for row, why in zip(rows, known, strict=True) if not why]
        found = iter([self._trouble(*pair) for pair in zip(rest, self.encode(rest), strict=True)])
        return [why or next(found) for why in known]

    def _trouble(self, row: Row, ids: Sequence[int]) -> str:
        if len(ids) > self.max_length:
            return f"longer than {self.max_length} tokens"
        if not self.fits(ids):
            return SPECIAL
        if UNDECODABLE in (text := self.template.write(row)):
            return "with U+FFFD, which stands for bytes that are no text"
        return "" if self._marked is not None or self._is_read(row, text) else UNREAD

    def _is_read(self, row: Row, text: str) -> bool:
        """Return whether a text is read as its row: words of the template may be in that."""
        back, template = self.template.read(text), self.template
        if back is None or template.write(back) != text:
            return False
        if not isinstance(template, PromptedTemplate):
            return True
        return template.prompt(back) == template.prompt(row)

    def blocks(self, examples: Sequence[Sequence[int]]) -> list[list[int]]:
        """Return the rows one after the other, cut into blocks of max_length tokens.

        Where the start is the end of the last row, one of the two is left out.
        """
        shared = self.start == self.end
        stream = list(chain.from_iterable(ids[1:] if shared else ids for ids in examples))
        stream = [self.start, *stream] if shared else stream
        cuts = range(0, len(stream), self.max_length)
        return [block for i in cuts if len(block := stream[i : i + self.max_length]) > 1]

    def decode(
        self,
        samples: Sequence[Sequence[int]],
        asked: Sequence[tuple[Row, int]] | None = None,
    ) -> list[Row | str]:
        """Return the row of each sample, or the reason why it has none.

        A sample is what follows the start token, with anything after its end. Where rows are
        encoded again it is too long if it does not fit then. `asked` are, for each sample, the row
        whose prompt it answers and how many of its tokens are that prompt; by default whole rows
        are sampled.
        """
        if not samples:
            return []
        begun = [0] * len(samples) if asked is None else [count for _, count in asked]
        ended = [
            ids[: ids.index(self.end, first)] if self.end in ids[first:] else None
            for ids, first in zip(samples, begun, strict=True)
        ]
        texts = self._texts([ids or [] for ids in ended])
        read: list[Row | str]
        if asked is not None and self._marked is not None:
            prompts = self._texts([ids[:count] for ids, count in zip(samples, begun, strict=True)])
            read = [
                self._answer(row, prompt, text)
                for (row, _), prompt, text in zip(asked, prompts, texts, strict=True)
            ]
        else:
            read = [self._read(text) for text in texts]
        pairs = zip(ended, read, strict=True)
        read = ["unfinished" if ids is None else row for ids, row in pairs]
        if not self.retokenise:
            return read
        rows = [row for row in read if not isinstance(row, str)]
        lengths = iter(self.encode(rows))
        return [
            row if isinstance(row, str) or self.fits(next(lengths)) else "too_long" for row in read
        ]

    def _texts(self, tokens: Sequence[Sequence[int]]) -> list[str]:
        """Return what tokens after the start are as text, as the template writes it."""
        found: list[str] = self.tokenizer.batch_decode(
            [[*self._begun, *ids] for ids in tokens],
            skip_special_tokens=False,
            clean_up_tokenization_spaces=False,
        )
        return found

    def _answer(self, row: Row, prompt: str, text: str) -> Row | str:
        if UNDECODABLE in text:
            return "undecodable"
        found = None
        if self._marked is not None and text.startswith(prompt):
            found = self._marked.answer(row, text.removeprefix(prompt))
        return "malformed" if found is None else found

    def _read(self, text: str) -> Row | str:
        if UNDECODABLE in text:
            return "undecodable"
        own = self._marked is not None  # then it looks for them itself
        special = not own and any(token in text for token in self.tokenizer.all_special_tokens)
        row = None if special else self.template.read(text)
        return "malformed" if row is None else row
