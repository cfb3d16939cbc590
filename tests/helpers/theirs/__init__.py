"""A family of another package: the uniform law on [0, theta], fitted by the largest row."""

from dataclasses import dataclass
from typing import Any

import modelcollapse as mc


@dataclass(frozen=True)
class Uniform:
    """The model; its truth is theta."""

    dim: int = 1

    def as_truth(self, value: Any) -> float:
        """Return theta; None is 1."""
        return 1.0 if value is None else float(value)

    def check(self, experiment: "mc.Experiment") -> None:
        """Refuse all workflows but replace."""
        if not isinstance(experiment.workflow, mc.Replace):
            raise mc.InvalidInput(f"workflow = {experiment.workflow!r}: Uniform is for Replace()")

    def described(self) -> dict[str, Any]:
        """Return its name."""
        return {"model": "uniform"}

    def theory(self, experiment: "mc.Experiment") -> "mc.Prediction":
        """Return what is known."""
        from tests.helpers.theirs.predict import predict

        return predict(experiment)

    def simulation(self, experiment: "mc.Experiment", request: Any) -> Any:
        """Simulate a loop."""
        from tests.helpers.theirs.simulate import simulate

        return simulate(experiment, request)
