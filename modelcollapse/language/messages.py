"""Conversations as data sets hold them: lists of messages, each with its role and its text.

A row is one prompt and one response: the last answer is the response, and all that comes before it
is the prompt. As text, an instruction of the system is the beginning of the first question, and
later turns follow as the paper writes them; for a chat template, which sees every message, the
prompt of more than one question is JSON.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from modelcollapse.language.rows import Part
from modelcollapse.language.template import ASSISTANT, USER

Message = dict[str, str]
NAMES = ("messages", "conversations", "conversation")  # of columns that are recognised
KEYS = (("role", "content"), ("from", "value"))  # OpenAI's and ShareGPT's
ROLES = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
}
TAKES = (
    "the last answer is the response and what is before it the prompt; conversations that do not "
    "alternate between user and assistant up to an answer count as rows without text"
)


@dataclass(frozen=True)
class Turns(Part):
    """The prompt of a column of conversations, or its response.

    Attributes
    ----------
    answer
        Whether it is the response.
    whole
        Whether prompts keep their messages apart, as `packed` does.
    """

    answer: bool = False
    whole: bool = False

    def text(self, record: Mapping[str, Any]) -> str | None:
        """Return the text of a row, or None if it has none."""
        messages = conversation(record[self.main])
        if messages is None:
            return None
        if self.answer:
            return messages[-1]["content"]
        return packed(messages[:-1]) if self.whole else told(messages[:-1])


def parts(name: str, *, whole: bool) -> list[Part]:
    """Return the prompt and the response of a column."""
    return [Turns(name, (name,), answer=answer, whole=whole) for answer in (False, True)]


def columns(table: Any) -> list[str]:
    """Return the columns of a `datasets.Dataset` that hold messages."""
    items = {name: getattr(kind, "feature", None) for name, kind in table.features.items()}
    return [
        name
        for name, item in items.items()
        if isinstance(item, Mapping) and any(set(keys) <= set(item) for keys in KEYS)
    ]


def conversation(value: Any) -> list[Message] | None:
    """Return messages that alternate from a user to an assistant, after one of a system or none.

    None stands for anything else, and for messages without text. An empty one of a system is none.
    """
    if not isinstance(value, Sequence) or isinstance(value, str):
        return None
    found = [_message(one) for one in value]
    messages = [one for one in found if one is not None]
    if messages and messages[0]["role"] == "system":
        turns = messages[1:]
        messages = messages if messages[0]["content"].strip() else turns
    else:
        turns = messages
    if len(messages) < 2 or len(turns) % 2 or None in found:
        return None
    right = zip(turns, cycle(("user", "assistant")), strict=False)
    fine = all(one["role"] == role and one["content"].strip() for one, role in right)
    return messages if fine else None


def _message(value: Any) -> Message | None:
    if not isinstance(value, Mapping):
        return None
    for role, content in KEYS:
        who, text = value.get(role), value.get(content)
        if isinstance(who, str) and isinstance(text, str) and who in ROLES:
            return {"role": ROLES[who], "content": text}
    return None


def told(messages: Sequence[Message]) -> str:
    """Return what comes before an answer as the text that the paper's template begins with."""
    first, *later = [one for one in messages if one["role"] != "system"]
    system = [f"{one['content']}\n" for one in messages if one["role"] == "system"]
    marks = {"user": f"\n{USER}", "assistant": ASSISTANT}
    return "".join([*system, first["content"], *(marks[m["role"]] + m["content"] for m in later)])


def packed(messages: Sequence[Message]) -> str:
    """Return what comes before an answer as a text that `unpacked` takes apart again."""
    text = messages[-1]["content"]
    alone = list(messages) == unpacked(text)
    return text if alone else json.dumps(list(messages), ensure_ascii=False)


def unpacked(prompt: str) -> list[Message]:
    """Return the messages of a prompt: those that it is the JSON of, or one of the user."""
    if prompt.startswith("["):
        try:
            messages = conversation([*json.loads(prompt), {"role": "assistant", "content": "."}])
        except (ValueError, RecursionError):
            messages = None
        if messages:
            return messages[:-1]
    return [{"role": "user", "content": prompt}]
