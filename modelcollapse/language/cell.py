"""One cell of the grid: the base fine-tuned on so many real and so many synthetic rows."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from modelcollapse._support.sealed import write_json, write_table
from modelcollapse.language import backend
from modelcollapse.language.chain import TRAINING_SHARE, summary
from modelcollapse.language.fitting import fit
from modelcollapse.language.folder import (
    Folder,
    Record,
    generation_folder,
    read_examples,
    read_given,
)
from modelcollapse.language.judging import Judge
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

    def examples(self) -> tuple[list[list[int]], list[int] | None]:
        """Return the tokens of the training rows; where no loss is on prompts, how many are."""
        real = seed_folder(self.folder, self.seed) / "real.parquet"
        encoder, found, given = self.judge.setup.encoder, list[list[int]](), list[int]()
        masked = self.judge.setup.recipe.loss_on == "completion"
        for path, count in ((real, self.real), (self.pool, self.synthetic)):
            if count:
                rows = read_examples(path, encoder, slice(count))
                found += rows
                given += read_given(path, encoder, slice(count), rows) if masked else []
        return found, given if masked else None

    def run(self, report: Report, announce: Announce) -> None:
        """Train, judge and write the cell, unless that is done."""
        if self.folder.finished(self.place, announce) is not None:
            return
        tracking = self.folder.tracking(self.place, self.name, self.options.report_to)
        examples, given = self.examples()
        with generation_folder(self.place) as partial:
            place = (partial or self.place) / "model"
            model, training = fit(
                self.judge.setup,
                examples,
                given=given,
                seed=backend.derived(self.seed, backend.TRAIN, self.real, self.synthetic),
                place=place,
                tracking=tracking,
                advance=lambda share: report(TRAINING_SHARE * share, self.name),
            )
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
                if self.options.keep == "all":
                    model.write(place)
                else:  # a trainer may have written one
                    shutil.rmtree(place, ignore_errors=True)
                write_table(partial / "held_out.parquet", self.judge.scored(nats))
                write_json(partial / "metrics.json", record)
        announce(summary(self.name, record))


def seed_folder(folder: Folder, seed: int) -> Path:
    """Return the folder of a seed."""
    return folder.path / f"seed-{seed}"
