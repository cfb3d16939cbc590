"""Claims that are decided without chance."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from modelcollapse.ledger.claims.common import Design, Finding, TooWeak
from modelcollapse.loop.experiment import Trajectories


@dataclass(frozen=True)
class ExactClaim:
    """A number computed one way agrees with the same number computed another way.

    Parameters
    ----------
    compute
        Returns the predicted value, and the interval that must hold it: from an independent
        route, widened by a proved bound on its truncation and rounding.
    near
        Near misses: other values, by what is wrong with them.
    """

    compute: Callable[[], tuple[float, float, float]]
    near: Mapping[str, Callable[[], float]]
    design: Design | None = None

    def examine(self, runs: Trajectories | None, alpha: float, beta: float) -> Finding:
        """Compare, without chance."""
        del runs, alpha, beta
        value, low, high = (float(x) for x in self.compute())
        middle, radius = (low + high) / 2, (high - low) / 2

        def gap(x: float) -> float:
            return abs(x - middle) if np.isfinite(middle) else 0.0 if low <= x <= high else np.inf

        others = {name: float(wrong()) for name, wrong in self.near.items()}
        for name, other in others.items():
            if np.isnan(other):  # it lies in no interval, whatever is true
                raise TooWeak(f"near miss {name!r} is not a number: give one that could be claimed")
        return Finding(
            f"{value:.8g}",
            f"{middle:.8g} ± {radius:.1g}" if np.isfinite(middle) else f">= {low:.8g}",
            "enclosure",
            gap(value),
            radius,
            0,
            not low <= value <= high,
            {name: not low <= other <= high for name, other in others.items()},
            {name: gap(other) for name, other in others.items()},
        )
