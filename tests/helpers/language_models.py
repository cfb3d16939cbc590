"""Tiny language models for the tests: random, barely trained, or with a law that is known."""

import functools
import gc
import importlib
import json
import math
import os
import random
import socket
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from modelcollapse.language import Options, backend
from modelcollapse.language.checkpoints import FAMILIES, initial, train_tokenizer
from modelcollapse.language.recipe import Recipe
from modelcollapse.language.settings import Settings
from modelcollapse.language.template import Conversation, Plain
from modelcollapse.language.tokens import Encoder
from modelcollapse.language.trained import TrainedModel
from modelcollapse.language.training import fine_tune

__all__ = ["FAMILIES", "offline"]

WORDS = ("a", "bird", "can", "do", "every", "fine", "good", "hat", "in", "just", "kind", "low")
TINY = Recipe(
    learning_rate=1e-2,
    batch_size=8,
    accumulation=1,
    max_length=24,
    precision="float32",
    sampling_batch=64,
)
CONVERSATION = Conversation()
SCRATCH = tempfile.TemporaryDirectory(prefix="language-models-")
# datasets reads it when it is first imported, here and in the processes that a test starts.
os.environ["HF_DATASETS_CACHE"] = str(Path(SCRATCH.name) / "datasets")


@functools.cache
def light(module=""):
    """Spare the collector the libraries and the suite: every training collects garbage twice.

    Once for each module of tests, as more of the libraries is loaded from one to the next.
    """
    del module
    importlib.import_module("transformers.trainer")
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def offline(request, monkeypatch):
    """One thread, no connection, and a failure if one was tried."""
    light(request.module.__name__)
    tried = []

    def refuse(*arguments, **_):
        tried.append(arguments)
        raise socket.gaierror(socket.EAI_AGAIN, "no network in this test")

    def connect(own, address):
        if own.family != socket.AF_UNIX:
            refuse(own, address)
        return real(own, address)

    real = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # for the processes that a test starts
    with backend.threads(1):  # more threads than cores make small models crawl
        yield tried
    assert not tried, "the network was asked for"


def texts(count, seed=0, longest=5):
    """Return rows of a few words each."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    return [
        {"text": " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, longest)))}
        for _ in range(count)
    ]


def different(count, seed=0):
    """Return rows of a few words, no two of them equal."""
    return [{"text": text} for text in {row["text"]: 0 for row in texts(20 * count, seed)}][:count]


@functools.cache
def tokenizer(family):
    """Return a tokenizer with the family's special tokens, and whole words."""
    return train_tokenizer(family, [row["text"] for row in texts(60)], 300)


def encoder(family, template=None, max_length=24, *, retokenise=False):
    """Return the encoder of a family."""
    return Encoder(tokenizer(family), template or Plain(), max_length, retokenise)


def model(family, seed=0, **changes):
    """Return a random model of one small layer."""
    with backend.seeded(seed), backend.quiet():
        fresh = initial(family, tokenizer(family), hidden=16, layers=1)
    for name, value in changes.items():
        setattr(fresh.config, name, value)
    return fresh


def trained(fresh, family, rows=None, *, seed=0, weights=None, given=None, **changes):
    """Train a model on rows, and return what training said."""
    own = encoder(family)
    with backend.quiet():
        return fine_tune(
            fresh,
            own,
            own.encode(texts(40) if rows is None else rows),
            replace(TINY, **changes),
            seed,
            weights=weights,
            given=given,
        )


@functools.cache
def folder(family="llama"):
    """Return the folder of a model that has seen enough words to write some."""
    path = Path(SCRATCH.name) / family
    fresh = model(family)
    trained(fresh, family, texts(60), steps=60)
    with backend.quiet():
        fresh.save_pretrained(path)
        tokenizer(family).save_pretrained(path)
    return path


@functools.cache
def lines(count=80):
    """Return a file of rows, no two of them equal."""
    path = Path(SCRATCH.name) / f"rows-{count}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in different(count)))
    return path


