"""The chat template of a tokenizer: how a model of chats has learned to read and write turns."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from modelcollapse._support.errors import InvalidInput
from modelcollapse.language.messages import Message, packed, unpacked
from modelcollapse.language.template import SPECIAL, UNREAD, Row

PROMPT, RESPONSE = "What is the hat of a fine bird?", "It is just low."  # of a trial
REFUSED = "that the chat template refuses"
SHOWN = 60  # characters of what a template writes, in a message


class Frame(NamedTuple):
    """What a template writes around a question and its answer.

    Attributes
    ----------
    head
        Before the question.
    tail
        Between it and where an answer begins to be sampled.
    lead
        From there to the answer: nothing, a space, or thoughts that are empty.
    """

    head: str
    tail: str
    lead: str


@dataclass(frozen=True, eq=False)
class Chat:
    """A template of prompts and responses that are written as the tokenizer's template says.

    A prompt is what the user says, or the JSON of several messages (see `messages`).

    Attributes
    ----------
    tokenizer
        Of transformers, with a chat template.
    whole
        Whether rows are sampled whole, from the empty prompt, and so read without knowing the
        prompt; by default answers to prompts are sampled. Most templates end the user's turn as
        they end the answer, and no whole row can be sampled then.

    Raises
    ------
    InvalidInput
        If there is no chat template, or what it writes does not end by the tokenizer's
        end-of-sequence token or cannot be read back.
    """

    tokenizer: Any
    whole: bool = False
    columns: tuple[str, ...] = ("prompt", "response")

    def __post_init__(self) -> None:
        if self.tokenizer.chat_template is None:
            raise _refused(
                "the model's tokenizer has no chat template: take a model that was taught one, set "
                "tokenizer.chat_template and save the tokenizer, or leave the template out"
            )
        frame, end = self.frame, self.tokenizer.eos_token
        if self.whole and end in frame.head.removeprefix(self._first) + frame.tail:
            raise _refused(
                f"a prompt has the end-of-sequence token {end!r} in it, so that every sample of a "
                "whole row would end there: keep the prompts of real rows, prompts = 'real'"
            )

    @cached_property
    def frame(self) -> Frame:
        """What it writes around a question and its answer, learned from a trial."""
        question = [{"role": "user", "content": PROMPT}]
        answer = {"role": "assistant", "content": RESPONSE}
        try:
            begun = self._rendered(question, begun=True)
            row = self._rendered([*question, answer])
        except Exception as error:  # the template is anybody's program
            told = " ".join(str(error).split())[:300]
            raise _refused(f"it cannot write a question and its answer: {told}") from error
        head, asked, tail = begun.partition(PROMPT)
        lead, answered, rest = row.removeprefix(begun).partition(RESPONSE)
        if not (asked and answered and row.startswith(begun)):
            raise _refused(
                "what it writes cannot be read back, as a row does not have its prompt as it is "
                "given for sampling, and then its answer, word for word: give a template of your "
                "own"
            )
        end = self.tokenizer.eos_token
        if end is None or not rest.lstrip().startswith(end) or rest.replace(end, "", 1).strip():
            raise _refused(
                f"its rows end by {rest[:SHOWN]!r} and not by the tokenizer's end-of-sequence "
                f"token, {end!r}, so that no sample would end: set tokenizer.eos_token to the "
                "token that ends an answer and save the tokenizer, or give a template of your own"
            )
        return Frame(head, tail, lead)

    @cached_property
    def start(self) -> int | None:
        """The special token that all rows begin with, or None if they begin with text."""
        return int(self.tokenizer.convert_tokens_to_ids(self._first)) if self._first else None

    @cached_property
    def _first(self) -> str:
        found = [token for token in self._special if self.frame.head.startswith(token)]
        return max(found, key=len, default="")

    @cached_property
    def _special(self) -> tuple[str, ...]:
        added = self.tokenizer.added_tokens_decoder.values()
        marked = [token.content for token in added if token.special]
        return tuple(dict.fromkeys([*self.tokenizer.all_special_tokens, *marked]))

    def _rendered(self, messages: Sequence[Message], *, begun: bool = False) -> str:
        text: str = self.tokenizer.apply_chat_template(
            list(messages), tokenize=False, add_generation_prompt=begun
        )
        return text

    def _tried(self, messages: Sequence[Message], *, begun: bool = False) -> str:
        """Return a text, or none of messages that the template refuses."""
        try:
            return self._rendered(messages, begun=begun)
        except Exception:  # noqa: BLE001 - the template is anybody's program
            return ""

    def write(self, row: Row) -> str:
        """Return the text of a row up to its end; none of one that the template refuses."""
        answer = {"role": "assistant", "content": row["response"]}
        text = self._tried([*unpacked(row["prompt"]), answer])
        written, _, _ = text.rpartition(self.tokenizer.eos_token)
        return written

    def prompt(self, row: Row) -> str:
        """Return how the row's text begins: all that is given when its answer is sampled."""
        return self._tried(unpacked(row["prompt"]), begun=True)

    def read(self, text: str) -> Row | None:
        """Return the row of a whole text, or None if it is no question and its answer."""
        head, tail, lead = self.frame
        prompt, found, response = text.removeprefix(head).partition(tail + lead)
        if not found or not text.startswith(head) or not self._plain(prompt):
            return None
        prompt = packed([{"role": "user", "content": prompt}])
        return {"prompt": prompt, "response": response} if self._plain(response) else None

    def answer(self, row: Row, text: str) -> Row | None:
        """Return the row of a text that follows the prompt of another one."""
        response = text.removeprefix(self.frame.lead)
        if not text.startswith(self.frame.lead) or not self._plain(response):
            return None
        return {"prompt": row["prompt"], "response": response}

    def _plain(self, text: str) -> bool:
        return bool(text.strip()) and not any(token in text for token in self._special)

    def trouble(self, row: Row) -> str:
        """Return why a row cannot be used; nothing where it can."""
        said = [one["content"] for one in unpacked(row["prompt"])]
        if not all(map(self._plain, [*said, row["response"]])):
            return SPECIAL
        text, prompt = self.write(row), self.prompt(row)
        if not text or not prompt:
            return REFUSED
        back = self.read(text) if self.whole else self.answer(row, text.removeprefix(prompt))
        fine = text.startswith(self._first) and text.startswith(prompt)
        return "" if fine and back is not None and self.write(back) == text else UNREAD

    def described(self) -> dict[str, object]:
        """Return what of it the numbers depend on; some templates write the date of the day."""
        source = str(self.tokenizer.chat_template).encode()
        return {
            "is": "chat",
            "source": f"sha256 {hashlib.sha256(source).hexdigest()[:16]}",
            "writes": list(self.frame),
        }


def _refused(why: str) -> InvalidInput:
    return InvalidInput(f"template = 'chat': {why}")
