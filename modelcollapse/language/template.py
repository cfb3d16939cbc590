"""Rows as text: what a model is trained on, and how its samples are read back."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

Row = dict[str, str]
USER, ASSISTANT = "user: ", "\nassistant: "


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
        head, found, response = text.partition(ASSISTANT)
        prompt = head.removeprefix(USER)
        if not found or prompt == head or not prompt.strip() or not response.strip():
            return None
        return {"prompt": prompt, "response": response}


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


def digest(rows: Sequence[Row]) -> str:
    """Return a short text that tells these rows from others."""
    total = hashlib.sha256()
    for row in rows:
        total.update("\x1f".join([*row, *row.values(), ""]).encode())
    return f"sha256 {total.hexdigest()[:16]}"
