"""What a monitor says after an update."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from modelcollapse._support import html
from modelcollapse.evidence.betting import LARGEST_LOG

# What is compared; how it changes for the worse, and for the better; what the worse change is.
CHANGES = {
    "loss": ("held-out loss", "risen", "fallen", "rise"),
    "rows": ("statistic", "fallen", "risen", "fall"),
}


@dataclass(frozen=True)
class MonitorStatus:
    """The state of a monitor after one update.

    Attributes
    ----------
    kind
        "loss" or "rows".
    first
        The generation that the others are compared with; None where every update brings model 1's
        values.
    margin, alpha
        Those of the monitor.
    alarmed_at
        The generation of the first alarm, or None.
    generation, rows
        The generation of the update, and its number of rows.
    estimate
        The mean difference: how far the clipped loss is above the first generation's, or the
        statistic below, in their own unit.
    lower
        A lower bound of its expectation; those of all generations hold together with probability
        at least 1 - alpha.
    log_e_value
        The logarithm of the evidence, over all generations so far, that some generation is beyond
        the margin; 0 where nothing has been compared.
    p_value
        1 over the largest e-value so far, at most 1; anytime-valid.
    decidable
        Whether some rows, as many as these, would have raised an alarm at this update.
    """

    kind: str
    first: int | None
    margin: float
    alpha: float
    alarmed_at: int | None
    generation: int
    rows: int
    estimate: float
    lower: float
    log_e_value: float
    p_value: float
    decidable: bool

    @property
    def alarmed(self) -> bool:
        """Whether there has been an alarm, now or before."""
        return self.alarmed_at is not None

    @property
    def e_value(self) -> float:
        """The e-value: an alarm is raised where it reaches 1/alpha; inf beyond all floats."""
        return math.exp(self.log_e_value) if self.log_e_value <= LARGEST_LOG else math.inf

    @property
    def sentence(self) -> str:
        """What this says, in a sentence."""
        if self.generation == self.first:
            return f"generation {self.first}, of {self.rows} rows: others are compared with it"
        what, worse, better, change = CHANGES[self.kind]
        way = worse if self.estimate >= 0 else better
        since = "model 1" if self.first is None else f"generation {self.first}"
        level = f"{100 * (1 - self.alpha):.4g} %"
        if self.alarmed:
            verdict = (
                f"alarm at generation {self.alarmed_at}: by then one was beyond the margin "
                f"{self.margin:g}"
            )
        else:
            verdict = f"no alarm: nothing shows that one was beyond the margin {self.margin:g}"
        idle = "" if self.decidable else f"; {self.rows} rows cannot show it here: give more"
        return (
            f"generation {self.generation}: the {what} has {way} by {abs(self.estimate):.3g} since "
            f"{since}, a {change} of at least {self.lower:.3g} ({level}); {verdict} "
            f"(e = {self.e_value:.3g}, alarm from {1 / self.alpha:.3g} on){idle}"
        )

    def __str__(self) -> str:
        return self.sentence

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)

    def _repr_html_(self) -> str:
        return html.pairs(self.sentence, self.as_dict())
