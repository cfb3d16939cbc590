"""What transformers' Trainer lacks: row weights, and a report of its progress.

It imports transformers, so import it where it is used.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from transformers import Trainer, TrainerCallback


class RowTrainer(Trainer):  # type: ignore[misc]
    """Trainer whose batches may hold a weight per row."""

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **options: Any) -> Any:
        """Return the loss; the base class scales it for accumulation and for several devices."""
        weight = inputs.pop("weight", None)
        if weight is not None:
            self.compute_loss_func = partial(weighted_loss, weight=weight)
        return super().compute_loss(model, inputs, *args, **options)


def weighted_loss(
    outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None, *, weight: torch.Tensor
) -> torch.Tensor:
    """Return sum of w_i times the nats of row i, over the number of tokens predicted."""
    nats = token_nats(outputs.logits, labels)
    count = (labels[:, 1:] != -100).sum() if num_items_in_batch is None else num_items_in_batch
    return (nats * weight[:, None]).sum() / count


def token_nats(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return -log p of each token but the first, shape (rows, length - 1); 0 where masked."""
    return torch.nn.functional.cross_entropy(
        logits[:, :-1].float().transpose(1, 2), labels[:, 1:], ignore_index=-100, reduction="none"
    )


class Progress(TrainerCallback):  # type: ignore[misc]
    """Calls a function with the finished share of the steps."""

    def __init__(self, advance: Callable[[float], None]) -> None:
        self.advance = advance

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Report one step."""
        del args, control
        self.advance(state.global_step / max(1, state.max_steps))
