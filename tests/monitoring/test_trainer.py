"""The monitor in transformers' Trainer."""

import importlib
import sys

import numpy as np
import pytest

import modelcollapse as mc

pytestmark = pytest.mark.language
LOSSES = np.linspace(1, 2, 100)


def trained(callbacks, tmp_path, **options):
    """Train a tiny model for three epochs, and return the Trainer."""
    torch = importlib.import_module("torch")
    library = importlib.import_module("transformers")

    class Tiny(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x, labels=None):
            out = x * self.weight
            return {"loss": ((out - labels) ** 2).mean(), "logits": out}

    data = [{"x": torch.ones(1), "labels": torch.ones(1)} for _ in range(8)]
    arguments = library.TrainingArguments(
        str(tmp_path), num_train_epochs=3, report_to=[], save_strategy="no", use_cpu=True, **options
    )
    trainer = library.Trainer(
        Tiny(), arguments, train_dataset=data, eval_dataset=data, callbacks=callbacks
    )
    trainer.train()
    return trainer


@pytest.mark.parametrize("at", ["evaluate", "epoch_end"])
@pytest.mark.parametrize("stop", [True, False])
def test_an_alarm_stops_one_trainer(at, stop, tmp_path):
    """Each epoch is a generation; the second is beyond the margin."""
    monitor = mc.Monitor("loss", margin=0.1, range=(0, 5), fresh=False)
    models = []

    def measure(model):
        models.append(model)
        return LOSSES + 2 * (len(models) > 1)

    callback = monitor.callback(measure, at=at, stop=stop)
    trainer = trained([callback], tmp_path, eval_strategy="epoch")

    assert monitor.status.alarmed_at == 2
    assert trainer.state.epoch == (2 if stop else 3)
    assert monitor.history["generation"] == ([1, 2] if stop else [1, 2, 3])
    assert all(model is trainer.model for model in models)


def test_a_trainer_for_each_generation(tmp_path):
    """One callback for all of them."""
    monitor = mc.Monitor("loss", margin=0.1, range=(0, 5), fresh=False)
    rises = iter([0, 0, 2])
    callback = monitor.callback(lambda _: LOSSES + next(rises))
    while not monitor.alarmed:
        trained([callback], tmp_path)

    assert monitor.history["generation"] == [1, 2, 3]


def test_a_wrong_event_is_named():
    """Before any training."""
    monitor = mc.Monitor("loss", margin=0.1, range=(0, 5), fresh=False)
    with pytest.raises(mc.InvalidInput, match="unknown at 'epoch'; did you mean epoch_end"):
        monitor.callback(lambda _: LOSSES, at="epoch")
    with pytest.raises(mc.InvalidInput, match="stop = 1"):
        monitor.callback(lambda _: LOSSES, stop=1)


def test_without_transformers_it_says_so(monkeypatch):
    """With the command that installs it."""
    monitor = mc.Monitor("loss", margin=0.1, range=(0, 5), fresh=False)
    monkeypatch.delitem(sys.modules, "modelcollapse.monitoring.trainer", raising=False)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(mc.MissingDependency, match=r"Monitor.callback needs transformers"):
        monitor.callback(lambda _: LOSSES)
