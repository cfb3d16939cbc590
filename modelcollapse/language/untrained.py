"""Generation 0: the base before any training, judged like every other model of a run."""

from dataclasses import dataclass
from pathlib import Path

from modelcollapse._support.sealed import write_json, write_table
from modelcollapse.language import backend
from modelcollapse.language.chain import summary
from modelcollapse.language.folder import Folder, Record, generation_folder
from modelcollapse.language.judging import Judge
from modelcollapse.language.trained import TrainedModel
from modelcollapse.language.work import Announce, Report

NAME = "base, generation 0"


@dataclass(frozen=True, eq=False)
class Untrained:
    """The base of a run; of one from scratch, its architecture with random weights."""

    judge: Judge
    folder: Folder

    @property
    def size(self) -> int:
        """As long as training on a row, say."""
        return 1

    @property
    def place(self) -> Path:
        """Its folder: one for all seeds."""
        return self.folder.base

    def run(self, report: Report, announce: Announce) -> None:
        """Judge it, unless that is done."""
        if self.folder.finished(self.place, announce) is not None:
            return
        report(0.0, f"{NAME}: judging")
        base = self.judge.setup.base
        fresh = base.model(backend.derived(0, backend.INITIAL)).to(backend.device())
        nats = self.judge.nats(TrainedModel(base.tokenizer, Path(base.source), fresh))
        record: Record = {
            "workflow": "base",
            "generation": 0,
            "outcome": "completed",
            **self.judge.losses(nats),
            "training_rows": 0,
            "steps": 0,
        }
        with generation_folder(self.place) as partial:
            if partial is not None:
                write_table(partial / "held_out.parquet", {"nats": nats})
                write_json(partial / "metrics.json", record)
        announce(summary(NAME, record))
