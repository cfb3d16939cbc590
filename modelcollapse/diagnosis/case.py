"""What the eight definitions are asked of."""

from dataclasses import dataclass

from modelcollapse.diagnosis.answer import Answer
from modelcollapse.diagnosis.record import Record
from modelcollapse.diagnosis.roles import Metric
from modelcollapse.diagnosis.theory import Theory


@dataclass(frozen=True, eq=False)
class Case:
    """What the eight definitions are asked of.

    `bounds`, if given, are proved bounds on the risk; `metrics` has the column of each role; `test`
    is how runs are compared: "sign", "paired", "steps" or "auto".
    """

    record: Record
    theory: Theory
    metrics: dict[str, Metric | None]
    alpha: float
    bounds: tuple[float, float] | None = None
    test: str = "auto"

    @property
    def first(self) -> int:
        """The number of the first generation."""
        return int(self.record.generations[0])

    def recorded(self, metric: Metric) -> bool:
        """Return whether there are data."""
        return metric.name in self.record.columns

    def unnamed(self, role: str, example: str) -> Answer:
        """Return the answer where no column plays a role; `example` says what would."""
        return Answer(
            "undetermined",
            reason=f"no column is known for the role {role!r}",
            needed=f"{example}: name its column, as in {role}='my_column'",
        )
