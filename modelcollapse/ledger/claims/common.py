"""What all kinds of claims share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from modelcollapse._support.errors import ModelCollapseError
from modelcollapse.evidence import Evidence, Method, Side, samples_needed
from modelcollapse.evidence.outcome import idle
from modelcollapse.loop.experiment import Experiment, Trajectories


class TooWeak(ModelCollapseError):  # noqa: N818 - says what it is
    """The evidence cannot tell a claim from its near misses: a defect of the ledger."""


@dataclass(frozen=True)
class Finding:
    """What a claim found: the evidence, in words and numbers, and the near misses rejected.

    `near_statistics` has the statistic of the same evidence held against each near miss; like the
    claim's own it is compared with `threshold`.
    """

    predicted: str
    observed: str
    method: str
    statistic: float
    threshold: float
    samples: int
    rejected: bool
    near_misses: Mapping[str, bool]
    near_statistics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Design:
    """The simulation that a claim looks at; claims with equal designs share one run.

    Parameters
    ----------
    experiment
        Builds the experiment, so that listing theorems loads no data.
    replicates
        Independent runs of the loop: all that a thorough verification takes, and the most that
        any takes (see `needed` of the claims).
    extra, at, test
        Quantities recorded on request, the generations recorded (all by default), and the
        number of fresh rows to score: see `simulate`.
    """

    experiment: Callable[[], Experiment]
    replicates: int
    extra: tuple[str, ...] = ()
    at: tuple[int, ...] | None = None
    test: int | None = None

    def lacks(self) -> str:
        """Return the extra of this package that it needs and that is not installed, or ""."""
        return ""


@runtime_checkable
class Trained(Protocol):
    """A design that is not simulated: it runs its loops itself."""

    def run(self, replicates: int, seed: int) -> Trajectories:
        """Return so many runs of the loop."""
        ...


class Claim(Protocol):
    """What every kind of claim offers."""

    @property
    def design(self) -> Design | None:
        """The simulation needed, or None."""
        ...

    def examine(self, runs: Trajectories | None, alpha: float, beta: float) -> Finding:
        """Decide the claim and its near misses."""
        ...


@runtime_checkable
class Foreseen(Protocol):
    """A claim that can say beforehand how many replicates it needs; another one gets all."""

    def needed(self, e: Experiment, alpha: float, beta: float) -> int:
        """Return the fewest replicates that tell every near miss from the claim."""
        ...


def against(found: Evidence, claimed: float, side: Side) -> Evidence:
    """Return the same evidence held against another claimed mean."""
    gap = found.observed - claimed
    distance = abs(gap) if side == "two" else max(0.0, gap if side == "above" else -gap)
    return replace(found, statistic=distance)


def sufficient(design: Design, method: Method, gap: float, **options: Any) -> int:
    """Return how many of a design's replicates detect a gap: all of them if it cannot be said."""
    if not (gap > 0 and np.isfinite(gap) and options.get("variance", 1.0) > 0):
        return design.replicates
    return min(design.replicates, samples_needed(method, gap, **options))


def require_power(name: str, difference: float, found: Evidence) -> None:
    """Raise TooWeak if a near miss is nearer than the evidence can tell, or infinitely far."""
    least = found.detectable
    if not least <= difference < np.inf:
        raise TooWeak(
            f"near miss {name!r} differs by {difference:.3g}, and {found.samples} samples detect "
            f"{least:.3g}: use more replicates or another parameter"
        )


def finding(
    predicted: str, observed: str, found: Evidence, near: Mapping[str, Evidence]
) -> Finding:
    """Return what a test found, with the claim and the observation in words.

    `near` is the same evidence held against each near miss, on the same threshold. Raise TooWeak if
    no evidence of this size could have rejected the claim.
    """
    if why := idle(found):
        raise TooWeak(f"the claim cannot fail: {why}")
    return Finding(
        predicted,
        observed,
        found.method,
        found.statistic,
        found.threshold,
        found.samples,
        found.rejected,
        {name: other.rejected for name, other in near.items()},
        {name: other.statistic for name, other in near.items()},
    )
