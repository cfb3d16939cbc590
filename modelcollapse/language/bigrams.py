"""A bigram model of tokens for transformers: each token's law depends on the one before alone.

Its weights are a table of logits, so it is at once what a softmax bigram model learns by descent
and what counting fits exactly. It imports transformers, so import it where it is used.
"""

from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    GenerationMixin,
    PretrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import CausalLMOutput

KIND = "modelcollapse-bigram"


class BigramConfig(PretrainedConfig):  # type: ignore[misc]
    """The number of tokens; all else is common to models of transformers."""

    model_type = KIND
    vocab_size: int = 1024


class Bigram(PreTrainedModel, GenerationMixin):  # type: ignore[misc]
    """Logits of the next token, a row of them for each token; zeros at first."""

    config_class = BigramConfig

    def __init__(self, config: BigramConfig) -> None:
        super().__init__(config)
        self.table = torch.nn.Embedding(config.vocab_size, config.vocab_size)
        self.post_init()

    def _init_weights(self, module: Any) -> None:
        if module is self.table:
            torch.nn.init.zeros_(module.weight)

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        return False  # there is nothing to keep but the last token

    def prepare_inputs_for_generation(
        self, input_ids: Any, attention_mask: Any = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Return the last token of each sequence."""
        del attention_mask, kwargs
        return {"input_ids": input_ids[:, -1:]}

    def forward(
        self, input_ids: Any, attention_mask: Any = None, labels: Any = None, **kwargs: Any
    ) -> CausalLMOutput:
        """Return the logits after each token, and with labels the mean loss of the next ones."""
        del attention_mask  # no token looks at others
        logits = self.table(input_ids)
        loss = None
        if labels is not None:
            loss = self.loss_function(logits, labels, vocab_size=self.config.vocab_size, **kwargs)
        return CausalLMOutput(loss=loss, logits=logits)


def register() -> None:
    """Have transformers load such models by their configuration."""
    AutoConfig.register(KIND, BigramConfig, exist_ok=True)
    AutoModelForCausalLM.register(BigramConfig, Bigram, exist_ok=True)
