"""One cell of the grid: the base fine-tuned on so many real and so many synthetic rows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelcollapse._support.checks import Floats
from modelcollapse._support.sealed import write_json, write_table
from modelcollapse.language import backend
from modelcollapse.language.chain import TRAINING_SHARE, save, summary
from modelcollapse.language.folder import (
    Folder,
    Record,
    generation_folder,
    read_examples,
)
from modelcollapse.language.judging import Judge
from modelcollapse.language.training import fine_tune
from modelcollapse.language.work import (
    Announce,
    Options,
    Report,
)


@dataclass(frozen=True, eq=False)
class Cell:
    """One number of real rows with one of synthetic rows, and one seed."""

    judge: Judge
    folder: Folder
    options: Options
    seed: int
    real: int
    synthetic: int
    pool: Path

    @property
    def size(self) -> int:
        """The rows trained on, and 1 for the evaluation."""
        return 1 + self.real + self.synthetic

    @property
    def name(self) -> str:
        """What the cell is called in messages."""
        return f"{self.real} real and {self.synthetic} synthetic rows, seed {self.seed}"

    @property
    def place(self) -> Path:
        """The folder of the cell."""
        return seed_folder(self.folder, self.seed) / f"cell-r{self.real}-s{self.synthetic}"

    def examples(self) -> list[list[int]]:
        """Return the tokens of the training rows."""
        real = seed_folder(self.folder, self.seed) / "real.parquet"
        encoder, found = self.judge.setup.encoder, list[list[int]]()
        for path, count in ((real, self.real), (self.pool, self.synthetic)):
            if count:
                found += read_examples(path, encoder, slice(count))
        return found

    def run(self, report: Report, announce: Announce) -> None:
        """Train, judge and write the cell, unless that is done."""
        if self.folder.finished(self.place, announce) is not None:
            return
        setup = self.judge.setup
        model = setup.base.model(self._stream(backend.INITIAL))
        with generation_folder(self.place) as partial:
            training = self._train(model, partial, report)
            nats = self.judge.nats(model)
            record: Record = {
                "seed": self.seed,
                "real": self.real,
                "synthetic": self.synthetic,
                "outcome": "completed",
                **self.judge.losses(nats),
                **training,
            }
            if partial is not None:
                self._write(partial, model, nats, record)
        announce(summary(self.name, record))

    def _stream(self, purpose: int) -> int:
        return backend.derived(self.seed, purpose, self.real, self.synthetic)

    def _train(self, model: Any, scratch: Path | None, report: Report) -> Record:
        examples = self.examples()
        if not examples:
            model.to(backend.device())  # the Trainer moves the others
            return {"steps": 0, "training_tokens": 0, "training_seconds": 0.0}
        encoder = self.judge.setup.encoder
        training = fine_tune(
            model,
            encoder,
            examples,
            self.judge.setup.recipe,
            self._stream(backend.TRAIN),
            scratch=scratch,
            report_to=self.options.report_to,
            name=f"{self.name} of {self.folder.path.name}",
            logs=self.folder.logs(self.place),
            advance=lambda share: report(TRAINING_SHARE * share, self.name),
        )
        return {
            "steps": training.steps,
            "training_loss": training.loss,
            "training_tokens": training.tokens,
            "training_seconds": training.seconds,
        }

    def _write(self, partial: Path, model: Any, nats: Floats, record: Record) -> None:
        if self.options.keep == "all":
            save(model, self.judge.setup.encoder.tokenizer, partial / "model")
        write_table(partial / "held_out.parquet", {"nats": nats})
        write_json(partial / "metrics.json", record)


def seed_folder(folder: Folder, seed: int) -> Path:
    """Return the folder of a seed."""
    return folder.path / f"seed-{seed}"
