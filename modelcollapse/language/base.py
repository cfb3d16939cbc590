"""The model that every generation starts from: a folder, a hub id, or built here."""

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from modelcollapse._support.errors import InvalidInput
from modelcollapse.language.backend import seeded

EAGER = ("gemma2",)  # its soft-capped attention has no fused form
EDGE = 2**20  # bytes of each end of a weights file that its fingerprint reads


@dataclass(frozen=True)
class Base:
    """A checkpoint to start from.

    Attributes
    ----------
    source
        A folder, or an id on the hub.
    from_scratch
        Use its architecture and tokenizer, and initialise its weights at random each time.
    """

    source: str
    from_scratch: bool = False

    @cached_property
    def config(self) -> Any:
        """The architecture."""
        from transformers import AutoConfig

        return self._loaded(AutoConfig)

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer, padding on the right."""
        from transformers import AutoTokenizer

        return self._loaded(AutoTokenizer, padding_side="right")

    def model(self, seed: int) -> Any:
        """Return a fresh copy in float32; the seed draws what is not in the checkpoint."""
        import torch
        from transformers import AutoModelForCausalLM, GenerationConfig

        options = {"dtype": torch.float32, "attn_implementation": self._attention()}
        with seeded(seed):
            if self.from_scratch:
                model = AutoModelForCausalLM.from_config(
                    self.config, trust_remote_code=False, **options
                )
            else:
                model = self._complete(**options)
        # Sampling is said in full where it is done: nothing comes from the checkpoint.
        model.generation_config = GenerationConfig()
        return model

    def _complete(self, **options: Any) -> Any:
        from transformers import AutoModelForCausalLM

        model, found = self._loaded(
            AutoModelForCausalLM, use_safetensors=True, output_loading_info=True, **options
        )
        require_whole(self.source, found)
        return model

    def fingerprint(self) -> str:
        """Return what identifies the weights: the hub's commit, or a digest of the files."""
        commit = getattr(self.config, "_commit_hash", None)
        if commit:
            return f"commit {commit}"
        digest = hashlib.sha256()
        for path in sorted(Path(self.source).glob("*")):
            if path.suffix in (".safetensors", ".json", ".txt", ".model") and path.is_file():
                digest.update(f"{path.name} {path.stat().st_size}\n".encode())
                digest.update(_edges(path))
        return f"sha256 {digest.hexdigest()[:16]}"

    def parameters(self) -> int:
        """Return the number of parameters, without making them."""
        return int(self.empty().num_parameters())

    def empty(self) -> Any:
        """Return the architecture with weights that take no memory and have no values."""
        import torch
        from transformers import AutoModelForCausalLM

        with torch.device("meta"):
            own = copy.deepcopy(self.config)  # whoever changes the model may change that
            return AutoModelForCausalLM.from_config(own, trust_remote_code=False)

    def _attention(self) -> str | None:
        return "eager" if self.config.get_text_config().model_type in EAGER else None

    def _loaded(self, kind: Any, **options: Any) -> Any:
        from safetensors import SafetensorError

        from modelcollapse.language.bigrams import register

        register()
        path = Path(self.source)
        if (path / "run.json").exists():
            raise InvalidInput(
                f"model = {self.source!r} is the folder of a run: give one of its models, such as "
                f"{path / 'seed-0' / 'replace' / 'generation-002' / 'model'}"
            )
        if not path.exists() and (self.source.startswith((".", "/")) or self.source.count("/") > 1):
            raise InvalidInput(f"model = {self.source!r}: no such folder")
        try:
            return kind.from_pretrained(self.source, trust_remote_code=False, **options)
        except (OSError, ValueError, ImportError, KeyError, SafetensorError) as error:
            raise InvalidInput(
                f"model = {self.source!r} cannot be loaded: {reason(error)} Give a folder with a "
                "checkpoint (config.json, *.safetensors, tokenizer.json), a built-in name, or a "
                "hub id that you have access to (for a gated model: hf auth login)"
            ) from error


def _edges(path: Path) -> bytes:
    with path.open("rb") as file:
        first = file.read(EDGE)
        file.seek(max(EDGE, path.stat().st_size - EDGE))
        return first + file.read(EDGE)


def require_whole(source: str, found: Mapping[str, Any]) -> None:
    """Raise InvalidInput if loading found some weights of the architecture missing."""
    absent = sorted(found["missing_keys"])
    if absent:
        raise InvalidInput(
            f"model = {source!r} lacks {len(absent)} weights, such as {absent[0]}: give a "
            "whole checkpoint of a causal language model"
        )


def reason(error: Exception) -> str:
    """Return the first sentence of a library's message."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:300].rstrip(". ") + "."
