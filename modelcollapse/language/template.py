"""Rows as text: what a model is trained on, and how its samples are read back."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

Row = dict[str, str]
USER, ASSISTANT = "user: ", "\nassistant: "
SPECIAL = "with special tokens of the model in the text"  # why a row is left out
UNREAD = "whose text is not read back as it was written"


@runtime_checkable
class Template(Protocol):
    """How a row is written as one text, and read back.

    `read(write(row))` is the row, and a text that is none is None, not an error: models write
    anything.
    """

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of a row's parts."""
        ...

    def write(self, row: Row) -> str:
        """Return the text of a row, without the end-of-sequence token."""
        ...

    def read(self, text: str) -> Row | None:
        """Return the row of a text, or None if it is malformed."""
        ...


@runtime_checkable
class PromptedTemplate(Template, Protocol):
    """A template of rows that begin with a prompt."""

    def prompt(self, row: Row) -> str:
        """Return how the row's text begins: all that is given when its answer is sampled.

        Tokens begin with their space, so that the text ends before the one that an answer has.
        """
        ...


@runtime_checkable
class MarkedTemplate(PromptedTemplate, Protocol):
    """A template that writes special tokens of the model, such as those of a chat.

    So it says itself which rows have one too many, and reads answers without their prompts.
    """

    @property
    def start(self) -> int | None:
        """The token that all texts begin with, or None: rows begin with the tokenizer's then."""
        ...

    def trouble(self, row: Row) -> str:
        """Return why a row cannot be used; nothing where it can."""
        ...

    def answer(self, row: Row, text: str) -> Row | None:
        """Return the row of a text that follows a row's prompt, or None if it is malformed."""
        ...


@dataclass(frozen=True)
class Conversation:
    r"""The paper's ``user: {prompt}\nassistant: {response}``."""

    columns: tuple[str, ...] = ("prompt", "response")

    def write(self, row: Row) -> str:
        """Return the text of a row, without the end-of-sequence token."""
        return f"{USER}{row['prompt']}{ASSISTANT}{row['response']}"

    def prompt(self, row: Row) -> str:
        """Return the text of a row up to its response, and to the space before it."""
        return f"{USER}{row['prompt']}{ASSISTANT.rstrip()}"

    def read(self, text: str) -> Row | None:
        """Return the row of a text, or None if a part is missing or empty."""
        return _parted(*text.partition(ASSISTANT))


@dataclass(frozen=True)
class Dialogue(Conversation):
    """The same, where prompts may have earlier turns: the last answer is the response."""

    def read(self, text: str) -> Row | None:
        """Return the row of a text, or None if a part is missing or empty."""
        return _parted(*text.rpartition(ASSISTANT))


@dataclass(frozen=True)
class Plain:
    """A text as it is."""

    columns: tuple[str, ...] = ("text",)

    def write(self, row: Row) -> str:
        """Return the text."""
        return row["text"]

    def read(self, text: str) -> Row | None:
        """Return the row of a text, or None if it is empty."""
        return {"text": text} if text.strip() else None


def _parted(head: str, found: str, response: str) -> Row | None:
    prompt = head.removeprefix(USER)
    if not found or prompt == head or not prompt.strip() or not response.strip():
        return None
    return {"prompt": prompt, "response": response}


def digest(rows: Sequence[Row]) -> str:
    """Return a short text that tells these rows from others."""
    total = hashlib.sha256()
    for row in rows:
        total.update("\x1f".join([*row, *row.values(), ""]).encode())
    return f"sha256 {total.hexdigest()[:16]}"
