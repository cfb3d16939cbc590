"""Texts as token numbers, with a start and an end, and samples as rows again."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, takewhile
from typing import Any

from modelcollapse._support.errors import InvalidInput
from modelcollapse.language.template import PromptedTemplate, Row, Template

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
        """The token before a row: the empty prompt. Without one of its own, the end of the last."""
        start = self.tokenizer.bos_token_id
        return self.end if start is None else int(start)

    @property
    def padding(self) -> int:
        """The token that fills a batch up; it is masked everywhere."""
        padding = self.tokenizer.pad_token_id
        return self.end if padding is None else int(padding)

    def encode(self, rows: Sequence[Row]) -> list[list[int]]:
        """Return start, tokens and end of each row."""
        if not rows:
            return []
        texts = [self.template.write(row) for row in rows]
        encoded = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
        return [[self.start, *ids, self.end] for ids in encoded]

    def prompts(self, rows: Sequence[Row]) -> list[list[int]]:
        """Return start and tokens of each row's prompt, of a template that has prompts."""
        if not rows or not isinstance(self.template, PromptedTemplate):
            return []
        texts = [self.template.prompt(row) for row in rows]
        encoded = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
        return [[self.start, *ids] for ids in encoded]

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
        """Return whether a row is short enough, with special tokens at its start and end alone."""
        return len(ids) <= self.max_length and self._special.isdisjoint(ids[1:-1])

    @cached_property
    def _special(self) -> frozenset[int]:
        return frozenset(self.tokenizer.all_special_ids) | {self.start, self.end, self.padding}

    def usable(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows that a sample could be: they fit, and all of their text is readable."""
        return [row for row, why in zip(rows, self.troubles(rows), strict=True) if not why]

    def troubles(self, rows: Sequence[Row]) -> list[str]:
        """Return why each row is not usable; nothing where it is."""
        return [
            f"longer than {self.max_length} tokens"
            if len(ids) > self.max_length
            else "with special tokens of the model in the text"
            if not self.fits(ids)
            else "with U+FFFD, which stands for bytes that are no text"
            if UNDECODABLE in self.template.write(row)
            else ""
            for row, ids in zip(rows, self.encode(rows), strict=True)
        ]

    def blocks(self, examples: Sequence[Sequence[int]]) -> list[list[int]]:
        """Return the rows one after the other, cut into blocks of max_length tokens.

        Where the start is the end of the last row, one of the two is left out.
        """
        shared = self.start == self.end
        stream = list(chain.from_iterable(ids[1:] if shared else ids for ids in examples))
        stream = [self.start, *stream] if shared else stream
        cuts = range(0, len(stream), self.max_length)
        return [block for i in cuts if len(block := stream[i : i + self.max_length]) > 1]

    def decode(self, samples: Sequence[Sequence[int]]) -> list[Row | str]:
        """Return the row of each sample, or the reason why it has none.

        A sample is what follows the start token, with anything after its end. Where rows are
        encoded again it is too long if it does not fit then.
        """
        if not samples:
            return []
        ended = [ids[: ids.index(self.end)] if self.end in ids else None for ids in samples]
        texts = self.tokenizer.batch_decode(
            [ids or [] for ids in ended],
            skip_special_tokens=False,
            clean_up_tokenization_spaces=False,
        )
        read = [
            "unfinished" if ids is None else self._read(text)
            for ids, text in zip(ended, texts, strict=True)
        ]
        if not self.retokenise:
            return read
        rows = [row for row in read if not isinstance(row, str)]
        lengths = iter(self.encode(rows))
        return [
            row if isinstance(row, str) or self.fits(next(lengths)) else "too_long" for row in read
        ]

    def _read(self, text: str) -> Row | str:
        if UNDECODABLE in text:
            return "undecodable"
        special = any(token in text for token in self.tokenizer.all_special_tokens)
        row = None if special else self.template.read(text)
        return "malformed" if row is None else row
