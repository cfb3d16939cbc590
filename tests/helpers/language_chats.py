"""Tokenizers with chat templates of several kinds, made here, and a model that has learned one."""

import copy
import functools
from dataclasses import replace
from pathlib import Path

from modelcollapse.language import backend
from modelcollapse.language.chat import Chat
from modelcollapse.language.checkpoints import initial
from modelcollapse.language.tokens import Encoder
from modelcollapse.language.training import fine_tune
from tests.helpers.language_models import SCRATCH, TINY, WORDS, tokenizer

# Each turn ends as the answer does, and the first token is that of every turn.
CHATML = (
    "{% for m in messages %}<|turn|>{{ m['role'] }}\n{{ m['content'] }}<|over|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
)
# A start, contents that are trimmed, and no word of a system.
TRIMMED = (
    "<s>{% for m in messages %}"
    "{% if m['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}"
    "<|turn|>{{ m['role'] }}\n\n{{ m['content'] | trim }}<|over|>{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>assistant\n\n{% endif %}"
)
# The end after answers alone, and text between: rows can be sampled whole.
BRACKETS = (
    "<s>{% for m in messages %}{% if m['role'] == 'user' %}[ask] {{ m['content'] }} [say]"
    "{% else %} {{ m['content'] }}<|over|>{% endif %}{% endfor %}"
)
# No special token at the beginning, and thoughts that are empty before the last answer.
THOUGHTS = (
    "{% for m in messages %}{{ m['role'] }}: "
    "{% if loop.last and m['role'] == 'assistant' %}(none) {% endif %}"
    "{{ m['content'] }}<|over|>\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
TEMPLATES = {"chatml": CHATML, "trimmed": TRIMMED, "brackets": BRACKETS, "thoughts": THOUGHTS}


@functools.cache
def chat_tokenizer(template, family="llama"):
    """Return a tokenizer with two special tokens more, the end being one, and a template."""
    own = copy.deepcopy(tokenizer(family))
    own.add_special_tokens({"additional_special_tokens": ["<|turn|>"], "eos_token": "<|over|>"})
    own.chat_template = template
    return own


def chat_encoder(name, max_length=60, *, whole=False, retokenise=False):
    """Return the encoder of a template by its name."""
    own = chat_tokenizer(TEMPLATES[name])
    return Encoder(own, Chat(own, whole=whole), max_length, retokenise)


def pairs(count):
    """Return questions and answers, no two of them equal."""
    words = [(a, b) for a in WORDS for b in WORDS]
    return [{"prompt": f"{a} {b}", "response": f"{b} {a}"} for a, b in words[:count]]


@functools.cache
def chat_folder(name="chatml"):
    """Return the folder of a model that has seen enough chats to answer."""
    path = Path(SCRATCH.name) / f"chat-{name}"
    own = chat_encoder(name)
    with backend.seeded(0), backend.quiet():
        fresh = initial("llama", own.tokenizer, hidden=16, layers=1)
        recipe = replace(TINY, steps=60, max_length=60)
        fine_tune(fresh, own, own.encode(pairs(100)), recipe, 0)
        fresh.save_pretrained(path)
        own.tokenizer.save_pretrained(path)
    return path