def settings(family="llama", **changes):
    """Return the settings of a loop that takes a second."""
    recipe = replace(TINY, learning_rate=1e-3, **changes.pop("recipe", {}))
    if "model" not in changes:
        changes["model"] = str(folder(family))
    if "data" not in changes:
        changes["data"] = str(lines())
    return Settings(**{"samples": 24, "held_out": 12, **changes}, recipe=recipe)


def options(keep="none", jobs=1, threads=1):
    """Return options that keep nothing and use one thread."""
    return Options(keep=keep, jobs=jobs, threads=threads)


def wrapped(fresh, own):
    """Return a model in memory as a trainer would return it."""
    return TrainedModel(own.tokenizer, Path(SCRATCH.name) / "not written", fresh)


def state(fresh):
    """Return copies of the weights."""
    return {name: tensor.detach().clone() for name, tensor in fresh.state_dict().items()}


def same_state(one, other):
    """Return whether two sets of weights hold the same bits."""
    import torch

    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@dataclass(frozen=True, eq=False)
class Chain:
    """A language model that is a Markov chain on printable characters, and its encoder.

    From the start and from every character, one character is likely: the next one, in a circle.
    The others have decreasing probabilities, and so has the end, but for the start.
    """

    model: object
    encoder: Encoder
    letters: tuple[int, ...]  # the tokens of the characters, in the circle's order
    law: np.ndarray  # P(next | current), shape (tokens, tokens)

    @property
    def trained(self):
        """The model as a trainer would return it."""
        return wrapped(self.model, self.encoder)

    def likely(self, token):
        """Return the likely successor of a token."""
        if token == self.encoder.start:
            return self.letters[0]
        return self.letters[(self.letters.index(token) + 1) % len(self.letters)]


STATES, LIKELY, ENDS = 70, 0.35, 0.25


def _letters(characters):
    """Return a tokenizer with a token for each character."""
    from tokenizers import Tokenizer, decoders, models

    vocabulary = {token: number for number, token in enumerate(["<s>", "</s>", *characters])}
    tokens = Tokenizer(models.BPE(vocabulary, []))
    tokens.decoder = decoders.Fuse()
    return tokens


@functools.cache
def markov(max_length=200, ends=ENDS):
    """Return a Llama whose logits are log P(next | current), up to float32.

    Embeddings are the unit vectors, attention and MLP add nothing, and the last norm divides by
    what the root mean square of a unit vector multiplies with.
    """
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

    characters = [chr(code) for code in range(ord("!"), ord("~"))][:STATES]
    own = PreTrainedTokenizerFast(tokenizer_object=_letters(characters))
    own.add_special_tokens({"bos_token": "<s>", "eos_token": "</s>"})
    size = len(own)
    letters = tuple(own.convert_tokens_to_ids(characters))
    law = np.zeros((size, size))
    for current in [own.bos_token_id, *letters]:
        end = 0.0 if current == own.bos_token_id else ends
        place = -1 if current == own.bos_token_id else letters.index(current)
        others = [letters[(place + 2 + k) % STATES] for k in range(STATES - 1)]
        falling = np.arange(STATES - 1, 0, -1.0)
        law[current, others] = (1 - LIKELY - end) * falling / falling.sum()
        law[current, letters[(place + 1) % STATES]] = LIKELY
        law[current, own.eos_token_id] = end
    config = LlamaConfig(
        vocab_size=size,
        hidden_size=size,
        intermediate_size=2,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
        head_dim=2,
        max_position_embeddings=512,
        tie_word_embeddings=False,
        bos_token_id=own.bos_token_id,
        eos_token_id=own.eos_token_id,
    )
    with backend.seeded(0), torch.no_grad():
        made = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        layer = made.model.layers[0]
        layer.self_attn.o_proj.weight.zero_()
        layer.mlp.down_proj.weight.zero_()
        made.model.embed_tokens.weight.copy_(torch.eye(size))
        made.model.norm.weight.fill_(math.sqrt(1 / size + config.rms_norm_eps))
        with np.errstate(divide="ignore"):
            made.lm_head.weight.copy_(torch.tensor(np.maximum(np.log(law), -200.0).T))
    return Chain(made, Encoder(own, Plain(), max_length), letters, law)
