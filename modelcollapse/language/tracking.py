"""What a tracker of the user's hears, such as tensorboard, wandb or trackio."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TENSORBOARD = "TENSORBOARD_LOGGING_DIR"
GENERATION = "generation/"  # before the names of a generation's numbers


@dataclass(frozen=True)
class Tracking:
    """Who hears of a training, and under which name.

    Attributes
    ----------
    report_to
        A tracker that transformers knows, or "none".
    name
        The name of the run in the tracker.
    logs
        A folder for tensorboard's files, unless $TENSORBOARD_LOGGING_DIR names one.
    """

    report_to: str = "none"
    name: str = ""
    logs: Path | None = None

    def arguments(self) -> dict[str, Any]:
        """Return the Trainer's arguments that say so."""
        return {"report_to": self.report_to, "run_name": self.name or None}

    @contextmanager
    def placed(self) -> Iterator[None]:
        """Say where tensorboard writes: else beside the Trainer's files, which do not stay."""
        ours = (
            self.report_to == "tensorboard"
            and self.logs is not None
            and TENSORBOARD not in os.environ
        )
        if ours:
            os.environ[TENSORBOARD] = str(self.logs)
        try:
            yield
        finally:
            if ours:
                del os.environ[TENSORBOARD]

    def log(self, numbers: Mapping[str, Any], generation: int) -> None:
        """Tell the tracker the numbers of a generation, as ``generation/NAME``."""
        if self.report_to == "none":
            return
        from transformers import TrainerControl, TrainerState, TrainingArguments
        from transformers.integrations import get_reporting_integration_callbacks
        from transformers.trainer_callback import CallbackHandler

        told = {
            f"{GENERATION}{name}": value
            for name, value in numbers.items()
            if isinstance(value, (int, float))
        }
        with tempfile.TemporaryDirectory() as folder, self.placed():
            arguments = TrainingArguments(folder, use_cpu=True, **self.arguments())
            trackers = [kind() for kind in get_reporting_integration_callbacks(self.report_to)]
            handler = CallbackHandler(trackers, None, None, None, None)
            state, control = TrainerState(global_step=generation), TrainerControl()
            handler.on_log(arguments, state, control, told)
            handler.on_train_end(arguments, state, control)
