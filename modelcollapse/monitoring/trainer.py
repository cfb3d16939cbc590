"""The monitor in transformers' Trainer. It imports transformers: import it where it is used."""

from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback


class MonitorCallback(TrainerCallback):  # type: ignore[misc]
    """Tells a monitor of each generation.

    Parameters
    ----------
    finished
        A function of the model that returns whether there has been an alarm.
    at
        The event that ends a generation.
    stop
        Whether an alarm stops the training.
    """

    def __init__(self, finished: Callable[[Any], bool], at: str, *, stop: bool) -> None:
        self.finished, self.at, self.stop = finished, at, stop

    def on_train_end(self, args: Any, state: Any, control: Any, **there: Any) -> None:
        """Take the model of a finished training."""
        del args, state
        self._event("train_end", control, there)

    def on_evaluate(self, args: Any, state: Any, control: Any, **there: Any) -> None:
        """Take the model that has been evaluated."""
        del args, state
        self._event("evaluate", control, there)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **there: Any) -> None:
        """Take the model of a finished epoch."""
        del args, state
        self._event("epoch_end", control, there)

    def _event(self, event: str, control: Any, there: dict[str, Any]) -> None:
        if event == self.at and self.finished(there["model"]) and self.stop:
            control.should_training_stop = True
