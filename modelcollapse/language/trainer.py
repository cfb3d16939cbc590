"""What transformers' Trainer lacks: row weights, and a report of its progress.

It imports transformers, so import it where it is used.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from transformers import Trainer, TrainerCallback


class RowTrainer(Trainer):  # type: ignore[misc]
    """Trainer whose batches may hold a weight per row, and whose steps may count rows.

    Parameters
    ----------
    row_tokens
        None: a step's loss is over the number of its tokens. A number: it is over the number of
        its rows times that number.
    """

    def __init__(self, *args: Any, row_tokens: float | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.row_tokens = row_tokens
        if row_tokens is not None:
            self.compute_loss_func = weighted_loss

    def get_batch_samples(self, *args: Any) -> tuple[list[Any], Any]:
        """Return the batches of a step, and what its loss is over."""
        batches, tokens = super().get_batch_samples(*args)
        if self.row_tokens is None:
            return batches, tokens
        rows = torch.tensor(sum(len(batch["input_ids"]) for batch in batches), dtype=torch.float)
        rows = rows.to(self.args.device)
        if self.args.world_size > 1:
            rows = self.accelerator.gather(rows).sum()
        return batches, rows * self.row_tokens

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **options: Any) -> Any:
        """Return the loss; the base class scales it for accumulation and for several devices."""
        weight = inputs.pop("weight", None)
        if weight is not None:
            self.compute_loss_func = partial(weighted_loss, weight=weight)
        return super().compute_loss(model, inputs, *args, **options)


def weighted_loss(
    outputs: Any,
    labels: torch.Tensor,
    num_items_in_batch: Any = None,
    *,
    weight: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return sum of w_i times the nats of row i, over the step's number of tokens or rows."""
    nats = token_nats(outputs.logits, labels)
    count = (labels[:, 1:] != -100).sum() if num_items_in_batch is None else num_items_in_batch
    return (nats if weight is None else nats * weight[:, None]).sum() / count


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
